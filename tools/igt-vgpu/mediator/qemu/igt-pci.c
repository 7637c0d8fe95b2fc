/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vGPU and the bare GPU have in common as a PCI device: the config space of a Gen9
 * integrated GPU, its BARs, the interrupt, the trap counters. Abstract; igt-vgpu.c and
 * igt-gpu-pci.c say what is behind the BARs.
 */
#include "qemu/osdep.h"
#include "hw/core/cpu.h"
#include "hw/pci/msi.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/range.h"
#include "qemu/timer.h"

#include <json-c/json.h>

#include "igt-shim.h"

/* Where a Skylake GT2 (00:02.0) has these. */
#define IGT_GMCH_CTRL    0x50
#define IGT_GMCH_GGTT_8M 0xc0 /* bits 7:6 = 3: 8 MiB of GGTT entries; no stolen memory   \
                               */
#define IGT_CAP_VENDOR   0x40
#define IGT_CAP_EXPRESS  0x70
#define IGT_CAP_MSI      0xac
#define IGT_CAP_PM       0xd0
#define IGT_SUBSYSTEM_ID 0x2212

#define IGT_IO_SIZE  64
#define IGT_IO_INDEX 0
#define IGT_IO_DATA  4

/* ---- the timeline ---- */

static uint64_t igt_pci_trace_begin(IgtPci *dev)
{
    return dev->gpu->trace ? qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) : 0;
}

static void igt_pci_trace_trap(IgtPci *dev, uint64_t begin, bool write,
                               enum trace_bar bar, uint32_t offset, unsigned int size,
                               uint64_t value)
{
    struct trace_event entry = {
        .ts_ns = begin,
        .kind = write ? TRACE_TRAP_WRITE : TRACE_TRAP_READ,
        .pid = dev->trace_pid,
        .tid = current_cpu ? current_cpu->cpu_index + 1 : 0,
        .a = offset,
        .b = value,
        .arg = bar << 8 | size,
    };

    if (dev->gpu->trace) {
        entry.dur_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - begin;
        trace_add(dev->gpu->trace, &entry);
    }
}

/* ---- BARs; offsets are inside the BAR, QEMU has seen to that ---- */

static uint64_t igt_pci_bar0_read(void *opaque, hwaddr offset, unsigned size)
{
    IgtPci *dev = opaque;
    uint64_t begin = igt_pci_trace_begin(dev), value;

    RCU_READ_LOCK_GUARD();
    value = IGT_PCI_GET_CLASS(dev)->bar0_read(dev, offset, size);
    igt_pci_trace_trap(dev, begin, false, TRACE_BAR_MMIO, offset, size, value);
    return value;
}

static void igt_pci_bar0_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    IgtPci *dev = opaque;
    uint64_t begin = igt_pci_trace_begin(dev);

    RCU_READ_LOCK_GUARD();
    IGT_PCI_GET_CLASS(dev)->bar0_write(dev, offset, size, value);
    igt_pci_trace_trap(dev, begin, true, TRACE_BAR_MMIO, offset, size, value);
}

static uint64_t igt_pci_aperture_read(void *opaque, hwaddr offset, unsigned size)
{
    IgtPci *dev = opaque;
    uint64_t begin = igt_pci_trace_begin(dev), value;

    RCU_READ_LOCK_GUARD();
    value = IGT_PCI_GET_CLASS(dev)->aperture_read(dev, offset, size);
    igt_pci_trace_trap(dev, begin, false, TRACE_BAR_APERTURE, offset, size, value);
    return value;
}

static void igt_pci_aperture_write(void *opaque, hwaddr offset, uint64_t value,
                                   unsigned size)
{
    IgtPci *dev = opaque;
    uint64_t begin = igt_pci_trace_begin(dev);

    RCU_READ_LOCK_GUARD();
    IGT_PCI_GET_CLASS(dev)->aperture_write(dev, offset, size, value);
    igt_pci_trace_trap(dev, begin, true, TRACE_BAR_APERTURE, offset, size, value);
}

/*
 * The I/O BAR: an index and a data port onto the registers (PRM, "MMIO_INDEX",
 * "MMIO_DATA"). Registers only, no GGTT.
 */
static bool igt_pci_io_target(IgtPci *dev, hwaddr offset, unsigned int size)
{
    return offset == IGT_IO_DATA && size == 4 && dev->io_index < GPU_MMIO_SIZE;
}

static uint64_t igt_pci_io_read(void *opaque, hwaddr offset, unsigned size)
{
    IgtPci *dev = opaque;

    if (offset == IGT_IO_INDEX) {
        return dev->io_index;
    }
    return igt_pci_io_target(dev, offset, size) ? igt_pci_bar0_read(dev, dev->io_index, 4)
                                                : 0;
}

static void igt_pci_io_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    IgtPci *dev = opaque;

    if (offset == IGT_IO_INDEX && size == 4) {
        dev->io_index = value & ~3u;
    } else if (igt_pci_io_target(dev, offset, size)) {
        igt_pci_bar0_write(dev, dev->io_index, value, 4);
    }
}

/*
 * Any width and alignment arrives as the guest made it: the core refuses and counts what
 * hardware would not take.
 */
static const MemoryRegionOps igt_pci_bar0_ops = {
    .read = igt_pci_bar0_read,
    .write = igt_pci_bar0_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static const MemoryRegionOps igt_pci_aperture_ops = {
    .read = igt_pci_aperture_read,
    .write = igt_pci_aperture_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

static const MemoryRegionOps igt_pci_io_ops = {
    .read = igt_pci_io_read,
    .write = igt_pci_io_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 4 },
    .impl = { .min_access_size = 1, .max_access_size = 4 },
};

/* ---- interrupt ---- */

/*
 * Big lock. The truth is asked for here: notifications may have overtaken each other. A
 * line that fell and rose again meanwhile is a message more.
 */
static void igt_pci_irq_deliver(IgtPci *dev)
{
    PCIDevice *pci = PCI_DEVICE(dev);
    bool level = IGT_PCI_GET_CLASS(dev)->irq_level(dev);
    uint32_t rises = IGT_PCI_GET_CLASS(dev)->irq_rises(dev);
    bool rising = level && (!dev->irq_delivered || rises != dev->irq_rises);
    struct trace_event entry = { .kind = TRACE_IRQ, .pid = dev->trace_pid };

    if (!rising && level == dev->irq_delivered) {
        return;
    }
    dev->irq_delivered = level;
    dev->irq_rises = rises;
    if (msi_enabled(pci)) {
        if (rising) {
            stats_count(dev->stats, STATS_IRQ_MSI);
            msi_notify(pci, 0);
        }
    } else {
        if (rising) {
            stats_count(dev->stats, STATS_IRQ_INTX);
        }
        pci_set_irq(pci, level);
    }
    if (rising && dev->gpu->trace) {
        entry.ts_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
        entry.a = msi_enabled(pci);
        trace_add(dev->gpu->trace, &entry);
    }
}

void igt_pci_irq(IgtPci *dev)
{
    /*
     * In a guest's own trap the interrupt is delivered at once: a driver that unmasks and
     * then looks finds the order of hardware. An engine inside the core must not wait for
     * the big lock: a reset that holds it waits for that engine. It delivers at the end of
     * its slice, also if it has the lock already: the message may be what resets it.
     */
    if (igt_gpu_in_slice(dev->gpu)) {
        qatomic_set(&dev->gpu->irq_pending, true);
    } else {
        igt_pci_irq_deliver(dev);
    }
}

/*
 * MSI was switched on or off: what is pending goes out the new way. (Switched on, QEMU has lowered
 * the line: msi_write_config().)
 */
static void igt_pci_write_config(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    IgtPci *dev = IGT_PCI(pci);
    IgtPciClass *k = IGT_PCI_GET_CLASS(dev);
    bool was_msi = msi_enabled(pci);

    pci_default_write_config(pci, addr, value, len);
    pcie_cap_flr_write_config(pci, addr, value, len);
    if (k->set_power && range_covers_byte(addr, len, IGT_CAP_PM + PCI_PM_CTRL)) {
        k->set_power(dev, (pci_get_word(pci->config + IGT_CAP_PM + PCI_PM_CTRL) &
                           PCI_PM_CTRL_STATE_MASK) == 3);
    }
    if (msi_enabled(pci) != was_msi) {
        dev->irq_delivered = false;
        igt_pci_irq_deliver(dev);
    }
}

/* ---- counters ---- */

struct json_object *igt_pci_snapshot(IgtPci *dev)
{
    struct json_object *root = stats_snapshot(dev->stats);

    if (IGT_PCI_GET_CLASS(dev)->describe && dev->realized_core) {
        IGT_PCI_GET_CLASS(dev)->describe(dev, root);
    }
    return root;
}

static char *igt_pci_get_stats(Object *obj, Error **errp)
{
    struct json_object *root;
    char *text;

    if (!IGT_PCI(obj)->stats) {
        return g_strdup("{}");
    }
    root = igt_pci_snapshot(IGT_PCI(obj));
    text = g_strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
    return text;
}

static bool igt_pci_get_stats_reset(Object *obj, Error **errp)
{
    return false;
}

static void igt_pci_set_stats_reset(Object *obj, bool value, Error **errp)
{
    if (value && IGT_PCI(obj)->stats) {
        stats_reset(IGT_PCI(obj)->stats);
    }
}

void igt_pci_write_stats_file(IgtPci *dev)
{
    struct json_object *root;

    if (!dev->stats_file || !dev->stats) {
        return;
    }
    root = igt_pci_snapshot(dev);
    if (json_object_to_file_ext(dev->stats_file, root, JSON_C_TO_STRING_PRETTY) < 0) {
        error_report("%s: cannot write stats-file '%s': %s", igt_object_id(OBJECT(dev)),
                     dev->stats_file, json_util_get_last_err());
    }
    json_object_put(root);
}

/* ---- page tables: what a test compares with what should be mapped ---- */

/* So much of a VM in one question, in pages of 4 KiB: a test reads memory, not guesses. */
#define IGT_PPGTT_MAX_PAGES (1u << 20)

static bool igt_pci_add_leaf(void *arg, const struct gpu_ppgtt_leaf *leaf)
{
    struct json_object *list = arg, *row = json_object_new_array_ext(4);

    json_object_array_add(row, json_object_new_uint64(leaf->addr));
    json_object_array_add(row, json_object_new_uint64(leaf->page));
    json_object_array_add(row, json_object_new_uint64(1ull << leaf->shift));
    json_object_array_add(row, json_object_new_boolean(leaf->writable));
    json_object_array_add(list, row);
    return true;
}

/* "root=ADDRESS,from=ADDRESS,to=ADDRESS", in this order, numbers as C writes them. */
static bool igt_pci_parse_ppgtt(const char *text, uint64_t value[3])
{
    static const char *const name[] = { "root=", ",from=", ",to=" };

    for (unsigned int i = 0; i < 3; i++) {
        if (!strstart(text, name[i], &text) || qemu_strtou64(text, &text, 0, &value[i])) {
            return false;
        }
    }
    return !*text;
}

static void igt_pci_set_ppgtt(Object *obj, const char *text, Error **errp)
{
    IgtPci *dev = IGT_PCI(obj);
    struct json_object *list;
    uint64_t value[3];

    if (!igt_pci_parse_ppgtt(text, value) || value[1] >= value[2] ||
        (value[2] - value[1]) >> GPU_PAGE_SHIFT > IGT_PPGTT_MAX_PAGES) {
        error_setg(errp,
                   "%s: ppgtt: '%s' is not root=ADDRESS,from=ADDRESS,to=ADDRESS of at most "
                   "%u pages",
                   igt_object_id(obj), text, IGT_PPGTT_MAX_PAGES);
        return;
    }
    if (!dev->realized_core) {
        error_setg(errp, "%s: ppgtt: there is no GPU yet", igt_object_id(obj));
        return;
    }
    list = json_object_new_array();
    WITH_RCU_READ_LOCK_GUARD() {
        gpu_ppgtt_each(igt_gpu_model(dev->gpu), IGT_PCI_GET_CLASS(dev)->domain(dev),
                       value[0], value[1], value[2], igt_pci_add_leaf, list);
    }
    g_free(dev->ppgtt);
    dev->ppgtt =
        g_strdup(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
    json_object_put(list);
}

static char *igt_pci_get_ppgtt(Object *obj, Error **errp)
{
    IgtPci *dev = IGT_PCI(obj);

    return g_strdup(dev->ppgtt ? dev->ppgtt : "[]");
}

static void igt_pci_finalize(Object *obj)
{
    g_free(IGT_PCI(obj)->ppgtt);
}

/* ---- config space ---- */

static bool igt_pci_init_config(IgtPci *dev, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(dev);
    struct gpu *model = igt_gpu_model(dev->gpu);
    uint8_t *config = pci->config;
    int ret;

    pci_config_set_device_id(config, gpu_pci_device_id(model));
    pci_config_set_revision(config, gpu_pci_revision(model));
    pci_config_set_interrupt_pin(config, 1);
    pci_set_word(config + IGT_GMCH_CTRL, IGT_GMCH_GGTT_8M);

    ret = pci_add_capability(pci, PCI_CAP_ID_PM, IGT_CAP_PM, PCI_PM_SIZEOF, errp);
    if (ret < 0) {
        return false;
    }
    pci_set_word(config + IGT_CAP_PM + PCI_PM_PMC, PCI_PM_CAP_VER_1_1);
    pci_set_word(config + IGT_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pci->wmask + IGT_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

    /* One vector, 32-bit address, as the hardware. */
    if (msi_init(pci, IGT_CAP_MSI, 1, false, false, errp)) {
        return false;
    }
    ret = pcie_cap_init(pci, IGT_CAP_EXPRESS, PCI_EXP_TYPE_RC_END, 0, errp);
    if (ret < 0) {
        return false;
    }
    pcie_cap_flr_init(pci);
    /* Ends the chain: 0 is an empty extended capability list. */
    pci_set_long(config + PCI_CONFIG_SPACE_SIZE, 0);
    return true;
}

static void igt_pci_init_bars(IgtPci *dev)
{
    PCIDevice *pci = PCI_DEVICE(dev);
    Object *obj = OBJECT(dev);

    memory_region_init_io(&dev->bar0, obj, &igt_pci_bar0_ops, dev, "igt-mmio",
                          GPU_BAR0_SIZE);
    memory_region_init_io(&dev->bar2, obj, &igt_pci_aperture_ops, dev, "igt-aperture",
                          dev->gpu->aperture);
    memory_region_init_io(&dev->bar4, obj, &igt_pci_io_ops, dev, "igt-io", IGT_IO_SIZE);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_MEM_TYPE_64, &dev->bar0);
    pci_register_bar(pci, 2, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &dev->bar2);
    pci_register_bar(pci, 4, PCI_BASE_ADDRESS_SPACE_IO, &dev->bar4);
}

/* ---- life ---- */

static void igt_pci_memory_changed(void *opaque)
{
    IgtPci *dev = opaque;
    struct gpu *model = igt_gpu_model(dev->gpu);

    if (model) {
        gpu_invalidate_host_pages(model, 0);
    }
}

static void igt_pci_name_tracks(IgtPci *dev)
{
    CPUState *cpu;

    dev->trace_pid = dev->gpu->next_pid++;
    trace_name_process(dev->gpu->trace, dev->trace_pid, igt_object_id(OBJECT(dev)));
    trace_name_thread(dev->gpu->trace, dev->trace_pid, 0, "interrupts");
    CPU_FOREACH (cpu) {
        g_autofree char *name = g_strdup_printf("vcpu%d", cpu->cpu_index);

        trace_name_thread(dev->gpu->trace, dev->trace_pid, cpu->cpu_index + 1, name);
    }
}

static void igt_pci_teardown(IgtPci *dev)
{
    /*
     * Work is taken off the engines first: after that nothing asks for this guest's
     * memory or interrupt.
     */
    if (dev->realized_core) {
        IGT_PCI_GET_CLASS(dev)->unrealize_core(dev);
        dev->realized_core = false;
        QLIST_REMOVE(dev, next);
        dev->gpu->device_changes++;
    }
    igt_dma_cleanup(&dev->dma);
    stats_free(dev->stats);
    dev->stats = NULL;
}

static void igt_pci_realize(PCIDevice *pci, Error **errp)
{
    IgtPci *dev = IGT_PCI(pci);

    if (!dev->gpu) {
        error_setg(errp,
                   "%s: property gpu is missing: add -object " TYPE_IGT_GPU
                   ",id=gpu0 and gpu=gpu0",
                   object_get_typename(OBJECT(dev)));
        return;
    }
    dev->stats = stats_new();
    if (!dev->stats) {
        error_setg(errp, "%s: no memory for the trap counters",
                   igt_object_id(OBJECT(dev)));
        return;
    }
    igt_pci_name_tracks(dev);
    if (!IGT_PCI_GET_CLASS(dev)->realize_core(dev, errp)) {
        igt_pci_teardown(dev);
        return;
    }
    dev->realized_core = true;
    QLIST_INSERT_HEAD(&dev->gpu->devices, dev, next);
    dev->gpu->device_changes++;
    igt_dma_init(&dev->dma, pci_get_address_space(pci), igt_pci_memory_changed, dev);
    if (!igt_pci_init_config(dev, errp)) {
        igt_pci_teardown(dev);
        return;
    }
    igt_pci_init_bars(dev);
}

static void igt_pci_exit(PCIDevice *pci)
{
    IgtPci *dev = IGT_PCI(pci);

    igt_pci_write_stats_file(dev);
    igt_pci_teardown(dev);
    pcie_cap_exit(pci);
    msi_uninit(pci);
}

/*
 * Power-on, PCI bus reset or FLR. The PCI core resets the config space but for the
 * capabilities: a device that was reset is in D0.
 */
static void igt_pci_reset(DeviceState *qdev)
{
    IgtPci *dev = IGT_PCI(qdev);

    pci_word_test_and_clear_mask(PCI_DEVICE(dev)->config + IGT_CAP_PM + PCI_PM_CTRL,
                                 PCI_PM_CTRL_STATE_MASK);
    IGT_PCI_GET_CLASS(dev)->reset_core(dev);
    dev->io_index = 0;
    dev->irq_delivered = false;
    pci_set_irq(PCI_DEVICE(dev), 0);
}

static Property igt_pci_properties[] = {
    DEFINE_PROP_LINK("gpu", IgtPci, gpu, TYPE_IGT_GPU, IgtGpu *),
    DEFINE_PROP_STRING("stats-file", IgtPci, stats_file),
    DEFINE_PROP_END_OF_LIST(),
};

/*
 * Registers, GGTT, shadow contexts and half-executed batches are not in a stream yet:
 * saying no is better than a dead GPU.
 */
static const VMStateDescription igt_pci_vmstate = {
    .name = TYPE_IGT_PCI,
    .unmigratable = 1,
};

static void igt_pci_class_init(ObjectClass *klass, void *data)
{
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    k->realize = igt_pci_realize;
    k->exit = igt_pci_exit;
    k->config_write = igt_pci_write_config;
    k->vendor_id = PCI_VENDOR_ID_INTEL;
    k->subsystem_vendor_id = PCI_VENDOR_ID_INTEL;
    k->subsystem_id = IGT_SUBSYSTEM_ID;
    k->class_id = PCI_CLASS_DISPLAY_VGA;
    dc->reset = igt_pci_reset;
    dc->vmsd = &igt_pci_vmstate;
    set_bit(DEVICE_CATEGORY_DISPLAY, dc->categories);
    device_class_set_props(dc, igt_pci_properties);
    object_class_property_add_str(klass, "stats", igt_pci_get_stats, NULL);
    object_class_property_set_description(klass, "stats", "trap counters, JSON");
    object_class_property_add_bool(klass, "stats-reset", igt_pci_get_stats_reset,
                                   igt_pci_set_stats_reset);
    object_class_property_set_description(klass, "stats-reset",
                                          "write true: all counters start at 0 again");
    object_class_property_add_str(klass, "ppgtt", igt_pci_get_ppgtt, igt_pci_set_ppgtt);
    object_class_property_set_description(
        klass, "ppgtt",
        "write root=ADDRESS,from=ADDRESS,to=ADDRESS; read: the pages that these page "
        "tables map there, JSON rows [address, guest physical address, bytes, writable]");
}

static const TypeInfo igt_pci_info = {
    .name = TYPE_IGT_PCI,
    .parent = TYPE_PCI_DEVICE,
    .abstract = true,
    .instance_size = sizeof(IgtPci),
    .instance_finalize = igt_pci_finalize,
    .class_size = sizeof(IgtPciClass),
    .class_init = igt_pci_class_init,
    .interfaces = (InterfaceInfo[]){ { INTERFACE_PCIE_DEVICE }, {} },
};

static void igt_pci_register(void)
{
    type_register_static(&igt_pci_info);
}
type_init(igt_pci_register)
