# SPDX-License-Identifier: MIT
"""The GPU is taken from its driver, or the driver from the GPU, while all engines are busy; afterwards both work as before. A vGPU and
the bare GPU in turn.

What breaks these tests: anything of a guest that a reset leaves in the mediator, a driver or a mediator that goes on to use
memory that was given away, an engine's thread that runs for a device that is gone. "As before" is compared with a machine that
was just switched on.
"""

import json
import signal
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Iterator

from igtvgpu.api import *

SHARE = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=64 * MIB, hidden_base=1024 * MIB, hidden_size=64 * MIB, fences=4)
NEIGHBOUR = Vgpu("vgpu1", "03.0", aperture_base=128 * MIB, aperture_size=64 * MIB, hidden_base=1536 * MIB, hidden_size=64 * MIB, fences=4)
Q35 = VmSpec(devices=(SHARE,))
# Only there QEMU lets go of a device that is on the root bus.
PC = VmSpec(devices=(SHARE, NEIGHBOUR), machine="pc")
BARE_PC = replace(NATIVE, machine="pc")
BOTH = (("vgpu", Q35), ("bare-gpu", NATIVE))
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
DEVICE = f"/sys/bus/pci/devices/{SHARE.bdf}"        # the bare GPU has the same place
DRIVER = "/sys/bus/pci/drivers/i915"
FEATURES_ACCEPTED = 0x78064     # in the PVINFO page
EXECLIST_STATUS = (0x2234, 0x22234, 0x12234, 0x1a234)   # RING_EXECLIST_STATUS of rcs0, bcs0, vcs0, vecs0 ...
NOT_IDLE = 0x6001c              # ... and its bits that are 0 while the engine has nothing to do
# Two engines that never end by themselves, two that submit and are interrupted all the time.
SPIN, STORE = ("rcs0", "vcs0"), ("bcs0", "vecs0")
SPINS_ON = "request_timeout_ms=0"       # otherwise i915 ends after 20 s what spins; a busy host has not come far by then

HANGS = Allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung|wedged", "the GPU is taken from work that would not end")
UNTOLD = (Allow(r"vGPU: the channel is off", "a reset ends the channel, and nothing tells i915 of it"),
          Allow(r"timed out waiting for forcewake ack|MMIO unreliable", "a reset takes the request for it back, and nothing tells i915 of it"))
# i915_driver_release() wants the device awake, also if the last client goes after the PCI device (6.12 as it is).
RELEASE = Allow(r"WARNING: .* __intel_runtime_pm_get", "a client that outlives the device itself, not only its driver")

suite = Suite("life", vm=Q35, timeout=120, driver_options=SPINS_ON)


def of_both(rows, **more):
    """The scenario's rows once for a vGPU and once for the bare GPU."""
    def add(function):
        for kind, vm in BOTH:
            suite.scenario(rows=[(f"{kind} {name}", *rest) for name, *rest in rows], vm=vm, **more)(function)
        return function
    return add


def under_test(t):
    """The device that goes or is reset; a neighbour is not."""
    return t.vm.spec.devices[0]


@contextmanager
def busy(t, device=None) -> Iterator[list["Job"]]:
    """All engines have work, of clients that hold the device open; in the end they go, whatever became of their work."""
    device = device or under_test(t)
    run = f"exec env IGT_VGPU_BDF={device.bdf} {PROGRAMS}/vgpu_share"      # a signal is the program's, no shell's
    jobs = [t.vm.spawn(f"{run} {what} 1000 {engine}") for what, engines in (("spin", SPIN), ("store", STORE)) for engine in engines]
    try:
        for job in jobs[:len(SPIN)]:
            t.check(job.wait_output("spinning", 30), f"no load: {job.command}: {job.output}")
        gets_on(t, device)
        yield jobs
    finally:
        for job in jobs:
            job.kill()
            job.wait(20)


def gets_on(t, device) -> None:
    """Those of its engines that submit go on to do so."""
    before = t.vm.stats(device.id)["submissions"]
    t.wait_until(lambda: all(t.vm.stats(device.id)["submissions"][e] > before[e] + 10 for e in STORE), f"{device.id}: no submissions", 30)


@contextmanager
def undisturbed(t, device) -> Iterator[None]:
    """All engines of that vGPU are busy throughout, and nothing tells it, or its clients, what becomes of the other one."""
    with busy(t, device) as jobs:
        t.vm.stats_reset(device.id)
        yield
        gets_on(t, device)
        for job in jobs:
            t.check(job.running, f"it ended by itself: {job.command}: {job.output}")
        for job in jobs[:len(SPIN)]:
            job.kill(signal.SIGTERM)
            done = job.wait(20)
            t.check(done.ok, done.why())
    stats = t.vm.stats(device.id)
    t.equal((t.vm.violations(device.id), stats["resets"]), ({}, {"engine": 0, "full": 0}), f"what the mediator caught of {device.id}, resets")
    t.refuse_kmsg(rf"{device.bdf}.*(GPU HANG|Resetting|hung|wedged)")


def works(t) -> None:
    """The device is bound, batches run on every engine, and the mediator, or the GPU, has nothing to say."""
    device = under_test(t)
    t.check(t.vm.i915_bound(device.bdf), "i915 does not drive the device")
    seen = len(t.vm.qemu_log())     # a batch that lost its memory when the driver went was there before
    t.run(f"IGT_VGPU_BDF={device.bdf} {PROGRAMS}/vgpu_exec --run-subtest 'stores-arrive-*,waits-end-*,the-blitter-*'", 90)
    stats = t.vm.stats(device.id)
    t.equal(t.vm.violations(device.id), {}, "what the mediator caught")
    t.equal(stats["channel"]["protocol_errors"], 0, "channels that ended in disorder")
    if not isinstance(device, Vgpu):
        t.equal(t.vm.qemu_log()[seen:], [], "what the GPU logged meanwhile")


def touched(t) -> list[int]:
    """The registers that the guest has used so far."""
    return sorted(int(offset, 0) for offset in t.vm.stats(under_test(t).id)["mmio"]["by_register"])


def state(t, vm, offsets: list[int]) -> dict[str, object]:
    """What a GPU without a driver shows: those registers, the PVINFO page, and what its GGTT entries are, of the bare GPU some."""
    entries = [(base // 4096, (base + size) // 4096) for base, size in
               ((SHARE.aperture_base, SHARE.aperture_size), (SHARE.hidden_base, SHARE.hidden_size))]
    done = vm.python(f"""
import json, mmap
enable = open("{DEVICE}/enable", "w")
print("1", file=enable, flush=True)
with open("{DEVICE}/resource0", "r+b") as file:
    bar = memoryview(mmap.mmap(file.fileno(), 0))
dwords, entries = bar.cast("I"), bar[{0x800000:#x}:].cast("Q")
shown = {{hex(o): hex(dwords[o // 4]) for o in [*{offsets}, *range(0x78000, 0x79000, 4)]}}
shown["GGTT entries that are not 0"] = sum(e != 0 for first, end in {entries} for e in entries[first:end].tolist())
print(json.dumps(shown))
print("0", file=enable, flush=True)
""", 60, check=True)
    return json.loads(done.out)


def equals_power_on(t, offsets: list[int]) -> None:
    """The GPU shows what one shows whose machine was just switched on."""
    got = state(t, t.vm, offsets)
    with t.vm.another(t.vm.spec, "fresh") as vm:
        vm.boot()
        want = state(t, vm, offsets)
    different = [f"{name}: {got[name]}, not {want[name]}" for name in want if got[name] != want[name]]
    t.log("\n".join([f"{len(want)} values compared", *different]))
    t.check(not different, f"{len(different)} values are not those of power on, the first: {'; '.join(different[:5])}")


# --- the machine restarts -------------------------------------------------------------------

@of_both(rows=[("reset", VM.reset), ("reboot", VM.reboot)], allow=[HANGS])
def a_busy_gpu_is_as_after_power_on_after(t, restart):
    """Reset by the host, reboot by the guest: registers, PVINFO and GGTT entries are new, and the next boot's driver works."""
    with busy(t):
        offsets = touched(t)
        restart(t.vm)
    equals_power_on(t, offsets)
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)


@of_both(rows=[("busy", busy), ("idle", nullcontext)], allow=[HANGS])
def a_kernel_that_follows_by_kexec_finds_a_gpu_that_works_when_the_last_one_was(t, doing):
    """No reset: the driver leaves the GPU such that nothing uses memory any more, which is another kernel's now."""
    if not t.vm.run("test -e /sys/kernel/kexec_loaded").ok:
        t.skip("the guest's kernel has no kexec (CONFIG_KEXEC_FILE)")
    with doing(t):
        t.vm.kexec()
    shown = state(t, t.vm, list(EXECLIST_STATUS))
    t.equal(shown[hex(FEATURES_ACCEPTED)], "0x0", "features that are in effect on the channel of the kernel before")
    at_work = {hex(o): shown[hex(o)] for o in EXECLIST_STATUS if int(shown[hex(o)], 0) & NOT_IDLE}
    t.equal(at_work, {}, "RING_EXECLIST_STATUS of engines that work for the kernel before")
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)


@suite.scenario(driver="any")
def a_machine_that_ran_boots_again_like_a_new_one(t):
    """QEMU has translated much of the last kernel by then, and must not look through it for each byte of the next one (add-to-qemu, 7)."""
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)
    before = t.vm.cpu_seconds()
    t.vm.reset()
    again = t.vm.cpu_seconds() - before
    with t.vm.another(t.vm.spec, "new") as vm:
        vm.boot()
        first = vm.cpu_seconds()
    t.log(f"processor time of QEMU: {again:.1f} s, of a new one {first:.1f} s")
    t.check(again < 1.7 * first, f"the boot took {again:.1f} s of processor time, that of a new machine {first:.1f} s")


# --- the function is reset ------------------------------------------------------------------

@of_both(rows=[("",)], driver="any")
def a_function_level_reset_is_a_power_on(t):
    """Through sysfs, without a driver: what the last driver left is gone."""
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)
    offsets = touched(t)
    t.ok(t.vm.unload_i915())
    t.equal(t.run(f"cat {DEVICE}/reset_method").split()[:1], ["flr"], "how the kernel resets the device")
    t.run(f"echo flr > {DEVICE}/reset_method && echo 1 > {DEVICE}/reset")
    equals_power_on(t, offsets)
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)


@of_both(rows=[("",)], allow=[HANGS, *UNTOLD])
def a_function_level_reset_under_a_busy_driver_is_over_with_the_next_bind(t):
    """Nothing tells i915 of it: its work is lost, the machine is not."""
    with busy(t):
        t.run(f"echo flr > {DEVICE}/reset_method && echo 1 > {DEVICE}/reset")
        t.run(f"echo {SHARE.bdf} > {DRIVER}/unbind", 60)
    t.run(f"echo {SHARE.bdf} > {DRIVER}/bind", 60)
    works(t)


# Its four fence registers, of which none is in use: a copy is some stores in a row, and PCI's command register says whether they go to
# the GPU.
STORES = f"""
import mmap, os
os.sched_setaffinity(0, [1])
with open("{DEVICE}/resource0", "r+b") as file:
    bar = memoryview(mmap.mmap(file.fileno(), 0))
print("storing", flush=True)
while True:
    bar[0x100000:0x100020] = bytes(32)
"""
MOVES = f"""
import os
os.sched_setaffinity(0, [0])
config = os.open("{DEVICE}/config", os.O_RDWR)
for turn in range(3000):
    os.pwrite(config, bytes([0, 0]), 4)
    os.pwrite(config, bytes([2, 0]), 4)
"""


@suite.scenario(driver="unloaded")
def what_one_cpu_stores_to_a_bar_that_another_one_moves_hits_no_other_device(t):
    """A BAR comes and goes 3000 times under a CPU that stores to it; QEMU 7.2 as it is stores to any device then (qemu/add-to-qemu)."""
    t.run(f"echo 1 > {DEVICE}/enable")
    job = t.vm.spawn(f"exec python3 -c '{STORES}'")
    try:
        t.check(job.wait_output("storing", 30), f"nothing stores: {job.output}")
        done = t.vm.python(MOVES, 90)
        t.check(done.ok, done.why())
        t.check(job.running, f"it does not store any more: {job.output}")
    finally:
        job.kill()
        job.wait(20)
    t.run(f"echo 0 > {DEVICE}/enable")
    t.ok(t.vm.modprobe_i915(SPINS_ON))
    works(t)


@suite.scenario(driver="unloaded")
def an_instruction_that_another_cpu_changed_is_executed_as_it_is(t):
    """As a kernel relies on that patches its static branches: KVM's, each time a guest of it starts. QEMU 7.2 as it is may translate the old
    instruction while another CPU stores the new one, and then keeps what it translated (qemu/add-to-qemu)."""
    done = t.vm.run("$IGT_VGPU_TOP/out/tests/scenarios/patch_code 5", 60)
    t.check(done.ok, done.why())
    t.log(done.out)
    t.check(int(done.out.split()[0]) > 100, f"hardly any changes: {done.out}")


# --- the device goes ------------------------------------------------------------------------

@of_both(rows=[("unbind", f"echo {SHARE.bdf} > {DRIVER}/unbind", f"echo {SHARE.bdf} > {DRIVER}/bind"),
               ("remove", f"echo 1 > {DEVICE}/remove", "echo 1 > /sys/bus/pci/rescan")], allow=[HANGS, RELEASE])
def clients_keep_all_engines_busy_at(t, leave, come):
    """The driver loses its device under clients that wait for their work; it gets it back while they still hold it open."""
    with busy(t):
        t.run(leave, 60)
        t.check(not t.vm.i915_bound(SHARE.bdf), "the device is still bound")
        t.run(come, 60)
        works(t)
    works(t)


def unplug_and_plug_in_again(t) -> None:
    device, seen = under_test(t), len(t.vm.qemu_log())
    if not t.vm.run("ls /sys/bus/pci/slots | grep -q .").ok:
        t.skip("the guest's kernel lets no device go (CONFIG_HOTPLUG_PCI_ACPI)")
    with busy(t):
        t.vm.qmp("device_del", id=device.id)
        t.wait_until(lambda: any(e["event"] == "DEVICE_DELETED" and e["data"].get("device") == device.id for e in t.vm.qmp_events()),
                     "the GPU does not go", 60)
        t.equal(list(t.vm.gpu_stats()["devices"]), [d.id for d in t.vm.spec.devices[1:]], "who is left on the GPU")
        t.equal(t.run(f"ls -d {DEVICE} 2>/dev/null || true"), "", "the guest's device")
    driver, *options = device.qemu_args()[1].split(",")
    t.vm.qmp("device_add", driver=driver, **{k.replace("-", "_"): int(v) if v.isdigit() else v for k, v in (o.split("=") for o in options)})
    t.expect_kmsg(r"Initialized i915 .* for " + device.bdf, 60)
    works(t)
    t.equal(t.vm.qemu_log()[seen:], [], "what the mediator logged")


@suite.scenario(vm=PC, allow=[HANGS, RELEASE], timeout=180)
def a_vgpu_is_unplugged_while_busy_and_plugged_in_again(t):
    """QEMU's device_del: the guest lets go of it, its share is free, and another one can have it. A second vGPU works on beside it."""
    with undisturbed(t, NEIGHBOUR):
        unplug_and_plug_in_again(t)


@suite.scenario(vm=BARE_PC, allow=[HANGS, RELEASE])
def the_bare_gpu_is_unplugged_while_busy_and_plugged_in_again(t):
    """The same, without a mediator."""
    unplug_and_plug_in_again(t)


# --- the device sleeps while the machine runs -----------------------------------------------

def idle(t, device: str, seconds: int) -> tuple[str, int]:
    """The runtime status after that time without work, and how many register accesses it took."""
    t.run(f"echo 0 > {DEVICE}/power/autosuspend_delay_ms && echo auto > {DEVICE}/power/control")
    t.run(f"sleep {seconds}")
    t.vm.stats_reset(device)
    t.run(f"sleep {seconds}")
    mmio = t.vm.stats(device)["mmio"]
    return t.vm.read(f"{DEVICE}/power/runtime_status").strip(), mmio["reads"] + mmio["writes"]


@suite.scenario(vm=NATIVE)
def the_bare_gpu_sleeps_when_idle_and_wakes_for_work(t):
    """Runtime suspend and resume, again and again: no access while it sleeps, and batches give what they should."""
    for _ in range(3):
        t.equal(idle(t, "pgpu0", 2), ("suspended", 0), "runtime status and register accesses of an idle GPU")
        t.equal(t.vm.read(f"{DEVICE}/power_state").strip(), "D3hot", "the device's power state")
        t.run(f"{PROGRAMS}/vgpu_exec --run-subtest engines-in-turn-see-each-others-writes")
    t.run(f"echo on > {DEVICE}/power/control")


@suite.scenario()
def a_vgpu_stays_awake(t):
    """i915 has no RC6 on a vGPU, and never suspends a GPU without: an idle one costs no trap all the same."""
    t.equal(idle(t, "vgpu0", 2), ("active", 0), "runtime status and register accesses of an idle vGPU")
    works(t)
    t.run(f"echo on > {DEVICE}/power/control")
