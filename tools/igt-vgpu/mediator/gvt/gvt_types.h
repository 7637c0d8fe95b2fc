/* SPDX-License-Identifier: MIT */
/*
 * The state of the mediator, shared by the files of this folder and by nobody else.
 *
 * Locks: gvt->lock guards everything here that is not said to be atomic or constant. It is taken in
 * the public functions (gvt.c, vgpu.c) and released by gvt_unlock() only, which first handles what
 * the GPU reported meanwhile and afterwards, without the lock, tells the front end of changed
 * interrupt lines. Everything else runs with it held. Order: gvt->turn (in gvt_lock() only),
 * gvt->lock, then the GPU's own lock (inside gpu_*()), or gvt->fault_lock (in fault.c only).
 */
#ifndef GVT_TYPES_H
#define GVT_TYPES_H

#include <pthread.h>
#include <stdatomic.h>

#include "channel.h"
#include "context.h"
#include "gpu/ring_regs.h"
#include "gvt.h"
#include "i915_pvinfo_abi.h"
#include "shadow.h"
#include "stats/stats.h"

#define GVT_REG_COUNT		(GPU_MMIO_SIZE / 4)
#define VREG_PAGES		(GPU_MMIO_SIZE / GPU_PAGE_SIZE)
/* The guard page of every driver's GGTT: never granted, never used by a guest; ours. */
#define GVT_OWN_GGTT_INDEX	(GPU_GGTT_ENTRIES - 1)
#define GVT_OWN_GGTT		(GPU_GGTT_SIZE - GPU_PAGE_SIZE)
#define GVT_OWN_PAGE		0x1000u		/* address of the only page of domain 0 */

/*
 * Below it, the window in which engines see shadow contexts. No partition reaches above its start.
 */
#define GVT_SHADOW_GGTT_INDEX	(GVT_OWN_GGTT_INDEX - SHADOW_WINDOW_PAGES)
#define GVT_SHADOW_GGTT		((uint32_t)GVT_SHADOW_GGTT_INDEX << GPU_PAGE_SHIFT)

#define VGPU_CSB_ENTRIES	6
/* registers an engine carries from one owner to the next, per vGPU */
#define VGPU_MAX_SWITCHED	512
#define VGPU_MAX_PPGTT		1024	/* page table roots a guest can have announced at a time */

/*
 * The host's own share, which types leave free, as GVT-g does (gvt.h there: HOST_*). An explicit
 * partition may use it.
 */
#define GVT_HOST_APERTURE	(128u << 20)
#define GVT_HOST_HIDDEN		(384u << 20)
#define GVT_HOST_FENCES		4

/** struct vgpu_submission - what was written to an ELSP, as the guest wrote it */
struct vgpu_submission {
	uint64_t desc[2];	/* context descriptors; bit 0 clear: none */
	bool valid;		/* there is one */
};

/** struct vgpu_engine - an engine as one vGPU sees it */
struct vgpu_engine {
	/* dwords of a submission that is being written, in the order written */
	uint32_t elsp[4];
	unsigned int elsp_count;	/* of them */
	/* waits for the engine; a newer one replaces it, as in hardware's pending port */
	struct vgpu_submission queued;
	/*
	 * What the engine was given of this vGPU and was not seen to be done with. With another
	 * owner it is parked: it stands in @state, and goes on when its turn has come again.
	 */
	bool busy;
	/* the submission that is executed, and which element of it */
	struct vgpu_submission run;
	unsigned int element;
	/* more of that element, with what follows it: given to the engine, not yet taken up */
	struct vgpu_submission next;
	bool starting;			/* @run's element was given to it, not yet taken up */
	struct shadow *shadow;		/* of that element, NULL: none */
	bool saved;			/* the engine reported that it saved it, at least once */
	struct gpu_engine_state *state;
	/* what it had of the engine, in ns of a vGPU of the largest weight: sched.c */
	int64_t vtime;
	/* shadow of the context that ran last, if none keeps it; NULL: none */
	struct shadow *last;
	struct shadow *kept;	/* by contexts, in a list */
	unsigned int csb_write;	/* index of the CSB entry written last */
	/*
	 * a submission was refused, or was taken off the engine for good: nothing moves until the
	 * guest resets it
	 */
	bool hung;
	/* offsets of the POLICY_ENGINE registers this guest wrote */
	uint32_t switched[VGPU_MAX_SWITCHED];
	unsigned int num_switched;	/* of them */
};

/**
 * struct vgpu_irq - a vGPU's interrupt registers, Gen8 layout: banks 0 RCS+BCS, 1 VCS, 2 PM, 3 VECS
 */
struct vgpu_irq {
	bool master;		/* bit 31 of 0x44200 */
	uint32_t imr[4];	/* an event whose bit is set is lost */
	uint32_t iir[4];	/* what has happened */
	uint32_t ier[4];	/* what of it drives the line */
};

/** struct vgpu_ppgtt - a page table root that the guest announced */
struct vgpu_ppgtt {
	uint64_t pdp[4];	/* as announced; pdp[1..3] are 0 for four levels */
	bool four_level;
	unsigned int refs;	/* announced so many times more than taken back */
};

/** struct vgpu - one guest's share of the GPU */
struct vgpu {
	struct gvt *gvt;
	unsigned int id;		/* 1 and up; also its memory's domain. Constant */
	void *opaque;			/* front end's. Constant */
	struct stats *stats;		/* may be NULL. Constant */
	struct vgpu_partition part;	/* constant */
	unsigned int weight;		/* its share of contended engines. Constant */

	uint32_t *vreg;			/* GVT_REG_COUNT register values as the guest reads them */
	/* pages of them that may differ from gvt->initial, and where switched_map may be set */
	bool vreg_touched[VREG_PAGES];
	uint8_t *switched_map;		/* one byte a register: it stands in engine[].switched */
	struct vgpu_engine engine[GPU_NUM_ENGINES];
	/* by GPU frequency: ring frequency << 8 | CPU frequency, as the guest told the pcode */
	uint16_t pcode_freq[256];
	struct vgpu_irq irq;
	_Atomic bool irq_level;		/* master and any (iir & ier) */
	_Atomic uint32_t irq_rises;	/* how often irq_level turned true */
	atomic_uint notifying;		/* threads in ops->irq() for this vGPU, without the lock */

	/* the guest's entries of its partition, as it wrote them: aperture part, then hidden */
	uint64_t *ggtt;
	/* per entry: 1 or 2: only the low or high half of an update was written so far */
	uint8_t *ggtt_half;
	uint32_t ggtt_pages;		/* of both. Constant */

	_Alignas(8) uint8_t pvinfo[VGT_PVINFO_SIZE];	/* the truth, with what the guest wrote */
	uint8_t pvinfo_override[VGT_PVINFO_SIZE];	/* what it is shown instead ... */
	uint8_t pvinfo_mask[VGT_PVINFO_SIZE];		/* ... in the bits set here */
	uint8_t pvinfo_warned[VGT_PVINFO_SIZE / 4];	/* a bad write to this dword was logged */
	bool pvinfo_read;		/* the guest looked: it knows that it is a guest */
	struct gpu_fault fault;		/* fault registers; guarded by gvt->fault_lock */
	bool failsafe;			/* out of service: all writes are ignored */
	bool d3hot;			/* the guest put the device to sleep, and submitted nothing since */
	struct vgpu_ppgtt ppgtt[VGPU_MAX_PPGTT];	/* used ones have refs > 0 */

	bool abi_1_0;			/* the page is that of version 1.0. Constant */
	uint32_t features_offered;	/* VGT_FEATURE_*. Constant */
	struct vgpu_channel channel;
	struct vgpu_contexts contexts;	/* that the guest told of */
	uint64_t shadow_bytes;		/* of images that these keep */

	uint64_t log_window_ns;		/* rate limit: start of the present second ... */
	unsigned int log_lines;		/* ... and lines in it */
	unsigned int debug_lines;
};

/** struct gvt_engine - a physical engine, as its driver sees it */
struct gvt_engine {
	/* whose registers and contexts are on it; stays after it went idle */
	struct vgpu *owner;
	unsigned int csb_read;		/* last CSB entry that was read */
	unsigned int place;		/* in the window, of the shadow that was shown last */
	/* memory behind them; read without the lock */
	_Atomic(uint8_t *) window[SHADOW_PLACES];
	_Atomic bool contended;		/* somebody but the owner could use it */
	int64_t vtime;			/* of who had it last: where those who come in begin */
	uint64_t accounted_ns;		/* until when its time was accounted for */
};

/** struct gvt - the GPU's owner */
struct gvt {
	struct gpu *gpu;
	enum gpu_platform platform;
	const struct gvt_host_ops *ops;
	void *opaque;

	pthread_mutex_t lock;
	pthread_mutex_t turn;		/* held by the one that gets the lock next */
	pthread_mutex_t fault_lock;	/* of all vGPUs' fault registers */
	pthread_cond_t notified;	/* with lock: some vgpu->notifying went down */
	atomic_uint waiters;		/* threads that wait for that */
	_Atomic bool attention;		/* the GPU raised its interrupt and nobody looked yet */
	/* bit n: the line of vGPU n changed and the front end was not told */
	uint32_t irq_changed;

	/* by id; written with the lock, read by page() without */
	_Atomic(struct vgpu *) vgpu[GVT_MAX_VGPUS + 1];
	struct gvt_engine engine[GPU_NUM_ENGINES];
	/* engine that is being wiped between two owners, -1: none; no event for the timeline */
	atomic_int wiping;
	/* memory of domain 0: where the GPU puts status pages that nobody reads */
	uint8_t *own_page;
	uint32_t *initial;		/* GVT_REG_COUNT: register values a new vGPU starts with */
};

/* ---- gvt.c ---- */
void gvt_lock(struct gvt *gvt);
void gvt_unlock(struct gvt *gvt);
/* The lock is released while it waits: no thread is in ops->irq() for @vgpu afterwards. */
void gvt_wait_notified(struct gvt *gvt, struct vgpu *vgpu);
void gvt_log(struct gvt *gvt, enum gpu_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* About a guest, which may provoke it at will: rate-limited. */
void vgpu_log(struct vgpu *vgpu, enum gpu_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- hw.c: the physical GPU, driven as a host driver does ---- */
uint32_t hw_engine_base(enum gpu_engine_id engine);
/* The engine whose register block holds @offset, -1 if none. */
int hw_engine_of(uint32_t offset);
uint32_t hw_read(struct gvt *gvt, uint32_t offset);
void hw_write(struct gvt *gvt, uint32_t offset, uint32_t value);
void hw_init(struct gvt *gvt);
void hw_engine_reset(struct gvt *gvt, enum gpu_engine_id engine);
/* What a held engine does for its owner, and that again. */
void hw_engine_save(struct gvt *gvt, enum gpu_engine_id engine);
void hw_engine_restore(struct gvt *gvt, enum gpu_engine_id engine);
/* Set or clear STOP_RING. */
void hw_stop(struct gvt *gvt, enum gpu_engine_id engine, bool stop);
void hw_submit(struct gvt *gvt, enum gpu_engine_id engine, uint64_t desc);
/*
 * Take in what an engine reported: events and interrupts go to its owner; an engine that went idle
 * goes to who waits.
 */
void hw_drain_engine(struct gvt *gvt, enum gpu_engine_id engine);
void hw_drain(struct gvt *gvt);

/* ---- partition.c ---- */
/* Fill and check; false and *@error if it cannot be had. */
bool partition_choose(struct gvt *gvt, const struct vgpu_config *config,
		      struct vgpu_partition *part, char **error);
/* Of a type that there is; NULL: the smallest one's. */
unsigned int partition_weight(const char *type);
bool partition_has_range(const struct vgpu_partition *part, uint64_t start, uint64_t size);

/* ---- ggtt.c ---- */
uint64_t ggtt_read(struct vgpu *vgpu, uint32_t offset, unsigned int size);
void ggtt_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value);
void ggtt_clear(struct vgpu *vgpu);
/* The guest's entry for a graphics address; 0 outside the partition. */
uint64_t ggtt_entry(const struct vgpu *vgpu, uint64_t gma);
/* Its page in host memory, NULL if outside, absent or not memory. */
void *ggtt_page(struct vgpu *vgpu, uint64_t gma, bool write);

/* ---- pvinfo.c, pvinfo_override.c ---- */
void pvinfo_init(struct vgpu *vgpu);
void pvinfo_forget(struct vgpu *vgpu);
uint32_t pvinfo_read(struct vgpu *vgpu, uint32_t offset);
void pvinfo_write(struct vgpu *vgpu, uint32_t offset, unsigned int size, uint64_t value);
void vgpu_enter_failsafe(struct vgpu *vgpu, const char *why);

/* ---- policy.c ---- */

/**
 * enum policy_class - where a register's truth lies for a vGPU, and so what an access does
 * @POLICY_VIRTUAL: in the vGPU alone; masks and read-only bits as the GPU's register table has them
 * @POLICY_ENGINE: state of the engine that is switched with its owner: in the vGPU,
 *	and in the GPU as well while it owns the engine
 * @POLICY_LIVE: what the engine is doing: read from the GPU by its owner, else what
 *	the owner saw last; writes are stored only
 * @POLICY_PHYSICAL: read from the GPU by everyone; writes are ignored
 * @POLICY_READ_ONLY: in the vGPU, writes are ignored
 * @POLICY_DENIED: not a guest's business: reads 0, writes ignored, counted as a violation
 * @POLICY_CALL: the row's functions say
 */
enum policy_class {
	POLICY_VIRTUAL,
	POLICY_ENGINE,
	POLICY_LIVE,
	POLICY_PHYSICAL,
	POLICY_READ_ONLY,
	POLICY_DENIED,
	POLICY_CALL,
};

/** struct policy - one row */
struct policy {
	uint32_t first, last;		/* offsets of the first and last dword */
	enum policy_class class;
	/* POLICY_CALL; NULL: the stored value */
	uint32_t (*read)(struct vgpu *vgpu, uint32_t offset);
	/* POLICY_CALL; NULL: ignored */
	void (*write)(struct vgpu *vgpu, uint32_t offset, uint32_t value);
	const char *name;
};

void policy_init(void);
const struct policy *policy_find(uint32_t offset);
/* Values in which a vGPU differs from the GPU from the start. */
void policy_initial(uint32_t *vreg);
const struct policy *policy_table(unsigned int *count);

/* ---- mmio.c: one aligned dword of a vGPU's registers ---- */
uint32_t mmio_read(struct vgpu *vgpu, uint32_t offset);
void mmio_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
uint32_t vreg_get(const struct vgpu *vgpu, uint32_t offset);
void vreg_set(struct vgpu *vgpu, uint32_t offset, uint32_t value);
/* A write with the register's masks, to the storage only; returns the new value. */
uint32_t vreg_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
/* An engine's switched registers when it changes hands, or its owner resets it. */
void mmio_save(struct vgpu *vgpu, enum gpu_engine_id engine);
void mmio_load(struct vgpu *vgpu, enum gpu_engine_id engine);
void mmio_init(struct vgpu *vgpu);
void mmio_tell_ips(struct vgpu *vgpu);

/* ---- execlist.c: virtual submission ports and status buffers ---- */
void execlist_elsp_write(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t value);
/* While the engine is busy: can it take what its owner has queued, too? */
bool execlist_is_more(const struct vgpu_engine *engine);
/* The shadow of what is to run first. NULL: refused, and *@why says why. */
struct shadow *execlist_prepare(struct vgpu *vgpu, enum gpu_engine_id engine,
				const struct vgpu_submission *sub, const char **why);
/* What was prepared goes to the engine, which @vgpu owns. */
void execlist_start(struct vgpu *vgpu, enum gpu_engine_id engine,
		    const struct vgpu_submission *sub, struct shadow *shadow);
/* A submission cannot be executed: the engine hangs until the guest resets it. */
void execlist_refuse(struct vgpu *vgpu, enum gpu_engine_id engine,
		     const struct vgpu_submission *sub, const char *why);
/* An event of the physical CSB, for its owner; returns how many the guest got. */
unsigned int execlist_event(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t status);
/* What @vgpu has on the engine, or parked, comes to nothing: the engine was reset under it. */
void execlist_abandon(struct vgpu *vgpu, enum gpu_engine_id engine);
/* The held engine changes hands: what it does for its owner is kept, and goes on later. */
void execlist_park(struct vgpu *vgpu, enum gpu_engine_id engine);
void execlist_unpark(struct vgpu *vgpu, enum gpu_engine_id engine);
void execlist_reset(struct vgpu *vgpu, enum gpu_engine_id engine);
uint32_t execlist_status(struct vgpu *vgpu, enum gpu_engine_id engine);
uint32_t execlist_id(struct vgpu *vgpu, enum gpu_engine_id engine);
void execlist_pointer_write(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t value);

/* ---- sched.c: who has which engine ---- */
void sched_submit(struct vgpu *vgpu, enum gpu_engine_id engine, const uint64_t desc[2]);
void sched_run(struct gvt *gvt, enum gpu_engine_id engine);
/* To be called now and then while an engine is contended: somebody's time may be up. */
void sched_tick(struct gvt *gvt, enum gpu_engine_id engine);
/* What held this vGPU's work up does so no longer. */
void sched_wake(struct vgpu *vgpu, enum gpu_engine_id engine);
/* To be called before an engine turns idle: its time up to now goes on its owner's account. */
void sched_account(struct gvt *gvt, enum gpu_engine_id engine);
bool sched_owns(const struct vgpu *vgpu, enum gpu_engine_id engine);
/* A vGPU's work comes to nothing, also if it runs; the engine goes to whoever waits. */
void sched_evict(struct vgpu *vgpu, enum gpu_engine_id engine);

/* ---- irq.c ---- */
void virq_reset(struct vgpu *vgpu);
/* Unshifted engine bits happened: through RING_IMR and IMR into IIR. */
void virq_engine(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t bits);
uint32_t virq_read(struct vgpu *vgpu, uint32_t offset);
void virq_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);

/* Position of an engine's 16 bits in the GT banks. */
unsigned int virq_bank(enum gpu_engine_id engine);
unsigned int virq_shift(enum gpu_engine_id engine);

#define IRQ_USER		(1u << 0)
#define IRQ_ERROR		(1u << 3)
#define IRQ_FLUSH		(1u << 4)
#define IRQ_CONTEXT_SWITCH	(1u << 8)
#define IRQ_SEMAPHORE		(1u << 11)
#define IRQ_ALL \
	(IRQ_USER | IRQ_ERROR | IRQ_FLUSH | IRQ_CONTEXT_SWITCH | IRQ_SEMAPHORE)

/* ---- fence.c ---- */
uint32_t fence_read(struct vgpu *vgpu, uint32_t offset);
void fence_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
bool fence_covers(uint32_t offset);
void fence_write_whole(struct vgpu *vgpu, uint32_t offset, uint64_t value);
void fence_clear(struct vgpu *vgpu);
enum vgt_status fence_request(struct vgpu *vgpu, const void *msg);

/* ---- fault.c ---- */
/* On an engine's thread, without the lock. */
void fault_report(struct vgpu *vgpu, const struct gpu_fault *fault);
uint32_t fault_read(struct vgpu *vgpu, uint32_t offset);
void fault_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
void fault_reset(struct vgpu *vgpu);

/* ---- reset.c ---- */
/* The guest's own resets: bit n of @engines resets engine n. */
void reset_engines(struct vgpu *vgpu, uint32_t engines);
void reset_gdrst_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);
uint32_t reset_ctl_read(struct vgpu *vgpu, uint32_t offset);
void reset_ctl_write(struct vgpu *vgpu, uint32_t offset, uint32_t value);

#endif /* GVT_TYPES_H */
