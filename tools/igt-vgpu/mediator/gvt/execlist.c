// SPDX-License-Identifier: MIT
/*
 * A vGPU's execution lists: its submission ports, its context status buffers, and what is submitted
 * for it.
 *
 * Called by the register policy, the scheduler and hw.c. Guest contexts are submitted as they are,
 * so all that can be checked before is checked in execlist_translate(): the one place to change
 * when shadow contexts come.
 */
#include <string.h>

#include "gvt_types.h"

#define QUEUE_FULL		(1u << 2)	/* RING_EXECLIST_STATUS */

/*
 * In the status page (i915 gt/intel_engine.h: I915_HWS_CSB_BUF0_INDEX, INTEL_HWS_CSB_WRITE_INDEX).
 */
#define HWSP_CSB		0x40u
#define HWSP_CSB_WRITE		0x7cu

/* Context descriptor (i915 gt/intel_lrc_reg.h). */
#define DESC_VALID		(1ull << 0)
#define DESC_PRIVILEGE		(1ull << 8)
#define DESC_LRCA		0xfffff000ull

/*
 * Dwords of the register page of a context image (i915 gt/intel_lrc_reg.h; page 1, after the
 * context's status page).
 */
#define CTX_RING_START		0x09
#define CTX_RING_CTL		0x0b
#define CTX_BB_PER_CTX_PTR	0x19
#define CTX_INDIRECT_CTX	0x1b

/* Pages of a context image (i915 gt/intel_engine_cs.c, intel_engine_context_size()). */
static unsigned int context_pages(const struct gvt *gvt, enum gpu_engine_id engine)
{
	if (engine != GPU_RCS0)
		return 2;
	return gvt->platform == GPU_BDW ? 20 : 22;
}

static uint32_t image_get(const void *page, unsigned int dword)
{
	uint32_t value;

	/* The guest may be writing it: read once. */
	__atomic_load((const uint32_t *)page + dword, &value, __ATOMIC_RELAXED);
	return value;
}

static bool check_image(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t lrca,
			const char **why)
{
	unsigned int i, pages = context_pages(vgpu->gvt, engine);
	uint32_t start, ctl, batch;
	void *page;

	if (!partition_has_range(&vgpu->part, lrca, (uint64_t)pages * GPU_PAGE_SIZE)) {
		*why = "the context lies outside the partition";
		return false;
	}
	for (i = 0; i < pages; i++) {
		if (ggtt_entry(vgpu, lrca + i * GPU_PAGE_SIZE) & GPU_PTE_PRESENT)
			continue;
		*why = "a page of the context is not mapped";
		return false;
	}
	page = ggtt_page(vgpu, lrca + GPU_PAGE_SIZE, false);
	if (!page) {
		*why = "the context is not in memory";
		return false;
	}
	start = image_get(page, CTX_RING_START);
	ctl = image_get(page, CTX_RING_CTL);
	if (start % GPU_PAGE_SIZE ||
	    !partition_has_range(&vgpu->part, start, (ctl & 0x1ff000) + GPU_PAGE_SIZE)) {
		*why = "the ring lies outside the partition";
		return false;
	}
	batch = image_get(page, CTX_BB_PER_CTX_PTR);
	if (batch & 1 && !partition_has_range(&vgpu->part, batch & ~0xfffu, GPU_PAGE_SIZE)) {
		*why = "the per-context batch lies outside the partition";
		return false;
	}
	batch = image_get(page, CTX_INDIRECT_CTX);
	if (batch & 0x3f &&
	    !partition_has_range(&vgpu->part, batch & ~0x3fu, (batch & 0x3f) * 64)) {
		*why = "the indirect context batch lies outside the partition";
		return false;
	}
	return true;
}

/**
 * execlist_translate - what the GPU is given for a guest's submission
 * @vgpu: whose
 * @engine: for which engine
 * @guest: its two descriptors; the second may be empty
 * @hw: what to submit
 * @why: the reason of a refusal
 */
bool execlist_translate(struct vgpu *vgpu, enum gpu_engine_id engine, const uint64_t guest[2],
			uint64_t hw[2], const char **why)
{
	unsigned int i;

	hw[0] = hw[1] = 0;
	if (!(guest[0] & DESC_VALID)) {
		*why = "the first element is empty";
		return false;
	}
	for (i = 0; i < 2; i++) {
		if (!(guest[i] & DESC_VALID))
			continue;
		if (!(guest[i] & DESC_PRIVILEGE)) {
			*why = "a context without a PPGTT";
			return false;
		}
		if (!check_image(vgpu, engine, guest[i] & DESC_LRCA, why))
			return false;
		hw[i] = guest[i];
	}
	return true;
}

/**
 * execlist_elsp_write - one of the four dwords of a submission: element 1 first, its high half
 * first
 */
void execlist_elsp_write(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t value)
{
	struct vgpu_engine *engine = &vgpu->engine[e];
	uint64_t desc[2];

	engine->elsp[engine->elsp_count++] = value;
	if (engine->elsp_count < 4)
		return;
	engine->elsp_count = 0;
	if (!(vreg_get(vgpu, hw_engine_base(e) + RING_MODE) & RUN_LIST_ENABLE)) {
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "%s: submission while execution lists are off: ignored",
			 gpu_engine_name(e));
		return;
	}
	stats_count(vgpu->stats, STATS_SUBMISSION_0 + e);
	desc[1] = (uint64_t)engine->elsp[0] << 32 | engine->elsp[1];
	desc[0] = (uint64_t)engine->elsp[2] << 32 | engine->elsp[3];
	sched_submit(vgpu, e, desc);
}

uint32_t execlist_status(struct vgpu *vgpu, enum gpu_engine_id e)
{
	uint32_t status = 0;

	if (sched_owns(vgpu, e) && vgpu->gvt->engine[e].busy)
		status = hw_read(vgpu->gvt, hw_engine_base(e) + RING_EXECLIST_STATUS);
	if (vgpu->engine[e].queued.valid || vgpu->engine[e].hung)
		status |= QUEUE_FULL;
	return status;
}

static void set_pointer(struct vgpu *vgpu, enum gpu_engine_id e, unsigned int pointer)
{
	uint32_t offset = hw_engine_base(e) + RING_CSB_PTR;

	vgpu->engine[e].csb_write = pointer;
	vreg_set(vgpu, offset, (vreg_get(vgpu, offset) & ~7u) | pointer);
}

void execlist_event(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t status, uint32_t id)
{
	unsigned int n = (vgpu->engine[e].csb_write + 1) % VGPU_CSB_ENTRIES;
	uint32_t base = hw_engine_base(e);
	uint64_t entry = (uint64_t)id << 32 | status;
	uint8_t *hwsp = ggtt_page(vgpu, vreg_get(vgpu, base + RING_HWS_PGA), true);

	vreg_set(vgpu, base + RING_CSB + 8 * n, status);
	vreg_set(vgpu, base + RING_CSB + 8 * n + 4, id);
	set_pointer(vgpu, e, n);
	if (!hwsp)
		return;
	/* The guest may look at any time: the entry before the pointer that announces it. */
	__atomic_store_n((uint64_t *)(hwsp + HWSP_CSB + 8 * n), entry, __ATOMIC_RELAXED);
	__atomic_store_n((uint32_t *)(hwsp + HWSP_CSB_WRITE), n, __ATOMIC_RELEASE);
}

/** execlist_pointer_write - a driver sets the pointers after a reset; masked */
void execlist_pointer_write(struct vgpu *vgpu, enum gpu_engine_id e, uint32_t value)
{
	unsigned int pointer;

	value = vreg_write(vgpu, hw_engine_base(e) + RING_CSB_PTR, value);
	pointer = value & 7;
	set_pointer(vgpu, e, pointer < VGPU_CSB_ENTRIES ? pointer : VGPU_CSB_ENTRIES - 1);
}

/** execlist_reset - the engine's reset as seen by this vGPU; the next event is entry 0 */
void execlist_reset(struct vgpu *vgpu, enum gpu_engine_id e)
{
	struct vgpu_engine *engine = &vgpu->engine[e];

	engine->elsp_count = 0;
	engine->queued.valid = false;
	engine->hung = false;
	vreg_set(vgpu, hw_engine_base(e) + RING_CSB_PTR, (VGPU_CSB_ENTRIES - 1) << 8);
	set_pointer(vgpu, e, VGPU_CSB_ENTRIES - 1);
}
