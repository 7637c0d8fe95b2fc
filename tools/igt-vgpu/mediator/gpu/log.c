// SPDX-License-Identifier: MIT
/*
 * Log lines of the GPU, rate-limited: a guest that sends garbage in a loop must not fill the host's
 * disk. Each domain has a limit of its own, so that no guest's garbage hides what another one did.
 *
 * Called by every file of this folder, with or without gpu->lock, from any thread; so it takes no
 * lock itself.
 */
#include <stdarg.h>
#include <stdio.h>

#include "gpu_types.h"

#define LOG_INTERVAL_NS		100000000ull	/* one line each 100 ms on average, */
#define LOG_BURST		64		/* but this many at once */
#define LOG_LINE		240

/*
 * paid_ns holds the time at which all lines so far would have been paid for at one each interval
 * (the virtual scheduling form of a token bucket): one word, so that it can be updated without a
 * lock.
 */
static bool log_allowed(struct gpu_log_limit *limit, uint64_t now)
{
	uint64_t old = __atomic_load_n(&limit->paid_ns, __ATOMIC_RELAXED), new;

	do {
		new = (old > now ? old : now) + LOG_INTERVAL_NS;
		if (new - now > LOG_BURST * LOG_INTERVAL_NS)
			return false;
	} while (!__atomic_compare_exchange_n(&limit->paid_ns, &old, new, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

static void log_line(struct gpu *gpu, unsigned int domain, enum gpu_log_level level,
		     const char *fmt, va_list args)
{
	struct gpu_log_limit *limit = &gpu->log_limit[domain % GPU_NUM_DOMAINS];
	char line[LOG_LINE];
	unsigned int dropped;
	size_t at = 0;

	if (!gpu->ops->log)
		return;
	if (!log_allowed(limit, gpu->ops->now_ns(gpu->opaque))) {
		__atomic_fetch_add(&limit->dropped, 1, __ATOMIC_RELAXED);
		return;
	}
	if (domain)
		at = snprintf(line, sizeof(line), "vgpu%u: ", domain);
	dropped = __atomic_exchange_n(&limit->dropped, 0, __ATOMIC_RELAXED);
	if (dropped) {
		snprintf(line + at, sizeof(line) - at,
			 "%u lines before this one were dropped: too many", dropped);
		gpu->ops->log(gpu->opaque, GPU_LOG_WARN, line);
	}
	vsnprintf(line + at, sizeof(line) - at, fmt, args);
	gpu->ops->log(gpu->opaque, level, line);
}

/**
 * gpu_log - log one line, unless there were too many lately
 * @gpu: the GPU
 * @domain: whose doing it is; a vGPU is named in the line, as the mediator names it
 * @level: how bad it is
 * @fmt: printf format, without a newline
 */
void gpu_log(struct gpu *gpu, unsigned int domain, enum gpu_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(gpu, domain, level, fmt, args);
	va_end(args);
}

/**
 * gpu_cs_log_first - count, and log the first one
 * @cs: the stream
 * @count: one of its counters; gpu_cs_log_rest() tells what came after the first
 * @fmt: printf format, without a newline
 */
void gpu_cs_log_first(struct gpu_cs *cs, uint32_t *count, const char *fmt, ...)
{
	va_list args;

	if ((*count)++)
		return;
	va_start(args, fmt);
	log_line(cs->gpu, cs->domain, GPU_LOG_WARN, fmt, args);
	va_end(args);
}

static void log_rest(struct gpu_cs *cs, uint32_t *count, const char *what)
{
	if (*count > 1)
		gpu_log(cs->gpu, cs->domain, GPU_LOG_WARN, "%s: ... and %u more %s",
			cs->engine->name, *count - 1, what);
	*count = 0;
}

/** gpu_cs_log_rest - see gpu_types.h */
void gpu_cs_log_rest(struct gpu_cs *cs)
{
	log_rest(cs, &cs->refused, "registers refused");
	log_rest(cs, &cs->undrawn, "blits not drawn");
}
