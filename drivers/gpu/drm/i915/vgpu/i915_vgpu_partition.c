// SPDX-License-Identifier: MIT
/*
 * From what the mediator grants to who owns what of the global graphics memory.
 *
 * Ballooning calls this with what it read from the PVINFO page, which may be anything at all; the
 * tests call it with worse. There is neither a device nor an allocator in here.
 */

#include <kunit/visibility.h>

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/sizes.h>

#include "i915_vgpu_partition.h"

/* The GGTT maps pages of 4 KiB, whatever the CPU's page size is. */
#define VGPU_GTT_PAGE_SIZE SZ_4K

/*
 * What the driver itself pins at probe takes about 870 KiB on Gen9, of which 512 KiB in one piece
 * are the ring of the migration context; clients come on top. If there is no room, i915_ggtt_pin()
 * takes no refusal and tries for ever. The smallest vGPU of GVT-g has a hundred times as much.
 */
#define VGPU_MIN_SIZE SZ_4M

static int refuse(struct vgpu_fault *fault, int err,
		  const char *field, u64 value, const char *problem, u64 limit)
{
	fault->field = field;
	fault->value = value;
	fault->problem = problem;
	fault->limit = limit;

	return err;
}

static int check_mappable(const struct vgpu_grant *grant, u64 mappable_end,
			  struct vgpu_fault *fault)
{
	u64 end = (u64)grant->mappable_base + grant->mappable_size;

	if (!IS_ALIGNED(grant->mappable_size, VGPU_GTT_PAGE_SIZE))
		return refuse(fault, -EINVAL, "mappable_size", grant->mappable_size,
			      "not a multiple of", VGPU_GTT_PAGE_SIZE);

	if (!IS_ALIGNED(grant->mappable_base, VGPU_GTT_PAGE_SIZE))
		return refuse(fault, -EINVAL, "mappable_base", grant->mappable_base,
			      "not a multiple of", VGPU_GTT_PAGE_SIZE);

	if (end > mappable_end)
		return refuse(fault, -ERANGE, "mappable_base + mappable_size", end,
			      "beyond the end of the aperture at", mappable_end);

	return 0;
}

static int check_nonmappable(const struct vgpu_grant *grant, u64 mappable_end, u64 total,
			     struct vgpu_fault *fault)
{
	u64 end = (u64)grant->nonmappable_base + grant->nonmappable_size;

	if (!IS_ALIGNED(grant->nonmappable_size, VGPU_GTT_PAGE_SIZE))
		return refuse(fault, -EINVAL, "nonmappable_size", grant->nonmappable_size,
			      "not a multiple of", VGPU_GTT_PAGE_SIZE);

	if (!IS_ALIGNED(grant->nonmappable_base, VGPU_GTT_PAGE_SIZE))
		return refuse(fault, -EINVAL, "nonmappable_base", grant->nonmappable_base,
			      "not a multiple of", VGPU_GTT_PAGE_SIZE);

	if (grant->nonmappable_base < mappable_end)
		return refuse(fault, -ERANGE, "nonmappable_base", grant->nonmappable_base,
			      "below the end of the aperture at", mappable_end);

	if (end > total)
		return refuse(fault, -ERANGE, "nonmappable_base + nonmappable_size", end,
			      "beyond the end of the GGTT at", total);

	return 0;
}

/* Divide @whole into what is below, in and above a portion of it. */
static void split(const struct vgpu_range *whole, const struct vgpu_range *portion,
		  struct vgpu_range *below, struct vgpu_range *above)
{
	below->start = whole->start;
	below->end = portion->start;
	above->start = portion->end;
	above->end = whole->end;
}

/**
 * vgpu_partition_init - check what the mediator grants, and derive what belongs to others
 * @partition: the result, written only if the grant is accepted
 * @grant: what was read from the PVINFO page
 * @mappable_end: size of the aperture in bytes, a multiple of the page size
 * @total: size of the GGTT in bytes, a multiple of the page size, not less than @mappable_end
 * @mappable_min: the least of the aperture that the GPU can be driven with in bytes, perhaps zero
 * @fault: why the grant is refused, set only then
 *
 * A portion of size zero does not exist, and its base means nothing. Together the portions must be
 * large enough for what the driver itself cannot do without; the mappable one alone may have to be.
 *
 * Return: zero; -EINVAL if a base or size is not a multiple of the page size; -ERANGE if a portion
 * is not within its half of the GGTT; -ENOSPC if nothing or too little is granted.
 */
int vgpu_partition_init(struct vgpu_partition *partition, const struct vgpu_grant *grant,
			u64 mappable_end, u64 total, u64 mappable_min, struct vgpu_fault *fault)
{
	const struct vgpu_range aperture = { 0, mappable_end };
	const struct vgpu_range rest = { mappable_end, total };
	struct vgpu_partition p;
	u64 size;
	int err;

	/* Without a portion, all of its half is below the end of what is not there. */
	p.mappable.start = mappable_end;
	p.mappable.end = mappable_end;
	p.nonmappable.start = total;
	p.nonmappable.end = total;

	if (grant->mappable_size) {
		err = check_mappable(grant, mappable_end, fault);
		if (err)
			return err;

		p.mappable.start = grant->mappable_base;
		p.mappable.end = (u64)grant->mappable_base + grant->mappable_size;
	}

	if (grant->nonmappable_size) {
		err = check_nonmappable(grant, mappable_end, total, fault);
		if (err)
			return err;

		p.nonmappable.start = grant->nonmappable_base;
		p.nonmappable.end = (u64)grant->nonmappable_base + grant->nonmappable_size;
	}

	size = vgpu_range_size(&p.mappable) + vgpu_range_size(&p.nonmappable);
	if (size < VGPU_MIN_SIZE)
		return refuse(fault, -ENOSPC, "mappable_size + nonmappable_size", size,
			      "less than", VGPU_MIN_SIZE);

	if (grant->mappable_size < mappable_min)
		return refuse(fault, -ENOSPC, "mappable_size", grant->mappable_size,
			      "less than", mappable_min);

	split(&aperture, &p.mappable,
	      &p.balloon[VGPU_BALLOON_BELOW_MAPPABLE], &p.balloon[VGPU_BALLOON_ABOVE_MAPPABLE]);
	split(&rest, &p.nonmappable,
	      &p.balloon[VGPU_BALLOON_BELOW_NONMAPPABLE],
	      &p.balloon[VGPU_BALLOON_ABOVE_NONMAPPABLE]);

	*partition = p;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_partition_init);
