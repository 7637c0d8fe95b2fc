// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/tiling.c: tile layouts against the definition, fences, aperture accesses and their
 * refusals.
 */
#include <string.h>

#include "../gpu/tiling.h"
#include "cs_fixture.h"

#define FENCE(n)	(0x100000 + 8 * (n))
#define FENCE_X		1u
#define FENCE_Y		3u

/* Offset as the PRM defines it: by tile, then within the tile. */
static uint64_t reference(enum gpu_tiling tiling, uint32_t pitch, uint32_t x, uint32_t y)
{
	uint32_t w = tiling == GPU_TILING_X ? 512 : 128, h = tiling == GPU_TILING_X ? 8 : 32;
	uint64_t tile = y / h * (pitch / w) + x / w;

	x %= w;
	y %= h;
	if (tiling == GPU_TILING_X)
		return tile * 4096 + y * 512 + x;
	if (tiling == GPU_TILING_YF) {
		/* From the lowest bit of the offset on, which bit of which coordinate it is (PRM). */
		static const char order[] = "xxxxyyyxyxyx";
		uint32_t at = 0, bit;

		for (bit = 0; bit < 12; bit++) {
			uint32_t *from = order[bit] == 'x' ? &x : &y;

			at |= (*from & 1) << bit;
			*from >>= 1;
		}
		return tile * 4096 + at;
	}
	return tile * 4096 + (x / 16) * 512 + y * 16 + x % 16;
}

static void every_byte_of_a_tiled_surface_has_its_own_place(void **state)
{
	enum gpu_tiling tiling;
	uint32_t x, y, run;

	(void)state;
	for (tiling = GPU_TILING_X; tiling <= GPU_TILING_YF; tiling++) {
		uint8_t seen[4 * 4096 * 2] = { 0 };

		for (y = 0; y < 32; y++) {
			for (x = 0; x < 1024; x++) {
				uint64_t at = gpu_tile_offset(tiling, 1024, x, y, &run);

				assert_true(at < sizeof(seen));
				assert_int_equal(at, reference(tiling, 1024, x, y));
				assert_false(seen[at]);
				seen[at] = 1;
				assert_true(run && x + run <= 1024);
				assert_int_equal(gpu_tile_offset(tiling, 1024, x + run - 1, y,
								 &run),
						 at + (tiling == GPU_TILING_X ? 511 - x % 512 :
										15 - x % 16));
			}
		}
	}
}

static void a_linear_surface_is_one_run(void **state)
{
	uint32_t run;

	(void)state;
	assert_int_equal(gpu_tile_offset(GPU_TILING_LINEAR, 100, 7, 3, &run), 307);
	assert_int_equal(run, UINT32_MAX);
}

static void aperture_accesses_of_all_sizes_reach_the_page(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 1, 1);
	uint64_t value = 0;

	assert_true(gpu_aperture_write(fx->gpu, 0, ggtt + 8, 8, 0x1122334455667788ull));
	assert_int_equal(fx_read(fx, ggtt + 8), 0x55667788);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 12, 4, &value));
	assert_true(value == 0x11223344);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 10, 2, &value));
	assert_true(value == 0x5566);
	assert_true(gpu_aperture_write(fx->gpu, 0, ggtt + 9, 1, 0xaabb));
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 8, 8, &value));
	assert_true(value == 0x112233445566bb88ull);
	assert_true(gpu_aperture_write(fx->gpu, 0, ggtt + 14, 2, 0x99));
	assert_true(gpu_aperture_write(fx->gpu, 0, ggtt + 8, 4, 0x77));
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 8, 8, &value));
	assert_true(value == 0x0099334400000077ull);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 8, 1, &value));
	assert_true(value == 0x77);
}

static void absent_odd_and_outside_accesses_read_all_ones(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 0, 1);
	static const struct { int32_t offset; uint32_t size; } bad[] = {
		{ 0x1000, 4 }, { 2, 4 }, { 4, 8 }, { 1, 2 }, { 0, 0 }, { 0, 3 }, { 0, 16 },
	};
	uint64_t value;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		value = 0;
		assert_false(gpu_aperture_read(fx->gpu, 0, ggtt + bad[i].offset, bad[i].size, &value));
		assert_true(value == ~0ull);
		assert_false(gpu_aperture_write(fx->gpu, 0, ggtt + bad[i].offset, bad[i].size, 5));
	}
	fx_ggtt_map(fx, GPU_APERTURE_SIZE, 0, fx_alloc(fx, 0, 1), 1);
	assert_false(gpu_aperture_read(fx->gpu, 0, GPU_APERTURE_SIZE, 4, &value));
	assert_int_equal(fx_read(fx, ggtt), 0);
}

static void set_fence(struct fx *fx, unsigned int n, uint32_t start, uint32_t size, uint32_t pitch,
		      uint32_t flags)
{
	/* as i965_write_fence_reg(): off, high, low */
	fx_set_reg(fx, FENCE(n), 0);
	fx_set_reg(fx, FENCE(n) + 4, (start + size - 4096) | (pitch / 128 - 1));
	fx_set_reg(fx, FENCE(n), start | flags);
}

static void a_fence_detiles_what_lies_within_it_and_nothing_else(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 0, 8), i, pitch = 1024, run;
	static const uint32_t flags[] = { FENCE_X, FENCE_Y };
	uint64_t value;

	for (i = 0; i < 8 * 4096; i += 4)
		fx_write(fx, ggtt + i, i);
	for (i = 0; i < 2; i++) {
		enum gpu_tiling tiling = flags[i] == FENCE_Y ? GPU_TILING_Y : GPU_TILING_X;
		uint32_t offset;

		set_fence(fx, 31, ggtt, 8 * 4096, pitch, flags[i]);
		for (offset = 0; offset < 8 * 4096; offset += 4) {
			assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + offset, 4, &value));
			assert_int_equal(value, gpu_tile_offset(tiling, pitch, offset % pitch,
								offset / pitch, &run));
		}
	}
	fx_ggtt_map(fx, ggtt + 8 * 4096, 0, fx_alloc(fx, 0, 1), 1);
	fx_write(fx, ggtt + 8 * 4096 + 20, 0x55);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 8 * 4096 + 20, 4, &value));
	assert_int_equal(value, 0x55);
}

static void writes_through_a_fence_land_where_reads_find_them(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 0, 2), offset = 128 * 17 + 36;
	uint64_t value;

	set_fence(fx, 0, ggtt, 2 * 4096, 128, FENCE_Y);
	assert_true(gpu_aperture_write(fx->gpu, 0, ggtt + offset, 4, 0xabcd));
	assert_int_equal(fx_read(fx, ggtt + 2 * 512 + 17 * 16 + 4), 0xabcd);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + offset, 4, &value));
	assert_int_equal(value, 0xabcd);
}

static void an_invalid_fence_is_ignored(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 0, 2);
	uint64_t value;

	fx_write(fx, ggtt + 516, 0x66);
	set_fence(fx, 3, ggtt, 2 * 4096, 128, FENCE_Y & ~1u);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt + 516, 4, &value));
	assert_int_equal(value, 0x66);
}

static void hostile_fences_never_reach_outside_their_range(void **state)
{
	struct fx *fx = *state;
	uint32_t i, page, ggtt = fx_ggtt_alloc(fx, 0, 4);
	uint64_t canary = fx_alloc(fx, 0, 1), value;

	/* All else of the aperture is one page, filled with a pattern. */
	memset(fx_mem(fx, 0, canary), 0xc5, GPU_PAGE_SIZE);
	for (page = 0; page < GPU_APERTURE_SIZE >> 12; page++)
		if (page < ggtt >> 12 || page >= (ggtt >> 12) + 4)
			fx_ggtt_map(fx, page << 12, 0, canary, 1);
	for (i = 0; i < 4096; i++) {
		uint32_t start = ggtt + (i & 3) * GPU_PAGE_SIZE;

		fx_set_reg(fx, FENCE(0), 0);
		fx_set_reg(fx, FENCE(0) + 4, (ggtt + 3 * GPU_PAGE_SIZE) | (i * 257 & 0xfff));
		fx_set_reg(fx, FENCE(0), start | 1 | (i >> 1 & 2));
		start += i * 2654435761u % (ggtt + 4 * GPU_PAGE_SIZE - start) & ~7u;
		gpu_aperture_read(fx->gpu, 0, start, 8, &value);
		assert_true(value != 0xc5c5c5c5c5c5c5c5ull);
		gpu_aperture_write(fx->gpu, 0, start, 8, i);
	}
	for (i = 0; i < GPU_PAGE_SIZE; i++)
		assert_int_equal(((uint8_t *)fx_mem(fx, 0, canary))[i], 0xc5);
	/* Ranges beyond the aperture are no crash. */
	for (i = 0; i < 4096; i++) {
		fx_set_reg(fx, FENCE(i % GPU_NUM_FENCES) + 4, 0xfffff000u | (i * 257 & 0xfff));
		fx_set_reg(fx, FENCE(i % GPU_NUM_FENCES), (i % 3 ? 0 : ggtt) | 1 | (i & 2));
		gpu_aperture_read(fx->gpu, 0, i * 2654435761u % GPU_APERTURE_SIZE & ~7u, 8, &value);
	}
}

static void the_aperture_of_a_domain_shows_that_domains_pages_only(void **state)
{
	struct fx *fx = *state;
	uint32_t ggtt = fx_ggtt_alloc(fx, 2, 1);
	uint64_t value;

	fx_write(fx, ggtt, 0x1234);
	assert_false(gpu_aperture_write(fx->gpu, 1, ggtt, 4, 0xbad));
	assert_false(gpu_aperture_read(fx->gpu, 1, ggtt, 4, &value));
	assert_true(value == ~0ull);
	assert_true(gpu_aperture_read(fx->gpu, 2, ggtt, 4, &value));
	assert_int_equal(value, 0x1234);
	assert_true(gpu_aperture_read(fx->gpu, 0, ggtt, 4, &value));
	assert_int_equal(value, 0x1234);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_byte_of_a_tiled_surface_has_its_own_place),
		TEST(a_linear_surface_is_one_run),
		TEST(aperture_accesses_of_all_sizes_reach_the_page),
		TEST(absent_odd_and_outside_accesses_read_all_ones),
		TEST(a_fence_detiles_what_lies_within_it_and_nothing_else),
		TEST(writes_through_a_fence_land_where_reads_find_them),
		TEST(an_invalid_fence_is_ignored),
		TEST(hostile_fences_never_reach_outside_their_range),
		TEST(the_aperture_of_a_domain_shows_that_domains_pages_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
