// SPDX-License-Identifier: MIT
/*
 * Fence registers: the guest's 0 .. n - 1 are some of the GPU's, and tile its part of the aperture
 * only.
 *
 * Called by the register policy, by the channel and by resets. Layout (i915
 * gt/intel_ggtt_fencing.c, i965_write_fence_reg): low dword: first page, tiling in bit 1, valid in
 * bit 0; high dword: last page, stride in bits 0-11.
 */
#include "gvt_types.h"

#define FENCES		0x100000u
#define FENCE_VALID	(1u << 0)
#define FENCE_TILE_Y	(1u << 1)
#define MAX_STRIDE	(256u << 10)
#define FENCE_PAGE	0xfffff000u

static void set_physical(struct vgpu *vgpu, unsigned int n, uint32_t low, uint32_t high)
{
	uint32_t offset = FENCES + 8 * (vgpu->part.fence_base + n);

	/* Off while the halves do not belong together, as a driver does it. */
	hw_write(vgpu->gvt, offset, 0);
	hw_write(vgpu->gvt, offset + 4, high);
	if (low)
		hw_write(vgpu->gvt, offset, low);
}

/* Is [@start, @end) something, and all of it the guest's? */
static bool in_aperture(const struct vgpu_partition *part, uint64_t start, uint64_t end)
{
	return start < end && start >= part->aperture_base &&
	       end <= part->aperture_base + part->aperture_size;
}

static bool beyond_share(struct vgpu *vgpu, unsigned int n, const char *what)
{
	if (n < vgpu->part.fences)
		return false;
	stats_count(vgpu->stats, STATS_VIOLATION_FENCE);
	vgpu_log(vgpu, GPU_LOG_WARN, "%s of fence register %u: this vGPU has %u", what, n,
		 vgpu->part.fences);
	/*
	 * A driver that never looked at the PVINFO page does not know that it is a guest: it cannot
	 * work.
	 */
	if (!vgpu->pvinfo_read)
		vgpu_enter_failsafe(
			vgpu,
			"a fence register beyond the share was used without a look at the PVINFO page");
	return true;
}

uint32_t fence_read(struct vgpu *vgpu, uint32_t offset)
{
	return beyond_share(vgpu, (offset - FENCES) / 8, "read") ? 0 : vreg_get(vgpu, offset);
}

void fence_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	const struct vgpu_partition *part = &vgpu->part;
	unsigned int n = (offset - FENCES) / 8;
	uint64_t start, end;
	uint32_t low, high;

	if (beyond_share(vgpu, n, "write"))
		return;
	vreg_set(vgpu, offset, value);
	low = vreg_get(vgpu, FENCES + 8 * n);
	high = vreg_get(vgpu, FENCES + 8 * n + 4);
	start = low & FENCE_PAGE;
	end = (uint64_t)(high & FENCE_PAGE) + GPU_PAGE_SIZE;
	if (!(low & FENCE_VALID)) {
		set_physical(vgpu, n, 0, 0);
		return;
	}
	if (!in_aperture(part, start, end)) {
		stats_count(vgpu->stats, STATS_VIOLATION_FENCE);
		vgpu_log(
			vgpu, GPU_LOG_WARN,
			"fence %u: 0x%llx-0x%llx is not within the aperture partition 0x%llx-0x%llx: left off",
			n, (unsigned long long)start, (unsigned long long)end - 1,
			(unsigned long long)part->aperture_base,
			(unsigned long long)(part->aperture_base + part->aperture_size - 1));
		set_physical(vgpu, n, 0, 0);
		return;
	}
	set_physical(vgpu, n, low, high);
}

bool fence_covers(uint32_t offset)
{
	return offset >= FENCES && offset < FENCES + 8 * GPU_NUM_FENCES;
}

/* Both halves at once: neither is judged beside what the other one was. */
void fence_write_whole(struct vgpu *vgpu, uint32_t offset, uint64_t value)
{
	if (beyond_share(vgpu, (offset - FENCES) / 8, "write"))
		return;
	vreg_set(vgpu, offset, value);
	fence_write(vgpu, offset + 4, value >> 32);
}

static bool request_ok(const struct vgpu *vgpu, const struct vgt_fence_set *set)
{
	const struct vgpu_partition *part = &vgpu->part;
	uint32_t unit = set->tiling == VGT_TILING_X ? 512 : 128;

	if (set->rsv || set->index >= part->fences || set->tiling > VGT_TILING_Y)
		return false;
	if (set->tiling == VGT_TILING_NONE)
		return !set->start && !set->end && !set->stride;
	return set->start % GPU_PAGE_SIZE == 0 && set->end % GPU_PAGE_SIZE == 0 &&
	       in_aperture(part, set->start, set->end) &&
	       set->stride && set->stride % unit == 0 && set->stride <= MAX_STRIDE;
}

/** fence_request - %VGT_ACTION_FENCE_SET: the register writes that it stands for */
enum vgt_status fence_request(struct vgpu *vgpu, const void *msg)
{
	const struct vgt_fence_set *set = msg;
	uint32_t offset, low = 0, high = 0;

	if (!request_ok(vgpu, set)) {
		stats_count(vgpu->stats, STATS_VIOLATION_FENCE);
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "fence %u: request for 0x%llx-0x%llx, tiling %u, stride %u: refused",
			 set->index, (unsigned long long)set->start,
			 (unsigned long long)set->end, set->tiling, set->stride);
		return VGT_STATUS_BAD_VALUE;
	}
	if (set->tiling != VGT_TILING_NONE) {
		low = set->start | (set->tiling == VGT_TILING_Y ? FENCE_TILE_Y : 0) | FENCE_VALID;
		high = (set->end - GPU_PAGE_SIZE) | (set->stride / 128 - 1);
	}
	offset = FENCES + 8 * set->index;
	fence_write(vgpu, offset, 0);
	fence_write(vgpu, offset + 4, high);
	fence_write(vgpu, offset, low);
	return VGT_STATUS_OK;
}

void fence_clear(struct vgpu *vgpu)
{
	unsigned int n;

	for (n = 0; n < vgpu->part.fences; n++) {
		vreg_set(vgpu, FENCES + 8 * n, 0);
		vreg_set(vgpu, FENCES + 8 * n + 4, 0);
		set_physical(vgpu, n, 0, 0);
	}
}
