// SPDX-License-Identifier: MIT
/*
 * What unchecked-drm-mm-reserve-node.cocci must not complain about. This is never compiled.
 */

static int checked(struct drm_mm *mm, struct drm_mm_node *node)
{
	int ret;

	ret = drm_mm_reserve_node(mm, node);
	if (ret)
		return ret;

	return 0;
}

static int passed_on(struct drm_mm *mm, struct drm_mm_node *node)
{
	return drm_mm_reserve_node(mm, node);
}

static bool tested_at_once(struct drm_mm *mm, struct drm_mm_node *node)
{
	if (drm_mm_reserve_node(mm, node))
		return false;

	return true;
}

static int checked_in_a_loop(struct drm_mm *mm, struct drm_mm_node *node, int n)
{
	int ret = 0;
	int i;

	for (i = 0; i < n; i++) {
		ret = drm_mm_reserve_node(mm, &node[i]);
		if (ret)
			break;
	}

	return ret;
}
