# SPDX-License-Identifier: MIT
"""`make check`: what a tier must print to pass, and which tiers run beside others."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from igtvgpu import paths, series, tiers
from igtvgpu.tiers import TIERS, Outcome, Tier, check, run_all, table

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

    def run_tiers(self, *wanted: Tier) -> dict[str, Outcome]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            outcomes = run_all(list(wanted), self.folder, False)
        self.text = out.getvalue()
        self.assertEqual([o.tier.name for o in outcomes], [t.name for t in wanted])
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

    def test_one_that_runs_alone_waits_for_those_beside_it(self):
        slow = f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(self.folder / 'a')!r}).touch(); print('1 passed, 0 failed, 0 skipped')"
        late = f"import pathlib; n = int(pathlib.Path({str(self.folder / 'a')!r}).exists()); print(n, 'passed,', 1 - n, 'failed, 0 skipped')"
        done = self.run_tiers(tier("a", slow, beside=True), tier("b", late, alone=True))
        self.assertEqual(done["b"].totals(), (1, 0, 0))

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

    def test_the_table_has_room_for_each_name(self):
        lines = table([Outcome(tier(name, ""), passed=5) for name in ("a", "a-very-long-name-6.1")]).splitlines()
        self.assertEqual(len({line.index(" 5 ") for line in lines[1:]}), 1, lines)


class Backports(unittest.TestCase):
    """A folder of patches/ with a BASE has tiers of its own."""

    def test_each_has_one_that_always_runs_and_those_that_need_its_source_by_name(self):
        names = paths.backports()
        self.assertIn("6.1", names)
        named = {t.name: t for t in TIERS}
        for name in names:
            always = named[f"static-{name}"]
            self.assertEqual((always.by_name, always.beside, always.after), (False, True, ()))
            self.assertEqual(always.command[:2], ("env", f"IGT_VGPU_SERIES={name}"))
            self.assertIn("--no-source", always.command)
            for kind in ("source", "applies", "kernel", "guest"):
                self.assertTrue(named[f"{kind}-{name}"].by_name)
            self.assertEqual(named[f"applies-{name}"].after, (f"source-{name}",))
            self.assertIn(f"kernel-{name}", named[f"guest-{name}"].after)
            self.assertIn(f"--kernel {name} ", " ".join(named[f"guest-{name}"].command))

    def test_check_refuses_to_take_the_series_for_a_backport(self):
        said = io.StringIO()
        with mock.patch.dict(os.environ, IGT_VGPU_SERIES="6.1"), contextlib.redirect_stderr(said):
            self.assertEqual(check([], False), 2)
            self.assertEqual(check(["guest"], False), 2)
        self.assertIn("SERIES=6.1: the tiers of make check are about the series on Linux 6.12", said.getvalue())
        self.assertIn('make check TIERS="static-6.1 applies-6.1 guest-6.1"', said.getvalue())


PASSES = says("2 passed, 0 failed, 1 skipped")


class Recorded(unittest.TestCase):
    """out/results/check.json, which the cover letter is made from."""

    TIERS = (tier("core", PASSES), tier("kernel", "", counts=False), tier("guest", PASSES, after=("kernel",)),
             tier("race", PASSES, after=("kernel",), by_name=True),
             tier("guest-6.1", PASSES, after=("kernel", "kernel-6.1"), by_name=True, backport="6.1"))

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        self.patches, self.built = "one", True
        for target, name, value in ((tiers, "TIERS", self.TIERS), (paths, "OUT", self.out), (paths, "RESULTS", self.out / "results"),
                                    (series, "digest", lambda backport="": f"{self.patches} {backport}".strip()),
                                    (series, "is_built", lambda backport="": self.built)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def check(self, *names: str) -> dict[str, str]:
        """Run these tiers; which series each recorded result is of."""
        with contextlib.redirect_stdout(io.StringIO()):
            check(list(names), False)
        return self.recorded()

    def recorded(self) -> dict[str, str]:
        self.data = json.loads((self.out / "results/check.json").read_text())
        return {t["name"]: t["series"] for t in self.data["tiers"]}

    def test_a_tier_by_name_adds_to_the_whole_check_and_takes_nothing_away(self):
        self.assertEqual(self.check(), {"core": "one", "kernel": "one", "guest": "one"})
        self.assertEqual(self.data["default"], ["core", "kernel", "guest"])
        self.assertEqual(self.check("race"), {"core": "one", "kernel": "one", "guest": "one", "race": "one"})
        self.assertEqual({k: self.data["tiers"][3][k] for k in ("passed", "failed", "skipped")}, {"passed": 2, "failed": 0, "skipped": 1})

    def test_the_newest_result_of_a_tier_counts(self):
        self.check()
        with mock.patch.object(tiers, "TIERS", (tier("core", says("1 passed, 3 failed, 0 skipped")), *self.TIERS[1:])):
            self.assertEqual(self.check("core")["core"], "one")
        self.assertEqual([t["failed"] for t in self.data["tiers"]], [3, 0, 0])

    def test_a_result_is_of_the_patches_that_it_was_made_with(self):
        self.check()
        self.patches = "two"
        self.assertEqual(self.check("core"), {"core": "two", "kernel": "one", "guest": "one"})
        self.assertEqual(self.check("guest-6.1")["guest-6.1"], "two 6.1")

    def test_patches_that_changed_meanwhile_are_no_ones(self):
        def edit(*args):
            self.patches = "other"
            return run_all(*args)
        with mock.patch.object(tiers, "run_all", edit):
            self.assertEqual(self.check("core"), {"core": ""})

    def test_guests_of_another_kernel_than_that_of_the_patches_prove_nothing_of_them(self):
        self.built = False
        self.assertEqual(self.check(), {"core": "one", "kernel": "", "guest": ""})

    def test_a_tier_that_did_not_end_has_no_result(self):
        self.check()
        with mock.patch.object(tiers, "run_all", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            self.check("guest")
        self.assertEqual(self.recorded(), {"core": "one"})

    def test_what_older_versions_wrote_is_no_result_and_no_error(self):
        for text in ('{"series": "one", "whole": true, "tiers": [{"name": "guest", "passed": 1}]}', "[]", "{", '{"tiers": 1}'):
            (self.out / "results").mkdir(exist_ok=True)
            (self.out / "results/check.json").write_text(text)
            with contextlib.redirect_stdout(io.StringIO()):
                check(["core"], False)
            self.data = json.loads((self.out / "results/check.json").read_text())
            self.assertEqual([t["name"] for t in self.data["tiers"] if t.get("series")], ["core"], text)


if __name__ == "__main__":
    unittest.main()
