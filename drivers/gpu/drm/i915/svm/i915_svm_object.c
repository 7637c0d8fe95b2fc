// SPDX-License-Identifier: MIT
/*
 * Binds GEM objects: an object's vma is pinned at the address until the range is unbound.
 */

#include <linux/mm.h>

#include "gem/i915_gem_object.h"
#include "gt/intel_gt_pm.h"
#include "i915_gem_ww.h"
#include "i915_svm_internal.h"
#include "i915_vma.h"

/*
 * Keeps the vma as a handle would: it is not destroyed when the GPU is parked. Until then one that
 * is closed may be, unless the GPU is kept awake: see i915_vma_parked().
 */
static struct i915_vma *open_vma(struct i915_svm *svm, struct drm_i915_gem_object *obj)
{
	struct i915_vma *vma = NULL;
	intel_wakeref_t wakeref;

	with_intel_gt_pm(svm->vm->gt, wakeref) {
		vma = i915_vma_instance(obj, svm->vm, NULL);
		if (!IS_ERR(vma) && !atomic_fetch_inc(&vma->open_count))
			i915_vma_reopen(vma);
	}

	return vma;
}

/* Pages of the object that the shrinker could take otherwise */
static long pages_of(const struct drm_i915_gem_object *obj)
{
	return i915_gem_object_is_shrinkable(obj) ? obj->base.size >> PAGE_SHIFT : 0;
}

/* Nothing takes the memory of bound objects: half of all is left to others, as TTM does */
static int charge(struct i915_svm *svm, const struct drm_i915_gem_object *obj)
{
	atomic_long_t *bound = &svm->vm->i915->svm.object_pages;
	const long most = totalram_pages() / 2, pages = pages_of(obj);
	long old = atomic_long_read(bound);

	do {
		if (pages > most - old)
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(bound, &old, old + pages));

	return 0;
}

static void uncharge(struct i915_svm *svm, const struct drm_i915_gem_object *obj)
{
	atomic_long_sub(pages_of(obj), &svm->vm->i915->svm.object_pages);
}

/* From here the object is left alone: by execbuf, and by the shrinker, which would find it busy */
static void hold(struct i915_vma *vma)
{
	set_bit(I915_VMA_SVM_BIT, __i915_vma_flags(vma));
	if (i915_gem_object_is_shrinkable(vma->obj))
		i915_vma_make_unshrinkable(vma);
}

/* Its pages must not go meanwhile: they are pinned, or the caller has the object's lock */
static void unhold(struct i915_vma *vma)
{
	if (i915_gem_object_is_shrinkable(vma->obj))
		i915_vma_make_shrinkable(vma);
	clear_bit(I915_VMA_SVM_BIT, __i915_vma_flags(vma));
}

/* The object may be in the VM already, where execbuf found room or where it was told to */
static int vacate(struct i915_vma *vma, u64 start)
{
	if (i915_vma_is_svm(vma))
		return -EEXIST;

	if (drm_mm_node_allocated(&vma->node) && i915_vma_offset(vma) != start)
		return i915_vma_unbind(vma);

	return 0;
}

static noinline int svm_pin_vma(struct i915_svm *svm, struct i915_vma *vma,
				struct i915_gem_ww_ctx *ww, u64 start)
{
	const u64 flags = PIN_USER | PIN_OFFSET_FIXED | PIN_NOEVICT | start;
	int ret;

	ret = i915_vma_pin_ww(vma, ww, 0, 0, flags);
	if (ret != -ENOSPC)
		return ret;

	if (mutex_lock_interruptible(&svm->vm->mutex))
		return -EINTR;
	ret = i915_svm_reap(svm, ww, start, vma->size);
	mutex_unlock(&svm->vm->mutex);

	return ret ?: i915_vma_pin_ww(vma, ww, 0, 0, flags);
}
ALLOW_ERROR_INJECTION(svm_pin_vma, ERRNO);

static int pin_object(struct i915_svm *svm, struct i915_vma *vma, u64 start)
{
	struct i915_gem_ww_ctx ww;
	int ret;

	for_i915_gem_ww(&ww, ret, true) {
		ret = i915_gem_object_lock(vma->obj, &ww);
		if (!ret)
			ret = vacate(vma, start);
		if (!ret)
			ret = svm_pin_vma(svm, vma, &ww, start);
		if (ret)
			continue;

		ret = i915_vma_wait_for_bind(vma);
		if (ret) {
			i915_vma_unpin(vma);
			continue;
		}

		/* Nobody will say when the GPU writes */
		vma->obj->mm.dirty = true;
		hold(vma);
	}

	return ret;
}

static int check_object(const struct i915_svm *svm, struct drm_i915_gem_object *obj,
			u64 start, u64 length)
{
	/* Its pages are known only after a call for each execution */
	if (i915_gem_object_is_userptr(obj))
		return -EINVAL;

	/* Its key is looked at for each execution that names it */
	if (i915_gem_object_is_protected(obj))
		return -EINVAL;

	if (length != obj->base.size)
		return -EINVAL;

	return IS_ALIGNED(start, i915_vm_obj_min_alignment(svm->vm, obj)) ? 0 : -EINVAL;
}

/* The vma code speaks to execbuf, which takes these for a reason to try elsewhere or again */
static int bind_errno(int ret)
{
	switch (ret) {
	case -ENOSPC:
		return -EEXIST;
	case -EAGAIN:
		return -EBUSY;
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return ret;
	}
}

static int bind_object(struct i915_svm *svm, struct drm_i915_gem_object *obj, u64 start, u64 length)
{
	struct i915_svm_range *range;
	struct i915_vma *vma;
	int ret;

	ret = check_object(svm, obj, start, length);
	if (ret)
		return ret;

	ret = charge(svm, obj);
	if (ret)
		return ret;

	range = i915_svm_range_alloc(svm, start, length, 0);
	if (IS_ERR(range)) {
		ret = PTR_ERR(range);
		goto err_uncharge;
	}

	vma = open_vma(svm, obj);
	if (IS_ERR(vma)) {
		ret = PTR_ERR(vma);
		goto err_free;
	}

	ret = pin_object(svm, vma, start);
	if (ret)
		goto err_close;

	range->vma = i915_vma_get(vma);
	svm->object_ranges++;
	i915_svm_range_add(range);
	return 0;

err_close:
	i915_vma_close(vma);
err_free:
	i915_svm_range_free(range);
err_uncharge:
	uncharge(svm, obj);
	return bind_errno(ret);
}

/**
 * i915_svm_bind_object - bind a whole GEM object
 * @svm: the SVM; caller holds its mutex
 * @file: whose handle it is
 * @handle: of the object
 * @start: the address in the VM
 * @length: in bytes, the size of the object
 *
 * Return: 0 or an errno, see &struct drm_i915_gem_vm_range.
 */
int i915_svm_bind_object(struct i915_svm *svm, struct drm_file *file, u32 handle,
			 u64 start, u64 length)
{
	struct drm_i915_gem_object *obj;
	int ret;

	lockdep_assert_held(&svm->mutex);

	obj = i915_gem_object_lookup(file, handle);
	if (!obj)
		return -ENOENT;

	ret = bind_object(svm, obj, start, length);
	i915_gem_object_put(obj);

	return ret;
}

/**
 * i915_svm_unpin_object - take an object from its address, that others can have it
 * @range: the range; the GPU has left it
 *
 * Return: 0 or -EINTR; then nothing has changed.
 */
int i915_svm_unpin_object(struct i915_svm_range *range)
{
	struct i915_vma *vma = range->vma;
	struct i915_gem_ww_ctx ww;
	int ret;

	for_i915_gem_ww(&ww, ret, true) {
		ret = i915_gem_object_lock(vma->obj, &ww);
		if (ret)
			continue;

		i915_vma_unpin(vma);
		ret = i915_vma_unbind(vma);
		if (ret)
			__i915_vma_pin(vma);
		else
			unhold(vma);
		vma->obj->mm.dirty = true;
	}

	return ret;
}

/**
 * i915_svm_drop_object - forget an object
 * @range: the range; the vma is not pinned by it any more
 */
void i915_svm_drop_object(struct i915_svm_range *range)
{
	struct drm_i915_gem_object *obj = range->vma->obj;

	i915_svm_range_del(range);
	range->svm->object_ranges--;
	uncharge(range->svm, obj);
	i915_vma_close(range->vma); /* if the GPU is being parked, there is no vma any more */
	i915_gem_object_put(obj);
	i915_svm_range_free(range);
}

/**
 * i915_svm_release_object - forget an object whose VM is released
 * @range: the range
 *
 * What is bound in the VM is unbound afterwards, whatever it is.
 */
void i915_svm_release_object(struct i915_svm_range *range)
{
	unhold(range->vma);
	i915_vma_unpin(range->vma);
	i915_svm_drop_object(range);
}
