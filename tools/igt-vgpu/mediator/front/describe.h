/* SPDX-License-Identifier: MIT */
/*
 * A vGPU in JSON, the same from every front end (docs/mediator.rst, "Counters").
 */
#ifndef FRONT_DESCRIBE_H
#define FRONT_DESCRIBE_H

struct json_object;
struct vgpu;

/* Adds the partition, the number of fences and the vGPU's id to a snapshot of its counters. */
void vgpu_describe(const struct vgpu *vgpu, struct json_object *root);

#endif /* FRONT_DESCRIBE_H */
