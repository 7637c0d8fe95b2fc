// SPDX-License-Identifier: MIT
/*
 * Writes and clears the PTEs of chunks.
 *
 * Page tables are allocated beforehand (the stash), for PTEs are written under the notifier lock,
 * where nothing may allocate. What a bind does not need of them is kept for the next one: most
 * small ranges have a neighbour whose page table they share.
 */

#include "gem/i915_gem_object.h"
#include "gt/intel_tlb.h"
#include "i915_gem_ww.h"
#include "i915_scatterlist.h"
#include "i915_svm_internal.h"

/* So many page tables, and directories, are kept for later: enough for a range of 32 MiB */
#define SVM_STASH 16

static unsigned int stashed(const struct i915_page_table *pt)
{
	unsigned int count = 0;

	for (; pt; pt = pt->stash)
		count++;

	return count;
}

static void push(struct i915_page_table **stash, struct i915_page_table *pt)
{
	pt->stash = *stash;
	*stash = pt;
}

static void splice(struct i915_page_table **to, struct i915_page_table *from)
{
	struct i915_page_table *next;

	for (; from; from = next) {
		next = from->stash;
		push(to, from);
	}
}

static noinline int svm_alloc_tables(struct i915_address_space *vm, struct i915_vm_pt_stash *stash,
				     unsigned int tables, unsigned int directories)
{
	for (; tables; tables--) {
		struct i915_page_table *pt = alloc_pt(vm, I915_GTT_PAGE_SIZE_4K);

		if (IS_ERR(pt))
			return PTR_ERR(pt);
		push(&stash->pt[0], pt);
	}

	for (; directories; directories--) {
		struct i915_page_directory *pd = alloc_pd(vm);

		if (IS_ERR(pd))
			return PTR_ERR(pd);
		push(&stash->pt[1], &pd->pt);
	}

	return 0;
}
ALLOW_ERROR_INJECTION(svm_alloc_tables, ERRNO);

static int map_tables(struct i915_address_space *vm, struct i915_vm_pt_stash *stash)
{
	struct i915_gem_ww_ctx ww;
	int ret;

	for_i915_gem_ww(&ww, ret, true) {
		ret = i915_vm_lock_objects(vm, &ww);
		if (!ret)
			ret = i915_vm_map_pt_stash(vm, stash);
	}

	return ret;
}

/**
 * i915_svm_fill_stash - have page tables for all staged chunks of a range
 * @range: the range; caller holds &i915_svm.mutex
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int i915_svm_fill_stash(struct i915_svm_range *range)
{
	unsigned int first, end, tables = 0, directories = 0;
	struct i915_vm_pt_stash fresh = {};
	struct i915_svm *svm = range->svm;
	unsigned int have;
	int level, ret;

	lockdep_assert_held(&svm->mutex);

	/* What is lost from here on is too much in the stash, and no harm */
	down_read(&svm->notifier_lock);
	for_each_set_bitrange(first, end, range->staged, range->count) {
		tables += end - first;
		for (level = 1; level < svm->vm->top; level++)
			directories += i915_svm_directories(end - first, level);
	}
	up_read(&svm->notifier_lock);

	have = stashed(svm->stash.pt[0]);
	tables -= min(tables, have);
	have = stashed(svm->stash.pt[1]);
	directories -= min(directories, have);
	if (!tables && !directories)
		return 0;

	ret = svm_alloc_tables(svm->vm, &fresh, tables, directories);
	if (!ret)
		ret = map_tables(svm->vm, &fresh);
	if (ret) {
		i915_vm_free_pt_stash(svm->vm, &fresh);
		return ret;
	}

	splice(&svm->stash.pt[0], fresh.pt[0]);
	splice(&svm->stash.pt[1], fresh.pt[1]);
	return 0;
}

static struct i915_page_table *cut(struct i915_page_table **stash, unsigned int keep)
{
	struct i915_page_table *rest;

	while (*stash && keep--)
		stash = &(*stash)->stash;
	rest = *stash;
	*stash = NULL;

	return rest;
}

/**
 * i915_svm_trim_stash - keep a few page tables for the next bind, give up the others
 * @svm: the SVM; caller holds its mutex
 */
void i915_svm_trim_stash(struct i915_svm *svm)
{
	struct i915_vm_pt_stash rest = {
		.pt[0] = cut(&svm->stash.pt[0], SVM_STASH),
		.pt[1] = cut(&svm->stash.pt[1], SVM_STASH),
	};

	i915_vm_free_pt_stash(svm->vm, &rest);
}

/**
 * i915_svm_free_stash - give up the page tables kept for later
 * @svm: the SVM; caller holds its mutex
 */
void i915_svm_free_stash(struct i915_svm *svm)
{
	i915_vm_free_pt_stash(svm->vm, &svm->stash);
}

static void insert_chunk(struct i915_svm_range *range, unsigned int index)
{
	struct i915_svm *svm = range->svm;
	struct i915_address_space *vm = svm->vm;
	struct i915_vma_resource *vma_res = &svm->vma_res;
	u32 flags = range->readonly ? PTE_READ_ONLY : 0;

	vma_res->bi.pages = &range->chunks[index].sgt;
	vma_res->bi.page_sizes.sg = SZ_4K;
	if (i915_vm_is_4lvl(vm))
		vma_res->bi.page_sizes.sg =
			i915_svm_page_sizes(i915_sg_dma_sizes(vma_res->bi.pages->sgl),
					    RUNTIME_INFO(vm->i915)->page_sizes);
	vma_res->start = chunk_start(range, index);
	vma_res->node_size = chunk_end(range, index) - vma_res->start;
	vma_res->vma_size = vma_res->node_size;
	vma_res->page_sizes_gtt = 0;

	vm->insert_entries(vm, vma_res, i915_gem_get_pat_index(vm->i915, I915_CACHE_LLC), flags);
	range->page_sizes |= vma_res->page_sizes_gtt;
}

/**
 * i915_svm_write_ptes - let the GPU use what is staged of a range
 * @range: the range, whose staged chunks have a DMA mapping and no PTEs
 *
 * Caller holds &i915_svm.mutex, and &i915_svm.notifier_lock for reading, and the stash is filled.
 *
 * Return: how many pages.
 */
unsigned long i915_svm_write_ptes(struct i915_svm_range *range)
{
	struct i915_address_space *vm = range->svm->vm;
	unsigned int first, end, i;
	unsigned long pages = 0;

	for_each_set_bitrange(first, end, range->staged, range->count) {
		u64 start = chunk_start(range, first);
		u64 length = chunk_end(range, end - 1) - start;

		vm->allocate_va_range(vm, &range->svm->stash, start, length);
		for (i = first; i < end; i++) {
			insert_chunk(range, i);
			cond_resched();
		}
		pages += length >> PAGE_SHIFT;
	}

	return pages;
}

/**
 * i915_svm_clear_ptes - take chunks from the GPU, which has left them
 * @range: the range
 * @first: the first chunk to look at
 * @last: the last one
 *
 * Caller holds &i915_svm.zap_mutex. The TLBs are another step, i915_svm_flush_tlb(), for all
 * chunks at once; after that the DMA mappings may go.
 *
 * Return: how many pages.
 */
unsigned long i915_svm_clear_ptes(struct i915_svm_range *range, u64 first, u64 last)
{
	struct i915_address_space *vm = range->svm->vm;
	unsigned long pages = 0;
	u64 i;

	for (i = first; i <= last; i++) {
		u64 start = chunk_start(range, i);

		if (!i915_svm_range_mapped(range, i, i))
			continue;

		vm->clear_range(vm, start, chunk_end(range, i) - start);
		pages += chunk_pages(range, i);
		cond_resched();
	}

	return pages;
}

/**
 * i915_svm_flush_tlb - make the GPU forget PTEs that were cleared
 * @svm: the SVM
 *
 * An engine that sleeps has nothing in its TLB and is not woken up.
 */
void i915_svm_flush_tlb(struct i915_svm *svm)
{
	struct intel_gt *gt;
	unsigned int id;

	wmb(); /* the PTEs before the register */
	for_each_gt(gt, svm->vm->i915, id)
		intel_gt_invalidate_tlb_full(gt, intel_gt_next_invalidate_tlb_full(gt));
	atomic64_inc(&svm_stats(svm)->tlb_flushes);
}
