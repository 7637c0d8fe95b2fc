# SPDX-License-Identifier: MIT
"""Adds up the mediator's counters over all VMs of a run, and prints what the guests trapped on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

TOP_REGISTERS = 12
# How often these are accessed depends on when an interrupt comes, how many requests go into one submission, and whether an
# engine was found awake, and on the clock that is asked for: that differs from run to run, of the same driver, too.
TIMED = re.compile(r"RING_IMR|RING_ELSP|RING_CONTEXT_STATUS_PTR|GEN8_TLB_INVALIDATE|GEN8_MASTER_IRQ|GEN8_GT_I|GEN6_RP|FORCEWAKE")
FENCE_REGISTERS = range(0x100000, 0x100100)
REQUESTS = ("create", "pin", "unpin", "destroy", "fence_set")   # of the channel, as the mediator counts them


def timed_traps(stats: dict[str, Any]) -> int:
    """Accesses to registers whose number depends on timing, in one snapshot of the mediator's counters."""
    return sum(row["r"] + row["w"] for row in stats["mmio"]["by_register"].values() if TIMED.search(row["name"]))


def fence_traps(stats: dict[str, Any]) -> int:
    """Accesses to fence registers in one snapshot of the mediator's counters."""
    return sum(row["r"] + row["w"] for offset, row in stats["mmio"]["by_register"].items() if int(offset, 16) in FENCE_REGISTERS)


def requests(stats: dict[str, Any]) -> dict[str, int]:
    """Requests in the channel by kind; none of a mediator that has no channel."""
    return {kind: stats.get("channel", {}).get(kind, 0) for kind in REQUESTS}


@dataclass
class Totals:
    """Sums of the `stats` snapshots (the brief JSON that a vGPU's QOM property returns)."""

    sums: dict[str, int] = field(default_factory=dict)
    registers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, stats: dict[str, Any]) -> None:
        """Add one snapshot; unknown parts are summed too, if they are numbers."""
        self._walk("", {k: v for k, v in stats.items() if k not in ("partition", "fences")})
        for offset, row in stats.get("mmio", {}).get("by_register", {}).items():
            mine = self.registers.setdefault(offset, {"name": row.get("name", ""), "r": 0, "w": 0})
            mine["r"] += row.get("r", 0)
            mine["w"] += row.get("w", 0)

    def _walk(self, prefix: str, node: dict[str, Any]) -> None:
        for key, value in node.items():
            if key == "by_register":
                continue
            name = f"{prefix}.{key}" if prefix else key
            if isinstance(value, dict):
                self._walk(name, value)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.sums[name] = self.sums.get(name, 0) + int(value)

    def as_dict(self) -> dict[str, Any]:
        return {"sums": self.sums, "registers": self.registers}

    def _channel(self) -> list[str]:
        """What went through the channel, and what contexts were copied for; nothing if there was none."""
        lines = []
        for part in ("channel", "shadow"):
            counted = [f"{k.partition('.')[2].replace('_', ' ')} {v}" for k, v in self.sums.items()
                       if k.startswith(part + ".") and v]
            if counted:
                lines.append(f"  {part} " + ", ".join(counted))
        return lines

    def table(self) -> str:
        """Text for the end of a run; empty if no mediator counted anything."""
        if not self.sums:
            return ""
        get = self.sums.get
        reads, writes = get("mmio.reads", 0), get("mmio.writes", 0)
        lines = ["Traps of the guests:",
                 f"  registers {reads} reads, {writes} writes; GGTT {get('ggtt.writes', 0)} PTE writes, "
                 f"{get('ggtt.reads', 0)} reads; PVINFO {get('pvinfo.reads', 0)} reads, {get('pvinfo.writes', 0)} "
                 f"writes; aperture {get('aperture.accesses', 0)}",
                 f"  interrupts {get('irq.msi', 0)} MSI, {get('irq.intx', 0)} INTx; resets {get('resets.engine', 0)} "
                 f"engine, {get('resets.full', 0)} full; submissions "
                 + (", ".join(f"{k.partition('.')[2]} {v}" for k, v in sorted(self.sums.items())
                              if k.startswith("submissions.")) or "0"),
                 "  violations " + (", ".join(f"{k.partition('.')[2]} {v}" for k, v in sorted(self.sums.items())
                                              if k.startswith("violations.")) or "not counted")]
        lines += self._channel()
        ranked = sorted(self.registers.items(), key=lambda kv: -(kv[1]["r"] + kv[1]["w"]))[:TOP_REGISTERS]
        if ranked:
            lines.append(f"  {'register':<12}{'name':<28}{'reads':>10}{'writes':>10}{'share':>8}")
            total = max(1, reads + writes)
            for offset, row in ranked:
                share = 100 * (row["r"] + row["w"]) / total
                lines.append(f"  {offset:<12}{row['name'][:27]:<28}{row['r']:>10}{row['w']:>10}{share:>7.1f}%")
        return "\n".join(lines)
