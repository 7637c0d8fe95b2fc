/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device "igt-vgpu": one vGPU of the mediator.
 *
 *   -device igt-vgpu,gpu=gpu0,id=vgpu0,addr=02.0[,vgpu-type=GVTg_V5_8]
 *       [,aperture-base=B,aperture-size=B,hidden-base=B,hidden-size=B,fences=N[,fence-base=N]]
 * an explicit partition
 *       [,whole-ggtt=on][,pvinfo="field=value;..."][,stats-file=NAME]
 *       [,weight=N][,abi=1.0][,features=MASK][,channel-fault=FAULT]
 *
 * (QOM has a property "type" for each object already, so the type of a vGPU is called
 * vgpu-type.)
 */
#include "qemu/osdep.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"

#include "front/describe.h"
#include "igt-shim.h"

OBJECT_DECLARE_SIMPLE_TYPE(IgtVgpu, IGT_VGPU)

/** struct IgtVgpu - see above */
struct IgtVgpu {
    IgtPci parent;
    struct vgpu *vgpu;
    struct vgpu_partition partition; /* properties */
    bool whole_ggtt;                 /* property */
    uint32_t weight;                 /* property: share of busy engines, 0: the type's */
    char *type;                      /* property */
    char *pvinfo;                    /* property, the last one that was accepted */
    char *abi;                       /* property: version of the PVINFO page */
    uint32_t features;               /* property: VGT_FEATURE_* that may be offered */
    char *channel_fault;             /* property, the last one that was accepted */
};

static bool igt_vgpu_check_properties(IgtVgpu *s, Error **errp)
{
    const char *id = igt_object_id(OBJECT(s));

    if (s->type && (vgpu_partition_is_given(&s->partition) || s->whole_ggtt)) {
        error_setg(errp,
                   "%s: vgpu-type=%s excludes an explicit partition and whole-ggtt: give "
                   "one of them",
                   id, s->type);
        return false;
    }
    if (s->partition.fences > GPU_NUM_FENCES || s->partition.fence_base > GPU_NUM_FENCES) {
        error_setg(errp, "%s: fence-base=%u,fences=%u: the GPU has %u fence registers",
                   id, s->partition.fence_base, s->partition.fences, GPU_NUM_FENCES);
        return false;
    }
    if (s->abi && strcmp(s->abi, "1.0") && strcmp(s->abi, "1.1")) {
        error_setg(errp, "%s: abi=%s: there are 1.0 and 1.1", id, s->abi);
        return false;
    }
    return true;
}

/* What is set as text and may be wrong; before a guest runs. */
static bool igt_vgpu_apply_texts(IgtVgpu *s, Error **errp)
{
    char *error = NULL;

    if ((!s->pvinfo || vgpu_set_pvinfo(s->vgpu, s->pvinfo, &error)) &&
        (!s->channel_fault ||
         vgpu_set_channel_fault(s->vgpu, s->channel_fault, &error))) {
        return true;
    }
    error_setg(errp, "%s: %s", igt_object_id(OBJECT(s)), error);
    g_free(error);
    return false;
}

static bool igt_vgpu_realize_core(IgtPci *dev, Error **errp)
{
    IgtVgpu *s = IGT_VGPU(dev);
    struct gvt *gvt = igt_gpu_get_mediator(dev->gpu, errp);
    struct vgpu_config config = { .opaque = dev,
                                  .stats = dev->stats,
                                  .partition = s->partition,
                                  .whole_ggtt = s->whole_ggtt,
                                  .weight = s->weight,
                                  .abi_1_0 = s->abi && !strcmp(s->abi, "1.0"),
                                  .features_withheld = ~s->features };
    char *error = NULL;

    if (!gvt || !igt_vgpu_check_properties(s, errp)) {
        return false;
    }
    if (!vgpu_partition_is_given(&s->partition) && !s->whole_ggtt) {
        /* The smallest type, as the platform names it: two of them fit side by side. */
        config.type = dev->gpu->platform == GPU_BDW ? "GVTg_V4_8" : "GVTg_V5_8";
        if (s->type) {
            config.type = s->type;
        }
    }
    s->vgpu = vgpu_new(gvt, &config, &error);
    if (!s->vgpu) {
        error_setg(errp, "%s: %s", igt_object_id(OBJECT(s)),
                   error ? error : "the mediator refused the vGPU");
        g_free(error);
        return false;
    }
    if (!igt_vgpu_apply_texts(s, errp)) {
        vgpu_free(s->vgpu);
        s->vgpu = NULL;
        return false;
    }
    return true;
}

static void igt_vgpu_unrealize_core(IgtPci *dev)
{
    IgtVgpu *s = IGT_VGPU(dev);

    vgpu_free(s->vgpu);
    s->vgpu = NULL;
}

static void igt_vgpu_reset_core(IgtPci *dev)
{
    vgpu_reset(IGT_VGPU(dev)->vgpu);
}

static uint64_t igt_vgpu_bar0_read(IgtPci *dev, uint32_t offset, unsigned int size)
{
    return vgpu_bar0_read(IGT_VGPU(dev)->vgpu, offset, size);
}

static void igt_vgpu_bar0_write(IgtPci *dev, uint32_t offset, unsigned int size,
                                uint64_t value)
{
    vgpu_bar0_write(IGT_VGPU(dev)->vgpu, offset, size, value);
}

static uint64_t igt_vgpu_aperture_read(IgtPci *dev, uint32_t offset, unsigned int size)
{
    return vgpu_aperture_read(IGT_VGPU(dev)->vgpu, offset, size);
}

static void igt_vgpu_aperture_write(IgtPci *dev, uint32_t offset, unsigned int size,
                                    uint64_t value)
{
    vgpu_aperture_write(IGT_VGPU(dev)->vgpu, offset, size, value);
}

static bool igt_vgpu_irq_level(IgtPci *dev)
{
    return vgpu_irq_level(IGT_VGPU(dev)->vgpu);
}

static uint32_t igt_vgpu_irq_rises(IgtPci *dev)
{
    return vgpu_irq_rises(IGT_VGPU(dev)->vgpu);
}

static void igt_vgpu_set_power(IgtPci *dev, bool d3hot)
{
    vgpu_set_power(IGT_VGPU(dev)->vgpu, d3hot);
}

static unsigned int igt_vgpu_domain(IgtPci *dev)
{
    return vgpu_id(IGT_VGPU(dev)->vgpu);
}

static void igt_vgpu_describe(IgtPci *dev, struct json_object *root)
{
    vgpu_describe(IGT_VGPU(dev)->vgpu, root);
}

/* Settable at any time: the next load of the guest's driver sees it. */
static char *igt_vgpu_get_pvinfo(Object *obj, Error **errp)
{
    IgtVgpu *s = IGT_VGPU(obj);

    return g_strdup(s->pvinfo ? s->pvinfo : "");
}

static void igt_vgpu_set_pvinfo(Object *obj, const char *value, Error **errp)
{
    IgtVgpu *s = IGT_VGPU(obj);
    char *error = NULL;

    if (s->vgpu && !vgpu_set_pvinfo(s->vgpu, value, &error)) {
        error_setg(errp, "%s: pvinfo: %s", igt_object_id(obj), error);
        g_free(error);
        return;
    }
    g_free(s->pvinfo);
    s->pvinfo = g_strdup(value);
}

static char *igt_vgpu_get_channel_fault(Object *obj, Error **errp)
{
    IgtVgpu *s = IGT_VGPU(obj);

    return g_strdup(s->channel_fault ? s->channel_fault : "");
}

static void igt_vgpu_set_channel_fault(Object *obj, const char *value, Error **errp)
{
    IgtVgpu *s = IGT_VGPU(obj);
    char *error = NULL;

    if (s->vgpu && !vgpu_set_channel_fault(s->vgpu, value, &error)) {
        error_setg(errp, "%s: %s", igt_object_id(obj), error);
        g_free(error);
        return;
    }
    g_free(s->channel_fault);
    s->channel_fault = g_strdup(value);
}

static void igt_vgpu_finalize(Object *obj)
{
    g_free(IGT_VGPU(obj)->pvinfo);
    g_free(IGT_VGPU(obj)->channel_fault);
}

static Property igt_vgpu_properties[] = {
    DEFINE_PROP_STRING("vgpu-type", IgtVgpu, type),
    DEFINE_PROP_SIZE("aperture-base", IgtVgpu, partition.aperture_base, 0),
    DEFINE_PROP_SIZE("aperture-size", IgtVgpu, partition.aperture_size, 0),
    DEFINE_PROP_SIZE("hidden-base", IgtVgpu, partition.hidden_base, 0),
    DEFINE_PROP_SIZE("hidden-size", IgtVgpu, partition.hidden_size, 0),
    DEFINE_PROP_UINT32("fence-base", IgtVgpu, partition.fence_base, 0),
    DEFINE_PROP_UINT32("fences", IgtVgpu, partition.fences, 0),
    DEFINE_PROP_BOOL("whole-ggtt", IgtVgpu, whole_ggtt, false),
    DEFINE_PROP_UINT32("weight", IgtVgpu, weight, 0),
    DEFINE_PROP_STRING("abi", IgtVgpu, abi),
    DEFINE_PROP_UINT32("features", IgtVgpu, features, UINT32_MAX),
    DEFINE_PROP_END_OF_LIST(),
};

static void igt_vgpu_class_init(ObjectClass *klass, void *data)
{
    IgtPciClass *k = IGT_PCI_CLASS(klass);
    DeviceClass *dc = DEVICE_CLASS(klass);

    k->realize_core = igt_vgpu_realize_core;
    k->unrealize_core = igt_vgpu_unrealize_core;
    k->reset_core = igt_vgpu_reset_core;
    k->bar0_read = igt_vgpu_bar0_read;
    k->bar0_write = igt_vgpu_bar0_write;
    k->aperture_read = igt_vgpu_aperture_read;
    k->aperture_write = igt_vgpu_aperture_write;
    k->irq_level = igt_vgpu_irq_level;
    k->irq_rises = igt_vgpu_irq_rises;
    k->set_power = igt_vgpu_set_power;
    k->domain = igt_vgpu_domain;
    k->describe = igt_vgpu_describe;
    dc->desc = "vGPU of the software GVT mediator";
    device_class_set_props(dc, igt_vgpu_properties);
    object_class_property_add_str(klass, "pvinfo", igt_vgpu_get_pvinfo,
                                  igt_vgpu_set_pvinfo);
    object_class_property_set_description(
        klass, "pvinfo",
        "PVINFO fields to show instead of the truth: field=value;... or empty");
    object_class_property_add_str(klass, "channel-fault", igt_vgpu_get_channel_fault,
                                  igt_vgpu_set_channel_fault);
    object_class_property_set_description(
        klass, "channel-fault",
        "how the channel misbehaves: delay=N, delay-ms=N, drop=N, corrupt=length, "
        "corrupt=seqno, corrupt=type, lie=backwards, lie=beyond, refuse, refuse=MASK, "
        "vanish or empty");
}

static const TypeInfo igt_vgpu_info = {
    .name = TYPE_IGT_VGPU,
    .parent = TYPE_IGT_PCI,
    .instance_size = sizeof(IgtVgpu),
    .instance_finalize = igt_vgpu_finalize,
    .class_init = igt_vgpu_class_init,
};

static void igt_vgpu_register(void)
{
    type_register_static(&igt_vgpu_info);
}
type_init(igt_vgpu_register)
