# SPDX-License-Identifier: MIT
"""The boot matrix: every PVINFO page has one defined outcome, one line in the log, and no other effect.

One VM, one loaded module; a row overrides the page, binds the device, judges, and binds once more with the truth. It uses
sysfs's bind and unbind and not modprobe: that is quicker, and the write's errno is the probe's own. (A row that ends as a
working vGPU is its own good probe.)

What breaks a row: a wrong errno, a missing or doubled log line, an access outside of the partition, a splat, or a device
that cannot be bound afterwards.
"""

from __future__ import annotations

import errno
import os
import re

from boot_rows import FENCES, IS_LIE, IS_NATIVE, IS_VGPU, MB, MS, NB, NS, ROWS, Row
from igtvgpu.api import *

BDF = "0000:00:02.0"
DRIVER = "/sys/bus/pci/drivers/i915"
SPEC = VmSpec(devices=(Vgpu("vgpu0", aperture_base=MB, aperture_size=MS, hidden_base=NB, hidden_size=NS, fences=FENCES),))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
FORCEWAKE = (0xa278, 0xa188)     # FORCEWAKE_RENDER_GEN9; FORCEWAKE_MT, Broadwell's
STRERROR = {os.strerror(code): code for code in errno.errorcode}

suite = Suite("boot-matrix", vm=SPEC, timeout=60)


def unbind(t) -> None:
    """Whatever the last test left: the module is loaded, the device is not bound."""
    t.run(f"if ! test -d {DRIVER}; then modprobe -d $IGT_VGPU_MODULES i915; fi; "
          f"if test -e {DRIVER}/{BDF}; then echo {BDF} > {DRIVER}/unbind; fi", 60)


def bind(t) -> int:
    """Probe the device. 0, or the errno with which its probe ended."""
    done = t.vm.run(f"bash -c 'echo {BDF} > {DRIVER}/bind'", 30)
    t.vm.mark("bound")
    if done.ok:
        return 0
    told = done.out.strip().rpartition(": ")[2]
    t.check(told in STRERROR, f"bind ended with {done.rc} and said '{done.out.strip()}'")
    return STRERROR[told]


def woken(t) -> bool:
    """Whether the driver asked for forcewake, as it does on bare hardware only (intel_uncore.c)."""
    registers = t.vm.stats("vgpu0")["mmio"]["by_register"]
    return any(row["w"] for offset, row in registers.items() if int(offset, 16) in FORCEWAKE)


def works(t, row: Row) -> None:
    """The vGPU that is bound executes, on every engine, and has so many fences (asked where the row is about them)."""
    t.run(f"{PROGRAMS}/vgpu_exec --run-subtest engines-in-turn-see-each-others-writes")
    if "fence_num" in row.pvinfo:
        got = t.run(f"{PROGRAMS}/vgpu_fence --run-subtest the-driver-has-as-many-fences-as-the-share")
        t.check(re.search(rf"the driver uses {row.fences}$", got, re.M), f"not {row.fences} fences: {got}")


def judge_log(t, row: Row, lines: list[str]) -> None:
    for wanted in filter(None, (row.line, row.also)):
        found = [x for x in lines if re.search(wanted, x)]
        t.equal(len(found), 1, f"log lines that match /{wanted}/ among {len(lines)}, the last being "
                               f"'{(lines or ['(none)'])[-1]}'")
    wrong = [x for x in lines if row.forbid and re.search(row.forbid, x)]
    t.equal(wrong, [], f"log lines that match /{row.forbid}/")


def allow_what_must_be(t, row: Row) -> None:
    """The row's line, and what follows from it: the probe's end, or after a lie a GPU that does not answer."""
    t.allow(row.line, "the line that the row is about")
    if isinstance(row.outcome, int):
        t.allow(r"\*ERROR\* Device initialization failed \(-\d+\)", "what the driver says after a refusal")
    elif row.outcome in (IS_LIE, IS_NATIVE):
        t.allow(r"\*ERROR\*", "the device does not do what the driver is led to expect")
        t.allow(r"wedged|GPU HANG|[Rr]esetting|hung", "contexts that lie outside of the partition never run")


def good_probe(t) -> None:
    """Whatever happened before: with the truth, the device probes, and touches nothing that is not its own."""
    t.vm.stats_reset("vgpu0")
    t.equal(bind(t), 0, "errno of the probe with the truth, afterwards")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught with the truth, afterwards")


@suite.scenario(rows=[(row.name, row) for row in ROWS], driver="any", name="pvinfo")
def pvinfo(t, row: Row):
    """The driver makes of this PVINFO page what it must, and nothing else happens."""
    allow_what_must_be(t, row)
    unbind(t)
    t.vm.pvinfo("vgpu0", row.pvinfo)
    t.vm.stats_reset("vgpu0")
    if row.debug:
        t.run("echo 2 > /sys/module/drm/parameters/debug")
    position = t.vm.mark("probe with the override")
    ended = bind(t)
    lines = [line.text for line in t.vm.kmsg(position + 1)]
    if row.debug:
        t.run("echo 0 > /sys/module/drm/parameters/debug")
    judge_log(t, row, lines)

    if row.outcome == IS_VGPU:
        t.equal(ended, 0, "errno of the probe")
        t.check(not woken(t), "the driver of a vGPU asked for forcewake")
        works(t, row)
        t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")
    elif row.outcome == IS_LIE:
        t.check(t.vm.violations("vgpu0").get(row.caught), f"the mediator caught no {row.caught} access: {t.vm.violations('vgpu0')}")
    elif row.outcome == IS_NATIVE:
        t.equal(ended, 0, "errno of the native probe")
        t.check(woken(t), "the probe never asked for forcewake, as a native one does")
    else:
        t.equal(errno.errorcode.get(ended, ended), errno.errorcode[row.outcome], "errno of the probe")
        t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")

    unbind(t)
    t.vm.pvinfo("vgpu0", "")
    if row.outcome != IS_VGPU:      # that was a good probe itself, and the last test below is one more
        good_probe(t)


@suite.scenario(driver="any")
def after_all_of_that_the_truth_still_works(t):
    """The same module, on the same VM, after every row."""
    unbind(t)
    good_probe(t)
    t.run(f"{PROGRAMS}/vgpu_exec", 60)
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")
