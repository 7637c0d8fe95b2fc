/* SPDX-License-Identifier: MIT */
/* The functions of mmio.c that policy.def names; for policy.c only. */
#ifndef MMIO_CALLS_H
#define MMIO_CALLS_H

#include "gvt_types.h"

uint32_t mmio_read_zero(struct vgpu *vgpu, uint32_t offset);
uint32_t mmio_mi_mode_read(struct vgpu *vgpu, uint32_t offset);
uint32_t mmio_eir_read(struct vgpu *vgpu, uint32_t offset);
uint32_t mmio_execlist_status_read(struct vgpu *vgpu, uint32_t offset);
uint32_t mmio_rpstat_read(struct vgpu *vgpu, uint32_t offset);
uint32_t mmio_pwr_well_read(struct vgpu *vgpu, uint32_t offset);
void mmio_hws_pga_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_mi_mode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_eir_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_elsp_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_ring_mode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_csb_ptr_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_eco_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_vreg_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_pass_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_forcewake_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void mmio_pcode_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);

#endif /* MMIO_CALLS_H */
