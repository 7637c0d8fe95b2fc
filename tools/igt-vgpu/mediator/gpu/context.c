// SPDX-License-Identifier: MIT
/*
 * Logical ring context images: loading one into an engine, saving it back.
 *
 * Page 1 of an image is a list of MI_LOAD_REGISTER_IMM blocks. Loading walks whatever is there, as
 * hardware does, but only registers that belong to a context (GPU_REG_CTX) are taken. Saving writes
 * the hardware's layout below, headers included: the driver leaves out what it does not care for in
 * a first image and finds it completed afterwards. Called by execlist.c and engine.c on the
 * runner's thread. The image is guest memory: nothing in it is trusted.
 */
#include <string.h>

#include "cmd.h"
#include "core.h"

#define IMAGE_DWORDS	1024u		/* page 1 */
#define MI_LRI		(0x22u << 23)
#define MI_LRI_POSTED	(1u << 12)
#define MI_BB_START	(0x31u << 23)
#define MI_BB_END	(0x0au << 23)
#define MI_OPCODE_MASK	(0x1ffu << 23)
#define RING_PART_END 0x51u /* what lies behind is the engine context, which can be inhibited */
#define IMAGE_TAIL	0x07u		/* dword of RING_TAIL's value */
#define WA_BATCH_STEPS	4096u		/* commands in a workaround batch, at most */

/** struct block - one LOAD_REGISTER_IMM of the layout */
struct block {
	uint16_t at;		/* dword of the header; 0 ends the list */
	uint16_t count;
	bool posted;
	bool absolute;		/* register offsets are not relative to the engine's base */
	const uint32_t *regs;
};

/* Ring context, common to all (i915 gt/intel_lrc.c: offset tables). */
static const uint32_t ring_regs[] = {
	0x244, 0x034, 0x030, 0x038, 0x03c, 0x168, 0x140,
	0x110, 0x11c, 0x114, 0x118, 0x1c0, 0x1c4, 0x1c8,
};
static const uint32_t pdp_regs[] = {
	0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270,
};
static const uint32_t power_regs[] = { 0x0c8 };
static const uint32_t swctrl_regs[] = { 0x200, 0x028 };
/* Engine context: mode, batch state, GPRs. */
static const uint32_t engine_regs[] = {
	0x028, 0x09c, 0x0c0, 0x178, 0x17c, 0x358, 0x170, 0x150, 0x154, 0x158, 0x41c,
#define GPR4(n) 0x600 + 16 * (n), 0x604 + 16 * (n), 0x608 + 16 * (n), 0x60c + 16 * (n)
	GPR4(0), GPR4(1), GPR4(2), GPR4(3), GPR4(4), GPR4(5), GPR4(6), GPR4(7), 0x068,
};
static const uint32_t mode_regs[] = { 0x028, 0x09c, 0x0c0 };
static const uint32_t bb_offset_regs[] = { 0x158 };
static const uint32_t gpr_regs[] = {
	GPR4(0), GPR4(1), GPR4(2), GPR4(3), GPR4(4), GPR4(5), GPR4(6), GPR4(7),
};
static const uint32_t nonpriv_regs[] = {
	0x4d0, 0x4d4, 0x4d8, 0x4dc, 0x4e0, 0x4e4, 0x4e8, 0x4ec, 0x4f0, 0x4f4, 0x4f8, 0x4fc,
};
/*
 * Render state: workaround and whitelisted registers, statistics. Where they lie is our own choice, but
 * behind the place where the indirect context batch runs: what it sets must not outlive what was saved.
 */
static const uint32_t render_regs[] = {
	0x2088, 0x2090, 0x2248, 0x2580, 0x7000, 0x7004, 0x7008, 0x7010, 0x7014, 0x7018,
	0x7300, 0x7304, 0x7308, 0x731c, 0xb118, 0xe100, 0xe180, 0xe184, 0xe188, 0xe194,
	0xe4f0, 0xe4f4, 0x24d0, 0x24d4, 0x24d8, 0x24dc, 0x24e0, 0x24e4, 0x24e8, 0x24ec,
	0x24f0, 0x24f4, 0x24f8, 0x24fc, 0x2300, 0x2304, 0x2308, 0x230c, 0x2310, 0x2314,
	0x2318, 0x231c, 0x2320, 0x2324, 0x2328, 0x232c, 0x2330, 0x2334, 0x2338, 0x233c,
	0x2340, 0x2344, 0x2348, 0x234c, 0x2350, 0x2354,
};
/* And what user batches may write, but for what is above. */
#define PAIR(r) (r), (r) + 4
static const uint32_t user_regs[] = {
	PAIR(0x2290), PAIR(0x22c8), PAIR(0x22d8), PAIR(0x22f0), PAIR(0x22f8), 0x2364,
	PAIR(0x2400), PAIR(0x2408), PAIR(0x2410), 0x2418, 0x2420, PAIR(0x2430), PAIR(0x2438), 0x2440,
	PAIR(0x2448), PAIR(0x2450), PAIR(0x2500), 0x2508, PAIR(0x5200), PAIR(0x5208), PAIR(0x5210),
	PAIR(0x5218), PAIR(0x5240), PAIR(0x5248), PAIR(0x5250), PAIR(0x5258), PAIR(0x5280),
	PAIR(0x5288), 0x7034, 0xe400, 0xe404,
};
/* Positions that i915_perf.c knows: OACTXCONTROL and the flexible EU counters. */
static const uint32_t oa_regs[] = { 0x2360 };
static const uint32_t flex_regs[] = { 0xe458, 0xe558, 0xe658, 0xe758, 0xe45c, 0xe55c, 0xe65c };

#define COUNT(regs) (sizeof(regs) / sizeof((regs)[0]))
#define BLOCK(at, regs, posted, absolute) { at, COUNT(regs), posted, absolute, regs }

static const struct block gen9_rcs[] = {
	BLOCK(0x001, ring_regs, true, false), BLOCK(0x021, pdp_regs, true, false),
	BLOCK(0x041, power_regs, false, false), BLOCK(0x051, engine_regs, true, false),
	BLOCK(0x0ab, user_regs, false, true), BLOCK(0x127, oa_regs, false, true),
	BLOCK(0x261, render_regs, false, true), BLOCK(0x3dd, flex_regs, false, true), { 0 },
};
static const struct block gen9_xcs[] = {
	BLOCK(0x001, ring_regs, true, false), BLOCK(0x021, pdp_regs, true, false),
	{ 0x041, 1, true, false, swctrl_regs }, BLOCK(0x051, engine_regs, true, false),
	BLOCK(0x0ab, nonpriv_regs, false, false), { 0 },
};
static const struct block gen8_rcs[] = {
	BLOCK(0x001, ring_regs, true, false), BLOCK(0x021, pdp_regs, true, false),
	BLOCK(0x041, power_regs, false, false), BLOCK(0x055, mode_regs, false, false),
	BLOCK(0x0c3, bb_offset_regs, false, false), BLOCK(0x0d7, gpr_regs, false, false),
	BLOCK(0x11f, oa_regs, false, true), BLOCK(0x123, user_regs, false, true),
	BLOCK(0x191, render_regs, false, true), BLOCK(0x2cd, flex_regs, false, true), { 0 },
};
static const struct block gen8_xcs[] = {
	{ 0x001, 11, false, false, ring_regs }, BLOCK(0x021, pdp_regs, false, false),
	BLOCK(0x041, swctrl_regs, false, false), BLOCK(0x051, nonpriv_regs, false, false), { 0 },
};

static const struct block *layout(const struct gpu_engine *engine)
{
	bool rcs = engine->id == GPU_RCS0;

	if (engine->cs.gpu->platform->gen >= 9)
		return rcs ? gen9_rcs : gen9_xcs;
	return rcs ? gen8_rcs : gen8_xcs;
}

static uint32_t *image_page(struct gpu_engine *engine, bool write)
{
	uint64_t addr = DESC_LRCA(engine->active[0].desc) + (uint64_t)GPU_PAGE_SIZE;

	if (addr >= GPU_GGTT_SIZE)
		return NULL;
	return (uint32_t *)gpu_ggtt_ptr(engine->cs.gpu, addr, write);
}

static void fail(struct gpu_engine *engine, const char *what)
{
	engine->cs.hung = true;
	engine->cs.faulted = true;
	gpu_log(engine->cs.gpu, engine->cs.domain, GPU_LOG_WARN,
		"%s: context 0x%08x: %s; the engine hangs", engine->name,
		DESC_LRCA(engine->active[0].desc), what);
}

/*
 * Walk the image's LOAD_REGISTER_IMM blocks from dword @i, which begins one, to @end, whose own block is
 * finished; anything else ends the list. Returns where it ends.
 */
static unsigned int restore_registers(struct gpu_engine *engine, const uint32_t *image, unsigned int i,
				      unsigned int end)
{
	unsigned int n;

	while (i < end) {
		uint32_t header = image[i++];

		if (!header)
			continue;
		if ((header & MI_OPCODE_MASK) != MI_LRI)
			return IMAGE_DWORDS;
		for (n = ((header & 0xff) + 1) / 2; n && i + 1 < IMAGE_DWORDS; n--, i += 2)
			gpu_reg_restore(engine, image[i], image[i + 1]);
	}
	return i;
}

void gpu_context_update_ppgtt(struct gpu_engine *engine)
{
	struct gpu_cs *cs = &engine->cs;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint64_t pdp = (uint64_t)engine_get(engine, RING_PDP(i) + 4) << 32 |
			       engine_get(engine, RING_PDP(i));
		unsigned int domain = cs->domain;

		/* Only a mediator can name another domain than its own. */
		if (!domain && !cs->gpu->config.native)
			domain = (pdp & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT;
		cs->ppgtt.pdp[i] = (pdp & GPU_ADDR_MASK) | (uint64_t)domain << GPU_DOMAIN_SHIFT;
	}
	gpu_tlb_flush(cs);
}

/* The batch that was interrupted goes on, if the ring still stands right behind its start. */
static void restore_batch(struct gpu_engine *engine)
{
	static const struct { uint16_t addr, udw, state; } level[] = {
		{ RING_BBADDR, RING_BBADDR_UDW, RING_BBSTATE },
		{ RING_SBBADDR, RING_SBBADDR_UDW, RING_SBBSTATE },
	};
	struct gpu_cs *cs = &engine->cs;
	uint32_t back = (cs->head - 12) & (cs->ring_size - 1);
	const uint8_t *start;
	unsigned int i;

	if (!(engine_get(engine, RING_BBADDR) & BBADDR_VALID))
		return;
	/* i915 rewinds RING_HEAD to replay a request and leaves BB_ADDR as it is. */
	start = gpu_ggtt_ptr_of(cs->gpu, cs->domain, cs->ring_start + (uint64_t)back, false);
	if (!start || (*(const uint32_t *)start & MI_OPCODE_MASK) != MI_BB_START)
		return;
	for (i = 0; i < 2; i++) {
		uint32_t addr = engine_get(engine, level[i].addr);

		if (!(addr & BBADDR_VALID))
			break;
		cs->depth = i + 1;
		cs->level[i + 1].addr =
			(uint64_t)(engine_get(engine, level[i].udw) & 0xffff) << 32 | (addr & ~3u);
		cs->level[i + 1].space = engine_get(engine, level[i].state) & BBSTATE_PPGTT ?
					 GPU_SPACE_PPGTT : GPU_SPACE_GGTT;
	}
}

/*
 * Run a workaround batch in the GGTT, of @dwords dwords or (0) up to its MI_BATCH_BUFFER_END. No
 * lock held.
 */
static void run_wa_batch(struct gpu_engine *engine, uint32_t addr, unsigned int dwords)
{
	struct gpu_cs *cs = &engine->cs;
	uint64_t end = (uint64_t)addr + 4 * dwords;
	unsigned int steps;

	cs->depth = 1;
	cs->level[1].addr = addr;
	cs->level[1].space = GPU_SPACE_GGTT;
	for (steps = 0; steps < WA_BATCH_STEPS; steps++) {
		if (cs->hung || !cs->depth || atomic_load(&engine->stop))
			break;
		if (dwords && cs->depth == 1 && cs->level[1].addr >= end)
			break;
		/* It is run without a look at anything else, so it may not take long. */
		if (gpu_cs_step(cs) == GPU_CS_PART && !atomic_load(&engine->stop)) {
			fail(engine, "its workaround batch moves too much");
			break;
		}
	}
	if (steps == WA_BATCH_STEPS)
		fail(engine, "its workaround batch does not end");
	cs->depth = 0;
}

/*
 * The dwords from @at to @end of the image, with the workaround batches: the indirect one in their midst, at
 * the cache line that RING_INDIRECT_CTX_OFFSET says, the other one behind them. The lock is dropped for both.
 */
static void restore_with_wa_batches(struct gpu_engine *engine, const uint32_t *image, unsigned int at,
				    unsigned int end)
{
	struct gpu *gpu = engine->cs.gpu;
	uint32_t indirect = engine_get(engine, RING_INDIRECT_CTX);
	uint32_t per_ctx = engine_get(engine, RING_BB_PER_CTX_PTR);
	unsigned int place = (engine_get(engine, RING_INDIRECT_CTX_OFFSET) >> 6 & 0x3ff) * 16;

	if (indirect & 0x3f) {
		at = restore_registers(engine, image, at, place < end ? place : end);
		gpu_unlock(gpu);
		run_wa_batch(engine, indirect & ~0x3fu, (indirect & 0x3f) * 16);
		gpu_lock_runner(gpu);
	}
	restore_registers(engine, image, at, end);
	if (per_ctx & 1 && !engine->cs.hung) {
		gpu_unlock(gpu);
		run_wa_batch(engine, per_ctx & ~0x3fu, 0);
		gpu_lock_runner(gpu);
	}
}

/* Registers of the ring -> the stream; false if they make no sense. */
static bool start_stream(struct gpu_engine *engine)
{
	struct gpu_cs *cs = &engine->cs;
	uint32_t ctl = engine_get(engine, RING_CTL);

	cs->ring_start = engine_get(engine, RING_START);
	cs->ring_size = ctl & 1 ? (ctl & 0x1ff000) + GPU_PAGE_SIZE : 0;
	cs->head = engine_get(engine, RING_HEAD) & 0x1ffffc;
	cs->tail = engine_get(engine, RING_TAIL) & 0x1ffff8;
	cs->arb_enabled = true;
	cs->hung = false;
	cs->faulted = false;
	gpu_cs_start(cs);
	gpu_engine_publish(engine);
	return !(cs->ring_size & (cs->ring_size - 1)) && cs->head < cs->ring_size &&
	       cs->tail < cs->ring_size;
}

void gpu_context_load(struct gpu_engine *engine)
{
	struct gpu *gpu = engine->cs.gpu;
	struct gpu_cs *cs = &engine->cs;
	uint64_t desc = engine->active[0].desc;
	uint32_t image[IMAGE_DWORDS], control;
	unsigned int at;
	const uint32_t *page = image_page(engine, false);

	engine->need_load = false;
	engine->hang_reported = false;
	gpu_event(engine, GPU_EVENT_CONTEXT_IN, desc);
	gpu_oa_switch(engine);
	cs->pphwsp = DESC_LRCA(desc);
	cs->domain = gpu->config.native ? 0 : engine_get(engine, GPU_RING_DOMAIN);
	cs->ppgtt.four_level = DESC_MODE(desc) == DESC_MODE_4LEVEL;
	if (!page) {
		fail(engine, "its image is not mapped");
		return;
	}
	memcpy(image, page, sizeof(image));

	at = restore_registers(engine, image, 0, RING_PART_END);
	engine->ctx_time = engine_get(engine, RING_CTX_TIMESTAMP);
	engine->ctx_start = gpu_timestamp(gpu);
	gpu_context_update_ppgtt(engine);
	if (!start_stream(engine)) {
		fail(engine, "RING_CTL, HEAD or TAIL is out of range");
		return;
	}
	control = image[3];
	restore_with_wa_batches(engine, image, at, control & control >> 16 & CTX_RESTORE_INHIBIT ? at : IMAGE_DWORDS);
	gpu_oa_update(gpu);	/* by the OACTXCONTROL of this context */
	if (atomic_load(&engine->stop) && !cs->hung) {
		/* A part of them may be missing: all of it again, from the image, which is as it was. */
		engine->need_load = true;
		gpu_event(engine, GPU_EVENT_CONTEXT_OUT, desc);
		return;
	}
	if (!cs->hung)
		restore_batch(engine);
	gpu_engine_publish(engine);
}

/* The stream's position -> registers, as they shall stand in the image. */
static void store_stream(struct gpu_engine *engine)
{
	struct gpu_cs *cs = &engine->cs;

	engine_set(engine, RING_HEAD, cs->head);
	engine_set(engine, RING_TAIL, cs->tail);
	engine_set(engine, RING_BBADDR, (uint32_t)cs->level[1].addr | BBADDR_VALID);
	engine_set(engine, RING_BBADDR_UDW, cs->level[1].addr >> 32);
	engine_set(engine, RING_BBSTATE, cs->level[1].space == GPU_SPACE_PPGTT ? BBSTATE_PPGTT : 0);
	engine_set(engine, RING_SBBADDR, (uint32_t)cs->level[2].addr | BBADDR_VALID);
	engine_set(engine, RING_SBBADDR_UDW, cs->level[2].addr >> 32);
	engine_set(engine, RING_SBBSTATE,
		   cs->level[2].space == GPU_SPACE_PPGTT ? BBSTATE_PPGTT : 0);
	if (cs->depth < 1) {
		engine_set(engine, RING_BBADDR, 0);
		engine_set(engine, RING_BBADDR_UDW, 0);
		engine_set(engine, RING_BBSTATE, 0);
	}
	if (cs->depth < 2) {
		engine_set(engine, RING_SBBADDR, 0);
		engine_set(engine, RING_SBBADDR_UDW, 0);
		engine_set(engine, RING_SBBSTATE, 0);
	}
	/*
	 * Two ticks on: later than anything that was read while the context ran, see
	 * ctx_timestamp_read().
	 */
	engine_set(engine, RING_CTX_TIMESTAMP, engine->ctx_time + 2 +
		   (uint32_t)(gpu_timestamp(cs->gpu) - engine->ctx_start));
}

static uint32_t saved_value(struct gpu_engine *engine, uint32_t offset)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);
	uint32_t value = gpu_reg_get(engine->cs.gpu, offset);

	if (offset == engine->mmio_base + RING_CONTEXT_CONTROL)
		value &= ~CTX_RESTORE_INHIBIT;	/* from now on there is something to restore */
	if (row && row->access == GPU_MASKED)
		value |= 0xffff0000u;
	/* STOP_RING is the driver's word to the engine, whatever runs in it. */
	if (offset == engine->mmio_base + RING_MI_MODE)
		value &= ~(STOP_RING << 16 | STOP_RING);
	return value;
}

bool gpu_context_save(struct gpu_engine *engine)
{
	uint32_t control = engine_get(engine, RING_CONTEXT_CONTROL);
	uint32_t *image = image_page(engine, true);
	const struct block *block;
	unsigned int i, at = 0;

	gpu_event(engine, GPU_EVENT_CONTEXT_OUT, engine->active[0].desc);
	store_stream(engine);
	if (!image) {
		gpu_log(engine->cs.gpu, engine->cs.domain, GPU_LOG_WARN,
			"%s: context 0x%08x: its image is gone, nothing is saved", engine->name,
			DESC_LRCA(engine->active[0].desc));
		return false;
	}
	for (block = layout(engine); block->at; block++) {
		if (block->at >= RING_PART_END && control & CTX_SAVE_INHIBIT)
			return true;
		while (at < block->at)
			image[at++] = 0; /* MI_NOOP; also over the batch end of a first image */
		image[at++] = MI_LRI | (block->posted ? MI_LRI_POSTED : 0) | (2 * block->count - 1);
		for (i = 0; i < block->count; i++, at += 2) {
			uint32_t offset =
				block->regs[i] + (block->absolute ? 0 : engine->mmio_base);

			image[at] = offset;
			/* The driver sets RING_TAIL at any time; hardware only reads it. */
			if (at + 1 != IMAGE_TAIL)
				image[at + 1] = saved_value(engine, offset);
		}
	}
	image[at] = MI_BB_END;
	return true;
}

bool gpu_context_reload_tail(struct gpu_engine *engine)
{
	const uint32_t *image = image_page(engine, false);
	uint32_t tail;

	if (!image)
		return false;
	tail = __atomic_load_n(&image[IMAGE_TAIL], __ATOMIC_ACQUIRE) & 0x1ffff8;
	if (tail >= engine->cs.ring_size)
		return false;
	engine->cs.tail = tail;
	gpu_engine_publish(engine);
	return true;
}
