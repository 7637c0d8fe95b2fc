// SPDX-License-Identifier: MIT
/*
 * Time on an engine: shares by weight, who may have it at once, and that nobody notices that its
 * work was taken off and put back.
 */

#include <glib.h>
#include <string.h>

#include "gvt_fixture.h"

#define MS		1000000ull
#define STEP_NS		50000ull	/* that a slice of commands takes */

#define MI(op)		((uint32_t)(op) << 23)
#define LRI(n)		(MI(0x22) | (2 * (n) - 1))
#define SDI		(MI(0x20) | 1u << 22 | 2)
#define SRM		(MI(0x24) | 1u << 22 | 2)
#define MATH(n)		(MI(0x1a) | ((n) - 1))
#define ARB_OFF		MI(0x08)
#define BATCH_START	(MI(0x31) | 1)
#define GPR(n)		(0x2600 + 8 * (n))

/* Small partitions, for as many guests as there can be. */
static struct gx_guest *add_small(struct gx *gx, unsigned int n, unsigned int weight)
{
	struct vgpu_config config = {
		.partition = { n << 20, 1 << 20, 0x10000000 + (n << 24), 1 << 24, 0, 1 },
		.weight = weight,
	};
	struct gx_guest *guest = gx_add(gx, n, config);

	gx_start(guest);
	return guest;
}

static int empty_setup(void **state)
{
	*state = gx_new(GPU_SKL);
	return 0;
}

/* Time passes, on an engine that is run meanwhile. */
static void run_for(struct gx *gx, enum gpu_engine_id engine, uint64_t ns)
{
	uint64_t until = gx->now_ns + ns, poll_ns;

	while (gx->now_ns < until) {
		gvt_engine_run(gx->gvt, engine, 100, &poll_ns);
		gx->now_ns += STEP_NS;
	}
}

static uint64_t engine_ns(const struct gx_guest *guest, enum gpu_engine_id engine)
{
	return stats_get(guest->stats, STATS_ENGINE_NS_0 + engine);
}

static uint64_t preempted(const struct gx_guest *guest, enum gpu_engine_id engine)
{
	return stats_get(guest->stats, STATS_PREEMPTED_0 + engine);
}

/*
 * A batch in the GGTT without any place where hardware would preempt: arbitration is off; it counts
 * in GPR 0 and stores that at *@count.
 */
static void submit_counter(struct gx_context *ctx, struct gx_guest *guest, uint32_t *count)
{
	uint32_t batch = gx_alloc(guest, 1), i;
	const uint32_t dwords[] = {
		MATH(4), 0x080u << 20 | 0x20 << 10 | 0, 0x080u << 20 | 0x21 << 10 | 1,
		0x100u << 20, 0x180u << 20 | 0 << 10 | 0x31,
		SRM, GPR(0), *count = gx_alloc(guest, 1), 0,
		BATCH_START, batch, 0,
	};

	for (i = 0; i < sizeof(dwords) / 4; i++)
		gx_set(guest, batch + 4 * i, dwords[i]);
	gx_context_init(ctx, guest, GPU_RCS0);
	gx_emit(ctx, 8, ARB_OFF, LRI(2), GPR(0), 0u, GPR(1), 1u, 0u, 0u);
	gx_emit(ctx, 4, BATCH_START, batch, 0u, 0u);
	gx_submit(ctx, NULL);
}

/* Of @total, in promille. */
static unsigned int share(uint64_t part, uint64_t total)
{
	return part * 1000 / total;
}

static void equal_weights_get_equal_time(void **state)
{
	struct gx *gx = *state;
	struct gx_context ctx[GVT_MAX_VGPUS];
	uint32_t count[GVT_MAX_VGPUS], sum = 0;
	unsigned int n, number;

	for (number = 2; number <= GVT_MAX_VGPUS; number += 3) {
		uint64_t before[GVT_MAX_VGPUS], total = 0;

		for (n = 0; n < number; n++) {
			if (!gx->guest[n].vgpu)
				submit_counter(&ctx[n], add_small(gx, n, 2), &count[n]);
			before[n] = engine_ns(&gx->guest[n], GPU_RCS0);
		}
		run_for(gx, GPU_RCS0, 500 * MS);
		for (n = 0; n < number; n++)
			total += engine_ns(&gx->guest[n], GPU_RCS0) - before[n];
		/* All of the time is somebody's. */
		assert_in_range(total, 495 * MS, 505 * MS);
		for (n = 0; n < number; n++)
			assert_in_range(share(engine_ns(&gx->guest[n], GPU_RCS0) - before[n], total),
					1000 / number - 10, 1000 / number + 10);
	}
	/* And time is work. */
	for (n = 5; n < GVT_MAX_VGPUS; n++)
		sum += gx_get(&gx->guest[n], count[n]);
	for (n = 5; n < GVT_MAX_VGPUS; n++)
		assert_in_range(share(gx_get(&gx->guest[n], count[n]), sum), 310, 357);
}

/* The slice is over before the reset, or not: what was executed is paid for. */
static void who_resets_its_engine_again_and_again_has_its_share_only(void **state)
{
	struct gx *gx = *state;
	struct gx_context patient, hasty;
	struct gx_guest *a = add_small(gx, 0, 2), *b = add_small(gx, 1, 2);
	uint64_t until = gx->now_ns + 500 * MS, end;
	uint32_t count, other;

	submit_counter(&patient, a, &count);
	submit_counter(&hasty, b, &other);
	while (gx->now_ns < until) {
		/* Nobody looks at the engine meanwhile but itself: no trap, no tick. */
		for (end = gx->now_ns + 400000; gx->now_ns < end; gx->now_ns += STEP_NS)
			gvt_engine_run(gx->gvt, GPU_RCS0, 100, &(uint64_t){ 0 });
		gx_set_reg(b, 0x941c, 2);
		gx_start(b);
		gx_submit(&hasty, NULL);
	}
	assert_in_range(share(engine_ns(a, GPU_RCS0), engine_ns(a, GPU_RCS0) + engine_ns(b, GPU_RCS0)), 450, 1000);
	assert_in_range(engine_ns(a, GPU_RCS0) + engine_ns(b, GPU_RCS0), 490 * MS, 505 * MS);
}

static void weights_are_shares(void **state)
{
	static const unsigned int weight[4] = { 1, 2, 4, 16 };
	struct gx *gx = *state;
	struct gx_context ctx;
	uint64_t total = 0;
	uint32_t count;
	unsigned int n;

	for (n = 0; n < 4; n++)
		submit_counter(&ctx, add_small(gx, n, weight[n]), &count);
	run_for(gx, GPU_RCS0, 2000 * MS);
	for (n = 0; n < 4; n++)
		total += engine_ns(&gx->guest[n], GPU_RCS0);
	for (n = 0; n < 4; n++)
		assert_in_range(share(engine_ns(&gx->guest[n], GPU_RCS0), total),
				weight[n] * 1000 / 23 - 12, weight[n] * 1000 / 23 + 12);
}

static void the_type_gives_the_weight(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *big = gx_add_type(gx, 0, "GVTg_V5_8"), *small;
	struct gx_context ctx;
	uint32_t count;

	/* A type's against that of a partition of one's own: 2 each; and one that was chosen. */
	small = add_small(gx, 1, 0);
	gx_start(big);
	submit_counter(&ctx, big, &count);
	submit_counter(&ctx, small, &count);
	run_for(gx, GPU_RCS0, 400 * MS);
	assert_in_range(engine_ns(small, GPU_RCS0), 190 * MS, 210 * MS);
	gx_remove(big);
	gx_start(big = gx_add_type(gx, 0, "GVTg_V5_4"));
	submit_counter(&ctx, big, &count);
	run_for(gx, GPU_RCS0, 600 * MS);
	assert_in_range(engine_ns(big, GPU_RCS0), 390 * MS, 410 * MS);
}

static void bad_weights_are_refused(void **state)
{
	struct gx *gx = *state;
	struct vgpu_config config = { .type = "GVTg_V5_8", .weight = 17 };
	char *error = NULL;

	assert_null(vgpu_new(gx->gvt, &config, &error));
	assert_string_equal(error, "weight=17: it can be 1 to 16");
	g_free(error);
}

static void who_wants_less_than_its_share_has_the_engine_at_once(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *spinner = add_small(gx, 0, 16), *modest = add_small(gx, 1, 2);
	struct gx_context spin, ctx;
	uint32_t count, out = gx_alloc(modest, 1);
	unsigned int i;

	submit_counter(&spin, spinner, &count);
	run_for(gx, GPU_RCS0, 100 * MS);
	gx_context_init(&ctx, modest, GPU_RCS0);
	for (i = 1; i <= 50; i++) {
		uint64_t since = gx->now_ns;

		gx_emit_store(&ctx, out, i);
		gx_submit(&ctx, NULL);
		while (gx_get(modest, out) != i && gx->now_ns < since + 10 * MS)
			run_for(gx, GPU_RCS0, STEP_NS);
		assert_in_range(gx->now_ns - since, 0, 3 * STEP_NS);
		/* One in twenty: well below the ninth that is its own. */
		run_for(gx, GPU_RCS0, 20 * STEP_NS);
		gx_expect_run(&ctx);
	}
	assert_true(preempted(spinner, GPU_RCS0) >= 50);
	assert_int_equal(preempted(modest, GPU_RCS0), 0);
}

static void idle_time_is_not_saved_up(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *worker = add_small(gx, 0, 2), *sleeper = add_small(gx, 1, 2);
	struct gx_context ctx, late;
	uint64_t before[2];
	uint32_t count;

	/* Both are known; then one sleeps for long. */
	gx_context_init(&ctx, sleeper, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	submit_counter(&ctx, worker, &count);
	run_for(gx, GPU_RCS0, 1000 * MS);
	submit_counter(&late, sleeper, &count);
	before[0] = engine_ns(worker, GPU_RCS0);
	before[1] = engine_ns(sleeper, GPU_RCS0);
	run_for(gx, GPU_RCS0, 20 * MS);
	/* Half of it, but for the one slice that it was owed. */
	assert_in_range(engine_ns(worker, GPU_RCS0) - before[0], 8 * MS, 11 * MS);
	assert_in_range(engine_ns(sleeper, GPU_RCS0) - before[1], 9 * MS, 12 * MS);
}

static void an_engine_alone_is_never_taken_away(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = add_small(gx, 0, 1), *other = add_small(gx, 1, 16);
	struct gx_context ctx, ctx2;
	uint32_t count;

	submit_counter(&ctx, guest, &count);
	gx_context_init(&ctx2, other, GPU_BCS0);
	gx_emit_wait(&ctx2, gx_alloc(other, 1));
	gx_submit(&ctx2, NULL);
	run_for(gx, GPU_RCS0, 100 * MS);
	run_for(gx, GPU_BCS0, 100 * MS);
	assert_int_equal(preempted(guest, GPU_RCS0), 0);
	assert_int_equal(preempted(other, GPU_BCS0), 0);
}

static void vgpus_that_come_and_go_leave_the_others_their_shares(void **state)
{
	struct gx *gx = *state;
	struct gx_context ctx;
	uint64_t before[2];
	uint32_t count;
	unsigned int n, round;

	for (n = 0; n < 2; n++)
		submit_counter(&ctx, add_small(gx, n, 2), &count);
	for (round = 0; round < 10; round++) {
		struct gx_guest *visitor = add_small(gx, 2, 4);

		run_for(gx, GPU_RCS0, 7 * MS);
		submit_counter(&ctx, visitor, &count);
		for (n = 0; n < 2; n++)
			before[n] = engine_ns(&gx->guest[n], GPU_RCS0);
		run_for(gx, GPU_RCS0, 80 * MS);
		for (n = 0; n < 2; n++)
			assert_in_range(engine_ns(&gx->guest[n], GPU_RCS0) - before[n], 17 * MS,
					23 * MS);
		assert_in_range(engine_ns(visitor, GPU_RCS0), 37 * MS, 43 * MS);
		/* Gone, or turned off, while it runs or is parked. */
		if (round % 2)
			vgpu_reset(visitor->vgpu);
		gx_remove(visitor);
	}
}

/* ---- what a guest could notice ---- */

/* All that a vGPU's registers say of an engine, but for clocks. */
static void read_engine(struct gx_guest *guest, uint32_t *regs)
{
	uint32_t offset;

	for (offset = 0; offset < 0x800; offset += 4)
		regs[offset / 4] = offset == GPU_RING_DOMAIN || offset == GPU_RING_HWS_PGA_VGPU ||
						   offset == 0x358 || offset == 0x35c ||
						   offset == 0x3a8 ?
					   0 : gx_reg(guest, 0x2000 + offset);
}

static void a_parked_engine_looks_to_its_guest_as_it_was(void **state)
{
	struct gx_context ca, cb, more;
	uint32_t before[0x200], after[0x200], flag, go, i, out;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&more, a, GPU_RCS0);
	gx_set_reg(a, 0x20e0, 0x00100010);
	gx_emit(&ca, 4, LRI(1), GPR(3), 0x1234u, 0u);
	gx_emit_wait(&ca, flag);
	gx_emit(&ca, 4, SRM, GPR(3), flag + 8, 0u);
	gx_submit(&ca, &more);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	read_engine(a, before);
	assert_int_not_equal(before[0x234 / 4] & 0x40018, 0);
	assert_int_equal(before[0x9c / 4] & 0x200, 0);

	out = gx_alloc(b, 1);
	go = gx_alloc(b, 1);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit(&cb, 4, SRM, GPR(3), out, 0u);
	gx_emit_wait(&cb, go);
	gx_submit(&cb, NULL);
	gvt_engine_run(gx->gvt, GPU_RCS0, 100, &(uint64_t){ 0 });
	gx_expect_event(b, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	assert_int_equal(preempted(a, GPU_RCS0), 1);
	read_engine(a, after);
	for (i = 0; i < 0x200; i++)
		if (before[i] != after[i])
			fail_msg("register 0x%x: 0x%x, now 0x%x", 0x2000 + 4 * i, before[i],
				 after[i]);
	gx_expect_no_event(a, GPU_RCS0);
	/* Its image is as it was, with HEAD at 0. */
	assert_int_equal(gx_get(a, ca.lrca + GPU_PAGE_SIZE + 4 * 5), 0);
	/* The other one found nothing of it. */
	assert_int_equal(gx_get(b, out), 0);

	gx_set(b, go, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(b, GPU_RCS0, GX_ACTIVE_IDLE, cb.id);
	gx_expect_no_event(a, GPU_RCS0);
	read_engine(a, after);
	assert_memory_equal(before, after, sizeof(before));
	/* The wait was reported once. */
	assert_int_equal(gx_reg(a, 0x44308) & 1u << 11, 1u << 11);
	gx_set_reg(a, 0x44308, 1u << 11);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a, flag + 8), 0x1234);
	gx_expect_event(a, GPU_RCS0, GX_ELEMENT_SWITCH, ca.id);
	gx_expect_event(a, GPU_RCS0, GX_ACTIVE_IDLE, more.id);
	gx_expect_no_event(a, GPU_RCS0);
	assert_int_equal(gx_reg(a, 0x44308) & 1u << 11, 0);
}

/* The guest comes in with a store, is owed a slice, and leaves again. */
static void come_and_leave(struct gx_context *ctx, uint32_t out, uint32_t value)
{
	struct gx *gx = ctx->guest->gx;
	uint32_t status = gx_base(ctx->engine) + 0x234;
	unsigned int steps = 1000;
	uint64_t poll_ns;

	gx_emit_store(ctx, out, value);
	gx->now_ns += 5 * MS;
	gx_submit(ctx, NULL);
	while (gx_get(ctx->guest, out) != value || gx_reg(ctx->guest, status) & 0x6001c) {
		gvt_engine_run(gx->gvt, ctx->engine, 1, &poll_ns);
		assert_true(--steps);
	}
	gx_expect_run(ctx);
}

/*
 * One guest runs all of it in one go, the other one is preempted after every command: both must
 * come to the same.
 */
static void preemption_at_every_command_changes_nothing(void **state)
{
	uint32_t image[2][1024], results[2][64];
	unsigned int way, i;

	(void)state;
	for (way = 0; way < 2; way++) {
		struct gx_context ca, cb;
		unsigned int steps = 0;
		uint32_t batch, out, go;
		uint64_t poll_ns;
		void *st;

		gx_setup(&st);
		{
			GUESTS(&st);

			out = gx_alloc(a, 1);
			batch = gx_alloc(a, 1);
			gx_context_init(&ca, a, GPU_RCS0);
			ca.id = 0x77;
			ca.desc = (uint64_t)ca.id << 32 | (uint32_t)ca.desc;
			/* Ring, batch, second level; predication, arithmetic, statistics. */
			for (i = 0; i < 16; i++)
				gx_emit(&ca, 4, LRI(1), GPR(i), 0x1000 * i + 1, 0u);
			gx_emit(&ca, 4, BATCH_START, batch, 0u, 0u);
			for (i = 0; i < 16; i++)
				gx_emit(&ca, 4, SRM, GPR(i), out + 4 * i, 0u);
			gx_emit(&ca, 4, SRM, 0x2418, out + 4 * 40, 0u);
			gx_emit_interrupt(&ca);
			{
				const uint32_t dwords[] = {
					MATH(4), 0x080u << 20 | 0x20 << 10 | 3,
					0x080u << 20 | 0x21 << 10 | 5, 0x100u << 20,
					0x180u << 20 | 7 << 10 | 0x31,
					LRI(2), 0x2400, 5, 0x2408, 5, MI(0x0c) | 2 << 6 | 2,
					LRI(1), 0x23bc, 0, MI(0x01) | 1,
					SDI, out + 4 * 41, 0, 1,	/* predicated away */
					MI(0x01), BATCH_START | 1u << 22, batch + 0x800, 0,
					SDI, out + 4 * 42, 0, 2, MI(0x0a),
				};
				const uint32_t second[] = {
					SDI, out + 4 * 43, 0, 3, LRI(1), GPR(9), 0x99, MI(0x0a),
				};

				for (i = 0; i < sizeof(dwords) / 4; i++)
					gx_set(a, batch + 4 * i, dwords[i]);
				for (i = 0; i < sizeof(second) / 4; i++)
					gx_set(a, batch + 0x800 + 4 * i, second[i]);
			}
			go = gx_alloc(b, 1);
			gx_context_init(&cb, b, GPU_RCS0);
			gx_submit(&ca, NULL);
			while (gx_reg(a, 0x2234) & 0x6001c) {
				assert_true(++steps < 200);
				gvt_engine_run(gx->gvt, GPU_RCS0, way ? 1 : 100, &poll_ns);
				if (way)
					come_and_leave(&cb, go, steps);
			}
			gx_expect_run(&ca);
			gx_expect_no_event(a, GPU_RCS0);
			if (way)
				assert_true(preempted(a, GPU_RCS0) > 40);
			else
				assert_int_equal(preempted(a, GPU_RCS0), 0);
			for (i = 0; i < 1024; i++)
				image[way][i] = gx_get(a, ca.lrca + GPU_PAGE_SIZE + 4 * i);
			for (i = 0; i < 64; i++)
				results[way][i] = gx_get(a, out + 4 * i);
		}
		gx_teardown(&st);
	}
	assert_memory_equal(results[0], results[1], sizeof(results[0]));
	assert_int_equal(results[0][7], 0x3001 + 0x5001);
	assert_int_equal(results[0][41], 0);
	assert_int_equal(results[0][42], 2);
	assert_int_equal(results[0][9], 0x99);
	for (i = 0; i < 1024; i++) {
		/* CTX_TIMESTAMP, RING_TIMESTAMP and MI_NOOPs of the layout: clocks only. */
		if (image[0][i] != image[1][i] && i != 0x23 && i != 0x5d)
			fail_msg("image dword 0x%x: 0x%x, preempted 0x%x", i, image[0][i],
				 image[1][i]);
	}
}

/* A copy onto itself: a row that is done twice shows. */
static void a_long_blit_goes_on_where_it_was(void **state)
{
	struct gx_context ca, cb;
	uint32_t out, pml4, pdp, pd, pt, i, steps = 0;
	uint64_t poll_ns;
	uint8_t *mem;
	GUESTS(state);

	/* 8 MiB at PPGTT address 0, all of them the same 2 pages: XOR with a colour, 2048 rows. */
	gx_context_init(&ca, a, GPU_BCS0);
	pml4 = gx_get(a, ca.lrca + GPU_PAGE_SIZE + 4 * 0x33);
	pdp = a->next_page++ << GPU_PAGE_SHIFT;
	pd = a->next_page++ << GPU_PAGE_SHIFT;
	mem = a->mem;
	*(uint64_t *)(mem + pml4) = pdp | 3;
	*(uint64_t *)(mem + pdp) = pd | 3;
	for (i = 0; i < 8; i++) {
		uint32_t page;

		pt = a->next_page++ << GPU_PAGE_SHIFT;
		*(uint64_t *)(mem + pd + 8 * i) = pt | 3;
		for (page = 0; page < 512; page++)
			*(uint64_t *)(mem + pt + 8 * page) = (uint64_t)(512 + (page & 1)) << 12 | 3;
	}
	/* 8 KiB a row: each row flips both pages. An odd number of rows leaves them flipped. */
	gx_emit(&ca, 8, 2u << 29 | 0x50u << 22 | 3u << 20 | 5, 3u << 24 | 0x5au << 16 | 8192u,
		0u, 2047u << 16 | 2048u, 0u, 0u, 0xffffffffu, 0u);
	out = gx_alloc(b, 1);
	gx_context_init(&cb, b, GPU_BCS0);
	gx_submit(&ca, NULL);
	while (gx_reg(a, 0x22234) & 0x6001c) {
		assert_true(++steps < 20);
		gvt_engine_run(gx->gvt, GPU_BCS0, 1, &poll_ns);
		come_and_leave(&cb, out, steps);
	}
	gx_expect_run(&ca);
	assert_in_range(preempted(a, GPU_BCS0), 2, 50);
	for (i = 0; i < 8192; i++)
		assert_int_equal(mem[(512 << 12) + i], 0xff);
}

static void a_contexts_clock_stands_still_while_it_is_parked(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, out, ticks;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	out = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_wait(&ca, flag);
	gx_emit_wait(&cb, out);
	gx_submit(&ca, NULL);
	run_for(gx, GPU_RCS0, 100 * MS);
	gx_submit(&cb, NULL);
	run_for(gx, GPU_RCS0, 1000 * MS);
	gx_set(a, flag, 1);
	run_for(gx, GPU_RCS0, 20 * MS);
	/* 100 ms and half of a second, at 12 MHz; it is saved two ticks on. */
	ticks = gx_get(a, ca.lrca + GPU_PAGE_SIZE + 4 * 0x23);
	assert_in_range(ticks, 590 * 12000, 610 * 12000);
}

static void what_a_guest_does_while_it_is_parked_counts(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, go;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	go = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	gx_emit_wait(&ca, flag);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_emit_wait(&cb, go);
	gx_submit(&cb, NULL);
	gvt_engine_run(gx->gvt, GPU_RCS0, 100, &(uint64_t){ 0 });
	assert_int_equal(preempted(a, GPU_RCS0), 1);

	/* More of the context that runs, a register, and the ring stopped. */
	gx_emit_store(&ca, flag + 4, 7);
	gx_emit(&ca, 4, SRM, 0x20e0, flag + 8, 0u);
	gx_submit(&ca, NULL);
	assert_int_equal(gx_reg(a, 0x2234) & 4, 4);
	gx_set_reg(a, 0x20e0, 0x00400040);
	gx_set_reg(a, 0x209c, 0x01000100);
	assert_int_equal(gx_reg(a, 0x209c) & 0x300, 0x300);
	gx_set(b, go, 1);
	gx_set(a, flag, 1);
	run_for(gx, GPU_RCS0, 100 * MS);
	gx_expect_run(&cb);
	gx_expect_no_event(a, GPU_RCS0);
	assert_int_equal(gx_get(a, flag + 4), 0);

	gx_set_reg(a, 0x209c, 0x01000000);
	run_for(gx, GPU_RCS0, 100 * MS);
	gx_expect_event(a, GPU_RCS0, GX_LITE_RESTORE, ca.id);
	gx_expect_event(a, GPU_RCS0, GX_ACTIVE_IDLE, ca.id);
	gx_expect_no_event(a, GPU_RCS0);
	assert_int_equal(gx_get(a, flag + 4), 7);
	assert_int_equal(gx_get(a, flag + 8), 0x40);
}

static void a_reset_of_a_parked_engine_ends_what_it_did(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, go;
	unsigned int way;
	GUESTS(state);

	for (way = 0; way < 3; way++) {
		flag = gx_alloc(a, 1);
		go = gx_alloc(b, 1);
		gx_context_init(&ca, a, GPU_RCS0);
		gx_context_init(&cb, b, GPU_RCS0);
		gx_emit_wait(&ca, flag);
		gx_emit_store(&ca, flag + 4, 7);
		gx_submit(&ca, NULL);
		gx_run(gx, GPU_RCS0);
		gx_emit_wait(&cb, go);
		gx_submit(&cb, NULL);
		gvt_engine_run(gx->gvt, GPU_RCS0, 100, &(uint64_t){ 0 });
		gx_expect_event(b, GPU_RCS0, GX_IDLE_ACTIVE, 0);

		if (way == 2)
			vgpu_reset(a->vgpu);
		else
			gx_set_reg(a, 0x941c, way ? 1 : 2);
		assert_int_equal(gx_reg(a, 0x2234) & 0x6001c, 0);
		if (way < 2)
			gx_set(a, flag, 1);
		gx_set(b, go, 1);
		run_for(gx, GPU_RCS0, 20 * MS);
		gx_expect_event(b, GPU_RCS0, GX_ACTIVE_IDLE, cb.id);
		gx_expect_no_event(b, GPU_RCS0);
		if (way == 2)
			break;
		assert_int_equal(gx_get(a, flag + 4), 0);
		gx_start(a);
		gx_submit(&ca, NULL);
		run_for(gx, GPU_RCS0, 20 * MS);
		assert_int_equal(gx_get(a, flag + 4), 7);
		gx_expect_run(&ca);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)
#define EMPTY(f) cmocka_unit_test_setup_teardown(f, empty_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EMPTY(equal_weights_get_equal_time),
		EMPTY(who_resets_its_engine_again_and_again_has_its_share_only),
		EMPTY(weights_are_shares),
		EMPTY(the_type_gives_the_weight),
		EMPTY(bad_weights_are_refused),
		EMPTY(who_wants_less_than_its_share_has_the_engine_at_once),
		EMPTY(idle_time_is_not_saved_up),
		EMPTY(an_engine_alone_is_never_taken_away),
		EMPTY(vgpus_that_come_and_go_leave_the_others_their_shares),
		T(a_parked_engine_looks_to_its_guest_as_it_was),
		cmocka_unit_test(preemption_at_every_command_changes_nothing),
		T(a_long_blit_goes_on_where_it_was),
		T(a_contexts_clock_stands_still_while_it_is_parked),
		T(what_a_guest_does_while_it_is_parked_counts),
		T(a_reset_of_a_parked_engine_ends_what_it_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
