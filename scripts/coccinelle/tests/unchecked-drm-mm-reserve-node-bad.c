// SPDX-License-Identifier: MIT
/*
 * What unchecked-drm-mm-reserve-node.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static void ignored(struct drm_mm *mm, struct drm_mm_node *node)
{
	drm_mm_reserve_node(mm, node); /* BAD */
}

static void ignored_on_purpose(struct drm_mm *mm, struct drm_mm_node *node)
{
	(void)drm_mm_reserve_node(mm, node); /* BAD */
}

static int overwritten(struct drm_mm *mm, struct drm_mm_node *a, struct drm_mm_node *b)
{
	int ret;

	ret = drm_mm_reserve_node(mm, a); /* BAD */
	ret = drm_mm_reserve_node(mm, b);
	return ret;
}

static int never_looked_at(struct drm_mm *mm, struct drm_mm_node *node)
{
	int ret;

	ret = drm_mm_reserve_node(mm, node); /* BAD */
	return 0;
}
