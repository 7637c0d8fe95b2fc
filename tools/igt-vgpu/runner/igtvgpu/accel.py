# SPDX-License-Identifier: MIT
"""Decides between KVM and TCG. That /dev/kvm opens proves nothing (it may belong to a nested host in which guests
spin for ever), so the verdict is that of a real guest boot with a deadline, kept until the machine reboots."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

from . import paths
from .initramfs import BuildError
from .spec import HOST_SOFTWARE, NO_GPU
from .vm import VM, NotStarted, VmConfig, VmError

DEADLINE = 15.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _verdict_file(qemu: Path) -> Path:
    return paths.CACHE / f"kvm-verdicts-{qemu.name}.json"


def _known(path: Path, boot_id: str) -> dict[str, Any]:
    """What is remembered: "kvm", why; "tcg", why by kernel, for another kernel might have booted."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = None
    valid = isinstance(known, dict) and known.get("boot_id") == boot_id and isinstance(known.get("tcg"), dict)
    return known if valid else {"boot_id": boot_id, "kvm": "", "tcg": {}}


def _identity(kernel: str) -> str:
    image = paths.bzimage(kernel)
    try:
        return f"{image} {image.stat().st_mtime_ns}"
    except OSError:
        return str(image)


def probe(config: VmConfig) -> tuple[str, str]:
    """Boot a guest without a GPU on KVM; returns the accelerator and why. NotStarted, BuildError: there is no guest to try it with."""
    trial = replace(config, accel="kvm", host=HOST_SOFTWARE, log_dir=paths.OUT / "vm")
    vm = VM(replace(NO_GPU, boot_timeout=DEADLINE), trial, "kvm-probe")
    try:
        vm.boot()
        vm.run("true", 5, check=True)
        return "kvm", f"a guest booted on KVM in {vm.boot_seconds:.1f} s"
    except NotStarted:
        raise
    except VmError as error:
        return "tcg", f"KVM did not boot a guest within {DEADLINE:.0f} s: {str(error).partition(' (logs:')[0]}"
    finally:
        vm.kill()


def choose(config: VmConfig, wanted: str, fresh: bool = False,
           note: Callable[[str], None] = lambda text: None) -> tuple[str, str]:
    """The accelerator to use and the reason, for `--accel auto|kvm|tcg`."""
    if wanted != "auto":
        return wanted, "asked for"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        why = "there is no /dev/kvm" if not os.path.exists("/dev/kvm") else "no permission for /dev/kvm"
        return "tcg", f"{why}; guests are emulated, which is slower but equal"
    boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
    path = _verdict_file(Path(shutil.which(str(config.qemu)) or config.qemu))
    known = _known(path, boot_id)
    kernel = _identity(config.kernel)
    if known["kvm"] and not fresh:
        return "kvm", known["kvm"]
    if kernel in known["tcg"] and not fresh:
        return "tcg", known["tcg"][kernel]
    note(f"trying KVM with a real guest (at most {DEADLINE:.0f} s, once per boot of this machine)")
    try:
        accel, why = probe(config)
    except (NotStarted, BuildError) as error:
        return "tcg", f"nothing to try KVM with: {error}"
    if accel == "kvm":
        known["kvm"] = why
    else:
        known.update(kvm="", tcg={**known["tcg"], kernel: why})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known) + "\n")
    except OSError as error:
        note(f"the verdict about KVM cannot be kept: {error}")
    return accel, why
