/* SPDX-License-Identifier: MIT */
/*
 * A command streamer without the execlist machinery around it: a context's address spaces and a
 * ring are set up by hand, and the test steps through commands. For the tests of gpu/'s command
 * half, which look into struct gpu.
 */
#ifndef CS_FIXTURE_H
#define CS_FIXTURE_H

#include "../gpu/cmd.h"
#include "fixture.h"

#define BATCH_VA	0x0000100000000ull	/* one page of code, above 4 GiB */
#define DATA_VA		0x0000200000000ull	/* four pages of data */
#define DATA_PAGES	4

/** struct cst - one stream under test */
struct cst {
	struct fx *fx;
	struct gpu *gpu;
	struct gpu_cs *cs;
	struct gpu_engine *engine;
	struct fx_context ctx;
	uint32_t *batch;		/* what lies at BATCH_VA */
	unsigned int batch_len;		/* dwords written so far */
	uint8_t *data;			/* what lies at DATA_VA */
	uint32_t ggtt_data;		/* GGTT address of another page of data */
};

struct cst *cst_new(enum gpu_platform platform, enum gpu_engine_id engine, unsigned int domain);
void cst_free(struct cst *t);
/* cmocka: *state is a struct cst on rcs0, bcs0. */
int cst_setup_rcs(void **state);
int cst_setup_bcs(void **state);
int cst_teardown(void **state);

/* Append dwords to the ring, and let the stream see the new tail. */
#define cst_ring(t, ...)                                      \
	cst_ring_dwords(t, (const uint32_t[]){ __VA_ARGS__ }, \
			sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)
void cst_ring_dwords(struct cst *t, const uint32_t *dw, unsigned int count);
/* Append dwords to the user batch at BATCH_VA. */
#define cst_batch(t, ...)                                      \
	cst_batch_dwords(t, (const uint32_t[]){ __VA_ARGS__ }, \
			 sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)
void cst_batch_dwords(struct cst *t, const uint32_t *dw, unsigned int count);
/* End the batch and jump to it from the ring. */
void cst_call_batch(struct cst *t);
/*
 * Step until something else than GPU_CS_MORE or GPU_CS_ARB_POINT comes; fails the test after many
 * steps.
 */
enum gpu_cs_result cst_run(struct cst *t);
/* So, and expect the ring to be empty. */
void cst_run_ok(struct cst *t);
/* Execute the dwords in the user batch, expecting success. */
#define cst_user(t, ...) \
	do { cst_batch(t, __VA_ARGS__); cst_call_batch(t); cst_run_ok(t); } while (0)
/* Execute the dwords in the ring, expecting success. */
#define cst_priv(t, ...) do { cst_ring(t, __VA_ARGS__); cst_run_ok(t); } while (0)

uint32_t cst_data32(struct cst *t, unsigned int offset);
uint64_t cst_data64(struct cst *t, unsigned int offset);
uint32_t cst_reg(struct cst *t, uint32_t offset);	/* from the engine's base */
void cst_set_reg(struct cst *t, uint32_t offset, uint32_t value);
/* The last log line. */
const char *cst_log(struct cst *t);

#define LO(addr)	((uint32_t)(addr))
#define HI(addr)	((uint32_t)((uint64_t)(addr) >> 32))

#define MI(op)		((uint32_t)(op) << 23)
#define MI_BBE		MI(0x0a)
#define MI_BBS		(MI(0x31) | 1)
#define MI_SDI(n)	(MI(0x20) | (1 + (n)))
#define MI_LRI(n)	(MI(0x22) | (2 * (n) - 1))
#define MI_SRM		(MI(0x24) | 2)
#define MI_LRM		(MI(0x29) | 2)
#define MI_LRR		(MI(0x2a) | 1)
#define MI_GGTT		(1u << 22)

#endif /* CS_FIXTURE_H */
