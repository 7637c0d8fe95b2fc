// SPDX-License-Identifier: MIT
/*
 * Setting fence registers by request.
 *
 * intel_ggtt_fencing.c asks here first, and writes the registers itself if that was not done: each
 * function says so. The lower half encodes and sends; it knows no i915.
 */

#include <kunit/visibility.h>

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/string.h>

#include <drm/i915_drm.h>

#include "gt/intel_ggtt_fencing.h"
#include "gt/intel_gtt.h"
#include "i915_drv.h"
#include "i915_pvinfo_abi.h"
#include "i915_reg.h"
#include "i915_vgpu_channel.h"
#include "i915_vgpu_fence.h"

/**
 * DOC: vGPU fences
 *
 * To set a fence register takes three writes and two reads, each of them a trap. With
 * %VGT_FEATURE_FENCE it is one request, and one trap: the fence must be in effect before the
 * aperture is used again, so the request is synchronous. To restore all of them takes one trap as
 * well: all but the last are posted.
 *
 * If the mediator refuses a fence, or does not answer, the registers are written. Which way a fence
 * was set does not matter for how it is changed.
 *
 * When the driver is unloaded, what it has set by request and has not cleared since is cleared, or
 * cleared once more if that was part of a restore. As a rule, that is nothing: a fence is cleared
 * with the last object that has it.
 */

static u32 abi_tiling(u32 tiling)
{
	switch (tiling) {
	case I915_TILING_X:
		return VGT_TILING_X;
	case I915_TILING_Y:
		return VGT_TILING_Y;
	default:
		return VGT_TILING_NONE;
	}
}

static void encode(struct vgt_fence_set *msg, const struct vgpu_fence *fence)
{
	memset(msg, 0, sizeof(*msg));
	msg->index = fence->index;
	msg->tiling = abi_tiling(fence->tiling);
	if (msg->tiling == VGT_TILING_NONE)
		return;

	msg->start = fence->start;
	msg->end = fence->start + fence->size;
	msg->stride = fence->stride;
}

/* Before a request that sets a fence: it is cleared even if nobody knows whether it was set. */
static void remember(struct vgpu_channel *channel, const struct vgt_fence_set *msg)
{
	if (msg->tiling != VGT_TILING_NONE && vgpu_channel_has(channel, VGT_FEATURE_FENCE))
		set_bit(msg->index, channel->fences);
}

/* After one that clears it: if that has failed, the caller clears it by writing the register. */
static void forget(struct vgpu_channel *channel, const struct vgt_fence_set *msg)
{
	if (msg->tiling == VGT_TILING_NONE)
		clear_bit(msg->index, channel->fences);
}

/**
 * vgpu_fence_set - set or clear a fence, and wait until that is in effect
 * @channel: the channel; the device is awake
 * @fence: the fence
 *
 * May sleep.
 *
 * Return: zero, or a negative error code: the register must be written.
 */
int vgpu_fence_set(struct vgpu_channel *channel, const struct vgpu_fence *fence)
{
	struct vgt_fence_set msg;
	int err;

	if (fence->index >= VGPU_MAX_FENCES)
		return -EINVAL;

	encode(&msg, fence);
	remember(channel, &msg);
	err = vgpu_channel_sync(channel, VGPU_REQUEST_FENCE_SET, &msg.msg, sizeof(msg));
	forget(channel, &msg);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_fence_set);

static u64 failed(struct vgpu_channel *channel)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&channel->lock, flags);
	count = channel->stats.failed;
	spin_unlock_irqrestore(&channel->lock, flags);
	return count;
}

/**
 * vgpu_fences_set - set or clear many fences, and wait until that is in effect
 * @channel: the channel; the device is awake
 * @count: how many, at least one
 * @get: says what shall be in the fence of a number below @count
 * @data: passed to @get
 *
 * May sleep.
 *
 * Return: zero, or a negative error code: all fences must be set one by one, for it is not known
 * which of them were.
 */
int vgpu_fences_set(struct vgpu_channel *channel, u32 count,
		    void (*get)(void *data, u32 i, struct vgpu_fence *fence), void *data)
{
	u64 before = failed(channel);
	struct vgt_fence_set msg;
	struct vgpu_fence fence;
	u32 i;
	int err;

	for (i = 0; i < count - 1; i++) {
		get(data, i, &fence);
		if (fence.index >= VGPU_MAX_FENCES)
			return -EINVAL;

		encode(&msg, &fence);
		remember(channel, &msg);
		err = vgpu_channel_post(channel, VGPU_REQUEST_FENCE_SET, &msg.msg, sizeof(msg));
		if (err)
			return err;
	}

	/* When this one was executed all of them were. */
	get(data, i, &fence);
	err = vgpu_fence_set(channel, &fence);
	if (err)
		return err;

	/* It may have been a request of somebody else that has failed, then this is for nothing. */
	return failed(channel) == before ? 0 : -EIO;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_fences_set);

/**
 * vgpu_fences_clear - clear what was set by request and has not been cleared since
 * @channel: the channel, which is about to be stopped: that has the requests executed
 *
 * The device must be awake. The fences that are in @channel->fences afterwards could not be cleared
 * by request: their registers must be written.
 */
void vgpu_fences_clear(struct vgpu_channel *channel)
{
	unsigned int i;

	if (bitmap_empty(channel->fences, VGPU_MAX_FENCES))
		return;

	/* On its way out, the driver resets the GPU, which has ended the channel but no fence. */
	vgpu_channel_start(channel);
	for_each_set_bit(i, channel->fences, VGPU_MAX_FENCES) {
		struct vgt_fence_set msg = { .index = i };

		if (!vgpu_channel_post(channel, VGPU_REQUEST_FENCE_SET, &msg.msg, sizeof(msg)))
			clear_bit(i, channel->fences);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_fences_clear);

static void describe(struct vgpu_fence *to, const struct i915_fence_reg *fence)
{
	to->index = fence->id;
	to->tiling = fence->tiling;
	to->stride = fence->stride;
	to->start = fence->start;
	to->size = fence->size;
}

/**
 * __intel_vgpu_fence_write - intel_vgpu_fence_write() of a device that has a channel
 * @channel: its channel
 * @fence: the fence
 *
 * Return: true if that is in effect, false if the register must be written.
 */
bool __intel_vgpu_fence_write(struct vgpu_channel *channel, const struct i915_fence_reg *fence)
{
	struct vgpu_fence set;

	describe(&set, fence);
	return !vgpu_fence_set(channel, &set);
}

static void get_fence(void *data, u32 i, struct vgpu_fence *fence)
{
	const struct i915_ggtt *ggtt = data;

	describe(fence, &ggtt->fence_regs[i]);
}

/**
 * intel_vgpu_fences_restore - set or clear all fences
 * @ggtt: whose fences; the device is awake
 *
 * May sleep.
 *
 * Return: true if that is in effect, false if all fences must be set one by one; as on bare
 * hardware.
 */
bool intel_vgpu_fences_restore(struct i915_ggtt *ggtt)
{
	struct vgpu_channel *channel = ggtt->vm.i915->vgpu.channel;

	if (!ggtt->num_fences || !vgpu_channel_has(channel, VGT_FEATURE_FENCE))
		return false;

	return !vgpu_fences_set(channel, ggtt->num_fences, get_fence, ggtt);
}

/**
 * intel_vgpu_fences_clear - clear what was set by request and has not been cleared since
 * @i915: a device that has a channel, which is about to be stopped; awake
 */
void intel_vgpu_fences_clear(struct drm_i915_private *i915)
{
	struct vgpu_channel *channel = i915->vgpu.channel;
	unsigned int i;

	vgpu_fences_clear(channel);

	/* The channel has been turned off: as if there had never been one. */
	for_each_set_bit(i, channel->fences, VGPU_MAX_FENCES) {
		intel_uncore_write(&i915->uncore, FENCE_REG_GEN6_LO(i), 0);
		clear_bit(i, channel->fences);
	}
}
