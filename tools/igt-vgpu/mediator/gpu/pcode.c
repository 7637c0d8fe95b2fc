// SPDX-License-Identifier: MIT
/*
 * The power controller's mailbox (0x138124): a command with the READY bit is answered before the
 * write returns.
 *
 * One register handler (gpu->lock held). Commands and replies: i915 i915_reg.h GEN6_PCODE_*, and
 * who sends them.
 */
#include "core.h"

#define MAILBOX			0x138124u
#define DATA			0x138128u
#define DATA1			0x13812cu
#define READY			(1u << 31)
#define ILLEGAL_CMD		1

#define WRITE_RC6VIDS		0x04
#define READ_RC6VIDS		0x05
#define READ_MEM_LATENCY	0x06
#define SKL_CDCLK_CONTROL	0x07
#define WRITE_MIN_FREQ_TABLE	0x08
#define READ_MIN_FREQ_TABLE	0x09
#define READ_OC_PARAMS		0x0c
#define WRITE_DISPLAY_FREQ	0x17
#define READ_D_COMP		0x10
#define WRITE_D_COMP		0x11
#define DUTY_CYCLE_CONTROL	0x1a
#define SAGV_CONTROL		0x21

static void pcode_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu *gpu = io->gpu;
	uint32_t data = gpu_reg_get(gpu, DATA), error = 0;

	if (!(now & READY))
		return;
	switch (now & 0xff) {
	/* Microseconds, a byte for each watermark level; set 0: levels 0-3, set 1: 4-7. */
	case READ_MEM_LATENCY:
		data = data ? 0x1e1e1414 : 0x0f0a0502;
		break;
	case SKL_CDCLK_CONTROL:	/* ready for change */
	case SAGV_CONTROL:	/* is disabled */
		data = 1;
		break;
	/* The most efficient frequency in bits 8-15, in units of 50 MHz: RP1. */
	case DUTY_CYCLE_CONTROL:
		data = 0x00000700;
		break;
	/* Ring and CPU frequency for the GPU frequency in the low byte. */
	case WRITE_MIN_FREQ_TABLE:
		gpu->power.freq_table[data & 0xff] = data;
		break;
	case READ_MIN_FREQ_TABLE:
		data = gpu->power.freq_table[data & 0xff] >> 8;
		break;
	case READ_OC_PARAMS:
	case READ_RC6VIDS:
	case READ_D_COMP:
		data = 0;
		break;
	case WRITE_RC6VIDS:
	case WRITE_DISPLAY_FREQ:
	case WRITE_D_COMP:
		break;
	default:
		error = ILLEGAL_CMD;
		gpu_log(gpu, 0, GPU_LOG_DEBUG, "pcode: unknown command 0x%08x, data 0x%08x", now,
			data);
		break;
	}
	gpu_reg_set(gpu, DATA, data);
	gpu_reg_set(gpu, DATA1, 0);
	gpu_reg_set(gpu, MAILBOX, error);
}

const struct gpu_reg_handler gpu_handler_pcode = { .write = pcode_write };
