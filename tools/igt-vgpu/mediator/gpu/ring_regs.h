/* SPDX-License-Identifier: MIT */
/*
 * Where an engine's registers lie, as hardware has it (i915 gt/intel_engine_regs.h): for the model
 * in this folder and for the mediator, which drives it by them. Offsets are from the engine's base.
 */
#ifndef RING_REGS_H
#define RING_REGS_H

#define RCS0_BASE		0x2000u
#define BCS0_BASE		0x22000u
#define VCS0_BASE		0x12000u
#define VECS0_BASE		0x1a000u

#define RING_TAIL		0x30u
#define RING_HEAD		0x34u
#define RING_START		0x38u
#define RING_CTL		0x3cu
#define   RING_WAIT_SEMAPHORE	(1u << 10)	/* read only: at a semaphore that is not satisfied */
#define RING_HWS_PGA		0x80u
#define RING_MI_MODE		0x9cu
#define   MODE_IDLE		(1u << 9)	/* the answer to ... */
#define   STOP_RING		(1u << 8)	/* ... halt at the next command */
#define RING_IMR		0xa8u
#define RING_EIR		0xb0u
#define RING_EMR		0xb4u
#define RING_ESR		0xb8u
#define   ERROR_INSTRUCTION	(1u << 0)
#define   ERROR_PAGE_TABLE	(1u << 4)
#define RING_RESET_CTL		0xd0u
#define   RESET_REQUEST		(1u << 0)
#define   RESET_READY		(1u << 1)
#define RING_BBSTATE		0x110u
#define   BBSTATE_PPGTT		(1u << 5)
#define RING_SBBADDR		0x114u
#define RING_SBBSTATE		0x118u
#define RING_SBBADDR_UDW	0x11cu
#define RING_BBADDR		0x140u
#define   BBADDR_VALID		(1u << 0)
#define RING_BBADDR_UDW		0x168u
#define RING_BB_PER_CTX_PTR	0x1c0u
#define RING_INDIRECT_CTX	0x1c4u
#define RING_INDIRECT_CTX_OFFSET 0x1c8u	/* of a cache line in the image, in bits 15:6 */
#define RING_ELSP		0x230u
#define RING_EXECLIST_STATUS	0x234u
#define RING_CONTEXT_CONTROL	0x244u
#define   CTX_RESTORE_INHIBIT	(1u << 0)
#define   CTX_SAVE_INHIBIT	(1u << 2)
#define RING_PDP(n)		(0x270 + 8 * (n))
#define RING_MODE		0x29cu
#define   RUN_LIST_ENABLE	(1u << 15)
#define   PPGTT_ENABLE		(1u << 9)
#define RING_CSB		0x370u		/* 8 bytes an entry */
#define RING_CSB_PTR		0x3a0u
#define RING_CTX_TIMESTAMP	0x3a8u

#endif /* RING_REGS_H */
