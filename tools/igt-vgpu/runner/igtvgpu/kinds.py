# SPDX-License-Identifier: MIT
"""The kinds of tests: how each is listed (on the host, before a VM boots) and run (in a VM).

`expand()` turns a declaration into items, the units that are run and timed out alone. `run()` runs an item and
yields outcomes; the executor adds what all kinds share (marks, splats, timeouts, broken VMs).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Iterator

from . import ktap, paths
from .agent import Completed
from .context import Context, TestFailed, TestSkipped
from .expected import NOT_RUN, SLOW, Expected, judge
from .suite import Declaration, SuiteError

LIST_TIMEOUT = 20
IGT_SKIP, IGT_INVALID = 77, 79
FROM_MEMORY, WEDGED_LINE = paths.TOOLS / "guest" / "from-memory", "i915_wedged:"
GPU_WEDGED = "cat /sys/kernel/debug/dri/*/i915_wedged 2>/dev/null"


@dataclass(frozen=True)
class Item:
    """One schedulable test. `broken` is why it cannot run (a failure), `skip` why it is not to (a skip).

    `together`: what one run of a program is to run, each subtest with what is expected of it.
    """

    declaration: Declaration
    name: str
    sub: str = ""
    broken: str = ""
    skip: str = ""
    about: str = ""
    expected: Expected | None = None
    together: dict[str, Expected] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The full names of the tests that it is."""
        return [f"{self.name}/{subtest}" for subtest in self.together] or [self.name]

    def only(self, meant: Callable[[str], bool]) -> Item | None:
        """What of it has a name that is meant."""
        if not self.together:
            return self if meant(self.name) else None
        left = {s: row for s, row in self.together.items() if meant(f"{self.name}/{s}")}
        return replace(self, together=left) if left else None

    def marked(self, mark: str) -> bool:
        """Whether the list of expected outcomes says that of any of its tests."""
        rows = [*self.together.values(), *([self.expected] if self.expected else [])]
        return any(mark in row.marks for row in rows)

    @property
    def timeout(self) -> float:
        return self.declaration.timeout * (SLOW if self.marked("slow") else 1)

    @property
    def keep_vm(self) -> bool:
        return self.declaration.keep_vm and not self.marked("suspend")

    @property
    def expect_errors(self) -> bool:
        return self.declaration.expect_errors or self.marked("hang")


@dataclass
class Outcome:
    """What an item says about one test; `name` is relative to the item's (empty: the item itself)."""

    status: str
    reason: str = ""
    name: str = ""
    details: dict[str, Any] = field(default_factory=dict)


def program_path(declaration: Declaration, program: str) -> Path:
    """The host path of a declared program; a relative one was built from the suite's folder."""
    path = Path(program)
    return path if path.is_absolute() else paths.OUT / "tests" / declaration.folder.name / path


def _missing(path: Path) -> str:
    return "" if path.exists() else f"no program {path}: not built, or not installed"


# --- igt -----------------------------------------------------------------------------------------

def _igt_command(declaration: Declaration, more: str, guest: bool) -> str:
    path = program_path(declaration, declaration.args["program"])
    name = paths.guest_path(path) if guest else str(path)
    return " ".join(x for x in (declaration.args["env"], shlex.quote(name), declaration.args["args"], more) if x)


def _igt_command_from_memory(declaration: Declaration, more: str) -> str:
    """With exec: a shell of the guest's root that waited for it could never end."""
    program = _igt_command(replace(declaration, args={**declaration.args, "env": ""}), more, guest=True)
    return f"exec env {declaration.args['env']} {shlex.quote(paths.guest_path(FROM_MEMORY))} {program}"


def igt_subtests(declaration: Declaration) -> tuple[list[str], str]:
    """Subtest names ([""] for a program without subtests), or what is wrong."""
    if declaration.args["subtests"]:
        return list(declaration.args["subtests"]), ""
    wrong = _missing(program_path(declaration, declaration.args["program"]))
    if wrong:
        return [], wrong
    command = _igt_command(declaration, "--list-subtests", guest=False)
    try:
        done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIST_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return [], f"'{command}' did not end within {LIST_TIMEOUT} s"
    names = done.stdout.split()
    if done.returncode == IGT_INVALID and not names:
        return [""], ""
    if done.returncode or not names:
        last = (done.stderr.strip() or done.stdout.strip() or "(no output)").splitlines()[-1]
        return [], f"'{command}' listed no subtests (status {done.returncode}): {last}"
    if len(set(names)) != len(names):
        return [], f"'{command}' lists a subtest twice"
    return names, ""


def _igt_expand(declaration: Declaration) -> list[Item]:
    names, wrong = igt_subtests(declaration)
    if wrong:
        return [Item(declaration, declaration.full_name, broken=wrong)]
    if declaration.args["expected"]:
        return _igt_expected(declaration, names)
    return [Item(declaration, f"{declaration.full_name}/{n}" if n else declaration.full_name, n) for n in names]


def _igt_expected(declaration: Declaration, listed: list[str]) -> list[Item]:
    """The items of one set of a list. That the list and the program's own know different subtests is a failure."""
    expected, chosen = declaration.args["expected"], declaration.args["chosen"]
    program = Path(declaration.args["program"]).name
    given, unnamed = expected.assign(program, listed)
    on_bare = replace(declaration, vm=declaration.args["bare"] or declaration.vm)

    def item(subtest: str, bare: bool = False, **more: Any) -> Item:
        name = "/".join(x for x in (declaration.full_name, subtest) if x)
        return Item(on_bare if bare else declaration, name, subtest, **more)
    items = []
    together: dict[bool, dict[str, Expected]] = {False: {}, True: {}}
    for row in (r for r in expected.of(program) if r.set == chosen):
        if not given[row.name]:
            items.append(item(row.subtest, broken=f"{row.where} lists {row.name}, which the program does not have"))
        elif row.outcome in NOT_RUN:
            items.append(item(row.subtest, skip=f"{len(given[row.name])} left out: {row.reason}"))
        elif "together" in row.marks:
            together["bare" in row.marks].update({s: row for s in given[row.name]})
        else:
            items += [item(f"{s}@{row.dynamic}" if row.dynamic else s, "bare" in row.marks, expected=row) for s in given[row.name]]
    items += [item("", bare, together=rows) for bare, rows in together.items() if rows]
    if chosen == expected.sets[-1]:
        items += [item(s, broken=f"{'@'.join(x for x in (program, s) if x)} is not in the list of expected outcomes") for s in unnamed]
    return items


def igt_skip_reason(output: str) -> str:
    """Why an IGT program skipped, from its own words."""
    met = re.search(r"Test requirement not met in function.*\n(?:Test requirement: *(.*)\n)?(?:(?!Subtest|Last errno)(.+)\n)?",
                    output)
    if met:
        parts = [p.strip() for p in (met[2], met[1]) if p and p.strip()]
        if parts:
            return ": ".join(parts[:2])
    plain = re.search(r"\bSKIP(?:PED)?: *(?!\()(\S.*)", output)
    return plain[1].strip() if plain else ""


def _igt_failure(output: str, otherwise: str) -> str:
    """The first words of a program about what went wrong."""
    told = [x.strip() for x in output.splitlines() if re.search(r"CRITICAL|Failed assertion|assertion|error:|FAIL", x)]
    return told[0] if told else otherwise


def _igt_outcome(done: Completed, name: str) -> Outcome:
    """What a run of the subtest of that name, or of a whole program, came to."""
    if done.timed_out:
        return Outcome("fail", done.why())
    if done.rc == IGT_SKIP:
        return Outcome("skip", igt_skip_reason(done.out))
    if done.rc == 0 and name and not re.search(rf"ubtest {re.escape(name)}: SUCCESS", done.out):
        return Outcome("fail", f"ended with 0 but never printed 'Subtest {name}: SUCCESS'")
    if done.rc == 0:
        return Outcome("pass")
    return Outcome("fail", f"status {done.rc}: {_igt_failure(done.out, done.why())}")


def _igt_outcomes(done: Completed) -> dict[str, Outcome]:
    """What each subtest of a run came to; what a subtest prints stands before the line with its result."""
    found = {}
    said = shared = ""
    for line in done.out.splitlines(keepends=True):
        result = re.match(r"Subtest (\S+): ([A-Z]+) ", line)
        if not result:
            said += line
            continue
        name, word = result.groups()
        status, reason = {"SUCCESS": "pass", "SKIP": "skip"}.get(word, "fail"), ""
        if status == "fail":
            reason = _igt_failure(said, f"{word}, without a reason")
        elif status == "skip":
            reason = igt_skip_reason(said)
            if "Starting subtest: " not in said:        # what it needs and shares with those after it is not there
                reason = shared = reason or shared
        found[name], said = Outcome(status, reason, name), ""
    return found


def _igt_judged(outcome: Outcome, row: Expected) -> Outcome:
    outcome.details = {"expected": row.outcome, "came_to": outcome.status}
    outcome.status, outcome.reason = judge(row, outcome.status, outcome.reason)
    return outcome


def _igt_wedged(wedged: list[str]) -> str:
    return f"leaves the GPU wedged (i915_wedged: {' '.join(wedged)})" if any(int(w, 0) for w in wedged) else ""


def _igt_run(item: Item, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    sub, _, dynamic = item.sub.partition("@")
    more = f"--run-subtest {shlex.quote(sub)}" if sub else ""
    more += f" --dynamic-subtest {shlex.quote(dynamic)}" if dynamic else ""
    suspends = item.marked("suspend")
    done = run(_igt_command_from_memory(item.declaration, more) if suspends else _igt_command(item.declaration, more, guest=True))
    outcome = _igt_outcome(done, dynamic or sub)
    if item.expected:
        outcome = _igt_judged(outcome, item.expected)
        said = done.out.partition(WEDGED_LINE)[2] if suspends else run(GPU_WEDGED).out
        wedged = _igt_wedged(said.split())
        if outcome.status != "fail" and wedged:
            outcome.status, outcome.reason = "fail", wedged
    yield outcome


def _igt_run_together(item: Item, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    done = run(_igt_command(item.declaration, f"--run-subtest {','.join(item.together)}", guest=True))
    found = _igt_outcomes(done)
    # Whoever fails or skips does so with a status that says so; a signal's is 128 and more.
    broke = done.timed_out or (done.rc or 0) >= 128 or done.rc not in (0, IGT_SKIP) and all(o.status != "fail" for o in found.values())
    for subtest, row in item.together.items():
        if subtest in found:
            yield _igt_judged(found[subtest], row)
        else:
            yield Outcome("fail", f"no result of this subtest: {done.why()}", subtest)
    if broke:
        yield Outcome("fail", f"after its last result: {done.why()}", "exit")
    wedged = _igt_wedged(run(GPU_WEDGED).out.split())
    if wedged:
        yield Outcome("fail", f"one of the subtests {wedged}", "wedged")


# --- KTAP programs and KUnit -----------------------------------------------------------------------

def _one_item(declaration: Declaration) -> list[Item]:
    wrong = ""
    if declaration.kind == "kselftest":
        wrong = _missing(program_path(declaration, declaration.args["program"]))
    return [Item(declaration, declaration.full_name, broken=wrong)]


def _report_outcomes(report: ktap.Report) -> Iterator[Outcome]:
    for case in report.cases:
        yield Outcome(case.status, case.reason or ("reported 'not ok'" if case.status == "fail" else ""), case.name)
    for error in report.errors:
        yield Outcome("fail", f"malformed KTAP: {error}", "KTAP")


def _kselftest_run(item: Item, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    path = paths.guest_path(program_path(item.declaration, item.declaration.args["program"]))
    done = run(f"{shlex.quote(path)} {item.declaration.args['args']}")
    if done.timed_out:
        yield Outcome("fail", done.why())
    report = ktap.parse(done.out)
    if done.rc == 4 and not any(c.status != "skip" for c in report.cases):     # KSFT_SKIP
        reason = next((c.reason for c in report.cases if c.reason), "")
        yield Outcome("skip", reason)
        return
    yield from _report_outcomes(report)
    if done.rc not in (0, None) and not any(c.status == "fail" for c in report.cases):
        yield Outcome("fail", f"{done.why()}, though no test failed", "exit")


def _kunit_run(item: Item, context: Context, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    args = item.declaration.args
    before = set(context.vm.run("ls /sys/kernel/debug/kunit", 10).out.split())
    done = run(f"modprobe -d {paths.GUEST_MODULES} {args['module']} {args['options']}")
    if not done.ok:
        yield Outcome("fail", f"the KUnit module does not load: {done.why()}", details={"absent": "not found in directory" in done.out})
        return
    after = set(context.vm.run("ls /sys/kernel/debug/kunit", 10).out.split())
    wanted = args["suites"] if args["suites"] is not None else sorted(after - before)
    if not wanted:
        yield Outcome("fail", f"{args['module']} registered no KUnit suite")
    for suite in wanted:
        if suite not in after:
            yield Outcome("fail", f"KUnit suite {suite} did not run; there are: {', '.join(sorted(after)) or 'none'}",
                          suite)
            continue
        text = context.vm.read(f"/sys/kernel/debug/kunit/{suite}/results")
        report = ktap.parse(text)
        if report.errors:       # Linux before 6.6 keeps 512 bytes of each test there, and drops the rest in silence
            context.vm.mark("KUnit ended")
            text = ktap.suite_in_log(context.kmsg(), suite) or text
            report = ktap.parse(text)
        context.log(text)
        yield from _report_outcomes(report)
    done = run(f"modprobe -d {paths.GUEST_MODULES} -r {args['module']}")
    if not done.ok:
        yield Outcome("fail", f"the KUnit module does not unload: {done.why()}", "unload")


# --- i915's selftests --------------------------------------------------------------------------------

def selftest_groups(module: Path, flavour: str) -> dict[str, str]:
    """Group name -> the module parameter that selects it, in the order in which i915 runs them."""
    done = subprocess.run(["modinfo", "-F", "parm", str(module)], capture_output=True, text=True, check=False)
    found: dict[str, tuple[int, str]] = {}
    for line in done.stdout.splitlines():
        match = re.match(rf"(igt__(\d+)__{flavour}_(\w+)):", line)
        if match:
            found[match[3]] = (int(match[2]), match[1])
    return {group: parm for group, (_, parm) in sorted(found.items(), key=lambda kv: kv[1][0])}


def i915_module(kernel: str) -> Path | None:
    """The installed i915.ko of that kernel on the host."""
    return next(iter(sorted(paths.modules_dir(kernel).glob("lib/modules/*/kernel/drivers/gpu/drm/i915/i915.ko*"))),
                None)


def _selftests_expand(declaration: Declaration, kernel: str) -> list[Item]:
    args = declaration.args
    module = i915_module(declaration.vm.kernel or kernel)
    groups = selftest_groups(module, args["flavour"]) if module else {}
    if not groups:
        return [Item(declaration, declaration.full_name, broken=f"no {args['flavour']} selftests in "
                     f"{module or paths.modules_dir(kernel)}: needs a kernel with DRM_I915_SELFTEST")]
    known = set(groups)
    named = (*args["exclude"], *args["expect_fail"], *args["deadline"], *args["empty"], *(args["groups"] or ()))
    stale = {re.split("[/@]", w)[0] for w in named} - known
    items = [Item(declaration, f"{declaration.full_name}/{g}", broken="no such selftest group in this kernel")
             for g in sorted(stale)]
    for group in (args["groups"] if args["groups"] is not None else groups):
        if group in known:
            items.append(Item(declaration, f"{declaration.full_name}/{group}", groups[group],
                              skip=args["exclude"].get(group, "")))
    for what, reason in args["exclude"].items():
        if "/" in what and what.partition("/")[0] in known:
            items.append(Item(declaration, f"{declaration.full_name}/{what}", skip=reason))
    for what in dict.fromkeys((*args["deadline"], *args["expect_fail"])):
        group, _, test = what.partition("/")
        if test and group in known and group in (args["groups"] or known):
            items.append(Item(declaration, f"{declaration.full_name}/{what}", groups[group]))
    return items


DEADLINE_ATTEMPTS = 5


def _selftests_run(item: Item, context: Context, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    """A group but for the tests of it that are named apart, or one of these. What `deadline` names, group or test, gets several attempts."""
    args = item.declaration.args
    name = item.name.removeprefix(f"{item.declaration.full_name}/")
    group, _, test = name.partition("/")
    named = (*args["exclude"], *args["deadline"], *args["expect_fail"])
    tests = test or ",".join(f"!{w.partition('/')[2]}" for w in dict.fromkeys(named) if w.startswith(f"{group}/"))
    if name in args["deadline"]:
        outcome = _selftests_attempts(item, context, run, name, tests)
    else:
        outcome = _selftests_attempt(item, context, run, group, tests)
    if name in args["expect_fail"]:
        outcome = _expected_failure(outcome, args["expect_fail"][name], paths.is_of_base(context.vm.kernel))
    yield outcome


def _selftests_attempts(item: Item, context: Context, run: Callable[[str], Completed], name: str, tests: str) -> Outcome:
    reason = item.declaration.args["deadline"][name]
    for attempt in range(1, DEADLINE_ATTEMPTS + 1):
        outcome = _selftests_attempt(item, context, run, name.partition("/")[0], tests)
        outcome.details["attempts"] = attempt
        if outcome.status != "fail":
            if attempt > 1:
                outcome.reason = f"passed in attempt {attempt}: {reason}"
            return outcome
        context.vm.unload_i915()
    outcome.reason = f"failed in each of {DEADLINE_ATTEMPTS} attempts, the last time: {outcome.reason}"
    return outcome


def _expected_failure(outcome: Outcome, reason: str, of_base: bool) -> Outcome:
    """The list is about the base's kernel; an older one, or a user's own, may do without the reason."""
    if outcome.status == "fail" and outcome.details.get("failed"):
        return Outcome("skip", f"fails as expected: {reason}", details=outcome.details)
    if outcome.status == "pass" and of_base:
        return Outcome("fail", f"expected to fail ({reason}) but passed: the list is stale", details=outcome.details)
    return outcome


def _selftests_attempt(item: Item, context: Context, run: Callable[[str], Completed], group: str, tests: str) -> Outcome:
    args, flavour = item.declaration.args, item.declaration.args["flavour"]
    st_filter = f"st_filter={tests}" if tests else ""
    before = len(context.kmsg())
    done = run(f"modprobe -d {paths.GUEST_MODULES} i915 {flavour}_selftests=-1 {item.sub}=1 {st_filter} {args['options']}")
    if done.timed_out:
        return Outcome("fail", done.why())
    context.vm.mark("selftest ended")
    lines = context.kmsg()[before:]
    code = context.vm.run(f"cat /sys/module/i915/parameters/{flavour}_selftests", 10).out.strip()
    ran = [m[2] for line in lines if (m := re.search(r"i915: Running (\w+)/(\w+)", line))]
    failed = [(m[1], m[2]) for line in lines
              if (m := re.search(r"i915/\w+: (\w+) failed with error (-?\d+)", line))]
    details = {"ran": ran, "failed": [f[0] for f in failed]}
    gpu = context.vm.spec.gpus[0].platform if context.vm.spec.gpus else ""
    empty = args["empty"].get(group, "") or args["empty"].get(f"{group}@{gpu}", "")
    if not any(f"Running {group}" in line for line in lines):
        return Outcome("fail", f"the group never started; modprobe: {done.why()}", details=details)
    if code != "-25":       # -ENOTTY: i915's way to say "ran all, stop here"
        what = ", ".join(f"{n} failed with error {e}" for n, e in failed) or f"{ran[-1] if ran else group} (no line)"
        return Outcome("fail", f"{what}; {flavour}_selftests={code or '?'}", details=details)
    if not ran and not empty:       # most groups do nothing at all on a wedged GPU, and call that success
        return Outcome("fail", "ran no test, and is not listed as empty; is the GPU wedged?", details=details)
    if ran and empty and context.vm.kernel != "stock":        # which runs what the series leaves out
        return Outcome("fail", f"listed as empty ({empty}) but ran {', '.join(ran)}: the list is stale", details=details)
    return Outcome("skip", empty, details=details) if empty and not ran else Outcome("pass", details=details)


# --- stock programs and scenarios ------------------------------------------------------------------------

def _stock_run(item: Item, run: Callable[[str], Completed]) -> Iterator[Outcome]:
    args = item.declaration.args
    done = run(args["command"])
    if done.timed_out or done.rc != args["status"]:
        yield Outcome("fail", f"{done.why()}, expected {args['status']}")
    elif args["output"] is not None and not re.search(args["output"], done.out, re.M):
        yield Outcome("fail", f"output does not match /{args['output']}/; last line: "
                      f"{(done.out.strip().splitlines() or ['(none)'])[-1]}")
    else:
        yield Outcome("pass")


def _scenario_run(item: Item, context: Context) -> Iterator[Outcome]:
    try:
        item.declaration.args["function"](context, *item.declaration.args["row"])
    except TestFailed as failed:
        yield Outcome("fail", str(failed) or "failed without a reason")
    except TestSkipped as skipped:
        yield Outcome("skip", str(skipped))
    else:
        yield Outcome("pass")


# --- the two entry points --------------------------------------------------------------------------------

def expand(declaration: Declaration, kernel: str) -> list[Item]:
    """All items of a declaration, without a VM."""
    if declaration.skip:
        return [Item(declaration, declaration.full_name, skip=declaration.skip)]
    if declaration.kind == "igt":
        return _igt_expand(declaration)
    if declaration.kind == "selftests":
        return _selftests_expand(declaration, kernel)
    if declaration.kind == "scenario":
        return [Item(declaration, declaration.full_name, about=declaration.args["doc"])]
    if declaration.kind in ("kselftest", "kunit", "stock"):
        return _one_item(declaration)
    raise SuiteError(f"{declaration.full_name}: unknown kind {declaration.kind!r}")


def run(item: Item, context: Context, command: Callable[[str], Completed]) -> Iterator[Outcome]:
    """Run an item; `command` runs a guest command within the test's timeout and logs it."""
    kind = item.declaration.kind
    if kind == "igt":
        return (_igt_run_together if item.together else _igt_run)(item, command)
    if kind == "kselftest":
        return _kselftest_run(item, command)
    if kind == "kunit":
        return _kunit_run(item, context, command)
    if kind == "selftests":
        return _selftests_run(item, context, command)
    if kind == "stock":
        return _stock_run(item, command)
    return _scenario_run(item, context)
