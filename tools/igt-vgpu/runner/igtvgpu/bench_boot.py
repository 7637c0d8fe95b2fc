# SPDX-License-Identifier: MIT
"""`make bench`: from QEMU's start until /dev/dri/card0 is there, against a boot without the device.

In the kernel of a user (kernel-build release). What counts is the processor time that QEMU took: a busy host makes both wait. Both take
turns, and the median of the rounds' ratios counts."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Callable

from .spec import NO_GPU, VGPU, VmSpec
from .vm import VM, VmConfig

ROUNDS = 3
MOST = 2.0
Figures = list[dict[str, float]]


def _boot(spec: VmSpec, config: VmConfig, name: str) -> tuple[float, float]:
    """Processor time, and wall time."""
    with VM(replace(spec, kernel="release"), config, name) as vm:
        begin = time.monotonic()
        vm.boot()
        if spec.has_gpu:
            vm.modprobe_i915()
            vm.run("until [ -e /dev/dri/card0 ]; do sleep 0.1; done", 60, check=True)
        return vm.cpu_seconds(), time.monotonic() - begin


def measure(config: VmConfig, note: Callable[[str], None]) -> Figures:
    """A row a round: seconds without the device, and with it until card0."""
    rows = []
    for n in range(1, ROUNDS + 1):
        note(f"boot: round {n} of {ROUNDS}")
        without, without_wall = _boot(NO_GPU, config, "boot-without")
        card0, card0_wall = _boot(VGPU, config, "boot-card0")
        rows.append({"without": without, "card0": card0, "without_wall": without_wall, "card0_wall": card0_wall})
    return rows


def ratio(figures: Figures) -> float:
    """How much longer it takes until card0 is there."""
    return statistics.median(row["card0"] / row["without"] for row in figures)


def judge(figures: Figures) -> list[tuple[bool, str]]:
    """The one target."""
    return [(ratio(figures) <= MOST, f"until /dev/dri/card0 is there: at most {MOST:g} boots without the device: {ratio(figures):.2f}")]


def table(figures: Figures) -> str:
    """Medians."""
    lines = [f"{'boot, seconds':<50}{'processor':>12}{'wall':>14}"]
    for name, text in (("without", "without the device"), ("card0", "until /dev/dri/card0 is there")):
        cpu, wall = (statistics.median(row[column] for row in figures) for column in (name, f"{name}_wall"))
        lines.append(f"  {text:<48}{cpu:>12.1f}{wall:>14.1f}")
    return "\n".join(lines)
