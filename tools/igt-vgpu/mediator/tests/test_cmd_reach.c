// SPDX-License-Identifier: MIT
/*
 * How far a command of a vGPU's context reaches: every row of commands.def, in the ring and in a
 * user batch, with flags and operands that try to get at what is another vGPU's or the owner's.
 * No row says what it reads or writes: whatever it does, nothing of theirs may change, and nothing
 * of it may turn up in the vGPU's memory or registers. And what of that the host is told.
 */
#include <stdlib.h>
#include <string.h>

#include "../gpu/regs.h"
#include "cs_fixture.h"

#define ATTACKER	1u
#define VICTIM		2u
#define SECRET		0x5ec7e700u	/* the low byte tells where it was found */
#define IS_SECRET(v)	(((v) & ~0xffu) == SECRET)
#define DWORDS		16u
#define MAX_STEPS	4

/* Which engine each MOCS table belongs to, by its second digit from 0xc800 on. */
static enum gpu_engine_id mocs_engine(uint32_t offset)
{
	static const enum gpu_engine_id of[] = { GPU_RCS0, GPU_VCS0, GPU_VCS0, GPU_VECS0, GPU_BCS0 };

	return of[(offset - 0xc800) >> 8];
}

/* The policy's word: what is switched with the engine's owner. All else belongs to everybody. */
static bool is_own(const struct cst *t, uint32_t offset)
{
	static const struct { uint32_t first, last; const char *class; } rows[] = {
#define POLICY(first, last, class, name) { first, last, #class },
#define POLICY_CALLS(...)
#define ENGINE_POLICY(...)
#define ENGINE_POLICY_CALLS(...)
#define POLICY_INITIAL(...)
#include "../gvt/policy.def"
	};
	uint32_t in_block = offset - t->engine->mmio_base;
	unsigned int i;

	if (in_block < 0x1000)
		return in_block != GPU_RING_DOMAIN && in_block != GPU_RING_HWS_PGA_VGPU;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (offset >= rows[i].first && offset <= rows[i].last &&
		    !strcmp(rows[i].class, "POLICY_ENGINE"))
			return t->engine->id == (offset >= 0xc800 && offset < 0xcd00 ?
						 mocs_engine(offset) : GPU_RCS0);
	return false;
}

/** struct reach - a stream, and what it must not get at */
struct reach {
	struct cst *t;
	uint32_t theirs[2];		/* GGTT addresses: the victim's, the owner's */
	uint64_t pte[2];		/* their entries */
	uint32_t *page[2];		/* what lies there, ... */
	uint32_t content[2][GPU_PAGE_SIZE / 4];	/* ... as it was */
	uint32_t own;			/* GGTT address of a page of its own */
	uint32_t *regs;			/* as they were */
	struct gpu_ppgtt ppgtt;
};

static void reach_init(struct reach *r, enum gpu_engine_id engine)
{
	struct cst *t = r->t = cst_new(GPU_SKL, engine, ATTACKER);
	static const unsigned int domain[2] = { VICTIM, 0 };
	uint32_t offset, i;

	for (i = 0; i < 2; i++) {
		uint32_t j;

		r->theirs[i] = fx_ggtt_alloc(t->fx, domain[i], 1);
		r->pte[i] = gpu_ggtt_read(t->gpu, r->theirs[i] >> GPU_PAGE_SHIFT);
		r->page[i] = fx_at(t->fx, r->theirs[i]);
		for (j = 0; j < GPU_PAGE_SIZE / 4; j++)
			r->page[i][j] = r->content[i][j] = SECRET | i;
	}
	r->own = t->ggtt_data;
	r->ppgtt = t->cs->ppgtt;
	r->regs = malloc(GPU_MMIO_SIZE);
	for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4)
		if (!is_own(t, offset))
			t->gpu->regs[offset / 4] = SECRET | 2;
	memcpy(r->regs, t->gpu->regs, GPU_MMIO_SIZE);
}

static void reach_fini(struct reach *r)
{
	free(r->regs);
	cst_free(r->t);
}

/* One command at the start of the ring or of a user batch. */
static void execute(struct reach *r, const uint32_t *dw, bool user)
{
	struct gpu_cs *cs = r->t->cs;
	uint32_t *at = user ? r->t->batch : fx_at(r->t->fx, r->t->ctx.ring);
	unsigned int step;

	memcpy(at, dw, 4 * DWORDS);
	memset(at + DWORDS, 0, 64);
	gpu_cs_start(cs);
	cs->ppgtt = r->ppgtt;
	cs->head = 0;
	cs->tail = 4 * (DWORDS + 8);
	if (user) {
		cs->depth = 1;
		cs->level[1].addr = BATCH_VA;
		cs->level[1].space = GPU_SPACE_PPGTT;
	}
	for (step = 0; step < MAX_STEPS && gpu_cs_step(cs) == GPU_CS_MORE; step++)
		;
}

static void check_pages(const struct reach *r, const char *what, const uint32_t *dw)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (memcmp(r->page[i], r->content[i], GPU_PAGE_SIZE) ||
		    gpu_ggtt_read(r->t->gpu, r->theirs[i] >> GPU_PAGE_SHIFT) != r->pte[i])
			fail_msg("%s 0x%08x 0x%x 0x%x 0x%x wrote %s memory or GGTT entry", what,
				 dw[0], dw[1], dw[2], dw[3], i ? "the owner's" : "the victim's");
}

static void check_rest(const struct reach *r, const char *what)
{
	struct fx *fx = r->t->fx;
	uint32_t pages = fx->next_page[ATTACKER], offset, i;
	const uint32_t *mem = (const uint32_t *)fx->mem[ATTACKER];

	for (offset = 0; offset < GPU_MMIO_SIZE; offset += 4) {
		uint32_t value = r->t->gpu->regs[offset / 4];

		if (is_own(r->t, offset)) {
			if (IS_SECRET(value))
				fail_msg("%s: register 0x%x has secret %u", what, offset,
					 value & 0xff);
		} else if (value != r->regs[offset / 4]) {
			fail_msg("%s changed register 0x%x (%s)", what, offset,
				 gpu_reg_name(offset) ? gpu_reg_name(offset) : "no name");
		}
	}
	for (i = 0; i < pages * GPU_PAGE_SIZE / 4; i++)
		if (IS_SECRET(mem[i]))
			fail_msg("%s: secret %u is in memory at 0x%x", what, mem[i] & 0xff, 4 * i);
}

/* Header bits besides opcode and length that change what a command does, in each combination. */
static uint32_t flags_of(const struct gpu_cmd_info *info, unsigned int n)
{
	static const uint8_t mi[] = { 22, 21, 18, 16, 14, 8 };
	static const uint8_t blt[] = { 21, 20, 15, 11 };
	const uint8_t *bits = info->client == GPU_CMD_BLT ? blt : mi;
	unsigned int i, count = info->client == GPU_CMD_BLT ? 4 : 6;
	uint32_t flags = 0;

	for (i = 0; i < count; i++)
		if (n & 1u << i)
			flags |= 1u << bits[i];
	if (info->client == GPU_CMD_RC)
		return 0;
	return flags & ~info->length_mask;
}

/* As many dwords as there are, if the command can be so long. */
static uint32_t header_of(const struct gpu_cmd_info *info, uint32_t flags)
{
	uint32_t header = gpu_cmd_header(info) & ~info->length_mask;
	uint32_t length = DWORDS > info->bias ? DWORDS - info->bias : 0;

	return header | flags | (length & info->length_mask);
}

/* What the flags of a PIPE_CONTROL are, which stand in its second dword. */
static const uint32_t pipe_flags[] = {
	0, 1u << 14, 1u << 14 | 1u << 24, 2u << 14 | 1u << 24, 3u << 14 | 1u << 24,
	1u << 14 | 1u << 24 | 1u << 21, 1u << 23,
};

/*
 * Addresses of theirs in all places: low and high half are one dword each, beginning at an odd or
 * an even one; the first operand may be something else.
 */
static void try_addresses(struct reach *r, const struct gpu_cmd_info *info, uint32_t header,
			  bool user)
{
	uint32_t dw[DWORDS], i;
	unsigned int whose, first, parity;

	for (whose = 0; whose < 2; whose++) {
		for (parity = 0; parity < 2; parity++) {
			for (first = 0; first < 3; first++) {
				dw[0] = header;
				for (i = 1; i < DWORDS; i++)
					dw[i] = i % 2 == parity ? r->theirs[whose] + 0x40 : 0;
				if (first)
					dw[1] = first == 1 ? 0x600 + r->t->engine->mmio_base : 5;
				execute(r, dw, user);
				check_pages(r, info->name, dw);
			}
		}
		for (i = 0; info->op == 0x1a00 && i < sizeof(pipe_flags) / 4; i++) {
			const uint32_t pipe[DWORDS] = { header, pipe_flags[i], r->theirs[whose], 0,
							0xbad, 0xbad };

			execute(r, pipe, user);
			check_pages(r, info->name, pipe);
		}
	}
}

/* A register of theirs as source or target, the other operand is its own. */
static void try_register(struct reach *r, const struct gpu_cmd_info *info, uint32_t header,
			 uint32_t reg, bool user)
{
	const uint32_t gpr = r->t->engine->mmio_base + 0x600;
	const uint32_t tries[][DWORDS] = {
		{ header, reg, r->own, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ header, reg, LO(DATA_VA), HI(DATA_VA) },
		{ header, reg, gpr },
		{ header, gpr, reg, reg, 0xbad },
		{ header, 1u << 23, reg, 0, 0xbad },
	};
	const uint32_t *stored = fx_at(r->t->fx, r->own), *data = (const uint32_t *)r->t->data;
	unsigned int i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		execute(r, tries[i], user);
		check_pages(r, info->name, tries[i]);
		/* Before the next try overwrites it. */
		if (IS_SECRET(*stored) || IS_SECRET(*data) ||
		    IS_SECRET(r->t->gpu->regs[gpr / 4]))
			fail_msg("%s 0x%08x 0x%x 0x%x 0x%x read register 0x%x", info->name, header,
				 tries[i][1], tries[i][2], tries[i][3], reg);
	}
}

/* Of each kind one that is another engine's, or nobody's. */
static const uint32_t registers[] = {
	0x2600, 0x2030, 0x2080, 0x22600, 0x22244, 0x12600, 0x1a600,	/* engines */
	0x5200, 0x5280, 0x7000, 0xb11c, 0xe100, 0xe184,			/* 3D pipeline, L3 */
	0x40e0, 0x4ab8, 0x4de0,						/* PAT, caches, TRTT */
	0xc800, 0xc900, 0xca00, 0xcb00, 0xcc00,				/* MOCS */
	0x44200, 0x44308, 0x4430c, 0x100000, 0x1000f8,			/* interrupts, fences */
	0x941c, 0x4260, 0x9424, 0x9888, 0xa188, 0xa278, 0xc000, 0x138124, 0x78000, 0x1ffffc,
};

static void attack(enum gpu_engine_id engine)
{
	const struct gpu_cmd_info *rows;
	unsigned int count, i, n, j, user;
	struct reach r;

	reach_init(&r, engine);
	rows = gpu_cmd_rows(&count);
	for (i = 0; i < count; i++) {
		if (!(rows[i].engines & 1u << engine))
			continue;
		for (user = 0; user < 2; user++) {
			for (n = 0; n < 64; n++) {
				uint32_t flags = flags_of(&rows[i], n);

				if (n && !flags)
					continue;
				try_addresses(&r, &rows[i], header_of(&rows[i], flags), user);
				/* Of registers, each flag alone, and all at once. */
				if (rows[i].client == GPU_CMD_BLT || (n & (n - 1) && n != 63))
					continue;
				for (j = 0; j < sizeof(registers) / 4; j++)
					if (!is_own(r.t, registers[j]))
						try_register(&r, &rows[i],
							     header_of(&rows[i], flags),
							     registers[j], user);
			}
		}
		check_rest(&r, rows[i].name);
	}
	reach_fini(&r);
}

static void no_command_reaches_beyond_its_vgpu(void **state)
{
	unsigned int engine;

	(void)state;
	for (engine = 0; engine < GPU_NUM_ENGINES; engine++)
		attack(engine);
}

#define REFUSAL_DWORDS	5

/* How often the host was told. */
static unsigned int refusals_of(const uint32_t *dw, unsigned int domain, bool user)
{
	struct cst *t = cst_new(GPU_SKL, GPU_RCS0, domain);
	unsigned int refused;

	if (user) {
		cst_batch_dwords(t, dw, REFUSAL_DWORDS);
		cst_call_batch(t);
	} else {
		cst_ring_dwords(t, dw, REFUSAL_DWORDS);
	}
	cst_run_ok(t);
	refused = t->fx->refused[domain];
	cst_free(t);
	return refused;
}

static void the_host_is_told_what_a_vgpus_kernel_is_refused(void **state)
{
	/* HWS_PGA is the mediator's, the GPRs are the context's own. */
	static const struct {
		const char *what;
		unsigned int refused;
		uint32_t dw[REFUSAL_DWORDS];
	} rows[] = {
		{ "LRI", 1, { MI_LRI(1), 0x2080, 7 } },
		{ "LRI of two", 2, { MI_LRI(2), 0x2080, 7, 0x100000, 1 } },
		{ "LRI of its own", 0, { MI_LRI(2), 0x2600, 7, 0x7304, 0x00100010 } },
		{ "LRI without a byte", 0, { MI_LRI(1) | 0xf00, 0x2080, 7 } },
		{ "LRI with one byte", 1, { MI_LRI(1) | 0xe00, 0x2080, 7 } },
		{ "LRI beyond the registers", 1, { MI_LRI(1), 0x200000, 7 } },
		{ "LRM", 1, { MI_LRM, 0x2080, LO(DATA_VA), HI(DATA_VA) } },
		{ "LRR", 1, { MI_LRR, 0x2600, 0x2080 } },
		{ "LRR of another engine's", 1, { MI_LRR, 0x22600, 0x2600 } },
		{ "LRR of what no engine has", 2, { MI_LRR, 0x9888, 0x9888 } },
		{ "SRM", 1, { MI_SRM, 0x100000, LO(DATA_VA), HI(DATA_VA) } },
		{ "SRM of its own", 0, { MI_SRM, 0x2600, LO(DATA_VA), HI(DATA_VA) } },
		{ "PIPE_CONTROL", 1, { 3u << 29 | 0x1a00 << 16 | 3, 1u << 23, 0x2080, 0, 7 } },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (refusals_of(rows[i].dw, 1, false) != rows[i].refused)
			fail_msg("%s: not %u", rows[i].what, rows[i].refused);
		/* Hardware drops what a user batch may not; a bare GPU does all else. */
		if (refusals_of(rows[i].dw, 1, true) || refusals_of(rows[i].dw, 0, true) ||
		    refusals_of(rows[i].dw, 0, false))
			fail_msg("%s: of a user batch, or on a bare GPU", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_command_reaches_beyond_its_vgpu),
		cmocka_unit_test(the_host_is_told_what_a_vgpus_kernel_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
