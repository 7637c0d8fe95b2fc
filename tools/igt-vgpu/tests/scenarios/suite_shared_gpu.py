# SPDX-License-Identifier: MIT
"""Two VMs on one GPU: igt-vgpu-server has it, each VM's QEMU attaches to a vGPU by the vfio-user protocol.

What breaks these tests: memory of one VM reached for another, an interrupt that goes to the wrong one, time that is counted for the
wrong one, and anything of a VM that is left on the GPU when the VM is gone. Shares are read from the server's counters.
"""

import contextlib
import signal
from dataclasses import replace

from igtvgpu.api import *

FIRST, SECOND = Vgpu("vgpu0", weight=4), Vgpu("vgpu1", weight=12)
GUEST = VmSpec(memory="1G")
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
SPINNER = f"exec {PROGRAMS}/vgpu_share spin 120"     # a signal is the program's, no shell's

suite = Suite("shared-gpu", vm=replace(NO_GPU, memory="512M"), timeout=240)


@contextlib.contextmanager
def server(t):
    """The one GPU with its two vGPUs; it must outlive its VMs."""
    with Server((FIRST, SECOND), t.vm.log_path.with_suffix(".server.log")) as running:
        yield running
        t.check(running.running(), f"the server ended: {running.said()[-1]}")
        for name, stats in running.stats().items():
            t.equal({k: n for k, n in stats["violations"].items() if n}, {}, f"what the mediator caught of {name}")
        t.log("\n".join(running.said()))


def boot(t, running, name):
    """A VM with that vGPU, its driver loaded."""
    vm = t.vm.another(GUEST, name, running.host(name))
    vm.boot()
    done = vm.modprobe_i915(timeout=120)
    t.check(done.ok and vm.i915_bound(), f"i915 has no device on {name}: {done.why()}")
    return vm


def run(t, vm, command, timeout=120):
    done = vm.run(command, timeout)
    t.log(f"{vm.name}$ {command}\n{done.out}")
    t.check(done.ok, f"{vm.name}: {done.why()}")


def spin(t, vm):
    job = vm.spawn(SPINNER)
    t.check(job.wait_output("spinning", 60), f"the spinner on {vm.name} did not start: {job.output}")
    return job


def end(t, job):
    t.check(job.running, f"a spinner ended by itself: {job.output}")
    job.kill(signal.SIGTERM)
    done = job.wait(60)
    t.check(done.ok, done.why())


def render_time(running):
    return {name: stats["engine_time_ns"]["rcs0"] for name, stats in running.stats().items()}


@suite.scenario(driver="any")
def two_vms_execute_at_once_and_share_the_engine_by_weight(t):
    """All of vgpu_exec on both; of two spinners, weights 4 and 12, each has its share of the time, within a twentieth."""
    with server(t) as running, boot(t, running, "vgpu0") as first, boot(t, running, "vgpu1") as second:
        jobs = [vm.spawn(f"{PROGRAMS}/vgpu_exec") for vm in (first, second)]
        for job in jobs:
            done = job.wait(180)
            t.log(done.out)
            t.check(done.ok, done.why())
        spinners = [spin(t, vm) for vm in (first, second)]
        before = render_time(running)
        t.run("sleep 5")
        after = render_time(running)
        for job in spinners:
            end(t, job)
        time = {name: after[name] - before[name] for name in after}
        share = time["vgpu0"] / sum(time.values())
        t.log(f"engine time {time}: vgpu0 had {share:.3f}")
        t.check(abs(share - 0.25) < 0.05, f"vgpu0 of weight 4 (of 16) had {share:.3f} of the time")


@suite.scenario(driver="any")
def a_vm_that_is_killed_leaves_the_other_unharmed_and_its_vgpu_to_the_next(t):
    """Killed while it keeps the engine busy: from then on the other has all of it, and a new VM finds the vGPU as new."""
    with server(t) as running, boot(t, running, "vgpu1") as stays:
        goes = boot(t, running, "vgpu0")
        spin(t, goes)
        spinner = spin(t, stays)
        goes.kill()
        t.run("for i in 1 2 3; do sleep 1; done")
        t.check(not running.stats()["vgpu0"]["in_use"], "3 s after its VM was killed the vGPU is still in use")
        before = render_time(running)
        t.run("sleep 2")
        end(t, spinner)     # time on an engine that nobody else wants is counted when its work ends
        after = render_time(running)
        t.equal(after["vgpu0"] - before["vgpu0"], 0, "time that the vGPU of the dead VM had")
        t.check(after["vgpu1"] - before["vgpu1"] > 1e9, f"the other one had {after['vgpu1'] - before['vgpu1']} ns of 2 s")
        run(t, stays, f"{PROGRAMS}/vgpu_exec --run-subtest stores-arrive-*")
        with boot(t, running, "vgpu0") as comes:
            run(t, comes, f"{PROGRAMS}/vgpu_exec --run-subtest stores-arrive-*")
        t.check(stays.i915_bound(), "the VM that stayed lost its device")
