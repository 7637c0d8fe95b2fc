# SPDX-License-Identifier: MIT
"""What a guest may see differently on kvmgt and on our mediator, each with its reason. suite_kvmgt.py checks the list both ways."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Registers `first` to `last` (offsets) read otherwise, because of `reason`. `always`: they do so in each run in which the driver
    touched them. `on`: of Broadwell (bdw), or of the others (gen9), only."""

    first: int
    last: int
    reason: str
    always: bool = True
    on: str = ""


ENGINES = (0x2000, 0x12000, 0x1a000, 0x22000)


def _each_engine(offset: int, reason: str, always: bool = True) -> tuple[Difference, ...]:
    return tuple(Difference(base + offset, base + offset, reason, always) for base in ENGINES)


# Where a reason names a file: drivers/gpu/drm/i915/ of 6.12.
REGISTERS = (
    *_each_engine(0x030, "RING_TAIL: of the last request; heartbeats come by time", False),
    *_each_engine(0x034, "RING_HEAD: the same", False),
    *_each_engine(0x038, "RING_START: an address in the partition, which begins elsewhere"),
    *_each_engine(0x068, "RING_IPEHR: ours is the last command of the vGPU's engine; kvmgt does not follow it"),
    *_each_engine(0x074, "RING_ACTHD: kvmgt reads the hardware's, where the host's shadow of the ring is (mmio_read_from_hw())"),
    *_each_engine(0x078, "RING_DMA_FADD: like RING_IPEHR"),
    *_each_engine(0x080, "RING_HWS_PGA: an address in the partition, which begins elsewhere"),
    *_each_engine(0x0b0, "RING_EIR: writing ones clears it; kvmgt stores what is written (gvt/handlers.c has no handler)"),
    *_each_engine(0x0d0, "RING_RESET_CTL: kvmgt keeps the mask half of what was written (ring_reset_ctl_write())"),
    *_each_engine(0x234, "RING_EXECLIST_STATUS_LO: kvmgt turns the two slots' pointers and leaves the reason of the last switch, also in a reset", False),
    *_each_engine(0x270, "GEN8_RING_PDP: a vGPU of kvmgt begins with what the host's registers held (gvt/firmware.c)"),
    *_each_engine(0x274, "GEN8_RING_PDP: the same"),
    *_each_engine(0x3a0, "RING_CONTEXT_STATUS_PTR: kvmgt moves the write pointer only; where both are depends on how much was run", False),
    Difference(0xa02c, 0xa030, "GEN6_RP_*_THRESHOLD: the guest computes them from CTC_MODE", on="gen9"),
    Difference(0xa068, 0xa06c, "GEN6_RP_*_EI: the same", on="gen9"),
    Difference(0xa02c, 0xa030, "GEN6_RP_*_THRESHOLD: by how busy the guest finds its GPU (gt/intel_rps.c, rps_set_power())", False, "bdw"),
    Difference(0xa068, 0xa06c, "GEN6_RP_*_EI: the same", False, "bdw"),
    Difference(0xa188, 0xa188, "FORCEWAKE_GT: kvmgt keeps what was written last; ours acknowledges and forgets"),
    Difference(0xa26c, 0xa26c, "CTC_MODE: kvmgt does not know it, so it reads 0, and the guest's clock has another rate",
               on="gen9"),
    *(Difference(o, o, f"{name}: a vGPU of kvmgt begins with what the host's registers held (gvt/firmware.c)", on=on) for o, name, on in (
        (0x42080, "CHICKEN_PAR1_1", "gen9"), (0x209c, "RING_MI_MODE(rcs0)", "bdw"), (0x4090, "GAM_ECOCHK", "bdw"),
        (0x9400, "GEN6_UCGCTL1", "bdw"), (0x9430, "GEN8_UCGCTL6", "bdw"), (0xb100, "GEN8_L3SQCREG1", "bdw"),
        (0x420b0, "CHICKEN_PIPESL_1", "bdw"))),
    Difference(0x44324, 0x44324, "GEN8_GT_IMR2: the driver unmasks RPS interrupts while the GPU is awake", False),
    Difference(0x51000, 0x51000, "SKL_DFSM: kvmgt shows the pipes of the GPU; ours are fused off", on="gen9"),
    Difference(0xc000, 0xc000, "GUC_STATUS: kvmgt shows a reset to who reads first (guc_status_read()); on hardware it lasts without a firmware", False),
    Difference(0xe160, 0xe164, "GEN8_SAMPLER_INSTDONE, GEN8_ROW_INSTDONE: all is done in ours; kvmgt does not follow them"),
    Difference(0x4446c, 0x4446c, "GEN8_DE_MISC_IER: set up by a driver that has pipes"),
    Difference(0x42014, 0x42014, "FUSE_STRAP: the same", on="bdw"),
    Difference(0x130040, 0x130040, "LCPLL_CTL: a driver that has pipes sets the display's clock", False, "bdw"),
    Difference(0xc2014, 0xc2014, "SFUSE_STRAP: kvmgt gives the guest a monitor (gvt/display.c)", on="bdw"),
    Difference(0xc4004, 0xc400c, "SDE_IMR, SDE_IER: set up by a driver that has pipes"),
    Difference(0x138128, 0x138128, "GEN6_PCODE_DATA: of the last mailbox command; a driver that has pipes asks for SAGV as well, now and then", False),
    Difference(0x101008, 0x101008, "GFX_FLSH_CNTL: the bit clears itself; kvmgt stores it", on="gen9"),
    Difference(0x101008, 0x101008, "GFX_FLSH_CNTL: the same, if the guest wrote it since the last reset", False, "bdw"),
)


def explain(different: dict[int, tuple[str, str]], touched: Collection[int],
            platform: str) -> tuple[dict[int, tuple[str, str]], list[str]]:
    """The differences that no row explains, and the rows of touched registers that had to explain something and did not."""
    rows = [r for r in REGISTERS if r.on in ("", "bdw" if platform == "bdw" else "gen9")]
    unexplained = {o: values for o, values in different.items() if not any(r.first <= o <= r.last for r in rows)}
    idle = [f"{r.first:#x}-{r.last:#x}: {r.reason}" for r in rows if r.always and any(r.first <= o <= r.last for o in touched)
            and not any(r.first <= o <= r.last for o in different)]
    return unexplained, idle
