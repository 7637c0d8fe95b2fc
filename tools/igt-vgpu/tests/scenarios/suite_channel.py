# SPDX-License-Identifier: MIT
"""The channel between guest and mediator: what goes through it, that nothing depends on it, and that no host can misuse it.

What breaks these tests: a request that is sent where none was negotiated, a fence or a context that the mediator sees
otherwise than the guest, a guest that waits for a mediator that does not answer.
"""

import re
from collections import Counter
from dataclasses import replace

from igtvgpu.api import *
from igtvgpu.traps import REQUESTS, TIMED, fence_traps

SHARE = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=64 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB, fences=4)
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
OLD = VmSpec(devices=(replace(SHARE, abi="1.0"),), kernel="series")
NEW = VmSpec(devices=(replace(SHARE, abi="1.1"),), kernel="series")
STOCK = VmSpec(devices=(replace(SHARE, abi="1.0"),), kernel="stock")

suite = Suite("channel", vm=NEW, timeout=120)


def work(vm) -> str:
    """Run the fixed workload; its report."""
    done = vm.run(f"{PROGRAMS}/vgpu_differential", 90)
    if not done.ok:
        raise VmError(done.why())
    return done.out


def settle(vm) -> None:
    """Until the driver has done what it puts off: retired requests, destroyed contexts and page tables. Else they are counted by chance."""
    vm.run("echo 0x25c > $(ls /sys/kernel/debug/dri/*/i915_gem_drop_caches | head -n 1) && sleep 1", 30, check=True)


def count_traps(vm) -> tuple[Counter, dict]:
    """The fixed workload's accesses by register, and the rest of the mediator's counters."""
    settle(vm)
    vm.stats_reset("vgpu0")
    work(vm)
    settle(vm)
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


# --- what is sent ---------------------------------------------------------------------------

OFF = r"vGPU: the channel is off, .* going on with trapped accesses"
FENCES = "range(0x100000, 0x100000 + 8 * 4, 8)"


def channel(t) -> dict[str, int]:
    return t.vm.stats("vgpu0").get("channel", {})


@suite.scenario(vm=OLD)
def without_it_nothing_is_sent(t):
    """PVINFO 1.0: driver load, contexts, fences; no request, no start, no access beyond the page's old fields."""
    t.vm.stats_reset("vgpu0")
    t.vm.reload_i915()
    work(t.vm)
    t.equal({k: v for k, v in channel(t).items() if v}, {}, "the channel's counters")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


@suite.scenario(vm=NEW)
def contexts_and_fences_are_told_and_not_trapped(t):
    """Each kind of request arrives, none fails, and no fence register is accessed."""
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_bench contexts 20", 60)
    t.run(f"{PROGRAMS}/vgpu_bench fences 40", 60)
    sent = channel(t)
    for kind in REQUESTS:
        t.check(sent[kind] >= 20, f"{kind}: {sent[kind]} requests, of at least 20")
    t.equal((sent["unknown"], sent["protocol_errors"]), (0, 0), "requests that the mediator did not like")
    t.equal(fence_traps(t.vm.stats("vgpu0")), 0, "traps on fence registers")
    t.check(sent["doorbells"] <= sent["fence_set"] + 2, f"{sent['doorbells']} doorbells for {sent['fence_set']} fences")
    t.equal(t.vm.violations("vgpu0"), {}, "what the mediator caught")


@suite.scenario(vm=NEW)
def every_context_that_was_told_of_is_taken_back(t):
    """CREATE and DESTROY, PIN and UNPIN are balanced once the driver is idle. (At unload the reset of the GPU ends the channel.)"""
    t.run(f"{PROGRAMS}/vgpu_bench contexts 1", 60)
    t.run("sleep 1")
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_bench contexts 20", 60)
    t.run("sleep 1")
    sent = channel(t)
    t.check(sent["create"] >= 20, f"only {sent['create']} contexts were told of")
    t.equal(sent["destroy"], sent["create"], "DESTROY requests, of CREATE requests")
    t.equal(sent["unpin"], sent["pin"], "UNPIN requests, of PIN requests")
    t.equal(sent["protocol_errors"], 0, "requests that failed")


@suite.scenario(vm=NEW)
def no_fence_is_left_in_the_host_after_unload(t):
    """The registers, read by nobody's driver."""
    work(t.vm)
    t.vm.unload_i915()
    done = t.vm.python(f"""
import mmap, struct
with open('/sys/bus/pci/devices/0000:00:02.0/resource0', 'r+b') as f:
    bar = mmap.mmap(f.fileno(), 0x200000)
    print([hex(struct.unpack_from('<Q', bar, o)[0]) for o in {FENCES}])
""")
    t.vm.modprobe_i915()
    t.check(done.ok, done.why())
    t.equal(done.out.strip(), str(["0x0"] * 4), "fence registers after unload")


@suite.scenario(vm=NEW)
def a_late_close_of_the_old_driver_leaves_the_channel_of_the_new_one_alone(t):
    """A client holds the device open over unbind and bind, and lets go of it then."""
    driver, bdf = "/sys/bus/pci/drivers/i915", SHARE.bdf
    t.run(f"bash -c 'exec 3<>/dev/dri/card0; echo {bdf} > {driver}/unbind; echo {bdf} > {driver}/bind; exec 3>&-; sleep 1'", 60)
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_bench contexts 20", 60)
    sent = channel(t)
    t.vm.reload_i915()
    t.check(sent["pin"] >= 20, f"only {sent['pin']} contexts were told of: the channel is gone")


@suite.scenario(vm=NEW)
def it_is_started_again_after_a_full_reset(t):
    """A reset of all engines ends it; contexts and fences are told again afterwards."""
    t.allow(r"GPU HANG|GPU hang|Resetting|error state saved|hung", "the test makes the GPU hang")
    t.run(f"{PROGRAMS}/vgpu_hang --run-subtest a-full-reset-ends-a-spinning-batch", 60)
    t.vm.stats_reset("vgpu0")
    t.run(f"{PROGRAMS}/vgpu_bench contexts 20", 60)
    t.run(f"{PROGRAMS}/vgpu_bench fences 40", 60)
    t.check(channel(t)["pin"] >= 20, f"after the reset only {channel(t)['pin']} contexts were told of")
    t.equal(fence_traps(t.vm.stats("vgpu0")), 0, "traps on fence registers after the reset")
    t.refuse_kmsg(OFF)


@suite.scenario(vm=NEW)
def a_switch_among_known_contexts_copies_no_state_in(t):
    """64 contexts in turn on an engine that does not fall asleep: a context's state is copied in once, when it was pinned."""
    copied = []
    for switches in (64, 576):
        t.vm.stats_reset("vgpu0")
        t.run(f"{PROGRAMS}/vgpu_bench switches {switches}", 60)
        copied.append(t.vm.stats("vgpu0")["shadow"]["bytes_in"])
    t.check(copied[1] - copied[0] < 512 * 4096 / 10, f"{copied[1] - copied[0]} bytes more were copied in for 512 more switches")


# --- a mediator that is slow, broken or hostile -----------------------------------------------

# name, fault, must the guest turn the channel off?
FAULTS = [("is_slow", "delay-ms=20", None), ("answers_late", "delay=3", None), ("drops_every_request", "drop=1", True),
          ("drops_every_third_request", "drop=3", None), ("garbles_lengths", "corrupt=length", True),
          ("garbles_numbers", "corrupt=seqno", True), ("garbles_types", "corrupt=type", True),
          ("has_indices_that_go_back", "lie=backwards", True), ("has_indices_beyond_the_ring", "lie=beyond", True),
          ("vanishes", "vanish", None)]


@suite.scenario(rows=FAULTS, timeout=120, keep_vm=False, vm=replace(NEW, cmdline="igt_vgpu.fault=1"))
def nothing_breaks_if_the_mediator(t, what, must_go_off):
    """The fault sets in under a driver that works, while contexts are busy; everything goes on, by traps if need be."""
    t.allow(OFF, "what a guest does about such a mediator")
    job = t.vm.spawn(f"{PROGRAMS}/vgpu_exec --run-subtest 'two-contexts-in-turn-*,four-clients-*'")
    t.vm.channel_fault("vgpu0", what)
    want = work(t.vm)
    t.run(f"{PROGRAMS}/vgpu_fence --run-subtest three-times-as-many-tiled-maps-as-fences-all-work", 60)
    t.run(f"{PROGRAMS}/vgpu_context --run-subtest contexts-in-turn-keep-their-registers-on-rcs0", 60)
    done = job.wait(60)
    t.check(done.ok, done.why())
    lines = [line for line in t.kmsg() if re.search(OFF, line)]
    t.check(len(lines) <= 1, f"more than one line about it: {lines}")
    if must_go_off:
        t.check(lines, "the guest did not turn the channel off")
    # And back: a driver that is loaded again starts with a clean slate.
    t.vm.channel_fault("vgpu0", "")
    t.vm.reload_i915()
    t.vm.stats_reset("vgpu0")
    t.equal(work(t.vm), want, "the report of the same workload without the fault (got) and with it (want)")
    t.check(channel(t)["pin"] and not channel(t)["protocol_errors"], f"the channel is not on again: {channel(t)}")


@suite.scenario(rows=[("everything", "refuse"), ("contexts", "refuse=1"), ("fences", "refuse=2")], vm=NEW)
def a_mediator_may_refuse(t, what):
    """Of what it offers: what it does not accept is not used."""
    t.allow(OFF, "the refusal")
    t.vm.channel_fault("vgpu0", what)
    t.vm.reload_i915()
    t.vm.stats_reset("vgpu0")
    work(t.vm)
    sent = channel(t)
    refused = {"refuse": REQUESTS, "refuse=1": REQUESTS[:4], "refuse=2": REQUESTS[4:]}[what]
    t.vm.channel_fault("vgpu0", "")
    t.vm.reload_i915()
    t.equal([sent[kind] for kind in refused], [0] * len(refused), f"requests of what was refused ({', '.join(refused)})")
    t.equal([bool(sent[kind]) for kind in REQUESTS if kind not in refused],
            [True] * (len(REQUESTS) - len(refused)), "whether the others were used")
