// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/mmio.c, power.c, pcode.c, display.c: the register table and what drivers poll for.
 */
#include <string.h>

#include "../gpu/regs.h"
#include "fixture.h"

static void every_row_lies_in_range_aligned_and_is_found_by_its_offset(void **state)
{
	unsigned int i, n, count;
	const struct gpu_reg_row *rows = gpu_reg_rows(&count);

	assert_true(count > 400);
	for (i = 0; i < count; i++) {
		assert_non_null(rows[i].name);
		assert_int_equal(rows[i].stride % 4, 0);
		for (n = 0; n < rows[i].count; n++) {
			uint32_t offset = rows[i].offset + n * rows[i].stride;

			assert_int_equal(offset % 4, 0);
			assert_true(offset < GPU_MMIO_SIZE);
			/* Also: no two rows claim the same register. */
			assert_ptr_equal(gpu_reg_row(offset), &rows[i]);
		}
		if (rows[i].access == GPU_MASKED)
			assert_int_equal(rows[i].mask & ~0xffffu, 0);
	}
	assert_null(gpu_reg_row(GPU_MMIO_SIZE));
	assert_null(gpu_reg_row(0xfffffffc));
	assert_null(gpu_reg_name(0x1ffffc));
	assert_string_equal(gpu_reg_name(0x44200), "GEN8_MASTER_IRQ");
	assert_string_equal(gpu_reg_name(0x22034), "RING_HEAD(bcs0)");
	assert_string_equal(gpu_reg_name(0x2604), "GEN8_RING_CS_GPR(rcs0)");
}

/*
 * For registers without a handler: what is stored after writes of patterns follows from the row
 * alone.
 */
static void plain_rows_store_what_their_access_mask_allows(void **state)
{
	static const uint32_t patterns[] = {
		0, ~0u, 0x5a5aa5a5, 0x00ff00ff, 0xffff1234, 0x0000ffff
	};
	struct fx *fx = *state;
	unsigned int i, p, count;
	const struct gpu_reg_row *row = gpu_reg_rows(&count);

	for (i = 0; i < count; i++, row++) {
		uint32_t want = fx_reg(fx, row->offset), bits;

		if (row->handler != &gpu_handler_none)
			continue;
		assert_int_equal(want, row->reset);
		for (p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
			uint32_t v = patterns[p];

			fx_set_reg(fx, row->offset, v);
			if (row->access == GPU_RW)
				want = (want & ~row->mask) | (v & row->mask);
			bits = v >> 16 & row->mask;
			if (row->access == GPU_MASKED)
				want = (want & ~bits) | (v & bits);
			if (row->access == GPU_W1C)
				want &= ~(v & row->mask);
			assert_int_equal(fx_reg(fx, row->offset), want);
		}
	}
}

static void a_register_without_a_row_is_plain_storage(void **state)
{
	struct fx *fx = *state;

	assert_null(gpu_reg_name(0x1f0000));
	fx_set_reg(fx, 0x1f0000, 0xcafe);
	assert_int_equal(fx_reg(fx, 0x1f0000), 0xcafe);
}

static void misaligned_and_out_of_range_accesses_do_nothing(void **state)
{
	static const struct { uint32_t offset; unsigned int size; } bad[] = {
		{ 1, 2 }, { 2, 4 }, { 4, 8 }, { 0, 3 }, { 0, 0 }, { 0, 16 }, { GPU_MMIO_SIZE, 4 },
		{ GPU_MMIO_SIZE, 1 }, { 0xfffffffc, 4 }, { 0xfffffff8, 8 },
	};
	struct fx *fx = *state;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		gpu_mmio_write(fx->gpu, bad[i].offset, bad[i].size, ~0ull);
		assert_int_equal(gpu_mmio_read(fx->gpu, bad[i].offset, bad[i].size), 0);
	}
	assert_int_equal(fx_reg(fx, 0), 0);
}

static void narrow_and_wide_accesses_reach_the_right_bytes(void **state)
{
	struct fx *fx = *state;

	gpu_mmio_write(fx->gpu, 0x100008, 8, 0x1122334455667788);
	assert_int_equal(fx_reg(fx, 0x100008), 0x55667788);
	assert_int_equal(fx_reg(fx, 0x10000c), 0x11223344);
	assert_true(gpu_mmio_read(fx->gpu, 0x100008, 8) == 0x1122334455667788);
	assert_int_equal(gpu_mmio_read(fx->gpu, 0x10000a, 2), 0x5566);
	assert_int_equal(gpu_mmio_read(fx->gpu, 0x10000b, 1), 0x55);
	gpu_mmio_write(fx->gpu, 0x10000b, 1, 0xab);
	gpu_mmio_write(fx->gpu, 0x100008, 2, 0xcdef);
	assert_int_equal(fx_reg(fx, 0x100008), 0xab66cdef);
}

static void the_pvinfo_page_of_the_bare_gpu_reads_zero(void **state)
{
	struct fx *fx = *state;

	fx_set_reg(fx, 0x78000, 0x12345678);
	assert_int_equal(fx_reg(fx, 0x78000), 0);
	gpu_mmio_write(fx->gpu, 0x78818, 8, ~0ull);
	assert_int_equal(fx_reg(fx, 0x78818), 0);
}

static void forcewake_requests_are_acknowledged_per_domain(void **state)
{
	static const uint32_t pairs[][2] = { { 0xa278, 0xd84 },
					     { 0xa270, 0xd88 },
					     { 0xa188, 0x130044 } };
	struct fx *fx = *state;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		fx_set_reg(fx, pairs[i][0], 0x00010001);
		assert_int_equal(fx_reg(fx, pairs[i][1]) & 1, 1);
		fx_set_reg(fx, pairs[i][0], 0x80008000);
		assert_int_equal(fx_reg(fx, pairs[i][1]), 0x8001);
		fx_set_reg(fx, pairs[i][0], 0xffff0000);
		assert_int_equal(fx_reg(fx, pairs[i][1]), 0);
	}
}

static uint32_t pcode(struct fx *fx, uint32_t command, uint32_t *data)
{
	fx_set_reg(fx, 0x138128, *data);
	fx_set_reg(fx, 0x13812c, 0);
	fx_set_reg(fx, 0x138124, 1u << 31 | command);
	*data = fx_reg(fx, 0x138128);
	return fx_reg(fx, 0x138124);
}

static void the_pcode_mailbox_answers_and_clears_ready(void **state)
{
	struct fx *fx = *state;
	uint32_t data = 0;

	assert_int_equal(pcode(fx, 0x21, &data), 0);	/* SAGV disable: is disabled */
	assert_int_equal(data & 1, 1);
	data = 3;
	assert_int_equal(pcode(fx, 0x07, &data), 0);	/* CDCLK: ready for change */
	assert_int_equal(data & 1, 1);
	data = 0;
	assert_int_equal(pcode(fx, 0x06, &data), 0);
	assert_true(data & 0xff);
	data = 0x060c14;
	assert_int_equal(pcode(fx, 0x08, &data),
			 0); /* frequency table: what was written for 0x14 */
	data = 0x14;
	assert_int_equal(pcode(fx, 0x09, &data), 0);
	assert_int_equal(data, 0x060c);
	assert_int_equal(pcode(fx, 0xee, &data), 1);	/* unknown: illegal command */
	/* Without READY it is a register. */
	fx_set_reg(fx, 0x138124, 0x21);
	assert_int_equal(fx_reg(fx, 0x138124), 0x21);
}

static void pcode_answers_each_command_that_i915_sends(void **state)
{
	static const struct { uint32_t command, data, answer; } rows[] = {
		{ 0x1a, 0, 0x700 },	/* duty cycle control: RP1 is 7 * 50 MHz */
		{ 0x0c, 5, 0 },		/* overclocking: none */
		{ 0x05, 5, 0 },		/* RC6 voltages: none */
		{ 0x10, 5, 0 },		/* D_COMP */
		{ 0x04, 5, 5 },		/* these are told something */
		{ 0x17, 5, 5 },
		{ 0x11, 5, 5 },
	};
	struct fx *fx = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t data = rows[i].data;

		assert_int_equal(pcode(fx, rows[i].command, &data), 0);
		assert_int_equal(data, rows[i].answer);
	}
}

static void tlb_invalidations_clear_themselves(void **state)
{
	struct fx *fx = *state;
	uint32_t offset;

	for (offset = 0x4260; offset <= 0x4270; offset += 4) {
		fx_set_reg(fx, offset, 1);
		assert_int_equal(fx_reg(fx, offset), 0);
	}
	fx_set_reg(fx, 0x101008, 1);
	assert_int_equal(fx_reg(fx, 0x101008), 0);
}

static void the_actual_frequency_is_the_requested_one(void **state)
{
	struct fx *fx = *state, *bdw = fx_new(GPU_BDW, true);

	fx_set_reg(fx, 0xa008, 45u << 23);
	assert_int_equal(fx_reg(fx, 0xa01c) >> 23, 45);
	fx_set_reg(bdw, 0xa008, 18u << 24);
	assert_int_equal(fx_reg(bdw, 0xa01c) >> 7 & 0x7f, 18);
	fx_free(bdw);
}

/* PM ticks: 16 of the command streamer's, which has 12 MHz. */
static void the_evaluation_counter_runs_while_rps_is_on_from_where_it_was_set(void **state)
{
	struct fx *fx = *state;

	fx->now_ns += 1000000;
	assert_int_equal(fx_reg(fx, 0xa050), 0);
	fx_set_reg(fx, 0xa024, 1u << 7);
	assert_int_equal(fx_reg(fx, 0xa050), 0);
	fx->now_ns += 4000000;
	assert_int_equal(fx_reg(fx, 0xa050), 3000);
	fx_set_reg(fx, 0xa050, 100);
	fx->now_ns += 4000000;
	assert_int_equal(fx_reg(fx, 0xa050), 3100);
	fx_set_reg(fx, 0xa024, 0);
	assert_int_equal(fx_reg(fx, 0xa050), 100);
}

static void rc6_residency_grows_only_while_allowed_and_idle(void **state)
{
	struct fx *fx = *state;
	uint32_t before;

	fx->now_ns += 1000000;
	assert_int_equal(fx_reg(fx, 0x138108), 0);
	fx_set_reg(fx, 0xa090, 1u << 31 | 1u << 18);
	fx->now_ns += 1280000;
	assert_int_equal(fx_reg(fx, 0x138108), 1000);
	fx_set_reg(fx, 0xa278, 0x00010001);
	fx->now_ns += 1280000;
	assert_int_equal(fx_reg(fx, 0x138108), 1000);
	fx_set_reg(fx, 0xa278, 0x00010000);
	fx->now_ns += 1280;
	assert_int_equal(fx_reg(fx, 0x138108), 1001);
	fx_set_reg(fx, 0xa090, 0);
	before = fx_reg(fx, 0x138108);
	fx->now_ns += 1280000;
	assert_int_equal(fx_reg(fx, 0x138108), before);
	/* Software control: the target state decides. */
	fx_set_reg(fx, 0xa090, 1u << 18);
	fx->now_ns += 1280000;
	assert_int_equal(fx_reg(fx, 0x138108), before);
	fx_set_reg(fx, 0xa094, 4u << 16);
	fx->now_ns += 1280000;
	assert_int_equal(fx_reg(fx, 0x138108), before + 1000);
}

static void timestamps_tick_at_the_platforms_frequency_on_every_engine(void **state)
{
	static const struct { enum gpu_platform platform; uint32_t per_ms; } rows[] = {
		{ GPU_SKL, 12000 }, { GPU_BDW, 12500 }, { GPU_KBL, 12000 }, { GPU_CFL, 12000 },
	};
	unsigned int i, engine;

	for (i = 0; i < 4; i++) {
		struct fx *fx = fx_new(rows[i].platform, true);

		for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
			uint32_t offset = fx_base(engine) + 0x358, before = fx_reg(fx, offset);

			fx->now_ns += 1000000;
			assert_int_equal(fx_reg(fx, offset) - before, rows[i].per_ms);
			fx_set_reg(fx, offset, 0);
			assert_int_equal(fx_reg(fx, offset) - before, rows[i].per_ms);
		}
		/* 36 bits; CTC_MODE says 24 MHz >> (3 - shift). */
		fx->now_ns = 1000000000 + (1ull << 32) * 1000000 / rows[i].per_ms + 1000000;
		assert_int_equal(fx_reg(fx, 0x235c), 1);
		if (rows[i].platform != GPU_BDW)
			assert_int_equal(24000 >> (3 - (fx_reg(fx, 0xa26c) >> 1 & 3)),
					 rows[i].per_ms);
		fx_free(fx);
	}
}

static void platforms_have_their_identity_and_fuses(void **state)
{
	static const struct { const char *name; uint16_t id; uint32_t fuse2; } rows[] = {
		{ "skl", 0x1912, 0x02800000 }, { "bdw", 0x1616, 0x02000000 },
		{ "kbl", 0x5912, 0x02800000 }, { "cfl", 0x3e92, 0x02800000 },
	};
	enum gpu_platform platform;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct gpu_reg_info info;
		struct fx *fx;

		assert_true(gpu_platform_from_name(rows[i].name, &platform));
		assert_string_equal(gpu_platform_name(platform), rows[i].name);
		fx = fx_new(platform, false);
		assert_int_equal(gpu_pci_device_id(fx->gpu), rows[i].id);
		assert_int_equal(fx_reg(fx, 0x9120), rows[i].fuse2);
		assert_true(gpu_reg_info(platform, 0x9120, &info));
		assert_int_equal(info.reset, rows[i].fuse2);
		assert_int_equal(info.write_mask, 0);
		fx_free(fx);
	}
	assert_false(gpu_platform_from_name("icl", &platform));
	assert_false(gpu_reg_info(GPU_SKL, 0x1f0000, &(struct gpu_reg_info){ 0 }));
}

static void pipes_are_fused_off_unless_the_display_is_asked_for(void **state)
{
	struct fx *fx = *state;
	struct gpu_config config = { .platform = GPU_SKL, .native = true, .display = true };
	struct gpu *gpu = gpu_new(&config, &fx->ops, fx);
	struct fx *bdw = fx_new(GPU_BDW, true);

	assert_int_equal(fx_reg(fx, 0x51000) & (1u << 30 | 1u << 21 | 1u << 28),
			 1u << 30 | 1u << 21 | 1u << 28);
	assert_int_equal(gpu_mmio_read(gpu, 0x51000, 4), 0);
	gpu_free(gpu);
	assert_int_equal(fx_reg(bdw, 0x42014), 1u << 30);
	assert_int_equal(fx_reg(bdw, 0xc6204), 24);	/* or its AUX channels have no clock */
	assert_int_equal(fx_reg(fx, 0xc6204), 0);
	fx_free(bdw);
	config.platform = GPU_BDW;
	gpu = gpu_new(&config, &fx->ops, fx);
	assert_int_equal(gpu_mmio_read(gpu, 0x42014, 4), 0);
	gpu_free(gpu);
}

static void display_requests_are_acknowledged_and_buses_find_nobody(void **state)
{
	struct fx *fx = *state;

	fx_set_reg(fx, 0x45404, 2u << 28);		/* power well request */
	assert_int_equal(fx_reg(fx, 0x45404), 3u << 28);
	fx_set_reg(fx, 0x45404, 0);
	assert_int_equal(fx_reg(fx, 0x45404), 0);
	fx_set_reg(fx, 0x46010, 1u << 31);		/* LCPLL1: lock */
	assert_int_equal(fx_reg(fx, 0x46010), 3u << 30);
	assert_int_equal(fx_reg(fx, 0x130040), 1u << 30);	/* LCPLL: locked */
	fx_set_reg(fx, 0x130040, 1u << 21);		/* another source */
	assert_int_equal(fx_reg(fx, 0x130040), 1u << 30 | 1u << 21 | 1u << 19);
	fx_set_reg(fx, 0x130040, 1u << 31 | 1u << 21);	/* off */
	assert_int_equal(fx_reg(fx, 0x130040), 1u << 31 | 1u << 21 | 1u << 19);
	fx_set_reg(fx, 0xc6008, 0x12345601);		/* SBI: busy */
	assert_int_equal(fx_reg(fx, 0xc6008), 0x12345600);
	fx_set_reg(fx, 0x45008, 1u << 31);		/* DBUF: power state */
	assert_int_equal(fx_reg(fx, 0x45008), 3u << 30);
	fx_set_reg(fx, 0x64010, 1u << 31 | 1u << 30 | 1u << 28 | 1u << 25 | 0xff);
	assert_int_equal(fx_reg(fx, 0x64010), 1u << 30 | 1u << 28 | 0xff);
	fx_set_reg(fx, 0x64010, 1u << 30 | 1u << 28);
	assert_int_equal(fx_reg(fx, 0x64010), 0);
	fx_set_reg(fx, 0xc5104, 1u << 30 | 0xa0);	/* GMBUS: NAK */
	assert_int_equal(fx_reg(fx, 0xc5108), 3u << 10);
	fx_set_reg(fx, 0xc5104, 1u << 31);
	assert_int_equal(fx_reg(fx, 0xc5108), 1u << 11);
}

static void slots_for_user_batches_open_what_they_may_write_anyway(void **state)
{
	unsigned int engine;

	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		uint32_t base = fx_base(engine);

		assert_int_equal(fx_reg(*state, base + 0x4d0), base + 0x94);
		assert_int_equal(fx_reg(*state, base + 0x4fc), base + 0x94);
	}
}

static void power_on_reset_brings_back_every_reset_value(void **state)
{
	struct fx *fx = *state;
	unsigned int i, count;
	const struct gpu_reg_row *row = gpu_reg_rows(&count);

	for (i = 0; i < count; i++)
		if (row[i].handler == &gpu_handler_none)
			fx_set_reg(fx, row[i].offset, 0x5a5a5a5a);
	fx_set_reg(fx, 0x1f0000, 1);
	fx_ggtt_map(fx, 0x1000, 0, 0x1000, 1);
	gpu_power_on_reset(fx->gpu);
	for (i = 0; i < count; i++)
		if (row[i].handler == &gpu_handler_none)
			assert_int_equal(fx_reg(fx, row[i].offset), row[i].reset);
	assert_int_equal(fx_reg(fx, 0x1f0000), 0);
	assert_int_equal(gpu_ggtt_read(fx->gpu, 1), 0);
}

static void a_wake_from_s3_keeps_the_ggtt_and_nothing_else(void **state)
{
	struct fx *fx = *state;

	fx_set_reg(fx, 0x1f0000, 1);
	fx_ggtt_map(fx, 0x1000, 0, 0x1000, 1);
	assert_true(gpu_ggtt_read(fx->gpu, 1) & 1);
	gpu_wake_reset(fx->gpu);
	assert_int_equal(fx_reg(fx, 0x1f0000), 0);
	assert_true(gpu_ggtt_read(fx->gpu, 1) & 1);
}

static void ggtt_entries_beyond_the_end_read_zero_and_swallow_writes(void **state)
{
	struct fx *fx = *state;

	gpu_ggtt_write(fx->gpu, GPU_GGTT_ENTRIES, ~0ull);
	assert_int_equal(gpu_ggtt_read(fx->gpu, GPU_GGTT_ENTRIES), 0);
	gpu_ggtt_write(fx->gpu, GPU_GGTT_ENTRIES - 1, 0x1001);
	assert_int_equal(gpu_ggtt_read(fx->gpu, GPU_GGTT_ENTRIES - 1), 0x1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
		T(every_row_lies_in_range_aligned_and_is_found_by_its_offset),
		T(plain_rows_store_what_their_access_mask_allows),
		T(a_register_without_a_row_is_plain_storage),
		T(misaligned_and_out_of_range_accesses_do_nothing),
		T(narrow_and_wide_accesses_reach_the_right_bytes),
		T(the_pvinfo_page_of_the_bare_gpu_reads_zero),
		T(forcewake_requests_are_acknowledged_per_domain),
		T(the_pcode_mailbox_answers_and_clears_ready),
		T(pcode_answers_each_command_that_i915_sends),
		T(tlb_invalidations_clear_themselves),
		T(the_actual_frequency_is_the_requested_one),
		T(the_evaluation_counter_runs_while_rps_is_on_from_where_it_was_set),
		T(rc6_residency_grows_only_while_allowed_and_idle),
		T(timestamps_tick_at_the_platforms_frequency_on_every_engine),
		T(platforms_have_their_identity_and_fuses),
		T(pipes_are_fused_off_unless_the_display_is_asked_for),
		T(display_requests_are_acknowledged_and_buses_find_nobody),
		T(slots_for_user_batches_open_what_they_may_write_anyway),
		T(power_on_reset_brings_back_every_reset_value),
		T(a_wake_from_s3_keeps_the_ggtt_and_nothing_else),
		T(ggtt_entries_beyond_the_end_read_zero_and_swallow_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
