# SPDX-License-Identifier: MIT
"""Upstream IGT's tests for i915, unmodified: what they come to on a vGPU is in upstream.list.

The programs are not part of the project. They are taken from a build of your own: `make upstream-igt IGT=DIR`, DIR being an
IGT tree with its meson build in build/, a meson build folder, or the prefix that IGT was installed to. Without IGT=, a build
(or a link to one) named igt in the cache folder is taken, and without that the tests skip. Debian packages no test programs.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from igtvgpu import paths
from igtvgpu.api import *
from igtvgpu.expected import ExpectedList
from igtvgpu.suite import SuiteError

SETS = ("smoke", "fast", "full")        # `make check` runs the first
LIST = ExpectedList(Path(__file__).with_name("upstream.list"), SETS)
# The programs of which every subtest must be in the list: all that are not for displays or for other GPUs.
FAMILIES = re.compile(r"(api_intel|core|dmabuf|drm|gem|gen9|i915|perf|prime|sw_sync|syncobj|sysfs|vgem)(_|$)|device_reset$")
FOREIGN = re.compile(r"drm_virtgpu|prime_udl|prime_nv_\w+|prime_mmap_kms|.*\.(p|txt|sh|so.*)$")
# modprobe's argument in a form that IGT takes.
ENVIRONMENT = 'IGT_KMOD_DIRNAME="$IGT_VGPU_MODULES/lib/modules/$(uname -r)"'


def find_build() -> Path | None:
    """The folder with the programs. A build that was named and is none is an error."""
    given = os.environ.get("IGT_VGPU_IGT", "")
    root = Path(given).expanduser() if given else paths.CACHE / "igt"
    for folder in (root / "build" / "tests", root / "tests", root / "libexec" / "igt-gpu-tools"):
        if (folder / "core_auth").is_file():
            return folder.resolve()
    if given:
        raise SuiteError(f"IGT={given}: no core_auth in its build/tests, tests or libexec/igt-gpu-tools")
    return None


def environment(folder: Path) -> str:
    """What the programs need to know: an installed build must be told where its library is."""
    prefix = paths.guest_path(folder.parent.parent)
    if folder.parent.name != "libexec":
        return ENVIRONMENT
    return f"{ENVIRONMENT} LD_LIBRARY_PATH={prefix}/lib/x86_64-linux-gnu:{prefix}/lib64:{prefix}/lib"


def declare(suite: Suite, chosen: str, folder: Path | None) -> None:
    """The programs of a set; of the last one also those that the list should know and does not."""
    if folder is None:
        suite.igt("core_auth", name=f"{chosen}/all", skip="no build of upstream IGT: make upstream-igt IGT=DIR runs a build of yours")
        return
    programs = LIST.programs(chosen)
    if chosen == SETS[-1]:
        built = sorted(p.name for p in folder.iterdir() if p.is_file() and os.access(p, os.X_OK)
                       and FAMILIES.match(p.name) and not FOREIGN.match(p.name))
        programs += [p for p in [*LIST.programs(), *built] if p not in programs]
    for program in dict.fromkeys(programs):
        suite.igt(str(folder / program), name=f"{chosen}/{program}", env=environment(folder), expected=LIST, chosen=chosen, bare=ROOMY_BARE)


# Two lines of one report: the first says which check it was.
MANY_OBJECTS = (Allow(r"DEBUG_LOCKS_WARN_ON\(hlock->references < references\)", "lockdep counts to 2047 locks of a kind, an execbuf locks more objects"),
                Allow(r"at kernel/locking/lockdep\.c:\d+ __lock_acquire", "lockdep counts to 2047 locks of a kind, an execbuf locks more objects"))
# Tests that fill the GGTT with objects want more memory than it has addresses.
ROOMY = VmSpec(memory="6G")
ROOMY_BARE = replace(NATIVE, memory="6G")
BUILD = find_build()

smoke = Suite("upstream", timeout=60, vm=ROOMY, allow=MANY_OBJECTS)
declare(smoke, "smoke", BUILD)
others = Suite("upstream", timeout=60, vm=ROOMY, allow=MANY_OBJECTS, on_demand=True)
declare(others, "fast", BUILD)
declare(others, "full", BUILD)
