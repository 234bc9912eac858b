# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a measurement is made of."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

Call = Callable[[], Any]


class NotMeasured(Exception):
    """A peer cannot take part; the sentence says why."""


@dataclass
class Peer:
    """Somebody else's way to do the work of a row."""

    name: str
    prepare: Callable[[], Call]
    """Gives the call to measure; may raise, and then the reason stands in the table."""
    goal: Optional[float] = None
    """What peer time / our time should reach."""
    goal_threads: Tuple[int, ...] = (1, 2)
    """The numbers of threads that the goal is for."""
    compiles: bool = False
    """Preparing takes many seconds, so ``--quick`` leaves it out."""
    work: float = 1.0
    """What a call does, in units of the row: a call that does half is counted twice."""
    result: Optional[Callable[[Any], np.ndarray]] = np.asarray
    """What a call gave, to be compared with our first result; None where it computes nothing like it."""


@dataclass
class Case:
    """A row with its arrays."""

    call: Call
    """Our side; gives the list of results."""
    expect: Callable[[], Sequence[Tuple[Any, np.ndarray]]]
    """What the reference gives: for parts of the results, (selector of the part, values)."""
    tolerance: float
    """Of the largest difference, relative to the largest magnitude expected."""
    peers: List[Peer] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """A work at one size."""

    work: str
    size: str
    extent: float
    """The size as a number, along which cost grows."""
    make: Callable[[np.random.Generator], Case]
    flops: float = 0.0
    read: float = 0.0
    """Bytes that must be read, and written, at least."""
    written: float = 0.0
    footprint: float = 0.0
    """Bytes that take turns in the caches, where that is not all that is read and written."""
    limit: float = 0.0
    """Seconds that a call of ours may take even where ``--limit`` is less."""
    arithmetic: str = "f32"
    """Which peak of the machine bounds the arithmetic: f32, bf16 or i8."""

    @property
    def name(self) -> str:
        return f"{self.work}: {self.size}"

    def random(self) -> np.random.Generator:
        """The same numbers for a row in every run."""
        return np.random.default_rng(zlib.crc32(self.name.encode()))

    @property
    def cost(self) -> float:
        """What time should be proportional to when the size grows."""
        return self.flops or self.read + self.written


@dataclass(frozen=True)
class Work:
    """One kind of work, at sizes for tests ("tiny"), for a quick look and for the table."""

    name: str
    row: Callable[..., Row]
    tiny: Sequence[Tuple[Any, ...]]
    full: Sequence[Tuple[Any, ...]]
    quick: Sequence[Tuple[Any, ...]]
    note: str = ""
    """What a reader should know about how it is measured."""

    def rows(self, scale: str) -> List[Row]:
        return [self.row(*size) for size in getattr(self, scale)]


def first(results: Sequence[Any]) -> np.ndarray:
    return np.asarray(results[0])


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest magnitude; NaN counts as infinite."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if found.shape != expected.shape:
        return float("inf")
    if not found.size:
        return 0.0
    scale = max(float(np.abs(expected).max()), 1e-30)
    worst = float(np.abs(found - expected).max()) / scale
    return worst if worst == worst else float("inf")


def check(case: Case, results: Sequence[Any]) -> float:
    """The largest relative difference from the reference."""
    return max(difference(np.asarray(select(results)), values) for select, values in case.expect())


def some_rows(count: int, most: int = 12) -> np.ndarray:
    """Places spread over ``count`` rows, the ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def by_name(works: Sequence[Work], scale: str) -> Dict[str, Row]:
    rows = [row for work in works for row in work.rows(scale)]
    named = {row.name: row for row in rows}
    assert len(named) == len(rows), "two rows have one name"
    return named


@contextlib.contextmanager
def reasons():
    """Turns whatever a peer raises into a sentence."""
    try:
        yield
    except NotMeasured:
        raise
    except Exception as problem:  # a peer may fail in any way
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        told = next((line for line in lines if "error:" in line), lines[0] if lines else "no reason given")
        raise NotMeasured(f"{type(problem).__name__}: {told[:160]}") from problem
