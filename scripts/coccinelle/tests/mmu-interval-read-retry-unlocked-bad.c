// SPDX-License-Identifier: MIT
/*
 * What mmu-interval-read-retry-unlocked.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static bool confirmed_without_a_lock(struct mirror *mirror, struct hmm_range *range)
{
	if (mmu_interval_read_retry(range->notifier, range->notifier_seq)) /* BAD */
		return false;

	down_read(&mirror->lock);
	write_ptes(mirror, range);
	up_read(&mirror->lock);
	return true;
}

static bool confirmed_after_the_lock(struct mirror *mirror, struct hmm_range *range)
{
	mutex_lock(&mirror->mutex);
	write_ptes(mirror, range);
	mutex_unlock(&mirror->mutex);

	return !mmu_interval_read_retry(range->notifier, range->notifier_seq); /* BAD */
}
