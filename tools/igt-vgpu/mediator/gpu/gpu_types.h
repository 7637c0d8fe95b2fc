/* SPDX-License-Identifier: MIT */
/*
 * The state of the GPU model, shared by the files of this folder and by nobody else.
 *
 * Locks: gpu->lock guards the register file, the execlist ports, interrupts and fences. A command
 * stream (struct gpu_cs) belongs to the thread that runs its engine and needs no lock; it takes
 * gpu->lock for each register it touches. GGTT entries are single aligned 64-bit words, read and
 * written atomically without a lock.
 */
#ifndef GPU_TYPES_H
#define GPU_TYPES_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpu.h"

struct gpu_reg_row;
struct gpu_platform_info;

/* An address space as a command stream sees it. */
enum gpu_space { GPU_SPACE_GGTT, GPU_SPACE_PPGTT };

#define GPU_GGTT_CHUNK		4096	/* entries; a power-on reset clears only chunks in use */
#define GPU_CS_MAX_DEPTH	3	/* ring, first and second level batch */
#define GPU_TLB_ENTRIES		64
#define GPU_PDE_ENTRIES		16
#define GPU_PDE_SHIFT		21	/* a page directory's entry covers 2 MiB */

/** struct gpu_tlb_entry - one cached translation, of the stream's own address spaces */
struct gpu_tlb_entry {
	uint64_t tag;		/* page number | space << 63 | valid << 62; 0 is never valid */
	uint64_t generation;	/* gpu->tlb_generation when it was filled */
	uint8_t *host;		/* the page in host memory */
	bool writable;
};

/** struct gpu_ppgtt - root of a context's page tables, as its image says */
struct gpu_ppgtt {
	bool four_level;	/* PDP0 is the PML4, otherwise PDP0-3 are page directories */
	uint64_t pdp[4];	/* addresses, with domain bits */
};

/** gpu_ppgtt_mask - the bits of an address that a context's page tables translate */
static inline uint64_t gpu_ppgtt_mask(const struct gpu_ppgtt *ppgtt)
{
	return ppgtt->four_level ? GPU_PPGTT_SIZE - 1 : 0xffffffff;
}

/** struct gpu_pde - a page directory's entry, cached as hardware does */
struct gpu_pde {
	uint64_t tag;		/* address >> GPU_PDE_SHIFT | valid << 62 */
	uint64_t generation;	/* gpu->tlb_generation when it was filled */
	uint64_t entry;		/* 0: none */
	uint64_t table;		/* the page directory, with domain bits */
	const uint64_t *page;	/* in host memory, the page table it refers to; NULL: unknown */
	bool writable;		/* this entry and those above it allow writing */
};

/** struct gpu_cs - one command streamer: what an engine is executing right now */
struct gpu_cs {
	struct gpu *gpu;
	struct gpu_engine *engine;

	uint32_t ring_start;	/* GGTT address, bytes */
	uint32_t ring_size;	/* bytes; 0: ring disabled */
	uint32_t head, tail;	/* byte offsets in the ring; a lite restore renews tail */

	/* Return addresses; level 0 is the ring. depth: index of the level that executes. */
	struct {
		uint64_t addr;	/* where the next command is, bytes (unused for level 0) */
		enum gpu_space space;
	} level[GPU_CS_MAX_DEPTH];
	unsigned int depth;

	struct gpu_ppgtt ppgtt;
	uint32_t pphwsp;	/* GGTT address of the context's per-process HWSP (LRCA page 0) */
	unsigned int domain;	/* whose memory it reaches; 0: everybody's (GPU_RING_DOMAIN) */
	bool arb_enabled;	/* MI_ARB_ON_OFF */
	bool waiting;		/* stopped at an unsatisfied MI_SEMAPHORE_WAIT */
	bool hung;		/* an invalid command or a fault stopped it; only a reset helps */
	bool predicated;	/* MI_SET_PREDICATE: commands are skipped until it is cleared */
	/* XY_SETUP_BLT: BR01 mode, BR24/25 clip, BR09 base (lo, hi), BR05/06 colours, - */
	uint32_t blt_setup[8];
	uint32_t blt_row;	/* rows that the blit at this position has done, GPU_CS_PART */
	uint64_t blt_cost;	/* of blits since the last GPU_CS_PART, as bytes moved */
	uint64_t loop_addr;	/* the last jump executed, ... */
	bool loop_pure;		/* ... and whether since then it did nothing but look at memory */
	bool faulted;		/* hung by a page fault at fault_addr, not an invalid command */
	enum gpu_space fault_space;
	uint64_t fault_addr;
	uint64_t acthd;		/* address of the command being executed */
	uint32_t ipehr;		/* its header */
	/* Of this submission; the first of each has a line in the log. */
	uint32_t refused;	/* registers that its commands may not reach */
	uint32_t undrawn;	/* blits that are not implemented */

	struct gpu_tlb_entry tlb[GPU_TLB_ENTRIES];
	struct gpu_pde pde[GPU_PDE_ENTRIES];
};

/** enum gpu_cs_result - what one step of a command stream came to */
enum gpu_cs_result {
	GPU_CS_MORE,		/* a command was executed */
	GPU_CS_ARB_POINT,	/* so, and the engine may be preempted here (MI_ARB_CHECK, ...) */
	GPU_CS_PART,		/* blits moved much: again, but not at once */
	GPU_CS_SPIN,		/* so, a jump in a loop that only looks at memory: come later */
	GPU_CS_EMPTY,		/* ring head has reached the tail */
	GPU_CS_WAIT,		/* MI_SEMAPHORE_WAIT not satisfied: also a preemption point */
	GPU_CS_HANG,		/* cs->hung was set */
};

/** struct gpu_execlist_element - one context in a port */
struct gpu_execlist_element {
	uint64_t desc;		/* context descriptor as written to ELSP, 0: none */
};

/** struct gpu_engine - an engine's own state */
struct gpu_engine {
	enum gpu_engine_id id;
	const char *name;		/* "rcs0", ... */
	uint32_t mmio_base;		/* 0x2000, 0x22000, 0x12000, 0x1a000 */
	unsigned int irq_shift;		/* position of its 16 bits ... */
	unsigned int irq_bank;		/* ... in GT IIR bank n */

	/* Guarded by gpu->lock. */
	uint32_t elsp[4];		/* dwords of a submission that is being written */
	unsigned int elsp_count;
	struct gpu_execlist_element pending[2];	/* submitted, not yet taken up */
	bool has_pending;
	struct gpu_execlist_element active[2];	/* running: element 0, then 1 */
	bool is_active;
	unsigned int csb_write;			/* index of the last entry written, 0-5 */
	uint32_t last_reason;			/* low bits of the last CSB event */
	bool running;			/* a thread is inside gpu_engine_run() */
	unsigned int stop_count;	/* how many callers hold the engine stopped */
	bool need_load;			/* active[0] is not loaded yet */
	bool hang_reported;
	pthread_cond_t stopped;		/* signalled when running turns false */

	atomic_bool attention;	/* the locked state changed: the runner must look at it */
	atomic_bool stop;	/* a reset waits for the runner; long commands give up when set */

	/*
	 * What the MMIO side may read while the engine runs; stored by the runner after each
	 * command.
	 */
	_Atomic uint32_t live_head, live_tail, live_ipehr;
	_Atomic uint64_t live_acthd;
	atomic_bool live_waiting;

	/* CTX_TIMESTAMP = ctx_time + (now - ctx_start), in ticks; guarded by gpu->lock. */
	uint32_t ctx_time;
	uint64_t ctx_start;

	/* Owned by the runner; by the reset code when !running. */
	struct gpu_cs cs;
	_Atomic uint32_t irq_deferred;	/* interrupt bits not yet in the IIR: gpu_engine_irq() */
	_Atomic uint64_t irq_deferred_ns;	/* since when; a CPU's write to EMR raises, too */
	atomic_bool deliver;		/* an interrupt was raised in this slice: end it soon */
	uint32_t wait_polls;		/* consecutive polls of an unsatisfied semaphore ... */
	uint64_t wait_since_ns;		/* ... since when */
};

/** struct gpu_power - counters of power.c; guarded by gpu->lock */
struct gpu_power {
	bool in_rc6;
	uint64_t rc6_since, rc6_ns;	/* host time of the last look, residency until then */
	uint64_t rp_start;		/* timestamp at which RP_CUR_UP_EI held its stored value */
	uint32_t freq_table[256];	/* pcode: ring and CPU frequency for each GPU frequency */
};

/** struct gpu_oa - what the OA unit is about, as of its last report (oa.c); guarded by gpu->lock */
struct gpu_oa {
	uint64_t last;			/* timestamp until which all reports are written */
	uint32_t control, timer;	/* OACONTROL and OACTXCONTROL since then */
	bool context_valid;
	uint32_t context;		/* id of what the render engine runs */
};

/** struct gpu_log_limit - of one domain's lines, see log.c; atomic, without a lock */
struct gpu_log_limit {
	uint64_t paid_ns;	/* until then the lines so far have used up the allowance */
	unsigned int dropped;	/* lines swallowed since the last one */
};

/** struct gpu - the whole GPU */
struct gpu {
	struct gpu_config config;
	const struct gpu_host_ops *ops;
	void *opaque;
	const struct gpu_platform_info *platform;

	pthread_mutex_t lock;
	uint32_t *regs;			/* GPU_MMIO_SIZE / 4 plain register values */
	bool regs_touched[GPU_MMIO_SIZE / GPU_PAGE_SIZE];	/* pages of them that were set */
	struct gpu_engine engine[GPU_NUM_ENGINES];
	_Atomic bool irq_level;
	_Atomic uint32_t irq_rises;	/* how often irq_level turned true */

	_Atomic uint64_t *ggtt;		/* GPU_GGTT_ENTRIES */
	atomic_bool ggtt_dirty[GPU_GGTT_ENTRIES / GPU_GGTT_CHUNK];	/* chunks in use */
	_Atomic uint64_t tlb_generation;	/* an invalidation makes all cached pages stale */
	atomic_bool ips[GPU_NUM_DOMAINS];	/* by domain: its tables may have 64 KiB pages */
	uint64_t epoch_ns;		/* now_ns() at power on */
	struct gpu_log_limit log_limit[GPU_NUM_DOMAINS];

	_Atomic unsigned int lock_waiters;	/* MMIO callers at gpu->lock: runners give way */
	struct gpu_power power;
	struct gpu_oa oa;
};

/* ---- log.c ---- */
void gpu_log(struct gpu *gpu, unsigned int domain, enum gpu_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What a stream may do again and again: a line for the first one of a submission. */
void gpu_cs_log_first(struct gpu_cs *cs, uint32_t *count, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The submission is over: how many there were besides the first ones. */
void gpu_cs_log_rest(struct gpu_cs *cs);

/* ---- mem.c: translation and memory access (no lock needed) ---- */

/*
 * Host pointer for @addr of @space as @cs sees it; *@left is the number of bytes to the page's end.
 * NULL: fault.
 */
uint8_t *gpu_mem_ptr(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, bool write,
		     unsigned int *left);
/* So, of the context's own space: how many bytes go on there in the host, beyond those @left. */
unsigned int gpu_mem_extend(struct gpu_cs *cs, uint64_t addr, bool write, const uint8_t *host,
			    unsigned int left, unsigned int want);
bool gpu_mem_read(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, void *buf, size_t len);
bool gpu_mem_write(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, const void *buf,
		   size_t len);
/*
 * Dword and qword accesses are single, atomic and release/acquire ordered (fences and semaphores
 * live there).
 */
bool gpu_mem_read32(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint32_t *value);
bool gpu_mem_write32(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint32_t value);
bool gpu_mem_write64(struct gpu_cs *cs, enum gpu_space space, uint64_t addr, uint64_t value);
void gpu_tlb_flush(struct gpu_cs *cs);
/* GGTT only, for the owner (contexts, HWSP) or for a domain (aperture); NULL: absent. */
uint8_t *gpu_ggtt_ptr(struct gpu *gpu, uint64_t addr, bool write);
uint8_t *gpu_ggtt_ptr_of(struct gpu *gpu, unsigned int domain, uint64_t addr, bool write);
/*
 * Walk page tables without side effects; 0: not present, else page address | domain | RW bits.
 */
uint64_t gpu_ppgtt_walk(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
			unsigned int *page_shift);
/* The same from a page directory's entry that may be known (.entry is not 0), or is set. */
uint64_t gpu_ppgtt_walk_by(struct gpu *gpu, const struct gpu_ppgtt *ppgtt, uint64_t addr,
			   struct gpu_pde *pde);

/* ---- tiling.c ---- */
void gpu_fences_clear(struct gpu *gpu);

/* ---- cmd.c: the command streamer (runner's thread, no lock held) ---- */
/* After a context was loaded: level 0, TLB empty, not waiting. */
void gpu_cs_start(struct gpu_cs *cs);
enum gpu_cs_result gpu_cs_step(struct gpu_cs *cs);

/* ---- mmio.c: registers from the inside; gpu->lock held unless said otherwise ---- */
uint32_t gpu_reg_get(struct gpu *gpu, uint32_t offset);			/* plain stored value */
void gpu_reg_set(struct gpu *gpu, uint32_t offset, uint32_t value);	/* plain stored value */
/*
 * What a command stream reads or writes (MI_LOAD_REGISTER_*, SRM): takes the lock, runs handlers,
 * live RING_*.
 */
uint32_t gpu_cs_reg_read(struct gpu_cs *cs, uint32_t offset);
void gpu_cs_reg_write(struct gpu_cs *cs, uint32_t offset, uint32_t value);
/*
 * May a non-privileged batch write @offset? True for the registers that hardware leaves to user
 * batches (GPRs, predicates, statistics) and those that RING_FORCE_TO_NONPRIV names. Takes the
 * lock. A refused write is a no-op.
 */
bool gpu_cs_reg_user_writable(struct gpu_cs *cs, uint32_t offset);

/* ---- irq.c ---- */
#define GPU_IRQ_USER		(1u << 0)	/* GT_RENDER_USER_INTERRUPT */
#define GPU_IRQ_ERROR		(1u << 3)	/* command parser error */
#define GPU_IRQ_FLUSH_NOTIFY	(1u << 4)	/* PIPE_CONTROL / MI_FLUSH_DW notify */
#define GPU_IRQ_CONTEXT_SWITCH	(1u << 8)
#define GPU_IRQ_WAIT_SEMAPHORE	(1u << 11)
/*
 * Raise interrupt bits of an engine; runner's thread, no lock held. The bits reach the IIR within
 * some commands or microseconds (gpu_engine_irq_flush()), so that a short submission costs one
 * interrupt and not three.
 */
void gpu_engine_irq(struct gpu_engine *engine, uint32_t bits);
/* Deliver them now: before a command that takes long (a blit), before the runner leaves. */
void gpu_engine_irq_flush(struct gpu_engine *engine);
/* The same with gpu->lock held; the line itself changes at gpu_unlock(). */
void gpu_engine_irq_flush_locked(struct gpu_engine *engine);

/* ---- gpu.c: the lock; gpu_unlock() recomputes the interrupt line and tells the host ---- */
void gpu_lock(struct gpu *gpu);
void gpu_unlock(struct gpu *gpu);
/* The runners' side: gives way to waiting MMIO callers first. */
void gpu_lock_runner(struct gpu *gpu);

/* ---- time ---- */
/* Ticks since power on of the clock that the command streamers' timestamp counts. */
uint64_t gpu_ticks(struct gpu *gpu);
/* What a driver sees of them: the counter has 36 bits, about 95 minutes (PRM, "Timestamp"). */
uint64_t gpu_timestamp(struct gpu *gpu);

/*
 * A report of the OA unit as of now and about the context that @engine runs, to @report; returns
 * its size in bytes. Lock held.
 */
#define GPU_OA_REPORT_DWORDS	64	/* of the longest format */
unsigned int gpu_oa_report(struct gpu_engine *engine, uint32_t id,
			   uint32_t report[GPU_OA_REPORT_DWORDS]);

#endif /* GPU_TYPES_H */
