# SPDX-License-Identifier: MIT
"""Is the series good at every patch? Judges what guests of each patch came to, and keeps the table patches/BISECT.rst.

Tests of what a patch does not have yet fail there, and no list says which these are: a test counts from the first patch on that passes it.
So: what one patch passes, every later one passes; the last passes all; and at once count a splat, that a guest boots, drives its vGPU and
powers off, and the KUnit tests, which come with the patch itself.

Used by scripts/series/bisect, which fills the table, and by check and send, which read it."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from .base import Places
from .guest import DRIVES, KUNIT, Boot, Test
from .lab import digest_of
from .verdict import Failed, Skip

TABLE = "BISECT.rst"
RUN = "make bisect-check"
BASE = "base"
VM = "vm/"              # the runner's own tests: a guest boots, unloads i915 and powers off, each without a splat
HEAD = """\
.. SPDX-License-Identifier: MIT

.. Made by `{run}` (scripts/series/bisect); not for editing.

=================
Every patch alone
=================

"""
LEGEND = """\
Compiles: without a warning, in so many of the variants that there are for the patch (``FULL=1 scripts/series/build --plan``). Drives: a guest
with this kernel boots on a vGPU, i915 probes, works on each engine, leaves, and does it again, with nothing for the mediator to catch and
no complaint in the kernel log. Pass: tests of detection, ballooning and fences, and KUnit tests. To come: tests that no patch passed so
far, of what a later one adds; the last patch has none. The base is the unmodified driver.
"""


@dataclass
class Row:
    """What is known of one kernel."""

    label: str                      # NNNN, or base
    subject: str
    cells: int = 0                  # variants to compile it in
    uncompiled: list[str] = field(default_factory=list)
    boot: Boot | None = None        # None: nobody has booted it yet
    passed: int = 0
    to_come: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)        # pass here first
    problems: list[str] = field(default_factory=list)

    @property
    def drives(self) -> bool:
        return bool(self.boot) and self.boot.tests.get(DRIVES, Test("fail")).status == "pass"


class Judge:
    """Is given the rows in the order of the series."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}     # test -> the patch that passed it first

    def row(self, row: Row, last: bool) -> None:
        """Fill in what the row's tests are worth, after all rows before it."""
        if row.boot is None:
            return
        row.problems = list(row.boot.problem)
        if not row.boot.problem and not row.drives and DRIVES not in row.boot.tests:
            row.problems.append(f"{DRIVES}: did not run")
        for name, test in row.boot.tests.items():
            if test.status == "pass" and name.startswith(VM):
                continue        # how many guests there are depends on how many a failure has spoiled
            if test.status == "pass":
                row.passed += 1
                if self.first.setdefault(name, row.label) == row.label and row.label != BASE:
                    row.new.append(name)
                continue
            why = self._counts(name, test, row.label == BASE, last)
            if why:
                row.problems.append(f"{name}: {test.reason or test.status} ({why})")
            elif test.status == "fail":
                row.to_come.append(name)
        if row.boot.tests:
            row.problems += [f"{name}: gone (passed at {at})" for name, at in self.first.items() if name not in row.boot.tests]

    def _counts(self, name: str, test: Test, base: bool, last: bool) -> str:
        """Why this failure or skip is one of the patch's; empty if it is not."""
        if name == DRIVES or name.startswith(VM):
            return "every guest does"
        if name in self.first:
            return f"passed at {self.first[name]}"
        if test.splat and not base:
            return "no patch makes the kernel complain"
        if name.startswith(KUNIT) and not test.absent:
            return "the patch brings this test"
        return "the series does not have it at its end" if last and test.status == "fail" else ""


def _table(rows: list[Row]) -> list[str]:
    """The rows as a simple table."""
    head = ("Patch", "Compiles", "Drives", "Pass", "To come", "Subject")
    cells = [(r.label, f"{r.cells - len(r.uncompiled)} of {r.cells}" if r.cells else "", *(
        (("**no**", "yes")[r.drives], str(r.passed), str(len(r.to_come))) if r.boot else ("?", "", "")), r.subject) for r in rows]
    widths = [max(len(c[i]) for c in (head, *cells)) for i in range(len(head))]
    rule = " ".join("=" * w for w in widths)
    lines = [" ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in (head, *cells)]
    return [rule, lines[0], rule, *lines[1:], rule]


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, "-" * len(title), "", *lines] if lines else []


def _new(row: Row) -> str:
    """The tests that pass from this patch on, those of KUnit as a number."""
    names = [f"``{n.partition('/')[2]}``" for n in row.new if not n.startswith(KUNIT)]
    kunit = len(row.new) - len(names)
    return ", ".join(names + [f"{kunit} of KUnit"] * bool(kunit))


def render(rows: list[Row], digest: str) -> str:
    """The table's file."""
    patches = [r for r in rows if r.label != BASE]
    failed = [r.label for r in rows if r.problems]
    counts = {r.cells for r in patches}     # a patch before SVM bind has no variant without it
    fields = {"Series": digest, "Booted": f"{sum(r.boot is not None for r in rows)} of {len(rows)}",
              "Compiled": f"{sum(not r.uncompiled for r in patches)} of {len(patches)}, "
                          f"in {'up to ' * (len(counts) > 1)}{max(counts, default=0)} variants",
              "Tests": str(rows[-1].passed), "Failed": ", ".join(failed) or "none"}
    lines = [f":{name}: {value}" for name, value in fields.items()] + ["", LEGEND, *_table(rows)]
    lines += _section("Failures", [f"* {r.label}: {p}" for r in rows for p in r.problems])
    lines += _section("Not compiled", [f"* {r.label}: {', '.join(r.uncompiled)}" for r in rows if r.uncompiled])
    lines += _section("Tests that pass from a patch on", [f"* {r.label}: {_new(r)}" for r in rows if r.new])
    return HEAD.format(run=RUN) + "\n".join(lines) + "\n"


def write(places: Places, rows: list[Row]) -> Path:
    path = places.patches / TABLE
    path.write_text(render(rows, digest_of(places)), encoding="utf-8")
    return path


def fields(places: Places) -> dict[str, str]:
    """The table's fields; Skip if there is no table of this series, or not of all of it."""
    path = places.patches / TABLE
    shown = places.show(path)
    if not path.exists():
        raise Skip(f"{shown}: not there: `{RUN}` makes it, in hours")
    found = dict(re.findall(r"^:(\w+): (.+)$", path.read_text(encoding="utf-8"), re.M))
    missing = {"Series", "Booted", "Compiled", "Tests", "Failed"} - found.keys()
    if missing:
        raise Failed([f"{shown}: lacks {', '.join(sorted(missing))}: it is generated: `{RUN}`"])
    digest = digest_of(places)
    if found["Series"] != digest:
        raise Skip(f"{shown}: is about another state of patches/ (series {found['Series'][:12]}, now {digest[:12]}): `{RUN}`, which takes hours")
    if found["Failed"] != "none":
        raise Failed([f"{shown}: not every patch is good alone: {found['Failed']}"])
    for name in ("Booted", "Compiled"):
        some, _, all_ = found[name].split(",")[0].partition(" of ")
        if some != all_:
            raise Skip(f"{shown}: {name.lower()} are {some} of {all_} only: `{RUN}` goes on")
    return found


def check(places: Places) -> str:
    """For series-check: the table says of this very series that each patch is good."""
    found = fields(places)
    return f"{found['Booted']} kernels booted, {found['Compiled']}"


def summary(places: Places) -> str:
    """For the cover letter."""
    found = fields(places)
    count, _, variants = found["Compiled"].partition(", in ")
    return (f"  each of the {count.split()[0]} patches compiles without a warning, in {variants}\n"
            f"  (gcc and clang, =m and =y, GVT-g host and SVM on and off, i386),\n"
            f"  and boots as a vGPU guest that passes the tests of detection and\n"
            f"  ballooning which its predecessor passed; the last passes all {found['Tests']}")
