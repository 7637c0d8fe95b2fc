// SPDX-License-Identifier: MIT
/*
 * The threads of the engines: kicks, pauses and the end, with slices that the test makes up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>

#include "front/engines.h"

#define PATIENCE_US	(10 * G_USEC_PER_SEC)

/** struct front - a front end that counts */
struct front {
	struct engines *engines;
	atomic_uint begun, ended, slices[GPU_NUM_ENGINES], ran;
	atomic_bool more;		/* there is always more to do */
	atomic_uint poll_ns;
};

static void begin(void *opaque)
{
	atomic_fetch_add(&((struct front *)opaque)->begun, 1);
}

static void end(void *opaque)
{
	atomic_fetch_add(&((struct front *)opaque)->ended, 1);
}

static bool run(void *opaque, enum gpu_engine_id id, unsigned int budget, uint64_t *poll_ns)
{
	struct front *front = opaque;

	assert_true(budget > 0);
	*poll_ns = atomic_load(&front->poll_ns);
	atomic_fetch_add(&front->slices[id], 1);
	return atomic_load(&front->more);
}

static void ran(void *opaque)
{
	atomic_fetch_add(&((struct front *)opaque)->ran, 1);
}

static const struct engines_ops ops = { .begin = begin, .end = end, .run = run, .ran = ran };

static bool reaches(atomic_uint *counter, unsigned int value)
{
	int64_t deadline = g_get_monotonic_time() + PATIENCE_US;

	while (atomic_load(counter) < value && g_get_monotonic_time() < deadline)
		g_usleep(100);
	return atomic_load(counter) >= value;
}

static int setup(void **state)
{
	struct front *front = g_new0(struct front, 1);

	front->engines = engines_new(&ops, front);
	*state = front;
	return 0;
}

static int teardown(void **state)
{
	struct front *front = *state;

	engines_free(front->engines);
	g_free(front);
	return 0;
}

static void a_kick_runs_that_engine_and_no_other(void **state)
{
	struct front *front = *state;

	assert_true(engines_start(front->engines, false));
	engines_kick(front->engines, GPU_VCS0);
	assert_true(reaches(&front->ran, 1));
	g_usleep(20000);
	assert_int_equal(atomic_load(&front->slices[GPU_VCS0]), 1);
	assert_int_equal(atomic_load(&front->slices[GPU_RCS0]), 0);
}

static void a_kick_before_the_threads_is_remembered(void **state)
{
	struct front *front = *state;

	engines_kick(front->engines, GPU_BCS0);
	assert_true(engines_start(front->engines, false));
	assert_true(reaches(&front->slices[GPU_BCS0], 1));
}

static void who_has_more_to_do_goes_on_and_who_polls_looks_again(void **state)
{
	struct front *front = *state;

	atomic_store(&front->more, true);
	assert_true(engines_start(front->engines, false));
	engines_kick(front->engines, GPU_RCS0);
	assert_true(reaches(&front->slices[GPU_RCS0], 1000));
	atomic_store(&front->poll_ns, 1000);
	atomic_store(&front->more, false);
	engines_kick(front->engines, GPU_VECS0);
	assert_true(reaches(&front->slices[GPU_VECS0], 10));
}

static void nothing_runs_in_a_pause_and_all_goes_on_after_it(void **state)
{
	struct front *front = *state;
	unsigned int before;

	atomic_store(&front->more, true);
	assert_true(engines_start(front->engines, true));
	engines_kick(front->engines, GPU_RCS0);
	g_usleep(20000);
	assert_int_equal(atomic_load(&front->slices[GPU_RCS0]), 0);
	engines_pause(front->engines, false);
	assert_true(reaches(&front->slices[GPU_RCS0], 10));
	engines_pause(front->engines, true);
	before = atomic_load(&front->slices[GPU_RCS0]);
	g_usleep(20000);
	assert_int_equal(atomic_load(&front->slices[GPU_RCS0]), before);
	engines_pause(front->engines, false);
	assert_true(reaches(&front->slices[GPU_RCS0], before + 10));
}

static void stopping_ends_every_thread_and_they_can_start_again(void **state)
{
	struct front *front = *state;

	atomic_store(&front->more, true);
	assert_true(engines_start(front->engines, false));
	engines_kick(front->engines, GPU_RCS0);
	assert_true(reaches(&front->slices[GPU_RCS0], 10));
	engines_stop(front->engines);
	assert_int_equal(atomic_load(&front->begun), GPU_NUM_ENGINES);
	assert_int_equal(atomic_load(&front->ended), GPU_NUM_ENGINES);
	assert_true(engines_start(front->engines, false));
	engines_kick(front->engines, GPU_BCS0);
	assert_true(reaches(&front->slices[GPU_BCS0], 1));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_kick_runs_that_engine_and_no_other),
		T(a_kick_before_the_threads_is_remembered),
		T(who_has_more_to_do_goes_on_and_who_polls_looks_again),
		T(nothing_runs_in_a_pause_and_all_goes_on_after_it),
		T(stopping_ends_every_thread_and_they_can_start_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
