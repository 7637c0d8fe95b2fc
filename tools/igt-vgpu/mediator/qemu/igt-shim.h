/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this folder share: the QEMU side of the software GPU.
 *
 *   igt-gpu.c      object "igt-gpu": owns the GPU (bare) or the mediator, the engines'
 *                  threads, the timeline
 *   igt-pci.c      what both PCI devices have in common: config space, BARs, interrupt,
 *                  counters
 *   igt-vgpu.c     device "igt-vgpu": a vGPU of the mediator
 *   igt-gpu-pci.c  device "igt-gpu-pci": the bare GPU
 *   igt-dma.c      guest memory for the GPU
 *   igt-clocked.c  engines that execute in the guest's time, without threads
 *
 * No hardware behaviour belongs here: that is ../gpu and ../gvt, which know nothing of
 * QEMU.
 *
 * Locks: a guest's trap runs under QEMU's big lock (7.2 has no region without it),
 * commands never do, unless engines have no threads: an engine's thread takes it only
 * between two slices, to deliver the interrupts of the last one.
 */
#ifndef IGT_SHIM_H
#define IGT_SHIM_H

#include "hw/pci/pci.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "sysemu/runstate.h"

#include "front/engines.h"
#include "gpu/gpu.h"
#include "gvt/gvt.h"
#include "stats/stats.h"
#include "stats/trace.h"

#define TYPE_IGT_GPU "igt-gpu"
OBJECT_DECLARE_SIMPLE_TYPE(IgtGpu, IGT_GPU)

#define TYPE_IGT_PCI "igt-pci-base"
OBJECT_DECLARE_TYPE(IgtPci, IgtPciClass, IGT_PCI)

#define TYPE_IGT_VGPU    "igt-vgpu"
#define TYPE_IGT_GPU_PCI "igt-gpu-pci"

/* ---- igt-dma.c ---- */

typedef struct IgtDmaMap IgtDmaMap;

/**
 * struct IgtDma - guest RAM as one PCI device may reach it
 * @as: the device's bus master address space: empty while the guest has bus mastering off
 * @map: the present map, replaced as a whole; readers hold rcu_read_lock()
 * @building: the next map between the listener's begin and commit (big lock)
 * @changed: called after the map was replaced, so that cached pointers are dropped
 */
typedef struct IgtDma {
    MemoryListener listener;
    AddressSpace *as;
    IgtDmaMap *map;
    IgtDmaMap *building;
    void (*changed)(void *opaque);
    void *opaque;
    bool active;
} IgtDma;

void igt_dma_init(IgtDma *dma, AddressSpace *as, void (*changed)(void *), void *opaque);
void igt_dma_cleanup(IgtDma *dma);
/*
 * Host pointer to the page at @addr or NULL; under rcu_read_lock(), which also bounds the
 * pointer's life.
 */
void *igt_dma_page(IgtDma *dma, uint64_t addr, bool write);

/* ---- igt-clocked.c ---- */

typedef struct IgtClocked IgtClocked;

/* Of @ops only run is called, with the big lock. */
IgtClocked *igt_clocked_new(const struct engines_ops *ops, void *opaque, uint64_t delay_ns);
/* As engines_kick(). */
void igt_clocked_kick(IgtClocked *clocked, enum gpu_engine_id id);
/* With the big lock. */
void igt_clocked_free(IgtClocked *clocked);

/* ---- igt-gpu.c ---- */

/** struct IgtGpu - the one physical GPU */
struct IgtGpu {
    Object parent;

    enum gpu_platform platform;
    uint32_t aperture; /* bytes */
    bool trace_on;
    bool debug; /* log the core's debug lines, too */
    uint64_t engine_delay; /* ns; 0: engines have threads */

    /* One of these once a device was plugged, for as long as the object lives. */
    struct gvt *gvt;
    struct gpu *bare;
    IgtPci *bare_dev; /* who has the bare GPU; written with the big lock, atomic */

    bool irq_pending; /* atomic; an engine raised one, to be delivered after its slice */
    struct trace *trace; /* NULL unless trace=on */
    uint8_t next_pid;    /* of the next device on the timeline; 1 is the GPU itself */
    struct engines *engines;
    IgtClocked *clocked; /* instead of the engines' threads */
    bool clocked_slice;  /* one of them executes; big lock */
    VMChangeStateEntry *vmstate; /* there as long as the engines' threads */
    Notifier exit;
    QLIST_HEAD(, IgtPci) devices;
    unsigned int device_changes;
};

#define IGT_TRACE_PID_GPU 1

/*
 * The GPU that a device shares (mediator) or has alone (bare); NULL and @errp if it has
 * the other use already.
 */
struct gvt *igt_gpu_get_mediator(IgtGpu *gpu, Error **errp);
struct gpu *igt_gpu_get_bare(IgtGpu *gpu, IgtPci *dev, bool display, Error **errp);
void igt_gpu_put_bare(IgtGpu *gpu, IgtPci *dev);
/* The hardware model below either use; NULL before there is one. */
struct gpu *igt_gpu_model(IgtGpu *gpu);
/* The caller is an engine amid its slice: what it raises is delivered after that. */
bool igt_gpu_in_slice(IgtGpu *gpu);
/* The object's name on the command line, for messages. */
const char *igt_object_id(Object *obj);

/* ---- igt-pci.c ---- */

/** struct IgtPci - one GPU device of the guest, virtual or bare */
struct IgtPci {
    PCIDevice parent;

    MemoryRegion bar0, bar2, bar4;
    IgtGpu *gpu;      /* property */
    char *stats_file; /* property */
    IgtDma dma;
    struct stats *stats;
    char *ppgtt; /* property, the answer to the last question; NULL: nobody asked */
    uint32_t io_index; /* I/O BAR: register that the data port shows */
    uint8_t trace_pid;

    bool irq_delivered; /* the level that the guest was told; big lock */
    uint32_t irq_rises; /* the last rise of it; big lock */
    bool realized_core; /* realize_core() was done */
    QLIST_ENTRY(IgtPci) next;
};

/** struct IgtPciClass - what differs between a vGPU and the bare GPU */
struct IgtPciClass {
    PCIDeviceClass parent;

    /* Create what is behind the BARs; after that igt_gpu_model(dev->gpu) is there. */
    bool (*realize_core)(IgtPci *dev, Error **errp);
    void (*unrealize_core)(IgtPci *dev);
    void (*reset_core)(IgtPci *dev);
    uint64_t (*bar0_read)(IgtPci *dev, uint32_t offset, unsigned int size);
    void (*bar0_write)(IgtPci *dev, uint32_t offset, unsigned int size, uint64_t value);
    uint64_t (*aperture_read)(IgtPci *dev, uint32_t offset, unsigned int size);
    void (*aperture_write)(IgtPci *dev, uint32_t offset, unsigned int size,
                           uint64_t value);
    bool (*irq_level)(IgtPci *dev);
    uint32_t (*irq_rises)(IgtPci *dev);
    /* The guest wrote the power state; may be NULL. */
    void (*set_power)(IgtPci *dev, bool d3hot);
    /* Whose memory the guest's is, for the GPU. */
    unsigned int (*domain)(IgtPci *dev);
    /* More keys for the JSON snapshot; may be NULL. */
    void (*describe)(IgtPci *dev, struct json_object *root);
};

/* The core says that the line changed: any thread, no lock of the core held. */
void igt_pci_irq(IgtPci *dev);
/* The counters as a JSON object, to be put by the caller. */
struct json_object *igt_pci_snapshot(IgtPci *dev);
void igt_pci_write_stats_file(IgtPci *dev);

#endif /* IGT_SHIM_H */
