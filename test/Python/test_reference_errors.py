# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the reference refuses, and the sentence that says so."""

import numpy as np
import pytest

from effattn import Error
from effattn import reference as ref

BTC, BT = np.zeros((2, 3, 4)), np.zeros((2, 3), dtype=bool)
REFUSED = {
    "rank": (lambda: ref.chunk(BTC[0], BT), "h to have rank 3 .B x T x C., but got rank 2"),
    "rows": (lambda: ref.chunk(BTC, BT[:1]), r"mask B \(dim 0\) to equal h B \(dim 0\), but got 1 and 2"),
    "flags": (lambda: ref.chunk(BTC, BTC[..., 0]), "mask to hold flags, but got float64"),
    "length": (
        lambda: ref.chunk(BTC, BT, lengths=[1, 4]),
        r"lengths to lie in \[0, 3\], but got 4 for row 1",
    ),
    "negative length": (lambda: ref.chunk(BTC, BT, lengths=[-1, 0]), "but got -1 for row 0"),
    "capacity": (
        lambda: ref.chunk(BTC, ~BT, capacity=2),
        r"at most 2 boundaries \(capacity\), but got 3 in row 0",
    ),
    "overflow": (lambda: ref.chunk(BTC, BT, overflow="wrap"), "overflow to be one of error, drop"),
    "pairing": (lambda: ref.boundary_probability(BTC, BTC, pairing="next"), "pairing to be one of"),
    "epsilon": (lambda: ref.dechunk(BTC, BT, BT, epsilon=0.6), r"epsilon to lie in \[0, 0.5\]"),
    "ratio": (lambda: ref.ratio_loss(BT, BT, ratio=1), "ratio to be above 1"),
    "temperature": (lambda: ref.product_softmax(BTC, temperature=0), "temperature to be positive"),
    "k": (lambda: ref.top_k(BTC, k=5), r"k to be at most the size of x \(dim 2\), but got 5 and 4"),
    "slots": (lambda: ref.product_softmax_top_k(np.zeros((31, 2)), k=1), r"2\^31 = 2147483648"),
    "k of slots": (lambda: ref.product_softmax_top_k(np.zeros((2, 2)), k=5), "but got 5 and 4"),
    "digits": (lambda: ref.address_decode(BTC, digits=3, k=1), "digits to divide the width of x"),
    "periods": (
        lambda: ref.cyclic_shift([[[0]]], [[0]], mode="digits", digits=1, base=2, periods=[0]),
        r"periods\[0\] to be at least 1, but got 0",
    ),
    "window": (lambda: ref.window_mask(size=0), "size to be at least 1, but got 0"),
    "mask operand": (
        lambda: ref.materialize_mask(ref.separator_mask(BT, initial=1, window=1), batch=2, queries=4, keys=4),
        r"is_separator to have shape \(2, 4\), but got \(2, 3\)",
    ),
    "array for a mask": (lambda: ref.causal_mask() & BT, "expected a mask, but got ndarray"),
    "truth": (lambda: ref.causal_mask() and ref.causal_mask(), "combine masks with &"),
    "heads": (
        lambda: ref.attention(np.zeros((1, 3, 1, 1)), np.zeros((1, 2, 1, 1)), np.zeros((1, 2, 1, 1))),
        "divide query heads .dim 1., but got 2 and 3",
    ),
    "slopes": (
        lambda: ref.attention(*[np.zeros((1, 1, 1, 1))] * 3, score="alibi"),
        "together, but got it without slopes",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused(name):
    call, message = REFUSED[name]
    with pytest.raises(Error, match=message):
        call()
