// SPDX-License-Identifier: MIT
/* See interrupt.h. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gvt/gvt.h"
#include "interrupt.h"
#include "stats/stats.h"

/** vfu_interrupt_init - see interrupt.h */
bool vfu_interrupt_init(struct vfu_interrupt *interrupt, struct stats *stats, char **error)
{
	int err;

	*interrupt = (struct vfu_interrupt){ .stats = stats, .fd = { -1, -1 } };
	pthread_mutex_init(&interrupt->lock, NULL);
	interrupt->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (interrupt->null < 0) {
		*error = g_strdup_printf("/dev/null: %s", g_strerror(errno));
		return false;
	}
	err = io_setup(1, &interrupt->aio);
	if (err)
		*error = g_strdup_printf("io_setup(): %s: interrupts need asynchronous I/O; "
					 "raise fs.aio-max-nr, or let the sandbox allow it",
					 g_strerror(-err));
	return !err;
}

/** vfu_interrupt_fini - see interrupt.h */
void vfu_interrupt_fini(struct vfu_interrupt *interrupt)
{
	unsigned int i;

	for (i = 0; i < VFU_NUM_VECTORS; i++)
		vfu_interrupt_set_fd(interrupt, i, -1);
	if (interrupt->aio)
		io_destroy(interrupt->aio);
	if (interrupt->null >= 0)
		close(interrupt->null);
	pthread_mutex_destroy(&interrupt->lock);
}

/** vfu_interrupt_set_vgpu - see interrupt.h */
void vfu_interrupt_set_vgpu(struct vfu_interrupt *interrupt, struct vgpu *vgpu)
{
	pthread_mutex_lock(&interrupt->lock);
	interrupt->vgpu = vgpu;
	pthread_mutex_unlock(&interrupt->lock);
}

/*
 * With the lock. An engine's thread, or another client's, comes here: it must never wait. write()
 * does when the counter is full, and O_NONBLOCK is no help, for the client shares that flag. The
 * end of asynchronous I/O (here a read of nothing) never does: a counter that is full stays full.
 */
static void tell(struct vfu_interrupt *interrupt, unsigned int index)
{
	struct iocb nothing, *submit = &nothing;
	int fd = interrupt->fd[index];
	struct io_event end;

	if (fd < 0)
		return;
	io_prep_pread(&nothing, interrupt->null, NULL, 0, 0);
	io_set_eventfd(&nothing, fd);
	if (io_submit(interrupt->aio, 1, &submit) != 1)
		return;
	io_getevents(interrupt->aio, 1, 1, &end, NULL);
	stats_count(interrupt->stats,
		    index == VFIO_PCI_MSI_IRQ_INDEX ? STATS_IRQ_MSI : STATS_IRQ_INTX);
}

/* With the lock. A line that fell and rose again meanwhile is a message more. */
static void update(struct vfu_interrupt *interrupt)
{
	uint32_t rises;
	bool level, rising;

	if (!interrupt->vgpu)
		return;
	level = vgpu_irq_level(interrupt->vgpu);
	rises = vgpu_irq_rises(interrupt->vgpu);
	rising = level && (!interrupt->told || rises != interrupt->rises);
	interrupt->told = level;
	interrupt->rises = rises;
	if (interrupt->fd[VFIO_PCI_MSI_IRQ_INDEX] >= 0) {
		if (rising)
			tell(interrupt, VFIO_PCI_MSI_IRQ_INDEX);
	} else if (level && !interrupt->masked && interrupt->fd[VFIO_PCI_INTX_IRQ_INDEX] >= 0) {
		interrupt->masked = true;
		tell(interrupt, VFIO_PCI_INTX_IRQ_INDEX);
	}
}

/** vfu_interrupt_update - see interrupt.h */
void vfu_interrupt_update(struct vfu_interrupt *interrupt)
{
	pthread_mutex_lock(&interrupt->lock);
	update(interrupt);
	pthread_mutex_unlock(&interrupt->lock);
}

static bool is_eventfd(int fd)
{
	char path[32], name[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, name, sizeof(name) - 1) > 0 &&
	       !strcmp(name, "anon_inode:[eventfd]");
}

/** vfu_interrupt_set_fd - see interrupt.h */
int vfu_interrupt_set_fd(struct vfu_interrupt *interrupt, unsigned int index, int fd)
{
	int old;

	if (fd >= 0 && !is_eventfd(fd)) {
		close(fd);
		return EINVAL;
	}
	pthread_mutex_lock(&interrupt->lock);
	old = interrupt->fd[index];
	interrupt->fd[index] = fd;
	if (index == VFIO_PCI_INTX_IRQ_INDEX)
		interrupt->masked = false;
	else
		interrupt->told = false;
	update(interrupt);
	pthread_mutex_unlock(&interrupt->lock);
	if (old >= 0)
		close(old);
	return 0;
}

/** vfu_interrupt_set_masked - see interrupt.h */
void vfu_interrupt_set_masked(struct vfu_interrupt *interrupt, bool masked)
{
	pthread_mutex_lock(&interrupt->lock);
	interrupt->masked = masked;
	update(interrupt);
	pthread_mutex_unlock(&interrupt->lock);
}

/** vfu_interrupt_trigger - see interrupt.h */
void vfu_interrupt_trigger(struct vfu_interrupt *interrupt, unsigned int index)
{
	pthread_mutex_lock(&interrupt->lock);
	tell(interrupt, index);
	pthread_mutex_unlock(&interrupt->lock);
}

/** vfu_interrupt_reset - see interrupt.h */
void vfu_interrupt_reset(struct vfu_interrupt *interrupt)
{
	pthread_mutex_lock(&interrupt->lock);
	interrupt->told = false;
	interrupt->masked = false;
	pthread_mutex_unlock(&interrupt->lock);
}
