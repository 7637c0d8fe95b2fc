# SPDX-License-Identifier: MIT
"""Deliberate failures: each thing that must fail a test does, with a reason, and the next test is none the worse."""

from __future__ import annotations

import io
import json
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from fake_vm import TIMEOUT, FakeVM, Run
from igtvgpu.results import Reporter
from igtvgpu.spec import VmSpec
from igtvgpu.suite import Allow, Suite, SuiteError
from igtvgpu.traps import fence_traps, requests
from igtvgpu.vm import KmsgLine

WARN = "WARNING: CPU: 1 PID: 77 at drivers/gpu/drm/i915/i915_gem.c:12 i915_x+0x1/0x2 [i915]"


def says(rc: int, out: str = "", *kernel: str):
    """An answer: this status, this output, these kernel log lines."""
    def answer(vm: FakeVM, _command: str) -> tuple[int, str]:
        for line in kernel:
            vm.print(line)
        return rc, out
    return answer


def dies(why: str, *kernel: str):
    """An answer of a VM that ends with this command."""
    def answer(vm: FakeVM, _command: str) -> tuple[int, str]:
        for line in kernel:
            vm.print(line)
        vm.dead = why
        return 0, ""
    return answer


class Failures(unittest.TestCase):
    """One suite with one bad and one good test each."""

    def run_pair(self, answer, **common) -> Run:
        suite = Suite("s", timeout=1)
        suite.stock("bad", "bad-command", **common)
        suite.stock("good", "good-command")
        return Run(suite, [("bad-command", answer), ("good-command", says(0))])

    def assert_failed(self, run: Run, reason: str) -> None:
        self.assertEqual(run["s/bad"].status, "fail", run.text)
        self.assertIn(reason, run["s/bad"].reason)
        self.assertEqual(run["s/good"].status, "pass", run.text)
        self.assertEqual(run.status, 1)
        self.assertIn("# repeat: make run TESTS='s/bad'", run.text)
        self.assertIn("1 failed", run.text.splitlines()[-1])

    def test_a_failing_program_fails(self):
        run = self.run_pair(says(3, "it went wrong"))
        self.assert_failed(run, "ended with 3")
        self.assertIn("it went wrong", run["s/bad"].reason)
        self.assertEqual(run.boots, 1)

    def test_a_program_with_the_wrong_output_fails(self):
        self.assert_failed(self.run_pair(says(0, "nothing"), output="us/exec"), "does not match")

    def test_a_warning_in_the_kernel_log_fails_a_test_that_passed(self):
        run = self.run_pair(says(0, "fine", WARN))
        self.assert_failed(run, "kernel splat: WARN")
        self.assertEqual(run.boots, 2, "a guest with a WARN must not serve further tests")
        self.assertIn(WARN, run.logs["s/bad"])

    def test_a_driver_error_fails_the_test_but_keeps_the_guest(self):
        run = self.run_pair(says(0, "", "i915 0000:00:02.0: [drm] *ERROR* it broke"))
        self.assert_failed(run, "i915 error")
        self.assertEqual(run.boots, 1)
        self.assertEqual(run.vms[0].loads, ["", ""], "after a failure i915 is loaded afresh")

    def test_a_hang_fails_and_the_guest_is_replaced_if_it_no_longer_answers(self):
        def hang(vm: FakeVM, _command: str) -> tuple[int, str]:
            vm.deaf = True
            return TIMEOUT, ""
        suite = Suite("s", timeout=1)
        suite.stock("bad", "bad-command")
        suite.stock("good", "good-command")
        run = Run(suite, [("bad-command", hang), ("good-command", says(0))])
        self.assert_failed(run, "did not answer")
        self.assertEqual(run.boots, 2)

    def test_a_timeout_of_a_program_fails_and_keeps_a_guest_that_answers(self):
        run = self.run_pair(says(TIMEOUT, "half"))
        self.assert_failed(run, "did not end within")
        self.assertEqual(run.boots, 1)

    def test_a_guest_whose_driver_a_failed_test_left_in_use_is_replaced(self):
        def spin(vm: FakeVM, _command: str) -> tuple[int, str]:
            vm.in_use = True
            return TIMEOUT, ""
        run = self.run_pair(spin)
        self.assert_failed(run, "did not end within")
        self.assertEqual(run.boots, 2)
        self.assertIn("# vm-1 ends here, a failed test left i915 in use: 'modprobe -r i915' ended with 1", run.text)
        last = Suite("s", timeout=1)
        last.stock("bad", "bad-command")
        self.assertEqual(list(Run(last, [("bad-command", spin)]).results), ["s/bad"], "the unload is not one more failure")

    def test_a_guest_panic_fails_the_test_and_the_guest_is_replaced(self):
        run = self.run_pair(dies("guest panic: Attempted to kill init", "Kernel panic - not syncing: Attempted to kill init"))
        self.assert_failed(run, "guest panic")
        self.assertEqual(run.boots, 2)

    def test_a_qemu_crash_fails_the_test_and_the_guest_is_replaced(self):
        run = self.run_pair(dies("QEMU crashed with SIGSEGV"))
        self.assert_failed(run, "QEMU crashed with SIGSEGV")
        self.assertEqual(run.boots, 2)

    def test_an_allowed_splat_passes_and_is_recorded_with_its_reason(self):
        run = self.run_pair(says(0, "", WARN), allow=[Allow("i915_gem.c:12", "known")])
        self.assertEqual(run["s/bad"].status, "pass", run.text)
        self.assertIn('"reason": "known"', run.json)

    def test_an_allowed_report_after_which_a_check_is_off_still_replaces_the_guest(self):
        for line in ("WARNING: possible circular locking dependency detected", "DMA-API: cacheline tracking ENOMEM, dma-debug disabled"):
            with self.subTest(line):
                run = self.run_pair(says(0, "", line), allow=[Allow("circular|cacheline", "known")])
                self.assertEqual(run["s/bad"].status, "pass")
                self.assertEqual(run.boots, 2)

    def test_expected_errors_do_not_cover_a_warning(self):
        run = self.run_pair(says(0, "", "[drm] *ERROR* provoked", WARN), expect_errors=True)
        self.assert_failed(run, "kernel splat: WARN")
        self.assertNotIn("i915 error", run["s/bad"].reason)

    def test_a_missing_program_is_a_failure(self):
        suite = Suite("s")
        suite.igt("/nonexistent/program")
        run = Run(suite)
        self.assertEqual(run["s/program"].status, "fail")
        self.assertIn("not run: no program /nonexistent/program", run["s/program"].reason)
        self.assertEqual(run.boots, 0)


class Repeat(unittest.TestCase):
    """The command that a failure is repeated with: all that made it what it was."""

    def command(self, name: str, **environment: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return Reporter(environment, "fake", io.StringIO(), Path(folder), progress=False).repeat(name)

    def test_nothing_is_said_of_what_is_usual(self):
        self.assertEqual(self.command("s/it", kernel="series", mediator="software", platform=""), "make run TESTS='s/it'")

    def test_kernel_host_and_gpu_are_those_of_the_run(self):
        self.assertEqual(self.command("s/it", kernel="debug", mediator="kvmgt", platform="bdw"),
                         "make run TESTS='s/it' KERNEL=debug HOST=kvmgt PLATFORM=bdw")
        self.assertEqual(self.command("s/it", kernel="series", mediator="kvmgt:series"), "make run TESTS='s/it' HOST=kvmgt:series")
        self.assertEqual(self.command("s/it", kernel="6.1"), "make run TESTS='s/it' SERIES=6.1")
        self.assertEqual(self.command("s/it", kernel="/home/me/linux"), "make run TESTS='s/it' KDIR=/home/me/linux")

    def test_a_vms_own_result_has_no_test_to_name(self):
        self.assertEqual(self.command("vm/3/boot", platform="kbl"), "make run PLATFORM=kbl")

    def test_upstream_igt_needs_its_build(self):
        self.assertEqual(self.command("upstream/full/gem_sync/all", igt="/home/me/igt"), "make run TESTS='upstream/full/gem_sync/all' IGT=/home/me/igt")


class Scenarios(unittest.TestCase):
    """Python tests: every way to end."""

    def run_one(self, function, host: str = "software", **common) -> Run:
        suite = Suite("s", timeout=0.5)
        suite.scenario(name="it", **common)(function)
        return Run(suite, [("good-command", says(0))], host=host)

    def test_check_fails_with_its_words(self):
        run = self.run_one(lambda t: t.check(False, "the sky is green"))
        self.assertEqual((run["s/it"].status, run["s/it"].reason), ("fail", "the sky is green"))

    def test_a_bug_in_the_test_is_its_failure(self):
        run = self.run_one(lambda t: 1 / 0)
        self.assertEqual(run["s/it"].status, "fail")
        self.assertIn("ZeroDivisionError", run["s/it"].reason)
        self.assertIn("Traceback", run.logs["s/it"])

    def test_a_skip_needs_a_reason(self):
        self.assertEqual(self.run_one(lambda t: t.skip("no such chip"))["s/it"].status, "skip")
        run = self.run_one(lambda t: t.skip(" "))
        self.assertEqual((run["s/it"].status, run["s/it"].reason), ("fail", "skipped without a reason"))

    def test_a_test_that_never_ends_is_interrupted_even_if_it_catches_exceptions(self):
        def never(_t):
            while True:
                try:
                    time.sleep(5)
                except Exception:   # pylint: disable=broad-except
                    pass
        begin = time.monotonic()
        run = self.run_one(never)
        self.assertLess(time.monotonic() - begin, 4)
        self.assertIn("did not end within", run["s/it"].reason)

    def test_a_warning_of_a_second_guest_fails_the_test_that_has_it(self):
        def test(t):
            t.vm.another(VmSpec(), "stock").add_line(KmsgLine(1.0, WARN, 1.0))
        run = self.run_one(test)
        self.assertIn("kernel splat: WARN: stock: WARNING", run["s/it"].reason)

    def test_a_missing_log_line_fails(self):
        run = self.run_one(lambda t: t.expect_kmsg("never logged", timeout=0.1))
        self.assertIn("no kernel log line matches /never logged/", run["s/it"].reason)

    def test_an_unwanted_log_line_fails(self):
        def test(t):
            t.vm.print("balloon leak")
            t.refuse_kmsg("leak")
        self.assertIn("unwanted kernel log line", self.run_one(test)["s/it"].reason)

    def test_log_lines_of_before_the_test_do_not_count(self):
        suite = Suite("s", timeout=1)
        suite.scenario(name="first")(lambda t: t.vm.print("i915: a line"))
        suite.scenario(name="second")(lambda t: t.expect_kmsg("a line", timeout=0.1))
        self.assertEqual(Run(suite)["s/second"].status, "fail")

    def test_on_a_real_gvt_what_needs_the_mediator_is_skipped_with_that_reason(self):
        for test in (lambda t: t.vm.pvinfo("vgpu0", "magic=0"), lambda t: t.vm.channel_fault("vgpu0", "vanish")):
            run = self.run_one(test, host="gvt-g:u-u-i-d")
            self.assertEqual(run["s/it"].status, "skip")
            self.assertIn("needs the software mediator", run["s/it"].reason)

    def test_what_was_set_of_the_mediator_is_undone_and_the_driver_reloaded_for_the_next_test(self):
        for name, first in (("pvinfo", lambda t: t.vm.pvinfo("vgpu0", "magic=0")),
                            ("channel-fault", lambda t: t.vm.channel_fault("vgpu0", "magic=0"))):
            suite = Suite("s", timeout=1)
            suite.scenario(name="first")(first)
            suite.scenario(name="second")(lambda t: None)
            suite.scenario(name="third")(lambda t: None)
            run = Run(suite)
            self.assertEqual(run.vms[0].overrides, [("vgpu0", name, "magic=0"), ("vgpu0", name, "")])
            self.assertEqual(len(run.vms[0].loads), 2)

    def test_a_driver_that_does_not_bind_fails_the_test_that_needs_it(self):
        suite = Suite("s", timeout=1)
        suite.scenario(name="unbind")(lambda t: setattr(t.vm, "bound", False))
        suite.scenario(name="victim")(lambda t: None)
        self.assertIn("did not bind 0000:00:02.0", Run(suite)["s/victim"].reason)

    def test_rows_become_tests_with_names_that_can_be_typed(self):
        suite = Suite("s", timeout=1)
        suite.scenario(name="row", rows=[("4 GiB - 1 / edge", 1), ("b", 2)])(
            lambda t, n: t.equal(n, 1, "number"))
        run = Run(suite)
        self.assertEqual(run["s/row/4-GiB-1-edge"].status, "pass")
        self.assertEqual(run["s/row/b"].reason, "number: got 2, want 1")


class Booting(unittest.TestCase):
    """Guests that do not come up."""

    def suite(self) -> Suite:
        suite = Suite("s", timeout=1)
        for n in range(4):
            suite.stock(f"t{n}", "good-command")
        return suite

    def test_one_failed_boot_fails_one_test_and_is_tried_again(self):
        run = Run(self.suite(), [("good", says(0))], fail_boots=1)
        self.assertEqual([run[f"s/t{n}"].status for n in range(4)], ["fail", "pass", "pass", "pass"])
        self.assertIn("not run: the guest did not boot", run["s/t0"].reason)

    def test_a_guest_that_never_boots_fails_all_tests_after_two_attempts(self):
        run = Run(self.suite(), fail_boots=99)
        self.assertEqual([run[f"s/t{n}"].status for n in range(4)], ["fail"] * 4)
        self.assertEqual(run.boots, 2)

    def test_a_splat_while_booting_is_a_failure_of_its_own(self):
        run = Run(self.suite(), [("good", says(0))], boot_log=["BUG: sleeping function called from invalid context"])
        self.assertEqual(run["vm/1/boot"].status, "fail")
        self.assertEqual(run.status, 1)

    def between_the_first_two(self, text: str, dies: str = "", number: int = 3, **declaration) -> Run:
        """The kernel says that after the first test's end, and before the second one begins; or it dies."""
        mark = FakeVM.mark

        def late(vm: FakeVM, name: str, timeout: float = 1) -> int:
            position = mark(vm, name, timeout)
            if name == "end s/t0":
                vm.print(text)
                vm.dead = dies
            return position
        suite = Suite("s", timeout=1)
        for n in range(number):
            suite.stock(f"t{n}", "good-command", **declaration)
        with mock.patch.object(FakeVM, "mark", late):
            return Run(suite, [("good", says(0))])

    def test_a_splat_between_two_tests_is_a_failure_of_its_own(self):
        run = self.between_the_first_two(WARN)
        self.assertEqual(run["vm/1/before/s/t1"].status, "fail")
        self.assertIn("WARN", run["vm/1/before/s/t1"].reason)
        self.assertEqual([run[f"s/t{n}"].status for n in range(3)], ["pass"] * 3)
        self.assertEqual((run.status, run.boots), (1, 2), "what comes after it runs in another guest")

    def test_an_error_of_the_driver_between_two_tests_keeps_the_guest(self):
        run = self.between_the_first_two("i915 0000:00:02.0: [drm] *ERROR* late")
        self.assertEqual((run["vm/1/before/s/t1"].status, run.boots), ("fail", 1))

    def test_a_guest_that_dies_between_two_tests_is_a_failure_of_its_own(self):
        run = self.between_the_first_two("nothing", dies="guest panic: late")
        self.assertIn("the VM broke: guest panic: late", run["vm/1/after/s/t0"].reason)
        self.assertEqual([run[f"s/t{n}"].status for n in range(3)], ["pass"] * 3)
        self.assertEqual((run.status, run.boots), (1, 2))

    def test_a_guest_that_dies_after_the_last_test_is_a_failure_of_its_own(self):
        run = self.between_the_first_two("nothing", dies="guest panic: late", number=1)
        self.assertEqual((run["vm/1/after/s/t0"].status, run["s/t0"].status, run.status), ("fail", "pass", 1))

    def test_what_the_last_test_may_say_it_may_say_a_moment_late(self):
        run = self.between_the_first_two(WARN, number=1, allow=[Allow("i915_gem.c:12", "known")])
        self.assertEqual(run.status, 0, run.text)

    def test_what_a_test_may_say_it_may_say_a_moment_late(self):
        run = self.between_the_first_two(WARN, allow=[Allow("i915_gem.c:12", "known")])
        self.assertEqual((run.status, "vm/1/before/s/t1" in run.results), (0, False), run.text)

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(Run(Suite("s")).status, 1)


class Reports(unittest.TestCase):
    """What is written."""

    def test_json_ktap_and_traps(self):
        suite = Suite("s", timeout=1)
        suite.stock("a", "good-command")
        suite.stock("b", "good-command", skip="a reason")
        run = Run(suite, [("good", says(0))])
        self.assertEqual(run.status, 0)
        data = json.loads(run.json)
        self.assertEqual(data["totals"], {"passed": 2, "failed": 0, "skipped": 1})
        self.assertEqual(data["traps"]["registers"]["0x44200"], {"name": "M", "r": 2, "w": 1})
        lines = run.text.splitlines()
        self.assertEqual(lines[0], "KTAP version 1")
        self.assertIn("ok 2 s/b # SKIP a reason", lines)
        self.assertIn("1..3", lines)
        self.assertTrue(lines[-1].startswith("2 passed, 0 failed, 1 skipped"))

    def test_fence_registers_and_requests_are_counted_and_nothing_else(self):
        row = {"name": "", "r": 1, "w": 2}
        stats = {"mmio": {"by_register": {"0xffffc": row, "0x100000": row, "0x1000fc": row, "0x100100": row}},
                 "channel": {"pin": 7, "fence_set": 3, "doorbells": 5}}
        self.assertEqual(fence_traps(stats), 6)
        self.assertEqual(requests(stats), {"create": 0, "pin": 7, "unpin": 0, "destroy": 0, "fence_set": 3})
        self.assertEqual(set(requests({}).values()), {0})

    def test_declarations_are_checked(self):
        suite = Suite("s")
        suite.stock("a", "x")
        with self.assertRaisesRegex(SuiteError, "declared twice"):
            suite.stock("a", "x")
        with self.assertRaisesRegex(SuiteError, "unknown parameter tiemout"):
            suite.stock("b", "x", tiemout=3)
        with self.assertRaisesRegex(SuiteError, "no reason"):
            suite.stock("c", "x", allow=[Allow("x", "")])
        with self.assertRaisesRegex(SuiteError, "none of"):
            suite.stock("d", "x", driver="lost")


if __name__ == "__main__":
    unittest.main()
