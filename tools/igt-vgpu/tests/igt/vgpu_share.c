// SPDX-License-Identifier: MIT
/*
 * Load for a GPU that several vGPUs share: the caller compares what each of them gets done
 * (scenarios/suite_shares.py), or takes the GPU away (suite_life.py). Nothing is judged here.
 *
 *   vgpu_share spin S [ENGINE]		a batch that never ends keeps the engine (rcs0, ...; default:
 *					rcs0) busy for S seconds, or until the program gets a SIGTERM
 *   vgpu_share store S [ENGINE]	for S seconds batches that store a dword, each waited for;
 *					prints how many, and the longest one's time
 *   vgpu_share wait S [ENGINE]		the same; and how late the CPU came meanwhile for a
 *					thread that sleeps
 *
 * A spinner must not be taken for a hang: the driver's heartbeats are put off meanwhile.
 */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

#define NO_HEARTBEAT_MS	60000

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void ends_the_sleep(int signal)
{
	(void)signal;
}

static void spin(const struct vgpu_guest *guest, const struct vgpu_submit *to, double seconds)
{
	uint32_t target = gem_create(guest->fd, VGPU_PAGE);
	uint32_t spinner = vgpu_spin_store(guest->fd, to, target, 1);
	/* A read by ioctl would wait for the end of the batch. */
	volatile uint32_t *map = gem_mmap__cpu(guest->fd, target, 0, VGPU_PAGE, PROT_READ);

	while (!map[0])
		usleep(1000);
	printf("spinning\n");
	fflush(stdout);
	usleep(seconds * 1e6);	/* or less: a signal ends it */
	igt_assert(gem_bo_busy(guest->fd, spinner));
	vgpu_spin_end(guest->fd, spinner);
	gem_sync(guest->fd, spinner);
}

/** struct sleeper - how late a thread is that wants the CPU each millisecond */
struct sleeper {
	atomic_bool enough;
	double latest;
};

static void *sleep_and_look(void *arg)
{
	struct sleeper *sleeper = arg;

	while (!sleeper->enough) {
		double begin = now(), late;

		usleep(1000);
		late = now() - begin - 0.001;
		if (late > sleeper->latest)
			sleeper->latest = late;
	}
	return NULL;
}

static void store(const struct vgpu_guest *guest, const struct vgpu_submit *to, double seconds)
{
	double end = now() + seconds, longest = 0, begin, wait;
	unsigned int n = 0;

	do {
		begin = now();
		vgpu_store_checked(guest->fd, to, ++n);
		wait = now() - begin;
		if (wait > longest)
			longest = wait;
	} while (now() < end);
	printf("%u batches, the longest took %.0f ms\n", n, longest * 1000);
}

static void wait_beside_a_sleeper(const struct vgpu_guest *guest, const struct vgpu_submit *to,
				  double seconds)
{
	struct sleeper sleeper = { .enough = false };
	pthread_t thread;

	igt_assert_eq(pthread_create(&thread, NULL, sleep_and_look, &sleeper), 0);
	store(guest, to, seconds);
	sleeper.enough = true;
	pthread_join(thread, NULL);
	printf("the CPU came %.0f ms late\n", sleeper.latest * 1000);
}

static const struct {
	const char *name;
	void (*run)(const struct vgpu_guest *guest, const struct vgpu_submit *to, double seconds);
} modes[] = { { "spin", spin }, { "store", store }, { "wait", wait_beside_a_sleeper } };

int main(int argc, char **argv)
{
	const char *engine = argc == 4 ? argv[3] : "rcs0";
	double seconds = argc == 3 || argc == 4 ? atof(argv[2]) : 0;
	unsigned int mode = 0;
	struct vgpu_submit to = { .engine = I915_EXEC_DEFAULT };
	struct vgpu_guest guest;

	vgpu_for_each_engine(e)
		if (!strcmp(e->name, engine))
			to.engine = e->flags;
	while (seconds > 0 && mode < ARRAY_SIZE(modes) && strcmp(argv[1], modes[mode].name))
		mode++;
	if (seconds <= 0 || mode == ARRAY_SIZE(modes) || to.engine == I915_EXEC_DEFAULT) {
		fprintf(stderr, "usage: vgpu_share spin|store|wait SECONDS [ENGINE]\n");
		return 2;
	}
	vgpu_guest_open(&guest);
	vgpu_set_heartbeat(guest.card, NO_HEARTBEAT_MS);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = ends_the_sleep }, NULL);
	modes[mode].run(&guest, &to, seconds);
	vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
	vgpu_guest_close(&guest);
	return 0;
}
