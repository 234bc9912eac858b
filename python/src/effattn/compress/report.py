# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much smaller a table became and how far its rows moved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Optional, Tuple

import numpy as np


@dataclass
class Report:
    """What compressing a table cost.

    Attributes:
        op: the op that reads the result.
        rows, columns: V and C of the table; with several tables, the sum of their rows.
        relative_error: Frobenius norm of the error over that of the table.
        max_error: the largest error of a value.
        mean_cosine: the mean over rows of the cosine between a row and what became of it.
        bytes_before, bytes_after: the table, and every operand that stands in for it.
        seconds: time taken, without measuring the error.
        details: what the method has to say beyond that, by name.
        row_errors: the error of every row over the root mean square norm of the rows, ``[V]``;
            their root mean square is ``relative_error``. None after loading from a file.
    """

    op: str
    rows: int
    columns: int
    relative_error: float
    max_error: float
    mean_cosine: float
    bytes_before: int
    bytes_after: int
    seconds: float
    details: Dict[str, Any] = field(default_factory=dict)
    row_errors: Optional[np.ndarray] = field(default=None, repr=False, compare=False)

    @property
    def ratio(self) -> float:
        """How many times smaller."""
        return self.bytes_before / self.bytes_after

    @property
    def bits_per_value(self) -> float:
        """Bits of all operands over values of the table."""
        return 8.0 * self.bytes_after / (self.rows * self.columns)

    def __str__(self) -> str:
        lines = [
            ("relative error", f"{self.relative_error:.4g}"),
            ("largest error", f"{self.max_error:.4g}"),
            ("mean cosine", f"{self.mean_cosine:.4f}"),
            ("bytes", f"{self.bytes_before} -> {self.bytes_after}, {self.ratio:.3g} times smaller"),
            ("bits a value", f"{self.bits_per_value:.3g}"),
            ("seconds", f"{self.seconds:.2f}"),
            *((name, _shown(value)) for name, value in self.details.items()),
        ]
        widest = max(len(name) for name, _ in lines)
        return "\n".join(
            [
                f"{self.op}, {self.rows} x {self.columns}",
                *(f"  {name:{widest}}  {text}" for name, text in lines),
            ]
        )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(map(_shown, value)) if isinstance(value, (list, tuple)) else str(value)


def compare(pairs: Iterable[Tuple[np.ndarray, np.ndarray]]) -> Dict[str, Any]:
    """The errors of a Report from blocks of rows, before and after, ``[rows, C]`` each in turn."""
    wrong, norms, cosines, largest = [], [], [], 0.0
    for before, after in pairs:
        before, after = before.astype(np.float64), after.astype(np.float64)
        error = after - before
        largest = max(largest, float(np.abs(error).max(initial=0.0)))
        wrong.append(np.linalg.norm(error, axis=1))
        norms.append(np.linalg.norm(before, axis=1))
        lengths = norms[-1] * np.linalg.norm(after, axis=1)
        # A zero row that stays zero has kept its direction.
        cosine = np.where(wrong[-1] == 0.0, 1.0, 0.0)
        np.divide(np.sum(before * after, axis=1), lengths, out=cosine, where=lengths > 0.0)
        cosines.append(cosine)
    row_errors, norm = np.concatenate(wrong), math.sqrt(np.mean(np.concatenate(norms) ** 2))
    # A table of zeros has no norm to compare with: its errors stay absolute.
    row_errors = row_errors / (norm or 1.0)
    return {
        "relative_error": math.sqrt(np.mean(row_errors**2)),
        "max_error": largest,
        "mean_cosine": float(np.mean(np.concatenate(cosines))),
        "row_errors": row_errors,
    }
