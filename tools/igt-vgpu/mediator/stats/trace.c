/* SPDX-License-Identifier: MIT */
/*
 * The timeline's ring and its dump, see trace.h. A mutex guards both: recording is a copy of 40
 * bytes under it, and the dump works on a snapshot, so that a guest is never held up by a disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "gpu/gpu.h"
#include "stats/trace.h"

#define MAX_TRACKS 256

/** struct trace - see above */
struct trace {
	pthread_mutex_t lock; /* guards all of it */
	struct trace_event *ring;
	size_t size;
	uint64_t count; /* events ever added; count % size is the next place */
	struct {
		uint8_t pid, tid;
		bool process;
		char *name;
	} track[MAX_TRACKS];
	unsigned int tracks;
};

struct trace *trace_new(size_t events)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return NULL;
	trace->size = events ? events : 1;
	trace->ring = calloc(trace->size, sizeof(*trace->ring));
	if (!trace->ring) {
		free(trace);
		return NULL;
	}
	pthread_mutex_init(&trace->lock, NULL);
	return trace;
}

void trace_free(struct trace *trace)
{
	unsigned int i;

	if (!trace)
		return;
	for (i = 0; i < trace->tracks; i++)
		free(trace->track[i].name);
	pthread_mutex_destroy(&trace->lock);
	free(trace->ring);
	free(trace);
}

static void name_track(struct trace *trace, bool process, uint8_t pid, uint8_t tid,
		       const char *name)
{
	unsigned int i;

	if (!trace)
		return;
	pthread_mutex_lock(&trace->lock);
	for (i = 0; i < trace->tracks; i++)
		if (trace->track[i].process == process && trace->track[i].pid == pid &&
		    trace->track[i].tid == tid)
			break;
	if (i < MAX_TRACKS) {
		free(trace->track[i].name);
		trace->track[i].process = process;
		trace->track[i].pid = pid;
		trace->track[i].tid = tid;
		trace->track[i].name = strdup(name);
		if (i == trace->tracks)
			trace->tracks++;
	}
	pthread_mutex_unlock(&trace->lock);
}

void trace_name_process(struct trace *trace, uint8_t pid, const char *name)
{
	name_track(trace, true, pid, 0, name);
}

void trace_name_thread(struct trace *trace, uint8_t pid, uint8_t tid, const char *name)
{
	name_track(trace, false, pid, tid, name);
}

void trace_add(struct trace *trace, const struct trace_event *event)
{
	if (!trace)
		return;
	pthread_mutex_lock(&trace->lock);
	trace->ring[trace->count++ % trace->size] = *event;
	pthread_mutex_unlock(&trace->lock);
}

uint64_t trace_recorded(struct trace *trace)
{
	uint64_t count;

	pthread_mutex_lock(&trace->lock);
	count = trace->count;
	pthread_mutex_unlock(&trace->lock);
	return count;
}

uint64_t trace_dropped(struct trace *trace)
{
	uint64_t count = trace_recorded(trace);

	return count > trace->size ? count - trace->size : 0;
}

/* --- dump --- */

/** struct dump - one dump in progress */
struct dump {
	FILE *file;
	bool first;	     /* no comma yet */
	bool open[256][256]; /* [pid][tid]: a context span was begun and not ended */
	uint64_t last_ns;
};

static void put_separator(struct dump *dump)
{
	fputs(dump->first ? "\n" : ",\n", dump->file);
	dump->first = false;
}

/*
 * As in an operating system, and as Perfetto takes it: one number for one thread of one process,
 * and 0 is nobody's.
 */
static unsigned int shown_tid(uint8_t pid, uint8_t tid)
{
	return pid << 8 | tid;
}

/* Common head of an event; the time is in microseconds with three decimals, as the format wants it.
 */
static void put_head(struct dump *dump, const char *ph, const struct trace_event *event,
		     uint64_t ts_ns)
{
	put_separator(dump);
	fprintf(dump->file, "{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u,\"ts\":%" PRIu64 ".%03u", ph,
		event->pid, shown_tid(event->pid, event->tid), ts_ns / 1000,
		(unsigned int)(ts_ns % 1000));
}

static void put_trap(struct dump *dump, const struct trace_event *event)
{
	static const char *const bars[] = { "mmio", "aperture", "io" };
	unsigned int bar = event->arg >> 8;
	const char *name = NULL;
	const char *dir = event->kind == TRACE_TRAP_WRITE ? "write" : "read";
	char buf[32];

	if (bar == TRACE_BAR_MMIO)
		name = event->a < GPU_MMIO_SIZE ? gpu_reg_name(event->a & ~3u) : "GGTT";
	if (!name) {
		snprintf(buf, sizeof(buf), "0x%" PRIx64, event->a);
		name = buf;
	}
	put_head(dump, "X", event, event->ts_ns);
	fprintf(dump->file,
		",\"dur\":%u.%03u,\"cat\":\"trap\",\"name\":\"%s %s\",\"args\":{\"bar\":\"%s\","
		"\"offset\":\"0x%" PRIx64 "\",\"size\":%u,\"value\":\"0x%" PRIx64 "\"}}",
		event->dur_ns / 1000, event->dur_ns % 1000, dir, name, bar < 3 ? bars[bar] : "?",
		event->a, event->arg & 0xff, event->b);
}

static void put_instant(struct dump *dump, const struct trace_event *event, const char *cat,
			const char *name)
{
	put_head(dump, "i", event, event->ts_ns);
	fprintf(dump->file,
		",\"s\":\"t\",\"cat\":\"%s\",\"name\":\"%s\",\"args\":{\"value\":\"0x%" PRIx64
		"\"}}",
		cat, name, event->a);
}

static void put_context_end(struct dump *dump, const struct trace_event *event, uint64_t ts_ns)
{
	bool *open = &dump->open[event->pid][event->tid];

	/*
	 * Its begin has fallen out of the ring, or never was: an end alone would confuse the
	 * viewer.
	 */
	if (!*open)
		return;
	*open = false;
	put_head(dump, "E", event, ts_ns);
	fputs("}", dump->file);
}

static void put_event(struct dump *dump, const struct trace_event *event)
{
	if (event->ts_ns > dump->last_ns)
		dump->last_ns = event->ts_ns;
	switch ((enum trace_kind)event->kind) {
	case TRACE_TRAP_READ:
	case TRACE_TRAP_WRITE:
		put_trap(dump, event);
		break;
	case TRACE_IRQ:
		put_instant(dump, event, "irq", event->a ? "MSI" : "INTx");
		break;
	case TRACE_CONTEXT_IN:
		put_context_end(dump, event, event->ts_ns);
		dump->open[event->pid][event->tid] = true;
		put_head(dump, "B", event, event->ts_ns);
		fprintf(dump->file, ",\"cat\":\"context\",\"name\":\"context 0x%" PRIx64 "\"}",
			event->a);
		break;
	case TRACE_CONTEXT_OUT:
		put_context_end(dump, event, event->ts_ns);
		break;
	case TRACE_RESET:
		put_instant(dump, event, "engine", "reset");
		break;
	case TRACE_HANG:
		put_instant(dump, event, "engine", "hang");
		break;
	}
}

static void put_names(struct dump *dump, struct trace *trace)
{
	unsigned int i;

	for (i = 0; i < trace->tracks; i++) {
		/* json-c quotes: a name is a device's id, which the user chose. */
		struct json_object *name =
			json_object_new_string(trace->track[i].name ? trace->track[i].name : "?");

		put_separator(dump);
		fprintf(dump->file,
			"{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s\",\"args\":{\"name\":%s}"
			"}",
			trace->track[i].pid,
			shown_tid(trace->track[i].pid, trace->track[i].tid),
			trace->track[i].process ? "process_name" : "thread_name",
			json_object_to_json_string(name));
		json_object_put(name);
	}
}

static void put_open_ends(struct dump *dump)
{
	struct trace_event event = { 0 };
	unsigned int pid, tid;

	for (pid = 0; pid < 256; pid++)
		for (tid = 0; tid < 256; tid++) {
			event.pid = pid;
			event.tid = tid;
			put_context_end(dump, &event, dump->last_ns);
		}
}

/* Copy the ring in order; NULL without memory. */
static struct trace_event *snapshot(struct trace *trace, size_t *count, uint64_t *dropped)
{
	struct trace_event *events = malloc(trace->size * sizeof(*events));
	size_t first, i;

	if (!events)
		return NULL;
	pthread_mutex_lock(&trace->lock);
	*count = trace->count < trace->size ? trace->count : trace->size;
	*dropped = trace->count - *count;
	first = (trace->count - *count) % trace->size;
	for (i = 0; i < *count; i++)
		events[i] = trace->ring[(first + i) % trace->size];
	pthread_mutex_unlock(&trace->lock);
	return events;
}

static bool fail(char **error, const char *what, const char *path, int err)
{
	char buf[512];

	snprintf(buf, sizeof(buf), "cannot %s trace file '%s': %s", what, path, strerror(err));
	*error = strdup(buf);
	return false;
}

bool trace_dump(struct trace *trace, const char *path, char **error)
{
	struct trace_event *events;
	struct dump *dump;
	uint64_t dropped;
	size_t count, i;
	bool bad;
	int err;

	dump = calloc(1, sizeof(*dump));
	events = snapshot(trace, &count, &dropped);
	if (!dump || !events) {
		free(dump);
		free(events);
		return fail(error, "allocate memory for", path, ENOMEM);
	}
	dump->first = true;
	dump->file = fopen(path, "w");
	if (!dump->file) {
		err = errno;
		free(dump);
		free(events);
		return fail(error, "open", path, err);
	}
	fprintf(dump->file,
		"{\"displayTimeUnit\":\"ns\",\"otherData\":{\"events\":%zu,\"dropped\":%" PRIu64
		"},"
		"\"traceEvents\":[",
		count, dropped);
	pthread_mutex_lock(&trace->lock);
	put_names(dump, trace);
	pthread_mutex_unlock(&trace->lock);
	for (i = 0; i < count; i++)
		put_event(dump, &events[i]);
	put_open_ends(dump);
	fputs("\n]}\n", dump->file);
	bad = ferror(dump->file);
	err = errno;
	if (fclose(dump->file)) {
		bad = true;
		err = errno;
	}
	free(dump);
	free(events);
	return bad ? fail(error, "write", path, err) : true;
}
