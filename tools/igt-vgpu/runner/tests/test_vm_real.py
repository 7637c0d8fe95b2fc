# SPDX-License-Identifier: MIT
"""The runner, through its command line, on real guests: deliberate failures, the template suite, the shell."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

from igtvgpu import paths

HERE = Path(__file__).resolve().parent
KERNEL = os.environ.get("IGT_VGPU_TEST_KERNEL", "stock")


def igtvgpu(*args: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, "-m", "igtvgpu", *args], capture_output=True, text=True, timeout=timeout,
                          check=False, env=env, stdin=subprocess.DEVNULL)


class Deliberate(unittest.TestCase):
    """One run of all deliberate failures; each test here looks at one of them."""

    @classmethod
    def setUpClass(cls) -> None:
        done = igtvgpu("run", "--kernel", KERNEL, "--tier", "deliberate", "--suite-dir", str(HERE / "deliberate"))
        cls.done = done
        cls.results: dict = {}
        where = [x for x in done.stdout.splitlines() if x.startswith("Results: ")]
        if where:
            data = json.loads((paths.TOP / where[0].partition(": ")[2]).read_text())
            cls.results = {r["name"].partition("/")[2]: r for r in data["tests"] if r["name"].startswith("deliberate/")}
            cls.totals = data["totals"]

    def assert_fails(self, name: str, reason: str, then: str = "") -> None:
        self.assertIn(name, self.results, self.done.stdout + self.done.stderr)
        self.assertEqual(self.results[name]["status"], "fail")
        self.assertIn(reason, self.results[name]["reason"])
        if then:
            self.assertEqual(self.results[then]["status"], "pass", self.results[then]["reason"])

    def test_the_run_fails(self):
        self.assertEqual(self.done.returncode, 1, self.done.stdout + self.done.stderr)

    def test_a_failing_program(self):
        self.assert_fails("fails", "this went wrong", "after-a-failure")

    def test_a_hanging_program(self):
        self.assert_fails("hangs", "did not end within", "after-a-hang")

    def test_a_killed_program(self):
        self.assert_fails("is-killed", "ended with 139")

    def test_malformed_ktap(self):
        self.assert_fails("bad-ktap/KTAP", "plan says 2 tests")

    def test_a_skip_without_a_reason(self):
        self.assert_fails("skips_without_a_reason", "skipped without a reason")

    def test_an_oops(self):
        self.assert_fails("oopses", "oops: BUG: kernel NULL pointer dereference", "after-an-oops")
        self.assertNotEqual(self.results["oopses"]["vm"], self.results["after-an-oops"]["vm"])

    def test_a_panic(self):
        self.assert_fails("panics", "guest panic", "after-a-panic")

    def test_a_qemu_crash(self):
        self.assert_fails("qemu_crashes", "QEMU crashed with SIGSEGV", "after-a-crash")

    def test_a_guest_that_stands_still(self):
        self.assert_fails("the_guest_stops", "within", "after-a-stop")

    def test_a_guest_that_boots_again_amid_output(self):
        self.assertEqual(self.results["boots_again_amid_output"]["status"], "pass", self.results["boots_again_amid_output"]["reason"])

    def test_a_guest_that_does_not_boot_again(self):
        self.assert_fails("does_not_boot_again", "; QEMU answers (prelaunch); CPU 0 stays at 0000fff0, CPU 1 is halted at 0000fff0;")
        reason = self.results["does_not_boot_again"]["reason"]
        text = Path(re.search(r", (\S+\.qemu\.log)\)", reason)[1]).read_text()
        self.assertRegex(text, r"(?s)events: .*RESET at .*CPU#0.*\bCR3=.*CPU#0")

    def test_a_guest_that_powers_itself_off(self):
        self.assert_fails("powers_itself_off", "powered off by itself", "after-a-power-off")

    def test_the_guest_cannot_write_to_the_host(self):
        self.assertEqual(self.results["the-host-is-read-only"]["status"], "pass")
        self.assertFalse(Path("/usr/igt-vgpu-was-here").exists())

    def test_no_process_outlives_its_test(self):
        self.assertEqual(self.results["as-the-next-one-sees"]["status"], "pass")

    def test_the_kernel_log_of_a_failure_is_in_its_log(self):
        self.assertIn("kernel NULL pointer dereference", Path(self.results["oopses"]["log"]).read_text())


class CommandLine(unittest.TestCase):
    """The other commands."""

    def test_the_template_suite_passes(self):
        done = igtvgpu("run", "--kernel", KERNEL, "--tier", "template", "--suite-dir", str(HERE.parent / "igtvgpu" / "template.py"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(" 0 failed, 2 skipped", done.stdout)

    def test_the_shell_runs_a_command_and_returns_its_status(self):
        done = igtvgpu("shell", "--kernel", KERNEL, "--no-gpu", "-c", "echo in $(hostname); exit 7")
        self.assertIn("in vgpu-guest", done.stdout)
        self.assertEqual(done.returncode, 7, done.stderr)

    def test_the_interactive_shell_is_a_real_terminal(self):
        """Drive it through a pseudo-terminal, as a user's terminal would."""
        env = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        ours, theirs = os.openpty()
        argv = [sys.executable, "-m", "igtvgpu", "shell", "--kernel", KERNEL, "--no-gpu"]
        with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, close_fds=True) as process, \
                ExitStack() as ends:
            ends.callback(process.kill)         # what fails must not wait for a shell that waits for us
            ends.callback(os.close, ours)
            os.close(theirs)
            seen = b""

            def until(text: bytes) -> None:
                nonlocal seen
                while text not in seen:
                    ready, _, _ = select.select([ours], [], [], 90)
                    self.assertTrue(ready, f"no {text!r} within 90 s: {seen!r}")
                    seen += os.read(ours, 4096)
            until(b"vgpu-guest# ")
            os.write(ours, b"tty; stty size; echo sum $((40 + 2))\n")
            until(b"sum 42")
            self.assertIn(b"/dev/pts/", seen)
            os.write(ours, b"sleep 100\n")
            time.sleep(1)
            os.write(ours, b"\x03")         # Ctrl-C ends the command, not the shell
            os.write(ours, b"exit 5\n")
            self.assertEqual(process.wait(60), 5)

    def test_a_pattern_that_matches_nothing_is_an_error(self):
        done = igtvgpu("run", "--kernel", KERNEL, "--tests", "no-such-test", "--suite-dir", str(HERE / "deliberate"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("no test matches no-such-test", done.stderr)

    def test_a_missing_mdev_is_explained(self):
        done = igtvgpu("run", "--host", "gvt-g:00000000-0000-0000-0000-000000000000")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no mdev", done.stderr)

    def test_a_missing_kernel_is_explained(self):
        done = igtvgpu("shell", "--kernel", "/nonexistent", "--no-gpu", "-c", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no kernel at /nonexistent", done.stderr)


if __name__ == "__main__":
    unittest.main()
