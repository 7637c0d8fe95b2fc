# SPDX-License-Identifier: MIT
"""The host's end of the guest's command channel; guest/agent.c describes the protocol."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import Callable

VERSION = 1


class AgentError(Exception):
    """The guest did not answer, the channel broke, or it speaks another version."""


@dataclass(frozen=True)
class Completed:
    """How a guest command ended. `rc` is None when it was killed at its deadline or the guest died."""

    command: str
    rc: int | None
    out: str
    seconds: float
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.rc == 0

    def why(self) -> str:
        """One line for a failure report."""
        tail = self.out.strip().splitlines()[-1:] or ["(no output)"]
        if self.timed_out:
            return f"'{self.command}' did not end within {self.seconds:.0f} s; last line: {tail[0]}"
        return f"'{self.command}' ended with {self.rc}; last line: {tail[0]}"


class Job:
    """A running guest command. Made by Agent.start()."""

    def __init__(self, agent: Agent, ident: int, command: str,
                 on_output: Callable[[bytes], None] | None) -> None:
        self.command = command
        self.rc: int | None = None
        self._agent = agent
        self._ident = ident
        self._chunks: list[bytes] = []
        self._on_output = on_output
        self._done = threading.Event()
        self._begin = time.monotonic()
        self._end = 0.0

    @property
    def output(self) -> str:
        """What it printed so far."""
        return b"".join(self._chunks).decode(errors="replace")

    @property
    def running(self) -> bool:
        return not self._done.is_set()

    def kill(self, signal: int = 9) -> None:
        """Signal the command and all that it started."""
        if self.running:
            try:
                self._agent.send(f"kill {self._ident} {signal}\n")
            except AgentError:
                pass        # the guest is gone, and the command with it

    def write(self, data: bytes) -> None:
        """Terminal input; a command without a terminal has none."""
        self._agent.send(f"in {self._ident} {len(data)}\n", data)

    def resize(self, rows: int, columns: int) -> None:
        self._agent.send(f"size {self._ident} {rows}x{columns}\n")

    def wait_output(self, text: str, timeout: float) -> bool:
        """Until it has printed `text`; False if it did not within the time or ended without."""
        deadline = time.monotonic() + timeout * self._agent.scale
        while text not in self.output:
            if not self.running or time.monotonic() > deadline:
                return text in self.output
            time.sleep(0.01)
        return True

    def wait(self, timeout: float, grace: float = 5) -> Completed:
        """Wait for the end; at the deadline kill it. If even that does not end it, the guest is hung."""
        timed_out = not self._done.wait(timeout * self._agent.scale)
        if timed_out:
            self.kill()
            grace *= self._agent.scale
            if not self._done.wait(grace):
                self._agent.stuck = f"'{self.command}' survived SIGKILL for {grace:.0f} s"
        seconds = (self._end or time.monotonic()) - self._begin
        return Completed(self.command, None if timed_out else self.rc, self.output, seconds, timed_out)

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        if self._on_output:
            self._on_output(data)

    def finish(self, rc: int | None) -> None:
        self.rc = rc
        self._end = time.monotonic()
        self._done.set()


class Agent:
    """Used by vm.VM. Reads in a thread, so that the guest never blocks on its output. `scale`: multiplies all timeouts."""

    def __init__(self, sock: socket.socket, scale: float = 1.0) -> None:
        self.scale = scale
        self.release = ""
        self.boots = 0              # how often a guest has said hello
        self.closed = False
        self.stuck: str | None = None
        self._sock = sock
        self._cond = threading.Condition()
        self._send_lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._marks: set[str] = set()
        self._error = ""
        self._next_id = 0
        threading.Thread(target=self._read, daemon=True, name="agent").start()

    def send(self, header: str, payload: bytes = b"") -> None:
        with self._send_lock:
            try:
                self._sock.sendall(header.encode() + payload)
            except OSError as error:
                raise AgentError(f"the guest's command channel is closed ({error})") from error

    def _message(self, words: list[str], stream) -> None:
        if words[0] == "hello" and len(words) == 3:
            if int(words[1]) != VERSION:
                raise ValueError(f"the guest's agent has version {words[1]}, the runner {VERSION}")
            self.release = words[2]
            self.boots += 1
            self._end_jobs()        # of the guest before this one
        elif words[0] == "out" and len(words) == 3:
            data = stream.read(int(words[2]))
            job = self._jobs.get(int(words[1]))
            if job:
                job.feed(data)
        elif words[0] == "exit" and len(words) == 3:
            job = self._jobs.pop(int(words[1]), None)
            if job:
                job.finish(int(words[2]))
        elif words[0] == "marked" and len(words) == 2:
            self._marks.add(words[1])
        else:
            raise ValueError(f"unknown message {words!r}")

    def _read(self) -> None:
        stream = self._sock.makefile("rb")
        try:
            for line in stream:
                with self._cond:
                    self._message(line.decode(errors="replace").split() or [""], stream)
                    self._cond.notify_all()
        except (OSError, ValueError) as error:
            self._error = str(error)
        with self._cond:
            self.closed = True
            self._end_jobs()
            self._cond.notify_all()

    def _end_jobs(self) -> None:
        for job in self._jobs.values():
            job.finish(None)
        self._jobs.clear()

    def wait_hello(self, timeout: float, boots: int = 1) -> None:
        """Until the guest has come up for that many times."""
        timeout *= self.scale
        with self._cond:
            self._cond.wait_for(lambda: self.boots >= boots or self.closed, timeout)
        if self.boots < boots:
            raise AgentError(self._error or f"the guest's agent did not come up within {timeout:.0f} s")

    def start(self, command: str, on_output: Callable[[bytes], None] | None = None,
              rows: int = 0, columns: int = 0) -> Job:
        """Run a shell command in the guest; with rows and columns, on a terminal of that size."""
        with self._cond:
            self._next_id += 1
            job = Job(self, self._next_id, command, on_output)
            self._jobs[self._next_id] = job
            ident = self._next_id
        data = command.encode()
        try:
            self.send(f"run {ident} {rows}x{columns} {len(data)}\n", data)
        except AgentError:
            self._jobs.pop(ident, None)
            raise
        return job

    def mark(self, text: str, timeout: float = 10) -> None:
        """Write a line to the guest's kernel log; returns when the guest has written it."""
        timeout *= self.scale
        with self._cond:
            self._next_id += 1
            token = f"m{self._next_id}"
        data = text.encode()
        self.send(f"mark {token} {len(data)}\n", data)
        with self._cond:
            if not self._cond.wait_for(lambda: token in self._marks or self.closed, timeout):
                raise AgentError(f"the guest did not answer within {timeout:.0f} s")
            if token not in self._marks:
                raise AgentError("the guest's command channel closed")
            self._marks.discard(token)

    def power_off(self) -> None:
        self.send("poweroff\n")
