/* SPDX-License-Identifier: MIT */
/* The timeline: what a dump of it says, parsed as a viewer would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "stats/trace.h"

#define GPU_PID 1
#define DEV_PID 2

/* Dump @trace and parse the file; the caller puts the result. */
static struct json_object *dump(struct trace *trace)
{
	char path[] = "/tmp/igt-trace-XXXXXX";
	struct json_object *root;
	char *error = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_true(trace_dump(trace, path, &error));
	assert_null(error);
	root = json_object_from_file(path);
	unlink(path);
	assert_non_null(root);
	return root;
}

static struct json_object *events_of(struct json_object *root)
{
	struct json_object *events = NULL;

	assert_true(json_object_object_get_ex(root, "traceEvents", &events));
	return events;
}

static const char *text(struct json_object *event, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(event, key, &value) ? json_object_get_string(value) : "";
}

static double number(struct json_object *event, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(event, key, &value));
	return json_object_get_double(value);
}

static size_t count_ph(struct json_object *root, const char *ph)
{
	struct json_object *events = events_of(root);
	size_t i, n = 0;

	for (i = 0; i < json_object_array_length(events); i++)
		n += !strcmp(text(json_object_array_get_idx(events, i), "ph"), ph);
	return n;
}

/* The nth event of a phase. */
static struct json_object *event_ph(struct json_object *root, const char *ph, size_t nth)
{
	struct json_object *events = events_of(root);
	size_t i;

	for (i = 0; i < json_object_array_length(events); i++)
		if (!strcmp(text(json_object_array_get_idx(events, i), "ph"), ph) && !nth--)
			return json_object_array_get_idx(events, i);
	fail_msg("no such event of phase %s", ph);
	return NULL;
}

static void add(struct trace *trace, enum trace_kind kind, uint64_t ts, uint8_t pid, uint8_t tid,
		uint64_t a)
{
	struct trace_event event = { .ts_ns = ts, .kind = kind, .pid = pid, .tid = tid, .a = a };

	trace_add(trace, &event);
}

static void an_empty_timeline_is_valid_json(void **state)
{
	struct trace *trace = trace_new(8);
	struct json_object *root = dump(trace);

	assert_int_equal(json_object_array_length(events_of(root)), 0);
	json_object_put(root);
	trace_free(trace);
}

static void a_trap_is_a_span_with_register_name_value_and_duration(void **state)
{
	struct trace *trace = trace_new(8);
	struct trace_event event = {
		.ts_ns = 1234567,
		.dur_ns = 2500,
		.kind = TRACE_TRAP_WRITE,
		.pid = DEV_PID,
		.tid = 1,
		.a = 0x44200,
		.b = 0x80000000,
		.arg = TRACE_BAR_MMIO << 8 | 4,
	};
	struct json_object *root, *span, *args = NULL;

	trace_add(trace, &event);
	root = dump(trace);
	span = event_ph(root, "X", 0);
	assert_string_equal(text(span, "name"), "write GEN8_MASTER_IRQ");
	assert_true(number(span, "ts") == 1234.567);
	assert_true(number(span, "dur") == 2.5);
	assert_true(number(span, "pid") == DEV_PID);
	assert_true(number(span, "tid") == (DEV_PID << 8 | 1));
	assert_true(json_object_object_get_ex(span, "args", &args));
	assert_string_equal(text(args, "value"), "0x80000000");
	assert_string_equal(text(args, "offset"), "0x44200");
	assert_true(number(args, "size") == 4);
	json_object_put(root);
	trace_free(trace);
}

static void traps_name_what_they_hit(void **state)
{
	static const struct {
		enum trace_bar bar;
		uint32_t offset;
		const char *name, *bar_name;
	} rows[] = {
		{ TRACE_BAR_MMIO, 0x800010, "read GGTT", "mmio" },
		{ TRACE_BAR_MMIO, 0x1ffff0, "read 0x1ffff0", "mmio" },
		{ TRACE_BAR_MMIO, 0x44201, "read GEN8_MASTER_IRQ", "mmio" },
		{ TRACE_BAR_APERTURE, 0x44200, "read 0x44200", "aperture" },
	};
	struct trace *trace = trace_new(8);
	struct json_object *root, *span, *args = NULL;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trace_event event = {
			.kind = TRACE_TRAP_READ,
			.a = rows[i].offset,
			.arg = rows[i].bar << 8 | 4,
		};

		trace_add(trace, &event);
	}
	root = dump(trace);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		span = event_ph(root, "X", i);
		assert_string_equal(text(span, "name"), rows[i].name);
		assert_true(json_object_object_get_ex(span, "args", &args));
		assert_string_equal(text(args, "bar"), rows[i].bar_name);
	}
	json_object_put(root);
	trace_free(trace);
}

static void contexts_are_balanced_spans_per_engine(void **state)
{
	struct trace *trace = trace_new(16);
	struct json_object *root;

	add(trace, TRACE_CONTEXT_IN, 10, GPU_PID, 0, 0xabc);
	add(trace, TRACE_CONTEXT_IN, 15, GPU_PID, 1, 0xdef);
	add(trace, TRACE_CONTEXT_OUT, 20, GPU_PID, 0, 0xabc);
	add(trace, TRACE_CONTEXT_OUT, 30, GPU_PID, 1, 0xdef);
	root = dump(trace);
	assert_int_equal(count_ph(root, "B"), 2);
	assert_int_equal(count_ph(root, "E"), 2);
	assert_string_equal(text(event_ph(root, "B", 0), "name"), "context 0xabc");
	assert_true(number(event_ph(root, "E", 0), "tid") == (GPU_PID << 8 | 0));
	assert_true(number(event_ph(root, "E", 1), "tid") == (GPU_PID << 8 | 1));
	json_object_put(root);
	trace_free(trace);
}

static void an_end_whose_begin_is_lost_is_left_out(void **state)
{
	struct trace *trace = trace_new(1);
	struct json_object *root;

	add(trace, TRACE_CONTEXT_IN, 10, GPU_PID, 0, 1);
	add(trace, TRACE_CONTEXT_OUT, 20, GPU_PID, 0, 1);
	root = dump(trace);
	assert_int_equal(count_ph(root, "B"), 0);
	assert_int_equal(count_ph(root, "E"), 0);
	json_object_put(root);
	trace_free(trace);
}

static void what_still_runs_ends_with_the_timeline(void **state)
{
	struct trace *trace = trace_new(8);
	struct json_object *root;

	add(trace, TRACE_CONTEXT_IN, 1000, GPU_PID, 2, 1);
	add(trace, TRACE_IRQ, 9000, DEV_PID, 0, 1);
	root = dump(trace);
	assert_int_equal(count_ph(root, "B"), 1);
	assert_int_equal(count_ph(root, "E"), 1);
	assert_true(number(event_ph(root, "E", 0), "ts") == 9.0);
	json_object_put(root);
	trace_free(trace);
}

static void a_context_that_follows_another_ends_it(void **state)
{
	struct trace *trace = trace_new(8);
	struct json_object *root;

	add(trace, TRACE_CONTEXT_IN, 10, GPU_PID, 0, 1);
	add(trace, TRACE_CONTEXT_IN, 20, GPU_PID, 0, 2);
	add(trace, TRACE_CONTEXT_OUT, 30, GPU_PID, 0, 2);
	root = dump(trace);
	assert_int_equal(count_ph(root, "B"), 2);
	assert_int_equal(count_ph(root, "E"), 2);
	json_object_put(root);
	trace_free(trace);
}

static void instants_are_named(void **state)
{
	struct trace *trace = trace_new(8);
	struct json_object *root;

	add(trace, TRACE_IRQ, 1, DEV_PID, 0, 1);
	add(trace, TRACE_IRQ, 2, DEV_PID, 0, 0);
	add(trace, TRACE_RESET, 3, GPU_PID, 0, 0);
	add(trace, TRACE_HANG, 4, GPU_PID, 0, 0x7000000);
	root = dump(trace);
	assert_int_equal(count_ph(root, "i"), 4);
	assert_string_equal(text(event_ph(root, "i", 0), "name"), "MSI");
	assert_string_equal(text(event_ph(root, "i", 1), "name"), "INTx");
	assert_string_equal(text(event_ph(root, "i", 2), "name"), "reset");
	assert_string_equal(text(event_ph(root, "i", 3), "name"), "hang");
	json_object_put(root);
	trace_free(trace);
}

static void tracks_are_named_and_names_are_quoted(void **state)
{
	struct trace *trace = trace_new(8);
	struct json_object *root, *args = NULL;

	trace_name_process(trace, DEV_PID, "vgpu \"0\"\\");
	trace_name_thread(trace, DEV_PID, 1, "old");
	trace_name_thread(trace, DEV_PID, 1, "vcpu0");
	root = dump(trace);
	assert_int_equal(count_ph(root, "M"), 2);
	assert_string_equal(text(event_ph(root, "M", 0), "name"), "process_name");
	assert_true(json_object_object_get_ex(event_ph(root, "M", 0), "args", &args));
	assert_string_equal(text(args, "name"), "vgpu \"0\"\\");
	assert_true(json_object_object_get_ex(event_ph(root, "M", 1), "args", &args));
	assert_string_equal(text(args, "name"), "vcpu0");
	json_object_put(root);
	trace_free(trace);
}

/*
 * The Trace Event Format, as far as the dump uses it: for each phase the fields that it has, and
 * for each field what it holds.
 */
static const struct {
	const char *ph;
	const char *field[9];
} phases[] = {
	{ "X", { "ph", "pid", "tid", "ts", "dur", "cat", "name", "args" } },
	{ "B", { "ph", "pid", "tid", "ts", "cat", "name" } },
	{ "E", { "ph", "pid", "tid", "ts" } },
	{ "i", { "ph", "pid", "tid", "ts", "s", "cat", "name", "args" } },
	{ "M", { "ph", "pid", "tid", "name", "args" } },
};

static bool has_its_type(const char *field, struct json_object *value)
{
	static const char *const strings[] = { "ph", "s", "cat", "name" };
	size_t i;

	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (!strcmp(field, strings[i]))
			return json_object_is_type(value, json_type_string) &&
			       json_object_get_string_len(value);
	if (!strcmp(field, "args"))
		return json_object_is_type(value, json_type_object);
	if (!strcmp(field, "pid") || !strcmp(field, "tid"))
		return json_object_is_type(value, json_type_int) && json_object_get_int(value) > 0;
	/* ts and dur: microseconds */
	return json_object_is_type(value, json_type_double) && json_object_get_double(value) >= 0;
}

static void check_fields(struct json_object *event)
{
	struct json_object *value;
	size_t p, i;

	for (p = 0; strcmp(phases[p].ph, text(event, "ph")); p++)
		assert_true(p + 1 < sizeof(phases) / sizeof(phases[0]));
	for (i = 0; phases[p].field[i]; i++)
		if (!json_object_object_get_ex(event, phases[p].field[i], &value) ||
		    !has_its_type(phases[p].field[i], value))
			fail_msg("%s of %s", phases[p].field[i], json_object_to_json_string(event));
	/* And no other ones. */
	assert_int_equal(json_object_object_length(event), i);
}

static void check_metadata(struct json_object *event)
{
	struct json_object *args, *name;

	assert_true(!strcmp(text(event, "name"), "process_name") ||
		    !strcmp(text(event, "name"), "thread_name"));
	json_object_object_get_ex(event, "args", &args);
	assert_true(json_object_object_get_ex(args, "name", &name));
	assert_true(json_object_is_type(name, json_type_string));
}

/* Spans of a thread nest, and their begins and ends are in order. */
static void check_order(struct json_object *events)
{
	double last[1 << 16] = { 0 };
	int depth[1 << 16] = { 0 }, pid[1 << 16] = { 0 }, tid;
	size_t i;

	for (i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);
		const char *ph = text(event, "ph");

		tid = number(event, "tid");
		assert_in_range(tid, 1, (1 << 16) - 1);
		/* A thread's number is its own in the whole file, and no process's. */
		assert_true(!pid[tid] || pid[tid] == number(event, "pid"));
		assert_true(tid != number(event, "pid"));
		pid[tid] = number(event, "pid");
		if (*ph != 'B' && *ph != 'E')
			continue;
		assert_true(number(event, "ts") >= last[tid]);
		last[tid] = number(event, "ts");
		depth[tid] += *ph == 'B' ? 1 : -1;
		assert_in_range(depth[tid], 0, 1);
	}
	for (tid = 0; tid < 1 << 16; tid++)
		assert_int_equal(depth[tid], 0);
}

static void every_event_keeps_to_the_trace_event_format(void **state)
{
	struct trace_event trap = { .ts_ns = 5, .dur_ns = 7, .kind = TRACE_TRAP_READ,
		.pid = DEV_PID, .tid = 1, .a = 0x44200, .arg = TRACE_BAR_MMIO << 8 | 4 };
	struct trace *trace = trace_new(16);
	struct json_object *root, *events, *value;
	size_t i;

	trace_name_process(trace, GPU_PID, "gpu0");
	trace_name_process(trace, DEV_PID, "vgpu0");
	trace_name_thread(trace, GPU_PID, 0, "rcs0");
	trace_name_thread(trace, DEV_PID, 0, "interrupts");
	trace_add(trace, &trap);
	trap.kind = TRACE_TRAP_WRITE;
	trace_add(trace, &trap);
	add(trace, TRACE_CONTEXT_OUT, 10, GPU_PID, 0, 1);
	add(trace, TRACE_CONTEXT_IN, 20, GPU_PID, 0, 1);
	add(trace, TRACE_CONTEXT_IN, 30, GPU_PID, 0, 2);
	add(trace, TRACE_IRQ, 40, DEV_PID, 0, 1);
	add(trace, TRACE_HANG, 50, GPU_PID, 0, 1);
	add(trace, TRACE_RESET, 1000000007, GPU_PID, 0, 1);
	add(trace, TRACE_CONTEXT_IN, 1000000008, GPU_PID, 1, 3);
	root = dump(trace);
	assert_true(json_object_object_get_ex(root, "displayTimeUnit", &value));
	assert_true(!strcmp(json_object_get_string(value), "ns"));
	assert_true(json_object_object_get_ex(root, "otherData", &value));
	assert_true(json_object_is_type(value, json_type_object));
	events = events_of(root);
	assert_true(json_object_is_type(events, json_type_array));
	for (i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);

		check_fields(event);
		if (!strcmp(text(event, "ph"), "M"))
			check_metadata(event);
		if (!strcmp(text(event, "ph"), "i"))
			assert_true(!strcmp(text(event, "s"), "t"));
	}
	for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		assert_int_not_equal(count_ph(root, phases[i].ph), 0);
	check_order(events);
	json_object_put(root);
	trace_free(trace);
}

static void a_full_ring_drops_the_oldest_and_says_how_many(void **state)
{
	struct trace *trace = trace_new(4);
	struct json_object *root, *other = NULL;
	uint64_t i;

	for (i = 0; i < 10; i++)
		add(trace, TRACE_RESET, i * 1000, GPU_PID, 0, i);
	assert_int_equal(trace_recorded(trace), 10);
	assert_int_equal(trace_dropped(trace), 6);
	root = dump(trace);
	assert_int_equal(count_ph(root, "i"), 4);
	for (i = 0; i < 4; i++)
		assert_true(number(event_ph(root, "i", i), "ts") == 6 + i);
	assert_true(json_object_object_get_ex(root, "otherData", &other));
	assert_true(number(other, "dropped") == 6);
	assert_true(number(other, "events") == 4);
	json_object_put(root);
	trace_free(trace);
}

static void a_file_that_cannot_be_opened_is_named(void **state)
{
	struct trace *trace = trace_new(4);
	char *error = NULL;

	assert_false(trace_dump(trace, "/nonexistent/trace.json", &error));
	assert_non_null(error);
	assert_non_null(strstr(error, "/nonexistent/trace.json"));
	assert_non_null(strstr(error, "No such file"));
	free(error);
	trace_free(trace);
}

static void a_full_disk_is_an_error(void **state)
{
	struct trace *trace = trace_new(4);
	char *error = NULL;

	add(trace, TRACE_RESET, 1, GPU_PID, 0, 0);
	assert_false(trace_dump(trace, "/dev/full", &error));
	assert_non_null(strstr(error, "/dev/full"));
	free(error);
	trace_free(trace);
}

static void no_timeline_records_nothing(void **state)
{
	struct trace_event event = { .kind = TRACE_RESET };

	trace_add(NULL, &event);
	trace_name_process(NULL, 1, "gpu");
	trace_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_timeline_is_valid_json),
		cmocka_unit_test(a_trap_is_a_span_with_register_name_value_and_duration),
		cmocka_unit_test(traps_name_what_they_hit),
		cmocka_unit_test(contexts_are_balanced_spans_per_engine),
		cmocka_unit_test(an_end_whose_begin_is_lost_is_left_out),
		cmocka_unit_test(what_still_runs_ends_with_the_timeline),
		cmocka_unit_test(a_context_that_follows_another_ends_it),
		cmocka_unit_test(instants_are_named),
		cmocka_unit_test(tracks_are_named_and_names_are_quoted),
		cmocka_unit_test(every_event_keeps_to_the_trace_event_format),
		cmocka_unit_test(a_full_ring_drops_the_oldest_and_says_how_many),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(no_timeline_records_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
