// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/ppgtt.c: every table format and page size, what allows 64 KiB pages, domains, write
 * permission, lists of what is mapped, and tables that are hostile.
 */
#include <string.h>

#include "cs_fixture.h"

#define PS_2M		(1ull << 7)
#define IPS_64K		(1ull << 11)
#define RW		(GPU_PTE_PRESENT | GPU_PTE_WRITE)
#define DOM(d)		((uint64_t)(d) << GPU_DOMAIN_SHIFT)
#define GAMW_ECO	0x4080u
#define GDRST		0x941cu

static uint64_t *table(struct fx *fx, unsigned int domain, uint64_t addr)
{
	return fx_mem(fx, domain, addr);
}

/* Tables for one address by hand; entry of the last level is left to the caller. */
struct walk {
	struct fx *fx;
	struct gpu_ppgtt root;
	uint64_t pml4, pdp, pd, pt;
};

static const uint64_t VA = 5ull << 39 | 6ull << 30 | 7ull << 21 | 35ull << 12 | 0x123;

static void walk_init(struct walk *w, struct fx *fx, unsigned int domain)
{
	w->fx = fx;
	w->pml4 = fx_alloc(fx, domain, 1);
	w->pdp = fx_alloc(fx, domain, 1);
	w->pd = fx_alloc(fx, domain, 1);
	w->pt = fx_alloc(fx, domain, 1);
	table(fx, domain, w->pml4)[5] = w->pdp | RW;
	table(fx, domain, w->pdp)[6] = w->pd | RW;
	table(fx, domain, w->pd)[7] = w->pt | RW;
	w->root = (struct gpu_ppgtt){ .four_level = true, .pdp = { w->pml4 | DOM(domain) } };
}

static void a_4_kib_page_is_found_through_four_levels(void **state)
{
	struct walk w;
	unsigned int shift = 0;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pt)[35] = 0x7654000 | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, &shift) == (0x7654000 | RW));
	assert_int_equal(shift, 12);
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x7654000 | RW));
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA + 4096, &shift) == 0);
}

static void each_absent_level_ends_the_walk(void **state)
{
	struct walk w;
	uint64_t *entries[4];
	unsigned int i;

	walk_init(&w, *state, 0);
	entries[0] = &table(w.fx, 0, w.pml4)[5];
	entries[1] = &table(w.fx, 0, w.pdp)[6];
	entries[2] = &table(w.fx, 0, w.pd)[7];
	entries[3] = &table(w.fx, 0, w.pt)[35];
	*entries[3] = 0x7654000 | RW;
	for (i = 0; i < 4; i++) {
		*entries[i] &= ~GPU_PTE_PRESENT;
		assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == 0);
		*entries[i] |= GPU_PTE_PRESENT;
	}
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) != 0);
}

static void writing_needs_the_write_bit_of_every_level(void **state)
{
	struct walk w;
	uint64_t *entries[4];
	unsigned int i;

	walk_init(&w, *state, 0);
	entries[0] = &table(w.fx, 0, w.pml4)[5];
	entries[1] = &table(w.fx, 0, w.pdp)[6];
	entries[2] = &table(w.fx, 0, w.pd)[7];
	entries[3] = &table(w.fx, 0, w.pt)[35];
	*entries[3] = 0x7654000 | RW;
	for (i = 0; i < 4; i++) {
		*entries[i] &= ~GPU_PTE_WRITE;
		assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) ==
			    (0x7654000 | GPU_PTE_PRESENT));
		*entries[i] |= GPU_PTE_WRITE;
	}
}

static void a_64_kib_page_uses_every_sixteenth_entry_only(void **state)
{
	struct walk w;
	unsigned int shift = 0, i;

	walk_init(&w, *state, 0);
	fx_set_reg(w.fx, GAMW_ECO, 0xf);
	table(w.fx, 0, w.pd)[7] |= IPS_64K;
	for (i = 0; i < 512; i++)
		table(w.fx, 0, w.pt)[i] = 0xdead000ull | RW; /* i915 fills the unused ones with
								poison */
	table(w.fx, 0, w.pt)[32] = 0x7650000 | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, &shift) == (0x7653000 | RW));
	assert_int_equal(shift, 16);
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA - 0x3123, NULL) == (0x7650000 | RW));
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA + 0xcedc, NULL) == (0x765f000 | RW));
}

/* A directory entry that says 64 KiB, for a table whose entries tell which way it is read. */
static void two_ways(struct walk *w, struct fx *fx, unsigned int domain)
{
	walk_init(w, fx, domain);
	table(fx, domain, w->pd)[7] |= IPS_64K;
	table(fx, domain, w->pt)[32] = 0x7650000 | RW;
	table(fx, domain, w->pt)[35] = 0x1000 | RW;
}

static unsigned int shift_at(const struct walk *w)
{
	unsigned int shift = 0;
	uint64_t pte = gpu_ppgtt_walk(w->fx->gpu, &w->root, VA, &shift) & GPU_ADDR_MASK;

	assert_true(pte == (shift == 16 ? 0x7653000 : 0x1000));
	return shift;
}

static void only_the_whole_field_allows_64_kib_pages(void **state)
{
	static const struct { uint32_t eco; unsigned int shift; } rows[] = {
		{ 0xf, 16 }, { 0, 12 }, { 0x7, 12 }, { 0x8, 12 }, { 0x8f, 16 }, { 0x80, 12 },
		{ 0xffffffff, 16 }, { 0xfffffff0, 12 },
	};
	struct walk w;
	unsigned int i;

	two_ways(&w, *state, 0);
	assert_int_equal(shift_at(&w), 12);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fx_set_reg(w.fx, GAMW_ECO, rows[i].eco);
		assert_int_equal(fx_reg(w.fx, GAMW_ECO), rows[i].eco);
		assert_int_equal(shift_at(&w), rows[i].shift);
	}
}

static void each_domain_has_64_kib_pages_of_its_own(void **state)
{
	struct walk of_1, of_2, owners;

	two_ways(&of_1, *state, 1);
	two_ways(&of_2, *state, 2);
	two_ways(&owners, *state, 0);
	gpu_ppgtt_set_ips(of_1.fx->gpu, 2, 0xf);
	assert_int_equal(shift_at(&of_1), 12);
	assert_int_equal(shift_at(&of_2), 16);
	assert_int_equal(shift_at(&owners), 12);
	fx_set_reg(owners.fx, GAMW_ECO, 0xf);
	gpu_ppgtt_set_ips(of_1.fx->gpu, 2, 0);
	assert_int_equal(shift_at(&of_1), 12);
	assert_int_equal(shift_at(&of_2), 12);
	assert_int_equal(shift_at(&owners), 16);
}

static void gen8_has_no_64_kib_pages(void **state)
{
	static const struct { enum gpu_platform platform; unsigned int shift; } rows[] = {
		{ GPU_BDW, 12 }, { GPU_SKL, 16 }, { GPU_KBL, 16 }, { GPU_CFL, 16 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fx *fx = fx_new(rows[i].platform, true);
		struct walk w;

		two_ways(&w, fx, 0);
		fx_set_reg(fx, GAMW_ECO, 0xf);
		assert_int_equal(shift_at(&w), rows[i].shift);
		fx_free(fx);
	}
}

static void an_engines_reset_leaves_64_kib_pages_a_full_one_does_not(void **state)
{
	struct walk w;

	two_ways(&w, *state, 0);
	fx_set_reg(w.fx, GAMW_ECO, 0x8f);
	fx_set_reg(w.fx, GDRST, 1u << 1);	/* the render engine's */
	assert_int_equal(fx_reg(w.fx, GAMW_ECO), 0x8f);
	assert_int_equal(shift_at(&w), 16);
	fx_set_reg(w.fx, GDRST, 1u << 0);
	assert_int_equal(fx_reg(w.fx, GAMW_ECO), 0);
	assert_int_equal(shift_at(&w), 12);
	fx_set_reg(w.fx, GAMW_ECO, 0xf);
	gpu_power_on_reset(w.fx->gpu);
	assert_int_equal(shift_at(&w), 12);
}

static void what_a_stream_looked_up_before_does_not_hold_after(void **state)
{
	struct cst *t = cst_new(GPU_SKL, GPU_BCS0, 0);
	uint64_t *entry = fx_mem(t->fx, 0, t->ctx.pml4);
	unsigned int shift;
	uint32_t value;

	(void)state;
	for (shift = 39; shift > 21; shift -= 9)
		entry = fx_mem(t->fx, 0, entry[DATA_VA >> shift & 511] & GPU_ADDR_MASK);
	entry[DATA_VA >> 21 & 511] |= IPS_64K;
	/* By 64 KiB, page 1 lies behind what the table's first entry names, cut to 64 KiB. */
	*(uint32_t *)(t->data + GPU_PAGE_SIZE) = 4;
	entry = fx_mem(t->fx, 0, entry[DATA_VA >> 21 & 511] & GPU_ADDR_MASK);
	*(uint32_t *)fx_mem(t->fx, 0, (entry[0] & GPU_ADDR_MASK & ~0xffffull) + GPU_PAGE_SIZE) = 64;
	assert_true(gpu_mem_read32(t->cs, GPU_SPACE_PPGTT, DATA_VA + GPU_PAGE_SIZE, &value));
	assert_int_equal(value, 4);
	fx_set_reg(t->fx, GAMW_ECO, 0xf);
	assert_true(gpu_mem_read32(t->cs, GPU_SPACE_PPGTT, DATA_VA + GPU_PAGE_SIZE, &value));
	assert_int_equal(value, 64);
	cst_free(t);
}

static void a_2_mib_page_ends_the_walk_at_the_directory(void **state)
{
	struct walk w;
	unsigned int shift = 0;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pd)[7] = 0x40000000ull | PS_2M | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, &shift) == (0x40023000ull | RW));
	assert_int_equal(shift, 21);
	/* low bits of the page's address do not count */
	table(w.fx, 0, w.pd)[7] = 0x40017000ull | PS_2M | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x40023000ull | RW));
}

static void a_page_size_bit_above_the_directory_means_nothing(void **state)
{
	struct walk w;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pt)[35] = 0x7654000 | RW;
	table(w.fx, 0, w.pdp)[6] |= PS_2M;
	table(w.fx, 0, w.pml4)[5] |= PS_2M;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x7654000 | RW));
}

static void four_directories_translate_32_bits(void **state)
{
	struct walk w;
	struct gpu_ppgtt root = { .four_level = false };

	walk_init(&w, *state, 0);
	root.pdp[2] = w.pd;
	table(w.fx, 0, w.pt)[35] = 0x7654000 | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &root, 2ull << 30 | 7ull << 21 | 35ull << 12, NULL) ==
		    (0x7654000 | RW));
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &root, 7ull << 21 | 35ull << 12, NULL) == 0);
	/* 2 MiB and 64 KiB pages exist there too */
	table(w.fx, 0, w.pd)[8] = 0x40000000ull | PS_2M | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &root, 2ull << 30 | 8ull << 21, NULL) ==
		    (0x40000000ull | RW));
}

static void tables_of_a_vgpu_stay_in_its_domain_whatever_they_say(void **state)
{
	struct walk w;

	walk_init(&w, *state, 2);
	table(w.fx, 2, w.pt)[35] = 0x7654000 | RW | DOM(3);
	table(w.fx, 2, w.pd)[7] |= DOM(1);
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x7654000 | RW | DOM(2)));
}

static void tables_of_a_mediator_may_name_another_domain(void **state)
{
	struct walk w;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pt)[35] = 0x7654000 | RW | DOM(3);
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x7654000 | RW | DOM(3)));
}

static void bits_52_to_62_are_a_native_drivers_own(void **state)
{
	const uint64_t bits = 0x7ffull << 52;
	struct walk w;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pml4)[5] |= bits;
	table(w.fx, 0, w.pdp)[6] |= bits;
	table(w.fx, 0, w.pd)[7] |= bits;
	table(w.fx, 0, w.pt)[35] = 0x7654000 | RW | bits;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (0x7654000 | RW));
}

static void a_table_outside_memory_is_not_present(void **state)
{
	struct walk w;

	walk_init(&w, *state, 0);
	table(w.fx, 0, w.pd)[7] = (GPU_ADDR_MASK & ~0xfffull) | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == 0);
	w.root.pdp[0] = GPU_ADDR_MASK;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == 0);
}

static void tables_that_point_to_themselves_end_after_four_steps(void **state)
{
	struct walk w;
	unsigned int i;

	walk_init(&w, *state, 0);
	for (i = 0; i < 512; i++)
		table(w.fx, 0, w.pml4)[i] = w.pml4 | RW;
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, VA, NULL) == (w.pml4 | RW));
	assert_true(gpu_ppgtt_walk(w.fx->gpu, &w.root, ~0ull, NULL) == (w.pml4 | RW));
}

/* What gpu_ppgtt_each() reports, up to @stop_after rows. */
struct list {
	struct gpu_ppgtt_leaf leaf[16];
	unsigned int count, stop_after;
};

static bool add(void *arg, const struct gpu_ppgtt_leaf *leaf)
{
	struct list *list = arg;

	assert_in_range(list->count, 0, 15);
	list->leaf[list->count++] = *leaf;
	return !list->stop_after || list->count < list->stop_after;
}

#define MIB2	(1ull << 21)

/* From VA's directory on: a table of 4 KiB pages, one of 64 KiB pages, nothing, a page of 2 MiB. */
static uint64_t four_kinds(struct walk *w, struct fx *fx, unsigned int domain)
{
	uint64_t big = fx_alloc(fx, domain, 1);
	unsigned int i;

	walk_init(w, fx, domain);
	gpu_ppgtt_set_ips(fx->gpu, domain, 0xf);
	table(fx, domain, w->pt)[35] = 0x7654000 | GPU_PTE_PRESENT;
	table(fx, domain, w->pt)[511] = 0x1000 | RW;
	table(fx, domain, w->pd)[8] = big | RW | IPS_64K;
	for (i = 0; i < 512; i++)
		table(fx, domain, big)[i] = i % 16 ? 0xdead000ull | RW : 0;
	table(fx, domain, big)[16] = 0x7650000 | RW;
	table(fx, domain, w->pd)[10] = 0x40000000ull | PS_2M | RW;
	return VA & ~(MIB2 - 1);
}

static void a_list_names_each_page_once_in_order(void **state)
{
	static const struct gpu_ppgtt_leaf want[] = {
		{ 35ull << 12, 0x7654000, 12, 2, false },
		{ 511ull << 12, 0x1000, 12, 2, true },
		{ MIB2 + 0x10000, 0x7650000, 16, 2, true },
		{ 3 * MIB2, 0x40000000, 21, 2, true },
	};
	struct list list = { 0 };
	struct walk w;
	uint64_t base = four_kinds(&w, *state, 2);
	unsigned int i;

	assert_true(gpu_ppgtt_each(w.fx->gpu, 2, w.pml4, 0, GPU_PPGTT_SIZE, add, &list));
	assert_int_equal(list.count, 4);
	for (i = 0; i < 4; i++) {
		assert_true(list.leaf[i].addr == base + want[i].addr);
		assert_true(list.leaf[i].page == want[i].page);
		assert_int_equal(list.leaf[i].shift, want[i].shift);
		assert_int_equal(list.leaf[i].domain, want[i].domain);
		assert_int_equal(list.leaf[i].writable, want[i].writable);
	}
}

static void a_list_has_what_reaches_into_its_bounds_and_no_more(void **state)
{
	static const struct { uint64_t from, to; unsigned int pages; } rows[] = {
		{ 35ull << 12, 36ull << 12, 1 },
		{ 36ull << 12, 511ull << 12, 0 },
		{ 0, MIB2, 2 },
		/* inside of a larger page, and only just */
		{ MIB2 + 0x1f000, MIB2 + 0x20000, 1 },
		{ MIB2 + 0x20000, 3 * MIB2, 0 },
		{ 4 * MIB2 - 1, 5 * MIB2, 1 },
		{ 35ull << 12, 35ull << 12, 0 },
	};
	struct walk w;
	uint64_t base = four_kinds(&w, *state, 0);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct list list = { 0 };

		gpu_ppgtt_each(w.fx->gpu, 0, w.pml4, base + rows[i].from, base + rows[i].to, add,
			       &list);
		assert_int_equal(list.count, rows[i].pages);
	}
}

static void a_list_ends_when_its_reader_has_enough(void **state)
{
	struct list list = { .stop_after = 2 };
	struct walk w;

	four_kinds(&w, *state, 0);
	assert_false(gpu_ppgtt_each(w.fx->gpu, 0, w.pml4, 0, GPU_PPGTT_SIZE, add, &list));
	assert_int_equal(list.count, 2);
}

static void a_list_ends_at_the_end_of_the_address_space(void **state)
{
	struct list list = { 0 };
	struct walk w;
	unsigned int i;

	walk_init(&w, *state, 0);
	for (i = 0; i < 512; i++)
		table(w.fx, 0, w.pml4)[i] = w.pml4 | RW;
	assert_true(gpu_ppgtt_each(w.fx->gpu, 0, w.pml4, GPU_PPGTT_SIZE - 4096, ~0ull, add, &list));
	assert_int_equal(list.count, 1);
	/* A root that is no memory maps nothing. */
	assert_true(gpu_ppgtt_each(w.fx->gpu, 0, ~0ull, 0, ~0ull, add, &list));
	assert_int_equal(list.count, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)
#define TEST_SHARED(f) cmocka_unit_test_setup_teardown(f, fx_setup_shared, fx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_4_kib_page_is_found_through_four_levels),
		TEST(each_absent_level_ends_the_walk),
		TEST(writing_needs_the_write_bit_of_every_level),
		TEST(a_64_kib_page_uses_every_sixteenth_entry_only),
		TEST(only_the_whole_field_allows_64_kib_pages),
		TEST_SHARED(each_domain_has_64_kib_pages_of_its_own),
		TEST(gen8_has_no_64_kib_pages),
		TEST(an_engines_reset_leaves_64_kib_pages_a_full_one_does_not),
		TEST(what_a_stream_looked_up_before_does_not_hold_after),
		TEST(a_2_mib_page_ends_the_walk_at_the_directory),
		TEST(a_page_size_bit_above_the_directory_means_nothing),
		TEST(four_directories_translate_32_bits),
		TEST_SHARED(tables_of_a_vgpu_stay_in_its_domain_whatever_they_say),
		TEST_SHARED(tables_of_a_mediator_may_name_another_domain),
		TEST(bits_52_to_62_are_a_native_drivers_own),
		TEST(a_table_outside_memory_is_not_present),
		TEST(tables_that_point_to_themselves_end_after_four_steps),
		TEST_SHARED(a_list_names_each_page_once_in_order),
		TEST(a_list_has_what_reaches_into_its_bounds_and_no_more),
		TEST(a_list_ends_when_its_reader_has_enough),
		TEST(a_list_ends_at_the_end_of_the_address_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
