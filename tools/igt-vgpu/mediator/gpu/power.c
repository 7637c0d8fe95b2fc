// SPDX-License-Identifier: MIT
/*
 * Power management as far as a driver can see it: forcewake, RC6 residency, frequency requests and
 * their counters.
 *
 * Register handlers (gpu->lock held). The model is honest but simple: a requested frequency is in
 * force at once, the GPU is in RC6 exactly while RC6 is enabled, no engine has work and no
 * forcewake is held. Nothing here slows execution.
 */
#include "core.h"

#define RPNSWREQ		0xa008u
#define RP_CONTROL		0xa024u
#define   RP_ENABLE		(1u << 7)
#define RP_CUR_UP_EI		0xa050u
#define RC_CONTROL		0xa090u
#define   RC6_ENABLE		(1u << 18)
#define   RC_HW_ENABLE		(1u << 31)
#define RC_STATE		0xa094u
#define   RC_TARGET(state)	((state) >> 16 & 7)
#define   RC_TARGET_RC6		4
#define GT_GFX_RC6		0x138108u
#define   RC6_UNIT_NS		1280
#define PERF_STATUS		0x145948u
#define PM_TICKS		16	/* command streamer ticks in a power management tick */

/* Forcewake request -> acknowledge (i915 intel_uncore.c, Gen9; Gen8 has only the last). */
static const struct { uint32_t request, ack; } forcewake[] = {
	{ 0xa278, 0xd84 }, { 0xa270, 0xd88 }, { 0xa188, 0x130044 },
};
#define NUM_FORCEWAKE (sizeof(forcewake) / sizeof(forcewake[0]))

static bool rc6_allowed(struct gpu *gpu)
{
	uint32_t control = gpu_reg_get(gpu, RC_CONTROL);
	unsigned int i;

	if (!(control & RC6_ENABLE))
		return false;
	if (!(control & RC_HW_ENABLE) && RC_TARGET(gpu_reg_get(gpu, RC_STATE)) < RC_TARGET_RC6)
		return false;
	for (i = 0; i < NUM_FORCEWAKE; i++)
		if (gpu_reg_get(gpu, forcewake[i].ack))
			return false;
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		if (gpu->engine[i].is_active || gpu->engine[i].has_pending)
			return false;
	return true;
}

void gpu_power_update(struct gpu *gpu)
{
	bool rc6 = rc6_allowed(gpu);
	uint64_t now;

	if (!rc6 && !gpu->power.in_rc6)
		return;
	now = gpu->ops->now_ns(gpu->opaque);
	if (gpu->power.in_rc6)
		gpu->power.rc6_ns += now - gpu->power.rc6_since;
	gpu->power.rc6_since = now;
	gpu->power.in_rc6 = rc6;
}

void gpu_power_reset(struct gpu *gpu)
{
	gpu->power = (struct gpu_power){ 0 };
}

static void forcewake_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	unsigned int i;

	for (i = 0; i < NUM_FORCEWAKE; i++)
		if (forcewake[i].request == io->offset)
			gpu_reg_set(io->gpu, forcewake[i].ack, now & 0xffff);
	gpu_power_update(io->gpu);
}

/*
 * Evaluation interval counters run while RPS is enabled; the busy counters are not modelled and
 * stay 0.
 */
static uint32_t rp_counter_read(const struct gpu_reg_io *io, uint32_t stored)
{
	struct gpu *gpu = io->gpu;

	switch (io->offset) {
	case RP_CUR_UP_EI:
		if (gpu_reg_get(gpu, RP_CONTROL) & RP_ENABLE)
			stored += (gpu_ticks(gpu) - gpu->power.rp_start) / PM_TICKS;
		return stored & 0xffffff;
	case GT_GFX_RC6:
		gpu_power_update(gpu);
		return gpu->power.rc6_ns / RC6_UNIT_NS;
	default:
		return stored;
	}
}

static void rp_counter_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu *gpu = io->gpu;

	switch (io->offset) {
	case RP_CUR_UP_EI:
		gpu->power.rp_start = gpu_ticks(gpu);
		break;
	case RP_CONTROL:
		if (now & ~old & RP_ENABLE)
			gpu->power.rp_start = gpu_ticks(gpu);
		break;
	case RC_CONTROL:
	case RC_STATE:
		gpu_power_update(gpu);
		break;
	}
}

/*
 * The requested frequency is the actual one: 9 bits from 23 on Gen9 (16.67 MHz units), 8 bits from
 * 24 before (50 MHz).
 */
static uint32_t rpstat_read(const struct gpu_reg_io *io, uint32_t stored)
{
	uint32_t request = gpu_reg_get(io->gpu, RPNSWREQ);

	if (io->gpu->platform->gen >= 9)
		return request & 0xff800000u;
	return (request >> 24 & 0x7f) << 7;
}

static void rp_request_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	bool gen9 = io->gpu->platform->gen >= 9;

	gpu_reg_set(io->gpu, PERF_STATUS, gen9 ? now & 0xff800000u : (now >> 24 & 0xff) << 8);
}

const struct gpu_reg_handler gpu_handler_forcewake = { .write = forcewake_write };
const struct gpu_reg_handler gpu_handler_rp_counter = {
	.read = rp_counter_read, .write = rp_counter_write,
};
const struct gpu_reg_handler gpu_handler_rpstat = { .read = rpstat_read };
const struct gpu_reg_handler gpu_handler_rp_request = { .write = rp_request_write };
