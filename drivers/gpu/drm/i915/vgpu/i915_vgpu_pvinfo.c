// SPDX-License-Identifier: MIT
/*
 * Judging what a mediator says about itself.
 *
 * Nothing here touches a register or a device: detection reads the PVINFO page and passes in
 * what it read, the tests pass in whatever they like.
 */

#include <kunit/visibility.h>

#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sprintf.h>

#include "i915_vgpu_pvinfo.h"
#include "i915_pvinfo_abi.h"

static const struct {
	u32 cap;
	const char *name;
} vgpu_caps[] = {
	{ VGT_CAPS_FULL_PPGTT, "full-ppgtt" },
	{ VGT_CAPS_HWSP_EMULATION, "hwsp-emulation" },
	{ VGT_CAPS_HUGE_GTT, "huge-gtt" },
	{ VGT_CAPS_CHANNEL, "channel" },
};

/**
 * vgpu_pvinfo_check - judge what was read from the PVINFO page
 * @pvinfo: what was read
 * @required_caps: the VGT_CAPS_* that the GPU cannot be driven without
 *
 * The major version must be ours: with another one, the page may mean something else altogether.
 * A minor version and capabilities that we do not know change nothing for us, by the rules of the
 * ABI, and are accepted.
 *
 * Return: the verdict.
 */
enum vgpu_verdict vgpu_pvinfo_check(const struct vgpu_pvinfo *pvinfo, u32 required_caps)
{
	if (!pvinfo->magic)
		return VGPU_VERDICT_ZERO;

	if (pvinfo->magic == U64_MAX)
		return VGPU_VERDICT_ALL_ONES;

	if (pvinfo->magic != VGT_MAGIC)
		return VGPU_VERDICT_FOREIGN;

	if (pvinfo->version_major < VGT_VERSION_MAJOR)
		return VGPU_VERDICT_HOST_TOO_OLD;

	if (pvinfo->version_major > VGT_VERSION_MAJOR)
		return VGPU_VERDICT_HOST_TOO_NEW;

	if (required_caps & ~pvinfo->caps)
		return VGPU_VERDICT_LACKS_CAPS;

	return VGPU_VERDICT_VGPU;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_pvinfo_check);

/**
 * vgpu_verdict_to_errno - what a verdict means for the probe
 * @verdict: of vgpu_pvinfo_check()
 *
 * Return: zero if the probe goes on, as a vGPU or as on bare hardware; -EPROTONOSUPPORT or -ENXIO
 * if there is a mediator that we cannot work with.
 */
int vgpu_verdict_to_errno(enum vgpu_verdict verdict)
{
	switch (verdict) {
	case VGPU_VERDICT_HOST_TOO_OLD:
	case VGPU_VERDICT_HOST_TOO_NEW:
		return -EPROTONOSUPPORT;

	case VGPU_VERDICT_LACKS_CAPS:
		return -ENXIO;

	case VGPU_VERDICT_ZERO:
	case VGPU_VERDICT_ALL_ONES:
	case VGPU_VERDICT_FOREIGN:
	case VGPU_VERDICT_VGPU:
		break;
	}

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_verdict_to_errno);

/**
 * vgpu_fence_bound - how many fence registers to use
 * @offered: how many the mediator says are ours
 * @hw: how many the GPU has
 *
 * No fences at all is a valid offer: tiling is then refused, everything else works.
 *
 * Return: the number of fence registers that exist and are ours.
 */
u32 vgpu_fence_bound(u32 offered, u32 hw)
{
	return min(offered, hw);
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_fence_bound);

/**
 * vgpu_caps_print - write capabilities by name
 * @buf: where to write
 * @size: size of @buf, bytes
 * @caps: VGT_CAPS_* and perhaps bits unknown to us
 *
 * Return: the number of characters written, without the terminating zero.
 */
int vgpu_caps_print(char *buf, size_t size, u32 caps)
{
	int len = 0;
	int i;

	if (!caps)
		return scnprintf(buf, size, "none");

	for (i = 0; i < ARRAY_SIZE(vgpu_caps); i++) {
		if (!(caps & vgpu_caps[i].cap))
			continue;

		len += scnprintf(buf + len, size - len, "%s%s", len ? " " : "", vgpu_caps[i].name);
		caps &= ~vgpu_caps[i].cap;
	}

	if (caps)
		len += scnprintf(buf + len, size - len, "%sunknown:0x%x", len ? " " : "", caps);

	return len;
}
EXPORT_SYMBOL_IF_KUNIT(vgpu_caps_print);
