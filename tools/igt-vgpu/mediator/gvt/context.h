/* SPDX-License-Identifier: MIT */
/*
 * The contexts that a guest told of through the channel. For the files of this folder only.
 */
#ifndef GVT_CONTEXT_H
#define GVT_CONTEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpu/gpu.h"
#include "i915_vgpu_channel_abi.h"

struct shadow;
struct vgpu;

/** struct context - a context by its id; all guarded by gvt->lock */
struct context {
	uint64_t id;
	bool pinned;			/* the rest is valid */
	enum gpu_engine_id engine;
	uint32_t lrca;			/* of its image */
	struct shadow *shadow;		/* NULL: did not run since it was pinned */
};

/** struct vgpu_contexts - all guarded by gvt->lock */
struct vgpu_contexts {
	GTree *by_id;			/* the id inside a struct context -> it, which it owns */
	/* GGTT page number -> whose pinned image, as far as it is shadowed, lies there */
	GHashTable *by_page;
};

void context_init(struct vgpu *vgpu);
void context_fini(struct vgpu *vgpu);
/* The channel is over. Images that run go on, and are written back. */
void context_forget_all(struct vgpu *vgpu);
/* The pinned context of this engine with its image at @lrca, NULL if there is none. */
struct context *context_find(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t lrca);
/* The guest wrote the GGTT entry of @page. */
void context_ggtt_changed(struct vgpu *vgpu, uint32_t page);
/* Nothing that is known of images of @engine holds any more: it was reset. */
void context_invalidate(struct vgpu *vgpu, enum gpu_engine_id engine);

/* Requests */
enum vgt_status context_create(struct vgpu *vgpu, const void *msg);
enum vgt_status context_pin(struct vgpu *vgpu, const void *msg);
enum vgt_status context_unpin(struct vgpu *vgpu, const void *msg);
enum vgt_status context_destroy(struct vgpu *vgpu, const void *msg);

#endif /* GVT_CONTEXT_H */
