// SPDX-License-Identifier: MIT
/// hmm_range_fault() takes no reference to the pages that it finds: only the notifier of the range says for how long
/// they are the process's (Documentation/mm/hmm.rst). So a sequence number is taken by mmu_interval_read_begin()
/// first, and what was found counts only if mmu_interval_read_retry() says that no invalidation came since. Anything
/// less, and the GPU writes to pages that belong to somebody else.
///
// Confidence: Moderate: a file may leave the second look to another one
// Options: --no-includes --include-headers

virtual report

// spatch looks at all the files that it is given as one.
@initialize:python@
@@

asking = set()

@unbegun exists@
identifier func;
position p;
@@

func(...)
{
  ... when != mmu_interval_read_begin(...)
  hmm_range_fault@p(...)
  ... when any
}

@asks@
position p;
@@

  mmu_interval_read_retry@p(...)

@script:python@
p << asks.p;
@@

asking.add(p[0].file)

@faults@
position p;
@@

  hmm_range_fault@p(...)

@script:python depends on report@
p << unbegun.p;
@@

coccilib.report.print_report(p[0], "hmm_range_fault() without mmu_interval_read_begin() before it")

@script:python depends on report@
p << faults.p;
@@

if p[0].file not in asking:
    coccilib.report.print_report(p[0], "nothing in this file asks mmu_interval_read_retry() whether the result of hmm_range_fault() still holds")
