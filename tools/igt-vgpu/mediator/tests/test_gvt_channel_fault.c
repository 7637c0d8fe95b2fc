// SPDX-License-Identifier: MIT
/*
 * What a guest sees of a channel that was told to misbehave.
 */

#include <glib.h>
#include <string.h>

#include "channel_fixture.h"

static void fault(struct cx_rig *r, const char *spec)
{
	char *error = NULL;

	if (!vgpu_set_channel_fault(r->guest->vgpu, spec, &error))
		fail_msg("%s", error);
}

static void delayed_responses_come_later(void **state)
{
	struct cx_rig *r = *state;
	struct cx_response response;
	unsigned int i;

	fault(r, "delay=3");
	assert_int_equal(cx_rig_fence(r), -1);
	for (i = 0; i < 2; i++) {
		cx_rig_trap(r);
		assert_false(cx_response(&r->cx, &response));
	}
	cx_rig_trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 1);

	fault(r, "delay-ms=5");
	assert_int_equal(cx_rig_fence(r), -1);
	r->gx->now_ns += 4000000;
	cx_rig_trap(r);
	assert_false(cx_response(&r->cx, &response));
	r->gx->now_ns += 1000000;
	cx_rig_trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 2);

	/* What is kept back when it is switched off comes at once. */
	assert_int_equal(cx_rig_fence(r), -1);
	fault(r, "");
	cx_rig_trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
}

static void delayed_responses_are_bounded(void **state)
{
	struct cx_rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	struct cx_response response;
	unsigned int i;

	fault(r, "delay-ms=1000");
	for (i = 0; i < 50; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	cx_rig_trap(r);
	assert_int_equal(r->cx.header->request_head, 32);
	fault(r, "");
	cx_rig_trap(r);
	for (i = 1; i <= 50; i++) {
		assert_true(cx_response(&r->cx, &response));
		assert_int_equal(response.seqno, i);
	}
}

static void dropped_requests_are_neither_executed_nor_answered(void **state)
{
	struct cx_rig *r = *state;
	unsigned int i;

	fault(r, "drop=3");
	for (i = 1; i <= 9; i++)
		assert_int_equal(cx_rig_fence(r), i % 3 ? VGT_STATUS_OK : -1);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_FENCE_SET), 6);
	assert_true(cx_drained(&r->cx));
}

static void corrupt_responses_are_recognisable(void **state)
{
	static const char *const specs[] = { "corrupt=length", "corrupt=seqno", "corrupt=type" };
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		const uint32_t *dw;

		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
		fault(r, specs[i]);
		assert_int_equal(cx_rig_fence(r), -1);
		assert_int_equal(r->cx.header->response_tail, 4);
		dw = r->cx.response;
		assert_int_equal((dw[0] & 0xff) != 4, i == 0);
		assert_int_equal(dw[1] != 1, i == 1);
		assert_int_equal(dw[0] >> 16 != VGT_RESPONSE_STATUS, i == 2);
	}
}

static void lies_about_indices_are_beyond_the_ring(void **state)
{
	static const char *const specs[] = { "lie=backwards", "lie=beyond" };
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
		fault(r, specs[i]);
		assert_int_equal(cx_rig_fence(r), -1);
		assert_true(r->cx.tail - r->cx.header->request_head > CX_RING / 4);
		assert_true(r->cx.header->response_tail > VGT_CHANNEL_MIN_RING / 4);
		/* The mediator itself goes on with the truth. */
		fault(r, "");
		r->cx.head = 4;
		r->cx.header->response_head = 4;
		assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	}
}

static void features_are_refused_and_the_channel_vanishes(void **state)
{
	struct cx_rig *r = *state;
	unsigned int lines;

	fault(r, "refuse");
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), 0);
	fault(r, "refuse=1");
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), VGT_FEATURE_FENCE);
	cx_init(&r->cx, r->guest);
	fault(r, "");
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
	lines = r->gx->log_count;
	fault(r, "vanish");
	assert_int_equal(cx_rig_fence(r), -1);
	assert_int_equal(cx_accepted(&r->cx), 0);
	assert_false(cx_drained(&r->cx));
	assert_int_equal(r->gx->log_count, lines);
}

static void bad_faults_are_refused(void **state)
{
	static const char *const specs[] = {
		"delay", "delay=", "delay=0", "delay=-1", "delay=1x", "drop", "drop=0", "corrupt",
		"corrupt=", "lie", "lie=sideways", "refuse=", "refuse=0", "vanish=1", "none", " ",
		"delay-ms=4294967296",
	};
	struct cx_rig *r = *state;
	unsigned int i;

	fault(r, "drop=1");
	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		char *error = NULL;

		if (vgpu_set_channel_fault(r->guest->vgpu, specs[i], &error))
			fail_msg("'%s' was accepted", specs[i]);
		assert_non_null(strstr(error, "is none of delay=DRAINS"));
		g_free(error);
	}
	assert_int_equal(cx_rig_fence(r), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, cx_rig_setup_on, cx_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(delayed_responses_come_later),
		T(delayed_responses_are_bounded),
		T(dropped_requests_are_neither_executed_nor_answered),
		T(corrupt_responses_are_recognisable),
		T(lies_about_indices_are_beyond_the_ring),
		T(features_are_refused_and_the_channel_vanishes),
		T(bad_faults_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
