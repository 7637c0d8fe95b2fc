// SPDX-License-Identifier: MIT
/*
 * The display registers that a driver waits for, with no output connected: power wells, PLLs and
 * buffers acknowledge at once, AUX channels time out, GMBUS devices do not answer. Everything else
 * of the display is plain storage.
 *
 * Register handlers (gpu->lock held).
 */
#include "core.h"

#define PWR_WELL_CTL		0x45400u
#define PWR_WELL_REQUESTS	0xaaaaaaaau	/* odd bits request, even bits show the state */
#define PLL_ENABLE		(1u << 31)
#define PLL_LOCK		(1u << 30)
#define LCPLL_DISABLE		(1u << 31)
#define LCPLL_LOCK		(1u << 30)
#define LCPLL_FCLK		(1u << 21)
#define LCPLL_FCLK_DONE		(1u << 19)
#define AUX_BUSY		(1u << 31)
#define AUX_DONE		(1u << 30)
#define AUX_TIMEOUT		(1u << 28)
#define AUX_W1C			(AUX_DONE | AUX_TIMEOUT | 1u << 25)
#define GMBUS1			0xc5104u
#define   GMBUS_CLR_INT		(1u << 31)
#define   GMBUS_SW_RDY		(1u << 30)
#define GMBUS2			0xc5108u
#define   GMBUS_HW_RDY		(1u << 11)
#define   GMBUS_NAK		(1u << 10)

/** gpu_pwr_well_ctl - see gpu.h */
uint32_t gpu_pwr_well_ctl(const uint32_t *regs, uint32_t offset)
{
	uint32_t requests = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		requests |= regs[PWR_WELL_CTL / 4 + i] & PWR_WELL_REQUESTS;
	return (regs[offset / 4] & PWR_WELL_REQUESTS) | requests >> 1;
}

static uint32_t pwr_well_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return gpu_pwr_well_ctl(io->gpu->regs, io->offset);
}

static uint32_t pll_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return stored & PLL_ENABLE ? stored | PLL_LOCK : stored & ~PLL_LOCK;
}

/* Broadwell's: the clock's other source, and the PLL off, before the driver lets it sleep. */
static uint32_t lcpll_read(const struct gpu_reg_io *io, uint32_t stored)
{
	stored &= ~(LCPLL_LOCK | LCPLL_FCLK_DONE);
	if (!(stored & LCPLL_DISABLE))
		stored |= LCPLL_LOCK;
	if (stored & LCPLL_FCLK)
		stored |= LCPLL_FCLK_DONE;
	return stored;
}

static void aux_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	uint32_t status = old & AUX_W1C & ~io->raw;

	/* A transaction that timed out is done as well; else i915 (display/intel_dp_aux.c) logs an error. */
	if (io->raw & AUX_BUSY)
		status |= AUX_DONE | AUX_TIMEOUT;
	gpu_reg_set(io->gpu, io->offset, (now & ~(AUX_W1C | AUX_BUSY)) | status);
}

static void gmbus_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	uint32_t status = GMBUS_HW_RDY;

	if (io->offset == GMBUS1 && !(now & GMBUS_CLR_INT) && now & GMBUS_SW_RDY)
		status |= GMBUS_NAK;
	else if (io->offset == GMBUS2)
		status |= old & GMBUS_NAK;
	gpu_reg_set(io->gpu, GMBUS2, status);
}

const struct gpu_reg_handler gpu_handler_pwr_well = { .read = pwr_well_read };
const struct gpu_reg_handler gpu_handler_pll_enable = { .read = pll_read };
const struct gpu_reg_handler gpu_handler_lcpll = { .read = lcpll_read };
const struct gpu_reg_handler gpu_handler_cdclk = { .read = pll_read };
const struct gpu_reg_handler gpu_handler_aux_ctl = { .write = aux_write };
const struct gpu_reg_handler gpu_handler_gmbus = { .write = gmbus_write };
