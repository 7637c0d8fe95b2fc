// SPDX-License-Identifier: MIT
/* See cs_fixture.h. */
#include <stdlib.h>
#include <string.h>

#include "cs_fixture.h"

struct cst *cst_new(enum gpu_platform platform, enum gpu_engine_id engine, unsigned int domain)
{
	struct cst *t = calloc(1, sizeof(*t));
	uint64_t batch, data;

	assert_non_null(t);
	t->fx = fx_new(platform, domain == 0);
	t->gpu = t->fx->gpu;
	t->engine = &t->gpu->engine[engine];
	t->cs = &t->engine->cs;
	fx_context_init(t->fx, &t->ctx, engine, domain);
	batch = fx_alloc(t->fx, domain, 1);
	data = fx_alloc(t->fx, domain, DATA_PAGES);
	fx_ppgtt_map(&t->ctx, BATCH_VA, batch, 1, 0);
	fx_ppgtt_map(&t->ctx, DATA_VA, data, DATA_PAGES, 0);
	t->batch = fx_mem(t->fx, domain, batch);
	t->data = fx_mem(t->fx, domain, data);
	t->ggtt_data = fx_ggtt_alloc(t->fx, domain, 1);

	t->cs->ring_start = t->ctx.ring;
	t->cs->ring_size = t->ctx.ring_size;
	t->cs->head = t->cs->tail = 0;
	t->cs->ppgtt.four_level = true;
	t->cs->ppgtt.pdp[0] = t->ctx.pml4 | (uint64_t)domain << GPU_DOMAIN_SHIFT;
	t->cs->pphwsp = t->ctx.lrca;
	t->cs->domain = domain;
	gpu_cs_start(t->cs);
	return t;
}

void cst_free(struct cst *t)
{
	fx_free(t->fx);
	free(t);
}

int cst_setup_rcs(void **state)
{
	*state = cst_new(GPU_SKL, GPU_RCS0, 0);
	return 0;
}

int cst_setup_bcs(void **state)
{
	*state = cst_new(GPU_SKL, GPU_BCS0, 0);
	return 0;
}

int cst_teardown(void **state)
{
	cst_free(*state);
	return 0;
}

void cst_ring_dwords(struct cst *t, const uint32_t *dw, unsigned int count)
{
	while (count--)
		fx_emit(&t->ctx, 1, *dw++);
	t->cs->tail = t->ctx.tail;
}

void cst_batch_dwords(struct cst *t, const uint32_t *dw, unsigned int count)
{
	assert_true(t->batch_len + count <= GPU_PAGE_SIZE / 4);
	memcpy(t->batch + t->batch_len, dw, 4 * count);
	t->batch_len += count;
}

void cst_call_batch(struct cst *t)
{
	cst_batch(t, MI_BBE);
	t->batch_len = 0;
	cst_ring(t, MI_BBS | 1u << 8, LO(BATCH_VA), HI(BATCH_VA), 0);
}

enum gpu_cs_result cst_run(struct cst *t)
{
	unsigned int steps = 10000;
	enum gpu_cs_result result;

	do {
		result = gpu_cs_step(t->cs);
		assert_true(--steps);
	} while (result < GPU_CS_EMPTY);
	return result;
}

void cst_run_ok(struct cst *t)
{
	assert_int_equal(cst_run(t), GPU_CS_EMPTY);
	assert_int_equal(t->cs->head, t->cs->tail);
	assert_false(t->cs->hung);
}

uint32_t cst_data32(struct cst *t, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, t->data + offset, sizeof(value));
	return value;
}

uint64_t cst_data64(struct cst *t, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, t->data + offset, sizeof(value));
	return value;
}

uint32_t cst_reg(struct cst *t, uint32_t offset)
{
	return fx_reg(t->fx, t->engine->mmio_base + offset);
}

void cst_set_reg(struct cst *t, uint32_t offset, uint32_t value)
{
	gpu_lock(t->gpu);
	gpu_reg_set(t->gpu, t->engine->mmio_base + offset, value);
	gpu_unlock(t->gpu);
}

const char *cst_log(struct cst *t)
{
	return t->fx->log_count ? t->fx->log[(t->fx->log_count - 1) % FX_LOG_LINES] : "";
}
