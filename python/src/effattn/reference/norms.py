# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Normalisation of rows by their root mean square or by mean and variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from effattn.reference.operands import match_shapes, optional, reals


def rms_norm(x: Any, weight: Any, *, epsilon: float = 1e-6, unit_offset: bool = False) -> np.ndarray:
    """Divide every row by its root mean square: ``x / sqrt(mean(x^2) + epsilon) * weight``.

    Args:
        x: rows, ``[.., C]``.
        weight: ``[C]``.
        epsilon: added to the mean of squares.
        unit_offset: whether the factor is ``1 + weight``.
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: shapes disagree.
    Source: RMSNorm, arXiv 1910.07467.
    """
    op = "rms_norm"
    x, weight = reals(op, "x", x), reals(op, "weight", weight)
    match_shapes(op, x=(x, ".. C"), weight=(weight, "C"))
    return x / np.sqrt(_mean(x**2) + epsilon) * (1.0 + weight if unit_offset else weight)


def layer_norm(x: Any, weight: Any, *, bias: Any = None, epsilon: float = 1e-5) -> np.ndarray:
    """Shift every row to mean 0 and scale it to variance 1, then by ``weight`` and ``bias``.

    Args:
        x: rows, ``[.., C]``; the variance is the mean of squared distances from the mean.
        weight: ``[C]``.
        bias: ``[C]``, 0 when absent.
        epsilon: added to the variance.
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: shapes disagree.
    Source: Layer Normalization, arXiv 1607.06450.
    """
    op = "layer_norm"
    x, weight, bias = reals(op, "x", x), reals(op, "weight", weight), optional(reals, op, "bias", bias)
    match_shapes(op, x=(x, ".. C"), weight=(weight, "C"), bias=(bias, "C"))
    centred = x - _mean(x)
    out = centred / np.sqrt(_mean(centred**2) + epsilon) * weight
    return out if bias is None else out + bias


def _mean(x: np.ndarray) -> np.ndarray:
    # Rows without columns have results without columns, whatever their mean.
    return x.sum(axis=-1, keepdims=True) / max(x.shape[-1], 1)
