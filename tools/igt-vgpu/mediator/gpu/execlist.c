// SPDX-License-Identifier: MIT
/*
 * Execlists: the submit port, the two elements that run, and the context status buffer (CSB) that
 * tells the driver.
 *
 * The MMIO side only stores a submission (elsp_write()); the runner takes it up (engine.c). All
 * functions here run with gpu->lock held. Event values: i915 GEN8_CTX_STATUS_*, as hardware
 * combines them.
 */
#include <string.h>

#include "core.h"

#define EVENT_IDLE_ACTIVE	0x0001u
#define EVENT_PREEMPTED		0x0002u
#define EVENT_ELEMENT_SWITCH	0x0014u	/* with COMPLETE */
#define EVENT_ACTIVE_IDLE	0x0018u	/* with COMPLETE */
#define EVENT_LITE_RESTORE	0x8002u	/* with PREEMPTED */

#define CSB_ENTRIES		6
#define HWSP_CSB		0x40	/* entries, 8 bytes each (i915 I915_HWS_CSB_BUF0_INDEX) */
#define HWSP_CSB_WRITE		0x7c	/* index of the last one written */

#define STATUS_QUEUE_FULL	(1u << 2)
#define STATUS_EL1_VALID	(1u << 3)
#define STATUS_EL0_VALID	(1u << 4)
#define STATUS_REASON_SHIFT	5
#define STATUS_ELEMENT_SHIFT	14
#define STATUS_EL0_ACTIVE	(1u << 18)

/* 0x234: bits 2-4, 17 and 18 are clear exactly while the engine is idle and nothing is pending. */
static void update_status(struct gpu_engine *engine)
{
	uint32_t status = engine->last_reason << STATUS_REASON_SHIFT;

	if (engine->has_pending)
		status |= STATUS_QUEUE_FULL;
	if (engine->is_active) {
		status |= STATUS_EL0_VALID | STATUS_EL0_ACTIVE | 1u << STATUS_ELEMENT_SHIFT;
		if (engine->active[1].desc & DESC_VALID)
			status |= STATUS_EL1_VALID;
	}
	engine_set(engine, RING_EXECLIST_STATUS, status);
	/*
	 * The context id stays after the engine went idle (i915 active_ccid() reads it in a reset).
	 */
	if (engine->is_active)
		engine_set(engine, RING_EXECLIST_STATUS + 4, DESC_ID(engine->active[0].desc));
}

/* One event: to the register buffer and to the HWSP, entry before pointer. */
static void csb_push(struct gpu_engine *engine, uint32_t event, uint64_t desc)
{
	struct gpu *gpu = engine->cs.gpu;
	uint32_t hwsp = engine_get(engine, RING_HWS_PGA);
	unsigned int n = (engine->csb_write + 1) % CSB_ENTRIES;
	uint8_t *page;

	engine->csb_write = n;
	engine->last_reason = event & 0x1ff;
	engine_set(engine, RING_CSB + 8 * n, event);
	engine_set(engine, RING_CSB + 8 * n + 4, DESC_ID(desc));
	engine_set(engine, RING_CSB_PTR, (engine_get(engine, RING_CSB_PTR) & ~7u) | n);

	page = gpu_ggtt_ptr(gpu, hwsp, true);
	if (page) {
		uint64_t entry = (uint64_t)DESC_ID(desc) << 32 | event;

		__atomic_store_n((uint64_t *)(page + HWSP_CSB) + n, entry, __ATOMIC_RELAXED);
		__atomic_store_n((uint32_t *)(page + HWSP_CSB_WRITE), n, __ATOMIC_RELEASE);
	} else {
		gpu_log(gpu, 0, GPU_LOG_WARN,
			"%s: no memory behind HWS_PGA 0x%08x, CSB event 0x%x lost", engine->name,
			hwsp, event);
	}
	gpu_engine_irq(engine, GPU_IRQ_CONTEXT_SWITCH);
}

void gpu_execlist_reset(struct gpu_engine *engine)
{
	memset(engine->pending, 0, sizeof(engine->pending));
	memset(engine->active, 0, sizeof(engine->active));
	engine->has_pending = false;
	engine->is_active = false;
	engine->need_load = false;
	engine->elsp_count = 0;
	engine->csb_write = CSB_ENTRIES - 1;
	engine->last_reason = 0;
	update_status(engine);
}

static void activate_pending(struct gpu_engine *engine)
{
	gpu_cs_log_rest(&engine->cs);
	memcpy(engine->active, engine->pending, sizeof(engine->active));
	memset(engine->pending, 0, sizeof(engine->pending));
	engine->has_pending = false;
	engine->is_active = true;
}

void gpu_execlist_take_pending(struct gpu_engine *engine, bool preemptible)
{
	uint64_t old = engine->active[0].desc;
	bool same;

	if (!engine->has_pending)
		return;
	if (!engine->is_active) {
		activate_pending(engine);
		csb_push(engine, EVENT_IDLE_ACTIVE, engine->active[0].desc);
		engine->need_load = true;
		update_status(engine);
		return;
	}

	same = DESC_LRCA(old) == DESC_LRCA(engine->pending[0].desc) &&
	       !(engine->pending[0].desc & DESC_FORCE_RESTORE);
	if (same) {
		activate_pending(engine);
		gpu_context_reload_tail(engine);
		csb_push(engine, EVENT_LITE_RESTORE, old);
	} else if (preemptible) {
		gpu_context_save(engine);
		activate_pending(engine);
		csb_push(engine, EVENT_PREEMPTED, old);
		engine->need_load = true;
	}
	update_status(engine);
}

void gpu_execlist_complete(struct gpu_engine *engine)
{
	uint64_t old = engine->active[0].desc;

	gpu_context_save(engine);
	gpu_cs_log_rest(&engine->cs);
	if (engine->active[1].desc & DESC_VALID) {
		engine->active[0] = engine->active[1];
		engine->active[1].desc = 0;
		csb_push(engine, EVENT_ELEMENT_SWITCH, old);
		engine->need_load = true;
	} else {
		engine->is_active = false;
		csb_push(engine, EVENT_ACTIVE_IDLE, old);
		gpu_oa_switch(engine);
		/*
		 * Who sees the engine idle sees all that it raised: a mediator gives an idle engine
		 * to another guest, and what came later would go to the wrong one.
		 */
		gpu_engine_irq_flush_locked(engine);
	}
	update_status(engine);
}

/* Four writes make a submission: element 1 first, high dword first; the last one submits. */
static void elsp_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu_engine *engine = io->engine;
	uint64_t desc[2];

	if (io->cs)
		return;
	engine->elsp[engine->elsp_count++] = io->raw;
	if (engine->elsp_count < 4)
		return;
	engine->elsp_count = 0;
	desc[1] = (uint64_t)engine->elsp[0] << 32 | engine->elsp[1];
	desc[0] = (uint64_t)engine->elsp[2] << 32 | engine->elsp[3];
	if (!(desc[0] & DESC_VALID)) {
		desc[0] = desc[1];
		desc[1] = 0;
	}
	if (!(desc[0] & DESC_VALID))
		return;
	if (!(engine_get(engine, RING_MODE) & RUN_LIST_ENABLE)) {
		gpu_log(io->gpu, 0, GPU_LOG_WARN,
			"%s: ELSP written, but RING_MODE 0x%04x has no run list enabled",
			engine->name, engine_get(engine, RING_MODE));
		return;
	}
	engine->pending[0].desc = desc[0];
	engine->pending[1].desc = desc[1];
	engine->has_pending = true;
	update_status(engine);
	atomic_store(&engine->attention, true);
	gpu_kick(engine);
}

/* The driver may set where the next event goes (i915 reset_csb_pointers()). */
static void csb_ptr_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	if (io->raw >> 16 & 7)
		io->engine->csb_write = (now & 7) < CSB_ENTRIES ? now & 7 : CSB_ENTRIES - 1;
}

const struct gpu_reg_handler gpu_handler_elsp = { .write = elsp_write };
const struct gpu_reg_handler gpu_handler_csb_ptr = { .write = csb_ptr_write };
