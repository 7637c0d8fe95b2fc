/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_BALLOON_H_
#define _I915_VGPU_BALLOON_H_

#include <drm/drm_mm.h>

#include "i915_vgpu_partition.h"

/**
 * struct vgpu_balloon - the nodes that keep an allocator out of what belongs to others
 */
struct vgpu_balloon {
	/**
	 * @node: by &enum vgpu_balloon_id; allocated or all zero. They change only while the GGTT
	 * is set up, before anybody else can allocate from it, and while it is taken down. In
	 * between they are constant: reading them takes no lock.
	 */
	struct drm_mm_node node[VGPU_NUM_BALLOONS];
};

int vgpu_balloon_inflate(struct vgpu_balloon *balloon, struct drm_mm *mm,
			 const struct vgpu_partition *partition);
void vgpu_balloon_deflate(struct vgpu_balloon *balloon);
u64 vgpu_balloon_size(const struct vgpu_balloon *balloon);

#endif /* _I915_VGPU_BALLOON_H_ */
