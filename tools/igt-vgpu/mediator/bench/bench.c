// SPDX-License-Identifier: MIT
/*
 * The core's benchmark: prints a JSON list of what its work costs, see bench.h. Its caller, the
 * runner's bench_core.py, makes a table and plots of it.
 *
 * What a row measures stands in bench_gpu.c and bench_gvt.c. core-bench WHAT measures only that, for
 * profile.sh: trap, parse, ...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define ROUNDS	15

static uint32_t one_call(uint32_t value)
{
	return value + 1;
}

static uint32_t (*volatile call)(uint32_t value) = one_call;

static void many_calls(void *arg, unsigned int n)
{
	uint32_t value = 0;

	(void)arg;
	while (n--)
		value = call(value);
}

const struct bench_work bench_calls = { many_calls, NULL };

static double thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static const char *only;	/* what is asked for; NULL: all */

/* A function of its own, with all that it calls: what profile.sh looks at. */
__attribute__((noinline)) static double time_of_work(struct bench_work work, unsigned int times)
{
	double begin = thread_ns();

	work.run(work.arg, times);
	return (thread_ns() - begin) / times;
}

static double time_of(struct bench_work work, unsigned int times)
{
	double begin = thread_ns();

	work.run(work.arg, times);
	return (thread_ns() - begin) / times;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static void begin_row(const char *what, const char *kind)
{
	static const char *separator = "";

	printf("%s\n { \"what\": \"%s\", \"kind\": \"%s\"", separator, what, kind);
	separator = ",";
}

bool bench_row(const char *what, const char *kind, unsigned int n, unsigned int times,
	       struct bench_work work, struct bench_work reference)
{
	double ns[ROUNDS], reference_ns[ROUNDS];
	unsigned int i;

	if (only && strcmp(only, what))
		return false;
	time_of(work, times);		/* caches and page tables */
	for (i = 0; i < ROUNDS; i++) {
		ns[i] = time_of_work(work, times);
		reference_ns[i] = time_of(reference, times);
	}
	begin_row(what, kind);
	printf(", \"n\": %u, \"ns\": %.2f, \"reference_ns\": %.2f }", n, median(ns),
	       median(reference_ns));
	fflush(stdout);
	return true;
}

void bench_bytes(const char *what, const char *kind, size_t bytes)
{
	begin_row(what, kind);
	printf(", \"bytes\": %zu }", bytes);
}

int main(int argc, char **argv)
{
	only = argc > 1 ? argv[1] : NULL;
	printf("[");
	bench_gpu();
	bench_gvt();
	printf("\n]\n");
	return 0;
}
