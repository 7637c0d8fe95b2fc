# SPDX-License-Identifier: MIT
"""The guest kernel at one commit of the series: built, booted as a vGPU guest, tested. Used by scripts/series/bisect.

The kernel is built in out/linux-patch, a work tree of its own that walks the series, so make stays incremental; the runner boots it
(KERNEL=patch). What the tests came to is remembered by content; what it is worth is judged elsewhere (bisect.py), so a failure that is
none yet, of a feature that is still to come, need not be booted again either."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .base import SeriesError, sha256, write_whole
from .lab import Lab
from .work import DEFAULT, WorkTree, tool_version

# Bump when the runner or this file starts to check more, so that old results do not count.
RULES = "1"
SUITE = "every-patch"
DRIVES = f"{SUITE}/a_vgpu_is_detected_and_driven_twice"
KUNIT = f"{SUITE}/i915_vgpu_test"
# All that decides beside the kernel tree: below tools/igt-vgpu (how the kernel is built, what is PID 1, and of the runner what
# starts a guest and judges a test), and what is built, below out.
SOURCES = ("guest/guest.config", "guest/guest-series.config", "guest/init.c", "guest/agent.c", "guest/agent.h", "setup/kernel-build",
           "tests/igt/suite_every_patch.py", *(f"runner/igtvgpu/{name}.py" for name in (
               "agent", "context", "executor", "expected", "initramfs", "kinds", "ktap", "spec", "splat", "suite", "vm")))
BUILT = ("qemu/qemu-system-x86_64", "tests/igt/vgpu_detect", "tests/igt/vgpu_balloon", "tests/igt/vgpu_fence", "tests/igt/vgpu_exec")


@dataclass(frozen=True)
class Test:
    """One test's outcome at one commit."""

    status: str             # pass, fail, skip
    reason: str = ""        # its first line
    splat: bool = False     # the kernel complained meanwhile
    absent: bool = False    # the kernel does not bring this test (yet)


@dataclass(frozen=True)
class Boot:
    """What a kernel came to. Without tests it was not built, or not booted; `problem` says why."""

    tests: dict[str, Test] = field(default_factory=dict)
    problem: tuple[str, ...] = ()
    build_seconds: float = 0.0
    run_seconds: float = 0.0


class Guests:
    """Boots commits, or remembers how they did."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.places = lab.places
        self.tools = lab.places.root / "tools/igt-vgpu"
        self.dir = self.places.cache / "series-boot"
        self._inputs = ""

    def prepare(self) -> None:
        """Build what runs in the guest, so that another build of it is told from this one."""
        argv = ["make", "-s", "-C", str(self.tools / "tests/igt"), f"OUT={self.places.out / 'tests/igt'}"]
        wrong = self._make(argv)
        if wrong:
            raise SeriesError("the tests that run in the guest do not compile:\n  " + "\n  ".join(wrong))
        paths = [*(self.tools / s for s in SOURCES), *(self.places.out / b for b in BUILT)]
        for path in paths:
            if not path.exists():
                raise SeriesError(f"{self.places.show(path)}: not there: run `make setup` first")
        parts = (RULES, tool_version(DEFAULT.cc), *(sha256(path) for path in paths))
        self._inputs = hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def key(self, commit: str) -> Path:
        tree = self.lab.git.out("rev-parse", f"{commit}^{{tree}}").strip()
        return self.dir / (hashlib.sha256(f"{tree} {self._inputs}".encode()).hexdigest()[:40] + ".json")

    def remembered(self, commit: str) -> Boot | None:
        path = self.key(commit)
        if not path.exists():
            return None
        data = json.loads(path.read_text())
        data["tests"] = {name: Test(**t) for name, t in data["tests"].items()}
        return Boot(**data)

    def forget(self, commit: str) -> None:
        """A row that is judged a failure is looked at again the next time."""
        self.key(commit).unlink(missing_ok=True)

    def boot(self, commit: str) -> Boot:
        """Build, boot, test; remembered if the guest came far enough to say something."""
        began = time.monotonic()
        with WorkTree(self.lab, "guest", DEFAULT, self.places.out / "linux-patch") as work:
            work.goto(commit)
            wrong = self._make([str(self.tools / "setup/kernel-build"), "patch"])
            if wrong:
                return Boot(problem=("the guest kernel does not compile", *wrong))
            built = time.monotonic()
            tests = self._run()
        boot = Boot(tests, (), round(built - began, 1), round(time.monotonic() - built, 1))
        write_whole(self.key(commit), json.dumps(asdict(boot), indent=1) + "\n")
        return boot

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        return {**env, "PYTHONPATH": str(self.tools / "runner"), "PYTHONDONTWRITEBYTECODE": "1"}

    def _make(self, argv: list[str]) -> list[str]:
        """The last lines of what a failing command said; nothing of one that did not fail."""
        done = subprocess.run(argv, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        return (done.stdout.strip().splitlines()[-15:] or [f"status {done.returncode}"]) if done.returncode else []

    def _run(self) -> dict[str, Test]:
        """The runner on the kernel that was built last; what it wrote down."""
        totals = self.places.results / "tiers" / f"{SUITE}.json"
        totals.unlink(missing_ok=True)
        log = self.places.out / "log/bisect.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            done = subprocess.run([sys.executable, "-m", "igtvgpu", "run", "--kernel", "patch", "--tier", SUITE, "--tests", f"{SUITE}/"],
                                  cwd=self.places.root, env=self._environment(), stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, check=False)
        if done.returncode not in (0, 1) or not totals.exists():
            said = "\n  ".join(log.read_text(errors="replace").splitlines()[-5:])
            raise SeriesError(f"the runner cannot boot guests (status {done.returncode}, {self.places.show(log)}):\n  {said}")
        details = self.places.root / json.loads(totals.read_text())["details"]
        return {t["name"]: self._test(t) for t in json.loads(details.read_text())["tests"]}

    def _test(self, told: dict[str, Any]) -> Test:
        reason = next(iter(told["reason"].splitlines()), "").replace(f"{self.places.root}/", "")
        return Test(told["status"], reason, bool(told["splats"]) or "splat" in told["reason"], bool(told["details"].get("absent")))
