# SPDX-License-Identifier: MIT
"""Memory that is mirrored in a VM: after each step of the svm programs the GPU's page tables hold no page that the process has not.

The programs' own view (does the GPU see what the CPU wrote?) is suite_igt.py's; here is the host's: svm_truth.py says how. What breaks
these tests: a stale entry, an entry that allows more than the process may, a page that is mapped as another size than it is.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

from igtvgpu.api import *

sys.path.insert(0, str(Path(__file__).parent))
import svm_truth   # pylint: disable=wrong-import-position

PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
USUAL = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=128 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB, fences=8)
VM = VmSpec(devices=(USUAL,))
OLD = VmSpec(devices=(replace(USUAL, abi="1.0"),))
HANG = [Allow(r"GPU HANG|GPU hang|Resetting|error state saved|context .* hung", "a batch that does not end is banned")]

suite = Suite("svm", vm=VM, timeout=240, allow=HANG)

# name, program, subtests, points of comparison at least
DATA = ("the data paths", "vgpu_svm", "*,!*-ranges-in-a-vm", 25)
LIFE = ("the life of memory", "vgpu_svm_life", "*", 40)
MANY = ("ten thousand ranges", "vgpu_svm", "ten-thousand-ranges-in-a-vm", 4)


# khugepaged looks through all of memory, twice: the first time it may only note that there is a process more.
KHUGEPAGED = "/sys/kernel/mm/transparent_hugepage/khugepaged"
LOOKS = f"""cd {KHUGEPAGED} && n=$(cat full_scans) && echo 10 > scan_sleep_millisecs || exit
for i in $(seq 500); do [ $(cat full_scans) -ge $((n + 2)) ] && break; sleep 0.01; done
echo 10000 > scan_sleep_millisecs; [ $(cat full_scans) -ge $((n + 2)) ]"""


def truth(t, program: str, subtests: str, points: int, device: str = "vgpu0", env: str = "", meanwhile: str = "true") -> None:
    seen = svm_truth.follow(t, f"{env} {PROGRAMS}/{program} --run-subtest '{subtests}'", 200, device, meanwhile)
    t.check(seen >= points, f"only {seen} points of comparison, of at least {points}")


@suite.scenario(rows=[DATA, LIFE, MANY])
def no_entry_is_stale_in(t, program, subtests, points):
    """Each entry of the GPU's tables is a page that the process has at that address, and allows no more."""
    truth(t, program, subtests, points)
    t.equal(t.vm.violations("vgpu0"), {}, f"what the mediator caught during {program}")


@suite.scenario(rows=[("after a fork", "after-fork-huge-pages-*", 3), ("after a split", "huge-pages-are-split-*", 5)])
def khugepaged_takes_no_entry_of(t, subtests, points):
    """What it could join to a huge page it would take from the GPU for that: it is told to leave this memory, which the tests count."""
    truth(t, "vgpu_svm_life", subtests, points, meanwhile=LOOKS)


@suite.scenario(rows=[DATA, LIFE], vm=OLD)
def no_entry_is_stale_without_the_channel_in(t, program, subtests, points):
    """The same with PVINFO 1.0."""
    truth(t, program, subtests, points)


@suite.scenario(rows=[DATA, LIFE], vm=NATIVE)
def no_entry_is_stale_on_bare_metal_in(t, program, subtests, points):
    """The same without a mediator."""
    truth(t, program, subtests, points, "pgpu0")


@suite.scenario(vm=TWO_VGPUS)
def two_vgpus_mirror_at_the_same_time(t):
    """Ranges belong to a device's VM: the other device's page tables and invalidations are its own."""
    # Without huge pages of hugetlbfs: there are not enough for two programs.
    command = f"{PROGRAMS}/vgpu_svm --run-subtest 'cpu-and-gpu-*,!*hugetlb*,two-vms-*'"
    jobs = [t.vm.spawn(f"IGT_VGPU_BDF={device.bdf} {command}") for device in TWO_VGPUS.devices]
    for job in jobs:
        done = job.wait(120)
        t.log(f"$ {done.command}\n{done.out}")
        t.check(done.ok, done.why())
    for device in TWO_VGPUS.devices:
        truth(t, "vgpu_svm", "cpu-and-gpu-*", 14, device.id, f"IGT_VGPU_BDF={device.bdf}")
        t.equal(t.vm.violations(device.id), {}, f"what the mediator caught of {device.id}")


@suite.scenario()
def the_example_prints_what_its_page_says(t):
    """A linked list that the GPU walks and changes: docs/svm.rst shows what comes out."""
    page = (Path(__file__).parents[2] / "docs/svm.rst").read_text()
    want = re.search(r"^\.\. the output of svm_list.*\n\n::\n\n((?:  .*\n)+)", page, re.M)
    t.check(want, "docs/svm.rst shows no output of svm_list")
    got = t.run("$IGT_VGPU_TOP/out/examples/svm_list")
    t.equal(got.splitlines(), [line[2:] for line in want[1].splitlines()], "what svm_list prints, and its page")
