// SPDX-License-Identifier: MIT
/*
 * A vGPU's page faults, in registers of its own: the GPU has one set for all engines, whoever's
 * they are.
 *
 * fault_report() is called by the GPU on an engine's thread, which must not wait for gvt->lock: who
 * has that may wait for the engine. All else by the register policy and by resets.
 */
#include "gvt_types.h"

static bool is_outside_partition(const struct vgpu *vgpu, const struct gpu_fault *fault)
{
	uint64_t addr = (uint64_t)(fault->data1 & GPU_FAULT_VA_HIGH) << 44 |
			(uint64_t)fault->data0 << GPU_PAGE_SHIFT;

	return fault->data1 & GPU_FAULT_GGTT &&
	       !partition_has_range(&vgpu->part, addr, GPU_PAGE_SIZE);
}

/** fault_report - the first one stays until the guest clears it, as in hardware */
void fault_report(struct vgpu *vgpu, const struct gpu_fault *fault)
{
	struct gvt *gvt = vgpu->gvt;

	if (is_outside_partition(vgpu, fault))
		stats_count(vgpu->stats, STATS_VIOLATION_COMMAND);
	pthread_mutex_lock(&gvt->fault_lock);
	if (!(vgpu->fault.reg & GPU_FAULT_VALID))
		vgpu->fault = *fault;
	pthread_mutex_unlock(&gvt->fault_lock);
}

uint32_t fault_read(struct vgpu *vgpu, uint32_t offset)
{
	struct gvt *gvt = vgpu->gvt;
	struct gpu_fault fault;

	pthread_mutex_lock(&gvt->fault_lock);
	fault = vgpu->fault;
	pthread_mutex_unlock(&gvt->fault_lock);
	if (offset == GPU_RING_FAULT)
		return fault.reg;
	return offset == GPU_FAULT_TLB_DATA0 ? fault.data0 : fault.data1;
}

/** fault_write - of GPU_RING_FAULT; a driver takes the valid bit away */
void fault_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	struct gvt *gvt = vgpu->gvt;

	(void)offset;
	pthread_mutex_lock(&gvt->fault_lock);
	vgpu->fault.reg = value;
	pthread_mutex_unlock(&gvt->fault_lock);
}

/** fault_reset - there was none; nothing of this vGPU may be on an engine */
void fault_reset(struct vgpu *vgpu)
{
	struct gvt *gvt = vgpu->gvt;

	pthread_mutex_lock(&gvt->fault_lock);
	vgpu->fault = (struct gpu_fault){ 0 };
	pthread_mutex_unlock(&gvt->fault_lock);
}
