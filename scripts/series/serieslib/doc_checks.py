# SPDX-License-Identifier: MIT
"""Checks of the pages of Documentation/: what they say builds, and all that has kernel-doc is on one of them.

Only the pages that the series touches are built, and those that pull in a source that it touches, in a work tree that holds
these and what they name: about 10 s of a CPU for i915's. A page may keep the warnings that it has in BASE, and gets no
new one; what BASE's pages say is measured once and remembered."""
from __future__ import annotations

import collections
import hashlib
import inspect
import json
import os
import posixpath
import re
import subprocess
import tempfile
from dataclasses import dataclass

from .base import write_whole
from .git import Git
from .text_checks import Context
from .verdict import Failed
from .work import tool_version

DIRECTIVE = re.compile(r"^\s*\.\. (kernel-doc|literalinclude|include):: +(\S+)$")
# What sphinx needs beyond the pages.
MACHINERY = ("Documentation/conf.py", "Documentation/sphinx/", "Documentation/sphinx-static/", "Documentation/images/",
             "scripts/kernel-doc", "Makefile")


@dataclass(frozen=True)
class Pages:
    """Pages of one revision, and the files that they pull in."""

    rev: str
    pages: tuple[str, ...]
    sources: tuple[str, ...]

    def identity(self, git: Git) -> str:
        """Decides what sphinx says: the ids of all that it reads."""
        return git.out("ls-tree", "-r", self.rev, "--", *self.pages, *self.sources, *(m.rstrip("/") for m in MACHINERY))


def pulls(git: Git, rev: str) -> dict[str, set[str]]:
    """Page -> what it pulls in by name, for all pages that do."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    said = git.try_run("grep", "-E", r"^\s*\.\. (kernel-doc|literalinclude|include):: ", rev, "--", "Documentation/*.rst")
    for line in said.stdout.decode(errors="replace").splitlines():
        page, _, text = line[len(rev) + 1:].partition(":")
        if match := DIRECTIVE.match(text):
            # kernel-doc starts from the top of the tree, the others from the page.
            folder = "" if match.group(1) == "kernel-doc" else posixpath.dirname(page)
            found[page].add(posixpath.normpath(posixpath.join(folder, match.group(2))))
    return found


def pages_of(git: Git, rev: str, touched: list[str]) -> Pages:
    """The touched pages, those that pull in a touched file, and the index of each folder."""
    named = pulls(git, rev)
    concerned = {p for p in touched if p.startswith("Documentation/") and p.endswith(".rst")}
    concerned |= {page for page, sources in named.items() if sources & set(touched)}
    if not concerned:
        return Pages(rev, (), ())
    concerned |= {posixpath.join(posixpath.dirname(p), "index.rst") for p in concerned}
    there = set(git.names("ls-tree", "-r", "-z", "--name-only", rev, "--", *sorted(concerned)))
    sources = {s for page in there for s in named.get(page, ())}
    return Pages(rev, tuple(sorted(there)), tuple(sorted(sources)))


def without_line_numbers(warning: str) -> str:
    """Where the warning is, and where the other one is that a duplicate speaks of, without the numbers that move."""
    return re.sub(r"( also defined at \S+?):\d+", r"\1", re.sub(r"^(\S+?):\d+:(\d+:)?", r"\1:", warning))


def build(ctx: Context, pages: Pages) -> collections.Counter[str]:
    """What sphinx and kernel-doc say about the pages, one line each, without line numbers, which move."""
    patterns = ["/" + name for name in (*MACHINERY, *pages.pages, *pages.sources)]
    top = posixpath.join(posixpath.dirname(pages.pages[0]), "index")
    with ctx.lab.sparse_worktree(pages.rev, patterns) as tree, tempfile.TemporaryDirectory(dir=ctx.lab.home) as out:
        docs = tree.path / "Documentation"
        env = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "srctree": str(tree.path), "BUILDDIR": out}
        done = subprocess.run(
            ["sphinx-build", "-q", "-b", "dummy", "-D", f"master_doc={posixpath.relpath(top, 'Documentation')}",
             "-D", f"kerneldoc_srctree={tree.path}", "-D", f"kerneldoc_bin={tree.path}/scripts/kernel-doc",
             "-d", f"{out}/doctrees", str(docs), f"{out}/pages"],
            cwd=docs, env=env, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise Failed([f"sphinx-build: status {done.returncode}", *(done.stderr or done.stdout).strip().splitlines()[-10:]])
        lines = [x.replace(f"{tree.path}/", "") for x in done.stderr.splitlines() if x.strip()]
    return collections.Counter(without_line_numbers(x) for x in lines)


def _build_base(ctx: Context, pages: Pages) -> collections.Counter[str]:
    """The same of BASE, remembered."""
    if not pages.pages:
        return collections.Counter()
    text = "\0".join((tool_version("sphinx-build"), inspect.getsource(without_line_numbers), pages.identity(ctx.lab.git)))
    path = ctx.places.cache / "series-build" / (hashlib.sha256(text.encode()).hexdigest()[:40] + ".pages")
    if path.exists():
        return collections.Counter(json.loads(path.read_text()))
    said = build(ctx, pages)
    write_whole(path, json.dumps(said, indent=1))
    return said


def _touched(ctx: Context, kinds: str) -> list[str]:
    series = ctx.applied()
    return ctx.lab.git.names("diff-tree", "-r", "-z", "--no-renames", "--name-only", f"--diff-filter={kinds}",
                             series.base, series.tip)


def check_pages(ctx: Context) -> str:
    """No page of the series says something to sphinx that BASE's did not."""
    touched = _touched(ctx, "AMD")
    git, series = ctx.lab.git, ctx.applied()
    pages = pages_of(git, series.tip, touched)
    if not pages.pages:
        return "no page touched"
    # Also for a page that is gone from the series, of which an index may still speak.
    base = pages_of(git, series.base, [*touched, *pages.pages])
    key = ("pages", tool_version("sphinx-build"), pages.identity(git), base.identity(git))
    if not ctx.memo.passed(*key):
        now = build(ctx, pages)
        new = now - _build_base(ctx, base)
        if new:
            raise Failed(sorted(new.elements()))
        ctx.memo.remember(*key)
    return f"{len(pages.pages)} pages, {len(pages.sources)} sources"


def check_documented(ctx: Context) -> str:
    """Each added file with kernel-doc is pulled into a page: what no page shows, nobody reads. Tests explain themselves."""
    git, tip = ctx.lab.git, ctx.applied().tip
    code = [n for n in _touched(ctx, "A") if re.match(r"(drivers|include)/(?!.*/tests/).*\.[ch]$", n)]
    shown = {source for sources in pulls(git, tip).values() for source in sources}
    has = git.try_run("grep", "-l", "-E", r"^/\*\*$", tip, "--", *code).stdout.decode().splitlines() if code else []
    hidden = [n for n in (x[len(tip) + 1:] for x in has) if n not in shown]
    if hidden:
        raise Failed([f"{n}: has kernel-doc, and no page of Documentation/ has '.. kernel-doc:: {n}'" for n in hidden])
    return f"{len(has)} files"
