# SPDX-License-Identifier: MIT
"""scripts/series/build: a patch that does not compile is found where it is, whatever variant shows it."""
from __future__ import annotations

import re
import subprocess

from scratch import GOOD, I915, MAKEFILE, Patch, Scratch

from serieslib.compile import Cell, build
from serieslib.lab import Lab
from serieslib.verdict import Failed
from serieslib.work import DEFAULT, NO_SVM, PRODUCT, WorkTree

OPTIONS = ("--skip-header-test",)
LINKED = "obj-$(CONFIG_DRM_I915) += i915.o"
# Of the driver's 400 objects these two: what the others would show costs minutes, and is series-build's to find.
FIRST = Patch("drm/i915: add a probe, and leave out the rest", GOOD[0].files, {
    **GOOD[0].edits, MAKEFILE: (LINKED, f"i915-y := i915_mm.o\ni915-y += \\\n\tseries_probe.o \\\n\n{LINKED}")})
BREAK = Patch("drm/i915: forget a semicolon", edits={
    I915 + "series_probe.c": ("return count * 2;", "return count * 2")})
MEND = Patch("drm/i915: mend the probe", edits={
    I915 + "series_probe.c": ("return count * 2", "return count * 2;")})
WARN = Patch("drm/i915: leave a variable unused", edits={
    I915 + "series_probe.c": ("\treturn", "\tint unused;\n\n\treturn")})
UNLISTED = Patch("drm/i915: forget the Makefile", {
    I915 + "series_lost.c": "// SPDX-License-Identifier: MIT\n\nint series_lost(void);\n\n"
                            "int series_lost(void)\n{\n\treturn 1;\n}\n",
}, {I915 + "series_probe.c": ("return count * 2;", "return series_lost() + count;"),
    I915 + "series_probe.h": ("int series_probe(int count);",
                              "int series_probe(int count);\nint series_lost(void);")})
KCONFIG = I915 + "Kconfig"
SVM = Patch("drm/i915: double in SVM bind only", {I915 + "series_svm.c": UNLISTED.files[I915 + "series_lost.c"].replace("lost", "svm")}, {
    KCONFIG: ("config DRM_I915_GVT_KVMGT\n", 'config DRM_I915_SVM\n\tbool "SVM"\n\tdepends on DRM_I915 && 64BIT\n\nconfig DRM_I915_GVT_KVMGT\n'),
    I915 + "Makefile": ("\tseries_probe.o \\\n", "\tseries_probe.o \\\n\t$(if $(CONFIG_DRM_I915_SVM),series_svm.o) \\\n"),
    I915 + "series_probe.c": ("return count * 2;", "return series_svm() + count;"),
    I915 + "series_probe.h": ("int series_probe(int count);", "int series_probe(int count);\nint series_svm(void);")})
DIVIDE = Patch("drm/i915: divide", edits={
    I915 + "series_probe.c": ("return count * 2;", "return (1ULL << 40) / (unsigned long long)count;")})
DISPLAY = Patch("drm/i915/display: include what is not for all", edits={
    I915 + "display/intel_fbc.c": ('#include "i915_utils.h"\n', '#include "i915_query.h"\n#include "i915_utils.h"\n')})
GVT = I915 + "gvt/fb_decoder.c"
GVT_LINE = ("intel_vgpu_decode_primary_plane(struct intel_vgpu *vgpu,\n", "intel_vgpu_decode_primary_plane(struct intel_vgpu *vgpu\n")
BREAK_GVT = Patch("drm/i915: forget a comma in the GVT-g host", edits={GVT: GVT_LINE})
MEND_GVT = Patch("drm/i915: mend the GVT-g host", edits={GVT: GVT_LINE[::-1]})
BREAK_BUILT_IN = Patch("drm/i915: name a module that is none", edits={
    I915 + "series_probe.c": ("return count * 2;", "#ifndef MODULE\n\tno_module();\n#endif\n\treturn count * 2;")})
WARN_CLANG = Patch("drm/i915: assign a count to itself", edits={
    I915 + "series_probe.c": ("return count * 2;", "count = count;\n\treturn count * 2;")})
LEAN = Patch("drm/i915: leave the types to who includes the probe", edits={
    I915 + "series_probe.c": ('#include "series_probe.h"', '#include <linux/types.h>\n\n#include "series_probe.h"'),
    I915 + "series_probe.h": ("int series_probe(int count);", "int series_probe(int count);\nu32 series_wide(u32 count);")})


class OwnHeaders(WorkTree):
    """Its header test leaves out the stock headers, which take minutes and are not what is asked about."""

    def make(self, *goals: str, timeout: float | None = 3600) -> subprocess.CompletedProcess[str]:
        if not any(x.startswith("no-header-test=") for x in goals):
            stock = self.lab.git.lines("ls-tree", "-r", "--name-only", self.lab.base, I915)
            goals = (*goals, "no-header-test=" + " ".join(x[len(I915):] for x in stock if x.endswith(".h")))
        return super().make(*goals, timeout=timeout)


class Build:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a patch in the middle that does not compile is named; the others pass", self.middle),
            ("a failure is found again, a pass is remembered", self.memo),
            ("what FULL=1 compiled is recorded beside the patches; FULL=1 believes the record, and no other run does", self.record),
            ("a compiler warning fails", self.warning),
            ("a warning that only clang has fails", self.warning_of_clang),
            ("a header that does not stand alone fails the header test only", self.header),
            ("what only the GVT-g host breaks, and only what is built in, is found there and nowhere else", self.variants),
            ("built in, and without SVM bind, the driver is compiled without the developer's options", self.shipped),
            ("an object that is missing in the Makefile fails", self.unlisted),
            ("the plan: every patch in the default variant, the last in all, FULL=1 the product",
             self.plan),
            ("without SVM bind only what has it is compiled, and what needs it is found", self.without_svm),
            ("what 32 bits do not have is found on i386", self.on_i386),
            ("what xe does not have is found with xe", self.with_xe),
        ]

    def _build(self, *patches: Patch) -> list[tuple[str, str, str]]:
        self.scratch.series(*patches)
        self.last = self.scratch.run("build", "--quick", *OPTIONS)
        rows = self.last.data.get("results", [])
        return [(r["name"].split()[0], r["result"], "\n".join(r["details"]))  # type: ignore[attr-defined]
                for r in rows]  # type: ignore[attr-defined]

    def middle(self) -> None:
        rows = self._build(FIRST, BREAK, MEND)
        assert [r[:2] for r in rows] == [("0001", "pass"), ("0002", "fail"), ("0003", "pass")], \
            self.last.text
        assert "series_probe.c" in rows[1][2] and self.last.status == 1, self.last.text

    def memo(self) -> None:
        rows = self._build(FIRST, BREAK, MEND)
        assert [r[1] for r in rows] == ["pass", "fail", "pass"], self.last.text
        assert self.last.text.count("unchanged since it passed") == 2, self.last.text

    def record(self) -> None:
        self.scratch.series(FIRST, BREAK)
        full = ("build", "--variant", "gcc-m-nogvt", *OPTIONS)
        assert self.scratch.run(*full, env={"FULL": "1"}).status == 1
        record = self.scratch.places.patches / "COMPILED"
        known = {cell: digest for digest, cell in     # other variants too: earlier runs may have left them
                 (x.split(maxsplit=1) for x in record.read_text().splitlines() if not x.startswith("#"))}
        assert "0001 gcc-m-nogvt" in known and not any(x.startswith("0002") for x in known), known
        assert re.search(r"[1-9]\d* of 21 cells", self.scratch.run("check", "compiled").text)
        memory = self.scratch.places.cache / "series-build" / f"{known['0001 gcc-m-nogvt']}.json"
        memory.unlink()
        done = self.scratch.run(*full, env={"FULL": "1"})
        assert done.text.count("unchanged since it passed") == 1 and not memory.exists(), done.text
        self.scratch.run("build", "--quick", *OPTIONS)
        assert memory.exists()

    def shipped(self) -> None:
        self.scratch.series(FIRST, GOOD[1])
        lab = Lab(self.scratch.places)
        options = {}
        for variant in (*(v for v in PRODUCT if v.compiler == "gcc" and not v.gvt), NO_SVM):
            with WorkTree(lab, variant.name, variant) as work:
                work.goto(lab.base)
                work.configure()
                config = (work.path / ".config").read_text()
            options[variant.name] = [f"CONFIG_DRM_I915{x}" in config for x in ("=m", "_SELFTEST=y", "_DEBUG_GEM=y", "_WERROR=y")]
        assert options == {"gcc-m-nogvt": [True] * 4, "gcc-y-nogvt": [False, False, False, True],
                           "clang-m-nogvt-nosvm": [True, False, False, True]}, options

    def warning(self) -> None:
        rows = self._build(FIRST, WARN)
        assert rows[1][1] == "fail" and "unused" in rows[1][2], self.last.text

    def warning_of_clang(self) -> None:
        rows = self._build(FIRST, WARN_CLANG)
        assert [r[1] for r in rows] == ["pass", "pass"], self.last.text
        done = self.scratch.run("build", "--variant", "clang-y-nogvt", *OPTIONS)
        assert done.result("0001") == "pass" and "-Wself-assign" in "\n".join(done.failed("0002 clang-y-nogvt")), done.text

    def header(self) -> None:
        self.scratch.series(FIRST, LEAN)
        lab = Lab(self.scratch.places)
        first, second = lab.apply().commits
        with OwnHeaders(lab, DEFAULT.name, DEFAULT) as work:
            build(work, Cell(first, "0001", DEFAULT))
            build(work, Cell(second, "0002", DEFAULT, header_test=False))
            try:
                build(work, Cell(second, "0002", DEFAULT))
            except Failed as e:
                assert any("series_probe.h" in line and "u32" in line for line in e.lines), e.lines
            else:
                raise AssertionError("u32 without linux/types.h passed the header test")

    def variants(self) -> None:
        rows = self._build(FIRST, BREAK_GVT, MEND_GVT, BREAK_BUILT_IN)
        assert [r[1] for r in rows] == ["pass"] * 4, self.last.text
        done = self.scratch.run("build", "--variant", "gcc-y-gvt", *OPTIONS)
        assert [done.result(f"000{n} gcc-y-gvt") for n in (1, 2, 3, 4)] == ["pass", "fail", "pass", "fail"], done.text
        assert "fb_decoder.c" in "\n".join(done.failed("0002 gcc-y-gvt")), done.text
        assert "no_module" in "\n".join(done.failed("0004 gcc-y-gvt")), done.text

    def unlisted(self) -> None:
        rows = self._build(FIRST, UNLISTED)
        assert rows[1][1] == "fail" and "series_lost" in rows[1][2], self.last.text
        assert "nothing defines" in rows[1][2], self.last.text

    def plan(self) -> None:
        self.scratch.series(FIRST, GOOD[1])
        done = self.scratch.run("build", "--plan")
        cells = [x.split() for x in done.text.splitlines() if x[:4].isdigit()]
        assert done.status == 0 and len(cells) == 2 + 7 + 1 + 1 + 1, done.text
        assert {c[1] for c in cells if c[0] == "0001"} == {"gcc-m-nogvt"}, done.text
        assert len({c[1] for c in cells if c[0] == "0002"}) == 10, done.text
        done = self.scratch.run("build", "--plan", env={"FULL": "1"})
        cells = [x.split() for x in done.text.splitlines() if x[:4].isdigit()]
        assert len(cells) == 2 * 9 + 1 + 2 and "nosvm" not in done.text, done.text

    def without_svm(self) -> None:
        """A series that has SVM bind from its second patch on, which forgets a stub for the case that it is off."""
        self.scratch.series(FIRST, SVM, Patch("drm/i915: say more of it", edits={I915 + "series_probe.c": ("twice @count", "it twice")}))
        done = self.scratch.run("build", "--plan", env={"FULL": "1"})
        assert [x.split()[0] for x in done.text.splitlines() if "nosvm" in x] == ["0002", "0003"], done.text
        done = self.scratch.run("build", "--variant", "clang-m-nogvt-nosvm", "--patch", "0002", *OPTIONS)
        assert done.status == 1 and "series_svm" in "\n".join(done.failed("0002 clang-m-nogvt-nosvm")), done.text

    def with_xe(self) -> None:
        """A display file that includes what only i915 has a header for; a patch before and one after it do not concern xe."""
        self.scratch.series(FIRST, DISPLAY, GOOD[1])
        done = self.scratch.run("build", "--plan", "--variant", "gcc-m-nogvt-xe", env={"FULL": "1"})
        assert [x.split()[0] for x in done.text.splitlines() if x[:4].isdigit()] == ["0002", "0003"], done.text
        done = self.scratch.run("build", "--variant", "gcc-m-nogvt-xe", "--patch", "0002", *OPTIONS)
        assert done.status == 1 and "i915_query.h" in "\n".join(done.failed("0002 gcc-m-nogvt-xe")), done.text

    def on_i386(self) -> None:
        """A division that needs a helper which a 32 bit kernel does not have, in a patch that is fine with 64 bits."""
        self.scratch.series(FIRST, DIVIDE)
        done = self.scratch.run("build", "--quick", *OPTIONS)
        assert done.status == 0, done.text
        done = self.scratch.run("build", "--variant", "gcc-m-nogvt-i386", *OPTIONS)
        assert done.result("0001") == "pass" and "__udivdi3" in "\n".join(done.failed("0002 gcc-m-nogvt-i386")), done.text

