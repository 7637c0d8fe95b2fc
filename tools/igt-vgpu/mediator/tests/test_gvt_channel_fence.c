// SPDX-License-Identifier: MIT
/*
 * Fences set by request.
 */

#include <glib.h>

#include "channel_fixture.h"

#define FENCE(n)	(0x100000u + 8 * (n))

static void a_fence_by_request_reads_as_if_written(void **state)
{
	static const struct { uint32_t size, tiling, stride, low, high; } rows[] = {
		{ 0x1000, VGT_TILING_X, 512, 1, 3 },
		{ 0x10000, VGT_TILING_Y, 128, 3, 0xf000 },
		{ 0x400000, VGT_TILING_X, 4096, 1, 0x3ff000 | 31 },
		{ 0x400000, VGT_TILING_Y, 256 << 10, 3, 0x3ff000 | 2047 },
		{ 0x4000000, VGT_TILING_X, 256 << 10, 1, 0x3fff000 | 2047 },
	};
	struct cx_rig *r = *state;
	struct gpu *gpu = gvt_gpu(r->gx->gvt);
	unsigned int i, base = vgpu_partition(r->guest->vgpu)->fence_base;

	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint32_t low = r->aperture + rows[i].low, high = r->aperture + rows[i].high;

		assert_int_equal(cx_fence(&r->cx, i % 4, r->aperture, r->aperture + rows[i].size,
					  rows[i].tiling, rows[i].stride), VGT_STATUS_OK);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4)), low);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4) + 4), high);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4), 4), low);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4) + 4, 4), high);
		assert_int_equal(cx_fence(&r->cx, i % 4, 0, 0, VGT_TILING_NONE, 0), VGT_STATUS_OK);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4)), 0);
		assert_int_equal(gx_reg(r->guest, FENCE(i % 4) + 4), 0);
		assert_int_equal(gpu_mmio_read(gpu, FENCE(base + i % 4), 4), 0);
	}
}

static void a_wrong_fence_is_refused_and_changes_nothing(void **state)
{
	struct cx_rig *r = *state;
	uint64_t a = r->aperture, end = a + vgpu_partition(r->guest->vgpu)->aperture_size;
	const struct { unsigned int index; uint64_t start, end; uint32_t tiling, stride;
	} rows[] = {
		{ 4, a, a + 0x1000, 1, 512 },
		{ ~0u, a, a + 0x1000, 1, 512 },
		{ 0, a + 1, a + 0x1000, 1, 512 },
		{ 0, a, a + 0x1001, 1, 512 },
		{ 0, a, a, 1, 512 },
		{ 0, a + 0x1000, a, 1, 512 },
		{ 0, a - 0x1000, a + 0x1000, 1, 512 },
		{ 0, a, end + 0x1000, 1, 512 },
		{ 0, 0, 0x1000, 1, 512 },
		{ 0, a, 1ull << 32 | (a + 0x1000), 1, 512 },
		{ 0, 1ull << 32 | a, 1ull << 32 | (a + 0x1000), 1, 512 },
		{ 0, a, a + 0x1000, 3, 512 },
		{ 0, a, a + 0x1000, ~0u, 512 },
		{ 0, a, a + 0x1000, 1, 0 },
		{ 0, a, a + 0x1000, 1, 128 },
		{ 0, a, a + 0x1000, 1, (256 << 10) + 512 },
		{ 0, a, a + 0x1000, 2, 64 },
		{ 0, a, a + 0x1000, 2, 192 },
		{ 0, a, a + 0x1000, 2, 0xffffff80 },
		{ 0, a, 0, 0, 0 },
		{ 0, 0, 0x1000, 0, 0 },
		{ 0, 0, 0, 0, 128 },
	};
	struct vgt_fence_set set = { .start = a, .end = a + 0x1000, .tiling = 1, .stride = 512,
				     .rsv = 1 };
	unsigned int i;

	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_int_equal(cx_fence(&r->cx, rows[i].index, rows[i].start, rows[i].end,
					  rows[i].tiling, rows[i].stride), VGT_STATUS_BAD_VALUE);
		assert_int_equal(gx_reg(r->guest, FENCE(0)), a | 1);
		assert_int_equal(cx_rig_count(r, STATS_VIOLATION_FENCE), i + 1);
	}
	assert_int_equal(cx_call(&r->cx, VGT_ACTION_FENCE_SET, &set, sizeof(set)),
			 VGT_STATUS_BAD_VALUE);
}

static void fences_outlive_the_channel(void **state)
{
	struct cx_rig *r = *state;

	assert_int_equal(cx_rig_fence(r), VGT_STATUS_OK);
	cx_stop(&r->cx);
	assert_int_equal(gx_reg(r->guest, FENCE(0)), r->aperture | 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, cx_rig_setup_on, cx_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_fence_by_request_reads_as_if_written),
		T(a_wrong_fence_is_refused_and_changes_nothing),
		T(fences_outlive_the_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
