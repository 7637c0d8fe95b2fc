// SPDX-License-Identifier: MIT
/* Tests of gpu/irq.c: masks, latches, enables, the line and its edges. */
#include "fixture.h"

#define MASTER		0x44200u
#define IIR(bank)	(0x44308u + 0x10 * (bank))
#define IMR(bank)	(0x44304u + 0x10 * (bank))
#define IER(bank)	(0x4430cu + 0x10 * (bank))
#define ENABLE		(1u << 31)
#define MI_USER_INTERRUPT (0x02u << 23)
#define USER		(1u << 0)
#define CONTEXT_SWITCH	(1u << 8)

static const struct { uint8_t bank, shift, master;
} where[GPU_NUM_ENGINES] = {
	[GPU_RCS0] = { 0, 0, 0 },
	[GPU_BCS0] = { 0, 16, 1 },
	[GPU_VCS0] = { 1, 0, 2 },
	[GPU_VECS0] = { 3, 0, 6 },
};

/* Everything unmasked and enabled, master as given. */
static void unmask(struct fx *fx, enum gpu_engine_id engine, uint32_t master)
{
	uint32_t bits = (USER | CONTEXT_SWITCH) << where[engine].shift;

	fx_set_reg(fx, IMR(where[engine].bank), ~bits);
	fx_set_reg(fx, IER(where[engine].bank), bits);
	fx_set_reg(fx, fx_base(engine) + 0xa8, ~bits);
	fx_set_reg(fx, MASTER, master);
}

static void run_user_interrupt(struct fx *fx, enum gpu_engine_id engine)
{
	struct fx_context ctx;

	fx_hwsp(fx, engine);
	fx_context_init(fx, &ctx, engine, 0);
	fx_emit(&ctx, 2, MI_USER_INTERRUPT, 0u);
	fx_submit(fx, &ctx, NULL);
	fx_run(fx, engine);
}

static void each_engines_interrupt_has_its_bank_shift_and_master_bit(void **state)
{
	struct fx *fx = *state;
	enum gpu_engine_id engine;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		unsigned int rises = fx->irq_rises;
		uint32_t bits = (USER | CONTEXT_SWITCH) << where[engine].shift;

		unmask(fx, engine, ENABLE);
		run_user_interrupt(fx, engine);
		assert_int_equal(fx_reg(fx, IIR(where[engine].bank)), bits);
		assert_int_equal(fx_reg(fx, MASTER), ENABLE | 1u << where[engine].master);
		assert_int_equal(fx->irq_rises, rises + 1);
		assert_true(fx->irq_level && gpu_irq_level(fx->gpu));
		fx_set_reg(fx, IIR(where[engine].bank), bits);
		assert_int_equal(fx_reg(fx, IIR(where[engine].bank)), 0);
		assert_false(fx->irq_level);
	}
}

static void a_short_submission_costs_one_interrupt(void **state)
{
	struct fx *fx = *state;

	unmask(fx, GPU_RCS0, ENABLE);
	run_user_interrupt(fx, GPU_RCS0);
	assert_int_equal(fx->irq_rises, 1);
}

static void an_interrupt_is_not_held_back_by_what_follows(void **state)
{
	struct fx *fx = *state;
	struct fx_context ctx;
	unsigned int i;

	unmask(fx, GPU_RCS0, ENABLE);
	fx_hwsp(fx, GPU_RCS0);
	fx_context_init(fx, &ctx, GPU_RCS0, 0);
	fx_emit(&ctx, 2, MI_USER_INTERRUPT, 0u);
	for (i = 0; i < 200; i++)
		fx_emit(&ctx, 1, 0x05u << 23);
	fx_submit(fx, &ctx, NULL);
	fx->tick_ns = 3000;
	gpu_engine_run(fx->gpu, GPU_RCS0, 100, &(uint64_t){ 0 });
	assert_true(fx->irq_level);
}

static void events_masked_by_the_engine_or_the_bank_are_lost(void **state)
{
	struct fx *fx = *state;

	unmask(fx, GPU_BCS0, ENABLE);
	fx_set_reg(fx, 0x220a8, ~0u);
	run_user_interrupt(fx, GPU_BCS0);
	assert_int_equal(fx_reg(fx, IIR(0)), 0);
	fx_set_reg(fx, 0x220a8, 0);
	fx_set_reg(fx, IMR(0), ~0u);
	run_user_interrupt(fx, GPU_BCS0);
	fx_set_reg(fx, IMR(0), 0);
	assert_int_equal(fx_reg(fx, IIR(0)), 0);
	assert_int_equal(fx->irq_rises, 0);
}

static void enabling_what_is_pending_raises_the_line(void **state)
{
	struct fx *fx = *state;

	unmask(fx, GPU_VCS0, 0);
	fx_set_reg(fx, IER(1), 0);
	run_user_interrupt(fx, GPU_VCS0);
	assert_int_equal(fx_reg(fx, IIR(1)), USER | CONTEXT_SWITCH);
	assert_int_equal(fx->irq_rises, 0);
	fx_set_reg(fx, MASTER, ENABLE);
	assert_int_equal(fx->irq_rises, 0);
	fx_set_reg(fx, IER(1), USER);
	assert_int_equal(fx->irq_rises, 1);
}

/*
 * i915 gen8_irq_handler(): master off, read and clear, master on. What is left pending must
 * interrupt again.
 */
static void the_master_enable_makes_an_edge_while_anything_is_pending(void **state)
{
	struct fx *fx = *state;

	unmask(fx, GPU_RCS0, ENABLE);
	run_user_interrupt(fx, GPU_RCS0);
	assert_int_equal(fx->irq_rises, 1);
	fx_set_reg(fx, MASTER, 0);
	assert_false(fx->irq_level);
	fx_set_reg(fx, IIR(0), USER);
	fx_set_reg(fx, MASTER, ENABLE);
	assert_int_equal(fx->irq_rises, 2);
	fx_set_reg(fx, MASTER, 0);
	fx_set_reg(fx, IIR(0), CONTEXT_SWITCH);
	fx_set_reg(fx, MASTER, ENABLE);
	assert_int_equal(fx->irq_rises, 2);
}

static void bank_bits_of_the_master_are_read_only(void **state)
{
	struct fx *fx = *state;

	fx_set_reg(fx, MASTER, ~0u);
	assert_int_equal(fx_reg(fx, MASTER), ENABLE);
	assert_false(fx->irq_level);
}

static void display_pcu_and_guc_identities_stay_zero(void **state)
{
	static const uint32_t iir[] = { 0x44408, 0x44418, 0x44428, 0x44448,
					0x44468, 0x444e8, 0xc4008, 0x64838 };
	struct fx *fx = *state;
	unsigned int i;

	for (i = 0; i < sizeof(iir) / sizeof(iir[0]); i++) {
		fx_set_reg(fx, iir[i], ~0u);
		assert_int_equal(fx_reg(fx, iir[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
		T(each_engines_interrupt_has_its_bank_shift_and_master_bit),
		T(a_short_submission_costs_one_interrupt),
		T(an_interrupt_is_not_held_back_by_what_follows),
		T(events_masked_by_the_engine_or_the_bank_are_lost),
		T(enabling_what_is_pending_raises_the_line),
		T(the_master_enable_makes_an_edge_while_anything_is_pending),
		T(bank_bits_of_the_master_are_read_only),
		T(display_pcu_and_guc_identities_stay_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
