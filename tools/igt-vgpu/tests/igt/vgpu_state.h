/* SPDX-License-Identifier: MIT */
/*
 * A piece of everything that must survive (or be the same again after) suspend and reload: buffers,
 * contexts, GTT maps, a tiled map, mirrored memory, and what the driver says of its balloons. Callers: vgpu_reload,
 * vgpu_reset, vgpu_suspend.
 */
#ifndef VGPU_STATE_H
#define VGPU_STATE_H

#include "vgpu_guest.h"
#include "vgpu_mirror.h"

/** struct vgpu_account - what the driver says of its vGPU when nothing runs */
struct vgpu_account {
	uint64_t total;			/* GGTT, bytes */
	uint64_t available;		/* of it, bytes */
	int fences;
	char file[4096];		/* debugfs i915_vgpu */
};

void vgpu_account_take(const struct vgpu_guest *guest, struct vgpu_account *account);
void vgpu_account_compare(const struct vgpu_account *before, const struct vgpu_account *after);

/** struct vgpu_work - live objects of one client */
struct vgpu_work {
	uint32_t context;
	uint32_t stored;		/* written by the GPU before */
	uint32_t mapped;		/* written through a GTT map before */
	uint32_t tiled;			/* the same, X tiled */
	uint32_t *gtt_map;
	uint32_t *tiled_map;		/* NULL if the vGPU has no fences */
	struct vgpu_vm vm;
	uint8_t *mirrored;		/* memory that is bound in it; NULL: the driver cannot */
};

void vgpu_work_begin(const struct vgpu_guest *guest, struct vgpu_work *work);
/* All of it is still there, and works. */
void vgpu_work_check(const struct vgpu_guest *guest, struct vgpu_work *work);
void vgpu_work_end(const struct vgpu_guest *guest, struct vgpu_work *work);

#endif /* VGPU_STATE_H */
