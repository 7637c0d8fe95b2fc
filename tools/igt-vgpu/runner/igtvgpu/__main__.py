# SPDX-License-Identifier: MIT
"""`python3 -m igtvgpu`."""

import sys

from .cli import main

sys.exit(main())
