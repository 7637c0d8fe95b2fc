// SPDX-License-Identifier: MIT
/*
 * Copyright(c) 2011-2015 Intel Corporation. All rights reserved.
 *
 * Ballooning: reserving the graphics memory that belongs to others.
 *
 * The GGTT's set-up calls intel_vgpu_balloon() before it allocates anything; its teardown calls
 * intel_vgpu_deballoon() after everything is freed, on the way out of a failed probe too. The lower
 * half of the work needs an allocator only, and is what the tests call.
 */

#include <kunit/visibility.h>

#include <linux/export.h>
#include <linux/sizes.h>

#include "i915_drv.h"
#include "i915_gem_gtt.h"
#include "i915_pvinfo.h"
#include "i915_vgpu.h"
#include "i915_vgpu_balloon.h"

/**
 * DOC: vGPU ballooning
 *
 * The mediator divides the global graphics memory among the guests; each gets up to one portion
 * of the aperture, which the CPU can map, and up to one above it. Unlike RAM, it is not
 * remapped: a guest uses the same graphics addresses as the host, in registers as in commands,
 * so that the mediator checks addresses but never translates them. To a guest its GGTT therefore
 * seems to be as large as the hardware's, and it must keep out of what belongs to others. It
 * does that by filling it with balloons: nodes reserved in the GGTT's &struct drm_mm before
 * anything else, up to four of them. ::
 *
 *                           guest's view            host's view
 *                  0 +-------------------+    +-------------------+
 *               ^    |###################|    |       host        |
 *               |    |#### balloon 0 ####|    +-------------------+
 *               |    |###################|    |      vGPU 1       |
 *   mappable:   |    +-------------------+    +-------------------+
 *   aperture,   |    |  ours: mappable   | == |      vGPU 2       |
 *   BAR 2       |    +-------------------+    +-------------------+
 *               |    |###################|    |      vGPU 3       |
 *               |    |#### balloon 1 ####|    +-------------------+
 *               v    |###################|    |       free        |
 *       mappable_end +===================+    +===================+
 *               ^    |###################|    |       host        |
 *               |    |#### balloon 2 ####|    +-------------------+
 *               |    |###################|    |      vGPU 1       |
 *   not         |    +-------------------+    +-------------------+
 *   mappable    |    | ours: nonmappable | == |      vGPU 2       |
 *               |    +-------------------+    +-------------------+
 *               |    |###################|    |      vGPU 3       |
 *               |    |#### balloon 3 ####|    +-------------------+
 *               v    |###################|    |       free        |
 *              total +-------------------+    +-------------------+
 *
 * A balloon is missing where our portion starts or ends with its half. A portion may be missing:
 * then its half is one balloon. What the mediator says is checked before any of it is used, and
 * refused if a portion is not made of pages, not within its half, or if both are too small;
 * the probe then fails, since a guest that ignores the division would use the memory of others.
 *
 * With no mappable portion, or one of less than 16 MiB, the device seems to have no aperture that
 * the CPU could use: there are no GTT maps (%I915_MMAP_OFFSET_GTT is -ENODEV), all other maps are
 * as ever, and what there is of the portion serves the GPU. GPUs without LLC need it for their
 * status pages; they are refused then.
 *
 * The balloons stay for as long as the GGTT exists. Suspend and resume do not touch them.
 */

/**
 * vgpu_balloon_inflate - reserve what belongs to others
 * @balloon: the nodes, none of them allocated
 * @mm: the allocator to keep out
 * @partition: who owns what
 *
 * Nothing is evicted to make room: this is called when nothing is there yet, and if something is,
 * it is in somebody else's memory and the failure is right.
 *
 * Return: zero, or a negative error code; then nothing is reserved.
 */
int vgpu_balloon_inflate(struct vgpu_balloon *balloon, struct drm_mm *mm,
			 const struct vgpu_partition *partition)
{
	int i, err;

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		const struct vgpu_range *range = &partition->balloon[i];
		struct drm_mm_node *node = &balloon->node[i];

		if (!vgpu_range_size(range))
			continue;

		node->start = range->start;
		node->size = vgpu_range_size(range);
		node->color = I915_COLOR_UNEVICTABLE;
		err = drm_mm_reserve_node(mm, node);
		if (err)
			goto err_deflate;
	}

	return 0;

err_deflate:
	vgpu_balloon_deflate(balloon);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_balloon_inflate);

/**
 * vgpu_balloon_deflate - undo vgpu_balloon_inflate()
 * @balloon: the nodes, any of them allocated
 */
void vgpu_balloon_deflate(struct vgpu_balloon *balloon)
{
	int i;

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		if (drm_mm_node_allocated(&balloon->node[i]))
			drm_mm_remove_node(&balloon->node[i]);

		memset(&balloon->node[i], 0, sizeof(balloon->node[i]));
	}
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_balloon_deflate);

/**
 * vgpu_balloon_size - how much is reserved
 * @balloon: the nodes
 *
 * Return: the sum of the sizes of the allocated nodes, bytes.
 */
u64 vgpu_balloon_size(const struct vgpu_balloon *balloon)
{
	u64 size = 0;
	int i;

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		if (drm_mm_node_allocated(&balloon->node[i]))
			size += balloon->node[i].size;
	}

	return size;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_balloon_size);

static void read_grant(struct intel_uncore *uncore, struct vgpu_grant *grant)
{
	grant->mappable_base =
		intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));
	grant->mappable_size =
		intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.size));
	grant->nonmappable_base =
		intel_uncore_read(uncore, vgtif_reg(avail_rs.nonmappable_gmadr.base));
	grant->nonmappable_size =
		intel_uncore_read(uncore, vgtif_reg(avail_rs.nonmappable_gmadr.size));
}

static void log_portion(struct drm_i915_private *i915, const char *name,
			const struct vgpu_range *portion)
{
	if (vgpu_range_size(portion))
		drm_info(&i915->drm, "vGPU: %s graphics memory 0x%llx - 0x%llx, %llu KiB\n",
			 name, portion->start, portion->end, vgpu_range_size(portion) / SZ_1K);
	else
		drm_info(&i915->drm, "vGPU: %s graphics memory: none\n", name);
}

/*
 * pin_ggtt_status_page() has to put the status pages of GPUs without LLC into the aperture, and
 * does not give up if there is no room: they cannot do without.
 */
static u64 mappable_min(const struct i915_ggtt *ggtt)
{
	return HAS_LLC(ggtt->vm.i915) || !i915_ggtt_has_aperture(ggtt) ? 0 : VGPU_MIN_WINDOW;
}

/*
 * From here on, the device is one without aperture. The mapping of BAR 2 and the fence registers
 * that the GGTT has got already go with the GGTT, by what they are and not by the aperture's size.
 */
static void close_window(struct i915_ggtt *ggtt)
{
	ggtt->mappable_end = 0;
	drm_info(&ggtt->vm.i915->drm,
		 "vGPU: less than %u KiB of the aperture are ours: no CPU access through it\n",
		 VGPU_MIN_WINDOW / SZ_1K);
}

/**
 * intel_vgpu_balloon - keep the GGTT's allocator out of what belongs to others
 * @ggtt: the global GTT, with nothing in it yet
 *
 * Does nothing on bare hardware. If next to nothing of the aperture is ours, the GGTT has none
 * afterwards.
 *
 * Return: zero, or a negative error code; then nothing is reserved, and the log says why.
 */
int intel_vgpu_balloon(struct i915_ggtt *ggtt)
{
	struct drm_i915_private *i915 = ggtt->vm.i915;
	struct i915_virtual_gpu *vgpu = &i915->vgpu;
	struct vgpu_partition partition;
	struct vgpu_grant grant;
	struct vgpu_fault fault;
	int err;

	if (!intel_vgpu_active(i915))
		return 0;

	read_grant(&i915->uncore, &grant);
	err = vgpu_partition_init(&partition, &grant, ggtt->mappable_end, ggtt->vm.total,
				  mappable_min(ggtt), &fault);
	if (err) {
		drm_err(&i915->drm,
			"vGPU: bad ballooning configuration: %s is 0x%llx, %s 0x%llx; correct it on the host\n",
			fault.field, fault.value, fault.problem, fault.limit);
		return err;
	}

	err = i915_inject_probe_failure(i915);
	if (!err)
		err = vgpu_balloon_inflate(&vgpu->balloon, &ggtt->vm.mm, &partition);
	if (err) {
		i915_probe_error(i915, "vGPU: cannot reserve the graphics memory of others: %pe\n",
				 ERR_PTR(err));
		return err;
	}

	vgpu->partition = partition;
	ggtt->vm.reserved += vgpu_balloon_size(&vgpu->balloon);

	log_portion(i915, "mappable", &partition.mappable);
	log_portion(i915, "non-mappable", &partition.nonmappable);
	drm_info(&i915->drm, "vGPU: ballooned out %llu KiB of graphics memory\n",
		 vgpu_balloon_size(&vgpu->balloon) / SZ_1K);

	if (i915_ggtt_has_aperture(ggtt) && vgpu_range_size(&partition.mappable) < VGPU_MIN_WINDOW)
		close_window(ggtt);

	return 0;
}

/**
 * intel_vgpu_deballoon - undo intel_vgpu_balloon()
 * @ggtt: the global GTT
 *
 * To be called when nothing else is left in the GGTT. Does nothing if there is nothing to give
 * back: on bare hardware, and after intel_vgpu_balloon() failed.
 */
void intel_vgpu_deballoon(struct i915_ggtt *ggtt)
{
	struct drm_i915_private *i915 = ggtt->vm.i915;
	struct vgpu_balloon *balloon = &i915->vgpu.balloon;
	u64 size = vgpu_balloon_size(balloon);

	if (!size)
		return;

	drm_dbg(&i915->drm, "vGPU: giving back %llu KiB of graphics memory\n", size / SZ_1K);
	ggtt->vm.reserved -= size;
	vgpu_balloon_deflate(balloon);
}
