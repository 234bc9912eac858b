# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of several domains as one table and a low-rank change for each."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

import numpy as np

from effattn import reference
from effattn.compress.arrays import as_table, blocks, operand_type, progress_bar, within
from effattn.compress.report import Report
from effattn.compress.result import Compressed, measured
from effattn.compress.truncation import Factors, as_rank, rank_or_error, rank_within, truncate
from effattn.error import Error


@dataclass
class LoraTable(Compressed):
    """Operands of ``lora_embedding``.

    Attributes:
        table: the base table, ``[V, C]``.
        a: ``[Dn, V, r]``.
        b: ``[Dn, r, C]``.
        alpha: the op adds ``alpha / r`` times ``a_n[id] b_n``.
    """

    table: np.ndarray
    a: np.ndarray
    b: np.ndarray
    alpha: float
    report: Optional[Report] = None

    op = "lora_embedding"

    def operands(self) -> Dict[str, np.ndarray]:
        return {"table": self.table, "a": self.a, "b": self.b}

    def attributes(self) -> Dict[str, Any]:
        return {"alpha": self.alpha}

    def reconstruct(self, ids: Any = None, *, domain: int = 0) -> np.ndarray:
        """Rows of one domain, as the op gives them with weight 1 for it and 0 for the others.

        Args:
            ids: rows, ``[..]``; all of them in order when absent.
            domain: n, which domain's rows.
        Returns:
            ``[.., C]`` float64.
        Raises:
            effattn.Error: an id is outside the table, or there is no such domain.
        """
        if not 0 <= domain < len(self.a):
            raise Error(f"expected domain to lie in [0, {len(self.a)}), but got {domain}")
        weights = np.arange(len(self.a)) == domain
        ids = np.arange(len(self.table)) if ids is None else ids
        return self.apply(reference.lora_embedding, ids, weights=weights)


def extract_lora(
    table: Any,
    domains: Sequence[Any],
    *,
    rank: Optional[int] = None,
    max_error: Optional[float] = None,
    alpha: Optional[float] = None,
    progress: Optional[bool] = None,
) -> LoraTable:
    """Keep one table and, for each domain, the best change of low rank that leads to its table.

    Args:
        table: the base, ``[V, C]`` real numbers.
        domains: the domains' tables, each ``[V, C]``.
        rank: r, at most V and C.
        max_error: instead, the relative Frobenius error that the change of every domain stays
            within, with the least rank that all of them need for it. Rounding comes on top.
        alpha: of the op, positive; r when absent, so that changes are ``a_n b_n`` as they are.
        progress: show a bar for work of over a second; only on a terminal when absent.
    Returns:
        the base as it is, a and b in its type, float32 for types other than float16 and bfloat16.
    Raises:
        effattn.Error: a table that is no table of finite numbers, domains of another shape or none,
            not exactly one of rank and max_error, a rank beyond V or C, or an alpha that is not
            positive or so small that a and b leave the range of their type.
    Source: LoRA, arXiv 2106.09685; the truncation is the best by Eckart and Young, Psychometrika 1,
        1936.
    """
    began = time.perf_counter()
    base = as_table("table", table)
    if not hasattr(domains, "__iter__"):
        raise Error(f"expected domains to be tables, but got {type(domains).__name__}")
    tables = [as_table(f"domains[{n}]", domain) for n, domain in enumerate(domains)]
    if not tables:
        raise Error("expected domains to name at least one table, but got none")
    for n, domain in enumerate(tables):
        if domain.shape != base.shape:
            raise Error(f"expected domains[{n}] to have table's shape {base.shape}, but got {domain.shape}")
    rank, max_error = rank_or_error(rank, max_error)
    if rank is not None:
        rank = as_rank("rank", rank, min(base.shape))
    if alpha is not None and not 0.0 < within("alpha", alpha, 0.0, float(np.finfo(np.float32).max)):
        raise Error(f"expected alpha to be positive, but got {alpha}")

    passes = 1 if max_error is None else 2
    with progress_bar(passes * len(base) * len(tables), "changes", progress) as bar:

        def factored(domain: np.ndarray, rank_for: Callable[[np.ndarray], int]) -> Factors:
            factors = truncate(domain.astype(np.float64) - base, rank_for)
            bar.update(len(base))
            return factors

        if max_error is not None:

            def needed(energies: np.ndarray) -> int:
                return rank_within(energies, max_error**2 * float(energies.sum()))

            rank = max(len(factored(domain, needed).right) for domain in tables)
        factors = [factored(domain, lambda energies: rank) for domain in tables]

    adapters = _stacked(base, factors, alpha)
    adapters.report = _report(adapters, base, tables, factors, began, progress)
    return adapters


def _stacked(base: np.ndarray, factors: Sequence[Factors], alpha: Optional[float]) -> LoraTable:
    """The factors as operands, evenly scaled for alpha / r."""
    rank, dtype = len(factors[0].right), operand_type(base)
    alpha = float(rank) if alpha is None else float(alpha)
    a = np.empty((len(factors), len(base), rank), dtype)
    b = np.empty((len(factors), rank, base.shape[1]), dtype)
    for n, (left, right, _) in enumerate(factors):
        # The rows of right carry the singular values; each side takes the root of them.
        roots = np.sqrt(np.linalg.norm(right, axis=1, keepdims=True))
        share = math.sqrt(rank / alpha)
        with np.errstate(over="ignore"):
            a[n] = left * (roots.T * share)
            b[n] = np.divide(right, roots, out=np.zeros_like(right), where=roots > 0.0) * share
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise Error(f"expected alpha to leave a and b in the range of {dtype}, but got {alpha:g}")
    return LoraTable(base.astype(dtype, copy=False), a, b, alpha)


def _report(
    adapters: LoraTable,
    base: np.ndarray,
    tables: Sequence[np.ndarray],
    factors: Sequence[Factors],
    began: float,
    show: Optional[bool],
) -> Report:
    """Errors are those of the domains' tables, bytes those of the base too."""

    def pairs() -> Iterator[Tuple[np.ndarray, np.ndarray]]:
        for n, table in enumerate(tables):
            for rows in blocks(*table.shape):
                yield table[rows], adapters.reconstruct(np.arange(rows.start, rows.stop), domain=n)

    details = {"rank": adapters.a.shape[2], "domains": len(tables), "alpha": adapters.alpha}
    report = measured(adapters, [base, *tables], pairs(), since=began, details=details, show=show)
    whole = math.sqrt(sum(float(np.linalg.norm(table.astype(np.float64))) ** 2 for table in tables))
    kept = sum(float(np.linalg.norm(right)) ** 2 for _, right, _ in factors)
    lost = sum(discarded for _, _, discarded in factors)
    change = math.sqrt(kept + lost) or 1.0
    details["relative error of changes"] = report.relative_error * (whole or 1.0) / change
    details["error bound of changes"] = math.sqrt(lost) / change
    return report
