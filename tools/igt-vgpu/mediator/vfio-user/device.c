// SPDX-License-Identifier: MIT
/* See device.h. The life of a device and of its client, and which command is whose. */
#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "device_types.h"
#include "stats/stats.h"

/** vfu_device_page - see device.h: struct gvt_host_ops.page */
void *vfu_device_page(void *opaque, uint64_t addr, bool write)
{
	struct vfu_device *device = opaque;

	return atomic_load(&device->master) ? vfu_memory_page(&device->memory, addr, write) : NULL;
}

/** vfu_device_irq - see device.h: struct gvt_host_ops.irq */
void vfu_device_irq(void *opaque, bool level)
{
	struct vfu_device *device = opaque;

	vfu_interrupt_update(&device->interrupt);
}

/** vfu_device_new - see device.h */
struct vfu_device *vfu_device_new(struct gvt *gvt, const struct vgpu_config *config, char **error)
{
	struct vfu_device *device = g_new0(struct vfu_device, 1);
	struct vgpu_config mine = *config;

	device->gvt = gvt;
	device->stats = stats_new();
	vfu_memory_init(&device->memory);
	vfu_config_init(&device->config, gvt_gpu(gvt));
	mine.opaque = device;
	mine.stats = device->stats;
	if (vfu_interrupt_init(&device->interrupt, device->stats, error))
		device->vgpu = vgpu_new(gvt, &mine, error);
	if (!device->vgpu) {
		vfu_device_free(device);
		return NULL;
	}
	device->memory.vgpu = device->vgpu;
	vfu_interrupt_set_vgpu(&device->interrupt, device->vgpu);
	return device;
}

/** vfu_device_free - see device.h */
void vfu_device_free(struct vfu_device *device)
{
	vfu_interrupt_set_vgpu(&device->interrupt, NULL);
	vgpu_free(device->vgpu);
	vfu_interrupt_fini(&device->interrupt);
	vfu_memory_fini(&device->memory);
	stats_free(device->stats);
	g_free(device);
}

struct vgpu *vfu_device_vgpu(struct vfu_device *device)
{
	return device->vgpu;
}

struct stats *vfu_device_stats(struct vfu_device *device)
{
	return device->stats;
}

/**
 * vfu_device_set_master - what is out of reach now is not reached through old pointers either
 *
 * What comes into reach was not remembered as missing.
 */
void vfu_device_set_master(struct vfu_device *device, bool master)
{
	if (atomic_exchange(&device->master, master) && !master)
		vgpu_invalidate_host_pages(device->vgpu);
}

/**
 * vfu_device_reset - power-on state of the vGPU and its config space
 *
 * The vGPU goes first, for it looks at the power state that it is in. Memory and eventfds are the
 * client's to take back.
 */
void vfu_device_reset(struct vfu_device *device)
{
	vgpu_reset(device->vgpu);
	vfu_config_reset(&device->config);
	vfu_device_set_master(device, false);
	device->io_index = 0;
	vfu_interrupt_reset(&device->interrupt);
}

/* The client is gone: nobody's memory, nobody to tell, and no driver that would wake up from S3. */
static void forget_client(struct vfu_device *device)
{
	unsigned int i;

	for (i = 0; i < VFU_NUM_VECTORS; i++)
		vfu_interrupt_set_fd(&device->interrupt, i, -1);
	vgpu_forget_guest(device->vgpu);
	vfu_device_reset(device);
	vfu_memory_clear(&device->memory);
	device->negotiated = false;
}

/* ---- commands ---- */

static int dma_map(struct vfu_device *device, struct vfu_message *msg)
{
	int err = vfu_memory_map(&device->memory, &msg->dma_map, msg->fd);

	msg->length = 0;
	return err;
}

static int dma_unmap(struct vfu_device *device, struct vfu_message *msg)
{
	const struct vfio_user_dma_unmap *unmap = &msg->dma_unmap;

	if (unmap->argsz < sizeof(*unmap) || unmap->flags)
		return EINVAL;
	msg->length = sizeof(*unmap);
	return vfu_memory_unmap(&device->memory, unmap->address, unmap->size);
}

static int reset(struct vfu_device *device, struct vfu_message *msg)
{
	msg->length = 0;
	vfu_device_reset(device);
	return 0;
}

/* What is not here is ENOTSUP. @fixed: the least payload. */
static const struct {
	vfu_command_fn *run;
	size_t fixed;
} commands[] = {
	[VFIO_USER_VERSION] = { vfu_version, sizeof(struct vfio_user_version) },
	[VFIO_USER_DMA_MAP] = { dma_map, sizeof(struct vfio_user_dma_map) },
	[VFIO_USER_DMA_UNMAP] = { dma_unmap, sizeof(struct vfio_user_dma_unmap) },
	[VFIO_USER_DEVICE_GET_INFO] = { vfu_get_info, 16 },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { vfu_get_region_info,
					       sizeof(struct vfio_region_info) },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { vfu_get_irq_info, sizeof(struct vfio_irq_info) },
	[VFIO_USER_DEVICE_SET_IRQS] = { vfu_set_irqs, sizeof(struct vfio_irq_set) },
	[VFIO_USER_REGION_READ] = { vfu_region_read, sizeof(struct vfio_user_access) },
	[VFIO_USER_REGION_WRITE] = { vfu_region_write, sizeof(struct vfio_user_access) },
	[VFIO_USER_DEVICE_RESET] = { reset, 0 },
};

static int run_command(struct vfu_device *device, struct vfu_message *msg)
{
	unsigned int command = msg->header.command;

	if ((msg->header.flags & VFIO_USER_TYPE_MASK) != VFIO_USER_TYPE_COMMAND)
		return EINVAL;
	if (command >= sizeof(commands) / sizeof(commands[0]) || !commands[command].run)
		return ENOTSUP;
	if (device->negotiated != (command != VFIO_USER_VERSION) ||
	    msg->length < commands[command].fixed)
		return EINVAL;
	return commands[command].run(device, msg);
}

/* False: the client is gone. */
static bool reply(int sock, struct vfu_message *msg, int err)
{
	if (msg->fd >= 0)
		close(msg->fd);
	msg->fd = -1;
	if (msg->header.flags & VFIO_USER_NO_REPLY)
		return true;
	msg->header.flags = VFIO_USER_TYPE_REPLY | (err ? VFIO_USER_ERROR : 0);
	msg->header.error = err;
	if (err)
		msg->length = 0;
	return !vfu_send(sock, msg);
}

/** vfu_device_serve - see device.h */
void vfu_device_serve(struct vfu_device *device, int sock)
{
	struct vfu_message *msg = g_new0(struct vfu_message, 1);
	int err;

	for (;;) {
		err = -vfu_receive(sock, msg);
		if (err == ECONNRESET)
			break;
		if (err == EBADMSG || err == EMSGSIZE) {
			reply(sock, msg, err);
			break;
		}
		if (!reply(sock, msg, err ? err : run_command(device, msg)))
			break;
	}
	forget_client(device);
	g_free(msg);
}
