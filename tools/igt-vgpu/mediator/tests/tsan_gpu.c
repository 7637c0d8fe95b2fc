// SPDX-License-Identifier: MIT
/*
 * The GPU with real threads, for ThreadSanitizer: one runner per engine, several vCPUs that submit,
 * poll, reset and change the GGTT at once. What is checked by assertion: every submission
 * completes, and nothing starves.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define ROUNDS		200
#define MI_LRI1		(0x22u << 23 | 1)
#define MI_STORE	(0x20u << 23 | 1u << 22 | 2)
#define MI_BB_START	(0x31u << 23 | 1u << 8 | 1)
#define MI_USER_IRQ	(0x02u << 23)

static atomic_bool quit;
static atomic_bool kicked[GPU_NUM_ENGINES];
static atomic_uint irqs;

static uint64_t now_ns(void *opaque)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void kick(void *opaque, enum gpu_engine_id engine)
{
	atomic_store(&kicked[engine], true);
}

static void irq(void *opaque, bool level)
{
	atomic_fetch_add(&irqs, level);
}

static void quiet(void *opaque, enum gpu_log_level level, const char *line)
{
}

struct runner { struct fx *fx; enum gpu_engine_id id; pthread_t thread; };

static void *runner(void *arg)
{
	struct runner *r = arg;
	uint64_t poll;

	while (!atomic_load(&quit)) {
		if (!atomic_exchange(&kicked[r->id], false)) {
			usleep(20);
			continue;
		}
		while (gpu_engine_run(r->fx->gpu, r->id, 500, &poll) && !atomic_load(&quit))
			;
		if (poll)
			atomic_store(&kicked[r->id], true);
	}
	return NULL;
}

/* A vCPU that looks around: registers, interrupts, GGTT entries that nobody uses. */
static void *looker(void *arg)
{
	struct fx *fx = arg;
	uint32_t i = 0;

	while (!atomic_load(&quit)) {
		fx_reg(fx, fx_base(i % 4) + 0x34);
		fx_reg(fx, fx_base(i % 4) + 0x74);
		fx_reg(fx, fx_base(i % 4) + 0x9c);
		fx_reg(fx, fx_base(i % 4) + 0x358);
		fx_reg(fx, 0x44200);
		fx_set_reg(fx, 0x44308, ~0u);
		gpu_ggtt_write(fx->gpu, 0x80000 + i % 64, i | 1);
		if (i % 64 == 0)
			gpu_invalidate_host_pages(fx->gpu, 0);
		i++;
	}
	return NULL;
}

static bool wait_idle(struct fx *fx, enum gpu_engine_id engine)
{
	uint64_t end = now_ns(NULL) + 5000000000ull;

	while (fx_reg(fx, fx_base(engine) + 0x234) & (1u << 2 | 1u << 18))
		if (now_ns(NULL) > end)
			return false;
	return true;
}

/* Submissions that complete, one after the other, on one engine. */
static void *submitter(void *arg)
{
	struct runner *r = arg;
	uint32_t result = fx_ggtt_alloc(r->fx, 0, 1), base = fx_base(r->id);
	struct fx_context ctx;
	unsigned int i;

	fx_context_init(r->fx, &ctx, r->id, 0);
	for (i = 1; i <= ROUNDS; i++) {
		fx_emit(&ctx, 8, MI_STORE, result, 0u, i, MI_LRI1, base + 0x600, i, MI_USER_IRQ);
		fx_submit(r->fx, &ctx, NULL);
		if (!wait_idle(r->fx, r->id))
			return "a submission did not complete";
		if (__atomic_load_n((uint32_t *)fx_at(r->fx, result), __ATOMIC_ACQUIRE) != i)
			return "a store did not arrive";
	}
	return NULL;
}

/* A spinner full of register writes on one engine, which is reset again and again. */
static void *resetter(void *arg)
{
	struct runner *r = arg;
	uint64_t page = fx_alloc(r->fx, 0, 1);
	uint32_t *cs = fx_mem(r->fx, 0, page);
	unsigned int i;

	for (i = 0; i < 300; i += 3) {
		cs[i] = MI_LRI1;
		cs[i + 1] = fx_base(r->id) + 0x608;
		cs[i + 2] = i;
	}
	cs[300] = MI_BB_START;
	cs[301] = 0x100000;
	cs[302] = 0;
	for (i = 0; i < ROUNDS / 10; i++) {
		struct fx_context ctx;

		fx_hwsp(r->fx, r->id);
		fx_context_init(r->fx, &ctx, r->id, 0);
		fx_ppgtt_map(&ctx, 0x100000, page, 1, 0);
		fx_emit(&ctx, 4, MI_BB_START, 0x100000u, 0u, 0u);
		fx_submit(r->fx, &ctx, NULL);
		usleep(500);
		fx_set_reg(r->fx, fx_base(r->id) + 0xd0, 0x10001);
		fx_set_reg(r->fx, 0x941c, 1u << 4);
		fx_set_reg(r->fx, fx_base(r->id) + 0xd0, 0x10000);
	}
	return NULL;
}

static void engines_vcpus_and_resets_run_side_by_side(void **state)
{
	struct fx *fx = fx_new(GPU_SKL, true);
	struct runner r[GPU_NUM_ENGINES];
	pthread_t submit[3], reset, look;
	unsigned int i;
	void *error;

	/* The recording host of the fixture is for one thread; this one is not. */
	fx->ops.now_ns = now_ns;
	fx->ops.kick = kick;
	fx->ops.irq = irq;
	fx->ops.log = quiet;
	gpu_power_on_reset(fx->gpu);
	fx_set_reg(fx, 0x44304, 0);
	fx_set_reg(fx, 0x4430c, ~0u);
	fx_set_reg(fx, 0x44200, 1u << 31);
	for (i = 0; i < GPU_NUM_ENGINES; i++) {
		r[i] = (struct runner){ .fx = fx, .id = i };
		fx_hwsp(fx, i);
		fx_set_reg(fx, fx_base(i) + 0xa8, 0);
		pthread_create(&r[i].thread, NULL, runner, &r[i]);
	}
	for (i = 0; i < 3; i++)
		pthread_create(&submit[i], NULL, submitter, &r[i]);
	pthread_create(&look, NULL, looker, fx);
	pthread_create(&reset, NULL, resetter, &r[GPU_VECS0]);
	for (i = 0; i < 3; i++) {
		pthread_join(submit[i], &error);
		if (error)
			fail_msg("engine %u: %s", i, (const char *)error);
	}
	pthread_join(reset, &error);
	atomic_store(&quit, true);
	pthread_join(look, NULL);
	for (i = 0; i < GPU_NUM_ENGINES; i++)
		pthread_join(r[i].thread, NULL);
	assert_true(atomic_load(&irqs) > 0);
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_vcpus_and_resets_run_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
