# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One query over many keys, as in every step of generating text."""

from __future__ import annotations

import numpy as np

import effattn
from benchmarks import ours, peers
from benchmarks.families.attention import TOLERANCES, compiled, expect, operands, sdpa
from benchmarks.rows import Case, Row, Work
from effattn import ops, reference


def by_bmm(q, k, v):
    """Two batched products, which for bf16 are far ahead of SDPA."""
    import torch

    groups = k.shape[1]
    rows = q[0].reshape(groups, -1, q.shape[3])
    scores = torch.bmm(rows, k[0].transpose(1, 2)) * q.shape[3] ** -0.5
    return torch.bmm(torch.softmax(scores, -1), v[0]).reshape(q.shape)


def one_query(keys, width, heads=8, groups=8, element="f32", compacted=False) -> Row:
    """``compacted``: the keys that a separator mask keeps, already side by side."""

    def make(rng) -> Case:
        arrays = operands(rng, element, heads, groups, 1, keys, width)
        large = keys >= 2048
        sdpa_goal = (3.0 if groups == 1 else 1.5) if element == "f32" and large else None
        bmm_goal = (3.0 if groups == 1 else 2.0) if element == "bf16" and large else None
        others = [
            sdpa(arrays, False, goal=sdpa_goal),
            peers.torch_peer("bmm + softmax", by_bmm, arrays, goal=bmm_goal),
            peers.read_probe(arrays[1:], goal=0.85 if large else None, goal_threads=(1,)),
        ]
        call = ours.bind(compiled(element, heads, groups, width), arrays)
        return Case(call, lambda: expect(*arrays), TOLERANCES[element], others)

    size = 4.0 if element == "f32" else 2.0
    heads_text = f"H {heads}" if heads == groups else f"H {heads} G {groups}"
    return Row(
        "one-query decode" + (", compacted cache" if compacted else ""),
        f"S {keys}, D {width}, {heads_text}, {element}",
        keys,
        make,
        flops=4.0 * width * heads * keys,
        read=2 * size * keys * width * groups,
        arithmetic=element,
    )


# The setting with which SepLLM streams 4 million tokens.
LAYOUT = dict(initial=4, separators=64, window=224, capacity=324)


def separator_cache(width=64, heads=8, capacity=324) -> Row:
    """A step over a separator cache: keys are turned by their slot, then one query attends."""

    def body(q, keys, values, flags, length, end):
        state = ops.SeparatorCache(keys, values, flags, length, end)
        return ops.cache_attention(q, state)

    def function() -> effattn.Compiled:
        inputs = {
            "q": f"f32[B, {heads}, T, {width}]",
            "keys": f"f32[B, {heads}, N, {width}]",
            "values": f"f32[B, {heads}, N, {width}]",
            "flags": "bool[B, N]",
            "length": "i64[B]",
            "separator_end": "i64[B]",
        }
        return ours.function("step", inputs, body)

    def make(rng) -> Case:
        q, k, v = operands(rng, "f32", heads, heads, 1, capacity + 1, width)
        length = np.array([capacity])
        arrays = [q, k, v, np.zeros((1, capacity + 1), bool), length, np.array([4])]

        def by_hand(q, k, v):
            import torch

            keys, values = k[:, :, :capacity], v[:, :, :capacity]
            frequency = 10000.0 ** (-torch.arange(0, width, 2) / width)
            angle = torch.arange(capacity)[:, None] * frequency
            cosine, sine = torch.cos(angle), torch.sin(angle)

            def turn(x, c, s):
                a, b = x.chunk(2, -1)
                return torch.cat([a * c - b * s, a * s + b * c], -1)

            attend = torch.nn.functional.scaled_dot_product_attention
            return attend(turn(q, cosine[-1], sine[-1]), turn(keys, cosine, sine), values)

        def expected():
            state = reference.SeparatorCache(*arrays[1:])
            return [(lambda out: out[0], reference.cache_attention(q, state))]

        others = [
            peers.torch_peer("rotary + SDPA", by_hand, [q, k, v]),
            peers.compiled_peer("rotary + SDPA, compiled", by_hand, [q, k, v]),
        ]
        return Case(ours.bind(function(), arrays), expected, 2e-5, others)

    return Row(
        "one-query decode, separator cache",
        f"{capacity} entries, D {width}, H {heads}",
        capacity,
        make,
        flops=(4.0 + 3.0) * width * heads * capacity,
        read=8.0 * capacity * width * heads,
    )


SIZES = [
    (keys, width, 8, groups, element)
    for groups in (8, 1)
    for element in ("f32", "bf16")
    for width in (64, 128, 256)
    for keys in (512, 4096, 65536)
    if width == 64 or (keys > 512 and (groups == 8 or width == 256))
]

WORKS = [
    Work(
        "one-query decode",
        one_query,
        tiny=[(5, 16), (7, 8, 4, 1), (5, 16, 2, 2, "bf16")],
        quick=[(4096, 64), (4096, 64, 8, 8, "bf16"), (4096, 64, 8, 1)],
        full=SIZES,
        note="The same keys in every call, so that small caches stay in the processor's; the read probe "
        "reads the same memory.",
    ),
    Work(
        "one-query decode, compacted cache",
        lambda keys, *rest: one_query(keys, *rest, compacted=True),
        tiny=[(5, 16)],
        quick=[(3500, 64)],
        full=[(468, 64), (3500, 64), (3500, 64, 8, 1), (3500, 64, 8, 8, "bf16")],
        note="468 and 3500 keys are what a separator mask keeps of 4k and 64k.",
    ),
    Work(
        "one-query decode, separator cache",
        separator_cache,
        tiny=[(8, 2, 9)],
        quick=[()],
        full=[(), (128, 8), (64, 8, 1024)],
        note="Keys lie unrotated and are turned in every step, as streaming needs.",
    ),
]
