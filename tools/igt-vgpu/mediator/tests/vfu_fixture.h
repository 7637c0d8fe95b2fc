/* SPDX-License-Identifier: MIT */
/*
 * A vfio-user device and its client in one process, over a socket pair: the device is served on a
 * thread, the test is the client. The client's guest is one of gvt_fixture.h whose memory is a memfd
 * that the device reaches only as far as the test maps it.
 */
#ifndef VFU_FIXTURE_H
#define VFU_FIXTURE_H

#include <pthread.h>

#include "gvt_fixture.h"
#include "vfio-user/device.h"
#include "vfio-user/message.h"

#define VX_MEMORY	((uint64_t)GX_PAGES << GPU_PAGE_SHIFT)

/** struct vx - a device, its client, and the client's guest */
struct vx {
	struct gx_guest *guest;
	struct vfu_device *device;
	int sock;		/* the client's end; -1: not connected */
	int served;		/* the device's end */
	pthread_t thread;
	int memfd;		/* the guest's memory, sealed */
	struct vfu_message msg;	/* the last reply */
};

/* A mediator with vfio-user devices 0 and 1 of it, both connected, no version agreed on yet. */
struct vx_pair {
	struct gx *gx;
	struct vx vx[2];
};

int vx_setup(void **state);
int vx_teardown(void **state);
void vx_connect(struct vx *vx);
/* Returns when the device has forgotten the client. */
void vx_disconnect(struct vx *vx);

/*
 * One command with @length bytes of payload, and maybe a descriptor, which stays the test's. The
 * errno of the reply, or 0; the reply is in vx->msg.
 */
int vx_command(struct vx *vx, unsigned int command, const void *payload, size_t length, int fd);
/* VERSION; must succeed. */
void vx_negotiate(struct vx *vx);
/* Did the device close the connection? */
bool vx_is_closed(struct vx *vx);

uint64_t vx_read(struct vx *vx, uint32_t region, uint64_t offset, uint32_t count);
void vx_write(struct vx *vx, uint32_t region, uint64_t offset, uint32_t count, uint64_t value);
int vx_dma_map(struct vx *vx, uint64_t address, uint64_t size, uint64_t offset, uint32_t flags,
	       int fd);
int vx_dma_unmap(struct vx *vx, uint64_t address, uint64_t size);
int vx_set_irq(struct vx *vx, uint32_t index, uint32_t flags, uint32_t count, int fd);
/* Version, all of the guest's memory, bus mastering, and the guest's driver (gx_start()). */
void vx_boot(struct vx *vx);
/* A memfd of @size bytes, sealed against shrinking or not. */
int vx_memfd(uint64_t size, bool sealed);
/* How many times an eventfd was written to since the last time. */
unsigned int vx_events(int fd);

#endif /* VFU_FIXTURE_H */
