# SPDX-License-Identifier: MIT
"""scripts/series/rebase: what applies elsewhere moves; what does not is shown, waits to be resolved, and goes on."""
from __future__ import annotations

import shutil

from scratch import GOOD, STOCK, Scratch

from serieslib.git import Git
from serieslib.lab import COMMITTER, Lab

ELSEWHERE = "drivers/gpu/drm/i915/i915_ioc32.c"
WHO = {**COMMITTER, "GIT_AUTHOR_NAME": "Upstream", "GIT_AUTHOR_EMAIL": "upstream@igt-vgpu.invalid"}


class Onto:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.target = scratch.root / "out/upstream"
        self.tree = scratch.root / "out/rebase"

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a series moves to a kernel that differs elsewhere, unchanged", self.elsewhere),
            ("a conflict is shown with its patch and file; resolved, the rebase goes on", self.conflict),
            ("what is no kernel, or another target than the tree's, is refused", self.refused),
        ]

    def _upstream(self, name: str, old: str, new: str) -> str:
        """A kernel git tree at BASE plus one commit that edits a file."""
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.rmtree(self.target, ignore_errors=True)
        self.scratch.series(*GOOD)
        lab = Lab(self.scratch.places)
        with lab.sparse_worktree(lab.base, [f"/{name}"]) as tree:
            file = tree.path / name
            assert old in file.read_text()
            file.write_text(file.read_text().replace(old, new))
            tree.run("commit", "-q", "-a", "-m", "upstream", env=WHO)
            commit = tree.rev("HEAD")
        Git(self.scratch.root).run("init", "-q", "--bare", str(self.target))
        (self.target / "objects/info/alternates").write_text(f"{lab.git.objects()}\n")
        Git(self.target).run("update-ref", "refs/heads/next", commit)
        return f"{self.target}@next"

    def elsewhere(self) -> None:
        target = self._upstream(ELSEWHERE, "#include <drm/drm_ioctl.h>\n", "#include <drm/drm_ioctl.h>\n/* next */\n")
        done = self.scratch.run("rebase", "--files-only", target)
        assert done.status == 0 and "2 patches on Linux 6." in done.text and "0 of them changed" in done.text, done.text
        assert "0 of the 3 stock files" in done.text, done.text
        made = sorted(p.name for p in (self.scratch.root / "out/rebase.patches").iterdir())
        assert made == [p.name for p in self.scratch.places.patch_files()], made
        done = self.scratch.run("rebase", "--files-only", target)
        assert done.status == 0 and "0 of them changed" in done.text, done.text

    def conflict(self) -> None:
        target = self._upstream(STOCK, '#include "i915_mm.h"\n', '#include "i915_next.h"\n#include "i915_mm.h"\n#include "i915_other.h"\n')
        done = self.scratch.run("rebase", "--files-only", target)
        assert done.status == 1 and "1 of the 3 stock files" in done.text, done.text
        assert f"patch 2 of 2 conflicts: {GOOD[1].subject}" in done.text and f"{STOCK}: 1 place" in done.text, done.text
        again = self.scratch.run("rebase", "--files-only", target)
        assert again.status == 1 and "patch 2 of 2 conflicts" in again.text, again.text
        file = self.tree / STOCK
        file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith(("<<<<<<<", "|||||||", "=======", ">>>>>>>"))))
        tree = Git(self.tree, {"GIT_EDITOR": "true", **COMMITTER})
        tree.run("add", STOCK)
        tree.run("rebase", "--continue")
        done = self.scratch.run("rebase", "--files-only", target)
        assert done.status == 0 and "1 of them changed" in done.text and "0002-" in done.text, done.text

    def refused(self) -> None:
        target = self._upstream(ELSEWHERE, "#include <drm/drm_ioctl.h>\n", "#include <drm/drm_ioctl.h>\n/* next */\n")
        for text, says in ((str(self.scratch.root / "nothing"), "neither a kernel source"), (f"{self.target}@nowhere", "has no revision nowhere")):
            done = self.scratch.run("rebase", text)
            assert done.status == 1 and says in done.text, done.text
        assert self.scratch.run("rebase", "--files-only", target).status == 0
        lab = Lab(self.scratch.places)
        Git(self.target).run("update-ref", "refs/heads/next", lab.base)
        done = self.scratch.run("rebase", "--files-only", target)
        assert done.status == 1 and "another series or target" in done.text, done.text
