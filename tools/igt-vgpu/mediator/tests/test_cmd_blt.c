// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/cmd_blt.c and gpu/blt.c: each command against memory computed pixel by pixel, and
 * hostile sizes and addresses.
 */
#include <stdlib.h>
#include <string.h>

#include "../gpu/tiling.h"
#include "cs_fixture.h"

#define SURF_VA		0x0000300000000ull	/* two surfaces of SURF_PAGES each */
#define SURF_PAGES	32
#define SURF_SIZE	(SURF_PAGES * 4096)
#define DST_VA		SURF_VA
#define SRC_VA		(SURF_VA + SURF_SIZE)

#define BLT(op, len)	(2u << 29 | (op) << 22 | ((len) - 2))
#define RGBA		(3u << 20)
#define DST_TILED	(1u << 11)
#define SRC_TILED	(1u << 15)
#define CLIP		(1u << 30)
#define XY(x, y)	((uint32_t)(uint16_t)(y) << 16 | (uint16_t)(x))
#define ROP(r)		((uint32_t)(r) << 16)
#define BCS_SWCTRL	0x22200

struct surf {
	struct cst *t;
	uint8_t *mem;		/* contiguous in the host's memory, too */
	uint8_t before[2 * SURF_SIZE], want[2 * SURF_SIZE];
};

static struct surf *setup(struct cst *t)
{
	struct surf *s = calloc(1, sizeof(*s));
	uint64_t page = fx_alloc(t->fx, 0, 2 * SURF_PAGES);
	unsigned int i;

	assert_non_null(s);
	s->t = t;
	s->mem = fx_mem(t->fx, 0, page);
	fx_ppgtt_map(&t->ctx, SURF_VA, page, 2 * SURF_PAGES, 0);
	for (i = 0; i < 2 * SURF_SIZE; i++)
		s->mem[i] = i * 167 + (i >> 8) * 13;
	memcpy(s->before, s->mem, sizeof(s->before));
	memcpy(s->want, s->mem, sizeof(s->want));
	return s;
}

static void check(struct surf *s)
{
	unsigned int i;

	for (i = 0; i < sizeof(s->want); i++)
		if (s->mem[i] != s->want[i])
			fail_msg("byte 0x%x: 0x%02x, expected 0x%02x", i, s->mem[i], s->want[i]);
	memcpy(s->before, s->mem, sizeof(s->before));
}

static uint32_t at(enum gpu_tiling tiling, uint32_t pitch, uint32_t x, uint32_t y)
{
	uint32_t run;

	return gpu_tile_offset(tiling, pitch, x, y, &run);
}

/* Reference copy, from the state before to the state wanted. */
static void want_copy(struct surf *s, uint32_t dst, enum gpu_tiling dt, uint32_t dp, uint32_t src,
		      enum gpu_tiling st, uint32_t sp, unsigned int cpp, int x1, int y1, int x2,
		      int y2, int sx, int sy)
{
	int x, y;
	unsigned int b;

	for (y = y1; y < y2; y++)
		for (x = x1; x < x2; x++)
			for (b = 0; b < cpp; b++)
				s->want[dst + at(dt, dp, x * cpp + b, y)] =
					s->before[src +
						  at(st, sp, (x - x1 + sx) * cpp + b, y - y1 + sy)];
}

static void xy_src_copy_copies_a_rectangle_at_every_depth(void **state)
{
	static const struct {
		uint32_t depth, cpp;
	} rows[] = { { 0, 1 }, { 1, 2 }, { 2, 2 }, { 3, 4 } };
	struct surf *s = setup(*state);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		cst_user(s->t, BLT(0x53, 10) | RGBA, rows[i].depth << 24 | ROP(0xcc) | 2000,
			 XY(5, 3), XY(405, 40), LO(DST_VA + 16), HI(DST_VA), XY(7, 9), 1600,
			 LO(SRC_VA), HI(SRC_VA));
		want_copy(s, 16, GPU_TILING_LINEAR, 2000, SURF_SIZE, GPU_TILING_LINEAR, 1600,
			  rows[i].cpp, 5, 3, 405, 40, 7, 9);
		check(s);
	}
	free(s);
}

static void xy_src_copy_obeys_x_and_y_tiling_of_either_side(void **state)
{
	static const struct { bool dt, dy, st, sy; int x, width, sx; /* also all of the pitch */
	} rows[] = {
		{ true, false, false, false, 3, 400, 11 }, { true, true, false, false, 3, 400, 11 },
		{ false, false, true, false, 3, 400, 11 }, { false, false, true, true, 3, 400, 11 },
		{ true, true, true, false, 3, 400, 11 },   { true, false, true, true, 3, 400, 11 },
		{ true, false, false, false, 0, 512, 0 },  { false, false, true, false, 0, 512, 0 },
		{ true, true, true, true, 0, 512, 0 },
	};
	struct surf *s = setup(*state);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum gpu_tiling dt = !rows[i].dt ? GPU_TILING_LINEAR :
				     rows[i].dy	 ? GPU_TILING_Y :
						   GPU_TILING_X;
		enum gpu_tiling st = !rows[i].st ? GPU_TILING_LINEAR :
				     rows[i].sy	 ? GPU_TILING_Y :
						   GPU_TILING_X;

		/*
		 * the selection is masked, as prepare_blit() of i915's client_blt selftest writes
		 * it, from a user batch
		 */
		cst_user(s->t, MI_LRI(1), BCS_SWCTRL, 3 << 16 | rows[i].dy << 1 | rows[i].sy,
			 BLT(0x53, 10) | RGBA | (rows[i].dt ? DST_TILED : 0) |
				 (rows[i].st ? SRC_TILED : 0),
			 3 << 24 | ROP(0xcc) | (rows[i].dt ? 512 : 2048), XY(rows[i].x, 1),
			 XY(rows[i].x + rows[i].width, 50), LO(DST_VA), HI(DST_VA), XY(rows[i].sx, 2), rows[i].st ? 512 : 2048, LO(SRC_VA),
			 HI(SRC_VA));
		want_copy(s, 0, dt, 2048, SURF_SIZE, st, 2048, 4, rows[i].x, 1,
			  rows[i].x + rows[i].width, 50, rows[i].sx, 2);
		check(s);
	}
	free(s);
}

static void an_overlapping_copy_moves_as_if_by_a_copy_aside(void **state)
{
	static const struct { int dx, dy;
	} rows[] = {
		{ 0, 1 },  { 0, -1 }, { 1, 0 },	  { -1, 0 },  { 5, 3 },
		{ -5, 3 }, { 5, -3 }, { -5, -3 }, { 100, 0 }, { 0, 0 },
	};
	struct surf *s = setup(*state);
	unsigned int i, tiled;

	for (tiled = 0; tiled < 3; tiled++) {
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int x = 20 + rows[i].dx, y = 10 + rows[i].dy;
			uint32_t pitch = tiled ? 512 : 2048;
			enum gpu_tiling tiling = tiled;

			cst_user(s->t, MI_LRI(1), BCS_SWCTRL, 3 << 16 | (tiled == 2 ? 3 : 0),
				 BLT(0x53, 10) | RGBA | (tiled ? DST_TILED | SRC_TILED : 0),
				 3 << 24 | ROP(0xcc) | pitch, XY(x, y), XY(x + 300, y + 40),
				 LO(DST_VA), HI(DST_VA), XY(20, 10), pitch, LO(DST_VA), HI(DST_VA));
			want_copy(s, 0, tiling, 2048, 0, tiling, 2048, 4, x, y, x + 300, y + 40, 20,
				  10);
			check(s);
		}
	}
	free(s);
}

static void overlap_is_found_with_different_bases_too(void **state)
{
	/* by rows; within rows, which cross a page's end; so, by less than a pixel; either way */
	static const int distance[] = { 54 * 2048, 4096, 64, 1, -1, -64, -4096 };
	/* pixels of a row: with a gap behind it, and without */
	static const unsigned int width[] = { 300, 512 };
	struct surf *s = setup(*state);
	unsigned int i, w;

	for (w = 0; w < 2; w++) {
		for (i = 0; i < sizeof(distance) / sizeof(distance[0]); i++) {
			uint32_t from = distance[i] > 8192 ? 0 : 7096, to = from + distance[i];

			cst_user(s->t, BLT(0x53, 10) | RGBA, 3 << 24 | ROP(0xcc) | 2048, 0,
				 XY(width[w], 55), LO(DST_VA + to), HI(DST_VA), 0, 2048,
				 LO(DST_VA + from), HI(DST_VA));
			want_copy(s, to, GPU_TILING_LINEAR, 2048, from, GPU_TILING_LINEAR, 2048, 4,
				  0, 0, width[w], 55, 0, 0);
			check(s);
		}
	}
	free(s);
}

/* Bits of an address that nobody translates, of either side; XOR reads what it wrote if it errs. */
static void overlap_is_found_whatever_the_unused_bits_of_an_address_say(void **state)
{
	static const struct { uint64_t to, from;
	} stray[] = { { 0, 0 }, { 1ull << 48, 0 }, { 0, 1ull << 48 }, { 0xffffull << 48, 1ull << 50 } };
	static const int distance[] = { 4096, 1000, -4096 };
	struct surf *s = setup(*state);
	unsigned int i, d, row, b;

	for (i = 0; i < 4; i++) {
		for (d = 0; d < 3; d++) {
			uint32_t from = 8192, to = from + distance[d];

			cst_user(s->t, BLT(0x53, 10) | RGBA, 3 << 24 | ROP(0x66) | 4096, 0,
				 XY(1024, 25), LO(DST_VA + to), HI(DST_VA | stray[i].to), 0, 4096,
				 LO(DST_VA + from), HI(DST_VA | stray[i].from));
			/* as if the source had been copied aside */
			for (row = 0; row < 25; row++)
				for (b = 0; b < 4096; b++)
					s->want[to + row * 4096 + b] ^=
						s->before[from + row * 4096 + b];
			check(s);
		}
	}
	free(s);
}

/*
 * Rows without a gap between them, of pages that are neighbours in the host, that are not, and (one
 * of them) that are not to be written.
 */
static void rows_without_a_gap_are_one_long_row_wherever_its_pages_are(void **state)
{
	static const uint8_t page_at[SURF_PAGES] = {
		0, 1, 2, 3, 4, 5, 7, 6, 8, 9, 20, 21, 22, 23, 31, 30,
		29, 28, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 24, 25, 26, 27
	};
	/* bytes of a row; rop: copy, XOR with the source; fill, XOR with the colour */
	static const struct { uint32_t len, op, rop;
	} rows[] = {
		{ 4096, 0x53, 0xcc }, { 3000, 0x53, 0xcc }, { 64, 0x53, 0xcc }, { 3000, 0x53, 0x66 },
		{ 4096, 0x50, 0xf0 }, { 3000, 0x50, 0xf0 }, { 64, 0x50, 0xf0 }, { 3000, 0x50, 0x5a },
	};
	static const uint32_t read_only = 20, color = 0x4f3a2b1c;
	const uint64_t va = SURF_VA + (64u << 20);
	struct surf *s = setup(*state);
	uint64_t page = s->mem - s->t->fx->mem[0];
	unsigned int i, b;

	for (i = 0; i < SURF_PAGES; i++)
		fx_ppgtt_map(&s->t->ctx, va + i * 4096, page + page_at[i] * 4096, 1,
			     i == read_only ? GPU_PTE_PRESENT : 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t height = 120000 / rows[i].len, all = height * rows[i].len;
		bool copy = rows[i].op == 0x53, xor = rows[i].rop == 0x66 || rows[i].rop == 0x5a;

		cst_user(s->t, BLT(rows[i].op, copy ? 10 : 7) | RGBA,
			 3 << 24 | ROP(rows[i].rop) | rows[i].len, 0, XY(rows[i].len / 4, height),
			 LO(va + 1000), HI(va), copy ? 0 : color, rows[i].len, LO(SRC_VA + 500),
			 HI(SRC_VA));
		for (b = 0; b < all; b++) {
			uint32_t at = (b + 1000) / 4096, d = page_at[at] * 4096 + (b + 1000) % 4096;
			uint8_t by = copy ? s->before[SURF_SIZE + 500 + b] :
					    color >> b % rows[i].len % 4 * 8;

			if (at != read_only)
				s->want[d] = xor ? s->before[d] ^ by : by;
		}
		check(s);
	}
	free(s);
}

static void a_negative_pitch_goes_downwards_in_memory(void **state)
{
	struct surf *s = setup(*state);
	unsigned int y;

	cst_user(s->t, BLT(0x53, 10) | RGBA, 3 << 24 | ROP(0xcc) | 1024, 0, XY(256, 20), LO(DST_VA),
		 HI(DST_VA), 0, (uint16_t)-1024, LO(SRC_VA + 19 * 1024), HI(SRC_VA));
	for (y = 0; y < 20; y++)
		memcpy(s->want + y * 1024, s->before + SURF_SIZE + (19 - y) * 1024, 1024);
	check(s);
	free(s);
}

static void clipping_cuts_the_destination_and_moves_the_source(void **state)
{
	struct surf *s = setup(*state);

	cst_user(s->t, BLT(0x03, 3), XY(10, 4), XY(30, 9), BLT(0x53, 10) | RGBA,
		 CLIP | 3 << 24 | ROP(0xcc) | 1024, XY(0, 0), XY(100, 20), LO(DST_VA), HI(DST_VA),
		 XY(1, 2), 1024, LO(SRC_VA), HI(SRC_VA));
	want_copy(s, 0, GPU_TILING_LINEAR, 1024, SURF_SIZE, GPU_TILING_LINEAR, 1024, 4, 10, 4, 30,
		  9, 11, 6);
	check(s);
	/* the clip rectangle is not applied without the bit */
	cst_user(s->t, BLT(0x53, 10) | RGBA, 3 << 24 | ROP(0xcc) | 1024, XY(0, 0), XY(8, 2),
		 LO(DST_VA), HI(DST_VA), 0, 1024, LO(SRC_VA), HI(SRC_VA));
	want_copy(s, 0, GPU_TILING_LINEAR, 1024, SURF_SIZE, GPU_TILING_LINEAR, 1024, 4, 0, 0, 8, 2,
		  0, 0);
	check(s);
	free(s);
}

static void channel_masks_leave_alpha_or_colour_alone(void **state)
{
	static const struct {
		uint32_t bits, first, last;
	} rows[] = { { 1 << 20, 0, 2 }, { 2 << 20, 3, 3 }, { 0, 4, 3 } };
	struct surf *s = setup(*state);
	unsigned int i, x, b;

	for (i = 0; i < 3; i++) {
		cst_user(s->t, BLT(0x53, 10) | rows[i].bits, 3 << 24 | ROP(0xcc) | 1024, 0,
			 XY(256, 1), LO(DST_VA), HI(DST_VA), 0, 1024, LO(SRC_VA + i), HI(SRC_VA));
		for (x = 0; x < 256; x++)
			for (b = rows[i].first; b <= rows[i].last; b++)
				s->want[4 * x + b] = s->before[SURF_SIZE + i + 4 * x + b];
		check(s);
	}
	free(s);
}

static void all_256_raster_operations_compute_their_truth_table(void **state)
{
	struct surf *s = setup(*state);
	unsigned int rop, i, bit;

	for (rop = 0; rop < 256; rop++) {
		cst_user(s->t, BLT(0x53, 10), ROP(rop) | 256, 0, XY(200, 1), LO(DST_VA), HI(DST_VA),
			 0, 256, LO(SRC_VA), HI(SRC_VA));
		for (i = 0; i < 200; i++) {
			uint8_t d = s->before[i], src = s->before[SURF_SIZE + i], r = 0;

			for (bit = 0; bit < 8; bit++)
				r |= (rop >> ((src >> bit & 1) << 1 | (d >> bit & 1)) & 1) << bit;
			s->want[i] = r;
		}
		check(s);
	}
	/* fills: the colour is the pattern */
	for (rop = 0; rop < 256; rop++) {
		cst_user(s->t, BLT(0x50, 7), ROP(rop) | 256, 0, XY(200, 1), LO(DST_VA), HI(DST_VA),
			 0x5c);
		for (i = 0; i < 200; i++) {
			uint8_t d = s->before[i], r = 0;

			for (bit = 0; bit < 8; bit++)
				r |= (rop >> ((0x5c >> bit & 1) << 2 | (d >> bit & 1)) & 1) << bit;
			s->want[i] = r;
		}
		check(s);
	}
	free(s);
}

static void an_operation_on_itself_reads_as_if_from_a_copy_aside(void **state)
{
	static const int distance[] = { -33, -32, -31, -9, -8, -1, 1, 8, 9, 31, 32, 33 };
	struct surf *s = setup(*state);
	unsigned int i, x;

	for (i = 0; i < sizeof(distance) / sizeof(distance[0]); i++) {
		uint32_t from = 4000, to = from + distance[i];	/* both rows cross a page's end */

		cst_user(s->t, BLT(0x53, 10), ROP(0x66) | 2048, 0, XY(150, 1), LO(DST_VA + to),
			 HI(DST_VA), 0, 2048, LO(DST_VA + from), HI(DST_VA));
		for (x = 0; x < 150; x++)
			s->want[to + x] = s->before[to + x] ^ s->before[from + x];
		check(s);
	}
	free(s);
}

static void a_fill_keeps_the_order_of_its_bytes_over_a_pages_end(void **state)
{
	static const uint8_t color[4] = { 0x01, 0x20, 0x03, 0x40 };
	struct surf *s = setup(*state);
	unsigned int x;

	cst_user(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0x5a) | 2048, 0, XY(50, 1),
		 LO(DST_VA + 4096 - 71), HI(DST_VA), 0x40032001);
	for (x = 0; x < 200; x++)
		s->want[4096 - 71 + x] ^= color[x % 4];
	check(s);
	free(s);
}

static void xy_color_blt_fills_at_every_depth_and_tiling(void **state)
{
	static const struct { uint32_t depth, cpp; } depths[] = { { 0, 1 }, { 1, 2 }, { 3, 4 } };
	const uint8_t color[4] = { 0x78, 0x56, 0x34, 0x12 };
	struct surf *s = setup(*state);
	unsigned int i, tiled, x, y, b;

	for (tiled = 0; tiled < 3; tiled++) {
		for (i = 0; i < 3; i++) {
			cst_user(s->t, MI_LRI(1), BCS_SWCTRL, 3 << 16 | (tiled == 2 ? 2 : 0),
				 BLT(0x50, 7) | RGBA | (tiled ? DST_TILED : 0),
				 depths[i].depth << 24 | ROP(0xf0) | (tiled ? 512 : 2048),
				 XY(7, 5), XY(433, 37), LO(DST_VA), HI(DST_VA), 0x12345678);
			for (y = 5; y < 37; y++)
				for (x = 7; x < 433; x++)
					for (b = 0; b < depths[i].cpp; b++)
						s->want[at(tiled, 2048, x * depths[i].cpp + b, y)] =
							color[b];
			check(s);
		}
	}
	free(s);
}

static void a_fill_at_an_odd_address_keeps_the_colours_phase_over_pages(void **state)
{
	const uint8_t color[4] = { 0x78, 0x56, 0x34, 0x12 };
	struct surf *s = setup(*state);
	unsigned int i;

	cst_user(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 16384, 0, XY(4000, 1),
		 LO(DST_VA + 3), HI(DST_VA), 0x12345678);
	for (i = 0; i < 16000; i++)
		s->want[3 + i] = color[i % 4];
	check(s);
	free(s);
}

static void fast_copy_copies_every_depth_and_tiling(void **state)
{
	static const struct {
		uint32_t depth, cpp;
	} depths[] = { { 0, 1 }, { 1, 2 }, { 3, 4 }, { 4, 8 }, { 5, 16 } };
	struct surf *s = setup(*state);
	unsigned int i, dt, st;

	for (i = 0; i < 5; i++) {
		/* Yf, the last one, is not there of all depths. */
		unsigned int tilings = depths[i].cpp == 2 || depths[i].cpp == 4 ? 4 : 3;

		for (dt = 0; dt < tilings; dt++) {
			for (st = 0; st < tilings; st++) {
				uint32_t yf = (uint32_t)(st == 3) << 31 | (dt == 3) << 30;

				cst_user(s->t, BLT(0x42, 10) | (st == 3 ? 2 : st) << 20 |
					 (dt == 3 ? 2 : dt) << 13,
					 yf | depths[i].depth << 24 | (dt ? 512 : 2048), XY(3, 1),
					 XY(103, 50), LO(DST_VA), HI(DST_VA), XY(5, 4),
					 st ? 512 : 2048, LO(SRC_VA), HI(SRC_VA));
				want_copy(s, 0, dt, 2048, SURF_SIZE, st, 2048, depths[i].cpp, 3, 1,
					  103, 50, 5, 4);
				check(s);
			}
		}
	}
	free(s);
}

static void fast_copy_refuses_what_it_does_not_know(void **state)
{
	static const struct { uint32_t header, mode;
	} rows[] = {
		{ 0, 2 << 24 },
		{ 0, 6 << 24 },
		{ 3 << 20, 3 << 24 },
		{ 3 << 13, 3 << 24 },
		{ 2 << 20, 0u << 24 | 1u << 31 },
		{ 2 << 13, 4 << 24 | 1 << 30 },
	};
	struct surf *s = setup(*state);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gpu_cs_start(s->t->cs);
		cst_ring(s->t, BLT(0x42, 10) | rows[i].header, rows[i].mode | 1024, 0, XY(8, 8),
			 LO(DST_VA), HI(DST_VA), 0, 1024, LO(SRC_VA), HI(SRC_VA));
		assert_int_equal(cst_run(s->t), GPU_CS_HANG);
		s->t->cs->head = s->t->cs->tail;
	}
	check(s);
	free(s);
}

static void plain_copies_and_fills_take_bytes_and_rows(void **state)
{
	struct surf *s = setup(*state);
	unsigned int x, y;

	cst_user(s->t, BLT(0x43, 8) | RGBA, 3 << 24 | ROP(0xcc) | 512, 10 << 16 | 400, LO(DST_VA),
		 HI(DST_VA), 256, LO(SRC_VA), HI(SRC_VA));
	want_copy(s, 0, GPU_TILING_LINEAR, 512, SURF_SIZE, GPU_TILING_LINEAR, 256, 4, 0, 0, 100, 10,
		  0, 0);
	check(s);
	cst_user(s->t, BLT(0x40, 6) | RGBA, 0 << 24 | ROP(0xf0) | 512, 10 << 16 | 33, LO(DST_VA),
		 HI(DST_VA), 0xee);
	for (y = 0; y < 10; y++)
		for (x = 0; x < 33; x++)
			s->want[y * 512 + x] = 0xee;
	check(s);
	free(s);
}

static void setup_pixel_and_scanlines_draw_with_the_foreground(void **state)
{
	struct surf *s = setup(*state);
	unsigned int x;

	cst_user(s->t, BLT(0x01, 10) | RGBA, CLIP | 3 << 24 | ROP(0xf0) | 1024, XY(0, 0),
		 XY(50, 50), LO(DST_VA), HI(DST_VA), 0x11111111, 0x22222222, 0, 0, BLT(0x24, 2),
		 XY(3, 2), BLT(0x24, 2), XY(50, 2), BLT(0x25, 3), XY(48, 4), XY(60, 5));
	memset(s->want + 2 * 1024 + 12, 0x22, 4);
	for (x = 48; x < 50; x++)
		memset(s->want + 4 * 1024 + 4 * x, 0x22, 4);
	check(s);
	free(s);
}

static void empty_and_inverted_rectangles_draw_nothing(void **state)
{
	static const uint32_t rows[][2] = {
		{ XY(5, 5), XY(5, 9) },	  { XY(5, 5), XY(9, 5) },	   { XY(9, 9), XY(5, 5) },
		{ XY(0, 0), XY(-1, -1) }, { XY(32767, 0), XY(-32768, 5) },
	};
	struct surf *s = setup(*state);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cst_user(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 1024, rows[i][0],
			 rows[i][1], LO(DST_VA), HI(DST_VA), 1);
	check(s);
	free(s);
}

static void tiled_pixels_above_or_left_of_the_surface_are_not_drawn(void **state)
{
	struct surf *s = setup(*state);
	unsigned int x, y;

	cst_user(s->t, BLT(0x50, 7) | RGBA | DST_TILED, 3 << 24 | ROP(0xf0) | 512, XY(-10, -5),
		 XY(4, 3), LO(DST_VA), HI(DST_VA), 0);
	for (y = 0; y < 3; y++)
		for (x = 0; x < 16; x++)
			s->want[at(GPU_TILING_X, 2048, x, y)] = 0;
	check(s);
	cst_user(s->t, BLT(0x53, 10) | RGBA | SRC_TILED, 3 << 24 | ROP(0xcc) | 1024, XY(0, 0),
		 XY(8, 8), LO(DST_VA + 65536), HI(DST_VA), XY(-3, -2), 512, LO(SRC_VA), HI(SRC_VA));
	want_copy(s, 65536, GPU_TILING_LINEAR, 1024, SURF_SIZE, GPU_TILING_X, 2048, 4, 3, 2, 8, 8,
		  0, 0);
	check(s);
	free(s);
}

static void a_fault_in_the_middle_hangs_at_the_command(void **state)
{
	struct surf *s = setup(*state);

	cst_ring(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 4096, 0,
		 XY(1024, 2 * SURF_PAGES + 1), LO(DST_VA), HI(DST_VA), 0);
	assert_int_equal(cst_run(s->t), GPU_CS_HANG);
	assert_true(s->t->cs->faulted);
	assert_true(s->t->cs->fault_addr == SRC_VA + SURF_SIZE);
	assert_int_equal(s->t->cs->head, 0);
	free(s);
}

static void writes_to_read_only_pages_are_dropped(void **state)
{
	struct surf *s = setup(*state);
	uint64_t page = fx_alloc(s->t->fx, 0, 1);

	fx_ppgtt_map(&s->t->ctx, SURF_VA - 4096, page, 1, GPU_PTE_PRESENT);
	cst_user(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 4096, 0, XY(1024, 2),
		 LO(DST_VA - 4096), HI(DST_VA - 4096), 0x01010101);
	assert_int_equal(*(uint32_t *)fx_mem(s->t->fx, 0, page), 0);
	memset(s->want, 1, 4096);
	check(s);
	free(s);
}

/* After so many looks at the page tables and pages, the engine is asked to stop. */
static struct cst *to_stop;
static unsigned int looks;

static void *stopping_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	struct fx *fx = opaque;

	if (!looks--)
		atomic_store(&to_stop->engine->stop, true);
	return addr < (uint64_t)FX_PAGES << GPU_PAGE_SHIFT ? fx_mem(fx, domain, addr) : NULL;
}

static void a_waiting_reset_stops_a_blit_between_rows(void **state)
{
	struct surf *s = setup(*state);

	cst_ring(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0), 0, XY(1024, 32767), LO(DST_VA),
		 HI(DST_VA), 0);
	atomic_store(&s->t->engine->stop, true);
	assert_int_equal(gpu_cs_step(s->t->cs), GPU_CS_PART);
	assert_int_equal(s->t->cs->head, 0);
	check(s);
	atomic_store(&s->t->engine->stop, false);
	assert_int_equal(cst_run(s->t), GPU_CS_EMPTY);
	memset(s->want, 0, 4096);
	check(s);
	free(s);
}

static void a_waiting_reset_stops_rows_without_a_gap_after_64_kib(void **state)
{
	struct surf *s = setup(*state);
	unsigned int done;

	cst_ring(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 4096, 0, XY(1024, SURF_PAGES),
		 LO(DST_VA), HI(DST_VA), 0x01010101, 0);
	to_stop = s->t;
	looks = 6;	/* the command's own page, and some of the tables */
	s->t->fx->ops.page = stopping_page;
	gpu_tlb_flush(s->t->cs);
	assert_int_equal(gpu_cs_step(s->t->cs), GPU_CS_PART);
	for (done = 0; done < SURF_SIZE && s->mem[done] == 1; done++)
		;
	assert_in_range(done, 1, 64 << 10);
	atomic_store(&s->t->engine->stop, false);
	cst_run_ok(s->t);
	memset(s->want, 1, SURF_SIZE);
	check(s);
	free(s);
}

/* XOR with itself, and a copy onto its own source: a row that is done twice comes out wrong. */
static void an_interrupted_blit_equals_one_that_was_not(void **state)
{
	static const uint32_t height = 25;
	unsigned int kind, when, parts = 0;
	struct cst *t = *state;

	for (kind = 0; kind < 3; kind++) {
		for (when = 1; when < 60; when += 7) {
			struct surf *s = setup(t);
			uint32_t dst = kind == 2 ? 3 : 1, row, i;

			/* Pattern XOR destination; source XOR destination; plain, downwards. */
			if (kind == 0)
				cst_ring(t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0x5a) | 4096, 0,
					 XY(1024, height), LO(DST_VA), HI(DST_VA), 0x5a5a5a5a, 0);
			else
				cst_ring(t, BLT(0x53, 10) | RGBA,
					 3 << 24 | ROP(kind == 1 ? 0x66 : 0xcc) | 4096, XY(0, dst),
					 XY(1024, dst + height), LO(DST_VA), HI(DST_VA), 0, 4096,
					 LO(DST_VA), HI(DST_VA));
			for (row = 0; row < height; row++) {
				for (i = 0; i < 4096; i++) {
					uint32_t d = (row + (kind ? dst : 0)) * 4096 + i;

					if (kind == 0)
						s->want[d] = s->before[d] ^ 0x5a;
					else if (kind == 2)
						s->want[d] = s->before[row * 4096 + i];
				}
			}
			/* Upwards onto itself: from the last row, each one with the row above. */
			for (row = height; kind == 1 && row-- > 0;)
				for (i = 0; i < 4096; i++)
					s->want[(row + 1) * 4096 + i] ^= s->want[row * 4096 + i];
			gpu_tlb_flush(t->cs);
			to_stop = t;
			looks = when;
			t->fx->ops.page = stopping_page;
			while (gpu_cs_step(t->cs) == GPU_CS_PART) {
				parts++;
				atomic_store(&t->engine->stop, false);
			}
			cst_run_ok(t);
			atomic_store(&t->engine->stop, false);
			check(s);
			free(s);
		}
	}
	assert_true(parts > 10);
}

static void a_huge_blit_is_done_in_parts_that_let_others_have_a_turn(void **state)
{
	struct surf *s = setup(*state);
	struct gpu_cs *cs = s->t->cs;
	unsigned int parts = 0;

	/* 4 KiB a row, all of them onto the same: 128 MiB. */
	cst_ring(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0x5a), 0, XY(1024, 32767), LO(DST_VA),
		 HI(DST_VA), 0xffffffff, 0);
	for (; gpu_cs_step(cs) == GPU_CS_PART; parts++)
		assert_int_equal(cs->head, 0);
	assert_in_range(parts, 16, 64);
	cst_run_ok(s->t);
	for (parts = 0; parts < 4096; parts++)
		s->want[parts] = ~s->before[parts];
	check(s);
	free(s);
}

/* 128 KiB each, in rows without a gap. */
static void many_blits_take_turns_with_others_as_a_huge_one_does(void **state)
{
	struct surf *s = setup(*state);
	unsigned int i, parts = 0;

	for (i = 0; i < 160; i++) {
		cst_ring(s->t, BLT(0x50, 7) | RGBA, 3 << 24 | ROP(0xf0) | 4096, 0,
			 XY(1024, SURF_PAGES), LO(DST_VA), HI(DST_VA), i, 0);
		while (gpu_cs_step(s->t->cs) == GPU_CS_PART)
			parts++;
		cst_run_ok(s->t);
	}
	assert_in_range(parts, 4, 10);	/* 20 MiB, 4 MiB at once */
	free(s);
}

static void hostile_numbers_end_in_a_fault_or_in_bounds(void **state)
{
	struct surf *s = setup(*state);
	size_t all = (size_t)FX_PAGES * GPU_PAGE_SIZE;
	uint8_t *mem = s->t->fx->mem[0], *before = malloc(all), *ring = fx_at(s->t->fx, s->t->ctx.ring);
	uint32_t seed = 99, dw[10], i, round;
	static const uint32_t headers[] = { BLT(0x53, 10), BLT(0x50, 10), BLT(0x42, 10),
					    BLT(0x43, 10), BLT(0x40, 10), BLT(0x01, 10),
					    BLT(0x24, 10), BLT(0x25, 10) };

	/* Nothing but the surfaces is at addresses that the dice hit; the ring is the test's own. */
	memcpy(before, mem, all);
	for (round = 0; round < 3000; round++) {
		for (i = 1; i < 10; i++) {
			seed = seed * 1664525 + 1013904223;
			dw[i] = seed ^ seed >> 13;
		}
		dw[0] = headers[round % 8] | (dw[1] & (RGBA | DST_TILED | SRC_TILED));
		if (round & 16) {
			dw[4] = LO(DST_VA + (dw[4] & 0xffff));
			dw[5] = HI(DST_VA);
		}
		if (round & 32) {
			dw[8] = LO(SRC_VA + (dw[8] & 0xffff));
			dw[9] = HI(SRC_VA);
		}
		if (round & 64) {	/* numbers that fit, and only some of them do not */
			dw[1] &= 0xffff1fff;
			dw[2] &= 0x000f03ff;
			dw[3] &= 0x007f07ff;
			dw[6] &= 0x000f03ff;
			dw[7] &= 0x1fff;
		}
		gpu_cs_start(s->t->cs);
		s->t->cs->head = s->t->cs->tail;
		cst_ring_dwords(s->t, dw, 10);
		(void)cst_run(s->t);
	}
	assert_memory_not_equal(s->mem, s->before, sizeof(s->before));
	memcpy(before + (s->mem - mem), s->mem, sizeof(s->before));
	memcpy(before + (ring - mem), ring, GPU_PAGE_SIZE);
	assert_memory_equal(before, mem, all);
	free(before);
	free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cst_setup_bcs, cst_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xy_src_copy_copies_a_rectangle_at_every_depth),
		TEST(xy_src_copy_obeys_x_and_y_tiling_of_either_side),
		TEST(an_overlapping_copy_moves_as_if_by_a_copy_aside),
		TEST(overlap_is_found_with_different_bases_too),
		TEST(overlap_is_found_whatever_the_unused_bits_of_an_address_say),
		TEST(rows_without_a_gap_are_one_long_row_wherever_its_pages_are),
		TEST(a_negative_pitch_goes_downwards_in_memory),
		TEST(clipping_cuts_the_destination_and_moves_the_source),
		TEST(channel_masks_leave_alpha_or_colour_alone),
		TEST(all_256_raster_operations_compute_their_truth_table),
		TEST(an_operation_on_itself_reads_as_if_from_a_copy_aside),
		TEST(a_fill_keeps_the_order_of_its_bytes_over_a_pages_end),
		TEST(xy_color_blt_fills_at_every_depth_and_tiling),
		TEST(a_fill_at_an_odd_address_keeps_the_colours_phase_over_pages),
		TEST(fast_copy_copies_every_depth_and_tiling),
		TEST(fast_copy_refuses_what_it_does_not_know),
		TEST(plain_copies_and_fills_take_bytes_and_rows),
		TEST(setup_pixel_and_scanlines_draw_with_the_foreground),
		TEST(empty_and_inverted_rectangles_draw_nothing),
		TEST(tiled_pixels_above_or_left_of_the_surface_are_not_drawn),
		TEST(a_fault_in_the_middle_hangs_at_the_command),
		TEST(writes_to_read_only_pages_are_dropped),
		TEST(a_waiting_reset_stops_a_blit_between_rows),
		TEST(a_waiting_reset_stops_rows_without_a_gap_after_64_kib),
		TEST(an_interrupted_blit_equals_one_that_was_not),
		TEST(a_huge_blit_is_done_in_parts_that_let_others_have_a_turn),
		TEST(many_blits_take_turns_with_others_as_a_huge_one_does),
		TEST(hostile_numbers_end_in_a_fault_or_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
