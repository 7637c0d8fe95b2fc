# SPDX-License-Identifier: MIT
"""Builds the guest's initramfs: guest/init.c and agent.c, static, in a newc cpio archive, and modules for a kernel that needs
some before it can mount its root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import paths


class BuildError(Exception):
    """The initramfs could not be built; the text says why and what to do."""


def _entry(name: str, mode: int, ino: int, data: bytes = b"", rdev: tuple[int, int] = (0, 0)) -> bytes:
    fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % f for f in fields) + name.encode() + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + data + b"\0" * (-len(data) % 4)


def pack(init: bytes, modules: list[Path]) -> bytes:
    """A newc archive with /init, /dev and the console that PID 1's standard output needs; modules go to /modules."""
    return (_entry("dev", 0o040755, 1)
            + _entry("dev/console", 0o020600, 2, rdev=(5, 1))
            + _entry("init", 0o100755, 3, init)
            + (_entry("modules", 0o040755, 4) if modules else b"")
            + b"".join(_entry(f"modules/{m.name}", 0o100644, 5 + n, m.read_bytes()) for n, m in enumerate(modules))
            + _entry("TRAILER!!!", 0, 0))


def build(kernel: str) -> Path:
    """Compile and pack if an input is newer than the archive. Safe when two runs do it at once."""
    sources = [paths.GUEST / "init.c", paths.GUEST / "agent.c"]
    modules = sorted((paths.modules_dir(kernel) / "early").glob("*.ko"))
    inputs = sources + [paths.GUEST / "agent.h", Path(__file__), *modules]
    image = paths.OUT / "guest" / (f"initramfs-{kernel}.cpio" if modules else "initramfs.cpio")
    if image.exists() and all(s.stat().st_mtime <= image.stat().st_mtime for s in inputs):
        return image
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise BuildError("no C compiler for the guest's init: install gcc")
    image.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=image.parent) as tmp:
        init = Path(tmp) / "init"
        argv = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", str(init),
                *map(str, sources)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"the guest's init does not build: {' '.join(argv)}\n{done.stderr.strip()}\n"
                             "(a missing -lc means the static C library: Debian libc6-dev, Fedora glibc-static)")
        packed = Path(tmp) / "cpio"
        packed.write_bytes(pack(init.read_bytes(), modules))
        packed.rename(image)
    return image
