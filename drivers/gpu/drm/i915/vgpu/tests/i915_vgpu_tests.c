// SPDX-License-Identifier: MIT
/*
 * The module of the vGPU guest's KUnit tests. They need no device: i915 must be there for its code.
 */

#include <kunit/test.h>

#include <linux/module.h>

#include "i915_vgpu_tests.h"

kunit_test_suites(&i915_vgpu_pvinfo_suite,
		  &i915_vgpu_partition_suite,
		  &i915_vgpu_balloon_suite,
		  &i915_vgpu_ring_suite,
		  &i915_vgpu_channel_suite,
		  &i915_vgpu_context_suite,
		  &i915_vgpu_fence_suite);

MODULE_DESCRIPTION("KUnit tests of the i915 vGPU guest");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
