# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that every reference op makes of its operands before it computes anything."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from effattn.error import Error

Size = Union[int, Tuple[int, ...]]


def refuse(op: str, sentence: str) -> Error:
    """The error to raise for ``op``, in the form of the compiler's own messages."""
    return Error(f"'effattn.{op}' op {sentence}")


def reals(op: str, name: str, array: Any) -> np.ndarray:
    """``array`` as float64; any real type is taken, bf16 included."""
    found = np.asarray(array)
    try:
        return found.astype(np.float64)
    except (TypeError, ValueError):
        raise refuse(op, f"expected {name} to hold real numbers, but got {found.dtype}") from None


def integers(op: str, name: str, array: Any) -> np.ndarray:
    """``array`` as int64; floating-point operands are refused rather than cut."""
    found = np.asarray(array)
    if found.dtype.kind not in "iub" and found.size:
        raise refuse(op, f"expected {name} to hold integers, but got {found.dtype}")
    return found.astype(np.int64)


def flags(op: str, name: str, array: Any) -> np.ndarray:
    """``array`` as bool; integers are true where they are not 0."""
    found = np.asarray(array)
    if found.dtype.kind not in "iub" and found.size:
        raise refuse(op, f"expected {name} to hold flags, but got {found.dtype}")
    return found.astype(bool)


def optional(convert, op: str, name: str, array: Any) -> Optional[np.ndarray]:
    """``convert`` applied to an operand that may be absent."""
    return None if array is None else convert(op, name, array)


def match_shapes(op: str, **operands: Tuple[Optional[np.ndarray], str]) -> Dict[str, Size]:
    """Sizes by letter, such as ``{"B": 2, "T": 7}``, after checking that equal letters agree.

    Each operand is a pair of an array (or None, which is passed over) and its dimensions as
    text: ``"B T C"``. A leading ``..`` stands for any number of dimensions.
    """
    sizes: Dict[str, Size] = {}
    first_use: Dict[str, str] = {}
    for name, (array, dims) in operands.items():
        if array is None:
            continue
        letters = dims.split()
        any_rank = letters[:1] == [".."]
        fixed = letters[1:] if any_rank else letters
        lead = array.ndim - len(fixed)
        if lead < 0 or (lead > 0 and not any_rank):
            least = "at least " if any_rank else ""
            shape = " x ".join(letters) or "scalar"
            raise refuse(
                op, f"expected {name} to have rank {least}{len(fixed)} ({shape}), but got rank {array.ndim}"
            )
        found = [(letter, array.shape[lead + i], lead + i) for i, letter in enumerate(fixed)]
        if any_rank:
            found.insert(0, ("..", array.shape[:lead], 0))
        for letter, size, dim in found:
            where = f"{name} {letter} (dim {dim})" if letter != ".." else f"{name} leading dimensions"
            if sizes.setdefault(letter, size) != size:
                raise refuse(
                    op, f"expected {where} to equal {first_use[letter]}, but got {size} and {sizes[letter]}"
                )
            first_use.setdefault(letter, where)
    return sizes


def valid_lengths(op: str, name: str, lengths: Any, batch: int, limit: int) -> np.ndarray:
    """The valid prefix of each row, ``[B]``: ``limit`` everywhere when ``lengths`` is absent."""
    if lengths is None:
        return np.full(batch, limit, dtype=np.int64)
    lengths = integers(op, name, lengths)
    if lengths.shape != (batch,):
        raise refuse(op, f"expected {name} to have shape ({batch},), but got {lengths.shape}")
    for row, length in enumerate(lengths):
        if not 0 <= length <= limit:
            raise refuse(op, f"expected {name} to lie in [0, {limit}], but got {length} for row {row}")
    return lengths


def one_of(op: str, name: str, value: str, choices: Sequence[str]) -> str:
    """``value``, refused unless it is among ``choices``."""
    if value not in choices:
        raise refuse(op, f"expected {name} to be one of {', '.join(choices)}, but got {value!r}")
    return value


def at_least(op: str, name: str, value: int, least: int) -> int:
    """``value`` as an int, refused when below ``least`` or not an integer."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise refuse(op, f"expected {name} to be an integer, but got {value!r}")
    if value < least:
        raise refuse(op, f"expected {name} to be at least {least}, but got {value}")
    return int(value)


def positive(op: str, name: str, value: float) -> float:
    """``value`` as a float, refused unless it is above 0 and finite."""
    if not 0.0 < value < np.inf:
        raise refuse(op, f"expected {name} to be positive and finite, but got {value}")
    return float(value)


def below(op: str, name: str, array: np.ndarray, limit: int) -> np.ndarray:
    """``array``, refused unless every integer lies in [0, limit): ids of a table with that many rows."""
    outside = np.argwhere((array < 0) | (array >= limit))
    if outside.size or (array.ndim == 0 and not 0 <= array < limit):
        place = tuple(outside[0]) if array.ndim else ()
        where = ", ".join(map(str, place))
        raise refuse(op, f"expected {name} to lie in [0, {limit}), but got {array[place]} at [{where}]")
    return array


def divide_heads(op: str, heads: int, groups: int) -> None:
    """Refuse key heads that do not divide the query heads."""
    if heads and (groups == 0 or heads % groups):
        raise refuse(
            op, f"expected key heads (dim 1) to divide query heads (dim 1), but got {groups} and {heads}"
        )
