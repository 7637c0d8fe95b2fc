// SPDX-License-Identifier: MIT
/*
 * What the registers at the given offsets read as, by 32-bit reads through BAR 0: "0x44200: 80000000".
 * A suite compares the answers of two hosts (suite_kvmgt.py).
 *
 * No subtests: a difference is found by the caller, not here.
 */

#include "igt.h"

#include "vgpu_guest.h"

#define REGS_SIZE	0x200000ul

int main(int argc, char **argv)
{
	struct vgpu_guest guest;

	vgpu_guest_open(&guest);
	for (int i = 1; i < argc; i++) {
		char *end;
		unsigned long offset = strtoul(argv[i], &end, 16);

		igt_assert_f(*argv[i] && !*end && !(offset & 3) && offset < REGS_SIZE,
			     "'%s' is no offset of a register: a multiple of 4 below %#lx, hexadecimal\n",
			     argv[i], REGS_SIZE);
		printf("%#lx: %08x\n", offset, vgpu_read32(&guest, offset));
	}
	vgpu_guest_close(&guest);
	return 0;
}
