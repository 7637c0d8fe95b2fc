// SPDX-License-Identifier: MIT
/* A guest's side of the channel; see channel_fixture.h. */

#include <glib.h>
#include <string.h>

#include "channel_fixture.h"

#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))

void cx_init(struct cx *cx, struct gx_guest *guest)
{
	memset(cx, 0, sizeof(*cx));
	cx->guest = guest;
	cx->addr = (uint64_t)guest->next_page << GPU_PAGE_SHIFT;
	guest->next_page += CX_PAGES;
	assert_true(guest->next_page <= GX_PAGES);
	cx->header = (struct vgt_channel *)(guest->mem + cx->addr);
	memset(cx->header, 0, CX_SIZE);
	cx->header->version = VGT_CHANNEL_VERSION;
	cx->header->request_offset = 0x1000;
	cx->header->request_size = CX_RING;
	cx->header->response_offset = 0x2000;
	cx->header->response_size = VGT_CHANNEL_MIN_RING;
	cx->request = (uint32_t *)((uint8_t *)cx->header + 0x1000);
	cx->response = (uint32_t *)((uint8_t *)cx->header + 0x2000);
}

uint32_t cx_start(struct cx *cx, uint32_t features)
{
	struct vgpu *vgpu = cx->guest->vgpu;

	vgpu_bar0_write(vgpu, PV(channel_addr), 8, cx->addr);
	vgpu_bar0_write(vgpu, PV(channel_size), 4, CX_SIZE);
	vgpu_bar0_write(vgpu, PV(features_wanted), 4, features);
	vgpu_bar0_write(vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
	return cx_accepted(cx);
}

uint32_t cx_accepted(struct cx *cx)
{
	return vgpu_bar0_read(cx->guest->vgpu, PV(features_accepted), 4);
}

void cx_stop(struct cx *cx)
{
	vgpu_bar0_write(cx->guest->vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_STOP);
}

void cx_doorbell(struct cx *cx)
{
	vgpu_bar0_write(cx->guest->vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_DOORBELL);
}

void cx_post_raw(struct cx *cx, const uint32_t *dwords, unsigned int count)
{
	uint32_t mask = cx->header->request_size / 4 - 1;
	unsigned int i;

	for (i = 0; i < count; i++)
		__atomic_store_n(&cx->request[(cx->tail + i) & mask], dwords[i], __ATOMIC_RELAXED);
	cx->tail += count;
	__atomic_store_n(&cx->header->request_tail, cx->tail, __ATOMIC_RELEASE);
}

static void post(struct cx *cx, uint32_t action, void *msg, uint32_t size, uint32_t flags)
{
	struct vgt_msg *head = msg;

	head->header = size / 4 | flags | action << VGT_MSG_ACTION_SHIFT;
	head->seqno = ++cx->seqno;
	cx_post_raw(cx, msg, size / 4);
}

void cx_post(struct cx *cx, uint32_t action, void *msg, uint32_t size)
{
	post(cx, action, msg, size, 0);
}

bool cx_response(struct cx *cx, struct cx_response *response)
{
	uint32_t tail = __atomic_load_n(&cx->header->response_tail, __ATOMIC_ACQUIRE);
	uint32_t mask = cx->header->response_size / 4 - 1;
	uint32_t dw[4];
	unsigned int i;

	if (tail - cx->head < 4 || tail - cx->head > mask + 1)
		return false;
	for (i = 0; i < 4; i++)
		dw[i] = __atomic_load_n(&cx->response[(cx->head + i) & mask], __ATOMIC_RELAXED);
	if (dw[0] != (4 | VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT))
		return false;
	*response = (struct cx_response){ dw[1], dw[2], dw[3] };
	cx->head += 4;
	__atomic_store_n(&cx->header->response_head, cx->head, __ATOMIC_RELEASE);
	return true;
}

int cx_call(struct cx *cx, uint32_t action, void *msg, uint32_t size)
{
	struct cx_response response;

	post(cx, action, msg, size, VGT_MSG_SYNC);
	cx_doorbell(cx);
	while (cx_response(cx, &response))
		if (response.seqno == cx->seqno && response.action == action)
			return response.status;
	return -1;
}

bool cx_drained(struct cx *cx)
{
	return __atomic_load_n(&cx->header->request_head, __ATOMIC_ACQUIRE) == cx->tail;
}

int cx_fence(struct cx *cx, unsigned int index, uint64_t start, uint64_t end, uint32_t tiling,
	     uint32_t stride)
{
	struct vgt_fence_set set = {
		.start = start, .end = end, .index = index, .tiling = tiling, .stride = stride,
	};

	return cx_call(cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
}

static uint32_t engine_of(const struct gx_context *ctx)
{
	static const uint32_t class[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 0, [GPU_BCS0] = 1, [GPU_VCS0] = 2, [GPU_VECS0] = 3,
	};

	return class[ctx->engine];
}

static uint32_t size_of(const struct gx_context *ctx)
{
	return (ctx->engine == GPU_RCS0 ? 22 : 2) * GPU_PAGE_SIZE;
}

void cx_create(struct cx *cx, uint64_t id, const struct gx_context *ctx)
{
	struct vgt_context_create create = {
		.id = id, .engine = engine_of(ctx), .image_size = size_of(ctx),
	};

	cx_post(cx, VGT_ACTION_CONTEXT_CREATE, &create, sizeof(create));
}

void cx_pin(struct cx *cx, uint64_t id, const struct gx_context *ctx)
{
	struct vgt_context_pin pin = {
		.id = id, .engine = engine_of(ctx), .image_size = size_of(ctx),
		.lrca = ctx->lrca, .ring_start = ctx->ring, .ring_size = GPU_PAGE_SIZE,
	};

	cx_post(cx, VGT_ACTION_CONTEXT_PIN, &pin, sizeof(pin));
}

void cx_unpin(struct cx *cx, uint64_t id)
{
	struct vgt_context_ref ref = { .id = id };

	cx_post(cx, VGT_ACTION_CONTEXT_UNPIN, &ref, sizeof(ref));
}

void cx_destroy(struct cx *cx, uint64_t id)
{
	struct vgt_context_ref ref = { .id = id };

	cx_post(cx, VGT_ACTION_CONTEXT_DESTROY, &ref, sizeof(ref));
}

int cx_rig_setup(void **state)
{
	struct cx_rig *r = g_new0(struct cx_rig, 1);
	void *gx;

	gx_setup(&gx);
	r->gx = gx;
	r->guest = &r->gx->guest[0];
	r->aperture = vgpu_partition(r->guest->vgpu)->aperture_base;
	r->out = gx_alloc(r->guest, 1);
	*state = r;
	return 0;
}

int cx_rig_setup_on(void **state)
{
	cx_rig_setup(state);
	cx_rig_start(*state);
	return 0;
}

int cx_rig_teardown(void **state)
{
	struct cx_rig *r = *state;

	gx_free(r->gx);
	g_free(r);
	return 0;
}

void cx_rig_start(struct cx_rig *r)
{
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
}

uint64_t cx_rig_count(struct cx_rig *r, enum stats_kind kind)
{
	return stats_get(r->guest->stats, kind);
}

int cx_rig_fence(struct cx_rig *r)
{
	return cx_fence(&r->cx, 0, r->aperture, r->aperture + 0x10000, VGT_TILING_X, 512);
}

void cx_rig_trap(struct cx_rig *r)
{
	gx_reg(r->guest, 0x44200);
}

/* One more store, submitted and run to its end. */
void cx_run(struct cx_rig *r, struct gx_context *ctx, uint32_t value)
{
	gx_emit_store(ctx, r->out, value);
	gx_submit(ctx, NULL);
	gx_run(r->gx, ctx->engine);
	assert_int_equal(gx_get(r->guest, r->out), value);
	gx_expect_run(ctx);
	gx_expect_no_event(r->guest, ctx->engine);
}

/* Pages copied in by @ctx's next run. */
unsigned int cx_pages_in(struct cx_rig *r, struct gx_context *ctx)
{
	uint64_t before = cx_rig_count(r, STATS_SHADOW_BYTES_IN);
	static uint32_t value = 0x1000;

	cx_run(r, ctx, ++value);
	return (cx_rig_count(r, STATS_SHADOW_BYTES_IN) - before) / GPU_PAGE_SIZE;
}
