// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/context.c: the layout of images, what is restored, what is saved, workaround
 * batches, domains.
 */
#include <stdlib.h>
#include <string.h>

#include "../gpu/gpu_types.h"
#include "fixture.h"

#define MI_NOOP			0u
#define MI_BB_END		(0x0au << 23)
#define MI_LRI(n)		(0x22u << 23 | (2 * (n) - 1))
#define MI_SRM_GGTT		(0x24u << 23 | 1u << 22 | 2)
#define MI_STORE_DWORD_GGTT	(0x20u << 23 | 1u << 22 | 2)
#define MI_STORE_DWORD_PPGTT	(0x20u << 23 | 2)
#define MI_BB_START_PPGTT	(0x31u << 23 | 1u << 8 | 1)
#define GPR0			0x600
#define POSTED			(1u << 12)
#define MEMORY			((size_t)FX_PAGES * GPU_PAGE_SIZE)

struct rig {
	struct fx *fx;
	enum gpu_engine_id engine;
	uint32_t base, result;
	struct fx_context a, b;
};

static void rig_init(struct rig *r, struct fx *fx, enum gpu_engine_id engine, unsigned int domain)
{
	r->fx = fx;
	r->engine = engine;
	r->base = fx_base(engine);
	fx_hwsp(fx, engine);
	r->result = fx_ggtt_alloc(fx, 0, 1);
	fx_context_init(fx, &r->a, engine, domain);
	fx_context_init(fx, &r->b, engine, domain);
	fx_set_reg(fx, r->base + GPU_RING_DOMAIN, domain);
}

static void run(struct rig *r, struct fx_context *ctx)
{
	fx_submit(r->fx, ctx, NULL);
	fx_run(r->fx, r->engine);
}

static void load_reg(struct fx_context *ctx, uint32_t offset, uint32_t value)
{
	fx_emit(ctx, 4, MI_LRI(1), offset, value, MI_NOOP);
}

static void store_reg(struct rig *r, struct fx_context *ctx, uint32_t offset, unsigned int slot)
{
	fx_emit(ctx, 4, MI_SRM_GGTT, offset, r->result + 4 * slot, 0u);
}

static uint32_t slot(struct rig *r, unsigned int n)
{
	return fx_read(r->fx, r->result + 4 * n);
}

/* What i915 (gt/intel_lrc.c offset tables, lrc_ring_*()) and i915_perf.c rely on. */
static void saved_images_have_the_drivers_register_positions(void **state)
{
	static const struct {
		enum gpu_platform p;
		enum gpu_engine_id e;
		uint16_t dword;
		uint32_t value;
	} rows[] = {
		{ GPU_SKL, GPU_RCS0, 0x01, MI_LRI(14) | POSTED },
		{ GPU_SKL, GPU_RCS0, 0x02, 0x2244 },
		{ GPU_SKL, GPU_RCS0, 0x18, 0x21c0 },
		{ GPU_SKL, GPU_RCS0, 0x1c, 0x21c8 },
		{ GPU_SKL, GPU_RCS0, 0x21, MI_LRI(9) | POSTED },
		{ GPU_SKL, GPU_RCS0, 0x22, 0x23a8 },
		{ GPU_SKL, GPU_RCS0, 0x32, 0x2270 },
		{ GPU_SKL, GPU_RCS0, 0x41, MI_LRI(1) },
		{ GPU_SKL, GPU_RCS0, 0x42, 0x20c8 },
		{ GPU_SKL, GPU_RCS0, 0x51, MI_LRI(44) | POSTED },
		{ GPU_SKL, GPU_RCS0, 0x54, 0x209c },
		{ GPU_SKL, GPU_RCS0, 0x64, 0x2158 },
		{ GPU_SKL, GPU_RCS0, 0x68, 0x2600 },
		{ GPU_SKL, GPU_RCS0, 0xa8, 0x2068 },
		{ GPU_SKL, GPU_RCS0, 0x128, 0x2360 },
		{ GPU_SKL, GPU_RCS0, 0x3de, 0xe458 },
		{ GPU_SKL, GPU_RCS0, 0x3ea, 0xe65c },
		{ GPU_SKL, GPU_RCS0, 0x3ec, MI_BB_END },
		{ GPU_SKL, GPU_VCS0, 0x41, MI_LRI(1) | POSTED },
		{ GPU_SKL, GPU_VCS0, 0x42, 0x12200 },
		{ GPU_KBL, GPU_BCS0, 0x54, 0x2209c },
		{ GPU_CFL, GPU_VECS0, 0x68, 0x1a600 },
		{ GPU_BDW, GPU_RCS0, 0x58, 0x209c },
		{ GPU_BDW, GPU_RCS0, 0xc4, 0x2158 },
		{ GPU_BDW, GPU_RCS0, 0xd8, 0x2600 },
		{ GPU_BDW, GPU_RCS0, 0x120, 0x2360 },
		{ GPU_BDW, GPU_RCS0, 0x2ce, 0xe458 },
		{ GPU_BDW, GPU_BCS0, 0x01, MI_LRI(11) },
		{ GPU_BDW, GPU_BCS0, 0x16, 0x22118 },
		{ GPU_BDW, GPU_BCS0, 0x34, 0 },
		{ GPU_BDW, GPU_BCS0, 0x41, MI_LRI(2) },
		{ GPU_BDW, GPU_BCS0, 0x44, 0x22028 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fx *fx = fx_new(rows[i].p, true);
		struct rig r;

		rig_init(&r, fx, rows[i].e, 0);
		fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
		run(&r, &r.a);
		assert_int_equal(fx_ctx_get(&r.a, rows[i].dword), rows[i].value);
		fx_free(fx);
	}
}

static void the_saved_image_is_a_list_of_loads_up_to_a_batch_end(void **state)
{
	enum gpu_engine_id engine;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		struct rig r;
		unsigned int i = 0, loads = 0;
		uint32_t dw;

		rig_init(&r, *state, engine, 0);
		fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
		run(&r, &r.a);
		while ((dw = fx_ctx_get(&r.a, i)) != MI_BB_END) {
			i++;
			if (dw) {
				assert_int_equal(dw >> 23, 0x22);
				i += (dw & 0xff) + 1;
				loads++;
			}
			assert_true(i < 1024);
		}
		assert_true(loads >= 4);
	}
}

static void registers_of_a_context_are_its_own(void **state)
{
	static const uint32_t regs[] = { 0x2600, 0x267c, 0x2580, 0x7014, 0xb118, 0xe184, 0x24d0,
					 0x2348, 0x22c8, 0x22dc, 0x22f0, 0x22fc, 0x2360,
					 0x2364, 0x2400, 0x241c, 0x2420, 0x2440, 0x2448,
					 0x2454, 0x2508, 0x521c, 0x5240, 0x528c, 0x7034, 0xe400,
					 0xe404 };
	const unsigned int count = sizeof(regs) / sizeof(regs[0]);
	struct rig r;
	unsigned int i;

	rig_init(&r, *state, GPU_RCS0, 0);
	/*
	 * b's first restore is inhibited: its image takes what is there, so save it before a
	 * changes anything
	 */
	fx_emit(&r.b, 2, MI_NOOP, MI_NOOP);
	run(&r, &r.b);
	for (i = 0; i < count; i++)
		load_reg(&r.a, regs[i], 0xffff0000 | (0x101 + 2 * i));
	run(&r, &r.a);
	for (i = 0; i < count; i++)
		store_reg(&r, &r.b, regs[i], i);
	run(&r, &r.b);
	for (i = 0; i < count; i++)
		assert_int_not_equal(slot(&r, i) & 0xffff, 0x101 + 2 * i);
	for (i = 0; i < count; i++)
		store_reg(&r, &r.a, regs[i], i);
	run(&r, &r.a);
	for (i = 0; i < count; i++)
		assert_int_equal(slot(&r, i) & 0xffff, 0x101 + 2 * i);
}

static void an_inhibited_first_restore_takes_the_ring_part_only(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0, 0);
	fx_set_reg(r.fx, r.base + GPR0, 0x77);
	fx_ctx_set(&r.a, 0x34, 0);
	fx_ctx_set(&r.a, 0x51, MI_LRI(1));
	fx_ctx_set(&r.a, 0x52, r.base + GPR0);
	fx_ctx_set(&r.a, 0x53, 0x55);
	store_reg(&r, &r.a, r.base + GPR0, 0);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0), 0x77);
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_CONTROL) & 1, 0);	/* not any more */
	fx_ctx_set(&r.a, 0x69, 0x66);
	store_reg(&r, &r.a, r.base + GPR0, 1);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 1), 0x66);
}

static void save_inhibit_leaves_the_engine_part_alone(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_VCS0, 0);
	fx_ctx_set(&r.a, FX_CTX_CONTROL, fx_ctx_get(&r.a, FX_CTX_CONTROL) | 1u << 18 | 1u << 2);
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	run(&r, &r.a);
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_HEAD), r.a.tail);
	assert_int_equal(fx_ctx_get(&r.a, 0x51), 0);
}

static void masked_registers_are_saved_with_their_write_enables(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0, 0);
	load_reg(&r.a, 0x209c, 1u << (14 + 16) | 1u << 14);
	run(&r, &r.a);
	/* but for STOP_RING, see the next test */
	assert_int_equal(fx_ctx_get(&r.a, 0x55), 0xfeff0000 | 1u << 14);
}

/*
 * A driver stops the ring while a context is on its way out, then changes its mind (i915:
 * intel_engine_cancel_stop_cs()): the context must run when it comes back. And none can undo a stop.
 */
static void stopping_the_ring_is_no_part_of_a_context(void **state)
{
	const uint32_t stop = 1u << 8;
	struct rig r;

	rig_init(&r, *state, GPU_RCS0, 0);
	/* The ring stops itself, so that the bit is set when the context is saved. */
	load_reg(&r.a, 0x209c, stop << 16 | stop);
	run(&r, &r.a);
	fx_set_reg(r.fx, 0x209c, stop << 16);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(fx_ctx_get(&r.a, 0x55) & (stop << 16 | stop), 0);
	fx_ctx_set(&r.a, 0x55, stop << 16 | stop);	/* an image that was made up */
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 0x1234u);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0), 0x1234);
	/* Stopped while idle: a context whose image says "go" does not start it. */
	fx_set_reg(r.fx, 0x209c, stop << 16 | stop);
	fx_ctx_set(&r.a, 0x55, stop << 16);
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 0x5678u);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0), 0x1234);
	fx_set_reg(r.fx, 0x209c, stop << 16);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 0), 0x5678);
}

static void an_image_cannot_reach_registers_outside_its_context(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_BCS0, 1);
	fx_ctx_set(&r.a, FX_CTX_CONTROL, 0x00090008);	/* full restore */
	fx_ctx_set(&r.a, 0x34, MI_LRI(6));
	fx_ctx_set(&r.a, 0x35, 0x941c);			/* GDRST */
	fx_ctx_set(&r.a, 0x36, 1);
	fx_ctx_set(&r.a, 0x37, 0x44304);		/* GT IMR */
	fx_ctx_set(&r.a, 0x38, 0);
	fx_ctx_set(&r.a, 0x39, 0x2600);			/* another engine's GPR */
	fx_ctx_set(&r.a, 0x3a, 0xbad);
	fx_ctx_set(&r.a, 0x3b, 0x7014);			/* render state */
	fx_ctx_set(&r.a, 0x3c, 0xffffffff);
	fx_ctx_set(&r.a, 0x3d, 0x22080);		/* own HWS_PGA: not context state */
	fx_ctx_set(&r.a, 0x3e, 0x5000);
	fx_ctx_set(&r.a, 0x3f, 0xfffffffd);		/* nonsense */
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	run(&r, &r.a);
	assert_int_equal(fx_reg(r.fx, 0x44304), 0xffffffff);
	assert_int_equal(fx_reg(r.fx, 0x2600), 0);
	assert_int_equal(fx_reg(r.fx, 0x7014), 0);
	assert_int_not_equal(fx_reg(r.fx, 0x22080), 0x5000);
}

static void a_malformed_image_hangs_or_runs_but_never_harms(void **state)
{
	static const uint32_t headers[] = { MI_LRI(128), 0xffffffff, 0x11000000,
					    MI_LRI(1),	 MI_BB_END,  0x7a000004 };
	struct fx *fx = *state;
	uint8_t *before = malloc(MEMORY);
	unsigned int i, at, domain;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct rig r;
		uint8_t *image;

		rig_init(&r, fx, GPU_RCS0, 1);
		for (at = 0; at < 1024; at++)
			fx_ctx_set(&r.a, at, headers[i]);
		fx_ctx_set(&r.a, FX_CTX_CONTROL, 0x00090008);
		fx_submit(fx, &r.a, NULL);
		/* Only the image itself may change, by a save. */
		image = fx_at(fx, r.a.lrca + GPU_PAGE_SIZE);
		memcpy(before, fx->mem[1], MEMORY);
		fx_run_bounded(fx, GPU_RCS0, 10);
		memcpy(before + (image - fx->mem[1]), image, GPU_PAGE_SIZE);
		assert_memory_equal(before, fx->mem[1], MEMORY);
		for (domain = 2; domain < FX_DOMAINS; domain++)
			for (at = 0; at < MEMORY; at += 8)
				assert_true(!*(uint64_t *)(fx->mem[domain] + at));
		/* And the engine is good for the next one. */
		fx_set_reg(fx, 0x941c, 2);
		fx_set_reg(fx, r.base + 0x29c, 1u << 31 | 1u << 15);
		fx_emit(&r.b, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 1u);
		run(&r, &r.b);
		assert_int_equal(slot(&r, 0), 1);
	}
	free(before);
}

static void a_context_without_memory_hangs_the_engine_until_it_is_reset(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0, 0);
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	r.a.desc = (r.a.desc & ~0xfffff000ull) | 0xfff00000;
	fx_submit(r.fx, &r.b, NULL);
	r.b.desc = r.a.desc;
	r.a.tail = r.b.tail = 0;
	fx_set_reg(r.fx, 0x2230, 0);
	fx_set_reg(r.fx, 0x2230, 0);
	fx_set_reg(r.fx, 0x2230, r.a.desc >> 32);
	fx_set_reg(r.fx, 0x2230, (uint32_t)r.a.desc);
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(fx_reg(r.fx, 0x2234) >> 18 & 1, 1);	/* still active */
	assert_true(r.fx->log_count > 0);
	fx_set_reg(r.fx, 0x941c, 2);
	assert_int_equal(fx_reg(r.fx, 0x2234) >> 18 & 1, 0);
}

static void the_tail_in_the_image_is_the_drivers_and_is_never_written(void **state)
{
	struct rig r;

	rig_init(&r, *state, GPU_RCS0, 0);
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	fx_submit(r.fx, &r.a, NULL);
	gpu_engine_run(r.fx->gpu, GPU_RCS0, 1, &(uint64_t){ 0 });
	fx_ctx_set(&r.a, FX_CTX_TAIL, 0x40);	/* the driver prepares the next request */
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_TAIL), 0x40);
	assert_int_equal(fx_ctx_get(&r.a, FX_CTX_HEAD), 8);
}

static void the_context_timestamp_counts_only_while_the_context_runs(void **state)
{
	struct rig r;
	uint32_t saved;

	rig_init(&r, *state, GPU_VECS0, 0);
	fx_ctx_set(&r.a, FX_CTX_TIMESTAMP, 0xffffff00);
	fx_emit(&r.a, 4, 0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2, 1u, r.result, 0u);
	store_reg(&r, &r.a, r.base + 0x3a8, 1);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, r.engine, 1);
	r.fx->now_ns += 1000000;		/* 12000 ticks in the semaphore */
	fx_write(r.fx, r.result, 1);
	fx_run(r.fx, r.engine);
	saved = fx_ctx_get(&r.a, FX_CTX_TIMESTAMP);
	assert_in_range(slot(&r, 1) - 0xffffff00, 12000, 12010);
	assert_in_range(saved - slot(&r, 1), 1, 10);
	r.fx->now_ns += 1000000;		/* idle does not count */
	store_reg(&r, &r.a, r.base + 0x3a8, 2);
	run(&r, &r.a);
	assert_in_range(slot(&r, 2) - saved, 0, 10);
	assert_in_range(fx_ctx_get(&r.a, FX_CTX_TIMESTAMP) - slot(&r, 2), 1, 10);
}

static void workaround_batches_run_at_every_restore_before_the_ring(void **state)
{
	struct rig r;
	uint32_t wa, *cs;

	rig_init(&r, *state, GPU_RCS0, 0);
	wa = fx_ggtt_alloc(r.fx, 0, 1);
	cs = fx_at(r.fx, wa);
	/*
	 * Indirect context: one cache line, ended by its size; per-context batch: by
	 * MI_BATCH_BUFFER_END.
	 */
	memcpy(cs, (uint32_t[]){ MI_STORE_DWORD_GGTT, r.result, 0, 0xa1 }, 16);
	memcpy(cs + 16, (uint32_t[]){ MI_STORE_DWORD_GGTT, r.result + 4, 0, 0xa2 }, 16);
	memcpy(cs + 32, (uint32_t[]){ MI_SRM_GGTT, 0x2038, r.result + 8, 0, MI_BB_END }, 20);
	fx_ctx_set(&r.a, FX_CTX_INDIRECT, wa | 1);
	fx_ctx_set(&r.a, FX_CTX_BB_PER_CTX, (wa + 128) | 1);
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0), 0xa1);
	assert_int_equal(slot(&r, 1), 0);
	assert_int_equal(slot(&r, 2), r.a.ring);
	fx_write(r.fx, r.result, 0);
	fx_emit(&r.a, 2, MI_NOOP, MI_NOOP);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0), 0xa1);
}

/* i915's batch clears a bit of COMMON_SLICE_CHICKEN2, which user batches may set and find as they left it. */
static void what_the_image_has_behind_the_indirect_batch_is_restored_after_it(void **state)
{
	static const uint32_t batch[] = { 0x22u << 23 | 3, 0x7014, 0x10000000, 0x2500, 0x77, 0, 0, 0,
					  0, 0, 0, 0, 0, 0, 0, 0 };
	struct rig r;
	uint32_t wa;

	rig_init(&r, *state, GPU_RCS0, 0);
	wa = fx_ggtt_alloc(r.fx, 0, 1);
	memcpy(fx_at(r.fx, wa), batch, sizeof(batch));
	fx_ctx_set(&r.a, FX_CTX_INDIRECT, wa | 1);
	fx_ctx_set(&r.a, FX_CTX_INDIRECT_OFFSET, 0x26 << 6);	/* GEN9_CTX_RCS_INDIRECT_CTX_OFFSET_DEFAULT */
	store_reg(&r, &r.a, 0x7014, 0);
	fx_emit(&r.a, 6, 0x22u << 23 | 3, 0x7014u, 0x10001000u, 0x2500u, 0x11u, MI_NOOP);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 0) & 0x1000, 0);
	store_reg(&r, &r.a, 0x7014, 1);
	store_reg(&r, &r.a, 0x2500, 2);
	run(&r, &r.a);
	assert_int_equal(slot(&r, 1) & 0x1000, 0x1000);
	assert_int_equal(slot(&r, 2), 0x77);
}

static void an_endless_workaround_batch_hangs_the_engine(void **state)
{
	struct rig r;
	uint32_t wa;

	rig_init(&r, *state, GPU_RCS0, 0);
	wa = fx_ggtt_alloc(r.fx, 0, 1);
	memcpy(fx_at(r.fx, wa), (uint32_t[]){ 0x31u << 23 | 1, wa, 0 }, 12);
	fx_ctx_set(&r.a, FX_CTX_BB_PER_CTX, wa | 1);
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 1u);
	fx_submit(r.fx, &r.a, NULL);
	fx_run_bounded(r.fx, GPU_RCS0, 10);
	assert_int_equal(slot(&r, 0), 0);
	fx_set_reg(r.fx, 0x941c, 2);
	assert_int_equal(fx_reg(r.fx, 0x2234) >> 18 & 1, 0);
}

/* It runs without a look at who else wants the engine. */
static void a_workaround_batch_that_moves_much_hangs_the_engine(void **state)
{
	static const struct { uint32_t rows, result; } rows[] = { { 16, 1 }, { 32767, 0 } };
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig r;
		uint32_t wa;

		rig_init(&r, *state, GPU_BCS0, 0);
		wa = fx_ggtt_alloc(r.fx, 0, 1);
		fx_ppgtt_map(&r.a, 0x100000, fx_alloc(r.fx, 0, 1), 1, 0);
		/* XY_COLOR_BLT, 1 KiB a row, all rows onto the same page */
		memcpy(fx_at(r.fx, wa),
		       (uint32_t[]){ 2u << 29 | 0x50u << 22 | 3u << 20 | 5, 3u << 24 | 0xf0u << 16,
				     0, rows[i].rows << 16 | 256, 0x100000, 0, 0x77, MI_BB_END },
		       32);
		fx_ctx_set(&r.a, FX_CTX_BB_PER_CTX, wa | 1);
		fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 1u);
		fx_submit(r.fx, &r.a, NULL);
		fx_run_bounded(r.fx, GPU_BCS0, 10);
		assert_int_equal(slot(&r, 0), rows[i].result);
	}
}

static struct gpu_engine *to_stop;

/* As gpu_engine_stop() does from another thread, while the first store is executed. */
static void *stopping_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	if (write && to_stop)
		atomic_store(&to_stop->stop, true);
	return fx_mem(opaque, domain, addr);
}

static void workaround_batches_that_were_interrupted_run_again(void **state)
{
	struct rig r;
	uint32_t wa;

	rig_init(&r, *state, GPU_RCS0, 0);
	wa = fx_ggtt_alloc(r.fx, 0, 1);
	memcpy(fx_at(r.fx, wa), (uint32_t[]){ MI_STORE_DWORD_GGTT, r.result, 0, 0xa1,
					      MI_STORE_DWORD_GGTT, r.result + 4, 0, 0xa2,
					      MI_BB_END }, 36);
	fx_ctx_set(&r.a, FX_CTX_BB_PER_CTX, wa | 1);
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result + 8, 0u, 1u);
	fx_submit(r.fx, &r.a, NULL);
	/* No status page, or the event of the context switch were the first write. */
	gpu_lock(r.fx->gpu);
	gpu_reg_set(r.fx->gpu, 0x2080, 0);
	gpu_unlock(r.fx->gpu);
	to_stop = &r.fx->gpu->engine[GPU_RCS0];
	r.fx->ops.page = stopping_page;
	fx_run_bounded(r.fx, GPU_RCS0, 1);
	assert_int_equal(slot(&r, 0), 0xa1);
	assert_int_equal(slot(&r, 1), 0);
	assert_int_equal(slot(&r, 2), 0);
	atomic_store(&to_stop->stop, false);
	to_stop = NULL;
	fx_run(r.fx, GPU_RCS0);
	assert_int_equal(slot(&r, 1), 0xa2);
	assert_int_equal(slot(&r, 2), 1);
}

/* The ring's address was checked at submission; the guest may have changed it since. */
static void a_batch_is_not_resumed_for_what_stands_in_anothers_page(void **state)
{
	struct rig r;
	uint32_t foreign, batch, out;

	rig_init(&r, *state, GPU_BCS0, 2);
	foreign = fx_ggtt_alloc(r.fx, 1, 1);
	fx_write(r.fx, foreign, MI_BB_START_PPGTT);
	batch = fx_ggtt_alloc(r.fx, 2, 1);
	out = fx_ggtt_alloc(r.fx, 2, 1);
	memcpy(fx_at(r.fx, batch), (uint32_t[]){ MI_STORE_DWORD_GGTT, out, 0, 1, MI_BB_END }, 20);
	fx_submit(r.fx, &r.a, NULL);
	fx_ctx_set(&r.a, FX_CTX_START, foreign);
	fx_ctx_set(&r.a, FX_CTX_HEAD, 12);
	fx_ctx_set(&r.a, FX_CTX_TAIL, 16);
	fx_ctx_set(&r.a, FX_CTX_BB_ADDR, batch | 1);
	fx_run_bounded(r.fx, GPU_BCS0, 1);
	assert_int_equal(fx_read(r.fx, out), 0);
	/* From its own ring it is. */
	fx_set_reg(r.fx, 0x941c, 8);
	fx_hwsp(r.fx, GPU_BCS0);
	fx_set_reg(r.fx, r.base + GPU_RING_DOMAIN, 2);
	fx_submit(r.fx, &r.a, NULL);
	fx_write(r.fx, r.a.ring, MI_BB_START_PPGTT);
	fx_ctx_set(&r.a, FX_CTX_START, r.a.ring);
	fx_ctx_set(&r.a, FX_CTX_TAIL, 16);
	fx_run_bounded(r.fx, GPU_BCS0, 1);
	assert_int_equal(fx_read(r.fx, out), 1);
}

static void page_tables_lie_in_the_domain_that_the_mediator_named(void **state)
{
	struct rig r;
	struct fx_context guest;
	uint64_t page;

	rig_init(&r, *state, GPU_RCS0, 0);
	fx_context_init(r.fx, &guest, GPU_RCS0, 2);
	page = fx_alloc(r.fx, 2, 1);
	fx_ppgtt_map(&guest, 0x10000, page, 1, 0);
	fx_ctx_set(&guest, FX_CTX_PDP0_UDW, 3u << (52 - 32));	/* asks for domain 3 */
	fx_emit(&guest, 4, MI_STORE_DWORD_PPGTT, 0x10000u, 0u, 0x22u);
	fx_set_reg(r.fx, r.base + GPU_RING_DOMAIN, 2);
	run(&r, &guest);
	assert_int_equal(*(uint32_t *)fx_mem(r.fx, 2, page), 0x22);

	/* The same tables from a context of the owner's, which may name domain 2. */
	fx_set_reg(r.fx, r.base + GPU_RING_DOMAIN, 0);
	fx_ctx_set(&r.a, FX_CTX_PDP0_UDW, 2u << (52 - 32) | guest.pml4 >> 32);
	fx_ctx_set(&r.a, FX_CTX_PDP0_LDW, guest.pml4);
	fx_emit(&r.a, 4, MI_STORE_DWORD_PPGTT, 0x10000u, 0u, 0x33u);
	run(&r, &r.a);
	assert_int_equal(*(uint32_t *)fx_mem(r.fx, 2, page), 0x33);
}

static void the_high_bits_of_a_page_directory_are_a_native_drivers_own(void **state)
{
	struct rig r;
	uint64_t page;

	rig_init(&r, *state, GPU_BCS0, 0);
	page = fx_alloc(r.fx, 0, 1);
	fx_ppgtt_map(&r.a, 0x10000, page, 1, 0);
	fx_ctx_set(&r.a, FX_CTX_PDP0_UDW, 0x7ffu << (52 - 32) | r.a.pml4 >> 32);
	fx_emit(&r.a, 4, MI_STORE_DWORD_PPGTT, 0x10000u, 0u, 0x22u);
	run(&r, &r.a);
	assert_int_equal(*(uint32_t *)fx_mem(r.fx, 0, page), 0x22);
}

/* A mediator keeps a copy of the image in its own memory; the context gains nothing by it. */
static void an_image_in_the_owners_memory_reaches_only_the_guests(void **state)
{
	struct rig r;
	uint64_t copy;
	uint32_t own;

	rig_init(&r, *state, GPU_BCS0, 2);
	own = fx_ggtt_alloc(r.fx, 2, 1);
	copy = fx_alloc(r.fx, 0, 2);
	memcpy(fx_mem(r.fx, 0, copy), fx_at(r.fx, r.a.lrca), GPU_PAGE_SIZE);
	memcpy(fx_mem(r.fx, 0, copy + GPU_PAGE_SIZE), fx_at(r.fx, r.a.lrca + GPU_PAGE_SIZE),
	       GPU_PAGE_SIZE);
	fx_ggtt_map(r.fx, r.a.lrca, 0, copy, 2);
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, own, 0u, 0x11u);
	fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 0x22u);
	run(&r, &r.a);
	assert_int_equal(fx_read(r.fx, own), 0x11);
	assert_int_equal(slot(&r, 0), 0);
}

static void three_level_contexts_can_load_their_directories_by_command(void **state)
{
	struct rig r;
	uint64_t pd, pt, page;

	rig_init(&r, *state, GPU_BCS0, 1);
	r.a.desc = (r.a.desc & ~(3ull << 3)) | 1 << 3;
	pd = fx_alloc(r.fx, 1, 1);
	pt = fx_alloc(r.fx, 1, 1);
	page = fx_alloc(r.fx, 1, 1);
	*(uint64_t *)fx_mem(r.fx, 1, pd) = pt | 3;
	*(uint64_t *)fx_mem(r.fx, 1, pt) = page | 3;
	fx_ctx_set(&r.a, FX_CTX_PDP0_LDW, 0);
	load_reg(&r.a, r.base + 0x274, 5u << (52 - 32));
	load_reg(&r.a, r.base + 0x270, pd);
	fx_emit(&r.a, 4, MI_STORE_DWORD_PPGTT, 0u, 0u, 0x44u);
	run(&r, &r.a);
	assert_int_equal(*(uint32_t *)fx_mem(r.fx, 1, page), 0x44);
}

static void a_ring_out_of_range_is_refused(void **state)
{
	static const struct { uint32_t ctl, head, tail; } rows[] = {
		{ 0, 0, 8 }, { 1, 0x1000, 8 }, { 1, 0, 0x2000 }, { 0x2001, 0, 8 },
	};
	struct fx *fx = *state;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct rig r;

		rig_init(&r, fx, GPU_VCS0, 0);
		fx_emit(&r.a, 4, MI_STORE_DWORD_GGTT, r.result, 0u, 1u);
		fx_submit(fx, &r.a, NULL);
		fx_ctx_set(&r.a, FX_CTX_CTL, rows[i].ctl);
		fx_ctx_set(&r.a, FX_CTX_HEAD, rows[i].head);
		fx_ctx_set(&r.a, FX_CTX_TAIL, rows[i].tail);
		fx_run_bounded(fx, GPU_VCS0, 10);
		assert_int_equal(slot(&r, 0), 0);
		fx_set_reg(fx, 0x941c, 1u << 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
#define T_SHARED(name) cmocka_unit_test_setup_teardown(name, fx_setup_shared, fx_teardown)
		T(saved_images_have_the_drivers_register_positions),
		T(the_saved_image_is_a_list_of_loads_up_to_a_batch_end),
		T(registers_of_a_context_are_its_own),
		T(an_inhibited_first_restore_takes_the_ring_part_only),
		T(save_inhibit_leaves_the_engine_part_alone),
		T(masked_registers_are_saved_with_their_write_enables),
		T(stopping_the_ring_is_no_part_of_a_context),
		T(an_image_cannot_reach_registers_outside_its_context),
		T_SHARED(a_malformed_image_hangs_or_runs_but_never_harms),
		T(a_context_without_memory_hangs_the_engine_until_it_is_reset),
		T(the_tail_in_the_image_is_the_drivers_and_is_never_written),
		T(the_context_timestamp_counts_only_while_the_context_runs),
		T(workaround_batches_run_at_every_restore_before_the_ring),
		T(what_the_image_has_behind_the_indirect_batch_is_restored_after_it),
		T(an_endless_workaround_batch_hangs_the_engine),
		T(a_workaround_batch_that_moves_much_hangs_the_engine),
		T(workaround_batches_that_were_interrupted_run_again),
		T_SHARED(a_batch_is_not_resumed_for_what_stands_in_anothers_page),
		T_SHARED(page_tables_lie_in_the_domain_that_the_mediator_named),
		T(the_high_bits_of_a_page_directory_are_a_native_drivers_own),
		T_SHARED(an_image_in_the_owners_memory_reaches_only_the_guests),
		T_SHARED(three_level_contexts_can_load_their_directories_by_command),
		T(a_ring_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
