# SPDX-License-Identifier: MIT
"""The boot matrix's rows: what the PVINFO page says, and what the driver makes of it. suite_boot_matrix.py runs them.

To add a row, write one line in the group that it belongs to; README.rst in the folder above has the columns.
The kernel's side is vgpu/i915_vgpu_pvinfo.c (detection), vgpu/i915_vgpu_partition.c (ballooning).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

# The truth, that is what the mediator enforces: nothing touches an end of its half, so that there are all four
# balloons; all fences, so that every count up to the hardware's is honest.
APERTURE = 0x1000_0000          # 256 MiB: where the mappable half ends
GGTT = 0x1_0000_0000            # 4 GiB
MB, MS = 0x0400_0000, 0x0800_0000
NB, NS = 0x4000_0000, 0x2000_0000
FENCES = 32

# Outcomes.
IS_VGPU = "vgpu"                # the probe succeeds as a vGPU, batches run, nothing outside the partition is touched
IS_NATIVE = "native"              # taken for bare hardware; what a native probe on a vGPU comes to is the mediator's business
IS_LIE = "lie"                  # believed, since the guest cannot know better; the mediator stops and counts what is outside


@dataclass(frozen=True)
class Row:
    """One configuration.

    `outcome` is IS_VGPU, IS_NATIVE, IS_LIE, or the errno with which the probe must end. `line` must match exactly one line of the
    log, and so must `also`; `forbid` none. `fences` is how many the driver must have (IS_VGPU only). `caught`: the counter of the mediator that
    an IS_LIE must raise. `debug`: the line is a debug message of the driver.
    """

    name: str
    pvinfo: str
    outcome: str | int
    line: str
    forbid: str = ""
    also: str = ""
    fences: int = FENCES
    caught: str = ""
    debug: bool = False


DETECTED = r"Virtual GPU for Intel GVT-g detected: PVINFO version {}, capabilities "
FOUND = DETECTED.format(r"1\.1")
THE_CHANNEL = r"vGPU: the channel is on"
NO_VGPU = r"Virtual GPU|[Bb]alloon|graphics memory"


def magic(value: int) -> str:
    return rf"vGPU: PVINFO magic is 0x{value:016x}, not 0x4776544776544776; going on as on bare hardware"


def version(text: str, who: str) -> str:
    return rf"vGPU: the host speaks PVINFO version {text}, the guest 1\.\d+; update the {who}"


def lacks(what: str) -> str:
    return rf"vGPU: the host lacks what this GPU requires: {what} \("


def bad(field: str, value: int, problem: str, limit: int) -> str:
    field = field.replace("+", r"\+")
    return rf"vGPU: bad ballooning configuration: {field} is 0x{value:x}, {problem} 0x{limit:x}; correct it on the host"


def odd(field: str, value: int) -> str:
    return bad(field, value, "not a multiple of", 0x1000)


def ours(kind: str, start: int, end: int) -> str:
    return rf"vGPU: {kind} graphics memory 0x{start:x} - 0x{end:x}, "


def none(kind: str) -> str:
    return rf"vGPU: {kind} graphics memory: none"


def mappable(base: int, size: int) -> str:
    return f"mappable_base={base:#x};mappable_size={size:#x}"


def hidden(base: int, size: int) -> str:
    return f"nonmappable_base={base:#x};nonmappable_size={size:#x}"


WINDOW = 16 << 20               # with less of the aperture than that, the driver makes no use of it by the CPU
NO_WINDOW = r"vGPU: less than 16384 KiB of the aperture are ours: no CPU access through it"
BEYOND_APERTURE = "beyond the end of the aperture at"
BEYOND_GGTT = "beyond the end of the GGTT at"
M_END, N_END = "mappable_base + mappable_size", "nonmappable_base + nonmappable_size"

# Too little to work with: the driver would wait for ever for space for its own contexts (i915_ggtt_pin() takes no refusal),
# so the grant must be refused.
MIN_GRANT = 0x400000


def little(size: int) -> str:
    return bad("mappable_size + nonmappable_size", size, "less than", MIN_GRANT)


DETECTION = [
    Row("the truth", "", IS_VGPU, FOUND, also=THE_CHANNEL),
    Row("a magic of zero is bare hardware", "magic=0", IS_NATIVE, r"vGPU: no mediator", NO_VGPU, debug=True),
    Row("a magic of all ones is bare hardware with a warning", f"magic={2**64 - 1:#x}", IS_NATIVE,
        r"PVINFO page reads as all ones", NO_VGPU),
    Row("a foreign magic is bare hardware", "magic=0x1122334455667788", IS_NATIVE,
        magic(0x1122334455667788), NO_VGPU, debug=True),
    Row("the low half of the magic alone", "magic=0x76544776", IS_NATIVE,
        magic(0x76544776), NO_VGPU, debug=True),
    Row("the high half of the magic alone", "magic=0x4776544700000000", IS_NATIVE,
        magic(0x4776544700000000), NO_VGPU, debug=True),
    Row("the magic in the other byte order", "magic=0x7647547647547647", IS_NATIVE,
        magic(0x7647547647547647), NO_VGPU, debug=True),
    Row("one bit of the magic flipped", "magic=0x4776544776544777", IS_NATIVE,
        magic(0x4776544776544777), NO_VGPU, debug=True),
    Row("major 0 is too old", "version_major=0", errno.EPROTONOSUPPORT, version(r"0\.1", "host"), NO_VGPU),
    Row("version 0.7 is too old whatever its minor", "version_major=0;version_minor=7", errno.EPROTONOSUPPORT,
        version(r"0\.7", "host"), NO_VGPU),
    Row("major 2 is too new", "version_major=2", errno.EPROTONOSUPPORT, version(r"2\.1", "guest"), NO_VGPU),
    Row("version 2.7 is too new", "version_major=2;version_minor=7", errno.EPROTONOSUPPORT, version(r"2\.7", "guest"),
        NO_VGPU),
    Row("major 0xffff is too new", "version_major=0xffff", errno.EPROTONOSUPPORT, version(r"65535\.1", "guest"), NO_VGPU),
    Row("a swapped version is too old", "version_major=0;version_minor=2", errno.EPROTONOSUPPORT, version(r"0\.2", "host"),
        NO_VGPU),
    Row("minor 0 is accepted and its channel bit ignored", "version_minor=0", IS_VGPU, DETECTED.format(r"1\.0"), THE_CHANNEL),
    Row("minor 7 is accepted", "version_minor=7", IS_VGPU, DETECTED.format(r"1\.7")),
    Row("minor 0xffff is accepted", "version_minor=0xffff", IS_VGPU, DETECTED.format(r"1\.65535")),
    Row("unknown capabilities are ignored", "vgt_caps=0x3c", IS_VGPU, FOUND + r".*unknown:0x20"),
    Row("capabilities of all ones", "vgt_caps=0xffffffff", IS_VGPU, FOUND + r".*unknown:0xffffffa3"),
    Row("no capabilities", "vgt_caps=0", errno.ENXIO, lacks(r".+"), NO_VGPU),
    Row("full PPGTT alone is missing", "vgt_caps=0x18", errno.ENXIO, lacks(r"full-ppgtt"), NO_VGPU),
    Row("HWSP emulation alone is missing", "vgt_caps=0x14", errno.ENXIO, lacks(r"hwsp-emulation"), NO_VGPU),
    Row("huge pages alone are missing and not required", "vgt_caps=0x0c", IS_VGPU, FOUND),
    Row("huge pages alone are not enough", "vgt_caps=0x10", errno.ENXIO, lacks(r".+"), NO_VGPU),
    Row("only unknown capabilities are not enough", "vgt_caps=0xffffffe3", errno.ENXIO, lacks(r".+"), NO_VGPU),
    Row("vGPU number 0", "vgt_id=0", IS_VGPU, FOUND),
    Row("vGPU number 0xffffffff", "vgt_id=0xffffffff", IS_VGPU, FOUND),
    Row("reserved words that are not zero", "@0x14=0xffffffff;@0x54=0xffffffff;@0x68=0xffffffff;@0x870=0xffffffff;"
        "@0xffc=0xffffffff", IS_VGPU, FOUND),
]

BALLOONS = [
    Row("one page less at every end", f"{mappable(MB + 0x1000, MS - 0x2000)};{hidden(NB + 0x1000, NS - 0x2000)}", IS_VGPU,
        ours("mappable", MB + 0x1000, MB + MS - 0x1000)),
    Row("a quarter of the truth", f"{mappable(MB, MS // 4)};{hidden(NB, NS // 4)}", IS_VGPU,
        ours("non-mappable", NB, NB + NS // 4)),
    Row("4 MiB of each", f"{mappable(MB, 4 << 20)};{hidden(NB, 4 << 20)}", IS_VGPU, ours("mappable", MB, MB + (4 << 20))),
    Row("no mappable part", "mappable_size=0", IS_VGPU, NO_WINDOW),
    Row("no mappable part with an absurd base", mappable(0xfffff001, 0), IS_VGPU, none("mappable")),
    Row("no hidden part", "nonmappable_size=0", IS_VGPU, none("non-mappable"), NO_WINDOW),
    Row("no hidden part with an absurd base", hidden(0xffffffff, 0), IS_VGPU, none("non-mappable")),
    Row("one page of mappable part", mappable(MB, 0x1000), IS_VGPU, NO_WINDOW),
    Row("a page too little of the aperture for the CPU", mappable(MB, WINDOW - 0x1000), IS_VGPU, NO_WINDOW),
    Row("just enough of the aperture for the CPU", mappable(MB, WINDOW), IS_VGPU, ours("mappable", MB, MB + WINDOW), NO_WINDOW),
    Row("too little of the aperture for the CPU and nothing else", f"{mappable(MB, WINDOW - 0x1000)};nonmappable_size=0",
        IS_VGPU, NO_WINDOW),
    Row("one page of hidden part", hidden(NB, 0x1000), IS_VGPU, ours("non-mappable", NB, NB + 0x1000)),
    Row("nothing at all", "mappable_size=0;nonmappable_size=0", errno.ENOSPC, little(0)),
    Row("nothing at all with absurd bases", f"{mappable(0xffffffff, 0)};{hidden(0xffffffff, 0)}", errno.ENOSPC, little(0)),

    Row("mappable base off by 1", f"mappable_base={MB + 1:#x}", errno.EINVAL, odd("mappable_base", MB + 1)),
    Row("mappable base off by half a page", f"mappable_base={MB + 0x800:#x}", errno.EINVAL, odd("mappable_base", MB + 0x800)),
    Row("mappable size off by 1", f"mappable_size={MS + 1:#x}", errno.EINVAL, odd("mappable_size", MS + 1)),
    Row("mappable size off by half a page", f"mappable_size={MS + 0x800:#x}", errno.EINVAL, odd("mappable_size", MS + 0x800)),
    Row("mappable size of one byte", "mappable_size=1", errno.EINVAL, odd("mappable_size", 1)),
    Row("hidden base off by 1", f"nonmappable_base={NB + 1:#x}", errno.EINVAL, odd("nonmappable_base", NB + 1)),
    Row("hidden base off by half a page", f"nonmappable_base={NB + 0x800:#x}", errno.EINVAL,
        odd("nonmappable_base", NB + 0x800)),
    Row("hidden size off by 1", f"nonmappable_size={NS + 1:#x}", errno.EINVAL, odd("nonmappable_size", NS + 1)),
    Row("hidden size off by half a page", f"nonmappable_size={NS + 0x800:#x}", errno.EINVAL,
        odd("nonmappable_size", NS + 0x800)),
    Row("hidden size of one byte", "nonmappable_size=1", errno.EINVAL, odd("nonmappable_size", 1)),

    Row("mappable part reaches one page beyond the aperture", mappable(MB, APERTURE - MB + 0x1000), errno.ERANGE,
        bad(M_END, APERTURE + 0x1000, BEYOND_APERTURE, APERTURE)),
    Row("mappable part begins where the aperture ends", mappable(APERTURE, 0x1000), errno.ERANGE,
        bad(M_END, APERTURE + 0x1000, BEYOND_APERTURE, APERTURE)),
    Row("mappable part lies in the hidden half", mappable(NB, 0x1000), errno.ERANGE,
        bad(M_END, NB + 0x1000, BEYOND_APERTURE, APERTURE)),
    Row("mappable part across the end of the aperture", mappable(APERTURE - 0x1000, 0x2000), errno.ERANGE,
        bad(M_END, APERTURE + 0x1000, BEYOND_APERTURE, APERTURE)),
    Row("mappable part in the last page of 4 GiB", mappable(0xfffff000, 0x1000), errno.ERANGE,
        bad(M_END, GGTT, BEYOND_APERTURE, APERTURE)),
    Row("mappable part wraps 32 bits by a page", mappable(0xfffff000, 0x2000), errno.ERANGE,
        bad(M_END, GGTT + 0x1000, BEYOND_APERTURE, APERTURE)),
    Row("mappable part wraps 32 bits to zero", mappable(0x80000000, 0x80000000), errno.ERANGE,
        bad(M_END, GGTT, BEYOND_APERTURE, APERTURE)),
    Row("mappable part wraps 32 bits back into the aperture", mappable(0xf8000000, 0x0c000000), errno.ERANGE,
        bad(M_END, GGTT + 0x4000000, BEYOND_APERTURE, APERTURE)),
    Row("mappable size 0xffffffff", "mappable_size=0xffffffff", errno.EINVAL, odd("mappable_size", 0xffffffff)),
    Row("mappable size 0xfffff000", "mappable_size=0xfffff000", errno.ERANGE,
        bad(M_END, MB + 0xfffff000, BEYOND_APERTURE, APERTURE)),
    Row("mappable base 0xffffffff", "mappable_base=0xffffffff", errno.EINVAL, odd("mappable_base", 0xffffffff)),

    Row("hidden part begins one page too low", f"nonmappable_base={APERTURE - 0x1000:#x}", errno.ERANGE,
        bad("nonmappable_base", APERTURE - 0x1000, "below the end of the aperture at", APERTURE)),
    Row("hidden part begins at zero", "nonmappable_base=0", errno.ERANGE,
        bad("nonmappable_base", 0, "below the end of the aperture at", APERTURE)),
    Row("hidden part lies over the mappable one", hidden(MB, MS), errno.ERANGE,
        bad("nonmappable_base", MB, "below the end of the aperture at", APERTURE)),
    Row("hidden part reaches one page beyond the GGTT", hidden(NB, GGTT - NB + 0x1000), errno.ERANGE,
        bad(N_END, GGTT + 0x1000, BEYOND_GGTT, GGTT)),
    Row("hidden part wraps 32 bits by a page", hidden(0xfffff000, 0x2000), errno.ERANGE,
        bad(N_END, GGTT + 0x1000, BEYOND_GGTT, GGTT)),
    Row("hidden part wraps 32 bits into itself", hidden(0x80000000, 0xc0000000), errno.ERANGE,
        bad(N_END, GGTT + 0x40000000, BEYOND_GGTT, GGTT)),
    Row("hidden size 0xffffffff", "nonmappable_size=0xffffffff", errno.EINVAL, odd("nonmappable_size", 0xffffffff)),
    Row("hidden size 0xfffff000", "nonmappable_size=0xfffff000", errno.ERANGE,
        bad(N_END, NB + 0xfffff000, BEYOND_GGTT, GGTT)),
    Row("hidden base 0xffffffff", hidden(0xffffffff, 0x1000), errno.EINVAL, odd("nonmappable_base", 0xffffffff)),
]

TINY = [
    Row("one page of each is too little", f"{mappable(MB, 0x1000)};{hidden(NB, 0x1000)}", errno.ENOSPC, little(0x2000)),
    Row("64 KiB of each is too little", f"{mappable(MB, 0x10000)};{hidden(NB, 0x10000)}", errno.ENOSPC, little(0x20000)),
    Row("one mappable page alone is too little", f"{mappable(MB, 0x1000)};nonmappable_size=0", errno.ENOSPC, little(0x1000)),
    Row("one hidden page alone is too little", f"mappable_size=0;{hidden(NB, 0x1000)}", errno.ENOSPC, little(0x1000)),
    Row("a page less than the minimum is too little", f"{mappable(MB, 0x200000)};{hidden(NB, 0x1ff000)}", errno.ENOSPC,
        little(0x3ff000)),
    Row("the minimum in two halves is enough", f"{mappable(MB, 0x200000)};{hidden(NB, 0x200000)}", IS_VGPU,
        ours("mappable", MB, MB + 0x200000)),
]

# The guest cannot see that these grant more than is its own. It uses it, the mediator drops that and counts it; the guest may
# then fail (its contexts are not where it put them), but must not crash.
LIES = [
    Row("the whole GGTT but the guard page", f"{mappable(0, APERTURE)};{hidden(APERTURE, GGTT - APERTURE - 0x1000)}", IS_LIE,
        ours("mappable", 0, APERTURE), caught="ggtt"),
    Row("the whole GGTT", f"{mappable(0, APERTURE)};{hidden(APERTURE, GGTT - APERTURE)}", IS_LIE,
        ours("non-mappable", APERTURE, GGTT), caught="ggtt"),
    Row("another vGPU's hidden part", hidden(0x80000000, NS), IS_LIE, ours("non-mappable", 0x80000000, 0x80000000 + NS),
        caught="ggtt"),
    Row("everything of another vGPU", f"{mappable(0, 0x4000000)};{hidden(0x80000000, NS)}", IS_LIE,
        ours("mappable", 0, 0x4000000), caught="ggtt"),
    Row("a hidden part that reaches beyond its end", hidden(NB, NS + 0x10000000), IS_LIE,
        ours("non-mappable", NB, NB + NS + 0x10000000), caught="ggtt"),
]


def bounded(offered: int) -> str:
    return rf"vGPU: the host offers {offered} fences \(fence_num\), the GPU has 32; using 32"


UNBOUNDED = r"vGPU: the host offers \d+ fences"
FENCE_COUNTS = [
    Row("no fences", "fence_num=0", IS_VGPU, FOUND, UNBOUNDED, fences=0),
    Row("one fence", "fence_num=1", IS_VGPU, FOUND, UNBOUNDED, fences=1),
    Row("four fences", "fence_num=4", IS_VGPU, FOUND, UNBOUNDED, fences=4),
    Row("31 fences", "fence_num=31", IS_VGPU, FOUND, UNBOUNDED, fences=31),
    Row("32 fences", "fence_num=32", IS_VGPU, FOUND, UNBOUNDED, fences=32),
    Row("33 fences are bounded by the hardware's 32", "fence_num=33", IS_VGPU, FOUND, also=bounded(33), fences=32),
    Row("256 fences are bounded", "fence_num=256", IS_VGPU, FOUND, also=bounded(256), fences=32),
    Row("0x80000000 fences are bounded", "fence_num=0x80000000", IS_VGPU, FOUND, also=bounded(0x80000000), fences=32),
    Row("0xffffffff fences are bounded", "fence_num=0xffffffff", IS_VGPU, FOUND, also=bounded(0xffffffff), fences=32),
]

COMBINED = [
    Row("a foreign magic hides all other faults", "magic=1;version_major=9;vgt_caps=0;mappable_size=1", IS_NATIVE,
        magic(1), NO_VGPU, debug=True),
    Row("a foreign major is found before anything else", "version_major=9;vgt_caps=0;mappable_size=1;fence_num=0xffffffff",
        errno.EPROTONOSUPPORT, version(r"9\.1", "guest"), NO_VGPU),
    Row("a missing capability is found before a bad balloon", "vgt_caps=0;mappable_size=1", errno.ENXIO, lacks(r".+"), NO_VGPU),
    Row("both portions bad and the mappable one is named", "mappable_size=1;nonmappable_size=1", errno.EINVAL,
        odd("mappable_size", 1)),
    Row("a bad balloon with an absurd fence count", "nonmappable_size=1;fence_num=0xffffffff", errno.EINVAL,
        odd("nonmappable_size", 1)),
    Row("no mappable part and no fences", "mappable_size=0;fence_num=0", IS_VGPU, none("mappable"), fences=0),
    Row("a newer host with a narrow grant and unknown capabilities",
        f"version_minor=9;vgt_caps=0xfffffffc;{mappable(MB, MS // 2)};{hidden(NB, NS // 2)};fence_num=2", IS_VGPU,
        DETECTED.format(r"1\.9"), fences=2),
    Row("every field all ones but magic and version",
        "vgt_id=0xffffffff;vgt_caps=0xffffffff;mappable_base=0xffffffff;mappable_size=0xffffffff;"
        "nonmappable_base=0xffffffff;nonmappable_size=0xffffffff;fence_num=0xffffffff", errno.EINVAL,
        odd("mappable_size", 0xffffffff)),
    Row("every field all ones", f"magic={2**64 - 1:#x};version_major=0xffff;version_minor=0xffff;vgt_caps=0xffffffff;"
        "mappable_size=0xffffffff", IS_NATIVE, r"PVINFO page reads as all ones", NO_VGPU),
]

CHANNEL = [
    Row("a host without the capability is not asked for features", "vgt_caps=0x1c;features_offered=3", IS_VGPU, FOUND,
        r"vGPU: the channel"),
    Row("nothing is offered", "features_offered=0", IS_VGPU, FOUND, r"vGPU: the channel"),
    Row("only unknown features are offered", "features_offered=0xfffffffc", IS_VGPU, FOUND, r"vGPU: the channel"),
    Row("one feature is offered", "features_offered=1", IS_VGPU, r"vGPU: the channel is on, features context$"),
    Row("all features that there can be are offered", "features_offered=0xffffffff", IS_VGPU,
        r"vGPU: the channel is on, features context fence$"),
    Row("more is accepted than was wanted", "features_accepted=0xffffffff", IS_VGPU,
        r"vGPU: the channel is off, more than was wanted: features_accepted is 0xffffffff; going on with trapped accesses"),
]

ROWS: list[Row] = [*DETECTION, *CHANNEL, *BALLOONS, *FENCE_COUNTS, *COMBINED, *TINY, *LIES]
