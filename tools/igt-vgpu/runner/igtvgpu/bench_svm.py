# SPDX-License-Identifier: MIT
"""`make bench`, second part: what mirrored memory (SVM bind) costs, against userptr in the same kernel.

In the kernel of a user (kernel-build release), and in instructions: ratios of two that were counted in turns in one guest, each the
least of several. What an invalidation makes the driver do is counted by the driver."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Callable

from . import gnuplot
from .spec import MIB, Vgpu, VmSpec
from .vm import VM, VmConfig, VmError

PROGRAM = "$IGT_VGPU_TOP/out/tests/igt/vgpu_svm_bench"
SPEC = VmSpec(devices=(Vgpu("vgpu0", aperture_base=64 * MIB, aperture_size=64 * MIB, hidden_base=1024 * MIB, hidden_size=384 * MIB,
                            fences=4),), kernel="release", memory="4G", count_instructions=True)
SIZES = (4 << 10, 64 << 10, 1 << 20, 16 << 20, 128 << 20, 1 << 30)
CHANGES = (1, 4, 16, 64)
COUNTS = (1, 10, 100, 1000, 10000, 100000)
UNRELATED = 100
CHUNK_PAGES = 512

Figures = dict[str, dict[str, dict[str, float]]]


def _work(vm: VM, what: str, n: int) -> dict[str, float]:
    done = vm.run(f"{PROGRAM} {what} {n}", 600)
    if not done.ok:
        raise VmError(done.why())
    return {name: float(value) for name, value in (line.split() for line in done.out.splitlines() if len(line.split()) == 2)}


def measure(config: VmConfig, note: Callable[[str], None]) -> Figures:
    """work -> parameter -> name -> value, as vgpu_svm_bench prints them."""
    figures: Figures = {}
    with VM(SPEC, config, "svm") as vm:
        vm.boot()
        vm.modprobe_i915()
        # While its CPUs wait for the GPU this guest's clock leaps from timer to timer: the driver would believe in a hang
        # (a day is enough).
        vm.run("for f in /sys/class/drm/card*/engine/*/heartbeat_interval_ms; do echo 86400000 >$f; done", check=True)
        for what, parameters in (("first-use", SIZES), ("revalidate", CHANGES), ("unrelated", (UNRELATED,)), ("ranges", COUNTS)):
            for n in parameters:
                note(f"svm: {what} {n}")
                figures.setdefault(what, {})[str(n)] = _work(vm, what, n)
    return figures


def _ratio(row: dict[str, float], kind: str) -> float:
    return row[f"userptr_{kind}"] / row[f"bound_{kind}"]


def growth(figures: Figures, name: str) -> float:
    """By how much one bind (or execution) costs more with a hundred thousand ranges than with ten."""
    rows = figures["ranges"]
    return rows[str(COUNTS[-1])][name] / rows["10"][name]


def judge(figures: Figures) -> list[tuple[bool, str]]:
    """Each target: reached?, and a line that says so."""
    first = {n: _ratio(row, "first") for n, row in figures["first-use"].items()}
    slowest = min(first, key=lambda n: first[n])
    excess = max(row["pages"] / (int(n) * CHUNK_PAGES) for n, row in figures["revalidate"].items())
    unrelated = sum(figures["unrelated"][str(UNRELATED)].values())
    logarithmic = math.log2(COUNTS[-1]) / math.log2(10)
    bind = growth(figures, "bind")
    return [(first[slowest] >= 2, f"first use: at most half of userptr's instructions: {first[slowest]:.1f} ({_bytes(int(slowest))})"),
            (0 < excess <= 1, f"revalidation: no page outside of the 2 MiB pieces that changed: {excess:.2f} of their pages"),
            (unrelated == 0, f"an unrelated munmap: no GPU work: {unrelated:.0f} events for {UNRELATED}"),
            (bind <= logarithmic, f"a bind among 100000 ranges: at most {logarithmic:.0f} times one among 10 (logarithmic): {bind:.2f}")]


def _bytes(n: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if n >= 1 << shift:
            return f"{n >> shift} {unit}"
    return f"{n} B"


def table(figures: Figures) -> str:
    """One block a work."""
    lines = [f"{'mirrored memory: userptr instructions / ours':<50}{'first use':>12}{'with its end':>14}"]
    lines += [f"  {_bytes(int(n)):<48}{_ratio(row, 'first'):>12.1f}{_ratio(row, 'whole'):>14.1f}"
              for n, row in figures["first-use"].items()]
    one = figures["revalidate"][str(CHANGES[0])]
    lines.append(f"{'changed, of 128 pieces of 2 MiB':<50}{'pages':>12}{'work, 1 = 1':>14}")
    lines += [f"  {n:<48}{row['pages']:>12.0f}{row['ns'] / one['ns']:>14.1f}" for n, row in figures["revalidate"].items()]
    ten = figures["ranges"]["10"]
    lines.append(f"{'ranges in the VM (work, 10 = 1)':<50}{'one bind':>12}{'execution':>14}")
    lines += [f"  {n:<48}{row['bind'] / ten['bind']:>12.2f}{row['execute'] / ten['execute']:>14.2f}"
              for n, row in figures["ranges"].items()]
    return "\n".join(lines)


def plot(figures: Figures, folder: Path) -> Path | None:
    """Lines: how much less there is to do than for userptr, by size; None without gnuplot."""
    rows = [[n, f"{_ratio(row, 'first'):.2f}", f"{_ratio(row, 'whole'):.2f}"] for n, row in figures["first-use"].items()]
    return gnuplot.draw(folder / "bench-svm.svg", rows, """
        set title 'Mirrored memory against userptr'
        set logscale x 2
        set format x '2^{%L}'
        set xlabel 'bytes'
        set ylabel 'instructions of userptr / ours'
        set grid x
        plot 'DATA' using 1:2 with linespoints title 'first use', 'DATA' using 1:3 with linespoints title 'with its end'
        """)
