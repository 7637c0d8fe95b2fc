/* SPDX-License-Identifier: MIT */
/* Stands in for the IGT tree's header of this name; ../igt.h says how. */
#ifndef COMPAT_GEM_CONTEXT_H
#define COMPAT_GEM_CONTEXT_H

#include <stdint.h>

uint32_t gem_context_create(int fd);
int __gem_context_create(int fd, uint32_t *ctx_id);
void gem_context_destroy(int fd, uint32_t ctx_id);

#endif
