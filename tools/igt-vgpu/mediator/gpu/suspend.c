// SPDX-License-Identifier: MIT
/*
 * An engine's whole state, taken off and put back: between two commands, inside of a wait or of a
 * long blit.
 *
 * Called by the mediator, which gives the engine to another vGPU meanwhile; between both calls it
 * resets the engine. Hardware has nothing like it: it can switch contexts where the context allows
 * that (MI_ARB_CHECK), and batches of i915 on a vGPU allow it nowhere. Nothing is written to the
 * context's image and no event is reported: whoever owns the state cannot tell but by the clock.
 */
#include <stdlib.h>
#include <string.h>

#include "core.h"

/** struct gpu_engine_state - all of struct gpu_engine that a reset would lose, and its registers */
struct gpu_engine_state {
	struct gpu_execlist_element pending[2], active[2];
	bool has_pending, is_active, need_load, hang_reported;
	unsigned int csb_write;
	uint32_t last_reason;
	uint32_t ctx_time;	/* of the context; its time stands still */
	struct gpu_cs cs;
	uint32_t regs[];	/* gpu_regs_save() */
};

/** gpu_engine_hold - see gpu.h */
void gpu_engine_hold(struct gpu *gpu, enum gpu_engine_id id)
{
	gpu_lock(gpu);
	gpu_engine_stop(&gpu->engine[id]);
	gpu_unlock(gpu);
}

/** gpu_engine_release - see gpu.h */
void gpu_engine_release(struct gpu *gpu, enum gpu_engine_id id)
{
	struct gpu_engine *engine = &gpu->engine[id];

	gpu_lock(gpu);
	gpu_engine_unstop(engine);
	if (!gpu_engine_idle(engine))
		gpu_kick(engine);
	gpu_unlock(gpu);
}

/** gpu_engine_state_new - see gpu.h */
struct gpu_engine_state *gpu_engine_state_new(struct gpu *gpu, enum gpu_engine_id id)
{
	unsigned int regs;

	gpu_lock(gpu);
	regs = gpu_regs_save(gpu, &gpu->engine[id], NULL);
	gpu_unlock(gpu);
	return calloc(1, sizeof(struct gpu_engine_state) + regs * sizeof(uint32_t));
}

void gpu_engine_state_free(struct gpu_engine_state *state)
{
	free(state);
}

/** gpu_engine_save - see gpu.h */
void gpu_engine_save(struct gpu *gpu, enum gpu_engine_id id, struct gpu_engine_state *state)
{
	struct gpu_engine *engine = &gpu->engine[id];

	gpu_lock(gpu);
	memcpy(state->pending, engine->pending, sizeof(state->pending));
	memcpy(state->active, engine->active, sizeof(state->active));
	state->has_pending = engine->has_pending;
	state->is_active = engine->is_active;
	state->need_load = engine->need_load;
	state->hang_reported = engine->hang_reported;
	state->csb_write = engine->csb_write;
	state->last_reason = engine->last_reason;
	state->ctx_time = engine->ctx_time;
	state->cs = engine->cs;
	/* The submission is not over: the reset that follows tells nothing of it. */
	engine->cs.refused = 0;
	engine->cs.undrawn = 0;
	if (engine->is_active && !engine->need_load) {
		state->ctx_time += (uint32_t)(gpu_timestamp(gpu) - engine->ctx_start);
		gpu_event(engine, GPU_EVENT_CONTEXT_OUT, engine->active[0].desc);
	}
	gpu_regs_save(gpu, engine, state->regs);
	gpu_unlock(gpu);
}

/** gpu_engine_restore - see gpu.h */
void gpu_engine_restore(struct gpu *gpu, enum gpu_engine_id id,
			const struct gpu_engine_state *state)
{
	struct gpu_engine *engine = &gpu->engine[id];

	gpu_lock(gpu);
	memcpy(engine->pending, state->pending, sizeof(engine->pending));
	memcpy(engine->active, state->active, sizeof(engine->active));
	engine->has_pending = state->has_pending;
	engine->is_active = state->is_active;
	engine->need_load = state->need_load;
	engine->hang_reported = state->hang_reported;
	engine->csb_write = state->csb_write;
	engine->last_reason = state->last_reason;
	engine->ctx_time = state->ctx_time;
	engine->ctx_start = gpu_timestamp(gpu);
	engine->cs = state->cs;
	gpu_tlb_flush(&engine->cs);
	gpu_regs_load(gpu, engine, state->regs);
	if (engine->is_active && !engine->need_load)
		gpu_event(engine, GPU_EVENT_CONTEXT_IN, engine->active[0].desc);
	gpu_engine_publish(engine);
	atomic_store(&engine->attention, true);
	gpu_power_update(gpu);
	gpu_unlock(gpu);
}

/** gpu_engine_state_reg - see gpu.h */
bool gpu_engine_state_reg(struct gpu *gpu, enum gpu_engine_id id,
			  const struct gpu_engine_state *state, uint32_t offset, uint32_t *value)
{
	int index = gpu_regs_index(&gpu->engine[id], offset);

	if (index >= 0)
		*value = state->regs[index];
	return index >= 0;
}
