// SPDX-License-Identifier: MIT
/*
 * A vGPU: its life, and its guest's accesses to BAR 0 and the aperture.
 *
 * Called by the front end. All checks of an access are in access_ok() and at the head of each
 * function, before any work.
 */
#include <glib.h>
#include <string.h>

#include "gvt_types.h"

static void vgpu_start(struct vgpu *vgpu)
{
	unsigned int e;

	mmio_init(vgpu);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		execlist_reset(vgpu, e);
	fault_reset(vgpu);
	virq_reset(vgpu);
	pvinfo_init(vgpu);
	vgpu->failsafe = false;
}

/* Nothing of the guest's stays on the GPU. */
static void vgpu_stop(struct vgpu *vgpu)
{
	unsigned int e;

	channel_end(vgpu, NULL);
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		sched_evict(vgpu, e);
		shadow_forget(vgpu, e);
	}
	fence_clear(vgpu);
	ggtt_clear(vgpu);
}

static void vgpu_destroy(struct vgpu *vgpu)
{
	unsigned int e;

	context_fini(vgpu);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		gpu_engine_state_free(vgpu->engine[e].state);
	g_free(vgpu->ggtt);
	g_free(vgpu->ggtt_half);
	g_free(vgpu->vreg);
	g_free(vgpu->switched_map);
	g_free(vgpu);
}

static unsigned int free_id(struct gvt *gvt)
{
	unsigned int id;

	for (id = 1; id <= GVT_MAX_VGPUS; id++)
		if (!atomic_load(&gvt->vgpu[id]))
			return id;
	return 0;
}

static bool set_weight(struct vgpu *vgpu, const struct vgpu_config *config, char **error)
{
	vgpu->weight = config->weight ? config->weight : partition_weight(config->type);
	if (vgpu->weight <= VGPU_MAX_WEIGHT)
		return true;
	*error = g_strdup_printf("weight=%u: it can be 1 to %d", vgpu->weight, VGPU_MAX_WEIGHT);
	return false;
}

static bool make_states(struct vgpu *vgpu, char **error)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		vgpu->engine[e].vtime = INT64_MIN;	/* it was idle for ever */
		vgpu->engine[e].state = gpu_engine_state_new(vgpu->gvt->gpu, e);
		if (!vgpu->engine[e].state) {
			*error = g_strdup_printf("no memory for the state of %s",
						 gpu_engine_name(e));
			return false;
		}
	}
	return true;
}

/** vgpu_new - see gvt.h */
struct vgpu *vgpu_new(struct gvt *gvt, const struct vgpu_config *config, char **error)
{
	struct vgpu *vgpu = g_new0(struct vgpu, 1);

	gvt_lock(gvt);
	vgpu->gvt = gvt;
	vgpu->opaque = config->opaque;
	vgpu->stats = config->stats;
	vgpu->abi_1_0 = config->abi_1_0;
	vgpu->features_offered = CHANNEL_FEATURES & ~config->features_withheld;
	vgpu->id = free_id(gvt);
	if (!vgpu->id) {
		*error = g_strdup_printf("there are %d vGPUs already, more are not to be had",
					 GVT_MAX_VGPUS);
		goto fail;
	}
	if (!partition_choose(gvt, config, &vgpu->part, error) ||
	    !set_weight(vgpu, config, error) || !make_states(vgpu, error))
		goto fail;
	context_init(vgpu);
	vgpu->ggtt_pages = (vgpu->part.aperture_size + vgpu->part.hidden_size) >> GPU_PAGE_SHIFT;
	vgpu->ggtt = g_new0(uint64_t, vgpu->ggtt_pages);
	vgpu->ggtt_half = g_malloc0(vgpu->ggtt_pages);
	vgpu->vreg = g_memdup2(gvt->initial, GPU_MMIO_SIZE);
	vgpu->switched_map = g_malloc0(GVT_REG_COUNT);
	atomic_store(&gvt->vgpu[vgpu->id], vgpu);
	fence_clear(vgpu);
	vgpu_start(vgpu);
	gvt_unlock(gvt);
	return vgpu;
fail:
	gvt_unlock(gvt);
	vgpu_destroy(vgpu);
	return NULL;
}

/** vgpu_free - see gvt.h */
void vgpu_free(struct vgpu *vgpu)
{
	struct gvt *gvt;

	if (!vgpu)
		return;
	gvt = vgpu->gvt;
	gvt_lock(gvt);
	vgpu_stop(vgpu);
	virq_reset(vgpu);
	gpu_invalidate_host_pages(gvt->gpu, vgpu->id);
	atomic_store(&gvt->vgpu[vgpu->id], NULL);
	gvt->irq_changed &= ~(1u << vgpu->id);
	gvt_wait_notified(gvt, vgpu);
	gvt_unlock(gvt);
	vgpu_destroy(vgpu);
}

/** vgpu_reset - see gvt.h */
void vgpu_reset(struct vgpu *vgpu)
{
	gvt_lock(vgpu->gvt);
	vgpu_stop(vgpu);
	/*
	 * A guest that sleeps (S3) put the device into D3hot before the machine was reset. It
	 * wakes up with a driver that is past its probe: neither will it look at the PVINFO page
	 * again, nor announce its page tables a second time. GVT-g: d3_entered.
	 */
	if (!vgpu->d3hot)
		pvinfo_forget(vgpu);
	vgpu->d3hot = false;
	vgpu_start(vgpu);
	gvt_unlock(vgpu->gvt);
}

/** vgpu_invalidate_host_pages - see gvt.h; the mediator's own pointers live under its lock only */
void vgpu_invalidate_host_pages(struct vgpu *vgpu)
{
	gvt_lock(vgpu->gvt);
	gpu_invalidate_host_pages(vgpu->gvt->gpu, vgpu->id);
	gvt_unlock(vgpu->gvt);
}

/** vgpu_forget_guest - see gvt.h */
void vgpu_forget_guest(struct vgpu *vgpu)
{
	gvt_lock(vgpu->gvt);
	vgpu->d3hot = false;
	gvt_unlock(vgpu->gvt);
}

/** vgpu_set_power - see gvt.h. Who resets the device writes D0 first: that it slept is still so. */
void vgpu_set_power(struct vgpu *vgpu, bool d3hot)
{
	if (!d3hot)
		return;
	gvt_lock(vgpu->gvt);
	vgpu->d3hot = true;
	gvt_unlock(vgpu->gvt);
}

const struct vgpu_partition *vgpu_partition(const struct vgpu *vgpu)
{
	return &vgpu->part;
}

unsigned int vgpu_id(const struct vgpu *vgpu)
{
	return vgpu->id;
}

bool vgpu_irq_level(struct vgpu *vgpu)
{
	return atomic_load(&vgpu->irq_level);
}

uint32_t vgpu_irq_rises(struct vgpu *vgpu)
{
	return atomic_load(&vgpu->irq_rises);
}

static bool access_ok(uint32_t offset, unsigned int size, uint32_t end)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && offset % size == 0 &&
	       offset < end && end - offset >= size;
}

static bool is_pvinfo(uint32_t offset)
{
	return offset >= VGT_PVINFO_PAGE && offset < VGT_PVINFO_PAGE + VGT_PVINFO_SIZE;
}

static void malformed(struct vgpu *vgpu, const char *what, uint32_t offset, unsigned int size)
{
	stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
	vgpu_log(vgpu, GPU_LOG_WARN,
		 "%s of %u bytes at BAR 0 offset 0x%x: nothing is there for such an access", what,
		 size, offset);
}

/* The part of a dword, or of two, that an access takes; @get gives a dword. */
static uint64_t read_dwords(struct vgpu *vgpu, uint32_t offset, unsigned int size,
			    uint32_t (*get)(struct vgpu *vgpu, uint32_t offset))
{
	uint64_t value = get(vgpu, offset & ~3u);

	if (size == 8)
		return value | (uint64_t)get(vgpu, offset + 4) << 32;
	value >>= 8 * (offset & 3);
	return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

/** vgpu_bar0_read - see gvt.h */
uint64_t vgpu_bar0_read(struct vgpu *vgpu, uint32_t offset, unsigned int size)
{
	uint64_t value = 0;

	gvt_lock(vgpu->gvt);
	channel_drain_all(vgpu);
	if (!access_ok(offset, size, GPU_BAR0_SIZE)) {
		malformed(vgpu, "read", offset, size);
	} else if (is_pvinfo(offset)) {
		stats_count(vgpu->stats, STATS_PVINFO_READ);
		value = read_dwords(vgpu, offset - VGT_PVINFO_PAGE, size, pvinfo_read);
	} else if (offset < GPU_MMIO_SIZE) {
		stats_count_register(vgpu->stats, offset & ~3u, false);
		value = read_dwords(vgpu, offset, size, mmio_read);
	} else if (offset >= GPU_GTT_OFFSET && size >= 4) {
		value = ggtt_read(vgpu, offset - GPU_GTT_OFFSET, size);
	} else {
		malformed(vgpu, "read", offset, size);
	}
	gvt_unlock(vgpu->gvt);
	return value;
}

/* Only plain storage can be written in parts. */
static void write_part(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint32_t value)
{
	unsigned int shift = 8 * (offset & 3);
	uint32_t mask = ((1u << 8 * size) - 1) << shift;
	struct gpu_reg_info info;

	offset &= ~3u;
	if (policy_find(offset)->class != POLICY_VIRTUAL ||
	    (gpu_reg_info(vgpu->gvt->platform, offset, &info) &&
	     (info.masked || info.write_1_clear))) {
		malformed(vgpu, "write", offset, size);
		return;
	}
	mmio_write(vgpu, offset, (vreg_get(vgpu, offset) & ~mask) | (value << shift & mask));
}

static void write_registers(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value)
{
	stats_count_register(vgpu->stats, offset & ~3u, true);
	if (size < 4) {
		write_part(vgpu, offset, size, value);
		return;
	}
	if (size == 8 && fence_covers(offset)) {
		fence_write_whole(vgpu, offset, value);
		return;
	}
	mmio_write(vgpu, offset, value);
	if (size == 8 && !vgpu->failsafe)
		mmio_write(vgpu, offset + 4, value >> 32);
}

/** vgpu_bar0_write - see gvt.h */
void vgpu_bar0_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value)
{
	gvt_lock(vgpu->gvt);
	channel_drain_all(vgpu);
	if (!access_ok(offset, size, GPU_BAR0_SIZE)) {
		malformed(vgpu, "write", offset, size);
	} else if (vgpu->failsafe) {
		vgpu_log(vgpu, GPU_LOG_DEBUG,
			 "out of service: write of 0x%llx to BAR 0 offset 0x%x ignored",
			 (unsigned long long)value, offset);
	} else if (is_pvinfo(offset)) {
		pvinfo_write(vgpu, offset - VGT_PVINFO_PAGE, size, value);
	} else if (offset < GPU_MMIO_SIZE) {
		write_registers(vgpu, offset, size, value);
	} else if (offset >= GPU_GTT_OFFSET && size >= 4) {
		ggtt_write(vgpu, offset - GPU_GTT_OFFSET, size, value);
	} else {
		malformed(vgpu, "write", offset, size);
	}
	gvt_unlock(vgpu->gvt);
}

/*
 * The partition does not change in a vGPU's life: what is inside it needs no lock of ours. The GPU
 * takes its own for the fences.
 */
static bool aperture_ok(struct vgpu *vgpu, uint32_t offset, unsigned int size, const char *what)
{
	const struct vgpu_partition *part = &vgpu->part;
	uint32_t end = gpu_aperture_size(vgpu->gvt->gpu);

	stats_count(vgpu->stats, STATS_APERTURE);
	if (access_ok(offset, size, end) && offset >= part->aperture_base &&
	    offset - part->aperture_base < part->aperture_size)
		return true;
	stats_count(vgpu->stats, STATS_VIOLATION_APERTURE);
	gvt_lock(vgpu->gvt);
	vgpu_log(vgpu, GPU_LOG_WARN,
		 "%s of %u bytes at aperture offset 0x%x: outside the partition", what, size,
		 offset);
	gvt_unlock(vgpu->gvt);
	return false;
}

/** vgpu_aperture_read - see gvt.h */
uint64_t vgpu_aperture_read(struct vgpu *vgpu, uint32_t offset, unsigned int size)
{
	uint64_t value = ~0ull;

	if (!aperture_ok(vgpu, offset, size, "read") ||
	    !gpu_aperture_read(vgpu->gvt->gpu, vgpu->id, offset, size, &value))
		return ~0ull;
	return value;
}

/** vgpu_aperture_write - see gvt.h */
void vgpu_aperture_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value)
{
	if (aperture_ok(vgpu, offset, size, "write") && !vgpu->failsafe)
		gpu_aperture_write(vgpu->gvt->gpu, vgpu->id, offset, size, value);
}
