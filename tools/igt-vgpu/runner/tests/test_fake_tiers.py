# SPDX-License-Identifier: MIT
"""`make check`: what a tier must print to pass, and which tiers run beside others."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

from igtvgpu.tiers import TIERS, Outcome, Tier, run_all

HERE = Path(__file__)


def tier(name: str, script: str, **options) -> Tier:
    """A tier that is a few lines of Python."""
    return Tier(name, f"about {name}", (sys.executable, "-c", script), options.pop("needs", HERE), **options)


def says(text: str) -> str:
    return f"print({text!r})"


class Check(unittest.TestCase):
    """Whole runs of small tiers."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_tiers(self, *tiers: Tier) -> dict[str, Outcome]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            outcomes = run_all(list(tiers), self.folder, False)
        self.text = out.getvalue()
        self.assertEqual([o.tier.name for o in outcomes], [t.name for t in tiers])
        return {o.tier.name: o for o in outcomes}

    def test_the_last_totals_count(self):
        done = self.run_tiers(tier("a", says("3 passed, 0 failed, 1 skipped\n5 passed, 0 failed, 2 skipped")))
        self.assertEqual(done["a"].totals(), (5, 0, 2))

    def test_a_tier_that_counts_nothing_fails(self):
        for script, problem in ((says("hello"), "printed no totals"), (says("0 passed, 0 failed, 0 skipped"), "ran no test"),
                                (says("2 passed, 0 failed, 0 skipped") + "; raise SystemExit(3)", "status 3")):
            with self.subTest(problem):
                outcome = self.run_tiers(tier("a", script))["a"]
                self.assertEqual(outcome.failed, 1)
                self.assertIn(problem, outcome.problem)

    def test_what_needs_a_build_that_failed_does_not_run(self):
        done = self.run_tiers(tier("build", "raise SystemExit(1)", counts=False), tier("a", says("1 passed, 0 failed, 0 skipped"), after=("build",)))
        self.assertEqual(done["a"].problem, "not run: build failed")
        self.assertEqual(done["a"].totals(), (0, 1, 0))

    def test_a_tier_beside_others_runs_while_they_do(self):
        # Each waits for what the other one writes.
        meet = "import pathlib, time\n" \
               "mine, other = pathlib.Path({0!r}), pathlib.Path({1!r})\n" \
               "mine.touch(); end = time.time() + 20\n" \
               "while not other.exists() and time.time() < end: time.sleep(0.01)\n" \
               "print('1 passed, 0 failed, 0 skipped' if other.exists() else '0 passed, 1 failed, 0 skipped')"
        a, b = str(self.folder / "a"), str(self.folder / "b")
        done = self.run_tiers(tier("a", meet.format(a, b), beside=True), tier("b", meet.format(b, a)))
        self.assertEqual([o.totals() for o in done.values()], [(1, 0, 0), (1, 0, 0)])

    def test_its_output_comes_in_one_piece_and_its_failure_counts(self):
        slow = "import time\nfor n in range(20): print('line', n, flush=True); time.sleep(0.01)\nprint('0 passed, 2 failed, 0 skipped')"
        done = self.run_tiers(tier("a", slow, beside=True), tier("b", slow))
        self.assertEqual(done["a"].failed, 2)
        piece = "".join(f"line {n}\n" for n in range(20)) + "0 passed, 2 failed, 0 skipped\n=== a: log "
        self.assertIn(piece, self.text)

    def test_a_tier_that_nothing_follows_shows_its_progress(self):
        self.run_tiers(tier("a", says("1 passed, 0 failed, 0 skipped"), beside=True))
        self.assertIn("=== a: about a\n1 passed", self.text)

    def test_no_tier_beside_needs_what_may_fail(self):
        """Such a tier does not look at what failed before."""
        self.assertEqual([t.name for t in TIERS if t.beside and t.after], [])


if __name__ == "__main__":
    unittest.main()
