// SPDX-License-Identifier: MIT
/* GGTT entries, the aperture and fences: what a guest can reach, and what it cannot. */

#include <stdio.h>

#include "gvt_fixture.h"

#define DOMAIN(n)	((uint64_t)(n) << GPU_DOMAIN_SHIFT)

static uint64_t physical(struct gx *gx, uint64_t gma)
{
	return gpu_ggtt_read(gvt_gpu(gx->gvt), gma >> GPU_PAGE_SHIFT);
}

static void entries_at_both_edges_of_both_parts(void **state)
{
	const struct vgpu_partition *p;
	unsigned int i;
	GUESTS(state);

	(void)b;
	p = vgpu_partition(a->vgpu);
	{
		const struct { uint64_t gma; bool mine;
		} rows[] = {
			{ 0, false },
			{ p->aperture_base - 0x1000, false },
			{ p->aperture_base, true },
			{ p->aperture_base + p->aperture_size - 0x1000, true },
			{ p->aperture_base + p->aperture_size, false },
			{ p->hidden_base - 0x1000, false },
			{ p->hidden_base, true },
			{ p->hidden_base + p->hidden_size - 0x1000, true },
			{ p->hidden_base + p->hidden_size, false },
			{ 0xffffe000, false },
		};
		unsigned int outside = 0;

		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t before = physical(gx, rows[i].gma);

			gx_set_pte(a, rows[i].gma, 0x7003);
			if (rows[i].mine) {
				assert_true(gx_pte(a, rows[i].gma) == 0x7003);
				assert_true(physical(gx, rows[i].gma) == (0x7003 | DOMAIN(1)));
			} else {
				outside++;
				assert_true(gx_pte(a, rows[i].gma) == 0);
				assert_true(physical(gx, rows[i].gma) == before);
			}
			assert_int_equal(stats_get(a->stats, STATS_VIOLATION_GGTT), outside);
		}
	}
}

static void the_guard_page_s_entry_is_ours_and_clearing_it_is_no_offence(void **state)
{
	uint64_t before;
	GUESTS(state);

	(void)b;
	before = physical(gx, 0xfffff000);
	assert_true(before & GPU_PTE_PRESENT);
	gx_set_pte(a, 0xfffff000, 0x7003);
	assert_true(physical(gx, 0xfffff000) == before);
	assert_int_equal(gx_pte(a, 0xfffff000), 0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_GGTT), 0);
}

static void the_domain_is_ours_to_say(void **state)
{
	uint64_t gma;
	GUESTS(state);

	gma = vgpu_partition(b->vgpu)->hidden_base;
	gx_set_pte(b, gma, 0x7003 | DOMAIN(1));
	assert_true(physical(gx, gma) == (0x7003 | DOMAIN(2)));
	gx_set_pte(b, gma, 0x7003 | DOMAIN(0xff));
	assert_true(physical(gx, gma) == (0x7003 | DOMAIN(2)));
	/* What is not present holds nothing. */
	gx_set_pte(b, gma, 0x7002 | DOMAIN(1));
	assert_true(physical(gx, gma) == 0);
	assert_true(gx_pte(b, gma) == (0x7002 | DOMAIN(1)));
	(void)a;
}

static void halves_take_effect_together(void **state)
{
	uint32_t at;
	uint64_t gma;
	unsigned int high;
	GUESTS(state);

	(void)b;
	gma = vgpu_partition(a->vgpu)->hidden_base;
	at = GPU_GTT_OFFSET + (gma >> 12) * 8;
	for (high = 0; high < 2; high++) {
		uint32_t first = at + 4 * high, second = at + 4 * !high;
		uint32_t v_first = high ? 0x1 : 0x7003, v_second = high ? 0x7003 : 0x1;

		gx_set_pte(a, gma, 0x9001);
		vgpu_bar0_write(a->vgpu, first, 4, 0xdead0000);
		assert_int_equal(physical(gx, gma), 0);
		/* The same half again only replaces it. */
		vgpu_bar0_write(a->vgpu, first, 4, v_first);
		assert_int_equal(physical(gx, gma), 0);
		assert_int_equal(vgpu_bar0_read(a->vgpu, first, 4), v_first);
		assert_int_equal(vgpu_bar0_read(a->vgpu, second, 4), 0);
		vgpu_bar0_write(a->vgpu, second, 4, v_second);
		assert_true(physical(gx, gma) == (0x100007003ull | DOMAIN(1)));
		assert_true(gx_pte(a, gma) == 0x100007003ull);
		assert_int_equal(vgpu_bar0_read(a->vgpu, at, 4), 0x7003);
		assert_int_equal(vgpu_bar0_read(a->vgpu, at + 4, 4), 1);
	}
	/* A whole write ends a half one. */
	vgpu_bar0_write(a->vgpu, at, 4, 0x5001);
	gx_set_pte(a, gma, 0x6001);
	assert_true(physical(gx, gma) == (0x6001 | DOMAIN(1)));
	vgpu_bar0_write(a->vgpu, at + 4, 4, 0);
	assert_int_equal(physical(gx, gma), 0);
}

static void odd_accesses_to_entries_are_refused(void **state)
{
	uint32_t at;
	GUESTS(state);

	(void)b;
	at = GPU_GTT_OFFSET + ((vgpu_partition(a->vgpu)->hidden_base + (50 << 20)) >> 12) * 8;
	vgpu_bar0_write(a->vgpu, at, 1, 1);
	vgpu_bar0_write(a->vgpu, at, 2, 1);
	vgpu_bar0_write(a->vgpu, at + 4, 8, 1);
	vgpu_bar0_write(a->vgpu, at + 2, 4, 1);
	vgpu_bar0_write(a->vgpu, at, 3, 1);
	vgpu_bar0_write(a->vgpu, GPU_BAR0_SIZE, 4, 1);
	vgpu_bar0_write(a->vgpu, ~0u - 3, 4, 1);
	vgpu_bar0_write(a->vgpu, GPU_MMIO_SIZE, 4, 1);
	assert_int_equal(vgpu_bar0_read(a->vgpu, at, 2), 0);
	assert_int_equal(vgpu_bar0_read(a->vgpu, at, 8), 0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 9);
	(void)gx;
}

static void two_guests_at_one_address_stay_apart(void **state)
{
	uint32_t ga, gb;
	GUESTS(state);

	(void)gx;
	/* Both map their own guest page 0x3000. */
	ga = vgpu_partition(a->vgpu)->aperture_base;
	gb = vgpu_partition(b->vgpu)->aperture_base;
	gx_set_pte(a, ga, 0x3003);
	gx_set_pte(b, gb, 0x3003);
	vgpu_aperture_write(a->vgpu, ga + 0x10, 4, 0xaaaa);
	vgpu_aperture_write(b->vgpu, gb + 0x10, 4, 0xbbbb);
	assert_int_equal(*(uint32_t *)(a->mem + 0x3010), 0xaaaa);
	assert_int_equal(*(uint32_t *)(b->mem + 0x3010), 0xbbbb);
	assert_int_equal(vgpu_aperture_read(a->vgpu, ga + 0x10, 4), 0xaaaa);
	/* Not through each other's addresses. */
	assert_true(vgpu_aperture_read(a->vgpu, gb + 0x10, 4) == ~0ull);
	vgpu_aperture_write(a->vgpu, gb + 0x10, 4, 1);
	assert_int_equal(*(uint32_t *)(b->mem + 0x3010), 0xbbbb);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_APERTURE), 2);
	assert_int_equal(stats_get(b->stats, STATS_VIOLATION_APERTURE), 0);
	assert_int_equal(stats_get(a->stats, STATS_APERTURE), 4);
	/* Mapped nowhere, and malformed. */
	assert_true(vgpu_aperture_read(a->vgpu, ga + 0x1000, 4) == ~0ull);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_APERTURE), 2);
	assert_true(vgpu_aperture_read(a->vgpu, ga + 1, 4) == ~0ull);
	assert_true(vgpu_aperture_read(a->vgpu, GPU_APERTURE_SIZE, 4) == ~0ull);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_APERTURE), 4);
}

static void memory_that_is_not_there_is_no_crash(void **state)
{
	uint32_t ga;
	GUESTS(state);

	(void)b;
	(void)gx;
	ga = vgpu_partition(a->vgpu)->aperture_base;
	gx_set_pte(a, ga, 0x3ffffffff003ull);
	assert_true(vgpu_aperture_read(a->vgpu, ga, 4) == ~0ull);
	vgpu_aperture_write(a->vgpu, ga, 8, 1);
}

static void fences_are_the_share_and_tile_the_partition_only(void **state)
{
	const struct vgpu_partition *p;
	struct gpu *gpu;
	unsigned int i;
	GUESTS(state);

	gpu = gvt_gpu(gx->gvt);
	p = vgpu_partition(b->vgpu);
	{
		const uint64_t first = p->aperture_base,
			       last = p->aperture_base + p->aperture_size - 0x1000;
		const struct { uint64_t start, end; bool good;
		} rows[] = {
			{ first, last, true },
			{ first, first, true },
			{ last, last, true },
			{ first - 0x1000, last, false },
			{ first, last + 0x1000, false },
			{ first + 0x1000, first - 0x1000, false },
			{ last, first, false },
			{ 0, 0, false },
			{ first, 0xfffff000, false },
			{ 0xfffff000, 0xfffff000, false },
			{ p->hidden_base, p->hidden_base, false },
		};
		unsigned int bad = 0;

		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			unsigned int n = i % 4;
			uint32_t phys = 0x100000 + 8 * (p->fence_base + n);
			uint64_t seen;

			vgpu_bar0_write(b->vgpu, 0x100000 + 8 * n, 4, 0);
			vgpu_bar0_write(b->vgpu, 0x100004 + 8 * n, 4, rows[i].end | 3);
			vgpu_bar0_write(b->vgpu, 0x100000 + 8 * n, 4, rows[i].start | 3);
			seen = gpu_mmio_read(gpu, phys, 8);
			bad += !rows[i].good;
			assert_true(
				seen ==
				(rows[i].good ? (rows[i].end | 3) << 32 | rows[i].start | 3 : 0));
			assert_int_equal(stats_get(b->stats, STATS_VIOLATION_FENCE), bad);
			/* The guest reads back what it wrote. */
			assert_int_equal(gx_reg(b, 0x100000 + 8 * n), rows[i].start | 3);
			/* Both halves at once come to the same, over whatever was there before. */
			vgpu_bar0_write(b->vgpu, 0x100000 + 8 * n, 4, 0);
			vgpu_bar0_write(b->vgpu, 0x100004 + 8 * n, 4, 0);
			vgpu_bar0_write(b->vgpu, 0x100000 + 8 * n, 8,
					(rows[i].end | 3) << 32 | rows[i].start | 3);
			bad += !rows[i].good;
			assert_true(gpu_mmio_read(gpu, phys, 8) == seen);
			assert_int_equal(stats_get(b->stats, STATS_VIOLATION_FENCE), bad);
			assert_int_equal(gx_reg(b, 0x100000 + 8 * n), rows[i].start | 3);
		}
	}
	assert_int_equal(gx_reg(a, 0x100000), 0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_FENCE), 0);
}

static void a_fence_detiles_nothing_out_of_its_range(void **state)
{
	static const uint32_t pitches[] = { 0, 0x3, 0x7f, 0xfff };
	uint32_t first, last, offset;
	unsigned int i, tiling;
	GUESTS(state);

	(void)gx;
	/* One page at the end of the first guest's part; all of the second one's lies behind. */
	first = vgpu_partition(b->vgpu)->aperture_base;
	assert_int_equal(first, vgpu_partition(a->vgpu)->aperture_base +
				vgpu_partition(a->vgpu)->aperture_size);
	last = first - GPU_PAGE_SIZE;
	gx_set_pte(a, last, 0x200003);
	for (offset = 0; offset < 1u << 20; offset += GPU_PAGE_SIZE)
		gx_set_pte(b, first + offset, 0x200003);
	for (i = 0; i < 4; i++) {
		for (tiling = 1; tiling <= 3; tiling += 2) {
			gx_set_reg(a, 0x100000, 0);
			gx_set_reg(a, 0x100004, last | pitches[i]);
			gx_set_reg(a, 0x100000, last | tiling);
			for (offset = 0; offset < GPU_PAGE_SIZE; offset += 8) {
				vgpu_aperture_write(a->vgpu, last + offset, 8, ~0ull);
				vgpu_aperture_read(a->vgpu, last + offset, 8);
			}
		}
	}
	for (offset = 0; offset < GPU_PAGE_SIZE; offset += 8)
		assert_true(*(uint64_t *)(b->mem + 0x200000 + offset) == 0);
}

static void fences_beyond_the_share_are_refused(void **state)
{
	unsigned int n;
	GUESTS(state);

	(void)b;
	for (n = 4; n < 32; n++) {
		gx_set_reg(a, 0x100000 + 8 * n, 1);
		assert_int_equal(gx_reg(a, 0x100000 + 8 * n), 0);
		assert_int_equal(stats_get(a->stats, STATS_VIOLATION_FENCE), 2 * (n - 3));
	}
	for (n = 0; n < 32; n++)
		assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x100000 + 8 * n, 8), 0);
	/* It knows that it is a guest: a violation, but it stays in service. */
	gx_set_reg(a, 0x100000, 0);
	gx_set_pte(a, vgpu_partition(a->vgpu)->hidden_base + (99 << 20), 0x1001);
	assert_true(gx_pte(a, vgpu_partition(a->vgpu)->hidden_base + (99 << 20)) == 0x1001);
}

static void nothing_is_left_after_reset_and_removal(void **state)
{
	const struct vgpu_partition *p;
	uint64_t gma[3];
	unsigned int i, round;
	struct gpu *gpu;
	GUESTS(state);

	(void)b;
	gpu = gvt_gpu(gx->gvt);
	p = vgpu_partition(a->vgpu);
	gma[0] = p->aperture_base;
	gma[1] = p->aperture_base + p->aperture_size - 0x1000;
	gma[2] = p->hidden_base + p->hidden_size - 0x1000;
	for (round = 0; round < 2; round++) {
		uint32_t fence = 0x100000 + 8 * p->fence_base;

		for (i = 0; i < 3; i++)
			gx_set_pte(a, gma[i], 0x4003);
		gx_set_reg(a, 0x100004, gma[0]);
		gx_set_reg(a, 0x100000, gma[0] | 1);
		assert_int_not_equal(gpu_mmio_read(gpu, fence, 8), 0);
		if (round)
			gx_remove(a);
		else
			vgpu_reset(a->vgpu);
		for (i = 0; i < 3; i++)
			assert_int_equal(physical(gx, gma[i]), 0);
		assert_int_equal(gpu_mmio_read(gpu, fence, 8), 0);
		if (!round)
			assert_int_equal(gx_pte(a, gma[0]), 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(entries_at_both_edges_of_both_parts),
		T(the_guard_page_s_entry_is_ours_and_clearing_it_is_no_offence),
		T(the_domain_is_ours_to_say),
		T(halves_take_effect_together),
		T(odd_accesses_to_entries_are_refused),
		T(two_guests_at_one_address_stay_apart),
		T(memory_that_is_not_there_is_no_crash),
		T(fences_are_the_share_and_tile_the_partition_only),
		T(a_fence_detiles_nothing_out_of_its_range),
		T(fences_beyond_the_share_are_refused),
		T(nothing_is_left_after_reset_and_removal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
