# SPDX-License-Identifier: MIT
"""Runs items in VMs: brings about the driver's state, watches the kernel log, replaces broken VMs.

Tests with equal specs share a VM. The rule that keeps them honest: whatever a test leaves behind, the next one either
gets the state that it declared, or a fresh VM.
"""

from __future__ import annotations

import signal
import time
import traceback
from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator

from . import kinds, sanitize, splat
from .agent import Completed
from .context import Context
from .initramfs import BuildError
from .kinds import Item, Outcome
from .results import Reporter, Result
from .spec import HOST_SOFTWARE, SpecError, Vgpu, VmSpec, host_kind
from .suite import Allow, Declaration, slug
from .nested import make_vm as vm_of_host
from .vm import VM, Frozen, NeedsSoftware, VmConfig, VmError

MAX_BOOT_FAILURES = 2
BACKSTOP = 60               # beyond a test's own timeout: then even its Python is interrupted
MAX_FREEZES = 4             # of nested guests, in one run: a host that has more of them proves nothing
CUT = 5                     # seconds, in which the rest of a report comes out of the console
HARMLESS = frozenset(("i915 error", "GPU hang", "OOM"))     # after these the same VM, with i915 reloaded, is as good as new
PROVOKED = (Allow(r"\*ERROR\*", "the test provokes errors"),
            Allow(r"GPU HANG|GPU hang|Resetting .* for|error state saved|hung|wedged", "the test provokes errors"))


class TestTimeout(BaseException):
    """Raised by SIGALRM in the test; no `except Exception` of a test can swallow it."""


@contextmanager
def _backstop(seconds: float) -> Iterator[None]:
    def expired(*_: object) -> None:
        raise TestTimeout
    old = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


class Executor:
    """One run of many items. `make_vm` is replaced by the runner's own tests."""

    def __init__(self, config: VmConfig, reporter: Reporter, timeout_scale: float = 1.0,
                 make_vm: Callable[[VmSpec, VmConfig, str], Any] = vm_of_host) -> None:
        self._config = config
        self._reporter = reporter
        self._scale = timeout_scale
        self._make_vm = make_vm
        self._vm: VM | None = None
        self._stale = False
        self._vm_count = 0
        # Of the last test: where its log ends, what it may have left to be said after that, its name.
        self._last_end, self._last_name = 0, ""
        self._last_allow: list[Allow] = []
        self._boot_failures: dict[VmSpec, list[str]] = {}
        self._log: list[str] = []

    # --- the whole run -----------------------------------------------------------------------------

    def run(self, items: list[Item]) -> None:
        """Run all, grouped by VM spec in order of first appearance; every item yields a result."""
        groups: dict[VmSpec, list[Item]] = {}
        for item in items:
            groups.setdefault(item.declaration.vm, []).append(item)
        done = 0
        self._reporter.begin(len(items))
        try:
            for group in groups.values():
                for item in group:
                    self._reporter.progress(done, item.name)
                    self._run_item(item)
                    done += 1
                self._retire()
        finally:
            if self._vm:
                self._vm.kill()
            self._reporter.clear_progress()

    def _plain(self, item: Item, status: str, reason: str) -> None:
        self._reporter.add(Result(item.name, status, reason, about=item.about,
                                  kind=item.declaration.kind))

    def _run_item(self, item: Item, repeated: bool = False) -> None:
        if item.skip or item.broken:
            return self._plain(item, "skip" if item.skip else "fail", item.skip or f"not run: {item.broken}")
        if item.declaration.host not in ("", host_kind(self._config.host)):
            return self._plain(item, "skip", f"is about HOST={item.declaration.host}")
        try:
            vm = self._need_vm(item.declaration.vm, item.name)
        except SpecError as error:
            return self._plain(item, "fail" if self._config.host == HOST_SOFTWARE else "skip", str(error))
        except (VmError, BuildError) as error:
            return self._plain(item, "fail", f"not run: {error}")
        return self._run_in(vm, item, repeated)

    # --- VMs -------------------------------------------------------------------------------------------

    def _need_vm(self, spec: VmSpec, name: str) -> VM:
        if self._vm is not None and self._vm.spec == spec and self._vm.broken() is None and self._cleaned(self._vm) \
                and not self._judge_gap(self._vm, f"before/{name}"):
            return self._vm
        self._discard()
        failures = self._boot_failures.setdefault(spec, [])
        if len(failures) >= MAX_BOOT_FAILURES:
            raise VmError(f"this VM failed to boot {len(failures)} times, last: {failures[-1]}")
        try:
            vm = self._boot(spec)
        except Frozen as frozen:
            if not self._count_freeze(f"{frozen}; tried once more"):
                raise
            vm = self._boot(spec)
        except VmError as error:
            failures.append(str(error))
            raise
        failures.clear()
        self._vm, self._stale = vm, False
        self._reporter.note(f"vm-{self._vm_count} booted in {vm.boot_seconds:.1f} s ({self._config.accel}): "
                            f"{spec.describe()}")
        self._reporter.vms.append({"name": vm.name, "spec": spec.describe(), "kernel": vm.kernel,
                                   "boot_seconds": round(vm.boot_seconds, 2)})
        found = self._bad_splats(vm, 0, self._last_end)
        if found:
            self._reporter.add(Result(f"vm/{self._vm_count}/boot", "fail", "splat while booting: " +
                                      "; ".join(map(str, found)), vm.boot_seconds, str(vm.log_path)))
        return vm

    def _cleaned(self, vm: VM) -> bool:
        """Whether nothing of a failed test is left: i915 unloads. Where work of it still holds i915, only another VM will do."""
        if not self._stale:
            return True
        try:
            done = vm.unload_i915()
            reason = "" if done.ok else done.why()
        except VmError as error:
            reason = str(error)
        if reason:
            self._reporter.note(f"{vm.name} ends here, a failed test left i915 in use: {reason}")
        self._stale = bool(reason)
        return not reason

    def _boot(self, spec: VmSpec) -> VM:
        self._vm_count += 1
        vm = self._make_vm(spec, self._config, f"vm-{self._vm_count}")
        self._reporter.progress(len(self._reporter.results), f"booting {spec.describe()}")
        try:
            vm.boot()
            wrong = sanitize.forget_leaks(vm)
            if wrong:
                raise VmError(wrong)
            self._last_end, self._last_name, self._last_allow = vm.mark("booted"), "boot", []
        except VmError:
            vm.kill()
            raise
        return vm

    @staticmethod
    def _splats(vm: VM, begin: int, end: int, allow: Iterable[Allow]) -> list[splat.Splat]:
        """The splats of a part of the log. A report that its end cuts in two is waited for, and judged as a whole."""
        inside = [line.text for line in vm.kmsg(begin)[:end - begin]]
        if splat.is_cut(inside):
            vm.wait_kmsg(splat.RULE.pattern, CUT, end)
        return splat.find(inside, allow, [line.text for line in vm.kmsg(end)])

    def _bad_splats(self, vm: VM, begin: int, end: int | None = None) -> list[splat.Splat]:
        found = self._splats(vm, begin, len(vm.kmsg()) if end is None else end, vm.known_splats)
        return [s for s in found if not s.allowed]

    def _collect_traps(self, vm: VM) -> None:
        for snapshot in vm.trap_history:
            self._reporter.traps.add(snapshot)
        vm.trap_history.clear()
        if not vm.software_host:
            return
        for device in vm.spec.devices:
            if isinstance(device, Vgpu):
                try:
                    self._reporter.traps.add(vm.stats(device.id))
                except (VmError, ValueError):
                    pass        # a dead QEMU has no counters; its test has failed already

    @staticmethod
    def _spoiled(found: list[splat.Splat]) -> bool:
        """Whether what was found makes what comes later in the same VM worth nothing."""
        return any(s.kind in splat.BLIND or not s.allowed and s.kind not in HARMLESS for s in found)

    def _judge_gap(self, vm: VM, place: str) -> bool:
        """Judge what the kernel said since the last test: while nobody asked it for anything, or while what a failed test left was
        cleaned up. A VM that broke meanwhile is a failure as well. Whether the VM is spoiled."""
        end = len(vm.kmsg())
        found = self._splats(vm, self._last_end, end, [*vm.known_splats, *self._last_allow])
        self._last_end = max(end, self._last_end)
        reasons = [f"kernel splat: {s}" for s in found if not s.allowed]
        broken = vm.broken()
        if broken:
            reasons.insert(0, f"the VM broke: {broken}")
        if reasons and self._excused(vm, found, place):
            return True
        if reasons:
            self._reporter.add(Result(f"vm/{vm.name.rpartition('-')[2]}/{place}", "fail", "\n".join(reasons), 0.0,
                                      str(vm.log_path), vm.name))
        return self._spoiled(found)

    def _discard(self, judged: bool = False) -> None:
        """End the current VM: its driver is not unloaded. `judged`: all that it said so far has failed a test, or is none of its."""
        if self._vm is None:
            return
        vm, self._vm = self._vm, None
        if not judged:
            self._judge_gap(vm, f"after/{self._last_name}")
        if vm.broken() is None:
            self._collect_traps(vm)
        vm.kill()

    def _retire(self) -> None:
        """End a VM whose tests are done: the driver must unload and the guest power off, without a splat."""
        vm, self._vm = self._vm, None
        if vm is None:
            return
        ended = vm.broken() is not None or not self._cleaned(vm)
        self._judge_gap(vm, f"after/{self._last_name}")
        if ended:
            vm.kill()
            return
        self._collect_traps(vm)
        begin = time.monotonic()
        reason = leaked = ""
        try:
            leaked = sanitize.leaks(vm)     # while i915 can still name its functions
            done = vm.unload_i915()
            if not done.ok:
                reason = f"i915 does not unload: {done.why()}"
            leaked = leaked or sanitize.leaks(vm)
        except VmError as error:
            if self._excused(vm, self._bad_splats(vm, self._last_end), "after the last test"):
                vm.kill()
                return
            reason = str(error)
        if not vm.power_off() and not reason:
            reason = "the guest did not power off and was killed"
        found = self._bad_splats(vm, self._last_end)
        if found:
            reason = "splat after the last test: " + "; ".join(map(str, found))
        if leaked:
            reason = "\n".join(filter(None, (reason, leaked)))
        number = vm.name.rpartition("-")[2]
        self._reporter.add(Result(f"vm/{number}/unload-and-power-off", "fail" if reason else "pass", reason,
                                  time.monotonic() - begin, str(vm.log_path), vm.name))

    # --- the driver's state --------------------------------------------------------------------------------

    def _driver_state(self, vm: VM) -> tuple[bool, set[str]]:
        bdfs = [d.bdf for d in vm.spec.devices]
        done = vm.run("test -d /sys/module/i915 && echo loaded; cd /sys/bus/pci/drivers/i915 2>/dev/null && "
                      f"ls -d {' '.join(bdfs) or '.'} 2>/dev/null; true", 20)
        words = set(done.out.split())
        return "loaded" in words, {b for b in bdfs if b in words}

    def _prepare(self, vm: VM, declaration: Declaration) -> None:
        want = declaration.driver
        if want == "loaded" and not vm.spec.has_gpu:
            want = "any"
        if want != "any":
            loaded, bound = self._driver_state(vm)
            wrong = (vm.overridden or vm.driver_options != declaration.driver_options
                     or len(bound) != len(vm.spec.devices))
            if loaded and (want == "unloaded" or wrong):
                done = vm.unload_i915()
                if not done.ok:
                    raise VmError(f"before the test, i915 did not unload: {done.why()}")
                loaded = False
        vm.undo_overrides()
        if want == "loaded" and not loaded:
            done = vm.modprobe_i915(declaration.driver_options)
            if not done.ok:
                raise VmError(f"before the test, i915 did not load: {done.why()}")
            _, bound = self._driver_state(vm)
            missing = [d.bdf for d in vm.spec.devices if d.bdf not in bound]
            if missing:
                raise VmError(f"before the test, i915 did not bind {', '.join(missing)}: its probe failed")

    # --- one test ----------------------------------------------------------------------------------------------

    def _command(self, vm: VM, deadline: float) -> Callable[[str], Completed]:
        def run(command: str) -> Completed:
            left = max(1.0, deadline - time.monotonic())
            echo = (lambda data: print(data.decode(errors="replace"), end="", flush=True)) \
                if self._config.verbose else None
            done = vm.run(command, left / self._config.timeout_scale, on_output=echo)
            self._log.append(f"$ {command}\n{done.out}\n[{'timed out' if done.timed_out else done.rc}, "
                             f"{done.seconds:.2f} s]")
            return done
        return run

    def _attempt(self, vm: VM, item: Item, allowed: list[Allow]) -> list[Outcome]:
        declaration = item.declaration
        timeout = item.timeout * self._scale
        try:
            with _backstop(timeout + BACKSTOP):
                self._prepare(vm, declaration)
                context = Context(vm, vm.mark(f"run {item.name}"), self._log.append)
                context.allowed = allowed
                if declaration.kind == "scenario":
                    signal.setitimer(signal.ITIMER_REAL, timeout)
                outcomes = list(kinds.run(item, context, self._command(vm, time.monotonic() + timeout)))
        except TestTimeout:
            return [Outcome("fail", f"did not end within {timeout:.0f} s")]
        except NeedsSoftware as error:
            return [Outcome("skip", str(error))]
        except VmError as error:
            return [Outcome("fail", str(error))]
        except Exception as error:      # pylint: disable=broad-except  # a test's own bug is its failure
            self._log.append(traceback.format_exc())
            return [Outcome("fail", f"the test itself broke: {type(error).__name__}: {error}")]
        return outcomes or [Outcome("fail", "did not run: it reported no result")]

    def _run_in(self, vm: VM, item: Item, repeated: bool) -> None:
        self._log = []
        allowed: list[Allow] = []
        begin = time.monotonic()
        position = self._last_end
        try:
            vm.mark(f"begin {item.name}")
            outcomes = self._attempt(vm, item, allowed)
        except VmError as error:
            outcomes = [Outcome("fail", str(error))]
        try:
            end = vm.mark(f"end {item.name}")
            dead = ""
        except VmError as error:
            end = len(vm.kmsg())
            dead = vm.broken() or str(error)
        seconds = time.monotonic() - begin
        lines = vm.kmsg(position)[:end - position + 1]
        allow = [*item.declaration.allow, *vm.known_splats, *allowed, *(PROVOKED if item.expect_errors else ())]
        splats = self._splats(vm, position, position + len(lines), allow)
        self._last_end, self._last_name, self._last_allow = position + len(lines), item.name, allow
        path = self._reporter.log_path("/".join(slug(p) for p in item.name.split("/")))
        path.write_text("\n".join([*self._log, "", f"--- kernel log of {vm.name} ---",
                                   *(f"[{line.time:12.6f}] {line.text}" for line in lines)]) + "\n")
        failed = dead or any(o.status == "fail" for o in outcomes)
        if failed and not repeated and self._excused(vm, splats, f"in {item.name}"):
            self._discard(judged=True)
            self._run_item(item, repeated=True)
        else:
            self._judge(vm, item, outcomes, splats, dead, seconds, str(path))

    def _excused(self, vm: VM, splats: list[splat.Splat], where: str) -> bool:
        """Whether something failed because the machine below a nested guest did, and its kernel has nothing to say but that it stands
        still. Shown and counted."""
        other = [s for s in splats if not s.allowed and s.kind not in splat.STALLS]
        frozen = None if other else vm.frozen()
        return frozen is not None and self._count_freeze(f"{where}: {frozen}; tried once more (log: {vm.log_path})")

    def _count_freeze(self, what: str) -> bool:
        """Show and count it; False if the run has had its share."""
        if len(self._reporter.freezes) >= MAX_FREEZES:
            return False
        self._reporter.freeze(what)
        return True

    def _judge(self, vm: VM, item: Item, outcomes: list[Outcome], splats: list[splat.Splat], dead: str,
               seconds: float, log: str) -> None:
        bad = [s for s in splats if not s.allowed]
        problems = [f"the VM broke: {dead}"] if dead else []
        problems += [f"kernel splat: {s}" for s in bad]
        if problems and len(outcomes) == 1:
            told = [outcomes[0].reason] if outcomes[0].status == "fail" and outcomes[0].reason else []
            outcomes = [Outcome("fail", "\n".join(dict.fromkeys([*told, *problems])), outcomes[0].name,
                                outcomes[0].details)]
        elif problems:
            outcomes = [*outcomes, Outcome("fail", "\n".join(problems), "kernel-log")]
        for outcome in outcomes:
            name = "/".join(x for x in (item.name, *(slug(p) for p in outcome.name.split("/") if p)) if x)
            self._reporter.add(Result(name, outcome.status, outcome.reason, seconds / len(outcomes), log, vm.name,
                                      [str(s) for s in bad],
                                      [{"splat": str(s), "reason": s.allowed} for s in splats if s.allowed],
                                      item.about, item.declaration.kind, outcome.details))
        failed = any("fail" in (o.status, o.details.get("came_to")) for o in outcomes)
        spoiled = self._spoiled(splats)
        if spoiled and item.keep_vm and not (dead or bad or failed):
            self._retire()      # what the test provoked blinds the kernel, and no more: the driver must unload all the same
        elif dead or spoiled or not item.keep_vm or (failed and (vm.broken() or not vm.responds())):
            self._discard(judged=failed or not item.keep_vm)
        else:
            self._stale = self._stale or failed
