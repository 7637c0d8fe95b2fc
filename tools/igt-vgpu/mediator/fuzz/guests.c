// SPDX-License-Identifier: MIT
/* Two guests for the fuzzers of gvt/; see guests.h. */

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"
#include "i915_pvinfo_abi.h"

struct gvt *gvt;
struct vgpu *vgpus[2];
uint8_t memory[2][FUZZ_MAX_PAGES][GPU_PAGE_SIZE] __attribute__((aligned(4096)));
uint64_t now;
bool (*fuzz_has_page)(unsigned int guest, uint64_t addr);

static unsigned int num_pages;

uint64_t take(struct fuzz_input *in, unsigned int bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = in->left;
	memcpy(&value, in->data, bytes);
	in->data += bytes;
	in->left -= bytes;
	return value;
}

static void *host_page(void *opaque, uint64_t addr, bool write)
{
	unsigned int n = GPOINTER_TO_UINT(opaque);

	(void)write;
	if (fuzz_has_page && !fuzz_has_page(n, addr))
		return NULL;
	return addr < num_pages * GPU_PAGE_SIZE ? memory[n][addr / GPU_PAGE_SIZE] : NULL;
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

struct gvt *fuzz_gvt(const struct gpu_config *gpu)
{
	static const struct gvt_host_ops ops = {
		.page = host_page, .irq = host_irq, .now_ns = host_now, .kick = host_kick,
		.log = host_log,
	};
	struct gvt *made = gvt_new(gpu, &ops, NULL);

	if (!made)
		abort();
	return made;
}

void fuzz_setup(unsigned int pages)
{
	struct vgpu_config config = { 0 };
	char *error = NULL;
	unsigned int n;

	num_pages = pages;
	gvt = fuzz_gvt(&(const struct gpu_config){ .platform = GPU_SKL });
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

uint32_t gma(unsigned int n, unsigned int page)
{
	return vgpu_partition(vgpus[n])->hidden_base + page * GPU_PAGE_SIZE;
}

void fuzz_map_memory(unsigned int n)
{
	unsigned int i;

	vgpu_bar0_read(vgpus[n], VGT_PVINFO_PAGE, 8);
	for (i = 0; i < num_pages; i++)
		vgpu_bar0_write(vgpus[n], GPU_GTT_OFFSET + (gma(n, i) >> 12) * 8, 8, i << 12 | 3);
}
