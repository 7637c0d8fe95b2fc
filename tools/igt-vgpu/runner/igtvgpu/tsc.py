# SPDX-License-Identifier: MIT
"""The rate of the host's time stamp counter, told to a TCG guest so that it need not measure it.

Under TCG the guest's TSC is the host's. On a busy host the guest's own calibration (PIT against TSC, a few milliseconds)
fails by factors: its clock, and with it every timeout, then runs too fast ("PIT calibration deviates"). It is one counter for
all vCPUs, so there is nothing to verify (the watchdog that compares it with the HPET is fooled in the same way). And so is
the boot test of the timer interrupt: "IO-APIC + timer doesn't work!" is a panic, hence no_timer_check.

With -icount the TSC advances by one for each nanosecond of the guest's time, whatever the host's does.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import time
from functools import lru_cache

_RDTSC = bytes.fromhex("0f31" "48c1e220" "4809d0" "c3")     # rdtsc; shl $32,%rdx; or %rdx,%rax; ret
_SPAN = 0.1
COUNTING_KHZ = 1_000_000


def _reader() -> object:
    """A function that reads the TSC, made of machine code; OSError where that is not allowed."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(_RDTSC)
    function = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    function.page = page    # lives as long as the function
    return function


def _sample(read) -> tuple[int, int]:
    """(TSC, nanoseconds) of one instant: the tightest of many looks, since the host may take the CPU in between."""
    best = None
    for _ in range(200):
        before = time.monotonic_ns()
        tsc = read()
        after = time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, tsc, (before + after) // 2)
    return best[1], best[2]


@lru_cache(maxsize=1)
def host_khz() -> int:
    """The TSC's rate in kHz; 0 if this host has none or it cannot be read."""
    if platform.machine() != "x86_64":
        return 0
    try:
        read = _reader()
    except (OSError, ValueError):
        return 0
    tsc0, ns0 = _sample(read)
    time.sleep(_SPAN)
    tsc1, ns1 = _sample(read)
    return round((tsc1 - tsc0) * 1_000_000 / (ns1 - ns0))


def kernel_option(counting: bool = False) -> str:
    """For the command line of a guest under TCG, `counting`: with -icount."""
    khz = COUNTING_KHZ if counting else host_khz()
    return f"tsc_early_khz={khz} tsc=reliable no_timer_check" if khz > 0 else ""
