# SPDX-License-Identifier: MIT
"""Programs of Debian's intel-gpu-tools, unmodified: user space that was not written with our mediator in mind.

Each has arguments that make it short. A benchmark prints a number per repetition; the number's size is not judged here, that
it comes at all (and not "nan", and no error) is. What breaks a line: an ioctl that fails, a batch that never completes, an
engine or a perf counter that is missing.
"""

from igtvgpu.api import *

BENCHMARKS = "/usr/libexec/igt-gpu-tools/benchmarks"
NUMBER = r"^ *\d+\.\d+$"

suite = Suite("stock", timeout=120)


def benchmark(name: str, command: str, output: str = NUMBER, **more) -> None:
    suite.stock(name, f"{BENCHMARKS}/{command}", output=output, **more)


for engine in ("rcs", "bcs", "vcs", "vecs"):
    benchmark(f"gem_exec_nop-on-{engine}", f"gem_exec_nop -e {engine} -r 1")
benchmark("gem_exec_nop-synchronous", "gem_exec_nop -e rcs -s -r 1")
benchmark("gem_exec_nop-on-all-engines-and-cpus", "gem_exec_nop -e all -f -r 1")
benchmark("gem_exec_ctx-creating", "gem_exec_ctx -b create -r 1")
benchmark("gem_exec_ctx-switching", "gem_exec_ctx -b switch -r 1")
benchmark("gem_exec_ctx-switching-synchronously", "gem_exec_ctx -b switch -s -r 1")
benchmark("gem_exec_ctx-default", "gem_exec_ctx -b default -r 1")
benchmark("gem_blt-of-64-KiB", "gem_blt -s 65536 -r 1 -t 200")
benchmark("gem_blt-of-1-MiB-in-batches", "gem_blt -s 1048576 -b 4 -r 1 -t 200")
benchmark("gem_create", "gem_create -s 16384 -r 1")
benchmark("gem_create-busy", "gem_create -s 16384 -b -r 1")
benchmark("gem_latency", "gem_latency -t 2", r"^\d+/\d+: +[\d.]+us +[\d.]+us")
benchmark("gem_latency-with-consumers-and-contexts", "gem_latency -t 2 -p 2 -c 2 -s", r"^\d+/\d+: +[\d.]+us +[\d.]+us")
benchmark("gem_exec_reloc", "gem_exec_reloc -b 16 -r 64 -l 1")
benchmark("gem_exec_fault", "gem_exec_fault -e rcs -r 1 -t 1")
benchmark("gem_set_domain", "gem_set_domain -c w -g w -s 65536 -r 1")
benchmark("gem_prw-read", "gem_prw -D read -r 1")
benchmark("gem_prw-write", "gem_prw -D write -r 1")

# It runs until it is interrupted; the columns show that the perf counters of all four engines exist, the row below that they are read.
suite.stock("intel_gpu_top", "timeout --preserve-status -s INT 8 intel_gpu_top -l -s 500",
            output=r"RCS.*BCS.*VCS.*VECS.*\n.*\n( +\d+){3}( +\d+\.\d+ +\d+ +\d+){4} *$")
suite.stock("intel_gpu_top-lists-the-device", "intel_gpu_top -L", output=r"card0 .*[Ii]ntel")
suite.stock("lsgpu", "lsgpu", output=r"card0")
suite.stock("intel_reg-reads-the-magic-of-the-PVINFO-page", "intel_reg read 0x78000", output=r"0x76544776")
