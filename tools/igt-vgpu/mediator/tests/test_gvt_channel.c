// SPDX-License-Identifier: MIT
/*
 * The channel: how it starts and ends, what its rings do with right and wrong contents, and fences
 * by request.
 */

#include <glib.h>
#include <string.h>

#include "channel_fixture.h"

#define BOTH	(VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE)
#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))
#define FENCE(n)	(0x100000u + 8 * (n))

/** struct rig - guest 0 with a channel that is on */
struct rig {
	struct gx *gx;
	struct gx_guest *guest;
	struct cx cx;
	uint64_t aperture;	/* of its part */
};

static int setup(void **state)
{
	struct rig *r = g_new0(struct rig, 1);
	void *gx;

	gx_setup(&gx);
	r->gx = gx;
	r->guest = &r->gx->guest[0];
	r->aperture = vgpu_partition(r->guest->vgpu)->aperture_base;
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	gx_free(r->gx);
	g_free(r);
	return 0;
}

static uint64_t count(struct rig *r, enum stats_kind kind)
{
	return stats_get(r->guest->stats, kind);
}

static int any_fence(struct rig *r)
{
	return cx_fence(&r->cx, 0, r->aperture, r->aperture + 0x10000, VGT_TILING_X, 512);
}

/* A trap that has nothing to do with the channel. */
static void trap(struct rig *r)
{
	gx_reg(r->guest, 0x44200);
}

/* ---- start and end ---- */

static void only_features_that_are_wanted_and_offered_are_accepted(void **state)
{
	static const struct { uint32_t withheld, wanted, accepted; } rows[] = {
		{ 0, BOTH, BOTH },
		{ 0, ~0u, BOTH },
		{ 0, VGT_FEATURE_FENCE, VGT_FEATURE_FENCE },
		{ 0, 0, 0 },
		{ 0, ~(uint32_t)BOTH, 0 },
		{ VGT_FEATURE_CONTEXT, BOTH, VGT_FEATURE_FENCE },
		{ BOTH, BOTH, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct gx *gx = gx_new(GPU_SKL);
		struct gx_guest *guest = gx_add(gx, 0, (struct vgpu_config){
			.type = "GVTg_V5_8", .features_withheld = rows[i].withheld });
		struct cx cx;

		cx_init(&cx, guest);
		assert_int_equal(cx_start(&cx, rows[i].wanted), rows[i].accepted);
		gx_free(gx);
	}
}

static void a_request_of_a_feature_that_was_not_negotiated_is_refused(void **state)
{
	struct rig *r = *state;
	struct vgt_context_ref ref = { .id = 1 };

	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_CONTEXT), VGT_FEATURE_CONTEXT);
	assert_int_equal(any_fence(r), VGT_STATUS_NOT_NEGOTIATED);
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_FENCE), VGT_FEATURE_FENCE);
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_UNPIN, &ref, sizeof(ref)),
			 VGT_STATUS_NOT_NEGOTIATED);
	assert_int_equal(any_fence(r), VGT_STATUS_OK);
}

/* One dword of the header, or of the page, and what it is wrong about. */
static const struct bad_start {
	uint32_t at, value;	/* offset in the header; with PAGE in PVINFO */
	const char *log;
} bad_starts[] = {
#define PAGE	0x10000u
#define H(field) ((uint32_t)offsetof(struct vgt_channel, field))
#define P(field) (PAGE | (uint32_t)offsetof(struct vgt_if, field))
	{ H(version), 0, "version" },
	{ H(version), 2, "version" },
	{ H(request_offset), 0x80, "header" },
	{ H(request_offset), 0x1004, "multiple of 64" },
	{ H(request_offset), 0x2040, "outside" },
	{ H(request_offset), 0xffffffc0u, "outside" },
	{ H(request_offset), 0x1800, "overlap" },
	{ H(request_size), 0, "power of two" },
	{ H(request_size), 0x200, "power of two" },
	{ H(request_size), 0xc00, "power of two" },
	{ H(request_size), 0x80000000u, "outside" },
	{ H(response_offset), 0x1fc0, "overlap" },
	{ H(response_offset), 0, "header" },
	{ H(response_size), 0x1800, "power of two" },
	{ H(response_size), 0x2000, "outside" },
	{ H(rsv0), 1, "not zero" },
	{ H(request_tail), 2, "not zero" },
	{ H(request_head), 4, "not zero" },
	{ H(response_tail), 4, "not zero" },
	{ H(response_head), 4, "not zero" },
	{ H(rsv2) + 52, 4, "not zero" },
	{ P(channel_size), 0, "channel_size" },
	{ P(channel_size), 0x800, "channel_size" },
	{ P(channel_size), 0x1800, "channel_size" },
	{ P(channel_size), 0x101000, "channel_size" },
	{ P(channel_size), 0x1000, "outside" },
	{ P(channel_addr.lo), 0x1010, "not the address of a page" },
	{ P(channel_addr.hi), 0xffffffff, "not the address of a page" },
	{ P(channel_addr.hi), 1, "not memory" },
	{ P(features_wanted), 4, "none of the features" },
};

static void a_wrong_start_is_refused_with_its_reason(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(bad_starts); i++) {
		const struct bad_start *b = &bad_starts[i];
		struct vgpu *vgpu = r->guest->vgpu;

		vgpu_reset(vgpu);
		memset(r->gx->log, 0, sizeof(r->gx->log));
		r->guest->next_page = 10;
		r->gx->now_ns += 2000000000;
		cx_init(&r->cx, r->guest);
		if (!(b->at & PAGE))
			((uint32_t *)r->cx.header)[b->at / 4] = b->value;
		vgpu_bar0_write(vgpu, PV(channel_addr), 8, r->cx.addr);
		vgpu_bar0_write(vgpu, PV(channel_size), 4, CX_SIZE);
		vgpu_bar0_write(vgpu, PV(features_wanted), 4, BOTH);
		if (b->at & PAGE)
			vgpu_bar0_write(vgpu, VGT_PVINFO_PAGE + (b->at & ~PAGE), 4, b->value);
		vgpu_bar0_write(vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
		assert_int_equal(cx_accepted(&r->cx), 0);
		if (!gx_logged(r->gx, b->log))
			fail_msg("row %u: no line with '%s'", i, b->log);
		assert_int_equal(count(r, STATS_CHANNEL_PROTOCOL_ERROR), i + 1);
	}
	r->guest->next_page = 10;
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
}

static void stop_executes_what_was_posted_and_ends_it(void **state)
{
	struct rig *r = *state;
	struct vgt_fence_set set = {
		.start = r->aperture, .end = r->aperture + 0x1000, .tiling = 1, .stride = 512 };

	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	cx_stop(&r->cx);
	assert_true(cx_drained(&r->cx));
	assert_int_equal(cx_accepted(&r->cx), 0);
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 1);
	/* Nothing is executed any more, nothing is touched any more. */
	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	cx_doorbell(&r->cx);
	assert_false(cx_drained(&r->cx));
}

/* Ways in which the guest ends it without saying so. */
static void end_by_full_reset(struct rig *r) { gx_set_reg(r->guest, 0x941c, 1); }
static void end_by_engines_reset(struct rig *r) { gx_set_reg(r->guest, 0x941c, 0x1e); }
static void end_by_device_reset(struct rig *r) { vgpu_reset(r->guest->vgpu); }
static void end_by_waking(struct rig *r)
{
	vgpu_set_power(r->guest->vgpu, true);
	assert_int_equal(cx_accepted(&r->cx), BOTH);
	vgpu_reset(r->guest->vgpu);
}
static void end_by_failsafe(struct rig *r) { gx_set_reg(r->guest, VGT_PVINFO_PAGE + 0x808, 0); }

static void resets_end_it(void **state)
{
	static void (*const ways[])(struct rig *r) = {
		end_by_full_reset, end_by_engines_reset, end_by_device_reset, end_by_waking,
		end_by_failsafe,
	};
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct vgt_context_ref ref = { .id = 1 };

		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
		ways[i](r);
		assert_int_equal(cx_accepted(&r->cx), 0);
		cx_post(&r->cx, VGT_ACTION_CONTEXT_UNPIN, &ref, sizeof(ref));
		trap(r);
		assert_int_equal(r->cx.header->request_head, 0);
		assert_int_equal(r->cx.header->response_tail, 0);
	}
}

static void a_reset_of_one_engine_and_sleep_do_not_end_it(void **state)
{
	struct rig *r = *state;

	gx_set_reg(r->guest, 0x941c, 2);
	vgpu_set_power(r->guest->vgpu, true);
	vgpu_set_power(r->guest->vgpu, false);
	assert_int_equal(cx_accepted(&r->cx), BOTH);
	assert_int_equal(any_fence(r), VGT_STATUS_OK);
}

static void a_second_start_is_a_new_channel(void **state)
{
	struct rig *r = *state;

	assert_int_equal(any_fence(r), VGT_STATUS_OK);
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_FENCE), VGT_FEATURE_FENCE);
	assert_int_equal(any_fence(r), VGT_STATUS_OK);
	assert_int_equal(r->cx.header->request_head, 10);
}

/* ---- the rings ---- */

static void posted_requests_are_executed_before_any_trap(void **state)
{
	struct rig *r = *state;
	struct vgt_fence_set set = {
		.start = r->aperture, .end = r->aperture + 0x1000, .tiling = 2, .stride = 128 };
	struct cx_response response;

	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 3);
	assert_true(cx_drained(&r->cx));
	/* It went well, so there is no response. */
	assert_false(cx_response(&r->cx, &response));
	set.index = 99;
	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	gx_set_pte(r->guest, vgpu_partition(r->guest->vgpu)->hidden_base, 0);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 2);
	assert_int_equal(response.status, VGT_STATUS_BAD_VALUE);
	assert_int_equal(response.action, VGT_ACTION_FENCE_SET);
	assert_int_equal(count(r, STATS_CHANNEL_DRAIN), 2);
	assert_int_equal(count(r, STATS_CHANNEL_FENCE_SET), 2);
	assert_int_equal(count(r, STATS_CHANNEL_DOORBELL), 0);
	assert_int_equal(count(r, STATS_CHANNEL_RESPONSE), 1);
}

static void messages_wrap_around_the_end_of_the_ring(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < 2000; i++)
		assert_int_equal(any_fence(r), VGT_STATUS_OK);
	assert_int_equal(r->cx.header->request_head, 20000);
	assert_int_equal(count(r, STATS_CHANNEL_PROTOCOL_ERROR), 0);
}

static void a_full_ring_is_emptied_by_one_doorbell(void **state)
{
	struct rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	struct vgt_fence_set set = {
		.start = r->aperture, .end = r->aperture + 0x1000, .tiling = 1, .stride = 512 };
	unsigned int i;

	for (i = 0; i < CX_RING / sizeof(set); i++)
		cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	/* 4 dwords are left: as many as two messages of two. */
	for (i = 0; i < 2; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	cx_doorbell(&r->cx);
	assert_true(cx_drained(&r->cx));
	assert_int_equal(count(r, STATS_CHANNEL_FENCE_SET), CX_RING / sizeof(set));
	assert_int_equal(count(r, STATS_CHANNEL_UNKNOWN), 2);
}

static void a_long_ring_is_executed_before_one_access(void **state)
{
	struct rig *r = *state;
	uint32_t nop[2] = { 2 | VGT_ACTION_CONTEXT_UNPIN << VGT_MSG_ACTION_SHIFT, 0 };
	unsigned int i;

	r->guest->next_page = 200;
	cx_init(&r->cx, r->guest);
	/* 64 KiB of response ring: all of them fail. */
	r->cx.header->request_offset = 0x10000;
	r->cx.header->request_size = 0x8000;
	r->cx.header->response_offset = 0x20000;
	r->cx.header->response_size = 0x20000;
	r->cx.request = (uint32_t *)((uint8_t *)r->cx.header + 0x10000);
	r->cx.response = (uint32_t *)((uint8_t *)r->cx.header + 0x20000);
	vgpu_bar0_write(r->guest->vgpu, PV(channel_addr), 8, r->cx.addr);
	vgpu_bar0_write(r->guest->vgpu, PV(channel_size), 4, 0x40000);
	vgpu_bar0_write(r->guest->vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
	for (i = 0; i < 0x1000; i++) {
		nop[1] = i + 1;
		cx_post_raw(&r->cx, nop, 2);
	}
	trap(r);
	assert_true(cx_drained(&r->cx));
	assert_int_equal(count(r, STATS_CHANNEL_RESPONSE), 0x1000);
}

static void no_request_is_executed_without_room_for_its_response(void **state)
{
	struct rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	unsigned int i, room = VGT_CHANNEL_MIN_RING / 16;
	struct cx_response response;

	for (i = 1; i <= room + 5; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	cx_doorbell(&r->cx);
	assert_int_equal(r->cx.header->request_head, 2 * room);
	cx_doorbell(&r->cx);
	assert_int_equal(r->cx.header->request_head, 2 * room);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 1);
	assert_int_equal(response.status, VGT_STATUS_UNKNOWN_ACTION);
	trap(r);
	assert_int_equal(r->cx.header->request_head, 2 * room + 2);
	for (i = 2; i <= room + 5; i++) {
		trap(r);
		assert_true(cx_response(&r->cx, &response));
		assert_int_equal(response.seqno, i);
	}
	assert_false(cx_response(&r->cx, &response));
	assert_true(cx_drained(&r->cx));
}

/* A request that is wrong, and what is said of it. */
static void a_wrong_request_gets_a_status_and_the_next_one_is_executed(void **state)
{
	static const struct { uint32_t header, seqno_off; unsigned int dwords; int status;
	} rows[] = {
		{ 2 | 0x7777u << 16, 0, 2, VGT_STATUS_UNKNOWN_ACTION },
		{ 32 | 0x7777u << 16, 0, 32, VGT_STATUS_UNKNOWN_ACTION },
		{ 2, 0, 2, VGT_STATUS_UNKNOWN_ACTION },
		{ 8 | VGT_ACTION_FENCE_SET << 16, 0, 8, VGT_STATUS_BAD_LENGTH },
		{ 12 | VGT_ACTION_FENCE_SET << 16, 0, 12, VGT_STATUS_BAD_LENGTH },
		{ 2 | VGT_ACTION_FENCE_SET << 16, 0, 2, VGT_STATUS_BAD_LENGTH },
		{ 10 | 0x200 | VGT_ACTION_FENCE_SET << 16, 0, 10, VGT_STATUS_BAD_VALUE },
		{ 10 | 0x8000 | VGT_ACTION_FENCE_SET << 16, 0, 10, VGT_STATUS_BAD_VALUE },
		{ 10 | VGT_ACTION_FENCE_SET << 16, 1, 10, VGT_STATUS_BAD_VALUE },
		{ 10 | VGT_ACTION_FENCE_SET << 16, ~0u, 10, VGT_STATUS_BAD_VALUE },
	};
	struct rig *r = *state;
	unsigned int i, sync;

	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (sync = 0; sync < 2; sync++) {
			uint32_t msg[32] = { 0 };
			struct cx_response response;

			msg[0] = rows[i].header | (sync ? VGT_MSG_SYNC : 0);
			r->cx.seqno += 1 + rows[i].seqno_off;
			msg[1] = r->cx.seqno;
			cx_post_raw(&r->cx, msg, rows[i].dwords);
			cx_doorbell(&r->cx);
			assert_true(cx_response(&r->cx, &response));
			assert_int_equal(response.seqno, msg[1]);
			assert_int_equal(response.status, rows[i].status);
			assert_int_equal(response.action, rows[i].header >> 16);
			assert_false(cx_response(&r->cx, &response));
			assert_int_equal(any_fence(r), VGT_STATUS_OK);
		}
	}
	assert_int_equal(count(r, STATS_CHANNEL_PROTOCOL_ERROR), 2 * G_N_ELEMENTS(rows));
}

/* What ends a channel: indices and lengths that cannot be. */
static const struct nonsense {
	uint32_t tail, head;	/* request_tail, response_head */
	uint32_t first;		/* dword in the ring */
	const char *log;
} nonsense[] = {
	{ 1, 0, 0, "request_tail is odd" },
	{ 0x402, 0, 0, "not within the ring's size" },
	{ ~1u, 0, 0, "not within the ring's size" },
	{ 0x80000000u, 0, 0, "not within the ring's size" },
	{ 2, 0, 0, "length is not one" },
	{ 2, 0, 1, "length is not one" },
	{ 4, 0, 3, "length is not one" },
	{ 40, 0, 34, "length is not one" },
	{ 40, 0, 255, "length is not one" },
	{ 2, 0, 4, "ends within a request" },
	{ 8, 0, 10, "ends within a request" },
	{ 2, 2, 2, "response_head" },
	{ 2, ~1u, 2, "response_head" },
	{ 2, 1, 2, "response_head" },
};

static void inconsistent_memory_ends_it_with_one_line(void **state)
{
	struct rig *r = *state;
	unsigned int i, lines;

	for (i = 0; i < G_N_ELEMENTS(nonsense); i++) {
		r->guest->next_page = 100;
		r->gx->now_ns += 2000000000;
		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
		memset(r->gx->log, 0, sizeof(r->gx->log));
		lines = r->gx->log_count;
		r->cx.request[0] = nonsense[i].first;
		r->cx.request[1] = 1;
		r->cx.header->request_tail = nonsense[i].tail;
		r->cx.header->response_head = nonsense[i].head;
		trap(r);
		assert_int_equal(cx_accepted(&r->cx), 0);
		if (!gx_logged(r->gx, nonsense[i].log) || !gx_logged(r->gx, "channel ended"))
			fail_msg("row %u: no line with '%s'", i, nonsense[i].log);
		assert_int_equal(r->gx->log_count, lines + 1);
		assert_int_equal(count(r, STATS_CHANNEL_PROTOCOL_ERROR), i + 1);
	}
}

static void a_tail_that_goes_back_while_the_host_waits_ends_it(void **state)
{
	struct rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	unsigned int i;

	for (i = 0; i < 100; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	trap(r);
	assert_int_equal(r->cx.header->request_head, 128);
	r->cx.header->request_tail = 130;
	trap(r);
	assert_int_equal(cx_accepted(&r->cx), 0);
	assert_true(gx_logged(r->gx, "request_tail went backwards"));
}

static void the_header_is_read_once_at_the_start(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < 16; i++)
		((uint32_t *)r->cx.header)[i] = 0xffffffff;
	r->cx.header->request_head = 0x12345678;
	r->cx.header->response_tail = 0x12345678;
	r->cx.header->request_size = CX_RING;
	r->cx.header->response_size = VGT_CHANNEL_MIN_RING;
	assert_int_equal(any_fence(r), VGT_STATUS_OK);
}

static void *no_page(void *opaque, uint64_t addr, bool write)
{
	(void)opaque;
	(void)addr;
	(void)write;
	return NULL;
}

static void memory_that_is_gone_for_a_while_is_waited_for(void **state)
{
	struct rig *r = *state;
	void *(*page)(void *, uint64_t, bool) = r->gx->ops.page;
	struct vgt_fence_set set = {
		.start = r->aperture, .end = r->aperture + 0x1000, .tiling = 2, .stride = 128 };

	r->gx->ops.page = no_page;
	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	assert_int_equal(cx_accepted(&r->cx), BOTH);
	r->gx->ops.page = page;
	assert_false(cx_drained(&r->cx));
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 3);
}

/* ---- fences ---- */

static void a_fence_by_request_reads_as_if_written(void **state)
{
	static const struct { uint32_t size, tiling, stride, low, high; } rows[] = {
		{ 0x1000, VGT_TILING_X, 512, 1, 3 },
		{ 0x10000, VGT_TILING_Y, 128, 3, 0xf000 },
		{ 0x400000, VGT_TILING_X, 4096, 1, 0x3ff000 | 31 },
		{ 0x400000, VGT_TILING_Y, 256 << 10, 3, 0x3ff000 | 2047 },
		{ 0x4000000, VGT_TILING_X, 256 << 10, 1, 0x3fff000 | 2047 },
	};
	struct rig *r = *state;
	struct gpu *gpu = gvt_gpu(r->gx->gvt);
	unsigned int i, base = vgpu_partition(r->guest->vgpu)->fence_base;

	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint32_t low = r->aperture + rows[i].low, high = r->aperture + rows[i].high;

		assert_int_equal(cx_fence(&r->cx, i % 4, r->aperture, r->aperture + rows[i].size,
					  rows[i].tiling, rows[i].stride), VGT_STATUS_OK);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4)), low);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4) + 4), high);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4), 4), low);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4) + 4, 4), high);
		assert_int_equal(cx_fence(&r->cx, i % 4, 0, 0, VGT_TILING_NONE, 0), VGT_STATUS_OK);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4)), 0);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4) + 4), 0);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4), 4), 0);
	}
}

static void a_wrong_fence_is_refused_and_changes_nothing(void **state)
{
	struct rig *r = *state;
	uint64_t a = r->aperture, end = a + vgpu_partition(r->guest->vgpu)->aperture_size;
	const struct { unsigned int index; uint64_t start, end; uint32_t tiling, stride; } rows[] = {
		{ 4, a, a + 0x1000, 1, 512 },
		{ ~0u, a, a + 0x1000, 1, 512 },
		{ 0, a + 1, a + 0x1000, 1, 512 },
		{ 0, a, a + 0x1001, 1, 512 },
		{ 0, a, a, 1, 512 },
		{ 0, a + 0x1000, a, 1, 512 },
		{ 0, a - 0x1000, a + 0x1000, 1, 512 },
		{ 0, a, end + 0x1000, 1, 512 },
		{ 0, 0, 0x1000, 1, 512 },
		{ 0, a, 1ull << 32 | (a + 0x1000), 1, 512 },
		{ 0, 1ull << 32 | a, 1ull << 32 | (a + 0x1000), 1, 512 },
		{ 0, a, a + 0x1000, 3, 512 },
		{ 0, a, a + 0x1000, ~0u, 512 },
		{ 0, a, a + 0x1000, 1, 0 },
		{ 0, a, a + 0x1000, 1, 128 },
		{ 0, a, a + 0x1000, 1, (256 << 10) + 512 },
		{ 0, a, a + 0x1000, 2, 64 },
		{ 0, a, a + 0x1000, 2, 192 },
		{ 0, a, a + 0x1000, 2, 0xffffff80 },
		{ 0, a, 0, 0, 0 },
		{ 0, 0, 0x1000, 0, 0 },
		{ 0, 0, 0, 0, 128 },
	};
	struct vgt_fence_set set = { .start = a, .end = a + 0x1000, .tiling = 1, .stride = 512,
				     .rsv = 1 };
	unsigned int i;

	assert_int_equal(any_fence(r), VGT_STATUS_OK);
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_int_equal(cx_fence(&r->cx, rows[i].index, rows[i].start, rows[i].end,
					  rows[i].tiling, rows[i].stride), VGT_STATUS_BAD_VALUE);
		assert_int_equal(gx_reg(r->guest, FENCE(0)), a | 1);
		assert_int_equal(count(r, STATS_VIOLATION_FENCE), i + 1);
	}
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set)),
			 VGT_STATUS_BAD_VALUE);
}

static void fences_outlive_the_channel(void **state)
{
	struct rig *r = *state;

	assert_int_equal(any_fence(r), VGT_STATUS_OK);
	cx_stop(&r->cx);
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 1);
}

/* ---- faults ---- */

static void fault(struct rig *r, const char *spec)
{
	char *error = NULL;

	if (!vgpu_set_channel_fault(r->guest->vgpu, spec, &error))
		fail_msg("%s", error);
}

static void delayed_responses_come_later(void **state)
{
	struct rig *r = *state;
	struct cx_response response;
	unsigned int i;

	fault(r, "delay=3");
	assert_int_equal(any_fence(r), -1);
	for (i = 0; i < 2; i++) {
		trap(r);
		assert_false(cx_response(&r->cx, &response));
	}
	trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 1);

	fault(r, "delay-ms=5");
	assert_int_equal(any_fence(r), -1);
	r->gx->now_ns += 4000000;
	trap(r);
	assert_false(cx_response(&r->cx, &response));
	r->gx->now_ns += 1000000;
	trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(response.seqno, 2);

	/* What is kept back when it is switched off comes at once. */
	assert_int_equal(any_fence(r), -1);
	fault(r, "");
	trap(r);
	assert_true(cx_response(&r->cx, &response));
	assert_int_equal(any_fence(r), VGT_STATUS_OK);
}

static void delayed_responses_are_bounded(void **state)
{
	struct rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	struct cx_response response;
	unsigned int i;

	fault(r, "delay-ms=1000");
	for (i = 0; i < 50; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	trap(r);
	assert_int_equal(r->cx.header->request_head, 32);
	fault(r, "");
	trap(r);
	for (i = 1; i <= 50; i++) {
		assert_true(cx_response(&r->cx, &response));
		assert_int_equal(response.seqno, i);
	}
}

static void dropped_requests_are_neither_executed_nor_answered(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	fault(r, "drop=3");
	for (i = 1; i <= 9; i++)
		assert_int_equal(any_fence(r), i % 3 ? VGT_STATUS_OK : -1);
	assert_int_equal(count(r, STATS_CHANNEL_FENCE_SET), 6);
	assert_true(cx_drained(&r->cx));
}

static void corrupt_responses_are_recognisable(void **state)
{
	static const char *const specs[] = { "corrupt=length", "corrupt=seqno", "corrupt=type" };
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		const uint32_t *dw;

		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
		fault(r, specs[i]);
		assert_int_equal(any_fence(r), -1);
		assert_int_equal(r->cx.header->response_tail, 4);
		dw = r->cx.response;
		assert_int_equal((dw[0] & 0xff) != 4, i == 0);
		assert_int_equal(dw[1] != 1, i == 1);
		assert_int_equal(dw[0] >> 16 != VGT_RESPONSE_STATUS, i == 2);
	}
}

static void lies_about_indices_are_beyond_the_ring(void **state)
{
	static const char *const specs[] = { "lie=backwards", "lie=beyond" };
	struct rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
		fault(r, specs[i]);
		assert_int_equal(any_fence(r), -1);
		assert_true(r->cx.tail - r->cx.header->request_head > CX_RING / 4);
		assert_true(r->cx.header->response_tail > VGT_CHANNEL_MIN_RING / 4);
		/* The mediator itself goes on with the truth. */
		fault(r, "");
		r->cx.head = 4;
		r->cx.header->response_head = 4;
		assert_int_equal(any_fence(r), VGT_STATUS_OK);
	}
}

static void features_are_refused_and_the_channel_vanishes(void **state)
{
	struct rig *r = *state;
	unsigned int lines;

	fault(r, "refuse");
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, BOTH), 0);
	fault(r, "refuse=1");
	assert_int_equal(cx_start(&r->cx, BOTH), VGT_FEATURE_FENCE);
	cx_init(&r->cx, r->guest);
	fault(r, "");
	assert_int_equal(cx_start(&r->cx, BOTH), BOTH);
	lines = r->gx->log_count;
	fault(r, "vanish");
	assert_int_equal(any_fence(r), -1);
	assert_int_equal(cx_accepted(&r->cx), 0);
	assert_false(cx_drained(&r->cx));
	assert_int_equal(r->gx->log_count, lines);
}

static void bad_faults_are_refused(void **state)
{
	static const char *const specs[] = {
		"delay", "delay=", "delay=0", "delay=-1", "delay=1x", "drop", "drop=0", "corrupt",
		"corrupt=", "lie", "lie=sideways", "refuse=", "refuse=0", "vanish=1", "none", " ",
		"delay-ms=4294967296",
	};
	struct rig *r = *state;
	unsigned int i;

	fault(r, "drop=1");
	for (i = 0; i < G_N_ELEMENTS(specs); i++) {
		char *error = NULL;

		if (vgpu_set_channel_fault(r->guest->vgpu, specs[i], &error))
			fail_msg("'%s' was accepted", specs[i]);
		assert_non_null(strstr(error, "is none of delay=DRAINS"));
		g_free(error);
	}
	assert_int_equal(any_fence(r), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_features_that_are_wanted_and_offered_are_accepted),
		T(a_request_of_a_feature_that_was_not_negotiated_is_refused),
		T(a_wrong_start_is_refused_with_its_reason),
		T(stop_executes_what_was_posted_and_ends_it),
		T(resets_end_it),
		T(a_reset_of_one_engine_and_sleep_do_not_end_it),
		T(a_second_start_is_a_new_channel),
		T(posted_requests_are_executed_before_any_trap),
		T(messages_wrap_around_the_end_of_the_ring),
		T(a_full_ring_is_emptied_by_one_doorbell),
		T(a_long_ring_is_executed_before_one_access),
		T(no_request_is_executed_without_room_for_its_response),
		T(a_wrong_request_gets_a_status_and_the_next_one_is_executed),
		T(inconsistent_memory_ends_it_with_one_line),
		T(a_tail_that_goes_back_while_the_host_waits_ends_it),
		T(the_header_is_read_once_at_the_start),
		T(memory_that_is_gone_for_a_while_is_waited_for),
		T(a_fence_by_request_reads_as_if_written),
		T(a_wrong_fence_is_refused_and_changes_nothing),
		T(fences_outlive_the_channel),
		T(delayed_responses_come_later),
		T(delayed_responses_are_bounded),
		T(dropped_requests_are_neither_executed_nor_answered),
		T(corrupt_responses_are_recognisable),
		T(lies_about_indices_are_beyond_the_ring),
		T(features_are_refused_and_the_channel_vanishes),
		T(bad_faults_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
