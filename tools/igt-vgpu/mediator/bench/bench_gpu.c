// SPDX-License-Identifier: MIT
/*
 * Costs of gpu/: commands parsed and executed, bytes moved by the blitter. On a bare GPU, from the
 * submission to the end of the context.
 *
 * parse: batches of @n dwords. Reference: for each dword a call through a pointer.
 * blit: rectangles of @n bytes. Reference: memcpy() or memset() of the same memory.
 */
#include <stdlib.h>
#include <string.h>

#include "../tests/fixture.h"
#include "bench.h"

#define BATCH_VA	0x100000u
#define DATA_VA		0x8000000u
#define SURFACE_VA(n)	(0x10000000u + (n) * SURFACE)
#define SURFACE		(8u << 20)
#define MAX_DWORDS	100000u
#define PITCH		4096u

#define MI(op)		((uint32_t)(op) << 23)
#define BATCH_END	MI(0x0a)
#define BLT(op, len)	(2u << 29 | (op) << 22 | 3u << 20 | ((len) - 2))
#define X_TILED_SOURCE	(1u << 15)

/** struct stream - a context that executes the same again and again */
struct stream {
	struct fx *fx;
	struct fx_context ctx;
	uint32_t *batch;
	uint8_t *surface[2];
	unsigned int n;			/* dwords or bytes */
	uint32_t ring[12];		/* what is executed */
	unsigned int ring_len;
};

static void execute(void *arg, unsigned int times)
{
	struct stream *s = arg;
	unsigned int i;

	while (times--) {
		for (i = 0; i < s->ring_len; i++)
			fx_emit(&s->ctx, 1, s->ring[i]);
		fx_submit(s->fx, &s->ctx, NULL);
		fx_run(s->fx, s->ctx.engine);
	}
}

/* The test fixture fails a test; here that ends the program. */
static struct stream *stream_new(enum gpu_engine_id engine)
{
	struct stream *s = calloc(1, sizeof(*s));
	uint64_t page;
	unsigned int i;

	if (!s)
		abort();
	s->fx = fx_new(GPU_SKL, true);
	fx_hwsp(s->fx, engine);
	fx_context_init(s->fx, &s->ctx, engine, 0);
	page = fx_alloc(s->fx, 0, MAX_DWORDS * 4 / GPU_PAGE_SIZE + 2);
	s->batch = fx_mem(s->fx, 0, page);
	fx_ppgtt_map(&s->ctx, BATCH_VA, page, MAX_DWORDS * 4 / GPU_PAGE_SIZE + 2, 0);
	fx_ppgtt_map(&s->ctx, DATA_VA, fx_alloc(s->fx, 0, 1), 1, 0);
	for (i = 0; i < 2; i++) {
		page = fx_alloc(s->fx, 0, SURFACE / GPU_PAGE_SIZE);
		s->surface[i] = fx_mem(s->fx, 0, page);
		memset(s->surface[i], i + 1, SURFACE);
		fx_ppgtt_map(&s->ctx, SURFACE_VA(i), page, SURFACE / GPU_PAGE_SIZE, 0);
	}
	return s;
}

static void stream_free(struct stream *s)
{
	fx_free(s->fx);
	free(s);
}

/* ---- parse ---- */

/* As a driver's batches: state of fixed functions, a register, a flush, a value in memory. */
static const uint32_t mixed[] = {
	0x78000000 | 0x08 << 16 | 7, 0, 0, 0, 0, 0, 0, 0, 0,	/* 3DSTATE_VERTEX_BUFFERS */
	0x7a000004, 0, 0, 0, 0, 0,				/* PIPE_CONTROL */
	MI(0x22) | 1, 0x2600, 1,				/* MI_LOAD_REGISTER_IMM, a GPR */
	MI(0x20) | 2, DATA_VA, 0, 1,				/* MI_STORE_DATA_IMM */
	0x78000000 | 0x2a << 16, 0,			/* 3DSTATE_BINDING_TABLE_POINTERS_PS */
};

static const uint32_t noop[] = { 0 };

static void fill_batch(struct stream *s, const uint32_t *pattern, unsigned int len)
{
	unsigned int at = 0;

	memset(s->batch, 0, (s->n + 1) * 4);
	for (at = 0; at + len <= s->n; at += len)
		memcpy(&s->batch[at], pattern, len * 4);
	s->batch[s->n] = BATCH_END;
	memcpy(s->ring, (uint32_t[]){ MI(0x31) | 1u << 8 | 1, BATCH_VA, 0, 0 }, 16);
	s->ring_len = 4;
}

/* As many calls as there are dwords. */
static void call_each(void *arg, unsigned int times)
{
	const struct stream *s = arg;

	while (times--)
		bench_calls.run(NULL, s->n);
}

static void parse(const char *kind, const uint32_t *pattern, unsigned int len)
{
	struct stream *s = stream_new(GPU_RCS0);

	for (s->n = 1000; s->n <= MAX_DWORDS; s->n *= 10) {
		fill_batch(s, pattern, len);
		bench_row("parse", kind, s->n, MAX_DWORDS / s->n,
			  (struct bench_work){ execute, s }, (struct bench_work){ call_each, s });
		if (fx_reg(s->fx, 0x20b8))	/* ESR: the engine halted */
			abort();
	}
	stream_free(s);
}

/* ---- blit ---- */

static void copy_same(void *arg, unsigned int times)
{
	struct stream *s = arg;

	while (times--)
		memcpy(s->surface[1], s->surface[0], s->n);
}

static void set_same(void *arg, unsigned int times)
{
	struct stream *s = arg;

	while (times--)
		memset(s->surface[1], times, s->n);
}

static void blit(const char *kind, uint32_t flags, unsigned int rop,
		 void (*reference)(void *arg, unsigned int times))
{
	struct stream *s = stream_new(GPU_BCS0);
	bool fill = rop == 0xf0;

	for (s->n = 64 << 10; s->n <= SURFACE; s->n *= 8) {
		uint32_t y2x2 = (s->n / PITCH) << 16 | PITCH / 4;
		uint32_t pitch = flags & X_TILED_SOURCE ? PITCH / 4 : PITCH;
		uint32_t br13 = 3u << 24 | rop << 16 | PITCH;
		const uint32_t copy[10] = { BLT(0x53, 10) | flags, br13, 0, y2x2, SURFACE_VA(1), 0,
					    0, pitch, SURFACE_VA(0), 0 };
		const uint32_t color[8] = { BLT(0x50, 7), br13, 0, y2x2, SURFACE_VA(1), 0,
					    0x01020304, 0 };

		s->ring_len = fill ? 8 : 10;
		memcpy(s->ring, fill ? color : copy, s->ring_len * 4);
		if (bench_row("blit", kind, s->n, SURFACE / s->n, (struct bench_work){ execute, s },
			      (struct bench_work){ reference, s }) &&
		    rop == 0xcc && !flags && memcmp(s->surface[0], s->surface[1], s->n))
			abort();
	}
	stream_free(s);
}

void bench_gpu(void)
{
	parse("MI_NOOP", noop, 1);
	parse("a driver's mixture", mixed, sizeof(mixed) / 4);
	blit("copy", 0, 0xcc, copy_same);
	blit("copy from X tiling", X_TILED_SOURCE, 0xcc, copy_same);
	blit("copy with XOR", 0, 0x66, copy_same);
	blit("fill", 0, 0xf0, set_same);
}
