# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over many queries: dense, causal and by separators."""

from __future__ import annotations

import functools

import ml_dtypes
import numpy as np

import effattn
from benchmarks import iree_attention, ours, peers
from benchmarks.rows import Case, Peer, Row, Work
from effattn import ops, reference

DTYPES = {"f32": np.float32, "bf16": ml_dtypes.bfloat16}
INITIAL, WINDOW, DENSITY = 4, 256, 0.05
# Seconds of a call of ours that shows that cost is linear up to the longest sequence.
LONGEST = 60.0


def compiled(element: str, heads: int, groups: int, width: int, mask: str = "dense") -> effattn.Compiled:
    """Heads and their size are a model's, and so constants; lengths are free."""
    inputs = {"q": f"{element}[B, {heads}, T, {width}]"}
    inputs.update({name: f"{element}[B, {groups}, S, {width}]" for name in "kv"})
    if mask == "separator":
        inputs["ends"] = "bool[B, S]"

    def body(q, k, v, ends=None):
        masks = {
            "dense": lambda: None,
            "causal": ops.causal_mask,
            "separator": lambda: ops.separator_mask(ends, initial=INITIAL, window=WINDOW),
        }
        return ops.attention(q, k, v, mask=masks[mask]())

    return ours.function("attend", inputs, body)


def operands(rng, element, heads, groups, queries, keys, width):
    """Random queries, keys and values; large ones repeat themselves, because numbers take time to draw."""
    shapes = (heads, queries), (groups, keys), (groups, keys)

    def draw(*shape):
        count = int(np.prod(shape))
        return np.resize(rng.standard_normal(min(count, 1 << 22), np.float32).astype(DTYPES[element]), shape)

    return [draw(1, *shape, width) for shape in shapes]


def expect(q, k, v, mask=None):
    """The reference at a few blocks of queries, of the first and the last head where keys are many."""
    (_, heads, queries, _), (_, groups, keys, _) = q.shape, k.shape
    wanted = range(heads) if groups * keys <= 1 << 17 else sorted({0, heads - 1})
    found = []
    for start in sorted({0, queries // 2, max(0, queries - 2)}):
        rows, offset = slice(start, min(start + 2, queries)), keys - queries + start
        for head in wanted:
            group = slice(head * groups // heads, head * groups // heads + 1)
            part = q[:, head : head + 1, rows], k[:, group], v[:, group]
            values = reference.attention(*part, mask=mask, offset=offset)
            found.append((lambda out, h=head, rows=rows: out[0][:, h : h + 1, rows], values))
    return found


TOLERANCES = {"f32": 2e-5, "bf16": 1e-2}


def sdpa(arrays, causal, **options) -> Peer:
    grouped = arrays[0].shape[1] != arrays[1].shape[1]

    def run(q, k, v):
        attend = peers.torch().nn.functional.scaled_dot_product_attention
        return attend(q, k, v, is_causal=causal, enable_gqa=grouped)

    return peers.torch_peer("SDPA", run, arrays, **options)


def onnx_attention(q, k, v, causal) -> Peer:
    """The contributed op, which is the faster of onnxruntime's two; it wants tokens before heads."""
    heads = q.shape[1]
    rows = {
        name: np.ascontiguousarray(x[0].transpose(1, 0, 2)).reshape(1, x.shape[2], -1)
        for name, x in zip("qkv", (q, k, v))
    }

    def heads_first(out):
        return out.reshape(1, out.shape[1], heads, -1).transpose(0, 2, 1, 3)

    return peers.onnx_peer(
        "onnxruntime",
        "MultiHeadAttention",
        rows,
        rows["q"].shape,
        domain="com.microsoft",
        opset=21,
        attributes={"num_heads": heads, "unidirectional": int(causal)},
        result=heads_first,
    )


def full(work: str, causal: bool, goal: float):
    """Every key, or every key up to the query."""

    def row(queries, width, heads=2, groups=0, element="f32", iree=False) -> Row:
        groups = groups or heads

        def make(rng) -> Case:
            arrays = operands(rng, element, heads, groups, queries, queries, width)
            mask = reference.causal_mask() if causal else None
            others = [sdpa(arrays, causal, goal=goal if queries >= 1000 else None)]
            if element == "f32" and heads == groups:
                others.append(onnx_attention(*arrays, causal))
            if iree:
                others.append(Peer("IREE", lambda: iree_attention.prepare(*arrays)))
            function = compiled(element, heads, groups, width, "causal" if causal else "dense")
            call = ours.bind(function, arrays)
            return Case(call, lambda: expect(*arrays, mask), TOLERANCES[element], others)

        pairs = queries * (queries + 1) / 2 if causal else queries * queries
        size = 4.0 if element == "f32" else 2.0
        heads_text = f"H {heads}" if heads == groups else f"H {heads} G {groups}"
        return Row(
            work,
            f"T {queries}, D {width}, {heads_text}{'' if element == 'f32' else ', ' + element}",
            queries,
            make,
            flops=4.0 * width * heads * pairs,
            read=size * queries * width * (heads + 2 * groups),
            written=size * queries * width * heads,
            arithmetic=element,
        )

    return row


# --- Separators --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=None)
def separators(keys: int) -> np.ndarray:
    return np.random.default_rng(keys).random((1, keys)) < DENSITY


def kept_pairs(ends: np.ndarray) -> int:
    """Pairs of a query and a key that it keeps."""
    keys = ends.shape[-1]
    always = ends[0] | (np.arange(keys) < INITIAL)
    before = np.concatenate([[0], np.cumsum(always)])
    left = np.maximum(np.arange(keys) + 1 - WINDOW, 0)
    return int((before[left] + np.arange(keys) + 1 - left).sum())


def by_gathering(q, k, v, ends, block=256):
    """What a careful user writes: for each block of queries, its columns and a small dense mask."""
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    queries, out = q.shape[2], torch.empty_like(q)
    always = ends[0].clone()
    always[:INITIAL] = True
    columns = torch.nonzero(always).flatten()
    for start in range(0, queries, block):
        stop = min(start + block, queries)
        left = max(0, start - WINDOW + 1)
        index = torch.cat([columns[: torch.searchsorted(columns, left)], torch.arange(left, stop)])
        row = torch.arange(start, stop)[:, None]
        keep = (index <= row) & (always[index] | (row - index < WINDOW))
        out[:, :, start:stop] = attend(q[:, :, start:stop], k[:, :, index], v[:, :, index], attn_mask=keep)
    return out


def with_dense_mask(q, k, v, ends):
    torch = peers.torch()
    place = torch.arange(q.shape[2])
    row, column = place[:, None], place[None]
    keep = (column <= row) & ((column < INITIAL) | ends[0] | (row - column < WINDOW))
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=keep)


def flex(q, k, v, ends):
    """flex_attention with its block mask made ahead of time."""
    torch = peers.torch()
    module = peers.need("torch.nn.attention.flex_attention")
    flags = ends[0]

    def keep(b, h, row, column):
        return (column <= row) & ((column < INITIAL) | flags[column] | (row - column < WINDOW))

    torch._dynamo.reset()
    keys = q.shape[2]
    mask = module.create_block_mask(keep, None, None, keys, keys, device="cpu", BLOCK_SIZE=128)
    attend = torch.compile(module.flex_attention, dynamic=False)
    return lambda: attend(q, k, v, block_mask=mask)


def separator(keys, width=64, heads=8, element="f32", short=0) -> Row:
    def make(rng) -> Case:
        arrays = [*operands(rng, element, heads, heads, keys, keys, width), separators(keys)]

        def prepared(make_call):
            def prepare():
                peers.torch()
                return make_call(*map(peers.tensor, arrays))

            return prepare

        fit = 4096 <= keys <= 16384
        others = [peers.torch_peer("gather + SDPA", by_gathering, arrays, goal=1.7 if fit else None)]
        if keys <= 16384:
            others.append(
                Peer(
                    "flex_attention",
                    prepared(flex),
                    goal=8.0 if fit else None,
                    compiles=True,
                    result=peers.to_numpy,
                )
            )
        if keys <= 4096:
            others.append(Peer("SDPA with mask", prepared(with_dense_mask), result=peers.to_numpy))
        function = compiled(element, heads, heads, width, "separator")
        if short:
            other = [*operands(rng, element, heads, heads, short, short, width), separators(short)]
            shorter = ours.bind(function, other)
            work = kept_pairs(separators(keys)) / kept_pairs(separators(short))
            others.append(Peer("ours, short", lambda: shorter, goal=0.9, work=work, result=None))
        mask = reference.separator_mask(separators(keys), initial=INITIAL, window=WINDOW)
        call = ours.bind(function, arrays)
        return Case(call, lambda: expect(*arrays[:3], mask), TOLERANCES[element], others)

    size = 4.0 if element == "f32" else 2.0
    return Row(
        "separator attention",
        f"T {keys}, D {width}, H {heads}{'' if element == 'f32' else ', ' + element}",
        keys,
        make,
        flops=4.0 * width * heads * kept_pairs(separators(keys)),
        read=3 * size * keys * width * heads,
        written=size * keys * width * heads,
        limit=LONGEST,
        arithmetic=element,
    )


WORKS = [
    Work(
        "dense attention",
        full("dense attention", False, 1.15),
        tiny=[(5, 16), (7, 8, 4, 2)],
        quick=[(1024, 64)],
        full=[(256, 64), (1024, 64, 2, 2, "f32", True), (2048, 64), (4096, 64), (8192, 64)]
        + [(1024, 128), (4096, 128), (1000, 64), (2048, 64, 8, 2), (2048, 64, 2, 2, "bf16")],
        note="One batch row; heads and head size are constants of the function, lengths are free.",
    ),
    Work(
        "causal attention",
        full("causal attention", True, 1.3),
        tiny=[(5, 16), (7, 8, 4, 2)],
        quick=[(1024, 64)],
        full=[(256, 64), (1024, 64), (2048, 64), (4096, 64), (8192, 64)]
        + [(1024, 128), (4096, 128), (1000, 64), (2048, 64, 8, 2), (2048, 64, 2, 2, "bf16")],
    ),
    Work(
        "separator attention",
        separator,
        tiny=[(9, 16, 2), (300, 8, 1)],
        quick=[(1024,)],
        full=[(1024,), (4096,), (4096, 128), (16384,), (4096, 64, 8, "bf16")]
        + [(16384, 64, 1, "f32", 4096), (65536, 64, 1, "f32", 4096), (262144, 64, 1, "f32", 4096)],
        note=f"{INITIAL} initial keys, a window of {WINDOW}, {DENSITY:.0%} separators. "
        "`ours, short` is our own 4096 tokens, counted by kept pairs: 1.0 means that cost is linear in them.",
    ),
]
