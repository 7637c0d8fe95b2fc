# SPDX-License-Identifier: MIT
"""The kernels that look for errors: a leak fails the VM that has it, a data race counts if the series has part in it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from fake_vm import Run
from igtvgpu import paths, sanitize, splat
from igtvgpu.suite import Suite

REPORT = "unreferenced object 0xffff888101234560 (size 64):\n  backtrace:\n    i915_svm_bind+0x12/0x345 [i915]"


class Leaks(unittest.TestCase):
    """kmemleak is asked before i915 is unloaded, when it can still name functions, and after."""

    def judge(self, kernel: str, *answers: str):
        """What comes of a VM in whose life kmemleak gives these answers; the commands it was asked by."""
        told = list(answers)
        asked: list[str] = []

        def scan(vm, command):
            asked.append("loaded" if vm.loaded else "unloaded")
            return 0, told.pop(0) if told else ""

        def forget(_vm, _command):
            asked.append("cleared")
            return 0, ""

        suite = Suite("s", timeout=1)
        suite.stock("good", "good-command")
        run = Run(suite, [("echo clear", forget), ("kmemleak", scan), ("good-command", lambda *_: (0, ""))], kernel=kernel)
        return run["vm/1/unload-and-power-off"], asked

    def test_a_leak_seen_while_the_driver_is_loaded_fails_the_vm(self):
        result, asked = self.judge("debug", REPORT)
        self.assertEqual(result.status, "fail")
        self.assertIn("i915_svm_bind", result.reason)
        self.assertEqual(asked, ["cleared", "loaded"])

    def test_a_leak_seen_only_after_unloading_fails_the_vm(self):
        result, asked = self.judge("debug", "", REPORT)
        self.assertEqual(result.status, "fail")
        self.assertEqual(asked, ["cleared", "loaded", "unloaded"])

    def test_no_leak_is_no_failure(self):
        result, asked = self.judge("debug")
        self.assertEqual(result.status, "pass")
        self.assertEqual(asked, ["cleared", "loaded", "unloaded"])

    def test_a_kernel_without_kmemleak_is_not_asked(self):
        result, asked = self.judge("series", REPORT)
        self.assertEqual((result.status, asked), ("pass", []))


class Races(unittest.TestCase):
    """Whose race it is, the functions in the report's first line say."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        i915 = self.tree / "drivers" / "gpu" / "drm" / "i915"
        header = "static inline int __attribute__((noinline)) shared(void) { return 0; }\n"
        for name, source in (("vgpu/a.c", "static __attribute__((noinline)) int post(void) { return shared(); }\n"
                                          "int vgpu_post(void) { return post(); }\n"),
                             ("svm/b.c", "int i915_svm_bind(void) { return shared(); }\n"),
                             ("gt/c.c", "int intel_gt(void) { return shared(); }\n")):
            path = i915 / name
            path.parent.mkdir(parents=True)
            path.write_text(header + source)
            subprocess.run([shutil.which("gcc") or "cc", "-c", "-o", path.with_suffix(".o"), path], check=True)

    def allowed(self, line: str) -> bool:
        with mock.patch.object(paths, "kernel_dir", return_value=self.tree):
            found = splat.find([line], sanitize.known_splats("race"))
        self.assertEqual(len(found), 1)
        return bool(found[0].allowed)

    def test_the_functions_are_those_of_the_series_files_alone(self):
        self.assertEqual(sanitize.our_functions(self.tree), ["i915_svm_bind", "post", "vgpu_post"])
        self.assertEqual(sanitize.our_functions(self.tree, ("svm",)), ["i915_svm_bind"])

    def test_those_of_a_folder_include_what_others_have_too(self):
        self.assertEqual(sanitize.functions_of(self.tree, ("vgpu",)), {"post", "shared", "vgpu_post"})

    def test_a_race_of_stock_code_is_known(self):
        self.assertTrue(self.allowed("BUG: KCSAN: data-race in intel_gt / shared"))
        self.assertTrue(self.allowed("BUG: KCSAN: data-race in intel_gt+0x1/0x2 [i915]"))

    def test_a_race_counts_if_either_side_is_of_the_series(self):
        for line in ("data-race in vgpu_post / intel_gt", "data-race in intel_gt / i915_svm_bind",
                     "data-race in post+0x12/0x34 [i915]", "assert: race in vgpu_post / vgpu_post"):
            with self.subTest(line):
                self.assertFalse(self.allowed(f"BUG: KCSAN: {line}"))

    def test_other_kernels_know_no_race(self):
        self.assertEqual(sanitize.known_splats("debug"), ())


if __name__ == "__main__":
    unittest.main()
