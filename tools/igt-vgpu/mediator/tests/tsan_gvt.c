// SPDX-License-Identifier: MIT
/*
 * The mediator under threads, for ThreadSanitizer (and natively as a stress test): four engines
 * that run, two guests that submit, reset and look at registers, one vGPU that comes and goes, one
 * whose work never ends, one whose memory goes. What is checked: no deadlock, no race, every
 * submission's end is seen, nothing is touched after it is gone.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gvt_fixture.h"

#define ROUNDS	150

static atomic_bool quit;

struct runner {
	struct gx *gx;
	enum gpu_engine_id engine;
};

static void *run_engine(void *arg)
{
	struct runner *r = arg;
	uint64_t poll_ns;

	while (!atomic_load(&quit))
		if (!gvt_engine_run(r->gx->gvt, r->engine, 50, &poll_ns))
			usleep(20);
	return NULL;
}

/* Waits, with a deadline, for the flag that the context stores last. */
static bool wait_for(struct gx_guest *guest, uint32_t gma, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 200000; i++) {
		if (gx_get(guest, gma) == value)
			return true;
		usleep(10);
	}
	return false;
}

static void *submit_all(void *arg)
{
	struct gx_guest *guest = arg;
	struct gx_context ctx[GPU_NUM_ENGINES];
	uint32_t flag = gx_alloc(guest, 1);
	unsigned int round, e;

	for (e = 0; e < GPU_NUM_ENGINES; e++)
		gx_context_init(&ctx[e], guest, e);
	for (round = 1; round <= ROUNDS; round++) {
		for (e = 0; e < GPU_NUM_ENGINES; e++) {
			if (guest->lent_at)
				gx_emit_store(&ctx[e], guest->lent_gma + 4 * e, round);
			gx_emit_store(&ctx[e], flag + 4 * e, round);
			gx_emit_interrupt(&ctx[e]);
			gx_submit(&ctx[e], NULL);
		}
		for (e = 0; e < GPU_NUM_ENGINES; e++)
			if (!wait_for(guest, flag + 4 * e, round))
				return "a submission never ended";
		/*
		 * Until idle, or the next submission would be a lite restore that changes the
		 * flags' order.
		 */
		for (e = 0; e < GPU_NUM_ENGINES; e++)
			while (gx_reg(guest, gx_base(e) + 0x234) & 0x6001c)
				;
		gx_set_reg(guest, 0x44308, ~0u);
		if (round % 50 == 0) {
			gx_set_reg(guest, 0x941c, 1);
			gx_start(guest);
		}
	}
	return NULL;
}

/* A third guest that hangs engines, is reset, and is gone again. */
static void *come_and_go(void *arg)
{
	struct gx *gx = arg;
	struct vgpu_config config = { .partition = { 0, 1 << 20, 0x10000000, 16 << 20, 0, 2 } };
	unsigned int round;

	for (round = 0; round < 20; round++) {
		struct gx_guest *guest = gx_add(gx, 2, config);
		struct gx_context ctx;

		gx_start(guest);
		gx_context_init(&ctx, guest, round % GPU_NUM_ENGINES);
		if (round % 4 == 3)
			gx_emit_store(&ctx, 0xfffff000u, 1);
		else if (round % 2)
			gx_emit_invalid(&ctx);
		else
			gx_emit_wait(&ctx, gx_alloc(guest, 1));
		gx_submit(&ctx, NULL);
		while (round % 4 == 3 && !(gx_reg(guest, GPU_RING_FAULT) & GPU_FAULT_VALID))
			usleep(10);
		usleep(500);
		if (round % 3)
			gx_set_reg(guest, 0x941c, 1);
		else if (round % 5 == 0)
			vgpu_reset(guest->vgpu);
		gx_remove(guest);
	}
	return NULL;
}

static void guests_engines_and_resets_run_at_once(void **state)
{
	struct gx *gx = *state;
	struct runner runner[GPU_NUM_ENGINES];
	pthread_t engines[GPU_NUM_ENGINES], guests[2], visitor;
	unsigned int i;
	void *why;

	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		runner[i] = (struct runner){ gx, i };
		assert_int_equal(pthread_create(&engines[i], NULL, run_engine, &runner[i]), 0);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&guests[i], NULL, submit_all, &gx->guest[i]), 0);
	assert_int_equal(pthread_create(&visitor, NULL, come_and_go, gx), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(guests[i], &why);
		if (why)
			fail_msg("guest %u: %s", i, (const char *)why);
	}
	pthread_join(visitor, NULL);
	atomic_store(&quit, true);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		pthread_join(engines[i], NULL);
	assert_true(gx->guest[0].irq_rises > 0);
	assert_true(gx->guest[1].irq_rises > 0);
}

/* A page that a guest's batches write is there, and is freed; how often it was written meanwhile. */
static void *lend_and_take_back(void *arg)
{
	struct gx_guest *guest = arg;
	uintptr_t used = 0;

	while (!atomic_load(&quit)) {
		uint8_t *page = calloc(1, GPU_PAGE_SIZE);

		__atomic_store_n(&guest->lent, page, __ATOMIC_RELEASE);
		/* So far it was another one that is looked up; from now on it is this. */
		vgpu_invalidate_host_pages(guest->vgpu);
		usleep(200);
		__atomic_store_n(&guest->lent, NULL, __ATOMIC_RELEASE);
		vgpu_invalidate_host_pages(guest->vgpu);
		used += page[0] || page[4] || page[8] || page[12];
		free(page);
	}
	return (void *)used;
}

static void memory_goes_while_the_engines_write_it(void **state)
{
	struct runner runner[GPU_NUM_ENGINES];
	pthread_t engines[GPU_NUM_ENGINES], guests[2], lender;
	unsigned int i;
	void *why, *used;
	GUESTS(state);

	atomic_store(&quit, false);
	a->lent_gma = gx_alloc(a, 1);
	a->lent_at = gx_pte(a, a->lent_gma) & GPU_ADDR_MASK;
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		runner[i] = (struct runner){ gx, i };
		assert_int_equal(pthread_create(&engines[i], NULL, run_engine, &runner[i]), 0);
	}
	assert_int_equal(pthread_create(&guests[0], NULL, submit_all, a), 0);
	assert_int_equal(pthread_create(&guests[1], NULL, submit_all, b), 0);
	assert_int_equal(pthread_create(&lender, NULL, lend_and_take_back, a), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(guests[i], &why);
		if (why)
			fail_msg("guest %u: %s", i, (const char *)why);
	}
	atomic_store(&quit, true);
	pthread_join(lender, &used);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		pthread_join(engines[i], NULL);
	assert_true((uintptr_t)used > 0);
}

/* All engines are one guest's, with batches that never end; the other one gets its work done. */
static void endless_work_of_one_does_not_keep_the_other_from_its_own(void **state)
{
	struct runner runner[GPU_NUM_ENGINES];
	struct gx_context endless[GPU_NUM_ENGINES];
	pthread_t engines[GPU_NUM_ENGINES], guest;
	uint64_t taken = 0;
	unsigned int e;
	uint32_t flag;
	void *why;
	GUESTS(state);

	atomic_store(&quit, false);
	flag = gx_alloc(a, 1);
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		gx_context_init(&endless[e], a, e);
		/* Waits on two of them; on the others a batch that jumps to its own beginning. */
		if (e % 2) {
			gx_emit_wait(&endless[e], flag);
		} else {
			uint32_t batch = gx_alloc(a, 1);

			gx_set(a, batch, 0x31u << 23 | 1);
			gx_set(a, batch + 4, batch);
			gx_emit(&endless[e], 4, 0x31u << 23 | 1, batch, 0u, 0u);
		}
		gx_submit(&endless[e], NULL);
		runner[e] = (struct runner){ gx, e };
		assert_int_equal(pthread_create(&engines[e], NULL, run_engine, &runner[e]), 0);
	}
	assert_int_equal(pthread_create(&guest, NULL, submit_all, b), 0);
	pthread_join(guest, &why);
	if (why)
		fail_msg("%s", (const char *)why);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		taken += stats_get(a->stats, STATS_PREEMPTED_0 + e);
	assert_true(taken >= ROUNDS);
	/* What waited ends; what never ends is reset. */
	gx_set(a, flag, 1);
	gx_set_reg(a, 0x941c, 1u << 1 | 1u << 2);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		while (gx_reg(a, gx_base(e) + 0x234) & 0x6001c)
			usleep(10);
	atomic_store(&quit, true);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		pthread_join(engines[e], NULL);
}

/* ---- an edge-triggered front end and a driver that looks only when told ---- */

/** struct msi - a front end that delivers rising edges, as the QEMU device does with its lock */
struct msi {
	pthread_cond_t raised;
	bool delivered;		/* the level that was passed on, ... */
	uint32_t rises;		/* ... and the last rise of it */
	unsigned int pending;	/* messages the guest has not handled */
};

/* One for all guests: a trap of one may tell another of its interrupt. */
static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;

static void deliver(struct gx_guest *guest)
{
	struct msi *msi = guest->on_irq_arg;
	bool level = vgpu_irq_level(guest->vgpu);
	uint32_t rises = vgpu_irq_rises(guest->vgpu);

	if (level && (!msi->delivered || rises != msi->rises)) {
		msi->pending++;
		pthread_cond_signal(&msi->raised);
	}
	msi->delivered = level;
	msi->rises = rises;
}

static _Thread_local bool in_trap;

static void front_end_irq(struct gx_guest *guest)
{
	if (!in_trap)
		pthread_mutex_lock(&big_lock);
	deliver(guest);
	if (!in_trap)
		pthread_mutex_unlock(&big_lock);
}

/* A trap: with the big lock, like a vCPU. */
static void trap_write(struct gx_guest *guest, uint32_t offset, uint32_t value)
{
	pthread_mutex_lock(&big_lock);
	in_trap = true;
	gx_set_reg(guest, offset, value);
	in_trap = false;
	pthread_mutex_unlock(&big_lock);
}

static uint32_t trap_read(struct gx_guest *guest, uint32_t offset)
{
	uint32_t value;

	pthread_mutex_lock(&big_lock);
	in_trap = true;
	value = gx_reg(guest, offset);
	in_trap = false;
	pthread_mutex_unlock(&big_lock);
	return value;
}

static bool wait_for_message(struct msi *msi)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&big_lock);
	while (!msi->pending && !rc)
		rc = pthread_cond_timedwait(&msi->raised, &big_lock, &until);
	if (!rc)
		msi->pending--;
	pthread_mutex_unlock(&big_lock);
	return !rc;
}

/* i915's handler: master off, read, act, acknowledge, master on. False: there was nothing to do. */
static bool handle(struct gx_guest *guest)
{
	static const uint32_t iir[] = { 0x44308, 0x44318, 0x44338 };
	uint32_t pending;
	unsigned int i;

	trap_write(guest, 0x44200, 0);
	pending = trap_read(guest, 0x44200);
	for (i = 0; i < 3; i++)
		trap_write(guest, iir[i], trap_read(guest, iir[i]));
	trap_write(guest, 0x44200, 1u << 31);
	return pending;
}

static void *submit_and_sleep(void *arg)
{
	struct gx_guest *guest = arg;
	struct gx_context ctx[GPU_NUM_ENGINES];
	unsigned int round, e, done[GPU_NUM_ENGINES] = { 0 };
	uint32_t flag;

	flag = gx_alloc(guest, 1);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		gx_context_init(&ctx[e], guest, e);
	for (round = 1; round <= 10 * ROUNDS; round++) {
		for (e = 0; e < GPU_NUM_ENGINES; e++) {
			uint32_t elsp = gx_base(e) + 0x230;

			gx_emit_store(&ctx[e], flag + 4 * e, round);
			gx_emit_interrupt(&ctx[e]);
			gx_set(guest, ctx[e].lrca + GPU_PAGE_SIZE + 4 * 7, ctx[e].tail);
			trap_write(guest, elsp, 0);
			trap_write(guest, elsp, 0);
			trap_write(guest, elsp, ctx[e].desc >> 32);
			trap_write(guest, elsp, (uint32_t)ctx[e].desc);
		}
		for (e = 0; e < GPU_NUM_ENGINES; e++) {
			/* Seen in memory, and idle in the status buffer: both were announced. */
			while (gx_get(guest, flag + 4 * e) != round || done[e] < round) {
				uint32_t status, id;

				while (gx_event(guest, e, &status, &id))
					done[e] += status == GX_ACTIVE_IDLE;
				if (gx_get(guest, flag + 4 * e) == round && done[e] >= round)
					break;
				if (!wait_for_message(guest->on_irq_arg))
					return "an interrupt was lost";
				if (!handle(guest))
					return "an interrupt came for nothing";
			}
		}
	}
	return NULL;
}

static void no_interrupt_is_lost_or_doubled(void **state)
{
	struct gx *gx = *state;
	struct runner runner[GPU_NUM_ENGINES];
	pthread_t engines[GPU_NUM_ENGINES], guests[2];
	struct msi msi[2];
	unsigned int i;
	void *why;

	atomic_store(&quit, false);
	for (i = 0; i < 2; i++) {
		msi[i] = (struct msi){ .raised = PTHREAD_COND_INITIALIZER };
		gx->guest[i].on_irq_arg = &msi[i];
		gx->guest[i].on_irq = front_end_irq;
	}
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		runner[i] = (struct runner){ gx, i };
		assert_int_equal(pthread_create(&engines[i], NULL, run_engine, &runner[i]), 0);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&guests[i], NULL, submit_and_sleep, &gx->guest[i]),
				 0);
	for (i = 0; i < 2; i++) {
		pthread_join(guests[i], &why);
		if (why)
			fail_msg("guest %u: %s", i, (const char *)why);
	}
	atomic_store(&quit, true);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		pthread_join(engines[i], NULL);
	gx->guest[0].on_irq = gx->guest[1].on_irq = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guests_engines_and_resets_run_at_once, gx_setup,
						gx_teardown),
		cmocka_unit_test_setup_teardown(
			endless_work_of_one_does_not_keep_the_other_from_its_own, gx_setup,
			gx_teardown),
		cmocka_unit_test_setup_teardown(no_interrupt_is_lost_or_doubled, gx_setup,
						gx_teardown),
		cmocka_unit_test_setup_teardown(memory_goes_while_the_engines_write_it, gx_setup,
						gx_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
