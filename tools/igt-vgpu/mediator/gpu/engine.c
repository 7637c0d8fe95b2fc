// SPDX-License-Identifier: MIT
/*
 * An engine: who runs it, when it stops, what its live registers show.
 *
 * gpu_engine_run() is called by one thread per engine. It holds gpu->lock only between commands,
 * and only when something asks for attention; a command itself is executed without it. The MMIO
 * side asks by setting engine->attention (a submission, STOP_RING) or engine->stop (a reset, which
 * waits until the runner has left).
 */
#include "core.h"

#define IRQ_DEFER_COMMANDS	64	/* interrupts wait for this many commands ... */
#define IRQ_DEFER_NS		20000	/* ... or this long, to be delivered together */
#define IRQ_DEFER_CHECK		8	/* commands between two looks at the clock */
#define SLICE_NS		500000	/* a slice is over, whatever is left of its budget */
#define SLICE_CHECK		16	/* commands between two looks at the clock */
#define MAX_TURNS		1000	/* of a slice between the locked side and the commands */
#define SPIN_POLLS		2000	/* a semaphore is spun on this often, ... */
#define SPIN_NS			200000	/* ... but not longer than this, */
#define POLL_MIN_NS		10000	/* then polled */
#define POLL_MAX_NS		100000
#define SPIN_LOOP_NS 100000 /* between two rounds of a loop that only looks (GPU_CS_SPIN) */

static const struct {
	const char *name;
	uint32_t mmio_base;
	uint8_t irq_bank, irq_shift;
} engines[GPU_NUM_ENGINES] = {
	[GPU_RCS0] = { "rcs0", RCS0_BASE, 0, 0 },
	[GPU_BCS0] = { "bcs0", BCS0_BASE, 0, 16 },
	[GPU_VCS0] = { "vcs0", VCS0_BASE, 1, 0 },
	[GPU_VECS0] = { "vecs0", VECS0_BASE, 3, 0 },
};

const char *gpu_engine_name(enum gpu_engine_id id)
{
	return engines[id].name;
}

void gpu_engine_init(struct gpu *gpu, enum gpu_engine_id id)
{
	struct gpu_engine *engine = &gpu->engine[id];

	engine->id = id;
	engine->name = engines[id].name;
	engine->mmio_base = engines[id].mmio_base;
	engine->irq_bank = engines[id].irq_bank;
	engine->irq_shift = engines[id].irq_shift;
	engine->cs.gpu = gpu;
	engine->cs.engine = engine;
	pthread_cond_init(&engine->stopped, NULL);
}

void gpu_engine_stop(struct gpu_engine *engine)
{
	engine->stop_count++;
	atomic_store(&engine->stop, true);
	while (engine->running)
		pthread_cond_wait(&engine->stopped, &engine->cs.gpu->lock);
}

void gpu_engine_unstop(struct gpu_engine *engine)
{
	if (!--engine->stop_count)
		atomic_store(&engine->stop, false);
}

/* Halted by STOP_RING or by a reset request. */
static bool halted(struct gpu_engine *engine)
{
	return engine_get(engine, RING_MI_MODE) & STOP_RING ||
	       engine_get(engine, RING_RESET_CTL) & 1;
}

bool gpu_engine_idle(struct gpu_engine *engine)
{
	return !engine->running && ((!engine->is_active && !engine->has_pending) || halted(engine));
}

void gpu_engine_publish(struct gpu_engine *engine)
{
	const struct gpu_cs *cs = &engine->cs;

	atomic_store_explicit(&engine->live_head, cs->head, memory_order_relaxed);
	atomic_store_explicit(&engine->live_tail, cs->tail, memory_order_relaxed);
	atomic_store_explicit(&engine->live_ipehr, cs->ipehr, memory_order_relaxed);
	atomic_store_explicit(&engine->live_acthd, cs->acthd, memory_order_relaxed);
	atomic_store_explicit(&engine->live_waiting, cs->waiting, memory_order_relaxed);
}

/*
 * The stream hangs: report it where a driver looks (i915 execlists_irq_handler(), error capture).
 * Lock held.
 */
static void report_hang(struct gpu_engine *engine)
{
	uint32_t emr = engine_get(engine, RING_EMR);

	if (engine->hang_reported)
		return;
	engine->hang_reported = true;
	gpu_event(engine, GPU_EVENT_HANG, engine->cs.ipehr);
	if (engine->cs.faulted) {
		/* The fault registers say what it was (mem.c); there is no interrupt for it. */
		engine_set(engine, RING_ESR, engine_get(engine, RING_ESR) | ERROR_PAGE_TABLE);
		return;
	}
	engine_set(engine, RING_ESR, engine_get(engine, RING_ESR) | ERROR_INSTRUCTION);
	if (emr & ERROR_INSTRUCTION)
		return;
	engine_set(engine, RING_EIR, engine_get(engine, RING_EIR) | ERROR_INSTRUCTION);
	gpu_engine_irq(engine, GPU_IRQ_ERROR);
}

/** enum why - why the command loop came back to the locked side */
enum why { WHY_BUDGET, WHY_ATTENTION, WHY_ARB_POINT, WHY_EMPTY, WHY_WAIT, WHY_SPIN, WHY_HANG };

static void maybe_flush_irq(struct gpu_engine *engine, unsigned int *deferred)
{
	struct gpu *gpu = engine->cs.gpu;

	if (!atomic_load_explicit(&engine->irq_deferred, memory_order_relaxed)) {
		*deferred = 0;
		return;
	}
	if (++*deferred % IRQ_DEFER_CHECK)
		return;
	if (*deferred >= IRQ_DEFER_COMMANDS ||
	    gpu->ops->now_ns(gpu->opaque) - engine->irq_deferred_ns >= IRQ_DEFER_NS) {
		gpu_engine_irq_flush(engine);
		*deferred = 0;
	}
}

/*
 * Execute commands without the lock until something needs it, the slice is at its end, or @budget
 * is. @want_switch: come back at a preemption point.
 */
static enum why run_commands(struct gpu_engine *engine, unsigned int *budget, uint64_t end_ns,
			     bool want_switch)
{
	struct gpu *gpu = engine->cs.gpu;
	unsigned int deferred = 0;

	while (*budget) {
		enum gpu_cs_result result;

		if (atomic_load(&engine->attention) || atomic_load(&engine->stop))
			return WHY_ATTENTION;
		result = gpu_cs_step(&engine->cs);
		--*budget;
		gpu_engine_publish(engine);
		switch (result) {
		case GPU_CS_MORE:
			break;
		case GPU_CS_PART:
			return WHY_BUDGET;
		case GPU_CS_ARB_POINT:
			if (want_switch && engine->cs.arb_enabled)
				return WHY_ARB_POINT;
			break;
		case GPU_CS_EMPTY:
			return WHY_EMPTY;
		case GPU_CS_WAIT:
			return WHY_WAIT;
		case GPU_CS_SPIN:
			return WHY_SPIN;
		case GPU_CS_HANG:
			return WHY_HANG;
		}
		engine->wait_polls = 0;
		maybe_flush_irq(engine, &deferred);
		if (engine->deliver)
			return WHY_ATTENTION;
		if (*budget % SLICE_CHECK == 0 && gpu->ops->now_ns(gpu->opaque) >= end_ns)
			return WHY_BUDGET;
	}
	return WHY_BUDGET;
}

/*
 * How long to stay away from an unsatisfied semaphore; 0: look again at once. Short waits are spun,
 * since a driver may measure them (i915 live_engine_timestamps); long ones are polled at an eighth
 * of their age, within bounds.
 */
static uint64_t poll_interval(struct gpu_engine *engine)
{
	struct gpu *gpu = engine->cs.gpu;
	uint64_t now = gpu->ops->now_ns(gpu->opaque), age;

	if (!engine->wait_polls)
		engine->wait_since_ns = now;
	age = now - engine->wait_since_ns;
	if (engine->wait_polls++ < SPIN_POLLS && age < SPIN_NS)
		return 0;
	age /= 8;
	return age < POLL_MIN_NS ? POLL_MIN_NS : age > POLL_MAX_NS ? POLL_MAX_NS : age;
}

/*
 * Interrupts must not wait for a slice that comes back to the locked side again and again. Lock
 * held.
 */
static void flush_irq_if_due(struct gpu_engine *engine)
{
	struct gpu *gpu = engine->cs.gpu;

	if (atomic_load(&engine->irq_deferred) &&
	    gpu->ops->now_ns(gpu->opaque) - engine->irq_deferred_ns >= IRQ_DEFER_NS)
		gpu_engine_irq_flush_locked(engine);
}

/*
 * What the MMIO side asked for, and what the last commands came to. Lock held. False: the engine
 * has nothing to execute (idle, halted, stopped).
 */
static bool serve(struct gpu_engine *engine, enum why why)
{
	bool at_point = why == WHY_EMPTY ||
			((why == WHY_ARB_POINT || why == WHY_WAIT) && engine->cs.arb_enabled);

	atomic_store(&engine->attention, false);
	if (atomic_load(&engine->stop) || halted(engine))
		return false;
	gpu_execlist_take_pending(engine, at_point);
	if (why == WHY_EMPTY && !engine->need_load && engine->cs.head == engine->cs.tail)
		gpu_execlist_complete(engine);
	if (!engine->is_active)
		return false;
	if (engine->need_load)
		gpu_context_load(engine);
	if (engine->cs.hung)
		report_hang(engine);
	return !engine->cs.hung && !engine->need_load;
}

/*
 * One slice, lock held at entry and exit. Every turn first serves what was asked for, then
 * executes. The budget, the clock and the number of turns bound it.
 */
static bool run_slice(struct gpu_engine *engine, unsigned int budget, uint64_t *poll_ns)
{
	struct gpu *gpu = engine->cs.gpu;
	uint64_t end_ns = gpu->ops->now_ns(gpu->opaque) + SLICE_NS;
	enum why why = WHY_ATTENTION;
	unsigned int turns;

	for (turns = 0; turns < MAX_TURNS && serve(engine, why); turns++) {
		bool want_switch = engine->has_pending;

		if (!budget || why == WHY_BUDGET)
			return true;
		if (why == WHY_WAIT && engine->cs.waiting && !atomic_load(&engine->attention)) {
			*poll_ns = poll_interval(engine);
			if (*poll_ns)
				return false;
		}
		if (why == WHY_SPIN && !atomic_load(&engine->attention)) {
			*poll_ns = SPIN_LOOP_NS;
			return false;
		}
		flush_irq_if_due(engine);
		/* The host may deliver interrupts only between slices. */
		if (engine->deliver)
			return true;
		gpu_unlock(gpu);
		why = run_commands(engine, &budget, end_ns, want_switch);
		gpu_lock_runner(gpu);
	}
	return turns == MAX_TURNS;
}

bool gpu_engine_run(struct gpu *gpu, enum gpu_engine_id id, unsigned int budget, uint64_t *poll_ns)
{
	struct gpu_engine *engine = &gpu->engine[id];
	bool more = false;

	*poll_ns = 0;
	gpu_lock_runner(gpu);
	if (!engine->running && !atomic_load(&engine->stop)) {
		engine->running = true;
		engine->deliver = false;
		more = run_slice(engine, budget, poll_ns);
		engine->running = false;
		gpu_engine_irq_flush_locked(engine);
		gpu_power_update(gpu);
		pthread_cond_broadcast(&engine->stopped);
	}
	gpu_unlock(gpu);
	return more;
}

/* ---- live registers: a stream sees itself, the CPU sees where the last command left it ---- */

static bool own_stream(const struct gpu_reg_io *io)
{
	return io->cs && io->cs->engine == io->engine;
}

static uint32_t head_read(const struct gpu_reg_io *io, uint32_t stored)
{
	if (own_stream(io))
		return io->cs->head;
	return io->engine->is_active ? atomic_load(&io->engine->live_head) : stored;
}

static uint32_t tail_read(const struct gpu_reg_io *io, uint32_t stored)
{
	if (own_stream(io))
		return io->cs->tail;
	return io->engine->is_active ? atomic_load(&io->engine->live_tail) : stored;
}

/* A driver samples it to tell waiting from working (i915_pmu.c). A stream that reads it works. */
static uint32_t ring_ctl_read(const struct gpu_reg_io *io, uint32_t stored)
{
	if (own_stream(io) || !io->engine->is_active || !atomic_load(&io->engine->live_waiting))
		return stored;
	return stored | RING_WAIT_SEMAPHORE;
}

static uint32_t acthd_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return own_stream(io) ? io->cs->acthd : atomic_load(&io->engine->live_acthd);
}

static uint32_t acthd_udw_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return (own_stream(io) ? io->cs->acthd : atomic_load(&io->engine->live_acthd)) >> 32;
}

static uint32_t ipehr_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return own_stream(io) ? io->cs->ipehr : atomic_load(&io->engine->live_ipehr);
}

/* All units done, or: the command streamer (bit 0 of each engine's register) is not. */
static uint32_t instdone_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return gpu_engine_idle(io->engine) ? stored : stored & ~1u;
}

static uint32_t mi_mode_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return gpu_engine_idle(io->engine) ? stored | MODE_IDLE : stored & ~MODE_IDLE;
}

static void mi_mode_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	if (!((old ^ now) & STOP_RING))
		return;
	if (now & STOP_RING)
		atomic_store(&io->engine->attention, true);
	else
		gpu_kick(io->engine);
}

/*
 * EIR latches what ESR says and EMR lets through; clearing a bit whose cause persists does not
 * last.
 */
static void error_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	struct gpu_engine *engine = io->engine;
	uint32_t eir = engine_get(engine, RING_EIR);
	uint32_t raised = engine_get(engine, RING_ESR) & ~engine_get(engine, RING_EMR) & ~eir;

	if (!raised)
		return;
	engine_set(engine, RING_EIR, eir | raised);
	gpu_engine_irq(engine, GPU_IRQ_ERROR);
	gpu_engine_irq_flush_locked(engine);
}

static uint32_t timestamp_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return gpu_timestamp(io->gpu);
}

static uint32_t timestamp_udw_read(const struct gpu_reg_io *io, uint32_t stored)
{
	return gpu_timestamp(io->gpu) >> 32;
}

/*
 * Runs while a context is loaded. The extra tick keeps a read strictly before the value that the
 * save writes.
 */
static uint32_t ctx_timestamp_read(const struct gpu_reg_io *io, uint32_t stored)
{
	struct gpu_engine *engine = io->engine;

	if (!engine->is_active)
		return stored;
	return engine->ctx_time + (uint32_t)(gpu_timestamp(io->gpu) - engine->ctx_start) + 1;
}

static void ctx_timestamp_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	io->engine->ctx_time = now;
	io->engine->ctx_start = gpu_timestamp(io->gpu);
}

/*
 * Gen8/9 3-level contexts load their page directories with MI_LOAD_REGISTER_IMM (i915 emit_pdps()).
 */
static void pdp_write(const struct gpu_reg_io *io, uint32_t old, uint32_t now)
{
	if (own_stream(io))
		gpu_context_update_ppgtt(io->engine);
}

const struct gpu_reg_handler gpu_handler_ring_head = { .read = head_read };
const struct gpu_reg_handler gpu_handler_ring_tail = { .read = tail_read };
const struct gpu_reg_handler gpu_handler_ring_ctl = { .read = ring_ctl_read };
const struct gpu_reg_handler gpu_handler_acthd = { .read = acthd_read };
const struct gpu_reg_handler gpu_handler_acthd_udw = { .read = acthd_udw_read };
const struct gpu_reg_handler gpu_handler_ipehr = { .read = ipehr_read };
const struct gpu_reg_handler gpu_handler_instdone = { .read = instdone_read };
const struct gpu_reg_handler gpu_handler_mi_mode = { .read = mi_mode_read, .write = mi_mode_write };
const struct gpu_reg_handler gpu_handler_eir = { .write = error_write };
const struct gpu_reg_handler gpu_handler_emr = { .write = error_write };
const struct gpu_reg_handler gpu_handler_timestamp = { .read = timestamp_read };
const struct gpu_reg_handler gpu_handler_timestamp_udw = { .read = timestamp_udw_read };
const struct gpu_reg_handler gpu_handler_ctx_timestamp = {
	.read = ctx_timestamp_read, .write = ctx_timestamp_write,
};
const struct gpu_reg_handler gpu_handler_pdp = { .write = pdp_write };
