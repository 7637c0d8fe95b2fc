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
# An object is reported when it is older than 5 s and did not change between two scans.
_SCAN = f"if test -w {_KMEMLEAK}; then sleep 6; echo scan > {_KMEMLEAK}; echo scan > {_KMEMLEAK}; cat {_KMEMLEAK}; fi"
_FORGET = f"if test -w {_KMEMLEAK}; then echo scan > {_KMEMLEAK}; echo scan > {_KMEMLEAK}; echo clear > {_KMEMLEAK}; fi"


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
    """Of the data races, those that have no part in code of the series."""
    if kernel != "race":
        return ()
    ours = "|".join(map(re.escape, our_functions(paths.kernel_dir(kernel))))
    return (Allow(rf"BUG: KCSAN: (?!.*\b(?:{ours})\b)", "a data race of stock code: neither side is in the series' files"),)


def forget_leaks(vm: Any) -> None:
    """What was lost before the first test is not the driver's fault."""
    if vm.kernel == "debug":
        vm.run(_FORGET, 120, check=True)


def leaks(vm: Any) -> str:
    """The memory that nobody points to any more: kmemleak's report; empty if there is none, or the kernel has no kmemleak."""
    return vm.run(_SCAN, 240, check=True).out.strip() if vm.kernel == "debug" else ""
