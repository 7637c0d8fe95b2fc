// SPDX-License-Identifier: MIT
/* The i915_vma_bind tracepoint; vgpu_trace.h is the interface. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_guest.h"
#include "vgpu_trace.h"

#define INSTANCE	"/sys/kernel/tracing/instances/igt-vgpu"
#define EVENT		INSTANCE "/events/i915/i915_vma_bind/enable"
#define BUFFER_KIB	"4096"

/*
 * A size that nothing else in the driver has: how the probe object is told from what is bound
 * beside it.
 */
#define PROBE_SIZE	(23 * VGPU_PAGE)

static void must_write(const char *path, const char *text)
{
	int ret = vgpu_file_write(path, text);

	igt_assert_f(!ret, "%s: %s\n", path, strerror(-ret));
}

void vgpu_trace_clear(void)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_f(fd >= 0, INSTANCE "/trace: %s\n", strerror(errno));
	close(fd);
}

void vgpu_trace_start(void)
{
	vgpu_trace_stop();
	igt_require_f(!mkdir(INSTANCE, 0700), "no tracefs instance " INSTANCE ": %s\n",
		      strerror(errno));
	igt_require_f(!access(EVENT, W_OK), "the kernel has no tracepoint i915_vma_bind\n");
	must_write(INSTANCE "/buffer_size_kb", BUFFER_KIB);
	must_write(EVENT, "1");
	vgpu_trace_clear();
}

/* Also what an earlier, killed test left behind. */
void vgpu_trace_stop(void)
{
	vgpu_file_write(EVENT, "0");
	rmdir(INSTANCE);
}

size_t vgpu_trace_read(struct vgpu_bind *binds, size_t max)
{
	FILE *file = fopen(INSTANCE "/trace", "r");
	char *line = NULL;
	size_t size = 0, count = 0;

	igt_assert_f(file, INSTANCE "/trace: %s\n", strerror(errno));
	while (getline(&line, &size, file) > 0) {
		struct vgpu_bind bind;
		const char *event = strstr(line, "i915_vma_bind: ");
		const char *vm = strstr(line, " vm=");

		igt_assert_f(!strstr(line, "LOST"), "the trace lost events: %s", line);
		if (!event || !vm)
			continue;
		igt_assert_f(sscanf(event,
				    "i915_vma_bind: obj=%" SCNx64 ", offset=%" SCNx64
				    " size=%" SCNx64,
				    &bind.object, &bind.offset, &bind.size) == 3 &&
				     sscanf(vm, " vm=%" SCNx64, &bind.vm) == 1,
			     "cannot parse the trace line: %s", line);
		igt_assert_f(count < max, "more than %zu binds: make the test's array larger\n",
			     max);
		binds[count++] = bind;
	}
	free(line);
	fclose(file);
	return count;
}

uint64_t vgpu_trace_find_ggtt(int fd)
{
	uint32_t handle = gem_create(fd, PROBE_SIZE);
	uint32_t *map = gem_mmap__gtt(fd, handle, PROBE_SIZE, PROT_READ | PROT_WRITE);
	struct vgpu_bind binds[256];
	size_t count, found = 0;
	uint64_t vm = 0;

	vgpu_trace_clear();
	*(volatile uint32_t *)map = 1;
	count = vgpu_trace_read(binds, ARRAY_SIZE(binds));
	for (size_t i = 0; i < count; i++) {
		if (binds[i].size != PROBE_SIZE)
			continue;
		vm = binds[i].vm;
		found++;
	}
	igt_assert_f(found == 1,
		     "a fault on a GTT map of %llu KiB made %zu binds of that size among %zu\n",
		     PROBE_SIZE / 1024, found, count);
	gem_munmap(map, PROBE_SIZE);
	gem_close(fd, handle);
	vgpu_trace_clear();
	return vm;
}
