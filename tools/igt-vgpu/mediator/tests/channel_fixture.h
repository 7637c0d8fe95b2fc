/* SPDX-License-Identifier: MIT */
/* A guest's side of the channel, for the tests of gvt/; it does what it is told, also wrongly. */
#ifndef CHANNEL_FIXTURE_H
#define CHANNEL_FIXTURE_H

#include "gvt_fixture.h"
#include "i915_vgpu_channel_abi.h"

#define CX_PAGES	3
#define CX_SIZE		(CX_PAGES * GPU_PAGE_SIZE)
#define CX_RING		0x1000u

/** struct cx - a channel */
struct cx {
	struct gx_guest *guest;
	uint64_t addr;			/* guest address of its memory */
	struct vgt_channel *header;	/* there */
	uint32_t *request, *response;	/* rings; only as long as the header says the same */
	uint32_t tail, head;		/* of requests posted, of responses read */
	uint32_t seqno;			/* of the last request */
};

/** struct cx_response - what the host said */
struct cx_response {
	uint32_t seqno, status, action;
};

/* Memory and header of a channel that can be started. */
void cx_init(struct cx *cx, struct gx_guest *guest);
/* Through PVINFO; returns the features accepted. */
uint32_t cx_start(struct cx *cx, uint32_t features);
uint32_t cx_accepted(struct cx *cx);
void cx_stop(struct cx *cx);
void cx_doorbell(struct cx *cx);

/* @msg is a struct of the ABI header with a struct vgt_msg in front, which is filled here. */
void cx_post(struct cx *cx, uint32_t action, void *msg, uint32_t size);
/* As it is; tail and number are advanced by the caller's words. */
void cx_post_raw(struct cx *cx, const uint32_t *dwords, unsigned int count);
/* Synchronous: the status, or -1 if there was no (right) response. */
int cx_call(struct cx *cx, uint32_t action, void *msg, uint32_t size);
bool cx_response(struct cx *cx, struct cx_response *response);
bool cx_drained(struct cx *cx);

int cx_fence(struct cx *cx, unsigned int index, uint64_t start, uint64_t end, uint32_t tiling,
	     uint32_t stride);
/* Posted: of contexts. */
void cx_create(struct cx *cx, uint64_t id, const struct gx_context *ctx);
void cx_pin(struct cx *cx, uint64_t id, const struct gx_context *ctx);
void cx_unpin(struct cx *cx, uint64_t id);
void cx_destroy(struct cx *cx, uint64_t id);

/** struct cx_rig - guest 0 of two; its channel is started by the test, or by cx_rig_setup_on() */
struct cx_rig {
	struct gx *gx;
	struct gx_guest *guest;
	struct cx cx;
	uint64_t aperture;	/* base of its part */
	uint32_t out;		/* a page, mapped */
};

#define CX_FEATURES	(VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE)

/* cmocka setup and teardown: *state is a struct cx_rig. */
int cx_rig_setup(void **state);
int cx_rig_setup_on(void **state);
int cx_rig_teardown(void **state);
/* A new channel with all features. */
void cx_rig_start(struct cx_rig *r);
uint64_t cx_rig_count(struct cx_rig *r, enum stats_kind kind);
/* A request that is right, synchronous. */
int cx_rig_fence(struct cx_rig *r);
/* A trap that has nothing to do with the channel. */
void cx_rig_trap(struct cx_rig *r);

/* One more store to r->out, submitted alone and run to its end. */
void cx_run(struct cx_rig *r, struct gx_context *ctx, uint32_t value);
/* Pages of the image that such a run copies in. */
unsigned int cx_pages_in(struct cx_rig *r, struct gx_context *ctx);

#endif /* CHANNEL_FIXTURE_H */
