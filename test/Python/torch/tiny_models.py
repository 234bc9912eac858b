# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small effattn-tiny, a text, and the choices that are too close to compare."""

import contextlib
from unittest import mock

from effattn.models.tiny.model import Config
from effattn.torch.reference import feed_forward, memory

SMALL = Config(
    width=16,
    rows=(16, 16),
    columns=(4, 4),
    ranks=(8,),
    heads=2,
    encoder=1,
    concept_layers=1,
    decoder=1,
    window=8,
    narrow=8,
    experts=3,
    hidden=8,
    base=4,
    value_width=8,
)
WORDS = "the quick brown fox, jumps over a lazy dog.\nit was, it said; so"


@contextlib.contextmanager
def near_ties(found):
    """Count the choices of experts and slots that are closer than 1e-5 to another.

    Equal numbers, as of rows of zeros, are no matter: the lowest index has them everywhere.
    """
    top_k = memory.top_k

    def spy(x, k):
        if k < x.shape[-1]:
            in_order = x.sort(-1, descending=True).values
            gap = in_order[..., k - 1] - in_order[..., k]
            found["choices"] += int(((gap > 0) & (gap < 1e-5 * in_order[..., k - 1])).sum())
        return top_k(x, k)

    with mock.patch.object(memory, "top_k", spy), mock.patch.object(feed_forward, "top_k", spy):
        yield
