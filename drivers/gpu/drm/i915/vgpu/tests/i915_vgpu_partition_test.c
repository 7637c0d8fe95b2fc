// SPDX-License-Identifier: MIT
/*
 * Which partitions of the graphics memory a guest accepts, and what it concludes from them.
 */

#include <kunit/test.h>

#include <linux/limits.h>
#include <linux/sizes.h>
#include <linux/string.h>

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
	u64 mappable_min;
	struct vgpu_grant grant;
	/* if accepted */
	unsigned long balloons;
	/* if refused */
	int err;
	struct vgpu_fault fault;
};

#define OK(name_, mappable_end_, total_, mbase, msize, nbase, nsize, balloons_) {	\
	.name = name_,									\
	.mappable_end = mappable_end_,							\
	.total = total_,								\
	.grant = { mbase, msize, nbase, nsize },					\
	.balloons = balloons_,								\
}

#define BAD(name_, mappable_end_, total_, mbase, msize, nbase, nsize, err_, ...) {	\
	.name = name_,									\
	.mappable_end = mappable_end_,							\
	.total = total_,								\
	.grant = { mbase, msize, nbase, nsize },					\
	.err = err_,									\
	.fault = { __VA_ARGS__ },							\
}

/* One for each thing that can be wrong; the value at fault and the limit it breaks come last. */
#define ODD(name_, mend, total_, mbase, msize, nbase, nsize, field_, value_)		\
	BAD(name_, mend, total_, mbase, msize, nbase, nsize,				\
	    -EINVAL, field_, value_, "not a multiple of", PAGE)
#define LITTLE(name_, mend, total_, mbase, msize, nbase, nsize, value_)			\
	BAD(name_, mend, total_, mbase, msize, nbase, nsize,				\
	    -ENOSPC, "mappable_size + nonmappable_size", value_, "less than", SZ_4M)
#define BEYOND_APERTURE(name_, mend, total_, mbase, msize, nbase, nsize, value_, limit_) \
	BAD(name_, mend, total_, mbase, msize, nbase, nsize,				\
	    -ERANGE, "mappable_base + mappable_size", value_,				\
	    "beyond the end of the aperture at", limit_)
#define BELOW_APERTURE_END(name_, mend, total_, mbase, msize, nbase, nsize, value_, limit_) \
	BAD(name_, mend, total_, mbase, msize, nbase, nsize,				\
	    -ERANGE, "nonmappable_base", value_,					\
	    "below the end of the aperture at", limit_)
#define BEYOND_GGTT(name_, mend, total_, mbase, msize, nbase, nsize, value_, limit_)	\
	BAD(name_, mend, total_, mbase, msize, nbase, nsize,				\
	    -ERANGE, "nonmappable_base + nonmappable_size", value_,			\
	    "beyond the end of the GGTT at", limit_)

static const struct layout accepted_layouts[] = {
	{
		.name = "the least of the aperture that the GPU can be driven with",
		.mappable_end = APERTURE,
		.total = GGTT_4G,
		.mappable_min = SZ_16M,
		.grant = { SZ_64M, SZ_16M, SZ_512M, SZ_512M },
		.balloons = B0 | B1 | B2 | B3,
	},
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

	OK("all of the aperture and nothing else",
	   APERTURE, GGTT_4G, 0, SZ_256M, 0, 0, B2),
	OK("a part of the aperture and nothing else",
	   APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0, 0, B0 | B1 | B2),
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

	OK("a 2 GiB GGTT as a whole",
	   APERTURE, GGTT_2G, 0, SZ_256M, SZ_256M, SZ_2G - SZ_256M, NONE),
	OK("an aperture of 512 MiB",
	   SZ_512M, GGTT_4G, SZ_256M, SZ_64M, SZ_512M, SZ_512M, B0 | B1 | B3),
	OK("an aperture as large as the GGTT leaves no other half",
	   SZ_2G, GGTT_2G, SZ_512M, SZ_512M, 0, 0, B0 | B1),
	OK("no aperture leaves no mappable half",
	   0, GGTT_4G, 0, 0, SZ_512M, SZ_512M, B2 | B3),

	OK("in an 8 GiB GGTT, a portion across 4 GiB",
	   APERTURE, GGTT_8G, 0, SZ_64M, 0xf0000000, SZ_512M, B1 | B2 | B3),
	OK("in an 8 GiB GGTT, the largest base and the largest size that the ABI can express",
	   APERTURE, GGTT_8G, 0, SZ_256M, 0xfffff000, 0xfffff000, B2 | B3),
	OK("an aperture of 4 GiB, of which the last page cannot be granted",
	   SZ_4G, GGTT_8G, 0, 0xfffff000, 0, 0, B1 | B2),
};

static const struct layout refused_layouts[] = {
	{
		.name = "a page less of the aperture than the GPU can be driven with",
		.mappable_end = APERTURE,
		.total = GGTT_4G,
		.mappable_min = SZ_16M,
		.grant = { SZ_64M, SZ_16M - PAGE, SZ_512M, SZ_512M },
		.err = -ENOSPC,
		.fault = { "mappable_size", SZ_16M - PAGE, "less than", SZ_16M },
	},
	{
		.name = "nothing of an aperture that the GPU cannot be driven without",
		.mappable_end = APERTURE,
		.total = GGTT_4G,
		.mappable_min = SZ_16M,
		.grant = { 0, 0, SZ_512M, SZ_512M },
		.err = -ENOSPC,
		.fault = { "mappable_size", 0, "less than", SZ_16M },
	},
	LITTLE("nothing at all",
	       APERTURE, GGTT_4G, 0, 0, 0, 0,
	       0),
	LITTLE("one page above the aperture and nothing else",
	       APERTURE, GGTT_4G, 0, 0, SZ_512M, PAGE,
	       PAGE),
	LITTLE("a page less than the least that the driver can work with",
	       APERTURE, GGTT_4G, SZ_64M, SZ_2M, SZ_512M, SZ_2M - PAGE,
	       SZ_4M - PAGE),

	ODD("a mappable base off by one byte",
	    APERTURE, GGTT_4G, SZ_64M + 1, SZ_64M, SZ_512M, SZ_512M,
	    "mappable_base", SZ_64M + 1),
	ODD("a mappable size off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M - 1, SZ_512M, SZ_512M,
	    "mappable_size", SZ_64M - 1),
	ODD("a mappable size of one byte",
	    APERTURE, GGTT_4G, 0, 1, 0, 0,
	    "mappable_size", 1),
	ODD("a non-mappable base off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M + 1, SZ_512M,
	    "nonmappable_base", SZ_512M + 1),
	ODD("a non-mappable size off by one byte",
	    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_512M, SZ_512M + 1,
	    "nonmappable_size", SZ_512M + 1),
	ODD("a misaligned mappable portion although the other one is fine",
	    APERTURE, GGTT_4G, 1, PAGE, SZ_256M, 0xf0000000,
	    "mappable_base", 1),

	BEYOND_APERTURE("a mappable portion one page beyond the aperture",
			APERTURE, GGTT_4G, SZ_64M + PAGE, SZ_256M - SZ_64M, SZ_512M, SZ_512M,
			SZ_256M + PAGE, APERTURE),
	BEYOND_APERTURE("a mappable portion one page larger than the aperture",
			APERTURE, GGTT_4G, 0, SZ_256M + PAGE, SZ_512M, SZ_512M,
			SZ_256M + PAGE, APERTURE),
	BEYOND_APERTURE("a mappable portion that starts where the aperture ends",
			APERTURE, GGTT_4G, SZ_256M, PAGE, SZ_512M, SZ_512M,
			SZ_256M + PAGE, APERTURE),
	BEYOND_APERTURE("a mappable portion that wraps at 4 GiB",
			APERTURE, GGTT_4G, 0xfffff000, 2 * PAGE, SZ_512M, SZ_512M,
			SZ_4G + PAGE, APERTURE),
	BEYOND_APERTURE("a mappable portion that wraps back into the aperture",
			APERTURE, GGTT_4G, 0xf0000000, 0x18000000, SZ_512M, SZ_512M,
			SZ_4G + SZ_128M, APERTURE),
	BEYOND_APERTURE("a mappable portion where there is no aperture",
			0, GGTT_4G, 0, SZ_64M, SZ_512M, SZ_512M,
			SZ_64M, 0),

	BELOW_APERTURE_END("a non-mappable portion one page into the aperture",
			   APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_256M - PAGE, SZ_512M,
			   SZ_256M - PAGE, APERTURE),
	BELOW_APERTURE_END("a non-mappable portion that overlaps the mappable one",
			   APERTURE, GGTT_4G, SZ_64M, SZ_128M, SZ_128M, SZ_512M,
			   SZ_128M, APERTURE),
	BEYOND_APERTURE("the two portions swapped",
			APERTURE, GGTT_4G, SZ_512M, SZ_64M, SZ_64M, SZ_64M,
			SZ_512M + SZ_64M, APERTURE),
	BEYOND_GGTT("a non-mappable portion one page beyond a 4 GiB GGTT",
		    APERTURE, GGTT_4G, SZ_64M, SZ_64M, SZ_256M + PAGE, 0xf0000000,
		    SZ_4G + PAGE, GGTT_4G),
	BEYOND_GGTT("a non-mappable portion that wraps at 4 GiB",
		    APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xfffff000, 2 * PAGE,
		    SZ_4G + PAGE, GGTT_4G),
	BEYOND_GGTT("a non-mappable portion that wraps back above the aperture",
		    APERTURE, GGTT_4G, SZ_64M, SZ_64M, 0xf0000000, 0x30000000,
		    SZ_4G + SZ_512M, GGTT_4G),
	BEYOND_GGTT("a non-mappable portion one page beyond a 2 GiB GGTT",
		    APERTURE, GGTT_2G, SZ_64M, SZ_64M, SZ_256M, SZ_2G - SZ_256M + PAGE,
		    SZ_2G + PAGE, GGTT_2G),
	BEYOND_GGTT("a non-mappable portion that ends at 4 GiB of a 2 GiB GGTT",
		    APERTURE, GGTT_2G, SZ_64M, SZ_64M, SZ_2G, SZ_2G,
		    SZ_4G, GGTT_2G),
	BEYOND_GGTT("a non-mappable portion where the aperture is all there is",
		    SZ_2G, GGTT_2G, SZ_64M, SZ_64M, SZ_2G, PAGE,
		    SZ_2G + PAGE, GGTT_2G),
	BELOW_APERTURE_END("a non-mappable portion below the end of a 4 GiB aperture",
			   SZ_4G, GGTT_8G, SZ_64M, SZ_64M, 0xfffff000, PAGE,
			   0xfffff000, SZ_4G),
	BEYOND_GGTT("more than 8 GiB, by the largest base and size, in less than 8 GiB",
		    APERTURE, GGTT_8G - 4 * PAGE, 0, SZ_256M, 0xfffff000, 0xfffff000,
		    GGTT_8G - 2 * PAGE, GGTT_8G - 4 * PAGE),

	ODD("a page of ones",
	    APERTURE, GGTT_4G, U32_MAX, U32_MAX, U32_MAX, U32_MAX,
	    "mappable_size", U32_MAX),
	BEYOND_APERTURE("ones, but for the offset within a page",
			APERTURE, GGTT_4G, 0xfffff000, 0xfffff000, 0xfffff000, 0xfffff000,
			GGTT_8G - 2 * PAGE, APERTURE),
	BEYOND_GGTT("no GGTT at all",
		    0, 0, 0, 0, 0, PAGE,
		    PAGE, 0),
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
						  layout->mappable_min, &fault), 0);

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

	memset(&p, 0x5a, sizeof(p));
	KUNIT_EXPECT_EQ(test, vgpu_partition_init(&p, &layout->grant, layout->mappable_end,
						  layout->total, layout->mappable_min, &fault),
			layout->err);
	KUNIT_EXPECT_STREQ(test, fault.field, layout->fault.field);
	KUNIT_EXPECT_EQ(test, fault.value, layout->fault.value);
	KUNIT_EXPECT_STREQ(test, fault.problem, layout->fault.problem);
	KUNIT_EXPECT_EQ(test, fault.limit, layout->fault.limit);
	KUNIT_EXPECT_NULL(test, memchr_inv(&p, 0x5a, sizeof(p)));
}

static struct kunit_case partition_cases[] = {
	KUNIT_CASE_PARAM(partition_is_accepted, accepted_gen_params),
	KUNIT_CASE_PARAM(partition_is_refused, refused_gen_params),
	{}
};

struct kunit_suite i915_vgpu_partition_suite = {
	.name = "i915_vgpu_partition",
	.test_cases = partition_cases,
};
