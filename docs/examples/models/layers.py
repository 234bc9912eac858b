# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the models share: their weights, projections and attention layers, and how they are printed."""

from __future__ import annotations

from typing import Any, Optional

import effattn
from effattn import Tensor, ops


class Weights:
    """The weights of a function: inputs, in the order in which the model asks for them.

    ``weights("norm", 64)`` is the input ``norm`` of type ``f32[64]``, and in the weights of a layer,
    ``weights.of("encoder")``, the input ``encoder_norm``. Their sizes are numbers, all others are names.
    """

    def __init__(self, function: Any, prefix: str = ""):
        self.function, self.prefix = function, prefix

    def __call__(self, name: str, *shape: int, element: str = "f32") -> Tensor:
        return self.function.input(self.prefix + name, f"{element}[{', '.join(map(str, shape))}]")

    def of(self, layer: str) -> "Weights":
        return Weights(self.function, f"{self.prefix}{layer}_")


def project(rows: Tensor, weights: Weights, name: str, width: int) -> Tensor:
    """``rows W`` with a weight of the name."""
    return rows @ weights(name, rows.shape[-1], width)


def normalize(x: Tensor, weights: Weights, name: str = "norm") -> Tensor:
    return ops.rms_norm(x, weights(name, x.shape[-1]))


def causal_attention(
    x: Tensor,
    weights: Weights,
    heads: int,
    lengths: Tensor,
    *,
    concepts: Optional[Tensor] = None,
    positions: Optional[Tensor] = None,
) -> Tensor:
    """``x + attention(norm(x))``, each row of the batch up to its length.

    With ``concepts``, one for every token, queries, keys and values are ``W h + W_c e`` (joint
    decoding). With ``positions`` queries and keys are turned by them.
    """
    width, rows = x.shape[-1], normalize(x, weights)

    def split(name: str) -> Tensor:
        mixed = project(rows, weights, name, width)
        if concepts is not None:
            mixed = mixed + project(concepts, weights, f"{name}_concept", width)
        return mixed.split_heads(heads)

    q, k, v = split("to_query"), split("to_key"), split("to_value")
    if positions is not None:
        q, k = ops.rotary_embedding(q, positions), ops.rotary_embedding(k, positions)
    out = ops.attention(q, k, v, mask=ops.causal_mask(), lengths=lengths, key_lengths=lengths)
    return x + project(out.merge_heads(), weights, "to_output", width)


def gated(x: Tensor, weights: Weights, hidden: int) -> Tensor:
    """``x + gated_ffn(norm(x))``."""
    width = x.shape[-1]
    return x + ops.gated_ffn(
        normalize(x, weights),
        weights("gate", width, hidden),
        weights("up", width, hidden),
        weights("down", hidden, width),
    )


def experts(x: Tensor, weights: Weights, count: int, chosen: int, hidden: int) -> Tensor:
    """``x`` and what the chosen experts of every row make of ``norm(x)``."""
    width, rows = x.shape[-1], normalize(x, weights)
    gates, indices, _ = ops.moe_route(rows, weights("router", width, count), k=chosen)
    return x + ops.moe_ffn(
        rows,
        gates,
        indices,
        weights("gate", count, width, hidden),
        weights("up", count, width, hidden),
        weights("down", count, hidden, width),
    )


def text(about: str, module: effattn.Module) -> str:
    """The module as a file, headed by what it is about."""
    heading = "".join(f"// {line}".rstrip() + "\n" for line in about.strip().splitlines())
    return f"{heading}\n{module}"
