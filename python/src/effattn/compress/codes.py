# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Symmetric integer codes of rows: scales by group of columns, packing two codes a byte."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional

import numpy as np

from effattn.compress.arrays import blocks
from effattn.error import Error

# The largest codes of 4 and 8 bits; the most negative ones of two's complement stay unused.
NARROW, WIDE = 7, 127
# Scales tried by the search for the least squared error, as parts of the largest magnitude's.
CLIPS = np.linspace(0.97, 0.28, 24)
REFINEMENTS = 2


class Coded(NamedTuple):
    """Rows as codes.

    Attributes:
        codes: ``[rows, C]`` int8.
        scales: ``[rows, C / g]``.
        errors: the squared error of each row, ``[rows]``.
    """

    codes: np.ndarray
    scales: np.ndarray
    errors: np.ndarray

    def take(self, rows: np.ndarray) -> "Coded":
        return Coded(self.codes[rows], self.scales[rows], self.errors[rows])


def encode(
    fetch: Callable[[slice], np.ndarray],
    rows: int,
    columns: int,
    *,
    limit: int,
    group: int,
    clip: str,
    scale_type: np.dtype,
    done: Optional[Callable[[int], object]] = None,
) -> Coded:
    """Code rows, a block at a time.

    Args:
        fetch: gives a slice of the rows as ``[rows, C]`` float64.
        limit: the largest code.
        group: columns that share a scale.
        clip: "max" keeps the largest magnitude of a group, "mse" may clip it for less squared error.
        scale_type: the type of the scales; codes are chosen for scales already rounded to it.
        done: told how many rows each block had.
    """
    groups = columns // group
    coded = Coded(np.empty((rows, columns), np.int8), np.empty((rows, groups), scale_type), np.empty(rows))
    for part in blocks(rows, 8 * columns):
        x = fetch(part).reshape(-1, groups, group)
        block = _search(x, limit, clip == "mse", scale_type)
        coded.codes[part] = block.codes.reshape(-1, columns)
        coded.scales[part] = block.scales
        coded.errors[part] = block.errors.sum(axis=1)
        if done:
            done(len(x))
    return coded


def _search(x: np.ndarray, limit: int, clip: bool, scale_type: np.dtype) -> Coded:
    """Codes of groups ``[rows, groups, g]``, with errors by group."""
    top = np.abs(x).max(axis=2) / limit
    best = _with_scales(x, top, limit, scale_type)
    if not clip:
        return best
    for part in CLIPS:
        best = _better(best, _with_scales(x, top * part, limit, scale_type))
    for _ in range(REFINEMENTS):
        # The scale of least squares for these codes, and then the codes for that scale.
        codes = best.codes.astype(np.float64)
        power = np.sum(codes * codes, axis=2)
        scales = np.divide(np.sum(codes * x, axis=2), power, out=np.ones_like(power), where=power > 0.0)
        best = _better(best, _with_scales(x, scales, limit, scale_type))
    return best


def _with_scales(x: np.ndarray, scales: np.ndarray, limit: int, scale_type: np.dtype) -> Coded:
    scales = _storable(scales, scale_type)
    # Halves go to the even code.
    codes = np.clip(np.rint(x / scales[:, :, None]), -limit, limit)
    error = x - codes * scales[:, :, None]
    return Coded(codes.astype(np.int8), scales, np.einsum("rgc,rgc->rg", error, error))


def _storable(scales: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Scales rounded to their type; 1 where a group is zero, never 0."""
    limits = np.finfo(dtype)
    if scales.max(initial=0.0) > float(limits.max):
        raise Error(f"expected scale_type to hold the largest scale, but got {dtype} and {scales.max():g}")
    rounded = scales.astype(dtype).astype(np.float64)
    return np.where(scales == 0.0, 1.0, np.maximum(rounded, float(limits.smallest_subnormal)))


def _better(first: Coded, second: Coded) -> Coded:
    """Group by group the one with less error, ``first`` where they are equal."""
    wins = second.errors < first.errors
    return Coded(
        np.where(wins[:, :, None], second.codes, first.codes),
        np.where(wins, second.scales, first.scales),
        np.where(wins, second.errors, first.errors),
    )


def values(codes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Codes ``[rows, C]`` times the scales ``[rows, C / g]`` of their groups, float64."""
    return codes * np.repeat(scales.astype(np.float64), codes.shape[1] // scales.shape[1], axis=1)


def pack_halves(codes: np.ndarray) -> np.ndarray:
    """4-bit codes ``[rows, C]`` as bytes ``[rows, ceil(C / 2)]``: two's complement, low half first."""
    rows, columns = codes.shape
    packed = np.empty((rows, (columns + 1) // 2), np.uint8)
    for part in blocks(rows, columns):
        halves = codes[part].view(np.uint8) & 15
        packed[part] = halves[:, 0::2]
        packed[part, : columns // 2] |= halves[:, 1::2] << 4
    return packed
