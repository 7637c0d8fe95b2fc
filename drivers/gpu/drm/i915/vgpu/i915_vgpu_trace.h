/* SPDX-License-Identifier: MIT */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM i915

#if !defined(_I915_VGPU_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _I915_VGPU_TRACE_H_

#include <linux/stringify.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#include "i915_vgpu_channel.h"

#define show_vgpu_action(action)						\
	__print_symbolic(action,						\
			 { VGT_ACTION_CONTEXT_CREATE,	"context_create" },	\
			 { VGT_ACTION_CONTEXT_PIN,	"context_pin" },	\
			 { VGT_ACTION_CONTEXT_UNPIN,	"context_unpin" },	\
			 { VGT_ACTION_CONTEXT_DESTROY,	"context_destroy" },	\
			 { VGT_ACTION_FENCE_SET,	"fence_set" })

/* perf and trace-cmd do not know the values of enumerators */
TRACE_DEFINE_ENUM(VGT_STATUS_OK);
TRACE_DEFINE_ENUM(VGT_STATUS_UNKNOWN_ACTION);
TRACE_DEFINE_ENUM(VGT_STATUS_NOT_NEGOTIATED);
TRACE_DEFINE_ENUM(VGT_STATUS_BAD_LENGTH);
TRACE_DEFINE_ENUM(VGT_STATUS_BAD_VALUE);
TRACE_DEFINE_ENUM(VGT_STATUS_NO_SUCH_CONTEXT);
TRACE_DEFINE_ENUM(VGT_STATUS_NO_RESOURCES);

#define show_vgpu_status(status)						\
	__print_symbolic(status,						\
			 { VGT_STATUS_OK,		"ok" },			\
			 { VGT_STATUS_UNKNOWN_ACTION,	"unknown_action" },	\
			 { VGT_STATUS_NOT_NEGOTIATED,	"not_negotiated" },	\
			 { VGT_STATUS_BAD_LENGTH,	"bad_length" },		\
			 { VGT_STATUS_BAD_VALUE,	"bad_value" },		\
			 { VGT_STATUS_NO_SUCH_CONTEXT,	"no_such_context" },	\
			 { VGT_STATUS_NO_RESOURCES,	"no_resources" })

/*
 * The third and fourth dword say what the request is about, as one number: the id of a context, the
 * start of a fence.
 */
TRACE_EVENT(vgpu_request,
	    TP_PROTO(const struct vgpu_channel *channel, const struct vgt_msg *msg),
	    TP_ARGS(channel, msg),

	    TP_STRUCT__entry(__field(u32, dev)
			     __field(u32, seqno)
			     __field(u32, action)
			     __field(bool, sync)
			     __field(u64, about)),

	    TP_fast_assign(__entry->dev = channel->index;
			   __entry->seqno = msg->seqno;
			   __entry->action = msg->header >> VGT_MSG_ACTION_SHIFT;
			   __entry->sync = msg->header & VGT_MSG_SYNC;
			   __entry->about = ((const u32 *)msg)[2] |
					    (u64)((const u32 *)msg)[3] << 32;),

	    TP_printk("dev=%u, seqno=%u, action=%s, sync=%d, about=0x%llx",
		      __entry->dev, __entry->seqno, show_vgpu_action(__entry->action),
		      __entry->sync, __entry->about)
);

TRACE_EVENT(vgpu_response,
	    TP_PROTO(const struct vgpu_channel *channel,
		     const struct vgt_response_status *response),
	    TP_ARGS(channel, response),

	    TP_STRUCT__entry(__field(u32, dev)
			     __field(u32, seqno)
			     __field(u32, action)
			     __field(u32, status)),

	    TP_fast_assign(__entry->dev = channel->index;
			   __entry->seqno = response->msg.seqno;
			   __entry->action = response->action;
			   __entry->status = response->status;),

	    TP_printk("dev=%u, seqno=%u, action=%s, status=%s",
		      __entry->dev, __entry->seqno, show_vgpu_action(__entry->action),
		      show_vgpu_status(__entry->status))
);

#endif /* _I915_VGPU_TRACE_H_ */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH vgpu
#define TRACE_INCLUDE_FILE i915_vgpu_trace
#include <trace/define_trace.h>
