// SPDX-License-Identifier: MIT
/// drm_mm_reserve_node() fails if any of the range is taken. A caller that does not look believes
/// that it owns a range that it does not own: with ballooning, memory of another guest.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report
virtual org

@ignored@
expression mm, node;
position p;
@@

(
  drm_mm_reserve_node@p(mm, node);
|
  (void)drm_mm_reserve_node@p(mm, node);
)

@overwritten@
expression mm, node, other;
local idexpression ret;
position p;
@@

  ret = drm_mm_reserve_node@p(mm, node);
  ... when != ret
  ret = other

@unused@
expression mm, node;
local idexpression ret;
identifier func;
type T;
parameter list params;
position p;
@@

T func(params)
{
  ... when any
  ret = drm_mm_reserve_node@p(mm, node);
  ... when != ret
}

@script:python depends on report@
p << ignored.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is ignored")

@script:python depends on report@
p << overwritten.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is overwritten before it is looked at")

@script:python depends on report@
p << unused.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is never looked at")

@script:python depends on org@
p << ignored.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is ignored")

@script:python depends on org@
p << overwritten.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is overwritten before it is looked at")

@script:python depends on org@
p << unused.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is never looked at")
