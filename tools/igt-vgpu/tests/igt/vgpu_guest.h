/* SPDX-License-Identifier: MIT */
/*
 * The guest's own view of its vGPU, for every program of this folder: which device it is, what the
 * PVINFO page grants, what the driver's debugfs file says of it, and where the driver really put
 * things.
 *
 * Nothing here asks the mediator: these are the guest's witnesses. (What the mediator saw, its
 * violation counters, is checked from the host by suite_igt.py.)
 */
#ifndef VGPU_GUEST_H
#define VGPU_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "i915_pvinfo_abi.h"

#define VGPU_PAGE	4096ull

/** struct vgpu_range - bytes [start, end) of the GGTT */
struct vgpu_range {
	uint64_t start;
	uint64_t end;
};

/** struct vgpu_grant - what the PVINFO page says that this vGPU owns */
struct vgpu_grant {
	uint64_t magic;
	unsigned int major, minor;
	uint32_t id;
	uint32_t caps;
	struct vgpu_range mappable;
	struct vgpu_range hidden;	/* "nonmappable" in the page */
	uint32_t fences;
};

/** struct vgpu_fence - a fence register that is on */
struct vgpu_fence {
	struct vgpu_range range;
	uint32_t pitch;			/* bytes */
	uint32_t tiling;		/* I915_TILING_X or _Y */
};

/** struct vgpu_guest - one device under test */
struct vgpu_guest {
	int fd;				/* of /dev/dri/cardN */
	unsigned int card;		/* N */
	char bdf[16];			/* "0000:00:02.0" */
	const volatile uint8_t *regs;	/* BAR 0: the registers */
	const volatile uint64_t *ggtt;	/* its upper half: the GGTT's entries */
	size_t bar0_size;		/* bytes */
	struct vgpu_grant grant;
};

/*
 * Open the device: the one whose PCI address is in $IGT_VGPU_BDF, else the first i915 device (so
 * --device= works). Fails the test if there is none. vgpu_guest_require() skips it if the device is
 * no vGPU.
 */
void vgpu_guest_open(struct vgpu_guest *guest);
void vgpu_guest_close(struct vgpu_guest *guest);
void vgpu_guest_require(const struct vgpu_guest *guest);

/*
 * The device's PCI address without opening it: $IGT_VGPU_BDF, else of the first device that i915
 * drives.
 */
bool vgpu_guest_find(char *bdf, size_t size);

/* A register of BAR 0, by a read of that width: it traps, like the driver's own. */
uint32_t vgpu_read32(const struct vgpu_guest *guest, uint32_t offset);
uint64_t vgpu_read64(const struct vgpu_guest *guest, uint32_t offset);
/* What fence register @n says; false: it is off. */
bool vgpu_read_fence(const struct vgpu_guest *guest, unsigned int n, struct vgpu_fence *fence);
void vgpu_read_grant(const struct vgpu_guest *guest, struct vgpu_grant *grant);

/* Number of GGTT entries that the BAR holds; the GGTT is that many pages long. */
uint32_t vgpu_ggtt_entries(const struct vgpu_guest *guest);
uint64_t vgpu_ggtt_entry(const struct vgpu_guest *guest, uint32_t index);
/* Does [start, start + size) lie in one of the two portions? */
bool vgpu_owns(const struct vgpu_grant *grant, uint64_t start, uint64_t size);

/* A file of the device's debugfs folder, cut at @size - 1 bytes; NULL if it is not there. */
char *vgpu_debugfs_read(const struct vgpu_guest *guest, const char *name, char *text, size_t size);
/*
 * The driver's file about its vGPU, i915_vgpu: "name: value" lines. Both fail the test if it is not
 * there.
 */
void vgpu_file_read_own(const struct vgpu_guest *guest, char *text, size_t size);
void vgpu_file_field(const char *text, const char *name, char *value, size_t size);
/* Write to one; returns 0 or -errno. */
int vgpu_debugfs_write(const struct vgpu_guest *guest, const char *name, const char *text);
/* A reset of the whole GPU: whatever the engines execute is ended. */
void vgpu_full_reset(const struct vgpu_guest *guest);
/* Everything that can be unbound is unbound, idle contexts included. */
void vgpu_drop_caches(const struct vgpu_guest *guest);
/* The driver's own count of what its shrinker may take: objects, and their bytes. */
uint64_t vgpu_shrinkable(const struct vgpu_guest *guest, unsigned int *objects);
/* A small file anywhere; both return 0 or -errno. */
int vgpu_file_read(const char *path, char *text, size_t size);
int vgpu_file_write(const char *path, const char *text);

/* Are there GTT maps? Not if the vGPU has next to nothing of the aperture. */
bool vgpu_has_gtt_maps(int fd);

/* DRM_I915_GETPARAM; fails the test if the driver does not know it. */
int vgpu_getparam(int fd, int param);

#endif /* VGPU_GUEST_H */
