// SPDX-License-Identifier: MIT
/*
 * Tests of gpu/cmd.c and commands.def: the table, decoding, ring wrap, batch levels, privilege, and
 * what hangs.
 */
#include <string.h>

#include "cs_fixture.h"

static void every_row_is_found_by_its_header_on_its_engines_only(void **state)
{
	unsigned int count, i, engine;
	const struct gpu_cmd_info *rows = gpu_cmd_rows(&count);

	(void)state;
	assert_true(count > 250);
	for (i = 0; i < count; i++) {
		uint32_t header = gpu_cmd_header(&rows[i]);

		assert_true(rows[i].engines && !(rows[i].engines & ~GPU_CMD_ALL));
		for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
			const struct gpu_cmd_info *found = gpu_cmd_lookup(GPU_SKL, engine, header);

			if (rows[i].engines & 1u << engine)
				assert_ptr_equal(found, &rows[i]);
			else
				assert_ptr_not_equal(found, &rows[i]);
		}
		assert_true(gpu_cmd_length(&rows[i], header) >= rows[i].min);
		assert_true(rows[i].min >= 1 && rows[i].min <= GPU_CMD_PAD);
	}
}

static void the_length_bits_do_not_overlap_the_opcode(void **state)
{
	static const unsigned int shift[] = {
		[GPU_CMD_MI] = 23, [GPU_CMD_BLT] = 22, [GPU_CMD_RC] = 16
	};
	unsigned int count, i;
	const struct gpu_cmd_info *rows = gpu_cmd_rows(&count);

	(void)state;
	for (i = 0; i < count; i++)
		assert_int_equal(rows[i].length_mask >> shift[rows[i].client], 0);
}

static void gen9_commands_do_not_exist_on_broadwell(void **state)
{
	uint32_t header = 2u << 29 | 0x42 << 22 | 8;

	(void)state;
	assert_non_null(gpu_cmd_lookup(GPU_SKL, GPU_BCS0, header));
	assert_non_null(gpu_cmd_lookup(GPU_CFL, GPU_BCS0, header));
	assert_null(gpu_cmd_lookup(GPU_BDW, GPU_BCS0, header));
}

static void known_headers_have_their_known_lengths(void **state)
{
	static const struct {
		enum gpu_engine_id engine;
		uint32_t header, len;
		const char *name;
	} rows[] = {
		{ GPU_VCS0, 0x00000000, 1, "MI_NOOP" },
		{ GPU_RCS0, 0x11000001, 3, "MI_LOAD_REGISTER_IMM" },
		{ GPU_RCS0, 0x110010ff, 257, "MI_LOAD_REGISTER_IMM" },
		{ GPU_BCS0, 0x103003fd, 1023, "MI_STORE_DATA_IMM" },
		{ GPU_RCS0, 0x18800101, 3, "MI_BATCH_BUFFER_START" },
		{ GPU_RCS0, 0x7a000004, 6, "PIPE_CONTROL" },
		{ GPU_RCS0, 0x69040300, 1, "PIPELINE_SELECT" },
		{ GPU_RCS0, 0x61010011, 19, "STATE_BASE_ADDRESS" },
		{ GPU_RCS0, 0x7105000d, 15, "GPGPU_WALKER" },
		{ GPU_RCS0, 0x70000007, 9, "MEDIA_VFE_STATE" },
		{ GPU_RCS0, 0x71000fff, 4097, "MEDIA_OBJECT" },
		{ GPU_RCS0, 0x780b0001, 1, "3DSTATE_VF_STATISTICS" },
		{ GPU_VCS0, 0x70000003, 5, "MFX_PIPE_MODE_SELECT" },
		{ GPU_VCS0, 0x68000100, 1, "MFX_WAIT" },
		{ GPU_VCS0, 0x73800002, 4, "HCP_PIPE_MODE_SELECT" },
		{ GPU_VECS0, 0x7402000e, 16, "VEBOX_STATE" },
		{ GPU_BCS0, 0x50800008, 10, "XY_FAST_COPY_BLT" },
		{ GPU_BCS0, 0x54f00008, 10, "XY_SRC_COPY_BLT" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct gpu_cmd_info *info =
			gpu_cmd_lookup(GPU_SKL, rows[i].engine, rows[i].header);

		assert_non_null(info);
		assert_string_equal(info->name, rows[i].name);
		assert_int_equal(gpu_cmd_length(info, rows[i].header), rows[i].len);
	}
}

static void an_empty_ring_is_empty(void **state)
{
	struct cst *t = *state;

	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_EMPTY);
	t->cs->ring_size = 0;
	t->cs->tail = 8;
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_EMPTY);
}

static void a_command_wraps_around_the_rings_end(void **state)
{
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < 1022; i++)
		cst_ring(t, 0);
	cst_run_ok(t);
	cst_priv(t, MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 0xabcdef);
	assert_int_equal(cst_data32(t, 0), 0xabcdef);
	assert_int_equal(t->cs->head, 8);
}

static void an_unknown_command_hangs_and_says_where(void **state)
{
	struct cst *t = *state;

	cst_ring(t, 0, 0x0badc0de);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->hung);
	assert_false(t->cs->faulted);
	assert_int_equal(t->cs->ipehr, 0x0badc0de);
	assert_int_equal(t->cs->acthd, t->ctx.ring + 4);
	assert_int_equal(t->cs->head, 4);
	assert_non_null(strstr(cst_log(t), "rcs0: hung: unknown command, command 0x0badc0de"));
	/* for good */
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_HANG);
	gpu_cs_start(t->cs);
	assert_false(t->cs->hung);
}

static void a_command_of_another_engine_hangs(void **state)
{
	struct cst *t = *state;

	cst_ring(t, 0x7a000004, 0, 0, 0, 0, 0);	/* PIPE_CONTROL; the state is a BCS */
	assert_int_equal(cst_run(t), GPU_CS_HANG);
}

static void a_command_that_is_too_short_hangs(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI(0x31), 0, 0);	/* two dwords: Gen7's MI_BATCH_BUFFER_START */
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_non_null(strstr(cst_log(t), "invalid length"));
}

static void a_command_that_reaches_over_the_tail_hangs(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI_SDI(1), LO(DATA_VA));
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_int_equal(cst_data32(t, 0), 0);
}

static void a_ring_that_is_not_mapped_is_a_fault(void **state)
{
	struct cst *t = *state;

	t->cs->ring_start = 0xfffff000;
	t->cs->tail = 8;
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_HANG);
	assert_true(t->cs->faulted);
	assert_true(t->cs->fault_addr == 0xfffff000);
}

static void positions_outside_the_ring_hang(void **state)
{
	static const struct { uint32_t head, tail, start;
	} rows[] = {
		{ 4096, 0, 0 },	      { 0, 4096, 0 },	    { 2, 8, 0 }, { 0, 6, 0 },
		{ 0xfffffffc, 8, 0 }, { 0, 0xfffffff8, 0 }, { 0, 8, 1 },
	};
	struct cst *t = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gpu_cs_start(t->cs);
		t->cs->head = rows[i].head;
		t->cs->tail = rows[i].tail;
		t->cs->ring_start = t->ctx.ring + rows[i].start;
		assert_int_equal(gpu_cs_step(t->cs), GPU_CS_HANG);
	}
}

static void a_batch_runs_and_returns_behind_the_jump(void **state)
{
	struct cst *t = *state;

	cst_batch(t, MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 1);
	cst_call_batch(t);
	cst_priv(t, MI_SDI(1), LO(DATA_VA + 4), HI(DATA_VA), 2, MI_SDI(1), LO(DATA_VA + 8),
		 HI(DATA_VA), 3);
	assert_int_equal(cst_data32(t, 0), 1);
	assert_int_equal(cst_data32(t, 4), 2);
	assert_int_equal(cst_data32(t, 8), 3);
	assert_int_equal(t->cs->depth, 0);
}

static void a_batch_chains_within_its_level(void **state)
{
	struct cst *t = *state;

	cst_batch(t, MI_BBS | 1 << 8, LO(BATCH_VA + 64), HI(BATCH_VA), MI(0x3f));
	t->batch_len = 16;
	cst_batch(t, MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 5);
	cst_call_batch(t);
	cst_priv(t, MI_SDI(1), LO(DATA_VA + 4), HI(DATA_VA), 6);
	assert_int_equal(cst_data32(t, 0), 5);
	assert_int_equal(cst_data32(t, 4), 6);
}

static void a_second_level_batch_returns_into_the_first(void **state)
{
	struct cst *t = *state;

	cst_batch(t, MI_BBS | 1 << 22 | 1 << 8, LO(BATCH_VA + 256), HI(BATCH_VA),
		  MI_SDI(1), LO(DATA_VA + 4), HI(DATA_VA), 2, MI_BBE);
	t->batch_len = 64;
	/* chains at its own level, by the same bit */
	cst_batch(t, MI_BBS | 1 << 22 | 1 << 8, LO(BATCH_VA + 512), HI(BATCH_VA));
	t->batch_len = 128;
	cst_batch(t, MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 1);
	cst_call_batch(t);
	cst_run_ok(t);
	assert_int_equal(cst_data32(t, 0), 1);
	assert_int_equal(cst_data32(t, 4), 2);
}

static void a_batch_at_an_absent_address_is_a_fault(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI_BBS | 1 << 8, 0x12345000, 0x77);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->faulted);
	assert_int_equal(t->cs->fault_space, GPU_SPACE_PPGTT);
	assert_true(t->cs->fault_addr == 0x7712345000ull);
}

static void a_command_that_runs_into_an_absent_page_is_a_fault(void **state)
{
	struct cst *t = *state;

	t->batch[1022] = MI_SDI(1);
	t->batch[1023] = LO(DATA_VA);
	cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA + 1022 * 4), HI(BATCH_VA));
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->fault_addr == BATCH_VA + 4096);
}

static void a_batch_end_in_the_ring_hangs(void **state)
{
	struct cst *t = *state;

	cst_ring(t, MI_BBE);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_non_null(strstr(cst_log(t), "MI_BATCH_BUFFER_END in the ring"));
}

static void a_batch_that_jumps_to_itself_never_ends_but_each_step_does(void **state)
{
	struct cst *t = *state;
	unsigned int i;

	cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
	cst_batch(t, MI(0x05), MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
	assert_int_equal(gpu_cs_step(t->cs), GPU_CS_MORE);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(gpu_cs_step(t->cs), GPU_CS_ARB_POINT);
		assert_int_equal(gpu_cs_step(t->cs), i ? GPU_CS_SPIN : GPU_CS_MORE);
		assert_int_equal(t->cs->depth, 1);
	}
	/* the way IGT and i915 end a spinner */
	t->batch[0] = MI_BBE;
	cst_run_ok(t);
}

static void a_loop_that_does_something_is_not_taken_for_a_spinner(void **state)
{
	static const uint32_t bodies[][4] = {
		{ MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 1 },
		{ MI_LRI(1), 0x2600, 1, 0 },
		{ 1 << 22 | 5 },
		{ MI(0x02) },
		{ MI_SRM, 0x2358, LO(DATA_VA), HI(DATA_VA) },
	};
	struct cst *t = *state;
	unsigned int i, body;

	for (body = 0; body < sizeof(bodies) / sizeof(bodies[0]); body++) {
		t->batch_len = 0;
		cst_batch_dwords(t, bodies[body], 4);
		cst_batch(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
		gpu_cs_start(t->cs);
		t->cs->head = t->cs->tail;
		cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
		for (i = 0; i < 50; i++)
			assert_int_equal(gpu_cs_step(t->cs), GPU_CS_MORE);
	}
}

static void a_spinner_with_a_conditional_end_is_one_too(void **state)
{
	struct cst *t = *state;
	unsigned int i, spins = 0;

	memset(t->data, 0xff, 4);
	cst_batch(t, 0, MI(0x36) | 1 << 21 | 2, MI_BBE, LO(DATA_VA), HI(DATA_VA),
		  MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
	cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
	for (i = 0; i < 31; i++)
		spins += gpu_cs_step(t->cs) == GPU_CS_SPIN;
	assert_int_equal(spins, 9);
	memset(t->data, 0, 4);
	cst_run_ok(t);
}

static void a_user_batch_cannot_become_privileged_by_a_jump(void **state)
{
	struct cst *t = *state;

	/* GGTT content that would be executed if the jump's space counted */
	fx_write(t->fx, t->ggtt_data, MI_BBE);
	cst_batch(t, MI_BBS, t->ggtt_data, 0);
	cst_call_batch(t);
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->faulted);
	assert_int_equal(t->cs->fault_space, GPU_SPACE_PPGTT);
}

static void a_secure_batch_runs_from_the_ggtt(void **state)
{
	struct cst *t = *state;

	fx_write(t->fx, t->ggtt_data, MI_SDI(1) | MI_GGTT);
	fx_write(t->fx, t->ggtt_data + 4, t->ggtt_data + 64);
	fx_write(t->fx, t->ggtt_data + 12, 0x1234);
	fx_write(t->fx, t->ggtt_data + 16, MI_BBE);
	cst_priv(t, MI_BBS, t->ggtt_data, 0, 0);
	assert_int_equal(fx_read(t->fx, t->ggtt_data + 64), 0x1234);
}

static void ggtt_access_of_a_user_batch_is_a_no_op(void **state)
{
	struct cst *t = *state;
	uint32_t g = t->ggtt_data;

	cst_user(t, MI_SDI(1) | MI_GGTT, g, 0, 1, MI_SRM | MI_GGTT, 0x2358, g, 0,
		 MI(0x2f) | 9 | 1 << 18 | 5 << 8 | MI_GGTT, g, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		 MI(0x2e) | 3 | 1 << 21, g, 0, LO(DATA_VA), HI(DATA_VA),
		 MI(0x28) | 2, g | 1, 0, 7,
		 MI(0x26) | 2 | 1 << 14, g | 4, 0, 8,
		 MI(0x21) | 1, 0x100, 9,
		 /* would wait for ever */
		 MI(0x1c) | 2 | 1 << 15 | 4 << 12 | MI_GGTT, 0x77777777, g, 0,
		 MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 0xd00d);
	assert_int_equal(fx_read(t->fx, g), 0);
	assert_int_equal(cst_data32(t, 0), 0xd00d);
	assert_int_equal(fx_read(t->fx, t->cs->pphwsp + 0x100), 0);
}

static void a_user_batch_writes_only_the_registers_left_to_it(void **state)
{
	struct cst *t = *state;
	uint32_t base = t->engine->mmio_base, hws = cst_reg(t, 0x80);

	cst_user(t, MI_LRI(3), base + 0x600, 0x11, base + 0x80, 0x5000, base + 0x604, 0x22);
	assert_int_equal(cst_reg(t, 0x600), 0x11);
	assert_int_equal(cst_reg(t, 0x604), 0x22);
	assert_int_equal(cst_reg(t, 0x80), hws);

	memcpy(t->data, &(uint32_t){ 0x7000 }, 4);
	cst_user(t, MI_LRM, base + 0x80, LO(DATA_VA), HI(DATA_VA), MI_LRR, base + 0x600,
		 base + 0x80);
	assert_int_equal(cst_reg(t, 0x80), hws);

	cst_priv(t, MI_LRI(1), base + 0x80, 0x9000);
	assert_int_equal(cst_reg(t, 0x80), 0x9000);
}

static void registers_outside_the_engines_blocks_are_the_render_engines(void **state)
{
	static const uint32_t regs[] = { 0x2430, 0x2300, 0x5200, 0x5280, 0x7000 };
	unsigned int engine, domain, i;

	(void)state;
	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		for (domain = 0; domain < 2; domain++) {
			struct cst *t = cst_new(GPU_SKL, engine, domain);

			for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
				uint32_t want = engine == GPU_RCS0 ? 0x1234 : 0;

				t->batch_len = 0;
				cst_user(t, MI_LRI(1), regs[i], 0xffff1234u);
				assert_int_equal(fx_reg(t->fx, regs[i]) & 0xffff, want);
			}
			cst_free(t);
		}
	}
}

static void force_to_nonpriv_opens_a_register_to_user_batches(void **state)
{
	struct cst *t = *state;
	uint32_t reg = 0x7304;	/* HDC_CHICKEN1, masked */

	cst_user(t, MI_LRI(1), reg, 0x00100010);
	assert_int_equal(fx_reg(t->fx, reg) & 0x10, 0);
	fx_set_reg(t->fx, t->engine->mmio_base + 0x4d0 + 4 * 11, reg);
	cst_user(t, MI_LRI(1), reg, 0x00100010);
	assert_int_equal(fx_reg(t->fx, reg) & 0x10, 0x10);
}

static void a_vgpus_ring_writes_its_contexts_registers_only(void **state)
{
	struct cst *t = cst_new(GPU_SKL, GPU_RCS0, 1);
	uint32_t fence = fx_reg(t->fx, 0x100000);

	(void)state;
	cst_priv(t, MI_LRI(5), 0x100000, 0x5001, 0x22600, 7, 0x2080, 0x7000, 0x7304, 0x00100010,
		 0x2600, 9);
	assert_int_equal(fx_reg(t->fx, 0x100000), fence);	/* another vGPU's fence */
	assert_int_equal(fx_reg(t->fx, 0x22600), 0);		/* another engine's GPR */
	assert_int_equal(fx_reg(t->fx, 0x2080), 0);		/* the mediator's status page */
	assert_int_equal(fx_reg(t->fx, 0x7304) & 0x10, 0x10);
	assert_int_equal(fx_reg(t->fx, 0x2600), 9);
	assert_non_null(strstr(cst_log(t), "not part of the context"));
	cst_free(t);
}

static void a_vgpus_ring_reads_nothing_of_another_vgpus(void **state)
{
	/* Who may read it: a bit per engine. The last four have no row, or are nobody's state. */
	static const struct { uint32_t offset; unsigned int engines; } rows[] = {
		{ 0x2600, 1 << GPU_RCS0 },  { 0x22600, 1 << GPU_BCS0 }, { 0x12600, 1 << GPU_VCS0 },
		{ 0x1a600, 1 << GPU_VECS0 }, { 0x2430, 1 << GPU_RCS0 },	{ 0x5200, 1 << GPU_RCS0 },
		{ 0x7300, 1 << GPU_RCS0 },  { 0xb118, 1 << GPU_RCS0 },	{ 0xe184, 1 << GPU_RCS0 },
		{ 0xc800, 1 << GPU_RCS0 },  { 0xc900, 1 << GPU_VCS0 },	{ 0xcb00, 1 << GPU_VECS0 },
		{ 0xcc00, 1 << GPU_BCS0 },  { 0x100000, 0 },		{ 0x1000fc, 0 },
		{ 0x44300, 0 },		    { 0x44304, 0 },		{ 0x4433c, 0 },
		{ 0x4094, 0 },		    { 0x4b10, 0 },		{ 0x4b14, 0 },
		{ 0x207c, 0 },		    { 0x22084, 0 },		{ 0x40e0, 1 << GPU_RCS0 },
		{ 0x4ab8, 1 << GPU_RCS0 },  { 0x4de0, 1 << GPU_RCS0 },
		{ 0x2ffc, 1 << GPU_RCS0 },  { 0x22ffc, 1 << GPU_BCS0 }, { 0x9424, 0 },
		{ 0x20000, 0 },
	};
	unsigned int engine, domain, i;

	(void)state;
	for (engine = 0; engine < GPU_NUM_ENGINES; engine++) {
		for (domain = 0; domain < 2; domain++) {
			struct cst *t = cst_new(GPU_SKL, engine, domain);

			for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
				bool may = !domain || rows[i].engines & 1u << engine;

				gpu_lock(t->gpu);
				gpu_reg_set(t->gpu, rows[i].offset, 0x5ec4);
				gpu_unlock(t->gpu);
				cst_priv(t, MI_SRM, rows[i].offset, LO(DATA_VA), HI(DATA_VA));
				if (cst_data32(t, 0) != (may ? 0x5ec4 : 0))
					fail_msg("%s, domain %u: register 0x%x read 0x%x",
						 gpu_engine_name(engine), domain, rows[i].offset,
						 cst_data32(t, 0));
				if (domain) {
					cst_priv(t, MI_LRR, rows[i].offset,
						 t->engine->mmio_base + 0x608);
					assert_int_equal(cst_reg(t, 0x608), may ? 0x5ec4 : 0);
				}
			}
			cst_free(t);
		}
	}
}

static void registers_beyond_the_mmio_range_read_zero_and_swallow_writes(void **state)
{
	struct cst *t = *state;

	memset(t->data, 0xff, 64);
	cst_priv(t, MI_LRI(2), 0x7ffffc, 1, 0x200000, 2, MI_SRM, 0x200000, LO(DATA_VA),
		 HI(DATA_VA));
	assert_int_equal(cst_data32(t, 0), 0);
}

static void commands_without_a_model_are_stepped_over_by_their_length(void **state)
{
	struct cst *t = *state;
	unsigned int count, i, j;
	const struct gpu_cmd_info *rows = gpu_cmd_rows(&count);

	for (i = 0; i < count; i++) {
		uint32_t header = gpu_cmd_header(&rows[i]), len;

		if (rows[i].handler != gpu_cmd_skip || !(rows[i].engines & 1u << t->engine->id))
			continue;
		if (rows[i].length_mask)
			header += 5;
		len = gpu_cmd_length(&rows[i], header);
		memset(t->batch, 0xff, GPU_PAGE_SIZE); /* nothing of the body may be taken for a
							  command */
		t->batch[0] = header;
		for (j = 1; j < len; j++)
			t->batch[j] = 0xffffffff;
		t->batch_len = len;
		memset(t->data, 0, 4);
		cst_user(t, MI_SDI(1), LO(DATA_VA), HI(DATA_VA), 0x600d);
		assert_int_equal(cst_data32(t, 0), 0x600d);
	}
}

static void the_longest_command_is_skipped_without_reading_it(void **state)
{
	struct cst *t = *state;

	/*
	 * 65537 dwords from an address whose other pages do not exist: the fault is behind it, not
	 * in it
	 */
	cst_batch(t, 0x7100ffff);
	cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA));
	assert_int_equal(cst_run(t), GPU_CS_HANG);
	assert_true(t->cs->fault_addr == BATCH_VA + 65537 * 4);
}

static void random_dwords_never_do_worse_than_hang(void **state)
{
	struct cst *t = *state;
	uint32_t seed = 12345, i, round;

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < 256; i++) {
			seed = seed * 1664525 + 1013904223;
			t->batch[i] = seed >> 3 ^ seed << 11;
		}
		gpu_cs_start(t->cs);
		t->cs->head = 0;
		t->cs->tail = t->ctx.tail = 0;
		cst_ring(t, MI_BBS | 1 << 8, LO(BATCH_VA), HI(BATCH_VA), 0);
		for (i = 0; i < 300; i++)
			if (gpu_cs_step(t->cs) >= GPU_CS_EMPTY)
				break;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, cst_setup_rcs, cst_teardown)
#define TEST_BCS(f) cmocka_unit_test_setup_teardown(f, cst_setup_bcs, cst_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_header_on_its_engines_only),
		cmocka_unit_test(the_length_bits_do_not_overlap_the_opcode),
		cmocka_unit_test(gen9_commands_do_not_exist_on_broadwell),
		cmocka_unit_test(known_headers_have_their_known_lengths),
		TEST(an_empty_ring_is_empty),
		TEST(a_command_wraps_around_the_rings_end),
		TEST(an_unknown_command_hangs_and_says_where),
		TEST_BCS(a_command_of_another_engine_hangs),
		TEST(a_command_that_is_too_short_hangs),
		TEST(a_command_that_reaches_over_the_tail_hangs),
		TEST(a_ring_that_is_not_mapped_is_a_fault),
		TEST(positions_outside_the_ring_hang),
		TEST(a_batch_runs_and_returns_behind_the_jump),
		TEST(a_batch_chains_within_its_level),
		TEST(a_second_level_batch_returns_into_the_first),
		TEST(a_batch_at_an_absent_address_is_a_fault),
		TEST(a_command_that_runs_into_an_absent_page_is_a_fault),
		TEST(a_batch_end_in_the_ring_hangs),
		TEST(a_batch_that_jumps_to_itself_never_ends_but_each_step_does),
		TEST(a_loop_that_does_something_is_not_taken_for_a_spinner),
		TEST(a_spinner_with_a_conditional_end_is_one_too),
		TEST(a_user_batch_cannot_become_privileged_by_a_jump),
		TEST(a_secure_batch_runs_from_the_ggtt),
		TEST(ggtt_access_of_a_user_batch_is_a_no_op),
		TEST(a_user_batch_writes_only_the_registers_left_to_it),
		cmocka_unit_test(registers_outside_the_engines_blocks_are_the_render_engines),
		TEST(force_to_nonpriv_opens_a_register_to_user_batches),
		cmocka_unit_test(a_vgpus_ring_writes_its_contexts_registers_only),
		cmocka_unit_test(a_vgpus_ring_reads_nothing_of_another_vgpus),
		TEST(registers_beyond_the_mmio_range_read_zero_and_swallow_writes),
		TEST(commands_without_a_model_are_stepped_over_by_their_length),
		TEST(the_longest_command_is_skipped_without_reading_it),
		TEST(random_dwords_never_do_worse_than_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
