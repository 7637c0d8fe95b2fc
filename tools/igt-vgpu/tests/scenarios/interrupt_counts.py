# SPDX-License-Identifier: MIT
"""The guest's side of its i915's interrupts, for the suites that count them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Handled:
    """How often the guest's handler ran, how often it found nothing to do, and how the interrupt comes."""

    runs: int
    nothing: int
    line: str

    def since(self, before: "Handled") -> "Handled":
        return Handled(self.runs - before.runs, self.nothing - before.nothing, self.line)


def settle(vm: Any) -> None:
    """Until the driver is idle, and has done what it puts off."""
    done = vm.run("echo 0x25c > $(ls /sys/kernel/debug/dri/*/i915_gem_drop_caches | head -n 1) && sleep 1", 60)
    assert done.ok, done.why()


def handled(vm: Any) -> Handled:
    line = next(line for line in vm.read("/proc/interrupts").splitlines() if line.endswith(" i915"))
    number, *words = line.split()
    spurious = vm.read(f"/proc/irq/{number.rstrip(':')}/spurious")
    return Handled(sum(int(word) for word in words if word.isdigit()), int(re.search(r"unhandled (\d+)", spurious).group(1)), line)
