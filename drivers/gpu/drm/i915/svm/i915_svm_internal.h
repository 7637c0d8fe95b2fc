/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_INTERNAL_H_
#define _I915_SVM_INTERNAL_H_

#include <linux/error-injection.h>
#include <linux/types.h>

#include "gt/intel_gt.h"
#include "i915_drv.h"
#include "i915_svm_args.h"
#include "i915_svm_types.h"

struct drm_file;
struct drm_i915_gem_vm_range;
struct i915_gem_ww_ctx;

static inline struct i915_svm_stats *svm_stats(const struct i915_svm *svm)
{
	return &svm->vm->i915->svm.stats;
}

/* i915_svm.c */
struct i915_svm *i915_svm_get(struct i915_address_space *vm);

/* i915_svm_range.c */
struct i915_svm_range *i915_svm_range_find(struct i915_svm *svm, u64 start);
struct i915_svm_range *i915_svm_range_alloc(struct i915_svm *svm, u64 start, u64 length,
					    unsigned int chunks);
void i915_svm_range_free(struct i915_svm_range *range);
void i915_svm_range_add(struct i915_svm_range *range);
void i915_svm_range_del(struct i915_svm_range *range);
bool i915_svm_range_mapped(const struct i915_svm_range *range, u64 first, u64 last);
int i915_svm_reserve(struct i915_svm_range *range);
void i915_svm_unreserve(struct i915_svm_range *range);
int i915_svm_reap(struct i915_svm *svm, struct i915_gem_ww_ctx *ww, u64 start, u64 length);

/* i915_svm_memory.c */
int i915_svm_bind_memory(struct i915_svm *svm, u64 start, u64 length, bool readonly);
int i915_svm_populate(struct i915_svm_range *range);
void i915_svm_drop_memory(struct i915_svm_range *range);

/* i915_svm_pages.c */
int i915_svm_collect(struct i915_svm_range *range, unsigned int first, unsigned int count);
void i915_svm_chunk_release(struct i915_svm_range *range, unsigned int index);

/* i915_svm_pte.c */
int i915_svm_fill_stash(struct i915_svm_range *range);
void i915_svm_trim_stash(struct i915_svm *svm);
void i915_svm_free_stash(struct i915_svm *svm);
unsigned long i915_svm_write_ptes(struct i915_svm_range *range);
unsigned long i915_svm_clear_ptes(struct i915_svm_range *range, u64 first, u64 last);
void i915_svm_flush_tlb(struct i915_svm *svm);

/* i915_svm_notifier.c */
extern const struct mmu_interval_notifier_ops i915_svm_notifier_ops;
void i915_svm_zap(struct i915_svm_range *range, u64 first, u64 last);
void i915_svm_zap_all(struct i915_svm *svm);

/* i915_svm_stop.c */
void i915_svm_ban(struct work_struct *work);
void i915_svm_pulse(struct work_struct *work);
void i915_svm_stop(struct i915_svm *svm);
int i915_svm_wait_untracked(struct i915_svm *svm);

/* i915_svm_object.c */
int i915_svm_bind_object(struct i915_svm *svm, struct drm_file *file, u32 handle,
			 u64 start, u64 length);
int i915_svm_unpin_object(struct i915_svm_range *range);
void i915_svm_drop_object(struct i915_svm_range *range);
void i915_svm_release_object(struct i915_svm_range *range);

static inline u64 chunk_start(const struct i915_svm_range *range, u64 index)
{
	return i915_svm_chunk_start(range->start, index);
}

static inline u64 chunk_end(const struct i915_svm_range *range, u64 index)
{
	return i915_svm_chunk_end(range->start, range->length, index);
}

static inline u64 chunk_pages(const struct i915_svm_range *range, u64 index)
{
	return (chunk_end(range, index) - chunk_start(range, index)) >> PAGE_SHIFT;
}

#endif /* _I915_SVM_INTERNAL_H_ */
