# SPDX-License-Identifier: MIT
"""A probe that fails at any of the driver's checkpoints leaves nothing behind.

i915.inject_probe_failure=N makes the probe fail at its N-th checkpoint; the driver has it only with CONFIG_DRM_I915_DEBUG.
Which checkpoints exist is found out by going on until a probe passes. The vGPU's own are those whose log line names a
function of vgpu/; there must be one at detection and one at ballooning. (That each of the four reservations is undone if a
later one fails is KUnit's to show. The driver's own checkpoints after ballooning find all four inflated.)

What breaks a checkpoint: a splat, a balloon that stays (then the next probe's reservation fails), a device that cannot be bound
afterwards.
"""

import re

from igtvgpu.api import *

MAX_CHECKPOINTS = 80
# The partition of this VM touches no end of its half of the GGTT: there are all four balloons.
SPEC = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB,
                            hidden_size=384 * MIB, fences=8),))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
OURS = re.compile(r"Injecting failure -?\d+ at checkpoint (\d+) \[(\w*vgpu\w*|\w*vgt\w*|\w*balloon\w*):\d+\]")
ANY = re.compile(r"Injecting failure -?\d+ at checkpoint (\d+) \[(\w+):\d+\]")

suite = Suite("injection", vm=SPEC, timeout=400)


def fail_at(t, checkpoint: int) -> str:
    """Load with a failure injected there. Returns the function it was in, or "" if there is no such checkpoint."""
    position = t.vm.mark(f"checkpoint {checkpoint}")
    t.check(t.vm.modprobe_i915(f"inject_probe_failure={checkpoint}").ok, "modprobe failed")
    t.vm.mark("loaded")
    found = [m for line in t.vm.kmsg(position) if (m := ANY.search(line.text))]
    bound = t.vm.i915_bound()
    t.check(bool(found) != bound or not found, f"checkpoint {checkpoint} in {found and found[0][2]}, yet the device is bound")
    t.check(t.vm.unload_i915().ok, f"i915 does not unload after checkpoint {checkpoint}")
    return found[0][2] if found else ""


@suite.scenario(driver="unloaded")
def a_probe_that_fails_at_any_checkpoint_leaves_nothing_behind(t):
    """Every checkpoint of the driver, and after each of ours a good load."""
    if not t.vm.run("modinfo -p $(find $IGT_VGPU_MODULES -name 'i915.ko*') | grep inject_probe_failure").ok:
        t.skip("this i915 has no inject_probe_failure: it needs a kernel with CONFIG_DRM_I915_DEBUG")
    functions: list[str] = []
    for checkpoint in range(1, MAX_CHECKPOINTS):
        function = fail_at(t, checkpoint)
        if not function:
            break
        functions.append(function)
        if re.search(r"vgpu|vgt|balloon", function):
            t.check(t.vm.modprobe_i915().ok and t.vm.i915_bound(), f"no good load after checkpoint {checkpoint}, {function}")
            t.run(f"{PROGRAMS}/vgpu_balloon --run-subtest the-available-aperture-is-what-was-granted")
            t.check(t.vm.unload_i915().ok, "i915 does not unload")
    else:
        t.fail(f"no probe passed with up to {MAX_CHECKPOINTS} checkpoints")
    t.log("\n".join(f"{n + 1}: {name}" for n, name in enumerate(functions)))
    ours = [name for name in functions if re.search(r"vgpu|vgt|balloon", name)]
    t.check(len(functions) > 10, f"only {len(functions)} checkpoints: {functions}")
    t.equal(ours, ["intel_vgpu_detect", "intel_vgpu_balloon"], "the vGPU's checkpoints: one at detection, one at ballooning")
    caught = t.vm.violations("vgpu0")
    t.equal(caught, {}, "what the mediator caught")
    t.check(t.vm.modprobe_i915().ok and t.vm.i915_bound(), "no good load at the end")
    t.run(f"{PROGRAMS}/vgpu_exec")
