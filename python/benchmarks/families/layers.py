# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What stands between the products of a layer: norms, rotations, experts."""

from __future__ import annotations

import numpy as np

from benchmarks import ours, peers
from benchmarks.rows import Case, Row, Work, some_rows
from effattn import ops, reference

EPSILON = 1e-6


def rms_norm(tokens: int, width: int = 640) -> Row:
    def by_torch(x, weight):
        return peers.torch().nn.functional.rms_norm(x, x.shape[-1:], weight, EPSILON)

    def make(rng) -> Case:
        x, weight = rng.standard_normal((tokens, width), np.float32), rng.random(width, np.float32)
        inputs = {"x": f"f32[T, {width}]", "weight": f"f32[{width}]"}
        return _case(inputs, ops.rms_norm, reference.rms_norm, by_torch, [x, weight])

    return _row("rms_norm", tokens, width, make)


def layer_norm(tokens: int, width: int = 640) -> Row:
    def by_torch(x, weight, bias):
        return peers.torch().nn.functional.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)

    def make(rng) -> Case:
        x = rng.standard_normal((tokens, width), np.float32)
        weight, bias = rng.random(width, np.float32), rng.standard_normal(width, np.float32)
        inputs = {"x": f"f32[T, {width}]", "weight": f"f32[{width}]", "bias": f"f32[{width}]"}

        def ours_of(x, weight, bias):
            return ops.layer_norm(x, weight, bias=bias)

        def meaning(x, weight, bias):
            return reference.layer_norm(x, weight, bias=bias)

        return _case(inputs, ours_of, meaning, by_torch, [x, weight, bias])

    return _row("layer_norm", tokens, width, make)


def _case(inputs, op, meaning, by_torch, arrays) -> Case:
    """Rows of the first array, each by itself."""
    rows = some_rows(len(arrays[0]))

    def expected():
        return [(lambda out: out[0][rows], meaning(arrays[0][rows], *arrays[1:]))]

    others = [
        peers.torch_peer("torch", by_torch, arrays),
        peers.compiled_peer("torch.compile", by_torch, arrays),
    ]
    return Case(ours.bind(ours.function("layer", inputs, op), arrays), expected, 1e-5, others)


def _row(work: str, tokens: int, width: int, make, size: str = "") -> Row:
    bytes = 4.0 * tokens * width
    return Row(work, size or f"T {tokens}, C {width}", tokens, make, read=bytes, written=bytes)


def rotary(tokens: int, heads: int = 10, width: int = 64) -> Row:
    half = width // 2

    def by_torch(x, cosine, sine):
        low, high = x[..., :half], x[..., half:]
        return peers.torch().cat([low * cosine - high * sine, high * cosine + low * sine], -1)

    def make(rng) -> Case:
        x = rng.standard_normal((1, heads, tokens, width), np.float32)
        positions = np.arange(tokens, dtype=np.int32)[None]
        inputs = {"x": f"f32[B, {heads}, T, {width}]", "positions": "i32[B, T]"}
        rows = some_rows(tokens)

        def expected():
            values = reference.rotary_embedding(x[:, :, rows], positions[:, rows])
            return [(lambda out: out[0][:, :, rows], values)]

        angles = np.arange(tokens)[:, None] * 10000.0 ** (-np.arange(half) / half)
        tables = [np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)]
        others = [
            peers.torch_peer("torch", by_torch, [x, *tables]),
            peers.compiled_peer("torch.compile", by_torch, [x, *tables]),
        ]
        function = ours.function("layer", inputs, ops.rotary_embedding)
        return Case(ours.bind(function, [x, positions]), expected, 1e-5, others)

    return _row("rotary_embedding", tokens, heads * width, make, f"T {tokens}, H {heads}, D {width}")


def experts(tokens: int, width: int = 640, hidden: int = 320, count: int = 8, chosen: int = 2) -> Row:
    def by_torch(x, gates, choices, gate, up, down):
        """The tokens of an expert together, as model libraries do it."""
        torch = peers.torch()
        out = torch.zeros_like(x)
        for expert in range(count):
            token, place = torch.where(choices == expert)
            rows = x[token]
            made = (torch.nn.functional.silu(rows @ gate[expert]) * (rows @ up[expert])) @ down[expert]
            out.index_add_(0, token, made * gates[token, place, None])
        return out

    def make(rng) -> Case:
        def weights(*shape):
            return rng.standard_normal(shape, np.float32) / np.float32(shape[-2] ** 0.5)

        x = rng.standard_normal((tokens, width), np.float32)
        choices = np.argsort(rng.random((tokens, count)), axis=-1)[:, :chosen].astype(np.int32)
        gates = rng.random((tokens, chosen), np.float32)
        arrays = [x, gates, choices, weights(count, width, hidden), weights(count, width, hidden)]
        arrays.append(weights(count, hidden, width))
        inputs = {
            "x": f"f32[T, {width}]",
            "gates": f"f32[T, {chosen}]",
            "experts": f"i32[T, {chosen}]",
            "gate": f"f32[{count}, {width}, {hidden}]",
            "up": f"f32[{count}, {width}, {hidden}]",
            "down": f"f32[{count}, {hidden}, {width}]",
        }
        rows = some_rows(tokens)

        def expected():
            values = reference.moe_ffn(x[rows], gates[rows], choices[rows], *arrays[3:])
            return [(lambda out: out[0][rows], values)]

        function = ours.function("layer", inputs, ops.moe_ffn)
        others = [peers.torch_peer("torch, by experts", by_torch, arrays)]
        return Case(ours.bind(function, arrays), expected, 1e-5, others)

    products = 3.0 * tokens * chosen * width * hidden
    return Row(
        "moe_ffn",
        f"T {tokens}, C {width}, F {hidden}, {chosen} of {count}",
        tokens,
        make,
        flops=2 * products,
        read=4.0 * (3 * count * width * hidden + tokens * width),
        written=4.0 * tokens * width,
    )


WORKS = [
    Work("rms_norm", rms_norm, tiny=[(3, 8)], quick=[(512,)], full=[(1,), (512,), (4096,)]),
    Work("layer_norm", layer_norm, tiny=[(3, 8)], quick=[(512,)], full=[(1,), (512,), (4096,)]),
    Work(
        "rotary_embedding",
        rotary,
        tiny=[(3, 2, 8)],
        quick=[(512,)],
        full=[(1,), (512,), (4096,)],
        note="The peers have cosines and sines of all positions ahead of time; ours computes them.",
    ),
    Work("moe_ffn", experts, tiny=[(5, 8, 4, 3, 2)], quick=[(512,)], full=[(1,), (64,), (512,), (4096,)]),
]
