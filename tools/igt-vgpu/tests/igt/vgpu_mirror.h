/* SPDX-License-Identifier: MIT */
/*
 * A VM that mirrors ranges of the process's memory, batches that use the CPU's pointers in it, and
 * points at which the runner compares the GPU's page tables with the process's. Callers: the
 * vgpu_svm programs.
 *
 * The comparison (../README.rst, "The hold on the truth"): vgpu_vm_sync() prints what the process
 * has mapped, and stops the process; the runner walks the page tables from outside, compares, and
 * lets it go on. It does nothing unless IGT_VGPU_SYNC is set.
 */
#ifndef VGPU_MIRROR_H
#define VGPU_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vgpu_vm_range.h"

#define VGPU_MIB		(1ull << 20)
#define VGPU_HUGE		(2 * VGPU_MIB)	/* size of a huge page */

#define VGPU_CODE_SIZE		65536u
#define VGPU_CODE_DWORDS	(VGPU_CODE_SIZE / 4)
#define VGPU_CODE_SLOTS		64	/* batches of a VM that may exist at a time */

/** struct vgpu_mirror - a range that is bound, or was */
struct vgpu_mirror {
	uint64_t addr, length;
	uint64_t flags;
	uint32_t handle;	/* 0: memory */
	bool gone;		/* unbound: the GPU must have nothing there */
};

/** struct vgpu_vm - a VM with its context, and what is bound in it */
struct vgpu_vm {
	int fd;
	uint32_t id;
	uint32_t context;
	uint64_t engine;		/* I915_EXEC_* that batches run on */
	uint32_t base;			/* of its registers */
	uint64_t root;			/* guest physical address of the page tables' root */
	uint8_t *window;		/* CPU addresses without memory: batches lie there */
	uint64_t slots;			/* of the window, those in use */
	unsigned int next_slot;
	struct vgpu_mirror *mirror;	/* unordered */
	unsigned int mirrors, room;
	unsigned int gone;		/* of the mirrors */
	uint64_t expect;		/* see vgpu_vm_expect() */
};

/* Can the driver mirror memory on this device? The second one skips the test if not. */
bool vgpu_vm_supported(int fd);
void vgpu_vm_require(int fd);
void vgpu_vm_open(struct vgpu_vm *vm, int fd, uint64_t engine);
/* Closes context and VM, with whatever is bound. */
void vgpu_vm_close(struct vgpu_vm *vm);
/* One more context in the VM. */
uint32_t vgpu_vm_context(const struct vgpu_vm *vm);

/* These return 0 or -errno, and keep the account of what is bound. */
int vgpu_vm_bind(struct vgpu_vm *vm, const void *at, uint64_t length, uint64_t flags);
int vgpu_vm_bind_object(struct vgpu_vm *vm, uint32_t handle, const void *at, uint64_t length);
int vgpu_vm_unbind(struct vgpu_vm *vm, const void *at, uint64_t length);
/* The ioctl as it stands; no account. */
int vgpu_vm_ioctl(int fd, struct drm_i915_gem_vm_range *range);

/* mmap(), to be read and written; MAP_* and whose memory, or -1. */
uint8_t *vgpu_memory_map(uint64_t size, int flags, int fd);
/*
 * Anonymous memory that nobody touched: in pages of 4 KiB, in huge pages and aligned to them,
 * shared. That in small pages is an area of its own, between two pages without access: where an
 * area is cut, the GPU loses the 2 MiB in which the cut lies, for a moment.
 */
uint8_t *vgpu_memory_small(uint64_t size);
uint8_t *vgpu_memory_huge(uint64_t size);
uint8_t *vgpu_memory_shared(uint64_t size);

/** struct vgpu_code - a batch that is written, then run */
struct vgpu_code {
	struct vgpu_vm *vm;
	uint32_t handle;
	uint32_t context;	/* the VM's, if nobody changes it */
	unsigned int slot;
	uint64_t addr;		/* where it lies in the VM */
	unsigned int count;	/* dwords so far */
	uint32_t *dwords;
	bool written;
	uint32_t *map;		/* of the object, if it is to spin */
};

void vgpu_code_begin(struct vgpu_code *code, struct vgpu_vm *vm);
/* Waits for it and empties it, to be filled again in the same place. */
void vgpu_code_again(struct vgpu_code *code);
/* Where the next command comes to lie, for jumps and for commands that change others. */
uint64_t vgpu_code_here(const struct vgpu_code *code);
void vgpu_emit(struct vgpu_code *code, uint32_t dword);
/* *at = value, 32 bits. */
void vgpu_emit_store(struct vgpu_code *code, const void *at, uint32_t value);
/* *to = *from, 32 bits each. */
void vgpu_emit_copy(struct vgpu_code *code, const void *to, const void *from);
/* Half (0 low, 1 high) of a general purpose register from or to memory, 32 bits; 15 is not free. */
#define VGPU_HALF(n, half)	(2 * (n) + (half))
void vgpu_emit_load(struct vgpu_code *code, unsigned int half, uint64_t from);
void vgpu_emit_save(struct vgpu_code *code, unsigned int half, uint64_t to);
/* The whole register. */
void vgpu_emit_set(struct vgpu_code *code, unsigned int n, uint64_t value);
/* Register n = a + b. */
void vgpu_emit_add(struct vgpu_code *code, unsigned int n, unsigned int a, unsigned int b);
void vgpu_emit_jump(struct vgpu_code *code, uint64_t to);
/* Ends the batch unless the dword at @at is greater than 0. */
void vgpu_emit_end_unless(struct vgpu_code *code, uint64_t at);
/* Jumps in circles until vgpu_code_release(), then ends the batch. */
void vgpu_emit_spin(struct vgpu_code *code);
/* So, and bare hardware may switch to another context meanwhile. */
void vgpu_emit_polite_spin(struct vgpu_code *code);
/* Appends the end and puts it into the object: submitting does so, if nobody did before. */
void vgpu_code_write(struct vgpu_code *code);
/* 0 or -errno. Does not wait. */
int vgpu_code_submit(struct vgpu_code *code);
/* One that has begun, which its store at @at shows, and does not end until it is released. */
typedef void (*vgpu_spin_fn)(struct vgpu_code *code);
void vgpu_code_submit_spinning(struct vgpu_code *code, struct vgpu_vm *vm, uint8_t *at,
			       vgpu_spin_fn spin);
/* vgpu_code_submit() with another object at an address. */
int vgpu_code_submit_with(struct vgpu_code *code, uint32_t handle, const void *at);
/* Ends a submitted batch with vgpu_emit_spin(). */
void vgpu_code_release(struct vgpu_code *code);
bool vgpu_code_busy(const struct vgpu_code *code);
/* Waits for it and forgets it. */
void vgpu_code_end(struct vgpu_code *code);
/* Submit, wait, forget: 0 or -errno. */
int vgpu_code_run(struct vgpu_code *code);

/* One store, one copy, run to their end; 0 or -errno. An empty batch: does the VM execute? */
int vgpu_vm_store(struct vgpu_vm *vm, const void *at, uint32_t value);
int vgpu_vm_copy(struct vgpu_vm *vm, const void *to, const void *from);
int vgpu_vm_nop(struct vgpu_vm *vm);

/*
 * Here the GPU's page tables agree with the process's. Nothing of the VM may run. @present: so many
 * pages (4 KiB) of memory at least must be mapped for the GPU; 0 if none need be.
 */
void vgpu_vm_sync(struct vgpu_vm *vm, unsigned int present);
/*
 * At the next sync at least @bytes must be mapped by entries as large as the device has them: 2 MiB,
 * 64 KiB (Gen9) or none but the usual ones (Gen8).
 */
void vgpu_vm_expect(struct vgpu_vm *vm, uint64_t bytes);

/*
 * A line "name: N" of the driver's debugfs file i915_svm; "ranges": how many are bound, in all VMs.
 */
uint64_t vgpu_svm_counter(unsigned int card, const char *name);
/* Until no range is bound in any VM: those of a VM that is closed go a while later. */
void vgpu_svm_wait_unbound(unsigned int card);

#endif /* VGPU_MIRROR_H */
