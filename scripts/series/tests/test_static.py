# SPDX-License-Identifier: MIT
"""Each static check passes a good series, and fails the one thing it is there for."""
from __future__ import annotations

import re

from scratch import AUTHOR, GOOD, I915, PAGES, STOCK, Patch, Result, Scratch, extra
from serieslib.doc_checks import without_line_numbers

SPARSE = """\
#include <linux/compiler.h>
#include <linux/types.h>

static int __maybe_unused series_space(const int __user *where)
{
	return *where;
}
"""
SPARSE_STOCK = ('#include "i915_mm.h"\n', """#include "i915_mm.h"

static u32 __maybe_unused series_space_stock(const u32 __iomem *where)
{
	return *where;
}
""")
W1 = """\
static int __maybe_unused series_w1(void)
{
#if SERIES_NOBODY_DEFINES_THIS
	return 1;
#else
	return 0;
#endif
}
"""
KERNEL_DOC = """\
/**
 * series_doc - triple a count
 * @number: what to triple
 *
 * Return: three times the count.
 */
static int __maybe_unused series_doc(int count)
{
	return count * 3;
}
"""
TYPO = """\
/* This comment is definately spelled wrong, and occured on purpose. */
static int __maybe_unused series_typo(void)
{
	return 0;
}
"""
STYLE = """\
static int __maybe_unused series_style(int count)
{
	if (count == 1) {
		return 5;   \n	}
    return (count);
}
"""
COCCI = """\
static int __maybe_unused series_cocci(void)
{
	int ret = 0;

	return ret;
}
"""
PVINFO = """\
#include <linux/io.h>

#include "i915_drv.h"
#include "i915_pvinfo.h"

static u64 __maybe_unused series_pvinfo(void __iomem *regs)
{
	struct vgt_if *info = (__force struct vgt_if *)(regs + VGT_PVINFO_PAGE);

	return info->magic;
}
"""
# The same, with the device awake: in a macro that stands where C has no call.
AWAKE = """\
#include "i915_drv.h"
#include "i915_pvinfo.h"

static u64 __maybe_unused series_awake(struct drm_i915_private *i915, struct vgt_if *info)
{
	intel_wakeref_t wakeref;
	u64 magic = 0;

	with_intel_runtime_pm(&i915->runtime_pm, wakeref)
		magic = info->magic;

	return magic;
}

static u32 __maybe_unused series_awake_index(struct drm_i915_private *i915, const u32 *table)
{
	return table[intel_uncore_read(&i915->uncore, vgtif_reg(vgt_id))];
}
"""
# And in one that nobody has told spatch of, in a function of our own and in a stock one.
MACRO = """\
static void __maybe_unused series_macro(struct series *s)
{
	with_series_held(s)
		series_use(s);
}
"""
STOCK_MACRO = ("\tr.mm = vma->vm_mm;\n", "\twith_series_held(vma)\n\t\tr.mm = vma->vm_mm;\n")
# What spatch cannot parse either, and need not.
NO_CODE = """\
#define SERIES_ARGS(address_) \\
	.address = (address_), .length = 4096
#define show_series(what) \\
	__print_symbolic(what, { 1, "one" }, { 2, "two" })
"""

PAGE = """\
.. SPDX-License-Identifier: MIT

====
Page
====

===== =====
One   Two
===== =====
a column too wide
===== =====
"""
UAPI = ("struct drm_i915_reg_read {\n", """\
/**
 * struct series_uapi - what no header of the uAPI may have
 * @first: not the member's name
 */
struct series_uapi {
	__u32 one;
	unsigned long two; // as long as the world it is in
};

struct drm_i915_reg_read {
""")

BROKEN = [
    *GOOD,
    extra("series_unsigned", "/* Nothing. */\n", signed=None),
    extra("series_foreign", "/* Nothing. */\n", signed="Somebody Else <else@igt-vgpu.invalid>"),
    extra("series_silent", "/* Nothing. */\n", why=""),
    extra("series_space", SPARSE),
    Patch("drm/i915: read a register the wrong way", edits={STOCK: SPARSE_STOCK}),
    extra("series_w1", W1),
    extra("series_doc", KERNEL_DOC),
    extra("series_typo", TYPO),
    extra("series_style", STYLE),
    extra("series_cocci", COCCI),
    extra("series_pvinfo", PVINFO),
    extra("series_parrot", "/* Nothing. */\n", why="drm/i915: add series parrot to the probe\n"),
    Patch("drm/i915: add a broken page", {PAGES + "series-page.rst": PAGE}),
    Patch("drm/i915: add a broken struct", edits={"include/uapi/drm/i915_drm.h": UAPI}),
    Patch("Add without an area", {I915 + "series_area.c": "// SPDX-License-Identifier: MIT\n"}),
]


def names(result: Result, title: str, *wanted: str) -> None:
    """The check failed, named each wanted thing, and named no other patch of the scratch series."""
    details = "\n".join(result.failed(title))
    assert details, f"'{title}' did not fail:\n{result.text}"
    for word in wanted:
        assert word in details, f"'{title}' does not name {word}:\n{details}"
    planted = {m for m in re.findall(r"series[-_](\w+?)\.c\b|-series-(\w+)-to-the", details) for m in m if m}
    allowed = " ".join(wanted)
    for word in planted:
        assert word in allowed, f"'{title}' also complains about {word}:\n{details}"


class Static:
    """Runs the good and the broken series once each; the tests look at the rows."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self._good: Result | None = None
        self._bad: Result | None = None

    def good(self) -> Result:
        if self._good is None:
            self.scratch.series(*GOOD)
            if self.scratch.tree.exists():
                done = self.scratch.run("import", "--force")
                assert done.status == 0, done.text
            self._good = self.scratch.run("check")
        return self._good

    def bad(self) -> Result:
        if self._bad is None:
            self.scratch.series(*BROKEN)
            self._bad = self.scratch.run("check")
        return self._bad

    def tests(self) -> list[tuple[str, object]]:
        return [
            ("a good series passes every check", self.all_pass),
            ("a broken series ends with status 1 and still runs every check", self.all_run),
            ("an intact series of broken patches still applies, exports and mirrors", self.intact),
            ("a missing or foreign sign-off fails",
             lambda: names(self.bad(), "signed off", "unsigned", "foreign", "author " + AUTHOR)),
            ("an empty message, a repeated subject and a subject without area fail",
             lambda: names(self.bad(), "says why", "silent", "parrot", "only repeats", "names no area")),
            ("a coding style error fails checkpatch",
             lambda: names(self.bad(), "checkpatch", "series-style", "TRAILING_WHITESPACE",
                           "series-typo", "unsigned", "foreign", "silent")),
            ("a spelling error fails", lambda: names(self.bad(), "spelling", "typo", "definately")),
            ("a kernel-doc mismatch fails",
             lambda: names(self.bad(), "kernel-doc", "series_doc.c", "'count' not described")),
            ("documentation that no page shows fails", lambda: names(self.bad(), "documented file", "series_doc.c", "no page")),
            ("a page that sphinx complains of, and that is in no table of contents, fails",
             lambda: names(self.bad(), "the pages", "series-page.rst", "Malformed table", "isn't included in any toctree")),
            ("a duplicate that moved with its page is no new warning", self.moved),
            ("a uAPI struct that is padded, of two sizes, not C90 or wrongly described fails",
             lambda: names(self.bad(), "uAPI headers", "padding", "struct series_uapi has 8 bytes for -m32, 16 for -m64",
                           "C++ style comments", "'one' not described")),
            ("a pattern of the kernel's Coccinelle rules fails",
             lambda: names(self.bad(), "kernel's rules", "series_cocci.c", "Unneeded variable")),
            ("a direct PVINFO dereference fails our Coccinelle rule",
             lambda: names(self.bad(), "our rules on the series", "series_pvinfo.c")),
            ("a W=1 warning fails", lambda: names(self.bad(), "W=1", "series_w1.c", "NOBODY_DEFINES", "series_doc.c")),
            ("a W=1 warning fails again, though its object is there", self.w1_again),
            ("an address space error fails sparse, in an added and in a stock file",
             lambda: names(self.bad(), "sparse", "series_space.c", "i915_mm.c", "noderef",
                           "series_w1.c")),
            # These have series of their own.
            ("a direct PVINFO dereference with the device awake, and what is read there as an index, fail", self.awake),
            ("a function that spatch cannot parse fails, of our own and in a stock file", self.unseen),
        ]

    def awake(self) -> None:
        self.scratch.series(*GOOD, extra("series_awake", AWAKE))
        done = self.scratch.run("check", "cocci-seen", "cocci-own")
        assert done.result("is parsed") == "pass", done.text
        names(done, "our rules on the series", "series_awake.c:12:", "series_awake.c:19:")

    def unseen(self) -> None:
        self.scratch.series(*GOOD, extra("series_none", NO_CODE))
        done = self.scratch.run("check", "cocci-seen")
        assert done.status == 0 and "2 places that are macros or stock code" in done.text, done.text
        self.scratch.series(*GOOD, extra("series_macro", MACRO), Patch("drm/i915: hold the mapping", edits={STOCK: STOCK_MACRO}))
        names(self.scratch.run("check", "cocci-seen"), "is parsed", "series_macro.c:6:", "i915_mm.c")

    def moved(self) -> None:
        said = "gpu/i915.rst:{}: WARNING: Duplicate C declaration, also defined at gpu/driver-uapi:{}."
        assert without_line_numbers(said.format(7, 2207)) == without_line_numbers(said.format(9, 2216))

    def w1_again(self) -> None:
        self.bad()
        names(self.scratch.run("check", "w1"), "W=1", "series_w1.c", "series_doc.c")

    def all_pass(self) -> None:
        result = self.good()
        rows = result.data.get("results", [])
        bad = [r for r in rows if r["result"] == "fail"]  # type: ignore[attr-defined]
        assert not bad and result.status == 0 and len(rows) >= 18, result.text  # type: ignore[arg-type]

    def all_run(self) -> None:
        result = self.bad()
        total = sum(int(result.data[k]) for k in ("passed", "failed", "skipped"))  # type: ignore[call-overload]
        assert result.status == 1 and total >= 18, result.text
        assert re.search(r"^\d+ passed, \d+ failed, \d+ skipped$", result.text, re.M), result.text

    def intact(self) -> None:
        for title in ("gapless", "applies exactly", "same bytes", "mirrors"):
            assert self.bad().result(title) == "pass", self.bad().text
