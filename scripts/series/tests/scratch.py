# SPDX-License-Identifier: MIT
"""A scratch checkout for the tests of the series tools: its own patches/, mirror and out/, with small
series made of commits on BASE. It shares the base repository, the compiler cache and what is known of
BASE with the real checkout, and touches nothing else of it. What it remembers of its patches counts as
long as the tools are the same: a tool that begins to refuse the good ones is found."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent
REPO = TOOLS.parents[1]
sys.path.insert(0, str(TOOLS))

from serieslib.base import Places  # noqa: E402
from serieslib.git import Git  # noqa: E402
from serieslib.lab import COMMITTER, Applied, Lab  # noqa: E402

AUTHOR = "Series Test <series-test@igt-vgpu.invalid>"
I915 = "drivers/gpu/drm/i915/"
WHY = """\
The tools that check the series need a patch on which every one of them is
content, so that a complaint in the next test has one cause only. That is
what this patch is for: explained, signed off, and without effect.
"""


@dataclass
class Patch:
    """One commit: whole files, or (old text, new text) edits of a stock file."""

    subject: str
    files: dict[str, str] = field(default_factory=dict)
    edits: dict[str, tuple[str, str]] = field(default_factory=dict)
    why: str = WHY
    signed: str | None = AUTHOR

    def message(self) -> str:
        parts = [self.subject, ""]
        if self.why:
            parts += [self.why]
        if self.signed:
            parts += [f"Signed-off-by: {self.signed}"]
        return "\n".join(parts).rstrip("\n") + "\n"


@dataclass
class Result:
    status: int
    text: str
    data: dict[str, object]

    def failed(self, title: str) -> list[str]:
        """The details of a failed row whose name contains `title`; [] if it did not fail."""
        for row in self.data.get("results", []):  # type: ignore[attr-defined]
            if title in row["name"] and row["result"] == "fail":
                return row["details"]
        return []

    def result(self, title: str) -> str:
        for row in self.data.get("results", []):  # type: ignore[attr-defined]
            if title in row["name"]:
                return row["result"]
        return "absent"


class Scratch:
    def __init__(self) -> None:
        self.root = REPO / "out/series-tests/checkout"
        (self.root / "patches").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPO / "patches/BASE", self.root / "patches/BASE")
        rules = self.root / "scripts/coccinelle"
        shutil.rmtree(rules, ignore_errors=True)
        shutil.copytree(REPO / "scripts/coccinelle", rules)
        os.environ["IGT_VGPU_CACHE"] = str(self._cache(Places(self.root).cache))
        self.places = Places(self.root)
        self.lab = Lab(self.places)
        self.tree = self.places.tree
        self.count = 0

    @staticmethod
    def _cache(users: Path) -> Path:
        """The cache of these tools and tests; it replaces that of other ones."""
        code = sorted(p for p in TOOLS.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        digest = hashlib.sha256(b"\0".join(p.read_bytes() for p in code)).hexdigest()[:16]
        cache = users / "series-tests" / digest
        if not cache.is_dir():
            shutil.rmtree(cache.parent, ignore_errors=True)
            (cache / "series-build").mkdir(parents=True)
        for name in ("git", "ccache", "dl"):
            (users / name).mkdir(parents=True, exist_ok=True)
            if not (cache / name).exists():
                (cache / name).symlink_to(users / name)
        for fact in (p for kind in ("exports", "pages", "warnings") for p in (users / "series-build").glob(f"*.{kind}")):
            shutil.copyfile(fact, cache / "series-build" / fact.name)
        return cache

    # -- making series -----------------------------------------------------------------------

    def commits(self, patches: list[Patch]) -> Applied:
        """The patches as commits on BASE, in the scratch lab."""
        touched = sorted({n for p in patches for n in (*p.files, *p.edits)})
        name, _, mail = AUTHOR.partition(" <")
        made: list[str] = []
        with self.lab.sparse_worktree(self.lab.base, ["/" + n for n in touched]) as tree:
            for number, patch in enumerate(patches):
                for path, text in patch.files.items():
                    (tree.path / path).parent.mkdir(parents=True, exist_ok=True)
                    (tree.path / path).write_text(text)
                for path, (old, new) in patch.edits.items():
                    text = (tree.path / path).read_text()
                    assert text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
                    (tree.path / path).write_text(text.replace(old, new))
                tree.run("add", "-f", "--sparse", *patch.files, *patch.edits)
                when = f"{1780000000 + 60 * number} +0000"
                tree.run("commit", "-q", "--cleanup=verbatim", "-F", "-", input=patch.message(),
                         env={**COMMITTER, "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail[:-1],
                              "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when})
                made.append(tree.rev("HEAD"))
            self.lab.git.run("update-ref", "refs/heads/test", made[-1])
        return Applied(self.lab.base, made[-1], tuple(made))

    def write(self, series: Applied) -> list[Path]:
        """patches/ and the mirror, as an export writes them."""
        for old in self.places.patch_files():
            old.unlink()
        shutil.rmtree(self.root / "drivers", ignore_errors=True)
        for name, data in self.lab.format(series).items():
            (self.places.patches / name).write_bytes(data)
        for name, data in self.lab.mirror_files(series).items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(data)
        return self.places.patch_files()

    def series(self, *patches: Patch) -> list[Path]:
        return self.write(self.commits(list(patches)))

    # -- running the tools -------------------------------------------------------------------

    def run(self, tool: str, *args: str, env: dict[str, str] | None = None, told: str = "") -> Result:
        """`told`: what the tool reads from a user."""
        self.count += 1
        results = self.root / "out/test-result.json"
        results.unlink(missing_ok=True)
        argv = [str(TOOLS / tool), *args]
        if tool in ("check", "build", "bisect"):
            argv += ["--json", str(results)]
        full = {**os.environ, "IGT_VGPU_ROOT": str(self.root), "IGT_VGPU_CACHE": str(self.places.cache),
                **(env or {})}
        full.pop("LINUX_TARBALL", None)
        full.update(env or {})
        done = subprocess.run(argv, env=full, capture_output=True, text=True, errors="replace",
                              input=told, check=False, timeout=1200)
        data = json.loads(results.read_text()) if results.exists() else {}
        return Result(done.returncode, done.stdout + done.stderr, data)

    def wrap(self, *args: str, kdir: Path | None = None, stdin: bytes | None = None) -> Result:
        env = {**os.environ, "KDIR": str(kdir or self.kdir())}
        done = subprocess.run([str(REPO / "scripts/checkpatch-wrap.sh"), *args], env=env,
                              input=stdin, capture_output=True, check=False)
        return Result(done.returncode, (done.stdout + done.stderr).decode(errors="replace"), {})

    def kdir(self) -> Path:
        """Any tree with checkpatch.pl in it."""
        return self.lab.home / "work/analysis"

    def git(self) -> Git:
        return Git(self.tree)


# -- the good series, and what is wrong with each bad patch ----------------------------------------

PROBE_H = """\
/* SPDX-License-Identifier: MIT */
#ifndef __SERIES_PROBE_H__
#define __SERIES_PROBE_H__

int series_probe(int count);

#endif
"""
PROBE_C = """\
// SPDX-License-Identifier: MIT

#include "series_probe.h"

/**
 * series_probe - double a count
 * @count: what to double
 *
 * Return: twice @count.
 */
int series_probe(int count)
{
	return count * 2;
}
"""
PAGE = f"""\
.. SPDX-License-Identifier: MIT

=========
The probe
=========

.. kernel-doc:: {I915}series_probe.c
   :internal:
"""
PAGES = "Documentation/gpu/"
MAKEFILE = I915 + "Makefile"
STOCK = I915 + "i915_mm.c"
ADD = ("\ti915_mm.o \\\n", "\ti915_mm.o \\\n\tseries_probe.o \\\n")
GOOD = [
    Patch("drm/i915: add a probe for the series tools",
          {I915 + "series_probe.c": PROBE_C, I915 + "series_probe.h": PROBE_H, PAGES + "series-probe.rst": PAGE},
          {MAKEFILE: ADD, PAGES + "drivers.rst": ("   i915\n", "   i915\n   series-probe\n")}),
    Patch("drm/i915: include the probe in a stock file",
          edits={STOCK: ('#include "i915_mm.h"\n', '#include "i915_mm.h"\n#include "series_probe.h"\n')}),
]


def extra(name: str, body: str, **more: object) -> Patch:
    """A patch that adds one more .c file with this body below the SPDX line."""
    return Patch(f"drm/i915: add {name.replace('_', ' ')} to the probe",
                 {f"{I915}{name}.c": "// SPDX-License-Identifier: MIT\n\n" + body},
                 **more)  # type: ignore[arg-type]
