// SPDX-License-Identifier: MIT
/*
 * A vGPU behind vfio-user: config space and BARs, the client's memory, interrupts, resets, and what
 * is left of a client that went away.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/pci_regs.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vfu_fixture.h"

#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define BAR0		VFIO_PCI_BAR0_REGION_INDEX
#define BAR2		VFIO_PCI_BAR2_REGION_INDEX
#define BAR4		VFIO_PCI_BAR4_REGION_INDEX
#define READ		VFIO_DMA_MAP_FLAG_READ
#define RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define EVENTFD		(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define NONE(action)	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_##action)
#define DEVCTL		(0x70 + PCI_EXP_DEVCTL)
#define PM_CTRL		(0xd0 + PCI_PM_CTRL)

#define VMS(state) \
	struct vx_pair *pair = *(state); \
	struct gx *gx = pair->gx; \
	struct vx *a = &pair->vx[0], *b = &pair->vx[1]

#define VM(state) \
	struct vx_pair *pair = *(state); \
	struct gx *gx = pair->gx; \
	struct vx *vx = &pair->vx[0]

/* ---- what the device is ---- */

static void regions_and_interrupts_are_those_of_the_gpu(void **state)
{
	static const uint64_t sizes[VFIO_PCI_NUM_REGIONS] = {
		[BAR0] = 16 << 20, [BAR2] = 256 << 20, [BAR4] = 64, [CONFIG] = 4096,
	};
	const uint32_t info[4] = { sizeof(info) };
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	uint32_t i;

	vx_negotiate(vx);
	assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_GET_INFO, info, 16, -1), 0);
	assert_int_equal(vx->msg.length, 16);
	assert_int_equal(vx->msg.device_info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(vx->msg.device_info.num_irqs, VFIO_PCI_NUM_IRQS);
	assert_int_equal(vx->msg.device_info.flags, 3);
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		const struct vfio_region_info ask = { .argsz = sizeof(ask), .index = i };

		assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_GET_REGION_INFO, &ask,
					    sizeof(ask), -1), 0);
		assert_int_equal(vx->msg.region_info.size, sizes[i]);
		assert_int_equal(vx->msg.region_info.flags, sizes[i] ? 3 : 0);
		assert_int_equal(vx->msg.region_info.index, i);
	}
	for (i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		const struct vfio_irq_info ask = { .argsz = sizeof(ask), .index = i };

		assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_GET_IRQ_INFO, &ask,
					    sizeof(ask), -1), 0);
		assert_int_equal(vx->msg.irq_info.count, i <= MSI);
	}
}

static void config_space_holds_what_can_be_written_and_nothing_else(void **state)
{
	static const struct { uint32_t offset, fresh, after_ones; } rows[] = {
		{ PCI_VENDOR_ID, 0x19128086, 0x19128086 },
		{ PCI_COMMAND, 0x00100000, 0x00100507 },
		{ PCI_REVISION_ID, 0x03000006, 0x03000006 },
		{ PCI_BASE_ADDRESS_0, 0x4, 0xff000004 },
		{ PCI_BASE_ADDRESS_1, 0, 0xffffffff },
		{ PCI_BASE_ADDRESS_2, 0xc, 0xf000000c },
		{ PCI_BASE_ADDRESS_4, 0x1, 0xffffffc1 },
		{ PCI_BASE_ADDRESS_5, 0, 0 },
		{ 0x50, 0xc0, 0xffffffff },
		{ PM_CTRL, 0x8, 0xb },
		{ 0x100, 0, 0 },
		{ 0xffc, 0, 0 },
	};
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	unsigned int i;

	vx_negotiate(vx);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(vx_read(vx, CONFIG, rows[i].offset, 4), rows[i].fresh);
		vx_write(vx, CONFIG, rows[i].offset, 4, ~0u);
		assert_int_equal(vx_read(vx, CONFIG, rows[i].offset, 4), rows[i].after_ones);
	}
}

static void bars_lead_to_the_vgpu(void **state)
{
	uint64_t aperture;
	uint32_t gma;
	VM(state);

	(void)gx;
	vx_boot(vx);
	aperture = vgpu_partition(vx->guest->vgpu)->aperture_base;
	assert_int_equal(vx_read(vx, BAR0, VGT_PVINFO_PAGE, 8), VGT_MAGIC);
	assert_int_equal(vx_read(vx, BAR0, VGT_PVINFO_PAGE, 2), (uint16_t)VGT_MAGIC);
	/* The I/O BAR shows the same register, and takes no other width. */
	vx_write(vx, BAR4, 0, 4, VGT_PVINFO_PAGE);
	assert_int_equal(vx_read(vx, BAR4, 0, 4), VGT_PVINFO_PAGE);
	assert_int_equal(vx_read(vx, BAR4, 4, 4), (uint32_t)VGT_MAGIC);
	assert_int_equal(vx_read(vx, BAR4, 4, 2), 0);
	/* The aperture, through an entry that points to the client's memory. */
	gma = aperture;
	gx_set_pte(vx->guest, gma, 0x5001);
	vx_write(vx, BAR2, aperture + 8, 8, 0x1122334455667788);
	assert_int_equal(*(uint64_t *)(vx->guest->mem + 0x5008), 0x1122334455667788);
	assert_int_equal(vx_read(vx, BAR2, aperture + 10, 2), 0x5566);
}

/* What is longer than a register, or odd, is read in parts that are none of these. */
static void long_accesses_are_the_sum_of_their_parts(void **state)
{
	uint8_t whole[40], part;
	unsigned int offset, i;
	VM(state);

	(void)gx;
	vx_boot(vx);
	for (offset = 0; offset < 9; offset++) {
		vx_read(vx, BAR0, VGT_PVINFO_PAGE + offset, 37);
		memcpy(whole, vx->msg.access.data, 37);
		for (i = 0; i < 37; i++) {
			part = vx_read(vx, BAR0, VGT_PVINFO_PAGE + offset + i, 1);
			assert_int_equal(whole[i], part);
		}
	}
	assert_int_equal(stats_get(vx->guest->stats, STATS_VIOLATION_MMIO), 0);
	/* A short one that is odd is the guest's doing, and counted. */
	assert_int_equal(vx_read(vx, BAR0, VGT_PVINFO_PAGE + 2, 4), 0);
	assert_int_equal(stats_get(vx->guest->stats, STATS_VIOLATION_MMIO), 1);
}

/* ---- memory ---- */

/* A context of the render engine that stores @value at a new place, submitted. */
static uint32_t submit_store(struct vx *vx, struct gx_context *ctx, uint32_t value)
{
	uint32_t at = gx_alloc(vx->guest, 1);

	gx_context_init(ctx, vx->guest, GPU_RCS0);
	gx_emit_store(ctx, at, value);
	gx_emit_interrupt(ctx);
	gx_submit(ctx, NULL);
	return at;
}

static void a_store_arrives_in_the_clients_memory(void **state)
{
	struct gx_context ctx;
	uint32_t at;
	VM(state);

	vx_boot(vx);
	at = submit_store(vx, &ctx, 0x600d);
	gx_run(gx, GPU_RCS0);
	gx_expect_run(&ctx);
	assert_int_equal(gx_get(vx->guest, at), 0x600d);
}

static void nothing_is_reached_without_bus_mastering(void **state)
{
	VM(state);

	(void)gx;
	vx_boot(vx);
	assert_non_null(vfu_device_page(vx->device, 0x1000, true));
	vx_write(vx, CONFIG, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_null(vfu_device_page(vx->device, 0x1000, true));
	vx_write(vx, CONFIG, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_non_null(vfu_device_page(vx->device, 0x1000, true));
}

static void ranges_are_reached_where_and_as_they_were_mapped(void **state)
{
	static const struct { uint64_t address; unsigned int page; bool writable; } rows[] = {
		{ 0x100000000, 4, true }, { 0x100003000, 7, true }, { 0x100004000, 0, false },
		{ 0xfffff000, 0, false }, { 0x8000, 0, false }, { 0xffffffffffff0000, 1, false },
	};
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	unsigned int i;

	vx_negotiate(vx);
	vx_write(vx, CONFIG, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	for (i = 1; i < 10; i++)
		vx->guest->mem[i << GPU_PAGE_SHIFT] = i;
	assert_int_equal(vx_dma_map(vx, 0x100000000, 0x4000, 0x4000, RW, vx->memfd), 0);
	assert_int_equal(vx_dma_map(vx, 0xffffffffffff0000, 0x1000, 0x1000, READ, vx->memfd), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *page = vfu_device_page(vx->device, rows[i].address, false);

		assert_int_equal(page ? *page : 0, rows[i].page);
		page = vfu_device_page(vx->device, rows[i].address, true);
		assert_int_equal(!!page, rows[i].writable);
	}
	assert_int_equal(vx_dma_unmap(vx, 0x100000000, 0x3000), ENOENT);
	assert_int_equal(vx_dma_unmap(vx, 0x100001000, 0x3000), ENOENT);
	assert_int_equal(vx_dma_unmap(vx, 0x100000000, 0x4000), 0);
	assert_int_equal(vx->msg.length, sizeof(struct vfio_user_dma_unmap));
	assert_int_equal(vx->msg.dma_unmap.address, 0x100000000);
	assert_null(vfu_device_page(vx->device, 0x100000000, false));
	assert_non_null(vfu_device_page(vx->device, 0xffffffffffff0000, false));
}

static void what_could_take_the_server_down_is_not_mapped(void **state)
{
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	int loose = vx_memfd(VX_MEMORY, false), event = eventfd(0, 0);

	vx_negotiate(vx);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 0, RW, loose), EPERM);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 0, RW, event), EPERM);
	assert_int_equal(vx_dma_map(vx, 0, VX_MEMORY + 0x1000, 0, RW, vx->memfd), EINVAL);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, VX_MEMORY, RW, vx->memfd), EINVAL);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 1ull << 63, RW, vx->memfd), EINVAL);
	/* Nothing of it is there. */
	assert_int_equal(vx_dma_unmap(vx, 0, 0x1000), ENOENT);
	close(loose);
	close(event);
}

static void hugetlb_is_not_mapped(void **state)
{
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	int huge = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (huge < 0)
		skip();		/* a kernel without it */
	assert_int_equal(ftruncate(huge, 64 << 20), 0);
	assert_int_equal(fcntl(huge, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	vx_negotiate(vx);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 0, RW, huge), EPERM);
	close(huge);
}

static void a_client_does_not_take_all_addresses_of_the_server(void **state)
{
	const uint64_t half = 1ull << 39;
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	int sparse = vx_memfd(2 * half, true);

	vx_negotiate(vx);
	assert_int_equal(vx_dma_map(vx, 0, half, 0, RW, sparse), 0);
	assert_int_equal(vx_dma_map(vx, 2 * half, half + 0x1000, 0, RW, sparse), ENOSPC);
	assert_int_equal(vx_dma_map(vx, half, half, half, RW, sparse), 0);
	assert_int_equal(vx_dma_map(vx, 2 * half, 0x1000, 0, RW, sparse), ENOSPC);
	/* What is not mapped takes nothing. */
	assert_int_equal(vx_dma_map(vx, 2 * half, half, 0, RW, -1), 0);
	assert_int_equal(vx_dma_unmap(vx, half, half), 0);
	assert_int_equal(vx_dma_map(vx, half, 0x1000, 0, RW, sparse), 0);
	close(sparse);
}

static void ranges_do_not_overlap(void **state)
{
	static const struct { uint64_t address, size; int err; } rows[] = {
		{ 0x10000, 0x4000, 0 }, { 0x10000, 0x4000, EEXIST }, { 0xf000, 0x2000, EEXIST },
		{ 0x13000, 0x1000, EEXIST }, { 0x0, 0x100000, EEXIST }, { 0xf000, 0x1000, 0 },
		{ 0x14000, 0x1000, 0 }, { 0xfffffffffffff000, 0x1000, 0 },
	};
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	unsigned int i;

	vx_negotiate(vx);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(vx_dma_map(vx, rows[i].address, rows[i].size, 0, RW, vx->memfd),
				 rows[i].err);
}

static void ranges_run_out_and_come_back(void **state)
{
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	uint64_t i;

	vx_negotiate(vx);
	/* From the last to the first; without a file: such a range is known and not reached. */
	for (i = 1024; i > 0; i--)
		assert_int_equal(vx_dma_map(vx, i * 0x2000, 0x1000, 0, RW, -1), 0);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 0, RW, -1), ENOSPC);
	vx_write(vx, CONFIG, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_null(vfu_device_page(vx->device, 0x2000, false));
	for (i = 1; i <= 1024; i++)
		assert_int_equal(vx_dma_unmap(vx, i * 0x2000, 0x1000), 0);
	assert_int_equal(vx_dma_map(vx, 0, 0x1000, 0, RW, -1), 0);
}

static void memory_that_is_taken_back_is_not_written_any_more(void **state)
{
	struct gx_context ctx;
	uint32_t flag, at;
	uint64_t page;
	VM(state);

	vx_boot(vx);
	flag = gx_alloc(vx->guest, 1);
	at = gx_alloc(vx->guest, 1);
	page = gx_pte(vx->guest, at) & GPU_ADDR_MASK;
	gx_context_init(&ctx, vx->guest, GPU_RCS0);
	/* Both pages are known to the engine when it comes to the wait. */
	gx_emit_store(&ctx, at, 1);
	gx_emit_wait(&ctx, flag);
	gx_emit_store(&ctx, at, 2);
	gx_submit(&ctx, NULL);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(vx->guest, at), 1);
	assert_int_equal(vx_dma_unmap(vx, 0, VX_MEMORY), 0);
	gx_set(vx->guest, flag, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(*(uint32_t *)(vx->guest->mem + page), 1);
	assert_true(gx_logged(gx, "page fault"));
}

/* ---- interrupts ---- */

static void a_rise_is_a_message(void **state)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct gx_context ctx;
	VM(state);

	vx_boot(vx);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, event), 0);
	assert_int_equal(vx_events(event), 0);
	submit_store(vx, &ctx, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(event), 1);
	/* The handler of i915: master off, acknowledge, master on. */
	vx_write(vx, BAR0, 0x44200, 4, 0);
	vx_write(vx, BAR0, 0x44308, 4, ~0u);
	vx_write(vx, BAR0, 0x44200, 4, 1u << 31);
	assert_int_equal(vx_events(event), 0);
	submit_store(vx, &ctx, 2);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(event), 1);
	assert_int_equal(stats_get(vx->guest->stats, STATS_IRQ_MSI), 2);
	/* Taken away: nobody is told. Given back while the line is up: told at once. */
	assert_int_equal(vx_set_irq(vx, MSI, NONE(TRIGGER), 0, -1), 0);
	submit_store(vx, &ctx, 3);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(event), 0);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, event), 0);
	assert_int_equal(vx_events(event), 1);
	close(event);
}

static void a_line_is_told_once_until_it_is_unmasked(void **state)
{
	int line = eventfd(0, EFD_NONBLOCK), message = eventfd(0, EFD_NONBLOCK);
	struct gx_context ctx;
	VM(state);

	vx_boot(vx);
	assert_int_equal(vx_set_irq(vx, INTX, EVENTFD, 1, line), 0);
	submit_store(vx, &ctx, 1);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(line), 1);
	submit_store(vx, &ctx, 2);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(line), 0);
	/* Still up: told again. */
	assert_int_equal(vx_set_irq(vx, INTX, NONE(UNMASK), 1, -1), 0);
	assert_int_equal(vx_events(line), 1);
	vx_write(vx, BAR0, 0x44308, 4, ~0u);
	assert_int_equal(vx_set_irq(vx, INTX, NONE(UNMASK), 1, -1), 0);
	assert_int_equal(vx_events(line), 0);
	/* Masked by the client. */
	assert_int_equal(vx_set_irq(vx, INTX, NONE(MASK), 1, -1), 0);
	submit_store(vx, &ctx, 3);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(vx_events(line), 0);
	/* With messages the line is silent. */
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, message), 0);
	assert_int_equal(vx_set_irq(vx, INTX, NONE(UNMASK), 1, -1), 0);
	assert_int_equal(vx_events(message), 1);
	assert_int_equal(vx_events(line), 0);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, -1), 0);
	assert_int_equal(vx_events(line), 1);
	close(line);
	close(message);
}

static void a_client_can_try_its_own_end(void **state)
{
	struct {
		struct vfio_irq_set set;
		uint8_t fire;
	} __attribute__((packed)) one = { { 21, 0x22, MSI, 0, 1 }, 0 };
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	int event = eventfd(0, EFD_NONBLOCK);

	vx_negotiate(vx);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, event), 0);
	assert_int_equal(vx_set_irq(vx, MSI, NONE(TRIGGER), 1, -1), 0);
	assert_int_equal(vx_events(event), 1);
	assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_SET_IRQS, &one, 21, -1), 0);
	assert_int_equal(vx_events(event), 0);
	one.fire = 1;
	assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_SET_IRQS, &one, 21, -1), 0);
	assert_int_equal(vx_events(event), 1);
	close(event);
}

/* An engine that tells a client must not have to wait for it. */
static void only_an_eventfd_is_told_and_a_full_one_is_not_waited_for(void **state)
{
	struct vx *vx = &((struct vx_pair *)*state)->vx[0];
	uint64_t full = UINT64_MAX - 1;
	int event = eventfd(0, 0);
	unsigned int i;
	int ends[2];

	vx_negotiate(vx);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, ends[1]), EINVAL);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, vx->memfd), EINVAL);
	assert_int_equal(vx_set_irq(vx, MSI, EVENTFD, 1, event), 0);
	/* Blocking or not is a flag of the client's as much as ours. */
	assert_int_equal(fcntl(event, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(write(event, &full, sizeof(full)), sizeof(full));
	for (i = 0; i < 3; i++)
		assert_int_equal(vx_set_irq(vx, MSI, NONE(TRIGGER), 1, -1), 0);
	assert_int_equal(read(event, &full, sizeof(full)), sizeof(full));
	assert_int_equal(full, UINT64_MAX);
	close(event);
	close(ends[0]);
	close(ends[1]);
}

static void without_asynchronous_io_there_is_no_device(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { .len = 4, .filter = code };
	const struct vgpu_config config = { 0 };
	struct vx_pair *pair = *state;
	char *error = NULL;
	pid_t child;
	int status;

	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
			_exit(1);
		if (vfu_device_new(pair->gx->gvt, &config, &error))
			_exit(2);
		_exit(strstr(error, "io_setup(): Function not implemented") ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- resets and ends ---- */

static void is_fresh(struct vx *vx)
{
	assert_int_equal(vx_read(vx, CONFIG, PCI_COMMAND, 2), 0);
	assert_int_equal(vx_read(vx, CONFIG, PCI_BASE_ADDRESS_0, 4), 4);
	assert_int_equal(vx_read(vx, BAR4, 0, 4), 0);
	assert_int_equal(vx_read(vx, BAR0, GPU_GTT_OFFSET +
				 vgpu_partition(vx->guest->vgpu)->hidden_base / 512, 8) & 1, 0);
}

static void a_reset_leaves_nothing_but_the_clients_memory(void **state)
{
	struct gx_context ctx;
	unsigned int way;
	VM(state);

	for (way = 0; way < 2; way++) {
		vx_boot(vx);
		vx_write(vx, CONFIG, PCI_BASE_ADDRESS_0, 4, 0x10000000);
		vx_write(vx, BAR4, 0, 4, 0x2000);
		gx_context_init(&ctx, vx->guest, GPU_RCS0);
		gx_emit_wait(&ctx, gx_alloc(vx->guest, 1));
		gx_submit(&ctx, NULL);
		gx_run(gx, GPU_RCS0);
		if (way)
			vx_write(vx, CONFIG, DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
		else
			assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_RESET, NULL, 0, -1), 0);
		is_fresh(vx);
		assert_int_equal(vx_dma_unmap(vx, 0, VX_MEMORY), 0);
		vx_disconnect(vx);
		vx_connect(vx);
		memset(vx->guest->hwsp, 0, sizeof(vx->guest->hwsp));
	}
}

static void a_guest_that_slept_is_known_when_it_wakes_up_and_a_new_one_is_not(void **state)
{
	VM(state);

	(void)gx;
	vx_boot(vx);
	vx_write(vx, CONFIG, PM_CTRL, 2, 3);
	assert_int_equal(vx_command(vx, VFIO_USER_DEVICE_RESET, NULL, 0, -1), 0);
	assert_int_equal(vx_read(vx, CONFIG, PM_CTRL, 2), 8);
	/* RING_MODE is a register that only a guest which read the PVINFO page may set. */
	vx_write(vx, BAR0, 0x229c, 4, 0x80008000);
	assert_int_equal(vx_read(vx, BAR0, 0x229c, 4), 0x8000);
	vx_write(vx, CONFIG, PM_CTRL, 2, 3);
	vx_disconnect(vx);
	vx_connect(vx);
	vx_negotiate(vx);
	vx_write(vx, BAR0, 0x229c, 4, 0x80008000);
	assert_int_equal(vx_read(vx, BAR0, 0x229c, 4), 0);
}

/* Has the hardware's render engine something to do? */
static bool is_busy(struct gx *gx)
{
	return gpu_mmio_read(gvt_gpu(gx->gvt), 0x2234, 4) & 0x6001c;
}

/* How often a file of that name is mapped in this process. */
static unsigned int maps_of_guests(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	char line[512];

	while (fgets(line, sizeof(line), maps))
		n += !!strstr(line, "vx-guest-memory");
	fclose(maps);
	return n;
}

static void a_client_that_goes_leaves_nothing_and_the_other_one_goes_on(void **state)
{
	int event = eventfd(0, EFD_NONBLOCK);
	struct gx_context spins, waits, ctx;
	uint32_t batch, flag, at;
	VMS(state);

	vx_boot(a);
	vx_boot(b);
	assert_int_equal(maps_of_guests(), 4);
	assert_int_equal(vx_set_irq(a, MSI, EVENTFD, 1, event), 0);
	/* b waits on the blitter; a is in the midst of a batch that never ends, on two engines. */
	flag = gx_alloc(b->guest, 1);
	gx_context_init(&waits, b->guest, GPU_BCS0);
	gx_emit_wait(&waits, flag);
	at = gx_alloc(b->guest, 1);
	gx_emit_store(&waits, at, 0x600d);
	gx_submit(&waits, NULL);
	gx_run(gx, GPU_BCS0);
	batch = gx_alloc(a->guest, 1);
	gx_set(a->guest, batch, 0x31u << 23 | 1);
	gx_set(a->guest, batch + 4, batch);
	gx_context_init(&spins, a->guest, GPU_RCS0);
	gx_emit(&spins, 4, 0x31u << 23 | 1, batch, 0u, 0u);
	gx_submit(&spins, NULL);
	gx_run(gx, GPU_RCS0);
	assert_true(is_busy(gx));
	assert_true(vx_events(event) > 0);

	vx_disconnect(a);
	assert_int_equal(maps_of_guests(), 3);
	assert_null(vfu_device_page(a->device, 0x1000, false));
	assert_false(is_busy(gx));
	assert_int_equal(vx_events(event), 0);

	gx_set(b->guest, flag, 1);
	gx_run(gx, GPU_BCS0);
	assert_int_equal(gx_get(b->guest, at), 0x600d);
	at = submit_store(b, &ctx, 7);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(b->guest, at), 7);

	/* The next one finds it as the first one did. */
	vx_connect(a);
	vx_negotiate(a);
	is_fresh(a);
	vx_disconnect(a);
	vx_connect(a);
	memset(a->guest->hwsp, 0, sizeof(a->guest->hwsp));
	vx_boot(a);
	at = submit_store(a, &ctx, 8);
	gx_run(gx, GPU_RCS0);
	assert_int_equal(gx_get(a->guest, at), 8);
	assert_int_equal(vx_events(event), 0);
	close(event);
}

#define T(f) cmocka_unit_test_setup_teardown(f, vx_setup, vx_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(regions_and_interrupts_are_those_of_the_gpu),
		T(config_space_holds_what_can_be_written_and_nothing_else),
		T(bars_lead_to_the_vgpu),
		T(long_accesses_are_the_sum_of_their_parts),
		T(a_store_arrives_in_the_clients_memory),
		T(nothing_is_reached_without_bus_mastering),
		T(ranges_are_reached_where_and_as_they_were_mapped),
		T(what_could_take_the_server_down_is_not_mapped),
		T(hugetlb_is_not_mapped),
		T(a_client_does_not_take_all_addresses_of_the_server),
		T(ranges_do_not_overlap),
		T(ranges_run_out_and_come_back),
		T(memory_that_is_taken_back_is_not_written_any_more),
		T(a_rise_is_a_message),
		T(a_line_is_told_once_until_it_is_unmasked),
		T(a_client_can_try_its_own_end),
		T(only_an_eventfd_is_told_and_a_full_one_is_not_waited_for),
		T(without_asynchronous_io_there_is_no_device),
		T(a_reset_leaves_nothing_but_the_clients_memory),
		T(a_guest_that_slept_is_known_when_it_wakes_up_and_a_new_one_is_not),
		T(a_client_that_goes_leaves_nothing_and_the_other_one_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
