# SPDX-License-Identifier: MIT
"""What make bench makes of the core's figures and of the boots: each target can be missed. And the gate on line coverage."""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from igtvgpu import bench_boot, bench_core, paths


def row(what: str, kind: str, n: int, ns: float, reference_ns: float) -> bench_core.Row:
    return {"what": what, "kind": kind, "n": n, "ns": ns, "reference_ns": reference_ns}


GOOD = [*(row("parse", "MI_NOOP", n, 20.0 * n, n) for n in (1000, 10000, 100000)),
        row("blit", "copy", 64 << 10, 4000, 1000), row("blit", "copy", 512 << 10, 15000, 10000), row("blit", "copy", 4 << 20, 300000, 240000),
        row("blit", "fill", 512 << 10, 30000, 10000), row("blit", "fill", 4 << 20, 400000, 240000),
        row("trap", "register read", 1, 30, 1), row("trap", "register write", 1, 40, 1),
        row("submission", "rcs0", 1, 7000, 1), row("owner change", "rcs0", 1, 9000, 7000), row("preemption", "rcs0", 1, 5000, 200),
        {"what": "memory", "kind": "GVTg_V5_8", "bytes": 3 << 20}]


class Core(unittest.TestCase):
    """GOOD reaches all; each test makes one figure worse."""

    def test_the_mediator_knows_how_to_build_what_is_run(self) -> None:
        with tempfile.TemporaryDirectory() as folder:       # where nothing is built yet
            done = subprocess.run([*bench_core.build_command(Path(folder)), "--dry-run"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def missed(self, number: int, ns: float) -> list[str]:
        rows = copy.deepcopy(GOOD)
        rows[number]["ns"] = ns
        return [text for reached, text in bench_core.judge(rows) if not reached]

    def test_good_figures_reach_all_targets(self) -> None:
        self.assertEqual([text for reached, text in bench_core.judge(GOOD) if not reached], [])

    def test_a_slow_trap_is_missed(self) -> None:
        text, = self.missed(8, 200)
        self.assertIn("register read: less than 200 ns in the core: 200", text)

    def test_a_slow_blit_is_missed_but_for_small_ones_that_are_mostly_submission(self) -> None:
        text, = self.missed(4, 25000)
        self.assertIn("from 512 KiB on: at least 0.5 of memcpy's bandwidth: 0.40 (copy, 512 KiB)", text)
        text, = self.missed(7, 500000)
        self.assertIn("any blit of 4 MiB: at least 0.5 of memcpy's bandwidth: 0.48 (fill, 4096 KiB)", text)
        self.assertEqual(self.missed(3, 40000), [])

    def test_a_blit_that_costs_more_than_linear_is_missed(self) -> None:
        text, = self.missed(6, 10000 * 1.2)
        self.assertIn("blits (fill): a byte of 4096 KiB costs no more than one of 512 KiB, beside memcpy: 1.39 times as much", text)

    def test_parsing_that_is_not_linear_is_missed(self) -> None:
        text, = self.missed(2, 100000 * 30.0)
        self.assertIn("1.50 times as much", text)

    def test_a_program_that_fails_is_an_error_with_what_it_said(self) -> None:
        with self.assertRaisesRegex(bench_core.CoreBenchError, "status 3: no memory"):
            bench_core._output(["sh", "-c", "echo no memory >&2; exit 3"])      # pylint: disable=protected-access

    def test_the_table_has_each_row(self) -> None:
        table = bench_core.table(GOOD)
        for text in ("MI_NOOP, 100000", "copy, 4096", "register write", "owner change, rcs0", "preemption, rcs0", "3072"):
            self.assertIn(text, table)


class Boot(unittest.TestCase):
    """The median of the rounds' ratios."""

    def test_one_round_on_a_busy_machine_does_not_count(self) -> None:
        figures = [{"without": 5.0, "card0": 6.0}, {"without": 5.0, "card0": 60.0}, {"without": 10.0, "card0": 13.0}]
        (reached, text), = bench_boot.judge(figures)
        self.assertTrue(reached)
        self.assertIn("1.30", text)

    def test_a_slow_probe_is_missed(self) -> None:
        (reached, _), = bench_boot.judge([{"without": 5.0, "card0": 10.5}] * 3)
        self.assertFalse(reached)


class Coverage(unittest.TestCase):
    """tests/coverage.py on a program with two functions, of which a run executes one."""

    SOURCE = """int used(void) { return 1; }
int unused(int n)
{
	int i, sum = 0;

	for (i = 0; i < n; i++)
		sum += i;
	return sum;
}
int main(int argc, char **argv) { return argc > 1 ? unused(argc) : used() - 1; }
"""

    def run_gate(self, least: str, run: bool = True) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "part").mkdir()
            (folder / "part/two.c").write_text(self.SOURCE)
            subprocess.run(["gcc", "--coverage", "-c", "-o", "part/two.o", "part/two.c"], cwd=folder, check=True)
            subprocess.run(["gcc", "--coverage", "-o", "two", "part/two.o"], cwd=folder, check=True)
            if run:
                subprocess.run(["./two"], cwd=folder, check=True)
            return subprocess.run([sys.executable, "-B", str(paths.TOOLS / "mediator/tests/coverage.py"), ".", least, "part/two.c"],
                                  cwd=folder, capture_output=True, text=True, check=False)

    def test_too_little_fails_and_says_which_lines(self) -> None:
        done = self.run_gate("85")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("FAIL  part/: 28.6 % of 7 lines", done.stdout)
        self.assertIn("2 4 6-8", done.stdout)
        self.assertIn("0 passed, 1 failed, 0 skipped", done.stdout)

    def test_enough_passes(self) -> None:
        self.assertEqual(self.run_gate("20").returncode, 0)

    def test_tests_that_did_not_run_are_an_error(self) -> None:
        done = self.run_gate("20", run=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("did a test run?", done.stderr)


if __name__ == "__main__":
    unittest.main()
