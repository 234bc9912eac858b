# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Positions as rotations of queries and keys."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from effattn.reference.operands import at_least, integers, match_shapes, one_of, positive, reals, refuse

LAYOUTS = ("half", "interleaved")


def rotary_embedding(
    x: Any,
    positions: Any,
    *,
    base: float = 10000.0,
    dims: Optional[int] = None,
    layout: str = "half",
    scaling: float = 1.0,
) -> np.ndarray:
    """Rotate pairs of columns by angles that grow with the position.

    Pair i (a, b) becomes ``(a cos - b sin, b cos + a sin)`` of the angle
    ``position / scaling * base^(-2 i / dims)``.

    Args:
        x: queries or keys, ``[B, H, T, D]``.
        positions: ``[B, T]``, any integer.
        base: of the geometric series of angles, above 0.
        dims: how many columns rotate, from the first on; even, D when absent.
        layout: "half" pairs columns i and ``i + dims / 2``, "interleaved" 2i and ``2i + 1``.
        scaling: divides the positions, above 0.
    Returns:
        ``[B, H, T, D]``; columns from ``dims`` on as they were.
    Raises:
        effattn.Error: ``dims`` is odd or above D, or an attribute is out of range.
    Source: RoFormer, arXiv 2104.09864.
    """
    op = "rotary_embedding"
    x, positions = reals(op, "x", x), integers(op, "positions", positions)
    sizes = match_shapes(op, x=(x, "B H T D"), positions=(positions, "B T"))
    positive(op, "base", base)
    positive(op, "scaling", scaling)
    one_of(op, "layout", layout, LAYOUTS)
    dims = rotated_columns(op, "dims", dims, sizes["D"])
    return rotate(x, positions / scaling, base, dims, layout)


def rotated_columns(op: str, name: str, dims: Optional[int], width: int) -> int:
    """How many of ``width`` columns rotate: all when ``dims`` is absent, always an even number."""
    dims = width if dims is None else at_least(op, name, dims, 0)
    if dims > width or dims % 2:
        raise refuse(op, f"expected {name} to be even and at most {width} (D), but got {dims}")
    return dims


def rotate(x: np.ndarray, positions: np.ndarray, base: float, dims: int, layout: str) -> np.ndarray:
    """The columns of ``x[B, H, T, D]`` rotated by ``positions[B, T]``, checks aside."""
    pairs = np.arange(dims // 2)
    first, second = (pairs, pairs + dims // 2) if layout == "half" else (2 * pairs, 2 * pairs + 1)
    angles = positions[:, None, :, None] * base ** (-2.0 * pairs / max(dims, 1))
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = x[..., first], x[..., second]
    out = x.copy()
    with np.errstate(invalid="ignore"):
        out[..., first] = a * cos - b * sin
        out[..., second] = b * cos + a * sin
    return out
