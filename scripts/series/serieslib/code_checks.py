# SPDX-License-Identifier: MIT
"""Checks that need the sources at the series' tip: kernel-doc, Coccinelle, sparse, W=1.

They work in one configured work tree (gcc, GVT host on, so that every file of i915 is compiled).
Files that the series adds must be clean. A file that it only touches may keep the warnings that it
has in BASE, and gets no new one; what BASE warns about is measured once and remembered."""
from __future__ import annotations

import collections
import hashlib
import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .base import write_whole
from .text_checks import Context
from .verdict import Failed
from .work import VARIANTS, WorkTree, tool_version

ANALYSIS = next(v for v in VARIANTS if v.name == "gcc-m-gvt")
I915 = "drivers/gpu/drm/i915/"
MESSAGE = re.compile(r"^(?:\./)?([^\s:]+\.[chS]):(\d+)(?::\d+)?: (?:fatal )?(warning|error|note): (.*)$")

# The kernel's own rules that fit a driver. The rest is about other interfaces, or needs a review of
# each hit ("confidence: low").
KERNEL_RULES = (
    "api/alloc/alloc_cast", "api/alloc/zalloc-simple", "api/kstrdup", "api/memdup",
    "api/memdup_user", "api/kfree_sensitive", "api/kvmalloc",
    "api/simple_open", "api/stream_open", "api/vma_pages", "api/ptr_ret", "api/err_cast",
    "api/resource_size", "api/string_choices", "api/debugfs/debugfs_simple_attr",
    "free/kfree", "free/ifnullfree", "free/iounmap", "free/put_device",
    "iterators/fen", "iterators/itnull", "iterators/list_entry_update", "iterators/use_after_iter",
    "locks/call_kern", "locks/double_lock", "locks/flags", "locks/mini_lock",
    "misc/array_size", "misc/badty", "misc/boolconv", "misc/boolinit", "misc/boolreturn",
    "misc/bugon", "misc/cond_no_effect", "misc/doubleinit", "misc/flexible_array",
    "misc/ifaddr", "misc/ifcol", "misc/minmax", "misc/newline_in_nl_msg", "misc/noderef",
    "misc/orplus", "misc/returnvar", "misc/semicolon", "misc/struct_size", "misc/swap",
    "misc/uninitialized_var", "misc/warn", "null/deref_null", "null/eno",
    "null/kmerr", "tests/doublebitand", "tests/doubletest", "tests/odd_ptr_err", "tests/unsigned_lesser_than_zero",
)


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


# -- Coccinelle --------------------------------------------------------------------------------

def _spatch(tree: Path, rule: Path, files: list[str]) -> list[str]:
    """What one rule says about the files; any output is a finding."""
    text = rule.read_text(encoding="utf-8", errors="replace")
    mode = ["-D", "report"] if re.search(r"^virtual\b[^\n]*\breport\b", text, re.M) else []
    requires = re.search(r"^// Options: (.*)$", text, re.M)
    options = [o for o in requires.group(1).split() if o not in ("--include-headers",)] if requires else []
    done = subprocess.run(
        ["spatch", "--very-quiet", "--no-show-diff" if mode else "--very-quiet", *mode, "--cocci-file",
         str(rule), "--no-includes", "--include-headers", "--timeout", "60",
         *[o for o in options if o != "--no-includes"], *files],
        cwd=tree, capture_output=True, text=True, errors="replace", check=False)
    lines = [x for x in done.stdout.splitlines() if x.strip()]
    noise = ("warning: line", "Note:", "HANDLING", "rule starting on line")
    errors = [x for x in done.stderr.splitlines() if x.strip() and not x.startswith(noise)]
    if done.returncode:
        return [f"{rule.name}: spatch failed with status {done.returncode}"] + errors[:8]
    # A file that the parser gives up on was not checked: that is no pass.
    errors = [x for x in errors if "bad:" in x or "rror" in x or "imeout" in x or "xception" in x]
    return [f"{rule.name}: {x}" for x in lines + errors]


def _run_rules(sources: Sources, tree: Path, rules: list[Path], files: list[str]) -> None:
    if not shutil.which("spatch"):
        raise Failed(["spatch (coccinelle): not installed: run `make setup`"])
    memo = sources.ctx.memo
    content = b"".join(name.encode() + b"\0" + (tree / name).read_bytes() for name in files)

    def one(rule: Path) -> list[str]:
        key = ("cocci", tool_version("spatch"), rule.read_bytes(), content)
        if not files or memo.passed(*key):
            return []
        lines = _spatch(tree, rule, files)
        if not lines:
            memo.remember(*key)
        return lines

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        found = [x for lines in pool.map(one, rules) for x in lines]
    if found:
        raise Failed(found)


def check_own_cocci(sources: Sources) -> str:
    """Our rules, on what the series touches in i915 (the host side gvt/ is not the guest's)."""
    rules = sorted((sources.ctx.places.root / "scripts/coccinelle").glob("*.cocci"))
    if not rules:
        raise Failed(["scripts/coccinelle/: no rule"])
    files = [n for n in sources.code(sources.added + sources.changed)
             if n.startswith(I915) and not n.startswith(I915 + "gvt/")]
    _run_rules(sources, sources.checkout(), rules, files)
    return f"{len(rules)} rules on {len(files)} files"


def check_cocci_examples(root: Path) -> str:
    """A rule that finds nothing may be blunt: each must report its bad example, and not its good one."""
    script = root / "scripts/coccinelle/tests/run"
    if not script.is_file():
        raise Failed([f"{script}: not there; every rule of ours needs an example that it reports"])
    done = subprocess.run([str(script)], capture_output=True, text=True, errors="replace", check=False)
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode:
        raise Failed([x for x in lines if not x.startswith("ok ")] or [f"status {done.returncode}"])
    return f"{sum(x.startswith('ok ') for x in lines)} examples"


def check_kernel_cocci(sources: Sources) -> str:
    tree = sources.checkout()
    rules = [tree / "scripts/coccinelle" / (r + ".cocci") for r in KERNEL_RULES]
    rules = [r for r in rules if r.is_file()]
    if len(rules) < 40:
        raise Failed([f"{tree}/scripts/coccinelle: only {len(rules)} of the chosen rules are there"])
    files = sources.code(sources.added)
    _run_rules(sources, tree, rules, files)
    return f"{len(rules)} rules on {len(files)} added files"


# -- compiler and sparse -----------------------------------------------------------------------

def messages(output: str) -> collections.Counter[tuple[str, str]]:
    """(file, text) of each warning and error, without the line numbers, which move."""
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for line in output.splitlines():
        match = MESSAGE.match(line)
        if match and match.group(3) != "note":
            found[(match.group(1), match.group(4))] += 1
    return found


def _forget(work: WorkTree, units: list[str]) -> None:
    """Of an object that is there make does not say again what it said."""
    for unit in units:
        (work.path / unit).unlink(missing_ok=True)


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
            _forget(work, units)
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
        said = work.path.with_name(f"{work.path.name}.{tool}-said")
        if said.exists():       # the last run had a complaint, or was interrupted
            _forget(work, units)
        said.touch()
        done = work.make(*goals, "-k", *units)
    now = messages(done.stdout)
    old: collections.Counter[tuple[str, str]] = collections.Counter()
    if now:
        old = BaseWarnings(sources.ctx, goals, tool).of(_in_base(sources, units))
    bad: list[str] = []
    added = set(sources.added)
    for (name, text), count in sorted(now.items()):
        allowed = 0 if name in added else old[(name, text)]
        if count > allowed:
            lines = [x for x in done.stdout.splitlines()
                     if x.removeprefix("./").startswith(name + ":") and text in x]
            bad += lines[:count - allowed]
    if done.returncode and not bad:
        bad = [f"make {' '.join(goals)} failed with status {done.returncode}"] \
            + done.stdout.strip().splitlines()[-12:]
    if bad:
        raise Failed(bad)
    said.unlink()
    sources.ctx.memo.remember(*memo_key)
    kept = sum(now.values())
    return f"{len(units)} objects" + (f"; {kept} warnings that BASE has too" if kept else "")


def check_w1(sources: Sources) -> str:
    return _compile_check(sources, ("W=1",), "gcc")


def check_sparse(sources: Sources) -> str:
    """After check_w1, with the same flags, so that nothing is compiled again."""
    if not shutil.which("sparse"):
        raise Failed(["sparse: not installed: run `make setup`"])
    return _compile_check(sources, ("W=1", "C=2", "CHECK=sparse"), "sparse")


