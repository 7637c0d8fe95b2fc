# SPDX-License-Identifier: MIT
"""scripts/series/send: the mails are one thread that gives the series again, and say nothing that was not measured of it."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from scratch import GOOD, Result, Scratch

from serieslib.lab import digest_of

COVER = "Subject: drm/i915: probe\n\nWhy.\n\n@BASE@\n\n@BISECT@\n\n@TESTS@\n\n@FIGURES@\n"
CHECK = {"whole": True, "passed": 7, "failed": 0, "skipped": 2,
         "tiers": [{"name": "core", "passed": 7, "failed": 0, "skipped": 2}]}
BENCH = {"targets": [{"reached": True, "what": "a fence update: one trap at most: 1.00"},
                     {"reached": False, "what": "boots: 2.4"}]}


class Send:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a draft is a thread of a cover letter and a mail a patch, and applies", self.draft),
            ("what was measured of the series stands in the cover letter", self.measured),
            ("results that are missing, of another series, of some tiers or with failures are refused", self.refused),
            ("a cover letter with a line too wide, or without a field, is refused", self.letter),
            ("a mail that is changed on the way is found", self.changed),
            ("b4 takes the series from the mbox, and one that loses a patch is found", self.taken),
            ("a draft is not sent", self.unsent),
        ]

    def _begin(self, cover: str = COVER, check: dict[str, object] | None = None, bench: dict[str, object] | None = None) -> Path:
        self.scratch.series(*GOOD)
        (self.scratch.root / "patches/COVER").write_text(cover)
        results = self.scratch.places.results
        (results / "run").mkdir(parents=True, exist_ok=True)
        for path, data in ((results / "check.json", check), (results / "run/bench.json", bench)):
            path.unlink(missing_ok=True)
            if data:
                path.write_text(json.dumps({"series": digest_of(self.scratch.places), **data}))
        return self.scratch.root / "out/send/v1"

    def _send(self, *args: str) -> Result:
        return self.scratch.run("send", "--dry-run", *args)

    def draft(self) -> None:
        folder = self._begin()
        done = self._send("--draft")
        assert done.status == 0 and "3 mails" in done.text, done.text
        assert "intel-gfx@lists.freedesktop.org" in done.text, done.text
        cover, first, second = (p.read_text() for p in sorted(folder.glob("*.patch")))
        assert "Subject: [PATCH 0/2] DRAFT: drm/i915: probe\n" in cover, cover
        assert cover.count("DRAFT: not measured") == 2, cover
        ident = next(line for line in cover.splitlines() if line.startswith("Message-Id: ")).split()[1]
        for mail in (first, second):
            assert f"In-Reply-To: {ident}" in mail and "To: intel-gfx@" in mail and "\nCc: " in mail, mail
        done = self._send("--draft", "--rfc", "--version", "3")
        cover = next((self.scratch.root / "out/send/v3").glob("*0000-cover-letter.patch")).read_text()
        assert done.status == 0 and "Subject: [RFC PATCH v3 0/2]" in cover, done.text

    def measured(self) -> None:
        folder = self._begin(check=CHECK, bench=BENCH)
        done = self._send()
        cover = (folder / "0000-cover-letter.patch").read_text() if done.status == 0 else ""
        for line in ("core                7 passed     2 skipped", "reached: a fence update: one trap at most: 1.00", "MISSED: boots: 2.4"):
            assert line in cover, done.text + cover
        assert "DRAFT" not in cover, cover

    def refused(self) -> None:
        other = {"series": "0123456789abcdef"}
        for check, bench, says in ((None, BENCH, "run `make check` first"), (CHECK, None, "run `make bench` first"),
                                   ({**CHECK, **other}, BENCH, "another state of patches/"),
                                   (CHECK, {**BENCH, **other}, "another state of patches/"),
                                   ({**CHECK, "whole": False}, BENCH, "some tiers only"),
                                   ({**CHECK, "failed": 1, "tiers": [{"name": "core", "failed": 1}]}, BENCH, "1 failed (core)")):
            self._begin(check=check, bench=bench)
            done = self._send()
            assert done.status == 1 and says in done.text, f"{says}: {done.text}"

    def letter(self) -> None:
        for cover, says in ((COVER.replace("Why.", "W" * 76), "COVER:3: 76 columns"), (COVER.replace("@TESTS@", ""), "@TESTS@ 0 times"),
                            (COVER[len("Subject: "):], "begins with one line 'Subject: ...'")):
            self._begin(cover)
            done = self._send("--draft")
            assert done.status == 1 and says in done.text, f"{says}: {done.text}"

    def changed(self) -> None:
        """A git that mangles what it formats: the white space of an added line is gone."""
        folder = self._begin()
        git = self.scratch.root / "out/mangling"
        git.mkdir(parents=True, exist_ok=True)
        real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
        (git / "git").write_text(f'#!/bin/sh\n{real} "$@" || exit\ncase "$*" in *cover-letter*)\n'
                                 f"sed -i 's/^+\\treturn count/+return count/' {folder}/0001-*.patch;; esac\n")
        (git / "git").chmod(0o755)
        done = self.scratch.run("send", "--dry-run", "--draft", env={"PATH": f"{git}:{os.environ['PATH']}"})
        assert done.status == 1 and "git am on BASE gives tree" in done.text, done.text

    def taken(self) -> None:
        self._begin()
        done = self._send("--draft")
        assert done.status == 0 and "b4 am, of series.mbox on BASE give the series" in done.text, done.text
        losing = self.scratch.root / "out/losing"
        losing.mkdir(parents=True, exist_ok=True)
        real = subprocess.run(["sh", "-c", "command -v b4"], capture_output=True, text=True, check=True).stdout.strip()
        (losing / "b4").write_text(f'#!/bin/sh\nexec {real} "$@" --cherry-pick 1\n')
        (losing / "b4").chmod(0o755)
        done = self.scratch.run("send", "--dry-run", "--draft", env={"PATH": f"{losing}:{os.environ['PATH']}"})
        assert done.status == 1 and "git am on BASE gives tree" in done.text, done.text

    def unsent(self) -> None:
        self._begin()
        done = self.scratch.run("send", "--draft")
        assert done.status == 1 and "a draft is not sent" in done.text, done.text
