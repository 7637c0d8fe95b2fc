// SPDX-License-Identifier: MIT
/*
 * Detection: the driver knows that it runs on a vGPU, and what it believes of the mediator is what
 * the PVINFO page says.
 *
 * The page is read through BAR 0, behind the driver's back. What breaks these tests: the stock
 * driver (it has no debugfs file), a page that changed after the probe, a driver that takes a field
 * from the wrong offset.
 */

#include <inttypes.h>
#include <sys/klog.h>

#include "igt.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("The driver's idea of its vGPU is what the PVINFO page says.");

#define HW_FENCES	32
#define KLOG_READ_ALL	3
#define KLOG_SIZE	10
#define PPGTT_FULL 2 /* I915_GEM_PPGTT_FULL of 6.12; getparam gives the kind of page tables */

static void check_number(const char *file, const char *name, unsigned long want)
{
	char value[256];

	vgpu_file_field(file, name, value, sizeof(value));
	igt_assert_f(strtoul(value, NULL, 0) == want, "%s is '%s', the page says %#lx\n", name,
		     value, want);
}

static void test_file(struct vgpu_guest *guest)
{
	const struct vgpu_grant *grant = &guest->grant;
	char file[4096], value[256], want[32];

	vgpu_file_read_own(guest, file, sizeof(file));
	igt_info("%s", file);

	vgpu_file_field(file, "active", value, sizeof(value));
	igt_assert_f(!strcmp(value, "yes"), "active is '%s'\n", value);
	vgpu_file_field(file, "version", value, sizeof(value));
	snprintf(want, sizeof(want), "%u.%u", grant->major, grant->minor);
	igt_assert_f(!strcmp(value, want), "version is '%s', the page says %s\n", value, want);
	check_number(file, "id", grant->id);
	check_number(file, "capabilities", grant->caps);
	check_number(file, "fences offered", grant->fences);
	check_number(file, "fences", grant->fences < HW_FENCES ? grant->fences : HW_FENCES);
}

/* The kernel log since this driver was last loaded. The caller frees it. */
static char *kernel_log(void)
{
	int size = klogctl(KLOG_SIZE, NULL, 0);
	char *text = calloc(1, size + 1);

	igt_assert(text);
	igt_assert_f(klogctl(KLOG_READ_ALL, text, size) >= 0, "cannot read the kernel log: %s\n",
		     strerror(errno));
	return text;
}

/* The last line about this device that has @what in it. */
static bool last_line(const char *log, const char *bdf, const char *what, char *line, size_t size)
{
	bool found = false;

	for (const char *at = log; (at = strstr(at, what)); at++) {
		const char *begin = at, *end = strchrnul(at, '\n');

		while (begin > log && begin[-1] != '\n')
			begin--;
		if (!memmem(begin, end - begin, bdf, strlen(bdf)))
			continue;
		snprintf(line, size, "%.*s", (int)(end - begin), begin);
		found = true;
	}
	return found;
}

static void test_log(struct vgpu_guest *guest)
{
	char line[512], want[32], *log = kernel_log();

	igt_assert_f(last_line(log, guest->bdf, "Virtual GPU for Intel GVT-g detected", line,
			       sizeof(line)),
		     "the kernel log has no line about the detection of %s\n", guest->bdf);
	igt_info("%s\n", line);
	snprintf(want, sizeof(want), "version %u.%u", guest->grant.major, guest->grant.minor);
	igt_assert_f(strstr(line, want), "'%s' is not in the line\n", want);
	free(log);
}

/* What the driver lets user space have follows from the capabilities. */
static void test_features(struct vgpu_guest *guest)
{
	int kind = vgpu_getparam(guest->fd, I915_PARAM_HAS_ALIASING_PPGTT);

	igt_info("page tables of kind %d, capabilities %#x\n", kind, guest->grant.caps);
	if (guest->grant.caps & VGT_CAPS_FULL_PPGTT)
		igt_assert_lte(PPGTT_FULL, kind);
	if (guest->grant.caps & VGT_CAPS_HWSP_EMULATION)
		vgpu_check_all_engines(guest->fd);
}

/* The reserved words: read as zero, so that a later version may give them a meaning. */
static void test_reserved(struct vgpu_guest *guest)
{
	static const struct {
		size_t start, end;
	} reserved[] = {
		{ offsetof(struct vgt_if, rsv1), offsetof(struct vgt_if, avail_rs) },
		{ offsetof(struct vgt_if, avail_rs.rsv2), offsetof(struct vgt_if, features_offered) },
		{ offsetof(struct vgt_if, rsv3), offsetof(struct vgt_if, display_ready) },
		{ offsetof(struct vgt_if, rsv5), offsetof(struct vgt_if, g2v_notify) },
		{ offsetof(struct vgt_if, rsv6), offsetof(struct vgt_if, cursor_x_hot) },
		{ offsetof(struct vgt_if, rsv7), sizeof(struct vgt_if) },
		/* In version 1.0, and without the capability later on, these are reserved, too. */
		{ offsetof(struct vgt_if, features_offered), offsetof(struct vgt_if, rsv3) },
		{ offsetof(struct vgt_if, features_wanted), offsetof(struct vgt_if, rsv7) },
	};
	size_t count = ARRAY_SIZE(reserved) - (guest->grant.caps & VGT_CAPS_CHANNEL ? 2 : 0);

	for (size_t i = 0; i < count; i++)
		for (size_t at = reserved[i].start; at < reserved[i].end; at += 4)
			igt_assert_f(!vgpu_read32(guest, VGT_PVINFO_PAGE + at),
				     "the reserved word at PVINFO + %#zx is %#x\n", at,
				     vgpu_read32(guest, VGT_PVINFO_PAGE + at));
}

/* A field reads the same at any width that the ABI allows. */
static void test_widths(struct vgpu_guest *guest)
{
	const volatile uint8_t *page = guest->regs + VGT_PVINFO_PAGE;

	for (size_t at = 0; at < offsetof(struct vgt_if, rsv1); at += 8) {
		uint64_t whole = vgpu_read64(guest, VGT_PVINFO_PAGE + at);
		uint64_t bytes = 0, words = 0;

		for (int i = 7; i >= 0; i--)
			bytes = bytes << 8 | page[at + i];
		for (int i = 6; i >= 0; i -= 2)
			words = words << 16 | *(const volatile uint16_t *)(page + at + i);
		igt_assert_f(bytes == whole && words == whole,
			     "PVINFO + %#zx reads as %#" PRIx64 ", by words %#" PRIx64
			     ", by bytes %#" PRIx64 "\n",
			     at, whole, words, bytes);
	}
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_guest_require(&guest);
	}

	igt_describe("Breaks if the driver does not report its vGPU, or reports another one.");
	igt_subtest("the-debugfs-file-agrees-with-the-pvinfo-page")
		test_file(&guest);

	igt_describe("Breaks if detection is silent, or logs another version.");
	igt_subtest("the-log-names-the-version-that-was-found")
		test_log(&guest);

	igt_describe("Breaks if a capability is offered and not used, or used and not offered.");
	igt_subtest("what-user-space-gets-follows-from-the-capabilities")
		test_features(&guest);

	igt_describe("Breaks if the mediator shows something where the ABI has nothing.");
	igt_subtest("reserved-words-of-the-page-read-as-zero")
		test_reserved(&guest);

	igt_describe("Breaks if the page is decoded by one width only.");
	igt_subtest("the-page-reads-the-same-at-every-width")
		test_widths(&guest);

	igt_fixture
		vgpu_guest_close(&guest);
}
