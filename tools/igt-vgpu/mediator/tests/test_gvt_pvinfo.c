// SPDX-License-Identifier: MIT
/*
 * The PVINFO page: every field, every width, every override, what a guest may write and what it may
 * not.
 */

#include <glib.h>
#include <stddef.h>
#include <string.h>

#include "gvt_fixture.h"

#define PAGE		VGT_PVINFO_PAGE
#define FIELD(name)	((uint32_t)offsetof(struct vgt_if, name))

static uint64_t pv_read(struct gx_guest *guest, uint32_t offset, unsigned int size)
{
	return vgpu_bar0_read(guest->vgpu, PAGE + offset, size);
}

static void pv_write(struct gx_guest *guest, uint32_t offset, unsigned int size, uint64_t value)
{
	vgpu_bar0_write(guest->vgpu, PAGE + offset, size, value);
}

static void every_field_tells_the_truth(void **state)
{
	struct gx *gx = *state;
	unsigned int n;

	for (n = 0; n < 2; n++) {
		struct gx_guest *guest = &gx->guest[n];
		const struct vgpu_partition *part = vgpu_partition(guest->vgpu);

		assert_true(pv_read(guest, FIELD(magic), 8) == VGT_MAGIC);
		assert_int_equal(pv_read(guest, FIELD(version_major), 2), 1);
		assert_int_equal(pv_read(guest, FIELD(version_minor), 2), 1);
		assert_int_equal(pv_read(guest, FIELD(vgt_id), 4), n + 1);
		assert_int_equal(pv_read(guest, FIELD(vgt_caps), 4), 0x5c);
		assert_int_equal(pv_read(guest, FIELD(avail_rs.mappable_gmadr.base), 4),
				 part->aperture_base);
		assert_int_equal(pv_read(guest, FIELD(avail_rs.mappable_gmadr.size), 4),
				 part->aperture_size);
		assert_int_equal(pv_read(guest, FIELD(avail_rs.nonmappable_gmadr.base), 4),
				 part->hidden_base);
		assert_int_equal(pv_read(guest, FIELD(avail_rs.nonmappable_gmadr.size), 4),
				 part->hidden_size);
		assert_int_equal(pv_read(guest, FIELD(avail_rs.fence_num), 4), part->fences);
		assert_int_equal(pv_read(guest, FIELD(features_offered), 4), 3);
		assert_int_equal(pv_read(guest, FIELD(features_accepted), 4), 0);
		assert_int_equal(pv_read(guest, FIELD(display_ready), 4), 0);
		assert_int_equal(pv_read(guest, FIELD(cursor_x_hot), 4), 0xffffffff);
		assert_int_equal(pv_read(guest, FIELD(cursor_y_hot), 4), 0xffffffff);
	}
}

static void what_is_reserved_reads_zero(void **state)
{
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];
	uint32_t offset;

	for (offset = 0; offset < VGT_PVINFO_SIZE; offset += 4) {
		bool field = offset <= FIELD(vgt_caps) || (offset >= 0x40 && offset <= 0x50) ||
			     offset == FIELD(features_offered) ||
			     offset == FIELD(cursor_x_hot) || offset == FIELD(cursor_y_hot);

		if (!field)
			assert_int_equal(pv_read(guest, offset, 4), 0);
	}
}

static void all_widths_see_the_same_bytes(void **state)
{
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];
	uint8_t bytes[0x60];
	unsigned int size, i;
	uint32_t offset;

	for (offset = 0; offset < sizeof(bytes); offset++)
		bytes[offset] = pv_read(guest, offset, 1);
	assert_memory_equal(bytes, "vGTvGTvG", 8);
	for (size = 2; size <= 8; size *= 2) {
		for (offset = 0; offset < sizeof(bytes); offset += size) {
			uint64_t value = pv_read(guest, offset, size);

			for (i = 0; i < size; i++)
				assert_int_equal(value >> 8 * i & 0xff, bytes[offset + i]);
		}
	}
}

static const struct { const char *name; uint32_t offset; unsigned int size;
} fields[] = {
	{ "magic", 0, 8 },
	{ "version_major", 8, 2 },
	{ "version_minor", 10, 2 },
	{ "vgt_id", 12, 4 },
	{ "vgt_caps", 16, 4 },
	{ "mappable_base", 0x40, 4 },
	{ "mappable_size", 0x44, 4 },
	{ "nonmappable_base", 0x48, 4 },
	{ "nonmappable_size", 0x4c, 4 },
	{ "fence_num", 0x50, 4 },
	{ "features_offered", 0x60, 4 },
	{ "features_accepted", 0x64, 4 },
};

static void each_field_can_be_overridden_alone(void **state)
{
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];
	uint8_t truth[VGT_PVINFO_SIZE], seen[VGT_PVINFO_SIZE];
	uint32_t offset;
	unsigned int i;

	for (offset = 0; offset < VGT_PVINFO_SIZE; offset++)
		truth[offset] = pv_read(guest, offset, 1);
	for (i = 0; i < G_N_ELEMENTS(fields); i++) {
		uint64_t value = fields[i].size == 8 ? 0x1122334455667788ull :
				 fields[i].size == 4 ? 0xdeadbeefu :
						       0xabcd;
		char *spec = g_strdup_printf("%s=%" G_GUINT64_FORMAT, fields[i].name,
					     (uint64_t)value),
		     *error = NULL;

		assert_true(vgpu_set_pvinfo(guest->vgpu, spec, &error));
		assert_true(pv_read(guest, fields[i].offset, fields[i].size) == value);
		for (offset = 0; offset < VGT_PVINFO_SIZE; offset++) {
			if (offset < fields[i].offset ||
			    offset >= fields[i].offset + fields[i].size)
				assert_int_equal(pv_read(guest, offset, 1), truth[offset]);
		}
		g_free(spec);
	}
	assert_true(vgpu_set_pvinfo(guest->vgpu, "", NULL));
	for (offset = 0; offset < VGT_PVINFO_SIZE; offset++)
		seen[offset] = pv_read(guest, offset, 1);
	assert_memory_equal(seen, truth, sizeof(truth));
}

static void several_overrides_and_raw_dwords_go_together(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];

	assert_true(vgpu_set_pvinfo(
		guest->vgpu,
		" version_major = 2 ; version_minor=0x10;;@0xffc=7; @0x14 = 0xffffffff ;", NULL));
	assert_int_equal(pv_read(guest, 8, 4), 0x00100002);
	assert_int_equal(pv_read(guest, 0xffc, 4), 7);
	assert_int_equal(pv_read(guest, 0x14, 4), 0xffffffff);
	/* The other guest sees its own. */
	assert_int_equal(pv_read(&gx->guest[1], 8, 4), 0x00010001);
	/* A reset does not end it, and the next specification replaces it whole. */
	vgpu_reset(guest->vgpu);
	assert_int_equal(pv_read(guest, 8, 4), 0x00100002);
	assert_true(vgpu_set_pvinfo(guest->vgpu, "vgt_id=9", NULL));
	assert_int_equal(pv_read(guest, 8, 4), 0x00010001);
	assert_int_equal(pv_read(guest, 12, 4), 9);
	assert_int_equal(pv_read(guest, 0xffc, 4), 0);
}

static void bad_specifications_change_nothing(void **state)
{
	static const struct { const char *spec, *text; } rows[] = {
		{ "magic", "is not field=value" },
		{ "=5", "no field ''" },
		{ "majic=5", "no field 'majic'" },
		{ "magic=", "not a number of 8 bytes" },
		{ "vgt_id=12x", "vgt_id=12x: the value is not a number of 4 bytes" },
		{ "vgt_id=-1", "not a number" },
		{ "vgt_id=+1", "not a number" },
		{ "vgt_id=0x100000000", "not a number of 4 bytes" },
		{ "version_major=65536", "not a number of 2 bytes" },
		{ "magic=0x10000000000000000", "not a number of 8 bytes" },
		{ "@2=1", "multiple of 4" },
		{ "@0x1000=1", "below 0x1000" },
		{ "@=1", "multiple of 4" },
		{ "@0xffc=0x100000000", "4 bytes" },
		{ "vgt_id=7;fence_num=nine", "fence_num=nine" },
	};
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];
	unsigned int i;

	assert_true(vgpu_set_pvinfo(guest->vgpu, "vgt_id=5", NULL));
	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		char *error = NULL;

		assert_false(vgpu_set_pvinfo(guest->vgpu, rows[i].spec, &error));
		if (!error || !strstr(error, rows[i].text))
			fail_msg("'%s': '%s' does not say '%s'", rows[i].spec, error, rows[i].text);
		g_free(error);
		assert_int_equal(pv_read(guest, 12, 4), 5);
		assert_true(pv_read(guest, 0, 8) == VGT_MAGIC);
	}
}

static void an_override_does_not_widen_the_partition(void **state)
{
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];

	assert_true(vgpu_set_pvinfo(guest->vgpu,
				    "mappable_base=0;mappable_size=0x10000000;fence_num=32", NULL));
	gx_set_pte(guest, 0, 0x1001);
	assert_int_equal(gx_pte(guest, 0), 0);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_GGTT), 1);
	gx_set_reg(guest, 0x100000 + 8 * 4, 1);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_FENCE), 1);
}

static void the_guest_s_fields_keep_what_it_writes(void **state)
{
	static const uint32_t own[] = {
		0x804, 0x830, 0x834, 0x838, 0x83c, 0x840, 0x844,
		0x848, 0x84c, 0x850, 0x854, 0x858, 0x85c, 0x860, 0x864, 0x868, 0x86c,
	};
	struct gx_guest *guest = &((struct gx *)*state)->guest[0];
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(own); i++) {
		pv_write(guest, own[i], 4, 0x1000 + i);
		assert_int_equal(pv_read(guest, own[i], 4), 0x1000 + i);
	}
	pv_write(guest, 0x838, 8, 0x123456789abcull);
	assert_true(pv_read(guest, 0x838, 8) == 0x123456789abcull);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), 0);
	assert_int_equal(stats_get(guest->stats, STATS_PVINFO_WRITE), G_N_ELEMENTS(own) + 1);
	vgpu_reset(guest->vgpu);
	assert_int_equal(pv_read(guest, 0x838, 8), 0);
}

static void everything_else_is_not_writable(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];
	uint32_t offset;
	unsigned int refused = 0;

	for (offset = 0; offset < VGT_PVINFO_SIZE; offset += 4) {
		uint32_t before = pv_read(guest, offset, 4);

		if (offset == 0x804 || (offset >= 0x808 && offset <= 0x818) ||
		    (offset >= 0x830 && offset < 0x870))
			continue;
		pv_write(guest, offset, 4, ~before);
		assert_int_equal(pv_read(guest, offset, 4), before);
		assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), ++refused);
	}
	assert_true(gx_logged(gx, "PVINFO 0x000 is not the guest's to write"));
	/* Parts of a field are not written either. */
	pv_write(guest, 0x804, 1, 1);
	pv_write(guest, 0x806, 2, 1);
	assert_int_equal(pv_read(guest, 0x804, 4), 0);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), refused + 2);
}

static void a_bad_write_is_logged_once_and_counted_always(void **state)
{
	struct gx *gx = *state;
	unsigned int before;

	pv_write(&gx->guest[0], 0x10, 4, 0);
	assert_true(gx_logged(gx, "vgpu1: PVINFO 0x010 is not the guest's to write: 0x0 ignored"));
	before = gx->log_count;
	pv_write(&gx->guest[0], 0x10, 4, 0);
	assert_int_equal(gx->log_count, before);
	assert_int_equal(stats_get(gx->guest[0].stats, STATS_VIOLATION_PVINFO), 2);
}

static void the_failsafe_words_put_a_guest_out_of_service_until_reset(void **state)
{
	uint32_t offset;

	for (offset = 0x808; offset <= 0x814; offset += 4) {
		struct gx *gx = *state;
		struct gx_guest *guest = &gx->guest[0];

		pv_write(guest, offset, 4, 0);
		assert_true(gx_logged(gx, "out of service"));
		pv_write(guest, 0x830, 4, 1);
		assert_int_equal(pv_read(guest, 0x830, 4), ~0u);
		gx_set_reg(guest, 0x44200, 0);
		assert_int_equal(gx_reg(guest, 0x44200), 1u << 31);
		gx_set_pte(guest, vgpu_partition(guest->vgpu)->hidden_base + (100 << 20), 0x1001);
		assert_int_equal(
			gx_pte(guest, vgpu_partition(guest->vgpu)->hidden_base + (100 << 20)), 0);
		/* The other one goes on. */
		pv_write(&gx->guest[1], 0x804, 4, 1);
		assert_int_equal(pv_read(&gx->guest[1], 0x804, 4), 1);
		vgpu_reset(guest->vgpu);
		pv_write(guest, 0x830, 4, 1);
		assert_int_equal(pv_read(guest, 0x830, 4), 1);
		vgpu_reset(guest->vgpu);
		guest->hwsp[0] = guest->hwsp[1] = guest->hwsp[2] = guest->hwsp[3] = 0;
		gx_start(guest);
	}
}

static void a_driver_that_never_looked_is_put_out_of_service(void **state)
{
	struct gx *gx = gx_new(GPU_SKL);
	struct gx_guest *guest = gx_add_type(gx, 0, "GVTg_V5_8");

	(void)state;
	gx_set_reg(guest, 0x229c, 0x80008000);
	assert_true(gx_logged(gx, "starts an engine without a look at the PVINFO page"));
	assert_int_equal(gx_reg(guest, 0x229c), 0);
	vgpu_reset(guest->vgpu);
	gx_set_reg(guest, 0x100000 + 8 * 31, 1);
	assert_true(gx_logged(gx, "beyond the share was used without a look"));
	gx_free(gx);
}

static void a_driver_that_slept_through_the_reset_need_not_look_again(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];

	pv_read(guest, 0, 4);
	vgpu_set_power(guest->vgpu, true);
	vgpu_reset(guest->vgpu);
	gx_set_reg(guest, 0x229c, 0x80008000);
	assert_int_equal(gx_reg(guest, 0x229c), 0x8000);

	/* Who resets it may wake it up first. */
	vgpu_set_power(guest->vgpu, true);
	vgpu_set_power(guest->vgpu, false);
	vgpu_reset(guest->vgpu);
	gx_set_reg(guest, 0x229c, 0x80008000);
	assert_int_equal(gx_reg(guest, 0x229c), 0x8000);
}

static void one_that_was_awake_in_between_has_to(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];
	struct gx_context ctx;

	pv_read(guest, 0, 4);
	vgpu_set_power(guest->vgpu, true);
	vgpu_set_power(guest->vgpu, false);
	gx_context_init(&ctx, guest, GPU_RCS0);
	gx_submit(&ctx, NULL);
	vgpu_reset(guest->vgpu);
	gx_set_reg(guest, 0x229c, 0x80008000);
	assert_true(gx_logged(gx, "starts an engine without a look at the PVINFO page"));
}

static void another_guest_has_to_look(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];

	pv_read(guest, 0, 4);
	vgpu_set_power(guest->vgpu, true);
	vgpu_forget_guest(guest->vgpu);
	vgpu_reset(guest->vgpu);
	gx_set_reg(guest, 0x229c, 0x80008000);
	assert_true(gx_logged(gx, "starts an engine without a look at the PVINFO page"));
}

static void notifications_are_validated(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];
	uint32_t number;

	pv_write(guest, 0x838, 8, 0x5000);
	pv_write(guest, 0x840, 8, 0x6000);
	pv_write(guest, 0x848, 8, 0x7000);
	pv_write(guest, 0x850, 8, 0x8000);
	for (number = 1; number <= VGT_G2V_EXECLIST_CONTEXT_DESTROY; number++)
		pv_write(guest, 0x818, 4, number);
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), 0);
	assert_false(gx_logged(gx, "taken back"));

	/* Of four levels only the first pointer counts: the others are of a notification before. */
	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
	pv_write(guest, 0x840, 8, 0x9000);
	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY);
	assert_false(gx_logged(gx, "taken back"));

	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY);
	assert_true(gx_logged(gx, "PPGTT 0x5000 taken back, which was not announced"));
	pv_write(guest, 0x838, 8, 0x5008);
	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
	assert_true(gx_logged(gx, "pdp[0] = 0x5008, which is no page"));
	pv_write(guest, 0x838, 8, 0x100000000000ull);
	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
	pv_write(guest, 0x838, 8, 0x5000);
	pv_write(guest, 0x850, 8, ~0ull);
	pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE);
	assert_true(gx_logged(gx, "pdp[3] = 0xffffffffffffffff"));
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), 3);
	pv_write(guest, 0x818, 4, 0);
	pv_write(guest, 0x818, 4, 8);
	pv_write(guest, 0x818, 4, ~0u);
	assert_true(gx_logged(gx, "g2v_notify: 4294967295 is not a notification"));
	assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), 6);
}

static void a_flood_of_notifications_is_bounded(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *guest = &gx->guest[0];
	unsigned int i, round;

	/* The same root many times is one entry; many roots end in a line, not in memory. */
	for (i = 0; i < 3000; i++) {
		pv_write(guest, 0x838, 8, 0x5000);
		pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
	}
	for (round = 0; round < 2; round++) {
		for (i = 1; i < GX_PAGES; i++) {
			pv_write(guest, 0x838, 8, (uint64_t)i << 12);
			pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE);
			pv_write(guest, 0x840, 8, 0);
			pv_write(guest, 0x848, 8, 0);
			pv_write(guest, 0x850, 8, 0);
			pv_write(guest, 0x818, 4, VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE);
		}
	}
	assert_true(gx_logged(gx, "more than 1024 PPGTTs announced"));
	assert_true(gx->log_count < 100);
}

static void version_1_0_is_as_it_was(void **state)
{
	struct gx *gx = gx_new(GPU_SKL);
	struct gx_guest *guest =
		gx_add(gx, 0, (struct vgpu_config){ .type = "GVTg_V5_8", .abi_1_0 = true });
	unsigned int refused = 0;
	uint32_t offset;

	(void)state;
	gx_start(guest);
	assert_int_equal(pv_read(guest, 8, 4), 1);
	assert_int_equal(pv_read(guest, FIELD(vgt_caps), 4), 0x1c);
	for (offset = 0x54; offset < 0x800; offset += 4)
		assert_int_equal(pv_read(guest, offset, 4), 0);
	for (offset = 0x860; offset < VGT_PVINFO_SIZE; offset += 4) {
		pv_write(guest, offset, 4, 1);
		assert_int_equal(pv_read(guest, offset, 4), 0);
		assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), ++refused);
	}
	for (offset = VGT_G2V_CHANNEL_START; offset <= VGT_G2V_MAX; offset++) {
		pv_write(guest, 0x818, 4, offset);
		assert_int_equal(stats_get(guest->stats, STATS_VIOLATION_PVINFO), ++refused);
	}
	assert_int_equal(stats_get(guest->stats, STATS_CHANNEL_DOORBELL), 0);
	gx_free(gx);
}

static void features_can_be_withheld(void **state)
{
	struct gx *gx = gx_new(GPU_SKL);
	struct gx_guest *guest;

	(void)state;
	guest = gx_add(gx, 0, (struct vgpu_config){
		.type = "GVTg_V5_8", .features_withheld = VGT_FEATURE_CONTEXT });
	assert_int_equal(pv_read(guest, FIELD(vgt_caps), 4), 0x5c);
	assert_int_equal(pv_read(guest, FIELD(features_offered), 4), VGT_FEATURE_FENCE);
	gx_free(gx);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_field_tells_the_truth),
		T(what_is_reserved_reads_zero),
		T(all_widths_see_the_same_bytes),
		T(each_field_can_be_overridden_alone),
		T(several_overrides_and_raw_dwords_go_together),
		T(bad_specifications_change_nothing),
		T(an_override_does_not_widen_the_partition),
		T(the_guest_s_fields_keep_what_it_writes),
		T(everything_else_is_not_writable),
		T(a_bad_write_is_logged_once_and_counted_always),
		T(the_failsafe_words_put_a_guest_out_of_service_until_reset),
		T(a_driver_that_slept_through_the_reset_need_not_look_again),
		T(one_that_was_awake_in_between_has_to),
		T(another_guest_has_to_look),
		cmocka_unit_test(a_driver_that_never_looked_is_put_out_of_service),
		cmocka_unit_test(version_1_0_is_as_it_was),
		cmocka_unit_test(features_can_be_withheld),
		T(notifications_are_validated),
		T(a_flood_of_notifications_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
