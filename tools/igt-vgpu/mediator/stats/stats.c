/* SPDX-License-Identifier: MIT */
/*
 * Trap counters: one relaxed atomic per kind, two per register. Callers: the front end at the entry
 * of each guest access, the mediator where it refuses something. Counting never locks, allocates or
 * fails; only a snapshot costs time.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "gpu/gpu.h"
#include "stats/stats.h"

#define NUM_REGISTERS (GPU_MMIO_SIZE / 4)

/** struct stats - counters of one device; all relaxed: each number is exact, a snapshot of several
 * is not one instant */
struct stats {
	_Atomic uint64_t kind[STATS_NUM_KINDS];
	_Atomic uint64_t reads[NUM_REGISTERS];
	_Atomic uint64_t writes[NUM_REGISTERS];
};

struct stats *stats_new(void)
{
	/* calloc: 8 MiB of address space, of which a guest touches some ten pages. */
	return calloc(1, sizeof(struct stats));
}

void stats_free(struct stats *stats)
{
	free(stats);
}

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void clear(_Atomic uint64_t *counter)
{
	/* Read first: a page that was never counted in stays unallocated. */
	if (load(counter))
		atomic_store_explicit(counter, 0, memory_order_relaxed);
}

void stats_reset(struct stats *stats)
{
	unsigned int i;

	for (i = 0; i < STATS_NUM_KINDS; i++)
		clear(&stats->kind[i]);
	for (i = 0; i < NUM_REGISTERS; i++) {
		clear(&stats->reads[i]);
		clear(&stats->writes[i]);
	}
}

void stats_add(struct stats *stats, enum stats_kind kind, uint64_t n)
{
	if (stats && (unsigned int)kind < STATS_NUM_KINDS)
		add(&stats->kind[kind], n);
}

void stats_count(struct stats *stats, enum stats_kind kind)
{
	stats_add(stats, kind, 1);
}

void stats_count_register(struct stats *stats, uint32_t offset, bool write)
{
	uint32_t index = offset / 4;

	if (!stats || index >= NUM_REGISTERS)
		return;
	add(write ? &stats->writes[index] : &stats->reads[index], 1);
}

uint64_t stats_get(const struct stats *stats, enum stats_kind kind)
{
	return (unsigned int)kind < STATS_NUM_KINDS ? load(&stats->kind[kind]) : 0;
}

/* --- snapshot --- */

static void put_number(struct json_object *parent, const char *key, uint64_t value)
{
	json_object_object_add(parent, key, json_object_new_uint64(value));
}

static struct json_object *put_object(struct json_object *parent, const char *key)
{
	struct json_object *child = json_object_new_object();

	json_object_object_add(parent, key, child);
	return child;
}

static void put_register(struct json_object *registers, uint32_t offset, uint64_t reads,
			 uint64_t writes)
{
	const char *name = gpu_reg_name(offset);
	struct json_object *entry;
	char key[16];

	snprintf(key, sizeof(key), "0x%05x", (unsigned int)offset);
	entry = put_object(registers, key);
	json_object_object_add(entry, "name", name ? json_object_new_string(name) : NULL);
	put_number(entry, "r", reads);
	put_number(entry, "w", writes);
}

static void put_registers(struct json_object *root, const struct stats *stats)
{
	struct json_object *mmio = put_object(root, "mmio");
	struct json_object *registers = json_object_new_object();
	uint64_t reads = 0, writes = 0;
	uint32_t i;

	for (i = 0; i < NUM_REGISTERS; i++) {
		uint64_t r = load(&stats->reads[i]), w = load(&stats->writes[i]);

		if (!r && !w)
			continue;
		reads += r;
		writes += w;
		put_register(registers, i * 4, r, w);
	}
	put_number(mmio, "reads", reads);
	put_number(mmio, "writes", writes);
	json_object_object_add(mmio, "by_register", registers);
}

/* The channel and the shadow contexts. */
static const struct { const char *part, *key; enum stats_kind kind;
} channel_rows[] = {
	{ "channel", "create", STATS_CHANNEL_CREATE },
	{ "channel", "pin", STATS_CHANNEL_PIN },
	{ "channel", "unpin", STATS_CHANNEL_UNPIN },
	{ "channel", "destroy", STATS_CHANNEL_DESTROY },
	{ "channel", "fence_set", STATS_CHANNEL_FENCE_SET },
	{ "channel", "unknown", STATS_CHANNEL_UNKNOWN },
	{ "channel", "responses", STATS_CHANNEL_RESPONSE },
	{ "channel", "drains", STATS_CHANNEL_DRAIN },
	{ "channel", "doorbells", STATS_CHANNEL_DOORBELL },
	{ "channel", "protocol_errors", STATS_CHANNEL_PROTOCOL_ERROR },
	{ "shadow", "bytes_in", STATS_SHADOW_BYTES_IN },
	{ "shadow", "dwords_in", STATS_SHADOW_DWORDS_IN },
	{ "shadow", "bytes_out", STATS_SHADOW_BYTES_OUT },
	{ "shadow", "hits", STATS_SHADOW_HIT },
	{ "shadow", "misses", STATS_SHADOW_MISS },
};

static void put_channel(struct json_object *root, const struct stats *stats)
{
	struct json_object *part;
	unsigned int i;

	for (i = 0; i < sizeof(channel_rows) / sizeof(channel_rows[0]); i++) {
		if (!json_object_object_get_ex(root, channel_rows[i].part, &part))
			part = put_object(root, channel_rows[i].part);
		put_number(part, channel_rows[i].key, stats_get(stats, channel_rows[i].kind));
	}
}

/* Four counters, one an engine. */
static void put_engines(struct json_object *root, const char *name, const struct stats *stats,
			enum stats_kind first)
{
	struct json_object *part = put_object(root, name);
	unsigned int engine;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++)
		put_number(part, gpu_engine_name(engine), stats_get(stats, first + engine));
}

struct json_object *stats_snapshot(const struct stats *stats)
{
	struct json_object *root = json_object_new_object();
	struct json_object *part;

	put_registers(root, stats);

	part = put_object(root, "ggtt");
	put_number(part, "reads", stats_get(stats, STATS_GGTT_READ));
	put_number(part, "writes", stats_get(stats, STATS_GGTT_WRITE));
	put_number(part, "violations", stats_get(stats, STATS_VIOLATION_GGTT));

	part = put_object(root, "pvinfo");
	put_number(part, "reads", stats_get(stats, STATS_PVINFO_READ));
	put_number(part, "writes", stats_get(stats, STATS_PVINFO_WRITE));

	part = put_object(root, "aperture");
	put_number(part, "accesses", stats_get(stats, STATS_APERTURE));

	part = put_object(root, "irq");
	put_number(part, "msi", stats_get(stats, STATS_IRQ_MSI));
	put_number(part, "intx", stats_get(stats, STATS_IRQ_INTX));

	put_engines(root, "submissions", stats, STATS_SUBMISSION_0);
	put_engines(root, "engine_time_ns", stats, STATS_ENGINE_NS_0);
	put_engines(root, "preempted", stats, STATS_PREEMPTED_0);

	put_channel(root, stats);

	part = put_object(root, "resets");
	put_number(part, "engine", stats_get(stats, STATS_RESET_ENGINE));
	put_number(part, "full", stats_get(stats, STATS_RESET_FULL));

	part = put_object(root, "violations");
	put_number(part, "ggtt", stats_get(stats, STATS_VIOLATION_GGTT));
	put_number(part, "aperture", stats_get(stats, STATS_VIOLATION_APERTURE));
	put_number(part, "fence", stats_get(stats, STATS_VIOLATION_FENCE));
	put_number(part, "mmio", stats_get(stats, STATS_VIOLATION_MMIO));
	put_number(part, "pvinfo", stats_get(stats, STATS_VIOLATION_PVINFO));
	put_number(part, "command", stats_get(stats, STATS_VIOLATION_COMMAND));
	return root;
}
