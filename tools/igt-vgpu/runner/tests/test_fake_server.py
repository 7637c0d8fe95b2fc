# SPDX-License-Identifier: MIT
"""HOST=vfio-user: how a VM gets a server's vGPU, what is refused, and a server that does not start."""

from __future__ import annotations

import socket
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from igtvgpu import paths  # noqa: E402
from igtvgpu.cli import UsageError, check_host  # noqa: E402
from igtvgpu.server import Server  # noqa: E402
from igtvgpu.spec import NATIVE, NO_GPU, TWO_VGPUS, VGPU, Gpu, SpecError, Vgpu, VmSpec  # noqa: E402
from igtvgpu.vm import VmError  # noqa: E402


class Spec(unittest.TestCase):
    """From HOST= to QEMU's arguments."""

    def test_the_guests_memory_is_shared_and_each_device_has_its_socket(self):
        args = TWO_VGPUS.gpu_args("vfio-user:/a,/b")
        self.assertIn("memory-backend-memfd,id=ram,size=2G,share=on", args)
        self.assertIn("memory-backend=ram", args)
        self.assertIn("igt-vfio-user,socket=/a,id=vgpu0,addr=02.0", args)
        self.assertIn("igt-vfio-user,socket=/b,id=vgpu1,addr=03.0", args)
        self.assertFalse([a for a in args if a.startswith("igt-gpu")])

    def test_a_vm_without_a_gpu_needs_no_server(self):
        self.assertEqual(NO_GPU.gpu_args("vfio-user:/a"), [])

    def test_what_the_server_decides_cannot_be_asked_for(self):
        for spec, reason in ((TWO_VGPUS, "needs 2 vGPUs; HOST=vfio-user:/a has 1"), (NATIVE, "bare GPU"),
                             (VmSpec(devices=(Vgpu(type="GVTg_V5_4"),)), "certain type"),
                             (VmSpec(devices=(Vgpu(weight=3),)), "partition"),
                             (VmSpec(gpus=(Gpu(engine_delay=1),)), "guest's own time; those of HOST=vfio-user:/a have threads"), (VmSpec(devices=(Vgpu(abi="1.0"),)), "PVINFO")):
            with self.subTest(reason), self.assertRaisesRegex(SpecError, reason):
                spec.gpu_args("vfio-user:/a")

    def test_a_share_has_the_same_names_in_the_server_and_in_qemu(self):
        vgpu = Vgpu("a", type="", aperture_base=0, aperture_size=4096, fences=3, weight=5, abi="1.0", pvinfo="magic=1;fence_num=2")
        theirs, ours = vgpu.server_args("/s")[1].split(","), vgpu.qemu_args()[1].split(",")
        self.assertEqual(theirs[2:], ours[4:])
        self.assertEqual(theirs[:2], ["name=a", "socket=/s"])


class Host(unittest.TestCase):
    """The command line refuses what cannot work, with the way out."""

    def test_a_socket_that_is_not_there_is_explained(self):
        with self.assertRaisesRegex(UsageError, "no socket /nonexistent: start 'make server'"):
            check_host("vfio-user:/nonexistent")
        with self.assertRaisesRegex(UsageError, "it is 'software'"):
            check_host("vfio-user")

    def test_a_socket_is_accepted(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{folder}/s")
            check_host(f"vfio-user:{folder}/s")


class Process(unittest.TestCase):
    """A server that does not start is an error that says why."""

    def start(self, program: Path) -> Server:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with mock.patch.object(paths, "SERVER", program), Server(VGPU.devices, Path(folder.name, "log")) as server:
            return server

    def test_one_that_is_not_there(self):
        with self.assertRaisesRegex(VmError, "run 'make -C tools/igt-vgpu/mediator server'"):
            self.start(Path("/nonexistent"))

    def test_one_that_refuses_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "server")
            program.write_text("#!/bin/sh\necho it will not do >&2\nexit 1\n")
            program.chmod(0o755)
            with self.assertRaisesRegex(VmError, "did not start: it will not do"):
                self.start(program)


if __name__ == "__main__":
    unittest.main()
