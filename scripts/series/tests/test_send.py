# SPDX-License-Identifier: MIT
"""scripts/series/send: the mails are one thread that gives the series again, and say nothing that was not measured of it."""
from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
from email.utils import getaddresses
from pathlib import Path

from scratch import AUTHOR, GOOD, Result, Scratch

from serieslib.git import Git
from serieslib.lab import digest_of

COVER = "Subject: drm/i915: probe\n\nWhy.\n\n@CHANGES@\n\n@BASE@\n\n@BISECT@\n\n@REPOSITORY@\n\n@TESTS@\n\n@FIGURES@\n"
URL = "https://git.igt-vgpu.invalid/igt-vgpu.git"
CORE = {"name": "core", "passed": 7, "failed": 0, "skipped": 2}
GUEST = {"name": "guest", "passed": 4, "failed": 0, "skipped": 0}
RACE = {"name": "race", "passed": 3, "failed": 0, "skipped": 1}
CHECK = {"default": ["core", "guest"], "tiers": [CORE, GUEST]}
BENCH = {"targets": [{"reached": True, "what": "a fence update: one trap at most: 1.00"},
                     {"reached": False, "what": "boots, with a sentence that is too long for one line of a mail: 2.4 times"}]}

# A sendmail that delivers nothing: a line of recipients a mail.
SENDMAIL = """\
#!/bin/sh
cat > /dev/null
echo "$@" >> {log}
"""
# What a user may have set for other work, where everybody but the list would be lost or others would be told.
SETTINGS = """\
[sendemail]
	sendmailCmd = {sendmail}
	to = team@igt-vgpu.invalid
	cc = boss@igt-vgpu.invalid
	bcc = me@igt-vgpu.invalid
	toCmd = echo to@igt-vgpu.invalid ";"
	ccCmd = echo cc@igt-vgpu.invalid ";"
	signedOffByCc = true
	from = {author}
"""
# What matters here of git send-email(1), for where it is not installed.
FAKE = """\
#!/usr/bin/env python3
import email, subprocess, sys
from email.utils import getaddresses
def config(name):
    return subprocess.run(["git", "config", "--get-all", "sendemail." + name], capture_output=True, text=True).stdout.splitlines()
options, files = [x for x in sys.argv[1:] if x.startswith("-")], [x for x in sys.argv[1:] if not x.startswith("-")]
suppressed = {x.partition("=")[2] for x in options if x.startswith("--suppress-cc=")} | set(config("suppresscc"))
if "all" in suppressed:
    suppressed |= {"author", "cc", "cccmd", "body"}
if "body" in suppressed:
    suppressed.add("sob")
if "--no-signed-off-by-cc" not in options and config("signedoffbycc"):
    suppressed.discard("sob")
if "--suppress-from" in options:
    suppressed.add("self")
def of(name):
    return [] if "--no-" + name in options else config(name)
for file in files:
    mail = email.message_from_file(open(file))
    to = mail.get_all("To", []) + of("to")
    cc = [x for x in mail.get_all("Cc", []) if "cc" not in suppressed] + of("cc")
    cc += ["cc@igt-vgpu.invalid"] * ("cccmd" not in suppressed) + [mail["From"]] * ("author" not in suppressed)
    cc += ["signed@igt-vgpu.invalid"] * ("sob" not in suppressed) + config("from") * ("self" not in suppressed)
    to += ["to@igt-vgpu.invalid"] * (not any(x.startswith("--to-cmd=") for x in options))
    all_ = [a for _, a in getaddresses(to + cc + of("bcc"))]
    if "--dry-run" in options:
        print("Dry-OK. Log says:\\nFrom: me@igt-vgpu.invalid\\nTo: %s\\nCc: %s\\n" % (", ".join(to), ", ".join(cc)))
    elif sys.stdin.readline() == "y\\n":
        subprocess.run([config("sendmailcmd")[0], "-i", *all_], stdin=subprocess.DEVNULL, check=True)
"""


class Send:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a draft is a thread of a cover letter and a mail a patch, and applies", self.draft),
            ("what was measured of the series stands in the cover letter", self.measured),
            ("results that are missing, of another series, of some tiers or with failures are refused", self.refused),
            ("tiers that were run by name stand in the cover letter, if they were of this series", self.by_name),
            ("a cover letter with a line too wide, or without a field, is refused", self.letter),
            ("a mail that is changed on the way is found", self.changed),
            ("b4 takes the series from the mbox, and one that loses a patch is found", self.taken),
            ("from version 2 on the cover letter says what changed, or there is none", self.changes),
            ("the cover letter names a public repository, and is not sent without one", self.repository),
            ("a draft is not sent", self.unsent),
            ("git send-email sends to whom the headers name, whatever its settings are", self.posted),
        ]

    def _begin(self, cover: str = COVER, check: dict[str, object] | None = None, bench: dict[str, object] | None = None) -> Path:
        self.scratch.series(*GOOD)
        (self.scratch.root / "patches/COVER").write_text(cover)
        (self.scratch.root / "patches/CHANGES").unlink(missing_ok=True)
        results = self.scratch.places.results
        (results / "run").mkdir(parents=True, exist_ok=True)
        for path, data in ((results / "check.json", check), (results / "run/bench.json", bench)):
            path.unlink(missing_ok=True)
            if data:
                series = {"series": digest_of(self.scratch.places)}
                tiers = {"tiers": [{**series, **t} for t in data["tiers"]]} if "tiers" in data else {}
                path.write_text(json.dumps({**series, **data, **tiers}))
        return self.scratch.root / "out/send/v1"

    def _send(self, *args: str) -> Result:
        return self.scratch.run("send", "--dry-run", *args)

    def draft(self) -> None:
        folder = self._begin()
        done = self._send("--draft")
        assert done.status == 0 and "3 mails" in done.text, done.text
        assert "intel-gfx@lists.freedesktop.org" in done.text, done.text
        cover, first, second = (p.read_text() for p in sorted(folder.glob("*.patch")))
        assert "Subject: [PATCH 0/2] DRAFT: drm/i915: probe\n" in cover, cover
        assert cover.count("DRAFT: not measured") == 2, cover
        ident = next(line for line in cover.splitlines() if line.startswith("Message-Id: ")).split()[1]
        for mail in (first, second):
            assert f"In-Reply-To: {ident}" in mail and "To: intel-gfx@" in mail and "\nCc: " in mail, mail
        (self.scratch.root / "patches/CHANGES").write_text("Changes in v3:\n\n * All.\n")
        done = self._send("--draft", "--rfc", "--version", "3")
        cover = next((self.scratch.root / "out/send/v3").glob("*0000-cover-letter.patch")).read_text()
        assert done.status == 0 and "Subject: [RFC PATCH v3 0/2]" in cover, done.text

    def measured(self) -> None:
        folder = self._begin(check=CHECK, bench=BENCH)
        done = self._send()
        cover = (folder / "0000-cover-letter.patch").read_text() if done.status == 0 else ""
        for line in ("core                7 passed     2 skipped", "reached: a fence update: one trap at most: 1.00",
                     "MISSED: boots, with a sentence that is too long for one line of a mail:\n    2.4 times"):
            assert line in cover, done.text + cover
        assert "DRAFT" not in cover, cover

    def refused(self) -> None:
        other = {"series": "0123456789abcdef"}
        broken = {**GUEST, "failed": 1}
        for check, bench, says in ((None, BENCH, "run `make check` first"), (CHECK, None, "run `make bench` first"),
                                   ({**CHECK, "tiers": [{**CORE, **other}, {**GUEST, **other}]}, BENCH, "another state of patches/"),
                                   ({**CHECK, "tiers": [CORE, {**GUEST, **other}]}, BENCH, "nothing is known of this series from guest:"),
                                   ({**CHECK, "tiers": [CORE, {**GUEST, "series": ""}]}, BENCH, "of this series from guest: run `make"),
                                   (CHECK, {**BENCH, **other}, "another state of patches/"),
                                   ({**CHECK, "tiers": [GUEST, RACE]}, BENCH, "nothing is known of this series from core: run `make"),
                                   ({"whole": True, "failed": 0, "tiers": [{**CORE, "series": None}]}, BENCH, "another state of patches/"),
                                   ({**CHECK, "tiers": [CORE, broken]}, BENCH, "1 failed (guest)"),
                                   ({**CHECK, "tiers": [CORE, GUEST, {**RACE, "failed": 2}]}, BENCH, "2 failed (race)")):
            self._begin(check=check, bench=bench)
            done = self._send()
            assert done.status == 1 and says in done.text, f"{says}: {done.text}"

    def by_name(self) -> None:
        for race, says in ((RACE, ["race                3 passed     1 skipped", "all                14 passed     3 skipped"]),
                           ({**RACE, "series": "0123456789abcdef"}, ["all                11 passed     2 skipped"])):
            folder = self._begin(check={**CHECK, "tiers": [CORE, GUEST, race]}, bench=BENCH)
            done = self._send()
            cover = (folder / "0000-cover-letter.patch").read_text() if done.status == 0 else ""
            assert all(line in cover for line in says) and ("race" in cover) == (len(says) > 1), done.text + cover

    def letter(self) -> None:
        for cover, says in ((COVER.replace("Why.", "W" * 76), "COVER:3: 76 columns"), (COVER.replace("@TESTS@", ""), "@TESTS@ 0 times"),
                            (COVER[len("Subject: "):], "begins with one line 'Subject: ...'")):
            self._begin(cover)
            done = self._send("--draft")
            assert done.status == 1 and says in done.text, f"{says}: {done.text}"

    def changed(self) -> None:
        """A git that mangles what it formats: the white space of an added line is gone."""
        folder = self._begin()
        git = self.scratch.root / "out/mangling"
        git.mkdir(parents=True, exist_ok=True)
        real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
        (git / "git").write_text(f'#!/bin/sh\n{real} "$@" || exit\ncase "$*" in *cover-letter*)\n'
                                 f"sed -i 's/^+\\treturn count/+return count/' {folder}/0001-*.patch;; esac\n")
        (git / "git").chmod(0o755)
        done = self.scratch.run("send", "--dry-run", "--draft", env={"PATH": f"{git}:{os.environ['PATH']}"})
        assert done.status == 1 and "git am on BASE gives tree" in done.text, done.text

    def taken(self) -> None:
        self._begin()
        done = self._send("--draft")
        assert done.status == 0 and "git am --empty=drop, and b4 am, of series.mbox on BASE give the series" in done.text, done.text
        losing = self.scratch.root / "out/losing"
        losing.mkdir(parents=True, exist_ok=True)
        real = subprocess.run(["sh", "-c", "command -v b4"], capture_output=True, text=True, check=True).stdout.strip()
        (losing / "b4").write_text(f'#!/bin/sh\nexec {real} "$@" --cherry-pick 1\n')
        (losing / "b4").chmod(0o755)
        done = self.scratch.run("send", "--dry-run", "--draft", env={"PATH": f"{losing}:{os.environ['PATH']}"})
        assert done.status == 1 and "git am on BASE gives tree" in done.text, done.text

    def changes(self) -> None:
        self._begin()
        path, folder = self.scratch.root / "patches/CHANGES", self.scratch.root / "out/send"
        for text, says in ((None, "says what changed, from a line 'Changes in v2:' on"),
                           ("Changes in v3:\n\n * All.\n", "begins with 'Changes in v2:'"),
                           ("Changes in v2:\n\nChanges in v1:\n\n * All.\n", "begins with 'Changes in v2:'"),
                           ("Changes in v2:\n" + "W" * 76, ":2: 76 columns")):
            path.unlink(missing_ok=True)
            if text:
                path.write_text(text)
            done = self._send("--draft", "--version", "2")
            assert done.status == 1 and says in done.text and "patches/CHANGES" in done.text, f"{says}: {done.text}"
        path.write_text("Changes in v2:\n\n * A probe that doubles.\n")
        for version, there in (("2", True), ("1", False)):
            done = self._send("--draft", "--version", version)
            cover = next((folder / f"v{version}").glob("*0000-cover-letter.patch")).read_text()
            assert done.status == 0 and ("Why.\n\nChanges in v2:\n\n * A probe that doubles.\n\n  v6" in cover) == there, done.text + cover
            assert there or "Why.\n\n  v6" in cover, cover
        done = self.scratch.run("check", "names")
        assert done.status == 0, done.text

    def repository(self) -> None:
        """The scratch checkout is a clone of its own meanwhile."""
        folder = self._begin(check=CHECK, bench=BENCH)
        git = Git(self.scratch.root)
        git.run("init", "-q")
        try:
            for origin in (None, "/srv/igt-vgpu", "git@git.igt-vgpu.invalid:igt-vgpu.git", URL.replace("//", "//me:secret@")):
                if origin:
                    git.run("config", "remote.origin.url", origin)
                done = self.scratch.run("send")
                assert done.status == 1 and "make send REPOSITORY=https://" in done.text, f"{origin}: {done.text}"
                done = self._send()
                assert done.status == 0 and "  not public yet" in (folder / "0000-cover-letter.patch").read_text(), f"{origin}: {done.text}"
            done = self._send("--repository", "../igt-vgpu")
            assert done.status == 1 and "not a public URL" in done.text, done.text
            for args, origin in (((), URL), (("--repository", URL), "/srv/igt-vgpu")):
                git.run("config", "remote.origin.url", origin)
                done = self._send(*args)
                assert done.status == 0 and f"\n\n  {URL}\n\n" in (folder / "0000-cover-letter.patch").read_text(), done.text
        finally:
            shutil.rmtree(self.scratch.root / ".git")

    def unsent(self) -> None:
        self._begin()
        done = self.scratch.run("send", "--draft")
        assert done.status == 1 and "a draft is not sent" in done.text, done.text

    def posted(self) -> None:
        folder = self._begin(check=CHECK, bench=BENCH)
        home, log = self.scratch.root / "out/sender", self.scratch.root / "out/sender/sent"
        shutil.rmtree(home, ignore_errors=True)
        (home / "bin").mkdir(parents=True)
        for path, text in ((home / "sendmail", SENDMAIL.format(log=log)), (home / "bin/git-send-email", FAKE)):
            path.write_text(text)
            path.chmod(0o755)
        core = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
        real = shutil.which("git-send-email", path=f"{core}:{os.environ['PATH']}")
        # git looks in its own folder first.
        for program in (home / "bin/git-send-email", *([Path(real)] if real else [])):
            env = {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_SEND_EMAIL_NOTTY": "1",
                   "PATH": f"{program.parent}:{os.environ['PATH']}"}
            if program.parent == home / "bin":
                env["GIT_EXEC_PATH"] = self._without_send_email(core, home / "core")
            (home / ".gitconfig").write_text(SETTINGS.format(sendmail=home / "sendmail", author=AUTHOR))
            log.unlink(missing_ok=True)
            done = self.scratch.run("send", "--repository", URL, env=env, told="y\n" * 3)
            sent = [set(x.split()[1:]) for x in log.read_text().splitlines()] if log.exists() else []
            mails = [email.message_from_bytes(p.read_bytes()) for p in sorted(folder.glob("*.patch"))]
            want = [{a for _, a in getaddresses(m.get_all("To") + m.get_all("Cc"))} for m in mails]
            assert done.status == 0 and len(want[0]) > 3 and sent == want, f"{program}: {sent}, not {want}: {done.text}"
            with (home / ".gitconfig").open("a") as settings:
                settings.write("[sendemail]\n\tsuppressCc = cc\n")
            done = self.scratch.run("send", "--repository", URL, env=env, told="y\n" * 3)
            assert done.status == 1 and "git send-email leaves out " in done.text, f"{program}: {done.text}"
            assert len(log.read_text().splitlines()) == 3, f"{program}: {log.read_text()}"

    @staticmethod
    def _without_send_email(core: str, folder: Path) -> str:
        """A folder of git's programs but for that one, so that the one in PATH is taken."""
        folder.mkdir()
        for program in Path(core).iterdir():
            if program.name != "git-send-email":
                (folder / program.name).symlink_to(program)
        return str(folder)
