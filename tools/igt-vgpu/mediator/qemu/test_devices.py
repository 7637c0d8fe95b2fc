#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The QEMU devices without a guest: command line, config space, BARs, properties, errors. Driven through qtest and QMP.

    test_devices.py [QEMU] [-k PART-OF-NAME]...      (default out/qemu/qemu-system-x86_64 of the checkout)

Last line: N passed, N failed, N skipped.
"""
from __future__ import annotations

import itertools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[4]
QEMU = str(TOP / "out/qemu/qemu-system-x86_64")
FIRMWARE = ["-L", "/usr/share/qemu", "-L", "/usr/share/seabios"]
VGPU = ["-object", "igt-gpu,id=gpu0", "-device", "igt-vgpu,gpu=gpu0,id=vgpu0,addr=02.0"]
BARE = ["-object", "igt-gpu,id=gpu0", "-device", "igt-gpu-pci,gpu=gpu0,id=pgpu0,addr=02.0"]
BAR0, BAR2, BAR4 = 0x1_0000_0000, 0x2_0000_0000, 0xc000
PVINFO, GGTT = 0x78000, 0x800000
MAGIC = 0x4776544776544776


class Machine:
    """A QEMU with the qtest accelerator: no vCPU runs, the test is the CPU."""

    def __init__(self, args: list[str], machine: str = "q35") -> None:
        self.dir = tempfile.TemporaryDirectory(prefix="igt-qtest-")
        self.listeners = {}
        for name in ("qtest", "qmp"):
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(f"{self.dir.name}/{name}")
            sock.listen(1)
            sock.settimeout(20)
            self.listeners[name] = sock
        self.errors = open(f"{self.dir.name}/stderr", "w+")
        self.process = subprocess.Popen(
            [QEMU, *FIRMWARE, "-M", machine, "-accel", "qtest", "-m", "64M", "-nodefaults", "-display", "none",
             "-qtest", f"unix:{self.dir.name}/qtest", "-qtest-log", "/dev/null", "-qmp", f"unix:{self.dir.name}/qmp", *args],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        self.qtest = self._accept("qtest")
        self.qmp_file = self._accept("qmp")
        json.loads(self.qmp_file.readline())
        self.qmp("qmp_capabilities")

    def _accept(self, name: str):
        while True:
            try:
                self.listeners[name].settimeout(0.2)
                connection = self.listeners[name].accept()[0]
                connection.settimeout(30)
                return connection.makefile("rw")
            except socket.timeout:
                if self.process.poll() is not None:
                    raise RuntimeError(self.stderr()) from None

    def stderr(self) -> str:
        self.errors.flush()
        return pathlib.Path(self.errors.name).read_text()

    def command(self, line: str) -> str:
        self.qtest.write(line + "\n")
        self.qtest.flush()
        while True:
            answer = self.qtest.readline()
            if not answer:
                raise RuntimeError("QEMU died: " + self.stderr())
            if answer.startswith("OK"):
                return answer[2:].strip()
            if not answer.startswith("IRQ"):
                raise RuntimeError(f"{line}: {answer}")

    def read(self, addr: int, size: int) -> int:
        return int(self.command(f"read{'bwlq'[size.bit_length() - 1]} {addr:#x}"), 16)

    def write(self, addr: int, size: int, value: int) -> None:
        self.command(f"write{'bwlq'[size.bit_length() - 1]} {addr:#x} {value:#x}")

    def config_read(self, offset: int, size: int = 4, slot: int = 2) -> int:
        self.command(f"outl 0xcf8 {0x80000000 | slot << 11 | offset & 0xfc:#x}")
        return int(self.command(f"in{'bwl'[size.bit_length() - 1]} {0xcfc + offset % 4:#x}"), 16)

    def config_write(self, offset: int, value: int, size: int = 4, slot: int = 2) -> None:
        self.command(f"outl 0xcf8 {0x80000000 | slot << 11 | offset & 0xfc:#x}")
        self.command(f"out{'bwl'[size.bit_length() - 1]} {0xcfc + offset % 4:#x} {value:#x}")

    def enable(self, slot: int = 2, base: int = 0) -> None:
        """Place the BARs; @base moves them for a second device."""
        for offset, addr in ((0x10, BAR0 + base), (0x18, BAR2 + 16 * base)):
            self.config_write(offset, addr & 0xffffffff, slot=slot)
            self.config_write(offset + 4, addr >> 32, slot=slot)
        self.config_write(0x20, BAR4 + (0x100 if base else 0), slot=slot)
        self.config_write(4, 7, size=2, slot=slot)

    def qmp(self, execute: str, **arguments):
        self.qmp_file.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.qmp_file.flush()
        while True:
            answer = json.loads(self.qmp_file.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def get(self, path: str, name: str):
        return self.qmp("qom-get", path=path, property=name)

    def set(self, path: str, name: str, value) -> None:
        self.qmp("qom-set", path=path, property=name, value=value)

    def stats(self, path: str = "/machine/peripheral/vgpu0") -> dict:
        return json.loads(self.get(path, "stats"))

    def system_reset(self) -> None:
        """Reset the machine; returns when it was done, the devices' decoding is off then."""
        self.qmp("system_reset")
        deadline = time.monotonic() + 10
        while self.config_read(4, 2) & 7 and time.monotonic() < deadline:
            time.sleep(0.02)

    def unplug(self, device: str, slot: int) -> None:
        """Of machine pc; returns when the device is gone."""
        self.qmp("device_del", id=device)
        # What the guest's ACPI code does then: eject the slot.
        self.command(f"outl 0xae08 {1 << slot:#x}")
        deadline = time.monotonic() + 10
        while device in [d["name"] for d in self.qmp("qom-list", path="/machine/peripheral")]:
            assert time.monotonic() < deadline, f"{device} did not go"
            time.sleep(0.02)

    def close(self) -> int:
        if self.process.poll() is None:
            try:
                self.qmp("quit")
            except (OSError, RuntimeError, ValueError):
                pass
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        for listener in self.listeners.values():
            listener.close()
        self.errors.close()
        self.dir.cleanup()
        return status


def refusal(args: list[str]) -> str:
    """What QEMU says when it refuses to start."""
    done = subprocess.run([QEMU, *FIRMWARE, "-M", "q35", "-accel", "qtest", "-nodefaults", "-display", "none", "-S", *args],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1, f"exit status {done.returncode}: {done.stderr}"
    return done.stderr


class Base(unittest.TestCase):
    """A machine per test."""

    def boot(self, args: list[str], machine: str = "q35") -> Machine:
        vm = Machine(args, machine)
        self.addCleanup(vm.close)
        return vm


class Blitter:
    """As much of a driver as it takes to have bcs0 execute: interrupts, a status page, a ring, a context."""

    REGISTERS, USER_INTERRUPT = 0x22000, 1 << 16
    MEMORY = 0x200000
    STATUS, RING, CONTEXT, BATCH, DATA = 0, 1, 2, 4, 5      # pages of that memory, and of the GGTT
    SAMPLES = 64                                            # so many pages of the GGTT, from DATA on, are the one of DATA
    TIMEOUT = 20

    def __init__(self, vm: Machine) -> None:
        self.vm, self.tail = vm, 0
        # A vGPU says where its share of the GGTT begins; the bare GPU has no such page.
        self.ggtt = vm.read(BAR0 + PVINFO + 0x40, 4) if vm.read(BAR0 + PVINFO, 8) == MAGIC else 0x100000
        for page in range(self.DATA + self.SAMPLES):
            vm.write(BAR0 + GGTT + self.address(page) // 512, 8, self.MEMORY + 4096 * min(page, self.DATA) | 1)
        for register, value in ((0x80, self.address(self.STATUS)), (0x29c, 0x80008000), (0xa8, 0)):
            vm.write(BAR0 + self.REGISTERS + register, 4, value)
        for register, value in ((0x44304, 0), (0x4430c, self.USER_INTERRUPT), (0x44200, 1 << 31)):
            vm.write(BAR0 + register, 4, value)
        # The ring context, as i915 writes it (tests/ring_context.c): two MI_LOAD_REGISTER_IMM and their registers.
        for dword, value in ((0x01, 0x1100101b), (0x21, 0x11001011), (0x34, 0x05000000), (0x03, 0x10001),
                             (0x09, self.address(self.RING)), (0x0b, 1)):
            self.image(dword, value)
        for first, registers in ((0x02, (0x244, 0x34, 0x30, 0x38, 0x3c)), (0x22, (0x3a8,))):
            for n, register in enumerate(registers):
                self.image(first + 2 * n, self.REGISTERS + register)

    def address(self, page: int) -> int:
        return self.ggtt + 4096 * page

    def image(self, dword: int, value: int) -> None:
        self.vm.write(self.MEMORY + 4096 * (self.CONTEXT + 1) + 4 * dword, 4, value)

    def store(self, page: int, dwords: tuple[int, ...], first: int = 0) -> None:
        for n, dword in enumerate(dwords):
            self.vm.write(self.MEMORY + 4096 * page + 4 * (first + n), 4, dword)

    def execute(self, *dwords: int) -> None:
        self.store(self.RING, dwords, self.tail // 4)
        self.tail += 4 * len(dwords)
        self.image(0x07, self.tail)
        for value in (0, 0, 1, self.address(self.CONTEXT) | 0x119):
            self.vm.write(BAR0 + self.REGISTERS + 0x230, 4, value)

    def raise_interrupt(self) -> None:
        """Returns when it is pending; what the device made of it may still be on its way."""
        self.execute(0x02 << 23, 0)
        self.wait("its interrupt is not pending", lambda: self.vm.read(BAR0 + 0x44308, 4) & self.USER_INTERRUPT)

    def answer_interrupt(self) -> None:
        self.vm.write(BAR0 + 0x44308, 4, self.USER_INTERRUPT)

    def count(self) -> tuple[int, ...]:
        """MI_ATOMIC, one more: rounds()."""
        return (0x2f << 23 | 1 << 22 | 5 << 8 | 1, self.address(self.DATA), 0)

    def spin(self, then: tuple[int, ...] = ()) -> None:
        """A batch that counts and begins anew, until stop(); @then: what comes after it."""
        batch = self.address(self.BATCH)
        self.store(self.BATCH, (*self.count(), 0x31 << 23 | 1, batch, 0))
        self.execute(0x31 << 23 | 1, batch, 0, 0, *then)

    def end_batch(self) -> None:
        self.store(self.BATCH, (0x0a << 23,), 3)

    def stop(self) -> None:
        self.end_batch()
        self.wait("its batch does not end", lambda: not self.busy())

    def busy(self) -> bool:
        """RING_EXECLIST_STATUS: an element is valid, or the queue full."""
        return bool(self.vm.read(BAR0 + self.REGISTERS + 0x234, 4) & 7 << 2)

    def rounds(self) -> int:
        return self.vm.read(self.MEMORY + 4096 * self.DATA, 4)

    def rounds_meanwhile(self) -> set[int]:
        """What rounds() was while QEMU's main loop was in one command, and never let go of the big lock: a read through the aperture."""
        answer = self.vm.command(f"read {BAR2 + self.address(self.DATA):#x} {4096 * self.SAMPLES}")
        pages = bytes.fromhex(answer.removeprefix("0x"))
        return {int.from_bytes(pages[at:at + 4], "little") for at in range(0, len(pages), 4096)}

    def wait(self, otherwise: str, condition) -> None:
        deadline = time.monotonic() + self.TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, otherwise


class ConfigSpace(Base):
    def test_identity_is_that_of_the_platform(self) -> None:
        for platform, device in (("skl", 0x1912), ("bdw", 0x1616), ("kbl", 0x5912), ("cfl", 0x3e92)):
            with self.subTest(platform):
                vm = self.boot(["-object", f"igt-gpu,id=gpu0,platform={platform}", *VGPU[2:]])
                self.assertEqual(vm.config_read(0), device << 16 | 0x8086)
                self.assertEqual(vm.config_read(8) >> 8, 0x030000)
                self.assertEqual(vm.config_read(0x50, 2), 0xc0)

    def test_capabilities_stand_where_the_hardware_has_them(self) -> None:
        for machine in ("q35", "pc"):
            with self.subTest(machine):
                vm = self.boot(VGPU, machine)
                found, offset = {}, vm.config_read(0x34, 1)
                while offset:
                    found[offset] = vm.config_read(offset, 1)
                    offset = vm.config_read(offset + 1, 1)
                self.assertEqual(found, {0x70: 0x10, 0xac: 0x05, 0xd0: 0x01})

    def test_bars_have_the_hardware_sizes(self) -> None:
        vm = self.boot(VGPU)
        sizes = {}
        for offset in (0x10, 0x18, 0x20):
            vm.config_write(offset, 0xffffffff)
            sizes[offset] = vm.config_read(offset)
        self.assertEqual(sizes, {0x10: 0xff000004, 0x18: 0xf000000c, 0x20: 0xffffffc1})

    def test_the_aperture_can_be_larger_and_the_larger_types_fit(self) -> None:
        for size, bar, kind, share in (("512M", 0xe000000c, "GVTg_V5_2", 256), ("1G", 0xc000000c, "GVTg_V5_1", 512)):
            with self.subTest(size):
                vm = self.boot(["-object", f"igt-gpu,id=gpu0,aperture={size}", "-device", f"{VGPU[3]},vgpu-type={kind}"])
                vm.config_write(0x18, 0xffffffff)
                self.assertEqual(vm.config_read(0x18), bar)
                self.assertEqual(vm.stats()["partition"]["aperture_size"], share << 20)

    def test_power_state_can_be_set_and_msi_has_one_vector(self) -> None:
        vm = self.boot(VGPU)
        vm.config_write(0xd4, 3, 2)
        self.assertEqual(vm.config_read(0xd4, 2) & 3, 3)
        self.assertEqual(vm.config_read(0xae, 2) & 0x8e, 0)


class Vgpu(Base):
    def setUp(self) -> None:
        self.vm = self.boot(VGPU)
        self.vm.enable()

    def test_pvinfo_page_is_there_in_every_width(self) -> None:
        self.assertEqual(self.vm.read(BAR0 + PVINFO, 8), MAGIC)
        self.assertEqual(self.vm.read(BAR0 + PVINFO, 4), MAGIC & 0xffffffff)
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 8, 2), 1)
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 1, 1), MAGIC >> 8 & 0xff)

    def test_pvinfo_agrees_with_the_partition_of_the_statistics(self) -> None:
        partition = self.vm.stats()["partition"]
        for offset, key in ((0x40, "aperture_base"), (0x44, "aperture_size"), (0x48, "hidden_base"), (0x4c, "hidden_size")):
            self.assertEqual(self.vm.read(BAR0 + PVINFO + offset, 4), partition[key], key)
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 0x50, 4), self.vm.stats()["fences"])

    def test_pvinfo_can_be_overridden_at_run_time_and_restored(self) -> None:
        path = "/machine/peripheral/vgpu0"
        self.vm.set(path, "pvinfo", "version_major=7;fence_num=0;@0x10=0xdead")
        self.assertEqual(self.vm.get(path, "pvinfo"), "version_major=7;fence_num=0;@0x10=0xdead")
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 8, 2), 7)
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 0x50, 4), 0)
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 0x10, 4), 0xdead)
        self.vm.set(path, "pvinfo", "")
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 8, 2), 1)

    def test_a_bad_pvinfo_override_is_refused_and_changes_nothing(self) -> None:
        path = "/machine/peripheral/vgpu0"
        self.vm.set(path, "pvinfo", "version_major=7")
        for bad in ("nonsense=1", "magic", "fence_num=x", "@0x2000=1"):
            with self.subTest(bad), self.assertRaisesRegex(RuntimeError, r"vgpu0: pvinfo: "):
                self.vm.set(path, "pvinfo", bad)
        self.assertEqual(self.vm.get(path, "pvinfo"), "version_major=7")
        self.assertEqual(self.vm.read(BAR0 + PVINFO + 8, 2), 7)

    def test_ggtt_entries_inside_the_partition_hold_outside_they_count(self) -> None:
        index = self.vm.stats()["partition"]["aperture_base"] // 4096
        self.vm.write(BAR0 + GGTT + 8 * index, 8, 0x5003)
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8 * index, 8), 0x5003)
        before = self.vm.stats()["violations"]["ggtt"]
        self.vm.write(BAR0 + GGTT, 8, 0x5003)
        self.assertEqual(self.vm.stats()["violations"]["ggtt"], before + 1)

    def test_the_aperture_reaches_guest_memory_through_the_ggtt(self) -> None:
        base = self.vm.stats()["partition"]["aperture_base"]
        self.vm.write(0x100000, 8, 0x1122334455667788)
        self.vm.write(BAR0 + GGTT + base // 512, 8, 0x100000 | 3)
        self.assertEqual(self.vm.read(BAR2 + base, 8), 0x1122334455667788)
        self.assertEqual(self.vm.read(BAR2 + base + 1, 1), 0x77)
        self.vm.write(BAR2 + base + 4, 4, 0xcafef00d)
        self.assertEqual(self.vm.read(0x100000, 8), 0xcafef00d55667788)
        self.assertEqual(self.vm.stats()["aperture"]["accesses"], 3)

    def test_without_bus_mastering_there_is_no_dma(self) -> None:
        base = self.vm.stats()["partition"]["aperture_base"]
        self.vm.write(0x100000, 4, 0x12345678)
        self.vm.write(BAR0 + GGTT + base // 512, 8, 0x100000 | 3)
        self.assertEqual(self.vm.read(BAR2 + base, 4), 0x12345678)
        self.vm.config_write(4, 3, 2)
        self.assertNotEqual(self.vm.read(BAR2 + base, 4), 0x12345678)
        self.vm.write(BAR2 + base, 4, 0)
        self.vm.config_write(4, 7, 2)
        self.assertEqual(self.vm.read(BAR2 + base, 4), 0x12345678)

    def test_rom_cannot_be_written(self) -> None:
        base = self.vm.stats()["partition"]["aperture_base"]
        rom = self.vm.read(0xfffffff0, 8)
        self.vm.write(BAR0 + GGTT + base // 512, 8, 0xfffff000 | 3)
        self.assertEqual(self.vm.read(BAR2 + base + 0xff0, 8), rom)
        self.vm.write(BAR2 + base + 0xff0, 8, 0)
        self.assertEqual(self.vm.read(0xfffffff0, 8), rom)

    def test_page_tables_are_listed_from_any_root(self) -> None:
        path, root = "/machine/peripheral/vgpu0", 0x100000
        for table, index, entry in ((root, 1, 0x101000), (0x101000, 2, 0x102000), (0x102000, 3, 0x103000),
                                    (0x102000, 4, 0x40000000 | 1 << 7), (0x103000, 5, 0x7654000)):
            self.vm.write(table + 8 * index, 8, entry | 3)
        self.vm.write(0x103000 + 8 * 6, 8, 0x8000 | 1)
        base = 1 << 39 | 2 << 30
        self.assertEqual(self.vm.get(path, "ppgtt"), "[]")
        self.vm.set(path, "ppgtt", f"root={root},from={base:#x},to={base + (1 << 30):#x}")
        self.assertEqual(json.loads(self.vm.get(path, "ppgtt")),
                         [[base + (3 << 21) + 0x5000, 0x7654000, 4096, True], [base + (3 << 21) + 0x6000, 0x8000, 4096, False],
                          [base + (4 << 21), 0x40000000, 1 << 21, True]])
        self.vm.set(path, "ppgtt", f"root={root},from=0,to=4096")
        self.assertEqual(self.vm.get(path, "ppgtt"), "[]")

    def test_a_bad_question_about_page_tables_is_refused(self) -> None:
        path = "/machine/peripheral/vgpu0"
        for bad in ("", "root=0", "root=0,from=0", "root=0,from=1,to=1", "root=x,from=0,to=1", "root=0,from=0,to=1,", "from=0,to=1,root=0",
                    "root=0,from=0,to=0x100001000"):
            with self.subTest(bad), self.assertRaisesRegex(RuntimeError, r"vgpu0: ppgtt: "):
                self.vm.set(path, "ppgtt", bad)

    def test_traps_are_counted_and_reset(self) -> None:
        self.vm.set("/machine/peripheral/vgpu0", "stats-reset", True)
        self.vm.read(BAR0 + 0x44200, 4)
        self.vm.write(BAR0 + 0x44200, 4, 0)
        self.vm.read(BAR0 + PVINFO, 8)
        self.vm.read(BAR0 + GGTT, 8)
        stats = self.vm.stats()
        self.assertEqual(stats["mmio"]["by_register"], {"0x44200": {"name": "GEN8_MASTER_IRQ", "r": 1, "w": 1}})
        self.assertEqual((stats["mmio"]["reads"], stats["mmio"]["writes"]), (1, 1))
        self.assertEqual(stats["pvinfo"], {"reads": 1, "writes": 0})
        self.assertEqual(stats["ggtt"]["reads"], 1)
        self.vm.set("/machine/peripheral/vgpu0", "stats-reset", True)
        self.assertEqual(self.vm.stats()["mmio"]["reads"], 0)

    def test_the_io_bar_is_an_index_and_a_data_port(self) -> None:
        self.vm.command(f"outl {BAR4:#x} {PVINFO:#x}")
        self.assertEqual(int(self.vm.command(f"inl {BAR4 + 4:#x}"), 16), MAGIC & 0xffffffff)
        self.vm.command(f"outl {BAR4:#x} {GGTT:#x}")
        self.assertEqual(int(self.vm.command(f"inl {BAR4 + 4:#x}"), 16), 0)

    def test_a_misaligned_access_is_no_crash(self) -> None:
        for size in (2, 4, 8):
            self.vm.read(BAR0 + 0x44201, size)
            self.vm.write(BAR0 + 0x44201, size, 0xffff)
            self.vm.read(BAR0 + GGTT + 1, size)
            self.vm.write(BAR0 + GGTT + 1, size, 0xffff)
            self.vm.read(BAR2 + 1, size)
            self.vm.write(BAR2 + 1, size, 1)
        self.assertEqual(self.vm.read(BAR0 + PVINFO, 8), MAGIC)

    def test_a_bus_reset_clears_the_ggtt(self) -> None:
        index = self.vm.stats()["partition"]["aperture_base"] // 4096
        fresh = self.vm.read(BAR0 + GGTT + 8 * index, 8)
        self.vm.write(BAR0 + GGTT + 8 * index, 8, 0x5003)
        self.vm.system_reset()
        self.vm.enable()
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8 * index, 8), fresh)

    def test_a_reset_wakes_the_device_and_a_guest_that_slept_stays_known(self) -> None:
        ring_mode = 0x229c
        self.vm.read(BAR0 + PVINFO, 8)
        self.vm.config_write(0xd4, 3, 2)
        self.vm.system_reset()
        self.assertEqual(self.vm.config_read(0xd4, 2) & 3, 0)
        self.vm.enable()
        self.vm.write(BAR0 + ring_mode, 4, 0x80008000)
        self.assertEqual(self.vm.read(BAR0 + ring_mode, 4), 0x8000)
        # It is awake now: the next reset is one of a guest that has to introduce itself again.
        self.vm.system_reset()
        self.vm.enable()
        self.vm.write(BAR0 + ring_mode, 4, 0x80008000)
        self.assertEqual(self.vm.read(BAR0 + ring_mode, 4), 0)

    def test_a_function_level_reset_is_offered_and_clears_the_ggtt(self) -> None:
        self.assertEqual(self.vm.config_read(0x74) >> 28 & 1, 1)
        index = self.vm.stats()["partition"]["aperture_base"] // 4096
        fresh = self.vm.read(BAR0 + GGTT + 8 * index, 8)
        self.vm.write(BAR0 + GGTT + 8 * index, 8, 0x5003)
        self.vm.config_write(0x78, 1 << 15, 2)
        self.vm.enable()
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8 * index, 8), fresh)

    def test_the_machine_can_be_stopped_and_continued(self) -> None:
        for _ in range(5):
            self.vm.qmp("stop")
            self.assertEqual(self.vm.qmp("query-status")["running"], False)
            self.assertEqual(self.vm.read(BAR0 + PVINFO, 8), MAGIC)
            self.vm.qmp("cont")
        self.assertEqual(self.vm.close(), 0)

    def test_migration_is_refused_with_the_device_named(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "igt-pci-base"):
            self.vm.qmp("migrate", uri="exec:cat >/dev/null")


class TwoVgpus(Base):
    ARGS = [*VGPU, "-device", "igt-vgpu,gpu=gpu0,id=vgpu1,addr=03.0"]

    def test_partitions_are_disjoint(self) -> None:
        vm = self.boot(self.ARGS)
        a, b = (vm.stats(f"/machine/peripheral/vgpu{n}")["partition"] for n in (0, 1))
        for part in ("aperture", "hidden"):
            first, second = sorted(((p[f"{part}_base"], p[f"{part}_size"]) for p in (a, b)))
            self.assertLessEqual(first[0] + first[1], second[0], part)

    def test_each_has_its_own_pvinfo(self) -> None:
        vm = self.boot(self.ARGS)
        vm.enable()
        vm.enable(slot=3, base=0x2000000)
        vm.set("/machine/peripheral/vgpu1", "pvinfo", "version_minor=9")
        self.assertEqual(vm.read(BAR0 + PVINFO + 0xa, 2), 1)
        self.assertEqual(vm.read(BAR0 + 0x2000000 + PVINFO + 0xa, 2), 9)

    def test_gpu_statistics_list_both(self) -> None:
        vm = self.boot(self.ARGS)
        stats = json.loads(vm.get("/objects/gpu0", "stats"))
        self.assertEqual(sorted(stats["devices"]), ["vgpu0", "vgpu1"])
        self.assertEqual((stats["platform"], stats["use"]), ("skl", "mediator"))


class Bare(Base):
    def setUp(self) -> None:
        self.vm = self.boot(BARE)
        self.vm.enable()

    def test_there_is_no_pvinfo(self) -> None:
        for offset in range(0, 0x1000, 8):
            self.assertEqual(self.vm.read(BAR0 + PVINFO + offset, 8), 0, hex(offset))

    def test_ggtt_entries_hold_in_halves_and_have_no_domain_bits(self) -> None:
        self.vm.write(BAR0 + GGTT + 8, 8, 0xfff0_0000_0000_5003)
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8, 8) >> 52 & 0xff, 0)
        self.vm.write(BAR0 + GGTT + 8, 4, 0x6003)
        self.vm.write(BAR0 + GGTT + 12, 4, 1)
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8, 8), 0x1_0000_6003)

    def test_the_ggtt_outlives_s3_and_no_other_reset(self) -> None:
        """It is in the machine's memory. A device that sleeps at a reset was in S3; afterwards it is awake."""
        self.vm.write(BAR0 + GGTT + 8, 8, 0x5003)
        self.vm.config_write(0xd4, 3, 2)
        self.vm.system_reset()
        self.vm.enable()
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8, 8), 0x5003)
        self.vm.system_reset()
        self.vm.enable()
        self.assertEqual(self.vm.read(BAR0 + GGTT + 8, 8), 0)

    def test_pipes_are_fused_off_unless_asked_for(self) -> None:
        self.assertEqual(self.vm.read(BAR0 + 0x51000, 4) >> 30 & 1, 1)
        vm = self.boot([*BARE[:3], BARE[3] + ",display=on"])
        vm.enable()
        self.assertEqual(vm.read(BAR0 + 0x51000, 4) >> 30 & 1, 0)

    def test_the_whole_aperture_is_the_guests(self) -> None:
        self.vm.write(0x200000, 8, 0x1122334455667788)
        self.vm.write(BAR0 + GGTT + 8 * 0xffff, 8, 0x200003)
        self.assertEqual(self.vm.read(BAR2 + 0xffff000, 8), 0x1122334455667788)

    def test_traps_are_counted(self) -> None:
        self.vm.set("/machine/peripheral/pgpu0", "stats-reset", True)
        for _ in range(4):
            self.vm.write(BAR0 + 0x22230, 4, 0)
        stats = self.vm.stats("/machine/peripheral/pgpu0")
        self.assertEqual(stats["submissions"]["bcs0"], 1)
        self.assertEqual(stats["mmio"]["writes"], 4)


DEVICES = (("vgpu", VGPU), ("bare", BARE))


def id_of(args: list[str]) -> str:
    """What the GPU of DEVICES is called."""
    return re.search("id=([a-z0-9]+),addr", args[3])[1]


class Interrupts(Base):
    """One interrupt, on a vGPU and on the bare GPU. A message is a write: here to memory, where it is found."""

    CONTROL, ADDRESS, DATA = 0xae, 0xb0, 0xb4
    MESSAGE, WORD = 0x300000, 0x1234

    def start(self, args: list[str], msi: bool) -> Blitter:
        self.vm = self.boot(args)
        self.vm.enable()
        self.vm.config_write(self.ADDRESS, self.MESSAGE)
        self.vm.config_write(self.DATA, self.WORD, 2)
        self.use_msi(msi)
        return Blitter(self.vm)

    def use_msi(self, on: bool) -> None:
        self.vm.config_write(self.CONTROL, int(on), 2)

    def line(self) -> bool:
        return bool(self.vm.config_read(6, 2) & 1 << 3)

    def took_message(self) -> bool:
        if not self.vm.read(self.MESSAGE, 4):
            return False
        self.assertEqual(self.vm.read(self.MESSAGE, 4), self.WORD)
        self.vm.write(self.MESSAGE, 4, 0)
        return True

    def test_an_interrupt_is_a_level_without_msi_and_one_message_with_it(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                gpu = self.start(args, msi=False)
                gpu.raise_interrupt()
                gpu.wait("the line does not rise", self.line)
                self.assertFalse(self.took_message())
                gpu.answer_interrupt()
                self.assertFalse(self.line())
                self.use_msi(True)
                self.assertFalse(self.took_message(), "nothing was pending")
                gpu.raise_interrupt()
                gpu.wait("there is no message", self.took_message)
                self.assertFalse(self.line())
                gpu.answer_interrupt()
                self.use_msi(False)
                self.assertFalse(self.line(), "nothing was pending")

    def test_what_is_pending_when_msi_goes_on_is_sent_as_a_message(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                gpu = self.start(args, msi=False)
                gpu.raise_interrupt()
                gpu.wait("the line does not rise", self.line)
                self.use_msi(True)
                self.assertTrue(self.took_message())
                self.assertFalse(self.line())
                # What is said once more is no change.
                self.use_msi(True)
                self.assertFalse(self.took_message())

    def test_what_is_pending_when_msi_goes_off_raises_the_line(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                gpu = self.start(args, msi=True)
                gpu.raise_interrupt()
                gpu.wait("there is no message", self.took_message)
                self.use_msi(False)
                self.assertTrue(self.line())
                self.assertFalse(self.took_message())
                gpu.answer_interrupt()
                self.assertFalse(self.line())

    def test_a_message_that_resets_the_engine_that_raised_it_holds_nothing_up(self) -> None:
        """A guest may have its message written anywhere, with peer-to-peer DMA also to the GPU's own registers."""
        low, gdrst = 0xd000_0000, 0x941c        # the message's address has 32 bits
        for (name, args), delay in itertools.product(DEVICES, (0, 1000)):
            with self.subTest(name, delay=delay):
                vm = self.boot([args[0], f"{args[1]},engine-delay={delay}", *args[2:]])
                vm.enable()
                path = f"/machine/peripheral/{id_of(args)}"
                gpu = Blitter(vm)
                vm.config_write(self.ADDRESS, low + gdrst)
                vm.config_write(self.DATA, 1, 2)
                vm.config_write(self.CONTROL, 1, 2)
                # Once it spins, the first batch is ended; the message goes out amid the second one, which does not end.
                forever = gpu.address(gpu.BATCH) + 64
                gpu.store(gpu.BATCH, (*gpu.count(), 0x31 << 23 | 1, forever, 0), first=16)
                gpu.spin(then=(0x02 << 23, 0, 0x31 << 23 | 1, forever, 0, 0))
                vm.config_write(0x10, low)
                vm.config_write(0x14, 0)
                gpu.end_batch()
                vm.command(f"clock_step {delay}")
                gpu.wait("no message came", lambda: vm.stats(path)["irq"]["msi"])
                vm.enable()
                gpu.wait("it was not reset", lambda: not gpu.busy())
                self.assertEqual(vm.stats(path)["resets"]["full"], 1)
                self.assertEqual(vm.close(), 0)


class Execution(Base):
    """Commands execute without QEMU's big lock; igt_engine_run() ends QEMU if it finds it held."""

    def spinning(self, args: list[str]) -> tuple[Machine, Blitter]:
        """A machine whose blitter executes a batch that does not end by itself."""
        vm = self.boot(args)
        vm.enable()
        gpu = Blitter(vm)
        gpu.spin()
        return vm, gpu

    def test_registers_are_read_while_a_batch_executes(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.spinning(args)
                reads, seen = 0, set()
                deadline = time.monotonic() + gpu.TIMEOUT
                # 1000 reads that find it busy, and 1000 that find it further on.
                while reads < 1000 or len(seen) < 1000:
                    self.assertLess(time.monotonic(), deadline, f"{reads} reads, {len(seen)} times it went on")
                    self.assertTrue(gpu.busy(), "it is idle")
                    reads += 1
                    seen.add(gpu.rounds())
                self.assertTrue(vm.qmp("query-status")["running"])
                gpu.stop()
                self.assertEqual(vm.close(), 0)

    def test_a_batch_executes_while_the_main_loop_has_the_big_lock(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                _, gpu = self.spinning(args)
                gpu.wait("it stands still meanwhile", lambda: len(gpu.rounds_meanwhile()) > 1)
                gpu.stop()

    def test_qemu_ends_while_a_batch_executes(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.spinning(args)
                gpu.wait("its batch does not begin", gpu.rounds)
                self.assertEqual(vm.close(), 0)


class InTheGuestsTime(Base):
    """engine-delay: engines without threads. The clock of a machine without vCPU stands still until the test moves it."""

    DELAY = 1000

    def clocked(self, args: list[str], machine: str = "q35") -> tuple[Machine, Blitter]:
        vm = self.boot([args[0], f"{args[1]},engine-delay={self.DELAY}", *args[2:]], machine)
        vm.enable()
        return vm, Blitter(vm)

    def test_an_engine_executes_when_its_time_has_come_and_not_before(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.clocked(args)
                # MI_STORE_DATA_IMM to the status page, then MI_USER_INTERRUPT.
                address = gpu.address(gpu.STATUS) + 0x800
                gpu.execute(0x20 << 23 | 1 << 22 | 2, address, 0, 42, 0x02 << 23, 0)
                time.sleep(0.2)         # a thread would have done it by then
                vm.command(f"clock_step {self.DELAY - 1}")
                self.assertEqual(vm.read(gpu.MEMORY + 0x800, 4), 0)
                self.assertTrue(gpu.busy())
                vm.command("clock_step 1")
                self.assertEqual(vm.read(gpu.MEMORY + 0x800, 4), 42)
                self.assertTrue(vm.read(BAR0 + 0x44308, 4) & gpu.USER_INTERRUPT)
                self.assertEqual(vm.close(), 0)

    def test_the_delay_cannot_change_under_a_device(self) -> None:
        vm, _ = self.clocked(VGPU)
        with self.assertRaisesRegex(RuntimeError, "engine-delay of gpu 'gpu0' cannot change once a device uses it"):
            vm.set("/objects/gpu0", "engine-delay", 0)
        self.assertEqual(vm.get("/objects/gpu0", "engine-delay"), self.DELAY)

    def test_what_does_not_end_is_executed_in_slices(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.clocked(args)
                gpu.spin()
                seen = [0]
                for _ in range(5):
                    vm.command(f"clock_step {self.DELAY}")
                    seen.append(gpu.rounds())
                self.assertEqual(sorted(set(seen)), seen, "rounds after each step")
                self.assertEqual(len({b - a for a, b in zip(seen[1:], seen[2:])}), 1, f"slices differ: {seen}")
                gpu.end_batch()
                vm.command(f"clock_step {self.DELAY}")
                self.assertFalse(gpu.busy())
                self.assertEqual(vm.close(), 0)

    def test_a_reset_ends_what_is_to_come(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.clocked(args)
                gpu.spin()
                vm.command(f"clock_step {self.DELAY}")
                rounds = gpu.rounds()
                self.assertTrue(rounds)
                vm.system_reset()
                vm.enable()
                vm.command(f"clock_step {10 * self.DELAY}")
                self.assertEqual(gpu.rounds(), rounds)
                self.assertFalse(gpu.busy())
                self.assertEqual(vm.close(), 0)

    def test_a_device_that_goes_takes_what_executes_along(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.clocked(args, "pc")
                gpu.spin()
                vm.command(f"clock_step {self.DELAY}")
                rounds = gpu.rounds()
                self.assertTrue(rounds)
                vm.unplug(id_of(args), slot=2)
                vm.command(f"clock_step {10 * self.DELAY}")
                self.assertEqual(gpu.rounds(), rounds)
                self.assertEqual(vm.close(), 0)

    def test_a_machine_that_is_stopped_executes_nothing(self) -> None:
        for name, args in DEVICES:
            with self.subTest(name):
                vm, gpu = self.clocked(args)
                gpu.spin()
                vm.command(f"clock_step {self.DELAY}")
                before = gpu.rounds()
                self.assertTrue(before)
                vm.qmp("stop")
                vm.command(f"clock_step {10 * self.DELAY}")
                self.assertEqual(gpu.rounds(), before)
                vm.qmp("cont")
                vm.command(f"clock_step {self.DELAY}")
                gpu.wait("it does not go on", lambda: gpu.rounds() > before)
                self.assertEqual(vm.close(), 0)


class Errors(unittest.TestCase):
    """Each refusal names the device or object, the value and what to do."""

    ROWS = (
        ("no gpu", ["-device", "igt-vgpu,id=v"], r"property gpu is missing: add -object igt-gpu"),
        ("a gpu that is not there", ["-device", "igt-vgpu,gpu=nope"], r"nope"),
        ("an unknown platform", ["-object", "igt-gpu,id=gpu0,platform=voodoo"], r"platform 'voodoo' is unknown: use skl"),
        ("an odd aperture", ["-object", "igt-gpu,id=gpu0,aperture=300M"], r"aperture=314572800: use 256M, 512M or 1G"),
        ("a delay that is too long", ["-object", "igt-gpu,id=gpu0,engine-delay=2000000000"],
         r"engine-delay=2000000000: a second \(1000000000\) at most"),
        ("a type that is too large", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,vgpu-type=GVTg_V5_1"],
         r"v: type=GVTg_V5_1 needs 512 MiB of aperture"),
        ("a weight that is too large", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,weight=17"],
         r"v: weight=17: it can be 1 to 16"),
        ("an unknown type", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,vgpu-type=GVTg_V9_9"], r"v: .*GVTg_V9_9"),
        ("type and partition", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,vgpu-type=GVTg_V5_4,fences=2"],
         r"v: vgpu-type=GVTg_V5_4 excludes"),
        ("type and fence-base", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,vgpu-type=GVTg_V5_4,fence-base=2"],
         r"v: vgpu-type=GVTg_V5_4 excludes"),
        ("everything and a partition", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,whole-ggtt=on,aperture-size=64M"],
         r"v: whole-ggtt=on excludes"),
        ("too many fences", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,fences=33"], r"fences=33: the GPU has 32"),
        ("a misaligned partition",
         [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,aperture-base=1,aperture-size=64M,hidden-base=256M,hidden-size=64M,fences=4"],
         r"v: "),
        ("overlapping partitions",
         [*VGPU, "-device", "igt-vgpu,gpu=gpu0,id=v,aperture-base=0,aperture-size=256M,hidden-base=256M,hidden-size=1G"], r"v: "),
        ("a bad pvinfo", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,pvinfo=bogus=1"], r"v: pvinfo: .*bogus"),
        ("an unknown abi", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,abi=2.0"], r"v: abi=2.0: there are 1.0 and 1.1"),
        ("a bad channel fault", [*VGPU[:2], "-device", "igt-vgpu,gpu=gpu0,id=v,channel-fault=bogus"],
         r"v: channel-fault: 'bogus' is none of"),
        ("vGPU on a bare GPU", [*BARE, "-device", "igt-vgpu,gpu=gpu0,id=v"], r"'gpu0' is in use as bare metal"),
        ("bare GPU under a mediator", [*VGPU, "-device", "igt-gpu-pci,gpu=gpu0,id=p"], r"'gpu0' is in use already"),
        ("two on one bare GPU", [*BARE, "-device", "igt-gpu-pci,gpu=gpu0,id=p"], r"'gpu0' is in use already \(by pgpu0\)"),
    )

    def test_refusals(self) -> None:
        for name, args, pattern in self.ROWS:
            with self.subTest(name):
                self.assertRegex(refusal(args), pattern)

    def test_the_abi_and_the_features_can_be_chosen(self) -> None:
        for extra, minor, caps, features in (("", 1, 0x5c, 3), (",abi=1.1", 1, 0x5c, 3), (",abi=1.0", 0, 0x1c, 0),
                                             (",features=2", 1, 0x5c, 2), (",features=0", 1, 0x5c, 0)):
            with self.subTest(extra):
                vm = Machine([*VGPU[:3], VGPU[3] + extra])
                self.addCleanup(vm.close)
                vm.enable()
                self.assertEqual(vm.read(BAR0 + PVINFO + 10, 2), minor)
                self.assertEqual(vm.read(BAR0 + PVINFO + 16, 4), caps)
                self.assertEqual(vm.read(BAR0 + PVINFO + 0x60, 4), features)

    def test_a_channel_fault_can_be_set_at_run_time(self) -> None:
        vm = Machine(VGPU)
        self.addCleanup(vm.close)
        path = "/machine/peripheral/vgpu0"
        vm.set(path, "channel-fault", "drop=3")
        with self.assertRaisesRegex(RuntimeError, "vgpu0: channel-fault: 'nonsense' is none of"):
            vm.set(path, "channel-fault", "nonsense")
        self.assertEqual(vm.get(path, "channel-fault"), "drop=3")
        vm.set(path, "channel-fault", "")
        self.assertEqual(vm.get(path, "channel-fault"), "")

    def test_a_timeline_that_is_off_cannot_be_dumped(self) -> None:
        vm = Machine(VGPU)
        self.addCleanup(vm.close)
        with self.assertRaisesRegex(RuntimeError, "has no timeline: start QEMU with .*trace=on"):
            vm.set("/objects/gpu0", "trace-dump", "/tmp/x")


class Files(Base):
    def test_statistics_are_written_at_exit(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            vm = Machine([*VGPU[:3], f"igt-vgpu,gpu=gpu0,id=vgpu0,addr=02.0,stats-file={folder}/s.json"])
            vm.enable()
            vm.read(BAR0 + 0x44200, 4)
            self.assertEqual(vm.close(), 0)
            stats = json.loads(pathlib.Path(folder, "s.json").read_text())
            self.assertEqual(stats["mmio"]["by_register"]["0x44200"]["r"], 1)

    def test_the_timeline_shows_traps_by_device(self) -> None:
        vm = self.boot(["-object", "igt-gpu,id=gpu0,trace=on", *VGPU[2:]])
        vm.enable()
        vm.write(BAR0 + 0x44200, 4, 0)
        with tempfile.TemporaryDirectory() as folder:
            vm.set("/objects/gpu0", "trace-dump", f"{folder}/t.json")
            trace = json.loads(pathlib.Path(folder, "t.json").read_text())
        names = {e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"}
        spans = [(names[e["pid"]], e["name"], e["args"]["value"]) for e in trace["traceEvents"] if e["ph"] == "X"]
        self.assertIn(("vgpu0", "write GEN8_MASTER_IRQ", "0x0"), spans)
        self.assertEqual(names[1], "gpu0")
        with self.assertRaisesRegex(RuntimeError, "cannot open trace file '/nonexistent/t'"):
            vm.set("/objects/gpu0", "trace-dump", "/nonexistent/t")

    def test_a_vgpu_can_be_unplugged_and_its_share_taken_again(self) -> None:
        vm = self.boot(VGPU[:2], "pc")
        for _ in range(3):
            vm.qmp("device_add", driver="igt-vgpu", gpu="gpu0", id="hot", addr="05.0", **{"vgpu-type": "GVTg_V5_4"})
            # It still reaches the guest's memory when it goes.
            vm.config_write(4, 6, size=2, slot=5)
            vm.unplug("hot", slot=5)
        # What was freed on the way out was freed once.
        time.sleep(0.1)
        self.assertEqual(vm.close(), 0)


def main() -> int:
    global QEMU
    names, args = [], sys.argv[1:]
    while args:
        if args[0] == "-k":
            names.append(args[1])
            args = args[2:]
        else:
            QEMU = args.pop(0)
    if not os.access(QEMU, os.X_OK):
        print(f"{QEMU} is not there: build it with tools/igt-vgpu/setup/qemu-build")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    loader = unittest.TestLoader()
    if names:
        loader.testNamePatterns = [f"*{name}*" for name in names]
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=2 if names else 1).run(suite)
    bad = {str(test).split(" (")[0] for test, _ in (*result.failures, *result.errors)}
    skipped = len(result.skipped)
    print(f"{result.testsRun - len(bad) - skipped} passed, {len(bad)} failed, {skipped} skipped")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
