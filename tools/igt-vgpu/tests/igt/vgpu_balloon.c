// SPDX-License-Identifier: MIT
/*
 * Ballooning: everything that the driver puts into the GGTT lies inside the partition that the
 * mediator granted.
 *
 * Three witnesses, each of which can be wrong alone: the driver's allocator (tracepoint), the GGTT
 * entries as the device shows them (BAR 0), and the balloons as the driver reports them (debugfs).
 * What breaks these tests: a driver that reserves one page too few at any of the four edges, or
 * none at all.
 */

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_guest.h"
#include "vgpu_trace.h"

IGT_TEST_DESCRIPTION("What the driver puts into the GGTT lies inside the vGPU's partition.");

#define MAX_BINDS	16384
#define NUM_CONTEXTS	24
#define NUM_MAPS	48
#define PTE_PRESENT	1ull

static struct vgpu_bind binds[MAX_BINDS];

/* Objects of all sizes, so that low and high edges of the holes are used. */
static void touch_gtt_maps(int fd)
{
	uint32_t handle[NUM_MAPS];
	uint32_t *map[NUM_MAPS];

	for (int i = 0; i < NUM_MAPS; i++) {
		uint64_t size = VGPU_PAGE << (i % 9);

		handle[i] = gem_create(fd, size);
		map[i] = gem_mmap__gtt(fd, handle[i], size, PROT_READ | PROT_WRITE);
		*(volatile uint32_t *)map[i] = i;
		((volatile uint32_t *)map[i])[size / 4 - 1] = ~i;
	}
	for (int i = 0; i < NUM_MAPS; i++) {
		uint64_t size = VGPU_PAGE << (i % 9);

		igt_assert_eq_u32(vgpu_read_dword(fd, handle[i], size - 4), ~i);
		gem_munmap(map[i], size);
		gem_close(fd, handle[i]);
	}
}

/*
 * Each context has an image and a ring in the GGTT; a spinner in the first keeps the others from
 * going idle.
 */
static void run_contexts(int fd)
{
	uint32_t context[NUM_CONTEXTS], target = gem_create(fd, VGPU_PAGE), spinner;
	struct vgpu_submit to = { .engine = I915_EXEC_RENDER };

	spinner = vgpu_spin(fd, &to);
	for (int i = 0; i < NUM_CONTEXTS; i++) {
		context[i] = gem_context_create(fd);
		to.context = context[i];
		to.engine = vgpu_engines[i % 4].flags;
		igt_assert_eq(vgpu_store(fd, &to, target, 4 * i, i + 1), 0);
	}
	vgpu_spin_end(fd, spinner);
	for (int i = 0; i < NUM_CONTEXTS; i++) {
		igt_assert_eq_u32(vgpu_read_dword(fd, target, 4 * i), i + 1);
		gem_context_destroy(fd, context[i]);
	}
	gem_close(fd, spinner);
	gem_close(fd, target);
}

static void workload(int fd)
{
	vgpu_check_all_engines(fd);
	if (vgpu_has_gtt_maps(fd))
		touch_gtt_maps(fd);
	run_contexts(fd);
}

/* Every bind into the GGTT, while the driver is given all kinds of work. */
static void test_binds(struct vgpu_guest *guest)
{
	size_t count, in_ggtt = 0;
	uint64_t ggtt;

	igt_require_f(vgpu_has_gtt_maps(guest->fd), "without GTT maps the GGTT is not to be told\n");
	vgpu_trace_start();
	ggtt = vgpu_trace_find_ggtt(guest->fd);
	vgpu_drop_caches(guest);	/* so that contexts that are bound already bind again */
	workload(guest->fd);
	count = vgpu_trace_read(binds, ARRAY_SIZE(binds));
	vgpu_trace_stop();

	for (size_t i = 0; i < count; i++) {
		if (binds[i].vm != ggtt)
			continue;
		in_ggtt++;
		igt_assert_f(vgpu_owns(&guest->grant, binds[i].offset, binds[i].size),
			     "bound %#llx + %#llx, which is outside of the partition\n",
			     (unsigned long long)binds[i].offset,
			     (unsigned long long)binds[i].size);
	}
	igt_info("%zu binds, %zu of them into the GGTT\n", count, in_ggtt);
	/* Each context has an image and a ring, each map one view. */
	igt_assert_lte(2 * NUM_CONTEXTS + NUM_MAPS, in_ggtt);
}

/*
 * The whole GGTT as the device shows it. On a mediator that hides foreign entries this cannot see a
 * bad write, so the violation counter on the host belongs to it; on one that does not, it can.
 */
static void test_entries(struct vgpu_guest *guest)
{
	uint32_t entries = vgpu_ggtt_entries(guest), present = 0;

	workload(guest->fd);
	for (uint32_t i = 0; i < entries; i++) {
		if (!(vgpu_ggtt_entry(guest, i) & PTE_PRESENT))
			continue;
		present++;
		igt_assert_f(vgpu_owns(&guest->grant, i * VGPU_PAGE, VGPU_PAGE),
			     "GGTT entry %#x (address %#llx) is present, but not the vGPU's\n",
			     i, i * VGPU_PAGE);
	}
	igt_info("%u of %u entries are present\n", present, entries);
	igt_assert_lte(NUM_CONTEXTS, present);
}

/*
 * The addresses that the driver has left, from the largest thing it could hold, agree with the
 * grant.
 */
static void test_sizes(struct vgpu_guest *guest)
{
	uint64_t mappable = guest->grant.mappable.end - guest->grant.mappable.start;
	uint64_t hidden = guest->grant.hidden.end - guest->grant.hidden.start;
	struct drm_i915_gem_get_aperture aperture = {};

	do_ioctl(guest->fd, DRM_IOCTL_I915_GEM_GET_APERTURE, &aperture);
	igt_info("GGTT %llu KiB, available %llu KiB; granted %llu + %llu KiB\n",
		 (unsigned long long)aperture.aper_size / 1024,
		 (unsigned long long)aperture.aper_available_size / 1024,
		 (unsigned long long)mappable / 1024, (unsigned long long)hidden / 1024);
	/*
	 * What is pinned for good (rings, status pages, the error capture page) comes off the
	 * grant, no more.
	 */
	igt_assert(aperture.aper_available_size <= mappable + hidden);
	igt_assert(aperture.aper_available_size >= (mappable + hidden) / 2);
}

/* Empty if it is "none". */
static struct vgpu_range range_of(const char *file, const char *name)
{
	unsigned long long start = 0, end = 0;
	char value[256];

	vgpu_file_field(file, name, value, sizeof(value));
	if (!strcmp(value, "none"))
		return (struct vgpu_range){};
	igt_assert_f(sscanf(value, "0x%llx - 0x%llx", &start, &end) == 2, "%s is '%s'\n", name,
		     value);
	return (struct vgpu_range){ start, end };
}

/* A balloon fills exactly [start, end), and there is none if that is empty. Returns its size. */
static uint64_t check_balloon(const char *file, const char *name, uint64_t start, uint64_t end)
{
	struct vgpu_range range;

	if (start == end) {
		igt_assert_f(!strstr(file, name), "'%s' is there, but there is no room for it:\n%s",
			     name, file);
		return 0;
	}
	range = range_of(file, name);
	igt_assert_f(range.start == start && range.end == end,
		     "%s is %#llx-%#llx, and should be %#llx-%#llx\n", name,
		     (unsigned long long)range.start, (unsigned long long)range.end,
		     (unsigned long long)start, (unsigned long long)end);
	return end - start;
}

/*
 * The driver's own account: its portions are the grant's, the balloons are all the rest of the
 * GGTT.
 */
static void test_account(struct vgpu_guest *guest)
{
	uint64_t total = vgpu_ggtt_entries(guest) * VGPU_PAGE;
	uint64_t aperture = gem_mappable_aperture_size(guest->fd), sum = 0;
	struct vgpu_range mappable = guest->grant.mappable, hidden = guest->grant.hidden, said;
	char file[4096], value[256];

	vgpu_file_read_own(guest, file, sizeof(file));
	/* A portion that is absent has no place; its half is one balloon. */
	if (mappable.start == mappable.end)
		mappable.start = mappable.end = 0;
	if (hidden.start == hidden.end)
		hidden.start = hidden.end = 0;
	said = range_of(file, "mappable");
	igt_assert(said.start == mappable.start && said.end == mappable.end);
	said = range_of(file, "nonmappable");
	igt_assert(said.start == hidden.start && said.end == hidden.end);
	if (!mappable.end)
		mappable.start = mappable.end = aperture;
	if (!hidden.end)
		hidden.start = hidden.end = total;

	sum += check_balloon(file, "balloon below mappable", 0, mappable.start);
	sum += check_balloon(file, "balloon above mappable", mappable.end, aperture);
	sum += check_balloon(file, "balloon below nonmappable", aperture, hidden.start);
	sum += check_balloon(file, "balloon above nonmappable", hidden.end, total);
	vgpu_file_field(file, "ballooned out", value, sizeof(value));
	igt_assert_f(strtoull(value, NULL, 0) == sum / 1024, "ballooned out '%s', not %llu KiB\n",
		     value, (unsigned long long)sum / 1024);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_guest_require(&guest);
	}

	igt_describe("Breaks if the allocator hands out an address that the grant does not cover.");
	igt_subtest("the-driver-binds-only-inside-its-partition")
		test_binds(&guest);

	igt_describe("Breaks if a present GGTT entry can be read back outside of the grant.");
	igt_subtest("ggtt-entries-are-present-only-inside-the-partition")
		test_entries(&guest);

	igt_describe("Breaks if the driver counts other space than the grant as its own.");
	igt_subtest("the-available-aperture-is-what-was-granted")
		test_sizes(&guest);

	igt_describe("Breaks if a balloon is missing, too short, too long, or counted twice.");
	igt_subtest("the-balloons-are-all-of-the-ggtt-that-was-not-granted")
		test_account(&guest);

	igt_fixture
		vgpu_guest_close(&guest);
}
