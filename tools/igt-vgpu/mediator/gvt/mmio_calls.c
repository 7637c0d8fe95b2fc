// SPDX-License-Identifier: MIT
/*
 * Registers that do something: the functions that policy.def names, but for those of interrupts,
 * fences and resets.
 *
 * Called by mmio.c. What a value means is from i915 (gt/intel_engine_regs.h, gt/intel_gt_regs.h,
 * i915_reg.h); what a mediator does with it from its gvt/handlers.c.
 */
#include "mmio_calls.h"

#define PCODE_DATA		0x138128u
#define PCODE_READY		(1u << 31)
#define RPNSWREQ		0xa008u

#define MASKED_ON(value, bits)	(((value) & (bits)) && (((value) >> 16) & (bits)))

uint32_t mmio_read_zero(struct vgpu *vgpu, uint32_t offset)
{
	(void)vgpu;
	(void)offset;
	return 0;
}

void mmio_pass_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	hw_write(vgpu->gvt, offset, value);
}

void mmio_vreg_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	vreg_write(vgpu, offset, value);
}

static bool is_running(struct vgpu *vgpu, enum gpu_engine_id engine)
{
	return sched_owns(vgpu, engine) && vgpu->engine[engine].busy;
}

/*
 * A driver stops the ring before it resets an engine: then what it reads of its state stands still.
 */
uint32_t mmio_mi_mode_read(struct vgpu *vgpu, uint32_t offset)
{
	enum gpu_engine_id engine = hw_engine_of(offset);
	uint32_t mode = vreg_get(vgpu, offset);
	bool idle = true;

	if (sched_owns(vgpu, engine))
		idle = hw_read(vgpu->gvt, offset) & MODE_IDLE;
	else if (vgpu->engine[engine].hung || vgpu->engine[engine].busy)
		idle = mode & STOP_RING;
	return idle ? mode | MODE_IDLE : mode & ~MODE_IDLE;
}

void mmio_mi_mode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	enum gpu_engine_id engine = hw_engine_of(offset);

	value = vreg_write(vgpu, offset, value);
	if (sched_owns(vgpu, engine))
		hw_stop(vgpu->gvt, engine, value & STOP_RING);
	sched_wake(vgpu, engine);
}

uint32_t mmio_eir_read(struct vgpu *vgpu, uint32_t offset)
{
	return is_running(vgpu, hw_engine_of(offset)) ? hw_read(vgpu->gvt, offset) :
							vreg_get(vgpu, offset);
}

void mmio_eir_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	vreg_write(vgpu, offset, value);
	if (is_running(vgpu, hw_engine_of(offset)))
		hw_write(vgpu->gvt, offset, value);
}

void mmio_hws_pga_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	if (value &&
	    !partition_has_range(&vgpu->part, value & ~(GPU_PAGE_SIZE - 1), GPU_PAGE_SIZE)) {
		stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "status page of %s at 0x%x is outside the partition: ignored",
			 gpu_engine_name(hw_engine_of(offset)), value);
		return;
	}
	vreg_write(vgpu, offset, value);
}

void mmio_elsp_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	execlist_elsp_write(vgpu, hw_engine_of(offset), value);
}

uint32_t mmio_execlist_status_read(struct vgpu *vgpu, uint32_t offset)
{
	enum gpu_engine_id engine = hw_engine_of(offset);

	return offset & 8 ? execlist_id(vgpu, engine) : execlist_status(vgpu, engine);	/* 0x238, 0x234 */
}

void mmio_csb_ptr_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	execlist_pointer_write(vgpu, hw_engine_of(offset), value);
}

void mmio_ring_mode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	/*
	 * A GuC or a legacy mode of submission that is not mediated (as GVT-g: bit 0, on CFL bit 1,
	 * too).
	 */
	uint32_t unsupported = vgpu->gvt->platform == GPU_CFL ? 3 : 1;

	if (MASKED_ON(value, 1) || MASKED_ON(value, unsupported & 2)) {
		vgpu_enter_failsafe(vgpu, "it wants a submission mode that a vGPU does not have");
		return;
	}
	if ((MASKED_ON(value, PPGTT_ENABLE) || MASKED_ON(value, RUN_LIST_ENABLE)) &&
	    !vgpu->pvinfo_read) {
		vgpu_enter_failsafe(vgpu, "it starts an engine without a look at the PVINFO page");
		return;
	}
	vreg_write(vgpu, offset, value & ~(unsupported << 16 | unsupported));
}

/*
 * 64 KiB pages in this guest's page tables: for all engines or for none, for its tables do not say
 * for which they are (gvt/handlers.c, gamw_echo_dev_rw_ia_write()).
 */
void mmio_eco_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	uint32_t ips = value & GPU_GAMW_ECO_IPS;

	if (ips && ips != GPU_GAMW_ECO_IPS) {
		stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
		vgpu_log(
			vgpu, GPU_LOG_WARN,
			"GAMW_ECO_DEV 0x%x: 64 KiB pages for some engines only are not to be had: ignored",
			value);
		return;
	}
	vreg_write(vgpu, offset, value);
	mmio_tell_ips(vgpu);
}

void mmio_forcewake_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	uint32_t ack = offset == 0xa278 ? 0xd84 : offset == 0xa270 ? 0xd88 : 0x130044;

	/* No guest can let the GPU sleep: the request is granted at once. */
	vreg_set(vgpu, ack, vreg_write(vgpu, offset, value) & 0xffff);
}

uint32_t mmio_rpstat_read(struct vgpu *vgpu, uint32_t offset)
{
	(void)offset;
	/* runs as fast as was asked for: GEN9_CAGF, GEN9_FREQUENCY */
	return vreg_get(vgpu, RPNSWREQ) & 0xff800000u;
}

/* There is no display, but the i915 of Linux 6.1 waits for power wells before it looks for one. */
uint32_t mmio_pwr_well_read(struct vgpu *vgpu, uint32_t offset)
{
	return gpu_pwr_well_ctl(vgpu->vreg, offset);
}

/* The power controller answers everything at once and changes nothing. */
void mmio_pcode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	uint32_t data = vreg_get(vgpu, PCODE_DATA);

	switch (value & 0xff) {
	case 0x05:	/* GEN6_PCODE_READ_RC6VIDS */
		data |= 1;
		break;
	case 0x06:	/* GEN9_PCODE_READ_MEM_LATENCY: a Skylake's */
		data = data ? 0x61514b3d : 0x1e1a1100;
		break;
	case 0x07:	/* SKL_PCODE_CDCLK_CONTROL: ready for a change */
		data = 1;
		break;
	case 0x08:	/* GEN6_PCODE_WRITE_MIN_FREQ_TABLE: GPU, CPU << 8, ring << 16 */
		vgpu->pcode_freq[data & 0xff] = data >> 8;
		break;
	case 0x09:	/* GEN6_PCODE_READ_MIN_FREQ_TABLE */
		data = vgpu->pcode_freq[data & 0xff];
		break;
	case 0x21:	/* GEN9_PCODE_SAGV_CONTROL: is disabled (GVT-g lets the guest time out) */
		data = 1;
		break;
	}
	vreg_set(vgpu, PCODE_DATA, data);
	vreg_set(vgpu, offset, value & ~(PCODE_READY | 0xff));	/* done, without error */
}
