# SPDX-License-Identifier: MIT
"""What suite files import: `from igtvgpu.api import *`."""

from .server import Server
from .spec import (MIB, NATIVE, NO_GPU, TWO_VGPUS, VGPU, Gpu, NativeGpu, Vgpu, VmSpec, on_platform)
from .suite import Allow, Suite
from .vm import VM, VmError

__all__ = ["Allow", "Gpu", "MIB", "NATIVE", "NO_GPU", "NativeGpu", "Server", "Suite", "TWO_VGPUS", "VGPU", "VM", "Vgpu",
           "VmError", "VmSpec", "on_platform"]
