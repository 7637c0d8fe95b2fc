// SPDX-License-Identifier: MIT
/*
 * Fixed amounts of work, for counting what they cost: the caller reads the mediator's counters
 * before and after (runner/igtvgpu/bench.py). Nothing is timed here.
 *
 *   vgpu_bench contexts N	N contexts are created, run once on the render engine, destroyed
 *   vgpu_bench switches N	N batches, each in another one of 64 contexts, one after the other
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

static void switches(const struct vgpu_guest *guest, unsigned int n)
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
		works[i].run(&guest, n);
		/* What the driver puts off belongs to it. */
		vgpu_drop_caches(&guest);
		vgpu_guest_close(&guest);
		return 0;
	}
	fprintf(stderr, "usage: vgpu_bench contexts|switches|fences N\n");
	return 2;
}
