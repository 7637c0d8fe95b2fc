// SPDX-License-Identifier: MIT
/*
 * Resets: GDRST (whole GPU or single engines), the per-engine RESET_CTL handshake, and small
 * self-clearing requests.
 *
 * Register handlers; gpu->lock is held, and dropped only while waiting for a runner to leave. A
 * command stream cannot reset anything (it would wait for itself).
 */
#include <string.h>

#include "core.h"

#define GRDOM_FULL		(1u << 0)
#define GRDOM_GUC		(1u << 5)
#define GUC_STATUS		0xc000u
#define GUC_IN_RESET		(1u << 0)

/* GDRST bit of each engine (i915 GEN6_GRDOM_*). */
static const uint8_t engine_domain[GPU_NUM_ENGINES] = {
	[GPU_RCS0] = 1, [GPU_VCS0] = 2, [GPU_BCS0] = 3, [GPU_VECS0] = 4,
};

/* Power-on state of a stopped engine. */
void gpu_engine_reset(struct gpu_engine *engine)
{
	struct gpu_cs *cs = &engine->cs;

	gpu_engine_irq_flush_locked(engine);
	gpu_cs_log_rest(cs);
	gpu_regs_reset(cs->gpu, engine);
	gpu_execlist_reset(engine);
	gpu_oa_switch(engine);
	cs->ring_start = 0;
	cs->ring_size = 0;
	cs->head = 0;
	cs->tail = 0;
	cs->acthd = 0;
	cs->ipehr = 0;
	cs->domain = 0;
	memset(&cs->ppgtt, 0, sizeof(cs->ppgtt));
	gpu_cs_start(cs);
	engine->hang_reported = false;
	engine->wait_polls = 0;
	gpu_engine_publish(engine);
}

/*
 * What a full reset takes beyond the engines. GPU_GAMW_ECO: i915 writes it after each one, which may
 * have cleared it, and not after an engine's (gt/intel_gtt.c, gtt_write_workarounds(), by
 * intel_gt_init_hw()); GVT-g clears it so (gvt/mmio.c, intel_vgpu_reset_mmio()). Fences: i915
 * restores them after each (gt/intel_reset.c, gt_reset()).
 */
static void full_reset(struct gpu *gpu)
{
	gpu_reg_set(gpu, GPU_GAMW_ECO, 0);
	gpu_fences_clear(gpu);
	gpu_ppgtt_set_ips(gpu, 0, 0);
}

static void gdrst_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu *gpu = io->gpu;
	unsigned int i;

	if (io->cs)
		return;
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		struct gpu_engine *engine = &gpu->engine[i];

		if (!(io->raw & (GRDOM_FULL | 1u << engine_domain[i])))
			continue;
		gpu_engine_stop(engine);
		gpu_event(engine, GPU_EVENT_RESET, 0);
		gpu_engine_reset(engine);
		gpu_engine_unstop(engine);
	}
	if (io->raw & GRDOM_FULL)
		full_reset(gpu);
	if (io->raw & (GRDOM_FULL | GRDOM_GUC))
		gpu_reg_set(gpu, GUC_STATUS, GUC_IN_RESET);
	gpu_power_update(gpu);
}

/*
 * A request halts the engine (engine.c looks at the bit) until it is reset or the request is
 * withdrawn.
 */
static void reset_ctl_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu_engine *engine = io->engine;

	if (io->cs) {
		gpu_reg_set(io->gpu, io->offset, old);
		return;
	}
	if (now & RESET_REQUEST) {
		gpu_engine_stop(engine);
		gpu_engine_unstop(engine);
		engine_set(engine, RING_RESET_CTL,
			   engine_get(engine, RING_RESET_CTL) | RESET_READY);
	} else {
		engine_set(engine, RING_RESET_CTL, now & ~RESET_READY);
		if (old & RESET_REQUEST)
			gpu_kick(engine);
	}
}

/*
 * TLB invalidations: done before the write returns, as far as the next command of a stream can
 * tell.
 */
static void self_clear_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	gpu_reg_set(io->gpu, io->offset, 0);
	atomic_fetch_add(&io->gpu->tlb_generation, 1);
}

const struct gpu_reg_handler gpu_handler_gdrst = { .write = gdrst_write };
const struct gpu_reg_handler gpu_handler_reset_ctl = { .write = reset_ctl_write };
const struct gpu_reg_handler gpu_handler_self_clear = { .write = self_clear_write };
