/* SPDX-License-Identifier: MIT */
/*
 * A host in memory for the native tests: page memory of several domains, an interrupt recorder, a
 * clock that is set by hand, and builders for what a driver sets up (GGTT mappings, page tables,
 * rings, context images).
 *
 * Used by the tests and fuzzers of gpu/ and gvt/. Everything is deterministic: a kick is only
 * recorded, the test calls fx_run() (or gpu_engine_run()) itself. It uses gpu.h only; it must not
 * look into struct gpu.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../gpu/gpu.h"

#define FX_DOMAINS	4
#define FX_PAGES	8192		/* pages of memory in each domain: 32 MiB from address 0 */
#define FX_LOG_LINES	64

/** struct fx - the fixture: one GPU and the host around it */
struct fx {
	struct gpu *gpu;
	struct gpu_host_ops ops;
	uint8_t *mem[FX_DOMAINS];
	_Atomic uint32_t next_page[FX_DOMAINS];	/* bump allocator; page 0 is never handed out */
	_Atomic uint32_t next_ggtt;	/* bump allocator of GGTT pages */
	bool no_memory;			/* ops->page answers NULL from now on */
	uint64_t now_ns;
	uint64_t tick_ns;		/* the clock advances by this at each look */
	unsigned int irq_rises, irq_falls;
	bool irq_level;
	unsigned int kicks[GPU_NUM_ENGINES];
	unsigned int refused[FX_DOMAINS];	/* registers, by domain */
	unsigned int faults[FX_DOMAINS];
	struct gpu_fault last_fault;
	unsigned int log_count;
	char log[FX_LOG_LINES][256];	/* the last lines, by log_count % FX_LOG_LINES */
};

/** struct fx_context - a context with its image, ring and PPGTT */
struct fx_context {
	struct fx *fx;
	enum gpu_engine_id engine;
	unsigned int domain;
	uint32_t lrca; /* GGTT address of the image (page 0: PPHWSP, page 1: registers) */
	uint64_t desc;			/* descriptor to submit */
	uint32_t ring;			/* GGTT address */
	uint32_t ring_size;
	uint32_t tail;			/* where the next emitted dword goes */
	uint64_t pml4;			/* address in the domain, no domain bits */
};

/*
 * Positions of values in the register page of a context image, in dwords (PRM; i915
 * intel_lrc_reg.h).
 */
enum {
	FX_CTX_CONTROL = 0x03,
	FX_CTX_HEAD = 0x05,
	FX_CTX_TAIL = 0x07,
	FX_CTX_START = 0x09,
	FX_CTX_CTL = 0x0b,
	FX_CTX_BB_ADDR = 0x0f,
	FX_CTX_BB_STATE = 0x11,
	FX_CTX_BB_PER_CTX = 0x19,
	FX_CTX_INDIRECT = 0x1b,
	FX_CTX_INDIRECT_OFFSET = 0x1d,
	FX_CTX_TIMESTAMP = 0x23,
	FX_CTX_PDP0_UDW = 0x31,
	FX_CTX_PDP0_LDW = 0x33,
};

/* Engine register block of @engine. */
uint32_t fx_base(enum gpu_engine_id engine);

struct fx *fx_new(enum gpu_platform platform, bool native);
void fx_free(struct fx *fx);
/* cmocka group or test setup/teardown: *state is a struct fx of a native SKL. */
int fx_setup(void **state);
/* The same of a SKL that a mediator owns. */
int fx_setup_shared(void **state);
int fx_teardown(void **state);

/* Host memory: zeroed pages; returns the address in @domain. Fails the test when memory is out. */
uint64_t fx_alloc(struct fx *fx, unsigned int domain, unsigned int pages);
void *fx_mem(struct fx *fx, unsigned int domain, uint64_t addr);

/* GGTT: map @pages from @addr of @domain at GGTT byte address @ggtt; or allocate both sides. */
void fx_ggtt_map(struct fx *fx, uint32_t ggtt, unsigned int domain, uint64_t addr,
		 unsigned int pages);
uint32_t fx_ggtt_alloc(struct fx *fx, unsigned int domain, unsigned int pages);
void fx_ggtt_unmap(struct fx *fx, uint32_t ggtt, unsigned int pages);
/* Pointer to what lies at a GGTT address (through gpu_ggtt_read()); fails the test if absent. */
void *fx_at(struct fx *fx, uint32_t ggtt);
uint32_t fx_read(struct fx *fx, uint32_t ggtt);
void fx_write(struct fx *fx, uint32_t ggtt, uint32_t value);

/* Registers. */
uint32_t fx_reg(struct fx *fx, uint32_t offset);
void fx_set_reg(struct fx *fx, uint32_t offset, uint32_t value);

/*
 * HWSP of an engine: allocated, mapped, HWS_PGA set, CSB pointers reset as i915 does; returns its
 * GGTT address.
 */
uint32_t fx_hwsp(struct fx *fx, enum gpu_engine_id engine);

/*
 * A context as i915 builds one (Gen9 layout), 4-level PPGTT, one-page ring, first restore
 * inhibited.
 */
void fx_context_init(struct fx *fx, struct fx_context *ctx, enum gpu_engine_id engine,
		     unsigned int domain);
/* Value @dword of the register page. */
uint32_t fx_ctx_get(struct fx_context *ctx, unsigned int dword);
void fx_ctx_set(struct fx_context *ctx, unsigned int dword, uint32_t value);
/*
 * Map pages of the context's domain at @va of its PPGTT, as 4 KiB entries (@flags: 0 = present and
 * writable).
 */
void fx_ppgtt_map(struct fx_context *ctx, uint64_t va, uint64_t addr, unsigned int pages,
		  uint64_t flags);
/* Append @count dwords to the ring (wraps), tail in the image is updated by fx_submit(). */
void fx_emit(struct fx_context *ctx, unsigned int count, ...);

/* Write tails into the images, then the ELSP: @second may be NULL. */
void fx_submit(struct fx *fx, struct fx_context *first, struct fx_context *second);
/* Run until idle, halted or waiting, at most @slices of 1000 commands; returns the last poll_ns. */
uint64_t fx_run_bounded(struct fx *fx, enum gpu_engine_id engine, unsigned int slices);
void fx_run(struct fx *fx, enum gpu_engine_id engine);	/* fails the test if it does not end */

/*
 * The CSB in an engine's HWSP: number of entries since *read, oldest first into events[]; *read is
 * advanced.
 */
unsigned int fx_csb_drain(struct fx *fx, uint32_t hwsp, unsigned int *read, uint32_t events[6],
			  uint32_t ids[6]);

#endif /* FIXTURE_H */
