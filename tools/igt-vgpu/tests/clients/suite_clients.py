# SPDX-License-Identifier: MIT
"""Real clients of the GPU, unmodified, in a vGPU guest: Vulkan, OpenGL, OpenCL, VA-API, perf counters.

A client must find the device, drive it with Intel's own driver and not with a software renderer, and end well; the GPU must
neither hang nor be told anything that the mediator does not know. No shader is executed here: state is parsed and stepped over.
What is not installed is skipped (setup/packages has the packages: "optional").
"""

import json
import re
import shlex
import shutil
import signal
from pathlib import Path

from igtvgpu.api import *

suite = Suite("clients", timeout=120)

NODE = "/dev/dri/renderD128"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
SPINS_ON = "request_timeout_ms=0"       # otherwise i915 ends after 20 s what spins; a busy host has not come far by then
# Mesa and the compute runtime keep compiled kernels in the home folder, which the guest cannot write to.
HOME = "HOME=/tmp XDG_CACHE_HOME=/tmp XDG_RUNTIME_DIR=/tmp"
SKYLAKE = r"HD Graphics 530"

# A context, a frame buffer object, a clear, and the wait for it: what every OpenGL program does first. What was drawn is not looked at:
# that takes a shader.
GLES = """
import ctypes
egl, gl = ctypes.CDLL("libEGL.so.1"), ctypes.CDLL("libGLESv2.so.2")
pointer, integers = ctypes.c_void_p, lambda *values: (ctypes.c_int * len(values))(*values)
egl.eglGetPlatformDisplay.restype = egl.eglCreateContext.restype = pointer
gl.glGetString.restype = ctypes.c_char_p
display = pointer(egl.eglGetPlatformDisplay(0x31dd, None, None))                # EGL_PLATFORM_SURFACELESS_MESA
assert egl.eglInitialize(display, None, None) and egl.eglBindAPI(0x30a0)        # EGL_OPENGL_ES_API
context = pointer(egl.eglCreateContext(display, None, None, integers(0x3098, 3, 0x3038)))   # version 3
assert context and egl.eglMakeCurrent(display, None, None, context)
print("renderer:", gl.glGetString(0x1f01).decode())
name = ctypes.c_uint()
gl.glGenRenderbuffers(1, ctypes.byref(name)); gl.glBindRenderbuffer(0x8d41, name)
gl.glRenderbufferStorage(0x8d41, 0x8058, 256, 256)                              # GL_RGBA8
frame = ctypes.c_uint()
gl.glGenFramebuffers(1, ctypes.byref(frame)); gl.glBindFramebuffer(0x8d40, frame)
gl.glFramebufferRenderbuffer(0x8d40, 0x8ce0, 0x8d41, name)
assert gl.glCheckFramebufferStatus(0x8d40) == 0x8cd5
for step in range(8):                                                          # a clear to the colour that is there costs nothing
    gl.glClearColor(*[ctypes.c_float((step + n) % 2) for n in range(4)])
    gl.glClear(0x4000); gl.glFinish()
print("error:", gl.glGetError())
"""

# (what, the host's program, its driver, command, what it must print (all of these), what it must not)
CLIENTS = (
    ("vulkaninfo-with-anv", "vulkaninfo", "/usr/share/vulkan/icd.d/intel_icd.x86_64.json",
     "VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/intel_icd.x86_64.json vulkaninfo --summary",
     (rf"deviceName *= Intel.*{SKYLAKE}", r"deviceType *= PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU", r"deviceID *= 0x1912",
      r"driverID *= DRIVER_ID_INTEL_OPEN_SOURCE_MESA"), r"llvmpipe|LAVAPIPE"),
    ("vulkaninfo-lists-everything", "vulkaninfo", "/usr/share/vulkan/icd.d/intel_icd.x86_64.json",
     "VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/intel_icd.x86_64.json vulkaninfo",
     (r"VkPhysicalDeviceMemoryProperties", r"VK_QUEUE_FLAGS|queueFlags", SKYLAKE), r"llvmpipe|LAVAPIPE"),
    # Its exit status counts the window systems that there are none of.
    ("eglinfo-with-iris", "eglinfo", f"{LIBRARIES}/dri/iris_dri.so", "eglinfo; true",
     (r"(?s)GBM platform:.*?EGL driver name: iris", r"(?s)Surfaceless platform:.*?EGL driver name: iris"), ""),
    ("clinfo-with-NEO", "clinfo", "/etc/OpenCL/vendors/intel.icd", "OCL_ICD_VENDORS=/etc/OpenCL/vendors/intel.icd clinfo",
     (r"Number of platforms +1", r"Platform Name +Intel\(R\) OpenCL", rf"Device Name +Intel.*{SKYLAKE}"), r"pocl"),
    ("vainfo-with-iHD", "vainfo", f"{LIBRARIES}/dri/iHD_drv_video.so",
     f"LIBVA_DRIVER_NAME=iHD vainfo --display drm --device {NODE}",
     (r"Driver version: Intel iHD driver", r"VAProfileH264Main\s*:\s*VAEntrypointVLD"), r"vaInitialize failed"),
    ("vainfo-with-i965", "vainfo", f"{LIBRARIES}/dri/i965_drv_video.so",
     f"LIBVA_DRIVER_NAME=i965 vainfo --display drm --device {NODE}",
     (r"Driver version: Intel i965 driver for Intel\(R\) Skylake", r"VAProfileH264Main\s*:\s*VAEntrypointVLD"),
     r"vaInitialize failed"),
)


def absent(program: str, driver: str) -> str:
    """Why this client cannot run on this host, or nothing."""
    if not shutil.which(program):
        return f"{program} is not installed"
    return "" if Path(driver).exists() else f"no {driver}: its driver is not installed"


@suite.scenario(skip=absent("python3", f"{LIBRARIES}/dri/iris_dri.so") or absent("python3", f"{LIBRARIES}/libGLESv2.so.2"))
def iris_clears_frame_buffers(t):
    """An OpenGL ES context on iris: its state and clears go to the render engine, and come back as done."""
    seen = len(t.vm.qemu_log())
    t.vm.stats_reset("vgpu0")
    out = t.vm.run(f"{HOME} python3 -c {shlex.quote(GLES)} 2>&1", 110)
    t.log(out.out)
    t.check(out.ok, out.why())
    t.check(re.search(rf"renderer: Mesa Intel.*{SKYLAKE}", out.out) and "error: 0" in out.out, "not iris, or an OpenGL error")
    given = t.vm.stats("vgpu0")["submissions"]["rcs0"]
    t.check(given >= 8, f"the render engine was given {given} submissions for eight clears")
    quiet(t, seen)


def samples(text: str) -> list[dict[str, float]]:
    """What intel_gpu_top -J wrote so far: percent of each kind of engine, by its name without a number. The last one may be cut off."""
    found, at = [], text.find("{")
    while at >= 0:
        try:
            sample, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            break
        found.append({re.sub(r"/\d+$", "", name): engine["busy"] for name, engine in sample["engines"].items()})
        at = text.find("{", at)
    return found


def how_busy(t) -> dict[str, float]:
    """Each kind of engine on average over some seconds; the first sample, of whatever was before, does not count."""
    job = t.vm.spawn("exec intel_gpu_top -J -s 1000")
    t.wait_until(lambda: len(samples(job.output)) >= 5, "five samples of intel_gpu_top", 60)
    job.kill(signal.SIGINT)
    job.wait(20)
    taken = samples(job.output)
    t.log("\n".join(map(str, taken)))
    return {name: sum(sample[name] for sample in taken[1:]) / len(taken[1:]) for name in taken[0]}


def only(t, wanted: str, busy: dict[str, float]) -> None:
    """That kind of engine is busy, and no other."""
    t.equal(sorted(busy), ["Blitter", "Render/3D", "Video", "VideoEnhance"], "the engines")
    for name, percent in busy.items():
        t.check(percent > 80 if name == wanted else percent < 10,
                f"{name} is busy for {percent:.1f} % of the time while {wanted or 'nothing'} is in use")


@suite.scenario(rows=[("bare-gpu",)], vm=NATIVE, driver_options=SPINS_ON, skip=absent("intel_gpu_top", f"{LIBRARIES}/libigt.so.0"))
@suite.scenario(rows=[("vgpu",)], driver_options=SPINS_ON, skip=absent("intel_gpu_top", f"{LIBRARIES}/libigt.so.0"))
def intel_gpu_top_shows_which_engine_is_busy(t):
    """Nothing in use, then one engine by a client that spins, then another one: the perf counters are of that engine, and right."""
    seen = len(t.vm.qemu_log())
    only(t, "", how_busy(t))
    for engine, name in (("rcs0", "Render/3D"), ("vcs0", "Video")):
        job = t.vm.spawn(f"exec $IGT_VGPU_TOP/out/tests/igt/vgpu_share spin 100 {engine}")       # a signal is the program's, no shell's
        t.check(job.wait_output("spinning", 30), f"no load: {job.command}: {job.output}")
        busy = how_busy(t)
        job.kill(signal.SIGTERM)
        done = job.wait(20)
        t.check(done.ok, done.why())
        only(t, name, busy)
    quiet(t, seen)


def quiet(t, seen: int) -> None:
    """Nothing was caught, and the mediator has logged nothing: whatever it has to say of a good client is a complaint."""
    t.equal(t.vm.violations(t.vm.spec.devices[0].id), {}, "what the mediator caught")
    t.equal(t.vm.qemu_log()[seen:], [], "what the mediator logged")


def client(t, command: str, wanted: tuple[str, ...], unwanted: str) -> None:
    seen = len(t.vm.qemu_log())
    t.vm.stats_reset("vgpu0")
    out = t.run(f"{HOME} sh -c '{command} 2>&1'", 110)
    for pattern in wanted:
        t.check(re.search(pattern, out), f"the output does not match /{pattern}/")
    found = unwanted and re.search(unwanted, out)
    t.check(not found, f"the output says '{found and found[0]}'")
    quiet(t, seen)


for name, program, driver, command, wanted, unwanted in CLIENTS:
    suite.scenario(name=name, skip=absent(program, driver))(
        lambda t, command=command, wanted=wanted, unwanted=unwanted: client(t, command, wanted, unwanted))
