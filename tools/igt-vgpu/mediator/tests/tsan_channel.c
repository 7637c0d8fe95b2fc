// SPDX-License-Identifier: MIT
/*
 * The channel under threads, for ThreadSanitizer: a guest that posts on one thread, traps on
 * another and submits on a third while engines run. What is checked: no race, nothing lost, and
 * that a ring whose memory changes while it is read harms nobody.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "channel_fixture.h"

#define ROUNDS	2000
#define BOTH	(VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE)

static atomic_bool quit;

struct rig {
	struct gx *gx;
	struct cx cx;
	struct gx_context ctx[4];
	uint32_t out;
};

static void *run_engine(void *arg)
{
	struct rig *r = arg;
	uint64_t poll_ns;

	while (!atomic_load(&quit))
		if (!gvt_engine_run(r->gx->gvt, GPU_BCS0, 50, &poll_ns))
			usleep(20);
	return NULL;
}

static void *trap(void *arg)
{
	struct rig *r = arg;

	while (!atomic_load(&quit))
		gx_reg(r->cx.guest, 0x44200);
	return NULL;
}

/* Contexts in the way of a driver, without a trap of its own but for a full ring. */
static void *post(void *arg)
{
	struct rig *r = arg;
	uint32_t head;
	unsigned int i;

	for (i = 0; i < 10 * ROUNDS; i++) {
		unsigned int n = i % 4;

		head = __atomic_load_n(&r->cx.header->request_head, __ATOMIC_ACQUIRE);
		if (r->cx.tail - head > CX_RING / 4 - 32)
			cx_doorbell(&r->cx);
		if (i / 4 % 5 < 4)
			cx_pin(&r->cx, 1 + n, &r->ctx[n]);
		else
			cx_unpin(&r->cx, 1 + n);
	}
	return NULL;
}

/* Submissions one upon the other: lite restores, second elements, all that overlaps. */
static void *submit(void *arg)
{
	struct rig *r = arg;
	struct gx_guest *guest = r->cx.guest;
	unsigned int round, i, n;

	for (round = 1; round <= ROUNDS; round++) {
		n = round % 4;
		gx_emit_store(&r->ctx[n], r->out + 4 * n, round);
		gx_submit(&r->ctx[n], round % 3 ? NULL : &r->ctx[(n + 1) % 4]);
		if (round % 2)
			gx_submit(&r->ctx[n], NULL);
		for (i = 0; gx_get(guest, r->out + 4 * n) != round; i++) {
			if (i == 200000)
				return "a submission never ended";
			usleep(10);
		}
		while (round % 5 == 0 && gx_reg(guest, 0x22234) & 0x6001c)
			;
	}
	return NULL;
}

static void start(struct rig *r, struct gx *gx)
{
	unsigned int i;

	r->gx = gx;
	r->out = gx_alloc(&gx->guest[0], 1);
	for (i = 0; i < 4; i++)
		gx_context_init(&r->ctx[i], &gx->guest[0], GPU_BCS0);
	cx_init(&r->cx, &gx->guest[0]);
	assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
}

static void a_guest_posts_traps_and_submits_at_once(void **state)
{
	pthread_t engine, trapper, poster, submitter;
	struct rig r;
	void *why;

	start(&r, *state);
	atomic_store(&quit, false);
	assert_int_equal(pthread_create(&engine, NULL, run_engine, &r), 0);
	assert_int_equal(pthread_create(&trapper, NULL, trap, &r), 0);
	assert_int_equal(pthread_create(&poster, NULL, post, &r), 0);
	assert_int_equal(pthread_create(&submitter, NULL, submit, &r), 0);
	pthread_join(submitter, &why);
	pthread_join(poster, NULL);
	atomic_store(&quit, true);
	pthread_join(trapper, NULL);
	pthread_join(engine, NULL);
	if (why)
		fail_msg("%s", (const char *)why);
	cx_doorbell(&r.cx);
	assert_true(cx_drained(&r.cx));
	assert_int_equal(cx_accepted(&r.cx), BOTH);
	assert_int_equal(stats_get(r.cx.guest->stats, STATS_CHANNEL_PIN) +
			 stats_get(r.cx.guest->stats, STATS_CHANNEL_UNPIN), 10 * ROUNDS);
	assert_int_equal(stats_get(r.cx.guest->stats, STATS_CHANNEL_PROTOCOL_ERROR), 0);
}

/* Anything, anywhere in the channel's memory. */
static void *scribble(void *arg)
{
	struct rig *r = arg;
	uint32_t *memory = (uint32_t *)r->cx.header, x = 12345;

	while (!atomic_load(&quit)) {
		x = x * 1103515245 + 12345;
		__atomic_store_n(&memory[(x >> 8) % 0x500], x % 3 ? x >> 27 : x,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static void memory_that_changes_while_it_is_read_harms_nobody(void **state)
{
	pthread_t scribbler, trapper;
	unsigned int i;
	struct rig r;

	start(&r, *state);
	atomic_store(&quit, false);
	assert_int_equal(pthread_create(&scribbler, NULL, scribble, &r), 0);
	assert_int_equal(pthread_create(&trapper, NULL, trap, &r), 0);
	for (i = 0; i < ROUNDS; i++) {
		unsigned int w;
		static const uint32_t good[5] = { 1, 0x1000, 0x1000, 0x2000, 0x400 };

		for (w = 0; w < 48; w++)
			__atomic_store_n((uint32_t *)r.cx.header + w, w < 5 ? good[w] : 0,
					 __ATOMIC_RELAXED);
		cx_start(&r.cx, BOTH);
		gx_reg(r.cx.guest, 0x44200);
	}
	atomic_store(&quit, true);
	pthread_join(scribbler, NULL);
	pthread_join(trapper, NULL);
	cx_stop(&r.cx);
	cx_init(&r.cx, r.cx.guest);
	assert_int_equal(cx_start(&r.cx, BOTH), BOTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_guest_posts_traps_and_submits_at_once, gx_setup,
						gx_teardown),
		cmocka_unit_test_setup_teardown(memory_that_changes_while_it_is_read_harms_nobody,
						gx_setup, gx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
