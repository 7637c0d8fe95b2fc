# SPDX-License-Identifier: MIT
"""What a suite file declares. Nothing here touches a VM: kinds.py runs these declarations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from .spec import VGPU, VmSpec

if TYPE_CHECKING:
    from .expected import ExpectedList

DEFAULT_TIMEOUT = 60.0


class SuiteError(Exception):
    """A suite file is wrong; the text says where and what."""


@dataclass(frozen=True)
class Allow:
    """A kernel splat that a test may cause. `pattern` is searched in the splat's first line; with `whole` in all of a report, if it is
    all there."""

    pattern: str
    reason: str
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise SuiteError(f"Allow({self.pattern!r}) has no reason")
        re.compile(self.pattern)

    def matches(self, line: str, report: str = "") -> bool:
        """`report`: the lines of the whole report; empty where its end is missing, and where a kind of splat is not known to have one."""
        text = report if self.whole else line
        return bool(text) and re.search(self.pattern, text) is not None


@dataclass(frozen=True)
class Declaration:
    """One declared program, module or function: a test, or a group of tests that only the guest can list."""

    suite: str
    name: str
    kind: str
    vm: VmSpec = VGPU
    driver: str = "loaded"
    driver_options: str = ""
    timeout: float = DEFAULT_TIMEOUT
    allow: tuple[Allow, ...] = ()
    expect_errors: bool = False
    skip: str = ""
    keep_vm: bool = True
    on_demand: bool = False
    host: str = ""
    folder: Path = Path(".")
    args: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def full_name(self) -> str:
        return f"{self.suite}/{self.name}" if self.name else self.suite


DRIVER_STATES = ("loaded", "unloaded", "any")
COMMON = ("vm", "driver", "driver_options", "timeout", "allow", "expect_errors", "skip", "keep_vm", "on_demand", "host")


class Suite:
    """Made once by a suite file, at its top level."""

    def __init__(self, name: str, *, vm: VmSpec = VGPU, timeout: float = DEFAULT_TIMEOUT,
                 allow: list[Allow] | tuple[Allow, ...] = (), expect_errors: bool = False,
                 driver_options: str = "", on_demand: bool = False, host: str = "") -> None:
        self.name = name
        self.folder = Path(".")
        self.declarations: list[Declaration] = []
        self._defaults: dict[str, Any] = {"vm": vm, "timeout": timeout, "allow": tuple(allow),
                                          "expect_errors": expect_errors,
                                          "driver_options": driver_options, "on_demand": on_demand, "host": host}

    def _add(self, kind: str, name: str, common: dict[str, Any], driver: str, **args: Any) -> None:
        unknown = set(common) - set(COMMON)
        if unknown:
            raise SuiteError(f"{self.name}/{name}: unknown parameter {', '.join(sorted(unknown))}; "
                             f"there are {', '.join(COMMON)}")
        merged = {**self._defaults, "driver": driver, **common}
        merged["allow"] = (*self._defaults["allow"], *common.get("allow", ()))
        if merged["driver"] not in DRIVER_STATES:
            raise SuiteError(f"{self.name}/{name}: driver={merged['driver']!r} is none of {DRIVER_STATES}")
        if any(d.name == name for d in self.declarations):
            raise SuiteError(f"{self.name}/{name}: declared twice")
        self.declarations.append(Declaration(suite=self.name, name=name, kind=kind, args=args, **merged))

    def igt(self, program: str, args: str = "", env: str = "", subtests: list[str] | None = None,
            name: str = "", expected: ExpectedList | None = None, chosen: str = "", bare: VmSpec | None = None, **common: Any) -> None:
        """An IGT-style program; its subtests become tests. With `expected`, those of the set `chosen`, judged by it; what it marks so in the VM `bare`."""
        self._add("igt", name or Path(program).name, common, "loaded", program=program, args=args, env=env,
                  subtests=subtests, expected=expected, chosen=chosen, bare=bare)

    def kselftest(self, program: str, args: str = "", name: str = "", **common: Any) -> None:
        """A program that prints KTAP."""
        self._add("kselftest", name or Path(program).name, common, "loaded", program=program, args=args)

    def kunit(self, module: str, suites: list[str] | None = None, options: str = "", **common: Any) -> None:
        """A KUnit module."""
        self._add("kunit", module, common, "unloaded", module=module, suites=suites, options=options)

    def selftests(self, flavour: str, groups: list[str] | None = None, exclude: dict[str, str] | None = None,
                  expect_fail: dict[str, str] | None = None, deadline: dict[str, str] | None = None,
                  empty: dict[str, str] | None = None, options: str = "", name: str = "", **common: Any) -> None:
        """i915's own selftests: "live" or "mock", one group a module load; a test in `deadline` or `expect_fail` ("group/test") alone. What
        `deadline` names, test or group, gets several attempts; a group in `empty` has no test, and any other must have one."""
        if flavour not in ("live", "mock"):
            raise SuiteError(f"{self.name}: selftests({flavour!r}): neither live nor mock")
        for what, reason in {**(exclude or {}), **(expect_fail or {}), **(deadline or {}), **(empty or {})}.items():
            if not reason.strip():
                raise SuiteError(f"{self.name}: selftests: {what} has no reason")
        self._add("selftests", name or flavour, common, "unloaded", flavour=flavour, groups=groups,
                  exclude=exclude or {}, expect_fail=expect_fail or {}, deadline=deadline or {}, empty=empty or {}, options=options)

    def stock(self, name: str, command: str, status: int = 0, output: str | None = None,
              **common: Any) -> None:
        """A program that is not a test, with what it must end with and print."""
        self._add("stock", name, common, "loaded", command=command, status=status, output=output)

    def scenario(self, rows: list[tuple[Any, ...]] | None = None, name: str = "",
                 **common: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Decorator for a Python function `f(t)`, or `f(t, *row[1:])` once per row."""
        def add(function: Callable[..., None]) -> Callable[..., None]:
            base = name or function.__name__
            doc = (function.__doc__ or "").strip().split("\n")[0]
            for row in rows if rows is not None else [None]:
                full = base if row is None else f"{base}/{slug(row[0])}"
                extra = () if row is None else row[1:]
                self._add("scenario", full, common, "loaded", function=function, row=extra, doc=doc)
            return function
        return add


def slug(text: str) -> str:
    """A row's title as part of a test name: no spaces or slashes, so that it can be typed and globbed."""
    return re.sub(r"[^A-Za-z0-9_.+]+", "-", str(text)).strip("-")
