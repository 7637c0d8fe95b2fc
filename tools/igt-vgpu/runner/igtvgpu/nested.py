# SPDX-License-Identifier: MIT
"""HOST=kvmgt: a guest (L2) on a vGPU of the real GVT-g, which runs in another guest (L1) on the bare GPU in software.

L1 is an ordinary VM of this runner with stock 6.12 and kvmgt, or with HOST=kvmgt:series those of the tree with the series. In it runs
the same QEMU, on L1's KVM, and has L2. Console, agent and QMP of L2's QEMU are ports of L1, so its ends here are three sockets as with
any VM, and all that works on a VM works on L2. L1's kernel log is part of L2's, each line with "L1: " before it: what the real mediator
complains of fails the test that ran.
"""

from __future__ import annotations

import shlex
import socket
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import paths, splat, tsc
from .agent import AgentError, Job
from .spec import HOST_KVMGT, HOST_SOFTWARE, NativeGpu, Vgpu, VmSpec, host_kind, type_on
from .suite import Allow
from .vm import VM, Frozen, KmsgLine, VmConfig, VmError

KERNELS = {HOST_KVMGT: "kvmgt", f"{HOST_KVMGT}:series": "kvmgt-series"}       # of L1, by HOST=
PORTS = ("l2-console", "l2-agent", "l2-qmp")
DRIVER_TIMEOUT = 60
# A share of the GGTT that fits as often as asked for (gvt/vgpu.c: 128 or 64 MiB of the aperture, of which L1 keeps the other half).
TYPES = {1: "GVTg_V5_4", 2: "GVTg_V5_8"}
GPU = "/sys/bus/pci/devices/0000:00:02.0"

# With the features of TCG's "max" the sizes of XSAVE are wrong in L2; a clock of KVM's own stands still at times. An access to
# the APIC or its timer is cheaper as an MSR than as memory, which L1 has to decode.
CPU = "qemu64,+rdrand,-svm,+x2apic,+tsc-deadline,kvmclock=off"
# The locking validator has its say in all other guests, which are not as slow.
OPTIONS = "lockdep.prove_locking=0"

KNOWN_SPLATS = (
    Allow(r"sagv\.status == I915_SAGV_UNKNOWN|skl_wm_init|Failed to (disable|enable) SAGV",
          "kvmgt answers the pcode command about SAGV with nothing (gvt/handlers.c), and its pipes are not fused off"),
)
KNOWN_SPLATS_OF_BROADWELL = (
    Allow(r"RPM (raw-wakeref|wakelock ref) not held|intel_runtime_pm\.h:\d+ fwtable_read32",
          "L1's kvmgt reads the first values of all registers (gvt/intel_gvt.c) without a wakeref; on the others the driver holds one for "
          "want of DMC firmware"),
    Allow(r"vblank wait timed out|drm_wait_one_vblank|flip_done timed out|commit wait timed out",
          "kvmgt shows the pipe of a new vGPU as running (gvt/display.c), but its vblanks only begin when the guest writes TRANSCONF; a Broadwell's "
          "driver waits for one in its first commit (IPS). The same was reported from a real Broadwell (intel/gvt-linux issue 222)"),
)


# Where the threads of L2's QEMU and of kvmgt are in L1's kernel.
_STACKS = ("for t in /proc/[0-9]*/task/*; do read -r name < $t/comm; "
           "case $name in qemu*|CPU*|gvt*|workload*) echo $t $name; cat $t/stack;; esac; done")


def _prepare(mdevs: list[tuple[str, str]]) -> str:
    """What L1 does before L2 can be: KVM, the driver as a host, kvmgt, the vGPUs, names for the ports."""
    load = f"modprobe -d {paths.GUEST_MODULES}"
    lines = ["set -e", f"if grep -qw svm /proc/cpuinfo; then {load} kvm_amd; else {load} kvm_intel; fi",
             f"{load} i915 enable_gvt=1", f"{load} kvmgt",
             f"test -d {GPU}/mdev_supported_types || {{ echo kvmgt offers no vGPU types, its lines above; exit 1; }}",
             *(f"echo {ident} > {GPU}/mdev_supported_types/i915-{kind}/create" for ident, kind in mdevs),
             "mkdir -p /run/igt-vgpu/ports",
             "for port in /sys/class/virtio-ports/*; do read -r name < $port/name; "
             "ln -sf /dev/${port##*/} /run/igt-vgpu/ports/$name; done"]
    return "\n".join(lines)


class NestedVM(VM):
    """L2, and the L1 around it."""

    # A byte on the serial port is two exits to QEMU in L1: the log of a boot would take half a minute.
    CONSOLE = (("-device", "virtconsole,bus=vser.0,chardev=con"), "console=hvc0")
    known_splats = KNOWN_SPLATS

    def __init__(self, spec: VmSpec, config: VmConfig, name: str = "vm") -> None:
        super().__init__(spec, config, name)
        gpus = spec.gpus or VmSpec().gpus
        self._mdevs = [(str(uuid.uuid4()), type_on(d.type or TYPES.get(len(spec.devices), "GVTg_V5_8"), gpus[0].platform))
                       for d in spec.devices if isinstance(d, Vgpu)]
        if gpus[0].platform == "bdw":
            self.known_splats = (*self.known_splats, *KNOWN_SPLATS_OF_BROADWELL)
        self._l1 = VM(VmSpec(gpus=gpus, devices=(NativeGpu(display=True),), kernel=KERNELS[config.host], memory="4G",
                              qemu_args=("-d", "cpu_reset")),       # so that QEMU's log has the triple faults
                      replace(config, host=HOST_SOFTWARE), f"{name}-l1")
        self._l1.listener = self._hear
        self._job: Job | None = None
        self._qemu_log: Any = None

    @property
    def l1(self) -> VM:
        """The guest that is L2's host."""
        return self._l1

    def _hear(self, line: KmsgLine) -> None:
        self.add_line(KmsgLine(line.time, f"L1: {line.text}", line.host))

    # --- QEMU in L1 --------------------------------------------------------------------------------

    def _seen(self, path: Path) -> Path:
        return Path(paths.guest_path(path))

    def _accelerator(self) -> list[str]:
        return ["-accel", "kvm", "-cpu", CPU]

    def _kernel_options(self) -> str:
        return OPTIONS if self.config.accel == "kvm" else f"{tsc.kernel_option()} {OPTIONS}"

    def _gpus(self) -> list[str]:
        return self.spec.vfio_args([ident for ident, _ in self._mdevs], self.config.host)

    def _launch(self, sockets: list[socket.socket]) -> None:
        argv = self.command_line([f"pipe,path=/run/igt-vgpu/ports/igt-vgpu.{name}" for name in PORTS])
        self._l1.ports = dict(zip(PORTS, sockets))
        self._l1.boot()
        done = self._l1.run(_prepare(self._mdevs), 60)
        if not done.ok:
            raise self._no_boot(f"L1 cannot have a vGPU: {done.why()}; its kernel log is in {self._l1.log_path}")
        self._qemu_log = self.qemu_log_path.open("wb", buffering=0)
        self._qemu_log.write(f"# in L1: {shlex.join(argv)}\n".encode())
        self._job = self._l1.spawn(f"exec {shlex.join(argv)}", self._qemu_log.write)

    def boot(self) -> VM:
        """L1, its vGPU, L2 and L2's driver. Frozen if L2 stands still though L1 is well."""
        try:
            super().boot()
            probe = self.modprobe_i915(timeout=DRIVER_TIMEOUT) if self.spec.has_gpu else None
            if probe and probe.timed_out:
                raise self._no_boot(f"i915 did not probe within {probe.seconds:.0f} s")
        except (VmError, AgentError):
            self.kill()
            raise
        return self

    def frozen(self) -> str | None:
        """Whether one of L1 and L2 stands still or was reset, and nobody panicked before."""
        if any("Kernel panic" in line.text for line in self.kmsg()):
            return None
        if self._l1.was_reset():
            return "L1 was reset by a triple fault" if "Triple fault" in self._l1.qemu_log() else "L1 was reset"
        if self._l1.broken() is not None:
            return None
        if not self._l1.responds():
            return "L1 stands still" if self._describe_l1() else None
        if self.was_reset():
            return "L2 was reset"
        stalled = next((s for s in splat.find(line.text for line in self.kmsg()) if s.kind in splat.STALLS), None)
        if not self._runs() or not stalled and self.responds():
            return None
        self._describe_freeze()
        return f"L2 stands still ({stalled})" if stalled else "L2 stands still"

    def _no_boot(self, reason: str) -> VmError:
        frozen = self.frozen()
        error = super()._no_boot(reason)
        return Frozen(f"{frozen}: {error}") if frozen else error

    def _describe_l1(self) -> bool:
        """Where L1 stands, twice, to the log of L2's QEMU; False if that QEMU, and so our device in it, stands still itself."""
        try:
            said = [self._l1.qmp("human-monitor-command", timeout=10, command_line="info registers -a") for _ in range(2)]
        except VmError:
            return False
        with self.qemu_log_path.open("a") as log:
            log.writelines(f"--- frozen: L1, info registers\n{registers}" for registers in said)
        return True

    def _describe_freeze(self) -> None:
        """Where L2 and those who serve it stand, twice, and what L1 counted meanwhile, to the log of L2's QEMU."""
        for _ in range(2):
            for command in ("info registers -a", "info lapic 0", "info lapic 1"):
                try:
                    said = self.qmp("human-monitor-command", timeout=10, command_line=command)
                except VmError as error:
                    said = f"{error}\n"
                self._qemu_log.write(f"--- frozen: {command}\n{said}".encode())
            counted = self._l1.run(f"{_STACKS}; cat /proc/interrupts; cd /sys/kernel/debug/kvm && grep -s . *-*/* *-*/vcpu*/*", 10).out
            self._qemu_log.write(f"--- frozen: L1\n{counted}".encode())

    # --- state -------------------------------------------------------------------------------------

    def _started(self) -> bool:
        return self._job is not None

    def _status(self) -> int | None:
        if self._job is None or self._job.running:
            return None
        return -9 if self._job.rc is None else self._job.rc

    def _ends_within(self, timeout: float) -> bool:
        assert self._job
        return not self._job.wait(timeout).timed_out

    def broken(self) -> str | None:
        return super().broken() if self._l1.broken() is None or self._ended_by_us else f"L1: {self._l1.broken()}"

    def power_off(self, timeout: float = 40) -> bool:
        return super().power_off(timeout) and self._l1.power_off()

    def kill(self) -> None:
        self._ended_by_us = True
        self._l1.kill()
        if self._qemu_log:
            self._qemu_log.close()


def make_vm(spec: VmSpec, config: VmConfig, name: str) -> VM:
    """The kind of VM that this host has."""
    return (NestedVM if host_kind(config.host) == HOST_KVMGT else VM)(spec, config, name)
