// SPDX-License-Identifier: MIT
/* See vfu_fixture.h. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfu_fixture.h"

#define REPLY_ID 0x1234

static void *serve(void *arg)
{
	struct vx *vx = arg;

	vfu_device_serve(vx->device, vx->served);
	shutdown(vx->served, SHUT_RDWR);
	return NULL;
}

void vx_connect(struct vx *vx)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	vx->sock = pair[0];
	vx->served = pair[1];
	assert_int_equal(pthread_create(&vx->thread, NULL, serve, vx), 0);
}

void vx_disconnect(struct vx *vx)
{
	close(vx->sock);
	pthread_join(vx->thread, NULL);
	close(vx->served);
	vx->sock = -1;
}

int vx_memfd(uint64_t size, bool sealed)
{
	int fd = memfd_create("vx-guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

static void make(struct vx_pair *pair, unsigned int n)
{
	const struct vgpu_config config = { .type = "GVTg_V5_8" };
	struct gx_guest *guest = &pair->gx->guest[n];
	struct vx *vx = &pair->vx[n];
	char *error = NULL;

	vx->device = vfu_device_new(pair->gx->gvt, &config, &error);
	if (!vx->device)
		fail_msg("vfu_device_new: %s", error);
	vx->memfd = vx_memfd(VX_MEMORY, true);
	vx->guest = guest;
	guest->gx = pair->gx;
	guest->vgpu = vfu_device_vgpu(vx->device);
	guest->stats = vfu_device_stats(vx->device);
	guest->mem = mmap(NULL, VX_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, vx->memfd, 0);
	assert_ptr_not_equal(guest->mem, MAP_FAILED);
	guest->next_page = 1;
	guest->next_gma = vgpu_partition(guest->vgpu)->hidden_base;
	vx_connect(vx);
}

int vx_setup(void **state)
{
	struct vx_pair *pair = g_new0(struct vx_pair, 1);

	pair->gx = gx_new(GPU_SKL);
	pair->gx->ops.page = vfu_device_page;
	pair->gx->ops.irq = vfu_device_irq;
	make(pair, 0);
	make(pair, 1);
	*state = pair;
	return 0;
}

int vx_teardown(void **state)
{
	struct vx_pair *pair = *state;
	unsigned int n;

	for (n = 0; n < 2; n++) {
		struct vx *vx = &pair->vx[n];

		if (vx->sock >= 0)
			vx_disconnect(vx);
		munmap(vx->guest->mem, VX_MEMORY);
		close(vx->memfd);
		memset(vx->guest, 0, sizeof(*vx->guest));
		vfu_device_free(vx->device);
	}
	gx_free(pair->gx);
	g_free(pair);
	return 0;
}

int vx_command(struct vx *vx, unsigned int command, const void *payload, size_t length, int fd)
{
	struct vfu_message *msg = &vx->msg;

	memset(msg, 0xa5, sizeof(*msg));
	msg->header = (struct vfio_user_header){ .id = REPLY_ID, .command = command };
	assert_true(length <= sizeof(msg->payload));
	if (length)
		memcpy(msg->payload, payload, length);
	msg->length = length;
	msg->fd = fd;
	assert_int_equal(vfu_send(vx->sock, msg), 0);
	assert_int_equal(vfu_receive(vx->sock, msg), 0);
	assert_int_equal(msg->fd, -1);
	assert_int_equal(msg->header.id, REPLY_ID);
	assert_int_equal(msg->header.command, command);
	assert_int_equal(msg->header.flags & VFIO_USER_TYPE_MASK, VFIO_USER_TYPE_REPLY);
	if (!(msg->header.flags & VFIO_USER_ERROR))
		return 0;
	assert_int_equal(msg->length, 0);
	assert_int_not_equal(msg->header.error, 0);
	return msg->header.error;
}

void vx_negotiate(struct vx *vx)
{
	const struct vfio_user_version version = { 0, 0 };

	assert_int_equal(vx_command(vx, VFIO_USER_VERSION, &version, sizeof(version), -1), 0);
}

bool vx_is_closed(struct vx *vx)
{
	char byte;

	return recv(vx->sock, &byte, 1, 0) == 0;
}

uint64_t vx_read(struct vx *vx, uint32_t region, uint64_t offset, uint32_t count)
{
	const struct vfio_user_access access = { offset, region, count };
	uint64_t value = 0;

	assert_int_equal(vx_command(vx, VFIO_USER_REGION_READ, &access, sizeof(access), -1), 0);
	assert_int_equal(vx->msg.length, sizeof(access) + count);
	assert_memory_equal(&vx->msg.access, &access, sizeof(access));
	memcpy(&value, vx->msg.access.data, count < 8 ? count : 8);
	return value;
}

void vx_write(struct vx *vx, uint32_t region, uint64_t offset, uint32_t count, uint64_t value)
{
	const struct vfio_user_access access = { offset, region, count };
	uint8_t write[sizeof(access) + sizeof(value)];

	memcpy(write, &access, sizeof(access));
	memcpy(write + sizeof(access), &value, sizeof(value));
	assert_int_equal(vx_command(vx, VFIO_USER_REGION_WRITE, write, sizeof(access) + count, -1),
			 0);
	assert_int_equal(vx->msg.length, sizeof(access));
	assert_memory_equal(&vx->msg.access, &access, sizeof(access));
}

int vx_dma_map(struct vx *vx, uint64_t address, uint64_t size, uint64_t offset, uint32_t flags,
	       int fd)
{
	const struct vfio_user_dma_map map = { sizeof(map), flags, offset, address, size };

	return vx_command(vx, VFIO_USER_DMA_MAP, &map, sizeof(map), fd);
}

int vx_dma_unmap(struct vx *vx, uint64_t address, uint64_t size)
{
	const struct vfio_user_dma_unmap unmap = { sizeof(unmap), 0, address, size };

	return vx_command(vx, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), -1);
}

int vx_set_irq(struct vx *vx, uint32_t index, uint32_t flags, uint32_t count, int fd)
{
	const struct vfio_irq_set set = { sizeof(set), flags, index, 0, count };

	return vx_command(vx, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), fd);
}

void vx_boot(struct vx *vx)
{
	vx_negotiate(vx);
	assert_int_equal(vx_dma_map(vx, 0, VX_MEMORY, 0,
				    VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE, vx->memfd), 0);
	vx_write(vx, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, 2,
		 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	gx_start(vx->guest);
}

unsigned int vx_events(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}
