/* SPDX-License-Identifier: MIT */
/*
 * The threads that execute a GPU's commands, one per engine, for any front end.
 *
 * Callers: ../qemu, ../vfio-user. Nothing here knows what a slice does: that is the front end's
 * engines_ops, which call gvt_engine_run() or gpu_engine_run().
 */
#ifndef FRONT_ENGINES_H
#define FRONT_ENGINES_H

#include "gpu/gpu.h"

struct engines;

/**
 * struct engines_ops - what a front end does on an engine's thread
 * @begin, @end: first and last on each thread; may be NULL
 * @run: execute a slice, as gpu_engine_run()
 * @ran: a slice is over and the engine counts as not running: the place to wait for locks of the
 *	front end's own; may be NULL
 */
struct engines_ops {
	void (*begin)(void *opaque);
	void (*end)(void *opaque);
	bool (*run)(void *opaque, enum gpu_engine_id id, unsigned int budget, uint64_t *poll_ns);
	void (*ran)(void *opaque);
};

/* No thread yet, but kicks are remembered. @ops must live as long. */
struct engines *engines_new(const struct engines_ops *ops, void *opaque);
/* Stops them first. */
void engines_free(struct engines *engines);
/* Start the threads, which wait for work. False: the system has no thread for us. */
bool engines_start(struct engines *engines, bool paused);
/* Returns when no thread is left; not to be called with a lock that @ran takes. */
void engines_stop(struct engines *engines);
/* @id has work. Any thread, any lock. */
void engines_kick(struct engines *engines, enum gpu_engine_id id);
/* Pausing returns when no engine executes: guest memory stands still from here on. */
void engines_pause(struct engines *engines, bool pause);

#endif /* FRONT_ENGINES_H */
