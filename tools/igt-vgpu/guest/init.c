// SPDX-License-Identifier: MIT
/*
 * PID 1 of the guest: mounts the host's root read-only as its own, then serves commands.
 *
 * Linked statically, alone in the initramfs (the runner's initramfs.py packs it). The user space of the guest
 * is the host's: any program installed there runs here, without a disk image. Nothing of the host can be
 * written, and the guest has no network. It loads no module but those that came with it: that is for the tests.
 *
 * Every failure is one line in the kernel log and a power-off, so that a broken guest never just hangs.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define P9_OPTIONS	"trans=virtio,version=9p2000.L,msize=262144,cache=loose"
#define PORT_NAME	"igt-vgpu.agent"
#define PORT_WAIT_MS	10000

static int kmsg = -1;

void say(const char *fmt, ...)
{
	char line[1000];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "<6>igt-vgpu: ");
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';	/* without it the line waits for a continuation that never comes */
	if (write(kmsg, line, n) < 0)
		dprintf(2, "%.*s", n - 3, line + 3);
}

static void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) die(const char *what, const char *which)
{
	say("init failed: %s %s: %s", what, which, strerror(errno));
	power_off();
}

static void mount_one(const char *src, const char *dst, const char *type, unsigned long flags,
		      const char *data)
{
	if (mount(src, dst, type, flags, data))
		die("mount", dst);
}

/* Not every kernel of a user has these; what a test needs and misses it will say itself. */
static void mount_optional(const char *type, const char *dst)
{
	if (mount(type, dst, type, 0, NULL))
		say("no %s on %s: %s", type, dst, strerror(errno));
}

static void mount_share(const char *tag, const char *dst)
{
	mkdir(dst, 0755);
	mount_one(tag, dst, "9p", MS_RDONLY, P9_OPTIONS);
}

/* A distribution's kernel has its 9p in modules: these come with the initramfs, their names in order. */
static void load_modules(void)
{
	struct dirent **name;
	char path[300];
	int fd, count;

	count = scandir("/modules", &name, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (name[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", name[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			die("load", path);
		close(fd);
	}
}

/* What is mounted over the host's root. /var/tmp and the home stay as they are: read-only. */
static void mount_root(void)
{
	mkdir("/host", 0755);
	mount_share("hostroot", "/host");
	mount_one("devtmpfs", "/host/dev", "devtmpfs", 0, NULL);
	mkdir("/host/dev/shm", 01777);
	mkdir("/host/dev/pts", 0755);
	mount_one("devpts", "/host/dev/pts", "devpts", 0, "ptmxmode=0666,mode=0620");
	mount_one("tmpfs", "/host/dev/shm", "tmpfs", 0, "mode=1777");
	mount_one("tmpfs", "/host/tmp", "tmpfs", 0, "mode=1777");
	mount_one("tmpfs", "/host/run", "tmpfs", 0, "mode=0755");
	mount_one("proc", "/host/proc", "proc", 0, NULL);
	mount_one("sysfs", "/host/sys", "sysfs", 0, NULL);
	mount_optional("debugfs", "/host/sys/kernel/debug");
	mount_optional("tracefs", "/host/sys/kernel/tracing");
	mount_optional("cgroup2", "/host/sys/fs/cgroup");
	mkdir("/host/run/igt-vgpu", 0755);
	mount_share("top", "/host/run/igt-vgpu/top");
	mount_share("modules", "/host/run/igt-vgpu/modules");
}

static void change_root(void)
{
	umount2("/dev", MNT_DETACH);
	if (chdir("/host") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("change root to", "/host");
}

/* The port's number depends on the order of devices; its name does not. */
static int find_port(void)
{
	static const char sys[] = "/sys/class/virtio-ports";
	struct dirent *de;
	char path[320], name[64];
	int fd = -1, n;
	DIR *dir;

	dir = opendir(sys);
	while (dir && fd < 0 && (de = readdir(dir))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/name", sys, de->d_name);
		n = open(path, O_RDONLY);
		if (n < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (read(n, name, sizeof(name) - 1) > 0 &&
		    !strncmp(name, PORT_NAME, strlen(PORT_NAME))) {
			snprintf(path, sizeof(path), "/dev/%s", de->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		close(n);
	}
	if (dir)
		closedir(dir);
	return fd;
}

static int wait_port(void)
{
	const struct timespec step = { .tv_nsec = 10 * 1000 * 1000 };
	int fd;

	for (int ms = 0; ms < PORT_WAIT_MS; ms += 10) {
		fd = find_port();
		if (fd >= 0)
			return fd;
		nanosleep(&step, NULL);
	}
	errno = ENODEV;
	die("find the virtio port named", PORT_NAME);
}

/* Tests exhaust memory on purpose; the agent must live on to report it. */
static void survive_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (fd < 0 || write(fd, "-1000", 5) < 0)
		say("the agent is not protected from the OOM killer: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	mlockall(MCL_CURRENT | MCL_FUTURE);
}

int main(void)
{
	int port;

	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	load_modules();
	mount_root();
	change_root();
	port = wait_port();
	survive_oom();

	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/tmp", 1);
	setenv("TMPDIR", "/tmp", 1);
	setenv("TERM", "linux", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
	setenv("IGT_VGPU_TOP", "/run/igt-vgpu/top", 1);
	setenv("IGT_VGPU_MODULES", "/run/igt-vgpu/modules", 1);
	sethostname("vgpu-guest", 10);
	umask(022);

	say("guest is up");
	if (agent_serve(port))
		say("the host closed the command port");
	power_off();
}
