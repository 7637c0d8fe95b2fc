// SPDX-License-Identifier: MIT
/* See message.h. Blocking; who may not wait for the other side has a thread for it. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

/* Room for two, so that a second one is seen and not just cut off. */
#define MAX_FDS 2

/* Takes one descriptor out of @m into *@fd, closes all others. False: there were others. */
static bool take_fd(struct msghdr *m, int *fd)
{
	bool good = !(m->msg_flags & MSG_CTRUNC);
	struct cmsghdr *c;
	size_t i, n;
	int got;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*fd < 0) {
				*fd = got;
			} else {
				close(got);
				good = false;
			}
		}
	}
	return good;
}

/* All of @length bytes. *@one_fd: false if there were more descriptors than one so far. */
static int receive_all(int sock, void *buf, size_t length, int *fd, bool *one_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	uint8_t *to = buf;
	ssize_t n;

	while (length) {
		struct iovec iov = { to, length };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				    .msg_controllen = sizeof(control) };

		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ECONNRESET;
		if (!take_fd(&m, fd))
			*one_fd = false;
		to += n;
		length -= n;
	}
	return 0;
}

static int receive_payload(int sock, struct vfu_message *msg, bool *one_fd)
{
	if (msg->header.size < sizeof(msg->header))
		return -EBADMSG;
	msg->length = msg->header.size - sizeof(msg->header);
	if (msg->length > VFU_MAX_PAYLOAD)
		return -EMSGSIZE;
	return receive_all(sock, msg->payload, msg->length, &msg->fd, one_fd);
}

/** vfu_receive - see message.h */
int vfu_receive(int sock, struct vfu_message *msg)
{
	bool one_fd = true;
	int err;

	msg->fd = -1;
	msg->length = 0;
	err = receive_all(sock, &msg->header, sizeof(msg->header), &msg->fd, &one_fd);
	if (!err)
		err = receive_payload(sock, msg, &one_fd);
	if (!err && !one_fd)
		err = -E2BIG;
	if (err && msg->fd >= 0) {
		close(msg->fd);
		msg->fd = -1;
	}
	return err;
}

/** vfu_send - see message.h */
int vfu_send(int sock, struct vfu_message *msg)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov[2] = { { &msg->header, sizeof(msg->header) },
				{ msg->payload, msg->length } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	msg->header.size = sizeof(msg->header) + msg->length;
	if (msg->fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &msg->fd, sizeof(int));
	}
	while (iov[1].iov_len || iov[0].iov_len) {
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* The descriptor went with the first byte. */
		m.msg_control = NULL;
		m.msg_controllen = 0;
		for (unsigned int i = 0; i < 2; i++) {
			size_t part = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;

			iov[i].iov_base = (uint8_t *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			n -= part;
		}
	}
	return 0;
}
