// SPDX-License-Identifier: MIT
/*
 * A peaceful guest beside a hostile one, for the fuzzers of gvt/; see peace.h.
 *
 * It only stores numbers in its own memory and looks at registers that it never wrote.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/ring_context.h"
#include "peace.h"

#define PEACEFUL	1
#define RESULT_PAGE	41		/* what its contexts store */
#define PATTERN_PAGE	42		/* and from there on nobody writes */
#define STORED		0x600d0000u	/* plus the engine's number */
#define RESULT_DWORDS	8		/* per engine: STORED, then registers */

const uint32_t peace_engine_base[GPU_NUM_ENGINES] = { 0x2000, 0x22000, 0x12000, 0x1a000 };
const unsigned int peace_context_page[GPU_NUM_ENGINES] = { 1, 23, 25, 27 };

static uint8_t pattern[PEACE_PAGES - PATTERN_PAGE][GPU_PAGE_SIZE];

uint32_t *peace_image(unsigned int n, unsigned int e)
{
	return (uint32_t *)memory[n][peace_context_page[e] + 1];
}

/* A context per engine that can be loaded: the registers that the mediator and the GPU look at. */
static void build_contexts(unsigned int n)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		uint32_t *regs = peace_image(n, e);

		ring_context_build(regs, peace_engine_base[e]);
		regs[9] = gma(n, PEACE_RING_PAGE(e));
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
		uint32_t *cs = (uint32_t *)memory[PEACEFUL][PEACE_RING_PAGE(e)];
		uint32_t at = result + 4 * RESULT_DWORDS * e;

		/* MI_STORE_REGISTER_MEM and MI_STORE_DATA_IMM, GGTT */
		for (i = 0; i < 6; i++, cs += 4) {
			cs[0] = 0x24u << 23 | 1u << 22 | 2;
			cs[1] = i < 3 ? peace_engine_base[e] + 0x600 + 8 * i : outside[i - 3];
			cs[2] = at + 4 + 4 * i;
		}
		cs[0] = 0x20u << 23 | 1u << 22 | 2;
		cs[1] = at;
		cs[3] = STORED + e;
	}
}

void peace_submit(unsigned int e)
{
	uint32_t elsp = peace_engine_base[e] + 0x230;

	peace_image(PEACEFUL, e)[5] = 0;
	peace_image(PEACEFUL, e)[7] = 7 * 16;
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, 0);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, 0);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, e);
	vgpu_bar0_write(vgpus[PEACEFUL], elsp, 4, gma(PEACEFUL, peace_context_page[e]) | 0x119);
}

/* The engines' threads run while time passes: who has been given an engine gets on with it. */
void peace_pass_time(unsigned int seconds)
{
	unsigned int e;
	uint64_t poll_ns;

	while (seconds--) {
		for (e = 0; e < GPU_NUM_ENGINES; e++)
			gvt_engine_run(gvt, e, 64, &poll_ns);
		now += 1000000000ull;
	}
}

static void start(unsigned int n)
{
	struct vgpu *vgpu = vgpus[n];
	unsigned int i;

	fuzz_map_memory(n);
	for (i = 0; i < 4; i++) {
		vgpu_bar0_write(vgpu, peace_engine_base[i] + 0x29c, 4, 0x80008000);
		vgpu_bar0_write(vgpu, peace_engine_base[i] + 0x80, 4, gma(n, 40));
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
	for (i = PATTERN_PAGE; i < PEACE_PAGES; i++)
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
	for (i = 0; i < PEACE_PAGES; i++)
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

	peace_pass_time(20);
	memset(memory[PEACEFUL][RESULT_PAGE], 0, GPU_PAGE_SIZE);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		peace_submit(e);
	peace_pass_time(20);
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

void peace_begin(void)
{
	unsigned int n;

	if (!gvt)
		fuzz_setup(PEACE_PAGES);
	memset(memory, 0, sizeof(memory));
	for (n = 0; n < 2; n++) {
		build_contexts(n);
		start(n);
	}
	settle();
}

void peace_end(void)
{
	unsigned int i;
	uint64_t poll_ns;

	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gvt_engine_run(gvt, i, 64, &poll_ns);
	check_invariants();
	check_peace();
	check_progress();
	check_peace();
	for (i = 0; i < 2; i++)
		vgpu_reset(vgpus[i]);
	/* Nothing may be left on an engine. */
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		if (gpu_mmio_read(gvt_gpu(gvt), peace_engine_base[i] + 0x234, 4) & 0x6001c)
			abort();
}
