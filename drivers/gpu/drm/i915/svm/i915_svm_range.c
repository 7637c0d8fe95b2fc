// SPDX-License-Identifier: MIT
/*
 * Ranges and their places in the VM.
 */

#include <linux/bitmap.h>
#include <linux/slab.h>

#include "i915_gem_evict.h"
#include "i915_svm_internal.h"
#include "i915_svm_trace.h"
#include "i915_vma.h"

/**
 * i915_svm_range_find - find a range by its start
 * @svm: the SVM; caller holds its mutex
 * @start: the address
 *
 * Return: the range or NULL.
 */
struct i915_svm_range *i915_svm_range_find(struct i915_svm *svm, u64 start)
{
	struct rb_node *rb = svm->ranges.rb_node;

	lockdep_assert_held(&svm->mutex);

	while (rb) {
		struct i915_svm_range *range = rb_entry(rb, struct i915_svm_range, rb);

		if (start == range->start)
			return range;
		rb = start < range->start ? rb->rb_left : rb->rb_right;
	}

	return NULL;
}

static bool range_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct i915_svm_range, rb)->start <
		rb_entry(b, struct i915_svm_range, rb)->start;
}

/**
 * i915_svm_range_add - make a range known
 * @range: the range, with a place in the VM
 */
void i915_svm_range_add(struct i915_svm_range *range)
{
	struct i915_svm *svm = range->svm;

	lockdep_assert_held(&svm->mutex);

	mutex_lock(&svm->zap_mutex);
	down_write(&svm->notifier_lock);
	rb_add(&range->rb, &svm->ranges, range_less);
	up_write(&svm->notifier_lock);
	mutex_unlock(&svm->zap_mutex);
	atomic64_inc(&svm_stats(svm)->binds);
	trace_i915_svm_bind(range);
}

/**
 * i915_svm_range_del - forget a range
 * @range: the range
 */
void i915_svm_range_del(struct i915_svm_range *range)
{
	struct i915_svm *svm = range->svm;

	lockdep_assert_held(&svm->mutex);

	mutex_lock(&svm->zap_mutex);
	down_write(&svm->notifier_lock);
	rb_erase(&range->rb, &svm->ranges);
	up_write(&svm->notifier_lock);
	mutex_unlock(&svm->zap_mutex);
	atomic64_inc(&svm_stats(svm)->unbinds);
	trace_i915_svm_unbind(range);
}

static noinline int svm_alloc_bitmaps(struct i915_svm_range *range, unsigned int chunks)
{
	range->invalid = bitmap_alloc(chunks, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	range->staged = bitmap_zalloc(chunks, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!range->invalid || !range->staged)
		return -ENOMEM;

	bitmap_fill(range->invalid, chunks);
	return 0;
}
ALLOW_ERROR_INJECTION(svm_alloc_bitmaps, ERRNO);

/**
 * i915_svm_range_alloc - allocate a range
 * @svm: whose range
 * @start: its address
 * @length: its length in bytes
 * @chunks: of memory; 0 for an object
 *
 * Return: the range or an ERR_PTR.
 */
struct i915_svm_range *i915_svm_range_alloc(struct i915_svm *svm, u64 start, u64 length,
					    unsigned int chunks)
{
	struct i915_svm_range *range;
	int ret;

	range = kvzalloc(struct_size(range, chunks, chunks), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!range)
		return ERR_PTR(-ENOMEM);

	range->svm = svm;
	range->start = start;
	range->length = length;
	range->count = chunks;
	INIT_LIST_HEAD(&range->invalid_link);

	ret = chunks ? svm_alloc_bitmaps(range, chunks) : 0;
	if (ret) {
		i915_svm_range_free(range);
		return ERR_PTR(ret);
	}

	return range;
}

/**
 * i915_svm_range_free - free a range that nothing leads to
 * @range: the range
 */
void i915_svm_range_free(struct i915_svm_range *range)
{
	bitmap_free(range->invalid);
	bitmap_free(range->staged);
	kvfree(range);
}

/**
 * i915_svm_range_mapped - have any of these chunks PTEs?
 * @range: the range
 * @first: the first chunk
 * @last: the last one
 *
 * Caller holds &i915_svm.zap_mutex, or &i915_svm.notifier_lock for writing.
 *
 * Return: whether one of them has.
 */
bool i915_svm_range_mapped(const struct i915_svm_range *range, u64 first, u64 last)
{
	u64 i;

	for (i = first; i <= last; i++) {
		if (range->chunks[i].sgt.sgl && !test_bit(i, range->staged))
			return true;
	}

	return false;
}

/*
 * What no handle leads to any more is no user's: the vma of a closed object that waits to be
 * destroyed, or a buffer of the driver's own. User space cannot even know of it.
 */
static bool ownerless(const struct drm_mm_node *node)
{
	const struct i915_vma *vma;

	if (node->color == I915_COLOR_UNEVICTABLE)
		return false;

	vma = container_of(node, typeof(*vma), node);
	return !atomic_read(&vma->open_count);
}

static bool all_ownerless(struct i915_address_space *vm, u64 start, u64 end)
{
	struct drm_mm_node *node;

	drm_mm_for_each_node_in_range(node, &vm->mm, start, end) {
		if (!ownerless(node))
			return false;
	}

	return true;
}

/**
 * i915_svm_reap - make room where only things lie that nobody owns
 * @svm: the SVM
 * @ww: the transaction, if the caller holds locks of objects
 * @start: the address
 * @length: in bytes
 *
 * Waits for the GPU to be done with them.
 *
 * Return: 0 if there is room now; -EEXIST if there is an obstacle with an owner; -EBUSY if one is
 * in use; -EINTR.
 */
int i915_svm_reap(struct i915_svm *svm, struct i915_gem_ww_ctx *ww, u64 start, u64 length)
{
	struct drm_mm_node place = { .start = start, .size = length };
	struct i915_address_space *vm = svm->vm;
	int ret;

	lockdep_assert_held(&vm->mutex);

	if (!all_ownerless(vm, start, start + length))
		return -EEXIST;

	ret = i915_gem_evict_for_node(vm, ww, &place, 0);
	return ret == -ENOSPC ? -EBUSY : ret;
}

static noinline int svm_reserve_node(struct i915_svm_range *range)
{
	struct i915_address_space *vm = range->svm->vm;
	int ret;

	lockdep_assert_held(&vm->mutex);

	ret = drm_mm_reserve_node(&vm->mm, &range->node);
	if (ret != -ENOSPC)
		return ret;

	ret = i915_svm_reap(range->svm, NULL, range->start, range->length);
	return ret ?: drm_mm_reserve_node(&vm->mm, &range->node);
}
ALLOW_ERROR_INJECTION(svm_reserve_node, ERRNO);

/**
 * i915_svm_reserve - take the place of a range of memory in the VM
 * @range: the range
 *
 * Eviction leaves the place alone: it is of the colour that says so.
 *
 * Return: 0; -EEXIST if something is there; -EBUSY, -EINTR.
 */
int i915_svm_reserve(struct i915_svm_range *range)
{
	struct i915_address_space *vm = range->svm->vm;
	int ret;

	range->node.start = range->start;
	range->node.size = range->length;
	range->node.color = I915_COLOR_UNEVICTABLE;

	if (mutex_lock_interruptible(&vm->mutex))
		return -EINTR;

	ret = svm_reserve_node(range);
	if (!ret) {
		/* An unbind that is still to come would clear our PTEs */
		ret = i915_vma_resource_bind_dep_sync(vm, range->start, range->length, true);
		if (ret)
			drm_mm_remove_node(&range->node);
	}
	mutex_unlock(&vm->mutex);

	return ret == -ERESTARTSYS ? -EINTR : ret;
}

/**
 * i915_svm_unreserve - give the place back
 * @range: the range, without PTEs
 */
void i915_svm_unreserve(struct i915_svm_range *range)
{
	struct i915_address_space *vm = range->svm->vm;

	mutex_lock(&vm->mutex);
	drm_mm_remove_node(&range->node);
	mutex_unlock(&vm->mutex);
}
