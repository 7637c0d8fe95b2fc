// SPDX-License-Identifier: MIT
/*
 * Memory interface commands: jumps, arbitration, semaphores, stores and interrupts. Registers and
 * arithmetic: cmd_reg.c.
 *
 * Called by gpu_cs_step() with a command whose length was checked and whose dwords up to
 * GPU_CMD_PAD exist. A handler that meets a fault returns gpu_cs_fault(). Sources: PRM SKL vol. 2a;
 * i915 gt/intel_gpu_commands.h, gt/gen8_engine_cs.c.
 */
#include <string.h>

#include "cmd.h"

#define MI_GLOBAL_GTT			(1u << 22)

#define BBS_SECOND_LEVEL		(1u << 22)
#define BBS_PREDICATE			(1u << 15)
#define BBS_PPGTT			(1u << 8)

#define RING_NOPID			0x94
#define MI_PREDICATE_RESULT_1		0x41c
#define MI_PREDICATE_RESULT_2		0x3bc

#define HWSP_RING_HEAD			0x10

#define STORE_PER_PROCESS		(1u << 21)
#define SDI_QWORD			(1u << 21)
#define COND_COMPARE			(1u << 21)

#define FLUSH_STORE_INDEX		(1u << 21)
#define FLUSH_INVALIDATE_TLB		(1u << 18)
#define FLUSH_OP(header)		((header) >> 14 & 3)
#define FLUSH_OP_IMM			1
#define FLUSH_OP_TIMESTAMP		3
#define FLUSH_NOTIFY			(1u << 8)
#define FLUSH_USE_GGTT			(1u << 2)	/* of the address */

#define COPY_SRC_GGTT			(1u << 22)
#define COPY_DST_GGTT			(1u << 21)

#define OA_REPORT_GGTT			(1u << 0)	/* of the address */

/* Compare @a with @b as bits 12-14 of semaphore and conditional commands say. */
static bool compare(unsigned int op, uint32_t a, uint32_t b)
{
	switch (op & 7) {
	case 0:
		return a > b;
	case 1:
		return a >= b;
	case 2:
		return a < b;
	case 3:
		return a <= b;
	case 4:
		return a == b;
	case 5:
		return a != b;
	}
	return true;	/* reserved: never blocks */
}

enum gpu_cs_result gpu_cmd_mi_noop(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	if (cmd->dw[0] & 1u << 22)
		gpu_cs_load_register(cs, cmd, cs->engine->mmio_base + RING_NOPID,
				     cmd->dw[0] & 0x3fffff);
	return GPU_CS_MORE;
}

/* Conditions on MI_PREDICATE_RESULT_2; all but this command are skipped while it holds. */
enum gpu_cs_result gpu_cmd_mi_set_predicate(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	bool set = gpu_cs_read_register(cs, cs->engine->mmio_base + MI_PREDICATE_RESULT_2) & 1;

	switch (cmd->dw[0] & 0xf) {
	case 1:
		cs->predicated = !set;
		break;
	case 2:
		cs->predicated = set;
		break;
	case 0xf:
		cs->predicated = true;
		break;
	default:
		cs->predicated = false;
	}
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_user_interrupt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	(void)cmd;
	gpu_engine_irq(cs->engine, GPU_IRQ_USER);
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_arb_on_off(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	cs->arb_enabled = cmd->dw[0] & 1;
	return GPU_CS_MORE;
}

/* The ring's head, as it stands behind this command, into the status page. */
enum gpu_cs_result gpu_cmd_mi_report_head(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	(void)cmd;
	return gpu_mem_write32(cs, GPU_SPACE_GGTT, cs->pphwsp + HWSP_RING_HEAD, cs->head) ?
	       GPU_CS_MORE : gpu_cs_fault(cs);
}

/*
 * Three storage elements, no stack (PRM): the ring's head, the first and the second level batch's
 * address. A jump within a batch overwrites its level (chaining); bit 22 selects the second level,
 * from wherever it comes, but the ring. A non-privileged batch can't become privileged: the space
 * of what it jumps to stays the PPGTT.
 */
enum gpu_cs_result gpu_cmd_mi_batch_buffer_start(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	enum gpu_space space = gpu_cmd_space(!cmd->user && !(cmd->dw[0] & BBS_PPGTT));
	unsigned int target = cs->depth && cmd->dw[0] & BBS_SECOND_LEVEL ? 2 : 1;

	if (cmd->dw[0] & BBS_PREDICATE && cs->engine->id == GPU_RCS0 &&
	    !(gpu_cs_read_register(cs, cs->engine->mmio_base + MI_PREDICATE_RESULT_1) & 1))
		return GPU_CS_MORE;
	cs->depth = target;
	cs->level[target].addr = gpu_cmd_addr(cmd, 1) & 0xfffffffffffcull;
	cs->level[target].space = space;
	return GPU_CS_MORE;
}

static enum gpu_cs_result batch_end(struct gpu_cs *cs)
{
	if (!cs->depth)
		return gpu_cs_invalid(cs, "MI_BATCH_BUFFER_END in the ring");
	if (!--cs->depth)
		cs->predicated = false;
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_batch_buffer_end(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	(void)cmd;
	return batch_end(cs);
}

/*
 * The batch goes on while memory is greater than the inline value; Kabylake and later can select
 * another comparison, with the bits that were 0 before (IGT igt_dummyload.c).
 */
enum gpu_cs_result gpu_cmd_mi_conditional_batch_buffer_end(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	bool gen8 = cs->gpu->config.platform == GPU_BDW || cs->gpu->config.platform == GPU_SKL;
	uint32_t value;

	if (!(cmd->dw[0] & COND_COMPARE))
		return GPU_CS_MORE;
	if (!gpu_mem_read32(cs, gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT), gpu_cmd_addr(cmd, 2),
			    &value))
		return gpu_cs_fault(cs);
	if (compare(gen8 ? 0 : cmd->dw[0] >> 12, value, cmd->dw[1]))
		return GPU_CS_MORE;
	return batch_end(cs);
}

enum gpu_cs_result gpu_cmd_mi_store_data_imm(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	enum gpu_space space = gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT);
	uint64_t addr = gpu_cmd_addr(cmd, 1);
	uint32_t i;

	for (i = 3; i < cmd->len; i++, addr += 4) {
		if (cmd->dw[0] & SDI_QWORD && i + 1 < cmd->len) {
			if (!gpu_mem_write64(cs, space, addr, gpu_cmd_addr(cmd, i)))
				return gpu_cs_fault(cs);
			i++;
			addr += 4;
		} else if (!gpu_mem_write32(cs, space, addr, cmd->dw[i])) {
			return gpu_cs_fault(cs);
		}
	}
	return GPU_CS_MORE;
}

/* The resource streamer's store: one dword, always in the context's space. */
enum gpu_cs_result gpu_cmd_mi_rs_store_data_imm(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	return gpu_mem_write32(cs, GPU_SPACE_PPGTT, gpu_cmd_addr(cmd, 1), cmd->dw[3]) ?
		       GPU_CS_MORE :
		       gpu_cs_fault(cs);
}

enum gpu_cs_result gpu_cmd_mi_store_data_index(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint64_t page = gpu_cs_status_page(cs, !(cmd->dw[0] & STORE_PER_PROCESS));
	uint64_t addr = page + (cmd->dw[1] & 0xffc);
	bool ok;

	if (cmd->len > 3)
		ok = gpu_mem_write64(cs, GPU_SPACE_GGTT, addr, gpu_cmd_addr(cmd, 2));
	else
		ok = gpu_mem_write32(cs, GPU_SPACE_GGTT, addr, cmd->dw[2]);
	return ok ? GPU_CS_MORE : gpu_cs_fault(cs);
}

/*
 * Entries written by command. Only for a native guest's ring: under the mediator, the GGTT has
 * other owners too, and i915 does not use this before Gen12.
 */
enum gpu_cs_result gpu_cmd_mi_update_gtt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t i, index = cmd->dw[1] >> GPU_PAGE_SHIFT;

	if (!cs->gpu->config.native)
		return gpu_cs_invalid(cs, "MI_UPDATE_GTT on a shared GPU");
	for (i = 2; i + 1 < cmd->len && index < GPU_GGTT_ENTRIES; i += 2, index++)
		gpu_ggtt_write(cs->gpu, index, gpu_cmd_addr(cmd, i) & ~GPU_DOMAIN_MASK);
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_flush_dw(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t header = cmd->dw[0], op = FLUSH_OP(header);
	bool ggtt = cmd->dw[1] & FLUSH_USE_GGTT || header & FLUSH_STORE_INDEX;
	uint64_t addr = gpu_cmd_addr(cmd, 1) & ~7ull, value = gpu_cmd_addr(cmd, 3);
	bool ok = true;

	if (header & FLUSH_INVALIDATE_TLB)
		gpu_tlb_flush(cs);
	if (header & FLUSH_STORE_INDEX)
		addr = gpu_cs_status_page(cs, cmd->dw[1] & FLUSH_USE_GGTT) + (addr & 0xff8);
	if (op == FLUSH_OP_TIMESTAMP)
		value = gpu_timestamp(cs->gpu);
	/* From a non-privileged batch the flush is done, the write is not. */
	if ((op == FLUSH_OP_IMM || op == FLUSH_OP_TIMESTAMP) && !(cmd->user && ggtt)) {
		if (op == FLUSH_OP_TIMESTAMP || cmd->len > 4)
			ok = gpu_mem_write64(cs, gpu_cmd_space(ggtt), addr, value);
		else
			ok = gpu_mem_write32(cs, gpu_cmd_space(ggtt), addr, value);
	}
	if (header & FLUSH_NOTIFY)
		gpu_engine_irq(cs->engine, GPU_IRQ_FLUSH_NOTIFY);
	return ok ? GPU_CS_MORE : gpu_cs_fault(cs);
}

/* A report with an id of the batch's choice (oa.c). */
enum gpu_cs_result gpu_cmd_mi_report_perf_count(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	bool ggtt = cmd->dw[1] & OA_REPORT_GGTT;
	uint64_t addr = gpu_cmd_addr(cmd, 1) & ~63ull;
	uint32_t report[GPU_OA_REPORT_DWORDS];
	unsigned int size;

	if (cmd->user && ggtt)
		return GPU_CS_MORE;
	gpu_lock_runner(cs->gpu);
	size = gpu_oa_report(cs->engine, cmd->dw[3], report);
	gpu_unlock(cs->gpu);
	return gpu_mem_write(cs, gpu_cmd_space(ggtt), addr, report, size) ?
		       GPU_CS_MORE :
		       gpu_cs_fault(cs);
}

enum gpu_cs_result gpu_cmd_mi_copy_mem_mem(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t header = cmd->dw[0], value;

	if (cmd->user && header & (COPY_SRC_GGTT | COPY_DST_GGTT))
		return GPU_CS_MORE;
	if (!gpu_mem_read32(cs, gpu_cmd_space(header & COPY_SRC_GGTT), gpu_cmd_addr(cmd, 3),
			    &value) ||
	    !gpu_mem_write32(cs, gpu_cmd_space(header & COPY_DST_GGTT), gpu_cmd_addr(cmd, 1),
			     value))
		return gpu_cs_fault(cs);
	return GPU_CS_MORE;
}

/*
 * Waits until memory compares true with the inline value. Poll mode and signal mode are the same
 * here: memory is looked at again whenever the engine runs. The interrupt comes once for each wait.
 */
enum gpu_cs_result gpu_cmd_mi_semaphore_wait(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t value;

	if (!gpu_mem_read32(cs, gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT), gpu_cmd_addr(cmd, 2),
			    &value))
		return gpu_cs_fault(cs);
	if (compare(cmd->dw[0] >> 12, value, cmd->dw[1]))
		return GPU_CS_MORE;
	if (!cs->waiting) {
		cs->waiting = true;
		gpu_engine_irq(cs->engine, GPU_IRQ_WAIT_SEMAPHORE);
	}
	return GPU_CS_WAIT;
}

/* Wake the engine that may wait: it compares memory again. */
enum gpu_cs_result gpu_cmd_mi_semaphore_signal(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	static const enum gpu_engine_id target[8] = {
		GPU_RCS0,	 GPU_VCS0,	  GPU_BCS0,	   GPU_VECS0,
		GPU_NUM_ENGINES, GPU_NUM_ENGINES, GPU_NUM_ENGINES, GPU_NUM_ENGINES,
	};
	enum gpu_engine_id id = target[cmd->dw[0] >> 15 & 7];

	if (id != GPU_NUM_ENGINES)
		cs->gpu->ops->kick(cs->gpu->opaque, id);
	return GPU_CS_MORE;
}
