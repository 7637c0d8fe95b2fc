/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_DEBUGFS_H_
#define _I915_VGPU_DEBUGFS_H_

struct drm_i915_private;

void intel_vgpu_debugfs_register(struct drm_i915_private *i915);

#endif /* _I915_VGPU_DEBUGFS_H_ */
