/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_H_
#define _I915_SVM_H_

#include <linux/compiler.h>
#include <linux/dma-fence.h>
#include <linux/errno.h>
#include <linux/types.h>

#include "gt/intel_gtt.h"

struct drm_device;
struct drm_file;
struct drm_i915_private;
struct i915_gem_ww_ctx;
struct i915_request;
struct i915_svm;

/**
 * struct i915_svm_exec - what execbuf keeps from one step to the next
 * @svm: of its VM, NULL if that had no ranges at the first step
 * @cookie: of lockdep's, for the signalling section; not set without @svm
 */
struct i915_svm_exec {
	struct i915_svm *svm;
	bool cookie;
};

#if IS_ENABLED(CONFIG_DRM_I915_SVM)

int i915_svm_init(struct drm_i915_private *i915);
void i915_svm_cleanup(struct drm_i915_private *i915);
bool i915_svm_supported(const struct drm_i915_private *i915);

int __i915_svm_prepare(struct i915_svm_exec *exec);
int __i915_svm_lock(struct i915_svm_exec *exec, struct i915_gem_ww_ctx *ww, unsigned int count);
int __i915_svm_submit(struct i915_svm_exec *exec, struct i915_request **requests,
		      unsigned int count);
void i915_svm_release(struct i915_address_space *vm);

int i915_gem_vm_bind_ioctl(struct drm_device *dev, void *data, struct drm_file *file);

void i915_svm_debugfs_register(struct drm_i915_private *i915);

/**
 * i915_svm_prepare - make the ranges of a VM valid before an execution
 * @exec: returns what the next steps need
 * @vm: the VM
 *
 * The first step of execbuf, before it takes any lock. Most VMs never have a range: for them, each
 * of the four steps is a look at a pointer.
 *
 * Return: 0; -EFAULT if the memory of a range is gone; -EPERM if it is another process's; -EBUSY,
 * -ENOMEM, -EINTR.
 */
static inline int i915_svm_prepare(struct i915_svm_exec *exec, struct i915_address_space *vm)
{
	exec->svm = smp_load_acquire(&vm->svm); /* pairs with svm_create() */

	return exec->svm ? __i915_svm_prepare(exec) : 0;
}

/**
 * i915_svm_lock - lock the VM into a transaction and make room for fences
 * @exec: what i915_svm_prepare() returned
 * @ww: the transaction of execbuf
 * @count: how many requests will be submitted
 *
 * Return: 0, -EDEADLK, -EINTR or -ENOMEM.
 */
static inline int i915_svm_lock(struct i915_svm_exec *exec, struct i915_gem_ww_ctx *ww,
				unsigned int count)
{
	return exec->svm ? __i915_svm_lock(exec, ww, count) : 0;
}

/**
 * i915_svm_submit - publish requests to those who may have to wait for them
 * @exec: what i915_svm_prepare() returned
 * @vm: the VM
 * @requests: the requests, with the mutexes of their timelines held
 * @count: how many
 *
 * The last step before the requests are queued. From here until then, which is
 * i915_svm_submitted(), execbuf is in the signalling section of their fences: an invalidation may
 * be waiting for them, so it must not allocate memory or take locks under which others do.
 *
 * Return: 0; -EAGAIN if something was invalidated since i915_svm_prepare(), or the VM got its first
 * range: user space tries again, as it does with userptr; -EPERM.
 */
static inline int i915_svm_submit(struct i915_svm_exec *exec, struct i915_address_space *vm,
				  struct i915_request **requests, unsigned int count)
{
	if (exec->svm)
		return __i915_svm_submit(exec, requests, count);

	return READ_ONCE(vm->svm) ? -EAGAIN : 0;
}

/**
 * i915_svm_submitted - the requests are queued, and will finish without our help
 * @exec: what i915_svm_prepare() returned
 */
static inline void i915_svm_submitted(struct i915_svm_exec *exec)
{
	if (exec->svm)
		dma_fence_end_signalling(exec->cookie);
}

#else

static inline int i915_svm_init(struct drm_i915_private *i915)
{
	return 0;
}

static inline void i915_svm_cleanup(struct drm_i915_private *i915)
{
}

static inline bool i915_svm_supported(const struct drm_i915_private *i915)
{
	return false;
}

static inline int i915_svm_prepare(struct i915_svm_exec *exec, struct i915_address_space *vm)
{
	return 0;
}

static inline int i915_svm_lock(struct i915_svm_exec *exec, struct i915_gem_ww_ctx *ww,
				unsigned int count)
{
	return 0;
}

static inline int i915_svm_submit(struct i915_svm_exec *exec, struct i915_address_space *vm,
				  struct i915_request **requests, unsigned int count)
{
	return 0;
}

static inline void i915_svm_submitted(struct i915_svm_exec *exec)
{
}

static inline void i915_svm_release(struct i915_address_space *vm)
{
}

static inline int i915_gem_vm_bind_ioctl(struct drm_device *dev, void *data, struct drm_file *file)
{
	return -ENODEV;
}

static inline void i915_svm_debugfs_register(struct drm_i915_private *i915)
{
}

#endif

#endif /* _I915_SVM_H_ */
