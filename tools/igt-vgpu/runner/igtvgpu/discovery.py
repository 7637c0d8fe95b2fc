# SPDX-License-Identifier: MIT
"""Finds suite files, builds what their folders contain, selects tests by pattern."""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from . import kinds, paths
from .kinds import Item
from .suite import Declaration, Suite, SuiteError


WHOLE = ("kselftest", "kunit")      # kinds that cannot be run in part


def suite_files(folders: list[Path]) -> list[Path]:
    """All suite files below these folders, in a stable order."""
    found: list[Path] = []
    for folder in folders:
        if folder.is_file():
            found.append(folder)
        else:
            found += sorted(p for p in folder.rglob("*.py") if p.name == "suite.py" or p.name.startswith("suite_"))
    return found


def load(path: Path) -> list[Suite]:
    """Import one suite file; a mistake in it is a SuiteError with its place."""
    name = "igtvgpu_suite_" + "_".join(path.with_suffix("").parts[-3:]).replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SuiteError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    except SuiteError as error:
        raise SuiteError(f"{path}: {error}") from error
    except Exception as error:      # pylint: disable=broad-except
        raise SuiteError(f"{path}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
        sys.dont_write_bytecode = dont_write
    suites = [x for x in vars(module).values() if isinstance(x, Suite)]
    if not suites:
        raise SuiteError(f"{path}: defines no Suite")
    for suite in suites:
        suite.folder = path.parent
    return suites


def declarations(folders: list[Path]) -> list[Declaration]:
    """All declarations; a name that two suites give is an error."""
    found: dict[str, Declaration] = {}
    for path in suite_files(folders):
        for suite in load(path):
            for declaration in suite.declarations:
                object.__setattr__(declaration, "folder", suite.folder)
                if declaration.full_name in found:
                    raise SuiteError(f"{path}: {declaration.full_name} exists already, in "
                                     f"{found[declaration.full_name].folder}")
                found[declaration.full_name] = declaration
    return list(found.values())


def build(folder: Path, verbose: bool) -> str:
    """Run the folder's Makefile, if any. Returns what went wrong, or nothing."""
    if not (folder / "Makefile").exists():
        return ""
    out = paths.OUT / "tests" / folder.name
    out.mkdir(parents=True, exist_ok=True)
    jobs = f"-j{os.cpu_count() or 1}"
    argv = ["make", "--no-print-directory", jobs, "-C", str(folder), f"OUT={out}"]
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(argv, stdout=None if verbose else subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env=environment)
    if not done.returncode:
        return ""
    log = out / "build.log"
    log.write_text(done.stdout or "")
    # Not the command line with its -Werror, which make says first.
    errors = [x for x in (done.stdout or "").splitlines() if re.search(r"\berror: |undefined reference|\*\*\*", x)]
    return f"'{' '.join(argv)}' failed: {errors[0] if errors else 'see above'} (log: {log})"


def matches(name: str, patterns: list[str]) -> bool:
    """Whether a full name is meant: by a part of it, or by a shell glob over it."""
    return not patterns or any(p in name or fnmatch.fnmatchcase(name, p) for p in patterns)


def may_contain(declaration: Declaration, patterns: list[str]) -> bool:
    """Whether expanding the declaration could produce a meant test: False only if surely not."""
    if matches(declaration.full_name, patterns):
        return True
    if declaration.kind in ("igt", "selftests"):
        return True
    prefix = declaration.full_name + "/"
    return any(p.startswith(prefix) for p in patterns)


def is_demanded(declaration: Declaration, patterns: list[str]) -> bool:
    """What runs only on demand must be meant by its suite's name, so that no other pattern hits it by chance."""
    return not declaration.on_demand or any(p.startswith(declaration.suite) for p in patterns)


def select(found: list[Declaration], patterns: list[str], kernel: str, verbose: bool = False,
           note=lambda text: None) -> list[Item]:
    """Expand and filter; folders are built once each, only where something of them may run."""
    wrong: dict[Path, str] = {}
    chosen: list[tuple[Item, bool]] = []
    for declaration in found:
        if not may_contain(declaration, patterns) or not is_demanded(declaration, patterns):
            continue
        folder = declaration.folder
        if folder not in wrong:
            note(f"building the tests of {folder.name}")
            wrong[folder] = build(folder, verbose)
        if wrong[folder]:
            expanded = [Item(declaration, declaration.full_name, broken=wrong[folder])]
            wrong[folder] = f"the tests of {folder.name} do not compile; the first of them says why"
        else:
            expanded = kinds.expand(declaration, kernel)
        whole = bool(wrong[folder]) or declaration.kind in WHOLE
        chosen += [(item, whole) for item in expanded]
    exact = {name for item, _ in chosen for name in item.names} & set(patterns)
    loose = [p for p in patterns if p not in exact]

    def meant(name: str) -> bool:
        return not patterns or name in exact or bool(loose and matches(name, loose))
    kept = (item if whole else item.only(meant) for item, whole in chosen)
    return [item for item in kept if item]


def unmatched(items: list[Item], patterns: list[str]) -> list[str]:
    """The patterns to which none of the selected items is due."""
    def due(item: Item, pattern: str) -> bool:
        whole = bool(item.broken) or item.declaration.kind in WHOLE
        return any(matches(name, [pattern]) for name in item.names) or whole and may_contain(item.declaration, [pattern])
    return [p for p in patterns if not any(due(item, p) for item in items)]
