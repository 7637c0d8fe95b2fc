// SPDX-License-Identifier: MIT
/*
 * A vGPU's interrupts: the Gen8 registers, exactly (PRM vol. "Interrupts"; i915 gt/intel_gt_irq.c).
 *
 * Called by the register policy and by hw.c. An event passes RING_IMR and IMR at the moment when it
 * happens, or is lost; IIR remembers it until one is written; IER and the master bit decide whether
 * it drives the line, at any time.
 */
#include "gvt_types.h"

#define MASTER		0x44200u
#define MASTER_CONTROL	(1u << 31)
#define GT_BANKS	0x44300u	/* 16 bytes a bank: ISR, IMR, IIR, IER */

unsigned int virq_bank(enum gpu_engine_id engine)
{
	static const uint8_t bank[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 0, [GPU_BCS0] = 0, [GPU_VCS0] = 1, [GPU_VECS0] = 3,
	};

	return bank[engine];
}

unsigned int virq_shift(enum gpu_engine_id engine)
{
	return engine == GPU_BCS0 ? 16 : 0;
}

static void update(struct vgpu *vgpu)
{
	struct vgpu_irq *irq = &vgpu->irq;
	uint32_t pending = 0;
	unsigned int i;
	bool level;

	for (i = 0; i < 4; i++)
		pending |= irq->iir[i] & irq->ier[i];
	level = irq->master && pending;
	if (level == atomic_load(&vgpu->irq_level))
		return;
	if (level)
		atomic_fetch_add(&vgpu->irq_rises, 1);
	atomic_store(&vgpu->irq_level, level);
	vgpu->gvt->irq_changed |= 1u << vgpu->id;
}

void virq_reset(struct vgpu *vgpu)
{
	unsigned int i;

	vgpu->irq = (struct vgpu_irq){ 0 };
	for (i = 0; i < 4; i++)
		vgpu->irq.imr[i] = ~0u;
	update(vgpu);
}

void virq_engine(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t bits)
{
	unsigned int bank = virq_bank(engine);

	/*
	 * RING_IMR holds bits in their place in the bank, unlike the other registers of an engine.
	 */
	bits <<= virq_shift(engine);
	bits &= ~vreg_get(vgpu, hw_engine_base(engine) + RING_IMR);
	vgpu->irq.iir[bank] |= bits & ~vgpu->irq.imr[bank];
	update(vgpu);
}

static uint32_t master_read(const struct vgpu_irq *irq)
{
	uint32_t pending[4], value = irq->master ? MASTER_CONTROL : 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		pending[i] = irq->iir[i] & irq->ier[i];
	value |= pending[0] & 0xffff ? 1u << 0 : 0;	/* RCS */
	value |= pending[0] >> 16 ? 1u << 1 : 0;	/* BCS */
	value |= pending[1] & 0xffff ? 1u << 2 : 0;	/* VCS0 */
	value |= pending[1] >> 16 ? 1u << 3 : 0;	/* VCS1 */
	value |= pending[2] & 0xffff ? 1u << 4 : 0;	/* PM */
	value |= pending[2] >> 16 ? 1u << 5 : 0;	/* GuC */
	value |= pending[3] & 0xffff ? 1u << 6 : 0;	/* VECS */
	return value;
}

uint32_t virq_read(struct vgpu *vgpu, uint32_t offset)
{
	const struct vgpu_irq *irq = &vgpu->irq;
	unsigned int bank;

	if (offset == MASTER)
		return master_read(irq);
	bank = (offset - GT_BANKS) / 16;
	switch (offset & 0xc) {
	case 0x4:
		return irq->imr[bank];
	case 0x8:
		return irq->iir[bank];
	case 0xc:
		return irq->ier[bank];
	default:
		return 0;	/* ISR: engine events are pulses */
	}
}

void virq_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	struct vgpu_irq *irq = &vgpu->irq;
	unsigned int bank;

	if (offset == MASTER) {
		irq->master = value & MASTER_CONTROL;
		update(vgpu);
		return;
	}
	bank = (offset - GT_BANKS) / 16;
	switch (offset & 0xc) {
	case 0x4:
		irq->imr[bank] = value;
		break;
	case 0x8:
		irq->iir[bank] &= ~value;
		break;
	case 0xc:
		irq->ier[bank] = value;
		break;
	}
	update(vgpu);
}
