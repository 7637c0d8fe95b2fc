// SPDX-License-Identifier: MIT
/*
 * Whether requests get to the mediator, and what becomes of the guest if it misbehaves.
 *
 * The mediator is a mock, see there.
 */

#include <kunit/test.h>

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/limits.h>

#include "../i915_pvinfo_abi.h"
#include "../i915_vgpu_channel.h"
#include "i915_vgpu_mock_host.h"
#include "i915_vgpu_tests.h"

#define BOTH	(VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE)

/* How many requests of two dwords and an id fit into the ring */
#define FULL	(VGPU_CHANNEL_REQUEST_SIZE / sizeof(struct vgt_context_ref))

static int channel_test_init(struct kunit *test)
{
	test->priv = mock_host_create(test);
	return 0;
}

static void channel_test_exit(struct kunit *test)
{
	struct mock_host *host = test->priv;

	if (!host)
		return;

	KUNIT_EXPECT_EQ(test, host->gets, 0);
	KUNIT_EXPECT_FALSE(test, host->channel.awake);
	KUNIT_EXPECT_EQ(test, host->offs, host->channel.state == VGPU_CHANNEL_OFF);
	KUNIT_EXPECT_EQ(test, !!host->channel.off.what, host->channel.state == VGPU_CHANNEL_OFF);
}

static struct mock_host *started(struct kunit *test)
{
	struct mock_host *host = test->priv;

	KUNIT_ASSERT_EQ(test, vgpu_channel_start(&host->channel), 0);
	return host;
}

static int post(struct mock_host *host, u64 id)
{
	struct vgt_context_ref msg = { .id = id };

	return vgpu_channel_post(&host->channel, VGPU_REQUEST_CONTEXT_UNPIN, &msg.msg, sizeof(msg));
}

static int sync_fence(struct mock_host *host)
{
	struct vgt_fence_set msg = {};

	return vgpu_channel_sync(&host->channel, VGPU_REQUEST_FENCE_SET, &msg.msg, sizeof(msg));
}

static u64 logged_id(const struct mock_host *host, u32 i)
{
	return host->log[i].msg[2] | (u64)host->log[i].msg[3] << 32;
}

/* Nothing is sent any more, and nothing is said. */
static void expect_silence(struct kunit *test, struct mock_host *host)
{
	struct vgt_channel *shared = host->memory;
	int doorbells = host->doorbells;
	u32 tail = shared->request_tail;

	KUNIT_EXPECT_EQ(test, post(host, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_fence(host), -ENODEV);
	KUNIT_EXPECT_EQ(test, shared->request_tail, tail);
	KUNIT_EXPECT_EQ(test, host->doorbells, doorbells);
	KUNIT_EXPECT_FALSE(test, vgpu_channel_has(&host->channel, BOTH));
}

static void expect_off(struct kunit *test, struct mock_host *host, const char *what, u32 value)
{
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_OFF);
	KUNIT_EXPECT_STREQ(test, host->channel.off.what, what);
	KUNIT_EXPECT_EQ(test, host->channel.off.value, value);
	expect_silence(test, host);

	/* For good: neither a reset nor a resume bring it back. */
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_OFF);

	vgpu_channel_stop(&host->channel);
	KUNIT_EXPECT_EQ(test, host->accepted, 0);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_OFF);
}

struct offer_param {
	const char *name;
	u32 offered, willing, pushy;
	u32 features;
	enum vgpu_channel_state state;
	int starts;
};

#define CASE(name_, offered_, willing_, pushy_, features_, state_, starts_) \
	{ name_, offered_, willing_, pushy_, features_, VGPU_CHANNEL_##state_, starts_ }

static const struct offer_param offers[] = {
	CASE("all is offered and accepted", BOTH, BOTH, 0, BOTH, ON, 1),
	CASE("contexts alone are offered",
	     VGT_FEATURE_CONTEXT, BOTH, 0, VGT_FEATURE_CONTEXT, ON, 1),
	CASE("fences alone are offered", VGT_FEATURE_FENCE, BOTH, 0, VGT_FEATURE_FENCE, ON, 1),
	CASE("contexts alone are accepted",
	     BOTH, VGT_FEATURE_CONTEXT, 0, VGT_FEATURE_CONTEXT, ON, 1),
	CASE("fences alone are accepted", BOTH, VGT_FEATURE_FENCE, 0, VGT_FEATURE_FENCE, ON, 1),
	CASE("unknown features are not asked for", U32_MAX, U32_MAX, 0, BOTH, ON, 1),
	CASE("nothing is offered, so nothing is started", 0, BOTH, 0, 0, ENDED, 0),
	CASE("nothing that we know is offered", ~BOTH, U32_MAX, 0, 0, ENDED, 0),
	CASE("nothing is accepted", BOTH, 0, 0, 0, OFF, 1),
	CASE("more is accepted than was wanted", BOTH, BOTH, 0x80000000, 0, OFF, 1),
	CASE("more is accepted than was offered",
	     VGT_FEATURE_CONTEXT, BOTH, VGT_FEATURE_FENCE, 0, OFF, 1),
	CASE("all ones are accepted", BOTH, BOTH, U32_MAX, 0, OFF, 1),
};

#undef CASE

KUNIT_ARRAY_PARAM_DESC(offer, offers, name);

static void features_are_negotiated(struct kunit *test)
{
	const struct offer_param *param = test->param_value;
	struct mock_host *host = test->priv;
	bool on = param->state == VGPU_CHANNEL_ON;

	host->offered = param->offered;
	host->willing = param->willing;
	host->pushy = param->pushy;

	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), on ? 0 : -ENODEV);
	KUNIT_EXPECT_EQ(test, host->channel.state, param->state);
	KUNIT_EXPECT_EQ(test, host->channel.features, param->features);
	KUNIT_EXPECT_EQ(test, host->starts, param->starts);

	/* Only what was accepted is sent. */
	KUNIT_EXPECT_EQ(test, post(host, 1),
			param->features & VGT_FEATURE_CONTEXT ? 0 : -ENODEV);
	KUNIT_EXPECT_EQ(test, sync_fence(host),
			param->features & VGT_FEATURE_FENCE ? 0 : -ENODEV);
	KUNIT_EXPECT_EQ(test, vgpu_channel_has(&host->channel, VGT_FEATURE_CONTEXT),
			!!(param->features & VGT_FEATURE_CONTEXT));
	KUNIT_EXPECT_EQ(test, vgpu_channel_has(&host->channel, VGT_FEATURE_FENCE),
			!!(param->features & VGT_FEATURE_FENCE));
	if (!on)
		expect_silence(test, host);
}

static void no_channel_has_no_feature(struct kunit *test)
{
	struct mock_host *host = test->priv;

	KUNIT_EXPECT_FALSE(test, vgpu_channel_has(NULL, BOTH));
	expect_silence(test, host);
	KUNIT_EXPECT_EQ(test, host->starts, 0);
}

static void starting_what_is_on_changes_nothing(struct kunit *test)
{
	struct mock_host *host = started(test);

	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, host->starts, 1);
	KUNIT_EXPECT_EQ(test, host->stops, 0);
	KUNIT_EXPECT_EQ(test, host->channel.seqno, 1);
}

static void posting_is_no_trap(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	/* A trap would be noticed. */
	host->asleep = true;
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, host->num_log, 0);
	KUNIT_EXPECT_EQ(test, host->doorbells, 0);

	mock_host_drain(host);
	KUNIT_ASSERT_EQ(test, host->num_log, FULL);
	for (i = 0; i < FULL; i++) {
		KUNIT_EXPECT_EQ(test, host->log[i].msg[0],
				VGT_ACTION_CONTEXT_UNPIN << 16 | 4);
		KUNIT_EXPECT_EQ(test, host->log[i].msg[1], i + 1);
		KUNIT_EXPECT_EQ(test, logged_id(host, i), i);
	}
}

static void posting_works_with_interrupts_off(struct kunit *test)
{
	struct mock_host *host = started(test);
	unsigned long flags;
	u32 i;

	local_irq_save(flags);
	for (i = 0; i < FULL + 1; i++)
		if (post(host, i))
			break;
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, i, FULL + 1);
}

static void a_full_ring_takes_one_doorbell(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	/* More than the log of the mock takes at once, so that it is the ring that is full. */
	for (i = 0; i < 3 * FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);

	KUNIT_EXPECT_EQ(test, host->doorbells, 2);
	KUNIT_EXPECT_EQ(test, host->channel.stats.full, 2);
	KUNIT_EXPECT_EQ(test, host->num_log, 2 * FULL);
	for (i = 0; i < host->num_log; i++)
		KUNIT_EXPECT_EQ(test, logged_id(host, i), i);
}

static void a_full_ring_with_failures_is_emptied(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	/* 512 requests that fail, and room for 256 responses: that takes two doorbells. */
	host->status = VGT_STATUS_NO_RESOURCES;
	for (i = 0; i < FULL + 1; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);

	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ON);
	KUNIT_EXPECT_GE(test, host->doorbells, 1);
	KUNIT_EXPECT_LE(test, host->doorbells, 3);
	KUNIT_EXPECT_GE(test, host->num_log, 256);
	KUNIT_EXPECT_EQ(test, host->channel.stats.failed, host->num_log);
}

static void a_full_ring_that_stays_full_turns_it_off(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	host->deaf = true;
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, post(host, i), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->doorbells, 1);
	expect_off(test, host, "head of a ring that stays full", 0);
}

/* It executes nothing any more, and at each doorbell takes back the success of an old request. */
static struct mock_host *babbling(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	for (i = 0; i < 3 * FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	mock_host_drain(host);
	host->doorbells = 0;
	host->deaf = true;
	host->babbles = true;
	return host;
}

static void a_full_ring_is_not_waited_for_as_long_as_there_are_responses(struct kunit *test)
{
	struct mock_host *host = babbling(test);
	u32 i;

	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, post(host, i), -ENODEV);
	KUNIT_EXPECT_LE(test, host->doorbells, 2 * FULL);
	expect_off(test, host, "head of a ring that stays full",
		   3 * FULL * sizeof(struct vgt_context_ref) / sizeof(u32));
}

static void a_full_ring_and_a_sleeping_device_end_it(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	host->asleep = true;
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, post(host, i), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ENDED);
	expect_silence(test, host);

	/* On resume, what was posted is executed, and then there is a new channel. */
	host->asleep = false;
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, host->num_log, FULL);
	KUNIT_EXPECT_EQ(test, host->stops, 1);
	KUNIT_EXPECT_EQ(test, host->starts, 2);
	KUNIT_EXPECT_EQ(test, post(host, 7), 0);
	KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
	KUNIT_EXPECT_EQ(test, host->log[FULL].msg[1], 1);
}

static void a_full_ring_after_a_reset_ends_it(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	mock_host_reset(host);
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, post(host, i), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ENDED);
	expect_silence(test, host);
}

static void a_reset_is_followed_by_a_new_channel(struct kunit *test)
{
	struct mock_host *host = started(test);
	int i;

	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, post(host, 1), 0);
		KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
		KUNIT_EXPECT_EQ(test, post(host, 2), 0);
		mock_host_reset(host);
		KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
		KUNIT_EXPECT_EQ(test, host->starts, i + 2);
		KUNIT_EXPECT_EQ(test, host->stops, 0);
		KUNIT_EXPECT_EQ(test, host->channel.seqno, 0);
	}
	KUNIT_EXPECT_EQ(test, host->num_log, 10);
}

static void a_host_that_changes_its_mind_is_asked_again(struct kunit *test)
{
	struct mock_host *host = started(test);

	/* As after a migration to a host that has less. */
	host->offered = VGT_FEATURE_CONTEXT;
	mock_host_reset(host);
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, host->channel.features, VGT_FEATURE_CONTEXT);

	host->offered = 0;
	mock_host_reset(host);
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), -ENODEV);
	expect_silence(test, host);

	host->offered = BOTH;
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, host->channel.features, BOTH);
}

static void stopping_executes_what_was_posted(struct kunit *test)
{
	struct mock_host *host = started(test);

	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	vgpu_channel_stop(&host->channel);
	KUNIT_EXPECT_EQ(test, host->num_log, 1);
	KUNIT_EXPECT_EQ(test, host->stops, 1);
	expect_silence(test, host);

	vgpu_channel_stop(&host->channel);
	KUNIT_EXPECT_EQ(test, host->stops, 1);
}

static void a_closed_channel_leaves_the_next_driver_alone(struct kunit *test)
{
	struct mock_host *host = started(test);

	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	vgpu_channel_close(&host->channel);
	KUNIT_EXPECT_EQ(test, host->num_log, 1);
	KUNIT_EXPECT_EQ(test, host->stops, 1);

	/* The next driver has one. */
	host->accepted = BOTH;
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), -ENODEV);
	vgpu_channel_stop(&host->channel);
	vgpu_channel_close(&host->channel);
	KUNIT_EXPECT_EQ(test, post(host, 2), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->starts, 1);
	KUNIT_EXPECT_EQ(test, host->stops, 1);
	host->accepted = 0;
}

static void a_synchronous_request_is_one_doorbell(struct kunit *test)
{
	struct mock_host *host = started(test);
	int i;

	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	for (i = 1; i <= 1000; i++) {
		KUNIT_ASSERT_EQ(test, sync_fence(host), 0);
		KUNIT_ASSERT_EQ(test, host->doorbells, i);
		KUNIT_ASSERT_EQ(test, host->num_log, i + 1);
	}
	KUNIT_EXPECT_EQ(test, mock_request_action(&host->log[1]), VGT_ACTION_FENCE_SET);
	KUNIT_EXPECT_EQ(test, host->log[1].msg[0] & VGT_MSG_SYNC, VGT_MSG_SYNC);
	KUNIT_EXPECT_EQ(test, host->channel.stats.responses, 1000);
}

static void a_synchronous_request_waits_behind_failures(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	for (i = 0; i < FULL - 3; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);

	/* The request itself fails, too, but that is known in the end, after several doorbells. */
	host->status = VGT_STATUS_NO_SUCH_CONTEXT;
	KUNIT_EXPECT_EQ(test, sync_fence(host), -EIO);
	KUNIT_EXPECT_EQ(test, host->num_log, FULL - 2);
	KUNIT_EXPECT_EQ(test, host->channel.stats.failed, FULL - 2);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ON);
}

/* Contexts only: there was no response to the last 2^32 requests but a few. */
static void a_request_fails_where_the_seqno_starts_again(struct kunit *test)
{
	struct mock_host *host = started(test);
	u32 i;

	host->channel.seqno = U32_MAX - 2;
	host->status = VGT_STATUS_NO_SUCH_CONTEXT;
	for (i = 0; i < 6; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	KUNIT_EXPECT_EQ(test, host->channel.seqno, 3);

	mock_host_drain(host);
	host->status = VGT_STATUS_OK;
	KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
	KUNIT_EXPECT_EQ(test, host->channel.stats.failed, 6);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ON);
}

static void a_synchronous_request_to_nobody_is_given_up(struct kunit *test)
{
	struct mock_host *host = started(test);
	unsigned long begin;

	host->deaf = true;
	begin = jiffies;
	KUNIT_EXPECT_EQ(test, sync_fence(host), -ENODEV);
	KUNIT_EXPECT_GE(test, jiffies - begin, msecs_to_jiffies(100));
	KUNIT_EXPECT_LT(test, jiffies - begin, msecs_to_jiffies(5000));
	expect_off(test, host, "seqno of a request without a response", 1);
}

static void a_synchronous_request_is_given_up_in_spite_of_responses(struct kunit *test)
{
	struct mock_host *host = babbling(test);

	KUNIT_EXPECT_EQ(test, sync_fence(host), -ENODEV);
	KUNIT_EXPECT_LE(test, host->doorbells, 2 * FULL);
	expect_off(test, host, "seqno of a request without a response", 3 * FULL + 1);
}

static void a_synchronous_request_after_a_reset_is_not_waited_for(struct kunit *test)
{
	struct mock_host *host = started(test);

	mock_host_reset(host);
	KUNIT_EXPECT_EQ(test, sync_fence(host), -ENODEV);
	KUNIT_EXPECT_EQ(test, host->channel.state, VGPU_CHANNEL_ENDED);
	expect_silence(test, host);
	KUNIT_EXPECT_EQ(test, vgpu_channel_start(&host->channel), 0);
	KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
}

struct status_param {
	const char *name;
	u32 status;
	int expected;
	bool off;
};

static const struct status_param statuses[] = {
	{ "ok", VGT_STATUS_OK, 0, false },
	{ "an unknown action turns the channel off", VGT_STATUS_UNKNOWN_ACTION, -ENODEV, true },
	{ "not negotiated turns the channel off", VGT_STATUS_NOT_NEGOTIATED, -ENODEV, true },
	{ "a bad length turns the channel off", VGT_STATUS_BAD_LENGTH, -ENODEV, true },
	{ "a bad value is one request's failure", VGT_STATUS_BAD_VALUE, -EIO, false },
	{ "no such context is one request's failure", VGT_STATUS_NO_SUCH_CONTEXT, -EIO, false },
	{ "no resources is one request's failure", VGT_STATUS_NO_RESOURCES, -EIO, false },
	{ "a status that we do not know is a failure", 7, -EIO, false },
	{ "all ones are a failure", U32_MAX, -EIO, false },
};

KUNIT_ARRAY_PARAM_DESC(status, statuses, name);

static void each_status_of_a_synchronous_request(struct kunit *test)
{
	const struct status_param *param = test->param_value;
	struct mock_host *host = started(test);

	host->status = param->status;
	KUNIT_EXPECT_EQ(test, sync_fence(host), param->expected);
	KUNIT_EXPECT_EQ(test, host->channel.stats.failed, param->status != VGT_STATUS_OK);

	if (param->off) {
		expect_off(test, host, "status of a negotiated request", param->status);
	} else {
		host->status = VGT_STATUS_OK;
		KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
	}
}

static void each_status_of_a_posted_request(struct kunit *test)
{
	const struct status_param *param = test->param_value;
	struct mock_host *host = started(test);

	host->status = param->status;
	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	mock_host_drain(host);

	/* It is noticed with the next one. */
	host->status = VGT_STATUS_OK;
	KUNIT_EXPECT_EQ(test, post(host, 2), 0);
	KUNIT_EXPECT_EQ(test, host->channel.stats.failed, param->status != VGT_STATUS_OK);
	if (param->off)
		expect_off(test, host, "status of a negotiated request", param->status);
	else
		KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
}

/* What the mediator writes after it has executed and answered requests 1 and 2, and got 3 and 4 */
struct response_param {
	const char *name;
	const char *what;
	u32 msg[4];
	u32 dwords;
	u32 value;
};

#define HEADER(length)	(VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT | (length))

static const struct response_param responses[] = {
	{ "a response of another kind", "first dword of a response",
	  { 2 << 16 | 4, 3, VGT_STATUS_BAD_VALUE, 3 }, 4, 2 << 16 | 4 },
	{ "a response of no kind", "first dword of a response",
	  { 4, 3, VGT_STATUS_BAD_VALUE, 3 }, 4, 4 },
	{ "a response that wants a response", "first dword of a response",
	  { HEADER(4) | VGT_MSG_SYNC, 3, VGT_STATUS_BAD_VALUE, 3 }, 4,
	  HEADER(4) | VGT_MSG_SYNC },
	{ "a response with a reserved bit", "first dword of a response",
	  { HEADER(4) | 0x8000, 3, VGT_STATUS_BAD_VALUE, 3 }, 4, HEADER(4) | 0x8000 },
	{ "a response that is too short", "length of a response", { HEADER(2), 3 }, 2, 2 },
	{ "a response that is too long", "length of a response", { HEADER(6), 3 }, 6, 6 },
	{ "a response of odd length", "message length", { HEADER(3), 3 }, 4, 3 },
	{ "a response without length", "message length", { HEADER(0), 3 }, 4, 0 },
	{ "a response that is half there", "length of a torn message",
	  { HEADER(4), 3, VGT_STATUS_BAD_VALUE, 3 }, 2, 4 },
	{ "a response to request 0", "seqno of a response",
	  { HEADER(4), 0, VGT_STATUS_BAD_VALUE, 3 }, 4, 0 },
	{ "a second response to the first request", "seqno of a response",
	  { HEADER(4), 1, VGT_STATUS_BAD_VALUE, 3 }, 4, 1 },
	{ "a second response to the last request", "seqno of a response",
	  { HEADER(4), 2, VGT_STATUS_BAD_VALUE, 3 }, 4, 2 },
	{ "a response to a request to come", "seqno of a response",
	  { HEADER(4), 5, VGT_STATUS_BAD_VALUE, 3 }, 4, 5 },
	{ "a response to a request that never comes", "seqno of a response",
	  { HEADER(4), U32_MAX, VGT_STATUS_BAD_VALUE, 3 }, 4, U32_MAX },
	{ "success of a request that did not ask", "seqno of a response that nobody asked for",
	  { HEADER(4), 3, VGT_STATUS_OK, 3 }, 4, 3 },
};

KUNIT_ARRAY_PARAM_DESC(response, responses, name);

static void a_bad_response_turns_it_off(struct kunit *test)
{
	const struct response_param *param = test->param_value;
	struct mock_host *host = started(test);

	KUNIT_ASSERT_EQ(test, sync_fence(host), 0);
	KUNIT_ASSERT_EQ(test, sync_fence(host), 0);
	KUNIT_ASSERT_EQ(test, post(host, 1), 0);
	mock_host_respond(host, param->msg, param->dwords);
	KUNIT_EXPECT_EQ(test, post(host, 2), 0);
	expect_off(test, host, param->what, param->value);
}

#undef HEADER

struct lie_param {
	const char *name;
	u32 value;
};

/* The ring is full at the time, and nothing of it was read: head is 0, tail is 2048 */
static const struct lie_param lies[] = {
	{ "one dword beyond the tail", 2049 },
	{ "two dwords beyond the tail", 2050 },
	{ "odd", 1 },
	{ "two dwords back", (u32)-2 },
	{ "half the numbers away", 0x80000000 },
	{ "all ones", U32_MAX },
};

KUNIT_ARRAY_PARAM_DESC(lie, lies, name);

static void a_lying_request_head_turns_it_off(struct kunit *test)
{
	const struct lie_param *param = test->param_value;
	struct mock_host *host = started(test);
	struct vgt_channel *shared = host->memory;
	u32 i;

	host->deaf = true;
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_EQ(test, post(host, i), 0);
	shared->request_head = param->value;
	KUNIT_EXPECT_EQ(test, post(host, i), -ENODEV);
	expect_off(test, host, "ring head", param->value);
}

static void a_lying_response_tail_turns_it_off(struct kunit *test)
{
	const struct lie_param *param = test->param_value;
	struct mock_host *host = started(test);
	struct vgt_channel *shared = host->memory;

	host->deaf = true;
	shared->response_tail = param->value;
	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	expect_off(test, host, "ring tail", param->value);
}

/* The ring's own lengths are read by the mediator only: what it changes there is not read back. */
static void what_the_mediator_writes_to_our_fields_is_not_read(struct kunit *test)
{
	struct mock_host *host = started(test);
	struct vgt_channel *shared = host->memory;
	u32 good = shared->request_offset;

	shared->request_size = U32_MAX;
	shared->request_offset = U32_MAX;
	shared->request_tail = U32_MAX;
	shared->response_head = U32_MAX;
	KUNIT_EXPECT_EQ(test, post(host, 1), 0);
	KUNIT_EXPECT_EQ(test, shared->request_tail, 4);

	shared->request_offset = good;
	shared->response_head = 0;
	KUNIT_EXPECT_EQ(test, sync_fence(host), 0);
}

static void features_have_names(struct kunit *test)
{
	static const struct {
		u32 features;
		const char *text;
	} rows[] = {
		{ 0, "none" },
		{ VGT_FEATURE_CONTEXT, "context" },
		{ VGT_FEATURE_FENCE, "fence" },
		{ BOTH, "context fence" },
		{ 0x100, "unknown:0x100" },
		{ U32_MAX, "context fence unknown:0xfffffffc" },
	};
	char text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int len = vgpu_features_print(text, sizeof(text), rows[i].features);

		KUNIT_EXPECT_STREQ(test, text, rows[i].text);
		KUNIT_EXPECT_EQ(test, len, strlen(rows[i].text));
	}

	for (i = 0; i < VGPU_NUM_REQUESTS; i++)
		KUNIT_EXPECT_NOT_NULL(test, vgpu_request_name(i));
}

static struct kunit_case channel_cases[] = {
	KUNIT_CASE_PARAM(features_are_negotiated, offer_gen_params),
	KUNIT_CASE(no_channel_has_no_feature),
	KUNIT_CASE(starting_what_is_on_changes_nothing),
	KUNIT_CASE(posting_is_no_trap),
	KUNIT_CASE(posting_works_with_interrupts_off),
	KUNIT_CASE(a_full_ring_takes_one_doorbell),
	KUNIT_CASE(a_full_ring_with_failures_is_emptied),
	KUNIT_CASE(a_full_ring_that_stays_full_turns_it_off),
	KUNIT_CASE(a_full_ring_is_not_waited_for_as_long_as_there_are_responses),
	KUNIT_CASE(a_full_ring_and_a_sleeping_device_end_it),
	KUNIT_CASE(a_full_ring_after_a_reset_ends_it),
	KUNIT_CASE(a_reset_is_followed_by_a_new_channel),
	KUNIT_CASE(a_host_that_changes_its_mind_is_asked_again),
	KUNIT_CASE(stopping_executes_what_was_posted),
	KUNIT_CASE(a_closed_channel_leaves_the_next_driver_alone),
	KUNIT_CASE(a_synchronous_request_is_one_doorbell),
	KUNIT_CASE(a_synchronous_request_waits_behind_failures),
	KUNIT_CASE(a_request_fails_where_the_seqno_starts_again),
	KUNIT_CASE(a_synchronous_request_to_nobody_is_given_up),
	KUNIT_CASE(a_synchronous_request_is_given_up_in_spite_of_responses),
	KUNIT_CASE(a_synchronous_request_after_a_reset_is_not_waited_for),
	KUNIT_CASE_PARAM(each_status_of_a_synchronous_request, status_gen_params),
	KUNIT_CASE_PARAM(each_status_of_a_posted_request, status_gen_params),
	KUNIT_CASE_PARAM(a_bad_response_turns_it_off, response_gen_params),
	KUNIT_CASE_PARAM(a_lying_request_head_turns_it_off, lie_gen_params),
	KUNIT_CASE_PARAM(a_lying_response_tail_turns_it_off, lie_gen_params),
	KUNIT_CASE(what_the_mediator_writes_to_our_fields_is_not_read),
	KUNIT_CASE(features_have_names),
	{}
};

struct kunit_suite i915_vgpu_channel_suite = {
	.name = "i915_vgpu_channel",
	.init = channel_test_init,
	.exit = channel_test_exit,
	.test_cases = channel_cases,
};
