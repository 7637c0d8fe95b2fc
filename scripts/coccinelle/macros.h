/* SPDX-License-Identifier: MIT */
/*
 * i915's macros that stand where C has no call: for spatch (--macro-file), which reads no headers here. A function with a
 * macro that it cannot make out it leaves out as a whole, and says so to nobody: no rule sees it. Each spatch of ours is
 * given this file, and scripts/series/check cocci-seen fails if a line that the series writes is left out all the same.
 *
 * What stays unseen is stock code: lookup_user_engine(), for the #define before its body; the register accessors of
 * intel_uncore.c, which are made of pasted names; and macros that are no expression and no statement.
 */

#define with_intel_runtime_pm(rpm, wf) YACFE_ITERATOR
#define with_intel_runtime_pm_if_in_use(rpm, wf) YACFE_ITERATOR
#define with_intel_runtime_pm_if_active(rpm, wf) YACFE_ITERATOR
#define with_intel_gt_pm(gt, wf) YACFE_ITERATOR
#define with_intel_gt_pm_if_awake(gt, wf) YACFE_ITERATOR
#define with_intel_display_power(i915, domain, wf) YACFE_ITERATOR
#define with_intel_display_power_if_enabled(i915, domain, wf) YACFE_ITERATOR
#define with_intel_pps_lock(dp, wf) YACFE_ITERATOR
#define for_i915_gem_ww(ww, err, intr) YACFE_ITERATOR
#define intel_wedge_on_timeout(wedge, gt, timeout) YACFE_ITERATOR

#define I915_SELFTEST_DECLARE(x)
