// SPDX-License-Identifier: MIT
/*
 * SVM of a VM: its life, and what execbuf asks.
 */

#include <linux/dma-resv.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "i915_gem_ww.h"
#include "i915_request.h"
#include "i915_svm.h"
#include "i915_svm_internal.h"
#include "i915_vma.h"

/**
 * i915_svm_init - prepare a device
 * @i915: the device
 *
 * Return: 0 or -ENOMEM.
 */
int i915_svm_init(struct drm_i915_private *i915)
{
	i915->svm.wq = alloc_workqueue("i915-svm", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!i915->svm.wq)
		return -ENOMEM;

	mutex_init(&i915->svm.lock);
	INIT_LIST_HEAD(&i915->svm.list);
	return 0;
}

/**
 * i915_svm_cleanup - undo i915_svm_init()
 * @i915: the device, without VMs
 */
void i915_svm_cleanup(struct drm_i915_private *i915)
{
	destroy_workqueue(i915->svm.wq);
	mutex_destroy(&i915->svm.lock);
}

/**
 * i915_svm_supported - can ranges be bound on this device?
 * @i915: the device
 *
 * CPU and GPU must see each other's writes without help, those to page tables included: so they
 * share a cache, for a GPU that snoops does not snoop for its page tables (see
 * chv_setup_private_ppat()). Each VM must have page tables of its own. i915_svm_stop() can tell
 * that a context has left the GPU only where the driver itself submits it (execlists). Devices with
 * memory of their own have had no test. On Jasper Lake and Elkhart Lake user space can have the GPU
 * read past the cache (i915_gem_object_can_bypass_llc()), what the page held before it was zeroed.
 *
 * Return: whether they can.
 */
bool i915_svm_supported(const struct drm_i915_private *i915)
{
	return HAS_FULL_PPGTT(i915) && GRAPHICS_VER(i915) >= 8 && HAS_LLC(i915) &&
		!IS_DGFX(i915) && !IS_JASPERLAKE(i915) && !IS_ELKHARTLAKE(i915) &&
		!intel_uc_uses_guc_submission(&to_gt(i915)->uc);
}

/*
 * Teach lockdep the order of our locks before anybody gets it wrong, in particular that reclaim
 * waits for the two that the notifiers take, so nothing may be allocated under them.
 */
static void prime_lockdep(struct i915_svm *svm)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;

	mutex_lock(&svm->mutex);
	might_alloc(GFP_KERNEL);
	might_lock_read(&current->mm->mmap_lock);

	fs_reclaim_acquire(GFP_KERNEL);
	mutex_lock(&svm->zap_mutex);
	down_write(&svm->notifier_lock);
	up_write(&svm->notifier_lock);
	mutex_unlock(&svm->zap_mutex);
	fs_reclaim_release(GFP_KERNEL);
	mutex_unlock(&svm->mutex);
}

static noinline int svm_create(struct i915_address_space *vm)
{
	struct i915_svm *svm;

	svm = kzalloc(sizeof(*svm), GFP_KERNEL_ACCOUNT);
	if (!svm)
		return -ENOMEM;

	svm->vm = vm;
	mutex_init(&svm->mutex);
	mutex_init(&svm->zap_mutex);
	init_rwsem(&svm->notifier_lock);
	INIT_LIST_HEAD(&svm->invalid);
	INIT_WORK(&svm->ban, i915_svm_ban);
	INIT_WORK(&svm->pulse, i915_svm_pulse);
	svm->ranges = RB_ROOT;
	prime_lockdep(svm);

	list_add_tail(&svm->link, &vm->i915->svm.list);
	smp_store_release(&vm->svm, svm); /* pairs with the loads in prepare and submit */
	return 0;
}
ALLOW_ERROR_INJECTION(svm_create, ERRNO);

/**
 * i915_svm_get - the SVM of a VM, made if it has none
 * @vm: the VM, with a reference
 *
 * Return: the SVM, which lives as long as the VM, or an ERR_PTR.
 */
struct i915_svm *i915_svm_get(struct i915_address_space *vm)
{
	struct i915_svm_device *device = &vm->i915->svm;
	int ret = 0;

	mutex_lock(&device->lock);
	if (!vm->svm)
		ret = svm_create(vm);
	mutex_unlock(&device->lock);

	return ret ? ERR_PTR(ret) : vm->svm;
}

/* The VM's release: no context is left, so no request is */
static void drop_ranges(struct i915_svm *svm)
{
	struct rb_node *rb;

	mutex_lock(&svm->zap_mutex);
	i915_svm_zap_all(svm);
	mutex_unlock(&svm->zap_mutex);

	while ((rb = rb_first(&svm->ranges))) {
		struct i915_svm_range *range = rb_entry(rb, struct i915_svm_range, rb);

		if (range->vma)
			i915_svm_release_object(range);
		else
			i915_svm_drop_memory(range);
	}
}

/**
 * i915_svm_release - drop all ranges of a VM that is released
 * @vm: the VM
 */
void i915_svm_release(struct i915_address_space *vm)
{
	struct i915_svm *svm = vm->svm;

	if (!svm)
		return;

	mutex_lock(&vm->i915->svm.lock);
	list_del(&svm->link);
	mutex_unlock(&vm->i915->svm.lock);

	mutex_lock(&svm->mutex);
	drop_ranges(svm);
	i915_svm_free_stash(svm);
	mutex_unlock(&svm->mutex);

	cancel_work_sync(&svm->pulse);
	cancel_work_sync(&svm->ban);
	mutex_destroy(&svm->zap_mutex);
	mutex_destroy(&svm->mutex);
	vm->svm = NULL;
	kfree(svm);
}

static struct i915_svm_range *first_invalid(struct i915_svm *svm)
{
	struct i915_svm_range *range;

	down_read(&svm->notifier_lock);
	range = list_first_entry_or_null(&svm->invalid, struct i915_svm_range, invalid_link);
	up_read(&svm->notifier_lock);

	return range;
}

/*
 * One pass: what becomes invalid meanwhile is found by i915_svm_submit(). Memory that may not be
 * written any more is gone as far as an execution is concerned; -EPERM means another process.
 */
static int revalidate(struct i915_svm *svm)
{
	struct i915_svm_range *range;
	unsigned long n;
	int ret;

	lockdep_assert_held(&svm->mutex);

	if (svm->mm && svm->mm != current->mm)
		return -EPERM;

	for (n = svm->memory_ranges; n; n--) {
		range = first_invalid(svm);
		if (!range)
			break;

		ret = i915_svm_populate(range);
		if (ret)
			return ret == -EPERM ? -EFAULT : ret;
	}

	return 0;
}

/**
 * __i915_svm_prepare - i915_svm_prepare() of a VM that has had ranges
 * @exec: its @svm is set; returns the rest
 *
 * Return: 0; -EFAULT if the memory of a range is gone; -EPERM if it is another process's; -EBUSY,
 * -ENOMEM, -EINTR.
 */
int __i915_svm_prepare(struct i915_svm_exec *exec)
{
	struct i915_svm *svm = exec->svm;
	struct mm_struct *mm;
	int ret;

	exec->cookie = true; /* nothing to end */

	/* A glance without locks: __i915_svm_submit() looks again */
	mm = READ_ONCE(svm->mm);
	if (list_empty_careful(&svm->invalid) && !READ_ONCE(svm->quiesce) &&
	    (!mm || mm == current->mm))
		return 0;

	/* Whoever quiesces the VM holds the mutex until it is done */
	if (mutex_lock_interruptible(&svm->mutex))
		return -EINTR;
	ret = revalidate(svm);
	mutex_unlock(&svm->mutex);

	return ret;
}

/**
 * __i915_svm_lock - i915_svm_lock() of a VM that has had ranges
 * @exec: what i915_svm_prepare() returned
 * @ww: the transaction of execbuf
 * @count: how many requests will be submitted
 *
 * Return: 0, -EDEADLK, -EINTR or -ENOMEM.
 */
int __i915_svm_lock(struct i915_svm_exec *exec, struct i915_gem_ww_ctx *ww, unsigned int count)
{
	struct i915_address_space *vm = exec->svm->vm;
	int ret;

	ret = i915_vm_lock_objects(vm, ww);
	return ret ?: dma_resv_reserve_fences(&vm->_resv, count);
}

/**
 * __i915_svm_submit - i915_svm_submit() of a VM that has had ranges
 * @exec: what i915_svm_prepare() returned
 * @requests: the requests, with the mutexes of their timelines held
 * @count: how many
 *
 * Return: 0; -EAGAIN if something was invalidated since i915_svm_prepare(); -EPERM.
 */
int __i915_svm_submit(struct i915_svm_exec *exec, struct i915_request **requests,
		      unsigned int count)
{
	struct i915_svm *svm = exec->svm;
	unsigned int i;
	int ret = 0;

	down_read(&svm->notifier_lock);
	if (svm->quiesce || !list_empty(&svm->invalid))
		ret = -EAGAIN;
	else if (svm->mm && svm->mm != current->mm)
		ret = -EPERM;
	for (i = 0; !ret && i < count; i++)
		dma_resv_add_fence(&svm->vm->_resv, &requests[i]->fence, DMA_RESV_USAGE_BOOKKEEP);
	up_read(&svm->notifier_lock);

	if (!ret)
		exec->cookie = dma_fence_begin_signalling();

	return ret;
}
