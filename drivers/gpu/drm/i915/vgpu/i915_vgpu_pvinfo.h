/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_PVINFO_H_
#define _I915_VGPU_PVINFO_H_

#include <linux/types.h>

/**
 * struct vgpu_pvinfo - how a mediator introduces itself, as it was read from the PVINFO page
 */
struct vgpu_pvinfo {
	/** @magic: tells a mediator from bare hardware */
	u64 magic;
	/** @version_major: meaningful only if @magic is right */
	u16 version_major;
	/** @version_minor: meaningful only if @magic is right */
	u16 version_minor;
	/** @caps: VGT_CAPS_*, meaningful only if @version_major is ours */
	u32 caps;
};

/**
 * enum vgpu_verdict - what a guest makes of a &struct vgpu_pvinfo
 * @VGPU_VERDICT_ZERO: the page reads as zero, as on bare hardware
 * @VGPU_VERDICT_ALL_ONES: the page reads as all ones, nobody answers there
 * @VGPU_VERDICT_FOREIGN: something is there, but it is no mediator
 * @VGPU_VERDICT_HOST_TOO_OLD: a mediator with a smaller major version
 * @VGPU_VERDICT_HOST_TOO_NEW: a mediator with a larger major version
 * @VGPU_VERDICT_LACKS_CAPS: a mediator without a capability that this GPU cannot do without
 * @VGPU_VERDICT_VGPU: a mediator that we can work with
 */
enum vgpu_verdict {
	VGPU_VERDICT_ZERO,
	VGPU_VERDICT_ALL_ONES,
	VGPU_VERDICT_FOREIGN,
	VGPU_VERDICT_HOST_TOO_OLD,
	VGPU_VERDICT_HOST_TOO_NEW,
	VGPU_VERDICT_LACKS_CAPS,
	VGPU_VERDICT_VGPU,
};

enum vgpu_verdict vgpu_pvinfo_check(const struct vgpu_pvinfo *pvinfo, u32 required_caps);
int vgpu_verdict_to_errno(enum vgpu_verdict verdict);
u32 vgpu_fence_bound(u32 offered, u32 hw);
int vgpu_caps_print(char *buf, size_t size, u32 caps);

#endif /* _I915_VGPU_PVINFO_H_ */
