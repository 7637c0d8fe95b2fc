# SPDX-License-Identifier: MIT
"""Each access of a guest to BAR 0 while it does a fixed sequence of things, in order; and what two such traces differ in.

The guest has one CPU that counts its instructions (VmSpec.count_instructions), so that what depends on nothing but the driver comes
in the same order each time. What depends on when an interrupt comes, and on when the driver finds that the GPU is idle, is named by rows
of native_differences.py; all other accesses must be the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from igtvgpu.api import *
from igtvgpu import paths

SPEC = VmSpec(gpus=(Gpu(trace=True, engine_delay=200_000),), devices=(NativeGpu(),), smp=1, count_instructions=True)
PROGRAMS = "$IGT_VGPU_TOP/out/tests/igt"
POWER = "/sys/bus/pci/devices/0000:00:02.0/power"
FORCEWAKE = "/sys/kernel/debug/dri/0000:00:02.0/i915_forcewake_user"
# This guest's clock leaps while its CPU waits: a heartbeat, and the sleep of an idle GPU, would come at any time.
PROBE = (f"modprobe -d {paths.GUEST_MODULES} i915 && echo on >{POWER}/control && "
         "for f in /sys/class/drm/card*/engine/*/heartbeat_interval_ms; do echo 86400000 >$f; done")
WORK = (*((engine, f"{PROGRAMS}/vgpu_cost {engine} 10") for engine in ("rcs0", "bcs0", "vcs0", "vecs0")),
        ("bind", f"{PROGRAMS}/vgpu_cost bind 10"), ("fences", f"{PROGRAMS}/vgpu_cost fence 70"),
        ("contexts", f"{PROGRAMS}/vgpu_cost context 10"))
SLEEP = f"echo auto >{POWER}/control; until [ $(cat {POWER}/runtime_status) = suspended ]; do sleep 1; done"
WAKE = f"echo on >{POWER}/control; until [ $(cat {POWER}/runtime_status) = active ]; do sleep 1; done"
UNLOAD = f"modprobe -d {paths.GUEST_MODULES} -r i915"
GGTT = 0x800000
PLACED = (range(GGTT, 2 * GGTT), range(0x100000, 0x100100))     # entries of the GGTT, fences
ORDERED = ("sleep", "wake", "unload")       # nothing happens there that has to do with batches
PTE_FLAGS = 0xfff       # the rest is where a page happens to lie


@dataclass(frozen=True)
class Access:
    """One access; `name` is the register's, with "read" or "write" before it."""

    name: str
    offset: int
    size: int
    value: int

    @property
    def writes(self) -> bool:
        return self.name.startswith("write")

    def __str__(self) -> str:
        return f"{self.name} ({self.offset:#x}, {self.size} bytes)" + (f" = {self.value:#x}" if self.writes else "")


@dataclass(frozen=True)
class Timed:
    """Registers whose name matches: how often, when and with what they are accessed differs from run to run of one driver, because of `reason`.
    In the phases that match `phase` only."""

    register: str
    reason: str
    phase: str = ".*"

    def covers(self, phase: str, access: Access) -> bool:
        return bool(re.fullmatch(self.phase, phase) and re.fullmatch(self.register, access.name.partition(" ")[2]))


Traces = dict[str, list[Access]]


def parse(text: str) -> list[Access]:
    """The accesses to BAR 0 of a timeline; ValueError if it has lost some."""
    trace = json.loads(text)
    if trace["otherData"]["dropped"]:
        raise ValueError(f"the timeline has lost {trace['otherData']['dropped']} events")
    accesses = []
    for event in trace["traceEvents"]:
        what = event.get("args", {})
        if event.get("cat") == "trap" and what["bar"] == "mmio":
            offset, value = int(what["offset"], 16), int(what["value"], 16)
            accesses.append(Access(event["name"], offset, what["size"], value & PTE_FLAGS if offset >= GGTT else value))
    return accesses


def capture(vm) -> Traces:
    """Load i915, use it, unload it; what it accessed in each phase. A guest that has not loaded it yet."""
    path = Path(vm.log_path).with_suffix(".trace.json")
    traces: Traces = {}
    seen = 0

    def phase(name: str, command: str) -> None:
        nonlocal seen
        vm.run(command, 240, check=True)
        vm.run("sleep 2", 60, check=True)       # what the driver does a moment later is part of it
        vm.trace_dump(path)
        accesses = parse(path.read_text())
        traces[name], seen = accesses[seen:], len(accesses)
    phase("probe", PROBE)
    awake = vm.spawn(f"exec sleep infinity <{FORCEWAKE}")
    for name, command in WORK:
        phase(name, command)
    awake.kill()
    awake.wait(30)
    phase("sleep", SLEEP)
    phase("wake", WAKE)
    phase("unload", UNLOAD)
    path.unlink()
    return traces


def _key(access: Access) -> tuple[str, int, int]:
    """What is one register: which entry of the GGTT an object gets, or which fence, depends on who has left one by then."""
    return access.name, -1 if any(access.offset in r for r in PLACED) else access.offset, access.size


def _writes(trace: list[Access]) -> dict[tuple[str, int, int], list[int]]:
    """By register the values in their order; of what has no fixed place, without an order."""
    values: dict[tuple[str, int, int], list[int]] = {}
    for a in trace:
        if a.writes:
            values.setdefault(_key(a), []).append(a.value)
    return {key: sorted(v) if key[1] < 0 else v for key, v in values.items()}


def _differences(stock: dict, ours: dict, phase: str) -> list[str]:
    return [f"{phase}: {name} ({f'{offset:#x}, ' if offset >= 0 else ''}{size} bytes): stock {_text(stock.get((name, offset, size)))}, "
            f"ours {_text(ours.get((name, offset, size)))}"
            for name, offset, size in sorted({*stock, *ours}) if stock.get((name, offset, size)) != ours.get((name, offset, size))]


def _text(what: list[int] | int | None) -> str:
    return f"{len(what)} of {', '.join(f'{v:#x}' for v in dict.fromkeys(what))}" if isinstance(what, list) else str(what or "none")


def compare(stock: Traces, ours: Traces, rows: tuple[Timed, ...]) -> list[str]:
    """What differs that no row covers: by phase and register the values written, in their order, and the number of reads; in ORDERED phases
    the order of writes to all registers, too; and over all phases whether what a row covers is read, or written, at all, and how wide."""
    wrong: list[str] = []
    timed: tuple[set, set] = (set(), set())
    for phase in stock:
        steady = []
        for trace, seen in zip((stock[phase], ours[phase]), timed):
            by = {a: row for a in set(trace) for row in rows if row.covers(phase, a)}
            seen |= {(row.register, a.name.partition(" ")[0], a.size) for a, row in by.items()}
            steady.append([a for a in trace if a not in by])
        wrong += _differences(*map(_writes, steady), phase)
        wrong += _differences(*(Counter(_key(a) for a in trace if not a.writes) for trace in steady), phase)
        if phase in ORDERED and len({tuple(map(_key, filter(lambda a: a.writes, trace))) for trace in steady}) > 1:
            wrong.append(f"{phase}: the writes come in another order")
    return wrong + [f"{register}: a {kind} of {size} bytes: only {whose}" for whose, only in
                    (("stock", timed[0] - timed[1]), ("ours", timed[1] - timed[0])) for register, kind, size in sorted(only)]


def idle(traces: Traces, rows: tuple[Timed, ...]) -> list[str]:
    """Rows that cover nothing."""
    return [f"{row.register} in {row.phase}" for row in rows
            if not any(row.covers(phase, a) for phase, trace in traces.items() for a in trace)]
