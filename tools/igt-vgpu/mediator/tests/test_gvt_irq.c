// SPDX-License-Identifier: MIT
/*
 * A vGPU's interrupt registers: masks at the time of the event, latches, the line, and whose it is.
 */

#include "gvt_fixture.h"

#define USER	(1u << 0)
#define SWITCH	(1u << 8)

/* One user interrupt of guest @guest's @engine. */
static void interrupt(struct gx *gx, struct gx_guest *guest, enum gpu_engine_id engine)
{
	struct gx_context ctx;

	gx_context_init(&ctx, guest, engine);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, engine);
}

static void masks_decide_what_becomes_of_an_event(void **state)
{
	/* Is the event in IIR, is the line up? */
	static const struct { uint32_t ring_imr, imr, ier, master; bool latched, line; } rows[] = {
		{ 0, 0, ~0u, 1u << 31, true, true },
		{ 0, 0, ~0u, 0, true, false },
		{ 0, 0, 0, 1u << 31, true, false },
		{ 0, ~0u, ~0u, 1u << 31, false, false },
		{ ~0u, 0, ~0u, 1u << 31, false, false },
		{ ~USER, ~USER, USER, 1u << 31, true, true },
		{ USER, 0, USER, 1u << 31, false, false },
		{ 0, USER, USER, 1u << 31, false, false },
		{ 0, 0, SWITCH, 1u << 31, true, true },
		{ SWITCH, 0, SWITCH, 1u << 31, true, false },
	};
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gx_set_reg(a, 0x44308, ~0u);
		gx_set_reg(a, 0x20a8, rows[i].ring_imr);
		gx_set_reg(a, 0x44304, rows[i].imr);
		gx_set_reg(a, 0x4430c, rows[i].ier);
		gx_set_reg(a, 0x44200, rows[i].master);
		assert_false(vgpu_irq_level(a->vgpu));
		interrupt(gx, a, GPU_RCS0);
		assert_int_equal(gx_reg(a, 0x44308) & USER, rows[i].latched ? USER : 0);
		assert_int_equal(vgpu_irq_level(a->vgpu), rows[i].line);
		assert_int_equal(a->irq_level, rows[i].line);
	}
}

static void enabling_later_raises_the_line_unmasking_later_does_not(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	gx_set_reg(a, 0x44200, 0);
	gx_set_reg(a, 0x4430c, 0);
	gx_set_reg(a, 0x44304, SWITCH);
	interrupt(gx, a, GPU_RCS0);
	gx_set_reg(a, 0x44304, 0);
	assert_int_equal(gx_reg(a, 0x44308), USER);
	gx_set_reg(a, 0x44200, 1u << 31);
	assert_false(vgpu_irq_level(a->vgpu));
	gx_set_reg(a, 0x4430c, USER);
	assert_true(vgpu_irq_level(a->vgpu));
	assert_int_equal(a->irq_rises, 1);
	/* The handler of i915: master off, acknowledge, master on. */
	gx_set_reg(a, 0x44200, 0);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x44200), 1);
	gx_set_reg(a, 0x44200, 1u << 31);
	assert_int_equal(a->irq_rises, 2);
	gx_set_reg(a, 0x44308, USER);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31);
	assert_int_equal(a->irq_rises, 2);
	assert_int_equal(a->irq_calls, 4);
}

static void acknowledging_clears_only_the_ones(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	interrupt(gx, a, GPU_RCS0);
	interrupt(gx, a, GPU_BCS0);
	assert_int_equal(gx_reg(a, 0x44308), 0x01010101);
	gx_set_reg(a, 0x44308, 0x00000100);
	assert_int_equal(gx_reg(a, 0x44308), 0x01010001);
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31 | 3);
	gx_set_reg(a, 0x44308, 0x0000ffff);
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31 | 2);
	assert_true(vgpu_irq_level(a->vgpu));
	gx_set_reg(a, 0x44308, 0xffff0000);
	assert_false(vgpu_irq_level(a->vgpu));
}

static void each_engine_has_its_place(void **state)
{
	static const struct { enum gpu_engine_id engine; uint32_t iir, bits, master;
	} rows[] = {
		{ GPU_RCS0, 0x44308, 0x00000101, 1u << 0 },
		{ GPU_BCS0, 0x44308, 0x01010000, 1u << 1 },
		{ GPU_VCS0, 0x44318, 0x00000101, 1u << 2 },
		{ GPU_VECS0, 0x44338, 0x00000101, 1u << 6 },
	};
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		interrupt(gx, b, rows[i].engine);
		assert_int_equal(gx_reg(b, rows[i].iir), rows[i].bits);
		assert_int_equal(gx_reg(b, 0x44200), 1u << 31 | rows[i].master);
		assert_int_equal(gx_reg(a, rows[i].iir), 0);
		gx_set_reg(b, rows[i].iir, ~0u);
	}
	assert_int_equal(a->irq_calls, 0);
	assert_int_equal(b->irq_calls, 8);
}

static void identity_registers_of_the_display_read_zero(void **state)
{
	static const uint32_t iir[] = { 0x44408, 0x44418, 0x44428, 0x44448,
					0x44468, 0x444e8, 0xc4008, 0x44328 };
	struct gx_guest *a = &((struct gx *)*state)->guest[0];
	unsigned int i;

	for (i = 0; i < sizeof(iir) / sizeof(iir[0]); i++) {
		gx_set_reg(a, iir[i], ~0u);
		assert_int_equal(gx_reg(a, iir[i]), 0);
		gx_set_reg(a, iir[i] - 4, 0x1234);
		assert_int_equal(gx_reg(a, iir[i] - 4), 0x1234);
		gx_set_reg(a, iir[i] + 4, 0x4321);
		assert_int_equal(gx_reg(a, iir[i] + 4), 0x4321);
	}
	assert_false(vgpu_irq_level(a->vgpu));
}

static void an_invalid_command_is_reported_to_its_owner(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1];
	struct gx_context ctx;

	gx_set_reg(a, 0x20b4, ~1u);	/* RING_EMR: let the invalid instruction through */
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_invalid(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_reg(a, 0x20b0) & 1, 1);
	assert_int_equal(gx_reg(a, 0x44308) & 1u << 3, 1u << 3);
	assert_int_equal(gx_reg(b, 0x20b0), 0);
	assert_int_equal(gx_reg(b, 0x44308), 0);
	gx_set_reg(a, 0x941c, 2);
	assert_int_equal(gx_reg(a, 0x20b0), 0);
}

static void a_reset_vgpu_has_its_line_down(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	interrupt(gx, a, GPU_RCS0);
	assert_true(a->irq_level);
	vgpu_reset(a->vgpu);
	assert_false(a->irq_level);
	assert_int_equal(gx_reg(a, 0x44304), 0xffffffff);
	assert_int_equal(gx_reg(a, 0x44308), 0);
	assert_int_equal(gx_reg(a, 0x44200), 0);
}

static void an_interrupt_in_the_moment_of_an_acknowledgement_is_one_more(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];
	struct gx_context ctx;
	unsigned int rises;
	uint64_t poll_ns;

	interrupt(gx, a, GPU_RCS0);
	assert_true(vgpu_irq_level(a->vgpu));
	rises = vgpu_irq_rises(a->vgpu);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	/* The GPU has reported, and the guest's trap is the first to look. */
	while (gpu_engine_run(gvt_gpu(gx->gvt), GPU_RCS0, 100, &poll_ns))
		;
	assert_int_equal(vgpu_irq_rises(a->vgpu), rises);
	gx_set_reg(a, 0x44308, ~0u);
	assert_true(vgpu_irq_level(a->vgpu));
	assert_int_equal(vgpu_irq_rises(a->vgpu), rises + 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(masks_decide_what_becomes_of_an_event),
		T(enabling_later_raises_the_line_unmasking_later_does_not),
		T(acknowledging_clears_only_the_ones),
		T(each_engine_has_its_place),
		T(identity_registers_of_the_display_read_zero),
		T(an_invalid_command_is_reported_to_its_owner),
		T(an_interrupt_in_the_moment_of_an_acknowledgement_is_one_more),
		T(a_reset_vgpu_has_its_line_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
