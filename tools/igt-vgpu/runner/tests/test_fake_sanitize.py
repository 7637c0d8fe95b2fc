# SPDX-License-Identifier: MIT
"""The kernels that look for errors: a leak fails the VM that has it, a data race counts if the series has part in it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from fake_vm import TIMEOUT, FakeVM, Run
from igtvgpu import paths, sanitize, splat
from igtvgpu.suite import Suite

RULE = "=" * 66
REPORT = "unreferenced object 0xffff888101234560 (size 64):\n  backtrace:\n    i915_svm_bind+0x12/0x345 [i915]"


class Leaks(unittest.TestCase):
    """kmemleak is asked before i915 is unloaded, when it can still name functions, and after."""

    def judge(self, kernel: str, *answers: str | tuple[int, str]):
        """What comes of a VM in whose life kmemleak gives these answers (with a status, if not 0); the commands it was asked by."""
        told = list(answers)
        asked: list[str] = []

        def scan(vm, command):
            asked.append("loaded" if vm.loaded else "unloaded")
            answer = told.pop(0) if told else ""
            return (0, answer) if isinstance(answer, str) else answer

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

    def test_leaks_that_cannot_be_looked_for_fail_the_vm(self):
        for answer, reason in (((1, f"{sanitize._OFF}\n"), "kmemleak is off"), ((TIMEOUT, ""), "did not end within"),
                               ((2, ""), "ended with 2")):
            for before in ((), ("",)):
                with self.subTest(reason, before=before):
                    result, _ = self.judge("debug", *before, answer)
                    self.assertEqual(result.status, "fail")
                    self.assertIn(reason, result.reason)

    def test_a_guest_that_comes_up_without_kmemleak_runs_no_test(self):
        suite = Suite("s", timeout=1)
        suite.stock("good", "good-command")
        run = Run(suite, [("echo clear", lambda *_: (1, f"{sanitize._OFF}\n")), ("good-command", lambda *_: (0, ""))], kernel="debug")
        self.assertEqual((run["s/good"].status, run["s/good"].reason), ("fail", f"not run: {sanitize._OFF}"))

    def test_the_commands_notice_a_kmemleak_that_refuses_or_is_not_there(self):
        """A shell goes on after a redirection that fails, and `cat` of a kmemleak that is off succeeds."""
        with tempfile.TemporaryDirectory() as folder:
            good = Path(folder, "kmemleak")
            good.write_text("")
            for path, off in ((good, False), (Path("/dev/full"), True), (Path(folder, "none/kmemleak"), True)):
                for command in (sanitize._SCAN, sanitize._FORGET):
                    command = command.replace(sanitize._KMEMLEAK, str(path)).replace("sleep 6", "true")
                    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                    with self.subTest(path=path, command=command):
                        self.assertEqual((done.returncode != 0, done.stdout.strip() == sanitize._OFF), (off, off), done.stdout)

    def test_a_kernel_without_kmemleak_is_not_asked(self):
        result, asked = self.judge("series", REPORT)
        self.assertEqual((result.status, asked), ("pass", []))


class Races(unittest.TestCase):
    """Whose race it is, the functions of the report's two stacks say."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.tree = Path(folder.name)
        i915 = cls.tree / "drivers" / "gpu" / "drm" / "i915"
        header = "static inline int __attribute__((noinline)) shared(void) { return 0; }\n"
        for name, source in (("vgpu/a.c", "static __attribute__((noinline)) int post(void) { return shared(); }\n"
                                          "int vgpu_post(void) { return post(); }\n"),
                             ("svm/b.c", "int i915_svm_bind(void) { return shared(); }\n"),
                             ("gt/c.c", "int intel_gt(void) { return shared(); }\n")):
            path = i915 / name
            path.parent.mkdir(parents=True)
            path.write_text(header + source)
            subprocess.run([shutil.which("gcc") or "cc", "-c", "-o", path.with_suffix(".o"), path], check=True)

    def known(self) -> tuple:
        with mock.patch.object(paths, "kernel_dir", return_value=self.tree):
            return sanitize.known_splats("race")

    def allowed(self, lines: list[str], after: tuple[str, ...] = ()) -> bool:
        found = splat.find(lines, self.known(), after)
        self.assertEqual([s.kind for s in found], ["KCSAN"])
        return bool(found[0].allowed)

    @staticmethod
    def report(title: str, one: tuple[str, ...] = ("shared",), two: tuple[str, ...] = ("intel_gt",), before: str = "") -> list[str]:
        """As the kernel prints it; `before`: what the runner or a console puts before each line."""
        stack = [f" {f}+0x12/0x345 [i915]" for f in one]
        other = [f" {f}+0x12/0x345 [i915]" for f in two]
        return [before + line for line in (
            RULE, f"BUG: KCSAN: {title}", "", "write (marked) to 0xffff888101234560 of 8 bytes by task 412 on cpu 1:", *stack, "",
            "read to 0xffff888101234560 of 8 bytes by task 409 on cpu 0:", *other, "", "value changed: 0x1 -> 0x2", "",
            "Reported by Kernel Concurrency Sanitizer on:", "CPU: 0 UID: 0 PID: 409 Comm: x Not tainted 6.12.0 #1", RULE)]

    def test_the_functions_are_those_of_the_series_files_alone(self):
        self.assertEqual(sanitize.our_functions(self.tree), ["i915_svm_bind", "post", "vgpu_post"])
        self.assertEqual(sanitize.our_functions(self.tree, ("svm",)), ["i915_svm_bind"])

    def test_those_of_a_folder_include_what_others_have_too(self):
        self.assertEqual(sanitize.functions_of(self.tree, ("vgpu",)), {"post", "shared", "vgpu_post"})

    def test_a_race_of_stock_code_is_known(self):
        self.assertTrue(self.allowed(self.report("data-race in intel_gt / shared")))
        self.assertTrue(self.allowed(self.report("data-race in intel_gt+0x1/0x2 [i915]")))

    def test_a_race_counts_if_either_side_is_of_the_series(self):
        for line in ("data-race in vgpu_post / intel_gt", "data-race in intel_gt / i915_svm_bind",
                     "data-race in post+0x12/0x34 [i915]", "assert: race in vgpu_post / vgpu_post"):
            with self.subTest(line):
                self.assertFalse(self.allowed(self.report(line)))

    def test_a_race_in_a_helper_counts_if_the_series_called_it(self):
        """What the title names is innermost: the frames below it say whose data it is."""
        title = "data-race in __bitmap_set / _find_next_bit"
        stock, ours = ("__bitmap_set", "intel_gt", "shared"), ("_find_next_bit", "post", "intel_gt")
        self.assertTrue(self.allowed(self.report(title, stock, stock)))
        for one, two in ((ours, stock), (stock, ours), (stock, ("intel_gt", "i915_svm_bind.isra.0")), (stock, ("i915_svm_bind.cold",))):
            for before in ("", "other: ", "[   12.345678] ", "[   12.345678][  T412] "):
                with self.subTest(one=one, two=two, before=before):
                    self.assertFalse(self.allowed(self.report(title, one, two, before)))

    def test_what_only_looks_like_a_function_of_the_series_does_not_count(self):
        self.assertTrue(self.allowed(self.report("data-race in intel_gt / shared", ("shared", "repost", "post_all"), ("intel_gt",))))

    def test_a_report_ends_at_its_rule_or_at_the_next_title(self):
        stock, ours = self.report("data-race in intel_gt / shared"), self.report("data-race in intel_gt / post")
        self.assertTrue(splat.find([*stock, " post+0x1/0x2 [i915]"], self.known())[0].allowed)
        for lines in (stock + ours, stock[:-1] + ours[1:]):
            self.assertEqual([bool(s.allowed) for s in splat.find(lines, self.known())], [True, False])
        # Two guests in one log: a rule of the other one is not the end.
        lines = self.report("data-race in intel_gt / shared", ("shared", "post"))
        self.assertFalse(self.allowed(lines[:3] + [f"other: {RULE}"] + lines[3:]))

    def test_a_report_without_its_end_is_not_believed(self):
        stock, ours = self.report("data-race in intel_gt / shared"), self.report("data-race in intel_gt / shared", ("shared", "post"))
        self.assertFalse(self.allowed(stock[:6]))
        self.assertTrue(self.allowed(stock[:6], tuple(stock[6:])))
        self.assertFalse(self.allowed(ours[:3], tuple(ours[3:])))

    def test_a_report_that_the_end_of_a_test_cuts_is_waited_for(self):
        for function, status in (("intel_gt", "pass"), ("post", "fail")):
            lines = self.report("data-race in intel_gt / shared", ("shared", function))

            class Late(FakeVM):
                """The rest of the report comes only when somebody waits for it."""

                def wait_kmsg(self, pattern, timeout=1, since=0, nth=1):
                    for line in lines[4:]:
                        self.print(line)
                    return super().wait_kmsg(pattern, timeout, since, nth)

            suite = Suite("s", timeout=1, allow=list(self.known()))
            suite.scenario(name="it")(lambda t, lines=lines: [t.vm.print(line) for line in lines[:4]])
            with mock.patch("fake_vm.FakeVM", Late):
                run = Run(suite)
            self.assertEqual(run["s/it"].status, status, run.text)

    def test_other_kernels_know_no_race(self):
        self.assertEqual(sanitize.known_splats("debug"), ())


if __name__ == "__main__":
    unittest.main()
