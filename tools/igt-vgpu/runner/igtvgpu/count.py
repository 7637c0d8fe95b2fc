# SPDX-License-Identifier: MIT
"""How many subtests a list of expected outcomes stands for, by outcome. Nothing is run but the programs' --list-subtests."""

from __future__ import annotations

from collections import Counter
from typing import Iterable

from .expected import NOT_RUN, OUTCOMES, ExpectedList
from .kinds import igt_subtests
from .suite import Declaration, SuiteError


def count(expected: ExpectedList, listed: dict[str, list[str]], sets: tuple[str, ...] = ()) -> Counter[tuple[str, str]]:
    """Subtests (of these sets) by outcome and, of those that are not run, by reason. `listed`: the subtests of each program."""
    found: Counter[tuple[str, str]] = Counter()
    for program, subtests in listed.items():
        given, unnamed = expected.assign(program, subtests)
        if unnamed:
            raise SuiteError(f"{program}@{unnamed[0]} has no row, and {len(unnamed) - 1} more")
        rows = {subtest: row for row in expected.of(program) for subtest in given[row.name]}    # of dynamic subtests one stands for all
        for row in (r for r in rows.values() if not sets or r.set in sets):
            found[row.outcome, row.reason if row.outcome in NOT_RUN else ""] += 1
    return found


def table(found: Counter[tuple[str, str]]) -> str:
    """The counts as lines of text, then the share of what counts that passes or skips."""
    lines = [f"{outcome:<8} {found[outcome, reason]:>7}  {reason}".rstrip()
             for outcome, reason in sorted(found, key=lambda k: (OUTCOMES.index(k[0]), -found[k]))]
    counted = sum(n for (outcome, _), n in found.items() if outcome != "outside")
    good = sum(n for (outcome, _), n in found.items() if outcome in ("pass", "skip"))
    return "\n".join([*lines, f"pass or skip: {good} of {counted}, {100 * good / max(counted, 1):.1f} %"])


def tables(declarations: Iterable[Declaration]) -> Iterable[str]:
    """One table for each list that the declared programs have."""
    lists: dict[int, tuple[ExpectedList, dict[str, list[str]]]] = {}
    for declaration in declarations:
        expected = declaration.args.get("expected")
        if not expected:
            continue
        program = declaration.args["program"].rpartition("/")[2]
        listed = lists.setdefault(id(expected), (expected, {}))[1]
        if program not in listed:
            listed[program], wrong = igt_subtests(declaration)
            if wrong:
                raise SuiteError(wrong)
    for expected, by_program in lists.values():
        first = expected.sets[:-1]
        if first:
            yield f"{' and '.join(first)}:\n{table(count(expected, by_program, first))}"
        yield f"all:\n{table(count(expected, by_program))}"
