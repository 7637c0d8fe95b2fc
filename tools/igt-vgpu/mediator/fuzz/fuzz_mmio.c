// SPDX-License-Identifier: MIT
/*
 * Fuzz the register side: the input is a list of accesses, interleaved with engine slices, on a GPU
 * with contexts and page tables already there, so that a few random dwords reach execution. Any
 * crash, sanitizer report, endless loop or access outside the fixture's memory is a finding. Seeds:
 * fuzz/seeds/mmio.
 *
 * Input, little endian, any number of records; a cut-off record ends the run:
 *	u8 op, then
 *	0 write: u32 offset, u32 value
 *	1 read: u32 offset (bits 30-31: log2 of the size)
 *	2 GGTT: u32 index, u64 entry
 *	3 run: u8 engine, u8 budget
 *	4 row write: u16 row, u32 value (an existing register, by number)
 *	5 memory: u32 address, u32 value
 *	6 submit: u8 engine and contexts
 *	7 clock: u16 microseconds
 *	8 aperture: u32 offset, u32 value (offset bit 0: read)
 *	9 narrow write: u32 offset, u8 size, u64 value
 *	10 image: u8 context, u16 dword, u32 value
 */
#include <string.h>

#include "../gpu/regs.h"
#include "../tests/fixture.h"

#define NUM_CONTEXTS	8
#define MAX_RECORDS	4000
#define USED_PAGES	128	/* of the fixture's memory, by what build() sets up */
#define MEM_BYTES	((uint64_t)USED_PAGES << GPU_PAGE_SHIFT)

struct input { const uint8_t *data; size_t left; };

static bool take(struct input *in, void *out, size_t size)
{
	if (in->left < size)
		return false;
	memcpy(out, in->data, size);
	in->data += size;
	in->left -= size;
	return true;
}

static struct fx *fx;
static struct fx_context ctx[NUM_CONTEXTS];

static void build(void)
{
	enum gpu_engine_id engine;
	unsigned int i;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++)
		fx_hwsp(fx, engine);
	for (i = 0; i < NUM_CONTEXTS; i++) {
		uint64_t batch;

		fx_context_init(fx, &ctx[i], i % GPU_NUM_ENGINES, 0);
		batch = fx_alloc(fx, 0, 2);
		fx_ppgtt_map(&ctx[i], 0x100000, batch, 2, 0);
		fx_emit(&ctx[i], 8, 0x31u << 23 | 1u << 8 | 1, 0x100000u, 0u, 0x08u << 23 | 1,
			0x20u << 23 | 1u << 22 | 2, 0x2000u, 0u, 1u);
		*(uint32_t *)fx_mem(fx, 0, batch) = 0x0au << 23;
		fx_ctx_set(&ctx[i], FX_CTX_TAIL, 32);
	}
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		fx_set_reg(fx, fx_base(i) + 0xa8, 0);
}

/* What start() clears; nothing else may carry over from one input to the next. */
static void *page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	return domain || addr >= MEM_BYTES ? NULL : fx->mem[0] + addr;
}

/* Power-on state; the same bump allocations give the same addresses again. */
static void start(void)
{
	if (!fx) {
		fx = fx_new(GPU_SKL, true);
		fx->ops.page = page;
	}
	memset(fx->mem[0], 0, MEM_BYTES);
	fx->next_page[0] = 1;
	fx->next_ggtt = 1;
	fx->log_count = 0;
	gpu_power_on_reset(fx->gpu);
	build();
	if (fx->next_page[0] > USED_PAGES)
		__builtin_trap();
}

static void submit(uint8_t which)
{
	struct fx_context *first = &ctx[which % NUM_CONTEXTS];
	struct fx_context *second = &ctx[(which % NUM_CONTEXTS + GPU_NUM_ENGINES) % NUM_CONTEXTS];
	uint32_t elsp = fx_base(first->engine) + 0x230;
	bool pair = which & 0x80;

	fx_set_reg(fx, elsp, pair ? second->desc >> 32 : 0);
	fx_set_reg(fx, elsp, pair ? (uint32_t)second->desc : 0);
	fx_set_reg(fx, elsp, first->desc >> 32);
	fx_set_reg(fx, elsp, (uint32_t)first->desc | (which & 0x40 ? 1u << 2 : 0));
}

static bool record(struct input *in)
{
	uint8_t op, b, c;
	uint16_t h;
	uint32_t x, y;
	uint64_t q;
	unsigned int count;
	const struct gpu_reg_row *rows = gpu_reg_rows(&count);

	if (!take(in, &op, 1))
		return false;
	switch (op % 11) {
	case 0:
		if (!take(in, &x, 4) || !take(in, &y, 4))
			return false;
		gpu_mmio_write(fx->gpu, x % (GPU_MMIO_SIZE + 16), 4, y);
		break;
	case 1:
		if (!take(in, &x, 4))
			return false;
		gpu_mmio_read(fx->gpu, x % (GPU_MMIO_SIZE + 16), 1u << (x >> 30));
		break;
	case 2:
		if (!take(in, &x, 4) || !take(in, &q, 8))
			return false;
		gpu_ggtt_write(fx->gpu, x % (GPU_GGTT_ENTRIES + 1), q);
		break;
	case 3:
		if (!take(in, &b, 1) || !take(in, &c, 1))
			return false;
		gpu_engine_run(fx->gpu, b % GPU_NUM_ENGINES, c, &q);
		break;
	case 4:
		if (!take(in, &h, 2) || !take(in, &x, 4))
			return false;
		gpu_mmio_write(fx->gpu, rows[h % count].offset, 4, x);
		gpu_mmio_read(fx->gpu, rows[h % count].offset, 4);
		break;
	case 5:
		if (!take(in, &x, 4) || !take(in, &y, 4))
			return false;
		*(uint32_t *)fx_mem(fx, 0, x % MEM_BYTES & ~3u) = y;
		break;
	case 6:
		if (!take(in, &b, 1))
			return false;
		submit(b);
		break;
	case 7:
		if (!take(in, &h, 2))
			return false;
		fx->now_ns += 1000 * h;
		break;
	case 8:
		if (!take(in, &x, 4) || !take(in, &y, 4))
			return false;
		if (x & 1)
			gpu_aperture_read(fx->gpu, 0, (x & ~3u) % GPU_APERTURE_SIZE, 4, &q);
		else
			gpu_aperture_write(fx->gpu, 0, (x & ~3u) % GPU_APERTURE_SIZE, 4, y);
		break;
	case 9:
		if (!take(in, &x, 4) || !take(in, &b, 1) || !take(in, &q, 8))
			return false;
		gpu_mmio_write(fx->gpu, x, b, q);
		break;
	case 10:
		if (!take(in, &b, 1) || !take(in, &h, 2) || !take(in, &x, 4))
			return false;
		q = gpu_ggtt_read(fx->gpu, (ctx[b % NUM_CONTEXTS].lrca >> GPU_PAGE_SHIFT) + 1);
		if (q & GPU_PTE_PRESENT && !(q & GPU_DOMAIN_MASK) &&
		    (q & GPU_ADDR_MASK) < MEM_BYTES)
			((uint32_t *)fx_mem(fx, 0, q & GPU_ADDR_MASK))[h % 1024] = x;
		break;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int i;
	uint64_t poll;

	start();
	for (i = 0; i < MAX_RECORDS && record(&in); i++)
		;
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gpu_engine_run(fx->gpu, i, 255, &poll);
	return 0;
}
