# SPDX-License-Identifier: MIT
"""What a guest's kernel complains of, by the level of its messages, for the suites that want none."""

from __future__ import annotations

import re
from typing import Any


def complaints(t: Any) -> list[str]:
    """What the kernel has said at these levels since its log was cleared; not that the host is busy ("hrtimer: interrupt took ...")."""
    lines = t.run("dmesg --notime --level=emerg,alert,crit,err,warn").splitlines()
    return [line for line in lines if re.search(r"i915|drm|vgpu|GPU", line, re.I)]
