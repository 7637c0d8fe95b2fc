/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_ARGS_H_
#define _I915_SVM_ARGS_H_

#include <linux/bits.h>
#include <linux/types.h>

struct drm_i915_gem_vm_range;

/* What one page table covers, and the unit in which ranges are mirrored */
#define I915_SVM_CHUNK_SHIFT	21
#define I915_SVM_CHUNK_SIZE	BIT_ULL(I915_SVM_CHUNK_SHIFT)

int i915_svm_check_args(const struct drm_i915_gem_vm_range *args);
int i915_svm_check_place(const struct drm_i915_gem_vm_range *args, u64 total);

u64 i915_svm_chunk_count(u64 start, u64 length);
u64 i915_svm_chunk_start(u64 start, u64 index);
u64 i915_svm_chunk_end(u64 start, u64 length, u64 index);
bool i915_svm_chunks_of(u64 start, u64 length, u64 from, u64 to, u64 *first, u64 *last);

unsigned int i915_svm_directories(unsigned int chunks, unsigned int level);
unsigned int i915_svm_page_sizes(unsigned int segments, unsigned int supported);

#endif /* _I915_SVM_ARGS_H_ */
