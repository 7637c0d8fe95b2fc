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
