#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""igt-vgpu-server (built with sanitizers) and QEMU's igt-vfio-user together, without a guest. Driven through qtest and QMP.

    test_vfio_user.py [-k PART-OF-NAME]...

Last line: N passed, N failed, N skipped.
"""
from __future__ import annotations

import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from test_devices import BAR0, BAR2, BAR4, GGTT, MAGIC, PVINFO, TOP, VGPU, Base, Machine, refusal

SERVER = TOP / "out/mediator/asan/igt-vgpu-server"
RAM = ["-object", "memory-backend-memfd,id=ram,size=64M,share=on", "-machine", "memory-backend=ram"]


class Server:
    """A server with vGPUs named vm0, vm1, ... on sockets of these names; `vgpus` are their further options."""

    def __init__(self, *vgpus: str, args: tuple[str, ...] = ()) -> None:
        self.dir = tempfile.TemporaryDirectory(prefix="igt-vgpu-server-")
        self.log = open(f"{self.dir.name}/log", "w+")
        options = [a for n, extra in enumerate(vgpus or ("",)) for a in ("--vgpu", f"name=vm{n},socket={self.path(n)}{extra}")]
        self.process = subprocess.Popen([SERVER, *args, "--stats", f"{self.dir.name}/stats", *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line == "ready\n":
                return
        raise RuntimeError(self.said())

    def path(self, n: int) -> str:
        return f"{self.dir.name}/vm{n}"

    def device(self, n: int = 0, options: str = "") -> list[str]:
        return [*RAM, "-device", f"igt-vfio-user,socket={self.path(n)},id=vgpu0,addr=02.0{options}"]

    def said(self) -> str:
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def stats(self, n: int = 0) -> dict:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{self.dir.name}/stats")
            return json.load(s.makefile())["devices"][f"vm{n}"]

    def wait_free(self, n: int) -> None:
        deadline = time.monotonic() + 20
        while self.stats(n)["in_use"]:
            assert time.monotonic() < deadline, f"vm{n} is still in use: {self.said()}"
            time.sleep(0.02)

    def close(self) -> None:
        """It must end by itself, and the sanitizers must have nothing to say."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        said = self.said()
        self.process.stdout.close()
        self.log.close()
        left = sorted(p.name for p in pathlib.Path(self.dir.name).iterdir())
        self.dir.cleanup()
        if status not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the server ended with {status}: {said}")
        if status == 0 and left != ["log"]:
            raise RuntimeError(f"the server left {left}")


class Remote(Base):
    def serve(self, *vgpus: str, args: tuple[str, ...] = ()) -> Server:
        server = Server(*vgpus, args=args)
        self.addCleanup(server.close)
        return server

    def config_space(self, vm: Machine) -> dict[int, int]:
        return {offset: vm.config_read(offset) for offset in range(0, 256, 4)}


class SameDevice(Remote):
    """What a guest sees does not depend on where its vGPU is."""

    def test_the_config_space_is_that_of_igt_vgpu(self) -> None:
        for platform in ("skl", "bdw", "kbl", "cfl"):
            here = self.boot(["-object", f"igt-gpu,id=gpu0,platform={platform}", *VGPU[2:]])
            there = self.boot(self.serve(args=("--platform", platform)).device())
            self.assertEqual(self.config_space(there), self.config_space(here), platform)
        for offset in range(0, 256, 4):
            if offset == 0x78:      # a function level reset
                continue
            for vm in (here, there):
                vm.config_write(offset, 0xffffffff)
        self.assertEqual(self.config_space(there), self.config_space(here))

    def test_config_space_can_be_read_and_written_in_parts(self) -> None:
        vm = self.boot(self.serve().device())
        vm.config_write(0x3c, 0x0b, 1)
        vm.config_write(0xb0, 0xfee0, 2)
        vm.config_write(0xb2, 0x12, 1)
        vm.config_write(0x52, 0x3456, 2)
        self.assertEqual([vm.config_read(o, n) for o, n in ((0x3c, 1), (0xb0, 4), (0x50, 4), (0x53, 1), (0x2, 2))],
                         [0x0b, 0x12fee0, 0x345600c0, 0x34, 0x1912])

    def test_registers_and_ggtt_entries_are_those_of_igt_vgpu(self) -> None:
        here, there = self.boot(VGPU), self.boot(self.serve().device())
        for vm in (here, there):
            vm.enable()
        offsets = [*range(PVINFO, PVINFO + 0x80, 4), 0x44200, 0x2034, 0x51000, 0x911c, 0x9120, 0x138124]
        self.assertEqual([hex(there.read(BAR0 + o, 4)) for o in offsets], [hex(here.read(BAR0 + o, 4)) for o in offsets])
        for size in (1, 2, 4, 8):
            self.assertEqual(there.read(BAR0 + PVINFO, size), MAGIC & (1 << 8 * size) - 1)
        there.command(f"outl {BAR4:#x} {PVINFO:#x}")
        self.assertEqual(int(there.command(f"inl {BAR4 + 4:#x}"), 16), MAGIC & 0xffffffff)

    def test_the_apertures_size_is_the_servers(self) -> None:
        vm = self.boot(self.serve(",type=GVTg_V5_1", args=("--aperture", "1G")).device())
        vm.config_write(0x18, 0xffffffff)
        self.assertEqual(vm.config_read(0x18), 0xc000000c)


class Memory(Remote):
    def setUp(self) -> None:
        self.server = self.serve()
        self.vm = self.boot(self.server.device())
        self.vm.enable()
        part = self.server.stats()["partition"]
        self.base = part["aperture_base"]
        self.vm.write(BAR0 + GGTT + 8 * (self.base // 4096), 8, 0x200003)

    def test_the_aperture_leads_to_the_guests_memory(self) -> None:
        self.vm.write(0x200010, 8, 0x1122334455667788)
        self.assertEqual(self.vm.read(BAR2 + self.base + 0x10, 8), 0x1122334455667788)
        self.vm.write(BAR2 + self.base + 0x20, 4, 0x99aabbcc)
        self.assertEqual(self.vm.read(0x200020, 4), 0x99aabbcc)

    def test_without_bus_mastering_it_leads_nowhere(self) -> None:
        self.vm.write(0x200010, 8, 0x1122334455667788)
        self.vm.config_write(4, 2, 2)
        self.assertEqual(self.vm.read(BAR2 + self.base + 0x10, 8), (1 << 64) - 1)
        self.vm.config_write(4, 6, 2)
        self.assertEqual(self.vm.read(BAR2 + self.base + 0x10, 8), 0x1122334455667788)

    def test_a_reset_of_the_machine_or_the_function_clears_the_ggtt(self) -> None:
        for reset in (self.vm.system_reset, lambda: self.vm.config_write(0x78, 1 << 15, 2)):
            self.vm.write(BAR0 + GGTT + 8 * (self.base // 4096), 8, 0x200003)
            self.assertEqual(self.vm.read(BAR0 + GGTT + 8 * (self.base // 4096), 8) & 1, 1)
            reset()
            self.assertEqual(self.vm.config_read(0x10), 4)
            self.vm.enable()
            self.assertEqual(self.vm.read(BAR0 + GGTT + 8 * (self.base // 4096), 8) & 1, 0)


class TwoMachines(Remote):
    def setUp(self) -> None:
        self.server = self.serve(",weight=4", ",weight=12")
        self.vms = [self.boot(self.server.device(n)) for n in (0, 1)]
        for vm in self.vms:
            vm.enable()

    def test_each_has_its_share_of_the_one_gpu(self) -> None:
        bases = [vm.read(BAR0 + PVINFO + 0x40, 4) for vm in self.vms]
        self.assertEqual(bases, [self.server.stats(n)["partition"]["aperture_base"] for n in (0, 1)])
        self.assertNotEqual(*bases)
        self.vms[0].write(BAR0 + GGTT + 8 * (bases[1] // 4096), 8, 0x200003)
        self.assertEqual(self.server.stats(0)["violations"]["ggtt"], 1)
        self.assertEqual(self.vms[1].read(BAR0 + GGTT + 8 * (bases[1] // 4096), 8) & 1, 0)

    def test_one_that_is_killed_frees_its_vgpu_and_leaves_the_other_alone(self) -> None:
        self.vms[0].config_write(0x50, 0x1234, 2)
        self.vms[1].config_write(0x50, 0x5678, 2)
        self.vms[0].process.kill()
        self.server.wait_free(0)
        self.assertTrue(self.server.stats(1)["in_use"])
        self.assertEqual(self.vms[1].read(BAR0 + PVINFO, 8), MAGIC)
        self.assertEqual(self.vms[1].config_read(0x50, 2), 0x5678)
        again = self.boot(self.server.device(0))
        self.assertEqual(again.config_read(0x50, 2), 0xc0)

    def test_a_second_machine_is_refused(self) -> None:
        self.assertRegex(refusal([*self.server.device(0), "-m", "64M"]), r"does another VM have it\?")
        self.assertEqual(self.vms[0].read(BAR0 + PVINFO, 8), MAGIC)

    def test_a_server_that_dies_leaves_a_machine_whose_device_is_all_ones(self) -> None:
        self.server.process.kill()
        self.server.process.wait()
        for vm in self.vms:
            self.assertEqual(vm.read(BAR0 + PVINFO, 8), (1 << 64) - 1)
            vm.write(BAR0 + 0x44200, 4, 0)
            self.assertEqual(vm.read(0x200000, 4), 0)
            self.assertIn("is gone: the device reads as all ones", vm.stderr())
            self.assertEqual(vm.close(), 0)


class HotPlug(Remote):
    def test_a_device_can_be_unplugged_and_its_vgpu_taken_again(self) -> None:
        server = self.serve()
        vm = self.boot(RAM, "pc")
        for _ in range(3):
            vm.qmp("device_add", driver="igt-vfio-user", socket=server.path(0), id="hot", addr="05.0")
            vm.config_write(4, 6, size=2, slot=5)
            vm.qmp("device_del", id="hot")
            # What the guest's ACPI code does then: eject the slot.
            vm.command(f"outl 0xae08 {1 << 5:#x}")
            server.wait_free(0)
        self.assertEqual(vm.close(), 0)


class Errors(unittest.TestCase):
    """Each refusal names what is wrong, the value and what to do."""

    SHARED = [RAM[0], RAM[1].replace("64M", "128M"), *RAM[2:]]     # as much as a machine has that says nothing
    PRIVATE = ["-object", "memory-backend-memfd,id=ram,size=128M,share=off", "-machine", "memory-backend=ram"]
    DEVICE = (
        ("memory without a file", ["-device", "igt-vfio-user,socket=/nonexistent"], r"RAM is not shared: .*share=on"),
        ("memory that is private", [*PRIVATE, "-device", "igt-vfio-user,socket=/nonexistent"], r"RAM is not shared: .*share=on"),
        ("no socket", [*SHARED, "-device", "igt-vfio-user"], r"property socket: the path"),
        ("nobody serves", [*SHARED, "-device", "igt-vfio-user,socket=/nonexistent"], r"cannot connect to /nonexistent: is a server running"),
        ("a path that is too long", [*SHARED, "-device", f"igt-vfio-user,socket=/{'x' * 200}"], r"at most 107"),
    )
    SERVER = (
        ("no vGPU", [], r"there is no --vgpu"),
        ("no socket", ["--vgpu", "weight=3"], r"socket=PATH is missing"),
        ("an unknown key", ["--vgpu", "socket=s,wait=3"], r"'wait=3': no such key"),
        ("a key without a value", ["--vgpu", "socket"], r"'socket': no such key, or no value"),
        ("a number that is none", ["--vgpu", "socket=s,fences=many"], r"fences=many is not possible"),
        ("an unknown version", ["--vgpu", "socket=s,abi=2.0"], r"abi=2.0 is not possible"),
        ("an unknown option", ["--wait", "x"], r"Unknown option --wait"),
        ("an unknown platform", ["--platform", "voodoo"], r"--platform=voodoo is not possible"),
        ("an odd aperture", ["--aperture", "300M"], r"--aperture=300M is not possible"),
        ("an option without a value", ["--stats"], r"Missing argument for --stats"),
        ("a type that is too large", ["--vgpu", "socket=s,type=GVTg_V5_1"], r"vgpu0: type=GVTg_V5_1 needs 512 MiB"),
        ("type and partition", ["--vgpu", "socket=s,type=GVTg_V5_4,fences=2"], r"a type excludes"),
        ("type and fence-base", ["--vgpu", "socket=s,type=GVTg_V5_4,fence-base=2"], r"a type excludes"),
        ("everything and a partition", ["--vgpu", "socket=s,whole-ggtt=on,aperture-size=64M"], r"whole-ggtt=on excludes"),
        ("a weight that is too large", ["--vgpu", "socket=s,weight=17"], r"weight=17: it can be 1 to 16"),
        ("a folder that is not there", ["--vgpu", "socket=/nonexistent/s"], r"socket=/nonexistent/s: cannot listen there"),
        ("nine vGPUs", [a for _ in range(9) for a in ("--vgpu", "socket=s")], r"--vgpu socket=s is one too many: a GPU has at most 8 vGPUs"),
    )

    def test_refusals_of_the_device(self) -> None:
        for name, args, pattern in self.DEVICE:
            with self.subTest(name):
                self.assertRegex(refusal(args), pattern)

    def test_refusals_of_the_server(self) -> None:
        for name, args, pattern in self.SERVER:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([SERVER, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                                      check=False, cwd=folder)
                self.assertIn(done.returncode, (1, 2), done.stderr)
                self.assertRegex(done.stderr, pattern)
                self.assertFalse(list(pathlib.Path(folder).iterdir()))


def main() -> int:
    names = [f"*{arg}*" for arg in sys.argv[1:] if arg != "-k"]
    subprocess.run(["make", "-s", "-C", str(TOP / "tools/igt-vgpu/mediator"), str(SERVER)], stdout=subprocess.DEVNULL, check=True)
    loader = unittest.TestLoader()
    if names:
        loader.testNamePatterns = names
    # By name: the base classes and the tests of test_devices are not ours.
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in (SameDevice, Memory, TwoMachines, HotPlug, Errors))
    result = unittest.TextTestRunner(verbosity=2 if names else 1).run(suite)
    bad = {str(test).split(" (")[0] for test, _ in (*result.failures, *result.errors)}
    print(f"{result.testsRun - len(bad)} passed, {len(bad)} failed, 0 skipped")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
