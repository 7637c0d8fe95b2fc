// SPDX-License-Identifier: MIT
/*
 * Life of the GPU: creation, power-on reset, the lock, time.
 *
 * gpu_unlock() is where the interrupt line is recomputed and the host told, so that no holder of
 * the lock has to.
 */
#include <sched.h>
#include <stdlib.h>

#include "core.h"

void gpu_lock(struct gpu *gpu)
{
	atomic_fetch_add(&gpu->lock_waiters, 1);
	pthread_mutex_lock(&gpu->lock);
	atomic_fetch_sub(&gpu->lock_waiters, 1);
}

/*
 * A stream full of register commands takes the lock again as soon as it has dropped it, and a mutex
 * is not fair: without this a vCPU could wait for ever.
 */
void gpu_lock_runner(struct gpu *gpu)
{
	if (atomic_load(&gpu->lock_waiters))
		sched_yield();
	pthread_mutex_lock(&gpu->lock);
}

void gpu_unlock(struct gpu *gpu)
{
	bool changed = gpu_irq_update(gpu);

	pthread_mutex_unlock(&gpu->lock);
	if (changed)
		gpu->ops->irq(gpu->opaque, gpu_irq_level(gpu));
}

void gpu_kick(struct gpu_engine *engine)
{
	struct gpu *gpu = engine->cs.gpu;

	gpu->ops->kick(gpu->opaque, engine->id);
}

void gpu_event(struct gpu_engine *engine, enum gpu_event event, uint64_t arg)
{
	struct gpu *gpu = engine->cs.gpu;

	if (gpu->ops->event)
		gpu->ops->event(gpu->opaque, engine->id, event, arg);
}

uint64_t gpu_ticks(struct gpu *gpu)
{
	uint64_t ns = gpu->ops->now_ns(gpu->opaque) - gpu->epoch_ns;

	return (unsigned __int128)ns * gpu->platform->timestamp_hz / 1000000000u;
}

uint64_t gpu_timestamp(struct gpu *gpu)
{
	return gpu_ticks(gpu) & ((1ull << 36) - 1);
}

uint64_t gpu_ggtt_read(struct gpu *gpu, uint32_t index)
{
	if (index >= GPU_GGTT_ENTRIES)
		return 0;
	return atomic_load_explicit(&gpu->ggtt[index], memory_order_acquire);
}

void gpu_ggtt_write(struct gpu *gpu, uint32_t index, uint64_t pte)
{
	if (index >= GPU_GGTT_ENTRIES)
		return;
	atomic_store_explicit(&gpu->ggtt_dirty[index / GPU_GGTT_CHUNK], true, memory_order_relaxed);
	atomic_store_explicit(&gpu->ggtt[index], pte, memory_order_release);
	atomic_fetch_add_explicit(&gpu->tlb_generation, 1, memory_order_release);
}

/* A display that is not fused off, and the link of a mode that firmware has set up once. */
static const struct gpu_reg_value with_display[] = {
	{ 0x42014, 0 },			/* FUSE_STRAP: Broadwell's fuse */
	{ 0x51000, 0 },			/* SKL_DFSM: that of the others */
	/* kvmgt shows them to its Broadwell guests, which divide by the clock they stand for. */
	{ 0x60030, 0x7e5b425e },	/* PIPE_DATA_M1(A) */
	{ 0x60034, 0x00800000 },	/* PIPE_DATA_N1(A) */
	{ 0x60040, 0x0003cd6e },	/* PIPE_LINK_M1(A): 154 MHz of 162 MHz */
	{ 0x60044, 0x00080000 },	/* PIPE_LINK_N1(A) */
	{ 0 }
};

static void apply_platform_regs(struct gpu *gpu)
{
	const struct gpu_reg_value *reg;

	for (reg = gpu->platform->regs; reg->offset; reg++)
		gpu_reg_set(gpu, reg->offset, reg->value);
	for (reg = with_display; gpu->config.display && reg->offset; reg++)
		gpu_reg_set(gpu, reg->offset, reg->value);
}

static void clear_ggtt(struct gpu *gpu)
{
	unsigned int chunk, i;

	for (chunk = 0; chunk < GPU_GGTT_ENTRIES / GPU_GGTT_CHUNK; chunk++) {
		if (!atomic_exchange(&gpu->ggtt_dirty[chunk], false))
			continue;
		for (i = 0; i < GPU_GGTT_CHUNK; i++)
			atomic_store_explicit(&gpu->ggtt[chunk * GPU_GGTT_CHUNK + i], 0,
					      memory_order_relaxed);
	}
	atomic_fetch_add(&gpu->tlb_generation, 1);
}

static void reset_all(struct gpu *gpu, bool keep_ggtt)
{
	unsigned int i;

	gpu_lock(gpu);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_stop(&gpu->engine[i]);
	gpu_regs_reset(gpu, NULL);
	apply_platform_regs(gpu);
	gpu_ppgtt_set_ips(gpu, 0, gpu_reg_get(gpu, GPU_GAMW_ECO));
	gpu->epoch_ns = gpu->ops->now_ns(gpu->opaque);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_reset(&gpu->engine[i]);
	if (!keep_ggtt)
		clear_ggtt(gpu);
	gpu_power_reset(gpu);
	gpu_oa_reset(gpu);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_unstop(&gpu->engine[i]);
	gpu_unlock(gpu);
}

void gpu_power_on_reset(struct gpu *gpu)
{
	reset_all(gpu, false);
}

void gpu_wake_reset(struct gpu *gpu)
{
	reset_all(gpu, true);
}

/* What it executes: the register changes to another domain only while it stands still. */
static bool may_reach(struct gpu_engine *engine, unsigned int domain)
{
	unsigned int mine = engine_get(engine, GPU_RING_DOMAIN);

	return !domain || !mine || mine == domain;
}

void gpu_invalidate_host_pages(struct gpu *gpu, unsigned int domain)
{
	struct gpu_engine *engine;
	unsigned int i;

	gpu_lock(gpu);
	/*
	 * For who keeps its pointers over a stop. Those that do not stop lose theirs, too, though they
	 * have none to this domain: its contexts are loaded, or restored, with an empty TLB.
	 */
	atomic_fetch_add(&gpu->tlb_generation, 1);
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		engine = &gpu->engine[i];
		if (!may_reach(engine, domain))
			continue;
		gpu_engine_stop(engine);
		gpu_engine_unstop(engine);
		if (!gpu_engine_idle(engine))
			gpu_kick(engine);
	}
	gpu_unlock(gpu);
}

struct gpu *gpu_new(const struct gpu_config *config, const struct gpu_host_ops *ops, void *opaque)
{
	struct gpu *gpu = calloc(1, sizeof(*gpu));
	unsigned int i;

	if (!gpu)
		return NULL;
	gpu->config = *config;
	if (!gpu->config.aperture_size)
		gpu->config.aperture_size = GPU_APERTURE_SIZE;
	gpu->ops = ops;
	gpu->opaque = opaque;
	gpu->platform = &gpu_platforms[config->platform];
	gpu->regs = calloc(GPU_MMIO_SIZE / 4, sizeof(*gpu->regs));
	gpu->ggtt = calloc(GPU_GGTT_ENTRIES, sizeof(*gpu->ggtt));
	if (!gpu->regs || !gpu->ggtt)
		goto err_free;
	if (pthread_mutex_init(&gpu->lock, NULL))
		goto err_free;
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_init(gpu, i);
	gpu_power_on_reset(gpu);
	return gpu;

err_free:
	free(gpu->regs);
	free((void *)gpu->ggtt);
	free(gpu);
	return NULL;
}

void gpu_free(struct gpu *gpu)
{
	unsigned int i;

	if (!gpu)
		return;
	gpu_lock(gpu);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_stop(&gpu->engine[i]);
	pthread_mutex_unlock(&gpu->lock);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		pthread_cond_destroy(&gpu->engine[i].stopped);
	pthread_mutex_destroy(&gpu->lock);
	free(gpu->regs);
	free((void *)gpu->ggtt);
	free(gpu);
}
