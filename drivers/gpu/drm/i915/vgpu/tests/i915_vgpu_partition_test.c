// SPDX-License-Identifier: MIT
/*
 * Which partitions of the graphics memory a guest accepts, and what it concludes from them.
 */

#include <kunit/test.h>

#include <linux/limits.h>
#include <linux/sizes.h>

#include "../i915_vgpu_partition.h"
#include "i915_vgpu_tests.h"

#define PAGE	SZ_4K

/* Sizes of a GGTT and of its aperture: what hardware has, and what might come. */
#define APERTURE	SZ_256M
#define GGTT_2G		SZ_2G
#define GGTT_4G		SZ_4G
#define GGTT_8G		(2 * SZ_4G)

/* Balloons by &enum vgpu_balloon_id, as a mask. */
#define NONE	0
#define B0	BIT(VGPU_BALLOON_BELOW_MAPPABLE)
#define B1	BIT(VGPU_BALLOON_ABOVE_MAPPABLE)
#define B2	BIT(VGPU_BALLOON_BELOW_NONMAPPABLE)
#define B3	BIT(VGPU_BALLOON_ABOVE_NONMAPPABLE)

struct layout {
	const char *name;
	u64 mappable_end;
	u64 total;
	struct vgpu_grant grant;
	/* if accepted */
	unsigned long balloons;
	/* if refused */
	int err;
	const char *field;
	u64 value;
};

#define OK(name_, mappable_end_, total_, mbase, msize, nbase, nsize, balloons_) {	\
	.name = name_,									\
	.mappable_end = mappable_end_,							\
	.total = total_,								\
	.grant = { mbase, msize, nbase, nsize },					\
	.balloons = balloons_,								\
}

#define BAD(name_, mappable_end_, total_, mbase, msize, nbase, nsize, err_, field_, value_) {	\
	.name = name_,									\
	.mappable_end = mappable_end_,							\
	.total = total_,								\
	.grant = { mbase, msize, nbase, nsize },					\
	.err = err_,									\
	.field = field_,								\
	.value = value_,								\
}

static const struct layout accepted_layouts[] = {
	OK("the whole GGTT needs no balloon",
	   APERTURE, GGTT_4G, 0, SZ_256M, SZ_256M, 0xf0000000, NONE),
	OK("the start of both halves needs two balloons, above",
	   APERTURE, GGTT_4G, 0, SZ_64M, SZ_256M, SZ_512M, B1 | B3),
	OK("the end of both halves needs two balloons, below",
	   APERTURE, GGTT_4G, 0x0c000000, SZ_64M, 0xe0000000, SZ_512M, B0 | B2),
	OK("the middle of both halves needs four balloons",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M, SZ_512M, B0 | B1 | B2 | B3),
	OK("portions that touch at the end of the aperture",
	   APERTURE, GGTT_4G, 0x0c000000, SZ_64M, SZ_256M, SZ_512M, B0 | B3),
	OK("portions at the outermost ends",
	   APERTURE, GGTT_4G, 0, SZ_64M, 0xe0000000, SZ_512M, B1 | B2),
	OK("the smallest partition of GVT-g, as its first vGPU",
	   APERTURE, GGTT_4G, 0x04000000, SZ_64M, 0x1c000000, 0x18000000, B0 | B1 | B2 | B3),
	OK("the largest partition of GVT-g",
	   APERTURE, GGTT_4G, SZ_32M, SZ_128M, 0x20000000, 0xc0000000, B0 | B1 | B2 | B3),

	OK("all of the aperture and nothing else",
	   APERTURE, GGTT_4G, 0, SZ_256M, 0, 0, B2),
	OK("a part of the aperture and nothing else",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0, 0, B0 | B1 | B2),
	OK("everything above the aperture and nothing else",
	   APERTURE, GGTT_4G, 0, 0, SZ_256M, 0xf0000000, B0),
	OK("a part above the aperture and nothing else",
	   APERTURE, GGTT_4G, 0, 0, SZ_512M, SZ_512M, B0 | B2 | B3),
	OK("an absent mappable portion has no base, whatever it says",
	   APERTURE, GGTT_4G, 0xdeadbeef, 0, SZ_512M, SZ_512M, B0 | B2 | B3),
	OK("an absent non-mappable portion has no base, whatever it says",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xdeadbeef, 0, B0 | B1 | B2),

	OK("a page in the middle of the aperture",
	   APERTURE, GGTT_4G, SZ_64M, PAGE, SZ_512M, SZ_512M, B0 | B1 | B2 | B3),
	OK("a page in the middle above the aperture",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M, PAGE, B0 | B1 | B2 | B3),
	OK("the first page of the aperture",
	   APERTURE, GGTT_4G, 0, PAGE, SZ_512M, SZ_512M, B1 | B2 | B3),
	OK("the last page of the aperture",
	   APERTURE, GGTT_4G, SZ_256M - PAGE, PAGE, SZ_512M, SZ_512M, B0 | B2 | B3),
	OK("the first page above the aperture",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_256M, PAGE, B0 | B1 | B3),
	OK("the least that the driver can work with, in the aperture",
	   APERTURE, GGTT_4G, SZ_64M, SZ_4M, 0, 0, B0 | B1 | B2),
	OK("the least that the driver can work with, above the aperture",
	   APERTURE, GGTT_4G, 0, 0, SZ_512M, SZ_4M, B0 | B2 | B3),
	OK("the least that the driver can work with, in two portions",
	   APERTURE, GGTT_4G, SZ_64M, SZ_2M, SZ_512M, SZ_2M, B0 | B1 | B2 | B3),
	OK("balloons of a single page around the portions",
	   APERTURE, GGTT_4G, PAGE, SZ_256M - 2 * PAGE, SZ_256M + PAGE, 0xf0000000 - 2 * PAGE,
	   B0 | B1 | B2 | B3),

	OK("the last page of a 4 GiB GGTT, its guard page",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xfffff000, PAGE, B0 | B1 | B2),
	OK("over the guard page: the last two pages",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xffffe000, 2 * PAGE, B0 | B1 | B2),
	OK("all but the guard page",
	   APERTURE, GGTT_4G, 0, SZ_256M, SZ_256M, 0xf0000000 - PAGE, B3),
	OK("the guard page of a 2 GiB GGTT",
	   APERTURE, GGTT_2G, 0, SZ_256M, SZ_2G - PAGE, PAGE, B2),

	OK("a 2 GiB GGTT as a whole",
	   APERTURE, GGTT_2G, 0, SZ_256M, SZ_256M, SZ_2G - SZ_256M, NONE),
	OK("an aperture of 512 MiB",
	   SZ_512M, GGTT_4G, SZ_256M, SZ_64M, SZ_512M, SZ_512M, B0 | B1 | B3),
	OK("an aperture as large as the GGTT leaves no other half",
	   SZ_2G, GGTT_2G, SZ_512M, SZ_512M, 0, 0, B0 | B1),
	OK("no aperture leaves no mappable half",
	   0, GGTT_4G, 0, 0, SZ_512M, SZ_512M, B2 | B3),

	OK("in an 8 GiB GGTT, a portion that ends at 4 GiB",
	   APERTURE, GGTT_8G, 0, SZ_64M, 0xe0000000, SZ_512M, B1 | B2 | B3),
	OK("in an 8 GiB GGTT, a portion across 4 GiB",
	   APERTURE, GGTT_8G, 0, SZ_64M, 0xf0000000, SZ_512M, B1 | B2 | B3),
	OK("in an 8 GiB GGTT, the last page below 4 GiB",
	   APERTURE, GGTT_8G, 0, SZ_64M, 0xfffff000, PAGE, B1 | B2 | B3),
	OK("in an 8 GiB GGTT, the largest base and the largest size that the ABI can express",
	   APERTURE, GGTT_8G, 0, SZ_256M, 0xfffff000, 0xfffff000, B2 | B3),
	OK("an aperture of 4 GiB, of which the last page cannot be granted",
	   SZ_4G, GGTT_8G, 0, 0xfffff000, 0, 0, B1 | B2),
};

static const struct layout refused_layouts[] = {
	BAD("nothing at all",
	    APERTURE, GGTT_4G, 0, 0, 0, 0,
	    -ENOSPC, "mappable_size + nonmappable_size", 0),
	BAD("nothing at all, at plausible places",
	    APERTURE, GGTT_4G, SZ_64M, 0, SZ_512M, 0,
	    -ENOSPC, "mappable_size + nonmappable_size", 0),
	BAD("one page in the aperture and nothing else",
	    APERTURE, GGTT_4G, SZ_64M, PAGE, 0, 0,
	    -ENOSPC, "mappable_size + nonmappable_size", PAGE),
	BAD("one page above the aperture and nothing else",
	    APERTURE, GGTT_4G, 0, 0, SZ_512M, PAGE,
	    -ENOSPC, "mappable_size + nonmappable_size", PAGE),
	BAD("one page of each half",
	    APERTURE, GGTT_4G, SZ_64M, PAGE, SZ_512M, PAGE,
	    -ENOSPC, "mappable_size + nonmappable_size", 2 * PAGE),
	BAD("a page less than the least that the driver can work with",
	    APERTURE, GGTT_4G, SZ_64M, SZ_2M, SZ_512M, SZ_2M - PAGE,
	    -ENOSPC, "mappable_size + nonmappable_size", SZ_4M - PAGE),

	BAD("a mappable base off by one byte",
	    APERTURE, GGTT_4G, SZ_64M + 1, SZ_64M, SZ_512M, SZ_512M,
	    -EINVAL, "mappable_base", SZ_64M + 1),
	BAD("a mappable base off by half a page",
	    APERTURE, GGTT_4G, SZ_64M + SZ_2K, SZ_64M, SZ_512M, SZ_512M,
	    -EINVAL, "mappable_base", SZ_64M + SZ_2K),
	BAD("a mappable size off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M - 1, SZ_512M, SZ_512M,
	    -EINVAL, "mappable_size", SZ_64M - 1),
	BAD("a mappable size of less than a page",
	    APERTURE, GGTT_4G, SZ_64M, SZ_2K, SZ_512M, SZ_512M,
	    -EINVAL, "mappable_size", SZ_2K),
	BAD("a mappable size of one byte",
	    APERTURE, GGTT_4G, 0, 1, 0, 0,
	    -EINVAL, "mappable_size", 1),
	BAD("a non-mappable base off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M + 1, SZ_512M,
	    -EINVAL, "nonmappable_base", SZ_512M + 1),
	BAD("a non-mappable base off by half a page",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M + SZ_2K, SZ_512M,
	    -EINVAL, "nonmappable_base", SZ_512M + SZ_2K),
	BAD("a non-mappable size off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M, SZ_512M + 1,
	    -EINVAL, "nonmappable_size", SZ_512M + 1),
	BAD("a non-mappable size of less than a page",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M, SZ_1K,
	    -EINVAL, "nonmappable_size", SZ_1K),
	BAD("a misaligned mappable portion although the other one is fine",
	    APERTURE, GGTT_4G, 1, PAGE, SZ_256M, 0xf0000000,
	    -EINVAL, "mappable_base", 1),

	BAD("a mappable portion one page beyond the aperture",
	    APERTURE, GGTT_4G, SZ_64M + PAGE, SZ_256M - SZ_64M, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_256M + PAGE),
	BAD("a mappable portion one page larger than the aperture",
	    APERTURE, GGTT_4G, 0, SZ_256M + PAGE, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_256M + PAGE),
	BAD("a mappable portion that starts where the aperture ends",
	    APERTURE, GGTT_4G, SZ_256M, PAGE, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_256M + PAGE),
	BAD("a mappable portion far above the aperture",
	    APERTURE, GGTT_4G, SZ_2G, SZ_64M, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_2G + SZ_64M),
	BAD("a mappable portion that reaches over the other one",
	    APERTURE, GGTT_4G, 0, SZ_1G, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_1G),
	BAD("a mappable portion that wraps at 4 GiB",
	    APERTURE, GGTT_4G, 0xfffff000, 2 * PAGE, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_4G + PAGE),
	BAD("a mappable portion that wraps to exactly zero",
	    APERTURE, GGTT_4G, 0xfffff000, PAGE, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_4G),
	BAD("a mappable portion that wraps back into the aperture",
	    APERTURE, GGTT_4G, 0xf0000000, 0x18000000, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_4G + SZ_128M),
	BAD("a mappable portion where there is no aperture",
	    0, GGTT_4G, 0, SZ_64M, SZ_512M, SZ_512M,
	    -ERANGE, "mappable_base + mappable_size", SZ_64M),

	BAD("a non-mappable portion one page into the aperture",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_256M - PAGE, SZ_512M,
	    -ERANGE, "nonmappable_base", SZ_256M - PAGE),
	BAD("a non-mappable portion that starts at zero",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0, SZ_512M,
	    -ERANGE, "nonmappable_base", 0),
	BAD("a non-mappable portion that overlaps the mappable one",
	    APERTURE, GGTT_4G, SZ_64M, SZ_128M, SZ_128M, SZ_512M,
	    -ERANGE, "nonmappable_base", SZ_128M),
	BAD("the same portion twice",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_64M, SZ_64M,
	    -ERANGE, "nonmappable_base", SZ_64M),
	BAD("the two portions swapped",
	    APERTURE, GGTT_4G, SZ_512M, SZ_64M, SZ_64M, SZ_64M,
	    -ERANGE, "mappable_base + mappable_size", SZ_512M + SZ_64M),
	BAD("a non-mappable portion one page beyond a 4 GiB GGTT",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_256M + PAGE, 0xf0000000,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_4G + PAGE),
	BAD("a non-mappable portion that wraps at 4 GiB",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xfffff000, 2 * PAGE,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_4G + PAGE),
	BAD("a non-mappable portion that wraps back above the aperture",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xf0000000, 0x30000000,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_4G + SZ_512M),
	BAD("a non-mappable portion one page beyond a 2 GiB GGTT",
	    APERTURE, GGTT_2G, SZ_64M, SZ_64M, SZ_256M, SZ_2G - SZ_256M + PAGE,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_2G + PAGE),
	BAD("a non-mappable portion that starts where a 2 GiB GGTT ends",
	    APERTURE, GGTT_2G, SZ_64M, SZ_64M, SZ_2G, PAGE,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_2G + PAGE),
	BAD("a non-mappable portion that ends at 4 GiB of a 2 GiB GGTT",
	    APERTURE, GGTT_2G, SZ_64M, SZ_64M, SZ_2G, SZ_2G,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_4G),
	BAD("a non-mappable portion where the aperture is all there is",
	    SZ_2G, GGTT_2G, SZ_64M, SZ_64M, SZ_2G, PAGE,
	    -ERANGE, "nonmappable_base + nonmappable_size", SZ_2G + PAGE),
	BAD("a non-mappable portion below an aperture of 4 GiB, which it cannot be above",
	    SZ_4G, GGTT_8G, SZ_64M, SZ_64M, 0xfffff000, PAGE,
	    -ERANGE, "nonmappable_base", 0xfffff000),
	BAD("more than 8 GiB, by the largest base and size, in less than 8 GiB",
	    APERTURE, GGTT_8G - 4 * PAGE, 0, SZ_256M, 0xfffff000, 0xfffff000,
	    -ERANGE, "nonmappable_base + nonmappable_size", GGTT_8G - 2 * PAGE),

	BAD("a page of ones",
	    APERTURE, GGTT_4G, U32_MAX, U32_MAX, U32_MAX, U32_MAX,
	    -EINVAL, "mappable_size", U32_MAX),
	BAD("ones, but for the offset within a page",
	    APERTURE, GGTT_4G, 0xfffff000, 0xfffff000, 0xfffff000, 0xfffff000,
	    -ERANGE, "mappable_base + mappable_size", GGTT_8G - 2 * PAGE),
	BAD("no GGTT at all",
	    0, 0, 0, 0, 0, PAGE,
	    -ERANGE, "nonmappable_base + nonmappable_size", PAGE),
};

KUNIT_ARRAY_PARAM_DESC(accepted, accepted_layouts, name);
KUNIT_ARRAY_PARAM_DESC(refused, refused_layouts, name);

/* The granted range if there is one. */
static void expect_portion(struct kunit *test, const struct vgpu_range *portion, u64 base, u64 size)
{
	KUNIT_EXPECT_EQ(test, vgpu_range_size(portion), size);
	if (size)
		KUNIT_EXPECT_EQ(test, portion->start, base);
}

static void partition_is_accepted(struct kunit *test)
{
	const struct layout *layout = test->param_value;
	const struct vgpu_grant *grant = &layout->grant;
	struct vgpu_partition p;
	struct vgpu_fault fault;
	unsigned long balloons = 0;
	int i;

	KUNIT_ASSERT_EQ(test, vgpu_partition_init(&p, grant, layout->mappable_end, layout->total,
						  &fault), 0);

	expect_portion(test, &p.mappable, grant->mappable_base, grant->mappable_size);
	expect_portion(test, &p.nonmappable, grant->nonmappable_base, grant->nonmappable_size);

	/* From zero to the end, range follows range: nothing is left out, nothing counted twice. */
	KUNIT_EXPECT_EQ(test, p.balloon[0].start, 0);
	KUNIT_EXPECT_EQ(test, p.balloon[0].end, p.mappable.start);
	KUNIT_EXPECT_EQ(test, p.mappable.end, p.balloon[1].start);
	KUNIT_EXPECT_EQ(test, p.balloon[1].end, layout->mappable_end);
	KUNIT_EXPECT_EQ(test, p.balloon[2].start, layout->mappable_end);
	KUNIT_EXPECT_EQ(test, p.balloon[2].end, p.nonmappable.start);
	KUNIT_EXPECT_EQ(test, p.nonmappable.end, p.balloon[3].start);
	KUNIT_EXPECT_EQ(test, p.balloon[3].end, layout->total);

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		KUNIT_EXPECT_LE(test, p.balloon[i].start, p.balloon[i].end);
		if (p.balloon[i].start != p.balloon[i].end)
			balloons |= BIT(i);
	}
	KUNIT_EXPECT_EQ(test, balloons, layout->balloons);
}

static void partition_is_refused(struct kunit *test)
{
	const struct layout *layout = test->param_value;
	struct vgpu_partition p;
	struct vgpu_fault fault = {};

	KUNIT_EXPECT_EQ(test, vgpu_partition_init(&p, &layout->grant, layout->mappable_end,
						  layout->total, &fault), layout->err);
	KUNIT_EXPECT_STREQ(test, fault.field, layout->field);
	KUNIT_EXPECT_EQ(test, fault.value, layout->value);
	KUNIT_EXPECT_NOT_NULL(test, fault.problem);
}

struct intersection {
	const char *name;
	struct vgpu_range a, b, expected;
};

static const struct intersection intersections[] = {
	{ "a range with itself", { 2, 5 }, { 2, 5 }, { 2, 5 } },
	{ "a range within another", { 3, 4 }, { 2, 5 }, { 3, 4 } },
	{ "a range around another", { 0, 9 }, { 2, 5 }, { 2, 5 } },
	{ "overlap at the start", { 0, 3 }, { 2, 5 }, { 2, 3 } },
	{ "overlap at the end", { 4, 9 }, { 2, 5 }, { 4, 5 } },
	{ "a range just below", { 0, 2 }, { 2, 5 }, { 2, 2 } },
	{ "a range just above", { 5, 9 }, { 2, 5 }, { 5, 5 } },
	{ "a range far below", { 0, 1 }, { 2, 5 }, { 2, 2 } },
	{ "a range far above", { 8, 9 }, { 2, 5 }, { 8, 8 } },
	{ "an empty range", { 3, 3 }, { 2, 5 }, { 3, 3 } },
	{ "with an empty range", { 2, 5 }, { 3, 3 }, { 3, 3 } },
	{ "beyond 32 bits", { 0, GGTT_8G }, { SZ_4G - 1, SZ_4G + 1 }, { SZ_4G - 1, SZ_4G + 1 } },
};

KUNIT_ARRAY_PARAM_DESC(intersection, intersections, name);

static void ranges_intersect(struct kunit *test)
{
	const struct intersection *param = test->param_value;
	struct vgpu_range range = param->a;

	vgpu_range_intersect(&range, &param->b);
	KUNIT_EXPECT_EQ(test, range.start, param->expected.start);
	KUNIT_EXPECT_EQ(test, range.end, param->expected.end);
}

static struct kunit_case partition_cases[] = {
	KUNIT_CASE_PARAM(partition_is_accepted, accepted_gen_params),
	KUNIT_CASE_PARAM(partition_is_refused, refused_gen_params),
	KUNIT_CASE_PARAM(ranges_intersect, intersection_gen_params),
	{}
};

struct kunit_suite i915_vgpu_partition_suite = {
	.name = "i915_vgpu_partition",
	.test_cases = partition_cases,
};
