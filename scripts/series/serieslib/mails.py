# SPDX-License-Identifier: MIT
"""The series as mails: made by git format-patch, taken apart again, and handed to git send-email. Used by scripts/series/send."""
from __future__ import annotations

import email
import email.policy
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formataddr, getaddresses, parseaddr
from pathlib import Path

from .base import SeriesError
from .cover import Letter
from .lab import COMMITTER, FORMAT, FORMAT_PINS, Applied, Lab, touched_by

# What get_maintainer.pl takes for the top of a kernel tree, and itself.
KERNEL_TOP = ("/COPYING", "/CREDITS", "/Kbuild", "/Makefile", "/README", "/MAINTAINERS", "/scripts/get_maintainer.pl",
              "/Documentation/Makefile", "/arch/Kconfig", "/include/linux/init.h", "/drivers/Makefile", "/fs/Makefile",
              "/init/Makefile", "/ipc/Makefile", "/kernel/Makefile", "/lib/Makefile")
LIST = "intel-gfx@lists.freedesktop.org"
# The headers of a mail say who gets it: for git send-email, its text and the user's settings do not. (--suppress-from: who sends it
# would get it for a sign-off of his.)
TO_WHOM = ("--suppress-cc=author", "--suppress-cc=body", "--suppress-cc=cccmd", "--no-signed-off-by-cc", "--suppress-from",
           "--to-cmd=true", "--no-to", "--no-cc", "--no-bcc")
# The cover letter has no patch in it: without the option git am stops there ("Patch is empty").
AM = ("am", "--empty=drop")
SUBJECT, BLURB = "*** SUBJECT HERE ***", "*** BLURB HERE ***"


@dataclass(frozen=True)
class Options:
    version: int
    rfc: bool
    to: list[str]
    cc: list[str]


def recipients(lab: Lab, series: Applied) -> tuple[list[str], list[str]]:
    """(the list the driver's work goes to, everybody else whom MAINTAINERS names for a file of the series)."""
    files = touched_by(lab.places.patch_files())
    with lab.sparse_worktree(series.tip, [*KERNEL_TOP, *("/" + f for f in files)]) as tree:
        there = [f for f in files if (tree.path / f).exists()]
        done = subprocess.run(["scripts/get_maintainer.pl", "--nogit", "--nogit-fallback", "--norolestats", "--", *there],
                              cwd=tree.path, capture_output=True, text=True, check=False)
    # As a header holds them: names in ASCII, whatever they are made of.
    people = sorted({formataddr(parseaddr(line)) for line in done.stdout.splitlines() if "@" in line})
    if done.returncode or LIST not in people:
        raise SeriesError(f"get_maintainer.pl: does not name {LIST} for {len(there)} files of the series: {done.stderr.strip() or done.stdout.strip()}")
    return [LIST], [p for p in people if p != LIST]


def make(lab: Lab, series: Applied, letter: Letter, folder: Path, options: Options) -> list[Path]:
    """Write the mails, cover letter first, and series.mbox of all of them; the mails' files."""
    more = ["--cover-letter", "--thread=shallow", "--numbered", "--no-zero-commit",
            f"--subject-prefix={'RFC ' * options.rfc}PATCH", *(f"--to={a}" for a in options.to), *(f"--cc={a}" for a in options.cc)]
    if options.version > 1:
        more.append(f"--reroll-count={options.version}")
    # The cover letter is from whom the patches are from.
    name, mail = lab.git.out("log", "-1", "--format=%an%n%ae", series.tip).splitlines()
    lab.git.run(*FORMAT_PINS, *FORMAT, *more, "-o", str(folder), f"{series.base}..{series.tip}",
                env={"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail})
    files = sorted(folder.glob("*.patch"))
    text = files[0].read_text(encoding="utf-8")
    if text.count(SUBJECT) != 1 or text.count(BLURB) != 1:
        raise SeriesError(f"{files[0]}: git's cover letter is not the one expected: no '{SUBJECT}' or '{BLURB}' in it")
    files[0].write_text(text.replace(SUBJECT, letter.subject).replace(BLURB, letter.body), encoding="utf-8")
    (folder / "series.mbox").write_bytes(b"".join(f.read_bytes() for f in files))
    return files


def _thread(mails: list[EmailMessage], count: int) -> list[str]:
    """What is wrong with the mails as a thread."""
    found = [] if len(mails) == count + 1 else [f"{len(mails)} mails for {count} patches and a cover letter"]
    first = mails[0]["Message-ID"]
    for number, mail in enumerate(mails):
        name = mail["Subject"]
        if f" {number:0{len(str(count))}}/{count}]" not in name:
            found.append(f"'{name}': is mail {number} of {count}")
        if not mail["To"] or not mail["Cc"]:
            found.append(f"'{name}': has no recipients")
        if not all(value.isascii() for _, value in mail.raw_items()):
            found.append(f"'{name}': has a header that is not ASCII")
        if number and (mail["In-Reply-To"], mail["References"]) != (first, first):
            found.append(f"'{name}': is no answer to the cover letter")
    return found


def _apply(lab: Lab, series: Applied, mbox: Path) -> None:
    """SeriesError unless git am of the mbox on BASE gives the tree of the series."""
    with lab.sparse_worktree(series.base, ["/" + f for f in touched_by(lab.places.patch_files())]) as tree:
        done = tree.try_run(*AM, "--quiet", "--no-3way", str(mbox), env=COMMITTER)
        if done.returncode:
            raise SeriesError(f"{mbox}: git am on BASE: {(done.stdout + done.stderr).decode(errors='replace').strip()}")
        got, want = (git.out("rev-parse", f"{rev}^{{tree}}").strip() for git, rev in ((tree, "HEAD"), (lab.git, series.tip)))
    if got != want:
        raise SeriesError(f"{mbox}: git am on BASE gives tree {got}, the series is {want}")


def _by_b4(lab: Lab, mbox: Path, folder: Path) -> Path:
    """What b4, with which maintainers take series from a list, makes of the mbox: another one. Offline, and nobody's settings count."""
    settings, made = folder / "gitconfig", folder / "series.mbx"
    settings.write_text("[user]\n\tname = nobody\n\temail = nobody\n[b4]\n\tattestation-policy = off\n")
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CACHE_HOME": str(folder),
           "GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"}
    # Its input, not a file: with that, b4 0.12 stumbles over each header that is folded.
    done = subprocess.run(["b4", "--offline-mode", "am", "--no-cover", "--use-local-mbox", "-", "--outdir", str(folder), "--mbox-name", "series"],
                          cwd=folder, env=env, input=mbox.read_text(encoding="utf-8"), capture_output=True, text=True, errors="replace", check=False)
    if done.returncode or not made.is_file():
        raise SeriesError(f"{mbox}: b4 am does not take it (status {done.returncode}):\n  " + "\n  ".join(done.stderr.strip().splitlines()[-12:]))
    return made


def check(lab: Lab, series: Applied, files: list[Path], mbox: Path) -> str:
    """SeriesError unless the mails are one thread, and the mbox gives the series again, to git and to b4. Returns who took it."""
    mails = [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in files]
    found = _thread(mails, len(series.commits))  # type: ignore[arg-type]
    if found:
        raise SeriesError("the mails are not one thread:\n  " + "\n  ".join(found))
    _apply(lab, series, mbox)
    if not shutil.which("b4"):
        return f"git {' '.join(AM)} of series.mbox on BASE gives the series; b4 is not installed, and was not asked"
    with tempfile.TemporaryDirectory(dir=lab.home) as folder:
        _apply(lab, series, _by_b4(lab, mbox, Path(folder)))
    return f"git {' '.join(AM)}, and b4 am, of series.mbox on BASE give the series"


def _addresses(mail: EmailMessage, *headers: str) -> set[str]:
    return {address.lower() for _, address in getaddresses([str(x) for h in headers for x in mail.get_all(h, [])])}


def _rehearse(argv: list[str], files: list[Path]) -> None:
    """SeriesError unless git send-email, with the user's settings, would send each mail to those whom its headers name."""
    done = subprocess.run([*argv, "--dry-run", *map(str, files)], env={**os.environ, "LC_ALL": "C", "LANGUAGE": ""}, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    # Of each mail a log, whose end is the header that it would have.
    told = re.findall(r"Log says:\n(?:.*\n)*?(From: .*\n(?:.+\n)+)", done.stdout)
    if done.returncode or len(told) != len(files):
        last = "\n  ".join(done.stdout.strip().splitlines()[-8:])
        raise SeriesError(f"git send-email --dry-run: {len(told)} of {len(files)} mails (status {done.returncode}):\n  {last}")
    for file, header in zip(files, told):
        sent = email.message_from_string(header, policy=email.policy.default)
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        me = _addresses(sent, "From")  # type: ignore[arg-type]
        want, got = (_addresses(x, "To", "Cc") - me for x in (mail, sent))  # type: ignore[arg-type]
        wrong = [f"leaves out {x}" for x in sorted(want - got)] + [f"adds {x}" for x in sorted(got - want)]
        if wrong:
            raise SeriesError(f"{file.name}: git send-email {', '.join(wrong)}: a setting of yours? (git config --get-regexp sendemail)")


def post(files: list[Path]) -> int:
    """Hand the mails over; git send-email has the user's server, and asks before each mail."""
    own = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    if not shutil.which("git-send-email", path=f"{own}:{os.environ['PATH']}"):
        raise SeriesError("git send-email: not installed (Debian: git-email); the mails are made and checked, send them as you like")
    argv = ["git", "send-email", "--confirm=always", "--no-chain-reply-to", "--no-thread", *TO_WHOM]
    _rehearse(argv, files)
    return subprocess.run([*argv, *map(str, files)], check=False).returncode
