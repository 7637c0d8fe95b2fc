// SPDX-License-Identifier: MIT
/*
 * Load for a GPU that several vGPUs share: the caller compares what each of them gets done
 * (scenarios/suite_shares.py), or takes the GPU away (suite_life.py). Nothing is judged here.
 *
 *   vgpu_share spin S [ENGINE]		a batch that never ends keeps the engine (rcs0, ...; default:
 *					rcs0) busy for S seconds, or until the program gets a SIGTERM
 *   vgpu_share store S [ENGINE]	for S seconds batches that store a dword, each waited for;
 *					prints how many
 *
 * A spinner must not be taken for a hang: the driver's heartbeats are put off meanwhile.
 */

#include <signal.h>
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

static void store(const struct vgpu_guest *guest, const struct vgpu_submit *to, double seconds)
{
	double end = now() + seconds;
	unsigned int n = 0;

	do
		vgpu_store_checked(guest->fd, to, ++n);
	while (now() < end);
	printf("%u batches\n", n);
}

int main(int argc, char **argv)
{
	const char *engine = argc == 4 ? argv[3] : "rcs0";
	double seconds = argc == 3 || argc == 4 ? atof(argv[2]) : 0;
	bool spins = seconds > 0 && !strcmp(argv[1], "spin");
	struct vgpu_submit to = { .engine = I915_EXEC_DEFAULT };
	struct vgpu_guest guest;

	vgpu_for_each_engine(e)
		if (!strcmp(e->name, engine))
			to.engine = e->flags;
	if (seconds <= 0 || (!spins && strcmp(argv[1], "store")) || to.engine == I915_EXEC_DEFAULT) {
		fprintf(stderr, "usage: vgpu_share spin|store SECONDS [ENGINE]\n");
		return 2;
	}
	vgpu_guest_open(&guest);
	vgpu_set_heartbeat(guest.card, NO_HEARTBEAT_MS);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = ends_the_sleep }, NULL);
	if (spins)
		spin(&guest, &to, seconds);
	else
		store(&guest, &to, seconds);
	vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
	vgpu_guest_close(&guest);
	return 0;
}
