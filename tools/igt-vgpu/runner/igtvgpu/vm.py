# SPDX-License-Identifier: MIT
"""One guest: starts QEMU, waits for the guest's agent, runs commands, keeps the kernel log, ends it.

A VM knows nothing of tests. It never decides that a guest is bad; it reports (`broken()`), the executor decides.
"""

from __future__ import annotations

import itertools
import ctypes
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Sequence

from . import initramfs, paths, sanitize, standstill, tsc
from .agent import Agent, AgentError, Completed, Job
from .qmp import Qmp, QmpError
from .spec import HOST_SOFTWARE, VmSpec
from .suite import Allow

KERNEL_CMDLINE = "loglevel=8 panic=-1 printk.devkmsg=on 8250.nr_uarts=1"
FIRMWARE = ("/usr/share/qemu", "/usr/share/seabios", "/usr/share/qemu-firmware", "/usr/share/qemu/firmware")
_KMSG = re.compile(r"^\[\s*(\d+\.\d+)\](?:\[[^\]]*\])? ?(.*)$")
# System calls, so that no package is needed: kexec_file_load() and reboot().
_KEXEC_LOAD = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
options = open("/proc/cmdline", "rb").read().strip() + bytes(1)
kernel, initrd = (os.open(path, os.O_RDONLY) for path in ("{kernel}", "{initrd}"))
if libc.syscall(320, kernel, initrd, ctypes.c_ulong(len(options)), options, ctypes.c_ulong(0)):
    raise SystemExit("kexec_file_load: " + os.strerror(ctypes.get_errno()))
"""
_REBOOT = "exec python3 -c 'import ctypes; ctypes.CDLL(None).reboot({command:#x})'"
_CMD_RESTART, _CMD_KEXEC = 0x01234567, 0x45584543
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")


class VmError(Exception):
    """The guest or QEMU failed; the text says which, how, and where the log is."""


class NotStarted(VmError):
    """What a VM is made of is missing."""


class NeedsSoftware(VmError):
    """Asked a real GVT-g for what only the software mediator can do."""


class Frozen(VmError):
    """A nested guest stood still before its first test, while all around it was well (nested.py)."""


@dataclass(frozen=True)
class KmsgLine:
    """A line of the guest's kernel log. `time` is the guest's clock, `host` the host's monotonic clock."""

    time: float
    text: str
    host: float


@dataclass
class VmConfig:
    """How to run VMs on this host; the command line fills it in."""

    qemu: Path = paths.QEMU
    accel: str = "tcg"
    host: str = HOST_SOFTWARE
    kernel: str = "series"
    log_dir: Path = field(default_factory=lambda: paths.OUT / "vm")
    verbose: bool = False
    timeout_scale: float = 1.0      # multiplies the timeouts of all that is waited for


def die_with_parent() -> None:
    """In a child: it ends when the runner does, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)


class VM:
    """`VM(spec, config)`, `boot()`, then use it; `power_off()` or `kill()` at the end. Also a context manager.

    Three sockets lead to its QEMU: the guest's console, its agent, QMP. nested.py has a VM whose QEMU is in a guest."""

    CONSOLE: tuple[tuple[str, ...], str] = (("-serial", "chardev:con"), "console=ttyS0")
    known_splats: tuple[Allow, ...] = ()        # what the host makes of every guest's log

    def __init__(self, spec: VmSpec, config: VmConfig, name: str = "vm") -> None:
        self.spec = spec
        self.config = config
        self.name = name
        # Where the kernel with the series is asked for, another build of it serves as well.
        self.kernel = config.kernel if spec.kernel == "series" and config.kernel != "stock" else spec.kernel or config.kernel
        self.known_splats = (*self.known_splats, *sanitize.known_splats(self.kernel))
        self.overridden: set[tuple[str, str]] = set()   # (device, property) of the mediator that a test has set
        self.driver_options: str | None = None      # how i915 was loaded by modprobe_i915(); None: by nobody
        self.trap_history: list[dict[str, Any]] = []        # snapshots that stats_reset() would have lost
        self.log_path = config.log_dir / f"{name}.console.log"
        self.qemu_log_path = config.log_dir / f"{name}.qemu.log"
        self.ports: dict[str, socket.socket] = {}           # more ports of the guest by name; the host's other ends
        self.listener: Callable[[KmsgLine], None] | None = None     # told each line of the kernel log
        self.boot_seconds = 0.0
        self._lines: list[KmsgLine] = []
        self._cond = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._agent: Agent | None = None
        self._qmp: Qmp | None = None
        self._ended_by_us = False

    # --- start and end -------------------------------------------------------------------------

    def command_line(self, backends: Sequence[str]) -> list[str]:
        """QEMU's arguments; `backends` are the chardevs of console, agent and QMP."""
        console, agent, monitor = backends
        args = [str(self._seen(self.config.qemu)), "-name", self.name, "-M", self.spec.machine, *self._accelerator(),
                "-smp", str(self.spec.smp), "-m", self.spec.memory,
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        for folder in FIRMWARE:
            if Path(folder).is_dir():
                args += ["-L", folder]
        args += ["-chardev", f"{monitor},id=qmp", "-mon", "chardev=qmp,mode=control",
                 "-device", "virtio-serial-pci,id=vser,addr=1d.0",
                 "-chardev", f"{console},id=con", *self.CONSOLE[0]]
        for name, backend in {"agent": agent, **{n: f"socket,fd={s.fileno()}" for n, s in self.ports.items()}}.items():
            args += ["-chardev", f"{backend},id={name}",
                     "-device", f"virtserialport,bus=vser.0,chardev={name},name=igt-vgpu.{name}"]
        shares = (("hostroot", Path("/")), ("top", paths.TOP), ("modules", self._modules()))
        for number, (tag, folder) in enumerate(shares):
            where = str(self._seen(folder)).replace(",", ",,")
            args += ["-fsdev", f"local,id={tag},path={where},security_model=none,readonly=on,multidevs=remap",
                     "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag},addr={0x1a + number:x}.0"]
        args += self._gpus()
        args += ["-kernel", str(self._seen(self._bzimage())), "-initrd", str(self._seen(initramfs.build(self.kernel))),
                 "-append", " ".join(filter(None, (KERNEL_CMDLINE, self.CONSOLE[1], self._kernel_options(),
                                                                         self.spec.cmdline))),
                 *self.spec.qemu_args]
        return args

    def _seen(self, path: Path) -> Path:
        """A file of the host as QEMU sees it."""
        return path

    @property
    def _kvm(self) -> bool:
        return self.config.accel == "kvm" and not self.spec.count_instructions

    def _accelerator(self) -> list[str]:
        if self.spec.count_instructions:
            return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-cpu", "max"]
        return ["-accel", "kvm", "-cpu", "host"] if self._kvm else ["-accel", "tcg,thread=multi", "-cpu", "max"]

    def _kernel_options(self) -> str:
        """Of the guest's kernel, because of the accelerator."""
        return "" if self._kvm else tsc.kernel_option(self.spec.count_instructions)

    def _gpus(self) -> list[str]:
        return self.spec.gpu_args(self.config.host)

    def _modules(self) -> Path:
        folder = paths.modules_dir(self.kernel)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _bzimage(self) -> Path:
        image = paths.bzimage(self.kernel)
        if not image.exists():
            raise NotStarted(f"no kernel at {image}: run 'tools/igt-vgpu/setup/kernel-build {self.kernel}'")
        return image

    def boot(self) -> VM:
        """Start QEMU and wait until the guest takes commands."""
        self.config.log_dir.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        pairs = [socket.socketpair() for _ in range(3)]
        console, agent, monitor = (pair[0] for pair in pairs)
        threading.Thread(target=self._read_console, args=(console,), daemon=True, name="console").start()
        self._agent = Agent(agent, self.config.timeout_scale)
        theirs = [pair[1] for pair in pairs]
        try:
            self._launch(theirs)
        finally:
            for s in theirs:
                s.close()
        try:
            self._qmp = Qmp(monitor, 30 * self.config.timeout_scale)
            self._agent.wait_hello(self.spec.boot_timeout)
        except (QmpError, AgentError) as error:
            raise self._no_boot(str(error)) from error
        self.boot_seconds = time.monotonic() - begin
        return self

    def _launch(self, sockets: list[socket.socket]) -> None:
        """Start QEMU on its ends of console, agent and QMP."""
        argv = self.command_line([f"socket,fd={s.fileno()}" for s in sockets])
        with self.qemu_log_path.open("wb") as log:
            log.write(f"# {shlex.join(argv)}\n".encode())
            log.flush()
            try:
                # pylint: disable=subprocess-popen-preexec-fn
                self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 pass_fds=[s.fileno() for s in (*sockets, *self.ports.values())],
                                                 preexec_fn=die_with_parent)
            except OSError as error:
                raise NotStarted(f"cannot start {argv[0]}: {error}; run 'tools/igt-vgpu/setup/qemu-build'") from error

    def _no_boot(self, reason: str) -> VmError:
        """Ends what did not boot; the error that says why."""
        reason = self.broken() or f"{reason}{self._where_it_stands()}"
        self.kill()
        return VmError(f"the guest did not boot: {reason}{self._log_hint()}")

    def _where_it_stands(self) -> str:
        """Of a machine whose guest does not answer: the whole to QEMU's log, and what goes on from the reason."""
        if self._qmp is None or self._process is None:
            return ""
        sentence, whole = standstill.look(self._qmp.command, self._qmp.events, self._process.pid)
        with self.qemu_log_path.open("a") as log:
            log.write(f"--- the guest does not answer: {sentence}\n{whole}\n")
        return f"; {sentence}"

    def reset(self) -> None:
        """Reset the machine under the running guest, which boots again. What ran is gone, and i915 not loaded."""
        self._boot_again(lambda: self.qmp("system_reset"))

    def reboot(self) -> None:
        """The guest's kernel shuts its devices down, and resets the machine."""
        self._boot_again(lambda: self.spawn(_REBOOT.format(command=_CMD_RESTART)))

    def kexec(self) -> None:
        """The guest's kernel starts itself anew, and nothing resets the machine."""
        self.python(_KEXEC_LOAD.format(kernel=paths.guest_path(self._bzimage()), initrd=paths.guest_path(initramfs.build(self.kernel))),
                    60, check=True)
        self._boot_again(lambda: self.spawn(_REBOOT.format(command=_CMD_KEXEC)))

    def _boot_again(self, how: Callable[[], object]) -> None:
        boots = self._need_agent().boots + 1
        self.qmp("set-action", reboot="reset")
        how()
        try:
            self._need_agent().wait_hello(self.spec.boot_timeout, boots)
        except AgentError as error:
            raise self._no_boot(str(error)) from error
        self.qmp("set-action", reboot="shutdown")
        self.driver_options = None

    def __enter__(self) -> VM:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()

    def power_off(self, timeout: float = 20) -> bool:
        """Ask the guest to power off; kill QEMU if it does not. True if the guest went by itself."""
        if not self._runs():
            return False
        self._ended_by_us = True
        try:
            if self._agent:
                self._agent.power_off()
            if self._ends_within(timeout):
                return True
        except AgentError:
            pass
        self.kill()
        return False

    def kill(self) -> None:
        """End QEMU at once."""
        self._ended_by_us = True
        if self._process and self._process.poll() is None:
            self._process.kill()
        if self._process:
            self._process.wait(10)

    def _status(self) -> int | None:
        """The exit status of QEMU; None: it runs, or was never started."""
        return self._process.poll() if self._process else None

    def _started(self) -> bool:
        return self._process is not None

    def _runs(self) -> bool:
        return self._started() and self._status() is None

    def _ends_within(self, timeout: float) -> bool:
        assert self._process
        try:
            self._process.wait(timeout * self.config.timeout_scale)
            return True
        except subprocess.TimeoutExpired:
            return False

    def another(self, spec: VmSpec, name: str, host: str = HOST_SOFTWARE) -> VM:
        """A VM of another spec on the software mediator, or on a server's vGPU, with its logs beside ours; not booted yet.

        Its kernel log is part of ours, each line with "NAME: " before it, so that a splat of it fails the test that runs."""
        vm = VM(spec, replace(self.config, host=host), f"{self.name}-{name}")
        vm.listener = lambda line: self.add_line(replace(line, text=f"{name}: {line.text}"))
        return vm

    def broken(self) -> str | None:
        """Why this VM can take no more tests, or None."""
        panic = next((m[1] for line in self.kmsg() if (m := _PANIC.search(line.text))), None)
        if panic:
            return f"guest panic: {panic}"
        if self.was_reset():
            return "the guest rebooted or powered off by itself"
        code = self._status()
        if code and not self._ended_by_us:
            if code < 0:
                return f"QEMU crashed with {signal.Signals(-code).name}{self._qemu_says()}"
            return f"QEMU ended with status {code}{self._qemu_says()}"
        if not self._runs():
            return "the VM is not running"
        if self._agent and self._agent.stuck:
            return f"guest hung: {self._agent.stuck}"
        if self._agent and self._agent.closed:
            return "the guest closed its command channel"
        return None

    def was_reset(self) -> bool:
        """Whether the machine was reset, or powered off, by itself; QEMU ends then, without an error."""
        return self._status() == 0 and not self._ended_by_us

    def frozen(self) -> str | None:
        """What happened if a fault of the machine below this VM, which the executor may repeat a test for, ended it; None otherwise."""
        return None

    def cpu_seconds(self) -> float:
        """Processor time that QEMU has taken so far, in all of its threads."""
        assert self._process
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")       # utime, stime

    def responds(self, timeout: float = 10) -> bool:
        """Whether the guest still answers its command channel."""
        try:
            self.mark("ping", timeout)
            return True
        except VmError:
            return False

    def _qemu_says(self) -> str:
        lines = [x for x in self.qemu_log() if x.strip() and not x.startswith("# ")]
        return f": {lines[-1].strip()}" if lines else ""

    def qemu_log(self) -> list[str]:
        """What QEMU and the mediator printed."""
        try:
            return self.qemu_log_path.read_text(errors="replace").splitlines()
        except OSError:
            return []

    def _log_hint(self) -> str:
        last = [line.text for line in self.kmsg()[-3:]]
        seen = f"; last kernel lines: {' | '.join(last)}" if last else "; the kernel printed nothing"
        return f"{seen} (logs: {self.log_path}, {self.qemu_log_path})"

    # --- kernel log ------------------------------------------------------------------------------

    def _read_console(self, sock: socket.socket) -> None:
        last = 0.0
        with sock, self.log_path.open("wb") as log, sock.makefile("rb") as stream:
            try:
                for raw in stream:
                    log.write(raw)
                    log.flush()
                    text = raw.decode(errors="replace").rstrip("\r\n")
                    match = _KMSG.match(text)
                    if match:
                        last, text = float(match[1]), match[2]
                    self.add_line(KmsgLine(last, text, time.monotonic()))
            except OSError:
                pass

    def add_line(self, line: KmsgLine) -> None:
        """The kernel log has a line more."""
        with self._cond:
            self._lines.append(line)
            self._cond.notify_all()
        if self.listener:
            self.listener(line)

    def kmsg(self, since: int = 0) -> list[KmsgLine]:
        """The kernel log from position `since` (see mark()) on."""
        with self._cond:
            return self._lines[since:]

    def wait_kmsg(self, pattern: str, timeout: float = 10, since: int = 0, nth: int = 1) -> KmsgLine | None:
        """The nth line at or after `since` that matches, waiting for it; None if it does not come."""
        regex = re.compile(pattern)

        def find() -> KmsgLine | None:
            matches = (line for line in self._lines[since:] if regex.search(line.text))
            return next(itertools.islice(matches, nth - 1, None), None)
        with self._cond:
            self._cond.wait_for(lambda: find() is not None, timeout * self.config.timeout_scale)
            return find()

    def mark(self, text: str, timeout: float = 10) -> int:
        """Write a line to the guest's kernel log; returns its position once it came out of the console.

        So all that the guest logged before this call stands before that position."""
        token = f"{text} #{time.monotonic_ns()}"
        begin = len(self.kmsg())
        try:
            self._need_agent().mark(token, timeout)
        except AgentError as error:
            raise VmError(f"{self.broken() or error}{self._log_hint()}") from error
        line = self.wait_kmsg(re.escape(token), timeout, begin)
        if line is None:
            raise VmError(f"the guest's console is silent: the mark '{text}' did not come out{self._log_hint()}")
        with self._cond:
            return self._lines.index(line, begin)

    # --- commands --------------------------------------------------------------------------------

    def _need_agent(self) -> Agent:
        if self._agent is None or not self._runs():
            raise VmError(self.broken() or "the VM is not running")
        return self._agent

    def spawn(self, command: str, on_output: Callable[[bytes], None] | None = None,
              rows: int = 0, columns: int = 0) -> Job:
        """Start a shell command in the guest and go on."""
        try:
            return self._need_agent().start(command, on_output, rows, columns)
        except AgentError as error:
            raise VmError(f"{self.broken() or error}{self._log_hint()}") from error

    def run(self, command: str, timeout: float = 30, check: bool = False,
            on_output: Callable[[bytes], None] | None = None) -> Completed:
        """Run a shell command in the guest (standard output and error are one stream).

        With `check`, a status other than 0 is a VmError."""
        done = self.spawn(command, on_output).wait(timeout)
        if done.rc is None and not done.timed_out:
            time.sleep(0.2)     # a dying QEMU closes its sockets before it can be waited for
            raise VmError(f"{self.broken() or 'the guest went away'} during '{command}'{self._log_hint()}")
        if check and not done.ok:
            raise VmError(done.why())
        return done

    def python(self, code: str, timeout: float = 30, check: bool = False) -> Completed:
        """Run Python code in the guest (the host's interpreter; the runner's package is importable)."""
        runner = f"{paths.GUEST_TOP}/tools/igt-vgpu/runner"
        return self.run(f"PYTHONPATH={runner} exec python3 -c {shlex.quote(code)}", timeout, check)

    def read(self, path: str) -> str:
        """A file of the guest, e.g. of sysfs or debugfs."""
        return self.run(f"cat {shlex.quote(path)}", check=True).out

    # --- the driver ------------------------------------------------------------------------------

    def modprobe(self, module: str, options: str = "", timeout: float = 60) -> Completed:
        """Load a module (and what it depends on) of the guest's own kernel."""
        return self.run(f"modprobe -d {paths.GUEST_MODULES} {module} {options}", timeout)

    def modprobe_i915(self, options: str = "", timeout: float = 60) -> Completed:
        """Load i915. `modprobe` succeeds even if a probe fails: ask i915_bound()."""
        self.driver_options = options
        return self.modprobe("i915", options, timeout)

    def i915_bound(self, bdf: str = "0000:00:02.0") -> bool:
        """Whether i915 drives that device, i.e. its probe succeeded."""
        return self.run(f"test -e /sys/bus/pci/drivers/i915/{bdf}").ok

    def unload_i915(self, timeout: float = 60) -> Completed:
        """Unload i915 and what only it used; fine if it is not loaded."""
        self.driver_options = None
        return self.run("if test -d /sys/module/i915; then "
                        f"modprobe -d {paths.GUEST_MODULES} -r i915; fi", timeout)

    def reload_i915(self, options: str = "", timeout: float = 60) -> Completed:
        done = self.unload_i915(timeout)
        return self.modprobe_i915(options, timeout) if done.ok else done

    # --- the mediator ----------------------------------------------------------------------------

    @property
    def software_host(self) -> bool:
        """Whether the mediator is ours, i.e. whether pvinfo(), channel_fault(), stats() and trace_dump() exist."""
        return self.config.host == HOST_SOFTWARE

    def qmp(self, execute: str, timeout: float = 30, **arguments: Any) -> Any:
        """A QMP command; an underscore in an argument's name stands for a dash."""
        if self._qmp is None:
            raise VmError("the VM is not running")
        try:
            return self._qmp.command(execute, timeout * self.config.timeout_scale, **arguments)
        except QmpError as error:
            raise VmError(f"{error}{'; ' + reason if (reason := self.broken()) else ''}") from error

    def qmp_events(self) -> list[dict[str, Any]]:
        return list(self._qmp.events) if self._qmp else []

    def _need_software(self) -> None:
        if not self.software_host:
            raise NeedsSoftware(f"needs the software mediator, HOST is {self.config.host}")

    def pvinfo(self, device: str, override: str) -> None:
        """Override PVINFO fields ("field=value;field=value"); the next driver load sees it. "" undoes it."""
        self._override(device, "pvinfo", override)

    def channel_fault(self, device: str, fault: str) -> None:
        """From now on the channel misbehaves in this way ("drop=3", see docs/mediator.rst, channel-fault). "" undoes it."""
        self._override(device, "channel-fault", fault)

    def _override(self, device: str, name: str, value: str) -> None:
        self._need_software()
        self.qmp("qom-set", path=f"/machine/peripheral/{device}", property=name, value=value)
        self.overridden.add((device, name))

    def undo_overrides(self) -> None:
        """The mediator is itself again. A driver that was loaded meanwhile may still know nothing of that."""
        for device, name in sorted(self.overridden):
            self._override(device, name, "")
        self.overridden.clear()

    def stats(self, device: str = "vgpu0") -> dict[str, Any]:
        """The trap counters of a vGPU."""
        self._need_software()
        return json.loads(self.qmp("qom-get", path=f"/machine/peripheral/{device}", property="stats"))

    def violations(self, device: str) -> dict[str, int]:
        """What the mediator caught the guest at, by kind; empty if nothing."""
        return {kind: count for kind, count in self.stats(device)["violations"].items() if count}

    def stats_reset(self, device: str = "vgpu0") -> None:
        """Zero a vGPU's counters; the run's summary still counts what was in them."""
        self.trap_history.append(self.stats(device))
        self.qmp("qom-set", path=f"/machine/peripheral/{device}", property="stats-reset", value=True)

    def gpu_stats(self, gpu: str = "gpu0") -> dict[str, Any]:
        self._need_software()
        return json.loads(self.qmp("qom-get", path=f"/objects/{gpu}", property="stats"))

    def ppgtt(self, root: int, begin: int, end: int, device: str = "vgpu0") -> list[list[int]]:
        """What page tables of the guest map from there to there: [address, guest physical address, bytes, writable]."""
        self._need_software()
        path = f"/machine/peripheral/{device}"
        self.qmp("qom-set", path=path, property="ppgtt", value=f"root={root:#x},from={begin:#x},to={end:#x}")
        return json.loads(self.qmp("qom-get", path=path, property="ppgtt"))

    def trace_dump(self, path: str | Path, gpu: str = "gpu0") -> None:
        """Write the GPU's timeline in the Chrome trace format (the Gpu needs trace=True)."""
        self._need_software()
        self.qmp("qom-set", path=f"/objects/{gpu}", property="trace-dump", value=str(path))
