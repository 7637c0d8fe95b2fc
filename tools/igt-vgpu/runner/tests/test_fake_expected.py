# SPDX-License-Identifier: MIT
"""Lists of expected outcomes: how they are read, what they stand for, how an outcome is judged; what runs on demand only."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from fake_vm import TIMEOUT, Run
from igtvgpu import discovery
from igtvgpu.expected import ExpectedList
from igtvgpu.spec import NATIVE, VGPU
from igtvgpu.suite import Suite, SuiteError
from test_fake_failures import says

SETS = ("smoke", "full")


class Lists(unittest.TestCase):
    """A list file and a program that behaves like an IGT program with the subtests a, b, b-hang, c."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.program = self.folder / "prog"
        self.program.write_text("#!/bin/sh\nprintf 'a\nb\nb-hang\nc\n'\n")
        os.chmod(self.program, 0o755)

    def read(self, *rows: str) -> ExpectedList:
        path = self.folder / "x.list"
        path.write_text("# a comment\n\n" + "\n".join(rows) + "\n")
        return ExpectedList(path, SETS)

    def run_set(self, rows: tuple[str, ...], *answers, chosen: str = "full") -> Run:
        suite = Suite("s", timeout=1)
        suite.igt(str(self.program), expected=self.read(*rows), chosen=chosen)
        return Run(suite, [*answers, ("i915_wedged", says(0, "0\n0\n"))])

    def test_mistakes_are_named_with_their_place(self):
        for row, error in (("full prog@a", "2 columns"), ("much prog@a pass", "no set 'much'"),
                           ("full prog@a good", "outcome 'good'"), ("full prog@a pass,fast", "outcome 'pass,fast'"),
                           ("full prog@a skip", "needs a reason"), ("full prog@a@b@c pass", "more than program@"),
                           ("full prog pass,together", "together is for subtests"),
                           ("full prog@a pass,suspend,together", "has a guest of its own")):
            with self.subTest(row=row), self.assertRaises(SuiteError) as caught:
                self.read(row)
            self.assertIn("x.list:3", str(caught.exception))
            self.assertIn(error, str(caught.exception))
        with self.assertRaisesRegex(SuiteError, r"x\.list:4: prog@a is listed already, in x\.list:3"):
            self.read("full prog@a pass", "smoke prog@a pass")

    def test_the_nearest_row_counts(self):
        rows = self.read("full prog@* pass", "full prog@b* pass", "smoke prog@b pass", "full prog@c@x pass", "full prog@c@y pass")
        self.assertEqual(rows.assign("prog", ["a", "b", "b-hang", "c"]),
                         ({"prog@*": ["a"], "prog@b*": ["b-hang"], "prog@b": ["b"], "prog@c@x": ["c"], "prog@c@y": ["c"]}, []))

    def test_a_set_runs_its_own_rows(self):
        run = self.run_set(("smoke prog@b pass", "full prog@* pass"), ("subtest b", says(0, "Subtest b: SUCCESS")), chosen="smoke")
        self.assertEqual({n: r.status for n, r in run.results.items() if n.startswith("s/")}, {"s/prog/b": "pass"})

    def test_a_subtest_that_no_row_names_is_a_failure_and_so_is_a_row_without_a_subtest(self):
        run = self.run_set(("full prog@[ab]* omit why", "full prog@gone pass"))
        self.assertIn("prog@c is not in the list", run["s/prog/c"].reason)
        self.assertIn("x.list:4 lists prog@gone", run["s/prog/gone"].reason)
        self.assertEqual({run[f"s/prog/{s}"].status for s in ("c", "gone")}, {"fail"})
        self.assertEqual(run["s/prog/[ab]*"].reason, "3 left out: why")

    def test_outcomes_are_judged(self):
        passes, skips, fails = says(0, "Subtest a: SUCCESS"), says(77, "SKIP: no HuC"), says(98, "Failed assertion: x")
        for expected, answer, status, reason in (
                ("pass", passes, "pass", ""), ("pass", skips, "fail", "skipped: no HuC"), ("pass", fails, "fail", "Failed assertion: x"),
                ("skip no firmware", skips, "skip", "no firmware (no HuC)"),
                ("skip no firmware", passes, "fail", "x.list:3 expects 'skip' (no firmware), but it came to 'pass'"),
                ("skip no firmware", fails, "fail", "Failed assertion: x"),
                ("fail too slow", fails, "skip", "fails as expected: too slow"), ("fail too slow", passes, "fail", "came to 'pass'"),
                ("fail too slow", skips, "fail", "came to 'skip'")):
            with self.subTest(expected=expected, status=status):
                result = self.run_set((f"smoke prog@a {expected}",), ("subtest a", answer), chosen="smoke")["s/prog/a"]
                self.assertEqual(result.status, status)
                self.assertIn(reason, result.reason)

    def test_after_a_failure_as_expected_the_next_test_gets_a_fresh_driver(self):
        rows = ("smoke prog@a fail too slow", "smoke prog@b pass")
        run = self.run_set(rows, ("subtest a", says(98, "Failed assertion: x")), ("subtest b", says(0, "Subtest b: SUCCESS")), chosen="smoke")
        self.assertEqual({n: r.status for n, r in run.results.items() if n.startswith("s/")}, {"s/prog/a": "skip", "s/prog/b": "pass"})
        self.assertEqual(run.vms[0].loads, ["", ""])

    def test_a_dynamic_subtest_runs_alone_and_must_be_named(self):
        run = self.run_set(("smoke prog@a@one pass", "smoke prog@a@two pass"),
                           ("--run-subtest a --dynamic-subtest one", says(0, "Dynamic subtest one: SUCCESS")),
                           ("--run-subtest a --dynamic-subtest two", says(0, "Subtest a: SUCCESS")), chosen="smoke")
        self.assertEqual(run["s/prog/a@one"].status, "pass")
        self.assertIn("never printed 'Subtest two: SUCCESS'", run["s/prog/a@two"].reason)

    def test_one_run_of_the_program_runs_what_is_marked_together_and_each_subtest_is_judged_alone(self):
        rows = ("full prog@* pass,together", "full prog@b skip,together no b", "full prog@b-hang pass")
        said = "Test requirement: has_b()\nSubtest b: SKIP (0.1s)\nFailed assertion: c\nSubtest c: FAIL (0.1s)\n"
        said = said.replace("Test", "Test requirement not met in function f, file x.c:1:\nTest", 1)
        run = self.run_set(rows, ("--run-subtest b-hang", says(0, "Subtest b-hang: SUCCESS")),
                           ("--run-subtest a,c,b", says(98, "Subtest a: SUCCESS (0.1s)\n" + said)))
        self.assertEqual({s: run[f"s/prog/{s}"].status for s in ("a", "b", "c", "b-hang")},
                         {"a": "pass", "b": "skip", "c": "fail", "b-hang": "pass"})
        self.assertEqual((run["s/prog/b"].reason, run["s/prog/c"].reason), ("no b (has_b())", "Failed assertion: c"))

    def test_the_reason_of_a_requirement_of_many_subtests_is_the_reason_of_each(self):
        said = ("Test requirement not met in function f, file x.c:1:\nTest requirement: has_it()\nSubtest a: SKIP (0.0s)\nSubtest b: SKIP (0.0s)\n"
                "Starting subtest: c\nTest requirement not met in function g, file x.c:2:\nTest requirement: has_c()\nSubtest c: SKIP (0.0s)\n")
        run = self.run_set(("full prog@* skip,together why", "full prog@b-hang omit why"), ("subtest a,b,c", says(77, said)))
        self.assertEqual([run[f"s/prog/{s}"].reason for s in "abc"], ["why (has_it())", "why (has_it())", "why (has_c())"])

    def test_what_a_run_of_many_did_not_come_to_is_a_failure_whatever_was_expected(self):
        run = self.run_set(("full prog@* fail,together why",), ("subtest a,b", says(134, "Failed assertion: x\nSubtest a: FAIL (0.1s)\n")))
        self.assertEqual(run["s/prog/a"].status, "skip")
        self.assertEqual({run[f"s/prog/{s}"].status for s in ("b", "b-hang", "c")}, {"fail"})
        self.assertIn("no result of this subtest", run["s/prog/c"].reason)

    def test_what_goes_wrong_after_the_last_result_is_a_failure_of_its_own(self):
        said = "".join(f"Subtest {s}: SUCCESS (0.1s)\n" for s in ("a", "b", "b-hang", "c"))
        for how, status in ((says(0, said), ""), (says(139, said), "fail"), (says(98, said), "fail"), (says(TIMEOUT, said), "fail")):
            run = self.run_set(("full prog@* pass,together",), ("subtest a,b", how))
            self.assertEqual({run[f"s/prog/{s}"].status for s in ("a", "b", "b-hang", "c")}, {"pass"})
            self.assertEqual([r.status for n, r in run.results.items() if n == "s/prog/exit"], [status] if status else [])

    def test_a_pattern_without_a_test_is_named_whatever_others_match(self):
        suite = Suite("s", timeout=1)
        suite.igt(str(self.program), expected=self.read("full prog@* pass,together"), chosen="full")
        patterns = ["s/prog/b", "prog/x", "*hang", "none/*"]
        self.assertEqual(discovery.unmatched(discovery.select(suite.declarations, patterns, "fake"), patterns), ["prog/x", "none/*"])

    def test_of_many_only_those_that_are_meant_run(self):
        suite = Suite("s", timeout=1)
        suite.igt(str(self.program), expected=self.read("full prog@* pass,together"), chosen="full")
        for patterns, meant in ((["s/prog/b"], ["b"]), (["prog/b"], ["b", "b-hang"]), (["prog"], ["a", "b", "b-hang", "c"]), (["prog/x"], [])):
            with self.subTest(patterns=patterns):
                items = discovery.select(suite.declarations, patterns, "fake")
                self.assertEqual([subtest for item in items for subtest in item.together], meant)

    def test_a_wedged_gpu_is_a_failure(self):
        suite = Suite("s", timeout=1)
        suite.igt(str(self.program), expected=self.read("smoke prog@a pass"), chosen="smoke")
        run = Run(suite, [("subtest a", says(0, "Subtest a: SUCCESS")), ("i915_wedged", says(0, "0\n1\n"))])
        self.assertIn("leaves the GPU wedged", run["s/prog/a"].reason)

    def test_what_suspends_runs_from_memory_says_itself_whether_the_gpu_is_wedged_and_its_guest_ends(self):
        for wedged, status in (("0 0", "pass"), ("0 1", "fail")):
            with self.subTest(wedged=wedged):
                run = self.run_set(("full prog@a pass,suspend", "full prog@[bc]* pass"),
                                   (f"guest/from-memory {self.program} --run-subtest a$", says(0, f"Subtest a: SUCCESS\ni915_wedged: {wedged}\n")),
                                   ("from-memory", says(1, "only what suspends runs from memory")),
                                   *((f"subtest {s}$", says(0, f"Subtest {s}: SUCCESS")) for s in ("b", "b-hang", "c")))
                self.assertEqual(run["s/prog/a"].status, status)
                self.assertEqual({run[f"s/prog/{s}"].status for s in ("b", "b-hang", "c")}, {"pass"})
                self.assertEqual(len(run.vms), 2, "nothing runs in a guest that has lost its root")

    def test_what_a_vgpu_has_not_runs_on_the_bare_gpu_alone_and_together(self):
        suite = Suite("s", timeout=1)
        rows = self.read("full prog@a pass", "full prog@b* pass,bare,together", "full prog@c pass,bare")
        suite.igt(str(self.program), expected=rows, chosen="full", bare=NATIVE)
        said = "".join(f"Subtest {s}: SUCCESS (0.1s)\n" for s in ("b", "b-hang"))
        run = Run(suite, [("subtest a$", says(0, "Subtest a: SUCCESS")), ("subtest b,b-hang$", says(0, said)),
                          ("subtest c$", says(0, "Subtest c: SUCCESS")), ("i915_wedged", says(0, "0\n"))])
        self.assertEqual({s: (run[f"s/prog/{s}"].status, run[f"s/prog/{s}"].vm) for s in ("a", "b", "b-hang", "c")},
                         {"a": ("pass", "vm-1"), "b": ("pass", "vm-2"), "b-hang": ("pass", "vm-2"), "c": ("pass", "vm-2")})
        self.assertEqual([vm.spec for vm in run.vms], [VGPU, NATIVE])

    def test_only_who_hangs_on_purpose_may_hang(self):
        hang = "i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb"
        for outcome, status in (("pass", "fail"), ("pass,hang", "pass")):
            with self.subTest(outcome=outcome):
                run = self.run_set((f"smoke prog@a {outcome}",), ("subtest a", says(0, "Subtest a: SUCCESS", hang)), chosen="smoke")
                self.assertEqual(run["s/prog/a"].status, status)

    def test_why_tests_do_not_compile_is_said_once(self):
        (self.program.parent / "Makefile").write_text("all:\n\t@echo cc -Werror x.c; echo x.c:1: error: no such thing; false\n")
        suite = Suite("s", timeout=1)
        for name in ("a", "b"):
            suite.igt(str(self.program), name=name)
            object.__setattr__(suite.declarations[-1], "folder", self.program.parent)
        with mock.patch.object(discovery.paths, "OUT", self.program.parent / "out"):
            first, second = discovery.select(suite.declarations, [], "fake")
        self.assertIn("x.c:1: error: no such thing", first.broken)
        self.assertRegex(second.broken, r"^the tests of .* do not compile; the first of them says why$")

    def test_on_demand_means_by_the_name_of_the_suite(self):
        suite = Suite("many", on_demand=True)
        suite.igt(str(self.program))
        for patterns, meant in (([], 0), (["prog"], 0), (["*prog/a"], 0), (["many/*"], 4), (["many/prog/a"], 1)):
            with self.subTest(patterns=patterns):
                self.assertEqual(len(discovery.select(suite.declarations, patterns, "fake")), meant)
