// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a hostile guest beside a peaceful one. The input is a list of accesses of the first
 * vGPU to BAR 0 and the aperture, with guest memory that the input fills, of engine runs, of time
 * that passes, and of submissions of the second one. That one only stores numbers in its own memory
 * and looks at registers that it never wrote. After each input it must find everything as it left
 * it, and get each engine in a bounded time; the mediator's own state is checked, both guests are
 * reset, and nothing of them may be left on an engine.
 *
 * An access is one byte of kind and its operands; offsets are chosen so that most of them hit
 * something.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/ring_context.h"
#include "guests.h"
#include "i915_pvinfo_abi.h"

#define PAGES		64
#define MAX_ACCESSES	200

#define HOSTILE		0
#define PEACEFUL	1
#define RESULT_PAGE	41		/* of the peaceful guest: what its contexts store */
#define PATTERN_PAGE	42		/* and from there on nobody writes */
#define STORED		0x600d0000u	/* plus the engine's number */
#define RESULT_DWORDS	8		/* per engine: STORED, then registers */

static const uint32_t engine_base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };

static uint8_t pattern[PAGES - PATTERN_PAGE][GPU_PAGE_SIZE];

/* Offsets near what does something. */
static uint32_t bar0_offset(struct fuzz_input *in)
{
	static const uint32_t places[] = {
		0x2000,	 0x12000, 0x1a000,  0x22000,  0x4000, 0x44200, 0x78000,
		0x78800, 0x9400,  0x100000, 0x138100, 0xa000, 0xc000, 0x5000, 0x7000,
	};
	uint8_t where = take(in, 1);

	if (where < G_N_ELEMENTS(places))
		return places[where] + (take(in, 2) & 0xfff);
	if (where < 128) {
		const struct vgpu_partition *part = vgpu_partition(vgpus[where & 1]);
		uint64_t base = where & 2 ? part->aperture_base : part->hidden_base;

		return GPU_GTT_OFFSET + (base >> 12) * 8 + (take(in, 2) & 0x3ff);
	}
	return take(in, 4);
}

static const unsigned int context_page[GPU_NUM_ENGINES] = { 1, 23, 25, 27 };
#define RING_PAGE(e)	(30 + (e))

static uint32_t *image(unsigned int n, unsigned int e)
{
	return (uint32_t *)memory[n][context_page[e] + 1];
}

/* A context per engine that can be loaded: the registers that the mediator and the GPU look at. */
static void build_contexts(unsigned int n)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		uint32_t *regs = image(n, e);

		ring_context_build(regs, engine_base[e]);
		regs[9] = gma(n, RING_PAGE(e));
		regs[11] = 1;
	}
}

/* The peaceful guest's rings: a number, and what registers hold that it has never written. */
static void build_rings(void)
{
	static const uint32_t outside[] = { 0x2430, 0x5200, 0x7000 };
	uint32_t result = gma(PEACEFUL, RESULT_PAGE);
	unsigned int e, i;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		uint32_t *cs = (uint32_t *)memory[PEACEFUL][RING_PAGE(e)];
		uint32_t at = result + 4 * RESULT_DWORDS * e;

		/* MI_STORE_REGISTER_MEM and MI_STORE_DATA_IMM, GGTT */
		for (i = 0; i < 6; i++, cs += 4) {
			cs[0] = 0x24u << 23 | 1u << 22 | 2;
			cs[1] = i < 3 ? engine_base[e] + 0x600 + 8 * i : outside[i - 3];
			cs[2] = at + 4 + 4 * i;
		}
		cs[0] = 0x20u << 23 | 1u << 22 | 2;
		cs[1] = at;
		cs[3] = STORED + e;
	}
}

static void submit_peacefully(unsigned int e)
{
	uint32_t elsp = engine_base[e] + 0x230;

	image(PEACEFUL, e)[5] = 0;
	image(PEACEFUL, e)[7] = 7 * 16;
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, 0);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, 0);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, e);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, gma(PEACEFUL, context_page[e]) | 0x119);
}

/* The hostile guest's memory: anything may be in a context image or a ring. */
static void write_memory(struct fuzz_input *in, uint8_t kind)
{
	uint32_t *ring = (uint32_t *)memory[HOSTILE][RING_PAGE(kind >> 5 & 3)], at;

	if ((kind & 0x18) == 0x18) {	/* a ring that starts with MI_LOAD_REGISTER_IMM */
		ring[0] = 0x22u << 23 | 1;
		ring[1] = bar0_offset(in);
		ring[2] = take(in, 4);
		ring[3] = 0;
		return;
	}
	at = take(in, 3) % (PAGES * GPU_PAGE_SIZE - 8) & ~7u;
	if (kind & 8)	/* the start of a ring */
		*(uint64_t *)&ring[(at & 0x1f8) / 4] = take(in, 8);
	else
		*(uint64_t *)((uint8_t *)memory[HOSTILE] + at) = take(in, 8);
}

/* The engines' threads run while time passes: who has been given an engine gets on with it. */
static void let_time_pass(unsigned int seconds)
{
	unsigned int e;
	uint64_t poll_ns;

	while (seconds--) {
		for (e = 0; e < GPU_NUM_ENGINES; e++)
			gvt_engine_run(gvt, e, 64, &poll_ns);
		now += 1000000000ull;
	}
}

static void one_access(struct fuzz_input *in)
{
	uint8_t kind = take(in, 1);
	struct vgpu *vgpu = vgpus[HOSTILE];
	unsigned int size = 1u << (kind >> 5 & 3);
	uint64_t poll_ns;

	if (kind & 0x80) {
		submit_peacefully(kind & 3);
		return;
	}

	switch (kind & 7) {
	case 0:
		vgpu_bar0_read(vgpu, bar0_offset(in), size);
		break;
	case 1: {
		uint32_t offset = bar0_offset(in);

		vgpu_bar0_write(vgpu, offset, size, take(in, size));
		break;
	}
	case 2:
		vgpu_aperture_read(vgpu, take(in, 4), size);
		break;
	case 3: {
		uint32_t offset = vgpu_partition(vgpu)->aperture_base + (take(in, 2) & ~7u);

		vgpu_aperture_write(vgpu, offset, size, take(in, size));
		break;
	}
	case 4:
		write_memory(in, kind);
		break;
	case 5: {	/* a submission that gets past the first look */
		unsigned int e = kind >> 3 & 3;
		uint8_t where = take(in, 1);
		uint32_t elsp = engine_base[e] + 0x230, hidden = vgpu_partition(vgpu)->hidden_base;
		uint32_t lrca =
			hidden + (where & 0x80 ? where & 0x7f : context_page[e]) * GPU_PAGE_SIZE;

		/* Most of the time with some of the ring to execute. */
		if (!(where & 0x80))
			image(HOSTILE, e)[7] = where * 8;

		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, take(in, 1));
		vgpu_bar0_write(vgpu, elsp, 4, lrca | 0x119);
		break;
	}
	case 6:
		let_time_pass(kind >> 3 & 7);
		break;
	default:
		gvt_engine_run(gvt, kind >> 3 & 3, 64, &poll_ns);
		break;
	}
}

static void start(unsigned int n)
{
	struct vgpu *vgpu = vgpus[n];
	unsigned int i;

	fuzz_map_memory(n);
	for (i = 0; i < 4; i++) {
		vgpu_bar0_write(vgpu, engine_base[i] + 0x29c, 4, 0x80008000);
		vgpu_bar0_write(vgpu, engine_base[i] + 0x80, 4, gma(n, 40));
	}
	vgpu_bar0_write(vgpu, 0x44200, 4, 1u << 31);
}

/* Registers of all kinds of policy that the peaceful guest sets, and finds again. */
static const struct { uint32_t offset, write, read; } registers[] = {
	{ 0xb11c, 0x11223344, 0x11223344 },
	{ 0x20e0, 0x00100010, 0x10 },
	{ 0xc800, 0x55, 0x55 },
	{ 0x9424, 0x77, 0x77 },
	{ 0x44304, 0xfffffeff, 0xfffffeff },
	{ 0x100004, 0x1ff003, 0x1ff003 },
	{ 0x100000, 0x100001, 0x100001 },
};

static void settle(void)
{
	struct vgpu *vgpu = vgpus[PEACEFUL];
	unsigned int i;

	build_rings();
	for (i = PATTERN_PAGE; i < PAGES; i++)
		memset(pattern[i - PATTERN_PAGE], 0x5a ^ i, GPU_PAGE_SIZE);
	memcpy(memory[PEACEFUL][PATTERN_PAGE], pattern, sizeof(pattern));
	vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + (vgpu_partition(vgpu)->aperture_base >> 12) * 8, 8,
			PATTERN_PAGE << 12 | 3);
	for (i = 0; i < G_N_ELEMENTS(registers); i++)
		vgpu_bar0_write(vgpu, registers[i].offset, 4, registers[i].write);
}

/* What its contexts stored: the number or not yet, and never anything of a register. */
static void check_results(bool complete)
{
	const uint32_t *result = (const uint32_t *)memory[PEACEFUL][RESULT_PAGE];
	unsigned int i;

	for (i = 0; i < GPU_PAGE_SIZE / 4; i++) {
		unsigned int e = i / RESULT_DWORDS;
		bool number = e < GPU_NUM_ENGINES && i % RESULT_DWORDS == 0;

		if (number && complete && result[i] != STORED + e)
			abort();
		if (result[i] && !(number && result[i] == STORED + e))
			abort();
	}
}

/* Nothing the other one did may be seen here. */
static void check_peace(void)
{
	struct vgpu *vgpu = vgpus[PEACEFUL];
	unsigned int i;

	if (memcmp(memory[PEACEFUL][PATTERN_PAGE], pattern, sizeof(pattern)))
		abort();
	for (i = 0; i < PAGES; i++)
		if (vgpu_bar0_read(vgpu, GPU_GTT_OFFSET + (gma(PEACEFUL, i) >> 12) * 8, 8) !=
		    (i << 12 | 3))
			abort();
	for (i = 0; i < G_N_ELEMENTS(registers); i++)
		if (vgpu_bar0_read(vgpu, registers[i].offset, 4) != registers[i].read)
			abort();
	check_results(false);
}

/* It gets each engine in less time than a driver needs to believe in a hang, three times over. */
static void check_progress(void)
{
	unsigned int e;

	let_time_pass(20);
	memset(memory[PEACEFUL][RESULT_PAGE], 0, GPU_PAGE_SIZE);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		submit_peacefully(e);
	let_time_pass(20);
	check_results(true);
}

/* What the mediator owes to everybody, whatever a guest did. */
static void check_invariants(void)
{
	struct gpu *gpu = gvt_gpu(gvt);
	uint32_t index;
	unsigned int n;

	if (!(gpu_ggtt_read(gpu, GPU_GGTT_ENTRIES - 1) & GPU_PTE_PRESENT))
		abort();
	for (n = 0; n < 2; n++) {
		uint32_t first = (vgpu_partition(vgpus[n])->hidden_base >> 12);

		for (index = first; index < first + 256; index++) {
			uint64_t pte = gpu_ggtt_read(gpu, index);

			if (pte && (pte & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT != vgpu_id(vgpus[n]))
				abort();
		}
	}
	if (gpu_mmio_read(gpu, 0x2080, 4) != 0xfffff000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int i;
	uint64_t poll_ns;

	if (!gvt)
		fuzz_setup(PAGES);
	memset(memory, 0, sizeof(memory));
	for (i = 0; i < 2; i++) {
		build_contexts(i);
		start(i);
	}
	settle();
	for (i = 0; i < MAX_ACCESSES && in.left; i++)
		one_access(&in);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gvt_engine_run(gvt, i, 64, &poll_ns);
	check_invariants();
	check_peace();
	check_progress();
	check_peace();
	for (i = 0; i < 2; i++)
		vgpu_reset(vgpus[i]);
	/* Nothing may be left on an engine. */
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		if (gpu_mmio_read(gvt_gpu(gvt), engine_base[i] + 0x234, 4) & 0x6001c)
			abort();
	}
	return 0;
}
