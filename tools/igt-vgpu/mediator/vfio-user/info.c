// SPDX-License-Identifier: MIT
/*
 * What the device is and can: the commands that a client sends before and around its guest's work.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "device_types.h"

/* A JSON object in @text of @length bytes with its NUL, or nothing; "capabilities" is one as well. */
static bool is_version_data(const char *text, size_t length)
{
	struct json_tokener *tokener;
	struct json_object *root, *caps = NULL;
	bool good;

	if (!length)
		return true;
	if (memchr(text, 0, length) != text + length - 1)
		return false;
	tokener = json_tokener_new();
	root = json_tokener_parse_ex(tokener, text, length);
	good = root && json_object_is_type(root, json_type_object) &&
	       (!json_object_object_get_ex(root, "capabilities", &caps) ||
		json_object_is_type(caps, json_type_object));
	json_object_put(root);
	json_tokener_free(tokener);
	return good;
}

/** vfu_version - VFIO_USER_VERSION; nothing that a client can do is needed here */
int vfu_version(struct vfu_device *device, struct vfu_message *msg)
{
	struct vfio_user_version *version = &msg->version;
	size_t fixed = sizeof(*version);
	int n;

	if (!is_version_data(version->data, msg->length - fixed))
		return EINVAL;
	if (version->major != VFIO_USER_MAJOR)
		return ENOTSUP;
	version->minor = VFIO_USER_MINOR;
	n = snprintf(version->data, VFU_MAX_PAYLOAD - fixed,
		     "{\"capabilities\":{\"max_msg_fds\":1,\"max_data_xfer_size\":%u,"
		     "\"max_dma_maps\":%u,\"pgsizes\":%u}}",
		     VFU_MAX_DATA, VFU_MAX_RANGES, GPU_PAGE_SIZE);
	msg->length = fixed + n + 1;
	device->negotiated = true;
	return 0;
}

/** vfu_get_info - VFIO_USER_DEVICE_GET_INFO; of VFIO's structure only the first 16 bytes */
int vfu_get_info(struct vfu_device *device, struct vfu_message *msg)
{
	struct vfio_device_info *info = &msg->device_info;

	if (info->argsz < 16)
		return EINVAL;
	info->argsz = 16;
	info->flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI;
	info->num_regions = VFIO_PCI_NUM_REGIONS;
	info->num_irqs = VFIO_PCI_NUM_IRQS;
	msg->length = 16;
	return 0;
}

/** vfu_get_region_info - VFIO_USER_DEVICE_GET_REGION_INFO; nothing can be mapped: all of it traps */
int vfu_get_region_info(struct vfu_device *device, struct vfu_message *msg)
{
	struct vfio_region_info *info = &msg->region_info;
	uint32_t index = info->index;

	if (info->argsz < sizeof(*info) || index >= VFIO_PCI_NUM_REGIONS)
		return EINVAL;
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index,
					   .size = vfu_region_size(device, index) };
	if (info->size)
		info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	msg->length = sizeof(*info);
	return 0;
}

/** vfu_get_irq_info - VFIO_USER_DEVICE_GET_IRQ_INFO */
int vfu_get_irq_info(struct vfu_device *device, struct vfu_message *msg)
{
	static const uint32_t flags[VFU_NUM_VECTORS] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
					    VFIO_IRQ_INFO_AUTOMASKED,
		[VFIO_PCI_MSI_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
	};
	struct vfio_irq_info *info = &msg->irq_info;

	if (info->argsz < sizeof(*info) || info->index >= VFIO_PCI_NUM_IRQS)
		return EINVAL;
	info->argsz = sizeof(*info);
	info->flags = info->index < VFU_NUM_VECTORS ? flags[info->index] : 0;
	info->count = info->index < VFU_NUM_VECTORS;
	msg->length = sizeof(*info);
	return 0;
}

/* One vector, to be acted upon now: mask, unmask, or show that it works. */
static int act(struct vfu_device *device, const struct vfio_irq_set *set)
{
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (action == VFIO_IRQ_SET_ACTION_TRIGGER)
		vfu_interrupt_trigger(&device->interrupt, set->index);
	else if (set->index != VFIO_PCI_INTX_IRQ_INDEX)
		return EINVAL;
	else
		vfu_interrupt_set_masked(&device->interrupt,
					 action == VFIO_IRQ_SET_ACTION_MASK);
	return 0;
}

static bool is_one_bit(uint32_t value)
{
	return value && !(value & (value - 1));
}

static int check_irq_set(const struct vfio_irq_set *set, size_t length)
{
	const uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	const uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	size_t booleans = data == VFIO_IRQ_SET_DATA_BOOL ? set->count : 0;

	if (set->argsz < sizeof(*set) || set->flags & ~(data | action) || !is_one_bit(data) ||
	    !is_one_bit(action) || set->index >= VFU_NUM_VECTORS)
		return EINVAL;
	/* Of each interrupt there is one; none at all means: the end of all of them. */
	if (set->start || set->count > 1 ||
	    (!set->count && (data != VFIO_IRQ_SET_DATA_NONE ||
			     action != VFIO_IRQ_SET_ACTION_TRIGGER)))
		return EINVAL;
	return length - sizeof(*set) < booleans ? EINVAL : 0;
}

/** vfu_set_irqs - VFIO_USER_DEVICE_SET_IRQS; eventfds that tell of masking are not supported */
int vfu_set_irqs(struct vfu_device *device, struct vfu_message *msg)
{
	const struct vfio_irq_set *set = &msg->irq_set;
	uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	int err = check_irq_set(set, msg->length), fd = msg->fd;

	if (err)
		return err;
	msg->length = 0;
	if (!set->count)
		return vfu_interrupt_set_fd(&device->interrupt, set->index, -1);
	if (data == VFIO_IRQ_SET_DATA_EVENTFD) {
		if (!(set->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
			return ENOTSUP;
		msg->fd = -1;
		return vfu_interrupt_set_fd(&device->interrupt, set->index, fd);
	}
	if (data == VFIO_IRQ_SET_DATA_BOOL && !set->data[0])
		return 0;
	return act(device, set);
}
