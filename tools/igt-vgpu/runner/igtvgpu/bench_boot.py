# SPDX-License-Identifier: MIT
"""`make bench`: from QEMU's start until /dev/dri/card0 is there, against a boot without the device.

In the kernel of a user (kernel-build release). Wall time, so both take turns, and the median of the rounds' ratios counts."""

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


def _boot(spec: VmSpec, config: VmConfig, name: str) -> float:
    with VM(replace(spec, kernel="release"), config, name) as vm:
        begin = time.monotonic()
        vm.boot()
        if spec.has_gpu:
            vm.modprobe_i915()
            vm.run("until [ -e /dev/dri/card0 ]; do sleep 0.1; done", 60 * config.timeout_scale, check=True)
        return time.monotonic() - begin


def measure(config: VmConfig, note: Callable[[str], None]) -> Figures:
    """A row a round: seconds without the device, and with it until card0."""
    rows = []
    for n in range(1, ROUNDS + 1):
        note(f"boot: round {n} of {ROUNDS}")
        rows.append({"without": _boot(NO_GPU, config, "boot-without"), "card0": _boot(VGPU, config, "boot-card0")})
    return rows


def ratio(figures: Figures) -> float:
    """How much longer it takes until card0 is there."""
    return statistics.median(row["card0"] / row["without"] for row in figures)


def judge(figures: Figures) -> list[tuple[bool, str]]:
    """The one target."""
    return [(ratio(figures) <= MOST, f"until /dev/dri/card0 is there: at most {MOST:g} boots without the device: {ratio(figures):.2f}")]


def table(figures: Figures) -> str:
    """Medians."""
    lines = [f"{'boot':<50}{'seconds':>12}"]
    for name, text in (("without", "without the device"), ("card0", "until /dev/dri/card0 is there")):
        lines.append(f"  {text:<48}{statistics.median(row[name] for row in figures):>12.1f}")
    return "\n".join(lines)
