// SPDX-License-Identifier: MIT
/*
 * Tiled layouts, fence registers, and the CPU's view through the aperture, which follows them.
 *
 * Called by the PCI device for accesses to BAR 2 (any thread) and by the blitter for tile
 * addresses. It must not touch a command stream's TLB. Facts: i915 gt/intel_ggtt_fencing.c; PRM SKL
 * vol. 5 "Tiling" and "Tiled Resources" (Yf).
 */
#include <string.h>

#include "gpu_types.h"
#include "tiling.h"

#define FENCE_BASE		0x100000	/* i915 FENCE_REG_GEN6_LO */
#define FENCE_VALID		(1u << 0)
#define FENCE_TILING_Y		(1u << 1)
#define FENCE_PITCH_MASK	0xfffu		/* of the high dword: 128 bytes, less one */

#define TILE_SIZE		4096u

uint64_t gpu_tile_offset(enum gpu_tiling tiling, uint32_t pitch, uint32_t x, uint32_t y,
			 uint32_t *run)
{
	uint64_t tile;

	switch (tiling) {
	case GPU_TILING_X:
		*run = 512 - x % 512;
		tile = (uint64_t)(y / 8) * (pitch / 512) + x / 512;
		return tile * TILE_SIZE + y % 8 * 512 + x % 512;
	case GPU_TILING_Y:
		*run = 16 - x % 16;
		tile = (uint64_t)(y / 32) * (pitch / 128) + x / 128;
		return tile * TILE_SIZE + x % 128 / 16 * 512 + y % 32 * 16 + x % 16;
	case GPU_TILING_YF:
		*run = 16 - x % 16;
		tile = (uint64_t)(y / 32) * (pitch / 128) + x / 128;
		return tile * TILE_SIZE + (x & 0xf) + ((y & 7) << 4) + ((x & 0x10) << 3) +
		       ((y & 8) << 5) + ((x & 0x20) << 4) + ((y & 0x10) << 6) + ((x & 0x40) << 5);
	case GPU_TILING_LINEAR:
		break;
	}
	*run = UINT32_MAX;
	return (uint64_t)y * pitch + x;
}

/*
 * GGTT address that the CPU reaches at aperture @offset: the fence that covers it, if any, detiles.
 * A pitch that does not fit the range can put a byte behind the range's end, where somebody else's
 * pages are: nothing is there then, UINT64_MAX.
 */
static uint64_t fence_translate(struct gpu *gpu, uint32_t offset)
{
	uint32_t lo = 0, hi = 0, start = 0, pitch, linear, run;
	enum gpu_tiling tiling;
	unsigned int i;
	uint64_t addr;

	gpu_lock(gpu);
	for (i = 0; i < GPU_NUM_FENCES; i++) {
		lo = gpu_reg_get(gpu, FENCE_BASE + 8 * i);
		hi = gpu_reg_get(gpu, FENCE_BASE + 8 * i + 4);
		start = lo & ~0xfffu;
		if (lo & FENCE_VALID && offset >= start && offset <= (hi | 0xfff))
			break;
	}
	gpu_unlock(gpu);
	if (i == GPU_NUM_FENCES)
		return offset;

	linear = offset - start;
	pitch = ((hi & FENCE_PITCH_MASK) + 1) * 128;
	tiling = lo & FENCE_TILING_Y ? GPU_TILING_Y : GPU_TILING_X;
	addr = start + gpu_tile_offset(tiling, pitch, linear % pitch, linear / pitch, &run);
	return addr > (hi | 0xfff) ? UINT64_MAX : addr;
}

/** gpu_fences_clear - turn all fences off; gpu->lock is held */
void gpu_fences_clear(struct gpu *gpu)
{
	unsigned int i;

	for (i = 0; i < 2 * GPU_NUM_FENCES; i++)
		gpu_reg_set(gpu, FENCE_BASE + 4 * i, 0);
}

uint32_t gpu_aperture_size(const struct gpu *gpu)
{
	return gpu->config.aperture_size;
}

/* All checks of an aperture access; NULL: nothing is there. */
static uint8_t *aperture_ptr(struct gpu *gpu, unsigned int domain, uint32_t offset,
			     unsigned int size, bool write)
{
	if (!size || size > 8 || size & (size - 1) || offset & (size - 1) ||
	    offset >= gpu->config.aperture_size)
		return NULL;
	return gpu_ggtt_ptr_of(gpu, domain, fence_translate(gpu, offset), write);
}

/** gpu_aperture_read - CPU read through the aperture; see gpu.h */
bool gpu_aperture_read(struct gpu *gpu, unsigned int domain, uint32_t offset, unsigned int size,
		       uint64_t *value)
{
	const uint8_t *from = aperture_ptr(gpu, domain, offset, size, false);

	*value = 0;
	switch (from ? size : 0) {
	case 1:
		*value = __atomic_load_n(from, __ATOMIC_ACQUIRE);
		return true;
	case 2:
		*value = __atomic_load_n((const uint16_t *)from, __ATOMIC_ACQUIRE);
		return true;
	case 4:
		*value = __atomic_load_n((const uint32_t *)from, __ATOMIC_ACQUIRE);
		return true;
	case 8:
		*value = __atomic_load_n((const uint64_t *)from, __ATOMIC_ACQUIRE);
		return true;
	}
	*value = ~0ull;
	return false;
}

/** gpu_aperture_write - CPU write through the aperture; see gpu.h */
bool gpu_aperture_write(struct gpu *gpu, unsigned int domain, uint32_t offset, unsigned int size,
			uint64_t value)
{
	uint8_t *to = aperture_ptr(gpu, domain, offset, size, true);

	switch (to ? size : 0) {
	case 1:
		__atomic_store_n(to, value, __ATOMIC_RELEASE);
		return true;
	case 2:
		__atomic_store_n((uint16_t *)to, value, __ATOMIC_RELEASE);
		return true;
	case 4:
		__atomic_store_n((uint32_t *)to, value, __ATOMIC_RELEASE);
		return true;
	case 8:
		__atomic_store_n((uint64_t *)to, value, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}
