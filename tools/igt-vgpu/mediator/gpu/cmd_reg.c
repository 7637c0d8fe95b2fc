// SPDX-License-Identifier: MIT
/*
 * Memory interface commands that move or compute register values: loads and stores, MI_MATH,
 * MI_PREDICATE, MI_ATOMIC.
 *
 * Called by gpu_cs_step(), see cmd.c. A write to a register that a non-privileged batch may not
 * touch is a no-op; Gen8/9 hardware does not restrict reads, a vGPU's streams read nothing of
 * another vGPU's. Sources: PRM SKL vol. 2a; i915 gt/intel_gpu_commands.h.
 */
#include "cmd.h"

#define MI_GLOBAL_GTT		(1u << 22)
#define SRM_PREDICATE		(1u << 21)
#define LRI_BYTE_DISABLE(h)	((h) >> 8 & 0xf)

#define CS_GPR(n)		(0x600 + 8 * (n))	/* i915 GEN8_RING_CS_GPR */

#define PREDICATE_SRC0		0x400
#define PREDICATE_SRC1		0x408
#define PREDICATE_DATA		0x410
#define PREDICATE_RESULT	0x418

#define ATOMIC_INLINE		(1u << 18)
#define ATOMIC_RETURN		(1u << 16)
#define ATOMIC_OP(h)		((h) >> 8 & 0x1f)
#define ATOMIC_SIZE(h)		((h) >> 13 & 3)		/* of the opcode: dword, qword, octword */
#define ATOMIC_RETURN_GPR	4

static uint64_t read_reg64(struct gpu_cs *cs, uint32_t offset)
{
	uint32_t base = cs->engine->mmio_base;

	return gpu_cs_read_register(cs, base + offset) |
	       (uint64_t)gpu_cs_read_register(cs, base + offset + 4) << 32;
}

static void write_reg64(struct gpu_cs *cs, uint32_t offset, uint64_t value)
{
	uint32_t base = cs->engine->mmio_base;

	gpu_cs_reg_write(cs, base + offset, value);
	gpu_cs_reg_write(cs, base + offset + 4, value >> 32);
}

enum gpu_cs_result gpu_cmd_mi_load_register_imm(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	unsigned int disable = LRI_BYTE_DISABLE(cmd->dw[0]), byte;
	uint32_t i, keep = 0;

	for (byte = 0; byte < 4; byte++)
		if (disable & 1u << byte)
			keep |= 0xffu << (8 * byte);
	for (i = 1; i + 1 < cmd->len; i += 2) {
		uint32_t value = cmd->dw[i + 1];

		if (keep)
			value = (value & ~keep) | (gpu_cs_read_register(cs, cmd->dw[i]) & keep);
		if (disable != 0xf)
			gpu_cs_load_register(cs, cmd, cmd->dw[i], value);
	}
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_load_register_reg(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	gpu_cs_load_register(cs, cmd, cmd->dw[2], gpu_cs_store_register(cs, cmd, cmd->dw[1]));
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_load_register_mem(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t value;

	if (!gpu_mem_read32(cs, gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT), gpu_cmd_addr(cmd, 2),
			    &value))
		return gpu_cs_fault(cs);
	gpu_cs_load_register(cs, cmd, cmd->dw[1], value);
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_mi_store_register_mem(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t value;

	if (cmd->dw[0] & SRM_PREDICATE && cs->engine->id == GPU_RCS0 &&
	    !(gpu_cs_read_register(cs, cs->engine->mmio_base + PREDICATE_RESULT) & 1))
		return GPU_CS_MORE;
	value = gpu_cs_store_register(cs, cmd, cmd->dw[1]);
	if (!gpu_mem_write32(cs, gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT), gpu_cmd_addr(cmd, 2),
			     value))
		return gpu_cs_fault(cs);
	return GPU_CS_MORE;
}

/* MI_PREDICATE_RESULT = combine(old result, load(compare(SRC0, SRC1))). */
enum gpu_cs_result gpu_cmd_mi_predicate(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint64_t src0 = read_reg64(cs, PREDICATE_SRC0), src1 = read_reg64(cs, PREDICATE_SRC1);
	bool old = read_reg64(cs, PREDICATE_RESULT) & 1, now;

	switch (cmd->dw[0] & 3) {
	case 0:
		now = true;
		break;
	case 1:
		now = false;
		break;
	case 2:
		now = src0 == src1;
		break;
	default:
		now = src0 - src1 == read_reg64(cs, PREDICATE_DATA);	/* DELTAS_EQUAL */
	}
	switch (cmd->dw[0] >> 6 & 3) {
	case 2:		/* LOAD */
		break;
	case 3:		/* LOADINV */
		now = !now;
		break;
	default:	/* KEEP */
		return GPU_CS_MORE;
	}
	switch (cmd->dw[0] >> 3 & 3) {
	case 1:
		now = now && old;
		break;
	case 2:
		now = now || old;
		break;
	case 3:
		now = now != old;
		break;
	}
	gpu_cs_reg_write(cs, cs->engine->mmio_base + PREDICATE_RESULT, now);
	return GPU_CS_MORE;
}

/* The ALU of MI_MATH: two sources, an accumulator and two flags; 64 bits wide. */
struct alu {
	uint64_t srca, srcb, accu;
	bool zf, cf;
};

enum { ALU_SRCA = 0x20, ALU_SRCB = 0x21, ALU_ACCU = 0x31, ALU_ZF = 0x32, ALU_CF = 0x33 };

static uint64_t alu_source(struct gpu_cs *cs, const struct alu *alu, unsigned int operand)
{
	switch (operand) {
	case ALU_SRCA:
		return alu->srca;
	case ALU_SRCB:
		return alu->srcb;
	case ALU_ACCU:
		return alu->accu;
	case ALU_ZF:
		return alu->zf ? ~0ull : 0;
	case ALU_CF:
		return alu->cf ? ~0ull : 0;
	}
	return operand < 16 ? read_reg64(cs, CS_GPR(operand)) : 0;
}

static void alu_target(struct gpu_cs *cs, struct alu *alu, unsigned int operand, uint64_t value)
{
	if (operand == ALU_SRCA)
		alu->srca = value;
	else if (operand == ALU_SRCB)
		alu->srcb = value;
	else if (operand < 16)
		write_reg64(cs, CS_GPR(operand), value);
}

static void alu_step(struct gpu_cs *cs, struct alu *alu, uint32_t instruction)
{
	unsigned int op1 = instruction >> 10 & 0x3ff, op2 = instruction & 0x3ff;

	switch (instruction >> 20) {
	case 0x080:	/* LOAD */
		alu_target(cs, alu, op1, alu_source(cs, alu, op2));
		return;
	case 0x480:	/* LOADINV */
		alu_target(cs, alu, op1, ~alu_source(cs, alu, op2));
		return;
	case 0x081:	/* LOAD0 */
		alu_target(cs, alu, op1, 0);
		return;
	case 0x481:	/* LOAD1 */
		alu_target(cs, alu, op1, ~0ull);
		return;
	case 0x180:	/* STORE */
		alu_target(cs, alu, op1, alu_source(cs, alu, op2));
		return;
	case 0x580:	/* STOREINV */
		alu_target(cs, alu, op1, ~alu_source(cs, alu, op2));
		return;
	case 0x100:	/* ADD */
		alu->cf = __builtin_add_overflow(alu->srca, alu->srcb, &alu->accu);
		break;
	case 0x101:	/* SUB */
		alu->cf = __builtin_sub_overflow(alu->srca, alu->srcb, &alu->accu);
		break;
	case 0x102:
		alu->accu = alu->srca & alu->srcb;
		alu->cf = false;
		break;
	case 0x103:
		alu->accu = alu->srca | alu->srcb;
		alu->cf = false;
		break;
	case 0x104:
		alu->accu = alu->srca ^ alu->srcb;
		alu->cf = false;
		break;
	default:	/* NOOP, reserved */
		return;
	}
	alu->zf = !alu->accu;
}

enum gpu_cs_result gpu_cmd_mi_math(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	struct alu alu = { 0 };
	uint32_t i;

	for (i = 1; i < cmd->len; i++)
		alu_step(cs, &alu, cmd->dw[i]);
	return GPU_CS_MORE;
}

/* New value for @old; @a, @b: operands. @bits is 32 or 64. */
static uint64_t atomic_result(unsigned int op, unsigned int bits, uint64_t old, uint64_t a,
			      uint64_t b)
{
	int64_t sold = bits == 32 ? (int32_t)old : (int64_t)old,
		sa = bits == 32 ? (int32_t)a : (int64_t)a;

	switch (op) {
	case 0x1:
		return old & a;
	case 0x2:
		return old | a;
	case 0x3:
		return old ^ a;
	case 0x4:	/* MOVE */
		return a;
	case 0x5:
		return old + 1;
	case 0x6:
		return old - 1;
	case 0x7:
		return old + a;
	case 0x8:
		return old - a;
	case 0x9:	/* reverse SUB */
		return a - old;
	case 0xa:
		return sold > sa ? old : a;
	case 0xb:
		return sold < sa ? old : a;
	case 0xc:
		return old > a ? old : a;
	case 0xd:
		return old < a ? old : a;
	case 0xe:	/* compare and write */
		return old == a ? b : old;
	}
	return old;
}

static uint32_t atomic32(uint32_t *at, unsigned int op, uint32_t a, uint32_t b)
{
	uint32_t old = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(at, &old, (uint32_t)atomic_result(op, 32, old, a, b),
					    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return old;
}

static uint64_t atomic64(uint64_t *at, unsigned int op, uint64_t a, uint64_t b)
{
	uint64_t old = __atomic_load_n(at, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(at, &old, atomic_result(op, 64, old, a, b), false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	return old;
}

/*
 * Inline operands are interleaved by dword (DW3 operand 1 low, DW4 operand 2 low, DW5 operand 1
 * high, ...); otherwise they are the first two GPRs. The 16-byte form (compare and write of an
 * octword) is not implemented: no known driver sends it.
 */
enum gpu_cs_result gpu_cmd_mi_atomic(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	enum gpu_space space = gpu_cmd_space(cmd->dw[0] & MI_GLOBAL_GTT);
	unsigned int op = ATOMIC_OP(cmd->dw[0]);
	bool qword = ATOMIC_SIZE(cmd->dw[0]) == 1;
	uint64_t a, b, old;
	uint8_t *at;

	if (ATOMIC_SIZE(cmd->dw[0]) > 1)
		return gpu_cs_invalid(cs, "MI_ATOMIC of an octword is not implemented");
	if (cmd->dw[0] & ATOMIC_INLINE) {
		a = cmd->dw[3] | (uint64_t)cmd->dw[5] << 32;
		b = cmd->dw[4] | (uint64_t)cmd->dw[6] << 32;
	} else {
		a = read_reg64(cs, CS_GPR(0));
		b = read_reg64(cs, CS_GPR(1));
	}
	at = gpu_mem_ptr(cs, space, gpu_cmd_addr(cmd, 1) & (qword ? ~7ull : ~3ull), true, NULL);
	if (!at)
		return gpu_cs_fault(cs);
	old = qword ? atomic64((uint64_t *)at, op, a, b) : atomic32((uint32_t *)at, op, a, b);
	if (cmd->dw[0] & ATOMIC_RETURN)
		write_reg64(cs, CS_GPR(ATOMIC_RETURN_GPR), old);
	return GPU_CS_MORE;
}
