// SPDX-License-Identifier: MIT
/*
 * The CPU's pointers on the GPU: what is bound is the process's memory, at its address, in both
 * directions, whatever kind of memory it is; and nothing else in the VM suffers from it.
 *
 * What memory does while it is bound (it is unmapped, swapped out, copied on write) is the business
 * of vgpu_svm_life. What breaks these tests: a page that is mapped elsewhere or as another size
 * than it is, a read-only range that can be written, ranges and objects that displace each other.
 */

#include <fcntl.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_mirror.h"

IGT_TEST_DESCRIPTION("Process memory mirrored in a VM: CPU and GPU see each other's writes.");

#define MIB		VGPU_MIB
#define HUGE		VGPU_HUGE
#define SAMPLES		64
#define MANY		100000u

static struct vgpu_guest guest;

/* ---- kinds of memory: each returns page-aligned memory of that size ---- */

static uint8_t *get_malloc(uint64_t size)
{
	/* From the heap: too small for a map of its own. Never freed: the process is short. */
	uint8_t *at = malloc(size + VGPU_PAGE);

	igt_assert(at);
	return (uint8_t *)(((uintptr_t)at + VGPU_PAGE - 1) & ~(VGPU_PAGE - 1));
}

static uint8_t *get_hugetlb(uint64_t size)
{
	igt_require_f(!vgpu_file_write("/proc/sys/vm/nr_hugepages", "4"),
		      "the kernel has no hugetlbfs\n");
	return vgpu_memory_map(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static uint8_t *get_file(uint64_t size, int flags)
{
	char name[] = "/tmp/vgpu_svm.XXXXXX";
	int fd = mkstemp(name);
	uint8_t *at;

	igt_assert(fd >= 0 && !unlink(name) && !ftruncate(fd, size));
	at = vgpu_memory_map(size, flags, fd);
	close(fd);
	return at;
}

static uint8_t *get_shared_file(uint64_t size)
{
	return get_file(size, MAP_SHARED);
}

static uint8_t *get_private_file(uint64_t size)
{
	return get_file(size, MAP_PRIVATE);
}

static const struct kind {
	const char *name;
	uint8_t *(*get)(uint64_t size);
	uint64_t size;
	bool huge;	/* pages that the GPU must have in large entries */
} kinds[] = {
	{ "malloc-memory", get_malloc, 96 * 1024, false },
	{ "mapped-memory", vgpu_memory_small, MIB, false },
	{ "huge-pages", vgpu_memory_huge, 2 * HUGE, true },
	{ "hugetlb-pages", get_hugetlb, 2 * HUGE, true },
	{ "a-shared-file", get_shared_file, MIB, false },
	{ "a-private-file", get_private_file, MIB, false },
	{ "shared-memory", vgpu_memory_shared, MIB, false },
};

/* ---- both directions ---- */

/* Three dwords in each sample: the CPU's, the GPU's copy of it, one that the GPU stores. */
struct sample {
	uint32_t cpu, copied, stored;
};

static struct sample *sample_of(uint8_t *at, uint64_t size, unsigned int i)
{
	uint64_t offset = size / SAMPLES * i;

	/* Another place in each page; the last bytes of the last one, too. */
	return (struct sample *)(at + offset + (i + 1) * 64 % (VGPU_PAGE - 64));
}

static void exchange(struct vgpu_vm *vm, uint8_t *at, uint64_t size, uint32_t seed, bool touch)
{
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		struct sample *sample = sample_of(at, size, i);

		if (touch)
			sample->cpu = seed + i;
		vgpu_emit_copy(&code, &sample->copied, &sample->cpu);
		vgpu_emit_store(&code, &sample->stored, ~(seed + i));
	}
	igt_assert_eq(vgpu_code_run(&code), 0);
	for (unsigned int i = 0; i < SAMPLES; i++) {
		const volatile struct sample *sample = sample_of(at, size, i);

		igt_assert_eq_u32(sample->copied, touch ? seed + i : 0);
		igt_assert_eq_u32(sample->stored, ~(seed + i));
	}
}

static void test_both_ways(struct vgpu_vm *vm, const struct kind *kind)
{
	uint8_t *at = kind->get(kind->size);
	uint32_t stored;

	memset(at, 0x5a, kind->size);
	igt_assert_eq(vgpu_vm_bind(vm, at, kind->size, 0), 0);
	for (unsigned int round = 1; round < 4; round++)
		exchange(vm, at, kind->size, round << 16, true);
	if (kind->huge)
		vgpu_vm_expect(vm, kind->size);
	vgpu_vm_sync(vm, kind->size / VGPU_PAGE);

	igt_assert_eq(vgpu_vm_unbind(vm, at, kind->size), 0);
	vgpu_vm_sync(vm, 0);
	/* What is stored there now goes nowhere. */
	stored = sample_of(at, kind->size, 0)->stored;
	igt_assert_eq(vgpu_vm_store(vm, &sample_of(at, kind->size, 0)->stored, 0xbad), 0);
	igt_assert_eq_u32(sample_of(at, kind->size, 0)->stored, stored);
	vgpu_vm_sync(vm, 0);
}

static void test_untouched(struct vgpu_vm *vm)
{
	for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		uint8_t *at;

		if (kind->get == get_malloc)
			continue;	/* what malloc() returns may have been used before */
		at = kind->get(kind->size);
		igt_assert_eq(vgpu_vm_bind(vm, at, kind->size, 0), 0);
		exchange(vm, at, kind->size, 0x1000, false);
		vgpu_vm_sync(vm, kind->size / VGPU_PAGE);
		igt_assert_eq(vgpu_vm_unbind(vm, at, kind->size), 0);
		munmap(at, kind->size);
	}
}

static void test_stack(struct vgpu_vm *vm)
{
	uint8_t at[64 * VGPU_PAGE] __attribute__((aligned(4096)));

	memset(at, 0, sizeof(at));
	igt_assert_eq(vgpu_vm_bind(vm, at, sizeof(at), 0), 0);
	exchange(vm, at, sizeof(at), 0x2000, true);
	vgpu_vm_sync(vm, 64);
	igt_assert_eq(vgpu_vm_unbind(vm, at, sizeof(at)), 0);
}

static void test_engine(int fd, const struct vgpu_engine *engine)
{
	uint8_t *at = vgpu_memory_small(MIB);
	struct vgpu_vm vm;

	vgpu_vm_open(&vm, fd, engine->flags);
	igt_assert_eq(vgpu_vm_bind(&vm, at, MIB, 0), 0);
	for (unsigned int i = 0; i < 8; i++) {
		igt_assert_eq(vgpu_vm_store(&vm, at + i * VGPU_PAGE, 0xe0000 + i), 0);
		igt_assert_eq_u32(*(volatile uint32_t *)(at + i * VGPU_PAGE), 0xe0000 + i);
	}
	vgpu_vm_close(&vm);
	munmap(at, MIB);
}

/* ---- what stands in the entries ---- */

static void test_readonly(struct vgpu_vm *vm)
{
	volatile uint32_t *at = (uint32_t *)vgpu_memory_small(MIB);
	volatile uint32_t *out = (uint32_t *)vgpu_memory_small(VGPU_PAGE);

	for (unsigned int i = 0; i < MIB / 4; i++)
		at[i] = i;
	igt_assert_eq(vgpu_vm_bind(vm, (void *)at, MIB, I915_VM_RANGE_READONLY), 0);
	igt_assert_eq(vgpu_vm_bind(vm, (void *)out, VGPU_PAGE, 0), 0);
	for (unsigned int i = 0; i < MIB / 4; i += 5 * 1024 + 1) {
		igt_assert_eq(vgpu_vm_store(vm, (void *)&at[i], 0xbad), 0);
		igt_assert_eq_u32(at[i], i);
		igt_assert_eq(vgpu_vm_copy(vm, (void *)out, (void *)&at[i]), 0);
		igt_assert_eq_u32(*out, i);
	}
	vgpu_vm_sync(vm, MIB / VGPU_PAGE + 1);
	/* The CPU may write on, and the GPU sees it. */
	at[7] = 0x777;
	igt_assert_eq(vgpu_vm_copy(vm, (void *)out, (void *)&at[7]), 0);
	igt_assert_eq_u32(*out, 0x777);
}

static void test_readonly_map(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_small(MIB), *zero;
	uint32_t *out = (uint32_t *)vgpu_memory_small(VGPU_PAGE);

	memset(at, 0x33, MIB);
	igt_assert(!mprotect(at, MIB, PROT_READ));
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), -EPERM);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, I915_VM_RANGE_READONLY), 0);
	/* Private memory that nobody wrote is one page of zeroes: everybody's. */
	zero = mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(zero != MAP_FAILED);
	igt_assert_eq(vgpu_vm_bind(vm, zero, MIB, I915_VM_RANGE_READONLY), 0);
	igt_assert_eq(vgpu_vm_bind(vm, out, VGPU_PAGE, 0), 0);
	*out = 1;
	igt_assert_eq(vgpu_vm_store(vm, zero, 0xbad), 0);
	igt_assert_eq(vgpu_vm_store(vm, at, 0xbad), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)at, 0x33333333);
	igt_assert_eq(vgpu_vm_copy(vm, out, zero), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)out, 0);
	igt_assert_eq(vgpu_vm_copy(vm, out, at + MIB - 4), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)out, 0x33333333);
	vgpu_vm_sync(vm, 2 * MIB / VGPU_PAGE + 1);
}

/* A range that begins and ends inside of huge pages: its edges in small ones, the middle whole. */
static void test_edges(struct vgpu_vm *vm)
{
	uint8_t *huge = vgpu_memory_huge(4 * HUGE), *at = huge + HUGE - 3 * VGPU_PAGE;
	uint64_t size = 2 * HUGE + 5 * VGPU_PAGE;

	memset(huge, 0, 4 * HUGE);
	igt_assert_eq(vgpu_vm_bind(vm, at, size, 0), 0);
	exchange(vm, at, size, 0x3000, true);
	vgpu_vm_expect(vm, 2 * HUGE);
	vgpu_vm_sync(vm, size / VGPU_PAGE);
	/* Beyond both edges is nothing. */
	igt_assert_eq(vgpu_vm_store(vm, at - 4, 0xbad), 0);
	igt_assert_eq(vgpu_vm_store(vm, at + size, 0xbad), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at - 4), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + size), 0);
}

/* ---- pointers ---- */

struct node {
	struct node *next;
	uint32_t value;
};

#define NODES	512

/*
 * Walks a list and doubles each node's value. Loads and stores take their address from the command,
 * so that the batch writes the addresses into its own commands before it jumps to them.
 */
static void emit_chase(struct vgpu_code *code, const struct node *first)
{
	enum { NODE, FOUR, EIGHT, VALUE, NEXT_HIGH, AT_VALUE };
	uint64_t load_value, store_value, load_next[2], body, flag;
	unsigned int jump;

	flag = code->addr + VGPU_CODE_SIZE - 64;
	vgpu_emit_set(code, NODE, (uintptr_t)first);
	vgpu_emit_set(code, FOUR, 4);
	vgpu_emit_set(code, EIGHT, 8);
	vgpu_emit_set(code, VALUE, 0);
	jump = code->count + 1;
	vgpu_emit_jump(code, 0);

	body = vgpu_code_here(code);
	load_value = body + 8;
	vgpu_emit_load(code, VGPU_HALF(VALUE, 0), 0);
	vgpu_emit_add(code, VALUE, VALUE, VALUE);
	store_value = vgpu_code_here(code) + 8;
	vgpu_emit_save(code, VGPU_HALF(VALUE, 0), 0);
	for (unsigned int half = 0; half < 2; half++) {
		load_next[half] = vgpu_code_here(code) + 8;
		vgpu_emit_load(code, VGPU_HALF(NODE, half), 0);
	}
	/* No node lies at a multiple of 4 GiB: the low half says whether there is a next one. */
	vgpu_emit_save(code, VGPU_HALF(NODE, 0), flag);
	vgpu_emit_end_unless(code, flag);

	code->dwords[jump] = vgpu_code_here(code);
	code->dwords[jump + 1] = vgpu_code_here(code) >> 32;
	vgpu_emit_add(code, AT_VALUE, NODE, EIGHT);
	vgpu_emit_add(code, NEXT_HIGH, NODE, FOUR);
	for (unsigned int half = 0; half < 2; half++) {
		vgpu_emit_save(code, VGPU_HALF(AT_VALUE, half), load_value + 4 * half);
		vgpu_emit_save(code, VGPU_HALF(AT_VALUE, half), store_value + 4 * half);
		vgpu_emit_save(code, VGPU_HALF(NODE, half), load_next[0] + 4 * half);
		vgpu_emit_save(code, VGPU_HALF(NEXT_HIGH, half), load_next[1] + 4 * half);
	}
	vgpu_emit_jump(code, body);
}

static void test_chase(struct vgpu_vm *vm)
{
	uint8_t *area[ARRAY_SIZE(kinds)];
	struct node *node, *first = NULL;
	struct vgpu_code code;
	unsigned int n = 0, present = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		area[i] = kinds[i].get(kinds[i].size);
		igt_assert_eq(vgpu_vm_bind(vm, area[i], kinds[i].size, 0), 0);
		present += kinds[i].size / VGPU_PAGE;
	}
	/* Each next node in another range, at another place in it. */
	for (unsigned int i = 0; i < NODES; i++) {
		const struct kind *kind = &kinds[i % ARRAY_SIZE(kinds)];

		node = (struct node *)(area[i % ARRAY_SIZE(kinds)] +
				       (16 + i * 4999ull * 16) % (kind->size - 16));
		node = (struct node *)((uintptr_t)node & ~15ull);
		node->next = first;
		node->value = 1000 + i;
		first = node;
	}
	for (unsigned int round = 1; round < 4; round++) {
		vgpu_code_begin(&code, vm);
		emit_chase(&code, first);
		igt_assert_eq(vgpu_code_run(&code), 0);
		for (n = 0, node = first; node; node = node->next, n++)
			igt_assert_eq_u32(((volatile struct node *)node)->value,
					  (1000 + NODES - 1 - n) << round);
		igt_assert_eq(n, NODES);
	}
	vgpu_vm_sync(vm, present);
}

/* ---- neighbours ---- */

static void test_two_vms(struct vgpu_vm *vm)
{
	uint32_t *at = (uint32_t *)vgpu_memory_huge(HUGE);
	volatile uint32_t *value = at;
	struct vgpu_vm other;

	vgpu_vm_open(&other, vm->fd, I915_EXEC_RENDER);
	igt_assert_eq(vgpu_vm_bind(vm, at, HUGE, 0), 0);
	igt_assert_eq(vgpu_vm_bind(&other, at, HUGE, I915_VM_RANGE_READONLY), 0);
	igt_assert_eq(vgpu_vm_store(vm, at, 1), 0);
	igt_assert_eq_u32(value[0], 1);
	igt_assert_eq(vgpu_vm_store(&other, at, 2), 0);
	igt_assert_eq_u32(value[0], 1);
	vgpu_vm_sync(vm, HUGE / VGPU_PAGE);
	vgpu_vm_sync(&other, HUGE / VGPU_PAGE);
	/* One unbinds, the other goes on. */
	igt_assert_eq(vgpu_vm_unbind(vm, at, HUGE), 0);
	igt_assert_eq(vgpu_vm_unbind(&other, at, HUGE), 0);
	igt_assert_eq(vgpu_vm_bind(&other, at, HUGE, 0), 0);
	igt_assert_eq(vgpu_vm_store(&other, at + 1, 3), 0);
	igt_assert_eq(vgpu_vm_store(vm, at + 1, 4), 0);
	igt_assert_eq_u32(value[1], 3);
	vgpu_vm_sync(vm, 0);
	vgpu_vm_sync(&other, HUGE / VGPU_PAGE);
	vgpu_vm_close(&other);
}

/* With one more object at an address; 0 or -errno. */
static int run_with(struct vgpu_code *code, uint32_t handle, const void *at)
{
	int ret = vgpu_code_submit_with(code, handle, at);

	vgpu_code_end(code);
	return ret;
}

static void test_beside(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_small(3 * MIB), *in_exec = at + MIB, *bound = at + 2 * MIB;
	uint32_t exec_object = gem_create(vm->fd, MIB), bound_object = gem_create(vm->fd, MIB);
	struct vgpu_code code;
	uint32_t value = 0x11;

	*(uint32_t *)at = 0x22;
	gem_write(vm->fd, bound_object, 0, &value, 4);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), 0);
	igt_assert_eq(vgpu_vm_bind_object(vm, bound_object, bound, MIB), 0);
	vgpu_code_begin(&code, vm);
	vgpu_emit_copy(&code, in_exec, at);
	vgpu_emit_copy(&code, at + MIB - 4, bound);
	vgpu_emit_copy(&code, bound + MIB - 4, at);
	igt_assert_eq(run_with(&code, exec_object, in_exec), 0);
	igt_assert_eq_u32(vgpu_read_dword(vm->fd, exec_object, 0), 0x22);
	igt_assert_eq_u32(vgpu_read_dword(vm->fd, bound_object, MIB - 4), 0x22);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + MIB - 4), 0x11);
	/* The process's own memory behind the objects' addresses is not touched. */
	igt_assert_eq_u32(*(volatile uint32_t *)in_exec, 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(bound + MIB - 4), 0);
	vgpu_vm_sync(vm, MIB / VGPU_PAGE);
	/* A bound object stays there without being named, and though its handle is closed. */
	gem_close(vm->fd, bound_object);
	vgpu_drop_caches(&guest);
	igt_assert_eq(vgpu_vm_copy(vm, at + 8, bound), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 8), 0x11);
	igt_assert_eq(vgpu_vm_unbind(vm, bound, MIB), 0);
	gem_close(vm->fd, exec_object);
}

static void test_overlap(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_small(4 * MIB);
	uint32_t object = gem_create(vm->fd, MIB), other = gem_create(vm->fd, MIB);
	struct vgpu_code code;

	/* An object that a batch has put there, then a range. */
	vgpu_code_begin(&code, vm);
	igt_assert_eq(run_with(&code, object, at + MIB), 0);
	igt_assert_eq(vgpu_vm_bind(vm, at + MIB, MIB, 0), -EEXIST);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB + VGPU_PAGE, 0), -EEXIST);
	igt_assert_eq(vgpu_vm_bind(vm, at + 2 * MIB - VGPU_PAGE, MIB, 0), -EEXIST);
	igt_assert_eq(vgpu_vm_bind_object(vm, other, at + MIB + VGPU_PAGE, MIB), -EEXIST);
	/* A range, then an object that a batch wants there. */
	igt_assert_eq(vgpu_vm_bind(vm, at + 2 * MIB, MIB, 0), 0);
	vgpu_code_begin(&code, vm);
	igt_assert_eq(run_with(&code, other, at + 2 * MIB + VGPU_PAGE), -ENOSPC);
	igt_assert_eq(vgpu_vm_bind_object(vm, other, at + 2 * MIB, MIB), -EEXIST);
	igt_assert_eq(vgpu_vm_bind(vm, at + 2 * MIB, MIB, 0), -EEXIST);
	igt_assert_eq(vgpu_vm_bind(vm, at + 3 * MIB - VGPU_PAGE, VGPU_PAGE, 0), -EEXIST);
	/* Nothing was displaced. */
	igt_assert_eq(vgpu_vm_store(vm, at + 2 * MIB, 0x5a), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 2 * MIB), 0x5a);
	vgpu_vm_sync(vm, MIB / VGPU_PAGE);
	/* An object whose last handle is closed is in nobody's way. */
	gem_close(vm->fd, object);
	igt_assert_eq(vgpu_vm_bind(vm, at + MIB, MIB, 0), 0);
	igt_assert_eq(vgpu_vm_store(vm, at + MIB, 0x5b), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + MIB), 0x5b);
	vgpu_vm_sync(vm, 2 * MIB / VGPU_PAGE);
	gem_close(vm->fd, other);
}

static void test_many(struct vgpu_vm *vm, unsigned int count)
{
	uint8_t *at = vgpu_memory_small(count * VGPU_PAGE);
	struct vgpu_code code;

	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq(vgpu_vm_bind(vm, at + i * VGPU_PAGE, VGPU_PAGE, 0), 0);
	vgpu_code_begin(&code, vm);
	for (unsigned int i = 0; i < 1000; i++)
		vgpu_emit_store(&code, at + (uint64_t)count / 1000 * i * VGPU_PAGE, i + 1);
	igt_assert_eq(vgpu_code_run(&code), 0);
	for (unsigned int i = 0; i < 1000; i++)
		igt_assert_eq_u32(*(volatile uint32_t *)
				  (at + (uint64_t)count / 1000 * i * VGPU_PAGE), i + 1);
	vgpu_vm_sync(vm, count);
	/* All of them gone at once, and there again. */
	igt_assert(!madvise(at, count * VGPU_PAGE, MADV_DONTNEED));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_store(vm, at, 0x77), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)at, 0x77);
	vgpu_vm_sync(vm, count);
	/* The second half one by one, the first with the VM. */
	for (unsigned int i = count; i-- > count / 2;)
		igt_assert_eq(vgpu_vm_unbind(vm, at + i * VGPU_PAGE, VGPU_PAGE), 0);
	vgpu_vm_sync(vm, count / 2);
}

/* ---- the list ---- */

static void __attribute__((noinline)) with_vm(int fd, void (*test)(struct vgpu_vm *vm))
{
	struct vgpu_vm vm;

	vgpu_vm_open(&vm, fd, I915_EXEC_RENDER);
	test(&vm);
	vgpu_vm_close(&vm);
}

static void __attribute__((noinline)) subtest_of_kind(int fd, const struct kind *kind)
{
	struct vgpu_vm vm;

	igt_describe("Breaks if the GPU has another page than the process, or keeps it.");
	igt_subtest_f("cpu-and-gpu-see-each-others-writes-in-%s", kind->name) {
		vgpu_vm_open(&vm, fd, I915_EXEC_RENDER);
		test_both_ways(&vm, kind);
		vgpu_vm_close(&vm);
	}
}

static void __attribute__((noinline)) subtest_of_engine(int fd, const struct vgpu_engine *engine)
{
	igt_describe("Breaks if ranges are not resident for each engine.");
	igt_subtest_f("mirrored-memory-is-reached-on-%s", engine->name)
		test_engine(fd, engine);
}

static void __attribute__((noinline)) test_many_ranges(int fd, unsigned int count)
{
	struct vgpu_vm vm;

	vgpu_vm_open(&vm, fd, I915_EXEC_RENDER);
	test_many(&vm, count);
	vgpu_vm_close(&vm);
}

igt_main
{
	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_vm_require(guest.fd);
	}

	for (const struct kind *kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++)
		subtest_of_kind(guest.fd, kind);

	igt_describe("Breaks if a bind needs pages that are there already.");
	igt_subtest("memory-that-was-never-touched-is-zero-and-can-be-written")
		with_vm(guest.fd, test_untouched);

	igt_describe("Breaks if memory that grows downwards is something special.");
	igt_subtest("the-stack-can-be-bound")
		with_vm(guest.fd, test_stack);

	vgpu_for_each_engine(e)
		subtest_of_engine(guest.fd, e);

	igt_describe("Breaks if a read-only range has a writable entry.");
	igt_subtest("a-read-only-range-is-read-and-not-written")
		with_vm(guest.fd, test_readonly);

	igt_describe("Breaks if the GPU may write what the process may not.");
	igt_subtest("what-the-process-may-not-write-is-bound-read-only-or-not-at-all")
		with_vm(guest.fd, test_readonly_map);

	igt_describe("Breaks if large pages are split without need, or reach beyond the range.");
	igt_subtest("a-range-that-cuts-huge-pages-ends-where-it-ends")
		with_vm(guest.fd, test_edges);

	igt_describe("Breaks if one address means one thing to the CPU and another to the GPU.");
	igt_subtest("a-batch-chases-pointers-through-all-kinds-of-memory")
		with_vm(guest.fd, test_chase);

	igt_describe("Breaks if ranges of one VM are another one's business.");
	igt_subtest("two-vms-mirror-the-same-memory")
		with_vm(guest.fd, test_two_vms);

	igt_describe("Breaks if ranges and objects displace each other.");
	igt_subtest("objects-lie-beside-ranges")
		with_vm(guest.fd, test_beside);

	igt_describe("Breaks if anything is evicted for a bind, or a range for an object.");
	igt_subtest("overlap-is-refused-both-ways")
		with_vm(guest.fd, test_overlap);

	igt_describe("Breaks if ranges cost more the more there are.");
	igt_subtest("ten-thousand-ranges-in-a-vm")
		test_many_ranges(guest.fd, MANY / 10);
	igt_subtest("a-hundred-thousand-ranges-in-a-vm")
		test_many_ranges(guest.fd, MANY);

	igt_fixture
		vgpu_guest_close(&guest);
}
