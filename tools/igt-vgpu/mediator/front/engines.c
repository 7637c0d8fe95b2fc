// SPDX-License-Identifier: MIT
/*
 * One thread per engine: sleeps until it is kicked, executes in slices, looks again after a while
 * if the engine polls. See engines.h.
 */
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "engines.h"

/*
 * Commands per call into the core: some 50 us, the latency of an interrupt or a reset; of blits so
 * many as move 4 MiB (gpu/blt.c), and whatever takes long for 500 us (gpu/engine.c).
 */
#define BUDGET 500
/*
 * A stream that never ends (an IGT spinner) leaves this much of each 30 slices to the vCPUs: two
 * cores run four engines.
 */
#define BUSY_SLICES_BEFORE_NAP	30
#define BUSY_NAP_US		50

/** struct engine - one thread and what it is told */
struct engine {
	struct engines *owner;
	enum gpu_engine_id id;
	pthread_t thread;
	GMutex lock;	/* guards what follows; a leaf: nothing is called with it held */
	GCond wake;	/* work, pause, resume or quit */
	GCond idle;	/* the thread went to sleep */
	bool kicked;
	bool paused;
	bool quit;
	bool running;	/* inside the core */
};

struct engines {
	const struct engines_ops *ops;
	void *opaque;
	struct engine engine[GPU_NUM_ENGINES];
	unsigned int threads;	/* that are there; of the first ones */
};

/*
 * With the engine's lock: sleep until there is work; false: quit. @deadline: 0 or when to look
 * again (us).
 */
static bool wait_for_work(struct engine *engine, int64_t deadline)
{
	while (!engine->quit) {
		if (engine->kicked && !engine->paused)
			return true;
		if (!deadline || engine->paused)
			g_cond_wait(&engine->wake, &engine->lock);
		else if (!g_cond_wait_until(&engine->wake, &engine->lock, deadline))
			engine->kicked = true;
	}
	return false;
}

/* With the engine's lock, which is released meanwhile. True: more to do at once. */
static bool run_slice(struct engine *engine, uint64_t *poll_ns)
{
	struct engines *owner = engine->owner;
	bool more;

	engine->kicked = false;
	engine->running = true;
	g_mutex_unlock(&engine->lock);

	*poll_ns = 0;
	more = owner->ops->run(owner->opaque, engine->id, BUDGET, poll_ns);

	g_mutex_lock(&engine->lock);
	engine->running = false;
	g_cond_broadcast(&engine->idle);
	engine->kicked |= more;
	return more;
}

static void *engine_thread(void *arg)
{
	struct engine *engine = arg;
	struct engines *owner = engine->owner;
	unsigned int busy = 0;
	int64_t deadline = 0;
	uint64_t poll_ns;

	if (owner->ops->begin)
		owner->ops->begin(owner->opaque);
	g_mutex_lock(&engine->lock);
	while (wait_for_work(engine, deadline)) {
		busy = run_slice(engine, &poll_ns) ? busy + 1 : 0;
		g_mutex_unlock(&engine->lock);
		if (owner->ops->ran)
			owner->ops->ran(owner->opaque);
		if (busy % BUSY_SLICES_BEFORE_NAP == BUSY_SLICES_BEFORE_NAP - 1)
			g_usleep(BUSY_NAP_US);
		g_mutex_lock(&engine->lock);
		deadline = poll_ns ? g_get_monotonic_time() + (poll_ns + 999) / 1000 : 0;
	}
	g_mutex_unlock(&engine->lock);
	if (owner->ops->end)
		owner->ops->end(owner->opaque);
	return NULL;
}

/** engines_new - see engines.h */
struct engines *engines_new(const struct engines_ops *ops, void *opaque)
{
	struct engines *engines = g_new0(struct engines, 1);
	unsigned int i;

	engines->ops = ops;
	engines->opaque = opaque;
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		engines->engine[i].owner = engines;
		engines->engine[i].id = i;
		g_mutex_init(&engines->engine[i].lock);
		g_cond_init(&engines->engine[i].wake);
		g_cond_init(&engines->engine[i].idle);
	}
	return engines;
}

/** engines_free - see engines.h */
void engines_free(struct engines *engines)
{
	unsigned int i;

	if (!engines)
		return;
	engines_stop(engines);
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		g_mutex_clear(&engines->engine[i].lock);
		g_cond_clear(&engines->engine[i].wake);
		g_cond_clear(&engines->engine[i].idle);
	}
	g_free(engines);
}

/** engines_start - see engines.h; signals are for the program's other threads */
bool engines_start(struct engines *engines, bool paused)
{
	sigset_t all, before;
	char name[16];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (engines->threads < GPU_NUM_ENGINES) {
		struct engine *engine = &engines->engine[engines->threads];

		engine->paused = paused;
		engine->quit = false;
		if (pthread_create(&engine->thread, NULL, engine_thread, engine))
			break;
		snprintf(name, sizeof(name), "gpu/%s", gpu_engine_name(engine->id));
		pthread_setname_np(engine->thread, name);
		engines->threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (engines->threads == GPU_NUM_ENGINES)
		return true;
	engines_stop(engines);
	return false;
}

/** engines_stop - see engines.h */
void engines_stop(struct engines *engines)
{
	unsigned int i;

	for (i = 0; i < engines->threads; i++) {
		g_mutex_lock(&engines->engine[i].lock);
		engines->engine[i].quit = true;
		g_cond_broadcast(&engines->engine[i].wake);
		g_mutex_unlock(&engines->engine[i].lock);
	}
	for (i = 0; i < engines->threads; i++)
		pthread_join(engines->engine[i].thread, NULL);
	engines->threads = 0;
}

/** engines_kick - see engines.h; only the engine's leaf lock is taken */
void engines_kick(struct engines *engines, enum gpu_engine_id id)
{
	struct engine *engine = &engines->engine[id];

	g_mutex_lock(&engine->lock);
	if (!engine->kicked) {
		engine->kicked = true;
		g_cond_signal(&engine->wake);
	}
	g_mutex_unlock(&engine->lock);
}

/** engines_pause - see engines.h */
void engines_pause(struct engines *engines, bool pause)
{
	unsigned int i;

	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		struct engine *engine = &engines->engine[i];

		g_mutex_lock(&engine->lock);
		engine->paused = pause;
		g_cond_broadcast(&engine->wake);
		while (pause && engine->running)
			g_cond_wait(&engine->idle, &engine->lock);
		g_mutex_unlock(&engine->lock);
	}
}
