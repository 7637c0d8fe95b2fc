// SPDX-License-Identifier: MIT
/* Guests in memory for the tests of gvt/; see gvt_fixture.h. */

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gvt_fixture.h"
#include "ring_context.h"

#define GTT		GPU_GTT_OFFSET
#define CTX_TAIL	(GPU_PAGE_SIZE + 4 * 0x07)

uint32_t gx_base(enum gpu_engine_id engine)
{
	static const uint32_t base[GPU_NUM_ENGINES] = {
		[GPU_RCS0] = 0x2000,
		[GPU_BCS0] = 0x22000,
		[GPU_VCS0] = 0x12000,
		[GPU_VECS0] = 0x1a000,
	};

	return base[engine];
}

static void *guest_page(void *opaque, uint64_t addr, bool write)
{
	struct gx_guest *guest = opaque;
	uint8_t *lent = __atomic_load_n(&guest->lent, __ATOMIC_ACQUIRE);

	(void)write;
	if (lent && addr == guest->lent_at)
		return lent;
	return addr < (uint64_t)GX_PAGES << GPU_PAGE_SHIFT ? guest->mem + addr : NULL;
}

static void guest_irq(void *opaque, bool level)
{
	struct gx_guest *guest = opaque;

	__atomic_fetch_add(&guest->irq_calls, 1, __ATOMIC_RELAXED);
	if (level)
		__atomic_fetch_add(&guest->irq_rises, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&guest->irq_level, level, __ATOMIC_RELAXED);
	if (guest->on_irq)
		guest->on_irq(guest);
}

static uint64_t host_now(void *opaque)
{
	struct gx *gx = opaque;

	return __atomic_add_fetch(&gx->now_ns, 100, __ATOMIC_RELAXED);
}

static void host_kick(void *opaque, enum gpu_engine_id engine)
{
	struct gx *gx = opaque;

	__atomic_fetch_add(&gx->kicks[engine], 1, __ATOMIC_RELAXED);
}

static void host_log(void *opaque, enum gpu_log_level level, const char *line)
{
	struct gx *gx = opaque;

	(void)level;
	snprintf(gx->log[__atomic_fetch_add(&gx->log_count, 1, __ATOMIC_RELAXED) % GX_LOG_LINES],
		 sizeof(gx->log[0]), "%s", line);
}

bool gx_logged(struct gx *gx, const char *text)
{
	unsigned int i;

	for (i = 0; i < GX_LOG_LINES; i++)
		if (strstr(gx->log[i], text))
			return true;
	return false;
}

struct gx *gx_new(enum gpu_platform platform)
{
	return gx_new_config(&(const struct gpu_config){ .platform = platform });
}

struct gx *gx_new_config(const struct gpu_config *config)
{
	struct gx *gx = g_new0(struct gx, 1);

	gx->now_ns = 1000000000;
	gx->ops = (struct gvt_host_ops){
		.page = guest_page,
		.irq = guest_irq,
		.now_ns = host_now,
		.kick = host_kick,
		.log = host_log,
	};
	gx->gvt = gvt_new(config, &gx->ops, gx);
	assert_non_null(gx->gvt);
	return gx;
}

void gx_free(struct gx *gx)
{
	unsigned int n;

	for (n = 0; n < GVT_MAX_VGPUS; n++)
		if (gx->guest[n].vgpu)
			gx_remove(&gx->guest[n]);
	gvt_free(gx->gvt);
	g_free(gx);
}

struct gx_guest *gx_add(struct gx *gx, unsigned int n, struct vgpu_config config)
{
	struct gx_guest *guest = &gx->guest[n];
	char *error = NULL;

	assert_null(guest->vgpu);
	memset(guest, 0, sizeof(*guest));
	guest->gx = gx;
	guest->mem = g_malloc0(GX_PAGES * GPU_PAGE_SIZE);
	guest->next_page = 1;
	guest->stats = stats_new();
	config.opaque = guest;
	config.stats = guest->stats;
	guest->vgpu = vgpu_new(gx->gvt, &config, &error);
	if (!guest->vgpu)
		fail_msg("vgpu_new: %s", error);
	guest->next_gma = vgpu_partition(guest->vgpu)->hidden_base;
	return guest;
}

struct gx_guest *gx_add_type(struct gx *gx, unsigned int n, const char *type)
{
	return gx_add(gx, n, (struct vgpu_config){ .type = type });
}

void gx_remove(struct gx_guest *guest)
{
	vgpu_free(guest->vgpu);
	stats_free(guest->stats);
	g_free(guest->mem);
	memset(guest, 0, sizeof(*guest));
}

int gx_setup(void **state)
{
	struct gx *gx = gx_new(GPU_SKL);

	*state = gx;
	gx_start(gx_add_type(gx, 0, "GVTg_V5_8"));
	gx_start(gx_add_type(gx, 1, "GVTg_V5_8"));
	return 0;
}

int gx_teardown(void **state)
{
	gx_free(*state);
	return 0;
}

uint32_t gx_reg(struct gx_guest *guest, uint32_t offset)
{
	return vgpu_bar0_read(guest->vgpu, offset, 4);
}

void gx_set_reg(struct gx_guest *guest, uint32_t offset, uint32_t value)
{
	vgpu_bar0_write(guest->vgpu, offset, 4, value);
}

uint64_t gx_pte(struct gx_guest *guest, uint64_t gma)
{
	return vgpu_bar0_read(guest->vgpu, GTT + (gma >> GPU_PAGE_SHIFT) * 8, 8);
}

void gx_set_pte(struct gx_guest *guest, uint64_t gma, uint64_t pte)
{
	vgpu_bar0_write(guest->vgpu, GTT + (gma >> GPU_PAGE_SHIFT) * 8, 8, pte);
}

uint32_t gx_alloc(struct gx_guest *guest, unsigned int pages)
{
	uint64_t gma = guest->next_gma;

	while (pages--) {
		assert_true(guest->next_page < GX_PAGES);
		gx_set_pte(guest, guest->next_gma,
			   (uint64_t)guest->next_page++ << GPU_PAGE_SHIFT | GPU_PTE_PRESENT);
		guest->next_gma += GPU_PAGE_SIZE;
	}
	return gma;
}

static uint32_t *at(struct gx_guest *guest, uint32_t gma)
{
	uint64_t pte = gx_pte(guest, gma);

	assert_true(pte & GPU_PTE_PRESENT);
	return (uint32_t *)(guest->mem + (pte & GPU_ADDR_MASK) + gma % GPU_PAGE_SIZE);
}

uint32_t gx_get(struct gx_guest *guest, uint32_t gma)
{
	return __atomic_load_n(at(guest, gma), __ATOMIC_ACQUIRE);
}

void gx_set(struct gx_guest *guest, uint32_t gma, uint32_t value)
{
	__atomic_store_n(at(guest, gma), value, __ATOMIC_RELEASE);
}

void gx_start(struct gx_guest *guest)
{
	unsigned int e, bank;

	assert_int_equal(gx_reg(guest, VGT_PVINFO_PAGE), (uint32_t)VGT_MAGIC);
	for (bank = 0; bank < 4; bank++) {
		gx_set_reg(guest, 0x44308 + 16 * bank, ~0u);
		gx_set_reg(guest, 0x44304 + 16 * bank, 0);
		gx_set_reg(guest, 0x4430c + 16 * bank, ~0u);
	}
	gx_set_reg(guest, 0x44200, 1u << 31);
	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		uint32_t base = gx_base(e);

		if (!guest->hwsp[e])
			guest->hwsp[e] = gx_alloc(guest, 1);
		gx_set_reg(guest, base + 0x80, guest->hwsp[e]);
		gx_set_reg(guest, base + 0x29c, 0x80008000u);
		gx_set_reg(guest, base + 0xa8, 0);
		gx_set_reg(guest, base + 0x3a0, 0xffff0505u);
		gx_set(guest, guest->hwsp[e] + 0x7c, 5);
		guest->csb_read[e] = 5;
	}
}

void gx_context_init(struct gx_context *ctx, struct gx_guest *guest, enum gpu_engine_id engine)
{
	static uint32_t next_id = 0x100;
	uint32_t image[RING_CONTEXT_DWORDS], regs, pml4;
	unsigned int i;

	memset(ctx, 0, sizeof(*ctx));
	ctx->guest = guest;
	ctx->engine = engine;
	ctx->ring = gx_alloc(guest, 1);
	ctx->lrca = gx_alloc(guest, engine == GPU_RCS0 ? 22 : 2);
	ctx->id = next_id++;
	ctx->desc = (uint64_t)ctx->id << 32 | ctx->lrca | 1u << 8 | 3u << 3 | 1;
	pml4 = guest->next_page++ << GPU_PAGE_SHIFT;
	regs = ctx->lrca + GPU_PAGE_SIZE;
	ring_context_build(image, gx_base(engine));
	for (i = 0; i < RING_CONTEXT_DWORDS; i++)
		if (image[i])
			gx_set(guest, regs + 4 * i, image[i]);
	gx_set(guest, regs + 4 * 0x03, 1u << 16 | 1);	/* first restore inhibited */
	gx_set(guest, regs + 4 * 0x09, ctx->ring);
	gx_set(guest, regs + 4 * 0x0b, 1);
	gx_set(guest, regs + 4 * 0x33, pml4);
}

void gx_emit(struct gx_context *ctx, unsigned int count, ...)
{
	va_list args;

	va_start(args, count);
	while (count--) {
		gx_set(ctx->guest, ctx->ring + ctx->tail, va_arg(args, uint32_t));
		ctx->tail = (ctx->tail + 4) % GPU_PAGE_SIZE;
	}
	va_end(args);
}

void gx_emit_store(struct gx_context *ctx, uint32_t gma, uint32_t value)
{
	/* MI_STORE_DATA_IMM, GGTT */
	gx_emit(ctx, 4, 0x20u << 23 | 1u << 22 | 2, gma, 0, value);
}

void gx_emit_interrupt(struct gx_context *ctx)
{
	gx_emit(ctx, 2, 0x02u << 23, 0u);
}

void gx_emit_wait(struct gx_context *ctx, uint32_t gma)
{
	gx_emit(ctx, 4, 0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2, 1u, gma, 0u);
}

void gx_wait_and_store(struct gx *gx, struct gx_context *waits, struct gx_context *stores,
		       uint32_t *flag, uint32_t *out)
{
	uint32_t at = gx_alloc(&gx->guest[0], 1);

	gx_context_init(waits, &gx->guest[0], GPU_RCS0);
	gx_emit_wait(waits, at);
	if (flag)
		*flag = at;
	*out = gx_alloc(&gx->guest[1], 1);
	gx_context_init(stores, &gx->guest[1], GPU_RCS0);
	gx_emit_store(stores, *out, 3);
}

void gx_emit_invalid(struct gx_context *ctx)
{
	gx_emit(ctx, 2, 0x7eu << 23, 0u);
}

void gx_submit(struct gx_context *first, struct gx_context *second)
{
	struct gx_guest *guest = first->guest;
	uint32_t elsp = gx_base(first->engine) + 0x230;

	gx_set(guest, first->lrca + CTX_TAIL, first->tail);
	if (second)
		gx_set(guest, second->lrca + CTX_TAIL, second->tail);
	gx_set_reg(guest, elsp, second ? second->desc >> 32 : 0);
	gx_set_reg(guest, elsp, second ? (uint32_t)second->desc : 0);
	gx_set_reg(guest, elsp, first->desc >> 32);
	gx_set_reg(guest, elsp, (uint32_t)first->desc);
}

/*
 * Until there is nothing to do; a semaphore that waits is left waiting. Of two that wait each has
 * had its turn.
 */
void gx_run(struct gx *gx, enum gpu_engine_id engine)
{
	unsigned int slices = 1000, turns = 100, kicks;
	uint64_t poll_ns;

	do {
		kicks = gx->kicks[engine];
		while (gvt_engine_run(gx->gvt, engine, 100, &poll_ns))
			assert_true(--slices);
	} while (kicks != gx->kicks[engine] && --turns);
}

bool gx_event(struct gx_guest *guest, enum gpu_engine_id engine, uint32_t *status, uint32_t *id)
{
	uint32_t hwsp = guest->hwsp[engine];
	unsigned int write = gx_get(guest, hwsp + 0x7c);

	assert_true(write < 6);
	if (guest->csb_read[engine] == write)
		return false;
	guest->csb_read[engine] = (guest->csb_read[engine] + 1) % 6;
	*status = gx_get(guest, hwsp + 0x40 + 8 * guest->csb_read[engine]);
	*id = gx_get(guest, hwsp + 0x44 + 8 * guest->csb_read[engine]);
	return true;
}

void gx_expect_event(struct gx_guest *guest, enum gpu_engine_id engine, uint32_t status,
		     uint32_t id)
{
	uint32_t got_status, got_id;

	assert_true(gx_event(guest, engine, &got_status, &got_id));
	assert_int_equal(got_status, status);
	if (id)
		assert_int_equal(got_id, id);
}

void gx_expect_run(const struct gx_context *ctx)
{
	gx_expect_event(ctx->guest, ctx->engine, GX_IDLE_ACTIVE, 0);
	gx_expect_event(ctx->guest, ctx->engine, GX_ACTIVE_IDLE, ctx->id);
}

void gx_expect_no_event(struct gx_guest *guest, enum gpu_engine_id engine)
{
	uint32_t status = 0, id = 0;

	if (gx_event(guest, engine, &status, &id))
		fail_msg("unexpected event 0x%x of context 0x%x", status, id);
}
