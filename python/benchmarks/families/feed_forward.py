# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers, wide and hourglass."""

from __future__ import annotations

import numpy as np

from benchmarks import ours, peers
from benchmarks.rows import Case, Row, Work, some_rows
from effattn import ops, reference


def _layers(x, norm, gate, up, down):
    from torch.nn import functional

    for i in range(norm.shape[0]):
        row = functional.rms_norm(x, x.shape[-1:], norm[i], 1e-6)
        x = x + (functional.silu(row @ gate[i]) * (row @ up[i])) @ down[i]
    return x


def hourglass(tokens, width=640, hidden=320, blocks=4) -> Row:
    def make(rng) -> Case:
        def weights(*shape):
            return rng.standard_normal(shape, np.float32) / np.float32(shape[-2] ** 0.5)

        x = rng.standard_normal((tokens, width), np.float32)
        norm = rng.random((blocks, width), np.float32)
        arrays = [x, norm, weights(blocks, width, hidden), weights(blocks, width, hidden)]
        arrays.append(weights(blocks, hidden, width))
        inputs = {
            "x": f"f32[T, {width}]",
            "norm": f"f32[{blocks}, {width}]",
            "gate": f"f32[{blocks}, {width}, {hidden}]",
            "up": f"f32[{blocks}, {width}, {hidden}]",
            "down": f"f32[{blocks}, {hidden}, {width}]",
        }
        rows = some_rows(tokens)

        def expected():
            return [(lambda out: out[0][rows], reference.hourglass_ffn(x[rows], *arrays[1:]))]

        others = [
            peers.torch_peer("torch", _layers, arrays),
            peers.compiled_peer("torch.compile", _layers, arrays, goal=1.2 if tokens >= 512 else None),
        ]
        return Case(
            ours.bind(ours.function("layer", inputs, ops.hourglass_ffn), arrays), expected, 1e-5, others
        )

    weights = 3.0 * blocks * width * hidden
    return Row(
        "hourglass FFN",
        f"T {tokens}, C {width}, Dh {hidden}, {blocks} blocks",
        tokens,
        make,
        flops=2 * tokens * weights,
        read=4 * weights + 4.0 * tokens * width,
        written=4.0 * tokens * width,
    )


def gated(tokens, width=640, hidden=2048) -> Row:
    def by_hand(x, gate, up, down):
        from torch.nn import functional

        return (functional.gelu(x @ gate, approximate="tanh") * (x @ up)) @ down

    def make(rng) -> Case:
        def weights(*shape):
            return rng.standard_normal(shape, np.float32) / np.float32(shape[0] ** 0.5)

        x = rng.standard_normal((tokens, width), np.float32)
        arrays = [x, weights(width, hidden), weights(width, hidden), weights(hidden, width)]
        inputs = {
            "x": f"f32[T, {width}]",
            "gate": f"f32[{width}, {hidden}]",
            "up": f"f32[{width}, {hidden}]",
            "down": f"f32[{hidden}, {width}]",
        }
        rows = some_rows(tokens)
        function = ours.function(
            "layer", inputs, lambda *operands: ops.gated_ffn(*operands, activation="gelu_tanh")
        )

        def expected():
            values = reference.gated_ffn(x[rows], *arrays[1:], activation="gelu_tanh")
            return [(lambda out: out[0][rows], values)]

        others = [
            peers.torch_peer("torch", by_hand, arrays),
            peers.compiled_peer("torch.compile", by_hand, arrays),
        ]
        return Case(ours.bind(function, arrays), expected, 1e-5, others)

    weights = 3.0 * width * hidden
    return Row(
        "gated FFN",
        f"T {tokens}, C {width}, F {hidden}",
        tokens,
        make,
        flops=2 * tokens * weights,
        read=4 * weights + 4.0 * tokens * width,
        written=4.0 * tokens * width,
    )


WORKS = [
    Work(
        "hourglass FFN",
        hourglass,
        tiny=[(3, 8, 4, 2)],
        quick=[(512,)],
        full=[(1,), (64,), (512,), (509,), (4096,)],
    ),
    Work("gated FFN", gated, tiny=[(3, 8, 12)], quick=[(512,)], full=[(1,), (64,), (512,), (4096,)]),
]
