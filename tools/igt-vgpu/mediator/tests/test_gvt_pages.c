// SPDX-License-Identifier: MIT
/*
 * Tests of 64 KiB pages in the page tables of guests: each guest's own register says whether its
 * tables have them (gvt/mmio.c mmio_tell_ips(), gpu/ppgtt.c).
 */
#include <string.h>

#include "gvt_fixture.h"

#define GAMW_ECO	0x4080u
#define GDRST		0x941cu
#define IPS_64K		(1ull << 11)
#define RW		3ull

/** struct store - a context that stores at page 1 of its address space, whose table can be read in two ways */
struct store {
	struct gx_context ctx;
	uint32_t *small, *large;	/* where a store arrives by 4 KiB pages, by 64 KiB pages */
};

static uint64_t *page(struct gx_guest *guest, uint64_t addr)
{
	return (uint64_t *)(guest->mem + addr);
}

static uint64_t new_page(struct gx_guest *guest)
{
	return (uint64_t)guest->next_page++ << GPU_PAGE_SHIFT;
}

static void store_init(struct store *s, struct gx_guest *guest)
{
	uint64_t pml4, pdp = new_page(guest), pd = new_page(guest), pt = new_page(guest);
	uint64_t small = new_page(guest), large;

	gx_context_init(&s->ctx, guest, GPU_BCS0);
	pml4 = gx_get(guest, s->ctx.lrca + GPU_PAGE_SIZE + 4 * 0x33);
	guest->next_page = (guest->next_page + 15) & ~15u;
	large = new_page(guest);
	guest->next_page += 15;
	page(guest, pml4)[0] = pdp | RW;
	page(guest, pdp)[0] = pd | RW;
	page(guest, pd)[0] = pt | RW | IPS_64K;
	page(guest, pt)[0] = large | RW;
	page(guest, pt)[1] = small | RW;
	s->small = (uint32_t *)page(guest, small);
	s->large = (uint32_t *)page(guest, large + GPU_PAGE_SIZE);
}

/* Did it arrive by 64 KiB pages? */
static bool store_is_large(struct store *s)
{
	struct gx_guest *guest = s->ctx.guest;
	bool large;

	gx_emit(&s->ctx, 4, 0x20u << 23 | 2, (uint32_t)GPU_PAGE_SIZE, 0, 0x600d);
	gx_submit(&s->ctx, NULL);
	gx_run(guest->gx, GPU_BCS0);
	gx_expect_run(&s->ctx);
	assert_int_equal(*s->small + *s->large, 0x600d);
	large = *s->large;
	*s->small = *s->large = 0;
	return large;
}

static void each_guests_tables_follow_its_own_register(void **state)
{
	struct store by_a, by_b;
	GUESTS(state);

	(void)gx;
	store_init(&by_a, a);
	store_init(&by_b, b);
	assert_false(store_is_large(&by_a));
	gx_set_reg(a, GAMW_ECO, 0xf);
	assert_true(store_is_large(&by_a));
	assert_false(store_is_large(&by_b));
	gx_set_reg(b, GAMW_ECO, 0x8f);
	gx_set_reg(a, GAMW_ECO, 0);
	assert_false(store_is_large(&by_a));
	assert_true(store_is_large(&by_b));
}

static void a_refused_setting_changes_no_tables(void **state)
{
	struct store s;
	GUESTS(state);

	(void)gx;
	(void)b;
	store_init(&s, a);
	gx_set_reg(a, GAMW_ECO, 0xf);
	gx_set_reg(a, GAMW_ECO, 0x3);
	assert_true(store_is_large(&s));
}

static void the_setting_lives_until_a_full_reset(void **state)
{
	struct store s;
	GUESTS(state);

	(void)gx;
	(void)b;
	store_init(&s, a);
	gx_set_reg(a, GAMW_ECO, 0xf);
	gx_set_reg(a, GDRST, 1u << 3);		/* the blitter's */
	gx_start(a);
	assert_true(store_is_large(&s));
	gx_set_reg(a, GDRST, 1u << 0);
	gx_start(a);
	assert_int_equal(gx_reg(a, GAMW_ECO), 0);
	assert_false(store_is_large(&s));
}

static void a_guests_reset_leaves_the_others_their_setting(void **state)
{
	struct store s;
	GUESTS(state);

	(void)gx;
	store_init(&s, b);
	gx_set_reg(a, GAMW_ECO, 0xf);
	gx_set_reg(b, GAMW_ECO, 0xf);
	gx_set_reg(a, GDRST, 1u << 0);
	vgpu_reset(a->vgpu);
	assert_true(store_is_large(&s));
}

static void a_vgpu_starts_without_64_kib_pages(void **state)
{
	struct store s;
	GUESTS(state);

	(void)b;
	gx_set_reg(a, GAMW_ECO, 0xf);
	vgpu_reset(a->vgpu);
	memset(a->hwsp, 0, sizeof(a->hwsp));
	gx_start(a);
	store_init(&s, a);
	assert_false(store_is_large(&s));
	/* Who comes after it has its place, and nothing of its registers. */
	gx_set_reg(a, GAMW_ECO, 0xf);
	gx_remove(a);
	gx_start(gx_add_type(gx, 0, "GVTg_V5_8"));
	store_init(&s, a);
	assert_false(store_is_large(&s));
}

static void broadwell_has_no_64_kib_pages_whatever_is_written(void **state)
{
	struct gx *gx = gx_new(GPU_BDW);
	struct gx_guest *a = gx_add_type(gx, 0, "GVTg_V4_8");
	struct store s;

	(void)state;
	gx_start(a);
	store_init(&s, a);
	gx_set_reg(a, GAMW_ECO, 0xf);
	assert_int_equal(gx_reg(a, GAMW_ECO), 0xf);
	assert_false(store_is_large(&s));
	gx_free(gx);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_guests_tables_follow_its_own_register),
		T(a_refused_setting_changes_no_tables),
		T(the_setting_lives_until_a_full_reset),
		T(a_guests_reset_leaves_the_others_their_setting),
		T(a_vgpu_starts_without_64_kib_pages),
		cmocka_unit_test(broadwell_has_no_64_kib_pages_whatever_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
