// SPDX-License-Identifier: MIT
/*
 * The command streamer: fetch, decode and dispatch of one command at a time, from the ring or a
 * batch.
 *
 * Called by engine.c on the engine's thread, without gpu->lock. What it executes is hostile: the
 * ring and batches may change while they are read, so that a command is copied once and only the
 * copy is looked at. An invalid command hangs the engine, as hardware does; jumps in circles are
 * the caller's business (it calls gpu_cs_step() as often as its budget allows).
 */
#include <string.h>

#include "cmd.h"
#include "regs.h"
#include "ring_regs.h"

#define MI_GLOBAL_GTT		(1u << 22)
#define MI_SET_PREDICATE	0x01
#define RC_OPS			0x2000
#define BLT_OPS			0x80
#define MI_OPS			0x40

/* Names of the table's columns. */
enum {
	ALL = GPU_CMD_ALL,
	RCS = GPU_CMD_RCS,
	BCS = GPU_CMD_BCS,
	VCS = GPU_CMD_VCS,
	VECS = GPU_CMD_VECS
};
enum {
	PRIV = GPU_CMD_PRIV,
	GGTT = GPU_CMD_GGTT,
	GEN9 = GPU_CMD_GEN9,
	PREEMPT = GPU_CMD_PREEMPT, PURE = GPU_CMD_PURE, JUMP = GPU_CMD_JUMP,
};

static const struct gpu_cmd_info rows[] = {
#define CMD(client, op, name, mask, bias, min, engines, flags, handler) \
	{ #name, gpu_cmd_##handler, mask, bias, min, op, GPU_CMD_##client, engines, flags },
#include "commands.def"
#undef CMD
};

/* Index of a header's row, plus 1, by engine; built once from the rows. */
static struct {
	uint16_t mi[GPU_NUM_ENGINES][MI_OPS];
	uint16_t blt[GPU_NUM_ENGINES][BLT_OPS];
	uint16_t rc[GPU_NUM_ENGINES][RC_OPS];
} index_of;

static void build_index(void)
{
	unsigned int i, engine;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
			if (!(rows[i].engines & 1u << engine))
				continue;
			if (rows[i].client == GPU_CMD_MI)
				index_of.mi[engine][rows[i].op] = i + 1;
			else if (rows[i].client == GPU_CMD_BLT)
				index_of.blt[engine][rows[i].op] = i + 1;
			else
				index_of.rc[engine][rows[i].op] = i + 1;
		}
	}
}

/** gpu_cmd_lookup - see cmd.h */
const struct gpu_cmd_info *gpu_cmd_lookup(enum gpu_platform platform, enum gpu_engine_id id,
					  uint32_t header)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct gpu_cmd_info *info;
	unsigned int i = 0;

	pthread_once(&once, build_index);
	switch (header >> 29) {
	case GPU_CMD_MI:
		i = index_of.mi[id][(header >> 23) % MI_OPS];
		break;
	case GPU_CMD_BLT:
		i = index_of.blt[id][(header >> 22) % BLT_OPS];
		break;
	case GPU_CMD_RC:
		i = index_of.rc[id][(header >> 16) % RC_OPS];
		break;
	}
	info = i ? &rows[i - 1] : NULL;
	return info && info->flags & GEN9 && platform == GPU_BDW ? NULL : info;
}

/** gpu_cmd_length - see cmd.h */
uint32_t gpu_cmd_length(const struct gpu_cmd_info *info, uint32_t header)
{
	uint32_t len = (header & info->length_mask) + info->bias;

	return len < info->min ? 0 : len;
}

/** gpu_cmd_header - see cmd.h */
uint32_t gpu_cmd_header(const struct gpu_cmd_info *info)
{
	static const unsigned int shift[] = {
		[GPU_CMD_MI] = 23, [GPU_CMD_BLT] = 22, [GPU_CMD_RC] = 16
	};

	return (uint32_t)info->client << 29 | (uint32_t)info->op << shift[info->client] |
	       (info->min > info->bias ? (uint32_t)(info->min - info->bias) & info->length_mask :
					 0);
}

/** gpu_cmd_rows - see cmd.h */
const struct gpu_cmd_info *gpu_cmd_rows(unsigned int *count)
{
	*count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

/** gpu_cs_start - begin a context: the ring level, nothing cached */
void gpu_cs_start(struct gpu_cs *cs)
{
	cs->depth = 0;
	cs->level[0].addr = 0;
	cs->level[0].space = GPU_SPACE_GGTT;
	cs->arb_enabled = true;
	cs->waiting = false;
	cs->hung = false;
	cs->faulted = false;
	cs->predicated = false;
	cs->loop_addr = ~0ull;
	cs->loop_pure = false;
	cs->blt_row = 0;
	memset(cs->blt_setup, 0, sizeof(cs->blt_setup));
	gpu_tlb_flush(cs);
}

/** gpu_cs_invalid - see cmd.h; engine.c raises the error when it sees the stream hung */
enum gpu_cs_result gpu_cs_invalid(struct gpu_cs *cs, const char *why)
{
	cs->hung = true;
	gpu_log(cs->gpu, cs->domain, GPU_LOG_WARN,
		"%s: hung: %s, command 0x%08x at %s 0x%llx, level %u", cs->engine->name, why,
		cs->ipehr, cs->level[cs->depth].space == GPU_SPACE_GGTT ? "GGTT" : "PPGTT",
		(unsigned long long)cs->acthd, cs->depth);
	return GPU_CS_HANG;
}

/** gpu_cs_fault - see cmd.h */
enum gpu_cs_result gpu_cs_fault(struct gpu_cs *cs)
{
	cs->hung = true;
	return GPU_CS_HANG;
}

/*
 * May a privileged command of a context in a vGPU's memory write @offset? What belongs to its own
 * context, yes; all else is shared with others, and the mediator's business.
 */
static bool own_register(const struct gpu_cs *cs, uint32_t offset)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset);

	return row && row->flags & (GPU_REG_CTX | GPU_REG_USER) &&
	       gpu_reg_is_of(row, cs->engine->id);
}

static const char *name_of(uint32_t offset)
{
	const char *name = gpu_reg_name(offset);

	return name ? name : "no name";
}

static void tell_refused(struct gpu_cs *cs)
{
	struct gpu *gpu = cs->gpu;

	if (gpu->ops->refused)
		gpu->ops->refused(gpu->opaque, cs->domain);
}

/** gpu_cs_load_register - see cmd.h */
void gpu_cs_load_register(struct gpu_cs *cs, const struct gpu_cmd *cmd, uint32_t offset,
			  uint32_t value)
{
	offset &= 0x7ffffc;
	if (cmd->user && !gpu_cs_reg_user_writable(cs, offset))
		return;
	if (cs->domain && !cmd->user && !own_register(cs, offset)) {
		gpu_cs_log_first(cs, &cs->refused,
				 "%s: %s of register 0x%x (%s) to 0x%08x ignored: not part of the context",
				 cs->engine->name, cmd->info->name, offset, name_of(offset), value);
		tell_refused(cs);
		return;
	}
	if (offset < GPU_MMIO_SIZE)
		gpu_cs_reg_write(cs, offset, value);
}

/*
 * Registers outside of an engine's own block that are switched with who has the engine, and so are
 * the present vGPU's (../gvt/policy.def: POLICY_ENGINE). By address, not by row: what has no row is
 * storage as well.
 */
static const struct { uint32_t first, last; enum gpu_engine_id engine; } switched[] = {
	{ 0x40e0, 0x40e4, GPU_RCS0 },		/* private PAT */
	{ 0x4ab0, 0x4ab8, GPU_RCS0 },
	{ 0x4ddc, 0x4dfc, GPU_RCS0 },
	{ 0x5000, 0x8ffc, GPU_RCS0 },		/* 3D pipeline, L3, half slices */
	{ 0xb000, 0xbffc, GPU_RCS0 },
	{ 0xe000, 0xeffc, GPU_RCS0 },
	{ 0xc800, 0xc8fc, GPU_RCS0 },		/* MOCS */
	{ 0xc900, 0xcafc, GPU_VCS0 },
	{ 0xcb00, 0xcbfc, GPU_VECS0 },
	{ 0xcc00, 0xccfc, GPU_BCS0 },
};

/* On a shared GPU a vGPU's stream reads what is its own; all else is somebody's, or everybody's. */
static bool is_readable(const struct gpu_cs *cs, uint32_t offset)
{
	uint32_t in_block = offset - cs->engine->mmio_base;
	unsigned int i;

	if (!cs->domain)
		return true;
	if (in_block < 0x1000)
		return in_block != GPU_RING_DOMAIN && in_block != GPU_RING_HWS_PGA_VGPU;
	for (i = 0; i < sizeof(switched) / sizeof(switched[0]); i++)
		if (offset >= switched[i].first && offset <= switched[i].last)
			return switched[i].engine == cs->engine->id;
	return false;
}

/** gpu_cs_store_register - see cmd.h */
uint32_t gpu_cs_store_register(struct gpu_cs *cs, const struct gpu_cmd *cmd, uint32_t offset)
{
	offset &= 0x7ffffc;
	if (!cmd->user && !is_readable(cs, offset)) {
		gpu_cs_log_first(cs, &cs->refused,
				 "%s: %s of register 0x%x (%s) reads 0: not switched with the engine",
				 cs->engine->name, cmd->info->name, offset, name_of(offset));
		tell_refused(cs);
	}
	return gpu_cs_read_register(cs, offset);
}

/** gpu_cs_read_register - see cmd.h; what is not for a vGPU's context reads 0 */
uint32_t gpu_cs_read_register(struct gpu_cs *cs, uint32_t offset)
{
	offset &= 0x7ffffc;
	if (offset >= GPU_MMIO_SIZE || !is_readable(cs, offset))
		return 0;
	return gpu_cs_reg_read(cs, offset);
}

/**
 * gpu_cs_status_page - see cmd.h
 *
 * Hardware has one engine status page, at HWS_PGA. On a shared GPU it is the mediator's, which tells
 * in a register that hardware does not have where the present vGPU keeps its own; 0: it has none.
 */
uint32_t gpu_cs_status_page(struct gpu_cs *cs, bool global)
{
	uint32_t offset = cs->engine->mmio_base + (cs->domain ? GPU_RING_HWS_PGA_VGPU : RING_HWS_PGA);
	uint32_t page;

	if (!global)
		return cs->pphwsp;
	page = gpu_cs_reg_read(cs, offset) & ~(GPU_PAGE_SIZE - 1);
	return page ? page : cs->pphwsp;
}

/* Copy @count dwords of the ring from byte @head, around its end. */
static bool fetch_ring(struct gpu_cs *cs, uint32_t head, uint32_t *dw, uint32_t count)
{
	uint32_t len = count * 4, first = cs->ring_size - head;

	if (first >= len)
		return gpu_mem_read(cs, GPU_SPACE_GGTT, (uint64_t)cs->ring_start + head, dw, len);
	return gpu_mem_read(cs, GPU_SPACE_GGTT, (uint64_t)cs->ring_start + head, dw, first) &&
	       gpu_mem_read(cs, GPU_SPACE_GGTT, cs->ring_start, (uint8_t *)dw + first, len - first);
}

/* Copy @count dwords from where the stream stands. */
static bool fetch(struct gpu_cs *cs, uint32_t *dw, uint32_t count)
{
	if (!cs->depth)
		return fetch_ring(cs, cs->head, dw, count);
	return gpu_mem_read(cs, cs->level[cs->depth].space, cs->level[cs->depth].addr, dw,
			    count * 4);
}

/* Read, decode and check the next command; false with *result set if there is none to execute. */
static bool decode(struct gpu_cs *cs, struct gpu_cmd *cmd, enum gpu_cs_result *result)
{
	const struct gpu_cmd_info *info;
	uint32_t header, copy;

	*result = GPU_CS_HANG;
	if (!fetch(cs, &header, 1)) {
		*result = gpu_cs_fault(cs);
		return false;
	}
	cs->ipehr = header;
	info = gpu_cmd_lookup(cs->gpu->config.platform, cs->engine->id, header);
	cmd->len = info ? gpu_cmd_length(info, header) : 0;
	if (!cmd->len) {
		*result = gpu_cs_invalid(cs, info ? "invalid length" : "unknown command");
		return false;
	}
	if (!cs->depth && cmd->len * 4 > (cs->tail - cs->head + cs->ring_size) % cs->ring_size) {
		*result = gpu_cs_invalid(cs, "the command reaches over the ring's tail");
		return false;
	}
	/*
	 * Only commands that are skipped are longer than the buffer; the header was copied once and
	 * stays.
	 */
	copy = cmd->len < GPU_CMD_MAX_DWORDS ? cmd->len : GPU_CMD_MAX_DWORDS;
	if (info->handler == gpu_cmd_skip || info->handler == gpu_cmd_blt_unsupported)
		copy = 1;
	if (copy > 1 && !fetch(cs, cmd->dw, copy)) {
		*result = gpu_cs_fault(cs);
		return false;
	}
	cmd->dw[0] = header;
	if (copy < GPU_CMD_PAD)
		memset(&cmd->dw[copy], 0, (GPU_CMD_PAD - copy) * 4);
	cmd->info = info;
	cmd->user = cs->level[cs->depth].space == GPU_SPACE_PPGTT;
	return true;
}

/*
 * What a non-privileged batch must not do is a no-op there: PRM vol. 3, "User Mode Privileged
 * Commands".
 */
static bool is_noop(const struct gpu_cs *cs, const struct gpu_cmd *cmd)
{
	const struct gpu_cmd_info *info = cmd->info;

	if (cs->predicated && !(info->client == GPU_CMD_MI && info->op == MI_SET_PREDICATE))
		return true;
	if (!cmd->user)
		return false;
	return info->flags & PRIV || (info->flags & GGTT && cmd->dw[0] & MI_GLOBAL_GTT);
}

/*
 * Does the stream go in circles without doing anything? Drivers wait that way (spinners in tests,
 * semaphores of old). A jump that comes again, with only PURE commands in between, can be executed
 * at leisure: nothing but memory that somebody else writes can end the loop.
 */
static bool is_spinning(struct gpu_cs *cs, const struct gpu_cmd *cmd)
{
	bool again;

	if (!(cmd->info->flags & PURE) || (cmd->dw[0] & MI_GLOBAL_GTT && !(cmd->dw[0] >> 23)))
		cs->loop_pure = false;
	if (!(cmd->info->flags & JUMP))
		return false;
	again = cs->loop_pure && cs->loop_addr == cs->acthd;
	cs->loop_addr = cs->acthd;
	cs->loop_pure = true;
	return again;
}

/** gpu_cs_step - execute one command */
enum gpu_cs_result gpu_cs_step(struct gpu_cs *cs)
{
	unsigned int depth = cs->depth;
	uint64_t addr = cs->level[depth].addr;
	uint32_t head = cs->head;
	enum gpu_cs_result result;
	struct gpu_cmd cmd;

	if (cs->hung)
		return GPU_CS_HANG;
	if (!depth) {
		if (!cs->ring_size || head == cs->tail)
			return GPU_CS_EMPTY;
		cs->acthd = (uint64_t)cs->ring_start + head;
		if (head >= cs->ring_size || cs->tail >= cs->ring_size ||
		    (head | cs->tail | cs->ring_start) & 3)
			return gpu_cs_invalid(cs, "the ring's head or tail lies outside the ring");
	} else {
		cs->acthd = addr;
	}
	if (!decode(cs, &cmd, &result))
		return result;

	/*
	 * Step over the command first: jumps overwrite the position, and what a batch returns to is
	 * behind the jump.
	 */
	if (depth)
		cs->level[depth].addr = addr + 4ull * cmd.len;
	else
		cs->head = (head + 4 * cmd.len) % cs->ring_size;

	result = is_noop(cs, &cmd) ? GPU_CS_MORE : cmd.info->handler(cs, &cmd);
	if (result != GPU_CS_WAIT)
		cs->waiting = false;
	if (result != GPU_CS_PART)
		cs->blt_row = 0;
	if (result == GPU_CS_PART || result == GPU_CS_WAIT || result == GPU_CS_HANG) {
		cs->depth = depth;
		cs->level[depth].addr = addr;
		cs->head = head;
	} else if (is_spinning(cs, &cmd)) {
		result = GPU_CS_SPIN;
	} else if (result == GPU_CS_MORE && cmd.info->flags & PREEMPT && cs->arb_enabled) {
		result = GPU_CS_ARB_POINT;
	}
	return result;
}

/* A command that only changes what this GPU does not model. */
enum gpu_cs_result gpu_cmd_skip(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	(void)cs;
	(void)cmd;
	return GPU_CS_MORE;
}
