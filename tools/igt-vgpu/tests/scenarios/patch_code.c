// SPDX-License-Identifier: MIT
/*
 * One CPU changes an instruction, another one executes it: patch_code SECONDS. Who knows of a change
 * and has serialised itself since must execute the new instruction (AMD APM vol. 2, "Cross-Modifying
 * Code"), as a kernel that patches its static branches relies on. The change is a plain store, as a
 * kernel's is. Prints how often that was tried, and how often the old one was executed; status 1 if it
 * was.
 */
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MOST_LOOPS	20000	/* between two changes: about as long as an emulator translates */

static const uint8_t code[] = { 0x90, 0x90, 0x90, 0xb8, 0, 0, 0, 0, 0xc3 }; /* mov $0, %eax; ret */
static uint32_t (*function)(void);
static _Atomic uint32_t *number;	/* in the mov, where it is not executed; aligned, so one store */
static _Atomic uint32_t told;		/* the writer: this is the newest number */
static _Atomic uint32_t checked;	/* the executor: I have seen what follows from that */
static atomic_bool over;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		errx(2, "there is no CPU %d", cpu);
}

static void serialise(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

/* Returns how often an old instruction was executed. */
static void *execute(void *unused)
{
	uintptr_t old = 0;

	(void)unused;
	run_on(1);
	while (!atomic_load(&over)) {
		uint32_t newest = atomic_load(&told);

		serialise();
		if (function() < newest)
			old++;
		atomic_store(&checked, newest);
	}
	return (void *)old;
}

/* As a kernel does that maps its code writable for the moment: the CPU looks the page up again. */
static void forget_mapping(void)
{
	void *page = (void *)((uintptr_t)number & ~4095ul);

	if (mprotect(page, 4096, PROT_READ) || mprotect(page, 4096, PROT_READ | PROT_WRITE))
		err(2, "mprotect");
}

/* Two changes: the second one while the executor may be about to find out what the first one is. */
static void change(uint32_t to)
{
	atomic_store_explicit(number, to - 1, memory_order_release);
	for (volatile int i = rand() % MOST_LOOPS; i > 0; i--)
		;
	if (to & 2)
		forget_mapping();
	atomic_store_explicit(number, to, memory_order_release);
	atomic_store(&told, to);
	while (atomic_load(&checked) != to)
		;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc == 2 ? atoi(argv[1]) : 5);
	uint32_t changes = 0;
	pthread_t thread;
	void *old;
	int fd = memfd_create("code", 0);
	uint8_t *page;

	if (fd < 0 || write(fd, code, sizeof(code)) != sizeof(code) || ftruncate(fd, 4096))
		err(2, "no memory");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	function = (uint32_t (*)(void))mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || function == (uint32_t (*)(void))MAP_FAILED)
		err(2, "no memory to write and execute");
	number = (_Atomic uint32_t *)(page + 4);
	run_on(0);
	if (pthread_create(&thread, NULL, execute, NULL))
		errx(2, "no thread");
	while (time(NULL) < end)
		change(2 * ++changes);
	atomic_store(&over, true);
	pthread_join(thread, &old);
	printf("%u changes, %zu times the old instruction\n", changes, (size_t)old);
	return old ? 1 : 0;
}
