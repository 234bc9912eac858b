# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Addresses of a memory, and the memory: RAM-Net."""

from __future__ import annotations

import numpy as np

from benchmarks import ours, peers
from benchmarks.rows import Case, Peer, Row, Work, some_rows
from effattn import ops, reference

HEADS = 8


# --- product_softmax_top_k ---------------------------------------------------------------------------


def by_digits(x, kept):
    """The best of each digit, then the best of their products; for two digits."""
    import torch

    probabilities = torch.softmax(x, -1)
    values, places = probabilities.topk(min(kept, x.shape[-1]), -1)
    count = values.shape[-1]
    products = (values[..., 0, :, None] * values[..., 1, None, :]).flatten(-2)
    best, flat = products.topk(kept, -1)
    high = torch.gather(places[..., 0, :], -1, flat // count)
    low = torch.gather(places[..., 1, :], -1, flat % count)
    return best, high * x.shape[-1] + low


def by_formula(x, kept):
    """All slots, then the best of them."""
    import torch

    probabilities = torch.softmax(x, -1)
    return (probabilities[..., 0, :, None] * probabilities[..., 1, None, :]).flatten(-2).topk(kept, -1)


def beam(tokens, base, kept, heads=HEADS) -> Row:
    def make(rng) -> Case:
        x = rng.standard_normal((heads, tokens, 2, base), np.float32)
        function = ours.function(
            "address", {"x": f"f32[H, T, 2, {base}]"}, lambda x: ops.product_softmax_top_k(x, k=kept)
        )

        def expected():
            rows = some_rows(tokens, 3)
            values, _ = reference.product_softmax_top_k(x[:, rows], k=kept)
            slots = reference.product_softmax(x[:, rows])

            # Slots whose products differ by less than f32 can tell may stand in either order.
            def at_indices(out):
                return np.take_along_axis(slots, out[1][:, rows].astype(np.int64), -1)

            return [(lambda out: out[0][:, rows], values), (at_indices, values)]

        def values_of(result):
            return result[0].numpy()

        goal = {64: 10.0, 256: 20.0}.get(base) if tokens >= 1024 else None
        others = [
            peers.torch_peer("torch", lambda x: by_digits(x, kept), [x], result=values_of),
            peers.compiled_peer(
                "torch.compile", lambda x: by_digits(x, kept), [x], goal=goal, result=values_of
            ),
        ]
        if heads * tokens * base**2 <= 1 << 25:
            others.append(
                peers.torch_peer("torch, all slots", lambda x: by_formula(x, kept), [x], result=values_of)
            )
        return Case(ours.bind(function, [x]), expected, 1e-5, others)

    return Row(
        "product_softmax_top_k",
        f"H {heads}, T {tokens}, U 2, P {base}, K {kept}",
        heads * tokens * base,
        make,
        read=8.0 * heads * tokens * base,
        written=8.0 * heads * tokens * kept,
    )


# --- address_memory ----------------------------------------------------------------------------------


def slots(rng, shape, kept, size) -> np.ndarray:
    """Distinct in a token: steps of an odd stride around a memory whose size is a power of 2."""
    start, stride = rng.integers(0, size, (2, *shape, 1))
    return ((start + (2 * stride + 1) * np.arange(kept)) % size).astype(np.int32)


def step(memory, mass, weights, places, value, read_weights, read_places):
    import torch

    heads = torch.arange(memory.shape[0])[:, None]
    keep = 1 - weights
    memory[heads, places] = memory[heads, places] * keep[..., None] + weights[..., None] * value[:, None]
    mass[heads, places] = mass[heads, places] * keep + weights
    shares = read_weights / (mass[heads, read_places] + 1e-6)
    return (shares[..., None] * memory[heads, read_places]).sum(1)


def memory(size, kept, tokens=1024, heads=HEADS, width=64) -> Row:
    def make(rng) -> Case:
        write_weights, read_weights = rng.random((2, heads, tokens, kept), np.float32)
        write_places, read_places = (slots(rng, (heads, tokens), kept, size) for _ in range(2))
        values = rng.standard_normal((heads, tokens, width), np.float32)
        addresses = [write_weights, write_places, values, read_weights, read_places]

        def state():
            return [np.zeros((heads, size, width), np.float32), np.zeros((heads, size), np.float32)]

        function = ours.function(
            "remember",
            {
                "write_weights": "f32[B, T, K]",
                "write_indices": "i32[B, T, K]",
                "values": f"f32[B, T, {width}]",
                "read_weights": "f32[B, T, K]",
                "read_indices": "i32[B, T, K]",
                "memory": f"f32[B, M, {width}]",
                "mass": "f32[B, M]",
            },
            ops.address_memory,
        )

        def expected():
            heads_read = slice(0, 2)
            parts = [array[heads_read] for array in addresses + state()]
            out, memory, mass = reference.address_memory(*parts)
            found = zip(range(3), (out, memory, mass))
            return [(lambda out, i=i: out[i][heads_read], values) for i, values in found]

        def loop(compile_step):
            def prepare():
                torch = peers.torch()
                torch._dynamo.reset()
                one = torch.compile(step, dynamic=False) if compile_step else step
                w, i, v, rw, ri, s, z = map(peers.tensor, addresses + state())
                i, ri, out = i.long(), ri.long(), torch.empty(heads, tokens, width)

                def call():
                    for t in range(tokens):
                        out[:, t] = one(s, z, w[:, t], i[:, t], v[:, t], rw[:, t], ri[:, t])
                    return out

                return call

            return prepare

        def in_c():
            run, fresh = peers.native().address_memory, state()
            out = np.empty((heads, tokens, width), np.float32)
            sizes = [peers.ctypes.c_long(n) for n in (heads, tokens, kept, kept, width, size)]
            pointers = [peers.address(array) for array in (*addresses, *fresh, out)]

            def call():
                run(*sizes, *pointers)
                return out

            call.keeps = fresh
            return call

        large = tokens >= 1024
        others = [
            Peer("torch, step by step", loop(False), result=peers.to_numpy),
            Peer(
                "torch.compile, step by step",
                loop(True),
                goal=20.0 if large else None,
                compiles=True,
                result=peers.to_numpy,
            ),
            Peer("plain C loop", in_c, goal=1.2 if large else None),
        ]
        call = ours.bind(function, addresses + state(), donate=True)
        return Case(call, expected, 1e-5, others)

    touched = 4.0 * heads * tokens * kept * (width + 1)
    return Row(
        "address_memory",
        f"H {heads}, T {tokens}, K {kept}, E {width}, M {size}",
        size,
        make,
        flops=5.0 * heads * tokens * kept * width,
        read=2 * touched + 4.0 * heads * tokens * (4 * kept + width),
        written=touched + 4.0 * heads * tokens * width,
        footprint=4.0 * size * (width + 1),
    )


WORKS = [
    Work(
        "product_softmax_top_k",
        beam,
        tiny=[(5, 4, 3, 2)],
        quick=[(1024, 64, 8)],
        full=[(1, 64, 8), (128, 64, 8), (1024, 64, 8), (8192, 64, 8), (1, 256, 16), (1024, 256, 16)],
        note="Its bound is one pass over the digits; what it costs is the search.",
    ),
    Work(
        "address_memory",
        memory,
        tiny=[(16, 3, 5, 2, 4)],
        quick=[(4096, 8)],
        full=[(1024, 8), (4096, 8), (4096, 16), (65536, 8), (65536, 16), (4096, 8, 1)],
        note="The state is updated where it is, from call to call. Ours also checks every address; the C "
        "loop takes them on trust.",
    ),
]
