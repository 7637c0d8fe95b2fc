// SPDX-License-Identifier: MIT
/*
 * The vfio-user protocol: what is agreed on first, and what becomes of messages that are none. After
 * each of them the device still answers.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfu_fixture.h"

#define DEVICE(state)	struct vx *vx = &((struct vx_pair *)*(state))->vx[0]
/* With the NUL at its end. */
#define TEXT(s)		(s), sizeof(s)
#define RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static int get_info(struct vx *vx)
{
	const uint32_t info[4] = { sizeof(info) };

	return vx_command(vx, VFIO_USER_DEVICE_GET_INFO, info, sizeof(info), -1);
}

static int version(struct vx *vx, unsigned int major, unsigned int minor, const char *data,
		   size_t length)
{
	struct {
		struct vfio_user_version fixed;
		char data[256];
	} v = { .fixed = { major, minor } };

	memcpy(v.data, data, length);
	return vx_command(vx, VFIO_USER_VERSION, &v, sizeof(v.fixed) + length, -1);
}

static void the_version_comes_first_and_once(void **state)
{
	DEVICE(state);

	assert_int_equal(get_info(vx), EINVAL);
	assert_int_equal(version(vx, 1, 0, "", 0), ENOTSUP);
	assert_int_equal(get_info(vx), EINVAL);
	assert_int_equal(version(vx, 0, 7, "{}", 3), 0);
	assert_int_equal(vx->msg.version.major, 0);
	assert_int_equal(vx->msg.version.minor, 0);
	assert_non_null(strstr(vx->msg.version.data, "\"max_data_xfer_size\":4096"));
	assert_int_equal(vx->msg.version.data[vx->msg.length - 5], 0);
	assert_int_equal(get_info(vx), 0);
	assert_int_equal(version(vx, 0, 0, "", 0), EINVAL);
	/* Who comes next agrees on it anew. */
	vx_disconnect(vx);
	vx_connect(vx);
	assert_int_equal(get_info(vx), EINVAL);
	vx_negotiate(vx);
}

static void version_data_is_a_json_object(void **state)
{
	static const struct {
		const char *data;
		size_t length;
		int err;
	} rows[] = {
		{ "", 0, 0 },
		{ TEXT("{}"), 0 },
		{ TEXT("{\"capabilities\":{\"max_msg_fds\":8,\"new\":[1]}}"), 0 },
		{ "{}", 2, EINVAL },
		{ TEXT("{}\0x"), EINVAL },
		{ TEXT(""), EINVAL },
		{ TEXT("[1]"), EINVAL },
		{ TEXT("{\"capabilities\":3}"), EINVAL },
		{ TEXT("{\"capabilities\":"), EINVAL },
		{ TEXT("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), EINVAL },
	};
	DEVICE(state);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = version(vx, 0, 0, rows[i].data, rows[i].length);

		if (err != rows[i].err)
			fail_msg("version data %s: errno %d, not %d", rows[i].data, err, rows[i].err);
		vx_disconnect(vx);
		vx_connect(vx);
	}
}

/* Payloads as dwords; 64-bit fields are two of them. */
struct row {
	const char *name;
	unsigned int command, length;
	uint32_t dwords[10];
	int err;
};

static const struct row bad[] = {
	{ "no command", 0, 0, { 0 }, ENOTSUP },
	{ "region I/O descriptors", 6, 16, { 16 }, ENOTSUP },
	{ "a command of servers", 11, 16, { 0 }, ENOTSUP },
	{ "several writes in one", 15, 40, { 1 }, ENOTSUP },
	{ "a device feature", 16, 8, { 8, 1 }, ENOTSUP },
	{ "a command that there is not", 0xffff, 0, { 0 }, ENOTSUP },

	{ "a map without its end", 2, 31, { 32, RW, 0, 0, 0, 0, 0x1000 }, EINVAL },
	{ "a map of another size", 2, 32, { 31, RW, 0, 0, 0, 0, 0x1000 }, EINVAL },
	{ "a map of nothing", 2, 32, { 32, RW, 0, 0, 0, 0, 0, 0 }, EINVAL },
	{ "a map of half a page", 2, 32, { 32, RW, 0, 0, 0, 0, 0x800 }, EINVAL },
	{ "a map at an odd address", 2, 32, { 32, RW, 0, 0, 0x10, 0, 0x1000 }, EINVAL },
	{ "a map at an odd offset", 2, 32, { 32, RW, 0x10, 0, 0, 0, 0x1000 }, EINVAL },
	{ "a map across the end of addresses", 2, 32,
	  { 32, RW, 0, 0, 0xfffff000, 0xffffffff, 0x2000 }, EINVAL },
	{ "a map with a flag too many", 2, 32, { 32, RW | 4, 0, 0, 0, 0, 0x1000 }, EINVAL },
	{ "a map that cannot be read", 2, 32, { 32, 2, 0, 0, 0, 0, 0x1000 }, EINVAL },

	{ "an unmap without its end", 3, 20, { 24, 0, 0, 0, 0x1000 }, EINVAL },
	{ "an unmap of what is not there", 3, 24, { 24, 0, 0, 0, 0x1000 }, ENOENT },
	{ "an unmap with flags", 3, 24, { 24, 2, 0, 0, 0x1000 }, EINVAL },
	{ "an unmap with no room for the reply", 3, 24, { 8, 0, 0, 0, 0x1000 }, EINVAL },

	{ "info without its end", 4, 12, { 16 }, EINVAL },
	{ "info with no room for the reply", 4, 16, { 15 }, EINVAL },
	{ "region info without its end", 5, 16, { 32 }, EINVAL },
	{ "region info with no room for the reply", 5, 32, { 31 }, EINVAL },
	{ "info of a region that there is not", 5, 32, { 32, 0, 9 }, EINVAL },
	{ "info of region ~0", 5, 32, { 32, 0, ~0u }, EINVAL },
	{ "interrupt info without its end", 7, 12, { 16 }, EINVAL },
	{ "interrupt info with no room for the reply", 7, 16, { 15 }, EINVAL },
	{ "info of an interrupt that there is not", 7, 16, { 16, 0, 5 }, EINVAL },

	{ "interrupts without their end", 8, 16, { 20, 0x21 }, EINVAL },
	{ "interrupts of another size", 8, 20, { 19, 0x21, 1, 0, 1 }, EINVAL },
	{ "interrupts with two actions", 8, 20, { 20, 0x31, 1, 0, 1 }, EINVAL },
	{ "interrupts with no action", 8, 20, { 20, 0x01, 1, 0, 1 }, EINVAL },
	{ "interrupts with two kinds of data", 8, 20, { 20, 0x23, 1, 0, 1 }, EINVAL },
	{ "interrupts with a flag too many", 8, 20, { 20, 0x61, 1, 0, 1 }, EINVAL },
	{ "MSI-X, which there is not", 8, 20, { 20, 0x21, 2, 0, 1 }, EINVAL },
	{ "a second MSI", 8, 20, { 20, 0x21, 1, 1, 1 }, EINVAL },
	{ "two MSIs", 8, 20, { 20, 0x21, 1, 0, 2 }, EINVAL },
	{ "no MSI with an eventfd", 8, 20, { 20, 0x24, 1, 0, 0 }, EINVAL },
	{ "no MSI to be masked", 8, 20, { 20, 0x09, 1, 0, 0 }, EINVAL },
	{ "an MSI to be masked", 8, 20, { 20, 0x09, 1, 0, 1 }, EINVAL },
	{ "an MSI that is told of masks", 8, 20, { 20, 0x0c, 1, 0, 1 }, ENOTSUP },
	{ "an INTx that is told of unmasks", 8, 20, { 20, 0x14, 0, 0, 1 }, ENOTSUP },
	{ "a boolean that is not there", 8, 20, { 20, 0x22, 1, 0, 1 }, EINVAL },

	{ "a read without its end", 9, 12, { 0, 0, 0 }, EINVAL },
	{ "a read of nothing", 9, 16, { 0, 0, 0, 0 }, EINVAL },
	{ "a read of too much", 9, 16, { 0, 0, 0, 4097 }, EINVAL },
	{ "a read of everything", 9, 16, { 0, 0, 0, ~0u }, EINVAL },
	{ "a read of a region that is empty", 9, 16, { 0, 0, 1, 4 }, EINVAL },
	{ "a read of a region that there is not", 9, 16, { 0, 0, 9, 4 }, EINVAL },
	{ "a read beyond BAR 0", 9, 16, { 0x1000000, 0, 0, 4 }, EINVAL },
	{ "a read across the end of BAR 0", 9, 16, { 0xfffffc, 0, 0, 8 }, EINVAL },
	{ "a read across the end of BAR 2", 9, 16, { 0xffffffc, 0, 2, 8 }, EINVAL },
	{ "a read across the end of BAR 4", 9, 16, { 62, 0, 4, 4 }, EINVAL },
	{ "a read across the end of config space", 9, 16, { 4095, 0, 7, 2 }, EINVAL },
	{ "a read far out", 9, 16, { 0, 1, 0, 4 }, EINVAL },
	{ "a read at the end of offsets", 9, 16, { 0xfffffffc, 0xffffffff, 7, 8 }, EINVAL },
	{ "a write without its end", 10, 12, { 0, 0, 0 }, EINVAL },
	{ "a write without its data", 10, 16, { 0, 0, 0, 4 }, EINVAL },
	{ "a write without all of its data", 10, 23, { 0, 0, 0, 8, 1, 2 }, EINVAL },
	{ "a write of nothing", 10, 20, { 0, 0, 0, 0, 1 }, EINVAL },
	{ "a write beyond config space", 10, 20, { 4096, 0, 7, 4, 1 }, EINVAL },
};

static void malformed_messages_are_answered_with_an_errno(void **state)
{
	DEVICE(state);
	unsigned int i;

	vx_negotiate(vx);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int err = vx_command(vx, bad[i].command, bad[i].dwords, bad[i].length, -1);

		if (err != bad[i].err)
			fail_msg("%s: errno %d, not %d", bad[i].name, err, bad[i].err);
		assert_int_equal(get_info(vx), 0);
	}
}

/* A message as it is, without vfu_send()'s care. */
static void send_raw(struct vx *vx, struct vfio_user_header header)
{
	assert_int_equal(send(vx->sock, &header, sizeof(header), 0), sizeof(header));
}

static void a_reply_from_the_client_is_refused(void **state)
{
	DEVICE(state);

	vx_negotiate(vx);
	send_raw(vx, (struct vfio_user_header){ 5, VFIO_USER_DEVICE_RESET, 16,
						VFIO_USER_TYPE_REPLY, 0 });
	assert_int_equal(vfu_receive(vx->sock, &vx->msg), 0);
	assert_int_equal(vx->msg.header.error, EINVAL);
	assert_int_equal(get_info(vx), 0);
}

static void a_size_that_is_none_is_answered_and_ends_the_connection(void **state)
{
	static const struct { uint32_t size; int err; } rows[] = {
		{ 0, EBADMSG }, { 15, EBADMSG }, { 16 + VFU_MAX_PAYLOAD + 1, EMSGSIZE },
		{ ~0u, EMSGSIZE },
	};
	DEVICE(state);
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vx_negotiate(vx);
		send_raw(vx, (struct vfio_user_header){ 7, VFIO_USER_REGION_READ, rows[i].size,
							0, 0 });
		assert_int_equal(vfu_receive(vx->sock, &vx->msg), 0);
		assert_int_equal(vx->msg.header.id, 7);
		assert_int_equal(vx->msg.header.error, rows[i].err);
		assert_true(vx_is_closed(vx));
		vx_disconnect(vx);
		vx_connect(vx);
	}
}

static void half_a_message_is_not_executed(void **state)
{
	const uint32_t write[] = { PCI_COMMAND, 0, VFIO_PCI_CONFIG_REGION_INDEX, 2, 7 };
	unsigned int half;
	DEVICE(state);

	for (half = 1; half < 34; half += 11) {
		struct {
			struct vfio_user_header header;
			uint32_t payload[5];
		} msg = { { 1, VFIO_USER_REGION_WRITE, 34, 0, 0 }, { 0 } };

		memcpy(msg.payload, write, sizeof(write));
		vx_negotiate(vx);
		assert_int_equal(send(vx->sock, &msg, half, 0), half);
		vx_disconnect(vx);
		vx_connect(vx);
		vx_negotiate(vx);
		assert_int_equal(vx_read(vx, VFIO_PCI_CONFIG_REGION_INDEX, 4, 2), 0);
		vx_disconnect(vx);
		vx_connect(vx);
	}
}

static void no_reply_means_none(void **state)
{
	struct vfu_message msg = { .header = { 9, VFIO_USER_REGION_WRITE, 0, VFIO_USER_NO_REPLY },
				   .length = sizeof(msg.access) + 2, .fd = -1 };
	DEVICE(state);

	vx_negotiate(vx);
	msg.access = (struct vfio_user_access){ 0x3c, VFIO_PCI_CONFIG_REGION_INDEX, 2 };
	msg.access.data[0] = 0x77;
	assert_int_equal(vfu_send(vx->sock, &msg), 0);
	/* And one that fails. */
	msg.access.region = 99;
	assert_int_equal(vfu_send(vx->sock, &msg), 0);
	assert_int_equal(vx_read(vx, VFIO_PCI_CONFIG_REGION_INDEX, 0x3c, 1), 0x77);
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A GET_INFO with @count descriptors. */
static int info_with_files(struct vx *vx, unsigned int count)
{
	struct {
		struct vfio_user_header header;
		uint32_t payload[4];
	} request = { { 1, VFIO_USER_DEVICE_GET_INFO, 32, 0, 0 }, { 16 } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	unsigned int i;
	int fds[8];

	for (i = 0; i < count; i++)
		fds[i] = eventfd(0, 0);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	assert_int_equal(sendmsg(vx->sock, &m, 0), sizeof(request));
	for (i = 0; i < count; i++)
		close(fds[i]);
	assert_int_equal(vfu_receive(vx->sock, &vx->msg), 0);
	return vx->msg.header.flags & VFIO_USER_ERROR ? vx->msg.header.error : 0;
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	unsigned int before;
	DEVICE(state);

	vx_negotiate(vx);
	before = open_files();
	assert_int_equal(info_with_files(vx, 1), 0);
	assert_int_equal(info_with_files(vx, 2), E2BIG);
	assert_int_equal(info_with_files(vx, 8), E2BIG);
	assert_int_equal(get_info(vx), 0);
	assert_int_equal(open_files(), before);
}

#define T(f) cmocka_unit_test_setup_teardown(f, vx_setup, vx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_version_comes_first_and_once),
		T(version_data_is_a_json_object),
		T(malformed_messages_are_answered_with_an_errno),
		T(a_reply_from_the_client_is_refused),
		T(a_size_that_is_none_is_answered_and_ends_the_connection),
		T(half_a_message_is_not_executed),
		T(no_reply_means_none),
		T(descriptors_that_nobody_asked_for_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
