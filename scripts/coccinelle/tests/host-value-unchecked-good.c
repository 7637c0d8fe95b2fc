// SPDX-License-Identifier: MIT
/*
 * What host-value-unchecked.cocci must not complain about. This is never compiled.
 */

static u32 bounded(struct i915_ggtt *ggtt, struct intel_uncore *uncore, u32 hw)
{
	u32 offered = intel_uncore_read(uncore, vgtif_reg(avail_rs.fence_num));
	u32 i, num = vgpu_fence_bound(offered, hw);

	for (i = 0; i < num; i++)
		init_fence(&ggtt->fence_regs[i]);

	return offered;
}

static const char *compared(struct intel_uncore *uncore)
{
	u32 id = intel_uncore_read(uncore, vgtif_reg(vgt_id));

	if (id >= ARRAY_SIZE(names))
		return NULL;

	return names[id];
}

static int judged(struct drm_mm *mm, struct drm_mm_node *node, struct intel_uncore *uncore)
{
	struct vgpu_partition partition;
	struct vgpu_grant grant;
	struct vgpu_fault fault;
	int err;

	grant.mappable_base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));
	grant.mappable_size = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.size));
	err = vgpu_partition_init(&partition, &grant, SZ_256M, SZ_4G, 0, &fault);
	if (err)
		return err;

	node->start = partition.balloon[0].start;
	node->size = vgpu_range_size(&partition.balloon[0]);
	return drm_mm_reserve_node(mm, node);
}

static int look_at_head(struct vgpu_ring *ring, struct vgpu_ring_fault *fault)
{
	u32 head = virt_load_acquire(ring->shared_head);

	if (head & 1 || ring->tail - head > ring->tail - ring->head)
		return refuse(fault, "ring head", head);

	ring->head = head;
	return 0;
}

static int read_a_message(struct vgpu_ring *ring, u32 *msg, struct vgpu_ring_fault *fault)
{
	u32 dwords, i;

	dwords = READ_ONCE(ring->data[ring->head & (ring->size - 1)]) & VGT_MSG_LENGTH;
	if (dwords < 2 || dwords > VGT_MSG_MAX_DWORDS)
		return refuse(fault, "message length", dwords);

	for (i = 1; i < dwords; i++)
		msg[i] = READ_ONCE(ring->data[(ring->head + i) & (ring->size - 1)]);

	return dwords;
}

static const char *name_of_a_status(const struct vgt_response_status *response)
{
	switch (response->status) {
	case VGT_STATUS_OK:
		return names[0];
	default:
		return response->status < ARRAY_SIZE(names) ? names[response->status] : NULL;
	}
}

static void shown(struct seq_file *m, const struct vgt_channel *shared)
{
	seq_printf(m, "head %u\n", READ_ONCE(shared->request_head));
}

static void set_up(struct vgpu_ring *ring, struct vgt_channel *shared)
{
	vgpu_ring_init(ring, (void *)shared, SZ_1K, &shared->request_head, &shared->request_tail);
}

static bool our_own_view(const struct vgpu_ring *ring, u32 length)
{
	return ring->size - (ring->tail - ring->head) < length;
}

static int place_by_the_gtt(struct i915_address_space *vm, struct drm_mm_node *node, struct intel_uncore *uncore)
{
	u64 base = intel_uncore_read(uncore, vgtif_reg(avail_rs.mappable_gmadr.base));

	if (base > vm->total - SZ_64K)
		return -EINVAL;

	return i915_gem_gtt_reserve(vm, NULL, node, SZ_64K, base, I915_COLOR_UNEVICTABLE, 0);
}

static int kept_in_a_member(struct i915_ggtt *ggtt, struct intel_uncore *uncore)
{
	ggtt->num_fences = intel_uncore_read(uncore, vgtif_reg(avail_rs.fence_num));
	if (ggtt->num_fences > I915_MAX_NUM_FENCES)
		ggtt->num_fences = I915_MAX_NUM_FENCES;

	ggtt->fence_regs = kcalloc(ggtt->num_fences, sizeof(*ggtt->fence_regs), GFP_KERNEL);
	return ggtt->fence_regs ? 0 : -ENOMEM;
}

static void used_by_another_function(struct i915_ggtt *ggtt)
{
	u32 i;

	for (i = 0; i < ggtt->num_fences; i++)
		fence_write(&ggtt->fence_regs[i]);
}

static void kept_as_it_is(struct vgpu_state *state, struct intel_uncore *uncore)
{
	state->id = intel_uncore_read(uncore, vgtif_reg(vgt_id));
}

static const char *bounded_by_another_function(const struct vgpu_state *state)
{
	if (state->id >= ARRAY_SIZE(names))
		return NULL;

	return names[state->id];
}

static int judged_in_a_struct(struct vgpu_state *state, struct intel_uncore *uncore)
{
	struct vgpu_offer offer;

	offer.dwords = intel_uncore_read(uncore, vgtif_reg(features_offered));
	if (!vgpu_offer_valid(&offer))
		return -EPROTO;

	state->dwords = kcalloc(offer.dwords, sizeof(u32), GFP_KERNEL);
	return state->dwords ? 0 : -ENOMEM;
}
