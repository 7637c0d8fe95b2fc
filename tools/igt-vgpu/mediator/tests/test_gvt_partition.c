// SPDX-License-Identifier: MIT
/* Who gets which part of the GPU: types, explicit partitions, refusals. */

#include <glib.h>
#include <string.h>

#include "gvt_fixture.h"

#define MIB	(1ull << 20)

static struct vgpu *try(struct gx *gx, struct vgpu_config config, char **error)
{
	*error = NULL;
	config.opaque = &gx->guest[0];
	return vgpu_new(gx->gvt, &config, error);
}

static void expect_refusal(struct gx *gx, struct vgpu_config config, const char *text)
{
	struct vgpu *vgpu;
	char *error;

	vgpu = try(gx, config, &error);
	if (vgpu) {
		vgpu_free(vgpu);
		fail_msg("not refused: %s", text);
	}
	assert_non_null(error);
	if (!strstr(error, text))
		fail_msg("'%s' does not say '%s'", error, text);
	g_free(error);
}

static int bare_setup(void **state)
{
	*state = gx_new(GPU_SKL);
	return 0;
}

static void types_have_the_sizes_of_gvt_g(void **state)
{
	static const struct { const char *type; uint64_t aperture, hidden; } rows[] = {
		{ "GVTg_V5_8", 64 * MIB, 384 * MIB },
		{ "GVTg_V5_4", 128 * MIB, 512 * MIB },
	};
	struct gx *gx = *state;
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct vgpu_partition *p =
			vgpu_partition(gx_add_type(gx, 0, rows[i].type)->vgpu);

		assert_int_equal(p->aperture_size, rows[i].aperture);
		assert_int_equal(p->hidden_size, rows[i].hidden);
		assert_int_equal(p->fences, 4);
		/* The host keeps what GVT-g's host keeps. */
		assert_int_equal(p->aperture_base, 128 * MIB);
		assert_int_equal(p->hidden_base, (256 + 384) * MIB);
		assert_int_equal(p->fence_base, 4);
		gx_remove(&gx->guest[0]);
	}
}

static void types_that_need_a_larger_aperture_are_refused(void **state)
{
	expect_refusal(*state, (struct vgpu_config){ .type = "GVTg_V5_2" },
		       "needs 256 MiB of aperture");
	expect_refusal(*state, (struct vgpu_config){ .type = "GVTg_V5_1" },
		       "needs 512 MiB of aperture");
}

static void a_larger_aperture_has_room_for_the_larger_types(void **state)
{
	static const struct { uint64_t gpu; const char *type; uint64_t aperture, hidden;
	} rows[] = {
		{ 512 * MIB, "GVTg_V5_2", 256 * MIB, 1024 * MIB },
		{ 1024 * MIB, "GVTg_V5_2", 256 * MIB, 1024 * MIB },
		{ 1024 * MIB, "GVTg_V5_1", 512 * MIB, 2048 * MIB },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct gx *gx = gx_new_config(&(const struct gpu_config){
			.platform = GPU_SKL, .aperture_size = rows[i].gpu });
		struct gx_guest *guest = gx_add_type(gx, 0, rows[i].type);
		const struct vgpu_partition *p = vgpu_partition(guest->vgpu);
		uint32_t last = p->aperture_base + p->aperture_size - 4;

		assert_int_equal(p->aperture_size, rows[i].aperture);
		assert_int_equal(p->hidden_size, rows[i].hidden);
		assert_int_equal(p->aperture_base, 128 * MIB);
		assert_int_equal(p->hidden_base, rows[i].gpu + 384 * MIB);
		/* All of it can be reached, and nothing beyond. */
		gx_set_pte(guest, last, 0x1001);
		vgpu_aperture_write(guest->vgpu, last, 4, 0xabc);
		assert_int_equal(*(uint32_t *)(guest->mem + 0x1ffc), 0xabc);
		assert_true(vgpu_aperture_read(guest->vgpu, last + 4, 4) == ~0ull);
		assert_true(vgpu_aperture_read(guest->vgpu, rows[i].gpu, 4) == ~0ull);
		gx_free(gx);
	}
}

static void unknown_types_are_refused(void **state)
{
	static const char *const types[] = { "",	   "GVTg_V5_",	"GVTg_V5_3",
					     "GVTg_V5_88", "GVTg_V4_8", "gvtg_v5_8" };
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(types); i++)
		expect_refusal(*state, (struct vgpu_config){ .type = types[i] },
			       "is unknown; there are GVTg_V5_8");
}

static void broadwell_types_are_called_v4(void **state)
{
	struct gx *gx = gx_new(GPU_BDW);

	(void)state;
	gx_add_type(gx, 0, "GVTg_V4_8");
	expect_refusal(gx, (struct vgpu_config){ .type = "GVTg_V5_8" },
		       "is unknown; there are GVTg_V4_8");
	gx_free(gx);
}

static void room_runs_out_and_comes_back(void **state)
{
	struct gx *gx = *state;

	gx_add_type(gx, 0, "GVTg_V5_8");
	gx_add_type(gx, 1, "GVTg_V5_8");
	expect_refusal(gx, (struct vgpu_config){ .type = "GVTg_V5_8" }, "not free");
	gx_remove(&gx->guest[0]);
	expect_refusal(gx, (struct vgpu_config){ .type = "GVTg_V5_4" }, "not free");
	gx_add_type(gx, 0, "GVTg_V5_8");
	assert_int_equal(vgpu_partition(gx->guest[0].vgpu)->aperture_base, 128 * MIB);
	assert_int_equal(vgpu_partition(gx->guest[1].vgpu)->aperture_base, 192 * MIB);
	assert_int_equal(vgpu_id(gx->guest[0].vgpu), 1);
}

static void a_type_needs_hidden_ggtt_in_one_piece(void **state)
{
	struct gx *gx = *state;
	/* Leaves less than 512 MiB on either side. */
	struct vgpu_partition in_the_middle = { 0, 0, 1100 * MIB, 2700 * MIB, 0, 4 };

	gx_add(gx, 0, (struct vgpu_config){ .partition = in_the_middle });
	expect_refusal(gx, (struct vgpu_config){ .type = "GVTg_V5_4" },
		       "512 MiB of hidden GGTT in one piece");
	gx_add_type(gx, 1, "GVTg_V5_8");
	gx_remove(&gx->guest[0]);
	gx_remove(&gx->guest[1]);
	gx_add_type(gx, 0, "GVTg_V5_4");
}

static void bad_explicit_partitions_are_refused(void **state)
{
	static const struct { struct vgpu_partition part; const char *text;
	} rows[] = {
		{ { 0, 0, 0, 0, 0, 4 }, "both 0" },
		{ { 0x1001, 0x1000, 256 * MIB, MIB, 0, 4 },
		  "aperture base 0x1001 size 0x1000: not whole" },
		{ { 0x1000, 0x800, 256 * MIB, MIB, 0, 4 }, "not whole" },
		{ { 0, MIB, 256 * MIB + 4, MIB, 0, 4 },
		  "hidden base 0x10000004 size 0x100000: not whole" },
		{ { 0, 257 * MIB, 256 * MIB, MIB, 0, 4 },
		  "aperture base 0x0 size 0x10100000 is not within" },
		{ { 255 * MIB, 2 * MIB, 256 * MIB, MIB, 0, 4 }, "is not within 0x0-0xfffffff" },
		{ { 0, MIB, 255 * MIB, 2 * MIB, 0, 4 },
		  "hidden base 0xff00000 size 0x200000 is not within 0x10000000" },
		/* with the guard page, with some of the window below it */
		{ { 0, MIB, 256 * MIB, 0xefeff000 + 0x1000, 0, 4 }, "is not within" },
		{ { 0, MIB, 256 * MIB, 3840 * MIB, 0, 4 }, "is not within" },
		{ { 0, MIB, 4095 * MIB, MIB, 0, 4 }, "is not within" },
		{ { 0, MIB, 4096 * MIB, MIB, 0, 4 }, "is not within" },
		{ { 0, MIB, ~0xfffull, MIB, 0, 4 }, "is not within" },
		{ { 0, MIB, 256 * MIB, ~0xfffull, 0, 4 }, "is not within" },
		{ { ~0xfffull, MIB, 256 * MIB, MIB, 0, 4 }, "is not within" },
		{ { 0, MIB, 5120 * MIB, 0, 0, 4 }, "hidden base 0x140000000 has no size" },
		{ { MIB, 0, 256 * MIB, MIB, 0, 4 }, "aperture base 0x100000 has no size" },
		{ { 0, MIB, 256 * MIB, MIB, 0, 33 }, "fences=33 from 0: the GPU has 32" },
		{ { 0, MIB, 256 * MIB, MIB, 0, ~0u }, "the GPU has 32" },
	};
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(rows); i++)
		expect_refusal(*state, (struct vgpu_config){ .partition = rows[i].part },
			       rows[i].text);
}

static void overlaps_are_refused_and_neighbours_are_not(void **state)
{
	static const struct {
		uint64_t aperture, asize, hidden, hsize;
		const char *refused;
	} rows[] = {
		{ 64 * MIB, 64 * MIB, 512 * MIB, 64 * MIB,
		  "aperture base 0x4000000 size 0x4000000: vgpu1" },
		{ 127 * MIB, 2 * MIB, 300 * MIB, MIB, "vgpu1 has some" },
		{ 0, 65 * MIB, 300 * MIB, MIB, "vgpu1 has some" },
		{ 0, 200 * MIB, 300 * MIB, MIB, "vgpu1 has some" },
		{ 80 * MIB, 0x1000, 300 * MIB, MIB, "vgpu1 has some" },
		{ 0, MIB, 512 * MIB, 0x1000, "hidden base 0x20000000 size 0x1000: vgpu1" },
		{ 0, MIB, 575 * MIB, 2 * MIB, "vgpu1 has some" },
		{ 0, 64 * MIB, 300 * MIB, 212 * MIB, NULL },
		{ 128 * MIB, 64 * MIB, 576 * MIB, MIB, NULL },
		{ 0, 0, 300 * MIB, MIB, NULL },
		{ 0, MIB, 0, 0, NULL },
	};
	struct gx *gx = *state;
	unsigned int i;

	gx_add(gx, 0,
	       (struct vgpu_config){
		       .partition = { 64 * MIB, 64 * MIB, 512 * MIB, 64 * MIB, 0, 4 } });
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct vgpu_config config = {
			.partition = { rows[i].aperture, rows[i].asize, rows[i].hidden,
				       rows[i].hsize, 0, 2 },
		};

		if (rows[i].refused) {
			expect_refusal(gx, config, rows[i].refused);
		} else {
			gx_add(gx, 1, config);
			gx_remove(&gx->guest[1]);
		}
	}
}

static void fences_are_found_where_they_are_free(void **state)
{
	struct gx *gx = *state;
	uint32_t used = 0;
	unsigned int n;

	for (n = 0; n < 4; n++) {
		struct vgpu_partition part = { n * MIB, MIB, (256 + n) * MIB, MIB, n ? 0 : 8, 8 };
		const struct vgpu_partition *p;

		p = vgpu_partition(gx_add(gx, n, (struct vgpu_config){ .partition = part })->vgpu);
		assert_int_equal(used & (0xffu << p->fence_base), 0);
		used |= 0xffu << p->fence_base;
		assert_true(n || p->fence_base == 8);
	}
	assert_int_equal(used, ~0u);
	expect_refusal(gx, (struct vgpu_config){ .partition = { 8 * MIB, MIB, 0, 0, 31, 2 } },
		       "fences=2 from 31: the GPU has 32");
	expect_refusal(gx, (struct vgpu_config){ .partition = { 8 * MIB, MIB, 0, 0, 8, 1 } },
		       "free in a row from 8");
	expect_refusal(gx, (struct vgpu_config){ .partition = { 8 * MIB, MIB, 0, 0, 0, 1 } },
		       "fences=1: not so many are free");
	gx_add(gx, 4, (struct vgpu_config){ .partition = { 8 * MIB, MIB, 0, 0, 0, 0 } });
}

static void eight_vgpus_and_no_more(void **state)
{
	struct gx *gx = *state;
	unsigned int n;

	for (n = 0; n < GVT_MAX_VGPUS; n++) {
		gx_add(gx, n, (struct vgpu_config){ .partition = { n * MIB, MIB, 0, 0, 0, 1 } });
		assert_int_equal(vgpu_id(gx->guest[n].vgpu), n + 1);
	}
	expect_refusal(gx, (struct vgpu_config){ .partition = { 100 * MIB, MIB, 0, 0, 0, 1 } },
		       "8 vGPUs already");
}

static void the_whole_ggtt_goes_to_one_vgpu(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = gx_add(gx, 0, (struct vgpu_config){ .whole_ggtt = true });
	uint64_t gma;

	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE + 0x40), 0);
	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE + 0x44), 256 * MIB);
	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE + 0x48), 256 * MIB);
	/* Up to the host's own: the window of shadow contexts, and the guard page. */
	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE + 0x4c), 0xefeff000);
	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE + 0x50), 32);
	gx_set_pte(guest, 0, 0x1001);
	assert_int_equal(gx_pte(guest, 0), 0x1001);
	gx_set_pte(guest, 0xffefe000, 0x1001);
	assert_int_equal(gx_pte(guest, 0xffefe000), 0x1001);
	/* Every driver clears the guard page; that is nobody's fault, and of no effect. */
	gx_set_pte(guest, 0xfffff000, 0x1001);
	assert_int_equal(gx_pte(guest, 0xfffff000), 0);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_GGTT), 0);
	for (gma = 0xffeff000; gma < 0xfffff000; gma += 0x1000) {
		gx_set_pte(guest, gma, 0x1001);
		assert_int_equal(gx_pte(guest, gma), 0);
	}
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_GGTT), 256);
	expect_refusal(gx, (struct vgpu_config){ .type = "GVTg_V5_8" }, "not free");
	gx_remove(guest);

	expect_refusal(gx, (struct vgpu_config){ .whole_ggtt = true, .partition = { .fence_base = 1 } },
		       "whole-ggtt=on excludes");
	expect_refusal(gx, (struct vgpu_config){ .whole_ggtt = true, .partition = { .hidden_size = MIB } },
		       "whole-ggtt=on excludes");
	gx_add_type(gx, 0, "GVTg_V5_8");
	expect_refusal(gx, (struct vgpu_config){ .whole_ggtt = true }, "vgpu1 has some");
}

#define T(f) cmocka_unit_test_setup_teardown(f, bare_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(types_have_the_sizes_of_gvt_g),
		T(types_that_need_a_larger_aperture_are_refused),
		T(a_larger_aperture_has_room_for_the_larger_types),
		T(unknown_types_are_refused),
		cmocka_unit_test(broadwell_types_are_called_v4),
		T(room_runs_out_and_comes_back),
		T(a_type_needs_hidden_ggtt_in_one_piece),
		T(bad_explicit_partitions_are_refused),
		T(overlaps_are_refused_and_neighbours_are_not),
		T(fences_are_found_where_they_are_free),
		T(eight_vgpus_and_no_more),
		T(the_whole_ggtt_goes_to_one_vgpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
