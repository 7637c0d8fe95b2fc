# SPDX-License-Identifier: MIT
"""The series on another kernel than BASE: where that kernel is, and a tree in which git rebases the series onto it.

Used by scripts/series/rebase. It writes below out/ and to the cache, nowhere else."""
from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .base import SeriesError, import_tarball, sha256
from .git import Git
from .lab import COMMITTER, Applied, Lab, touched_by

BRANCH = "series"


@dataclass(frozen=True)
class Target:
    """A commit, the repository that has it, and what to call it."""

    name: str
    repo: Git
    commit: str


def _release(repo: Git, commit: str) -> str:
    """What the Makefile says that it is."""
    values = dict(line.replace(" ", "").split("=", 1) for line in repo.out("show", f"{commit}:Makefile").splitlines()[:8] if "=" in line)
    try:
        return f"Linux {values['VERSION']}.{values['PATCHLEVEL']}.{values['SUBLEVEL']}{values['EXTRAVERSION']}"
    except KeyError as error:
        raise SeriesError(f"{repo.path}: {commit[:12]} is no Linux kernel: its Makefile has no {error}") from error


def find(lab: Lab, text: str) -> Target:
    """The kernel that `text` names (see scripts/series/rebase)."""
    path = Path(text).expanduser()
    if path.is_file():
        repo = import_tarball(lab.places, path, sha256(path))
        commit = repo.rev("refs/heads/base")
        return Target(_release(repo, commit), repo, commit)
    folder, _, rev = text.rpartition("@") if "@" in text else (text, "", "HEAD")
    path = Path(folder).expanduser().resolve()
    if not path.exists() or not Git(path).ok("rev-parse", "--git-dir"):
        raise SeriesError(f"{text}: neither a kernel source (linux-source-X.tar.xz or .deb) nor a git tree")
    repo = Git(path)
    if not repo.ok("rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}"):
        raise SeriesError(f"{path}: has no revision {rev}")
    commit = repo.rev(f"{rev}^{{commit}}")
    return Target(_release(repo, commit), repo, commit)


def overview(lab: Lab, series: Applied, target: Target) -> str:
    """How many of the stock files that the series touches are other ones there."""
    files = touched_by(lab.places.patch_files())
    stock = set(lab.git.names("ls-tree", "-r", "-z", "--name-only", series.base, "--", *files))
    both = lab.see(target.repo)
    differ = both.names("diff", "--name-only", "--no-renames", "-z", series.base, target.commit, "--", *sorted(stock))
    return f"{len(differ)} of the {len(stock)} stock files that the series touches differ from BASE's"


class Tree:
    """out/rebase: where git rebases. It stays as it is between two runs."""

    def __init__(self, lab: Lab, series: Applied, target: Target, files_only: bool) -> None:
        self.lab = lab
        self.series = series
        self.target = target
        self.files_only = files_only
        self.path = lab.places.out / "rebase"
        self.patches = lab.places.out / "rebase.patches"
        self.git = Git(self.path, {"GIT_EDITOR": "true", **COMMITTER})

    def begin(self) -> bool:
        """Make the tree, unless it is there already; whether it was made."""
        if (self.path / ".git").exists():
            begun = self.git.out("config", "igt-vgpu.rebase").split()
            if begun != [self.series.tip, self.target.commit]:
                raise SeriesError(f"{self.lab.places.show(self.path)}: is about another series or target: move it away, or remove it if it is of no use")
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(self.path.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run(["git", "init", "-q", str(new)], check=True, env=self.git.env())
        tree = Git(new)
        stores = (self.lab.git.objects(), self.target.repo.objects())
        (new / ".git/objects/info/alternates").write_text("".join(f"{store}\n" for store in stores))
        if self.files_only:
            tree.run("config", "core.sparseCheckout", "true")
            tree.run("config", "core.sparseCheckoutCone", "false")
            (new / ".git/info").mkdir(exist_ok=True)
            names = touched_by(self.lab.places.patch_files())
            (new / ".git/info/sparse-checkout").write_text("".join(f"/{name}\n" for name in names))
        tree.run("config", "igt-vgpu.rebase", f"{self.series.tip} {self.target.commit}")
        tree.run("update-ref", f"refs/heads/{BRANCH}", self.series.tip)
        # git rebase goes to the target first; to be there already saves a check-out of two kernels.
        tree.run("checkout", "--quiet", "--detach", self.target.commit)
        new.rename(self.path)
        return True

    def _busy(self) -> bool:
        return any(self.git.private(name).exists() for name in ("rebase-merge", "rebase-apply"))

    def go_on(self) -> str:
        """Rebase as far as it goes; "" if all of it is done, else what is in the way."""
        if not self._busy() and not self._done():
            self.git.try_run("rebase", "--quiet", "--onto", self.target.commit, self.series.base, BRANCH)
        if not self._busy():
            if not self._done():
                raise SeriesError(f"{self.lab.places.show(self.path)}: branch {BRANCH} is not on {self.target.name}: remove the tree, and begin again")
            return ""
        return self._conflict()

    def _done(self) -> bool:
        return self.git.ok("merge-base", "--is-ancestor", self.target.commit, BRANCH)

    def _conflict(self) -> str:
        stopped = self.git.rev("REBASE_HEAD")
        number = self.series.commits.index(stopped) + 1
        lines = [f"patch {number} of {len(self.series.commits)} conflicts: {self.git.out('log', '-1', '--format=%s', stopped).strip()}"]
        for name in self.git.names("diff", "--name-only", "-z", "--diff-filter=U"):
            file = self.path / name
            places = file.read_text(errors="replace").count("\n<<<<<<< ") if file.is_file() else 0
            lines.append(f"  {name}: " + (f"{places} place{'s' * (places != 1)}" if places else "is not there, or was moved"))
        return "\n".join(lines)

    def export(self) -> list[str]:
        """Write the patches; those that are other changes than before."""
        tip = self.git.rev(BRANCH)
        commits = self.git.lines("rev-list", "--reverse", f"{self.target.commit}..{tip}")
        made = self.lab.format(Applied(self.target.commit, tip, tuple(commits)), self.git)
        shutil.rmtree(self.patches, ignore_errors=True)
        self.patches.mkdir()
        for name, data in made.items():
            (self.patches / name).write_bytes(data)
        before = set(self._changes(self.lab.git, self.series.base, self.series.tip))
        return [name for name, change in zip(made, self._changes(self.git, self.target.commit, tip)) if change not in before]

    @staticmethod
    def _changes(git: Git, base: str, tip: str) -> list[str]:
        """The id of each patch of a range: what it changes, wherever in the file that is."""
        log = git.out("log", "--reverse", "-p", "--no-renames", f"{base}..{tip}")
        return [line.split()[0] for line in git.out("patch-id", "--stable", input=log).splitlines()]
