# SPDX-License-Identifier: MIT
"""Runs the runner's own tests: run.py [fake] [setup] [vm]. The last line is N passed, N failed, N skipped.

fake   deliberate failures on a fake VM, and the parsers: seconds
setup  the set-up scripts with broken downloads, full disks, missing packages
vm     deliberate failures in real guests without a GPU (needs a built kernel and QEMU)
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


class Totals(unittest.TextTestResult):
    """Counts what passed, and each skip with its reason."""

    passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:      # noqa: N802
        super().addSuccess(test)
        self.passed += 1


def main(kinds: list[str]) -> int:
    """Run test_<kind>*.py for each kind."""
    suite = unittest.TestSuite()
    for kind in kinds:
        found = unittest.defaultTestLoader.discover(str(HERE), pattern=f"test_{kind}*.py")
        if not found.countTestCases():
            print(f"error: there is no test_{kind}*.py", file=sys.stderr)
            return 2
        suite.addTests(found)
    result = unittest.TextTestRunner(resultclass=Totals, verbosity=2, stream=sys.stdout).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    print(f"{result.passed + len(result.expectedFailures)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["fake", "setup", "vm"]))
