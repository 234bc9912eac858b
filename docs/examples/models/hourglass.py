# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A transformer layer whose feed-forward part is deep and narrow (Hourglass, arXiv 2602.06471).

Causal attention with rotary positions, then gated layers one after another, each with a residual of
its own and half as wide inside as outside.

B rows, T tokens. Tokens past `lengths` are not attended to.

Written by `python hourglass.py`.
"""

from dataclasses import dataclass

import effattn
from effattn import ops
from layers import Weights, causal_attention, text


@dataclass(frozen=True)
class Config:
    width: int = 64
    heads: int = 4
    blocks: int = 4
    narrow: int = 32


def hourglass_ffn(x, weights, blocks, narrow):
    """``blocks`` times ``x += gated_ffn(norm(x))``, each through ``narrow`` columns."""
    width = x.shape[-1]
    return ops.hourglass_ffn(
        x,
        weights("norm", blocks, width),
        weights("gate", blocks, width, narrow),
        weights("up", blocks, width, narrow),
        weights("down", blocks, narrow, width),
    )


def build(config: Config = Config()) -> effattn.Module:
    module = effattn.Module()
    f = module.function("hourglass")
    x = f.input("x", f"f32[B, T, {config.width}]")
    positions = f.input("positions", "i64[B, T]")
    lengths = f.input("lengths", "i32[B]")
    weights = Weights(f)

    f.comment("Attention.")
    x = causal_attention(x, weights.of("attention"), config.heads, lengths, positions=positions)
    f.comment("Narrow layers, one after another.")
    f.output(hourglass_ffn(x, weights.of("ffn"), config.blocks, config.narrow), "y")
    return module


if __name__ == "__main__":
    print(text(__doc__, build()), end="")
