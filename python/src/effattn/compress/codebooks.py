# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Codebooks of a table's rows, by k-means."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from effattn import reference
from effattn.compress.arrays import as_table, at_least, blocks, one_of, operand_type, progress_bar, within
from effattn.compress.report import Report
from effattn.compress.result import Compressed, measured, restored_pairs
from effattn.error import Error

METRICS = ("l2", "cosine")
# Distances to all codes are written and read once each; in smaller blocks they stay in the cache.
IN_CACHE = 8


@dataclass
class Codebook(Compressed):
    """The operand of ``vector_quantize``, and the table's rows in terms of it.

    Attributes:
        codebook: ``[Q, C]``.
        codes: the code of every row, ``[V]`` int32, or ``[V, groups]`` with more than one group:
            what ``vector_quantize`` says of the table.
        metric, groups: attributes of ``vector_quantize``.
    """

    codebook: np.ndarray
    codes: np.ndarray
    metric: str = "l2"
    groups: int = 1
    report: Optional[Report] = None

    op = "vector_quantize"

    def operands(self) -> Dict[str, np.ndarray]:
        return {"codebook": self.codebook}

    def attributes(self) -> Dict[str, Any]:
        return {"metric": self.metric, "groups": self.groups}

    def parts(self) -> Dict[str, np.ndarray]:
        return {**self.operands(), "codes": self.codes}

    def reconstruct(self, ids: Any = None) -> np.ndarray:
        """Rows of the codebook in place of rows of the table.

        Args:
            ids: rows, ``[..]``; all of them in order when absent.
        Returns:
            ``[.., C]`` float64.
        Raises:
            effattn.Error: an id is outside the table.
        """
        codes = self.codes.reshape(len(self.codes), self.groups)
        chosen = reference.embedding(np.arange(len(codes)) if ids is None else ids, codes).astype(np.int64)
        width = self.codebook.shape[1] // self.groups
        parts = [
            reference.embedding(chosen[..., g], self.codebook[:, g * width : (g + 1) * width])
            for g in range(self.groups)
        ]
        return np.concatenate(parts, axis=-1)


def learn_codebook(
    table: Any,
    *,
    codes: int = 256,
    metric: str = "l2",
    groups: int = 1,
    seed: int = 0,
    iterations: int = 25,
    tolerance: float = 1e-4,
    progress: Optional[bool] = None,
) -> Codebook:
    """Learn codes that stand in for the rows of a table.

    Starts with rows drawn by k-means++ and moves them by Lloyd's iterations. A code that no row
    chooses starts anew at the row that is farthest from its own. With "cosine", rows and codes are
    compared by direction, and a code is as long as its rows are along it on average.

    Args:
        table: ``[V, C]`` real numbers.
        codes: Q, at most V.
        metric: "l2" or "cosine".
        groups: each group of C / groups columns has its own codes, learned alone.
        seed: of the random draws; the same seed gives the same codes.
        iterations: at most, for each group.
        tolerance: iterations end when the sum of squared distances shrinks by less than this part.
        progress: show a bar for work of over a second; only on a terminal when absent.
    Returns:
        the codebook in the table's type, float32 for types other than float16 and bfloat16. Codes
        are the nearest of that rounded codebook, ties to the lowest.
    Raises:
        effattn.Error: a table that is no table of finite numbers, more codes than rows, or groups
            that do not divide C.
    Source: D. Arthur and S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007;
        S. Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 28(2), 1982.
    """
    began = time.perf_counter()
    table = as_table("table", table)
    rows, columns = table.shape
    codes, groups = at_least("codes", codes, 1), at_least("groups", groups, 1)
    if codes > rows:
        raise Error(f"expected codes to be at most the {rows} rows of table, but got {codes}")
    one_of("metric", metric, METRICS)
    if columns % groups:
        raise Error(f"expected groups to divide the {columns} columns of table, but got {groups}")
    at_least("seed", seed, 0)
    at_least("iterations", iterations, 0)
    within("tolerance", tolerance, 0.0, 1.0)

    width = columns // groups
    book = np.empty((codes, columns), operand_type(table))
    chosen = np.empty((rows, groups), np.int32)
    taken = 0
    with progress_bar(groups * (iterations + 1) * rows, "k-means", progress) as bar:
        for g in range(groups):
            part = slice(g * width, (g + 1) * width)
            x = table[:, part].astype(np.float64)
            random = np.random.default_rng([seed, g])
            centres, steps = _cluster(x, codes, metric, random, iterations, tolerance, bar.update)
            book[:, part] = centres
            bar.update(rows * (iterations - steps))
            chosen[:, g] = _nearest_codes(x, book[:, part], metric)
            bar.update(rows)
            taken = max(taken, steps)

    result = Codebook(book, chosen[:, 0] if groups == 1 else chosen, metric, groups)
    used = [np.unique(chosen[:, g]).size for g in range(groups)]
    details = {"codes in use": min(used), "metric": metric, "groups": groups, "iterations": taken}
    result.report = measured(
        result, [table], restored_pairs(result, table), since=began, details=details, show=progress
    )
    return result


def _cluster(
    x: np.ndarray,
    count: int,
    metric: str,
    random: np.random.Generator,
    iterations: int,
    tolerance: float,
    done: Callable[[int], object],
) -> Tuple[np.ndarray, int]:
    """Centres ``[count, width]`` of rows ``[V, width]``, and the iterations made."""
    if metric == "cosine":
        # A row without direction has a say in nothing.
        lengths = np.linalg.norm(x, axis=1)
        points = x[lengths > 0.0] / lengths[lengths > 0.0, None]
        lengths = lengths[lengths > 0.0]
        if not len(points):
            return np.zeros((count, x.shape[1])), 0
    else:
        # Distances stay, and rounding is that of what sets rows apart.
        middle = x.mean(axis=0)
        points = x - middle
    centres, last = _first_centres(points, count, random), np.inf
    step = 0
    for step in range(1, iterations + 1):
        nearest, far = _assign(points, centres)
        empty = _move(points, nearest, far, centres, metric)
        done(len(x))
        total = float(far.sum())
        if not empty and total >= (1.0 - tolerance) * last:
            break
        last = total
    if metric == "l2":
        return centres + middle, step
    nearest, _ = _assign(points, centres)
    return centres * _lengths(points, lengths, centres, nearest), step


def _lengths(points: np.ndarray, lengths: np.ndarray, centres: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """How long codes of these directions are best, ``[count, 1]``."""
    along = lengths * np.sum(points * centres[nearest], axis=1)
    sums, sizes = (np.bincount(nearest, weights, len(centres)) for weights in (along, None))
    reach = np.divide(sums, sizes, out=np.ones(len(centres)), where=sizes > 0)
    # Only its direction tells rows from one another, so a code never turns round or vanishes.
    return np.where(reach > 0.0, reach, 1.0)[:, None]


def _first_centres(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """k-means++: rows drawn in proportion to their squared distance from those drawn before."""
    power = np.einsum("vc,vc->v", points, points)
    # Differences of equal rows are rounding and must not be drawn.
    noise = 1e-12 * (power.max() or 1.0)
    far = np.full(len(points), np.inf)
    chosen = [int(random.integers(len(points)))]
    while len(chosen) < count:
        row = points[chosen[-1]]
        np.minimum(far, power - 2.0 * (points @ row) + power[chosen[-1]], out=far)
        far[far < noise] = 0.0
        far[chosen[-1]] = 0.0
        sums = np.cumsum(far)
        if sums[-1] == 0.0:
            # Fewer different rows than codes: the rest are copies.
            chosen.extend([chosen[0]] * (count - len(chosen)))
            break
        # The first place beyond the draw, which is never a row at distance 0.
        chosen.append(int(np.searchsorted(sums, random.random() * sums[-1], side="right")))
    return points[chosen]


def _assign(points: np.ndarray, centres: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The nearest centre of every row and the squared distance to it, both ``[V]``."""
    nearest, far = np.empty(len(points), np.int64), np.empty(len(points))
    half = 0.5 * np.einsum("qc,qc->q", centres, centres)
    for rows in blocks(len(points), IN_CACHE * len(centres)):
        x = points[rows]
        scores = half - x @ centres.T
        nearest[rows] = scores.argmin(axis=1)
        best = np.take_along_axis(scores, nearest[rows, None], axis=1)[:, 0]
        far[rows] = np.maximum(2.0 * best + np.einsum("vc,vc->v", x, x), 0.0)
    return nearest, far


def _move(points: np.ndarray, nearest: np.ndarray, far: np.ndarray, centres: np.ndarray, metric: str) -> bool:
    """Move centres to the means of their rows, in place; whether one without rows started anew."""
    count = len(centres)
    # Of 16 bits they are sorted in one pass.
    keys = nearest.astype(np.uint16) if count <= 1 << 16 else nearest
    order = np.argsort(keys, kind="stable")
    sizes = np.bincount(nearest, minlength=count)
    used, starts = np.flatnonzero(sizes), (np.cumsum(sizes) - sizes)[sizes > 0]
    means = np.add.reduceat(points[order], starts, axis=0) / sizes[used, None]
    if metric == "cosine":
        lengths = np.linalg.norm(means, axis=1)
        used, means = used[lengths > 0.0], means[lengths > 0.0] / lengths[lengths > 0.0, None]
    centres[used] = means
    empty = np.flatnonzero(sizes == 0)
    farthest = np.argsort(-far, kind="stable")[: len(empty)]
    farthest = farthest[far[farthest] > 0.0]
    centres[empty[: len(farthest)]] = points[farthest]
    return bool(len(farthest))


def _nearest_codes(x: np.ndarray, book: np.ndarray, metric: str) -> np.ndarray:
    """What ``vector_quantize`` chooses: a product of matrices decides, and where rounding could
    change its choice, the reference."""
    book = book.astype(np.float64)
    out = np.empty(len(x), np.int32)
    if metric == "cosine":
        units = book / np.maximum(np.linalg.norm(book, axis=1, keepdims=True), 1e-12)
        half, reach = np.zeros(len(book)), 1.0
    else:
        units, half = book, 0.5 * np.einsum("qc,qc->q", book, book)
        reach = float(np.sqrt(2.0 * half.max()))
    for rows in blocks(len(x), IN_CACHE * len(book)):
        scores = half - x[rows] @ units.T
        length = np.linalg.norm(x[rows], axis=1, keepdims=True)
        margin = 1e-12 * (reach * reach * (metric == "l2") + length * reach)
        near = scores <= scores.min(axis=1, keepdims=True) + margin
        out[rows] = near.argmax(axis=1)
        unsure = np.flatnonzero(np.count_nonzero(near, axis=1) > 1)
        if unsure.size:
            out[rows.start + unsure] = reference.vector_quantize(x[rows][unsure], book, metric=metric)[0]
    return out
