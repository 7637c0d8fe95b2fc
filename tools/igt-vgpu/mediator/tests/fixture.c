// SPDX-License-Identifier: MIT
/* The in-memory host of the native tests; see fixture.h. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "ring_context.h"

#define CTX_VALID		(1u << 0)
#define CTX_4LEVEL		(3u << 3)
#define CTX_PRIVILEGE		(1u << 8)

static void *host_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
	struct fx *fx = opaque;

	(void)write;
	if (fx->no_memory || domain >= FX_DOMAINS || addr >= (uint64_t)FX_PAGES << GPU_PAGE_SHIFT)
		return NULL;
	return fx->mem[domain] + (addr & ~(uint64_t)(GPU_PAGE_SIZE - 1));
}

static void host_irq(void *opaque, bool level)
{
	struct fx *fx = opaque;

	if (level)
		fx->irq_rises++;
	else
		fx->irq_falls++;
	fx->irq_level = level;
}

static uint64_t host_now(void *opaque)
{
	struct fx *fx = opaque;

	fx->now_ns += fx->tick_ns;
	return fx->now_ns;
}

static void host_kick(void *opaque, enum gpu_engine_id engine)
{
	struct fx *fx = opaque;

	fx->kicks[engine]++;
}

static void host_log(void *opaque, enum gpu_log_level level, const char *line)
{
	struct fx *fx = opaque;

	(void)level;
	snprintf(fx->log[fx->log_count++ % FX_LOG_LINES], sizeof(fx->log[0]), "%s", line);
}

static void host_refused(void *opaque, unsigned int domain)
{
	struct fx *fx = opaque;

	fx->refused[domain]++;
}

static void host_fault(void *opaque, unsigned int domain, const struct gpu_fault *fault)
{
	struct fx *fx = opaque;

	fx->faults[domain]++;
	fx->last_fault = *fault;
}

uint32_t fx_base(enum gpu_engine_id engine)
{
	static const uint32_t base[GPU_NUM_ENGINES] = { 0x2000, 0x22000, 0x12000, 0x1a000 };

	return base[engine];
}

struct fx *fx_new(enum gpu_platform platform, bool native)
{
	struct gpu_config config = { .platform = platform, .native = native };
	struct fx *fx = calloc(1, sizeof(*fx));
	unsigned int i;

	if (!fx)
		abort();
	fx->ops = (struct gpu_host_ops){
		.page = host_page,
		.irq = host_irq,
		.now_ns = host_now,
		.kick = host_kick,
		.log = host_log,
		.refused = host_refused,
		.fault = host_fault,
	};
	fx->now_ns = 1000000000;
	for (i = 0; i < FX_DOMAINS; i++) {
		fx->mem[i] = calloc(FX_PAGES, GPU_PAGE_SIZE);
		if (!fx->mem[i])
			abort();
		fx->next_page[i] = 1;
	}
	fx->next_ggtt = 1;
	fx->gpu = gpu_new(&config, &fx->ops, fx);
	if (!fx->gpu)
		abort();
	return fx;
}

void fx_free(struct fx *fx)
{
	unsigned int i;

	gpu_free(fx->gpu);
	for (i = 0; i < FX_DOMAINS; i++)
		free(fx->mem[i]);
	free(fx);
}

int fx_setup(void **state)
{
	*state = fx_new(GPU_SKL, true);
	return 0;
}

int fx_setup_shared(void **state)
{
	*state = fx_new(GPU_SKL, false);
	return 0;
}

int fx_teardown(void **state)
{
	fx_free(*state);
	return 0;
}

uint64_t fx_alloc(struct fx *fx, unsigned int domain, unsigned int pages)
{
	uint32_t page;

	assert_true(domain < FX_DOMAINS);
	page = atomic_fetch_add(&fx->next_page[domain], pages);
	assert_true(page + pages <= FX_PAGES);
	return (uint64_t)page << GPU_PAGE_SHIFT;
}

void *fx_mem(struct fx *fx, unsigned int domain, uint64_t addr)
{
	assert_true(domain < FX_DOMAINS);
	assert_true(addr < (uint64_t)FX_PAGES << GPU_PAGE_SHIFT);
	return fx->mem[domain] + addr;
}

void fx_ggtt_map(struct fx *fx, uint32_t ggtt, unsigned int domain, uint64_t addr,
		 unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		gpu_ggtt_write(fx->gpu, (ggtt >> GPU_PAGE_SHIFT) + i,
			       (addr + (uint64_t)i * GPU_PAGE_SIZE) | GPU_PTE_PRESENT |
			       (uint64_t)domain << GPU_DOMAIN_SHIFT);
}

uint32_t fx_ggtt_alloc(struct fx *fx, unsigned int domain, unsigned int pages)
{
	uint32_t ggtt = atomic_fetch_add(&fx->next_ggtt, pages) << GPU_PAGE_SHIFT;

	fx_ggtt_map(fx, ggtt, domain, fx_alloc(fx, domain, pages), pages);
	return ggtt;
}

void fx_ggtt_unmap(struct fx *fx, uint32_t ggtt, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		gpu_ggtt_write(fx->gpu, (ggtt >> GPU_PAGE_SHIFT) + i, 0);
}

void *fx_at(struct fx *fx, uint32_t ggtt)
{
	uint64_t pte = gpu_ggtt_read(fx->gpu, ggtt >> GPU_PAGE_SHIFT);

	assert_true(pte & GPU_PTE_PRESENT);
	return (uint8_t *)fx_mem(fx, (pte & GPU_DOMAIN_MASK) >> GPU_DOMAIN_SHIFT,
				 pte & GPU_ADDR_MASK) +
	       ggtt % GPU_PAGE_SIZE;
}

uint32_t fx_read(struct fx *fx, uint32_t ggtt)
{
	uint32_t value;

	memcpy(&value, fx_at(fx, ggtt), sizeof(value));
	return value;
}

void fx_write(struct fx *fx, uint32_t ggtt, uint32_t value)
{
	memcpy(fx_at(fx, ggtt), &value, sizeof(value));
}

uint32_t fx_reg(struct fx *fx, uint32_t offset)
{
	return gpu_mmio_read(fx->gpu, offset, 4);
}

void fx_set_reg(struct fx *fx, uint32_t offset, uint32_t value)
{
	gpu_mmio_write(fx->gpu, offset, 4, value);
}

uint32_t fx_hwsp(struct fx *fx, enum gpu_engine_id engine)
{
	uint32_t base = fx_base(engine), hwsp = fx_ggtt_alloc(fx, 0, 1);

	fx_set_reg(fx, base + 0x80, hwsp);
	fx_set_reg(fx, base + 0x29c, 1u << 31 | 1u << 15);	/* run lists on */
	/* intel_execlists_submission.c reset_csb_pointers(): last read and written entry are 5 */
	fx_set_reg(fx, base + 0x3a0, 0xffffu << 16 | 5 << 8 | 5);
	fx_write(fx, hwsp + 0x7c, 5);
	return hwsp;
}

static void image_init(struct fx_context *ctx)
{
	uint32_t regs[RING_CONTEXT_DWORDS];
	unsigned int i;

	ring_context_build(regs, fx_base(ctx->engine));
	for (i = 0; i < RING_CONTEXT_DWORDS; i++)
		if (regs[i])
			fx_ctx_set(ctx, i, regs[i]);
	fx_ctx_set(ctx, FX_CTX_CONTROL, 0x000d0000 | 1u << 3 | 1u << 19 | 1u << 0);
	fx_ctx_set(ctx, FX_CTX_START, ctx->ring);
	fx_ctx_set(ctx, FX_CTX_CTL, (ctx->ring_size - GPU_PAGE_SIZE) | 1);
	fx_ctx_set(ctx, FX_CTX_PDP0_UDW, ctx->pml4 >> 32);
	fx_ctx_set(ctx, FX_CTX_PDP0_LDW, (uint32_t)ctx->pml4);
}

void fx_context_init(struct fx *fx, struct fx_context *ctx, enum gpu_engine_id engine,
		     unsigned int domain)
{
	static _Atomic uint32_t next_id;

	memset(ctx, 0, sizeof(*ctx));
	ctx->fx = fx;
	ctx->engine = engine;
	ctx->domain = domain;
	ctx->ring_size = GPU_PAGE_SIZE;
	ctx->ring = fx_ggtt_alloc(fx, domain, 1);
	ctx->lrca = fx_ggtt_alloc(fx, domain, engine == GPU_RCS0 ? 22 : 2);
	ctx->pml4 = fx_alloc(fx, domain, 1);
	ctx->desc = (uint64_t)(++next_id & 0xfffff) << 32 | ctx->lrca | CTX_VALID | CTX_4LEVEL |
		    CTX_PRIVILEGE;
	image_init(ctx);
}

uint32_t fx_ctx_get(struct fx_context *ctx, unsigned int dword)
{
	return fx_read(ctx->fx, ctx->lrca + GPU_PAGE_SIZE + 4 * dword);
}

void fx_ctx_set(struct fx_context *ctx, unsigned int dword, uint32_t value)
{
	fx_write(ctx->fx, ctx->lrca + GPU_PAGE_SIZE + 4 * dword, value);
}

void fx_ppgtt_map(struct fx_context *ctx, uint64_t va, uint64_t addr, unsigned int pages,
		  uint64_t flags)
{
	struct fx *fx = ctx->fx;
	unsigned int i, shift;

	if (!flags)
		flags = GPU_PTE_PRESENT | GPU_PTE_WRITE;
	for (i = 0; i < pages; i++, va += GPU_PAGE_SIZE, addr += GPU_PAGE_SIZE) {
		uint64_t table = ctx->pml4;

		for (shift = 39; shift > 12; shift -= 9) {
			uint64_t *entry =
				(uint64_t *)fx_mem(fx, ctx->domain, table) + (va >> shift) % 512;

			if (!(*entry & GPU_PTE_PRESENT))
				*entry = fx_alloc(fx, ctx->domain, 1) | GPU_PTE_PRESENT |
					 GPU_PTE_WRITE;
			table = *entry & GPU_ADDR_MASK;
		}
		((uint64_t *)fx_mem(fx, ctx->domain, table))[(va >> 12) % 512] = addr | flags;
	}
}

void fx_emit(struct fx_context *ctx, unsigned int count, ...)
{
	va_list args;

	va_start(args, count);
	while (count--) {
		fx_write(ctx->fx, ctx->ring + ctx->tail, va_arg(args, uint32_t));
		ctx->tail = (ctx->tail + 4) % ctx->ring_size;
	}
	va_end(args);
}

void fx_submit(struct fx *fx, struct fx_context *first, struct fx_context *second)
{
	uint32_t elsp = fx_base(first->engine) + 0x230;

	if (first->tail % 8)
		fx_emit(first, 1, 0u);	/* tails are qword-aligned */
	fx_ctx_set(first, FX_CTX_TAIL, first->tail);
	if (second) {
		if (second->tail % 8)
			fx_emit(second, 1, 0u);
		fx_ctx_set(second, FX_CTX_TAIL, second->tail);
	}
	fx_set_reg(fx, elsp, second ? second->desc >> 32 : 0);
	fx_set_reg(fx, elsp, second ? (uint32_t)second->desc : 0);
	fx_set_reg(fx, elsp, first->desc >> 32);
	fx_set_reg(fx, elsp, (uint32_t)first->desc);
}

uint64_t fx_run_bounded(struct fx *fx, enum gpu_engine_id engine, unsigned int slices)
{
	uint64_t poll_ns = 0;

	while (slices-- && gpu_engine_run(fx->gpu, engine, 1000, &poll_ns))
		;
	return poll_ns;
}

void fx_run(struct fx *fx, enum gpu_engine_id engine)
{
	unsigned int slices = 1000;
	uint64_t poll_ns = 0;

	while (gpu_engine_run(fx->gpu, engine, 1000, &poll_ns))
		assert_true(--slices);
}

unsigned int fx_csb_drain(struct fx *fx, uint32_t hwsp, unsigned int *read, uint32_t events[6],
			  uint32_t ids[6])
{
	unsigned int write = fx_read(fx, hwsp + 0x7c) & 7, count = 0;

	assert_true(write < 6);
	while (*read != write) {
		*read = (*read + 1) % 6;
		events[count] = fx_read(fx, hwsp + 0x40 + 8 * *read);
		ids[count++] = fx_read(fx, hwsp + 0x44 + 8 * *read);
	}
	return count;
}
