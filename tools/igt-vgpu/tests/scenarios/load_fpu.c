// SPDX-License-Identifier: MIT
/*
 * Loads an x87 environment on CPU 1 again and again: load_fpu SECONDS. Prints how often.
 *
 * Each of that clears IGNNE#, a signal that belongs to the first CPU; an emulator of another CPU's
 * state must not do so as if it were alone (qemu/add-to-qemu).
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define AT_ONCE	100000

int main(int argc, char **argv)
{
	const time_t end = time(NULL) + (argc == 2 ? atoi(argv[1]) : 0);
	uint8_t environment[28];	/* FNSTENV, 32 bits */
	unsigned long loads = 0;
	cpu_set_t set;

	if (argc != 2)
		errx(2, "usage: load_fpu SECONDS");
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(2, "CPU 1");
	__asm__ volatile("fnstenv %0\n\tfldenv %0" : "+m"(environment));
	for (; time(NULL) < end; loads += AT_ONCE)
		for (int i = 0; i < AT_ONCE; i++)
			__asm__ volatile("fldenv %0" : : "m"(environment));
	printf("%lu\n", loads);
	return 0;
}
