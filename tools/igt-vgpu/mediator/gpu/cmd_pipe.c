// SPDX-License-Identifier: MIT
/*
 * PIPE_CONTROL: the render engine's flushes and post-sync writes. The rest of the 3D and media
 * pipelines is skipped (commands.def).
 *
 * Called by gpu_cs_step(), see cmd.c. Sources: PRM SKL vol. 2a "PIPE_CONTROL"; i915
 * gt/gen8_engine_cs.c.
 */
#include "cmd.h"

#define PIPE_GLOBAL_GTT		(1u << 24)
#define PIPE_MMIO_WRITE		(1u << 23)
#define PIPE_STORE_INDEX	(1u << 21)
#define PIPE_TLB_INVALIDATE	(1u << 18)
#define PIPE_POST_SYNC(flags)	((flags) >> 14 & 3)
#define PIPE_NOTIFY		(1u << 8)

enum { POST_SYNC_NONE, POST_SYNC_IMM, POST_SYNC_DEPTH_COUNT, POST_SYNC_TIMESTAMP };

#define PS_DEPTH_COUNT		0x350	/* i915_reg.h: 0x2350 */

static uint64_t post_sync_value(struct gpu_cs *cs, const struct gpu_cmd *cmd, unsigned int op)
{
	uint32_t count = cs->engine->mmio_base + PS_DEPTH_COUNT;

	if (op == POST_SYNC_TIMESTAMP)
		return gpu_timestamp(cs->gpu);
	if (op == POST_SYNC_DEPTH_COUNT)
		return gpu_cs_read_register(cs, count) |
		       (uint64_t)gpu_cs_read_register(cs, count + 4) << 32;
	return gpu_cmd_addr(cmd, 4);
}

/*
 * All that was executed before is complete when this command is reached, so that flushes and stalls
 * need no work.
 */
enum gpu_cs_result gpu_cmd_pipe_control(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t flags = cmd->dw[1];
	unsigned int op = PIPE_POST_SYNC(flags);
	bool ggtt = flags & (PIPE_GLOBAL_GTT | PIPE_STORE_INDEX);
	uint64_t addr = gpu_cmd_addr(cmd, 2) & ~7ull;

	if (flags & PIPE_TLB_INVALIDATE)
		gpu_tlb_flush(cs);
	if (flags & PIPE_STORE_INDEX)
		addr = gpu_cs_status_page(cs, flags & PIPE_GLOBAL_GTT) + (addr & 0xff8);
	if (op == POST_SYNC_NONE && flags & PIPE_MMIO_WRITE)
		gpu_cs_load_register(cs, cmd, cmd->dw[2], cmd->dw[4]);
	/*
	 * From a non-privileged batch, a write to the GGTT or a status page is dropped; the flush
	 * is done.
	 */
	if (op != POST_SYNC_NONE && !(cmd->user && ggtt) &&
	    !gpu_mem_write64(cs, gpu_cmd_space(ggtt), addr, post_sync_value(cs, cmd, op)))
		return gpu_cs_fault(cs);
	if (flags & PIPE_NOTIFY)
		gpu_engine_irq(cs->engine, GPU_IRQ_FLUSH_NOTIFY);
	return GPU_CS_MORE;
}
