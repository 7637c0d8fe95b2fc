// SPDX-License-Identifier: MIT
/// The core calls a notifier from the middle of reclaim, with locks of the mm and of the page cache: who allocates
/// there with GFP_KERNEL may wait for the very reclaim that waits for him. The callback, and what it calls, two calls
/// deep, must not. And a notifier that could not be inserted watches nothing.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report

@callback@
identifier ops, func;
@@

(
  struct mmu_interval_notifier_ops ops = { .invalidate = func, };
|
  struct mmu_notifier_ops ops = { .invalidate_range_start = func, };
)

@direct@
identifier callback.func;
position p;
@@

func(...)
{
  <+...
(
  GFP_KERNEL@p
|
  GFP_KERNEL_ACCOUNT@p
|
  GFP_USER@p
)
  ...+>
}

@calls@
identifier callback.func;
identifier helper;
@@

func(...)
{
  <+... helper(...) ...+>
}

@indirect@
identifier calls.helper;
position p;
@@

helper(...)
{
  <+...
(
  GFP_KERNEL@p
|
  GFP_KERNEL_ACCOUNT@p
|
  GFP_USER@p
)
  ...+>
}

@calls_again@
identifier calls.helper;
identifier second;
@@

helper(...)
{
  <+... second(...) ...+>
}

@more_indirect@
identifier calls_again.second;
position p;
@@

second(...)
{
  <+...
(
  GFP_KERNEL@p
|
  GFP_KERNEL_ACCOUNT@p
|
  GFP_USER@p
)
  ...+>
}

@ignored@
position p;
@@

(
  mmu_interval_notifier_insert@p(...);
|
  mmu_interval_notifier_insert_locked@p(...);
|
  mmu_notifier_register@p(...);
|
  (void)mmu_interval_notifier_insert@p(...);
|
  (void)mmu_interval_notifier_insert_locked@p(...);
|
  (void)mmu_notifier_register@p(...);
)

@unused@
local idexpression ret;
identifier func;
type T;
parameter list params;
position p;
@@

T func(params)
{
  ... when any
(
  ret = mmu_interval_notifier_insert@p(...);
|
  ret = mmu_interval_notifier_insert_locked@p(...);
|
  ret = mmu_notifier_register@p(...);
)
  ... when != ret
}

@script:python depends on report@
p << direct.p;
func << callback.func;
@@

coccilib.report.print_report(p[0], "allocates in %s(), which reclaim may have called" % func)

@script:python depends on report@
p << indirect.p;
func << callback.func;
helper << calls.helper;
@@

coccilib.report.print_report(p[0], "%s() allocates, and %s() calls it, which reclaim may have called" % (helper, func))

@script:python depends on report@
p << more_indirect.p;
func << callback.func;
second << calls_again.second;
@@

coccilib.report.print_report(p[0], "%s() allocates, and is called below %s(), which reclaim may have called" % (second, func))

@script:python depends on report@
p << ignored.p;
@@

coccilib.report.print_report(p[0], "the result of inserting a notifier is ignored: it may watch nothing")

@script:python depends on report@
p << unused.p;
@@

coccilib.report.print_report(p[0], "the result of inserting a notifier is never looked at: it may watch nothing")
