# SPDX-License-Identifier: MIT
"""Git without the user's configuration, locale or hooks, so that the same input gives the same bytes.

Only this file starts git. It knows nothing of patches or of the kernel."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Mapping

# What a repository's own config could still change; command-line -c beats it.
PINNED = (
    "core.autocrlf=false", "core.safecrlf=false", "core.eol=lf", "core.fileMode=true",
    "core.symlinks=true", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null", "core.quotePath=true", "core.commentChar=#",
    "core.fsmonitor=false", "core.abbrev=40", "core.checkStat=default",
    "commit.gpgSign=false", "commit.cleanup=whitespace", "log.showSignature=false",
    "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8",
    "apply.whitespace=nowarn", "apply.ignoreWhitespace=no", "am.threeWay=false", "am.keepcr=false",
    "rerere.enabled=false", "gc.auto=0", "maintenance.auto=false", "advice.detachedHead=false",
    "advice.mergeConflict=false", "safe.directory=*", "color.ui=false",
)


# For Git(path, SPARSE): each command keeps to the patterns in info/sparse-checkout, and no repository's config says so.
SPARSE = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.sparseCheckout", "GIT_CONFIG_VALUE_0": "true",
          "GIT_CONFIG_KEY_1": "core.sparseCheckoutCone", "GIT_CONFIG_VALUE_1": "false"}


class GitError(Exception):
    """A git command that failed: what was run and what it said."""


class Git:
    """One repository: a bare one (`dir` is the git directory) or a work tree with its .git."""

    def __init__(self, path: Path, extra_env: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.extra_env = dict(extra_env or {})

    @property
    def dir(self) -> Path:
        return self.path

    def argv(self, *args: str) -> list[str]:
        pins = [word for pin in PINNED for word in ("-c", pin)]
        return ["git", "-C", str(self.path), *pins, *args]

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        keep = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        keep.update(LC_ALL="C.UTF-8", TZ="UTC", GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull,
                    GIT_CONFIG_SYSTEM=os.devnull, GIT_TERMINAL_PROMPT="0", GIT_PAGER="cat",
                    GIT_OPTIONAL_LOCKS="0")
        keep.update(self.extra_env)
        keep.update(more or {})
        return keep

    def try_run(self, *args: str, input: str | bytes | None = None,
                env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        data = input.encode() if isinstance(input, str) else input
        return subprocess.run(self.argv(*args), input=data, env=self.env(env),
                              stdin=subprocess.DEVNULL if data is None else None,
                              capture_output=True, check=False)

    def run(self, *args: str, input: str | bytes | None = None,
            env: Mapping[str, str] | None = None) -> bytes:
        done = self.try_run(*args, input=input, env=env)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise GitError(f"git {' '.join(args[:6])} in {self.path}: {said or done.returncode}")
        return done.stdout

    def out(self, *args: str, input: str | bytes | None = None,
            env: Mapping[str, str] | None = None) -> str:
        return self.run(*args, input=input, env=env).decode(errors="surrogateescape")

    def ok(self, *args: str) -> bool:
        try:
            return self.try_run(*args).returncode == 0
        except (FileNotFoundError, NotADirectoryError):
            return False

    def lines(self, *args: str) -> list[str]:
        return self.out(*args).splitlines()

    def names(self, *args: str) -> list[str]:
        """Output of a command that was given -z."""
        return [n for n in self.out(*args).split("\0") if n]

    def rev(self, name: str) -> str:
        return self.out("rev-parse", "--verify", "--quiet", f"{name}^{{}}").strip()

    def objects(self) -> Path:
        path = Path(self.out("rev-parse", "--git-path", "objects").strip())
        return path if path.is_absolute() else (self.path / path).resolve()

    def private(self, name: str) -> Path:
        """A file of ours inside the git directory of this work tree."""
        path = Path(self.out("rev-parse", "--git-path", name).strip())
        return path if path.is_absolute() else self.path / path
