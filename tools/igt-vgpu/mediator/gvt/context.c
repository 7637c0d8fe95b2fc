// SPDX-License-Identifier: MIT
/*
 * The contexts that a guest told of: ids, and where their images lie.
 *
 * Called by the channel for requests, by shadow.c to find what an LRCA means, and by ggtt.c when an
 * entry is written. What stands here is the guest's word: it decides which shadow is kept, and
 * never what is copied to or from where (shadow.c looks at the GGTT entries itself).
 */
#include "gvt_types.h"

#define MAX_CONTEXTS	(1 << 17)
#define MAX_IMAGE	(1u << 20)	/* bytes; a real one has 88 KiB at most */
#define MAX_RING	(1u << 21)	/* what RING_CTL can say */

static gpointer page_key(uint32_t gma)
{
	return GUINT_TO_POINTER(gma >> GPU_PAGE_SHIFT);
}

/* Where the part of its image ends that an engine loads and saves. */
static uint32_t image_end(const struct vgpu *vgpu, const struct context *ctx)
{
	return ctx->lrca + shadow_pages(vgpu->gvt, ctx->engine) * GPU_PAGE_SIZE;
}

static void unpin(struct vgpu *vgpu, struct context *ctx)
{
	uint32_t gma;

	if (!ctx->pinned)
		return;
	ctx->pinned = false;
	for (gma = ctx->lrca; gma < image_end(vgpu, ctx); gma += GPU_PAGE_SIZE)
		g_hash_table_remove(vgpu->contexts.by_page, page_key(gma));
	if (ctx->shadow)
		shadow_release(ctx->shadow);
}

static gint compare_ids(gconstpointer a, gconstpointer b, gpointer unused)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	(void)unused;
	return x < y ? -1 : x > y;
}

void context_init(struct vgpu *vgpu)
{
	/* A tree, not a hash: the guest chooses the ids, and would choose those that collide. */
	vgpu->contexts.by_id = g_tree_new_full(compare_ids, NULL, NULL, g_free);
	vgpu->contexts.by_page = g_hash_table_new(NULL, NULL);
}

void context_fini(struct vgpu *vgpu)
{
	if (!vgpu->contexts.by_id)
		return;
	context_forget_all(vgpu);
	g_tree_destroy(vgpu->contexts.by_id);
	g_hash_table_destroy(vgpu->contexts.by_page);
}

void context_forget_all(struct vgpu *vgpu)
{
	unsigned int e;

	for (e = 0; e < GPU_NUM_ENGINES; e++)
		context_invalidate(vgpu, e);
	g_hash_table_remove_all(vgpu->contexts.by_page);
	g_tree_remove_all(vgpu->contexts.by_id);
}

struct context *context_find(struct vgpu *vgpu, enum gpu_engine_id engine, uint32_t lrca)
{
	struct context *ctx = g_hash_table_lookup(vgpu->contexts.by_page, page_key(lrca));

	return ctx && ctx->lrca == lrca && ctx->engine == engine ? ctx : NULL;
}

void context_ggtt_changed(struct vgpu *vgpu, uint32_t page)
{
	struct context *ctx;

	if (!g_hash_table_size(vgpu->contexts.by_page))
		return;
	ctx = g_hash_table_lookup(vgpu->contexts.by_page, GUINT_TO_POINTER(page));
	if (!ctx)
		return;
	vgpu_log(vgpu, GPU_LOG_DEBUG,
		 "context %llu: the GGTT entry for 0x%llx was written while pinned: forgotten",
		 (unsigned long long)ctx->id, (unsigned long long)page << GPU_PAGE_SHIFT);
	unpin(vgpu, ctx);
}

void context_invalidate(struct vgpu *vgpu, enum gpu_engine_id engine)
{
	/* Only those with a shadow, not all that the guest told of. */
	while (vgpu->engine[engine].kept)
		shadow_release(vgpu->engine[engine].kept);
}

/* ---- requests ---- */

/* Is there such an engine, and can its contexts have this size? */
static bool check_image(const struct vgpu *vgpu, uint32_t name, uint32_t size,
			enum gpu_engine_id *engine)
{
	static const enum gpu_engine_id of_class[] = { GPU_RCS0, GPU_BCS0, GPU_VCS0, GPU_VECS0 };
	uint32_t class = name & VGT_ENGINE_CLASS, instance = name >> VGT_ENGINE_INSTANCE_SHIFT;

	if (class >= GPU_NUM_ENGINES || instance)
		return false;
	*engine = of_class[class];
	return size % GPU_PAGE_SIZE == 0 && size <= MAX_IMAGE &&
	       size >= shadow_pages(vgpu->gvt, *engine) * GPU_PAGE_SIZE;
}

static struct context *find_id(struct vgpu *vgpu, uint64_t id)
{
	return g_tree_lookup(vgpu->contexts.by_id, &id);
}

static struct context *add(struct vgpu *vgpu, uint64_t id)
{
	struct context *ctx;

	if (g_tree_nnodes(vgpu->contexts.by_id) >= MAX_CONTEXTS)
		return NULL;
	ctx = g_new0(struct context, 1);
	ctx->id = id;
	g_tree_insert(vgpu->contexts.by_id, &ctx->id, ctx);
	return ctx;
}

/** context_create - %VGT_ACTION_CONTEXT_CREATE */
enum vgt_status context_create(struct vgpu *vgpu, const void *msg)
{
	const struct vgt_context_create *create = msg;
	enum gpu_engine_id engine;

	if (!create->id || find_id(vgpu, create->id) ||
	    !check_image(vgpu, create->engine, create->image_size, &engine))
		return VGT_STATUS_BAD_VALUE;
	return add(vgpu, create->id) ? VGT_STATUS_OK : VGT_STATUS_NO_RESOURCES;
}

static bool pin_ok(const struct vgpu *vgpu, const struct vgt_context_pin *pin,
		   enum gpu_engine_id *engine)
{
	return pin->id && !pin->rsv &&
	       check_image(vgpu, pin->engine, pin->image_size, engine) &&
	       pin->lrca % GPU_PAGE_SIZE == 0 &&
	       partition_has_range(&vgpu->part, pin->lrca, pin->image_size) &&
	       pin->ring_start % GPU_PAGE_SIZE == 0 && pin->ring_size % GPU_PAGE_SIZE == 0 &&
	       pin->ring_size && pin->ring_size <= MAX_RING &&
	       partition_has_range(&vgpu->part, pin->ring_start, pin->ring_size);
}

/** context_pin - %VGT_ACTION_CONTEXT_PIN; of an id that is not known, a CREATE, too */
enum vgt_status context_pin(struct vgpu *vgpu, const void *msg)
{
	const struct vgt_context_pin *pin = msg;
	enum gpu_engine_id engine;
	struct context *ctx, *other;
	uint32_t gma;

	if (!pin_ok(vgpu, pin, &engine))
		return VGT_STATUS_BAD_VALUE;
	ctx = find_id(vgpu, pin->id);
	if (!ctx)
		ctx = add(vgpu, pin->id);
	if (!ctx)
		return VGT_STATUS_NO_RESOURCES;
	unpin(vgpu, ctx);
	ctx->engine = engine;
	ctx->lrca = pin->lrca;
	ctx->pinned = true;
	for (gma = ctx->lrca; gma < image_end(vgpu, ctx); gma += GPU_PAGE_SIZE) {
		/* Two cannot be at one place: this one was said later. */
		other = g_hash_table_lookup(vgpu->contexts.by_page, page_key(gma));
		if (other)
			unpin(vgpu, other);
		g_hash_table_insert(vgpu->contexts.by_page, page_key(gma), ctx);
	}
	return VGT_STATUS_OK;
}

/** context_unpin - %VGT_ACTION_CONTEXT_UNPIN */
enum vgt_status context_unpin(struct vgpu *vgpu, const void *msg)
{
	const struct vgt_context_ref *ref = msg;
	struct context *ctx = find_id(vgpu, ref->id);

	if (!ctx)
		return VGT_STATUS_NO_SUCH_CONTEXT;
	unpin(vgpu, ctx);
	return VGT_STATUS_OK;
}

/** context_destroy - %VGT_ACTION_CONTEXT_DESTROY */
enum vgt_status context_destroy(struct vgpu *vgpu, const void *msg)
{
	const struct vgt_context_ref *ref = msg;
	struct context *ctx = find_id(vgpu, ref->id);

	if (!ctx)
		return VGT_STATUS_NO_SUCH_CONTEXT;
	unpin(vgpu, ctx);
	g_tree_remove(vgpu->contexts.by_id, &ref->id);
	return VGT_STATUS_OK;
}
