/* SPDX-License-Identifier: MIT */
/* The inside of a device, for device.c and the files of its commands (info.c, region.c). */
#ifndef VFIO_USER_DEVICE_TYPES_H
#define VFIO_USER_DEVICE_TYPES_H

#include <stdatomic.h>

#include "config_space.h"
#include "device.h"
#include "interrupt.h"
#include "memory.h"
#include "message.h"

/**
 * struct vfu_device - a vGPU and its present client
 * @master: the guest lets it reach memory; written by the client's thread, read by all
 * @negotiated: VFIO_USER_VERSION was agreed on
 * @io_index: I/O BAR: register that the data port shows
 *
 * What is not atomic and has no lock of its own belongs to the client's thread.
 */
struct vfu_device {
	struct gvt *gvt;
	struct vgpu *vgpu;
	struct stats *stats;
	struct vfu_memory memory;
	struct vfu_config config;
	struct vfu_interrupt interrupt;
	atomic_bool master;
	bool negotiated;
	uint32_t io_index;
};

/*
 * A command: 0 or an errno. @msg is the request, of which at least the fixed part is there, and
 * becomes the reply: payload and length.
 */
typedef int vfu_command_fn(struct vfu_device *device, struct vfu_message *msg);

/* device.c */
void vfu_device_reset(struct vfu_device *device);
void vfu_device_set_master(struct vfu_device *device, bool master);

/* info.c: what the device is */
vfu_command_fn vfu_version, vfu_get_info, vfu_get_region_info, vfu_get_irq_info, vfu_set_irqs;

/* region.c: config space and BARs */
uint64_t vfu_region_size(const struct vfu_device *device, uint32_t index);
vfu_command_fn vfu_region_read, vfu_region_write;

#endif /* VFIO_USER_DEVICE_TYPES_H */
