/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory for the GPU: from an address on the device's bus to a host pointer,
 * without a lock.
 *
 * A listener on the device's bus master address space builds a sorted array of its RAM
 * ranges at each change of the memory map; readers (engine threads, vCPUs) look it up
 * under RCU. Bus mastering off makes that address space empty, and so the array. What is
 * not RAM (a BAR of another device, ROM for writing, memory behind an IOMMU) is absent:
 * no peer-to-peer.
 */
#include "qemu/osdep.h"
#include "qemu/rcu.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/memory.h"
#include "exec/ram_addr.h"
#include "sysemu/tcg.h"

#include "igt-shim.h"

/** struct IgtDmaRange - one piece of RAM, page-aligned */
typedef struct IgtDmaRange {
    uint64_t first, last; /* bus addresses, both inclusive */
    uint8_t *host;
    MemoryRegion *mr;    /* referenced */
    ram_addr_t ram_addr; /* of @first, for dirty tracking */
    bool readonly;
} IgtDmaRange;

struct IgtDmaMap {
    struct rcu_head rcu;
    unsigned int count;
    unsigned int room;
    IgtDmaRange *range;
};

static void igt_dma_map_free(IgtDmaMap *map)
{
    unsigned int i;

    for (i = 0; i < map->count; i++) {
        memory_region_unref(map->range[i].mr);
    }
    g_free(map->range);
    g_free(map);
}

static void igt_dma_begin(MemoryListener *listener)
{
    IgtDma *dma = container_of(listener, IgtDma, listener);

    if (dma->building) {
        igt_dma_map_free(dma->building);
    }
    dma->building = g_new0(IgtDmaMap, 1);
}

/*
 * Called for every range of the address space between begin and commit, in ascending
 * order.
 */
static void igt_dma_add(MemoryListener *listener, MemoryRegionSection *section)
{
    IgtDma *dma = container_of(listener, IgtDma, listener);
    IgtDmaMap *map = dma->building;
    uint64_t first = section->offset_within_address_space;
    uint64_t offset = section->offset_within_region;
    uint64_t size, skip;
    IgtDmaRange *range;

    if (!map || !memory_region_is_ram(section->mr)) {
        return;
    }
    size = int128_get64(section->size);
    /* A page is the unit of the GPU: odd edges are left out. */
    skip = QEMU_ALIGN_UP(first, GPU_PAGE_SIZE) - first;
    if (size <= skip || (size - skip) < GPU_PAGE_SIZE) {
        return;
    }
    size = QEMU_ALIGN_DOWN(size - skip, GPU_PAGE_SIZE);
    if (map->count == map->room) {
        map->room = map->room ? 2 * map->room : 8;
        map->range = g_renew(IgtDmaRange, map->range, map->room);
    }
    range = &map->range[map->count++];
    range->first = first + skip;
    range->last = range->first + size - 1;
    range->host = (uint8_t *)memory_region_get_ram_ptr(section->mr) + offset + skip;
    range->ram_addr = memory_region_get_ram_addr(section->mr) + offset + skip;
    range->readonly = section->readonly;
    range->mr = section->mr;
    memory_region_ref(range->mr);
}

static bool igt_dma_map_equal(const IgtDmaMap *a, const IgtDmaMap *b)
{
    unsigned int i;

    if (!a || !b || a->count != b->count) {
        return false;
    }
    for (i = 0; i < a->count; i++) {
        if (a->range[i].first != b->range[i].first ||
            a->range[i].last != b->range[i].last ||
            a->range[i].host != b->range[i].host ||
            a->range[i].readonly != b->range[i].readonly) {
            return false;
        }
    }
    return true;
}

static void igt_dma_commit(MemoryListener *listener)
{
    IgtDma *dma = container_of(listener, IgtDma, listener);
    IgtDmaMap *old = dma->map;
    IgtDmaMap *map = g_steal_pointer(&dma->building);

    if (!map) {
        return; /* only ioeventfds changed */
    }
    /*
     * The map of a whole machine changes with every BAR that the guest moves; guest RAM
     * does so rarely.
     */
    if (igt_dma_map_equal(old, map)) {
        igt_dma_map_free(map);
        return;
    }
    qatomic_rcu_set(&dma->map, map);
    if (dma->changed) {
        dma->changed(dma->opaque);
    }
    if (old) {
        call_rcu(old, igt_dma_map_free, rcu);
    }
}

void igt_dma_init(IgtDma *dma, AddressSpace *as, void (*changed)(void *), void *opaque)
{
    dma->as = as;
    dma->changed = changed;
    dma->opaque = opaque;
    dma->listener = (MemoryListener){
        .name = "igt-dma",
        .begin = igt_dma_begin,
        .region_add = igt_dma_add,
        .region_nop = igt_dma_add,
        .commit = igt_dma_commit,
        .priority = 10,
    };
    memory_listener_register(&dma->listener, as);
    dma->active = true;
}

void igt_dma_cleanup(IgtDma *dma)
{
    IgtDmaMap *old;

    if (!dma->active) {
        return;
    }
    /* This commits an empty map, and frees the one that was there. */
    memory_listener_unregister(&dma->listener);
    dma->active = false;
    old = dma->map;
    qatomic_rcu_set(&dma->map, NULL);
    if (dma->changed) {
        dma->changed(dma->opaque);
    }
    if (old) {
        call_rcu(old, igt_dma_map_free, rcu);
    }
    if (dma->building) {
        igt_dma_map_free(dma->building);
        dma->building = NULL;
    }
}

/*
 * The GPU is about to write this page through a raw pointer: what QEMU derives from its
 * content must not go stale. Translated code goes now; code that the guest runs from the
 * page while the GPU still writes to it is undefined on hardware too, as long as the
 * guest does not serialise. Migration's bitmap is set as any DMA would.
 */
static void igt_dma_dirty(const IgtDmaRange *range, ram_addr_t ram_addr)
{
    uint8_t mask = memory_region_get_dirty_log_mask(range->mr);

    if (mask) {
        mask = cpu_physical_memory_range_includes_clean(ram_addr, GPU_PAGE_SIZE, mask);
    }
    if (mask & (1 << DIRTY_MEMORY_CODE)) {
        tb_invalidate_phys_range(ram_addr, ram_addr + GPU_PAGE_SIZE);
        mask &= ~(1 << DIRTY_MEMORY_CODE);
    }
    cpu_physical_memory_set_dirty_range(ram_addr, GPU_PAGE_SIZE, mask);
}

void *igt_dma_page(IgtDma *dma, uint64_t addr, bool write)
{
    IgtDmaMap *map = qatomic_rcu_read(&dma->map);
    unsigned int low = 0, high = map ? map->count : 0;

    while (low < high) {
        unsigned int mid = (low + high) / 2;
        const IgtDmaRange *range = &map->range[mid];

        if (addr < range->first) {
            high = mid;
        } else if (addr > range->last) {
            low = mid + 1;
        } else {
            uint64_t offset = QEMU_ALIGN_DOWN(addr - range->first, GPU_PAGE_SIZE);

            if (write && range->readonly) {
                return NULL;
            }
            if (write) {
                igt_dma_dirty(range, range->ram_addr + offset);
            }
            return range->host + offset;
        }
    }
    return NULL;
}
