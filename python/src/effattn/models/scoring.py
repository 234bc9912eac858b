# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well a model foresees a text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np

from effattn.models.session import Session


@dataclass
class Score:
    """A sum over tokens.

    Attributes:
        tokens: how many were foreseen.
        loss: the negative logarithms of their probabilities.
    """

    tokens: int = 0
    loss: float = 0.0

    @property
    def perplexity(self) -> float:
        """NaN without a token."""
        try:
            return math.exp(self.loss / self.tokens) if self.tokens else math.nan
        except OverflowError:
            return math.inf

    def add(self, logits: np.ndarray, ids: Sequence[int]) -> None:
        """Count tokens, with the logits ``[T, V]`` that stood before each."""
        largest = logits.max(axis=1)
        sums = np.exp(logits - largest[:, None]).sum(axis=1, dtype=np.float64)
        wanted = logits[np.arange(len(ids)), np.asarray(ids, np.int64)]
        self.loss += float(np.sum(np.log(sums) + largest.astype(np.float64) - wanted))
        self.tokens += len(ids)


def score(session: Session, ids: Sequence[int], total: Score) -> Iterator[int]:
    """Foresee every token of a text from those before it, and count it in ``total``.

    Yields:
        how many tokens were taken since the last time.
    """
    for start in range(0, len(ids) - 1, session.chunk):
        part = ids[start : min(start + session.chunk, len(ids) - 1)]
        total.add(session.score(part)[0], ids[start + 1 : start + 1 + len(part)])
        yield len(part)
