// SPDX-License-Identifier: MIT
/*
 * What happens to memory while it is mirrored: unmapped, copied on write, swapped out, split,
 * moved. The GPU sees what the process sees at each execution, and never a page that it has no
 * more.
 *
 * What breaks these tests: an invalidation that is missed, comes late, does not wait for the GPU or
 * waits for ever; a revalidation that brings the old page back; a range that does not recover.
 */

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_mirror.h"

IGT_TEST_DESCRIPTION("Mirrored memory is unmapped, copied, swapped, split and moved.");

#define MIB		VGPU_MIB
#define HUGE		VGPU_HUGE
#define PAGES(bytes)	((bytes) / VGPU_PAGE)
#define BUSY_MS		300
#define BAN_S		30	/* the driver's bound is some seconds; a guest under load is slow */
#define RANGES		40	/* for each of which a wait would add two seconds to a munmap() */
#define ROUNDS		16	/* so many times that would be longer than BAN_S */
#define SOON_MS		20
#define LOST		3	/* batches of a context, of which none has begun */
#define OTHER_MS	7000	/* three times the driver's bound and more */
#define HEARTBEAT_MS	600000

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static struct vgpu_guest guest;

/* A dword of its own in each page. */
static void fill(uint8_t *at, uint64_t size, uint32_t seed)
{
	for (uint64_t i = 0; i < PAGES(size); i++)
		*(volatile uint32_t *)(at + i * VGPU_PAGE) = seed + i;
}

static void check_filled(const uint8_t *at, uint64_t size, uint32_t seed)
{
	for (uint64_t i = 0; i < PAGES(size); i++)
		igt_assert_eq_u32(*(const volatile uint32_t *)(at + i * VGPU_PAGE),
				  (uint32_t)(seed + i));
}

/* The GPU reads @want in each page's first dword and writes it back in the second. */
static void gpu_reads(struct vgpu_vm *vm, uint8_t *at, uint64_t size, uint32_t seed)
{
	uint64_t step = PAGES(size) > 256 ? PAGES(size) / 256 : 1;
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	for (uint64_t i = 0; i < PAGES(size); i += step)
		vgpu_emit_copy(&code, at + i * VGPU_PAGE + 4, at + i * VGPU_PAGE);
	igt_assert_eq(vgpu_code_run(&code), 0);
	for (uint64_t i = 0; i < PAGES(size); i += step)
		igt_assert_eq_u32(*(volatile uint32_t *)(at + i * VGPU_PAGE + 4),
				  (uint32_t)(seed + i));
}

/* Both directions work, with values that were not there before. */
static void works(struct vgpu_vm *vm, uint8_t *at, uint64_t size)
{
	static uint32_t seed = 0x10000;

	seed += 0x10000;
	fill(at, size, seed);
	gpu_reads(vm, at, size, seed);
}

static uint8_t *bound_small(struct vgpu_vm *vm, uint64_t size)
{
	uint8_t *at = vgpu_memory_small(size);

	igt_assert_eq(vgpu_vm_bind(vm, at, size, 0), 0);
	works(vm, at, size);
	return at;
}

static void map_again(uint8_t *at, uint64_t size)
{
	igt_assert(mmap(at, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
}

/* ---- gone and back ---- */

static void test_gone(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB), *hole = at + MIB / 2;

	igt_assert(!munmap(hole, VGPU_PAGE));
	vgpu_vm_sync(vm, 0);
	for (int i = 0; i < 3; i++)
		igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	vgpu_vm_sync(vm, 0);
	map_again(hole, VGPU_PAGE);
	igt_assert_eq(vgpu_vm_nop(vm), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)hole, 0);
	works(vm, at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));

	igt_assert(!munmap(at, MIB));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	/* What is gone can be unbound, and then harms nobody. */
	igt_assert_eq(vgpu_vm_unbind(vm, at, MIB), 0);
	igt_assert_eq(vgpu_vm_nop(vm), 0);
	vgpu_vm_sync(vm, 0);
}

static void test_dontneed(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB);

	fill(at, MIB, 0x500);
	igt_assert(!madvise(at + MIB / 2, MIB / 2, MADV_DONTNEED));
	vgpu_vm_sync(vm, 0);
	gpu_reads(vm, at, MIB / 2, 0x500);
	igt_assert_eq(vgpu_vm_copy(vm, at + 8, at + MIB / 2), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 8), 0);
	vgpu_vm_sync(vm, PAGES(MIB));
	works(vm, at, MIB);
}

static void test_punch(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_shared(MIB);

	fill(at, MIB, 0x600);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), 0);
	gpu_reads(vm, at, MIB, 0x600);
	igt_assert(!madvise(at + VGPU_PAGE, VGPU_PAGE, MADV_REMOVE));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_copy(vm, at + 8, at + VGPU_PAGE), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 8), 0);
	igt_assert_eq(vgpu_vm_store(vm, at + VGPU_PAGE, 0x61), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + VGPU_PAGE), 0x61);
	vgpu_vm_sync(vm, PAGES(MIB));
	works(vm, at, MIB);
}

static void test_truncate(struct vgpu_vm *vm)
{
	int fd = memfd_create("vgpu_svm", MFD_CLOEXEC);
	uint8_t *at;

	igt_assert(fd >= 0 && !ftruncate(fd, MIB));
	at = vgpu_memory_map(MIB, MAP_SHARED, fd);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), 0);
	works(vm, at, MIB);
	igt_assert(!ftruncate(fd, MIB / 2));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	igt_assert(!ftruncate(fd, MIB));
	igt_assert_eq(vgpu_vm_nop(vm), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + MIB / 2), 0);
	works(vm, at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));
	close(fd);
}

static void test_mprotect(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB), *readable = vgpu_memory_small(MIB);

	fill(at, MIB, 0x700);
	igt_assert(!mprotect(at, VGPU_PAGE, PROT_READ));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	igt_assert(!mprotect(at, VGPU_PAGE, PROT_NONE));
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	igt_assert(!mprotect(at, VGPU_PAGE, PROT_READ | PROT_WRITE));
	gpu_reads(vm, at, MIB, 0x700);
	vgpu_vm_sync(vm, PAGES(MIB));

	/* For a read-only range reading is enough. */
	fill(readable, MIB, 0x710);
	igt_assert_eq(vgpu_vm_bind(vm, readable, MIB, I915_VM_RANGE_READONLY), 0);
	igt_assert(!mprotect(readable, MIB, PROT_READ));
	igt_assert_eq(vgpu_vm_copy(vm, at + 8, readable + VGPU_PAGE), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 8), 0x711);
	vgpu_vm_sync(vm, 2 * PAGES(MIB));
}

static void test_mremap(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB), *to = vgpu_memory_small(MIB);

	fill(at, MIB, 0x800);
	igt_assert(mremap(at, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EFAULT);
	map_again(at, MIB);
	works(vm, at, MIB);
	/* The memory that moved away is not touched any more. */
	check_filled(to, MIB, 0x800);
	vgpu_vm_sync(vm, PAGES(MIB));
	/* And back over what is bound. */
	igt_assert(mremap(to, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at);
	gpu_reads(vm, at, MIB, 0x800);
	vgpu_vm_sync(vm, PAGES(MIB));
}

/* ---- copy on write ---- */

static void child_of_fork(struct vgpu_vm *vm, const uint8_t *at, int to_parent, int from_parent)
{
	volatile const uint32_t *value = (const uint32_t *)at;
	struct drm_i915_gem_vm_range range = {
		.vm_id = vm->id, .op = I915_VM_RANGE_BIND_MEMORY, .length = VGPU_PAGE,
		.address = (uintptr_t)vgpu_memory_small(VGPU_PAGE),
	};
	char c;

	igt_assert_eq_u32(*value, 0x901);
	/* The VM mirrors the parent's memory: this is somebody else's. */
	igt_assert_eq(vgpu_vm_ioctl(vm->fd, &range), -EPERM);
	igt_assert_eq(vgpu_vm_nop(vm), -EPERM);
	igt_assert_eq(write(to_parent, "1", 1), 1);
	igt_assert_eq(read(from_parent, &c, 1), 1);
	igt_assert_eq_u32(*value, 0x901);
}

static void test_fork(struct vgpu_vm *vm, uint8_t *at, uint64_t size, unsigned int present)
{
	int to_parent[2], to_child[2];
	char c;

	igt_assert(!pipe(to_parent) && !pipe(to_child));
	igt_assert_eq(vgpu_vm_store(vm, at, 0x901), 0);
	igt_fork(child, 1)
		child_of_fork(vm, at, to_parent[1], to_child[0]);
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(read(to_parent[0], &c, 1), 1);
	igt_assert_eq(vgpu_vm_store(vm, at, 0x902), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)at, 0x902);
	*(volatile uint32_t *)(at + size - 8) = 0x903;
	igt_assert_eq(vgpu_vm_copy(vm, at + size - 4, at + size - 8), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + size - 4), 0x903);
	vgpu_vm_sync(vm, present);
	igt_assert_eq(write(to_child[1], "1", 1), 1);
	igt_waitchildren();
	works(vm, at, size);
	vgpu_vm_sync(vm, present);
	for (int i = 0; i < 2; i++) {
		close(to_parent[i]);
		close(to_child[i]);
	}
}

static void test_fork_small(struct vgpu_vm *vm)
{
	test_fork(vm, bound_small(vm, MIB), MIB, PAGES(MIB));
}

static void test_fork_huge(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_huge(HUGE);

	memset(at, 0, HUGE);
	/* khugepaged would join what the fork cuts into pages, and takes all from the GPU for that. */
	igt_assert(!madvise(at, HUGE, MADV_NOHUGEPAGE));
	igt_assert_eq(vgpu_vm_bind(vm, at, HUGE, 0), 0);
	test_fork(vm, at, HUGE, PAGES(HUGE));
}

/* A range that the GPU only reads shares the page with the child until the CPU writes it. */
static void test_fork_readonly(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_small(MIB), *out = bound_small(vm, MIB);
	int to_child[2];
	char c;

	fill(at, MIB, 0xa00);
	igt_assert(!pipe(to_child));
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, I915_VM_RANGE_READONLY), 0);
	igt_fork(child, 1)
		igt_assert_eq(read(to_child[0], &c, 1), 1);
	igt_assert_eq(vgpu_vm_copy(vm, out, at), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)out, 0xa00);
	vgpu_vm_sync(vm, 2 * PAGES(MIB));
	fill(at, MIB, 0xb00);
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_copy(vm, out, at), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)out, 0xb00);
	vgpu_vm_sync(vm, 2 * PAGES(MIB));
	igt_assert_eq(write(to_child[1], "1", 1), 1);
	igt_waitchildren();
	close(to_child[0]);
	close(to_child[1]);
}

/* ---- reclaim, KSM, huge pages, migration ---- */

static void setup_swap(void)
{
	igt_require_f(!system("modprobe -d ${IGT_VGPU_MODULES:-/} zram num_devices=1"),
		      "the kernel has no zram to swap to\n");
	igt_assert_eq(vgpu_file_write("/sys/block/zram0/disksize", "67108864"), 0);
	igt_assert_eq(system("mkswap /dev/zram0 >/dev/null"), 0);
	igt_assert(!swapon("/dev/zram0", 0));
}

static void end_swap(void)
{
	igt_assert(!swapoff("/dev/zram0"));
	igt_assert_eq(vgpu_file_write("/sys/block/zram0/reset", "1"), 0);
}

static unsigned int swapped_pages(const uint8_t *at, uint64_t size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned int count = 0;
	uint64_t entry;

	for (uint64_t i = 0; i < PAGES(size); i++) {
		off_t offset = ((uintptr_t)at / VGPU_PAGE + i) * 8;

		igt_assert_eq(pread(fd, &entry, 8, offset), 8);
		count += entry >> 62 & 1;
	}
	close(fd);
	return count;
}

static void test_swap(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, 4 * MIB);

	setup_swap();
	for (unsigned int round = 1; round < 4; round++) {
		unsigned int swapped;

		fill(at, 4 * MIB, round << 20);
		gpu_reads(vm, at, 4 * MIB, round << 20);
		igt_assert(!madvise(at, 4 * MIB, MADV_PAGEOUT));
		swapped = swapped_pages(at, 4 * MIB);
		igt_assert_f(swapped > PAGES(4 * MIB) / 2, "only %u of %llu pages went out\n",
			     swapped, PAGES(4 * MIB));
		vgpu_vm_sync(vm, 0);
		gpu_reads(vm, at, 4 * MIB, round << 20);
		check_filled(at, 4 * MIB, round << 20);
		vgpu_vm_sync(vm, PAGES(4 * MIB));
	}
	igt_assert_eq(vgpu_vm_unbind(vm, at, 4 * MIB), 0);
	munmap(at, 4 * MIB);
	end_swap();
}

#define CGROUP	"/sys/fs/cgroup/"
#define LIMIT	(24 * MIB)

/* More memory than the process may have: what it does not use is swapped out, bound or not. */
static void test_memcg(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_small(8 * MIB), *other;
	char text[32];

	igt_require_f(!vgpu_file_write(CGROUP "cgroup.subtree_control", "+memory"),
		      "the kernel has no memory controller\n");
	setup_swap();
	mkdir(CGROUP "vgpu_svm", 0755);
	snprintf(text, sizeof(text), "%llu", LIMIT);
	igt_assert_eq(vgpu_file_write(CGROUP "vgpu_svm/memory.max", text), 0);
	snprintf(text, sizeof(text), "%d", getpid());
	igt_assert_eq(vgpu_file_write(CGROUP "vgpu_svm/cgroup.procs", text), 0);
	fill(at, 8 * MIB, 0x9000);
	igt_assert_eq(vgpu_vm_bind(vm, at, 8 * MIB, 0), 0);
	for (int round = 0; round < 3; round++) {
		gpu_reads(vm, at, 8 * MIB, 0x9000);
		other = vgpu_memory_small(2 * LIMIT);
		memset(other, round + 1, 2 * LIMIT);
		igt_assert_f(swapped_pages(at, 8 * MIB), "nothing that is bound was reclaimed\n");
		vgpu_vm_sync(vm, 0);
		igt_assert(!munmap(other, 2 * LIMIT));
	}
	gpu_reads(vm, at, 8 * MIB, 0x9000);
	check_filled(at, 8 * MIB, 0x9000);
	vgpu_vm_sync(vm, PAGES(8 * MIB));
	igt_assert_eq(vgpu_vm_unbind(vm, at, 8 * MIB), 0);
	munmap(at, 8 * MIB);
	snprintf(text, sizeof(text), "%d", getpid());
	igt_assert_eq(vgpu_file_write(CGROUP "cgroup.procs", text), 0);
	end_swap();
	rmdir(CGROUP "vgpu_svm");
}

static long file_number(const char *path)
{
	char text[64];

	igt_assert_eq(vgpu_file_read(path, text, sizeof(text)), 0);
	return strtol(text, NULL, 0);
}

#define KSM	"/sys/kernel/mm/ksm/"

static void test_ksm(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB), *read_only = vgpu_memory_small(MIB);
	int wait;

	igt_require_f(!access(KSM "run", W_OK), "the kernel has no KSM\n");
	memset(at, 0x33, MIB);
	memset(read_only, 0x33, MIB);
	igt_assert_eq(vgpu_vm_bind(vm, read_only, MIB, I915_VM_RANGE_READONLY), 0);
	igt_assert(!madvise(at, MIB, MADV_MERGEABLE) && !madvise(read_only, MIB, MADV_MERGEABLE));
	igt_assert_eq(vgpu_file_write(KSM "pages_to_scan", "2000"), 0);
	igt_assert_eq(vgpu_file_write(KSM "sleep_millisecs", "10"), 0);
	igt_assert_eq(vgpu_file_write(KSM "run", "1"), 0);
	for (wait = 0; wait < 300 && file_number(KSM "pages_sharing") < 400; wait++)
		usleep(100000);
	igt_assert_eq(vgpu_file_write(KSM "run", "0"), 0);
	igt_assert_f(wait < 300, "KSM did not merge the pages\n");
	vgpu_vm_sync(vm, 0);
	/* Writing takes a page of one's own again, reading does not. */
	igt_assert_eq(vgpu_vm_store(vm, at, 0xc01), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)at, 0xc01);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + VGPU_PAGE), 0x33333333);
	igt_assert_eq_u32(*(volatile uint32_t *)read_only, 0x33333333);
	vgpu_vm_sync(vm, 2 * PAGES(MIB));
	igt_assert_eq(vgpu_vm_copy(vm, at + 8, read_only), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)(at + 8), 0x33333333);
	igt_assert_eq(vgpu_file_write(KSM "run", "2"), 0);
	igt_assert_eq(vgpu_file_write(KSM "run", "0"), 0);
	vgpu_vm_sync(vm, 0);
	works(vm, at, MIB);
}

static void test_split(struct vgpu_vm *vm)
{
	uint8_t *at = vgpu_memory_huge(2 * HUGE);

	fill(at, 2 * HUGE, 0xd000);
	/* Not by khugepaged, which comes when it likes. */
	igt_assert(!madvise(at, 2 * HUGE, MADV_NOHUGEPAGE));
	igt_assert_eq(vgpu_vm_bind(vm, at, 2 * HUGE, 0), 0);
	gpu_reads(vm, at, 2 * HUGE, 0xd000);
	vgpu_vm_expect(vm, 2 * HUGE);
	vgpu_vm_sync(vm, PAGES(2 * HUGE));
	/* One page of the first huge one goes: the rest stays what and where it is. */
	igt_assert(!madvise(at + 5 * VGPU_PAGE, VGPU_PAGE, MADV_DONTNEED));
	vgpu_vm_sync(vm, 0);
	*(volatile uint32_t *)(at + 5 * VGPU_PAGE) = 0xd005;
	gpu_reads(vm, at, 2 * HUGE, 0xd000);
	vgpu_vm_expect(vm, HUGE);
	vgpu_vm_sync(vm, PAGES(2 * HUGE));
	/* And becomes one again. */
	igt_assert(!madvise(at, 2 * HUGE, MADV_HUGEPAGE));
	igt_assert(!madvise(at, HUGE, MADV_COLLAPSE));
	vgpu_vm_sync(vm, 0);
	gpu_reads(vm, at, 2 * HUGE, 0xd000);
	vgpu_vm_expect(vm, 2 * HUGE);
	vgpu_vm_sync(vm, PAGES(2 * HUGE));
	check_filled(at, 2 * HUGE, 0xd000);
}

static void test_compaction(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, 8 * MIB), *holes = vgpu_memory_small(64 * MIB);

	/* Free memory full of holes, so that there is something to move. */
	memset(holes, 1, 64 * MIB);
	for (uint64_t i = 0; i < PAGES(64 * MIB); i += 2)
		madvise(holes + i * VGPU_PAGE, VGPU_PAGE, MADV_DONTNEED);
	fill(at, 8 * MIB, 0xe0000);
	for (int i = 0; i < 3; i++) {
		gpu_reads(vm, at, 8 * MIB, 0xe0000);
		igt_assert_eq(vgpu_file_write("/proc/sys/vm/compact_memory", "1"), 0);
		vgpu_vm_sync(vm, 0);
	}
	gpu_reads(vm, at, 8 * MIB, 0xe0000);
	check_filled(at, 8 * MIB, 0xe0000);
	vgpu_vm_sync(vm, PAGES(8 * MIB));
}

static void test_shrinker(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB);

	fill(at, MIB, 0xf00);
	for (int i = 0; i < 3; i++) {
		vgpu_drop_caches(&guest);
		igt_assert_eq(vgpu_file_write("/proc/sys/vm/drop_caches", "3"), 0);
		gpu_reads(vm, at, MIB, 0xf00);
	}
	vgpu_vm_sync(vm, PAGES(MIB));
}

static uint64_t mem_total(void)
{
	struct sysinfo info;

	igt_assert(!sysinfo(&info));
	return (uint64_t)info.totalram * info.mem_unit;
}

static uint64_t shrinkable(void)
{
	unsigned int objects;

	return vgpu_shrinkable(&guest, &objects);
}

/* But for small objects, of batches and contexts of before, that go at their own time. */
static bool about(uint64_t bytes, uint64_t wanted)
{
	return bytes + MIB > wanted && bytes < wanted + MIB;
}

static void wait_for_shrinkable(uint64_t bytes)
{
	for (int i = 0; i < 500 && !about(shrinkable(), bytes); i++)
		usleep(10000);
	igt_assert_f(about(shrinkable(), bytes), "%llu bytes are shrinkable, not %llu\n",
		     (unsigned long long)shrinkable(), (unsigned long long)bytes);
}

/*
 * What is bound is none of the shrinker's business; what is in no VM any more is, whether it was
 * unbound or its VM is gone.
 */
static void check_hidden(struct vgpu_vm *vm, uint8_t *place)
{
	uint32_t object = gem_create(vm->fd, HUGE);
	struct vgpu_vm other;
	uint64_t bound;

	vgpu_vm_open(&other, vm->fd, I915_EXEC_RENDER);
	igt_assert_eq(vgpu_vm_bind_object(vm, object, place, HUGE), 0);
	igt_assert_eq(vgpu_vm_bind_object(&other, object, place, HUGE), 0);
	vgpu_drop_caches(&guest);
	bound = shrinkable();
	igt_assert_eq(vgpu_vm_unbind(&other, place, HUGE), 0);
	wait_for_shrinkable(bound);
	igt_assert_eq(vgpu_vm_unbind(vm, place, HUGE), 0);
	wait_for_shrinkable(bound + HUGE);

	igt_assert_eq(vgpu_vm_bind_object(&other, object, place, HUGE), 0);
	wait_for_shrinkable(bound);
	vgpu_vm_close(&other);
	wait_for_shrinkable(bound + HUGE);
	gem_close(vm->fd, object);
}

static void test_bound_objects(struct vgpu_vm *vm)
{
	uint64_t half = mem_total() / 2, size = half / 16 & -HUGE;
	uint8_t *place = vgpu_memory_map(20 * size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	uint32_t object[20];
	unsigned int bound = 0;
	struct vgpu_vm full;
	int ret;

	check_hidden(vm, place);
	vgpu_vm_open(&full, vm->fd, I915_EXEC_RENDER);
	do {
		object[bound] = gem_create(vm->fd, size);
		ret = vgpu_vm_bind_object(&full, object[bound], place + bound * size, size);
	} while (!ret && ++bound < ARRAY_SIZE(object));
	igt_assert_eq(ret, -ENOMEM);
	igt_assert_f(bound * size <= half && (bound + 1) * size > half,
		     "%u objects of %llu bytes were bound, half of the memory is %llu\n", bound,
		     (unsigned long long)size, (unsigned long long)half);
	vgpu_drop_caches(&guest);
	igt_assert_eq(vgpu_vm_store(&full, place + bound * size - 4, 0x5eed), 0);
	igt_assert_eq_u32(vgpu_read_dword(vm->fd, object[bound - 1], size - 4), 0x5eed);

	/* What is given back can be bound again, here and, when its VM is gone, elsewhere. */
	igt_assert_eq(vgpu_vm_unbind(&full, place, size), 0);
	igt_assert_eq(vgpu_vm_bind_object(&full, object[bound], place, size), 0);
	igt_assert_eq(vgpu_vm_bind_object(vm, object[0], place, size), -ENOMEM);
	for (unsigned int i = 0; i <= bound; i++)
		gem_close(vm->fd, object[i]);
	vgpu_vm_close(&full);
	object[0] = gem_create(vm->fd, size);
	/* A work lets go of what the closed VM had; the VM is off the driver's list before that. */
	for (int i = 0; i < 500; i++) {
		ret = vgpu_vm_bind_object(vm, object[0], place, size);
		if (ret != -ENOMEM)
			break;
		usleep(10000);
	}
	igt_assert_eq(ret, 0);
	igt_assert_eq(vgpu_vm_unbind(vm, place, size), 0);
	gem_close(vm->fd, object[0]);
	igt_assert(!munmap(place, 20 * size));
}

static void test_reset(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB);

	vgpu_full_reset(&guest);
	works(vm, at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));
}

/* ---- taken away while it is being executed with ---- */

/** struct puller - a thread that takes memory away in the middle of an execution */
struct puller {
	pthread_t thread;
	int uffd;
	uint8_t *relocs, *text;		/* what the execution has to wait for, and what it reads then */
	uint8_t *at;			/* the memory */
};

static void *pull(void *arg)
{
	const struct puller *p = arg;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)p->relocs, .src = (uintptr_t)p->text, .len = VGPU_PAGE,
	};
	struct uffd_msg fault;

	igt_assert_eq(read(p->uffd, &fault, sizeof(fault)), sizeof(fault));
	igt_assert(!madvise(p->at, MIB, MADV_DONTNEED));
	igt_assert(!ioctl(p->uffd, UFFDIO_COPY, &copy));
	return NULL;
}

static void puller_begin(struct puller *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->relocs = vgpu_memory_small(VGPU_PAGE);
	range.range = (struct uffdio_range){ (uintptr_t)p->relocs, VGPU_PAGE };
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	igt_require_f(p->uffd >= 0, "the kernel has no userfaultfd\n");
	igt_assert(!ioctl(p->uffd, UFFDIO_API, &api));
	igt_assert(!ioctl(p->uffd, UFFDIO_REGISTER, &range));
	igt_assert(!pthread_create(&p->thread, NULL, pull, p));
}

/* 0 or -errno; has the syncobj a fence, and is that done? */
static int syncobj_wait(int fd, uint32_t syncobj)
{
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&syncobj, .count_handles = 1, .timeout_nsec = INT64_MAX,
	};

	return igt_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait) ? -errno : 0;
}

/*
 * The execution has looked whether all memory is there, then reads its relocations, which come from
 * a thread that takes memory away first. It has requests by the time that it fails.
 */
static void test_repeat(struct vgpu_vm *vm)
{
	struct puller p = { .at = bound_small(vm, MIB), .text = vgpu_memory_small(VGPU_PAGE) };
	struct drm_i915_gem_relocation_entry *reloc = (void *)p.text;
	struct drm_syncobj_create syncobj = { 0 };
	struct drm_i915_gem_exec_fence signal = { .flags = I915_EXEC_FENCE_SIGNAL };
	struct drm_i915_gem_exec_object2 object = {
		.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS,
		.relocation_count = 1,
	};
	struct drm_i915_gem_execbuffer2 eb = {
		.buffers_ptr = (uintptr_t)&object, .buffer_count = 1, .rsvd1 = vm->context,
		.flags = vm->engine | I915_EXEC_FENCE_ARRAY, .cliprects_ptr = (uintptr_t)&signal,
		.num_cliprects = 1,
	};
	struct vgpu_code code;

	puller_begin(&p);
	do_ioctl(vm->fd, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj);
	signal.handle = syncobj.handle;
	vgpu_code_begin(&code, vm);
	vgpu_emit_store(&code, p.at, 0x600d);
	vgpu_code_write(&code);
	object.handle = code.handle;
	object.offset = code.addr;
	object.relocs_ptr = (uintptr_t)p.relocs;
	reloc->target_handle = code.handle;
	reloc->offset = VGPU_CODE_SIZE - 64;	/* behind the batch's end */
	reloc->presumed_offset = -1;

	igt_assert(ioctl(vm->fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &eb) == -1);
	igt_assert_eq(errno, EAGAIN);
	igt_assert(!pthread_join(p.thread, NULL));
	igt_assert_eq(syncobj_wait(vm->fd, syncobj.handle), -EINVAL);
	igt_assert_eq_u32(*(volatile uint32_t *)p.at, 0);
	igt_assert(!igt_ioctl(vm->fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &eb));
	igt_assert_eq(syncobj_wait(vm->fd, syncobj.handle), 0);
	igt_assert_eq_u32(*(volatile uint32_t *)p.at, 0x600d);

	do_ioctl(vm->fd, DRM_IOCTL_SYNCOBJ_DESTROY,
		 (&(struct drm_syncobj_destroy){ .handle = syncobj.handle }));
	vgpu_code_end(&code);
	close(p.uffd);
}

/* ---- a busy GPU ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/** struct unmapper - a thread that takes memory away while the GPU uses it */
struct unmapper {
	pthread_t thread;
	uint8_t *at;
	uint64_t size;
	atomic_bool done;
};

static void *unmap(void *arg)
{
	struct unmapper *u = arg;

	munmap(u->at, u->size);
	atomic_store(&u->done, true);
	return NULL;
}

static void submit_spinner(struct vgpu_code *code, struct vgpu_vm *vm, uint8_t *at)
{
	vgpu_code_submit_spinning(code, vm, at, vgpu_emit_spin);
}

static void submit_store(struct vgpu_code *code, struct vgpu_vm *vm, uint8_t *at)
{
	vgpu_code_begin(code, vm);
	vgpu_emit_store(code, at, 1);
	igt_assert_eq(vgpu_code_submit(code), 0);
}

/* Another context, on another engine, executes in the VM, with what is at each address now. */
static void revalidate(struct vgpu_vm *vm)
{
	uint32_t context = vm->context, other = vgpu_vm_context(vm);

	vm->context = other;
	vm->engine = I915_EXEC_BLT;
	igt_assert_eq(vgpu_vm_nop(vm), 0);
	vm->context = context;
	vm->engine = I915_EXEC_RENDER;
	gem_context_destroy(vm->fd, other);
}

static void test_busy(struct vgpu_vm *vm)
{
	struct unmapper u = { .at = bound_small(vm, MIB), .size = MIB };
	struct vgpu_code code;

	submit_spinner(&code, vm, u.at);
	igt_assert(!pthread_create(&u.thread, NULL, unmap, &u));
	usleep(BUSY_MS * 1000);
	/* The page is the GPU's as long as the batch that may use it runs. */
	igt_assert(!atomic_load(&u.done) && vgpu_code_busy(&code));
	vgpu_code_release(&code);
	igt_assert(!pthread_join(u.thread, NULL));
	igt_assert(!vgpu_code_busy(&code));
	vgpu_code_end(&code);
	vgpu_vm_sync(vm, 0);
	/* And what comes to lie there is new. */
	map_again(u.at, MIB);
	igt_assert_eq_u32(*(volatile uint32_t *)u.at, 0);
	works(vm, u.at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));
}

static void test_unrelated(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB);
	uint64_t before, after;
	struct vgpu_code code;

	submit_spinner(&code, vm, at);
	before = vgpu_svm_counter(guest.card, "invalidations");
	/* Not more of it: the driver cancels a batch after 20 s, and hosts are slow at times. */
	for (int i = 0; i < 20; i++) {
		uint8_t *other = vgpu_memory_small(MIB / 4);

		memset(other, i, MIB / 4);
		igt_assert(!munmap(other, MIB / 4));
	}
	after = vgpu_svm_counter(guest.card, "invalidations");
	igt_assert(vgpu_code_busy(&code));
	vgpu_code_release(&code);
	vgpu_code_end(&code);
	igt_assert_f(before == after, "20 unrelated munmaps cost %llu invalidations\n",
		     (unsigned long long)(after - before));
}

static void test_ban(struct vgpu_vm *vm)
{
	uint8_t *at = bound_small(vm, MIB);
	uint32_t innocent = vgpu_vm_context(vm), context = vm->context;
	struct vgpu_code code, behind;
	double begin;

	submit_spinner(&code, vm, at);
	/* The reservation object knows the last of a context's batches only. */
	submit_store(&behind, vm, at + VGPU_PAGE);
	begin = now();
	igt_assert(!munmap(at, MIB));
	igt_assert_f(now() - begin < BAN_S, "munmap took %.1f s\n", now() - begin);
	map_again(at, MIB);
	fill(at, MIB, 0xe00);
	revalidate(vm);
	/* munmap waits until the batch has left the GPU; that it is over is said a moment later. */
	while (vgpu_code_busy(&code) && now() - begin < 2 * BAN_S)
		usleep(1000);
	igt_assert(!vgpu_code_busy(&code));
	vgpu_code_end(&code);
	vgpu_code_end(&behind);
	check_filled(at, MIB, 0xe00);
	vgpu_vm_sync(vm, 0);
	igt_assert_eq(vgpu_vm_nop(vm), -EIO);
	/* Another context of the VM goes on; so does another VM. */
	vm->context = innocent;
	works(vm, at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));
	vgpu_check_all_engines(vm->fd);
	gem_context_destroy(vm->fd, context);
}

/** struct hog - another client, whose batch keeps an engine until it is told to end */
struct hog {
	struct vgpu_vm vm;
	struct vgpu_code code;
	uint8_t *at;
};

static void hog_begin(struct hog *hog, int fd, vgpu_spin_fn spin)
{
	vgpu_vm_open(&hog->vm, fd, I915_EXEC_RENDER);
	hog->at = bound_small(&hog->vm, MIB);
	vgpu_code_submit_spinning(&hog->code, &hog->vm, hog->at, spin);
}

static void hog_close(struct hog *hog)
{
	vgpu_code_end(&hog->code);
	works(&hog->vm, hog->at, MIB);
	vgpu_vm_close(&hog->vm);
}

/* Nothing of what its context did was at fault, and this many of its batches were lost. */
static void check_innocent(const struct vgpu_vm *vm, uint32_t lost)
{
	struct drm_i915_reset_stats stats = { .ctx_id = vm->context };

	do_ioctl(vm->fd, DRM_IOCTL_I915_GET_RESET_STATS, &stats);
	igt_assert_eq(stats.batch_active, 0);
	igt_assert_eq(stats.batch_pending, lost);
}

/*
 * A vGPU has no preemption: the other client's batch keeps the engine, and ours waits behind it on
 * the GPU. The memory is not gone before both are done. (Bare hardware switches between them, and
 * ends what does not let itself be preempted.)
 */
static void test_behind_another(struct vgpu_vm *vm)
{
	struct unmapper u = { .size = MIB };
	struct vgpu_code code;
	struct hog hog;

	vgpu_guest_require(&guest);
	u.at = bound_small(vm, MIB);
	hog_begin(&hog, vm->fd, vgpu_emit_spin);
	submit_store(&code, vm, u.at);
	igt_assert(!pthread_create(&u.thread, NULL, unmap, &u));
	usleep(OTHER_MS * 1000);
	igt_assert_f(vgpu_code_busy(&hog.code), "the other client's batch was ended\n");
	igt_assert(!atomic_load(&u.done));
	vgpu_code_release(&hog.code);
	igt_assert(!pthread_join(u.thread, NULL));
	vgpu_code_end(&code);
	check_innocent(&hog.vm, 0);
	check_innocent(vm, 0);
	hog_close(&hog);
	map_again(u.at, MIB);
	works(vm, u.at, MIB);
	vgpu_check_all_engines(vm->fd);
}

/*
 * On bare hardware two contexts take turns. A batch that has begun is off the GPU while the other
 * one runs, as are those behind it: it would go on where it was.
 */
static void test_preempted(struct vgpu_vm *vm)
{
	struct vgpu_code code, behind;
	struct hog hog;
	double begin;
	uint8_t *at;

	igt_require_f(guest.grant.magic != VGT_MAGIC, "a vGPU has no preemption\n");
	at = bound_small(vm, MIB);
	vgpu_code_submit_spinning(&code, vm, at, vgpu_emit_polite_spin);
	submit_store(&behind, vm, at + VGPU_PAGE);
	hog_begin(&hog, vm->fd, vgpu_emit_polite_spin);
	begin = now();
	igt_assert(!munmap(at, MIB));
	igt_assert_f(now() - begin < BAN_S, "munmap took %.1f s\n", now() - begin);
	igt_assert_f(vgpu_code_busy(&hog.code), "the other client's batch was ended\n");
	map_again(at, MIB);
	fill(at, MIB, 0xd00);
	revalidate(vm);
	vgpu_code_end(&code);
	vgpu_code_end(&behind);
	check_filled(at, MIB, 0xd00);
	igt_assert_eq(vgpu_vm_nop(vm), -EIO);
	vgpu_code_release(&hog.code);
	check_innocent(&hog.vm, 0);
	hog_close(&hog);
	vgpu_check_all_engines(vm->fd);
}

/*
 * Bare hardware lets a batch of higher priority go on, and whatever its client submits meanwhile. But
 * ours has memory to give back.
 */
static void test_lower_priority(struct vgpu_vm *vm)
{
	struct drm_i915_gem_context_param low = {
		.ctx_id = vm->context,
		.param = I915_CONTEXT_PARAM_PRIORITY,
		.value = I915_CONTEXT_MIN_USER_PRIORITY,
	};
	struct vgpu_code code;
	struct hog hog;
	double begin;
	uint8_t *at;

	igt_require_f(guest.grant.magic != VGT_MAGIC, "a vGPU has no preemption\n");
	at = bound_small(vm, MIB);
	do_ioctl(vm->fd, DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &low);
	hog_begin(&hog, vm->fd, vgpu_emit_polite_spin);
	submit_store(&code, vm, at);
	begin = now();
	igt_assert(!munmap(at, MIB));
	igt_assert_f(now() - begin < BAN_S, "munmap took %.1f s\n", now() - begin);
	igt_assert_f(vgpu_code_busy(&hog.code), "the other client's batch was ended\n");
	vgpu_code_end(&code);
	check_innocent(vm, 0);
	vgpu_code_release(&hog.code);
	check_innocent(&hog.vm, 0);
	hog_close(&hog);
	map_again(at, MIB);
	works(vm, at, MIB);
}

/*
 * The GPU takes two contexts at a time, so the third one's batches are still with the driver. They
 * are lost, and told so; their context is not banned.
 */
static void test_not_begun(struct vgpu_vm *vm)
{
	struct vgpu_code next_code, code[LOST];
	struct vgpu_vm next;
	uint8_t *at, *next_at;
	struct hog hog;
	double begin;

	vgpu_guest_require(&guest);
	at = bound_small(vm, MIB);
	vgpu_vm_open(&next, vm->fd, I915_EXEC_RENDER);
	next_at = bound_small(&next, MIB);
	hog_begin(&hog, vm->fd, vgpu_emit_spin);
	submit_store(&next_code, &next, next_at);
	for (int i = 0; i < LOST; i++)
		submit_store(&code[i], vm, at + i * VGPU_PAGE);
	begin = now();
	igt_assert(!munmap(at, MIB));
	igt_assert_f(now() - begin < BAN_S, "munmap took %.1f s\n", now() - begin);
	igt_assert_f(vgpu_code_busy(&hog.code), "the other client's batch was ended\n");
	/* What comes to lie there is none of their business. */
	map_again(at, MIB);
	fill(at, MIB, 0xc00);
	revalidate(vm);
	vgpu_code_release(&hog.code);
	vgpu_code_end(&next_code);
	for (int i = 0; i < LOST; i++)
		vgpu_code_end(&code[i]);
	igt_assert_eq_u32(*(volatile uint32_t *)next_at, 1);
	check_filled(at, MIB, 0xc00);
	check_innocent(&hog.vm, 0);
	check_innocent(&next, 0);
	check_innocent(vm, LOST);
	hog_close(&hog);
	vgpu_vm_close(&next);
	works(vm, at, MIB);
	vgpu_check_all_engines(vm->fd);
}

static void *release_soon(void *code)
{
	usleep(SOON_MS * 1000);
	vgpu_code_release(code);
	return NULL;
}

/* Memory goes while a batch of another context, on another engine, is in it for a moment. */
static void wait_for_another(struct vgpu_vm *vm, uint8_t *at)
{
	uint32_t context = vm->context;
	struct vgpu_code code;
	pthread_t thread;

	map_again(at, RANGES * VGPU_PAGE);
	vm->context = vgpu_vm_context(vm);
	vm->engine = I915_EXEC_BLT;
	submit_spinner(&code, vm, at);
	igt_assert(!pthread_create(&thread, NULL, release_soon, &code));
	igt_assert(!munmap(at, RANGES * VGPU_PAGE));
	igt_assert(!pthread_join(thread, NULL));
	vgpu_code_end(&code);
	gem_context_destroy(vm->fd, vm->context);
	vm->context = context;
	vm->engine = I915_EXEC_RENDER;
}

/*
 * Each range is told of by itself when memory goes. What was stopped for the first one is still
 * unfinished, and is waited for neither by the others nor later, when there is something new to
 * wait for.
 */
static void test_stopped_once(struct vgpu_vm *vm)
{
	struct vgpu_code next_code, code;
	struct vgpu_vm next;
	uint64_t waits;
	struct hog hog;
	double begin;
	uint8_t *at, *next_at;

	vgpu_guest_require(&guest);
	at = vgpu_memory_small(RANGES * VGPU_PAGE);
	for (int i = 0; i < RANGES; i++)
		igt_assert_eq(vgpu_vm_bind(vm, at + i * VGPU_PAGE, VGPU_PAGE, 0), 0);
	vgpu_vm_open(&next, vm->fd, I915_EXEC_RENDER);
	next_at = bound_small(&next, MIB);
	hog_begin(&hog, vm->fd, vgpu_emit_spin);
	submit_store(&next_code, &next, next_at);
	submit_store(&code, vm, at);
	waits = vgpu_svm_counter(guest.card, "waits");
	begin = now();
	igt_assert(!munmap(at, RANGES * VGPU_PAGE));
	igt_assert_f(now() - begin < BAN_S, "munmap took %.1f s\n", now() - begin);
	igt_assert_eq(vgpu_svm_counter(guest.card, "waits") - waits, 1);
	begin = now();
	for (int i = 0; i < ROUNDS; i++)
		wait_for_another(vm, at);
	igt_assert_f(now() - begin < BAN_S, "%d waits for a short batch took %.1f s\n", ROUNDS,
		     now() - begin);
	igt_assert_eq(vgpu_svm_counter(guest.card, "waits") - waits, 1 + ROUNDS);
	igt_assert_f(vgpu_code_busy(&hog.code), "the other client's batch was ended\n");
	vgpu_code_release(&hog.code);
	vgpu_code_end(&next_code);
	vgpu_code_end(&code);
	check_innocent(vm, 1);
	hog_close(&hog);
	vgpu_vm_close(&next);
	map_again(at, RANGES * VGPU_PAGE);
	works(vm, at, RANGES * VGPU_PAGE);
}

/** struct other - what a process and its child tell each other */
struct other {
	uint32_t handle;	/* of the child's batch */
	atomic_bool binds;	/* the parent is about to bind memory */
};

/* The batch has begun when its store is there, and ends some time after the parent goes on. */
static void child_executes(struct vgpu_vm *vm, uint8_t *at, struct other *other)
{
	struct vgpu_code code;

	vgpu_code_begin(&code, vm);
	vgpu_emit_store(&code, at, 1);
	vgpu_emit_spin(&code);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	other->handle = code.handle;
	while (!atomic_load(&other->binds))
		usleep(1000);
	usleep(BUSY_MS * 1000);
	vgpu_code_release(&code);
}

/* With an object bound and no memory, the VM is nobody's: whoever has the file may execute in it. */
static void test_bind_others(struct vgpu_vm *vm)
{
	struct other *other = (struct other *)vgpu_memory_shared(VGPU_PAGE);
	uint8_t *at = vgpu_memory_small(MIB), *object_at = vgpu_memory_small(MIB);
	uint32_t object = gem_create(vm->fd, MIB);
	pid_t child;
	int status;

	igt_assert_eq(vgpu_vm_bind_object(vm, object, object_at, MIB), 0);
	child = fork();
	igt_assert(child >= 0);
	if (!child) {
		child_executes(vm, object_at, other);
		_exit(0);
	}
	while (vgpu_read_dword(vm->fd, object, 0) != 1) {
		igt_assert_eq(waitpid(child, &status, WNOHANG), 0);
		usleep(1000);
	}
	atomic_store(&other->binds, true);
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), 0);
	igt_assert_f(!gem_bo_busy(vm->fd, other->handle),
		     "memory is bound, and another process's batch still runs in the VM\n");
	igt_assert_eq(waitpid(child, &status, 0), child);
	igt_assert_eq(status, 0);
	gem_close(vm->fd, other->handle);
	gem_close(vm->fd, object);
	works(vm, at, MIB);
	igt_assert(!munmap(other, VGPU_PAGE));
}

/*
 * The core announces the cut of an area for the 2 MiB in which it lies, whatever pages it has, if
 * the area covers them. Nothing but one page is gone, and that was never bound: a batch in the rest
 * is waited for, and goes on.
 */
static void test_cut(struct vgpu_vm *vm)
{
	uint8_t *area = vgpu_memory_small(2 * VGPU_HUGE);
	uint8_t *at = (uint8_t *)(((uintptr_t)area + VGPU_HUGE - 1) & ~(VGPU_HUGE - 1));
	struct unmapper u = { .at = at + MIB, .size = VGPU_PAGE };
	uint64_t invalidations = vgpu_svm_counter(guest.card, "invalidations");
	struct vgpu_code code;

	igt_require_f(!access("/sys/kernel/mm/transparent_hugepage", F_OK), "no huge pages to split\n");
	igt_assert_eq(vgpu_vm_bind(vm, at, MIB, 0), 0);
	submit_spinner(&code, vm, at);
	igt_assert(!pthread_create(&u.thread, NULL, unmap, &u));
	usleep(BUSY_MS * 1000);
	igt_assert(!atomic_load(&u.done) && vgpu_code_busy(&code));
	vgpu_code_release(&code);
	igt_assert(!pthread_join(u.thread, NULL));
	igt_assert_f(vgpu_svm_counter(guest.card, "invalidations") > invalidations,
		     "the core announces no cut any more: docs/svm.rst says that it does\n");
	igt_assert(!vgpu_code_busy(&code));
	vgpu_code_end(&code);
	check_innocent(vm, 0);
	works(vm, at, MIB);
	vgpu_vm_sync(vm, PAGES(MIB));
}

/* ---- the process ends ---- */

static void end_busy(struct vgpu_vm *vm, bool spin, bool exec)
{
	uint8_t *at = bound_small(vm, MIB);
	struct vgpu_code code, behind;

	vgpu_code_begin(&code, vm);
	vgpu_emit_store(&code, at, 1);
	if (spin)
		vgpu_emit_spin(&code);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	while (*(volatile uint32_t *)at != 1)
		usleep(1000);
	submit_store(&behind, vm, at);
	if (exec)
		execl("/bin/true", "true", NULL);
	else
		_exit(0);
	_exit(1);
}

/* VMs are released a moment after they are closed: wait until nothing is bound any more. */
static void wait_for_no_ranges(void)
{
	for (int i = 0; i < 500 && vgpu_svm_counter(guest.card, "ranges"); i++) {
		vgpu_drop_caches(&guest);
		usleep(20000);
	}
	igt_assert_f(!vgpu_svm_counter(guest.card, "ranges"), "ranges of closed VMs are left\n");
}

/*
 * The device stays open in the parent, and with it the VM that mirrors a process that is no more.
 */
static void test_end(struct vgpu_vm *vm, bool spin, bool exec)
{
	double begin;
	int status;
	pid_t pid;

	wait_for_no_ranges();
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		end_busy(vm, spin, exec);
	begin = now();
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	igt_assert_f(now() - begin < BAN_S, "the end took %.1f s\n", now() - begin);
	igt_assert_eq(vgpu_vm_nop(vm), -EPERM);
	igt_assert_eq(vgpu_svm_counter(guest.card, "ranges"), 1);
	vgpu_check_all_engines(vm->fd);
}

static void test_end_idle(struct vgpu_vm *vm)
{
	test_end(vm, false, false);
}

static void test_end_busy(struct vgpu_vm *vm)
{
	test_end(vm, true, false);
}

static void test_end_exec(struct vgpu_vm *vm)
{
	test_end(vm, true, true);
}

static void test_vm_closed(int fd)
{
	struct vgpu_code code;
	struct vgpu_vm vm;
	uint8_t *at;

	wait_for_no_ranges();
	/* With a batch that is not done: the ranges live as long as it. */
	vgpu_vm_open(&vm, fd, I915_EXEC_RENDER);
	at = bound_small(&vm, MIB);
	vgpu_code_begin(&code, &vm);
	vgpu_emit_spin(&code);
	igt_assert_eq(vgpu_code_submit(&code), 0);
	gem_context_destroy(fd, vm.context);
	vm.context = vgpu_vm_context(&vm);
	vgpu_vm_close(&vm);
	igt_assert_eq(vgpu_svm_counter(guest.card, "ranges"), 1);
	vgpu_code_release(&code);
	gem_sync(fd, code.handle);
	gem_close(fd, code.handle);
	wait_for_no_ranges();
	igt_assert(!munmap(at, MIB));
	vgpu_check_all_engines(fd);
}

/* ---- the list ---- */

static const struct {
	const char *name;
	const char *breaks_if;
	void (*test)(struct vgpu_vm *vm);
} tests[] = {
	{ "memory-that-is-gone-fails-the-execution-until-it-is-back",
	  "Breaks if an execution runs without a page, or a range does not recover.", test_gone },
	{ "discarded-memory-reads-zero",
	  "Breaks if MADV_DONTNEED leaves the old page to the GPU.", test_dontneed },
	{ "a-hole-in-a-file-reads-zero",
	  "Breaks if MADV_REMOVE leaves the old page to the GPU.", test_punch },
	{ "a-truncated-file-is-gone-until-it-grows",
	  "Breaks if the GPU keeps pages of a file that ends before them.", test_truncate },
	{ "the-gpu-may-write-what-the-process-may",
	  "Breaks if mprotect() does not reach the GPU.", test_mprotect },
	{ "memory-that-moves-takes-nothing-along",
	  "Breaks if a range follows memory to another address, or stays with it.", test_mremap },
	{ "after-fork-parent-and-child-have-their-own-pages",
	  "Breaks if the GPU writes into a page that the child shares.", test_fork_small },
	{ "after-fork-huge-pages-are-not-shared-either",
	  "Breaks if the GPU writes into a huge page that the child shares.", test_fork_huge },
	{ "after-fork-a-read-only-range-follows-the-process",
	  "Breaks if the GPU reads the page that the CPU has left.", test_fork_readonly },
	{ "memory-is-swapped-out-and-back",
	  "Breaks if the GPU keeps a page that was swapped out, or gets another's.", test_swap },
	{ "a-memory-limit-reclaims-what-is-bound",
	  "Breaks if bound memory cannot be reclaimed, or is lost when it is.", test_memcg },
	{ "merged-pages-are-parted-before-the-gpu-writes",
	  "Breaks if the GPU writes into a page that KSM shares out.", test_ksm },
	{ "huge-pages-are-split-and-collapsed",
	  "Breaks if a huge page outlives its split in the GPU's tables.", test_split },
	{ "pages-that-compaction-moves-are-followed",
	  "Breaks if migration leaves the old page to the GPU.", test_compaction },
	{ "the-shrinker-takes-nothing-that-is-bound",
	  "Breaks if eviction touches ranges.", test_shrinker },
	{ "bound-objects-leave-others-half-of-the-memory",
	  "Breaks if an unprivileged process can pin all memory, or the shrinker tries what is bound.",
	  test_bound_objects },
	{ "ranges-survive-a-reset", "Breaks if a reset loses page tables.", test_reset },
	{ "an-execution-that-is-to-be-repeated-signals-nothing",
	  "Breaks if who waits for a syncobj goes on before the second attempt.", test_repeat },
	{ "memory-goes-only-when-the-gpu-is-done-with-it",
	  "Breaks if invalidation does not wait for the GPU.", test_busy },
	{ "unrelated-memory-does-not-wait",
	  "Breaks if each munmap() of the process stops the GPU.", test_unrelated },
	{ "a-batch-that-does-not-end-is-banned",
	  "Breaks if memory is held for ever, or taken from under a batch.", test_ban },
	{ "a-batch-of-another-client-before-it-goes-on",
	  "Breaks if who waits for another one's batch is banned, or an engine that executes it reset.",
	  test_behind_another },
	{ "a-batch-of-low-priority-comes-first-if-its-memory-goes",
	  "Breaks if memory waits for a batch that waits for as long as others have some.",
	  test_lower_priority },
	{ "batches-that-have-not-begun-are-lost-without-a-ban",
	  "Breaks if who waits is banned, or waited for, or executes with what is there now.",
	  test_not_begun },
	{ "what-was-stopped-once-is-not-waited-for-again",
	  "Breaks if a munmap() of many ranges waits for a batch that cannot begin once for each.",
	  test_stopped_once },
	{ "memory-is-not-bound-while-another-process-executes",
	  "Breaks if a batch of another process, begun before, sees the memory.", test_bind_others },
	{ "a-batch-that-was-preempted-is-banned-too",
	  "Breaks if who has begun goes on when it is its turn again, with what is there now.",
	  test_preempted },
	{ "an-area-that-is-cut-nearby-loses-nothing",
	  "Breaks if what the core announces around a cut costs a batch, or stays away.", test_cut },
	{ "a-process-that-ends-leaves-nothing-mapped",
	  "Breaks if exit leaves pages to the GPU.", test_end_idle },
	{ "a-process-that-ends-while-busy-ends",
	  "Breaks if exit hangs on a batch that does not end.", test_end_busy },
	{ "exec-takes-the-memory-away-like-exit",
	  "Breaks if exec leaves pages of the old program to the GPU.", test_end_exec },
};

/*
 * A function of its own: a loop variable in a register would not survive a failing subtest's jump.
 */
static void __attribute__((noinline)) subtest(unsigned int i)
{
	struct vgpu_vm vm;

	igt_describe_f("%s", tests[i].breaks_if);
	igt_subtest_f("%s", tests[i].name) {
		vgpu_vm_open(&vm, guest.fd, I915_EXEC_RENDER);
		tests[i].test(&vm);
		vgpu_vm_close(&vm);
	}
}

igt_main
{
	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_vm_require(guest.fd);
		/* Batches that spin do so until a test says otherwise, however slow the host is. */
		vgpu_set_heartbeat(guest.card, HEARTBEAT_MS);
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(tests); i++)
		subtest(i);

	igt_describe("Breaks if a VM's end leaves ranges, or comes before that of its batches.");
	igt_subtest("a-closed-vm-keeps-its-ranges-until-its-batches-are-done")
		test_vm_closed(guest.fd);

	igt_fixture {
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
}
