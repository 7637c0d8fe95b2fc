// SPDX-License-Identifier: MIT
/*
 * What pvinfo-direct-dereference.cocci must not complain about. This is never compiled.
 */

static u32 through_the_uncore(struct intel_uncore *uncore)
{
	return intel_uncore_read(uncore, vgtif_reg(vgt_caps));
}

static u64 before_there_is_an_uncore(void __iomem *page)
{
	return readq(page + vgtif_offset(magic));
}

static u32 offsets_are_what_the_struct_is_for(void)
{
	return offsetof(struct vgt_if, g2v_notify) + sizeof(struct vgt_if);
}

static u32 another_struct_with_the_same_members(struct vgpu_pvinfo *pvinfo)
{
	return pvinfo->magic ? pvinfo->vgt_caps : 0;
}
