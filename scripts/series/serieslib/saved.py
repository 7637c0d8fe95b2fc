# SPDX-License-Identifier: MIT
"""What would be lost with out/: work in its git trees that patches/ does not have. `make distclean` asks before it removes them.

The trees of the series and of its backports are the user's to edit, and so is out/rebase. The others (out/linux-stock, -patch, -debug, ...)
are made anew by whoever needs them, so work there is only what nobody committed, and a commit on the stock kernel."""
from __future__ import annotations

from pathlib import Path

from . import sync
from .base import Places, SeriesError
from .git import Git, GitError
from .lab import Lab, digest_of

SHOWN = 8


def _some(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f", and {len(words) - SHOWN} more" if len(words) > SHOWN else "")


def _log(tree: Git, commits: str) -> list[str]:
    return tree.lines("log", "--reverse", "--format=%h %s", "--abbrev=12", commits)


def _unexported(tree: Git, places: Places) -> list[str]:
    """The commits of a tree of the series that are none of its patches."""
    head, state = tree.rev("HEAD"), sync.read(tree)
    if state and state.tip == head and state.digest == digest_of(places):
        return []
    lab = Lab(places)
    mine = lab.series_in(tree)
    if not mine.commits or sync.same_as_patches(lab, tree, mine):
        return []
    have = {p.read_bytes() for p in places.patch_files()}
    made = lab.format(mine, tree).values()
    return [line for line, patch in zip(_log(tree, f"{mine.base}..{head}"), made) if patch not in have] or ["fewer, or in another order"]


def _elsewhere(tree: Git) -> list[str]:
    """Branches, a stash, and what an import --force put aside, whose commits HEAD does not have."""
    return tree.lines("for-each-ref", "--no-merged=HEAD", "--format=%(refname)", "refs/heads", "refs/stash", "refs/series/kept")


def _rebased(tree: Git) -> list[str]:
    """The commits of out/rebase that git made there."""
    begun, target = tree.out("config", "igt-vgpu.rebase").split()
    return [] if tree.rev("series") == begun else _log(tree, f"{target}..series")


def _work(places: Places, tree: Git, series: Places | None) -> list[str]:
    """What one tree holds; `series`: the patches that it is made from, if it is made to be edited."""
    sync.busy(tree)
    changed, new = sync.edits(tree)
    found = {"uncommitted edits": changed, "files that no commit has": new}
    if series:
        found[f"commits that {places.show(series.patches)}/ does not have"] = _unexported(tree, series)
        found["beside the series"] = _elsewhere(tree)
    elif tree.path == places.out / "rebase":
        found["commits that are nowhere else"] = _rebased(tree)
    elif tree.path == places.out / "linux-stock":
        found["commits on BASE"] = _log(tree, "base..HEAD")
    return [f"{what}: {_some(words)}" for what, words in found.items() if words]


def _way_out(places: Places, path: Path, series: Places | None) -> str:
    if series:
        option = f" SERIES={series.backport}" if series.backport else ""
        return f"to keep it: commit it, then make series-export{option}; if the patches are newer (you pulled): make series-import{option}"
    if path == places.out / "rebase":
        return "to keep it: finish the rebase, and move out/rebase.patches away; then, or if it is of no use: rm -r out/rebase"
    return "to keep it: make the same edit in out/linux, commit it there, then make series-export"


def unsaved(places: Places) -> list[str]:
    """The lines that say what is where, and how to keep it; none if all of it can go."""
    backports = [Places(places.root, base.parent.name) for base in sorted((places.root / "patches").glob("*/BASE"))]
    series = {p.tree: p for p in (Places(places.root, ""), *backports)}
    lines: list[str] = []
    for path in sorted((*places.out.glob("linux*"), places.out / "rebase")):
        if not sync.is_tree(path) or path.name.endswith(".new"):      # .new: an import that was interrupted
            continue
        try:
            work = _work(places, Git(path), series.get(path))
        except (SeriesError, GitError, ValueError) as error:
            work = [f"cannot tell what it holds: {str(error).splitlines()[0]}"]
        if work:
            lines += [f"{places.show(path)}: {x}" for x in work] + [f"  {_way_out(places, path, series.get(path))}"]
    return lines
