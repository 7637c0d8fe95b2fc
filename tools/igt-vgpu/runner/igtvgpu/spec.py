# SPDX-License-Identifier: MIT
"""What a VM consists of, as frozen values: tests with equal specs share one VM. Turns it into QEMU arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Sequence

HOST_SOFTWARE = "software"      # our mediator
HOST_KVMGT = "kvmgt"            # the real GVT-g on our GPU, in a guest (nested.py); kvmgt:series: that of the tree with the series
HOST_SERVER = "vfio-user"       # our mediator in a server of its own; its sockets follow: vfio-user:SOCKET[,SOCKET]


def host_kind(host: str) -> str:
    """`software`, `kvmgt`, `vfio-user` or `gvt-g`, without what follows."""
    return host.partition(":")[0]


def on_hardware(host: str) -> bool:
    """Is it a GVT-g of this machine's own GPU?"""
    return host_kind(host) not in (HOST_SOFTWARE, HOST_KVMGT, HOST_SERVER)


class SpecError(Exception):
    """The asked-for VM cannot be built on this host; the text says why."""


@dataclass(frozen=True)
class Gpu:
    """One physical GPU in software (`-object igt-gpu`).

    `engine_delay`: its engines have no threads, but execute so many ns of the guest's clock after they were kicked; with a VM's
    count_instructions, so many instructions after."""

    id: str = "gpu0"
    platform: str = "skl"
    trace: bool = False
    aperture: str = ""
    engine_delay: int = 0

    def qemu_args(self) -> list[str]:
        trace = ",trace=on" if self.trace else ""
        aperture = f",aperture={self.aperture}" if self.aperture else ""
        delay = f",engine-delay={self.engine_delay}" if self.engine_delay else ""
        return ["-object", f"igt-gpu,id={self.id},platform={self.platform}{aperture}{trace}{delay}"]


@dataclass(frozen=True)
class Vgpu:
    """A vGPU (`-device igt-vgpu`): of a type, or with an explicit partition (bytes), or the mediator's default.

    `any_share`: where the partition cannot be had (a real GVT-g), another one of about that size does as well."""

    id: str = "vgpu0"
    addr: str = "02.0"
    gpu: str = "gpu0"
    type: str = ""
    pvinfo: str = ""
    aperture_base: int | None = None
    aperture_size: int | None = None
    hidden_base: int | None = None
    hidden_size: int | None = None
    fences: int | None = None
    weight: int | None = None
    abi: str = ""
    any_share: bool = False

    @property
    def bdf(self) -> str:
        """Its name on the guest's PCI bus."""
        return f"0000:00:{self.addr}"

    def share(self) -> list[str]:
        """Its share of the GPU as options, which the QEMU device and the server have by the same names."""
        options = []
        for name in ("aperture_base", "aperture_size", "hidden_base", "hidden_size", "fences", "weight"):
            value = getattr(self, name)
            if value is not None:
                options.append(f"{name.replace('_', '-')}={value}")
        if self.abi:
            options.append(f"abi={self.abi}")
        return options

    def qemu_args(self) -> list[str]:
        options = [f"igt-vgpu,gpu={self.gpu},id={self.id},addr={self.addr}"]
        if self.type:
            options.append(f"vgpu-type={self.type}")
        options += self.share()
        if self.pvinfo:
            options.append(f"pvinfo={self.pvinfo.replace(',', ',,')}")
        return ["-device", ",".join(options)]

    def server_args(self, socket: str) -> list[str]:
        """The same as a vGPU of igt-vgpu-server."""
        options = [f"name={self.id}", f"socket={socket}", *([f"type={self.type}"] if self.type else []), *self.share(),
                   *([f"pvinfo={self.pvinfo}"] if self.pvinfo else [])]
        return ["--vgpu", ",".join(options)]


@dataclass(frozen=True)
class NativeGpu:
    """The bare GPU (`-device igt-gpu-pci`): no mediator between it and the guest."""

    id: str = "pgpu0"
    addr: str = "02.0"
    gpu: str = "gpu0"
    display: bool = False

    @property
    def bdf(self) -> str:
        return f"0000:00:{self.addr}"

    def qemu_args(self) -> list[str]:
        display = ",display=on" if self.display else ""
        return ["-device", f"igt-gpu-pci,gpu={self.gpu},id={self.id},addr={self.addr}{display}"]


@dataclass(frozen=True)
class VmSpec:
    """A whole guest. `kernel`: "" (what the command line says), a name of kernel-build's, "kvmgt", or a path.

    `count_instructions`: the guest's clocks advance by 1 ns for each instruction of its CPUs, and by nothing while they wait for
    the GPU, so a time that a guest takes says how much the CPUs had to do, however busy the host is. Never with KVM."""

    gpus: tuple[Gpu, ...] = (Gpu(),)
    devices: tuple[Vgpu | NativeGpu, ...] = (Vgpu(),)
    kernel: str = ""
    smp: int = 2
    memory: str = "2G"
    machine: str = "q35"
    cmdline: str = ""
    qemu_args: tuple[str, ...] = ()
    count_instructions: bool = False
    boot_timeout: float = 60

    @property
    def has_gpu(self) -> bool:
        return bool(self.devices)

    def describe(self) -> str:
        """A few words for a heading."""
        names = [f"{'native GPU' if isinstance(d, NativeGpu) else 'vGPU ' + (d.type or d.id)} at {d.addr}"
                 for d in self.devices]
        platform = "+".join(sorted({g.platform for g in self.gpus})) if self.devices else ""
        extra = [self.kernel] if self.kernel else []
        extra += [self.cmdline] if self.cmdline else []
        return ", ".join([*(names or ["no GPU"]), *([platform] if platform else []), *extra])

    def gpu_args(self, host: str) -> list[str]:
        """The QEMU arguments that put the GPUs in, for the host `software`, `vfio-user:SOCKET[,...]` or `gvt-g:UUID[,...]`."""
        if not self.devices:
            return []
        if host == HOST_SOFTWARE:
            return [a for part in (*self.gpus, *self.devices) for a in part.qemu_args()]
        names = host.partition(":")[2].split(",")
        if any(d.type for d in self.devices if isinstance(d, Vgpu)):
            raise SpecError(f"needs a vGPU of a certain type; HOST={host} names those that there are")
        return self.server_args(names, host) if host_kind(host) == HOST_SERVER else self.vfio_args(names, host)

    def vfio_args(self, uuids: Sequence[str], host: str) -> list[str]:
        """The QEMU arguments for these mdevs of a real GVT-g as the GPUs."""
        return [a for d, uuid in self._given(uuids, host) for a in
                ("-device", f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{uuid},id={d.id},addr={d.addr}")]

    def server_args(self, sockets: Sequence[str], host: str) -> list[str]:
        """The QEMU arguments for the vGPUs behind these sockets as the GPUs: the server maps the guest's memory."""
        return ["-object", f"memory-backend-memfd,id=ram,size={self.memory},share=on", "-machine", "memory-backend=ram",
                *(a for d, socket in self._given(sockets, host) for a in
                  ("-device", f"igt-vfio-user,socket={socket},id={d.id},addr={d.addr}"))]

    def _given(self, names: Sequence[str], host: str) -> list[tuple[Vgpu | NativeGpu, str]]:
        """Which device is which of the vGPUs that there are."""
        if any(isinstance(d, NativeGpu) for d in self.devices):
            raise SpecError("needs the bare GPU of the software mediator")
        if any(gpu.engine_delay for gpu in self.gpus):
            raise SpecError(f"needs engines that execute in the guest's own time; those of HOST={host} have threads")
        if any(d.pvinfo or d.abi or d.aperture_size is not None or d.weight for d in self.devices if isinstance(d, Vgpu)):
            raise SpecError("needs a partition or a PVINFO page that only the software mediator can make")
        if len(self.devices) > len(names):
            raise SpecError(f"needs {len(self.devices)} vGPUs; HOST={host} has {len(names)}")
        return list(zip(self.devices, names))


VGPU = VmSpec()
NATIVE = VmSpec(devices=(NativeGpu(),))
NO_GPU = VmSpec(gpus=(), devices=())
MIB = 1 << 20
TWO_VGPUS = VmSpec(devices=(Vgpu("vgpu0", "02.0"), Vgpu("vgpu1", "03.0")))


def on_real_gvt(spec: VmSpec) -> VmSpec:
    """The same VM where partitions cannot be chosen: those of which any does are left to the host."""
    return replace(spec, devices=tuple(
        replace(d, aperture_base=None, aperture_size=None, hidden_base=None, hidden_size=None, fences=None, any_share=False)
        if isinstance(d, Vgpu) and d.any_share else d for d in spec.devices))


def type_on(name: str, platform: str) -> str:
    """What a type of vGPUs is called on a platform: GVT-g names its generation, 4 on Broadwell and 5 on the others."""
    return re.sub(r"^GVTg_V\d", "GVTg_V4" if platform == "bdw" else "GVTg_V5", name)


def on_platform(spec: VmSpec, platform: str) -> VmSpec:
    """The same VM on another GPU generation (bdw, kbl, cfl)."""
    return replace(spec, gpus=tuple(replace(g, platform=platform) for g in spec.gpus),
                   devices=tuple(replace(d, type=type_on(d.type, platform)) if isinstance(d, Vgpu) else d for d in spec.devices))
