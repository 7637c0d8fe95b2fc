// SPDX-License-Identifier: MIT
/*
 * Blitter commands: what they ask for, as a struct blt; blt.c moves the bytes.
 *
 * Called by gpu_cs_step(), see cmd.c. Addresses are always the context's own (PPGTT), also for
 * commands in the ring: i915's gt/intel_migrate.c relies on it. Sources: PRM SKL vol. 2a "BLT";
 * i915 gem/selftests/i915_gem_client_blt.c.
 */
#include "blt.h"
#include "cmd.h"

#define BLT_SRC_TILED		(1u << 15)
#define BLT_DST_TILED		(1u << 11)
#define BLT_WRITE_ALPHA		(1u << 21)
#define BLT_WRITE_RGB		(1u << 20)

#define BR13_CLIP		(1u << 30)
#define BR13_DEPTH(v)		((v) >> 24 & 3)
#define BR13_ROP(v)		((v) >> 16 & 0xff)
#define BR13_PITCH(v)		((int16_t)((v) & 0xffff))

#define FAST_SRC_TILING(v)	((v) >> 20 & 3)
#define FAST_DST_TILING(v)	((v) >> 13 & 3)
#define FAST_DEPTH(v)		((v) >> 24 & 7)
#define FAST_SRC_YF		(1u << 31)	/* Yf instead of Y */
#define FAST_DST_YF		(1u << 30)

#define BCS_SWCTRL		0x200		/* from the engine's base */
#define BCS_SRC_Y		(1u << 0)
#define BCS_DST_Y		(1u << 1)

/* Positions in cs->blt_setup. */
enum {
	SETUP_MODE,
	SETUP_CLIP0,
	SETUP_CLIP1,
	SETUP_BASE_LO,
	SETUP_BASE_HI,
	SETUP_BG,
	SETUP_FG,
	SETUP_HEADER
};

static int32_t coord_x(uint32_t dword)
{
	return (int16_t)(dword & 0xffff);
}

static int32_t coord_y(uint32_t dword)
{
	return (int16_t)(dword >> 16);
}

static unsigned int depth_bytes(uint32_t br13)
{
	static const unsigned int bytes[4] = { 1, 2, 2, 4 };	/* 8, 565, 1555, 32 */

	return bytes[BR13_DEPTH(br13)];
}

/* Channels of a 32 bpp pixel that are written, a bit for each byte; all of them at other depths. */
static unsigned int channel_mask(uint32_t header, unsigned int cpp)
{
	if (cpp != 4)
		return 0xf;
	return (header & BLT_WRITE_ALPHA ? 0x8 : 0) | (header & BLT_WRITE_RGB ? 0x7 : 0);
}

/*
 * A surface of the XY commands: the pitch counts dwords if tiled; X or Y tiling is selected by
 * BCS_SWCTRL.
 */
static struct blt_surface surface(struct gpu_cs *cs, uint64_t base, int16_t pitch, bool tiled,
				  uint32_t y_bit)
{
	struct blt_surface s = { .base = base, .pitch = pitch, .tiling = GPU_TILING_LINEAR };

	if (tiled) {
		s.pitch *= 4;
		s.tiling = gpu_cs_read_register(cs, cs->engine->mmio_base + BCS_SWCTRL) & y_bit ?
			   GPU_TILING_Y : GPU_TILING_X;
	}
	return s;
}

/* Rectangle from two coordinate dwords, cut by the clip rectangle if the mode says so. */
static void rectangle(const struct gpu_cs *cs, struct blt *blt, uint32_t br13, uint32_t from,
		      uint32_t to)
{
	blt->x1 = coord_x(from);
	blt->y1 = coord_y(from);
	blt->x2 = coord_x(to);
	blt->y2 = coord_y(to);
	if (br13 & BR13_CLIP)
		blt_clip(blt, coord_x(cs->blt_setup[SETUP_CLIP0]),
			 coord_y(cs->blt_setup[SETUP_CLIP0]), coord_x(cs->blt_setup[SETUP_CLIP1]),
			 coord_y(cs->blt_setup[SETUP_CLIP1]));
}

static enum gpu_cs_result run(struct gpu_cs *cs, struct blt *blt)
{
	switch (blt_run(cs, blt)) {
	case BLT_FAULT:
		return gpu_cs_fault(cs);
	case BLT_PART:
		return GPU_CS_PART;
	case BLT_DONE:
		break;
	}
	return GPU_CS_MORE;
}

static void set_color(struct blt *blt, uint32_t color)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		blt->color[i] = color >> 8 * i;
}

enum gpu_cs_result gpu_cmd_xy_color_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t br13 = cmd->dw[1];
	struct blt blt = {
		.dst = surface(cs, gpu_cmd_addr(cmd, 4), BR13_PITCH(br13),
			       cmd->dw[0] & BLT_DST_TILED, BCS_DST_Y),
		.cpp = depth_bytes(br13),
		.rop = BR13_ROP(br13),
	};

	blt.channels = channel_mask(cmd->dw[0], blt.cpp);
	set_color(&blt, cmd->dw[6]);
	rectangle(cs, &blt, br13, cmd->dw[2], cmd->dw[3]);
	return run(cs, &blt);
}

enum gpu_cs_result gpu_cmd_xy_src_copy_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	uint32_t br13 = cmd->dw[1];
	struct blt blt = {
		.dst = surface(cs, gpu_cmd_addr(cmd, 4), BR13_PITCH(br13),
			       cmd->dw[0] & BLT_DST_TILED, BCS_DST_Y),
		.src = surface(cs, gpu_cmd_addr(cmd, 8), BR13_PITCH(cmd->dw[7]),
			       cmd->dw[0] & BLT_SRC_TILED, BCS_SRC_Y),
		.copy = true,
		.cpp = depth_bytes(br13),
		.rop = BR13_ROP(br13),
		.sx = coord_x(cmd->dw[6]),
		.sy = coord_y(cmd->dw[6]),
	};

	blt.channels = channel_mask(cmd->dw[0], blt.cpp);
	rectangle(cs, &blt, br13, cmd->dw[2], cmd->dw[3]);
	return run(cs, &blt);
}

/*
 * The tiling field says linear, X, Y or (64 KiB) Ys; that Y means Yf stands in another dword. False: a
 * layout that is not implemented.
 */
static bool fast_surface(struct blt_surface *s, uint64_t base, uint32_t pitch, unsigned int tiling,
			 bool yf, unsigned int cpp)
{
	static const enum gpu_tiling layout[3] = { GPU_TILING_LINEAR, GPU_TILING_X, GPU_TILING_Y };

	yf = yf && tiling == 2;
	if (tiling > 2 || (yf && cpp != 2 && cpp != 4))
		return false;
	s->base = base;
	s->tiling = yf ? GPU_TILING_YF : layout[tiling];
	s->pitch = tiling ? (int32_t)(pitch & 0xffff) * 4 : (int32_t)BR13_PITCH(pitch);
	return true;
}

enum gpu_cs_result gpu_cmd_xy_fast_copy_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	static const uint8_t bytes[8] = { 1, 2, 0, 4, 8, 16, 0, 0 };
	struct blt blt = {
		.copy = true,
		.cpp = bytes[FAST_DEPTH(cmd->dw[1])],
		.rop = BLT_ROP_COPY,
		.channels = 0xf,
		.sx = coord_x(cmd->dw[6]),
		.sy = coord_y(cmd->dw[6]),
	};

	if (!blt.cpp)
		return gpu_cs_invalid(cs, "XY_FAST_COPY_BLT with a reserved colour depth");
	if (!fast_surface(&blt.dst, gpu_cmd_addr(cmd, 4), cmd->dw[1], FAST_DST_TILING(cmd->dw[0]),
			  cmd->dw[1] & FAST_DST_YF, blt.cpp) ||
	    !fast_surface(&blt.src, gpu_cmd_addr(cmd, 8), cmd->dw[7], FAST_SRC_TILING(cmd->dw[0]),
			  cmd->dw[1] & FAST_SRC_YF, blt.cpp))
		return gpu_cs_invalid(cs, "XY_FAST_COPY_BLT of a Ys-tiled surface, or of a Yf-tiled one of "
				      "8, 64 or 128 bits a pixel, is not implemented");
	rectangle(cs, &blt, 0, cmd->dw[2], cmd->dw[3]);
	return run(cs, &blt);
}

/* The commands without coordinates: width in bytes, height in rows. A zero of either is nothing. */
static void plain_rectangle(struct blt *blt, uint32_t size, uint32_t header, uint32_t br13)
{
	unsigned int cpp = depth_bytes(br13);

	blt->cpp = cpp;
	blt->rop = BR13_ROP(br13);
	blt->channels = channel_mask(header, cpp);
	blt->x2 = (size & 0xffff) / cpp;
	blt->y2 = size >> 16;
}

enum gpu_cs_result gpu_cmd_color_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	struct blt blt = { .dst = surface(cs, gpu_cmd_addr(cmd, 3), BR13_PITCH(cmd->dw[1]), false,
					  0) };

	plain_rectangle(&blt, cmd->dw[2], cmd->dw[0], cmd->dw[1]);
	set_color(&blt, cmd->dw[5]);
	return run(cs, &blt);
}

enum gpu_cs_result gpu_cmd_src_copy_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	struct blt blt = {
		.dst = surface(cs, gpu_cmd_addr(cmd, 3), BR13_PITCH(cmd->dw[1]), false, 0),
		.src = surface(cs, gpu_cmd_addr(cmd, 6), BR13_PITCH(cmd->dw[5]), false, 0),
		.copy = true,
	};

	plain_rectangle(&blt, cmd->dw[2], cmd->dw[0], cmd->dw[1]);
	return run(cs, &blt);
}

/* What the following XY_PIXEL_BLT and XY_SCANLINES_BLT draw on, and with. */
enum gpu_cs_result gpu_cmd_xy_setup_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	unsigned int i;

	for (i = SETUP_MODE; i <= SETUP_FG; i++)
		cs->blt_setup[i] = cmd->dw[1 + i];
	cs->blt_setup[SETUP_HEADER] = cmd->dw[0];
	return GPU_CS_MORE;
}

enum gpu_cs_result gpu_cmd_xy_setup_clip_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	cs->blt_setup[SETUP_CLIP0] = cmd->dw[1];
	cs->blt_setup[SETUP_CLIP1] = cmd->dw[2];
	return GPU_CS_MORE;
}

/* Fill a rectangle of the surface that was set up with its foreground colour. */
static enum gpu_cs_result setup_fill(struct gpu_cs *cs, struct gpu_cmd *cmd, uint32_t from,
				     int32_t x2, int32_t y2)
{
	const uint32_t *setup = cs->blt_setup;
	struct blt blt = {
		.dst = surface(cs, setup[SETUP_BASE_LO] | (uint64_t)setup[SETUP_BASE_HI] << 32,
			       BR13_PITCH(setup[SETUP_MODE]), cmd->dw[0] & BLT_DST_TILED,
			       BCS_DST_Y),
		.cpp = depth_bytes(setup[SETUP_MODE]),
		.rop = BR13_ROP(setup[SETUP_MODE]),
		.x1 = coord_x(from),
		.y1 = coord_y(from),
		.x2 = x2,
		.y2 = y2,
	};

	blt.channels = channel_mask(setup[SETUP_HEADER], blt.cpp);
	set_color(&blt, setup[SETUP_FG]);
	if (setup[SETUP_MODE] & BR13_CLIP)
		blt_clip(&blt, coord_x(setup[SETUP_CLIP0]), coord_y(setup[SETUP_CLIP0]),
			 coord_x(setup[SETUP_CLIP1]), coord_y(setup[SETUP_CLIP1]));
	return run(cs, &blt);
}

enum gpu_cs_result gpu_cmd_xy_pixel_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	return setup_fill(cs, cmd, cmd->dw[1], coord_x(cmd->dw[1]) + 1, coord_y(cmd->dw[1]) + 1);
}

/* The pattern is taken as solid, in the foreground colour. */
enum gpu_cs_result gpu_cmd_xy_scanlines_blt(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	return setup_fill(cs, cmd, cmd->dw[1], coord_x(cmd->dw[2]), coord_y(cmd->dw[2]));
}

/*
 * Patterns, monochrome sources and text: no driver of today sends them; what they would draw is
 * missing, so say so.
 */
enum gpu_cs_result gpu_cmd_blt_unsupported(struct gpu_cs *cs, struct gpu_cmd *cmd)
{
	gpu_cs_log_first(cs, &cs->undrawn, "%s: %s is not implemented: nothing was drawn",
			 cs->engine->name, cmd->info->name);
	return GPU_CS_MORE;
}
