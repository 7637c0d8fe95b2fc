/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_CONTEXT_TYPES_H_
#define _I915_VGPU_CONTEXT_TYPES_H_

#include <linux/list.h>
#include <linux/types.h>

/**
 * struct vgpu_context - what the mediator is told of a context
 *
 * All zero if it is told nothing: there is no channel.
 */
struct vgpu_context {
	/** @link: among the pinned ones of the channel; under its lock, as all but @id */
	struct list_head link;
	/** @id: never used for another context of the device; constant while the image exists */
	u64 id;
	/** @engine: class and instance, as the ABI has it */
	u32 engine;
	/** @image_size: bytes */
	u32 image_size;
	/** @lrca: where the image is pinned in the GGTT, bytes */
	u32 lrca;
	/** @ring_start: where the ring buffer is pinned in the GGTT, bytes */
	u32 ring_start;
	/** @ring_size: bytes */
	u32 ring_size;
	/** @told: number of the start of the channel that the mediator was told in; 0: never */
	u64 told;
	/** @pinned: it is; the mediator knows, or will when the channel is started */
	bool pinned;
};

#endif /* _I915_VGPU_CONTEXT_TYPES_H_ */
