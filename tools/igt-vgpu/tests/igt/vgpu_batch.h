/* SPDX-License-Identifier: MIT */
/*
 * Batches whose effect can be checked, on any engine and in any context. Callers: every program of
 * this folder that runs something on the GPU. The commands are those of Gen8 and later, 48-bit
 * addresses, relocated by the driver.
 */
#ifndef VGPU_BATCH_H
#define VGPU_BATCH_H

#include <stdbool.h>
#include <stdint.h>

/** struct vgpu_engine - an engine as execbuf and sysfs name it */
struct vgpu_engine {
	const char *name;	/* "rcs0", ... as in sysfs */
	uint64_t flags;		/* I915_EXEC_* */
	uint32_t base;		/* of its registers */
};

/* The engines that a Gen8/9 vGPU has, ended by an entry without a name. */
extern const struct vgpu_engine vgpu_engines[];
#define vgpu_for_each_engine(e)	for (const struct vgpu_engine *e = vgpu_engines; e->name; e++)

/** struct vgpu_submit - where a batch goes */
struct vgpu_submit {
	uint32_t context;
	uint64_t engine;	/* I915_EXEC_* */
};

/* @target's dword at @offset becomes @value, some time after the return. Returns 0 or -errno. */
int vgpu_store(int fd, const struct vgpu_submit *to, uint32_t target, uint32_t offset,
	       uint32_t value);
/* The same, waited for and read back: fails the test unless the value arrived. */
void vgpu_store_checked(int fd, const struct vgpu_submit *to, uint32_t value);
/* vgpu_store_checked() on every engine, default context: "does this vGPU work?" */
void vgpu_check_all_engines(int fd);

/*
 * What tells one context from another: a register of the engine that is saved with the context.
 * Load it, or store it in @target's dword at @offset. Both return 0 or -errno.
 */
int vgpu_gpr_load(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t value);
int vgpu_gpr_store(int fd, uint32_t context, const struct vgpu_engine *engine, uint32_t target,
		   uint32_t offset);

/*
 * A batch that jumps to itself for ever. Returns its handle (busy while it spins); it ends with
 * vgpu_spin_end().
 */
uint32_t vgpu_spin(int fd, const struct vgpu_submit *to);
/* The same, after it has stored @value in @target's first dword. */
uint32_t vgpu_spin_store(int fd, const struct vgpu_submit *to, uint32_t target, uint32_t value);
/*
 * A batch that is nothing but a jump (CMD_BATCH_START) to itself: only a reset ends it. @address:
 * where the GPU has it.
 */
uint32_t vgpu_spin_for_ever(int fd, const struct vgpu_submit *to, uint64_t *address);
/*
 * A batch that is an unknown command (CMD_UNKNOWN), then the end, which is not reached: an engine
 * stops there. Returns its handle.
 */
uint32_t vgpu_unknown_command(int fd, const struct vgpu_submit *to);
/*
 * Store the engine's clock (RING_TIMESTAMP) in @target's dword at @offset. Returns 0 or -errno.
 */
int vgpu_timestamp_store(int fd, const struct vgpu_engine *engine, uint32_t target,
			 uint32_t offset);
/*
 * Let the spinner end: a command in its loop becomes MI_BATCH_BUFFER_END. Does not close @spinner.
 */
void vgpu_spin_end(int fd, uint32_t spinner);

/*
 * On the blitter: copy @rows of @pitch bytes (32 bits a pixel, linear) from @source to @target;
 * fill with @colour.
 */
int vgpu_blit_copy(int fd, uint32_t source, uint32_t target, uint32_t pitch, uint32_t rows);
int vgpu_blit_fill(int fd, uint32_t target, uint32_t pitch, uint32_t rows, uint32_t colour);

/*
 * How often the driver looks whether the engines still answer; it calls it a hang after about four
 * times that. "Never" is refused where there is no preemption. Who changes it sets it back.
 */
#define VGPU_HEARTBEAT_DEFAULT_MS	2500
void vgpu_set_heartbeat(unsigned int card, unsigned int ms);
/* May the driver ban this context after some hangs? A new one may be banned. */
void vgpu_set_bannable(int fd, uint32_t context, bool bannable);

uint32_t vgpu_read_dword(int fd, uint32_t handle, uint64_t offset);

#endif /* VGPU_BATCH_H */
