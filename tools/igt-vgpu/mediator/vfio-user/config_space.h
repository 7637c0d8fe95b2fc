/* SPDX-License-Identifier: MIT */
/*
 * The PCI config space of a Gen9 integrated GPU, where nobody else keeps one for us.
 *
 * Caller: device.c, on the client's thread. In QEMU the same bytes come out of QEMU's own PCI
 * functions (../qemu/igt-pci.c); qemu/test_vfio_user.py compares the two byte for byte.
 */
#ifndef VFIO_USER_CONFIG_SPACE_H
#define VFIO_USER_CONFIG_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFU_CONFIG_SIZE 4096u
#define VFU_IO_SIZE	64u	/* BAR 4 */

struct gpu;

/** struct vfu_config - config space; little endian, as on the bus */
struct vfu_config {
	uint8_t byte[VFU_CONFIG_SIZE];
	uint8_t reset[VFU_CONFIG_SIZE];
	uint8_t writable[VFU_CONFIG_SIZE];	/* which bits a write changes */
};

void vfu_config_init(struct vfu_config *config, const struct gpu *gpu);
void vfu_config_reset(struct vfu_config *config);
/* @offset and @count lie inside. */
void vfu_config_read(const struct vfu_config *config, uint32_t offset, void *data, size_t count);
/* True: this write asks for a function level reset. */
bool vfu_config_write(struct vfu_config *config, uint32_t offset, const void *data, size_t count);
/* May the device reach memory? */
bool vfu_config_is_master(const struct vfu_config *config);
bool vfu_config_is_d3hot(const struct vfu_config *config);

#endif /* VFIO_USER_CONFIG_SPACE_H */
