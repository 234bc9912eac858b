# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Multi-query associative recall.

Source: Arora et al., Zoology: Measuring and improving recall in efficient language models,
arXiv 2312.04927.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Tuple

import numpy as np
import torch
from torch import Tensor

from effattn.models.training_plan import expect_at_least

BLANK = 0
"""The token between queries."""


class Batch(NamedTuple):
    ids: Tensor
    """The tokens, ``[B, 4 N]``."""
    queries: Tensor
    """Where the queries are, in order, ``[B, N]``."""
    answers: Tensor
    """The values, counted from 0, that they ask for, ``[B, N]``."""


@dataclass(frozen=True)
class Task:
    """N pairs of a key and a value, and then as many tokens again, N of which are the keys as queries.

    The keys of an example differ. Its queries come in any order at any of the later places; blank tokens
    stand at the others.

    Attributes:
        keys, values: how many there are to choose from.
    """

    keys: int = 256
    values: int = 256

    def __post_init__(self) -> None:
        expect_at_least(1, self, "keys", "values")

    @property
    def vocabulary(self) -> int:
        return 1 + self.keys + self.values

    def batch(self, pairs: int, size: int, seed: Tuple[int, ...]) -> Batch:
        """Examples that depend on the seed alone."""
        generator = np.random.default_rng(np.random.SeedSequence(seed))

        def some(count: int) -> np.ndarray:
            """``pairs`` different numbers below ``count`` for each example."""
            return generator.random((size, count)).argsort(axis=1)[:, :pairs]

        keys, values = some(self.keys), generator.integers(0, self.values, (size, pairs))
        order, places = some(pairs), np.sort(some(2 * pairs), axis=1)
        ids = np.full((size, 4 * pairs), BLANK)
        ids[:, 0 : 2 * pairs : 2] = 1 + keys
        ids[:, 1 : 2 * pairs : 2] = 1 + self.keys + values
        queries = 2 * pairs + places
        np.put_along_axis(ids, queries, 1 + np.take_along_axis(keys, order, axis=1), axis=1)
        answers = np.take_along_axis(values, order, axis=1)
        return Batch(*(torch.from_numpy(array) for array in (ids, queries, answers)))
