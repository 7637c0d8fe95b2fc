// SPDX-License-Identifier: MIT
/// The PVINFO page is registers, not memory: struct vgt_if only describes offsets in it. A pointer to
/// it that is dereferenced bypasses the register accessors, and with them tracing, the ordering of
/// writes, and the exact width and number of accesses that a mediator traps. Use
/// intel_uncore_read(uncore, vgtif_reg(member)), or, before there is an uncore, readl() and its like on
/// an address made with vgtif_offset(member).
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report
virtual org

@deref@
struct vgt_if *page;
identifier member;
position p;
@@

(
  page@p->member
|
  *page@p
|
  page@p[...]
)

@copy@
struct vgt_if page;
identifier member;
position p;
@@

  page@p.member

@script:python depends on report@
p << deref.p;
@@

coccilib.report.print_report(p[0], "struct vgt_if is dereferenced; use a register accessor with vgtif_reg()")

@script:python depends on report@
p << copy.p;
@@

coccilib.report.print_report(p[0], "a copy of the PVINFO page is used; use a register accessor with vgtif_reg()")

@script:python depends on org@
p << deref.p;
@@

coccilib.org.print_todo(p[0], "struct vgt_if is dereferenced")

@script:python depends on org@
p << copy.p;
@@

coccilib.org.print_todo(p[0], "a copy of the PVINFO page is used")
