// SPDX-License-Identifier: MIT
/* Tests of gpu/engine.c and gpu/reset.c: slices, halts, hangs and their report, resets. */
#include "fixture.h"

#define MI_NOOP			0u
#define MI_ARB_CHECK		(0x05u << 23)
#define MI_BB_START_PPGTT	(0x31u << 23 | 1u << 8 | 1)
#define MI_STORE_DWORD_GGTT	(0x20u << 23 | 1u << 22 | 2)
#define MI_WAIT_GGTT_EQ		(0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2)
#define MI_INVALID		(0x7eu << 23)
#define MI_LRI1			(0x22u << 23 | 1)
#define MI_SRM_GGTT		(0x24u << 23 | 1u << 22 | 2)
#define WAIT_SEMAPHORE		(1u << 10)
#define MODE_IDLE		(1u << 9)
#define STOP_RING		(1u << 8)

struct rig {
	struct fx *fx;
	enum gpu_engine_id engine;
	uint32_t base, hwsp, result;
	struct fx_context a;
};

static void rig_init(struct rig *r, struct fx *fx, enum gpu_engine_id engine)
{
	r->fx = fx;
	r->engine = engine;
	r->base = fx_base(engine);
	r->hwsp = fx_hwsp(fx, engine);
	r->result = fx_ggtt_alloc(fx, 0, 1);
	fx_context_init(fx, &r->a, engine, 0);
}

static void store(struct rig *r, unsigned int n, uint32_t value)
{
	fx_emit(&r->a, 4, MI_STORE_DWORD_GGTT, r->result + 4 * n, 0u, value);
}

static uint32_t slot(struct rig *r, unsigned int n)
{
	return fx_read(r->fx, r->result + 4 * n);
}

static uint32_t reg(struct rig *r, uint32_t offset)
{
	return fx_reg(r->fx, r->base + offset);
}

/* Is there more to execute on @engine, at once or (a loop that waits for memory) a little later? */
static bool goes_on(struct rig *r, enum gpu_engine_id engine)
{
	uint64_t poll_ns;

	return gpu_engine_run(r->fx->gpu, engine, 10, &poll_ns) || poll_ns;
}

/* A batch that jumps to itself. */
static void spin(struct rig *r)
{
	uint64_t page = fx_alloc(r->fx, r->a.domain, 1);
	uint32_t *cs = fx_mem(r->fx, r->a.domain, page);

	fx_ppgtt_map(&r->a, 0x100000, page, 1, 0);
	cs[0] = MI_ARB_CHECK;
	cs[1] = MI_BB_START_PPGTT;
	cs[2] = 0x100000;
	fx_emit(&r->a, 4, MI_BB_START_PPGTT, 0x100000u, 0u, MI_NOOP);
}

static void a_slice_executes_no_more_than_its_budget(void **state)
{
	struct rig r;
	uint64_t poll;
	unsigned int i;

	rig_init(&r, *state, GPU_RCS0);
	for (i = 0; i < 10; i++)
		store(&r, i, 1);
	fx_submit(r.fx, &r.a, NULL);
	assert_true(gpu_engine_run(r.fx->gpu, GPU_RCS0, 4, &poll));
	assert_int_equal(slot(&r, 3), 1);
	assert_int_equal(slot(&r, 4), 0);
	assert_int_equal(reg(&r, 0x34), 4 * 16);	/* RING_HEAD is live */
	assert_int_equal(reg(&r, 0x30), 160);
	assert_int_equal(reg(&r, 0x38), r.a.ring);
	assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, 0);
	assert_int_equal(reg(&r, 0x6c) & 1, 0);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 9), 1);
	assert_int_equal(reg(&r, 0x34), reg(&r, 0x30));
	assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, MODE_IDLE);
	assert_int_equal(reg(&r, 0x6c), 0xffffffff);
}

/* Submit what the ring holds; in how many slices it is executed, of which the last one stores. */
static unsigned int slices_of(struct rig *r)
{
	unsigned int slices;
	uint64_t poll;

	store(r, 0, 1);
	fx_submit(r->fx, &r->a, NULL);
	for (slices = 0; gpu_engine_run(r->fx->gpu, GPU_BCS0, 1000, &poll); slices++)
		assert_int_equal(slot(r, 0), 0);
	assert_int_equal(slot(r, 0), 1);
	return slices;
}

/* A fill of @rows rows of @pixels, all onto the same page (XY_COLOR_BLT). */
static void fill(struct rig *r, unsigned int pixels, unsigned int rows)
{
	fx_emit(&r->a, 8, 2u << 29 | 0x50u << 22 | 3u << 20 | 5, 3u << 24 | 0xf0u << 16, 0u,
		rows << 16 | pixels, 0x100000u, 0u, 0x77u, MI_NOOP);
}

static void rig_with_page(struct rig *r, struct fx *fx)
{
	rig_init(r, fx, GPU_BCS0);
	fx_ppgtt_map(&r->a, 0x100000, fx_alloc(r->fx, 0, 1), 1, 0);
}

static void a_slice_ends_in_the_middle_of_a_huge_blit(void **state)
{
	struct rig r;

	rig_with_page(&r, *state);
	fill(&r, 1024, 32767);	/* 128 MiB */
	assert_in_range(slices_of(&r), 16, 64);
}

/* A row of one pixel moves four bytes and takes as long as one of hundreds. */
static void a_slice_ends_in_the_middle_of_a_blit_of_many_short_rows(void **state)
{
	struct rig r;

	rig_with_page(&r, *state);
	fill(&r, 1, 32767);	/* 128 KiB */
	assert_in_range(slices_of(&r), 3, 16);
}

/* Whatever takes long, the engine's other guests get their turn. */
static void a_slice_ends_after_half_a_millisecond(void **state)
{
	struct rig r;
	unsigned int i;

	rig_init(&r, *state, GPU_BCS0);
	for (i = 0; i < 400; i++)
		fx_emit(&r.a, 1, MI_NOOP);
	r.fx->tick_ns = 100000;
	assert_in_range(slices_of(&r), 4, 40);
}

/* Each is done in one go, but a slice is not to be as long as its budget of them. */
static void a_slice_ends_after_some_large_blits(void **state)
{
	const unsigned int blits = 64;
	struct rig r;
	unsigned int i;

	rig_with_page(&r, *state);
	for (i = 0; i < blits; i++)
		fill(&r, 1024, 512);	/* 2 MiB each */
	assert_in_range(slices_of(&r), blits / 2 - 1, blits);
}

static void an_idle_engine_has_nothing_to_run(void **state)
{
	struct fx *fx = *state;
	enum gpu_engine_id engine;
	uint64_t poll = 1;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		assert_false(gpu_engine_run(fx->gpu, engine, 100, &poll));
		assert_int_equal(poll, 0);
		assert_int_equal(fx_reg(fx, fx_base(engine) + 0x9c) & MODE_IDLE, MODE_IDLE);
	}
}

static void a_wait_is_spun_first_and_then_polled_ever_more_rarely(void **state)
{
	struct rig r;
	uint64_t first, later;

	rig_init(&r, *state, GPU_RCS0);
	fx_emit(&r.a, 4, MI_WAIT_GGTT_EQ, 1u, r.result, 0u);
	store(&r, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	r.fx->tick_ns = 1000;
	first = fx_run_bounded(r.fx, GPU_RCS0, 3);
	assert_in_range(first, 1, 100000);
	r.fx->now_ns += 10000000;
	later = fx_run_bounded(r.fx, GPU_RCS0, 1);
	assert_in_range(later, first + 1, 100000);
	fx_write(r.fx, r.result, 1);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 1), 1);
}

static void ring_ctl_says_that_the_engine_waits_for_a_semaphore(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0);
	fx_emit(&r.a, 4, MI_WAIT_GGTT_EQ, 1u, r.result, 0u);
	fx_emit(&r.a, 4, MI_SRM_GGTT, r.base + 0x3c, r.result + 4, 0u);
	fx_submit(r.fx, &r.a, NULL);
	assert_int_equal(reg(&r, 0x3c) & WAIT_SEMAPHORE, 0);
	fx_run_bounded(r.fx, GPU_VCS0, 1);
	assert_int_equal(reg(&r, 0x3c) & WAIT_SEMAPHORE, WAIT_SEMAPHORE);
	fx_write(r.fx, r.result, 1);
	fx_run(r.fx, GPU_VCS0);
	assert_int_equal(reg(&r, 0x3c) & WAIT_SEMAPHORE, 0);
	assert_int_equal(slot(&r, 1), fx_ctx_get(&r.a, FX_CTX_CTL));	/* who reads it works */
}

static void an_engine_that_is_reset_at_a_semaphore_does_not_wait(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0);
	fx_emit(&r.a, 4, MI_WAIT_GGTT_EQ, 1u, r.result, 0u);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, GPU_VCS0, 1);
	fx_set_reg(r.fx, 0x941c, 1u << 2);		/* GDRST: the video engine */
	assert_int_equal(reg(&r, 0x3c) & WAIT_SEMAPHORE, 0);
	fx_set_reg(r.fx, r.base + 0x3c, 0xffffffff);
	assert_int_equal(reg(&r, 0x3c) & WAIT_SEMAPHORE, 0);
}

static void stop_ring_halts_at_the_next_command_and_lets_go_on(void **state)
{
	struct rig r;
	unsigned int kicks;

	rig_init(&r, *state, GPU_RCS0);
	store(&r, 0, 1);
	store(&r, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	gpu_engine_run(r.fx->gpu, GPU_RCS0, 1, &(uint64_t){ 0 });
	fx_set_reg(r.fx, 0x209c, STOP_RING << 16 | STOP_RING);
	assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, MODE_IDLE);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 1), 0);
	kicks = r.fx->kicks[GPU_RCS0];
	fx_set_reg(r.fx, 0x209c, STOP_RING << 16);
	assert_int_equal(r.fx->kicks[GPU_RCS0], kicks + 1);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 1), 1);
}

static void an_invalid_command_halts_the_engine_and_raises_the_error_interrupt(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_BCS0);
	fx_set_reg(r.fx, r.base + 0xb4, ~1u);			/* EMR: instruction errors */
	fx_set_reg(r.fx, r.base + 0xa8, ~(0x108u << 16));
	fx_set_reg(r.fx, 0x44304, 0);
	store(&r, 0, 1);
	fx_emit(&r.a, 2, MI_INVALID, MI_NOOP);
	store(&r, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, GPU_BCS0);
	assert_int_equal(slot(&r, 0), 1);
	assert_int_equal(slot(&r, 1), 0);
	assert_int_equal(reg(&r, 0xb0), 1);
	assert_int_equal(reg(&r, 0xb8), 1);
	assert_int_equal(reg(&r, 0x68), MI_INVALID);
	assert_int_equal(fx_reg(r.fx, 0x44308) & 8u << 16, 8u << 16);
	assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, 0);
	assert_int_equal(reg(&r, 0x234) >> 18 & 1, 1);
	assert_int_equal(reg(&r, 0x238), r.a.desc >> 32);

	/* i915 execlists_irq_handler(): mask, then clear; while unmasked it comes back. */
	fx_set_reg(r.fx, r.base + 0xb0, 1);
	assert_int_equal(reg(&r, 0xb0), 1);
	fx_set_reg(r.fx, r.base + 0xb4, ~0u);
	fx_set_reg(r.fx, r.base + 0xb0, 1);
	assert_int_equal(reg(&r, 0xb0), 0);
	/* Running it again changes nothing and reports nothing twice. */
	fx_set_reg(r.fx, 0x44308, ~0u);
	fx_run(r.fx, GPU_BCS0);
	assert_int_equal(fx_reg(r.fx, 0x44308), 0);
}

static void a_masked_error_stays_in_esr(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	fx_emit(&r.a, 2, MI_INVALID, MI_NOOP);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(reg(&r, 0xb0), 0);
	assert_int_equal(reg(&r, 0xb8), 1);
	fx_set_reg(r.fx, 0x20b4, ~1u);
	assert_int_equal(reg(&r, 0xb0), 1);
}

static void a_page_fault_halts_without_an_instruction_error(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	fx_set_reg(r.fx, 0x20b4, ~1u);
	fx_emit(&r.a, 4, 0x20u << 23 | 2, 0x123000u, 0u, 1u);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(reg(&r, 0xb0), 0);
	assert_int_equal(fx_reg(r.fx, 0x4094) & 1, 1);
	assert_int_equal(reg(&r, 0x234) >> 18 & 1, 1);
}

/*
 * i915 gen8_reset_engines(): RESET_CTL request -> ready, GDRST, request withdrawn, then the driver
 * starts anew.
 */
static void the_drivers_engine_reset_sequence_recovers_a_spinning_engine(void **state)
{
	static const uint32_t domain[GPU_NUM_ENGINES] = { 1u << 1, 1u << 3, 1u << 2, 1u << 4 };
	enum gpu_engine_id engine;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		struct rig r, other;
		enum gpu_engine_id neighbour = (engine + 1) % GPU_NUM_ENGINES;

		rig_init(&other, *state, neighbour);
		spin(&other);
		fx_submit(other.fx, &other.a, NULL);
		fx_run_bounded(other.fx, neighbour, 1);
		rig_init(&r, *state, engine);
		spin(&r);
		fx_submit(r.fx, &r.a, NULL);
		fx_run_bounded(r.fx, engine, 3);
		assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, 0);

		fx_set_reg(r.fx, r.base + 0xd0, 1u << 16 | 1);
		assert_int_equal(reg(&r, 0xd0) & 2, 2);
		assert_false(gpu_engine_run(r.fx->gpu, engine, 100, &(uint64_t){ 0 }));
		fx_set_reg(r.fx, 0x941c, domain[engine]);
		assert_int_equal(fx_reg(r.fx, 0x941c), 0);
		fx_set_reg(r.fx, r.base + 0xd0, 1u << 16);
		assert_int_equal(reg(&r, 0xd0), 0);
		assert_int_equal(reg(&r, 0x9c) & MODE_IDLE, MODE_IDLE);
		assert_int_equal(reg(&r, 0x80), 0);
		assert_int_equal(reg(&r, 0x3a0), 0x505);
		/* The neighbour spins on. */
		assert_int_equal(fx_reg(r.fx, fx_base(neighbour) + 0x234) >> 18 & 1, 1);
		assert_true(goes_on(&r, neighbour));
		fx_set_reg(r.fx, 0x941c, 1);

		rig_init(&r, *state, engine);
		store(&r, 0, 5);
		fx_submit(r.fx, &r.a, NULL);
		fx_run(r.fx, engine);
		assert_int_equal(slot(&r, 0), 5);
	}
}

static void a_withdrawn_reset_request_lets_the_engine_go_on(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0);
	store(&r, 0, 1);
	store(&r, 1, 1);
	fx_submit(r.fx, &r.a, NULL);
	gpu_engine_run(r.fx->gpu, GPU_VCS0, 1, &(uint64_t){ 0 });
	fx_set_reg(r.fx, r.base + 0xd0, 1u << 16 | 1);
	fx_run(r.fx, GPU_VCS0);
	assert_int_equal(slot(&r, 1), 0);
	fx_set_reg(r.fx, r.base + 0xd0, 1u << 16);
	fx_run(r.fx, GPU_VCS0);
	assert_int_equal(slot(&r, 1), 1);
}

static void a_full_reset_stops_all_engines_and_leaves_the_guc_in_reset(void **state)
{
	struct fx *fx = *state;
	struct rig r[GPU_NUM_ENGINES];
	unsigned int i;

	fx_set_reg(fx, 0x44304, 0x1234);
	fx_set_reg(fx, 0x100000, 1);	/* a fence */
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		rig_init(&r[i], fx, i);
		spin(&r[i]);
		fx_submit(fx, &r[i].a, NULL);
		fx_run_bounded(fx, i, 1);
	}
	fx_set_reg(fx, 0x941c, 1);
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		assert_false(gpu_engine_run(fx->gpu, i, 10, &(uint64_t){ 0 }));
		assert_int_equal(reg(&r[i], 0x234) & (1u << 2 | 3u << 3 | 3u << 17), 0);
	}
	assert_int_equal(fx_reg(fx, 0xc000) & 1, 1);
	assert_int_equal(fx_reg(fx, 0x44304), 0x1234);	/* interrupt masks survive */
	assert_int_equal(fx_reg(fx, 0x100000), 0);
}

static void a_command_stream_cannot_reset_or_submit(void **state)
{
	static const uint32_t regs[][2] = { { 0x941c, 1 }, { 0x20d0, 0x10001 }, { 0x220d0, 0x10001 } };
	struct fx_context other;
	struct rig r;
	unsigned int i;

	rig_init(&r, *state, GPU_RCS0);
	fx_context_init(r.fx, &other, GPU_RCS0, 0);
	fx_emit(&other, 4, MI_STORE_DWORD_GGTT, r.result + 4, 0u, 1u);
	fx_ctx_set(&other, FX_CTX_TAIL, other.tail);
	for (i = 0; i < 3; i++)
		fx_emit(&r.a, 4, MI_LRI1, regs[i][0], regs[i][1], MI_NOOP);
	/* Four writes make a submission. */
	fx_emit(&r.a, 10, MI_LRI1 + 6, 0x2230u, 0u, 0x2230u, 0u, 0x2230u,
		(uint32_t)(other.desc >> 32), 0x2230u, (uint32_t)other.desc, MI_NOOP);
	store(&r, 0, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 0), 1);
	assert_int_equal(slot(&r, 1), 0);
	assert_int_equal(fx_reg(r.fx, 0x220d0), 0);
}

static void writes_to_fences_and_tlb_registers_do_not_disturb_a_runner(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0);
	spin(&r);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, GPU_RCS0, 1);
	gpu_invalidate_host_pages(r.fx->gpu, 0);
	fx_set_reg(r.fx, 0x101008, 1);
	assert_true(goes_on(&r, GPU_RCS0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
		T(a_slice_executes_no_more_than_its_budget),
		T(a_slice_ends_in_the_middle_of_a_huge_blit),
		T(a_slice_ends_in_the_middle_of_a_blit_of_many_short_rows),
		T(a_slice_ends_after_half_a_millisecond),
		T(a_slice_ends_after_some_large_blits),
		T(an_idle_engine_has_nothing_to_run),
		T(a_wait_is_spun_first_and_then_polled_ever_more_rarely),
		T(ring_ctl_says_that_the_engine_waits_for_a_semaphore),
		T(an_engine_that_is_reset_at_a_semaphore_does_not_wait),
		T(stop_ring_halts_at_the_next_command_and_lets_go_on),
		T(an_invalid_command_halts_the_engine_and_raises_the_error_interrupt),
		T(a_masked_error_stays_in_esr),
		T(a_page_fault_halts_without_an_instruction_error),
		T(the_drivers_engine_reset_sequence_recovers_a_spinning_engine),
		T(a_withdrawn_reset_request_lets_the_engine_go_on),
		T(a_full_reset_stops_all_engines_and_leaves_the_guc_in_reset),
		T(a_command_stream_cannot_reset_or_submit),
		T(writes_to_fences_and_tlb_registers_do_not_disturb_a_runner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
