/* SPDX-License-Identifier: MIT */
/*
 * What the files of the register and execlist half ask of each other; see each file's opening for
 * its job. gpu->lock is held for all of these unless said otherwise.
 */
#ifndef CORE_H
#define CORE_H

#include "regs.h"
#include "ring_regs.h"

/* Context descriptor (i915 gt/intel_lrc.c, "context descriptor"). */
#define DESC_VALID		(1u << 0)
#define DESC_FORCE_RESTORE	(1u << 2)
#define DESC_MODE(desc)		((desc) >> 3 & 3)
#define DESC_MODE_4LEVEL	3
#define DESC_LRCA(desc)		((uint32_t)(desc) & 0xfffff000u)
#define DESC_ID(desc)		((uint32_t)((desc) >> 32))

/** struct gpu_reg_value - a register that a platform resets to another value than regs.def says */
struct gpu_reg_value {
	uint32_t offset, value;
};

/** struct gpu_platform_info - what makes a platform */
struct gpu_platform_info {
	const char *name;		/* on the command line */
	uint16_t device_id;
	uint8_t revision;
	uint8_t gen;			/* 8 or 9 */
	uint32_t timestamp_hz;		/* of the command streamers; CTC_MODE must say the same */
	struct gpu_reg_value regs[8];	/* overrides of regs.def; ends with offset 0 */
};

extern const struct gpu_platform_info gpu_platforms[];

static inline uint32_t engine_get(struct gpu_engine *engine, uint32_t offset)
{
	return gpu_reg_get(engine->cs.gpu, engine->mmio_base + offset);
}

static inline void engine_set(struct gpu_engine *engine, uint32_t offset, uint32_t value)
{
	gpu_reg_set(engine->cs.gpu, engine->mmio_base + offset, value);
}

/* ---- gpu.c ---- */
bool gpu_irq_update(struct gpu *gpu);		/* irq.c; called by gpu_unlock() */
void gpu_kick(struct gpu_engine *engine);
/* Tell the timeline, if the host has one. */
void gpu_event(struct gpu_engine *engine, enum gpu_event event, uint64_t arg);

/* ---- engine.c ---- */
void gpu_engine_init(struct gpu *gpu, enum gpu_engine_id id);
/*
 * Make the runner leave and keep it out; waits for the command that is being executed, not longer.
 */
void gpu_engine_stop(struct gpu_engine *engine);
void gpu_engine_unstop(struct gpu_engine *engine);
bool gpu_engine_idle(struct gpu_engine *engine);
/* Copy the stream's position to where the MMIO side reads it; runner's thread, no lock needed. */
void gpu_engine_publish(struct gpu_engine *engine);

/* ---- execlist.c ---- */
void gpu_execlist_reset(struct gpu_engine *engine);
/*
 * Take up a submission if the moment allows: @preemptible says if the active context may be
 * switched out now.
 */
void gpu_execlist_take_pending(struct gpu_engine *engine, bool preemptible);
/* The ring of the active context is empty: switch to the second element, or go idle. */
void gpu_execlist_complete(struct gpu_engine *engine);

/* ---- context.c ---- */
/*
 * Load active[0] into the engine: registers under the lock, then the workaround batches without it.
 * Called with the lock held by the runner; drops and retakes it. On failure the stream is hung; if
 * somebody stopped the engine meanwhile, need_load is set again.
 */
void gpu_context_load(struct gpu_engine *engine);
bool gpu_context_save(struct gpu_engine *engine);
/* Lite restore: only RING_TAIL is taken from the image. */
bool gpu_context_reload_tail(struct gpu_engine *engine);
/* The stream's page table root from the PDP registers; runner's thread. */
void gpu_context_update_ppgtt(struct gpu_engine *engine);

/* ---- reset.c ---- */
void gpu_engine_reset(struct gpu_engine *engine);

/* ---- oa.c ---- */
void gpu_oa_reset(struct gpu *gpu);
/* Write what is due by now. What the unit is told by registers is in force from here on. */
void gpu_oa_update(struct gpu *gpu);
/* The engine has another context, or none. */
void gpu_oa_switch(struct gpu_engine *engine);

/* ---- power.c ---- */
void gpu_power_reset(struct gpu *gpu);
/* An engine went busy or idle: residency and busyness counters go on from here. */
void gpu_power_update(struct gpu *gpu);

#endif /* CORE_H */
