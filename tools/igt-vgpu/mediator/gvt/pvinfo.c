// SPDX-License-Identifier: MIT
/*
 * The PVINFO page as a vGPU's guest sees it, version 1.1 or 1.0; the ABI header has the table of
 * fields.
 *
 * Called by BAR 0 dispatch. What GVT-g's host does with an access (i915 gvt/handlers.c) happens
 * here, too: a write to the space at 0x808 puts the guest out of service, other writes to reserved
 * or host-owned fields are dropped and logged.
 */
#include <stddef.h>
#include <string.h>

#include "gvt_types.h"

#define FIELD(name)	((uint32_t)offsetof(struct vgt_if, name))
#define FAILSAFE_FIRST	FIELD(rsv5)
#define FAILSAFE_LAST	(FIELD(g2v_notify) - 4)

/** pvinfo_init - the truth about @vgpu; fields that the guest wrote are reset, an override stays */
void pvinfo_init(struct vgpu *vgpu)
{
	struct vgt_if *page = (struct vgt_if *)vgpu->pvinfo;
	const struct vgpu_partition *part = &vgpu->part;

	memset(vgpu->pvinfo, 0, sizeof(vgpu->pvinfo));
	memset(vgpu->pvinfo_warned, 0, sizeof(vgpu->pvinfo_warned));
	page->magic = VGT_MAGIC;
	page->version_major = VGT_VERSION_MAJOR;
	page->version_minor = vgpu->abi_1_0 ? 0 : VGT_VERSION_MINOR;
	page->vgt_id = vgpu->id;
	page->vgt_caps = VGT_CAPS_FULL_PPGTT | VGT_CAPS_HWSP_EMULATION | VGT_CAPS_HUGE_GTT;
	if (!vgpu->abi_1_0) {
		page->vgt_caps |= VGT_CAPS_CHANNEL;
		page->features_offered = vgpu->features_offered;
	}
	page->avail_rs.mappable_gmadr.base = part->aperture_base;
	page->avail_rs.mappable_gmadr.size = part->aperture_size;
	page->avail_rs.nonmappable_gmadr.base = part->hidden_base;
	page->avail_rs.nonmappable_gmadr.size = part->hidden_size;
	page->avail_rs.fence_num = part->fences;
	page->cursor_x_hot = ~0u;	/* no cursor position was given yet; as GVT-g */
	page->cursor_y_hot = ~0u;
}

/** pvinfo_forget - the guest starts anew: it has not looked at the page and announced nothing */
void pvinfo_forget(struct vgpu *vgpu)
{
	memset(vgpu->ppgtt, 0, sizeof(vgpu->ppgtt));
	vgpu->pvinfo_read = false;
}

/** pvinfo_read - the dword at @offset of the page */
uint32_t pvinfo_read(struct vgpu *vgpu, uint32_t offset)
{
	uint32_t truth, shown, mask;

	vgpu->pvinfo_read = true;
	memcpy(&truth, vgpu->pvinfo + offset, 4);
	memcpy(&shown, vgpu->pvinfo_override + offset, 4);
	memcpy(&mask, vgpu->pvinfo_mask + offset, 4);
	return (truth & ~mask) | (shown & mask);
}

static struct vgpu_ppgtt *ppgtt_find(struct vgpu *vgpu, const uint64_t pdp[4], bool four_level)
{
	unsigned int i;

	for (i = 0; i < VGPU_MAX_PPGTT; i++) {
		struct vgpu_ppgtt *ppgtt = &vgpu->ppgtt[i];

		if (ppgtt->refs && ppgtt->four_level == four_level &&
		    !memcmp(ppgtt->pdp, pdp, sizeof(ppgtt->pdp)))
			return ppgtt;
	}
	return NULL;
}

static bool pdp_is_memory(struct vgpu *vgpu, uint64_t pdp)
{
	return !(pdp & ~GPU_ADDR_MASK) && vgpu->gvt->ops->page(vgpu->opaque, pdp, false);
}

static void ppgtt_create(struct vgpu *vgpu, const uint64_t pdp[4], bool four_level)
{
	struct vgpu_ppgtt *ppgtt = ppgtt_find(vgpu, pdp, four_level);
	unsigned int i;

	for (i = 0; i < (four_level ? 1 : 4); i++) {
		if (pdp_is_memory(vgpu, pdp[i]))
			continue;
		stats_count(vgpu->stats, STATS_VIOLATION_PVINFO);
		vgpu_log(vgpu, GPU_LOG_WARN,
			 "PPGTT announced with pdp[%u] = 0x%llx, which is no page of its memory", i,
			 (unsigned long long)pdp[i]);
		return;
	}
	if (ppgtt) {
		ppgtt->refs++;
		return;
	}
	for (i = 0; i < VGPU_MAX_PPGTT; i++) {
		if (vgpu->ppgtt[i].refs)
			continue;
		vgpu->ppgtt[i] = (struct vgpu_ppgtt){ .four_level = four_level, .refs = 1 };
		memcpy(vgpu->ppgtt[i].pdp, pdp, sizeof(vgpu->ppgtt[i].pdp));
		return;
	}
	vgpu_log(vgpu, GPU_LOG_WARN,
		 "more than %d PPGTTs announced at a time: one more is not kept", VGPU_MAX_PPGTT);
}

static void ppgtt_destroy(struct vgpu *vgpu, const uint64_t pdp[4], bool four_level)
{
	struct vgpu_ppgtt *ppgtt = ppgtt_find(vgpu, pdp, four_level);

	if (ppgtt)
		ppgtt->refs--;
	else
		vgpu_log(vgpu, GPU_LOG_INFO, "PPGTT 0x%llx taken back, which was not announced",
			 (unsigned long long)pdp[0]);
}

/* Notifications since 1.1; false: it is none. The ring was drained before the access. */
static bool notify_channel(struct vgpu *vgpu, uint32_t number)
{
	if (vgpu->abi_1_0)
		return false;
	switch (number) {
	case VGT_G2V_CHANNEL_START:
		channel_start(vgpu);
		return true;
	case VGT_G2V_CHANNEL_STOP:
		channel_end(vgpu, NULL);
		return true;
	case VGT_G2V_CHANNEL_DOORBELL:
		stats_count(vgpu->stats, STATS_CHANNEL_DOORBELL);
		return true;
	default:
		return false;
	}
}

static void notify(struct vgpu *vgpu, uint32_t number)
{
	bool four_level = number == VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE ||
			  number == VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY;
	uint64_t pdp[4];

	memcpy(pdp, vgpu->pvinfo + FIELD(pdp), sizeof(pdp));
	if (four_level)
		pdp[1] = pdp[2] = pdp[3] = 0;	/* stale: only the first one was written */
	switch (number) {
	case VGT_G2V_PPGTT_L3_PAGE_TABLE_CREATE:
	case VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE:
		ppgtt_create(vgpu, pdp, four_level);
		break;
	case VGT_G2V_PPGTT_L3_PAGE_TABLE_DESTROY:
	case VGT_G2V_PPGTT_L4_PAGE_TABLE_DESTROY:
		ppgtt_destroy(vgpu, pdp, four_level);
		break;
	case 1:		/* of guests older than the numbers; GVT-g accepts it as well */
	case VGT_G2V_EXECLIST_CONTEXT_CREATE:
	case VGT_G2V_EXECLIST_CONTEXT_DESTROY:
		break;
	default:
		if (notify_channel(vgpu, number))
			break;
		stats_count(vgpu->stats, STATS_VIOLATION_PVINFO);
		vgpu_log(vgpu, GPU_LOG_WARN, "g2v_notify: %u is not a notification", number);
		break;
	}
}

static void refuse_write(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	stats_count(vgpu->stats, STATS_VIOLATION_PVINFO);
	if (vgpu->pvinfo_warned[offset / 4])
		return;
	vgpu->pvinfo_warned[offset / 4] = 1;
	vgpu_log(vgpu, GPU_LOG_WARN, "PVINFO 0x%03x is not the guest's to write: 0x%x ignored",
		 offset, value);
}

static void write_dword(struct vgpu *vgpu, uint32_t offset, uint32_t value)
{
	bool accepted = offset == FIELD(display_ready) || offset == FIELD(g2v_notify) ||
			offset == FIELD(cursor_x_hot) || offset == FIELD(cursor_y_hot) ||
			(offset >= FIELD(pdp) &&
			 offset < (vgpu->abi_1_0 ? FIELD(features_wanted) : FIELD(rsv7)));

	if (offset >= FAILSAFE_FIRST && offset <= FAILSAFE_LAST) {
		stats_count(vgpu->stats, STATS_VIOLATION_PVINFO);
		vgpu_enter_failsafe(
			vgpu,
			"it says through PVINFO 0x808-0x817 that its resources do not suffice");
		return;
	}
	if (!accepted) {
		refuse_write(vgpu, offset, value);
		return;
	}
	memcpy(vgpu->pvinfo + offset, &value, 4);
	if (offset == FIELD(g2v_notify))
		notify(vgpu, value);
	else if (offset == FIELD(display_ready))
		vgpu_log(vgpu, GPU_LOG_DEBUG, "display %s", value ? "ready" : "not ready");
}

/**
 * pvinfo_write - @offset in the page, @size 1, 2, 4 or 8, aligned; no field is written in parts of
 * a dword
 */
void pvinfo_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value)
{
	stats_count(vgpu->stats, STATS_PVINFO_WRITE);
	if (size < 4) {
		refuse_write(vgpu, offset & ~3u, value);
		return;
	}
	write_dword(vgpu, offset, value);
	if (size == 8)
		write_dword(vgpu, offset + 4, value >> 32);
}

/**
 * vgpu_enter_failsafe - the guest cannot work here: from now on its writes are ignored, until it is
 * reset
 */
void vgpu_enter_failsafe(struct vgpu *vgpu, const char *why)
{
	if (vgpu->failsafe)
		return;
	vgpu->failsafe = true;
	channel_end(vgpu, NULL);
	vgpu_log(vgpu, GPU_LOG_ERROR,
		 "out of service: %s; its writes are ignored until it is reset", why);
}
