/* SPDX-License-Identifier: MIT */
/*
 * The ring context of Gen8 and Gen9, as i915 writes it (gt/intel_lrc.c): the part of a context
 * image's register page without which no engine loads the context. For every fixture and fuzzer
 * that builds an image.
 */
#ifndef RING_CONTEXT_H
#define RING_CONTEXT_H

#include <stdint.h>

#define RING_CONTEXT_DWORDS	0x35

/*
 * Fill @regs: LOAD_REGISTER_IMM blocks that name the registers of the engine at @base, and the
 * batch end after them. All values are 0.
 */
void ring_context_build(uint32_t regs[RING_CONTEXT_DWORDS], uint32_t base);

#endif /* RING_CONTEXT_H */
