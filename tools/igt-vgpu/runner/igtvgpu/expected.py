# SPDX-License-Identifier: MIT
"""What programs that others wrote are expected to come to: a list of names, outcomes and reasons, and the judgement.

A row names a set (which selection the test belongs to), a test (`program@subtest@dynamic-subtest`, as IGT writes it; a glob
in the subtest's place stands for all that no other row names), an outcome, and the reason for any outcome but a pass:

    smoke  core_auth@basic-auth      pass
    fast   gem_huc_copy@huc-copy     skip       no HuC: a vGPU loads no firmware
    full   gem_eio@*                 pass,hang

`hang`: hangs or resets the GPU on purpose, so the driver may say so. `slow`: gets five times as long. `together`: one run of the
program runs all of its subtests with this mark; each has an outcome of its own. `suspend`: suspends the machine, which costs the
guest its root; so it runs from a copy in memory, and its guest ends with it. `bare`: is about what a vGPU has not, and runs on the
bare GPU. `omit`: is not run. `outside`: is not run, and no
part of the list that the programs' authors run themselves, so it does not count (count.py).
When the last set is run, a subtest that no row names is a failure.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path

from .suite import SuiteError

OUTCOMES = ("pass", "skip", "fail", "omit", "outside")
NOT_RUN = ("omit", "outside")
MARKS = ("bare", "hang", "slow", "suspend", "together")
SLOW = 5


@dataclass(frozen=True)
class Expected:
    """One row."""

    set: str
    program: str
    subtest: str            # "" for a program without subtests; may be a glob
    dynamic: str            # "" for all of the subtest
    outcome: str
    marks: frozenset[str]
    reason: str
    where: str

    @property
    def name(self) -> str:
        return "@".join(x for x in (self.program, self.subtest, self.dynamic) if x)

    @property
    def is_glob(self) -> bool:
        return any(c in self.subtest for c in "*?[")


def parse_row(line: str, where: str, sets: tuple[str, ...]) -> Expected:
    """One row of text; a mistake in it is a SuiteError with its place."""
    columns = line.split(None, 3)
    if len(columns) < 3:
        raise SuiteError(f"{where}: '{line.strip()}' has {len(columns)} columns: set, test, outcome and reason are wanted")
    chosen, test, outcome, reason = (*columns, "")[:4]
    verdict, *marks = outcome.split(",")
    program, subtest, dynamic = (*test.split("@", 2), "", "")[:3]
    if chosen not in sets:
        raise SuiteError(f"{where}: {test}: there is no set '{chosen}', only {', '.join(sets)}")
    if verdict not in OUTCOMES or set(marks) - set(MARKS):
        raise SuiteError(f"{where}: {test}: outcome '{outcome}': it is one of {', '.join(OUTCOMES)}, "
                         f"then ,{' or ,'.join(MARKS)}")
    if verdict != "pass" and not reason.strip():
        raise SuiteError(f"{where}: {test}: '{verdict}' needs a reason")
    if "@" in dynamic:
        raise SuiteError(f"{where}: {test}: more than program@subtest@dynamic-subtest")
    if "together" in marks and (dynamic or not subtest):
        raise SuiteError(f"{where}: {test}: together is for subtests")
    if {"together", "suspend"} <= set(marks):
        raise SuiteError(f"{where}: {test}: what suspends has a guest of its own, and is not together with others")
    return Expected(chosen, program, subtest, dynamic, verdict, frozenset(marks), reason.strip(), where)


class ExpectedList:
    """The rows of a file, in its order."""

    def __init__(self, path: Path, sets: tuple[str, ...]) -> None:
        self.sets = sets
        self.rows: list[Expected] = []
        names: dict[str, str] = {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            row = parse_row(line, f"{path.name}:{number}", sets)
            if row.name in names:
                raise SuiteError(f"{row.where}: {row.name} is listed already, in {names[row.name]}")
            names[row.name] = row.where
            self.rows.append(row)

    def programs(self, chosen: str | None = None) -> list[str]:
        """The programs that have a row (in that set)."""
        return list(dict.fromkeys(r.program for r in self.rows if chosen in (None, r.set)))

    def of(self, program: str) -> list[Expected]:
        """All rows of a program."""
        return [r for r in self.rows if r.program == program]

    def assign(self, program: str, listed: list[str]) -> tuple[dict[str, list[str]], list[str]]:
        """Which of a program's subtests each row stands for (by the row's name), and those that no row names.

        A row without a glob beats one with, the longer glob the shorter.
        """
        rows = sorted(self.of(program), key=lambda r: (r.is_glob, -len(r.subtest)))
        given: dict[str, list[str]] = {r.name: [] for r in rows}
        unnamed = []
        for subtest in listed:
            exact = [r for r in rows if not r.is_glob and r.subtest == subtest]
            glob = [r for r in rows if r.is_glob and fnmatch.fnmatchcase(subtest, r.subtest)]
            chosen = exact or glob[:1]
            for row in chosen:
                given[row.name].append(subtest)
            if not chosen:
                unnamed.append(subtest)
        return given, unnamed


def judge(row: Expected, status: str, reason: str) -> tuple[str, str]:
    """What the runner reports, given what the program came to."""
    if row.outcome == status == "pass":
        return status, reason
    if row.outcome == status == "skip":
        return "skip", f"{row.reason} ({reason or 'the program gives no reason'})"
    if row.outcome == status == "fail":
        return "skip", f"fails as expected: {row.reason}"
    if row.outcome == "pass":
        return "fail", f"{'skipped: ' if status == 'skip' else ''}{reason or status}"
    told = f": {reason}" if reason else ""
    return "fail", f"{row.where} expects '{row.outcome}' ({row.reason}), but it came to '{status}'{told}"
