# SPDX-License-Identifier: MIT
"""`make bench`, first part: what fixed work costs a guest in traps and copied bytes; stock driver and ours, in one run.

Each figure is the difference of two runs of vgpu_bench that differ in the amount of work only, divided by that difference.
So it holds neither set-up nor background noise, and nothing here is a time. Traps that depend on when interrupts come and on how
many requests go into one submission (traps.TIMED) are counted apart: of them, two runs of one driver have several a context more or less."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

from . import bench_boot, bench_core, bench_native, bench_svm, gnuplot, series
from .spec import MIB, Vgpu, VmSpec
from .traps import Totals, fence_traps, requests, timed_traps
from .vm import VM, VmConfig, VmError

PARTITION = Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=64 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB, fences=4)
PROGRAM = "$IGT_VGPU_TOP/out/tests/igt/vgpu_bench"
TRAPS = ("mmio.reads", "mmio.writes", "ggtt.reads", "ggtt.writes", "pvinfo.reads", "pvinfo.writes")


@dataclass(frozen=True)
class Driver:
    """What is compared: a kernel on a mediator."""

    name: str
    kernel: str
    abi: str


@dataclass(frozen=True)
class Work:
    """One line of vgpu_bench: `few` and `many` units of it."""

    name: str
    unit: str
    few: int
    many: int


@dataclass(frozen=True)
class Target:
    """What a figure of ours (channel on) must not exceed; relative to the stock driver's, or absolute."""

    work: str
    metric: str
    most: float
    above_stock: bool
    text: str


DRIVERS = (Driver("stock 6.12", "stock", "1.1"), Driver("series, PVINFO 1.0", "series", "1.0"),
           Driver("series, PVINFO 1.1", "series", "1.1"))
WORKS = (Work("contexts", "context created, run once, destroyed", 40, 440), Work("switches", "switch among 64 contexts, engine awake", 64, 576),
         Work("wakeups", "switch among 64 contexts, engine asleep before", 64, 576),
         Work("fences", "fence update", 64, 464))
METRICS = {"traps": "traps", "steady traps": "traps but for interrupts, submissions", "fence traps": "traps on fence registers", "doorbells": "doorbells",
           "requests": "requests in the channel", "state in": "bytes of context state copied in",
           "state out": "bytes of context state copied out"}
TARGETS = (Target("contexts", "steady traps", 0.5, True, "lifecycle: no trap more than the stock driver"),
           Target("fences", "fence traps", 1.02, False, "a fence update: one trap at most"),
           Target("switches", "state in", 0, False, "a switch among known contexts copies no state in"))


def metrics(stats: dict[str, Any]) -> dict[str, float]:
    """The figures of METRICS in one snapshot of the mediator's counters."""
    totals = Totals()
    totals.add(stats)
    get = totals.sums.get
    doorbells = get("channel.doorbells", 0)
    traps = sum(get(name, 0) for name in TRAPS)
    return {"traps": traps, "steady traps": traps - timed_traps(stats), "fence traps": fence_traps(stats) + doorbells,
            "doorbells": doorbells, "requests": sum(requests(stats).values()),
            "state in": get("shadow.bytes_in", 0), "state out": get("shadow.bytes_out", 0)}


def _cost(vm: VM, work: Work, n: int) -> dict[str, float]:
    vm.stats_reset("vgpu0")
    done = vm.run(f"{PROGRAM} {work.name} {n}", 300)
    if not done.ok:
        raise VmError(done.why())
    vm.run("sleep 1", 10, check=True)      # what the driver does a moment later is part of it
    return metrics(vm.stats("vgpu0"))


def measure(config: VmConfig, driver: Driver, note: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """work -> metric -> cost of one unit."""
    spec = VmSpec(devices=(replace(PARTITION, abi=driver.abi),), kernel=driver.kernel)
    figures: dict[str, dict[str, float]] = {}
    with VM(spec, config, driver.name.translate(str.maketrans(" ,.", "---"))) as vm:
        vm.boot()
        vm.modprobe_i915()
        for work in WORKS:
            note(f"{driver.name}: {work.name}")
            few, many = _cost(vm, work, work.few), _cost(vm, work, work.many)
            figures[work.name] = {m: (many[m] - few[m]) / (work.many - work.few) for m in METRICS}
    return figures


def judge(figures: dict[str, dict[str, dict[str, float]]]) -> list[tuple[bool, str]]:
    """Each target: reached?, and a line that says so."""
    ours, stock = figures[DRIVERS[-1].name], figures[DRIVERS[0].name]
    verdicts = []
    for target in TARGETS:
        value = ours[target.work][target.metric] - (stock[target.work][target.metric] if target.above_stock else 0)
        verdicts.append((value <= target.most, f"{target.text}: {value:.2f}"))
    return verdicts


def table(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """Rows: work and metric; columns: drivers."""
    lines = [f"{'per unit':<40}" + "".join(f"{d.name:>22}" for d in DRIVERS)]
    for work in WORKS:
        lines.append(work.unit)
        for metric, text in METRICS.items():
            row = [figures[d.name][work.name][metric] for d in DRIVERS]
            if any(row):
                lines.append(f"  {text:<38}" + "".join(f"{value:>22.2f}" for value in row))
    return "\n".join(lines)


def plot(figures: dict[str, dict[str, dict[str, float]]], folder: Path) -> Path | None:
    """Bars of the traps, by gnuplot; None if it is not installed."""
    rows = [['"unit"', *(f'"{d.name}"' for d in DRIVERS)],
            *([f'"{work.unit}"', *(f"{figures[d.name][work.name]['traps']:.2f}" for d in DRIVERS)] for work in WORKS)]
    bars = ", ".join(f"'DATA' using {i + 2}:xtic(1) title columnheader({i + 2})" for i in range(len(DRIVERS)))
    return gnuplot.draw(folder / "bench.svg", rows, f"""
        set title 'Traps of a guest'
        set style data histograms
        set style fill solid 0.7 border -1
        set ylabel 'traps per unit'
        plot {bars}
        """)


@dataclass(frozen=True)
class Part:
    """Of make bench. `figures` is what measure() came to; JSON can hold it."""

    name: str
    measure: Callable[[], Any]
    table: Callable[[Any], str]
    judge: Callable[[Any], list[tuple[bool, str]]]
    plots: Callable[[Any], list[Path | None]]


def _parts(config: VmConfig, folder: Path, note: Callable[[str], None]) -> tuple[Part, ...]:
    return (Part("driver", lambda: {d.name: measure(config, d, note) for d in DRIVERS}, table, judge, lambda f: [plot(f, folder)]),
            Part("svm", lambda: bench_svm.measure(config, note), bench_svm.table, bench_svm.judge, lambda f: [bench_svm.plot(f, folder)]),
            Part("native", lambda: bench_native.measure(config, note), bench_native.table, bench_native.judge, lambda _: []),
            Part("boot", lambda: bench_boot.measure(config, note), bench_boot.table, bench_boot.judge, lambda _: []),
            Part("core", lambda: bench_core.measure(note), bench_core.table, bench_core.judge, lambda f: list(bench_core.plot(f, folder))))


PARTS = ("driver", "svm", "native", "boot", "core")


def run(config: VmConfig, folder: Path, note: Callable[[str], None], only: list[str]) -> int:
    """Measure all parts, or `only` some; print; write bench.json and the plots; 1 if a target is missed."""
    parts = [p for p in _parts(config, folder, note) if not only or p.name in only]
    about = series.digest()
    figures = {p.name: p.measure() for p in parts}
    verdicts = [v for p in parts for v in p.judge(figures[p.name])]
    path = folder / ("bench.json" if not only else f"bench-{'-'.join(p.name for p in parts)}.json")
    if about != series.digest() or not series.is_built():
        note("patches/ changed meanwhile, or the guests' kernel has other edits: no cover letter will have these figures")
        about = ""
    path.write_text(json.dumps({"series": about, "figures": figures, "targets": [{"reached": ok, "what": text} for ok, text in verdicts]}, indent=1) + "\n")
    pictures = [str(p) for part in parts for p in part.plots(figures[part.name]) if p]
    print("\n\n".join(p.table(figures[p.name]) for p in parts) + "\n")
    for ok, text in verdicts:
        print(f"{'reached' if ok else 'MISSED '}  {text}")
    print(f"\nFigures: {path}   " + (f"Plots: {' '.join(pictures)}" if pictures else "(no plots)"))
    return 0 if all(ok for ok, _ in verdicts) else 1
