// SPDX-License-Identifier: MIT
/*
 * Submission through the mediator: order, isolation, events and interrupts of two guests on one
 * GPU.
 */

#include <stdio.h>

#include "gvt_fixture.h"

static void a_context_runs_and_its_guest_hears_of_it(void **state)
{
	unsigned int e;
	GUESTS(state);

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		struct gx_context ctx;
		uint32_t target = gx_alloc(a, 1);

		gx_context_init(&ctx, a, e);
		gx_emit_store(&ctx, target, 0xcafe0000 + e);
		gx_emit_interrupt(&ctx);
		gx_submit(&ctx, NULL);
		gx_run(gx, e);
		assert_int_equal(gx_get(a, target), 0xcafe0000 + e);
		gx_expect_run(&ctx);
		gx_expect_no_event(a, e);
		assert_true(vgpu_irq_level(a->vgpu));
		assert_int_equal(stats_get(a->stats, STATS_SUBMISSION_0 + e), 1);
	}
	/* RCS and BCS share bank 0, VCS has 1, VECS 3; user and context switch interrupts. */
	assert_int_equal(gx_reg(a, 0x44308), 0x01010101);
	assert_int_equal(gx_reg(a, 0x44318), 0x0101);
	assert_int_equal(gx_reg(a, 0x44338), 0x0101);
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31 | 1 | 2 | 4 | 1u << 6);
	assert_false(vgpu_irq_level(b->vgpu));
	assert_int_equal(b->irq_calls, 0);
}

static void a_guest_that_sees_a_context_at_work_has_the_event(void **state)
{
	struct gx_context ctx;
	uint32_t target, flag;
	GUESTS(state);

	(void)b;
	target = gx_alloc(a, 1);
	flag = gx_alloc(a, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_store(&ctx, target, 1);
	gx_emit_wait(&ctx, flag);
	gx_submit(&ctx, NULL);
	/* No command was executed; the interrupt comes when the engine has taken the context up. */
	assert_int_equal(gx_get(a, target), 0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	assert_int_equal(a->irq_rises, 0);
	/* Its registers say the same: an element that is valid and active, none that waits, which one. */
	assert_int_equal(gx_reg(a, 0x2234) & 0x4001c, 0x40010);
	assert_int_equal(gx_reg(a, 0x2238), ctx.id);

	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, target), 1);
	assert_int_equal(a->irq_rises, 1);
	gx_expect_no_event(a, GPU_RCS0);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_ACTIVE_IDLE, ctx.id);
}

static void two_elements_run_in_order(void **state)
{
	struct gx_context first, second;
	uint32_t target;
	GUESTS(state);

	(void)b;
	target = gx_alloc(a, 1);
	gx_context_init(&first, a, GPU_RCS0);
	gx_context_init(&second, a, GPU_RCS0);
	gx_emit_store(&first, target, 1);
	gx_emit_store(&second, target, 2);
	gx_submit(&first, &second);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, target), 2);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(a, GPU_RCS0, GX_ELEMENT_SWITCH, first.id);
	gx_expect_event(a, GPU_RCS0, GX_ACTIVE_IDLE, second.id);
	gx_expect_no_event(a, GPU_RCS0);
}

static void events_wrap_around_the_six_entries(void **state)
{
	struct gx_context ctx;
	unsigned int i;
	GUESTS(state);

	(void)b;
	gx_context_init(&ctx, a, GPU_BCS0);
	for (i = 0; i < 20; i++) {
		gx_emit_interrupt(&ctx);
		gx_submit(&ctx, NULL);
		gx_run(gx, GPU_BCS0);
		gx_expect_run(&ctx);
		/* The register view says the same as the status page. */
		assert_int_equal(gx_reg(a, 0x22000 + 0x3a0) & 7, (2 * i + 1) % 6);
		assert_int_equal(gx_reg(a, 0x22000 + 0x370 + 8 * ((2 * i + 1) % 6)),
				 GX_ACTIVE_IDLE);
		assert_int_equal(gx_reg(a, 0x22000 + 0x374 + 8 * ((2 * i + 1) % 6)), ctx.id);
	}
}

static void the_only_guest_gets_a_lite_restore(void **state)
{
	struct gx_context ctx;
	uint32_t target;
	GUESTS(state);

	(void)b;
	target = gx_alloc(a, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_wait(&ctx, target);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_no_event(a, GPU_RCS0);

	gx_emit_store(&ctx, target + 4, 7);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_LITE_RESTORE, ctx.id);
	gx_expect_no_event(a, GPU_RCS0);

	gx_set(a, target, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_ACTIVE_IDLE, ctx.id);
	assert_int_equal(gx_get(a, target + 4), 7);
}

static void engines_are_shared_independently(void **state)
{
	struct gx_context ca, cb;
	uint32_t ta, tb;
	GUESTS(state);

	ta = gx_alloc(a, 1);
	tb = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_BCS0);
	gx_emit_wait(&ca, ta);
	gx_emit_store(&cb, tb, 9);
	gx_submit(&ca, NULL);
	gx_submit(&cb, NULL);
	gx_run(gx, GPU_RCS0);
	gx_run(gx, GPU_BCS0);
	assert_int_equal(gx_get(b, tb), 9);
	gx_expect_run(&cb);
	assert_int_equal(gx_reg(a, 0x44308) & 0xffff0000, 0);
}

static void the_newest_held_submission_wins(void **state)
{
	struct gx_context ctx, newer;
	uint32_t out;
	GUESTS(state);

	(void)b;
	out = gx_alloc(a, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_context_init(&newer, a, GPU_RCS0);
	gx_emit_store(&ctx, out, 1);
	gx_emit_store(&newer, out + 4, 2);
	gx_set_reg(a, 0x209c, 0x01000100);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_reg(a, 0x2234) & 0x6001c, 4);
	gx_submit(&newer, NULL);
	gx_set_reg(a, 0x209c, 0x01000000);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, out), 0);
	assert_int_equal(gx_get(a, out + 4), 2);
	gx_expect_run(&newer);
	gx_expect_no_event(a, GPU_RCS0);
}

static void a_halted_engine_goes_to_who_waits_and_looks_hung_to_its_guest(void **state)
{
	struct gx_context ca, cb;
	uint32_t tb, header;
	unsigned int order;
	GUESTS(state);

	gx_set_reg(a, 0x20b4, ~1u);
	tb = gx_alloc(b, 1);
	for (order = 0; order < 2; order++) {
		gx_context_init(&ca, a, GPU_RCS0);
		gx_context_init(&cb, b, GPU_RCS0);
		gx_emit_invalid(&ca);
		gx_emit_store(&cb, tb, 3 + order);
		gx_submit(&ca, NULL);
		/* The other one waits before it happens, or comes after. */
		if (order)
			gx_run(gx, GPU_RCS0);
		gx_submit(&cb, NULL);
		gx_run(gx, GPU_RCS0);
		assert_int_equal(gx_get(b, tb), 3 + order);
		gx_expect_run(&cb);
		assert_true(gx_logged(gx, "vgpu1: rcs0: hung: unknown command"));

		gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
		gx_expect_no_event(a, GPU_RCS0);
		assert_int_equal(gx_reg(a, 0x20b0) & 1, 1);
		header = 0x7eu << 23;
		assert_int_equal(gx_reg(a, 0x2068), header);
		assert_int_equal(gx_reg(a, 0x209c) & 1u << 9, 0);
		/* Nothing goes on before the reset. */
		gx_context_init(&ca, a, GPU_RCS0);
		gx_submit(&ca, NULL);
		gx_run(gx, GPU_RCS0);
		gx_expect_no_event(a, GPU_RCS0);
		gx_set_reg(a, 0x941c, 2);
		assert_int_equal(gx_reg(a, 0x20b0), 0);
		gx_start(a);
		gx_set_reg(a, 0x20b4, ~1u);
		gx_emit_interrupt(&ca);
		gx_submit(&ca, NULL);
		gx_run(gx, GPU_RCS0);
		gx_expect_run(&ca);
	}
}

static void a_hang_of_one_guest_ends_with_its_reset_and_is_nothing_to_the_other(void **state)
{
	struct gx_context ca, cb;
	uint32_t tb;
	GUESTS(state);

	gx_wait_and_store(gx, &ca, &cb, NULL, &tb);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_submit(&cb, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(b, tb), 3);
	gx_expect_run(&cb);

	/* What i915 does: ask, reset, let go. */
	gx_set_reg(a, 0x20d0, 0x00010001);
	assert_int_equal(gx_reg(a, 0x20d0) & 3, 3);
	gx_set_reg(a, 0x941c, 1u << 1);
	assert_int_equal(gx_reg(a, 0x941c), 0);
	gx_set_reg(a, 0x20d0, 0x00010000);
	assert_int_equal(gx_reg(a, 0x20d0) & 3, 0);
	gx_run(gx, GPU_RCS0);
	gx_expect_no_event(b, GPU_RCS0);
	assert_int_equal(stats_get(a->stats, STATS_RESET_ENGINE), 1);
	assert_int_equal(stats_get(b->stats, STATS_RESET_ENGINE), 0);

	/* And the first one starts anew. */
	a->hwsp[GPU_RCS0] = 0;
	gx_start(a);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_emit_interrupt(&ca);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&ca);
}

static void a_reset_takes_back_what_was_queued_and_nothing_else(void **state)
{
	struct gx_context ca, cb;
	uint32_t ta, tb;
	GUESTS(state);

	ta = gx_alloc(a, 1);
	tb = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_wait(&ca, ta);
	gx_emit_store(&ca, ta + 4, 1);
	gx_emit_store(&cb, tb, 1);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	/* A stopped ring holds it back. */
	gx_set_reg(b, 0x209c, 0x01000100);
	gx_submit(&cb, NULL);
	gx_set_reg(b, 0x941c, 1);
	gx_set(a, ta, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, ta + 4), 1);
	assert_int_equal(gx_get(b, tb), 0);
	gx_expect_run(&ca);
	gx_expect_no_event(b, GPU_RCS0);
	assert_int_equal(stats_get(b->stats, STATS_RESET_FULL), 1);
}

static void a_destroyed_vgpu_leaves_the_engine_to_the_next(void **state)
{
	struct gx_context ca, cb;
	uint32_t tb;
	GUESTS(state);

	gx_wait_and_store(gx, &ca, &cb, NULL, &tb);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_submit(&cb, NULL);
	gx_remove(a);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(b, tb), 3);
	gx_expect_run(&cb);
}

static void a_vgpu_reset_while_busy_frees_engine_and_ggtt(void **state)
{
	struct gx_context ca, cb;
	uint32_t ta, tb;
	GUESTS(state);

	gx_wait_and_store(gx, &ca, &cb, &ta, &tb);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	vgpu_reset(a->vgpu);
	assert_int_equal(gx_pte(a, ta), 0);
	assert_int_equal(gpu_ggtt_read(gvt_gpu(gx->gvt), ta >> GPU_PAGE_SHIFT), 0);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x2080), 0);
	gx_submit(&cb, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(b, tb), 3);
}

static void whoever_does_not_run_can_leave_without_harm(void **state)
{
	struct gx_context ca, cb;
	uint32_t ta;
	unsigned int way;
	GUESTS(state);

	ta = gx_alloc(a, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_wait(&ca, ta);
	gx_emit_store(&ca, ta + 4, 1);
	gx_emit_interrupt(&cb);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_submit(&cb, NULL);
	for (way = 0; way < 2; way++) {
		if (way)
			gx_remove(b);
		else
			vgpu_reset(b->vgpu);
		gx_run(gx, GPU_RCS0);
		assert_int_not_equal(gx_reg(a, 0x2234) & 0x60018, 0);
	}
	gx_set(a, ta, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, ta + 4), 1);
	gx_expect_run(&ca);
}

static void switched_registers_follow_their_owner(void **state)
{
	struct gx_context ca, cb;
	struct gpu *gpu;
	GUESTS(state);

	gpu = gvt_gpu(gx->gvt);
	/* A register of the L3 and a masked one, set by one guest only and by both. */
	gx_set_reg(a, 0xb11c, 0xaaaa0001);
	gx_set_reg(a, 0x20e0, 0x00100010);
	gx_set_reg(b, 0x20e0, 0x00200020);
	assert_int_equal(gx_reg(a, 0x20e0), 0x10);
	assert_int_equal(gx_reg(b, 0x20e0), 0x20);
	assert_int_equal(gpu_mmio_read(gpu, 0xb11c, 4), 0);

	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_interrupt(&ca);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gpu_mmio_read(gpu, 0xb11c, 4), 0xaaaa0001);
	assert_int_equal(gpu_mmio_read(gpu, 0x20e0, 4), 0x10);
	/* The owner's write goes through. */
	gx_set_reg(a, 0xb11c, 0xaaaa0002);
	assert_int_equal(gpu_mmio_read(gpu, 0xb11c, 4), 0xaaaa0002);

	gx_emit_interrupt(&cb);
	gx_submit(&cb, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gpu_mmio_read(gpu, 0xb11c, 4), 0);
	assert_int_equal(gpu_mmio_read(gpu, 0x20e0, 4), 0x20);
	assert_int_equal(gx_reg(a, 0xb11c), 0xaaaa0002);
	assert_int_equal(gx_reg(b, 0xb11c), 0);
	gx_remove(b);
	assert_int_equal(gpu_mmio_read(gpu, 0x20e0, 4), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_context_runs_and_its_guest_hears_of_it),
		T(a_guest_that_sees_a_context_at_work_has_the_event),
		T(two_elements_run_in_order),
		T(events_wrap_around_the_six_entries),
		T(the_only_guest_gets_a_lite_restore),
		T(engines_are_shared_independently),
		T(the_newest_held_submission_wins),
		T(a_hang_of_one_guest_ends_with_its_reset_and_is_nothing_to_the_other),
		T(a_halted_engine_goes_to_who_waits_and_looks_hung_to_its_guest),
		T(a_reset_takes_back_what_was_queued_and_nothing_else),
		T(a_destroyed_vgpu_leaves_the_engine_to_the_next),
		T(a_vgpu_reset_while_busy_frees_engine_and_ggtt),
		T(whoever_does_not_run_can_leave_without_harm),
		T(switched_registers_follow_their_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
