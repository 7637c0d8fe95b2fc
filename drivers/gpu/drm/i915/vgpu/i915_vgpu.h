/* SPDX-License-Identifier: MIT */
/*
 * Copyright(c) 2011-2015 Intel Corporation. All rights reserved.
 */

#ifndef _I915_VGPU_H_
#define _I915_VGPU_H_

#include <linux/types.h>

struct drm_i915_private;
struct i915_ggtt;
struct i915_ppgtt;

int intel_vgpu_detect(struct drm_i915_private *i915);
bool intel_vgpu_active(struct drm_i915_private *i915);
void intel_vgpu_register(struct drm_i915_private *i915);
u32 intel_vgpu_num_fences(struct drm_i915_private *i915, u32 hw);
bool intel_vgpu_has_huge_gtt(struct drm_i915_private *i915);
bool intel_vgpu_has_channel(struct drm_i915_private *i915);

int intel_vgpu_balloon(struct i915_ggtt *ggtt);
void intel_vgpu_deballoon(struct i915_ggtt *ggtt);

void intel_vgpu_ppgtt_create(struct i915_ppgtt *ppgtt);
void intel_vgpu_ppgtt_destroy(struct i915_ppgtt *ppgtt);

void intel_vgpu_channel_init(struct drm_i915_private *i915);
void intel_vgpu_channel_restart(struct drm_i915_private *i915);
void intel_vgpu_channel_shutdown(struct drm_i915_private *i915);
void intel_vgpu_channel_fini(struct drm_i915_private *i915);

#endif /* _I915_VGPU_H_ */
