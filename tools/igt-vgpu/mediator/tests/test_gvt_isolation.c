// SPDX-License-Identifier: MIT
/*
 * What a guest cannot do to another through what it submits: reach its memory, see its registers,
 * keep it from the engines.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gvt_fixture.h"

static void a_context_whose_page_is_unmapped_later_gains_nothing(void **state)
{
	struct gx_context first, second;
	uint32_t flag, victim;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	victim = gx_alloc(b, 1);
	gx_context_init(&first, a, GPU_RCS0);
	gx_context_init(&second, a, GPU_RCS0);
	gx_emit_wait(&first, flag);
	gx_emit_store(&second, victim, 0xbad);
	gx_submit(&first, &second);
	gx_run(gx, GPU_RCS0);
	/* Checked and submitted, but not loaded yet. */
	gx_set_pte(a, second.lrca, 0);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(a, GPU_RCS0, GX_ELEMENT_SWITCH, first.id);
	assert_int_equal(gx_get(b, victim), 0);
}

static void the_register_that_names_the_domain_is_no_guests_business(void **state)
{
	static const uint32_t offsets[] = { GPU_RING_DOMAIN, GPU_RING_HWS_PGA_VGPU };
	struct gx_context ctx;
	unsigned int i;
	GUESTS(state);

	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_wait(&ctx, gx_alloc(a, 1));
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + GPU_RING_DOMAIN, 4),
			 vgpu_id(a->vgpu));
	for (i = 0; i < 2; i++) {
		uint32_t before = gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + offsets[i], 4);

		gx_set_reg(a, 0x2000 + offsets[i], vgpu_id(b->vgpu) << 12 | vgpu_id(b->vgpu));
		assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + offsets[i], 4), before);
		assert_int_equal(gx_reg(a, 0x2000 + offsets[i]), 0);
	}
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 4);
}

static void the_oa_unit_writes_for_no_guest(void **state)
{
	/* A timer, a ring where b has a page, and go; the last one is the unit's switch. */
	struct { uint32_t offset, value; } regs[] = {
		{ 0x2360, 0x3 }, { 0x2b0c, 0 }, { 0x2b10, 0 }, { 0x2b14, 1 }, { 0x2b00, 5 << 2 | 1 },
	};
	struct gx_context ctx;
	uint32_t victim, i;
	GUESTS(state);

	victim = gx_alloc(b, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	for (i = 1; i < 4; i++)
		regs[i].value |= victim;
	for (i = 0; i < 5; i++)
		gx_emit(&ctx, 4, 0x22u << 23 | 1, regs[i].offset, regs[i].value, 0u);
	gx_emit_wait(&ctx, gx_alloc(a, 1));
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	/* By commands, and then by the CPU while a has the engine. */
	for (i = 0; i < 5; i++)
		gx_set_reg(a, regs[i].offset, regs[i].value);
	gx->now_ns += 1000000;
	assert_int_equal(gx_reg(a, 0x2b10), victim);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2b10, 4), 0);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2b00, 4), 0);
	assert_int_equal(gx_get(b, victim), 0);
}

static void run_once(struct gx_guest *guest)
{
	struct gx_context ctx;

	gx_context_init(&ctx, guest, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(guest->gx, GPU_RCS0);
}

/* The image's position, the clocks, the status buffer: nothing that a guest chose. */
static bool differs_by_nature(uint32_t offset, const char *name)
{
	return (!strncmp(name, "RING_", 5) && strncmp(name, "RING_FORCE", 10)) ||
	       !strncmp(name, "GEN8_RING_PDP", 13) || (offset & ~0xfffu) == 0xa000 ||
	       offset >= 0x138000;
}

static void no_register_carries_anything_to_the_next_owner(void **state)
{
	uint32_t *before = calloc(GPU_MMIO_SIZE / 4, 4), offset;
	struct gpu_reg_info info;
	struct gpu *gpu;
	GUESTS(state);

	gpu = gvt_gpu(gx->gvt);
	run_once(a);
	run_once(b);
	for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4)
		if (gpu_reg_info(GPU_SKL, offset, &info))
			before[offset / 4] = gpu_mmio_read(gpu, offset, 4);
	/* A ring that tries all of them; what is not its context's is refused. */
	for (offset = 0; offset < GPU_MMIO_SIZE;) {
		struct gx_context ctx;

		gx_context_init(&ctx, a, GPU_RCS0);
		for (; offset < GPU_MMIO_SIZE && ctx.tail < 4000; offset += 4)
			if (gpu_reg_info(GPU_SKL, offset, &info) && (offset & 0xfff) != 0x244)
				gx_emit(&ctx, 3, 0x22u << 23 | 1, offset, 0xffff5a5au);
		gx_emit(&ctx, 2 - ctx.tail / 4 % 2, 0u, 0u);
		gx_submit(&ctx, NULL);
		gx_run(gx, GPU_RCS0);
	}
	run_once(b);
	for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4)
		if (gpu_reg_info(GPU_SKL, offset, &info) && !differs_by_nature(offset, info.name) &&
		    before[offset / 4] != gpu_mmio_read(gpu, offset, 4))
			fail_msg("register 0x%x (%s) kept 0x%x", offset, info.name,
				 (uint32_t)gpu_mmio_read(gpu, offset, 4));
	free(before);
}

static void nothing_in_the_engine_survives_a_reset_or_a_change_of_owner(void **state)
{
	/* General purpose, statistics, the 3D pipeline's. */
	static const uint32_t regs[] = { 0x2600, 0x2300, 0x2430, 0x7000 };
	struct gx_context dirty, clean;
	unsigned int way, i;
	uint32_t out;
	GUESTS(state);

	/* Neither is new to the engine. */
	run_once(a);
	run_once(b);
	for (way = 0; way < 3; way++) {
		struct gx_guest *next = way == 2 ? b : a;

		out = gx_alloc(next, 1);
		gx_context_init(&dirty, a, GPU_RCS0);
		for (i = 0; i < 4; i++)
			gx_emit(&dirty, 4, 0x22u << 23 | 1, regs[i], 0xffff1234u, 0u);
		gx_submit(&dirty, NULL);
		gx_run(gx, GPU_RCS0);
		for (i = 0; i < 4; i++)
			assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), regs[i], 2), 0x1234);
		if (way < 2) {
			gx_set_reg(a, 0x941c, way ? 1 : 2);
			gx_start(a);
		}
		/* The first restore of a context is inhibited: it starts with what is there. */
		gx_context_init(&clean, next, GPU_RCS0);
		for (i = 0; i < 4; i++)
			gx_emit(&clean, 4, 0x24u << 23 | 1u << 22 | 2, regs[i], out + 4 * i, 0u);
		gx_submit(&clean, NULL);
		gx_run(gx, GPU_RCS0);
		for (i = 0; i < 4; i++)
			assert_int_equal(gx_get(next, out + 4 * i), 0);
	}
}

static void an_engine_that_reports_when_its_owners_time_is_up_does_not_wait_for_itself(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, out;
	unsigned int i;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	out = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	/* An interrupt, and enough commands for it to be delivered before the slice is over. */
	gx_emit_wait(&ca, flag);
	gx_emit_interrupt(&ca);
	for (i = 0; i < 100; i++)
		gx_emit(&ca, 1, 0u);
	gx_emit_wait(&ca, flag + 4);
	gx_emit_store(&cb, out, 7);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_submit(&cb, NULL);
	gx_set(a, flag, 1);
	gx->now_ns += 6000000000ull;
	alarm(10);
	gx_run(gx, GPU_RCS0);
	alarm(0);
	assert_int_equal(gx_get(b, out), 7);
	assert_int_equal(gx_reg(a, 0x44308) & 1, 1);
}

static void a_stopped_ring_does_not_stop_the_others(void **state)
{
	struct gx_context ca, cb;
	unsigned int kicks;
	uint64_t poll_ns;
	uint32_t out;
	GUESTS(state);

	gx_wait_and_store(gx, &ca, &cb, NULL, &out);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_set_reg(a, 0x209c, 0x01000100);
	gx_run(gx, GPU_RCS0);
	/* Neither guest touches anything from here on: the engine's thread is called. */
	kicks = gx->kicks[GPU_RCS0];
	gx_submit(&cb, NULL);
	assert_int_not_equal(gx->kicks[GPU_RCS0], kicks);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(b, out), 3);
	gx_expect_run(&cb);
	assert_int_equal(gx_reg(a, 0x209c) & 0x300, 0x300);
	assert_int_not_equal(gx_reg(a, 0x2234) & 0x18, 0);
	/* There is nothing to do, and nobody watches. */
	assert_false(gvt_engine_run(gx->gvt, GPU_RCS0, 100, &poll_ns));
	assert_int_equal(poll_ns, 0);
}

static void memory_that_a_guest_loses_stops_no_other_one(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, out;
	unsigned int kicks;
	GUESTS(state);

	gx_wait_and_store(gx, &ca, &cb, &flag, &out);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	/* An engine that was stopped is called again. */
	kicks = gx->kicks[GPU_RCS0];
	vgpu_invalidate_host_pages(b->vgpu);
	assert_int_equal(gx->kicks[GPU_RCS0], kicks);
	vgpu_invalidate_host_pages(a->vgpu);
	assert_int_equal(gx->kicks[GPU_RCS0], kicks + 1);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&ca);
}

static void a_ring_that_stopped_itself_can_be_started_by_its_driver(void **state)
{
	struct gx_context ctx;
	uint32_t out;
	GUESTS(state);

	(void)b;
	out = gx_alloc(a, 1);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit(&ctx, 4, 0x22u << 23 | 1, 0x209c, 0x01000100u, 0u);
	gx_emit_store(&ctx, out, 5);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, out), 0);
	gx_set_reg(a, 0x209c, 0x01000000);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, out), 5);
}

static void an_engine_at_a_page_fault_goes_to_who_waits_at_once(void **state)
{
	struct gx_context ca, cb;
	unsigned int order;
	uint32_t out;
	GUESTS(state);

	out = gx_alloc(b, 1);
	for (order = 0; order < 2; order++) {
		gx_context_init(&ca, a, GPU_RCS0);
		gx_context_init(&cb, b, GPU_RCS0);
		gx_emit_store(&ca, 0xfffff000u, 1);
		gx_emit_store(&cb, out, 3 + order);
		gx_submit(&ca, NULL);
		/* The other one waits before it happens, or comes after. */
		if (order)
			gx_run(gx, GPU_RCS0);
		gx_submit(&cb, NULL);
		gx_run(gx, GPU_RCS0);
		assert_int_equal(gx_get(b, out), 3 + order);
		assert_true(gx_logged(gx, "vgpu1: rcs0: page fault"));
		gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
		gx_expect_no_event(a, GPU_RCS0);
		assert_int_equal(gx_reg(a, 0x209c) & 1u << 9, 0);
		gx_set_reg(a, 0x941c, 2);
		gx_start(a);
	}
}

/* What is wrong with a submission, and what the mediator says. */
static const struct refusal {
	const char *name, *log;
	int hole;		/* page of the context that is not mapped, -1: none */
	unsigned int dword;	/* of the image, set to value */
	uint32_t value;
	uint64_t desc_clear;
	int64_t move;		/* of the LRCA, bytes */
} refusals[] = {
	{ "no valid first element", "first element is empty", -1, 0, 0, 1, 0 },
	{ "no PPGTT", "without a PPGTT", -1, 0, 0, 1u << 8, 0 },
	{ "LRCA outside", "context lies outside", -1, 0, 0, 0, -0x4000000 },
	{ "PPHWSP not mapped", "not mapped", 0, 0, 0, 0, 0 },
	{ "last page not mapped", "not mapped", 21, 0, 0, 0, 0 },
	{ "ring outside", "ring lies outside", -1, 0x09, 0x1000, 0, 0 },
	{ "ring in the other guest's part", "ring lies outside", -1, 0x09, 0x40000000, 0, 0 },
	{ "ring misaligned", "ring lies outside", -1, 0x09, 0x28000010, 0, 0 },
	{ "per-context batch outside", "per-context batch", -1, 0x19, 0x1001, 0, 0 },
	{ "indirect context outside", "indirect context", -1, 0x1b, 0x1001, 0, 0 },
};

static void a_bad_submission_hangs_its_own_engine_only(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct gx_context ca, cb;
		void *st;

		gx_setup(&st);
		{
			GUESTS(&st);

			gx_context_init(&ca, a, GPU_RCS0);
			gx_context_init(&cb, b, GPU_RCS0);
			gx_emit_interrupt(&ca);
			gx_emit_interrupt(&cb);
			if (r->dword)
				gx_set(a, ca.lrca + GPU_PAGE_SIZE + 4 * r->dword, r->value);
			/* The tail is written through the guest's entries: unmap after. */
			gx_set(a, ca.lrca + GPU_PAGE_SIZE + 4 * 7, ca.tail);
			if (r->hole >= 0)
				gx_set_pte(a, ca.lrca + r->hole * GPU_PAGE_SIZE, 0);
			ca.desc &= ~r->desc_clear;
			ca.desc += r->move;
			gx_set_reg(a, 0x2230, 0);
			gx_set_reg(a, 0x2230, 0);
			gx_set_reg(a, 0x2230, ca.desc >> 32);
			gx_set_reg(a, 0x2230, (uint32_t)ca.desc);
			gx_run(gx, GPU_RCS0);
			gx_expect_no_event(a, GPU_RCS0);
			if (!gx_logged(gx, r->log))
				fail_msg("%s: no line with '%s'", r->name, r->log);
			assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 1);

			/*
			 * A good one hangs as well now, until the reset; the other guest never
			 * noticed.
			 */
			gx_submit(&cb, NULL);
			gx_run(gx, GPU_RCS0);
			gx_expect_run(&cb);
			gx_context_init(&ca, a, GPU_RCS0);
			gx_emit_interrupt(&ca);
			gx_submit(&ca, NULL);
			gx_run(gx, GPU_RCS0);
			gx_expect_no_event(a, GPU_RCS0);
			gx_set_reg(a, 0x941c, 2);
			gx_start(a);
			gx_submit(&ca, NULL);
			gx_run(gx, GPU_RCS0);
			gx_expect_run(&ca);
		}
		gx_teardown(&st);
	}
}

static void a_command_stream_of_one_guest_cannot_be_seen_by_the_other(void **state)
{
	struct gx_context ca, cb;
	GUESTS(state);

	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_wait(&ca, gx_alloc(a, 1));
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_not_equal(gx_reg(a, 0x2068), 0);	/* RING_IPEHR */
	assert_int_equal(gx_reg(a, 0x2038), ca.ring);
	assert_int_equal(gx_reg(b, 0x2068), 0);
	assert_int_equal(gx_reg(b, 0x2074), 0);
	assert_int_equal(gx_reg(b, 0x2038), 0);
	assert_int_equal(gx_reg(b, 0x2234) & 0x1e001c, 0);
	assert_int_not_equal(gx_reg(a, 0x2234) & 0x60018, 0);
	/* Idle for the one, busy for the other. */
	assert_int_equal(gx_reg(b, 0x209c) & 1u << 9, 1u << 9);
	assert_int_equal(gx_reg(a, 0x209c) & 1u << 9, 0);
}

static unsigned int lines_with(const struct gx *gx, const char *text)
{
	unsigned int i, lines = 0;

	for (i = 0; i < GX_LOG_LINES; i++)
		lines += strstr(gx->log[i], text) ? 1 : 0;
	return lines;
}

static void what_is_refused_to_a_submission_is_told_when_it_ends_whoever_ran_meanwhile(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag;
	unsigned int i;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	for (i = 0; i < 3; i++)
		gx_emit(&ca, 4, 0x22u << 23 | 1, 0x100000u, 1u, 0u);
	gx_emit_wait(&ca, flag);
	gx_emit_interrupt(&cb);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_COMMAND), 3);
	gx_submit(&cb, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&cb);
	assert_int_equal(lines_with(gx, "more registers refused"), 0);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&ca);
	assert_int_equal(lines_with(gx, "vgpu1: rcs0: MI_LOAD_REGISTER_IMM of register 0x1"), 1);
	assert_int_equal(lines_with(gx, "vgpu1: rcs0: ... and 2 more registers refused"), 1);
	assert_int_equal(lines_with(gx, "vgpu2"), 0);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_COMMAND), 3);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 0);
	assert_int_equal(stats_get(b->stats, STATS_VIOLATION_COMMAND), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_context_whose_page_is_unmapped_later_gains_nothing),
		T(no_register_carries_anything_to_the_next_owner),
		T(nothing_in_the_engine_survives_a_reset_or_a_change_of_owner),
		T(an_engine_that_reports_when_its_owners_time_is_up_does_not_wait_for_itself),
		T(the_register_that_names_the_domain_is_no_guests_business),
		T(the_oa_unit_writes_for_no_guest),
		T(a_stopped_ring_does_not_stop_the_others),
		T(memory_that_a_guest_loses_stops_no_other_one),
		T(a_ring_that_stopped_itself_can_be_started_by_its_driver),
		T(an_engine_at_a_page_fault_goes_to_who_waits_at_once),
		cmocka_unit_test(a_bad_submission_hangs_its_own_engine_only),
		T(a_command_stream_of_one_guest_cannot_be_seen_by_the_other),
		T(what_is_refused_to_a_submission_is_told_when_it_ends_whoever_ran_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
