// SPDX-License-Identifier: MIT
/*
 * A batch that never ends is found and reset; who submitted it is told, all others go on. What the
 * driver leaves to be read of it, the error state, is of that batch.
 *
 * These tests provoke a GPU hang, so the kernel log has a hang report: the suite allows it for this
 * program only. What breaks them: a reset that does not complete, requests that are lost with it,
 * the guilt put on the wrong context, registers of an engine that do not say what it executes.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/prctl.h>
#include <time.h>

#include "igt.h"
#include "i915/gem_context.h"
#include "i915/gem_create.h"

#include "vgpu_batch.h"
#include "vgpu_cmd.h"
#include "vgpu_guest.h"

IGT_TEST_DESCRIPTION("Hang detection and reset of a vGPU.");

#define HEARTBEAT_MS	300	/* so a hang is found after three seconds, not after 25 */
#define RECOVER_S	20

#define GUILTY		"vgpu_guilty"	/* the name of a process */
#define CAPTURES	"/sys/module/i915/parameters/error_capture"
#define NO_ERROR	"No error state collected\n"
#define ERROR_SIZE	(1 << 20)

static uint32_t batches_lost(int fd, uint32_t context)
{
	struct drm_i915_reset_stats stats = { .ctx_id = context };

	do_ioctl(fd, DRM_IOCTL_I915_GET_RESET_STATS, &stats);
	return stats.batch_active;
}

static void wait_for(int fd, uint32_t handle, const char *what)
{
	int64_t timeout = RECOVER_S * 1000000000ll;

	igt_assert_f(!gem_wait(fd, handle, &timeout), "%s is still busy after %d s\n", what,
		     RECOVER_S);
}

/*
 * The spinner's context is guilty, another context's request behind it is carried out after the
 * reset.
 */
static void test_heartbeat(int fd, const struct vgpu_engine *engine)
{
	struct vgpu_submit bad = { .context = gem_context_create(fd), .engine = engine->flags };
	struct vgpu_submit good = { .context = gem_context_create(fd), .engine = engine->flags };
	uint32_t target = gem_create(fd, VGPU_PAGE), spinner;

	vgpu_set_bannable(fd, bad.context, false);
	spinner = vgpu_spin(fd, &bad);
	igt_assert_eq(vgpu_store(fd, &good, target, 0, 0xabad1dea), 0);
	igt_assert(gem_bo_busy(fd, spinner));
	wait_for(fd, spinner, "the spinner");
	wait_for(fd, target, "the batch behind it");
	igt_assert_eq_u32(vgpu_read_dword(fd, target, 0), 0xabad1dea);
	igt_assert_eq_u32(batches_lost(fd, bad.context), 1);
	igt_assert_eq_u32(batches_lost(fd, good.context), 0);
	vgpu_check_all_engines(fd);
	gem_context_destroy(fd, bad.context);
	gem_context_destroy(fd, good.context);
	gem_close(fd, spinner);
	gem_close(fd, target);
}

/* What no engine knows stops it. Its context is guilty, others go on. */
static void test_unknown_command(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest->fd), .engine = engine->flags };
	struct vgpu_submit good = { .context = gem_context_create(guest->fd), .engine = engine->flags };
	uint32_t target = gem_create(guest->fd, VGPU_PAGE), batch;

	vgpu_set_bannable(guest->fd, bad.context, false);
	batch = vgpu_unknown_command(guest->fd, &bad);
	igt_assert_eq(vgpu_store(guest->fd, &good, target, 0, 0xabad1dea), 0);
	wait_for(guest->fd, batch, "the batch with an unknown command");
	wait_for(guest->fd, target, "the batch behind it");
	igt_assert_eq_u32(vgpu_read_dword(guest->fd, target, 0), 0xabad1dea);
	igt_assert_eq_u32(batches_lost(guest->fd, bad.context), 1);
	igt_assert_eq_u32(batches_lost(guest->fd, good.context), 0);
	vgpu_check_all_engines(guest->fd);
	gem_context_destroy(guest->fd, bad.context);
	gem_context_destroy(guest->fd, good.context);
	gem_close(guest->fd, batch);
	gem_close(guest->fd, target);
}

/* Through debugfs: all engines at once, while one spins and others are idle. */
static void test_full_reset(const struct vgpu_guest *guest)
{
	struct vgpu_submit bad = { .context = gem_context_create(guest->fd),
				   .engine = I915_EXEC_RENDER };
	uint32_t spinner;

	vgpu_set_bannable(guest->fd, bad.context, false);
	spinner = vgpu_spin(guest->fd, &bad);
	vgpu_full_reset(guest);
	wait_for(guest->fd, spinner, "the spinner");
	vgpu_check_all_engines(guest->fd);
	gem_context_destroy(guest->fd, bad.context);
	gem_close(guest->fd, spinner);
}

/*
 * A context that hangs again and again is banned: its submissions fail with EIO, those of others do
 * not.
 */
static void test_ban(int fd)
{
	struct vgpu_submit bad = { .context = gem_context_create(fd), .engine = I915_EXEC_RENDER };
	uint32_t target = gem_create(fd, VGPU_PAGE);
	int ret = 0;

	for (int hangs = 0; hangs < 6 && !ret; hangs++) {
		uint32_t spinner = vgpu_spin(fd, &bad);

		wait_for(fd, spinner, "the spinner");
		gem_close(fd, spinner);
		ret = vgpu_store(fd, &bad, target, 0, hangs);
	}
	igt_assert_eq(ret, -EIO);
	vgpu_check_all_engines(fd);
	gem_context_destroy(fd, bad.context);
	gem_close(fd, target);
}

/** struct culprit - a process that hangs an engine */
struct culprit {
	pid_t pid;
	volatile uint64_t batch;	/* where the GPU has its batch */
};

/* Hangs the engine, as a client of its own and under a name of its own, until it was reset. */
static void hang(const struct vgpu_guest *guest, const struct vgpu_engine *engine,
		 struct culprit *self)
{
	struct vgpu_submit to = { .engine = engine->flags };
	uint32_t spinner;
	uint64_t batch;
	char path[32];
	int fd;

	prctl(PR_SET_NAME, GUILTY);
	self->pid = getpid();
	snprintf(path, sizeof(path), "/dev/dri/card%u", guest->card);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert(fd >= 0);
	to.context = gem_context_create(fd);
	vgpu_set_bannable(fd, to.context, false);
	spinner = vgpu_spin_for_ever(fd, &to, &batch);
	self->batch = batch;
	wait_for(fd, spinner, "the spinner");
	close(fd);
}

/* The line of an engine's section that begins with @name: what follows there. */
static const char *line_of(const char *section, const char *name)
{
	char begin[64];
	const char *line;

	snprintf(begin, sizeof(begin), "\n  %s: ", name);
	line = strstr(section, begin);
	igt_assert_f(line, "no line '%s' in:\n%.3000s\n", name, section);
	return line + strlen(begin);
}

static const char *section_of(const char *text, const struct vgpu_engine *engine)
{
	char begin[64];

	snprintf(begin, sizeof(begin), "\n%s command stream:\n", engine->name);
	return strstr(text, begin);
}

/* The one engine that hung: what it executed is the culprit's batch. */
static void check_section(const char *section, const struct culprit *culprit)
{
	unsigned int high, low, end_high, end_low, ipehr, hung;
	int pid, length = strlen(GUILTY);
	uint64_t begin, end, acthd;
	const char *active;

	igt_assert(section);
	igt_assert_eq(sscanf(line_of(section, "hung"), "%u", &hung), 1);
	igt_assert_eq(hung, 1);

	igt_assert_eq(sscanf(line_of(section, "batch"), "[0x%x_%x, 0x%x_%x]", &high, &low, &end_high,
			     &end_low), 4);
	begin = (uint64_t)high << 32 | low;
	end = (uint64_t)end_high << 32 | end_low;
	igt_assert_f(begin == culprit->batch && end == begin + VGPU_PAGE,
		     "the batch is from %#" PRIx64 " to %#" PRIx64 ", not at %#" PRIx64 "\n", begin, end,
		     culprit->batch);
	igt_assert_eq(sscanf(line_of(section, "ACTHD"), "0x%x %x", &high, &low), 2);
	acthd = (uint64_t)high << 32 | low;
	igt_assert_f(acthd >= begin && acthd < end,
		     "ACTHD %#" PRIx64 " is not in the batch at %#" PRIx64 "\n", acthd, begin);
	igt_assert_eq(sscanf(line_of(section, "IPEHR"), "%x", &ipehr), 1);
	igt_assert_eq_u32(ipehr, CMD_BATCH_START);

	active = line_of(section, "Active context");
	igt_assert_f(!strncmp(active, GUILTY "[", length + 1) &&
			     sscanf(active + length, "[%d]", &pid) == 1 && pid == culprit->pid,
		     "the active context is not of " GUILTY "[%d] but of %.40s\n", culprit->pid, active);
}

/* After a hang the file has a record of it, until somebody writes to it. */
static void test_error_state(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	struct vgpu_submit behind = { .context = gem_context_create(guest->fd),
				      .engine = engine->flags };
	struct culprit *culprit = mmap(NULL, VGPU_PAGE, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t target = gem_create(guest->fd, VGPU_PAGE);
	char *text = malloc(ERROR_SIZE), path[64], want[64];

	igt_assert(text && culprit != MAP_FAILED);
	snprintf(path, sizeof(path), "/sys/class/drm/card%u/error", guest->card);
	igt_require_f(!vgpu_file_read(CAPTURES, want, sizeof(want)) && want[0] == 'Y',
		      "i915 keeps no error state: CONFIG_DRM_I915_CAPTURE_ERROR=n, or error_capture=0\n");
	igt_assert_eq(vgpu_file_write(path, "1"), 0);

	igt_fork(child, 1)
		hang(guest, engine, culprit);
	for (int ms = 0; !culprit->batch; ms++) {
		igt_assert_f(ms < RECOVER_S * 1000, "nobody hangs the engine\n");
		usleep(1000);
	}
	igt_assert_eq(vgpu_store(guest->fd, &behind, target, 0, 0xabad1dea), 0);
	wait_for(guest->fd, target, "the batch behind it");
	igt_waitchildren();

	igt_assert_eq(vgpu_file_read(path, text, ERROR_SIZE), 0);
	igt_debug("%.6000s\n", text);
	snprintf(want, sizeof(want), ", in " GUILTY " [%d]\n", culprit->pid);
	igt_assert_f(!strncmp(text, "GPU HANG: ", 10) && strstr(text, want) &&
			     strstr(text, want) < strchr(text, '\n'),
		     "no%.30s in the first line: %.80s\n", want, text);
	snprintf(want, sizeof(want), "\nActive process (on ring %s): " GUILTY " [%d]\n", engine->name,
		 culprit->pid);
	igt_assert_f(strstr(text, want), "no line%s", want);
	check_section(section_of(text, engine), culprit);
	vgpu_for_each_engine(e)
		if (e != engine && section_of(text, e))
			igt_assert_eq(*line_of(section_of(text, e), "hung"), '0');

	igt_assert_eq(vgpu_file_write(path, "1"), 0);
	igt_assert_eq(vgpu_file_read(path, text, ERROR_SIZE), 0);
	igt_assert_f(!strcmp(text, NO_ERROR), "not cleared: %.80s\n", text);
	gem_context_destroy(guest->fd, behind.context);
	gem_close(guest->fd, target);
	munmap(culprit, VGPU_PAGE);
	free(text);
}

/*
 * A function of its own: a loop variable in a register would not survive the jump out of a failing
 * subtest.
 */
static void __attribute__((noinline))
subtests_of(const struct vgpu_guest *guest, const struct vgpu_engine *engine)
{
	/*
	 * The blitter runs a checked copy of a user's batch, which must not jump back, and has no
	 * command that the driver does not know.
	 */
	if (engine->flags == I915_EXEC_BLT)
		return;
	igt_describe("Breaks if an engine goes on behind what it does not know, or takes others with it.");
	igt_subtest_f("an-unknown-command-is-reset-and-others-go-on-on-%s", engine->name)
		test_unknown_command(guest, engine);

	igt_describe("Breaks if a hang is not found, or takes other requests with it.");
	igt_subtest_f("a-spinning-batch-is-reset-and-others-go-on-on-%s", engine->name)
		test_heartbeat(guest->fd, engine);

	igt_describe(
		"Breaks if the record of a hang is of another engine, batch, command or process.");
	igt_subtest_f("the-error-state-tells-what-hung-and-whose-it-was-on-%s", engine->name)
		test_error_state(guest, engine);
}

igt_main
{
	struct vgpu_guest guest;

	igt_fixture {
		vgpu_guest_open(&guest);
		vgpu_set_heartbeat(guest.card, HEARTBEAT_MS);
	}

	vgpu_for_each_engine(e)
		subtests_of(&guest, e);

	igt_describe("Breaks if a reset of all engines does not complete.");
	igt_subtest("a-full-reset-ends-a-spinning-batch")
		test_full_reset(&guest);

	igt_describe("Breaks if the wrong context, or none, is held to account.");
	igt_subtest("a-context-that-hangs-again-is-banned")
		test_ban(guest.fd);

	igt_fixture {
		vgpu_set_heartbeat(guest.card, VGPU_HEARTBEAT_DEFAULT_MS);
		vgpu_guest_close(&guest);
	}
}
