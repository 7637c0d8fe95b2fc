/* SPDX-License-Identifier: MIT */
/*
 * One message of the vfio-user protocol through a UNIX socket, with a file descriptor.
 *
 * Callers: device.c (server), ../qemu/igt-vfio-user.c (client), tests. What a payload means is not
 * known here.
 */
#ifndef VFIO_USER_MESSAGE_H
#define VFIO_USER_MESSAGE_H

#include <stddef.h>

#include "protocol.h"

/* Bytes of a region in one access, and the most of any payload: "max_data_xfer_size". */
#define VFU_MAX_DATA	4096u
#define VFU_MAX_PAYLOAD (sizeof(struct vfio_user_access) + VFU_MAX_DATA)

/**
 * struct vfu_message - a message with its payload
 * @header: as it is on the wire
 * @length: of the payload
 * @fd: came with it, or goes with it; -1: none
 */
struct vfu_message {
	struct vfio_user_header header;
	size_t length;
	int fd;
	union {
		struct vfio_user_version version;
		struct vfio_user_dma_map dma_map;
		struct vfio_user_dma_unmap dma_unmap;
		struct vfio_user_access access;
		struct vfio_device_info device_info;
		struct vfio_region_info region_info;
		struct vfio_irq_info irq_info;
		struct vfio_irq_set irq_set;
		uint8_t payload[VFU_MAX_PAYLOAD];
	};
};

/*
 * The next message; the caller closes @msg->fd. -ECONNRESET: the other side is gone. -EBADMSG: the
 * size in the header is none of a message, so where the next one begins is not known;
 * @msg->header is there. -EMSGSIZE: likewise, for it is too large to be one. -E2BIG: more file
 * descriptors than one; they are closed, the message is complete.
 */
int vfu_receive(int sock, struct vfu_message *msg);
/* Header with the right size, payload, file descriptor. Negative errno: the other side is gone. */
int vfu_send(int sock, struct vfu_message *msg);

#endif /* VFIO_USER_MESSAGE_H */
