// SPDX-License-Identifier: MIT
/*
 * A vGPU's channel: start and end, the rings, execution of requests. The ABI header has the rules;
 * what single requests do is in context.c and fence.c.
 *
 * Called with gvt->lock held by BAR 0 dispatch before each access, by pvinfo.c for notifications,
 * by the scheduler and by resets. The memory is the guest's and changes while it is read: each
 * dword is read once, our indices are our own copies, and a message is checked only after it was
 * copied. Nothing here may be called back by what a request does.
 */
#include <glib.h>
#include <stddef.h>
#include <string.h>

#include "gvt_types.h"

#define HEADER(field)	((uint32_t)offsetof(struct vgt_channel, field))
#define RING_ALIGN	64u
#define RESPONSE_DWORDS	4u

/** struct action - a request that the mediator knows */
struct action {
	uint16_t action;
	uint32_t feature;	/* to which it belongs */
	uint32_t size;		/* of its message, bytes */
	enum stats_kind count;
	enum vgt_status (*execute)(struct vgpu *vgpu, const void *msg);
};

static const struct action actions[] = {
	{ VGT_ACTION_CONTEXT_CREATE, VGT_FEATURE_CONTEXT, sizeof(struct vgt_context_create),
	  STATS_CHANNEL_CREATE, context_create },
	{ VGT_ACTION_CONTEXT_PIN, VGT_FEATURE_CONTEXT, sizeof(struct vgt_context_pin),
	  STATS_CHANNEL_PIN, context_pin },
	{ VGT_ACTION_CONTEXT_UNPIN, VGT_FEATURE_CONTEXT, sizeof(struct vgt_context_ref),
	  STATS_CHANNEL_UNPIN, context_unpin },
	{ VGT_ACTION_CONTEXT_DESTROY, VGT_FEATURE_CONTEXT, sizeof(struct vgt_context_ref),
	  STATS_CHANNEL_DESTROY, context_destroy },
	{ VGT_ACTION_FENCE_SET, VGT_FEATURE_FENCE, sizeof(struct vgt_fence_set),
	  STATS_CHANNEL_FENCE_SET, fence_request },
};

/* A dword of the channel's memory; NULL: there is no memory (any more). */
static uint32_t *mem(struct vgpu *vgpu, uint32_t offset, bool write)
{
	uint64_t addr = vgpu->channel.addr + (offset & ~(GPU_PAGE_SIZE - 1));
	uint8_t *page = vgpu->gvt->ops->page(vgpu->opaque, addr, write);

	return page ? (uint32_t *)(page + offset % GPU_PAGE_SIZE) : NULL;
}

static uint32_t ring_offset(const struct channel_ring *ring, uint32_t index)
{
	return ring->offset + (index & (ring->size / 4 - 1)) * 4;
}

/* ---- start and end ---- */

static void set_accepted(struct vgpu *vgpu, uint32_t features)
{
	struct vgt_if *page = (struct vgt_if *)vgpu->pvinfo;

	page->features_accepted = features;
	vgpu->channel.features = features;
}

static const char *check_ring(const struct channel_ring *ring, uint32_t size)
{
	if (ring->size < VGT_CHANNEL_MIN_RING || ring->size & (ring->size - 1))
		return "a ring's size is not a power of two of at least 1 KiB";
	if (ring->offset % RING_ALIGN || ring->offset < sizeof(struct vgt_channel))
		return "a ring lies in the header, or not at a multiple of 64 bytes";
	if (ring->offset > size || size - ring->offset < ring->size)
		return "a ring lies outside the channel's memory";
	return NULL;
}

/* Of the header as it was copied; the rings in @ch are filled. */
static const char *check_header(struct vgpu_channel *ch, const struct vgt_channel *header)
{
	const uint32_t *dword = (const uint32_t *)header;
	const char *why;
	unsigned int i;

	if (header->version != VGT_CHANNEL_VERSION)
		return "its version is unknown";
	ch->request = (struct channel_ring){ header->request_offset, header->request_size, 0, 0 };
	ch->response =
		(struct channel_ring){ header->response_offset, header->response_size, 0, 0 };
	why = check_ring(&ch->request, ch->size);
	if (!why)
		why = check_ring(&ch->response, ch->size);
	if (why)
		return why;
	if (ch->request.offset < ch->response.offset + ch->response.size &&
	    ch->response.offset < ch->request.offset + ch->request.size)
		return "its rings overlap";
	/* Indices, and what is reserved. */
	for (i = HEADER(rsv0) / 4; i < sizeof(*header) / 4; i++)
		if (dword[i])
			return "an index, or what is reserved in the header, is not zero";
	return NULL;
}

static const char *check_memory(struct vgpu *vgpu, struct vgt_channel *header)
{
	struct vgpu_channel *ch = &vgpu->channel;
	uint32_t offset, *to = (uint32_t *)header;
	const uint32_t *from;

	if (ch->size < VGT_CHANNEL_MIN_SIZE || ch->size > VGT_CHANNEL_MAX_SIZE ||
	    ch->size % GPU_PAGE_SIZE)
		return "channel_size is not a multiple of 4 KiB between 4 KiB and 1 MiB";
	if (ch->addr & ~GPU_ADDR_MASK || (ch->addr + ch->size - 1) & ~(GPU_ADDR_MASK | 0xfff))
		return "channel_addr is not the address of a page";
	for (offset = 0; offset < ch->size; offset += GPU_PAGE_SIZE)
		if (!mem(vgpu, offset, true))
			return "a page of the channel is not memory";
	for (offset = 0; offset < sizeof(*header); offset += 4) {
		from = mem(vgpu, offset, false);
		if (!from)
			return "a page of the channel is not memory";
		to[offset / 4] = __atomic_load_n(from, __ATOMIC_RELAXED);
	}
	return NULL;
}

/** channel_start - %VGT_G2V_CHANNEL_START: check all of it, then accept */
void channel_start(struct vgpu *vgpu)
{
	const struct vgt_if *page = (const struct vgt_if *)vgpu->pvinfo;
	struct vgpu_channel *ch = &vgpu->channel;
	uint32_t features = page->features_wanted & page->features_offered;
	struct vgt_channel header;
	const char *why = NULL;

	channel_end(vgpu, NULL);
	ch->addr = (uint64_t)page->channel_addr.hi << 32 | page->channel_addr.lo;
	ch->size = page->channel_size;
	ch->seqno = 1;
	ch->num_held = 0;
	if (!features)
		why = "none of the features that it wants is offered";
	if (!why)
		why = check_memory(vgpu, &header);
	if (!why)
		why = check_header(ch, &header);
	if (why) {
		stats_count(vgpu->stats, STATS_CHANNEL_PROTOCOL_ERROR);
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "channel at 0x%llx, %u bytes, features 0x%x: not started: %s",
			 (unsigned long long)ch->addr, ch->size, page->features_wanted, why);
		return;
	}
	set_accepted(vgpu, channel_fault_accepted(vgpu, features));
	vgpu_log(vgpu, GPU_LOG_DEBUG, "channel at 0x%llx, %u bytes: features 0x%x",
		 (unsigned long long)ch->addr, ch->size, ch->features);
}

void channel_end(struct vgpu *vgpu, const char *why)
{
	struct vgpu_channel *ch = &vgpu->channel;

	if (!ch->features)
		return;
	set_accepted(vgpu, 0);
	ch->num_held = 0;
	context_forget_all(vgpu);
	if (!why)
		return;
	stats_count(vgpu->stats, STATS_CHANNEL_PROTOCOL_ERROR);
	vgpu_log(vgpu, GPU_LOG_WARN, "channel ended: %s", why);
}

/* ---- responses ---- */

void channel_write_response(struct vgpu *vgpu, const uint32_t msg[4])
{
	struct channel_ring *ring = &vgpu->channel.response;
	uint32_t *tail = mem(vgpu, HEADER(response_tail), true);
	uint32_t copy[RESPONSE_DWORDS];
	unsigned int i;

	memcpy(copy, msg, sizeof(copy));
	channel_fault_corrupt(vgpu, copy);
	for (i = 0; i < RESPONSE_DWORDS; i++) {
		uint32_t *to = mem(vgpu, ring_offset(ring, ring->tail + i), true);

		if (!to || !tail)
			return;
		__atomic_store_n(to, copy[i], __ATOMIC_RELAXED);
	}
	ring->tail += RESPONSE_DWORDS;
	stats_count(vgpu->stats, STATS_CHANNEL_RESPONSE);
	/* The guest reads the tail with acquire semantics, then the message. */
	__atomic_store_n(tail, channel_fault_index(vgpu, ring, ring->tail), __ATOMIC_RELEASE);
}

static void respond(struct vgpu *vgpu, uint32_t seqno, enum vgt_status status, uint32_t action)
{
	const uint32_t msg[RESPONSE_DWORDS] = {
		RESPONSE_DWORDS | VGT_RESPONSE_STATUS << VGT_MSG_ACTION_SHIFT,
		seqno, status, action,
	};

	if (!channel_fault_holds(vgpu, msg))
		channel_write_response(vgpu, msg);
}

/*
 * Could a response be written? Asked before each request: one that failed must be answered, and
 * cannot be taken back then.
 */
static bool has_room(struct vgpu *vgpu)
{
	struct vgpu_channel *ch = &vgpu->channel;
	struct channel_ring *ring = &ch->response;
	const uint32_t *guest = mem(vgpu, HEADER(response_head), false);
	uint32_t head, i;

	if (!guest || !mem(vgpu, HEADER(response_tail), true))
		return false;
	/* None lies in two pages: rings are aligned, and all responses of the same size. */
	for (i = 0; i <= ch->num_held; i++)
		if (!mem(vgpu, ring_offset(ring, ring->tail + i * RESPONSE_DWORDS), true))
			return false;
	head = __atomic_load_n(guest, __ATOMIC_ACQUIRE);
	if (head % 2 || head - ring->head > ring->tail - ring->head) {
		channel_end(vgpu, "response_head is odd, went backwards or is beyond the tail");
		return false;
	}
	ring->head = head;
	return ch->num_held < CHANNEL_MAX_HELD &&
	       ring->size / 4 - (ring->tail - head) >= RESPONSE_DWORDS * (ch->num_held + 1);
}

/* ---- requests ---- */

static const struct action *find_action(uint32_t number)
{
	unsigned int i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (actions[i].action == number)
			return &actions[i];
	return NULL;
}

static enum vgt_status execute(struct vgpu *vgpu, const uint32_t *msg, uint32_t expected)
{
	const struct action *action = find_action(msg[0] >> VGT_MSG_ACTION_SHIFT);

	stats_count(vgpu->stats, action ? action->count : STATS_CHANNEL_UNKNOWN);
	if (msg[0] & VGT_MSG_RESERVED || msg[1] != expected)
		return VGT_STATUS_BAD_VALUE;
	if (!action)
		return VGT_STATUS_UNKNOWN_ACTION;
	if (!(action->feature & vgpu->channel.features))
		return VGT_STATUS_NOT_NEGOTIATED;
	if ((msg[0] & VGT_MSG_LENGTH) * 4 != action->size)
		return VGT_STATUS_BAD_LENGTH;
	return action->execute(vgpu, msg);
}

/*
 * Copy the message at the head; false: nothing was copied. The first dword is read once: it is the
 * length that is checked, and the message that is executed.
 */
static bool take(struct vgpu *vgpu, uint32_t msg[VGT_MSG_MAX_DWORDS])
{
	struct channel_ring *ring = &vgpu->channel.request;
	uint32_t i, length = 2;

	for (i = 0; i < length; i++) {
		const uint32_t *from = mem(vgpu, ring_offset(ring, ring->head + i), false);

		if (!from)
			return false;
		msg[i] = __atomic_load_n(from, __ATOMIC_RELAXED);
		if (i)
			continue;
		length = msg[0] & VGT_MSG_LENGTH;
		if (length < 2 || length % 2 || length > VGT_MSG_MAX_DWORDS) {
			channel_end(vgpu, "a request's length is not one");
			return false;
		}
		if (length > ring->tail - ring->head) {
			channel_end(vgpu, "request_tail ends within a request");
			return false;
		}
	}
	return true;
}

/* One request; false: none was executed. */
static bool execute_next(struct vgpu *vgpu, uint32_t *shown_head)
{
	struct vgpu_channel *ch = &vgpu->channel;
	_Alignas(8) uint32_t msg[VGT_MSG_MAX_DWORDS];
	enum vgt_status status;
	uint32_t expected;

	if (!has_room(vgpu) || !take(vgpu, msg))
		return false;
	expected = ch->seqno;
	/* A number that is left out or used twice costs this request and no later one. */
	ch->seqno = msg[1] + 1;
	if (!channel_fault_drops(vgpu)) {
		status = execute(vgpu, msg, expected);
		if (status != VGT_STATUS_OK)
			stats_count(vgpu->stats, STATS_CHANNEL_PROTOCOL_ERROR);
		if (status != VGT_STATUS_OK || msg[0] & VGT_MSG_SYNC)
			respond(vgpu, msg[1], status, msg[0] >> VGT_MSG_ACTION_SHIFT);
	}
	ch->request.head += msg[0] & VGT_MSG_LENGTH;
	/* All of the message was read, and its response is there. */
	__atomic_store_n(shown_head, channel_fault_index(vgpu, &ch->request, ch->request.head),
			 __ATOMIC_RELEASE);
	return true;
}

/* How far the guest says it wrote; false: it makes no sense, and the channel has ended. */
static bool read_tail(struct vgpu *vgpu, const uint32_t *guest)
{
	struct channel_ring *ring = &vgpu->channel.request;
	uint32_t tail = __atomic_load_n(guest, __ATOMIC_ACQUIRE);

	if (tail % 2 || tail - ring->head > ring->size / 4) {
		channel_end(vgpu, "request_tail is odd, or not within the ring's size of the head");
		return false;
	}
	if (tail - ring->head < ring->tail - ring->head) {
		channel_end(vgpu, "request_tail went backwards");
		return false;
	}
	ring->tail = tail;
	return true;
}

/** channel_drain - see channel.h */
bool channel_drain(struct vgpu *vgpu, unsigned int limit)
{
	struct vgpu_channel *ch = &vgpu->channel;
	uint32_t *shown_head;
	const uint32_t *tail;
	unsigned int n;

	if (!ch->features)
		return false;
	if (ch->fault.kind == CHANNEL_FAULT_VANISH) {
		channel_end(vgpu, NULL);
		return false;
	}
	ch->drains++;
	if (ch->num_held)
		channel_fault_release(vgpu);
	tail = mem(vgpu, HEADER(request_tail), false);
	/* No memory: the guest took bus mastering away, and may give it back. */
	if (!tail || !read_tail(vgpu, tail) || ch->request.tail == ch->request.head)
		return false;
	shown_head = mem(vgpu, HEADER(request_head), true);
	if (!shown_head)
		return false;
	for (n = 0; n < limit && ch->features && ch->request.head != ch->request.tail; n++)
		if (!execute_next(vgpu, shown_head))
			break;
	if (n)
		stats_count(vgpu->stats, STATS_CHANNEL_DRAIN);
	return n == limit;
}

/** channel_drain_all - see channel.h */
void channel_drain_all(struct vgpu *vgpu)
{
	/* A guest that goes on posting holds up nobody for longer than one ring. */
	uint32_t left = vgpu->channel.request.size / sizeof(struct vgt_msg);

	while (channel_drain(vgpu, MIN(left, CHANNEL_BATCH)) && left > CHANNEL_BATCH) {
		left -= CHANNEL_BATCH;
		gvt_unlock(vgpu->gvt);
		gvt_lock(vgpu->gvt);
	}
}
