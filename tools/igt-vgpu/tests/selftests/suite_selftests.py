# SPDX-License-Identifier: MIT
"""i915's own selftests on a vGPU and on the bare GPU: every group of the kernel, but for those named here with the reason.

A group that is not named must run a test, and pass. What is expected to fail and passes is a failure as well, and so is a group that
is listed as empty and is not: this list cannot go stale.
`exclude`: passes or fails as the host's clock will, and is run in a guest that does not see that (EXACT). `expect_fail`: not the
mediator's fault, runs alone. `empty`: i915 has no such test for this GPU. `deadline`: a test of it runs alone; on a busy host it, or the
group, passes if one of five attempts does. The result says which.
"""

from igtvgpu.api import *

suite = Suite("selftests", timeout=180)

# A vGPU guest by design.
NO_PREEMPTION = "a vGPU is never preempted: i915 turns preemption, timeslices and semaphores off for it (execlists_set_default_submission())"

VGPU_EXPECT_FAIL: dict[str, str] = {
    # Each lets a request of higher priority overtake one that spins on a semaphore, and times out (-ETIME) on a vGPU.
    "gt_lrc/live_lrc_gpr": NO_PREEMPTION,
    "gt_lrc/live_lrc_isolation": NO_PREEMPTION,
    "gt_lrc/live_lrc_timestamp": NO_PREEMPTION,
}
# With engines that execute in the guest's own time, which is a count of its instructions, and no other CPU beside: however busy the host
# is, what is to come within some microseconds does. There is no engine beside the CPU, either: that is what the groups of BARE_DEADLINE
# are run for with threads.
EXACT = {"gpus": (Gpu(engine_delay=1000),), "count_instructions": True, "smp": 1}
EXACT_GROUPS = ["gt_engines"]
EXACT_BARE_GROUPS = ["gt_engines", "gt_heartbeat", "gt_lrc", "workarounds"]
EXCLUDE: dict[str, str] = {
    "gt_engines/live_engine_timestamps": "wants 100 us of the CPU's clock and of the engine's to agree within 25 us: is run as selftests/exact*/gt_engines",
}
DEADLINE: dict[str, str] = {
    "hangcheck/igt_reset_engines": "gives an engine 50 ms to be idle after each of hundreds of resets",
    "execlists/live_virtual_engine": "gives each of some hundred batches 100 ms",
    "gt_contexts/live_active_context":
        "wants a context to be idle once the request that unpins it was waited for, though another CPU may still be on its way through its callbacks",
}
# Where there is preemption, and a unit of performance counters.
IN_MILLISECONDS = "wants an engine to change contexts within some milliseconds, or resets it"
BARE_DEADLINE: dict[str, str] = {
    "perf/live_noa_delay": "wants a loop of 500 us on the engine to take no more than 750 us",
    "execlists": IN_MILLISECONDS, "gt_lrc": IN_MILLISECONDS, "gt_engines": IN_MILLISECONDS, "gt_heartbeat": IN_MILLISECONDS,
    "hangcheck": IN_MILLISECONDS, "requests": IN_MILLISECONDS, "workarounds": IN_MILLISECONDS, "gt_pm": IN_MILLISECONDS,
}
MOCK_EXPECT_FAIL: dict[str, str] = {
    "memory_region/igt_mock_splintered_region":
        "no GPU in it: it wants drm_buddy to refuse a contiguous block of 4 GiB - 4 KiB, which 6.12's allocator can give",
}
NO_LOCAL_MEMORY = "needs local memory, which an integrated GPU has not"
NO_GUC = "needs submission by the GuC; Gen9 uses execlists"
EMPTY: dict[str, str] = {
    "sanitycheck": "has no subtest: it says that it ran",
    "gem_migrate": NO_LOCAL_MEMORY, "memory_region": NO_LOCAL_MEMORY,
    "guc": NO_GUC, "guc_multi_lrc": NO_GUC, "guc_hang": NO_GUC,
    "ring_submission": "needs a legacy ring; Gen9 uses execlists",
    "gt_mocs@bdw": "needs a table of memory object control states, which came with Gen9",
}
VGPU_EMPTY = EMPTY | {"perf": "has no unit of OA reports: that is the host's (stock 6.12 believes that it has, and runs it)"}
MOCK_EMPTY: dict[str, str] = {
    "sanitycheck": "has no subtest: it says that it ran",
    "uncore": "has no subtest: it looks through the tables of registers by itself",
}

# lockdep counts nested ww_mutexes of one context in 11 bits; mock/evict locks more objects than that at a time.
LOCKDEP_LIMIT = "lockdep's counter of nested locks (11 bits) overflows: igt_evict_vm locks every object of a mock GGTT"
MOCK_ALLOW = [Allow(r"DEBUG_LOCKS_WARN_ON\(hlock->references < references\)", LOCKDEP_LIMIT),
              Allow(r"kernel/locking/lockdep\.c:\d+ __lock_acquire", LOCKDEP_LIMIT)]

suite.selftests("mock", expect_fail=MOCK_EXPECT_FAIL, empty=MOCK_EMPTY, vm=NO_GPU, allow=MOCK_ALLOW)
# The live ones hang and reset engines on purpose, and the driver says so; a WARN, an oops or lockdep still fails them.
suite.selftests("live", exclude=EXCLUDE, expect_fail=VGPU_EXPECT_FAIL, deadline=DEADLINE, empty=VGPU_EMPTY, expect_errors=True)
suite.selftests("live", name="bare", vm=NATIVE, exclude=EXCLUDE, deadline=DEADLINE | BARE_DEADLINE, empty=EMPTY, expect_errors=True)
suite.selftests("live", name="exact", groups=EXACT_GROUPS, vm=VmSpec(**EXACT), host="software", expect_errors=True)
suite.selftests("live", name="exact-bare", groups=EXACT_BARE_GROUPS, vm=VmSpec(devices=(NativeGpu(),), **EXACT), host="software", expect_errors=True)
