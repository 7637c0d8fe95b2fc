# SPDX-License-Identifier: MIT
"""Checks that need the sources at the series' tip: kernel-doc, sparse, W=1; Coccinelle's, on the same Sources, are in cocci_checks.py.

They work in one configured work tree (gcc, GVT host on, so that every file of i915 is compiled).
Files that the series adds must be clean. A file that it only touches may keep the warnings that it
has in BASE, and gets no new one; what BASE warns about is measured once and remembered."""
from __future__ import annotations

import collections
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

from .base import write_whole
from .text_checks import Context
from .verdict import Failed
from .work import VARIANTS, WorkTree, heard, tool_version

ANALYSIS = next(v for v in VARIANTS if v.name == "gcc-m-gvt")
I915 = "drivers/gpu/drm/i915/"
MESSAGE = re.compile(r"^(?:\./)?([^\s:]+\.[chS]):(\d+)(?::\d+)?: (?:fatal )?(warning|error|note): (.*)$")


class Sources:
    """The touched files at the tip, and the work tree that holds them."""

    def __init__(self, ctx: Context) -> None:
        series = ctx.applied()
        git = ctx.lab.git
        self.ctx = ctx
        self.tip, self.base = series.tip, series.base

        def names(kinds: str) -> list[str]:
            return git.names("diff-tree", "-r", "-z", "--no-renames", "--name-only",
                             f"--diff-filter={kinds}", self.base, self.tip)

        self.added = names("A")
        self.changed = names("M")
        self.work = WorkTree(ctx.lab, "analysis", ANALYSIS)

    def code(self, which: list[str]) -> list[str]:
        return [n for n in which if n.endswith((".c", ".h")) and n.startswith(("drivers/", "include/"))]

    def units(self, which: list[str]) -> list[str]:
        """The .o files that compile these .c files. i915's selftests are included by other .c files."""
        found: set[str] = set()
        for name in which:
            if not (name.startswith(I915) and name.endswith(".c")):
                continue
            tail = "/".join(name.split("/")[-2:])
            users = self.ctx.lab.git.try_run(
                "grep", "-l", "-E", f'^#include "([a-z_./]*/)?({re.escape(tail)}|'
                f'{re.escape(name.split("/")[-1])})"', self.tip, "--", I915 + "*.c"
            ).stdout.decode().split()
            users = [u.split(":", 1)[1] for u in users]
            found.update(u[:-2] + ".o" for u in (users or [name]))
        return sorted(found)

    def checkout(self) -> Path:
        with self.work as work:
            work.goto(self.tip)
        return self.work.path


def check_kernel_doc(sources: Sources, kdir: Path) -> str:
    files = sources.code(sources.added)
    if not files:
        return "no added files"
    tree = sources.checkout()
    done = subprocess.run(["perl", str(kdir / "scripts/kernel-doc"), "-none", "-Wall", *files], cwd=tree,
                          capture_output=True, text=True, errors="replace", check=False)
    lines = [x for x in (done.stdout + done.stderr).splitlines() if x.strip()]
    if lines or done.returncode:
        raise Failed(lines or [f"kernel-doc: status {done.returncode}"])
    return f"{len(files)} added files"


# -- compiler and sparse -----------------------------------------------------------------------

def messages(output: str) -> collections.Counter[tuple[str, str]]:
    """(file, text) of each warning and error, without the line numbers, which move."""
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for line in output.splitlines():
        match = MESSAGE.match(line)
        if match and match.group(3) != "note":
            found[(match.group(1), match.group(4))] += 1
    return found


class BaseWarnings:
    """What BASE's own files say to a tool; each is measured once and remembered."""

    def __init__(self, ctx: Context, goals: tuple[str, ...], tool: str) -> None:
        self.ctx = ctx
        self.goals = goals
        self.work = WorkTree(ctx.lab, "analysis-base", ANALYSIS)
        text = "\0".join((ctx.lab.base, self.work.config_text(), *goals, tool_version(tool)))
        self.path = ctx.places.cache / "series-build" / (
            hashlib.sha256(text.encode()).hexdigest()[:40] + ".warnings")

    def of(self, units: list[str]) -> collections.Counter[tuple[str, str]]:
        units_known: set[str] = set()
        total: collections.Counter[tuple[str, str]] = collections.Counter()
        if self.path.exists():
            data = json.loads(self.path.read_text())
            units_known = set(data["units"])
            total.update({(f, t): n for f, t, n in data["messages"]})
        missing = [u for u in units if u not in units_known]
        if missing:
            total.update(self._measure(missing))
            data = {"units": sorted(units_known | set(missing)),
                    "messages": [[f, t, n] for (f, t), n in sorted(total.items())]}
            write_whole(self.path, json.dumps(data, indent=1))
        return total

    def _measure(self, units: list[str]) -> collections.Counter[tuple[str, str]]:
        with self.work as work:
            work.goto(self.ctx.lab.base)
            work.configure()
            work.must("modules_prepare")
            for unit in units:      # of an object that is there make says nothing
                (work.path / unit).unlink(missing_ok=True)
            return messages(work.make(*self.goals, "-k", *units).stdout)


def _in_base(sources: Sources, units: list[str]) -> list[str]:
    git = sources.ctx.lab.git
    return [u for u in units if git.ok("cat-file", "-e", f"{sources.base}:{u[:-2]}.c")]


def _compile_check(sources: Sources, goals: tuple[str, ...], tool: str) -> str:
    units = sources.units(sources.code(sources.added + sources.changed))
    if not units:
        return "no .c file of i915 touched"
    tree_id = sources.ctx.lab.git.out("rev-parse", f"{sources.tip}^{{tree}}").strip()
    memo_key = ("compile", tree_id, sources.work.config_text(), tool_version(tool), *goals)
    if sources.ctx.memo.passed(*memo_key):
        return f"{len(units)} objects; unchanged since they passed"
    with sources.work as work:
        work.goto(sources.tip)
        work.configure()
        with heard(work, tool, lambda: (work.path / unit for unit in units)):
            done = work.make(*goals, "-k", *units)
            now = messages(done.stdout)
            bad = _new_messages(sources, goals, tool, units, done.stdout)
            if done.returncode and not bad:
                bad = [f"make {' '.join(goals)} failed with status {done.returncode}"] \
                    + done.stdout.strip().splitlines()[-12:]
            if bad:
                raise Failed(bad)
    sources.ctx.memo.remember(*memo_key)
    kept = sum(now.values())
    return f"{len(units)} objects" + (f"; {kept} warnings that BASE has too" if kept else "")


def _new_messages(sources: Sources, goals: tuple[str, ...], tool: str, units: list[str], said: str) -> list[str]:
    """The lines of the compiler's that BASE does not have, too."""
    now = messages(said)
    old: collections.Counter[tuple[str, str]] = collections.Counter()
    if now:
        old = BaseWarnings(sources.ctx, goals, tool).of(_in_base(sources, units))
    bad: list[str] = []
    added = set(sources.added)
    for (name, text), count in sorted(now.items()):
        allowed = 0 if name in added else old[(name, text)]
        if count > allowed:
            lines = [x for x in said.splitlines()
                     if x.removeprefix("./").startswith(name + ":") and text in x]
            bad += lines[:count - allowed]
    return bad


def check_w1(sources: Sources) -> str:
    return _compile_check(sources, ("W=1",), "gcc")


def check_sparse(sources: Sources) -> str:
    """After check_w1, with the same flags, so that nothing is compiled again."""
    if not shutil.which("sparse"):
        raise Failed(["sparse: not installed: run `make setup`"])
    return _compile_check(sources, ("W=1", "C=2", "CHECK=sparse"), "sparse")


