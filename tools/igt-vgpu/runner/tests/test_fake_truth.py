# SPDX-License-Identifier: MIT
"""The comparison of page tables (tests/scenarios/svm_truth.py): it finds each kind of entry that should not be there."""

from __future__ import annotations

import sys
import unittest

from igtvgpu import paths

sys.path.insert(0, str(paths.TESTS / "scenarios"))
import svm_truth   # pylint: disable=wrong-import-position

REPORT = """some other output
svm-sync 1 root=0x1000 nothing=0x900000 present={present} expect={expect}
svm-range 0x10000 0x4000 rw
svm-page 0x10000 2 0x50 w-x
svm-page 0x12000 1 0x70 ws-
svm-page 0x13000 1 0x80 --x
svm-range 0x20000 0x2000 ro
svm-page 0x20000 1 0x90 w--
svm-range 0x30000 0x1000 object
svm-range 0x40000 0x1000 none
svm-range 0x200000 0x400000 rw
svm-page 0x200000 1024 0x200 w-x
svm-ready 1 123
"""
SCRATCH = [0x900000, 0xdead000, 4096, False]
GOOD = [[0x10000, 0x50000, 4096, True], [0x11000, 0x51000, 4096, True], [0x12000, 0x70000, 4096, True],
        [0x13000, 0x80000, 4096, False], [0x20000, 0x90000, 4096, False], [0x200000, 0x200000, 0x200000, True],
        [0x30000, 0x123000, 4096, True], [0x40000, 0xdead000, 4096, False]]


class Truth(unittest.TestCase):
    """GOOD is right; each test changes one thing."""

    def wrong(self, leaves: list, present: int = 0, expect: str = "0*0") -> str:
        report, = svm_truth.parse(REPORT.format(present=present, expect=expect).splitlines())
        self.assertEqual(report.root, 0x1000)
        return "; ".join(svm_truth.compare(report, lambda root, begin, end: [
            leaf for leaf in (*leaves, SCRATCH) if leaf[0] < end and leaf[0] + leaf[2] > begin]))

    def test_what_agrees_is_accepted(self) -> None:
        self.assertEqual(self.wrong(GOOD, 5 + 512, "1*2097152"), "")

    def test_each_lie_is_found(self) -> None:
        for what, leaf in (("process has no page", [0x21000, 0x91000, 4096, False]), ("process has 0x51000", [0x11000, 0x52000, 4096, True]),
                           ("process may only read", [0x13000, 0x80000, 4096, True]), ("in a read-only range", [0x20000, 0x90000, 4096, True]),
                           ("after unbind", [0x40000, 0x99000, 4096, False]), ("reaches out of the range", [0x10000, 0x50000, 0x10000, False]),
                           ("process has 0x210000", [0x200000, 0x201000, 0x200000, True])):
            with self.subTest(what):
                self.assertIn(what, self.wrong([leaf]))

    def test_a_page_shared_with_a_child_may_not_be_writable(self) -> None:
        report, = svm_truth.parse(REPORT.replace("w-x", "w--").format(present=0, expect="0*0").splitlines())
        wrong = svm_truth.compare(report, lambda root, begin, end: [GOOD[0]] if begin == 0x10000 else [])
        self.assertEqual(wrong, ["0x10000 is writable, the page is not the process's alone"])

    def test_too_few_pages_are_found(self) -> None:
        self.assertIn("517 pages are mapped, of at least 518", self.wrong(GOOD, 518))
        self.assertIn("1 mappings are 2097152 bytes large, of at least 2", self.wrong(GOOD, 0, "2*2097152"))

    def test_a_half_report_is_none(self) -> None:
        text = REPORT.format(present=0, expect="0*0")
        self.assertEqual(list(svm_truth.parse(text[:text.index("svm-ready")].splitlines())), [])


if __name__ == "__main__":
    unittest.main()
