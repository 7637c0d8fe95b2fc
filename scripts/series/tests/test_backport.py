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
            ("a change of the series that a backport does not have is found, without any kernel source", self.behind),
        ]

    def _make(self) -> None:
        """The series, and a backport to the same kernel."""
        self.scratch.series(*GOOD)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.scratch.places.patches, self.folder, ignore=shutil.ignore_patterns(NAME, "COVER", "CHANGES", "BISECT.rst"))
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

    def behind(self) -> None:
        self._make()
        nothing = {"IGT_VGPU_SERIES": NAME, "IGT_VGPU_CACHE": str(self.scratch.root / "out/empty")}

        def check() -> Result:
            return self.scratch.run("check", "--no-source", env=nothing)

        done = check()
        assert done.status == 0 and "4 passed, 0 failed, 0 skipped" in done.text, done.text
        series = sorted(self.scratch.places.patches.glob("000*.patch"))[0]

        def change(old: str, new: str) -> None:
            text = series.read_text()
            assert text.count(old) == 1, text
            series.write_text(text.replace(old, new))

        change("+\treturn count * 2;", "+\treturn count * 3;")
        found = check().failed("a backport")
        assert len(found) == 2 and "0001-" in found[0], found
        assert "otherwise than DIFFERENCES says, first in: -+\treturn count * 3;" in found[0] and "--differences" in found[1], found
        # Taken over: they differ as before.
        self._edit(0, "+\treturn count * 2;", "+\treturn count * 3;")
        assert check().status == 0
        # Different on purpose, which is written down line by line; a further change is found again.
        self._edit(0, "+\treturn count * 3;", "+\treturn 3 * count;")
        assert check().failed("a backport")
        done = self.scratch.run("export", "--differences", env=nothing)
        written = (self.folder / "DIFFERENCES").read_text()
        assert done.status == 0 and f"\n{GOOD[0].subject}\n-+\treturn count * 3;\n++\treturn 3 * count;\n" in written, done.text + written
        assert check().status == 0
        change("+\treturn count * 3;", "+\treturn count * 4;")
        assert "-+\treturn count * 4;" in "".join(check().failed("a backport"))
        change("+\treturn count * 4;", "+\treturn 3 * count;")
        assert "(no more) -+\treturn count * 3;" in "".join(check().failed("a backport")), "a difference that is gone"
        done = self.scratch.run("export", "--differences", env={"IGT_VGPU_SERIES": ""})
        assert done.status == 1 and "is about a backport" in done.text, done.text
        shutil.rmtree(self.folder)
