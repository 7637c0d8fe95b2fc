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
	 * @node: by &enum vgpu_balloon_id; allocated or all zero. They are part of the allocator,
	 * so what guards it guards them: the mutex of the GGTT's address space.
	 */
	struct drm_mm_node node[VGPU_NUM_BALLOONS];
};

/*
 * Called before each reservation, to let it fail. Returns zero, or the error code that the
 * reservation shall fail with.
 */
typedef int (*vgpu_inject_fn)(void *data);

int vgpu_balloon_inflate(struct vgpu_balloon *balloon, struct drm_mm *mm,
			 const struct vgpu_partition *partition,
			 vgpu_inject_fn inject, void *data);
void vgpu_balloon_deflate(struct vgpu_balloon *balloon);
u64 vgpu_balloon_size(const struct vgpu_balloon *balloon);

#endif /* _I915_VGPU_BALLOON_H_ */
