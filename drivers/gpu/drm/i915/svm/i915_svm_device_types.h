/* SPDX-License-Identifier: MIT */

#ifndef _I915_SVM_DEVICE_TYPES_H_
#define _I915_SVM_DEVICE_TYPES_H_

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

/**
 * struct i915_svm_stats - what was done since the driver was loaded, for one device
 */
struct i915_svm_stats {
	/** @binds: ranges bound */
	atomic64_t binds;
	/** @unbinds: ranges unbound, those that were left when a VM was released included */
	atomic64_t unbinds;
	/** @invalidations: calls of the notifiers that took pages from the GPU */
	atomic64_t invalidations;
	/** @untouched: calls of the notifiers that found nothing of the GPU's */
	atomic64_t untouched;
	/** @zapped: pages whose PTEs were cleared */
	atomic64_t zapped;
	/** @mapped: pages whose PTEs were written */
	atomic64_t mapped;
	/** @revalidated: those of @mapped that an execution had to wait for */
	atomic64_t revalidated;
	/** @tlb_flushes: TLB invalidations asked for */
	atomic64_t tlb_flushes;
	/** @waits: invalidations that found the GPU busy */
	atomic64_t waits;
	/** @bans: contexts banned because they were too slow to leave */
	atomic64_t bans;
	/** @skips: requests skipped because memory was taken from them before they began */
	atomic64_t skips;
	/** @retries: collections of pages that were overtaken by an invalidation */
	atomic64_t retries;
	/** @faults: collections of pages that failed */
	atomic64_t faults;
};

/**
 * struct i915_svm_device - the part of SVM that belongs to the device
 */
struct i915_svm_device {
	/** @lock: guards @list and the birth of &i915_address_space.svm; process context */
	struct mutex lock;
	/** @list: every &struct i915_svm, for debugfs */
	struct list_head list;
	/** @object_pages: pages of the objects that are bound, for each VM in which they are */
	atomic_long_t object_pages;
	/** @wq: bans contexts. Reclaim may wait for it, so it has a thread of its own. */
	struct workqueue_struct *wq;
	/** @stats: counters */
	struct i915_svm_stats stats;
};

#endif /* _I915_SVM_DEVICE_TYPES_H_ */
