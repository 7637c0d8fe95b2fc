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

static int checked_from_the_start(struct mm_struct *mm, struct mmu_interval_notifier *n)
{
	int ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops);

	return ret;
}

static int on_a_condition(struct mm_struct *mm, struct mmu_interval_notifier *n, bool wanted)
{
	int ret = 0;

	if (wanted)
		ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops);

	return ret;
}

static int until_it_fails(struct mm_struct *mm, struct mmu_interval_notifier *n, int n)
{
	int ret = 0;
	int i;

	for (i = 0; i < n && !ret; i++)
		ret = mmu_interval_notifier_insert(&n[i], mm, i * SZ_2M, SZ_2M, &mirror_ops);

	return ret;
}

static int again_as_long_as_it_is_worth_it(struct mm_struct *mm, struct mmu_interval_notifier *n, int tries)
{
	int ret;

	do {
		ret = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops);
	} while (ret == -EAGAIN && tries--);

	return ret;
}

static void kept_for_another_function(struct mm_struct *mm, struct mmu_interval_notifier *n, struct outcome *outcome)
{
	outcome->err = mmu_interval_notifier_insert(n, mm, 0, SZ_2M, &mirror_ops);
}

static int looks_at_it(const struct outcome *outcome)
{
	return outcome->err;
}
