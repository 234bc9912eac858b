# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A block that thinks in concepts (ConceptMoE, arXiv 2601.21420).

A layer over the tokens, then those where the hidden state turns stand for concepts, which are fewer.
The layers with experts run over concepts alone; every token receives the moving average of the
concepts up to its own, on top of its hidden state. In the last layer queries, keys and values come
from the token and its concept together (joint decoding).

B rows, T tokens. `y` is 0 past `lengths`. `loss` draws the share of boundaries to 1 in `ratio`.

Written by `python concept_moe.py`.
"""

from dataclasses import dataclass

import effattn
from effattn import ops
from layers import Weights, causal_attention, experts, project, text


@dataclass(frozen=True)
class Config:
    width: int = 32
    heads: int = 4
    layers: int = 2
    experts: int = 6
    chosen: int = 2
    hidden: int = 48
    ratio: float = 2.0


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("concept_moe")
    x = f.input("x", f"f32[B, T, {config.width}]")
    lengths = f.input("lengths", "i32[B]")
    weights = Weights(f)

    f.comment("Encoder.")
    h = causal_attention(x, weights.of("encoder"), config.heads, lengths)

    f.comment("A boundary is where the query of a token points away from the key before it.")
    query, key = (project(h, weights, f"boundary_{name}", config.width) for name in ("query", "key"))
    p, _ = ops.boundary_probability(query, key, lengths=lengths)
    boundaries = ops.boundary_mask(p)
    concepts, counts = ops.chunk(h, boundaries, lengths=lengths)

    f.comment("The model of the concepts.")
    for i in range(config.layers):
        layer = weights.of(f"concept_{i}")
        concepts = causal_attention(concepts, layer.of("attention"), config.heads, counts)
        concepts = experts(
            concepts, layer.of("experts"), config.experts, config.chosen, config.hidden
        )

    f.comment("Back to tokens: z = h + e, and e by itself for the layer that decodes jointly.")
    z, _ = ops.dechunk(concepts, p, boundaries, residual=h, lengths=lengths)
    e, _ = ops.dechunk(concepts, p, boundaries, lengths=lengths)
    f.output(causal_attention(z, weights.of("decoder"), config.heads, lengths, concepts=e), "y")
    f.output(ops.ratio_loss(p, boundaries, ratio=config.ratio, lengths=lengths), "loss")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
