# SPDX-License-Identifier: MIT
"""The command channel when the guest at its other end is not the one that it was: it booted again."""

from __future__ import annotations

import socket
import unittest

from igtvgpu.agent import Agent, AgentError


class BootsAgain(unittest.TestCase):
    def setUp(self) -> None:
        ours, self.guest = socket.socketpair()
        self.addCleanup(self.guest.close)
        self.agent = Agent(ours)
        self.guest.sendall(b"hello 1 6.12\n")
        self.agent.wait_hello(5)

    def test_a_command_of_the_guest_before_ends_without_a_status(self):
        job = self.agent.start("sleep 100")
        self.guest.sendall(b"hello 1 6.12\n")
        done = job.wait(5)
        self.assertEqual((done.rc, done.timed_out), (None, False))

    def test_the_next_hello_is_waited_for(self):
        with self.assertRaisesRegex(AgentError, "did not come up within 0 s"):
            self.agent.wait_hello(0.1, boots=2)
        self.guest.sendall(b"hello 1 6.12\n")
        self.agent.wait_hello(5, boots=2)

    def test_commands_of_the_next_guest_are_its_own(self):
        self.agent.start("sleep 100")
        self.guest.sendall(b"hello 1 6.12\n")
        self.agent.wait_hello(5, boots=2)
        job = self.agent.start("true")
        self.guest.sendall(b"exit 2 0\n")
        self.assertEqual(job.wait(5).rc, 0)
