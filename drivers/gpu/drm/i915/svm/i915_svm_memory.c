// SPDX-License-Identifier: MIT
/*
 * Binds ranges of process memory, and writes their PTEs again after an invalidation.
 *
 * The pages of all chunks that need it are collected first (staged), outside of the locks; then the
 * PTEs are written at once. So the GPU sees nothing of a bind that fails.
 */

#include <linux/dma-resv.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "i915_svm_internal.h"
#include "i915_svm_trace.h"

/* How many chunks are collected at a time, with mmap_lock held: 64 MiB */
#define SVM_BATCH_CHUNKS 32

/* So often may a range change between the first page collected and the last */
#define SVM_PASSES 32

/* The next chunks that are invalid and neighbours */
static unsigned int next_invalid(struct i915_svm_range *range, unsigned int *first)
{
	struct i915_svm *svm = range->svm;
	unsigned int end = range->count;

	down_read(&svm->notifier_lock);
	*first = find_next_bit(range->invalid, range->count, *first);
	if (*first < range->count) {
		end = min(*first + SVM_BATCH_CHUNKS, range->count);
		end = find_next_zero_bit(range->invalid, end, *first);
	}
	up_read(&svm->notifier_lock);

	return end - *first;
}

static int stage(struct i915_svm_range *range)
{
	unsigned int first = 0, count;
	int ret;

	while ((count = next_invalid(range, &first))) {
		ret = i915_svm_collect(range, first, count);
		if (ret)
			return ret;
		first += count;
	}

	return 0;
}

/* Writes the PTEs of what is staged, if all of the range is */
static noinline int svm_commit(struct i915_svm_range *range)
{
	struct i915_svm *svm = range->svm;
	unsigned long pages;

	down_read(&svm->notifier_lock);
	if (!bitmap_empty(range->invalid, range->count)) {
		up_read(&svm->notifier_lock);
		return -EAGAIN;
	}

	pages = i915_svm_write_ptes(range);
	wmb(); /* the PTEs before the request that uses them */
	bitmap_zero(range->staged, range->count);
	trace_i915_svm_commit(range, pages);
	if (range->live)
		atomic64_add(pages, &svm_stats(svm)->revalidated);
	range->live = true;
	list_del_init(&range->invalid_link);
	up_read(&svm->notifier_lock);

	atomic64_add(pages, &svm_stats(svm)->mapped);
	return 0;
}
ALLOW_ERROR_INJECTION(svm_commit, ERRNO);

/**
 * i915_svm_populate - collect the invalid chunks of a range and write their PTEs
 * @range: the range, of memory of the current process
 *
 * Caller holds &i915_svm.mutex. On failure nothing that the GPU sees has changed.
 *
 * Return: 0 or as i915_svm_collect().
 */
int i915_svm_populate(struct i915_svm_range *range)
{
	int tries = SVM_PASSES;
	int ret;

	lockdep_assert_held(&range->svm->mutex);

	do {
		ret = stage(range);
		if (!ret)
			ret = i915_svm_fill_stash(range);
		if (!ret)
			ret = svm_commit(range);
	} while (ret == -EAGAIN && tries--);
	i915_svm_trim_stash(range->svm);

	return ret == -EAGAIN ? -EBUSY : ret;
}

/*
 * For those only that are in the VM now. A signal that is not fatal does not end the wait: a timer
 * of the process might keep it from ever coming to an end.
 */
static int wait_for_requests(struct i915_svm *svm)
{
	struct dma_fence **fences;
	unsigned int count, i;
	int ret;

	ret = dma_resv_get_fences(&svm->vm->_resv, DMA_RESV_USAGE_BOOKKEEP, &count, &fences);
	if (ret)
		return ret;

	for (i = 0; i < count; i++) {
		while (!ret && dma_fence_wait_timeout(fences[i], false, HZ / 10) <= 0) {
			if (fatal_signal_pending(current))
				ret = -EINTR;
		}
		dma_fence_put(fences[i]);
	}
	kfree(fences);

	return ret;
}

static void put_mm(struct i915_svm *svm)
{
	struct mm_struct *mm = svm->mm;

	if (--svm->memory_ranges)
		return;

	down_write(&svm->notifier_lock);
	svm->mm = NULL;
	up_write(&svm->notifier_lock);
	mmdrop(mm);
}

/*
 * The first range of memory ties the VM to the process, the last one releases it. As long as there
 * is none, whoever has the VM may execute in it: what they have there must not see the first.
 */
static int get_mm(struct i915_svm *svm)
{
	int ret;

	if (svm->memory_ranges++)
		return 0;

	mmgrab(current->mm);
	down_write(&svm->notifier_lock);
	svm->mm = current->mm;
	up_write(&svm->notifier_lock);

	ret = wait_for_requests(svm);
	if (ret)
		put_mm(svm);

	return ret;
}

static noinline int svm_watch(struct i915_svm_range *range)
{
	return mmu_interval_notifier_insert(&range->notifier, range->svm->mm, range->start,
					    range->length, &i915_svm_notifier_ops);
}
ALLOW_ERROR_INJECTION(svm_watch, ERRNO);

static void unwatch(struct i915_svm_range *range)
{
	unsigned int i;

	mmu_interval_notifier_remove(&range->notifier);

	/* What is left was staged by a bind or a revalidation that failed */
	for (i = 0; i < range->count; i++) {
		i915_svm_chunk_release(range, i);
		cond_resched();
	}
}

/**
 * i915_svm_bind_memory - bind memory of the current process
 * @svm: the SVM; caller holds its mutex
 * @start: the address, of the process and in the VM
 * @length: in bytes
 * @readonly: the GPU may not write
 *
 * Return: 0 or an errno, see &struct drm_i915_gem_vm_range.
 */
int i915_svm_bind_memory(struct i915_svm *svm, u64 start, u64 length, bool readonly)
{
	struct i915_svm_range *range;
	int ret;

	lockdep_assert_held(&svm->mutex);

	if (readonly && !svm->vm->has_read_only)
		return -ENODEV;

	if (svm->mm && svm->mm != current->mm)
		return -EPERM;

	/* It cannot all be mapped: spare us to allocate for what is no memory */
	if (length >> PAGE_SHIFT > READ_ONCE(current->mm->total_vm))
		return -EFAULT;

	range = i915_svm_range_alloc(svm, start, length, i915_svm_chunk_count(start, length));
	if (IS_ERR(range))
		return PTR_ERR(range);
	range->readonly = readonly;

	ret = i915_svm_reserve(range);
	if (ret)
		goto err_free;

	ret = get_mm(svm);
	if (ret)
		goto err_unreserve;

	ret = svm_watch(range);
	if (ret)
		goto err_mm;

	ret = i915_svm_populate(range);
	if (ret)
		goto err_watch;

	i915_svm_range_add(range);
	return 0;

err_watch:
	unwatch(range);
err_mm:
	put_mm(svm);
err_unreserve:
	i915_svm_unreserve(range);
err_free:
	i915_svm_range_free(range);
	return ret;
}

/**
 * i915_svm_drop_memory - undo i915_svm_bind_memory()
 * @range: the range; the GPU has left it
 */
void i915_svm_drop_memory(struct i915_svm_range *range)
{
	struct i915_svm *svm = range->svm;

	lockdep_assert_held(&svm->mutex);

	down_write(&svm->notifier_lock);
	range->live = false;
	list_del_init(&range->invalid_link);
	up_write(&svm->notifier_lock);

	mutex_lock(&svm->zap_mutex);
	i915_svm_zap(range, 0, range->count - 1);
	mutex_unlock(&svm->zap_mutex);

	i915_svm_range_del(range);
	unwatch(range);
	i915_svm_unreserve(range);
	put_mm(svm);
	i915_svm_range_free(range);
}
