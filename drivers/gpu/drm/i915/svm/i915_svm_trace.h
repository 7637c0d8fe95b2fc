/* SPDX-License-Identifier: MIT */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM i915

#if !defined(_I915_SVM_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _I915_SVM_TRACE_H_

#include <linux/mmu_notifier.h>
#include <linux/stringify.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#include "i915_svm_types.h"

DECLARE_EVENT_CLASS(i915_svm_range,
		    TP_PROTO(const struct i915_svm_range *range),
		    TP_ARGS(range),

		    TP_STRUCT__entry(__field(void *, vm)
				     __field(u64, start)
				     __field(u64, length)
				     __field(bool, memory)
				     __field(bool, readonly)),

		    TP_fast_assign(__entry->vm = range->svm->vm;
				   __entry->start = range->start;
				   __entry->length = range->length;
				   __entry->memory = !range->vma;
				   __entry->readonly = range->readonly;),

		    TP_printk("vm=%p, start=0x%llx, length=0x%llx, memory=%d, readonly=%d",
			      __entry->vm, __entry->start, __entry->length,
			      __entry->memory, __entry->readonly)
);

DEFINE_EVENT(i915_svm_range, i915_svm_bind,
	     TP_PROTO(const struct i915_svm_range *range),
	     TP_ARGS(range)
);

DEFINE_EVENT(i915_svm_range, i915_svm_unbind,
	     TP_PROTO(const struct i915_svm_range *range),
	     TP_ARGS(range)
);

/* The core's reason is one of &enum mmu_notifier_event */
TRACE_EVENT(i915_svm_invalidate,
	    TP_PROTO(const struct i915_svm_range *range, const struct mmu_notifier_range *event,
		     bool mapped),
	    TP_ARGS(range, event, mapped),

	    TP_STRUCT__entry(__field(void *, vm)
			     __field(u64, range)
			     __field(u64, start)
			     __field(u64, end)
			     __field(int, reason)
			     __field(bool, mapped)),

	    TP_fast_assign(__entry->vm = range->svm->vm;
			   __entry->range = range->start;
			   __entry->start = event->start;
			   __entry->end = event->end;
			   __entry->reason = event->event;
			   __entry->mapped = mapped;),

	    TP_printk("vm=%p, range=0x%llx, start=0x%llx, end=0x%llx, reason=%d, mapped=%d",
		      __entry->vm, __entry->range, __entry->start, __entry->end,
		      __entry->reason, __entry->mapped)
);

/* PTEs are written: of a bind, or of a revalidation */
TRACE_EVENT(i915_svm_commit,
	    TP_PROTO(const struct i915_svm_range *range, unsigned long pages),
	    TP_ARGS(range, pages),

	    TP_STRUCT__entry(__field(void *, vm)
			     __field(u64, range)
			     __field(unsigned long, pages)
			     __field(bool, again)),

	    TP_fast_assign(__entry->vm = range->svm->vm;
			   __entry->range = range->start;
			   __entry->pages = pages;
			   __entry->again = range->live;),

	    TP_printk("vm=%p, range=0x%llx, pages=%lu, again=%d",
		      __entry->vm, __entry->range, __entry->pages, __entry->again)
);

#endif /* _I915_SVM_TRACE_H_ */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH svm
#define TRACE_INCLUDE_FILE i915_svm_trace
#include <trace/define_trace.h>
