/* SPDX-License-Identifier: MIT */
/*
 * Small objects with X tiling, written and read through GTT maps, for which they need fences.
 * Callers: vgpu_fence, vgpu_reset.
 *
 * The proof that a fence was there when it was needed is the tiling itself: what is written through
 * a tiled map is found, by a plain read of the object, where X tiling puts it, and nowhere else.
 */
#ifndef VGPU_TILED_H
#define VGPU_TILED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/** struct vgpu_tiled - an object and its map */
struct vgpu_tiled {
	uint32_t handle;
	uint8_t *map;
};

/* Skips the test where objects cannot be tiled: the device has no fences. */
void vgpu_tiled_require(int fd);
void vgpu_tiled_make(int fd, struct vgpu_tiled *tiled);
void vgpu_tiled_destroy(int fd, struct vgpu_tiled *tiled);

/* Writes through the map, at points that tell tiling from linear memory, what tells @number. */
void vgpu_tiled_draw(const struct vgpu_tiled *tiled, unsigned int number);
/* What was drawn last is there, through the map and behind its back. */
void vgpu_tiled_check(int fd, const struct vgpu_tiled *tiled, unsigned int number);
/* Nothing was ever written elsewhere: the rest is zero. */
void vgpu_tiled_check_rest(int fd, const struct vgpu_tiled *tiled);

/** struct vgpu_painter - a thread that draws, again and again, in an object of its own */
struct vgpu_painter {
	pthread_t thread;
	struct vgpu_tiled tiled;
	unsigned int number;
	atomic_uint times;	/* so often it has drawn */
	atomic_bool enough;
};

struct vgpu_painter *vgpu_painters_start(int fd, unsigned int count);
/* Each object must be as its painter left it, and nothing ever written elsewhere. */
void vgpu_painters_stop(int fd, struct vgpu_painter *painters, unsigned int count);

#endif /* VGPU_TILED_H */
