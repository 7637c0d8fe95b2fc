// SPDX-License-Identifier: MIT
/*
 * Config space and BARs: a client's accesses on behalf of its guest.
 *
 * An access of 1, 2, 4 or 8 bytes to a BAR reaches the mediator as the guest made it, wherever it
 * lies: the mediator refuses and counts what hardware would not take. Others come in parts.
 */
#include <errno.h>
#include <string.h>

#include "device_types.h"

/* BAR 4: an index and a data port onto the registers, no GGTT (PRM, "MMIO_INDEX", "MMIO_DATA"). */
#define IO_INDEX	0
#define IO_DATA		4

/** vfu_region_size - 0: there is no such region */
uint64_t vfu_region_size(const struct vfu_device *device, uint32_t index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return GPU_BAR0_SIZE;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return gpu_aperture_size(gvt_gpu(device->gvt));
	case VFIO_PCI_BAR4_REGION_INDEX:
		return VFU_IO_SIZE;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return VFU_CONFIG_SIZE;
	default:
		return 0;
	}
}

/* ---- BARs, at most 8 bytes ---- */

static bool is_io_target(const struct vfu_device *device, uint32_t offset, unsigned int size)
{
	return offset == IO_DATA && size == 4 && device->io_index < GPU_MMIO_SIZE;
}

static uint64_t bar_read(struct vfu_device *device, uint32_t bar, uint32_t offset,
			 unsigned int size)
{
	if (bar == VFIO_PCI_BAR0_REGION_INDEX)
		return vgpu_bar0_read(device->vgpu, offset, size);
	if (bar == VFIO_PCI_BAR2_REGION_INDEX)
		return vgpu_aperture_read(device->vgpu, offset, size);
	if (offset == IO_INDEX)
		return device->io_index;
	return is_io_target(device, offset, size) ?
	       vgpu_bar0_read(device->vgpu, device->io_index, 4) : 0;
}

static void bar_write(struct vfu_device *device, uint32_t bar, uint32_t offset, unsigned int size,
		      uint64_t value)
{
	if (bar == VFIO_PCI_BAR0_REGION_INDEX)
		vgpu_bar0_write(device->vgpu, offset, size, value);
	else if (bar == VFIO_PCI_BAR2_REGION_INDEX)
		vgpu_aperture_write(device->vgpu, offset, size, value);
	else if (offset == IO_INDEX && size == 4)
		device->io_index = value & ~3u;
	else if (is_io_target(device, offset, size))
		vgpu_bar0_write(device->vgpu, device->io_index, 4, value);
}

/* How much of the @left bytes of an access goes in one piece. */
static unsigned int piece(const struct vfio_user_access *access, uint32_t left)
{
	uint64_t offset = access->offset + access->count - left;
	unsigned int size = 8;

	if (left == access->count && (left == 1 || left == 2 || left == 4 || left == 8))
		return left;
	while (size > left || offset % size)
		size /= 2;
	return size;
}

static void bar_access(struct vfu_device *device, struct vfio_user_access *access, bool write)
{
	uint32_t done, size;
	uint64_t value;

	for (done = 0; done < access->count; done += size) {
		uint64_t offset = access->offset + done;

		size = piece(access, access->count - done);
		value = 0;
		if (write) {
			memcpy(&value, access->data + done, size);
			bar_write(device, access->region, offset, size, value);
		} else {
			value = bar_read(device, access->region, offset, size);
			memcpy(access->data + done, &value, size);
		}
	}
}

/* ---- config space ---- */

static void config_write(struct vfu_device *device, const struct vfio_user_access *access)
{
	struct vfu_config *config = &device->config;
	bool was_d3hot = vfu_config_is_d3hot(config);

	if (vfu_config_write(config, access->offset, access->data, access->count)) {
		vfu_device_reset(device);
		return;
	}
	if (vfu_config_is_d3hot(config) != was_d3hot)
		vgpu_set_power(device->vgpu, !was_d3hot);
	vfu_device_set_master(device, vfu_config_is_master(config));
}

/* ---- the commands ---- */

static int check_access(const struct vfu_device *device, const struct vfio_user_access *access)
{
	uint64_t size = vfu_region_size(device, access->region);

	if (!access->count || access->count > VFU_MAX_DATA || access->offset >= size ||
	    access->count > size - access->offset)
		return EINVAL;
	return 0;
}

/** vfu_region_read - VFIO_USER_REGION_READ */
int vfu_region_read(struct vfu_device *device, struct vfu_message *msg)
{
	struct vfio_user_access *access = &msg->access;
	int err = check_access(device, access);

	if (err)
		return err;
	if (access->region == VFIO_PCI_CONFIG_REGION_INDEX)
		vfu_config_read(&device->config, access->offset, access->data, access->count);
	else
		bar_access(device, access, false);
	msg->length = sizeof(*access) + access->count;
	return 0;
}

/** vfu_region_write - VFIO_USER_REGION_WRITE */
int vfu_region_write(struct vfu_device *device, struct vfu_message *msg)
{
	struct vfio_user_access *access = &msg->access;
	int err = check_access(device, access);

	if (!err && msg->length - sizeof(*access) < access->count)
		err = EINVAL;
	if (err)
		return err;
	if (access->region == VFIO_PCI_CONFIG_REGION_INDEX)
		config_write(device, access);
	else
		bar_access(device, access, true);
	msg->length = sizeof(*access);
	return 0;
}
