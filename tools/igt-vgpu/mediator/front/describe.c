// SPDX-License-Identifier: MIT
/* See describe.h. */
#include <json-c/json.h>

#include "describe.h"
#include "gvt/gvt.h"

/** vgpu_describe - see describe.h */
void vgpu_describe(const struct vgpu *vgpu, struct json_object *root)
{
	const struct vgpu_partition *p = vgpu_partition(vgpu);
	const struct { const char *name; uint64_t value; } rows[] = {
		{ "aperture_base", p->aperture_base }, { "aperture_size", p->aperture_size },
		{ "hidden_base", p->hidden_base }, { "hidden_size", p->hidden_size },
		{ "fence_base", p->fence_base },
	};
	struct json_object *part = json_object_new_object();
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_object_add(part, rows[i].name, json_object_new_uint64(rows[i].value));
	json_object_object_add(root, "partition", part);
	json_object_object_add(root, "fences", json_object_new_uint64(p->fences));
	json_object_object_add(root, "vgpu_id", json_object_new_uint64(vgpu_id(vgpu)));
}
