// SPDX-License-Identifier: MIT
/*
 * Shadow contexts. An engine never runs a guest's context image, which the guest could change at
 * any time, but a copy in the host's memory: filled from the guest's when it is scheduled in,
 * written back when the engine is done with it, before the guest hears of that.
 *
 * Called by execlist.c with gvt->lock held; the window's memory is read by engine threads. One
 * context is on an engine at a time, so that what one writes into the image of the next is seen
 * (i915 does so to reconfigure a context), and what the guest frees after a context was switched
 * out is not written to afterwards.
 *
 * What is kept: the shadow of a context that the guest told of, until it takes that back
 * (context.c); of all others the last one of each engine, which is good only if the same context
 * runs next. A shadow is dropped when a GGTT entry below its image is written, whatever is written:
 * the same entry may mean another image.
 */
#include <string.h>

#include "gvt_types.h"

/* Where the window's pages lie in domain 0. */
#define WINDOW_ADDR		0x100000u
/* Kept by contexts, per vGPU: beyond this they are copied in each time. */
#define MAX_KEPT		(128u << 20)

#define DESC_LRCA		0xfffff000ull

/*
 * Dwords of the register page of a context image (i915 gt/intel_lrc_reg.h; page 1, after the
 * context's status page).
 */
#define PAGE_DWORDS		(GPU_PAGE_SIZE / 4)
#define CTX_RING_TAIL		0x07
#define CTX_RING_START		0x09
#define CTX_RING_CTL		0x0b
#define CTX_BB_PER_CTX_PTR	0x19
#define CTX_INDIRECT_CTX	0x1b
#define CTX_RING_PART_END	0x51

/** struct span - dwords of the register page */
struct span {
	uint16_t first, count;
};

/*
 * What a driver changes of an image that has run before (i915 gt/intel_lrc.c, i915_perf.c): the
 * ring part with control, ring, page directories, workaround batches and power state; RING_MI_MODE;
 * OACTXCONTROL and the flexible EU counters.
 */
static const struct span gen9_rcs[] = {
	{ 0, CTX_RING_PART_END }, { 0x55, 1 }, { 0x129, 1 }, { 0x3df, 13 }, { 0, 0 },
};
static const struct span gen8_rcs[] = {
	{ 0, CTX_RING_PART_END }, { 0x59, 1 }, { 0x121, 1 }, { 0x2cf, 13 }, { 0, 0 },
};
static const struct span gen9_xcs[] = { { 0, CTX_RING_PART_END }, { 0x55, 1 }, { 0, 0 } };
static const struct span gen8_xcs[] = { { 0, CTX_RING_PART_END }, { 0, 0 } };
static const struct span whole_page[] = { { 0, PAGE_DWORDS }, { 0, 0 } };

/* i915 gt/intel_engine_cs.c, intel_engine_context_size() */
unsigned int shadow_pages(const struct gvt *gvt, enum gpu_engine_id engine)
{
	if (engine != GPU_RCS0)
		return 2;
	return gvt->platform == GPU_BDW ? 20 : 22;
}

static const struct span *driver_registers(const struct shadow *shadow)
{
	bool rcs = shadow->engine == GPU_RCS0;

	if (shadow->vgpu->gvt->platform == GPU_BDW)
		return rcs ? gen8_rcs : gen8_xcs;
	return rcs ? gen9_rcs : gen9_xcs;
}

/* ---- the window ---- */

static uint32_t window_page(enum gpu_engine_id engine, unsigned int place)
{
	return (engine * SHADOW_PLACES + place) * SHADOW_PLACE_PAGES;
}

void shadow_init_window(struct gvt *gvt)
{
	unsigned int e, place, i;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		for (place = 0; place < SHADOW_PLACES; place++) {
			uint32_t page = window_page(e, place);

			for (i = page + 1; i < page + shadow_pages(gvt, e); i++)
				gpu_ggtt_write(gvt->gpu, GVT_SHADOW_GGTT_INDEX + i,
					       (WINDOW_ADDR + i * GPU_PAGE_SIZE) |
					       GPU_PTE_PRESENT | GPU_PTE_WRITE);
		}
	}
}

void *shadow_window_page(struct gvt *gvt, uint64_t addr)
{
	uint32_t page = (addr - WINDOW_ADDR) >> GPU_PAGE_SHIFT, i = page % SHADOW_PLACE_PAGES;
	unsigned int engine = page / SHADOW_PLACE_PAGES / SHADOW_PLACES;
	uint8_t *image;

	if (addr < WINDOW_ADDR || page >= SHADOW_WINDOW_PAGES || !i ||
	    i >= shadow_pages(gvt, engine))
		return NULL;
	image = atomic_load(&gvt->engine[engine].window[page / SHADOW_PLACE_PAGES % SHADOW_PLACES]);
	return image ? image + (i - 1) * GPU_PAGE_SIZE : NULL;
}

/* The status page is the one page in the window that is the guest's; @pte: its entry. */
static void show_status_page(struct shadow *shadow, uint64_t pte)
{
	struct gvt *gvt = shadow->vgpu->gvt;

	if (pte & GPU_PTE_PRESENT)
		pte = (pte & ~GPU_DOMAIN_MASK) | (uint64_t)shadow->vgpu->id << GPU_DOMAIN_SHIFT;
	else
		pte = 0;
	gpu_ggtt_write(gvt->gpu,
		       GVT_SHADOW_GGTT_INDEX + window_page(shadow->engine, shadow->place), pte);
}

uint32_t shadow_lrca(const struct shadow *shadow)
{
	return GVT_SHADOW_GGTT +
	       (window_page(shadow->engine, shadow->place) << GPU_PAGE_SHIFT);
}

void shadow_reveal(struct shadow *shadow)
{
	struct gvt_engine *ge = &shadow->vgpu->gvt->engine[shadow->engine];

	ge->place = shadow->place;
	atomic_store(&ge->window[ge->place], shadow->image);
	show_status_page(shadow, ggtt_entry(shadow->vgpu, shadow->lrca));
	shadow->visible = true;
}

void shadow_show(struct shadow *shadow)
{
	struct gvt_engine *ge = &shadow->vgpu->gvt->engine[shadow->engine];

	shadow->running = true;
	shadow->place = (ge->place + 1) % SHADOW_PLACES;
	shadow_reveal(shadow);
}

void shadow_hide(struct shadow *shadow)
{
	if (!shadow->visible)
		return;
	show_status_page(shadow, 0);
	atomic_store(&shadow->vgpu->gvt->engine[shadow->engine].window[shadow->place], NULL);
	shadow->visible = false;
}

/* ---- their life ---- */

static uint32_t image_size(const struct shadow *shadow)
{
	return (shadow->pages - 1) * GPU_PAGE_SIZE;
}

/* What it takes of MAX_KEPT; with the smallest images, most of it is not the image. */
static size_t cost(const struct shadow *shadow)
{
	return sizeof(*shadow) + image_size(shadow);
}

static struct shadow *new_shadow(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t lrca)
{
	struct shadow *shadow = g_new0(struct shadow, 1);

	shadow->vgpu = vgpu;
	shadow->engine = engine;
	shadow->lrca = lrca;
	shadow->pages = shadow_pages(vgpu->gvt, engine);
	shadow->image = g_malloc0(image_size(shadow));
	return shadow;
}

static void free_shadow(struct shadow *shadow)
{
	g_free(shadow->image);
	g_free(shadow);
}

static void keep(struct context *ctx, struct shadow *shadow)
{
	struct vgpu *vgpu = shadow->vgpu;
	struct shadow **first = &vgpu->engine[shadow->engine].kept;

	if (vgpu->shadow_bytes + cost(shadow) > MAX_KEPT)
		return;
	vgpu->shadow_bytes += cost(shadow);
	shadow->context = ctx;
	ctx->shadow = shadow;
	shadow->next = *first;
	if (shadow->next)
		shadow->next->link = &shadow->next;
	shadow->link = first;
	*first = shadow;
}

void shadow_release(struct shadow *shadow)
{
	shadow->vgpu->shadow_bytes -= cost(shadow);
	*shadow->link = shadow->next;
	if (shadow->next)
		shadow->next->link = shadow->link;
	shadow->context->shadow = NULL;
	shadow->context = NULL;
	if (!shadow->running)
		free_shadow(shadow);
}

void shadow_discard(struct shadow *shadow, const char *why)
{
	if (!shadow->lost)
		shadow->lost = why;
	shadow->valid = false;
}

void shadow_forget(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	if (engine->last)
		free_shadow(engine->last);
	engine->last = NULL;
}

static bool covers(const struct shadow *shadow, uint32_t page)
{
	return shadow && page - (shadow->lrca >> GPU_PAGE_SHIFT) < shadow->pages;
}

void shadow_ggtt_changed(struct vgpu *vgpu, uint32_t page)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++) {
		struct shadow *running = vgpu->engine[e].shadow;

		if (covers(vgpu->engine[e].last, page))
			shadow_forget(vgpu, e);
		if (!covers(running, page))
			continue;
		shadow_discard(running, "its GGTT entries changed while it ran");
		if (running->visible && page == running->lrca >> GPU_PAGE_SHIFT)
			show_status_page(running, ggtt_entry(vgpu, running->lrca));
	}
}

/* ---- schedule-in ---- */

/* The guest's memory behind page @n of the image, as the entries were looked up. */
static void *guest_page(const struct shadow *shadow, unsigned int n, bool write)
{
	struct vgpu *vgpu = shadow->vgpu;

	return vgpu->gvt->ops->page(vgpu->opaque, shadow->pte[n] & GPU_ADDR_MASK, write);
}

static bool look_up_entries(struct shadow *shadow, const char **why)
{
	unsigned int i;

	for (i = 0; i < shadow->pages; i++) {
		uint64_t pte = ggtt_entry(shadow->vgpu, shadow->lrca + i * GPU_PAGE_SIZE);

		if (!(pte & GPU_PTE_PRESENT)) {
			*why = "a page of the context is not mapped";
			return false;
		}
		if (pte != shadow->pte[i])
			shadow->valid = false;
		shadow->pte[i] = pte;
	}
	shadow->lost = NULL;
	return true;
}

/* Each dword once: what is checked is what is used. */
static unsigned int read_registers(const struct span *span, const uint32_t *page, uint32_t *regs)
{
	unsigned int i, n = 0;

	for (; span->count; span++) {
		for (i = span->first; i < span->first + span->count; i++)
			regs[i] = __atomic_load_n(&page[i], __ATOMIC_RELAXED);
		n += span->count;
	}
	return n;
}

static bool check_registers(const struct vgpu *vgpu, const uint32_t *regs, const char **why)
{
	const struct vgpu_partition *part = &vgpu->part;
	uint32_t start = regs[CTX_RING_START], batch = regs[CTX_BB_PER_CTX_PTR];
	uint32_t indirect = regs[CTX_INDIRECT_CTX];

	if (start % GPU_PAGE_SIZE ||
	    !partition_has_range(part, start, (regs[CTX_RING_CTL] & 0x1ff000) + GPU_PAGE_SIZE))
		*why = "the ring lies outside the partition";
	else if (batch & 1 && !partition_has_range(part, batch & ~0xfffu, GPU_PAGE_SIZE))
		*why = "the per-context batch lies outside the partition";
	else if (indirect & 0x3f &&
		 !partition_has_range(part, indirect & ~0x3fu, (indirect & 0x3f) * 64))
		*why = "the indirect context batch lies outside the partition";
	else
		return true;
	return false;
}

static bool copy_state(struct shadow *shadow, const char **why)
{
	unsigned int i;

	for (i = 2; i < shadow->pages; i++) {
		const void *from = guest_page(shadow, i, false);

		if (!from) {
			*why = "the context is not in memory";
			return false;
		}
		memcpy(shadow->image + (i - 1) * GPU_PAGE_SIZE, from, GPU_PAGE_SIZE);
	}
	return true;
}

static bool fill(struct shadow *shadow, const char **why)
{
	struct stats *stats = shadow->vgpu->stats;
	uint32_t regs[PAGE_DWORDS];
	const uint32_t *page;
	unsigned int n;
	bool known;

	if (!look_up_entries(shadow, why))
		return false;
	page = guest_page(shadow, 1, false);
	if (!page) {
		*why = "the context is not in memory";
		return false;
	}
	/*
	 * The guest of a context that was pinned keeps to what a driver changes; one that told
	 * nothing promised nothing. GVT-g reads all registers again, too.
	 */
	known = shadow->valid && shadow->context;
	memcpy(regs, shadow->image, sizeof(regs));
	n = read_registers(known ? driver_registers(shadow) : whole_page, page, regs);
	if (!check_registers(shadow->vgpu, regs, why))
		return false;
	if (shadow->valid) {
		stats_count(stats, STATS_SHADOW_HIT);
		stats_add(stats, STATS_SHADOW_DWORDS_IN, n);
	} else {
		if (!copy_state(shadow, why))
			return false;
		stats_count(stats, STATS_SHADOW_MISS);
		stats_add(stats, STATS_SHADOW_BYTES_IN, image_size(shadow));
	}
	memcpy(shadow->image, regs, sizeof(regs));
	memcpy(shadow->given, regs, sizeof(regs));
	shadow->valid = true;
	return true;
}

/** shadow_get - see shadow.h */
struct shadow *shadow_get(struct vgpu *vgpu, enum gpu_engine_id e, uint64_t desc, const char **why)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint32_t lrca = desc & DESC_LRCA;
	struct context *ctx = context_find(vgpu, e, lrca);
	struct shadow *shadow = ctx ? ctx->shadow : NULL;

	/* While another context runs, the guest may rewrite an image that it never told of. */
	if (engine->last && (ctx || engine->last->lrca != lrca))
		shadow_forget(vgpu, e);
	if (!partition_has_range(&vgpu->part, lrca,
				 (uint64_t)shadow_pages(vgpu->gvt, e) * GPU_PAGE_SIZE)) {
		*why = "the context lies outside the partition";
		return NULL;
	}
	if (!shadow) {
		shadow = engine->last ? engine->last : new_shadow(vgpu, e, lrca);
		engine->last = NULL;
		if (ctx)
			keep(ctx, shadow);
	}
	if (fill(shadow, why))
		return shadow;
	shadow->valid = false;
	if (!shadow->context)
		free_shadow(shadow);
	return NULL;
}

bool shadow_renew_tail(struct shadow *shadow)
{
	const uint32_t *page = guest_page(shadow, 1, false);
	uint32_t tail;

	if (!page)
		return false;
	tail = __atomic_load_n(&page[CTX_RING_TAIL], __ATOMIC_ACQUIRE);
	stats_add(shadow->vgpu->stats, STATS_SHADOW_DWORDS_IN, 1);
	__atomic_store_n((uint32_t *)shadow->image + CTX_RING_TAIL, tail, __ATOMIC_RELEASE);
	return true;
}

/* ---- written back ---- */

/*
 * Only what the engine changed: another context, or the driver, may have written a register that
 * the engine left as it was. RING_TAIL is the driver's alone.
 */
static unsigned int write_registers(const struct shadow *shadow, uint32_t *page)
{
	const uint32_t *now = (const uint32_t *)shadow->image;
	unsigned int i, n = 0;

	for (i = 0; i < PAGE_DWORDS; i++) {
		if (now[i] == shadow->given[i] || i == CTX_RING_TAIL)
			continue;
		__atomic_store_n(&page[i], now[i], __ATOMIC_RELAXED);
		n++;
	}
	return n;
}

static void write_back(struct shadow *shadow)
{
	struct stats *stats = shadow->vgpu->stats;
	unsigned int i;
	uint8_t *to;

	for (i = 1; i < shadow->pages; i++) {
		to = guest_page(shadow, i, true);
		if (!to) {
			shadow->valid = false;
			continue;
		}
		if (i == 1) {
			stats_add(stats, STATS_SHADOW_BYTES_OUT,
				  4 * write_registers(shadow, (uint32_t *)to));
			continue;
		}
		memcpy(to, shadow->image + (i - 1) * GPU_PAGE_SIZE, GPU_PAGE_SIZE);
		stats_add(stats, STATS_SHADOW_BYTES_OUT, GPU_PAGE_SIZE);
	}
}

/** shadow_put - see shadow.h */
void shadow_put(struct shadow *shadow)
{
	struct vgpu *vgpu = shadow->vgpu;

	shadow_hide(shadow);
	shadow->running = false;
	if (shadow->lost)
		vgpu_log(vgpu, GPU_LOG_DEBUG, "%s: context 0x%08x: %s: not saved",
			 gpu_engine_name(shadow->engine), shadow->lrca, shadow->lost);
	else
		write_back(shadow);
	if (shadow->context)
		return;
	shadow_forget(vgpu, shadow->engine);
	if (shadow->lost)
		free_shadow(shadow);
	else
		vgpu->engine[shadow->engine].last = shadow;
}
