# SPDX-License-Identifier: MIT
"""igt-vgpu-server for a test: one GPU whose vGPUs several VMs have, each by its socket."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Sequence

from . import paths
from .spec import HOST_SERVER, Gpu, Vgpu
from .vm import VmError, die_with_parent


class Server:
    """A context manager: within it the server runs. `log_path` is where it says what it has to say."""

    def __init__(self, vgpus: Sequence[Vgpu], log_path: Path, gpu: Gpu = Gpu()) -> None:
        self.vgpus = {v.id: v for v in vgpus}
        self.log_path = log_path
        self._gpu = gpu
        # A socket's path is short; the results' folder may not be.
        self._folder = Path(tempfile.mkdtemp(prefix="igt-vgpu-"))
        self._process: subprocess.Popen[str] | None = None

    def host(self, name: str) -> str:
        """What HOST= is for a VM that has this vGPU."""
        return f"{HOST_SERVER}:{self._folder / name}"

    def __enter__(self) -> Server:
        argv = [str(paths.SERVER), "--platform", self._gpu.platform, "--stats", str(self._folder / "stats"),
                *(["--aperture", self._gpu.aperture] if self._gpu.aperture else []),
                *(a for v in self.vgpus.values() for a in v.server_args(str(self._folder / v.id)))]
        with self.log_path.open("w") as log:
            log.write(f"# {shlex.join(argv)}\n")
            log.flush()
            try:
                # pylint: disable=subprocess-popen-preexec-fn
                self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                                 preexec_fn=die_with_parent)
            except OSError as error:
                raise VmError(f"cannot start {argv[0]}: {error}; run 'make -C tools/igt-vgpu/mediator server'") from error
        assert self._process.stdout
        if not any(line == "ready\n" for line in self._process.stdout):
            self.__exit__()
            raise VmError(f"the server did not start: {self.said()[-1]} (log: {self.log_path})")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process and self._process.stdout:
            self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def said(self) -> list[str]:
        """The lines of the server, and of its mediator."""
        return self.log_path.read_text(errors="replace").splitlines()

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stats(self) -> dict[str, dict[str, Any]]:
        """The counters of each vGPU, by its name."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            try:
                s.connect(str(self._folder / "stats"))
                return json.load(s.makefile())["devices"]
            except (OSError, ValueError) as error:
                raise VmError(f"the server gives no counters: {error}; its last line: {self.said()[-1]}") from error
