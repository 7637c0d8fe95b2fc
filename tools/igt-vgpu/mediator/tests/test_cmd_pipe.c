// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/cmd_pipe.c: PIPE_CONTROL's post-sync operations, notifications and what a user batch
 * may not do with it.
 */
#include <string.h>

#include "cs_fixture.h"

#define PIPE		0x7a000004
#define D(offset)	LO(DATA_VA + (offset)), HI(DATA_VA)
#define IMM		(1u << 14)
#define DEPTH_COUNT	(2u << 14)
#define TIMESTAMP	(3u << 14)
#define STORE_INDEX	(1u << 21)
#define GLOBAL_GTT	(1u << 24)

static void a_flush_alone_writes_nothing(void **state)
{
	struct cst *t = *state;

	memset(t->data, 0xff, 64);
	cst_priv(t, PIPE, 1 << 20 | 1 << 12 | 1, D(0), 1, 2);
	assert_true(cst_data64(t, 0) == ~0ull);
	assert_int_equal(atomic_load(&t->engine->irq_deferred), 0);
}

static void an_immediate_qword_goes_to_either_space(void **state)
{
	struct cst *t = *state;

	cst_priv(t, PIPE, IMM, D(8), 0x11, 0x22, PIPE, IMM | GLOBAL_GTT, t->ggtt_data, 0, 0x33,
		 0x44);
	assert_true(cst_data64(t, 8) == 0x2200000011ull);
	assert_int_equal(fx_read(t->fx, t->ggtt_data), 0x33);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 4), 0x44);
}

static void a_stored_index_lands_in_the_contexts_status_page(void **state)
{
	struct cst *t = *state;

	/* as gen8_emit_flush_rcs() does for its scratch write */
	cst_priv(t, PIPE, IMM | STORE_INDEX, 0x340, 0, 0x55, 0);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x340), 0x55);
}

static void a_stored_index_with_the_ggtt_bit_lands_in_the_engines_status_page(void **state)
{
	struct cst *t = *state, *vgpu;

	/* as write_timestamp() of i915's perf selftest does */
	cst_set_reg(t, 0x80, t->ggtt_data);
	cst_priv(t, PIPE, IMM | STORE_INDEX | GLOBAL_GTT, 0x340, 0, 0x66, 0);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 0x340), 0x66);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x340), 0);

	/* on a shared GPU: the vGPU's own page, which the mediator names */
	vgpu = cst_new(GPU_SKL, GPU_RCS0, 1);
	cst_set_reg(vgpu, 0x80, 0xfffff000);
	cst_set_reg(vgpu, GPU_RING_HWS_PGA_VGPU, vgpu->ggtt_data);
	cst_priv(vgpu, PIPE, IMM | STORE_INDEX | GLOBAL_GTT, 0x340, 0, 0x77, 0);
	assert_int_equal(fx_read(vgpu->fx, vgpu->ggtt_data + 0x340), 0x77);
	cst_set_reg(vgpu, GPU_RING_HWS_PGA_VGPU, 0);
	cst_priv(vgpu, PIPE, IMM | STORE_INDEX | GLOBAL_GTT, 0x340, 0, 0x88, 0);
	assert_int_equal(fx_read(vgpu->fx, vgpu->cs->pphwsp + 0x340), 0x88);
	cst_free(vgpu);
}

static void a_timestamp_moves_on_with_the_clock(void **state)
{
	struct cst *t = *state;

	cst_priv(t, PIPE, TIMESTAMP, D(0), 0, 0);
	t->fx->now_ns += 1000000000;
	cst_priv(t, PIPE, TIMESTAMP, D(8), 0, 0);
	/* 12 MHz on Skylake */
	assert_in_range(cst_data64(t, 8) - cst_data64(t, 0), 12000000, 12000100);
}

static void a_depth_count_is_the_registers_value(void **state)
{
	struct cst *t = *state;

	memset(t->data, 0xff, 8);
	cst_set_reg(t, 0x350, 0x77);
	cst_set_reg(t, 0x354, 0x88);
	cst_priv(t, PIPE, DEPTH_COUNT, D(0), 0, 0);
	assert_true(cst_data64(t, 0) == 0x8800000077ull);
}

static void notify_raises_bit_4(void **state)
{
	struct cst *t = *state;

	cst_priv(t, PIPE, 1 << 8, 0, 0, 0, 0);
	assert_int_equal(atomic_load(&t->engine->irq_deferred), GPU_IRQ_FLUSH_NOTIFY);
}

static void tlb_invalidation_makes_a_new_mapping_visible(void **state)
{
	struct cst *t = *state;
	uint64_t other = fx_alloc(t->fx, 0, 1);

	cst_priv(t, MI_SDI(1), D(0), 1);
	fx_ppgtt_map(&t->ctx, DATA_VA, other, 1, 0);
	cst_priv(t, PIPE, 1 << 18, 0, 0, 0, 0, MI_SDI(1), D(0), 2);
	assert_int_equal(cst_data32(t, 0), 1);
	assert_int_equal(*(uint32_t *)fx_mem(t->fx, 0, other), 2);
}

static void a_register_write_obeys_the_users_limits(void **state)
{
	struct cst *t = *state;

	cst_user(t, PIPE, 1 << 23, 0x2600, 0, 0x99, 0, PIPE, 1 << 23, 0x2080, 0, 0x5000, 0);
	assert_int_equal(fx_reg(t->fx, 0x2600), 0x99);
	assert_int_equal(fx_reg(t->fx, 0x2080), 0);
	cst_priv(t, PIPE, 1 << 23, 0x2080, 0, 0x5000, 0);
	assert_int_equal(fx_reg(t->fx, 0x2080), 0x5000);
}

static void a_user_batch_flushes_but_does_not_write_the_ggtt(void **state)
{
	struct cst *t = *state;

	cst_user(t, PIPE, IMM | GLOBAL_GTT | 1 << 8, t->ggtt_data, 0, 1, 1, PIPE, IMM | STORE_INDEX,
		 0x340, 0, 1, 1);
	assert_int_equal(fx_read(t->fx, t->ggtt_data), 0);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x340), 0);
	assert_int_equal(atomic_load(&t->engine->irq_deferred), GPU_IRQ_FLUSH_NOTIFY);
}

static void a_write_to_an_absent_page_is_a_fault(void **state)
{
	struct cst *t = *state;

	cst_ring(t, PIPE, IMM, 0x1000, 0, 1, 2);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->faulted);
}

static void short_forms_take_what_is_missing_as_zero(void **state)
{
	struct cst *t = *state;

	memset(t->data, 0xff, 8);
	cst_priv(t, 0x7a000003, IMM, D(0), 0x12);
	assert_true(cst_data64(t, 0) == 0x12);
	cst_priv(t, 0x7a000000, 1 << 20);
}

static void draws_and_walkers_are_preemption_points(void **state)
{
	struct cst *t = *state;

	cst_ring(t, 0x7b000005, 0, 0, 0, 0, 0, 0, 0x7105000d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		 0, 0x70040000, 0);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_EMPTY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cst_setup_rcs, cst_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flush_alone_writes_nothing),
		TEST(an_immediate_qword_goes_to_either_space),
		TEST(a_stored_index_lands_in_the_contexts_status_page),
		TEST(a_stored_index_with_the_ggtt_bit_lands_in_the_engines_status_page),
		TEST(a_timestamp_moves_on_with_the_clock),
		TEST(a_depth_count_is_the_registers_value),
		TEST(notify_raises_bit_4),
		TEST(tlb_invalidation_makes_a_new_mapping_visible),
		TEST(a_register_write_obeys_the_users_limits),
		TEST(a_user_batch_flushes_but_does_not_write_the_ggtt),
		TEST(a_write_to_an_absent_page_is_a_fault),
		TEST(short_forms_take_what_is_missing_as_zero),
		TEST(draws_and_walkers_are_preemption_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
