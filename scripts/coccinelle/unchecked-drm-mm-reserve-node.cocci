// SPDX-License-Identifier: MIT
/// drm_mm_reserve_node() fails if any of the range is taken. A caller that does not look believes
/// that it owns a range that it does not own: with ballooning, memory of another guest. To look is to mention the
/// result, on each way from the call on; a result in a member is looked at if this file mentions the member.
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report
virtual org

@initialize:python@
@@

looked = set()

@ignored@
identifier reserve = {drm_mm_reserve_node};
position p;
@@

(
  reserve@p(...);
|
  (void)reserve@p(...);
)

// There is a way on which nobody looks at it, to the end of the function ...
@unlooked exists@
local idexpression ret;
identifier reserve = {drm_mm_reserve_node};
position p;
@@

  ret = <+... reserve@p(...) ...+>;
  ... when != ret

@declared exists@
identifier ret;
type T;
identifier reserve = {drm_mm_reserve_node};
position p;
@@

  T ret = <+... reserve@p(...) ...+>;
  ... when != ret

// ... or until something else is there: in a loop, the next result.
@overwritten exists@
local idexpression ret;
expression other;
identifier reserve = {drm_mm_reserve_node};
position p;
@@

  ret = <+... reserve@p(...) ...+>;
  ... when != ret
  ret = other

// A member may be looked at elsewhere, but then in this file.
@member@
expression e;
identifier err;
identifier reserve = {drm_mm_reserve_node};
position p;
@@

(
  e->err@p = <+... reserve(...) ...+>;
|
  e.err@p = <+... reserve(...) ...+>;
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
p << ignored.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is ignored")

@script:python depends on report@
p << unlooked.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is not looked at on every way")

@script:python depends on report@
p << declared.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is not looked at on every way")

@script:python depends on report@
p << overwritten.p;
@@

coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is overwritten before it is looked at")

@script:python depends on report@
p << member.p;
err << member.err;
@@

if (p[0].file, str(err)) not in looked:
    coccilib.report.print_report(p[0], "the result of drm_mm_reserve_node() is kept, and never looked at")

@script:python depends on org@
p << ignored.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is ignored")

@script:python depends on org@
p << unlooked.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is not looked at on every way")

@script:python depends on org@
p << declared.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is not looked at on every way")

@script:python depends on org@
p << overwritten.p;
@@

coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is overwritten before it is looked at")

@script:python depends on org@
p << member.p;
err << member.err;
@@

if (p[0].file, str(err)) not in looked:
    coccilib.org.print_todo(p[0], "the result of drm_mm_reserve_node() is kept, and never looked at")
