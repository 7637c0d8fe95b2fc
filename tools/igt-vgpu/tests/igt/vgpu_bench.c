// SPDX-License-Identifier: MIT
/*
 * Fixed amounts of work, for counting what they cost: the caller reads the mediator's counters
 * before and after (runner/igtvgpu/bench.py). Nothing is timed here.
 *
 *   vgpu_bench contexts N	N contexts are created, run once on the render engine, destroyed
 *   vgpu_bench switches N	N batches, each in another one of 64 contexts, the engine awake
 *   vgpu_bench wakeups N		the same on an engine that falls asleep after each batch; the
 *				driver then lets go of the contexts' places in the GGTT
 *   vgpu_bench fences N	N accesses to tiled maps, each of which needs a fence of another's
 *
 * What a run needs besides (opening the device, making the contexts or maps) does not depend on N,
 * so that the difference of two runs is N's alone. Works on a driver without our patches as well.
 */

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

/* A heartbeat is work, and lets go of contexts that have nothing to do: none comes meanwhile. */
#define NO_HEARTBEAT_MS	60000

#define CONTEXTS	64
#define MAX_MAPS	(2 * 32)
#define STRIDE		512u
#define MAP_SIZE	(VGPU_PAGE * 16)

static void contexts(const struct vgpu_guest *guest, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct vgpu_submit to = { .context = gem_context_create(guest->fd),
						.engine = I915_EXEC_RENDER };

		vgpu_store_checked(guest->fd, &to, i);
		gem_context_destroy(guest->fd, to.context);
	}
}

/* Batch after batch, each in another context. */
static void switch_contexts(const struct vgpu_guest *guest, unsigned int n)
{
	uint32_t context[CONTEXTS];

	for (unsigned int i = 0; i < CONTEXTS; i++)
		context[i] = gem_context_create(guest->fd);
	for (unsigned int i = 0; i < CONTEXTS + n; i++) {
		const struct vgpu_submit to = { .context = context[i % CONTEXTS],
						.engine = I915_EXEC_RENDER };

		vgpu_store_checked(guest->fd, &to, i);
	}
	for (unsigned int i = 0; i < CONTEXTS; i++)
		gem_context_destroy(guest->fd, context[i]);
}

/*
 * An engine does not sleep while the driver has a request for it, even one that cannot run yet: it
 * waits for a batch that spins on another engine.
 */
static void switches(const struct vgpu_guest *guest, unsigned int n)
{
	const struct vgpu_submit video = { .engine = I915_EXEC_BSD };
	const struct vgpu_submit render = { .context = gem_context_create(guest->fd),
					    .engine = I915_EXEC_RENDER };
	uint32_t target = gem_create(guest->fd, VGPU_PAGE);
	uint32_t spinner = vgpu_spin_store(guest->fd, &video, target, 1);

	igt_assert_eq(vgpu_store(guest->fd, &render, target, 0, 2), 0);
	switch_contexts(guest, n);
	igt_assert(gem_bo_busy(guest->fd, spinner));
	vgpu_spin_end(guest->fd, spinner);
	igt_assert_eq_u32(vgpu_read_dword(guest->fd, target, 0), 2);
	gem_close(guest->fd, spinner);
	gem_close(guest->fd, target);
	gem_context_destroy(guest->fd, render.context);
}

static void wakeups(const struct vgpu_guest *guest, unsigned int n)
{
	switch_contexts(guest, n);
}

static void fences(const struct vgpu_guest *guest, unsigned int n)
{
	unsigned int count = 2 * gem_available_fences(guest->fd);
	volatile uint8_t *map[MAX_MAPS];
	uint32_t handle[MAX_MAPS];

	igt_assert_f(count && count <= MAX_MAPS, "%u fences: there must be some, and at most %d\n",
		     count / 2, MAX_MAPS / 2);
	for (unsigned int i = 0; i < count; i++) {
		handle[i] = gem_create(guest->fd, MAP_SIZE);
		igt_assert_eq(__gem_set_tiling(guest->fd, handle[i], I915_TILING_X, STRIDE), 0);
		map[i] = gem_mmap__gtt(guest->fd, handle[i], MAP_SIZE, PROT_READ | PROT_WRITE);
		*map[i] = 1;
	}
	/* The least recently used fence is taken: with twice as many maps, that is never one's own. */
	for (unsigned int i = 0; i < n; i++)
		*map[i % count] = 1;
	for (unsigned int i = 0; i < count; i++) {
		gem_munmap((void *)map[i], MAP_SIZE);
		gem_close(guest->fd, handle[i]);
	}
}

static const struct {
	const char *name;
	void (*run)(const struct vgpu_guest *guest, unsigned int n);
} works[] = {
	{ "contexts", contexts },
	{ "switches", switches },
	{ "wakeups", wakeups },
	{ "fences", fences },
};

int main(int argc, char **argv)
{
	struct vgpu_guest guest;
	char *end = NULL;
	unsigned long n = argc == 3 ? strtoul(argv[2], &end, 0) : 0;

	for (size_t i = 0; n && !*end && i < ARRAY_SIZE(works); i++) {
		if (strcmp(argv[1], works[i].name))
			continue;
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, NO_HEARTBEAT_MS);
		works[i].run(&guest, n);
		/* What the driver puts off belongs to it. */
		vgpu_drop_caches(&guest);
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
		return 0;
	}
	fprintf(stderr, "usage: vgpu_bench contexts|switches|wakeups|fences N\n");
	return 2;
}
