// SPDX-License-Identifier: MIT
/*
 * What is pure in SVM: the checks of the arguments and the arithmetic of ranges. They need no
 * device: i915 must be there for its code.
 */

#include <kunit/test.h>

#include <linux/module.h>
#include <linux/sizes.h>

#include <drm/i915_drm.h>

#include "../i915_svm_args.h"

#define TOTAL_48B BIT_ULL(48)

struct args_row {
	const char *name;
	struct drm_i915_gem_vm_range args;
	int ret;
};

#define MEMORY(address_, length_) \
	.op = I915_VM_RANGE_BIND_MEMORY, .address = (address_), .length = (length_)
#define OBJECT(address_, length_) \
	.op = I915_VM_RANGE_BIND_OBJECT, .address = (address_), .length = (length_)
#define UNBIND(address_, length_) \
	.op = I915_VM_RANGE_UNBIND, .address = (address_), .length = (length_)
#define OK(name_, ...)	{ .name = name_, .args = { __VA_ARGS__ }, .ret = 0 }
#define BAD(name_, ...)	{ .name = name_, .args = { __VA_ARGS__ }, .ret = -EINVAL }

static const struct args_row args_rows[] = {
	OK("a page of memory", MEMORY(SZ_64K, SZ_4K)),
	OK("memory that the GPU may only read", MEMORY(SZ_64K, SZ_4K),
	   .flags = I915_VM_RANGE_READONLY),
	OK("memory at address 0 is for the process's page tables to refuse", MEMORY(0, SZ_4K)),
	OK("an object", OBJECT(SZ_64K, SZ_64K), .handle = 1),
	OK("handle 0 is for the lookup to refuse", OBJECT(SZ_64K, SZ_64K)),
	OK("an unbind", UNBIND(SZ_64K, SZ_4K)),
	OK("all of the address space", MEMORY(0, TOTAL_48B)),

	BAD("no operation", .address = SZ_64K, .length = SZ_4K),
	BAD("an unknown operation", .op = 4, .address = SZ_64K, .length = SZ_4K),
	BAD("an unknown flag", MEMORY(SZ_64K, SZ_4K), .flags = 2),
	BAD("the last unknown flag", MEMORY(SZ_64K, SZ_4K), .flags = 1ull << 63),
	BAD("memory with a handle", MEMORY(SZ_64K, SZ_4K), .handle = 1),
	BAD("an object that the GPU may only read", OBJECT(SZ_64K, SZ_4K),
	    .flags = I915_VM_RANGE_READONLY, .handle = 1),
	BAD("an unbind with a flag", UNBIND(SZ_64K, SZ_4K), .flags = I915_VM_RANGE_READONLY),
	BAD("an unbind with a handle", UNBIND(SZ_64K, SZ_4K), .handle = 1),
	BAD("reserved bits", MEMORY(SZ_64K, SZ_4K), .rsvd = 1),
	BAD("an offset into memory", MEMORY(SZ_64K, SZ_4K), .offset = SZ_4K),
	BAD("an offset into an object", OBJECT(SZ_64K, SZ_4K), .handle = 1, .offset = SZ_4K),
	BAD("an extension", MEMORY(SZ_64K, SZ_4K), .extensions = SZ_64K),
	BAD("no length", MEMORY(SZ_64K, 0)),
	BAD("less than a page", MEMORY(SZ_64K, SZ_4K - 1)),
	BAD("more than a page", MEMORY(SZ_64K, SZ_4K + 1)),
	BAD("an address within a page", MEMORY(SZ_64K + 1, SZ_4K)),
	BAD("an address within a page, half", MEMORY(SZ_64K + SZ_2K, SZ_4K)),
};

struct place_row {
	const char *name;
	u64 address;
	u64 length;
	u64 total;
	int ret;
};

static const struct place_row place_rows[] = {
	{ "the first page", 0, SZ_4K, TOTAL_48B, 0 },
	{ "the last page", 0xfffffffffffff000, SZ_4K, TOTAL_48B, 0 },
	{ "the last page of the lower half", 0x7ffffffff000, SZ_4K, TOTAL_48B, 0 },
	{ "the first page of the upper half", 0xffff800000000000, SZ_4K, TOTAL_48B, 0 },
	{ "across the middle", 0x7ffffffff000, SZ_8K, TOTAL_48B, 0 },
	{ "the last page of a 32-bit VM", 0xfffff000, SZ_4K, SZ_4G, 0 },
	{ "all of it", 0, TOTAL_48B, TOTAL_48B, 0 },

	{ "not canonical, bit 47 alone", 1ull << 47, SZ_4K, TOTAL_48B, -EINVAL },
	{ "not canonical, bit 48", 1ull << 48, SZ_4K, TOTAL_48B, -EINVAL },
	{ "not canonical, bit 63", 1ull << 63, SZ_4K, TOTAL_48B, -EINVAL },
	{ "one page more than all", 0, TOTAL_48B + SZ_4K, TOTAL_48B, -EINVAL },
	{ "beyond the end", 0xfffffffffffff000, SZ_8K, TOTAL_48B, -EINVAL },
	{ "a length that wraps around", SZ_64K, -(u64)SZ_4K, TOTAL_48B, -EINVAL },
	{ "behind a 32-bit VM", SZ_4G, SZ_4K, SZ_4G, -EINVAL },
	{ "beyond the end of a 32-bit VM", 0xfffff000, SZ_8K, SZ_4G, -EINVAL },
};

struct chunks_row {
	const char *name;
	u64 start;
	u64 length;
	u64 count;
	u64 first_end;
	u64 last_start;
};

static const struct chunks_row chunks_rows[] = {
	{ "a page", SZ_2M, SZ_4K, 1, SZ_2M + SZ_4K, SZ_2M },
	{ "the last page of a chunk", SZ_2M - SZ_4K, SZ_4K, 1, SZ_2M, SZ_2M - SZ_4K },
	{ "two pages in two chunks", SZ_2M - SZ_4K, SZ_8K, 2, SZ_2M, SZ_2M },
	{ "a whole chunk", SZ_2M, SZ_2M, 1, SZ_4M, SZ_2M },
	{ "a chunk's length in two chunks", SZ_2M + SZ_4K, SZ_2M, 2, SZ_4M, SZ_4M },
	{ "three chunks, the outer ones in part", SZ_2M - SZ_4K, SZ_2M + SZ_8K, 3, SZ_2M, SZ_4M },
	{ "at address 0", 0, SZ_4M, 2, SZ_2M, SZ_2M },
	{ "a gibibyte", SZ_1G, SZ_1G, 512, SZ_1G + SZ_2M, SZ_2G - SZ_2M },
	{ "the end of the VM", TOTAL_48B - SZ_4K, SZ_4K, 1, TOTAL_48B, TOTAL_48B - SZ_4K },
};

struct interval_row {
	const char *name;
	u64 from;
	u64 to;
	bool touches;
	u64 first;
	u64 last;
};

/* Against a range from 1 MiB to 7 MiB: four chunks, the first and the last in part */
static const struct interval_row interval_rows[] = {
	{ "everything", 0, U64_MAX, true, 0, 3 },
	{ "exactly the range", SZ_1M, 7 * SZ_1M, true, 0, 3 },
	{ "the first page", SZ_1M, SZ_1M + SZ_4K, true, 0, 0 },
	{ "the last page", 7 * SZ_1M - SZ_4K, 7 * SZ_1M, true, 3, 3 },
	{ "the first chunk and no more", 0, SZ_2M, true, 0, 0 },
	{ "a page on each side of a border", SZ_2M - SZ_4K, SZ_2M + SZ_4K, true, 0, 1 },
	{ "a chunk in the middle", SZ_4M, SZ_4M + SZ_2M, true, 2, 2 },
	{ "from the middle to far beyond", SZ_4M, SZ_1G, true, 2, 3 },
	{ "just before", 0, SZ_1M, false },
	{ "just behind", 7 * SZ_1M, SZ_8M, false },
	{ "nothing", SZ_4M, SZ_4M, false },
};

struct sizes_row {
	const char *name;
	unsigned int segments;
	unsigned int supported;
	unsigned int sizes;
};

/* Not SZ_*: these are bits of a mask */
#define PTE_4K	BIT(12)
#define PTE_32K	BIT(15)
#define PTE_64K	BIT(16)
#define PTE_1M	BIT(20)
#define PTE_2M	BIT(21)

static const struct sizes_row sizes_rows[] = {
	{ "single pages", PTE_4K, PTE_4K | PTE_64K | PTE_2M, PTE_4K },
	{ "a device without larger PTEs", PTE_2M, PTE_4K, PTE_4K },
	{ "segments of 32 KiB", PTE_4K | PTE_32K, PTE_4K | PTE_64K | PTE_2M, PTE_4K },
	{ "segments of 64 KiB", PTE_64K, PTE_4K | PTE_64K | PTE_2M, PTE_4K | PTE_64K },
	{ "a long one among single pages", PTE_4K | PTE_1M, PTE_4K | PTE_64K | PTE_2M,
	  PTE_4K | PTE_64K },
	{ "a huge page", PTE_2M, PTE_4K | PTE_64K | PTE_2M, PTE_4K | PTE_64K | PTE_2M },
	{ "a huge page, on Gen9", PTE_2M, PTE_4K | PTE_64K, PTE_4K | PTE_64K },
	{ "nothing", 0, PTE_4K | PTE_64K | PTE_2M, PTE_4K },
};

KUNIT_ARRAY_PARAM_DESC(args, args_rows, name);
KUNIT_ARRAY_PARAM_DESC(place, place_rows, name);
KUNIT_ARRAY_PARAM_DESC(chunks, chunks_rows, name);
KUNIT_ARRAY_PARAM_DESC(interval, interval_rows, name);
KUNIT_ARRAY_PARAM_DESC(sizes, sizes_rows, name);

static void arguments_are_checked(struct kunit *test)
{
	const struct args_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, i915_svm_check_args(&row->args), row->ret);
}

static void a_range_must_fit_into_the_vm(struct kunit *test)
{
	const struct place_row *row = test->param_value;
	const struct drm_i915_gem_vm_range args = {
		.address = row->address,
		.length = row->length,
	};

	KUNIT_EXPECT_EQ(test, i915_svm_check_place(&args, row->total), row->ret);
}

/* Else the GPU would have, at its upper half, what a CPU with 5 levels has at another address */
static void memory_is_where_the_cpu_has_it(struct kunit *test)
{
	struct drm_i915_gem_vm_range args = {
		.op = I915_VM_RANGE_BIND_MEMORY,
		.address = 0xffff800000000000ull,
		.length = SZ_4K,
	};

	KUNIT_EXPECT_EQ(test, i915_svm_check_place(&args, TOTAL_48B), -EFAULT);
	args.op = I915_VM_RANGE_BIND_OBJECT;
	KUNIT_EXPECT_EQ(test, i915_svm_check_place(&args, TOTAL_48B), 0);

	args.op = I915_VM_RANGE_BIND_MEMORY;
	args.address = 0x7ffffffff000;
	KUNIT_EXPECT_EQ(test, i915_svm_check_place(&args, TOTAL_48B), 0);
	args.length = SZ_8K;
	KUNIT_EXPECT_EQ(test, i915_svm_check_place(&args, TOTAL_48B), -EFAULT);
}

static void chunks_cover_a_range(struct kunit *test)
{
	const struct chunks_row *row = test->param_value;
	u64 count = i915_svm_chunk_count(row->start, row->length);
	u64 i, at = row->start;

	KUNIT_ASSERT_EQ(test, count, row->count);
	KUNIT_EXPECT_EQ(test, i915_svm_chunk_end(row->start, row->length, 0), row->first_end);
	KUNIT_EXPECT_EQ(test, i915_svm_chunk_start(row->start, count - 1), row->last_start);

	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_EQ(test, i915_svm_chunk_start(row->start, i), at);
		at = i915_svm_chunk_end(row->start, row->length, i);
		KUNIT_ASSERT_EQ(test, (at - 1) >> I915_SVM_CHUNK_SHIFT,
				(row->start >> I915_SVM_CHUNK_SHIFT) + i);
	}
	KUNIT_EXPECT_EQ(test, at, row->start + row->length);
}

static void an_interval_touches_chunks(struct kunit *test)
{
	const struct interval_row *row = test->param_value;
	u64 first = 99, last = 99;
	bool touches;

	touches = i915_svm_chunks_of(SZ_1M, 6 * SZ_1M, row->from, row->to, &first, &last);
	KUNIT_ASSERT_EQ(test, touches, row->touches);
	if (touches) {
		KUNIT_EXPECT_EQ(test, first, row->first);
		KUNIT_EXPECT_EQ(test, last, row->last);
	}
}

static void ptes_are_as_large_as_segments_allow(struct kunit *test)
{
	const struct sizes_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, i915_svm_page_sizes(row->segments, row->supported), row->sizes);
}

/* The most that @chunks chunks touch at a level, by trying each place for the first */
static unsigned int most_directories(unsigned int chunks, unsigned int level)
{
	unsigned int shift = 9 * level, most = 0, i;

	for (i = 0; i < 1u << shift; i++)
		most = max(most, ((i + chunks - 1) >> shift) - (i >> shift) + 1);

	return most;
}

static void directories_suffice_for_any_place(struct kunit *test)
{
	static const unsigned int counts[] = {
		1, 2, 3, 511, 512, 513, 514, 1024, 1025, 1026, 100000,
	};
	unsigned int i, level;

	for (level = 1; level <= 2; level++) {
		for (i = 0; i < ARRAY_SIZE(counts); i++)
			KUNIT_EXPECT_EQ(test, i915_svm_directories(counts[i], level),
					most_directories(counts[i], level));
	}
}

static struct kunit_case i915_svm_cases[] = {
	KUNIT_CASE_PARAM(arguments_are_checked, args_gen_params),
	KUNIT_CASE_PARAM(a_range_must_fit_into_the_vm, place_gen_params),
	KUNIT_CASE(memory_is_where_the_cpu_has_it),
	KUNIT_CASE_PARAM(chunks_cover_a_range, chunks_gen_params),
	KUNIT_CASE_PARAM(an_interval_touches_chunks, interval_gen_params),
	KUNIT_CASE_PARAM(ptes_are_as_large_as_segments_allow, sizes_gen_params),
	KUNIT_CASE(directories_suffice_for_any_place),
	{}
};

static struct kunit_suite i915_svm_suite = {
	.name = "i915_svm",
	.test_cases = i915_svm_cases,
};

kunit_test_suite(i915_svm_suite);

MODULE_DESCRIPTION("KUnit tests of SVM in i915");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
