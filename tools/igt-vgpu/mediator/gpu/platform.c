// SPDX-License-Identifier: MIT
/*
 * The platforms: PCI identity, clock, and the registers that differ from Skylake's values in
 * regs.def.
 */
#include <string.h>

#include "core.h"

/*
 * Timestamps: Gen8 counts 80 ns units; Gen9 counts the 24 MHz crystal divided by 2, which CTC_MODE
 * (reset value in regs.def: shift parameter 2) tells the driver (i915 gt/intel_gt_clock_utils.c).
 */
const struct gpu_platform_info gpu_platforms[] = {
	[GPU_SKL] = {
		.name = "skl", .device_id = 0x1912, .revision = 0x06,
		.gen = 9, .timestamp_hz = 12000000,
	},
	[GPU_BDW] = {
		.name = "bdw", .device_id = 0x1616, .revision = 0x09,
		.gen = 8, .timestamp_hz = 12500000,
		.regs = {
			{ 0x42014, 1u << 30 },		/* FUSE_STRAP: internal display disabled */
			{ 0x51000, 0 },			/* SKL_DFSM does not exist */
			{ 0x9120, 0x02000000 },		/* FUSE2: one slice, all three subslices */
			{ 0x9138, 0 },			/* EU_DISABLE1 */
			{ 0x913c, 0 },			/* EU_DISABLE2 */
			{ 0xa26c, 0 },			/* CTC_MODE */
			/*
			 * PCH_RAWCLK_FREQ, MHz, as firmware leaves it on a mobile Broadwell. i915 divides
			 * it for the AUX channels and never writes it.
			 */
			{ 0xc6204, 24 },
		},
	},
	[GPU_KBL] = {
		.name = "kbl", .device_id = 0x5912, .revision = 0x04,
		.gen = 9, .timestamp_hz = 12000000,
	},
	[GPU_CFL] = {
		.name = "cfl", .device_id = 0x3e92, .revision = 0x00,
		.gen = 9, .timestamp_hz = 12000000,
	},
};

uint16_t gpu_pci_device_id(const struct gpu *gpu)
{
	return gpu->platform->device_id;
}

uint8_t gpu_pci_revision(const struct gpu *gpu)
{
	return gpu->platform->revision;
}

const char *gpu_platform_name(enum gpu_platform platform)
{
	return gpu_platforms[platform].name;
}

bool gpu_platform_from_name(const char *name, enum gpu_platform *platform)
{
	unsigned int i;

	for (i = 0; i < sizeof(gpu_platforms) / sizeof(gpu_platforms[0]); i++) {
		if (!strcmp(name, gpu_platforms[i].name)) {
			*platform = i;
			return true;
		}
	}
	return false;
}

/** gpu_reg_info - see gpu.h */
bool gpu_reg_info(enum gpu_platform platform, uint32_t offset, struct gpu_reg_info *info)
{
	const struct gpu_reg_row *row = gpu_reg_row(offset & ~3u);
	const struct gpu_reg_value *reg;

	if (!row)
		return false;
	info->name = row->name;
	info->reset = row->reset;
	info->write_mask = row->access == GPU_RO ? 0 : row->mask;
	info->masked = row->access == GPU_MASKED;
	info->write_1_clear = row->access == GPU_W1C;
	for (reg = gpu_platforms[platform].regs; reg->offset; reg++)
		if (reg->offset == (offset & ~3u))
			info->reset = reg->value;
	return true;
}
