# SPDX-License-Identifier: MIT
"""A probe that fails at any of the driver's checkpoints leaves nothing behind.

i915.inject_probe_failure=N makes the probe fail at its N-th checkpoint; setup/kernel-build compiles the driver with it.
Which checkpoints exist is found out by going on until a probe meets none. The vGPU's own are those whose log line names a
function of vgpu/; there must be one at detection and one at ballooning. (That each of the four reservations is undone if a
later one fails is KUnit's to show. The driver's own checkpoints after ballooning find all four inflated.)

What breaks a checkpoint: a splat (also of drm_mm_takedown(), which warns of a balloon that stays in the GGTT's address space), an object
of one of the driver's caches that stays (the kernel warns when the cache goes), a device that cannot be bound afterwards.
"""

import errno
import re

from igtvgpu.api import *

MAX_CHECKPOINTS = 80
# The partition of this VM touches no end of its half of the GGTT: there are all four balloons.
SPEC = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB,
                            hidden_size=384 * MIB, fences=8),))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
INJECTED = re.compile(r"Injecting failure -(\d+) at checkpoint \d+ \[(\w+):\d+\]")
OURS = re.compile(r"vgpu|vgt|balloon")
# Failures that the driver means to survive; the device is bound then.
SURVIVED = {("lrc_init_wa_ctx", errno.ENODEV): "workarounds that are rarely needed",
            ("__intel_uc_reset_hw", errno.ENXIO): "a reset of microcontrollers that are not used",
            ("intel_gt_init", errno.EIO): "a GPU that does not work, wedged so that the display can be used"}

suite = Suite("injection", vm=SPEC, timeout=400)


def fail_at(t, checkpoint: int) -> tuple[str, int, bool] | None:
    """Load with a failure injected there. The function that it was in, its errno, is the device bound; None: there is no such checkpoint."""
    position = t.vm.mark(f"checkpoint {checkpoint}")
    t.check(t.vm.modprobe_i915(f"inject_probe_failure={checkpoint}").ok, "modprobe failed")
    t.vm.mark("loaded")
    found = [(m[2], int(m[1])) for line in t.vm.kmsg(position) if (m := INJECTED.search(line.text))]
    bound = t.vm.i915_bound()
    t.check(t.vm.unload_i915().ok, f"i915 does not unload after checkpoint {checkpoint}, {found}")
    t.check(len(found) == 1 or bound and not found, f"checkpoint {checkpoint}: injected {found}, bound {bound}")
    return (*found[0], bound) if found else None


@suite.scenario(driver="unloaded")
def a_probe_that_fails_at_any_checkpoint_leaves_nothing_behind(t):
    """Every checkpoint of the driver, and after each of ours a good load."""
    passed: list[tuple[str, int, bool]] = []
    while point := fail_at(t, len(passed) + 1):
        passed.append(point)
        t.log(f"{len(passed)}: {point}")
        t.check(len(passed) < MAX_CHECKPOINTS, f"no probe passed with up to {MAX_CHECKPOINTS} checkpoints")
        if OURS.search(point[0]):
            t.check(t.vm.modprobe_i915().ok and t.vm.i915_bound(), f"no good load after checkpoint {len(passed)}, {point[0]}")
            t.run(f"{PROGRAMS}/vgpu_balloon --run-subtest the-available-aperture-is-what-was-granted")
            t.check(t.vm.unload_i915().ok, "i915 does not unload")
    t.check(len(passed) > 10, f"only {len(passed)} checkpoints: {passed}; was i915 compiled with CONFIG_DRM_I915_DEBUG?")
    t.equal([point[0] for point in passed if OURS.search(point[0])], ["intel_vgpu_detect", "intel_vgpu_balloon"],
            "the vGPU's checkpoints: one at detection, one at ballooning")
    t.equal([point for point in passed if point[2] != (point[:2] in SURVIVED)], [],
            "failures (where, errno, is the device bound) after which the device is bound and must not be, or the reverse")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")
    t.check(t.vm.modprobe_i915().ok and t.vm.i915_bound(), "no good load at the end")
    t.run(f"{PROGRAMS}/vgpu_exec")
