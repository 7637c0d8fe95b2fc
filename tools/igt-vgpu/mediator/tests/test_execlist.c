// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/execlist.c: submissions, events, switches between contexts. Names of tests are
 * sentences.
 */
#include <string.h>

#include "fixture.h"

#define MI_NOOP			0u
#define MI_ARB_CHECK		(0x05u << 23)
#define MI_ARB_ON		(0x08u << 23 | 1)
#define MI_ARB_OFF		(0x08u << 23)
#define MI_USER_INTERRUPT	(0x02u << 23)
#define MI_BB_END		(0x0au << 23)
#define MI_BB_START_PPGTT	(0x31u << 23 | 1u << 8 | 1)
#define MI_STORE_DWORD_GGTT	(0x20u << 23 | 1u << 22 | 2)
#define MI_SEMAPHORE_WAIT_GGTT_EQ (0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2)
#define MI_SRM_GGTT		(0x24u << 23 | 1u << 22 | 2)
#define MI_LRI1			(0x22u << 23 | 1)
#define XY_TEXT_BLT		(2u << 29 | 0x26u << 22)
#define INVALID			(0x7eu << 23)

#define IDLE_ACTIVE		0x01u
#define PREEMPTED		0x02u
#define LITE_RESTORE		0x8002u
#define ELEMENT_SWITCH		0x14u
#define ACTIVE_IDLE		0x18u

/* One engine with two contexts, its HWSP, and a page of results in the GGTT. */
struct rig {
	struct fx *fx;
	enum gpu_engine_id engine;
	uint32_t base, hwsp, result;
	struct fx_context a, b;
	unsigned int csb_read;
};

static void rig_init(struct rig *r, struct fx *fx, enum gpu_engine_id engine)
{
	r->fx = fx;
	r->engine = engine;
	r->base = fx_base(engine);
	r->hwsp = fx_hwsp(fx, engine);
	r->result = fx_ggtt_alloc(fx, 0, 1);
	fx_context_init(fx, &r->a, engine, 0);
	fx_context_init(fx, &r->b, engine, 0);
	r->csb_read = 5;
}

static void store(struct rig *r, struct fx_context *ctx, unsigned int slot, uint32_t value)
{
	fx_emit(ctx, 4, MI_STORE_DWORD_GGTT, r->result + 4 * slot, 0u, value);
}

static void wait_slot(struct rig *r, struct fx_context *ctx, unsigned int slot, uint32_t value)
{
	fx_emit(ctx, 4, MI_SEMAPHORE_WAIT_GGTT_EQ, value, r->result + 4 * slot, 0u);
}

static uint32_t slot(struct rig *r, unsigned int n)
{
	return fx_read(r->fx, r->result + 4 * n);
}

/* Compare the events since the last call with the list; ids in the same order. */
#define expect_events(r, ...) \
	check_events(r, (const uint64_t[]){ __VA_ARGS__ }, \
		     sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
#define EV(event, ctx) ((ctx).desc >> 32 << 32 | (event))

static void check_events(struct rig *r, const uint64_t *want, unsigned int count)
{
	uint32_t events[6], ids[6];
	unsigned int i, n = fx_csb_drain(r->fx, r->hwsp, &r->csb_read, events, ids);

	assert_int_equal(n, count);
	for (i = 0; i < n; i++) {
		assert_int_equal(events[i], (uint32_t)want[i]);
		assert_int_equal(ids[i], want[i] >> 32);
	}
	/* The registers show the same as the HWSP. */
	assert_int_equal(fx_reg(r->fx, r->base + 0x3a0) & 7, fx_read(r->fx, r->hwsp + 0x7c));
}

static void a_no_op_submission_runs_and_reports_active_and_idle_on_every_engine(void **state)
{
	enum gpu_engine_id engine;
	struct rig r;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		rig_init(&r, *state, engine);
		fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
		store(&r, &r.a, 0, 0x1234);
		fx_submit(r.fx, &r.a, NULL);
		assert_int_equal(r.fx->kicks[engine], 1);
		assert_int_equal(fx_reg(r.fx, r.base + 0x234) & (1u << 2), 1u << 2);
		fx_run(r.fx, engine);
		assert_int_equal(slot(&r, 0), 0x1234);
		expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ACTIVE_IDLE, r.a));
		assert_int_equal(fx_ctx_get(&r.a, FX_CTX_HEAD), r.a.tail);
		assert_int_equal(fx_reg(r.fx, r.base + 0x234) & (1u << 2 | 3u << 3 | 3u << 17), 0);
	}
}

static void the_second_element_runs_after_the_first(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	store(&r, &r.a, 0, 1);
	store(&r, &r.b, 0, 2);
	fx_submit(r.fx, &r.a, &r.b);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 0), 2);
	expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ELEMENT_SWITCH, r.a), EV(ACTIVE_IDLE, r.b));
}

static void a_lite_restore_continues_with_the_new_tail(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_BCS0);
	wait_slot(&r, &r.a, 0, 7);
	store(&r, &r.a, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	assert_true(fx_run_bounded(r.fx, r.engine, 3) > 0);
	expect_events(&r, EV(IDLE_ACTIVE, r.a));

	store(&r, &r.a, 2, 2);
	fx_submit(r.fx, &r.a, NULL);
	fx_write(r.fx, r.result, 7);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 1), 1);
	assert_int_equal(slot(&r, 2), 2);
	expect_events(&r, EV(LITE_RESTORE, r.a), EV(ACTIVE_IDLE, r.a));
}

static void force_restore_reloads_the_context_instead(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_BCS0);
	wait_slot(&r, &r.a, 0, 7);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, r.engine, 3);
	expect_events(&r, EV(IDLE_ACTIVE, r.a));
	r.a.desc |= 1u << 2;
	fx_submit(r.fx, &r.a, NULL);
	fx_write(r.fx, r.result, 7);
	fx_run(r.fx, r.engine);
	/*
	 * The semaphore passed before the submission was looked at, or it was preempted there: both
	 * are right ends.
	 */
	expect_events(&r, EV(PREEMPTED, r.a), EV(ACTIVE_IDLE, r.a));
}

static void a_waiting_context_is_preempted_and_resumes_where_it_was(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0);
	store(&r, &r.a, 1, 1);
	wait_slot(&r, &r.a, 0, 7);
	store(&r, &r.a, 2, 2);
	fx_submit(r.fx, &r.a, NULL);
	assert_true(fx_run_bounded(r.fx, r.engine, 3) > 0);
	store(&r, &r.b, 3, 3);
	fx_submit(r.fx, &r.b, &r.a);
	fx_run_bounded(r.fx, r.engine, 3);
	assert_int_equal(slot(&r, 3), 3);
	assert_int_equal(slot(&r, 2), 0);
	expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(PREEMPTED, r.a), EV(ELEMENT_SWITCH, r.b));
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_HEAD), 16);	/* at the semaphore */
	fx_write(r.fx, r.result, 7);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 2), 2);
	expect_events(&r, EV(ACTIVE_IDLE, r.a));
}

static void arbitration_off_keeps_a_context_in_place(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	fx_emit(&r.a, 2, MI_ARB_OFF, MI_NOOP);
	wait_slot(&r, &r.a, 0, 7);
	fx_emit(&r.a, 2, MI_ARB_ON, MI_ARB_CHECK);
	store(&r, &r.a, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, r.engine, 3);
	store(&r, &r.b, 2, 2);
	fx_submit(r.fx, &r.b, NULL);
	fx_run_bounded(r.fx, r.engine, 3);
	assert_int_equal(slot(&r, 2), 0);
	expect_events(&r, EV(IDLE_ACTIVE, r.a));
	fx_write(r.fx, r.result, 7);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 2), 2);
	assert_int_equal(slot(&r, 1), 0);	/* preempted at MI_ARB_CHECK, before the store */
	expect_events(&r, EV(PREEMPTED, r.a), EV(ACTIVE_IDLE, r.b));
}

static void a_batch_is_preempted_in_its_middle_and_goes_on_there(void **state)
{
	struct rig r;
	uint64_t batch;
	uint32_t *cs;

	rig_init(&r, *state, GPU_RCS0);
	batch = fx_alloc(r.fx, 0, 1);
	fx_ppgtt_map(&r.a, 0x10000000, batch, 1, 0);
	fx_ppgtt_map(&r.a, 0x20000000, fx_alloc(r.fx, 0, 1), 1, 0);
	cs = fx_mem(r.fx, 0, batch);
	/* loop: MI_ARB_CHECK; conditional end is left out: the test rewrites the jump */
	cs[0] = MI_ARB_CHECK;
	cs[1] = MI_BB_START_PPGTT;
	cs[2] = 0x10000000;
	cs[3] = 0;
	fx_emit(&r.a, 4, MI_BB_START_PPGTT, 0x10000000u, 0u, MI_NOOP);
	store(&r, &r.a, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, r.engine, 2);
	expect_events(&r, EV(IDLE_ACTIVE, r.a));
	store(&r, &r.b, 2, 2);
	fx_submit(r.fx, &r.b, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 2), 2);
	expect_events(&r, EV(PREEMPTED, r.a), EV(ACTIVE_IDLE, r.b));
	assert_int_equal(fx_ctx_get(&r.a, 0x0f) & 1, 1);		/* BB_ADDR valid */
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_BB_STATE) & 1u << 5, 1u << 5);
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_HEAD), 12);

	cs[0] = MI_BB_END;
	cs[1] = MI_BB_END;
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 1), 1);
	expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ACTIVE_IDLE, r.a));
	assert_int_equal(fx_ctx_get(&r.a, 0x0f), 0);
}

static void a_rewound_head_does_not_resume_the_old_batch(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	store(&r, &r.a, 1, 1);
	store(&r, &r.a, 2, 2);
	/* As after a hang: the last save was inside a batch, then the driver moved RING_HEAD. */
	fx_ctx_set(&r.a, 0x0f, 0x10000001);
	fx_ctx_set(&r.a, FX_CTX_BB_STATE, 1u << 5);
	fx_ctx_set(&r.a, FX_CTX_HEAD, 16);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 1), 0);
	assert_int_equal(slot(&r, 2), 2);
	expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ACTIVE_IDLE, r.a));
}

static void the_csb_wraps_after_six_entries_and_obeys_its_pointer_register(void **state)
{
	struct rig r;
	unsigned int i;

	rig_init(&r, *state, GPU_VECS0);
	for (i = 0; i < 7; i++) {
		store(&r, &r.a, 0, i);
		fx_submit(r.fx, &r.a, NULL);
		fx_run(r.fx, r.engine);
		expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ACTIVE_IDLE, r.a));
	}
	fx_set_reg(r.fx, r.base + 0x3a0, 0xffff0000u | 2 << 8 | 2);
	r.csb_read = 2;
	store(&r, &r.a, 0, i);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(fx_read(r.fx, r.hwsp + 0x7c), 4);
	assert_int_equal(fx_reg(r.fx, r.base + 0x370 + 8 * 3), IDLE_ACTIVE);
	/* Acknowledging (the read pointer) leaves the write pointer alone; 7 is out of range. */
	fx_set_reg(r.fx, r.base + 0x3a0, 0x0700u << 16 | 4 << 8);
	assert_int_equal(fx_reg(r.fx, r.base + 0x3a0), 0x404);
}

static void the_context_id_stays_in_the_status_register_while_it_runs(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	wait_slot(&r, &r.a, 0, 7);
	fx_submit(r.fx, &r.a, &r.b);
	fx_run_bounded(r.fx, r.engine, 2);
	assert_int_equal(fx_reg(r.fx, r.base + 0x238), r.a.desc >> 32);
	assert_int_equal(fx_reg(r.fx, r.base + 0x234) & (3u << 3 | 3u << 17), 3u << 3 | 2u << 17);
}

/* There were @lines since the last call, the last one with @text. */
static void expect_lines(struct rig *r, unsigned int lines, const char *text)
{
	assert_int_equal(r->fx->log_count, lines);
	if (!strstr(r->fx->log[lines - 1], text))
		fail_msg("'%s' is not in '%s'", text, r->fx->log[lines - 1]);
	r->fx->log_count = 0;
}

static void emit_text(struct fx_context *ctx, unsigned int times)
{
	while (times--)
		fx_emit(ctx, 2, XY_TEXT_BLT, 0u);
}

static void what_a_submission_repeats_is_one_line_and_a_number(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_BCS0);
	emit_text(&r.a, 3);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	expect_lines(&r, 2, "bcs0: ... and 2 more blits not drawn");
	/* The next one has a line of its own, and if that was all, no number. */
	emit_text(&r.a, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	expect_lines(&r, 1, "bcs0: XY_TEXT_BLT is not implemented: nothing was drawn");

	/* Two elements. */
	emit_text(&r.a, 2);
	emit_text(&r.b, 3);
	fx_submit(r.fx, &r.a, &r.b);
	fx_run(r.fx, r.engine);
	expect_lines(&r, 4, "... and 2 more");

	/* More for a context that runs. */
	emit_text(&r.a, 2);
	wait_slot(&r, &r.a, 0, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	emit_text(&r.a, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_write(r.fx, r.result, 1);
	fx_run(r.fx, r.engine);
	expect_lines(&r, 3, "XY_TEXT_BLT");

	/* One that does not end. */
	emit_text(&r.b, 2);
	fx_emit(&r.b, 2, INVALID, 0u);
	fx_submit(r.fx, &r.b, NULL);
	fx_run(r.fx, r.engine);
	expect_lines(&r, 2, "hung");
	fx_set_reg(r.fx, 0x941c, 1u << 3);
	expect_lines(&r, 1, "... and 1 more");
}

static void an_elsp_write_is_ignored_without_run_list_mode_or_valid_bit(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	fx_set_reg(r.fx, r.base + 0x29c, 1u << 31);
	store(&r, &r.a, 0, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 0), 0);
	assert_int_equal(r.fx->kicks[r.engine], 0);
	assert_int_equal(r.fx->log_count, 1);

	fx_set_reg(r.fx, r.base + 0x29c, 1u << 31 | 1u << 15);
	r.a.desc &= ~1ull;
	fx_submit(r.fx, &r.a, NULL);
	assert_int_equal(r.fx->kicks[r.engine], 0);
	/* A lone element 1 is taken as the first. */
	r.a.desc |= 1;
	r.b.desc &= ~1ull;
	fx_submit(r.fx, &r.b, &r.a);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 0), 1);
	expect_events(&r, EV(IDLE_ACTIVE, r.a), EV(ACTIVE_IDLE, r.a));
}

static void a_missing_hwsp_loses_events_but_not_the_engine(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	fx_set_reg(r.fx, r.base + 0x80, 0xff000000);
	store(&r, &r.a, 0, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, r.engine);
	assert_int_equal(slot(&r, 0), 1);
	assert_int_equal(fx_reg(r.fx, r.base + 0x370 + 8), ACTIVE_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
		T(a_no_op_submission_runs_and_reports_active_and_idle_on_every_engine),
		T(the_second_element_runs_after_the_first),
		T(a_lite_restore_continues_with_the_new_tail),
		T(force_restore_reloads_the_context_instead),
		T(a_waiting_context_is_preempted_and_resumes_where_it_was),
		T(arbitration_off_keeps_a_context_in_place),
		T(a_batch_is_preempted_in_its_middle_and_goes_on_there),
		T(a_rewound_head_does_not_resume_the_old_batch),
		T(the_csb_wraps_after_six_entries_and_obeys_its_pointer_register),
		T(the_context_id_stays_in_the_status_register_while_it_runs),
		T(what_a_submission_repeats_is_one_line_and_a_number),
		T(an_elsp_write_is_ignored_without_run_list_mode_or_valid_bit),
		T(a_missing_hwsp_loses_events_but_not_the_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
