# SPDX-License-Identifier: MIT
"""HOST=kvmgt without QEMU: what counts as a freeze, that what it hit is tried once more and shown, what L1's log does to a test."""

from __future__ import annotations

import json
import re
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from fake_vm import Run
from igtvgpu import paths
from igtvgpu.cli import UsageError, check_host
from igtvgpu.initramfs import pack
from igtvgpu.nested import NestedVM, make_vm
from igtvgpu.spec import VGPU, Gpu, NativeGpu, SpecError, Vgpu, VmSpec, on_platform, on_real_gvt
from igtvgpu.suite import Suite
from igtvgpu.vm import Frozen, KmsgLine, VmConfig, VmError

KVMGT = VmConfig(host="kvmgt")
STALL = "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"


def suite(test=lambda t: None, host: str = "") -> Suite:
    made = Suite("s", timeout=1, host=host)
    made.scenario(name="first")(test)
    made.scenario(name="second")(lambda t: None)
    return made


class Freezes(unittest.TestCase):
    """Before the first test and in a test, once each."""

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

    def freezing(self, times: int, say: str = "", frozen: str | None = "L2 stands still", late: bool = False) -> Run:
        """A run whose first test freezes its guest so many times, or does so after it is through."""
        left = [times]

        def freeze(t):
            if left[0]:
                left[0] -= 1
                t.vm.print(say or "nothing")
                t.vm.deaf, t.vm.stands = True, frozen
                if not late:
                    t.vm.run("true")
        return Run(suite(test=freeze), host="kvmgt")

    def test_a_test_in_which_the_guest_freezes_is_run_once_more_in_another_guest(self):
        for late in (False, True):
            run = self.freezing(1, late=late)
            self.assertEqual((run.status, run["s/first"].status, run.boots), (0, "pass", 2), run.text)
            self.assertRegex(run.text, r"# nested freeze 1: in s/first: L2 stands still; tried once more \(log: .*\)")
            self.assertIn("Freezes: 1 nested", run.text)

    def test_a_test_in_which_it_freezes_each_time_fails(self):
        run = self.freezing(2)
        self.assertEqual((run["s/first"].status, run["s/second"].status, run.boots), ("fail", "pass", 3), run.text)
        self.assertIn("Freezes: 1 nested", run.text)

    def test_what_the_kernel_complained_of_first_is_no_freeze(self):
        run = self.freezing(1, say="BUG: kernel NULL pointer dereference, address: 0000000000000000")
        self.assertEqual((run["s/first"].status, run["s/second"].status), ("fail", "pass"), run.text)
        self.assertIn("Freezes: 0 nested", run.text)

    def test_a_kernel_that_says_no_more_than_that_it_stands_still_is_a_freeze(self):
        run = self.freezing(1, say=STALL)
        self.assertEqual((run.status, run["s/first"].status, run.boots), (0, "pass", 2), run.text)

    def test_a_guest_that_does_not_answer_for_another_reason_fails_its_test(self):
        run = self.freezing(1, frozen=None)
        self.assertEqual((run["s/first"].status, run["s/second"].status), ("fail", "pass"), run.text)
        self.assertIn("Freezes: 0 nested", run.text)

    def test_a_host_on_which_everything_freezes_is_not_excused(self):
        made = Suite("s", timeout=1)
        for number in range(6):
            def freeze(t):
                t.vm.deaf, t.vm.stands = True, "L2 stands still"
                t.vm.run("true")
            made.scenario(name=f"test{number}")(freeze)
        run = Run(made, host="kvmgt")
        self.assertEqual([run[f"s/test{number}"].status for number in range(6)], ["fail"] * 6, run.text)
        self.assertIn("Freezes: 4 nested", run.text)

    def test_a_guest_that_freezes_between_two_tests_is_replaced(self):
        for what, place, later in (
                ("L2 was reset", "after/s/first", {"dies_later": "the guest rebooted or powered off by itself"}),
                ("L2 stands still", "before/s/second", {"says_later": STALL})):
            for frozen, status in ((what, 0), (None, 1)):
                with self.subTest(what, frozen=frozen):
                    run = Run(suite(test=lambda t, stands=frozen, later=later: vars(t.vm).update(stands=stands, **later)), host="kvmgt")
                    self.assertEqual((run.status, run["s/first"].status, run["s/second"].status, run.boots),
                                     (status, "pass", "pass", 2), run.text)
                    self.assertEqual(f"nested freeze 1: {place}: {what}" in run.text, frozen is not None, run.text)
                    self.assertEqual("Freezes: 1 nested" in run.text, frozen is not None, run.text)


class Causes(unittest.TestCase):
    """What is a freeze: L1 or L2 stands still or was reset, and nobody panicked; while it boots, and later."""

    def vm(self, l1_broken: str | None = None, l1_responds: bool = True, l1_reset: bool = False, rc: int | None = None,
           responds: bool = False, log: str = "", qemu_log: tuple[str, ...] = (), l1_qemu: bool = True) -> NestedVM:
        vm = NestedVM(VGPU, KVMGT)
        vm._l1 = SimpleNamespace(broken=lambda: l1_broken, responds=lambda: l1_responds, was_reset=lambda: l1_reset,
                                 qemu_log=lambda: list(qemu_log), kill=lambda: None)
        vm._job = SimpleNamespace(running=rc is None, rc=rc)
        vm._describe_freeze = lambda: None
        vm._describe_l1 = lambda: l1_qemu
        vm.responds = lambda: responds
        vm.add_line(KmsgLine(1.0, log, 1.0))
        return vm

    def test_a_freeze(self):
        for how, words in (({}, "L2 stands still"), ({"responds": True, "log": STALL}, f"L2 stands still (RCU stall: {STALL})"),
                           ({"l1_responds": False}, "L1 stands still"), ({"rc": 0}, "L2 was reset"),
                           ({"l1_reset": True, "l1_broken": "reset"}, "L1 was reset"),
                           ({"l1_reset": True, "qemu_log": ("CPU Reset (CPU 0)", "Triple fault")}, "L1 was reset by a triple fault")):
            self.assertEqual(self.vm(**how).frozen(), words)
            error = self.vm(**how)._no_boot("silence")
            self.assertIsInstance(error, Frozen)
            self.assertIn(words, str(error))

    def test_what_has_another_cause(self):
        for other in ({"l1_broken": "guest panic: x"}, {"l1_responds": False, "l1_qemu": False}, {"rc": 1}, {"rc": -6}, {"responds": True},
                      {"log": "Kernel panic - not syncing: x"}, {"log": "L1: Kernel panic - not syncing: x", "rc": 0},
                      {"log": "Kernel panic - not syncing: x", "l1_reset": True}):
            self.assertIsNone(self.vm(**other).frozen(), other)
            self.assertNotIsInstance(self.vm(**other)._no_boot("silence"), Frozen, other)

    def test_where_l1_stands_is_written_down_if_its_qemu_can_say_so(self):
        with tempfile.TemporaryDirectory() as folder:
            vm = NestedVM(VGPU, KVMGT)
            vm.qemu_log_path = Path(folder, "log")
            vm._l1 = SimpleNamespace(qmp=lambda *args, **options: "RIP=1\n")
            self.assertTrue(vm._describe_l1())
            self.assertEqual(vm.qemu_log_path.read_text().count("--- frozen: L1, info registers\nRIP=1\n"), 2)
            vm._l1.qmp = mock.Mock(side_effect=VmError("no answer"))
            self.assertFalse(vm._describe_l1())

    def test_other_guests_stand_for_themselves(self):
        self.assertIsNone(make_vm(VGPU, VmConfig(host="software"), "vm").frozen())


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

    def test_the_host_may_have_the_series_too(self):
        for host, kernel in (("kvmgt", "kvmgt"), ("kvmgt:series", "kvmgt-series")):
            with self.subTest(host):
                check_host(host)
                vm = make_vm(VGPU, VmConfig(host=host), "vm")
                self.assertIsInstance(vm, NestedVM)
                self.assertEqual((vm.kernel, vm.l1.kernel, vm.l1.config.host), ("series", kernel, "software"))
                run = Run(suite(host="kvmgt"), host=host)
                self.assertEqual(run["s/first"].status, "pass", run.text)
                self.assertIn("Freezes: 0 nested", run.text)
        for host in ("kvmgt:stock", "kvmgt:", "kvmgt-series"):
            with self.assertRaisesRegex(UsageError, "'kvmgt', 'kvmgt:series'"):
                check_host(host)

    def test_such_a_host_boots_what_kernel_build_makes(self):
        l1 = make_vm(VGPU, VmConfig(host="kvmgt:series"), "vm").l1
        self.assertEqual(paths.kernel_dir(l1.kernel), paths.OUT / "linux-kvmgt-series")
        self.assertEqual(paths.modules_dir(l1.kernel), paths.OUT / "modules" / "linux-kvmgt-series")
        with mock.patch.object(paths, "OUT", Path("/nonexistent")), self.assertRaisesRegex(VmError, "kernel-build kvmgt-series"):
            l1._bzimage()

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
        spec = on_real_gvt(VmSpec(devices=(Vgpu(any_share=True, **own),)))
        self.assertEqual(spec, VGPU, "tests with such shares run in one VM")
        args = NestedVM(spec, KVMGT)._gpus()
        self.assertTrue(args[1].startswith("vfio-pci,sysfsdev=/sys/bus/mdev/devices/"), args)

    def test_l2_runs_on_the_platform_that_was_asked_for(self):
        vm = NestedVM(VmSpec(gpus=(Gpu(platform="kbl"),)), KVMGT)
        self.assertIn("igt-gpu,id=gpu0,platform=kbl", vm.l1.spec.gpu_args("software"))
        self.assertIn("igt-gpu-pci,gpu=gpu0,id=pgpu0,addr=02.0,display=on", vm.l1.spec.gpu_args("software"))

    def test_broadwells_types_have_another_name(self):
        for platform, name in (("bdw", "GVTg_V4_4"), ("skl", "GVTg_V5_4")):
            vm = NestedVM(VmSpec(gpus=(Gpu(platform=platform),)), KVMGT)
            self.assertEqual([kind for _, kind in vm._mdevs], [name])
        spec = on_platform(VmSpec(devices=(Vgpu(type="GVTg_V5_8"), Vgpu(), NativeGpu())), "bdw")
        self.assertEqual([getattr(d, "type", None) for d in spec.devices], ["GVTg_V4_8", "", None])

    def test_what_is_known_of_broadwell_excuses_no_other(self):
        vblank = "[drm] *ERROR* flip_done timed out"
        for platform, excused in (("bdw", True), ("skl", False)):
            vm = NestedVM(VmSpec(gpus=(Gpu(platform=platform),)), KVMGT)
            self.assertEqual(any(re.search(a.pattern, vblank) for a in vm.known_splats), excused, platform)


if __name__ == "__main__":
    unittest.main()
