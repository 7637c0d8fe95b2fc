# SPDX-License-Identifier: MIT
"""How the patches of a backport differ from those of the series: patches/NAME/DIFFERENCES has each line of it.

So a patch of the series cannot change unnoticed by the backport: either it is changed in the same way, and they differ as before, or the
check `originals` shows the lines that are new."""
from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Callable

from .base import Places

NAME = "DIFFERENCES"
HEAD = """\
# What the patches of this folder change otherwise than those of the series: "-" the series only, "+" this folder only, then a line
# as it stands in the patch. Made by `scripts/series/export --differences`; `scripts/series/check originals` holds the patches to it.
"""
NOT_OURS = re.compile(r"diff --git |index |similarity |dissimilarity |@@ |--- (a/|/dev/null)| |\\ |$")


def own_lines(patch: Path) -> list[str]:
    """What a patch changes, and in which file: neither its message nor context, positions and hashes."""
    text = patch.read_text(encoding="utf-8", errors="replace")
    begin = text.find("\ndiff --git ")
    return [line for line in text[begin:].split("\n") if not NOT_OURS.match(line)] if begin >= 0 else []


def only_in_one(old: list[str], new: list[str]) -> list[str]:
    """The lines that only one of them has, in order."""
    found: list[str] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [f"-{line}" for line in old[i:j]] + [f"+{line}" for line in new[k:m]]
    return found


def differences(original: Path, backport: Path) -> list[str]:
    """In what else than context two patches differ."""
    return only_in_one(own_lines(original), own_lines(backport))


def read(places: Places) -> dict[str, list[str]]:
    """What is written down, by the patch's subject; without the file nothing."""
    path = places.patches / NAME
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []:
        if line.startswith(("-", "+")):
            current.append(line)
        elif line and not line.startswith("#"):
            current = found.setdefault(line, [])
    return found


def text(places: Places, subject_of: Callable[[Path], str]) -> str:
    """The file as it should be now."""
    originals = {subject_of(p): p for p in places.patch_files(places.patches.parent)}
    parts = [HEAD]
    for path in places.patch_files():
        subject = subject_of(path)
        lines = differences(originals[subject], path) if subject in originals else []
        parts += [f"\n{subject}\n", *(f"{line}\n" for line in lines)] if lines else []
    return "".join(parts)
