/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_RING_H_
#define _I915_VGPU_RING_H_

#include <linux/types.h>

/**
 * struct vgpu_ring - one side's view of a ring of messages in shared memory
 *
 * The other side can write to all of the shared memory, at any time. So what is known of the ring
 * is in here, and what is read from there is checked before it gets here.
 */
struct vgpu_ring {
	/** @data: its dwords, shared */
	u32 *data;
	/** @size: how many, a power of two */
	u32 size;
	/** @shared_head: the reader's index, shared */
	u32 *shared_head;
	/** @shared_tail: the writer's index, shared */
	u32 *shared_tail;
	/** @head: for a reader, its index; for a writer, what it last saw of the reader's */
	u32 head;
	/** @tail: for a writer, its index; for a reader, what it last saw of the writer's */
	u32 tail;
};

/**
 * struct vgpu_ring_fault - what the other side did wrong; reads "@what is @value"
 */
struct vgpu_ring_fault {
	/** @what: the offending index or field */
	const char *what;
	/** @value: its value */
	u32 value;
};

void vgpu_ring_init(struct vgpu_ring *ring, u32 *data, u32 size, u32 *head, u32 *tail);
int vgpu_ring_write(struct vgpu_ring *ring, const u32 *msg, u32 dwords,
		    struct vgpu_ring_fault *fault);
int vgpu_ring_read(struct vgpu_ring *ring, u32 *msg, struct vgpu_ring_fault *fault);

#endif /* _I915_VGPU_RING_H_ */
