// SPDX-License-Identifier: MIT
/*
 * Contexts that a guest tells of: what it may say, and what is known after it said so.
 */

#include <glib.h>
#include <string.h>

#include "channel_fixture.h"

#define REG(ctx, dword)	((ctx)->lrca + GPU_PAGE_SIZE + 4 * (dword))

static void say_unpin(struct cx_rig *r, struct gx_context *ctx) { cx_unpin(&r->cx, 7); }
static void say_destroy(struct cx_rig *r, struct gx_context *ctx) { cx_destroy(&r->cx, 7); }
static void say_pin_again(struct cx_rig *r, struct gx_context *ctx) { cx_pin(&r->cx, 7, ctx); }
static void say_other_pin(struct cx_rig *r, struct gx_context *ctx) { cx_pin(&r->cx, 8, ctx); }
static void say_overlapping_pin(struct cx_rig *r, struct gx_context *ctx)
{
	struct gx_context other = *ctx;

	other.lrca -= GPU_PAGE_SIZE;
	cx_pin(&r->cx, 8, &other);
}
static void say_moved_pin(struct cx_rig *r, struct gx_context *ctx)
{
	struct gx_context other;

	gx_context_init(&other, r->guest, GPU_RCS0);
	cx_pin(&r->cx, 7, &other);
}
static void say_stop(struct cx_rig *r, struct gx_context *ctx) { cx_stop(&r->cx); }
static void say_start(struct cx_rig *r, struct gx_context *ctx) { cx_rig_start(r); }
static void say_engine_reset(struct cx_rig *r, struct gx_context *ctx)
{
	gx_set_reg(r->guest, 0x941c, 2);
	gx_start(r->guest);
}
static void say_full_reset(struct cx_rig *r, struct gx_context *ctx)
{
	gx_set_reg(r->guest, 0x941c, 1);
	gx_start(r->guest);
}
static void say_nonsense(struct cx_rig *r, struct gx_context *ctx)
{
	r->cx.header->request_tail += 3;
}

/* Seconds that it takes to hear of many contexts, and then as often of one of them. */
static double time_of_ids(struct cx_rig *r, uint64_t step)
{
	const unsigned int many = 20000;
	gint64 begin = g_get_monotonic_time();
	struct gx_context ctx;
	unsigned int i;

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_BCS0);
	for (i = 1; i <= many; i++) {
		cx_create(&r->cx, i * step, &ctx);
		cx_unpin(&r->cx, step);
		if (i % 16 == 0)
			gx_reg(r->guest, 0x78064);
	}
	assert_true(cx_rig_count(r, STATS_CHANNEL_CREATE) >= many);
	return (g_get_monotonic_time() - begin) / 1e6;
}

static void no_choice_of_ids_makes_finding_one_slow(void **state)
{
	struct cx_rig *r = *state;
	double usual = time_of_ids(r, 1), chosen;

	chosen = time_of_ids(r, 1ull << 32);
	assert_true(chosen < 10 * usual + 0.5);
	chosen = time_of_ids(r, (1ull << 32) + 1);
	assert_true(chosen < 10 * usual + 0.5);
}

static void what_is_known_ends_with_what_the_guest_says(void **state)
{
	static void (*const says[])(struct cx_rig *r, struct gx_context *ctx) = {
		say_unpin, say_destroy, say_pin_again, say_other_pin, say_overlapping_pin,
		say_moved_pin, say_stop, say_start, say_engine_reset, say_full_reset, say_nonsense,
	};
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(says); i++) {
		struct gx_context ctx, other;

		r->guest->next_page = 100;
		gx_context_init(&ctx, r->guest, GPU_RCS0);
		gx_context_init(&other, r->guest, GPU_RCS0);
		/* The pages are those of the round before. */
		gx_set(r->guest, REG(&ctx, 0x05), 0);
		gx_set(r->guest, REG(&other, 0x05), 0);
		cx_rig_start(r);
		cx_pin(&r->cx, 7, &ctx);
		assert_int_equal(cx_pages_in(r, &ctx), 21);
		assert_int_equal(cx_pages_in(r, &other), 21);
		assert_int_equal(cx_pages_in(r, &ctx), 0);
		says[i](r, &ctx);
		if (cx_pages_in(r, &ctx) != 21)
			fail_msg("row %u", i);
	}
}

static void what_is_said_of_a_running_context_does_not_disturb_it(void **state)
{
	static void (*const says[])(struct cx_rig *r, struct gx_context *ctx) = {
		say_unpin, say_destroy, say_pin_again, say_other_pin, say_stop, say_start,
		say_nonsense,
	};
	struct cx_rig *r = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(says); i++) {
		struct gx_context ctx;
		uint32_t flag;

		r->guest->next_page = 100;
		flag = gx_alloc(r->guest, 1);
		gx_set(r->guest, flag, 0);
		gx_context_init(&ctx, r->guest, GPU_RCS0);
		gx_set(r->guest, REG(&ctx, 0x05), 0);
		cx_rig_start(r);
		cx_pin(&r->cx, 7, &ctx);
		gx_emit_wait(&ctx, flag);
		gx_submit(&ctx, NULL);
		gx_run(r->gx, GPU_RCS0);
		says[i](r, &ctx);
		/* More of it, the lite restore included. */
		gx_emit_store(&ctx, r->out, 0x99 + i);
		gx_submit(&ctx, NULL);
		gx_set(r->guest, flag, 1);
		gx_run(r->gx, GPU_RCS0);
		assert_int_equal(gx_get(r->guest, r->out), 0x99 + i);
		gx_expect_event(r->guest, GPU_RCS0, GX_IDLE_ACTIVE, 0);
		gx_expect_event(r->guest, GPU_RCS0, GX_LITE_RESTORE, ctx.id);
		gx_expect_event(r->guest, GPU_RCS0, GX_ACTIVE_IDLE, ctx.id);
		gx_expect_no_event(r->guest, GPU_RCS0);
		assert_int_equal(gx_get(r->guest, REG(&ctx, 0x05)), ctx.tail);
		cx_run(r, &ctx, 0xaa);
	}
}

/* ---- requests ---- */

static struct vgt_context_pin good_pin(const struct gx_context *ctx)
{
	return (struct vgt_context_pin){
		.id = 5, .engine = 0, .image_size = 22 * GPU_PAGE_SIZE, .lrca = ctx->lrca,
		.ring_start = ctx->ring, .ring_size = GPU_PAGE_SIZE,
	};
}

static void wrong_pins_are_refused(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	struct vgt_context_pin good;
	uint64_t end;
	static const struct { uint16_t at; uint32_t value; } rows[] = {
#define P(f)	offsetof(struct vgt_context_pin, f) / 4
		{ P(engine), 4 }, { P(engine), 0x10000 }, { P(engine), 0xfffe0000 }, { P(engine), 0xffff0000 },
		{ P(engine), 0xffff }, { P(image_size), 0 }, { P(image_size), 21 << 12 },
		{ P(image_size), (22 << 12) + 8 }, { P(image_size), 0x101000 },
		{ P(image_size), 0xfffff000 }, { P(lrca), 0 }, { P(lrca), 0xfffff000 },
		{ P(lrca), 0x10 }, { P(ring_start), 0 }, { P(ring_start), 0xfffff000 },
		{ P(ring_size), 0 }, { P(ring_size), 0x800 }, { P(ring_size), 0x201000 },
		{ P(ring_size), 0xfffff000 }, { P(rsv), 1 },
	};
	unsigned int i;

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_RCS0);
	good = good_pin(&ctx);
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct vgt_context_pin pin = good;

		((uint32_t *)&pin)[rows[i].at] = rows[i].value;
		if (cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &pin, sizeof(pin)) !=
		    VGT_STATUS_BAD_VALUE)
			fail_msg("row %u was not refused", i);
	}
	end = vgpu_partition(r->guest->vgpu)->hidden_base +
	      vgpu_partition(r->guest->vgpu)->hidden_size;
	good.lrca = end - 21 * GPU_PAGE_SIZE;
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &good, sizeof(good)),
			 VGT_STATUS_BAD_VALUE);
	good.lrca = end - 22 * GPU_PAGE_SIZE;
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &good, sizeof(good)),
			 VGT_STATUS_OK);
	good.engine = 3;
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &good, sizeof(good)),
			 VGT_STATUS_OK);
	good.id = 0;
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &good, sizeof(good)),
			 VGT_STATUS_BAD_VALUE);
}

static int say(struct cx_rig *r, uint32_t action, uint64_t id)
{
	struct vgt_context_create create = { .id = id, .image_size = 22 * GPU_PAGE_SIZE };
	struct vgt_context_ref ref = { .id = id };

	if (action == VGT_ACTION_CONTEXT_CREATE)
		return cx_call(&r->cx, action, &create, sizeof(create));
	return cx_call(&r->cx, action, &ref, sizeof(ref));
}

static void ids_are_known_from_create_or_pin_to_destroy(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_RCS0);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_UNPIN, 5), VGT_STATUS_NO_SUCH_CONTEXT);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_DESTROY, 5), VGT_STATUS_NO_SUCH_CONTEXT);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, 0), VGT_STATUS_BAD_VALUE);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, 5), VGT_STATUS_OK);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, 5), VGT_STATUS_BAD_VALUE);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_UNPIN, 5), VGT_STATUS_OK);
	cx_pin(&r->cx, 6, &ctx);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_UNPIN, 6), VGT_STATUS_OK);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_UNPIN, 6), VGT_STATUS_OK);
	cx_pin(&r->cx, 6, &ctx);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_DESTROY, 6), VGT_STATUS_OK);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_DESTROY, 6), VGT_STATUS_NO_SUCH_CONTEXT);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_DESTROY, 5), VGT_STATUS_OK);
	/* A new channel knows none of them. */
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, ~0ull), VGT_STATUS_OK);
	cx_rig_start(r);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, ~0ull), VGT_STATUS_OK);
}

static void there_is_an_end_to_what_is_kept(void **state)
{
	struct cx_rig *r = *state;
	uint64_t id;

	cx_rig_start(r);
	for (id = 1; id <= 1u << 17; id++) {
		struct vgt_context_create create = { .id = id, .image_size = 22 * GPU_PAGE_SIZE };

		cx_post(&r->cx, VGT_ACTION_CONTEXT_CREATE, &create, sizeof(create));
		if (id % 128 == 0)
			cx_doorbell(&r->cx);
	}
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), 0);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, id), VGT_STATUS_NO_RESOURCES);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_DESTROY, 1), VGT_STATUS_OK);
	assert_int_equal(say(r, VGT_ACTION_CONTEXT_CREATE, id), VGT_STATUS_OK);
}

/* Seconds for many resets of one engine. */
static double time_of_resets(struct cx_rig *r)
{
	gint64 begin = g_get_monotonic_time();
	unsigned int i;

	for (i = 0; i < 200; i++)
		gx_set_reg(r->guest, 0x941c, 2);
	return (g_get_monotonic_time() - begin) / 1e6;
}

static void a_reset_of_an_engine_costs_no_more_with_many_contexts(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx[2];
	double few, many;
	uint64_t id;

	cx_rig_start(r);
	gx_context_init(&ctx[0], r->guest, GPU_BCS0);
	gx_context_init(&ctx[1], r->guest, GPU_RCS0);
	few = time_of_resets(r);
	for (id = 1; id <= 100000; id++) {
		cx_create(&r->cx, id, &ctx[0]);
		if (id % 64 == 0)
			cx_rig_trap(r);
	}
	many = time_of_resets(r);
	assert_true(many < 10 * few + 0.05);
	assert_int_equal(cx_rig_count(r, STATS_CHANNEL_PROTOCOL_ERROR), 0);
	/* And it still forgets what it must, of this engine and of no other one. */
	gx_start(r->guest);
	cx_pin(&r->cx, 1, &ctx[0]);
	cx_pin(&r->cx, 2, &ctx[1]);
	assert_int_equal(cx_pages_in(r, &ctx[0]), 1);
	assert_int_equal(cx_pages_in(r, &ctx[1]), 21);
	gx_set_reg(r->guest, 0x941c, 2);
	gx_start(r->guest);
	assert_int_equal(cx_pages_in(r, &ctx[0]), 0);
	assert_int_equal(cx_pages_in(r, &ctx[1]), 21);
}

static void a_context_pinned_for_one_engine_is_unknown_to_the_others(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	struct vgt_context_pin pin;

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_BCS0);
	pin = (struct vgt_context_pin){ .id = 1, .engine = 2, .image_size = 2 * GPU_PAGE_SIZE,
		.lrca = ctx.lrca, .ring_start = ctx.ring, .ring_size = GPU_PAGE_SIZE };
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &pin, sizeof(pin)), 0);
	assert_int_equal(cx_pages_in(r, &ctx), 1);
	cx_unpin(&r->cx, 1);
	assert_int_equal(cx_pages_in(r, &ctx), 0);
}

/* What an image is said to have beyond what engines save is nobody's business. */
static void only_pages_that_engines_save_belong_to_a_context(void **state)
{
	struct cx_rig *r = *state;
	struct gx_context ctx;
	uint32_t behind;
	struct vgt_context_pin pin = {
		.id = 1, .engine = 1, .image_size = 1 << 20, .ring_size = GPU_PAGE_SIZE };

	cx_rig_start(r);
	gx_context_init(&ctx, r->guest, GPU_BCS0);
	behind = gx_alloc(r->guest, 1);
	assert_int_equal(behind, ctx.lrca + 2 * GPU_PAGE_SIZE);
	pin.lrca = ctx.lrca;
	pin.ring_start = ctx.ring;
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_CONTEXT_PIN, &pin, sizeof(pin)), 0);
	assert_int_equal(cx_pages_in(r, &ctx), 1);
	gx_set_pte(r->guest, behind, 0);
	cx_pages_in(r, &ctx);
	assert_int_equal(cx_pages_in(r, &ctx), 0);
	assert_int_equal(cx_rig_count(r, STATS_SHADOW_MISS), 1);
	gx_set_pte(r->guest, behind - GPU_PAGE_SIZE, gx_pte(r->guest, behind - GPU_PAGE_SIZE));
	assert_int_equal(cx_pages_in(r, &ctx), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, cx_rig_setup, cx_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_choice_of_ids_makes_finding_one_slow),
		T(what_is_known_ends_with_what_the_guest_says),
		T(what_is_said_of_a_running_context_does_not_disturb_it),
		T(wrong_pins_are_refused),
		T(ids_are_known_from_create_or_pin_to_destroy),
		T(there_is_an_end_to_what_is_kept),
		T(a_reset_of_an_engine_costs_no_more_with_many_contexts),
		T(a_context_pinned_for_one_engine_is_unknown_to_the_others),
		T(only_pages_that_engines_save_belong_to_a_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
