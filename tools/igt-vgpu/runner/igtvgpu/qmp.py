# SPDX-License-Identifier: MIT
"""A QMP client over a connected socket: one command at a time, events collected on the side."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any


class QmpError(Exception):
    """QEMU refused a command, did not answer, or is gone."""


class Qmp:
    """Used by vm.VM only. A reader thread never blocks QEMU; commands may come from any thread."""

    def __init__(self, sock: socket.socket, timeout: float = 30) -> None:
        self.events: list[dict[str, Any]] = []
        self._sock = sock
        self._cond = threading.Condition()
        self._command_lock = threading.Lock()
        self._replies: dict[int, dict[str, Any]] = {}
        self._greeted = False
        self._closed = False
        self._next_id = 0
        threading.Thread(target=self._read, daemon=True, name="qmp").start()
        with self._cond:
            if not self._cond.wait_for(lambda: self._greeted or self._closed, timeout) or self._closed:
                raise QmpError(f"QEMU sent no QMP greeting within {timeout} s")
        self.command("qmp_capabilities", timeout=timeout)

    def _read(self) -> None:
        buffered = self._sock.makefile("rb")
        try:
            for line in buffered:
                message = json.loads(line)
                with self._cond:
                    if "QMP" in message:
                        self._greeted = True
                    elif "event" in message:
                        self.events.append(message)
                    elif "id" in message:
                        self._replies[message["id"]] = message
                    self._cond.notify_all()
        except (OSError, ValueError):
            pass
        with self._cond:
            self._closed = True
            self._cond.notify_all()

    def command(self, execute: str, timeout: float = 30, **arguments: Any) -> Any:
        """Run one QMP command and return what it returns; QmpError with QEMU's own words otherwise."""
        with self._command_lock:
            self._next_id += 1
            ident = self._next_id
            request: dict[str, Any] = {"execute": execute, "id": ident}
            if arguments:
                request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
            try:
                self._sock.sendall(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise QmpError(f"QMP {execute}: QEMU is gone ({error})") from error
            with self._cond:
                self._cond.wait_for(lambda: ident in self._replies or self._closed, timeout)
                reply = self._replies.pop(ident, None)
                closed = self._closed
        if reply is None:
            raise QmpError(f"QMP {execute}: " + ("QEMU is gone" if closed else f"no answer within {timeout} s"))
        if "error" in reply:
            raise QmpError(f"QMP {execute} {arguments}: {reply['error'].get('desc', reply['error'])}")
        return reply.get("return")
