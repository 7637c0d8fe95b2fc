// SPDX-License-Identifier: MIT
/*
 * The mediator as a whole: creation, its lock, interrupts from the GPU, execution.
 *
 * Called by the front end. The GPU's interrupt arrives on a thread inside gpu_engine_run(), or in
 * the middle of one of our own register writes with gvt->lock held. So its callback only takes a
 * note: the one thread looks at it when its engine's slice is over, the other before and after it
 * lets go of the lock. Acting on it at once could reset the very engine that this thread is
 * executing, and wait for itself.
 */
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gvt_types.h"

/* an engine that goes on and on is drained again after its budget */
#define DRAIN_ROUNDS	8
#define LOG_LINES	20	/* about one vGPU, a second */
#define DEBUG_LINES	1000	/* likewise, for developers */

void gvt_log(struct gvt *gvt, enum gpu_log_level level, const char *fmt, ...)
{
	char line[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	gvt->ops->log(gvt->opaque, level, line);
}

void vgpu_log(struct vgpu *vgpu, enum gpu_log_level level, const char *fmt, ...)
{
	struct gvt *gvt = vgpu->gvt;
	uint64_t now = gvt->ops->now_ns(gvt->opaque);
	char text[256];
	va_list ap;

	if (now - vgpu->log_window_ns >= 1000000000ull) {
		if (vgpu->log_lines > LOG_LINES)
			gvt_log(gvt, GPU_LOG_WARN, "vgpu%u: %u more lines not shown", vgpu->id,
				vgpu->log_lines - LOG_LINES);
		vgpu->log_window_ns = now;
		vgpu->log_lines = 0;
		vgpu->debug_lines = 0;
	}
	/* What only a developer is shown does not use up the lines of what matters. */
	if (level == GPU_LOG_DEBUG ? ++vgpu->debug_lines > DEBUG_LINES : ++vgpu->log_lines > LOG_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gvt_log(gvt, level, "vgpu%u: %s", vgpu->id, text);
}

static void drain(struct gvt *gvt)
{
	unsigned int round;

	for (round = 0; round < DRAIN_ROUNDS; round++) {
		if (!atomic_exchange(&gvt->attention, false))
			return;
		hw_drain(gvt);
		/* The line is a level: still up means that something came in since. */
		if (gpu_irq_level(gvt->gpu))
			atomic_store(&gvt->attention, true);
	}
}

/*
 * A mutex that is let go of and taken again at once hardly ever changes hands. Here who waits has
 * the turn, and all others wait for that until it has the lock.
 */
void gvt_lock(struct gvt *gvt)
{
	pthread_mutex_lock(&gvt->turn);
	pthread_mutex_lock(&gvt->lock);
	pthread_mutex_unlock(&gvt->turn);
}

static void notify(struct gvt *gvt, struct vgpu *vgpu)
{
	gvt->ops->irq(vgpu->opaque, atomic_load(&vgpu->irq_level));
	atomic_fetch_sub(&vgpu->notifying, 1);
	/* @vgpu may be gone from here on. */
	if (!atomic_load(&gvt->waiters))
		return;
	pthread_mutex_lock(&gvt->lock);
	pthread_cond_broadcast(&gvt->notified);
	pthread_mutex_unlock(&gvt->lock);
}

static void unlock_once(struct gvt *gvt)
{
	struct vgpu *told[GVT_MAX_VGPUS];
	unsigned int id, i, n = 0;

	drain(gvt);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		sched_tick(gvt, i);
	for (id = 1; id <= GVT_MAX_VGPUS && gvt->irq_changed; id++) {
		struct vgpu *vgpu = atomic_load(&gvt->vgpu[id]);

		if (!(gvt->irq_changed & (1u << id)))
			continue;
		gvt->irq_changed &= ~(1u << id);
		if (vgpu) {
			atomic_fetch_add(&vgpu->notifying, 1);
			told[n++] = vgpu;
		}
	}
	pthread_mutex_unlock(&gvt->lock);

	for (i = 0; i < n; i++)
		notify(gvt, told[i]);
}

void gvt_unlock(struct gvt *gvt)
{
	unsigned int round;

	unlock_once(gvt);
	/*
	 * A note taken after our last look, while we still had the lock, is ours to handle: nobody
	 * else could.
	 */
	for (round = 0; round < DRAIN_ROUNDS && atomic_load(&gvt->attention); round++) {
		if (pthread_mutex_trylock(&gvt->lock))
			return;
		unlock_once(gvt);
	}
}

void gvt_wait_notified(struct gvt *gvt, struct vgpu *vgpu)
{
	atomic_fetch_add(&gvt->waiters, 1);
	while (atomic_load(&vgpu->notifying))
		pthread_cond_wait(&gvt->notified, &gvt->lock);
	atomic_fetch_sub(&gvt->waiters, 1);
}

/*
 * Without the lock: a vGPU leaves only after its contexts were taken off the engines and its GGTT
 * entries are gone.
 */
static struct vgpu *vgpu_of_domain(struct gvt *gvt, unsigned int domain)
{
	return domain && domain <= GVT_MAX_VGPUS ? atomic_load(&gvt->vgpu[domain]) : NULL;
}

static void *host_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	struct gvt *gvt = opaque;
	struct vgpu *vgpu;

	if (!domain)
		return addr == GVT_OWN_PAGE ? gvt->own_page : shadow_window_page(gvt, addr);
	vgpu = vgpu_of_domain(gvt, domain);
	return vgpu ? gvt->ops->page(vgpu->opaque, addr, write) : NULL;
}

static void host_irq(void *opaque, bool level)
{
	struct gvt *gvt = opaque;

	if (!level)
		return;
	atomic_store(&gvt->attention, true);
}

static uint64_t host_now_ns(void *opaque)
{
	struct gvt *gvt = opaque;

	return gvt->ops->now_ns(gvt->opaque);
}

static void host_kick(void *opaque, enum gpu_engine_id engine)
{
	struct gvt *gvt = opaque;

	gvt->ops->kick(gvt->opaque, engine);
}

static void host_log(void *opaque, enum gpu_log_level level, const char *line)
{
	struct gvt *gvt = opaque;

	gvt->ops->log(gvt->opaque, level, line);
}

static void host_event(void *opaque, enum gpu_engine_id engine, enum gpu_event event, uint64_t arg)
{
	struct gvt *gvt = opaque;

	if (event == GPU_EVENT_RESET && atomic_load(&gvt->wiping) == (int)engine)
		return;
	if (gvt->ops->event)
		gvt->ops->event(gvt->opaque, engine, event, arg);
}

/* GVT-g, which finds it when it scans, ends the vGPU's service (cmd_reg_handler()). */
static void host_refused(void *opaque, unsigned int domain)
{
	struct vgpu *vgpu = vgpu_of_domain(opaque, domain);

	if (vgpu)
		stats_count(vgpu->stats, STATS_VIOLATION_COMMAND);
}

static void host_fault(void *opaque, unsigned int domain, const struct gpu_fault *fault)
{
	struct vgpu *vgpu = vgpu_of_domain(opaque, domain);

	if (vgpu)
		fault_report(vgpu, fault);
}

static const struct gpu_host_ops host_ops = {
	.page = host_page,
	.irq = host_irq,
	.now_ns = host_now_ns,
	.kick = host_kick,
	.log = host_log,
	.event = host_event,
	.refused = host_refused,
	.fault = host_fault,
};

/**
 * gvt_new - a GPU and its mediator, without vGPUs yet
 * @config: which GPU; .native is false
 * @ops: the way out; stays valid as long as the mediator lives
 * @opaque: for those of @ops that do not concern one vGPU
 *
 * NULL: out of memory.
 */
struct gvt *gvt_new(const struct gpu_config *config, const struct gvt_host_ops *ops, void *opaque)
{
	struct gvt *gvt = g_new0(struct gvt, 1);

	policy_init();
	atomic_init(&gvt->wiping, -1);
	gvt->platform = config->platform;
	gvt->ops = ops;
	gvt->opaque = opaque;
	pthread_mutex_init(&gvt->lock, NULL);
	pthread_mutex_init(&gvt->turn, NULL);
	pthread_mutex_init(&gvt->fault_lock, NULL);
	pthread_cond_init(&gvt->notified, NULL);
	gvt->own_page = g_malloc0(GPU_PAGE_SIZE);
	gvt->initial = g_new0(uint32_t, GVT_REG_COUNT);
	gvt->gpu = gpu_new(config, &host_ops, gvt);
	if (!gvt->gpu) {
		gvt_free(gvt);
		return NULL;
	}
	gvt_lock(gvt);
	hw_init(gvt);
	gvt_unlock(gvt);
	return gvt;
}

/** gvt_free - all vGPUs are gone and no thread runs an engine any more */
void gvt_free(struct gvt *gvt)
{
	if (!gvt)
		return;
	gpu_free(gvt->gpu);
	g_free(gvt->initial);
	g_free(gvt->own_page);
	pthread_cond_destroy(&gvt->notified);
	pthread_mutex_destroy(&gvt->fault_lock);
	pthread_mutex_destroy(&gvt->turn);
	pthread_mutex_destroy(&gvt->lock);
	g_free(gvt);
}

struct gpu *gvt_gpu(struct gvt *gvt)
{
	return gvt->gpu;
}

/**
 * gvt_engine_run - see gpu_engine_run(); what the engine reported is handed on before it returns
 */
bool gvt_engine_run(struct gvt *gvt, enum gpu_engine_id engine, unsigned int budget,
		    uint64_t *poll_ns)
{
	bool more = gpu_engine_run(gvt->gpu, engine, budget, poll_ns);

	if (atomic_load(&gvt->attention) || atomic_load(&gvt->engine[engine].contended)) {
		gvt_lock(gvt);
		gvt_unlock(gvt);
	}
	return more;
}
