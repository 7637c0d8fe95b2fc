/* SPDX-License-Identifier: MIT */
/* Trap counters: what is counted, what a snapshot says, and that threads lose nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <pthread.h>

#include "gpu/gpu.h"
#include "stats/stats.h"

/* The number at "a/b/c" of @root; fails the test if there is none. */
static uint64_t number_at(struct json_object *root, const char *pointer)
{
	struct json_object *value = NULL;

	assert_int_equal(json_pointer_get(root, pointer, &value), 0);
	assert_true(json_object_is_type(value, json_type_int));
	return json_object_get_uint64(value);
}

static void new_counters_are_zero(void **state)
{
	struct stats *stats = stats_new();
	int kind;

	for (kind = 0; kind < STATS_NUM_KINDS; kind++)
		assert_int_equal(stats_get(stats, kind), 0);
	stats_free(stats);
}

static void registers_are_counted_by_offset_and_direction(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root;

	stats_count_register(stats, 0x44200, false);
	stats_count_register(stats, 0x44200, false);
	stats_count_register(stats, 0x44200, true);
	stats_count_register(stats, 0x2230, true);
	root = stats_snapshot(stats);
	assert_int_equal(number_at(root, "/mmio/by_register/0x44200/r"), 2);
	assert_int_equal(number_at(root, "/mmio/by_register/0x44200/w"), 1);
	assert_int_equal(number_at(root, "/mmio/by_register/0x02230/r"), 0);
	assert_int_equal(number_at(root, "/mmio/by_register/0x02230/w"), 1);
	assert_int_equal(number_at(root, "/mmio/reads"), 2);
	assert_int_equal(number_at(root, "/mmio/writes"), 2);
	json_object_put(root);
	stats_free(stats);
}

static void a_byte_access_counts_for_its_dword(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root;

	stats_count_register(stats, 0x44203, false);
	root = stats_snapshot(stats);
	assert_int_equal(number_at(root, "/mmio/by_register/0x44200/r"), 1);
	json_object_put(root);
	stats_free(stats);
}

static void an_offset_beyond_the_registers_is_not_counted(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root;

	stats_count_register(stats, GPU_MMIO_SIZE, true);
	stats_count_register(stats, UINT32_MAX, true);
	stats_count_register(stats, GPU_MMIO_SIZE - 4, true);
	root = stats_snapshot(stats);
	assert_int_equal(number_at(root, "/mmio/writes"), 1);
	assert_int_equal(number_at(root, "/mmio/by_register/0x1ffffc/w"), 1);
	json_object_put(root);
	stats_free(stats);
}

static void registers_carry_the_names_of_the_table(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root, *name = NULL;

	stats_count_register(stats, 0x44200, false);
	root = stats_snapshot(stats);
	assert_int_equal(json_pointer_get(root, "/mmio/by_register/0x44200/name", &name), 0);
	assert_string_equal(json_object_get_string(name), gpu_reg_name(0x44200));
	json_object_put(root);
	stats_free(stats);
}

static void a_register_without_a_name_has_null(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root, *entry = NULL, *name = (void *)1;

	assert_null(gpu_reg_name(0x1ffffc));
	stats_count_register(stats, 0x1ffffc, false);
	root = stats_snapshot(stats);
	assert_int_equal(json_pointer_get(root, "/mmio/by_register/0x1ffffc", &entry), 0);
	assert_true(json_object_object_get_ex(entry, "name", &name));
	assert_null(name);
	json_object_put(root);
	stats_free(stats);
}

/* Each kind has its place in the snapshot, none shares one: count kind n (n + 1) times and look. */
static void every_kind_has_its_own_place(void **state)
{
	static const struct {
		enum stats_kind kind;
		const char *pointer;
	} rows[] = {
		{ STATS_GGTT_READ, "/ggtt/reads" },
		{ STATS_GGTT_WRITE, "/ggtt/writes" },
		{ STATS_PVINFO_READ, "/pvinfo/reads" },
		{ STATS_PVINFO_WRITE, "/pvinfo/writes" },
		{ STATS_APERTURE, "/aperture/accesses" },
		{ STATS_IRQ_MSI, "/irq/msi" },
		{ STATS_IRQ_INTX, "/irq/intx" },
		{ STATS_RESET_ENGINE, "/resets/engine" },
		{ STATS_RESET_FULL, "/resets/full" },
		{ STATS_VIOLATION_GGTT, "/violations/ggtt" },
		{ STATS_VIOLATION_GGTT, "/ggtt/violations" },
		{ STATS_VIOLATION_APERTURE, "/violations/aperture" },
		{ STATS_VIOLATION_FENCE, "/violations/fence" },
		{ STATS_VIOLATION_MMIO, "/violations/mmio" },
		{ STATS_VIOLATION_PVINFO, "/violations/pvinfo" },
		{ STATS_VIOLATION_COMMAND, "/violations/command" },
		{ STATS_SUBMISSION_0, "/submissions/rcs0" },
		{ STATS_SUBMISSION_1, "/submissions/bcs0" },
		{ STATS_SUBMISSION_2, "/submissions/vcs0" },
		{ STATS_SUBMISSION_3, "/submissions/vecs0" },
		{ STATS_ENGINE_NS_0, "/engine_time_ns/rcs0" },
		{ STATS_ENGINE_NS_1, "/engine_time_ns/bcs0" },
		{ STATS_ENGINE_NS_2, "/engine_time_ns/vcs0" },
		{ STATS_ENGINE_NS_3, "/engine_time_ns/vecs0" },
		{ STATS_PREEMPTED_0, "/preempted/rcs0" },
		{ STATS_PREEMPTED_1, "/preempted/bcs0" },
		{ STATS_PREEMPTED_2, "/preempted/vcs0" },
		{ STATS_PREEMPTED_3, "/preempted/vecs0" },
		{ STATS_CHANNEL_CREATE, "/channel/create" },
		{ STATS_CHANNEL_PIN, "/channel/pin" },
		{ STATS_CHANNEL_UNPIN, "/channel/unpin" },
		{ STATS_CHANNEL_DESTROY, "/channel/destroy" },
		{ STATS_CHANNEL_FENCE_SET, "/channel/fence_set" },
		{ STATS_CHANNEL_UNKNOWN, "/channel/unknown" },
		{ STATS_CHANNEL_RESPONSE, "/channel/responses" },
		{ STATS_CHANNEL_DRAIN, "/channel/drains" },
		{ STATS_CHANNEL_DOORBELL, "/channel/doorbells" },
		{ STATS_CHANNEL_PROTOCOL_ERROR, "/channel/protocol_errors" },
		{ STATS_SHADOW_BYTES_IN, "/shadow/bytes_in" },
		{ STATS_SHADOW_DWORDS_IN, "/shadow/dwords_in" },
		{ STATS_SHADOW_BYTES_OUT, "/shadow/bytes_out" },
		{ STATS_SHADOW_HIT, "/shadow/hits" },
		{ STATS_SHADOW_MISS, "/shadow/misses" },
	};
	struct stats *stats = stats_new();
	struct json_object *root;
	bool seen[STATS_NUM_KINDS] = { false };
	unsigned int i;
	int kind, n;

	for (kind = 0; kind < STATS_NUM_KINDS; kind++)
		for (n = 0; n <= kind; n++)
			stats_count(stats, kind);
	root = stats_snapshot(stats);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(number_at(root, rows[i].pointer), rows[i].kind + 1);
		seen[rows[i].kind] = true;
	}
	for (kind = 0; kind < STATS_NUM_KINDS; kind++)
		assert_true(seen[kind]);
	json_object_put(root);
	stats_free(stats);
}

static void reset_clears_everything(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root, *registers = NULL;
	int kind;

	for (kind = 0; kind < STATS_NUM_KINDS; kind++)
		stats_count(stats, kind);
	stats_count_register(stats, 0, true);
	stats_count_register(stats, GPU_MMIO_SIZE - 4, false);
	stats_reset(stats);
	for (kind = 0; kind < STATS_NUM_KINDS; kind++)
		assert_int_equal(stats_get(stats, kind), 0);
	root = stats_snapshot(stats);
	assert_int_equal(json_pointer_get(root, "/mmio/by_register", &registers), 0);
	assert_int_equal(json_object_object_length(registers), 0);
	json_object_put(root);
	stats_free(stats);
}

static void no_counters_count_nothing(void **state)
{
	stats_count(NULL, STATS_APERTURE);
	stats_add(NULL, STATS_SHADOW_BYTES_IN, 4096);
	stats_count_register(NULL, 0, true);
}

static void a_kind_that_does_not_exist_is_ignored(void **state)
{
	struct stats *stats = stats_new();

	stats_count(stats, STATS_NUM_KINDS);
	stats_count(stats, (enum stats_kind) - 1);
	assert_int_equal(stats_get(stats, STATS_NUM_KINDS), 0);
	stats_free(stats);
}

#define THREADS 4
#define ROUNDS 20000

static void *count_many(void *opaque)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		stats_count(opaque, STATS_GGTT_WRITE);
		stats_count_register(opaque, 0x2080, true);
	}
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	struct stats *stats = stats_new();
	struct json_object *root;
	pthread_t thread[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_many, stats), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(stats_get(stats, STATS_GGTT_WRITE), THREADS * ROUNDS);
	root = stats_snapshot(stats);
	assert_int_equal(number_at(root, "/mmio/by_register/0x02080/w"), THREADS * ROUNDS);
	json_object_put(root);
	stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_counters_are_zero),
		cmocka_unit_test(registers_are_counted_by_offset_and_direction),
		cmocka_unit_test(a_byte_access_counts_for_its_dword),
		cmocka_unit_test(an_offset_beyond_the_registers_is_not_counted),
		cmocka_unit_test(registers_carry_the_names_of_the_table),
		cmocka_unit_test(a_register_without_a_name_has_null),
		cmocka_unit_test(every_kind_has_its_own_place),
		cmocka_unit_test(reset_clears_everything),
		cmocka_unit_test(no_counters_count_nothing),
		cmocka_unit_test(a_kind_that_does_not_exist_is_ignored),
		cmocka_unit_test(threads_lose_no_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
