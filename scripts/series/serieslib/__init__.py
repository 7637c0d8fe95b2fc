# SPDX-License-Identifier: MIT
"""What scripts/series/{import,export,check,build} share. Nothing here prints a verdict or decides
policy for another module's job: base.py knows BASE, git.py runs git, lab.py holds the series."""
