// SPDX-License-Identifier: MIT
/*
 * Register dispatch: every access of the CPU and of command streams to the register file comes
 * through here.
 *
 * Called by the PCI device and the mediator (gpu_mmio_*), by the command streamer (gpu_cs_reg_*)
 * and, with the lock held, by the rest of gpu/. The behaviour of a register is in its row
 * (regs.def) and its handler; this file must not know any single register.
 */
#include <string.h>

#include "core.h"
#include "regs.h"

#define NUM_DWORDS	(GPU_MMIO_SIZE / 4)

static const struct gpu_reg_row rows[] = {
#define GPU_REG(offset, name, access, mask, reset, flags, handler) \
	{ (offset), 1, 4, access, flags, -1, mask, reset, name, &gpu_handler_##handler },
#define GPU_REGS(offset, count, stride, name, access, mask, reset, flags, handler) \
	{ (offset), count, stride, access, flags, -1, mask, reset, name, &gpu_handler_##handler },
#define GPU_ENGINE_REG(...)
#define GPU_ENGINE_REGS(...)
#include "regs.def"
#undef GPU_REG
#undef GPU_REGS
#undef GPU_ENGINE_REG
#undef GPU_ENGINE_REGS

#define GPU_REG(...)
#define GPU_REGS(...)
#define ENGINE_ROW(id, base, suffix, offset, count, stride, name, access, mask, reset, flags, \
		   handler) \
	{ (base) + (offset), count, stride, access, flags, id, mask, reset, \
	  name "(" suffix ")", &gpu_handler_##handler },
#define GPU_ENGINE_REG(offset, ...) GPU_ENGINE_REGS(offset, 1, 4, __VA_ARGS__)
#define THIS_ENGINE RCS0_BASE
#define GPU_ENGINE_REGS(...) ENGINE_ROW(GPU_RCS0, THIS_ENGINE, "rcs0", __VA_ARGS__)
#include "regs.def"
#undef GPU_ENGINE_REGS
#undef THIS_ENGINE
#define THIS_ENGINE BCS0_BASE
#define GPU_ENGINE_REGS(...) ENGINE_ROW(GPU_BCS0, THIS_ENGINE, "bcs0", __VA_ARGS__)
#include "regs.def"
#undef GPU_ENGINE_REGS
#undef THIS_ENGINE
#define THIS_ENGINE VCS0_BASE
#define GPU_ENGINE_REGS(...) ENGINE_ROW(GPU_VCS0, THIS_ENGINE, "vcs0", __VA_ARGS__)
#include "regs.def"
#undef GPU_ENGINE_REGS
#undef THIS_ENGINE
#define THIS_ENGINE VECS0_BASE
#define GPU_ENGINE_REGS(...) ENGINE_ROW(GPU_VECS0, THIS_ENGINE, "vecs0", __VA_ARGS__)
#include "regs.def"
};
#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct gpu_reg_handler gpu_handler_none;

/* Row number + 1 of each dword, 0: no row. Filled once, then only read. */
static uint16_t row_index[NUM_DWORDS];
static pthread_once_t row_index_once = PTHREAD_ONCE_INIT;

_Static_assert(NUM_ROWS < UINT16_MAX, "row numbers are 16 bits");

static void fill_row_index(void)
{
	unsigned int i, n;

	for (i = 0; i < NUM_ROWS; i++)
		for (n = 0; n < rows[i].count; n++)
			row_index[(rows[i].offset + n * rows[i].stride) / 4] = i + 1;
}

const struct gpu_reg_row *gpu_reg_row(uint32_t offset)
{
	unsigned int i;

	pthread_once(&row_index_once, fill_row_index);
	if (offset >= GPU_MMIO_SIZE)
		return NULL;
	i = row_index[offset / 4];
	return i ? &rows[i - 1] : NULL;
}

const struct gpu_reg_row *gpu_reg_rows(unsigned int *count)
{
	*count = NUM_ROWS;
	return rows;
}

const char *gpu_reg_name(uint32_t offset)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);

	return row ? row->name : NULL;
}

uint32_t gpu_reg_get(struct gpu *gpu, uint32_t offset)
{
	return gpu->regs[offset / 4];
}

void gpu_reg_set(struct gpu *gpu, uint32_t offset, uint32_t value)
{
	gpu->regs_touched[offset / GPU_PAGE_SIZE] = true;
	gpu->regs[offset / 4] = value;
}

/*
 * Does an engine's reset reach the register? Its own block, and what a context of the render engine
 * carries or may write outside of it: nothing that a command can change outlives its reset.
 */
static bool reset_with(const struct gpu_reg_row *row, enum gpu_engine_id id)
{
	return gpu_reg_is_of(row, id) &&
	       (row->engine >= 0 || row->flags & (GPU_REG_CTX | GPU_REG_USER));
}

/* Nearly all of the 2 MiB are never used. */
static void clear_touched(struct gpu *gpu)
{
	unsigned int page;

	for (page = 0; page < GPU_MMIO_SIZE / GPU_PAGE_SIZE; page++)
		if (gpu->regs_touched[page])
			memset(&gpu->regs[page * GPU_PAGE_SIZE / 4], 0, GPU_PAGE_SIZE);
	memset(gpu->regs_touched, 0, sizeof(gpu->regs_touched));
}

void gpu_regs_reset(struct gpu *gpu, const struct gpu_engine *engine)
{
	unsigned int i, n;

	if (!engine)
		clear_touched(gpu);
	for (i = 0; i < NUM_ROWS; i++) {
		if (engine && !reset_with(&rows[i], engine->id))
			continue;
		for (n = 0; n < rows[i].count; n++)
			gpu_reg_set(gpu, rows[i].offset + n * rows[i].stride, rows[i].reset);
	}
}

unsigned int gpu_regs_save(struct gpu *gpu, const struct gpu_engine *engine, uint32_t *values)
{
	unsigned int i, n, count = 0;

	for (i = 0; i < NUM_ROWS; i++) {
		if (!reset_with(&rows[i], engine->id))
			continue;
		for (n = 0; n < rows[i].count; n++, count++) {
			uint32_t offset = rows[i].offset + n * rows[i].stride;

			if (values)
				values[count] = gpu_reg_get(gpu, offset);
		}
	}
	return count;
}

void gpu_regs_load(struct gpu *gpu, const struct gpu_engine *engine, const uint32_t *values)
{
	unsigned int i, n;

	for (i = 0; i < NUM_ROWS; i++) {
		if (!reset_with(&rows[i], engine->id))
			continue;
		for (n = 0; n < rows[i].count; n++)
			gpu_reg_set(gpu, rows[i].offset + n * rows[i].stride, *values++);
	}
}

int gpu_regs_index(const struct gpu_engine *engine, uint32_t offset)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);
	unsigned int i, count = 0;

	if (!row || !reset_with(row, engine->id))
		return -1;
	for (i = 0; &rows[i] != row; i++)
		if (reset_with(&rows[i], engine->id))
			count += rows[i].count;
	return count + (offset - row->offset) / row->stride;
}

static struct gpu_engine *row_engine(struct gpu *gpu, const struct gpu_reg_row *row)
{
	return row->engine < 0 ? NULL : &gpu->engine[row->engine];
}

/* What a write of @value leaves of @old. */
static uint32_t merge(const struct gpu_reg_row *row, uint32_t old, uint32_t value)
{
	uint32_t bits;

	switch ((enum gpu_reg_access)row->access) {
	case GPU_RW:
		return (old & ~row->mask) | (value & row->mask);
	case GPU_MASKED:
		bits = value >> 16 & row->mask;
		return (old & ~bits) | (value & bits);
	case GPU_W1C:
		return old & ~(value & row->mask);
	case GPU_RO:
		break;
	}
	return old;
}

/* One dword, lock held. */
static uint32_t reg_read(struct gpu *gpu, struct gpu_cs *cs, uint32_t offset)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);
	uint32_t stored = gpu_reg_get(gpu, offset);

	if (row && row->handler->read) {
		struct gpu_reg_io io = { gpu, row_engine(gpu, row), cs, offset, 0 };

		return row->handler->read(&io, stored);
	}
	return stored;
}

static void reg_write(struct gpu *gpu, struct gpu_cs *cs, uint32_t offset, uint32_t value)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);
	uint32_t old, now;

	if (!row) {
		gpu_reg_set(gpu, offset, value);
		return;
	}
	old = gpu_reg_get(gpu, offset);
	now = merge(row, old, value);
	gpu_reg_set(gpu, offset, now);
	if (row->handler->write) {
		struct gpu_reg_io io = { gpu, row_engine(gpu, row), cs, offset, value };

		row->handler->write(&io, old, now);
	}
}

/* Is the row part of what a context of @engine carries? */
static bool context_row(const struct gpu_reg_row *row, const struct gpu_engine *engine)
{
	return row && row->flags & GPU_REG_CTX && gpu_reg_is_of(row, engine->id);
}

bool gpu_reg_restore(struct gpu_engine *engine, uint32_t offset, uint32_t value)
{
	struct gpu *gpu = engine->cs.gpu;
	const struct gpu_reg_row *row;

	if (offset >= GPU_MMIO_SIZE || offset % 4)
		return false;
	row = gpu_reg_row(offset);
	if (!context_row(row, engine))
		return false;
	/* No context, saved while the driver held the ring or made up, can stop or start an engine. */
	if (offset == engine->mmio_base + RING_MI_MODE)
		value &= ~(STOP_RING << 16);
	/* A read-only context register (BB_ADDR) is written by a restore and by nothing else. */
	gpu_reg_set(gpu, offset, row->access == GPU_RO ? value :
		    merge(row, gpu_reg_get(gpu, offset), value));
	return true;
}

/* All checks of a guest access, before any work. */
static bool access_valid(uint32_t offset, unsigned int size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && offset % size == 0 &&
	       offset < GPU_MMIO_SIZE;
}

uint64_t gpu_mmio_read(struct gpu *gpu, uint32_t offset, unsigned int size)
{
	uint64_t value;

	if (!access_valid(offset, size))
		return 0;
	gpu_lock(gpu);
	value = reg_read(gpu, NULL, offset & ~3u);
	if (size == 8)
		value |= (uint64_t)reg_read(gpu, NULL, offset + 4) << 32;
	gpu_unlock(gpu);

	if (size < 4)
		value = value >> 8 * (offset & 3) & ((1u << 8 * size) - 1);
	return value;
}

void gpu_mmio_write(struct gpu *gpu, uint32_t offset, unsigned int size, uint64_t value)
{
	if (!access_valid(offset, size))
		return;
	gpu_lock(gpu);
	if (size < 4) {
		/* Byte enables: the other bytes keep what is stored. */
		unsigned int shift = 8 * (offset & 3);
		uint32_t mask = ((1u << 8 * size) - 1) << shift;
		uint32_t old = gpu_reg_get(gpu, offset & ~3u);

		reg_write(gpu, NULL, offset & ~3u,
			  (old & ~mask) | ((uint32_t)value << shift & mask));
	} else {
		reg_write(gpu, NULL, offset, value);
		if (size == 8)
			reg_write(gpu, NULL, offset + 4, value >> 32);
	}
	gpu_unlock(gpu);
}

uint32_t gpu_cs_reg_read(struct gpu_cs *cs, uint32_t offset)
{
	uint32_t value;

	if (offset >= GPU_MMIO_SIZE || offset % 4)
		return 0;
	gpu_lock_runner(cs->gpu);
	value = reg_read(cs->gpu, cs, offset);
	gpu_unlock(cs->gpu);
	return value;
}

void gpu_cs_reg_write(struct gpu_cs *cs, uint32_t offset, uint32_t value)
{
	if (offset >= GPU_MMIO_SIZE || offset % 4)
		return;
	gpu_lock_runner(cs->gpu);
	reg_write(cs->gpu, cs, offset, value);
	gpu_unlock(cs->gpu);
}

/* Does RING_FORCE_TO_NONPRIV slot @slot open @offset? (i915 gt/intel_engine_regs.h) */
static bool nonpriv_slot_matches(uint32_t slot, uint32_t offset)
{
	static const uint32_t range_mask[4] = { 0x3, 0xf, 0x3f, 0xff };	/* 1, 4, 16, 64 registers */
	uint32_t addr = slot & 0x03fffffc & ~range_mask[slot & 3];

	if (slot & (1u << 30) || (slot >> 28 & 3) == 1)	/* deny; read only */
		return false;
	return addr == (offset & ~range_mask[slot & 3]);
}

bool gpu_cs_reg_user_writable(struct gpu_cs *cs, uint32_t offset)
{
	const struct gpu_reg_row *row;
	bool allowed = false;
	unsigned int i;

	if (offset >= GPU_MMIO_SIZE || offset % 4)
		return false;
	row = gpu_reg_row(offset);
	if (row && row->flags & GPU_REG_USER && gpu_reg_is_of(row, cs->engine->id))
		return true;
	/*
	 * A vGPU's kernel can put anything into the FORCE_TO_NONPRIV registers of its image, and
	 * nobody scans its user batches: what it opens must be its own context's state.
	 */
	if (cs->domain && !context_row(row, cs->engine))
		return false;

	gpu_lock_runner(cs->gpu);
	for (i = 0; i < 12 && !allowed; i++)
		allowed = nonpriv_slot_matches(
			gpu_reg_get(cs->gpu, cs->engine->mmio_base + 0x4d0 + 4 * i), offset);
	gpu_unlock(cs->gpu);
	return allowed;
}
