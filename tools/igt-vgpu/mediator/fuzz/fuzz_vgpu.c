// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a hostile guest. The input is a list of accesses of two vGPUs to BAR 0 and the
 * aperture, and of engine runs, with guest memory that the input fills. After each input the
 * mediator's own state is checked, both guests are reset, and nothing of them may be left on an
 * engine.
 *
 * An access is one byte of kind and its operands; offsets are chosen so that most of them hit
 * something.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "gvt/gvt.h"
#include "i915_pvinfo_abi.h"

#define PAGES		64
#define MAX_ACCESSES	200

static struct gvt *gvt;
static struct vgpu *vgpus[2];
static uint8_t memory[2][PAGES][GPU_PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t now;

static void *host_page(void *opaque, uint64_t addr, bool write)
{
	unsigned int n = GPOINTER_TO_UINT(opaque);

	(void)write;
	return addr < PAGES * GPU_PAGE_SIZE ? memory[n][addr / GPU_PAGE_SIZE] : NULL;
}

static void host_irq(void *opaque, bool level)
{
	(void)opaque;
	(void)level;
}

static uint64_t host_now(void *opaque)
{
	(void)opaque;
	return now += 1000;
}

static void host_kick(void *opaque, enum gpu_engine_id engine)
{
	(void)opaque;
	(void)engine;
}

static void host_log(void *opaque, enum gpu_log_level level, const char *line)
{
	(void)opaque;
	(void)level;
	(void)line;
}

static const struct gvt_host_ops ops = {
	.page = host_page, .irq = host_irq, .now_ns = host_now, .kick = host_kick, .log = host_log,
};

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = in->left;
	memcpy(&value, in->data, bytes);
	in->data += bytes;
	in->left -= bytes;
	return value;
}

/* Offsets near what does something. */
static uint32_t bar0_offset(struct input *in)
{
	static const uint32_t places[] = {
		0x2000,	 0x12000, 0x1a000,  0x22000,  0x4000, 0x44200, 0x78000,
		0x78800, 0x9400,  0x100000, 0x138100, 0xa000, 0xc000,
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
	static const uint32_t base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };
	static const struct { uint8_t dword; uint16_t reg;
	} rows[] = {
		{ 0x02, 0x244 }, { 0x04, 0x34 },  { 0x06, 0x30 },  { 0x08, 0x38 },  { 0x0a, 0x3c },
		{ 0x0c, 0x168 }, { 0x0e, 0x140 }, { 0x10, 0x110 }, { 0x12, 0x11c }, { 0x14, 0x114 },
		{ 0x16, 0x118 }, { 0x18, 0x1c0 }, { 0x1a, 0x1c4 }, { 0x1c, 0x1c8 },
	};
	unsigned int e, i;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		uint32_t *regs = image(n, e);

		regs[1] = 0x1100101b;
		for (i = 0; i < G_N_ELEMENTS(rows); i++)
			regs[rows[i].dword] = base[e] + rows[i].reg;
		regs[0x1e] = 0x05000000;
		regs[9] = vgpu_partition(vgpus[n])->hidden_base + RING_PAGE(e) * GPU_PAGE_SIZE;
		regs[11] = 1;
	}
}

static void one_access(struct input *in)
{
	uint8_t kind = take(in, 1);
	struct vgpu *vgpu = vgpus[kind >> 7];
	unsigned int size = 1u << (kind >> 5 & 3);
	uint64_t poll_ns;

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
	case 4: {	/* guest memory: anything may be in a context image */
		uint32_t at = take(in, 3) % (PAGES * GPU_PAGE_SIZE - 8);

		if (kind & 8)	/* the start of a ring */
			at = RING_PAGE(kind >> 5 & 3) * GPU_PAGE_SIZE + (at & 0x1f8);

		*(uint64_t *)((uint8_t *)memory[kind >> 7] + (at & ~7u)) = take(in, 8);
		break;
	}
	case 5: {	/* a submission that gets past the first look */
		static const uint32_t base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };
		unsigned int e = kind >> 3 & 3;
		uint8_t where = take(in, 1);
		uint32_t elsp = base[e] + 0x230, hidden = vgpu_partition(vgpu)->hidden_base;
		uint32_t lrca =
			hidden + (where & 0x80 ? where & 0x7f : context_page[e]) * GPU_PAGE_SIZE;

		/* Most of the time with some of the ring to execute. */
		if (!(where & 0x80))
			image(kind >> 7, e)[7] = where * 8;

		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, take(in, 1));
		vgpu_bar0_write(vgpu, elsp, 4, lrca | 0x119);
		break;
	}
	default:
		gvt_engine_run(gvt, kind >> 3 & 3, 64, &poll_ns);
		break;
	}
}

static void start(struct vgpu *vgpu)
{
	static const uint32_t base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };
	const struct vgpu_partition *part = vgpu_partition(vgpu);
	unsigned int i;

	vgpu_bar0_read(vgpu, VGT_PVINFO_PAGE, 8);
	for (i = 0; i < PAGES; i++)
		vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + ((part->hidden_base >> 12) + i) * 8, 8,
				i << 12 | 3);
	for (i = 0; i < 4; i++) {
		vgpu_bar0_write(vgpu, base[i] + 0x29c, 4, 0x80008000);
		vgpu_bar0_write(vgpu, base[i] + 0x80, 4, part->hidden_base + (40 << 12));
	}
	vgpu_bar0_write(vgpu, 0x44200, 4, 1u << 31);
}

static void setup(void)
{
	struct vgpu_config config = { 0 };
	char *error = NULL;
	unsigned int n;

	gvt = gvt_new(GPU_SKL, &ops, NULL);
	for (n = 0; n < 2; n++) {
		config.opaque = GUINT_TO_POINTER(n);
		/* Small, so that a reset of each input is quick. */
		config.partition =
			(struct vgpu_partition){ n << 20, 1 << 20, (256 + n) << 20, 1 << 20, 0, 2 };
		vgpus[n] = vgpu_new(gvt, &config, &error);
		if (!vgpus[n])
			abort();
	}
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
	struct input in = { data, size };
	unsigned int i;
	uint64_t poll_ns;

	if (!gvt)
		setup();
	memset(memory, 0, sizeof(memory));
	for (i = 0; i < 2; i++) {
		build_contexts(i);
		start(vgpus[i]);
	}
	for (i = 0; i < MAX_ACCESSES && in.left; i++)
		one_access(&in);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		gvt_engine_run(gvt, i, 64, &poll_ns);
	check_invariants();
	for (i = 0; i < 2; i++)
		vgpu_reset(vgpus[i]);
	/* Nothing may be left on an engine. */
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		static const uint32_t base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };

		if (gpu_mmio_read(gvt_gpu(gvt), base[i] + 0x234, 4) & 0x6001c)
			abort();
	}
	return 0;
}
