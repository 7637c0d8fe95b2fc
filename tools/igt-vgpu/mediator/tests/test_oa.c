// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/oa.c: which reports there are, where, when, and what is in them. Names of tests are
 * sentences. The timestamp of a Skylake has 12 MHz.
 */
#include <string.h>

#include "fixture.h"

#define OACTXCONTROL		0x2360u
#define   TIMER(exponent)	((exponent) << 2 | 2u | 1u)
#define OACEC(n)		(0x2770u + 8 * (n))
#define OACONTROL		0x2b00u
#define   ENABLE(format)	((format) << 2 | 1u)
#define OA_DEBUG		0x2b04u
#define   NO_SWITCH_REPORTS	(1u << 17 | 1u << 1)	/* with its write enable */
#define OASTATUS		0x2b08u
#define   REPORT_LOST		1u
#define   BUFFER_OVERFLOW	2u
#define OAHEADPTR		0x2b0cu
#define OATAILPTR		0x2b10u
#define OABUFFER		0x2b14u
#define   SIZE_128K		0u
#define   IN_GGTT		1u

#define BUFFER_BYTES		0x20000u
#define A36_B8_C8		5u
#define REASON(report)		((report)[0] >> 19 & 0x3f)
#define   BY_TIMER		1u
#define   BY_SWITCH		8u
#define CONTEXT_VALID		(1u << 16)
#define MI_REPORT_PERF_COUNT	(0x28u << 23 | 2)

#define TICKS(n)		((uint64_t)(n) * 1000000000 / 12000000 + 1)	/* ns, just enough */

/* The unit with a ring, as i915 sets it up, but for the size; not yet enabled. */
static uint32_t ring(struct fx *fx)
{
	uint32_t base = fx_ggtt_alloc(fx, 0, BUFFER_BYTES / GPU_PAGE_SIZE);

	fx_set_reg(fx, OASTATUS, 0);
	fx_set_reg(fx, OAHEADPTR, base);
	fx_set_reg(fx, OABUFFER, base | SIZE_128K | IN_GGTT);
	fx_set_reg(fx, OATAILPTR, base);
	fx_set_reg(fx, OA_DEBUG, NO_SWITCH_REPORTS);
	fx->now_ns += TICKS(0x10000);
	return base;
}

static void count_clocks(struct fx *fx)
{
	/* Never; each; bit 3 is 0; bits 4 and 5 are 0; bits 3 and 4 are 1; bit 3 or 4 is (PRM, OACEC). */
	static const uint32_t cec[][2] = { { 4, 0 }, { 3, 0 }, { 2, 0xfff7 }, { 2, 0xffcf },
					   { 0x18 << 3 | 2, 0xffe7 }, { 1, 0xffe7 }, };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		fx_set_reg(fx, OACEC(i), cec[i][0]);
		fx_set_reg(fx, OACEC(i) + 4, cec[i][1]);
	}
}

static void a_timer_writes_a_report_each_period(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx), *report;
	unsigned int i;

	fx_set_reg(fx, OACTXCONTROL, TIMER(5));
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	assert_int_equal(fx_reg(fx, OATAILPTR), base);
	fx->now_ns += TICKS(10 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 10 * 256);
	for (i = 0; i < 10; i++) {
		report = fx_at(fx, base + i * 256);
		assert_int_equal(REASON(report), BY_TIMER);
		/* When bit 5 of the timestamp is set, and so it says. */
		assert_int_equal(report[1], 0x10020 + i * 64);
		assert_int_equal(report[3], report[1] * 32);
		assert_false(report[0] & CONTEXT_VALID);
	}
	/* Looking again writes nothing; without the timer time passes for nobody. */
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 10 * 256);
	fx_set_reg(fx, OACTXCONTROL, 0);
	fx->now_ns += TICKS(10 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 10 * 256);
}

static void what_was_due_before_a_change_is_written_as_before_it(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx), *report;

	fx_set_reg(fx, OACTXCONTROL, TIMER(5));
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx->now_ns += TICKS(2 * 64);
	fx_set_reg(fx, OACTXCONTROL, TIMER(7));
	fx->now_ns += TICKS(2 * 256);
	fx_set_reg(fx, OACONTROL, 0);
	fx->now_ns += TICKS(8 * 256);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 4 * 256);
	report = fx_at(fx, base + 256);
	assert_int_equal(report[1], 0x10060);
	report = fx_at(fx, base + 2 * 256);
	assert_int_equal(report[1], 0x10180);
	/* Nor does it catch up on the time in which it was off. */
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 4 * 256);
}

static void each_format_has_its_size_and_its_b_counters(void **state)
{
	static const struct { unsigned int format, size, b; } formats[] = {
		{ 0, 64, 0 }, { 2, 128, 64 }, { A36_B8_C8, 256, 192 }, { 7, 64, 32 },
	};
	struct fx *fx = *state;
	uint32_t base = ring(fx), tail = base;
	unsigned int i;

	count_clocks(fx);
	fx_set_reg(fx, OACTXCONTROL, TIMER(5));
	for (i = 0; i < 4; i++) {
		uint32_t *first, *second;

		fx_set_reg(fx, OACONTROL, ENABLE(formats[i].format));
		fx->now_ns += TICKS(2 * 64);
		first = fx_at(fx, tail);
		assert_int_equal(fx_reg(fx, OATAILPTR), tail + 2 * formats[i].size);
		second = fx_at(fx, tail + formats[i].size);
		tail += 2 * formats[i].size;
		fx_set_reg(fx, OACONTROL, 0);
		assert_int_equal(second[3] - first[3], 2048);
		if (!formats[i].b)
			continue;
		first += formats[i].b / 4;
		second += formats[i].b / 4;
		assert_int_equal(second[0] - first[0], 0);
		assert_int_equal(second[1] - first[1], 2048);
		assert_int_equal(second[2] - first[2], 1024);
		assert_in_range(second[3] - first[3], 682, 683);
		assert_in_range(second[4] - first[4], 341, 342);
		assert_in_range(second[5] - first[5], 1365, 1366);
	}
	/* A format that there is not: nothing. */
	fx_set_reg(fx, OACONTROL, ENABLE(1));
	fx->now_ns += TICKS(2 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), tail);
}

static void a_full_ring_overflows_and_goes_on_when_the_driver_says_so(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx);
	unsigned int room = BUFFER_BYTES / 256 - 1;

	fx_set_reg(fx, OACTXCONTROL, TIMER(5));
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx->now_ns += TICKS(room * 64);
	assert_int_equal(fx_reg(fx, OASTATUS), 0);
	fx->now_ns += TICKS(64);
	assert_int_equal(fx_reg(fx, OASTATUS), BUFFER_OVERFLOW);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + room * 256);
	/* Room alone is not enough; then it wraps. */
	fx_set_reg(fx, OAHEADPTR, base + room * 256);
	fx->now_ns += TICKS(64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + room * 256);
	fx_set_reg(fx, OASTATUS, 0);
	fx->now_ns += TICKS(2 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 256);
}

static void a_report_that_has_no_memory_is_lost(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx);

	fx_ggtt_unmap(fx, base, 1);
	fx_set_reg(fx, OACTXCONTROL, TIMER(5));
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx->now_ns += TICKS(4 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base);
	assert_int_equal(fx_reg(fx, OASTATUS), REPORT_LOST);
}

static void a_context_of_the_render_engine_is_named_while_it_runs(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx), tail, *report;
	enum gpu_engine_id e;

	fx_set_reg(fx, OA_DEBUG, 1u << 17);	/* with reports of switches */
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	for (e = GPU_RCS0; e <= GPU_BCS0; e++) {
		struct fx_context ctx;

		fx_hwsp(fx, e);
		fx_context_init(fx, &ctx, e, 0);
		fx_submit(fx, &ctx, NULL);
		fx_run(fx, e);
		if (e != GPU_RCS0)
			break;
		tail = fx_reg(fx, OATAILPTR);
		assert_int_equal(tail, base + 2 * 256);
		report = fx_at(fx, base);
		assert_int_equal(REASON(report), BY_SWITCH);
		assert_true(report[0] & CONTEXT_VALID);
		assert_int_equal(report[2], ctx.desc >> 32);
		report = fx_at(fx, base + 256);
		assert_int_equal(REASON(report), BY_SWITCH);
		assert_false(report[0] & CONTEXT_VALID);
	}
	/* Another engine's are no business of the unit. */
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 2 * 256);
}

static void on_broadwell_another_bit_says_that_there_is_a_context(void **state)
{
	struct fx *fx = fx_new(GPU_BDW, true);
	uint32_t base = ring(fx), *report;
	struct fx_context ctx;

	(void)state;
	fx_set_reg(fx, OA_DEBUG, 1u << 17);
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx_hwsp(fx, GPU_RCS0);
	fx_context_init(fx, &ctx, GPU_RCS0, 0);
	fx_submit(fx, &ctx, NULL);
	fx_run(fx, GPU_RCS0);
	report = fx_at(fx, base);
	assert_int_equal(report[0] & (CONTEXT_VALID | 1u << 25), 1u << 25);	/* i915: BIT(25) */
	fx_free(fx);
}

static void a_reset_of_the_render_engine_ends_its_context_and_its_timer(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx), tail, *report;
	struct fx_context ctx;

	fx_set_reg(fx, OA_DEBUG, 1u << 17);
	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx_hwsp(fx, GPU_RCS0);
	fx_context_init(fx, &ctx, GPU_RCS0, 0);
	fx_emit(&ctx, 4, 0x22u << 23 | 1, OACTXCONTROL, TIMER(5), 0u);
	fx_emit(&ctx, 2, 0x7eu << 23, 0u);	/* no such command */
	fx_submit(fx, &ctx, NULL);
	fx_run_bounded(fx, GPU_RCS0, 10);
	fx->now_ns += TICKS(2 * 64);
	fx_set_reg(fx, 0x941c, 1u << 1);	/* GDRST, render */
	tail = fx_reg(fx, OATAILPTR);
	assert_int_equal(tail, base + 4 * 256);	/* the context came, two of the timer, it went */
	report = fx_at(fx, tail - 256);
	assert_int_equal(REASON(report), BY_SWITCH);
	assert_false(report[0] & CONTEXT_VALID);
	fx->now_ns += TICKS(8 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), tail);
}

static void the_timer_is_the_context_s(void **state)
{
	struct fx *fx = *state;
	uint32_t base = ring(fx);
	struct fx_context ctx;

	fx_set_reg(fx, OACONTROL, ENABLE(A36_B8_C8));
	fx_hwsp(fx, GPU_RCS0);
	fx_context_init(fx, &ctx, GPU_RCS0, 0);
	fx_submit(fx, &ctx, NULL);
	fx_run(fx, GPU_RCS0);
	/* The image as it was saved has the register; the next restore brings the timer. */
	assert_int_equal(fx_ctx_get(&ctx, 0x128), OACTXCONTROL);
	fx_ctx_set(&ctx, 0x129, TIMER(5));
	fx->now_ns += TICKS(64);
	fx_submit(fx, &ctx, NULL);
	fx_run(fx, GPU_RCS0);
	assert_int_equal(fx_reg(fx, OATAILPTR), base);
	fx->now_ns += TICKS(3 * 64);
	assert_int_equal(fx_reg(fx, OATAILPTR), base + 3 * 256);
}

static void a_batch_gets_a_report_of_the_format_with_its_own_id(void **state)
{
	struct fx *fx = *state;
	uint32_t to, *report;
	struct fx_context ctx;

	ring(fx);
	to = fx_ggtt_alloc(fx, 0, 1);
	count_clocks(fx);
	fx_hwsp(fx, GPU_RCS0);
	fx_context_init(fx, &ctx, GPU_RCS0, 0);
	fx_set_reg(fx, OACONTROL, ENABLE(2));
	memset(fx_at(fx, to), 0x80, GPU_PAGE_SIZE);
	fx_emit(&ctx, 4, MI_REPORT_PERF_COUNT, to | 1, 0u, 0xdeadbeefu);
	fx_submit(fx, &ctx, NULL);
	fx_run(fx, GPU_RCS0);
	report = fx_at(fx, to);
	assert_int_equal(report[0], 0xdeadbeef);
	assert_true(report[1] >= 0x10000);
	assert_int_equal(report[2], ctx.desc >> 32);
	assert_int_equal(report[64 / 4 + 1], report[3]);
	assert_int_not_equal(report[31], 0x80808080);
	assert_int_equal(report[32], 0x80808080);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_timer_writes_a_report_each_period),
		T(what_was_due_before_a_change_is_written_as_before_it),
		T(each_format_has_its_size_and_its_b_counters),
		T(a_full_ring_overflows_and_goes_on_when_the_driver_says_so),
		T(a_report_that_has_no_memory_is_lost),
		T(a_context_of_the_render_engine_is_named_while_it_runs),
		T(on_broadwell_another_bit_says_that_there_is_a_context),
		T(a_reset_of_the_render_engine_ends_its_context_and_its_timer),
		T(the_timer_is_the_context_s),
		T(a_batch_gets_a_report_of_the_format_with_its_own_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
