// SPDX-License-Identifier: MIT
/*
 * Interrupts: engine events -> RING_IMR -> GT IMR -> GT IIR (latched) -> IER -> master enable ->
 * the line.
 *
 * The line is level: enabled and pending. It is recomputed whenever gpu->lock is dropped
 * (gpu_unlock() in gpu.c), so that no register handler has to think of it. Display, PCU and GuC
 * never raise anything. Registers: i915_reg.h "GEN8 interrupt"; the master's bank bits are
 * read-only and show IIR & IER.
 */
#include "core.h"

#define MASTER		0x44200u
#define BANK(n)		(0x44300u + 0x10 * (n))
#define IMR		0x4
#define IIR		0x8
#define IER		0xc
#define MASTER_ENABLE	(1u << 31)

/*
 * Master bits: RCS 0, BCS 1, VCS0 2, PM 4, VECS 6; each covers 16 bits of a bank (i915
 * GEN8_GT_*_IRQ).
 */
static const struct { uint8_t master_bit, bank; uint32_t mask; } sources[] = {
	{ 0, 0, 0x0000ffff }, { 1, 0, 0xffff0000 }, { 2, 1, 0x0000ffff }, { 3, 1, 0xffff0000 },
	{ 4, 2, 0x0000ffff }, { 5, 2, 0xffff0000 }, { 6, 3, 0x0000ffff },
};

static uint32_t pending(struct gpu *gpu)
{
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		uint32_t bank = BANK(sources[i].bank);

		if (gpu_reg_get(gpu, bank + IIR) & gpu_reg_get(gpu, bank + IER) & sources[i].mask)
			bits |= 1u << sources[i].master_bit;
	}
	return bits;
}

/*
 * Recompute the line; true: it changed, the host must be told once the lock is dropped. Lock held.
 */
bool gpu_irq_update(struct gpu *gpu)
{
	bool level = gpu_reg_get(gpu, MASTER) & MASTER_ENABLE && pending(gpu);

	if (level && !atomic_load(&gpu->irq_level))
		atomic_fetch_add(&gpu->irq_rises, 1);
	return atomic_exchange(&gpu->irq_level, level) != level;
}

bool gpu_irq_level(struct gpu *gpu)
{
	return atomic_load(&gpu->irq_level);
}

uint32_t gpu_irq_rises(struct gpu *gpu)
{
	return atomic_load(&gpu->irq_rises);
}

static uint32_t master_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return (stored & MASTER_ENABLE) | pending(io->gpu);
}

const struct gpu_reg_handler gpu_handler_master_irq = { .read = master_read };

/* IIR, IMR and IER are plain to the handler: gpu_unlock() looks at the outcome. */
const struct gpu_reg_handler gpu_handler_iir = { .read = NULL };
const struct gpu_reg_handler gpu_handler_imr = { .read = NULL };

static void latch(struct gpu *gpu, unsigned int bank, uint32_t bits)
{
	uint32_t iir = gpu_reg_get(gpu, BANK(bank) + IIR);

	gpu_reg_set(gpu, BANK(bank) + IIR, iir | (bits & ~gpu_reg_get(gpu, BANK(bank) + IMR)));
}

void gpu_engine_irq_flush_locked(struct gpu_engine *engine)
{
	uint32_t bits = atomic_exchange(&engine->irq_deferred, 0);

	if (!bits)
		return;
	/* RING_IMR holds bits at the place they have in the bank. */
	bits <<= engine->irq_shift;
	bits &= ~gpu_reg_get(engine->cs.gpu, engine->mmio_base + 0xa8);
	latch(engine->cs.gpu, engine->irq_bank, bits);
	if (bits)
		engine->deliver = true;
}

void gpu_engine_irq_flush(struct gpu_engine *engine)
{
	if (!atomic_load(&engine->irq_deferred))
		return;
	gpu_lock_runner(engine->cs.gpu);
	gpu_engine_irq_flush_locked(engine);
	gpu_unlock(engine->cs.gpu);
}

void gpu_engine_irq(struct gpu_engine *engine, uint32_t bits)
{
	struct gpu *gpu = engine->cs.gpu;

	if (!atomic_fetch_or(&engine->irq_deferred, bits & 0xffff))
		engine->irq_deferred_ns = gpu->ops->now_ns(gpu->opaque);
}
