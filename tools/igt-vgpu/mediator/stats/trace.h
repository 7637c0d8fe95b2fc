/* SPDX-License-Identifier: MIT */
/*
 * The timeline: what happened when, in a bounded ring that forgets the oldest events, dumped as
 * JSON in the Trace Event Format (of chrome://tracing). Filled by the front end, from any thread.
 *
 * Tracks: a process is the GPU or one device, a thread in it an engine or a vCPU.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_DEFAULT_EVENTS (1u << 20) /* 40 MiB */

struct trace;

/** enum trace_kind - what an event shows; the comment says what @a and @b of struct trace_event
 * mean */
enum trace_kind {
	TRACE_TRAP_READ,   /* a span; a: offset, b: value, arg: enum trace_bar << 8 | size */
	TRACE_TRAP_WRITE,  /* likewise */
	TRACE_IRQ,	   /* an instant; a: 1 MSI, 0 INTx */
	TRACE_CONTEXT_IN,  /* begin of a span; a: context descriptor */
	TRACE_CONTEXT_OUT, /* its end; a: context descriptor */
	TRACE_RESET,	   /* an instant */
	TRACE_HANG,	   /* an instant; a: command header */
};

/** enum trace_bar - which part of the device a trap hit */
enum trace_bar { TRACE_BAR_MMIO, TRACE_BAR_APERTURE, TRACE_BAR_IO };

/** struct trace_event - one entry of the ring */
struct trace_event {
	uint64_t ts_ns;	  /* begin */
	uint32_t dur_ns;  /* spans of traps only */
	uint16_t kind;	  /* enum trace_kind */
	uint8_t pid, tid; /* track */
	uint64_t a, b;
	uint32_t arg;
};

/* NULL if there is no memory. */
struct trace *trace_new(size_t events);
void trace_free(struct trace *trace);
/* Name a process (1-255) or a thread (0-255) of it; naming again replaces. */
void trace_name_process(struct trace *trace, uint8_t pid, const char *name);
void trace_name_thread(struct trace *trace, uint8_t pid, uint8_t tid, const char *name);
/* NULL @trace is allowed and records nothing. */
void trace_add(struct trace *trace, const struct trace_event *event);
uint64_t trace_recorded(struct trace *trace);
/* How many of the oldest events the ring has overwritten. */
uint64_t trace_dropped(struct trace *trace);
/*
 * Write everything to @path. False and *@error (for free()) if that failed; the ring is kept either
 * way.
 */
bool trace_dump(struct trace *trace, const char *path, char **error);

#endif /* TRACE_H */
