# SPDX-License-Identifier: MIT
"""Import and export: idempotent, byte-stable, and neither throws work away."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scratch import GOOD, I915, PROBE_C, STOCK, Patch, Scratch, extra

from serieslib.git import Git
from serieslib.sync import STATE, holds_patches

HOSTILE = """\
[user]
	name = Somebody
	email = somebody@example.invalid
	signingKey = 0xdeadbeef
[commit]
	gpgSign = true
[format]
	signature = SIGNATURE
	subjectPrefix = RFC PATCH v7
	numbered = true
	thread = deep
	attach = true
	signOff = true
	noprefix = true
	coverLetter = true
	headers = "X-Hostile: yes\\n"
	useAutoBase = true
	outputDirectory = /nonexistent
[diff]
	noprefix = true
	mnemonicPrefix = true
	algorithm = patience
	context = 9
	interHunkContext = 30
	renames = false
	statGraphWidth = 10
	orderFile = /nonexistent
	indentHeuristic = false
	external = /bin/false
[core]
	autocrlf = true
	abbrev = 7
	hooksPath = /nonexistent
[color]
	ui = always
[am]
	threeWay = true
	keepcr = true
[apply]
	whitespace = fix
[i18n]
	commitEncoding = ISO-8859-1
	logOutputEncoding = ISO-8859-1
"""


class Sync:
    """One out/linux for all tests; each test starts from the good series in both places."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.tree = scratch.tree

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("import makes a tree whose commits are the same everywhere", self.create),
            ("a second import changes nothing", self.again),
            ("import follows changed patches and touches only what differs", self.follow),
            ("import keeps a commit that was never exported, and says how to go on", self.keep_commit),
            ("import keeps an uncommitted edit", self.keep_edit),
            ("import --force puts work aside where it can be found", self.force),
            ("import stops in the middle of a rebase", self.rebase),
            ("a new file is visible to git status, a build product is not", self.ignore),
            ("export writes what was committed, twice the same bytes", self.export),
            ("export renumbers, removes old patches and mirror files", self.remove),
            ("export gives the same bytes under a hostile git configuration", self.hostile),
            ("export refuses uncommitted and unknown files", self.dirty),
            ("the check of out/linux fails for a new file, an edit, and a commit that patches/ does not have", self.check_tree),
            ("export refuses to overwrite patches that the tree does not know", self.foreign),
            ("export refuses to overwrite a mirror edited by hand", self.mirror),
            ("export refuses a merge, and a tree that is not on BASE", self.shape),
            ("distclean's guard lets go what patches/ has", self.saved),
            ("distclean's guard names an edit, a new file, a commit and a branch, and how to keep them", self.unsaved),
            ("distclean's guard looks at backports, a rebase and the other trees, too", self.unsaved_elsewhere),
            ("a wrong or missing tarball is one clear line", self.tarball),
            ("a BASE that is damaged is one clear line", self.base),
        ]

    # -- helpers -------------------------------------------------------------------------------

    def _start(self) -> None:
        self.scratch.series(*GOOD)
        if self.tree.exists():
            git = self.scratch.git()
            for name in ("rebase-merge", "rebase-apply"):
                shutil.rmtree(git.private(name), ignore_errors=True)
            git.try_run("clean", "-fdq", "--", I915)
        done = self.scratch.run("import", "--force")
        assert done.status == 0, done.text

    def _commit(self, path: str, text: str, message: str = "drm/i915: work") -> None:
        target = self.tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        git = self.scratch.git()
        git.run("add", "--", path)
        who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER")
               for k, v in (("NAME", "Series Test"), ("EMAIL", "series-test@igt-vgpu.invalid"),
                            ("DATE", "1790000000 +0200"))}
        git.run("commit", "-q", "-m", message, env=who)

    def _head(self) -> str:
        return self.scratch.git().rev("HEAD")

    def _patches(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in self.scratch.places.patch_files()}

    # -- import --------------------------------------------------------------------------------

    def create(self) -> None:
        series = self.scratch.commits(GOOD)
        self.scratch.write(series)
        # Only the first run of the tests on a machine pays for the 86,000 files.
        if not (self.tree / "Makefile").exists():
            shutil.rmtree(self.tree, ignore_errors=True)
        done = self.scratch.run("import", "--force")
        assert done.status == 0, done.text
        git = self.scratch.git()
        assert git.rev("HEAD") == self.scratch.lab.apply().tip
        assert git.rev("HEAD~2") == self.scratch.lab.base_values["commit"]
        assert git.lines("symbolic-ref", "--short", "HEAD") == ["series"]
        assert (self.tree / I915 / "series_probe.c").read_text() == PROBE_C
        assert git.lines("log", "-1", "--format=%cn %cd", "--date=raw") == \
            git.lines("log", "-1", "--format=igt-vgpu series %ad", "--date=raw")

    def again(self) -> None:
        self._start()
        before = {p: p.stat().st_mtime_ns for p in (self.tree / "drivers/gpu/drm/i915").rglob("*")}
        head = self._head()
        done = self.scratch.run("import")
        assert done.status == 0 and "up to date" in done.text, done.text
        after = {p: p.stat().st_mtime_ns for p in (self.tree / "drivers/gpu/drm/i915").rglob("*")}
        assert head == self._head() and before == after

    def follow(self) -> None:
        self._start()
        watched = {n: (self.tree / n).stat().st_mtime_ns
                   for n in (I915 + "i915_drv.h", I915 + "series_probe.h", STOCK, "Makefile")}
        changed = [Patch(GOOD[0].subject, {**GOOD[0].files,
                                           I915 + "series_probe.c": PROBE_C.replace("* 2", "* 4")},
                         GOOD[0].edits), GOOD[1]]
        self.scratch.series(*changed)
        done = self.scratch.run("import")
        assert done.status == 0 and "moved to patches/" in done.text, done.text
        assert "* 4" in (self.tree / I915 / "series_probe.c").read_text()
        assert watched == {n: (self.tree / n).stat().st_mtime_ns for n in watched}

    def keep_commit(self) -> None:
        self._start()
        self._commit(I915 + "work.c", "/* work */\n", "drm/i915: precious work")
        head = self._head()
        self.scratch.series(GOOD[0])
        done = self.scratch.run("import")
        assert done.status != 0 and head == self._head(), done.text
        for word in ("never exported", "precious work", "scripts/series/export", "--force"):
            assert word in done.text, done.text

    def keep_edit(self) -> None:
        self._start()
        file = self.tree / STOCK
        text = file.read_text() + "/* edit */\n"
        file.write_text(text)
        done = self.scratch.run("import")
        assert done.status == 0 and "1 uncommitted edits kept" in done.text, done.text
        self.scratch.series(GOOD[0])
        done = self.scratch.run("import")
        assert done.status != 0 and STOCK in done.text and file.read_text() == text, done.text

    def force(self) -> None:
        self._start()
        self._commit(I915 + "work.c", "/* work */\n")
        (self.tree / STOCK).write_text((self.tree / STOCK).read_text() + "/* edit */\n")
        head = self._head()
        done = self.scratch.run("import", "--force")
        assert done.status == 0 and self._head() == self.scratch.lab.apply().tip, done.text
        git = self.scratch.git()
        kept = git.lines("for-each-ref", "--format=%(refname)", "refs/series/kept")
        assert any(git.rev(k) == head for k in kept), kept
        edits = [k for k in kept if k.endswith("-edits") and k in done.text]
        assert edits and "/* edit */" in git.out("show", f"{edits[0]}:{STOCK}")
        for name in kept:
            git.run("update-ref", "-d", name)

    def rebase(self) -> None:
        self._start()
        (self.scratch.git().private("rebase-merge")).mkdir()
        try:
            for tool in ("import", "export"):
                done = self.scratch.run(tool)
                assert done.status != 0 and "rebase-merge" in done.text, done.text
        finally:
            (self.scratch.git().private("rebase-merge")).rmdir()

    def ignore(self) -> None:
        self._start()
        names = {"new.c": True, "new.o": False, ".new.o.cmd": False, "new.ko": False}
        for name in names:
            (self.tree / I915 / name).write_text("")
        try:
            status = self.scratch.git().out("status", "--porcelain", "--untracked-files=all")
            for name, seen in names.items():
                assert (f"{I915}{name}\n" in status) == seen, status
        finally:
            for name in names:
                (self.tree / I915 / name).unlink()

    # -- export --------------------------------------------------------------------------------

    def export(self) -> None:
        self._start()
        before = self._patches()
        done = self.scratch.run("export")
        assert done.status == 0 and "0 written, 0 removed" in done.text, done.text
        assert before == self._patches()
        text = "// SPDX-License-Identifier: MIT\n/* Grüße, žluťoučký */\n"
        self._commit(I915 + "deep/work.c", text, "drm/i915: ünïcode wörk\n\nWhy: because.")
        done = self.scratch.run("export")
        assert done.status == 0 and "3 patches (1 written, 0 removed)" in done.text, done.text
        assert (self.scratch.root / I915 / "deep/work.c").read_text() == text
        first = self._patches()
        done = self.scratch.run("export")
        assert "0 written" in done.text and first == self._patches(), done.text
        result = self.scratch.run("check", "names", "applies", "roundtrip", "mirror", "tree")
        assert result.status == 0, result.text

    def remove(self) -> None:
        self.export()
        git = self.scratch.git()
        git.run("reset", "-q", "--hard", "HEAD~1")
        done = self.scratch.run("export")
        assert done.status == 0 and "2 patches (0 written, 1 removed)" in done.text, done.text
        assert not (self.scratch.root / I915 / "deep").exists()

    def hostile(self) -> None:
        self._start()
        self._commit(I915 + "deep/work.c", "a\nb\n", "drm/i915: ünïcode wörk\n\nWhy: because.")
        out = self.scratch.root / "out"
        assert self.scratch.run("export", "--to", str(out / "plain")).status == 0
        config = out / "hostile.config"
        config.write_text(HOSTILE)
        local = self.scratch.git().private("config")
        saved = local.read_bytes()
        attributes = self.scratch.git().private("info/attributes")
        attributes.parent.mkdir(exist_ok=True)
        try:
            local.write_bytes(saved + HOSTILE.encode())
            attributes.write_text("*.c -diff\n*.h diff=ada\n")
            env = {"GIT_CONFIG_GLOBAL": str(config), "HOME": str(out), "LC_ALL": "C", "TZ": "Asia/Tokyo",
                   "GIT_AUTHOR_NAME": "Nobody", "COLUMNS": "40", "GIT_DIFF_OPTS": "-u9",
                   "PATH": os.environ["PATH"]}
            done = self.scratch.run("export", "--to", str(out / "odd"), env=env)
            assert done.status == 0, done.text
        finally:
            local.write_bytes(saved)
            attributes.unlink(missing_ok=True)
        plain = {p.name: p.read_bytes() for p in (out / "plain").iterdir()}
        assert plain == {p.name: p.read_bytes() for p in (out / "odd").iterdir()} and len(plain) == 3

    def dirty(self) -> None:
        self._start()
        before = self._patches()
        (self.tree / I915 / "unknown.c").write_text("/* new */\n")
        done = self.scratch.run("export")
        assert done.status != 0 and "unknown.c" in done.text and "git add" in done.text, done.text
        (self.tree / I915 / "unknown.c").unlink()
        (self.tree / STOCK).write_text((self.tree / STOCK).read_text() + "/* edit */\n")
        done = self.scratch.run("export")
        assert done.status != 0 and STOCK in done.text and "fixup" in done.text, done.text
        assert before == self._patches()

    def check_tree(self) -> None:
        self._start()
        title = "out/linux holds the series"
        new = self.tree / I915 / "unknown.c"
        new.write_text("/* new */\n")
        (self.tree / STOCK).write_text((self.tree / STOCK).read_text() + "/* edit */\n")
        try:
            found = self.scratch.run("check", "tree").failed(title)
            assert not holds_patches(self.scratch.places)
        finally:
            new.unlink()
            self.scratch.git().run("checkout", "-q", "--", STOCK)
        assert found == [f"out/linux: {STOCK}: uncommitted edit", f"out/linux: {I915}unknown.c: in no commit"], found
        assert self.scratch.run("check", "tree").result(title) == "pass"
        assert holds_patches(self.scratch.places)
        self.scratch.git().private(STATE).unlink()      # as in a tree that neither tool has made
        assert holds_patches(self.scratch.places)
        self._commit(I915 + "work.c", "/* work */\n")
        assert not holds_patches(self.scratch.places)
        found = self.scratch.run("check", "tree").failed(title)
        assert len(found) == 1 and self._head()[:12] in found[0] and "scripts/series/export" in found[0], found

    def foreign(self) -> None:
        self._start()
        self._commit(I915 + "work.c", "/* work */\n")
        files = self.scratch.places.patch_files()
        files[1].write_text(files[1].read_text().replace("include the probe", "pulled from elsewhere"))
        before = self._patches()
        done = self.scratch.run("export")
        assert done.status != 0 and "patches/ changed since" in done.text, done.text
        assert before == self._patches()
        done = self.scratch.run("export", "--force")
        assert done.status == 0 and len(self._patches()) == 3, done.text

    def mirror(self) -> None:
        self._start()
        probe = self.scratch.root / I915 / "series_probe.c"
        probe.write_text(PROBE_C + "/* by hand */\n")
        done = self.scratch.run("export")
        assert done.status != 0 and "edited by hand" in done.text, done.text
        assert "series_probe.c" in done.text and "/* by hand */" in probe.read_text()
        done = self.scratch.run("export", "--force")
        assert done.status == 0 and probe.read_text() == PROBE_C, done.text

    def shape(self) -> None:
        self._start()
        series = self.scratch.commits([*GOOD, extra("series_one", "/* 1 */\n")])
        git = self.scratch.git()
        git.run("fetch", "-q", str(self.scratch.lab.git.dir), "refs/heads/test")
        who = {f"GIT_{r}_{k}": "x" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        merge = git.out("commit-tree", f"{series.tip}^{{tree}}", "-p", series.tip + "~1", "-p", series.tip,
                        "-m", "merge", env=who).strip()
        git.run("checkout", "-q", "--detach", merge)
        done = self.scratch.run("export")
        assert done.status != 0 and "is a merge" in done.text, done.text
        orphan = git.out("commit-tree", f"{series.tip}^{{tree}}", "-m", "orphan", env=who).strip()
        git.run("checkout", "-q", "--detach", orphan)
        done = self.scratch.run("export")
        assert done.status != 0 and "content of BASE" in done.text, done.text

    # -- what distclean may remove ---------------------------------------------------------------

    def _clean(self) -> None:
        """The good series, and nothing that other tests left beside it."""
        self._start()
        shutil.rmtree(self.scratch.places.out / "rebase", ignore_errors=True)
        git = self.scratch.git()
        for name in git.lines("for-each-ref", "--no-merged=HEAD", "--format=%(refname)"):
            git.run("update-ref", "-d", name)

    def _refused(self, *words: str) -> None:
        done = self.scratch.run("export", "--saved")
        assert done.status != 0 and "Traceback" not in done.text, done.text
        for word in words:
            assert word in done.text, f"{word}:\n{done.text}"

    def saved(self) -> None:
        self._clean()
        done = self.scratch.run("export", "--saved")
        assert (done.status, done.text) == (0, ""), done.text
        self._commit(I915 + "work.c", "/* work */\n")
        assert self.scratch.run("export").status == 0
        self.scratch.git().private("igt-vgpu-sync").unlink()        # equal commits will do
        done = self.scratch.run("export", "--saved")
        assert (done.status, done.text) == (0, ""), done.text

    def unsaved(self) -> None:
        self._clean()
        new = self.tree / I915 / "unknown.c"
        new.write_text("/* new */\n")
        try:
            self._refused("out/linux: files that no commit has: " + I915 + "unknown.c", "make series-export", "rm -r out")
        finally:
            new.unlink()
        (self.tree / STOCK).write_text((self.tree / STOCK).read_text() + "/* edit */\n")
        self._refused("out/linux: uncommitted edits: " + STOCK)
        git = self.scratch.git()
        git.run("checkout", "-q", "--", STOCK)
        self._commit(I915 + "work.c", "/* work */\n", "drm/i915: precious work")
        self._refused("out/linux: commits that patches/ does not have", "precious work")
        git.run("update-ref", "refs/heads/topic", "HEAD")
        git.run("reset", "-q", "--hard", "HEAD~1")
        self._refused("out/linux: beside the series: refs/heads/topic")
        git.run("update-ref", "-d", "refs/heads/topic")
        self.scratch.series(GOOD[0])
        self._refused(GOOD[1].subject, "if the patches are newer")
        git.private("rebase-merge").mkdir()
        try:
            self._refused("out/linux: ", "rebase-merge")
        finally:
            git.private("rebase-merge").rmdir()

    def unsaved_elsewhere(self) -> None:
        """Small trees stand for the others: some of the files, all of the commits."""
        self._clean()
        folder = self.scratch.places.patches / "older"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.scratch.places.patches, folder)
        out = self.scratch.places.out
        made = [out / name for name in ("linux-older", "linux-debug", "rebase")]
        try:
            for path in made:
                shutil.rmtree(path, ignore_errors=True)
                subprocess.run(["git", "clone", "-q", "--shared", "--sparse", str(self.tree), str(path)], check=True)
            Git(made[2]).run("config", "igt-vgpu.rebase", f"{self._head()} {self._head()}~1")
            done = self.scratch.run("export", "--saved")
            assert (done.status, done.text) == (0, ""), done.text
            (made[0] / "new.c").write_text("/* new */\n")
            self._refused("out/linux-older: files that no commit has: new.c", "make series-export SERIES=older")
            who = {f"GIT_{r}_{k}": "x" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
            for path in (made[0], made[2]):
                (path / "new.c").write_text("/* new */\n")
                Git(path).run("add", "new.c")
                Git(path).run("commit", "-q", "-m", "precious work", env=who)
            self._refused("out/linux-older: commits that patches/older/ does not have", "precious work",
                          "out/rebase: commits that are nowhere else", "move out/rebase.patches away")
            (made[1] / "COPYING").write_text("edited\n")
            self._refused("out/linux-debug: uncommitted edits: COPYING", "the same edit in out/linux")
        finally:
            for path in (*made, folder, out / "series-older"):
                shutil.rmtree(path, ignore_errors=True)

    # -- BASE ----------------------------------------------------------------------------------

    def tarball(self) -> None:
        empty = self.scratch.root / "out/empty-cache"
        shutil.rmtree(empty, ignore_errors=True)
        bad = self.scratch.root / "out/bad.tar.xz"
        bad.write_bytes(b"not a tarball")
        for value, word in ((bad, "sha256"), (Path("/nonexistent/linux.tar.xz"), "not there")):
            done = self.scratch.run("import", env={"IGT_VGPU_CACHE": str(empty),
                                                   "LINUX_TARBALL": str(value)})
            assert done.status != 0 and word in done.text and str(value) in done.text, done.text
            assert "Traceback" not in done.text and "LINUX_TARBALL=" in done.text, done.text

    def base(self) -> None:
        path = self.scratch.places.patches / "BASE"
        text = path.read_text()
        try:
            for old, new, word in (("version=", "versio=", "lacks version"),
                                   ("tree=4", "tree=5", "tree="),
                                   ("upstream=", "upstream ", "plain key=value")):
                assert old in text, old
                path.write_text(text.replace(old, new, 1))
                done = self.scratch.run("import")
                assert done.status != 0 and word in done.text, done.text
                assert "Traceback" not in done.text, done.text
        finally:
            path.write_text(text)
