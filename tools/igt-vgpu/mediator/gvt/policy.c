// SPDX-License-Identifier: MIT
/*
 * The register policy: policy.def as a table, and the index that finds a register's row.
 *
 * Used by mmio.c, the tests and the fuzzers. The table is constant once policy_init() ran.
 */
#include <assert.h>
#include <stddef.h>

#include "mmio_calls.h"

#define ROW(f, l, c, r, w, n) \
	{ .first = (f), .last = (l), .class = (c), .read = (r), .write = (w), .name = (n) },
#define EACH_ENGINE(f, l, c, r, w, n) \
	ROW(RCS0_BASE + (f), RCS0_BASE + (l), c, r, w, n) \
	ROW(BCS0_BASE + (f), BCS0_BASE + (l), c, r, w, n) \
	ROW(VCS0_BASE + (f), VCS0_BASE + (l), c, r, w, n) \
	ROW(VECS0_BASE + (f), VECS0_BASE + (l), c, r, w, n)

static const struct policy rows[] = {
	ROW(0, GPU_MMIO_SIZE - 4, POLICY_VIRTUAL, NULL, NULL, "register")
#define POLICY(first, last, class, name)		ROW(first, last, class, NULL, NULL, name)
#define POLICY_CALLS(first, last, read, write, name) \
	ROW(first, last, POLICY_CALL, read, write, name)
#define ENGINE_POLICY(first, last, class, name) \
	EACH_ENGINE(first, last, class, NULL, NULL, name)
#define ENGINE_POLICY_CALLS(first, last, read, write, name) \
	EACH_ENGINE(first, last, POLICY_CALL, read, write, name)
#define POLICY_INITIAL(offset, clear, set)
#include "policy.def"
#undef POLICY
#undef POLICY_CALLS
#undef ENGINE_POLICY
#undef ENGINE_POLICY_CALLS
#undef POLICY_INITIAL
};

#define NUM_ROWS	(sizeof(rows) / sizeof(rows[0]))
static_assert(NUM_ROWS < 256, "the index has one byte per register");

static uint8_t row_of[GVT_REG_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void build_index(void)
{
	unsigned int row;
	uint32_t offset;

	for (row = 0; row < NUM_ROWS; row++)
		for (offset = rows[row].first; offset <= rows[row].last; offset += 4)
			row_of[offset / 4] = row;
}

void policy_init(void)
{
	pthread_once(&once, build_index);
}

/**
 * policy_find - the row of the dword register at @offset, which is aligned and below GPU_MMIO_SIZE
 */
const struct policy *policy_find(uint32_t offset)
{
	return &rows[row_of[offset / 4]];
}

const struct policy *policy_table(unsigned int *count)
{
	*count = NUM_ROWS;
	return rows;
}

void policy_initial(uint32_t *vreg)
{
#define POLICY(first, last, class, name)
#define POLICY_CALLS(first, last, read, write, name)
#define ENGINE_POLICY(first, last, class, name)
#define ENGINE_POLICY_CALLS(first, last, read, write, name)
#define POLICY_INITIAL(offset, clear, set) \
	vreg[(offset) / 4] = (vreg[(offset) / 4] & ~(uint32_t)(clear)) | (set);
#include "policy.def"
}
