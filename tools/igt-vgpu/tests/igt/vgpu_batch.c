// SPDX-License-Identifier: MIT
/* Batches whose effect can be checked; vgpu_batch.h is the interface. */

#include "igt.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_cmd.h"
#include "vgpu_guest.h"

/* Of the blitter; more in vgpu_cmd.h. */
#define CMD_COLOR_BLT		(2u << 29 | 0x50u << 22 | 3u << 20 | 5)
#define CMD_COPY_BLT		(2u << 29 | 0x53u << 22 | 3u << 20 | 8)
#define BLT_32BPP		(3u << 24)
#define ROP_PATTERN		(0xf0u << 16)
#define ROP_SOURCE		(0xccu << 16)

/* The first general purpose register of an engine: a part of each context. */
#define CS_GPR0			0x600

/* The low half of an engine's clock. */
#define CS_TIMESTAMP		0x358

#define BATCH_SIZE		4096
#define SPIN_DWORD		4
#define NOWHERE			((uint64_t)-1)	/* a presumed offset that is never right */

const struct vgpu_engine vgpu_engines[] = {
	{ "rcs0", I915_EXEC_RENDER, 0x2000 },
	{ "bcs0", I915_EXEC_BLT, 0x22000 },
	{ "vcs0", I915_EXEC_BSD, 0x12000 },
	{ "vecs0", I915_EXEC_VEBOX, 0x1a000 },
	{ NULL, 0, 0 },
};

/* One batch buffer that is being written, with the objects that it names. */
struct builder {
	int fd;
	uint32_t handle;
	uint32_t dwords[32];
	unsigned int count;
	struct drm_i915_gem_exec_object2 objects[3];	/* the batch itself stands last */
	unsigned int object_count;
	struct drm_i915_gem_relocation_entry relocs[2];
	unsigned int reloc_count;
};

static void begin(struct builder *b, int fd)
{
	memset(b, 0, sizeof(*b));
	b->fd = fd;
	b->handle = gem_create(fd, BATCH_SIZE);
}

static void emit(struct builder *b, uint32_t dword)
{
	igt_assert(b->count < ARRAY_SIZE(b->dwords));
	b->dwords[b->count++] = dword;
}

/* The 64-bit address of @target + @delta, filled in by the driver. */
static void emit_address(struct builder *b, uint32_t target, uint32_t delta, bool write)
{
	struct drm_i915_gem_relocation_entry *reloc = &b->relocs[b->reloc_count++];

	reloc->target_handle = target;
	reloc->offset = b->count * sizeof(uint32_t);
	reloc->delta = delta;
	reloc->presumed_offset = NOWHERE;
	reloc->read_domains = I915_GEM_DOMAIN_RENDER;
	reloc->write_domain = write ? I915_GEM_DOMAIN_RENDER : 0;
	emit(b, 0);
	emit(b, 0);
	if (target == b->handle)
		return;
	b->objects[b->object_count].handle = target;
	b->objects[b->object_count].flags = write ? EXEC_OBJECT_WRITE : 0;
	b->object_count++;
}

/* Returns 0 or -errno; the batch's handle stays open. */
static int submit(struct builder *b, const struct vgpu_submit *to)
{
	struct drm_i915_gem_exec_object2 *batch = &b->objects[b->object_count];
	struct drm_i915_gem_execbuffer2 eb = {
		.buffers_ptr = (uintptr_t)b->objects,
		.buffer_count = b->object_count + 1,
		.rsvd1 = to->context,
		.flags = to->engine,
	};

	batch->handle = b->handle;
	batch->relocs_ptr = (uintptr_t)b->relocs;
	batch->relocation_count = b->reloc_count;
	gem_write(b->fd, b->handle, 0, b->dwords, b->count * sizeof(uint32_t));
	return __gem_execbuf(b->fd, &eb);
}

int vgpu_store(int fd, const struct vgpu_submit *to, uint32_t target, uint32_t offset,
	       uint32_t value)
{
	struct builder b;
	int ret;

	begin(&b, fd);
	emit(&b, CMD_STORE_DWORD);
	emit_address(&b, target, offset, true);
	emit(&b, value);
	emit(&b, CMD_BATCH_END);
	ret = submit(&b, to);
	gem_close(fd, b.handle);
	return ret;
}

void vgpu_store_checked(int fd, const struct vgpu_submit *to, uint32_t value)
{
	uint32_t target = gem_create(fd, BATCH_SIZE);

	igt_assert_eq(vgpu_store(fd, to, target, 0, value), 0);
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), value);
	gem_close(fd, target);
}

void vgpu_check_all_engines(int fd)
{
	uint32_t value = 0xc0de0000;

	vgpu_for_each_engine(e) {
		struct vgpu_submit to = { .engine = e->flags };

		igt_debug("store on %s\n", e->name);
		vgpu_store_checked(fd, &to, ++value);
	}
}

int vgpu_gpr_load(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t value)
{
	const struct vgpu_submit to = { .context = context, .engine = engine->flags };
	struct builder b;
	int ret;

	begin(&b, fd);
	emit(&b, CMD_LOAD_REGISTER_IMM(1));
	emit(&b, engine->base + CS_GPR0);
	emit(&b, value);
	emit(&b, CMD_BATCH_END);
	ret = submit(&b, &to);
	gem_close(fd, b.handle);
	return ret;
}

/* Of @context, an engine's @reg to @target's dword at @offset. */
static int register_store(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t reg,
			  uint32_t target, uint32_t offset)
{
	const struct vgpu_submit to = { .context = context, .engine = engine->flags };
	struct builder b;
	int ret;

	begin(&b, fd);
	emit(&b, CMD_STORE_REGISTER);
	emit(&b, engine->base + reg);
	emit_address(&b, target, offset, true);
	emit(&b, CMD_BATCH_END);
	ret = submit(&b, &to);
	gem_close(fd, b.handle);
	return ret;
}

int vgpu_gpr_store(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t target,
		   uint32_t offset)
{
	return register_store(fd, context, engine, CS_GPR0, target, offset);
}

int vgpu_timestamp_store(int fd, const struct vgpu_engine *engine, uint32_t target, uint32_t offset)
{
	return register_store(fd, 0, engine, CS_TIMESTAMP, target, offset);
}

/* Dwords 0-3 are a store or nothing; 4 is what vgpu_spin_end() overwrites; 5-7 jump back to it. */
static uint32_t spin(int fd, const struct vgpu_submit *to, uint32_t target, uint32_t value)
{
	struct builder b;

	begin(&b, fd);
	if (target) {
		emit(&b, CMD_STORE_DWORD);
		emit_address(&b, target, 0, true);
		emit(&b, value);
	}
	while (b.count <= SPIN_DWORD)
		emit(&b, CMD_NOOP);
	emit(&b, CMD_BATCH_START);
	emit_address(&b, b.handle, SPIN_DWORD * sizeof(uint32_t), false);
	igt_assert_eq(submit(&b, to), 0);
	return b.handle;
}

uint32_t vgpu_spin(int fd, const struct vgpu_submit *to)
{
	return spin(fd, to, 0, 0);
}

uint32_t vgpu_spin_store(int fd, const struct vgpu_submit *to, uint32_t target, uint32_t value)
{
	return spin(fd, to, target, value);
}

uint32_t vgpu_spin_for_ever(int fd, const struct vgpu_submit *to, uint64_t *address)
{
	struct builder b;

	begin(&b, fd);
	emit(&b, CMD_BATCH_START);
	emit_address(&b, b.handle, 0, false);
	igt_assert_eq(submit(&b, to), 0);
	*address = b.objects[b.object_count].offset;
	return b.handle;
}

uint32_t vgpu_unknown_command(int fd, const struct vgpu_submit *to)
{
	struct builder b;

	begin(&b, fd);
	emit(&b, CMD_UNKNOWN);
	emit(&b, CMD_BATCH_END);
	igt_assert_eq(submit(&b, to), 0);
	return b.handle;
}

void vgpu_spin_end(int fd, uint32_t spinner)
{
	uint32_t *map = gem_mmap__cpu(fd, spinner, 0, BATCH_SIZE, PROT_READ | PROT_WRITE);

	/* Not by pwrite or set_domain: they would wait for the batch that this is to end. */
	((volatile uint32_t *)map)[SPIN_DWORD] = CMD_BATCH_END;
	__sync_synchronize();
	gem_munmap(map, BATCH_SIZE);
}

int vgpu_blit_copy(int fd, uint32_t source, uint32_t target, uint32_t pitch, uint32_t rows)
{
	const struct vgpu_submit to = { .engine = I915_EXEC_BLT };
	struct builder b;
	int ret;

	begin(&b, fd);
	emit(&b, CMD_COPY_BLT);
	emit(&b, BLT_32BPP | ROP_SOURCE | pitch);
	emit(&b, 0);				/* top left: y, x */
	emit(&b, rows << 16 | pitch / 4);	/* bottom right, not included */
	emit_address(&b, target, 0, true);
	emit(&b, 0);				/* source's top left */
	emit(&b, pitch);
	emit_address(&b, source, 0, false);
	emit(&b, CMD_BATCH_END);
	ret = submit(&b, &to);
	gem_close(fd, b.handle);
	return ret;
}

int vgpu_blit_fill(int fd, uint32_t target, uint32_t pitch, uint32_t rows, uint32_t colour)
{
	const struct vgpu_submit to = { .engine = I915_EXEC_BLT };
	struct builder b;
	int ret;

	begin(&b, fd);
	emit(&b, CMD_COLOR_BLT);
	emit(&b, BLT_32BPP | ROP_PATTERN | pitch);
	emit(&b, 0);
	emit(&b, rows << 16 | pitch / 4);
	emit_address(&b, target, 0, true);
	emit(&b, colour);
	emit(&b, CMD_BATCH_END);
	ret = submit(&b, &to);
	gem_close(fd, b.handle);
	return ret;
}

void vgpu_set_bannable(int fd, uint32_t context, bool bannable)
{
	struct drm_i915_gem_context_param param = {
		.ctx_id = context, .param = I915_CONTEXT_PARAM_BANNABLE, .value = bannable,
	};

	do_ioctl(fd, DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &param);
}

void vgpu_set_heartbeat(unsigned int card, unsigned int ms)
{
	char path[128], text[16];

	snprintf(text, sizeof(text), "%u", ms);
	vgpu_for_each_engine(e) {
		snprintf(path, sizeof(path),
			 "/sys/class/drm/card%u/engine/%s/heartbeat_interval_ms", card, e->name);
		igt_assert_eq(vgpu_file_write(path, text), 0);
	}
}

uint32_t vgpu_read_dword(int fd, uint32_t handle, uint64_t offset)
{
	uint32_t value;

	gem_read(fd, handle, offset, &value, sizeof(value));
	return value;
}
