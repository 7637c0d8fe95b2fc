// SPDX-License-Identifier: MIT
/*
 * A mediator in process, for the tests of who talks to one.
 *
 * It was written from the ABI, and shares no code with the guest's side.
 */

#include <kunit/test.h>

#include "../i915_pvinfo_abi.h"
#include "i915_vgpu_mock_host.h"

#define REQUEST_DWORDS	(VGPU_CHANNEL_REQUEST_SIZE / 4)
#define RESPONSE_DWORDS	(VGPU_CHANNEL_RESPONSE_SIZE / 4)

static struct mock_host *to_host(struct vgpu_channel *channel)
{
	return container_of(channel, struct mock_host, channel);
}

static struct vgt_channel *header(struct mock_host *host)
{
	return host->memory;
}

/**
 * mock_host_respond - write to the ring of responses, whatever it is
 * @host: the mediator
 * @msg: what to write
 * @dwords: how much of it
 */
void mock_host_respond(struct mock_host *host, const u32 *msg, u32 dwords)
{
	u32 *ring = host->memory + header(host)->response_offset;
	u32 i;

	for (i = 0; i < dwords; i++)
		ring[(host->response_tail + i) % RESPONSE_DWORDS] = msg[i];
	host->response_tail += dwords;
	header(host)->response_tail = host->response_tail;
}

static void execute(struct mock_host *host, const u32 *msg)
{
	const u32 response[] = {
		VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT | 4, msg[1], host->status,
		msg[0] >> VGT_MSG_ACTION_SHIFT,
	};

	KUNIT_ASSERT_LT(host->test, host->num_log, MOCK_LOG_SIZE);
	memcpy(host->log[host->num_log++].msg, msg, (msg[0] & VGT_MSG_LENGTH) * 4);

	if (msg[0] & VGT_MSG_SYNC || host->status)
		mock_host_respond(host, response, ARRAY_SIZE(response));
}

/**
 * mock_host_drain - execute what is in the ring of requests, as at each trap
 * @host: the mediator
 */
void mock_host_drain(struct mock_host *host)
{
	const u32 *ring = host->memory + header(host)->request_offset;

	while (host->accepted && host->request_head != header(host)->request_tail) {
		u32 first = ring[host->request_head % REQUEST_DWORDS];
		u32 in_ring = header(host)->request_tail - host->request_head;
		u32 length = first & VGT_MSG_LENGTH;
		u32 msg[VGT_MSG_MAX_DWORDS];
		u32 i;

		if (host->response_tail - header(host)->response_head > RESPONSE_DWORDS - 4)
			break;

		KUNIT_ASSERT_LE(host->test, in_ring, REQUEST_DWORDS);
		KUNIT_ASSERT_LE(host->test, length, in_ring);
		KUNIT_ASSERT_LE(host->test, length, VGT_MSG_MAX_DWORDS);
		KUNIT_ASSERT_GE(host->test, length, 2);
		KUNIT_ASSERT_EQ(host->test, length % 2, 0);
		KUNIT_ASSERT_EQ(host->test, first & VGT_MSG_RESERVED, 0);

		for (i = 0; i < length; i++)
			msg[i] = ring[(host->request_head + i) % REQUEST_DWORDS];
		host->request_head += length;
		header(host)->request_head = host->request_head;
		execute(host, msg);
	}
}

/**
 * mock_host_reset - forget the channel, as at a reset of all engines
 * @host: the mediator
 */
void mock_host_reset(struct mock_host *host)
{
	host->accepted = 0;
}

/* Each access traps, and so does not happen before what is in the ring was executed. */
static void trap(struct mock_host *host)
{
	KUNIT_EXPECT_FALSE(host->test, host->asleep);
	lockdep_assert_held(&host->channel.lock);
	if (!host->deaf)
		mock_host_drain(host);
}

static u32 mock_offered(struct vgpu_channel *channel)
{
	struct mock_host *host = to_host(channel);

	trap(host);
	return host->offered;
}

static u32 mock_accepted(struct vgpu_channel *channel)
{
	struct mock_host *host = to_host(channel);

	trap(host);
	return host->accepted;
}

static void mock_start(struct vgpu_channel *channel, u32 wanted)
{
	struct mock_host *host = to_host(channel);
	const u32 *dwords = host->memory;
	int i;

	trap(host);
	host->starts++;
	host->request_head = 0;
	host->response_tail = 0;
	host->accepted = (wanted & host->willing) | host->pushy;

	KUNIT_EXPECT_EQ(host->test, wanted & ~host->offered, 0);
	KUNIT_EXPECT_EQ(host->test, header(host)->version, VGT_CHANNEL_VERSION);
	KUNIT_EXPECT_EQ(host->test, header(host)->request_size, REQUEST_DWORDS * 4);
	KUNIT_EXPECT_EQ(host->test, header(host)->response_size, RESPONSE_DWORDS * 4);
	KUNIT_EXPECT_GE(host->test, header(host)->request_offset, sizeof(struct vgt_channel));
	KUNIT_EXPECT_EQ(host->test, header(host)->request_offset % 64, 0);
	KUNIT_EXPECT_EQ(host->test, header(host)->response_offset % 64, 0);

	/* The rest of it is zero, indices and reserved fields alike. */
	for (i = 5; i < VGPU_CHANNEL_SIZE / 4; i++)
		if (dwords[i])
			break;
	KUNIT_EXPECT_EQ(host->test, i, VGPU_CHANNEL_SIZE / 4);
}

static void mock_notify(struct vgpu_channel *channel, u32 g2v)
{
	struct mock_host *host = to_host(channel);

	trap(host);
	if (g2v == VGT_G2V_CHANNEL_DOORBELL) {
		host->doorbells++;
	} else if (g2v == VGT_G2V_CHANNEL_STOP) {
		host->stops++;
		host->accepted = 0;
	} else {
		KUNIT_FAIL(host->test, "notification %u", g2v);
	}
}

static bool mock_get(struct vgpu_channel *channel)
{
	struct mock_host *host = to_host(channel);

	if (host->asleep)
		return false;

	host->gets++;
	return true;
}

static void mock_put(struct vgpu_channel *channel)
{
	to_host(channel)->gets--;
}

static void mock_off(struct vgpu_channel *channel)
{
	to_host(channel)->offs++;
}

static const struct vgpu_channel_ops mock_ops = {
	.offered = mock_offered,
	.accepted = mock_accepted,
	.start = mock_start,
	.notify = mock_notify,
	.get = mock_get,
	.put = mock_put,
	.off = mock_off,
};

/**
 * mock_host_create - a mediator that knows all, and a channel that is not started yet
 * @test: the test
 *
 * Return: the mediator; it goes away with the test.
 */
struct mock_host *mock_host_create(struct kunit *test)
{
	struct mock_host *host = kunit_kzalloc(test, sizeof(*host), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, host);
	host->memory = kunit_kzalloc(test, VGPU_CHANNEL_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, host->memory);
	host->log = kunit_kcalloc(test, MOCK_LOG_SIZE, sizeof(*host->log), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, host->log);

	host->test = test;
	host->offered = VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE;
	host->willing = U32_MAX;
	vgpu_channel_init(&host->channel, &mock_ops, host->memory);
	return host;
}
