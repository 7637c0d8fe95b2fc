// SPDX-License-Identifier: MIT
/*
 * The guest's resets of its engines: GDRST and RESET_CTL.
 *
 * Called by the register policy. The hardware is reset only where this guest has the engine; all
 * others notice nothing.
 */
#include "gvt_types.h"

#define ENGINE_BLOCK		0x1000u

/* GDRST (i915 gt/intel_gt_regs.h: GEN6_GRDOM_*, GEN9_GRDOM_GUC). */
#define GDRST_FULL		(1u << 0)
#define GDRST_RENDER		(1u << 1)
#define GDRST_MEDIA		(1u << 2)
#define GDRST_BLT		(1u << 3)
#define GDRST_VECS		(1u << 4)

#define ALL_ENGINES		((1u << GPU_NUM_ENGINES) - 1)
#define GEN8_PRIVATE_PAT_LO	0x40e0u
#define GEN8_PRIVATE_PAT_HI	0x40e4u
/* a full reset leaves what lies above: interrupts, display (as GVT-g) */
#define GT_REGISTERS		0x44200u

static bool survives(uint32_t offset)
{
	/* The handshake of this very reset, and the wells that it needs. */
	if (hw_engine_of(offset) >= 0)
		return (offset & 0xfff) == RING_RESET_CTL;
	/* i915 sets the PAT up at probe and at resume only (setup_private_pat()), never after a reset. */
	return (offset >= 0xa000 && offset < 0xb000) || offset == 0xd84 || offset == 0xd88 ||
	       offset == GEN8_PRIVATE_PAT_LO || offset == GEN8_PRIVATE_PAT_HI;
}

/* @first is the begin of a page. */
static void registers_reset(struct vgpu *vgpu, uint32_t first, uint32_t end)
{
	uint32_t page, offset;

	for (page = first; page < end; page += GPU_PAGE_SIZE) {
		if (!vgpu->vreg_touched[page / GPU_PAGE_SIZE])
			continue;
		for (offset = page; offset < end && offset < page + GPU_PAGE_SIZE; offset += 4)
			if (!survives(offset))
				vreg_set(vgpu, offset, vgpu->gvt->initial[offset / 4]);
	}
}

static void engine_reset(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct gvt_engine *ge = &vgpu->gvt->engine[e];

	/*
	 * What happened before the reset did happen: the guest reads its status buffer afterwards.
	 */
	hw_drain_engine(vgpu->gvt, e);
	/* Even if it is idle: contexts to come must not find what is left in its registers. */
	if (ge->owner == vgpu)
		hw_engine_reset(vgpu->gvt, e);
	execlist_abandon(vgpu, e);
	/* The driver rewrites images as it likes before it goes on. */
	shadow_forget(vgpu, e);
	context_invalidate(vgpu, e);
	registers_reset(vgpu, hw_engine_base(e), hw_engine_base(e) + ENGINE_BLOCK);
	execlist_reset(vgpu, e);
}

static void engine_restart(struct vgpu *vgpu, enum gpu_engine_id e)
{
	if (sched_owns(vgpu, e))
		mmio_load(vgpu, e);
	sched_run(vgpu->gvt, e);
}

void reset_engines(struct vgpu *vgpu, uint32_t engines)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++)
		if (engines & (1u << e))
			engine_reset(vgpu, e);
	if (engines == ALL_ENGINES) {
		channel_end(vgpu, NULL);
		registers_reset(vgpu, 0, GT_REGISTERS);
		fault_reset(vgpu);
		mmio_tell_ips(vgpu);
	}
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		if (!(engines & (1u << e)))
			continue;
		if (engines == ALL_ENGINES)
			execlist_reset(vgpu, e);
		engine_restart(vgpu, e);
	}
}

void reset_gdrst_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	uint32_t engines = 0;

	(void)offset;
	if (value & GDRST_FULL) {
		stats_count(vgpu->stats, STATS_RESET_FULL);
		vgpu_log(vgpu, GPU_LOG_DEBUG, "full reset");
		reset_engines(vgpu, ALL_ENGINES);
		return;
	}
	engines |= value & GDRST_RENDER ? 1u << GPU_RCS0 : 0;
	engines |= value & GDRST_MEDIA ? 1u << GPU_VCS0 : 0;
	engines |= value & GDRST_BLT ? 1u << GPU_BCS0 : 0;
	engines |= value & GDRST_VECS ? 1u << GPU_VECS0 : 0;
	if (!engines)
		return;		/* GuC (bit 5): there is none, its status says so all the time */
	stats_count(vgpu->stats, STATS_RESET_ENGINE);
	vgpu_log(vgpu, GPU_LOG_DEBUG, "reset of engines 0x%x", engines);
	reset_engines(vgpu, engines);
}

uint32_t reset_ctl_read(struct vgpu *vgpu, uint32_t offset)
{
	uint32_t value = vreg_get(vgpu, offset);

	return value & RESET_REQUEST ? value | RESET_READY : value & ~RESET_READY;
}

void reset_ctl_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	vreg_write(vgpu, offset, value);
}
