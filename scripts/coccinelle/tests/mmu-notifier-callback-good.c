// SPDX-License-Identifier: MIT
/*
 * What mmu-notifier-callback.cocci must not complain about. This is never compiled.
 */

static struct work *spare_work(struct mirror *mirror)
{
	return kzalloc(sizeof(struct work), GFP_NOWAIT);
}

static bool invalidate(struct mmu_interval_notifier *notifier, const struct mmu_notifier_range *event,
		       unsigned long seq)
{
	struct mirror *mirror = container_of(notifier, struct mirror, notifier);
	struct work *work = spare_work(mirror);

	mmu_interval_set_seq(notifier, seq);
	queue_work(mirror->wq, work ? &work->base : &mirror->fallback);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = invalidate,
};

static struct mirror *outside_of_the_callback(struct mm_struct *mm, u64 first, u64 length)
{
	struct mirror *mirror = kzalloc(sizeof(*mirror), GFP_KERNEL);
	int ret;

	if (!mirror)
		return ERR_PTR(-ENOMEM);

	ret = mmu_interval_notifier_insert(&mirror->notifier, mm, first, length, &mirror_ops);
	if (ret) {
		kfree(mirror);
		return ERR_PTR(ret);
	}

	return mirror;
}

static int passed_on(struct mirror *mirror)
{
	return mmu_notifier_register(&mirror->whole, mirror->mm);
}

static int tested_at_once(struct mirror *mirror, u64 first, u64 length)
{
	if (mmu_interval_notifier_insert(&mirror->notifier, mirror->mm, first, length, &mirror_ops))
		return -EINTR;

	return 0;
}
