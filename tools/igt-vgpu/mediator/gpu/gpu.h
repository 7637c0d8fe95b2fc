/* SPDX-License-Identifier: MIT */
/*
 * A Gen8/Gen9 Intel GPU in software: the interface to the world outside.
 *
 * Callers: a native guest's PCI device (bare metal) and the mediator in ../gvt, which drives this
 * GPU the way a host driver drives hardware: registers, GGTT entries, execlists, interrupts.
 * Nothing in this folder knows of guests, of sharing or of QEMU: whatever is needed from outside
 * comes through struct gpu_host_ops.
 *
 * Threads: the MMIO, GGTT and aperture functions may be called from any thread at any time.
 * gpu_engine_run() is called by at most one thread per engine. All of them take gpu->lock inside,
 * none may be called with it held.
 */
#ifndef GPU_H
#define GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_PAGE_SHIFT		12
#define GPU_PAGE_SIZE		(1u << GPU_PAGE_SHIFT)
#define GPU_MMIO_SIZE		0x200000u	/* registers: the first 2 MiB of BAR 0 */
#define GPU_BAR0_SIZE 0x1000000u /* 16 MiB: registers, then GGTT entries from 8 MiB */
#define GPU_GTT_OFFSET		0x800000u
#define GPU_GGTT_ENTRIES	(1u << 20)	/* 8 MiB of 8-byte entries: 4 GiB of GGTT */
#define GPU_GGTT_SIZE		(1ull << 32)
#define GPU_APERTURE_SIZE	0x10000000u	/* 256 MiB, BAR 2, unless the config says otherwise */
#define GPU_APERTURE_MAX	0x40000000u	/* 1 GiB */
#define GPU_NUM_FENCES		32

/*
 * Memory outside the GPU belongs to a domain, like a PCI requester id before an IOMMU: 0 is whoever
 * owns the GPU (a native guest, or the mediator itself), 1 and up are the mediator's vGPUs. A GGTT
 * entry names its domain in bits 52-59, which hardware ignores; only the owner can set them. What a
 * page table refers to lies in the domain of the page that it stands in, unless that page is a
 * mediator's own and the entry names another. To a native guest these bits mean nothing.
 */
#define GPU_DOMAIN_SHIFT	52
#define GPU_DOMAIN_MASK		(0xffull << GPU_DOMAIN_SHIFT)
#define GPU_NUM_DOMAINS		256
#define GPU_ADDR_MASK 0x00003ffffffff000ull /* bits 12-45: a page's address in its domain */
#define GPU_PTE_PRESENT		(1ull << 0)
#define GPU_PTE_WRITE		(1ull << 1)

/*
 * Two registers of each engine that hardware does not have, from the engine's base; a mediator sets
 * them before it submits. What a context may reach is the domain in GPU_RING_DOMAIN and nothing
 * else, wherever its image lies: a guest can change the GGTT between a check and the load, but not
 * this. A native guest's contexts are domain 0's, whatever it writes here.
 */
#define GPU_RING_DOMAIN		0x7c
/* GGTT address of the owner's status page, for commands that name it; 0: it has none. */
#define GPU_RING_HWS_PGA_VGPU	0x84

enum gpu_platform { GPU_SKL, GPU_BDW, GPU_KBL, GPU_CFL };

enum gpu_engine_id { GPU_RCS0, GPU_BCS0, GPU_VCS0, GPU_VECS0, GPU_NUM_ENGINES };

enum gpu_log_level { GPU_LOG_ERROR, GPU_LOG_WARN, GPU_LOG_INFO, GPU_LOG_DEBUG };

/*
 * What the timeline shows of an engine; @arg is a context descriptor, or a command header for a
 * hang.
 */
enum gpu_event { GPU_EVENT_CONTEXT_IN, GPU_EVENT_CONTEXT_OUT, GPU_EVENT_RESET, GPU_EVENT_HANG };

/*
 * What a page fault looks like to a driver (i915 gt/intel_gt_regs.h: GEN8_RING_FAULT_REG,
 * GEN8_FAULT_TLB_DATA0 and 1): one set for all engines, of the first fault until a driver clears
 * it.
 */
#define GPU_RING_FAULT		0x4094u
#define   GPU_FAULT_VALID	(1u << 0)
#define GPU_FAULT_TLB_DATA0	0x4b10u		/* bits 12-43 of the address */
#define GPU_FAULT_TLB_DATA1	0x4b14u
#define   GPU_FAULT_VA_HIGH	0xfu		/* bits 44-47 */
#define   GPU_FAULT_GGTT	(1u << 4)	/* it is an address in the GGTT */

/** struct gpu_fault - values of these registers */
struct gpu_fault {
	uint32_t reg;
	uint32_t data0, data1;
};

/**
 * struct gpu_host_ops - how the GPU reaches the world
 * @page: host pointer to the 4 KiB page at @addr (page-aligned) of @domain, NULL if there is no
 *	memory. Any thread, any lock; must be quick. The pointer stays valid until
 *	gpu_invalidate_host_pages() of @domain, or of 0.
 * @irq: the interrupt line changed to @level (enabled and pending). Called without gpu->lock, from
 *	any thread; calls may arrive out of order, so an implementation reads gpu_irq_level() for
 *	the present truth.
 * @now_ns: a monotonic clock, ns; the GPU's timestamps derive from it.
 * @kick: @engine has work: someone must call gpu_engine_run() for it soon. Any thread, gpu->lock
 *	may be held.
 * @log: one line, without a newline; already rate-limited.
 * @event: for the timeline, may be NULL; any thread, gpu->lock may be held: must not call back into
 *	the GPU.
 * @refused: a command in the ring or in a privileged batch of @domain, not 0, named a register that
 *	is none of its own: it wrote nothing, or read 0. Drivers know which are theirs; what user
 *	batches try is not told. On the engine's thread, without gpu->lock; may be NULL.
 * @fault: a page fault of @domain, not 0: it is not in the GPU's registers, which are the owner's.
 *	On the engine's thread, without gpu->lock; may be NULL.
 */
struct gpu_host_ops {
	void *(*page)(void *opaque, unsigned int domain, uint64_t addr, bool write);
	void (*irq)(void *opaque, bool level);
	uint64_t (*now_ns)(void *opaque);
	void (*kick)(void *opaque, enum gpu_engine_id engine);
	void (*log)(void *opaque, enum gpu_log_level level, const char *line);
	void (*event)(void *opaque, enum gpu_engine_id engine, enum gpu_event event, uint64_t arg);
	void (*refused)(void *opaque, unsigned int domain);
	void (*fault)(void *opaque, unsigned int domain, const struct gpu_fault *fault);
};

/** struct gpu_config - what is decided at creation */
struct gpu_config {
	enum gpu_platform platform;
	/** @native: a native guest owns the GPU: forcewake and pcode answer as on hardware */
	bool native;
	/** @display: pipes are not fused off (the real kvmgt wants them); no output, though */
	bool display;
	/** @aperture_size: bytes, a power of two up to GPU_APERTURE_MAX; 0: GPU_APERTURE_SIZE */
	uint32_t aperture_size;
};

struct gpu;

struct gpu *gpu_new(const struct gpu_config *config, const struct gpu_host_ops *ops, void *opaque);
void gpu_free(struct gpu *gpu);
/* Power-on state of everything, engines stopped first. */
void gpu_power_on_reset(struct gpu *gpu);
/*
 * The same when the machine wakes up from S3: the GGTT is in memory, which was kept. i915 of Linux
 * 6.1 relies on it (gt/intel_ggtt.c, suspend_retains_ptes()).
 */
void gpu_wake_reset(struct gpu *gpu);
/*
 * Host memory of @domain moved (map changed), or of anybody, 0: cached page pointers are dropped
 * before it returns. Engines that execute something of another domain do not stop for that.
 */
void gpu_invalidate_host_pages(struct gpu *gpu, unsigned int domain);

/*
 * Registers; @size 1, 2, 4 or 8, @offset below GPU_MMIO_SIZE. Misaligned or out of range: reads 0,
 * write ignored, counted.
 */
uint64_t gpu_mmio_read(struct gpu *gpu, uint32_t offset, unsigned int size);
void gpu_mmio_write(struct gpu *gpu, uint32_t offset, unsigned int size, uint64_t value);

/*
 * GGTT entries by index; a native guest's writes arrive here with the domain bits masked by the
 * caller.
 */
uint64_t gpu_ggtt_read(struct gpu *gpu, uint32_t index);
void gpu_ggtt_write(struct gpu *gpu, uint32_t index, uint64_t pte);

/*
 * CPU access through the aperture at @offset, @size 1-8 naturally aligned; follows fences (X/Y
 * tiling) and GGTT entries. Absent entries read ~0 and swallow writes, and so do those of another
 * domain than @domain; the owner, 0, reaches all. False if nothing was behind the address.
 */
bool gpu_aperture_read(struct gpu *gpu, unsigned int domain, uint32_t offset, unsigned int size,
		       uint64_t *value);
bool gpu_aperture_write(struct gpu *gpu, unsigned int domain, uint32_t offset, unsigned int size,
			uint64_t value);

uint32_t gpu_aperture_size(const struct gpu *gpu);

/*
 * GEN8_GAMW_ECO_DEV_RW_IA (i915 gt/intel_gt_regs.h): without its GAMW_ECO_ENABLE_64K_IPS_FIELD a
 * Gen9 knows no 64 KiB pages. The register is the owner's; of each other domain, the mediator tells
 * here what its guest's says. It holds for all tables in that domain's memory, from the next command
 * on. Any thread.
 */
#define GPU_GAMW_ECO		0x4080u
#define   GPU_GAMW_ECO_IPS	0xfu	/* GAMW_ECO_ENABLE_64K_IPS_FIELD */
void gpu_ppgtt_set_ips(struct gpu *gpu, unsigned int domain, uint32_t eco);

#define GPU_PPGTT_SIZE		(1ull << 48)

/** struct gpu_ppgtt_leaf - an entry that ends a walk of page tables */
struct gpu_ppgtt_leaf {
	uint64_t addr;		/* where the page begins in the address space */
	uint64_t page;		/* where it lies in its domain's memory */
	unsigned int shift;	/* 12, 16 or 21: its size */
	unsigned int domain;
	bool writable;		/* every level allows it */
};

/* False: enough. */
typedef bool gpu_ppgtt_leaf_fn(void *arg, const struct gpu_ppgtt_leaf *leaf);

/*
 * What 4-level page tables at @root (what PDP0 holds, in @domain's memory) map of [@from, @to): @fn
 * once for each page that reaches into it, by ascending address. For tests that compare with what
 * should be there; nothing is cached and no lock is taken, so that a table may change meanwhile.
 * False: @fn had enough.
 */
bool gpu_ppgtt_each(struct gpu *gpu, unsigned int domain, uint64_t root, uint64_t from, uint64_t to,
		    gpu_ppgtt_leaf_fn *fn, void *arg);

/*
 * Execute at most @budget commands on @engine. Returns true if there is more to do at once, false
 * if the engine is idle, halted or waits (then @kick says when to come back; a semaphore that waits
 * on memory is polled: *poll_ns > 0 says after how long).
 */
bool gpu_engine_run(struct gpu *gpu, enum gpu_engine_id engine, unsigned int budget,
		    uint64_t *poll_ns);

/*
 * Taking an engine from one user and giving it to another, at any command and inside of a long one.
 * A held engine executes nothing, and all that it reported stands in its registers; holding waits
 * for the command that is executed, or for a part of it. Holds nest.
 */
void gpu_engine_hold(struct gpu *gpu, enum gpu_engine_id engine);
void gpu_engine_release(struct gpu *gpu, enum gpu_engine_id engine);
/*
 * What a held engine is doing, to go on with it after it was reset and used by others: its ports,
 * its stream and what a reset clears of its registers. The caller sees to it that memory is at the
 * same graphics addresses then. Events and interrupts that nobody fetched yet are not part of it.
 */
struct gpu_engine_state;
/* NULL: no memory. */
struct gpu_engine_state *gpu_engine_state_new(struct gpu *gpu, enum gpu_engine_id engine);
void gpu_engine_state_free(struct gpu_engine_state *state);
void gpu_engine_save(struct gpu *gpu, enum gpu_engine_id engine, struct gpu_engine_state *state);
void gpu_engine_restore(struct gpu *gpu, enum gpu_engine_id engine,
			const struct gpu_engine_state *state);
/* A register as it was then; false: it is not part of the state. */
bool gpu_engine_state_reg(struct gpu *gpu, enum gpu_engine_id engine,
			  const struct gpu_engine_state *state, uint32_t offset, uint32_t *value);

bool gpu_irq_level(struct gpu *gpu);
/*
 * How often the line rose, counted modulo 2^32. It may fall and rise again before anybody looks; an
 * interrupt that is sent as a message (MSI) is due all the same. Read the level first.
 */
uint32_t gpu_irq_rises(struct gpu *gpu);

/* PCI identity of the platform, and constants a PCI device shows (0x50 GMCH control etc.). */
uint16_t gpu_pci_device_id(const struct gpu *gpu);
uint8_t gpu_pci_revision(const struct gpu *gpu);
const char *gpu_platform_name(enum gpu_platform platform);
bool gpu_platform_from_name(const char *name, enum gpu_platform *platform);
const char *gpu_engine_name(enum gpu_engine_id engine);

/* Register names for traces and counters; NULL if the table has no row for @offset. */
const char *gpu_reg_name(uint32_t offset);

/**
 * struct gpu_reg_info - what the register table says of one dword register; for the mediator: a
 *	vGPU's register storage behaves as the hardware's does without a second copy of the table
 * @name: its name
 * @reset: value after power on
 * @write_mask: bits that a write can change; 0: read-only
 * @masked: the high half of a write enables the bits of the low half
 * @write_1_clear: writing ones clears bits
 */
struct gpu_reg_info {
	const char *name;
	uint32_t reset;
	uint32_t write_mask;
	bool masked;
	bool write_1_clear;
};

/*
 * False if @offset has no row (a plain register, all bits writable, 0 at power on). What the
 * mediator relies on besides: 0x370 + 8 * n and 0x3a0 of each engine show the CSB, also with
 * HWS_PGA elsewhere; 0x234 shows bits 2 (queue full), 3, 4 (valid), 17, 18 (active) clear exactly
 * while the engine is idle and nothing is pending; the CSB entry of an event is there before the
 * status changes; RING_TAIL is never written back to a context image.
 */
bool gpu_reg_info(enum gpu_platform platform, uint32_t offset, struct gpu_reg_info *info);

/*
 * What HSW_PWR_WELL_CTL1 to 4 (@offset: which) read as, the GPU's or a vGPU's: @regs are all its
 * stored values. A well is on if any of the four (BIOS, driver, KVMR, debug) asks for it.
 */
uint32_t gpu_pwr_well_ctl(const uint32_t *regs, uint32_t offset);

#endif /* GPU_H */
