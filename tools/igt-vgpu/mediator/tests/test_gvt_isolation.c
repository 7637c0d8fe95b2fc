// SPDX-License-Identifier: MIT
/*
 * What a guest cannot do to another through what it submits: reach its memory, see its registers,
 * keep it from the engines.
 */

#include <unistd.h>

#include "gvt_fixture.h"

#define GUESTS(state) \
	struct gx *gx = *(state); \
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1]

static void a_context_whose_page_is_unmapped_later_gains_nothing(void **state)
{
	struct gx_context first, second;
	uint32_t flag, victim;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	victim = gx_alloc(b, 1);
	gx_context_init(&first, a, GPU_RCS0);
	gx_context_init(&second, a, GPU_RCS0);
	gx_emit_wait(&first, flag);
	gx_emit_store(&second, victim, 0xbad);
	gx_submit(&first, &second);
	gx_run(gx, GPU_RCS0);
	/* Checked and submitted, but not loaded yet. */
	gx_set_pte(a, second.lrca, 0);
	gx_set(a, flag, 1);
	gx_run(gx, GPU_RCS0);
	gx_expect_event(a, GPU_RCS0, GX_IDLE_ACTIVE, 0);
	gx_expect_event(a, GPU_RCS0, GX_ELEMENT_SWITCH, first.id);
	assert_int_equal(gx_get(b, victim), 0);
}

static void the_register_that_names_the_domain_is_no_guests_business(void **state)
{
	static const uint32_t offsets[] = { GPU_RING_DOMAIN, GPU_RING_HWS_PGA_VGPU };
	struct gx_context ctx;
	unsigned int i;
	GUESTS(state);

	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_wait(&ctx, gx_alloc(a, 1));
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + GPU_RING_DOMAIN, 4),
			 vgpu_id(a->vgpu));
	for (i = 0; i < 2; i++) {
		uint32_t before = gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + offsets[i], 4);

		gx_set_reg(a, 0x2000 + offsets[i], vgpu_id(b->vgpu) << 12 | vgpu_id(b->vgpu));
		assert_int_equal(gpu_mmio_read(gvt_gpu(gx->gvt), 0x2000 + offsets[i], 4), before);
		assert_int_equal(gx_reg(a, 0x2000 + offsets[i]), 0);
	}
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_MMIO), 4);
}

static void an_engine_that_reports_when_its_owners_time_is_up_does_not_wait_for_itself(void **state)
{
	struct gx_context ca, cb;
	uint32_t flag, out;
	unsigned int i;
	GUESTS(state);

	flag = gx_alloc(a, 1);
	out = gx_alloc(b, 1);
	gx_context_init(&ca, a, GPU_RCS0);
	gx_context_init(&cb, b, GPU_RCS0);
	/* An interrupt, and enough commands for it to be delivered before the slice is over. */
	gx_emit_wait(&ca, flag);
	gx_emit_interrupt(&ca);
	for (i = 0; i < 100; i++)
		gx_emit(&ca, 1, 0u);
	gx_emit_wait(&ca, flag + 4);
	gx_emit_store(&cb, out, 7);
	gx_submit(&ca, NULL);
	gx_run(gx, GPU_RCS0);
	gx_submit(&cb, NULL);
	gx_set(a, flag, 1);
	gx->now_ns += 6000000000ull;
	alarm(10);
	gx_run(gx, GPU_RCS0);
	alarm(0);
	assert_int_equal(gx_get(b, out), 7);
	assert_int_equal(gx_reg(a, 0x44308) & 1, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_context_whose_page_is_unmapped_later_gains_nothing),
		T(an_engine_that_reports_when_its_owners_time_is_up_does_not_wait_for_itself),
		T(the_register_that_names_the_domain_is_no_guests_business),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
