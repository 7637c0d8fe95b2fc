// SPDX-License-Identifier: MIT
/*
 * A vGPU's interrupt registers: masks at the time of the event, latches, the line, and whose it is.
 */

#include "gvt_fixture.h"

#define USER	(1u << 0)
#define SWITCH	(1u << 8)

/* One user interrupt of guest @guest's @engine. */
static void interrupt(struct gx *gx, struct gx_guest *guest, enum gpu_engine_id engine)
{
	struct gx_context ctx;

	gx_context_init(&ctx, guest, engine);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, engine);
}

static void masks_decide_what_becomes_of_an_event(void **state)
{
	/* Is the event in IIR, is the line up? */
	static const struct { uint32_t ring_imr, imr, ier, master; bool latched, line; } rows[] = {
		{ 0, 0, ~0u, 1u << 31, true, true },
		{ 0, 0, ~0u, 0, true, false },
		{ 0, 0, 0, 1u << 31, true, false },
		{ 0, ~0u, ~0u, 1u << 31, false, false },
		{ ~0u, 0, ~0u, 1u << 31, false, false },
		{ ~USER, ~USER, USER, 1u << 31, true, true },
		{ USER, 0, USER, 1u << 31, false, false },
		{ 0, USER, USER, 1u << 31, false, false },
		{ 0, 0, SWITCH, 1u << 31, true, true },
		{ SWITCH, 0, SWITCH, 1u << 31, true, false },
	};
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gx_set_reg(a, 0x44308, ~0u);
		gx_set_reg(a, 0x20a8, rows[i].ring_imr);
		gx_set_reg(a, 0x44304, rows[i].imr);
		gx_set_reg(a, 0x4430c, rows[i].ier);
		gx_set_reg(a, 0x44200, rows[i].master);
		assert_false(vgpu_irq_level(a->vgpu));
		interrupt(gx, a, GPU_RCS0);
		assert_int_equal(gx_reg(a, 0x44308) & USER, rows[i].latched ? USER : 0);
		assert_int_equal(vgpu_irq_level(a->vgpu), rows[i].line);
		assert_int_equal(a->irq_level, rows[i].line);
	}
}

static void enabling_later_raises_the_line_unmasking_later_does_not(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	gx_set_reg(a, 0x44200, 0);
	gx_set_reg(a, 0x4430c, 0);
	gx_set_reg(a, 0x44304, SWITCH);
	interrupt(gx, a, GPU_RCS0);
	gx_set_reg(a, 0x44304, 0);
	assert_int_equal(gx_reg(a, 0x44308), USER);
	gx_set_reg(a, 0x44200, 1u << 31);
	assert_false(vgpu_irq_level(a->vgpu));
	gx_set_reg(a, 0x4430c, USER);
	assert_true(vgpu_irq_level(a->vgpu));
	assert_int_equal(a->irq_rises, 1);
	/* The handler of i915: master off, acknowledge, master on. */
	gx_set_reg(a, 0x44200, 0);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x44200), 1);
	gx_set_reg(a, 0x44200, 1u << 31);
	assert_int_equal(a->irq_rises, 2);
	gx_set_reg(a, 0x44308, USER);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31);
	assert_int_equal(a->irq_rises, 2);
	assert_int_equal(a->irq_calls, 4);
}

static void acknowledging_clears_only_the_ones(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	interrupt(gx, a, GPU_RCS0);
	interrupt(gx, a, GPU_BCS0);
	assert_int_equal(gx_reg(a, 0x44308), 0x01010101);
	gx_set_reg(a, 0x44308, 0x00000100);
	assert_int_equal(gx_reg(a, 0x44308), 0x01010001);
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31 | 3);
	gx_set_reg(a, 0x44308, 0x0000ffff);
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31 | 2);
	assert_true(vgpu_irq_level(a->vgpu));
	gx_set_reg(a, 0x44308, 0xffff0000);
	assert_false(vgpu_irq_level(a->vgpu));
}

static void each_engine_has_its_place(void **state)
{
	static const struct { enum gpu_engine_id engine; uint32_t iir, bits, master;
	} rows[] = {
		{ GPU_RCS0, 0x44308, 0x00000101, 1u << 0 },
		{ GPU_BCS0, 0x44308, 0x01010000, 1u << 1 },
		{ GPU_VCS0, 0x44318, 0x00000101, 1u << 2 },
		{ GPU_VECS0, 0x44338, 0x00000101, 1u << 6 },
	};
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		interrupt(gx, b, rows[i].engine);
		assert_int_equal(gx_reg(b, rows[i].iir), rows[i].bits);
		assert_int_equal(gx_reg(b, 0x44200), 1u << 31 | rows[i].master);
		assert_int_equal(gx_reg(a, rows[i].iir), 0);
		gx_set_reg(b, rows[i].iir, ~0u);
	}
	assert_int_equal(a->irq_calls, 0);
	assert_int_equal(b->irq_calls, 8);
}

static void identity_registers_of_the_display_read_zero(void **state)
{
	static const uint32_t iir[] = { 0x44408, 0x44418, 0x44428, 0x44448,
					0x44468, 0x444e8, 0xc4008, 0x44328 };
	struct gx_guest *a = &((struct gx *)*state)->guest[0];
	unsigned int i;

	for (i = 0; i < sizeof(iir) / sizeof(iir[0]); i++) {
		gx_set_reg(a, iir[i], ~0u);
		assert_int_equal(gx_reg(a, iir[i]), 0);
		gx_set_reg(a, iir[i] - 4, 0x1234);
		assert_int_equal(gx_reg(a, iir[i] - 4), 0x1234);
		gx_set_reg(a, iir[i] + 4, 0x4321);
		assert_int_equal(gx_reg(a, iir[i] + 4), 0x4321);
	}
	assert_false(vgpu_irq_level(a->vgpu));
}

static void an_invalid_command_is_reported_to_its_owner(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0], *b = &gx->guest[1];
	struct gx_context ctx;

	gx_set_reg(a, 0x20b4, ~1u);	/* RING_EMR: let the invalid instruction through */
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_invalid(&ctx);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_reg(a, 0x20b0) & 1, 1);
	assert_int_equal(gx_reg(a, 0x44308) & 1u << 3, 1u << 3);
	assert_int_equal(gx_reg(b, 0x20b0), 0);
	assert_int_equal(gx_reg(b, 0x44308), 0);
	gx_set_reg(a, 0x941c, 2);
	assert_int_equal(gx_reg(a, 0x20b0), 0);
}

static void a_reset_vgpu_has_its_line_down(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];

	interrupt(gx, a, GPU_RCS0);
	assert_true(a->irq_level);
	vgpu_reset(a->vgpu);
	assert_false(a->irq_level);
	assert_int_equal(gx_reg(a, 0x44304), 0xffffffff);
	assert_int_equal(gx_reg(a, 0x44308), 0);
	assert_int_equal(gx_reg(a, 0x44200), 0);
}

static void an_interrupt_in_the_moment_of_an_acknowledgement_is_one_more(void **state)
{
	struct gx *gx = *state;
	struct gx_guest *a = &gx->guest[0];
	struct gx_context ctx;
	unsigned int rises;
	uint64_t poll_ns;

	interrupt(gx, a, GPU_RCS0);
	assert_true(vgpu_irq_level(a->vgpu));
	rises = vgpu_irq_rises(a->vgpu);
	gx_context_init(&ctx, a, GPU_RCS0);
	gx_emit_interrupt(&ctx);
	gx_submit(&ctx, NULL);
	/* The GPU has reported, and the guest's trap is the first to look. */
	while (gpu_engine_run(gvt_gpu(gx->gvt), GPU_RCS0, 100, &poll_ns))
		;
	assert_int_equal(vgpu_irq_rises(a->vgpu), rises);
	gx_set_reg(a, 0x44308, ~0u);
	assert_true(vgpu_irq_level(a->vgpu));
	assert_int_equal(vgpu_irq_rises(a->vgpu), rises + 1);
}

/* ---- a driver that looks only when it gets a message, as i915 does with MSI ---- */

#define HANDLER_STEPS	5

/** struct driver - i915's handler, with an event before one of its accesses */
struct driver {
	struct gx *gx;
	struct gx_guest *guest;
	struct gx_context *event;	/* what is to interrupt */
	unsigned int before;		/* this access, counted on over all runs of the handler */
	bool trap_looks_first;		/* the guest's access is the first one to see it */
	unsigned int access;
	bool delivered;			/* the level that the front end passed on, ... */
	uint32_t rises;			/* ... and its last rise */
	unsigned int messages;
	unsigned int seen[GPU_NUM_ENGINES];	/* user interrupts */
};

/* The front end (qemu/igt-pci.c): a message for each rise. */
static void message(struct gx_guest *guest)
{
	struct driver *driver = guest->on_irq_arg;
	bool level = vgpu_irq_level(guest->vgpu);
	uint32_t rises = vgpu_irq_rises(guest->vgpu);

	if (level && (!driver->delivered || rises != driver->rises))
		driver->messages++;
	driver->delivered = level;
	driver->rises = rises;
}

/* The event runs on its engine if this is the access that it comes before. */
static void access_begins(struct driver *driver)
{
	enum gpu_engine_id engine = driver->event->engine;
	uint64_t poll_ns;

	if (driver->access++ != driver->before)
		return;
	gx_submit(driver->event, NULL);
	if (!driver->trap_looks_first)
		gx_run(driver->gx, engine);
	else
		while (gpu_engine_run(gvt_gpu(driver->gx->gvt), engine, 100, &poll_ns))
			;
}

static uint32_t driver_read(struct driver *driver, uint32_t offset)
{
	access_begins(driver);
	return gx_reg(driver->guest, offset);
}

static void driver_write(struct driver *driver, uint32_t offset, uint32_t value)
{
	access_begins(driver);
	gx_set_reg(driver->guest, offset, value);
}

/* i915_irq.c, gen8_irq_handler(): returns what the master register said. */
static uint32_t handle(struct driver *driver)
{
	static const struct { uint32_t master, iir; } banks[] = {
		{ 1u << 0 | 1u << 1, 0x44308 }, { 1u << 2, 0x44318 }, { 1u << 6, 0x44338 },
	};
	uint32_t master, iir;
	unsigned int i, e;

	driver_write(driver, 0x44200, 0);
	master = driver_read(driver, 0x44200);
	for (i = 0; i < sizeof(banks) / sizeof(banks[0]); i++) {
		if (!(master & banks[i].master))
			continue;
		iir = driver_read(driver, banks[i].iir);
		driver_write(driver, banks[i].iir, iir);
		for (e = 0; e < GPU_NUM_ENGINES; e++) {
			static const uint32_t bank[GPU_NUM_ENGINES] = {
				[GPU_RCS0] = 0x44308, [GPU_BCS0] = 0x44308,
				[GPU_VCS0] = 0x44318, [GPU_VECS0] = 0x44338,
			};

			if (bank[e] == banks[i].iir && iir & USER << (e == GPU_BCS0 ? 16 : 0))
				driver->seen[e]++;
		}
	}
	driver_write(driver, 0x44200, 1u << 31);
	return master;
}

static void run_interrupt(struct gx *gx, struct gx_context *ctx)
{
	gx_emit_interrupt(ctx);
	gx_submit(ctx, NULL);
	gx_run(gx, ctx->engine);
}

/* @first has interrupted; @second does so before access @before of the handler. */
static void interrupt_in_the_handler(struct gx *gx, struct gx_context *first,
				     struct gx_context *second, unsigned int before,
				     bool trap_looks_first)
{
	struct gx_guest *a = first->guest;
	struct driver driver = {
		.gx = gx, .guest = a, .event = second, .before = before,
		.trap_looks_first = trap_looks_first, .rises = vgpu_irq_rises(a->vgpu),
	};
	unsigned int handled = 0;

	a->on_irq_arg = &driver;
	a->on_irq = message;
	run_interrupt(gx, first);
	gx_emit_interrupt(second);
	while (handled < driver.messages) {
		assert_true(++handled <= 2);
		/* Never for nothing, ... */
		assert_int_not_equal(handle(&driver) & ~(1u << 31), 0);
	}
	a->on_irq = NULL;
	/* ... not once too often, and nothing is left over. */
	assert_true(driver.access > before);
	assert_false(vgpu_irq_level(a->vgpu));
	assert_int_equal(gx_reg(a, 0x44200), 1u << 31);
	if (first == second) {
		assert_in_range(driver.seen[first->engine], 1, 2);
	} else {
		assert_int_equal(driver.seen[first->engine], 1);
		assert_int_equal(driver.seen[second->engine], 1);
	}
}

static void an_event_at_any_access_of_the_handler_is_seen_once(void **state)
{
	struct gx *gx = *state;
	struct gx_context ctx[GPU_NUM_ENGINES];
	unsigned int first, second, before, looks;

	for (first = 0; first < GPU_NUM_ENGINES; first++)
		gx_context_init(&ctx[first], &gx->guest[0], first);
	for (first = 0; first < GPU_NUM_ENGINES; first++)
		for (second = 0; second < GPU_NUM_ENGINES; second++)
			for (before = 0; before < HANDLER_STEPS; before++)
				for (looks = 0; looks < 2; looks++)
					interrupt_in_the_handler(gx, &ctx[first], &ctx[second],
								 before, looks);
}

#define T(f) cmocka_unit_test_setup_teardown(f, gx_setup, gx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(masks_decide_what_becomes_of_an_event),
		T(enabling_later_raises_the_line_unmasking_later_does_not),
		T(acknowledging_clears_only_the_ones),
		T(each_engine_has_its_place),
		T(identity_registers_of_the_display_read_zero),
		T(an_invalid_command_is_reported_to_its_owner),
		T(an_interrupt_in_the_moment_of_an_acknowledgement_is_one_more),
		T(an_event_at_any_access_of_the_handler_is_seen_once),
		T(a_reset_vgpu_has_its_line_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
