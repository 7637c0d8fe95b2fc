// SPDX-License-Identifier: MIT
/*
 * DRM_IOCTL_I915_GEM_VM_BIND.
 */

#include <linux/dma-resv.h>

#include <drm/drm_file.h>
#include <drm/i915_drm.h>

#include "gem/i915_gem_context.h"
#include "gt/intel_gpu_commands.h"
#include "i915_svm.h"
#include "i915_svm_internal.h"

static void set_quiesce(struct i915_svm *svm, bool quiesce)
{
	down_write(&svm->notifier_lock);
	svm->quiesce = quiesce;
	up_write(&svm->notifier_lock);
}

static noinline int svm_wait_idle(struct i915_svm *svm)
{
	long ret;

	ret = dma_resv_wait_timeout(&svm->vm->_resv, DMA_RESV_USAGE_BOOKKEEP, true,
				    MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? -EINTR : 0;
}
ALLOW_ERROR_INJECTION(svm_wait_idle, ERRNO);

static int unbind_idle(struct i915_svm_range *range)
{
	int ret;

	if (!range->vma) {
		i915_svm_drop_memory(range);
		return 0;
	}

	ret = i915_svm_unpin_object(range);
	if (!ret)
		i915_svm_drop_object(range);

	return ret;
}

/*
 * New requests are kept out while we wait for those in the VM: they wait for the mutex. So the
 * wait comes to an end however busy the VM is, and until it has, nothing is changed.
 */
static int unbind(struct i915_svm *svm, u64 start, u64 length)
{
	struct i915_svm_range *range;
	int ret;

	lockdep_assert_held(&svm->mutex);

	range = i915_svm_range_find(svm, start);
	if (!range || range->length != length)
		return -ENOENT;

	set_quiesce(svm, true);
	ret = svm_wait_idle(svm);
	if (!ret)
		ret = unbind_idle(range);
	set_quiesce(svm, false);

	return ret;
}

/* Requests made before the VM had ranges would not be waited for by anyone */
static int track(struct i915_svm *svm)
{
	int ret;

	if (svm->tracked)
		return 0;

	ret = i915_svm_wait_untracked(svm);
	svm->tracked = !ret;
	return ret;
}

static int bind_or_unbind(struct i915_svm *svm, struct drm_file *file,
			  const struct drm_i915_gem_vm_range *args)
{
	u64 start = gen8_noncanonical_addr(args->address);
	int ret;

	if (args->op == I915_VM_RANGE_UNBIND)
		return unbind(svm, start, args->length);

	ret = track(svm);
	if (ret)
		return ret;

	if (args->op == I915_VM_RANGE_BIND_OBJECT)
		return i915_svm_bind_object(svm, file, args->handle, start, args->length);

	return i915_svm_bind_memory(svm, start, args->length,
				    args->flags & I915_VM_RANGE_READONLY);
}

static int handle_range(struct i915_address_space *vm, struct drm_file *file,
			const struct drm_i915_gem_vm_range *args)
{
	struct i915_svm *svm;
	int ret;

	ret = i915_svm_check_place(args, vm->total);
	if (ret)
		return ret;

	svm = i915_svm_get(vm);
	if (IS_ERR(svm))
		return PTR_ERR(svm);

	if (mutex_lock_interruptible(&svm->mutex))
		return -EINTR;
	ret = bind_or_unbind(svm, file, args);
	mutex_unlock(&svm->mutex);

	return ret;
}

/**
 * i915_gem_vm_bind_ioctl - bind a range to a VM, or unbind it
 * @dev: the device
 * @data: a &struct drm_i915_gem_vm_range
 * @file: the client
 *
 * Return: 0 or an errno; the struct has a table.
 */
int i915_gem_vm_bind_ioctl(struct drm_device *dev, void *data, struct drm_file *file)
{
	const struct drm_i915_gem_vm_range *args = data;
	struct i915_address_space *vm;
	int ret;

	if (!i915_svm_supported(to_i915(dev)))
		return -ENODEV;

	ret = i915_svm_check_args(args);
	if (ret)
		return ret;

	vm = i915_gem_vm_lookup(file->driver_priv, args->vm_id);
	if (!vm)
		return -ENOENT;

	ret = handle_range(vm, file, args);
	i915_vm_put(vm);

	return ret;
}
