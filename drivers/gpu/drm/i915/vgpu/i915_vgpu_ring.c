// SPDX-License-Identifier: MIT
/*
 * Rings of messages in memory that is shared with a mediator.
 *
 * i915_vgpu_channel.c writes requests to one and reads responses from another. Nothing here locks,
 * waits, or knows what a message means; nothing here trusts what is in the shared memory.
 */

#include <kunit/visibility.h>

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>

#include <asm/barrier.h>

#include "i915_vgpu_channel_abi.h"
#include "i915_vgpu_ring.h"

static int refuse(struct vgpu_ring_fault *fault, const char *what, u32 value)
{
	fault->what = what;
	fault->value = value;
	return -EPROTO;
}

static u32 *dword(const struct vgpu_ring *ring, u32 index)
{
	return &ring->data[index & (ring->size - 1)];
}

/**
 * vgpu_ring_init - begin with an empty ring
 * @ring: the ring
 * @data: its dwords
 * @size: how many, a power of two
 * @head: the reader's index
 * @tail: the writer's index
 *
 * The other side must not use the ring yet.
 */
void vgpu_ring_init(struct vgpu_ring *ring, u32 *data, u32 size, u32 *head, u32 *tail)
{
	ring->data = data;
	ring->size = size;
	ring->shared_head = head;
	ring->shared_tail = tail;
	ring->head = 0;
	ring->tail = 0;

	WRITE_ONCE(*head, 0);
	WRITE_ONCE(*tail, 0);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_ring_init);

/* Writer: how far has the reader come? Not beyond what was written, and not backwards. */
static int look_at_head(struct vgpu_ring *ring, struct vgpu_ring_fault *fault)
{
	/*
	 * Acquire pairs with the release with which the reader writes its head: it has read what
	 * lies before that, and what we write there from now on is not what it reads.
	 */
	u32 head = virt_load_acquire(ring->shared_head);

	if (head & 1 || ring->tail - head > ring->tail - ring->head)
		return refuse(fault, "ring head", head);

	ring->head = head;
	return 0;
}

/* Reader: how far has the writer come? Not more than a ring ahead, and not backwards. */
static int look_at_tail(struct vgpu_ring *ring, struct vgpu_ring_fault *fault)
{
	/*
	 * Acquire pairs with the release with which the writer writes its tail: it has written the
	 * messages that lie before that, and we see them.
	 */
	u32 tail = virt_load_acquire(ring->shared_tail);

	if (tail & 1 || tail - ring->head > ring->size ||
	    tail - ring->head < ring->tail - ring->head)
		return refuse(fault, "ring tail", tail);

	ring->tail = tail;
	return 0;
}

/**
 * vgpu_ring_write - write a message
 * @ring: the ring
 * @msg: the message
 * @dwords: its length, even, 2 .. %VGT_MSG_MAX_DWORDS
 * @fault: what is wrong with the ring, set only then
 *
 * Return: zero; -ENOSPC if there is no room; -EPROTO if the reader is not to be believed. Nothing
 * was written then.
 */
int vgpu_ring_write(struct vgpu_ring *ring, const u32 *msg, u32 dwords,
		    struct vgpu_ring_fault *fault)
{
	u32 i;
	int err;

	/* The reader only ever makes room: ask how much only if what we know of does not suffice */
	if (ring->size - (ring->tail - ring->head) < dwords) {
		err = look_at_head(ring, fault);
		if (err)
			return err;

		if (ring->size - (ring->tail - ring->head) < dwords)
			return -ENOSPC;
	}

	for (i = 0; i < dwords; i++)
		WRITE_ONCE(*dword(ring, ring->tail + i), msg[i]);

	ring->tail += dwords;
	/*
	 * Release pairs with the acquire with which the reader reads our tail: who sees the new
	 * tail sees the message as well.
	 */
	virt_store_release(ring->shared_tail, ring->tail);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_ring_write);

/**
 * vgpu_ring_read - read a message
 * @ring: the ring
 * @msg: room for %VGT_MSG_MAX_DWORDS dwords
 * @fault: what is wrong with the ring, set only then
 *
 * The message is a copy: the writer can change what is in the ring, and cannot change that.
 *
 * Return: the length of the message in dwords; zero if there is none; -EPROTO if the writer is not
 * to be believed.
 */
int vgpu_ring_read(struct vgpu_ring *ring, u32 *msg, struct vgpu_ring_fault *fault)
{
	u32 dwords, i;
	int err;

	if (ring->head == ring->tail) {
		err = look_at_tail(ring, fault);
		if (err)
			return err;

		if (ring->head == ring->tail)
			return 0;
	}

	/* Once: what was checked is what is used. */
	msg[0] = READ_ONCE(*dword(ring, ring->head));
	dwords = msg[0] & VGT_MSG_LENGTH;
	if (dwords < 2 || dwords & 1 || dwords > VGT_MSG_MAX_DWORDS)
		return refuse(fault, "message length", dwords);

	/* Messages are complete when the tail is written, so this one never will be. */
	if (dwords > ring->tail - ring->head)
		return refuse(fault, "length of a torn message", dwords);

	for (i = 1; i < dwords; i++)
		msg[i] = READ_ONCE(*dword(ring, ring->head + i));

	ring->head += dwords;
	/*
	 * Release pairs with the acquire with which the writer reads our head: it overwrites what
	 * we have read, and nothing that we have yet to read.
	 */
	virt_store_release(ring->shared_head, ring->head);
	return dwords;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_ring_read);
