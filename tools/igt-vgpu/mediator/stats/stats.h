/* SPDX-License-Identifier: MIT */
/*
 * Trap counters of one device: what its guest's accesses cost. Counted by the front end and the
 * mediator, from any thread; every number in the project's documentation comes from a snapshot of
 * these.
 */
#ifndef STATS_H
#define STATS_H

#include <stdbool.h>
#include <stdint.h>

struct stats;
struct json_object;

/** enum stats_kind - counted by number only; registers are counted by offset as well */
enum stats_kind {
	STATS_GGTT_READ,
	STATS_GGTT_WRITE, /* traps on GGTT entries */
	STATS_PVINFO_READ,
	STATS_PVINFO_WRITE, /* traps on the PVINFO page (not counted as registers) */
	STATS_APERTURE,	    /* traps on BAR 2 */
	STATS_IRQ_MSI,
	STATS_IRQ_INTX,
	STATS_RESET_ENGINE,
	STATS_RESET_FULL,
	STATS_VIOLATION_GGTT,	  /* GGTT entry outside the partition written */
	STATS_VIOLATION_APERTURE, /* aperture outside the partition touched */
	STATS_VIOLATION_FENCE,	  /* fence register beyond the share */
	STATS_VIOLATION_MMIO,	  /* register that a vGPU may not touch, malformed access */
	STATS_VIOLATION_PVINFO,	  /* write to a reserved or read-only PVINFO field */
	STATS_VIOLATION_COMMAND,  /* privileged command that reached for what is not its own */
	STATS_SUBMISSION_0,
	STATS_SUBMISSION_1,
	STATS_SUBMISSION_2,
	STATS_SUBMISSION_3, /* ELSP submissions by engine */
	STATS_ENGINE_NS_0,
	STATS_ENGINE_NS_1,
	STATS_ENGINE_NS_2,
	STATS_ENGINE_NS_3, /* time that it had the engine and something to do there */
	STATS_PREEMPTED_0,
	STATS_PREEMPTED_1,
	STATS_PREEMPTED_2,
	STATS_PREEMPTED_3, /* times that the engine was taken from it while it was busy */
	STATS_CHANNEL_CREATE,
	STATS_CHANNEL_PIN,
	STATS_CHANNEL_UNPIN,
	STATS_CHANNEL_DESTROY,
	STATS_CHANNEL_FENCE_SET,
	STATS_CHANNEL_UNKNOWN,	      /* requests by action */
	STATS_CHANNEL_RESPONSE,	      /* responses written */
	STATS_CHANNEL_DRAIN,	      /* traps and events at which there was something in the ring */
	STATS_CHANNEL_DOORBELL,	      /* traps for nothing but the ring */
	STATS_CHANNEL_PROTOCOL_ERROR, /* requests that failed, channels not started or ended */
	STATS_SHADOW_BYTES_IN,	      /* of context images, copied from the guest's memory */
	STATS_SHADOW_DWORDS_IN,	      /* registers read from an image whose shadow was known */
	STATS_SHADOW_BYTES_OUT,	      /* written back to the guest's memory */
	STATS_SHADOW_HIT,	      /* contexts scheduled in whose shadow was known */
	STATS_SHADOW_MISS,	      /* ... and was not */
	STATS_NUM_KINDS,
};

struct stats *stats_new(void);
void stats_free(struct stats *stats);
void stats_reset(struct stats *stats);
/* NULL @stats is allowed and counts nothing. */
void stats_count(struct stats *stats, enum stats_kind kind);
void stats_add(struct stats *stats, enum stats_kind kind, uint64_t n);
void stats_count_register(struct stats *stats, uint32_t offset, bool write);
uint64_t stats_get(const struct stats *stats, enum stats_kind kind);
/* A JSON object, see docs; the caller puts it. */
struct json_object *stats_snapshot(const struct stats *stats);

#endif /* STATS_H */
