// SPDX-License-Identifier: MIT
/*
 * Makes the GPU leave a VM: waits for its requests. Of each context the VM's reservation object has
 * the last one, for which those before it finish. If that takes too long, contexts that have begun
 * what is not finished are banned, and of the others all requests are skipped.
 */

#include <linux/dma-resv.h>
#include <linux/sched/mm.h>

#include "gem/i915_gem_context_types.h"
#include "gem/i915_gem_object.h"
#include "gt/intel_context.h"
#include "gt/intel_engine_heartbeat.h"
#include "gt/intel_reset.h"
#include "gt/intel_timeline.h"
#include "i915_request.h"
#include "i915_svm_internal.h"

/* The context of an unfinished request; a finished one may have outlived its own */
static struct intel_context *unfinished_context(struct i915_request *rq)
{
	struct intel_context *ce = NULL;

	rcu_read_lock();
	if (!i915_request_completed(rq)) {
		ce = rq->context;
		if (!kref_get_unless_zero(&ce->ref))
			ce = NULL;
	}
	rcu_read_unlock();

	return ce;
}

/*
 * The request before @rq of the same context, with a reference, or NULL if all of them are
 * finished: they finish in the order in which they were made. This cannot take the timeline's
 * mutex, under which memory is allocated. So a request that is finished may be reused meanwhile;
 * but before that it is taken out of the list, and never comes before @rq again.
 */
static struct i915_request *unfinished_before(struct intel_context *ce, struct i915_request *rq)
{
	struct i915_request *before = NULL;
	struct list_head *prev;

	rcu_read_lock();
	prev = READ_ONCE(rq->link.prev);
	if (prev != &ce->timeline->requests)
		before = i915_request_get_rcu(list_entry(prev, struct i915_request, link));
	rcu_read_unlock();
	if (!before)
		return NULL;

	if (READ_ONCE(rq->link.prev) == prev && !i915_request_completed(before))
		return before;

	i915_request_put(before);
	return NULL;
}

/*
 * The first unfinished request of a context, with a reference; what is before it on the GPU is
 * somebody else's. @skipped returns whether it and all others up to @rq have an error.
 */
static struct i915_request *first_unfinished(struct intel_context *ce, struct i915_request *rq,
					     bool *skipped)
{
	struct i915_request *before;

	i915_request_get(rq);
	*skipped = i915_request_has_fatal_error(rq);
	while ((before = unfinished_before(ce, rq))) {
		i915_request_put(rq);
		rq = before;
		*skipped &= i915_request_has_fatal_error(rq);
	}

	return rq;
}

static struct intel_engine_cs *engine_of(struct intel_context *ce, struct i915_request *rq)
{
	struct intel_engine_cs *engine = NULL;

	if (intel_context_has_inflight(ce))
		engine = intel_context_inflight(ce);
	if (!engine)
		i915_request_active_engine(rq, &engine);

	return engine;
}

/*
 * Is it this context that the engine executes? Another one's requests may be before it on the GPU,
 * and they must not suffer for what they have no part in.
 */
static bool runs_on(struct intel_engine_cs *engine, const struct intel_context *ce)
{
	const struct i915_request *active;
	bool ret;

	rcu_read_lock();
	active = execlists_active(&engine->execlists);
	ret = active && active->context == ce;
	rcu_read_unlock();

	return ret;
}

typedef void (*unfinished_fn)(struct i915_svm *svm, struct intel_context *ce,
			      struct i915_request *first, struct i915_request *last);

/* At least once for each context that has unfinished requests in the VM */
static void call_for_unfinished(struct i915_svm *svm, unfinished_fn fn)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, &svm->vm->_resv, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		struct i915_request *first;
		struct intel_context *ce;
		bool skipped;

		if (!dma_fence_is_i915(fence))
			continue;

		ce = unfinished_context(to_request(fence));
		if (!ce)
			continue;

		first = first_unfinished(ce, to_request(fence), &skipped);
		fn(svm, ce, first, to_request(fence));
		i915_request_put(first);
		intel_context_put(ce);
	}
	dma_resv_iter_end(&cursor);
}

/*
 * It is not to blame for what it waits for, so its context stays, and may ask how many of its
 * batches were lost, as after the reset of another one (DRM_IOCTL_I915_GET_RESET_STATS).
 */
static void skip_one(struct i915_svm *svm, struct intel_context *ce, struct i915_request *rq)
{
	bool empty = rq->fence.error; /* an execution that failed with -EAGAIN, and is no batch */
	struct i915_gem_context *ctx;

	if (!i915_request_set_error_once(rq, -EIO) || empty)
		return;

	rcu_read_lock();
	ctx = rcu_dereference(ce->gem_context);
	if (ctx)
		atomic_inc(&ctx->active_count);
	rcu_read_unlock();
	atomic64_inc(&svm_stats(svm)->skips);
}

static void skip_all(struct i915_svm *svm, struct intel_context *ce, struct i915_request *last)
{
	struct i915_request *rq = i915_request_get(last), *before;

	do {
		skip_one(svm, ce, rq);
		before = unfinished_before(ce, rq);
		i915_request_put(rq);
		rq = before;
	} while (rq);
}

static void ban_one(struct i915_svm *svm, struct intel_context *ce, struct i915_request *rq)
{
	struct intel_engine_cs *engine;

	if (!intel_context_ban(ce, rq)) {
		drm_notice(&svm->vm->i915->drm,
			   "context %llx banned: request %lld not done %d ms after memory was taken from it\n",
			   rq->fence.context, rq->fence.seqno,
			   CONFIG_DRM_I915_SVM_INVALIDATE_TIMEOUT);
		atomic64_inc(&svm_stats(svm)->bans);
	}

	engine = engine_of(ce, rq);
	if (!engine || (!svm->reset && intel_engine_has_preemption(engine)))
		return;

	/* Somebody else resets it, so what we ask for would be a reset of all engines */
	if (test_bit(I915_RESET_ENGINE + engine->id, &engine->gt->reset.flags))
		return;

	/* A request that is done by now must not have the next one's context take the blame */
	if (runs_on(engine, ce) && !i915_request_completed(rq))
		intel_gt_handle_error(engine->gt, engine->mask, 0,
				      "memory taken from context %llx:%lld",
				      rq->fence.context, rq->fence.seqno);
}

/*
 * What has not begun, but was given to the GPU, is waited for: somebody else's is before it, and
 * perhaps more of theirs all the time. With this it begins, where they can be preempted, as do
 * those that a semaphore has it wait for.
 */
static void hurry(struct i915_request *last)
{
	const struct i915_sched_attr attr = { .priority = I915_PRIORITY_DISPLAY };

	i915_gem_fence_wait_priority(&last->fence, &attr);
}

static void stop_one(struct i915_svm *svm, struct intel_context *ce,
		     struct i915_request *first, struct i915_request *last)
{
	struct intel_engine_cs *engine;

	/* If it has finished meanwhile, the next one is looked at the next time. */
	if (i915_request_completed(first))
		return;

	if (i915_request_started(first))
		ban_one(svm, ce, first);
	else if (i915_request_active_engine(first, &engine))
		hurry(last);
	else
		skip_all(svm, ce, last);
}

/**
 * i915_svm_ban - the work that bans the contexts of requests that run, and skips those that wait
 * @work: &i915_svm.ban
 *
 * A work, because a reset may allocate memory, which who waits for this may not. The reset of an
 * engine takes no lock under which somebody may be in reclaim. One of all engines, if that fails,
 * waits for another one that is under way. Neither of them enters reclaim, takes a lock under which
 * others do, or waits for who does: &intel_reset.mutex is tainted, &intel_reset.event_work tells
 * user space, and vm_fault_gtt(), for which it waits (&intel_reset.backoff_srcu), has allocated.
 */
void i915_svm_ban(struct work_struct *work)
{
	struct i915_svm *svm = container_of(work, struct i915_svm, ban);
	unsigned int noreclaim = memalloc_noreclaim_save();

	call_for_unfinished(svm, stop_one);
	memalloc_noreclaim_restore(noreclaim);
}

static void pulse_one(struct i915_svm *svm, struct intel_context *ce,
		      struct i915_request *first, struct i915_request *last)
{
	struct intel_engine_cs *engine = engine_of(ce, first);

	if (engine)
		intel_engine_pulse(engine);
}

/**
 * i915_svm_pulse - the work that asks engines to switch away from banned contexts
 * @work: &i915_svm.pulse
 *
 * This is the gentle way, for it leaves other contexts alone. It may have to wait for somebody who
 * allocates, so nobody waits for it.
 */
void i915_svm_pulse(struct work_struct *work)
{
	call_for_unfinished(container_of(work, struct i915_svm, pulse), pulse_one);
}

/*
 * A request that is skipped, or of a banned context, and still waits for something else may do so
 * for ever. But it cannot get onto the GPU any more as anything but a no-op, so there is no need to
 * wait with it. (One that had begun when it was taken off the GPU would go on, error or not: only a
 * ban makes its context image forget where it was.) All of this holds of a context's requests if it
 * does of the first: none is on the GPU, or begins, before that is finished.
 *
 * The order matters. i915_request_active_engine() takes the lock under which requests are put onto
 * the GPU: who does so later sees the errors and the ban that were seen here before.
 */
static bool gone(struct dma_fence *fence)
{
	struct intel_engine_cs *engine;
	struct i915_request *first;
	struct intel_context *ce;
	bool banned, skipped, ret;

	if (!dma_fence_is_i915(fence))
		return dma_fence_is_signaled(fence);

	ce = unfinished_context(to_request(fence));
	if (!ce)
		return true;

	banned = intel_context_is_banned(ce);
	first = first_unfinished(ce, to_request(fence), &skipped);
	ret = intel_context_has_inflight(ce) && !i915_request_active_engine(first, &engine) &&
		!intel_context_inflight(ce) &&
		(banned || (skipped && !i915_request_started(first)));
	i915_request_put(first);
	intel_context_put(ce);
	return ret;
}

static bool all_gone(struct i915_svm *svm)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	bool ret = true;

	dma_resv_iter_begin(&cursor, &svm->vm->_resv, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		ret = gone(fence);
		if (!ret)
			break;
	}
	dma_resv_iter_end(&cursor);

	return ret;
}

static bool wait_gone(struct i915_svm *svm, unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;

	while (!all_gone(svm)) {
		if (time_after(jiffies, deadline))
			return false;
		schedule_timeout_uninterruptible(msecs_to_jiffies(5) ?: 1);
	}

	return true;
}

/* Not for what an earlier call has stopped, which may stay unfinished for long */
static bool wait_finished(struct i915_svm *svm, long timeout)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, &svm->vm->_resv, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (gone(fence))
			continue;

		timeout = dma_fence_wait_timeout(fence, false, timeout);
		if (timeout <= 0)
			break;
	}
	dma_resv_iter_end(&cursor);

	return timeout > 0;
}

static void ban(struct i915_svm *svm, bool reset)
{
	svm->reset = reset;
	queue_work(svm->vm->i915->svm.wq, &svm->ban);
	flush_work(&svm->ban);
}

/*
 * A ban, and a pulse where engines can be preempted; if that does not help, resets. What was given
 * to the GPU and has not begun comes before all others from now on. If it cannot, for the engine
 * has no preemption, or a semaphore has it wait, what is before it is another client's, which ends,
 * or is ended if it takes too long: by heartbeats, and by its own timeout.
 */
static void ban_and_wait(struct i915_svm *svm, unsigned long timeout)
{
	ban(svm, false);
	queue_work(system_unbound_wq, &svm->pulse);

	while (!wait_gone(svm, timeout))
		ban(svm, true);
}

/**
 * i915_svm_stop - wait until no request in the VM can reach memory
 * @svm: the SVM; no request can be added, for something is invalid
 *
 * Called by notifiers: allocates nothing. Waits as long as
 * CONFIG_DRM_I915_SVM_INVALIDATE_TIMEOUT says, and then until all requests, whose contexts are by
 * then banned or which are skipped, are off the GPU. Those may stay unfinished for as long as what
 * they wait for does: the next call, for another range or chunk, does not wait for them again.
 */
void i915_svm_stop(struct i915_svm *svm)
{
	unsigned long timeout = msecs_to_jiffies(CONFIG_DRM_I915_SVM_INVALIDATE_TIMEOUT);

	lockdep_assert_held(&svm->zap_mutex);

	if (all_gone(svm))
		return;

	atomic64_inc(&svm_stats(svm)->waits);
	if (!wait_finished(svm, timeout))
		ban_and_wait(svm, timeout);
}

/* The last request of a timeline, if it is one in the VM */
static int last_request(struct intel_timeline *tl, const struct i915_address_space *vm,
			struct i915_request **last)
{
	struct i915_request *rq;

	if (mutex_lock_interruptible(&tl->mutex))
		return -EINTR;

	*last = NULL;
	if (!list_empty(&tl->requests)) {
		rq = list_last_entry(&tl->requests, typeof(*rq), link);
		if (rq->context->vm == vm)
			*last = i915_request_get(rq);
	}
	mutex_unlock(&tl->mutex);

	return 0;
}

static int wait_untracked(struct intel_gt *gt, const struct i915_address_space *vm)
{
	struct intel_gt_timelines *timelines = &gt->timelines;
	struct intel_timeline *tl, *next;
	LIST_HEAD(free);
	int ret = 0;

	spin_lock(&timelines->lock);
	list_for_each_entry_safe(tl, next, &timelines->active_list, link) {
		struct i915_request *rq = NULL;

		intel_timeline_get(tl);
		atomic_inc(&tl->active_count); /* keeps it in the list */
		spin_unlock(&timelines->lock);

		ret = last_request(tl, vm, &rq);
		if (rq) {
			if (i915_request_wait(rq, I915_WAIT_INTERRUPTIBLE,
					      MAX_SCHEDULE_TIMEOUT) < 0)
				ret = -EINTR;
			i915_request_put(rq);
		}

		spin_lock(&timelines->lock);
		list_safe_reset_next(tl, next, link);
		if (atomic_dec_and_test(&tl->active_count))
			list_del(&tl->link);
		if (refcount_dec_and_test(&tl->kref.refcount))
			list_add(&tl->link, &free); /* not under the spinlock */
		if (ret)
			break;
	}
	spin_unlock(&timelines->lock);

	list_for_each_entry_safe(tl, next, &free, link)
		__intel_timeline_free(&tl->kref);

	return ret;
}

/**
 * i915_svm_wait_untracked - wait for requests that were made before the VM had ranges
 * @svm: the SVM, already published as that of its VM
 *
 * They are not in the reservation object, so no invalidation would wait for them. Execbuf looks for
 * the SVM while it holds the mutex of its timeline: either it saw it, and the request is tracked,
 * or the request is in the timeline by the time that we get the mutex.
 *
 * Return: 0 or -EINTR.
 */
int i915_svm_wait_untracked(struct i915_svm *svm)
{
	struct intel_gt *gt;
	unsigned int id;
	int ret;

	lockdep_assert_held(&svm->mutex);

	for_each_gt(gt, svm->vm->i915, id) {
		ret = wait_untracked(gt, svm->vm);
		if (ret)
			return ret;
	}

	return 0;
}
