// SPDX-License-Identifier: MIT
/// The core calls a notifier from the middle of reclaim, with locks of the mm and of the page cache: who allocates
/// there with GFP_KERNEL may wait for the very reclaim that waits for him. The callback, and what it calls, two calls
/// deep, must not. And a notifier that could not be inserted watches nothing.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report

@initialize:python@
@@

looked = set()

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
identifier insert =~ "^_*mmu_(interval_notifier_insert|notifier_register)";
position p;
@@

(
  insert@p(...);
|
  (void)insert@p(...);
)

// There is a way on which nobody looks at it, to the end of the function ...
@unlooked exists@
local idexpression ret;
identifier insert =~ "^_*mmu_(interval_notifier_insert|notifier_register)";
position p;
@@

  ret = <+... insert@p(...) ...+>;
  ... when != ret

@declared exists@
identifier ret;
type T;
identifier insert =~ "^_*mmu_(interval_notifier_insert|notifier_register)";
position p;
@@

  T ret = <+... insert@p(...) ...+>;
  ... when != ret

// ... or until something else is there: in a loop, the next result.
@overwritten exists@
local idexpression ret;
expression other;
identifier insert =~ "^_*mmu_(interval_notifier_insert|notifier_register)";
position p;
@@

  ret = <+... insert@p(...) ...+>;
  ... when != ret
  ret = other

// A member may be looked at elsewhere, but then in this file.
@member@
expression e;
identifier err;
identifier insert =~ "^_*mmu_(interval_notifier_insert|notifier_register)";
position p;
@@

(
  e->err@p = <+... insert(...) ...+>;
|
  e.err@p = <+... insert(...) ...+>;
)

@written@
expression e, other;
identifier member.err;
position p;
@@

(
  e->err@p = other
|
  e.err@p = other
)

@read@
expression e;
identifier member.err;
position p != written.p;
@@

(
  e->err@p
|
  e.err@p
)

@script:python@
p << read.p;
err << member.err;
@@

looked.add((p[0].file, str(err)))

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
p << unlooked.p;
@@

coccilib.report.print_report(p[0], "the result of inserting a notifier is not looked at on every way: it may watch nothing")

@script:python depends on report@
p << declared.p;
@@

coccilib.report.print_report(p[0], "the result of inserting a notifier is not looked at on every way: it may watch nothing")

@script:python depends on report@
p << overwritten.p;
@@

coccilib.report.print_report(p[0], "the result of inserting a notifier is overwritten before it is looked at: it may watch nothing")

@script:python depends on report@
p << member.p;
err << member.err;
@@

if (p[0].file, str(err)) not in looked:
    coccilib.report.print_report(p[0], "the result of inserting a notifier is kept, and never looked at: it may watch nothing")
