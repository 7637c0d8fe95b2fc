// SPDX-License-Identifier: MIT
/*
 * The debugfs file i915_vgpu: what the driver knows of its mediator. What goes on between the two
 * is in another one, i915_vgpu_channel, so that this one stays the same for as long as it is true.
 *
 * One "name: value" pair a line, for people and for tests. Reading it asks the mediator for
 * nothing but the number of the vGPU.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/string_choices.h>

#include <drm/drm_file.h>

#include "gt/intel_gt.h"
#include "i915_drv.h"
#include "i915_pvinfo.h"
#include "i915_vgpu.h"
#include "i915_vgpu_channel.h"
#include "i915_vgpu_debugfs.h"
#include "i915_vgpu_pvinfo.h"

static void show_range(struct seq_file *m, const char *name, u64 start, u64 size)
{
	seq_printf(m, "%s: 0x%08llx - 0x%08llx, %llu KiB\n",
		   name, start, start + size, size / SZ_1K);
}

static void show_portion(struct seq_file *m, const char *name, const struct vgpu_range *portion)
{
	if (vgpu_range_size(portion))
		show_range(m, name, portion->start, vgpu_range_size(portion));
	else
		seq_printf(m, "%s: none\n", name);
}

/* All of it is constant for as long as there is a file to read it from. */
static void show_graphics_memory(struct seq_file *m, const struct i915_virtual_gpu *vgpu)
{
	static const char * const names[VGPU_NUM_BALLOONS] = {
		[VGPU_BALLOON_BELOW_MAPPABLE] = "balloon below mappable",
		[VGPU_BALLOON_ABOVE_MAPPABLE] = "balloon above mappable",
		[VGPU_BALLOON_BELOW_NONMAPPABLE] = "balloon below nonmappable",
		[VGPU_BALLOON_ABOVE_NONMAPPABLE] = "balloon above nonmappable",
	};
	int i;

	show_portion(m, "mappable", &vgpu->partition.mappable);
	show_portion(m, "nonmappable", &vgpu->partition.nonmappable);

	for (i = 0; i < VGPU_NUM_BALLOONS; i++) {
		const struct drm_mm_node *node = &vgpu->balloon.node[i];

		if (drm_mm_node_allocated(node))
			show_range(m, names[i], node->start, node->size);
	}
	seq_printf(m, "ballooned out: %llu KiB\n", vgpu_balloon_size(&vgpu->balloon) / SZ_1K);
}

static void show_features(struct seq_file *m, const char *name, u32 features)
{
	char text[64];

	vgpu_features_print(text, sizeof(text), features);
	seq_printf(m, "%s: 0x%08x %s\n", name, features, text);
}

static void show_negotiated(struct seq_file *m, struct vgpu_channel *channel)
{
	static const char * const states[] = {
		[VGPU_CHANNEL_ENDED] = "ended",
		[VGPU_CHANNEL_ON] = "on",
		[VGPU_CHANNEL_OFF] = "off",
		[VGPU_CHANNEL_CLOSED] = "closed",
	};
	enum vgpu_channel_state state;
	struct vgpu_ring_fault off;
	u32 offered, features;
	unsigned long flags;

	if (!channel) {
		seq_puts(m, "channel: none\n");
		return;
	}

	spin_lock_irqsave(&channel->lock, flags);
	state = channel->state;
	offered = channel->offered;
	features = channel->features;
	off = channel->off;
	spin_unlock_irqrestore(&channel->lock, flags);

	seq_printf(m, "channel: %s\n", states[state]);
	if (off.what)
		seq_printf(m, "channel off because: %s is 0x%x\n", off.what, off.value);
	show_features(m, "features offered", offered);
	show_features(m, "features accepted", features);
}

static int vgpu_show(struct seq_file *m, void *unused)
{
	struct drm_i915_private *i915 = m->private;
	intel_wakeref_t wakeref;
	char caps[64];
	u32 id = 0;

	seq_printf(m, "active: %s\n", str_yes_no(intel_vgpu_active(i915)));
	if (!intel_vgpu_active(i915))
		return 0;

	with_intel_runtime_pm(&i915->runtime_pm, wakeref)
		id = intel_uncore_read(&i915->uncore, vgtif_reg(vgt_id));

	vgpu_caps_print(caps, sizeof(caps), i915->vgpu.caps);
	seq_printf(m, "version: %u.%u\n", i915->vgpu.version_major, i915->vgpu.version_minor);
	seq_printf(m, "id: %u\n", id);
	seq_printf(m, "capabilities: 0x%08x %s\n", i915->vgpu.caps, caps);

	show_graphics_memory(m, &i915->vgpu);
	seq_printf(m, "fences: %u\n", to_gt(i915)->ggtt->num_fences);
	seq_printf(m, "fences offered: %u\n", i915->vgpu.fence_num);
	show_negotiated(m, i915->vgpu.channel);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(vgpu);

/* Heads and tails in dwords, as they are now; the mediator's as it says */
static void show_rings(struct seq_file *m, const struct vgpu_channel *channel)
{
	const struct vgt_channel *shared = channel->shared;

	seq_printf(m, "request ring: head %u, tail %u, size %u\n",
		   READ_ONCE(shared->request_head), READ_ONCE(channel->request.tail),
		   channel->request.size);
	seq_printf(m, "response ring: head %u, tail %u, size %u\n",
		   READ_ONCE(channel->response.head), READ_ONCE(shared->response_tail),
		   channel->response.size);
}

static int vgpu_channel_show(struct seq_file *m, void *unused)
{
	struct drm_i915_private *i915 = m->private;
	struct vgpu_channel *channel = i915->vgpu.channel;
	struct vgpu_channel_stats stats;
	unsigned long flags;
	u32 seqno;
	int i;

	show_negotiated(m, channel);
	if (!channel)
		return 0;

	spin_lock_irqsave(&channel->lock, flags);
	seqno = channel->seqno;
	stats = channel->stats;
	spin_unlock_irqrestore(&channel->lock, flags);

	seq_printf(m, "starts: %llu\n", stats.starts);
	for (i = 0; i < VGPU_NUM_REQUESTS; i++)
		seq_printf(m, "requests %s: %llu\n", vgpu_request_name(i), stats.requests[i]);
	seq_printf(m, "last seqno: %u\n", seqno);
	seq_printf(m, "doorbells: %llu\n", stats.doorbells);
	seq_printf(m, "ring full: %llu\n", stats.full);
	seq_printf(m, "responses: %llu\n", stats.responses);
	seq_printf(m, "requests failed: %llu\n", stats.failed);
	show_rings(m, channel);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(vgpu_channel);

/**
 * intel_vgpu_debugfs_register - create the debugfs files i915_vgpu and i915_vgpu_channel
 * @i915: the device, a vGPU or not
 */
void intel_vgpu_debugfs_register(struct drm_i915_private *i915)
{
	struct dentry *root = i915->drm.primary->debugfs_root;

	debugfs_create_file("i915_vgpu", 0444, root, i915, &vgpu_fops);
	debugfs_create_file("i915_vgpu_channel", 0444, root, i915, &vgpu_channel_fops);
}
