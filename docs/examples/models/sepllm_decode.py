# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A decoding step over a cache that stays small (SepLLM, arXiv 2412.12094).

A layer of attention and a gated feed-forward part. Of the past the cache holds the first tokens, the
newest separators and a window; once it is full, all others leave it. The place of an entry in the
cache is its position, so streams may be of any length.

A step takes T tokens, one or many, of which row b has `lengths[b]`; any split gives the same. The
state is keys, values, flags, length and separator_end, all zeros at the start; the results
`next_...` may be put into the same memory. B rows, N entries of the cache, at least one more than its
capacity.

Written by `python sepllm_decode.py`.
"""

from dataclasses import dataclass
from typing import Tuple

import effattn
from effattn import ops
from effattn.ops import SeparatorCache
from layers import Weights, gated, normalize, project, text


@dataclass(frozen=True)
class Config:
    width: int = 64
    heads: int = 4
    key_heads: int = 2
    head_size: int = 16
    hidden: int = 96
    separator_ids: Tuple[int, ...] = (11, 13, 30, 198)
    initial: int = 2
    separators: int = 4
    window: int = 6
    capacity: int = 16


def cache_inputs(f, config):
    """The state as inputs of a function."""
    entries = f"B, {config.key_heads}, N, {config.head_size}"
    return SeparatorCache(
        keys=f.input("keys", f"f32[{entries}]"),
        values=f.input("values", f"f32[{entries}]"),
        flags=f.input("flags", "bool[B, N]"),
        length=f.input("length", "i32[B]"),
        separator_end=f.input("separator_end", "i32[B]"),
    )


def separator_attention(x, ids, lengths, cache, weights, config):
    """``x + attention(norm(x))`` over the cache, and the next cache."""
    rows = normalize(x, weights)

    def split(name, heads):
        return project(rows, weights, name, heads * config.head_size).split_heads(heads)

    q = split("to_query", config.heads)
    k, v = split("to_key", config.key_heads), split("to_value", config.key_heads)
    cache, out = ops.separator_cache_update(
        cache,
        k,
        v,
        ops.separator_positions(ids, separators=config.separator_ids),
        q=q,
        lengths=lengths,
        initial=config.initial,
        separators=config.separators,
        window=config.window,
        capacity=config.capacity,
        when="after_attention",
    )
    return x + project(out.merge_heads(), weights, "to_output", x.shape[-1]), cache


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("sepllm_decode")
    x = f.input("x", f"f32[B, T, {config.width}]")
    ids = f.input("ids", "i32[B, T]")
    lengths = f.input("lengths", "i32[B]")
    cache = cache_inputs(f, config)
    weights = Weights(f)

    f.comment("Attention over what the cache keeps.")
    x, cache = separator_attention(x, ids, lengths, cache, weights.of("attention"), config)
    f.comment("Feed-forward.")
    f.output(gated(x, weights.of("ffn"), config.hidden), "y")
    for name, state in cache._asdict().items():
        f.output(state, f"next_{name}")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
