# SPDX-License-Identifier: MIT
"""Our mediator, held against the real one: the guest does the same on both, and sees the same.

The guest is on kvmgt (HOST=kvmgt). A second one, on our mediator with PVINFO 1.0 and a share of the same type, does the same.
What differs for a reason stands in kvmgt_differences.py; a row there that explains nothing is a failure.
"""

import re

from igtvgpu.api import *
from interrupt_counts import handled, settle
from kvmgt_differences import explain

OURS = VmSpec(devices=(Vgpu("vgpu0", type="GVTg_V5_4", abi="1.0"),))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
SCENARIOS = "$IGT_VGPU_TOP/out/tests/scenarios"
PAGE = 0x78000
PVINFO = range(PAGE, PAGE + 0x1000, 4)
WRITTEN = (0x804, 0x818, *range(0x838, 0x860, 4))       # display_ready, g2v_notify, pdp, the execlist descriptor
BASES = (0x40, 0x48)                                    # of the mappable and of the other part
# Reading these has an effect, or says what the reader did.
SPARED = range(0x44200, 0x44204)

HANGS = ("a-spinning-batch-is-reset-and-others-go-on-*", "a-full-reset-ends-a-spinning-batch")

suite = Suite("kvmgt", timeout=90, host="kvmgt")


def work(vm) -> str:
    """Run the fixed workload; its report."""
    done = vm.run(f"{PROGRAMS}/vgpu_differential without-registers", 300)
    if not done.ok:
        raise VmError(done.why())
    return done.out


def read_registers(vm, offsets) -> dict[int, str]:
    done = vm.run(f"{PROGRAMS}/vgpu_registers {' '.join(f'{o:x}' for o in offsets)}", 120)
    if not done.ok:
        raise VmError(done.why())
    return {int(where, 16): value for where, _, value in (line.partition(": ") for line in done.out.splitlines())
            if where.startswith("0x")}


def interrupts_of_batches(t, vm, whose: str) -> float:
    """How many interrupts a batch takes that is waited for, with nothing beside it."""
    settle(vm)
    before = handled(vm)
    done = vm.run(f"{PROGRAMS}/vgpu_share store 5 bcs0", 120)
    t.check(done.ok, done.why())
    settle(vm)
    now = handled(vm).since(before)
    batches = int(re.search(r"(\d+) batches", done.out).group(1))
    t.log(f"{whose}: {now.runs} interrupts for {batches} batches, {now.nothing} for nothing")
    if whose == "ours":     # kvmgt sends a message for an event though another one is pending, and the first handler takes both
        t.equal(now.nothing, 0, "interrupts for nothing")
    # A driver that is not interrupted looks once a second.
    t.check(batches > 15, f"{batches} batches in 5 s: they were not woken up ({whose})")
    return now.runs / batches


def platform(t) -> str:
    return t.vm.spec.gpus[0].platform


def ours(t):
    vm = t.vm.another(on_platform(OURS, platform(t)), "ours")
    vm.boot()
    vm.modprobe_i915()
    return vm


@suite.scenario()
def the_pvinfo_page_is_the_same(t):
    """Every word, but those that the guest writes, and where its partition begins, which is the host's to choose."""
    t.allow(r"L1: gvt: vgpu \d+: invalid pvinfo read", "kvmgt reports reads of reserved words; they read all the same")
    with ours(t) as vm:
        real, mine = read_registers(t.vm, PVINFO), read_registers(vm, PVINFO)
    different = {f"{o - PAGE:#x}": (mine[o], real[o]) for o in PVINFO if mine[o] != real[o] and o - PAGE not in (*WRITTEN, *BASES)}
    t.equal(different, {}, "words that differ (ours, kvmgt's)")


def registers_are_the_same(t, mine) -> None:
    """All that the driver of our guest touched so far, but for the rows of kvmgt_differences.py, each of which has to explain something."""
    touched = {int(o, 16): row["name"] or "" for o, row in mine.stats("vgpu0")["mmio"]["by_register"].items()}
    offsets = sorted(o for o in touched if o not in PVINFO and o not in SPARED)
    t.check(len(offsets) > 100, f"the driver touched only {len(offsets)} registers")
    real, ours_ = read_registers(t.vm, offsets), read_registers(mine, offsets)
    different = {o: (ours_[o], real[o]) for o in offsets if ours_[o] != real[o]}
    unexplained, idle = explain(different, touched, platform(t))
    for o, (a, b) in sorted(different.items()):
        t.log(f"{o:#08x} {touched[o]:<28} ours {a} kvmgt {b}   {unexplained.get(o) or 'explained'}")
    t.equal({f"{o:#x} {touched[o]}": different[o] for o in unexplained}, {}, "registers that differ (ours, kvmgt's)")
    t.equal(idle, [], "rows of kvmgt_differences.py that explain nothing")


@suite.scenario(timeout=120)
def the_registers_of_a_probe_read_the_same(t):
    """All that the driver touches while it loads, read by the guest afterwards."""
    with ours(t) as vm:
        registers_are_the_same(t, vm)


@suite.scenario(timeout=300, allow=[Allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung", "the test makes the GPU hang")])
def the_registers_after_hangs_and_resets_read_the_same(t):
    """The fixed workload, a hang of each engine, and a full reset; then all that the driver touched for these, too."""
    with ours(t) as vm:
        for guest in (t.vm, vm):
            work(guest)
            for hang in HANGS:
                done = guest.run(f"{PROGRAMS}/vgpu_hang --run-subtest {hang}", 240)
                t.check(done.ok, done.why())
        registers_are_the_same(t, vm)


@suite.scenario(timeout=120)
def a_workload_leaves_the_same_behind(t):
    """Contents of objects, fences, GGTT entries below them."""
    real = work(t.vm)
    with ours(t) as vm:
        t.equal(work(vm), real, "the report on our mediator (got) and on kvmgt (want)")
    t.check("fence 3:" in real, f"the report holds no fences: {real}")


@suite.scenario(timeout=150)
def a_batch_takes_one_interrupt_to_three(t):
    """It has three events: the engine begins, MI_USER_INTERRUPT, the context is complete. How many of them share a message is a matter of
    time: kvmgt learns of each from its own handler and takes two, our engine is through with all before the guest looks. None is missing."""
    rates = {"kvmgt": interrupts_of_batches(t, t.vm, "kvmgt")}
    with ours(t) as vm:
        rates["ours"] = interrupts_of_batches(t, vm, "ours")
    # A few more belong to what the driver does once it is idle.
    t.equal({whose: rate for whose, rate in rates.items() if not 0.9 < rate < 3.3}, {}, "interrupts a batch, out of bounds")


# Two processes on two CPUs wake each other, each idle while it waits; the longest of the waits, in ms, and how many rounds there were.
PING_PONG = """
import os, time
SECONDS = %d
there, back = os.pipe(), os.pipe()
if os.fork() == 0:
    os.sched_setaffinity(0, {1})
    while os.read(there[0], 1):
        os.write(back[1], b".")
    os._exit(0)
os.sched_setaffinity(0, {0})
rounds, longest, late = 0, 0.0, 0
end = time.monotonic() + SECONDS
while (begin := time.monotonic()) < end:
    os.write(there[1], b".")
    os.read(back[0], 1)
    took = time.monotonic() - begin
    rounds, longest, late = rounds + 1, max(longest, took), late + (took > .5)
print(rounds, round(longest * 1000), late, flush=True)
os._exit(0)
"""


def rounds_of_ping_pong(t, seconds: int) -> tuple[int, int, int]:
    """How many there were, the longest in ms, and how many were late."""
    rounds, longest, late = map(int, t.vm.python(PING_PONG % seconds, 4 * seconds, check=True).out.split())
    t.log(f"{rounds} rounds, the longest {longest} ms, {late} longer than 500 ms")
    t.check(rounds > 10 * seconds, f"{rounds} rounds in {seconds} s")
    return rounds, longest, late


@suite.scenario(timeout=90)
def no_wakeup_is_lost(t):
    """A CPU that is woken between STI and HLT does not halt. Where it did, the guest stood still now and then. (A host that has other
    things to do is late as well: half a second was seen beside another guest.)"""
    rounds, longest, late = rounds_of_ping_pong(t, 30)
    t.equal(late, 0, f"rounds that took longer than 500 ms (the longest {longest} ms, of {rounds})")


@suite.scenario(timeout=120)
def a_cpu_of_l1_that_loads_its_fpu_disturbs_no_guest(t):
    """L1's first CPU enters and leaves L2 while the second one loads its FPU state, which any switch of tasks does. Each load changed the word
    in which QEMU 7.2 notes of the first CPU whether it is in a guest, and undid a change that the first CPU made meanwhile: L2, or L1, then
    stood still, or crashed (qemu/add-to-qemu): within three seconds, so also when it is tried once more."""
    job = t.vm.l1.spawn(f"exec {SCENARIOS}/load_fpu 20")
    try:
        rounds_of_ping_pong(t, 15)
        done = job.wait(60)
        t.check(done.ok, f"in L1: {done.why()}")
    finally:
        job.kill()
    loads = int(done.out)
    t.log(f"{loads} loads")
    t.check(loads > 1000000, f"{loads} loads in 20 s")
