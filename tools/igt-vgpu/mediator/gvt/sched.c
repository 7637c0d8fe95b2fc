// SPDX-License-Identifier: MIT
/*
 * Who has which engine, and for how long: weighted fair queueing, engine by engine.
 *
 * Called with each submission (execlist.c), when an engine reported something (hw.c), when time has
 * passed (gvt.c) and by resets. Each vGPU has an account of the time that it had the engine, in
 * time of a vGPU of the largest weight: at half that weight, time counts double. The engine goes to
 * who has had least. Its owner keeps it until somebody else is owed a slice; then the owner's work
 * is parked as it stands, whatever it executes, and goes on when it is the one that has had least.
 *
 * Who comes in anew is owed one slice at most: idle time is not saved up. So a vGPU that wants less
 * than its share has the engine at once, and of those that want more each gets its share.
 *
 * GVT-g deals out time slices by weight as well (i915 gvt/sched_policy.c), but has to wait until
 * the hardware is done with what it was given, which for a batch that spins is never.
 */
#include "gvt_types.h"

/* GVT-g's timer has the same period. */
#define SLICE_NS		1000000

static struct vgpu *vgpu_of(struct gvt *gvt, unsigned int id)
{
	return atomic_load(&gvt->vgpu[id]);
}

bool sched_owns(const struct vgpu *vgpu, enum gpu_engine_id engine)
{
	return vgpu->gvt->engine[engine].owner == vgpu;
}

/* ---- accounts ---- */

void sched_account(struct gvt *gvt, enum gpu_engine_id e)
{
	struct gvt_engine *ge = &gvt->engine[e];
	uint64_t now = gvt->ops->now_ns(gvt->opaque), ns = now - ge->accounted_ns;
	struct vgpu *vgpu = ge->owner;

	ge->accounted_ns = now;
	if (!vgpu || !vgpu->engine[e].busy)
		return;
	vgpu->engine[e].vtime += ns * VGPU_MAX_WEIGHT / vgpu->weight;
	ge->vtime = vgpu->engine[e].vtime;
	stats_add(vgpu->stats, STATS_ENGINE_NS_0 + e, ns);
}

/* A slice on @vgpu's account. */
static int64_t slice(const struct vgpu *vgpu)
{
	return (int64_t)SLICE_NS * VGPU_MAX_WEIGHT / vgpu->weight;
}

static void come_in(struct vgpu *vgpu, enum gpu_engine_id e)
{
	int64_t begin = vgpu->gvt->engine[e].vtime - slice(vgpu);

	if (vgpu->engine[e].vtime < begin)
		vgpu->engine[e].vtime = begin;
}

/* ---- whose turn it is ---- */

/* Could it use the engine? Not if its stream halted, or its guest stopped the ring. */
static bool can_run(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint32_t base = hw_engine_base(e);

	if (engine->busy && sched_owns(vgpu, e))
		return !hw_read(vgpu->gvt, base + RING_ESR) &&
		       !(hw_read(vgpu->gvt, base + RING_MI_MODE) & STOP_RING);
	if (vreg_get(vgpu, base + RING_MI_MODE) & STOP_RING)
		return false;
	if (engine->busy)
		return !vreg_get(vgpu, base + RING_ESR);
	return engine->queued.valid && !engine->hung;
}

/* NULL: nobody wants it. *@contended: more than one can use it. */
static struct vgpu *choose(struct gvt *gvt, enum gpu_engine_id e, bool *contended)
{
	struct vgpu *owner = gvt->engine[e].owner, *best = NULL;
	unsigned int n, candidates = 0, first = owner ? owner->id : 0;
	bool owner_can = false;

	/* Round robin from behind the owner, for those that have had the same. */
	for (n = 0; n < GVT_MAX_VGPUS; n++) {
		struct vgpu *vgpu = vgpu_of(gvt, (first + n) % GVT_MAX_VGPUS + 1);

		if (!vgpu || !can_run(vgpu, e))
			continue;
		candidates++;
		owner_can |= vgpu == owner;
		if (!best || vgpu->engine[e].vtime < best->engine[e].vtime)
			best = vgpu;
	}
	*contended = candidates > 1;
	if (owner_can && best->engine[e].vtime + slice(best) > owner->engine[e].vtime)
		return owner;
	return best;
}

/* ---- changing hands ---- */

static void leave(struct gvt *gvt, enum gpu_engine_id e, struct vgpu *vgpu)
{
	/* What it reported is its own, the next owner must get nothing of it. */
	hw_drain_engine(gvt, e);
	sched_account(gvt, e);
	if (vgpu->engine[e].busy)
		stats_count(vgpu->stats, STATS_PREEMPTED_0 + e);
	execlist_park(vgpu, e);
	mmio_save(vgpu, e);
}

/* Wiped first, so that neither a register nor the state of a context leaks to the other guest. */
static void enter(struct gvt *gvt, enum gpu_engine_id e, struct vgpu *vgpu)
{
	atomic_store(&gvt->wiping, e);
	hw_engine_reset(gvt, e);
	atomic_store(&gvt->wiping, -1);
	execlist_unpark(vgpu, e);
	mmio_load(vgpu, e);
	hw_stop(gvt, e, vreg_get(vgpu, hw_engine_base(e) + RING_MI_MODE) & STOP_RING);
}

static void set_owner(struct gvt *gvt, enum gpu_engine_id e, struct vgpu *vgpu)
{
	struct gvt_engine *ge = &gvt->engine[e];

	if (ge->owner == vgpu)
		return;
	gpu_engine_hold(gvt->gpu, e);
	if (ge->owner)
		leave(gvt, e, ge->owner);
	ge->owner = vgpu;
	if (vgpu)
		enter(gvt, e, vgpu);
	gpu_engine_release(gvt->gpu, e);
}

/* Give the engine what @vgpu has queued. False: it was refused, and the engine is as before. */
static bool submit(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	struct vgpu_submission sub = engine->queued;
	const char *why = "";
	struct shadow *shadow;

	engine->queued.valid = false;
	shadow = execlist_prepare(vgpu, e, &sub, &why);
	if (!shadow) {
		execlist_refuse(vgpu, e, &sub, why);
		return false;
	}
	set_owner(vgpu->gvt, e, vgpu);
	hw_stop(vgpu->gvt, e, false);	/* its last context may have stopped it */
	execlist_start(vgpu, e, &sub, shadow);
	return true;
}

/** sched_run - something changed: the engine goes to whose turn it is, with what it submitted */
void sched_run(struct gvt *gvt, enum gpu_engine_id e)
{
	bool contended = false;
	struct vgpu *vgpu;

	sched_account(gvt, e);
	/* Each refusal takes one vGPU's submission away, so this ends. */
	while ((vgpu = choose(gvt, e, &contended))) {
		if (!vgpu->engine[e].busy) {
			if (submit(vgpu, e))
				break;
			continue;
		}
		set_owner(gvt, e, vgpu);
		if (execlist_is_more(&vgpu->engine[e]))
			submit(vgpu, e);
		break;
	}
	atomic_store(&gvt->engine[e].contended, contended);
}

void sched_tick(struct gvt *gvt, enum gpu_engine_id e)
{
	if (!atomic_load(&gvt->engine[e].contended))
		return;
	hw_drain_engine(gvt, e);
	sched_run(gvt, e);
}

void sched_wake(struct vgpu *vgpu, enum gpu_engine_id e)
{
	sched_account(vgpu->gvt, e);
	come_in(vgpu, e);
	sched_run(vgpu->gvt, e);
}

void sched_submit(struct vgpu *vgpu, enum gpu_engine_id e, const uint64_t desc[2])
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	if (engine->hung)
		return;
	/* First what the engine has to say, so that an event is not taken for this submission's. */
	hw_drain_engine(vgpu->gvt, e);
	sched_account(vgpu->gvt, e);
	if (!engine->busy && !engine->queued.valid)
		come_in(vgpu, e);
	engine->queued = (struct vgpu_submission){ .desc = { desc[0], desc[1] }, .valid = true };
	sched_run(vgpu->gvt, e);
}

void sched_evict(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt *gvt = vgpu->gvt;
	struct vgpu_engine *engine = &vgpu->engine[e];

	engine->queued.valid = false;
	engine->elsp_count = 0;
	/* Its guest's memory is not to be written any more. */
	if (engine->shadow)
		shadow_discard(engine->shadow, "its vGPU lost the engine");
	if (sched_owns(vgpu, e) && engine->busy)
		hw_engine_reset(gvt, e);
	execlist_abandon(vgpu, e);
	if (sched_owns(vgpu, e))
		set_owner(gvt, e, NULL);
	sched_run(gvt, e);
}
