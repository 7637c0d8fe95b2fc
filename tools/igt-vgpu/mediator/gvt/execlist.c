// SPDX-License-Identifier: MIT
/*
 * A vGPU's execution lists: its submission ports, its context status buffers, and what is submitted
 * for it.
 *
 * Called by the register policy, the scheduler and hw.c. The engine gets one context at a time, and
 * its shadow (shadow.c); the second element of a submission follows when the first one is done and
 * written back. The guest is told what hardware with both of them would tell.
 */
#include <string.h>

#include "gvt_types.h"

/* RING_EXECLIST_STATUS */
#define QUEUE_FULL		(1u << 2)
#define ELEMENT_1_VALID		(1u << 3)
#define ELEMENT_0_VALID		(1u << 4)
#define ELEMENT_0_ACTIVE	(1u << 18)

/*
 * In the status page (i915 gt/intel_engine.h: I915_HWS_CSB_BUF0_INDEX, INTEL_HWS_CSB_WRITE_INDEX).
 */
#define HWSP_CSB		0x40u
#define HWSP_CSB_WRITE		0x7cu

/* Context descriptor (i915 gt/intel_lrc_reg.h). */
#define DESC_VALID		(1ull << 0)
#define DESC_FORCE_RESTORE	(1ull << 2)
#define DESC_PRIVILEGE		(1ull << 8)
#define DESC_LRCA		0xfffff000ull

/* Events (i915 gt/intel_lrc_reg.h: GEN8_CTX_STATUS_*, as hardware combines them). */
#define EVENT_IDLE_ACTIVE	0x0001u
#define EVENT_PREEMPTED		0x0002u
#define EVENT_ELEMENT_SWITCH	0x0014u
#define EVENT_ACTIVE_IDLE	0x0018u
#define EVENT_LITE_RESTORE	0x8002u

static unsigned int push(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t status, uint64_t desc);

/* ---- what is submitted ---- */

/**
 * execlist_is_more - see gvt_types.h
 *
 * All that an engine can take while it runs is a new tail for the context that it has. Any other
 * context waits until that is done and written back: a vGPU's own contexts do not preempt each
 * other, as with GVT-g.
 */
bool execlist_is_more(const struct vgpu_engine *engine)
{
	uint64_t desc = engine->queued.desc[0];

	return engine->queued.valid && engine->run.valid && !engine->starting &&
	       !engine->next.valid && engine->shadow && !engine->shadow->lost &&
	       desc & DESC_VALID && !(desc & DESC_FORCE_RESTORE) &&
	       (desc & DESC_LRCA) == engine->shadow->lrca;
}

struct shadow *execlist_prepare(struct vgpu *vgpu, enum gpu_engine_id e,
				const struct vgpu_submission *sub, const char **why)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	unsigned int i;

	/* It may have waited: what was said meanwhile was said before it runs. */
	channel_drain(vgpu, CHANNEL_BATCH);
	if (!(sub->desc[0] & DESC_VALID)) {
		*why = "the first element is empty";
		return NULL;
	}
	for (i = 0; i < 2; i++) {
		if (sub->desc[i] & DESC_VALID && !(sub->desc[i] & DESC_PRIVILEGE)) {
			*why = "a context without a PPGTT";
			return NULL;
		}
	}
	if (!engine->run.valid)
		return shadow_get(vgpu, e, sub->desc[0], why);
	if (shadow_renew_tail(engine->shadow))
		return engine->shadow;
	*why = "the context is not in memory";
	return NULL;
}

/* The guest's descriptor, but for the place of the image. */
static void submit(struct vgpu *vgpu, enum gpu_engine_id e, uint64_t desc)
{
	vgpu->engine[e].busy = true;
	hw_submit(vgpu->gvt, e, (desc & ~DESC_LRCA) | shadow_lrca(vgpu->engine[e].shadow));
}

static void start(struct vgpu *vgpu, enum gpu_engine_id e, unsigned int element,
		  struct shadow *shadow)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	engine->element = element;
	engine->starting = true;
	engine->saved = false;
	engine->shadow = shadow;
	shadow_show(shadow);
	submit(vgpu, e, engine->run.desc[element]);
}

void execlist_start(struct vgpu *vgpu, enum gpu_engine_id e, const struct vgpu_submission *sub,
		    struct shadow *shadow)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	if (engine->run.valid) {
		engine->next = *sub;
		engine->next.valid = true;
		submit(vgpu, e, sub->desc[0]);
		return;
	}
	engine->run = *sub;
	engine->run.valid = true;
	/*
	 * Written now, interrupt when the engine reports it: who submitted to an idle engine and sees
	 * what the context did sees that it was taken up (i915 live_hold_reset relies on it; GVT-g:
	 * emulate_execlist_schedule_in()).
	 */
	push(vgpu, e, EVENT_IDLE_ACTIVE, sub->desc[0]);
	start(vgpu, e, 0, shadow);
}

void execlist_refuse(struct vgpu *vgpu, enum gpu_engine_id e, const struct vgpu_submission *sub,
		     const char *why)
{
	/* As hardware: the engine makes no progress and the guest finds out. */
	vgpu->engine[e].hung = true;
	vgpu->engine[e].queued.valid = false;
	stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
	vgpu_log(vgpu, GPU_LOG_WARN,
		 "%s: submission of 0x%llx, 0x%llx refused: %s; the engine hangs until it is reset",
		 gpu_engine_name(e), (unsigned long long)sub->desc[0],
		 (unsigned long long)sub->desc[1], why);
}

/* The first element is done; now what follows it. */
static void start_second(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	struct shadow *shadow;
	const char *why = "";

	channel_drain(vgpu, CHANNEL_BATCH);
	shadow = shadow_get(vgpu, e, engine->run.desc[1], &why);
	if (!shadow) {
		execlist_refuse(vgpu, e, &engine->run, why);
		engine->run.valid = false;
		return;
	}
	start(vgpu, e, 1, shadow);
}

void execlist_abandon(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	sched_account(vgpu->gvt, e);	/* what is lost took its time all the same */
	/*
	 * What it saved before the reset was saved; what it did since is lost, as in hardware. Of
	 * an image that it did not save at all, nothing changes (GVT-g: resetting_eng).
	 */
	if (engine->shadow && !engine->saved)
		shadow_discard(engine->shadow, "it was reset before it was saved");
	if (engine->shadow)
		shadow_put(engine->shadow);
	engine->shadow = NULL;
	engine->run.valid = false;
	engine->next.valid = false;
	engine->starting = false;
	engine->busy = false;
}

/* ---- the engine changes hands ---- */

/* What the engine says of what it runs for its owner, as of submissions of two. */
static uint32_t running_status(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint32_t status = hw_read(vgpu->gvt, hw_engine_base(e) + RING_EXECLIST_STATUS);

	if (engine->run.valid && !engine->element && engine->run.desc[1] & DESC_VALID)
		status |= ELEMENT_1_VALID;
	/* The guest was told that it was taken up; between its two elements it is not pending, either. */
	if (engine->starting)
		status = (status & ~QUEUE_FULL) | ELEMENT_0_VALID | ELEMENT_0_ACTIVE;
	return status;
}

/* And the id of the context that it runs, or is about to. */
static uint32_t running_id(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	if (engine->starting)
		return engine->run.desc[engine->element] >> 32;
	return hw_read(vgpu->gvt, hw_engine_base(e) + RING_EXECLIST_STATUS + 4);
}

void execlist_park(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint32_t base = hw_engine_base(e);

	if (!engine->busy)
		return;
	/* What its guest reads meanwhile; of the rest mmio_save() takes care. */
	vreg_set(vgpu, base + RING_EXECLIST_STATUS, running_status(vgpu, e));
	vreg_set(vgpu, base + RING_EXECLIST_STATUS + 4, running_id(vgpu, e));
	/* A context may have stopped its own ring. */
	if (hw_read(vgpu->gvt, base + RING_MI_MODE) & STOP_RING)
		vreg_set(vgpu, base + RING_MI_MODE,
			 vreg_get(vgpu, base + RING_MI_MODE) | STOP_RING);
	hw_engine_save(vgpu->gvt, e);
	if (engine->shadow)
		shadow_hide(engine->shadow);
}

void execlist_unpark(struct vgpu *vgpu, enum gpu_engine_id e)
{
	if (!vgpu->engine[e].busy)
		return;
	if (vgpu->engine[e].shadow)
		shadow_reveal(vgpu->engine[e].shadow);
	hw_engine_restore(vgpu->gvt, e);
}

/* ---- what the guest writes and reads ---- */

/**
 * execlist_elsp_write - one of the four dwords of a submission: element 1 first, its high half
 * first
 */
void execlist_elsp_write(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t value)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint64_t desc[2];

	engine->elsp[engine->elsp_count++] = value;
	if (engine->elsp_count < 4)
		return;
	engine->elsp_count = 0;
	if (!(vreg_get(vgpu, hw_engine_base(e) + RING_MODE) & RUN_LIST_ENABLE)) {
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "%s: submission while execution lists are off: ignored",
			 gpu_engine_name(e));
		return;
	}
	stats_count(vgpu->stats, STATS_SUBMISSION_0 + e);
	vgpu->d3hot = false;
	desc[1] = (uint64_t)engine->elsp[0] << 32 | engine->elsp[1];
	desc[0] = (uint64_t)engine->elsp[2] << 32 | engine->elsp[3];
	sched_submit(vgpu, e, desc);
}

/** execlist_status - of RING_EXECLIST_STATUS, the low half */
uint32_t execlist_status(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint32_t status = 0;

	if (engine->busy)
		status = sched_owns(vgpu, e) ?
			 running_status(vgpu, e) :
			 vreg_get(vgpu, hw_engine_base(e) + RING_EXECLIST_STATUS);
	if (engine->queued.valid || engine->hung)
		status |= QUEUE_FULL;
	return status;
}

/** execlist_id - the high half: the running context's id, 0 if there is none */
uint32_t execlist_id(struct vgpu *vgpu, enum gpu_engine_id e)
{
	if (!vgpu->engine[e].busy)
		return 0;
	return sched_owns(vgpu, e) ?
		       running_id(vgpu, e) :
		       vreg_get(vgpu, hw_engine_base(e) + RING_EXECLIST_STATUS + 4);
}

/* ---- events ---- */

static void set_pointer(struct vgpu *vgpu, enum gpu_engine_id e, unsigned int pointer)
{
	uint32_t offset = hw_engine_base(e) + RING_CSB_PTR;

	vgpu->engine[e].csb_write = pointer;
	vreg_set(vgpu, offset, (vreg_get(vgpu, offset) & ~7u) | pointer);
}

static unsigned int push(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t status, uint64_t desc)
{
	unsigned int n = (vgpu->engine[e].csb_write + 1) % VGPU_CSB_ENTRIES;
	uint32_t base = hw_engine_base(e), id = desc >> 32;
	uint64_t entry = (uint64_t)id << 32 | status;
	uint8_t *hwsp = ggtt_page(vgpu, vreg_get(vgpu, base + RING_HWS_PGA), true);

	vreg_set(vgpu, base + RING_CSB + 8 * n, status);
	vreg_set(vgpu, base + RING_CSB + 8 * n + 4, id);
	set_pointer(vgpu, e, n);
	if (!hwsp)
		return 1;
	/* The guest may look at any time: the entry before the pointer that announces it. */
	__atomic_store_n((uint64_t *)(hwsp + HWSP_CSB + 8 * n), entry, __ATOMIC_RELAXED);
	__atomic_store_n((uint32_t *)(hwsp + HWSP_CSB_WRITE), n, __ATOMIC_RELEASE);
	return 1;
}

static void take_next(struct vgpu_engine *engine)
{
	engine->run = engine->next;
	engine->next.valid = false;
	engine->element = 0;
}

/* The idle engine took up a context; of a submission's first one the guest's event is written. */
static unsigned int started(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint64_t second = engine->run.desc[1];
	bool waiting = engine->run.valid;

	engine->starting = false;
	if (!engine->next.valid)
		return engine->element ? 0 : 1;
	/* It had ended before it got more; to the guest, what was to follow it has begun since. */
	take_next(engine);
	if (!waiting)
		return push(vgpu, e, EVENT_IDLE_ACTIVE, engine->run.desc[0]);
	return push(vgpu, e, (second ^ engine->run.desc[0]) & DESC_LRCA ? EVENT_PREEMPTED :
		    EVENT_LITE_RESTORE, second);
}

static unsigned int ended(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint64_t desc = engine->run.desc[engine->element];
	bool second = !engine->element && engine->run.desc[1] & DESC_VALID;

	engine->saved = true;
	/* It goes on from what was just saved, as soon as the engine takes up its new tail. */
	if (!engine->next.valid) {
		shadow_put(engine->shadow);
		engine->shadow = NULL;
	}
	if (!second) {
		engine->run.valid = false;
		return push(vgpu, e, EVENT_ACTIVE_IDLE, desc);
	}
	engine->element = 1;
	push(vgpu, e, EVENT_ELEMENT_SWITCH, desc);
	if (!engine->next.valid)
		start_second(vgpu, e);
	return 1;
}

/**
 * execlist_event - what the engine reports of one context at a time, told to the guest as of its
 * submissions of two
 */
unsigned int execlist_event(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t status)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint64_t desc = engine->run.desc[engine->element];

	if (status & EVENT_IDLE_ACTIVE)
		return started(vgpu, e);
	if (!engine->run.valid || !engine->shadow)
		return 0;
	if (status != EVENT_LITE_RESTORE)
		return ended(vgpu, e);
	take_next(engine);
	return push(vgpu, e, EVENT_LITE_RESTORE, desc);
}

/** execlist_pointer_write - a driver sets the pointers after a reset; masked */
void execlist_pointer_write(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t value)
{
	unsigned int pointer;

	value = vreg_write(vgpu, hw_engine_base(e) + RING_CSB_PTR, value);
	pointer = value & 7;
	set_pointer(vgpu, e, pointer < VGPU_CSB_ENTRIES ? pointer : VGPU_CSB_ENTRIES - 1);
}

/** execlist_reset - the engine's reset as seen by this vGPU; the next event is entry 0 */
void execlist_reset(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	engine->elsp_count = 0;
	engine->queued.valid = false;
	engine->hung = false;
	vreg_set(vgpu, hw_engine_base(e) + RING_CSB_PTR, (VGPU_CSB_ENTRIES - 1) << 8);
	set_pointer(vgpu, e, VGPU_CSB_ENTRIES - 1);
}
