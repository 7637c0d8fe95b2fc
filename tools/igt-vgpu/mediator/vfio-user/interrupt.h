/* SPDX-License-Identifier: MIT */
/*
 * A vGPU's interrupt line on its way to a client: a message (MSI) for each rise, or a level that is
 * announced once and masked until the client looked (INTx), each through an eventfd of the client.
 *
 * Callers: device.c on the client's thread; the mediator on any thread. No lock is held around a
 * call into the mediator.
 */
#ifndef VFIO_USER_INTERRUPT_H
#define VFIO_USER_INTERRUPT_H

#include <libaio.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VFU_NUM_VECTORS (VFIO_PCI_MSI_IRQ_INDEX + 1)	/* INTx and MSI, one of each */

struct stats;
struct vgpu;

/**
 * struct vfu_interrupt - see above
 * @lock: guards what follows; a leaf
 * @vgpu: whose; NULL before it is there
 * @fd: where to tell, by VFIO_PCI_*_IRQ_INDEX; -1: nowhere. With MSI there, INTx is silent
 * @masked: INTx: by the client, or because it was told and has not looked yet
 * @told: the level that the client knows of
 * @rises: the last rise of it
 * @aio: how to tell without waiting
 * @null: /dev/null, of which @aio reads nothing
 */
struct vfu_interrupt {
	struct stats *stats;
	pthread_mutex_t lock;
	struct vgpu *vgpu;
	int fd[VFU_NUM_VECTORS];
	bool masked;
	bool told;
	uint32_t rises;
	io_context_t aio;
	int null;
};

/* False: the host has no asynchronous I/O for us, says *@error, to be freed. Then fini is due, too. */
bool vfu_interrupt_init(struct vfu_interrupt *interrupt, struct stats *stats, char **error);
/* Closes all descriptors. */
void vfu_interrupt_fini(struct vfu_interrupt *interrupt);
void vfu_interrupt_set_vgpu(struct vfu_interrupt *interrupt, struct vgpu *vgpu);
/* The line may have changed: the truth is asked for here. */
void vfu_interrupt_update(struct vfu_interrupt *interrupt);
/*
 * From now on tell @fd, which is ours from here on; -1: nobody. What is pending goes out the new
 * way. EINVAL: it is no eventfd.
 */
int vfu_interrupt_set_fd(struct vfu_interrupt *interrupt, unsigned int index, int fd);
/* INTx only. */
void vfu_interrupt_set_masked(struct vfu_interrupt *interrupt, bool masked);
/* Tell the client though there is nothing: it wants to see its own end work. */
void vfu_interrupt_trigger(struct vfu_interrupt *interrupt, unsigned int index);
/* The device was reset: it has nothing to tell. */
void vfu_interrupt_reset(struct vfu_interrupt *interrupt);

#endif /* VFIO_USER_INTERRUPT_H */
