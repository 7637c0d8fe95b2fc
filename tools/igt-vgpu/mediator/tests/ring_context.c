// SPDX-License-Identifier: MIT
/* The ring context of an image; see ring_context.h. */

#include <string.h>

#include "ring_context.h"

#define MI_LRI(n)		(0x22u << 23 | (2 * (n) - 1) | 1u << 12)
#define MI_BATCH_BUFFER_END	0x05000000u

void ring_context_build(uint32_t regs[RING_CONTEXT_DWORDS], uint32_t base)
{
	static const struct { uint16_t dword, reg;
	} rows[] = {
		{ 0x02, 0x244 }, { 0x04, 0x34 },  { 0x06, 0x30 },  { 0x08, 0x38 },  { 0x0a, 0x3c },
		{ 0x0c, 0x168 }, { 0x0e, 0x140 }, { 0x10, 0x110 }, { 0x12, 0x11c }, { 0x14, 0x114 },
		{ 0x16, 0x118 }, { 0x18, 0x1c0 }, { 0x1a, 0x1c4 }, { 0x1c, 0x1c8 }, { 0x22, 0x3a8 },
		{ 0x24, 0x28c }, { 0x26, 0x288 }, { 0x28, 0x284 }, { 0x2a, 0x280 }, { 0x2c, 0x27c },
		{ 0x2e, 0x278 }, { 0x30, 0x274 }, { 0x32, 0x270 },
	};
	unsigned int i;

	memset(regs, 0, RING_CONTEXT_DWORDS * sizeof(regs[0]));
	regs[0x01] = MI_LRI(14);
	regs[0x21] = MI_LRI(9);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		regs[rows[i].dword] = base + rows[i].reg;
	regs[0x34] = MI_BATCH_BUFFER_END;
}
