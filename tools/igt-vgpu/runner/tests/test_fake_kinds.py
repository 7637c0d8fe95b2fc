# SPDX-License-Identifier: MIT
"""The kinds of tests: IGT programs, KTAP programs, KUnit modules, i915 selftests; and the parsers below them."""

from __future__ import annotations

import os
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from fake_vm import Run
from igtvgpu import kinds, ktap, paths, splat
from igtvgpu.suite import Allow, Suite, SuiteError
from test_fake_failures import says

GOOD_KTAP = "KTAP version 1\n1..3\nok 1 one\nnot ok 2 two\nok 3 three # SKIP no memory\n"


class Ktap(unittest.TestCase):
    """Each way in which output can be less than it claims."""

    def errors(self, text: str) -> str:
        return "; ".join(ktap.parse(text).errors)

    def test_results_are_read(self):
        report = ktap.parse(GOOD_KTAP)
        self.assertEqual(report.errors, [])
        self.assertEqual([(c.name, c.status, c.reason) for c in report.cases],
                         [("one", "pass", ""), ("two", "fail", ""), ("three", "skip", "no memory")])

    def test_nested_results_are_read_and_the_parent_is_no_test(self):
        report = ktap.parse("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: balloon\n    1..2\n"
                            "    ok 1 whole\n    # two: EXPECTATION FAILED\n    not ok 2 two\n"
                            "# Totals: pass:1 fail:1\nnot ok 1 balloon\n")
        self.assertEqual(report.errors, [])
        self.assertEqual([(c.name, c.status) for c in report.cases], [("balloon/whole", "pass"), ("balloon/two", "fail")])
        self.assertIn("EXPECTATION FAILED", report.cases[1].reason)

    def test_parametrised_kunit_cases_have_a_count_instead_of_a_plan(self):
        text = ("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: s\n    1..1\n"
                "        KTAP version 1\n        # Subtest: layouts\n        ok 1 empty\n        ok 2 whole\n"
                "    # layouts: pass:2 fail:0 skip:0 total:2\n    ok 1 layouts\nok 1 s\n")
        report = ktap.parse(text)
        self.assertEqual(report.errors, [])
        self.assertEqual([c.name for c in report.cases], ["s/layouts/empty", "s/layouts/whole"])
        self.assertIn("plan says 3", self.errors(text.replace("total:2", "total:3")))
        self.assertIn("no plan", self.errors(text.replace("    # layouts: pass:2 fail:0 skip:0 total:2\n", "")))

    def test_kselftest_harness_output_is_read(self):
        report = ktap.parse("TAP version 13\n1..2\n# Starting 2 tests from 1 test cases.\n#  RUN           global.a ...\n"
                            "#            OK  global.a\nok 1 global.a\nok 2 global.b # SKIP no device\n# PASSED: 2 / 2 tests passed.\n")
        self.assertEqual(report.errors, [])
        self.assertEqual([c.name for c in report.cases], ["global.a", "global.b"])

    def test_malformed_output_is_named(self):
        for text, error in (
                ("", "no version line"),
                ("hello\n", "no version line"),
                ("KTAP version 1\n1..1\n", "plan says 1 tests at the top level, 0 reported"),
                ("KTAP version 1\nok 1 a\n", "no plan"),
                ("KTAP version 1\n1..2\nok 1 a\n", "plan says 2 tests at the top level, 1 reported"),
                ("KTAP version 1\n1..1\nok 1 a\nok 2 b\n", "plan says 1 tests at the top level, 2 reported"),
                ("KTAP version 1\n1..2\nok 1 a\nok 3 b\n", "test number 3, expected 2"),
                ("KTAP version 1\n1..1\nok a\n", "malformed result 'ok a'"),
                ("KTAP version 1\n1..1\n1..1\nok 1 a\n", "a second plan"),
                ("KTAP version 1\n1..1\nok 1 a\nBail out! no memory\n", "Bail out! no memory"),
                ("KTAP version 1\n", "no results")):
            with self.subTest(text=text):
                self.assertIn(error, self.errors(text))


class Splats(unittest.TestCase):
    """What is a splat, and what is not."""

    def test_kinds(self):
        for line, kind in (
                ("WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1 x+0x1/0x2", "WARN"),
                ("WARNING: possible recursive locking detected", "lockdep"),
                ("WARNING: possible circular locking dependency detected", "lockdep"),
                ("WARNING: inconsistent lock state", "lockdep"),
                ("WARNING: suspicious RCU usage", "lockdep"),
                ("BUG: KASAN: slab-use-after-free in i915_x", "KASAN"),
                ("BUG: KCSAN: data-race in a / b", "KCSAN"),
                ("UBSAN: shift-out-of-bounds in a.c:1:2", "UBSAN"),
                ("kernel BUG at mm/slub.c:1!", "BUG"),
                ("BUG: kernel NULL pointer dereference, address: 0000000000000008", "oops"),
                ("Oops: 0000 [#1] PREEMPT SMP", "oops"),
                ("BUG: sleeping function called from invalid context at a.c:1", "atomic sleep"),
                ("INFO: task kworker/0:1:9 blocked for more than 60 seconds.", "hung task"),
                ("irq 22: nobody cared (try booting with the \"irqpoll\" option)", "stray interrupt"),
                ("rcu: INFO: rcu_preempt self-detected stall on CPU", "RCU stall"),
                ("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]", "lockup"),
                ("kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "leak"),
                ("kmemleak: Cannot allocate a kmemleak_object structure", "check off"),
                ("kmemleak: Kernel memory leak detector disabled", "check off"),
                ("DMA-API: debugging out of memory - disabling", "check off"),
                ("DMA-API: debugging out of memory error - disabled", "check off"),
                ("DMA-API: cacheline tracking ENOMEM, dma-debug disabled", "check off"),
                ("ODEBUG: Out of memory. ODEBUG disabled", "check off"),
                ("i915 0000:00:02.0: [drm] *ERROR* failed", "i915 error"),
                ("i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb", "GPU hang"),
                ("i915 0000:00:02.0: [drm] vGPU: the channel is off, ring tail is 0x1; going on", "channel off"),
                ("Kernel panic - not syncing: Fatal exception", "panic")):
            with self.subTest(line=line):
                self.assertEqual(splat.classify(line), kind)

    def test_ordinary_lines_are_none(self):
        for line in ("[drm] Initialized i915 1.6.0 for 0000:00:02.0 on minor 0", "i915: probe failed with error -25",
                     "igt-vgpu: begin WARNING: CPU: 0 at x", "rcu: Hierarchical SRCU implementation.",
                     "Warning: unrelated words", "lockdep: fixing up alternatives.", "random: crng init done",
                     "DMA-API: preallocated 65536 debug entries", "DMA-API: debugging enabled by kernel config",
                     "kmemleak: Kernel memory leak detector initialized (mem pool available: 59516)"):
            with self.subTest(line=line):
                self.assertIsNone(splat.classify(line))

    def test_one_report_counts_once(self):
        found = splat.find(["WARNING: possible recursive locking detected", "x", " *** DEADLOCK ***"])
        self.assertEqual([s.kind for s in found], ["lockdep"])
        found = splat.find(["kmemleak: Cannot allocate a kmemleak_object structure", "kmemleak: Kernel memory leak detector disabled"])
        self.assertEqual([s.kind for s in found], ["check off"])
        found = splat.find(["BUG: kernel NULL pointer dereference, address: 0", "#PF: error", "Oops: 0000 [#1] SMP"])
        self.assertEqual([s.kind for s in found], ["oops"])

    def test_an_allowed_splat_does_not_hide_another_one(self):
        lines = ["WARNING: CPU: 0 PID: 1 at a.c:1", "WARNING: CPU: 0 PID: 1 at b.c:2"]
        found = splat.find(lines, [Allow(r"a\.c:1", "known")])
        self.assertEqual([s.allowed for s in found], ["known", ""])


class Igt(unittest.TestCase):
    """A shell script that behaves like an IGT program, listed on the host for real, run by a fake guest."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name) / "prog"

    def suite(self, script: str) -> Suite:
        self.program.write_text(f"#!/bin/sh\n{script}\n")
        os.chmod(self.program, 0o755)
        suite = Suite("s", timeout=1)
        suite.igt(str(self.program))
        return suite

    def run_with(self, *answers) -> Run:
        return Run(self.suite("printf 'a\\nb\\n'"), list(answers))

    def test_subtests_run_one_by_one(self):
        run = self.run_with(("--run-subtest a", says(0, "Subtest a: SUCCESS (0.1s)")),
                            ("--run-subtest b", says(98, "Subtest b failed.\nFailed assertion: x == 1")))
        self.assertEqual(run["s/prog/a"].status, "pass")
        self.assertEqual(run["s/prog/b"].status, "fail")
        self.assertIn("Failed assertion: x == 1", run["s/prog/b"].reason)

    def test_a_skip_has_the_reason_of_the_program(self):
        text = ("Test requirement not met in function __real_main, file ../x.c:12:\n"
                "Test requirement: gem_has_ring(fd, I915_EXEC_BSD2)\nSubtest b: SKIP (0.000s)\n")
        run = self.run_with(("subtest a", says(77, "Subtest a: SKIP (0.000s)")), ("subtest b", says(77, text)))
        self.assertEqual(run["s/prog/a"].reason, "skipped without a reason")
        self.assertEqual(run["s/prog/a"].status, "fail")
        self.assertEqual(run["s/prog/b"].status, "skip")
        self.assertIn("gem_has_ring", run["s/prog/b"].reason)

    def test_a_pass_must_name_the_subtest(self):
        run = self.run_with(("--run-subtest", says(0, "usage: prog [options]")))
        self.assertIn("never printed", run["s/prog/a"].reason)

    def test_a_signal_is_a_failure(self):
        run = self.run_with(("--run-subtest", says(139, "Received signal SIGSEGV.")))
        self.assertIn("status 139", run["s/prog/a"].reason)

    def test_programs_that_cannot_be_listed_fail(self):
        for script, reason in (("exit 3", "listed no subtests (status 3)"), ("exit 0", "listed no subtests"),
                               ("echo a; echo a", "lists a subtest twice")):
            with self.subTest(script=script):
                run = Run(self.suite(script))
                self.assertIn(reason, run["s/prog"].reason)
                self.assertEqual(run["s/prog"].status, "fail")

    def test_a_program_without_subtests_is_one_test(self):
        run = Run(self.suite("exit 79"), [("prog", says(0, "SUCCESS"))])
        self.assertEqual(run["s/prog"].status, "pass")


class Programs(unittest.TestCase):
    """kselftest, kunit and selftests."""

    def kselftest(self, answer) -> Run:
        suite = Suite("s", timeout=1)
        suite.kselftest("/bin/sh", name="k")
        return Run(suite, [("/bin/sh", answer)])

    def test_each_ktap_line_is_a_test(self):
        run = self.kselftest(says(1, GOOD_KTAP))
        self.assertEqual({n: r.status for n, r in run.results.items() if n.startswith("s/")},
                         {"s/k/one": "pass", "s/k/two": "fail", "s/k/three": "skip"})

    def test_malformed_ktap_is_a_failure(self):
        run = self.kselftest(says(0, "KTAP version 1\n1..2\nok 1 one\n"))
        self.assertEqual(run["s/k/KTAP"].status, "fail")
        self.assertIn("plan says 2", run["s/k/KTAP"].reason)

    def test_a_bad_exit_status_is_a_failure_even_if_all_lines_say_ok(self):
        run = self.kselftest(says(139, "KTAP version 1\n1..1\nok 1 one\n"))
        self.assertEqual(run["s/k/exit"].status, "fail")

    def test_a_kunit_suite_that_did_not_run_is_a_failure(self):
        suite = Suite("s", timeout=1)
        suite.kunit("mod", suites=["there", "absent"])
        text = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: there\n    1..1\n    ok 1 x\nok 1 there\n"
        run = Run(suite, [("ls .*kunit", says(0, "there\n")), ("modprobe", says(0)), ("cat .*there/results", says(0, text))])
        self.assertEqual(run["s/mod/there/x"].status, "pass")
        self.assertEqual(run["s/mod/absent"].status, "fail")
        self.assertIn("did not run", run["s/mod/absent"].reason)

    def kunit_cut_short(self, *kernel: str) -> Run:
        """Its file in debugfs lacks the end of what the tests said."""
        suite = Suite("s", timeout=1)
        suite.kunit("mod", suites=["there"])
        text = "KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: there\n    1..2\n    ok 1 x\nok 1 there\n"
        return Run(suite, [("ls .*kunit", says(0, "there\n")), ("modprobe .*-r", says(0)), ("modprobe", says(0, "", *kernel)),
                           ("cat .*there/results", says(0, text))])

    def test_what_debugfs_lacks_of_a_kunit_suite_is_in_the_kernel_log(self):
        run = self.kunit_cut_short("ok 3 another", "    KTAP version 1", "    # Subtest: there", "    1..2", "    ok 1 x", "i915: hello",
                                   "    # y: EXPECTATION FAILED", "    not ok 2 y", "# there: pass:1 fail:1 skip:0 total:2", "not ok 4 there")
        self.assertEqual({n: r.status for n, r in run.results.items() if n.startswith("s/")}, {"s/mod/there/x": "pass", "s/mod/there/y": "fail"})

    def test_a_kunit_suite_that_the_kernel_log_does_not_end_either_is_a_failure(self):
        run = self.kunit_cut_short("    KTAP version 1", "    # Subtest: there", "    1..2", "    ok 1 x")
        self.assertIn("plan says 2", run["s/mod/KTAP"].reason)

    def test_a_kunit_module_that_does_not_load_is_a_failure(self):
        suite = Suite("s", timeout=1)
        suite.kunit("mod")
        for text, absent in (("FATAL: Module mod not found in directory /lib/modules/6.12", True), ("ERROR: could not insert 'mod'", False)):
            run = Run(suite, [("ls", says(0)), ("modprobe", says(1, text))])
            self.assertIn(text[:20], run["s/mod"].reason)
            self.assertEqual((run["s/mod"].status, run["s/mod"].details["absent"]), ("fail", absent))

    def selftest(self, code: str, *kernel: str, **lists) -> Run:
        suite = Suite("s", timeout=1)
        suite.selftests("live", groups=["gt_lrc"], **lists)
        with mock.patch.object(kinds, "i915_module", return_value=Path("/x/i915.ko")), \
                mock.patch.object(kinds, "selftest_groups", return_value={"gt_lrc": "igt__27__live_gt_lrc"}):
            return Run(suite, [("modprobe.*live_selftests=-1 igt__27__live_gt_lrc=1", says(0, "", *kernel)),
                               ("cat .*live_selftests", says(0, code))], kernel="series")

    RAN = ("i915: Performing live selftests with st_random_seed=0x1 st_timeout=500", "i915: Running gt_lrc",
           "i915: Running intel_lrc_live_selftests/live_lrc_layout")
    FELL = (*RAN, "i915/intel_lrc_live_selftests: live_lrc_layout failed with error -22")

    def test_a_selftest_group_passes_only_with_its_magic_value(self):
        self.assertEqual(self.selftest("-25", *self.RAN)["s/live/gt_lrc"].status, "pass")
        self.assertEqual(self.selftest("-1", *self.RAN)["s/live/gt_lrc"].status, "fail")
        self.assertEqual(self.selftest("-25")["s/live/gt_lrc"].status, "fail", "it never started")

    def test_a_failing_selftest_is_named(self):
        result = self.selftest("-22", *self.FELL)["s/live/gt_lrc"]
        self.assertEqual((result.status, result.reason[:41]), ("fail", "live_lrc_layout failed with error -22; li"))

    def test_an_expected_failure_is_a_skip_with_its_reason_and_a_stale_one_fails(self):
        for what in ("gt_lrc", "gt_lrc/live_lrc_layout"):
            lists = {"expect_fail": {what: "not modelled"}}
            result = self.selftest("-22", *self.FELL, **lists)[f"s/live/{what}"]
            self.assertEqual((result.status, result.reason), ("skip", "fails as expected: not modelled"))
            result = self.selftest("-25", *self.RAN, **lists)[f"s/live/{what}"]
            self.assertEqual((result.status, result.reason[-17:]), ("fail", "the list is stale"))

    def test_what_is_expected_to_fail_runs_apart_and_the_rest_of_its_group_without_it(self):
        commands = []
        suite = Suite("s", timeout=1)
        suite.selftests("mock", groups=["memory_region"], expect_fail={"memory_region/igt_mock_fill": "why"})
        with mock.patch.object(kinds, "i915_module", return_value=Path("/x/i915.ko")), \
                mock.patch.object(kinds, "selftest_groups", return_value={"memory_region": "igt__3__mock_memory_region"}):
            Run(suite, [("modprobe", lambda vm, command: commands.append(command) or (0, "")), ("cat", says(0, "-25"))])
        self.assertEqual([re.search(r"st_filter=(\S*)", c)[1] for c in commands], ["!igt_mock_fill", "igt_mock_fill"])

    def test_an_older_kernel_or_a_users_own_may_pass_what_the_base_does_not(self):
        passed = kinds.Outcome("pass", details={"failed": []})
        for name, status in (("6.1", "pass"), ("/home/me/linux", "pass"), ("series", "fail"), ("stock", "fail")):
            self.assertEqual(kinds._expected_failure(passed, "6.12's allocator", paths.is_of_base(name)).status, status, name)

    def deadline(self, *codes: str) -> Run:
        """A test with a deadline, whose attempts end with these codes."""
        suite = Suite("s", timeout=1)
        suite.selftests("live", groups=["gt_lrc"], deadline={"gt_lrc/live_lrc_layout": "measures milliseconds"})
        left = list(codes)

        def load(vm, command: str) -> tuple[int, str]:
            for line in self.RAN if left[0] == "-25" else self.FELL:
                vm.print(line)
            return 0, ""

        with mock.patch.object(kinds, "i915_module", return_value=Path("/x/i915.ko")), \
                mock.patch.object(kinds, "selftest_groups", return_value={"gt_lrc": "igt__27__live_gt_lrc"}):
            return Run(suite, [("modprobe.*st_filter=!live_lrc_layout", says(0, "", *self.RAN)),
                               ("modprobe.*st_filter=live_lrc_layout", load),
                               ("cat .*live_selftests", lambda vm, command: (0, left.pop(0)))])

    def test_a_test_with_a_deadline_runs_apart_and_passes_in_a_later_attempt(self):
        run = self.deadline("-25", "-22", "-22", "-25")
        self.assertEqual(run["s/live/gt_lrc"].status, "pass")
        result = run["s/live/gt_lrc/live_lrc_layout"]
        self.assertEqual((result.status, result.reason), ("pass", "passed in attempt 3: measures milliseconds"))

    def test_a_test_with_a_deadline_that_never_passes_fails(self):
        result = self.deadline("-25", *["-22"] * 5)["s/live/gt_lrc/live_lrc_layout"]
        self.assertEqual(result.status, "fail")
        self.assertRegex(result.reason, "^failed in each of 5 attempts, .*live_lrc_layout failed with error -22")

    def test_a_group_without_tests_is_a_skip_only_if_it_is_listed_as_empty(self):
        result = self.selftest("-25", *self.RAN[:2], empty={"gt_lrc": "needs a GuC"})["s/live/gt_lrc"]
        self.assertEqual((result.status, result.reason), ("skip", "needs a GuC"))
        result = self.selftest("-25", *self.RAN[:2])["s/live/gt_lrc"]
        self.assertEqual((result.status, result.reason[:11]), ("fail", "ran no test"), "a wedged GPU runs nothing, and that looks like success")

    def test_a_group_may_be_listed_as_empty_on_one_gpu_only(self):
        for gpu, status in (("skl", "skip"), ("bdw", "fail")):
            self.assertEqual(self.selftest("-25", *self.RAN[:2], empty={f"gt_lrc@{gpu}": "why"})["s/live/gt_lrc"].status, status)

    def test_a_group_that_is_listed_as_empty_and_is_not_is_a_failure(self):
        result = self.selftest("-25", *self.RAN, empty={"gt_lrc": "needs a GuC"})["s/live/gt_lrc"]
        self.assertEqual((result.status, result.reason[-17:]), ("fail", "the list is stale"))

    def test_an_exclusion_of_what_does_not_exist_is_a_failure(self):
        run = self.selftest("-25", *self.RAN, exclude={"gone": "was renamed"})
        self.assertEqual(run["s/live/gone"].status, "fail")
        with self.assertRaisesRegex(SuiteError, "no reason"):
            Suite("s").selftests("live", exclude={"a": ""})


class Paths(unittest.TestCase):
    """Names on both sides of the 9p shares."""

    def test_the_checkout_is_a_mount_of_its_own(self):
        self.assertEqual(paths.guest_path(paths.TOP / "out/x"), "/run/igt-vgpu/top/out/x")
        self.assertEqual(paths.guest_path("/usr/bin/true"), "/usr/bin/true")

    def test_a_users_tree_is_edited_where_it_is_and_built_apart_unless_it_was_configured(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(paths, "OUT", Path(folder, "out")):
            tree, apart = Path(folder, "tree"), Path(folder, "out", "kdir")
            tree.mkdir()
            apart.mkdir(parents=True)
            (apart / "source").symlink_to(tree)
            self.assertEqual((paths.source_dir(str(tree)), paths.kernel_dir(str(tree))), (tree, apart))
            (tree / ".config").touch()
            self.assertEqual((paths.source_dir(str(tree)), paths.kernel_dir(str(tree))), (tree, tree))
            self.assertEqual(paths.source_dir("series"), paths.kernel_dir("series"))


if __name__ == "__main__":
    unittest.main()
