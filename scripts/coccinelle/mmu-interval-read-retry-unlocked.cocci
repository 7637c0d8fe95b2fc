// SPDX-License-Identifier: MIT
/// mmu_interval_read_retry() says whether an invalidation came. That is worth something only under the lock that the
/// notifier's callback takes to invalidate, and for as long as the lock is held: what was found is committed, the PTEs
/// are written, before it is released (Documentation/mm/hmm.rst).
///
// Confidence: High
// Options: --no-includes --include-headers

virtual report

@locked exists@
position p;
@@

(
  down_read(...)
|
  down_write(...)
|
  down_write_trylock(...)
|
  mutex_lock(...)
|
  mutex_trylock(...)
|
  spin_lock(...)
|
  spin_lock_irq(...)
|
  spin_lock_irqsave(...)
|
  read_lock(...)
|
  write_lock(...)
|
  lockdep_assert_held(...)
|
  lockdep_assert_held_read(...)
|
  lockdep_assert_held_write(...)
)
  ... when != up_read(...)
      when != up_write(...)
      when != mutex_unlock(...)
      when != spin_unlock(...)
      when != spin_unlock_irq(...)
      when != spin_unlock_irqrestore(...)
      when != read_unlock(...)
      when != write_unlock(...)
  mmu_interval_read_retry@p(...)

// A function that takes no lock is called with it, or only looks whether there is any sense in going on.
@locks exists@
identifier func;
@@

func(...)
{
  <+...
(
  down_read(...)
|
  down_write(...)
|
  mutex_lock(...)
|
  spin_lock(...)
|
  spin_lock_irq(...)
|
  spin_lock_irqsave(...)
|
  read_lock(...)
|
  write_lock(...)
)
  ...+>
}

@unlocked@
identifier locks.func;
position p != locked.p;
@@

func(...)
{
  <+... mmu_interval_read_retry@p(...) ...+>
}

@script:python depends on report@
p << unlocked.p;
@@

coccilib.report.print_report(p[0], "mmu_interval_read_retry() outside of the lock that this function takes: the answer may be outdated at once")
