// SPDX-License-Identifier: MIT
/*
 * Whether a ring carries messages, and what the other side can do to it.
 *
 * The test is the other side: it writes to the shared memory what a mediator would, or should not.
 */

#include <kunit/test.h>

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "../i915_vgpu_channel_abi.h"
#include "../i915_vgpu_ring.h"
#include "i915_vgpu_tests.h"

#define RING_DWORDS	64u

struct ring_test {
	struct vgpu_ring ring;
	struct vgpu_ring_fault fault;
	/* What is shared, and beyond it what nobody may write to */
	u32 data[RING_DWORDS], guard[8];
	u32 head, tail;
};

static int ring_test_init(struct kunit *test)
{
	struct ring_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	vgpu_ring_init(&t->ring, t->data, RING_DWORDS, &t->head, &t->tail);
	test->priv = t;
	return 0;
}

static void ring_test_exit(struct kunit *test)
{
	struct ring_test *t = test->priv;
	int i;

	if (!t)
		return;

	for (i = 0; i < ARRAY_SIZE(t->guard); i++)
		KUNIT_EXPECT_EQ(test, t->guard[i], 0);
}

/* Have both indices stand at @index, with an empty ring. */
static void start_at(struct ring_test *t, u32 index)
{
	t->ring.head = index;
	t->ring.tail = index;
	t->head = index;
	t->tail = index;
}

static void fill_message(u32 *msg, u32 dwords, u32 seqno)
{
	u32 i;

	msg[0] = dwords | 1 << VGT_MSG_ACTION_SHIFT;
	msg[1] = seqno;
	for (i = 2; i < dwords; i++)
		msg[i] = seqno * 0x10001 + i;
}

/* Play the writer. */
static void host_writes(struct ring_test *t, const u32 *msg, u32 dwords)
{
	u32 i;

	for (i = 0; i < dwords; i++)
		t->data[(t->tail + i) % RING_DWORDS] = msg[i];
	t->tail += dwords;
}

/* Play the reader. */
static void host_reads(struct ring_test *t, u32 *msg, u32 dwords)
{
	u32 i;

	for (i = 0; i < dwords; i++)
		msg[i] = t->data[(t->head + i) % RING_DWORDS];
	t->head += dwords;
}

static int write_message(struct ring_test *t, u32 dwords, u32 seqno)
{
	u32 msg[VGT_MSG_MAX_DWORDS];

	fill_message(msg, dwords, seqno);
	return vgpu_ring_write(&t->ring, msg, dwords, &t->fault);
}

static const u32 starts[] = {
	0, 2, RING_DWORDS - 2, RING_DWORDS, RING_DWORDS + 6, S32_MAX - 1, (u32)S32_MIN,
	U32_MAX - RING_DWORDS + 1, U32_MAX - 5, U32_MAX - 1,
};

static void start_to_desc(const u32 *start, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "indices start at 0x%x", *start);
}

KUNIT_ARRAY_PARAM(start, starts, start_to_desc);

static void each_length_is_written_as_it_is(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 expected[VGT_MSG_MAX_DWORDS], seen[VGT_MSG_MAX_DWORDS];
	u32 dwords, seqno = 0;

	start_at(t, *(const u32 *)test->param_value);
	for (dwords = 2; dwords <= VGT_MSG_MAX_DWORDS; dwords += 2) {
		u32 tail = t->tail;

		fill_message(expected, dwords, ++seqno);
		KUNIT_ASSERT_EQ(test, vgpu_ring_write(&t->ring, expected, dwords, &t->fault), 0);
		KUNIT_ASSERT_EQ(test, t->tail, tail + dwords);
		host_reads(t, seen, dwords);
		KUNIT_EXPECT_MEMEQ(test, seen, expected, dwords * sizeof(u32));
	}
}

static void each_length_is_read_as_it_is(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 expected[VGT_MSG_MAX_DWORDS], seen[VGT_MSG_MAX_DWORDS];
	u32 dwords, seqno = 0;

	start_at(t, *(const u32 *)test->param_value);
	for (dwords = 2; dwords <= VGT_MSG_MAX_DWORDS; dwords += 2) {
		u32 head = t->head;

		fill_message(expected, dwords, ++seqno);
		host_writes(t, expected, dwords);
		KUNIT_ASSERT_EQ(test, vgpu_ring_read(&t->ring, seen, &t->fault), dwords);
		KUNIT_EXPECT_EQ(test, t->head, head + dwords);
		KUNIT_EXPECT_MEMEQ(test, seen, expected, dwords * sizeof(u32));
	}
}

static void a_full_ring_takes_no_more(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 msg[VGT_MSG_MAX_DWORDS], before[RING_DWORDS];
	u32 start = *(const u32 *)test->param_value;
	u32 i;

	start_at(t, start);
	for (i = 0; i < RING_DWORDS / 4; i++)
		KUNIT_ASSERT_EQ(test, write_message(t, 4, i), 0);
	KUNIT_EXPECT_EQ(test, t->tail, start + RING_DWORDS);

	memcpy(before, t->data, sizeof(before));
	KUNIT_EXPECT_EQ(test, write_message(t, 2, 99), -ENOSPC);
	KUNIT_EXPECT_EQ(test, write_message(t, 32, 99), -ENOSPC);
	KUNIT_EXPECT_EQ(test, t->tail, start + RING_DWORDS);
	KUNIT_EXPECT_MEMEQ(test, t->data, before, sizeof(before));

	/* What the reader takes out is room, and no more than that is. */
	host_reads(t, msg, 4);
	KUNIT_EXPECT_EQ(test, msg[1], 0);
	KUNIT_EXPECT_EQ(test, write_message(t, 6, 99), -ENOSPC);
	KUNIT_EXPECT_EQ(test, write_message(t, 4, 99), 0);
	KUNIT_EXPECT_EQ(test, write_message(t, 2, 99), -ENOSPC);

	for (i = 1; i < RING_DWORDS / 4; i++) {
		host_reads(t, msg, 4);
		KUNIT_EXPECT_EQ(test, msg[1], i);
	}
}

static void a_full_ring_is_read_to_its_end(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 msg[VGT_MSG_MAX_DWORDS];
	u32 i;

	start_at(t, *(const u32 *)test->param_value);
	for (i = 0; i < RING_DWORDS / 4; i++) {
		fill_message(msg, 4, i);
		host_writes(t, msg, 4);
	}

	for (i = 0; i < RING_DWORDS / 4; i++) {
		KUNIT_ASSERT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 4);
		KUNIT_EXPECT_EQ(test, msg[1], i);
	}
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 0);
	KUNIT_EXPECT_EQ(test, t->head, t->tail);
}

static void an_empty_ring_has_nothing(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 start = *(const u32 *)test->param_value;
	u32 msg[VGT_MSG_MAX_DWORDS];

	start_at(t, start);
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 0);
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 0);
	KUNIT_EXPECT_EQ(test, t->head, start);
}

/* Lengths that do not divide the ring's, often enough to go around it at every offset. */
static void messages_wrap_around(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 expected[VGT_MSG_MAX_DWORDS], seen[VGT_MSG_MAX_DWORDS];
	u32 i;

	start_at(t, *(const u32 *)test->param_value);
	for (i = 0; i < 20 * RING_DWORDS; i++) {
		u32 dwords = 2 + 2 * (i % 15);

		fill_message(expected, dwords, i);
		KUNIT_ASSERT_EQ(test, vgpu_ring_write(&t->ring, expected, dwords, &t->fault), 0);
		host_reads(t, seen, dwords);
		KUNIT_ASSERT_MEMEQ(test, seen, expected, dwords * sizeof(u32));
	}
}

/* The other side's index, relative to where both stand when a quarter of the ring is in use */
struct index_param {
	const char *name;
	s32 offset;
	int expected;
};

#define USED	(RING_DWORDS / 4)

static const struct index_param heads[] = {
	{ "a head that has not moved is no room", 0, -ENOSPC },
	{ "a head one message further is not enough room", 4, -ENOSPC },
	{ "a head at the tail is room", USED, 0 },
	{ "a head one dword beyond the tail is refused", USED + 1, -EPROTO },
	{ "a head two dwords beyond the tail is refused", USED + 2, -EPROTO },
	{ "a head a ring beyond the tail is refused", USED + RING_DWORDS, -EPROTO },
	{ "a head that went back by two dwords is refused", -2, -EPROTO },
	{ "a head that went back by a ring is refused", -(s32)RING_DWORDS, -EPROTO },
	{ "a head half the numbers away is refused", S32_MAX - 1, -EPROTO },
	{ "a head half the numbers back is refused", S32_MIN, -EPROTO },
	{ "an odd head is refused", 5, -EPROTO },
};

KUNIT_ARRAY_PARAM_DESC(head, heads, name);

static void the_readers_index_is_checked(struct kunit *test)
{
	const struct index_param *param = test->param_value;
	struct ring_test *t = test->priv;
	u32 tail, start;
	int i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		start = starts[i];
		start_at(t, start);
		KUNIT_ASSERT_EQ(test, write_message(t, USED, 1), 0);
		tail = t->tail;

		/* More than is free, so that the head is looked at */
		t->ring.size = 2 * USED;
		t->head = start + param->offset;
		KUNIT_EXPECT_EQ(test, write_message(t, 2 * USED, 2), param->expected);
		if (param->expected)
			KUNIT_EXPECT_EQ(test, t->tail, tail);
		if (param->expected == -EPROTO) {
			KUNIT_EXPECT_STREQ(test, t->fault.what, "ring head");
			KUNIT_EXPECT_EQ(test, t->fault.value, start + param->offset);
		}
		t->ring.size = RING_DWORDS;
	}
}

static const struct index_param tails[] = {
	{ "a tail that has not moved is no message", 0, 0 },
	{ "a tail one message further is a message", 4, 4 },
	{ "a tail a ring further is a message", RING_DWORDS, 4 },
	{ "a tail more than a ring further is refused", RING_DWORDS + 2, -EPROTO },
	{ "a tail two rings further is refused", 2 * RING_DWORDS, -EPROTO },
	{ "a tail that went back is refused", -2, -EPROTO },
	{ "a tail that went back by a ring is refused", -(s32)RING_DWORDS, -EPROTO },
	{ "a tail half the numbers away is refused", S32_MAX - 1, -EPROTO },
	{ "a tail half the numbers back is refused", S32_MIN, -EPROTO },
	{ "an odd tail is refused", 5, -EPROTO },
	{ "a tail of one dword is refused", 1, -EPROTO },
	{ "a tail within a message is refused", 2, -EPROTO },
};

KUNIT_ARRAY_PARAM_DESC(tail, tails, name);

static void the_writers_index_is_checked(struct kunit *test)
{
	const struct index_param *param = test->param_value;
	struct ring_test *t = test->priv;
	u32 msg[VGT_MSG_MAX_DWORDS];
	u32 start;
	int i;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		start = starts[i];
		start_at(t, start);
		fill_message(msg, 4, 1);
		host_writes(t, msg, 4);
		t->tail = start + param->offset;

		KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), param->expected);
		if (param->expected <= 0)
			KUNIT_EXPECT_EQ(test, t->head, start);
	}
}

static void a_tail_that_goes_back_later_is_refused(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 msg[VGT_MSG_MAX_DWORDS];

	fill_message(msg, 4, 1);
	host_writes(t, msg, 4);
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 4);

	t->tail = 0;
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), -EPROTO);
	KUNIT_EXPECT_STREQ(test, t->fault.what, "ring tail");
	KUNIT_EXPECT_EQ(test, t->fault.value, 0);
}

struct length_param {
	const char *name;
	u32 header, in_ring;
	int expected;
};

static const struct length_param lengths[] = {
	{ "no length is refused", 0, 4, -EPROTO },
	{ "a length of one dword is refused", 1, 4, -EPROTO },
	{ "the shortest message is read", 2, 2, 2 },
	{ "an odd length is refused", 3, 4, -EPROTO },
	{ "the longest message is read", VGT_MSG_MAX_DWORDS, VGT_MSG_MAX_DWORDS,
	  VGT_MSG_MAX_DWORDS },
	{ "one dword more than the longest is refused", VGT_MSG_MAX_DWORDS + 1, RING_DWORDS,
	  -EPROTO },
	{ "two dwords more than the longest are refused", VGT_MSG_MAX_DWORDS + 2, RING_DWORDS,
	  -EPROTO },
	{ "all ones are refused", U32_MAX, RING_DWORDS, -EPROTO },
	{ "254 dwords are refused", 254, RING_DWORDS, -EPROTO },
	{ "a message that is half there is refused", 8, 4, -EPROTO },
	{ "a message that lacks its last two dwords is refused", 8, 6, -EPROTO },
	{ "what follows a message is another one", 4, 8, 4 },
	{ "what is beside the length is not the length", 0xffff0004, 4, 4 },
};

KUNIT_ARRAY_PARAM_DESC(length, lengths, name);

static void the_length_of_a_message_is_checked(struct kunit *test)
{
	const struct length_param *param = test->param_value;
	struct ring_test *t = test->priv;
	/* Whatever the length says, no more than the longest message is written here. */
	u32 msg[VGT_MSG_MAX_DWORDS + 4] = {};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		start_at(t, starts[i]);
		t->data[starts[i] % RING_DWORDS] = param->header;
		t->tail += param->in_ring;

		KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), param->expected);
		if (param->expected < 0)
			KUNIT_EXPECT_EQ(test, t->head, starts[i]);
		for (j = VGT_MSG_MAX_DWORDS; j < ARRAY_SIZE(msg); j++)
			KUNIT_EXPECT_EQ(test, msg[j], 0);
	}
}

/* The reader looks at its own copies: who changes the shared ones of this side changes nothing. */
static void our_own_index_is_not_read_back(struct kunit *test)
{
	struct ring_test *t = test->priv;
	u32 msg[VGT_MSG_MAX_DWORDS];

	KUNIT_EXPECT_EQ(test, write_message(t, 4, 1), 0);
	t->tail = 0xdead0000;
	KUNIT_EXPECT_EQ(test, write_message(t, 4, 2), 0);
	KUNIT_EXPECT_EQ(test, t->tail, 8);

	vgpu_ring_init(&t->ring, t->data, RING_DWORDS, &t->head, &t->tail);
	fill_message(msg, 4, 3);
	host_writes(t, msg, 4);
	host_writes(t, msg, 4);
	t->head = 0xdead0000;
	KUNIT_EXPECT_EQ(test, vgpu_ring_read(&t->ring, msg, &t->fault), 4);
	KUNIT_EXPECT_EQ(test, t->head, 4);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(each_length_is_written_as_it_is, start_gen_params),
	KUNIT_CASE_PARAM(each_length_is_read_as_it_is, start_gen_params),
	KUNIT_CASE_PARAM(a_full_ring_takes_no_more, start_gen_params),
	KUNIT_CASE_PARAM(a_full_ring_is_read_to_its_end, start_gen_params),
	KUNIT_CASE_PARAM(an_empty_ring_has_nothing, start_gen_params),
	KUNIT_CASE_PARAM(messages_wrap_around, start_gen_params),
	KUNIT_CASE_PARAM(the_readers_index_is_checked, head_gen_params),
	KUNIT_CASE_PARAM(the_writers_index_is_checked, tail_gen_params),
	KUNIT_CASE(a_tail_that_goes_back_later_is_refused),
	KUNIT_CASE_PARAM(the_length_of_a_message_is_checked, length_gen_params),
	KUNIT_CASE(our_own_index_is_not_read_back),
	{}
};

struct kunit_suite i915_vgpu_ring_suite = {
	.name = "i915_vgpu_ring",
	.init = ring_test_init,
	.exit = ring_test_exit,
	.test_cases = ring_cases,
};
