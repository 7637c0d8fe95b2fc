# SPDX-License-Identifier: MIT
"""Which state of patches/ a result is about: the cover letter (scripts/series/send) takes no other's."""

from __future__ import annotations

import sys

from . import paths

sys.path.append(str(paths.TOP / "scripts" / "series"))
from serieslib.base import Places  # noqa: E402
from serieslib.lab import digest_of  # noqa: E402


def digest() -> str:
    """What patches/ holds, as a hash of its bytes."""
    return digest_of(Places(paths.TOP))
