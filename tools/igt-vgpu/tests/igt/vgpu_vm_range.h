/* SPDX-License-Identifier: MIT */
/*
 * The uAPI of range mirroring (SVM) for who builds against an older <i915_drm.h>: a copy of what
 * the series adds to include/uapi/drm/i915_drm.h, where each field and errno is explained. A header
 * that has it already wins.
 */
#ifndef VGPU_VM_RANGE_H
#define VGPU_VM_RANGE_H

#include <i915_drm.h>

#ifndef I915_PARAM_HAS_VM_BIND
#define I915_PARAM_HAS_VM_BIND		60

#define DRM_I915_GEM_VM_BIND		0x40
#define DRM_IOCTL_I915_GEM_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_I915_GEM_VM_BIND, struct drm_i915_gem_vm_range)

struct drm_i915_gem_vm_range {
	__u32 vm_id;
	__u32 op;
#define I915_VM_RANGE_BIND_MEMORY	1
#define I915_VM_RANGE_BIND_OBJECT	2
#define I915_VM_RANGE_UNBIND		3
	__u64 address;
	__u64 length;
	__u64 flags;
#define I915_VM_RANGE_READONLY		(1ull << 0)
	__u32 handle;
	__u32 rsvd;
	__u64 offset;
	__u64 extensions;
};
#endif

#endif /* VGPU_VM_RANGE_H */
