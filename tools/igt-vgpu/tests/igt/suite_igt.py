# SPDX-License-Identifier: MIT
"""The IGT-style programs of this folder, and what the mediator saw of each.

Two guests: one with a partition of a usual size, one with a small one (so that it can be used up), neither at an end of its
half of the GGTT. Two more have nothing of the aperture, or little and nothing else. What a program asserts is the guest's
view; that nothing outside of the partition was touched meanwhile is the host's, and is a test of its own per program
("untouched").
"""

from igtvgpu.api import *

USUAL = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB,
                             hidden_size=384 * MIB, fences=8, any_share=True),))
BARE = VmSpec(devices=(NativeGpu(),))
SMALL = VmSpec(devices=(Vgpu("vgpu0", aperture_base=32 * MIB, aperture_size=16 * MIB, hidden_base=2048 * MIB,
                             hidden_size=16 * MIB, fences=3),))
NO_FENCES = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB,
                                 hidden_size=384 * MIB, fences=0),))
NO_APERTURE = VmSpec(devices=(Vgpu("vgpu0", aperture_base=0, aperture_size=0, hidden_base=1024 * MIB,
                                   hidden_size=384 * MIB, fences=8),))
LITTLE_APERTURE = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=12 * MIB, hidden_base=0,
                                       hidden_size=0, fences=8),))

suite = Suite("igt", vm=USUAL, timeout=60)

HANG = [Allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung", "the test makes the GPU hang")]
# With fences the last subtest of vgpu_fence has nothing to show, without them the others have not.
WITH_FENCES = ["the-driver-has-as-many-fences-as-the-share", "three-times-as-many-tiled-maps-as-fences-all-work",
               "more-threads-than-fences-fault-at-once", "fence-registers-cover-only-the-mappable-part"]
WITHOUT_FENCES = ["the-driver-has-as-many-fences-as-the-share", "without-a-fence-tiling-is-refused-and-linear-maps-work"]
MAPPING = ["gtt-maps-of-more-than-the-mappable-part-evict-each-other",
           "an-object-larger-than-the-mappable-part-is-mapped-by-pieces", "a-client-cannot-ask-for-a-place-in-the-ggtt"]

suite.igt("vgpu_detect", allow=[Allow(r"L1: gvt: vgpu \d+: invalid pvinfo read", "it reads what is reserved, which kvmgt reports")])
suite.igt("vgpu_balloon")
suite.igt("vgpu_fence", subtests=WITH_FENCES)
suite.igt("vgpu_exec")
suite.igt("vgpu_clock", host="software")
suite.igt("vgpu_clock", name="native/vgpu_clock", vm=BARE)
suite.igt("vgpu_hang", allow=HANG, timeout=90)
suite.igt("vgpu_reset", allow=HANG, timeout=90)
suite.igt("vgpu_reset", name="native/vgpu_reset", vm=BARE, allow=HANG, timeout=90)
suite.igt("vgpu_reset", name="small/vgpu_reset", vm=SMALL, allow=HANG, timeout=90, subtests=["no-access-by-a-tiled-map-goes-astray"])
suite.igt("vgpu_reload", timeout=120)
suite.igt("vgpu_exhaust", subtests=MAPPING, timeout=120)
CONTEXTS = [f"{what}-on-{engine}" for engine in ("rcs0", "bcs0", "vcs0", "vecs0") for what in
            ("contexts-in-turn-keep-their-registers", "a-new-context-at-an-old-address-begins-with-zero",
             "contexts-that-left-the-ggtt-come-back-unchanged", "idle-contexts-survive-a-full-reset",
             "contexts-are-destroyed-while-busy") if (what, engine) != ("contexts-are-destroyed-while-busy", "bcs0")]
suite.igt("vgpu_context", subtests=CONTEXTS, allow=HANG, timeout=60)

# Mirrored memory; suite_svm.py compares page tables after each step of the same programs.
suite.igt("vgpu_svm", timeout=300)
suite.igt("vgpu_svm_life", timeout=120, allow=HANG)
suite.igt("vgpu_svm_life", name="native/vgpu_svm_life", vm=BARE, timeout=120, allow=HANG)

suite.igt("vgpu_balloon", name="small/vgpu_balloon", vm=SMALL)
suite.igt("vgpu_fence", name="small/vgpu_fence", vm=SMALL, subtests=WITH_FENCES)
suite.igt("vgpu_exec", name="small/vgpu_exec", vm=SMALL)
suite.igt("vgpu_exhaust", name="small/vgpu_exhaust", vm=SMALL, timeout=180)
suite.igt("vgpu_context", name="small/vgpu_context", vm=SMALL, timeout=240,
          subtests=["ten-times-as-many-contexts-as-fit-all-make-progress"])

suite.igt("vgpu_fence", name="no-fences/vgpu_fence", vm=NO_FENCES, subtests=WITHOUT_FENCES)
suite.igt("vgpu_exec", name="no-fences/vgpu_exec", vm=NO_FENCES, subtests=["engines-in-turn-see-each-others-writes"])

# What needs no GTT map.
ACCOUNT = ["ggtt-entries-are-present-only-inside-the-partition", "the-available-aperture-is-what-was-granted",
           "the-balloons-are-all-of-the-ggtt-that-was-not-granted"]
suite.igt("vgpu_aperture", name="no-aperture/vgpu_aperture", vm=NO_APERTURE)
suite.igt("vgpu_balloon", name="no-aperture/vgpu_balloon", vm=NO_APERTURE, subtests=ACCOUNT)
suite.igt("vgpu_exec", name="no-aperture/vgpu_exec", vm=NO_APERTURE)
suite.igt("vgpu_hang", name="no-aperture/vgpu_hang", vm=NO_APERTURE, allow=HANG, timeout=90)
suite.igt("vgpu_aperture", name="little-aperture/vgpu_aperture", vm=LITTLE_APERTURE)
suite.igt("vgpu_balloon", name="little-aperture/vgpu_balloon", vm=LITTLE_APERTURE, subtests=ACCOUNT)
suite.igt("vgpu_exec", name="little-aperture/vgpu_exec", vm=LITTLE_APERTURE)

PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"


def untouched(t, command: str, timeout: float) -> None:
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/{command}", timeout)
    t.equal(t.vm.violations("vgpu0"), {}, f"what the mediator caught during {command}")


@suite.scenario(rows=[("vgpu_balloon", "vgpu_balloon", 60), ("vgpu_fence", "vgpu_fence", 60),
                      ("vgpu_exec", "vgpu_exec", 90), ("vgpu_reload", "vgpu_reload --run-subtest unbind-*,unload-*", 120)],
                timeout=150)
def untouched_by(t, command, timeout):
    """While this program runs, the guest touches nothing outside of its partition and its share of fences."""
    untouched(t, command, timeout)


@suite.scenario(rows=[("vgpu_balloon", "vgpu_balloon", 60), ("vgpu_fence", "vgpu_fence", 60),
                      ("vgpu_exhaust", "vgpu_exhaust", 150)], timeout=180, vm=SMALL)
def untouched_in_a_small_partition_by(t, command, timeout):
    """The same where there is little room."""
    untouched(t, command, timeout)


@suite.scenario(timeout=150, vm=NO_APERTURE)
def without_an_aperture_the_driver_comes_and_goes(t):
    """Reload and rebind: what was set up for an aperture that is then given up is taken down again."""
    t.vm.stats_reset("vgpu0")
    for _ in range(3):
        t.check(t.vm.reload_i915().ok, "i915 does not reload")
        t.check(t.vm.i915_bound(), "the device is not bound after the reload")
        t.run(f"{PROGRAMS}/vgpu_aperture", 60)
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


@suite.scenario(rows=[("vgpu_aperture", "vgpu_aperture", 60), ("vgpu_exec", "vgpu_exec", 90)], timeout=150, vm=LITTLE_APERTURE)
def untouched_in_little_aperture_by(t, command, timeout):
    """The same where all that the vGPU has is a part of the aperture too small for the CPU."""
    untouched(t, command, timeout)


def suspend(t, subtest: str, wake=None) -> None:
    """The program's end is read from the kernel log: after a suspend nothing can be started from the root file system any more."""
    device = t.vm.spec.devices[0].id
    t.vm.stats_reset(device)
    t.vm.spawn(f"{PROGRAMS}/vgpu_suspend --run-subtest {subtest}")
    t.expect_kmsg(r"\[IGT\] vgpu_suspend: starting subtest", 30)
    if wake:
        wake(t)
    end = t.expect_kmsg(r"\[IGT\] vgpu_suspend: exiting", 90)
    t.equal(end.rpartition("ret=")[2], "0", "the program's exit status")
    t.equal(sum("PM: suspend exit" in line for line in t.kmsg()), 2, "suspends that came to their end")
    t.equal(t.vm.violations(device), {}, "what the mediator caught")


def alone(name: str, devices=USUAL.devices) -> VmSpec:
    """A guest of its own. (The first word of the command line only makes it differ from the others.)"""
    return VmSpec(devices=devices, cmdline=f"igt_vgpu.suspend={name} no_console_suspend pm_debug_messages")


@suite.scenario(vm=alone("devices"), timeout=150, keep_vm=False)
def a_test_suspend_of_all_devices(t):
    """Driver callbacks of suspend and resume, without the machine going to sleep."""
    suspend(t, "work-and-balloons-survive-a-test-suspend-of-all-devices")


@suite.scenario(vm=alone("idle"), timeout=150, keep_vm=False)
def suspend_to_idle(t):
    """The machine idles until its power button wakes it. (QEMU's RTC wakes a machine from S3 only.)"""
    def press(t) -> None:
        for nth in (1, 2):
            t.expect_kmsg(r"PM: suspend-to-idle$", 30, nth)
            t.vm.qmp("system_powerdown")
            t.expect_kmsg(r"PM: suspend exit", 30, nth)
    suspend(t, "work-and-balloons-survive-suspend-to-idle", wake=press)


@suite.scenario(vm=alone("ram"), timeout=150, keep_vm=False)
def suspend_to_ram(t):
    """S3: QEMU stops the machine and resets its devices."""
    suspend(t, "work-and-balloons-survive-suspend-to-ram")


@suite.scenario(vm=alone("ram", BARE.devices), timeout=150, keep_vm=False)
def suspend_to_ram_of_the_bare_gpu(t):
    """The same without a mediator: the driver finds the GPU as after power-on, and its work goes on."""
    suspend(t, "work-and-balloons-survive-suspend-to-ram")
