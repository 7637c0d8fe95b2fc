# SPDX-License-Identifier: MIT
"""`make shell`: an interactive shell in a guest, on the terminal of the user."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty

from .vm import VM

GREETING = """Kernel log: {log}   (or dmesg)
i915 is {state}. Tests, tools: any program of the host; $IGT_VGPU_TOP is the checkout. exit ends the guest."""


def interact(vm: VM) -> int:
    """Connect the terminal with a shell in the guest until it ends; its exit status."""
    size = shutil.get_terminal_size()
    shell = "cd \"$IGT_VGPU_TOP\"; PS1='vgpu-guest# ' exec sh -i" if not shutil.which("bash") else \
        "cd \"$IGT_VGPU_TOP\"; PS1='vgpu-guest# ' exec bash --norc -i"
    stdin = sys.stdin.fileno()
    saved = termios.tcgetattr(stdin)
    job = vm.spawn(shell, lambda data: (os.write(1, data), None)[1], size.lines, size.columns)

    def resized(*_: object) -> None:
        now = shutil.get_terminal_size()
        job.resize(now.lines, now.columns)
    signal.signal(signal.SIGWINCH, resized)
    tty.setraw(stdin)
    try:
        while job.running:
            ready, _, _ = select.select([stdin], [], [], 0.1)
            if ready:
                data = os.read(stdin, 4096)
                if not data:
                    break
                job.write(data)
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, saved)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
    return job.rc or 0
