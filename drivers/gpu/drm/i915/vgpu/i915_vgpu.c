// SPDX-License-Identifier: MIT
/*
 * Copyright(c) 2011-2015 Intel Corporation. All rights reserved.
 */

#include "i915_drv.h"
#include "i915_pvinfo.h"
#include "i915_vgpu.h"
#include "i915_vgpu_pvinfo.h"

/**
 * DOC: Intel GVT-g guest support
 *
 * Intel GVT-g shares one GPU among several virtual machines. A mediator on the host shows each
 * of them a virtual GPU, a vGPU, that is driven like the real one: the same registers, the same
 * commands, the same page tables. So most of this driver does not know whether it runs in such a
 * guest, and what does is here:
 *
 * - detection: is there a mediator, and can we work with it?
 * - ballooning: graphics memory and fence registers are divided among the guests rather than
 *   virtualised, we must keep to our share;
 * - notification: the mediator shadows page tables, and wants to know which;
 * - the channel: what a newer mediator is told beyond that, and how.
 *
 * What a mediator says is input from outside of the driver. It is checked before it is used, by
 * functions that need no device and have tests of their own; a mediator that makes no sense
 * costs the guest its graphics, with a message that says why, and nothing more. The debugfs file
 * i915_vgpu shows what was agreed on.
 *
 * All state is in the device. A guest may have several vGPUs.
 */

/**
 * DOC: vGPU detection
 *
 * A mediator shows a page of information, PVINFO, where bare hardware has nothing. What is read
 * there decides about the probe:
 *
 * ================================ ===================================== =========================
 * The page says                    Outcome                               Log
 * ================================ ===================================== =========================
 * nothing, it is zero              bare hardware                         a debug line
 * all ones                         bare hardware; the GPU may be dead    a warning below Gen12
 * another magic                    bare hardware                         a debug line, the magic
 * our magic, another major version the probe fails, -EPROTONOSUPPORT     both versions
 * a required capability is missing the probe fails, -ENXIO               the capability
 * our major version, any minor     vGPU                                  version and capabilities
 * ================================ ===================================== =========================
 *
 * If the magic is right, there *is* a mediator. To drive its device like bare hardware because
 * we do not understand the mediator would not work: the vGPU owns only a part of the graphics
 * memory, and the rest may be another guest's. So that is an error, even though it costs the
 * guest its graphics.
 */

/*
 * Read what the mediator says of itself. This is before the uncore has mapped the registers, so
 * the page is mapped by itself, for these reads only. Each read may be a trap, and a field is
 * meaningful only if the one before it is right: stop at the first that is not.
 */
static int read_pvinfo(struct drm_i915_private *i915, struct vgpu_pvinfo *pvinfo)
{
	struct pci_dev *pdev = to_pci_dev(i915->drm.dev);
	void __iomem *page;
	u32 version;

	page = pci_iomap_range(pdev, 0, VGT_PVINFO_PAGE, VGT_PVINFO_SIZE);
	if (!page)
		return -EIO;

	pvinfo->magic = readq(page + vgtif_offset(magic));
	if (pvinfo->magic != VGT_MAGIC)
		goto out;

	version = readl(page + vgtif_offset(version_major));
	pvinfo->version_major = lower_16_bits(version);
	pvinfo->version_minor = upper_16_bits(version);
	if (pvinfo->version_major != VGT_VERSION_MAJOR)
		goto out;

	pvinfo->caps = readl(page + vgtif_offset(vgt_caps));

out:
	pci_iounmap(pdev, page);
	return 0;
}

static u32 required_caps(struct drm_i915_private *i915)
{
	u32 caps = 0;

	/*
	 * Our page tables are our own: there is nothing to fall back to without shadowing. Not so
	 * on Gen6, which may yet lose its aliasing PPGTT to VT-d and works without: this is before
	 * intel_device_info_runtime_init().
	 */
	if (HAS_PPGTT(i915) && GRAPHICS_VER(i915) > 6)
		caps |= VGT_CAPS_FULL_PPGTT;

	/* We read the context status from the status page, never from the CSB registers. */
	if (HAS_EXECLISTS(i915))
		caps |= VGT_CAPS_HWSP_EMULATION;

	return caps;
}

static void say_why_not(struct drm_i915_private *i915, enum vgpu_verdict verdict,
			const struct vgpu_pvinfo *pvinfo, u32 required)
{
	char caps[64];

	switch (verdict) {
	case VGPU_VERDICT_ZERO:
		drm_dbg(&i915->drm, "vGPU: no mediator\n");
		break;

	case VGPU_VERDICT_ALL_ONES:
		/* From Gen12 on, the power well of what is there may be off. */
		if (GRAPHICS_VER(i915) < 12)
			drm_warn(&i915->drm,
				 "vGPU: the PVINFO page reads as all ones, nobody answers there; going on as on bare hardware\n");
		else
			drm_dbg(&i915->drm, "vGPU: the PVINFO page reads as all ones\n");
		break;

	case VGPU_VERDICT_FOREIGN:
		/* Nothing to tell everybody: from Gen12 on, DSC registers of pipe A are there. */
		drm_dbg(&i915->drm,
			"vGPU: PVINFO magic is 0x%016llx, not 0x%016llx; going on as on bare hardware\n",
			pvinfo->magic, VGT_MAGIC);
		break;

	case VGPU_VERDICT_HOST_TOO_OLD:
	case VGPU_VERDICT_HOST_TOO_NEW:
		drm_err(&i915->drm,
			"vGPU: the host speaks PVINFO version %u.%u, the guest %u.%u; update the %s\n",
			pvinfo->version_major, pvinfo->version_minor,
			VGT_VERSION_MAJOR, VGT_VERSION_MINOR,
			verdict == VGPU_VERDICT_HOST_TOO_OLD ? "host" : "guest");
		break;

	case VGPU_VERDICT_LACKS_CAPS:
		vgpu_caps_print(caps, sizeof(caps), required & ~pvinfo->caps);
		drm_err(&i915->drm,
			"vGPU: the host lacks what this GPU requires: %s (its capabilities are 0x%x); update the host\n",
			caps, pvinfo->caps);
		break;

	case VGPU_VERDICT_VGPU:
		break;
	}
}

/**
 * intel_vgpu_detect - find out whether the device is a vGPU
 * @i915: the device, of which no register has been mapped yet
 *
 * To be called before anything depends on intel_vgpu_active(). "vGPU detection" describes what is
 * accepted.
 *
 * Return: zero if the probe may go on, as a vGPU or on bare hardware; otherwise a negative error
 * code: the mediator cannot be worked with, and the log says why.
 */
int intel_vgpu_detect(struct drm_i915_private *i915)
{
	struct vgpu_pvinfo pvinfo = {};
	enum vgpu_verdict verdict;
	char caps[64];
	u32 required;
	int ret;

	/*
	 * No mediator has ever supported older generations. They have differently numbered or sized
	 * MMIO bars, too.
	 */
	if (GRAPHICS_VER(i915) < 6)
		return 0;

	ret = read_pvinfo(i915, &pvinfo);
	if (ret) {
		drm_err(&i915->drm, "vGPU: cannot map the PVINFO page at 0x%x of BAR 0\n",
			VGT_PVINFO_PAGE);
		return ret;
	}

	required = required_caps(i915);
	verdict = vgpu_pvinfo_check(&pvinfo, required);
	if (verdict != VGPU_VERDICT_VGPU) {
		say_why_not(i915, verdict, &pvinfo, required);
		return vgpu_verdict_to_errno(verdict);
	}

	if (i915_inject_probe_failure(i915))
		return -ENODEV;

	i915->vgpu.version_major = pvinfo.version_major;
	i915->vgpu.version_minor = pvinfo.version_minor;
	i915->vgpu.caps = pvinfo.caps;
	i915->vgpu.active = true;
	mutex_init(&i915->vgpu.lock);

	vgpu_caps_print(caps, sizeof(caps), pvinfo.caps);
	drm_info(&i915->drm,
		 "Virtual GPU for Intel GVT-g detected: PVINFO version %u.%u, capabilities %s\n",
		 pvinfo.version_major, pvinfo.version_minor, caps);
	return 0;
}

/**
 * intel_vgpu_num_fences - limit the fence registers to the vGPU's share
 * @i915: the device
 * @hw: how many fence registers the GPU has
 *
 * Return: @hw on bare hardware, else how many of them are ours, counted from the first.
 */
u32 intel_vgpu_num_fences(struct drm_i915_private *i915, u32 hw)
{
	u32 offered, num;

	if (!intel_vgpu_active(i915))
		return hw;

	offered = intel_uncore_read(&i915->uncore, vgtif_reg(avail_rs.fence_num));
	num = vgpu_fence_bound(offered, hw);
	if (num < offered)
		drm_warn(&i915->drm,
			 "vGPU: the host offers %u fences (fence_num), the GPU has %u; using %u\n",
			 offered, hw, num);

	i915->vgpu.fence_num = offered;
	return num;
}

/**
 * intel_vgpu_register - tell the mediator that there is something to show
 * @i915: the device, its display is set up
 *
 * Does nothing on bare hardware.
 */
void intel_vgpu_register(struct drm_i915_private *i915)
{
	if (intel_vgpu_active(i915))
		intel_uncore_write(&i915->uncore, vgtif_reg(display_ready),
				   VGT_DRV_DISPLAY_READY);
}

/**
 * intel_vgpu_active - is this a vGPU?
 * @i915: the device
 *
 * Return: true if the device is a vGPU, false on bare hardware.
 */
bool intel_vgpu_active(struct drm_i915_private *i915)
{
	return i915->vgpu.active;
}

/**
 * intel_vgpu_has_huge_gtt - may page table entries of more than 4 KiB be used?
 * @i915: the device, a vGPU
 *
 * Return: true if the mediator supports them.
 */
bool intel_vgpu_has_huge_gtt(struct drm_i915_private *i915)
{
	return i915->vgpu.caps & VGT_CAPS_HUGE_GTT;
}

/**
 * intel_vgpu_has_channel - can features be negotiated?
 * @i915: the device, a vGPU
 *
 * The capability came with version 1.1; what an older mediator meant by its bit is unknown.
 *
 * Return: true if the mediator has a channel.
 */
bool intel_vgpu_has_channel(struct drm_i915_private *i915)
{
	return i915->vgpu.version_minor >= 1 && i915->vgpu.caps & VGT_CAPS_CHANNEL;
}
