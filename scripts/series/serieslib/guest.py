# SPDX-License-Identifier: MIT
"""The guest kernel at one commit of the series: built, booted as a vGPU guest, tested. Used by scripts/series/bisect.

The kernel is built in out/linux-patch, a work tree of its own that walks the series, so make stays incremental; the runner boots it
(KERNEL=patch). What the tests came to is remembered by content in patches/BOOTED, which outlives the machine; what it is worth is judged
elsewhere (bisect.py), so a failure that is none yet, of a feature that is still to come, need not be booted again either."""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .base import SeriesError, sha256, write_whole
from .lab import Lab
from .work import DEFAULT, WorkTree, tool_version

RECORD = "BOOTED"
RECORD_HEAD = """\
# SPDX-License-Identifier: MIT
#
# Made by `make bisect-check`; not for editing. What guests of each kernel came to: a digest of kernel, tests, runner and mediator, which kernel
# that was, and a letter a test, in the order of the names: p passed, f failed, a failed since the kernel does not bring it, s skipped, - not there.
"""
# Bump when the runner or this file starts to check more, so that old results do not count.
RULES = "2"
SUITE = "every-patch"
DRIVES = f"{SUITE}/a_vgpu_is_detected_and_driven_twice"
KUNIT = f"{SUITE}/i915_vgpu_test"
# All that decides beside the kernel tree: how the kernel is built, what is PID 1, what starts a guest and judges a test, the tests, and the
# mediator. Sources, not what is made of them, which differs from machine to machine.
SOURCES = (*(f"tools/igt-vgpu/{name}" for name in (
    "guest/guest.config", "guest/guest-series.config", "guest/init.c", "guest/agent.c", "guest/agent.h", "setup/kernel-build",
    "setup/lib.sh",
    *(f"runner/igtvgpu/{x}.py" for x in (
        "accel", "agent", "cli", "context", "discovery", "executor", "expected", "initramfs", "kinds", "ktap", "paths", "qmp", "results",
        "sanitize", "spec", "splat", "suite", "tsc", "vm")),
    "tests/igt/suite_every_patch.py", "tests/igt/Makefile", "tests/igt/*.h", "tests/igt/compat/**/*.h",
    *(f"tests/igt/vgpu_{x}.c" for x in ("balloon", "batch", "detect", "exec", "fence", "guest", "mirror", "state", "tiled", "trace")),
    "setup/QEMU_BASE", "setup/qemu-build", *(f"mediator/{x}/*.[ch]" for x in ("front", "gpu", "gvt", "qemu", "stats", "vfio-user")),
    "mediator/gpu/*.def", "mediator/gvt/*.def", "mediator/meson.build", "mediator/qemu/add-to-qemu", "mediator/qemu/meson.build")),
    "drivers/gpu/drm/i915/vgpu/*.h")


def sources(root: Path) -> list[Path]:
    """The files of SOURCES; each pattern names one at least."""
    found: list[Path] = []
    for pattern in SOURCES:
        files = sorted(p for p in root.glob(pattern) if p.is_file())
        if not files:
            raise SeriesError(f"{pattern}: not there: serieslib/guest.py names it among what decides how a guest does")
        found += files
    return found


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


class Record:
    """patches/BOOTED: digest -> test -> status. Of a boot only what later judgements need: no reasons, no times."""

    LETTERS = {"p": Test("pass"), "f": Test("fail"), "a": Test("fail", absent=True), "s": Test("skip")}

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Test]] = {}
        names: list[str] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
            first, _, rest = line.partition(" ")
            if first == "test":
                names.append(rest)
            elif line and first != "#":
                letters = rest.partition(" ")[2]
                if len(letters) != len(names) or set(letters) - {*self.LETTERS, "-"}:
                    raise SeriesError(f"{path}:{number}: not a letter of {', '.join(self.LETTERS)}, - for each of the {len(names)} tests: "
                                      "it is generated; remove it, and what it knew is booted again")
                self.rows[first] = {n: self.LETTERS[x] for n, x in zip(names, letters) if x != "-"}

    def write(self, labels: dict[str, str]) -> None:
        """Write down the rows of these digests, with their kernels' labels; the others are of no use any more."""
        rows = [(digest, label, self.rows[digest]) for digest, label in labels.items() if digest in self.rows]
        names = sorted({n for _, _, tests in rows for n in tests})
        lines = [f"test {n}" for n in names] + [f"{digest} {label} {''.join(self._letter(tests.get(n)) for n in names)}" for digest, label, tests in rows]
        write_whole(self.path, RECORD_HEAD + "".join(f"{x}\n" for x in lines))

    @staticmethod
    def _letter(test: Test | None) -> str:
        return "-" if test is None else "a" if test.absent else test.status[0]


class Guests:
    """Boots commits, or remembers how they did."""

    def __init__(self, lab: Lab, labels: dict[str, str]) -> None:
        """`labels`: of all commits of the series, in its order."""
        self.lab = lab
        self.labels = labels
        self.places = lab.places
        self.tools = lab.places.root / "tools/igt-vgpu"
        self.record = Record(lab.places.patches / RECORD)
        self._keys: dict[str, str] = {}

    def prepare(self) -> None:
        """Build what runs the guest and runs in it: of the sources that count, not of older ones."""
        for what, argv in (("the mediator does not compile", [str(self.tools / "setup/qemu-build")]),
                           ("the tests that run in the guest do not compile",
                            ["make", "-s", "-C", str(self.tools / "tests/igt"), f"OUT={self.places.out / 'tests/igt'}"])):
            wrong = self._make(argv)
            if wrong:
                raise SeriesError(f"{what}:\n  " + "\n  ".join(wrong))
        digest = hashlib.sha256("\0".join((RULES, tool_version(DEFAULT.cc))).encode())
        for path in sources(self.places.root):
            digest.update(f"\0{self.places.show(path)} {sha256(path)}".encode())
        self._keys = {commit: self._key(commit, digest.hexdigest()) for commit in self.labels}

    def _key(self, commit: str, inputs: str) -> str:
        tree = self.lab.git.out("rev-parse", f"{commit}^{{tree}}").strip()
        return hashlib.sha256(f"{tree} {inputs}".encode()).hexdigest()[:40]

    def remembered(self, commit: str) -> Boot | None:
        tests = self.record.rows.get(self._keys[commit])
        return Boot(tests) if tests else None

    def remember(self, commit: str, boot: Boot) -> None:
        """A boot that is judged good; the guest came far enough to say something."""
        self.record.rows[self._keys[commit]] = boot.tests
        self._write()

    def forget(self, commit: str) -> None:
        """A row that is judged a failure is looked at again the next time."""
        if self.record.rows.pop(self._keys[commit], None):
            self._write()

    def _write(self) -> None:
        self.record.write({self._keys[commit]: label for commit, label in self.labels.items()})

    def boot(self, commit: str) -> Boot:
        """Build, boot, test."""
        began = time.monotonic()
        with WorkTree(self.lab, "guest", DEFAULT, self.places.out / "linux-patch") as work:
            work.goto(commit)
            wrong = self._make([str(self.tools / "setup/kernel-build"), "patch"])
            if wrong:
                return Boot(problem=("the guest kernel does not compile", *wrong))
            built = time.monotonic()
            tests = self._run()
        return Boot(tests, (), built - began, time.monotonic() - built)

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
