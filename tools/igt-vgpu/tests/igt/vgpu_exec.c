// SPDX-License-Identifier: MIT
/*
 * A vGPU executes: every engine writes where it is told to, contexts keep apart, copies and fills
 * are exact, and two clients (or more) get on at once. What breaks these tests: an engine that
 * loses a submission, an interrupt that does not come (waits end only after seconds), a PPGTT that
 * leads elsewhere.
 */

#include <fcntl.h>
#include <time.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("Batches on every engine, contexts, blits; two clients at once.");

#define SWITCHES	200
#define CLIENTS		4
#define ROUNDS		50
#define PITCH		1024u
#define ROWS		64u
/*
 * A waiter polls without an interrupt only after seconds; this many rounds in this time need
 * interrupts.
 */
#define ROUNDS_MAX_MS	20000

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* Every dword of a page, each by a batch of its own, and none beside it. */
static void test_stores(int fd, const struct vgpu_engine *engine)
{
	const struct vgpu_submit to = { .engine = engine->flags };
	uint32_t target = gem_create(fd, VGPU_PAGE), page[VGPU_PAGE / 4];

	for (unsigned int i = 0; i < 64; i++)
		igt_assert_eq(vgpu_store(fd, &to, target, i * 8, ~i), 0);
	gem_read(fd, target, 0, page, sizeof(page));
	for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
		igt_assert_eq_u32(page[i], i < 128 && !(i & 1) ? ~(i / 2) : 0);
	gem_close(fd, target);
}

/*
 * Two contexts in turn on one engine; the order of their writes to one dword is that of submission.
 */
static void test_switches(int fd, const struct vgpu_engine *engine)
{
	uint32_t target = gem_create(fd, VGPU_PAGE);
	uint32_t context[2] = { gem_context_create(fd), gem_context_create(fd) };

	for (uint32_t i = 1; i <= SWITCHES; i++) {
		const struct vgpu_submit to = { .context = context[i & 1],
						.engine = engine->flags };

		igt_assert_eq(vgpu_store(fd, &to, target, 0, i), 0);
		if (i % 50 == 0)
			igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), i);
	}
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), SWITCHES);
	gem_context_destroy(fd, context[0]);
	gem_context_destroy(fd, context[1]);
	gem_close(fd, target);
}

/* An engine's write is seen by the next engine, which the driver has to order. */
static void test_engines_in_turn(int fd)
{
	uint32_t target = gem_create(fd, VGPU_PAGE), value = 0;

	for (int round = 0; round < 20; round++) {
		vgpu_for_each_engine(e) {
			const struct vgpu_submit to = { .engine = e->flags };

			igt_assert_eq(vgpu_store(fd, &to, target, 0, ++value), 0);
		}
	}
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), value);
	gem_close(fd, target);
}

static void test_blit(int fd)
{
	uint32_t source = gem_create(fd, PITCH * ROWS), target = gem_create(fd, PITCH * (ROWS + 1));
	uint32_t *data = malloc(PITCH * (ROWS + 1)), *copy = malloc(PITCH * (ROWS + 1));

	igt_assert(data && copy);
	for (unsigned int i = 0; i < PITCH * ROWS / 4; i++)
		data[i] = i * 2654435761u;
	gem_write(fd, source, 0, data, PITCH * ROWS);
	/* One row more than is copied: it must stay as the fill left it. */
	igt_assert_eq(vgpu_blit_fill(fd, target, PITCH, ROWS + 1, 0xdeadbeef), 0);
	igt_assert_eq(vgpu_blit_copy(fd, source, target, PITCH, ROWS), 0);
	gem_read(fd, target, 0, copy, PITCH * (ROWS + 1));
	igt_assert(!memcmp(data, copy, PITCH * ROWS));
	for (unsigned int i = PITCH * ROWS / 4; i < PITCH * (ROWS + 1) / 4; i++)
		igt_assert_eq_u32(copy[i], 0xdeadbeef);
	free(data);
	free(copy);
	gem_close(fd, source);
	gem_close(fd, target);
}

/*
 * Waits that end by interrupts: on average well below the time after which a waiter would look by
 * itself.
 */
static void test_waits(int fd)
{
	uint64_t begin = now_ms(), ms;

	for (uint32_t i = 0; i < ROUNDS; i++)
		vgpu_check_all_engines(fd);
	ms = now_ms() - begin;
	igt_info("%u synchronous batches on each of 4 engines in %llu ms\n", ROUNDS,
		 (unsigned long long)ms);
	igt_assert(ms < ROUNDS_MAX_MS);
}

static void test_clients(const struct vgpu_guest *guest)
{
	igt_fork(child, CLIENTS) {
		const struct vgpu_engine *engine = &vgpu_engines[child % 4];
		struct vgpu_submit to = { .engine = engine->flags };
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/card%u", guest->card);
		fd = open(path, O_RDWR | O_CLOEXEC);
		igt_assert(fd >= 0);
		for (uint32_t i = 0; i < ROUNDS; i++)
			vgpu_store_checked(fd, &to, child << 16 | i);
		close(fd);
	}
	igt_waitchildren();
}

/*
 * A function of its own: a loop variable in a register would not survive the jump out of a failing
 * subtest.
 */
static void __attribute__((noinline))
subtests_of(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	igt_describe(
		"Breaks if a batch is lost, runs twice with another effect, or writes elsewhere.");
	igt_subtest_f("stores-arrive-and-nothing-else-changes-on-%s", engine->name)
		test_stores(guest->fd, engine);

	igt_describe("Breaks if contexts are not switched in the order of submission.");
	igt_subtest_f("two-contexts-in-turn-keep-their-order-on-%s", engine->name)
		test_switches(guest->fd, engine);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
	}

	vgpu_for_each_engine(e)
		subtests_of(&guest, e);

	igt_describe("Breaks if one engine does not wait for what another one writes.");
	igt_subtest("engines-in-turn-see-each-others-writes")
		test_engines_in_turn(guest.fd);

	igt_describe("Breaks if the blitter's copy or fill is off by a byte or a row.");
	igt_subtest("the-blitter-copies-and-fills-exactly")
		test_blit(guest.fd);

	igt_describe("Breaks if completion is noticed only by polling.");
	igt_subtest("waits-end-by-interrupts")
		test_waits(guest.fd);

	igt_describe("Breaks if clients disturb each other.");
	igt_subtest("four-clients-work-at-once")
		test_clients(&guest);

	igt_fixture
		vgpu_guest_close(&guest);
}
