# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Merging tokens into concepts and mapping concepts back: ConceptMoE, H-Net."""

from __future__ import annotations

import numpy as np

from benchmarks import ours, peers
from benchmarks.rows import Case, Peer, Row, Work, some_rows
from effattn import ops, reference

# --- dechunk -----------------------------------------------------------------------------------------


def scan_in_parallel(y, p):
    """The recurrence as a scan of pairs."""
    from torch._higher_order_ops.associative_scan import associative_scan

    keep = (1 - p[0])[:, None].expand_as(y[0]).clone()

    def combine(left, right):
        return left[0] * right[0], left[1] * right[0] + right[1]

    return associative_scan(combine, (keep, y[0] * p[0][:, None]), 0, combine_mode="generic")[1][None]


def scan_by_jax(y, p):
    def prepare():
        jax = peers.need("jax")
        concepts, chances = jax.numpy.asarray(y[0]), jax.numpy.asarray(p[0])

        def scan(concepts, chances):
            def step(state, pair):
                concept, chance = pair
                state = (1 - chance) * state + chance * concept
                return state, state

            return jax.lax.scan(step, jax.numpy.zeros_like(concepts[0]), (concepts, chances))[1]

        compiled = jax.jit(scan)
        return lambda: compiled(concepts, chances).block_until_ready()

    return prepare


def moving_average(count, width) -> Row:
    """Every token a boundary, so that dechunk is its recurrence alone, which is what the peers run."""

    def make(rng) -> Case:
        y = rng.standard_normal((1, count, width), np.float32)
        p = rng.random((1, count), np.float32)
        mask = np.ones((1, count), bool)
        function = ours.function(
            "dechunk",
            {"y": f"f32[B, N, {width}]", "p": "f32[B, T]", "mask": "bool[B, T]"},
            ops.dechunk,
        )

        def expected():
            out, state = reference.dechunk(y, p, mask)
            return [(lambda found: found[0], out), (lambda found: found[1], state)]

        others = [
            Peer(
                "jax.lax.scan",
                scan_by_jax(y, p),
                goal=1.5 if count > 1000 else None,
                result=lambda out: np.asarray(out)[None],
            ),
            peers.compiled_peer(
                "associative_scan, compiled", scan_in_parallel, [y, p], goal=1.5 if count > 1000 else None
            ),
        ]
        return Case(ours.bind(function, [y, p, mask]), expected, 1e-5, others)

    return Row(
        "dechunk, the moving average",
        f"N {count}, C {width}",
        count,
        make,
        flops=3.0 * count * width,
        read=4.0 * count * width,
        written=4.0 * count * width,
    )


def dechunk(tokens, width, share=0.25) -> Row:
    """Concepts to tokens, with the residual stream."""
    mask = np.random.default_rng(tokens).random((1, tokens)) < share
    mask[:, 0] = True
    count = int(mask.sum())

    def make(rng) -> Case:
        y = rng.standard_normal((1, count, width), np.float32)
        p = rng.random((1, tokens), np.float32)
        h = rng.standard_normal((1, tokens, width), np.float32)
        inputs = {
            "y": f"f32[B, N, {width}]",
            "p": "f32[B, T]",
            "mask": "bool[B, T]",
            "h": f"f32[B, T, {width}]",
        }
        function = ours.function("dechunk", inputs, lambda y, p, mask, h: ops.dechunk(y, p, mask, residual=h))

        def expected():
            out, _ = reference.dechunk(y, p, mask, residual=h)
            return [(lambda found: found[0], out)]

        def by_hand(y, p, mask, h):
            averages = scan_in_parallel(y, p[:, mask[0]])
            return h + averages[:, mask[0].cumsum(0) - 1]

        others = [peers.torch_peer("torch", by_hand, [y, p, mask, h])]
        return Case(ours.bind(function, [y, p, mask, h]), expected, 1e-5, others)

    return Row(
        "dechunk",
        f"T {tokens}, N {count}, C {width}",
        tokens,
        make,
        flops=(3.0 * count + tokens) * width,
        read=4.0 * width * (count + tokens),
        written=4.0 * width * tokens,
    )


# --- chunk -------------------------------------------------------------------------------------------


def chunk(tokens, width=64, share=0.25) -> Row:
    mask = np.random.default_rng(tokens).random((1, tokens)) < share
    count = int(mask.sum())

    def make(rng) -> Case:
        h = rng.standard_normal((1, tokens, width), np.float32)
        function = ours.function(
            "chunk",
            {"h": f"f32[B, T, {width}]", "mask": "bool[B, T]", "room": f"f32[B, N, {width}]"},
            lambda h, mask, room: ops.chunk(h, mask, capacity=room.shape[1]),
        )
        room = np.broadcast_to(np.float32(0), (1, count, width))

        def expected():
            rows = some_rows(count, 4096)
            return [
                (lambda out: out[0][0, rows], h[mask][rows].astype(np.float64)),
                (lambda out: out[1], np.array([count])),
            ]

        def select(h, mask):
            torch = peers.torch()
            out = torch.empty(count, width)

            def call():
                return torch.index_select(h[0], 0, torch.nonzero(mask[0]).flatten(), out=out)

            return call

        def prepare_select():
            peers.torch()
            return select(peers.tensor(h), peers.tensor(mask))

        def batched(result):
            return result.numpy()[None]

        large = tokens >= 1 << 20
        others = [
            peers.torch_peer(
                "torch boolean index",
                lambda h, mask: h[mask],
                [h, mask],
                goal=1.0 if large else None,
                result=batched,
            ),
            Peer("nonzero + index_select", prepare_select, result=batched),
            peers.copy_probe(h, 4 * count * width, goal=0.6 if large else None),
        ]
        return Case(ours.bind(function, [h, mask, room]), expected, 1e-6, others)

    return Row(
        "chunk",
        f"T {tokens}, C {width}, {share:.0%} kept",
        tokens,
        make,
        read=float(4 * count * width + tokens),
        written=4.0 * count * width,
    )


WORKS = [
    Work(
        "dechunk, the moving average",
        moving_average,
        tiny=[(7, 5), (1, 3)],
        quick=[(2106, 512)],
        full=[(64, 512), (256, 512), (2106, 512), (16384, 512)],
        note="All tokens are boundaries, so that both sides compute the same recurrence and nothing else.",
    ),
    Work(
        "dechunk", dechunk, tiny=[(9, 5)], quick=[(4096, 512)], full=[(512, 512), (4096, 512), (32768, 512)]
    ),
    Work(
        "chunk",
        chunk,
        tiny=[(9, 5)],
        quick=[(1 << 20,)],
        full=[(4096,), (65536,), (1 << 20,), (1 << 20, 64, 0.02)],
        note="Ours and index_select write to memory that exists. The copy probe copies as many rows that lie "
        "side by side.",
    ),
]
