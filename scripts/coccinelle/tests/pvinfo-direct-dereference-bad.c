// SPDX-License-Identifier: MIT
/*
 * What pvinfo-direct-dereference.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static u32 through_a_pointer(void __iomem *mmio)
{
	struct vgt_if __iomem *page = mmio + VGT_PVINFO_PAGE;

	return page->vgt_caps; /* BAD */
}

static void write_through_a_parameter(struct vgt_if *page)
{
	page->g2v_notify = VGT_G2V_PPGTT_L4_PAGE_TABLE_CREATE; /* BAD */
}

static u32 nested_member(struct vgt_if *page)
{
	return page->avail_rs.fence_num; /* BAD */
}

static u64 through_a_cast(void *mmio)
{
	return ((struct vgt_if *)(mmio + VGT_PVINFO_PAGE))->magic; /* BAD */
}

static u64 through_a_cast_with_an_address_space(void __iomem *mmio)
{
	return ((struct vgt_if __iomem *)mmio)->magic; /* BAD */
}

static u64 address_of_a_member_as_an_address(void __iomem *mmio)
{
	struct vgt_if __iomem *page = mmio;

	return readq(&page->magic); /* BAD */
}

static u32 copied_as_a_whole(void __iomem *mmio)
{
	struct vgt_if copy;

	memcpy_fromio(&copy, mmio + VGT_PVINFO_PAGE, sizeof(copy));
	return copy.vgt_id; /* BAD */
}

static void dereferenced_as_a_whole(struct vgt_if *page, struct vgt_if *copy)
{
	*copy = *page; /* BAD */
}

static u32 with_the_device_awake(struct drm_i915_private *i915, struct vgt_if *page)
{
	intel_wakeref_t wakeref;
	u32 id = 0;

	with_intel_runtime_pm(&i915->runtime_pm, wakeref)
		id = page->vgt_id; /* BAD */

	return id;
}

static u32 with_the_gt_awake(struct intel_gt *gt, struct vgt_if *page)
{
	intel_wakeref_t wakeref;

	if (!page)
		return 0;

	with_intel_gt_pm(gt, wakeref) {
		return page->vgt_id; /* BAD */
	}

	return 0;
}

static void if_the_device_is_awake(struct drm_i915_private *i915, struct vgt_if *page)
{
	intel_wakeref_t wakeref;

	with_intel_runtime_pm_if_active(&i915->runtime_pm, wakeref)
		page->g2v_notify = 0; /* BAD */
}
