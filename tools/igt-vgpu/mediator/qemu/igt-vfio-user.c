/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device "igt-vfio-user": a PCI device that a server behind a UNIX socket has, by the
 * vfio-user protocol (../vfio-user/protocol.h). Stands in for the vfio-user-pci of QEMU
 * 10.1, which QEMU 7.2 does not have, and does no more than ../vfio-user needs.
 *
 *   -object memory-backend-memfd,id=ram,size=2G,share=on -machine q35,memory-backend=ram
 *   -device igt-vfio-user,socket=PATH,id=vgpu0,addr=02.0
 *
 * It knows nothing of GPUs. BARs and config space are the server's and forwarded, but for
 * what QEMU itself must know to place BARs and deliver interrupts: these bits of config
 * space are kept here as well (s->emulated). Guest RAM goes to the server as file
 * descriptors.
 *
 * All of it runs under QEMU's big lock, and each request waits for its reply. A server
 * that is gone reads as all ones, and takes writes as nothing.
 */
#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "exec/ram_addr.h"
#include "hw/boards.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/event_notifier.h"
#include "qemu/main-loop.h"
#include "qemu/range.h"
#include "qemu/sockets.h"

#include <sys/un.h>

#include "vfio-user/message.h"

#define TYPE_IGT_VFIO_USER "igt-vfio-user"
OBJECT_DECLARE_SIMPLE_TYPE(IgtVfioUser, IGT_VFIO_USER)

#define VERSION_DATA "{\"capabilities\":{\"max_msg_fds\":1}}"
#define PAGE_BYTES   4096

/** struct IgtVfioBar - a BAR of the server's */
typedef struct IgtVfioBar {
    IgtVfioUser *owner;
    uint32_t index;
    MemoryRegion mr;
} IgtVfioBar;

/** struct IgtVfioUser - see above */
struct IgtVfioUser {
    PCIDevice parent;
    char *socket; /* property */
    int sock;     /* -1: no server (any more) */
    uint16_t next_id;
    struct vfu_message msg; /* the request, then its reply */
    IgtVfioBar bar[PCI_NUM_REGIONS - 1];
    uint8_t emulated[PCIE_CONFIG_SPACE_SIZE]; /* bits that are QEMU's */
    uint8_t express_cap;
    EventNotifier irq[VFIO_PCI_MSI_IRQ_INDEX + 1];
    bool msi;      /* the server tells us by MSI */
    bool intx_up;  /* and its line is up, as far as we were told */
    MemoryListener listener;
    bool listening;
};

/* ---- requests ---- */

static void igt_vu_lost(IgtVfioUser *s)
{
    error_report("%s: the server at %s is gone: the device reads as all ones from here on",
                 TYPE_IGT_VFIO_USER, s->socket);
    close(s->sock);
    s->sock = -1;
}

/*
 * s->msg holds the request's payload; the reply's is there afterwards. 0, or an errno: the
 * server's, or ENOTCONN.
 */
static int igt_vu_request(IgtVfioUser *s, uint16_t command, size_t length, int fd)
{
    struct vfu_message *msg = &s->msg;
    uint16_t id = s->next_id++;

    if (s->sock < 0) {
        return ENOTCONN;
    }
    msg->header = (struct vfio_user_header){ .id = id, .command = command };
    msg->length = length;
    msg->fd = fd;
    if (vfu_send(s->sock, msg) || vfu_receive(s->sock, msg)) {
        igt_vu_lost(s);
        return ENOTCONN;
    }
    if (msg->fd >= 0) {
        close(msg->fd);
    }
    if (msg->header.id != id || msg->header.command != command ||
        (msg->header.flags & VFIO_USER_TYPE_MASK) != VFIO_USER_TYPE_REPLY) {
        error_report("%s: the server's reply to request %u answers something else",
                     TYPE_IGT_VFIO_USER, command);
        igt_vu_lost(s);
        return ENOTCONN;
    }
    if (msg->header.flags & VFIO_USER_ERROR) {
        return msg->header.error ?: EIO;
    }
    return 0;
}

static void igt_vu_read(IgtVfioUser *s, uint32_t region, uint64_t offset, void *data,
                        uint32_t count)
{
    s->msg.access = (struct vfio_user_access){ offset, region, count };
    if (igt_vu_request(s, VFIO_USER_REGION_READ, sizeof(s->msg.access), -1) ||
        s->msg.length != sizeof(s->msg.access) + count) {
        memset(data, 0xff, count);
        return;
    }
    memcpy(data, s->msg.access.data, count);
}

static void igt_vu_write(IgtVfioUser *s, uint32_t region, uint64_t offset,
                         const void *data, uint32_t count)
{
    s->msg.access = (struct vfio_user_access){ offset, region, count };
    memcpy(s->msg.access.data, data, count);
    igt_vu_request(s, VFIO_USER_REGION_WRITE, sizeof(s->msg.access) + count, -1);
}

static int igt_vu_set_irq(IgtVfioUser *s, uint32_t index, uint32_t flags, uint32_t count,
                          int fd)
{
    s->msg.irq_set = (struct vfio_irq_set){ .argsz = sizeof(s->msg.irq_set),
                                            .flags = flags,
                                            .index = index,
                                            .count = count };
    return igt_vu_request(s, VFIO_USER_DEVICE_SET_IRQS, sizeof(s->msg.irq_set), fd);
}

/* ---- interrupts ---- */

static void igt_vu_set_intx(IgtVfioUser *s, bool up)
{
    s->intx_up = up;
    pci_set_irq(PCI_DEVICE(s), up);
}

/*
 * The server masked its line when it told us. That the guest looks at the device is taken
 * for its answer: if there is more, we are told again.
 */
static void igt_vu_guest_looked(IgtVfioUser *s)
{
    if (s->intx_up) {
        igt_vu_set_intx(s, false);
        igt_vu_set_irq(s, VFIO_PCI_INTX_IRQ_INDEX,
                       VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, -1);
    }
}

static void igt_vu_intx_event(EventNotifier *e)
{
    IgtVfioUser *s = container_of(e, IgtVfioUser, irq[VFIO_PCI_INTX_IRQ_INDEX]);

    if (event_notifier_test_and_clear(e) && !s->msi) {
        igt_vu_set_intx(s, true);
    }
}

static void igt_vu_msi_event(EventNotifier *e)
{
    IgtVfioUser *s = container_of(e, IgtVfioUser, irq[VFIO_PCI_MSI_IRQ_INDEX]);

    if (event_notifier_test_and_clear(e) && s->msi) {
        msi_notify(PCI_DEVICE(s), 0);
    }
}

/* The way that the guest wants; what is pending goes out by it. */
static void igt_vu_use_msi(IgtVfioUser *s, bool msi)
{
    const uint32_t eventfd = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    const uint32_t none = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
    int fd;

    if (msi == s->msi) {
        return;
    }
    s->msi = msi;
    if (msi) {
        igt_vu_set_intx(s, false);
        fd = event_notifier_get_fd(&s->irq[VFIO_PCI_MSI_IRQ_INDEX]);
        igt_vu_set_irq(s, VFIO_PCI_MSI_IRQ_INDEX, eventfd, 1, fd);
    } else {
        igt_vu_set_irq(s, VFIO_PCI_MSI_IRQ_INDEX, none, 0, -1);
        igt_vu_set_irq(s, VFIO_PCI_INTX_IRQ_INDEX,
                       VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, -1);
    }
}

static bool igt_vu_init_irqs(IgtVfioUser *s, Error **errp)
{
    static EventNotifierHandler *const handlers[] = { igt_vu_intx_event, igt_vu_msi_event };
    int i, err;

    for (i = 0; i < ARRAY_SIZE(s->irq); i++) {
        err = event_notifier_init(&s->irq[i], false);
        if (err < 0) {
            error_setg_errno(errp, -err, "no eventfd for an interrupt");
            return false;
        }
        event_notifier_set_handler(&s->irq[i], handlers[i]);
    }
    err = igt_vu_set_irq(s, VFIO_PCI_INTX_IRQ_INDEX,
                         VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1,
                         event_notifier_get_fd(&s->irq[VFIO_PCI_INTX_IRQ_INDEX]));
    if (err) {
        error_setg_errno(errp, err, "the server does not take an eventfd for INTx");
        return false;
    }
    return true;
}

static void igt_vu_cleanup_irqs(IgtVfioUser *s)
{
    for (int i = 0; i < ARRAY_SIZE(s->irq); i++) {
        if (event_notifier_get_fd(&s->irq[i]) > 0) {
            event_notifier_set_handler(&s->irq[i], NULL);
            event_notifier_cleanup(&s->irq[i]);
        }
    }
}

/* ---- BARs ---- */

static uint64_t igt_vu_bar_read(void *opaque, hwaddr offset, unsigned size)
{
    IgtVfioBar *bar = opaque;
    uint64_t value = 0;

    igt_vu_read(bar->owner, bar->index, offset, &value, size);
    igt_vu_guest_looked(bar->owner);
    return le64_to_cpu(value);
}

static void igt_vu_bar_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    IgtVfioBar *bar = opaque;

    value = cpu_to_le64(value);
    igt_vu_write(bar->owner, bar->index, offset, &value, size);
    igt_vu_guest_looked(bar->owner);
}

static const MemoryRegionOps igt_vu_bar_ops = {
    .read = igt_vu_bar_read,
    .write = igt_vu_bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* 0: no such BAR, or no answer. */
static uint64_t igt_vu_region_size(IgtVfioUser *s, uint32_t index)
{
    s->msg.region_info = (struct vfio_region_info){ .argsz = sizeof(s->msg.region_info),
                                                    .index = index };
    if (igt_vu_request(s, VFIO_USER_DEVICE_GET_REGION_INFO, sizeof(s->msg.region_info),
                       -1) ||
        s->msg.length < sizeof(s->msg.region_info)) {
        return 0;
    }
    return s->msg.region_info.size;
}

static bool igt_vu_init_bars(IgtVfioUser *s, Error **errp)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(s->bar); i++) {
        uint64_t size = igt_vu_region_size(s, i);
        uint8_t type = s->parent.config[PCI_BASE_ADDRESS_0 + 4 * i];
        g_autofree char *name = g_strdup_printf("igt-vfio-user-bar%u", i);

        if (!size) {
            continue;
        }
        if (!is_power_of_2(size)) {
            error_setg(errp, "BAR %u of 0x%" PRIx64 " bytes: no power of two", i, size);
            return false;
        }
        s->bar[i].owner = s;
        s->bar[i].index = i;
        memory_region_init_io(&s->bar[i].mr, OBJECT(s), &igt_vu_bar_ops, &s->bar[i], name,
                              size);
        type &= type & PCI_BASE_ADDRESS_SPACE_IO ? PCI_BASE_ADDRESS_SPACE_IO
                                                 : ~PCI_BASE_ADDRESS_MEM_MASK & 0xff;
        pci_register_bar(&s->parent, i, type, &s->bar[i].mr);
    }
    return true;
}

/* ---- config space ---- */

static void igt_vu_emulate(IgtVfioUser *s, uint32_t offset, uint32_t count)
{
    memset(s->emulated + offset, 0xff, count);
}

static uint8_t igt_vu_find_cap(IgtVfioUser *s, uint8_t id)
{
    uint8_t at = s->parent.config[PCI_CAPABILITY_LIST] & ~3, steps;

    for (steps = 0; at >= PCI_STD_HEADER_SIZEOF && steps < 48; steps++) {
        if (s->parent.config[at] == id) {
            return at;
        }
        at = s->parent.config[at + PCI_CAP_LIST_NEXT] & ~3;
    }
    return 0;
}

/* QEMU's copy of the server's config space, and which bits of it QEMU sees to itself. */
static bool igt_vu_init_config(IgtVfioUser *s, Error **errp)
{
    PCIDevice *pci = &s->parent;
    uint8_t msi;
    uint64_t size = MIN(igt_vu_region_size(s, VFIO_PCI_CONFIG_REGION_INDEX),
                        pci_config_size(pci));

    if (size < PCI_CONFIG_SPACE_SIZE) {
        error_setg(errp, "config space of %" PRIu64 " bytes: the server has no PCI device",
                   size);
        return false;
    }
    igt_vu_read(s, VFIO_PCI_CONFIG_REGION_INDEX, 0, pci->config, size);
    if (pci->config[PCI_HEADER_TYPE]) {
        error_setg(errp, "header type 0x%x: only endpoints (0) are supported",
                   pci->config[PCI_HEADER_TYPE]);
        return false;
    }
    igt_vu_emulate(s, PCI_COMMAND, 2);
    igt_vu_emulate(s, PCI_INTERRUPT_LINE, 1);
    for (uint32_t i = 0; i < ARRAY_SIZE(s->bar); i++) {
        igt_vu_emulate(s, PCI_BASE_ADDRESS_0 + 4 * i, 4);
    }
    s->express_cap = igt_vu_find_cap(s, PCI_CAP_ID_EXP);
    msi = igt_vu_find_cap(s, PCI_CAP_ID_MSI);
    if (!msi) {
        return true;
    }
    if (pci_get_word(pci->config + msi + PCI_MSI_FLAGS) & ~PCI_MSI_FLAGS_ENABLE) {
        error_setg(errp, "MSI flags 0x%x: only one vector with a 32-bit address is supported",
                   pci_get_word(pci->config + msi + PCI_MSI_FLAGS));
        return false;
    }
    /* QEMU's own list of capabilities has this one alone; the guest sees the server's. */
    pci->config[PCI_CAPABILITY_LIST] = 0;
    if (msi_init(pci, msi, 1, false, false, errp)) {
        return false;
    }
    igt_vu_emulate(s, msi + PCI_MSI_FLAGS, 8);
    return true;
}

static uint32_t igt_vu_config_read(PCIDevice *pci, uint32_t addr, int len)
{
    IgtVfioUser *s = IGT_VFIO_USER(pci);
    uint8_t bytes[4] = { 0 };

    igt_vu_read(s, VFIO_PCI_CONFIG_REGION_INDEX, addr, bytes, len);
    for (int i = 0; i < len; i++) {
        bytes[i] = (bytes[i] & ~s->emulated[addr + i]) |
                   (pci->config[addr + i] & s->emulated[addr + i]);
    }
    return ldl_le_p(bytes);
}

/* Was a function level reset asked for? */
static bool igt_vu_is_flr(IgtVfioUser *s, uint32_t addr, uint32_t value, int len)
{
    uint32_t at = s->express_cap + PCI_EXP_DEVCTL + 1;

    return s->express_cap && range_covers_byte(addr, len, at) &&
           (value >> 8 * (at - addr)) & (PCI_EXP_DEVCTL_BCR_FLR >> 8);
}

static void igt_vu_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, int len)
{
    IgtVfioUser *s = IGT_VFIO_USER(pci);
    uint32_t bytes = cpu_to_le32(value);

    igt_vu_write(s, VFIO_PCI_CONFIG_REGION_INDEX, addr, &bytes, len);
    pci_default_write_config(pci, addr, value, len);
    if (igt_vu_is_flr(s, addr, value, len)) {
        pci_device_reset(pci);
        return;
    }
    igt_vu_use_msi(s, msi_enabled(pci));
}

/* ---- guest memory ---- */

/* What of @section the server can map: whole pages of RAM that has a file. */
static bool igt_vu_mappable(const MemoryRegionSection *section)
{
    return memory_region_is_ram(section->mr) && memory_region_get_fd(section->mr) >= 0 &&
           QEMU_IS_ALIGNED(section->offset_within_address_space, PAGE_BYTES) &&
           QEMU_IS_ALIGNED(section->offset_within_region, PAGE_BYTES) &&
           QEMU_IS_ALIGNED(int128_get64(section->size), PAGE_BYTES);
}

static void igt_vu_region_add(MemoryListener *listener, MemoryRegionSection *section)
{
    IgtVfioUser *s = container_of(listener, IgtVfioUser, listener);
    uint32_t flags = VFIO_DMA_MAP_FLAG_READ;
    int err;

    if (!igt_vu_mappable(section) || s->sock < 0) {
        return;
    }
    if (!section->readonly) {
        flags |= VFIO_DMA_MAP_FLAG_WRITE;
    }
    s->msg.dma_map = (struct vfio_user_dma_map){
        .argsz = sizeof(s->msg.dma_map),
        .flags = flags,
        .offset = section->offset_within_region,
        .address = section->offset_within_address_space,
        .size = int128_get64(section->size),
    };
    err = igt_vu_request(s, VFIO_USER_DMA_MAP, sizeof(s->msg.dma_map),
                         memory_region_get_fd(section->mr));
    if (err && err != ENOTCONN) {
        error_report("%s: the server does not take 0x%" PRIx64 " bytes of %s at 0x%" PRIx64
                     ": %s; is it a memory-backend-memfd?",
                     TYPE_IGT_VFIO_USER, int128_get64(section->size),
                     memory_region_name(section->mr),
                     (uint64_t)section->offset_within_address_space, strerror(err));
    }
}

static void igt_vu_region_del(MemoryListener *listener, MemoryRegionSection *section)
{
    IgtVfioUser *s = container_of(listener, IgtVfioUser, listener);

    if (!igt_vu_mappable(section)) {
        return;
    }
    s->msg.dma_unmap = (struct vfio_user_dma_unmap){
        .argsz = sizeof(s->msg.dma_unmap),
        .address = section->offset_within_address_space,
        .size = int128_get64(section->size),
    };
    igt_vu_request(s, VFIO_USER_DMA_UNMAP, sizeof(s->msg.dma_unmap), -1);
}

/* ---- life ---- */

/* A guest whose memory the server cannot map would fail later and elsewhere. */
static bool igt_vu_check_ram(Error **errp)
{
    MemoryRegion *ram = MACHINE(qdev_get_machine())->ram;

    if (ram && memory_region_get_fd(ram) >= 0 && qemu_ram_is_shared(ram->ram_block)) {
        return true;
    }
    error_setg(errp, "the machine's RAM is not shared: use -object "
                     "memory-backend-memfd,id=ram,size=...,share=on -machine memory-backend=ram");
    return false;
}

static bool igt_vu_connect(IgtVfioUser *s, Error **errp)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    if (!s->socket || strlen(s->socket) >= sizeof(addr.sun_path)) {
        error_setg(errp, "property socket: the path of a server's socket, of at most %zu "
                         "characters",
                   sizeof(addr.sun_path) - 1);
        return false;
    }
    strcpy(addr.sun_path, s->socket);
    s->sock = qemu_socket(AF_UNIX, SOCK_STREAM, 0);
    if (s->sock < 0 || connect(s->sock, (struct sockaddr *)&addr, sizeof(addr))) {
        error_setg_errno(errp, errno, "cannot connect to %s: is a server running there?",
                         s->socket);
        return false;
    }
    return true;
}

static bool igt_vu_negotiate(IgtVfioUser *s, Error **errp)
{
    struct vfio_user_version *version = &s->msg.version;
    int err;

    *version = (struct vfio_user_version){ VFIO_USER_MAJOR, VFIO_USER_MINOR };
    memcpy(version->data, VERSION_DATA, sizeof(VERSION_DATA));
    err = igt_vu_request(s, VFIO_USER_VERSION, sizeof(*version) + sizeof(VERSION_DATA), -1);
    if (err) {
        error_setg_errno(errp, err, "%s: no agreement on a version; does another VM have it?",
                         s->socket);
        return false;
    }
    s->msg.device_info = (struct vfio_device_info){ .argsz = 16 };
    err = igt_vu_request(s, VFIO_USER_DEVICE_GET_INFO, 16, -1);
    if (err || s->msg.length < 16 || !(s->msg.device_info.flags & VFIO_DEVICE_FLAGS_PCI)) {
        error_setg(errp, "%s: the server has no PCI device", s->socket);
        return false;
    }
    return true;
}

static void igt_vu_teardown(IgtVfioUser *s)
{
    if (s->listening) {
        memory_listener_unregister(&s->listener);
        s->listening = false;
    }
    igt_vu_cleanup_irqs(s);
    if (s->sock >= 0) {
        close(s->sock);
        s->sock = -1;
    }
}

static void igt_vu_realize(PCIDevice *pci, Error **errp)
{
    IgtVfioUser *s = IGT_VFIO_USER(pci);

    if (!igt_vu_check_ram(errp) || !igt_vu_connect(s, errp) || !igt_vu_negotiate(s, errp) ||
        !igt_vu_init_config(s, errp) || !igt_vu_init_bars(s, errp) ||
        !igt_vu_init_irqs(s, errp)) {
        igt_vu_teardown(s);
        return;
    }
    s->listener = (MemoryListener){
        .name = TYPE_IGT_VFIO_USER,
        .region_add = igt_vu_region_add,
        .region_del = igt_vu_region_del,
        .priority = 10,
    };
    /* Not the bus master's address space: whether the guest allows DMA the server sees. */
    memory_listener_register(&s->listener, pci_device_iommu_address_space(pci));
    s->listening = true;
}

static void igt_vu_exit(PCIDevice *pci)
{
    igt_vu_teardown(IGT_VFIO_USER(pci));
    msi_uninit(pci);
}

static void igt_vu_reset(DeviceState *qdev)
{
    IgtVfioUser *s = IGT_VFIO_USER(qdev);

    igt_vu_request(s, VFIO_USER_DEVICE_RESET, 0, -1);
    igt_vu_set_intx(s, false);
    igt_vu_use_msi(s, false);
}

static void igt_vu_init(Object *obj)
{
    IGT_VFIO_USER(obj)->sock = -1;
}

static Property igt_vu_properties[] = {
    DEFINE_PROP_STRING("socket", IgtVfioUser, socket),
    DEFINE_PROP_END_OF_LIST(),
};

static const VMStateDescription igt_vu_vmstate = {
    .name = TYPE_IGT_VFIO_USER,
    .unmigratable = 1,
};

static void igt_vu_class_init(ObjectClass *klass, void *data)
{
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    k->realize = igt_vu_realize;
    k->exit = igt_vu_exit;
    k->config_read = igt_vu_config_read;
    k->config_write = igt_vu_config_write;
    dc->desc = "PCI device of a vfio-user server";
    dc->reset = igt_vu_reset;
    dc->vmsd = &igt_vu_vmstate;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, igt_vu_properties);
}

static const TypeInfo igt_vu_info = {
    .name = TYPE_IGT_VFIO_USER,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(IgtVfioUser),
    .instance_init = igt_vu_init,
    .class_init = igt_vu_class_init,
    .interfaces = (InterfaceInfo[]){ { INTERFACE_PCIE_DEVICE }, {} },
};

static void igt_vu_register(void)
{
    type_register_static(&igt_vu_info);
}
type_init(igt_vu_register)
