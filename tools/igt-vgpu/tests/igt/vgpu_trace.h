/* SPDX-License-Identifier: MIT */
/*
 * Where the driver binds: the i915_vma_bind tracepoint, caught in a tracefs instance of our own.
 *
 * It is the driver's allocator that speaks here, before any GGTT entry is written, so neither what
 * a mediator drops nor what it hides can make a bad placement look good. Callers: vgpu_balloon,
 * vgpu_exhaust, vgpu_fence.
 */
#ifndef VGPU_TRACE_H
#define VGPU_TRACE_H

#include <stddef.h>
#include <stdint.h>

/** struct vgpu_bind - one bind, as traced */
struct vgpu_bind {
	uint64_t object;	/* hashed pointer: good for comparison only */
	uint64_t vm;		/* likewise */
	uint64_t offset;	/* bytes, in that address space */
	uint64_t size;		/* bytes */
};

/* Skips the test if the kernel has no such tracepoint. Starts with an empty trace. */
void vgpu_trace_start(void);
void vgpu_trace_clear(void);
/* The binds since then, oldest first, up to @max; fails the test if any was lost. Keeps tracing. */
size_t vgpu_trace_read(struct vgpu_bind *binds, size_t max);
void vgpu_trace_stop(void);

/*
 * Which of the traced address spaces is the GGTT: binds a fresh object by a fault on its GTT map,
 * which happens there and nowhere else. To be called while tracing; clears the trace.
 */
uint64_t vgpu_trace_find_ggtt(int fd);

#endif /* VGPU_TRACE_H */
