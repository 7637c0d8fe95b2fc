/* SPDX-License-Identifier: MIT */
/*
 * Copyright 2003 Tungsten Graphics, Inc., Cedar Park, Texas.
 * All Rights Reserved.
 *
 * What a device knows of its mediator; this was part of i915_drv.h.
 */

#ifndef _I915_VGPU_TYPES_H_
#define _I915_VGPU_TYPES_H_

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "i915_vgpu_balloon.h"
#include "i915_vgpu_partition.h"

struct vgpu_channel;

/**
 * struct i915_virtual_gpu - what a device knows as a guest of a mediator, and for GVT as its host
 *
 * There is one in each &struct drm_i915_private; a guest may well have two vGPUs.
 */
struct i915_virtual_gpu {
	/**
	 * @lock: a PVINFO message is several register writes, the last of them to g2v_notify; they
	 * are made under this lock
	 */
	struct mutex lock;
	/** @active: the device is a vGPU; written by intel_vgpu_detect() only, constant after it */
	bool active;
	/** @version_major: of the mediator, constant after intel_vgpu_detect() */
	u16 version_major;
	/** @version_minor: of the mediator, constant after intel_vgpu_detect() */
	u16 version_minor;
	/** @caps: VGT_CAPS_* of the mediator, constant after intel_vgpu_detect() */
	u32 caps;
	/** @fence_num: fences that the mediator offers, perhaps more than there are */
	u32 fence_num;
	/** @partition: our graphics memory, constant after intel_vgpu_balloon() */
	struct vgpu_partition partition;
	/** @balloon: what keeps us out of the graphics memory of others */
	struct vgpu_balloon balloon;
	/**
	 * @channel: how the mediator is told more, or NULL; set by intel_vgpu_channel_init() and
	 * constant until intel_vgpu_channel_fini()
	 */
	struct vgpu_channel *channel;

	/** @initial_mmio: host only: the registers as GVT found them */
	u32 *initial_mmio;
	/** @initial_cfg_space: host only: the configuration space as GVT found it */
	u8 *initial_cfg_space;
	/** @entry: host only: link in the list of devices that GVT may use, under its mutex */
	struct list_head entry;
};

#endif /* _I915_VGPU_TYPES_H_ */
