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
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "i915_scatterlist.h"
#include "i915_svm_internal.h"

/* So often may the memory change while it is looked at */
#define SVM_RETRIES 32

/* Pages and DMA mappings of neighbouring chunks that nobody else knows of yet */
struct svm_batch {
	struct i915_svm_range *range;
	unsigned int first;
	unsigned int count;
	unsigned long seq;
	struct sg_table *sgt;
	unsigned long *pfns;
	struct page **pages; /* of one chunk */
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

/* Only the process itself gets here, by a bind or an execution: its mm is alive */
static noinline int svm_fault_pages(struct svm_batch *batch)
{
	struct i915_svm_range *range = batch->range;
	struct mm_struct *mm = range->notifier.mm;
	struct hmm_range hmm = {
		.notifier = &range->notifier,
		.start = chunk_start(range, batch->first),
		.end = chunk_end(range, batch->first + batch->count - 1),
		.hmm_pfns = batch->pfns,
		.default_flags = HMM_PFN_REQ_FAULT | (range->readonly ? 0 : HMM_PFN_REQ_WRITE),
	};
	int ret;

	/* Not any signal: a timer of the process would keep a large bind from ever ending */
	if (fatal_signal_pending(current))
		return -EINTR;

	batch->seq = mmu_interval_read_begin(&range->notifier);
	hmm.notifier_seq = batch->seq;
	mmap_read_lock(mm);
	ret = hmm_range_fault(&hmm);
	mmap_read_unlock(mm);

	return ret;
}
ALLOW_ERROR_INJECTION(svm_fault_pages, ERRNO);

/* Bounced pages would be copies, which neither side would see the other's writes in */
static bool bounces(struct device *dev, const struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (dma_need_sync(dev, sg_dma_address(sg)))
			return true;
	}

	return false;
}

static noinline int svm_map_pages(struct i915_svm_range *range, struct page **pages,
				  unsigned int count, struct sg_table *sgt)
{
	struct device *dev = range->svm->vm->dma;
	int ret;

	ret = sg_alloc_table_from_pages_segment(sgt, pages, count, 0,
						(unsigned long)count << PAGE_SHIFT,
						i915_sg_segment_size(dev), GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;

	ret = dma_map_sgtable(dev, sgt, direction(range), DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		sgt->sgl = NULL;
		return ret;
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
	unsigned long *pfns = batch->pfns;
	unsigned int i;
	int ret;

	for (i = 0; i < batch->count; i++) {
		unsigned int count = chunk_pages(range, batch->first + i);
		unsigned int n;

		for (n = 0; n < count; n++)
			batch->pages[n] = hmm_pfn_to_page(*pfns++);

		ret = svm_map_pages(range, batch->pages, count, &batch->sgt[i]);
		if (ret)
			return ret;
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
static void mark_dirty(const struct svm_batch *batch)
{
	u64 n, count = (chunk_end(batch->range, batch->first + batch->count - 1) -
			chunk_start(batch->range, batch->first)) >> PAGE_SHIFT;
	struct folio *last = NULL;

	for (n = 0; n < count; n++) {
		struct folio *folio = page_folio(hmm_pfn_to_page(batch->pfns[n]));

		if (folio != last && !folio_test_dirty(folio))
			folio_mark_dirty(folio);
		last = folio;
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

	for (i = 0; i < batch->count; i++)
		range->chunks[batch->first + i].sgt = batch->sgt[i];
	bitmap_clear(range->invalid, batch->first, batch->count);
	bitmap_set(range->staged, batch->first, batch->count);
	if (!range->readonly)
		mark_dirty(batch);
	up_read(&svm->notifier_lock);

	return 0;
}
ALLOW_ERROR_INJECTION(svm_stage, ERRNO);

/* What was staged and overtaken by an invalidation before it got PTEs */
static void drop_stale(struct i915_svm_range *range, unsigned int first, unsigned int count)
{
	struct i915_svm *svm = range->svm;
	unsigned int i;

	down_write(&svm->notifier_lock);
	for (i = first; i < first + count; i++) {
		if (test_bit(i, range->staged))
			i915_svm_chunk_release(range, i);
	}
	bitmap_clear(range->staged, first, count);
	up_write(&svm->notifier_lock);
}

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
 * @first: the first chunk; like the others its bit in &i915_svm_range.invalid is set
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
	int tries = SVM_RETRIES;
	int ret;

	lockdep_assert_held(&svm->mutex);

	batch.sgt = kcalloc(count, sizeof(*batch.sgt), GFP_KERNEL);
	batch.pfns = kvmalloc_array(pages, sizeof(*batch.pfns), GFP_KERNEL);
	batch.pages = kmalloc_array(min(pages, I915_SVM_CHUNK_SIZE >> PAGE_SHIFT),
				    sizeof(*batch.pages), GFP_KERNEL);
	if (!batch.sgt || !batch.pfns || !batch.pages) {
		ret = -ENOMEM;
		goto out;
	}

	drop_stale(range, first, count);
	do {
		ret = collect_once(&batch);
		if (ret == -EBUSY)
			atomic64_inc(&svm_stats(svm)->retries);
	} while (ret == -EBUSY && tries--);

out:
	if (ret)
		atomic64_inc(&svm_stats(svm)->faults);
	kfree(batch.pages);
	kvfree(batch.pfns);
	kfree(batch.sgt);
	return ret;
}
