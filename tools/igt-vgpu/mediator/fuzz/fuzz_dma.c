// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a guest whose memory fails. The input is a list of its steps: commands of any row of
 * the command table with operands that lead to memory, submissions, engine runs, register and
 * aperture accesses; and of failures: single look-ups of a page that find nothing, and pages that
 * are gone until they come back (memory hot-unplug, bus mastering off).
 *
 * A page that is gone is poisoned: a touch of it, by a pointer that should have been forgotten, is
 * a finding. A peaceful guest, whose memory is always there, must notice nothing (peace.h).
 *
 * Steps, one byte of kind and its operands: see one_step().
 */
#include <glib.h>
#include <sanitizer/asan_interface.h>
#include <string.h>

#include "../gpu/cmd.h"
#include "peace.h"

#define MAX_STEPS	200
#define PML4		44		/* of the hostile guest, followed by PDP, PD, PT */
#define BATCH_PAGE	48
#define DATA_PAGE	49		/* and the seven behind it */
#define RING_DWORDS	(GPU_PAGE_SIZE / 4)

static uint64_t gone;			/* a bit per page of the hostile guest */
static uint64_t misses;			/* look-ups that fail, by number modulo 64 */
static unsigned int lookups;
static uint32_t tail[GPU_NUM_ENGINES];	/* dwords in the rings */
static unsigned int batch_at;		/* dwords in the batch */

static bool has_page(unsigned int guest, uint64_t addr)
{
	uint64_t page = addr / GPU_PAGE_SIZE;

	if (guest != HOSTILE || page >= PEACE_PAGES)
		return true;
	return !(gone >> page & 1) && !(misses >> lookups++ % 64 & 1);
}

/* From now on these are not there; then no host pointer to them may be used any more. */
static void set_gone(uint64_t pages)
{
	unsigned int i;

	gone = pages;
	vgpu_invalidate_host_pages(vgpus[HOSTILE]);
	for (i = 0; i < PEACE_PAGES; i++) {
		if (pages >> i & 1)
			ASAN_POISON_MEMORY_REGION(memory[HOSTILE][i], GPU_PAGE_SIZE);
		else
			ASAN_UNPOISON_MEMORY_REGION(memory[HOSTILE][i], GPU_PAGE_SIZE);
	}
}

/* The guest's CPU writes, whatever devices see of the page. */
__attribute__((no_sanitize("address")))
static void put(uint32_t *page, unsigned int dword, uint32_t value)
{
	page[dword % RING_DWORDS] = value;
}

static uint32_t *page_of(unsigned int page)
{
	return (uint32_t *)memory[HOSTILE][page];
}

/* Identity map of the guest's memory in 4 KiB pages, the last ones of them read-only. */
static void build_page_tables(void)
{
	unsigned int i, e;

	for (i = 0; i < 3; i++)
		page_of(PML4 + i)[0] = (PML4 + i + 1) << GPU_PAGE_SHIFT | 3;
	for (i = 0; i < PEACE_PAGES; i++)
		page_of(PML4 + 3)[2 * i] = i << GPU_PAGE_SHIFT | (i < DATA_PAGE + 6 ? 3 : 1);
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		peace_image(HOSTILE, e)[0x33] = PML4 << GPU_PAGE_SHIFT;
}

/* An operand: an address in the PPGTT or the GGTT, a number, how a blit combines; or 0. */
static uint32_t operand(struct fuzz_input *in)
{
	uint8_t b = take(in, 1);
	unsigned int page = b >> 2 & 8 ? BATCH_PAGE : DATA_PAGE + (b >> 2 & 7);

	switch (b & 3) {
	case 0:
		return page << GPU_PAGE_SHIFT | (b >> 6) * 0x3fc;
	case 1:
		return gma(HOSTILE, page) | (b >> 6) * 0x3fc;
	case 2:
		return (b >> 2) << 16 | (b >> 2);
	}
	return b < 8 ? 0 : 0x03000000 | (b & 0x80 ? 0xcc : 0xf0) << 16 | (b & 0x7c) << 3;
}

/* A command of engine @e, to the ring or, from the begin, into the batch. */
static void emit(struct fuzz_input *in, unsigned int e, bool batch)
{
	unsigned int count, i, len;
	const struct gpu_cmd_info *rows = gpu_cmd_rows(&count), *row;
	uint32_t *page = page_of(batch ? BATCH_PAGE : PEACE_RING_PAGE(e)), header;
	unsigned int at = batch ? batch_at : tail[e];
	uint8_t flags;

	row = &rows[take(in, 2) % count];
	while (row->handler == gpu_cmd_skip)
		row = &rows[(row - rows + 1) % count];
	flags = take(in, 1);
	header = gpu_cmd_header(row) | (flags & 1 ? 1u << 22 : 0) | (flags & 2 ? 1u << 8 : 0) |
		 (row->client == GPU_CMD_BLT ? (flags >> 2 & 3u) << 20 : 0);
	len = gpu_cmd_length(row, header);
	if (!len || len > 24)
		return;
	put(page, at, header);
	for (i = 1; i < len; i++)
		put(page, at + i, operand(in));
	at += len;
	if (!batch) {
		tail[e] = at % RING_DWORDS;
		return;
	}
	put(page, at, 0x0au << 23);		/* MI_BATCH_BUFFER_END */
	batch_at = flags & 0x80 ? 0 : at % (RING_DWORDS - 64);
}

static void submit(unsigned int e)
{
	uint32_t elsp = peace_engine_base[e] + 0x230;

	if (tail[e] & 1) {			/* MI_NOOP: a tail is in qwords */
		put(page_of(PEACE_RING_PAGE(e)), tail[e], 0);
		tail[e] = (tail[e] + 1) % RING_DWORDS;
	}
	put(peace_image(HOSTILE, e), 7, tail[e] * 4);
	vgpu_bar0_write(vgpus[HOSTILE], elsp, 4, 0);
	vgpu_bar0_write(vgpus[HOSTILE], elsp, 4, 0);
	vgpu_bar0_write(vgpus[HOSTILE], elsp, 4, e + 1);
	vgpu_bar0_write(vgpus[HOSTILE], elsp, 4, gma(HOSTILE, peace_context_page[e]) | 0x119);
}

static void one_step(struct fuzz_input *in)
{
	static const unsigned int vital[] = { PML4, PML4 + 3, BATCH_PAGE, DATA_PAGE, 40 };
	uint8_t kind = take(in, 1);
	unsigned int e = kind >> 4 & 3, page;
	struct vgpu *vgpu = vgpus[HOSTILE];
	uint64_t poll_ns;

	switch (kind & 15) {
	case 0: case 1: case 2:
		emit(in, e, false);
		break;
	case 3:
		emit(in, e, true);
		break;
	case 4: {				/* jump to the batch, which may be in the GGTT */
		uint32_t *ring = page_of(PEACE_RING_PAGE(e));
		bool ggtt = kind & 0x80;

		put(ring, tail[e]++, 0x31u << 23 | 1 | (ggtt ? 0 : 1u << 8));
		put(ring, tail[e]++, ggtt ? gma(HOSTILE, BATCH_PAGE) : BATCH_PAGE << 12);
		put(ring, tail[e]++, 0);
		tail[e] %= RING_DWORDS;
		break;
	}
	case 5: case 6:
		submit(e);
		break;
	case 7: case 8:
		gvt_engine_run(gvt, e, 64, &poll_ns);
		break;
	case 9:				/* one page that matters, or any set of them */
		page = kind & 0x80 ? vital[e] : PEACE_RING_PAGE(e);
		set_gone(kind & 0x40 ? take(in, 8) : 1ull << page);
		break;
	case 10:				/* a context's own pages */
		set_gone(3ull << peace_context_page[e] << (kind >> 6));
		break;
	case 11:
		set_gone(0);
		break;
	case 12:
		misses = kind & 0x80 ? 0 : 1ull << take(in, 1) % 64;
		misses |= kind & 0x40 ? take(in, 8) : 0;
		break;
	case 13: {				/* through the aperture */
		uint32_t base = vgpu_partition(vgpu)->aperture_base;

		page = take(in, 1) % PEACE_PAGES;
		vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + (base >> 12) * 8, 8, page << 12 | 3);
		if (kind & 0x80)
			vgpu_aperture_write(vgpu, base, 8, take(in, 8));
		else
			vgpu_aperture_read(vgpu, base + 64, 4);
		break;
	}
	case 14:				/* reset of one engine, or of all */
		vgpu_bar0_write(vgpu, 0x941c, 4, kind & 0x80 ? 1 : 1u << (e ? e + 1 : 1));
		tail[e] = 0;
		break;
	default:
		peace_submit(e);
		peace_pass_time(kind >> 6);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int i;

	misses = 0;
	lookups = 0;
	batch_at = 0;
	memset(tail, 0, sizeof(tail));
	if (gvt)
		set_gone(0);
	fuzz_has_page = has_page;
	peace_begin();
	build_page_tables();
	for (i = 0; i < MAX_STEPS && in.left; i++)
		one_step(&in);
	peace_end();
	return 0;
}
