# SPDX-License-Identifier: MIT
"""The command line: run, list, count, shell, accel."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from . import accel, bench, count, discovery, paths, results, sanitize, shell, tiers
from .bench_core import CoreBenchError
from .executor import Executor
from .nested import KERNELS, make_vm
from .initramfs import BuildError
from .spec import (HOST_SERVER, HOST_SOFTWARE, NATIVE, NO_GPU, TWO_VGPUS, VGPU, Gpu, SpecError, VmSpec, on_hardware, on_platform,
                   on_real_gvt)
from .suite import SuiteError
from .vm import VmConfig, VmError

NESTED_SCALE = 4        # a guest in an emulated guest is about so much slower


class UsageError(Exception):
    """The user's wish cannot be fulfilled on this host; the text says why and what to do."""


def _note(text: str) -> None:
    print(f"# {text}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """All options; README.rst explains them."""
    top = argparse.ArgumentParser(prog="igtvgpu", description="vGPU guests: run tests in them, or a shell")
    commands = top.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="all tiers of tests, with one total")
    check.add_argument("--tier", action="append", default=[])
    check.add_argument("-v", "--verbose", action="store_true")
    for name, text in (("run", "run tests"), ("list", "list tests"), ("shell", "a shell in a guest"),
                       ("bench", "what fixed work costs, stock driver and ours"),
                       ("count", "what the lists of expected outcomes stand for"),
                       ("accel", "does KVM work on this machine?")):
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--kernel", default="series", help="a name of kernel-build's (series, stock, release, debug, 6.1, ...) or a built tree")
        sub.add_argument("--qemu", type=Path, default=None)
        sub.add_argument("--host", default=HOST_SOFTWARE,
                         help="software, kvmgt, kvmgt:series, vfio-user:SOCKET[,SOCKET] or gvt-g:UUID[,UUID]")
        sub.add_argument("--accel", default="auto", choices=("auto", "tcg", "kvm"))
        sub.add_argument("--platform", default="", choices=("", "skl", "bdw", "kbl", "cfl"))
        sub.add_argument("-v", "--verbose", action="store_true")
        if name in ("run", "list"):
            sub.add_argument("--tests", action="append", default=[])
        if name in ("run", "list", "count"):
            sub.add_argument("--suite-dir", type=Path, action="append", default=[])
        if name == "run":
            sub.add_argument("--tier", default="igt")
        if name in ("run", "bench"):
            sub.add_argument("--timeout-scale", type=float,
                             default=float(os.environ.get("IGT_VGPU_TIMEOUT_SCALE") or 1))
        if name == "accel":
            sub.add_argument("--fresh", action="store_true")
        if name == "bench":
            sub.add_argument("--only", action="append", default=[], choices=bench.PARTS, help="this part, not all (several allowed)")
        if name == "shell":
            sub.add_argument("-c", dest="script", default="", help="run this and end")
            sub.add_argument("--no-driver", action="store_true", help="leave i915 unloaded")
            which = sub.add_mutually_exclusive_group()
            which.add_argument("--native", action="store_true")
            which.add_argument("--two-vgpus", action="store_true")
            which.add_argument("--no-gpu", action="store_true")
    return top


def check_host(host: str) -> None:
    """Refuse a HOST= that cannot work here, with the way out."""
    kind, _, names = host.partition(":")
    if host in (HOST_SOFTWARE, *KERNELS):
        return
    if kind not in (HOST_SERVER, "gvt-g") or not names:
        raise UsageError(f"HOST={host}: it is 'software', {', '.join(map(repr, KERNELS))}, 'vfio-user:SOCKET[,SOCKET]' "
                         "or 'gvt-g:UUID[,UUID]'")
    for name in names.split(","):
        (_check_socket if kind == HOST_SERVER else _check_mdev)(host, name)


def _check_socket(host: str, path: str) -> None:
    if not Path(path).is_socket():
        raise UsageError(f"HOST={host}: no socket {path}: start 'make server' in another terminal, which prints where it listens")


def _check_mdev(host: str, uuid: str) -> None:
    if not re.fullmatch(r"[0-9a-fA-F-]{36}", uuid):
        raise UsageError(f"HOST={host}: '{uuid}' is no UUID")
    if not Path("/sys/bus/mdev/devices", uuid).exists():
        raise UsageError(
            f"HOST={host}: no mdev {uuid} on this host. On an Intel Gen8/9 host booted with i915.enable_gvt=1: "
            "modprobe kvmgt mdev, then (as root) echo UUID > "
            "/sys/class/mdev_bus/0000:00:02.0/mdev_supported_types/i915-GVTg_V5_4/create")


def _find_qemu(args: argparse.Namespace) -> Path:
    if args.qemu:
        found = shutil.which(str(args.qemu))
        if not found:
            raise UsageError(f"no QEMU at {args.qemu}")
        return Path(found)
    if on_hardware(args.host):
        found = shutil.which("qemu-system-x86_64") or shutil.which("qemu-kvm", path="/usr/bin:/usr/libexec")
        if not found:
            raise UsageError("HOST=gvt-g needs the system's qemu-system-x86_64: install qemu-system-x86")
        return Path(found)
    if not paths.QEMU.exists():
        raise UsageError(f"no QEMU with the mediator at {paths.QEMU}: run tools/igt-vgpu/setup/qemu-build")
    return paths.QEMU


def _config(args: argparse.Namespace) -> VmConfig:
    check_host(args.host)
    config = VmConfig(qemu=_find_qemu(args), host=args.host, kernel=args.kernel, verbose=args.verbose)
    if on_hardware(args.host):
        if args.accel == "tcg":
            raise UsageError("HOST=gvt-g needs KVM: a real GPU cannot be given to an emulated guest")
        return replace(config, accel="kvm")
    chosen, why = accel.choose(config, args.accel, getattr(args, "fresh", False), _note)
    if args.command != "accel" and args.accel == "auto":
        _note(f"accelerator: {chosen} ({why})")
    return replace(config, accel=chosen)


def _items(args: argparse.Namespace) -> list:
    folders = args.suite_dir or [paths.TESTS]
    found = discovery.declarations(folders)
    if args.platform:
        for declaration in found:
            if all(gpu.platform == Gpu().platform for gpu in declaration.vm.gpus):
                object.__setattr__(declaration, "vm", on_platform(declaration.vm, args.platform))
    if args.host != HOST_SOFTWARE:
        for declaration in found:
            object.__setattr__(declaration, "vm", on_real_gvt(declaration.vm))
    items = discovery.select(found, args.tests, args.kernel, args.verbose, _note)
    nothing = discovery.unmatched(items, args.tests)
    if nothing or not items:
        where = ", ".join(map(results.relative, folders))
        raise UsageError(f"no test matches {' '.join(nothing) or '(anything)'} in {where}; 'make list' lists them")
    return items


def command_run(args: argparse.Namespace) -> int:
    """Run the selected tests."""
    config = _config(args)
    items = _items(args)
    reporter = results.Reporter(results.environment(config.qemu, config.accel, config.host, config.kernel, args.platform), args.tier)
    config = replace(config, log_dir=reporter.folder, timeout_scale=args.timeout_scale * sanitize.SLOWER.get(args.kernel, 1))
    executor = Executor(config, reporter, config.timeout_scale * (NESTED_SCALE if args.host in KERNELS else 1))
    try:
        executor.run(items)
    except KeyboardInterrupt:
        reporter.clear_progress()
        ran = {r.name for r in reporter.results}
        for item in items:
            if not any(n == item.name or n.startswith(item.name + "/") for n in ran):
                reporter.add(results.Result(item.name, "fail", "not run: interrupted"))
    return reporter.finish()


def command_list(args: argparse.Namespace) -> int:
    """List the selected tests with the VM that each needs."""
    for item in _items(args):
        state = f"   [{'skip: ' + item.skip if item.skip else 'cannot run: ' + item.broken}]" \
            if item.skip or item.broken else ""
        for name in item.names:
            print(f"{name:<64} {item.declaration.kind:<10} {item.declaration.vm.describe()}{state}")
    return 0


def command_count(args: argparse.Namespace) -> int:
    """Subtests by expected outcome."""
    tables = list(count.tables(discovery.declarations(args.suite_dir or [paths.TESTS])))
    if not tables:
        raise UsageError("no list of expected outcomes, or no build of the programs: IGT=DIR names one")
    print("\n\n".join(tables))
    return 0


def command_shell(args: argparse.Namespace) -> int:
    """A guest for the user's hands."""
    spec: VmSpec = NATIVE if args.native else TWO_VGPUS if args.two_vgpus else NO_GPU if args.no_gpu else VGPU
    spec = on_platform(spec, args.platform) if args.platform else spec
    config = _config(args)
    with make_vm(spec, config, "shell") as vm:
        _note(f"booting {spec.describe()}, kernel {args.kernel}")
        vm.boot()
        state = "not loaded"
        if spec.has_gpu and not args.no_driver:
            done = vm.modprobe_i915()
            bound = [d.bdf for d in spec.devices if vm.i915_bound(d.bdf)]
            state = f"loaded and drives {', '.join(bound) or 'nothing: its probe failed'}" if done.ok else done.why()
        if args.script:
            done = vm.run(args.script, 24 * 3600, on_output=lambda d: print(d.decode(errors="replace"), end="", flush=True))
            return done.rc if done.rc is not None else 1
        print(shell.GREETING.format(log=results.relative(vm.log_path), state=state))
        if not sys.stdin.isatty():
            raise UsageError("no terminal: use -c COMMAND")
        return shell.interact(vm)


def command_bench(args: argparse.Namespace) -> int:
    """Tables of what things cost."""
    parts = set(args.only or bench.PARTS)
    config = VmConfig() if parts == {"core"} else replace(_config(args), timeout_scale=args.timeout_scale)
    if args.host != HOST_SOFTWARE:
        raise UsageError("the counters that make bench reads are the software mediator's")
    if parts & {"driver", "svm", "native"}:
        _note("building the programs that are measured")
        wrong = discovery.build(paths.TESTS / "igt", args.verbose)
        if wrong:
            raise UsageError(wrong)
    folder = paths.RESULTS / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return bench.run(replace(config, log_dir=folder), folder, _note, args.only)


def command_accel(args: argparse.Namespace) -> int:
    """Print kvm or tcg, and why."""
    config = _config(args)
    chosen, why = accel.choose(config, args.accel, False, _note)
    print(f"{chosen}   ({why})")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 fine, 1 a test failed, 2 could not even try."""
    args = parser().parse_args(argv)
    try:
        if args.command == "check":
            return tiers.check(args.tier, args.verbose)
        return {"run": command_run, "list": command_list, "count": command_count, "shell": command_shell, "bench": command_bench,
                "accel": command_accel}[args.command](args)
    except (UsageError, SuiteError, SpecError, VmError, BuildError, CoreBenchError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
