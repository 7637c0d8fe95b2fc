// SPDX-License-Identifier: MIT
/*
 * The command agent: runs shell commands for the host and streams back what they print.
 *
 * It runs inside PID 1 of the guest (init.c calls it last) and talks over one virtio-console port, so that
 * neither the serial console nor a network is needed. It must not interpret what it runs, and must never
 * exit: PID 1's exit is a kernel panic.
 *
 * A message is one header line, followed by as many bytes as the header says:
 *
 *   host to guest                          guest to host
 *   run ID ROWSxCOLS LEN\n<command>        hello VERSION RELEASE\n
 *   in ID LEN\n<bytes>                     out ID LEN\n<bytes>
 *   size ID ROWSxCOLS\n                    exit ID CODE\n   (128 + N: died of signal N)
 *   kill ID SIGNAL\n                       marked TOKEN\n
 *   mark TOKEN LEN\n<text>
 *   poweroff\n
 *
 * ROWSxCOLS 0x0 means no terminal: standard input is /dev/null; standard output and error are one pipe.
 * "mark" writes its text to the kernel log, so the host can tell which log lines belong to which test.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"

#define MAX_JOBS	32
#define MAX_PAYLOAD	(256 * 1024)
#define OUT_PAYLOAD	16384
#define PORT_BACK_MS	3000

struct job {
	unsigned long id;
	pid_t pid;
	int fd;			/* its output, and for a terminal its input; -1 once closed */
	bool tty;
	bool used;
};

static struct job jobs[MAX_JOBS];
static int port;

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			poll(&pfd, 1, -1);
			continue;
		}
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int read_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

/*
 * One write for header and payload: each write to the port is a round trip to the host. And one that
 * the port takes whole (32 KiB): cut in two by a reset, its end would be sought in the next boot's words.
 */
static void send_out(unsigned long id, const char *data, size_t len)
{
	static char frame[64 + OUT_PAYLOAD];
	int head = snprintf(frame, 64, "out %lu %zu\n", id, len);

	memcpy(frame + head, data, len);
	write_all(port, frame, head + len);
}

static void send_line(const char *fmt, unsigned long a, int b)
{
	char line[96];

	write_all(port, line, snprintf(line, sizeof(line), fmt, a, b));
}

static struct job *find_job(unsigned long id)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].used && jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static void child_exec(const char *command, int out, bool tty)
{
	sigset_t none;
	int null, fd;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);

	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		write_all(fd, "0", 1);
		close(fd);
	}
	if (tty) {
		ioctl(out, TIOCSCTTY, 0);
		dup2(out, 0);
	} else {
		null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
	}
	dup2(out, 1);
	dup2(out, 2);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	dprintf(2, "agent: cannot run /bin/sh: %s\n", strerror(errno));
	_exit(127);
}

/* Opens the two ends that connect a command with the agent. Return: 0 or -1. */
static int open_ends(bool tty, struct winsize *ws, int ends[2])
{
	char name[64];

	if (!tty)
		return pipe2(ends, O_CLOEXEC);

	ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ends[0] < 0)
		return -1;
	if (grantpt(ends[0]) || unlockpt(ends[0]) || ptsname_r(ends[0], name, sizeof(name)))
		goto fail;
	ends[1] = open(name, O_RDWR | O_NOCTTY);
	if (ends[1] < 0)
		goto fail;
	ioctl(ends[0], TIOCSWINSZ, ws);
	return 0;
fail:
	close(ends[0]);
	return -1;
}

static void fail_job(unsigned long id, const char *what)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "agent: %s: %s\n", what, strerror(errno));

	send_out(id, text, n);
	send_line("exit %lu %d\n", id, 127);
}

static void start_job(unsigned long id, struct winsize *ws, const char *command)
{
	bool tty = ws->ws_row && ws->ws_col;
	struct job *job = NULL;
	int ends[2];
	pid_t pid;

	for (int i = 0; i < MAX_JOBS && !job; i++)
		if (!jobs[i].used)
			job = &jobs[i];
	if (!job) {
		errno = EAGAIN;
		return fail_job(id, "too many commands at once");
	}
	if (open_ends(tty, ws, ends))
		return fail_job(id, "no pipe or terminal for the command");

	pid = fork();
	if (pid == 0)
		child_exec(command, ends[1], tty);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return fail_job(id, "fork");
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*job = (struct job){ .id = id, .pid = pid, .fd = ends[0], .tty = tty, .used = true };
}

/* Forwards what the command printed. Return: false when there will be no more of it. */
static bool forward(struct job *job)
{
	static char buf[OUT_PAYLOAD];
	ssize_t n = read(job->fd, buf, sizeof(buf));

	if (n > 0) {
		send_out(job->id, buf, n);
		return true;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void drain(struct job *job)
{
	static char buf[OUT_PAYLOAD];
	ssize_t n;

	while (job->fd >= 0 && (n = read(job->fd, buf, sizeof(buf))) > 0)
		send_out(job->id, buf, n);
}

/* A command that ended takes its whole session along, so that no test leaves a process behind. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];

			if (!job->used || job->pid != pid)
				continue;
			kill(-pid, SIGKILL);
			drain(job);
			if (job->fd >= 0)
				close(job->fd);
			job->used = false;
			send_line("exit %lu %d\n", job->id, WIFSIGNALED(status) ?
				  128 + WTERMSIG(status) : WEXITSTATUS(status));
		}
	}
}

static void mark(const char *token, const char *text)
{
	char line[96];

	say("%s", text);
	write_all(port, line, snprintf(line, sizeof(line), "marked %s\n", token));
}

static int read_header(char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		if (read_all(port, line + n, 1))
			return -1;
		if (line[n] == '\n') {
			line[n] = 0;
			return 0;
		}
		if (++n == size)
			return -1;
	}
}

/* Reads a payload of @len bytes and ends it with a zero byte. */
static char *read_payload(size_t len)
{
	static char payload[MAX_PAYLOAD + 1];

	if (len > MAX_PAYLOAD || read_all(port, payload, len))
		return NULL;
	payload[len] = 0;
	return payload;
}

/* Return: 1 for power-off, 0 to go on, -1 when the stream is broken. */
static int handle_message(void)
{
	struct winsize ws = {};
	char line[128], token[32];
	unsigned long id;
	struct job *job;
	char *payload;
	size_t len;
	int sig;

	if (read_header(line, sizeof(line)))
		return -1;

	if (sscanf(line, "run %lu %hux%hu %zu", &id, &ws.ws_row, &ws.ws_col, &len) == 4) {
		payload = read_payload(len);
		if (!payload)
			return -1;
		start_job(id, &ws, payload);
	} else if (sscanf(line, "in %lu %zu", &id, &len) == 2) {
		payload = read_payload(len);
		if (!payload)
			return -1;
		job = find_job(id);
		if (job && job->tty && job->fd >= 0)
			write_all(job->fd, payload, len);
	} else if (sscanf(line, "size %lu %hux%hu", &id, &ws.ws_row, &ws.ws_col) == 3) {
		job = find_job(id);
		if (job && job->tty && job->fd >= 0)
			ioctl(job->fd, TIOCSWINSZ, &ws);
	} else if (sscanf(line, "kill %lu %d", &id, &sig) == 2) {
		job = find_job(id);
		if (job)
			kill(-job->pid, sig);
	} else if (sscanf(line, "mark %31s %zu", token, &len) == 2) {
		payload = read_payload(len);
		if (!payload)
			return -1;
		mark(token, payload);
	} else if (!strcmp(line, "poweroff")) {
		return 1;
	} else {
		say("agent: unknown message '%s'", line);
		return -1;
	}
	return 0;
}

static void hello(void)
{
	struct utsname u;
	char line[192];

	uname(&u);
	write_all(port, line, snprintf(line, sizeof(line), "hello %d %s\n", AGENT_VERSION,
				       u.release));
}

/*
 * After a resume the driver of the port takes the host for gone until the host says that it is there
 * (virtcons_freeze()), which may be after we run again. Return: whether it is there.
 */
static bool port_is_back(void)
{
	struct pollfd pfd = { .fd = port };

	for (int ms = 0; ms < PORT_BACK_MS; ms += 10) {
		if (poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLHUP))
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

int agent_serve(int fd)
{
	struct pollfd pfd[2 + MAX_JOBS];
	struct job *owner[2 + MAX_JOBS];
	sigset_t chld;
	int sigfd, ret;

	port = fd;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigfd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	hello();

	for (;;) {
		int n = 2;

		pfd[0] = (struct pollfd){ .fd = port, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = sigfd, .events = POLLIN };
		for (int i = 0; i < MAX_JOBS; i++) {
			if (!jobs[i].used || jobs[i].fd < 0)
				continue;
			owner[n] = &jobs[i];
			pfd[n++] = (struct pollfd){ .fd = jobs[i].fd, .events = POLLIN };
		}
		if (poll(pfd, n, -1) < 0 && errno != EINTR)
			return -1;

		for (int i = 2; i < n; i++) {
			if (pfd[i].revents && !forward(owner[i])) {
				close(owner[i]->fd);
				owner[i]->fd = -1;
			}
		}
		if (pfd[1].revents) {
			struct signalfd_siginfo si;

			while (read(sigfd, &si, sizeof(si)) > 0)
				;
			reap();
		}
		if (pfd[0].revents & POLLHUP && port_is_back())
			continue;
		if (pfd[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			ret = handle_message();
			if (ret)
				return ret > 0 ? 0 : -1;
		}
	}
}
