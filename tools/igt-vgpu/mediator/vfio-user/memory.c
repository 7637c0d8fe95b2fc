// SPDX-License-Identifier: MIT
/* See memory.h. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "memory.h"

/** struct vfu_range - one VFIO_USER_DMA_MAP */
struct vfu_range {
	uint64_t first, last;	/* both inclusive */
	uint8_t *host;		/* NULL: cannot be reached */
	bool writable;
};

/** vfu_memory_init - see memory.h */
void vfu_memory_init(struct vfu_memory *memory)
{
	memory->vgpu = NULL;
	pthread_rwlock_init(&memory->lock, NULL);
	memory->range = g_new0(struct vfu_range, VFU_MAX_RANGES);
	memory->count = 0;
	memory->mapped = 0;
}

/** vfu_memory_fini - see memory.h */
void vfu_memory_fini(struct vfu_memory *memory)
{
	g_free(memory->range);
	pthread_rwlock_destroy(&memory->lock);
}

/* The first range that ends at @address or later; all others end before. */
static unsigned int find(const struct vfu_memory *memory, uint64_t address)
{
	unsigned int low = 0, high = memory->count;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (memory->range[mid].last < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_page_aligned(uint64_t value)
{
	return value % GPU_PAGE_SIZE == 0;
}

static int check_request(const struct vfio_user_dma_map *map)
{
	const uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;

	if (map->argsz < sizeof(*map) || map->flags & ~both ||
	    !(map->flags & VFIO_DMA_MAP_FLAG_READ))
		return EINVAL;
	if (!map->size || map->address + (map->size - 1) < map->address ||
	    !is_page_aligned(map->address | map->size | map->offset))
		return EINVAL;
	return 0;
}

/*
 * Would an access ever meet the end of the file? Of hugetlb's, it may meet a hole for which there is
 * no page any more, and such a file is not mapped and unmapped by the page.
 */
static int check_file(const struct vfio_user_dma_map *map, int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return EPERM;
	if (fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC)
		return EPERM;
	if (fstat(fd, &st))
		return errno;
	if (map->offset > (uint64_t)st.st_size || map->size > (uint64_t)st.st_size - map->offset)
		return EINVAL;
	return 0;
}

static int map_file(const struct vfio_user_dma_map *map, int fd, uint8_t **host)
{
	int prot = PROT_READ | (map->flags & VFIO_DMA_MAP_FLAG_WRITE ? PROT_WRITE : 0);
	void *p = mmap(NULL, map->size, prot, MAP_SHARED, fd, map->offset);

	if (p == MAP_FAILED)
		return errno;
	/* A child of this process, if there ever is one, is not to keep a guest's memory. */
	madvise(p, map->size, MADV_DONTFORK);
	*host = p;
	return 0;
}

/** vfu_memory_map - see memory.h; only the client's thread changes ranges, so it may look freely */
int vfu_memory_map(struct vfu_memory *memory, const struct vfio_user_dma_map *map, int fd)
{
	struct vfu_range range = { .first = map->address, .last = map->address + map->size - 1,
				   .writable = map->flags & VFIO_DMA_MAP_FLAG_WRITE };
	unsigned int at;
	int err = check_request(map);

	if (err)
		return err;
	at = find(memory, range.first);
	if (at < memory->count && memory->range[at].first <= range.last)
		return EEXIST;
	if (memory->count == VFU_MAX_RANGES)
		return ENOSPC;
	if (fd >= 0) {
		if (map->size > VFU_MAX_BYTES - memory->mapped)
			return ENOSPC;
		err = check_file(map, fd);
		if (!err)
			err = map_file(map, fd, &range.host);
		if (err)
			return err;
		memory->mapped += map->size;
	}
	pthread_rwlock_wrlock(&memory->lock);
	memmove(&memory->range[at + 1], &memory->range[at],
		(memory->count - at) * sizeof(range));
	memory->range[at] = range;
	memory->count++;
	pthread_rwlock_unlock(&memory->lock);
	return 0;
}

/** vfu_memory_unmap - see memory.h */
int vfu_memory_unmap(struct vfu_memory *memory, uint64_t address, uint64_t size)
{
	unsigned int at = find(memory, address);
	struct vfu_range range;

	if (at == memory->count)
		return ENOENT;
	range = memory->range[at];
	if (range.first != address || range.last - range.first != size - 1)
		return ENOENT;
	pthread_rwlock_wrlock(&memory->lock);
	memory->count--;
	memmove(&memory->range[at], &memory->range[at + 1],
		(memory->count - at) * sizeof(range));
	pthread_rwlock_unlock(&memory->lock);
	if (range.host) {
		vgpu_invalidate_host_pages(memory->vgpu);
		munmap(range.host, size);
		memory->mapped -= size;
	}
	return 0;
}

/** vfu_memory_clear - see memory.h */
void vfu_memory_clear(struct vfu_memory *memory)
{
	unsigned int count = memory->count, i;

	pthread_rwlock_wrlock(&memory->lock);
	memory->count = 0;
	pthread_rwlock_unlock(&memory->lock);
	vgpu_invalidate_host_pages(memory->vgpu);
	memory->mapped = 0;
	for (i = 0; i < count; i++) {
		const struct vfu_range *range = &memory->range[i];

		if (range->host)
			munmap(range->host, range->last - range->first + 1);
	}
}

/** vfu_memory_page - see memory.h */
void *vfu_memory_page(struct vfu_memory *memory, uint64_t address, bool write)
{
	const struct vfu_range *range;
	uint8_t *host = NULL;
	unsigned int at;

	pthread_rwlock_rdlock(&memory->lock);
	at = find(memory, address);
	range = &memory->range[at];
	if (at < memory->count && range->first <= address && range->host &&
	    (range->writable || !write))
		host = range->host + (address - range->first) / GPU_PAGE_SIZE * GPU_PAGE_SIZE;
	pthread_rwlock_unlock(&memory->lock);
	return host;
}
