# SPDX-License-Identifier: MIT
"""README.rst: what it says is where, is there; and it and `make help` name the tiers that run by name only."""

from __future__ import annotations

import re
import unittest

from igtvgpu import paths
from igtvgpu.tiers import TIERS

README = (paths.TOP / "README.rst").read_text()
STARTS = ("", "tools/igt-vgpu/", "drivers/gpu/drm/i915/")
NAME = re.compile(r"``([\w./-]+)``")        # no command, variable or function: these have blanks, "=" or "()"


def rows(title: str) -> list[str]:
    """The second column of the table below a title, a string a row."""
    rule, _, body = re.search(rf"^{title}\n=+\n\n(=+) =+\n(.*\n)\1 =+\n((?s:.*?))^\1 =", README, re.M).groups()
    made: list[str] = []
    for line in body.splitlines():
        if line[:len(rule)].strip():
            made.append("")
        made[-1] += " " + line[len(rule):].strip()
    return made


def series_files() -> set[str]:
    """What the patches add or change in the kernel."""
    patches = (p.read_text(errors="replace") for p in (paths.TOP / "patches").glob("[0-9]*.patch"))
    return {name for text in patches for name in re.findall(r"^\+\+\+ b/(\S+)", text, re.M)}


class Readme(unittest.TestCase):
    """The rule below the table: what a path is below of, and where a bare name lies."""

    def test_every_path_of_the_table_is_there(self):
        series = series_files()

        def is_there(path: str) -> bool:
            return (paths.TOP / path).exists() or path in series or any(file.startswith(f"{path.rstrip('/')}/") for file in series)

        lost = []
        for row in rows("To change X, open Y"):
            folder = "."
            for name in NAME.findall(row):
                if name.startswith("out/") or not re.search(r"[./]", name):     # what a make target makes; a word of code
                    continue
                places = [start + name for start in STARTS] if "/" in name else [f"{folder}/{name}"]
                found = next((p for p in places if is_there(p)), None)
                if not found:
                    lost.append(f"{name}: nowhere, in:{row}")
                    continue
                folder = found.rstrip("/") if name.endswith("/") else found.rpartition("/")[0]
        self.assertEqual(lost, [])

    def test_tiers_that_run_by_name_only_are_named(self):
        names = " ".join(t.name for t in TIERS if t.by_name and t.counts)
        for name in ("README.rst", "Makefile"):
            self.assertTrue(f'TIERS="{names}"' in (paths.TOP / name).read_text(), f"{name} does not say how to run {names}")


if __name__ == "__main__":
    unittest.main()
