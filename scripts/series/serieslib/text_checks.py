# SPDX-License-Identifier: MIT
"""Checks of the series as text: the round trip, the messages, checkpatch, spelling.

Each function raises verdict.Failed with one line for each finding, or returns a note."""
from __future__ import annotations

import email
import email.header
import email.policy
import email.utils
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import backport, sync
from .base import REPO, Places, SeriesError, write_whole
from .git import Git
from .lab import Applied, Lab, differences, hunks_of
from .verdict import Failed, Memo, Skip

TRAILER = re.compile(r"^[A-Z][A-Za-z]*(-[A-Za-z]+)*: \S|^\(cherry picked from ")
MIN_WORDS = 15
BACKPORT_NOTE = re.compile(r"^\[backport to [^]]*\]\n\n", re.M)


@dataclass
class Context:
    """What the checks look at."""

    places: Places
    files: list[Path]
    series: Applied | None = None

    @cached_property
    def lab(self) -> Lab:
        """The series as git objects. It needs the kernel's source, which a check that only reads the patches does without."""
        return Lab(self.places)

    @property
    def memo(self) -> Memo:
        return Memo(self.places.cache)

    def applied(self) -> Applied:
        if self.series is None:
            raise Failed(["needs the applied series; see the first failure"])
        return self.series


@dataclass(frozen=True)
class Mail:
    author: str         # Name <address>
    subject: str
    message: list[str]  # below the subject, above "---"


def read_mail(path: Path) -> Mail:
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)

    def header(name: str) -> str:
        raw = str(parsed.get(name, ""))
        return re.sub(r"\s+", " ", str(email.header.make_header(email.header.decode_header(raw))))

    body = parsed.get_payload(decode=True)
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    name, address = email.utils.parseaddr(header("From"))
    lines: list[str] = []
    for line in text.splitlines():
        if line.rstrip() == "---" or line.startswith("diff --git "):
            break
        lines.append(line.rstrip())
    if lines and (found := re.match(r"From: (.*) <(.*)>$", lines[0])):
        name, address = found.groups()
        lines = lines[1:]
    subject = re.sub(r"^\[PATCH[^]]*\] *", "", header("Subject"))
    return Mail(f"{name} <{address}>", subject, lines)


# -- the series as a whole ---------------------------------------------------------------------

def check_names(ctx: Context) -> str:
    """patches/ holds BASE, COVER, CHANGES, what was found out (BISECT.rst, COMPILED, BOOTED), a README, a gapless numbered series and the folders of
    backports, nothing else."""
    if not ctx.files:
        raise Failed(["patches/: no patch (NNNN-*.patch)"])
    bad = [f"{ctx.places.show(p)}: number {i:04d} is expected here"
           for i, p in enumerate(ctx.files, 1) if not p.name.startswith(f"{i:04d}-")]
    known = {"BASE", "README.rst", "COMPILED", "BOOTED", *(("build.config", backport.NAME) if ctx.places.backport else ("COVER", "CHANGES", "BISECT.rst"))}
    bad += [f"{ctx.places.show(p)}: neither one of {', '.join(sorted(known))}, nor a patch"
            for p in sorted(ctx.places.patches.iterdir())
            if p.name not in known | {f.name for f in ctx.files} and not (p / "BASE").is_file()]
    if bad:
        raise Failed(bad)
    return f"{len(ctx.files)} patches"


def check_applies(ctx: Context) -> str:
    """git am on the pristine BASE; then no hunk may have moved."""
    try:
        ctx.series = ctx.lab.apply(ctx.files)
    except SeriesError as e:
        raise Failed(str(e).splitlines()) from e
    again = list(ctx.lab.format(ctx.series).values())
    moved: list[str] = []
    for path, new in zip(ctx.files, again):
        have, want = hunks_of(path.read_bytes()), hunks_of(new)
        for (name, line), (_, real) in zip(have, want):
            if line != real and len(have) == len(want):
                moved.append(f"{ctx.places.show(path)}: {name}: the hunk at line {line} "
                             f"applies at line {real} only (offset {real - line})")
    if moved:
        raise Failed(moved)
    return f"tip {ctx.series.tip[:12]}"


def check_originals(ctx: Context) -> str:
    """A backport has each patch of the series, in order, with its message: what differs stands in a paragraph "[backport to ...]".
    It changes the same lines, but for those of DIFFERENCES."""
    def told(path: Path) -> tuple[str, str]:
        mail = read_mail(path)
        return mail.subject, BACKPORT_NOTE.sub("", "\n".join(mail.message)).strip()

    files = ctx.places.patch_files(ctx.places.patches.parent)
    originals = dict(told(p) for p in files)
    mine = {told(p)[0]: (p, told(p)[1]) for p in ctx.files}
    left_out = (ctx.places.patches / "README.rst").read_text(encoding="utf-8")
    bad = [f"{subject}: not in the backport, and README.rst does not say why" for subject in originals if subject not in mine and subject not in left_out]
    bad += [f"{ctx.places.show(p)}: the series has no such patch" for subject, (p, _) in mine.items() if subject not in originals]
    bad += [f"{ctx.places.show(p)}: its message is not the original's" for subject, (p, text) in mine.items() if originals.get(subject, text) != text]
    if not bad and list(mine) != [subject for subject in originals if subject in mine]:
        bad = ["the patches are not in the order of the series"]
    bad += _undeclared(ctx, {told(p)[0]: p for p in files}, {subject: p for subject, (p, _) in mine.items()})
    if bad:
        raise Failed(bad)
    return f"{len(mine)} of {len(originals)} patches of the series"


def _undeclared(ctx: Context, originals: dict[str, Path], mine: dict[str, Path]) -> list[str]:
    """Differences from the series that are not written down, and those that are and are gone."""
    known = backport.read(ctx.places)
    bad: list[str] = []
    for subject, path in mine.items():
        now = backport.differences(originals[subject], path) if subject in originals else []
        then = known.pop(subject, [])
        if now != then:
            lines = backport.only_in_one(then, now)
            first = next((x[1:] for x in lines if x[0] == "+"), f"(no more) {lines[0][1:]}")
            bad.append(f"{ctx.places.show(path)}: differs from the series' patch otherwise than {backport.NAME} says, first in: {first}")
    bad += [f"{ctx.places.show(ctx.places.patches / backport.NAME)}: {subject}: no such patch" for subject in known]
    if bad:
        bad.append("take over what the series changed (README.rst says how), or, where it is right to differ: "
                   "scripts/series/export --differences")
    return bad


def write_differences(places: Places) -> Path:
    """Write down how a backport differs from the series now."""
    path = places.patches / backport.NAME
    write_whole(path, backport.text(places, lambda p: read_mail(p).subject))
    return path


def check_round_trip(ctx: Context) -> str:
    series = ctx.applied()
    want = ctx.lab.format(series)
    if want != ctx.lab.format(series):
        raise Failed(["two exports of the same commits differ"])
    lines = differences(want, {p.name: p.read_bytes() for p in ctx.files})
    if lines:
        raise Failed(["patches/" + x for x in lines] + ["scripts/series/export writes them anew"])
    return "byte for byte"


def check_mirror(ctx: Context) -> str:
    want = ctx.lab.mirror_files(ctx.applied())
    lines = differences(want, ctx.lab.mirror_now())
    if lines:
        raise Failed(lines + ["fold hand edits into a commit of out/linux, then scripts/series/export"])
    return f"{len(want)} files"


def check_tree(ctx: Context) -> str:
    """What was built and booted from out/linux is what patches/ say."""
    if not sync.is_tree(ctx.places.tree):
        raise Skip("no out/linux yet (make series-import)")
    tree = Git(ctx.places.tree)
    mine = ctx.lab.series_in(tree)
    changed, new = sync.edits(tree)
    lines = [f"out/linux: {x}: uncommitted edit" for x in changed]
    lines += [f"out/linux: {x}: in no commit" for x in new]
    same = mine.tip == ctx.applied().tip or sync.same_as_patches(ctx.lab, tree, mine)
    if not same:
        lines.append(f"out/linux: HEAD {mine.tip[:12]} is not the series: run scripts/series/export, "
                     "or scripts/series/import, whichever side is newer")
    if lines:
        raise Failed(lines)
    return ""


# -- each message ------------------------------------------------------------------------------

def check_signed(ctx: Context) -> str:
    bad = []
    for path in ctx.files:
        mail = read_mail(path)
        signed = [x[len("Signed-off-by: "):] for x in mail.message
                  if x.startswith("Signed-off-by: ")]
        if mail.author not in signed:
            bad.append(f"{ctx.places.show(path)}: the author {mail.author} did not sign it off"
                       + (f" (signed by {', '.join(signed)})" if signed else ""))
    if bad:
        raise Failed(bad)
    return ""


def check_explained(ctx: Context) -> str:
    bad = []
    for path in ctx.files:
        mail = read_mail(path)
        prose = [x for x in mail.message if x and not TRAILER.match(x)]
        words = sum(len(re.findall(r"[A-Za-z]{2,}", x)) for x in prose)
        where = ctx.places.show(path)
        if not re.match(r"[\w/,. -]+: \S", mail.subject):
            bad.append(f"{where}: the subject '{mail.subject}' names no area ('drm/i915/vgpu: ...')")
        if " ".join(prose).strip().rstrip(".") == mail.subject.strip().rstrip("."):
            bad.append(f"{where}: the message only repeats the subject")
        elif words < MIN_WORDS:
            bad.append(f"{where}: the message has {words} words beside its trailers: say why the "
                       f"change is needed ({MIN_WORDS} or more)")
    if bad:
        raise Failed(bad)
    return ""


# -- tools -------------------------------------------------------------------------------------

def check_checkpatch(ctx: Context, kdir: Path) -> str:
    wrap = REPO / "scripts/checkpatch-wrap.sh"
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env["KDIR"] = str(kdir)

    tool = wrap.read_bytes() + (kdir / "scripts/checkpatch.pl").read_bytes() \
        + (kdir / "scripts/spelling.txt").read_bytes()

    def one(path: Path) -> list[str]:
        if ctx.memo.passed("checkpatch", tool, path.read_bytes()):
            return []
        done = subprocess.run([str(wrap), "--quiet", str(path)], env=env, capture_output=True,
                              text=True, errors="replace", check=False)
        if done.returncode == 0:
            ctx.memo.remember("checkpatch", tool, path.read_bytes())
            return []
        lines = [x for x in done.stdout.splitlines() if not x.startswith("checkpatch: ")]
        return [x.replace(str(ctx.places.root) + "/", "") for x in lines + done.stderr.splitlines()] \
            or [f"{path}: checkpatch-wrap.sh: status {done.returncode}"]

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        found = [x for lines in pool.map(one, ctx.files) for x in lines]
    if found:
        raise Failed(found)
    return f"{len(ctx.files)} patches"


def own_words(patch: bytes) -> bytes:
    """A patch with everything blanked that its author did not write: context and removed lines."""
    kept: list[bytes] = []
    in_diff = False
    for line in patch.splitlines():
        if line.startswith(b"diff --git "):
            in_diff = True
        if not in_diff:
            # Base64-like words of a folded header are no prose; the rest of the head is.
            kept.append(b"" if line.startswith((b"From ", b"From:", b" <")) else line)
        elif line.startswith(b"+") and not line.startswith(b"+++ "):
            kept.append(line[1:])
        else:
            kept.append(b"")
    return b"\n".join(kept) + b"\n"


def check_spelling(ctx: Context) -> str:
    if not shutil.which("codespell"):
        raise Failed(["codespell: not installed: run `make setup`"])
    ignore = REPO / "scripts/series/codespell-ignore.txt"
    with tempfile.TemporaryDirectory(dir=ctx.lab.home) as scratch:
        for path in ctx.files:
            (Path(scratch) / path.name).write_bytes(own_words(path.read_bytes()))
        done = subprocess.run(["codespell", "--quiet-level=2", "--ignore-words", str(ignore),
                               *[p.name for p in ctx.files]], cwd=scratch, capture_output=True,
                              text=True, errors="replace", check=False)
    lines = [f"patches/{x}" for x in done.stdout.splitlines() if x.strip()]
    if done.returncode and not lines:
        lines = done.stderr.splitlines() or [f"codespell: status {done.returncode}"]
    if lines:
        raise Failed(lines)
    return ""
