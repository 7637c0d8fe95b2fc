/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_CONTEXT_H_
#define _I915_VGPU_CONTEXT_H_

#include <linux/types.h>

#include "i915_vgpu_context_types.h"

struct intel_context;
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
void intel_vgpu_context_pin(struct intel_context *ce);
void intel_vgpu_context_unpin(struct intel_context *ce);
void intel_vgpu_context_destroy(struct intel_context *ce);

#endif /* _I915_VGPU_CONTEXT_H_ */
