# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the reference refuses, and the sentence that says so."""

import numpy as np
import pytest

from effattn import Error
from effattn import reference as ref

BTC, BT = np.zeros((2, 3, 4)), np.zeros((2, 3), dtype=bool)
ONE = np.zeros((1, 1, 1, 1))


def compact(end=0, **changes):
    """Compact an empty cache of four entries, with attributes that fit unless changed."""
    entries = np.zeros((1, 1, 4, 1))
    attributes = {"initial": 1, "separators": 1, "window": 1, "capacity": 3, "when": "after_attention"}
    return ref.separator_cache_compact(
        (entries, entries, np.zeros((1, 4), bool), [0], [end]), **{**attributes, **changes}
    )


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
    "table of distances": (
        lambda: ref.systematic_attention(*[ONE] * 4, relative_keys=np.zeros((2, 1))),
        r"odd number of rows \(dim 0\), but got 2",
    ),
    "distances of two reaches": (
        lambda: ref.systematic_attention(
            *[ONE] * 4, relative_keys=ONE[0, 0], relative_values=np.zeros((3, 1))
        ),
        r"relative_values 2R\+1 \(dim 0\) to equal relative_keys 2R\+1 \(dim 0\), but got 3 and 1",
    ),
    "codes": (lambda: ref.vector_quantize(BTC, np.zeros((0, 4))), r"codebook Q \(dim 0\) to be at least 1"),
    "groups of codes": (lambda: ref.vector_quantize(BTC, BTC[0], groups=3), "but got 3 and 4"),
    "metric": (lambda: ref.vector_quantize(BTC, BTC[0], metric="l1"), "metric to be one of l2, cosine"),
    "odd rotation": (
        lambda: ref.rotary_embedding(ONE, [[0]]),
        r"dims to be even and at most 1 \(D\), but got 1",
    ),
    "wide rotation": (lambda: ref.rotary_embedding(ONE, [[0]], dims=2), "but got 2"),
    "layout": (lambda: ref.rotary_embedding(ONE, [[0]], dims=0, layout="full"), "layout to be one of half"),
    "norm": (
        lambda: ref.rms_norm(BTC, np.ones(3)),
        r"weight C \(dim 0\) to equal x C \(dim 2\), but got 3 and 4",
    ),
    "activation": (
        lambda: ref.gated_ffn(*[ONE[0, 0]] * 4, activation="tanh"),
        "activation to be one of silu",
    ),
    "experts of a token": (
        lambda: ref.moe_route([[1.0]], [[1.0]], k=2),
        "number of experts, but got 2 and 1",
    ),
    "expert": (
        lambda: ref.moe_ffn(BTC, np.ones((2, 3, 1)), [[[0], [0], [1]]] * 2, *[np.ones((1, 4, 4))] * 3),
        r"experts to lie in \[0, 1\), but got 1 at \[0, 2, 0\]",
    ),
    "id": (lambda: ref.embedding([[0, 3]], BTC[0]), r"ids to lie in \[0, 3\), but got 3 at \[0, 1\]"),
    "negative id": (lambda: ref.embedding(-1, BTC[0]), r"ids to lie in \[0, 3\), but got -1 at \[\]"),
    "id of a train": (
        lambda: ref.tensor_train_embedding([0, 5], np.ones((1, 6, 1, 1)), vocabulary=5),
        r"ids to lie in \[0, 5\), but got 5 at \[1\]",
    ),
    "vocabulary": (
        lambda: ref.tensor_train_embedding([0], np.ones((1, 6, 1, 1)), vocabulary=7),
        "product of all n, but got 7 and 6",
    ),
    "rank between cores": (
        lambda: ref.tensor_train_embedding([0], np.ones((1, 2, 1, 2)), np.ones((3, 2, 1, 1))),
        r"core_1 r0 \(dim 0\) to equal core_0 r0 \(dim 3\), but got 3 and 2",
    ),
    "outermost rank": (lambda: ref.tensor_train_embedding([0], np.ones((2, 2, 1, 1))), "to be 1, but got 2"),
    "cores": (lambda: ref.tensor_train_embedding([0]), "at least one core"),
    "id of domains": (
        lambda: ref.lora_embedding([3], BTC[0], np.ones((1, 3, 2)), np.ones((1, 2, 4))),
        r"ids to lie in \[0, 3\), but got 3",
    ),
    "rows of domains": (
        lambda: ref.lora_embedding(
            [0], BTC[0], np.ones((1, 3, 2)), np.ones((1, 2, 4)), weights=np.ones((2, 1))
        ),
        r"weights B \(dim 0\) to equal ids B \(dim 0\), but got 2 and ids of shape \(1,\)",
    ),
    "split": (lambda: ref.split_embedding([0], BTC[0], BTC[0], combine="mean"), "combine to be one of add"),
    "parts": (
        lambda: ref.split_embedding([0], BTC[0], BTC[0, :, :2]),
        r"variant C \(dim 1\) to equal invariant C \(dim 1\), but got 2 and 4",
    ),
    "id of parts": (lambda: ref.split_embedding([2], BTC[0], BTC[0, :2]), r"\[0, 2\), but got 2 at \[0\]"),
    "map": (
        lambda: ref.split_embedding([[1]], BTC[0], BTC[0], variant_map=[9, 3]),
        r"variant_map to lie in \[0, 3\), but got 3 at \[1\]",
    ),
    "append": (
        lambda: ref.kv_cache_append(ONE, ONE, [1], ONE, ONE),
        r"length \+ new tokens to be at most 1 \(N\), but got 1 \+ 1 = 2 in row 0",
    ),
    "ring": (
        lambda: ref.kv_cache_append(ONE, ONE, [0], *[np.zeros((1, 1, 2, 1))] * 2, lengths=[0], ring=True),
        r"at most 1 \(N\) in a ring, but got 2",
    ),
    "length of a cache": (lambda: ref.kv_cache_append(ONE, ONE, [-1], ONE, ONE), "but got -1 for row 0"),
    "state": (lambda: ref.cache_attention(ONE, (ONE, ONE)), "separator_end, but got 2 arrays"),
    "length of a state": (
        lambda: ref.cache_attention(ONE, (ONE, ONE, [[0]], [2], [0])),
        r"length to lie in \[0, 1\], but got 2 for row 0",
    ),
    "positions": (
        lambda: ref.cache_attention(ONE, (ONE, ONE, [[0]], [0], [0]), positions="none"),
        "positions to be one of slot, absolute",
    ),
    "kept": (lambda: compact(initial=2, window=2), "to be at most capacity, but got 5 and 3"),
    "room": (lambda: compact(capacity=4), r"keys N \(dim 2\) to be at least capacity \+ 1 = 5, but got 4"),
    "when": (lambda: compact(when="always"), "when to be one of after_attention"),
    "separators": (lambda: compact(separators=-1), "separators to be at least 0, but got -1"),
    "separator_end": (
        lambda: compact(end=3),
        r"separator_end to be 0 or to lie in \[1, 2\], but got 3 for row 0",
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
