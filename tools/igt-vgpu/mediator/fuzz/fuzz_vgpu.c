// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a hostile guest beside a peaceful one (peace.h). The input is a list of accesses of
 * the first vGPU to BAR 0 and the aperture, with guest memory that the input fills, of engine runs,
 * of time that passes, and of submissions of the second one.
 *
 * An access is one byte of kind and its operands; offsets are chosen so that most of them hit
 * something.
 */
#include <glib.h>

#include "peace.h"

#define MAX_ACCESSES	200

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

/* The hostile guest's memory: anything may be in a context image or a ring. */
static void write_memory(struct fuzz_input *in, uint8_t kind)
{
	uint32_t *ring = (uint32_t *)memory[HOSTILE][PEACE_RING_PAGE(kind >> 5 & 3)], at;

	if ((kind & 0x18) == 0x18) {	/* a ring that starts with MI_LOAD_REGISTER_IMM */
		ring[0] = 0x22u << 23 | 1;
		ring[1] = bar0_offset(in);
		ring[2] = take(in, 4);
		ring[3] = 0;
		return;
	}
	at = take(in, 3) % (PEACE_PAGES * GPU_PAGE_SIZE - 8) & ~7u;
	if (kind & 8)	/* the start of a ring */
		*(uint64_t *)&ring[(at & 0x1f8) / 4] = take(in, 8);
	else
		*(uint64_t *)((uint8_t *)memory[HOSTILE] + at) = take(in, 8);
}

static void one_access(struct fuzz_input *in)
{
	uint8_t kind = take(in, 1);
	struct vgpu *vgpu = vgpus[HOSTILE];
	unsigned int size = 1u << (kind >> 5 & 3);
	uint64_t poll_ns;

	if (kind & 0x80) {
		peace_submit(kind & 3);
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
		uint32_t elsp = peace_engine_base[e] + 0x230;
		uint32_t lrca = gma(HOSTILE, where & 0x80 ? where & 0x7f : peace_context_page[e]);

		/* Most of the time with some of the ring to execute. */
		if (!(where & 0x80))
			peace_image(HOSTILE, e)[7] = where * 8;

		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, 0);
		vgpu_bar0_write(vgpu, elsp, 4, take(in, 1));
		vgpu_bar0_write(vgpu, elsp, 4, lrca | 0x119);
		break;
	}
	case 6:
		peace_pass_time(kind >> 3 & 7);
		break;
	default:
		gvt_engine_run(gvt, kind >> 3 & 3, 64, &poll_ns);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int i;

	peace_begin();
	for (i = 0; i < MAX_ACCESSES && in.left; i++)
		one_access(&in);
	peace_end();
	return 0;
}
