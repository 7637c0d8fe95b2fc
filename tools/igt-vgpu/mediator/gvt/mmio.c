// SPDX-License-Identifier: MIT
/*
 * A vGPU's registers: access by class, and the switched ones when an engine changes hands.
 *
 * Called by BAR 0 dispatch (vgpu.c) with a checked, aligned dword offset; by sched.c for the
 * switch. The functions that single registers need are in mmio_calls.c.
 */
#include <string.h>

#include "gvt_types.h"

uint32_t vreg_get(const struct vgpu *vgpu, uint32_t offset)
{
	return vgpu->vreg[offset / 4];
}

void vreg_set(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	vgpu->vreg_touched[offset / GPU_PAGE_SIZE] = true;
	vgpu->vreg[offset / 4] = value;
}

uint32_t vreg_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	uint32_t old = vreg_get(vgpu, offset), mask = ~0u;
	struct gpu_reg_info info;

	if (gpu_reg_info(vgpu->gvt->platform, offset, &info)) {
		mask = info.write_mask;
		if (info.masked)
			mask &= value >> 16;
		if (info.write_1_clear)
			value = old & ~value;
	}
	value = (old & ~mask) | (value & mask);
	vreg_set(vgpu, offset, value);
	return value;
}

/* Whose switched state a register belongs to. */
static enum gpu_engine_id engine_of(uint32_t offset)
{
	/* i915 gt/intel_mocs.c: GEN9_GFX_MOCS, MFX0, MFX1, VEBOX, BLT */
	static const enum gpu_engine_id mocs[] = { GPU_RCS0, GPU_VCS0, GPU_VCS0, GPU_VECS0,
						   GPU_BCS0 };
	int engine = hw_engine_of(offset);

	if (engine >= 0)
		return engine;
	if (offset >= 0xc800 && offset < 0xcd00)
		return mocs[(offset - 0xc800) >> 8];
	return GPU_RCS0;
}

/* What to write to the GPU so that the register reads @value. */
static uint32_t whole_value(struct gvt *gvt, uint32_t offset, uint32_t value)
{
	struct gpu_reg_info info;

	if (gpu_reg_info(gvt->platform, offset, &info) && info.masked)
		return 0xffff0000u | value;
	return value;
}

static void engine_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	enum gpu_engine_id e = engine_of(offset);
	struct vgpu_engine *engine = &vgpu->engine[e];
	struct gpu_reg_info info;

	vreg_write(vgpu, offset, value);
	if (!vgpu->switched_map[offset / 4]) {
		if (gpu_reg_info(vgpu->gvt->platform, offset, &info) &&
		    (!info.write_mask || info.write_1_clear))
			return;		/* holds nothing of the guest's */
		if (engine->num_switched == VGPU_MAX_SWITCHED) {
			stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
			vgpu_log(
				vgpu, GPU_LOG_WARN,
				"register 0x%x: it has set %d registers of %s already, this one stays virtual",
				offset, VGPU_MAX_SWITCHED, gpu_engine_name(e));
			return;
		}
		engine->switched[engine->num_switched++] = offset;
		vgpu->switched_map[offset / 4] = 1;
	}
	if (sched_owns(vgpu, e))
		hw_write(vgpu->gvt, offset, value);
}

static void save_live(struct gvt *gvt, enum gpu_engine_id engine, struct vgpu *vgpu)
{
	const struct policy *row;
	unsigned int i, count;
	uint32_t offset;

	row = policy_table(&count);
	for (i = 0; i < count; i++) {
		if (row[i].class != POLICY_LIVE || hw_engine_of(row[i].first) != (int)engine)
			continue;
		for (offset = row[i].first; offset <= row[i].last; offset += 4)
			vreg_set(vgpu, offset, hw_read(gvt, offset));
	}
	vreg_set(vgpu, hw_engine_base(engine) + RING_EIR,
		 hw_read(gvt, hw_engine_base(engine) + RING_EIR));
}

/** mmio_save - what @vgpu leaves in an engine that it no longer has; nothing of it stays behind */
void mmio_save(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	struct gvt *gvt = vgpu->gvt;
	unsigned int i;

	save_live(gvt, e, vgpu);
	for (i = 0; i < engine->num_switched; i++) {
		uint32_t offset = engine->switched[i];

		vreg_set(vgpu, offset, hw_read(gvt, offset));
		hw_write(gvt, offset, whole_value(gvt, offset, gvt->initial[offset / 4]));
	}
}

/** mmio_load - what @vgpu set of the registers of an engine that it has now */
void mmio_load(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	struct gvt *gvt = vgpu->gvt;
	unsigned int i;

	for (i = 0; i < engine->num_switched; i++) {
		uint32_t offset = engine->switched[i];

		hw_write(gvt, offset, whole_value(gvt, offset, vreg_get(vgpu, offset)));
	}
}

/**
 * mmio_tell_ips - GPU_GAMW_ECO of @vgpu may have changed: the GPU walks its page tables by its own
 * register (GVT-g shadows them by it: gvt/gtt.c, vgpu_ips_enabled())
 */
void mmio_tell_ips(struct vgpu *vgpu)
{
	gpu_ppgtt_set_ips(vgpu->gvt->gpu, vgpu->id, vreg_get(vgpu, GPU_GAMW_ECO));
}

/** mmio_init - registers as after power on; nothing of this vGPU may be on an engine */
void mmio_init(struct vgpu *vgpu)
{
	unsigned int e, page, first;

	for (page = 0; page < VREG_PAGES; page++) {
		if (!vgpu->vreg_touched[page])
			continue;
		first = page * GPU_PAGE_SIZE / 4;
		memcpy(&vgpu->vreg[first], &vgpu->gvt->initial[first], GPU_PAGE_SIZE);
		memset(&vgpu->switched_map[first], 0, GPU_PAGE_SIZE / 4);
		vgpu->vreg_touched[page] = false;
	}
	memset(vgpu->pcode_freq, 0, sizeof(vgpu->pcode_freq));
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		vgpu->engine[e].num_switched = 0;
	mmio_tell_ips(vgpu);
}

static void denied(struct vgpu *vgpu, const char *what, uint32_t offset, const struct policy *row)
{
	stats_count(vgpu->stats, STATS_VIOLATION_MMIO);
	vgpu_log(vgpu, GPU_LOG_WARN, "%s of register 0x%x (%s) denied", what, offset, row->name);
}

/* Of a parked engine, also what the context brought along that runs there. */
static uint32_t engine_read(struct vgpu *vgpu, uint32_t offset)
{
	enum gpu_engine_id e = engine_of(offset);
	uint32_t value;

	if (sched_owns(vgpu, e))
		return hw_read(vgpu->gvt, offset);
	if (vgpu->engine[e].busy && !vgpu->switched_map[offset / 4] &&
	    gpu_engine_state_reg(vgpu->gvt->gpu, e, vgpu->engine[e].state, offset, &value))
		return value;
	return vreg_get(vgpu, offset);
}

uint32_t mmio_read(struct vgpu *vgpu, uint32_t offset)
{
	const struct policy *row = policy_find(offset);

	switch (row->class) {
	case POLICY_ENGINE:
		return engine_read(vgpu, offset);
	case POLICY_LIVE:
		if (sched_owns(vgpu, engine_of(offset)))
			return hw_read(vgpu->gvt, offset);
		break;
	case POLICY_PHYSICAL:
		return hw_read(vgpu->gvt, offset);
	case POLICY_DENIED:
		denied(vgpu, "read", offset, row);
		return 0;
	case POLICY_CALL:
		if (row->read)
			return row->read(vgpu, offset);
		break;
	case POLICY_VIRTUAL:
	case POLICY_READ_ONLY:
		break;
	}
	return vreg_get(vgpu, offset);
}

void mmio_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	const struct policy *row = policy_find(offset);

	switch (row->class) {
	case POLICY_VIRTUAL:
	case POLICY_LIVE:
		vreg_write(vgpu, offset, value);
		break;
	case POLICY_ENGINE:
		engine_write(vgpu, offset, value);
		break;
	case POLICY_DENIED:
		denied(vgpu, "write", offset, row);
		break;
	case POLICY_CALL:
		if (row->write)
			row->write(vgpu, offset, value);
		break;
	case POLICY_PHYSICAL:
	case POLICY_READ_ONLY:
		break;
	}
}
