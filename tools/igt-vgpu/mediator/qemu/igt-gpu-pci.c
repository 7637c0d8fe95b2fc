/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device "igt-gpu-pci": the bare GPU, for a native guest or for one that runs the real
 * mediator.
 *
 *   -device igt-gpu-pci,gpu=gpu0,id=pgpu0,addr=02.0[,display=on][,stats-file=NAME]
 *
 * No mediator stands between: registers, GGTT entries and the aperture are the model's
 * own, the PVINFO page reads 0. With display=on the pipes are not fused off: the real
 * mediator (kvmgt) wants them, though nothing is ever shown.
 */
#include "qemu/osdep.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"

#include <i915_pvinfo_abi.h>

#include "igt-shim.h"

OBJECT_DECLARE_SIMPLE_TYPE(IgtGpuPci, IGT_GPU_PCI)

#define ELSP_OFFSET 0x230 /* gt/intel_engine_regs.h RING_ELSP, four writes a submission */
#define GEN6_GDRST 0x941c /* i915_reg.h; bit 0 is the whole GT, others are engines */

/** struct IgtGpuPci - see above */
struct IgtGpuPci {
    IgtPci parent;
    struct gpu *gpu;
    bool display; /* property */
    bool d3hot;
    unsigned int elsp_writes[GPU_NUM_ENGINES];
};

/* ---- GGTT entries: any width onto 64-bit words; only the mediator may name domains ---- */

static uint64_t igt_bare_ggtt_read(struct gpu *gpu, uint32_t offset, unsigned int size)
{
    uint32_t byte = offset - GPU_GTT_OFFSET;
    uint64_t pte;

    if (byte % size) {
        return 0;
    }
    pte = gpu_ggtt_read(gpu, byte / 8) & ~GPU_DOMAIN_MASK;
    return size == 8 ? pte : extract64(pte, (byte % 8) * 8, size * 8);
}

static void igt_bare_ggtt_write(struct gpu *gpu, uint32_t offset, unsigned int size,
                                uint64_t value)
{
    uint32_t byte = offset - GPU_GTT_OFFSET;
    uint64_t pte = value;

    if (byte % size) {
        return;
    }
    if (size < 8) {
        pte = deposit64(gpu_ggtt_read(gpu, byte / 8), (byte % 8) * 8, size * 8, value);
    }
    gpu_ggtt_write(gpu, byte / 8, pte & ~GPU_DOMAIN_MASK);
}

/* ---- counters; for a vGPU the mediator keeps them ---- */

static void igt_bare_count_write(IgtGpuPci *s, uint32_t offset, uint64_t value)
{
    static const uint32_t base[GPU_NUM_ENGINES] = {
        [GPU_RCS0] = 0x2000,
        [GPU_BCS0] = 0x22000,
        [GPU_VCS0] = 0x12000,
        [GPU_VECS0] = 0x1a000,
    };
    struct stats *stats = s->parent.stats;

    stats_count_register(stats, offset, true);
    if (offset == GEN6_GDRST) {
        if (value & 1) {
            stats_count(stats, STATS_RESET_FULL);
        } else if (value) {
            stats_count(stats, STATS_RESET_ENGINE);
        }
        return;
    }
    for (unsigned int i = 0; i < GPU_NUM_ENGINES; i++) {
        if (offset == base[i] + ELSP_OFFSET && ++s->elsp_writes[i] % 4 == 0) {
            stats_count(stats, STATS_SUBMISSION_0 + i);
        }
    }
}

/* ---- BARs ---- */

static bool igt_bare_is_pvinfo(uint32_t offset)
{
    return offset >= VGT_PVINFO_PAGE && offset < VGT_PVINFO_PAGE + VGT_PVINFO_SIZE;
}

static uint64_t igt_bare_bar0_read(IgtPci *dev, uint32_t offset, unsigned int size)
{
    struct gpu *gpu = IGT_GPU_PCI(dev)->gpu;

    if (offset >= GPU_GTT_OFFSET) {
        stats_count(dev->stats, STATS_GGTT_READ);
        return igt_bare_ggtt_read(gpu, offset, size);
    }
    if (igt_bare_is_pvinfo(offset)) {
        stats_count(dev->stats, STATS_PVINFO_READ);
        return 0;
    }
    stats_count_register(dev->stats, offset, false);
    /* Between the registers and the entries hardware has nothing. */
    return offset < GPU_MMIO_SIZE ? gpu_mmio_read(gpu, offset, size) : 0;
}

static void igt_bare_bar0_write(IgtPci *dev, uint32_t offset, unsigned int size,
                                uint64_t value)
{
    struct gpu *gpu = IGT_GPU_PCI(dev)->gpu;

    if (offset >= GPU_GTT_OFFSET) {
        stats_count(dev->stats, STATS_GGTT_WRITE);
        igt_bare_ggtt_write(gpu, offset, size, value);
    } else if (igt_bare_is_pvinfo(offset)) {
        stats_count(dev->stats, STATS_PVINFO_WRITE);
    } else if (offset < GPU_MMIO_SIZE) {
        igt_bare_count_write(IGT_GPU_PCI(dev), offset, value);
        gpu_mmio_write(gpu, offset, size, value);
    }
}

static uint64_t igt_bare_aperture_read(IgtPci *dev, uint32_t offset, unsigned int size)
{
    uint64_t value = UINT64_MAX;

    stats_count(dev->stats, STATS_APERTURE);
    gpu_aperture_read(IGT_GPU_PCI(dev)->gpu, 0, offset, size, &value);
    return value;
}

static void igt_bare_aperture_write(IgtPci *dev, uint32_t offset, unsigned int size,
                                    uint64_t value)
{
    stats_count(dev->stats, STATS_APERTURE);
    gpu_aperture_write(IGT_GPU_PCI(dev)->gpu, 0, offset, size, value);
}

static bool igt_bare_irq_level(IgtPci *dev)
{
    return gpu_irq_level(IGT_GPU_PCI(dev)->gpu);
}

static uint32_t igt_bare_irq_rises(IgtPci *dev)
{
    return gpu_irq_rises(IGT_GPU_PCI(dev)->gpu);
}

static unsigned int igt_bare_domain(IgtPci *dev)
{
    return 0;
}

/* ---- life ---- */

static bool igt_bare_realize_core(IgtPci *dev, Error **errp)
{
    IgtGpuPci *s = IGT_GPU_PCI(dev);

    s->gpu = igt_gpu_get_bare(dev->gpu, dev, s->display, errp);
    return s->gpu;
}

static void igt_bare_unrealize_core(IgtPci *dev)
{
    igt_gpu_put_bare(dev->gpu, dev);
    IGT_GPU_PCI(dev)->gpu = NULL;
}

static void igt_bare_reset_core(IgtPci *dev)
{
    IgtGpuPci *s = IGT_GPU_PCI(dev);

    /* Nobody but who goes to S3 resets a machine whose GPU sleeps: a reboot wakes it up first. */
    if (s->d3hot) {
        gpu_wake_reset(s->gpu);
    } else {
        gpu_power_on_reset(s->gpu);
    }
    s->d3hot = false;
    memset(s->elsp_writes, 0, sizeof(s->elsp_writes));
}

static void igt_bare_set_power(IgtPci *dev, bool d3hot)
{
    IGT_GPU_PCI(dev)->d3hot = d3hot;
}

static Property igt_bare_properties[] = {
    DEFINE_PROP_BOOL("display", IgtGpuPci, display, false),
    DEFINE_PROP_END_OF_LIST(),
};

static void igt_gpu_pci_class_init(ObjectClass *klass, void *data)
{
    IgtPciClass *k = IGT_PCI_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    k->realize_core = igt_bare_realize_core;
    k->unrealize_core = igt_bare_unrealize_core;
    k->reset_core = igt_bare_reset_core;
    k->set_power = igt_bare_set_power;
    k->bar0_read = igt_bare_bar0_read;
    k->bar0_write = igt_bare_bar0_write;
    k->aperture_read = igt_bare_aperture_read;
    k->aperture_write = igt_bare_aperture_write;
    k->irq_level = igt_bare_irq_level;
    k->irq_rises = igt_bare_irq_rises;
    k->domain = igt_bare_domain;
    dc->desc = "bare software GPU (Gen8/Gen9)";
    device_class_set_props(dc, igt_bare_properties);
}

static const TypeInfo igt_gpu_pci_info = {
    .name = TYPE_IGT_GPU_PCI,
    .parent = TYPE_IGT_PCI,
    .instance_size = sizeof(IgtGpuPci),
    .class_init = igt_gpu_pci_class_init,
};

static void igt_gpu_pci_register(void)
{
    type_register_static(&igt_gpu_pci_info);
}
type_init(igt_gpu_pci_register)
