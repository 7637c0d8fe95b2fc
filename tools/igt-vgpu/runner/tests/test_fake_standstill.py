# SPDX-License-Identifier: MIT
"""What is said of a machine whose guest does not answer."""

from __future__ import annotations

import os
import unittest

from igtvgpu import standstill
from igtvgpu.qmp import QmpError

EVENT = {"event": "RESET", "timestamp": {"seconds": 7, "microseconds": 42}}


class Fake:
    """A QEMU whose CPUs are at these addresses, one set after the other."""

    def __init__(self, *looks: list[str]) -> None:
        self.looks = iter(looks)

    def command(self, name: str, _timeout: float, **_arguments: str) -> object:
        if name == "query-status":
            return {"status": "running"}
        return "".join(f"\r\nCPU#{n}\r\nRAX=00 RBX=01\r\n{text}\r\n" for n, text in enumerate(next(self.looks)))


def dead(name: str, timeout: float, **_arguments: str) -> object:
    raise QmpError(f"QMP {name}: no answer within {timeout:.0f} s")


class Standstill(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(setattr, standstill, "BETWEEN", standstill.BETWEEN)
        standstill.BETWEEN = 0

    def test_each_cpu_is_told_apart(self):
        fake = Fake(["RIP=000a RFL=2 HLT=0", "RIP=0b HLT=0", "EIP=0000fff0 HLT=1"], ["RIP=000a HLT=0", "RIP=0c HLT=0", "EIP=0000fff0 HLT=1"])
        sentence, text = standstill.look(fake.command, [EVENT], None)
        self.assertEqual(sentence, "QEMU answers (running); CPU 0 stays at 000a, CPU 1 moves, was last seen at 0c, CPU 2 is halted at 0000fff0")
        self.assertIn("events: RESET at 7.000042\n", text)
        self.assertEqual((text.count("CPU#1"), text.count("RIP=0b"), text.count("RIP=0c"), text.count("\r")), (2, 1, 1, 0))

    def test_registers_that_are_not_there_are_no_error(self):
        sentence, text = standstill.look(Fake(["nothing"], ["nothing"]).command, [], None)
        self.assertEqual(sentence, "QEMU answers (running); CPU 0 shows no registers")
        self.assertIn("events: none\n", text)

    def test_a_qemu_that_does_not_answer_shows_its_threads(self):
        sentence, text = standstill.look(dead, [], os.getpid())
        self.assertEqual(sentence, "QEMU itself does not answer (QMP query-status: no answer within 5 s)")
        self.assertRegex(text, rf"thread {os.getpid()} \S+: in \S+, system call ")

    def test_a_process_that_is_gone_is_no_error(self):
        _, text = standstill.look(dead, [], 0x7ffffffe)
        self.assertNotIn("thread 2", text)
