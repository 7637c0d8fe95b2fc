// SPDX-License-Identifier: MIT
/*
 * What mmu-notifier-callback.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static struct work *new_work(struct mirror *mirror)
{
	return kzalloc(sizeof(struct work), GFP_KERNEL); /* BAD */
}

static void queue(struct mirror *mirror)
{
	struct work *work = new_work(mirror);

	if (work)
		queue_work(mirror->wq, &work->base);
}

static bool invalidate(struct mmu_interval_notifier *notifier, const struct mmu_notifier_range *event,
		       unsigned long seq)
{
	struct mirror *mirror = container_of(notifier, struct mirror, notifier);
	unsigned long *bits;

	bits = bitmap_zalloc(mirror->pages, GFP_KERNEL | __GFP_NOWARN); /* BAD */
	if (!bits)
		return false;

	mmu_interval_set_seq(notifier, seq);
	queue(mirror);
	bitmap_free(bits);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = invalidate,
};

static int start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct job *job = kmalloc(sizeof(*job), GFP_KERNEL_ACCOUNT); /* BAD */

	return job ? 0 : -ENOMEM;
}

static const struct mmu_notifier_ops whole_ops = {
	.invalidate_range_start = start,
};

static void watch(struct mirror *mirror, u64 first, u64 length)
{
	mmu_interval_notifier_insert(&mirror->notifier, mirror->mm, first, length, &mirror_ops); /* BAD */
}

static void watch_on_purpose(struct mirror *mirror)
{
	(void)mmu_notifier_register(&mirror->whole, mirror->mm); /* BAD */
}

static int watch_and_forget(struct mirror *mirror, u64 first, u64 length)
{
	int ret;

	ret = mmu_interval_notifier_insert(&mirror->notifier, mirror->mm, first, length, &mirror_ops); /* BAD */
	populate(mirror);
	return 0;
}

static int never_looked_at_from_the_start(struct mm_struct *mm, struct mmu_interval_notifier *n)
{
	int ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops); /* BAD */

	return 0;
}

static int on_one_way_only(struct mm_struct *mm, struct mmu_interval_notifier *n, bool verbose)
{
	int ret;

	ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops); /* BAD */
	if (!verbose)
		return 0;

	pr_err("%d\n", ret);
	return ret;
}

static int on_a_condition(struct mm_struct *mm, struct mmu_interval_notifier *n, bool wanted)
{
	int ret = 0;

	if (wanted)
		ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops); /* BAD */

	return 0;
}

static int or_nothing(struct mm_struct *mm, struct mmu_interval_notifier *n, bool wanted)
{
	int ret;

	ret = wanted ? mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops) : 0; /* BAD */
	return 0;
}

static int in_a_loop(struct mm_struct *mm, struct mmu_interval_notifier *n, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		int ret = mmu_interval_notifier_insert(&n[i], mm, i * SZ_2M, SZ_2M, &mirror_ops); /* BAD */
	}

	return 0;
}

static int the_last_of_a_loop_counts(struct mm_struct *mm, struct mmu_interval_notifier *n, int n)
{
	int ret = 0;
	int i;

	for (i = 0; i < n; i++)
		ret = mmu_interval_notifier_insert(&n[i], mm, i * SZ_2M, SZ_2M, &mirror_ops); /* BAD */

	return ret;
}

static void kept_for_nobody(struct mm_struct *mm, struct mmu_interval_notifier *n, struct outcome *outcome)
{
	outcome->err = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops); /* BAD */
}
