# SPDX-License-Identifier: MIT
"""Finds what should never be in a kernel log. One row a kind; the first row that matches names the splat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable

from .suite import Allow

# (kind, pattern)
_ROWS: tuple[tuple[str, str], ...] = (
    ("panic", r"Kernel panic - not syncing"),
    ("KASAN", r"BUG: KASAN:"),
    ("KCSAN", r"BUG: KCSAN:"),
    ("KFENCE", r"BUG: KFENCE:"),
    ("UBSAN", r"UBSAN:"),
    ("lockdep", r"WARNING: (possible circular locking|possible recursive locking|inconsistent lock state|"
                r"suspicious RCU usage|bad unlock balance|possible irq lock inversion|held lock freed|lock held|"
                r".*lockdep|HARDIRQ-safe|SOFTIRQ-safe|Nested lock)|\*\*\* DEADLOCK \*\*\*|"
                r"possible circular locking dependency|DEBUG_LOCKS_WARN_ON|INFO: trying to register non-static key|"
                r"BUG: MAX_LOCK|BUG: MAX_STACK_TRACE"),
    ("atomic sleep", r"BUG: sleeping function called|BUG: scheduling while atomic|Voluntary context switch within RCU"),
    ("oops", r"BUG: unable to handle|BUG: kernel NULL pointer|Oops: |Oops\[|general protection fault|"
             r"invalid opcode: |divide error: |stack guard page|double fault|Unable to handle kernel"),
    ("lockup", r"BUG: soft lockup|Watchdog detected hard LOCKUP|BUG: workqueue lockup|NMI watchdog: .*LOCKUP"),
    ("RCU stall", r"rcu.*(self-detected stall|detected stalls|expedited stalls|kthread starved)"),
    ("stray interrupt", r"irq \d+: nobody cared"),
    ("hung task", r"INFO: task .* blocked for more than"),
    ("BUG", r"kernel BUG at |BUG: (?!KASAN|KCSAN|KFENCE)|Bad page state|list_(add|del) corruption|refcount_t:"),
    ("WARN", r"WARNING: (CPU|at |possible|.*\bat\b .*:\d+)"),
    ("leak", r"kmemleak: \d+ new suspected memory leaks|memory leak(?! detector)|Objects remaining in .* on __kmem_cache_shutdown|"
             r"i915 .*(leaked|leak detected)|mm leak|DRM_MM: .*leak|drm_mm.*not clean"),
    ("OOM", r"Out of memory: Killed process|invoked oom-killer"),
    ("i915 error", r"\*ERROR\*"),
    ("GPU hang", r"GPU HANG|GPU hang|\[drm\].*Resetting .* for |GPU error state saved|context .* hung|"
                 r"declared wedged|wedged"),
    # HOST=kvmgt, nested.py: kvmgt prints nothing of itself unless a guest did wrong, or it did.
    ("kvmgt", r"^L1: gvt: "),
    # No fault was switched on, so one of the two sides has broken the ABI.
    ("channel off", r"vGPU: the channel is off"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _ROWS)

# The kinds after which the guest cannot be trusted any more.
FATAL = frozenset(("panic", "KASAN", "oops", "BUG", "lockup", "hung task", "RCU stall"))

# Later lines of one report, which are not a second report if they follow the first of their kind closely.
_CONTINUATION = re.compile(r"\*\*\* DEADLOCK \*\*\*|Oops: |invalid opcode: ")
_CLOSE = 100


@dataclass(frozen=True)
class Splat:
    """A report of the kernel: its kind, its first telling line, its position in the log."""

    kind: str
    line: str
    position: int
    allowed: str = ""

    @property
    def fatal(self) -> bool:
        return self.kind in FATAL and not self.allowed

    def __str__(self) -> str:
        return f"{self.kind}: {self.line}"


def classify(line: str) -> str | None:
    """The kind of splat that this line is, if any. The runner's own marks are none."""
    if line.startswith("igt-vgpu: "):
        return None
    return next((kind for kind, regex in _COMPILED if regex.search(line)), None)


def find(lines: Iterable[str], allow: Iterable[Allow] = ()) -> list[Splat]:
    """All splats in these log lines, each report once; `allowed` holds the reason of a match in the list."""
    allow = tuple(allow)
    found: list[Splat] = []
    for position, line in enumerate(lines):
        kind = classify(line)
        if kind is None:
            continue
        if (found and _CONTINUATION.search(line) and position - found[-1].position < _CLOSE
                and found[-1].kind in (kind, "BUG", "oops", "lockdep")):
            continue
        reason = next((a.reason for a in allow if a.matches(line)), "")
        found.append(Splat(kind, line.strip(), position, reason))
    return found
