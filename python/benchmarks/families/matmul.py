# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of matrices: linalg.matmul on dynamic tensors against torch.mm and onnxruntime."""

from __future__ import annotations

import functools
import math

import ml_dtypes
import numpy as np

from benchmarks import ours, peers, rows
from benchmarks.rows import Case, Peer, Row, Work, some_rows
from effattn import ops

# Columns of a panel that suit every CPU.
PANEL = 48
DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}

PLAIN = """func.func @matmul(%a: tensor<?x?x{t}>, %b: tensor<?x?x{t}>) -> tensor<?x?xf32> {{
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %a, %c0 : tensor<?x?x{t}>
  %n = tensor.dim %b, {columns} : tensor<?x?x{t}>
  %empty = tensor.empty(%m, %n) : tensor<?x?xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?xf32>) -> tensor<?x?xf32>
  %c = linalg.matmul {maps}
      ins(%a, %b : tensor<?x?x{t}>, tensor<?x?x{t}>) outs(%init : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %c : tensor<?x?xf32>
}}"""
TRANSPOSED_MAPS = (
    "indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,"
    " affine_map<(m, n, k) -> (m, n)>]"
)
BATCH = """func.func @batch_matmul(%a: tensor<?x?x?xf32>, %b: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %batch = tensor.dim %a, %c0 : tensor<?x?x?xf32>
  %m = tensor.dim %a, %c1 : tensor<?x?x?xf32>
  %n = tensor.dim %b, %c2 : tensor<?x?x?xf32>
  %empty = tensor.empty(%batch, %m, %n) : tensor<?x?x?xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %c = linalg.batch_matmul ins(%a, %b : tensor<?x?x?xf32>, tensor<?x?x?xf32>)
      outs(%init : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return %c : tensor<?x?x?xf32>
}"""


def aligned(shape) -> np.ndarray:
    """f32 that begins at a cache line, as memory that compiled code allocates does."""
    memory = np.empty(4 * math.prod(shape) + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * math.prod(shape)].view(np.float32).reshape(shape)


def _text(element: str, transposed: bool) -> str:
    columns, maps = ("%c0", TRANSPOSED_MAPS) if transposed else ("%c1", "")
    return PLAIN.format(t=element, columns=columns, maps=maps)


def _expect(a: np.ndarray, b: np.ndarray):
    rows = some_rows(a.shape[-2])
    return [(lambda out: out[0][..., rows, :], a[..., rows, :].astype(np.float64) @ b.astype(np.float64))]


def _operands(rng, element, m, n, k):
    return (rng.standard_normal(shape, np.float32).astype(DTYPES[element]) for shape in ((m, k), (k, n)))


def _row(work, element, make, m, n, k, batch=1, **options) -> Row:
    width = 4 if element == "f32" else 2
    return Row(
        work,
        f"{m} x {n} x {k}" if batch == 1 else f"{batch} of {m} x {n} x {k}",
        (batch * m * n * k) ** (1 / 3),
        make,
        flops=2.0 * batch * m * n * k,
        read=float(width * batch * (m * k + k * n)),
        written=4.0 * batch * m * n,
        arithmetic=element,
    )


def plain(work: str, element: str, goal: float):
    """Two row-major matrices; f32 results for f32, and for bf16 f32 where torch.mm gives bf16."""

    def row(m: int, n: int, k: int, even: tuple = ()) -> Row:
        def make(rng) -> Case:
            a, b = _operands(rng, element, m, n, k)

            def into_kept_memory():
                torch = peers.torch()
                x, y = peers.tensor(a), peers.tensor(b)
                out = torch.empty(m, n, dtype=x.dtype)
                return lambda: torch.mm(x, y, out=out)

            wanted = goal if m >= 256 else None
            others = [Peer("torch.mm", into_kept_memory, goal=wanted, result=peers.to_numpy)]
            if element == "f32":
                others.append(
                    peers.onnx_peer("onnxruntime", "MatMul", {"a": a, "b": b}, (m, n), constants=["b"])
                )
            if even:
                x, y = _operands(rng, element, *even)
                call = ours.bind(ours.compile_text(_text(element, False)), [x, y])
                work = m * n * k / (even[0] * even[1] * even[2])
                others.append(
                    Peer(
                        "ours, even size", lambda: call, goal=0.95 if m > 1 else None, work=work, result=None
                    )
                )
            call = ours.bind(ours.compile_text(_text(element, False)), [a, b])
            return Case(call, lambda: _expect(a, b), 1e-5 if element == "f32" else 2e-5, others)

        return _row(work, element, make, m, n, k)

    return row


def packed(m: int, n: int, k: int) -> Row:
    """The second matrix in panels, packed ahead of time as a model's weights can be."""

    def make(rng) -> Case:
        a, b = _operands(rng, "f32", m, n, k)
        count = -(-n // PANEL)
        panels = aligned((count, k, PANEL))
        padded = np.zeros((k, count * PANEL), np.float32)
        padded[:, :n] = b
        panels[:] = padded.reshape(k, count, PANEL).swapaxes(0, 1)
        inputs = {"a": "f32[M, K]", "panels": f"f32[{count}, K, {PANEL}]"}
        function = ours.function("matmul", inputs, functools.partial(ops.packed_matmul, columns=n))

        def into_kept_memory():
            torch = peers.torch()
            x, y, out = peers.tensor(a), peers.tensor(b), torch.empty(m, n)
            return lambda: torch.mm(x, y, out=out)

        whole = ours.bind(ours.compile_text(_text("f32", False)), [a, b])
        others = [
            peers.onnx_peer("onnxruntime", "MatMul", {"a": a, "b": b}, (m, n), constants=["b"]),
            Peer("torch.mm, not packed", into_kept_memory, result=peers.to_numpy),
            Peer("ours, not packed", lambda: whole, result=rows.first),
        ]
        return Case(ours.bind(function, [a, panels]), lambda: _expect(a, b), 1e-5, others)

    return _row("f32 matmul, packed ahead", "f32", make, m, n, k)


def transposed(m: int, n: int, k: int) -> Row:
    """The second matrix row by row of the result's columns, as weights often are."""

    def make(rng) -> Case:
        a = rng.standard_normal((m, k), np.float32)
        b = rng.standard_normal((n, k), np.float32)

        def linear():
            torch = peers.torch()
            x, y, out = peers.tensor(a), peers.tensor(b).t(), torch.empty(m, n)
            return lambda: torch.mm(x, y, out=out)

        call = ours.bind(ours.compile_text(_text("f32", True)), [a, b])
        goal = 1.0 if m >= 256 else None
        others = [Peer("torch.mm", linear, goal=goal, result=peers.to_numpy)]
        return Case(call, lambda: _expect(a, b.T), 1e-5, others)

    return _row("f32 matmul, transposed", "f32", make, m, n, k)


def batched(batch: int, m: int, n: int, k: int) -> Row:
    def make(rng) -> Case:
        a = rng.standard_normal((batch, m, k), np.float32)
        b = rng.standard_normal((batch, k, n), np.float32)

        def bmm():
            torch = peers.torch()
            x, y, out = peers.tensor(a), peers.tensor(b), torch.empty(batch, m, n)
            return lambda: torch.bmm(x, y, out=out)

        call = ours.bind(ours.compile_text(BATCH), [a, b])
        others = [Peer("torch.bmm", bmm, goal=1.0 if m >= 256 else None, result=peers.to_numpy)]
        return Case(call, lambda: _expect(a, b), 1e-5, others)

    return _row("f32 batched matmul", "f32", make, m, n, k, batch)


EVEN = (512, 2048, 768)
SIZES = [
    (1, 4096, 4096),
    (16, 2048, 640),
    (64, 64, 64),
    (256, 256, 256),
    EVEN,
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (509, 2039, 761, EVEN),
    (511, 2050, 640, EVEN),
    (1023, 1025, 1021, (1024, 1024, 1024)),
]

WORKS = [
    Work(
        "f32 matmul",
        plain("f32 matmul", "f32", 1.0),
        tiny=[(3, 5, 7), (17, 33, 9)],
        quick=[(256, 256, 256), EVEN, (509, 2039, 761, EVEN)],
        full=SIZES,
        note="Results go to memory that exists (torch.mm with out=); onnxruntime packs the second matrix "
        "ahead of time. An odd size is also compared with our own even size, by operation.",
    ),
    Work(
        "bf16 matmul",
        plain("bf16 matmul", "bf16", 0.95),
        tiny=[(3, 5, 7)],
        quick=[EVEN],
        full=[(1, 4096, 4096), (64, 64, 64), (256, 256, 256), EVEN, (1024, 1024, 1024), (2048, 2048, 2048)]
        + [(509, 2039, 761, EVEN)],
        note="Sums are f32 on both sides; ours writes them as they are, torch.mm rounds them to bf16.",
    ),
    Work(
        "f32 matmul, packed ahead",
        packed,
        tiny=[(3, 5, 7), (17, 97, 9)],
        quick=[EVEN],
        full=[(1, 4096, 4096), (8, 2048, 640), (16, 2048, 640), (64, 64, 64), (256, 256, 256), EVEN]
        + [(2048, 2048, 2048), (509, 2039, 761)],
        note="The second matrix is in panels before the call (effattn.packed_matmul); onnxruntime does the "
        "same when its session is made. torch.mm takes the plain matrix, as ours does in the table above.",
    ),
    Work(
        "f32 matmul, transposed",
        transposed,
        tiny=[(3, 5, 7)],
        quick=[EVEN],
        full=[(16, 2048, 640), EVEN, (1024, 1024, 1024), (509, 2039, 761)],
    ),
    Work(
        "f32 batched matmul",
        batched,
        tiny=[(2, 3, 5, 7)],
        quick=[(8, 256, 256, 64)],
        full=[(8, 64, 64, 64), (8, 256, 256, 64), (8, 1024, 1024, 64), (8, 509, 511, 67)],
    ),
]
