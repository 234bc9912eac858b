# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small language model of all five systems that reads a text of any length in constant memory.

1. Embeddings: a table of rows of 4 and 8 bits with a residual, which is also the output head.
2. Attention over the first tokens, the newest separators and a window (SepLLM, arXiv 2412.12094).
3. A memory of constant size (RAM-Net, arXiv 2602.11958).
4. Concepts: experts run only where the hidden state turns (ConceptMoE, arXiv 2601.21420).
5. A deep and narrow feed-forward part (Hourglass, arXiv 2602.06471).

A call takes T tokens, one or many, of which row b has `lengths[b]`, at their `positions`; any split
gives the same. It gives the most probable next `tokens` after each, with their `logits`. All other
inputs before `embedding_codes4` are the state, zeros at the start, and succeeded by `next_...`;
`started` says which rows have had a token. B rows, N entries of the cache.

Written by `python five_systems.py`.
"""

from dataclasses import dataclass

import effattn
import ram_net
import sepllm_decode
from effattn import ops
from hourglass import hourglass_ffn
from layers import Weights, experts, normalize, project, text


@dataclass(frozen=True)
class Config:
    vocabulary: int = 200
    wide_rows: int = 60
    groups: int = 4
    width: int = 32
    experts: int = 4
    chosen: int = 2
    hidden: int = 48
    blocks: int = 3
    narrow: int = 16
    best: int = 4
    attention: sepllm_decode.Config = sepllm_decode.Config(width=32, head_size=8)
    memory: ram_net.Config = ram_net.Config(width=32, value_width=16, base=4)


def embedding_table(weights, config):
    """A table of 4-bit and 8-bit rows, each with a 4-bit residual, as operands of ops."""
    rows, halved = config.vocabulary, (config.width + 1) // 2
    table = (
        weights("codes4", rows - config.wide_rows, halved, element="i8"),
        weights("codes8", config.wide_rows, config.width, element="i8"),
        weights("row_kind", rows, element="bool"),
        weights("row_index", rows, element="i32"),
        weights("scales", rows, config.groups),
    )
    residual = {
        "residual_codes": weights("residual_codes", rows, halved, element="i8"),
        "residual_scales": weights("residual_scales", rows, config.groups),
    }
    return table, residual


def concept_block(x, lengths, last, started, average, weights, config):
    """``x + dechunk(experts(chunk(x)))``, and the next state."""
    query, key = (project(x, weights, f"boundary_{name}", config.width) for name in ("query", "key"))
    p, last = ops.boundary_probability(query, key, prev=last, started=started, lengths=lengths)
    boundaries = ops.boundary_mask(p)
    concepts, _ = ops.chunk(x, boundaries, lengths=lengths)
    concepts = experts(concepts, weights, config.experts, config.chosen, config.hidden)
    x, average = ops.dechunk(concepts, p, boundaries, state=average, residual=x, lengths=lengths)
    return x, last, average


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("five_systems")
    ids = f.input("ids", "i32[B, T]")
    positions = f.input("positions", "i64[B, T]")
    lengths = f.input("lengths", "i32[B]")
    started = f.input("started", "bool[B]")
    cache = sepllm_decode.cache_inputs(f, config.attention)
    memory = f.input("memory", f"f32[B, {config.memory.slots}, {config.memory.value_width}]")
    mass = f.input("mass", f"f32[B, {config.memory.slots}]")
    last = f.input("last", f"f32[B, {config.width}]")
    average = f.input("average", f"f32[B, {config.width}]")
    weights = Weights(f)

    f.comment("1. Embeddings.")
    table, residual = embedding_table(weights.of("embedding"), config)
    x = ops.quantized_embedding(ids, *table, **residual)

    f.comment("2. Attention over what the cache keeps.")
    x, cache = sepllm_decode.separator_attention(
        x, ids, lengths, cache, weights.of("attention"), config.attention
    )

    f.comment("3. Memory.")
    x, memory, mass = ram_net.ram_net_layer(
        x, positions, lengths, memory, mass, weights.of("memory"), config.memory
    )

    f.comment("4. Concepts.")
    x, last, average = concept_block(x, lengths, last, started, average, weights.of("concept"), config)

    f.comment("5. Feed-forward.")
    x = hourglass_ffn(x, weights.of("ffn"), config.blocks, config.narrow)

    f.comment("The table again, as the output head.")
    logits = ops.quantized_matmul(normalize(x, weights, "head_norm"), *table, **residual)
    logits, tokens = ops.top_k(logits, k=config.best)

    f.output(tokens, "tokens")
    f.output(logits, "logits")
    states = {**cache._asdict(), "memory": memory, "mass": mass, "last": last, "average": average}
    for name, state in states.items():
        f.output(state, f"next_{name}")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
