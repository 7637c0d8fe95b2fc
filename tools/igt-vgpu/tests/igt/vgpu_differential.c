// SPDX-License-Identifier: MIT
/*
 * A fixed workload, and a report of what it left behind: contents of objects, fence registers, GGTT
 * entries below the fences. A suite runs it on differently equipped mediators and compares the
 * reports, which therefore hold nothing that depends on time or on physical addresses.
 *
 * No subtests: a difference is found by the caller (suite_channel.py, suite_kvmgt.py), not here.
 *
 *	vgpu_differential [without-registers]
 *
 * without-registers: no batch stores a register, which kvmgt refuses.
 */

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

#define CONTEXTS	24
#define STEPS		96
#define STRIDE		1024u
#define ROWS		64u
#define SIZE		(STRIDE * ROWS)
#define PTE_PRESENT	1ull

/* FNV-1a */
static uint64_t digest(const uint8_t *data, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3ull;
	return hash;
}

static void report_object(int fd, const char *name, unsigned int n, uint32_t handle, size_t size)
{
	uint8_t *data = malloc(size);

	igt_assert(data);
	gem_read(fd, handle, 0, data, size);
	printf("%s %u: %016llx\n", name, n, (unsigned long long)digest(data, size));
	free(data);
}

/* Each context keeps a number, and adds what it has to a log, in turn and on all engines. */
static void contexts(int fd)
{
	uint32_t context[CONTEXTS], log = gem_create(fd, STEPS * sizeof(uint32_t));
	unsigned int engines = 0;

	vgpu_for_each_engine(e)
		engines++;
	for (unsigned int i = 0; i < CONTEXTS; i++) {
		context[i] = gem_context_create(fd);
		igt_assert_eq(vgpu_gpr_load(fd, context[i], &vgpu_engines[i % engines], ~i), 0);
	}
	for (unsigned int i = 0; i < STEPS; i++) {
		unsigned int n = i * 7 % CONTEXTS;

		igt_assert_eq(vgpu_gpr_store(fd, context[n], &vgpu_engines[n % engines], log,
					     i * sizeof(uint32_t)), 0);
		if (i % 5)
			continue;
		/* One goes, another one comes, perhaps to the same place. */
		gem_context_destroy(fd, context[n]);
		context[n] = gem_context_create(fd);
		igt_assert_eq(vgpu_gpr_load(fd, context[n], &vgpu_engines[n % engines], i << 8), 0);
	}
	report_object(fd, "context log", 0, log, STEPS * sizeof(uint32_t));
	for (unsigned int i = 0; i < CONTEXTS; i++)
		gem_context_destroy(fd, context[i]);
	gem_close(fd, log);
}

static void blits(int fd)
{
	uint32_t source = gem_create(fd, SIZE), target = gem_create(fd, SIZE);

	igt_assert_eq(vgpu_blit_fill(fd, source, STRIDE, ROWS, 0x01020304), 0);
	igt_assert_eq(vgpu_blit_copy(fd, source, target, STRIDE, ROWS / 2), 0);
	report_object(fd, "blit", 0, source, SIZE);
	report_object(fd, "blit", 1, target, SIZE);
	gem_close(fd, source);
	gem_close(fd, target);
}

static void report_fence(const struct vgpu_guest *guest, unsigned int n)
{
	unsigned int present = 0, pages = 0;
	struct vgpu_fence fence;

	if (!vgpu_read_fence(guest, n, &fence)) {
		printf("fence %u: off\n", n);
		return;
	}
	for (uint64_t at = fence.range.start; at < fence.range.end; at += VGPU_PAGE, pages++)
		present += !!(vgpu_ggtt_entry(guest, at / VGPU_PAGE) & PTE_PRESENT);
	printf("fence %u: %llu bytes, pitch %u, %s, %u of %u pages present\n", n,
	       (unsigned long long)(fence.range.end - fence.range.start), fence.pitch,
	       fence.tiling == I915_TILING_Y ? "Y" : "X", present, pages);
}

/* More tiled maps than fences: written through the map, looked at behind it. */
static void fences(const struct vgpu_guest *guest)
{
	unsigned int available = gem_available_fences(guest->fd), count = available + available / 2;
	uint32_t handle[64];
	uint8_t *map[64];

	igt_assert_lte(count, 64);
	for (unsigned int i = 0; i < count; i++) {
		handle[i] = gem_create(guest->fd, SIZE);
		igt_assert_eq(__gem_set_tiling(guest->fd, handle[i],
					       i % 3 ? I915_TILING_X : I915_TILING_Y, STRIDE), 0);
		map[i] = gem_mmap__gtt(guest->fd, handle[i], SIZE, PROT_READ | PROT_WRITE);
	}
	for (unsigned int i = 0; i < 4 * count; i++) {
		unsigned int n = i * 5 % count;

		*(volatile uint32_t *)(map[n] + (i * 3 % ROWS) * STRIDE + i * 16 % STRIDE) = i + 1;
	}
	for (unsigned int i = 0; i < available; i++)
		report_fence(guest, i);
	for (unsigned int i = 0; i < count; i++) {
		report_object(guest->fd, "tiled", i, handle[i], SIZE);
		gem_munmap(map[i], SIZE);
		gem_close(guest->fd, handle[i]);
	}
}

int main(int argc, char **argv)
{
	struct vgpu_guest guest;

	vgpu_guest_open(&guest);
	if (argc < 2 || strcmp(argv[1], "without-registers"))
		contexts(guest.fd);
	blits(guest.fd);
	fences(&guest);
	vgpu_guest_close(&guest);
	return 0;
}
