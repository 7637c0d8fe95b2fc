// SPDX-License-Identifier: MIT
/*
 * Whether a mediator knows which contexts there are, whatever happens to the channel.
 */

#include <kunit/test.h>

#include "gt/intel_context_types.h"
#include "gt/intel_engine_types.h"
#include "i915_active.h"
#include "i915_drv.h"

#include "../i915_pvinfo_abi.h"
#include "../i915_vgpu_context.h"
#include "i915_vgpu_mock_host.h"
#include "i915_vgpu_tests.h"

#define ENGINE		(2 | 1 << VGT_ENGINE_INSTANCE_SHIFT)
#define IMAGE_SIZE	(22 * 4096)

struct expected {
	u32 action;
	u64 id;
};

static int context_test_init(struct kunit *test)
{
	struct mock_host *host = mock_host_create(test);

	test->priv = host;
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	return 0;
}

static void context_test_exit(struct kunit *test)
{
	struct mock_host *host = test->priv;

	if (host)
		KUNIT_EXPECT_EQ(test, host->offs, 0);
}

static struct vgpu_context *contexts(struct kunit *test, int count)
{
	struct vgpu_context *ctx = kunit_kcalloc(test, count, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	return ctx;
}

static void create(struct mock_host *host, struct vgpu_context *ctx)
{
	vgpu_context_create(&host->channel, ctx, ENGINE, IMAGE_SIZE);
}

static void pin(struct mock_host *host, struct vgpu_context *ctx, u32 lrca)
{
	vgpu_context_pin(&host->channel, ctx, lrca, lrca + 0x100000, 0x4000);
}

static void unpin(struct mock_host *host, struct vgpu_context *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&host->channel.lock, flags);
	vgpu_context_unpin_locked(&host->channel, ctx);
	spin_unlock_irqrestore(&host->channel.lock, flags);
}

static u64 logged_id(const struct mock_host *host, u32 i)
{
	return host->log[i].msg[2] | (u64)host->log[i].msg[3] << 32;
}

/* All that the mediator was told since its log was emptied */
static void expect_log(struct kunit *test, const struct expected *expected, u32 count)
{
	struct mock_host *host = test->priv;
	u32 i;

	mock_host_drain(host);
	KUNIT_ASSERT_EQ(test, host->num_log, count);
	for (i = 0; i < count; i++) {
		KUNIT_EXPECT_EQ_MSG(test, mock_request_action(&host->log[i]), expected[i].action,
				    "message %u", i);
		KUNIT_EXPECT_EQ_MSG(test, logged_id(host, i), expected[i].id, "message %u", i);
	}
	host->num_log = 0;
}

static void a_life_is_four_messages_and_no_trap(struct kunit *test)
{
	static const struct expected life[] = {
		{ VGT_ACTION_CONTEXT_CREATE, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 1 },
		{ VGT_ACTION_CONTEXT_UNPIN, 1 },
		{ VGT_ACTION_CONTEXT_DESTROY, 1 },
	};
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;

	host->asleep = true;
	create(host, ctx);
	pin(host, ctx, 0x10000000);
	unpin(host, ctx);
	vgpu_context_destroy(&host->channel, ctx);
	expect_log(test, life, ARRAY_SIZE(life));
	KUNIT_EXPECT_TRUE(test, list_empty(&host->channel.pinned));
}

static void messages_say_what_the_abi_has(struct kunit *test)
{
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;
	struct vgt_context_create *msg_create = (void *)host->log[0].msg;
	struct vgt_context_pin *msg_pin = (void *)host->log[1].msg;

	create(host, ctx);
	pin(host, ctx, 0xfffff000);
	mock_host_drain(host);
	KUNIT_ASSERT_EQ(test, host->num_log, 2);

	KUNIT_EXPECT_EQ(test, msg_create->msg.header, VGT_ACTION_CONTEXT_CREATE << 16 | 6);
	KUNIT_EXPECT_EQ(test, msg_create->msg.seqno, 1);
	KUNIT_EXPECT_EQ(test, msg_create->id, 1);
	KUNIT_EXPECT_EQ(test, msg_create->engine, ENGINE);
	KUNIT_EXPECT_EQ(test, msg_create->image_size, IMAGE_SIZE);

	KUNIT_EXPECT_EQ(test, msg_pin->msg.header, VGT_ACTION_CONTEXT_PIN << 16 | 10);
	KUNIT_EXPECT_EQ(test, msg_pin->msg.seqno, 2);
	KUNIT_EXPECT_EQ(test, msg_pin->id, 1);
	KUNIT_EXPECT_EQ(test, msg_pin->engine, ENGINE);
	KUNIT_EXPECT_EQ(test, msg_pin->image_size, IMAGE_SIZE);
	KUNIT_EXPECT_EQ(test, msg_pin->lrca, 0xfffff000);
	KUNIT_EXPECT_EQ(test, msg_pin->ring_start, 0xfffff000 + 0x100000);
	KUNIT_EXPECT_EQ(test, msg_pin->ring_size, 0x4000);
	KUNIT_EXPECT_EQ(test, msg_pin->rsv, 0);
}

static void pinning_twice_is_said_once(struct kunit *test)
{
	static const struct expected said[] = {
		{ VGT_ACTION_CONTEXT_CREATE, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 1 },
		{ VGT_ACTION_CONTEXT_UNPIN, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 1 },
	};
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;

	create(host, ctx);
	pin(host, ctx, 0x1000);
	pin(host, ctx, 0x1000);
	unpin(host, ctx);
	unpin(host, ctx);
	pin(host, ctx, 0x2000);
	KUNIT_EXPECT_EQ(test, ctx->lrca, 0x2000);
	expect_log(test, said, ARRAY_SIZE(said));
}

static void an_id_is_never_used_again(struct kunit *test)
{
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;
	u64 id;

	/* Neither when the context has gone, nor when the channel has. */
	for (id = 1; id < 100; id++) {
		create(host, ctx);
		KUNIT_EXPECT_EQ(test, ctx->id, id);
		vgpu_context_destroy(&host->channel, ctx);
		if (id % 10 == 0) {
			mock_host_reset(host);
			vgpu_channel_start(&host->channel);
		}
	}
}

static void destroying_what_is_pinned_unpins_it(struct kunit *test)
{
	static const struct expected said[] = {
		{ VGT_ACTION_CONTEXT_CREATE, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 1 },
		{ VGT_ACTION_CONTEXT_UNPIN, 1 },
		{ VGT_ACTION_CONTEXT_DESTROY, 1 },
	};
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;

	create(host, ctx);
	pin(host, ctx, 0x1000);
	vgpu_context_destroy(&host->channel, ctx);
	KUNIT_EXPECT_TRUE(test, list_empty(&host->channel.pinned));
	expect_log(test, said, ARRAY_SIZE(said));
}

static void after_a_reset_the_pinned_ones_are_announced(struct kunit *test)
{
	static const struct expected said[] = {
		{ VGT_ACTION_CONTEXT_PIN, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 4 },
		{ VGT_ACTION_CONTEXT_UNPIN, 1 },
	};
	struct vgpu_context *ctx = contexts(test, 5);
	struct mock_host *host = test->priv;
	int i;

	for (i = 0; i < 4; i++)
		create(host, &ctx[i]);
	for (i = 0; i < 3; i++)
		pin(host, &ctx[i], 0x1000 + i * 0x100000);
	mock_host_drain(host);
	mock_host_reset(host);
	host->num_log = 0;

	/* The mediator hears none of this. */
	unpin(host, &ctx[1]);
	vgpu_context_destroy(&host->channel, &ctx[2]);
	pin(host, &ctx[3], 0x800000);
	create(host, &ctx[4]);

	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	unpin(host, &ctx[0]);
	expect_log(test, said, ARRAY_SIZE(said));
}

static void what_the_mediator_has_forgotten_is_not_destroyed_there(struct kunit *test)
{
	static const struct expected said[] = {
		{ VGT_ACTION_CONTEXT_PIN, 2 },
		{ VGT_ACTION_CONTEXT_UNPIN, 2 },
		{ VGT_ACTION_CONTEXT_DESTROY, 2 },
	};
	struct vgpu_context *ctx = contexts(test, 2);
	struct mock_host *host = test->priv;

	create(host, &ctx[0]);
	create(host, &ctx[1]);
	mock_host_reset(host);
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);

	vgpu_context_destroy(&host->channel, &ctx[0]);
	pin(host, &ctx[1], 0x1000);
	vgpu_context_destroy(&host->channel, &ctx[1]);
	expect_log(test, said, ARRAY_SIZE(said));
}

static void as_many_are_announced_as_the_ring_takes(struct kunit *test)
{
	const int count = 1000;
	struct vgpu_context *ctx = contexts(test, count);
	struct mock_host *host = test->priv;
	const int fit = host->channel.request.size / (sizeof(struct vgt_context_pin) / 4);
	int i;

	mock_host_reset(host);
	vgpu_channel_stop(&host->channel);
	for (i = 0; i < count; i++) {
		create(host, &ctx[i]);
		pin(host, &ctx[i], i * 0x100000);
	}
	KUNIT_EXPECT_EQ(test, host->num_log, 0);

	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, host->doorbells, 0);
	mock_host_drain(host);
	KUNIT_ASSERT_EQ(test, host->num_log, fit);
	for (i = 0; i < fit; i++)
		KUNIT_EXPECT_EQ(test, logged_id(host, i), ctx[i].id);
	host->num_log = 0;

	/* Of the others it hears when they are pinned again, and nothing before that. */
	unpin(host, &ctx[fit]);
	vgpu_context_destroy(&host->channel, &ctx[fit + 1]);
	expect_log(test, NULL, 0);
	pin(host, &ctx[fit], 0x1000);
	vgpu_context_destroy(&host->channel, &ctx[fit]);
	mock_host_drain(host);
	KUNIT_ASSERT_EQ(test, host->num_log, 3);
	KUNIT_EXPECT_EQ(test, mock_request_action(&host->log[0]), VGT_ACTION_CONTEXT_PIN);
	KUNIT_EXPECT_EQ(test, mock_request_action(&host->log[2]), VGT_ACTION_CONTEXT_DESTROY);
}

static void without_the_feature_nothing_is_said_but_all_is_known(struct kunit *test)
{
	static const struct expected said[] = { { VGT_ACTION_CONTEXT_PIN, 1 } };
	struct vgpu_context *ctx = contexts(test, 2);
	struct mock_host *host = test->priv;

	host->willing = VGT_FEATURE_FENCE;
	mock_host_reset(host);
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	create(host, &ctx[0]);
	create(host, &ctx[1]);
	pin(host, &ctx[0], 0x1000);
	pin(host, &ctx[1], 0x2000);
	unpin(host, &ctx[1]);
	expect_log(test, NULL, 0);

	host->willing = VGT_FEATURE_CONTEXT;
	mock_host_reset(host);
	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	expect_log(test, said, ARRAY_SIZE(said));
}

static void a_refused_context_lives_on(struct kunit *test)
{
	struct vgpu_context *ctx = contexts(test, 1);
	struct mock_host *host = test->priv;

	host->status = VGT_STATUS_NO_RESOURCES;
	create(host, ctx);
	mock_host_drain(host);
	host->status = VGT_STATUS_NO_SUCH_CONTEXT;
	pin(host, ctx, 0x1000);
	unpin(host, ctx);
	vgpu_context_destroy(&host->channel, ctx);
	mock_host_drain(host);
	KUNIT_EXPECT_EQ(test, host->num_log, 4);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ON);
}

/* i915_active calls back without a lock: by then the context may be active again. */
static void a_context_that_is_active_again_stays_pinned(struct kunit *test)
{
	static const struct expected said[] = {
		{ VGT_ACTION_CONTEXT_CREATE, 1 },
		{ VGT_ACTION_CONTEXT_PIN, 1 },
		{ VGT_ACTION_CONTEXT_UNPIN, 1 },
	};
	struct drm_i915_private *i915 = kunit_kzalloc(test, sizeof(*i915), GFP_KERNEL);
	struct intel_engine_cs *engine = kunit_kzalloc(test, sizeof(*engine), GFP_KERNEL);
	struct intel_context *ce = kunit_kzalloc(test, sizeof(*ce), GFP_KERNEL);
	struct mock_host *host = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, i915);
	KUNIT_ASSERT_NOT_NULL(test, engine);
	KUNIT_ASSERT_NOT_NULL(test, ce);
	i915->vgpu.channel = &host->channel;
	engine->i915 = i915;
	ce->engine = engine;
	create(host, &ce->vgpu);
	pin(host, &ce->vgpu, 0x1000);

	atomic_set(&ce->active.count, 1);
	intel_vgpu_context_unpin(ce);
	KUNIT_EXPECT_TRUE(test, ce->vgpu.pinned);
	expect_log(test, said, 2);

	atomic_set(&ce->active.count, 0);
	intel_vgpu_context_unpin(ce);
	KUNIT_EXPECT_FALSE(test, ce->vgpu.pinned);
	expect_log(test, &said[2], 1);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE(a_life_is_four_messages_and_no_trap),
	KUNIT_CASE(messages_say_what_the_abi_has),
	KUNIT_CASE(pinning_twice_is_said_once),
	KUNIT_CASE(an_id_is_never_used_again),
	KUNIT_CASE(destroying_what_is_pinned_unpins_it),
	KUNIT_CASE(after_a_reset_the_pinned_ones_are_announced),
	KUNIT_CASE(what_the_mediator_has_forgotten_is_not_destroyed_there),
	KUNIT_CASE(as_many_are_announced_as_the_ring_takes),
	KUNIT_CASE(without_the_feature_nothing_is_said_but_all_is_known),
	KUNIT_CASE(a_refused_context_lives_on),
	KUNIT_CASE(a_context_that_is_active_again_stays_pinned),
	{}
};

struct kunit_suite i915_vgpu_context_suite = {
	.name = "i915_vgpu_context",
	.init = context_test_init,
	.exit = context_test_exit,
	.test_cases = context_cases,
};
