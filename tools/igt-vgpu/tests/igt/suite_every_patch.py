# SPDX-License-Identifier: MIT
"""What scripts/series/bisect runs at each patch of the series, and on the unmodified driver before it: detection, ballooning, fences, and
the KUnit tests that the kernel brings by then.

The two scenarios ask only for what all of these kernels have: no debugfs file, no line of the log that the series changes; the mediator's
counters are their witness. The programs ask for all that the whole series has: at an early patch some subtests fail. Which failures count
is for serieslib/bisect.py to say.
"""

from igtvgpu.api import *

USUAL = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB,
                             hidden_size=384 * MIB, fences=8),))
SMALL = VmSpec(devices=(Vgpu("vgpu0", aperture_base=32 * MIB, aperture_size=16 * MIB, hidden_base=2048 * MIB,
                             hidden_size=16 * MIB, fences=3),))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
BINDS = "the-driver-binds-*,ggtt-entries-*,the-available-*"
FENCES = ["the-driver-has-as-many-fences-as-the-share", "three-times-as-many-tiled-maps-as-fences-all-work",
          "fence-registers-cover-only-the-mappable-part"]

suite = Suite("every-patch", vm=USUAL, timeout=120, on_demand=True)


def drive(t) -> None:
    """Probe, work on each engine, and leave; what the mediator caught meanwhile is nothing."""
    t.vm.stats_reset("vgpu0")
    t.check(t.vm.modprobe_i915().ok, "i915 does not load")
    t.check(t.vm.i915_bound(), "i915 does not drive the device")
    t.run(f"{PROGRAMS}/vgpu_exec --run-subtest stores-arrive-*", 60)
    t.check(t.vm.unload_i915().ok, "i915 does not unload")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught from probe to removal")


@suite.scenario(driver="unloaded")
def a_vgpu_is_detected_and_driven_twice(t):
    """Breaks if the probe fails, takes the vGPU for bare hardware, or leaves something behind that the next one stumbles over."""
    for nth in (1, 2):
        drive(t)
        t.expect_kmsg(r"Virtual GPU for Intel GVT-g detected", 5, nth)


@suite.scenario()
def what_is_bound_stays_in_the_partition(t):
    """Breaks if a balloon is missing or too short: by the driver's tracepoint, by the GGTT's entries, and by the mediator's counters."""
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_balloon --run-subtest {BINDS}", 90)
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


suite.igt("vgpu_detect")
suite.igt("vgpu_balloon")
suite.igt("vgpu_fence", subtests=FENCES)
suite.igt("vgpu_balloon", name="small/vgpu_balloon", vm=SMALL)
# Those that there are: which, depends on the patch.
suite.kunit("i915_vgpu_test", vm=NO_GPU)
