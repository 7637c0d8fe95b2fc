// SPDX-License-Identifier: MIT
/*
 * Fence registers: the guest uses those of its share and no other, and any number of tiled GTT maps
 * works, since a fence is taken from one map and given to the next.
 *
 * What breaks these tests: a driver that believes in more fences than the share (the mediator drops
 * the write, so the map shows linear memory; vgpu_tiled.h).
 */

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"
#include "vgpu_tiled.h"

IGT_TEST_DESCRIPTION("Tiled GTT maps get by with the vGPU's share of the fence registers.");

#define MAX_FENCES	32

#define STRIDE		1024u
#define SIZE		(64 * STRIDE)	/* of an object that cannot be tiled */

#define PAINT_SECONDS	5

static void test_share(struct vgpu_guest *guest)
{
	int fences = gem_available_fences(guest->fd);
	int share = guest->grant.fences < MAX_FENCES ? guest->grant.fences : MAX_FENCES;

	igt_info("granted %u, the driver uses %d\n", guest->grant.fences, fences);
	igt_assert_eq(fences, share);
}

/* Three times as many as there are fences, in two rounds, so that each is stolen and given back. */
static void test_more_maps(struct vgpu_guest *guest)
{
	unsigned int count = 3 * gem_available_fences(guest->fd);
	struct vgpu_tiled *maps = calloc(count, sizeof(*maps));

	igt_require_f(count > 0, "this vGPU has no fences\n");
	vgpu_tiled_require(guest->fd);
	igt_assert(maps);
	for (unsigned int i = 0; i < count; i++) {
		vgpu_tiled_make(guest->fd, &maps[i]);
		vgpu_tiled_draw(&maps[i], i);
	}
	for (unsigned int i = 0; i < count; i++)
		vgpu_tiled_check(guest->fd, &maps[i], i);
	for (unsigned int i = count; i-- > 0;) {
		vgpu_tiled_draw(&maps[i], i + 128);
		vgpu_tiled_check(guest->fd, &maps[i], i + 128);
	}
	for (unsigned int i = 0; i < count; i++)
		vgpu_tiled_destroy(guest->fd, &maps[i]);
	free(maps);
}

/*
 * A fault holds a fence until it is through, so more threads than fences find, now and then, that all
 * are held.
 */
static void test_more_threads(struct vgpu_guest *guest)
{
	unsigned int count = 4 * gem_available_fences(guest->fd) + 4;
	struct vgpu_painter *painters;

	igt_require_f(count > 4, "this vGPU has no fences\n");
	vgpu_tiled_require(guest->fd);
	painters = vgpu_painters_start(guest->fd, count);
	sleep(PAINT_SECONDS);
	vgpu_painters_stop(guest->fd, painters, count);
}

/*
 * What the fence registers of the share say, while all of them are in use: ranges of our own
 * aperture.
 */
static void test_registers(struct vgpu_guest *guest)
{
	unsigned int fences = gem_available_fences(guest->fd), valid = 0;
	struct vgpu_tiled maps[MAX_FENCES];

	igt_require_f(fences > 0, "this vGPU has no fences\n");
	igt_assert_lte(fences, MAX_FENCES);
	vgpu_tiled_require(guest->fd);
	vgpu_drop_caches(guest);
	for (unsigned int i = 0; i < fences; i++) {
		vgpu_tiled_make(guest->fd, &maps[i]);
		vgpu_tiled_draw(&maps[i], i);
	}
	for (unsigned int i = 0; i < fences; i++) {
		struct vgpu_fence fence;

		if (!vgpu_read_fence(guest, i, &fence))
			continue;
		valid++;
		igt_assert_f(fence.range.end > fence.range.start &&
			     fence.range.end <= guest->grant.mappable.end &&
			     fence.range.start >= guest->grant.mappable.start,
			     "fence %u covers %#llx-%#llx, outside of the mappable part\n", i,
			     (unsigned long long)fence.range.start,
			     (unsigned long long)fence.range.end - 1);
	}
	igt_info("%u of %u fences in use\n", valid, fences);
	for (unsigned int i = 0; i < fences; i++) {
		vgpu_tiled_check(guest->fd, &maps[i], i);
		vgpu_tiled_destroy(guest->fd, &maps[i]);
	}
	igt_assert_eq(valid, fences);
}

/* Tiling needs a fence sooner or later, so it is refused at once; linear maps go on to work. */
static void test_no_fence(struct vgpu_guest *guest)
{
	uint32_t handle = gem_create(guest->fd, SIZE), *map;

	igt_require_f(!gem_available_fences(guest->fd), "this vGPU has fences\n");
	igt_assert_eq(__gem_set_tiling(guest->fd, handle, I915_TILING_X, STRIDE), -EOPNOTSUPP);
	map = gem_mmap__gtt(guest->fd, handle, SIZE, PROT_READ | PROT_WRITE);
	*(volatile uint32_t *)map = 0x600df00d;
	igt_assert_eq_u32(*(volatile uint32_t *)map, 0x600df00d);
	gem_munmap(map, SIZE);
	gem_close(guest->fd, handle);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_guest_require(&guest);
	}

	igt_describe(
		"Breaks if the driver's count is not the share, or an absurd share is believed.");
	igt_subtest("the-driver-has-as-many-fences-as-the-share")
		test_share(&guest);

	igt_describe("Breaks if a fence of others is used, or a stolen one is not taken away.");
	igt_subtest("three-times-as-many-tiled-maps-as-fences-all-work")
		test_more_maps(&guest);

	igt_describe("Breaks if the driver looks for pending flips, to have a fence, where there is no display.");
	igt_subtest("more-threads-than-fences-fault-at-once")
		test_more_threads(&guest);

	igt_describe("Breaks if a fence register covers memory of others.");
	igt_subtest("fence-registers-cover-only-the-mappable-part")
		test_registers(&guest);

	igt_describe("Breaks if a vGPU without fences accepts tiling, or does not work at all.");
	igt_subtest("without-a-fence-tiling-is-refused-and-linear-maps-work")
		test_no_fence(&guest);

	igt_fixture
		vgpu_guest_close(&guest);
}
