/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_CHANNEL_H_
#define _I915_VGPU_CHANNEL_H_

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "i915_vgpu_channel_abi.h"
#include "i915_vgpu_ring.h"

struct vgpu_channel;

/* What the channel's memory is divided into, bytes: the header, and the rings on other pages */
#define VGPU_CHANNEL_RESPONSE_OFFSET	0x1000u
#define VGPU_CHANNEL_RESPONSE_SIZE	0x1000u
#define VGPU_CHANNEL_REQUEST_OFFSET	0x2000u
#define VGPU_CHANNEL_REQUEST_SIZE	0x2000u
#define VGPU_CHANNEL_SIZE		0x4000u

/* As many fence registers as any GPU has that there are mediators for */
#define VGPU_MAX_FENCES			32u

/**
 * enum vgpu_request - the requests that a guest sends; an index for counters and names
 * @VGPU_REQUEST_CONTEXT_CREATE: %VGT_ACTION_CONTEXT_CREATE
 * @VGPU_REQUEST_CONTEXT_PIN: %VGT_ACTION_CONTEXT_PIN
 * @VGPU_REQUEST_CONTEXT_UNPIN: %VGT_ACTION_CONTEXT_UNPIN
 * @VGPU_REQUEST_CONTEXT_DESTROY: %VGT_ACTION_CONTEXT_DESTROY
 * @VGPU_REQUEST_FENCE_SET: %VGT_ACTION_FENCE_SET
 * @VGPU_NUM_REQUESTS: how many there are
 */
enum vgpu_request {
	VGPU_REQUEST_CONTEXT_CREATE,
	VGPU_REQUEST_CONTEXT_PIN,
	VGPU_REQUEST_CONTEXT_UNPIN,
	VGPU_REQUEST_CONTEXT_DESTROY,
	VGPU_REQUEST_FENCE_SET,
	VGPU_NUM_REQUESTS,
};

/**
 * enum vgpu_channel_state - where a channel stands
 * @VGPU_CHANNEL_ENDED: nothing is sent; the next vgpu_channel_start() starts it
 * @VGPU_CHANNEL_ON: requests are sent
 * @VGPU_CHANNEL_OFF: nothing is sent any more, the mediator is not to be trusted with it
 * @VGPU_CHANNEL_CLOSED: nothing is sent any more, and the mediator is not accessed either
 */
enum vgpu_channel_state {
	VGPU_CHANNEL_ENDED,
	VGPU_CHANNEL_ON,
	VGPU_CHANNEL_OFF,
	VGPU_CHANNEL_CLOSED,
};

/**
 * struct vgpu_channel_ops - how a channel reaches its mediator; a test has a mediator of its own
 *
 * All of them are called with the channel's lock held, which disables interrupts.
 */
struct vgpu_channel_ops {
	/** @offered: read features_offered */
	u32 (*offered)(struct vgpu_channel *channel);
	/** @accepted: read features_accepted */
	u32 (*accepted)(struct vgpu_channel *channel);
	/** @start: say where the memory is and which features are wanted, and start the channel */
	void (*start)(struct vgpu_channel *channel, u32 wanted);
	/** @notify: write to g2v_notify */
	void (*notify)(struct vgpu_channel *channel, u32 g2v);
	/** @get: keep the device awake; false: it is not, and must not be accessed */
	bool (*get)(struct vgpu_channel *channel);
	/** @put: undo a @get that was successful */
	void (*put)(struct vgpu_channel *channel);
	/** @off: the channel was turned off; log why, and see to vgpu_channel_stop() */
	void (*off)(struct vgpu_channel *channel);
};

/**
 * struct vgpu_channel_stats - what has happened, for debugfs
 */
struct vgpu_channel_stats {
	/** @requests: requests written, by &enum vgpu_request */
	u64 requests[VGPU_NUM_REQUESTS];
	/** @starts: how often the mediator has accepted a feature */
	u64 starts;
	/** @doorbells: how often it was told to look, each time a trap */
	u64 doorbells;
	/** @full: how often there was no room for a request */
	u64 full;
	/** @responses: responses read */
	u64 responses;
	/** @failed: those of them that said that a request had failed */
	u64 failed;
};

/**
 * struct vgpu_channel - requests to the mediator, and what it says to them
 */
struct vgpu_channel {
	/** @ops: how the mediator is reached */
	const struct vgpu_channel_ops *ops;
	/** @index: which device, for tracing */
	u32 index;
	/** @shared: memory shared with the mediator, %VGPU_CHANNEL_SIZE bytes */
	struct vgt_channel *shared;
	/**
	 * @fences: those that the mediator was told to set and, by a request for that alone, not to
	 * clear; atomic bits
	 */
	DECLARE_BITMAP(fences, VGPU_MAX_FENCES);

	/** @sync: held for a synchronous request as a whole; taken before @lock */
	struct mutex sync;
	/** @lock: guards all that follows; taken in any context, held for a few traps at most */
	spinlock_t lock;
	/** @state: written under @lock only */
	enum vgpu_channel_state state;
	/** @offered: VGT_FEATURE_* that the mediator had at the last start */
	u32 offered;
	/** @features: VGT_FEATURE_* in effect, written under @lock only; zero unless on */
	u32 features;
	/** @off: why the channel was turned off, or @off.what is NULL */
	struct vgpu_ring_fault off;
	/** @request: we write it */
	struct vgpu_ring request;
	/** @response: we read it */
	struct vgpu_ring response;
	/** @seqno: of the last request */
	u32 seqno;
	/** @answered: seqno of the last response, or of a later request that has none */
	u32 answered;
	/** @pinned: contexts that are, &struct vgpu_context */
	struct list_head pinned;
	/** @last_context: id of the last one that was created */
	u64 last_context;
	/** @awake: who holds @lock knows that the device is awake */
	bool awake;
	/** @wait: the synchronous request */
	struct {
		/** @wait.seqno: its number */
		u32 seqno;
		/** @wait.pending: there has been no response */
		bool pending;
		/** @wait.err: what became of it, an error code */
		int err;
	} wait;
	/** @stats: counters */
	struct vgpu_channel_stats stats;
};

void vgpu_channel_init(struct vgpu_channel *channel, const struct vgpu_channel_ops *ops,
		       void *shared);
int vgpu_channel_start(struct vgpu_channel *channel);
void vgpu_channel_stop(struct vgpu_channel *channel);
void vgpu_channel_close(struct vgpu_channel *channel);
bool vgpu_channel_has(const struct vgpu_channel *channel, u32 feature);

int vgpu_channel_post_locked(struct vgpu_channel *channel, enum vgpu_request request,
			     struct vgt_msg *msg, size_t size);
int vgpu_channel_post(struct vgpu_channel *channel, enum vgpu_request request,
		      struct vgt_msg *msg, size_t size);
int vgpu_channel_sync(struct vgpu_channel *channel, enum vgpu_request request,
		      struct vgt_msg *msg, size_t size);

const char *vgpu_request_name(enum vgpu_request request);
int vgpu_features_print(char *buf, size_t size, u32 features);

#endif /* _I915_VGPU_CHANNEL_H_ */
