// SPDX-License-Identifier: MIT
/* What must survive; vgpu_state.h is the interface. */

#include <inttypes.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_state.h"

#define MAP_SIZE	65536u
#define STRIDE		512u
#define GPU_VALUE	0x12345678u
#define CPU_VALUE	0x600df00du
#define MIRROR_SIZE	(4 * VGPU_MIB)	/* of which some may be huge pages */

void vgpu_account_take(const struct vgpu_guest *guest, struct vgpu_account *account)
{
	struct drm_i915_gem_get_aperture aperture = {};

	memset(account, 0, sizeof(*account));
	vgpu_drop_caches(guest);
	do_ioctl(guest->fd, DRM_IOCTL_I915_GEM_GET_APERTURE, &aperture);
	account->total = aperture.aper_size;
	account->available = aperture.aper_available_size;
	account->fences = gem_available_fences(guest->fd);
	vgpu_debugfs_read(guest, "i915_vgpu", account->file, sizeof(account->file));
}

void vgpu_account_compare(const struct vgpu_account *before, const struct vgpu_account *after)
{
	igt_assert_f(after->total == before->total && after->available == before->available,
		     "GGTT %" PRIu64 " KiB, available %" PRIu64 " KiB; before: %" PRIu64
		     ", %" PRIu64 "\n",
		     after->total / 1024, after->available / 1024, before->total / 1024,
		     before->available / 1024);
	igt_assert_eq(after->fences, before->fences);
	igt_assert_f(!strcmp(after->file, before->file),
		     "i915_vgpu says:\n%s\nbut before it said:\n%s\n", after->file, before->file);
}

static void mirror_begin(const struct vgpu_guest *guest, struct vgpu_work *work)
{
	if (!vgpu_vm_supported(guest->fd))
		return;
	vgpu_vm_open(&work->vm, guest->fd, I915_EXEC_RENDER);
	work->mirrored = vgpu_memory_huge(MIRROR_SIZE);
	memset(work->mirrored, 0, MIRROR_SIZE);
	igt_assert_eq(vgpu_vm_bind(&work->vm, work->mirrored, MIRROR_SIZE, 0), 0);
}

/* What the GPU reads and writes there is what the CPU writes and reads, in each page. */
static void mirror_check(struct vgpu_work *work)
{
	static uint32_t value = 0xa110000;
	struct vgpu_code code;

	if (!work->mirrored)
		return;
	vgpu_code_begin(&code, &work->vm);
	for (uint64_t at = 0; at < MIRROR_SIZE; at += 16 * VGPU_PAGE) {
		*(volatile uint32_t *)(work->mirrored + at) = ++value;
		vgpu_emit_copy(&code, work->mirrored + at + 4, work->mirrored + at);
	}
	igt_assert_eq(vgpu_code_run(&code), 0);
	for (uint64_t at = 0; at < MIRROR_SIZE; at += 16 * VGPU_PAGE)
		igt_assert_eq_u32(*(volatile uint32_t *)(work->mirrored + at + 4),
				  *(volatile uint32_t *)(work->mirrored + at));
}

void vgpu_work_begin(const struct vgpu_guest *guest, struct vgpu_work *work)
{
	int fd = guest->fd;
	struct vgpu_submit to;

	memset(work, 0, sizeof(*work));
	work->context = gem_context_create(fd);
	work->stored = gem_create(fd, VGPU_PAGE);
	to = (struct vgpu_submit){ .context = work->context, .engine = I915_EXEC_RENDER };
	igt_assert_eq(vgpu_store(fd, &to, work->stored, 0, GPU_VALUE), 0);
	gem_sync(fd, work->stored);

	work->mapped = gem_create(fd, MAP_SIZE);
	work->gtt_map = gem_mmap__gtt(fd, work->mapped, MAP_SIZE, PROT_READ | PROT_WRITE);
	*(volatile uint32_t *)work->gtt_map = CPU_VALUE;
	mirror_begin(guest, work);

	work->tiled = gem_create(fd, MAP_SIZE);
	if (!gem_available_fences(fd))
		return;
	igt_assert_eq(__gem_set_tiling(fd, work->tiled, I915_TILING_X, STRIDE), 0);
	work->tiled_map = gem_mmap__gtt(fd, work->tiled, MAP_SIZE, PROT_READ | PROT_WRITE);
	/* Row 8 of a surface one tile wide begins the second tile, that is, the second page. */
	((volatile uint32_t *)work->tiled_map)[8 * STRIDE / 4] = CPU_VALUE;
}

void vgpu_work_check(const struct vgpu_guest *guest, struct vgpu_work *work)
{
	const struct vgpu_submit to = { .context = work->context, .engine = I915_EXEC_RENDER };
	int fd = guest->fd;

	igt_assert_eq_u32(vgpu_read_dword(fd, work->stored, 0), GPU_VALUE);
	igt_assert_eq(vgpu_store(fd, &to, work->stored, 4, ~GPU_VALUE), 0);
	igt_assert_eq_u32(vgpu_read_dword(fd, work->stored, 4), ~GPU_VALUE);

	igt_assert_eq_u32(*(volatile uint32_t *)work->gtt_map, CPU_VALUE);
	((volatile uint32_t *)work->gtt_map)[1] = ~CPU_VALUE;
	igt_assert_eq_u32(vgpu_read_dword(fd, work->mapped, 4), ~CPU_VALUE);

	if (work->tiled_map) {
		igt_assert_eq_u32(((volatile uint32_t *)work->tiled_map)[8 * STRIDE / 4],
				  CPU_VALUE);
		igt_assert_eq_u32(vgpu_read_dword(fd, work->tiled, VGPU_PAGE), CPU_VALUE);
	}
	mirror_check(work);
	vgpu_check_all_engines(fd);
}

void vgpu_work_end(const struct vgpu_guest *guest, struct vgpu_work *work)
{
	gem_munmap(work->gtt_map, MAP_SIZE);
	if (work->tiled_map)
		gem_munmap(work->tiled_map, MAP_SIZE);
	gem_close(guest->fd, work->stored);
	gem_close(guest->fd, work->mapped);
	gem_close(guest->fd, work->tiled);
	gem_context_destroy(guest->fd, work->context);
	if (work->mirrored)
		vgpu_vm_close(&work->vm);
}
