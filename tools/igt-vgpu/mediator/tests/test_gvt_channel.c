// SPDX-License-Identifier: MIT
/*
 * The channel: how it starts and ends, what its rings do with right and wrong contents.
 */

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "channel_fixture.h"
#include "gvt/gvt_types.h"

#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))
#define FENCE(n)	(0x100000u + 8 * (n))

/* ---- start and end ---- */

static void only_features_that_are_wanted_and_offered_are_accepted(void **state)
{
	static const struct { uint32_t withheld, wanted, accepted; } rows[] = {
		{ 0, CX_FEATURES, CX_FEATURES },
		{ 0, ~0u, CX_FEATURES },
		{ 0, VGT_FEATURE_FENCE, VGT_FEATURE_FENCE },
		{ 0, 0, 0 },
		{ 0, ~(uint32_t)CX_FEATURES, 0 },
		{ VGT_FEATURE_CONTEXT, CX_FEATURES, VGT_FEATURE_FENCE },
		{ CX_FEATURES, CX_FEATURES, 0 },
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
	struct cx_rig *r = *state;
	struct vgt_context_ref ref = { .id = 1 };

	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_CONTEXT), VGT_FEATURE_CONTEXT);
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_NOT_NEGOTIATED);
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_FENCE), VGT_FEATURE_FENCE);
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_UNPIN, &ref, sizeof(ref)),
			 VGT_STATUS_NOT_NEGOTIATED);
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
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
	struct cx_rig *r = *state;
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
		vgpu_bar0_write(vgpu, PV(features_wanted), 4, CX_FEATURES);
		if (b->at & PAGE)
			vgpu_bar0_write(vgpu, VGT_PVINFO_PAGE + (b->at & ~PAGE), 4, b->value);
		vgpu_bar0_write(vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
		assert_int_equal(cx_accepted(&r->cx), 0);
		if (!gx_logged(r->gx, b->log))
			fail_msg("row %u: no line with '%s'", i, b->log);
		assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), i + 1);
	}
	r->guest->next_page = 10;
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
}

static void stop_executes_what_was_posted_and_ends_it(void **state)
{
	struct cx_rig *r = *state;
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
static void end_by_full_reset(struct cx_rig *r) { gx_set_reg(r->guest, 0x941c, 1); }
static void end_by_engines_reset(struct cx_rig *r) { gx_set_reg(r->guest, 0x941c, 0x1e); }
static void end_by_device_reset(struct cx_rig *r) { vgpu_reset(r->guest->vgpu); }
static void end_by_waking(struct cx_rig *r)
{
	vgpu_set_power(r->guest->vgpu, true);
	assert_int_equal(cx_accepted(&r->cx), CX_FEATURES);
	vgpu_reset(r->guest->vgpu);
}
static void end_by_failsafe(struct cx_rig *r) { gx_set_reg(r->guest, VGT_PVINFO_PAGE + 0x808, 0); }

static void resets_end_it(void **state)
{
	static void (*const ways[])(struct cx_rig *r) = {
		end_by_full_reset, end_by_engines_reset, end_by_device_reset, end_by_waking,
		end_by_failsafe,
	};
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct vgt_context_ref ref = { .id = 1 };

		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
		ways[i](r);
		assert_int_equal(cx_accepted(&r->cx), 0);
		cx_post(&r->cx, VGT_ACTION_CONTEXT_UNPIN, &ref, sizeof(ref));
		cx_rig_trap(r);
		assert_int_equal(r->cx.header->request_head, 0);
		assert_int_equal(r->cx.header->response_tail, 0);
	}
}

static void a_reset_of_one_engine_and_sleep_do_not_end_it(void **state)
{
	struct cx_rig *r = *state;

	gx_set_reg(r->guest, 0x941c, 2);
	vgpu_set_power(r->guest->vgpu, true);
	vgpu_set_power(r->guest->vgpu, false);
	assert_int_equal(cx_accepted(&r->cx), CX_FEATURES);
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
}

static void a_second_start_is_a_new_channel(void **state)
{
	struct cx_rig *r = *state;

	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	cx_init(&r->cx, r->guest);
	assert_int_equal(cx_start(&r->cx, VGT_FEATURE_FENCE), VGT_FEATURE_FENCE);
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	assert_int_equal(r->cx.header->request_head, 10);
}

/* ---- the rings ---- */

static void posted_requests_are_executed_before_any_trap(void **state)
{
	struct cx_rig *r = *state;
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
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_DRAIN), 2);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_FENCE_SET), 2);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_DOORBELL), 0);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_RESPONSE), 1);
}

static void messages_wrap_around_the_end_of_the_ring(void **state)
{
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < 2000; i++)
		assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	assert_int_equal(r->cx.header->request_head, 20000);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), 0);
}

static void a_full_ring_is_emptied_by_one_doorbell(void **state)
{
	struct cx_rig *r = *state;
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
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_FENCE_SET), CX_RING / sizeof(set));
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_UNKNOWN), 2);
}

#define LONG_RING	0x1000u		/* messages in it */

/* All of them fail, and there is room for as many responses. */
static void fill_long_ring(struct cx_rig *r)
{
	uint32_t nop[2] = { 2 | VGT_ACTION_CONTEXT_UNPIN << VGT_MSG_ACTION_SHIFT, 0 };
	unsigned int i;

	r->guest->next_page = 200;
	cx_init(&r->cx, r->guest);
	r->cx.header->request_offset = 0x10000;
	r->cx.header->request_size = 0x8000;
	r->cx.header->response_offset = 0x20000;
	r->cx.header->response_size = 0x20000;
	r->cx.request = (uint32_t *)((uint8_t *)r->cx.header + 0x10000);
	r->cx.response = (uint32_t *)((uint8_t *)r->cx.header + 0x20000);
	vgpu_bar0_write(r->guest->vgpu, PV(channel_addr), 8, r->cx.addr);
	vgpu_bar0_write(r->guest->vgpu, PV(channel_size), 4, 0x40000);
	vgpu_bar0_write(r->guest->vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
	for (i = 0; i < LONG_RING; i++) {
		nop[1] = i + 1;
		cx_post_raw(&r->cx, nop, 2);
	}
}

static void a_long_ring_is_executed_before_one_access(void **state)
{
	struct cx_rig *r = *state;

	fill_long_ring(r);
	cx_rig_trap(r);
	assert_true(cx_drained(&r->cx));
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_RESPONSE), LONG_RING);
}

/* The other guest, with one access while a long ring is executed. */
struct neighbour {
	struct gvt *gvt;
	struct cx cx;				/* its own channel: each access looks at it */
	const struct vgt_channel *header;	/* of the long ring */
	void *(*page)(void *opaque, uint64_t addr, bool write);
	atomic_bool go;
	uint32_t head;				/* of the long ring, when it had its access */
};

static struct neighbour *neighbour;

static void *access_once(void *arg)
{
	while (!atomic_load(&neighbour->go))
		g_usleep(10);
	gx_reg(neighbour->cx.guest, 0x44200);
	return NULL;
}

static void *page_of_either(void *opaque, uint64_t addr, bool write)
{
	if (opaque == neighbour->cx.guest)
		neighbour->head = neighbour->header->request_head;
	else if (!atomic_exchange(&neighbour->go, true))
		/* Until the other one waits for the lock: then it has the turn. */
		while (!pthread_mutex_trylock(&neighbour->gvt->turn)) {
			pthread_mutex_unlock(&neighbour->gvt->turn);
			g_usleep(10);
		}
	return neighbour->page(opaque, addr, write);
}

static void a_long_ring_lets_others_in_between(void **state)
{
	struct cx_rig *r = *state;
	struct neighbour n = { .gvt = r->gx->gvt, .page = r->gx->ops.page };
	unsigned int round, served = 0;

	neighbour = &n;
	cx_init(&n.cx, &r->gx->guest[1]);
	assert_int_equal(cx_start(&n.cx, CX_FEATURES), CX_FEATURES);
	for (round = 0; round < 10; round++) {
		pthread_t thread;

		fill_long_ring(r);
		n.header = r->cx.header;
		n.head = 0;
		atomic_store(&n.go, false);
		r->gx->ops.page = page_of_either;
		assert_int_equal(pthread_create(&thread, NULL, access_once, NULL), 0);
		cx_rig_trap(r);
		pthread_join(thread, NULL);
		r->gx->ops.page = n.page;
		assert_true(cx_drained(&r->cx));
		served += n.head < r->cx.tail / 4;
	}
	/* At the first pause of 15, however busy the machine is. */
	assert_int_equal(served, 10);
}

/* A guest that posts a message for each one that is read, and takes each response. */
static struct cx *endless;
static void *(*endless_page)(void *opaque, uint64_t addr, bool write);

static void *page_with_a_message(void *opaque, uint64_t addr, bool write)
{
	struct vgt_channel *header = endless->header;

	header->request_tail = header->request_head + CX_RING / 4;
	header->response_head = header->response_tail;
	return endless_page(opaque, addr, write);
}

static void a_guest_that_goes_on_posting_holds_an_access_for_one_ring(void **state)
{
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < CX_RING / 4; i += 2)
		r->cx.request[i] = 2 | 0x7777u << VGT_MSG_ACTION_SHIFT;
	endless = &r->cx;
	endless_page = r->gx->ops.page;
	r->gx->ops.page = page_with_a_message;
	cx_rig_trap(r);
	r->gx->ops.page = endless_page;
	/* All that fits into a ring: what was there as the access began, and nothing after it. */
	assert_int_equal(r->cx.header->request_head, CX_RING / 4);
	assert_int_equal(cx_accepted(&r->cx), CX_FEATURES);
}

static void no_request_is_executed_without_room_for_its_response(void **state)
{
	struct cx_rig *r = *state;
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
	cx_rig_trap(r);
	assert_int_equal(r->cx.header->request_head, 2 * room + 2);
	for (i = 2; i <= room + 5; i++) {
		cx_rig_trap(r);
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
	struct cx_rig *r = *state;
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
			assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
		}
	}
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), 2 * G_N_ELEMENTS(rows));
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
	struct cx_rig *r = *state;
	unsigned int i, lines;

	for (i = 0; i < G_N_ELEMENTS(nonsense); i++) {
		r->guest->next_page = 100;
		r->gx->now_ns += 2000000000;
		cx_init(&r->cx, r->guest);
		assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
		memset(r->gx->log, 0, sizeof(r->gx->log));
		lines = r->gx->log_count;
		r->cx.request[0] = nonsense[i].first;
		r->cx.request[1] = 1;
		r->cx.header->request_tail = nonsense[i].tail;
		r->cx.header->response_head = nonsense[i].head;
		cx_rig_trap(r);
		assert_int_equal(cx_accepted(&r->cx), 0);
		if (!gx_logged(r->gx, nonsense[i].log) || !gx_logged(r->gx, "channel ended"))
			fail_msg("row %u: no line with '%s'", i, nonsense[i].log);
		assert_int_equal(r->gx->log_count, lines + 1);
		assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), i + 1);
	}
}

static void a_tail_that_goes_back_while_the_host_waits_ends_it(void **state)
{
	struct cx_rig *r = *state;
	uint32_t nop[2] = { 2 | 0x7777u << VGT_MSG_ACTION_SHIFT, 0 };
	unsigned int i;

	for (i = 0; i < 100; i++) {
		nop[1] = ++r->cx.seqno;
		cx_post_raw(&r->cx, nop, 2);
	}
	cx_rig_trap(r);
	assert_int_equal(r->cx.header->request_head, 128);
	r->cx.header->request_tail = 130;
	cx_rig_trap(r);
	assert_int_equal(cx_accepted(&r->cx), 0);
	assert_true(gx_logged(r->gx, "request_tail went backwards"));
}

static void the_header_is_read_once_at_the_start(void **state)
{
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < 16; i++)
		((uint32_t *)r->cx.header)[i] = 0xffffffff;
	r->cx.header->request_head = 0x12345678;
	r->cx.header->response_tail = 0x12345678;
	r->cx.header->request_size = CX_RING;
	r->cx.header->response_size = VGT_CHANNEL_MIN_RING;
	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
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
	struct cx_rig *r = *state;
	void *(*page)(void *, uint64_t, bool) = r->gx->ops.page;
	struct vgt_fence_set set = {
		.start = r->aperture, .end = r->aperture + 0x1000, .tiling = 2, .stride = 128 };

	r->gx->ops.page = no_page;
	cx_post(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set));
	assert_int_equal(cx_accepted(&r->cx), CX_FEATURES);
	r->gx->ops.page = page;
	assert_false(cx_drained(&r->cx));
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 3);
}

/* Memory that is there to be written and gone when it is read. */
static void *(*real_page)(void *opaque, uint64_t addr, bool write);

static void *page_to_write(void *opaque, uint64_t addr, bool write)
{
	return write ? real_page(opaque, addr, write) : NULL;
}

static void memory_that_goes_away_during_the_start_is_refused(void **state)
{
	struct cx_rig *r = *state;

	cx_init(&r->cx, r->guest);
	real_page = r->gx->ops.page;
	r->gx->ops.page = page_to_write;
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), 0);
	r->gx->ops.page = real_page;
	assert_true(gx_logged(r->gx, "a page of the channel is not memory"));
	assert_int_equal(cx_start(&r->cx, CX_FEATURES), CX_FEATURES);
}

#define T(f) cmocka_unit_test_setup_teardown(f, cx_rig_setup_on, cx_rig_teardown)

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
		T(a_long_ring_lets_others_in_between),
		T(a_guest_that_goes_on_posting_holds_an_access_for_one_ring),
		T(no_request_is_executed_without_room_for_its_response),
		T(a_wrong_request_gets_a_status_and_the_next_one_is_executed),
		T(inconsistent_memory_ends_it_with_one_line),
		T(a_tail_that_goes_back_while_the_host_waits_ends_it),
		T(the_header_is_read_once_at_the_start),
		T(memory_that_is_gone_for_a_while_is_waited_for),
		T(memory_that_goes_away_during_the_start_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
