// SPDX-License-Identifier: MIT
/*
 * debugfs: what is bound, what is valid of it, and what it cost so far.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>

#include "i915_svm.h"
#include "i915_svm_internal.h"

/* Ranges, and chunks of memory, as they are now */
struct svm_account {
	unsigned long memory;
	unsigned long objects;
	unsigned long valid;
	unsigned long invalid;
};

static void show_stats(struct seq_file *m, const struct i915_svm_stats *stats)
{
	const struct {
		const char *name;
		const atomic64_t *value;
	} rows[] = {
		{ "binds", &stats->binds },
		{ "unbinds", &stats->unbinds },
		{ "invalidations", &stats->invalidations },
		{ "untouched", &stats->untouched },
		{ "pages", &stats->mapped },
		{ "revalidated", &stats->revalidated },
		{ "zapped", &stats->zapped },
		{ "tlb", &stats->tlb_flushes },
		{ "waits", &stats->waits },
		{ "bans", &stats->bans },
		{ "skips", &stats->skips },
		{ "retries", &stats->retries },
		{ "faults", &stats->faults },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		seq_printf(m, "%s: %lld\n", rows[i].name, (s64)atomic64_read(rows[i].value));
}

static void account(struct svm_account *sum, const struct i915_svm_range *range)
{
	unsigned int invalid;

	if (range->vma) {
		sum->objects++;
		return;
	}

	/* A bind or a revalidation may be under way: a glance is enough */
	invalid = data_race(bitmap_weight(range->invalid, range->count));
	sum->memory++;
	sum->invalid += invalid;
	sum->valid += range->count - invalid;
}

/* The lock that is never held for long: a bind or an invalidation may be waiting for the GPU */
static void account_vm(struct svm_account *sum, struct i915_svm *svm)
{
	struct rb_node *rb;

	down_read(&svm->notifier_lock);
	for (rb = rb_first(&svm->ranges); rb; rb = rb_next(rb))
		account(sum, rb_entry(rb, struct i915_svm_range, rb));
	up_read(&svm->notifier_lock);
}

static int svm_show(struct seq_file *m, void *unused)
{
	struct drm_i915_private *i915 = m->private;
	struct i915_svm *svm;
	struct svm_account sum = {};
	unsigned int vms = 0;

	seq_printf(m, "supported: %s\n", str_yes_no(i915_svm_supported(i915)));
	show_stats(m, &i915->svm.stats);

	mutex_lock(&i915->svm.lock);
	list_for_each_entry(svm, &i915->svm.list, link) {
		vms++;
		account_vm(&sum, svm);
	}
	mutex_unlock(&i915->svm.lock);

	seq_printf(m, "vms: %u\n", vms);
	seq_printf(m, "ranges: %lu\n", sum.memory);
	seq_printf(m, "objects: %lu\n", sum.objects);
	seq_printf(m, "valid: %lu\n", sum.valid);
	seq_printf(m, "invalid: %lu\n", sum.invalid);

	return 0;
}

DEFINE_SHOW_ATTRIBUTE(svm);

static void show_range(struct seq_file *m, const struct i915_svm_range *range)
{
	struct svm_account sum = {};
	unsigned int page_sizes;

	seq_printf(m, "  0x%012llx-0x%012llx ", range->start, range->start + range->length);
	if (range->vma) {
		seq_puts(m, "object\n");
		return;
	}

	account(&sum, range);
	/* The same: a bind may be adding to it */
	page_sizes = data_race(range->page_sizes);
	seq_printf(m, "memory %s, chunks valid %lu, chunks invalid %lu, ptes%s%s%s\n",
		   range->readonly ? "ro" : "rw", sum.valid, sum.invalid,
		   page_sizes & I915_GTT_PAGE_SIZE_4K ? " 4K" : "",
		   page_sizes & I915_GTT_PAGE_SIZE_64K ? " 64K" : "",
		   page_sizes & I915_GTT_PAGE_SIZE_2M ? " 2M" : "");
}

static int svm_ranges_show(struct seq_file *m, void *unused)
{
	struct drm_i915_private *i915 = m->private;
	struct i915_svm *svm;
	struct rb_node *rb;

	mutex_lock(&i915->svm.lock);
	list_for_each_entry(svm, &i915->svm.list, link) {
		seq_printf(m, "vm %p\n", svm->vm);
		down_read(&svm->notifier_lock);
		for (rb = rb_first(&svm->ranges); rb; rb = rb_next(rb))
			show_range(m, rb_entry(rb, struct i915_svm_range, rb));
		up_read(&svm->notifier_lock);
	}
	mutex_unlock(&i915->svm.lock);

	return 0;
}

DEFINE_SHOW_ATTRIBUTE(svm_ranges);

/**
 * i915_svm_debugfs_register - create the debugfs files i915_svm and i915_svm_ranges
 * @i915: the device
 */
void i915_svm_debugfs_register(struct drm_i915_private *i915)
{
	struct dentry *root = i915->drm.primary->debugfs_root;

	debugfs_create_file("i915_svm", 0444, root, i915, &svm_fops);
	debugfs_create_file("i915_svm_ranges", 0444, root, i915, &svm_ranges_fops);
}
