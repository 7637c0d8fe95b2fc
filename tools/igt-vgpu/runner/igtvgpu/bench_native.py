# SPDX-License-Identifier: MIT
"""`make bench`, part "native": what the series costs on bare hardware, where there is no mediator: code size, and instructions of hot paths.

Three builds of one configuration (kernel-build release...): stock 6.12, the series as its Kconfig defaults have it (CONFIG_DRM_I915_SVM off),
and with SVM on. Instructions are counted, not timed, in a guest whose clock counts them and whose engines execute by that clock
(vgpu_cost.c): the sample in the middle is the same in most boots, to a few instructions. Where memory lies may make one differ by a few dozen
nevertheless, so each kernel boots several times, and the table says how many boots agree."""

from __future__ import annotations

import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from . import paths
from .spec import Gpu, NativeGpu, VmSpec
from .vm import VM, VmConfig, VmError

STOCK, DEFAULT, SVM = "release-stock", "release-default", "release"
KERNELS = {STOCK: "stock 6.12", DEFAULT: "series", SVM: "series, SVM on"}
PROGRAM = "$IGT_VGPU_TOP/out/tests/igt/vgpu_cost"
I915 = Path("drivers/gpu/drm/i915")
OURS = ("vgpu/", "svm/")            # folders that the series adds
REPLACED = ("i915_vgpu.o",)         # and what it replaces by them
SAMPLES = 400
BOOTS = 9
ENGINE_DELAY = 200_000              # instructions from a submission until its engine executes: more than an execbuffer takes
MOST = 0.001                        # 0.1 %
# vgpu_cost's work, a line that it prints, what that is. The target is about these: submissions and GGTT binds ...
HOT = (*((engine, "ioctl", f"a no-op submission on {engine}") for engine in ("rcs0", "bcs0", "vcs0", "vecs0")),
       ("bind", "bind", "a page bound into the GGTT"), ("bind", "unbind", "... and unbound"))
# ... and not about these, which are shown: how many interrupts a batch takes is a matter of time, how many pages a context, of what memory was
# free. A fence is taken by a fault on a tiled map.
COLD = (("fence", "fence", "a fence taken by another object"),
        *((engine, "through", f"a no-op on {engine} until it is complete") for engine in ("rcs0", "bcs0", "vcs0", "vecs0")),
        ("context", "create", "a context created"), ("context", "first-run", "... run for the first time"), ("context", "destroy", "... destroyed"))

Figures = dict[str, Any]


# ---- code ----

@dataclass(frozen=True)
class Size:
    """Bytes, as size(1) has them."""

    text: int = 0
    data: int = 0
    bss: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.text + other.text, self.data + other.data, self.bss + other.bss)


def _sizes(files: list[Path]) -> dict[Path, Size]:
    done = subprocess.run(["size", "-B", *map(str, files)], capture_output=True, text=True, check=True)
    rows = (line.split() for line in done.stdout.splitlines()[1:])
    return {Path(r[5]): Size(*map(int, r[:3])) for r in rows}


def _functions(files: list[Path]) -> dict[str, int]:
    """Bytes of code by function; those of one name, static ones of several files, together."""
    done = subprocess.run(["nm", "-S", *map(str, files)], capture_output=True, text=True, check=True)
    found: dict[str, int] = {}
    for m in re.finditer(r"^[0-9a-f]+ ([0-9a-f]+) [tT] (\S+)$", done.stdout, re.M):
        name = re.sub(r"\.(isra|constprop|part|cold)\.?\d*|\.\d+$", "", m[2])
        found[name] = found.get(name, 0) + int(m[1], 16)
    return found


def _objects(kernel: str) -> list[Path]:
    """What i915.ko of that kernel is linked from."""
    tree = paths.kernel_dir(kernel)
    listed = (tree / I915 / "i915.mod").read_text().split()
    return [tree / name for name in listed]


def _code(kernel: str) -> Figures:
    base = paths.kernel_dir(kernel) / I915
    parts = {"module": Size(), "ours": Size(), "stock files": Size()}
    files = _objects(kernel)
    for path, size in _sizes(files).items():
        name = str(path.relative_to(base))
        parts["ours" if name.startswith(OURS) or name in REPLACED else "stock files"] += size
    parts["module"] = _sizes([base / "i915.ko"])[base / "i915.ko"]
    old = [f for f in files if not str(f.relative_to(base)).startswith(OURS) and f.name not in REPLACED]
    return {"sizes": {name: vars(size) for name, size in parts.items()}, "functions": _functions(old)}


def grown(figures: Figures, kernel: str) -> dict[str, int]:
    """Functions of the stock driver's files that are not as long as they were, or that are there only now or no longer."""
    stock, ours = (figures["code"][k]["functions"] for k in (STOCK, kernel))
    return {name: ours.get(name, 0) - stock.get(name, 0) for name in {*stock, *ours} if ours.get(name, 0) != stock.get(name, 0)}


# ---- instructions ----

WORKS = tuple(dict.fromkeys(row[0] for row in (*HOT, *COLD)))


def in_turn(number: int) -> tuple[str, ...]:
    """The works, each boot in another order: none is always the first."""
    first = number % len(WORKS)
    return (*WORKS[first:], *WORKS[:first])


def _boot(kernel: str, works: tuple[str, ...], config: VmConfig) -> dict[str, int]:
    """"work line" -> the sample in the middle, on one boot of that kernel; each with the driver loaded anew, or what was run before shows."""
    spec = VmSpec(gpus=(Gpu(engine_delay=ENGINE_DELAY),), devices=(NativeGpu(),), kernel=kernel, smp=1, count_instructions=True, cmdline="norandmaps")
    found = {}
    with VM(spec, config, f"native-{kernel}") as vm:
        vm.boot()
        for work in works:
            vm.modprobe_i915()
            done = vm.run(f"{PROGRAM} {work} {SAMPLES}", 300)
            lines = dict(re.findall(r"^([a-z-]+):((?: \d+)+)$", done.out, re.M))
            if not done.ok or not lines:
                raise VmError(done.why())
            found |= {f"{work} {name}": statistics.median_low(map(int, values.split())) for name, values in lines.items()}
            vm.unload_i915()
    return found


def measure(config: VmConfig, note: Callable[[str], None]) -> Figures:
    """code: kernel -> sizes and functions; boots: kernel -> a row a boot."""
    figures: Figures = {"code": {kernel: _code(kernel) for kernel in KERNELS}, "boots": {kernel: [] for kernel in KERNELS}}
    for n in range(1, BOOTS + 1):
        for kernel, name in KERNELS.items():
            note(f"native: {name}, boot {n} of {BOOTS}")
            figures["boots"][kernel].append(_boot(kernel, in_turn(n), config))
    return figures


def _cost(figures: Figures, kernel: str, key: str) -> float:
    """Of the boot in the middle."""
    return statistics.median_low(boot[key] for boot in figures["boots"][kernel])


def more(figures: Figures, kernel: str, key: str) -> float:
    """By which part of the stock driver's instructions this kernel takes more."""
    return _cost(figures, kernel, key) / _cost(figures, STOCK, key) - 1


def agree(figures: Figures, key: str) -> int:
    """How many boots of a kernel are within what is looked for of the one in the middle; of the kernel of which the fewest are."""
    return min(sum(abs(boot[key] / _cost(figures, kernel, key) - 1) <= MOST for boot in figures["boots"][kernel]) for kernel in KERNELS)


def growth(figures: Figures, kernel: str, part: str) -> float:
    """By which part of its size the code (text) of the stock driver's module, or of its files, grew."""
    sizes = [figures["code"][k]["sizes"][part]["text"] for k in (STOCK, kernel)]
    return sizes[1] / sizes[0] - 1


def _instructions(figures: Figures, kernel: str) -> tuple[bool, str]:
    """Reached only if it is shown: most boots of a kernel agree as well as the target is fine."""
    keys = [f"{work} {name}" for work, name, _ in HOT]
    worst = max(keys, key=lambda key: more(figures, kernel, key))
    loose = min(keys, key=lambda key: agree(figures, key))
    return (more(figures, kernel, worst) <= MOST and agree(figures, loose) > BOOTS / 2,
            f"bare hardware, {KERNELS[kernel]}: at most 0.1 % more instructions on a hot path: {more(figures, kernel, worst):+.2%} ({worst}); "
            f"{agree(figures, loose)} of {BOOTS} boots agree at least ({loose})")


def judge(figures: Figures) -> list[tuple[bool, str]]:
    """The targets: of what a native user runs, with the defaults of Kconfig and with SVM on. That the module as a whole grows by what is new
    in it is no target, but said."""
    verdicts = []
    for kernel in (DEFAULT, SVM):
        verdicts.append(_instructions(figures, kernel))
        verdicts.append((growth(figures, kernel, "stock files") <= MOST,
                         f"bare hardware, {KERNELS[kernel]}: at most 0.1 % more code in files that were there: {growth(figures, kernel, 'stock files'):+.2%} "
                         f"(i915.ko with vgpu/, svm/: {growth(figures, kernel, 'module'):+.2%})"))
    return verdicts


# ---- the table ----

def _size_rows(figures: Figures) -> list[str]:
    lines = [f"{'i915.ko, bytes':<46}{'text':>12}{'data':>10}{'bss':>10}{'text, more':>12}"]
    for part in ("module", "stock files", "ours"):
        for kernel, name in KERNELS.items():
            size = figures["code"][kernel]["sizes"][part]
            relative = f"{growth(figures, kernel, part):+.3%}" if part != "ours" and kernel != STOCK else ""
            what = {"module": "all", "stock files": "files of 6.12", "ours": "vgpu/, svm/ (stock: i915_vgpu.c)"}[part]
            lines.append(f"  {what + ', ' + name:<44}{size['text']:>12}{size['data']:>10}{size['bss']:>10}{relative:>12}")
    return lines


def table(figures: Figures) -> str:
    """Code, then instructions, then what of the stock driver's functions grew."""
    lines = _size_rows(figures)
    lines.append(f"\n{'instructions':<46}" + "".join(f"{name:>16}" for name in KERNELS.values()) + f"{'boots':>10}")
    for work, name, text in (*HOT, *COLD):
        key = f"{work} {name}"
        cells = "".join(f"{_cost(figures, k, key):>16.0f}" for k in KERNELS)
        lines.append(f"  {text:<44}{cells}{agree(figures, key):>5} of {BOOTS}")
        lines.append(f"  {'':<44}{'':>16}{more(figures, DEFAULT, key):>+16.2%}{more(figures, SVM, key):>+16.2%}")
    for kernel in (DEFAULT, SVM):
        changes = sorted(grown(figures, kernel).items(), key=lambda kv: -abs(kv[1]))
        lines.append(f"\n{KERNELS[kernel]}: functions of the stock driver's files that changed in size, bytes")
        lines += [f"  {name:<60}{by:>+8}" for name, by in changes]
    return "\n".join(lines)
