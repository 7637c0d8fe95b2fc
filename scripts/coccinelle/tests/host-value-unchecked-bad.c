// SPDX-License-Identifier: MIT
/*
 * What host-value-unchecked.cocci must find: each line with "BAD" in its comment, and no other.
 * This is never compiled.
 */

static void bound_of_a_loop(struct i915_ggtt *ggtt, struct intel_uncore *uncore)
{
	u32 i, num;

	num = intel_uncore_read(uncore, vgtif_reg(avail_rs.fence_num));
	for (i = 0; i < num; i++) /* BAD */
		init_fence(&ggtt->fence_regs[0] + i);
}

static u32 index(void __iomem *page, const u32 *caps)
{
	u32 version = readl(page + vgtif_offset(version_major));

	return caps[version]; /* BAD */
}

static void *size(struct intel_uncore *uncore)
{
	u32 size = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.size));

	return kzalloc(size, GFP_KERNEL); /* BAD */
}

static int place(struct drm_mm *mm, struct drm_mm_node *node, struct intel_uncore *uncore)
{
	u32 base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));

	node->start = base; /* BAD */
	return drm_mm_reserve_node(mm, node);
}

static int place_at_once(struct drm_mm *mm, struct drm_mm_node *node, struct intel_uncore *uncore)
{
	node->size = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.size)); /* BAD */
	return drm_mm_reserve_node(mm, node);
}

static int place_of_a_grant(struct drm_mm *mm, struct drm_mm_node *node, const struct vgpu_grant *grant)
{
	node->start = grant->mappable_base; /* BAD */
	return drm_mm_reserve_node(mm, node);
}

static u32 index_of_the_host(struct vgpu_ring *ring)
{
	u32 tail = virt_load_acquire(ring->shared_tail);

	return ring->dwords[tail]; /* BAD */
}

static void length_of_a_message(struct vgpu_ring *ring, u32 *msg)
{
	u32 length = READ_ONCE(ring->data[0]) & VGT_MSG_LENGTH;

	memcpy(msg, ring->copy, length); /* BAD */
}

static const char *name_of_a_status(struct vgpu_channel *channel)
{
	u32 msg[VGT_MSG_MAX_DWORDS];
	struct vgpu_ring_fault fault;

	if (vgpu_ring_read(&channel->response, msg, &fault) <= 0)
		return NULL;

	return names[msg[2]]; /* BAD */
}

static const char *name_of_a_response(const struct vgt_response_status *response)
{
	return names[response->status]; /* BAD */
}

static bool read_twice(const struct vgt_channel *shared, u32 tail)
{
	if (shared->request_head > tail) /* BAD */
		return false;

	return READ_ONCE(shared->request_head) != tail;
}

static u32 read_as_memory(struct vgpu_ring *ring)
{
	return *ring->shared_tail; /* BAD */
}

static int place_by_the_gtt(struct i915_address_space *vm, struct drm_mm_node *node, struct intel_uncore *uncore)
{
	u64 base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));

	return i915_gem_gtt_reserve(vm, NULL, node, SZ_64K, base, I915_COLOR_UNEVICTABLE, 0); /* BAD */
}

static int place_in_a_struct(struct share *share, struct intel_uncore *uncore)
{
	u64 base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));
	u64 size = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.size));

	share->node[0].start = base; /* BAD */
	share->node[0].size = size; /* BAD */
	return drm_mm_reserve_node(share->mm, &share->node[0]);
}

static int place_from_the_start(struct drm_mm *mm, struct intel_uncore *uncore)
{
	u64 base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));
	struct drm_mm_node node = {
		.start = base, /* BAD */
		.size = SZ_64K,
	};

	return drm_mm_reserve_node(mm, &node);
}

static int kept_in_a_member(struct i915_ggtt *ggtt, struct intel_uncore *uncore)
{
	ggtt->num_fences = intel_uncore_read(uncore, vgtif_reg(avail_rs.fence_num));
	ggtt->fence_regs = kcalloc(ggtt->num_fences, sizeof(*ggtt->fence_regs), GFP_KERNEL); /* BAD */
	return ggtt->fence_regs ? 0 : -ENOMEM;
}

static void used_by_another_function(struct i915_ggtt *ggtt)
{
	u32 i;

	for (i = 0; i < ggtt->num_fences; i++) /* BAD */
		fence_write(&ggtt->fence_regs[i]);
}

static const char *looked_at_only(struct intel_uncore *uncore)
{
	u32 id = intel_uncore_read(uncore, vgtif_reg(vgt_id));

	pr_debug("id %u\n", id);
	if (id == 0)
		return NULL;

	return names[id]; /* BAD */
}

static const char *unequal(struct intel_uncore *uncore)
{
	u32 id = intel_uncore_read(uncore, vgtif_reg(vgt_id));

	return id != ~0 ? names[id] : NULL; /* BAD */
}

static const char *with_the_device_awake(struct drm_i915_private *i915)
{
	intel_wakeref_t wakeref;
	u32 id = 0;

	with_intel_runtime_pm(&i915->runtime_pm, wakeref)
		id = intel_uncore_read(&i915->uncore, vgtif_reg(vgt_id));

	return names[id]; /* BAD */
}
