# SPDX-License-Identifier: MIT
"""Where a machine stands whose guest does not answer: whole for the log, in a sentence for the error. Nothing here changes the machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

from .qmp import QmpError

BETWEEN = 1.0       # seconds from one look to the next; a CPU that goes on has moved by then
WAIT = 5.0          # seconds for an answer of QEMU's

_CPU = re.compile(r"^CPU#(\d+)\s*$(.*?)(?=^CPU#|\Z)", re.M | re.S)
_AT = re.compile(r"\b[RE]IP=([0-9a-f]+)")
_HALTED = re.compile(r"\bHLT=1")


def look(command: Callable[..., Any], events: list[dict[str, Any]], pid: int | None) -> tuple[str, str]:
    """The sentence and the text. `command` is Qmp.command(), `pid` that of QEMU if it runs on this machine."""
    try:
        status = command("query-status", WAIT)["status"]
        looks = [_registers(command)]
        time.sleep(BETWEEN)
        looks.append(_registers(command))
    except QmpError as error:
        return f"QEMU itself does not answer ({error})", _threads(pid) if pid else ""
    names = [f"{e['event']} at {e['timestamp']['seconds']}.{e['timestamp']['microseconds']:06}" for e in events]
    return f"QEMU answers ({status}); {_cpus(*looks)}", "\n".join([f"status {status}, events: {', '.join(names) or 'none'}", *looks])


def _registers(command: Callable[..., Any]) -> str:
    return str(command("human-monitor-command", WAIT, command_line="info registers -a")).replace("\r", "")


def _cpus(before: str, after: str) -> str:
    then = {number: _AT.search(text) for number, text in _CPU.findall(before)}
    return ", ".join(_cpu(number, then.get(number), text) for number, text in _CPU.findall(after))


def _cpu(number: str, then: re.Match[str] | None, text: str) -> str:
    now = _AT.search(text)
    if not now:
        return f"CPU {number} shows no registers"
    if _HALTED.search(text):
        return f"CPU {number} is halted at {now[1]}"
    return f"CPU {number} {'stays' if then and then[1] == now[1] else 'moves, was last seen'} at {now[1]}"


def _threads(pid: int) -> str:
    """Each thread of a process: where the kernel has it and, if there is a debugger, where it is itself."""
    lines = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        try:
            said = [(task / name).read_text().strip() for name in ("comm", "wchan", "syscall")]
        except OSError:
            continue        # it has just ended
        lines.append(f"thread {task.name} {said[0]}: in {said[1]}, system call {said[2]}")
    if shutil.which("gdb"):
        argv = ["gdb", "-batch", "-p", str(pid), "-ex", "thread apply all backtrace 30"]
        try:
            lines.append(subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False).stdout)
        except (OSError, subprocess.TimeoutExpired) as error:
            lines.append(f"gdb: {error}")
    else:
        lines.append("no backtraces: gdb is not installed")
    return "\n".join(lines)
