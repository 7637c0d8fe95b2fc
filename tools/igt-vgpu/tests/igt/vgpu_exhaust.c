// SPDX-License-Identifier: MIT
/*
 * A client that uses up the partition is the only one that suffers, and only as the ABI says: its
 * maps are evicted for each other, its submission waits or fails with a clean errno, it can be
 * killed; then all is free again.
 *
 * Made for a small partition (tens of MiB): on a large one the tests that need as many contexts as
 * fit skip.
 */

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_cmd.h"
#include "vgpu_guest.h"
#include "vgpu_trace.h"

IGT_TEST_DESCRIPTION("Using up the partition harms the one client that does it, and nothing else.");

#define MIB			(1ull << 20)
/*
 * A render context on Gen9: 22 pages of image and 4 of ring (gt/intel_lrc.c, gt/intel_context.c).
 */
#define CONTEXT_PAGES		26
#define MAX_CONTEXTS		1500
#define MAX_BINDS		4096

static struct vgpu_bind binds[MAX_BINDS];

static uint64_t mappable_size(const struct vgpu_guest *guest)
{
	return guest->grant.mappable.end - guest->grant.mappable.start;
}

static uint64_t granted(const struct vgpu_guest *guest)
{
	return mappable_size(guest) + guest->grant.hidden.end - guest->grant.hidden.start;
}

static uint64_t available(int fd)
{
	struct drm_i915_gem_get_aperture aperture = {};

	do_ioctl(fd, DRM_IOCTL_I915_GEM_GET_APERTURE, &aperture);
	return aperture.aper_available_size;
}

/* ---- mappable part ---- */

/*
 * Half as much again as fits, all mapped at once and touched twice: the second round finds what was
 * evicted.
 */
static void test_maps_evict(struct vgpu_guest *guest)
{
	const uint64_t size = MIB;
	unsigned int count = mappable_size(guest) * 3 / 2 / size;
	uint32_t *handle = calloc(count, sizeof(*handle)), **map = calloc(count, sizeof(*map));

	igt_assert(handle && map);
	for (unsigned int i = 0; i < count; i++) {
		handle[i] = gem_create(guest->fd, size);
		map[i] = gem_mmap__gtt(guest->fd, handle[i], size, PROT_READ | PROT_WRITE);
		*(volatile uint32_t *)map[i] = i;
	}
	for (unsigned int i = 0; i < count; i++) {
		igt_assert_eq_u32(*(volatile uint32_t *)map[i], i);
		map[i][size / 4 - 1] = ~i;
	}
	for (unsigned int i = 0; i < count; i++) {
		igt_assert_eq_u32(vgpu_read_dword(guest->fd, handle[i], size - 4), ~i);
		gem_munmap(map[i], size);
		gem_close(guest->fd, handle[i]);
	}
	free(handle);
	free(map);
}

/* Map an object of @size and touch it: how large is the view of it that the driver bound? */
static uint64_t view_of(struct vgpu_guest *guest, uint64_t ggtt, uint64_t size)
{
	uint32_t handle = gem_create(guest->fd, size);
	uint32_t *map = gem_mmap__gtt(guest->fd, handle, size, PROT_READ | PROT_WRITE);
	uint64_t view = 0;
	size_t count;

	vgpu_drop_caches(guest);
	vgpu_trace_clear();
	*(volatile uint32_t *)map = 0x600df00d;
	count = vgpu_trace_read(binds, ARRAY_SIZE(binds));
	for (size_t i = 0; i < count; i++) {
		if (binds[i].vm != ggtt)
			continue;
		igt_assert(vgpu_owns(&guest->grant, binds[i].offset, binds[i].size));
		view = binds[i].size > view ? binds[i].size : view;
	}
	igt_assert_eq_u32(vgpu_read_dword(guest->fd, handle, 0), 0x600df00d);
	gem_munmap(map, size);
	gem_close(guest->fd, handle);
	return view;
}

/*
 * The largest object that is mapped whole: not larger than the mappable part, and not much smaller
 * (what is pinned there is small). One page more is still mapped, but by pieces.
 */
static void test_largest(struct vgpu_guest *guest)
{
	uint64_t fits = VGPU_PAGE, fails = mappable_size(guest) + VGPU_PAGE;
	uint64_t ggtt;

	vgpu_trace_start();
	ggtt = vgpu_trace_find_ggtt(guest->fd);
	igt_assert(view_of(guest, ggtt, fits) == fits);
	igt_assert(view_of(guest, ggtt, fails) < fails);
	while (fails - fits > VGPU_PAGE) {
		uint64_t size = (fits + fails) / 2 / VGPU_PAGE * VGPU_PAGE;

		if (view_of(guest, ggtt, size) == size)
			fits = size;
		else
			fails = size;
	}
	vgpu_trace_stop();
	igt_info("largest object mapped whole: %llu of %llu KiB\n", (unsigned long long)fits / 1024,
		 (unsigned long long)mappable_size(guest) / 1024);
	igt_assert(fits <= mappable_size(guest));
	igt_assert(fits >= mappable_size(guest) / 2);
}

/*
 * Twice the mappable part in one object: every MiB of it can be written and read through the map.
 */
static void test_larger(struct vgpu_guest *guest)
{
	uint64_t size = 2 * mappable_size(guest);
	uint32_t handle = gem_create(guest->fd, size);
	uint32_t *map = gem_mmap__gtt(guest->fd, handle, size, PROT_READ | PROT_WRITE);

	for (uint64_t at = 0; at < size; at += MIB)
		*(volatile uint32_t *)((char *)map + at) = at | 1;
	for (uint64_t at = 0; at < size; at += MIB)
		igt_assert_eq_u32(vgpu_read_dword(guest->fd, handle, at), at | 1);
	for (uint64_t at = 0; at < size; at += MIB)
		igt_assert_eq_u32(*(volatile uint32_t *)((char *)map + at), at | 1);
	gem_munmap(map, size);
	gem_close(guest->fd, handle);
}

/* ---- everything ---- */

static int open_again(const struct vgpu_guest *guest)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/dri/card%u", guest->card);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_f(fd >= 0, "%s: %s\n", path, strerror(errno));
	return fd;
}

struct shared {
	volatile int contexts;		/* the greedy client's: that many hold their place */
	volatile int error;		/* what stopped it, -errno */
	volatile int done;
	volatile int let_go;		/* ours: it may end */
};

static void on_alarm(int sig)
{
	(void)sig;
}

/* As libigt's, but an interrupted call returns: that is what is waited for here. */
static int interruptible_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

/*
 * The greedy client: a spinner, and behind it one context after the other, each with a request that
 * cannot run yet. So none of them can be unbound. Stops at the first submission that fails or takes
 * more than two seconds, and holds all of it until it is told to let go; then it just ends.
 */
static void be_greedy(const struct vgpu_guest *guest, struct shared *shared)
{
	struct sigaction act = { .sa_handler = on_alarm }; /* no SA_RESTART: the ioctl must end */
	int fd = open_again(guest);
	uint32_t target = gem_create(fd, VGPU_PAGE);
	struct vgpu_submit to = { .engine = I915_EXEC_RENDER };
	uint32_t spinner = vgpu_spin(fd, &to);

	sigaction(SIGALRM, &act, NULL);
	igt_ioctl = interruptible_ioctl;
	for (int i = 0; i < MAX_CONTEXTS && !shared->error; i++) {
		shared->error = __gem_context_create(fd, &to.context);
		if (shared->error)
			break;
		alarm(2);
		shared->error = vgpu_store(fd, &to, target, 0, i);
		alarm(0);
		if (!shared->error)
			shared->contexts = i + 1;
	}
	shared->done = 1;
	while (!shared->let_go)
		usleep(10000);
	vgpu_spin_end(fd, spinner);
}

/*
 * How many rounds of work @fd gets done until @shared's owner is stuck, and one more.
 *
 * It always has a request under way, as a client with work to do has: each batch stores a number
 * and then spins, and is let go only when the next one has been submitted. So its context is in use
 * throughout; an idle client's context may be evicted, and to come back it has to wait for space
 * like everybody else.
 */
static unsigned int work_beside(int fd, const struct shared *shared, pid_t greedy)
{
	const struct vgpu_submit to = { .engine = I915_EXEC_VEBOX };
	uint32_t target[2] = { gem_create(fd, VGPU_PAGE), gem_create(fd, VGPU_PAGE) };
	uint32_t spinner[2] = { vgpu_spin_store(fd, &to, target[0], 0) };
	unsigned int rounds = 0;
	bool stuck = false;

	while (!stuck) {
		unsigned int last = rounds & 1, next = ~rounds & 1;

		stuck = shared->done;
		igt_assert_f(!waitpid(greedy, NULL, WNOHANG), "the greedy client died\n");
		rounds++;
		spinner[next] = vgpu_spin_store(fd, &to, target[next], rounds);
		vgpu_spin_end(fd, spinner[last]);
		igt_assert_eq_u32(vgpu_read_dword(fd, target[last], 0), rounds - 1);
		gem_close(fd, spinner[last]);
	}
	vgpu_spin_end(fd, spinner[rounds & 1]);
	igt_assert_eq_u32(vgpu_read_dword(fd, target[rounds & 1], 0), rounds);
	gem_close(fd, spinner[rounds & 1]);
	gem_close(fd, target[0]);
	gem_close(fd, target[1]);
	return rounds;
}

static void test_contexts(struct vgpu_guest *guest)
{
	unsigned int room = granted(guest) / (CONTEXT_PAGES * VGPU_PAGE);
	struct shared *shared =
		mmap(NULL, VGPU_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t before, after;
	unsigned int rounds;
	pid_t pid;

	igt_require_f(room < MAX_CONTEXTS,
		      "the partition holds %u contexts: too large to be filled\n", room);
	igt_assert(shared != MAP_FAILED);
	vgpu_drop_caches(guest);
	before = available(guest->fd);
	/* Nothing hangs here, even if it spins for long. */
	vgpu_set_heartbeat(guest->card, 60000);

	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		be_greedy(guest, shared);
		_exit(0);
	}
	rounds = work_beside(guest->fd, shared, pid);

	igt_info("%d contexts (room for %u), then: %s; %u rounds of work beside it\n",
		 shared->contexts, room, strerror(-shared->error), rounds);
	shared->let_go = 1;
	igt_assert_eq(waitpid(pid, NULL, 0), pid);
	vgpu_set_heartbeat(guest->card, VGPU_HEARTBEAT_DEFAULT_MS);

	/*
	 * A full partition is the only thing that may have stopped it, and it must have got near
	 * that.
	 */
	igt_assert_f(shared->error == -EINTR || shared->error == -ENOSPC, "stopped by: %s\n",
		     strerror(-shared->error));
	igt_assert_lte(shared->contexts, room);
	igt_assert_lte(room * 3 / 4, shared->contexts);
	igt_assert_lte(10, rounds);

	vgpu_check_all_engines(guest->fd);
	vgpu_drop_caches(guest);
	after = available(guest->fd);
	igt_assert_f(after == before, "%llu KiB were available before, %llu after\n",
		     (unsigned long long)before / 1024, (unsigned long long)after / 1024);
	munmap(shared, VGPU_PAGE);
}

/*
 * With page tables of its own a client cannot ask for a place in the GGTT: EINVAL, and nothing is
 * bound there.
 */
static void test_needs_gtt(struct vgpu_guest *guest)
{
	uint32_t end = CMD_BATCH_END;
	struct drm_i915_gem_exec_object2 object = {
		.handle = gem_create(guest->fd, VGPU_PAGE),
		.flags = EXEC_OBJECT_NEEDS_GTT,
	};
	struct drm_i915_gem_execbuffer2 eb = { .buffers_ptr = (uintptr_t)&object,
					       .buffer_count = 1 };

	igt_require_f(guest->grant.caps & VGT_CAPS_FULL_PPGTT, "the mediator has no full PPGTT\n");
	gem_write(guest->fd, object.handle, 0, &end, sizeof(end));
	igt_assert_eq(__gem_execbuf(guest->fd, &eb), -EINVAL);
	object.flags = 0;
	igt_assert_eq(__gem_execbuf(guest->fd, &eb), 0);
	gem_sync(guest->fd, object.handle);
	gem_close(guest->fd, object.handle);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_guest_require(&guest);
	}

	igt_describe("Breaks if a map cannot be evicted for another, or comes back changed.");
	igt_subtest("gtt-maps-of-more-than-the-mappable-part-evict-each-other")
		test_maps_evict(&guest);

	igt_describe("Breaks if the driver believes in more, or much less, than was granted.");
	igt_subtest("the-largest-object-is-mapped-whole-and-one-page-more-by-pieces")
		test_largest(&guest);

	igt_describe("Breaks if partial views are bound outside of the grant, or over each other.");
	igt_subtest("an-object-larger-than-the-mappable-part-is-mapped-by-pieces")
		test_larger(&guest);

	igt_describe("Breaks if another client's work stops, or the greedy one's space is lost.");
	igt_subtest("one-client-with-too-many-contexts-stops-only-itself")
		test_contexts(&guest);

	igt_describe("Breaks if a client can put objects into the GGTT at will.");
	igt_subtest("a-client-cannot-ask-for-a-place-in-the-ggtt")
		test_needs_gtt(&guest);

	igt_fixture
		vgpu_guest_close(&guest);
}
