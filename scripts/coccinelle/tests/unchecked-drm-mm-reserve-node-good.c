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

static int checked_from_the_start(struct drm_mm *mm, struct drm_mm_node *node)
{
	int ret = drm_mm_reserve_node(mm, node);

	return ret;
}

static int on_a_condition(struct drm_mm *mm, struct drm_mm_node *node, bool wanted)
{
	int ret = 0;

	if (wanted)
		ret = drm_mm_reserve_node(mm, node);

	return ret;
}

static int until_it_fails(struct drm_mm *mm, struct drm_mm_node *node, int n)
{
	int ret = 0;
	int i;

	for (i = 0; i < n && !ret; i++)
		ret = drm_mm_reserve_node(mm, &node[i]);

	return ret;
}

static int again_as_long_as_it_is_worth_it(struct drm_mm *mm, struct drm_mm_node *node, int tries)
{
	int ret;

	do {
		ret = drm_mm_reserve_node(mm, node);
	} while (ret == -EAGAIN && tries--);

	return ret;
}

static void kept_for_another_function(struct drm_mm *mm, struct drm_mm_node *node, struct outcome *outcome)
{
	outcome->err = drm_mm_reserve_node(mm, node);
}

static int looks_at_it(const struct outcome *outcome)
{
	return outcome->err;
}
