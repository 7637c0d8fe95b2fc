# SPDX-License-Identifier: MIT
"""Configured kernel work trees in which patches are compiled and analysed.

One persistent work tree per configuration, below out/series/work/: moving it from patch to patch
keeps make incremental, and in-tree relative paths let ccache share objects between all of them and
with out/linux. Callers: build, and the compiling checks. It never touches out/linux."""
from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Callable, Iterable, Iterator

from .base import REPO, SeriesError
from .git import SPARSE, Git
from .lab import Lab, touched_by

BUILD_CONFIG = "scripts/series/build.config"
SERIES_CONFIG = "tools/igt-vgpu/guest/guest-series.config"

# Half of the tree is of no use to an x86 i915 build; leaving it out halves time and disk.
# Kconfig, Makefile and Kbuild files stay everywhere, since kbuild reads them all.
PATTERNS = (
    "/*",
    "!/arch/*/", "/arch/x86/", "/arch/um/",
    "!/Documentation/*/", "!/samples/*/", "!/sound/*/", "!/drivers/net/*/",
    "!/drivers/gpu/drm/amd/*/", "!/drivers/gpu/drm/nouveau/*/", "!/drivers/media/*/",
    "!/drivers/staging/*/", "!/drivers/scsi/*/", "!/drivers/infiniband/*/", "!/tools/testing/*/",
    "!/tools/perf/", "/tools/testing/selftests/drivers/",
    "Kconfig*", "Makefile*", "Kbuild*", "*.mk",
)

@dataclass(frozen=True)
class Variant:
    """One way to build the driver."""

    compiler: str       # gcc or clang
    i915: str           # m or y
    gvt: bool           # GVT-g host support
    svm: bool = True    # SVM bind, where the tree has it; without, as a distribution has it: Kconfig's default, and SHIPPED
    bits: int = 64      # 32: i386, where Kconfig has neither GVT-g host nor SVM bind
    xe: bool = False    # xe beside it, which compiles i915's display/ with headers of its own

    @property
    def name(self) -> str:
        return f"{self.compiler}-{self.i915}-{'gvt' if self.gvt else 'nogvt'}" \
            + ("" if self.svm else "-nosvm") + ("" if self.bits == 64 else "-i386") + ("-xe" if self.xe else "")

    @property
    def cc(self) -> str:
        if self.compiler == "gcc":
            return "gcc"
        return "clang-14" if shutil.which("clang-14") else "clang"

    def fragment(self) -> str:
        text = f"CONFIG_DRM_I915={self.i915}\n" + (SHIPPED if self.i915 == "y" or not self.svm else "")
        if self.compiler == "clang":
            # tinyconfig starts as 32 bit and leaves 1024 behind, which clang exceeds in stock selftests.
            text += "CONFIG_FRAME_WARN=2048\n"
        if not self.svm:
            text += "CONFIG_DRM_I915_SVM=n\n"
        if self.bits == 32:
            text += I386
        if self.xe:
            text += XE
        return text + (f"CONFIG_DRM_I915_GVT_KVMGT={self.i915}\n" if self.gvt else "")


# Built in it is compiled with the options of distributions, as a module with all that a developer switches on (build.config).
SHIPPED = "CONFIG_DRM_I915_SELFTEST=n\nCONFIG_DRM_I915_DEBUG_GEM=n\n"
# Huge pages need PAE there.
I386 = "CONFIG_64BIT=n\nCONFIG_TRANSPARENT_HUGEPAGE=n\n"
# It selects helpers of FB without FB.
XE = "CONFIG_DRM_XE=m\nCONFIG_FB=y\n"
# Those first that have every pair of options between them: half of the product finds most of what it can find.
PRODUCT = tuple(Variant(c, i, g) for half in (0, 1) for c in ("gcc", "clang") for i in ("m", "y") for g in (False, True)
                if ((c == "clang") + (i == "y") + g) % 2 == half)
DEFAULT = PRODUCT[0]
# What the product has one side of only. What a distribution ships: a module, without SVM bind and the developer's options; by clang,
# since i386, which has no SVM bind either, is by gcc. As a module, for what nothing defines is found in one only.
NO_SVM = Variant("clang", "m", False, svm=False)
ON_I386 = Variant("gcc", "m", False, bits=32)
WITH_XE = Variant("gcc", "m", False, xe=True)
VARIANTS = (*PRODUCT, NO_SVM, ON_I386, WITH_XE)


def build_config(lab: Lab) -> tuple[str, str]:
    """(what every kernel that is compiled here has, what only a tree with the series can have)."""
    own = lab.places.patches / "build.config"       # what a backport's kernel wants besides
    more = "\n" + own.read_text(encoding="utf-8") if own.is_file() else ""
    for root in (lab.places.root, REPO):
        ours, series = root / BUILD_CONFIG, root / SERIES_CONFIG
        if ours.is_file() and series.is_file():
            return ours.read_text(encoding="utf-8") + more, series.read_text(encoding="utf-8")
    raise SeriesError(f"{BUILD_CONFIG}: not there; the builds start from it")


@contextmanager
def heard(work: WorkTree, who: str, objects: Callable[[], Iterable[Path]]) -> Iterator[None]:
    """Around a make and the judgement of what it says. Of an object that is there make does not say again what it said: if the last judgement
    of that name was bad, or was interrupted, the objects go first."""
    marker = work.path.with_name(f"{work.path.name}.{who}-said")
    if marker.exists():
        for path in objects():
            path.unlink(missing_ok=True)
    marker.touch()
    yield
    marker.unlink()


@functools.cache
def tool_version(program: str) -> str:
    found = shutil.which(program)
    if not found:
        raise SeriesError(f"{program}: not installed: run `make setup`")
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else program


def make_env(lab: Lab) -> dict[str, str]:
    drop = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KBUILD_OUTPUT", "O", "ARCH", "CROSS_COMPILE",
            "LLVM", "CC", "KCFLAGS", "KDIR")
    env = {k: v for k, v in os.environ.items() if k not in drop and not k.startswith("GIT_")}
    env.update(LC_ALL="C.UTF-8", KBUILD_BUILD_TIMESTAMP="@0", KBUILD_BUILD_USER="igt-vgpu",
               KBUILD_BUILD_HOST="igt-vgpu", CCACHE_NOHASHDIR="1",
               CCACHE_SLOPPINESS="time_macros")
    env.setdefault("CCACHE_DIR", str(lab.places.cache / "ccache"))
    return env


def dropped(wanted: str, have: set[str]) -> list[str]:
    """Lines of `wanted` that a configuration does not have. Of two about a symbol the last one counts, as for Kconfig."""
    wants = dict(x.split("=", 1) for x in wanted.splitlines() if x.startswith("CONFIG_"))
    return [f"{name}={value}" for name, value in wants.items()
            if (value == "n" and any(x.startswith(f"{name}=") for x in have)) or (value != "n" and f"{name}={value}" not in have)]


def jobs() -> int:
    return int(os.environ.get("JOBS") or os.cpu_count() or 2)


class WorkTree:
    """A work tree with a configuration. Use it as a context manager: it is locked while in use."""

    def __init__(self, lab: Lab, name: str, variant: Variant, path: Path | None = None) -> None:
        self.lab = lab
        self.variant = variant
        self.path = path or lab.home / "work" / name
        self.lock_path = lab.home / "work" / f"{name}.lock"
        self.git = Git(self.path, SPARSE)
        self._lock: IO[str] | None = None

    def __enter__(self) -> "WorkTree":
        self.lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.lock_path.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock:
            self._lock.close()

    def goto(self, commit: str) -> None:
        """Bring the sources to a commit; only files that differ change, so make stays incremental."""
        series = touched_by(self.lab.places.patch_files())
        patterns = "".join(p + "\n" for p in (*PATTERNS, *("/" + s for s in series)))
        if not (self.path / ".git").exists() or not self.git.ok("rev-parse", "HEAD"):
            shutil.rmtree(self.path, ignore_errors=True)
            with self.lab.locked():
                self.lab.git.run("worktree", "prune")
                self.lab.git.run("worktree", "add", "--no-checkout", "--detach", "--force",
                                 str(self.path), commit)
        sparse = self.git.private("info/sparse-checkout")
        sparse.parent.mkdir(parents=True, exist_ok=True)
        if not sparse.is_file() or sparse.read_text() != patterns or not (self.path / "Makefile").exists():
            sparse.write_text(patterns)
            # The first time there is no index yet; later, a changed pattern list only adds files.
            self.git.run("read-tree", "-m", "-u", "HEAD")
        self.git.run("checkout", "--quiet", "--force", "--detach", commit)

    def config_text(self) -> str:
        return "\n".join((*build_config(self.lab), self.variant.fragment()))

    def configure(self) -> None:
        """tinyconfig + build.config + the variant's; again only if an input changed."""
        kconfig = [x for x in self.git.lines("ls-tree", "-r", "HEAD", "drivers/gpu/drm/i915")
                   if "/Kconfig" in x]
        inputs = "\0".join((self.config_text(), tool_version(self.variant.cc), *kconfig))
        wanted = hashlib.sha256(inputs.encode()).hexdigest()
        stamp = self.path / ".config.series"
        if stamp.exists() and stamp.read_text() == wanted and (self.path / ".config").exists():
            return
        stamp.unlink(missing_ok=True)
        new = self.path / ".config.new"
        self.must("tinyconfig", f"KCONFIG_CONFIG={new.name}")
        with new.open("a", encoding="utf-8") as f:
            f.write(self.config_text())
        self.must("olddefconfig", f"KCONFIG_CONFIG={new.name}")
        have = set(new.read_text().splitlines())
        lost = dropped(build_config(self.lab)[0] + self.variant.fragment(), have)
        if self.lab.places.backport:    # an older kernel has not all of them, and need not
            lost = [x for x in lost if self.git.ok("grep", "-q", f"^config {x[len('CONFIG_'):].split('=')[0]}$", "HEAD", "--", "*Kconfig*")]
        if lost:
            raise SeriesError(f"{new}: Kconfig dropped {', '.join(lost)}")
        # An equal file keeps its time stamp, and make its objects.
        old = self.path / ".config"
        if not old.exists() or old.read_bytes() != new.read_bytes():
            new.replace(old)
        stamp.write_text(wanted)

    def make(self, *goals: str, timeout: float | None = 3600) -> subprocess.CompletedProcess[str]:
        cc = ["CC=ccache " + self.variant.cc] if shutil.which("ccache") else ["CC=" + self.variant.cc]
        if self.variant.compiler == "clang":
            cc += ["HOSTCC=gcc"]
        if self.variant.bits == 32:
            cc += ["ARCH=i386"]
        argv = ["make", "-s", f"-j{jobs()}", *cc, *goals]
        return subprocess.run(argv, cwd=self.path, env=make_env(self.lab), text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False)

    def must(self, *goals: str) -> str:
        done = self.make(*goals)
        if done.returncode:
            tail = "\n  ".join(done.stdout.strip().splitlines()[-15:])
            raise SeriesError(f"{self.path}: make {' '.join(goals)} failed:\n  {tail}")
        return done.stdout
