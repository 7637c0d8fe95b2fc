# SPDX-License-Identifier: MIT
"""Tests that fail on purpose, in a real guest without a GPU. test_vm_real.py knows how each must end."""

import os
import signal
import time
from dataclasses import replace

from igtvgpu.api import *   # noqa: F403  pylint: disable=wildcard-import,unused-wildcard-import

suite = Suite("deliberate", vm=NO_GPU, timeout=10)

# Each failure is followed by a test that must pass: the broken guest was replaced, or is still good.
suite.stock("fails", "echo 'this went wrong'; exit 3")
suite.stock("after-a-failure", "true")
suite.stock("hangs", "sleep 1000", timeout=2)
suite.stock("after-a-hang", "true")
suite.stock("is-killed", "kill -SEGV $$")
suite.kselftest("/bin/sh", name="bad-ktap", args="-c 'printf \"KTAP version 1\\n1..2\\nok 1 one\\n\"'")


@suite.scenario()
def skips_without_a_reason(t):
    t.skip("")


@suite.scenario()
def oopses(t):
    """The line of an oops (nothing in this kernel oopses on demand); the guest must not be used again."""
    t.vm.run("echo '<1>BUG: kernel NULL pointer dereference, address: 0000000000000008' > /dev/kmsg", 5)


suite.stock("after-an-oops", "true")


@suite.scenario()
def panics(t):
    t.vm.run("echo c > /proc/sysrq-trigger", 5)


suite.stock("after-a-panic", "true")


@suite.scenario()
def qemu_crashes(t):
    os.kill(t.vm._process.pid, signal.SIGSEGV)     # pylint: disable=protected-access
    t.vm.run("sleep 5", 8)


suite.stock("after-a-crash", "true")


@suite.scenario(timeout=5)
def the_guest_stops(t):
    """A guest whose CPUs stand still answers nothing."""
    t.vm.qmp("stop")
    t.vm.run("true", 3)


suite.stock("after-a-stop", "true")


@suite.scenario(timeout=100)
def boots_again_amid_output(t):
    """What a reset cuts off of a command's output does not take the next boot's first words."""
    for _ in range(3):
        job = t.vm.spawn("exec cat /dev/zero")
        time.sleep(0.5)
        t.vm.reset()
        t.check(not job.running, "a command of the guest before goes on")


@suite.scenario(timeout=30)
def does_not_boot_again(t):
    """A machine that is reset while its CPUs stand still."""
    t.vm.qmp("stop")
    t.vm.spec = replace(t.vm.spec, boot_timeout=2)      # of this boot, not of the first one
    t.vm.reset()


@suite.scenario()
def powers_itself_off(t):
    t.vm.run("echo o > /proc/sysrq-trigger; sleep 5", 8)


suite.stock("after-a-power-off", "true")
suite.stock("the-host-is-read-only", "touch /usr/igt-vgpu-was-here $IGT_VGPU_TOP/igt-vgpu-was-here", status=1)
suite.stock("no-process-outlives-its-test", "sleep 12345 & exec true")
suite.stock("as-the-next-one-sees", "pgrep -f 'sleep 1234[5]'", status=1)
