/* SPDX-License-Identifier: MIT */
/* First dwords of commands, from i915's gt/intel_gpu_commands.h; lengths are those of Gen8. */
#ifndef VGPU_CMD_H
#define VGPU_CMD_H

#define CMD_NOOP			0u
#define CMD_ARB_CHECK			(0x05u << 23)
#define CMD_BATCH_END			(0x0au << 23)
#define CMD_MATH(n)			(0x1au << 23 | ((n) - 1))
#define CMD_STORE_DWORD			(0x20u << 23 | 2)
#define CMD_LOAD_REGISTER_IMM(n)	(0x22u << 23 | (2 * (n) - 1))	/* n registers */
#define CMD_STORE_REGISTER		(0x24u << 23 | 2)
#define CMD_LOAD_REGISTER		(0x29u << 23 | 2)
#define CMD_BATCH_START			(0x31u << 23 | 1u << 8 | 1)	/* in the PPGTT */
#define CMD_UNKNOWN			(0x3du << 23)	/* no engine of Gen8 or 9 has such a command */
#define CMD_CONDITIONAL_END		(0x36u << 23 | 1u << 21 | 2)	/* compares with memory */

#endif /* VGPU_CMD_H */
