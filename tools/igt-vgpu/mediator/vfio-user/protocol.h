/* SPDX-License-Identifier: MIT */
/*
 * The vfio-user protocol on the wire, as far as it is spoken here: docs/interop/vfio-user.rst of
 * QEMU is its specification. Messages that are VFIO's own structures come from <linux/vfio.h>.
 *
 * Included by the server and by its client in ../qemu; nothing but numbers and layouts.
 */
#ifndef VFIO_USER_PROTOCOL_H
#define VFIO_USER_PROTOCOL_H

#include <assert.h>
#include <linux/vfio.h>
#include <stdint.h>

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 0

/* Commands; the direction is from client to server. */
enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DEVICE_RESET = 13,
};

#define VFIO_USER_TYPE_MASK	0xfu	/* of the flags */
#define VFIO_USER_TYPE_COMMAND	0u
#define VFIO_USER_TYPE_REPLY	1u
#define VFIO_USER_NO_REPLY	(1u << 4)
#define VFIO_USER_ERROR		(1u << 5)

/**
 * struct vfio_user_header - the beginning of each message
 * @id: the sender's; a reply repeats it
 * @command: enum vfio_user_command; a reply repeats it
 * @size: of the whole message, with this header
 * @flags: VFIO_USER_*
 * @error: an errno, of a reply with VFIO_USER_ERROR
 */
struct vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

/** struct vfio_user_version - VFIO_USER_VERSION, both ways; @data: JSON with a NUL, or nothing */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
	char data[];
};

/** struct vfio_user_dma_map - VFIO_USER_DMA_MAP; the reply has no payload */
struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;		/* VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE */
	uint64_t offset;	/* in the file that comes with it */
	uint64_t address;	/* on the device's bus */
	uint64_t size;
};

/** struct vfio_user_dma_unmap - VFIO_USER_DMA_UNMAP, both ways */
struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};

/** struct vfio_user_access - VFIO_USER_REGION_READ and _WRITE, both ways; @data where it applies */
struct vfio_user_access {
	uint64_t offset;
	uint32_t region;	/* VFIO_PCI_*_REGION_INDEX */
	uint32_t count;
	uint8_t data[];
};

_Static_assert(sizeof(struct vfio_user_header) == 16, "header");
_Static_assert(sizeof(struct vfio_user_version) == 4, "version");
_Static_assert(sizeof(struct vfio_user_dma_map) == 32, "DMA map");
_Static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "DMA unmap");
_Static_assert(sizeof(struct vfio_user_access) == 16, "access");

#endif /* VFIO_USER_PROTOCOL_H */
