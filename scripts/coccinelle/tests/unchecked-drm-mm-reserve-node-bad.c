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

static int never_looked_at_from_the_start(struct drm_mm *mm, struct drm_mm_node *node)
{
	int ret = drm_mm_reserve_node(mm, node); /* BAD */

	return 0;
}

static int on_one_way_only(struct drm_mm *mm, struct drm_mm_node *node, bool verbose)
{
	int ret;

	ret = drm_mm_reserve_node(mm, node); /* BAD */
	if (!verbose)
		return 0;

	pr_err("%d\n", ret);
	return ret;
}

static int on_a_condition(struct drm_mm *mm, struct drm_mm_node *node, bool wanted)
{
	int ret = 0;

	if (wanted)
		ret = drm_mm_reserve_node(mm, node); /* BAD */

	return 0;
}

static int or_nothing(struct drm_mm *mm, struct drm_mm_node *node, bool wanted)
{
	int ret;

	ret = wanted ? drm_mm_reserve_node(mm, node) : 0; /* BAD */
	return 0;
}

static int in_a_loop(struct drm_mm *mm, struct drm_mm_node *node, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		int ret = drm_mm_reserve_node(mm, &node[i]); /* BAD */
	}

	return 0;
}

static int the_last_of_a_loop_counts(struct drm_mm *mm, struct drm_mm_node *node, int n)
{
	int ret = 0;
	int i;

	for (i = 0; i < n; i++)
		ret = drm_mm_reserve_node(mm, &node[i]); /* BAD */

	return ret;
}

static void kept_for_nobody(struct drm_mm *mm, struct drm_mm_node *node, struct outcome *outcome)
{
	outcome->err = drm_mm_reserve_node(mm, node); /* BAD */
}
