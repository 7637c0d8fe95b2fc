# SPDX-License-Identifier: MIT
"""The KUnit tests of the series, in a guest without a GPU: pure logic, so no device is needed.

(The same tests run without this runner: tools/testing/kunit/kunit.py run --arch=x86_64, see the kernel's own documentation.)
"""

from igtvgpu.api import *

suite = Suite("kunit", vm=NO_GPU, timeout=60)

suite.kunit("i915_vgpu_test", suites=["i915_vgpu_pvinfo", "i915_vgpu_partition", "i915_vgpu_balloon", "i915_vgpu_ring",
                                        "i915_vgpu_channel", "i915_vgpu_context",
                                        "i915_vgpu_fence"])
suite.kunit("i915_svm_test", suites=["i915_svm"])
