# SPDX-License-Identifier: MIT
"""What a scenario function gets as `t`: checks, its part of the kernel log, its VM."""

from __future__ import annotations

import re
import time
from typing import Any, Callable, NoReturn

from .agent import Completed
from .suite import Allow
from .vm import VM


class TestFailed(Exception):
    """Ends a test as failed; the text is the reason."""


class TestSkipped(Exception):
    """Ends a test as skipped; the text is the reason."""


class Context:
    """Made by the executor for one test; `since` is the kernel log's position at the test's begin."""

    def __init__(self, vm: VM, since: int, log: Callable[[str], None]) -> None:
        self.vm = vm
        self.allowed: list[Allow] = []
        self._since = since
        self._log = log

    def fail(self, reason: str) -> NoReturn:
        raise TestFailed(reason)

    def skip(self, reason: str) -> NoReturn:
        raise TestSkipped(reason)

    def log(self, text: str) -> None:
        self._log(text)

    def check(self, condition: Any, what_is_wrong: str) -> None:
        """Fail unless the condition holds."""
        if not condition:
            raise TestFailed(what_is_wrong)

    def equal(self, got: Any, want: Any, what: str = "value") -> None:
        """Fail unless both are equal; says both."""
        if got != want:
            raise TestFailed(f"{what}: got {got!r}, want {want!r}")

    def run(self, command: str, timeout: float = 30) -> str:
        """Run a guest command that must end with 0; returns its output."""
        return self.ok(self.vm.run(command, timeout))

    def ok(self, done: Completed) -> str:
        """Fail unless this guest command ended with 0; its output."""
        self._log(f"$ {done.command}\n{done.out}")
        if not done.ok:
            raise TestFailed(done.why())
        return done.out

    def kmsg(self) -> list[str]:
        """The kernel log's lines since the test began, without time stamps."""
        return [line.text for line in self.vm.kmsg(self._since) if not line.text.startswith("igt-vgpu: ")]

    def expect_kmsg(self, pattern: str, timeout: float = 5, nth: int = 1) -> str:
        """The nth line that matches, which must have come since the test began or come within the time."""
        line = self.vm.wait_kmsg(pattern, timeout, self._since, nth)
        if line is None:
            tail = " | ".join(self.kmsg()[-3:]) or "(nothing)"
            raise TestFailed(f"no kernel log line matches /{pattern}/ within {timeout * self.vm.config.timeout_scale:.0f} s; the last ones: {tail}")
        return line.text

    def refuse_kmsg(self, pattern: str) -> None:
        """No line since the test began may match."""
        self.vm.mark("refuse")
        for line in self.kmsg():
            if re.search(pattern, line):
                raise TestFailed(f"unwanted kernel log line /{pattern}/: {line}")

    def allow(self, pattern: str, reason: str) -> None:
        """A splat that this test provokes on purpose."""
        self.allowed.append(Allow(pattern, reason))

    def wait_until(self, condition: Callable[[], Any], what: str, timeout: float = 10) -> None:
        """Poll until the condition holds; fail with `what` at the deadline."""
        timeout *= self.vm.config.timeout_scale
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TestFailed(f"not within {timeout:.0f} s: {what}")
            time.sleep(0.05)
