// SPDX-License-Identifier: MIT
/*
 * What mmu-interval-read-retry-unlocked.cocci must not complain about. This is never compiled.
 */

static int confirms_what_another_function_found(struct mirror *mirror, struct batch *batch)
{
	down_read(&mirror->lock);
	if (mmu_interval_read_retry(batch->notifier, batch->seq)) {
		up_read(&mirror->lock);
		return -EBUSY;
	}
	write_ptes(mirror, batch);
	up_read(&mirror->lock);
	return 0;
}

static bool called_with_the_lock(struct mirror *mirror, struct batch *batch)
{
	lockdep_assert_held(&mirror->lock);

	return mmu_interval_read_retry(batch->notifier, batch->seq);
}

static int no_use_to_go_on(struct batch *batch)
{
	if (mmu_interval_read_retry(batch->notifier, batch->seq))
		return -EAGAIN;

	return prepare(batch);
}
