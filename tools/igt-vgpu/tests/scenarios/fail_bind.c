// SPDX-License-Identifier: MIT
/*
 * Binds i915 to a device, or unbinds it, while one allocation fails:
 *
 *   fail_bind bind|unbind DEVICE START END NTH NOT-START NOT-END
 *
 * The NTH of those that this task makes with an address of [START, END) on its stack and none of
 * [NOT-START, NOT-END). Prints the errno, 0 if there was none, and how many allocations there still
 * would have been to go: 0 if one has failed. Caller: suite_faults.py. (In C, since it is started
 * often, in a guest that is slow.)
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		die(path);
	return fd;
}

static void set(const char *kind, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	fd = open_or_die(path, O_WRONLY);
	if (write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

/* CONFIG_FAULT_INJECTION_STACKTRACE_FILTER */
static void choose(const char *start, const char *end, const char *not_start, const char *not_end)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };

	for (int i = 0; i < 2; i++) {
		set(kinds[i], "require-start", start);
		set(kinds[i], "require-end", end);
		set(kinds[i], "reject-start", not_start);
		set(kinds[i], "reject-end", not_end);
	}
}

/* Any allocation, not only those that may not wait or are large. */
static void choose_any_kind(void)
{
	set("failslab", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-highmem", "N");
	set("fail_page_alloc", "min-order", "0");
}

int main(int argc, char **argv)
{
	char path[128], left[16] = "";
	int driver, fail_nth, error = 0;

	if (argc != 8) {
		fprintf(stderr, "usage: fail_bind bind|unbind DEVICE START END NTH NOT-START NOT-END\n");
		return 2;
	}
	choose_any_kind();
	choose(argv[3], argv[4], argv[6], argv[7]);
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/i915/%s", argv[1]);
	driver = open_or_die(path, O_WRONLY);
	fail_nth = open_or_die("/proc/self/fail-nth", O_RDWR);

	if (pwrite(fail_nth, argv[5], strlen(argv[5]), 0) < 0)
		die("fail-nth");
	if (write(driver, argv[2], strlen(argv[2])) < 0)
		error = errno;
	if (pread(fail_nth, left, sizeof(left) - 1, 0) < 0 || pwrite(fail_nth, "0", 1, 0) < 0)
		die("fail-nth");

	choose("0", "0xffffffffffffffff", "0", "0");
	printf("%d %d\n", error, atoi(left));
	return 0;
}
