// SPDX-License-Identifier: MIT
/*
 * The OA unit (observation architecture): reports of counters, into a ring in the GGTT by a timer
 * and at context switches of the render engine, and wherever MI_REPORT_PERF_COUNT says.
 *
 * Nothing runs by itself here. Which reports a timer would have written meanwhile is known from the
 * clock, so they are written when somebody can see them: when the driver looks at the ring's tail
 * or status, and before anything changes that goes into a report. gpu->lock is held for all of it.
 *
 * What counts: the GPU's clock, always CLOCKS of a tick of the timestamp here (Skylake: 384 MHz), and
 * the B counters, whose events are conditions on the NOA bus (OACEC). The multiplexers that feed the
 * bus are not modelled. It carries what the metric set TestOa routes to it (i915 i915_perf.c, Mesa's
 * and IGT's oa-*.xml): a clock divided by two on bit 3, and one that counts to three on bits 4 and 5.
 * A and C counters stay 0: the units that they are about do not exist.
 *
 * Registers and formats: i915 i915_perf_oa_regs.h, i915_perf.c, and the PRM, "Observability".
 */
#include <string.h>

#include "core.h"

#define OABUFFER_UDW		0x23b4u
#define OACEC(n)		(0x2770u + 8 * (n))
#define   CEC_FUNCTION		7u
#define   CEC_VALUE(reg)	((reg) >> 3 & 0xffff)
#define OACONTROL		0x2b00u
#define   OA_ENABLE		(1u << 0)
#define   OA_FORMAT(control)	((control) >> 2 & 7)
#define OA_DEBUG		0x2b04u
#define   NO_SWITCH_REPORTS	(1u << 1)
#define OASTATUS		0x2b08u
#define   STATUS_REPORT_LOST	(1u << 0)
#define   STATUS_OVERFLOW	(1u << 1)
#define OAHEADPTR		0x2b0cu
#define OATAILPTR		0x2b10u
#define OABUFFER		0x2b14u
#define   BUFFER_GGTT		(1u << 0)
#define   BUFFER_SIZE(reg)	(0x20000u << ((reg) >> 3 & 7))
#define OACTXCONTROL		0x2360u
#define   TIMER_ENABLE		(1u << 1)
#define   TIMER_EXPONENT(reg)	((reg) >> 2 & 0x3f)

#define REASON_TIMER		(1u << 19)
#define REASON_SWITCH		(1u << 22)
#define CONTEXT_VALID(gen)	((gen) >= 9 ? 1u << 16 : 1u << 25)

#define CLOCKS			32
#define LINE			64	/* what the unit writes at a time, bytes */
#define NUM_B			8

/* Of each format of OACONTROL: bytes in all, where the B counters begin (0: it has none). */
static const struct { uint16_t size, b; } formats[8] = {
	[0] = { 64, 0 },	/* A12 */
	[2] = { 128, 64 },	/* A12_B8_C8 */
	[5] = { 256, 192 },	/* A32u40_A4u32_B8_C8 */
	[7] = { 64, 32 },	/* C4_B8 */
};

/* ---- a report ---- */

/* Does the event @n happen in a clock with these signals on the bus? */
static bool event(struct gpu *gpu, unsigned int n, uint32_t bus)
{
	uint32_t control = gpu_reg_get(gpu, OACEC(n)), value = CEC_VALUE(control);
	uint32_t care = ~gpu_reg_get(gpu, OACEC(n) + 4) & 0xffff;

	switch (control & CEC_FUNCTION) {
	case 0:
		return ~(bus ^ value) & care;
	case 1:
		return (bus & care) > value;
	case 2:
		return (bus & care) == value;
	case 3:
		return (bus & care) >= value;
	case 4:
		return (bus & care) < value;
	case 5:
		return (bus & care) != value;
	case 6:
		return (bus & care) <= value;
	default:
		return true;
	}
}

/*
 * The bus repeats itself each six clocks: how often the event of each B counter happens from the
 * first of them to before clock @phase of the six, [6] in all of them.
 */
struct events {
	uint8_t before[NUM_B][7];
};

static void count_events(struct gpu *gpu, struct events *events)
{
	unsigned int n, phase;

	memset(events, 0, sizeof(*events));
	for (n = 0; n < NUM_B; n++)
		for (phase = 0; phase < 6; phase++)
			events->before[n][phase + 1] =
				events->before[n][phase] +
				event(gpu, n, (phase & 1) << 3 | phase % 3 << 4);
}

/* The counters as of timestamp @now; returns the size in bytes. */
static unsigned int fill(const struct events *events, unsigned int format, uint32_t id,
			 uint32_t context, uint64_t now, uint32_t report[GPU_OA_REPORT_DWORDS])
{
	uint64_t clock = now * CLOCKS;
	uint32_t *b = report + formats[format].b / 4;
	unsigned int n;

	memset(report, 0, GPU_OA_REPORT_DWORDS * sizeof(*report));
	report[0] = id;
	report[1] = now;
	report[2] = context;
	report[3] = clock;
	for (n = 0; formats[format].b && n < NUM_B; n++)
		b[n] = clock / 6 * events->before[n][6] + events->before[n][clock % 6];
	return formats[format].size;
}

unsigned int gpu_oa_report(struct gpu_engine *engine, uint32_t id,
			   uint32_t report[GPU_OA_REPORT_DWORDS])
{
	struct gpu *gpu = engine->cs.gpu;
	uint32_t control = gpu_reg_get(gpu, OACONTROL);
	struct events events;

	count_events(gpu, &events);
	/* Without the unit a report is as long as the longest, and its header is all that counts. */
	return fill(&events, control & OA_ENABLE ? OA_FORMAT(control) : 5, id,
		    DESC_ID(engine->active[0].desc), gpu_ticks(gpu), report);
}

/* ---- the ring ---- */

static void status(struct gpu *gpu, uint32_t bit)
{
	gpu_reg_set(gpu, OASTATUS, gpu_reg_get(gpu, OASTATUS) | bit);
}

/* One more report; false if there is no room or no memory for it, and the status says so. */
static bool put(struct gpu *gpu, const struct events *events, uint32_t reason, uint64_t now)
{
	uint32_t buffer = gpu_reg_get(gpu, OABUFFER), base = buffer & ~0x3fu;
	uint32_t mask = BUFFER_SIZE(buffer) - 1, tail = gpu_reg_get(gpu, OATAILPTR) - base;
	uint32_t used = (tail - (gpu_reg_get(gpu, OAHEADPTR) - base)) & mask;
	uint32_t report[GPU_OA_REPORT_DWORDS];
	unsigned int size, at;
	uint8_t *line = NULL;

	if (!(buffer & BUFFER_GGTT) || gpu_reg_get(gpu, OASTATUS) & STATUS_OVERFLOW)
		return false;
	if (gpu->oa.context_valid)
		reason |= CONTEXT_VALID(gpu->platform->gen);
	size = fill(events, OA_FORMAT(gpu->oa.control), reason, gpu->oa.context, now, report);
	if (!size)
		return false;
	if (used + size > mask) {
		status(gpu, STATUS_OVERFLOW);
		return false;
	}
	for (at = 0; at < size; at += LINE, line += LINE) {
		uint32_t to = base + ((tail + at) & mask);

		if (!at || !(to & (GPU_PAGE_SIZE - 1)))
			line = gpu_ggtt_ptr(gpu, to, true);
		if (!line) {
			status(gpu, STATUS_REPORT_LOST);
			return false;
		}
		memcpy(line, (uint8_t *)report + at, LINE);
	}
	gpu_reg_set(gpu, OATAILPTR, base + ((tail + size) & mask));
	return true;
}

/* The timer is a bit of the timestamp: it goes off when that bit is set. */
static void timer_until(struct gpu *gpu, uint64_t now)
{
	uint32_t exponent = TIMER_EXPONENT(gpu->oa.timer);
	uint64_t half, period, t;
	struct events events;

	if (!(gpu->oa.timer & TIMER_ENABLE) || exponent > 35)	/* the counter has 36 bits */
		return;
	count_events(gpu, &events);
	half = 1ull << exponent;
	period = 2 * half;
	for (t = ((gpu->oa.last + half) & ~(period - 1)) + half; t <= now; t += period)
		if (!put(gpu, &events, REASON_TIMER, t))
			return;
}

void gpu_oa_update(struct gpu *gpu)
{
	uint32_t control = gpu_reg_get(gpu, OACONTROL);
	uint64_t now;

	if (!((gpu->oa.control | control) & OA_ENABLE))
		return;
	now = gpu_ticks(gpu);
	if (gpu->oa.control & OA_ENABLE)
		timer_until(gpu, now);
	gpu->oa.last = now;
	gpu->oa.control = control;
	gpu->oa.timer = gpu_reg_get(gpu, OACTXCONTROL);
}

void gpu_oa_reset(struct gpu *gpu)
{
	gpu->oa = (struct gpu_oa){ 0 };
}

void gpu_oa_switch(struct gpu_engine *engine)
{
	struct gpu *gpu = engine->cs.gpu;
	struct events events;

	if (engine->id != GPU_RCS0)
		return;
	gpu_oa_update(gpu);
	gpu->oa.context_valid = engine->is_active;
	gpu->oa.context = engine->is_active ? DESC_ID(engine->active[0].desc) : 0;
	if (!(gpu->oa.control & OA_ENABLE) || gpu_reg_get(gpu, OA_DEBUG) & NO_SWITCH_REPORTS)
		return;
	count_events(gpu, &events);
	put(gpu, &events, REASON_SWITCH, gpu->oa.last);
}

/* ---- registers ---- */

/* The tail and the status: as of now. */
static uint32_t oa_read(const struct gpu_reg_io *io, uint32_t stored)
{
	gpu_oa_update(io->gpu);
	return gpu_reg_get(io->gpu, io->offset);
}

static void oa_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	/* What was due was due by the old value. */
	gpu_reg_set(io->gpu, io->offset, old);
	gpu_oa_update(io->gpu);
	gpu_reg_set(io->gpu, io->offset, now);
	gpu_oa_update(io->gpu);
}

static void oactx_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	if (io->engine->id == GPU_RCS0)
		oa_write(io, old, now);
}

const struct gpu_reg_handler gpu_handler_oa = { .read = oa_read, .write = oa_write };
const struct gpu_reg_handler gpu_handler_oactx = { .write = oactx_write };
