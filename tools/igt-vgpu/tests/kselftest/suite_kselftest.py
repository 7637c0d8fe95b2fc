# SPDX-License-Identifier: MIT
"""The kselftests that the series adds to tools/testing/selftests/drivers/gpu/i915_svm: the ioctl's errnos, races, failures of each step.

The stress takes a minute here; hours: `make shell`, then $IGT_VGPU_TOP/out/tests/kselftest/i915_svm_race -s 36000 -f stress.
"""

from igtvgpu.api import *

RACES = VmSpec(smp=4)
# A probe by breakpoint counts as an NMI, in which the fault injection draws a random number. Lockdep is off after that.
NMI = [Allow(r"inconsistent lock state", "the fault injection draws random numbers in what lockdep takes for an NMI")]
INJECTION = VmSpec(cmdline="igt_vgpu.inject=1")

suite = Suite("kselftest", timeout=180)

suite.kselftest("i915_svm")
suite.kselftest("i915_svm_fail", vm=INJECTION, allow=NMI)
suite.kselftest("i915_svm_race", args="-s 60", vm=RACES, timeout=300)
suite.kselftest("i915_svm", name="native/i915_svm", vm=NATIVE)
