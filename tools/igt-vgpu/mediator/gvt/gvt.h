/* SPDX-License-Identifier: MIT */
/*
 * The mediator: several vGPUs on the one software GPU of ../gpu, as GVT-g does it on hardware.
 *
 * Caller: a device front end (../qemu). The mediator owns the GPU and drives it as a host driver
 * drives hardware: through its registers, GGTT entries, execlists and interrupts, never through its
 * internals.
 *
 * Threads: every function may be called from any thread unless it says otherwise. gvt->lock is
 * taken inside; lock order is gvt->lock, then gpu->lock. Callbacks of struct gvt_host_ops say what
 * they may be called under.
 */
#ifndef GVT_H
#define GVT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/gpu.h"

#define GVT_MAX_VGPUS	8
#define VGPU_MAX_WEIGHT	16	/* as GVT-g's */

struct gvt;
struct vgpu;
struct stats;		/* ../stats/stats.h */

/**
 * struct gvt_host_ops - how the mediator reaches the world; @vgpu_opaque is that vGPU's own, from
 * its config
 * @page: host pointer to a 4 KiB page of a vGPU's guest memory, NULL if none; any thread, any lock
 * @irq: a vGPU's interrupt line changed; without locks, any thread, also while an
 *	engine runs: it must not wait for a lock that is held around a call into the
 *	mediator (vgpu_free() waits for it); read vgpu_irq_level() for the present truth
 * @now_ns: monotonic clock, ns
 * @kick: call gvt_engine_run() for @engine soon; any thread, any lock
 * @log: one line; already rate-limited
 * @event: see struct gpu_host_ops; may be NULL
 */
struct gvt_host_ops {
	void *(*page)(void *vgpu_opaque, uint64_t addr, bool write);
	void (*irq)(void *vgpu_opaque, bool level);
	uint64_t (*now_ns)(void *opaque);
	void (*kick)(void *opaque, enum gpu_engine_id engine);
	void (*log)(void *opaque, enum gpu_log_level level, const char *line);
	void (*event)(void *opaque, enum gpu_engine_id engine, enum gpu_event event, uint64_t arg);
};

/**
 * struct vgpu_partition - a vGPU's share of what cannot be shared; all in bytes, page-aligned, but
 * for the fences
 */
struct vgpu_partition {
	uint64_t aperture_base, aperture_size;	/* inside the aperture, 0 .. gpu_aperture_size() */
	uint64_t hidden_base, hidden_size;	/* from there to GVT_SHADOW_GGTT, near 4 GiB */
	/* physical fence registers; the guest sees them from 0. Base 0 in a config: any */
	unsigned int fence_base, fences;
};

/* Does it say anything? Then it excludes a type, and the whole GGTT. */
static inline bool vgpu_partition_is_given(const struct vgpu_partition *part)
{
	return part->aperture_base || part->aperture_size || part->hidden_base ||
	       part->hidden_size || part->fence_base || part->fences;
}

/**
 * struct vgpu_config - what a vGPU is created with
 * @type: GVT-g's type name ("GVTg_V5_1/2/4/8": aperture/hidden/fences as kvmgt has
 *	them), or NULL and @partition says it all
 * @partition: with @type, filled by the mediator (first free place); checked against
 *	the other vGPUs' either way
 * @whole_ggtt: grant everything (one vGPU only), as a mediator that does not partition would
 * @weight: its share of an engine that several want, by all their weights: 1 to VGPU_MAX_WEIGHT;
 *	0: the type's, without a type that of the smallest
 * @abi_1_0: the PVINFO page and what it does are those of version 1.0
 * @features_withheld: VGT_FEATURE_* that the mediator has and does not offer
 */
struct vgpu_config {
	const char *type;
	struct vgpu_partition partition;
	bool whole_ggtt;
	unsigned int weight;
	bool abi_1_0;
	uint32_t features_withheld;
	void *opaque;
	/* the mediator counts everything but STATS_IRQ_*; owned by the front end; may be NULL */
	struct stats *stats;
};

/* @config: .native is not for a shared GPU. */
struct gvt *gvt_new(const struct gpu_config *config, const struct gvt_host_ops *ops, void *opaque);
void gvt_free(struct gvt *gvt);
struct gpu *gvt_gpu(struct gvt *gvt);
/*
 * Memory of the vGPU's guest is to go: @page does not give it any more, and when this returns nobody
 * in the mediator or on the GPU has a pointer to it that was given before. What engines execute for
 * other vGPUs goes on. Not to be called from @page or @irq.
 */
void vgpu_invalidate_host_pages(struct vgpu *vgpu);

/*
 * NULL and *@error (to be freed with g_free()) if the partition is taken, misaligned, too large, the
 * type is unknown or the weight out of range.
 */
struct vgpu *vgpu_new(struct gvt *gvt, const struct vgpu_config *config, char **error);
/*
 * No other thread may use @vgpu any more; not to be called from @irq. Afterwards nothing touches
 * its guest's memory.
 */
void vgpu_free(struct vgpu *vgpu);
/*
 * Power-on or PCI reset of this vGPU alone: its work is taken off the GPU, its registers and GGTT
 * entries start anew. One that was in D3hot, and has submitted nothing since, stays a known guest:
 * it woke up from S3.
 */
void vgpu_reset(struct vgpu *vgpu);
/* The guest is gone: the next reset is not the end of its sleep. */
void vgpu_forget_guest(struct vgpu *vgpu);
/* The guest moved the device to D3hot, or back to D0. */
void vgpu_set_power(struct vgpu *vgpu, bool d3hot);
const struct vgpu_partition *vgpu_partition(const struct vgpu *vgpu);
unsigned int vgpu_id(const struct vgpu *vgpu);

/* BAR 0, @offset below GPU_BAR0_SIZE: registers, PVINFO page, GGTT entries. @size 1, 2, 4 or 8. */
uint64_t vgpu_bar0_read(struct vgpu *vgpu, uint32_t offset, unsigned int size);
void vgpu_bar0_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value);
/*
 * BAR 2 (aperture), @offset below gpu_aperture_size(); outside the partition: reads ~0, writes
 * dropped, counted.
 */
uint64_t vgpu_aperture_read(struct vgpu *vgpu, uint32_t offset, unsigned int size);
void vgpu_aperture_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value);

bool vgpu_irq_level(struct vgpu *vgpu);
/* As gpu_irq_rises(). */
uint32_t vgpu_irq_rises(struct vgpu *vgpu);

/*
 * What the guest reads in the PVINFO page, also wrongly: "field=value;field=value", fields as in
 * the ABI header (magic, version_major, version_minor, vgt_id, vgt_caps, mappable_base,
 * mappable_size, nonmappable_base, nonmappable_size, fence_num, features_offered,
 * features_accepted) or "@0xOFF" for a dword; "" restores the truth. False and *@error for a bad
 * spec, nothing is changed then. The real partition and its checks are not affected.
 */
bool vgpu_set_pvinfo(struct vgpu *vgpu, const char *spec, char **error);

/*
 * How the channel misbehaves from now on, for tests of a guest: "delay=DRAINS", "delay-ms=MS",
 * "drop=N", "corrupt=length", "corrupt=seqno", "corrupt=type", "lie=backwards", "lie=beyond",
 * "refuse", "refuse=FEATURES", "vanish"; "": not at all. False and *@error for anything else.
 */
bool vgpu_set_channel_fault(struct vgpu *vgpu, const char *spec, char **error);

/* As gpu_engine_run(), for the one GPU; at most one thread per engine. */
bool gvt_engine_run(struct gvt *gvt, enum gpu_engine_id engine, unsigned int budget,
		    uint64_t *poll_ns);

#endif /* GVT_H */
