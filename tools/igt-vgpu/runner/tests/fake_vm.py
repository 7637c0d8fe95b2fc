# SPDX-License-Identifier: MIT
"""A VM without QEMU: answers commands from a table and logs what it is told. Same interface as igtvgpu.vm.VM."""

from __future__ import annotations

import io
import re
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from igtvgpu.agent import Completed
from igtvgpu.executor import Executor
from igtvgpu.kinds import expand
from igtvgpu.results import Reporter, Result
from igtvgpu.suite import Declaration, Suite
from igtvgpu.vm import VM, Frozen, KmsgLine, VmConfig, VmError

Answer = Callable[["FakeVM", str], tuple[int, str]]


class FakeVM:
    """`answers` is a list of (regex, function); the first that matches a command answers it."""

    answers: list[tuple[str, Answer]] = []
    boots = 0
    fail_boots = 0
    freezes = 0
    boot_log: list[str] = []
    kernel = "fake"
    known_splats = VM.known_splats
    another = VM.another        # which is never booted here

    def __init__(self, spec: Any, config: VmConfig, name: str) -> None:
        self.spec, self.config, self.name = spec, config, name
        self.overridden: set[tuple[str, str]] = set()
        self.driver_options: str | None = None
        self.trap_history: list[dict] = []
        self.boot_seconds = 0.1
        self.log_path = self.qemu_log_path = Path("/dev/null")
        self.software_host = config.host == "software"
        self.loaded = False
        self.bound = True
        self.in_use = False         # i915 does not unload
        self.dead = ""
        self.deaf = False
        self.stands: str | None = None      # frozen, as a nested guest may be
        self.dies_later = ""                # once the test that runs is through
        self.says_later = ""
        self.overrides: list[tuple[str, str, str]] = []
        self.loads: list[str] = []
        self._lines: list[KmsgLine] = []

    def boot(self) -> "FakeVM":
        type(self).boots += 1
        if type(self).freezes > 0:
            type(self).freezes -= 1
            raise Frozen("the guest did not boot: it stood still")
        if type(self).fail_boots > 0:
            type(self).fail_boots -= 1
            raise VmError("the guest did not boot: fake")
        for line in type(self).boot_log:
            self.print(line)
        return self

    def print(self, text: str) -> None:
        """The guest's kernel says something."""
        self._lines.append(KmsgLine(float(len(self._lines)), text, time.monotonic()))

    def add_line(self, line: KmsgLine) -> None:
        self._lines.append(line)

    def _check(self) -> None:
        if self.dead:
            raise VmError(self.dead)
        if self.deaf:
            raise VmError("the guest did not answer within 10 s")

    def kmsg(self, since: int = 0) -> list[KmsgLine]:
        return self._lines[since:]

    def wait_kmsg(self, pattern: str, timeout: float = 1, since: int = 0, nth: int = 1) -> KmsgLine | None:
        matches = [x for x in self._lines[since:] if re.search(pattern, x.text)]
        return matches[nth - 1] if len(matches) >= nth else None

    def mark(self, text: str, timeout: float = 1) -> int:
        self._check()
        self.print(f"igt-vgpu: {text}")
        place = len(self._lines) - 1
        if text.startswith("end "):
            self.dead = self.dies_later
            if self.says_later:
                self.print(self.says_later)
        return place

    def responds(self, timeout: float = 1) -> bool:
        return not (self.dead or self.deaf)

    def broken(self) -> str | None:
        return self.dead or None

    def frozen(self) -> str | None:
        return self.stands

    def run(self, command: str, timeout: float = 1, check: bool = False, on_output: Any = None) -> Completed:
        self._check()
        for pattern, answer in type(self).answers:
            if re.search(pattern, command):
                rc, out = answer(self, command)
                self._check()
                return Completed(command, None if rc == TIMEOUT else rc, out, timeout if rc == TIMEOUT else 0.0,
                                 rc == TIMEOUT)
        if "test -d /sys/module/i915 && echo loaded" in command:
            names = [d.bdf for d in self.spec.devices] if self.loaded and self.bound else []
            return Completed(command, 0, "\n".join([*(["loaded"] if self.loaded else []), *names]), 0.0)
        return Completed(command, 127, f"sh: {command}: not found", 0.0)

    def read(self, path: str) -> str:
        return self.run(f"cat {path}", check=True).out

    def modprobe_i915(self, options: str = "", timeout: float = 1) -> Completed:
        self._check()
        self.loaded, self.driver_options = True, options
        self.loads.append(options)
        return Completed("modprobe i915", 0, "", 0.0)

    def unload_i915(self, timeout: float = 1) -> Completed:
        self._check()
        if self.in_use:
            return Completed("modprobe -r i915", 1, "modprobe: FATAL: Module i915 is in use.", 0.0)
        self.loaded, self.driver_options = False, None
        return Completed("modprobe -r i915", 0, "", 0.0)

    def i915_bound(self, bdf: str = "") -> bool:
        return self.loaded and self.bound

    pvinfo = VM.pvinfo
    channel_fault = VM.channel_fault
    undo_overrides = VM.undo_overrides
    _override = VM._override
    _need_software = VM._need_software

    def qmp(self, execute: str, path: str, property: str, value: str) -> None:
        assert execute == "qom-set"
        self.overrides.append((path.rpartition("/")[2], property, value))

    def stats(self, device: str = "vgpu0") -> dict:
        return {"mmio": {"reads": 2, "writes": 1, "by_register": {"0x44200": {"name": "M", "r": 2, "w": 1}}}}

    def power_off(self, timeout: float = 1) -> bool:
        ok = not (self.dead or self.deaf)
        self.dead = self.dead or "powered off"
        return ok

    def kill(self) -> None:
        self.dead = self.dead or "killed"


TIMEOUT = -1000


class Run:
    """One run of a suite on fake VMs: results by name, and what was printed."""

    def __init__(self, suite: Suite, answers: list[tuple[str, Answer]] | None = None, host: str = "software",
                 timeout_scale: float = 1.0, fail_boots: int = 0, boot_log: list[str] | None = None,
                 freezes: int = 0, kernel: str = "fake") -> None:
        self.vms: list[FakeVM] = []
        fake = type("Fake", (FakeVM,), {"answers": answers or [], "boots": 0, "fail_boots": fail_boots, "freezes": freezes,
                                        "boot_log": boot_log or [], "kernel": kernel})

        def make(spec: Any, config: VmConfig, name: str) -> FakeVM:
            self.vms.append(fake(spec, config, name))
            return self.vms[-1]
        with tempfile.TemporaryDirectory() as folder:
            out = io.StringIO()
            reporter = Reporter({"mediator": host}, "fake", out, Path(folder), progress=False)
            items = [item for d in suite.declarations for item in self._expand(d)]
            executor = Executor(VmConfig(host=host, log_dir=reporter.folder), reporter, timeout_scale, make)
            executor.run(items)
            self.status = reporter.finish()
            self.text = out.getvalue()
            self.results: dict[str, Result] = {r.name: r for r in reporter.results}
            self.logs = {r.name: Path(r.log).read_text() for r in reporter.results
                         if r.log and Path(r.log).is_file()}
            self.json = (reporter.folder / "results.json").read_text()
        self.boots = fake.boots

    @staticmethod
    def _expand(declaration: Declaration) -> list:
        return expand(declaration, "fake")

    def __getitem__(self, name: str) -> Result:
        return self.results[name]
