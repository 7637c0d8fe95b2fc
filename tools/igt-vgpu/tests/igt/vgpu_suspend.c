// SPDX-License-Identifier: MIT
/*
 * Suspend and resume: what a client had before works after, and the balloons are the same.
 *
 * The machine wakes by its RTC; from suspend-to-idle QEMU's RTC does not wake it, so there the suite
 * presses the power button. In the igt-vgpu guest the root file system (9p over virtio, whose
 * driver has no resume) does not survive a suspend. So this program locks itself into memory first,
 * and the suite gives each subtest a guest of its own. What breaks these tests: GGTT entries or
 * fences that are not written again at resume, balloons that are reserved a second time or not at
 * all, engines that stay stopped.
 */

#include <sys/mman.h>

#include "igt.h"

#include "vgpu_guest.h"
#include "vgpu_state.h"

IGT_TEST_DESCRIPTION("A vGPU works after suspend as it did before.");

#define WAKEALARM	"/sys/class/rtc/rtc0/wakealarm"
#define WAKE_AFTER	"+4"		/* seconds */

static struct vgpu_account before, after;

static void require_state(const char *state)
{
	char states[128];

	igt_require_f(!vgpu_file_read("/sys/power/state", states, sizeof(states)) &&
			      strstr(states, state),
		      "the kernel has no sleep state '%s'\n", state);
	igt_require_f(!access(WAKEALARM, W_OK), "no RTC alarm to wake up by: " WAKEALARM "\n");
}

static void sleep_once(const char *state)
{
	int ret;

	vgpu_file_write(WAKEALARM, "0");
	ret = vgpu_file_write(WAKEALARM, WAKE_AFTER);
	igt_assert_f(!ret, WAKEALARM ": %s\n", strerror(-ret));
	ret = vgpu_file_write("/sys/power/state", state);
	igt_assert_f(!ret, "going to sleep by '%s': %s\n", state, strerror(-ret));
}

static void test_suspend(struct vgpu_guest *guest, const char *state, const char *mem_sleep,
			 const char *pm_test)
{
	struct vgpu_work work;

	require_state(state);
	if (mem_sleep)
		igt_require_f(!vgpu_file_write("/sys/power/mem_sleep", mem_sleep),
			      "the machine cannot sleep as '%s'\n", mem_sleep);
	if (pm_test)
		igt_require_f(!vgpu_file_write("/sys/power/pm_test", pm_test),
			      "the kernel has no pm_test '%s'\n", pm_test);

	vgpu_work_begin(guest, &work);
	vgpu_work_check(guest, &work);
	vgpu_account_take(guest, &before);
	/* From here on nothing of the root file system may be needed that is not in memory. */
	igt_assert(!mlockall(MCL_CURRENT | MCL_FUTURE));
	for (int i = 0; i < 2; i++) {
		sleep_once(state);
		vgpu_work_check(guest, &work);
		vgpu_account_take(guest, &after);
		vgpu_account_compare(&before, &after);
	}
	vgpu_work_end(guest, &work);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture
		vgpu_guest_open(&guest);

	igt_describe("Breaks if the driver's suspend or resume callbacks lose state.");
	igt_subtest("work-and-balloons-survive-a-test-suspend-of-all-devices")
		test_suspend(&guest, "freeze", NULL, "devices");

	igt_describe("Breaks if the vGPU does not come back from idle sleep.");
	igt_subtest("work-and-balloons-survive-suspend-to-idle")
		test_suspend(&guest, "freeze", NULL, NULL);

	igt_describe(
		"Breaks if the driver trusts anything to be left in a device that lost power.");
	igt_subtest("work-and-balloons-survive-suspend-to-ram")
		test_suspend(&guest, "mem", "deep", NULL);

	igt_fixture
		vgpu_guest_close(&guest);
}
