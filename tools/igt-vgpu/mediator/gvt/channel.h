/* SPDX-License-Identifier: MIT */
/*
 * A vGPU's channel: requests that its guest wrote into its own memory. ABI:
 * i915_vgpu_channel_abi.h. For the files of this folder only.
 */
#ifndef GVT_CHANNEL_H
#define GVT_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "i915_pvinfo_abi.h"
#include "i915_vgpu_channel_abi.h"

struct vgpu;

#define CHANNEL_FEATURES	(VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE)
/* requests that are executed before the lock is given to others for a moment */
#define CHANNEL_BATCH		256u
#define CHANNEL_MAX_HELD	16	/* responses that a fault keeps back */

/** struct channel_ring - one of the two rings; the indices are our own, the guest's are copies */
struct channel_ring {
	uint32_t offset, size;	/* in the channel's memory, bytes; checked at the start */
	uint32_t head, tail;	/* one is ours, the other what was last seen of the guest's */
};

/** enum channel_fault_kind - in which way the mediator misbehaves, for tests of a guest */
enum channel_fault_kind {
	CHANNEL_FAULT_NONE,
	CHANNEL_FAULT_DELAY_DRAINS,	/* responses come at the value-th drain after */
	CHANNEL_FAULT_DELAY_MS,		/* responses come value ms later */
	CHANNEL_FAULT_DROP,		/* each value-th request is neither executed nor answered */
	CHANNEL_FAULT_CORRUPT_LENGTH,	/* responses have a length that there is not */
	CHANNEL_FAULT_CORRUPT_SEQNO,	/* ... the number of another request */
	CHANNEL_FAULT_CORRUPT_TYPE,	/* ... a type that there is not */
	CHANNEL_FAULT_LIE_BACKWARDS,	/* indices go back */
	CHANNEL_FAULT_LIE_BEYOND,	/* indices go beyond what is in the ring */
	CHANNEL_FAULT_REFUSE,		/* the features in value are not accepted */
	CHANNEL_FAULT_VANISH,		/* the channel ends, and nobody says why */
};

/** struct channel_fault - what is switched on */
struct channel_fault {
	enum channel_fault_kind kind;
	uint32_t value;
	uint32_t requests;	/* seen since it was switched on, for DROP */
};

/** struct channel_held - a response that a fault keeps back */
struct channel_held {
	uint32_t msg[4];
	uint64_t due;		/* drain, or ns */
};

/** struct vgpu_channel - all guarded by gvt->lock */
struct vgpu_channel {
	uint32_t features;	/* in effect; 0: the channel is off */
	uint64_t addr;		/* of the memory, page-aligned */
	uint32_t size;		/* of it, bytes */
	struct channel_ring request, response;
	uint32_t seqno;		/* that the next request should have */
	uint64_t drains;	/* looks at the ring, for faults */
	struct channel_fault fault;
	struct channel_held held[CHANNEL_MAX_HELD];
	unsigned int num_held;	/* of them, the oldest first */
};

/* ---- channel.c ---- */
/* The guest's notifications; the ring was drained before. */
void channel_start(struct vgpu *vgpu);
/* @why: logged; NULL if the guest did it. Contexts that were notified are forgotten. */
void channel_end(struct vgpu *vgpu, const char *why);
/*
 * Execute what is in the ring, at most @limit requests. False: there is nothing more to execute
 * now, true: the limit was reached.
 */
bool channel_drain(struct vgpu *vgpu, unsigned int limit);
/*
 * The same for all that is there as a trap begins. The lock is released now and then, so that a
 * long ring keeps no other guest waiting.
 */
void channel_drain_all(struct vgpu *vgpu);
/* Into the ring, after faults had their say. There is room. */
void channel_write_response(struct vgpu *vgpu, const uint32_t msg[4]);

/* ---- channel_fault.c ---- */
bool channel_fault_drops(struct vgpu *vgpu);
/* True: the response was kept back. */
bool channel_fault_holds(struct vgpu *vgpu, const uint32_t msg[4]);
/* Responses that were kept back long enough, or all if no fault keeps them any more. */
void channel_fault_release(struct vgpu *vgpu);
void channel_fault_corrupt(struct vgpu *vgpu, uint32_t msg[4]);
/* What the guest is shown of an index of ours. */
uint32_t channel_fault_index(const struct vgpu *vgpu, const struct channel_ring *ring,
			     uint32_t index);
uint32_t channel_fault_accepted(const struct vgpu *vgpu, uint32_t features);

#endif /* GVT_CHANNEL_H */
