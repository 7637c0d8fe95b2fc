// SPDX-License-Identifier: MIT
/*
 * A full reset: user space is told of it, by uevents; it takes the fences, of which no access through
 * a tiled GTT map may know; and it waits for nobody who might wait for it. Such are all who hold
 * what they need to enter reclaim, for mirrored memory goes when its batch has ended, and the end of
 * a batch may be a reset.
 *
 * Senders of uevents hold a mutex, faults in GTT maps a lock of resets, &intel_reset.backoff_srcu,
 * and lockdep knows who allocates under either as soon as there is a listener, and a map.
 *
 * What breaks these tests: events that do not come, or in another order; a fence that is not there
 * again when a map is; and, since the kernel log is judged, too, a reset that waits under a lock of
 * those.
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
#include "vgpu_state.h"
#include "vgpu_tiled.h"

IGT_TEST_DESCRIPTION("A full reset: who is told, who waits, what comes back.");

#define KERNEL_EVENTS	1		/* the group of what the kernel sends */
#define SOON_MS		20000
#define HEARTBEAT_MS	600000		/* nobody else finds what spins */
#define WHOLE_GPU	"1"		/* parameter reset: full resets only */
#define ENGINES		"3"		/* the default: engines, one by one */
#define RESETS		20

static struct vgpu_guest guest;

/* ---- events ---- */

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

static void test_told(void)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest.fd), .engine = I915_EXEC_RENDER };
	uint32_t spinner;

	vgpu_set_bannable(guest.fd, bad.context, false);
	spinner = vgpu_spin(guest.fd, &bad);
	vgpu_full_reset(&guest);
	expect_reset();
	vgpu_check_all_engines(guest.fd);
	gem_context_destroy(guest.fd, bad.context);
	gem_close(guest.fd, spinner);
}

/* ---- GTT maps ---- */

/* With more maps than fences there are faults at any time, and all of them again after a reset. */
static void test_astray(void)
{
	unsigned int count = gem_available_fences(guest.fd) + 2;
	struct vgpu_painter *painters;

	vgpu_tiled_require(guest.fd);
	painters = vgpu_painters_start(guest.fd, count);
	for (int i = 0; i < RESETS; i++) {
		struct vgpu_painter *one = &painters[i % count];
		unsigned int before = atomic_load(&one->times);

		vgpu_full_reset(&guest);
		while (atomic_load(&one->times) < before + 2)
			usleep(1000);
	}
	vgpu_painters_stop(guest.fd, painters, count);
	vgpu_check_all_engines(guest.fd);
}

/* ---- mirrored memory that goes while a batch uses it ---- */

static void unmap(uint8_t *at)
{
	igt_assert(!munmap(at, VGPU_MIB));
}

/* The file's mappings are locked meanwhile, as those of GTT maps are by the reset. */
static void cut(uint8_t *at)
{
	igt_assert(!madvise(at, VGPU_MIB, MADV_REMOVE));
}

/* The batch is polite to nobody: where engines are preempted, it is reset all the same. */
static void test_goes(uint8_t *(*memory)(uint64_t size), void (*take)(uint8_t *at))
{
	struct vgpu_work work;
	struct vgpu_code code;
	struct vgpu_vm vm;
	uint8_t *at;

	vgpu_vm_require(guest.fd);
	vgpu_work_begin(&guest, &work);
	events = listen_to_events();
	expect_ordinary();
	vgpu_vm_open(&vm, guest.fd, I915_EXEC_RENDER);
	at = memory(VGPU_MIB);
	igt_assert_eq(vgpu_vm_bind(&vm, at, VGPU_MIB, 0), 0);
	vgpu_code_submit_spinning(&code, &vm, at, vgpu_emit_spin);
	take(at);
	expect_reset();
	vgpu_code_end(&code);
	vgpu_vm_close(&vm);
	close(events);
	vgpu_work_check(&guest, &work);
	vgpu_work_end(&guest, &work);
}

igt_main
{
	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, HEARTBEAT_MS);
		igt_assert_eq(vgpu_debugfs_write(&guest, "i915_params/reset", WHOLE_GPU), 0);
	}

	igt_describe("Breaks if an event is missing, or they come in another order.");
	igt_subtest("user-space-is-told-as-it-begins-and-when-it-is-over") {
		events = listen_to_events();
		expect_ordinary();
		test_told();
		close(events);
	}

	igt_describe("Breaks if a map is there during a reset, or its fence is not there again after it.");
	igt_subtest("no-access-by-a-tiled-map-goes-astray")
		test_astray();

	igt_describe("Breaks if a reset for which memory waits needs who holds a lock and allocates.");
	igt_subtest("memory-goes-that-needs-it-where-there-are-maps-and-listeners")
		test_goes(vgpu_memory_small, unmap);

	igt_describe("Breaks if the reset needs the lock of the mappings of a file that gets shorter.");
	igt_subtest("so-does-memory-of-a-file")
		test_goes(vgpu_memory_shared, cut);

	igt_fixture {
		igt_assert_eq(vgpu_debugfs_write(&guest, "i915_params/reset", ENGINES), 0);
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
}
