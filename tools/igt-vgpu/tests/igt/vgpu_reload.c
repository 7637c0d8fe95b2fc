// SPDX-License-Identifier: MIT
/*
 * Unload and reload, unbind and bind: afterwards the vGPU works as before and the driver's account
 * of it is the same.
 *
 * Modules are loaded by modprobe, from $IGT_VGPU_MODULES if that is set. What breaks these tests: a
 * balloon that is not given back (drm_mm_takedown() warns, which the runner sees), state that
 * outlives the device.
 */

#include "igt.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_state.h"

IGT_TEST_DESCRIPTION("Driver reload and rebind leave a vGPU as it was.");

#define CYCLES		3
#define DRIVER		"/sys/bus/pci/drivers/i915/"

static void modprobe(const char *arguments)
{
	const char *folder = getenv("IGT_VGPU_MODULES");
	char command[512];
	int ret;

	snprintf(command, sizeof(command), "modprobe %s%s %s", folder ? "-d " : "", folder ?: "",
		 arguments);
	ret = system(command);
	igt_assert_f(!ret, "'%s' ended with %#x\n", command, ret);
}

static bool is_bound(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof(path), DRIVER "%s", bdf);
	return !access(path, F_OK);
}

static void take(struct vgpu_account *account)
{
	struct vgpu_guest guest;

	vgpu_guest_open(&guest);
	vgpu_check_all_engines(guest.fd);
	vgpu_account_take(&guest, account);
	vgpu_guest_close(&guest);
}

static void cycle(void (*down)(const char *bdf), void (*up)(const char *bdf))
{
	struct vgpu_account before, after;
	char bdf[16];

	igt_assert(vgpu_guest_find(bdf, sizeof(bdf)));
	take(&before);
	for (int i = 0; i < CYCLES; i++) {
		down(bdf);
		igt_assert_f(!is_bound(bdf), "i915 still drives %s\n", bdf);
		up(bdf);
		take(&after);
		vgpu_account_compare(&before, &after);
	}
}

static void unload(const char *bdf)
{
	(void)bdf;
	modprobe("-r i915");
}

static void load(const char *bdf)
{
	(void)bdf;
	modprobe("i915");
}

static void unbind(const char *bdf)
{
	igt_assert_eq(vgpu_file_write(DRIVER "unbind", bdf), 0);
}

static void bind(const char *bdf)
{
	igt_assert_eq(vgpu_file_write(DRIVER "bind", bdf), 0);
}

/*
 * A client that has the device open, with maps, while it is unbound: its next access fails, nothing
 * else.
 */
static void test_unbind_under_client(void)
{
	struct vgpu_account before, after;
	struct drm_i915_gem_context_create create = {};
	struct vgpu_guest guest;
	struct vgpu_work work;

	take(&before);
	vgpu_guest_open(&guest);
	vgpu_work_begin(&guest, &work);
	unbind(guest.bdf);
	igt_assert_eq(igt_ioctl(guest.fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE, &create), -1);
	igt_assert_f(errno == ENODEV || errno == EIO, "%s\n", strerror(errno));
	bind(guest.bdf);
	take(&after);
	vgpu_account_compare(&before, &after);
	vgpu_guest_close(&guest);
	take(&after);
	vgpu_account_compare(&before, &after);
}

igt_main
{
	igt_fixture {
		struct vgpu_guest guest;

		vgpu_guest_open(&guest);
		vgpu_guest_close(&guest);
	}

	igt_describe("Breaks if unloading leaves a balloon, a lock or an interrupt behind.");
	igt_subtest("unload-and-load-three-times")
		cycle(unload, load);

	igt_describe("Breaks if a second probe of the same module finds state of the first.");
	igt_subtest("unbind-and-bind-three-times")
		cycle(unbind, bind);

	igt_describe(
		"Breaks if a client that outlives the device can reach it, or keeps its space.");
	igt_subtest("unbind-while-a-client-has-objects-and-maps")
		test_unbind_under_client();
}
