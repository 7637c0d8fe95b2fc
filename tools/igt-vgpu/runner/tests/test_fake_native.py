# SPDX-License-Identifier: MIT
"""What native-check makes of traces of bare hardware and of its figures: one access more, or one figure beyond its target, is found."""

from __future__ import annotations

import copy
import json
import sys
import unittest
from dataclasses import replace

from igtvgpu import bench_native, paths

sys.path.insert(0, str(paths.TESTS / "scenarios"))
import register_traces   # pylint: disable=wrong-import-position
from register_traces import Access, Timed   # pylint: disable=wrong-import-position

TRACE = [Access("read RING_CTL", 0x203c, 4, 0), Access("write RING_CTL", 0x203c, 4, 1), Access("write RING_MODE", 0x229c, 4, 2),
         Access("write RING_CTL", 0x203c, 4, 3), Access("write GGTT", 0xfffde0, 8, 1), Access("write GGTT", 0xfffdd8, 8, 1),
         Access("write RING_ELSP", 0x2230, 4, 7)]
ROWS = (Timed("RING_ELSP", "submissions"), Timed("RING_IMR", "waiters", "probe"))


class Traces(unittest.TestCase):
    """TRACE is stock's; each test changes one thing in ours."""

    def wrong(self, ours: list[Access], phase: str = "probe") -> list[str]:
        return register_traces.compare({phase: TRACE}, {phase: ours}, ROWS)

    def test_equal_traces_are_equal(self) -> None:
        self.assertEqual(self.wrong(list(TRACE)), [])

    def test_one_read_more_or_less_is_found(self) -> None:
        self.assertIn("RING_CTL (0x203c, 4 bytes): stock 1, ours 2", self.wrong([TRACE[0], *TRACE])[0])
        self.assertIn("ours none", self.wrong(TRACE[1:])[0])

    def test_a_read_of_another_width_is_found(self) -> None:
        self.assertEqual(len(self.wrong([replace(TRACE[0], size=8), *TRACE[1:]])), 2)

    def test_one_write_more_is_found_and_another_value_and_another_order_in_one_register(self) -> None:
        self.assertIn("write RING_MODE", self.wrong([*TRACE, TRACE[2]])[0])
        self.assertIn("write RING_MODE", self.wrong([*TRACE[:2], replace(TRACE[2], value=9), *TRACE[3:]])[0])
        self.assertIn("write RING_CTL", self.wrong([TRACE[0], TRACE[3], TRACE[2], TRACE[1], *TRACE[4:]])[0])

    def test_the_order_of_registers_counts_where_no_batch_runs(self) -> None:
        ours = [TRACE[0], TRACE[2], TRACE[1], *TRACE[3:]]
        self.assertEqual(self.wrong(ours), [])
        self.assertIn("another order", self.wrong(ours, "unload")[0])

    def test_an_entry_of_the_ggtt_may_lie_elsewhere_but_not_be_one_more_or_other(self) -> None:
        self.assertEqual(self.wrong([*TRACE[:5], replace(TRACE[5], offset=0xfffde0), TRACE[6]]), [])
        self.assertIn("write GGTT", self.wrong([*TRACE, TRACE[5]])[0])
        self.assertIn("write GGTT", self.wrong([*TRACE[:5], replace(TRACE[5], value=3), TRACE[6]])[0])

    def test_what_a_row_covers_may_be_more_but_not_of_another_kind(self) -> None:
        self.assertEqual(self.wrong([*TRACE, TRACE[6]]), [])
        self.assertIn("only stock", self.wrong(TRACE[:6])[0])
        self.assertIn("only ours", self.wrong([*TRACE, Access("read RING_IMR", 0x20a8, 4, 0)])[0])
        self.assertIn("a read of 4 bytes: only ours", self.wrong([*TRACE, replace(TRACE[6], name="read RING_ELSP")])[0])

    def test_a_row_counts_in_its_phases_only_and_must_cover_something(self) -> None:
        self.assertIn("RING_IMR", self.wrong([*TRACE, Access("write RING_IMR", 0x20a8, 4, 0)], "wake")[0])
        self.assertEqual(register_traces.idle({"probe": TRACE}, ROWS), ["RING_IMR in probe"])

    def test_a_timeline_that_lost_events_is_refused(self) -> None:
        trap = {"cat": "trap", "name": "write GGTT", "args": {"bar": "mmio", "offset": "0x800000", "size": 8, "value": "0x12345003"}}
        text = {"otherData": {"dropped": 0}, "traceEvents": [trap, {"cat": "irq"}]}
        self.assertEqual(register_traces.parse(json.dumps(text)), [Access("write GGTT", 0x800000, 8, 3)])
        text["otherData"]["dropped"] = 1
        with self.assertRaises(ValueError):
            register_traces.parse(json.dumps(text))


KEYS = [f"{work} {name}" for work, name, _ in (*bench_native.HOT, *bench_native.COLD)]
SIZES = {part: {"text": 1000000, "data": 10, "bss": 1} for part in ("module", "stock files", "ours")}
GOOD = {"code": {k: {"sizes": copy.deepcopy(SIZES), "functions": {"f": 10}} for k in bench_native.KERNELS},
        "boots": {k: [{key: 10000 for key in KEYS} for _ in range(bench_native.BOOTS)] for k in bench_native.KERNELS}}


class Figures(unittest.TestCase):
    """GOOD reaches all; each test makes one figure worse."""

    def missed(self, figures: dict) -> list[str]:
        return [text for reached, text in bench_native.judge(figures) if not reached]

    def test_good_figures_reach_all_targets(self) -> None:
        self.assertEqual(self.missed(GOOD), [])
        self.assertIn("a page bound into the GGTT", bench_native.table(GOOD))

    def test_two_per_mille_more_instructions_are_missed_and_named(self) -> None:
        for kernel in (bench_native.DEFAULT, bench_native.SVM):
            figures = copy.deepcopy(GOOD)
            for boot in figures["boots"][kernel]:
                boot["bind bind"] = 10020
            text, = self.missed(figures)
            self.assertIn("+0.20% (bind bind); 9 of 9", text)

    def test_code_that_grew_in_files_that_were_there_is_missed(self) -> None:
        figures = copy.deepcopy(GOOD)
        figures["code"][bench_native.SVM]["sizes"]["stock files"]["text"] = 1001100
        text, = self.missed(figures)
        self.assertIn("+0.11%", text)

    def test_where_half_of_the_boots_differ_nothing_is_shown(self) -> None:
        figures = copy.deepcopy(GOOD)
        boots = figures["boots"][bench_native.STOCK]
        for boot in boots[:4]:
            boot["rcs0 ioctl"] = 10100
        self.assertEqual(bench_native.agree(figures, "rcs0 ioctl"), 5)
        self.assertEqual(self.missed(figures), [])
        boots[4]["rcs0 ioctl"] = 9900
        self.assertEqual(bench_native.agree(figures, "rcs0 ioctl"), 4)
        self.assertEqual(len(self.missed(figures)), 2, "of either kernel")
        self.assertEqual(bench_native.agree(figures, "bind bind"), 9)

    def test_most_boots_that_take_more_are_missed(self) -> None:
        figures = copy.deepcopy(GOOD)
        for boot in figures["boots"][bench_native.DEFAULT][:5]:
            boot["vcs0 ioctl"] = 10020
        text, *_ = self.missed(figures)
        self.assertIn("+0.20% (vcs0 ioctl)", text)

    def test_each_boot_does_all_works_in_another_order(self) -> None:
        orders = [bench_native.in_turn(n) for n in range(bench_native.BOOTS)]
        self.assertEqual(len(set(orders)), len(bench_native.WORKS))
        self.assertEqual({tuple(sorted(order)) for order in orders}, {tuple(sorted(bench_native.WORKS))})

    def test_a_function_that_came_went_or_grew_is_named(self) -> None:
        figures = copy.deepcopy(GOOD)
        figures["code"][bench_native.DEFAULT]["functions"] = {"f": 12, "g": 5}
        self.assertEqual(bench_native.grown(figures, bench_native.DEFAULT), {"f": 2, "g": 5})
