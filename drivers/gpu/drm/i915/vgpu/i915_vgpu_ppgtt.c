// SPDX-License-Identifier: MIT
/*
 * Copyright © 2020 Intel Corporation
 *
 * Telling the mediator which page tables to shadow.
 *
 * gen8_ppgtt.c calls this for each address space with page tables of its own.
 */

#include "gt/intel_gtt.h"
#include "i915_drv.h"
#include "i915_pvinfo.h"
#include "i915_vgpu.h"

static void write_pdp(struct intel_uncore *uncore, int i, u64 daddr)
{
	intel_uncore_write(uncore, vgtif_reg(pdp[i].lo), lower_32_bits(daddr));
	intel_uncore_write(uncore, vgtif_reg(pdp[i].hi), upper_32_bits(daddr));
}

/*
 * A message is complete and consumed when g2v_notify is written: that write is trapped, and has
 * returned when the mediator is done. All the writes before it are only parts of the message, thus
 * two messages must not be mixed: the lock is one per device, as is the page.
 */
static void notify(struct i915_ppgtt *ppgtt, enum vgt_g2v_type l3_msg, enum vgt_g2v_type l4_msg)
{
	struct i915_virtual_gpu *vgpu = &ppgtt->vm.i915->vgpu;
	struct intel_uncore *uncore = ppgtt->vm.gt->uncore;
	int i;

	mutex_lock(&vgpu->lock);

	if (i915_vm_is_4lvl(&ppgtt->vm)) {
		write_pdp(uncore, 0, px_dma(ppgtt->pd));
		intel_uncore_write(uncore, vgtif_reg(g2v_notify), l4_msg);
	} else {
		for (i = 0; i < GEN8_3LVL_PDPES; i++)
			write_pdp(uncore, i, i915_page_dir_dma_addr(ppgtt, i));
		intel_uncore_write(uncore, vgtif_reg(g2v_notify), l3_msg);
	}

	mutex_unlock(&vgpu->lock);
}

/**
 * intel_vgpu_ppgtt_create - a page table exists from now on
 * @ppgtt: the address space; its top level is complete, and no context uses it yet
 *
 * Does nothing on bare hardware. May sleep.
 */
void intel_vgpu_ppgtt_create(struct i915_ppgtt *ppgtt)
{
	if (!intel_vgpu_active(ppgtt->vm.i915))
		return;

	/* The mediator does not like directories to disappear: the top level is never removed. */
	atomic_inc(px_used(ppgtt->pd));

	notify(ppgtt, VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
	ppgtt->vgpu_notified = true;
}

/**
 * intel_vgpu_ppgtt_destroy - a page table is about to go away
 * @ppgtt: the address space; no context uses it any more
 *
 * Does nothing if the mediator has not been told of the page table: on bare hardware, and if the
 * page table never became complete; then there may be no top level either. May sleep.
 */
void intel_vgpu_ppgtt_destroy(struct i915_ppgtt *ppgtt)
{
	if (!ppgtt->vgpu_notified)
		return;

	ppgtt->vgpu_notified = false;
	atomic_dec(px_used(ppgtt->pd));

	notify(ppgtt, VGT_G2V_PPGTT_L3_PAGE_TABLE_DESTROY, VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY);
}
