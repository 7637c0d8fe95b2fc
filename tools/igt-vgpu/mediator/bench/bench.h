/* SPDX-License-Identifier: MIT */
/*
 * What work of the core costs, each against a reference in the same process.
 *
 * The machine is busy with other things, and its clock speed changes: so time is the thread's own,
 * work and reference take turns, and what is told of both is the median of many rounds. What is
 * compared from machine to machine is the ratio.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

/** struct bench_work - something that is done @n times over by run(@arg, @n) */
struct bench_work {
	void (*run)(void *arg, unsigned int n);
	void *arg;
};

/*
 * Measure @work and @reference, each done @times, and print a row of the JSON list:
 * { "what", "kind", "n", "ns", "reference_ns" }, where @n, the amount of work in one time, is the
 * caller's, and both ns are those of one time. False: only other rows were asked for.
 */
bool bench_row(const char *what, const char *kind, unsigned int n, unsigned int times,
	       struct bench_work work, struct bench_work reference);
/* A row of something that is no time: { "what", "kind", "bytes" }. */
void bench_bytes(const char *what, const char *kind, size_t bytes);

/* The least that an access can cost: calls through a pointer that the compiler does not know. */
extern const struct bench_work bench_calls;

/* The parts; each prints its rows. */
void bench_gpu(void);
void bench_gvt(void);

#endif /* BENCH_H */
