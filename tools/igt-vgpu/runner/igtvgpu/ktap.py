# SPDX-License-Identifier: MIT
"""Reads KTAP (Documentation/dev-tools/ktap.rst), strictly where a lie could hide: plan, numbers, nesting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_VERSION = re.compile(r"^(KTAP version 1|TAP version 1[34])$")
_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(?:SKIP)?\s*(.*))?$")
_RESULT = re.compile(r"^(ok|not ok) (\d+)(?: (?:- )?([^#]*?))?\s*(?:# ?(\w+)(.*))?$")
_RESULT_LIKE = re.compile(r"^(ok|not ok)\b")
_KUNIT_SUM = re.compile(r"^# (\S+): pass:\d+ fail:\d+ skip:\d+ total:(\d+)$")
_SUBTEST = re.compile(r"^# Subtest: (.*)$")


@dataclass
class Case:
    """One leaf result. `status` is pass, fail or skip."""

    name: str
    status: str
    reason: str = ""


@dataclass
class Report:
    """What the output said, and what is wrong with it as KTAP."""

    cases: list[Case] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass
class _Level:
    indent: int
    path: str = ""
    plan: int | None = None
    seen: int = 0
    nested_failed: bool = False
    notes: list[str] = field(default_factory=list)


def _close(level: _Level, report: Report) -> None:
    where = f"in '{level.path}'" if level.path else "at the top level"
    if level.plan is None:
        if level.seen:
            report.errors.append(f"no plan (1..N) {where}")
    elif level.plan != level.seen:
        report.errors.append(f"plan says {level.plan} tests {where}, {level.seen} reported")


def _status(match: re.Match[str], notes: list[str]) -> tuple[str, str]:
    directive, rest = (match[4] or "").upper(), (match[5] or "").strip(" :")
    if directive == "SKIP":
        return "skip", rest
    if directive == "XFAIL" and match[1] == "ok":
        return "pass", rest
    if match[1] == "ok":
        return "pass", ""
    return "fail", rest or (notes[-1] if notes else "")


def suite_in_log(lines: list[str], name: str) -> str:
    """What KUnit said of a suite in the kernel log, in the form of the suite's debugfs file; "" if it is not there to its end."""
    said = iter(lines)
    if not any(line == f"    # Subtest: {name}" for line in said):
        return ""
    body = ["KTAP version 1", "1..1", "    KTAP version 1", f"    # Subtest: {name}"]
    for line in said:
        result = re.fullmatch(rf"(ok|not ok) \d+ (- )?({re.escape(name)}\b.*)", line)
        if result:
            return "\n".join([*body, f"{result[1]} 1 {result[3]}", ""])
        body.append(line)
    return ""


def parse(text: str) -> Report:
    """Parse a program's whole output; lines that are not KTAP are diagnostics."""
    report = Report()
    stack = [_Level(0)]
    versions = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        indent = len(raw) - len(raw.lstrip())
        if _VERSION.match(line):
            versions += 1
            if indent > stack[-1].indent:
                stack.append(_Level(indent))
            continue
        subtest = _SUBTEST.match(line)
        if subtest:
            if indent > stack[-1].indent:
                stack.append(_Level(indent))
            stack[-1].path = "/".join(x for x in [*(s.path for s in stack[:-1] if s.path), subtest[1]] if x)
            continue
        if line.startswith("Bail out!"):
            report.errors.append(f"line {number}: {line}")
            continue
        plan = _PLAN.match(line)
        if plan:
            level = stack[-1]
            if indent > level.indent:
                level = _Level(indent)
                stack.append(level)
            if level.plan is not None:
                report.errors.append(f"line {number}: a second plan '{line}'")
            level.plan = int(plan[1])
            if level.plan == 0 and len(stack) == 1:
                report.cases.append(Case("all", "skip", (plan[2] or "").strip()))
            continue
        if not _RESULT_LIKE.match(line):
            total = _KUNIT_SUM.match(line)
            if total and stack[-1].plan is None and stack[-1].path.endswith(f"/{total[1]}"):
                stack[-1].plan = int(total[2])      # KUnit has no plan for parameters, but counts them at the end
            elif line.startswith("#"):
                stack[-1].notes.append(line.lstrip("# "))
            continue
        _result(line, number, indent, stack, report)
    while stack:
        _close(stack.pop(), report)
    if not versions:
        report.errors.insert(0, "no version line ('KTAP version 1' or 'TAP version 13')")
    elif not report.cases:
        report.errors.append("no results")
    return report


def _result(line: str, number: int, indent: int, stack: list[_Level], report: Report) -> None:
    match = _RESULT.match(line)
    if not match:
        report.errors.append(f"line {number}: malformed result '{line}'")
        return
    nested: _Level | None = None
    while len(stack) > 1 and indent < stack[-1].indent:
        nested = stack.pop()
        _close(nested, report)
        stack[-1].nested_failed |= nested.nested_failed
    level = stack[-1]
    level.seen += 1
    if int(match[2]) != level.seen:
        report.errors.append(f"line {number}: test number {match[2]}, expected {level.seen}")
        level.seen = int(match[2])
    status, reason = _status(match, level.notes)
    level.notes.clear()
    name = (match[3] or "").strip() or f"test-{match[2]}"
    if nested is not None and nested.seen:
        if status == "fail" and not nested.nested_failed:
            report.errors.append(f"line {number}: '{name}' failed though none of its tests did")
        return
    parents = [s.path for s in stack if s.path]
    report.cases.append(Case("/".join([*parents[-1:], name]), status, reason))
    if status == "fail":
        level.nested_failed = True
