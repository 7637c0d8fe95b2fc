# SPDX-License-Identifier: MIT
"""The kernel runs out of memory at each allocation in turn: in mirrored memory's ioctls, in a probe, in the set-up of the channel.

/proc/self/fail-nth makes the n-th allocation of one task fail, so nothing is left to chance: n goes up until the operation ends before
its turn comes. vgpu_svm_fault.c does that to ioctls, all of whose allocations it has. A probe has thousands, most of them stock
i915's; here those are chosen that are made below one folder of the series (by their stack, which takes KERNEL=debug), and of all others
a sample.

What breaks these tests: an unwind step that is left out or done twice, a wrong errno, a probe that fails for want of a channel, memory
that is lost (kmemleak, KERNEL=debug), a context that the mediator still has. Probe failures where nothing is allocated: suite_injection.py.
"""

import errno
from collections import Counter
from itertools import count, groupby

from igtvgpu import paths, sanitize
from igtvgpu.api import *
from igtvgpu.traps import fence_traps, requests

USUAL = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB, fences=8)
# Debug objects allocate as it happens, in the middle of what is counted.
VM = VmSpec(devices=(USUAL,), cmdline="igt_vgpu.faults=1 no_debug_objects")
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
FAIL_BIND = "$IGT_VGPU_TOP/out/tests/scenarios/fail_bind"
WORKS = "$IGT_VGPU_TOP/out/examples/svm_list"     # a context, a bind, an execution; checked, and quick to start
FILTER = "/sys/kernel/debug/failslab/require-start"
HANG = [Allow(r"GPU HANG|GPU hang|Resetting|error state saved|context .* hung", "a batch that does not end is banned")]
SAID = [Allow(r"\*ERROR\*", "a probe that fails says why")]
# Its record of mappings is refused memory like all else. The guest ends with such a test.
DMA = [Allow(r"DMA-API: cacheline tracking ENOMEM", "the check of DMA mappings allocates for each of them, which fails in its turn")]
SAMPLE = 24                     # of a probe's allocations, beside the first and the last few
ALL = 1_000_000                 # more allocations than a probe has

suite = Suite("faults", vm=VM, timeout=300, allow=DMA)

# --- mirrored memory ---------------------------------------------------------------------------

OPERATIONS = [("bind", "bind-*"), ("unbind", "unbind-*,close-*"), ("execute", "execute*"), ("invalidate", "discard-*,unmap-*,fork-*")]


def nothing_lost(t) -> None:
    """The mediator caught nothing, holds nothing of what was taken back, and no memory is lost."""
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")
    leaked = sanitize.leaks(t.vm)
    if leaked:
        sanitize.forget_leaks(t.vm)     # the next test has its own
    t.equal(leaked, "", "memory that nobody points to any more")


@suite.scenario(rows=OPERATIONS)
def each_allocation_fails_once_in(t, subtests):
    """The errno of the uAPI or success, nothing has changed after the former, and the next try succeeds."""
    settle = "echo 0x25c > $(ls /sys/kernel/debug/dri/*/i915_gem_drop_caches | head -n 1) && sleep 1"
    t.run(settle)
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_svm_fault --run-subtest '{subtests}'", 1500)
    t.run(settle)
    told = requests(t.vm.stats("vgpu0"))
    t.check(told["create"], "no context was told of")
    t.equal((told["destroy"], told["unpin"]), (told["create"], told["pin"]), "contexts taken back and unpinned, of those made and pinned")
    t.equal(t.vm.stats("vgpu0")["channel"]["protocol_errors"], 0, "requests that failed")
    nothing_lost(t)


@suite.scenario()
def each_operation_of_the_program_has_a_row(t):
    """So that none is forgotten."""
    listed = t.run(f"{PROGRAMS}/vgpu_svm_fault --list-subtests").split()
    words = [word.rstrip("*") for _, subtests in OPERATIONS for word in subtests.split(",")]
    t.check(listed, "the program has no subtests")
    t.equal([name for name in listed if sum(name.startswith(word) for word in words) != 1], [], "subtests without a row, or with two")


# --- the probe -----------------------------------------------------------------------------------


def need_filter(t) -> None:
    if not t.vm.run(f"test -e {FILTER}").ok:
        t.skip("this kernel cannot choose allocations by who makes them (CONFIG_FAULT_INJECTION_STACKTRACE_FILTER): KERNEL=debug can")


def symbols(t) -> dict[str, int]:
    """The functions of the loaded i915 and where they begin. Of several with one name, one."""
    lines = t.vm.run(r"grep -F '[i915]' /proc/kallsyms", 60, check=True).out.splitlines()
    rows = (line.split() for line in lines)
    return {row[2]: int(row[0], 16) for row in rows if row[1] in "tT" and not row[2].startswith("__pfx_")}


def stretch(known: dict[str, int], first: str, last: str = "") -> tuple[int, int]:
    """From the beginning of one function to the end of another."""
    after = [at for at in known.values() if at > known[last or first]]
    return known[first], min(after, default=known[last or first] + 4096)


def stretches(t, folder: str) -> list[tuple[int, int]]:
    """Where the functions of a folder of the series lie: the linker puts those of files side by side that a makefile has so."""
    built = paths.kernel_dir(t.vm.kernel)
    ours, alone = sanitize.functions_of(built, (folder,)), set(sanitize.our_functions(built, (folder,)))
    known = {name: at for name, at in symbols(t).items() if ".cold" not in name}
    found = []
    for inside, names in groupby(sorted(known, key=known.__getitem__), lambda name: name.partition(".")[0] in ours):
        run = list(names)
        if inside and any(name.partition(".")[0] in alone for name in run):     # not only names that others have too
            t.log(f"{folder}: {len(run)} functions, {run[0]} to {run[-1]}")
            found.append(stretch(known, run[0], run[-1]))
    t.check(found, f"i915 has no function of {folder}/")
    return found


def bookkeeping(t) -> tuple[int, int]:
    """Where kmemleak makes a record of each allocation, which is one itself; (0, 0) without it."""
    lines = t.vm.run(r"grep -m 1 -A 1 ' kmemleak_alloc$' /proc/kallsyms", 60).out.split()
    return (int(lines[0], 16), int(lines[3], 16)) if lines else (0, 0)


class Driver:
    """i915, bound and unbound with a failure on the way. `ours`: the functions are the series'."""

    def __init__(self, t, where: tuple[int, int], ours: bool = True) -> None:
        self.t, self.ours = t, ours
        self.where, self.without = (f"{begin:#x} {end:#x}" for begin, end in (where, bookkeeping(t)))
        self.outcomes: Counter = Counter()

    def fail(self, what: str, nth: int) -> tuple[int, int]:
        """Its errno, and how far off the nth allocation still was."""
        out = self.t.vm.run(f"{FAIL_BIND} {what} {USUAL.bdf} {self.where} {nth} {self.without}", 120, check=True).out
        error, left = (int(word) for word in out.split())
        self.t.equal(self.t.vm.i915_bound(), what == "bind" and not error, f"after {what} with errno {error}, is the device bound")
        return error, left

    def unbind(self) -> None:
        """Without a failure. What is ours takes down without memory."""
        error, left = self.fail("unbind", ALL)
        self.t.equal(error, 0, "errno of an unbind")
        if self.ours:
            self.t.equal(ALL - left, 0, "allocations of an unbind")

    def bind(self) -> None:
        """A probe without a failure: the vGPU's share was free, and the driver works."""
        self.t.equal(self.fail("bind", ALL)[0], 0, "errno of a bind after one that failed")
        self.t.run(WORKS, 60)

    def each(self, points) -> int:
        """Fails each of these allocations, until there are no more; how many did. A driver that is bound nevertheless must work."""
        for failed, nth in enumerate(points):
            error, left = self.fail("bind", nth)
            if left:
                self.t.equal(error, 0, f"errno of a bind of which no allocation failed ({left} to go)")
                return failed
            self.outcomes[errno.errorcode.get(error, error) if error else "bound"] += 1
            self.t.log(f"allocation {nth}: {error}")
            if error:
                self.t.check(error in (errno.ENOMEM, errno.EIO), f"errno {error} for want of memory at allocation {nth}")
                self.bind()
            else:
                self.t.run(WORKS, 60)
            self.unbind()
        return len(points)


@suite.scenario(rows=[("vgpu", "vgpu", 8), ("svm", "svm", 4)], allow=SAID, timeout=900)
def a_probe_in_which_one_allocation_fails_below(t, name, least):
    """It ends with a clean errno, or goes on without; the next one is whole."""
    need_filter(t)
    failed = 0
    outcomes: Counter = Counter()
    for where in stretches(t, name):
        driver = Driver(t, where)
        driver.unbind()
        failed += driver.each(count(1))
        outcomes += driver.outcomes
    t.log(f"{failed} allocations below {name}/ failed, each alone: {dict(outcomes)}")
    t.check(failed >= least, f"only {failed} allocations were found")
    t.run(f"{PROGRAMS}/vgpu_exec", 90)
    nothing_lost(t)


@suite.scenario(timeout=900)
def without_memory_for_the_channel_all_goes_on_by_traps(t):
    """Each allocation of its set-up: the probe succeeds, fences trap and nothing is sent; the next driver has a channel."""
    need_filter(t)
    driver = Driver(t, stretch(symbols(t), "intel_vgpu_channel_init"))
    driver.unbind()
    for nth in count(1):
        t.vm.stats_reset("vgpu0")
        error, left = driver.fail("bind", nth)
        t.equal(error, 0, f"errno of the bind when allocation {nth} of the channel fails")
        t.run(f"{PROGRAMS}/vgpu_bench fences 40", 60)
        t.run(WORKS, 60)
        stats = t.vm.stats("vgpu0")
        if left:
            t.check(sum(requests(stats).values()) and not fence_traps(stats), "there is no channel though no allocation failed")
            break
        t.equal(requests(stats), dict.fromkeys(requests(stats), 0), f"requests after allocation {nth} had failed")
        t.check(fence_traps(stats), f"fences neither by request nor by trap after allocation {nth} had failed")
        driver.unbind()
    t.check(nth > 2, "the channel's set-up allocates twice at least")
    nothing_lost(t)


@suite.scenario(allow=SAID, timeout=1200)
def a_probe_in_which_any_one_allocation_fails(t):
    """A sample of all of them, stock i915's included: a clean errno or a driver that works, and the next one is whole."""
    need_filter(t)
    known = symbols(t)
    driver = Driver(t, stretch(known, min(known, key=known.__getitem__), max(known, key=known.__getitem__)), ours=False)
    driver.unbind()
    total = ALL - driver.fail("bind", ALL)[1]
    t.log(f"a probe has {total} allocations")
    t.check(total > 1000, f"only {total} allocations in a probe")
    driver.unbind()
    points = sorted({*range(1, 5), *(total * i // SAMPLE for i in range(1, SAMPLE)), *range(total - 4, total + 1)})
    driver.each(points)
    t.log(f"{sum(driver.outcomes.values())} of {total} allocations failed, each alone: {dict(driver.outcomes)}")
    driver.bind()
    t.run(f"{PROGRAMS}/vgpu_exec", 90)
    nothing_lost(t)


@suite.scenario(allow=HANG, timeout=600)
def a_ban_needs_no_memory(t):
    """Every allocation of the work that bans contexts fails: memory is taken from a batch that does not end all the same."""
    need_filter(t)
    begin, end = stretch(symbols(t), "i915_svm_ban")
    set_to = "cd /sys/kernel/debug/failslab && echo N > ignore-gfp-wait && echo {} > probability && echo {} > times && " \
             "echo {:#x} > require-start && echo {:#x} > require-end"
    t.run(set_to.format(100, -1, begin, end))
    try:
        t.run(f"{PROGRAMS}/vgpu_svm_life --run-subtest a-batch-that-does-not-end-is-banned,a-process-that-ends-while-busy-ends", 240)
    finally:
        t.vm.run(set_to.format(0, 0, 0, (1 << 64) - 1))
    nothing_lost(t)
