/* SPDX-License-Identifier: MIT */
/*
 * The blitter's engine: rectangles of bytes between surfaces; described by cmd_blt.c, executed by
 * blt.c.
 */
#ifndef GPU_BLT_H
#define GPU_BLT_H

#include "gpu_types.h"
#include "tiling.h"

#define BLT_ROP_COPY	0xcc	/* destination = source */
#define BLT_ROP_FILL	0xf0	/* destination = pattern */

/** struct blt_surface - where pixels lie, in the context's address space */
struct blt_surface {
	uint64_t base;
	int32_t pitch;		/* bytes; negative: rows go downwards in memory (linear only) */
	enum gpu_tiling tiling;
};

/** struct blt - one operation on a rectangle */
struct blt {
	struct blt_surface dst, src;
	bool copy;		/* there is a source; otherwise the colour is the pattern */
	unsigned int cpp;	/* bytes per pixel: 1, 2, 4, 8, 16 */
	uint8_t rop; /* ternary raster operation: bit (pattern << 2 | source << 1 | destination) */
	uint8_t channels;	/* bytes of a 4-byte pixel that are written */
	uint8_t color[4];
	int32_t x1, y1, x2, y2;	/* destination, pixels; x2 and y2 exclusive */
	int32_t sx, sy;		/* source of (x1, y1) */
};

enum blt_result { BLT_DONE, BLT_FAULT, BLT_PART };

/* Cut the destination to a rectangle; the source moves with it. */
void blt_clip(struct blt *blt, int32_t x1, int32_t y1, int32_t x2, int32_t y2);
/*
 * Execute. BLT_PART: a part of the rows is done, as many as cs->blt_row says; called again with the
 * same operation, it goes on behind them.
 */
enum blt_result blt_run(struct gpu_cs *cs, struct blt *blt);

#endif /* GPU_BLT_H */
