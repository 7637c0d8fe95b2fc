# SPDX-License-Identifier: MIT
"""`make check`: all tiers in order, a table, one total. A tier is a command whose last totals line counts its tests.

Tests in guests leave half of a second core idle, so what needs no guest runs beside them, at a low priority."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from . import ktap, paths, series

_TAP = re.compile(r"^(1\.\.\d|ok \d|not ok \d|Bail out!)")
_TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped")
SETUP = paths.TOOLS / "setup"
SERIES = paths.TOP / "scripts" / "series"
_IGTVGPU = (sys.executable, "-m", "igtvgpu")
_SELF = paths.TOOLS / "runner" / "tests"
# Detection, batches, the first comparisons: each program starts slowly there, so only a few.
KVMGT_SMOKE = ("igt/vgpu_detect/the-debugfs-file-agrees-with-the-pvinfo-page", "igt/vgpu_exec/stores-arrive-*-rcs0",
               "igt/vgpu_exec/stores-arrive-*-bcs0", "igt/vgpu_exec/the-blitter-copies-and-fills-exactly",
               "kvmgt/a_cpu_of_l1_that_loads_its_fpu_disturbs_no_guest", "kvmgt/the_pvinfo_page_is_the_same",
               "kvmgt/the_registers_of_a_probe_read_the_same")
# And balloons, a fence, the other engines, hangs, mirrored memory, a reload, all comparisons.
KVMGT = (*KVMGT_SMOKE, "igt/vgpu_balloon/the-*",        # the others read a million GGTT entries
         "igt/vgpu_fence/three-times-as-many-tiled-maps-as-fences-all-work", "igt/vgpu_exec/stores-arrive-*",
         "igt/vgpu_hang/an-unknown-command-*-rcs0", "igt/vgpu_hang/a-spinning-batch-*-rcs0", "igt/vgpu_hang/a-full-reset-*",
         "igt/vgpu_svm/cpu-and-gpu-see-each-others-writes-in-*", "igt/vgpu_svm/mirrored-memory-is-reached-on-*",
         "igt/vgpu_reload/unload-and-load-three-times", "kvmgt/")
# Where the series has threads, interrupts and a mediator meet.
RACES = ("igt/vgpu_context", "igt/vgpu_fence", "igt/vgpu_svm", "kselftest/", "kunit/", "channel/", "svm/")


@dataclass(frozen=True)
class Tier:
    """`needs` must exist on disk; `after` names build tiers without which this one cannot run."""

    name: str
    about: str
    command: tuple[str, ...]
    needs: Path
    after: tuple[str, ...] = ()
    counts: bool = True         # a build step has no tests of its own: it only counts if it fails
    by_name: bool = False       # runs only where it is asked for: --tier NAME
    alone: bool = False         # runs when nothing runs beside it any more
    beside: bool = False        # runs beside the guests' tiers that follow, if any do, and says what it has to say at its end
    backport: str = ""          # the backport that its result is about; else it is about the series

    @property
    def builds(self) -> bool:
        """Whether the kernel tree of its series has a part in its result."""
        return (f"kernel-{self.backport}" if self.backport else "kernel") in (self.name, *self.after)


def _on_kvmgt(host: str, tier: str, tests: tuple[str, ...], *options: str) -> tuple[str, ...]:
    return (*_IGTVGPU, "run", "--host", host, *options, "--tier", tier, *(f"--tests={t}" for t in tests))


def _of_series(name: str, *command: str) -> tuple[str, ...]:
    """A command of setup/ or scripts/series/ about a backport."""
    return ("env", f"IGT_VGPU_SERIES={name}", *command)


def _beside_the_series(name: str) -> Tier:
    """Whether a backport has what the series has. Its kernel's source is not fetched for that."""
    return Tier(f"static-{name}", f"the series on Linux {name}: one to one with patches/",
                _of_series(name, str(SERIES / "check"), "--no-source"), SERIES / "check", beside=True)


def _of_backport(name: str) -> tuple[Tier, ...]:
    """By name: these need the source of one more kernel, and its build takes as long as the other's."""
    static = ("names", "applies", "originals", "roundtrip", "signed", "explained", "documented")
    return (
        Tier(f"source-{name}", f"fetch: source of Linux {name}", _of_series(name, str(SETUP / "fetch"), "kernel"), SETUP / "fetch",
             counts=False, by_name=True),
        Tier(f"applies-{name}", f"the series on Linux {name}: applies exactly, round trip",
             _of_series(name, str(SERIES / "check"), *static), SERIES / "check", (f"source-{name}",), by_name=True, backport=name),
        Tier(f"kernel-{name}", f"build: guest kernel with the series on Linux {name}", (str(SETUP / "kernel-build"), name),
             SETUP / "kernel-build", counts=False, by_name=True, backport=name),
        # kernel: the kselftests are built from its tree.
        Tier(f"guest-{name}", f"in guests with Linux {name}: all tests", (*_IGTVGPU, "run", "--kernel", name, "--tier", f"guest-{name}"),
             paths.TESTS, ("kernel", "kernel-stock", f"kernel-{name}", "qemu"), by_name=True, backport=name),
    )


TIERS = (
    Tier("runner", "the runner on fake VMs", (sys.executable, str(_SELF / "run.py"), "fake", "setup"), _SELF / "run.py"),
    Tier("core", "mediator core, ASan+UBSan", ("make", "--no-print-directory", "-C", str(paths.TOOLS / "mediator"), "check"),
         paths.TOOLS / "mediator" / "Makefile"),
    Tier("kernel", "build: guest kernel with the series", (str(SETUP / "kernel-build"), "series"), SETUP / "kernel-build",
         counts=False),
    Tier("kernel-stock", "build: guest kernel without it", (str(SETUP / "kernel-build"), "stock"), SETUP / "kernel-build",
         counts=False),
    Tier("kernel-kvmgt", "fetch: kernel of a host with the real GVT-g", (str(SETUP / "kvmgt-kernel"),),
         SETUP / "kvmgt-kernel", counts=False),
    Tier("qemu", "build: QEMU with the mediator", (str(SETUP / "qemu-build"),), SETUP / "qemu-build", counts=False),
    Tier("devices", "the QEMU devices without a guest",
         (sys.executable, "-B", str(paths.TOOLS / "mediator" / "qemu" / "test_devices.py")),
         paths.TOOLS / "mediator" / "qemu" / "test_devices.py", ("qemu",)),
    Tier("vfio-user", "the server and its client in QEMU, without a guest",
         (sys.executable, "-B", str(paths.TOOLS / "mediator" / "qemu" / "test_vfio_user.py")),
         paths.TOOLS / "mediator" / "qemu" / "test_vfio_user.py", ("qemu",)),
    Tier("coverage", "mediator core, lines that its tests execute",
         ("make", "--no-print-directory", "-C", str(paths.TOOLS / "mediator"), "coverage"),
         paths.TOOLS / "mediator" / "Makefile", beside=True),
    Tier("tsan", "mediator core, ThreadSanitizer",
         ("make", "--no-print-directory", "-C", str(paths.TOOLS / "mediator"), "tsan"),
         paths.TOOLS / "mediator" / "Makefile", beside=True),
    Tier("fuzz", "mediator core, libFuzzer", ("make", "--no-print-directory", "-C", str(paths.TOOLS / "mediator"), "fuzz"),
         paths.TOOLS / "mediator" / "Makefile", beside=True),
    Tier("static", "the series: style, sparse, coccinelle, round trip", (str(SERIES / "check"),), SERIES / "check", beside=True),
    *map(_beside_the_series, paths.backports()),
    # Every patch alone. A cold cache takes longer than CI may: what is left over is skipped, and said so.
    Tier("series-build", "each patch compiles without a warning",
         (str(SERIES / "build"), "--quick", "--skip-header-test", "--minutes", "5"), SERIES / "build", beside=True),
    Tier("series-tests", "the series tooling, with broken patches", (str(SERIES / "tests" / "run"),),
         SERIES / "tests" / "run", beside=True),
    Tier("cocci-tests", "our coccinelle rules, on code that breaks them",
         (str(paths.TOP / "scripts" / "coccinelle" / "tests" / "run"),),
         paths.TOP / "scripts" / "coccinelle" / "tests" / "run", beside=True),
    Tier("runner-vm", "the runner on real guests", (sys.executable, str(_SELF / "run.py"), "vm"), _SELF / "run.py",
         ("kernel-stock", "qemu")),
    Tier("guest", "in guests: igt, kunit, kselftest, selftests, stock, scenarios",
         (*_IGTVGPU, "run", "--tier", "guest"), paths.TESTS, ("kernel", "kernel-stock", "qemu")),
    Tier("registers", "bare hardware: each access to a register, against stock 6.12",
         (*_IGTVGPU, "run", "--tier", "registers", "--tests=native/registers"), paths.TESTS, ("kernel", "kernel-stock", "qemu")),
    # Each guest is one in a guest.
    Tier("kvmgt-smoke", "on the real GVT-g, nested: a smoke", _on_kvmgt("kvmgt", "kvmgt-smoke", KVMGT_SMOKE), paths.TESTS,
         ("kernel", "kernel-kvmgt", "qemu"), alone=True),
    Tier("kvmgt", "on the real GVT-g, nested: more of it, and what both mediators show", _on_kvmgt("kvmgt", "kvmgt", KVMGT),
         paths.TESTS, ("kernel", "kernel-kvmgt", "qemu"), by_name=True, alone=True),
    *(Tier(f"kvmgt-{platform}", f"the smoke on the real GVT-g of {name}", _on_kvmgt("kvmgt", f"kvmgt-{platform}", KVMGT_SMOKE, "--platform", platform),
           paths.TESTS, ("kernel", "kernel-kvmgt", "qemu"), by_name=True, alone=True)
      for platform, name in (("bdw", "Broadwell"), ("kbl", "Kaby Lake"), ("cfl", "Coffee Lake"))),
    # Does the host's side, gvt/, do with the series what it does without?
    Tier("kernel-kvmgt-series", "build: kernel of such a host, with the series", (str(SETUP / "kernel-build"), "kvmgt-series"),
         SETUP / "kernel-build", counts=False, by_name=True),
    Tier("kvmgt-series", "the same on the GVT-g of the tree with the series",
         _on_kvmgt("kvmgt:series", "kvmgt-series", KVMGT), paths.TESTS, ("kernel", "kernel-kvmgt-series", "qemu"), by_name=True, alone=True),
    # By name: each takes hours under TCG.
    Tier("kernel-debug", "build: guest kernel that looks for errors of memory", (str(SETUP / "kernel-build"), "debug"),
         SETUP / "kernel-build", counts=False, by_name=True),
    Tier("kernel-race", "build: guest kernel that looks for data races", (str(SETUP / "kernel-build"), "race"), SETUP / "kernel-build",
         counts=False, by_name=True),
    Tier("debug", "in guests with KASAN, kmemleak, UBSAN, debug objects: all tests",
         (*_IGTVGPU, "run", "--kernel", "debug", "--tier", "debug"), paths.TESTS,
         ("kernel", "kernel-stock", "kernel-debug", "qemu"), by_name=True),
    Tier("race", "in guests with KCSAN: contexts, fences, the channel, mirrored memory",
         (*_IGTVGPU, "run", "--kernel", "race", "--tier", "race", *(f"--tests={t}" for t in RACES)), paths.TESTS,
         ("kernel", "kernel-stock", "kernel-race", "qemu"), by_name=True),
    *(tier for name in paths.backports() for tier in _of_backport(name)),
)


@dataclass
class Outcome:
    """What a tier came to."""

    tier: Tier
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)

    def totals(self) -> tuple[int, int, int]:
        return self.passed, self.failed, self.skipped


def _environment() -> dict[str, str]:
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    env["PYTHONPATH"] = str(paths.TOOLS / "runner")
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return env


LOW_PRIORITY = ("nice", "-n", "10")


def run_tier(tier: Tier, broken: set[str], log_dir: Path, verbose: bool, show: Callable[[str], None]) -> Outcome:
    """Run one tier, its output given to `show` and in a log."""
    outcome = Outcome(tier)
    missing = [name for name in tier.after if name in broken]
    if not tier.needs.exists():
        outcome.problem = f"not run: there is no {tier.needs.relative_to(paths.TOP)}"
    elif missing:
        outcome.problem = f"not run: {', '.join(missing)} failed"
    if outcome.problem:
        outcome.failed = 1
        return outcome
    began = time.monotonic()
    log_path = log_dir / f"{tier.name}.log"
    command = [*(LOW_PRIORITY if tier.beside else ()), *tier.command, *(["-v"] if verbose and tier.name.startswith("guest") else [])]
    totals: tuple[int, int, int] | None = None
    tap: list[str] = []
    with log_path.open("w") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                                     text=True, errors="replace", cwd=paths.TOP,
                                                     env=_environment()) as process:
        assert process.stdout
        for line in process.stdout:
            log.write(line)
            show(line)
            match = _TOTALS.match(line)
            if match:
                totals = (int(match[1]), int(match[2]), int(match[3]))
            if _TAP.match(line):
                tap.append(line)
    if totals is None and tap:
        totals = _tap_totals(tap)
    outcome.seconds = time.monotonic() - began
    if totals and tier.counts:
        outcome.passed, outcome.failed, outcome.skipped = totals
    shown = log_path.relative_to(paths.TOP) if log_path.is_relative_to(paths.TOP) else log_path
    if tier.counts and totals is None:
        outcome.failed += 1
        outcome.problem = f"printed no totals (status {process.returncode}, log {shown})"
    elif process.returncode and not outcome.failed:
        outcome.failed += 1
        outcome.problem = f"status {process.returncode} (log {shown})"
    elif tier.counts and not sum(outcome.totals()):
        outcome.failed += 1
        outcome.problem = f"ran no test (log {shown})"
    elif outcome.failed:
        outcome.problem = f"log {shown}"
    outcome.kinds = _kinds(tier) if totals else {}
    return outcome


def _tap_totals(lines: list[str]) -> tuple[int, int, int]:
    """The totals of a tier that prints TAP; what is malformed is a failure."""
    report = ktap.parse("KTAP version 1\n" + "".join(lines))
    count = {status: sum(c.status == status for c in report.cases) for status in ("pass", "fail", "skip")}
    return count["pass"], count["fail"] + len(report.errors), count["skip"]


def _kinds(tier: Tier) -> dict[str, dict[str, int]]:
    if not tier.name.startswith("guest"):
        return {}
    try:
        return json.loads((paths.RESULTS / "tiers" / f"{tier.name}.json").read_text()).get("kinds", {})
    except (OSError, ValueError):
        return {}


def table(outcomes: list[Outcome]) -> str:
    """One row a tier; the guest tier also by kind."""
    width = max(14, *(len(o.tier.name) + 1 for o in outcomes))
    lines = [f"{'tier':<{width}}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}  "]
    for o in outcomes:
        numbers = f"{o.passed:>8}{o.failed:>8}{o.skipped:>9}" if o.tier.counts or o.failed else f"{'built':>8}{'':>17}"
        lines.append(f"{o.tier.name:<{width}}{numbers}{o.seconds:>9.0f}  {o.problem or o.tier.about}")
        for kind, count in sorted(o.kinds.items()):
            lines.append(f"  {kind:<{width - 2}}{count['passed']:>8}{count['failed']:>8}{count['skipped']:>9}")
    return "\n".join(lines)


def _show(text: str) -> None:
    print(text, end="", flush=True)


def _run_beside(tier: Tier, log_dir: Path) -> Outcome:
    """Run one tier in silence, then print what it said."""
    said: list[str] = []
    outcome = run_tier(tier, set(), log_dir, False, said.append)
    _show("".join([f"\n=== {tier.name}, beside the guests: {tier.about}\n", *said, f"=== {tier.name}: {outcome.problem or 'done'}\n"]))
    return outcome


def run_all(tiers: list[Tier], log_dir: Path, verbose: bool) -> list[Outcome]:
    """Run these tiers, one after the other and, of those that may, one at a time beside the others; their outcomes in the same order."""
    done: dict[str, Outcome | Future[Outcome]] = {}
    broken: set[str] = set()
    with ThreadPoolExecutor(max_workers=1) as pool:
        for number, tier in enumerate(tiers):
            if tier.beside and not all(t.beside for t in tiers[number:]):
                done[tier.name] = pool.submit(_run_beside, tier, log_dir)
                continue
            if tier.alone:
                wait(o for o in done.values() if isinstance(o, Future))
            _show(f"\n=== {tier.name}: {tier.about}\n")
            outcome = done[tier.name] = run_tier(tier, broken, log_dir, verbose, _show)
            if outcome.problem:
                _show(f"=== {tier.name}: {outcome.problem}\n")
                broken |= {tier.name} if outcome.failed else set()
    return [o.result() if isinstance(o, Future) else o for o in done.values()]


class Record:
    """out/results/check.json: the newest result of each tier, with the state of patches/ (or of the backport) that it was of. It is empty
    where that cannot be said: the patches changed meanwhile, or the guests' kernel had other edits. A tier that was begun and did not end
    has no result."""

    def __init__(self, wanted: set[str]) -> None:
        self._path = paths.RESULTS / "check.json"
        try:
            told = json.loads(self._path.read_text())["tiers"]
            self._known = {t["name"]: t for t in told if t["name"] not in wanted}
        except (OSError, ValueError, KeyError, TypeError):
            self._known = {}
        self._began = {b: series.digest(b) for b in {t.backport for t in TIERS if t.name in wanted}}
        self._write()

    def add(self, outcomes: list[Outcome]) -> None:
        now = time.strftime("%FT%T%z")
        built = {b: series.is_built(b) for b in {o.tier.backport for o in outcomes if o.tier.builds}}
        for o in outcomes:
            about = self._began[o.tier.backport]
            if about != series.digest(o.tier.backport) or (o.tier.builds and not built[o.tier.backport]):
                about = ""
            self._known[o.tier.name] = {"name": o.tier.name, "series": about, "ended": now, "passed": o.passed, "failed": o.failed,
                                        "skipped": o.skipped, "seconds": round(o.seconds, 1), "problem": o.problem}
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"default": [t.name for t in TIERS if not t.by_name],
                                   "tiers": [self._known[t.name] for t in TIERS if t.name in self._known]}, indent=1) + "\n")
        new.replace(self._path)


def check(names: list[str], verbose: bool) -> int:
    """Run the named tiers (if none, all that need not be named), print the table; the exit status."""
    backport = os.environ.get("IGT_VGPU_SERIES", "")
    if backport:
        about = " ".join(t.name for t in TIERS if t.counts and t.name.endswith(f"-{backport}"))
        print(f"error: SERIES={backport}: the tiers of make check are about the series on {series.base()}; those about the backport are "
              f"run by name: make check TIERS=\"{about or '(there are none)'}\"", file=sys.stderr)
        return 2
    unknown = set(names) - {t.name for t in TIERS}
    if unknown:
        print(f"error: no tier {', '.join(sorted(unknown))}; there are: {' '.join(t.name for t in TIERS)}",
              file=sys.stderr)
        return 2
    wanted = {t.name for t in TIERS if (t.name in names if names else not t.by_name)}
    wanted |= {need for t in TIERS if t.name in wanted for need in t.after}
    log_dir = paths.OUT / "log" / "check"
    log_dir.mkdir(parents=True, exist_ok=True)
    record = Record(wanted)
    outcomes = run_all([t for t in TIERS if t.name in wanted], log_dir, verbose)
    record.add(outcomes)
    passed, failed, skipped = (sum(n) for n in zip(*(o.totals() for o in outcomes)))
    print(f"\n{table(outcomes)}\n\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0
