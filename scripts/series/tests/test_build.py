# SPDX-License-Identifier: MIT
"""scripts/series/build: a patch that does not compile is found where it is, whatever variant shows it."""
from __future__ import annotations

from scratch import GOOD, I915, Patch, Scratch

from serieslib.lab import Lab
from serieslib.work import PRODUCT, WorkTree

OPTIONS = ("--skip-header-test",)
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


class Build:
    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a patch in the middle that does not compile is named; the others pass", self.middle),
            ("a failure is found again, a pass is remembered", self.memo),
            ("what FULL=1 compiled is recorded beside the patches; FULL=1 believes the record, and no other run does", self.record),
            ("a compiler warning fails", self.warning),
            ("built in, the driver is compiled without the developer's options", self.shipped),
            ("an object that is missing in the Makefile fails", self.unlisted),
            ("the plan: every patch in the default variant, the last in all, FULL=1 the product",
             self.plan),
            ("without SVM bind only what has it is compiled, and what needs it is found", self.without_svm),
            ("what 32 bits do not have is found on i386", self.on_i386),
        ]

    def _build(self, *patches: Patch) -> list[tuple[str, str, str]]:
        self.scratch.series(*patches)
        self.last = self.scratch.run("build", "--quick", *OPTIONS)
        rows = self.last.data.get("results", [])
        return [(r["name"].split()[0], r["result"], "\n".join(r["details"]))  # type: ignore[attr-defined]
                for r in rows]  # type: ignore[attr-defined]

    def middle(self) -> None:
        rows = self._build(GOOD[0], BREAK, MEND)
        assert [r[:2] for r in rows] == [("0001", "pass"), ("0002", "fail"), ("0003", "pass")], \
            self.last.text
        assert "series_probe.c" in rows[1][2] and self.last.status == 1, self.last.text

    def memo(self) -> None:
        rows = self._build(GOOD[0], BREAK, MEND)
        assert [r[1] for r in rows] == ["pass", "fail", "pass"], self.last.text
        assert self.last.text.count("unchanged since it passed") == 2, self.last.text

    def record(self) -> None:
        self.scratch.series(GOOD[0], BREAK)
        full = ("build", "--variant", "gcc-m-nogvt", *OPTIONS)
        assert self.scratch.run(*full, env={"FULL": "1"}).status == 1
        record = self.scratch.places.patches / "COMPILED"
        known = {cell: digest for digest, cell in     # other variants too: earlier runs may have left them
                 (x.split(maxsplit=1) for x in record.read_text().splitlines() if not x.startswith("#"))}
        assert "0001 gcc-m-nogvt" in known and not any(x.startswith("0002") for x in known), known
        memory = self.scratch.places.cache / "series-build" / f"{known['0001 gcc-m-nogvt']}.json"
        memory.unlink()
        done = self.scratch.run(*full, env={"FULL": "1"})
        assert done.text.count("unchanged since it passed") == 1 and not memory.exists(), done.text
        self.scratch.run("build", "--quick", *OPTIONS)
        assert memory.exists()

    def shipped(self) -> None:
        self.scratch.series(*GOOD)
        lab = Lab(self.scratch.places)
        options = {}
        for variant in (v for v in PRODUCT if v.compiler == "gcc" and not v.gvt):
            with WorkTree(lab, variant.name, variant) as work:
                work.goto(lab.base)
                work.configure()
                config = (work.path / ".config").read_text()
            options[variant.i915] = [f"CONFIG_DRM_I915_{x}=y" in config for x in ("SELFTEST", "DEBUG_GEM", "WERROR")]
        assert options == {"m": [True, True, True], "y": [False, False, True]}, options

    def warning(self) -> None:
        rows = self._build(GOOD[0], WARN)
        assert rows[1][1] == "fail" and "unused" in rows[1][2], self.last.text

    def unlisted(self) -> None:
        rows = self._build(GOOD[0], UNLISTED)
        assert rows[1][1] == "fail" and "series_lost" in rows[1][2], self.last.text
        assert "nothing defines" in rows[1][2], self.last.text

    def plan(self) -> None:
        self.scratch.series(*GOOD)
        done = self.scratch.run("build", "--plan")
        cells = [x.split() for x in done.text.splitlines() if x[:4].isdigit()]
        assert done.status == 0 and len(cells) == 2 + 7 + 1 + 1, done.text
        assert {c[1] for c in cells if c[0] == "0001"} == {"gcc-m-nogvt"}, done.text
        assert len({c[1] for c in cells if c[0] == "0002"}) == 9, done.text
        done = self.scratch.run("build", "--plan", env={"FULL": "1"})
        cells = [x.split() for x in done.text.splitlines() if x[:4].isdigit()]
        assert len(cells) == 2 * 9 + 2 and "nosvm" not in done.text, done.text

    def without_svm(self) -> None:
        """A series that has SVM bind from its second patch on, which forgets a stub for the case that it is off."""
        self.scratch.series(GOOD[0], SVM, Patch("drm/i915: say more of it", edits={I915 + "series_probe.c": ("twice @count", "it twice")}))
        done = self.scratch.run("build", "--plan", env={"FULL": "1"})
        assert [x.split()[0] for x in done.text.splitlines() if "nosvm" in x] == ["0002", "0003"], done.text
        done = self.scratch.run("build", "--variant", "gcc-m-nogvt-nosvm", "--patch", "0002", *OPTIONS)
        assert done.status == 1 and "series_svm" in "\n".join(done.failed("0002 gcc-m-nogvt-nosvm")), done.text

    def on_i386(self) -> None:
        """A division that needs a helper which a 32 bit kernel does not have, in a patch that is fine with 64 bits."""
        self.scratch.series(GOOD[0], DIVIDE)
        done = self.scratch.run("build", "--quick", *OPTIONS)
        assert done.status == 0, done.text
        done = self.scratch.run("build", "--variant", "gcc-m-nogvt-i386", *OPTIONS)
        assert done.result("0001") == "pass" and "__udivdi3" in "\n".join(done.failed("0002 gcc-m-nogvt-i386")), done.text

