// SPDX-License-Identifier: MIT
/*
 * The life of contexts: each keeps its own state, wherever its image lies and whoever ran before.
 *
 * A context is told from another by a general purpose register that is saved with it. A mediator
 * runs copies of contexts, and may keep them: what breaks these tests is a copy that is used for the
 * wrong context (an image's address used again, a context that moved, a reset in between), or one
 * that is not written back. What breaks them, too: a context that stays in the GGTT though nobody
 * needs it there, so that others find no room.
 */

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("Contexts keep their state: many, moving, dying, and over resets.");

#define FEW		64
#define ROUNDS		4
#define GENERATIONS	24
/* The least a render context takes in the GGTT: its image, its ring, its timeline; bytes. */
#define IMAGE_PAGES	22
#define FULL_TIMES	10

static uint32_t value_of(unsigned int context, unsigned int round)
{
	return 0x10000 * (round + 1) + context;
}

static void check_gpr(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t expected)
{
	uint32_t target = gem_create(fd, VGPU_PAGE);

	igt_assert_eq(vgpu_gpr_store(fd, context, engine, target, 0), 0);
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), expected);
	gem_close(fd, target);
}

/* All load, then all are looked at; in another order each round. */
static void test_switching(int fd, const struct vgpu_engine *engine)
{
	uint32_t contexts[FEW], target = gem_create(fd, VGPU_PAGE), page[VGPU_PAGE / 4];

	for (unsigned int i = 0; i < FEW; i++)
		contexts[i] = gem_context_create(fd);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < FEW; i++) {
			unsigned int n = (i * (2 * round + 1)) % FEW;

			igt_assert_eq(vgpu_gpr_load(fd, contexts[n], engine, value_of(n, round)), 0);
		}
		for (unsigned int i = 0; i < FEW; i++)
			igt_assert_eq(vgpu_gpr_store(fd, contexts[i], engine, target, 4 * i), 0);
		gem_read(fd, target, 0, page, sizeof(page));
		for (unsigned int i = 0; i < FEW; i++)
			igt_assert_eq_u32(page[i], value_of(i, round));
	}
	for (unsigned int i = 0; i < FEW; i++)
		gem_context_destroy(fd, contexts[i]);
	gem_close(fd, target);
}

/*
 * Generation after generation takes the place of the one before: a new context begins with zero,
 * not with what its predecessor at that address left.
 */
static void test_address_used_again(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	for (unsigned int i = 0; i < GENERATIONS; i++) {
		uint32_t context = gem_context_create(guest->fd);

		check_gpr(guest->fd, context, engine, 0);
		igt_assert_eq(vgpu_gpr_load(guest->fd, context, engine, value_of(i, 0)), 0);
		check_gpr(guest->fd, context, engine, value_of(i, 0));
		gem_context_destroy(guest->fd, context);
		if (i % 2)
			vgpu_drop_caches(guest);
	}
}

/* A context that left the GGTT while idle comes back, perhaps elsewhere, as it was. */
static void test_move(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	uint32_t contexts[FEW];

	for (unsigned int i = 0; i < FEW; i++) {
		contexts[i] = gem_context_create(guest->fd);
		igt_assert_eq(vgpu_gpr_load(guest->fd, contexts[i], engine, value_of(i, 1)), 0);
	}
	vgpu_drop_caches(guest);
	for (unsigned int i = FEW; i-- > 0;)
		check_gpr(guest->fd, contexts[i], engine, value_of(i, 1));
	for (unsigned int i = 0; i < FEW; i++)
		gem_context_destroy(guest->fd, contexts[i]);
}

/* The driver may let go of the context's name, not of its work. */
static void test_destroy_while_busy(int fd, const struct vgpu_engine *engine)
{
	uint32_t target = gem_create(fd, VGPU_PAGE);

	for (uint32_t i = 1; i <= GENERATIONS; i++) {
		struct vgpu_submit to = { .context = gem_context_create(fd),
					  .engine = engine->flags };
		uint32_t spinner = vgpu_spin(fd, &to);

		igt_assert_eq(vgpu_store(fd, &to, target, 0, i), 0);
		gem_context_destroy(fd, to.context);
		vgpu_spin_end(fd, spinner);
		gem_close(fd, spinner);
		gem_sync(fd, target);
		vgpu_check_all_engines(fd);
	}
	gem_close(fd, target);
}

/* All engines are reset while one spins: idle contexts have lost nothing, new ones begin with zero. */
static void test_reset(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest->fd),
				   .engine = engine->flags };
	uint32_t contexts[FEW / 4], spinner, new;

	for (unsigned int i = 0; i < ARRAY_SIZE(contexts); i++) {
		contexts[i] = gem_context_create(guest->fd);
		igt_assert_eq(vgpu_gpr_load(guest->fd, contexts[i], engine, value_of(i, 2)), 0);
	}
	check_gpr(guest->fd, contexts[0], engine, value_of(0, 2));
	vgpu_set_bannable(guest->fd, bad.context, false);
	spinner = vgpu_spin(guest->fd, &bad);
	vgpu_full_reset(guest);
	gem_sync(guest->fd, spinner);
	for (unsigned int i = 0; i < ARRAY_SIZE(contexts); i++)
		check_gpr(guest->fd, contexts[i], engine, value_of(i, 2));
	new = gem_context_create(guest->fd);
	check_gpr(guest->fd, new, engine, 0);
	vgpu_check_all_engines(guest->fd);
	for (unsigned int i = 0; i < ARRAY_SIZE(contexts); i++)
		gem_context_destroy(guest->fd, contexts[i]);
	gem_context_destroy(guest->fd, new);
	gem_context_destroy(guest->fd, bad.context);
	gem_close(guest->fd, spinner);
}

/*
 * Ten times as many contexts as the GGTT has room for. Each runs twice, with all the others in
 * between, so that each has to give its place to others and get one again.
 */
static void test_more_than_fit(const struct vgpu_guest *guest)
{
	const struct vgpu_grant *grant = &guest->grant;
	uint64_t room = grant->mappable.end - grant->mappable.start +
			grant->hidden.end - grant->hidden.start;
	unsigned int count = FULL_TIMES * room / (IMAGE_PAGES * VGPU_PAGE);
	uint32_t *contexts = calloc(count, sizeof(*contexts));
	uint32_t target = gem_create(guest->fd, count * sizeof(uint32_t));
	uint32_t *seen = calloc(count, sizeof(*seen));

	igt_require_f(room <= 64ull << 20, "the partition is too large to be filled in a minute\n");
	igt_assert(contexts && seen);
	igt_info("%u contexts, room for %u\n", count, count / FULL_TIMES);
	for (unsigned int i = 0; i < count; i++) {
		contexts[i] = gem_context_create(guest->fd);
		igt_assert_eq(vgpu_gpr_load(guest->fd, contexts[i], &vgpu_engines[0],
					    value_of(i, 0)), 0);
	}
	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq(vgpu_gpr_store(guest->fd, contexts[i], &vgpu_engines[0], target,
					     i * sizeof(uint32_t)), 0);
	gem_read(guest->fd, target, 0, seen, count * sizeof(*seen));
	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq_u32(seen[i], value_of(i, 0));
	for (unsigned int i = 0; i < count; i++)
		gem_context_destroy(guest->fd, contexts[i]);
	gem_close(guest->fd, target);
	free(contexts);
	free(seen);
}

/*
 * A function of its own: a loop variable in a register would not survive the jump out of a failing
 * subtest.
 */
static void __attribute__((noinline))
subtests_of(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	igt_describe("Breaks if a switch loads or saves the wrong context.");
	igt_subtest_f("contexts-in-turn-keep-their-registers-on-%s", engine->name)
		test_switching(guest->fd, engine);

	igt_describe("Breaks if something is kept by an address that means another context now.");
	igt_subtest_f("a-new-context-at-an-old-address-begins-with-zero-on-%s", engine->name)
		test_address_used_again(guest, engine);

	igt_describe("Breaks if a context's state is lost when it leaves the GGTT.");
	igt_subtest_f("contexts-that-left-the-ggtt-come-back-unchanged-on-%s", engine->name)
		test_move(guest, engine);

	igt_describe("Breaks if a reset of all engines costs idle contexts their state.");
	igt_subtest_f("idle-contexts-survive-a-full-reset-on-%s", engine->name)
		test_reset(guest, engine);

	/* The driver runs a checked copy of a blitter batch: a spinner there cannot be ended. */
	if (engine->flags == I915_EXEC_BLT)
		return;

	igt_describe("Breaks if the end of a context is taken for the end of its work.");
	igt_subtest_f("contexts-are-destroyed-while-busy-on-%s", engine->name)
		test_destroy_while_busy(guest->fd, engine);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture
		vgpu_guest_open(&guest);

	vgpu_for_each_engine(e)
		subtests_of(&guest, e);

	igt_describe("Breaks if an idle context keeps its place in the GGTT.");
	igt_subtest("ten-times-as-many-contexts-as-fit-all-make-progress") {
		vgpu_guest_require(&guest);
		test_more_than_fit(&guest);
	}

	igt_fixture
		vgpu_guest_close(&guest);
}
