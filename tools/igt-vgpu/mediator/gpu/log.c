// SPDX-License-Identifier: MIT
/*
 * Log lines of the GPU, rate-limited: a guest that sends garbage in a loop must not fill the host's
 * disk.
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
 * last_log_ns holds the time at which all lines so far would have been paid for at one each
 * interval (the virtual scheduling form of a token bucket): one word, so that it can be updated
 * without a lock.
 */
static bool log_allowed(struct gpu *gpu, uint64_t now)
{
	uint64_t old = __atomic_load_n(&gpu->last_log_ns, __ATOMIC_RELAXED), new;

	do {
		new = (old > now ? old : now) + LOG_INTERVAL_NS;
		if (new - now > LOG_BURST * LOG_INTERVAL_NS)
			return false;
	} while (!__atomic_compare_exchange_n(&gpu->last_log_ns, &old, new, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

/**
 * gpu_log - log one line, unless there were too many lately
 * @gpu: the GPU
 * @level: how bad it is
 * @fmt: printf format, without a newline
 */
void gpu_log(struct gpu *gpu, enum gpu_log_level level, const char *fmt, ...)
{
	char line[LOG_LINE];
	unsigned int dropped;
	va_list args;

	if (!gpu->ops->log)
		return;
	if (!log_allowed(gpu, gpu->ops->now_ns(gpu->opaque))) {
		__atomic_fetch_add(&gpu->log_dropped, 1, __ATOMIC_RELAXED);
		return;
	}
	dropped = __atomic_exchange_n(&gpu->log_dropped, 0, __ATOMIC_RELAXED);
	if (dropped) {
		snprintf(line, sizeof(line), "%u lines before this one were dropped: too many",
			 dropped);
		gpu->ops->log(gpu->opaque, GPU_LOG_WARN, line);
	}
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	gpu->ops->log(gpu->opaque, level, line);
}
