/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_CONTEXT_H_
#define _I915_VGPU_CONTEXT_H_

#include <linux/types.h>

#include "gt/intel_context_types.h"
#include "i915_vgpu_context_types.h"

struct intel_engine_cs;
struct vgpu_channel;

void vgpu_context_create(struct vgpu_channel *channel, struct vgpu_context *ctx,
			 u32 engine, u32 image_size);
void vgpu_context_pin(struct vgpu_channel *channel, struct vgpu_context *ctx,
		      u32 lrca, u32 ring_start, u32 ring_size);
void vgpu_context_unpin_locked(struct vgpu_channel *channel, struct vgpu_context *ctx);
void vgpu_context_destroy(struct vgpu_channel *channel, struct vgpu_context *ctx);
void vgpu_contexts_announce(struct vgpu_channel *channel);

void intel_vgpu_context_create(struct intel_context *ce, struct intel_engine_cs *engine);
void __intel_vgpu_context_pin(struct intel_context *ce);
void __intel_vgpu_context_unpin(struct intel_context *ce);
void intel_vgpu_context_destroy(struct intel_context *ce);

/**
 * intel_vgpu_context_pin - a context can be submitted from now on
 * @ce: the context, active; its image is complete
 *
 * Does nothing without an id, see intel_vgpu_context_create(). Called for each submission to an
 * idle context, also on bare hardware: there, all that it takes is this look.
 */
static inline void intel_vgpu_context_pin(struct intel_context *ce)
{
	if (ce->vgpu.id)
		__intel_vgpu_context_pin(ce);
}

/**
 * intel_vgpu_context_unpin - a context retires
 * @ce: the context; its image is still pinned
 *
 * In any context. Does nothing without an id, see intel_vgpu_context_create().
 */
static inline void intel_vgpu_context_unpin(struct intel_context *ce)
{
	if (ce->vgpu.id)
		__intel_vgpu_context_unpin(ce);
}

#endif /* _I915_VGPU_CONTEXT_H_ */
