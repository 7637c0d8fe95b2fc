// SPDX-License-Identifier: MIT
/*
 * The vfio-user server against a client that sends what it likes: the input is the byte stream of
 * its socket, after a version was agreed on. A byte before each message says whether a sealed memfd,
 * an unsealed one, an eventfd or nothing comes along. Engines run between the messages.
 *
 * What must not happen: a crash, a wait, a file or a mapping that is left when the client is gone.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vfio-user/device.h"
#include "vfio-user/message.h"

#define MEMORY (1u << 20)

static struct gvt *gvt;
static struct vfu_device *device;
static int files[3];
static uint64_t now;

static uint64_t now_ns(void *opaque)
{
	return now += 100;
}

static void kick(void *opaque, enum gpu_engine_id engine)
{
}

static void log_line(void *opaque, enum gpu_log_level level, const char *line)
{
}

static const struct gvt_host_ops ops = {
	.page = vfu_device_page, .irq = vfu_device_irq, .now_ns = now_ns, .kick = kick,
	.log = log_line,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct gpu_config gpu = { .platform = GPU_SKL };
	const struct vgpu_config vgpu = { .type = "GVTg_V5_8" };
	char *error = NULL;

	gvt = gvt_new(&gpu, &ops, NULL);
	device = vfu_device_new(gvt, &vgpu, &error);
	files[0] = memfd_create("sealed", MFD_ALLOW_SEALING);
	files[1] = memfd_create("unsealed", MFD_ALLOW_SEALING);
	files[2] = eventfd(0, EFD_NONBLOCK);
	if (!device || ftruncate(files[0], MEMORY) || ftruncate(files[1], MEMORY) ||
	    fcntl(files[0], F_ADD_SEALS, F_SEAL_SHRINK))
		abort();
	return 0;
}

/* True: it went into the socket as a whole. */
static bool send_bytes(int sock, const void *data, size_t length, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)data, length };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	}
	return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

/* What nearly every client begins with, so that no input has to find it. */
static void send_begin(int sock)
{
	/* Version 0.0; memory and bus mastering on. */
	static const uint32_t version[] = { VFIO_USER_VERSION << 16, 20, 0, 0, 0 };
	static const uint32_t master[] = { VFIO_USER_REGION_WRITE << 16, 36, 0, 0,
					   PCI_COMMAND, 0, VFIO_PCI_CONFIG_REGION_INDEX, 4,
					   PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER };

	send_bytes(sock, version, sizeof(version), -1);
	send_bytes(sock, master, sizeof(master), -1);
}

/* The input as messages: what to send along, the command, its length, its payload. */
static void send_input(int sock, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		struct vfio_user_header header = { .id = size, .command = data[1],
						   .flags = data[0] & 0xf0 };
		size_t length = data[2];
		int fd = (data[0] & 3) < 3 ? files[data[0] & 3] : -1;

		/* Rarely a size that is not that of what follows. */
		header.size = sizeof(header) + length + (data[3] > 0xf0 ? data[3] - 0xf8 : 0);
		data += 4;
		size -= 4;
		if (length > size)
			length = size;
		if (!send_bytes(sock, &header, sizeof(header), fd))
			return;
		if (length && !send_bytes(sock, data, length, -1))
			return;
		data += length;
		size -= length;
	}
}

static void check_nothing_is_left(void)
{
	uint64_t addr, poll_ns;
	unsigned int e;

	for (addr = 0; addr < 4 * MEMORY; addr += MEMORY / 4)
		if (vfu_device_page(device, addr, false))
			abort();
	for (e = 0; e < GPU_NUM_ENGINES; e++)
		gvt_engine_run(gvt, e, 100, &poll_ns);
}

/* The lowest descriptor that is free. */
static int free_fd(void)
{
	int fd = dup(files[0]);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A reply that nobody reads must not stop us. */
	const struct timeval at_once = { .tv_usec = 1 };
	int pair[2], before = free_fd();

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		abort();
	setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &at_once, sizeof(at_once));
	send_begin(pair[0]);
	send_input(pair[0], data, size);
	shutdown(pair[0], SHUT_WR);
	vfu_device_serve(device, pair[1]);
	close(pair[0]);
	close(pair[1]);
	check_nothing_is_left();
	if (free_fd() != before)
		abort();
	return 0;
}
