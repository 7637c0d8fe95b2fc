# SPDX-License-Identifier: MIT
"""Numbered verdict lines on the terminal, and the same as JSON. Nothing that is announced can get
lost: a check that raises is a failed check."""
from __future__ import annotations

import functools
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Callable, Iterable

from .base import write_whole

MAX_DETAILS = 25


class Skip(Exception):
    """A check that cannot run here, with its reason."""


class Failed(Exception):
    """What a check found, one line each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(f"{len(lines)} findings")
        self.lines = lines


@functools.cache
def _own_code() -> bytes:
    """The checks themselves, and what runs make for them: a changed check remembers nothing."""
    here = Path(__file__).parent
    return b"".join(p.read_bytes() for p in (*sorted(here.glob("*_checks.py")), here / "work.py"))


class Memo:
    """Passes that are remembered by content, never failures: an unchanged input is not checked again.

    `parts` must name everything that decides: the inputs' bytes, the tool, its options."""

    def __init__(self, cache: Path) -> None:
        self.dir = cache / "series-memo"
        self.off = os.environ.get("SERIES_NO_MEMO", "") not in ("", "0")

    def _path(self, parts: Iterable[str | bytes]) -> Path:
        h = hashlib.sha256(_own_code())
        for part in parts:
            data = part.encode(errors="surrogateescape") if isinstance(part, str) else part
            h.update(f"{len(data)}:".encode() + data)
        return self.dir / h.hexdigest()[:40]

    def passed(self, *parts: str | bytes) -> bool:
        return not self.off and self._path(parts).exists()

    def remember(self, *parts: str | bytes) -> None:
        self.dir.mkdir(parents=True, exist_ok=True)
        self._path(parts).touch()


class Report:
    def __init__(self, title: str, total: int, hint: str = "") -> None:
        self.title = title
        self.total = total
        self.hint = hint
        self.rows: list[dict[str, object]] = []
        self.start = time.monotonic()
        print(f"TAP version 13\n1..{total}\n# {title}", flush=True)

    def run(self, name: str, body: Callable[[], str | None], repeat: str = "") -> bool:
        """Run one check. Its return value is a note; Skip, Failed or anything else raised decides."""
        began = time.monotonic()
        lines: list[str] = []
        note = ""
        try:
            note = body() or ""
            result = "pass"
        except Skip as e:
            result, note = "skip", str(e)
        except Failed as e:
            result, lines = "fail", e.lines
        except Exception as e:  # noqa: BLE001 -- a broken check must not look like a passed one
            result, lines = "fail", [f"{type(e).__name__}: {x}" if i == 0 else x
                                     for i, x in enumerate(str(e).splitlines() or [""])]
        self.add(name, result, note, lines, time.monotonic() - began, repeat)
        return result == "pass"

    def add(self, name: str, result: str, note: str, lines: list[str], seconds: float,
            repeat: str = "") -> None:
        self.rows.append({"name": name, "result": result, "note": note, "details": lines,
                          "seconds": round(seconds, 2), "repeat": repeat})
        head = "not ok" if result == "fail" else "ok"
        extra = " # SKIP " + note if result == "skip" else f" # {note}" if note else ""
        print(f"{head} {len(self.rows)} - {name}{extra} ({seconds:.1f} s)")
        for line in lines[:MAX_DETAILS]:
            print(f"#   {line}")
        if len(lines) > MAX_DETAILS:
            print(f"#   ... and {len(lines) - MAX_DETAILS} more lines, in the JSON file")
        if lines and repeat:
            print(f"#   repeat: {repeat}")
        print(end="", flush=True)

    def count(self, result: str) -> int:
        return sum(1 for r in self.rows if r["result"] == result)

    def finish(self, path: Path) -> int:
        """Write the JSON, print the totals, return the exit status."""
        missing = self.total - len(self.rows)
        for _ in range(missing):
            self.add("did not run", "fail", "", ["announced, but never run"], 0.0)
        passed, failed, skipped = (self.count(x) for x in ("pass", "fail", "skip"))
        data = {"title": self.title, "passed": passed, "failed": failed, "skipped": skipped,
                "seconds": round(time.monotonic() - self.start, 1), "results": self.rows}
        write_whole(path, json.dumps(data, indent=1) + "\n")
        print(f"# {self.title}: {time.monotonic() - self.start:.0f} s, results in {path}")
        print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
        return 1 if failed else 0
