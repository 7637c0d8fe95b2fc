// SPDX-License-Identifier: MIT
/*
 * Who has which engine.
 *
 * Called with each submission (execlist.c), when an engine reported something (hw.c) and by resets.
 * An engine belongs to one vGPU at a time. While nobody else waits, more of the context that runs
 * goes to the hardware at once (a lite restore) and all else as soon as the engine is idle; when
 * someone does, the owner's next submission waits until its turn has come again: round robin, engine
 * by engine. So two clients of one guest pay nothing, and two guests alternate by submission.
 *
 * A guest's batches run with arbitration off (i915 gen8_emit_bb_start_noarb(): a vGPU has no
 * preemption), so that time slices could end between requests only; owner_may_go_on() would be the
 * place. But an owner that hangs, or runs on and on, does not keep the others waiting:
 * sched_tick().
 */
#include "gvt_types.h"

/* Less than a driver waits before it believes in a hang (i915: some 10 s of missed heartbeats). */
#define PATIENCE_NS		5000000000ull

static struct vgpu *vgpu_of(struct gvt *gvt, unsigned int id)
{
	return atomic_load(&gvt->vgpu[id]);
}

bool sched_owns(const struct vgpu *vgpu, enum gpu_engine_id engine)
{
	return vgpu->gvt->engine[engine].owner == vgpu;
}

static bool waits(struct vgpu *vgpu, enum gpu_engine_id engine)
{
	return vgpu && vgpu->engine[engine].queued.valid;
}

/* While the engine runs its owner's contexts: does the owner's next submission go to it at once? */
static bool owner_may_go_on(struct gvt *gvt, enum gpu_engine_id engine)
{
	unsigned int id;

	for (id = 1; id <= GVT_MAX_VGPUS; id++) {
		struct vgpu *other = vgpu_of(gvt, id);

		if (other != gvt->engine[engine].owner && waits(other, engine))
			return false;
	}
	return true;
}

/* Whose turn it is on an idle engine: the next one after the owner that waits, the owner last. */
static struct vgpu *next_of(struct gvt *gvt, enum gpu_engine_id engine)
{
	unsigned int owner = gvt->engine[engine].owner ? gvt->engine[engine].owner->id :
							 GVT_MAX_VGPUS;
	unsigned int n;

	for (n = 0; n < GVT_MAX_VGPUS; n++) {
		struct vgpu *vgpu = vgpu_of(gvt, (owner + n) % GVT_MAX_VGPUS + 1);

		if (waits(vgpu, engine))
			return vgpu;
	}
	return NULL;
}

/*
 * The engine is idle, or will be reset. Between two owners it is wiped, so that neither a register
 * nor the state of a context leaks from one guest to the other.
 */
static void set_owner(struct gvt *gvt, enum gpu_engine_id engine, struct vgpu *vgpu)
{
	struct gvt_engine *ge = &gvt->engine[engine];

	if (ge->owner != vgpu) {
		if (ge->owner)
			mmio_save(ge->owner, engine);
		ge->owner = vgpu;
		if (!vgpu)
			return;
		atomic_store(&gvt->wiping, engine);
		hw_engine_reset(gvt, engine);
		atomic_store(&gvt->wiping, -1);
		mmio_load(vgpu, engine);
	}
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
	hw_stop(vgpu->gvt, e, vreg_get(vgpu, hw_engine_base(e) + RING_MI_MODE) & STOP_RING);
	execlist_start(vgpu, e, &sub, shadow);
	return true;
}

/*
 * Somebody else than the owner waits from now on, or no longer does. An engine that stands still by
 * itself has nothing to run for: it is woken, so that gvt_engine_run() watches it.
 */
static void set_contended(struct gvt *gvt, enum gpu_engine_id engine, bool contended)
{
	struct gvt_engine *ge = &gvt->engine[engine];

	if (atomic_exchange(&ge->contended, contended) || !contended)
		return;
	ge->contended_ns = gvt->ops->now_ns(gvt->opaque);
	gvt->ops->kick(gvt->opaque, engine);
}

/** sched_run - something changed: submit what may now be submitted */
void sched_run(struct gvt *gvt, enum gpu_engine_id engine)
{
	struct gvt_engine *ge = &gvt->engine[engine];
	struct vgpu *vgpu;

	if (ge->busy) {
		bool alone = owner_may_go_on(gvt, engine);

		set_contended(gvt, engine, !alone);
		if (alone && waits(ge->owner, engine) &&
		    execlist_is_more(ge, &ge->owner->engine[engine].queued))
			submit(ge->owner, engine);
		return;
	}
	set_contended(gvt, engine, false);
	/* Each refusal takes one vGPU's submission away, so this ends. */
	while ((vgpu = next_of(gvt, engine)) && !submit(vgpu, engine))
		;
	if (ge->busy && !owner_may_go_on(gvt, engine))
		set_contended(gvt, engine, true);
}

/*
 * The owner's work is taken off the engine; to its guest the engine has hung, with the state it has
 * now.
 */
static void give_way(struct gvt *gvt, enum gpu_engine_id e, const char *why)
{
	struct gvt_engine *ge = &gvt->engine[e];
	struct vgpu *vgpu = ge->owner;

	vgpu_log(vgpu, GPU_LOG_WARN,
		 "%s: %s while another vGPU waits: taken off; the engine hangs until it is reset",
		 gpu_engine_name(e), why);
	vgpu->engine[e].hung = true;
	vgpu->engine[e].queued.valid = false;
	/* Not while it still executes: it could write a register again that was just cleared. */
	hw_engine_halt(gvt, e);
	set_owner(gvt, e, NULL);
	hw_engine_reset(gvt, e);
	sched_run(gvt, e);
}

void sched_tick(struct gvt *gvt, enum gpu_engine_id e)
{
	struct gvt_engine *ge = &gvt->engine[e];

	if (!atomic_load(&ge->contended))
		return;
	hw_drain_engine(gvt, e);
	sched_run(gvt, e);
	if (!ge->busy || !atomic_load(&ge->contended))
		return;
	if (hw_read(gvt, hw_engine_base(e) + RING_ESR))
		give_way(gvt, e, "it halted at an invalid command or a page fault");
	else if (gvt->ops->now_ns(gvt->opaque) - ge->contended_ns > PATIENCE_NS)
		give_way(gvt, e, "it ran for too long");
}

void sched_submit(struct vgpu *vgpu, enum gpu_engine_id e, const uint64_t desc[2])
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	if (engine->hung)
		return;
	/* First what the engine has to say, so that an event is not taken for this submission's. */
	hw_drain_engine(vgpu->gvt, e);
	engine->queued = (struct vgpu_submission){ .desc = { desc[0], desc[1] }, .valid = true };
	sched_run(vgpu->gvt, e);
}

void sched_evict(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt_engine *ge = &vgpu->gvt->engine[e];

	vgpu->engine[e].queued.valid = false;
	vgpu->engine[e].elsp_count = 0;
	/* Its guest's memory is not to be written any more. */
	if (ge->owner == vgpu && ge->shadow)
		shadow_discard(ge->shadow, "its vGPU lost the engine");
	if (ge->owner == vgpu && ge->busy)
		hw_engine_reset(vgpu->gvt, e);
	if (ge->owner == vgpu)
		set_owner(vgpu->gvt, e, NULL);
	sched_run(vgpu->gvt, e);
}
