/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Object "igt-gpu": the one physical GPU, in software.
 *
 *   -object igt-gpu,id=gpu0[,platform=skl|bdw|kbl|cfl][,aperture=SIZE][,trace=on][,debug=on]
 *                   [,engine-delay=NS]
 *
 * It owns the mediator (igt-vgpu devices share it) or, for one igt-gpu-pci device, the
 * bare GPU: the first device decides. It runs one thread per engine, stops them with the
 * VM (or has igt-clocked.c execute), carries the timeline, and is the core's way out (host
 * ops).
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/host-utils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qom/object_interfaces.h"
#include "sysemu/sysemu.h"

#include <json-c/json.h>

#include "igt-shim.h"

const char *igt_object_id(Object *obj)
{
    const char *id = object_get_canonical_path_component(obj);

    return id ? id : object_get_typename(obj);
}

/* ---- the core's way out ---- */

static uint64_t igt_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void igt_log(void *opaque, enum gpu_log_level level, const char *line)
{
    IgtGpu *gpu = opaque;
    const char *id = igt_object_id(OBJECT(gpu));

    switch (level) {
    case GPU_LOG_ERROR:
        error_report("%s: %s", id, line);
        break;
    case GPU_LOG_WARN:
        warn_report("%s: %s", id, line);
        break;
    case GPU_LOG_INFO:
        info_report("%s: %s", id, line);
        break;
    case GPU_LOG_DEBUG:
        if (gpu->debug) {
            info_report("%s: %s", id, line);
        }
        break;
    }
}

static void igt_kick(void *opaque, enum gpu_engine_id id)
{
    IgtGpu *gpu = opaque;

    if (gpu->clocked) {
        igt_clocked_kick(gpu->clocked, id);
    } else {
        engines_kick(gpu->engines, id);
    }
}

static void igt_event(void *opaque, enum gpu_engine_id engine, enum gpu_event event,
                      uint64_t arg)
{
    static const uint16_t kinds[] = {
        [GPU_EVENT_CONTEXT_IN] = TRACE_CONTEXT_IN,
        [GPU_EVENT_CONTEXT_OUT] = TRACE_CONTEXT_OUT,
        [GPU_EVENT_RESET] = TRACE_RESET,
        [GPU_EVENT_HANG] = TRACE_HANG,
    };
    IgtGpu *gpu = opaque;
    struct trace_event entry = {
        .ts_ns = igt_now_ns(gpu),
        .kind = kinds[event],
        .pid = IGT_TRACE_PID_GPU,
        .tid = engine,
        .a = arg,
    };

    trace_add(gpu->trace, &entry);
}

bool igt_gpu_in_slice(IgtGpu *gpu)
{
    return !qemu_mutex_iothread_locked() || gpu->clocked_slice;
}

static void *igt_bare_page(void *opaque, unsigned int domain, uint64_t addr, bool write)
{
    IgtGpu *gpu = opaque;

    IgtPci *dev = qatomic_read(&gpu->bare_dev);

    return domain == 0 && dev ? igt_dma_page(&dev->dma, addr, write) : NULL;
}

static void igt_bare_irq(void *opaque, bool level)
{
    IgtGpu *gpu = opaque;

    /* Who has the GPU may change at any time, unless this thread holds the big lock. */
    if (igt_gpu_in_slice(gpu)) {
        qatomic_set(&gpu->irq_pending, true);
    } else if (gpu->bare_dev) {
        igt_pci_irq(gpu->bare_dev);
    }
}

static const struct gpu_host_ops igt_bare_ops = {
    .page = igt_bare_page,
    .irq = igt_bare_irq,
    .now_ns = igt_now_ns,
    .kick = igt_kick,
    .log = igt_log,
    .event = igt_event,
};

static void *igt_vgpu_page(void *vgpu_opaque, uint64_t addr, bool write)
{
    IgtPci *dev = vgpu_opaque;

    return igt_dma_page(&dev->dma, addr, write);
}

static void igt_vgpu_irq(void *vgpu_opaque, bool level)
{
    igt_pci_irq(vgpu_opaque);
}

static const struct gvt_host_ops igt_mediator_ops = {
    .page = igt_vgpu_page,
    .irq = igt_vgpu_irq,
    .now_ns = igt_now_ns,
    .kick = igt_kick,
    .log = igt_log,
    .event = igt_event,
};

/* ---- engine threads ---- */

static void igt_engine_begin(void *opaque)
{
    rcu_register_thread();
}

static void igt_engine_end(void *opaque)
{
    rcu_unregister_thread();
}

static bool igt_engine_run(void *opaque, enum gpu_engine_id id, unsigned int budget,
                           uint64_t *poll_ns)
{
    IgtGpu *gpu = opaque;
    bool more;

    /* Traps and the main loop need the big lock: no batch holds them up. */
    g_assert(gpu->clocked || !qemu_mutex_iothread_locked());

    /* Page pointers live as long as the memory map they came from: one map per slice. */
    RCU_READ_LOCK_GUARD();
    if (gpu->clocked) {
        gpu->clocked_slice = true;
    }
    if (gpu->gvt) {
        more = gvt_engine_run(gpu->gvt, id, budget, poll_ns);
    } else {
        more = gpu_engine_run(gpu->bare, id, budget, poll_ns);
    }
    if (gpu->clocked) {
        gpu->clocked_slice = false;
    }
    return more;
}

/*
 * Interrupts that were raised in the slice that just ended. The engine does not count as
 * running: a reset or a pause does not wait for this thread, whether it comes from one that
 * holds the big lock, or is where the guest has its interrupt written to.
 */
static void igt_engine_ran(void *opaque)
{
    IgtGpu *gpu = opaque;
    bool locked = qemu_mutex_iothread_locked();
    IgtPci *dev;

    if (!qatomic_read(&gpu->irq_pending) || !qatomic_xchg(&gpu->irq_pending, false)) {
        return;
    }
    if (!locked) {
        qemu_mutex_lock_iothread();
    }
    /* A message may be what unplugs a device: then those that are left are asked once more. */
restart:
    QLIST_FOREACH(dev, &gpu->devices, next) {
        unsigned int changes = gpu->device_changes;

        igt_pci_irq(dev);
        if (changes != gpu->device_changes) {
            goto restart;
        }
    }
    if (!locked) {
        qemu_mutex_unlock_iothread();
    }
}

static const struct engines_ops igt_engines_ops = {
    .begin = igt_engine_begin,
    .end = igt_engine_end,
    .run = igt_engine_run,
    .ran = igt_engine_ran,
};

static void igt_gpu_vm_state(void *opaque, bool running, RunState state)
{
    engines_pause(IGT_GPU(opaque)->engines, !running);
}

static bool igt_gpu_start_engines(IgtGpu *gpu, Error **errp)
{
    unsigned int i;

    for (i = 0; i < GPU_NUM_ENGINES; i++) {
        trace_name_thread(gpu->trace, IGT_TRACE_PID_GPU, i, gpu_engine_name(i));
    }
    if (gpu->engine_delay) {
        gpu->clocked = igt_clocked_new(&igt_engines_ops, gpu, gpu->engine_delay);
        return true;
    }
    if (!engines_start(gpu->engines, !runstate_is_running())) {
        error_setg(errp, "gpu '%s': the system has no threads for its engines",
                   igt_object_id(OBJECT(gpu)));
        return false;
    }
    gpu->vmstate = qemu_add_vm_change_state_handler(igt_gpu_vm_state, gpu);
    return true;
}

static void igt_gpu_stop_engines(IgtGpu *gpu)
{
    bool locked = qemu_mutex_iothread_locked();

    igt_clocked_free(g_steal_pointer(&gpu->clocked));
    if (!gpu->vmstate) {
        return;
    }
    /* A thread may be delivering its last interrupt. */
    if (locked) {
        qemu_mutex_unlock_iothread();
    }
    engines_stop(gpu->engines);
    if (locked) {
        qemu_mutex_lock_iothread();
    }
    qemu_del_vm_change_state_handler(gpu->vmstate);
    gpu->vmstate = NULL;
}

/*
 * QEMU leaves devices and objects in place when it exits: what must be written or joined
 * is done here.
 */
static void igt_gpu_exit(Notifier *notifier, void *data)
{
    IgtGpu *gpu = container_of(notifier, IgtGpu, exit);
    IgtPci *dev;

    igt_gpu_stop_engines(gpu);
    QLIST_FOREACH (dev, &gpu->devices, next) {
        igt_pci_write_stats_file(dev);
    }
}

/* ---- for the devices ---- */

struct gvt *igt_gpu_get_mediator(IgtGpu *gpu, Error **errp)
{
    if (gpu->bare) {
        error_setg(errp,
                   "gpu '%s' is in use as bare metal by an " TYPE_IGT_GPU_PCI
                   " device and cannot be shared; "
                   "create another -object " TYPE_IGT_GPU " for the vGPU",
                   igt_object_id(OBJECT(gpu)));
        return NULL;
    }
    if (!gpu->gvt) {
        const struct gpu_config config = { gpu->platform, .aperture_size = gpu->aperture };

        gpu->gvt = gvt_new(&config, &igt_mediator_ops, gpu);
        if (!gpu->gvt) {
            error_setg(errp, "gpu '%s': no memory for the mediator",
                       igt_object_id(OBJECT(gpu)));
            return NULL;
        }
        if (!igt_gpu_start_engines(gpu, errp)) {
            gvt_free(g_steal_pointer(&gpu->gvt));
        }
    }
    return gpu->gvt;
}

struct gpu *igt_gpu_get_bare(IgtGpu *gpu, IgtPci *dev, bool display, Error **errp)
{
    const struct gpu_config config = { gpu->platform, .native = true, .display = display,
                                       .aperture_size = gpu->aperture };

    if (gpu->gvt || gpu->bare_dev) {
        error_setg(
            errp,
            "gpu '%s' is in use already (by %s); create another -object " TYPE_IGT_GPU,
            igt_object_id(OBJECT(gpu)),
            gpu->gvt ? TYPE_IGT_VGPU " devices" : igt_object_id(OBJECT(gpu->bare_dev)));
        return NULL;
    }
    if (!gpu->bare) {
        gpu->bare = gpu_new(&config, &igt_bare_ops, gpu);
        if (!gpu->bare) {
            error_setg(errp, "gpu '%s': no memory for the GPU",
                       igt_object_id(OBJECT(gpu)));
            return NULL;
        }
        if (!igt_gpu_start_engines(gpu, errp)) {
            gpu_free(g_steal_pointer(&gpu->bare));
            return NULL;
        }
    }
    qatomic_set(&gpu->bare_dev, dev);
    return gpu->bare;
}

void igt_gpu_put_bare(IgtGpu *gpu, IgtPci *dev)
{
    if (gpu->bare_dev == dev) {
        /* After the reset no engine refers to the device's memory. */
        gpu_power_on_reset(gpu->bare);
        qatomic_set(&gpu->bare_dev, NULL);
        gpu_invalidate_host_pages(gpu->bare, 0);
    }
}

struct gpu *igt_gpu_model(IgtGpu *gpu)
{
    return gpu->gvt ? gvt_gpu(gpu->gvt) : gpu->bare;
}

/* ---- properties ---- */

static char *igt_gpu_get_platform(Object *obj, Error **errp)
{
    return g_strdup(gpu_platform_name(IGT_GPU(obj)->platform));
}

static void igt_gpu_set_platform(Object *obj, const char *value, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);

    if (igt_gpu_model(gpu)) {
        error_setg(errp, "platform of gpu '%s' cannot change once a device uses it",
                   igt_object_id(obj));
    } else if (!gpu_platform_from_name(value, &gpu->platform)) {
        error_setg(errp, "platform '%s' is unknown: use skl, bdw, kbl or cfl", value);
    }
}

static void igt_gpu_get_aperture(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    uint64_t size = IGT_GPU(obj)->aperture;

    visit_type_size(v, name, &size, errp);
}

static void igt_gpu_set_aperture(Object *obj, Visitor *v, const char *name, void *opaque,
                                 Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);
    uint64_t size;

    if (!visit_type_size(v, name, &size, errp)) {
        return;
    }
    if (igt_gpu_model(gpu)) {
        error_setg(errp, "aperture of gpu '%s' cannot change once a device uses it",
                   igt_object_id(obj));
    } else if (size < GPU_APERTURE_SIZE || size > GPU_APERTURE_MAX || !is_power_of_2(size)) {
        error_setg(errp, "aperture=%" PRIu64 ": use 256M, 512M or 1G", size);
    } else {
        gpu->aperture = size;
    }
}

static bool igt_gpu_get_trace(Object *obj, Error **errp)
{
    return IGT_GPU(obj)->trace_on;
}

static void igt_gpu_set_trace(Object *obj, bool value, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);

    if (igt_gpu_model(gpu)) {
        error_setg(
            errp,
            "trace of gpu '%s' must be set before a device uses it: -object " TYPE_IGT_GPU
            ",id=%s,trace=on",
            igt_object_id(obj), igt_object_id(obj));
        return;
    }
    gpu->trace_on = value;
}

static bool igt_gpu_get_debug(Object *obj, Error **errp)
{
    return IGT_GPU(obj)->debug;
}

static void igt_gpu_set_debug(Object *obj, bool value, Error **errp)
{
    IGT_GPU(obj)->debug = value;
}

static void igt_gpu_get_engine_delay(Object *obj, Visitor *v, const char *name,
                                     void *opaque, Error **errp)
{
    visit_type_uint64(v, name, &IGT_GPU(obj)->engine_delay, errp);
}

static void igt_gpu_set_engine_delay(Object *obj, Visitor *v, const char *name,
                                     void *opaque, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);
    uint64_t delay;

    if (!visit_type_uint64(v, name, &delay, errp)) {
        return;
    }
    if (igt_gpu_model(gpu)) {
        error_setg(errp, "engine-delay of gpu '%s' cannot change once a device uses it",
                   igt_object_id(obj));
    } else if (delay > NANOSECONDS_PER_SECOND) {
        error_setg(errp, "engine-delay=%" PRIu64 ": a second (1000000000) at most", delay);
    } else {
        gpu->engine_delay = delay;
    }
}

/* Write-only: reading says how to use it. */
static char *igt_gpu_get_trace_dump(Object *obj, Error **errp)
{
    return g_strdup("");
}

static void igt_gpu_set_trace_dump(Object *obj, const char *value, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);
    char *error = NULL;

    if (!gpu->trace) {
        error_setg(errp,
                   "gpu '%s' has no timeline: start QEMU with -object " TYPE_IGT_GPU
                   ",id=%s,trace=on",
                   igt_object_id(obj), igt_object_id(obj));
    } else if (!trace_dump(gpu->trace, value, &error)) {
        error_setg(errp, "%s", error);
        free(error);
    }
}

static char *igt_gpu_get_stats(Object *obj, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(obj);
    struct json_object *root = json_object_new_object();
    struct json_object *devices = json_object_new_object();
    struct json_object *trace;
    IgtPci *dev;
    char *text;

    json_object_object_add(root, "platform",
                           json_object_new_string(gpu_platform_name(gpu->platform)));
    json_object_object_add(root, "use",
                           json_object_new_string(gpu->gvt    ? "mediator"
                                                  : gpu->bare ? "bare"
                                                              : "none"));
    if (gpu->trace) {
        trace = json_object_new_object();
        json_object_object_add(trace, "events",
                               json_object_new_uint64(trace_recorded(gpu->trace)));
        json_object_object_add(trace, "dropped",
                               json_object_new_uint64(trace_dropped(gpu->trace)));
        json_object_object_add(root, "trace", trace);
    }
    QLIST_FOREACH (dev, &gpu->devices, next) {
        json_object_object_add(devices, igt_object_id(OBJECT(dev)),
                               igt_pci_snapshot(dev));
    }
    json_object_object_add(root, "devices", devices);
    text = g_strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
    return text;
}

/* ---- life ---- */

static void igt_gpu_complete(UserCreatable *uc, Error **errp)
{
    IgtGpu *gpu = IGT_GPU(uc);

    if (!gpu->trace_on) {
        return;
    }
    gpu->trace = trace_new(TRACE_DEFAULT_EVENTS);
    if (!gpu->trace) {
        error_setg(errp, "gpu '%s': no memory for a timeline of %u events",
                   igt_object_id(OBJECT(gpu)), TRACE_DEFAULT_EVENTS);
        return;
    }
    trace_name_process(gpu->trace, IGT_TRACE_PID_GPU, igt_object_id(OBJECT(gpu)));
}

/*
 * Devices hold a reference to the object: deleting it under them is refused by QEMU, this
 * says why.
 */
static bool igt_gpu_can_be_deleted(UserCreatable *uc)
{
    return QLIST_EMPTY(&IGT_GPU(uc)->devices);
}

static void igt_gpu_init(Object *obj)
{
    IgtGpu *gpu = IGT_GPU(obj);

    gpu->platform = GPU_SKL;
    gpu->aperture = GPU_APERTURE_SIZE;
    gpu->next_pid = IGT_TRACE_PID_GPU + 1;
    QLIST_INIT(&gpu->devices);
    gpu->engines = engines_new(&igt_engines_ops, gpu);
    gpu->exit.notify = igt_gpu_exit;
    qemu_add_exit_notifier(&gpu->exit);
}

static void igt_gpu_finalize(Object *obj)
{
    IgtGpu *gpu = IGT_GPU(obj);

    qemu_remove_exit_notifier(&gpu->exit);
    igt_gpu_stop_engines(gpu);
    if (gpu->gvt) {
        gvt_free(gpu->gvt);
    }
    if (gpu->bare) {
        gpu_free(gpu->bare);
    }
    trace_free(gpu->trace);
    engines_free(gpu->engines);
}

static void igt_gpu_class_init(ObjectClass *klass, void *data)
{
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(klass);

    ucc->complete = igt_gpu_complete;
    ucc->can_be_deleted = igt_gpu_can_be_deleted;
    object_class_property_add_str(klass, "platform", igt_gpu_get_platform,
                                  igt_gpu_set_platform);
    object_class_property_set_description(klass, "platform",
                                          "which GPU: skl, bdw, kbl or cfl");
    object_class_property_add(klass, "aperture", "size", igt_gpu_get_aperture,
                              igt_gpu_set_aperture, NULL, NULL);
    object_class_property_set_description(klass, "aperture",
                                          "size of BAR 2: 256M (default), 512M or 1G");
    object_class_property_add_bool(klass, "trace", igt_gpu_get_trace, igt_gpu_set_trace);
    object_class_property_set_description(klass, "trace",
                                          "record a timeline (see trace-dump)");
    object_class_property_add_bool(klass, "debug", igt_gpu_get_debug, igt_gpu_set_debug);
    object_class_property_set_description(klass, "debug",
                                          "log the GPU's and the mediator's debug lines");
    object_class_property_add(klass, "engine-delay", "uint64", igt_gpu_get_engine_delay,
                              igt_gpu_set_engine_delay, NULL, NULL);
    object_class_property_set_description(
        klass, "engine-delay",
        "ns of the guest's clock from a kick until an engine executes, without a thread; "
        "0 (default): engines have threads");
    object_class_property_add_str(klass, "trace-dump", igt_gpu_get_trace_dump,
                                  igt_gpu_set_trace_dump);
    object_class_property_set_description(klass, "trace-dump",
                                          "write: file name to write the timeline to");
    object_class_property_add_str(klass, "stats", igt_gpu_get_stats, NULL);
    object_class_property_set_description(klass, "stats",
                                          "counters of all devices, JSON");
}

static const TypeInfo igt_gpu_info = {
    .name = TYPE_IGT_GPU,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(IgtGpu),
    .instance_init = igt_gpu_init,
    .instance_finalize = igt_gpu_finalize,
    .class_init = igt_gpu_class_init,
    .interfaces = (InterfaceInfo[]){ { TYPE_USER_CREATABLE }, {} },
};

static void igt_gpu_register(void)
{
    type_register_static(&igt_gpu_info);
}
type_init(igt_gpu_register)
