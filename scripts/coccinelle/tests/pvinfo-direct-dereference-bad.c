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
