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

static struct gvt_engine *physical(const struct vgpu *vgpu, enum gpu_engine_id e)
{
	return &vgpu->gvt->engine[e];
}

/* ---- what is submitted ---- */

/**
 * execlist_is_more - see gvt_types.h
 *
 * All that an engine can take while it runs is a new tail for the context that it has. Any other
 * context waits until that is done and written back: a vGPU has no preemption, see sched.c.
 */
bool execlist_is_more(const struct gvt_engine *ge, const struct vgpu_submission *sub)
{
	return ge->run.valid && !ge->starting && !ge->next.valid && ge->shadow &&
	       !ge->shadow->lost && sub->desc[0] & DESC_VALID &&
	       !(sub->desc[0] & DESC_FORCE_RESTORE) &&
	       (sub->desc[0] & DESC_LRCA) == ge->shadow->lrca;
}

struct shadow *execlist_prepare(struct vgpu *vgpu, enum gpu_engine_id e,
				const struct vgpu_submission *sub, const char **why)
{
	struct gvt_engine *ge = physical(vgpu, e);
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
	if (ge->owner != vgpu || !ge->run.valid)
		return shadow_get(vgpu, e, sub->desc[0], why);
	if (shadow_renew_tail(ge->shadow))
		return ge->shadow;
	*why = "the context is not in memory";
	return NULL;
}

/* The guest's descriptor, but for the place of the image. */
static void submit(struct gvt *gvt, enum gpu_engine_id e, uint64_t desc, uint32_t lrca)
{
	gvt->engine[e].hw_lrca = lrca;
	hw_submit(gvt, e, (desc & ~DESC_LRCA) | lrca);
}

void execlist_start(struct vgpu *vgpu, enum gpu_engine_id e, const struct vgpu_submission *sub,
		    struct shadow *shadow)
{
	struct gvt_engine *ge = physical(vgpu, e);

	if (ge->run.valid) {
		ge->next = *sub;
		ge->next.valid = true;
		submit(vgpu->gvt, e, sub->desc[0], ge->hw_lrca);
		return;
	}
	ge->run = *sub;
	ge->run.valid = true;
	ge->element = 0;
	ge->starting = true;
	ge->saved = false;
	ge->shadow = shadow;
	submit(vgpu->gvt, e, sub->desc[0], shadow_show(shadow));
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
	struct gvt_engine *ge = physical(vgpu, e);
	const char *why = "";

	channel_drain(vgpu, CHANNEL_BATCH);
	ge->shadow = shadow_get(vgpu, e, ge->run.desc[1], &why);
	if (!ge->shadow) {
		execlist_refuse(vgpu, e, &ge->run, why);
		ge->run.valid = false;
		return;
	}
	ge->starting = true;
	ge->saved = false;
	submit(vgpu->gvt, e, ge->run.desc[1], shadow_show(ge->shadow));
}

void execlist_abandon(struct gvt *gvt, enum gpu_engine_id e)
{
	struct gvt_engine *ge = &gvt->engine[e];

	/*
	 * What it saved before the reset was saved; what it did since is lost, as in hardware. Of
	 * an image that it did not save at all, nothing changes (GVT-g: resetting_eng).
	 */
	if (ge->shadow && !ge->saved)
		shadow_discard(ge->shadow, "it was reset before it was saved");
	if (ge->shadow)
		shadow_put(ge->shadow);
	ge->shadow = NULL;
	ge->run.valid = false;
	ge->next.valid = false;
	ge->starting = false;
}

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
	desc[1] = (uint64_t)engine->elsp[0] << 32 | engine->elsp[1];
	desc[0] = (uint64_t)engine->elsp[2] << 32 | engine->elsp[3];
	sched_submit(vgpu, e, desc);
}

uint32_t execlist_status(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt_engine *ge = physical(vgpu, e);
	uint32_t status = 0;

	if (sched_owns(vgpu, e) && ge->busy) {
		status = hw_read(vgpu->gvt, hw_engine_base(e) + RING_EXECLIST_STATUS);
		if (ge->run.valid && !ge->element && ge->run.desc[1] & DESC_VALID)
			status |= ELEMENT_1_VALID;
		/* Between its two elements the guest's submission is not pending. */
		if (ge->starting && ge->element)
			status = (status & ~QUEUE_FULL) | ELEMENT_0_VALID | ELEMENT_0_ACTIVE;
	}
	if (vgpu->engine[e].queued.valid || vgpu->engine[e].hung)
		status |= QUEUE_FULL;
	return status;
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

static void take_next(struct gvt_engine *ge)
{
	ge->run = ge->next;
	ge->next.valid = false;
	ge->element = 0;
}

/* The idle engine took up a context. */
static unsigned int started(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt_engine *ge = physical(vgpu, e);
	uint64_t second = ge->run.desc[1];
	bool waiting = ge->run.valid;

	ge->starting = false;
	if (!ge->next.valid)
		return ge->element ? 0 : push(vgpu, e, EVENT_IDLE_ACTIVE, ge->run.desc[0]);
	/* It had ended before it got more; to the guest, what was to follow it has begun since. */
	take_next(ge);
	if (!waiting)
		return push(vgpu, e, EVENT_IDLE_ACTIVE, ge->run.desc[0]);
	return push(vgpu, e, (second ^ ge->run.desc[0]) & DESC_LRCA ? EVENT_PREEMPTED :
		    EVENT_LITE_RESTORE, second);
}

static unsigned int ended(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt_engine *ge = physical(vgpu, e);
	uint64_t desc = ge->run.desc[ge->element];
	bool second = !ge->element && ge->run.desc[1] & DESC_VALID;

	ge->saved = true;
	/* It goes on from what was just saved, as soon as the engine takes up its new tail. */
	if (!ge->next.valid) {
		shadow_put(ge->shadow);
		ge->shadow = NULL;
	}
	if (!second) {
		ge->run.valid = false;
		return push(vgpu, e, EVENT_ACTIVE_IDLE, desc);
	}
	ge->element = 1;
	push(vgpu, e, EVENT_ELEMENT_SWITCH, desc);
	if (!ge->next.valid)
		start_second(vgpu, e);
	return 1;
}

/**
 * execlist_event - what the engine reports of one context at a time, told to the guest as of its
 * submissions of two
 */
unsigned int execlist_event(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t status)
{
	struct gvt_engine *ge = physical(vgpu, e);
	uint64_t desc = ge->run.desc[ge->element];

	if (status & EVENT_IDLE_ACTIVE)
		return started(vgpu, e);
	if (!ge->run.valid || !ge->shadow)
		return 0;
	if (status != EVENT_LITE_RESTORE)
		return ended(vgpu, e);
	take_next(ge);
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
