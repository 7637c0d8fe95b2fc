# SPDX-License-Identifier: MIT
"""HOST=kvmgt without QEMU: what counts as a freeze, that it is retried once and shown, what L1's log does to a test."""

from __future__ import annotations

import json
import re
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from fake_vm import Run
from igtvgpu.initramfs import pack
from igtvgpu.nested import NestedVM
from igtvgpu.spec import VGPU, Gpu, NativeGpu, SpecError, Vgpu, VmSpec, on_real_gvt
from igtvgpu.suite import Suite
from igtvgpu.vm import Frozen, KmsgLine, VmConfig, VmError

KVMGT = VmConfig(host="kvmgt")


def suite(test=lambda t: None, host: str = "") -> Suite:
    made = Suite("s", timeout=1, host=host)
    made.scenario(name="first")(test)
    made.scenario(name="second")(lambda t: None)
    return made


class Freezes(unittest.TestCase):
    """Before the first test, once."""

    def test_one_freeze_is_retried_counted_and_shown(self):
        run = Run(suite(), host="kvmgt", freezes=1)
        self.assertEqual((run.status, run.boots), (0, 2), run.text)
        self.assertIn("# nested freeze 1: the guest did not boot: it stood still; tried once more", run.text)
        self.assertIn("Freezes: 1 nested", run.text)
        self.assertEqual(len(json.loads(run.json)["freezes"]), 1)

    def test_without_a_freeze_that_is_said_too(self):
        self.assertIn("Freezes: 0 nested", Run(suite(), host="kvmgt").text)

    def test_two_in_a_row_fail_the_test(self):
        run = Run(suite(), host="kvmgt", freezes=2)
        self.assertEqual((run.status, run["s/first"].status, run["s/second"].status), (1, "fail", "pass"), run.text)
        self.assertIn("stood still", run["s/first"].reason)

    def test_another_failure_to_boot_is_not_retried(self):
        run = Run(suite(), host="kvmgt", fail_boots=1)
        self.assertEqual(run["s/first"].status, "fail")
        self.assertIn("Freezes: 0 nested", run.text)

    def test_a_guest_that_freezes_in_a_test_fails_that_test(self):
        def freeze(t):
            t.vm.deaf = True
            t.vm.run("true")
        run = Run(suite(test=freeze), host="kvmgt")
        self.assertEqual((run["s/first"].status, run["s/second"].status), ("fail", "pass"), run.text)
        self.assertIn("Freezes: 0 nested", run.text)


class Causes(unittest.TestCase):
    """What _no_boot() calls a freeze: L2 stands, L1 is well, QEMU runs, no panic."""

    def verdict(self, l1_broken: str | None = None, responds: bool = True, running: bool = True, log: str = "") -> VmError:
        vm = NestedVM(VGPU, KVMGT)
        vm._l1 = SimpleNamespace(broken=lambda: l1_broken, responds=lambda: responds, kill=lambda: None)
        vm._job = SimpleNamespace(running=running, rc=None if running else 1)
        vm._describe_freeze = lambda: None
        vm.add_line(KmsgLine(1.0, log, 1.0))
        return vm._no_boot("silence")

    def test_a_freeze(self):
        self.assertIsInstance(self.verdict(), Frozen)

    def test_what_has_another_cause(self):
        for other in ({"l1_broken": "guest panic: x"}, {"responds": False}, {"running": False},
                      {"log": "Kernel panic - not syncing: x"}, {"log": "L1: Kernel panic - not syncing: x"}):
            error = self.verdict(**other)
            self.assertNotIsInstance(error, Frozen, other)
            self.assertIsInstance(error, VmError)


class Initramfs(unittest.TestCase):
    """What a distribution's kernel gets."""

    def test_modules_come_along_in_the_order_of_their_names(self):
        with tempfile.TemporaryDirectory() as folder:
            modules = [Path(folder, name) for name in ("1-b.ko", "2-a.ko")]
            for module in modules:
                module.write_bytes(module.name.encode() * 100)
            image = pack(b"init", modules)
        names = re.findall(rb"070701[0-9a-f]{104}([^\0]+)\0", image)
        self.assertEqual(names, [b"dev", b"dev/console", b"init", b"modules", b"modules/1-b.ko", b"modules/2-a.ko", b"TRAILER!!!"])
        self.assertIn(b"2-a.ko" * 100, image)
        self.assertNotIn(b"modules", pack(b"init", []))


class Host(unittest.TestCase):
    """What runs there and what does not."""

    def test_a_test_about_kvmgt_is_skipped_elsewhere(self):
        run = Run(suite(host="kvmgt"))
        self.assertEqual((run["s/first"].status, run["s/first"].reason, run.boots), ("skip", "is about HOST=kvmgt", 0))
        self.assertEqual(Run(suite(host="kvmgt"), host="kvmgt")["s/first"].status, "pass")

    def test_complaints_of_kvmgt_fail_the_test(self):
        run = Run(suite(test=lambda t: t.vm.print("L1: gvt: vgpu 1: invalid pvinfo write offset 78820 bytes 4 data 1")), host="kvmgt")
        self.assertIn("kernel splat: kvmgt", run["s/first"].reason)
        self.assertEqual(run["s/second"].status, "pass")

    def test_l1_log_is_part_of_the_guests(self):
        vm = NestedVM(VGPU, KVMGT)
        vm.l1.add_line(KmsgLine(2.5, "gvt: vgpu 1: x", 3.5))
        self.assertEqual(vm.kmsg(), [KmsgLine(2.5, "L1: gvt: vgpu 1: x", 3.5)])

    def test_shares_that_a_real_gvt_cannot_give_are_refused(self):
        own = {"aperture_base": 0, "aperture_size": 1 << 20, "hidden_base": 0, "hidden_size": 1 << 20}
        for device in (Vgpu(**own), Vgpu(abi="1.0"), Vgpu(pvinfo="magic=0"), NativeGpu()):
            with self.assertRaises(SpecError):
                NestedVM(VmSpec(devices=(device,)), KVMGT)._gpus()
        with self.assertRaises(SpecError):
            NestedVM(VmSpec(gpus=(Gpu(platform="bdw"),)), KVMGT)._gpus()
        spec = on_real_gvt(VmSpec(devices=(Vgpu(any_share=True, **own),)))
        self.assertEqual(spec, VGPU, "tests with such shares run in one VM")
        args = NestedVM(spec, KVMGT)._gpus()
        self.assertTrue(args[1].startswith("vfio-pci,sysfsdev=/sys/bus/mdev/devices/"), args)

    def test_l2_runs_on_the_platform_that_was_asked_for(self):
        vm = NestedVM(VmSpec(gpus=(Gpu(platform="kbl"),)), KVMGT)
        self.assertIn("igt-gpu,id=gpu0,platform=kbl", vm.l1.spec.gpu_args("software"))
        self.assertIn("igt-gpu-pci,gpu=gpu0,id=pgpu0,addr=02.0,display=on", vm.l1.spec.gpu_args("software"))


if __name__ == "__main__":
    unittest.main()
