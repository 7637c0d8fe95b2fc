# SPDX-License-Identifier: MIT
"""Two vGPUs want the same engine: each gets what its weight says, and a spinner costs the other one no more than that.

What breaks these tests: an engine that is given away only when its owner is done with it; time that is saved up, or counted
for the wrong one; a guest that is told of it (an event, a changed image, a hang). Shares are read from the mediator's counters.
"""

import re
import signal

from igtvgpu.api import *

FIRST = Vgpu("vgpu0", "02.0", aperture_base=16 * MIB, aperture_size=64 * MIB, hidden_base=512 * MIB,
             hidden_size=256 * MIB, fences=4, weight=4)
SECOND = Vgpu("vgpu1", "03.0", aperture_base=128 * MIB, aperture_size=32 * MIB, hidden_base=1536 * MIB,
              hidden_size=128 * MIB, fences=4, weight=12)
PROGRAM = "$IGT_VGPU_TOP/out/tests/igt/vgpu_share"

suite = Suite("shares", vm=VmSpec(devices=(FIRST, SECOND)), timeout=90)


def on(device: Vgpu, what: str) -> str:
    return f"exec env IGT_VGPU_BDF={device.bdf} {PROGRAM} {what}"     # a signal is the program's, no shell's


def spinner(t, device: Vgpu) -> "Job":
    job = t.vm.spawn(on(device, "spin 50"))
    t.check(job.wait_output("spinning", 20), f"the spinner on {device.id} did not start: {job.output}")
    return job


def end(t, *jobs: "Job") -> None:
    """They spun until now, and end because they are told to."""
    for job in jobs:
        t.check(job.running, f"a spinner ended by itself: {job.output}")
        job.kill(signal.SIGTERM)
        done = job.wait(20)
        t.check(done.ok, done.why())


def batches(t, device: Vgpu, seconds: int) -> int:
    return int(re.search(r"(\d+) batches", t.run(on(device, f"store {seconds}"), 40)).group(1))


def quiet(t) -> None:
    """Neither guest did anything wrong, or was reset."""
    for device in (FIRST, SECOND):
        t.equal(t.vm.violations(device.id), {}, f"what the mediator caught of {device.id}")
        resets = t.vm.stats(device.id)["resets"]
        t.equal(resets["engine"] + resets["full"], 0, f"resets of {device.id}")


def reset_counters(t) -> None:
    for device in (FIRST, SECOND):
        t.vm.stats_reset(device.id)


@suite.scenario()
def of_two_spinners_each_has_its_share(t):
    """Weights 4 and 12: a quarter and three quarters of the render engine's time, within a twentieth of it."""
    jobs = [spinner(t, device) for device in (FIRST, SECOND)]
    reset_counters(t)
    t.run("sleep 4")
    stats = {device.id: t.vm.stats(device.id) for device in (FIRST, SECOND)}
    end(t, *jobs)
    time = {name: s["engine_time_ns"]["rcs0"] for name, s in stats.items()}
    total = sum(time.values())
    t.log(f"engine time {time}, preempted { {n: s['preempted']['rcs0'] for n, s in stats.items()} }")
    t.check(abs(time["vgpu0"] / total - 0.25) < 0.05, f"vgpu0 of weight 4 (of 16) had {time['vgpu0'] / total:.3f} of the time")
    t.check(stats["vgpu0"]["preempted"]["rcs0"] >= 100, "vgpu0 was preempted less than 100 times in 4 s")
    quiet(t)


@suite.scenario()
def a_spinner_costs_the_other_one_no_more_than_its_share(t):
    """The one of the smaller weight gets done at least that share of what it gets done alone; its guest notices nothing."""
    alone = batches(t, FIRST, 3)
    job = spinner(t, SECOND)
    reset_counters(t)
    beside = batches(t, FIRST, 3)
    time = {device.id: t.vm.stats(device.id)["engine_time_ns"]["rcs0"] for device in (FIRST, SECOND)}
    end(t, job)
    t.log(f"{alone} batches in 3 s alone, {beside} beside a spinner of three times the weight; engine time {time}")
    t.check(beside >= alone / 4, f"{beside} batches beside a spinner, {alone} alone: less than a quarter")
    quiet(t)


@suite.scenario(timeout=120)
def a_spinner_stays_and_goes_on_while_the_other_vgpu_leaves_and_comes_back(t):
    """Unbound, bound and used again and again beside it: the spinner ends when it is told to, and not before."""
    job = spinner(t, FIRST)
    for _ in range(3):
        t.run(f"echo {SECOND.bdf} > /sys/bus/pci/drivers/i915/unbind")
        t.run(f"echo {SECOND.bdf} > /sys/bus/pci/drivers/i915/bind", 30)
        batches(t, SECOND, 1)
    end(t, job)
    t.equal(t.vm.violations(FIRST.id), {}, "what the mediator caught of vgpu0")


# Type, platform and aperture of the GPU; MiB of the aperture and of the hidden part (gvt/vgpu.c, intel_vgpu_configs[]). Four fences each.
TYPES = [("GVTg_V5_1", "skl", "1G", 512, 2048), ("GVTg_V5_2", "skl", "512M", 256, 1024), ("GVTg_V5_4", "skl", "", 128, 512),
         ("GVTg_V5_8", "skl", "", 64, 384), ("GVTg_V4_1", "bdw", "1G", 512, 2048), ("GVTg_V4_2", "bdw", "512M", 256, 1024),
         ("GVTg_V4_4", "bdw", "", 128, 512), ("GVTg_V4_8", "bdw", "", 64, 384)]


def a_type_works(t, aperture: int, hidden: int) -> None:
    """What the type grants; a guest with it balloons the rest, and executes."""
    page = t.run("$IGT_VGPU_TOP/out/tests/igt/vgpu_detect && $IGT_VGPU_TOP/out/tests/igt/vgpu_balloon "
                 "--run-subtest the-available-aperture-is-what-was-granted && $IGT_VGPU_TOP/out/tests/igt/vgpu_exec", 60)
    t.log(page)
    stats = t.vm.stats("vgpu0")
    part = stats["partition"]
    t.equal((part["aperture_size"], part["hidden_size"], stats["fences"]), (aperture * MIB, hidden * MIB, 4), "the partition")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


for type_, platform, size, *mib in TYPES:
    suite.scenario(rows=[(type_, *mib)], vm=VmSpec(gpus=(Gpu(platform=platform, aperture=size),), devices=(Vgpu("vgpu0", type=type_),)))(a_type_works)
