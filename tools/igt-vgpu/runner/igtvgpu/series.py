# SPDX-License-Identifier: MIT
"""Which state of patches/, or of a backport in it, a result is about: the cover letter (scripts/series/send) takes no other's."""

from __future__ import annotations

import sys

from . import paths

sys.path.append(str(paths.TOP / "scripts" / "series"))
from serieslib.base import Places, read_base  # noqa: E402
from serieslib.lab import digest_of  # noqa: E402
from serieslib.sync import holds_patches  # noqa: E402


def digest(backport: str | None = None) -> str:
    """What patches/ holds, as a hash of its bytes. `backport`: "" the series, 6.1 that one, None what IGT_VGPU_SERIES says."""
    return digest_of(Places(paths.TOP, backport))


def is_built(backport: str | None = None) -> bool:
    """Whether the kernel tree that guests boot holds the patches and nothing else."""
    return holds_patches(Places(paths.TOP, backport))


def base() -> str:
    """What patches/ applies to, in words."""
    return f"Linux {read_base(Places(paths.TOP, ''))['upstream']}"
