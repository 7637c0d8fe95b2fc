# SPDX-License-Identifier: MIT
"""Patch files that were damaged after they were exported, and checkpatch-wrap.sh on its own."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

from scratch import GOOD, I915, Scratch, extra

TEXT = ("names", "applies", "roundtrip", "mirror")


class Patches:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a hunk that only applies with an offset fails", self.offset),
            ("a hunk that would need fuzz fails, and the patch is named", self.fuzz),
            ("a patch that needs a later one fails", self.order),
            ("a patch edited by hand no longer exports to the same bytes", self.edited),
            ("a mirror file edited, added or removed by hand fails", self.mirror),
            ("a gap in the numbers and a stray file fail", self.gap),
            ("checks of the text still run when the series does not apply", self.rest_runs),
            ("checkpatch-wrap: file, standard input, commit and range agree", self.wrap_inputs),
            ("a Coccinelle rule that misses its own bad example fails", self.blunt_rule),
            ("checkpatch-wrap: a clean patch is clean, several are summed up", self.wrap_clean),
            ("checkpatch-wrap: no checkpatch.pl, no file, no such revision: status 2 and one line",
             self.wrap_missing),
            ("checkpatch-wrap: a file outside MAINTAINERS' reach is reported", self.wrap_maintainers),
        ]

    def _edit(self, number: int, change: Callable[[str], str]) -> Path:
        files = self.scratch.series(*GOOD)
        text = files[number].read_text()
        new = change(text)
        assert new != text, "the test changed nothing"
        files[number].write_text(new)
        return files[number]

    def _fails(self, title: str, *words: str) -> None:
        result = self.scratch.run("check", *TEXT)
        details = "\n".join(result.failed(title))
        assert result.status == 1 and details, f"'{title}' did not fail:\n{result.text}"
        for word in words:
            assert word in details, f"no '{word}' in:\n{details}"

    def offset(self) -> None:
        self._edit(1, lambda t: t.replace("@@ -28,6 +28,7 @@", "@@ -21,6 +21,7 @@"))
        self._fails("applies exactly", "0002-", "i915_mm.c", "offset 7")

    def fuzz(self) -> None:
        self._edit(1, lambda t: t.replace('\n #include "i915_drv.h"', '\n #include "i915_drw.h"'))
        self._fails("applies exactly", "0002-", "does not apply", "i915_mm.c")

    def order(self) -> None:
        files = self.scratch.series(*GOOD, extra("series_tail", "/* One. */\n"))
        text = files[2].read_text().replace("/* One. */", "/* Two. */")
        files[0].rename(files[0].with_name("0003-z.patch"))
        files[2].rename(files[2].with_name("0001-a.patch"))
        (files[2].with_name("0001-a.patch")).write_text(
            text.replace("--- /dev/null", f"--- a/{I915}series_probe.c")
            .replace("new file mode 100644\n", "").replace("series_tail.c", "series_probe.c"))
        self._fails("applies exactly", "0001-a.patch")

    def edited(self) -> None:
        self._edit(0, lambda t: t.replace(" files changed,", " files  changed,", 1))
        self._fails("same bytes", "0001-", "differs from line")
        self._edit(0, lambda t: t + "-- \n2.39.5\n\n")
        self._fails("same bytes", "0001-", "differs from line")

    def mirror(self) -> None:
        self.scratch.series(*GOOD)
        probe = self.scratch.root / I915 / "series_probe.c"
        probe.write_text(probe.read_text() + "/* edited */\n")
        self._fails("mirrors", "series_probe.c: differs from line 15")
        (probe.with_name("stray.c")).write_text("")
        self._fails("mirrors", "stray.c: not part of the series")
        probe.unlink()
        self._fails("mirrors", "series_probe.c: missing")

    def gap(self) -> None:
        files = self.scratch.series(*GOOD)
        files[1].rename(files[1].with_name("0003-late.patch"))
        stray = self.scratch.places.patches / "notes.txt"
        stray.write_text("x\n")
        try:
            self._fails("gapless", "0002 is expected", "notes.txt")
        finally:
            stray.unlink()
            files[1].with_name("0003-late.patch").unlink()

    def rest_runs(self) -> None:
        self._edit(1, lambda t: t.replace('\n #include "i915_drv.h"', '\n #include "i915_drw.h"')
                   .replace("Signed-off-by", "Spelled-off-by"))
        result = self.scratch.run("check", "applies", "mirror", "signed", "spelling", "kernel-doc")
        assert result.failed("signed off") and result.result("spelling") == "pass", result.text
        assert "needs the applied series" in "\n".join(result.failed("mirrors")), result.text
        assert "needs the applied series" in "\n".join(result.failed("kernel-doc")), result.text

    def blunt_rule(self) -> None:
        self.scratch.series(*GOOD)
        rule = self.scratch.root / "scripts/coccinelle/pvinfo-direct-dereference.cocci"
        text = rule.read_text()
        assert self.scratch.run("check", "cocci-self").status == 0
        try:
            rule.write_text(text.replace("struct vgt_if", "struct vgt_of"))
            result = self.scratch.run("check", "cocci-self")
        finally:
            rule.write_text(text)
        assert "pvinfo-direct-dereference" in "\n".join(result.failed("own examples")), result.text

    # -- checkpatch-wrap.sh --------------------------------------------------------------------

    def _bad_commit(self) -> tuple[str, Path]:
        series = self.scratch.commits([*GOOD, extra("series_style", "int  x ;   \n")])
        return series.tip, self.scratch.write(series)[2]

    def wrap_inputs(self) -> None:
        tip, path = self._bad_commit()
        lab = str(self.scratch.lab.git.dir)
        runs = {
            "file": self.scratch.wrap("-q", str(path)),
            "stdin": self.scratch.wrap("-q", "-", stdin=path.read_bytes()),
            "commit": self.scratch.wrap("-q", "--git", lab, tip),
            "range": self.scratch.wrap("-q", "--git", lab, f"{tip}~2..{tip}"),
        }
        for name, run in runs.items():
            assert run.status == 1 and "TRAILING_WHITESPACE" in run.text, f"{name}: {run.text}"
        kinds = {name: sorted(re.findall(r": (?:ERROR|WARNING|CHECK): ([A-Z_]+): ", run.text))
                 for name, run in runs.items()}
        assert len({tuple(k) for k in kinds.values()}) == 1, kinds
        assert "checkpatch: 2 checked, 1 with findings" in runs["range"].text, runs["range"].text

    def wrap_clean(self) -> None:
        files = self.scratch.series(*GOOD)
        run = self.scratch.wrap(*[str(f) for f in files])
        assert run.status == 0 and run.text.count(": clean") == 2, run.text
        assert "checkpatch: 2 checked, 0 with findings, 0 findings" in run.text, run.text

    def wrap_missing(self) -> None:
        for args, kdir, word in (
                (("x.patch",), self.scratch.root / "nowhere", "make series-import"),
                (("no-such-thing",), None, "neither a file nor a revision"),
                (("--bogus",), None, "unknown option"),
                (("-f", "no-such.c"), None, "no such file")):
            run = self.scratch.wrap(*args, kdir=kdir)
            assert run.status == 2 and word in run.text and run.text.count("\n") == 1, \
                f"{args}: {run.status} {run.text}"

    def wrap_maintainers(self) -> None:
        series = self.scratch.commits([*GOOD, extra("series_here", "/* Nothing. */\n")])
        path = self.scratch.write(series)[2]
        assert self.scratch.wrap("-q", str(path)).status == 0, \
            self.scratch.wrap("-q", str(path)).text
        text = path.read_text().replace(I915 + "series_here.c", "drivers/newdir/here.c")
        run = self.scratch.wrap("-q", "-", stdin=text.encode())
        assert run.status == 1 and "FILE_PATH_CHANGES" in run.text, run.text

