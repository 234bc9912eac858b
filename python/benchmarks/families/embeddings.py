# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Looking tokens up in compressed tables."""

from __future__ import annotations

import numpy as np

from benchmarks import ours, peers
from benchmarks.families.quantised import GROUP
from benchmarks.rows import Case, Row, Work, some_rows
from effattn import ops, reference


def _pair(name, function, arrays, goal):
    """PyTorch as it is and compiled."""
    return [
        peers.torch_peer(f"torch{name}", function, arrays, goal=goal),
        peers.compiled_peer(f"torch.compile{name}", function, arrays, goal=goal),
    ]


def _goal(tokens):
    return 2.0 if tokens >= 64 else None


def tensor_train(tokens, rank=32, modes=(64, 64, 64), widths=(8, 8, 10)) -> Row:
    vocabulary, width = int(np.prod(modes)), int(np.prod(widths))
    ranks = (1, rank, rank, 1)

    def by_hand(ids, first, second, third):
        import torch

        high, rest = ids // (modes[1] * modes[2]), ids % (modes[1] * modes[2])
        a = first[0][high]
        b = second.permute(1, 0, 2, 3).reshape(modes[1], rank, -1)[rest // modes[2]]
        c = third[..., 0].permute(1, 0, 2)[rest % modes[2]]
        ab = torch.bmm(a, b).view(len(ids), -1, rank)
        return torch.bmm(ab, c).view(len(ids), -1)

    def make(rng) -> Case:
        ids = rng.integers(0, vocabulary, tokens)
        cores = [
            rng.standard_normal((ranks[c], modes[c], widths[c], ranks[c + 1]), np.float32) for c in range(3)
        ]
        inputs = {"ids": "i64[T]"}
        for c, core in enumerate(cores):
            inputs[f"core_{c}"] = f"f32[{', '.join(map(str, core.shape))}]"
        function = ours.function("look_up", inputs, ops.tensor_train_embedding)
        rows = some_rows(tokens, 256)

        def expected():
            return [(lambda out: out[0][rows], reference.tensor_train_embedding(ids[rows], *cores))]

        arrays = [ids, *cores]
        return Case(ours.bind(function, arrays), expected, 1e-5, _pair("", by_hand, arrays, _goal(tokens)))

    multiplied = widths[0] * rank * widths[1] * rank + widths[0] * widths[1] * rank * widths[2]
    return Row(
        "tensor_train_embedding",
        f"{tokens} ids, V {vocabulary}, C {width}, rank {rank}",
        tokens,
        make,
        flops=2.0 * tokens * multiplied,
        written=4.0 * tokens * width,
    )


def mixed_bits(tokens, vocabulary=262144, width=640) -> Row:
    """Three rows of ten have 8 bits, the others 4."""
    wide = np.random.default_rng(vocabulary).random(vocabulary) < 0.3

    def by_hand(ids, codes4, codes8, kind, index, scales):
        import torch

        is_wide, place = kind[ids], index[ids].long()
        packed = codes4[torch.where(is_wide, 0, place)]
        low, high = packed << 4 >> 4, packed >> 4
        narrow = torch.stack([low, high], -1).flatten(-2)
        codes = torch.where(is_wide[:, None], codes8[torch.where(is_wide, place, 0)], narrow)
        return (codes.view(len(ids), -1, GROUP) * scales[ids][..., None].float()).flatten(-2)

    def make(rng) -> Case:
        ids = rng.integers(0, vocabulary, tokens)
        index = np.where(wide, np.cumsum(wide) - 1, np.cumsum(~wide) - 1).astype(np.int32)
        codes8 = rng.integers(-127, 128, (int(wide.sum()), width), np.int8)
        low, high = rng.integers(-7, 8, (2, int((~wide).sum()), width // 2), np.int8)
        codes4 = low & 15 | high << 4
        scales = rng.random((vocabulary, width // GROUP), np.float32).astype(np.float16)
        arrays = [ids, codes4, codes8, wide, index, scales]
        inputs = {
            "ids": "i64[T]",
            "codes4": f"i8[V4, {width // 2}]",
            "codes8": f"i8[V8, {width}]",
            "row_kind": "bool[V]",
            "row_index": "i32[V]",
            "scales": f"f16[V, {width // GROUP}]",
        }
        function = ours.function("look_up", inputs, ops.quantized_embedding)
        rows = some_rows(tokens, 256)

        def expected():
            values = reference.quantized_embedding(ids[rows], codes4.view(np.uint8), *arrays[2:])
            return [(lambda out: out[0][rows], values)]

        return Case(ours.bind(function, arrays), expected, 1e-6, _pair("", by_hand, arrays, _goal(tokens)))

    return Row(
        "quantized_embedding, 4 and 8 bit",
        f"{tokens} ids, V {vocabulary}, C {width}",
        tokens,
        make,
        read=tokens * width * (0.3 + 0.7 / 2 + 2 / GROUP),
        written=4.0 * tokens * width,
    )


def adapters(tokens, vocabulary=32768, width=640, domains=2, rank=8) -> Row:
    def by_hand(ids, table, a, b):
        import torch

        rows = a[:, ids].transpose(0, 1).reshape(len(ids), -1)
        return torch.addmm(table[ids], rows, b.flatten(0, 1), alpha=1 / rank)

    def make(rng) -> Case:
        ids = rng.integers(0, vocabulary, tokens)
        table = rng.standard_normal((vocabulary, width), np.float32)
        a = rng.standard_normal((domains, vocabulary, rank), np.float32)
        b = rng.standard_normal((domains, rank, width), np.float32)
        inputs = {
            "ids": "i64[T]",
            "table": f"f32[V, {width}]",
            "a": f"f32[{domains}, V, {rank}]",
            "b": f"f32[{domains}, {rank}, {width}]",
        }
        function = ours.function("look_up", inputs, ops.lora_embedding)
        rows = some_rows(tokens, 256)

        def expected():
            return [(lambda out: out[0][rows], reference.lora_embedding(ids[rows], table, a, b))]

        arrays = [ids, table, a, b]
        return Case(ours.bind(function, arrays), expected, 1e-5, _pair("", by_hand, arrays, _goal(tokens)))

    return Row(
        "lora_embedding",
        f"{tokens} ids, V {vocabulary}, C {width}, {domains} of rank {rank}",
        tokens,
        make,
        flops=2.0 * tokens * domains * rank * width,
        read=4.0 * tokens * (width + domains * rank),
        written=4.0 * tokens * width,
    )


SIZES = [(1,), (64,), (4096,)]

WORKS = [
    Work(
        "tensor_train_embedding",
        tensor_train,
        tiny=[(5, 3, (2, 3, 4), (2, 2, 3))],
        quick=[(4096,)],
        full=SIZES + [(4096, 16)],
    ),
    Work("quantized_embedding, 4 and 8 bit", mixed_bits, tiny=[(5, 9, 32)], quick=[(4096,)], full=SIZES),
    Work("lora_embedding", adapters, tiny=[(5, 9, 8, 2, 3)], quick=[(4096,)], full=SIZES),
]
