// SPDX-License-Identifier: MIT
/*
 * Telling the mediator of the life of contexts.
 *
 * The lower half encodes and posts, and remembers which contexts are pinned; it knows no i915. The
 * upper half is what intel_lrc.c and intel_context.c call: it must not sleep, and not fail.
 */

#include <kunit/visibility.h>

#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/string.h>

#include "gt/intel_context.h"
#include "gt/intel_engine.h"
#include "gt/intel_ring.h"
#include "i915_drv.h"
#include "i915_pvinfo_abi.h"
#include "i915_vgpu_channel.h"
#include "i915_vgpu_context.h"

/**
 * DOC: vGPU context notification, the guest's side
 *
 * "vGPU context notification" has the messages. This is when they are sent:
 *
 * ======= =========================================================================================
 * Request Sent
 * ======= =========================================================================================
 * CREATE  by lrc_alloc(), when the context gets an image
 * PIN     by lrc_pin(), if the context is not pinned yet. The image is complete by then, and has
 *         its place; no request of the context can have been submitted
 * UNPIN   when the context retires: the GPU has saved the image for the last time, and it is still
 *         pinned
 * DESTROY by lrc_fini(), when the image goes away
 * ======= =========================================================================================
 *
 * A context that is not used any more is kept in the GGTT until it retires, and may be used again
 * before that: then there is neither an UNPIN nor another PIN. Nothing stays in the GGTT for the
 * mediator's sake, and nothing is ever waited for.
 *
 * The contexts that are pinned are on a list, so that a channel that is started anew can be told of
 * them. They are listed even if there is no channel at the time. Others are not announced: the
 * mediator hears of them when they are pinned, if ever. If more are pinned than a ring takes, it
 * hears of the others when they are pinned the next time, after they have retired: how many there
 * are is up to the clients, and how long a spinlock is held must not be.
 *
 * The kernel's own contexts are pinned for as long as the driver is loaded. Two things are done to
 * them nevertheless that the mediator may take no notice of: when an idle engine is used again, the
 * registers in their first two pages are reset, and are not restored (a driver with debugging first
 * overwrites the image); and the GGTT is cleared for suspend with the channel on: an UNPIN.
 * The reset that follows ends the channel, and on resume they are announced again.
 *
 * A context of several engines (a virtual engine) is not announced, see the ABI: its image is
 * rewritten while it is pinned, by virtual_xfer_context().
 */

static void told(struct vgpu_channel *channel, struct vgpu_context *ctx, int err)
{
	if (!err)
		ctx->told = channel->stats.starts;
}

static void post_pin(struct vgpu_channel *channel, struct vgpu_context *ctx)
{
	struct vgt_context_pin msg = {
		.id = ctx->id,
		.engine = ctx->engine,
		.image_size = ctx->image_size,
		.lrca = ctx->lrca,
		.ring_start = ctx->ring_start,
		.ring_size = ctx->ring_size,
	};

	told(channel, ctx, vgpu_channel_post_locked(channel, VGPU_REQUEST_CONTEXT_PIN, &msg.msg,
						    sizeof(msg)));
}

static void post_ref(struct vgpu_channel *channel, enum vgpu_request request, u64 id)
{
	struct vgt_context_ref msg = { .id = id };

	vgpu_channel_post_locked(channel, request, &msg.msg, sizeof(msg));
}

/**
 * vgpu_context_create - a context has an image
 * @channel: the channel, in any state
 * @ctx: the context, all zero
 * @engine: class and instance, as the ABI has it
 * @image_size: bytes
 */
void vgpu_context_create(struct vgpu_channel *channel, struct vgpu_context *ctx,
			 u32 engine, u32 image_size)
{
	struct vgt_context_create msg = { .engine = engine, .image_size = image_size };
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);

	/* 64 bits: even if one were created each nanosecond, they last for centuries. */
	ctx->id = ++channel->last_context;
	ctx->engine = engine;
	ctx->image_size = image_size;

	msg.id = ctx->id;
	told(channel, ctx, vgpu_channel_post_locked(channel, VGPU_REQUEST_CONTEXT_CREATE, &msg.msg,
						    sizeof(msg)));

	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_context_create);

/**
 * vgpu_context_pin - a context can be submitted from now on
 * @channel: the channel, in any state
 * @ctx: the context; nothing happens if it is pinned already
 * @lrca: where its image is, bytes
 * @ring_start: where its ring buffer is, bytes
 * @ring_size: bytes
 */
void vgpu_context_pin(struct vgpu_channel *channel, struct vgpu_context *ctx,
		      u32 lrca, u32 ring_start, u32 ring_size)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);

	if (!ctx->pinned) {
		ctx->lrca = lrca;
		ctx->ring_start = ring_start;
		ctx->ring_size = ring_size;
		ctx->pinned = true;
		list_add_tail(&ctx->link, &channel->pinned);
		post_pin(channel, ctx);
	}

	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_context_pin);

/**
 * vgpu_context_unpin_locked - the GPU does not use a context any more
 * @channel: the channel, in any state; its lock is held
 * @ctx: the context; nothing happens if it is not pinned
 */
void vgpu_context_unpin_locked(struct vgpu_channel *channel, struct vgpu_context *ctx)
{
	lockdep_assert_held(&channel->lock);

	if (!ctx->pinned)
		return;

	list_del(&ctx->link);
	ctx->pinned = false;
	if (ctx->told == channel->stats.starts)
		post_ref(channel, VGPU_REQUEST_CONTEXT_UNPIN, ctx->id);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_context_unpin_locked);

/**
 * vgpu_context_destroy - a context goes away
 * @channel: the channel, in any state
 * @ctx: the context, all zero afterwards
 */
void vgpu_context_destroy(struct vgpu_channel *channel, struct vgpu_context *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	vgpu_context_unpin_locked(channel, ctx);
	if (ctx->told == channel->stats.starts)
		post_ref(channel, VGPU_REQUEST_CONTEXT_DESTROY, ctx->id);
	memset(ctx, 0, sizeof(*ctx));
	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_context_destroy);

/**
 * vgpu_contexts_announce - tell a mediator that knows nothing of the contexts that are pinned
 * @channel: the channel, which was just started, so that its ring is empty; its lock is held
 *
 * As many as the ring takes without a doorbell, those first that were pinned first: the kernel's
 * own are among them.
 */
void vgpu_contexts_announce(struct vgpu_channel *channel)
{
	u32 room = (channel->request.size - 1) * sizeof(u32) / sizeof(struct vgt_context_pin);
	struct vgpu_context *ctx;

	lockdep_assert_held(&channel->lock);

	list_for_each_entry(ctx, &channel->pinned, link) {
		if (!room-- || !vgpu_channel_has(channel, VGT_FEATURE_CONTEXT))
			break;

		post_pin(channel, ctx);
	}
}

/* As in the uAPI; engine->uabi_class is not known yet when the first contexts are made. */
static u32 engine_class(const struct intel_engine_cs *engine)
{
	switch (engine->class) {
	case RENDER_CLASS:
		return I915_ENGINE_CLASS_RENDER;
	case COPY_ENGINE_CLASS:
		return I915_ENGINE_CLASS_COPY;
	case VIDEO_DECODE_CLASS:
		return I915_ENGINE_CLASS_VIDEO;
	case VIDEO_ENHANCEMENT_CLASS:
		return I915_ENGINE_CLASS_VIDEO_ENHANCE;
	default:
		MISSING_CASE(engine->class);
		return VGT_ENGINE_CLASS;
	}
}

static struct vgpu_channel *channel_of(const struct intel_context *ce)
{
	return ce->engine->i915->vgpu.channel;
}

/**
 * intel_vgpu_context_create - a context has an image
 * @ce: the context
 * @engine: its engine; if it has several, one of them
 *
 * Does nothing if there is no channel, or if the context has several engines.
 */
void intel_vgpu_context_create(struct intel_context *ce, struct intel_engine_cs *engine)
{
	struct vgpu_channel *channel = channel_of(ce);

	if (!channel || intel_engine_is_virtual(ce->engine))
		return;

	vgpu_context_create(channel, &ce->vgpu,
			    engine_class(engine) |
			    engine->instance << VGT_ENGINE_INSTANCE_SHIFT,
			    round_up(engine->context_size, I915_GTT_PAGE_SIZE));
}

/**
 * __intel_vgpu_context_pin - intel_vgpu_context_pin() of a context that had a channel
 * @ce: the context
 *
 * Does nothing if there is no channel any more.
 */
void __intel_vgpu_context_pin(struct intel_context *ce)
{
	struct vgpu_channel *channel = channel_of(ce);

	if (channel)
		vgpu_context_pin(channel, &ce->vgpu, i915_ggtt_offset(ce->state),
				 i915_ggtt_offset(ce->ring->vma), ce->ring->size);
}

/**
 * __intel_vgpu_context_unpin - intel_vgpu_context_unpin() of a context that had a channel
 * @ce: the context
 *
 * In any context. Does nothing if there is no channel any more.
 *
 * A context that retires may have become active again before this is called: i915_active calls back
 * without a lock. Then it stays pinned, and retires once more. Who makes it active again counts
 * that before it calls intel_vgpu_context_pin(), so that under the lock, either we see that it is
 * active, or that function sees that it is not pinned any more.
 */
void __intel_vgpu_context_unpin(struct intel_context *ce)
{
	struct vgpu_channel *channel = channel_of(ce);
	unsigned long flags;

	if (!channel)
		return;

	spin_lock_irqsave(&channel->lock, flags);
	if (i915_active_is_idle(&ce->active))
		vgpu_context_unpin_locked(channel, &ce->vgpu);
	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(__intel_vgpu_context_unpin);

/**
 * intel_vgpu_context_destroy - the image of a context goes away
 * @ce: the context, not active
 *
 * Does nothing if there is no channel.
 */
void intel_vgpu_context_destroy(struct intel_context *ce)
{
	struct vgpu_channel *channel = channel_of(ce);

	if (channel && ce->vgpu.id)
		vgpu_context_destroy(channel, &ce->vgpu);
}
