// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/cmd_mi.c and gpu/cmd_reg.c: what each memory interface command leaves in memory and
 * registers.
 */
#include <string.h>

#include "cs_fixture.h"

#define GPR(n)		(0x600 + 8 * (n))
#define D(offset)	LO(DATA_VA + (offset)), HI(DATA_VA)

#define TIMESTAMP_HZ	12000000	/* Skylake */

static uint32_t base(struct cst *t)
{
	return t->engine->mmio_base;
}

static uint32_t pending_irq(struct cst *t)
{
	return atomic_load(&t->engine->irq_deferred);
}

static uint64_t gpr(struct cst *t, unsigned int n)
{
	return cst_reg(t, GPR(n)) | (uint64_t)cst_reg(t, GPR(n) + 4) << 32;
}

static void set_gpr(struct cst *t, unsigned int n, uint64_t value)
{
	cst_set_reg(t, GPR(n), value);
	cst_set_reg(t, GPR(n) + 4, value >> 32);
}

static void put32(struct cst *t, unsigned int offset, uint32_t value)
{
	memcpy(t->data + offset, &value, sizeof(value));
}

static void noop_writes_nopid_only_when_asked(void **state)
{
	struct cst *t = *state;

	cst_priv(t, 0x00012345);
	assert_int_equal(cst_reg(t, 0x94), 0);
	cst_priv(t, 1 << 22 | 0x12345);
	assert_int_equal(cst_reg(t, 0x94), 0x12345);
}

static void user_interrupt_raises_bit_0(void **state)
{
	struct cst *t = *state;

	cst_priv(t, MI(0x02));
	assert_int_equal(pending_irq(t), GPU_IRQ_USER);
}

static void arb_check_is_a_preemption_point_unless_arbitration_is_off(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI(0x05), MI(0x08), MI(0x05), MI(0x08) | 1, MI(0x05));
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_MORE);
	assert_false(t->cs->arb_enabled);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_MORE);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_MORE);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
}

static void a_user_batch_cannot_switch_arbitration_off(void **state)
{
	struct cst *t = *state;

	cst_user(t, MI(0x08));
	assert_true(t->cs->arb_enabled);
}

static void report_head_writes_the_status_page(void **state)
{
	struct cst *t = *state;

	cst_priv(t, 0, MI(0x07));
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x10), 8);
}

static void store_data_imm_writes_dwords_and_qwords(void **state)
{
	struct cst *t = *state;

	cst_user(t, MI_SDI(1), D(0x10), 0x11111111,
		 MI_SDI(3), D(0x20), 1, 2, 3,
		 MI_SDI(4) | 1 << 21, D(0x40), 0x55667788, 0x11223344, 5, 6);
	assert_int_equal(cst_data32(t, 0x10), 0x11111111);
	assert_int_equal(cst_data32(t, 0x14), 0);
	assert_int_equal(cst_data32(t, 0x20), 1);
	assert_int_equal(cst_data32(t, 0x24), 2);
	assert_int_equal(cst_data32(t, 0x28), 3);
	assert_int_equal(cst_data32(t, 0x2c), 0);
	assert_true(cst_data64(t, 0x40) == 0x1122334455667788ull);
	assert_true(cst_data64(t, 0x48) == 0x600000005ull);
}

static void store_data_imm_uses_its_full_ten_bit_length(void **state)
{
	struct cst *t = *state;
	unsigned int i;
	uint32_t head[3] = { MI(0x20) | 1 << 21 | (1003 - 2), D(8) };

	cst_batch_dwords(t, head, 3);
	for (i = 0; i < 1000; i++)
		cst_batch(t, i + 1);
	cst_call_batch(t);
	cst_run_ok(t);
	assert_int_equal(cst_data32(t, 4), 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(cst_data32(t, 8 + 4 * i), i + 1);
	assert_int_equal(cst_data32(t, 8 + 4000), 0);
}

static void store_data_imm_in_the_ring_reaches_the_ggtt(void **state)
{
	struct cst *t = *state;

	cst_priv(t, MI_SDI(1) | MI_GGTT, t->ggtt_data + 8, 0, 0xfeed, MI_SDI(1), D(0), 0xbeef);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 8), 0xfeed);
	assert_int_equal(cst_data32(t, 0), 0xbeef);
}

static void a_store_to_an_absent_page_hangs_at_that_command(void **state)
{
	struct cst *t = *state;

	cst_ring(t, 0, MI_SDI(1), 0x1000, 0, 1);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->faulted);
	assert_int_equal(t->cs->head, 4);
}

static void store_data_index_writes_a_status_page(void **state)
{
	struct cst *t = *state;

	cst_set_reg(t, 0x80, t->ggtt_data);
	cst_priv(t, MI(0x21) | 1 | 1 << 21, 0x40, 0xaa, MI(0x21) | 2, 0x48, 0xbb, 0xcc);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x40), 0xaa);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 0x48), 0xbb);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 0x4c), 0xcc);
}

static void registers_are_loaded_stored_and_copied(void **state)
{
	struct cst *t = *state;

	put32(t, 0x80, 0x33);
	cst_user(t, MI_LRI(2), base(t) + GPR(0), 0x11, base(t) + GPR(1), 0x22, MI_LRM,
		 base(t) + GPR(2), D(0x80), MI_LRR, base(t) + GPR(1), base(t) + GPR(3), MI_SRM,
		 base(t) + GPR(0), D(0), MI_SRM, base(t) + GPR(2), D(4), MI_SRM, base(t) + GPR(3),
		 D(8));
	assert_int_equal(cst_data32(t, 0), 0x11);
	assert_int_equal(cst_data32(t, 4), 0x33);
	assert_int_equal(cst_data32(t, 8), 0x22);
}

static void load_register_imm_can_leave_bytes_alone(void **state)
{
	struct cst *t = *state;

	cst_priv(t, MI_LRI(1), base(t) + GPR(0), 0x11223344, MI_LRI(1) | 0x5 << 8, base(t) + GPR(0),
		 0xaabbccdd, MI_LRI(1) | 0xf << 8, base(t) + GPR(0), 0);
	assert_int_equal(cst_reg(t, GPR(0)), 0xaa22cc44);
}

static void a_store_of_a_register_obeys_the_predicate(void **state)
{
	struct cst *t = *state;

	cst_set_reg(t, GPR(0), 0x77);
	cst_priv(t, MI_LRI(1), base(t) + 0x418, 0, MI_SRM | 1 << 21, base(t) + GPR(0), D(0));
	assert_int_equal(cst_data32(t, 0), 0);
	cst_priv(t, MI_LRI(1), base(t) + 0x418, 1, MI_SRM | 1 << 21, base(t) + GPR(0), D(0));
	assert_int_equal(cst_data32(t, 0), 0x77);
}

static void predicate_compares_loads_and_combines(void **state)
{
	/* command's low byte, SRC0, SRC1, DATA, old result, new result */
	static const struct {
		uint32_t cmd;
		uint64_t src0, src1, data;
		uint32_t old, now;
	} rows[] = {
		{ 2 << 6 | 2, 5, 5, 0, 0, 1 },
		{ 2 << 6 | 2, 5, 6, 0, 1, 0 },
		{ 2 << 6 | 2, 5ull << 32, 6ull << 32, 0, 1, 0 },
		{ 3 << 6 | 2, 5, 5, 0, 1, 0 },
		{ 3 << 6 | 2, 5, 6, 0, 0, 1 },
		{ 2 << 6 | 0, 1, 2, 0, 0, 1 },
		{ 2 << 6 | 1, 1, 1, 0, 1, 0 },
		{ 2 << 6 | 3, 9, 4, 5, 0, 1 },
		{ 2 << 6 | 3, 9, 4, 4, 1, 0 },
		{ 0 << 6 | 2, 5, 5, 0, 0, 0 },
		{ 0 << 6 | 2, 5, 6, 0, 1, 1 },
		{ 2 << 6 | 1 << 3 | 2, 5, 5, 0, 0, 0 },
		{ 2 << 6 | 1 << 3 | 2, 5, 5, 0, 1, 1 },
		{ 2 << 6 | 2 << 3 | 2, 5, 6, 0, 1, 1 },
		{ 2 << 6 | 2 << 3 | 2, 5, 6, 0, 0, 0 },
		{ 2 << 6 | 3 << 3 | 2, 5, 5, 0, 1, 0 },
		{ 2 << 6 | 3 << 3 | 2, 5, 5, 0, 0, 1 },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cst_user(t, MI_LRI(7), base(t) + 0x400, LO(rows[i].src0), base(t) + 0x404,
			 HI(rows[i].src0), base(t) + 0x408, LO(rows[i].src1), base(t) + 0x40c,
			 HI(rows[i].src1), base(t) + 0x410, LO(rows[i].data), base(t) + 0x414,
			 HI(rows[i].data), base(t) + 0x418, rows[i].old, MI(0x0c) | rows[i].cmd,
			 MI_SRM, base(t) + 0x418, D(0));
		assert_int_equal(cst_data32(t, 0), rows[i].now);
	}
}

static void a_predicated_jump_is_taken_only_when_the_result_is_set(void **state)
{
	struct cst *t = *state;

	cst_batch(t, MI_SDI(1), D(0), 1, MI_BBE);
	cst_priv(t, MI_LRI(1), base(t) + 0x41c, 0, MI_BBS | 1 << 15 | 1 << 8, LO(BATCH_VA),
		 HI(BATCH_VA));
	assert_int_equal(cst_data32(t, 0), 0);
	cst_priv(t, MI_LRI(1), base(t) + 0x41c, 1, MI_BBS | 1 << 15 | 1 << 8, LO(BATCH_VA),
		 HI(BATCH_VA));
	assert_int_equal(cst_data32(t, 0), 1);
}

static void set_predicate_skips_what_follows_until_it_is_cleared(void **state)
{
	struct cst *t = *state;

	cst_user(t, MI_LRI(1), base(t) + 0x3bc, 1,
		 MI(0x01) | 2, MI_SDI(1), D(0), 1, MI(0x01), MI_SDI(1), D(4), 2,
		 MI(0x01) | 1, MI_SDI(1), D(8), 3, MI(0x01) | 0xf, MI_SDI(1), D(12), 4, MI(0x01));
	assert_int_equal(cst_data32(t, 0), 0);
	assert_int_equal(cst_data32(t, 4), 2);
	assert_int_equal(cst_data32(t, 8), 3);
	assert_int_equal(cst_data32(t, 12), 0);
}

static void copy_mem_mem_moves_a_dword_between_spaces(void **state)
{
	struct cst *t = *state;

	put32(t, 0, 0xabc);
	cst_priv(t, MI(0x2e) | 3 | 1 << 21, t->ggtt_data, 0, D(0),
		 MI(0x2e) | 3 | 1 << 22, D(8), t->ggtt_data, 0);
	assert_int_equal(fx_read(t->fx, t->ggtt_data), 0xabc);
	assert_int_equal(cst_data32(t, 8), 0xabc);
}

static void flush_dw_writes_a_value_a_timestamp_or_nothing(void **state)
{
	struct cst *t = *state;
	uint64_t before = gpu_timestamp(t->gpu);

	memset(t->data, 0xff, 64);
	t->fx->now_ns += 1000000;
	cst_priv(t, MI(0x26) | 2 | 1 << 14, D(0), 5,
		 MI(0x26) | 3 | 1 << 14, D(8), 6, 7,
		 MI(0x26) | 2 | 3 << 14, D(16), 0,
		 MI(0x26) | 2, D(24), 8,
		 MI(0x26) | 1,  0, 0,
		 MI(0x26), 0,
		 MI(0x26) | 2 | 1 << 14 | 1 << 21, 0xd0, 0, 9,
		 MI(0x26) | 2 | 1 << 14, t->ggtt_data | 4, 0, 10);
	assert_true(cst_data64(t, 0) == 0xffffffff00000005ull);
	assert_true(cst_data64(t, 8) == 0x700000006ull);
	assert_true(cst_data64(t, 16) > before && cst_data64(t, 16) < before + 1000000);
	assert_true(cst_data64(t, 24) == ~0ull);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0xd0), 9);
	assert_int_equal(fx_read(t->fx, t->ggtt_data), 10);
	assert_int_equal(pending_irq(t), 0);
	cst_priv(t, MI(0x26) | 2 | 1 << 8, 0, 0, 0);
	assert_int_equal(pending_irq(t), GPU_IRQ_FLUSH_NOTIFY);
}

static void a_timestamp_starts_again_after_36_bits(void **state)
{
	struct cst *t = *state;

	/* some part of a second later */
	t->fx->now_ns += ((1ull << 36) / TIMESTAMP_HZ + 1) * 1000000000;
	cst_priv(t, MI(0x26) | 2 | 3 << 14, D(0), 0,
		 MI_SRM, base(t) + 0x358, D(8), MI_SRM, base(t) + 0x35c, D(12));
	assert_in_range(cst_data64(t, 0), 1, TIMESTAMP_HZ);
	assert_in_range(cst_data64(t, 8), 1, TIMESTAMP_HZ);
}

static void flush_dw_invalidates_the_tlb(void **state)
{
	struct cst *t = *state;
	uint64_t other = fx_alloc(t->fx, 0, 1);

	cst_priv(t, MI_SDI(1), D(0), 1);
	fx_ppgtt_map(&t->ctx, DATA_VA, other, 1, 0);
	cst_priv(t, MI(0x26) | 2 | 1 << 18, 0, 0, 0, MI_SDI(1), D(0), 2);
	assert_int_equal(cst_data32(t, 0), 1);
	assert_int_equal(*(uint32_t *)fx_mem(t->fx, 0, other), 2);
}

static void perf_report_carries_its_id_and_a_timestamp(void **state)
{
	struct cst *t = *state;

	t->fx->now_ns += 1000000;
	memset(t->data, 0xff, 512);
	cst_user(t, MI(0x28) | 2, LO(DATA_VA + 64), HI(DATA_VA), 0x1234);
	assert_int_equal(cst_data32(t, 60), 0xffffffff);
	assert_int_equal(cst_data32(t, 64), 0x1234);
	assert_int_equal(cst_data32(t, 68), (uint32_t)gpu_timestamp(t->gpu));
	assert_int_equal(cst_data32(t, 64 + 252), 0);
	assert_int_equal(cst_data32(t, 64 + 256), 0xffffffff);
}

static void semaphore_wait_compares_in_all_ways(void **state)
{
	/* memory, operation, inline value: satisfied? */
	static const struct { uint32_t mem, op, value; bool ok; } rows[] = {
		{ 2, 0, 1, true }, { 1, 0, 1, false }, { 0x80000000, 0, 1, true },
		{ 1, 1, 1, true }, { 0, 1, 1, false },
		{ 0, 2, 1, true }, { 1, 2, 1, false },
		{ 1, 3, 1, true }, { 2, 3, 1, false },
		{ 1, 4, 1, true }, { 2, 4, 1, false },
		{ 2, 5, 1, true }, { 1, 5, 1, false },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put32(t, 0, rows[i].mem);
		cst_ring(t, MI(0x1c) | 2 | 1 << 15 | rows[i].op << 12, rows[i].value, D(0));
		assert_int_equal(cst_run(t), rows[i].ok ? GPU_CS_EMPTY : GPU_CS_WAIT);
		assert_int_equal(t->cs->waiting, !rows[i].ok);
		t->cs->head = t->cs->tail;
	}
}

static void an_unsatisfied_wait_interrupts_once_stays_and_goes_on_when_memory_changes(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI(0x1c) | 2 | 1 << 15 | 4 << 12 | MI_GGTT, 1, t->ggtt_data, 0, MI_SDI(1), D(0),
		 3);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_WAIT);
	assert_int_equal(pending_irq(t), GPU_IRQ_WAIT_SEMAPHORE);
	atomic_store(&t->engine->irq_deferred, 0);
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_WAIT);
	assert_int_equal(pending_irq(t), 0);
	assert_int_equal(t->cs->head, 0);
	fx_write(t->fx, t->ggtt_data, 1);
	cst_run_ok(t);
	assert_false(t->cs->waiting);
	assert_int_equal(cst_data32(t, 0), 3);
}

static void a_wait_in_a_batch_stays_in_the_batch(void **state)
{
	struct cst *t = *state;

	cst_batch(t, MI(0x1c) | 2 | 1 << 15 | 5 << 12, 0, D(0), MI_SDI(1), D(4), 3);
	cst_call_batch(t);
	assert_int_equal(cst_run(t), GPU_CS_WAIT);
	assert_int_equal(t->cs->depth, 1);
	assert_true(t->cs->level[1].addr == BATCH_VA);
	assert_true(t->cs->acthd == BATCH_VA);
	put32(t, 0, 7);
	cst_run_ok(t);
	assert_int_equal(cst_data32(t, 4), 3);
}

static void semaphore_signal_wakes_the_engine_it_names(void **state)
{
	struct cst *t = *state;

	cst_priv(t, MI(0x1b) | 2 << 15, 0x123, MI(0x1b) | 1 << 15, 0, MI(0x1b) | 7 << 15, 0);
	assert_int_equal(t->fx->kicks[GPU_BCS0], 1);
	assert_int_equal(t->fx->kicks[GPU_VCS0], 1);
	assert_int_equal(t->fx->kicks[GPU_RCS0], 0);
}

static void a_conditional_end_goes_on_while_memory_is_greater(void **state)
{
	static const struct { uint32_t mem; bool ends; } rows[] = {
		{ 0xffffffff, false }, { 0x05000001, false }, { 0x05000000, true }, { 0, true },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put32(t, 0, rows[i].mem);
		put32(t, 4, 0);
		cst_user(t, MI(0x36) | 1 << 21 | 2, 0x05000000, D(0), MI_SDI(1), D(4), 1);
		assert_int_equal(cst_data32(t, 4), !rows[i].ends);
	}
	cst_user(t, MI(0x36) | 2, 0x05000000, D(0), MI_SDI(1), D(4), 2); /* without compare: no end
									  */
	assert_int_equal(cst_data32(t, 4), 2);
}

static void math(struct cst *t, uint32_t op, uint32_t store)
{
	cst_user(t, MI(0x1a) | 3, 0x080u << 20 | 0x20 << 10 | 0, 0x080u << 20 | 0x21 << 10 | 1,
		 op << 20, store);
}

static void math_computes_with_64_bits_and_flags(void **state)
{
	static const struct { uint32_t op; uint64_t a, b, accu; bool zf, cf; } rows[] = {
		{ 0x100, 5, 7, 12, false, false },
		{ 0x100, 0xffffffff, 1, 0x100000000ull, false, false },
		{ 0x100, ~0ull, 1, 0, true, true },
		{ 0x101, 7, 5, 2, false, false },
		{ 0x101, 5, 7, -2ull, false, true },
		{ 0x101, 5, 5, 0, true, false },
		{ 0x102, 0xff00, 0x0ff0, 0x0f00, false, false },
		{ 0x102, 0xff00, 0x00ff, 0, true, false },
		{ 0x103, 0xff00, 0x0ff0, 0xfff0, false, false },
		{ 0x104, 0xff00, 0x0ff0, 0xf0f0, false, false },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_gpr(t, 0, rows[i].a);
		set_gpr(t, 1, rows[i].b);
		math(t, rows[i].op, 0x180u << 20 | 2 << 10 | 0x31);
		assert_true(gpr(t, 2) == rows[i].accu);
		math(t, rows[i].op, 0x180u << 20 | 3 << 10 | 0x32);
		assert_true(gpr(t, 3) == (rows[i].zf ? ~0ull : 0));
		math(t, rows[i].op, 0x180u << 20 | 4 << 10 | 0x33);
		assert_true(gpr(t, 4) == (rows[i].cf ? ~0ull : 0));
		math(t, rows[i].op, 0x580u << 20 | 15 << 10 | 0x31);
		assert_true(gpr(t, 15) == ~rows[i].accu);
	}
}

static void math_loads_constants_and_inversions(void **state)
{
	struct cst *t = *state;

	set_gpr(t, 0, 0x1234);
	cst_user(t, MI(0x1a) | 7, 0x480u << 20 | 0x20 << 10 | 0, 0x081u << 20 | 0x21 << 10,
		 0x100u << 20, 0x180u << 20 | 1 << 10 | 0x31, 0x481u << 20 | 0x20 << 10,
		 0x102u << 20, 0x180u << 20 | 2 << 10 | 0x31, 0);
	assert_true(gpr(t, 1) == ~0x1234ull);
	assert_true(gpr(t, 2) == 0);
}

static void math_ignores_operands_that_do_not_exist(void **state)
{
	struct cst *t = *state;
	uint32_t seed = 1, i;

	for (i = 0; i < 200; i++) {
		seed = seed * 1664525 + 1013904223;
		cst_batch(t, MI(0x1a) | 0, seed);
	}
	cst_call_batch(t);
	cst_run_ok(t);
}

static void an_atomic_on_a_read_only_page_returns_what_is_there_and_changes_nothing(void **state)
{
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 0, 1);
	uint32_t *mem = fx_mem(t->fx, 0, page);
	unsigned int i;

	mem[0] = 7;
	fx_ppgtt_map(&t->ctx, 0x5000, page, 1, GPU_PTE_PRESENT);
	/* Twice: what the first one would have written is not there. A third one after a plain write. */
	for (i = 0; i < 3; i++) {
		if (i == 2)
			cst_batch(t, MI_SDI(1), 0x5000, 0, 0xbad);
		cst_user(t, MI(0x2f) | 9 | 1 << 18 | 1 << 16 | 0x07 << 8, 0x5000, 0, 5, 0, 0, 0, 0,
			 0, 0, 0);
		assert_int_equal(gpr(t, 4), 7);
		assert_int_equal(mem[0], 7);
	}
	assert_false(t->cs->faulted);
}

static void atomics_change_memory_and_return_the_old_value(void **state)
{
	static const struct { uint32_t op; uint64_t old, a, b, now;
	} rows[] = {
		{ 0x01, 0xff0, 0x0ff, 0, 0x0f0 },
		{ 0x02, 0xf00, 0x00f, 0, 0xf0f },
		{ 0x03, 0xff0, 0x0ff, 0, 0xf0f },
		{ 0x04, 1, 2, 0, 2 },
		{ 0x05, 0xffffffff, 0, 0, 0 },
		{ 0x06, 0, 0, 0, 0xffffffff },
		{ 0x07, 5, 6, 0, 11 },
		{ 0x08, 5, 6, 0, 0xffffffff },
		{ 0x09, 5, 6, 0, 1 },
		{ 0x0a, 0xffffffff, 1, 0, 1 },
		{ 0x0b, 0xffffffff, 1, 0, 0xffffffff },
		{ 0x0c, 0xffffffff, 1, 0, 0xffffffff },
		{ 0x0d, 0xffffffff, 1, 0, 1 },
		{ 0x0e, 5, 5, 9, 9 },
		{ 0x0e, 5, 6, 9, 5 },
		{ 0x25, 0xffffffff, 0, 0, 0x100000000ull },
		{ 0x27, ~0ull, 2, 0, 1 },
		{ 0x24, 0, 0x1122334455667788ull, 0, 0x1122334455667788ull },
		{ 0x2a, ~0ull, 1, 0, 1 },
		{ 0x2e, 1ull << 40, 1ull << 40, 3ull << 40, 3ull << 40 },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool qword = rows[i].op & 0x20;

		put32(t, 0, LO(rows[i].old));
		put32(t, 4, qword ? HI(rows[i].old) : 0x5a5a5a5a);
		cst_user(t, MI(0x2f) | 9 | 1 << 18 | 1 << 16 | rows[i].op << 8, D(0), LO(rows[i].a),
			 LO(rows[i].b), HI(rows[i].a), HI(rows[i].b), 0, 0, 0, 0);
		assert_true(
			cst_data64(t, 0) ==
			(qword ? rows[i].now : (rows[i].now & 0xffffffff) | 0x5a5a5a5aull << 32));
		assert_true(gpr(t, 4) == rows[i].old);

		/* the same with operands in registers */
		put32(t, 0, LO(rows[i].old));
		put32(t, 4, qword ? HI(rows[i].old) : 0x5a5a5a5a);
		set_gpr(t, 0, rows[i].a);
		set_gpr(t, 1, rows[i].b);
		cst_user(t, MI(0x2f) | 1 | rows[i].op << 8, D(0));
		assert_true(
			cst_data64(t, 0) ==
			(qword ? rows[i].now : (rows[i].now & 0xffffffff) | 0x5a5a5a5aull << 32));
	}
}

static void update_gtt_writes_entries_for_a_native_guest_only(void **state)
{
	struct cst *t = *state, *shared;

	cst_user(t, MI(0x23) | 2, 0x700000, 0x5001, 0);
	assert_true(gpu_ggtt_read(t->gpu, 0x700) == 0);
	cst_priv(t, MI(0x23) | 4, 0x700000, 0x5001, 0xff00000, 0x6001, 0);
	assert_true(gpu_ggtt_read(t->gpu, 0x700) ==
		    (0x5001 | (0xff00000ull << 32 & ~GPU_DOMAIN_MASK)));
	assert_true(gpu_ggtt_read(t->gpu, 0x701) == 0x6001);

	shared = cst_new(GPU_SKL, GPU_RCS0, 1);
	cst_ring(shared, MI(0x23) | 2, 0x700000, 0x5001, 0);
	assert_int_equal(cst_run(shared), GPU_CS_HANG);
	assert_true(gpu_ggtt_read(shared->gpu, 0x700) == 0);
	cst_free(shared);
}

static void a_gpr_counts_on_every_engine_on_its_own(void **state)
{
	enum gpu_engine_id id;

	(void)state;
	for (id = 0; id < GPU_NUM_ENGINES; id++) {
		struct cst *t = cst_new(GPU_SKL, id, 0);

		cst_user(t, MI_LRI(1), base(t) + GPR(7), 0x100 + id, MI_SRM, base(t) + GPR(7),
			 D(0));
		assert_int_equal(cst_data32(t, 0), 0x100 + id);
		cst_free(t);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cst_setup_rcs, cst_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(noop_writes_nopid_only_when_asked),
		TEST(user_interrupt_raises_bit_0),
		TEST(arb_check_is_a_preemption_point_unless_arbitration_is_off),
		TEST(a_user_batch_cannot_switch_arbitration_off),
		TEST(report_head_writes_the_status_page),
		TEST(store_data_imm_writes_dwords_and_qwords),
		TEST(store_data_imm_uses_its_full_ten_bit_length),
		TEST(store_data_imm_in_the_ring_reaches_the_ggtt),
		TEST(a_store_to_an_absent_page_hangs_at_that_command),
		TEST(store_data_index_writes_a_status_page),
		TEST(registers_are_loaded_stored_and_copied),
		TEST(load_register_imm_can_leave_bytes_alone),
		TEST(a_store_of_a_register_obeys_the_predicate),
		TEST(predicate_compares_loads_and_combines),
		TEST(a_predicated_jump_is_taken_only_when_the_result_is_set),
		TEST(set_predicate_skips_what_follows_until_it_is_cleared),
		TEST(copy_mem_mem_moves_a_dword_between_spaces),
		TEST(flush_dw_writes_a_value_a_timestamp_or_nothing),
		TEST(a_timestamp_starts_again_after_36_bits),
		TEST(flush_dw_invalidates_the_tlb),
		TEST(perf_report_carries_its_id_and_a_timestamp),
		TEST(semaphore_wait_compares_in_all_ways),
		TEST(an_unsatisfied_wait_interrupts_once_stays_and_goes_on_when_memory_changes),
		TEST(a_wait_in_a_batch_stays_in_the_batch),
		TEST(semaphore_signal_wakes_the_engine_it_names),
		TEST(a_conditional_end_goes_on_while_memory_is_greater),
		TEST(math_computes_with_64_bits_and_flags),
		TEST(math_loads_constants_and_inversions),
		TEST(math_ignores_operands_that_do_not_exist),
		TEST(atomics_change_memory_and_return_the_old_value),
		TEST(an_atomic_on_a_read_only_page_returns_what_is_there_and_changes_nothing),
		TEST(update_gtt_writes_entries_for_a_native_guest_only),
		cmocka_unit_test(a_gpr_counts_on_every_engine_on_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
