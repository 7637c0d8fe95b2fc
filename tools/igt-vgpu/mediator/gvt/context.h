/* SPDX-License-Identifier: MIT */
/*
 * The contexts that a guest told of through the channel. For the files of this folder only.
 */
#ifndef GVT_CONTEXT_H
#define GVT_CONTEXT_H

#include "i915_vgpu_channel_abi.h"

struct vgpu;

/** struct vgpu_contexts - all guarded by gvt->lock */
struct vgpu_contexts {
	unsigned int count;
};

static inline void context_forget_all(struct vgpu *vgpu)
{
	(void)vgpu;
}

#endif /* GVT_CONTEXT_H */
