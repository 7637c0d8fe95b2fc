// SPDX-License-Identifier: MIT
/* See config_space.h. */
#include <linux/pci_regs.h>
#include <string.h>

#include "config_space.h"
#include "gpu/gpu.h"

/* Where a Skylake GT2 (00:02.0) has its capabilities. */
#define CAP_EXPRESS	0x70
#define CAP_MSI		0xac
#define CAP_PM		0xd0
#define FLR_BYTE	(CAP_EXPRESS + PCI_EXP_DEVCTL + 1)
#define FLR_BIT		(PCI_EXP_DEVCTL_BCR_FLR >> 8)

/* What all platforms have in common; dwords that are not here are 0 and cannot be written. */
static const struct row {
	uint32_t offset, reset, writable;
} rows[] = {
	{ PCI_COMMAND, PCI_STATUS_CAP_LIST << 16,
	  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR |
	  PCI_COMMAND_INTX_DISABLE },
	{ PCI_CACHE_LINE_SIZE, 0, 0xff },
	{ PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64, -GPU_BAR0_SIZE },
	{ PCI_BASE_ADDRESS_1, 0, ~0u },
	{ PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH, 0 },
	{ PCI_BASE_ADDRESS_3, 0, ~0u },
	{ PCI_BASE_ADDRESS_4, PCI_BASE_ADDRESS_SPACE_IO, -VFU_IO_SIZE },
	{ PCI_SUBSYSTEM_VENDOR_ID, 0x22128086, 0 },
	{ PCI_CAPABILITY_LIST, CAP_EXPRESS, 0 },
	{ PCI_INTERRUPT_LINE, 1 << 8, 0xff },
	/* GMCH control: 8 MiB of GGTT entries, no stolen memory. */
	{ 0x50, 0xc0, ~0u },
	/* An endpoint of the root complex, version 2, that can be reset. */
	{ CAP_EXPRESS, PCI_CAP_ID_EXP | CAP_MSI << 8 | 0x92 << 16, 0 },
	{ CAP_EXPRESS + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0 },
	{ CAP_EXPRESS + PCI_EXP_LNKCAP, 0x411, 0 },
	{ CAP_EXPRESS + PCI_EXP_LNKCTL, 0x110000, 0 },
	{ CAP_EXPRESS + PCI_EXP_DEVCAP2, 0x300000, 0 },
	{ CAP_EXPRESS + PCI_EXP_DEVCTL2, 0, 0x8000 },
	/* One vector, 32-bit address. */
	{ CAP_MSI, PCI_CAP_ID_MSI | CAP_PM << 8, PCI_MSI_FLAGS_ENABLE << 16 },
	{ CAP_MSI + PCI_MSI_ADDRESS_LO, 0, ~3u },
	{ CAP_MSI + PCI_MSI_DATA_32, 0, ~0u },
	{ CAP_PM, PCI_CAP_ID_PM | 2 << 16, 0 },
	{ CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK },
};

static void put32(uint8_t *at, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		at[i] = value >> 8 * i;
}

/** vfu_config_init - see config_space.h */
void vfu_config_init(struct vfu_config *config, const struct gpu *gpu)
{
	unsigned int i;

	memset(config, 0, sizeof(*config));
	/* The vendor's own registers: storage. */
	memset(config->writable + PCI_STD_HEADER_SIZEOF, 0xff,
	       CAP_EXPRESS - PCI_STD_HEADER_SIZEOF);
	memset(config->writable + CAP_PM + PCI_PM_SIZEOF, 0xff,
	       PCI_CFG_SPACE_SIZE - CAP_PM - PCI_PM_SIZEOF);
	memset(config->writable + CAP_MSI + 12, 0xff, CAP_PM - CAP_MSI - 12);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put32(config->reset + rows[i].offset, rows[i].reset);
		put32(config->writable + rows[i].offset, rows[i].writable);
	}
	put32(config->reset + PCI_VENDOR_ID, 0x8086 | gpu_pci_device_id(gpu) << 16);
	/* A VGA controller. */
	put32(config->reset + PCI_REVISION_ID, 0x03000000 | gpu_pci_revision(gpu));
	put32(config->writable + PCI_BASE_ADDRESS_2, -gpu_aperture_size(gpu));
	vfu_config_reset(config);
}

/** vfu_config_reset - see config_space.h */
void vfu_config_reset(struct vfu_config *config)
{
	memcpy(config->byte, config->reset, sizeof(config->byte));
}

/** vfu_config_read - see config_space.h */
void vfu_config_read(const struct vfu_config *config, uint32_t offset, void *data, size_t count)
{
	memcpy(data, config->byte + offset, count);
}

/** vfu_config_write - see config_space.h */
bool vfu_config_write(struct vfu_config *config, uint32_t offset, const void *data, size_t count)
{
	const uint8_t *from = data;
	size_t i;

	for (i = 0; i < count; i++) {
		uint8_t *to = &config->byte[offset + i], mask = config->writable[offset + i];

		*to = (*to & ~mask) | (from[i] & mask);
	}
	return offset <= FLR_BYTE && FLR_BYTE - offset < count &&
	       from[FLR_BYTE - offset] & FLR_BIT;
}

/** vfu_config_is_master - see config_space.h */
bool vfu_config_is_master(const struct vfu_config *config)
{
	return config->byte[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/** vfu_config_is_d3hot - see config_space.h */
bool vfu_config_is_d3hot(const struct vfu_config *config)
{
	return (config->byte[CAP_PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) == 3;
}
