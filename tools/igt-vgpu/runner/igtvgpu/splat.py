# SPDX-License-Identifier: MIT
"""Finds what should never be in a kernel log. One row a kind; the first row that matches names the splat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Sequence

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
    # What looks for errors has stopped to, for want of memory mostly: from here on silence proves nothing.
    ("check off", r"kmemleak: (Cannot allocate a kmemleak_object|Cannot insert .* into the object search tree|"
                  r"Kernel memory leak detector disabled)|DMA-API: .*(disabling|- disabled|dma-debug disabled)|ODEBUG: .*ODEBUG disabled"),
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

# The kinds by which a guest says that it, or one of its CPUs, stands still.
STALLS = frozenset(("lockup", "hung task", "RCU stall"))
# The kinds after which the guest looks for fewer errors than before, also where they are allowed.
BLIND = frozenset(("lockdep", "check off"))

# Later lines of one report, which are not a second report if they follow the first of their kind closely.
_CONTINUATION = re.compile(r"\*\*\* DEADLOCK \*\*\*|Oops: |invalid opcode: |memory leak detector disabled")
_CLOSE = 100

# A report of KCSAN names the innermost function of each side, prints both stacks, and ends with a ruled line.
_KCSAN = re.compile(r"^(.*?)BUG: KCSAN: ")
RULE = re.compile(r"^(.*?)={20,}$")
_TIME = re.compile(r"\[[^]]*\]\s*")


@dataclass(frozen=True)
class Splat:
    """A report of the kernel: its kind, its first telling line, its position in the log."""

    kind: str
    line: str
    position: int
    allowed: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.line}"


def classify(line: str) -> str | None:
    """The kind of splat that this line is, if any. The runner's own marks are none."""
    if line.startswith("igt-vgpu: "):
        return None
    return next((kind for kind, regex in _COMPILED if regex.search(line)), None)


def report(lines: Sequence[str], position: int) -> str:
    """A report of KCSAN from its title on, up to the ruled line or the next title of the same guest; empty if neither is there."""
    title = _KCSAN.match(lines[position])
    if not title:
        return ""
    guest = _TIME.sub("", title[1])         # "stock: ", where the log of two guests is one
    for end in range(position + 1, len(lines)):
        match = RULE.match(lines[end]) or _KCSAN.match(lines[end])
        if match and _TIME.sub("", match[1]) == guest:
            return "\n".join(lines[position:end])
    return ""


def is_cut(lines: Sequence[str]) -> bool:
    """Whether a report ends beyond these lines."""
    return any(_KCSAN.match(line) and not report(lines, position) for position, line in enumerate(lines))


def find(lines: Iterable[str], allow: Iterable[Allow] = (), after: Iterable[str] = ()) -> list[Splat]:
    """All splats in these log lines, each report once; `allowed` holds the reason of a match in the list. `after`: what the log has
    behind these lines, where a report that begins in them may end."""
    allow, lines = tuple(allow), list(lines)
    whole = [*lines, *after]
    found: list[Splat] = []
    for position, line in enumerate(lines):
        kind = classify(line)
        if kind is None:
            continue
        if (found and _CONTINUATION.search(line) and position - found[-1].position < _CLOSE
                and found[-1].kind in (kind, "BUG", "oops", "lockdep")):
            continue
        told = report(whole, position)
        reason = next((a.reason for a in allow if a.matches(line, told)), "")
        found.append(Splat(kind, line.strip(), position, reason))
    return found
