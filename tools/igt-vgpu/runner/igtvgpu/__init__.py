# SPDX-License-Identifier: MIT
"""Boots vGPU guests, runs tests in them and reports; README.rst beside this package is the manual.

What a suite file may use is re-exported by `igtvgpu.api`; all else is internal.
"""

__version__ = "1.0"
