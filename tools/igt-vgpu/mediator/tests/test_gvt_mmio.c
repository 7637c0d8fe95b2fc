// SPDX-License-Identifier: MIT
/*
 * The register policy: each class, each register that does something, and every register there is.
 */

#include <stdio.h>
#include <string.h>

#include "gvt_fixture.h"

static void plain_storage_is_each_vgpu_s_own(void **state)
{
	GUESTS(state);

	gx_set_reg(a, 0xa090, 0x11);
	gx_set_reg(b, 0xa090, 0x22);
	assert_int_equal(gx_reg(a, 0xa090), 0x11);
	assert_int_equal(gx_reg(b, 0xa090), 0x22);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0xa090, 4), 0);
	/* In parts, and two at a time. */
	vgpu_bar0_write(a->vgpu, 0xa091, 1, 0xab);
	vgpu_bar0_write(a->vgpu, 0xa092, 2, 0xcdef);
	assert_int_equal(gx_reg(a, 0xa090), 0xcdefab11);
	assert_int_equal(vgpu_bar0_read(a->vgpu, 0xa092, 2), 0xcdef);
	assert_int_equal(vgpu_bar0_read(a->vgpu, 0xa093, 1), 0xcd);
	vgpu_bar0_write(a->vgpu, 0xa098, 8, 0x1111111122222222ull);
	assert_int_equal(gx_reg(a, 0xa09c), 0x11111111);
	assert_true(vgpu_bar0_read(a->vgpu, 0xa098, 8) == 0x1111111122222222ull);
}

static void the_table_s_masks_hold_for_a_vgpu(void **state)
{
	GUESTS(state);

	(void)b;
	(void)gx;
	/* masked: 0x7000; read-only: FUSE2; not masked: GAM_ECOCHK */
	gx_set_reg(a, 0x7000, 0x00110011);
	gx_set_reg(a, 0x7000, 0x00020000);
	gx_set_reg(a, 0x7000, 0x0000ffff);
	assert_int_equal(gx_reg(a, 0x7000), 0x11);
	assert_int_equal(gx_reg(a, 0x9120), gpu_mmio_read(gvt_gpu(gx->gvt), 0x9120, 4));
	gx_set_reg(a, 0x9120, 0);
	assert_int_not_equal(gx_reg(a, 0x9120), 0);
	gx_set_reg(a, 0x4090, 0x12345678);
	assert_int_equal(gx_reg(a, 0x4090), 0x12345678);
	/* A part of a masked register cannot be written. */
	vgpu_bar0_write(a->vgpu, 0x7000, 2, 0xff);
	assert_int_equal(gx_reg(a, 0x7000), 0x11);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 1);
}

static void what_every_guest_sees_at_the_start(void **state)
{
	GUESTS(state);

	(void)b;
	(void)gx;
	assert_int_equal(gx_reg(a, 0x51000) & 0x50200000, 0x50200000);	/* no display */
	assert_int_equal(gx_reg(a, 0xc000) & 1, 1);			/* GuC in reset */
	assert_int_equal(gx_reg(a, 0x145998) & 0xff,
			 gpu_mmio_read(gvt_gpu(gx->gvt), 0x145998, 4) & 0xff);
	assert_int_not_equal(gx_reg(a, 0x9120), 0);
	assert_int_equal(gx_reg(a, 0xa26c), gpu_mmio_read(gvt_gpu(gx->gvt), 0xa26c, 4));
}

static void a_power_well_is_on_if_somebody_asks_for_it(void **state)
{
	const uint32_t bios = 0x45400, driver = 0x45404;
	GUESTS(state);

	gx_set_reg(a, driver, 1u << 31 | 1u << 3);
	assert_int_equal(gx_reg(a, driver), 3u << 30 | 3u << 2);
	assert_int_equal(gx_reg(a, bios), 1u << 30 | 1u << 2);
	gx_set_reg(a, bios, 1u << 31);
	gx_set_reg(a, driver, 0);
	assert_int_equal(gx_reg(a, driver), 1u << 30);
	assert_int_equal(gx_reg(b, driver), 0);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), driver, 4), 0);
	/* Nobody switches a well on by saying that it is. */
	gx_set_reg(b, driver, 1u << 30);
	assert_int_equal(gx_reg(b, driver), 0);
}

static void forcewake_is_granted_at_once(void **state)
{
	static const uint32_t pairs[][2] = { { 0xa278, 0xd84 },
					     { 0xa270, 0xd88 },
					     { 0xa188, 0x130044 } };
	unsigned int i;
	GUESTS(state);

	(void)gx;
	for (i = 0; i < 3; i++) {
		gx_set_reg(a, pairs[i][0], 0x00010001);
		assert_int_equal(gx_reg(a, pairs[i][1]), 1);
		gx_set_reg(a, pairs[i][0], 0x00020002);
		assert_int_equal(gx_reg(a, pairs[i][1]), 3);
		gx_set_reg(a, pairs[i][0], 0xffff0000);
		assert_int_equal(gx_reg(a, pairs[i][1]), 0);
		gx_set_reg(a, pairs[i][1], ~0u);
		assert_int_equal(gx_reg(a, pairs[i][1]), 0);
		assert_int_equal(gx_reg(b, pairs[i][1]), 0);
	}
}

static void pcode_answers(void **state)
{
	static const struct { uint32_t command, before, after;
	} rows[] = {
		{ 0x05, 0, 1 }, { 0x06, 0, 0x1e1a1100 }, { 0x06, 1, 0x61514b3d },
		{ 0x07, 3, 1 }, { 0x21, 0, 1 }, { 0x13, 0x55, 0x55 },
		{ 0x09, 0x12, 0 }, { 0x08, 0x345612, 0x345612 }, { 0x09, 0x12, 0x3456 },
		{ 0x09, 0x13, 0 },
	};
	unsigned int i;
	GUESTS(state);

	(void)b;
	(void)gx;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gx_set_reg(a, 0x138128, rows[i].before);
		gx_set_reg(a, 0x138124, 1u << 31 | rows[i].command);
		assert_int_equal(gx_reg(a, 0x138124), 0);
		assert_int_equal(gx_reg(a, 0x138128), rows[i].after);
	}
}

static void invalidations_are_over_when_the_write_is(void **state)
{
	static const uint32_t regs[] = { 0x4260, 0x4264, 0x4268, 0x426c, 0x4270, 0x101008 };
	unsigned int i;
	GUESTS(state);

	(void)b;
	(void)gx;
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		gx_set_reg(a, regs[i], 1);
		assert_int_equal(gx_reg(a, regs[i]), 0);
	}
}

static void status_pages_outside_the_partition_are_refused(void **state)
{
	uint32_t good;
	GUESTS(state);

	(void)b;
	good = a->hwsp[GPU_RCS0];
	gx_set_reg(a, 0x2080, 0x1000);
	assert_int_equal(gx_reg(a, 0x2080), good);
	gx_set_reg(a, 0x2080, 0xfffff000);
	assert_int_equal(gx_reg(a, 0x2080), good);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 2);
	assert_true(gx_logged(gx, "status page of rcs0 at 0x1000 is outside"));
	gx_set_reg(a, 0x2080, 0);
	assert_int_equal(gx_reg(a, 0x2080), 0);
	/* The GPU's own is not the guest's. */
	assert_int_not_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2080, 4), good);
}

static void denied_registers_read_zero_and_count(void **state)
{
	GUESTS(state);

	(void)b;
	gx_set_reg(a, 0xc314, 0xffffffff);
	assert_int_equal(gx_reg(a, 0xc314), 0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 2);
	assert_true(gx_logged(gx, "write of register 0xc314 (GuC DMA) denied"));
}

static void partial_64k_settings_are_refused(void **state)
{
	GUESTS(state);

	(void)b;
	gx_set_reg(a, 0x4080, 0xf);
	assert_int_equal(gx_reg(a, 0x4080), 0xf);
	gx_set_reg(a, 0x4080, 0x3);
	assert_int_equal(gx_reg(a, 0x4080), 0xf);
	assert_true(gx_logged(gx, "64 KiB pages for some engines only"));
	gx_set_reg(a, 0x4080, 0);
	assert_int_equal(gx_reg(a, 0x4080), 0);
}

static void submission_needs_execution_lists(void **state)
{
	struct gx_context ctx;
	GUESTS(state);

	(void)b;
	gx_set_reg(a, 0x229c, 0x80000000);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_no_event(a, GPU_RCS0);
	assert_true(gx_logged(gx, "execution lists are off"));
	assert_int_equal(stats_get(a->stats, STATS_SUBMISSION_0), 0);
}

static void legacy_submission_modes_put_out_of_service(void **state)
{
	GUESTS(state);

	(void)b;
	gx_set_reg(a, 0x229c, 0x00010001);
	assert_true(gx_logged(gx, "submission mode that a vGPU does not have"));
	gx_set_reg(a, 0xa090, 1);
	assert_int_equal(gx_reg(a, 0xa090), 0);
}

static void timestamps_are_the_gpu_s(void **state)
{
	uint32_t first;
	GUESTS(state);

	first = gx_reg(a, 0x2358);
	gx->now_ns += 1000000;
	assert_true(gx_reg(a, 0x2358) - first > 1000);
	assert_true(gx_reg(b, 0x22358) - first > 1000);
	gx_set_reg(a, 0x2358, 0);
	assert_true(gx_reg(a, 0x2358) != 0);
}

static void stopping_the_ring_stops_it_if_it_runs(void **state)
{
	struct gx_context ctx;
	uint32_t flag;
	GUESTS(state);

	assert_int_equal(gx_reg(b, 0x209c) & 0x300, 0x200);
	gx_set_reg(b, 0x209c, 0x01000100);
	assert_int_equal(gx_reg(b, 0x209c) & 0x300, 0x300);
	gx_set_reg(b, 0x209c, 0x01000000);

	flag = gx_alloc(a, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_wait(&ctx, flag);
	gx_emit_store(&ctx, flag + 4, 1);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_set_reg(a, 0x209c, 0x01000100);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, flag + 4), 0);
	assert_int_equal(gx_reg(a, 0x209c) & 0x300, 0x300);
	gx_set_reg(a, 0x209c, 0x01000000);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, flag + 4), 1);
}

static void a_ring_stopped_when_idle_runs_after_that_was_taken_back(void **state)
{
	struct gx_context ca, cb;
	unsigned int way;
	uint64_t poll_ns;
	GUESTS(state);

	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	for (way = 0; way < 4; way++) {
		struct gx_context *next = way == 3 ? &cb : &ca;

		gx_emit_interrupt(&ca);
		gx_submit(&ca, NULL);
		/* Just idle: nobody looked yet. */
		gpu_engine_run(gvt_gpu(gx->gvt), GPU_RCS0, 1000, &poll_ns);
		gx_set_reg(a, 0x209c, 0x01000100);
		gx_expect_run(&ca);
		switch (way) {
		case 0:
			gx_set_reg(a, 0x209c, 0x01000000);
			break;
		case 1:
			gx_set_reg(a, 0x941c, 2);
			gx_start(a);
			break;
		case 2:	/* a reset that is given up (i915 selftest igt_reset_fail_engine) */
			gx_set_reg(a, 0x20d0, 0x00010001);
			gx_set_reg(a, 0x20d0, 0x00010000);
			gx_set_reg(a, 0x209c, 0x01000000);
			break;
		case 3:	/* it is nothing to the other guest */
			break;
		}
		gx_emit_interrupt(next);
		gx_submit(next, NULL);
		gx_run(gx, GPU_RCS0);
		gx_expect_run(next);
	}
}

static void a_full_reset_starts_the_gt_s_registers_anew(void **state)
{
	GUESTS(state);

	(void)gx;
	gx_set_reg(a, 0xb11c, 5);
	gx_set_reg(b, 0xb11c, 6);
	gx_set_reg(a, 0xa278, 0x00010001);
	gx_set_reg(a, 0x44304, 0x77);
	gx_set_reg(a, 0x40e0, 0x907);
	gx_set_reg(a, 0x22080, a->hwsp[GPU_BCS0]);
	gx_set_reg(a, 0x941c, 2);
	assert_int_equal(gx_reg(a, 0xb11c), 5);
	assert_int_equal(gx_reg(a, 0x2080), 0);
	assert_int_equal(gx_reg(a, 0x22080), a->hwsp[GPU_BCS0]);
	gx_set_reg(a, 0x941c, 1);
	assert_int_equal(gx_reg(a, 0xb11c), 0);
	assert_int_equal(gx_reg(a, 0x22080), 0);
	assert_int_equal(gx_reg(a, 0x223a0) & 7, 5);
	/* Interrupts, wells and the PAT stay. */
	assert_int_equal(gx_reg(a, 0x44304), 0x77);
	assert_int_equal(gx_reg(a, 0x40e0), 0x907);
	assert_int_equal(gx_reg(a, 0xd84), 1);
	assert_int_equal(gx_reg(b, 0xb11c), 6);
}

static void the_switched_registers_are_bounded(void **state)
{
	struct gx_context ctx;
	uint32_t offset;
	GUESTS(state);

	(void)b;
	for (offset = 0x5000; offset < 0x9000; offset += 4)
		gx_set_reg(a, offset, 0xffff0001);
	assert_true(stats_get(a->stats, STATS_VIOLATION_MMIO) > 1000);
	assert_true(gx->log_count < 100);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
}

/*
 * What @value becomes where it would put the vGPU out of service (which has its own tests): after
 * that nothing more would be written.
 */
static uint32_t keeps_in_service(uint32_t offset, uint32_t value)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++)
		if (offset == gx_base(e) + 0x29c)
			return value & ~0x00030003u;
	return value;
}

static void every_register_can_be_written_with_anything(void **state)
{
	static const uint32_t values[] = { 0, ~0u, 0xffff0000u, 0x80000001u, 0x00010001u };
	struct gx_context ctx;
	unsigned int i;
	uint32_t offset;
	GUESTS(state);

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4) {
			if (offset < VGT_PVINFO_PAGE + 0x808 || offset >= VGT_PVINFO_PAGE + 0x818)
				gx_set_reg(a, offset, keeps_in_service(offset, values[i]));
			gx_reg(a, offset);
		}
		assert_false(gx_logged(gx, "out of service"));
		gx_set_reg(a, 0xb11c, 0x1000 + i);
		assert_int_equal(gx_reg(a, 0xb11c), 0x1000 + i);
		vgpu_reset(a->vgpu);
		gx_reg(a, VGT_PVINFO_PAGE);
	}
	/* Nobody else was harmed. */
	gx_context_init(&ctx, b, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&ctx);
	assert_int_equal(gpu_ggtt_read(gvt_gpu(gx->gvt), GPU_GGTT_ENTRIES - 1) & 1, 1);
}

static void traps_are_counted_by_kind(void **state)
{
	GUESTS(state);

	(void)b;
	(void)gx;
	stats_reset(a->stats);
	gx_reg(a, VGT_PVINFO_PAGE);
	gx_set_reg(a, VGT_PVINFO_PAGE + 0x804, 1);
	gx_pte(a, vgpu_partition(a->vgpu)->hidden_base);
	gx_set_pte(a, vgpu_partition(a->vgpu)->hidden_base, 0);
	vgpu_aperture_read(a->vgpu, vgpu_partition(a->vgpu)->aperture_base, 4);
	gx_set_reg(a, 0x941c, 1);
	gx_set_reg(a, 0x941c, 2);
	gx_set_reg(a, 0x941c, 1u << 5);
	assert_int_equal(stats_get(a->stats, STATS_PVINFO_READ), 1);
	assert_int_equal(stats_get(a->stats, STATS_PVINFO_WRITE), 1);
	assert_int_equal(stats_get(a->stats, STATS_GGTT_READ), 1);
	assert_int_equal(stats_get(a->stats, STATS_GGTT_WRITE), 1);
	assert_int_equal(stats_get(a->stats, STATS_APERTURE), 1);
	assert_int_equal(stats_get(a->stats, STATS_RESET_FULL), 1);
	assert_int_equal(stats_get(a->stats, STATS_RESET_ENGINE), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(plain_storage_is_each_vgpu_s_own),
		T(the_table_s_masks_hold_for_a_vgpu),
		T(what_every_guest_sees_at_the_start),
		T(a_power_well_is_on_if_somebody_asks_for_it),
		T(forcewake_is_granted_at_once),
		T(pcode_answers),
		T(invalidations_are_over_when_the_write_is),
		T(status_pages_outside_the_partition_are_refused),
		T(denied_registers_read_zero_and_count),
		T(partial_64k_settings_are_refused),
		T(submission_needs_execution_lists),
		T(legacy_submission_modes_put_out_of_service),
		T(timestamps_are_the_gpu_s),
		T(stopping_the_ring_stops_it_if_it_runs),
		T(a_ring_stopped_when_idle_runs_after_that_was_taken_back),
		T(a_full_reset_starts_the_gt_s_registers_anew),
		T(the_switched_registers_are_bounded),
		T(every_register_can_be_written_with_anything),
		T(traps_are_counted_by_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
