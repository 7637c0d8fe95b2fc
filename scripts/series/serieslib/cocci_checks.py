# SPDX-License-Identifier: MIT
"""Checks with Coccinelle: our rules and their examples, those of the kernel's rules that fit a driver, and whether spatch
sees what it is to check. Called by scripts/series/check."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .code_checks import I915, Sources
from .verdict import Failed
from .work import tool_version

# What spatch has to be told of i915's macros.
MACROS = "scripts/coccinelle/macros.h"
# Macros that are no expression and no statement, so that they are not seen, and hold nothing that a rule is about:
# initialisers, what a trace event prints a number with, the name of a parameter in KUnit.
NOT_CODE = re.compile(r"#define \w+(\([^)]*\))?\s*\\?\s*(\.\w+ = |__print_(symbolic|flags)\(|static void \w+##_to_desc\()")

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


def _spatch(tree: Path, rule: Path, macros: Path, files: list[str]) -> list[str]:
    """What one rule says about the files; any output is a finding. Of what it cannot parse spatch says nothing: check_seen() does."""
    text = rule.read_text(encoding="utf-8", errors="replace")
    mode = ["-D", "report"] if re.search(r"^virtual\b[^\n]*\breport\b", text, re.M) else []
    requires = re.search(r"^// Options: (.*)$", text, re.M)
    options = [o for o in requires.group(1).split() if o not in ("--include-headers",)] if requires else []
    # A rule that looks for nothing beyond a file may ask for them one by one: of all files as one, some rules make too much.
    alone = re.search(r"^// Each file alone\b", text, re.M)
    done = subprocess.run(
        ["spatch", "--very-quiet", "--no-show-diff" if mode else "--very-quiet", *mode, "--cocci-file",
         str(rule), "--macro-file", str(macros), "--no-includes", "--include-headers", "--timeout", "60",
         *[o for o in options if o != "--no-includes"], *(("--file-groups", "/dev/stdin") if alone else files)],
        cwd=tree, input="\n\n".join(files) + "\n", capture_output=True, text=True, errors="replace", check=False)
    lines = [x for x in done.stdout.splitlines() if x.strip()]
    noise = ("warning: line", "Note:", "HANDLING", "rule starting on line")
    errors = [x for x in done.stderr.splitlines() if x.strip() and not x.startswith(noise)]
    if done.returncode:
        return [f"{rule.name}: spatch failed with status {done.returncode}"] + errors[:8]
    errors = [x for x in errors if "rror" in x or "imeout" in x or "xception" in x]
    return [f"{rule.name}: {x}" for x in lines + errors]


def _macros(sources: Sources) -> Path:
    """The file of macros; Failed if there is none, or no spatch."""
    if not shutil.which("spatch"):
        raise Failed(["spatch (coccinelle): not installed: run `make setup`"])
    path = sources.ctx.places.root / MACROS
    if not path.is_file():
        raise Failed([f"{MACROS}: not there; without it spatch leaves out functions"])
    return path


def _run_rules(sources: Sources, tree: Path, rules: list[Path], files: list[str]) -> None:
    memo, macros = sources.ctx.memo, _macros(sources)
    content = b"".join(name.encode() + b"\0" + (tree / name).read_bytes() for name in files)

    def one(rule: Path) -> list[str]:
        key = ("cocci", tool_version("spatch"), macros.read_bytes(), rule.read_bytes(), content)
        if not files or memo.passed(*key):
            return []
        lines = _spatch(tree, rule, macros, files)
        if not lines:
            memo.remember(*key)
        return lines

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        found = [x for lines in pool.map(one, rules) for x in lines]
    if found:
        raise Failed(found)


def _guest_side(sources: Sources) -> list[str]:
    """What the series touches in i915; the host side gvt/ is not the guest's."""
    return [n for n in sources.code(sources.added + sources.changed) if n.startswith(I915) and not n.startswith(I915 + "gvt/")]


def check_own_cocci(sources: Sources) -> str:
    """Our rules, on what the series touches in i915."""
    rules = sorted((sources.ctx.places.root / "scripts/coccinelle").glob("*.cocci"))
    if not rules:
        raise Failed(["scripts/coccinelle/: no rule"])
    files = _guest_side(sources)
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


# -- does spatch see it? -----------------------------------------------------------------------

# What spatch says of it: where it gave up, then the lines that it left out.
GAVE_UP = re.compile(r'^ = File "([^"]+)", line (\d+),.*\n(?:.*\n)*?badcount: \d+\n((?:(?:bad: |BAD:!!!!! ).*\n)+)', re.M)


@dataclass(frozen=True)
class Unseen:
    """Lines that spatch left out, and what is known of why."""

    file: str
    line: int           # at which it gave up
    first: int
    text: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.text) - 1

    @property
    def holds_code(self) -> bool:
        """Whether it is more than a macro that no rule is about."""
        starts = [i for i, x in enumerate(self.text[:self.line - self.first + 1]) if x.startswith("#define")]
        macro = self.text[starts[-1]:] if starts else ()
        return not macro or not all(x.endswith("\\") for x in macro[:-1]) or not NOT_CODE.match("\n".join(macro))


def unseen(tree: Path, macros: Path, files: list[str]) -> list[Unseen]:
    """What of the files no rule sees, as spatch tells it when it only parses."""
    done = subprocess.run(["spatch", "--macro-file", str(macros), "--no-includes", "--parse-c", *files], cwd=tree, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    found: list[Unseen] = []
    for name, line, text in GAVE_UP.findall(done.stdout):
        lines = text.rstrip("\n").split("\n")
        at = next(i for i, x in enumerate(lines) if x.startswith("BAD"))
        # The first of them is the end of what is before, and was seen.
        first = int(line) - at + 1
        found.append(Unseen(name, int(line), first, tuple(x.partition(" ")[2].rstrip() for x in lines[1:])))
    total = re.search(r"nb bad = (\d+)", done.stdout)
    if done.returncode or not total or int(total.group(1)) != sum(len(x.text) for x in found):
        raise Failed([f"spatch --parse-c: status {done.returncode}; what it says is not understood:", *done.stdout.splitlines()[-5:]])
    return found


def check_seen(sources: Sources) -> str:
    """Every line of the series is parsed by spatch, with its function: all rules are content with what they do not see."""
    git, tree = sources.ctx.lab.git, sources.checkout()
    files = sorted({*_guest_side(sources), *sources.code(sources.added)})
    if not files:
        return "no code"
    left_out = unseen(tree, _macros(sources), files)
    bad = []
    for part in (x for x in left_out if x.holds_code):
        diff = git.out("diff", "-U0", "--no-renames", sources.base, sources.tip, "--", part.file)
        hunks = re.findall(r"^@@ .*\+(\d+)(?:,(\d+))? @@", diff, re.M)
        if any(int(at) <= part.last and part.first < int(at) + int(count or 1) for at, count in hunks):
            bad.append(f"{part.file}:{part.line}: spatch gives up here, and no rule sees lines {part.first} to {part.last}: "
                       f"a macro that {MACROS} lacks?")
    if bad:
        raise Failed(bad)
    return f"{len(files)} files; {len(left_out)} places that are macros or stock code are not seen"
