// SPDX-License-Identifier: MIT
/*
 * The guest's GGTT entries.
 *
 * Called by BAR 0 dispatch, and by whoever follows a guest's graphics address. A vGPU's addresses
 * are the physical ones (ballooning), so an entry inside the partition goes to the same place in
 * the GPU's table, with the vGPU's domain. The guest's own value is kept beside, so that it reads
 * back what it wrote. Outside the partition nothing is ever written and all reads 0, as GVT-g does
 * (i915 gvt/gtt.c); the guard page's entry is cleared by every driver and not held against it.
 */
#include <string.h>

#include "gvt_types.h"

/* Place of @index in vgpu->ggtt; -1 outside the partition. */
static int64_t slot_of(const struct vgpu *vgpu, uint32_t index)
{
	const struct vgpu_partition *part = &vgpu->part;
	uint64_t gma = (uint64_t)index << GPU_PAGE_SHIFT;

	if (gma >= part->aperture_base && gma - part->aperture_base < part->aperture_size)
		return (gma - part->aperture_base) >> GPU_PAGE_SHIFT;
	if (gma >= part->hidden_base && gma - part->hidden_base < part->hidden_size)
		return (part->aperture_size + gma - part->hidden_base) >> GPU_PAGE_SHIFT;
	return -1;
}

static void set_physical(struct vgpu *vgpu, uint32_t index, uint64_t pte)
{
	if (pte & GPU_PTE_PRESENT)
		pte = (pte & ~GPU_DOMAIN_MASK) | (uint64_t)vgpu->id << GPU_DOMAIN_SHIFT;
	else
		pte = 0;
	gpu_ggtt_write(vgpu->gvt->gpu, index, pte);
}

/**
 * ggtt_read - @offset from the table's start; the caller checked that the access is 4 or 8 bytes,
 * aligned and in the table
 */
uint64_t ggtt_read(struct vgpu *vgpu, uint32_t offset, unsigned int size)
{
	int64_t slot = slot_of(vgpu, offset / 8);
	uint64_t pte;

	stats_count(vgpu->stats, STATS_GGTT_READ);
	if (slot < 0)
		return 0;
	pte = vgpu->ggtt[slot];
	if (size == 8)
		return pte;
	return (uint32_t)(offset & 4 ? pte >> 32 : pte);
}

/*
 * An entry written in two halves takes effect with the second one; until then it is absent, and
 * reads as the half that was written. Writing the same half again only replaces it. (As GVT-g.)
 */
static bool write_half(struct vgpu *vgpu, int64_t slot, bool high, uint32_t value)
{
	uint8_t half = high ? 2 : 1;
	uint64_t part = high ? (uint64_t)value << 32 : value;
	uint64_t keep = high ? 0xffffffffull : 0xffffffffull << 32;

	if (vgpu->ggtt_half[slot] == (half ^ 3)) {
		vgpu->ggtt[slot] = (vgpu->ggtt[slot] & keep) | part;
		vgpu->ggtt_half[slot] = 0;
		return true;
	}
	vgpu->ggtt[slot] = part;
	vgpu->ggtt_half[slot] = half;
	return false;
}

/** ggtt_write - see ggtt_read() */
void ggtt_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value)
{
	uint32_t index = offset / 8;
	int64_t slot = slot_of(vgpu, index);

	stats_count(vgpu->stats, STATS_GGTT_WRITE);
	if (slot < 0) {
		if (index == GVT_OWN_GGTT_INDEX)
			return;
		stats_count(vgpu->stats, STATS_VIOLATION_GGTT);
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "GGTT entry for 0x%llx is outside the partition: write of 0x%llx ignored",
			 (unsigned long long)index << GPU_PAGE_SHIFT, (unsigned long long)value);
		return;
	}
	if (size == 8) {
		vgpu->ggtt[slot] = value;
		vgpu->ggtt_half[slot] = 0;
		set_physical(vgpu, index, value);
	} else if (write_half(vgpu, slot, offset & 4, value)) {
		set_physical(vgpu, index, vgpu->ggtt[slot]);
	} else {
		set_physical(vgpu, index, 0);
	}
	shadow_ggtt_changed(vgpu, index);
	context_ggtt_changed(vgpu, index);
}

static void clear_range(struct gvt *gvt, uint64_t base, uint64_t size)
{
	uint32_t index = base >> GPU_PAGE_SHIFT, end = (base + size) >> GPU_PAGE_SHIFT;

	for (; index < end; index++)
		if (gpu_ggtt_read(gvt->gpu, index))
			gpu_ggtt_write(gvt->gpu, index, 0);
}

/** ggtt_clear - nothing of the guest's is mapped any more */
void ggtt_clear(struct vgpu *vgpu)
{
	clear_range(vgpu->gvt, vgpu->part.aperture_base, vgpu->part.aperture_size);
	clear_range(vgpu->gvt, vgpu->part.hidden_base, vgpu->part.hidden_size);
	memset(vgpu->ggtt, 0, vgpu->ggtt_pages * sizeof(*vgpu->ggtt));
	memset(vgpu->ggtt_half, 0, vgpu->ggtt_pages);
}

uint64_t ggtt_entry(const struct vgpu *vgpu, uint64_t gma)
{
	int64_t slot = gma < GPU_GGTT_SIZE ? slot_of(vgpu, gma >> GPU_PAGE_SHIFT) : -1;

	return slot < 0 || vgpu->ggtt_half[slot] ? 0 : vgpu->ggtt[slot];
}

void *ggtt_page(struct vgpu *vgpu, uint64_t gma, bool write)
{
	uint64_t pte = ggtt_entry(vgpu, gma);

	if (!(pte & GPU_PTE_PRESENT))
		return NULL;
	return vgpu->gvt->ops->page(vgpu->opaque, pte & GPU_ADDR_MASK, write);
}
