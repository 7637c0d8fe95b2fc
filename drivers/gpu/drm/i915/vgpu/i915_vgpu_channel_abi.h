/* SPDX-License-Identifier: MIT */
/*
 * The channel: the wire ABI of the requests that an i915 guest sends to a GVT mediator.
 *
 * Both sides compile this one file, as they do with i915_pvinfo_abi.h, and the same rules hold:
 * nothing is included but <linux/types.h>, each offset is asserted, what is published never
 * changes.
 */

#ifndef _I915_VGPU_CHANNEL_ABI_H_
#define _I915_VGPU_CHANNEL_ABI_H_

#include <linux/types.h>

/**
 * DOC: vGPU channel
 *
 * The channel is a piece of the guest's memory, contiguous in DMA addresses, that holds a header
 * (&struct vgt_channel) and two rings: requests go from the guest to the mediator, responses the
 * other way. "PVINFO features" says how it is started and how it ends. All numbers are little
 * endian.
 *
 * The rings hold messages. A message is a multiple of 8 bytes long and may wrap around the end of
 * its ring. Its first two dwords are
 *
 * ===== ===== ====================================================================================
 * Dword Bits  Meaning
 * ===== ===== ====================================================================================
 * 0     7:0   length of the message in dwords, these two included: even, 2 .. %VGT_MSG_MAX_DWORDS
 * 0     8     %VGT_MSG_SYNC: respond in any case; in a response: zero
 * 0     15:9  reserved, zero
 * 0     31:16 VGT_ACTION_* of a request, VGT_RESPONSE_* of a response
 * 1     31:0  seqno: the first request of a channel has 1, the next one 2, and so on modulo 2^32;
 *             a response has that of its request
 * ===== ===== ====================================================================================
 *
 * An index (tail: the writer's, head: the reader's) counts the dwords that ever went through the
 * ring, modulo 2^32: the next dword is written to, or read from, dword ``index & (size / 4 - 1)``
 * of the ring. So ``tail - head`` dwords are in the ring: 0, it is empty; ``size / 4``, it is full.
 * Messages are written first, then the tail is, with release semantics; the tail is read with
 * acquire semantics, then messages are, then the head is written with release semantics. Each side
 * keeps its own indices in memory of its own, and checks the other side's: a tail that is not
 * within ``size / 4`` of the head, that went backwards, is odd, or ends within a message, makes the
 * channel inconsistent, and so does a length that is not one. The mediator then ends the channel;
 * the guest stops it.
 *
 * *Posting* a request is to write it to the ring. It costs no trap. The mediator executes all that
 * is in the ring, in order, before it acts on any access of this guest to BAR 0, from whichever
 * CPU, so that a posted request is ordered with register and GGTT accesses as if it were one.
 * (Accesses through the aperture do not trap on hardware, and order nothing.) It may execute it
 * earlier. Whether a posted request was executed shows in request_head only; if it failed, a
 * response says so.
 *
 * A *synchronous* request has %VGT_MSG_SYNC, and %VGT_G2V_CHANNEL_DOORBELL is written after it was
 * posted. It has been executed, and its response has been written, when the write completes.
 *
 * A request for which there is no room is posted after the doorbell was rung. The mediator executes
 * no request while the response ring has no room for a response: a guest that finds responses after
 * the doorbell reads them, and if it still has to wait, rings once more.
 *
 * A request whose seqno is not the next one fails with %VGT_STATUS_BAD_VALUE, and the mediator
 * counts on from that seqno. Responses come in the order of the requests, and never two for one.
 *
 * Requests are the guest's wishes, and the mediator believes none of them: what is wrong in one has
 * a status, and costs at most the guest itself something. In particular a request that was lost,
 * repeated or forged may cost the mediator the knowledge of a context, and never makes it use
 * memory that is not the guest's, or run a context with the state of another one.
 */

/* The channel's memory: its least and greatest size in bytes, a multiple of 4096 */
#define VGT_CHANNEL_MIN_SIZE	0x1000u
#define VGT_CHANNEL_MAX_SIZE	0x100000u

/* A ring's least size in bytes; a power of two, and the ring lies at a multiple of 64 bytes */
#define VGT_CHANNEL_MIN_RING	0x400u

/* The layout described here */
#define VGT_CHANNEL_VERSION	1

/**
 * struct vgt_channel - the header of the channel's memory
 *
 * The first 64 bytes are written before the channel is started, and constant while it is on. All
 * indices are zero when it is started. What lies between the fields, and between the header and the
 * rings, is reserved and zero.
 */
struct vgt_channel {
	/** @version: %VGT_CHANNEL_VERSION */
	__u32 version;
	/** @request_offset: of the request ring in the channel's memory, bytes */
	__u32 request_offset;
	/** @request_size: of the request ring, bytes */
	__u32 request_size;
	/** @response_offset: of the response ring in the channel's memory, bytes */
	__u32 response_offset;
	/** @response_size: of the response ring, bytes */
	__u32 response_size;
	/** @rsv0: reserved, zero */
	__u32 rsv0[11];

	/** @request_tail: index, written by the guest */
	__u32 request_tail;
	/** @response_head: index, written by the guest */
	__u32 response_head;
	/** @rsv1: reserved, zero */
	__u32 rsv1[14];

	/** @request_head: index, written by the mediator */
	__u32 request_head;
	/** @response_tail: index, written by the mediator */
	__u32 response_tail;
	/** @rsv2: reserved, zero */
	__u32 rsv2[14];
};

/* The first two dwords of a message, see "vGPU channel" */
#define VGT_MSG_MAX_DWORDS	32u
#define VGT_MSG_LENGTH		0x000000ffu
#define VGT_MSG_SYNC		0x00000100u
#define VGT_MSG_RESERVED	0x0000fe00u
#define VGT_MSG_ACTION_SHIFT	16

/**
 * struct vgt_msg - what each message begins with
 * @header: length, %VGT_MSG_SYNC and action
 * @seqno: the request's number
 */
struct vgt_msg {
	__u32 header;
	__u32 seqno;
};

/* Responses */
#define VGT_RESPONSE_STATUS	1

/**
 * enum vgt_status - what became of a request
 * @VGT_STATUS_OK: it was executed
 * @VGT_STATUS_UNKNOWN_ACTION: the mediator does not know the action
 * @VGT_STATUS_NOT_NEGOTIATED: the action belongs to a feature that is not in effect
 * @VGT_STATUS_BAD_LENGTH: the length is not that of this action
 * @VGT_STATUS_BAD_VALUE: a field is beyond its limits, or a reserved one is not zero
 * @VGT_STATUS_NO_SUCH_CONTEXT: the mediator does not know a context of this id
 * @VGT_STATUS_NO_RESOURCES: right, but more than the mediator can keep; nothing was changed
 *
 * A request with another status than %VGT_STATUS_OK has changed nothing.
 */
enum vgt_status {
	VGT_STATUS_OK = 0,
	VGT_STATUS_UNKNOWN_ACTION = 1,
	VGT_STATUS_NOT_NEGOTIATED = 2,
	VGT_STATUS_BAD_LENGTH = 3,
	VGT_STATUS_BAD_VALUE = 4,
	VGT_STATUS_NO_SUCH_CONTEXT = 5,
	VGT_STATUS_NO_RESOURCES = 6,
};

/**
 * struct vgt_response_status - %VGT_RESPONSE_STATUS: the request of this seqno was executed
 * @msg: the seqno is the request's
 * @status: &enum vgt_status
 * @action: VGT_ACTION_* of the request
 *
 * Written for each request with %VGT_MSG_SYNC, and for each other one that has failed.
 */
struct vgt_response_status {
	struct vgt_msg msg;
	__u32 status;
	__u32 action;
};

/* Requests of VGT_FEATURE_CONTEXT */
#define VGT_ACTION_CONTEXT_CREATE	0x0001
#define VGT_ACTION_CONTEXT_PIN		0x0002
#define VGT_ACTION_CONTEXT_UNPIN	0x0003
#define VGT_ACTION_CONTEXT_DESTROY	0x0004

/* Requests of VGT_FEATURE_FENCE */
#define VGT_ACTION_FENCE_SET		0x0010

/**
 * DOC: vGPU context notification
 *
 * A mediator runs a copy of a guest's context, the shadow, and not the context itself, which the
 * guest could change at any time. All it sees of a context without being told is the address in a
 * submission (the LRCA, where the context's image lies in the GGTT), and that is no identity: an
 * image moves, and another one takes its place. So it has to copy the image in for each submission
 * of another LRCA. With these requests it knows contexts by an id that is never used twice, and
 * keeps a shadow for as long as the image stays where it is:
 *
 * ======= ========================================== ==============================================
 * Request When the guest sends it                    What the mediator may rely on
 * ======= ========================================== ==============================================
 * CREATE  the context has an image                   the id is new
 * PIN     the image is in the GGTT, and complete     from here to UNPIN the image stays there, and
 *                                                    nobody but the GPU changes it, apart from its
 *                                                    first two pages
 * UNPIN   the GPU will not use it any more; before   the shadow is not needed any more
 *         the image's GGTT entries change
 * DESTROY the context goes away, it is not pinned    the id will not be seen again
 * ======= ========================================== ==============================================
 *
 * The first two pages (the status page and the register state) are the driver's to write at any
 * time. Of the register state the mediator reads, at each submission, what a driver may change: on
 * Gen8 and Gen9, dwords 0x00 to 0x50 (ring, batch and page table pointers) and the values of
 * MI_MODE, OACTXCONTROL and the flexible EU counters. What else is written between PIN and UNPIN
 * counts from the next PIN on, or is lost.
 *
 * The guest's image is up to date when the guest can see, by a context status event, that the
 * context was switched away from: the mediator has written it back by then. UNPIN is sent after
 * that; a context that still runs is written back nevertheless, unless its GGTT entries change.
 *
 * A context is pinned for as long as the guest needs it in the GGTT, and not for the mediator's
 * sake. PIN of an id that the mediator does not know is a CREATE, too. PIN of one that is pinned
 * replaces what was said of it. CREATE of an id that is known fails with %VGT_STATUS_BAD_VALUE. If
 * a GGTT entry below a pinned image changes nevertheless, the mediator treats the context as
 * unpinned. If two pinned contexts claim the same page, it keeps the later one.
 *
 * Engines are named by class (0 render, 1 copy, 2 video decode, 3 video enhancement, as in the
 * driver's uAPI) and instance: 15:0 is the class, 31:16 the instance. A context that can move from
 * one engine to another is not announced: each move rewrites the addresses of registers all over
 * its image, which on Gen9 is more than the mediator reads again.
 */
#define VGT_ENGINE_CLASS		0x0000ffffu
#define VGT_ENGINE_INSTANCE_SHIFT	16

/**
 * struct vgt_context_create - %VGT_ACTION_CONTEXT_CREATE: there is a new context
 * @msg: first two dwords
 * @id: not zero, never used before
 * @engine: class and instance
 * @image_size: what the hardware context takes, without what a driver may have behind it: bytes, a
 *	multiple of 4096, not less than the engine saves, at most 1 MiB
 */
struct vgt_context_create {
	struct vgt_msg msg;
	__u64 id;
	__u32 engine;
	__u32 image_size;
};

/**
 * struct vgt_context_pin - %VGT_ACTION_CONTEXT_PIN: a context can be submitted from now on
 * @msg: first two dwords
 * @id: not zero
 * @engine: class and instance
 * @image_size: as in &struct vgt_context_create
 * @lrca: address of the image in the GGTT, bytes, a multiple of 4096
 * @ring_start: address of its ring buffer in the GGTT, bytes, a multiple of 4096
 * @ring_size: of its ring buffer, bytes, a multiple of 4096, not 0, at most 2 MiB
 * @rsv: reserved, zero
 */
struct vgt_context_pin {
	struct vgt_msg msg;
	__u64 id;
	__u32 engine;
	__u32 image_size;
	__u32 lrca;
	__u32 ring_start;
	__u32 ring_size;
	__u32 rsv;
};

/**
 * struct vgt_context_ref - %VGT_ACTION_CONTEXT_UNPIN and %VGT_ACTION_CONTEXT_DESTROY
 * @msg: first two dwords
 * @id: which context
 *
 * UNPIN of a context that is not pinned, and DESTROY of one that is, are executed.
 */
struct vgt_context_ref {
	struct vgt_msg msg;
	__u64 id;
};

/* vgt_fence_set.tiling */
#define VGT_TILING_NONE		0
#define VGT_TILING_X		1
#define VGT_TILING_Y		2

/**
 * struct vgt_fence_set - %VGT_ACTION_FENCE_SET: set or clear a fence register
 * @msg: first two dwords
 * @start: first byte in the GGTT, a multiple of 4096, below the end of the aperture
 * @end: first byte after it, a multiple of 4096, not beyond the guest's part of the aperture
 * @index: which fence, below the page's fence_num
 * @tiling: VGT_TILING_*; with NONE the fence is cleared, and start, end and stride are zero
 * @stride: bytes from one row to the next: a multiple of 512 (X) or 128 (Y), not 0, up to 256 KiB
 * @rsv: reserved, zero
 *
 * It stands for the write of 0 to the register's low half, of its high half and of its low half,
 * and is in effect when it was executed: a guest that goes on to use the aperture sends it
 * synchronously. The register reads as if it had been written.
 */
struct vgt_fence_set {
	struct vgt_msg msg;
	__u64 start;
	__u64 end;
	__u32 index;
	__u32 tiling;
	__u32 stride;
	__u32 rsv;
};

#define VGT_ASSERT_CHANNEL(type, field, offset) \
	_Static_assert(__builtin_offsetof(struct type, field) == (offset), \
		       #type "." #field " moved")

VGT_ASSERT_CHANNEL(vgt_channel, version, 0x00);
VGT_ASSERT_CHANNEL(vgt_channel, request_offset, 0x04);
VGT_ASSERT_CHANNEL(vgt_channel, request_size, 0x08);
VGT_ASSERT_CHANNEL(vgt_channel, response_offset, 0x0c);
VGT_ASSERT_CHANNEL(vgt_channel, response_size, 0x10);
VGT_ASSERT_CHANNEL(vgt_channel, request_tail, 0x40);
VGT_ASSERT_CHANNEL(vgt_channel, response_head, 0x44);
VGT_ASSERT_CHANNEL(vgt_channel, request_head, 0x80);
VGT_ASSERT_CHANNEL(vgt_channel, response_tail, 0x84);
_Static_assert(sizeof(struct vgt_channel) == 0xc0, "the channel's header has another size");

VGT_ASSERT_CHANNEL(vgt_response_status, status, 8);
VGT_ASSERT_CHANNEL(vgt_response_status, action, 12);
_Static_assert(sizeof(struct vgt_response_status) == 16, "a response has another size");

VGT_ASSERT_CHANNEL(vgt_context_create, id, 8);
VGT_ASSERT_CHANNEL(vgt_context_create, engine, 16);
VGT_ASSERT_CHANNEL(vgt_context_create, image_size, 20);
_Static_assert(sizeof(struct vgt_context_create) == 24, "CREATE has another size");

VGT_ASSERT_CHANNEL(vgt_context_pin, id, 8);
VGT_ASSERT_CHANNEL(vgt_context_pin, engine, 16);
VGT_ASSERT_CHANNEL(vgt_context_pin, image_size, 20);
VGT_ASSERT_CHANNEL(vgt_context_pin, lrca, 24);
VGT_ASSERT_CHANNEL(vgt_context_pin, ring_start, 28);
VGT_ASSERT_CHANNEL(vgt_context_pin, ring_size, 32);
_Static_assert(sizeof(struct vgt_context_pin) == 40, "PIN has another size");

VGT_ASSERT_CHANNEL(vgt_context_ref, id, 8);
_Static_assert(sizeof(struct vgt_context_ref) == 16, "UNPIN has another size");

VGT_ASSERT_CHANNEL(vgt_fence_set, start, 8);
VGT_ASSERT_CHANNEL(vgt_fence_set, end, 16);
VGT_ASSERT_CHANNEL(vgt_fence_set, index, 24);
VGT_ASSERT_CHANNEL(vgt_fence_set, tiling, 28);
VGT_ASSERT_CHANNEL(vgt_fence_set, stride, 32);
_Static_assert(sizeof(struct vgt_fence_set) == 40, "SET has another size");

#endif /* _I915_VGPU_CHANNEL_ABI_H_ */
