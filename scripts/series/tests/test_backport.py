# SPDX-License-Identifier: MIT
"""patches/NAME: a backport is checked on a base of its own, against the series that it is one of."""
from __future__ import annotations

import shutil

from scratch import GOOD, Result, Scratch

NAME = "older"
NOTE = "[backport to older: this\n differs]\n\nSigned-off-by:"


class Backport:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.folder = scratch.places.patches / NAME

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a backport is a series in a folder of its own, and none of the series' files", self.folders),
            ("a backport may say what differs, and differ in nothing else that it says", self.messages),
            ("a backport without one of the patches says why", self.left_out),
        ]

    def _make(self) -> None:
        """The series, and a backport to the same kernel."""
        self.scratch.series(*GOOD)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.scratch.places.patches, self.folder, ignore=shutil.ignore_patterns(NAME, "COVER", "BISECT.rst"))
        (self.folder / "README.rst").write_text("What differs\n")

    def _check(self, *checks: str, name: str = NAME) -> Result:
        return self.scratch.run("check", *checks, env={"IGT_VGPU_SERIES": name})

    def _edit(self, number: int, old: str, new: str) -> None:
        path = sorted(self.folder.glob("000*.patch"))[number]
        text = path.read_text()
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new))

    def folders(self) -> None:
        self._make()
        done = self._check("names", "originals", "roundtrip", "mirror")
        assert done.status == 0 and "2 of 2 patches of the series" in done.text and "0 files" in done.text, done.text
        done = self._check("names", "mirror", name="")
        assert done.status == 0 and "2 files" in done.text, done.text
        (self.folder / "BASE").unlink()
        assert "neither one of BASE" in "\n".join(self._check("names", name="").failed("gapless"))
        assert self._check("names").status != 0
        shutil.rmtree(self.folder)

    def messages(self) -> None:
        self._make()
        self._edit(1, "Signed-off-by:", NOTE)
        done = self._check("originals")
        assert done.status == 0, done.text
        self._edit(1, "That is\nwhat", "This is\nwhat")
        found = self._check("originals").failed("a backport")
        assert len(found) == 1 and "0002-" in found[0] and "not the original's" in found[0], found
        shutil.rmtree(self.folder)

    def left_out(self) -> None:
        self._make()
        sorted(self.folder.glob("0002*.patch"))[0].unlink()
        found = self._check("originals").failed("a backport")
        assert len(found) == 1 and GOOD[1].subject in found[0], found
        (self.folder / "README.rst").write_text(f"Left out: {GOOD[1].subject}: older kernels have it.\n")
        done = self._check("originals")
        assert done.status == 0 and "1 of 2 patches" in done.text, done.text
        self._edit(0, GOOD[0].subject, "drm/i915: add another probe")
        found = self._check("originals").failed("a backport")
        assert len(found) == 2 and "has no such patch" in found[1], found
        shutil.rmtree(self.folder)
