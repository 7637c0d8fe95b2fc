#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Line coverage of the core by what ran last: coverage.py OBJECT_FOLDER LEAST_PERCENT FILE.c...

Reads gcov's records below the object folder. Prints each file with the lines that were never executed, then a figure for each
folder; fails if one is below the least."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def executed_lines(objects: Path, source: str) -> dict[int, bool]:
    """Of each line with code: was it executed?"""
    record = objects / Path(source).with_suffix(".gcda")
    if not record.exists():
        sys.exit(f"coverage: {record}: no record of {source}; was it built with --coverage, and did a test run?")
    report = subprocess.run(["gcov", "--json-format", "--stdout", str(record)], check=True, capture_output=True, text=True).stdout
    lines: dict[int, bool] = {}
    for file in json.loads(report)["files"]:
        if file["file"] == source:      # not what a header or another file's rows bring in
            for line in file["lines"]:
                lines[line["line_number"]] = lines.get(line["line_number"], False) or line["count"] > 0
    return lines


def ranges(numbers: list[int]) -> str:
    """1 2 3 7 -> '1-3 7'."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def main() -> int:
    objects, least, sources = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    folders: dict[str, list[bool]] = defaultdict(list)
    for source in sources:
        lines = executed_lines(objects, source)
        missed = sorted(n for n, done in lines.items() if not done)
        folders[str(Path(source).parent)] += lines.values()
        percent = 100 * (1 - len(missed) / len(lines)) if lines else 100
        print(f"{source:<28}{len(lines):>6} lines{percent:>7.1f} %   {ranges(missed)}".rstrip())
    low = 0
    for folder, done in sorted(folders.items()):
        percent = 100 * sum(done) / len(done)
        low += percent < least
        print(f"{'ok   ' if percent >= least else 'FAIL '} {folder}/: {percent:.1f} % of {len(done)} lines, at least {least:g} % wanted")
    print(f"{len(folders) - low} passed, {low} failed, 0 skipped")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
