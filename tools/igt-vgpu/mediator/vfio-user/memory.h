/* SPDX-License-Identifier: MIT */
/*
 * A client's memory as it handed it over: ranges of addresses on the device's bus, each with a
 * piece of a file that is mapped here, or with nothing that can be reached.
 *
 * Callers: device.c for the client's messages, on the client's own thread; the mediator for pages,
 * on any thread.
 */
#ifndef VFIO_USER_MEMORY_H
#define VFIO_USER_MEMORY_H

#include <pthread.h>
#include <stdbool.h>

#include "gvt/gvt.h"
#include "protocol.h"

#define VFU_MAX_RANGES 1024u
/* What one client may take of the server's address space: all of them together fit into it. */
#define VFU_MAX_BYTES (1ull << 40)

struct vfu_range;

/**
 * struct vfu_memory - see above
 * @vgpu: has to forget pages before they go; set before there are any
 * @lock: guards what follows; a leaf
 * @range: by ascending address, none overlaps another
 * @count: of them
 * @mapped: bytes that are mapped here; only the client's thread looks
 */
struct vfu_memory {
	struct vgpu *vgpu;
	pthread_rwlock_t lock;
	struct vfu_range *range;
	unsigned int count;
	uint64_t mapped;
};

void vfu_memory_init(struct vfu_memory *memory);
/* After vfu_memory_clear(). */
void vfu_memory_fini(struct vfu_memory *memory);
/*
 * @fd stays the caller's; -1: the range is known, but nobody can reach it. EEXIST: overlaps;
 * EINVAL: not whole pages, no such flags, beyond the end of the file; ENOSPC: too many, or more than
 * VFU_MAX_BYTES; EPERM: the file may shrink, which would take this process down: it must be a memfd
 * that is sealed against that, and not one of hugetlb; others: mmap()'s.
 */
int vfu_memory_map(struct vfu_memory *memory, const struct vfio_user_dma_map *map, int fd);
/* When it returns nobody has a pointer there any more. ENOENT: no such range. */
int vfu_memory_unmap(struct vfu_memory *memory, uint64_t address, uint64_t size);
/* All of it. */
void vfu_memory_clear(struct vfu_memory *memory);
/* The page at @address, until the range is unmapped; NULL: none, or none that may be written. */
void *vfu_memory_page(struct vfu_memory *memory, uint64_t address, bool write);

#endif /* VFIO_USER_MEMORY_H */
