# SPDX-License-Identifier: MIT
"""The manual of suites in code: one example of each kind that runs on any guest, GPU or not.

Copy what you need into tools/igt-vgpu/tests/<folder>/suite.py. The runner's own tests run this file:
    python3 -m igtvgpu run --suite-dir tools/igt-vgpu/runner/igtvgpu/template.py
"""

from igtvgpu.api import *   # noqa: F403  pylint: disable=wildcard-import,unused-wildcard-import

suite = Suite("template", vm=NO_GPU, timeout=30)

# A program of the host, unmodified: how it must end, and what it must print.
suite.stock("uname", "uname -s", status=0, output=r"^Linux$")

# A program that prints KTAP; each of its lines is a test. (Relative names mean out/tests/<folder>/.)
suite.kselftest("/bin/sh", args=r"""-c 'printf "KTAP version 1\n1..2\nok 1 one\nok 2 two # SKIP no such hardware\n"'""",
                name="ktap")

# Known not to be possible: say why.
suite.stock("example-of-a-skip", "true", skip="shows what a skip looks like")


@suite.scenario()
def the_guest_is_one_of_ours(t):
    """A scenario talks to guest and QEMU in turns; its name is a sentence."""
    t.equal(t.run("hostname").strip(), "vgpu-guest", "host name")
    t.equal(t.vm.qmp("query-status")["status"], "running", "QEMU's status")


@suite.scenario(rows=[("small", 3), ("large number", 3000)])
def output_arrives_whole(t, lines):
    """One function, one test per row: template/output_arrives_whole/small and .../large-number."""
    t.equal(len(t.run(f"seq {lines}").splitlines()), lines, "lines")


@suite.scenario()
def log_lines_can_be_awaited(t):
    """Commands run in the background while the host does something else."""
    job = t.vm.spawn("sleep 0.3; echo '<6>template: done' > /dev/kmsg; echo finished")
    t.expect_kmsg(r"template: done", timeout=10)
    t.check(job.wait(10).out.strip() == "finished", "the background command did not end well")


@suite.scenario(allow=[Allow(r"template", "provoked below, to show allow=")])
def a_splat_on_purpose(t):
    """A test that provokes a kernel splat names it, with the reason."""
    t.run("echo '<3>WARNING: CPU: 0 PID: 1 at template' > /dev/kmsg")
