// SPDX-License-Identifier: MIT
/*
 * What the driver's hot paths cost in instructions, for runner/igtvgpu/bench_native.py. It runs in a
 * guest with one CPU whose time stamp counter advances by one for each instruction (VmSpec's
 * count_instructions), so the counter says how many the CPU executed: of this program, the kernel,
 * interrupts. Works on a driver without our patches as well, on bare hardware and on a vGPU.
 *
 *   vgpu_cost rcs0|bcs0|vcs0|vecs0 N	N batches that do nothing, one by one. "ioctl": execbuffer;
 *				"through": that, and all until the engine has nothing to do:
 *				interrupts, tasklets. The program spins meanwhile; what it spins is
 *				subtracted
 *   vgpu_cost bind N		one page is bound into the GGTT by touching its map, and unbound by
 *				another caching mode
 *   vgpu_cost fence N		a tiled map is touched that has lost its fence to others
 *   vgpu_cost context N	a context is created, run once, destroyed
 *
 * A line "name: samples", in the order in which they were taken. Interrupts, of a clock or of a batch
 * before, and the driver's housekeeping fall into some of them; the one in the middle has what always
 * does.
 */

#include <inttypes.h>
#include <x86intrin.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_cmd.h"
#include "vgpu_guest.h"

#define MAX_SAMPLES	1000
#define NO_HEARTBEAT_MS	86400000	/* this guest's clock leaps while its CPU waits */
#define SPIN_LOOPS	500000ull	/* until a batch must be through, at first */
#define SPIN_LOOPS_MAX	(SPIN_LOOPS << 8)
#define LOOP_LENGTH	2		/* instructions */
#define STRIDE		512u
#define MAX_FENCES	64

/** struct samples - what one thing cost each time */
struct samples {
	const char *name;
	unsigned int count;
	uint64_t value[MAX_SAMPLES];
};

static void add(struct samples *samples, uint64_t value)
{
	igt_assert(samples->count < MAX_SAMPLES);
	samples->value[samples->count++] = value;
}

static void say(const struct samples *samples)
{
	printf("%s:", samples->name);
	for (unsigned int i = 0; i < samples->count; i++)
		printf(" %" PRIu64, samples->value[i]);
	printf("\n");
}

static void spin(uint64_t loops)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r" (loops) : : "cc");
}

/* A page as execbuffer takes it: nothing to relocate, at the address where it was last. */
static uint32_t nop_batch(int fd)
{
	const uint32_t end[2] = { CMD_BATCH_END, 0 };
	uint32_t handle = gem_create(fd, VGPU_PAGE);

	gem_write(fd, handle, 0, end, sizeof(end));
	return handle;
}

static void run_nop(int fd, uint32_t handle, uint32_t context, uint64_t engine)
{
	struct drm_i915_gem_exec_object2 object = { .handle = handle };
	struct drm_i915_gem_execbuffer2 execbuf = {
		.buffers_ptr = (uintptr_t)&object,
		.buffer_count = 1,
		.flags = engine | I915_EXEC_NO_RELOC,
		.rsvd1 = context,
	};

	gem_execbuf(fd, &execbuf);
}

/* One sample of each; false: the batch was not through in time. */
static bool submit_once(int fd, uint32_t handle, uint64_t engine, uint64_t loops,
			struct samples *ioctl, struct samples *through)
{
	uint64_t begin = __rdtsc(), submitted, end;

	run_nop(fd, handle, 0, engine);
	submitted = __rdtsc();
	spin(loops);
	end = __rdtsc();
	if (gem_bo_busy(fd, handle)) {
		gem_sync(fd, handle);
		return false;
	}
	add(ioctl, submitted - begin);
	add(through, end - begin - loops * LOOP_LENGTH);
	return true;
}

static void submit(int fd, unsigned int n, uint64_t engine)
{
	struct samples ioctl = { .name = "ioctl" }, through = { .name = "through" };
	uint32_t handle = nop_batch(fd);
	uint64_t loops = SPIN_LOOPS;

	run_nop(fd, handle, 0, engine);
	gem_sync(fd, handle);
	while (ioctl.count < n) {
		if (!submit_once(fd, handle, engine, loops, &ioctl, &through)) {
			loops *= 2;
			igt_assert_f(loops <= SPIN_LOOPS_MAX, "a batch does not end\n");
		}
	}
	gem_close(fd, handle);
	say(&ioctl);
	say(&through);
}

static void set_caching(int fd, uint32_t handle, uint32_t caching)
{
	struct drm_i915_gem_caching arg = { .handle = handle, .caching = caching };

	do_ioctl(fd, DRM_IOCTL_I915_GEM_SET_CACHING, &arg);
}

static void bind(int fd, unsigned int n)
{
	struct samples bound = { .name = "bind" }, unbound = { .name = "unbind" };
	uint32_t handle = gem_create(fd, VGPU_PAGE);
	volatile uint8_t *map = gem_mmap__gtt(fd, handle, VGPU_PAGE, PROT_READ | PROT_WRITE);

	*map = 1;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t begin, end;

		begin = __rdtsc();
		set_caching(fd, handle, i % 2 ? I915_CACHING_CACHED : I915_CACHING_NONE);
		end = __rdtsc();
		add(&unbound, end - begin);
		begin = __rdtsc();
		*map = 1;
		end = __rdtsc();
		add(&bound, end - begin);
	}
	gem_munmap((void *)map, VGPU_PAGE);
	gem_close(fd, handle);
	say(&bound);
	say(&unbound);
}

static void fence(int fd, unsigned int n)
{
	struct samples samples = { .name = "fence" };
	unsigned int count = 2 * gem_available_fences(fd);
	volatile uint8_t *map[MAX_FENCES];
	uint32_t handle[MAX_FENCES];

	igt_assert_f(count && count <= MAX_FENCES, "%u fences\n", count / 2);
	for (unsigned int i = 0; i < count; i++) {
		handle[i] = gem_create(fd, VGPU_PAGE);
		igt_assert_eq(__gem_set_tiling(fd, handle[i], I915_TILING_X, STRIDE), 0);
		map[i] = gem_mmap__gtt(fd, handle[i], VGPU_PAGE, PROT_READ | PROT_WRITE);
		*map[i] = 1;
	}
	/* The least recently used fence is taken: with twice as many maps, that is never one's own. */
	for (unsigned int i = 0; i < n; i++) {
		uint64_t begin = __rdtsc();

		*map[i % count] = 1;
		add(&samples, __rdtsc() - begin);
	}
	for (unsigned int i = 0; i < count; i++) {
		gem_munmap((void *)map[i], VGPU_PAGE);
		gem_close(fd, handle[i]);
	}
	say(&samples);
}

static void context(int fd, unsigned int n)
{
	struct samples created = { .name = "create" }, run = { .name = "first-run" },
		       destroyed = { .name = "destroy" };
	uint32_t handle = nop_batch(fd);

	for (unsigned int i = 0; i < n; i++) {
		uint64_t begin = __rdtsc();
		uint32_t id = gem_context_create(fd);

		add(&created, __rdtsc() - begin);
		begin = __rdtsc();
		run_nop(fd, handle, id, I915_EXEC_RENDER);
		add(&run, __rdtsc() - begin);
		gem_sync(fd, handle);
		begin = __rdtsc();
		gem_context_destroy(fd, id);
		add(&destroyed, __rdtsc() - begin);
	}
	gem_close(fd, handle);
	say(&created);
	say(&run);
	say(&destroyed);
}

static bool work(int fd, const char *what, unsigned int n)
{
	vgpu_for_each_engine(e) {
		if (!strcmp(what, e->name)) {
			submit(fd, n, e->flags);
			return true;
		}
	}
	if (!strcmp(what, "bind"))
		bind(fd, n);
	else if (!strcmp(what, "fence"))
		fence(fd, n);
	else if (!strcmp(what, "context"))
		context(fd, n);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 0) : 0;
	struct vgpu_guest guest;
	bool known = false;

	if (n && n <= MAX_SAMPLES) {
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, NO_HEARTBEAT_MS);
		known = work(guest.fd, argv[1], n);
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
	if (!known)
		fprintf(stderr, "usage: vgpu_cost rcs0|bcs0|vcs0|vecs0|bind|fence|context N\n");
	return known ? 0 : 2;
}
