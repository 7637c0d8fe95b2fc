// SPDX-License-Identifier: MIT
/*
 * libFuzzer: what a front end can be told on a command line. The input makes and frees vGPUs of any
 * type and partition, and gives one that is always there PVINFO pages and channel faults as text.
 *
 * After each step: no two vGPUs share anything, none has what is not there or the host's own,
 * whatever was refused says why and changed nothing, and once the page that was set is taken away,
 * the guest reads the truth.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"
#include "i915_pvinfo_abi.h"

#define MAX_STEPS	40
#define MAX_MADE	3		/* of one input: each takes some MiB */
#define HOST_END	((1ull << 32) - (1u << 20) - GPU_PAGE_SIZE)
#define APERTURES	3
#define PLATFORMS	4

static struct gvt *gvts[PLATFORMS][APERTURES];
static struct vgpu *made[GVT_MAX_VGPUS];
static unsigned int made_count;

static struct gvt *gvt_of(struct fuzz_input *in)
{
	static const enum gpu_platform platform[PLATFORMS] = { GPU_SKL, GPU_BDW, GPU_KBL, GPU_CFL };
	uint8_t b = take(in, 1);
	unsigned int p = b & 3, a = (b >> 2) % APERTURES;

	if (!gvts[p][a])
		gvts[p][a] = fuzz_gvt(&(const struct gpu_config){
			.platform = platform[p], .aperture_size = GPU_APERTURE_SIZE << a });
	return gvts[p][a];
}

/* Text of the input up to a zero byte; to be freed. */
static char *take_text(struct fuzz_input *in)
{
	size_t len = strnlen((const char *)in->data, in->left);
	char *text = g_strndup((const char *)in->data, len);

	in->data += len;
	in->left -= len;
	take(in, 1);
	return text;
}

/* A size or an address: mostly whole megabytes, which have a chance to fit. */
static uint64_t take_bytes(struct fuzz_input *in)
{
	uint8_t how = take(in, 1);

	if (how < 0x80)
		return (uint64_t)take(in, 2) << 20;
	if (how < 0xc0)
		return (uint64_t)how << GPU_PAGE_SHIFT;
	return take(in, 8);
}

static bool overlap(uint64_t base, uint64_t size, uint64_t base2, uint64_t size2)
{
	return size && size2 && base < base2 + size2 && base2 < base + size;
}

static void check_partition(const struct vgpu_partition *p, uint64_t aperture)
{
	if (p->aperture_base + p->aperture_size > aperture ||
	    p->hidden_base + p->hidden_size > HOST_END ||
	    (p->hidden_size && p->hidden_base < aperture) ||
	    p->fence_base + p->fences > GPU_NUM_FENCES)
		abort();
	if ((p->aperture_base | p->aperture_size | p->hidden_base | p->hidden_size) %
	    GPU_PAGE_SIZE)
		abort();
}

static void check_partitions(struct gvt *of)
{
	unsigned int i, j;

	for (i = 0; i < GVT_MAX_VGPUS; i++) {
		const struct vgpu_partition *a = made[i] ? vgpu_partition(made[i]) : NULL, *b;

		if (!a)
			continue;
		check_partition(a, gpu_aperture_size(gvt_gpu(of)));
		for (j = 0; j < i; j++) {
			b = made[j] ? vgpu_partition(made[j]) : NULL;
			if (b && (overlap(a->aperture_base, a->aperture_size, b->aperture_base,
					  b->aperture_size) ||
				  overlap(a->hidden_base, a->hidden_size, b->hidden_base,
					  b->hidden_size) ||
				  overlap(a->fence_base, a->fences, b->fence_base, b->fences) ||
				  vgpu_id(made[i]) == vgpu_id(made[j])))
				abort();
		}
	}
}

/* What was done either says nothing or why not. */
static void check_error(bool done, char *error)
{
	if (done == !!error || (error && strlen(error) < 10))
		abort();
	g_free(error);
}

static void make(struct gvt *of, struct fuzz_input *in, unsigned int slot)
{
	static const char *const types[] = { "GVTg_V5_1", "GVTg_V5_2", "GVTg_V5_4", "GVTg_V5_8",
					     "GVTg_V4_8", "GVTg_V4_4", "" };
	uint8_t how = take(in, 1);
	struct vgpu_config config = { .abi_1_0 = how & 0x10, .whole_ggtt = (how & 0xe0) == 0xe0 };
	char *text = NULL, *error = NULL;

	if (made[slot] || made_count++ >= MAX_MADE)
		return;
	if (how & 8)
		config.weight = take(in, 4) >> (how & 7) * 4;
	if ((how & 7) < G_N_ELEMENTS(types))
		config.type = types[how & 7];
	else if (how & 0x20)
		config.type = text = take_text(in);
	if (!config.type || how & 0x40)
		config.partition = (struct vgpu_partition){
			take_bytes(in), take_bytes(in), take_bytes(in), take_bytes(in),
			how & 0x80 ? take(in, 4) : 0, take(in, 1),
		};
	if (how & 0x80)
		config.features_withheld = take(in, 4);
	made[slot] = vgpu_new(of, &config, &error);
	check_error(made[slot], error);
	g_free(text);
	check_partitions(of);
}

static void read_page(struct vgpu *vgpu, uint64_t page[VGT_PVINFO_SIZE / 8])
{
	unsigned int i;

	for (i = 0; i < VGT_PVINFO_SIZE / 8; i++)
		page[i] = vgpu_bar0_read(vgpu, VGT_PVINFO_PAGE + 8 * i, 8);
}

static uint64_t truth[VGT_PVINFO_SIZE / 8];	/* the page of the vGPU that is always there */

/* A page that was refused changes nothing; the empty one brings the truth back. */
static void set_page(struct vgpu *vgpu, const char *text)
{
	uint64_t before[VGT_PVINFO_SIZE / 8], after[VGT_PVINFO_SIZE / 8];
	char *error = NULL;
	bool done;

	read_page(vgpu, before);
	done = vgpu_set_pvinfo(vgpu, text, &error);
	check_error(done, error);
	read_page(vgpu, after);
	if (!done && memcmp(before, after, sizeof(before)))
		abort();
	if (!vgpu_set_pvinfo(vgpu, "", &error))
		abort();
	read_page(vgpu, after);
	if (memcmp(truth, after, sizeof(truth)))
		abort();
	if (done)
		vgpu_set_pvinfo(vgpu, text, &error);
}

static void one_step(struct gvt *of, struct fuzz_input *in)
{
	uint8_t kind = take(in, 1);
	unsigned int slot = kind >> 4 & 7;
	char *text, *error = NULL;

	if ((kind & 15) < 3) {
		make(of, in, slot);
		return;
	}
	switch (kind & 15) {
	case 6: case 7: case 8:
		text = take_text(in);
		check_error(vgpu_set_channel_fault(vgpus[0], text, &error), error);
		g_free(text);
		return;
	case 10: case 11: case 12: case 13: case 14: case 15:
		text = take_text(in);
		set_page(vgpus[0], text);
		g_free(text);
		return;
	}
	if (!made[slot])
		return;
	switch (kind & 15) {
	case 3:
		vgpu_free(made[slot]);
		made[slot] = NULL;
		break;
	case 4:
		vgpu_reset(made[slot]);
		break;
	case 5:
		vgpu_set_power(made[slot], kind & 0x80);
		break;
	default:
		vgpu_bar0_write(made[slot], VGT_PVINFO_PAGE + (take(in, 2) & 0xffc), 4,
				take(in, 4));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct gvt *of = gvt_of(&in);
	char *error = NULL;
	unsigned int i;

	if (!gvt) {
		fuzz_setup(1);
		read_page(vgpus[0], truth);
	}
	made_count = 0;
	for (i = 0; i < MAX_STEPS && in.left; i++)
		one_step(of, &in);
	for (i = 0; i < GVT_MAX_VGPUS; i++) {
		vgpu_free(made[i]);
		made[i] = NULL;
	}
	if (!vgpu_set_pvinfo(vgpus[0], "", &error) || !vgpu_set_channel_fault(vgpus[0], "", &error))
		abort();
	return 0;
}
