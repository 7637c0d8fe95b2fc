/* SPDX-License-Identifier: MIT */
/*
 * The register table: what regs.def expands to, and the handlers' interface.
 *
 * Users: mmio.c (dispatch), context.c and cmd.c (which registers belong to a context), platform.c
 * (gpu_reg_info()), the files with handlers, the tests and fuzzers (every row). Inside gpu/ only.
 */
#ifndef REGS_H
#define REGS_H

#include "gpu_types.h"

/** enum gpu_reg_access - what a write does to the stored value */
enum gpu_reg_access {
	GPU_RW, /* bits of the row's mask are stored */
	GPU_MASKED, /* bits 16-31 of the value enable the write of bits 0-15 (within the mask) */
	GPU_W1C, /* ones clear bits of the mask */
	GPU_RO, /* nothing; a handler may still act on it */
};

#define GPU_REG_CTX	0x01	/* part of the context: saved, and restored from the image */
#define GPU_REG_USER	0x02	/* a non-privileged batch may write it */

struct gpu_engine;

/** struct gpu_reg_io - one access, as a handler sees it (gpu->lock held) */
struct gpu_reg_io {
	struct gpu *gpu;
	struct gpu_engine *engine;	/* whose register it is; NULL: the GT's */
	struct gpu_cs *cs;		/* the command stream that accesses it; NULL: the CPU */
	uint32_t offset;
	uint32_t raw;			/* writes: the value as written, before the access mask */
};

/** struct gpu_reg_handler - behaviour beyond storage */
struct gpu_reg_handler {
	/* Value to return; @stored is what the register file holds. NULL: @stored. */
	uint32_t (*read)(const struct gpu_reg_io *io, uint32_t stored);
	/*
	 * Called after the access mask was applied: @old and @now are the register file's. NULL:
	 * nothing more.
	 */
	void (*write)(const struct gpu_reg_io *io, uint32_t old, uint32_t now);
};

/** struct gpu_reg_row - one row of the table: a register, or @count equal ones @stride apart */
struct gpu_reg_row {
	uint32_t offset;
	uint16_t count;
	uint16_t stride;
	uint8_t access;		/* enum gpu_reg_access */
	uint8_t flags;
	int8_t engine;		/* enum gpu_engine_id; -1: the GT's */
	uint32_t mask;
	uint32_t reset;
	const char *name;
	const struct gpu_reg_handler *handler;
};

/*
 * Is the register @id's to use? What lies in no engine's block belongs to the render engine, with
 * which it is switched.
 */
static inline bool gpu_reg_is_of(const struct gpu_reg_row *row, enum gpu_engine_id id)
{
	return row->engine < 0 ? id == GPU_RCS0 : row->engine == (int)id;
}

/* Row of @offset (dword aligned), NULL: none. Indexed, constant time; any thread. */
const struct gpu_reg_row *gpu_reg_row(uint32_t offset);
/* The whole table, for tests, fuzzers and dumps. */
const struct gpu_reg_row *gpu_reg_rows(unsigned int *count);

/*
 * Store reset values: of one engine's rows and what its contexts reach besides, or (NULL) of all
 * rows. Lock held.
 */
void gpu_regs_reset(struct gpu *gpu, const struct gpu_engine *engine);

/*
 * The registers that gpu_regs_reset() resets of @engine: their stored values, in a fixed order, to
 * @values (NULL: nowhere) and back. Returns how many they are. Lock held.
 */
unsigned int gpu_regs_save(struct gpu *gpu, const struct gpu_engine *engine, uint32_t *values);
void gpu_regs_load(struct gpu *gpu, const struct gpu_engine *engine, const uint32_t *values);
/* Where in @values the register at @offset is, -1: nowhere. */
int gpu_regs_index(const struct gpu_engine *engine, uint32_t offset);

/*
 * Apply a write of a context restore: only context registers (GPU_REG_CTX) of @engine, or of the GT
 * if it is the render engine; never side effects. False if @offset is none of them. Lock held.
 */
bool gpu_reg_restore(struct gpu_engine *engine, uint32_t offset, uint32_t value);

#define GPU_HANDLERS(X)                                                                         \
	X(none)                                                                                 \
	X(elsp) X(csb_ptr) X(ring_head) X(ring_tail) X(ring_ctl) X(acthd) X(acthd_udw)          \
		X(ipehr) X(instdone) X(mi_mode) X(imr) X(eir) X(emr) X(timestamp)               \
			X(timestamp_udw) X(ctx_timestamp) X(pdp) X(reset_ctl) X(gdrst)          \
				X(self_clear) X(master_irq) X(iir) X(forcewake) X(pcode)        \
					X(rp_request) X(rpstat) X(rp_counter) X(pwr_well)       \
						X(pll_enable) X(lcpll) X(cdclk) X(aux_ctl) \
							X(gmbus) X(gamw_eco) X(oa) X(oactx)
#define X(name) extern const struct gpu_reg_handler gpu_handler_##name;
GPU_HANDLERS(X)
#undef X

#endif /* REGS_H */
