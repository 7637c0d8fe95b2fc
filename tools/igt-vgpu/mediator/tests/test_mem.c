// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/mem.c and gpu/log.c: translation, faults, the software TLB, atomic access, domains,
 * the log's limit.
 */
#include <string.h>

#include "cs_fixture.h"

#define FAULT_REG	0x4094
#define FAULT_DATA0	0x4b10
#define FAULT_DATA1	0x4b14

static void reads_and_writes_cross_page_borders(void **state)
{
	struct cst *t = *state;
	uint8_t in[6000], out[6000];
	unsigned int i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = i * 7;
	assert_true(gpu_mem_write(t->cs, GPU_SPACE_PPGTT, DATA_VA + 3000, in, sizeof(in)));
	assert_memory_equal(t->data + 3000, in, sizeof(in));
	assert_true(gpu_mem_read(t->cs, GPU_SPACE_PPGTT, DATA_VA + 3000, out, sizeof(out)));
	assert_memory_equal(in, out, sizeof(in));
}

static void the_pointer_says_how_many_bytes_are_left_in_the_page(void **state)
{
	struct cst *t = *state;
	unsigned int left;

	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA + 0x1ffc, false, &left),
			 t->data + 0x1ffc);
	assert_int_equal(left, 4);
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA + 0x2000, true, &left),
			 t->data + 0x2000);
	assert_int_equal(left, 4096);
}

static unsigned int looks;

static void *counting_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	struct fx *fx = opaque;

	looks++;
	return fx_mem(fx, domain, addr);
}

static uint8_t *run_from(struct gpu_cs *cs, uint64_t addr, bool write, unsigned int want,
			 unsigned int *left)
{
	uint8_t *host = gpu_mem_ptr(cs, GPU_SPACE_PPGTT, addr, write, left);

	if (host)
		*left = gpu_mem_extend(cs, addr, write, host, *left, want);
	return host;
}

static void a_run_ends_where_the_host_has_another_page_or_none(void **state)
{
	struct cst *t = *state;
	unsigned int left;

	/* Eight pages, of which the fourth lies elsewhere, and the seventh is read-only. */
	uint64_t va = DATA_VA + (16u << 20), page = fx_alloc(t->fx, 0, 8), other = fx_alloc(t->fx, 0, 1);
	uint8_t *mem = fx_mem(t->fx, 0, page);

	fx_ppgtt_map(&t->ctx, va, page, 8, 0);
	fx_ppgtt_map(&t->ctx, va + 0x3000, other, 1, 0);
	fx_ppgtt_map(&t->ctx, va + 0x6000, page + 0x6000, 1, GPU_PTE_PRESENT);
	t->fx->ops.page = counting_page;
	assert_ptr_equal(run_from(t->cs, va + 0x10, false, 0x8000, &left), mem + 0x10);
	assert_int_equal(left, 0x2ff0);
	/* ... which was seen then, and is not asked for again */
	looks = 0;
	assert_ptr_equal(run_from(t->cs, va + 0x3000, false, 1, &left), fx_mem(t->fx, 0, other));
	assert_int_equal(left, 0x1000);
	assert_int_equal(looks, 0);
	assert_ptr_equal(run_from(t->cs, va + 0x4000, true, 0x8000, &left), mem + 0x4000);
	assert_int_equal(left, 0x2000);
	/* to be read, it goes on, to the end of what is mapped, which is no fault */
	assert_ptr_equal(run_from(t->cs, va + 0x5000, false, 0x8000, &left), mem + 0x5000);
	assert_int_equal(left, 0x3000);
	assert_false(t->cs->faulted);
	assert_int_equal(fx_reg(t->fx, FAULT_REG), 0);
	assert_null(run_from(t->cs, va + 0x8000, false, 0x8000, &left));
	assert_true(t->cs->faulted);
}

static void a_page_that_was_seen_to_be_read_is_not_to_be_written_therefore(void **state)
{
	struct cst *t = *state;
	uint64_t other = fx_alloc(t->fx, 0, 1);
	unsigned int left;

	/* elsewhere in the host, so that the run ends before it and remembers it */
	fx_ppgtt_map(&t->ctx, DATA_VA + 0x1000, other, 1, GPU_PTE_PRESENT);
	assert_ptr_equal(run_from(t->cs, DATA_VA, false, 0x4000, &left), t->data);
	assert_int_equal(left, 0x1000);
	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, DATA_VA + 0x1000, 0x12345678));
	assert_int_equal(*(uint32_t *)fx_mem(t->fx, 0, other), 0);
}

static void a_run_looks_only_at_pages_that_are_wanted_whole(void **state)
{
	struct cst *t = *state;
	unsigned int left;

	t->fx->ops.page = counting_page;
	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, true, NULL));
	looks = 0;
	/* all but one byte of the second one; all of it; a lost write, on a page alone */
	assert_ptr_equal(run_from(t->cs, DATA_VA + 0x10, true, 0x1fef, &left), t->data + 0x10);
	assert_int_equal(left, 0xff0);
	assert_int_equal(looks, 0);
	assert_ptr_equal(run_from(t->cs, DATA_VA + 0x10, true, 0x1ff0, &left), t->data + 0x10);
	assert_int_equal(left, 0x1ff0);
	assert_int_equal(looks, 1);
	fx_ppgtt_map(&t->ctx, DATA_VA, fx_alloc(t->fx, 0, 1), 1, GPU_PTE_PRESENT);
	gpu_tlb_flush(t->cs);
	assert_non_null(run_from(t->cs, DATA_VA + 0x10, true, 0x4000, &left));
	assert_int_equal(left, 0xff0);
}

static void the_low_address_bits_of_a_dword_are_ignored(void **state)
{
	struct cst *t = *state;
	uint32_t value = 0;

	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, DATA_VA + 7, 0x12345678));
	assert_int_equal(cst_data32(t, 4), 0x12345678);
	assert_true(gpu_mem_read32(t->cs, GPU_SPACE_PPGTT, DATA_VA + 6, &value));
	assert_int_equal(value, 0x12345678);
}

static void a_qword_at_a_dword_boundary_is_two_dwords_over_the_page_border(void **state)
{
	struct cst *t = *state;

	assert_true(
		gpu_mem_write64(t->cs, GPU_SPACE_PPGTT, DATA_VA + 0xffc, 0x1122334455667788ull));
	assert_int_equal(cst_data32(t, 0xffc), 0x55667788);
	assert_int_equal(cst_data32(t, 0x1000), 0x11223344);
	assert_true(gpu_mem_write64(t->cs, GPU_SPACE_PPGTT, DATA_VA + 8, 0x99aabbccddeeff00ull));
	assert_true(cst_data64(t, 8) == 0x99aabbccddeeff00ull);
}

static void addresses_above_48_bits_are_ignored_in_a_ppgtt(void **state)
{
	struct cst *t = *state;

	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, DATA_VA | 0xffffull << 48, 1));
	assert_int_equal(cst_data32(t, 0), 1);
}

static void an_absent_ppgtt_page_sets_the_fault_registers(void **state)
{
	struct cst *t = *state;
	uint64_t addr = 0xabcd12345000ull;
	uint32_t value;

	assert_false(gpu_mem_read32(t->cs, GPU_SPACE_PPGTT, addr + 8, &value));
	assert_true(t->cs->faulted);
	assert_int_equal(t->cs->fault_space, GPU_SPACE_PPGTT);
	assert_true(t->cs->fault_addr == addr + 8);
	assert_int_equal(fx_reg(t->fx, FAULT_REG), 1);
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), (uint32_t)(addr >> 12));
	assert_int_equal(fx_reg(t->fx, FAULT_DATA1), addr >> 44);
	assert_non_null(strstr(cst_log(t), "page fault, read of PPGTT address 0xabcd12345008"));
}

static void the_first_fault_stays_until_it_is_cleared(void **state)
{
	struct cst *t = *state;

	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, 0x1000, true, NULL));
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, 0x2000, true, NULL));
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), 1);
	gpu_lock(t->gpu);
	gpu_reg_set(t->gpu, FAULT_REG, 0);
	gpu_unlock(t->gpu);
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, 0x2000, true, NULL));
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), 2);
}

static void an_absent_ggtt_page_is_a_ggtt_fault_of_its_engine(void **state)
{
	struct cst *t = *state;
	uint32_t addr = 0xf0000000;

	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, addr, false, NULL));
	assert_int_equal(fx_reg(t->fx, FAULT_REG), 1 | 1 << 11 | 2 << 12); /* BCS is hardware's
									      number 2 */
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), addr >> 12);
	assert_int_equal(fx_reg(t->fx, FAULT_DATA1), 1 << 4);
}

static void a_vgpus_fault_is_told_and_not_in_the_owners_registers(void **state)
{
	struct cst *t = cst_new(GPU_SKL, GPU_VECS0, 1);

	(void)state;
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0xf0000000, false, NULL));
	assert_int_equal(t->fx->last_fault.reg, 1 | 1 << 11 | 3 << 12);
	assert_int_equal(t->fx->last_fault.data0, 0xf0000);
	assert_int_equal(t->fx->last_fault.data1, 1 << 4);
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, 0xabcd12345000ull, true, NULL));
	assert_int_equal(t->fx->last_fault.reg, 1 | 3 << 12);
	assert_int_equal(t->fx->last_fault.data0, 0xbcd12345);
	assert_int_equal(t->fx->last_fault.data1, 0xa);
	assert_int_equal(t->fx->faults[1], 2);
	assert_int_equal(fx_reg(t->fx, FAULT_REG), 0);
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), 0);
	assert_int_equal(fx_reg(t->fx, FAULT_DATA1), 0);
	/* The owner's own is. */
	t->cs->domain = 0;
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0xf0000000, false, NULL));
	assert_int_equal(fx_reg(t->fx, FAULT_DATA0), 0xf0000);
	assert_int_equal(t->fx->faults[0], 0);
	cst_free(t);
}

static void a_ggtt_address_beyond_4_gib_is_a_fault_and_not_wrapped(void **state)
{
	struct cst *t = *state;

	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, t->ggtt_data, false, NULL));
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, t->ggtt_data | 1ull << 32, false, NULL));
	assert_null(gpu_ggtt_ptr(t->gpu, t->ggtt_data | 1ull << 32, false));
	assert_null(gpu_ggtt_ptr(t->gpu, ~0ull, false));
}

static void memory_that_the_host_does_not_have_is_a_fault(void **state)
{
	struct cst *t = *state;

	fx_ppgtt_map(&t->ctx, 0x5000, (uint64_t)FX_PAGES << 12, 1, 0);
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, 0x5000, false, NULL));
	t->fx->no_memory = true;
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, false, NULL));
}

static void a_write_to_a_read_only_page_is_dropped_without_a_fault(void **state)
{
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 0, 1);
	uint32_t *mem = fx_mem(t->fx, 0, page), value;

	mem[0] = 0xc0ffee;
	fx_ppgtt_map(&t->ctx, 0x5000, page, 1, GPU_PTE_PRESENT);
	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, 0x5000, 1));
	assert_true(gpu_mem_write64(t->cs, GPU_SPACE_PPGTT, 0x5000, 2));
	assert_true(gpu_mem_write(t->cs, GPU_SPACE_PPGTT, 0x5000, "abc", 3));
	assert_int_equal(mem[0], 0xc0ffee);
	assert_true(gpu_mem_read32(t->cs, GPU_SPACE_PPGTT, 0x5000, &value));
	assert_int_equal(value, 0xc0ffee);
	/* also when the read has filled the TLB */
	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, 0x5000, 1));
	assert_int_equal(mem[0], 0xc0ffee);
	assert_false(t->cs->faulted);
}

static void a_translation_is_cached_until_the_generation_changes(void **state)
{
	struct cst *t = *state;
	uint64_t other = fx_alloc(t->fx, 0, 1);
	uint8_t *before = gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, true, NULL);

	fx_ppgtt_map(&t->ctx, DATA_VA, other, 1, 0);
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, true, NULL), before);
	atomic_fetch_add(&t->gpu->tlb_generation, 1);
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, true, NULL),
			 fx_mem(t->fx, 0, other));
}

static void a_tlb_flush_of_one_stream_forgets_its_translations(void **state)
{
	struct cst *t = *state;
	uint64_t other = fx_alloc(t->fx, 0, 1);

	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, false, NULL));
	fx_ppgtt_map(&t->ctx, DATA_VA, other, 1, 0);
	gpu_tlb_flush(t->cs);
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, DATA_VA, false, NULL),
			 fx_mem(t->fx, 0, other));
}

/* The entry of a page directory that covers @va. */
static uint64_t *pde_of(struct cst *t, uint64_t va)
{
	uint64_t table = t->ctx.pml4;
	unsigned int shift;

	for (shift = 39; shift > 21; shift -= 9)
		table = ((uint64_t *)fx_mem(t->fx, 0, table))[(va >> shift) % 512] & GPU_ADDR_MASK;
	return (uint64_t *)fx_mem(t->fx, 0, table) + (va >> 21) % 512;
}

static uint8_t *reads(struct cst *t, uint64_t va)
{
	return gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, va, false, NULL);
}

static void the_page_directorys_entry_is_cached_until_the_tlb_is_emptied(void **state)
{
	struct cst *t = *state;
	uint64_t entry = *pde_of(t, DATA_VA);

	assert_ptr_equal(reads(t, DATA_VA), t->data);
	*pde_of(t, DATA_VA) = 0;
	/* a neighbour that nobody asked for before */
	assert_ptr_equal(reads(t, DATA_VA + 0x1000), t->data + 0x1000);
	gpu_tlb_flush(t->cs);
	assert_null(reads(t, DATA_VA + 0x1000));

	*pde_of(t, DATA_VA) = entry;
	assert_ptr_equal(reads(t, DATA_VA), t->data);
	*pde_of(t, DATA_VA) = 0;
	atomic_fetch_add(&t->gpu->tlb_generation, 1);
	assert_null(reads(t, DATA_VA + 0x1000));
}

static void a_neighbour_in_the_same_table_costs_one_look_at_the_host(void **state)
{
	struct cst *t = *state;

	t->fx->ops.page = counting_page;
	gpu_tlb_flush(t->cs);
	looks = 0;
	assert_ptr_equal(reads(t, DATA_VA), t->data);
	assert_int_equal(looks, 5);	/* four tables and the page */
	assert_ptr_equal(reads(t, DATA_VA + 0x1000), t->data + 0x1000);
	assert_int_equal(looks, 6);
	assert_ptr_equal(reads(t, DATA_VA), t->data);
	assert_int_equal(looks, 6);
}

static void what_is_absent_is_not_cached(void **state)
{
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 0, 1);

	/* in a table that is known, and where there is no table */
	assert_ptr_equal(reads(t, DATA_VA), t->data);
	assert_null(reads(t, DATA_VA + 0x100000));
	assert_null(reads(t, DATA_VA + 0x4000000));
	fx_ppgtt_map(&t->ctx, DATA_VA + 0x100000, page, 1, 0);
	fx_ppgtt_map(&t->ctx, DATA_VA + 0x4000000, page, 1, 0);
	assert_ptr_equal(reads(t, DATA_VA + 0x100000), fx_mem(t->fx, 0, page));
	assert_ptr_equal(reads(t, DATA_VA + 0x4000000), fx_mem(t->fx, 0, page));
}

static void distant_addresses_do_not_mix_in_the_cache_of_page_directories(void **state)
{
	static const uint64_t distance = (uint64_t)GPU_PDE_ENTRIES << GPU_PDE_SHIFT;
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 0, 2);

	fx_ppgtt_map(&t->ctx, DATA_VA + distance, page, 2, 0);
	assert_ptr_equal(reads(t, DATA_VA), t->data);
	assert_ptr_equal(reads(t, DATA_VA + distance), fx_mem(t->fx, 0, page));
	assert_ptr_equal(reads(t, DATA_VA + 0x1000), t->data + 0x1000);
	assert_ptr_equal(reads(t, DATA_VA + distance + 0x1000), fx_mem(t->fx, 0, page + 0x1000));
}

static void a_read_only_page_directory_entry_holds_for_all_of_its_pages(void **state)
{
	struct cst *t = *state;

	*pde_of(t, DATA_VA) &= ~GPU_PTE_WRITE;
	memset(t->data, 0xaa, 0x2000);
	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, DATA_VA, 1));
	assert_true(gpu_mem_write32(t->cs, GPU_SPACE_PPGTT, DATA_VA + 0x1000, 1));
	assert_int_equal(cst_data32(t, 0), 0xaaaaaaaa);
	assert_int_equal(cst_data32(t, 0x1000), 0xaaaaaaaa);
	assert_false(t->cs->faulted);
}

static void equal_addresses_of_both_spaces_do_not_mix_in_the_tlb(void **state)
{
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 0, 1);

	fx_ppgtt_map(&t->ctx, t->ggtt_data, page, 1, 0);
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, t->ggtt_data, false, NULL),
			 fx_mem(t->fx, 0, page));
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, t->ggtt_data, false, NULL),
			 fx_at(t->fx, t->ggtt_data));
	assert_ptr_equal(gpu_mem_ptr(t->cs, GPU_SPACE_PPGTT, t->ggtt_data, false, NULL),
			 fx_mem(t->fx, 0, page));
}

static void a_ggtt_entry_names_the_domain_of_its_page(void **state)
{
	struct cst *t = *state;
	uint64_t page = fx_alloc(t->fx, 2, 1);

	fx_ggtt_map(t->fx, 0x800000, 2, page, 1);
	assert_ptr_equal(gpu_ggtt_ptr(t->gpu, 0x800010, true), fx_mem(t->fx, 2, page + 0x10));
	assert_null(gpu_ggtt_ptr(t->gpu, 0x801000, true));
}

static void a_vgpus_stream_reaches_its_own_part_of_the_ggtt_only(void **state)
{
	struct cst *t = cst_new(GPU_SKL, GPU_RCS0, 1);
	uint64_t page = fx_alloc(t->fx, 2, 1);

	(void)state;
	fx_ggtt_map(t->fx, 0x800000, 2, page, 1);
	fx_ggtt_map(t->fx, 0x801000, 0, fx_alloc(t->fx, 0, 1), 1);
	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, t->ggtt_data, true, NULL));
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0x800000, false, NULL));
	assert_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0x801000, false, NULL));
	t->cs->domain = 2;
	gpu_tlb_flush(t->cs);
	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0x800000, false, NULL));
	t->cs->domain = 0;	/* the owner reaches all of it */
	gpu_tlb_flush(t->cs);
	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, 0x800000, false, NULL));
	assert_non_null(gpu_mem_ptr(t->cs, GPU_SPACE_GGTT, t->ggtt_data, false, NULL));
	cst_free(t);
}

/* More lines than a domain may have at a time; how many there were in all. */
static unsigned int flood(struct cst *t, unsigned int domain)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		gpu_log(t->gpu, domain, GPU_LOG_WARN, "line %u", i);
	return t->fx->log_count;
}

static void too_many_log_lines_are_dropped_and_counted(void **state)
{
	struct cst *t = *state;
	unsigned int before = flood(t, 0);

	assert_true(before >= 32 && before < 100);
	t->fx->now_ns += 1000000000;
	gpu_log(t->gpu, 0, GPU_LOG_WARN, "later");
	assert_int_equal(t->fx->log_count, before + 2);
	assert_string_equal(cst_log(t), "later");
	assert_non_null(
		strstr(t->fx->log[before % FX_LOG_LINES], "lines before this one were dropped"));
}

static void each_domain_has_its_own_lines_which_name_it(void **state)
{
	struct cst *t = *state;
	unsigned int before = flood(t, 1);

	gpu_log(t->gpu, 1, GPU_LOG_WARN, "one too many");
	assert_int_equal(t->fx->log_count, before);
	assert_non_null(strstr(cst_log(t), "vgpu1: line "));
	gpu_log(t->gpu, 2, GPU_LOG_WARN, "another's");
	assert_string_equal(cst_log(t), "vgpu2: another's");
	gpu_log(t->gpu, 0, GPU_LOG_WARN, "the owner's");
	assert_string_equal(cst_log(t), "the owner's");
	t->fx->now_ns += 1000000000;
	gpu_log(t->gpu, 1, GPU_LOG_WARN, "later");
	assert_string_equal(cst_log(t), "vgpu1: later");
	assert_memory_equal(t->fx->log[(t->fx->log_count - 2) % FX_LOG_LINES], "vgpu1: ", 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cst_setup_bcs, cst_teardown)
#define TEST_RCS(f) cmocka_unit_test_setup_teardown(f, cst_setup_rcs, cst_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_and_writes_cross_page_borders),
		TEST(the_pointer_says_how_many_bytes_are_left_in_the_page),
		TEST(a_run_ends_where_the_host_has_another_page_or_none),
		TEST(a_page_that_was_seen_to_be_read_is_not_to_be_written_therefore),
		TEST(a_run_looks_only_at_pages_that_are_wanted_whole),
		TEST(the_low_address_bits_of_a_dword_are_ignored),
		TEST(a_qword_at_a_dword_boundary_is_two_dwords_over_the_page_border),
		TEST(addresses_above_48_bits_are_ignored_in_a_ppgtt),
		TEST_RCS(an_absent_ppgtt_page_sets_the_fault_registers),
		TEST(the_first_fault_stays_until_it_is_cleared),
		TEST(an_absent_ggtt_page_is_a_ggtt_fault_of_its_engine),
		cmocka_unit_test(a_vgpus_fault_is_told_and_not_in_the_owners_registers),
		TEST(a_ggtt_address_beyond_4_gib_is_a_fault_and_not_wrapped),
		TEST(memory_that_the_host_does_not_have_is_a_fault),
		TEST(a_write_to_a_read_only_page_is_dropped_without_a_fault),
		TEST(a_translation_is_cached_until_the_generation_changes),
		TEST(a_tlb_flush_of_one_stream_forgets_its_translations),
		TEST(the_page_directorys_entry_is_cached_until_the_tlb_is_emptied),
		TEST(a_neighbour_in_the_same_table_costs_one_look_at_the_host),
		TEST(what_is_absent_is_not_cached),
		TEST(distant_addresses_do_not_mix_in_the_cache_of_page_directories),
		TEST(a_read_only_page_directory_entry_holds_for_all_of_its_pages),
		TEST(equal_addresses_of_both_spaces_do_not_mix_in_the_tlb),
		TEST(a_ggtt_entry_names_the_domain_of_its_page),
		cmocka_unit_test(a_vgpus_stream_reaches_its_own_part_of_the_ggtt_only),
		TEST(too_many_log_lines_are_dropped_and_counted),
		TEST(each_domain_has_its_own_lines_which_name_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
