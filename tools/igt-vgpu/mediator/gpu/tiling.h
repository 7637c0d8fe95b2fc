/* SPDX-License-Identifier: MIT */
/* Tiled surface layouts, shared by the aperture's fences (tiling.c) and the blitter (cmd_blt.c). */
#ifndef GPU_TILING_H
#define GPU_TILING_H

#include <stdint.h>

/** enum gpu_tiling - how the bytes of a surface lie in memory; a tile is one 4 KiB page */
enum gpu_tiling {
	GPU_TILING_LINEAR,
	GPU_TILING_X,		/* 512 bytes by 8 rows, row after row */
	GPU_TILING_Y,		/* 128 bytes by 32 rows, in columns of 16 bytes */
	/*
	 * Of pixels of 16 and 32 bits: 128 bytes by 32 rows, in blocks of 16 bytes by 8 rows; of these
	 * two by two make a block, and so on, columns before rows. Other pixels' tiles differ.
	 */
	GPU_TILING_YF,
};

/*
 * Offset, from the surface's start, of byte @x of row @y; @pitch in bytes, for a tiled surface a
 * multiple of the tile's width (a remainder is ignored). *@run: how many bytes from there on are
 * contiguous. Gen8+ does not swizzle bit 6.
 */
uint64_t gpu_tile_offset(enum gpu_tiling tiling, uint32_t pitch, uint32_t x, uint32_t y,
			 uint32_t *run);

#endif /* GPU_TILING_H */
