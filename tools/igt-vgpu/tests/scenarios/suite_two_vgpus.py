# SPDX-License-Identifier: MIT
"""Two vGPUs with different partitions in one guest: state is per device, so neither knows of the other.

(The stock 6.12 driver keeps its balloons in one static variable: there the second probe hangs.)
What breaks these tests: anything static in the guest's vGPU code, a mediator that mixes up its vGPUs.
"""

from igtvgpu.api import *

FIRST = Vgpu("vgpu0", "02.0", aperture_base=16 * MIB, aperture_size=64 * MIB, hidden_base=512 * MIB,
             hidden_size=256 * MIB, fences=4)
SECOND = Vgpu("vgpu1", "03.0", aperture_base=128 * MIB, aperture_size=32 * MIB, hidden_base=1536 * MIB,
              hidden_size=128 * MIB, fences=7)
DEVICES = (FIRST, SECOND)
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
DRIVER = "/sys/bus/pci/drivers/i915"

suite = Suite("two-vgpus", vm=VmSpec(devices=DEVICES), timeout=90)


def on(device: Vgpu, command: str) -> str:
    return f"IGT_VGPU_BDF={device.bdf} {PROGRAMS}/{command}"


def nothing_caught(t) -> None:
    for device in DEVICES:
        caught = t.vm.violations(device.id)
        t.equal(caught, {}, f"what the mediator caught of {device.id}")


def both_at_once(t, first: str, second: str) -> None:
    jobs = [t.vm.spawn(on(device, command)) for device, command in ((FIRST, first), (SECOND, second))]
    for job in jobs:
        done = job.wait(60)
        t.log(f"$ {done.command}\n{done.out}")
        t.check(done.ok, done.why())
    nothing_caught(t)


@suite.scenario()
def both_are_bound_with_their_own_partitions(t):
    """Each device's debugfs file and fence count are its own page's."""
    for device in DEVICES:
        t.check(t.vm.i915_bound(device.bdf), f"{device.bdf} is not bound")
        t.run(on(device, "vgpu_detect"))
        got = t.run(on(device, "vgpu_fence --run-subtest the-driver-has-as-many-fences-as-the-share"))
        t.check(f"the driver uses {device.fences}" in got, f"{device.id} has not {device.fences} fences: {got}")
    nothing_caught(t)


@suite.scenario()
def both_execute_at_once(t):
    """All of vgpu_exec, on both, at the same time."""
    both_at_once(t, "vgpu_exec", "vgpu_exec")


@suite.scenario()
def both_stay_inside_their_partitions_at_once(t):
    """Fences and GTT maps of both; the tracepoint tells address spaces apart, not devices, so one device a time for that."""
    both_at_once(t, "vgpu_fence", "vgpu_fence")
    for device in DEVICES:
        t.run(on(device, "vgpu_balloon"), 60)
    nothing_caught(t)


LONGER_THAN_HANGS = 15              # seconds; they take one or two
HANG = ("rcs0", "vcs0", "vecs0")
UNKNOWN = [f"an-unknown-command-is-reset-and-others-go-on-on-{engine}" for engine in HANG]


@suite.scenario(timeout=120, allow=[Allow(r"0000:00:02\.0.*(GPU HANG|GPU hang|Resetting|error state saved|hung)", "the first one makes the GPU hang")])
def one_that_hangs_costs_the_other_nothing_but_time(t):
    """Unknown commands on the first: the mediator has one line for each, it is reset, and no batch of the second one is lost."""
    for device in DEVICES:
        t.vm.stats_reset(device.id)
    known = len(t.vm.qemu_log())
    jobs = [t.vm.spawn(on(SECOND, f"vgpu_share store {LONGER_THAN_HANGS} {engine}")) for engine in HANG]
    t.wait_until(lambda: all(t.vm.stats(SECOND.id)["submissions"][engine] > 10 for engine in HANG), "the second one does not begin", 30)
    t.run(on(FIRST, f"vgpu_hang --run-subtest {','.join(UNKNOWN)}"), 60)
    for job in jobs:
        t.check(job.running, f"'{job.command}' ended before the hangs did")
    for job in jobs:
        done = job.wait(60)
        t.log(f"$ {done.command}\n{done.out}")
        t.check(done.ok, done.why())
    said = [line for line in t.vm.qemu_log()[known:] if not line.startswith("# ")]
    t.log("\n".join(said))
    name = f"vgpu{t.vm.stats(FIRST.id)['vgpu_id']}: "
    for engine in HANG:
        lines = [line for line in said if f"{name}{engine}: hung: unknown command" in line]
        t.equal(len(lines), 1, f"lines about {name}{engine}, of {said}")
    t.equal(len(said), len(UNKNOWN), "lines of the mediator")
    resets = {device.id: sum(t.vm.stats(device.id)["resets"].values()) for device in DEVICES}
    t.check(resets["vgpu0"] >= len(UNKNOWN), f"resets: {resets}")
    t.equal(resets["vgpu1"], 0, "resets of the second one")
    t.equal(t.vm.violations(SECOND.id), {}, "what the mediator caught of the second one")


@suite.scenario(timeout=150)
def one_is_unbound_and_bound_again_while_the_other_works(t):
    """The balloons of one device come and go; the other one's stay, and its work is not disturbed."""
    for leaves, works in ((FIRST, SECOND), (SECOND, FIRST)):
        job = t.vm.spawn(f"for i in 1 2 3; do {on(works, 'vgpu_exec')} || exit 1; done; echo all three passed")
        for _ in range(3):
            t.run(f"echo {leaves.bdf} > {DRIVER}/unbind")
            t.check(t.vm.i915_bound(works.bdf), f"{works.bdf} went with {leaves.bdf}")
            t.run(f"echo {leaves.bdf} > {DRIVER}/bind")
            t.run(on(leaves, "vgpu_exec --run-subtest engines-in-turn-see-each-others-writes"))
        done = job.wait(90)
        t.log(done.out)
        t.check("all three passed" in done.out, done.why())
        t.run(on(works, "vgpu_balloon"), 60)
    nothing_caught(t)


@suite.scenario(driver="any")
def a_bad_page_of_one_refuses_only_that_one(t):
    """Judgement is per device: the other one probes and works."""
    t.allow(r"\*ERROR\*.*0000:00:03\.0|0000:00:03\.0.*\*ERROR\*", "the refusal that the test is about")
    t.ok(t.vm.unload_i915())
    t.vm.pvinfo("vgpu1", "mappable_size=1")
    t.ok(t.vm.modprobe_i915())
    t.check(t.vm.i915_bound(FIRST.bdf), f"{FIRST.bdf} is not bound")
    t.check(not t.vm.i915_bound(SECOND.bdf), f"{SECOND.bdf} was bound, with a mappable part of one byte")
    t.expect_kmsg(r"0000:00:03\.0.*bad ballooning configuration: mappable_size is 0x1")
    t.run(on(FIRST, "vgpu_exec"))
    nothing_caught(t)


@suite.scenario(timeout=120)
def three_reloads_leave_both_as_they_were(t):
    """Module reload with two devices: nothing of either is left over."""
    def account(device: Vgpu) -> str:
        return t.run(f"cat /sys/kernel/debug/dri/{device.bdf}/i915_vgpu 2>/dev/null || "
                     f"cat /sys/kernel/debug/dri/$(ls /sys/bus/pci/devices/{device.bdf}/drm | sed -n 's/card//p')/i915_vgpu")
    before = {device.id: account(device) for device in DEVICES}
    for _ in range(3):
        t.check(t.vm.reload_i915().ok, "i915 does not reload")
        for device in DEVICES:
            t.check(t.vm.i915_bound(device.bdf), f"{device.bdf} is not bound after the reload")
            t.equal(account(device), before[device.id], f"i915_vgpu of {device.id}")
    both_at_once(t, "vgpu_exec", "vgpu_exec")
