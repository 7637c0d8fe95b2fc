/* SPDX-License-Identifier: MIT */
/*
 * The command table: what commands.def expands to, and the handlers' interface.
 *
 * Users: cmd.c (decode and dispatch), the handlers in cmd_mi.c, cmd_reg.c, cmd_pipe.c and
 * cmd_blt.c, the tests and the fuzzers (every row).
 */
#ifndef GPU_CMD_H
#define GPU_CMD_H

#include "gpu_types.h"

struct gpu_cmd;

/* Client of a command, bits 29-31 of its header. */
enum gpu_cmd_client { GPU_CMD_MI = 0, GPU_CMD_BLT = 2, GPU_CMD_RC = 3 };

/* Engines that accept a command. */
#define GPU_CMD_RCS		(1u << GPU_RCS0)
#define GPU_CMD_BCS		(1u << GPU_BCS0)
#define GPU_CMD_VCS		(1u << GPU_VCS0)
#define GPU_CMD_VECS		(1u << GPU_VECS0)
#define GPU_CMD_ALL		(GPU_CMD_RCS | GPU_CMD_BCS | GPU_CMD_VCS | GPU_CMD_VECS)

/* Flags. */
#define GPU_CMD_PRIV		0x01	/* a no-op in a non-privileged batch */
#define GPU_CMD_GGTT		0x02	/* bit 22 selects the GGTT; then a no-op for a user batch */
#define GPU_CMD_GEN9		0x04	/* not on Gen8 */
#define GPU_CMD_PREEMPT		0x20	/* the engine may switch contexts after it */
#define GPU_CMD_PURE		0x40	/* changes nothing but the stream's position */
#define GPU_CMD_JUMP		0x80	/* so, to any address */

/** struct gpu_cmd_info - one row of the table */
struct gpu_cmd_info {
	const char *name;
	enum gpu_cs_result (*handler)(struct gpu_cs *cs, struct gpu_cmd *cmd); /* NULL: parsed and
										  skipped */
	uint32_t length_mask;	/* header bits that hold the length */
	uint16_t bias;		/* dwords = (header & length_mask) + bias */
	uint16_t min;		/* fewer dwords than this are invalid */
	uint16_t op;		/* opcode: MI bits 23-28, BLT 22-28, RC 16-28 */
	uint8_t client;		/* enum gpu_cmd_client */
	uint8_t engines;
	uint8_t flags;
};

#define GPU_CMD_MAX_DWORDS	1026	/* of those with a handler: MI_STORE_DATA_IMM, 10 bits */
#define GPU_CMD_PAD		16	/* dwords that read 0 beyond a shorter command's end */

/** struct gpu_cmd - one command, as it was fetched */
struct gpu_cmd {
	const struct gpu_cmd_info *info;
	uint32_t len;		/* dwords */
	bool user;		/* it stands in a non-privileged batch */
	uint32_t dw[GPU_CMD_MAX_DWORDS];
};

/*
 * Row of @header as engine @id of @platform understands it; NULL: an invalid command there.
 * Constant time, any thread.
 */
const struct gpu_cmd_info *gpu_cmd_lookup(enum gpu_platform platform, enum gpu_engine_id id,
					  uint32_t header);
/* Length in dwords by the row's rule; 0 if the header's length is invalid for the command. */
uint32_t gpu_cmd_length(const struct gpu_cmd_info *info, uint32_t header);
/* The header with a minimal length, for tests and the fuzzer's dictionary. */
uint32_t gpu_cmd_header(const struct gpu_cmd_info *info);
/* All rows. */
const struct gpu_cmd_info *gpu_cmd_rows(unsigned int *count);

/* ---- for the handlers ---- */

/*
 * The engine hangs: an invalid command, with one log line. engine.c sets EIR and raises the error
 * interrupt.
 */
enum gpu_cs_result gpu_cs_invalid(struct gpu_cs *cs, const char *why);
/* The engine hangs after a page fault, which mem.c has reported. */
enum gpu_cs_result gpu_cs_fault(struct gpu_cs *cs);
/*
 * Write and read the register that a command names. Refused, a no-op or 0, if a non-privileged
 * batch may not write it, or if it is not the vGPU's. The host is told of the refusals of
 * privileged commands.
 */
void gpu_cs_load_register(struct gpu_cs *cs, const struct gpu_cmd *cmd, uint32_t offset,
			  uint32_t value);
uint32_t gpu_cs_store_register(struct gpu_cs *cs, const struct gpu_cmd *cmd, uint32_t offset);
/* The same for what a command needs to know itself. */
uint32_t gpu_cs_read_register(struct gpu_cs *cs, uint32_t offset);
/* GGTT address of a status page: the engine's (@global), or the context's own. */
uint32_t gpu_cs_status_page(struct gpu_cs *cs, bool global);

/* The handlers. */
#define CMD(client, op, name, mask, bias, min, engines, flags, handler) \
	enum gpu_cs_result gpu_cmd_##handler(struct gpu_cs *cs, struct gpu_cmd *cmd);
#include "commands.def"
#undef CMD

static inline enum gpu_space gpu_cmd_space(bool ggtt)
{
	return ggtt ? GPU_SPACE_GGTT : GPU_SPACE_PPGTT;
}

static inline uint64_t gpu_cmd_addr(const struct gpu_cmd *cmd, unsigned int dword)
{
	return cmd->dw[dword] | (uint64_t)cmd->dw[dword + 1] << 32;
}

#endif /* GPU_CMD_H */
