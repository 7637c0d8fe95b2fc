// SPDX-License-Identifier: MIT
/*
 * The guest's own view of its vGPU; vgpu_guest.h is the interface. Must not write to the device's
 * registers.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define REGS_SIZE	0x200000	/* Gen6 to Gen9 */
/*
 * i915_debugfs.c: UNBOUND, BOUND, RETIRE, ACTIVE, FREED, SHRINK_ALL, IDLE, RCU. Not RESET_ACTIVE,
 * which wedges the GPU if it does not get idle.
 */
#define DROP_UNBIND	"0x27f"

int vgpu_file_read(const char *path, char *text, size_t size)
{
	ssize_t got, total = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + total, size - 1 - total);
		if (got > 0)
			total += got;
	} while (got > 0);
	text[total] = '\0';
	close(fd);
	return got < 0 ? -EIO : 0;
}

int vgpu_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* The name of the first entry of @folder that begins with @prefix. */
static bool first_entry(const char *folder, const char *prefix, char *name, size_t size)
{
	struct dirent *de;
	bool found = false;
	DIR *dir = opendir(folder);

	while (dir && !found && (de = readdir(dir))) {
		found = !strncmp(de->d_name, prefix, strlen(prefix));
		if (found)
			snprintf(name, size, "%s", de->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool vgpu_guest_find(char *bdf, size_t size)
{
	const char *wanted = getenv("IGT_VGPU_BDF");

	if (wanted) {
		snprintf(bdf, size, "%s", wanted);
		return true;
	}
	return first_entry("/sys/bus/pci/drivers/i915", "0000:", bdf, size);
}

/* /dev/dri/cardN of the device at @bdf; -1 if the driver did not make one. */
static int open_bdf(const char *bdf)
{
	char path[PATH_MAX], card[32];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/drm", bdf);
	if (!first_entry(path, "card", card, sizeof(card)))
		return -1;
	snprintf(path, sizeof(path), "/dev/dri/%s", card);
	return open(path, O_RDWR | O_CLOEXEC);
}

/*
 * Registers and GGTT entries are mapped apart: the driver maps them with different memory types,
 * and the kernel refuses a map across both.
 */
static void map_bar0(struct vgpu_guest *guest)
{
	char path[PATH_MAX];
	struct stat st;
	void *regs, *ggtt;
	int fd;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/resource0", guest->bdf);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	igt_assert_f(fd >= 0, "%s: %s\n", path, strerror(errno));
	igt_assert(!fstat(fd, &st));
	guest->bar0_size = st.st_size;
	regs = mmap(NULL, REGS_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	igt_assert_f(regs != MAP_FAILED, "cannot map registers of %s: %s\n", path, strerror(errno));
	ggtt = mmap(NULL, st.st_size / 2, PROT_READ, MAP_SHARED, fd, st.st_size / 2);
	igt_assert_f(ggtt != MAP_FAILED, "cannot map the GGTT of %s: %s\n", path, strerror(errno));
	close(fd);
	guest->regs = regs;
	guest->ggtt = ggtt;
}

void vgpu_guest_open(struct vgpu_guest *guest)
{
	const char *wanted = getenv("IGT_VGPU_BDF");
	char path[64], target[PATH_MAX];
	struct stat st;

	memset(guest, 0, sizeof(*guest));
	guest->fd = wanted ? open_bdf(wanted) : __drm_open_driver(DRIVER_INTEL);
	igt_assert_f(guest->fd >= 0, "i915 made no device%s%s\n", wanted ? " of " : "",
		     wanted ?: "");

	igt_assert(!fstat(guest->fd, &st));
	guest->card = minor(st.st_rdev);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev), guest->card);
	igt_assert_f(realpath(path, target), "%s: %s\n", path, strerror(errno));
	igt_assert_lt(snprintf(guest->bdf, sizeof(guest->bdf), "%s", strrchr(target, '/') + 1),
		      (int)sizeof(guest->bdf));

	map_bar0(guest);
	vgpu_read_grant(guest, &guest->grant);
}

void vgpu_guest_close(struct vgpu_guest *guest)
{
	munmap((void *)guest->regs, REGS_SIZE);
	munmap((void *)guest->ggtt, guest->bar0_size / 2);
	close(guest->fd);
	guest->regs = NULL;
	guest->ggtt = NULL;
	guest->fd = -1;
}

void vgpu_guest_require(const struct vgpu_guest *guest)
{
	igt_require_f(guest->grant.magic == VGT_MAGIC,
		      "%s is not a vGPU: its PVINFO magic is %#llx\n", guest->bdf,
		      (unsigned long long)guest->grant.magic);
}

uint32_t vgpu_read32(const struct vgpu_guest *guest, uint32_t offset)
{
	return *(const volatile uint32_t *)(guest->regs + offset);
}

uint64_t vgpu_read64(const struct vgpu_guest *guest, uint32_t offset)
{
	return *(const volatile uint64_t *)(guest->regs + offset);
}

static uint32_t pvinfo32(const struct vgpu_guest *guest, size_t field)
{
	return vgpu_read32(guest, VGT_PVINFO_PAGE + field);
}

/*
 * Gen4 and later (i915_reg.h: FENCE_REG_965_LO): bit 0 valid, bit 1 Y tiling, bits 12-31 the first
 * page; in the high half bits 0-11 the pitch in units of 128 bytes, less one, bits 12-31 the last page.
 */
bool vgpu_read_fence(const struct vgpu_guest *guest, unsigned int n, struct vgpu_fence *fence)
{
	uint64_t reg = vgpu_read64(guest, 0x100000 + 8 * n);
	uint32_t low = reg, high = reg >> 32;

	fence->range.start = low & 0xfffff000;
	fence->range.end = (high & 0xfffff000) + VGPU_PAGE;
	fence->pitch = ((high & 0xfff) + 1) * 128;
	fence->tiling = low & 2 ? I915_TILING_Y : I915_TILING_X;
	return low & 1;
}

void vgpu_read_grant(const struct vgpu_guest *guest, struct vgpu_grant *grant)
{
	uint32_t version = pvinfo32(guest, offsetof(struct vgt_if, version_major));

	grant->magic = vgpu_read64(guest, VGT_PVINFO_PAGE + offsetof(struct vgt_if, magic));
	grant->major = version & 0xffff;
	grant->minor = version >> 16;
	grant->id = pvinfo32(guest, offsetof(struct vgt_if, vgt_id));
	grant->caps = pvinfo32(guest, offsetof(struct vgt_if, vgt_caps));
	grant->mappable.start =
		pvinfo32(guest, offsetof(struct vgt_if, avail_rs.mappable_gmadr.base));
	grant->mappable.end =
		grant->mappable.start +
		pvinfo32(guest, offsetof(struct vgt_if, avail_rs.mappable_gmadr.size));
	grant->hidden.start =
		pvinfo32(guest, offsetof(struct vgt_if, avail_rs.nonmappable_gmadr.base));
	grant->hidden.end =
		grant->hidden.start +
		pvinfo32(guest, offsetof(struct vgt_if, avail_rs.nonmappable_gmadr.size));
	grant->fences = pvinfo32(guest, offsetof(struct vgt_if, avail_rs.fence_num));
}

uint32_t vgpu_ggtt_entries(const struct vgpu_guest *guest)
{
	return guest->bar0_size / 2 / sizeof(uint64_t);
}

uint64_t vgpu_ggtt_entry(const struct vgpu_guest *guest, uint32_t index)
{
	return guest->ggtt[index];
}

static bool inside(const struct vgpu_range *range, uint64_t start, uint64_t size)
{
	return start >= range->start && start + size <= range->end;
}

bool vgpu_owns(const struct vgpu_grant *grant, uint64_t start, uint64_t size)
{
	return inside(&grant->mappable, start, size) || inside(&grant->hidden, start, size);
}

static int debugfs_path(const struct vgpu_guest *guest, const char *name, char *path, size_t size)
{
	return snprintf(path, size, "/sys/kernel/debug/dri/%u/%s", guest->card, name);
}

char *vgpu_debugfs_read(const struct vgpu_guest *guest, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];

	debugfs_path(guest, name, path, sizeof(path));
	return vgpu_file_read(path, text, size) ? NULL : text;
}

void vgpu_file_read_own(const struct vgpu_guest *guest, char *text, size_t size)
{
	igt_assert_f(vgpu_debugfs_read(guest, "i915_vgpu", text, size),
		     "there is no debugfs file i915_vgpu: is this a driver without the series?\n");
}

void vgpu_file_field(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		if (strncmp(line, name, length) || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
		return;
	}
	igt_assert_f(false, "i915_vgpu has no line '%s:':\n%s", name, text);
}

int vgpu_debugfs_write(const struct vgpu_guest *guest, const char *name, const char *text)
{
	char path[PATH_MAX];

	debugfs_path(guest, name, path, sizeof(path));
	return vgpu_file_write(path, text);
}

void vgpu_full_reset(const struct vgpu_guest *guest)
{
	int ret = vgpu_debugfs_write(guest, "i915_wedged", "0xffffffff");

	igt_assert_f(!ret, "i915_wedged: %s\n", strerror(-ret));
}

void vgpu_drop_caches(const struct vgpu_guest *guest)
{
	int ret = vgpu_debugfs_write(guest, "i915_gem_drop_caches", DROP_UNBIND);

	igt_assert_f(!ret, "i915_gem_drop_caches: %s\n", strerror(-ret));
}

uint64_t vgpu_shrinkable(const struct vgpu_guest *guest, unsigned int *objects)
{
	unsigned long long bytes;
	char text[512];

	igt_assert(vgpu_debugfs_read(guest, "i915_gem_objects", text, sizeof(text)));
	igt_assert_eq(sscanf(text, "%u shrinkable [%*u free] objects, %llu bytes", objects, &bytes), 2);
	return bytes;
}

bool vgpu_has_gtt_maps(int fd)
{
	struct drm_i915_gem_mmap_gtt arg = { .handle = gem_create(fd, VGPU_PAGE) };
	int err = ioctl(fd, DRM_IOCTL_I915_GEM_MMAP_GTT, &arg) ? errno : 0;

	gem_close(fd, arg.handle);
	igt_assert_f(!err || err == ENODEV, "MMAP_GTT: %s\n", strerror(err));
	return !err;
}

int vgpu_getparam(int fd, int param)
{
	int value = 0;
	struct drm_i915_getparam gp = { .param = param, .value = &value };

	do_ioctl(fd, DRM_IOCTL_I915_GETPARAM, &gp);
	return value;
}
