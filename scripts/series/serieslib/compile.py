# SPDX-License-Identifier: MIT
"""One cell of the build matrix: does i915 at this commit compile without a warning in this variant?

A pass is remembered in the cache folder under a key of everything that decides it, so an interrupted
or repeated run resumes. Failures are never remembered. The whole product takes hours; what of it is known is
recorded in patches/COMPILED as well, under the same keys, so that it outlives the cache."""
from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .base import write_whole
from .git import Git
from .lab import Lab
from .verdict import Failed, Skip
from .work import DEFAULT, VARIANTS, Variant, WorkTree, build_config, heard, tool_version

RECORD = "COMPILED"
RECORD_HEAD = """\
# SPDX-License-Identifier: MIT
#
# Made by `FULL=1 make series-build`; not for editing. What it compiled without a warning: a digest of sources, configuration and
# compiler, and what that was.
"""
I915 = "drivers/gpu/drm/i915/"
XE = "drivers/gpu/drm/xe/"
OF_BOTH = (XE, f"{I915}display/", f"{I915}soc/")      # what xe compiles, too
# "tools" stands for its folders, which are listed one by one.
UNCOMPILED = ("Documentation", "MAINTAINERS", "tools", "tools/testing")
# Bump when this file starts to check more, so that old passes do not count.
RULES = "2"
# What an x86 kernel is made of: another architecture's exports are not there for i915.
SOURCES = ("*.c", "*.S", "*.h", ":!arch/[!x]*", ":!arch/xtensa", ":!arch/x86/um")
EXPORT = re.compile(r"EXPORT_(?:\w+_)?SYMBOL\w*\(\s*(\w+)")
# Names that macros paste together, so that no EXPORT_SYMBOL() spells them.
MACRO_EXPORT = re.compile(r"(__tracepoint_|__traceiter_|__SC[KT]__|_dev_|get_random_|kstrto|param_ops_|"
                          r"__x86_|__this_module$|atomic64_\w+_cx8$)")


@dataclass(frozen=True)
class Cell:
    commit: str
    label: str
    variant: Variant
    vmlinux: bool = False
    header_test: bool = True

    @property
    def name(self) -> str:
        return f"{self.label} {self.variant.name}" + (" vmlinux" if self.vmlinux else "") \
            + (" +headers" if self.header_test else "")


def has_svm(lab: Lab, commit: str) -> bool:
    """Whether the tree has SVM bind to switch off."""
    return lab.git.ok("grep", "-q", "^config DRM_I915_SVM$", commit, "--", f"{I915}Kconfig*")


def for_xe(lab: Lab, commits: list[tuple[str, str]], last: tuple[str, str]) -> list[tuple[str, str]]:
    """Those of `commits` that change what xe compiles, and `last`; none if the tree has no xe."""
    if not lab.git.ok("grep", "-q", "^config DRM_XE$", last[0], "--", f"{XE}Kconfig"):
        return []
    return [c for c in commits if c == last or not lab.git.ok("diff", "--quiet", f"{c[0]}^", c[0], "--", *OF_BOTH)]


def labelled(lab: Lab) -> list[tuple[str, str]]:
    """(commit, number of its patch) of the series."""
    return [(commit, file.name.split("-")[0]) for commit, file in zip(lab.apply().commits, lab.places.patch_files())]


def plan(lab: Lab, commits: list[tuple[str, str]], mode: str) -> list[Cell]:
    """The cells of (commit, label) pairs, grouped by variant so that each work tree walks the series once. `mode`: quick, default, full."""
    cells: list[Cell] = []
    for variant in VARIANTS:
        if mode == "quick" and variant != DEFAULT:
            continue
        picked = commits if mode == "full" or variant == DEFAULT else commits[-1:]
        if not variant.svm:
            picked = [c for c in picked if has_svm(lab, c[0])]
        if variant.xe:
            picked = for_xe(lab, picked, commits[-1])
        # The header test costs more than the driver: the last patch answers for all of them.
        cells += [Cell(commit, label, variant,
                       header_test=variant == DEFAULT and commit == commits[-1][0])
                  for commit, label in picked]
        if mode != "quick" and variant.compiler == "gcc" and variant.i915 == "y" \
                and (mode == "full" or not variant.gvt):
            cells.append(Cell(*commits[-1], variant, vmlinux=True, header_test=False))
    return cells


class Passes:
    """Remembered passes; with `recorded`, also those that patches/COMPILED knows."""

    def __init__(self, lab: Lab, recorded: bool = False) -> None:
        self.lab = lab
        self.record = lab.places.patches / RECORD
        lines = self.record.read_text(encoding="utf-8").splitlines() if recorded and self.record.exists() else []
        self.recorded = {line.split()[0] for line in lines if line and not line.startswith("#")}
        self.dir = lab.places.cache / "series-build"
        self.dir.mkdir(parents=True, exist_ok=True)
        self.config = "\n".join(build_config(lab))
        self.trees: dict[str, str] = {}

    def _sources(self, commit: str) -> str:
        """The tree, but for what no compiler sees: new documentation is no reason to compile again."""
        lines = self.lab.git.lines("ls-tree", commit) + self.lab.git.lines("ls-tree", commit, "tools/")
        return "\n".join(line for line in lines if line.partition("\t")[2] not in UNCOMPILED)

    def key(self, cell: Cell) -> Path:
        if cell.commit not in self.trees:
            self.trees[cell.commit] = self._sources(cell.commit)
        parts = (RULES, self.trees[cell.commit], self.config, cell.variant.fragment(), tool_version(cell.variant.cc),
                 "vmlinux" if cell.vmlinux else "", "" if cell.header_test else "no headers")
        return self.dir / (hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40] + ".json")

    def has(self, cell: Cell) -> bool:
        key = self.key(cell)
        return key.stem in self.recorded or key.exists()

    def add(self, cell: Cell, seconds: float) -> None:
        path = self.key(cell)
        path.write_text(json.dumps({"cell": cell.name, "seconds": round(seconds, 1)}) + "\n")

    def write_record(self, cells: list[Cell]) -> None:
        """Record which of the product's cells are known to pass."""
        write_whole(self.record, RECORD_HEAD + "".join(f"{self.key(c).stem} {c.name}\n" for c in cells if self.has(c)))


def check_record(lab: Lab) -> str:
    """For series-check: patches/COMPILED knows of every cell of this very series, with this compiler."""
    cells = plan(lab, labelled(lab), "full")
    passes = Passes(lab, recorded=True)
    missing = [c for c in cells if passes.key(c).stem not in passes.recorded]
    if not missing:
        return f"{len(cells)} cells"
    whole = [v.name for v in VARIANTS if v not in {c.variant for c in missing}]
    raise Skip(f"{len(cells) - len(missing)} of {len(cells)} cells" + (f", whole are {', '.join(whole)}" if whole else "")
               + ": FULL=1 make series-build compiles the rest, in hours")


def _undefined(work: WorkTree) -> set[str]:
    """Names that the linked driver takes from elsewhere."""
    out = work.path / I915 / "i915.o"
    done = subprocess.run(["nm", "--undefined-only", "--format=posix", str(out)],
                          capture_output=True, text=True, check=False)
    return {line.split()[0] for line in done.stdout.splitlines() if line}


def _exported(git: Git, commit: str, names: set[str]) -> set[str]:
    """Those of `names` that some EXPORT_SYMBOL() of the tree's x86 sources exports."""
    if not names:
        return set()
    found = git.try_run("grep", "-h", "-w", "-F", *[w for n in sorted(names) for w in ("-e", n)],
                        commit, "--", *SOURCES).stdout.decode(errors="replace")
    return {m.group(1) for m in EXPORT.finditer(found)} & names


def _base_exports(lab: Lab) -> set[str]:
    """Every name that BASE exports on x86, collected from the source once (12 s), then remembered."""
    path = lab.places.cache / "series-build" / f"{lab.base[:40]}.x86.exports"
    if not path.exists():
        text = lab.git.out("grep", "-h", "-E", r"EXPORT_(\w+_)?SYMBOL", lab.base, "--", *SOURCES)
        write_whole(path, "\n".join(sorted(set(EXPORT.findall(text)))) + "\n")
    return set(path.read_text().split())


def symbols(work: WorkTree, commit: str) -> list[str]:
    """The module may not need what nothing exports: a file that is missing in the Makefile, mostly.
    The source is asked instead of modpost, so that no vmlinux has to be built to know."""
    lost = {n for n in _undefined(work) - _base_exports(work.lab) if not MACRO_EXPORT.match(n)}
    lost -= _exported(work.lab.git, commit, lost)
    return [f"i915.ko: symbol {n} is needed, but nothing defines and exports it" for n in sorted(lost)]


def _objects(work: WorkTree) -> Iterator[Path]:
    """All of the tree, but for the tools that it compiles for itself."""
    for folder in (p for p in work.path.iterdir() if p.is_dir() and p.name not in (".git", "tools", "scripts")):
        yield from folder.rglob("*.o")


def build(work: WorkTree, cell: Cell) -> float:
    """Compile; raises Failed with what was said. With -s, a clean build says nothing at all."""
    began = time.monotonic()
    work.goto(cell.commit)
    work.configure()
    goals = ["vmlinux"] if cell.vmlinux else [XE] if cell.variant.xe else [I915]
    # The header test: each header of i915 compiles alone, and its kernel-doc parses. It says the same
    # in every variant, so the plan asks for it in one only.
    if not cell.header_test:
        goals.append("no-header-test=%.h")
    with heard(work, "build", lambda: _objects(work)):
        done = work.make(*goals)
        said = [x for x in done.stdout.splitlines() if x.strip()]
        if done.returncode:
            raise Failed(said[:60] or [f"make failed with status {done.returncode} and no output"])
        if said:
            raise Failed(said[:60])
        if cell.variant.i915 == "m" and not cell.variant.xe:
            lost = symbols(work, cell.commit)
            if lost:
                raise Failed(lost)
    return time.monotonic() - began
