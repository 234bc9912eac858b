# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the property tests draw from."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

settings.register_profile("reference", deadline=None, max_examples=40)
settings.load_profile("reference")

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
# Sums in another order differ by a few units in the last place of float64.
close = {"rtol": 1e-11, "atol": 1e-12}


def split_lengths(lengths, at):
    return np.minimum(lengths, at), np.maximum(lengths - at, 0)


@st.composite
def rows(draw, most=7):
    """A generator, batch, tokens, valid lengths and a place to split the tokens at."""
    rng, batch, tokens = draw(seeds), draw(st.integers(1, 3)), draw(st.integers(0, most))
    return rng, batch, tokens, rng.integers(0, tokens + 1, batch), draw(st.integers(0, tokens))
