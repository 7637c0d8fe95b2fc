// SPDX-License-Identifier: MIT
/*
 * What hmm-range-fault-unconfirmed.cocci must not complain about. This is never compiled.
 */

static int all_in_one(struct mirror *mirror, struct hmm_range *range)
{
	int ret;

again:
	range->notifier_seq = mmu_interval_read_begin(range->notifier);
	mmap_read_lock(mirror->mm);
	ret = hmm_range_fault(range);
	mmap_read_unlock(mirror->mm);
	if (ret) {
		if (ret == -EBUSY)
			goto again;
		return ret;
	}

	mutex_lock(&mirror->mutex);
	if (mmu_interval_read_retry(range->notifier, range->notifier_seq)) {
		mutex_unlock(&mirror->mutex);
		goto again;
	}
	write_ptes(mirror, range);
	mutex_unlock(&mirror->mutex);
	return 0;
}

static int looks_twice(struct batch *batch)
{
	struct hmm_range hmm = { .notifier = batch->notifier };
	int ret;

	batch->seq = mmu_interval_read_begin(batch->notifier);
	hmm.notifier_seq = batch->seq;
	ret = hmm_range_fault(&hmm);
	if (!ret && !complete(&hmm)) {
		hmm.default_flags = HMM_PFN_REQ_FAULT;
		ret = hmm_range_fault(&hmm);
	}

	return ret;
}

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
