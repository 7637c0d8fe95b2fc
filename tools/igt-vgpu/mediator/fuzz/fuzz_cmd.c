// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the command streamer: ring, batch, page tables and GGTT entries all come from the
 * input.
 *
 * Input: a header (engine, platform, shape of the address space), then patches of page tables and
 * GGTT entries, then commands. The dictionary is the command table itself: the mutator below
 * inserts headers of its rows at dword positions. A run is bounded by steps, and by page lookups (a
 * hostile blit is stopped as a reset stops it).
 */
#include <stdlib.h>
#include <string.h>

#include "../gpu/cmd.h"
#include "../gpu/core.h"

#define PAGES		256		/* of memory, in each domain; addresses wrap below LIMIT */
#define LIMIT		(1ull << 33)
#define STEPS		1500
#define PARTS		4	/* of long blits: how they go on is how they began */
#define LOOKUPS		5000

/* Page numbers of what the harness sets up, in the context's domain. */
enum {
	PML4 = 1,
	PDP = 2,
	PD = 3,
	PT = 4,
	RING = 8,
	HWSP = 9,
	BATCH = 16,
	BATCH_PAGES = 16,
	DATA = 64
};

/* Where it appears: the PPGTT maps page n at VA n, the GGTT maps it at page GGTT_BASE + n. */
#define GGTT_BASE	0x1000u

struct input {
	uint8_t engine; /* bits 0-1; 2-3: platform; 4: 3-level tables; 5: batch from the GGTT; 6:
			   shared; 7: commands in the ring */
	uint8_t patches;	/* number of patches that follow, 10 bytes each */
} __attribute__((packed));

struct patch {
	uint16_t where; /* bit 15: GGTT entry, otherwise entry of one of the four table pages */
	uint64_t entry;
} __attribute__((packed));

static struct {
	struct gpu *gpu[4][2];
	struct gpu *now;
	struct gpu_engine *engine;
	uint8_t *mem[2];
	unsigned int lookups;
	uint64_t ns;
} f;

static void *page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	(void)opaque;
	(void)write;
	if (f.engine && ++f.lookups > LOOKUPS)
		atomic_store(&f.engine->stop, true);
	if (domain > 1 || addr >= LIMIT)
		return NULL;
	if (addr & (GPU_PAGE_SIZE - 1))
		abort();	/* the contract of gpu_host_ops.page */
	return f.mem[domain] + (addr >> GPU_PAGE_SHIFT) % PAGES * GPU_PAGE_SIZE;
}

static void irq(void *opaque, bool level)
{
	(void)opaque;
	(void)level;
}

static uint64_t now_ns(void *opaque)
{
	(void)opaque;
	return f.ns += 100;
}

static void kick(void *opaque, enum gpu_engine_id engine)
{
	(void)opaque;
	if (engine >= GPU_NUM_ENGINES)
		abort();
}

static void log_line(void *opaque, enum gpu_log_level level, const char *line)
{
	(void)opaque;
	(void)level;
	if (strlen(line) > 4096)
		abort();
}

static const struct gpu_host_ops ops = { .page = page,
					 .irq = irq,
					 .now_ns = now_ns,
					 .kick = kick,
					 .log = log_line };

/*
 * What an input can have changed, back to the start: memory, the engine and the GGTT entries in use
 * each time; all registers and entries, which takes long, every so often (a privileged command can
 * write any of them).
 */
static void reset(struct gpu *gpu, unsigned int domain, struct gpu_engine *engine)
{
	static unsigned int inputs;
	uint64_t dom = (uint64_t)domain << GPU_DOMAIN_SHIFT;
	uint8_t *mem = f.mem[domain];
	unsigned int i;

	f.engine = NULL;
	f.ns = 1000000000;
	memset(f.mem[0], 0, PAGES * GPU_PAGE_SIZE);
	memset(f.mem[1], 0, PAGES * GPU_PAGE_SIZE);
	if (inputs++ % 1024) {
		gpu_lock(gpu);
		gpu_engine_reset(engine);
		gpu_unlock(gpu);
	} else {
		gpu_power_on_reset(gpu);
	}
	gpu_ppgtt_set_ips(gpu, domain, GPU_GAMW_ECO_IPS);
	for (i = 0; i < PAGES; i++) {
		gpu_ggtt_write(gpu, GGTT_BASE + i, (uint64_t)i << 12 | GPU_PTE_PRESENT | dom);
		((uint64_t *)(mem + PT * GPU_PAGE_SIZE))[i] = (uint64_t)i << 12 | GPU_PTE_PRESENT |
							      GPU_PTE_WRITE;
	}
	((uint64_t *)(mem + PML4 * GPU_PAGE_SIZE))[0] = PDP << 12 | 3;
	((uint64_t *)(mem + PDP * GPU_PAGE_SIZE))[0] = PD << 12 | 3;
	((uint64_t *)(mem + PD * GPU_PAGE_SIZE))[0] = PT << 12 | 3;
}

static void apply_patch(struct gpu *gpu, unsigned int domain, const struct patch *patch)
{
	unsigned int where = patch->where & 0x7fff;

	if (patch->where & 0x8000)
		gpu_ggtt_write(gpu, GGTT_BASE + where % PAGES,
			       (patch->entry & ~GPU_DOMAIN_MASK) | (uint64_t)domain
									   << GPU_DOMAIN_SHIFT);
	else
		((uint64_t *)(f.mem[domain] + PML4 * GPU_PAGE_SIZE))[where % 2048] = patch->entry;
}

static void start(struct gpu_cs *cs, const struct input *in, unsigned int domain, size_t commands)
{
	uint64_t dom = (uint64_t)domain << GPU_DOMAIN_SHIFT;
	uint32_t *ring = (uint32_t *)(f.mem[domain] + RING * GPU_PAGE_SIZE);
	uint32_t batch = BATCH << 12;

	cs->ring_start = (GGTT_BASE + RING) << 12;
	cs->ring_size = GPU_PAGE_SIZE;
	cs->head = 0;
	cs->domain = domain;
	cs->pphwsp = (GGTT_BASE + HWSP) << 12;
	cs->ppgtt.four_level = !(in->engine & 0x10);
	memset(cs->ppgtt.pdp, 0, sizeof(cs->ppgtt.pdp));
	cs->ppgtt.pdp[0] = (cs->ppgtt.four_level ? PML4 << 12 : PD << 12) | dom;
	if (in->engine & 0x80) {
		if (commands > GPU_PAGE_SIZE - 8)
			commands = GPU_PAGE_SIZE - 8;
		memcpy(ring, f.mem[domain] + batch, commands);
		cs->tail = commands & ~3u;
	} else {
		ring[0] = 0x31u << 23 | 1 | (in->engine & 0x20 ? 0 : 1u << 8);
		ring[1] = batch + (in->engine & 0x20 ? GGTT_BASE << 12 : 0);
		cs->tail = 16;
	}
	gpu_cs_start(cs);
}

static struct gpu *get_gpu(const struct input *in)
{
	static const enum gpu_platform platform[4] = { GPU_SKL, GPU_BDW, GPU_KBL, GPU_CFL };
	bool shared = in->engine & 0x40;
	struct gpu_config config = { .platform = platform[in->engine >> 2 & 3], .native = !shared };
	struct gpu **gpu = &f.gpu[in->engine >> 2 & 3][shared];

	if (!f.mem[0]) {
		f.mem[0] = aligned_alloc(GPU_PAGE_SIZE, PAGES * GPU_PAGE_SIZE);
		f.mem[1] = aligned_alloc(GPU_PAGE_SIZE, PAGES * GPU_PAGE_SIZE);
	}
	if (!*gpu)
		*gpu = gpu_new(&config, &ops, NULL);
	if (!*gpu || !f.mem[0] || !f.mem[1])
		abort();
	return *gpu;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct patch patch;
	struct gpu *gpu;
	unsigned int i, domain, parts = 0;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	data += sizeof(in);
	size -= sizeof(in);
	domain = !!(in.engine & 0x40);
	gpu = get_gpu(&in);
	reset(gpu, domain, &gpu->engine[in.engine & 3]);
	for (i = 0; i < in.patches % 16u && size >= sizeof(patch); i++) {
		memcpy(&patch, data, sizeof(patch));
		apply_patch(gpu, domain, &patch);
		data += sizeof(patch);
		size -= sizeof(patch);
	}
	if (size > BATCH_PAGES * GPU_PAGE_SIZE)
		size = BATCH_PAGES * GPU_PAGE_SIZE;
	memcpy(f.mem[domain] + BATCH * GPU_PAGE_SIZE, data, size);

	f.lookups = 0;
	f.engine = &gpu->engine[in.engine & 3];
	start(&f.engine->cs, &in, domain, size);
	for (i = 0; i < STEPS; i++) {
		enum gpu_cs_result result = gpu_cs_step(&f.engine->cs);

		if (f.engine->cs.depth >= GPU_CS_MAX_DEPTH || f.engine->cs.head >= GPU_PAGE_SIZE)
			abort();
		if ((result == GPU_CS_HANG) != f.engine->cs.hung)
			abort();
		if (result == GPU_CS_PART && ++parts == PARTS)
			break;
		if (result >= GPU_CS_EMPTY || atomic_load(&f.engine->stop))
			break;
	}
	atomic_store(&f.engine->stop, false);
	return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Addresses that lead somewhere, so that operands hit more often than chance lets them. */
static uint32_t useful_dword(unsigned int r)
{
	switch (r % 6) {
	case 0:
		return (DATA + r / 6 % 32) << 12;
	case 1:
		return (GGTT_BASE + DATA + r / 6 % 32) << 12;
	case 2:
		return (BATCH << 12) + r / 6 % 512 * 4;
	case 3:
		return 0x2600 + r / 6 % 64 * 4;
	case 4:
		return (r / 6 % 64) << 16 | (r / 384 % 64);
	}
	return r / 6 % 2 ? 0 : 0x03cc0400;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	unsigned int count, len, i, r = seed * 2654435761u;
	const struct gpu_cmd_info *rows = gpu_cmd_rows(&count), *row = &rows[r / 8 % count];
	uint32_t dw[16];
	size_t skip;

	if (r % 4 == 0 || size < sizeof(struct input))
		return LLVMFuzzerMutate(data, size, max_size);

	/*
	 * Mostly a command of the input's engine: insert it with useful operands, at a dword after
	 * the patches.
	 */
	for (i = 0; i < 64 && !(row->engines & 1u << (data[0] & 3)); i++)
		row = &rows[(row - rows + 7) % count];
	dw[0] = gpu_cmd_header(row) | ((r >> 20 & 3) == 0 ? r & 0x00400000 : 0) |
		(row->client == GPU_CMD_BLT ? 3u << 20 : 0);
	len = gpu_cmd_length(row, dw[0]);
	if (len > 16)
		len = 16;
	for (i = 1; i < len; i++)
		dw[i] = useful_dword(r = r * 1664525 + 1013904223);
	skip = sizeof(struct input) + data[1] % 16u * sizeof(struct patch);
	if (skip > size)
		skip = size;
	skip += (size - skip) / 4 ? (r >> 8) % ((size - skip) / 4 + 1) * 4 : 0;
	if (size + len * 4 > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	memmove(data + skip + len * 4, data + skip, size - skip);
	memcpy(data + skip, dw, len * 4);
	return size + len * 4;
}
