# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every way of compressing a table shares: its checks, types, blocks of rows, progress."""

from __future__ import annotations

from typing import Any, Iterator, Optional, Sequence, Union

import numpy as np
from tqdm import tqdm

from effattn.error import Error

# Values of a block of rows in float64: 8 MB, so that a few temporaries stay small.
BLOCK_VALUES = 1 << 20


def is_real(dtype: np.dtype) -> bool:
    """Whether a table may have this type: floating-point numbers, bfloat16 included, or integers."""
    return dtype.kind in "fiu" or dtype.name == "bfloat16"


def as_table(name: str, table: Any) -> np.ndarray:
    """``table`` as an array ``[V, C]``, not copied.

    Raises:
        effattn.Error: another rank, no rows or columns, no real numbers, NaN, an infinity, or a
            float64 beyond float32.
    """
    found = np.asarray(table)
    if found.ndim != 2:
        raise Error(f"expected {name} to have rank 2 (V x C), but got rank {found.ndim}")
    if 0 in found.shape:
        raise Error(f"expected {name} to have rows and columns, but got {found.shape[0]} x {found.shape[1]}")
    if not is_real(found.dtype):
        raise Error(f"expected {name} to hold real numbers, but got {found.dtype}")
    largest = float(np.finfo(np.float32).max)
    for rows in blocks(len(found), found.shape[1]):
        block = found[rows].astype(np.float64)
        wrong = np.argwhere(~(np.abs(block) <= largest))
        if wrong.size:
            row, column = wrong[0]
            raise Error(
                f"expected {name} to hold finite numbers of float32's range, "
                f"but got {block[row, column]} at [{rows.start + row}, {column}]"
            )
    return found


def operand_type(table: np.ndarray) -> np.dtype:
    """The type of floating-point operands: the table's, or float32 where no op takes that."""
    kept = table.dtype.name in ("float16", "float32", "bfloat16")
    return table.dtype if kept else np.dtype(np.float32)


def at_least(name: str, value: Any, least: int) -> int:
    """``value`` as an int, refused when it is not one or below ``least``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise Error(f"expected {name} to be an integer of at least {least}, but got {value!r}")
    return int(value)


def within(name: str, value: Any, low: float, high: float) -> float:
    """``value`` as a float, refused outside [low, high]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise Error(f"expected {name} to be a number, but got {value!r}")
    if not low <= value <= high:
        raise Error(f"expected {name} to lie in [{low:g}, {high:g}], but got {value:g}")
    return float(value)


def one_of(name: str, value: Any, choices: Sequence[str]) -> str:
    """``value``, refused unless it is among ``choices``."""
    if value not in choices:
        raise Error(f"expected {name} to be one of {', '.join(choices)}, but got {value!r}")
    return value


def blocks(rows: int, values_a_row: int) -> Iterator[slice]:
    """Slices of rows that hold ``BLOCK_VALUES`` values or a single row."""
    step = max(1, BLOCK_VALUES // max(values_a_row, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def progress_bar(total: int, what: str, show: Optional[bool]) -> Union[tqdm, Any]:
    """A bar for work of more than a second; without ``show``, only on a terminal."""
    return tqdm(
        total=total, desc=what, unit="row", delay=1.0, leave=False, disable=None if show is None else not show
    )
