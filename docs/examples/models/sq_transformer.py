# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A layer that attends by structure (SQ-Transformer, arXiv 2402.06492).

Words that play the same part share a code: the nearest row of a codebook. Which token attends to
which is decided by the codes and by relative positions alone, and the values that are averaged are
those of the words and those of their codes. So there are two streams, `words` and `structure`, which
go through the same weights.

B rows, T tokens, attended to from both sides; those past `lengths` are not attended to.

Written by `python sq_transformer.py`.
"""

from dataclasses import dataclass

import effattn
from effattn import ops
from layers import Weights, text


@dataclass(frozen=True)
class Config:
    width: int = 32
    heads: int = 4
    codes: int = 12
    reach: int = 5
    hidden: int = 48


def systematic_attention(words, structure, lengths, weights, config):
    """Both streams after one attention layer: one softmax, from the structure alone."""
    width, size = config.width, config.width // config.heads
    norm = weights("norm", width)
    to_query, to_key, to_value = (weights(f"to_{name}", width, width) for name in ("query", "key", "value"))

    word_rows, rows = ops.rms_norm(words, norm), ops.rms_norm(structure, norm)
    q, k = (rows @ to_query).split_heads(config.heads), (rows @ to_key).split_heads(config.heads)
    v, v2 = (word_rows @ to_value).split_heads(config.heads), (rows @ to_value).split_heads(config.heads)
    out, out2 = ops.systematic_attention(
        q,
        k,
        v,
        v2,
        mask=ops.length_mask(lengths),
        relative_keys=weights("relative_keys", 2 * config.reach + 1, size),
        relative_values=weights("relative_values", 2 * config.reach + 1, size),
    )
    to_output = weights("to_output", width, width)
    return words + out.merge_heads() @ to_output, structure + out2.merge_heads() @ to_output


def systematic_ffn(words, structure, weights, config):
    """Both streams after one gated layer."""
    norm = weights("norm", config.width)
    gate, up = (weights(name, config.width, config.hidden) for name in ("gate", "up"))
    down = weights("down", config.hidden, config.width)

    def apply(x):
        return x + ops.gated_ffn(ops.rms_norm(x, norm), gate, up, down)

    return apply(words), apply(structure)


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("sq_transformer")
    words = f.input("words", f"f32[B, T, {config.width}]")
    lengths = f.input("lengths", "i32[B]")
    weights = Weights(f)

    f.comment("The structure of a sentence: its words by the nearest code.")
    codes, structure = ops.vector_quantize(words, weights("codebook", config.codes, config.width))
    f.comment("Attention.")
    words, structure = systematic_attention(words, structure, lengths, weights.of("attention"), config)
    f.comment("Feed-forward.")
    words, structure = systematic_ffn(words, structure, weights.of("ffn"), config)
    f.output(words, "next_words")
    f.output(structure, "next_structure")
    f.output(codes, "codes")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
