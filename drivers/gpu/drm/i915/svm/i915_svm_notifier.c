// SPDX-License-Identifier: MIT
/*
 * Takes pages from the GPU before the process loses them.
 *
 * The core calls from everywhere: munmap, fork, reclaim, migration, with mmap_lock, the locks of
 * the page cache, or in the middle of an allocation. So nothing here allocates, and nothing waits
 * for a lock under which somebody allocates. It does wait for the GPU, see i915_svm_stop().
 */

#include "i915_svm_internal.h"
#include "i915_svm_trace.h"

/* From here no request gets into the VM before the chunks are revalidated */
static void invalidate(struct i915_svm_range *range, u64 first, u64 last)
{
	lockdep_assert_held_write(&range->svm->notifier_lock);

	bitmap_set(range->invalid, first, last - first + 1);
	if (range->live && list_empty(&range->invalid_link))
		list_add_tail(&range->invalid_link, &range->svm->invalid);
}

static void release(struct i915_svm_range *range, u64 first, u64 last)
{
	u64 i;

	lockdep_assert_held_write(&range->svm->notifier_lock);

	for (i = first; i <= last; i++) {
		if (!test_bit(i, range->staged))
			i915_svm_chunk_release(range, i);
		cond_resched();
	}
}

static bool any_staged(const struct i915_svm_range *range, u64 first, u64 last)
{
	return find_next_bit(range->staged, last + 1, first) <= last;
}

/* What was collected, and the GPU has not seen yet: there is nothing to wait for */
static void drop_staged(struct i915_svm_range *range, u64 first, u64 last)
{
	struct i915_svm *svm = range->svm;
	unsigned int i = first;

	lockdep_assert_held(&svm->zap_mutex);

	down_write(&svm->notifier_lock);
	for_each_set_bit_from(i, range->staged, last + 1) {
		i915_svm_chunk_release(range, i);
		cond_resched();
	}
	bitmap_clear(range->staged, first, last - first + 1);
	up_write(&svm->notifier_lock);
}

/**
 * i915_svm_zap - clear PTEs and give up DMA mappings
 * @range: the range
 * @first: the first chunk
 * @last: the last one
 *
 * The GPU does not use the chunks and will not: they are invalid, or the range is on its way out.
 * Caller holds &i915_svm.zap_mutex.
 */
void i915_svm_zap(struct i915_svm_range *range, u64 first, u64 last)
{
	struct i915_svm *svm = range->svm;
	unsigned long pages;

	lockdep_assert_held(&svm->zap_mutex);

	pages = i915_svm_clear_ptes(range, first, last);
	if (!pages)
		return;

	i915_svm_flush_tlb(svm);
	down_write(&svm->notifier_lock);
	release(range, first, last);
	up_write(&svm->notifier_lock);
	atomic64_add(pages, &svm_stats(svm)->zapped);
}

/**
 * i915_svm_zap_all - the same for all memory of a VM, with one TLB invalidation
 * @svm: the SVM
 */
void i915_svm_zap_all(struct i915_svm *svm)
{
	struct i915_svm_range *range, *next;
	unsigned long pages = 0;

	lockdep_assert_held(&svm->zap_mutex);

	rbtree_postorder_for_each_entry_safe(range, next, &svm->ranges, rb) {
		if (!range->vma)
			pages += i915_svm_clear_ptes(range, 0, range->count - 1);
	}
	if (!pages)
		return;

	i915_svm_flush_tlb(svm);
	down_write(&svm->notifier_lock);
	rbtree_postorder_for_each_entry_safe(range, next, &svm->ranges, rb) {
		if (!range->vma)
			release(range, 0, range->count - 1);
	}
	up_write(&svm->notifier_lock);
	atomic64_add(pages, &svm_stats(svm)->zapped);
}

/*
 * The process is at its end, and the core will call for each range. Do all of them at once: one
 * wait, one TLB invalidation. Nobody can revalidate any more, for only the process itself may.
 */
static void invalidate_all(struct i915_svm *svm)
{
	struct i915_svm_range *range, *next;

	mutex_lock(&svm->zap_mutex);
	down_write(&svm->notifier_lock);
	rbtree_postorder_for_each_entry_safe(range, next, &svm->ranges, rb) {
		if (!range->vma)
			invalidate(range, 0, range->count - 1);
	}
	up_write(&svm->notifier_lock);

	i915_svm_stop(svm);
	i915_svm_zap_all(svm);
	mutex_unlock(&svm->zap_mutex);
}

/*
 * Two calls for one range may be here at a time. The second must not return before the first is
 * through with the chunks that they share: it finds them still mapped, and waits for the mutex.
 */
static bool i915_svm_invalidate(struct mmu_interval_notifier *notifier,
				const struct mmu_notifier_range *event, unsigned long seq)
{
	struct i915_svm_range *range = container_of(notifier, typeof(*range), notifier);
	struct i915_svm *svm = range->svm;
	bool mapped, held;
	u64 first, last;

	if (!i915_svm_chunks_of(range->start, range->length, event->start, event->end,
				&first, &last))
		return true;

	if (mmu_notifier_range_blockable(event))
		down_write(&svm->notifier_lock);
	else if (!down_write_trylock(&svm->notifier_lock))
		return false;

	/* To take pages from the GPU takes sleeping locks, and perhaps a wait */
	mapped = i915_svm_range_mapped(range, first, last);
	held = mapped || any_staged(range, first, last);
	if (held && !mmu_notifier_range_blockable(event)) {
		up_write(&svm->notifier_lock);
		return false;
	}

	mmu_interval_set_seq(notifier, seq);
	invalidate(range, first, last);
	up_write(&svm->notifier_lock);
	trace_i915_svm_invalidate(range, event, mapped);

	atomic64_inc(mapped ? &svm_stats(svm)->invalidations : &svm_stats(svm)->untouched);
	if (!held)
		return true;

	if (mapped && event->event == MMU_NOTIFY_RELEASE)
		invalidate_all(svm);

	mutex_lock(&svm->zap_mutex);
	if (i915_svm_range_mapped(range, first, last)) {
		i915_svm_stop(svm);
		i915_svm_zap(range, first, last);
	}
	drop_staged(range, first, last);
	mutex_unlock(&svm->zap_mutex);

	return true;
}

const struct mmu_interval_notifier_ops i915_svm_notifier_ops = {
	.invalidate = i915_svm_invalidate,
};
