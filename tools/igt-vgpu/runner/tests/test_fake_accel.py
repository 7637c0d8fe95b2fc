# SPDX-License-Identifier: MIT
"""KVM or TCG: KVM only where a guest really booted on it, and the verdict is remembered until the machine reboots."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from igtvgpu import accel, paths
from igtvgpu.initramfs import BuildError
from igtvgpu.vm import NotStarted, VmConfig, VmError


class Guest:
    """The guest of the trial: boots, or does not, and counts."""

    fails: Exception | None = None
    trials: list[VmConfig] = []
    killed = 0

    def __init__(self, spec, config: VmConfig, name: str) -> None:
        self.boot_seconds = 1.5
        self.devices = spec.devices
        self.trials.append(config)

    def boot(self) -> None:
        if self.fails:
            raise self.fails

    def run(self, script: str, timeout: float, check: bool = False) -> None:
        assert check and not self.devices

    def kill(self) -> None:
        type(self).killed += 1


class Verdict(unittest.TestCase):
    """A machine with a /dev/kvm that opens, unless the test says otherwise."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.boot_id = self.folder / "boot_id"
        self.boot_id.write_text("today\n")
        self.exists = self.opens = True
        Guest.fails, Guest.trials, Guest.killed = None, [], 0
        for target, name, value in (
                (paths, "CACHE", self.folder / "cache"), (accel, "VM", Guest), (accel, "_BOOT_ID", self.boot_id),
                (accel.os, "access", lambda path, mode: self.opens), (accel.os.path, "exists", lambda path: self.exists)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.notes: list[str] = []

    def choose(self, wanted: str = "auto", kernel: str = "series", **options) -> tuple[str, str]:
        return accel.choose(VmConfig(qemu=Path("/qemu"), host="kvmgt", kernel=kernel), wanted, note=self.notes.append, **options)

    def test_without_dev_kvm_it_is_tcg_and_no_guest_is_tried(self):
        self.opens = self.exists = False
        self.assertEqual(self.choose(), ("tcg", "there is no /dev/kvm; guests are emulated, which is slower but equal"))
        self.opens, self.exists = False, True
        self.assertEqual(self.choose(), ("tcg", "no permission for /dev/kvm; guests are emulated, which is slower but equal"))
        self.assertEqual((Guest.trials, self.notes), ([], []))

    def test_it_is_kvm_only_after_a_guest_booted_on_kvm(self):
        self.assertEqual(self.choose(), ("kvm", "a guest booted on KVM in 1.5 s"))
        self.assertEqual([(t.accel, t.host) for t in Guest.trials], [("kvm", "software")])
        self.assertEqual(Guest.killed, 1)
        self.assertIn("trying KVM with a real guest", self.notes[0])

    def test_a_guest_that_does_not_boot_makes_it_tcg_with_the_reason_and_is_ended(self):
        Guest.fails = VmError("the guest did not boot: silence (logs: /somewhere)")
        self.assertEqual(self.choose(), ("tcg", "KVM did not boot a guest within 15 s: the guest did not boot: silence"))
        self.assertEqual(Guest.killed, 1)

    def test_the_verdict_is_remembered_good_or_bad(self):
        for fails, expected in ((None, "kvm"), (VmError("silence"), "tcg")):
            with self.subTest(expected):
                Guest.fails, Guest.trials = fails, []
                first = self.choose(fresh=True)
                Guest.fails = None if fails else VmError("silence")       # what would come out if it were tried again
                self.assertEqual(self.choose(), first)
                self.assertEqual((first[0], len(Guest.trials)), (expected, 1))

    def test_it_is_tried_again_after_a_reboot_on_demand_and_if_the_memory_is_damaged(self):
        self.choose()
        self.boot_id.write_text("tomorrow\n")
        self.choose()
        self.assertEqual(len(Guest.trials), 2)
        self.choose(fresh=True)
        self.assertEqual(len(Guest.trials), 3)
        next((self.folder / "cache").glob("kvm-verdicts-*.json")).write_text("half a fi")
        self.assertEqual(self.choose()[0], "kvm")
        self.assertEqual(len(Guest.trials), 4)

    def test_what_one_kernel_did_not_do_another_one_may(self):
        image = self.folder / "bzImage"
        image.write_text("broken")
        Guest.fails = VmError("panic")
        self.assertEqual((self.choose(kernel=str(image))[0], self.choose(kernel=str(image))[0], len(Guest.trials)), ("tcg", "tcg", 1))
        Guest.fails = None
        os.utime(image, (1, 1))
        self.assertEqual((self.choose(kernel=str(image))[0], len(Guest.trials)), ("kvm", 2))
        self.assertEqual((self.choose(kernel="another")[0], len(Guest.trials)), ("kvm", 2))

    def test_a_guest_that_cannot_be_started_says_nothing_about_kvm(self):
        for error in (NotStarted("no kernel at /nonexistent"), BuildError("init does not build")):
            with self.subTest(str(error)):
                Guest.fails = error
                self.assertEqual(self.choose(), ("tcg", f"nothing to try KVM with: {error}"))
        Guest.fails = None
        self.assertEqual(self.choose()[0], "kvm")

    def test_a_cache_that_cannot_be_written_costs_the_memory_and_not_the_verdict(self):
        (self.folder / "cache").write_text("a file where the cache should be")
        self.assertEqual(self.choose()[0], "kvm")
        self.assertIn("the verdict about KVM cannot be kept", self.notes[-1])

    def test_what_the_user_asks_for_is_not_questioned(self):
        for wanted in ("kvm", "tcg"):
            self.assertEqual(self.choose(wanted), (wanted, "asked for"))
        self.assertEqual(Guest.trials, [])


if __name__ == "__main__":
    unittest.main()
