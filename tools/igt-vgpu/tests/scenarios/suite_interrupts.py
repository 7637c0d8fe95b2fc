# SPDX-License-Identifier: MIT
"""Interrupts under load, counted on both sides: none is lost, none comes for nothing; by message (MSI) and by line (INTx).

What breaks these tests: a message that is not sent (i915 then polls once a second), or sent for nothing; a line that stays
up ("nobody cared") or comes down with something pending.
"""

import re

from igtvgpu.api import *
from igtvgpu.sanitize import SLOWER
from interrupt_counts import handled, settle

BY_LINE = "pci=nomsi"
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
ENGINES = ("rcs0", "bcs0", "vcs0", "vecs0")
SECONDS = 3
UNNOTICED_MS = 700                  # the driver looks by itself each second: of interrupts that are lost, some are missed as long

suite = Suite("interrupts", timeout=90)


def batches(t, what: str, clients: tuple[str, ...]) -> list[str]:
    """What each of these programs says, one for each engine named."""
    said = []
    for job in [t.vm.spawn(f"exec {PROGRAMS}/vgpu_share {what} {SECONDS} {engine}") for engine in clients]:
        done = job.wait(60)
        t.log(f"{done.command}: {done.out}")
        t.check(done.ok, done.why())
        # A driver that is not interrupted looks once a second.
        count = int(re.search(r"(\d+) batches", done.out)[1])
        t.check(count > 3 * SECONDS, f"{count} batches in {SECONDS} s: '{job.command}' was not woken up")
        said.append(done.out)
    return said


def under_load(t, device: str, kind: str, name: str) -> None:
    settle(t.vm)
    t.vm.stats_reset(device)
    before = handled(t.vm)
    t.check(name in before.line, f"the interrupt is none of {name}: {before.line}")
    batches(t, "store", ENGINES * 2)
    settle(t.vm)
    now = handled(t.vm).since(before)
    sent = t.vm.stats(device)["irq"]
    t.log(f"{sent} sent, {now.runs} handled, {now.nothing} for nothing; {now.line}")
    t.equal(now.runs, sent[kind], "how often the guest's handler ran, and how many interrupts it was sent")
    t.equal(sent["intx" if kind == "msi" else "msi"], 0, "interrupts of the other kind")
    t.equal(now.nothing, 0, "interrupts for nothing")
    t.check(now.runs > 50, f"{now.runs} interrupts are no load")
    at_rest = t.run(f"{PROGRAMS}/vgpu_registers 44200")
    t.check("0x44200: 80000000" in at_rest, f"something is pending, or interrupts are off: {at_rest}")
    resets = t.vm.stats(device)["resets"]
    t.equal(resets["engine"] + resets["full"], 0, "resets")


def no_wait_is_long(t) -> None:
    if t.vm.kernel in SLOWER:
        t.skip("a slow kernel's waits do not tell whether the driver was interrupted, or looked")
    for said in (line for engine in ENGINES for line in batches(t, "wait", (engine,))):
        longest, late = (int(re.search(rf"{what} (\d+) ms", said)[1]) for what in ("took", "came"))
        t.check(longest < UNNOTICED_MS + 2 * late, f"a batch took {longest} ms: its interrupt was lost (the CPU came {late} ms late)")


@suite.scenario()
def each_message_of_a_vgpu_is_handled_once(t):
    """MSI: two clients on each engine."""
    under_load(t, "vgpu0", "msi", "MSI")


@suite.scenario(vm=NATIVE)
def each_message_of_the_bare_gpu_is_handled_once(t):
    """The same, without a mediator."""
    under_load(t, "pgpu0", "msi", "MSI")


@suite.scenario(vm=VmSpec(cmdline=BY_LINE))
def each_rise_of_a_vgpus_line_is_handled_once(t):
    """INTx: the line is up while anything is pending that is enabled, and only then."""
    under_load(t, "vgpu0", "intx", "IO-APIC")


@suite.scenario(vm=VmSpec(devices=(NativeGpu(),), cmdline=BY_LINE))
def each_rise_of_the_bare_gpus_line_is_handled_once(t):
    """The same, without a mediator."""
    under_load(t, "pgpu0", "intx", "IO-APIC")


@suite.scenario()
def no_wait_ends_without_its_interrupt(t):
    """One client at a time: an interrupt of another one, of whichever engine, would have the driver look at all."""
    no_wait_is_long(t)


@suite.scenario(vm=NATIVE)
def no_wait_for_the_bare_gpu_ends_without_its_interrupt(t):
    """The same, without a mediator."""
    no_wait_is_long(t)
