// SPDX-License-Identifier: MIT
/*
 * The blitter's engine: moves and combines the bytes of rectangles, a run of contiguous bytes at a
 * time, through host pointers.
 *
 * Called by cmd_blt.c on the engine's thread, without gpu->lock. A guest chooses all numbers: rows
 * and columns are at most 16 bits each, and a call moves some MiB at most; a waiting reset is
 * looked for at every row, or every 64 KiB of rows that lie without a gap. Rows that were done are
 * not done again, or an operation that reads what it writes (XOR, an overlap) would come out wrong.
 * Nothing is kept between commands.
 */
#include <stdlib.h>
#include <string.h>

#include "blt.h"

#define FILL_CHUNK	4096u	/* a multiple of all pixel sizes */

/* Larger operations first let the host deliver pending interrupts: someone may wait for one. */
#define LONG_BLIT_BYTES	(256u << 10)
/*
 * After so many, of one blit or of several, the engine looks around: another owner, or who pauses
 * the machine, waits for the end of a slice, which is counted in commands and time otherwise.
 */
#define BYTES_PER_SLICE	(4u << 20)
#define BYTES_AT_ONCE	(64u << 10)	/* of rows without a gap; a reset waits for no more */
#define COST_OF_RUN	512u	/* bytes that could be moved while a run of bytes is looked up */

void blt_clip(struct blt *blt, int32_t x1, int32_t y1, int32_t x2, int32_t y2)
{
	if (blt->x1 < x1) {
		blt->sx += x1 - blt->x1;
		blt->x1 = x1;
	}
	if (blt->y1 < y1) {
		blt->sy += y1 - blt->y1;
		blt->y1 = y1;
	}
	if (blt->x2 > x2)
		blt->x2 = x2;
	if (blt->y2 > y2)
		blt->y2 = y2;
}

/* Tiles have no rows or columns below 0: what would lie there is not drawn. */
static void clip_tiled(struct blt *blt)
{
	if (blt->dst.tiling != GPU_TILING_LINEAR)
		blt_clip(blt, 0, 0, INT32_MAX, INT32_MAX);
	if (blt->copy && blt->src.tiling != GPU_TILING_LINEAR) {
		int32_t dx = blt->sx < 0 ? -blt->sx : 0, dy = blt->sy < 0 ? -blt->sy : 0;

		blt_clip(blt, blt->x1 + dx, blt->y1 + dy, INT32_MAX, INT32_MAX);
	}
}

static uint64_t surface_addr(const struct blt_surface *s, int64_t x, int32_t y, uint32_t *run)
{
	if (s->tiling == GPU_TILING_LINEAR) {
		*run = UINT32_MAX;
		return s->base + (uint64_t)((int64_t)y * s->pitch + x);
	}
	return s->base + gpu_tile_offset(s->tiling, s->pitch, x, y, run);
}

/** struct run - bytes of a row that are contiguous in the host, from where the row was drawn to */
struct run {
	uint8_t *ptr;
	uint32_t left;		/* 0: to be looked up */
};

/*
 * What is contiguous from byte @x of row @y on, of @want bytes, unless @run has some left; false:
 * fault.
 */
static inline bool look_up(struct gpu_cs *cs, const struct blt_surface *s, int64_t x, int32_t y,
			   bool write, uint32_t want, struct run *run)
{
	uint32_t in_tile;
	unsigned int in_host;
	uint64_t addr;

	if (run->left)
		return true;
	addr = surface_addr(s, x, y, &in_tile);
	run->ptr = gpu_mem_ptr(cs, GPU_SPACE_PPGTT, addr, write, &in_host);
	if (want > in_tile)
		want = in_tile;
	if (run->ptr && in_host < want)
		in_host = gpu_mem_extend(cs, addr, write, run->ptr, in_host, want);
	run->left = in_tile < in_host ? in_tile : in_host;
	return run->ptr;
}

static void advance(struct run *run, uint32_t bytes)
{
	run->ptr += bytes;
	run->left -= bytes;
}

/**
 * struct raster - a raster operation of two operands, source or pattern and destination: its four
 * bits, each all over a word
 */
struct raster {
	uint64_t bit[4];
};

/* Of three operands there are never both: a copy has no pattern, and a fill no source. */
static struct raster raster_of(const struct blt *blt)
{
	static const uint8_t of_copy[4] = { 0, 1, 2, 3 }, of_fill[4] = { 0, 1, 4, 5 };
	const uint8_t *from = blt->copy ? of_copy : of_fill;
	struct raster raster;
	unsigned int i;

	for (i = 0; i < 4; i++)
		raster.bit[i] = -(uint64_t)(blt->rop >> from[i] & 1);
	return raster;
}

/** struct blt_row - how the bytes of one row are combined */
struct blt_row {
	const struct blt *blt;
	const uint8_t *pattern;	/* FILL_CHUNK + 16 bytes of the colour, NULL for a copy */
	bool plain;		/* the result is the source, or the pattern, as it is */
	struct raster raster;
};

/** wide - what is combined at once, as the machine's vectors or as words */
typedef uint64_t wide __attribute__((vector_size(32)));

/* All bits at once: @by, of source or pattern, and @d choose. */
#define RASTER(r, by, d) \
	(((r)->bit[0] ^ ((d) & ((r)->bit[0] ^ (r)->bit[1]))) ^ \
	 ((by) & (((r)->bit[0] ^ (r)->bit[2]) ^ \
		  ((d) & ((r)->bit[0] ^ (r)->bit[1] ^ (r)->bit[2] ^ (r)->bit[3])))))

/* Each operand is read once: @dst is the guest's, which may write there, too. */
#define COMBINE(type, raster, dst, from) do { \
	type by_, d_; \
	memcpy(&by_, from, sizeof(type)); \
	memcpy(&d_, dst, sizeof(type)); \
	d_ = RASTER(raster, by_, d_); \
	memcpy(dst, &d_, sizeof(type)); \
} while (0)

/*
 * Combine @n bytes; @phase: position of the first one in its row. Bytes of channels that are not
 * drawn are not written at all: somebody else may do so.
 */
static void combine(const struct blt_row *row, uint8_t *dst, const uint8_t *src, uint32_t phase,
		    uint32_t n)
{
	const struct blt *blt = row->blt;
	const uint8_t *from = row->pattern ? row->pattern + phase % blt->cpp : src;
	/* A copy, which no write to @dst can change: it stays in registers. */
	const struct raster raster = row->raster;
	bool masked = blt->cpp == 4 && blt->channels != 0xf;
	uint32_t i = 0;

	if (row->plain) {
		memmove(dst, from, n);
		return;
	}
	for (; !masked && i + sizeof(wide) <= n; i += sizeof(wide))
		COMBINE(wide, &raster, dst + i, from + i);
	for (; !masked && i + sizeof(uint64_t) <= n; i += sizeof(uint64_t))
		COMBINE(uint64_t, &raster, dst + i, from + i);
	for (; i < n; i++)
		if (!masked || blt->channels & 1u << ((phase + i) & 3))
			COMBINE(uint8_t, &raster, dst + i, from + i);
}

/* One row of @len bytes, from left to right; @from: the source row if it was copied aside. */
static bool run_row(struct gpu_cs *cs, const struct blt_row *row, int32_t y, int32_t sy,
		    uint8_t *from, uint32_t len)
{
	const struct blt *blt = row->blt;
	int64_t dx = (int64_t)blt->x1 * blt->cpp, sx = (int64_t)blt->sx * blt->cpp;
	struct run src = { from, from ? len : 0 }, dst = { 0 };
	uint32_t done, n;

	for (done = 0; done < len; done += n) {
		n = len - done;
		if (row->pattern && n > FILL_CHUNK)
			n = FILL_CHUNK;
		/*
		 * The source first: the lookup of the destination may replace the same TLB entry,
		 * not the pointer; and its pages are not asked for before they are written.
		 */
		if (blt->copy && !look_up(cs, &blt->src, sx + done, sy, false, n, &src))
			return false;
		if (blt->copy && n > src.left)
			n = src.left;
		if (!look_up(cs, &blt->dst, dx + done, y, true, n, &dst))
			return false;
		if (n > dst.left)
			n = dst.left;
		combine(row, dst.ptr, src.ptr, done, n);
		advance(&dst, n);
		if (blt->copy)
			advance(&src, n);
	}
	return true;
}

/* Copy a source row aside: its destination overlaps it to the right. */
static bool gather_row(struct gpu_cs *cs, const struct blt *blt, int32_t sy, uint8_t *to,
		       uint32_t len)
{
	int64_t sx = (int64_t)blt->sx * blt->cpp;
	struct run src = { 0 };
	uint32_t done, n;

	for (done = 0; done < len; done += n) {
		if (!look_up(cs, &blt->src, sx + done, sy, false, len - done, &src))
			return false;
		n = len - done < src.left ? len - done : src.left;
		memcpy(to + done, src.ptr, n);
		advance(&src, n);
	}
	return true;
}

/*
 * Are both the same surface, so that order matters? Linear ones may also be so with another base.
 */
static bool same_layout(const struct blt *blt)
{
	if (blt->dst.tiling != blt->src.tiling || blt->dst.pitch != blt->src.pitch)
		return false;
	return blt->dst.tiling == GPU_TILING_LINEAR || blt->dst.base == blt->src.base;
}

/*
 * How far behind the source the destination begins, of linear surfaces; addresses are a circle, of
 * the bits that are translated.
 */
static uint64_t distance(const struct gpu_cs *cs, const struct blt *blt)
{
	uint32_t run;

	return (surface_addr(&blt->dst, (int64_t)blt->x1 * blt->cpp, blt->y1, &run) -
		surface_addr(&blt->src, (int64_t)blt->sx * blt->cpp, blt->sy, &run)) &
	       gpu_ppgtt_mask(&cs->ppgtt);
}

/*
 * Does the destination lie behind the source, in the order of rows? Then the last row goes first
 * (PRM: the engine chooses).
 */
static bool backwards(const struct gpu_cs *cs, const struct blt *blt)
{
	uint64_t d;

	if (!blt->copy || !same_layout(blt))
		return false;
	if (blt->dst.tiling != GPU_TILING_LINEAR)
		return blt->y1 > blt->sy;
	d = distance(cs, blt);
	return (d && d <= gpu_ppgtt_mask(&cs->ppgtt) / 2) == (blt->dst.pitch >= 0);
}

/* Does a row overlap its own source, to the right? */
static bool needs_gather(const struct gpu_cs *cs, const struct blt *blt, uint32_t len)
{
	uint64_t d;

	if (!blt->copy || !same_layout(blt))
		return false;
	if (blt->dst.tiling != GPU_TILING_LINEAR)
		return blt->y1 == blt->sy && blt->x1 > blt->sx;
	d = distance(cs, blt);
	return d && d < len;
}

/* How many bytes of a surface are looked up at once, about; those of a page, even if it goes on. */
static uint32_t run_of(const struct blt_surface *s)
{
	uint32_t run;

	surface_addr(s, 0, 0, &run);
	return run < GPU_PAGE_SIZE ? run : GPU_PAGE_SIZE;
}

/* What a row of @len bytes costs, in bytes that could be moved meanwhile. */
static uint64_t cost_of_row(const struct blt *blt, uint32_t len)
{
	uint64_t runs = 1 + len / run_of(&blt->dst);

	if (blt->copy)
		runs += 1 + len / run_of(&blt->src);
	return len + COST_OF_RUN * runs;
}

/*
 * Linear rows without a gap between them are one long row: so many of them, which are at most 32
 * KiB each, are taken at once. Not if the destination begins within the source: order counts then.
 */
static uint32_t rows_at_once(const struct gpu_cs *cs, const struct blt *blt, uint32_t len)
{
	const struct blt_surface *dst = &blt->dst, *src = &blt->src;
	uint64_t all = (uint64_t)len * (blt->y2 - blt->y1);

	if (dst->tiling != GPU_TILING_LINEAR || dst->pitch != (int64_t)len)
		return 1;
	if (blt->copy && (src->tiling != GPU_TILING_LINEAR || src->pitch != dst->pitch ||
			  distance(cs, blt) < all))
		return 1;
	return BYTES_AT_ONCE / len;
}

static enum blt_result run_rows(struct gpu_cs *cs, const struct blt_row *row, uint32_t len,
				uint8_t *aside)
{
	const struct blt *blt = row->blt;
	uint32_t rows = blt->y2 - blt->y1, n = rows_at_once(cs, blt, len);
	bool reverse = n == 1 && backwards(cs, blt);

	for (; cs->blt_row < rows; cs->blt_row += n) {
		int32_t at = reverse ? rows - 1 - cs->blt_row : cs->blt_row;

		if (cs->blt_cost >= BYTES_PER_SLICE ||
		    atomic_load_explicit(&cs->engine->stop, memory_order_relaxed)) {
			cs->blt_cost = 0;
			return BLT_PART;
		}
		if (aside && !gather_row(cs, blt, blt->sy + at, aside, len))
			return BLT_FAULT;
		if (n > rows - cs->blt_row)
			n = rows - cs->blt_row;
		if (!run_row(cs, row, blt->y1 + at, blt->sy + at, aside, len * n))
			return BLT_FAULT;
		cs->blt_cost += cost_of_row(blt, len * n);
	}
	return BLT_DONE;
}

static bool is_plain(const struct blt *blt)
{
	if (blt->cpp == 4 && blt->channels != 0xf)
		return false;
	return blt->copy ? blt->rop == BLT_ROP_COPY : blt->rop == BLT_ROP_FILL;
}

enum blt_result blt_run(struct gpu_cs *cs, struct blt *blt)
{
	uint8_t pattern[FILL_CHUNK + 16], *aside = NULL;
	struct blt_row row = { .blt = blt, .plain = is_plain(blt), .raster = raster_of(blt) };
	enum blt_result result;
	unsigned int i;
	uint32_t len;

	clip_tiled(blt);
	if (blt->x1 >= blt->x2 || blt->y1 >= blt->y2)
		return BLT_DONE;
	len = (uint32_t)(blt->x2 - blt->x1) * blt->cpp;
	if ((uint64_t)len * (blt->y2 - blt->y1) >= LONG_BLIT_BYTES &&
	    atomic_load(&cs->engine->irq_deferred)) {
		gpu_engine_irq_flush(cs->engine);
		/* The host does so between two slices. */
		if (cs->engine->deliver)
			return BLT_PART;
	}
	if (!blt->copy) {
		for (i = 0; i < 16; i++)	/* whole pixels of each size */
			pattern[i] = blt->color[i % blt->cpp];
		for (; i < sizeof(pattern); i += 16)
			memcpy(pattern + i, pattern, 16);
		row.pattern = pattern;
	}
	if (needs_gather(cs, blt, len)) {
		aside = malloc(len);	/* at most 65535 pixels of 16 bytes */
		if (!aside)
			return BLT_FAULT;
	}
	result = run_rows(cs, &row, len, aside);
	free(aside);
	return result;
}
