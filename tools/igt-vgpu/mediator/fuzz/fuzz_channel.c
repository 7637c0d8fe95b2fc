// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a guest with a hostile channel. The input is a list of what it does: starts with any
 * parameters, messages right and wrong, indices, contexts that it tells of and submits, engine
 * runs. Guest memory also changes while the mediator reads it: each look-up of a page may first
 * change a dword of the channel, or find no memory (bus mastering is off).
 *
 * After each input: the host's own GGTT entries are as they were, the other guest's memory was not
 * touched, and after a reset nothing of the guest is left on an engine.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/ring_context.h"
#include "guests.h"
#include "i915_pvinfo_abi.h"
#include "i915_vgpu_channel_abi.h"

#define PAGES		FUZZ_MAX_PAGES
#define CHANNEL_PAGE	64	/* 3 pages: header, requests, responses */
#define RING_DWORDS	256u
#define IMAGE_PAGE(n)	(1 + 22 * (n))	/* two contexts of the render engine */
#define RING_PAGE(n)	(60 + (n))
#define MAX_STEPS	300
#define WINDOW		0xffeffu
#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))

static struct fuzz_input changes;	/* to the channel, between two looks at it */
#define GONE		0xf0u		/* from here on, a change is that the page is not there */

static uint32_t *channel_dword(uint32_t n)
{
	return (uint32_t *)memory[0][CHANNEL_PAGE] + n;
}

static bool change_something(unsigned int guest, uint64_t addr)
{
	uint32_t where, what;

	if (guest || changes.left <= 3)
		return true;
	where = take(&changes, 1);
	what = take(&changes, 2);
	if (where < 0xc0)
		*channel_dword(where < 0x30 ? where : 0x400 + where) = what;
	return where < GONE;
}

static void build_context(unsigned int n)
{
	uint32_t *regs = (uint32_t *)memory[0][IMAGE_PAGE(n) + 1];

	ring_context_build(regs, 0x2000);
	regs[9] = gma(0, RING_PAGE(n));
	regs[11] = 1;
}

static uint32_t seqno;

static void start_channel(void)
{
	static const struct vgt_channel good = {
		.version = VGT_CHANNEL_VERSION, .request_offset = 0x1000, .request_size = 0x400,
		.response_offset = 0x2000, .response_size = 0x400,
	};
	struct vgpu *vgpu = vgpus[0];

	seqno = 0;
	memcpy(memory[0][CHANNEL_PAGE], &good, sizeof(good));
	vgpu_bar0_write(vgpu, PV(channel_addr), 8, CHANNEL_PAGE * GPU_PAGE_SIZE);
	vgpu_bar0_write(vgpu, PV(channel_size), 4, 3 * GPU_PAGE_SIZE);
	vgpu_bar0_write(vgpu, PV(features_wanted), 4, 3);
	vgpu_bar0_write(vgpu, PV(g2v_notify), 4, VGT_G2V_CHANNEL_START);
}

static void post(const void *msg, uint32_t dwords)
{
	uint32_t *tail = channel_dword(0x10), i;

	for (i = 0; i < dwords; i++)
		*channel_dword(0x400 + (*tail + i) % RING_DWORDS) = ((const uint32_t *)msg)[i];
	*tail += dwords;
}

static void post_context(struct fuzz_input *in, uint32_t action)
{
	uint8_t which = take(in, 1);
	struct vgt_context_pin pin = {
		.msg = { 10 | action << VGT_MSG_ACTION_SHIFT, ++seqno }, .id = 1 + which % 4,
		.image_size = 22 * GPU_PAGE_SIZE, .lrca = gma(0, IMAGE_PAGE(which >> 2 & 1)),
		.ring_start = gma(0, RING_PAGE(0)), .ring_size = GPU_PAGE_SIZE,
	};

	if (which & 0x40)	/* a field of it is anything */
		((uint32_t *)&pin)[take(in, 1) % 10] = take(in, 4);
	if (action == VGT_ACTION_CONTEXT_PIN) {
		post(&pin, 10);
		return;
	}
	pin.msg.header = (action == VGT_ACTION_CONTEXT_CREATE ? 6 : 4) |
			 action << VGT_MSG_ACTION_SHIFT;
	post(&pin, pin.msg.header & VGT_MSG_LENGTH);
}

static void post_fence(struct fuzz_input *in)
{
	uint64_t base = vgpu_partition(vgpus[0])->aperture_base;
	struct vgt_fence_set set = {
		.msg = { 10 | VGT_MSG_SYNC | VGT_ACTION_FENCE_SET << VGT_MSG_ACTION_SHIFT,
			 ++seqno },
		.start = base + (take(in, 2) << 8), .index = take(in, 1) % 4,
	};

	set.end = set.start + (take(in, 2) << 8);
	set.tiling = take(in, 1) % 4;
	set.stride = take(in, 2) << 6;
	post(&set, 10);
}

static void submit(struct fuzz_input *in)
{
	uint8_t which = take(in, 1);
	unsigned int first = which & 1;
	uint32_t *regs = (uint32_t *)memory[0][IMAGE_PAGE(first) + 1];
	uint32_t desc[2] = { gma(0, IMAGE_PAGE(first)) | 0x119,
			     gma(0, IMAGE_PAGE(!first)) | 0x119 };

	regs[7] = which & 0xf8;
	vgpu_bar0_write(vgpus[0], 0x2230, 4, 0);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, which & 2 ? desc[1] : 0);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, first);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, desc[0]);
}

static void write_ring(struct fuzz_input *in, unsigned int n)
{
	unsigned int at = take(in, 1) & 0xf8;
	uint64_t value = take(in, 8);

	memcpy(&memory[0][RING_PAGE(n)][at], &value, 8);
}

static void one_step(struct fuzz_input *in)
{
	static const char *const faults[] = {
		"", "delay=2", "delay-ms=1", "drop=2", "corrupt=length", "corrupt=seqno",
		"corrupt=type", "lie=backwards", "lie=beyond", "refuse", "refuse=1", "vanish",
	};
	static const uint32_t notes[] = { 10, 11, 12, 12, 12, 12, 13, 2 };
	struct vgpu *vgpu = vgpus[0];
	uint8_t kind = take(in, 1);
	uint64_t poll_ns;
	uint32_t msg[2];
	char *error;

	switch (kind % 16) {
	case 0:
		vgpu_bar0_write(vgpu, PV(g2v_notify), 4, notes[kind >> 5]);
		break;
	case 1:
		vgpu_bar0_write(vgpu, VGT_PVINFO_PAGE + 0x860 + 4 * (kind >> 6), 4, take(in, 4));
		break;
	case 2:
		*channel_dword(take(in, 2) % 0xc00) = take(in, 4);
		break;
	case 3:		/* indices, near where they are */
		*channel_dword(kind & 16 ? 0x10 : 0x11) += (int8_t)take(in, 1);
		break;
	case 4:
		*channel_dword(0x11) = *channel_dword(0x21);
		break;
	case 5: case 6: case 7: case 8:
		post_context(in, 1 + (kind + 3) % 4);
		break;
	case 9:
		post_fence(in);
		break;
	case 10:
		msg[0] = take(in, 4);
		msg[1] = ++seqno;
		post(msg, 2);
		break;
	case 11:
		submit(in);
		break;
	case 12:
		vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + (gma(0, take(in, 1) % PAGES) >> 12) * 8, 8,
				(take(in, 1) % 128) << 12 | 3);
		break;
	case 13:
		vgpu_set_channel_fault(vgpu, faults[(kind >> 4) % G_N_ELEMENTS(faults)], &error);
		break;
	case 14:
		if (kind >> 4 < 2)
			vgpu_bar0_write(vgpu, 0x941c, 4, 1 + (kind >> 4));
		else if (kind >> 4 == 2)
			start_channel();
		else
			write_ring(in, kind >> 4 & 1);
		break;
	default:
		gvt_engine_run(gvt, GPU_RCS0, 64, &poll_ns);
		break;
	}
}

static void start_guest(void)
{
	struct vgpu *vgpu = vgpus[0];
	char *error;

	memset(memory, 0, sizeof(memory));
	memset(memory[1], 0x5a, sizeof(memory[1]));
	fuzz_map_memory(0);
	vgpu_bar0_write(vgpu, 0x229c, 4, 0x80008000);
	vgpu_bar0_write(vgpu, 0x2080, 4, gma(0, 80));
	build_context(0);
	build_context(1);
	vgpu_set_channel_fault(vgpu, "", &error);
	start_channel();
}

static void check(void)
{
	struct gpu *gpu = gvt_gpu(gvt);
	unsigned int i, e;

	/* All bytes are equal to their neighbours, and so to the first one. */
	if (memory[1][0][0] != 0x5a ||
	    memcmp(memory[1], (const uint8_t *)memory[1] + 1, sizeof(memory[1]) - 1))
		abort();
	for (i = 0; i < 256; i++) {
		uint64_t pte = gpu_ggtt_read(gpu, WINDOW + i);

		/* Status pages are the guest's, as long as a context is there. */
		if (i % 32 == 0 ? pte != 0 : i % 32 >= (i < 64 ? 22 : 2) ? pte != 0 :
		    !(pte & GPU_PTE_PRESENT) || pte & GPU_DOMAIN_MASK)
			abort();
	}
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		static const uint32_t base[] = { 0x2000, 0x22000, 0x12000, 0x1a000 };

		if (gpu_mmio_read(gpu, base[e] + 0x234, 4) & 0x6001c)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t split;
	unsigned int i;

	if (!gvt) {
		fuzz_setup(PAGES);
		fuzz_has_page = change_something;
	}
	changes.left = 0;
	start_guest();
	/* The first byte says how much of the input is changes behind the mediator's back. */
	split = take(&in, 1) * in.left / 512;
	changes = (struct fuzz_input){ in.data, split };
	in.data += split;
	in.left -= split;
	for (i = 0; i < MAX_STEPS && in.left; i++)
		one_step(&in);
	changes.left = 0;
	vgpu_reset(vgpus[0]);
	check();
	return 0;
}
