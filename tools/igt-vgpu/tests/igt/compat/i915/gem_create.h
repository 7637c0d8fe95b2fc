/* SPDX-License-Identifier: MIT */
/* Stands in for the IGT tree's header of this name; ../igt.h says how. */
#ifndef COMPAT_GEM_CREATE_H
#define COMPAT_GEM_CREATE_H

#include <stdint.h>

uint32_t gem_create(int fd, uint64_t size);
int __gem_create(int fd, uint64_t *size, uint32_t *handle);

#endif
