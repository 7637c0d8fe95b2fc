/* SPDX-License-Identifier: MIT */

#ifndef _I915_VGPU_TESTS_H_
#define _I915_VGPU_TESTS_H_

struct kunit_suite;

extern struct kunit_suite i915_vgpu_balloon_suite;
extern struct kunit_suite i915_vgpu_channel_suite;
extern struct kunit_suite i915_vgpu_context_suite;
extern struct kunit_suite i915_vgpu_fence_suite;
extern struct kunit_suite i915_vgpu_partition_suite;
extern struct kunit_suite i915_vgpu_pvinfo_suite;
extern struct kunit_suite i915_vgpu_ring_suite;

#endif /* _I915_VGPU_TESTS_H_ */
