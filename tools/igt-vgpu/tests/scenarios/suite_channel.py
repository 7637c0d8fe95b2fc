# SPDX-License-Identifier: MIT
"""The channel between guest and mediator: what goes through it, that nothing depends on it, and that no host can misuse it.

What breaks these tests: a request that is sent where none was negotiated, a fence or a context that the mediator sees
otherwise than the guest, a guest that waits for a mediator that does not answer.
"""

from collections import Counter
from dataclasses import replace
import re

from igtvgpu.api import *

SHARE = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=64 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB, fences=4)
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
OLD = VmSpec(devices=(replace(SHARE, abi="1.0"),), kernel="series")
NEW = VmSpec(devices=(replace(SHARE, abi="1.1"),), kernel="series")
STOCK = VmSpec(devices=(replace(SHARE, abi="1.0"),), kernel="stock")

# How often these are accessed depends on when an interrupt comes, how many requests go into one submission, and whether an
# engine was found awake, and on the clock that is asked for: that differs from run to run, of the same driver, too.
TIMED = re.compile(r"RING_IMR|RING_ELSP|RING_CONTEXT_STATUS_PTR|GEN8_TLB_INVALIDATE|GEN8_MASTER_IRQ|GEN8_GT_I|GEN6_RP|FORCEWAKE")

suite = Suite("channel", vm=NEW, timeout=120)


def work(vm) -> str:
    """Run the fixed workload; its report."""
    done = vm.run(f"{PROGRAMS}/vgpu_differential", 90)
    if not done.ok:
        raise VmError(done.why())
    return done.out


def count_traps(vm) -> tuple[Counter, dict]:
    """The fixed workload's accesses by register, and the rest of the mediator's counters."""
    vm.run("sleep 1", 10, check=True)
    vm.stats_reset("vgpu0")
    work(vm)
    vm.run("sleep 1", 10, check=True)
    stats = vm.stats("vgpu0")
    return Counter({f"{row['name']} {offset} {how}": row[how] for offset, row in stats["mmio"]["by_register"].items()
                    for how in "rw"}), stats


@suite.scenario(vm=OLD)
def without_it_the_guest_traps_as_the_stock_driver_does(t):
    """PVINFO 1.0: register by register, GGTT entries, PVINFO and aperture accesses of a fixed workload."""
    ours, our_rest = count_traps(t.vm)
    with t.vm.another(STOCK, "stock") as vm:
        vm.boot()
        vm.modprobe_i915()
        stock, stock_rest = count_traps(vm)
    for group in ("ggtt", "pvinfo", "aperture", "violations"):
        t.equal(our_rest[group], stock_rest[group], f"{group} accesses")
    different = {name: (ours[name], stock[name]) for name in ours | stock
                 if ours[name] != stock[name] and not TIMED.search(name)}
    t.equal(different, {}, "registers with another count (ours, stock)")


@suite.scenario(vm=NEW)
def a_workload_leaves_the_same_behind_with_and_without_it(t):
    """Memory, fences and GGTT entries, PVINFO 1.1 against 1.0."""
    new = work(t.vm)
    with t.vm.another(OLD, "1.0") as vm:
        vm.boot()
        vm.modprobe_i915()
        t.equal(new, work(vm), "the report with the channel (got) and without it (want)")
    t.check("fence 3:" in new, f"the report holds no fences: {new}")
