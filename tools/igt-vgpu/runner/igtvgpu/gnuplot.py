# SPDX-License-Identifier: MIT
"""Draws the plots of `make bench`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def draw(target: Path, rows: list[list[str]], script: str) -> Path | None:
    """An SVG of `rows`, which `script` calls 'DATA'; None if gnuplot is not installed."""
    if not shutil.which("gnuplot"):
        return None
    data = target.with_suffix(".dat")
    data.write_text("".join("\t".join(row) + "\n" for row in rows))
    subprocess.run(["gnuplot"], check=True, text=True, input=f"""
        set terminal svg size 900,420 font 'sans,12'
        set output '{target}'
        set yrange [0:*]
        set grid y
        {script.replace("'DATA'", f"'{data}'")}
        """)
    return target
