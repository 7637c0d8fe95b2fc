// SPDX-License-Identifier: MIT
/*
 * What a guest is shown in the PVINFO page instead of the truth: for tests of a guest against a
 * hostile or a broken host.
 *
 * Called by the front end. A specification is parsed as a whole before anything changes. The real
 * partition, and every check against it, is untouched.
 */
#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gvt_types.h"

#define FIELD(member, size)	offsetof(struct vgt_if, member), size

static const struct {
	const char *name;
	uint32_t offset;
	unsigned int size;
} fields[] = {
	{ "magic", FIELD(magic, 8) },
	{ "version_major", FIELD(version_major, 2) },
	{ "version_minor", FIELD(version_minor, 2) },
	{ "vgt_id", FIELD(vgt_id, 4) },
	{ "vgt_caps", FIELD(vgt_caps, 4) },
	{ "mappable_base", FIELD(avail_rs.mappable_gmadr.base, 4) },
	{ "mappable_size", FIELD(avail_rs.mappable_gmadr.size, 4) },
	{ "nonmappable_base", FIELD(avail_rs.nonmappable_gmadr.base, 4) },
	{ "nonmappable_size", FIELD(avail_rs.nonmappable_gmadr.size, 4) },
	{ "fence_num", FIELD(avail_rs.fence_num, 4) },
	{ "features_offered", FIELD(features_offered, 4) },
	{ "features_accepted", FIELD(features_accepted, 4) },
};

static bool parse_number(const char *text, uint64_t *value)
{
	char *end;

	/* strtoull() would take a sign, and blanks before it. */
	if (!g_ascii_isdigit(*text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

static bool find_field(const char *name, uint32_t *offset, unsigned int *size, char **error)
{
	uint64_t raw;
	unsigned int i;

	if (*name == '@') {
		if (!parse_number(name + 1, &raw) || raw % 4 || raw > VGT_PVINFO_SIZE - 4) {
			*error = g_strdup_printf(
				"pvinfo: '%s' is not '@' and a multiple of 4 below 0x1000", name);
			return false;
		}
		*offset = raw;
		*size = 4;
		return true;
	}
	for (i = 0; i < G_N_ELEMENTS(fields); i++) {
		if (strcmp(name, fields[i].name))
			continue;
		*offset = fields[i].offset;
		*size = fields[i].size;
		return true;
	}
	*error = g_strdup_printf(
		"pvinfo: no field '%s'; there are magic, version_major, version_minor, vgt_id, vgt_caps, "
		"mappable_base, mappable_size, nonmappable_base, nonmappable_size, fence_num, features_offered, "
		"features_accepted and @0xOFFSET",
		name);
	return false;
}

static bool parse_item(char *item, uint8_t *shown, uint8_t *mask, char **error)
{
	char *equals = strchr(item, '=');
	unsigned int size;
	uint32_t offset;
	uint64_t value;

	if (!equals) {
		*error = g_strdup_printf("pvinfo: '%s' is not field=value", item);
		return false;
	}
	*equals = '\0';
	g_strstrip(item);
	if (!find_field(item, &offset, &size, error))
		return false;
	if (!parse_number(g_strstrip(equals + 1), &value) || (size < 8 && value >> (8 * size))) {
		*error = g_strdup_printf("pvinfo: %s=%s: the value is not a number of %u bytes",
					 item, equals + 1, size);
		return false;
	}
	/* little endian, like the page and every host that runs this */
	memcpy(shown + offset, &value, size);
	memset(mask + offset, 0xff, size);
	return true;
}

/** vgpu_set_pvinfo - see gvt.h */
bool vgpu_set_pvinfo(struct vgpu *vgpu, const char *spec, char **error)
{
	uint8_t *shown = g_malloc0(VGT_PVINFO_SIZE), *mask = g_malloc0(VGT_PVINFO_SIZE);
	char **items = g_strsplit(spec, ";", -1);
	bool ok = true;
	unsigned int i;

	for (i = 0; items[i] && ok; i++)
		if (*g_strstrip(items[i]))
			ok = parse_item(items[i], shown, mask, error);
	if (ok) {
		gvt_lock(vgpu->gvt);
		memcpy(vgpu->pvinfo_override, shown, VGT_PVINFO_SIZE);
		memcpy(vgpu->pvinfo_mask, mask, VGT_PVINFO_SIZE);
		gvt_unlock(vgpu->gvt);
	}
	g_strfreev(items);
	g_free(shown);
	g_free(mask);
	return ok;
}
