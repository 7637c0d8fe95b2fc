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
