// SPDX-License-Identifier: MIT
/*
 * Whether fences are set as the ABI has it, and whether the caller knows when they are not.
 */

#include <kunit/test.h>

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/sizes.h>

#include <drm/i915_drm.h>

#include "../i915_pvinfo_abi.h"
#include "../i915_vgpu_fence.h"
#include "i915_vgpu_mock_host.h"
#include "i915_vgpu_tests.h"

static int fence_test_init(struct kunit *test)
{
	struct mock_host *host = mock_host_create(test);

	test->priv = host;
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	return 0;
}

struct fence_param {
	const char *name;
	struct vgpu_fence fence;
	struct vgt_fence_set msg;
};

static const struct fence_param fences[] = {
	{ "X tiling, the first fence, the first byte",
	  { 0, I915_TILING_X, 512, 0, SZ_4K },
	  { .index = 0, .tiling = VGT_TILING_X, .stride = 512, .start = 0, .end = SZ_4K } },
	{ "Y tiling, the last fence",
	  { 31, I915_TILING_Y, 128, SZ_64M, SZ_1M },
	  { .index = 31, .tiling = VGT_TILING_Y, .stride = 128, .start = SZ_64M,
	    .end = SZ_64M + SZ_1M } },
	{ "the longest stride",
	  { 3, I915_TILING_Y, SZ_256K, SZ_128M, SZ_16M },
	  { .index = 3, .tiling = VGT_TILING_Y, .stride = SZ_256K, .start = SZ_128M,
	    .end = SZ_128M + SZ_16M } },
	{ "up to the last byte of 4 GiB",
	  { 4, I915_TILING_X, 4096, SZ_2G, SZ_2G },
	  { .index = 4, .tiling = VGT_TILING_X, .stride = 4096, .start = SZ_2G, .end = SZ_4G } },
	{ "no tiling, and nothing else is said",
	  { 5, I915_TILING_NONE, 4096, SZ_1M, SZ_1M },
	  { .index = 5, .tiling = VGT_TILING_NONE } },
	{ "a tiling that is none is no tiling",
	  { 6, 7, 4096, SZ_1M, SZ_1M },
	  { .index = 6, .tiling = VGT_TILING_NONE } },
};

KUNIT_ARRAY_PARAM_DESC(fence, fences, name);

static void a_fence_is_one_request_and_one_trap(struct kunit *test)
{
	const struct fence_param *param = test->param_value;
	const size_t header = sizeof(struct vgt_msg);
	struct mock_host *host = test->priv;
	const u8 *msg = (const u8 *)host->log[0].msg;

	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &param->fence), 0);
	KUNIT_EXPECT_EQ(test, host->doorbells, 1);
	KUNIT_ASSERT_EQ(test, host->num_log, 1);
	KUNIT_EXPECT_EQ(test, host->log[0].msg[0],
			VGT_ACTION_FENCE_SET << 16 | VGT_MSG_SYNC | 10);
	KUNIT_EXPECT_MEMEQ(test, msg + header, (const u8 *)&param->msg + header,
			   sizeof(param->msg) - header);
}

static void a_fence_beyond_all_is_not_asked_for(struct kunit *test)
{
	static const struct vgpu_fence fence = { VGPU_MAX_FENCES, I915_TILING_X, 512, 0, SZ_4K };
	struct mock_host *host = test->priv;

	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &fence), -EINVAL);
	KUNIT_EXPECT_EQ(test, host->num_log, 0);
}

static void get_fence(void *data, u32 i, struct vgpu_fence *fence)
{
	*fence = (struct vgpu_fence) {
		i, i % 2 ? I915_TILING_X : I915_TILING_NONE, 512, i * SZ_1M, SZ_1M
	};
}

static void all_fences_are_one_trap(struct kunit *test)
{
	struct mock_host *host = test->priv;
	u32 count, i;

	for (count = 1; count <= VGPU_MAX_FENCES; count++) {
		host->num_log = 0;
		host->doorbells = 0;
		KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, count, get_fence, NULL), 0);
		KUNIT_EXPECT_EQ(test, host->doorbells, 1);
		KUNIT_ASSERT_EQ(test, host->num_log, count);
		for (i = 0; i < count; i++)
			KUNIT_EXPECT_EQ(test, host->log[i].msg[6], i);
	}
}

static void who_is_refused_is_told(struct kunit *test)
{
	static const struct vgpu_fence fence = { 1, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;

	host->status = VGT_STATUS_BAD_VALUE;
	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &fence), -EIO);
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), -EIO);

	/* Only this once: the next ones are fine. */
	host->status = VGT_STATUS_OK;
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), 0);
}

/* The failure of one that was posted must not be missed. */
static void a_refusal_amid_many_is_told(struct kunit *test)
{
	static const struct vgpu_fence bad = { 1, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;
	struct vgt_fence_set msg = { .index = bad.index };

	/* One that fails while the next ones are still to be posted */
	host->status = VGT_STATUS_BAD_VALUE;
	KUNIT_EXPECT_EQ(test, vgpu_channel_post(&host->channel, VGPU_REQUEST_FENCE_SET, &msg.msg,
						sizeof(msg)), 0);
	mock_host_drain(host);
	host->status = VGT_STATUS_OK;
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), -EIO);
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), 0);
}

static void without_a_channel_the_caller_is_told(struct kunit *test)
{
	static const struct vgpu_fence fence = { 1, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;

	mock_host_reset(host);
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), -ENODEV);
	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &fence), -ENODEV);
	KUNIT_EXPECT_EQ(test, vgpu_fences_set(&host->channel, 8, get_fence, NULL), -ENODEV);
}

static void what_is_left_is_cleared(struct kunit *test)
{
	static const struct vgpu_fence set[] = {
		{ 1, I915_TILING_X, 512, SZ_1M, SZ_1M },
		{ 31, I915_TILING_Y, 512, SZ_2M, SZ_1M },
		{ 4, I915_TILING_X, 512, SZ_4M, SZ_1M },
		{ 4, I915_TILING_NONE },
	};
	struct mock_host *host = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(set); i++)
		KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set[i]), 0);

	host->num_log = 0;
	vgpu_fences_clear(&host->channel);
	vgpu_channel_stop(&host->channel);
	KUNIT_ASSERT_EQ(test, host->num_log, 2);
	KUNIT_EXPECT_EQ(test, host->log[0].msg[6], 1);
	KUNIT_EXPECT_EQ(test, host->log[0].msg[7], VGT_TILING_NONE);
	KUNIT_EXPECT_EQ(test, host->log[1].msg[6], 31);
	KUNIT_EXPECT_EQ(test, host->log[1].msg[7], VGT_TILING_NONE);
}

/* The driver resets the GPU when it is unloaded, and fences do not go away with that. */
static void what_is_left_is_cleared_even_after_a_reset(struct kunit *test)
{
	static const struct vgpu_fence set = { 1, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;

	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set), 0);
	mock_host_reset(host);
	host->num_log = 0;
	vgpu_fences_clear(&host->channel);
	vgpu_channel_stop(&host->channel);
	KUNIT_ASSERT_EQ(test, host->num_log, 1);
	KUNIT_EXPECT_EQ(test, host->log[0].msg[6], 1);
	KUNIT_EXPECT_EQ(test, host->log[0].msg[7], VGT_TILING_NONE);
}

static void what_cannot_be_cleared_by_request_is_left_to_the_caller(struct kunit *test)
{
	static const struct vgpu_fence set = { 3, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;

	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set), 0);
	mock_host_reset(host);
	host->willing = VGT_FEATURE_CONTEXT;
	vgpu_fences_clear(&host->channel);
	KUNIT_EXPECT_TRUE(test, test_bit(3, host->channel.fences));
	KUNIT_EXPECT_EQ(test, bitmap_weight(host->channel.fences, VGPU_MAX_FENCES), 1);
}

static void what_was_never_asked_for_is_not_left(struct kunit *test)
{
	static const struct vgpu_fence set = { 3, I915_TILING_X, 512, SZ_1M, SZ_1M };
	struct mock_host *host = test->priv;

	mock_host_reset(host);
	host->willing = VGT_FEATURE_CONTEXT;
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set), -ENODEV);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(host->channel.fences, VGPU_MAX_FENCES));
}

/* Who is told that a fence was not cleared clears it: then nothing is left of it. */
static void what_the_caller_has_cleared_is_not_left(struct kunit *test)
{
	static const struct vgpu_fence set[] = {
		{ 1, I915_TILING_X, 512, SZ_1M, SZ_1M },
		{ 1, I915_TILING_NONE },
	};
	struct mock_host *host = test->priv;

	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set[0]), 0);
	mock_host_reset(host);
	KUNIT_EXPECT_EQ(test, vgpu_fence_set(&host->channel, &set[1]), -ENODEV);
	host->num_log = 0;
	vgpu_fences_clear(&host->channel);
	KUNIT_EXPECT_EQ(test, host->num_log, 0);
	KUNIT_EXPECT_EQ(test, host->starts, 1);
}

static struct kunit_case fence_cases[] = {
	KUNIT_CASE_PARAM(a_fence_is_one_request_and_one_trap, fence_gen_params),
	KUNIT_CASE(a_fence_beyond_all_is_not_asked_for),
	KUNIT_CASE(all_fences_are_one_trap),
	KUNIT_CASE(who_is_refused_is_told),
	KUNIT_CASE(a_refusal_amid_many_is_told),
	KUNIT_CASE(without_a_channel_the_caller_is_told),
	KUNIT_CASE(what_is_left_is_cleared),
	KUNIT_CASE(what_is_left_is_cleared_even_after_a_reset),
	KUNIT_CASE(what_cannot_be_cleared_by_request_is_left_to_the_caller),
	KUNIT_CASE(what_was_never_asked_for_is_not_left),
	KUNIT_CASE(what_the_caller_has_cleared_is_not_left),
	{}
};

struct kunit_suite i915_vgpu_fence_suite = {
	.name = "i915_vgpu_fence",
	.init = fence_test_init,
	.test_cases = fence_cases,
};
