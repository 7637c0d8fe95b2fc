// SPDX-License-Identifier: MIT
/*
 * Collects the pages of a range: from the process's page tables to DMA addresses.
 *
 * hmm_range_fault() takes no reference to what it finds. That the pages stay is promised by the
 * notifier of the range alone, so what was collected counts only if no invalidation came since,
 * which is decided under the notifier lock.
 */

#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "i915_scatterlist.h"
#include "i915_svm_internal.h"

/*
 * So often may the memory change while it is looked at, and for so long. Each write that hmm makes
 * a copy for (after a fork) is such a change, and each attempt gets that much further.
 */
#define SVM_RETRIES 32
#define SVM_RETRY_MS (5 * HMM_RANGE_DEFAULT_TIMEOUT)

/* Pages and DMA mappings of neighbouring chunks that nobody else knows of yet */
struct svm_batch {
	struct i915_svm_range *range;
	unsigned int first;
	unsigned int count;
	unsigned long seq;
	struct sg_table *sgt;
	unsigned long *pfns;
};

static enum dma_data_direction direction(const struct i915_svm_range *range)
{
	return range->readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

static void unmap_sgt(struct i915_svm_range *range, struct sg_table *sgt)
{
	dma_unmap_sgtable(range->svm->vm->dma, sgt, direction(range), DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	sgt->sgl = NULL;
}

/**
 * i915_svm_chunk_release - give up the DMA mapping of a chunk
 * @range: the range
 * @index: the chunk; no PTE leads to its pages
 *
 * Caller holds &i915_svm.notifier_lock for writing, or the range is not reachable.
 */
void i915_svm_chunk_release(struct i915_svm_range *range, unsigned int index)
{
	struct sg_table *sgt = &range->chunks[index].sgt;

	if (sgt->sgl)
		unmap_sgt(range, sgt);
}

static unsigned long pfn_of(unsigned long hmm_pfn)
{
	return hmm_pfn & ~HMM_PFN_FLAGS;
}

/* How many pages, from this one on, the CPU maps with one PTE: they lie one after the other */
static unsigned long mapped_together(unsigned long hmm_pfn)
{
	unsigned long size = 1UL << hmm_pfn_to_map_order(hmm_pfn);

	return size - (pfn_of(hmm_pfn) & (size - 1));
}

/* Are all pages there, and writable if they have to be? */
static bool pages_complete(const struct i915_svm_range *range, const struct hmm_range *hmm)
{
	unsigned long need = HMM_PFN_VALID | (range->readonly ? 0 : HMM_PFN_WRITE);
	u64 n, count = (hmm->end - hmm->start) >> PAGE_SHIFT;

	for (n = 0; n < count; n += mapped_together(hmm->hmm_pfns[n])) {
		if ((hmm->hmm_pfns[n] & (need | HMM_PFN_ERROR)) != need)
			return false;
	}

	return true;
}

/*
 * What get_user_pages() refuses, the GPU may not have either, but hmm does not look: memory whose
 * protection key denies the access, memory that is secret even from the kernel, and a shadow stack
 * for writing. The mapping says the first, and one page of it the others, which anonymous memory,
 * as most is, need not be asked.
 */
static int mirrorable(struct mm_struct *mm, const struct hmm_range *hmm, bool readonly)
{
	VMA_ITERATOR(vmi, mm, hmm->start);
	struct vm_area_struct *vma;
	long ret;

	for_each_vma_range(vmi, vma, hmm->end) {
		if (!arch_vma_access_permitted(vma, !readonly, false, false))
			return -EFAULT;

		if (vma_is_anonymous(vma) && !(vma->vm_flags & VM_SHADOW_STACK))
			continue;

		/* hmm says for itself what these are */
		if (vma->vm_flags & (VM_IO | VM_PFNMAP) ||
		    !(vma->vm_flags & (readonly ? VM_READ : VM_WRITE)))
			continue;

		ret = get_user_pages(max_t(unsigned long, vma->vm_start, hmm->start), 1,
				     readonly ? 0 : FOLL_WRITE, NULL);
		if (ret < 0)
			return ret == -EREMOTEIO ? -EFAULT : ret; /* another device's memory */
	}

	return 0;
}

/*
 * Only the process itself gets here, by a bind or an execution: its mm is alive.
 *
 * Mostly the pages are there already. To look first costs hmm half of what it takes to ask for each
 * page whether it must be faulted in.
 */
static noinline int svm_fault_pages(struct svm_batch *batch)
{
	struct i915_svm_range *range = batch->range;
	struct mm_struct *mm = range->notifier.mm;
	struct hmm_range hmm = {
		.notifier = &range->notifier,
		.start = chunk_start(range, batch->first),
		.end = chunk_end(range, batch->first + batch->count - 1),
		.hmm_pfns = batch->pfns,
	};
	int ret;

	/* Not any signal: a timer of the process would keep a large bind from ever ending */
	if (fatal_signal_pending(current))
		return -EINTR;

	batch->seq = mmu_interval_read_begin(&range->notifier);
	hmm.notifier_seq = batch->seq;
	mmap_read_lock(mm);
	ret = mirrorable(mm, &hmm, range->readonly);
	if (!ret)
		ret = hmm_range_fault(&hmm);
	if (!ret && !pages_complete(range, &hmm)) {
		hmm.default_flags = HMM_PFN_REQ_FAULT | (range->readonly ? 0 : HMM_PFN_REQ_WRITE);
		ret = hmm_range_fault(&hmm);
	}
	mmap_read_unlock(mm);

	return ret;
}
ALLOW_ERROR_INJECTION(svm_fault_pages, ERRNO);

/*
 * Bounced pages would be copies, which neither side would see the other's writes in. An IOMMU that
 * translates reaches whole pages wherever they are, and dma_need_sync() is not about bouncing then.
 */
static bool bounces(struct device *dev, const struct sg_table *sgt)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct scatterlist *sg;

	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		return false;

	for (sg = sgt->sgl; sg && sg_dma_len(sg); sg = __sg_next(sg)) {
		if (dma_need_sync(dev, sg_dma_address(sg)))
			return true;
	}

	return false;
}

/* How many of @count pages lie one after the other in memory; of a huge page one look is enough */
static unsigned int contiguous(const unsigned long *pfns, unsigned int count)
{
	unsigned long first = pfn_of(pfns[0]);
	unsigned long n = 0;

	do {
		n += mapped_together(pfns[n]);
	} while (n < count && pfn_of(pfns[n]) == first + n);

	return min_t(unsigned long, n, count);
}

static int alloc_sgt(struct sg_table *sgt, const unsigned long *pfns, unsigned int count)
{
	unsigned int n, segments = 0;
	struct scatterlist *sg;
	int ret;

	for (n = 0; n < count; n += contiguous(pfns + n, count - n))
		segments++;

	ret = sg_alloc_table(sgt, segments, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;

	n = 0;
	for (sg = sgt->sgl; sg; sg = __sg_next(sg)) {
		unsigned int pages = contiguous(pfns + n, count - n);

		sg_set_page(sg, hmm_pfn_to_page(pfns[n]), pages << PAGE_SHIFT, 0);
		n += pages;
	}

	return 0;
}

static noinline int svm_map_pages(struct i915_svm_range *range, const unsigned long *pfns,
				  unsigned int count, struct sg_table *sgt)
{
	struct device *dev = range->svm->vm->dma;
	int ret;

	ret = alloc_sgt(sgt, pfns, count);
	if (ret)
		return ret;

	ret = dma_map_sgtable(dev, sgt, direction(range), DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		sgt->sgl = NULL;
		/* What the device does not reach may be too large to be bounced, too */
		return ret == -ENOMEM ? -ENOMEM : -ENODEV;
	}

	if (bounces(dev, sgt)) {
		unmap_sgt(range, sgt);
		return -ENODEV;
	}

	return 0;
}
ALLOW_ERROR_INJECTION(svm_map_pages, ERRNO);

static int map_batch(struct svm_batch *batch)
{
	struct i915_svm_range *range = batch->range;
	const unsigned long *pfns = batch->pfns;
	unsigned int i;
	int ret;

	for (i = 0; i < batch->count; i++) {
		unsigned int count = chunk_pages(range, batch->first + i);

		ret = svm_map_pages(range, pfns, count, &batch->sgt[i]);
		if (ret)
			return ret;
		pfns += count;
	}

	return 0;
}

static void unmap_batch(struct svm_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++)
		if (batch->sgt[i].sgl)
			unmap_sgt(batch->range, &batch->sgt[i]);
}

/*
 * The GPU may write from now on, and leaves no trace in the PTEs of the CPU. Whatever cleans a page
 * later (writeback, MADV_FREE) invalidates first, and the page comes here again.
 *
 * The page lock is not needed: under the notifier lock the page is still mapped. Nor does this
 * allocate: a page of a file system with writeback is dirty as long as a PTE is writable (see
 * vma_wants_writenotify()), and for all others, anonymous memory, shmem and hugetlb, marking is
 * noop_dirty_folio(), the setting of a flag.
 */
static void mark_dirty(const struct sg_table *sgt)
{
	struct scatterlist *sg;

	for (sg = sgt->sgl; sg; sg = __sg_next(sg)) {
		unsigned int n = 0, count = sg->length >> PAGE_SHIFT;

		while (n < count) {
			struct page *page = nth_page(sg_page(sg), n);
			struct folio *folio = page_folio(page);

			if (!folio_test_dirty(folio))
				folio_mark_dirty(folio);
			n += folio_nr_pages(folio) - folio_page_idx(folio, page);
		}
	}
}

/* Decides whether what was collected is still true; if it is, it belongs to the range now */
static noinline int svm_stage(struct svm_batch *batch)
{
	struct i915_svm_range *range = batch->range;
	struct i915_svm *svm = range->svm;
	unsigned int i;

	down_read(&svm->notifier_lock);
	if (mmu_interval_read_retry(&range->notifier, batch->seq)) {
		up_read(&svm->notifier_lock);
		return -EBUSY;
	}

	for (i = 0; i < batch->count; i++) {
		range->chunks[batch->first + i].sgt = batch->sgt[i];
		if (!range->readonly)
			mark_dirty(&batch->sgt[i]);
	}
	bitmap_clear(range->invalid, batch->first, batch->count);
	bitmap_set(range->staged, batch->first, batch->count);
	up_read(&svm->notifier_lock);

	return 0;
}
ALLOW_ERROR_INJECTION(svm_stage, ERRNO);

static int collect_once(struct svm_batch *batch)
{
	int ret;

	ret = svm_fault_pages(batch);
	if (!ret)
		ret = map_batch(batch);
	if (!ret)
		ret = svm_stage(batch);
	if (ret)
		unmap_batch(batch);

	return ret;
}

/**
 * i915_svm_collect - collect the pages of neighbouring chunks and stage them
 * @range: the range
 * @first: the first chunk; like the others its bit in &i915_svm_range.invalid is set, and that in
 *	&i915_svm_range.staged is not
 * @count: how many
 *
 * Caller holds &i915_svm.mutex.
 *
 * Return: 0; -EFAULT if there is no memory that can be mirrored, -EPERM if it may not be written,
 * -EBUSY if it keeps changing, -ENODEV if the device cannot reach it; -ENOMEM, -EINTR.
 */
int i915_svm_collect(struct i915_svm_range *range, unsigned int first, unsigned int count)
{
	u64 pages = (chunk_end(range, first + count - 1) - chunk_start(range, first)) >> PAGE_SHIFT;
	struct i915_svm *svm = range->svm;
	struct svm_batch batch = { .range = range, .first = first, .count = count };
	unsigned long deadline = jiffies + msecs_to_jiffies(SVM_RETRY_MS);
	int tries = SVM_RETRIES;
	int ret;

	lockdep_assert_held(&svm->mutex);

	batch.sgt = kcalloc(count, sizeof(*batch.sgt), GFP_KERNEL);
	batch.pfns = kvmalloc_array(pages, sizeof(*batch.pfns), GFP_KERNEL);
	if (!batch.sgt || !batch.pfns) {
		ret = -ENOMEM;
		goto out;
	}

	do {
		ret = collect_once(&batch);
		if (ret == -EBUSY)
			atomic64_inc(&svm_stats(svm)->retries);
	} while (ret == -EBUSY && (tries-- > 0 || time_before(jiffies, deadline)));

out:
	if (ret)
		atomic64_inc(&svm_stats(svm)->faults);
	kvfree(batch.pfns);
	kfree(batch.sgt);
	return ret;
}
