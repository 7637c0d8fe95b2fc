# SPDX-License-Identifier: MIT
"""What a list of expected outcomes stands for, counted."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from igtvgpu.count import count, table
from igtvgpu.expected import ExpectedList
from igtvgpu.suite import SuiteError

ROWS = """
full prog@*      pass
full prog@b@one  skip     no b
full prog@b@two  skip     no b
full prog@slow   omit     takes a day
full prog@c*     outside  not in their list
full other       fail     broken
"""


class Counts(unittest.TestCase):
    """A list of two programs."""

    def count(self, **listed: list[str]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.list")
            path.write_text(ROWS)
            return count(ExpectedList(path, ("full",)), listed)

    def test_each_subtest_counts_once_by_the_row_that_stands_for_it(self):
        self.assertEqual(self.count(prog=["a", "d", "b", "slow", "c1", "c2"], other=[""]),
                         {("pass", ""): 2, ("skip", ""): 1, ("omit", "takes a day"): 1, ("outside", "not in their list"): 2,
                          ("fail", ""): 1})

    def test_the_share_is_of_all_but_those_outside(self):
        text = table(self.count(prog=["a", "d", "b", "slow", "c1", "c2"], other=[""]))
        self.assertEqual(text.splitlines()[-1], "pass or skip: 3 of 5, 60.0 %")
        self.assertIn("takes a day", text)

    def test_a_set_is_counted_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.list")
            path.write_text("fast prog@a pass\nfull prog@* fail broken\n")
            rows = ExpectedList(path, ("fast", "full"))
        self.assertEqual(count(rows, {"prog": ["a", "b", "c"]}, ("fast",)), {("pass", ""): 1})
        self.assertEqual(count(rows, {"prog": ["a", "b", "c"]}), {("pass", ""): 1, ("fail", ""): 2})

    def test_a_subtest_without_a_row_is_an_error(self):
        with self.assertRaisesRegex(SuiteError, "third@x has no row, and 1 more"):
            self.count(third=["x", "y"])
