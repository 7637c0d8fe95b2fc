/* SPDX-License-Identifier: MIT */
/*
 * What our programs use of libigt.so.0, declared from the symbols that the library exports.
 *
 * Debian packages the library (intel-gpu-tools) without its headers. This file stands in for the
 * "igt.h" of an IGT tree, under the same names, so that a program compiles against either; with
 * IGT_DIR= the Makefile takes the tree's own header and this folder is not on the include path. It
 * must declare nothing that the tree's header does not have, and only what is the same in 1.27 and
 * today: the programs may use no more.
 */
#ifndef COMPAT_IGT_H
#define COMPAT_IGT_H

#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <i915_drm.h>

#ifndef __noreturn
#define __noreturn	__attribute__((noreturn))
#endif

/* ---- the subtest machine: state lives in the library, control flow in these loops ---- */

extern jmp_buf igt_subtest_jmpbuf;
extern const char *__igt_test_description __attribute__((weak));

bool __igt_fixture(void);
void __igt_fixture_complete(void);
bool __igt_run_subtest(const char *name, const char *file, const int line);
void __igt_subtest_group_save(int *save, int *description);
void __igt_subtest_group_restore(int save, int description);
int igt_subtest_init_parse_opts(int *argc, char **argv, const char *short_opts,
				const struct option *long_opts, const char *help,
				int (*handler)(int opt, int index, void *data), void *data);
bool igt_only_list_subtests(void);
void igt_success(void);
__noreturn void igt_exit(void);
__noreturn void igt_fail(int exitcode);
__noreturn __attribute__((format(printf, 1, 2)))
void igt_skip(const char *format, ...);
__noreturn __attribute__((format(printf, 5, 6)))
void __igt_skip_check(const char *file, const int line, const char *func, const char *check,
		      const char *format, ...);
__noreturn __attribute__((format(printf, 6, 7)))
void __igt_fail_assert(const char *domain, const char *file, const int line, const char *func,
		       const char *assertion, const char *format, ...);
__attribute__((format(printf, 1, 2)))
void igt_describe_f(const char *format, ...);

#define __compat_cat2(a, b)	a ## b
#define __compat_cat(a, b)	__compat_cat2(a, b)
#define __compat_unique(name)	__compat_cat(__compat_ ## name, __LINE__)

#define IGT_TEST_DESCRIPTION(text)	const char *__igt_test_description = text

/* An assertion inside jumps back into the loop's condition with a value, which ends the loop. */
#define igt_fixture \
	for (volatile int __compat_unique(once) = 0; \
	     __compat_unique(once) < 1 && __igt_fixture() && !sigsetjmp(igt_subtest_jmpbuf, 1); \
	     __compat_unique(once)++, __igt_fixture_complete())

#define igt_subtest(name) \
	for (; __igt_run_subtest((name), __FILE__, __LINE__) && \
	       !sigsetjmp(igt_subtest_jmpbuf, 1); igt_success())

#define __compat_subtest_f(buffer, format...) \
	for (char buffer[256]; snprintf(buffer, sizeof(buffer), format), \
	     __igt_run_subtest(buffer, __FILE__, __LINE__) && \
	     !sigsetjmp(igt_subtest_jmpbuf, 1); igt_success())
#define igt_subtest_f(format...)	__compat_subtest_f(__compat_unique(name), format)

#define igt_subtest_group \
	for (int __compat_unique(once) = 0, __compat_unique(save) = 0, __compat_unique(text) = 0; \
	     __compat_unique(once) < 1 && \
	     (__igt_subtest_group_save(&__compat_unique(save), &__compat_unique(text)), true); \
	     __compat_unique(once)++, \
	     __igt_subtest_group_restore(__compat_unique(save), __compat_unique(text)))

#define igt_main \
	static void __compat_main(void); \
	int main(int argc, char **argv) \
	{ \
		igt_subtest_init_parse_opts(&argc, argv, NULL, NULL, NULL, NULL, NULL); \
		__compat_main(); \
		igt_exit(); \
	} \
	static void __compat_main(void)

#define igt_describe(text)	igt_describe_f("%s", text)

/* ---- verdicts ---- */

#ifndef IGT_LOG_DOMAIN
#define IGT_LOG_DOMAIN	NULL
#endif

#define igt_assert_f(condition, format...) \
	do { \
		if (!(condition)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, __func__, \
					  #condition, format); \
	} while (0)

#define igt_assert(condition) \
	do { \
		if (!(condition)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, __func__, \
					  #condition, NULL); \
	} while (0)

#define __compat_compare(type, shown, a, is, is_not, b) \
	do { \
		type __a = (a), __b = (b); \
		if (!(__a is __b)) \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__, __LINE__, __func__, \
					  #a " " #is " " #b, \
					  "error: " shown " " #is_not " " shown "\n", \
					  __a, __b); \
	} while (0)

#define igt_assert_eq(a, b)	__compat_compare(int, "%d", a, ==, !=, b)
#define igt_assert_neq(a, b)	__compat_compare(int, "%d", a, !=, ==, b)
#define igt_assert_lte(a, b)	__compat_compare(int, "%d", a, <=, >, b)
#define igt_assert_lt(a, b)	__compat_compare(int, "%d", a, <, >=, b)
#define igt_assert_eq_u32(a, b)	__compat_compare(uint32_t, "%#x", a, ==, !=, b)

#define igt_require_f(condition, format...) \
	do { \
		if (!(condition)) \
			__igt_skip_check(__FILE__, __LINE__, __func__, #condition, format); \
	} while (0)

#define igt_require(condition) \
	do { \
		if (!(condition)) \
			__igt_skip_check(__FILE__, __LINE__, __func__, #condition, NULL); \
	} while (0)

/* ---- words ---- */

enum igt_log_level { IGT_LOG_DEBUG, IGT_LOG_INFO, IGT_LOG_WARN, IGT_LOG_CRITICAL, IGT_LOG_NONE };

__attribute__((format(printf, 3, 4)))
void igt_log(const char *domain, enum igt_log_level level, const char *format, ...);

#define igt_debug(format...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_DEBUG, format)
#define igt_info(format...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_INFO, format)
#define igt_warn(format...)	igt_log(IGT_LOG_DOMAIN, IGT_LOG_WARN, format)

/* ---- children: an assertion in one fails the parent in igt_waitchildren() ---- */

bool __igt_fork(void);
void igt_waitchildren(void);
void igt_set_timeout(unsigned int seconds, const char *op);
void igt_reset_timeout(void);

#define igt_fork(child, count) \
	for (int child = 0; child < (count); child++) \
		for (; __igt_fork(); exit(0))

/* ---- the device ---- */

#define DRIVER_INTEL	(1 << 0)

int __drm_open_driver(int chipset);
int igt_debugfs_dir(int device);
int igt_sysfs_open(int device);

extern int (*igt_ioctl)(int fd, unsigned long request, void *arg);

#define do_ioctl(fd, request, arg) \
	do { \
		igt_assert_eq(igt_ioctl((fd), (request), (arg)), 0); \
		errno = 0; \
	} while (0)

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

/* ---- GEM: these assert success, but for those with underscores, which return -errno ---- */

void gem_close(int fd, uint32_t handle);
void gem_read(int fd, uint32_t handle, uint64_t offset, void *buf, uint64_t length);
void gem_write(int fd, uint32_t handle, uint64_t offset, const void *buf, uint64_t length);
void gem_sync(int fd, uint32_t handle);
int gem_wait(int fd, uint32_t handle, int64_t *timeout_ns);
bool gem_bo_busy(int fd, uint32_t handle);
void gem_set_domain(int fd, uint32_t handle, uint32_t read, uint32_t write);
void gem_execbuf(int fd, struct drm_i915_gem_execbuffer2 *execbuf);
int __gem_execbuf(int fd, struct drm_i915_gem_execbuffer2 *execbuf);
int __gem_set_tiling(int fd, uint32_t handle, uint32_t tiling, uint32_t stride);
int gem_munmap(void *ptr, uint64_t size);
void *gem_mmap__gtt(int fd, uint32_t handle, uint64_t size, unsigned int prot);
void *__gem_mmap__gtt(int fd, uint32_t handle, uint64_t size, unsigned int prot);
void *gem_mmap__cpu(int fd, uint32_t handle, uint64_t offset, uint64_t size, unsigned int prot);
int gem_available_fences(int fd);
uint64_t gem_mappable_aperture_size(int fd);

#endif /* COMPAT_IGT_H */
