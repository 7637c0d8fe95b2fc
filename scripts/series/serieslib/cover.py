# SPDX-License-Identifier: MIT
"""The cover letter: patches/COVER, filled with what was measured of this series. Used by scripts/series/send."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import bisect
from .base import SeriesError, say
from .lab import Lab, digest_of
from .verdict import Failed, Skip

FIELDS = ("@BASE@", "@BISECT@", "@TESTS@", "@FIGURES@")
WIDTH = 75


@dataclass(frozen=True)
class Letter:
    """Subject without its [PATCH ...], and text."""

    subject: str
    body: str


def _results(path: Path, digest: str, command: str) -> dict[str, Any]:
    """What a command said of this series, and of no other."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SeriesError(f"{path}: {error}: run `{command}` first, or ask for a --draft") from error
    if data.get("series") != digest:
        raise SeriesError(f"{path}: is about another state of patches/ (series {str(data.get('series'))[:12]}, now {digest[:12]}): "
                          f"run `{command}` again, or ask for a --draft")
    return data


def _newest(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"*/{name}"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else folder / name


def _tests(lab: Lab, digest: str) -> str:
    data = _results(lab.places.results / "check.json", digest, "make check")
    if not data["whole"]:
        raise SeriesError("make check: was run with some tiers only: run `make check` without TIERS=")
    if data["failed"]:
        raise SeriesError(f"make check: {data['failed']} failed ({', '.join(t['name'] for t in data['tiers'] if t['failed'])}): "
                          "a series with failures is not sent")
    rows = [f"  {t['name']:<14}{t['passed']:>7} passed{t['skipped']:>6} skipped" for t in data["tiers"] if t["passed"] or t["skipped"]]
    return "\n".join(rows + [f"  {'all':<14}{data['passed']:>7} passed{data['skipped']:>6} skipped"])


def _figures(lab: Lab, digest: str) -> str:
    data = _results(_newest(lab.places.results, "bench.json"), digest, "make bench")
    return "\n".join(f"  {'reached' if t['reached'] else 'MISSED'}: {t['what']}" for t in data["targets"])


def _base(lab: Lab) -> str:
    values = lab.base_values
    return (f"  v{values['upstream']}, as Debian has it: {values['package']} {values['version']},\n"
            f"  whose source is the git tree {values['tarball_tree']}")


def _alone(lab: Lab) -> str:
    """What is known of each patch alone. It takes hours to find out, so a series may go out without: then the paragraph is not there."""
    try:
        return "Each patch alone (make bisect-check):\n\n" + bisect.summary(lab.places) + "\n\n"
    except Skip as reason:
        say(f"the cover letter says nothing of each patch alone: {reason}")
    except Failed as failed:
        raise SeriesError("; ".join(failed.lines)) from failed
    return ""


def write(lab: Lab, draft: bool) -> Letter:
    """The letter; SeriesError if its text is not what a list takes, or results of this series are missing."""
    path = lab.places.patches / "COVER"
    try:
        head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    except OSError as error:
        raise SeriesError(f"{path}: {error.strerror}: the cover letter's text belongs there") from error
    if not head.startswith("Subject: ") or "\n" in head:
        raise SeriesError(f"{path}:1: begins with one line 'Subject: ...' and an empty one")
    for field in FIELDS:
        if body.count(field) != 1:
            raise SeriesError(f"{path}: has {field} {body.count(field)} times; once, on a line of its own, is right")
    for number, line in enumerate(body.splitlines(), 3):
        if len(line) > WIDTH:
            raise SeriesError(f"{path}:{number}: {len(line)} columns; mails have {WIDTH}")
    digest = digest_of(lab.places)
    missing = "  DRAFT: not measured"
    body = body.replace("@BASE@", _base(lab))
    body = body.replace("@BISECT@\n\n", _alone(lab))
    body = body.replace("@TESTS@", missing if draft else _tests(lab, digest))
    body = body.replace("@FIGURES@", missing if draft else _figures(lab, digest))
    return Letter(("DRAFT: " if draft else "") + head[len("Subject: "):], body.rstrip("\n"))
