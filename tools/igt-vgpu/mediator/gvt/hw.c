// SPDX-License-Identifier: MIT
/*
 * The physical GPU, driven as a host driver drives hardware: through its registers, and by its
 * interrupt.
 *
 * Called by the scheduler, the resets and gvt.c, with gvt->lock held. It must not look into
 * ../gpu's state.
 *
 * The context status buffer is read from the engines' registers, not from a status page: that takes
 * nothing of the GGTT from the guests. HWS_PGA of all engines points to the guard page at its end,
 * which nobody reads.
 */
#include <string.h>

#include "gvt_types.h"

/* RING_EXECLIST_STATUS: queue full, elements valid, elements active */
#define STATUS_NOT_IDLE		(7u << 2 | 3u << 17)
#define GDRST			0x941cu
#define MASTER_IRQ		0x44200u
#define GT_BANK(n)		(0x44300u + 16 * (n))

#define MASKED_ENABLE(bits)	((bits) << 16 | (bits))
#define MASKED_DISABLE(bits)	((bits) << 16)

/* An engine that goes on and on is drained again later. */
#define ENGINE_DRAIN_ROUNDS	8

static const uint32_t engine_base[GPU_NUM_ENGINES] = {
	[GPU_RCS0] = RCS0_BASE, [GPU_BCS0] = BCS0_BASE,
	[GPU_VCS0] = VCS0_BASE, [GPU_VECS0] = VECS0_BASE,
};

uint32_t hw_engine_base(enum gpu_engine_id engine)
{
	return engine_base[engine];
}

int hw_engine_of(uint32_t offset)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++)
		if ((offset & ~0xfffu) == engine_base[e])
			return e;
	return -1;
}

uint32_t hw_read(struct gvt *gvt, uint32_t offset)
{
	return gpu_mmio_read(gvt->gpu, offset, 4);
}

void hw_write(struct gvt *gvt, uint32_t offset, uint32_t value)
{
	gpu_mmio_write(gvt->gpu, offset, 4, value);
}

static unsigned int csb_pointer(struct gvt *gvt, enum gpu_engine_id engine)
{
	unsigned int ptr = hw_read(gvt, engine_base[engine] + RING_CSB_PTR) & 7;

	/* 7: nothing was written since reset */
	return ptr < VGPU_CSB_ENTRIES ? ptr : VGPU_CSB_ENTRIES - 1;
}

static void engine_init(struct gvt *gvt, enum gpu_engine_id engine)
{
	uint32_t base = engine_base[engine];

	hw_write(gvt, base + RING_HWS_PGA, (uint32_t)GVT_OWN_GGTT);
	hw_write(gvt, base + RING_MI_MODE, MASKED_DISABLE(STOP_RING));
	hw_write(gvt, base + RING_MODE, MASKED_ENABLE(RUN_LIST_ENABLE | PPGTT_ENABLE));
	hw_write(gvt, base + RING_IMR, ~(IRQ_ALL << virq_shift(engine)));
	hw_write(gvt, base + RING_EIR, ~0u);
	gvt->engine[engine].csb_read = csb_pointer(gvt, engine);
}

/** hw_init - take over the GPU after power on, and note what a new vGPU's registers read */
void hw_init(struct gvt *gvt)
{
	struct gpu_reg_info info;
	uint32_t offset;
	unsigned int n;

	/* Only what the table names: reading the others can have no answer but 0. */
	for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4)
		if (gpu_reg_info(gvt->platform, offset, &info))
			gvt->initial[offset / 4] = info.reset;
	policy_initial(gvt->initial);

	gpu_ggtt_write(gvt->gpu, GVT_OWN_GGTT_INDEX,
		       GVT_OWN_PAGE | GPU_PTE_PRESENT | GPU_PTE_WRITE);
	shadow_init_window(gvt);
	for (n = 0; n < GPU_NUM_ENGINES; n++)
		engine_init(gvt, n);
	for (n = 0; n < 4; n++) {
		uint32_t wanted = n == 2 ? 0 : n == 0 ? IRQ_ALL << 16 | IRQ_ALL : IRQ_ALL;

		hw_write(gvt, GT_BANK(n) + 0x4, ~wanted);
		hw_write(gvt, GT_BANK(n) + 0x8, ~0u);
		hw_write(gvt, GT_BANK(n) + 0xc, wanted);
	}
	hw_write(gvt, MASTER_IRQ, 1u << 31);
}

/**
 * hw_engine_reset - stop an engine whatever it does; nothing is left of what was on it, not even a
 * report
 */
void hw_engine_reset(struct gvt *gvt, enum gpu_engine_id engine)
{
	static const uint32_t domain[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 1u << 1,
		[GPU_VCS0] = 1u << 2,
		[GPU_BCS0] = 1u << 3,
		[GPU_VECS0] = 1u << 4,
	};
	uint32_t base = engine_base[engine];

	hw_write(gvt, base + RING_RESET_CTL, MASKED_ENABLE(RESET_REQUEST));
	hw_write(gvt, GDRST, domain[engine]);
	hw_write(gvt, base + RING_RESET_CTL, MASKED_DISABLE(RESET_REQUEST));
	hw_write(gvt, GT_BANK(virq_bank(engine)) + 0x8, 0xffffu << virq_shift(engine));
	engine_init(gvt, engine);
}

/** hw_engine_save - see gvt_types.h; all that the engine reported was read */
void hw_engine_save(struct gvt *gvt, enum gpu_engine_id engine)
{
	gpu_engine_save(gvt->gpu, engine, gvt->engine[engine].owner->engine[engine].state);
}

/* The owner's page may have moved since. */
static void show_owner(struct gvt *gvt, enum gpu_engine_id engine)
{
	struct vgpu *owner = gvt->engine[engine].owner;
	uint32_t base = engine_base[engine];

	hw_write(gvt, base + GPU_RING_DOMAIN, owner->id);
	hw_write(gvt, base + GPU_RING_HWS_PGA_VGPU, vreg_get(owner, base + RING_HWS_PGA));
}

/** hw_engine_restore - see gvt_types.h */
void hw_engine_restore(struct gvt *gvt, enum gpu_engine_id engine)
{
	struct gvt_engine *ge = &gvt->engine[engine];

	gpu_engine_restore(gvt->gpu, engine, ge->owner->engine[engine].state);
	ge->csb_read = csb_pointer(gvt, engine);
	show_owner(gvt, engine);
}

void hw_stop(struct gvt *gvt, enum gpu_engine_id engine, bool stop)
{
	/* Also if it seems to be so already: the guest's own commands can change the bit. */
	hw_write(gvt, engine_base[engine] + RING_MI_MODE,
		 stop ? MASKED_ENABLE(STOP_RING) : MASKED_DISABLE(STOP_RING));
}

/** hw_submit - one context, for the engine's owner */
void hw_submit(struct gvt *gvt, enum gpu_engine_id engine, uint64_t desc)
{
	uint32_t elsp = engine_base[engine] + RING_ELSP;

	show_owner(gvt, engine);
	hw_write(gvt, elsp, 0);
	hw_write(gvt, elsp, 0);
	hw_write(gvt, elsp, desc >> 32);
	hw_write(gvt, elsp, (uint32_t)desc);
}

static uint32_t ack_interrupts(struct gvt *gvt, enum gpu_engine_id engine)
{
	uint32_t iir = GT_BANK(virq_bank(engine)) + 0x8;
	uint32_t bits = hw_read(gvt, iir) & (0xffffu << virq_shift(engine));

	if (bits)
		hw_write(gvt, iir, bits);
	return bits >> virq_shift(engine);
}

static unsigned int take_events(struct gvt *gvt, enum gpu_engine_id engine)
{
	struct gvt_engine *ge = &gvt->engine[engine];
	uint32_t csb = engine_base[engine] + RING_CSB;
	unsigned int last = csb_pointer(gvt, engine), n = 0;

	while (ge->csb_read != last) {
		uint32_t status;

		ge->csb_read = (ge->csb_read + 1) % VGPU_CSB_ENTRIES;
		status = hw_read(gvt, csb + 8 * ge->csb_read);
		if (ge->owner)
			n += execlist_event(ge->owner, engine, status);
	}
	return n;
}

void hw_drain_engine(struct gvt *gvt, enum gpu_engine_id engine)
{
	struct gvt_engine *ge = &gvt->engine[engine];
	uint32_t bits, base = engine_base[engine];
	unsigned int round, events;
	bool idle;

	/*
	 * The order matters. An engine that is seen idle has reported all before: what is read
	 * afterwards is complete, and the next owner gets nothing of it. One that was not may have
	 * become idle while its reports were read, and says so no second time: look again.
	 * Interrupts are acknowledged before the events are read, so that a later event raises a
	 * new one.
	 */
	for (round = 0; round < ENGINE_DRAIN_ROUNDS; round++) {
		idle = !(hw_read(gvt, base + RING_EXECLIST_STATUS) & STATUS_NOT_IDLE);
		bits = ack_interrupts(gvt, engine);
		events = take_events(gvt, engine);
		/* The virtual context switch interrupt comes with the virtual event. */
		bits &= ~IRQ_CONTEXT_SWITCH;
		if (events)
			bits |= IRQ_CONTEXT_SWITCH;
		if (ge->owner && bits)
			virq_engine(ge->owner, engine, bits);
		/* The second element of a submission may have been started just now. */
		if (idle && ge->owner && !ge->owner->engine[engine].run.valid) {
			sched_account(gvt, engine);
			ge->owner->engine[engine].busy = false;
			return;
		}
		if (!bits)
			return;
	}
	atomic_store(&gvt->attention, true);
}

void hw_drain(struct gvt *gvt)
{
	uint32_t master = hw_read(gvt, MASTER_IRQ);
	static const uint32_t bit[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 1u << 0,
		[GPU_BCS0] = 1u << 1,
		[GPU_VCS0] = 1u << 2,
		[GPU_VECS0] = 1u << 6,
	};
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		if (!(master & bit[e]))
			continue;
		hw_drain_engine(gvt, e);
		sched_run(gvt, e);
	}
}
