// SPDX-License-Identifier: MIT
/*
 * Whether balloons keep an allocator in our part, and whether they come and go without a trace.
 *
 * The allocator is a real drm_mm, as the GGTT's is.
 */

#include <kunit/test.h>

#include <linux/sizes.h>

#include <drm/drm_mm.h>

#include "../i915_vgpu_balloon.h"
#include "i915_vgpu_tests.h"

#define TOTAL		SZ_4G
#define APERTURE	SZ_256M
#define PAGE		SZ_4K

struct balloon_test {
	struct drm_mm mm;
	struct vgpu_partition partition;
	struct vgpu_balloon balloon;
	/* what allocations_stay_in_our_part() allocates: too much for the stack */
	struct drm_mm_node nodes[8], extra;
};

static void set_partition(struct kunit *test, struct vgpu_partition *partition,
			  struct vgpu_grant grant)
{
	struct vgpu_fault fault;

	KUNIT_ASSERT_EQ(test, vgpu_partition_init(partition, &grant, APERTURE, TOTAL, 0, &fault),
			0);
}

/* A partition in the middle of both halves, so that there are four balloons. */
static int balloon_test_init(struct kunit *test)
{
	static const struct vgpu_grant grant = { SZ_64M, SZ_64M, SZ_512M, SZ_512M };
	struct balloon_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);

	drm_mm_init(&t->mm, 0, TOTAL);
	test->priv = t;
	set_partition(test, &t->partition, grant);
	return 0;
}

/* Whatever happened, nothing stays reserved. KUnit calls this after an init that failed, too. */
static void balloon_test_exit(struct kunit *test)
{
	struct balloon_test *t = test->priv;

	if (!t)
		return;

	KUNIT_EXPECT_TRUE(test, drm_mm_clean(&t->mm));
	drm_mm_takedown(&t->mm);
}

static void expect_no_trace(struct kunit *test)
{
	struct balloon_test *t = test->priv;
	int i;

	KUNIT_EXPECT_TRUE(test, drm_mm_clean(&t->mm));
	KUNIT_EXPECT_EQ(test, vgpu_balloon_size(&t->balloon), 0);
	for (i = 0; i < VGPU_NUM_BALLOONS; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(&t->balloon.node[i], 0,
						   sizeof(t->balloon.node[i])));
}

static void each_balloon_covers_its_range(struct kunit *test)
{
	struct balloon_test *t = test->priv;
	u64 sum = 0;
	int i;

	KUNIT_ASSERT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		const struct drm_mm_node *node = &t->balloon.node[i];

		KUNIT_EXPECT_TRUE(test, drm_mm_node_allocated(node));
		KUNIT_EXPECT_EQ(test, node->start, t->partition.balloon[i].start);
		KUNIT_EXPECT_EQ(test, node->start + node->size, t->partition.balloon[i].end);
		sum += node->size;
	}
	KUNIT_EXPECT_EQ(test, vgpu_balloon_size(&t->balloon), sum);
	KUNIT_EXPECT_EQ(test, sum, TOTAL - SZ_64M - SZ_512M);

	vgpu_balloon_deflate(&t->balloon);
	expect_no_trace(test);
}

/* What is left between the balloons is ours: exactly, and nothing else. */
static void what_is_left_is_ours(struct kunit *test)
{
	struct balloon_test *t = test->priv;
	struct drm_mm_node *entry;
	u64 start, end;
	int holes = 0;

	KUNIT_ASSERT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);

	drm_mm_for_each_hole(entry, &t->mm, start, end) {
		const struct vgpu_range *ours = end <= APERTURE ? &t->partition.mappable :
								  &t->partition.nonmappable;

		KUNIT_EXPECT_EQ(test, start, ours->start);
		KUNIT_EXPECT_EQ(test, end, ours->end);
		holes++;
	}
	KUNIT_EXPECT_EQ(test, holes, 2);

	vgpu_balloon_deflate(&t->balloon);
}

/* Until nothing is left, from every side: none is given out that belongs to others. */
static void allocations_stay_in_our_part(struct kunit *test)
{
	static const enum drm_mm_insert_mode modes[] = {
		DRM_MM_INSERT_BEST, DRM_MM_INSERT_LOW, DRM_MM_INSERT_HIGH, DRM_MM_INSERT_EVICT
	};
	static const struct vgpu_grant grant = { SZ_64M, SZ_2M, SZ_512M, SZ_2M };
	const u64 size = SZ_2M / 4;
	struct balloon_test *t = test->priv;
	struct drm_mm_node *nodes = t->nodes;
	int mode, i;

	set_partition(test, &t->partition, grant);
	KUNIT_ASSERT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);

	for (mode = 0; mode < ARRAY_SIZE(modes); mode++) {
		for (i = 0; i < ARRAY_SIZE(t->nodes); i++) {
			u64 start;

			KUNIT_ASSERT_EQ(test, drm_mm_insert_node_in_range(&t->mm, &nodes[i], size,
									  0, 0, 0, TOTAL,
									  modes[mode]), 0);
			start = nodes[i].start;
			if (start >= APERTURE)
				start -= SZ_512M - SZ_64M;
			KUNIT_EXPECT_GE(test, start, SZ_64M);
			KUNIT_EXPECT_LE(test, start + size, SZ_64M + SZ_2M);
		}

		/* Our part is full: the next one gets nothing, rather than something of others. */
		KUNIT_EXPECT_EQ(test, drm_mm_insert_node_in_range(&t->mm, &t->extra, PAGE, 0, 0, 0,
								  TOTAL, modes[mode]), -ENOSPC);

		for (i = 0; i < ARRAY_SIZE(t->nodes); i++)
			drm_mm_remove_node(&nodes[i]);
	}

	vgpu_balloon_deflate(&t->balloon);
}

/*
 * Somebody sits in the range, at either end of it: of each of the four in turn, so that each
 * reservation fails once, and those before it are undone.
 */
static void a_range_that_is_taken_is_an_error(struct kunit *test)
{
	struct balloon_test *t = test->priv;
	int step, at_end;

	for (step = 0; step < VGPU_NUM_BALLOONS; step++) {
		for (at_end = 0; at_end <= 1; at_end++) {
			const struct vgpu_range *range = &t->partition.balloon[step];
			struct drm_mm_node squatter = {
				.start = at_end ? range->end - PAGE : range->start,
				.size = PAGE,
			};

			KUNIT_ASSERT_EQ(test, drm_mm_reserve_node(&t->mm, &squatter), 0);
			KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm,
								   &t->partition), -ENOSPC);
			KUNIT_EXPECT_TRUE(test, drm_mm_node_allocated(&squatter));
			drm_mm_remove_node(&squatter);
			expect_no_trace(test);

			/* The next attempt finds everything as if there had been none. */
			KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm,
								   &t->partition), 0);
			vgpu_balloon_deflate(&t->balloon);
			expect_no_trace(test);
		}
	}
}

static void somebody_in_our_part_is_in_nobodys_way(struct kunit *test)
{
	struct balloon_test *t = test->priv;
	struct drm_mm_node early = { .start = SZ_64M, .size = SZ_64M };

	KUNIT_ASSERT_EQ(test, drm_mm_reserve_node(&t->mm, &early), 0);
	KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);
	vgpu_balloon_deflate(&t->balloon);
	drm_mm_remove_node(&early);
}

static void the_whole_graphics_memory_needs_no_reservation(struct kunit *test)
{
	static const struct vgpu_grant grant = { 0, SZ_256M, SZ_256M, 0xf0000000 };
	struct balloon_test *t = test->priv;

	set_partition(test, &t->partition, grant);
	KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);
	expect_no_trace(test);
}

static void deflating_twice_or_for_nothing_is_harmless(struct kunit *test)
{
	struct balloon_test *t = test->priv;

	vgpu_balloon_deflate(&t->balloon);
	expect_no_trace(test);

	KUNIT_ASSERT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);
	vgpu_balloon_deflate(&t->balloon);
	vgpu_balloon_deflate(&t->balloon);
	expect_no_trace(test);
}

/* Whose they are is up to the caller: there is no state but what is passed in. */
static void balloons_of_two_allocators_come_and_go_alone(struct kunit *test)
{
	static const struct vgpu_grant grant = { SZ_128M, SZ_64M, SZ_1G, SZ_512M };
	struct balloon_test *t = test->priv;
	struct balloon_test *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, other);
	drm_mm_init(&other->mm, 0, TOTAL);
	set_partition(test, &other->partition, grant);

	KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&t->balloon, &t->mm, &t->partition), 0);
	KUNIT_EXPECT_EQ(test, vgpu_balloon_inflate(&other->balloon, &other->mm, &other->partition),
			0);

	vgpu_balloon_deflate(&t->balloon);
	expect_no_trace(test);

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		KUNIT_EXPECT_TRUE(test, drm_mm_node_allocated(&other->balloon.node[i]));
		KUNIT_EXPECT_EQ(test, other->balloon.node[i].start,
				other->partition.balloon[i].start);
	}

	vgpu_balloon_deflate(&other->balloon);
	KUNIT_EXPECT_TRUE(test, drm_mm_clean(&other->mm));
	drm_mm_takedown(&other->mm);
}

static struct kunit_case balloon_cases[] = {
	KUNIT_CASE(each_balloon_covers_its_range),
	KUNIT_CASE(what_is_left_is_ours),
	KUNIT_CASE(allocations_stay_in_our_part),
	KUNIT_CASE(a_range_that_is_taken_is_an_error),
	KUNIT_CASE(somebody_in_our_part_is_in_nobodys_way),
	KUNIT_CASE(the_whole_graphics_memory_needs_no_reservation),
	KUNIT_CASE(deflating_twice_or_for_nothing_is_harmless),
	KUNIT_CASE(balloons_of_two_allocators_come_and_go_alone),
	{}
};

struct kunit_suite i915_vgpu_balloon_suite = {
	.name = "i915_vgpu_balloon",
	.init = balloon_test_init,
	.exit = balloon_test_exit,
	.test_cases = balloon_cases,
};
