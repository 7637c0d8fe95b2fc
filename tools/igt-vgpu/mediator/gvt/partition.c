// SPDX-License-Identifier: MIT
/*
 * Who gets which part of what cannot be shared in time: aperture, hidden GGTT, fence registers.
 *
 * Called when a vGPU is created. The type table is GVT-g's (sizes and weights as in its
 * documentation and in i915 gvt/vgpu.c): with a 256 MiB aperture there is room for one vGPU of type
 * 4 or two of type 8 besides the host's own share, and none for types 2 and 1, as on hardware with
 * such an aperture. An explicit partition may be anything that is free.
 */
#include <glib.h>
#include <string.h>

#include "gvt_types.h"

#define MIB	(1ull << 20)

/** struct range - a piece of one resource */
struct range {
	uint64_t base, size;
};

static const struct {
	const char *suffix;
	struct { uint64_t aperture, hidden; } size;
	unsigned int fences, weight;
} types[] = {
	{ "8", { 64 * MIB, 384 * MIB }, 4, VGPU_MAX_WEIGHT / 8 },
	{ "4", { 128 * MIB, 512 * MIB }, 4, VGPU_MAX_WEIGHT / 4 },
	{ "2", { 256 * MIB, 1024 * MIB }, 4, VGPU_MAX_WEIGHT / 2 },
	{ "1", { 512 * MIB, 2048 * MIB }, 4, VGPU_MAX_WEIGHT },
};

unsigned int partition_weight(const char *type)
{
	unsigned int i;

	for (i = 0; type && i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(type, types[i].suffix))
			return types[i].weight;
	return types[0].weight;
}

bool partition_has_range(const struct vgpu_partition *part, uint64_t start, uint64_t size)
{
	if (start >= part->aperture_base && size <= part->aperture_size &&
	    start - part->aperture_base <= part->aperture_size - size)
		return true;
	return start >= part->hidden_base && size <= part->hidden_size &&
	       start - part->hidden_base <= part->hidden_size - size;
}

/* The vGPU that has something of the range, NULL if it is free. */
static struct vgpu *range_taken(struct gvt *gvt, struct range want, bool hidden)
{
	unsigned int id;

	for (id = 1; id <= GVT_MAX_VGPUS; id++) {
		struct vgpu *vgpu = atomic_load(&gvt->vgpu[id]);
		struct range has;

		if (!vgpu)
			continue;
		has.base = hidden ? vgpu->part.hidden_base : vgpu->part.aperture_base;
		has.size = hidden ? vgpu->part.hidden_size : vgpu->part.aperture_size;
		if (want.size && has.size && want.base < has.base + has.size &&
		    has.base < want.base + want.size)
			return vgpu;
	}
	return NULL;
}

/*
 * First place between @from and @to that is free. A place to try next is the end of whoever is in
 * the way.
 */
static bool first_fit(struct gvt *gvt, uint64_t from, uint64_t to, uint64_t size, bool hidden,
		      uint64_t *base)
{
	struct range want = { from, size };
	struct vgpu *other;

	while (want.base + size <= to) {
		other = range_taken(gvt, want, hidden);
		if (!other) {
			*base = want.base;
			return true;
		}
		want.base = hidden ? other->part.hidden_base + other->part.hidden_size
				   : other->part.aperture_base + other->part.aperture_size;
	}
	return false;
}

/* @first: where to look from; @exact: and nowhere else. */
static bool choose_fences(struct gvt *gvt, unsigned int first, bool exact,
			  struct vgpu_partition *part, char **error)
{
	uint64_t used = 0;
	unsigned int id, base;

	if (part->fences > GPU_NUM_FENCES || first > GPU_NUM_FENCES - part->fences) {
		*error = g_strdup_printf("fences=%u from %u: the GPU has %d", part->fences, first,
					 GPU_NUM_FENCES);
		return false;
	}
	for (id = 1; id <= GVT_MAX_VGPUS; id++) {
		struct vgpu *vgpu = atomic_load(&gvt->vgpu[id]);

		if (vgpu)
			used |= ((1ull << vgpu->part.fences) - 1) << vgpu->part.fence_base;
	}
	for (base = first; base + part->fences <= GPU_NUM_FENCES; base++) {
		if (!(used & (((1ull << part->fences) - 1) << base))) {
			part->fence_base = base;
			return true;
		}
		if (exact)
			break;
	}
	*error = g_strdup_printf(
		"fences=%u: not so many are free in a row from %u on (the GPU has %d)",
		part->fences, first, GPU_NUM_FENCES);
	return false;
}

static bool choose_type(struct gvt *gvt, const char *type, struct vgpu_partition *part,
			char **error)
{
	const char *prefix = gvt->platform == GPU_BDW ? "GVTg_V4_" : "GVTg_V5_";
	const uint32_t aperture = gpu_aperture_size(gvt->gpu);
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_prefix(type, prefix) &&
		    !strcmp(type + strlen(prefix), types[i].suffix))
			break;
	if (i == G_N_ELEMENTS(types)) {
		*error = g_strdup_printf("type=%s is unknown; there are %s8, %s4, %s2, %s1", type,
					 prefix, prefix, prefix, prefix);
		return false;
	}
	part->aperture_size = types[i].size.aperture;
	part->hidden_size = types[i].size.hidden;
	part->fences = types[i].fences;
	if (!first_fit(gvt, GVT_HOST_APERTURE, aperture, part->aperture_size, false,
		       &part->aperture_base)) {
		*error = g_strdup_printf(
			"type=%s needs %u MiB of aperture in one piece, and they are not free "
			"(the aperture has %u MiB, the first %u are the host's)",
			type, (unsigned int)(part->aperture_size / MIB), aperture >> 20,
			GVT_HOST_APERTURE >> 20);
		return false;
	}
	if (!first_fit(gvt, aperture + GVT_HOST_HIDDEN, GVT_SHADOW_GGTT, part->hidden_size, true,
		       &part->hidden_base)) {
		*error = g_strdup_printf(
			"type=%s needs %u MiB of hidden GGTT in one piece, and they are not free",
			type, (unsigned int)(part->hidden_size / MIB));
		return false;
	}
	return choose_fences(gvt, GVT_HOST_FENCES, false, part, error);
}

static bool check_piece(struct gvt *gvt, const char *name, struct range want, struct range limit,
			bool hidden, char **error)
{
	struct vgpu *other;

	if (!want.size && !want.base)
		return true;
	if (!want.size) {
		*error = g_strdup_printf("%s base 0x%" G_GINT64_MODIFIER
					 "x has no size: give one, or leave the base away",
					 name, want.base);
		return false;
	}
	if (want.base % GPU_PAGE_SIZE || want.size % GPU_PAGE_SIZE) {
		*error = g_strdup_printf("%s base 0x%" G_GINT64_MODIFIER
					 "x size 0x%" G_GINT64_MODIFIER "x: not whole 4 KiB pages",
					 name, want.base, want.size);
		return false;
	}
	if (want.base < limit.base || want.size > limit.size ||
	    want.base - limit.base > limit.size - want.size) {
		*error = g_strdup_printf(
			"%s base 0x%" G_GINT64_MODIFIER "x size 0x%" G_GINT64_MODIFIER
			"x is not within 0x%" G_GINT64_MODIFIER "x-0x%" G_GINT64_MODIFIER "x",
			name, want.base, want.size, limit.base, limit.base + limit.size - 1);
		return false;
	}
	other = range_taken(gvt, want, hidden);
	if (other) {
		*error = g_strdup_printf("%s base 0x%" G_GINT64_MODIFIER
					 "x size 0x%" G_GINT64_MODIFIER "x: vgpu%u has some of it",
					 name, want.base, want.size, other->id);
		return false;
	}
	return true;
}

/** partition_choose - the partition that @config asks for; fence_base 0 means any place */
bool partition_choose(struct gvt *gvt, const struct vgpu_config *config,
		      struct vgpu_partition *part, char **error)
{
	const uint32_t size = gpu_aperture_size(gvt->gpu);
	const struct range aperture = { 0, size }, hidden = { size, GVT_SHADOW_GGTT - size };

	if (config->whole_ggtt && vgpu_partition_is_given(&config->partition)) {
		*error = g_strdup("whole-ggtt=on excludes aperture-*, hidden-*, fence-base and fences: "
				  "give one of them");
		return false;
	}
	*part = config->partition;
	if (config->type && !config->whole_ggtt)
		return choose_type(gvt, config->type, part, error);
	if (config->whole_ggtt) {
		*part = (struct vgpu_partition){
			.aperture_base = aperture.base,
			.aperture_size = aperture.size,
			.hidden_base = hidden.base,
			.hidden_size = hidden.size,
			.fences = GPU_NUM_FENCES,
		};
	}
	if (!part->aperture_size && !part->hidden_size) {
		*error = g_strdup(
			"a vGPU needs a part of the GGTT: aperture-size and hidden-size are both 0");
		return false;
	}
	if (!check_piece(gvt, "aperture",
			 (struct range){ part->aperture_base, part->aperture_size }, aperture,
			 false, error) ||
	    !check_piece(gvt, "hidden", (struct range){ part->hidden_base, part->hidden_size },
			 hidden, true, error))
		return false;
	return choose_fences(gvt, part->fence_base, part->fence_base != 0, part, error);
}
