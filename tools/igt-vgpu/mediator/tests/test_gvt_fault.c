// SPDX-License-Identifier: MIT
/* Page faults of two guests on one GPU: each has fault registers of its own. */

#include <string.h>

#include "gvt_fixture.h"

#define GGTT		(1u << 11)	/* of GPU_RING_FAULT */
#define ENGINE(n)	((n) << 12)	/* hardware's number */

static void expect_fault(struct gx_guest *guest, uint32_t reg, uint32_t data0, uint32_t data1)
{
	assert_int_equal(gx_reg(guest, GPU_RING_FAULT), reg);
	assert_int_equal(gx_reg(guest, GPU_FAULT_TLB_DATA0), data0);
	assert_int_equal(gx_reg(guest, GPU_FAULT_TLB_DATA1), data1);
}

/* A store to where nothing is; the engine hangs. */
static void store_in_ggtt(struct gx_guest *guest, enum gpu_engine_id engine, uint32_t gma)
{
	struct gx_context ctx;

	gx_context_init(&ctx, guest, engine);
	gx_emit_store(&ctx, gma, 1);
	gx_submit(&ctx, NULL);
	gx_run(guest->gx, engine);
}

static void store_in_ppgtt(struct gx_guest *guest, enum gpu_engine_id engine, uint64_t addr)
{
	struct gx_context ctx;

	gx_context_init(&ctx, guest, engine);
	gx_emit(&ctx, 4, 0x20u << 23 | 2, (uint32_t)addr, (uint32_t)(addr >> 32), 1u);
	gx_submit(&ctx, NULL);
	gx_run(guest->gx, engine);
}

/* In the partition, but not mapped. */
static uint32_t hole_of(const struct gx_guest *guest)
{
	return guest->next_gma + (1u << 20);
}

static void each_guest_reads_its_own_fault_and_nobody_anothers(void **state)
{
	struct gpu *gpu;
	uint32_t hole;
	GUESTS(state);

	gpu = gvt_gpu(gx->gvt);
	hole = hole_of(a);
	store_in_ggtt(a, GPU_BCS0, hole);
	expect_fault(a, 1 | GGTT | ENGINE(2), hole >> 12, 1u << 4);
	expect_fault(b, 0, 0, 0);

	store_in_ppgtt(b, GPU_BCS0, 0xabcd12345000ull);
	store_in_ppgtt(b, GPU_RCS0, 0x1000);
	expect_fault(b, 1 | ENGINE(2), 0xbcd12345, 0xa);
	expect_fault(a, 1 | GGTT | ENGINE(2), hole >> 12, 1u << 4);

	/* As i915 clears it. The next one comes then, and not before. */
	store_in_ppgtt(a, GPU_VECS0, 0x2000);
	expect_fault(a, 1 | GGTT | ENGINE(2), hole >> 12, 1u << 4);
	gx_set_reg(a, GPU_RING_FAULT, gx_reg(a, GPU_RING_FAULT) & ~GPU_FAULT_VALID);
	assert_int_equal(gx_reg(a, GPU_RING_FAULT) & GPU_FAULT_VALID, 0);
	expect_fault(b, 1 | ENGINE(2), 0xbcd12345, 0xa);
	store_in_ppgtt(a, GPU_VCS0, 0x3000);
	expect_fault(a, 1 | ENGINE(1), 3, 0);

	assert_int_equal(gpu_mmio_read(gpu, GPU_RING_FAULT, 4), 0);
	assert_int_equal(gpu_mmio_read(gpu, GPU_FAULT_TLB_DATA0, 4), 0);
}

static void the_address_is_not_the_guests_to_write(void **state)
{
	GUESTS(state);

	(void)gx;
	store_in_ppgtt(a, GPU_RCS0, 0x5000);
	gx_set_reg(a, GPU_FAULT_TLB_DATA0, 7);
	gx_set_reg(a, GPU_FAULT_TLB_DATA1, 7);
	expect_fault(a, 1, 5, 0);
	expect_fault(b, 0, 0, 0);
}

static void a_fault_outlives_the_engines_reset_and_no_other(void **state)
{
	unsigned int way;
	GUESTS(state);

	store_in_ppgtt(b, GPU_RCS0, 0x6000);
	for (way = 0; way < 3; way++) {
		store_in_ppgtt(a, GPU_RCS0, 0x5000);
		gx_set_reg(a, 0x941c, 2);
		expect_fault(a, 1, 5, 0);
		if (way == 0) {
			gx_set_reg(a, 0x941c, 1);
		} else if (way == 1) {
			vgpu_reset(a->vgpu);
			a->next_gma = vgpu_partition(a->vgpu)->hidden_base;
			memset(a->hwsp, 0, sizeof(a->hwsp));
		} else {
			gx_remove(a);
			gx_add_type(gx, 0, "GVTg_V5_8");
		}
		expect_fault(a, 0, 0, 0);
		gx_start(a);
	}
	expect_fault(b, 1, 6, 0);
}

static void an_address_outside_the_partition_is_a_violation(void **state)
{
	GUESTS(state);

	(void)gx;
	store_in_ggtt(a, GPU_RCS0, hole_of(a));
	store_in_ppgtt(a, GPU_BCS0, 0x5000);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_COMMAND), 0);
	/* Also if something is there. */
	store_in_ggtt(a, GPU_VCS0, b->hwsp[GPU_RCS0]);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_COMMAND), 1);
	/* The second one of the register is lost, but counted. */
	store_in_ggtt(a, GPU_VECS0, 0xfffff000u);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_COMMAND), 2);
	assert_int_equal(stats_get(a->stats, STATS_VIOLATION_GGTT), 0);
	assert_int_equal(stats_get(b->stats, STATS_VIOLATION_COMMAND), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_guest_reads_its_own_fault_and_nobody_anothers),
		T(the_address_is_not_the_guests_to_write),
		T(a_fault_outlives_the_engines_reset_and_no_other),
		T(an_address_outside_the_partition_is_a_violation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
