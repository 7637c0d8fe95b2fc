// SPDX-License-Identifier: MIT
/*
 * User space is told of each full reset, by uevents: that it begins, and that the GPU works again.
 * The reset does not wait for that. A uevent is sent under a mutex of all senders, and whoever holds
 * that allocates memory; reclaim of mirrored memory may wait for a batch, and so for a reset.
 *
 * Another lock of a full reset is known and not mended: &intel_reset.backoff_srcu, under which faults
 * in GTT maps allocate, and for which the reset waits (i915_svm_ban()). lockdep tells of that where
 * there was such a fault before, so there must be none.
 *
 * What breaks these tests: events that do not come, or in another order; a reset that sends them
 * itself, of which lockdep knows as soon as there is a listener (the kernel log is judged, too).
 */

#include <linux/netlink.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_mirror.h"

IGT_TEST_DESCRIPTION("The uevents of a full reset.");

#define KERNEL_EVENTS	1		/* the group of what the kernel sends */
#define SOON_MS		20000
#define HEARTBEAT_MS	600000		/* nobody else finds what spins */
#define WHOLE_GPU	"1"		/* parameter reset: full resets only */
#define ENGINES		"3"		/* the default: engines, one by one */

static struct vgpu_guest guest;
static int events = -1;

static int listen_to_events(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS };
	int sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	igt_assert_lte(0, sock);
	igt_assert_eq(bind(sock, (struct sockaddr *)&kernel, sizeof(kernel)), 0);
	return sock;
}

/* The next event of our card says this, in a line of its own. */
static void expect_event(const char *expected)
{
	char text[4096], device[32];
	bool ours = false, said = false;

	snprintf(device, sizeof(device), "DEVNAME=dri/card%u", guest.card);
	while (!ours) {
		struct pollfd event = { .fd = events, .events = POLLIN };
		ssize_t length;

		igt_assert_f(poll(&event, 1, SOON_MS) == 1, "no event within %d s, %s is due\n",
			     SOON_MS / 1000, expected);
		length = recv(events, text, sizeof(text) - 1, 0);
		igt_assert_lt(0, length);
		text[length] = 0;
		said = false;
		for (const char *line = text; line < text + length; line += strlen(line) + 1) {
			ours |= !strcmp(line, device);
			said |= !strcmp(line, expected);
		}
	}
	igt_assert_f(said, "the next event does not say %s\n", expected);
}

static void expect_reset(void)
{
	expect_event("ERROR=1");
	expect_event("RESET=1");
	expect_event("ERROR=0");
}

/* Somebody listens, so memory is allocated for it, under the mutex. */
static void expect_ordinary(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/drm/card%u/uevent", guest.card);
	igt_assert_eq(vgpu_file_write(path, "change"), 0);
	expect_event("ACTION=change");
}

static void test_debugfs(void)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest.fd), .engine = I915_EXEC_RENDER };
	uint32_t spinner;

	vgpu_set_bannable(guest.fd, bad.context, false);
	spinner = vgpu_spin(guest.fd, &bad);
	igt_assert_eq(vgpu_debugfs_write(&guest, "i915_wedged", "0xffffffff"), 0);
	expect_reset();
	vgpu_check_all_engines(guest.fd);
	gem_context_destroy(guest.fd, bad.context);
	gem_close(guest.fd, spinner);
}

/* The batch is polite to nobody: where engines are preempted, it is reset all the same. */
static void test_mirrored(void)
{
	struct vgpu_code code;
	struct vgpu_vm vm;
	uint8_t *at;

	vgpu_vm_require(guest.fd);
	vgpu_vm_open(&vm, guest.fd, I915_EXEC_RENDER);
	at = vgpu_memory_small(VGPU_MIB);
	igt_assert_eq(vgpu_vm_bind(&vm, at, VGPU_MIB, 0), 0);
	vgpu_code_submit_spinning(&code, &vm, at, vgpu_emit_spin);
	igt_assert(!munmap(at, VGPU_MIB));
	expect_reset();
	vgpu_code_end(&code);
	vgpu_vm_close(&vm);
	vgpu_check_all_engines(guest.fd);
}

igt_main
{
	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, HEARTBEAT_MS);
		igt_assert_eq(vgpu_debugfs_write(&guest, "i915_params/reset", WHOLE_GPU), 0);
		events = listen_to_events();
		expect_ordinary();
	}

	igt_describe("Breaks if an event is missing, or they come in another order.");
	igt_subtest("a-full-reset-is-told-as-it-begins-and-when-it-is-over")
		test_debugfs();

	igt_describe("Breaks if the reset for which reclaim waits tells user space itself.");
	igt_subtest("so-is-one-for-which-memory-waits-that-goes")
		test_mirrored();

	igt_fixture {
		close(events);
		igt_assert_eq(vgpu_debugfs_write(&guest, "i915_params/reset", ENGINES), 0);
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
}
