# SPDX-License-Identifier: MIT
"""Collects results: KTAP and a progress line on the terminal, results.json, one log per test, the tier's totals."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from . import __version__, paths, traps
from .spec import HOST_KVMGT, host_kind

SCHEMA = 1


@dataclass
class Result:
    """One test's outcome. `status` is pass, fail or skip."""

    name: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    log: str = ""
    vm: str = ""
    splats: list[str] = field(default_factory=list)
    allowed_splats: list[dict[str, str]] = field(default_factory=list)
    about: str = ""
    kind: str = "vm"
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status == "skip" and not self.reason.strip():
            self.status = "fail"
            self.reason = "skipped without a reason"


def relative(path: str | Path) -> str:
    """A path as the user would type it from the checkout."""
    try:
        return str(Path(path).relative_to(paths.TOP))
    except ValueError:
        return str(path)


def _output_of(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10, cwd=paths.TOP)
        return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def environment(qemu: Path, accel: str, host: str, kernel: str, platform_name: str = "") -> dict[str, str]:
    """What a reader needs to know to repeat or to distrust a run; `platform_name`: the GPU that was asked for."""
    base = paths.series_dir(kernel) / "BASE"
    return {
        "runner": __version__, "python": platform.python_version(), "machine": platform.machine(),
        "cpus": str(os.cpu_count()), "host_kernel": platform.release(),
        "qemu_path": str(qemu), "qemu": _output_of(str(qemu), "--version"), "accel": accel, "mediator": host, "kernel": kernel,
        "platform": platform_name, "igt": os.environ.get("IGT_VGPU_IGT", ""),
        "kernel_tree": _output_of("git", "-C", str(paths.source_dir(kernel)), "rev-parse", "HEAD"),
        "base": " ".join(base.read_text().split()) if base.exists() else "",
        "checkout": _output_of("git", "describe", "--always", "--dirty"),
    }


class Reporter:
    """One run. `add()` per result, `finish()` at the end."""

    def __init__(self, env: dict[str, str], tier: str = "igt", out: TextIO | None = None,
                 root: Path | None = None, progress: bool | None = None) -> None:
        self.results: list[Result] = []
        self.traps = traps.Totals()
        self.vms: list[dict[str, Any]] = []
        self.freezes: list[str] = []        # nested guests that stood still or were reset; what they were for was tried once more
        self._env = env
        self._tier = tier
        self._out = out or sys.stdout
        self._progress = sys.stderr.isatty() if progress is None else progress
        self._began = time.time()
        self._planned = 0
        self._ktap_number = 0
        root = root or paths.RESULTS
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._began))
        self.folder = root / f"{stamp}-{os.getpid()}"
        self.folder.mkdir(parents=True)
        latest = root / "latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(self.folder.name)
        self._root = root

    def begin(self, planned: int) -> None:
        self._planned = planned
        print("KTAP version 1", file=self._out, flush=True)

    def note(self, text: str) -> None:
        """A comment in the KTAP stream."""
        self.clear_progress()
        for line in text.splitlines():
            print(f"# {line}", file=self._out, flush=True)

    def freeze(self, reason: str) -> None:
        """A nested guest froze; it counts, and the run goes on."""
        self.freezes.append(reason)
        self.note(f"nested freeze {len(self.freezes)}: {reason}")

    def progress(self, done: int, what: str) -> None:
        if self._progress:
            width = shutil.get_terminal_size().columns
            counts = self.totals()
            text = f"[{done}/{self._planned}] {counts['failed']} failed | {what}"
            print(f"\r\033[K{text[:width - 1]}", end="", file=sys.stderr, flush=True)

    def clear_progress(self) -> None:
        if self._progress:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def log_path(self, name: str) -> Path:
        path = self.folder / "tests" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, result: Result) -> None:
        """Record and print a result."""
        self.results.append(result)
        self._ktap_number += 1
        self.clear_progress()
        word = "not ok" if result.status == "fail" else "ok"
        tail = f" # SKIP {result.reason}" if result.status == "skip" else f" # {result.seconds:.2f} s"
        lines = [f"{word} {self._ktap_number} {result.name}{tail}".replace("\n", " ")]
        if result.status == "fail":
            lines += [f"# reason: {line}" for line in result.reason.splitlines() or ["(none)"]]
            lines += [f"# log: {relative(result.log)}"] if result.log else []
            lines.append(f"# repeat: {self.repeat(result.name)}")
        print("\n".join(lines), file=self._out, flush=True)

    def repeat(self, name: str) -> str:
        """The command that repeats one test."""
        kernel = self._env.get("kernel", "series")
        variable = "SERIES" if paths.is_backport(kernel) else "KDIR" if "/" in kernel else "KERNEL"
        extra = [f"{k}={v}" for k, v in ((variable, kernel), ("HOST", self._env.get("mediator", "software")),
                                         ("PLATFORM", self._env.get("platform", "")),
                                         ("IGT", self._env.get("igt", "") if name.startswith("upstream/") else ""))
                 if v not in ("series", "software", "")]
        # A VM's own result has no test to name: it is repeated by what ran in that VM.
        which = [] if name.startswith("vm/") else [f"TESTS='{name}'"]
        return " ".join(["make run", *which, *extra])

    def totals(self) -> dict[str, int]:
        count = {"passed": 0, "failed": 0, "skipped": 0}
        for result in self.results:
            count[{"pass": "passed", "fail": "failed", "skip": "skipped"}[result.status]] += 1
        return count

    def by_kind(self) -> dict[str, dict[str, int]]:
        kinds: dict[str, dict[str, int]] = {}
        for result in self.results:
            count = kinds.setdefault(result.kind, {"passed": 0, "failed": 0, "skipped": 0})
            count[{"pass": "passed", "fail": "failed", "skip": "skipped"}[result.status]] += 1
        return kinds

    def finish(self) -> int:
        """Write the files, print the summary; the exit status of the run."""
        totals = self.totals()
        seconds = time.time() - self._began
        print(f"1..{self._ktap_number}", file=self._out)
        report = {"schema": SCHEMA, "tier": self._tier, "began": time.strftime("%FT%T%z", time.localtime(self._began)),
                  "seconds": round(seconds, 2), "environment": self._env, "totals": totals,
                  "tests": [asdict(r) for r in self.results], "vms": self.vms, "freezes": self.freezes,
                  "traps": self.traps.as_dict()}
        path = self.folder / "results.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        tiers = self._root / "tiers"
        tiers.mkdir(exist_ok=True)
        (tiers / f"{self._tier}.json").write_text(json.dumps(
            {"tier": self._tier, **totals, "seconds": round(seconds, 1), "kinds": self.by_kind(),
             "details": relative(path)}) + "\n")
        table = self.traps.table()
        if table:
            print(f"\n{table}", file=self._out)
        failed = [r for r in self.results if r.status == "fail"]
        if failed:
            print("\nFailed:", file=self._out)
            for result in failed:
                print(f"  {result.name}: {result.reason.splitlines()[0] if result.reason else ''}", file=self._out)
        print(f"\nResults: {relative(path)}\nLogs:    {relative(self.folder)}/", file=self._out)
        if self._env.get("kernel"):
            print(f"Kernel:  {relative(paths.source_dir(self._env['kernel']))}/ (edit it there and run again)   "
                  f"QEMU: {relative(self._env.get('qemu_path', ''))} ({self._env.get('accel', '')})", file=self._out)
        if host_kind(self._env.get("mediator", "")) == HOST_KVMGT:
            print(f"Freezes: {len(self.freezes)} nested guests stood still or were reset; what they were for was tried once more", file=self._out)
        print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped "
              f"({seconds:.0f} s)", file=self._out, flush=True)
        return 1 if totals["failed"] or not self.results else 0
