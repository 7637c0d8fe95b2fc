// SPDX-License-Identifier: MIT
/*
 * libFuzzer: a guest with a hostile channel. The input is a list of what it does: starts with any
 * parameters, messages right and wrong, indices, contexts that it tells of and submits, engine
 * runs. Guest memory also changes while the mediator reads it: each look-up of a page may first
 * change a dword of the channel.
 *
 * After each input: the host's own GGTT entries are as they were, the other guest's memory was not
 * touched, and after a reset nothing of the guest is left on an engine.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "gvt/gvt.h"
#include "i915_pvinfo_abi.h"
#include "i915_vgpu_channel_abi.h"

#define PAGES		96
#define CHANNEL_PAGE	64	/* 3 pages: header, requests, responses */
#define RING_DWORDS	256u
#define IMAGE_PAGE(n)	(1 + 22 * (n))	/* two contexts of the render engine */
#define RING_PAGE(n)	(60 + (n))
#define MAX_STEPS	300
#define WINDOW		0xffeffu
#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))

static struct gvt *gvt;
static struct vgpu *vgpus[2];
static uint8_t memory[2][PAGES][GPU_PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t now;

struct input {
	const uint8_t *data;
	size_t left;
};

static struct input changes;	/* to the channel, between two looks at it */

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

static uint32_t *channel_dword(uint32_t n)
{
	return (uint32_t *)memory[0][CHANNEL_PAGE] + n;
}

static void *host_page(void *opaque, uint64_t addr, bool write)
{
	unsigned int n = GPOINTER_TO_UINT(opaque);

	(void)write;
	if (!n && changes.left > 3) {
		uint32_t where = take(&changes, 1), what = take(&changes, 2);

		if (where < 0xc0)
			*channel_dword(where < 0x30 ? where : 0x400 + where) = what;
	}
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

static uint32_t gma_of(unsigned int page)
{
	return vgpu_partition(vgpus[0])->hidden_base + page * GPU_PAGE_SIZE;
}

static void build_context(unsigned int n)
{
	static const struct { uint8_t dword; uint16_t reg;
	} rows[] = {
		{ 0x02, 0x244 }, { 0x04, 0x34 },  { 0x06, 0x30 },  { 0x08, 0x38 },  { 0x0a, 0x3c },
		{ 0x0c, 0x168 }, { 0x0e, 0x140 }, { 0x10, 0x110 }, { 0x12, 0x11c }, { 0x14, 0x114 },
		{ 0x16, 0x118 }, { 0x18, 0x1c0 }, { 0x1a, 0x1c4 }, { 0x1c, 0x1c8 },
	};
	uint32_t *regs = (uint32_t *)memory[0][IMAGE_PAGE(n) + 1];
	unsigned int i;

	regs[1] = 0x1100101b;
	for (i = 0; i < G_N_ELEMENTS(rows); i++)
		regs[rows[i].dword] = 0x2000 + rows[i].reg;
	regs[0x1e] = 0x05000000;
	regs[9] = gma_of(RING_PAGE(n));
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

static void post_context(struct input *in, uint32_t action)
{
	uint8_t which = take(in, 1);
	struct vgt_context_pin pin = {
		.msg = { 10 | action << VGT_MSG_ACTION_SHIFT, ++seqno }, .id = 1 + which % 4,
		.image_size = 22 * GPU_PAGE_SIZE, .lrca = gma_of(IMAGE_PAGE(which >> 2 & 1)),
		.ring_start = gma_of(RING_PAGE(0)), .ring_size = GPU_PAGE_SIZE,
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

static void post_fence(struct input *in)
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

static void submit(struct input *in)
{
	uint8_t which = take(in, 1);
	unsigned int first = which & 1;
	uint32_t *regs = (uint32_t *)memory[0][IMAGE_PAGE(first) + 1];
	uint32_t desc[2] = { gma_of(IMAGE_PAGE(first)) | 0x119,
			     gma_of(IMAGE_PAGE(!first)) | 0x119 };

	regs[7] = which & 0xf8;
	vgpu_bar0_write(vgpus[0], 0x2230, 4, 0);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, which & 2 ? desc[1] : 0);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, first);
	vgpu_bar0_write(vgpus[0], 0x2230, 4, desc[0]);
}

static void write_ring(struct input *in, unsigned int n)
{
	unsigned int at = take(in, 1) & 0xf8;
	uint64_t value = take(in, 8);

	memcpy(&memory[0][RING_PAGE(n)][at], &value, 8);
}

static void one_step(struct input *in)
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
		vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + (gma_of(take(in, 1) % PAGES) >> 12) * 8, 8,
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

static void setup(void)
{
	struct vgpu_config config = { 0 };
	char *error = NULL;
	unsigned int n;

	gvt = gvt_new(GPU_SKL, &ops, NULL);
	for (n = 0; n < 2; n++) {
		config.opaque = GUINT_TO_POINTER(n);
		config.partition =
			(struct vgpu_partition){ n << 20, 1 << 20, (256 + n) << 20, 1 << 20, 0, 2 };
		vgpus[n] = vgpu_new(gvt, &config, &error);
		if (!vgpus[n])
			abort();
	}
}

static void start_guest(void)
{
	struct vgpu *vgpu = vgpus[0];
	unsigned int i;
	char *error;

	memset(memory, 0, sizeof(memory));
	memset(memory[1], 0x5a, sizeof(memory[1]));
	vgpu_bar0_read(vgpu, VGT_PVINFO_PAGE, 8);
	for (i = 0; i < PAGES; i++)
		vgpu_bar0_write(vgpu, GPU_GTT_OFFSET + (gma_of(i) >> 12) * 8, 8, i << 12 | 3);
	vgpu_bar0_write(vgpu, 0x229c, 4, 0x80008000);
	vgpu_bar0_write(vgpu, 0x2080, 4, gma_of(80));
	build_context(0);
	build_context(1);
	vgpu_set_channel_fault(vgpu, "", &error);
	start_channel();
}

static void check(void)
{
	struct gpu *gpu = gvt_gpu(gvt);
	unsigned int i, e;

	for (i = 0; i < sizeof(memory[1]); i++)
		if (((const uint8_t *)memory[1])[i] != 0x5a)
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
	struct input in = { data, size };
	size_t split;
	unsigned int i;

	if (!gvt)
		setup();
	changes.left = 0;
	start_guest();
	/* The first byte says how much of the input is changes behind the mediator's back. */
	split = take(&in, 1) * in.left / 512;
	changes = (struct input){ in.data, split };
	in.data += split;
	in.left -= split;
	for (i = 0; i < MAX_STEPS && in.left; i++)
		one_step(&in);
	changes.left = 0;
	vgpu_reset(vgpus[0]);
	check();
	return 0;
}
