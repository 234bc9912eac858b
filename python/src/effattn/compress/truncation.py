# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Truncated singular value decomposition of a matrix with one side much shorter than the other."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Tuple

import numpy as np

from effattn.compress.arrays import at_least, within
from effattn.error import Error


class Factors(NamedTuple):
    """``matrix`` is near ``left @ right``.

    Attributes:
        left: orthonormal columns, ``[rows, r]``.
        right: ``[r, columns]``, rows by decreasing norm.
        discarded: sum of the squares of the singular values that were left out.
    """

    left: np.ndarray
    right: np.ndarray
    discarded: float


def truncate(matrix: np.ndarray, rank_for: Callable[[np.ndarray], int]) -> Factors:
    """Factor a matrix of the rank that ``rank_for`` chooses from its squared singular values.

    The eigenvectors of the product of the shorter side with itself serve as singular vectors: no
    factor of the longer side's size is made beside the result. Singular values below 1e-8 of the
    largest are not resolved, which is below the rounding of float32 operands.
    """
    wide = matrix.shape[0] <= matrix.shape[1]
    values, vectors = np.linalg.eigh(matrix @ matrix.T if wide else matrix.T @ matrix)
    energies, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    rank = rank_for(energies)
    discarded, vectors = float(energies[rank:].sum()), vectors[:, :rank]
    if wide:
        return Factors(vectors, vectors.T @ matrix, discarded)
    left = matrix @ vectors
    lengths = np.linalg.norm(left, axis=0)
    np.divide(left, lengths, out=left, where=lengths > 0.0)
    return Factors(left, lengths[:, None] * vectors.T, discarded)


def rank_within(energies: np.ndarray, budget: float) -> int:
    """The least rank, at least 1, whose left-out squared singular values sum to ``budget`` at most."""
    left_out = np.cumsum(energies[::-1])[::-1]
    return max(1, int(np.count_nonzero(left_out > budget)))


def rank_or_error(rank: Any, max_error: Optional[float]) -> Tuple[Any, Optional[float]]:
    """Both as they are, after checking that exactly one is given and that the error is one."""
    if (rank is None) == (max_error is None):
        given = "neither" if rank is None else "both"
        raise Error(f"expected either rank or max_error, but got {given}")
    return rank, None if max_error is None else within("max_error", max_error, 0.0, 1.0)


def as_rank(name: str, rank: int, limit: int) -> int:
    """``rank``, refused above ``limit``."""
    if at_least(name, rank, 1) > limit:
        raise Error(f"expected {name} to be at most {limit}, the largest that is possible, but got {rank}")
    return int(rank)
