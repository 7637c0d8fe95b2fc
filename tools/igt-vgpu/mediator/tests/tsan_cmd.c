// SPDX-License-Identifier: MIT
/*
 * Two command streamers, the CPU's aperture and a writer of GGTT entries at the same time, for
 * ThreadSanitizer: atomics must not lose a count, semaphores must hand the token over in turns, and
 * nothing may race on what the GPU keeps for itself.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "cs_fixture.h"

#define PAGES		64
#define ROUNDS		2000
#define GGTT(page)	((uint32_t)(page) << GPU_PAGE_SHIFT)

enum { SHARED = 1, PROGRAM = 2 /* one page for each engine */, RING = 6, SCRATCH = 40 };
enum { COUNTER = 0, FREELY = 8, TOKEN = 64, DATA = 128 };	/* in the shared page */

static uint8_t *memory;
static atomic_bool quit;
static _Atomic uint64_t clock_ns;
static _Atomic unsigned int kicks;

static void *host_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	(void)opaque;
	(void)write;
	return domain || addr >= PAGES * GPU_PAGE_SIZE ? NULL : memory + addr;
}

static uint64_t host_now(void *opaque)
{
	(void)opaque;
	return atomic_fetch_add(&clock_ns, 10);
}

static void host_irq(void *opaque, bool level)
{
	(void)opaque;
	(void)level;
}

static void host_kick(void *opaque, enum gpu_engine_id engine)
{
	(void)opaque;
	(void)engine;
	atomic_fetch_add(&kicks, 1);
}

static void host_log(void *opaque, enum gpu_log_level level, const char *line)
{
	(void)opaque;
	(void)level;
	(void)line;
}

static const struct gpu_host_ops ops = {
	.page = host_page, .irq = host_irq, .now_ns = host_now, .kick = host_kick, .log = host_log,
};

/* Outside the turns: both engines do it at the same time. */
#define COUNT_FREELY	MI(0x2f) | 1 | MI_GGTT | 5 << 8, GGTT(SHARED) + FREELY, 0

/* Wait for the token, count, pass it on, and again. @mine: the token's value at our turn. */
static void write_program(enum gpu_engine_id id, uint32_t mine, uint32_t next)
{
	uint32_t *at = (uint32_t *)(memory + (PROGRAM + id) * GPU_PAGE_SIZE);
	const uint32_t program[] = {
		COUNT_FREELY, COUNT_FREELY,
		MI(0x1c) | 2 | MI_GGTT | 1 << 15 | 4 << 12, mine, GGTT(SHARED) + TOKEN, 0,
		MI(0x2f) | 1 | MI_GGTT | 5 << 8, GGTT(SHARED) + COUNTER, 0,
		MI(0x2e) | 3 | 3 << 21, GGTT(SHARED) + DATA + 4 * id, 0, GGTT(SHARED) + COUNTER, 0,
		COUNT_FREELY, COUNT_FREELY,
		MI(0x02),
		MI_SDI(1) | MI_GGTT, GGTT(SHARED) + TOKEN, 0, next,
		MI_BBS, GGTT(PROGRAM + id), 0,
	};

	memcpy(at, program, sizeof(program));
	at = (uint32_t *)(memory + (RING + id) * GPU_PAGE_SIZE);
	at[0] = MI_BBS;
	at[1] = GGTT(PROGRAM + id);
}

/* Step one stream until it has gone round often enough; returns how often it failed. */
static void *run_stream(void *arg)
{
	struct gpu_engine *engine = arg;
	struct gpu_cs *cs = &engine->cs;
	uintptr_t bad = 0;
	unsigned int rounds = 0;

	cs->ring_start = GGTT(RING + engine->id);
	cs->ring_size = GPU_PAGE_SIZE;
	cs->head = 0;
	cs->tail = 16;
	gpu_cs_start(cs);
	while (rounds < ROUNDS) {
		enum gpu_cs_result result = gpu_cs_step(cs);

		if (result == GPU_CS_HANG)
			return (void *)(bad + 1);
		if (result == GPU_CS_WAIT)
			sched_yield();
		else if (cs->ipehr == MI_BBS && cs->depth)
			rounds++;
	}
	/* the first jump, from the ring, was counted too: finish the last round */
	while (cs->level[1].addr != GGTT(PROGRAM + engine->id) + 4 * (17 + 4 * 3))
		if (gpu_cs_step(cs) == GPU_CS_HANG)
			return (void *)(bad + 1);
	return NULL;
}

/* The CPU: reads the counter, which must never go back, and writes beside it. */
static void *run_aperture(void *arg)
{
	struct gpu *gpu = arg;
	uint64_t value, last = 0;

	while (!atomic_load(&quit)) {
		if (!gpu_aperture_read(gpu, 0, GGTT(SHARED) + COUNTER, 4, &value) || value < last)
			return (void *)1;
		last = value;
		gpu_aperture_write(gpu, 0, GGTT(SCRATCH), 8, value);
		sched_yield();
	}
	return NULL;
}

/* Another driver thread: maps and unmaps pages, which makes every cached translation stale. */
static void *run_ggtt(void *arg)
{
	struct gpu *gpu = arg;
	uint32_t i = 0;

	while (!atomic_load(&quit)) {
		gpu_ggtt_write(gpu, 1000 + i % 100, i % 3 ? GGTT(SCRATCH) | GPU_PTE_PRESENT : 0);
		gpu_mmio_write(gpu, 0x100000 + 8 * (i % 32), 4, 0);
		i++;
		sched_yield();
	}
	return NULL;
}

static void two_streams_take_turns_while_others_look_and_map(void **state)
{
	static const struct gpu_config config = { .platform = GPU_SKL, .native = true };
	struct gpu *gpu;
	pthread_t threads[4];
	uint32_t counter;
	void *failed;
	unsigned int i;

	(void)state;
	memory = aligned_alloc(GPU_PAGE_SIZE, PAGES * GPU_PAGE_SIZE);
	assert_non_null(memory);
	memset(memory, 0, PAGES * GPU_PAGE_SIZE);
	gpu = gpu_new(&config, &ops, NULL);
	assert_non_null(gpu);
	for (i = 1; i < PAGES; i++)
		gpu_ggtt_write(gpu, i, (uint64_t)i << GPU_PAGE_SHIFT | GPU_PTE_PRESENT);
	write_program(GPU_RCS0, 0, 1);
	write_program(GPU_BCS0, 1, 0);

	assert_int_equal(pthread_create(&threads[0], NULL, run_aperture, gpu), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, run_ggtt, gpu), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, run_stream, &gpu->engine[GPU_RCS0]), 0);
	assert_int_equal(pthread_create(&threads[3], NULL, run_stream, &gpu->engine[GPU_BCS0]), 0);
	for (i = 4; i-- > 0;) {
		if (i == 1)
			atomic_store(&quit, true);
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	memcpy(&counter, memory + SHARED * GPU_PAGE_SIZE + COUNTER, sizeof(counter));
	assert_int_equal(counter, 2 * ROUNDS);
	memcpy(&counter, memory + SHARED * GPU_PAGE_SIZE + FREELY, sizeof(counter));
	assert_int_equal(counter, 2 * ROUNDS * 4);
	gpu_free(gpu);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_streams_take_turns_while_others_look_and_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
