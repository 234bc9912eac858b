# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures that several parts of the demo draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from effattn import plot, reference


def draw_mask(
    path: Path, is_separator: np.ndarray, *, initial: int, window: int, tokens: Any = None, title: str = ""
) -> None:
    """Which keys a layer keeps that attends to the first ones, separators and a window."""
    flags, count = is_separator[None], len(is_separator)
    causal = reference.causal_mask()
    plot.mask_picture(
        reference.separator_mask(flags, initial=initial, window=window),
        path,
        queries=count,
        keys=count,
        reasons={
            "initial": reference.initial_mask(count=initial),
            "window": causal & reference.window_mask(size=window),
            "separator": causal & reference.separator_mask(flags, initial=0, window=1),
        },
        tokens=tokens,
        title=title,
    )
