# SPDX-License-Identifier: MIT
"""Registers that a driver accesses as time has it, on bare hardware: two runs of stock 6.12 differ in them as well. suite_native.py compares all
others strictly, and checks that each row here covers something."""

from __future__ import annotations

from register_traces import Timed

# Where a reason names a file: drivers/gpu/drm/i915/ of 6.12.
TIMED = (
    Timed(r"GEN8_MASTER_IRQ|GEN8_GT_IIR\d", "once for each interrupt: how many events share one depends on what the CPU does as they come"),
    Timed(r"RING_ELSP\(.*\)|RING_CONTEXT_STATUS_PTR\(.*\)", "once for each submission: whether a context still runs when the next request comes, or "
          "the driver's own request for an idle engine (gt/intel_engine_pm.c) follows in between"),
    Timed(r"RING_IMR\(.*\)", "the engine's interrupt is enabled while somebody waits, unless the request was complete before that "
          "(gt/intel_breadcrumbs.c)"),
    Timed(r"GEN8_TLB_INVALIDATE", "of engines that are awake only, when pages are freed (gt/intel_tlb.c)", "(?!sleep|wake|unload).*"),
    Timed(r"GEN6_RP\w*|GEN8_GT_IMR2", "the frequency follows the load, by a timer and by interrupts, which it masks (gt/intel_rps.c)",
          "(?!sleep|wake|unload).*"),
    Timed(r"GEN6_RC_CONTROL|GEN6_RC_STATE|GEN8_RC6_CTX_INFO|GEN6_GT_GFX_RC6", "once for each time that the GPU is idle during the probe, and wakes up "
          "(gt/intel_rc6.c)", "probe"),
    Timed(r"FORCEWAKE\w*", "released by a timer of 1 ms after the last use: two uses need one or two (intel_uncore.c)", "probe"),
)
