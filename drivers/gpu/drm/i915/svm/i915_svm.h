/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_H_
#define _I915_SVM_H_

#include <linux/errno.h>
#include <linux/types.h>

struct drm_device;
struct drm_file;
struct drm_i915_private;
struct i915_address_space;
struct i915_gem_ww_ctx;
struct i915_request;
struct i915_svm;

/**
 * struct i915_svm_exec - what execbuf keeps from one step to the next
 * @svm: of its VM, NULL if that had no ranges at the first step
 * @cookie: of lockdep's, for the signalling section
 */
struct i915_svm_exec {
	struct i915_svm *svm;
	bool cookie;
};

#if IS_ENABLED(CONFIG_DRM_I915_SVM)

int i915_svm_init(struct drm_i915_private *i915);
void i915_svm_cleanup(struct drm_i915_private *i915);
bool i915_svm_supported(const struct drm_i915_private *i915);

int i915_svm_prepare(struct i915_svm_exec *exec, struct i915_address_space *vm);
int i915_svm_lock(struct i915_svm_exec *exec, struct i915_gem_ww_ctx *ww, unsigned int count);
int i915_svm_submit(struct i915_svm_exec *exec, struct i915_address_space *vm,
		    struct i915_request **requests, unsigned int count);
void i915_svm_submitted(struct i915_svm_exec *exec);
void i915_svm_release(struct i915_address_space *vm);

int i915_gem_vm_bind_ioctl(struct drm_device *dev, void *data, struct drm_file *file);

void i915_svm_debugfs_register(struct drm_i915_private *i915);

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
