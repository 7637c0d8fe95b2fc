# SPDX-License-Identifier: MIT
"""The driver finds nothing to complain of: neither ours nor stock 6.12's, which was not written for this mediator.

The console shows no levels, so what the runner takes for a splat in a test's log are words. Here it is the level: from "warning" on,
no line about the device may come between the load and the unload of i915. What breaks these tests: a register that does not do what the
driver expects of a vGPU, a message of our own that is louder than what it says.
"""

from complaints import complaints
from igtvgpu.api import *

PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"

suite = Suite("probe", timeout=120, host="software")


@suite.scenario(rows=[("ours", )], driver="unloaded")
@suite.scenario(rows=[("stock-6.12's", )], driver="unloaded", vm=VmSpec(kernel="stock"))
def the_driver_has_nothing_to_complain_of(t):
    """Load, batches on each engine, unload: no line at warning or above, and nothing touched that is not the vGPU's."""
    t.run("dmesg --clear")
    t.vm.stats_reset("vgpu0")
    t.ok(t.vm.modprobe_i915())
    t.check(t.vm.i915_bound(), "i915 did not bind the vGPU")
    t.run(f"{PROGRAMS}/vgpu_exec", 90)
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")
    done = t.vm.unload_i915()
    t.check(done.ok, done.why())
    t.equal(complaints(t), [], "lines at warning or above")
