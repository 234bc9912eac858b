# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of 8 and 4 bits: one row (a token being generated), and many."""

from __future__ import annotations

import numpy as np

from benchmarks import ggml, ours, peers
from benchmarks.rows import Case, Peer, Row, Work, some_rows
from effattn import ops, reference

GROUP = 32


class Weights:
    """Random codes with a scale for each group of columns, laid out for every side."""

    def __init__(self, rng, rows: int, width: int, bits: int, group: int):
        self.rows, self.width, self.bits, self.group = rows, width, bits, group
        most = 127 if bits == 8 else 7
        self.codes = rng.integers(-most, most + 1, (rows, width), np.int8)
        self.scales = (rng.random((rows, width // group), np.float32) / most + 0.001).astype(np.float16)

    def operands(self):
        """What quantized_matmul takes after x."""
        packed = self.nibbles() if self.bits == 4 else np.zeros((0, (self.width + 1) // 2), np.uint8)
        wide = self.codes if self.bits == 8 else np.zeros((0, self.width), np.int8)
        kind = np.full(self.rows, self.bits == 8)
        return [packed.view(np.int8), wide, kind, np.arange(self.rows, dtype=np.int32), self.scales]

    def nibbles(self) -> np.ndarray:
        low, high = self.codes[:, ::2] & 15, self.codes[:, 1::2] & 15
        return (low | high << 4).astype(np.uint8)

    def real(self, rows=slice(None)) -> np.ndarray:
        return self.codes[rows] * np.repeat(self.scales[rows].astype(np.float32), self.group, axis=1)

    @property
    def bytes(self) -> float:
        return self.codes.size * self.bits / 8 + self.scales.nbytes


def _function(width, groups):
    inputs = {
        "x": f"f32[T, {width}]",
        "codes4": f"i8[V4, {(width + 1) // 2}]",
        "codes8": f"i8[V8, {width}]",
        "row_kind": "bool[V]",
        "row_index": "i32[V]",
        "scales": f"f16[V, {groups}]",
    }
    return ours.function("head", inputs, lambda *operands: ops.quantized_matmul(*operands, activation="i8"))


def _expect(x, weights):
    """Some columns of the result; the reference rounds the activations as the op does."""
    columns = some_rows(weights.rows, 64)
    places = np.arange(len(columns))
    packed, wide, kind, _, scales = weights.operands()
    if weights.bits == 4:
        packed = packed[columns]
    else:
        wide = wide[columns]
    part = [packed.view(np.uint8), wide, kind[columns], places, scales[columns]]
    values = reference.quantized_matmul(x, *part, activation="i8")
    return [(lambda out: out[0][:, columns], values)]


def onnx_quantised(x, weights) -> Peer:
    """MatMulNBits, which computes with 8-bit activations at accuracy level 4."""
    blocks = weights.width // GROUP
    unsigned = (weights.codes.astype(np.int16) + (128 if weights.bits == 8 else 8)).astype(np.uint8)
    if weights.bits == 4:
        unsigned = unsigned[:, ::2] | unsigned[:, 1::2] << 4
    codes = np.ascontiguousarray(unsigned).reshape(weights.rows, blocks, -1)
    return peers.onnx_peer(
        "onnxruntime MatMulNBits",
        "MatMulNBits",
        {"x": x, "codes": codes, "scales": weights.scales.astype(np.float32).reshape(-1)},
        (len(x), weights.rows),
        constants=["codes", "scales"],
        domain="com.microsoft",
        opset=21,
        attributes=dict(
            K=weights.width, N=weights.rows, bits=weights.bits, block_size=GROUP, accuracy_level=4
        ),
    )


def linear(name, x, weights, element, **options) -> Peer:
    """The de-quantised weights through PyTorch's linear layer."""

    def prepare():
        torch = peers.torch()
        kind = getattr(torch, element)
        w = torch.empty(weights.rows, weights.width, dtype=kind)
        for start in range(0, weights.rows, 4096):
            rows = slice(start, start + 4096)
            w[rows] = peers.tensor(weights.real(rows)).to(kind)
        row = peers.tensor(x).to(kind)
        return lambda: torch.nn.functional.linear(row, w)

    return Peer(name, prepare, **{"result": peers.to_numpy, **options})


def int8_pack(x, weights, **options) -> Peer:
    """PyTorch's own 8-bit weights: a scale for a row, activations in bf16."""

    def prepare():
        torch = peers.torch()
        row = peers.tensor(x).to(torch.bfloat16)
        codes = peers.tensor(weights.codes)
        scales = peers.tensor(weights.scales[:, 0].astype(np.float32)).to(torch.bfloat16)
        return lambda: torch._weight_int8pack_mm(row, codes, scales)

    return Peer("torch int8 pack", prepare, **{"result": None, **options})


def matvec(work, bits):
    def row(rows, width) -> Row:
        def make(rng) -> Case:
            weights = Weights(rng, rows, width, bits, GROUP)
            x = rng.standard_normal((1, width), np.float32)
            others = [
                int8_pack(x, weights, goal=2.0 if rows > 100 else None),
                onnx_quantised(x, weights),
                linear("torch bf16", x, weights, "bfloat16", result=None),
                peers.read_probe(
                    [weights.codes if bits == 8 else weights.nibbles(), weights.scales],
                    goal=0.9 if rows > 100 else None,
                ),
                ggml.peer(x, weights, goal=2.0 if rows > 100 else None),
            ]
            call = ours.bind(_function(width, width // GROUP), [x, *weights.operands()])
            return Case(call, lambda: _expect(x, weights), 1e-4, others)

        codes = rows * width
        return Row(
            work,
            f"{rows} x {width}",
            codes,
            make,
            flops=2.0 * codes,
            read=codes * bits / 8 + 2.0 * codes / GROUP,
            written=4.0 * rows,
            arithmetic="i8",
        )

    return row


def matmul(tokens, rows, width, kind="8 bit per group") -> Row:
    bits = int(kind[0])
    group = width if kind.endswith("per channel") else GROUP

    def make(rng) -> Case:
        weights = Weights(rng, rows, width, bits, group)
        x = rng.standard_normal((tokens, width), np.float32)

        def integers():
            torch = peers.torch()
            a = torch.randint(-127, 128, (tokens, width), dtype=torch.int8)
            b = peers.tensor(np.ascontiguousarray(weights.codes.T))
            return lambda: torch._int_mm(a, b)

        per_group = kind == "8 bit per group"
        others = [
            linear("torch bf16", x, weights, "bfloat16", goal=1.6 if per_group else None, result=None),
            linear("torch f32", x, weights, "float32", result=None),
            Peer("torch._int_mm", integers, goal=None if per_group or bits == 4 else 1.0, result=None),
        ]
        if group == GROUP:
            others += [onnx_quantised(x, weights), ggml.peer(x, weights)]
        call = ours.bind(_function(width, width // group), [x, *weights.operands()])
        return Case(call, lambda: _expect(x, weights), 1e-4, others)

    return Row(
        "quantised matmul",
        f"{tokens} x {rows} x {width}, {kind}",
        tokens * rows * width,
        make,
        flops=2.0 * tokens * rows * width,
        read=rows * width * bits / 8 + 4.0 * tokens * width,
        written=4.0 * tokens * rows,
        arithmetic="i8",
    )


HEAD = (262144, 640)
SIZES = [(640, 2048), (2048, 640), (32768, 640), HEAD]

WORKS = [
    Work(
        f"quantised matvec, {bits} bit",
        matvec(f"quantised matvec, {bits} bit", bits),
        tiny=[(5, 32), (17, 64)],
        quick=[(2048, 640), (32768, 640)],
        full=SIZES,
        note=f"A scale (f16) for {GROUP} columns; ours, llama.cpp (Q8_0, Q4_0, in the better of its orders) "
        "and MatMulNBits round the row to 8 bits first. "
        "torch int8 pack has a scale for a whole row and reads 8 bits in both tables.",
    )
    for bits in (8, 4)
] + [
    Work(
        "quantised matmul",
        matmul,
        tiny=[(3, 5, 32), (3, 5, 32, "8 bit per channel"), (3, 5, 64, "4 bit per group")],
        quick=[(512, 2048, 640), (512, 2048, 640, "8 bit per channel")],
        full=[
            (tokens, 2048, 640, kind)
            for kind in ("8 bit per group", "8 bit per channel", "4 bit per group")
            for tokens in (16, 512)
        ]
        + [(509, 2039, 640, "8 bit per group"), (2048, 2048, 640, "8 bit per group")],
        note="torch._int_mm gives integers and leaves scales and rounding out; its operands are 8 bits "
        "already.",
    )
]
