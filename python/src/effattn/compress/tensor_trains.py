# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables as a product of small cores, by TT-SVD."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from effattn import reference
from effattn.compress.arrays import BLOCK_VALUES, as_table, at_least, operand_type, progress_bar
from effattn.compress.report import Report
from effattn.compress.result import Compressed, measured
from effattn.compress.truncation import as_rank, rank_or_error, rank_within, truncate
from effattn.error import Error

# NumPy's arrays had at most 32 dimensions for long, and the table of n cores is one of 2 n.
MOST_CORES = 16


@dataclass
class TensorTrain(Compressed):
    """Operands of ``tensor_train_embedding``.

    Attributes:
        cores: core c is ``[r_{c-1}, n_c, m_c, r_c]`` with outermost ranks 1.
        vocabulary: V, at most the product of all n.
    """

    cores: Tuple[np.ndarray, ...]
    vocabulary: int
    report: Optional[Report] = None

    op = "tensor_train_embedding"

    def operands(self) -> Dict[str, np.ndarray]:
        return {f"core_{c}": core for c, core in enumerate(self.cores)}

    def attributes(self) -> Dict[str, Any]:
        return {"vocabulary": self.vocabulary}

    @classmethod
    def restore(cls, parts: Dict[str, np.ndarray], attributes: Dict[str, Any]) -> "TensorTrain":
        return cls(tuple(parts[f"core_{c}"] for c in range(len(parts))), **attributes)

    @property
    def ranks(self) -> List[int]:
        """``r_0, r_1, ...`` between the cores."""
        return [core.shape[3] for core in self.cores[:-1]]

    def reconstruct(self, ids: Any = None) -> np.ndarray:
        """Rows as the op gives them; all of them share the products of their leading digits.

        Args:
            ids: rows, ``[..]``; all of them in order when absent.
        Returns:
            ``[.., C]`` float64.
        Raises:
            effattn.Error: an id is outside [0, vocabulary).
        """
        if ids is None:
            return np.concatenate(list(self.row_blocks()))
        return self.apply(reference.tensor_train_embedding, ids)

    def row_blocks(self) -> Iterator[np.ndarray]:
        """All rows in order, a block of leading digits at a time: no product is made twice."""
        first, *others = (core.astype(np.float64) for core in self.cores)
        rows_a_digit = math.prod(core.shape[1] for core in others)
        columns = math.prod(core.shape[2] for core in self.cores)
        step, left = max(1, BLOCK_VALUES // (rows_a_digit * columns)), self.vocabulary
        for start in range(0, first.shape[1], step):
            # [rows, columns, rank] of the digits multiplied on so far.
            product = first[0, start : start + step]
            for core in others:
                rows, width, rank = product.shape
                _, n, m, after = core.shape
                wider = product.reshape(rows * width, rank) @ core.reshape(rank, n * m * after)
                wider = wider.reshape(rows, width, n, m, after).transpose(0, 2, 1, 3, 4)
                product = wider.reshape(rows * n, width * m, after)
            if left <= 0:
                return
            yield product[:left, :, 0]
            left -= len(product)


def tensor_train(
    table: Any,
    *,
    rank: Union[int, Sequence[int], None] = None,
    max_error: Optional[float] = None,
    cores: int = 3,
    row_factors: Optional[Sequence[int]] = None,
    column_factors: Optional[Sequence[int]] = None,
    progress: Optional[bool] = None,
) -> TensorTrain:
    """Factor a table into a tensor train.

    Each bond between cores is cut by one truncated singular value decomposition, first to last;
    what remains to be factored shrinks with every cut. The sum of all squared singular values that
    are left out bounds the squared error ("error bound" of the report, relative to the table).

    Args:
        table: ``[V, C]`` real numbers.
        rank: the rank of every bond, cut to what is possible there, or a list, one for each bond.
        max_error: instead, the relative Frobenius error to stay within, with the least ranks that
            the bonds, in order, need for it. The rounding of the operands comes on top: about 1e-7
            for float32, 1e-3 for float16 and 1e-2 for bfloat16.
        cores: how many, when no factors are given.
        row_factors: ``n_0, n_1, ...`` whose product is at least V; near-equal ones when absent.
        column_factors: ``m_0, m_1, ...`` whose product is C; as equal as C allows when absent.
        progress: show a bar for work of over a second; only on a terminal when absent.
    Returns:
        cores of the table's type, float32 for types other than float16 and bfloat16.
    Raises:
        effattn.Error: a table that is no table of finite numbers, not exactly one of rank and
            max_error, factors that do not fit the table, or a listed rank that cannot be.
    Source: I. Oseledets, Tensor-train decomposition, SIAM J. Sci. Comput. 33(5), 2011; for
        embedding tables TensorGPT, arXiv 2307.00526.
    """
    began = time.perf_counter()
    table = as_table("table", table)
    rank, max_error = rank_or_error(rank, max_error)
    rows, columns = _factors(table.shape, cores, row_factors, column_factors)
    chooser = _Ranks(rank, max_error, [n * m for n, m in zip(rows, columns)])

    with progress_bar(len(rows) - 1, "tensor train", progress) as bar:
        rest = _interleaved(table, rows, columns)
        norm = float(np.linalg.norm(rest))
        chooser.begin(norm)
        found, lost, before = [], 0.0, 1
        for c in range(len(rows) - 1):
            left, rest, discarded = truncate(rest.reshape(before * rows[c] * columns[c], -1), chooser.next)
            chooser.spend(discarded)
            lost += discarded
            found.append(left.reshape(before, rows[c], columns[c], -1))
            before = left.shape[1]
            bar.update()
        found.append(rest.reshape(before, rows[-1], columns[-1], 1))

    train = TensorTrain(_operands(found, operand_type(table)), vocabulary=len(table))
    details = {
        "error bound": math.sqrt(lost) / (norm or 1.0),
        "row factors": rows,
        "column factors": columns,
        "ranks": train.ranks,
    }
    pairs = _row_pairs(train, table)
    train.report = measured(train, [table], pairs, since=began, details=details, show=progress)
    return train


def balanced_row_factors(rows: int, count: int) -> List[int]:
    """The least near-equal factors whose product is at least ``rows``: each of one value or the next."""
    low = max(1, math.floor(rows ** (1.0 / count)) - 1)
    while (low + 1) ** count <= rows:
        low += 1
    high = next(k for k in range(count + 1) if low ** (count - k) * (low + 1) ** k >= rows)
    return [low] * (count - high) + [low + 1] * high


def balanced_column_factors(columns: int, count: int) -> List[int]:
    """Factors of ``columns``, the largest first, whose largest is as small as can be."""
    best = _balanced(columns, count, columns)
    return sorted(best, reverse=True)


def _balanced(number: int, count: int, most: int) -> List[int]:
    """Factors of ``number``, each at most ``most``: least largest factor, then the same for the rest."""
    if count == 1:
        return [number] if number <= most else []
    for largest in range(1, most + 1):
        if number % largest == 0 and largest**count >= number:
            rest = _balanced(number // largest, count - 1, largest)
            if rest:
                return [largest, *rest]
    return []


def _factors(
    shape: Tuple[int, int],
    count: int,
    row_factors: Optional[Sequence[int]],
    column_factors: Optional[Sequence[int]],
) -> Tuple[List[int], List[int]]:
    rows, columns = _integers("row_factors", row_factors), _integers("column_factors", column_factors)
    count = len(rows or columns or []) or at_least("cores", count, 1)
    if count > MOST_CORES:
        raise Error(f"expected at most {MOST_CORES} cores, but got {count}")
    # Small n meet large m, so that the cores come out alike.
    rows = rows or balanced_row_factors(shape[0], count)
    columns = columns or balanced_column_factors(shape[1], count)
    if len(rows) != len(columns):
        raise Error(f"expected as many column_factors as row_factors, but got {len(columns)} and {len(rows)}")
    if math.prod(rows) < shape[0]:
        raise Error(
            f"expected the product of row_factors to be at least the {shape[0]} rows of table, "
            f"but got {math.prod(rows)}"
        )
    if math.prod(columns) != shape[1]:
        raise Error(
            f"expected the product of column_factors to be the {shape[1]} columns of table, "
            f"but got {math.prod(columns)}"
        )
    return rows, columns


def _integers(name: str, factors: Optional[Sequence[int]]) -> Optional[List[int]]:
    if factors is None:
        return None
    if not len(factors):
        raise Error(f"expected {name} to have at least one factor, but got none")
    return [at_least(f"{name}[{place}]", factor, 1) for place, factor in enumerate(factors)]


class _Ranks:
    """Chooses the rank of each bond in turn, by number or by what remains of the allowed error."""

    def __init__(self, rank: Any, max_error: Optional[float], sizes: Sequence[int]):
        self.bonds, self.max_error = len(sizes) - 1, max_error
        self.done, self.budget = 0, 0.0
        self.ranks: Optional[List[int]] = None
        if max_error is not None:
            return
        if isinstance(rank, (list, tuple, np.ndarray)):
            if len(rank) != self.bonds:
                raise Error(
                    f"expected rank to have one entry for each of {self.bonds} bonds, but got {len(rank)}"
                )
            before, self.ranks = 1, []
            for c, wanted in enumerate(rank):
                limit = min(before * sizes[c], math.prod(sizes[c + 1 :]))
                before = as_rank(f"rank[{c}]", wanted, limit)
                self.ranks.append(before)
        else:
            self.ranks = [at_least("rank", rank, 1)] * self.bonds

    def begin(self, norm: float) -> None:
        self.budget = ((self.max_error or 0.0) * norm) ** 2

    def next(self, energies: np.ndarray) -> int:
        if self.ranks is not None:
            return min(self.ranks[self.done], len(energies))
        return rank_within(energies, self.budget / (self.bonds - self.done))

    def spend(self, discarded: float) -> None:
        self.budget = max(0.0, self.budget - discarded)
        self.done += 1


def _interleaved(table: np.ndarray, rows: Sequence[int], columns: Sequence[int]) -> np.ndarray:
    """The table, filled up with zero rows, in order of its digits ``n_0 m_0 n_1 m_1 ...``, float64."""
    padded = np.zeros((math.prod(rows), table.shape[1]))
    padded[: len(table)] = table
    order = [axis for c in range(len(rows)) for axis in (c, len(rows) + c)]
    return np.ascontiguousarray(padded.reshape(*rows, *columns).transpose(order))


def _operands(cores: Sequence[np.ndarray], dtype: np.dtype) -> Tuple[np.ndarray, ...]:
    """Cores of one norm, so that a narrow type can hold them all."""
    norms = [float(np.linalg.norm(core)) for core in cores]
    if all(norms):
        common = math.exp(math.fsum(map(math.log, norms)) / len(norms))
        cores = [core * (common / norm) for core, norm in zip(cores, norms)]
    return tuple(core.astype(dtype) for core in cores)


def _row_pairs(train: TensorTrain, table: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    start = 0
    for after in train.row_blocks():
        yield table[start : start + len(after)], after
        start += len(after)
