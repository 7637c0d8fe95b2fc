# SPDX-License-Identifier: MIT
"""Where things lie: the checkout, its output folder, the cache. Nothing else may compute such a path."""

from __future__ import annotations

import os
from pathlib import Path

TOP = Path(os.environ.get("IGT_VGPU_TOP_DIR") or Path(__file__).resolve().parents[4])
OUT = (TOP / "out").resolve()
CACHE = Path(os.environ.get("IGT_VGPU_CACHE") or Path.home() / ".cache" / "igt-vgpu")
TOOLS = TOP / "tools" / "igt-vgpu"
TESTS = TOOLS / "tests"
GUEST = TOOLS / "guest"
RESULTS = OUT / "results"
KVMGT = OUT / "kvmgt"           # setup/kvmgt-kernel
QEMU = OUT / "qemu" / "qemu-system-x86_64"
SERVER = OUT / "mediator" / "igt-vgpu-server"

# Where init.c mounts them in the guest.
GUEST_TOP = "/run/igt-vgpu/top"
GUEST_MODULES = "/run/igt-vgpu/modules"


def guest_path(path: str | Path) -> str:
    """The guest's name of a host file: the checkout is a mount of its own, all else keeps its path."""
    path = Path(os.path.abspath(path))
    try:
        return f"{GUEST_TOP}/{path.relative_to(TOP)}"
    except ValueError:
        return str(path)


# As kernel-build names them.
_TREES = {"series": "linux", "stock": "linux-stock", "release": "linux-release", "release-default": "linux-release-default",
          "release-stock": "linux-release-stock", "debug": "linux-debug", "race": "linux-race", "patch": "linux-patch",
          "kvmgt-series": "linux-kvmgt-series"}


def bzimage(name: str) -> Path:
    """What boots of a kernel that was built; or the image itself, if that is its name."""
    folder = kernel_dir(name)
    return folder if folder.is_file() else folder / "arch/x86/boot/bzImage"


def series_dir(name: str) -> Path:
    """The patches of a kernel: those of a backport, if it has that name."""
    folder = TOP / "patches" / name
    return folder if (folder / "BASE").is_file() else TOP / "patches"


def is_backport(name: str) -> bool:
    """Whether a kernel is that of a backport of the series, like 6.1."""
    return series_dir(name) != TOP / "patches"


def backports() -> list[str]:
    """The names of all backports of the series."""
    return sorted(base.parent.name for base in (TOP / "patches").glob("*/BASE"))


def is_of_base(name: str) -> bool:
    """Whether a kernel is made of BASE, with or without the series."""
    return name in _TREES


def _tree(name: str) -> str:
    return f"linux-{name}" if is_backport(name) else _TREES.get(name, "")


def kernel_dir(name: str) -> Path:
    """The build tree of a kernel: as _tree() knows it, or a path to a user's own tree; of `kvmgt`, which nobody built, its image."""
    if _tree(name):
        return OUT / _tree(name)
    if name == "kvmgt":
        return KVMGT / "vmlinuz"
    tree = Path(name).resolve()
    apart = OUT / "kdir"        # where kernel-build builds a user's tree that was not configured in place
    if (apart / "source").exists() and (apart / "source").resolve() == tree and not (tree / ".config").exists():
        return apart
    return tree


def source_dir(name: str) -> Path:
    """Where to edit a kernel: its build tree, but for a user's tree that is built apart."""
    return kernel_dir(name) if _tree(name) or name == "kvmgt" else Path(name).resolve()


def modules_dir(name: str) -> Path:
    """Where kernel-build installed that kernel's modules (it contains lib/modules/RELEASE)."""
    if name == "kvmgt":
        return KVMGT
    if _tree(name):
        return OUT / "modules" / kernel_dir(name).name
    return OUT / "modules" / "kdir"
