// SPDX-License-Identifier: MIT
/*
 * Each allocation of a bind, an unbind, an execution and an invalidation fails once: the first one,
 * then, all anew, the second one, and so on until the operation comes to its end before its turn is
 * there. Either it is refused, with the errno that the uAPI has for that, and nothing has changed;
 * or the driver does without the memory. Then the same operation succeeds.
 *
 * What breaks these tests: a step that is not undone when a later one fails, a wrong errno, an
 * unbind or an invalidation that needs memory. What is lost without a trace, kmemleak finds:
 * suite_faults.py, KERNEL=debug.
 */

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"
#include "vgpu_mirror.h"

IGT_TEST_DESCRIPTION("Each allocation of what mirrored memory takes fails once.");

#define SMALL		(64 * 1024)
#define CHUNKS		(VGPU_HUGE + SMALL)	/* two chunks at least: not all is within one */
#define BATCHES		(33 * VGPU_HUGE)	/* more than is collected at a time */
#define MOST		2000			/* allocations of an operation: there is an end */

/* What an operation may be refused with. */
#define NEVER		0
#define NOMEM		1
#define FAULT		2	/* hmm does not tell a fault without memory from one without a map */
#define SPACE		4	/* of a shmem file without an inode */

static struct vgpu_guest guest;

/* ---- the kernel's fault injection: the nth allocation of this thread from now on ---- */

static int fail_nth = -1;

/* That is for all allocations, not only for those that may not wait or are large. */
static void inject_everywhere(void)
{
	static const struct {
		const char *file, *value;
	} settings[] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
	};
	char path[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i].file);
		igt_require_f(!vgpu_file_write(path, settings[i].value),
			      "the kernel injects no faults: no %s\n", path);
	}
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	igt_require_f(fail_nth >= 0, "the kernel injects no faults: no /proc/self/fail-nth\n");
}

static void arm(unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	igt_assert_eq(pwrite(fail_nth, text, length, 0), length);
}

/* Did one fail? */
static bool disarm(void)
{
	char left[16] = "";

	igt_assert(pread(fail_nth, left, sizeof(left) - 1, 0) > 0);
	arm(0);
	return !atoi(left);
}

/* ---- the driver's account ---- */

struct account {
	uint64_t ranges, objects, valid, invalid, binds, unbinds;
};

static void take(struct account *account)
{
	static const char * const name[] = {
		"ranges", "objects", "valid", "invalid", "binds", "unbinds",
	};
	uint64_t *value = &account->ranges;

	for (unsigned int i = 0; i < ARRAY_SIZE(name); i++)
		value[i] = vgpu_svm_counter(guest.card, name[i]);
}

/* GEM objects, without page tables (which kmemleak has), and VMs with ranges; settled. */
static void take_objects(unsigned int *objects, uint64_t *vms)
{
	vgpu_drop_caches(&guest);
	vgpu_shrinkable(&guest, objects);
	*vms = vgpu_svm_counter(guest.card, "vms");
}

/* ---- what the operations need and leave ---- */

struct state {
	const struct operation *op;
	struct vgpu_vm vm;
	uint8_t *at;
	uint32_t handle;
	uint32_t value;			/* the next to be stored */
	struct vgpu_code code;
};

/** struct operation - one whose allocations fail in turn */
struct operation {
	const char *name, *breaks_if;
	/* nothing is armed; what @run finds is the same each time */
	void (*before)(struct state *state);
	/* 0 or -errno; after an error once more, as if it were the first time */
	int (*run)(struct state *state);
	/* it has succeeded: the effect is there; takes back all but what before() keeps */
	void (*after)(struct state *state);
	uint64_t size;			/* of the memory or the object at @at */
	unsigned int refused;		/* NEVER, or what it may be */
	unsigned int least;		/* so many refusals, or it was not what was to be tested */
	unsigned int step;		/* 0: each allocation; else each step-th */
};

static void new_vm(struct state *state)
{
	vgpu_vm_open(&state->vm, guest.fd, I915_EXEC_RENDER);
	/* The context has its image, and its first execution behind it. */
	igt_assert_eq(vgpu_vm_nop(&state->vm), 0);
}

static void close_vm(struct state *state)
{
	vgpu_vm_close(&state->vm);
}

static void touch(uint8_t *at, uint64_t size, uint64_t first, uint64_t step)
{
	for (uint64_t i = first * VGPU_PAGE; i < size; i += step * VGPU_PAGE)
		*(volatile uint32_t *)(at + i) = 1;
}

/* Each page by itself in memory: every other one has its place when the ones between get theirs. */
static void touch_scattered(struct state *state)
{
	touch(state->at, state->op->size, 0, 2);
	touch(state->at, state->op->size, 1, 2);
}

static void small_present(struct state *state)
{
	state->at = vgpu_memory_small(state->op->size);
	touch_scattered(state);
}

static void small_absent(struct state *state)
{
	state->at = vgpu_memory_small(state->op->size);
}

static void drop_memory(struct state *state)
{
	igt_assert(!munmap(state->at, state->op->size));
}

/* At once, not when the VM is released: the next account is taken soon. */
static void unbind_at(struct state *state, uint8_t *at, uint64_t size)
{
	igt_assert_eq(vgpu_vm_unbind(&state->vm, at, size), 0);
}

static void take_down(struct state *state)
{
	unbind_at(state, state->at, state->op->size);
	close_vm(state);
	drop_memory(state);
}

static void gpu_stores(struct state *state)
{
	uint8_t *last = state->at + state->op->size - 4;

	igt_assert_eq(vgpu_vm_store(&state->vm, last, ++state->value), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)last, state->value);
}

/* ---- bind memory ---- */

static int bind_memory(struct state *state)
{
	return vgpu_vm_bind(&state->vm, state->at, state->op->size, 0);
}

static void memory_bound(struct state *state)
{
	gpu_stores(state);
	take_down(state);
}

static void before_bind(struct state *state)
{
	new_vm(state);
	small_present(state);
}

static void before_bind_absent(struct state *state)
{
	new_vm(state);
	small_absent(state);
}

/* Always the same memory: to get so much of it anew takes long. */
static void before_bind_large(struct state *state)
{
	new_vm(state);
	if (state->at)
		return;
	state->at = vgpu_memory_huge(state->op->size);
	touch(state->at, state->op->size, 0, 1);
}

static void large_bound(struct state *state)
{
	gpu_stores(state);
	unbind_at(state, state->at, state->op->size);
	close_vm(state);
}

static int bind_readonly(struct state *state)
{
	return vgpu_vm_bind(&state->vm, state->at, state->op->size, I915_VM_RANGE_READONLY);
}

static void readonly_bound(struct state *state)
{
	uint8_t *seen = vgpu_memory_small(VGPU_PAGE);

	*(volatile uint32_t *)state->at = ++state->value;
	igt_assert_eq(vgpu_vm_bind(&state->vm, seen, VGPU_PAGE, 0), 0);
	igt_assert_eq(vgpu_vm_copy(&state->vm, seen, state->at), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)seen, state->value);
	unbind_at(state, seen, VGPU_PAGE);
	take_down(state);
	igt_assert(!munmap(seen, VGPU_PAGE));
}

/* The first bind of a VM whose context, too, is new; each step may fail, the last one fails us. */
static int create_and_bind(struct state *state)
{
	struct drm_i915_gem_vm_control vm = { 0 };
	struct drm_i915_gem_context_create_ext_setparam set = {
		.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM,
		.param.param = I915_CONTEXT_PARAM_VM,
	};
	struct drm_i915_gem_context_create_ext create = {
		.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS,
		.extensions = (uintptr_t)&set,
	};
	int ret;

	if (ioctl(guest.fd, DRM_IOCTL_I915_GEM_VM_CREATE, &vm))
		return -errno;
	set.param.value = vm.vm_id;
	ret = ioctl(guest.fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, &create) ? -errno : 0;
	if (!ret) {
		state->vm = (struct vgpu_vm){
			.fd = guest.fd, .id = vm.vm_id, .context = create.ctx_id,
			.engine = I915_EXEC_RENDER, .window = state->vm.window,
		};
		ret = bind_memory(state);
		if (ret)
			gem_context_destroy(guest.fd, create.ctx_id);
	}
	if (ret)
		do_ioctl(guest.fd, DRM_IOCTL_I915_GEM_VM_DESTROY, &vm);
	return ret;
}

/* Of a VM that is thrown away its window serves for those that are created. */
static void before_create(struct state *state)
{
	struct vgpu_vm vm;

	vgpu_vm_open(&vm, guest.fd, I915_EXEC_RENDER);
	state->vm.window = vm.window;
	gem_context_destroy(guest.fd, vm.context);
	do_ioctl(guest.fd, DRM_IOCTL_I915_GEM_VM_DESTROY,
		 (&(struct drm_i915_gem_vm_control){ .vm_id = vm.id }));
	small_present(state);
}

/* ---- bind an object ---- */

static void before_bind_object(struct state *state)
{
	new_vm(state);
	small_absent(state);	/* addresses that nobody else uses */
	state->handle = gem_create(guest.fd, state->op->size);
}

static void before_bind_object_with_pages(struct state *state)
{
	before_bind_object(state);
	gem_write(guest.fd, state->handle, 0, &state->value, sizeof(state->value));
}

static int bind_object(struct state *state)
{
	return vgpu_vm_bind_object(&state->vm, state->handle, state->at, state->op->size);
}

static void object_bound(struct state *state)
{
	uint64_t last = state->op->size - 4;
	uint32_t stored = 0;

	igt_assert_eq(vgpu_vm_store(&state->vm, state->at + last, ++state->value), 0);
	gem_read(guest.fd, state->handle, last, &stored, sizeof(stored));
	igt_assert_eq_u32(stored, state->value);
	unbind_at(state, state->at, state->op->size);
	gem_close(guest.fd, state->handle);
	close_vm(state);
	drop_memory(state);
}

/* ---- unbind ---- */

static void before_unbind(struct state *state)
{
	before_bind(state);
	igt_assert_eq(bind_memory(state), 0);
	gpu_stores(state);
}

static int unbind(struct state *state)
{
	return vgpu_vm_unbind(&state->vm, state->at, state->op->size);
}

static void before_unbind_object(struct state *state)
{
	before_bind_object(state);
	igt_assert_eq(bind_object(state), 0);
	igt_assert_eq(vgpu_vm_store(&state->vm, state->at, 1), 0);
}

/* The place is free: memory can be bound there. */
static void unbound(struct state *state)
{
	struct account account;

	take(&account);
	igt_assert_eq(account.ranges + account.objects, 0);
	igt_assert_eq(bind_memory(state), 0);
	memory_bound(state);
}

static void object_unbound(struct state *state)
{
	gem_close(guest.fd, state->handle);
	unbound(state);
}

/* With ranges and an object in it, which go with it. */
static void before_vm_goes(struct state *state)
{
	before_bind_object(state);
	igt_assert_eq(bind_object(state), 0);
	for (uint64_t i = 1; i < 4; i++) {
		uint8_t *at = vgpu_memory_small(SMALL);

		igt_assert_eq(vgpu_vm_bind(&state->vm, at, SMALL, 0), 0);
	}
}

static int vm_goes(struct state *state)
{
	struct drm_i915_gem_context_destroy context = { .ctx_id = state->vm.context };
	struct drm_i915_gem_vm_control destroy = { .vm_id = state->vm.id };

	if (context.ctx_id && ioctl(guest.fd, DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &context))
		return -errno;
	state->vm.context = 0;
	return ioctl(guest.fd, DRM_IOCTL_I915_GEM_VM_DESTROY, &destroy) ? -errno : 0;
}

static void vm_gone(struct state *state)
{
	/* The VM is released by a work. */
	vgpu_svm_wait_unbound(guest.card);
	gem_close(guest.fd, state->handle);
	drop_memory(state);
	for (unsigned int i = 0; i < state->vm.mirrors; i++) {
		struct vgpu_mirror *mirror = &state->vm.mirror[i];

		if (!mirror->handle)
			igt_assert(!munmap((void *)(uintptr_t)mirror->addr, mirror->length));
	}
	free(state->vm.mirror);
}

/* ---- execute ---- */

static void write_code(struct state *state)
{
	vgpu_code_begin(&state->code, &state->vm);
	vgpu_emit_store(&state->code, state->at, ++state->value);
	vgpu_code_write(&state->code);
}

static void before_execute(struct state *state)
{
	before_bind(state);
	igt_assert_eq(bind_memory(state), 0);
	write_code(state);
}

/* Half of the range is not there, and comes back as it is used. */
static void before_revalidate_absent(struct state *state)
{
	before_execute(state);
	igt_assert(!madvise(state->at, state->op->size / 2, MADV_DONTNEED));
}

/* It is there again before the GPU wants it. */
static void before_revalidate(struct state *state)
{
	before_revalidate_absent(state);
	touch_scattered(state);
}

/* A context's first execution: its image is made, the mediator is told. */
static void before_first(struct state *state)
{
	vgpu_vm_open(&state->vm, guest.fd, I915_EXEC_RENDER);
	small_present(state);
	igt_assert_eq(bind_memory(state), 0);
	write_code(state);
}

static int execute(struct state *state)
{
	return vgpu_code_submit(&state->code);
}

static void executed(struct state *state)
{
	vgpu_code_end(&state->code);
	igt_assert_eq_u32(*(volatile uint32_t *)state->at, state->value);
	take_down(state);
}

/* ---- invalidate ---- */

static int discard(struct state *state)
{
	return madvise(state->at, state->op->size, MADV_DONTNEED) ? -errno : 0;
}

static void discarded(struct state *state)
{
	igt_assert_eq(vgpu_vm_nop(&state->vm), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(state->at + state->op->size - 4), 0);
	memory_bound(state);
}

static int unmap(struct state *state)
{
	return munmap(state->at, state->op->size) ? -errno : 0;
}

static void unmapped(struct state *state)
{
	igt_assert_eq(vgpu_vm_nop(&state->vm), -EFAULT);
	unbind_at(state, state->at, state->op->size);
	igt_assert_eq(vgpu_vm_nop(&state->vm), 0);
	close_vm(state);
}

/* Write protects what is bound, and may fail in the middle of that. */
static int split_by_fork(struct state *state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(0);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return 0;
}

static const struct operation operations[] = {
	{ "bind-memory", "Breaks if a bind that fails leaves something behind.",
	  before_bind, bind_memory, memory_bound, CHUNKS, NOMEM, 10, 0 },
	{ "bind-memory-that-is-not-there-yet", "Breaks if a page that cannot be had is forgotten.",
	  before_bind_absent, bind_memory, memory_bound, SMALL, NOMEM | FAULT, 20, 0 },
	{ "bind-much-memory", "Breaks if what was collected before is lost when the rest fails.",
	  before_bind_large, bind_memory, large_bound, BATCHES, NOMEM, 40, 0 },
	{ "bind-memory-read-only", "Breaks if the other direction of DMA is undone otherwise.",
	  before_bind, bind_readonly, readonly_bound, SMALL, NOMEM, 5, 0 },
	{ "bind-memory-in-a-new-vm", "Breaks if a VM, a context or an SVM is not taken back.",
	  before_create, create_and_bind, memory_bound, SMALL, NOMEM, 20, 0 },
	{ "bind-an-object", "Breaks if an object's place or pages are kept.",
	  before_bind_object, bind_object, object_bound, SMALL, NOMEM, 10, 0 },
	{ "bind-an-object-with-pages", "Breaks if an object's place is kept.",
	  before_bind_object_with_pages, bind_object, object_bound, SMALL, NOMEM, 5, 0 },
	{ "unbind-memory", "Breaks if an unbind needs memory.",
	  before_unbind, unbind, unbound, CHUNKS, NEVER, 0, 0 },
	{ "unbind-an-object", "Breaks if an unbind needs memory.",
	  before_unbind_object, unbind, object_unbound, SMALL, NEVER, 0, 0 },
	{ "close-a-vm-with-ranges", "Breaks if a VM does not go, or goes without its ranges.",
	  before_vm_goes, vm_goes, vm_gone, SMALL, NEVER, 0, 0 },
	{ "execute", "Breaks if an execution that fails holds the VM's locks or fences.",
	  before_execute, execute, executed, SMALL, NOMEM, 3, 0 },
	{ "execute-for-the-first-time", "Breaks if a context that is not made stays with the host.",
	  before_first, execute, executed, SMALL, NOMEM | SPACE, 10, 0 },
	{ "execute-after-memory-has-changed", "Breaks if a range stays half valid.",
	  before_revalidate, execute, executed, CHUNKS, NOMEM, 5, 0 },
	{ "execute-after-memory-has-gone", "Breaks if a range stays half valid.",
	  before_revalidate_absent, execute, executed, SMALL, NOMEM | FAULT, 10, 0 },
	{ "discard-memory", "Breaks if an invalidation needs memory.",
	  before_unbind, discard, discarded, CHUNKS, NEVER, 0, 0 },
	{ "unmap-memory", "Breaks if an invalidation needs memory, or comes where nothing goes.",
	  before_unbind, unmap, unmapped, CHUNKS, NOMEM, 0, 0 },
	{ "fork-with-memory", "Breaks if half a fork leaves the GPU a page of the child.",
	  before_unbind, split_by_fork, memory_bound, SMALL, NOMEM, 5, 5 },
};

static bool may_be(const struct operation *op, int err)
{
	return (err == -ENOMEM && op->refused & NOMEM) || (err == -EFAULT && op->refused & FAULT) ||
		(err == -ENOSPC && op->refused & SPACE);
}

/* Once, with the nth allocation armed; true if there was one. */
static bool once(struct state *state, unsigned int nth, unsigned int *refused)
{
	const struct operation *op = state->op;
	struct account before, after;
	bool failed;
	int ret;

	op->before(state);
	take(&before);
	arm(nth);
	ret = op->run(state);
	failed = disarm();
	if (ret) {
		igt_assert_f(failed, "%s: %s, though no allocation failed\n", op->name,
			     strerror(-ret));
		igt_assert_f(may_be(op, ret), "%s: %s when allocation %u fails\n", op->name,
			     strerror(-ret), nth);
		take(&after);
		/* More may be: an execution that fails later has revalidated. A fork takes away. */
		igt_assert_f(op->run == split_by_fork || after.valid >= before.valid,
			     "%s: allocation %u: %d chunks valid, %d before\n", op->name, nth,
			     (int)after.valid, (int)before.valid);
		igt_assert_f(before.ranges == after.ranges && before.objects == after.objects &&
			     before.binds == after.binds && before.unbinds == after.unbinds,
			     "%s: allocation %u: now %d ranges and %d objects bound, %d and %d before\n",
			     op->name, nth, (int)after.ranges, (int)after.objects,
			     (int)before.ranges, (int)before.objects);
		++*refused;
		ret = op->run(state);
		igt_assert_f(!ret, "%s: %s after allocation %u had failed before\n", op->name,
			     strerror(-ret), nth);
	}
	op->after(state);
	return failed;
}

static void test_operation(const struct operation *op)
{
	unsigned int nth = 1, count = 0, refused = 0, objects, objects_after;
	struct state state = { .op = op, .value = 0x1000 };
	uint64_t vms, vms_after;

	take_objects(&objects, &vms);
	while (once(&state, nth, &refused)) {
		count++;
		nth += op->step ?: 1;
		igt_assert_f(nth < MOST, "%s: more than %u allocations?\n", op->name, MOST);
	}
	igt_info("%s: %u of %u allocations failed, each alone: %u times refused\n", op->name, count,
		 nth - 1, refused);
	igt_assert_lte(op->least, refused);
	for (int i = 0; i < 100; i++) {
		take_objects(&objects_after, &vms_after);
		if (objects == objects_after && vms == vms_after)
			return;
		usleep(50000);
	}
	igt_assert_f(false, "%s: %u objects and %d VMs with ranges, before %u and %d\n", op->name,
		     objects_after, (int)vms_after, objects, (int)vms);
}

/*
 * A function of its own: a loop variable in a register would not survive a failing subtest's jump.
 */
static void __attribute__((noinline)) subtest(unsigned int i)
{
	igt_describe_f("%s", operations[i].breaks_if);
	igt_subtest_f("%s", operations[i].name)
		test_operation(&operations[i]);
}

igt_main
{
	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_vm_require(guest.fd);
		inject_everywhere();
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		subtest(i);

	igt_fixture {
		close(fail_nth);
		vgpu_guest_close(&guest);
	}
}
