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

/*
 * What the guest does wrong is noted here, under the lock of the channel, and told when the test is
 * over: an assertion would leave the lock held.
 */
static bool note(struct mock_host *host, bool right, const char *what)
{
	if (!right && !host->complaint)
		host->complaint = what;
	return right;
}

#define expect(host, condition)	note(host, condition, #condition)

static void judge(void *data)
{
	struct mock_host *host = data;

	if (host->complaint)
		KUNIT_FAIL(host->test, "the mediator expected: %s", host->complaint);
}

static void execute(struct mock_host *host, const u32 *msg)
{
	const u32 response[] = {
		VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT | 4, msg[1], host->status,
		msg[0] >> VGT_MSG_ACTION_SHIFT,
	};

	if (expect(host, host->num_log < MOCK_LOG_SIZE))
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

		if (!expect(host, in_ring <= REQUEST_DWORDS) ||
		    !expect(host, length <= in_ring) ||
		    !expect(host, length <= VGT_MSG_MAX_DWORDS) ||
		    !expect(host, length >= 2 && length % 2 == 0) ||
		    !expect(host, !(first & VGT_MSG_RESERVED))) {
			host->accepted = 0;
			break;
		}

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
	expect(host, !host->asleep);
	lockdep_assert_held(&host->channel.lock);
	if (!host->deaf)
		mock_host_drain(host);
}

/* One more of the requests that it has executed silently has failed after all, it says. */
static void babble(struct mock_host *host)
{
	const u32 response[] = {
		VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT | 4, ++host->babbled,
		VGT_STATUS_BAD_VALUE, VGT_ACTION_CONTEXT_UNPIN,
	};

	mock_host_respond(host, response, ARRAY_SIZE(response));
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

	expect(host, !(wanted & ~host->offered));
	expect(host, header(host)->version == VGT_CHANNEL_VERSION);
	expect(host, header(host)->request_size == REQUEST_DWORDS * 4);
	expect(host, header(host)->response_size == RESPONSE_DWORDS * 4);
	expect(host, header(host)->request_offset >= sizeof(struct vgt_channel));
	expect(host, header(host)->request_offset % 64 == 0);
	expect(host, header(host)->response_offset % 64 == 0);

	/* The rest of it is zero, indices and reserved fields alike. */
	for (i = 5; i < VGPU_CHANNEL_SIZE / 4; i++)
		if (!expect(host, !dwords[i]))
			break;
}

static void mock_notify(struct vgpu_channel *channel, u32 g2v)
{
	struct mock_host *host = to_host(channel);

	trap(host);
	if (g2v == VGT_G2V_CHANNEL_DOORBELL) {
		host->doorbells++;
		if (host->babbles)
			babble(host);
	} else if (g2v == VGT_G2V_CHANNEL_STOP) {
		host->stops++;
		host->accepted = 0;
	} else {
		note(host, false, "a notification that it knows");
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
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, judge, host), 0);
	host->offered = VGT_FEATURE_CONTEXT | VGT_FEATURE_FENCE;
	host->willing = U32_MAX;
	vgpu_channel_init(&host->channel, &mock_ops, host->memory);
	return host;
}
