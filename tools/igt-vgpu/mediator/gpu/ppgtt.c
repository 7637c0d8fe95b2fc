// SPDX-License-Identifier: MIT
/*
 * The page table walk of a context's own address space (PPGTT), Gen8 format: 4-level for 48-bit
 * addresses, or four page directories for 32-bit ones; pages of 4 KiB, 64 KiB and 2 MiB.
 *
 * Called by mem.c to fill the software TLB, by front ends that show a test what is mapped, and by
 * tests. It reads guest memory and must not write any, must not trust an entry, and a walk takes at
 * most four steps. Facts: i915 gt/intel_gtt.h, gt/gen8_ppgtt.c; PRM SKL vol. 5 "PPGTT".
 *
 * The bit for 64 KiB pages counts on Gen9, after a driver said so in GPU_GAMW_ECO; otherwise the
 * walk ignores it (i915 gt/intel_gtt.c, gtt_write_workarounds(); gvt/gtt.c, vgpu_ips_enabled()).
 */
#include "core.h"

#define PDE_PAGE_2M		(1ull << 7)	/* GEN8_PDE_PS_2M */
#define PDE_IPS_64K		(1ull << 11)	/* GEN8_PDE_IPS_64K: 64 KiB pages in its table */
#define ENTRIES_MASK		511u

/*
 * What an entry refers to lies in the domain of the page the entry stands in; only a mediator, whose
 * tables are in domain 0, may name another. So a vGPU's tables can never reach out of its own memory.
 * A native driver keeps there what it likes, as hardware ignores bits 52-62 (i915 gvt/gtt.c,
 * GTT_SPTE_FLAG_64K_SPLITED is bit 52 of entries that the GPU walks).
 */
static uint64_t entry_domain(const struct gpu *gpu, uint64_t table, uint64_t entry)
{
	if (gpu->config.native)
		return 0;
	return table & GPU_DOMAIN_MASK ? table & GPU_DOMAIN_MASK : entry & GPU_DOMAIN_MASK;
}

/* Does the word of @table's owner allow 64 KiB pages there? */
static bool takes_ips(struct gpu *gpu, uint64_t table)
{
	return atomic_load_explicit(&gpu->ips[(table & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT],
				    memory_order_relaxed);
}

/* The host's page of @table (address with domain bits); NULL if there is no memory. */
static const uint64_t *table_page(struct gpu *gpu, uint64_t table)
{
	return gpu->ops->page(gpu->opaque, (table & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT,
			      table & GPU_ADDR_MASK, false);
}

/* Entry @index of a table's page; 0, not present, if there is no page. */
static uint64_t read_entry(const uint64_t *page, unsigned int index)
{
	return page ? __atomic_load_n(&page[index], __ATOMIC_ACQUIRE) : 0;
}

/*
 * To the page directory's entry for @addr. False: there is none, and nothing in the 1 << *@shift
 * bytes around @addr.
 */
static bool walk_to_pde(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
			struct gpu_pde *pde, unsigned int *shift)
{
	uint64_t table, entry, write = GPU_PTE_WRITE;

	if (ppgtt->four_level) {
		table = ppgtt->pdp[0];
		*shift = 39;
	} else {
		table = ppgtt->pdp[(addr >> 30) & 3];
		*shift = GPU_PDE_SHIFT;
	}
	for (;; *shift -= 9) {
		entry = read_entry(table_page(gpu, table), (addr >> *shift) & ENTRIES_MASK);
		if (!(entry & GPU_PTE_PRESENT))
			return false;
		write &= entry;
		if (*shift == GPU_PDE_SHIFT)
			break;
		table = (entry & GPU_ADDR_MASK) | entry_domain(gpu, table, entry);
	}
	pde->entry = entry;
	pde->table = table;
	pde->page = NULL;
	pde->writable = write;
	return true;
}

/* From there to what translates @addr; returns and *@shift: the same. */
static bool walk_from_pde(struct gpu *gpu, struct gpu_pde *pde, uint64_t addr,
			  struct gpu_ppgtt_leaf *leaf, unsigned int *shift)
{
	uint64_t table = pde->table, entry = pde->entry;
	unsigned int index;

	*shift = GPU_PDE_SHIFT;
	leaf->shift = GPU_PDE_SHIFT;
	leaf->writable = pde->writable;
	if (!(entry & PDE_PAGE_2M)) {
		*shift = GPU_PAGE_SHIFT;
		leaf->shift = entry & PDE_IPS_64K && takes_ips(gpu, table) ? 16 : GPU_PAGE_SHIFT;
		index = (addr >> GPU_PAGE_SHIFT) & ENTRIES_MASK;
		/*
		 * In a table of 64 KiB pages only every 16th entry counts, the others hold
		 * anything.
		 */
		if (leaf->shift == 16)
			index &= ~15u;
		table = (entry & GPU_ADDR_MASK) | entry_domain(gpu, table, entry);
		if (!pde->page)
			pde->page = table_page(gpu, table);
		entry = read_entry(pde->page, index);
		if (!(entry & GPU_PTE_PRESENT))
			return false;
		leaf->writable &= !!(entry & GPU_PTE_WRITE);
	}
	leaf->addr = addr >> leaf->shift << leaf->shift;
	leaf->page = (entry & GPU_ADDR_MASK) >> leaf->shift << leaf->shift;
	leaf->domain = entry_domain(gpu, table, entry) >> GPU_DOMAIN_SHIFT;
	return true;
}

/* One walk: both. */
static bool walk(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
		 struct gpu_ppgtt_leaf *leaf, unsigned int *shift)
{
	struct gpu_pde pde;

	return walk_to_pde(gpu, ppgtt, addr, &pde, shift) &&
	       walk_from_pde(gpu, &pde, addr, leaf, shift);
}

/* The page that holds @addr, as gpu_ppgtt_walk() returns it. */
static uint64_t page_of(const struct gpu_ppgtt_leaf *leaf, uint64_t addr)
{
	return (leaf->page + (addr - leaf->addr)) >> GPU_PAGE_SHIFT << GPU_PAGE_SHIFT |
	       (uint64_t)leaf->domain << GPU_DOMAIN_SHIFT | (leaf->writable ? GPU_PTE_WRITE : 0) |
	       GPU_PTE_PRESENT;
}

/**
 * gpu_ppgtt_walk - translate an address by a context's page tables
 * @gpu: the GPU
 * @ppgtt: root of the tables
 * @addr: address; bits that the format does not translate are ignored, as hardware does
 * @page_shift: set to 12, 16 or 21, may be NULL
 *
 * Return: 0 if not present; else the address of the 4 KiB page that holds @addr (also inside a
 * larger page), its domain in the domain bits, GPU_PTE_PRESENT, and GPU_PTE_WRITE if every level
 * allows writing.
 */
uint64_t gpu_ppgtt_walk(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
			unsigned int *page_shift)
{
	struct gpu_ppgtt_leaf leaf;
	unsigned int shift;

	if (!walk(gpu, ppgtt, addr, &leaf, &shift))
		return 0;
	if (page_shift)
		*page_shift = leaf.shift;
	return page_of(&leaf, addr);
}

/**
 * gpu_ppgtt_walk_by - the same by way of a page directory's entry that may be known already
 * @pde: in: what is known, an entry of @addr's, or nothing (.entry 0); out: the entry that was used
 *
 * Return: see gpu_ppgtt_walk().
 */
uint64_t gpu_ppgtt_walk_by(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
			   struct gpu_pde *pde)
{
	struct gpu_ppgtt_leaf leaf;
	unsigned int shift;

	if (!pde->entry && !walk_to_pde(gpu, ppgtt, addr, pde, &shift))
		return 0;
	return walk_from_pde(gpu, pde, addr, &leaf, &shift) ? page_of(&leaf, addr) : 0;
}

/** gpu_ppgtt_each - see gpu.h */
bool gpu_ppgtt_each(struct gpu *gpu, unsigned int domain, uint64_t root, uint64_t from, uint64_t to,
		    gpu_ppgtt_leaf_fn *fn, void *arg)
{
	const struct gpu_ppgtt ppgtt = {
		.four_level = true,
		.pdp = { (root & GPU_ADDR_MASK) | (uint64_t)domain << GPU_DOMAIN_SHIFT },
	};
	struct gpu_ppgtt_leaf leaf;
	unsigned int shift;

	while (from < to && from < GPU_PPGTT_SIZE) {
		if (walk(gpu, &ppgtt, from, &leaf, &shift)) {
			if (!fn(arg, &leaf))
				return false;
			shift = leaf.shift;
		}
		from = ((from >> shift) + 1) << shift;
	}
	return true;
}

/** gpu_ppgtt_set_ips - see gpu.h; half a field is none: nobody knows which bit is which engine's */
void gpu_ppgtt_set_ips(struct gpu *gpu, unsigned int domain, uint32_t eco)
{
	bool on = gpu->platform->gen == 9 && (eco & GPU_GAMW_ECO_IPS) == GPU_GAMW_ECO_IPS;

	if (atomic_exchange(&gpu->ips[domain], on) != on)
		atomic_fetch_add(&gpu->tlb_generation, 1);
}

static void gamw_eco_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	gpu_ppgtt_set_ips(io->gpu, 0, now);
}

const struct gpu_reg_handler gpu_handler_gamw_eco = { .write = gamw_eco_write };
