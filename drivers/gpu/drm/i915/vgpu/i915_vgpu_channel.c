// SPDX-License-Identifier: MIT
/*
 * Sending requests to the mediator.
 *
 * This is the protocol of i915_vgpu_channel_abi.h, on memory and on a handful of functions that
 * reach the mediator: i915_vgpu_negotiate.c has them for a device, a test has a mediator of its
 * own. Nothing here knows i915, and nothing here can fail what it is called for: without the
 * channel, everything works by trapped accesses.
 */

#include <kunit/visibility.h>

#include <linux/build_bug.h>
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include "i915_pvinfo_abi.h"
#include "i915_vgpu_channel.h"
#include "i915_vgpu_context.h"
#include "i915_vgpu_trace.h"

/**
 * DOC: vGPU channel, the guest's side
 *
 * A request is written to a ring, which is all that it takes: the mediator executes what is in
 * there before it acts on anything else that this guest does. So posting is cheap, never sleeps and
 * never waits, and is done in any context, with a spinlock that is held for as long as it takes the
 * mediator to empty the ring: a few traps. A response comes back for a synchronous request, and if
 * a posted one has failed; responses are read whenever the lock is held anyway.
 *
 * If the ring is full, the mediator is told to empty it, which takes one trap. If the device is
 * asleep it cannot be told. The request is dropped then, and with it the channel: the mediator has
 * missed something. The channel is started again, and the mediator told of all that is still true,
 * when the device wakes up.
 *
 * ========= =======================================================================================
 * The state Means
 * ========= =======================================================================================
 * on        requests are sent
 * ended     the mediator has forgotten the channel because the GPU was reset, or missed something.
 *           It is started again at the end of a reset, and on resume
 * off       the mediator has broken the rules, or does not do what it must. A line in the log names
 *           what and the value. There is no channel until the driver is loaded again
 * closed    the driver is done with the device, which another driver may have next
 * ========= =======================================================================================
 *
 * In any state but on, a request is refused, and the caller does what a guest of an older mediator
 * does. Work in flight is not concerned: no request is needed for its execution.
 */

/*
 * How long a synchronous request may take, milliseconds. By the ABI it takes no time at all: the
 * response is there when the doorbell's write has completed.
 */
#define SYNC_TIMEOUT_MS		100

/* As many as fit: a mediator that writes more while they are read would keep the lock busy. */
#define MAX_RESPONSES		(VGPU_CHANNEL_RESPONSE_SIZE / sizeof(struct vgt_response_status))
#define MAX_REQUESTS		(VGPU_CHANNEL_REQUEST_SIZE / sizeof(struct vgt_msg))

/*
 * A doorbell empties the request ring, or fills the response ring; only the first may find little
 * room there. A mediator that needs more of them does not do what it must.
 */
#define MAX_DOORBELLS		(DIV_ROUND_UP(MAX_REQUESTS, MAX_RESPONSES) + 1)

static const struct {
	u32 action;
	u32 feature;
	const char *name;
} requests[VGPU_NUM_REQUESTS] = {
#define REQUEST(name_, feature_, text_) \
	[VGPU_REQUEST_##name_] = { VGT_ACTION_##name_, VGT_FEATURE_##feature_, text_ }
	REQUEST(CONTEXT_CREATE, CONTEXT, "context create"),
	REQUEST(CONTEXT_PIN, CONTEXT, "context pin"),
	REQUEST(CONTEXT_UNPIN, CONTEXT, "context unpin"),
	REQUEST(CONTEXT_DESTROY, CONTEXT, "context destroy"),
	REQUEST(FENCE_SET, FENCE, "fence set"),
#undef REQUEST
};

static const struct {
	u32 feature;
	const char *name;
} features[] = {
	{ VGT_FEATURE_CONTEXT, "context" },
	{ VGT_FEATURE_FENCE, "fence" },
};

static u32 supported_features(void)
{
	u32 supported = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		supported |= features[i].feature;

	return supported;
}

static void leave(struct vgpu_channel *channel, enum vgpu_channel_state state)
{
	WRITE_ONCE(channel->state, state);
	WRITE_ONCE(channel->features, 0);
	channel->wait.pending = false;
}

/* What was written since then was perhaps not read; vgpu_channel_start() makes up for that. */
static void end(struct vgpu_channel *channel)
{
	leave(channel, VGPU_CHANNEL_ENDED);
}

static void turn_off(struct vgpu_channel *channel, const char *what, u32 value)
{
	leave(channel, VGPU_CHANNEL_OFF);
	channel->off.what = what;
	channel->off.value = value;
	channel->ops->off(channel);
}

static void ring_doorbell(struct vgpu_channel *channel)
{
	channel->stats.doorbells++;
	channel->ops->notify(channel, VGT_G2V_CHANNEL_DOORBELL);
}

static void handle_status(struct vgpu_channel *channel, const struct vgt_response_status *response)
{
	switch (response->status) {
	case VGT_STATUS_OK:
		break;

	case VGT_STATUS_UNKNOWN_ACTION:
	case VGT_STATUS_NOT_NEGOTIATED:
	case VGT_STATUS_BAD_LENGTH:
		/* It has accepted the feature, so it knows these; or it reads something else. */
		channel->stats.failed++;
		turn_off(channel, "status of a negotiated request", response->status);
		return;

	default:
		channel->stats.failed++;
		break;
	}

	if (channel->wait.pending && channel->wait.seqno == response->msg.seqno) {
		channel->wait.pending = false;
		channel->wait.err = response->status == VGT_STATUS_OK ? 0 : -EIO;
	} else if (response->status == VGT_STATUS_OK) {
		turn_off(channel, "seqno of a response that nobody asked for", response->msg.seqno);
	}
}

static void handle_response(struct vgpu_channel *channel, const u32 *msg, u32 dwords)
{
	struct vgt_response_status response;

	channel->stats.responses++;

	if (msg[0] & (VGT_MSG_SYNC | VGT_MSG_RESERVED) ||
	    msg[0] >> VGT_MSG_ACTION_SHIFT != VGT_RESPONSE_STATUS) {
		turn_off(channel, "first dword of a response", msg[0]);
		return;
	}

	if (dwords * sizeof(u32) != sizeof(response)) {
		turn_off(channel, "length of a response", dwords);
		return;
	}

	memcpy(&response, msg, sizeof(response));

	/* Requests are executed in order, and have one response at most. */
	if (response.msg.seqno - channel->answered - 1 >= channel->seqno - channel->answered) {
		turn_off(channel, "seqno of a response", response.msg.seqno);
		return;
	}

	trace_vgpu_response(channel, &response);
	channel->answered = response.msg.seqno;
	handle_status(channel, &response);
}

/* Read the responses. Returns how many there were; afterwards, the channel may be off. */
static u32 drain(struct vgpu_channel *channel)
{
	u32 msg[VGT_MSG_MAX_DWORDS];
	struct vgpu_ring_fault fault;
	u32 count = 0;
	int ret;

	while (channel->state == VGPU_CHANNEL_ON && count < MAX_RESPONSES) {
		ret = vgpu_ring_read(&channel->response, msg, &fault);
		if (ret < 0)
			turn_off(channel, fault.what, fault.value);
		if (ret <= 0)
			break;

		handle_response(channel, msg, ret);
		count++;
	}

	return count;
}

/* No response, no progress: has the mediator ended the channel, or does it sleep? */
static void blame(struct vgpu_channel *channel, const char *what, u32 value)
{
	if (channel->ops->accepted(channel))
		turn_off(channel, what, value);
	else
		end(channel);
}

/*
 * There is no room. One doorbell makes some, unless the mediator had to stop because it had no room
 * itself: then there are responses to read.
 */
static int write_to_full_ring(struct vgpu_channel *channel, const u32 *msg, u32 dwords,
			      struct vgpu_ring_fault *fault)
{
	bool awake = channel->awake || channel->ops->get(channel);
	u32 tries = MAX_DOORBELLS;
	int err = -ENOSPC;

	channel->stats.full++;
	if (!awake) {
		end(channel);
		return -ENODEV;
	}

	while (err == -ENOSPC) {
		u32 drained;

		ring_doorbell(channel);
		drained = drain(channel);
		if (channel->state != VGPU_CHANNEL_ON) {
			err = -ENODEV;
			break;
		}

		err = vgpu_ring_write(&channel->request, msg, dwords, fault);
		if (err == -ENOSPC && (!drained || !--tries)) {
			blame(channel, "head of a ring that stays full", channel->request.head);
			err = -ENODEV;
		}
	}

	if (!channel->awake)
		channel->ops->put(channel);
	return err;
}

static int write_request(struct vgpu_channel *channel, enum vgpu_request request, u32 flags,
			 struct vgt_msg *msg, size_t size)
{
	const u32 dwords = size / sizeof(u32);
	struct vgpu_ring_fault fault;
	int err;

	lockdep_assert_held(&channel->lock);

	if (!(channel->features & requests[request].feature))
		return -ENODEV;

	msg->header = requests[request].action << VGT_MSG_ACTION_SHIFT | flags | dwords;
	msg->seqno = channel->seqno + 1;

	err = vgpu_ring_write(&channel->request, (u32 *)msg, dwords, &fault);
	if (err == -ENOSPC)
		err = write_to_full_ring(channel, (u32 *)msg, dwords, &fault);
	if (err == -EPROTO)
		turn_off(channel, fault.what, fault.value);
	if (err)
		return -ENODEV;

	channel->seqno++;
	/* Posted requests have no response, and what is not in the ring any more will have none. */
	if (channel->seqno - channel->answered > S32_MAX)
		channel->answered = channel->seqno - MAX_REQUESTS;
	channel->stats.requests[request]++;
	trace_vgpu_request(channel, msg);

	/* Only a posted request that has failed leaves a response to be found here. */
	drain(channel);
	return 0;
}

/**
 * vgpu_channel_post_locked - send a request, without waiting for what becomes of it
 * @channel: the channel, its lock is held
 * @request: which request
 * @msg: the request; its first two dwords are filled in here
 * @size: size of the request, bytes, as the ABI has it
 *
 * In any context. Not a trap, except for a full ring.
 *
 * Return: zero, the mediator executes it before anything else that this guest does; -ENODEV: the
 * channel is not on, or the request's feature was not accepted.
 */
int vgpu_channel_post_locked(struct vgpu_channel *channel, enum vgpu_request request,
			     struct vgt_msg *msg, size_t size)
{
	return write_request(channel, request, 0, msg, size);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_post_locked);

/**
 * vgpu_channel_post - send a request, without waiting for what becomes of it
 * @channel: the channel
 * @request: which request
 * @msg: the request; its first two dwords are filled in here
 * @size: size of the request, bytes, as the ABI has it
 *
 * As vgpu_channel_post_locked(), but takes the lock.
 *
 * Return: zero or -ENODEV.
 */
int vgpu_channel_post(struct vgpu_channel *channel, enum vgpu_request request,
		      struct vgt_msg *msg, size_t size)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&channel->lock, flags);
	err = vgpu_channel_post_locked(channel, request, msg, size);
	spin_unlock_irqrestore(&channel->lock, flags);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_post);

/* If the mediator had to stop for want of room for responses, there is some now: it may go on. */
static void urge(struct vgpu_channel *channel)
{
	u32 tries;

	for (tries = MAX_DOORBELLS; tries && channel->wait.pending; tries--) {
		ring_doorbell(channel);
		if (!drain(channel))
			break;
	}
}

static void send_sync(struct vgpu_channel *channel, enum vgpu_request request,
		      struct vgt_msg *msg, size_t size)
{
	/* Before it is written: if the mediator looks by itself, the response is there first. */
	channel->wait.seqno = channel->seqno + 1;
	channel->wait.pending = true;
	channel->wait.err = -ENODEV;

	if (write_request(channel, request, VGT_MSG_SYNC, msg, size)) {
		channel->wait.pending = false;
		return;
	}

	urge(channel);

	/* Forgotten with a reset, perhaps of a moment ago? Then there is nothing to wait for. */
	if (channel->wait.pending && !channel->ops->accepted(channel))
		end(channel);
}

static void look_for_response(struct vgpu_channel *channel, unsigned long deadline)
{
	if (drain(channel))
		urge(channel);

	if (channel->wait.pending && time_after(jiffies, deadline))
		blame(channel, "seqno of a request without a response", channel->wait.seqno);
}

/**
 * vgpu_channel_sync - send a request, and wait until it was executed
 * @channel: the channel
 * @request: which request
 * @msg: the request; its first two dwords are filled in here
 * @size: size of the request, bytes, as the ABI has it
 *
 * The device must be awake. May sleep, for a bounded time. One trap.
 *
 * Return: zero, it was executed; -EIO: the mediator says that it has failed, and nothing was
 * changed; -ENODEV: the channel is not on any more, or the request's feature was not accepted. Then
 * it may have been executed.
 */
int vgpu_channel_sync(struct vgpu_channel *channel, enum vgpu_request request,
		      struct vgt_msg *msg, size_t size)
{
	unsigned long deadline, flags;
	bool pending;
	int err;

	might_sleep();

	mutex_lock(&channel->sync);

	/* From here on: who waited for others to be served has not waited for this request yet. */
	deadline = jiffies + msecs_to_jiffies(SYNC_TIMEOUT_MS);

	spin_lock_irqsave(&channel->lock, flags);
	channel->awake = true;
	send_sync(channel, request, msg, size);

	for (;;) {
		pending = channel->wait.pending;
		err = channel->wait.err;
		channel->awake = false;
		spin_unlock_irqrestore(&channel->lock, flags);

		if (!pending)
			break;

		usleep_range(500, 1000);

		spin_lock_irqsave(&channel->lock, flags);
		channel->awake = true;
		look_for_response(channel, deadline);
	}

	mutex_unlock(&channel->sync);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_sync);

static void reset_memory(struct vgpu_channel *channel)
{
	struct vgt_channel *shared = channel->shared;
	void *base = shared;

	BUILD_BUG_ON(sizeof(*shared) > VGPU_CHANNEL_RESPONSE_OFFSET);

	memset(base, 0, VGPU_CHANNEL_SIZE);
	shared->version = VGT_CHANNEL_VERSION;
	shared->request_offset = VGPU_CHANNEL_REQUEST_OFFSET;
	shared->request_size = VGPU_CHANNEL_REQUEST_SIZE;
	shared->response_offset = VGPU_CHANNEL_RESPONSE_OFFSET;
	shared->response_size = VGPU_CHANNEL_RESPONSE_SIZE;

	vgpu_ring_init(&channel->request, base + VGPU_CHANNEL_REQUEST_OFFSET,
		       VGPU_CHANNEL_REQUEST_SIZE / sizeof(u32),
		       &shared->request_head, &shared->request_tail);
	vgpu_ring_init(&channel->response, base + VGPU_CHANNEL_RESPONSE_OFFSET,
		       VGPU_CHANNEL_RESPONSE_SIZE / sizeof(u32),
		       &shared->response_head, &shared->response_tail);
	channel->seqno = 0;
	channel->answered = 0;
}

static void negotiate(struct vgpu_channel *channel)
{
	u32 wanted, accepted;

	channel->offered = channel->ops->offered(channel);
	wanted = channel->offered & supported_features();
	if (!wanted)
		return;

	channel->ops->start(channel, wanted);
	accepted = channel->ops->accepted(channel);
	if (!accepted) {
		turn_off(channel, "refused: features_wanted", wanted);
	} else if (accepted & ~wanted) {
		turn_off(channel, "more than was wanted: features_accepted", accepted);
	} else {
		WRITE_ONCE(channel->features, accepted);
		WRITE_ONCE(channel->state, VGPU_CHANNEL_ON);
		channel->stats.starts++;
	}
}

static void start(struct vgpu_channel *channel)
{
	u32 accepted;

	if (channel->state == VGPU_CHANNEL_OFF || channel->state == VGPU_CHANNEL_CLOSED)
		return;

	accepted = channel->ops->accepted(channel);
	if (channel->state == VGPU_CHANNEL_ON && accepted == channel->features)
		return;

	/* The memory is about to change under its feet. */
	if (accepted)
		channel->ops->notify(channel, VGT_G2V_CHANNEL_STOP);

	end(channel);
	reset_memory(channel);
	negotiate(channel);
	vgpu_contexts_announce(channel);
}

/**
 * vgpu_channel_start - start the channel, if it is not on
 * @channel: the channel
 *
 * The device must be awake. In any context; nothing is allocated. If the channel is on, this costs
 * one trap.
 *
 * Return: zero if the channel is on now, else -ENODEV.
 */
int vgpu_channel_start(struct vgpu_channel *channel)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&channel->lock, flags);
	channel->awake = true;
	start(channel);
	channel->awake = false;
	err = channel->state == VGPU_CHANNEL_ON ? 0 : -ENODEV;
	spin_unlock_irqrestore(&channel->lock, flags);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_start);

static void stop(struct vgpu_channel *channel)
{
	if (channel->state != VGPU_CHANNEL_CLOSED && channel->ops->accepted(channel))
		channel->ops->notify(channel, VGT_G2V_CHANNEL_STOP);
}

/**
 * vgpu_channel_stop - have the mediator execute what was posted, and stop the channel
 * @channel: the channel, in any state
 *
 * The device must be awake. The mediator does not access the memory any more afterwards.
 */
void vgpu_channel_stop(struct vgpu_channel *channel)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	stop(channel);
	if (channel->state == VGPU_CHANNEL_ON)
		end(channel);
	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_stop);

/**
 * vgpu_channel_close - stop the channel for good
 * @channel: the channel, in any state
 *
 * As vgpu_channel_stop(), but nothing starts the channel again, and the mediator is not accessed
 * any more: if there is a channel from now on, it is that of another driver.
 */
void vgpu_channel_close(struct vgpu_channel *channel)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	stop(channel);
	leave(channel, VGPU_CHANNEL_CLOSED);
	spin_unlock_irqrestore(&channel->lock, flags);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_close);

/**
 * vgpu_channel_init - prepare a channel, which is not started yet
 * @channel: the channel
 * @ops: how the mediator is reached
 * @shared: memory that the mediator can reach, %VGPU_CHANNEL_SIZE bytes
 */
void vgpu_channel_init(struct vgpu_channel *channel, const struct vgpu_channel_ops *ops,
		       void *shared)
{
	memset(channel, 0, sizeof(*channel));
	channel->ops = ops;
	channel->shared = shared;
	mutex_init(&channel->sync);
	spin_lock_init(&channel->lock);
	INIT_LIST_HEAD(&channel->pinned);
	reset_memory(channel);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_init);

/**
 * vgpu_channel_has - is a feature in effect?
 * @channel: the channel, or NULL
 * @feature: VGT_FEATURE_*
 *
 * That may change at any time: a hint whether it is worthwhile to prepare a request.
 *
 * Return: true if a request of the feature would be sent.
 */
bool vgpu_channel_has(const struct vgpu_channel *channel, u32 feature)
{
	return channel && READ_ONCE(channel->features) & feature;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_channel_has);

/**
 * vgpu_request_name - the name of a request
 * @request: which request
 *
 * Return: its name in lower case.
 */
const char *vgpu_request_name(enum vgpu_request request)
{
	return requests[request].name;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_request_name);

/**
 * vgpu_features_print - write features by name
 * @buf: where to write
 * @size: size of @buf, bytes
 * @mask: VGT_FEATURE_* and perhaps bits unknown to us
 *
 * Return: the number of characters written, without the terminating zero.
 */
int vgpu_features_print(char *buf, size_t size, u32 mask)
{
	int len = 0;
	int i;

	if (!mask)
		return scnprintf(buf, size, "none");

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (!(mask & features[i].feature))
			continue;

		len += scnprintf(buf + len, size - len, "%s%s", len ? " " : "", features[i].name);
		mask &= ~features[i].feature;
	}

	if (mask)
		len += scnprintf(buf + len, size - len, "%sunknown:0x%x", len ? " " : "", mask);

	return len;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_features_print);
