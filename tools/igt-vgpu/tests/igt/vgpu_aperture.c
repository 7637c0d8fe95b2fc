// SPDX-License-Identifier: MIT
/*
 * A vGPU that was given next to nothing of the aperture, or nothing: the driver says that there is
 * none, rather than to wait for room in it that never comes.
 *
 * For partitions with less than 16 MiB of the aperture; on a usual one the program skips. What
 * breaks these tests: a driver that goes by the size of BAR 2. Its page faults on a GTT map never
 * end, so each test has an alarm.
 */

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("With next to nothing of the aperture, the driver does without it.");

#define MIB		(1ull << 20)
/* VGPU_MIN_WINDOW of the driver */
#define MIN_WINDOW	(16 * MIB)
#define SECONDS		20
#define OBJECT_SIZE	(2 * MIB)

/* mmap() by a fake offset of the driver; the first and the last dword are written. */
static uint32_t *map_and_write(int fd, uint64_t offset, uint64_t size, uint32_t value)
{
	uint32_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	igt_assert_f(map != MAP_FAILED, "mmap: %s\n", strerror(errno));
	*(volatile uint32_t *)map = value;
	((volatile uint32_t *)map)[size / 4 - 1] = ~value;
	return map;
}

static void check_ends(int fd, uint32_t handle, uint64_t size, uint32_t value)
{
	igt_assert_eq_u32(vgpu_read_dword(fd, handle, 0), value);
	igt_assert_eq_u32(vgpu_read_dword(fd, handle, size - 4), ~value);
}

/* By both ioctls, and for a tiled object, of which a map needs more. */
static void test_gtt_map(int fd)
{
	for (int tiled = 0; tiled <= 1; tiled++) {
		struct drm_i915_gem_mmap_gtt old = { .handle = gem_create(fd, OBJECT_SIZE) };
		struct drm_i915_gem_mmap_offset new = {
			.handle = old.handle,
			.flags = I915_MMAP_OFFSET_GTT,
		};

		if (tiled && __gem_set_tiling(fd, old.handle, I915_TILING_X, 4096))
			igt_info("no tiling here\n");
		igt_assert(ioctl(fd, DRM_IOCTL_I915_GEM_MMAP_OFFSET, &new));
		igt_assert_eq(errno, ENODEV);
		igt_assert(ioctl(fd, DRM_IOCTL_I915_GEM_MMAP_GTT, &old));
		igt_assert_eq(errno, ENODEV);
		gem_close(fd, old.handle);
	}
}

static void test_dumb_map(int fd)
{
	struct drm_mode_create_dumb create = { .width = 1024, .height = 768, .bpp = 32 };
	struct drm_mode_map_dumb map = {};
	uint32_t *pixels;

	do_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create);
	map.handle = create.handle;
	do_ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map);
	pixels = map_and_write(fd, map.offset, create.size, 0x600df00d);
	check_ends(fd, create.handle, create.size, 0x600df00d);
	munmap(pixels, create.size);
	gem_close(fd, create.handle);
}

static void test_other_maps(int fd)
{
	static const struct {
		const char *name;
		uint64_t flags;
	} kinds[] = {
		{ "write-combined", I915_MMAP_OFFSET_WC },
		{ "uncached", I915_MMAP_OFFSET_UC },
		{ "write-back", I915_MMAP_OFFSET_WB },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		const uint32_t value = 0xabcd0000 + i, other = ~value;
		struct drm_i915_gem_mmap_offset arg = {
			.handle = gem_create(fd, OBJECT_SIZE),
			.flags = kinds[i].flags,
		};
		uint32_t *map;

		igt_debug("%s\n", kinds[i].name);
		do_ioctl(fd, DRM_IOCTL_I915_GEM_MMAP_OFFSET, &arg);
		map = map_and_write(fd, arg.offset, OBJECT_SIZE, value);
		check_ends(fd, arg.handle, OBJECT_SIZE, value);

		gem_write(fd, arg.handle, 0, &other, sizeof(other));
		igt_assert_eq_u32(*(volatile uint32_t *)map, other);
		munmap(map, OBJECT_SIZE);
		gem_close(fd, arg.handle);
	}
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_guest_require(&guest);
		igt_require_f(guest.grant.mappable.end - guest.grant.mappable.start < MIN_WINDOW,
			      "this vGPU has a usable part of the aperture\n");
		igt_set_timeout(SECONDS, "somebody waits for room in the aperture");
	}

	igt_describe("Breaks if a GTT map is promised that no fault on it can keep.");
	igt_subtest("gtt-maps-are-refused")
		test_gtt_map(guest.fd);

	igt_describe("Breaks if dumb buffers are mapped through the aperture.");
	igt_subtest("a-dumb-buffer-is-mapped-all-the-same")
		test_dumb_map(guest.fd);

	igt_describe("Breaks if a map of memory, pread or pwrite takes the way through the aperture.");
	igt_subtest("all-other-maps-work-and-agree-with-pread-and-pwrite")
		test_other_maps(guest.fd);

	igt_describe("Breaks if the GPU's own use of the GGTT needs the aperture.");
	igt_subtest("every-engine-works")
		vgpu_check_all_engines(guest.fd);

	igt_fixture {
		igt_reset_timeout();
		vgpu_guest_close(&guest);
	}
}
