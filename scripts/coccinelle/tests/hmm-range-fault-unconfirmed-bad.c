// SPDX-License-Identifier: MIT
/*
 * What hmm-range-fault-unconfirmed.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static int without_a_sequence_number(struct mirror *mirror, struct hmm_range *range)
{
	int ret;

	mmap_read_lock(mirror->mm);
	ret = hmm_range_fault(range); /* BAD */
	mmap_read_unlock(mirror->mm);
	return ret;
}

static int with_one_that_is_taken_too_late(struct mirror *mirror, struct hmm_range *range)
{
	int ret;

	do {
		ret = hmm_range_fault(range); /* BAD */
		range->notifier_seq = mmu_interval_read_begin(range->notifier);
	} while (ret == -EBUSY);

	return ret;
}

static int with_one_that_is_perhaps_taken(struct mirror *mirror, struct hmm_range *range, bool first)
{
	if (first)
		range->notifier_seq = mmu_interval_read_begin(range->notifier);

	return hmm_range_fault(range); /* BAD */
}

static int and_that_is_all(struct hmm_range *range)
{
	range->notifier_seq = mmu_interval_read_begin(range->notifier);

	return hmm_range_fault(range); /* BAD */
}
