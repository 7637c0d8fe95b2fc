# SPDX-License-Identifier: MIT
"""`make bench`, third part: what the mediator's core costs, natively; core-bench (mediator/bench/) measures it.

Each row has a reference that was measured in the same process, in turns, and both are medians; times are those of the thread. So the
ratios hold on a busy machine, too, and on another one; the nanoseconds are this machine's."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any, Callable

from . import gnuplot, paths

TRAP_NS = 200
LEAST_OF_MEMCPY = 0.5
MIB = 1 << 20

Row = dict[str, Any]


class CoreBenchError(RuntimeError):
    """core-bench could not be built, or it failed."""


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CoreBenchError(f"{shlex.join(command)} ended with status {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def program(folder: Path) -> Path:
    """core-bench, below the mediator's build folder."""
    return folder / "core-bench"


def build_command(folder: Path) -> list[str]:
    """What builds it there."""
    return ["make", "--no-print-directory", "-C", str(paths.TOOLS / "mediator"), f"O={folder}", str(program(folder))]


def measure(note: Callable[[str], None]) -> list[Row]:
    """Build core-bench, run it, and read its rows."""
    note("mediator core, natively")
    folder = paths.OUT / "mediator"
    _output(build_command(folder))
    return list(json.loads(_output([str(program(folder))])))


def _rows(rows: list[Row], what: str, kind: str = "") -> list[Row]:
    return [r for r in rows if r["what"] == what and kind in ("", r["kind"])]


def _kinds(rows: list[Row], what: str) -> list[str]:
    return list(dict.fromkeys(r["kind"] for r in _rows(rows, what)))


def growth(rows: list[Row]) -> float:
    """By how much one unit of the largest amount costs more than one of the second largest: 1 is linear."""
    small, large = rows[-2:]
    return (large["ns"] / large["n"]) / (small["ns"] / small["n"])


def _of_reference(row: Row) -> float:
    """The speed of the reference that it reaches."""
    return float(row["reference_ns"] / row["ns"])


def judge(rows: list[Row]) -> list[tuple[bool, str]]:
    """Each target: reached?, and a line that says so."""
    verdicts = []
    for kind in ("register read", "register write"):
        ns = _rows(rows, "trap", kind)[0]["ns"]
        verdicts.append((ns < TRAP_NS, f"a trapped {kind}: less than {TRAP_NS} ns in the core: {ns:.0f}"))
    blits = _rows(rows, "blit")
    largest = max(r["n"] for r in blits)
    # Linear copies from 512 KiB on; what is tiled or combined, which memcpy does not do, where the submission is no part of it any more.
    for what, judged in (("a blit that copies, from 512 KiB on", [r for r in blits if r["kind"] == "copy" and r["n"] >= MIB // 2]),
                         (f"any blit of {largest // MIB} MiB", [r for r in blits if r["n"] == largest])):
        slowest = min(judged, key=_of_reference)
        verdicts.append((_of_reference(slowest) >= LEAST_OF_MEMCPY,
                         f"{what}: at least {LEAST_OF_MEMCPY} of memcpy's bandwidth: {_of_reference(slowest):.2f} "
                         f"({slowest['kind']}, {slowest['n'] // 1024} KiB)"))
    for kind in _kinds(rows, "parse"):
        more = growth(_rows(rows, "parse", kind))
        verdicts.append((0.75 <= more <= 1.33, f"parsing ({kind}): a dword of {_rows(rows, 'parse', kind)[-1]['n']} costs what one of a "
                                               f"tenth of them does: {more:.2f} times as much"))
    for kind in _kinds(rows, "blit"):       # beside memcpy, for which the caches do not hold all of it either
        small, large = _rows(rows, "blit", kind)[-2:]
        more = _of_reference(small) / _of_reference(large)
        verdicts.append((more <= 1.33, f"blits ({kind}): a byte of {large['n'] // 1024} KiB costs no more than one of {small['n'] // 1024} KiB, "
                                       f"beside memcpy: {more:.2f} times as much"))
    return verdicts


def table(rows: list[Row]) -> str:
    """One block for each thing measured."""
    lines = [f"{'commands parsed, by dwords of a batch':<50}{'M dwords/s':>12}{'calls/dword':>14}"]
    lines += [f"  {r['kind'] + ', ' + str(r['n']):<48}{r['n'] / r['ns'] * 1e3:>12.1f}{r['ns'] / r['reference_ns']:>14.1f}"
              for r in _rows(rows, "parse")]
    lines.append(f"{'blits, by KiB (a submission each)':<50}{'MiB/s':>12}{'of memcpy':>14}")
    lines += [f"  {r['kind'] + ', ' + str(r['n'] // 1024):<48}{r['n'] / r['ns'] * 1e9 / MIB:>12.0f}{_of_reference(r):>14.2f}"
              for r in _rows(rows, "blit")]
    lines.append(f"{'a trap, in the core':<50}{'ns':>12}{'calls':>14}")
    lines += [f"  {r['kind']:<48}{r['ns']:>12.0f}{r['ns'] / r['reference_ns']:>14.0f}" for r in _rows(rows, "trap")]
    lines.append(f"{'submissions without work, one context':<50}{'per second':>12}{'us':>14}")
    lines += [f"  {r['kind']:<48}{1e9 / r['ns']:>12.0f}{r['ns'] / 1e3:>14.1f}" for r in _rows(rows, "submission")]
    lines.append(f"{'an engine changes hands: more than without':<50}{'us':>12}{'times':>14}")
    lines += [f"  {what + ', ' + r['kind']:<48}{(r['ns'] - r['reference_ns']) / 1e3:>12.1f}{r['ns'] / r['reference_ns']:>14.2f}"
              for what in ("owner change", "preemption") for r in _rows(rows, what)]
    lines.append(f"{'memory of a vGPU':<50}{'KiB':>12}")
    lines += [f"  {r['kind']:<48}{r['bytes'] / 1024:>12.0f}" for r in _rows(rows, "memory")]
    return "\n".join(lines)


def plot(rows: list[Row], folder: Path) -> list[Path]:
    """Cost against the amount of work, parsing and blits, both axes logarithmic; none without gnuplot."""
    pictures = []
    for what, unit in (("parse", "dwords"), ("blit", "bytes")):
        kinds = _kinds(rows, what)
        amounts = sorted({r["n"] for r in _rows(rows, what)})
        cost = {(r["kind"], r["n"]): r["ns"] for r in _rows(rows, what)}
        reference = {r["n"]: r["reference_ns"] for r in _rows(rows, what, kinds[0])}
        data = [[str(n), f"{reference[n]:.0f}", *(f"{cost[k, n]:.0f}" for k in kinds)] for n in amounts]
        title = {"parse": "a call for each dword", "blit": "memcpy"}[what]
        lines = ", ".join(f"'DATA' using 1:{i + 3} with linespoints title \"{kind}\"" for i, kind in enumerate(kinds))
        pictures.append(gnuplot.draw(folder / f"bench-core-{what}.svg", data, f"""
            set title 'Mediator core: {what}'
            set logscale xy
            set yrange [*:*]
            set xlabel '{unit}'
            set ylabel 'ns'
            plot 'DATA' using 1:2 with linespoints dashtype 2 title '{title}', {lines}
            """))
    return [p for p in pictures if p]
