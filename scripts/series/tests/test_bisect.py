# SPDX-License-Identifier: MIT
"""scripts/series/bisect: a patch that does not boot, or loses what an earlier one had, is found where it is; and what the table is good for.

Series, commits, memory and table are real. The kernel's build and the runner are fakes, where the real ones lie: the fake runner boots
nothing, but says what the header series_guest.h of the kernel tree tells it to."""
from __future__ import annotations

import shutil
from dataclasses import replace

from scratch import I915, REPO, Patch, Result, Scratch

from serieslib import bisect
from serieslib.cover import FIELDS
from serieslib.guest import DRIVES, KUNIT, RECORD, SOURCES, Boot, Record, Test, sources

HEADER = I915 + "series_guest.h"
BALLOON, FILE = "every-patch/vgpu_balloon/binds", "every-patch/vgpu_detect/file"
KERNEL_BUILD = f"""\
#!/bin/sh
cd "$(dirname "$0")/../../.." || exit
! grep -s "no kernel" out/linux-patch/{HEADER}
"""
QEMU_BUILD = """\
#!/bin/sh
cd "$(dirname "$0")/.." || exit
! grep "no mediator" mediator/qemu/add-to-qemu
"""
RUNNER = f"""\
import json, pathlib
tests = {{"{DRIVES}": "pass", "{BALLOON}": "pass", "{FILE}": "fail", "{KUNIT}": "fail absent", "vm/1/unload-and-power-off": "pass"}}
header = pathlib.Path("out/linux-patch/{HEADER}")
if header.exists():
    tests |= dict(line[3:-3].split("=") for line in header.read_text().splitlines() if "=" in line)
with open("out/boots", "a") as log:
    log.write("boot\\n")
rows = [{{"name": n, "status": s.split()[0], "reason": "because" * ("pass" not in s), "splats": ["WARN"] * ("splat" in s),
         "details": {{"absent": "absent" in s}}}} for n, s in tests.items() if s != "gone"]
pathlib.Path("out/results/tiers").mkdir(parents=True, exist_ok=True)
pathlib.Path("out/results/run.json").write_text(json.dumps({{"tests": rows}}))
pathlib.Path("out/results/tiers/every-patch.json").write_text(json.dumps({{"details": "out/results/run.json"}}))
"""


def step(subject: str, *lines: str) -> Patch:
    """A patch whose guest differs from the unmodified driver's in these lines."""
    return Patch(f"drm/i915: {subject}", {HEADER: "/* SPDX-License-Identifier: MIT */\n" + "".join(f"/* {x} */\n" for x in lines)})


FIRST = step("say nothing yet", "the first")
SHOWS = step("show the vGPU", f"{FILE}=pass")
TESTS = step("bring tests", f"{FILE}=pass", f"{KUNIT}=gone", f"{KUNIT}/one=pass", f"{KUNIT}/two=pass")


class Bisect:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.root = scratch.root

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("of a good series each kernel is booted once, and the table says what came when", self.good),
            ("a patch that does not boot fails, alone, and is booted again", self.unbootable),
            ("a patch whose kernel does not compile fails, and is not booted", self.uncompiled),
            ("a patch with broken ballooning fails, and says since when", self.balloon),
            ("a splat fails even where the test is to come", self.splat),
            ("a test that the patch brings itself counts at once", self.kunit),
            ("a test that goes away fails", self.gone),
            ("what is still to come at the last patch fails", self.to_come),
            ("a part of the patches leaves the table unfinished", self.part),
            ("all that decides how a guest does is there, and a file", self.there),
            ("a boot is forgotten when the kernel's build, PID 1 or the runner's judgement changes", self.decides),
            ("what was booted is known on another machine, of what is still in the series", self.another),
            ("a damaged record and a mediator that does not compile are said, and nothing is booted", self.refuses),
            ("a table of another series is no table, one with failures is worse", self.table),
            ("the cover letter has the table's paragraph or nothing", self.letter),
        ]

    # -- a checkout with fakes -------------------------------------------------------------------

    def _series(self, *patches: Patch) -> None:
        self.scratch.series(*patches)
        self.cache = self.root / "out/cache"
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True)
        (self.cache / "git").symlink_to(self.scratch.places.cache / "git")
        tools = self.root / "tools/igt-vgpu"
        (self.scratch.places.patches / RECORD).unlink(missing_ok=True)
        texts = {**{self.root / s.replace("[ch]", "h").replace("*", "x"): "" for s in SOURCES}, tools / "tests/igt/Makefile": "all:\n",
                 tools / "setup/kernel-build": KERNEL_BUILD, tools / "setup/qemu-build": QEMU_BUILD, tools / "runner/igtvgpu/__init__.py": "",
                 tools / "runner/igtvgpu/__main__.py": RUNNER, self.root / "out/boots": ""}
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in ("kernel-build", "qemu-build"):
            (tools / "setup" / name).chmod(0o755)

    def _run(self, *args: str) -> Result:
        done = self.scratch.run("bisect", *args, env={"IGT_VGPU_CACHE": str(self.cache)})
        boots = self.root / "out/boots"
        self.boots = len(boots.read_text().split())
        boots.write_text("")
        path = self.scratch.places.patches / bisect.TABLE
        self.text = path.read_text() if path.exists() else ""
        return done

    def _fails(self, done: Result, label: str, *says: str) -> None:
        """That patch fails, no other, with these words; the table has it, too."""
        failed = [r for r in done.data["results"] if r["result"] == "fail"]  # type: ignore[attr-defined]
        assert done.status == 1 and [r["name"].split()[0] for r in failed] == [label], done.text
        for word in says:
            assert word in "\n".join(failed[0]["details"]), done.text
        assert f":Failed: {label}\n" in self.text and f"* {label}: " in self.text, self.text

    # -- the tests -----------------------------------------------------------------------------------

    def good(self) -> None:
        self._series(FIRST, SHOWS, TESTS)
        done = self._run()
        assert done.status == 0 and self.boots == 4, done.text
        for line in (":Booted: 4 of 4\n", ":Failed: none\n", "* 0002: ``vgpu_detect/file``\n", "* 0003: 2 of KUnit\n"):
            assert line in self.text, self.text
        rows = {x.split()[0]: x.split() for x in self.text.splitlines() if x[:4] in ("base", "0001", "0002", "0003")}
        assert rows["base"][1:4] == ["yes", "2", "2"] and rows["0003"][1:7] == ["0", "of", "10", "yes", "5", "0"], self.text
        done = self._run()
        assert done.status == 0 and self.boots == 0 and done.text.count("remembered") == 4, done.text
        done = self._run("--again", "--patch", "0002")
        assert done.status == 0 and self.boots == 1, done.text

    def there(self) -> None:
        found = sources(REPO)
        assert len(found) > len(SOURCES) and len(set(found)) == len(found), found

    def unbootable(self) -> None:
        dead = [f"{name}=fail" for name in (DRIVES, BALLOON, FILE, KUNIT, "vm/1/unload-and-power-off")]
        self._series(FIRST, step("do not boot", *dead), SHOWS, TESTS)
        self._fails(self._run(), "0002", "every guest does")
        row = next(x for x in self.text.splitlines() if x.startswith("0002"))
        assert "**no**" in row, self.text
        self._fails(self._run(), "0002")
        assert self.boots == 1, "only what failed is booted again"

    def uncompiled(self) -> None:
        self._series(FIRST, step("break the build", "no kernel"), TESTS)
        self._fails(self._run(), "0002", "the guest kernel does not compile", "no kernel")
        assert self.boots == 3, self.boots

    def balloon(self) -> None:
        self._series(FIRST, step("break ballooning", f"{BALLOON}=fail"), TESTS)
        self._fails(self._run(), "0002", BALLOON, "passed at base")
        self._series(FIRST, step("skip ballooning", f"{BALLOON}=skip"), TESTS)
        self._fails(self._run(), "0002", BALLOON, "passed at base")

    def splat(self) -> None:
        self._series(FIRST, step("complain", f"{FILE}=fail splat"), TESTS)
        self._fails(self._run(), "0002", "makes the kernel complain")

    def kunit(self) -> None:
        self._series(FIRST, step("bring a broken test", f"{KUNIT}=gone", f"{KUNIT}/one=fail"), TESTS)
        self._fails(self._run(), "0002", f"{KUNIT}/one", "brings this test")

    def gone(self) -> None:
        self._series(FIRST, step("lose a test", f"{BALLOON}=gone"), TESTS)
        self._fails(self._run(), "0002", f"{BALLOON}: gone (passed at base)")

    def to_come(self) -> None:
        self._series(FIRST, step("bring tests", f"{KUNIT}=gone", f"{KUNIT}/one=pass"))
        self._fails(self._run(), "0002", FILE, "at its end")

    def part(self) -> None:
        self._series(FIRST, SHOWS, TESTS)
        done = self._run("--patch", "base", "--patch", "0002")
        assert done.status == 0 and self.boots == 2 and "2 passed, 0 failed, 1 skipped" in done.text, done.text
        assert ":Booted: 2 of 4\n" in self.text, self.text
        done = self._run("--minutes", "0.00001")
        assert done.status == 0 and self.boots == 0 and "minutes that this run has are over" in done.text, done.text
        assert self._run().status == 0 and self.boots == 2, "the run goes on where it ended"
        assert self._run("--patch", "0009").status == 1

    def decides(self) -> None:
        self._series(FIRST, TESTS)
        assert self._run().status == 0 and self.boots == 3
        for name in ("setup/kernel-build", "guest/init.c", "runner/igtvgpu/expected.py", "runner/igtvgpu/kinds.py", "tests/igt/x.h", "mediator/gvt/x.h"):
            with (self.root / "tools/igt-vgpu" / name).open("a") as file:
                file.write("# Something else.\n")
            assert self._run().status == 0 and self.boots == 3, name
        assert self._run().status == 0 and self.boots == 0

    def another(self) -> None:
        self._series(FIRST, SHOWS, TESTS)
        record = self.scratch.places.patches / RECORD
        assert self._run().status == 0 and self.boots == 4
        text = record.read_text()
        base, first, second, third = Record(record).rows.values()
        assert [line.split()[1] for line in text.splitlines()[-4:]] == ["base", "0001", "0002", "0003"], text
        assert base[KUNIT] == Test("fail", absent=True) and first[FILE] == Test("fail") and second[FILE] == Test("pass") and KUNIT not in third, text
        self._series(FIRST, TESTS)          # another cache, nothing in out/, and one patch is gone: the tree at the last one is the same
        record.write_text(text)
        done = self._run()
        assert done.status == 0 and self.boots == 0 and done.text.count("remembered") == 3, done.text
        assert self._run("--again", "--patch", "0001").status == 0 and self.boots == 1
        assert list(Record(record).rows.values()) == [base, first, third] and " 0003 " not in record.read_text(), record.read_text()

    def refuses(self) -> None:
        self._series(FIRST, TESTS)
        assert self._run().status == 0
        record = self.scratch.places.patches / RECORD
        text = record.read_text()
        for damaged in (text[:-2] + "\n", text[:-2] + "x\n"):
            record.write_text(damaged)
            done = self._run()
            assert done.status == 1 and self.boots == 0 and f"{RECORD}:{len(text.splitlines())}: " in done.text, done.text
        record.write_text(text)
        (self.root / "tools/igt-vgpu/mediator/qemu/add-to-qemu").write_text("no mediator\n")
        done = self._run()
        assert done.status == 1 and self.boots == 0 and "the mediator does not compile" in done.text, done.text

    def _rows(self) -> list[bisect.Row]:
        boot = Boot({DRIVES: Test("pass")})
        return [bisect.Row("base", "Linux", boot=boot), bisect.Row("0001", "one", 9, boot=boot, passed=7), bisect.Row("0002", "two", 9, boot=boot, passed=12)]

    def _check(self) -> Result:
        return self.scratch.run("check", "bisect")

    def table(self) -> None:
        self.scratch.series(FIRST, SHOWS)
        places, rows = self.scratch.places, self._rows()
        (places.patches / bisect.TABLE).unlink(missing_ok=True)
        done = self._check()
        assert done.status == 0 and done.result("works alone") == "skip" and "not there" in done.text, done.text
        bisect.write(places, rows)
        done = self._check()
        assert done.result("works alone") == "pass" and "3 of 3 kernels booted, 2 of 2, in 9 variants" in done.text, done.text
        bisect.write(places, [rows[0], rows[1], replace(rows[2], cells=10)])
        assert "2 of 2, in up to 10 variants" in self._check().text and "in up to 10 variants\n" in bisect.summary(places)
        for row, says in ((replace(rows[1], boot=None), "booted are 2 of 3 only"), (replace(rows[1], uncompiled=["x"]), "compiled are 1 of 2 only")):
            bisect.write(places, [rows[0], row, rows[2]])
            done = self._check()
            assert done.result("works alone") == "skip" and says in done.text, done.text
        bisect.write(places, [rows[0], replace(rows[1], problems=["broken"]), rows[2]])
        assert "not every patch is good alone: 0001" in "\n".join(self._check().failed("works alone"))
        self.scratch.series(FIRST, TESTS)
        done = self._check()
        assert done.status == 0 and done.result("works alone") == "skip" and "another state of patches/" in done.text, done.text

    def letter(self) -> None:
        self.scratch.series(FIRST, SHOWS)
        (self.scratch.places.patches / "COVER").write_text("Subject: x\n\nWhy.\n\n" + "\n\n".join(FIELDS) + "\n")
        bisect.write(self.scratch.places, self._rows())
        cover = self.root / "out/send/v1/0000-cover-letter.patch"
        done = self.scratch.run("send", "--dry-run", "--draft")
        assert done.status == 0 and "each of the 2 patches compiles" in cover.read_text() and "passes all 12" in cover.read_text(), done.text
        bisect.write(self.scratch.places, self._rows()[:1] + [replace(self._rows()[1], boot=None)] + self._rows()[2:])
        done = self.scratch.run("send", "--dry-run", "--draft")
        assert done.status == 0 and "says nothing of each patch alone" in done.text and "Each patch" not in cover.read_text(), done.text
