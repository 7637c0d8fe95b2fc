// SPDX-License-Identifier: MIT
/*
 * What mirrored memory costs, for runner/igtvgpu/bench_svm.py: lines "name value" on the standard
 * output. Times are in ns of the guest's clock, which counts its instructions there, each the least
 * of several tries; all else is counted by the driver.
 *
 *   vgpu_svm_bench first-use BYTES	memory that the GPU has never seen, until a batch has used it:
 *					bound, and as a userptr object at the same address
 *   vgpu_svm_bench revalidate N	N of 128 pieces of 2 MiB change, then a batch runs
 *   vgpu_svm_bench unrelated N		N unrelated maps come and go while a batch runs
 *   vgpu_svm_bench ranges N		one more range, and a batch, in a VM with N ranges
 */

#include <inttypes.h>
#include <time.h>

#include "igt.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_mirror.h"

#define CHUNK		VGPU_HUGE
#define CHUNKS		128u

static struct vgpu_guest guest;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/** struct least - the least of several times */
struct least {
	uint64_t begin, ns;
};

static void start(struct least *least)
{
	least->begin = now_ns();
}

static void stop(struct least *least)
{
	uint64_t ns = now_ns() - least->begin;

	if (!least->ns || ns < least->ns)
		least->ns = ns;
}

static void say(const char *name, uint64_t value)
{
	printf("%s %" PRIu64 "\n", name, value);
}

static uint64_t count(const char *name)
{
	return vgpu_svm_counter(guest.card, name);
}

/* ---- first use ---- */

/*
 * A batch that is ready to be submitted: making it is no part of a first use. It has been run, empty,
 * so that its own page tables are there, the context is pinned, and the engine awake.
 */
static void make_store(struct vgpu_vm *vm, struct vgpu_code *code, const void *at, uint32_t value)
{
	vgpu_code_begin(code, vm);
	igt_assert_eq(vgpu_code_submit(code), 0);
	vgpu_code_again(code);
	vgpu_emit_store(code, at, value);
	vgpu_code_write(code);
}

static void use_bound(struct vgpu_vm *vm, uint8_t *at, uint64_t size, struct least *first,
		      struct least *whole)
{
	struct vgpu_code code;

	make_store(vm, &code, at, 1);
	start(first);
	start(whole);
	igt_assert_eq(vgpu_vm_bind(vm, at, size, 0), 0);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	gem_sync(vm->fd, code.handle);
	stop(first);
	igt_assert_eq(vgpu_vm_unbind(vm, at, size), 0);
	stop(whole);
	vgpu_code_end(&code);
}

static void use_userptr(struct vgpu_vm *vm, uint8_t *at, uint64_t size, struct least *first,
			struct least *whole)
{
	struct drm_i915_gem_userptr userptr = { .user_ptr = (uintptr_t)at, .user_size = size };
	struct vgpu_code code;

	make_store(vm, &code, at, 2);
	start(first);
	start(whole);
	do_ioctl(vm->fd, DRM_IOCTL_I915_GEM_USERPTR, &userptr);
	igt_assert_eq(vgpu_code_submit_with(&code, userptr.handle, at), 0);
	gem_sync(vm->fd, code.handle);
	stop(first);
	gem_close(vm->fd, userptr.handle);
	stop(whole);
	vgpu_code_end(&code);
}

static void first_use(struct vgpu_vm *vm, uint64_t size)
{
	unsigned int tries = size < 16 * VGPU_MIB ? 40 : size < 512 * VGPU_MIB ? 8 : 3;
	struct least bound[2] = { { 0 } }, userptr[2] = { { 0 } };
	uint8_t *at = vgpu_memory_huge(size);

	memset(at, 0, size);
	for (unsigned int i = 0; i < tries; i++) {
		use_userptr(vm, at, size, &userptr[0], &userptr[1]);
		igt_assert_eq_u32(*(volatile uint32_t *)at, 2);
		/* What of it lives on in the VM would be in the way. */
		vgpu_drop_caches(&guest);
		use_bound(vm, at, size, &bound[0], &bound[1]);
		igt_assert_eq_u32(*(volatile uint32_t *)at, 1);
	}
	say("bound_first", bound[0].ns);
	say("bound_whole", bound[1].ns);
	say("userptr_first", userptr[0].ns);
	say("userptr_whole", userptr[1].ns);
}

/* ---- what an invalidation costs ---- */

static void revalidate(struct vgpu_vm *vm, uint64_t n)
{
	uint8_t *at = vgpu_memory_small(CHUNKS * CHUNK);
	struct least least = { 0 };
	uint64_t before;

	igt_assert(n <= CHUNKS);
	memset(at, 0, CHUNKS * CHUNK);
	igt_assert_eq(vgpu_vm_bind(vm, at, CHUNKS * CHUNK, 0), 0);
	igt_assert_eq(vgpu_vm_nop(vm), 0);
	before = count("revalidated");
	for (unsigned int i = 0; i < 5; i++) {
		for (uint64_t chunk = 0; chunk < n; chunk++) {
			igt_assert(!madvise(at + chunk * CHUNK, VGPU_PAGE, MADV_DONTNEED));
			at[chunk * CHUNK] = 1;
		}
		start(&least);
		igt_assert_eq(vgpu_vm_nop(vm), 0);
		stop(&least);
	}
	say("pages", (count("revalidated") - before) / 5);
	say("ns", least.ns);
}

static void unrelated(struct vgpu_vm *vm, uint64_t n)
{
	static const char *const counters[] = { "invalidations", "waits", "zapped", "tlb" };
	uint64_t before[ARRAY_SIZE(counters)];
	uint8_t *at = vgpu_memory_small(VGPU_MIB);
	struct vgpu_code code;

	igt_assert_eq(vgpu_vm_bind(vm, at, VGPU_MIB, 0), 0);
	vgpu_code_begin(&code, vm);
	vgpu_emit_store(&code, at, 1);
	vgpu_emit_spin(&code);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		before[i] = count(counters[i]);
	for (uint64_t i = 0; i < n; i++) {
		uint8_t *other = vgpu_memory_small(VGPU_MIB);

		memset(other, 1, VGPU_MIB);
		igt_assert(!munmap(other, VGPU_MIB));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		say(counters[i], count(counters[i]) - before[i]);
	igt_assert(vgpu_code_busy(&code));
	vgpu_code_release(&code);
	vgpu_code_end(&code);
}

/* ---- many ranges ---- */

static void ranges(struct vgpu_vm *vm, uint64_t n)
{
	uint8_t *at = vgpu_memory_small((n + 1) * VGPU_PAGE), *one = at + n / 2 * VGPU_PAGE;
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm->id, .address = (uintptr_t)one, .length = VGPU_PAGE,
	};
	struct least bind = { 0 }, execute = { 0 };

	/* In the middle one is left out: it comes and goes. */
	for (uint64_t i = 0; i <= n; i++)
		if (at + i * VGPU_PAGE != one)
			igt_assert_eq(vgpu_vm_bind(vm, at + i * VGPU_PAGE, VGPU_PAGE, 0), 0);
	for (unsigned int i = 0; i < 40; i++) {
		/* By hand: the account that the library keeps takes longer the longer it is. */
		start(&bind);
		range.op = I915_VM_RANGE_BIND_MEMORY;
		igt_assert_eq(vgpu_vm_ioctl(vm->fd, &range), 0);
		range.op = I915_VM_RANGE_UNBIND;
		igt_assert_eq(vgpu_vm_ioctl(vm->fd, &range), 0);
		stop(&bind);
		start(&execute);
		igt_assert_eq(vgpu_vm_nop(vm), 0);
		stop(&execute);
	}
	say("bind", bind.ns);
	say("execute", execute.ns);
}

static const struct {
	const char *name;
	void (*run)(struct vgpu_vm *vm, uint64_t n);
} works[] = {
	{ "first-use", first_use },
	{ "revalidate", revalidate },
	{ "unrelated", unrelated },
	{ "ranges", ranges },
};

int main(int argc, char **argv)
{
	uint64_t n = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
	struct vgpu_vm vm;

	for (size_t i = 0; n && i < ARRAY_SIZE(works); i++) {
		if (strcmp(argv[1], works[i].name))
			continue;
		vgpu_guest_open(&guest);
		vgpu_vm_require(guest.fd);
		vgpu_vm_open(&vm, guest.fd, I915_EXEC_RENDER);
		works[i].run(&vm, n);
		vgpu_vm_close(&vm);
		vgpu_guest_close(&guest);
		return 0;
	}
	fprintf(stderr, "usage: vgpu_svm_bench first-use BYTES|revalidate N|unrelated N|ranges N\n");
	return 2;
}
