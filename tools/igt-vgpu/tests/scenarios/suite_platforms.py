# SPDX-License-Identifier: MIT
"""Each GPU that is no Skylake (which all other suites have), as a vGPU and bare: it is recognised, and works.

What breaks these tests: a register, a fuse or a command that only one generation has, or has in another place; a workaround of the
driver's that the model does not take; a share that is not for this GPU (a Broadwell's has other names).
"""

from complaints import complaints
from igtvgpu.api import *

PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
# What each is called here, by the driver, and on the PCI bus.
GPUS = (("bdw", "BROADWELL", "0x1616"), ("kbl", "KABYLAKE", "0x5912"), ("cfl", "COFFEELAKE", "0x3e92"))
HANGS = Allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung", "the test makes the GPU hang")

suite = Suite("platforms", timeout=180, host="software")


def each(spec, **more):
    """The scenario once for each GPU, in that VM with that GPU."""
    def add(function):
        for name, *known_as in GPUS:
            suite.scenario(rows=[(name, *known_as)], vm=on_platform(spec, name), **more)(function)
        return function
    return add


def probes_and_works(t, driver_name: str, device_id: str, programs: str) -> None:
    """The driver loads, takes the GPU for what it is, runs these programs, and has nothing to complain of."""
    device = t.vm.spec.devices[0]
    t.run("dmesg --clear")
    t.ok(t.vm.modprobe_i915())
    t.check(t.vm.i915_bound(), "the probe failed")
    t.equal(t.vm.read(f"/sys/bus/pci/devices/{device.bdf}/device").strip(), device_id, "PCI device")
    said = t.run("grep ^platform: /sys/kernel/debug/dri/*/i915_capabilities").split()
    t.equal(said[-1], driver_name, "the GPU that the driver knows")
    t.run(programs, 150)
    t.equal(complaints(t), [], "lines at warning or above")


@each(VGPU, driver="unloaded")
def a_vgpu_probes_and_works(t, driver_name, device_id):
    """Detection, batches on every engine; the mediator has nothing to say."""
    t.vm.stats_reset("vgpu0")
    probes_and_works(t, driver_name, device_id, f"{PROGRAMS}/vgpu_detect && {PROGRAMS}/vgpu_exec")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


@each(VGPU, allow=[HANGS])
def a_vgpu_recovers_from_a_hang(t, _driver_name, _device_id):
    """Of the engine with the most workarounds: a reset, which the driver has to make good."""
    t.run(f"{PROGRAMS}/vgpu_hang --run-subtest a-spinning-batch-is-reset-and-others-go-on-on-rcs0", 60)
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


@each(NATIVE, driver="unloaded")
def the_bare_gpu_probes_and_works(t, driver_name, device_id):
    """Batches on every engine; no word about vGPUs."""
    probes_and_works(t, driver_name, device_id, f"{PROGRAMS}/vgpu_exec")
    t.refuse_kmsg(r"[vV]GPU|Virtual GPU|[Bb]alloon")


@each(NATIVE, allow=[HANGS])
def the_bare_gpu_recovers_from_a_hang(t, _driver_name, _device_id):
    """The same program as on a vGPU."""
    t.run(f"{PROGRAMS}/vgpu_hang --run-subtest a-spinning-batch-is-reset-and-others-go-on-on-rcs0", 60)
