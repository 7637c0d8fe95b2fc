// SPDX-License-Identifier: MIT
/*
 * The channel of a device: where its memory comes from, and how its mediator is reached.
 *
 * intel_ggtt.c has it set up and torn down, before the first fence and context and after the last.
 * What resets or wakes the GPU has it restarted. i915_vgpu_channel.c does all the rest.
 */

#include <linux/dma-mapping.h>
#include <linux/pci.h>

#include "i915_drv.h"
#include "i915_pvinfo.h"
#include "i915_vgpu.h"
#include "i915_vgpu_channel.h"
#include "i915_vgpu_fence.h"

/**
 * DOC: vGPU feature negotiation
 *
 * A mediator of PVINFO 1.1 with %VGT_CAPS_CHANNEL may offer features. This guest asks for all of
 * those that it knows, and uses what is accepted. An older mediator is never asked: nothing is
 * allocated, no register is accessed, all is done as it ever was. It is also done so if there is no
 * memory, or if nothing is offered: no probe fails for the want of a channel.
 *
 * The mediator forgets the channel at each reset of the GPU, of which there is one while the driver
 * is loaded and one when it resumes. So wherever the state of the GPU is built up again, the driver
 * looks whether there still is a channel, which is one register read, and otherwise negotiates
 * anew, in the same memory: nothing is allocated during a reset. Then the mediator is told what it
 * needs to know.
 *
 * The driver stops the channel when it is unloaded, and on shutdown: with kexec, the memory belongs
 * to another kernel afterwards. Nothing is done for hibernation, before which the GPU is reset; but
 * not by a kernel that has %CONFIG_HIBERNATION and lacks %CONFIG_SUSPEND: there, unload i915
 * before.
 */

struct device_channel {
	struct vgpu_channel base;
	struct drm_i915_private *i915;
	dma_addr_t addr;
	/* guarded by the lock of base */
	intel_wakeref_t wakeref;
	/* tells the mediator that the channel was turned off */
	struct work_struct stop;
};

static struct device_channel *to_device_channel(struct vgpu_channel *channel)
{
	return container_of(channel, struct device_channel, base);
}

static u32 device_offered(struct vgpu_channel *channel)
{
	struct drm_i915_private *i915 = to_device_channel(channel)->i915;

	return intel_uncore_read(&i915->uncore, vgtif_reg(features_offered));
}

static u32 device_accepted(struct vgpu_channel *channel)
{
	struct drm_i915_private *i915 = to_device_channel(channel)->i915;

	return intel_uncore_read(&i915->uncore, vgtif_reg(features_accepted));
}

/*
 * Only the last of these writes is acted on. Page table notifications have fields of their own:
 * they may come in between, so that their mutex, which could not be taken here, is not needed.
 */
static void device_start(struct vgpu_channel *channel, u32 wanted)
{
	struct device_channel *dc = to_device_channel(channel);
	struct intel_uncore *uncore = &dc->i915->uncore;

	intel_uncore_write(uncore, vgtif_reg(channel_addr.lo), lower_32_bits(dc->addr));
	intel_uncore_write(uncore, vgtif_reg(channel_addr.hi), upper_32_bits(dc->addr));
	intel_uncore_write(uncore, vgtif_reg(channel_size), VGPU_CHANNEL_SIZE);
	intel_uncore_write(uncore, vgtif_reg(features_wanted), wanted);
	intel_uncore_write(uncore, vgtif_reg(g2v_notify), VGT_G2V_CHANNEL_START);
}

static void device_notify(struct vgpu_channel *channel, u32 g2v)
{
	struct drm_i915_private *i915 = to_device_channel(channel)->i915;

	intel_uncore_write(&i915->uncore, vgtif_reg(g2v_notify), g2v);
}

static bool device_get(struct vgpu_channel *channel)
{
	struct device_channel *dc = to_device_channel(channel);

	dc->wakeref = intel_runtime_pm_get_if_active(&dc->i915->runtime_pm);
	return dc->wakeref;
}

static void device_put(struct vgpu_channel *channel)
{
	struct device_channel *dc = to_device_channel(channel);

	intel_runtime_pm_put(&dc->i915->runtime_pm, fetch_and_zero(&dc->wakeref));
}

static void device_off(struct vgpu_channel *channel)
{
	struct device_channel *dc = to_device_channel(channel);

	drm_notice(&dc->i915->drm,
		   "vGPU: the channel is off, %s is 0x%x; going on with trapped accesses\n",
		   channel->off.what, channel->off.value);
	queue_work(dc->i915->unordered_wq, &dc->stop);
}

static const struct vgpu_channel_ops device_ops = {
	.offered = device_offered,
	.accepted = device_accepted,
	.start = device_start,
	.notify = device_notify,
	.get = device_get,
	.put = device_put,
	.off = device_off,
};

/* If the device is asleep, the mediator does nothing either, and is told on resume. */
static void stop_work(struct work_struct *work)
{
	struct device_channel *dc = container_of(work, struct device_channel, stop);
	intel_wakeref_t wakeref;

	with_intel_runtime_pm_if_active(&dc->i915->runtime_pm, wakeref)
		vgpu_channel_stop(&dc->base);
}

/**
 * intel_vgpu_channel_init - set the channel up, if the mediator has one
 * @i915: the device, of which neither a context nor a fence exists; its DMA mask is set
 *
 * Does nothing on bare hardware.
 */
void intel_vgpu_channel_init(struct drm_i915_private *i915)
{
	struct device_channel *dc;
	char features[64];
	void *memory;

	if (!intel_vgpu_active(i915) || !intel_vgpu_has_channel(i915))
		return;

	dc = kzalloc(sizeof(*dc), GFP_KERNEL);
	if (!dc)
		return;

	memory = dma_alloc_coherent(i915->drm.dev, VGPU_CHANNEL_SIZE, &dc->addr,
				    GFP_KERNEL | __GFP_NOWARN);
	if (!memory) {
		drm_notice(&i915->drm,
			   "vGPU: no memory for the channel, %u KiB; going on without\n",
			   VGPU_CHANNEL_SIZE / SZ_1K);
		kfree(dc);
		return;
	}

	vgpu_channel_init(&dc->base, &device_ops, memory);
	dc->base.index = i915->drm.primary->index;
	dc->i915 = i915;
	INIT_WORK(&dc->stop, stop_work);
	i915->vgpu.channel = &dc->base;

	/* The mediator accesses the memory as a device would: it must be allowed to. */
	pci_set_master(to_pci_dev(i915->drm.dev));

	if (vgpu_channel_start(&dc->base))
		return;

	vgpu_features_print(features, sizeof(features), dc->base.features);
	drm_info(&i915->drm, "vGPU: the channel is on, features %s\n", features);
}

/**
 * intel_vgpu_channel_restart - have the channel on again if the mediator has forgotten it
 * @i915: the device, awake
 *
 * To be called when the GPU was reset, and when the device has resumed. In any context. Does
 * nothing if there is no channel.
 */
void intel_vgpu_channel_restart(struct drm_i915_private *i915)
{
	struct vgpu_channel *channel = i915->vgpu.channel;

	if (!channel)
		return;

	/* Perhaps it was turned off while the device was asleep, and the mediator does not know. */
	if (vgpu_channel_start(channel) && READ_ONCE(channel->state) == VGPU_CHANNEL_OFF)
		vgpu_channel_stop(channel);
}

/**
 * intel_vgpu_channel_shutdown - stop the channel for good
 * @i915: the device, awake
 *
 * To be called when the driver is done with the device: at shutdown another kernel may follow, and
 * at removal another instance of the driver, while clients still hold this one open. Does nothing
 * if there is no channel.
 */
void intel_vgpu_channel_shutdown(struct drm_i915_private *i915)
{
	struct vgpu_channel *channel = i915->vgpu.channel;

	/* Closed before: the fences are those of the next driver, if there is one. */
	if (!channel || READ_ONCE(channel->state) == VGPU_CHANNEL_CLOSED)
		return;

	intel_vgpu_fences_clear(i915);
	vgpu_channel_close(channel);
}

/**
 * intel_vgpu_channel_fini - tear the channel down
 * @i915: the device; there is neither a context nor a fence any more
 *
 * After a probe that failed, the channel may still be on; then the device is awake. Does nothing if
 * there is no channel.
 */
void intel_vgpu_channel_fini(struct drm_i915_private *i915)
{
	struct vgpu_channel *channel = i915->vgpu.channel;
	struct device_channel *dc;

	if (!channel)
		return;

	intel_vgpu_channel_shutdown(i915);
	i915->vgpu.channel = NULL;

	dc = to_device_channel(channel);
	cancel_work_sync(&dc->stop);
	dma_free_coherent(i915->drm.dev, VGPU_CHANNEL_SIZE, channel->shared, dc->addr);
	kfree(dc);
}
