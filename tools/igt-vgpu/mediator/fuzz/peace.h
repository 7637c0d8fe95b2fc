/* SPDX-License-Identifier: MIT */
/*
 * A peaceful guest beside a hostile one: what no guest may do to another, checked after each input
 * of a fuzzer.
 *
 * peace_begin(); then whatever the hostile guest does, and peace_submit() and peace_pass_time() in
 * between; peace_end() aborts unless the peaceful guest finds everything as it left it and gets
 * each engine in a bounded time, the mediator's own state is in order, and after a reset of both
 * guests nothing is left on an engine.
 */
#ifndef FUZZ_PEACE_H
#define FUZZ_PEACE_H

#include "guests.h"

#define PEACE_PAGES	64	/* of memory for each guest; from 41 on the hostile one's own */
#define HOSTILE		0
#define PEACE_RING_PAGE(engine) (30 + (engine))

extern const uint32_t peace_engine_base[GPU_NUM_ENGINES];
/* Of both guests: where a context for each engine lies, and its registers. */
extern const unsigned int peace_context_page[GPU_NUM_ENGINES];
uint32_t *peace_image(unsigned int guest, unsigned int engine);

/* Both guests start anew, each with a context per engine that can be loaded. */
void peace_begin(void);
/* The peaceful guest submits its context of @engine. */
void peace_submit(unsigned int engine);
/* The engines' threads run meanwhile: who has been given an engine gets on with it. */
void peace_pass_time(unsigned int seconds);
void peace_end(void);

#endif /* FUZZ_PEACE_H */
