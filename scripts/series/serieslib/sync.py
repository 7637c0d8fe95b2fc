# SPDX-License-Identifier: MIT
"""Whether a kernel tree and patches/ say the same, and which of the two moved since they last did.

Import and export ask this before they overwrite anything. The only state is one small file in the
tree's git directory, written whenever both sides were equal."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .base import Places, SeriesError
from .git import Git, GitError
from .lab import Applied, Lab, digest_of

STATE = "igt-vgpu-sync"


@dataclass(frozen=True)
class Sync:
    tip: str
    digest: str


def is_tree(path: Path) -> bool:
    return (path / ".git").exists()


def read(tree: Git) -> Sync | None:
    try:
        data = json.loads(tree.private(STATE).read_text())
        return Sync(str(data["tip"]), str(data["digest"]))
    except (OSError, ValueError, KeyError):
        return None


def write(tree: Git, lab: Lab, tip: str) -> None:
    tree.private(STATE).write_text(json.dumps({"tip": tip, "digest": digest_of(lab.places)}) + "\n")


def edits(tree: Git) -> tuple[list[str], list[str]]:
    """(changed tracked files, untracked files that no ignore rule covers)."""
    changed: list[str] = []
    new: list[str] = []
    entries = iter(tree.names("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"))
    for entry in entries:
        (new if entry.startswith("??") else changed).append(entry[3:])
    return changed, new


def busy(tree: Git) -> None:
    for name in ("rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "MERGE_HEAD"):
        if tree.private(name).exists():
            raise SeriesError(f"{tree.path}: a git operation is in progress ({name}): finish or abort it")


def same_as_patches(lab: Lab, tree: Git, series: Applied) -> bool:
    have = {p.name: p.read_bytes() for p in lab.places.patch_files()}
    return len(have) == len(series.commits) and lab.format(series, tree) == have


def holds_patches(places: Places) -> bool:
    """Whether the kernel tree, if there is one, holds what patches/ say and nothing else."""
    if not is_tree(places.tree):
        return True
    tree = Git(places.tree)
    try:
        if any(edits(tree)):
            return False
        if read(tree) == Sync(tree.rev("HEAD"), digest_of(places)):
            return True
        lab = Lab(places)
        return same_as_patches(lab, tree, lab.series_in(tree))
    except (SeriesError, GitError):
        return False
