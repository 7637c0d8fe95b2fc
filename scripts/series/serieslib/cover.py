# SPDX-License-Identifier: MIT
"""The cover letter: patches/COVER, filled with what was measured of this series. Used by scripts/series/send."""
from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import bisect
from .base import Places, SeriesError, say
from .git import Git
from .lab import Lab, digest_of
from .verdict import Failed, Skip

FIELDS = ("@CHANGES@", "@BASE@", "@BISECT@", "@REPOSITORY@", "@TESTS@", "@FIGURES@")
WIDTH = 75
# Everybody can read it: no file, no ssh, no user's name in it.
PUBLIC = re.compile(r"(https|git)://[\w-]+(\.[\w-]+)+(:\d+)?/\S+")


@dataclass(frozen=True)
class Letter:
    """Subject without its [PATCH ...], and text."""

    subject: str
    body: str


def _read(path: Path, command: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SeriesError(f"{path}: {error}: run `{command}` first, or ask for a --draft") from error


def _results(path: Path, digest: str, command: str) -> dict[str, Any]:
    """What a command said of this series, and of no other."""
    data = _read(path, command)
    if data.get("series") != digest:
        raise SeriesError(f"{path}: is about another state of patches/ (series {str(data.get('series'))[:12]}, now {digest[:12]}): "
                          f"run `{command}` again, or ask for a --draft")
    return data


def _newest(folder: Path, name: str) -> Path:
    found = sorted(folder.glob(f"*/{name}"), key=lambda p: p.stat().st_mtime)
    return found[-1] if found else folder / name


def _tests(lab: Lab, digest: str) -> str:
    """The newest result of each tier, if it is about this series: all that `make check` runs, and those that were run by name."""
    path = lab.places.results / "check.json"
    data = _read(path, "make check")
    tiers = [t for t in data["tiers"] if t.get("series") == digest]
    if not tiers:
        raise SeriesError(f"{path}: is about another state of patches/ (now {digest[:12]}): run `make check` again, or ask for a --draft")
    missing = [name for name in data["default"] if name not in {t["name"] for t in tiers}]
    if missing:
        raise SeriesError(f"make check: nothing is known of this series from {', '.join(missing)}: "
                          "run `make check` without TIERS=, or these")
    failed = [t for t in tiers if t["failed"]]
    if failed:
        raise SeriesError(f"make check: {sum(t['failed'] for t in failed)} failed ({', '.join(t['name'] for t in failed)}): "
                          "a series with failures is not sent")
    everything = {"name": "all", **{what: sum(t[what] for t in tiers) for what in ("passed", "skipped")}}
    return "\n".join(f"  {t['name']:<14}{t['passed']:>7} passed{t['skipped']:>6} skipped"
                     for t in [*tiers, everything] if t["passed"] or t["skipped"])


def _figures(lab: Lab, digest: str) -> str:
    data = _results(_newest(lab.places.results, "bench.json"), digest, "make bench")
    return "\n".join(textwrap.fill(f"{'reached' if t['reached'] else 'MISSED'}: {t['what']}", WIDTH, initial_indent="  ", subsequent_indent="    ",
                                   break_on_hyphens=False, break_long_words=False)
                     for t in data["targets"])


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


def repository(places: Places, named: str | None) -> str | None:
    """Where everybody can have what the series comes from: as named, or this clone's origin; None if that is not public."""
    if named and not PUBLIC.fullmatch(named):
        raise SeriesError(f"REPOSITORY={named}: not a public URL, https://... or git://...")
    url = named or Git(places.root).try_run("remote", "get-url", "origin").stdout.decode(errors="replace").strip()
    return url if PUBLIC.fullmatch(url) else None


def _lines(path: Path, text: str, first: int) -> str:
    """The text, if mails can have it; `first` is the number of its first line."""
    for number, line in enumerate(text.splitlines(), first):
        if len(line) > WIDTH:
            raise SeriesError(f"{path}:{number}: {len(line)} columns; mails have {WIDTH}")
    return text


def _changes(lab: Lab, version: int) -> str:
    """What changed since the versions before this one, newest first; of the first there is nothing to say."""
    if version == 1:
        return ""
    path, title = lab.places.patches / "CHANGES", f"Changes in v{version}:"
    try:
        text = path.read_text(encoding="utf-8").strip("\n")
    except OSError as error:
        raise SeriesError(f"{path}: {error.strerror}: version {version} says what changed, from a line '{title}' on") from error
    head, _, rest = text.partition("\n")
    if head != title or not rest.strip() or re.match(r"\s*Changes in v\d+:", rest):
        raise SeriesError(f"{path}:1: begins with '{title}' and what changed; then what it said of the versions before")
    return _lines(path, text, 1) + "\n\n"


def write(lab: Lab, draft: bool, version: int, url: str | None) -> Letter:
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
    _lines(path, body, 3)
    digest = digest_of(lab.places)
    missing = "  DRAFT: not measured"
    body = body.replace("@CHANGES@\n\n", _changes(lab, version))
    body = body.replace("@BASE@", _base(lab))
    body = body.replace("@REPOSITORY@", "  " + (url or "not public yet (make send REPOSITORY=https://...)"))
    body = body.replace("@BISECT@\n\n", _alone(lab))
    body = body.replace("@TESTS@", missing if draft else _tests(lab, digest))
    body = body.replace("@FIGURES@", missing if draft else _figures(lab, digest))
    return Letter(("DRAFT: " if draft else "") + head[len("Subject: "):], body.rstrip("\n"))
