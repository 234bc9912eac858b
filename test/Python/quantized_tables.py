# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables of 4-bit and 8-bit rows for the tests of the reference and of compiled code."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

# 4-bit codes lie in [-7, 7]: these halves of bytes are allowed.
HALVES = np.array([*range(8), *range(9, 16)], np.uint8)


def random_bytes(rng, shape):
    """Bytes of two 4-bit codes each, none of them -8."""
    return rng.choice(HALVES, shape) + 16 * rng.choice(HALVES, shape)


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def pack(codes):
    """Two's complement halves of a byte through a type that stores them, low half first."""
    padded = np.pad(codes, [(0, 0), (0, codes.shape[1] % 2)], constant_values=5)
    halves = padded.astype(ml_dtypes.int4).astype(np.int64) & 15
    return (halves[:, 0::2] + 16 * halves[:, 1::2]).astype(np.uint8)


@st.composite
def quantized_tables(draw, most_rows=6, most_groups=2, most_columns=3, columns=None):
    """A generator, operands of a table, keywords of its compensation and the same table in full.

    A group has up to ``most_columns`` columns, or as many as ``columns`` gives.
    """
    rng, size = draw(seeds), draw(st.integers(1, most_rows))
    group, groups = draw(st.integers(1, most_columns) if columns is None else columns), draw(st.integers(1, most_groups))
    width, kind = group * groups, rng.random(size) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    codes = np.where(
        kind[:, None], rng.integers(-127, 128, (size, width)), rng.integers(-7, 8, (size, width))
    )
    scales = rng.normal(size=(size, groups))
    dense = codes * np.repeat(scales, group, axis=1)
    # Rows stand in their tables in any order, among rows that nothing refers to.
    tables, index = [], np.zeros(size, dtype=np.int32)
    for part in (~kind, kind):
        places = rng.permutation(part.sum() + (2 if part.any() else 0))[: part.sum()]
        table = np.zeros((part.sum() + (2 if part.any() else 0), width), dtype=np.int64)
        table[places], index[part] = codes[part], places
        tables.append(table)
    keywords = {}
    if draw(st.booleans()):
        residual = rng.integers(-7, 8, (size, width))
        keywords["residual_codes"], keywords["residual_scales"] = (
            pack(residual),
            rng.normal(size=(size, groups)),
        )
        extra = residual * np.repeat(keywords["residual_scales"], group, axis=1)
    else:
        extra = 0.0
    if draw(st.booleans()):
        sources = [-1, *np.flatnonzero(kind)]
        keywords["nearest"], keywords["nearest_weight"] = rng.choice(sources, size), rng.normal(size=size)
        rows = np.where((keywords["nearest"] < 0)[:, None], 0.0, dense[keywords["nearest"]])
        extra = extra + keywords["nearest_weight"][:, None] * rows
    operands = (pack(tables[0]), tables[1].astype(np.int8), kind.astype(np.uint8), index, scales)
    return rng, operands, keywords, dense + extra
