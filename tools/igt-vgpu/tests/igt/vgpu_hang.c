// SPDX-License-Identifier: MIT
/*
 * A batch that never ends is found and reset; who submitted it is told, all others go on.
 *
 * These tests provoke a GPU hang, so the kernel log has a hang report: the suite allows it for this
 * program only. What breaks them: a reset that does not complete, requests that are lost with it,
 * the guilt put on the wrong context.
 */

#include <time.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("Hang detection and reset of a vGPU.");

#define HEARTBEAT_MS	300	/* so a hang is found after three seconds, not after 25 */
#define RECOVER_S	20

static uint32_t batches_lost(int fd, uint32_t context)
{
	struct drm_i915_reset_stats stats = { .ctx_id = context };

	do_ioctl(fd, DRM_IOCTL_I915_GET_RESET_STATS, &stats);
	return stats.batch_active;
}

static void wait_for(int fd, uint32_t handle, const char *what)
{
	int64_t timeout = RECOVER_S * 1000000000ll;

	igt_assert_f(!gem_wait(fd, handle, &timeout), "%s is still busy after %d s\n", what,
		     RECOVER_S);
}

/*
 * The spinner's context is guilty, another context's request behind it is carried out after the
 * reset.
 */
static void test_heartbeat(int fd, const struct vgpu_engine *engine)
{
	struct vgpu_submit bad = { .context = gem_context_create(fd), .engine = engine->flags };
	struct vgpu_submit good = { .context = gem_context_create(fd), .engine = engine->flags };
	uint32_t target = gem_create(fd, VGPU_PAGE), spinner;

	vgpu_set_bannable(fd, bad.context, false);
	spinner = vgpu_spin(fd, &bad);
	igt_assert_eq(vgpu_store(fd, &good, target, 0, 0xabad1dea), 0);
	igt_assert(gem_bo_busy(fd, spinner));
	wait_for(fd, spinner, "the spinner");
	wait_for(fd, target, "the batch behind it");
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), 0xabad1dea);
	igt_assert_eq_u32(batches_lost(fd, bad.context), 1);
	igt_assert_eq_u32(batches_lost(fd, good.context), 0);
	vgpu_check_all_engines(fd);
	gem_context_destroy(fd, bad.context);
	gem_context_destroy(fd, good.context);
	gem_close(fd, spinner);
	gem_close(fd, target);
}

/* Through debugfs: all engines at once, while one spins and others are idle. */
static void test_full_reset(const struct vgpu_guest *guest)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest->fd),
				   .engine = I915_EXEC_RENDER };
	uint32_t spinner;

	vgpu_set_bannable(guest->fd, bad.context, false);
	spinner = vgpu_spin(guest->fd, &bad);
	igt_assert_eq(vgpu_debugfs_write(guest, "i915_wedged", "0xffffffff"), 0);
	wait_for(guest->fd, spinner, "the spinner");
	vgpu_check_all_engines(guest->fd);
	gem_context_destroy(guest->fd, bad.context);
	gem_close(guest->fd, spinner);
}

/*
 * A context that hangs again and again is banned: its submissions fail with EIO, those of others do
 * not.
 */
static void test_ban(int fd)
{
	struct vgpu_submit bad = { .context = gem_context_create(fd), .engine = I915_EXEC_RENDER };
	uint32_t target = gem_create(fd, VGPU_PAGE);
	int ret = 0;

	for (int hangs = 0; hangs < 6 && !ret; hangs++) {
		uint32_t spinner = vgpu_spin(fd, &bad);

		wait_for(fd, spinner, "the spinner");
		gem_close(fd, spinner);
		ret = vgpu_store(fd, &bad, target, 0, hangs);
	}
	igt_assert_eq(ret, -EIO);
	vgpu_check_all_engines(fd);
	gem_context_destroy(fd, bad.context);
	gem_close(fd, target);
}

/*
 * A function of its own: a loop variable in a register would not survive the jump out of a failing
 * subtest.
 */
static void __attribute__((noinline))
subtests_of(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	/* The blitter runs a checked copy of a user's batch, which must not jump back. */
	if (engine->flags == I915_EXEC_BLT)
		return;
	igt_describe("Breaks if a hang is not found, or takes other requests with it.");
	igt_subtest_f("a-spinning-batch-is-reset-and-others-go-on-on-%s", engine->name)
		test_heartbeat(guest->fd, engine);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, HEARTBEAT_MS);
	}

	vgpu_for_each_engine(e)
		subtests_of(&guest, e);

	igt_describe("Breaks if a reset of all engines does not complete.");
	igt_subtest("a-full-reset-ends-a-spinning-batch")
		test_full_reset(&guest);

	igt_describe("Breaks if the wrong context, or none, is held to account.");
	igt_subtest("a-context-that-hangs-again-is-banned")
		test_ban(guest.fd);

	igt_fixture {
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
}
