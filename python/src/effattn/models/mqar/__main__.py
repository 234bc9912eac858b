# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn.models.mqar train | measure | plot``."""

from __future__ import annotations

import sys
from typing import List

from effattn.error import exit_status
from effattn.models.packages import require_torch


def _run(arguments: List[str]) -> None:
    require_torch("train and measure models that recall")
    from effattn.models.mqar import commands

    commands.run(arguments)


def main(arguments: List[str]) -> int:
    return exit_status(lambda: _run(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
