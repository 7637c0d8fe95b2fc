/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_PARTITION_H_
#define _I915_VGPU_PARTITION_H_

#include <linux/sizes.h>
#include <linux/types.h>

/*
 * With less than this of the aperture, the CPU is kept out of it. What is mapped through it, is
 * mapped in chunks of at least one row of tiles: 8 MiB at the largest pitch of a fence, 256 KiB,
 * for a fault on a Y-tiled object. If there is no place for a chunk, vm_fault_gtt() lets the fault
 * be repeated, for ever. The smallest vGPU of GVT-g has 64 MiB.
 */
#define VGPU_MIN_WINDOW SZ_16M

/**
 * struct vgpu_range - a range of global graphics memory
 */
struct vgpu_range {
	/** @start: first byte */
	u64 start;
	/** @end: first byte after it; the range is empty if that is @start */
	u64 end;
};

/**
 * struct vgpu_grant - what the mediator grants, as it was read from the PVINFO page
 */
struct vgpu_grant {
	/** @mappable_base: avail_rs.mappable_gmadr.base, bytes */
	u32 mappable_base;
	/** @mappable_size: avail_rs.mappable_gmadr.size, bytes */
	u32 mappable_size;
	/** @nonmappable_base: avail_rs.nonmappable_gmadr.base, bytes */
	u32 nonmappable_base;
	/** @nonmappable_size: avail_rs.nonmappable_gmadr.size, bytes */
	u32 nonmappable_size;
};

/**
 * enum vgpu_balloon_id - the ranges that may belong to others
 * @VGPU_BALLOON_BELOW_MAPPABLE: from zero to our mappable portion
 * @VGPU_BALLOON_ABOVE_MAPPABLE: from there to the end of the aperture
 * @VGPU_BALLOON_BELOW_NONMAPPABLE: from the end of the aperture to our non-mappable portion
 * @VGPU_BALLOON_ABOVE_NONMAPPABLE: from there to the end of the GGTT
 * @VGPU_NUM_BALLOONS: how many there are
 */
enum vgpu_balloon_id {
	VGPU_BALLOON_BELOW_MAPPABLE,
	VGPU_BALLOON_ABOVE_MAPPABLE,
	VGPU_BALLOON_BELOW_NONMAPPABLE,
	VGPU_BALLOON_ABOVE_NONMAPPABLE,
	VGPU_NUM_BALLOONS,
};

/**
 * struct vgpu_partition - who owns which part of the global graphics memory
 *
 * Together, the six ranges are the whole GGTT; they do not overlap; any of them may be empty, but
 * not both that are ours.
 */
struct vgpu_partition {
	/** @mappable: our portion of the aperture */
	struct vgpu_range mappable;
	/** @nonmappable: our portion above the aperture */
	struct vgpu_range nonmappable;
	/** @balloon: what belongs to others, by &enum vgpu_balloon_id */
	struct vgpu_range balloon[VGPU_NUM_BALLOONS];
};

/**
 * struct vgpu_fault - why a grant is refused; reads "@field is @value, @problem @limit"
 */
struct vgpu_fault {
	/** @field: the offending field of &struct vgpu_grant, or a sum of two */
	const char *field;
	/** @value: its value */
	u64 value;
	/** @problem: what is wrong with it */
	const char *problem;
	/** @limit: what it was compared with */
	u64 limit;
};

int vgpu_partition_init(struct vgpu_partition *partition, const struct vgpu_grant *grant,
			u64 mappable_end, u64 total, u64 mappable_min, struct vgpu_fault *fault);

static inline u64 vgpu_range_size(const struct vgpu_range *range)
{
	return range->end - range->start;
}

#endif /* _I915_VGPU_PARTITION_H_ */
