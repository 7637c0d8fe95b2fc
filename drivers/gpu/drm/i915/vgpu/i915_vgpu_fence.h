/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_FENCE_H_
#define _I915_VGPU_FENCE_H_

#include <linux/types.h>

struct drm_i915_private;
struct i915_fence_reg;
struct i915_ggtt;
struct vgpu_channel;

/**
 * struct vgpu_fence - what is to be in a fence register
 */
struct vgpu_fence {
	/** @index: which register */
	u32 index;
	/** @tiling: I915_TILING_*; with NONE, what follows means nothing */
	u32 tiling;
	/** @stride: bytes */
	u32 stride;
	/** @start: first byte in the GGTT */
	u64 start;
	/** @size: bytes */
	u64 size;
};

int vgpu_fence_set(struct vgpu_channel *channel, const struct vgpu_fence *fence);
int vgpu_fences_set(struct vgpu_channel *channel, u32 count,
		    void (*get)(void *data, u32 i, struct vgpu_fence *fence), void *data);
void vgpu_fences_clear(struct vgpu_channel *channel);

bool __intel_vgpu_fence_write(struct vgpu_channel *channel, const struct i915_fence_reg *fence);
bool intel_vgpu_fences_restore(struct i915_ggtt *ggtt);
void intel_vgpu_fences_clear(struct drm_i915_private *i915);

/**
 * intel_vgpu_fence_write - set or clear a fence
 * @channel: the device's channel, NULL if it has none
 * @fence: the fence; the device is awake
 *
 * May sleep.
 *
 * Return: true if that is in effect, false if the register must be written; as on bare hardware.
 */
static inline bool intel_vgpu_fence_write(struct vgpu_channel *channel,
					  const struct i915_fence_reg *fence)
{
	return channel && __intel_vgpu_fence_write(channel, fence);
}

#endif /* _I915_VGPU_FENCE_H_ */
