// SPDX-License-Identifier: MIT
/* Small objects with X tiling, written and read through GTT maps. */

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"
#include "vgpu_tiled.h"

#define STRIDE		1024u
#define ROWS		64u
#define SIZE		(STRIDE * ROWS)

/*
 * Where X tiling puts the byte (@x, @y): tiles of 512 bytes by 8 rows, one page each, row by row.
 */
static uint64_t x_tiled(uint32_t x, uint32_t y)
{
	uint32_t tile = y / 8 * (STRIDE / 512) + x / 512;

	return tile * VGPU_PAGE + y % 8 * 512 + x % 512;
}

static uint32_t mark(unsigned int number, uint32_t x, uint32_t y)
{
	return number << 24 | y << 12 | x;
}

/*
 * Which rows are looked at: enough to tell X tiling from linear memory (1, 9), few enough to be
 * quick, for each access through the aperture traps. Columns below 512 and above it fall into
 * different tiles.
 */
static const uint32_t points[][2] = { { 0, 0 }, { 4, 1 },    { 512, 1 },
				      { 0, 8 }, { 1020, 9 }, { 516, 63 } };

static volatile uint32_t *point(const struct vgpu_tiled *tiled, uint32_t x, uint32_t y)
{
	return (volatile uint32_t *)(tiled->map + y * STRIDE + x);
}

void vgpu_tiled_require(int fd)
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

void vgpu_tiled_make(int fd, struct vgpu_tiled *tiled)
{
	tiled->handle = gem_create(fd, SIZE);
	igt_assert_eq(__gem_set_tiling(fd, tiled->handle, I915_TILING_X, STRIDE), 0);
	tiled->map = gem_mmap__gtt(fd, tiled->handle, SIZE, PROT_READ | PROT_WRITE);
}

void vgpu_tiled_destroy(int fd, struct vgpu_tiled *tiled)
{
	gem_munmap(tiled->map, SIZE);
	gem_close(fd, tiled->handle);
}

void vgpu_tiled_draw(const struct vgpu_tiled *tiled, unsigned int number)
{
	for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
		uint32_t x = points[p][0], y = points[p][1];

		*point(tiled, x, y) = mark(number, x, y);
	}
}

void vgpu_tiled_check(int fd, const struct vgpu_tiled *tiled, unsigned int number)
{
	for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
		uint32_t x = points[p][0], y = points[p][1], value;

		igt_assert_eq_u32(*point(tiled, x, y), mark(number, x, y));
		gem_read(fd, tiled->handle, x_tiled(x, y), &value, sizeof(value));
		igt_assert_f(value == mark(number, x, y),
			     "object %u: byte (%u, %u) is not where X tiling puts it: %#x, not %#x\n",
			     number, x, y, value, mark(number, x, y));
	}
}

void vgpu_tiled_check_rest(int fd, const struct vgpu_tiled *tiled)
{
	uint32_t *all = calloc(1, SIZE);

	igt_assert(all);
	gem_read(fd, tiled->handle, 0, all, SIZE);
	for (size_t p = 0; p < ARRAY_SIZE(points); p++)
		all[x_tiled(points[p][0], points[p][1]) / 4] = 0;
	for (uint32_t i = 0; i < SIZE / 4; i++)
		igt_assert_f(!all[i], "%#x at %#x, where nobody has written\n", all[i], 4 * i);
	free(all);
}

static void *paint(void *data)
{
	struct vgpu_painter *p = data;

	while (!atomic_load(&p->enough)) {
		vgpu_tiled_draw(&p->tiled, p->number);
		atomic_fetch_add(&p->times, 1);
	}
	return NULL;
}

struct vgpu_painter *vgpu_painters_start(int fd, unsigned int count)
{
	struct vgpu_painter *painters = calloc(count, sizeof(*painters));

	igt_assert(painters);
	for (unsigned int i = 0; i < count; i++) {
		painters[i].number = i + 1;
		vgpu_tiled_make(fd, &painters[i].tiled);
		igt_assert_eq(pthread_create(&painters[i].thread, NULL, paint, &painters[i]), 0);
	}
	return painters;
}

void vgpu_painters_stop(int fd, struct vgpu_painter *painters, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		atomic_store(&painters[i].enough, true);
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(painters[i].thread, NULL);
		vgpu_tiled_check(fd, &painters[i].tiled, painters[i].number);
		vgpu_tiled_check_rest(fd, &painters[i].tiled);
		vgpu_tiled_destroy(fd, &painters[i].tiled);
	}
	free(painters);
}
