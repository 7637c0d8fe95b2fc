# SPDX-License-Identifier: MIT
"""The series as git objects: patches -> commits, commits -> patches, commits -> mirror.

All of it happens in a bare repository of our own (out/series/lab.git, which borrows the base from
the cache), so no configuration, attribute or branch of the user's tree has a say in the result.
Nothing here writes to patches/, to the mirror or to out/linux: the programs do that."""
from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .base import IDENT, Places, SeriesError, base_repo, read_base
from .git import SPARSE, Git, GitError

MIRROR_PREFIX = "drivers/gpu/drm/i915/"
HUNK = re.compile(rb"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", re.M)
NAME, _, MAIL = IDENT.partition(" <")
COMMITTER = {"GIT_COMMITTER_NAME": NAME, "GIT_COMMITTER_EMAIL": MAIL.rstrip(">")}

# Every option that could differ between two users or two versions of git is written down.
FORMAT = (
    "format-patch", "--quiet", "--zero-commit", "--no-signature", "--no-numbered", "--no-thread",
    "--no-attach", "--no-cover-letter", "--no-base", "--no-notes", "--no-from", "--no-to",
    "--no-cc", "--no-add-header", "--encode-email-headers", "--subject-prefix=PATCH",
    "--start-number=1", "--suffix=.patch", "--filename-max-length=64", "--no-reroll-count",
    "--patch", "--stat=76,56", "--summary", "--full-index", "--unified=3",
    "--inter-hunk-context=0", "--diff-algorithm=histogram", "--indent-heuristic",
    "--find-renames=50%", "-l0", "--no-ext-diff", "--no-textconv", "--no-relative",
    "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--no-color-moved",
)
FORMAT_PINS = ("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false",
               "-c", "diff.suppressBlankEmpty=false", "-c", "diff.orderFile=/dev/null",
               "-c", "format.headers=", "-c", "log.date=default")


@dataclass(frozen=True)
class Applied:
    base: str
    tip: str
    commits: tuple[str, ...]


def digest_of(places: Places) -> str:
    """What the content of patches/ hashes to: BASE's data and every patch, name and bytes."""
    h = hashlib.sha256()
    for key, value in sorted(read_base(places).items()):
        h.update(f"{key}={value}\n".encode())
    for path in places.patch_files():
        data = path.read_bytes()
        h.update(f"{path.name} {len(data)}\n".encode() + data)
    return h.hexdigest()


def touched_by(patches: list[Path]) -> list[str]:
    """Every path that the patches name."""
    names: set[str] = set()
    for path in patches:
        for line in path.read_bytes().splitlines():
            for start in (b"--- a/", b"+++ b/", b"rename from ", b"rename to "):
                if line.startswith(start):
                    names.add(line[len(start):].split(b"\t")[0].decode(errors="surrogateescape"))
            if line.startswith(b"diff --git a/"):
                left, sep, right = line[len(b"diff --git a/"):].partition(b" b/")
                if sep:
                    names.update(x.decode(errors="surrogateescape") for x in (left, right))
    return sorted(names)


class Lab:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.base_values = read_base(places)
        self.source = base_repo(places, self.base_values)
        self.base = self.base_values["commit"]
        self.home = places.lab
        self.git = Git(self.home / "lab.git")
        self._create()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        with self.locked():
            if (self.git.dir / "HEAD").exists() and self.git.ok("cat-file", "-e", f"{self.base}^{{tree}}"):
                return
            shutil.rmtree(self.git.dir, ignore_errors=True)
            subprocess.run(["git", "init", "-q", "--bare", str(self.git.dir)], check=True,
                           env=self.git.env())
            info = self.git.dir / "objects/info"
            info.mkdir(exist_ok=True)
            (info / "alternates").write_text(f"{self.source.dir / 'objects'}\n")
            (self.git.dir / "info").mkdir(exist_ok=True)
            # The kernel's .gitattributes picks a hunk-header pattern that changes between git versions.
            (self.git.dir / "info/attributes").write_text("* !diff\n")
            self.git.run("update-ref", "refs/heads/base", self.base)

    # -- patches -> commits ------------------------------------------------------------------

    @contextlib.contextmanager
    def sparse_worktree(self, rev: str, patterns: list[str]) -> Iterator[Git]:
        """A short-lived work tree that holds only the files named by gitignore-style patterns."""
        path = Path(tempfile.mkdtemp(prefix="wt-", dir=self.home))
        with self.locked():
            self.git.run("worktree", "add", "--no-checkout", "--detach", "--force", str(path), rev)
        tree = Git(path, SPARSE)
        try:
            sparse = tree.private("info/sparse-checkout")
            sparse.parent.mkdir(parents=True, exist_ok=True)
            sparse.write_text("".join(p + "\n" for p in patterns) or "/COPYING\n")
            tree.run("read-tree", "-m", "-u", "HEAD")
            yield tree
        finally:
            with self.locked():
                self.git.try_run("worktree", "remove", "--force", "--force", str(path))
                shutil.rmtree(path, ignore_errors=True)
                self.git.try_run("worktree", "prune")

    def apply(self, patches: list[Path] | None = None) -> Applied:
        """`git am` of the patches on the base. The ids depend on nothing but the patches' bytes."""
        files = self.places.patch_files() if patches is None else patches
        if not files:
            return Applied(self.base, self.base, ())
        h = hashlib.sha256(self.base.encode())
        for f in files:
            h.update(f.read_bytes())
        ref = f"refs/series/{h.hexdigest()[:40]}"
        if not self.git.ok("rev-parse", "--verify", "--quiet", f"{ref}^{{tree}}"):
            self._am(files, ref)
        tip = self.git.rev(ref)
        commits = tuple(self.git.lines("rev-list", "--reverse", f"{self.base}..{tip}"))
        if len(commits) != len(files):
            raise SeriesError(f"{len(files)} patches made {len(commits)} commits: one patch a file")
        return Applied(self.base, tip, commits)

    def _am(self, files: list[Path], ref: str) -> None:
        patterns = ["/" + re.sub(r"([*?\[\]\\!#])", r"\\\1", name) for name in touched_by(files)]
        with self.sparse_worktree(self.base, patterns) as tree:
            done = tree.try_run(
                "am", "--quiet", "--no-3way", "--no-signoff", "--committer-date-is-author-date",
                *[str(f) for f in files], env=COMMITTER)
            if done.returncode:
                count = len(tree.lines("rev-list", f"{self.base}..HEAD"))
                culprit = files[count] if count < len(files) else files[-1]
                said = (done.stdout + done.stderr).decode(errors="replace").strip()
                lines = [x for x in said.splitlines() if x and not x.startswith("hint:")]
                raise SeriesError(
                    f"{self.places.show(culprit)}: does not apply to BASE"
                    + (f" after {count} patches" if count else "") + "\n  " + "\n  ".join(lines[:12])
                    + f"\n  to resolve it by hand: git -C <tree> am --3way {culprit}")
            self.git.run("update-ref", ref, tree.rev("HEAD"))

    # -- commits -> patches ------------------------------------------------------------------

    def see(self, tree: Git) -> Git:
        """This lab with the objects of another repository in sight, without copying any."""
        return Git(self.git.dir, {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(tree.objects())})

    def base_under(self, tree: Git, tip: str) -> str:
        """The commit below the series in a tree: its content decides, not its id."""
        wanted = {self.base_values["tree"], self.base_values["tarball_tree"]}
        for line in tree.lines("rev-list", "--first-parent", "--no-commit-header",
                               "--format=%H %T", "--max-count=5000", tip):
            commit, content = line.split()
            if content in wanted:
                return commit
        raise SeriesError(
            f"{tree.path}: no commit below {tip[:12]} has the content of BASE "
            f"({self.base_values['package']} {self.base_values['version']}); "
            "make the tree with scripts/series/import")

    def series_in(self, tree: Git, rev: str = "HEAD") -> Applied:
        try:
            tip = tree.rev(rev)
        except GitError as e:
            raise SeriesError(f"{tree.path}: no commit {rev}: make the tree with scripts/series/import") from e
        base = self.base_under(tree, tip)
        commits = tree.lines("rev-list", "--reverse", f"{base}..{tip}")
        merges = tree.lines("rev-list", "--min-parents=2", f"{base}..{tip}")
        if merges:
            raise SeriesError(f"{tree.path}: {merges[0][:12]} is a merge; a series is linear (rebase it)")
        return Applied(base, tip, tuple(commits))

    def format(self, series: Applied, tree: Git | None = None) -> dict[str, bytes]:
        """File name -> bytes of each patch of the series."""
        if not series.commits:
            return {}
        git = self.see(tree) if tree else self.git
        with tempfile.TemporaryDirectory(prefix="fp-", dir=self.home) as scratch:
            git.run(*FORMAT_PINS, *FORMAT, "-o", scratch, f"{series.base}..{series.tip}")
            made = {p.name: p.read_bytes() for p in sorted(Path(scratch).iterdir())}
        if len(made) != len(series.commits):
            raise SeriesError(f"{len(series.commits)} commits gave {len(made)} patches: "
                              "an empty commit in the series?")
        return made

    # -- commits -> mirror -------------------------------------------------------------------

    def mirror_files(self, series: Applied, tree: Git | None = None) -> dict[str, bytes]:
        """Path in the kernel -> bytes, of the files under drivers/gpu/drm/i915 that the series adds; a backport has no mirror."""
        if self.places.backport:
            return {}
        git = self.see(tree) if tree else self.git
        names = git.names("diff-tree", "-r", "-z", "--no-renames", "--diff-filter=A", "--name-only",
                          series.base, series.tip, "--", MIRROR_PREFIX)
        return {name: git.run("cat-file", "blob", f"{series.tip}:{name}") for name in names}

    def mirror_now(self) -> dict[str, bytes]:
        """What the checkout's mirror holds."""
        if self.places.backport:
            return {}
        root = self.places.root
        return {str(p.relative_to(root)): p.read_bytes()
                for p in sorted(self.places.mirror.rglob("*")) if p.is_file() or p.is_symlink()}


def hunks_of(patch: bytes) -> list[tuple[str, int]]:
    """(file, line in the old file) of each hunk of a patch."""
    found: list[tuple[str, int]] = []
    name = "?"
    for line in patch.splitlines():
        if line.startswith(b"--- a/"):
            name = line[6:].decode(errors="replace")
        match = HUNK.match(line)
        if match:
            found.append((name, int(match.group(1))))
    return found


def differences(want: dict[str, bytes], have: dict[str, bytes]) -> list[str]:
    """One line for each name that is missing, extra or differs."""
    lines = []
    for name in sorted(want.keys() | have.keys()):
        if name not in have:
            lines.append(f"{name}: missing")
        elif name not in want:
            lines.append(f"{name}: not part of the series")
        elif want[name] != have[name]:
            a, b = want[name].splitlines(), have[name].splitlines()
            at = next((i for i, (x, y) in enumerate(zip(a, b), 1) if x != y), min(len(a), len(b)) + 1)
            lines.append(f"{name}: differs from line {at}")
    return lines
