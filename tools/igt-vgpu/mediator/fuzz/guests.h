/* SPDX-License-Identifier: MIT */
/*
 * Two guests with small partitions on one mediator, for the fuzzers of gvt/: memory, a clock, a
 * host that listens to nothing, and the input as a stream of numbers.
 */
#ifndef FUZZ_GUESTS_H
#define FUZZ_GUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "gvt/gvt.h"

#define FUZZ_MAX_PAGES	96

/** struct fuzz_input - what of the fuzzer's input was not used yet */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

extern struct gvt *gvt;
extern struct vgpu *vgpus[2];
/* of each guest, from guest address 0 */
extern uint8_t memory[2][FUZZ_MAX_PAGES][GPU_PAGE_SIZE];
/* ns; each look at it takes 1 us */
extern uint64_t now;
/* Asked when a guest's page is looked up: is there memory, this time? May be NULL: always. */
extern bool (*fuzz_has_page)(unsigned int guest, uint64_t addr);

/* The next @bytes (at most 8) as a number; what is missing at the end is 0. */
uint64_t take(struct fuzz_input *in, unsigned int bytes);

/* A mediator of its own, with this host around it. */
struct gvt *fuzz_gvt(const struct gpu_config *gpu);
/* Make the mediator and both vGPUs, whose guests have @pages pages of memory. */
void fuzz_setup(unsigned int pages);

/* Graphics address that belongs to @page of guest @n, counted from its hidden part's begin. */
uint32_t gma(unsigned int n, unsigned int page);
/* A driver's first steps: PVINFO read, each page that fuzz_setup() was told mapped at gma(). */
void fuzz_map_memory(unsigned int n);

#endif /* FUZZ_GUESTS_H */
