// SPDX-License-Identifier: MIT
/*
 * Memory as a command streamer sees it: addresses of the global (GGTT) and the context's own
 * (PPGTT) space to host pointers, through a small software TLB.
 *
 * Called by the command handlers on the engine's thread, without gpu->lock; gpu_ggtt_ptr() by
 * anyone. It must not keep a host pointer beyond the TLB generation in which it was looked up; who is
 * given one, until the stream's next step (gpu_mem_ptr()).
 *
 * A write through an entry that does not allow it is dropped without a fault: i915 maps its scratch
 * pages read-only and lets user batches write there (igt_ctx_readonly checks that nothing arrives
 * and that the batch completes).
 */
#include <string.h>

#include "gpu_types.h"

#define TLB_VALID		(1ull << 62)
#define TLB_SPACE_SHIFT		63

#define FAULT_GTTSEL		(1u << 11)	/* of GPU_RING_FAULT */
#define FAULT_ENGINE_SHIFT	12

/*
 * Where dropped writes go: a copy of the page that was to be written, so that a command that reads,
 * changes and writes (MI_ATOMIC, a raster operation) reads what is there. Per thread, so that two
 * engines do not race on it.
 */
static _Thread_local uint8_t write_sink[GPU_PAGE_SIZE];

/* Hardware's engine numbers in the fault register (i915 hw_id). */
static unsigned int fault_engine(enum gpu_engine_id id)
{
	static const unsigned int hw_id[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 0, [GPU_VCS0] = 1, [GPU_BCS0] = 2, [GPU_VECS0] = 3,
	};

	return hw_id[id];
}

static void set_fault_registers(struct gpu *gpu, const struct gpu_fault *fault)
{
	gpu_lock_runner(gpu);
	if (!(gpu_reg_get(gpu, GPU_RING_FAULT) & GPU_FAULT_VALID)) {
		gpu_reg_set(gpu, GPU_FAULT_TLB_DATA0, fault->data0);
		gpu_reg_set(gpu, GPU_FAULT_TLB_DATA1, fault->data1);
		gpu_reg_set(gpu, GPU_RING_FAULT, fault->reg);
	}
	gpu_unlock(gpu);
}

/* Report a fault the way i915 reads it (intel_gt_check_and_clear_faults()). */
static void report_fault(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write)
{
	struct gpu *gpu = cs->gpu;
	bool ggtt = space == GPU_SPACE_GGTT;
	const struct gpu_fault fault = {
		.reg = GPU_FAULT_VALID | (ggtt ? FAULT_GTTSEL : 0) |
		       fault_engine(cs->engine->id) << FAULT_ENGINE_SHIFT,
		.data0 = addr >> 12,
		.data1 = (addr >> 44 & GPU_FAULT_VA_HIGH) | (ggtt ? GPU_FAULT_GGTT : 0),
	};

	cs->faulted = true;
	cs->fault_space = space;
	cs->fault_addr = addr;
	if (!cs->domain)
		set_fault_registers(gpu, &fault);
	else if (gpu->ops->fault)
		gpu->ops->fault(gpu->opaque, cs->domain, &fault);
	gpu_log(gpu, cs->domain, GPU_LOG_WARN,
		"%s: page fault, %s of %s address 0x%llx, command 0x%08x at 0x%llx",
		cs->engine->name, write ? "write" : "read", ggtt ? "GGTT" : "PPGTT",
		(unsigned long long)addr, cs->ipehr, (unsigned long long)cs->acthd);
}

/*
 * The GGTT's entry for @addr; 0 if it is absent or not @domain's (0: anybody's). Checked where it
 * is read, for who may change it does so at any time.
 */
static uint64_t ggtt_entry(struct gpu *gpu, unsigned int domain, uint64_t addr)
{
	uint64_t pte;

	if (addr >= GPU_GGTT_SIZE)
		return 0;
	pte = atomic_load_explicit(&gpu->ggtt[addr >> GPU_PAGE_SHIFT], memory_order_acquire);
	if (!(pte & GPU_PTE_PRESENT))
		return 0;
	if (domain && (pte & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT != domain)
		return 0;
	return pte;
}

/* By the page directory's entry, if it is cached: neighbours have the same. */
static uint64_t translate_ppgtt(struct gpu_cs *cs, uint64_t addr, uint64_t generation)
{
	struct gpu_pde *pde = &cs->pde[(addr >> GPU_PDE_SHIFT) % GPU_PDE_ENTRIES];
	uint64_t tag = addr >> GPU_PDE_SHIFT | TLB_VALID;

	if (pde->tag != tag || pde->generation != generation)
		*pde = (struct gpu_pde){ .tag = tag, .generation = generation };
	return gpu_ppgtt_walk_by(cs->gpu, &cs->ppgtt, addr, pde);
}

/*
 * Entry of the page that holds @addr, with domain bits; 0 if absent. GGTT entries have no write bit
 * (i915 sets none). The stream of a vGPU's context reaches that vGPU's part of the GGTT and no
 * other, whatever its commands say.
 */
static uint64_t translate(struct gpu_cs *cs, enum gpu_space space, uint64_t addr,
			  uint64_t generation)
{
	uint64_t pte;

	if (space == GPU_SPACE_PPGTT)
		return translate_ppgtt(cs, addr, generation);
	pte = ggtt_entry(cs->gpu, cs->domain, addr);
	return pte ? pte | GPU_PTE_WRITE : 0;
}

static void *host_page(struct gpu *gpu, uint64_t pte, bool write)
{
	return gpu->ops->page(gpu->opaque, (pte & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT,
			      pte & GPU_ADDR_MASK, write);
}

/*
 * The bits of an address that its space translates; GGTT addresses beyond the end are faults, not
 * wrapped.
 */
static uint64_t canonical(struct gpu_cs *cs, enum gpu_space space, uint64_t addr)
{
	if (space == GPU_SPACE_GGTT)
		return addr & ((1ull << 48) - 1);
	return addr & gpu_ppgtt_mask(&cs->ppgtt);
}

/*
 * The page that holds @addr (canonical), by the tables. NULL: absent, without memory in the host, or
 * not to be written; nothing is reported, and *@pte is the entry.
 */
static uint8_t *walk_page(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
			  uint64_t generation, uint64_t *pte)
{
	*pte = translate(cs, space, addr, generation);
	if (!*pte || (write && !(*pte & GPU_PTE_WRITE)))
		return NULL;
	return host_page(cs->gpu, *pte, write);
}

static uint64_t tlb_tag(enum gpu_space space, uint64_t addr)
{
	return addr >> GPU_PAGE_SHIFT | (uint64_t)space << TLB_SPACE_SHIFT | TLB_VALID;
}

static struct gpu_tlb_entry *tlb_entry(struct gpu_cs *cs, uint64_t addr)
{
	return &cs->tlb[(addr >> GPU_PAGE_SHIFT) % GPU_TLB_ENTRIES];
}

static void tlb_fill(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
		     uint64_t generation, uint8_t *host)
{
	*tlb_entry(cs, addr) = (struct gpu_tlb_entry){
		.tag = tlb_tag(space, addr), .generation = generation, .host = host,
		.writable = write,
	};
}

/* The same from the TLB, or into it. */
static uint8_t *page_of(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
			uint64_t generation, uint64_t *pte)
{
	const struct gpu_tlb_entry *entry = tlb_entry(cs, addr);
	uint8_t *host;

	if (entry->tag == tlb_tag(space, addr) && entry->generation == generation &&
	    (!write || entry->writable))
		return entry->host;
	host = walk_page(cs, space, addr, write, generation, pte);
	if (host)
		tlb_fill(cs, space, addr, write, generation, host);
	return host;
}

/* What page_of() has no pointer for: a fault, or a page that is not to be written. */
static uint8_t *no_page(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
			uint64_t pte)
{
	uint8_t *host = NULL;

	if (write && pte && !(pte & GPU_PTE_WRITE))
		host = host_page(cs->gpu, pte, false);
	if (!host) {
		report_fault(cs, space, addr, write);
		return NULL;
	}
	memcpy(write_sink, host, sizeof(write_sink));
	return write_sink + addr % GPU_PAGE_SIZE;
}

/**
 * gpu_mem_ptr - host pointer for an address of a command stream
 * @cs: the stream
 * @space: address space
 * @addr: byte address
 * @write: the caller will write
 * @left: set to the number of bytes up to the page's end, may be NULL
 *
 * Return: the pointer, good until the caller returns to gpu_cs_step(); for a write to a read-only
 * page, a copy of it that is lost. NULL: fault, already reported in the fault registers; the
 * caller makes the engine hang.
 */
uint8_t *gpu_mem_ptr(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
		     unsigned int *left)
{
	uint64_t generation = atomic_load_explicit(&cs->gpu->tlb_generation, memory_order_acquire);
	uint64_t pte = 0;
	uint8_t *host;

	addr = canonical(cs, space, addr);
	if (left)
		*left = GPU_PAGE_SIZE - addr % GPU_PAGE_SIZE;
	host = page_of(cs, space, addr, write, generation, &pte);
	if (!host)
		return no_page(cs, space, addr, write, pte);
	return host + addr % GPU_PAGE_SIZE;
}

/**
 * gpu_mem_extend - how far what gpu_mem_ptr() returned goes on in the host, beyond its page
 * @cs, @addr, @write: as it was called, in the context's own space
 * @host: what it returned
 * @left: the number of bytes up to the page's end
 * @want: bytes that the caller has a use for
 *
 * Only pages that are wanted as a whole are looked at: who takes all of a page has no use for it in
 * the TLB.
 *
 * Return: the number of bytes that are contiguous in the host, @left at least. A fault further on
 * is none yet: the bytes end before it.
 */
unsigned int gpu_mem_extend(struct gpu_cs *cs, uint64_t addr, bool write, const uint8_t *host,
			    unsigned int left, unsigned int want)
{
	uint64_t generation = atomic_load_explicit(&cs->gpu->tlb_generation, memory_order_acquire);
	uint64_t next, pte;
	uint8_t *page;

	for (; left < want && want - left >= GPU_PAGE_SIZE; left += GPU_PAGE_SIZE) {
		next = canonical(cs, GPU_SPACE_PPGTT, addr + left);
		page = walk_page(cs, GPU_SPACE_PPGTT, next, write, generation, &pte);
		if (page != host + left) {
			if (page)	/* who goes on there finds it */
				tlb_fill(cs, GPU_SPACE_PPGTT, next, write, generation, page);
			break;
		}
	}
	return left;
}

/** gpu_mem_read - copy @len bytes from @addr into @buf; false: fault. Not atomic. */
bool gpu_mem_read(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, void *buf, size_t len)
{
	uint8_t *to = buf;
	unsigned int n;

	for (; len; len -= n, to += n, addr += n) {
		const uint8_t *from = gpu_mem_ptr(cs, space, addr, false, &n);

		if (!from)
			return false;
		if (n > len)
			n = len;
		memcpy(to, from, n);
	}
	return true;
}

/**
 * gpu_mem_write - copy @len bytes from @buf to @addr; false: fault, then a part may have been
 * written. Not atomic.
 */
bool gpu_mem_write(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, const void *buf,
		   size_t len)
{
	const uint8_t *from = buf;
	unsigned int n;

	for (; len; len -= n, from += n, addr += n) {
		uint8_t *to = gpu_mem_ptr(cs, space, addr, true, &n);

		if (!to)
			return false;
		if (n > len)
			n = len;
		memcpy(to, from, n);
	}
	return true;
}

/**
 * gpu_mem_read32 - one atomic dword; the low two address bits are ignored, as the commands define
 * them
 */
bool gpu_mem_read32(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint32_t *value)
{
	const uint8_t *from = gpu_mem_ptr(cs, space, addr & ~3ull, false, NULL);

	if (!from)
		return false;
	*value = __atomic_load_n((const uint32_t *)from, __ATOMIC_ACQUIRE);
	return true;
}

/**
 * gpu_mem_write32 - one atomic dword; everything that the stream wrote before is visible to who
 * sees it
 */
bool gpu_mem_write32(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint32_t value)
{
	uint8_t *to = gpu_mem_ptr(cs, space, addr & ~3ull, true, NULL);

	if (!to)
		return false;
	__atomic_store_n((uint32_t *)to, value, __ATOMIC_RELEASE);
	return true;
}

/**
 * gpu_mem_write64 - one atomic qword; at an address that is only dword-aligned, two dwords, low
 * one first
 */
bool gpu_mem_write64(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint64_t value)
{
	uint8_t *to;

	addr &= ~3ull;
	if (addr & 4)
		return gpu_mem_write32(cs, space, addr, value) &&
		       gpu_mem_write32(cs, space, addr + 4, value >> 32);
	to = gpu_mem_ptr(cs, space, addr, true, NULL);
	if (!to)
		return false;
	__atomic_store_n((uint64_t *)to, value, __ATOMIC_RELEASE);
	return true;
}

/**
 * gpu_tlb_flush - forget all translations of one stream (TLB invalidation by command, new context)
 */
void gpu_tlb_flush(struct gpu_cs *cs)
{
	memset(cs->tlb, 0, sizeof(cs->tlb));
	memset(cs->pde, 0, sizeof(cs->pde));
}

/**
 * gpu_ggtt_ptr_of - host pointer for a GGTT address, uncached
 * @gpu: the GPU
 * @domain: whose memory it must be; 0: anybody's
 * @addr: byte address
 * @write: the caller will write
 *
 * Return: NULL if the entry is absent or another domain's, there is no memory behind it or the
 * address lies beyond the GGTT.
 */
uint8_t *gpu_ggtt_ptr_of(struct gpu *gpu, unsigned int domain, uint64_t addr, bool write)
{
	uint64_t pte = ggtt_entry(gpu, domain, addr);
	uint8_t *host = pte ? host_page(gpu, pte, write) : NULL;

	return host ? host + addr % GPU_PAGE_SIZE : NULL;
}

/** gpu_ggtt_ptr - the same for the owner of the GPU */
uint8_t *gpu_ggtt_ptr(struct gpu *gpu, uint64_t addr, bool write)
{
	return gpu_ggtt_ptr_of(gpu, 0, addr, write);
}
