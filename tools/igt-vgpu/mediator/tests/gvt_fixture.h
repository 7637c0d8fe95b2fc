/* SPDX-License-Identifier: MIT */
/*
 * A mediator and its guests in memory, for the native tests and fuzzers of gvt/. It uses gvt.h
 * only: what a test sees is what a front end and a guest see. A kick is only recorded; the test
 * runs the engines itself.
 */
#ifndef GVT_FIXTURE_H
#define GVT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include "gvt/gvt.h"
#include "i915_pvinfo_abi.h"
#include "stats/stats.h"

#define GX_PAGES	1024		/* of memory for each guest */
#define GX_LOG_LINES	64

struct gx;

/** struct gx_guest - a guest with its vGPU, as much of a driver as the tests need */
struct gx_guest {
	struct gx *gx;
	struct vgpu *vgpu;
	struct stats *stats;
	uint8_t *mem;			/* GX_PAGES pages from guest address 0 */
	uint32_t next_page;		/* bump allocator; page 0 is never handed out */
	uint64_t next_gma;		/* bump allocator in the partition */
	unsigned int irq_rises, irq_calls;	/* what the front end was told */
	bool irq_level;
	/* A test's own front end: called after the above was noted; may be NULL. */
	void (*on_irq)(struct gx_guest *guest);
	void *on_irq_arg;
	uint32_t hwsp[GPU_NUM_ENGINES];		/* graphics addresses */
	/* A test's page, which comes and goes, in place of the one at @lent_at; 0: nowhere. */
	uint64_t lent_at;
	uint8_t *lent;				/* atomic */
	uint32_t lent_gma;
	unsigned int csb_read[GPU_NUM_ENGINES];
};

/** struct gx_context - a context with image, one-page ring and an empty PPGTT */
struct gx_context {
	struct gx_guest *guest;
	enum gpu_engine_id engine;
	uint32_t lrca, ring, tail;
	uint32_t id;
	uint64_t desc;
};

/** struct gx - the mediator and the world around it */
struct gx {
	struct gvt *gvt;
	struct gvt_host_ops ops;
	struct gx_guest guest[GVT_MAX_VGPUS];
	uint64_t now_ns;
	unsigned int kicks[GPU_NUM_ENGINES];
	unsigned int log_count;
	char log[GX_LOG_LINES][320];
};

/* Of gx_setup(): the mediator and its two guests by short names. */
#define GUESTS(state) \
	struct gx *gx = *(state); \
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1]

uint32_t gx_base(enum gpu_engine_id engine);

struct gx *gx_new(enum gpu_platform platform);
struct gx *gx_new_config(const struct gpu_config *config);
void gx_free(struct gx *gx);
/*
 * cmocka setup and teardown: *state is a struct gx of a SKL with guests 0 and 1 of type GVTg_V5_8,
 * both started.
 */
int gx_setup(void **state);
int gx_teardown(void **state);

/*
 * A guest with a vGPU of @config (opaque and stats are filled here); fails the test if there is
 * none.
 */
struct gx_guest *gx_add(struct gx *gx, unsigned int n, struct vgpu_config config);
struct gx_guest *gx_add_type(struct gx *gx, unsigned int n, const char *type);
void gx_remove(struct gx_guest *guest);
/* As a driver starts: PVINFO read, interrupts on, status pages, execution lists. */
void gx_start(struct gx_guest *guest);

uint32_t gx_reg(struct gx_guest *guest, uint32_t offset);
void gx_set_reg(struct gx_guest *guest, uint32_t offset, uint32_t value);
uint64_t gx_pte(struct gx_guest *guest, uint64_t gma);
void gx_set_pte(struct gx_guest *guest, uint64_t gma, uint64_t pte);

/* @pages of guest memory mapped at a new graphics address in the hidden part. */
uint32_t gx_alloc(struct gx_guest *guest, unsigned int pages);
/* Memory behind a graphics address (through the guest's own entries). */
uint32_t gx_get(struct gx_guest *guest, uint32_t gma);
void gx_set(struct gx_guest *guest, uint32_t gma, uint32_t value);

void gx_context_init(struct gx_context *ctx, struct gx_guest *guest, enum gpu_engine_id engine);
void gx_emit(struct gx_context *ctx, unsigned int count, ...);
void gx_emit_store(struct gx_context *ctx, uint32_t gma, uint32_t value);
void gx_emit_interrupt(struct gx_context *ctx);
/* Waits until the dword at @gma is 1. */
void gx_emit_wait(struct gx_context *ctx, uint32_t gma);
/*
 * One for each of the guests 0 and 1, on the render engine: the first one waits at *flag (may be
 * NULL), the second one stores 3 at *out.
 */
void gx_wait_and_store(struct gx *gx, struct gx_context *waits, struct gx_context *stores,
		       uint32_t *flag, uint32_t *out);
/* A command that no engine knows. */
void gx_emit_invalid(struct gx_context *ctx);
/* Tails into the images, then ELSP; @second may be NULL. */
void gx_submit(struct gx_context *first, struct gx_context *second);
void gx_run(struct gx *gx, enum gpu_engine_id engine);

/* The next event in the guest's status page; false if there is none. */
bool gx_event(struct gx_guest *guest, enum gpu_engine_id engine, uint32_t *status, uint32_t *id);
void gx_expect_event(struct gx_guest *guest, enum gpu_engine_id engine, uint32_t status,
		     uint32_t id);
/* The two events of a context that was submitted alone and ran to its end. */
void gx_expect_run(const struct gx_context *ctx);
void gx_expect_no_event(struct gx_guest *guest, enum gpu_engine_id engine);

/* Was a line with this text logged? */
bool gx_logged(struct gx *gx, const char *text);

#define GX_IDLE_ACTIVE		0x1u
#define GX_LITE_RESTORE		0x8002u
#define GX_ELEMENT_SWITCH	0x14u
#define GX_ACTIVE_IDLE		0x18u

#endif /* GVT_FIXTURE_H */
