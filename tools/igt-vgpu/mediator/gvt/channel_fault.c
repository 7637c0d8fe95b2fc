// SPDX-License-Identifier: MIT
/*
 * Faults of the channel that can be switched on: for tests of a guest against a mediator that is
 * slow, broken or hostile.
 *
 * Called by channel.c at the places where one can go wrong, and by the front end. With a fault the
 * guest sees something false; the mediator's own state and its checks stay right.
 */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "gvt_types.h"

static const struct {
	const char *name;
	enum channel_fault_kind kind;
	enum { NO_NUMBER, NUMBER, MASK } number;
} faults[] = {
	{ "", CHANNEL_FAULT_NONE, NO_NUMBER },
	{ "delay=", CHANNEL_FAULT_DELAY_DRAINS, NUMBER },
	{ "delay-ms=", CHANNEL_FAULT_DELAY_MS, NUMBER },
	{ "drop=", CHANNEL_FAULT_DROP, NUMBER },
	{ "corrupt=length", CHANNEL_FAULT_CORRUPT_LENGTH, NO_NUMBER },
	{ "corrupt=seqno", CHANNEL_FAULT_CORRUPT_SEQNO, NO_NUMBER },
	{ "corrupt=type", CHANNEL_FAULT_CORRUPT_TYPE, NO_NUMBER },
	{ "lie=backwards", CHANNEL_FAULT_LIE_BACKWARDS, NO_NUMBER },
	{ "lie=beyond", CHANNEL_FAULT_LIE_BEYOND, NO_NUMBER },
	{ "refuse", CHANNEL_FAULT_REFUSE, NO_NUMBER },
	{ "refuse=", CHANNEL_FAULT_REFUSE, MASK },
	{ "vanish", CHANNEL_FAULT_VANISH, NO_NUMBER },
};

static bool parse_number(const char *text, uint32_t *value)
{
	unsigned long long number;
	char *end;

	if (!g_ascii_isdigit(*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 0);
	*value = number;
	return !errno && !*end && number && number <= UINT32_MAX;
}

static bool parse(const char *spec, struct channel_fault *fault)
{
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(faults); i++) {
		fault->kind = faults[i].kind;
		fault->value = ~0u;
		if (faults[i].number == NO_NUMBER && !strcmp(spec, faults[i].name))
			return true;
		if (faults[i].number != NO_NUMBER && g_str_has_prefix(spec, faults[i].name))
			return parse_number(spec + strlen(faults[i].name), &fault->value);
	}
	return false;
}

/** vgpu_set_channel_fault - see gvt.h */
bool vgpu_set_channel_fault(struct vgpu *vgpu, const char *spec, char **error)
{
	struct channel_fault fault = { 0 };

	if (!parse(spec, &fault)) {
		*error = g_strdup_printf(
			"channel-fault: '%s' is none of delay=DRAINS, delay-ms=MS, drop=N, "
			"corrupt=length, corrupt=seqno, corrupt=type, lie=backwards, lie=beyond, "
			"refuse, refuse=FEATURES, vanish and the empty string (numbers from 1 up)",
			spec);
		return false;
	}
	gvt_lock(vgpu->gvt);
	vgpu->channel.fault = fault;
	gvt_unlock(vgpu->gvt);
	return true;
}

bool channel_fault_drops(struct vgpu *vgpu)
{
	struct channel_fault *fault = &vgpu->channel.fault;

	return fault->kind == CHANNEL_FAULT_DROP && !(++fault->requests % fault->value);
}

static uint64_t now_of(const struct vgpu *vgpu)
{
	return vgpu->channel.fault.kind == CHANNEL_FAULT_DELAY_MS ?
	       vgpu->gvt->ops->now_ns(vgpu->gvt->opaque) : vgpu->channel.drains;
}

bool channel_fault_holds(struct vgpu *vgpu, const uint32_t msg[4])
{
	struct vgpu_channel *ch = &vgpu->channel;
	uint64_t delay = ch->fault.value;
	struct channel_held *held;

	if (ch->fault.kind != CHANNEL_FAULT_DELAY_DRAINS &&
	    ch->fault.kind != CHANNEL_FAULT_DELAY_MS)
		return false;
	if (ch->fault.kind == CHANNEL_FAULT_DELAY_MS)
		delay *= 1000000;
	/* has_room() saw to it that there is a place. */
	held = &ch->held[ch->num_held++];
	memcpy(held->msg, msg, sizeof(held->msg));
	held->due = now_of(vgpu) + delay;
	return true;
}

void channel_fault_release(struct vgpu *vgpu)
{
	struct vgpu_channel *ch = &vgpu->channel;
	bool all = ch->fault.kind != CHANNEL_FAULT_DELAY_DRAINS &&
		   ch->fault.kind != CHANNEL_FAULT_DELAY_MS;
	uint64_t now = now_of(vgpu);

	while (ch->num_held && (all || ch->held[0].due <= now)) {
		channel_write_response(vgpu, ch->held[0].msg);
		memmove(ch->held, ch->held + 1, --ch->num_held * sizeof(ch->held[0]));
	}
}

void channel_fault_corrupt(struct vgpu *vgpu, uint32_t msg[4])
{
	switch (vgpu->channel.fault.kind) {
	case CHANNEL_FAULT_CORRUPT_LENGTH:
		msg[0] = (msg[0] & ~VGT_MSG_LENGTH) | 3;
		break;
	case CHANNEL_FAULT_CORRUPT_SEQNO:
		msg[1] += 0x10000;
		break;
	case CHANNEL_FAULT_CORRUPT_TYPE:
		msg[0] |= 0xff00u << VGT_MSG_ACTION_SHIFT;
		break;
	default:
		break;
	}
}

uint32_t channel_fault_index(const struct vgpu *vgpu, const struct channel_ring *ring,
			     uint32_t index)
{
	switch (vgpu->channel.fault.kind) {
	case CHANNEL_FAULT_LIE_BACKWARDS:
		return index - ring->size / 4 - 2;
	case CHANNEL_FAULT_LIE_BEYOND:
		return index + ring->size / 4 + 2;
	default:
		return index;
	}
}

uint32_t channel_fault_accepted(const struct vgpu *vgpu, uint32_t features)
{
	const struct channel_fault *fault = &vgpu->channel.fault;

	return fault->kind == CHANNEL_FAULT_REFUSE ? features & ~fault->value : features;
}
