// SPDX-License-Identifier: MIT
/*
 * Costs of gvt/ on top of gpu/: what a trap, a submission, an owner change of an engine and a vGPU
 * itself take. Without the way from the guest to here, which is the front end's.
 *
 * trap: one access. Reference: a call through a pointer.
 * submission: a context without work, from the first of the four writes until its events are in the
 * status page and its image is written back. Reference: a call through a pointer.
 * owner change: submissions by two vGPUs in turn, one context each; reference: by one of them.
 * preemption: work that waits, taken away for another's that was taken away before; reference:
 * looks at work that waits alone.
 */
#include <glib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/gvt_fixture.h"
#include "bench.h"

#define PV(field)	(VGT_PVINFO_PAGE + (uint32_t)offsetof(struct vgt_if, field))
#define SLICE_NS	2000000		/* more than one of the scheduler's */
#define CTX_TAIL	(GPU_PAGE_SIZE + 4 * 0x07)

/* ---- traps ---- */

/** struct access - the same access, again and again */
struct access {
	struct vgpu *vgpu;
	uint32_t offset;
	unsigned int size;
	bool write;
	uint64_t value;
};

static void do_access(void *arg, unsigned int times)
{
	struct access *a = arg;

	while (times--) {
		if (a->write)
			vgpu_bar0_write(a->vgpu, a->offset, a->size, a->value);
		else
			vgpu_bar0_read(a->vgpu, a->offset, a->size);
	}
}

static void traps(struct gx_guest *guest)
{
	uint32_t gtt = GPU_GTT_OFFSET + (gx_alloc(guest, 1) >> GPU_PAGE_SHIFT) * 8;
	const struct { const char *kind; struct access access; } rows[] = {
		{ "register read", { guest->vgpu, 0x9424, 4, false, 0 } },
		{ "register write", { guest->vgpu, 0x9424, 4, true, 0x77 } },
		{ "engine register read", { guest->vgpu, 0x2074, 4, false, 0 } },
		{ "engine register write", { guest->vgpu, 0x20c0, 4, true, 0xffff0000 } },
		{ "interrupt mask write", { guest->vgpu, 0x44304, 4, true, 0 } },
		{ "PVINFO read", { guest->vgpu, PV(avail_rs.fence_num), 4, false, 0 } },
		{ "GGTT entry read", { guest->vgpu, gtt, 8, false, 0 } },
		{ "GGTT entry write", { guest->vgpu, gtt, 8, true, 1 << GPU_PAGE_SHIFT | 1 } },
	};
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct access access = rows[i].access;

		bench_row("trap", rows[i].kind, 1, 20000, (struct bench_work){ do_access, &access },
			  bench_calls);
	}
}

/* ---- submissions ---- */

/** struct job - a context that is submitted with nothing to do, as a driver would */
struct job {
	struct gx_context ctx;
	uint32_t *tail;			/* in the image */
	unsigned int events;		/* that its status page has told of since */
};

static uint32_t *memory_at(struct gx_guest *guest, uint32_t gma)
{
	return (uint32_t *)(guest->mem + (gx_pte(guest, gma) & GPU_ADDR_MASK) +
			    gma % GPU_PAGE_SIZE);
}

static void job_init(struct job *job, struct gx_guest *guest, enum gpu_engine_id engine)
{
	gx_context_init(&job->ctx, guest, engine);
	job->tail = memory_at(guest, job->ctx.lrca + CTX_TAIL);
}

static void submit(struct job *job)
{
	uint32_t elsp = gx_base(job->ctx.engine) + 0x230;

	job->ctx.tail = (job->ctx.tail + 8) % GPU_PAGE_SIZE;	/* two MI_NOOP */
	*job->tail = job->ctx.tail;
	gx_set_reg(job->ctx.guest, elsp, 0);
	gx_set_reg(job->ctx.guest, elsp, 0);
	gx_set_reg(job->ctx.guest, elsp, job->ctx.desc >> 32);
	gx_set_reg(job->ctx.guest, elsp, (uint32_t)job->ctx.desc);
	gx_run(job->ctx.guest->gx, job->ctx.engine);
}

/** struct jobs - contexts that are submitted in turn */
struct jobs {
	struct job job[2];
	unsigned int count, next;
};

static void submit_in_turn(void *arg, unsigned int times)
{
	struct jobs *jobs = arg;

	while (times--)
		submit(&jobs->job[jobs->next++ % jobs->count]);
}

/* Each submission ran to its end: an event that it began and one that it ended. */
static void expect_ran(struct job *job)
{
	struct gx_guest *guest = job->ctx.guest;
	enum gpu_engine_id engine = job->ctx.engine;

	guest->csb_read[engine] = gx_get(guest, guest->hwsp[engine] + 0x7c);
	submit(job);
	gx_expect_run(&job->ctx);
}

static void submissions(struct gx *gx, const char *kind, enum gpu_engine_id engine)
{
	struct jobs one = { .count = 1 };

	job_init(&one.job[0], &gx->guest[0], engine);
	bench_row("submission", kind, 1, 500, (struct bench_work){ submit_in_turn, &one },
		  bench_calls);
	expect_ran(&one.job[0]);
}

/* ---- owner changes ---- */

static void owner_changes(struct gx *gx, const char *kind, enum gpu_engine_id engine)
{
	struct jobs one = { .count = 1 }, two = { .count = 2 };

	job_init(&two.job[0], &gx->guest[0], engine);
	job_init(&two.job[1], &gx->guest[1], engine);
	one.job[0] = two.job[0];
	bench_row("owner change", kind, 1, 200, (struct bench_work){ submit_in_turn, &two },
		  (struct bench_work){ submit_in_turn, &one });
	expect_ran(&two.job[0]);
	expect_ran(&two.job[1]);
}

/** struct waits - an engine on which contexts wait for what does not come */
struct waits {
	struct gx *gx;
	enum gpu_engine_id engine;
};

static void let_slices_pass(void *arg, unsigned int times)
{
	struct waits *waits = arg;

	uint64_t poll_ns;

	/* Twice: after the first one both have had the same, and the owner stays. */
	for (times *= 2; times; times--) {
		waits->gx->now_ns += SLICE_NS;
		gvt_engine_run(waits->gx->gvt, waits->engine, 1, &poll_ns);
	}
}

static void add_waiting(struct waits *waits, unsigned int n)
{
	struct gx_guest *guest = gx_add_type(waits->gx, n, "GVTg_V5_8");
	struct gx_context ctx;

	gx_start(guest);
	gx_context_init(&ctx, guest, waits->engine);
	gx_emit_wait(&ctx, gx_alloc(guest, 1));
	gx_submit(&ctx, NULL);
	gx_run(waits->gx, waits->engine);
}

static uint64_t preempted(const struct waits *waits)
{
	enum stats_kind kind = STATS_PREEMPTED_0 + waits->engine;

	return stats_get(waits->gx->guest[0].stats, kind) +
	       stats_get(waits->gx->guest[1].stats, kind);
}

/* On a mediator of its own, with one guest or with two. */
static void preemptions(const char *kind, enum gpu_engine_id engine)
{
	struct waits alone = { gx_new(GPU_SKL), engine }, both = { gx_new(GPU_SKL), engine };
	uint64_t before;

	add_waiting(&alone, 0);
	add_waiting(&both, 0);
	add_waiting(&both, 1);
	bench_row("preemption", kind, 1, 200, (struct bench_work){ let_slices_pass, &both },
		  (struct bench_work){ let_slices_pass, &alone });
	before = preempted(&both);
	let_slices_pass(&both, 10);
	if (preempted(&both) - before != 10)
		abort();
	gx_free(alone.gx);
	gx_free(both.gx);
}

/* ---- memory ---- */

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void memory(const char *type)
{
	struct gx *gx = gx_new(GPU_SKL);
	struct gx_guest *guest = &gx->guest[0];
	struct vgpu_config config = { .type = type };
	size_t before = allocated();
	char *error = NULL, *in_use;
	struct vgpu *vgpu = vgpu_new(gx->gvt, &config, &error);
	unsigned int e;

	if (!vgpu)
		abort();
	bench_bytes("memory", type, allocated() - before);
	vgpu_free(vgpu);

	gx_start(gx_add_type(gx, 0, type));
	before = allocated();
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		struct job job;

		job_init(&job, guest, e);
		submit(&job);
	}
	in_use = g_strdup_printf("%s: more, once each engine was used", type);
	bench_bytes("memory", in_use, allocated() - before);
	g_free(in_use);
	gx_free(gx);
}

void bench_gvt(void)
{
	void *state;
	struct gx *gx;

	gx_setup(&state);
	gx = state;
	traps(&gx->guest[0]);
	submissions(gx, "rcs0", GPU_RCS0);
	submissions(gx, "bcs0", GPU_BCS0);
	gx_teardown(&state);

	gx_setup(&state);
	gx = state;
	owner_changes(gx, "rcs0", GPU_RCS0);
	owner_changes(gx, "bcs0", GPU_BCS0);
	gx_teardown(&state);
	preemptions("rcs0", GPU_RCS0);
	preemptions("bcs0", GPU_BCS0);
	memory("GVTg_V5_8");
	memory("GVTg_V5_4");
}
