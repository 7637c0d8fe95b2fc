# SPDX-License-Identifier: MIT
"""The kernels that look for errors: what to expect of them, and what to ask them. `debug` (guest-debug.config): memory; `race`
(guest-race.config): data races. What they report in the log, splat.py knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Iterable

from . import paths
from .suite import Allow

# Times of `series`.
SLOWER = {"debug": 4.0, "race": 4.0}
OURS = ("vgpu", "svm")      # the series' own folders of i915
_KMEMLEAK = "/sys/kernel/debug/kmemleak"
_OFF = "kmemleak is off: it switches itself off when it runs out of memory, and leaks are not seen any more"
_SCAN_TWICE = f"{{ echo scan > {_KMEMLEAK} && echo scan > {_KMEMLEAK}; }} 2>/dev/null || {{ echo '{_OFF}'; exit 1; }}"
# An object is reported when it is older than 5 s and did not change between two scans.
_SCAN = f"sleep 6; {_SCAN_TWICE}; cat {_KMEMLEAK}"
_FORGET = f"{_SCAN_TWICE}; echo clear > {_KMEMLEAK}"


def _functions(objects: Iterable[Path]) -> set[str]:
    done = subprocess.run(["nm", "--defined-only", "--format=posix", *map(str, objects)], capture_output=True, text=True, check=True)
    fields = [line.split() for line in done.stdout.splitlines()]
    return {f[0].partition(".")[0] for f in fields if len(f) > 1 and f[1] in "tT"}


def _i915(built: Path) -> Path:
    return built / "drivers" / "gpu" / "drm" / "i915"


def _objects(built: Path, folders: Iterable[str]) -> set[Path]:
    return {o for folder in folders for o in (_i915(built) / folder).rglob("*.o")}


def functions_of(built: Path, folders: Iterable[str] = OURS) -> set[str]:
    """The functions of these folders of i915, as the objects of a built tree name them."""
    return _functions(_objects(built, folders))


def our_functions(built: Path, folders: Iterable[str] = OURS) -> list[str]:
    """The same without those of headers, which others have too."""
    ours = _objects(built, folders)
    others = {o for o in _i915(built).rglob("*.o") if o.with_suffix(".c").exists()} - ours
    return sorted(_functions(ours) - _functions(others))


def known_splats(kernel: str) -> tuple[Allow, ...]:
    """Of the data races, those that have no part in code of the series. The title names only the innermost function of each side, which is
    often one of a library that the series' code calls, so no function of the series may be in either stack."""
    if kernel != "race":
        return ()
    ours = "|".join(map(re.escape, our_functions(paths.kernel_dir(kernel))))
    named = rf"BUG: KCSAN: .*\b(?:{ours})\b|\n.*\b(?:{ours})(?:\.[\w.]+)?\+0x"
    stock = rf"\A(?![\s\S]*?(?:{named}))"
    return (Allow(stock, "a data race of stock code: no function of the series' files in either stack", whole=True),)


def _asked(vm: Any, command: str, timeout: float) -> str:
    if vm.kernel != "debug":
        return ""
    done = vm.run(command, timeout)
    return done.out.strip() or ("" if done.ok else done.why())


def forget_leaks(vm: Any) -> str:
    """What was lost before the first test is not the driver's fault. Why leaks cannot be looked for, if so."""
    return _asked(vm, _FORGET, 120)


def leaks(vm: Any) -> str:
    """The memory that nobody points to any more: kmemleak's report, or why there is none to be had; empty if nothing is lost, or the
    kernel is not one that looks for it."""
    return _asked(vm, _SCAN, 240)
