/* SPDX-License-Identifier: MIT */
/*
 * Shadow contexts: the images that engines load and save, in the host's memory. For the files of
 * this folder only.
 */
#ifndef GVT_SHADOW_H
#define GVT_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/gpu.h"

struct context;
struct gvt;
struct vgpu;

/*
 * The window: for each engine two places, used in turn, so that two contexts in a row never have
 * the same LRCA and the engine cannot take the second one for the first.
 */
#define SHADOW_PLACES		2
#define SHADOW_PLACE_PAGES	32u	/* room for the largest image */
#define SHADOW_MAX_PAGES	22u
#define SHADOW_WINDOW_PAGES	(GPU_NUM_ENGINES * SHADOW_PLACES * SHADOW_PLACE_PAGES)

/** struct shadow - one image; all guarded by gvt->lock, the image also by who runs it */
struct shadow {
	struct vgpu *vgpu;
	enum gpu_engine_id engine;
	uint32_t lrca;			/* of the guest's image */
	unsigned int pages;		/* of it; constant for an engine */
	struct context *context;	/* that keeps it, NULL: none */
	/* the next one that is kept for this engine, and what points here; if one keeps it */
	struct shadow *next, **link;
	/* all but the registers in it is what the guest's image holds, too */
	bool valid;
	bool running;			/* the engine has it, or what it does with it is parked */
	bool visible;			/* it is in the window ... */
	unsigned int place;		/* ... there */
	/* why nothing is written back since it is on the engine, NULL: all is */
	const char *lost;
	uint64_t pte[SHADOW_MAX_PAGES];	/* the guest's entries at that time */
	uint32_t given[GPU_PAGE_SIZE / 4];	/* register page at that time */
	/* from page 1 on: page 0, the status page, is the guest's own */
	uint8_t *image;
};

/* Pages of a context image of @engine. */
unsigned int shadow_pages(const struct gvt *gvt, enum gpu_engine_id engine);
/* Once, as the GPU is taken over. */
void shadow_init_window(struct gvt *gvt);
/* Host memory of the window, by the owner's (domain 0's) address; any thread. */
void *shadow_window_page(struct gvt *gvt, uint64_t addr);

/*
 * Schedule-in: the shadow of the guest's context, checked and filled, not yet in the window. NULL:
 * refused, and *@why says why.
 */
struct shadow *shadow_get(struct vgpu *vgpu, enum gpu_engine_id engine, uint64_t desc,
			  const char **why);
/* Put it into the window, for the idle engine. */
void shadow_show(struct shadow *shadow);
/* Its LRCA there. */
uint32_t shadow_lrca(const struct shadow *shadow);
/* Take it from the window while others have the engine, and put it where it was. */
void shadow_hide(struct shadow *shadow);
void shadow_reveal(struct shadow *shadow);
/* More of a context that runs: its new tail. False: the image is not there any more. */
bool shadow_renew_tail(struct shadow *shadow);
/* The engine saved it and is done with it: write it back. */
void shadow_put(struct shadow *shadow);
/* The context that keeps it goes away; if it runs, it runs on. */
void shadow_release(struct shadow *shadow);
/* It runs, and nothing of it is to be written back; @why, a literal, goes into the log. */
void shadow_discard(struct shadow *shadow, const char *why);

/* The guest has written the GGTT entry of @page. */
void shadow_ggtt_changed(struct vgpu *vgpu, uint32_t page);
/* Without a context that keeps it, one shadow is kept per engine: drop that. */
void shadow_forget(struct vgpu *vgpu, enum gpu_engine_id engine);

#endif /* GVT_SHADOW_H */
