# SPDX-License-Identifier: MIT
"""Checks of the headers that user space includes: each compiles alone, as C and as C++, for 32 and 64 bits, its structs have
no padding that nobody named, and the same size in both worlds. As everywhere, what BASE's header has may stay."""
from __future__ import annotations

import collections
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .text_checks import Context
from .verdict import Failed
from .work import tool_version

INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", re.M)
STRUCT = re.compile(r"^struct (\w+) \{", re.M)
# usr/include/Makefile compiles as C90, which is why nothing newer may be in there; but 64-bit types are in every header.
WARN = ("-Wall", "-Wextra", "-Wpedantic", "-Wno-long-long", "-Wno-c++11-long-long", "-Wno-variadic-macros")
PROGRAM = "structs.c"
COMPILERS = (("gcc", "-x", "c", "-std=c90"), ("clang", "-x", "c", "-std=c90", "-Wpadded"), ("clang", "-x", "c++", "-std=c++11"))


def _run(tree: Path, *argv: str) -> list[str]:
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, errors="replace", check=False)
    return [x for x in (done.stdout + done.stderr).splitlines() if re.search(r"\b(warning|error): ", x)]


def _install(tree: Path, name: str, usr: Path) -> None:
    """As `make headers_install` does, but for one header and what it includes. asm/ is asm-generic, as on most architectures."""
    source = tree / "include/uapi" / re.sub("^asm/", "asm-generic/", name)
    if not source.is_file() or (usr / name).exists():
        return
    (usr / name).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", "scripts/headers_install.sh", str(source), str(usr / name)], cwd=tree, check=True, capture_output=True)
    for other in INCLUDE.findall((usr / name).read_text(encoding="utf-8")):
        _install(tree, other if "/" in other else f"{Path(name).parent}/{other}", usr)


def _sizes(usr: Path, bits: str) -> dict[str, int]:
    """Struct -> its size, as the compiler has it: each is that of an object in the symbol table."""
    subprocess.run(["gcc", bits, "-fno-common", "-fno-pie", "-nostdinc", "-I.", "-c", "-o", f"sizes{bits}.o", PROGRAM],
                   cwd=usr, capture_output=True, check=False)
    done = subprocess.run(["nm", "-S", "--defined-only", f"sizes{bits}.o"], cwd=usr, capture_output=True, text=True, check=False)
    return {line.split()[3]: int(line.split()[1], 16) for line in done.stdout.splitlines() if len(line.split()) == 4}


def _said(tree: Path, header: str, usr: Path) -> collections.Counter[str]:
    """All that is wrong with the header, a line each, without line numbers."""
    name = header.removeprefix("include/uapi/")
    _install(tree, name, usr)
    # Alone: what the header needs, it includes itself. An object of each struct, for only then clang looks at its padding.
    structs = STRUCT.findall((usr / name).read_text(encoding="utf-8"))
    (usr / PROGRAM).write_text(f"#include <{name}>\n" + "".join(f"struct {x} {x};\n" for x in structs))
    lines = _run(tree, "perl", "scripts/kernel-doc", "-none", "-Wall", header)
    for bits in ("-m32", "-m64"):
        for compiler, *language in COMPILERS:
            lines += _run(usr, compiler, bits, *language, *WARN, "-nostdinc", "-I.", "-c", "-o", "/dev/null", PROGRAM)
    narrow, wide = (_sizes(usr, bits) for bits in ("-m32", "-m64"))
    if broken := [x for x in lines if "fatal error: " in x] or not wide and ["no struct has a size: it does not compile"]:
        raise Failed([f"{header}: {x}" for x in broken])
    lines += [f"{header}: error: struct {x} has {narrow.get(x, 'no')} bytes for -m32, {wide.get(x, 'no')} for -m64"
              for x in sorted(narrow.keys() | wide.keys()) if narrow.get(x) != wide.get(x)]
    return collections.Counter(re.sub(r":\d+:(\d+:)?", ":", x) for x in lines)


def check_uapi(ctx: Context) -> str:
    """Every touched header below include/uapi."""
    for tool in ("gcc", "clang", "nm"):
        if not shutil.which(tool):
            raise Failed([f"{tool}: not installed: run `make setup`"])
    git, series = ctx.lab.git, ctx.applied()
    headers = git.names("diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=AM", series.base, series.tip, "--", "include/uapi")
    if not headers:
        return "no header of the uAPI touched"
    key = ("uapi", tool_version("gcc"), tool_version("clang"), git.out("ls-tree", "-r", series.tip, "--", "include/uapi"))
    if ctx.memo.passed(*key):
        return f"{len(headers)} headers; unchanged since they passed"
    said: list[collections.Counter[str]] = []
    for rev in (series.base, series.tip):
        with ctx.lab.sparse_worktree(rev, ["/include/uapi/", "/scripts/kernel-doc", "/scripts/headers_install.sh", "/scripts/unifdef.c"]) as tree, \
                tempfile.TemporaryDirectory(dir=ctx.lab.home) as usr:
            subprocess.run(["gcc", "-o", "scripts/unifdef", "scripts/unifdef.c"], cwd=tree.path, check=True, capture_output=True)
            said.append(sum((_said(tree.path, h, Path(usr)) for h in headers if (tree.path / h).exists()), collections.Counter()))
    if new := said[1] - said[0]:
        raise Failed(sorted(new))
    ctx.memo.remember(*key)
    return f"{len(headers)} headers; {sum(said[1].values())} complaints that BASE has too"
