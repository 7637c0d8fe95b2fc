// SPDX-License-Identifier: MIT
/*
 * Shadow contexts: what is copied when, and what of a guest's image counts at which time.
 */

#include <glib.h>
#include <string.h>

#include "channel_fixture.h"

#define RCS_BYTES	(21 * GPU_PAGE_SIZE)	/* of an image, without the status page */
#define REG(ctx, dword)	((ctx)->lrca + GPU_PAGE_SIZE + 4 * (dword))
#define STATE(ctx)	((ctx)->lrca + 2 * GPU_PAGE_SIZE)
#define REPORT_HEAD	(0x07u << 23)
#define DRIVER_REGISTERS	(0x51 + 1 + 1 + 13)	/* that are read of a known image */

static void what_was_checked_is_what_runs(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	unsigned int i;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit_store(&ctx, r->out, 1);
	gx_submit(&ctx, NULL);
	/* Too late: all of the image, ring and page tables included. */
	for (i = 0; i < 1024; i++)
		gx_set(r->guest, REG(&ctx, i), 0xffffffff);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, r->out), 1);
	gx_expect_run(&ctx);
}

static void the_image_is_written_back_when_the_guest_hears_of_the_end(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_set(r->guest, STATE(&ctx), 0x11111111);
	gx_emit(&ctx, 4, 0x22u << 23 | 1, 0x2600u, 0x5555u, 0u);	/* a GPR */
	gx_emit(&ctx, 2, REPORT_HEAD, 0u);
	cx_run(r, &ctx, 1);
	/* RING_HEAD, the GPR, the inhibit bit that the save clears; the tail is the driver's. */
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x05)), ctx.tail);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x07)), ctx.tail);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x03)) & 1, 0);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x69)), 0x5555);
	assert_int_equal(gx_get(r->guest, STATE(&ctx)), 0x11111111);
	/* The status page is the guest's own. */
	assert_int_equal(gx_get(r->guest, ctx.lrca + 4 * 4), 20);
	assert_true(cx_rig_count(r, STATS_SHADOW_BYTES_OUT) > RCS_BYTES - GPU_PAGE_SIZE);
	assert_true(cx_rig_count(r, STATS_SHADOW_BYTES_OUT) < RCS_BYTES);
}

static void without_notification_only_the_same_again_is_known(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context a, b, other_engine;

	gx_context_init(&a, r->guest, GPU_RCS0);
	gx_context_init(&b, r->guest, GPU_RCS0);
	gx_context_init(&other_engine, r->guest, GPU_BCS0);
	assert_int_equal(cx_pages_in(r, &a), 21);
	assert_int_equal(cx_pages_in(r, &other_engine), 1);
	assert_int_equal(cx_pages_in(r, &a), 0);
	assert_int_equal(cx_pages_in(r, &b), 21);
	assert_int_equal(cx_pages_in(r, &a), 21);
	assert_int_equal(cx_pages_in(r, &other_engine), 0);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_HIT), 2);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_MISS), 4);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_DWORDS_IN), 2 * 1024);
	/* Two in one submission: each makes the other one unknown. */
	gx_emit_interrupt(&a);
	gx_emit_interrupt(&b);
	gx_submit(&a, &b);
	gx_run(r->gx, GPU_RCS0);
	gx_submit(&a, &b);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_MISS), 7);
}

static void any_write_below_the_image_makes_it_unknown(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	unsigned int page, named;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	cx_rig_start(r);
	for (named = 0; named < 2; named++) {
		for (page = 0; page < 22; page += 7) {
			uint32_t gma = ctx.lrca + page * GPU_PAGE_SIZE;

			if (named)
				cx_pin(&r->cx, 1, &ctx);
			cx_pages_in(r, &ctx);
			assert_int_equal(cx_pages_in(r, &ctx), 0);
			/* The same entry: it may be another image all the same. */
			gx_set_pte(r->guest, gma, gx_pte(r->guest, gma));
			assert_int_equal(cx_pages_in(r, &ctx), 21);
		}
		gx_set_pte(r->guest, ctx.lrca + 22 * GPU_PAGE_SIZE, 0);
		gx_set_pte(r->guest, ctx.lrca - GPU_PAGE_SIZE,
			   gx_pte(r->guest, ctx.lrca - GPU_PAGE_SIZE));
		assert_int_equal(cx_pages_in(r, &ctx), 0);
	}
}

static void of_a_context_that_was_not_told_of_all_registers_are_read_again(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit(&ctx, 4, 0x22u << 23 | 1, 0x2600u, 0x5555u, 0u);	/* a GPR */
	cx_run(r, &ctx, 1);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x69)), 0x5555);
	/* No driver does that, and none has promised not to. */
	gx_set(r->guest, REG(&ctx, 0x69), 0x7777);
	gx_emit(&ctx, 4, 0x24u << 23 | 1u << 22 | 2, 0x2600u, r->out + 64, 0u);
	cx_run(r, &ctx, 2);
	assert_int_equal(gx_get(r->guest, r->out + 64), 0x7777);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_HIT), 1);
}

static void switching_among_known_contexts_copies_nothing_in(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx[8];
	unsigned int i, round;
	uint64_t id = 1ull << 40;

	cx_rig_start(r);
	for (i = 0; i < 8; i++) {
		gx_context_init(&ctx[i], r->guest, GPU_RCS0);
		cx_create(&r->cx, id + i, &ctx[i]);
		cx_pin(&r->cx, id + i, &ctx[i]);
		assert_int_equal(cx_pages_in(r, &ctx[i]), 21);
	}
	for (round = 0; round < 5; round++)
		for (i = 0; i < 8; i++)
			assert_int_equal(cx_pages_in(r, &ctx[i]), 0);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_DWORDS_IN), 40 * DRIVER_REGISTERS);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_HIT), 40);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_DOORBELL), 0);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_RESPONSE), 0);
	/* Two at a time as well. */
	for (i = 0; i < 8; i += 2) {
		gx_emit_interrupt(&ctx[i]);
		gx_emit_interrupt(&ctx[i + 1]);
		gx_submit(&ctx[i], &ctx[i + 1]);
		gx_run(r->gx, GPU_RCS0);
	}
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_HIT), 48);
}

static void registers_that_the_driver_changed_count_at_each_submission(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx, ring;

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_context_init(&ring, r->guest, GPU_RCS0);
	cx_pin(&r->cx, 1, &ctx);
	cx_run(r, &ctx, 1);
	/* Another ring, from its start. */
	ctx.ring = ring.ring;
	ctx.tail = 0;
	gx_set(r->guest, REG(&ctx, 0x09), ctx.ring);
	gx_set(r->guest, REG(&ctx, 0x05), 0);
	cx_run(r, &ctx, 2);
	/* And one that is not there: refused like the first time. */
	gx_set(r->guest, REG(&ctx, 0x09), 0x1000);
	gx_emit_store(&ctx, r->out, 3);
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_no_event(r->guest, GPU_RCS0);
	assert_true(gx_logged(r->gx, "ring lies outside"));
	assert_int_equal(gx_get(r->guest, r->out), 2);
}

static void what_one_context_writes_into_the_next_ones_image_counts(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context first, second;

	cx_rig_start(r);
	gx_context_init(&first, r->guest, GPU_RCS0);
	gx_context_init(&second, r->guest, GPU_RCS0);
	cx_pin(&r->cx, 1, &first);
	cx_pin(&r->cx, 2, &second);
	cx_run(r, &first, 1);
	cx_run(r, &second, 2);
	/* The first one moves the second's head over a store; it finds R_PWR_CLK_STATE changed. */
	gx_emit_store(&first, REG(&second, 0x05), second.tail + 16);
	gx_emit_store(&second, r->out, 0xbad);
	gx_emit_store(&second, r->out + 4, 3);
	gx_emit_store(&second, REG(&first, 0x43), 0x1234);
	gx_submit(&first, &second);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, r->out), 2);
	assert_int_equal(gx_get(r->guest, r->out + 4), 3);
	assert_int_equal(gx_get(r->guest, REG(&first, 0x43)), 0x1234);
	gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(r->guest, GPU_RCS0, GX_ELEMENT_SWITCH, first.id);
	gx_expect_event(r->guest, GPU_RCS0, GX_ACTIVE_IDLE, second.id);
	gx_expect_no_event(r->guest, GPU_RCS0);
}

/* A waiting context; what happens to its image meanwhile. */
static void moved(struct cx_rig *r, struct gx_context *ctx)
{
	uint32_t there = gx_alloc(r->guest, 22);
	unsigned int i;

	for (i = 0; i < 22; i++)
		gx_set_pte(r->guest, ctx->lrca + i * GPU_PAGE_SIZE,
			   gx_pte(r->guest, there + i * GPU_PAGE_SIZE));
}
static void swapped_out(struct cx_rig *r, struct gx_context *ctx)
{
	unsigned int i;

	for (i = 0; i < 22; i++)
		gx_set_pte(r->guest, ctx->lrca + i * GPU_PAGE_SIZE, 0);
}
static void half_gone(struct cx_rig *r, struct gx_context *ctx)
{
	gx_set_reg(r->guest, GPU_GTT_OFFSET + (STATE(ctx) >> 12) * 8, 0);
}

static void an_image_that_goes_away_under_a_running_context_is_not_written_to(void **state)
{
	static void (*const ways[])(struct cx_rig *r, struct gx_context *ctx) = {
		moved, swapped_out, half_gone,
	};
	struct cx_rig *r = *state;
	unsigned int i, named;

	for (named = 0; named < 2; named++) {
		for (i = 0; i < G_N_ELEMENTS(ways); i++) {
			struct gx_context ctx;
			uint8_t before[22 * GPU_PAGE_SIZE];
			uint64_t pte, out = cx_rig_count(r, STATS_SHADOW_BYTES_OUT);
			uint32_t flag;

			r->guest->next_page = 200;
			flag = gx_alloc(r->guest, 1);
			gx_set(r->guest, flag, 0);
			gx_context_init(&ctx, r->guest, GPU_RCS0);
			cx_rig_start(r);
			if (named)
				cx_pin(&r->cx, 1, &ctx);
			gx_emit_wait(&ctx, flag);
			gx_emit_store(&ctx, r->out, 0x77 + i);
			gx_submit(&ctx, NULL);
			gx_run(r->gx, GPU_RCS0);
			pte = gx_pte(r->guest, ctx.lrca) & GPU_ADDR_MASK;
			memcpy(before, r->guest->mem + pte, sizeof(before));
			ways[i](r, &ctx);
			gx_set(r->guest, flag, 1);
			gx_run(r->gx, GPU_RCS0);
			assert_int_equal(gx_get(r->guest, r->out), 0x77 + i);
			gx_expect_run(&ctx);
			assert_memory_equal(r->guest->mem + pte, before, sizeof(before));
			assert_int_equal(cx_rig_count(r, STATS_SHADOW_BYTES_OUT), out);
			assert_true(gx_logged(r->gx, "its GGTT entries changed while it ran"));
		}
	}
}

static void a_context_that_moved_while_it_runs_gets_no_lite_restore(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint32_t flag = gx_alloc(r->guest, 1);

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit_wait(&ctx, flag);
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_set_pte(r->guest, ctx.lrca + GPU_PAGE_SIZE, gx_pte(r->guest, ctx.lrca + GPU_PAGE_SIZE));
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_no_event(r->guest, GPU_RCS0);
	assert_int_equal(gx_reg(r->guest, 0x2234) & 4, 4);
	gx_set(r->guest, flag, 1);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_event(r->guest, GPU_RCS0, GX_ACTIVE_IDLE, ctx.id);
	gx_expect_run(&ctx);
}

static void another_context_waits_until_the_running_one_is_done(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context a, b, c;
	uint32_t flag = gx_alloc(r->guest, 1);

	gx_context_init(&a, r->guest, GPU_RCS0);
	gx_context_init(&b, r->guest, GPU_RCS0);
	gx_context_init(&c, r->guest, GPU_RCS0);
	gx_emit_wait(&a, flag);
	gx_emit_store(&b, r->out, 1);
	gx_emit_store(&c, r->out + 4, 1);
	/* The second element is replaced with the lite restore; then something else waits. */
	gx_submit(&a, &b);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(gx_reg(r->guest, 0x2234) & 0x18, 0x18);
	gx_emit_store(&a, r->out + 8, 1);
	gx_submit(&a, &c);
	gx_run(r->gx, GPU_RCS0);
	gx_submit(&b, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(r->guest, GPU_RCS0, GX_LITE_RESTORE, a.id);
	gx_expect_no_event(r->guest, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, r->out), 0);
	gx_set(r->guest, flag, 1);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_event(r->guest, GPU_RCS0, GX_ELEMENT_SWITCH, a.id);
	gx_expect_event(r->guest, GPU_RCS0, GX_ACTIVE_IDLE, c.id);
	gx_expect_run(&b);
	gx_expect_no_event(r->guest, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, r->out), 1);
	assert_int_equal(gx_get(r->guest, r->out + 4), 1);
	assert_int_equal(gx_get(r->guest, r->out + 8), 1);
}

static void a_bad_second_element_hangs_the_engine_after_the_first(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context a, b;

	gx_context_init(&a, r->guest, GPU_RCS0);
	gx_context_init(&b, r->guest, GPU_RCS0);
	gx_emit_store(&a, r->out, 1);
	gx_emit_interrupt(&b);
	gx_set(r->guest, REG(&b, 0x09), 0x1000);
	gx_submit(&a, &b);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(r->guest, GPU_RCS0, GX_ELEMENT_SWITCH, a.id);
	gx_expect_no_event(r->guest, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, r->out), 1);
	assert_true(gx_logged(r->gx, "ring lies outside"));
	/* The other guest has the engine meanwhile. */
	gx_context_init(&a, &r->gx->guest[1], GPU_RCS0);
	gx_emit_interrupt(&a);
	gx_submit(&a, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_expect_run(&a);
}

static void after_a_reset_the_image_is_as_it_was_before_the_run(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint32_t head, flag = gx_alloc(r->guest, 1);

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_RCS0);
	cx_pin(&r->cx, 1, &ctx);
	cx_run(r, &ctx, 1);
	head = ctx.tail;
	gx_emit_wait(&ctx, flag);
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_set_reg(r->guest, 0x941c, 2);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x05)), head);
	/* As i915: the head behind what hung, then again. */
	gx_set(r->guest, REG(&ctx, 0x05), ctx.tail);
	gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_start(r->guest);
	cx_run(r, &ctx, 2);
}

/* What GVT-g and hardware leave of a context that they did not get to save: its image as it is. */
static void a_reset_leaves_an_image_alone_that_was_not_saved(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx, other;
	uint32_t flag = gx_alloc(r->guest, 1);
	uint64_t out;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_context_init(&other, r->guest, GPU_BCS0);
	gx_set(r->guest, STATE(&ctx), 0x11111111);
	gx_emit_wait(&ctx, flag);
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	/* While it runs, another engine writes there. */
	gx_emit_store(&other, STATE(&ctx), 0x22222222);
	gx_submit(&other, NULL);
	gx_run(r->gx, GPU_BCS0);
	assert_int_equal(gx_get(r->guest, STATE(&ctx)), 0x22222222);
	out = cx_rig_count(r, STATS_SHADOW_BYTES_OUT);
	gx_set_reg(r->guest, 0x941c, 2);
	assert_int_equal(gx_get(r->guest, STATE(&ctx)), 0x22222222);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_BYTES_OUT), out);
}

/* A front end at which an engine goes on in the middle of an access. */
static struct cx_rig *racing;
static void *(*racing_page)(void *opaque, uint64_t addr, bool write);

static void *page_while_the_engine_runs(void *opaque, uint64_t addr, bool write)
{
	uint64_t poll_ns;

	racing->gx->ops.page = racing_page;
	gpu_engine_run(gvt_gpu(racing->gx->gvt), GPU_RCS0, 100, &poll_ns);
	return racing_page(opaque, addr, write);
}

static void a_reset_leaves_what_was_saved_before_it(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint32_t head, flag = gx_alloc(r->guest, 1);

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit_wait(&ctx, flag);
	head = ctx.tail;
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	gx_set(r->guest, flag, 1);
	/* It ends just as it gets more, and does not begin with that before the reset. */
	gx_emit_store(&ctx, r->out, 1);
	racing = r;
	racing_page = r->gx->ops.page;
	r->gx->ops.page = page_while_the_engine_runs;
	gx_submit(&ctx, NULL);
	gx_set_reg(r->guest, 0x941c, 2);
	gx_expect_run(&ctx);
	assert_int_equal(gx_get(r->guest, REG(&ctx, 0x05)), head);
	assert_int_equal(gx_get(r->guest, r->out), 0);
}

static void a_reset_of_the_device_writes_nothing_back(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint8_t *before = g_malloc(GX_PAGES * GPU_PAGE_SIZE);
	uint64_t poll_ns;

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	memcpy(before, r->guest->mem, GX_PAGES * GPU_PAGE_SIZE);
	/* It ends, but nobody has looked when the reset comes. */
	gpu_engine_run(gvt_gpu(r->gx->gvt), GPU_RCS0, 100, &poll_ns);
	vgpu_reset(r->guest->vgpu);
	assert_true(gx_logged(r->gx, "its vGPU lost the engine: not saved"));
	assert_false(gx_logged(r->gx, "its GGTT entries changed"));
	assert_memory_equal(r->guest->mem, before, GX_PAGES * GPU_PAGE_SIZE);
	g_free(before);
}

static void no_command_reaches_the_window(void **state)
{
	struct cx_rig *r = *state;
	uint32_t gma;

	for (gma = 0xffeff000; gma < 0xfffff000; gma += 0x1000) {
		struct gx_context ctx;

		/* Its own image's pages and all others: the guest's status page excepted. */
		if (gma % 0x20000 == 0x1f000)
			continue;
		r->guest->next_page = 100;
		gx_context_init(&ctx, r->guest, GPU_RCS0);
		gx_emit_store(&ctx, gma + 0x24, 0xbadbad);
		gx_emit_store(&ctx, r->out, gma);
		gx_submit(&ctx, NULL);
		gx_run(r->gx, GPU_RCS0);
		assert_int_not_equal(gx_get(r->guest, r->out), gma);
		gx_set_reg(r->guest, 0x941c, 2);
		gx_start(r->guest);
		r->guest->next_gma = vgpu_partition(r->guest->vgpu)->hidden_base + (1 << 20);
	}
}

static void the_status_page_follows_the_guests_entry(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint32_t flag = gx_alloc(r->guest, 1), other = gx_alloc(r->guest, 1);

	gx_context_init(&ctx, r->guest, GPU_RCS0);
	gx_emit(&ctx, 2, REPORT_HEAD, 0u);
	gx_emit_wait(&ctx, flag);
	gx_emit(&ctx, 2, REPORT_HEAD, 0u);
	gx_submit(&ctx, NULL);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, ctx.lrca + 16), 4);
	gx_set_pte(r->guest, ctx.lrca, gx_pte(r->guest, other));
	gx_set_reg(r->guest, 0x101008, 1);
	gx_set(r->guest, flag, 1);
	gx_run(r->gx, GPU_RCS0);
	assert_int_equal(gx_get(r->guest, other + 16), 28);
}

static void a_broadwell_has_smaller_images(void **state)
{
	struct cx_rig r = { .gx = gx_new(GPU_BDW) };
	struct gx_context ctx;

	(void)state;
	r.guest = gx_add_type(r.gx, 0, "GVTg_V4_8");
	gx_start(r.guest);
	r.out = gx_alloc(r.guest, 1);
	gx_context_init(&ctx, r.guest, GPU_RCS0);
	assert_int_equal(cx_pages_in(&r, &ctx), 19);
	assert_int_equal(cx_pages_in(&r, &ctx), 0);
	assert_int_equal(cx_rig_count(&r, STATS_SHADOW_DWORDS_IN), 1024);
	gx_free(r.gx);
}

#define T(f) cmocka_unit_test_setup_teardown(f, cx_rig_setup, cx_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_checked_is_what_runs),
		T(the_image_is_written_back_when_the_guest_hears_of_the_end),
		T(without_notification_only_the_same_again_is_known),
		T(any_write_below_the_image_makes_it_unknown),
		T(of_a_context_that_was_not_told_of_all_registers_are_read_again),
		T(switching_among_known_contexts_copies_nothing_in),
		T(registers_that_the_driver_changed_count_at_each_submission),
		T(what_one_context_writes_into_the_next_ones_image_counts),
		T(an_image_that_goes_away_under_a_running_context_is_not_written_to),
		T(a_context_that_moved_while_it_runs_gets_no_lite_restore),
		T(another_context_waits_until_the_running_one_is_done),
		T(a_bad_second_element_hangs_the_engine_after_the_first),
		T(after_a_reset_the_image_is_as_it_was_before_the_run),
		T(a_reset_leaves_an_image_alone_that_was_not_saved),
		T(a_reset_leaves_what_was_saved_before_it),
		T(a_reset_of_the_device_writes_nothing_back),
		T(no_command_reaches_the_window),
		T(the_status_page_follows_the_guests_entry),
		cmocka_unit_test(a_broadwell_has_smaller_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
