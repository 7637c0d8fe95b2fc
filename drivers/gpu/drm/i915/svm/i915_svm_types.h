/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_TYPES_H_
#define _I915_SVM_TYPES_H_

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/drm_mm.h>

#include "gt/intel_gtt.h"
#include "i915_vma_resource.h"

struct i915_vma;
struct mm_struct;

/**
 * struct i915_svm_chunk - the part of a range in one 2 MiB-aligned piece of the address space
 *
 * A chunk is the unit of validity, DMA mapping and revalidation. It covers what one page table
 * covers, so neither a 2 MiB PDE nor a page table of 64 KiB pages is ever shared or cut in part.
 */
struct i915_svm_chunk {
	/**
	 * @sgt: the DMA addresses; its sgl is NULL if the chunk has no pages. Set with
	 * &i915_svm.mutex and &i915_svm.notifier_lock held, freed with the latter held for writing.
	 */
	struct sg_table sgt;
};

/**
 * struct i915_svm_range - what one bind put into the VM
 */
struct i915_svm_range {
	/** @rb: in &i915_svm.ranges */
	struct rb_node rb;
	/** @svm: whose range it is */
	struct i915_svm *svm;
	/** @start: the address */
	u64 start;
	/** @length: in bytes */
	u64 length;

	/** @vma: of an object, pinned; NULL for memory, whose fields follow */
	struct i915_vma *vma;

	/** @node: the place in the VM; &i915_address_space.mutex */
	struct drm_mm_node node;
	/** @notifier: tells when the process loses a page */
	struct mmu_interval_notifier notifier;
	/** @readonly: the GPU may not write */
	bool readonly;
	/**
	 * @live: completely bound. Set with &i915_svm.mutex held and &i915_svm.notifier_lock for
	 * reading, cleared with the latter for writing.
	 */
	bool live;
	/** @invalid_link: in &i915_svm.invalid while @live and a bit of @invalid is set */
	struct list_head invalid_link;
	/**
	 * @invalid: a bit for each chunk: its pages must be collected. Set with
	 * &i915_svm.notifier_lock held for writing, cleared with it held for reading and
	 * &i915_svm.mutex.
	 */
	unsigned long *invalid;
	/**
	 * @staged: a bit for each chunk: pages are collected, PTEs not written. Changed with
	 * &i915_svm.mutex held and &i915_svm.notifier_lock for reading, or cleared with
	 * &i915_svm.zap_mutex and the latter for writing.
	 */
	unsigned long *staged;
	/** @page_sizes: sizes of the PTEs written so far, or'ed; &i915_svm.mutex */
	unsigned int page_sizes;
	/** @count: number of @chunks */
	unsigned int count;
	/** @chunks: the pieces, by address */
	struct i915_svm_chunk chunks[] __counted_by(count);
};

/**
 * struct i915_svm - the ranges of one VM
 *
 * Locks nest in this order: @mutex; mmap_lock; the notifiers of the mm; @zap_mutex; @notifier_lock.
 * The reservation lock of the VM nests in @mutex and outside of @notifier_lock. Nothing allocates
 * memory under the last two, for reclaim waits for them.
 */
struct i915_svm {
	/** @vm: whose ranges these are; it owns the structure */
	struct i915_address_space *vm;
	/** @link: in &i915_svm_device.list */
	struct list_head link;

	/** @mutex: serialises bind, unbind and revalidation */
	struct mutex mutex;
	/**
	 * @mm: the memory that is mirrored, while there are memory ranges. Changed with @mutex
	 * held and @notifier_lock held for writing.
	 */
	struct mm_struct *mm;
	/** @ranges: by address. Changed with @mutex, @zap_mutex and @notifier_lock held. */
	struct rb_root ranges;
	/** @memory_ranges: how many of @ranges are process memory; @mutex */
	unsigned long memory_ranges;
	/** @object_ranges: how many are objects; @mutex */
	unsigned long object_ranges;
	/** @tracked: every request in the VM is in its reservation object; @mutex */
	bool tracked;
	/** @stash: page tables ready for use, left over by earlier binds; @mutex */
	struct i915_vm_pt_stash stash;
	/** @vma_res: carries the arguments of insert_entries(); @mutex */
	struct i915_vma_resource vma_res;

	/** @zap_mutex: taken to take pages from the GPU, held until it has left them */
	struct mutex zap_mutex;
	/** @ban: bans the contexts that do not leave, and skips what has not begun */
	struct work_struct ban;
	/** @reset: and resets their engines; @zap_mutex */
	bool reset;
	/** @pulse: asks their engines to switch to another one */
	struct work_struct pulse;

	/**
	 * @notifier_lock: between an invalidation (for writing) and those who rely on the absence
	 * of one (for reading): whoever writes PTEs or publishes the fence of a request.
	 */
	struct rw_semaphore notifier_lock;
	/**
	 * @invalid: ranges with chunks to revalidate. Added to with @notifier_lock held for
	 * writing; removed from with @mutex and @notifier_lock.
	 */
	struct list_head invalid;
	/** @quiesce: no request may be added, somebody waits for those there; @notifier_lock */
	bool quiesce;
};

#endif /* _I915_SVM_TYPES_H_ */
