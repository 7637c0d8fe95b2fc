# SPDX-License-Identifier: MIT
"""The hold on the truth: a process's pages, as its pagemap has them, against the GPU's page tables, as the mediator walks them.

A program stops at a point at which nothing of its VM runs, after it printed (vgpu_vm_sync() of igt/vgpu_mirror.c):

  svm-sync N root=ADDRESS nothing=ADDRESS present=PAGES expect=PAGES*BYTES
  svm-range ADDRESS BYTES rw|ro|object|none
  svm-page ADDRESS PAGES PFN KIND     pages of the range above, one behind the other in both; kind: w area is writable, s shared
                                      or of a file, x mapped nowhere else
  svm-ready N PID                     ... and the process stops itself

The pagemap is read first. No entry comes into being while the process stands still, so each one that is found afterwards was
there when the pagemap was read: it must be the same page. This holds though pages may go, or move, at any time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Callable, Iterator

PAGE = 4096
Leaf = tuple[int, int, int, bool]           # address, guest physical address, bytes, writable
Walk = Callable[[int, int, int], list]      # root, from, to -> leaves


@dataclass
class Range:
    """A bound range, and what the process has there: address -> (physical address, kind)."""

    begin: int
    end: int
    mode: str
    pages: dict[int, tuple[int, str]] = field(default_factory=dict)


@dataclass
class Report:
    """What a program printed at one point."""

    number: int
    root: int
    nothing: int
    present: int
    expect: tuple[int, int]
    ranges: list[Range] = field(default_factory=list)
    pid: int = 0


def parse(lines: list[str]) -> Iterator[Report]:
    """The complete reports in a program's output."""
    report = None
    for line in lines:
        words = line.split()
        if not line.startswith("svm-"):
            continue
        if words[0] == "svm-sync":
            values = dict(word.split("=") for word in words[2:])
            pages, size = (int(n) for n in values["expect"].split("*"))
            report = Report(int(words[1]), int(values["root"], 16), int(values["nothing"], 16), int(values["present"]), (pages, size))
        elif report is None:
            raise ValueError(f"'{line}' before any svm-sync")
        elif words[0] == "svm-range":
            begin = int(words[1], 16)
            report.ranges.append(Range(begin, begin + int(words[2], 16), words[3]))
        elif words[0] == "svm-page":
            addr, count, pfn = int(words[1], 16), int(words[2]), int(words[3], 16)
            report.ranges[-1].pages.update((addr + i * PAGE, ((pfn + i) * PAGE, words[4])) for i in range(count))
        elif words[0] == "svm-ready":
            report.pid = int(words[2])
            yield report
            report = None
        else:
            raise ValueError(f"what is '{line}'?")


def _page_faults(where: Range, addr: int, phys: int, writable: bool) -> Iterator[str]:
    """What is wrong with one mapped page."""
    has = where.pages.get(addr)
    if has is None:
        yield f"{addr:#x} is mapped to {phys:#x}, the process has no page there"
        return
    if has[0] != phys:
        yield f"{addr:#x} is mapped to {phys:#x}, the process has {has[0]:#x}"
    if not writable:
        return
    if where.mode == "ro":
        yield f"{addr:#x} is writable in a read-only range"
    elif "w" not in has[1]:
        yield f"{addr:#x} is writable, the process may only read"
    elif "s" not in has[1] and "x" not in has[1]:
        yield f"{addr:#x} is writable, the page is not the process's alone"


def compare(report: Report, walk: Walk) -> list[str]:
    """Everything that is wrong, in sentences; empty if all agrees."""
    wrong: list[str] = []
    found = walk(report.root, report.nothing, report.nothing + 1)
    scratch = found[0][1] if found else None
    if found and found[0][3]:
        wrong.append(f"what stands for nothing is writable: {found[0]}")
    mapped, whole = 0, 0
    for where in report.ranges:
        if where.mode == "object":
            continue
        for addr, phys, size, writable in walk(report.root, where.begin, where.end):
            if phys == scratch:
                continue
            whole += size == report.expect[1]
            if where.mode == "none":
                wrong.append(f"{addr:#x} is mapped to {phys:#x} after unbind")
                continue
            if addr < where.begin or addr + size > where.end:
                wrong.append(f"a page of {size} bytes at {addr:#x} reaches out of the range {where.begin:#x}-{where.end:#x}")
            for offset in range(0, size, PAGE):
                if where.begin <= addr + offset < where.end:
                    mapped += 1
                    wrong += _page_faults(where, addr + offset, phys + offset, writable)
    if mapped < report.present:
        wrong.append(f"{mapped} pages are mapped, of at least {report.present}")
    if whole < report.expect[0]:
        wrong.append(f"{whole} mappings are {report.expect[1]} bytes large, of at least {report.expect[0]}")
    return wrong


def _report(job, number: int) -> tuple[Report, str]:
    """The report of which the last line has begun."""
    while True:
        text = job.output
        text = text[text.rindex(f"svm-sync {number} "):]
        if re.search(rf"^svm-ready {number} \d+$\n", text, re.M):
            return next(parse(text.splitlines())), text
        time.sleep(0.01)


def follow(t, command: str, timeout: float, device: str = "vgpu0", meanwhile: str = "true") -> int:
    """Run a program, compare at each of its points, with `meanwhile` done before where something must be mapped; how many there were."""
    job = t.vm.spawn(f"IGT_VGPU_SYNC=1 {command}")
    points = 0
    while job.wait_output(f"svm-ready {points + 1} ", timeout):
        points += 1
        report, text = _report(job, points)
        t.run(f"until grep -q '^State:.T' /proc/{report.pid}/status; do sleep 0.01; done; {meanwhile if report.present else 'true'}")
        wrong = compare(report, lambda root, begin, end: t.vm.ppgtt(root, begin, end, device))
        if wrong:
            t.log(text)
            t.log("\n".join(wrong))
            job.kill()
            job.wait(10)
            t.fail(f"{command}, point {points}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if wrong[1:] else ""))
        t.run(f"kill -CONT {report.pid}")
    done = job.wait(timeout)
    t.log("\n".join(line for line in done.out.splitlines() if not line.startswith("svm-")))
    if done.rc == 77:
        t.skip(next((line for line in done.out.splitlines() if "requirement" in line.lower()), "the program skipped"))
    t.check(done.ok, done.why())
    return points
