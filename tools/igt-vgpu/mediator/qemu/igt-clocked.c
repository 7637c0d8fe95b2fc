/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engines without threads: igt-gpu's property engine-delay. Each executes by a timer of
 * the guest's own clock, so long after it was kicked; it takes no time itself.
 *
 * With QEMU's -icount, timers of that clock fall due after so many instructions of the
 * guest, on the vCPU's thread: what a driver finds at which instruction does not depend on
 * how busy the host is. A guest waits for its batches; nothing else is parallel either.
 *
 * Timers run with the big lock, and QEMU may hold the lock while it waits for them to end
 * (pause_all_vcpus()): the lock is kept. Interrupts are delivered when the slice has ended,
 * for a guest may have them written where they reset the engine.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"

#include "igt-shim.h"

#define BUDGET 500 /* commands before the main loop has a turn */

/** struct clocked - one engine */
struct clocked {
    IgtClocked *owner;
    enum gpu_engine_id id;
    QEMUTimer *timer;
};

struct IgtClocked {
    const struct engines_ops *ops;
    void *opaque;
    int64_t delay_ns;
    struct clocked engine[GPU_NUM_ENGINES];
};

/* Not later than that; an engine that polls may be kicked meanwhile. */
static void clocked_due_in(struct clocked *engine, int64_t ns)
{
    timer_mod_anticipate_ns(engine->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns);
}

static void clocked_run(void *opaque)
{
    struct clocked *engine = opaque;
    IgtClocked *owner = engine->owner;
    uint64_t poll_ns = 0;
    bool more = owner->ops->run(owner->opaque, engine->id, BUDGET, &poll_ns);

    owner->ops->ran(owner->opaque);
    if (more) {
        clocked_due_in(engine, owner->delay_ns);
    } else if (poll_ns) {
        clocked_due_in(engine, poll_ns);
    }
}

IgtClocked *igt_clocked_new(const struct engines_ops *ops, void *opaque, uint64_t delay_ns)
{
    IgtClocked *clocked = g_new0(IgtClocked, 1);
    unsigned int i;

    clocked->ops = ops;
    clocked->opaque = opaque;
    clocked->delay_ns = delay_ns;
    for (i = 0; i < GPU_NUM_ENGINES; i++) {
        struct clocked *engine = &clocked->engine[i];

        engine->owner = clocked;
        engine->id = i;
        engine->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, clocked_run, engine);
    }
    return clocked;
}

void igt_clocked_kick(IgtClocked *clocked, enum gpu_engine_id id)
{
    clocked_due_in(&clocked->engine[id], clocked->delay_ns);
}

void igt_clocked_free(IgtClocked *clocked)
{
    unsigned int i;

    if (!clocked) {
        return;
    }
    for (i = 0; i < GPU_NUM_ENGINES; i++) {
        timer_free(clocked->engine[i].timer);
    }
    g_free(clocked);
}
