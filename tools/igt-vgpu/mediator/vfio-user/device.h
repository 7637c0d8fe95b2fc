/* SPDX-License-Identifier: MIT */
/*
 * A vGPU as a vfio-user device: what its client asks for becomes calls of the mediator.
 *
 * Caller: server.c, and the tests. A client is not trusted: each message is checked before anything
 * is done, and a bad one is answered with an errno.
 */
#ifndef VFIO_USER_DEVICE_H
#define VFIO_USER_DEVICE_H

#include "gvt/gvt.h"

struct stats;
struct vfu_device;

/*
 * @config: but for .opaque and .stats, which are ours. NULL and *@error (g_free()) if the mediator
 * refuses. The mediator's host ops are given the device as @vgpu_opaque: .page is
 * vfu_device_page(), .irq vfu_device_irq().
 */
struct vfu_device *vfu_device_new(struct gvt *gvt, const struct vgpu_config *config, char **error);
/* Nobody serves it any more. */
void vfu_device_free(struct vfu_device *device);
/*
 * Answers the client on @sock until that is gone or not to be understood any more; one thread at a
 * time. Then the vGPU is reset, and nothing of the client is held or reached any more.
 */
void vfu_device_serve(struct vfu_device *device, int sock);

struct vgpu *vfu_device_vgpu(struct vfu_device *device);
struct stats *vfu_device_stats(struct vfu_device *device);

void *vfu_device_page(void *device, uint64_t addr, bool write);
void vfu_device_irq(void *device, bool level);

#endif /* VFIO_USER_DEVICE_H */
