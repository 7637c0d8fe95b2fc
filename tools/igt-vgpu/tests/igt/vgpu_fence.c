// SPDX-License-Identifier: MIT
/*
 * Fence registers: the guest uses those of its share and no other, and any number of tiled GTT maps
 * works, since a fence is taken from one map and given to the next.
 *
 * The proof that a fence was there when it was needed is the tiling itself: what is written through
 * a tiled map is found, by a plain read of the object, where X tiling puts it. What breaks these
 * tests: a driver that believes in more fences than the share (the mediator drops the write, so the
 * map shows linear memory).
 */

#include <pthread.h>
#include <time.h>

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("Tiled GTT maps get by with the vGPU's share of the fence registers.");

#define MAX_FENCES	32

#define STRIDE		1024u
#define ROWS		64u
#define SIZE		(STRIDE * ROWS)

#define TOUCH_SECONDS	5

/*
 * Where X tiling puts the byte (@x, @y): tiles of 512 bytes by 8 rows, one page each, row by row.
 */
static uint64_t x_tiled(uint32_t x, uint32_t y)
{
	uint32_t tile = y / 8 * (STRIDE / 512) + x / 512;

	return tile * VGPU_PAGE + y % 8 * 512 + x % 512;
}

static uint32_t mark(unsigned int object, uint32_t x, uint32_t y)
{
	return object << 24 | y << 12 | x;
}

/*
 * Which rows are looked at: enough to tell X tiling from linear memory (1, 9), few enough to be
 * quick, for each access through the aperture traps. Columns below 512 and above it fall into
 * different tiles.
 */
static const uint32_t points[][2] = { { 0, 0 }, { 4, 1 },    { 512, 1 },
				      { 0, 8 }, { 1020, 9 }, { 516, 63 } };

struct tiled_map {
	uint32_t handle;
	uint8_t *map;
};

static void make(int fd, struct tiled_map *m)
{
	m->handle = gem_create(fd, SIZE);
	igt_assert_eq(__gem_set_tiling(fd, m->handle, I915_TILING_X, STRIDE), 0);
	m->map = gem_mmap__gtt(fd, m->handle, SIZE, PROT_READ | PROT_WRITE);
}

static void destroy(int fd, struct tiled_map *m)
{
	gem_munmap(m->map, SIZE);
	gem_close(fd, m->handle);
}

static void draw(const struct tiled_map *m, unsigned int object)
{
	for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
		uint32_t x = points[p][0], y = points[p][1];

		*(volatile uint32_t *)(m->map + y * STRIDE + x) = mark(object, x, y);
	}
}

/* Through the map (detiled) and behind its back (tiled). */
static void check(int fd, const struct tiled_map *m, unsigned int object)
{
	for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
		uint32_t x = points[p][0], y = points[p][1], value;

		igt_assert_eq_u32(*(volatile uint32_t *)(m->map + y * STRIDE + x),
				  mark(object, x, y));
		gem_read(fd, m->handle, x_tiled(x, y), &value, sizeof(value));
		igt_assert_f(
			value == mark(object, x, y),
			"object %u: byte (%u, %u) is not where X tiling puts it: %#x, not %#x\n",
			object, x, y, value, mark(object, x, y));
	}
}

static void require_tiling(int fd)
{
	uint32_t handle = gem_create(fd, SIZE);
	struct drm_i915_gem_get_tiling get = { .handle = handle };
	int ret = __gem_set_tiling(fd, handle, I915_TILING_X, STRIDE);

	igt_require_f(!ret, "no tiling here: %s\n", strerror(-ret));
	do_ioctl(fd, DRM_IOCTL_I915_GEM_GET_TILING, &get);
	igt_require_f(get.swizzle_mode == I915_BIT_6_SWIZZLE_NONE,
		      "the memory swizzles (mode %u)\n", get.swizzle_mode);
	gem_close(fd, handle);
}

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
	struct tiled_map *maps = calloc(count, sizeof(*maps));

	igt_require_f(count > 0, "this vGPU has no fences\n");
	require_tiling(guest->fd);
	igt_assert(maps);
	for (unsigned int i = 0; i < count; i++) {
		make(guest->fd, &maps[i]);
		draw(&maps[i], i);
	}
	for (unsigned int i = 0; i < count; i++)
		check(guest->fd, &maps[i], i);
	for (unsigned int i = count; i-- > 0;) {
		draw(&maps[i], i + 128);
		check(guest->fd, &maps[i], i + 128);
	}
	for (unsigned int i = 0; i < count; i++)
		destroy(guest->fd, &maps[i]);
	free(maps);
}

struct toucher {
	pthread_t thread;
	struct tiled_map m;
	unsigned int number;
};

static void *touch(void *data)
{
	struct toucher *t = data;
	time_t end = time(NULL) + TOUCH_SECONDS;

	while (time(NULL) < end)
		draw(&t->m, t->number);
	return NULL;
}

/*
 * A fault holds a fence until it is through, so more threads than fences find, now and then, that all
 * are held.
 */
static void test_more_threads(struct vgpu_guest *guest)
{
	unsigned int count = 4 * gem_available_fences(guest->fd) + 4;
	struct toucher *touchers = calloc(count, sizeof(*touchers));

	igt_require_f(count > 4, "this vGPU has no fences\n");
	require_tiling(guest->fd);
	igt_assert(touchers);
	for (unsigned int i = 0; i < count; i++) {
		touchers[i].number = i;
		make(guest->fd, &touchers[i].m);
		igt_assert_eq(pthread_create(&touchers[i].thread, NULL, touch, &touchers[i]), 0);
	}
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(touchers[i].thread, NULL);
		check(guest->fd, &touchers[i].m, i);
		destroy(guest->fd, &touchers[i].m);
	}
	free(touchers);
}

/*
 * What the fence registers of the share say, while all of them are in use: ranges of our own
 * aperture.
 */
static void test_registers(struct vgpu_guest *guest)
{
	unsigned int fences = gem_available_fences(guest->fd), valid = 0;
	struct tiled_map maps[MAX_FENCES];

	igt_require_f(fences > 0, "this vGPU has no fences\n");
	igt_assert_lte(fences, MAX_FENCES);
	require_tiling(guest->fd);
	vgpu_drop_caches(guest);
	for (unsigned int i = 0; i < fences; i++) {
		make(guest->fd, &maps[i]);
		draw(&maps[i], i);
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
		check(guest->fd, &maps[i], i);
		destroy(guest->fd, &maps[i]);
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
