# SPDX-License-Identifier: MIT
"""The patched driver on bare hardware (the GPU model without a mediator): it must not notice that vGPUs exist.

What breaks these tests: a vGPU code path that is taken without a vGPU.
"""

from dataclasses import replace

import register_traces
from igtvgpu.api import *
from native_differences import TIMED

PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
suite = Suite("native", vm=NATIVE, timeout=60)


@suite.scenario(driver="unloaded")
def the_log_has_no_word_about_vgpus(t):
    """Probe and unload, in silence about mediators, balloons and grants."""
    t.check(t.vm.modprobe_i915().ok, "i915 does not load")
    t.check(t.vm.i915_bound(), "the probe failed on bare hardware")
    t.expect_kmsg(r"Initialized i915")
    t.refuse_kmsg(r"[vV]GPU|Virtual GPU|[Bb]alloon|VGT|PVINFO")
    t.check(t.vm.unload_i915().ok, "i915 does not unload")
    t.refuse_kmsg(r"[vV]GPU|Virtual GPU|[Bb]alloon|VGT|PVINFO")


@suite.scenario()
def debugfs_says_that_it_is_no_vgpu(t):
    """The vGPU file is absent, or says that there is no mediator."""
    text = t.run("cat /sys/kernel/debug/dri/0/i915_vgpu 2>/dev/null || true")
    t.check("version" not in text, f"i915_vgpu speaks of a version: {text}")


@suite.scenario()
def batches_run_on_every_engine(t):
    """Forcewake, preemption and semaphores are on here, which a vGPU never uses."""
    t.run(f"{PROGRAMS}/vgpu_exec", 60)


@suite.scenario(allow=[Allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung", "the test makes the GPU hang")], timeout=120)
def hangs_are_recovered_from(t):
    """The same program as on a vGPU."""
    t.run(f"{PROGRAMS}/vgpu_hang", 110)


@suite.scenario(timeout=120)
def rebind_and_reload(t):
    """Three times each."""
    t.run(f"{PROGRAMS}/vgpu_reload --run-subtest unload-and-load-three-times,unbind-and-bind-three-times", 110)


@suite.scenario()
def vgpu_only_tests_skip_with_the_reason(t):
    """A test of the tests: on bare hardware they must not pass."""
    done = t.vm.run(f"{PROGRAMS}/vgpu_balloon")
    t.equal(done.rc, 77, "status of vgpu_balloon on bare hardware")
    t.check("is not a vGPU" in done.out, f"vgpu_balloon does not say why it skipped: {done.out}")


@suite.scenario(vm=register_traces.SPEC, driver="unloaded", timeout=600, on_demand=True)
def registers_are_accessed_as_by_stock_6_12(t):
    """By phase (probe, batches on each engine, GGTT binds, fences, contexts, runtime suspend and resume, unload): of each register the
    values written, in their order, and the number of reads; of GGTT entries and fences the values without addresses, and how many. The
    order of writes across registers in suspend, resume and unload only. But for what native_differences.py lists."""
    ours = register_traces.capture(t.vm)
    with t.vm.another(replace(t.vm.spec, kernel="stock"), "stock") as vm:
        vm.boot()
        stock = register_traces.capture(vm)
    for phase, trace in stock.items():
        t.log(f"{phase}: {len(trace)} accesses of stock 6.12, {len(ours[phase])} of ours, "
              f"{sum(not any(row.covers(phase, a) for row in TIMED) for a in ours[phase])} of them compared one by one")
    t.equal(register_traces.compare(stock, ours, TIMED), [], "accesses that differ")
    t.equal(register_traces.idle(stock, TIMED), [], "rows of native_differences.py that cover nothing")
