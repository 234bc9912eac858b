# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sizes of a Gemma 3 model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Tuple

from effattn.error import Error


@dataclass(frozen=True)
class Config:
    """Sizes and constants of a model.

    Attributes:
        vocabulary: ids.
        width: columns of a token's row between layers.
        layers: how many there are.
        heads, key_heads, head_size: of attention.
        hidden: columns of the feed-forward part.
        context: tokens of the longest text it was trained on.
        window: tokens that a window layer attends to, the token itself among them.
        full_every: each so manieth layer attends to all tokens, the others to a window.
        epsilon: of the norms.
        rope_base, rope_scaling: of the positions in full layers.
        window_rope_base: of those in window layers.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    key_heads: int
    head_size: int
    hidden: int
    context: int
    window: int
    full_every: int = 6
    epsilon: float = 1e-6
    rope_base: float = 1e6
    rope_scaling: float = 1.0
    window_rope_base: float = 1e4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise Error(f"expected the model's {field.name} to be above 0, but got {value}")
        if self.heads % self.key_heads:
            found = f"{self.key_heads} and {self.heads}"
            raise Error(f"expected the model's key heads to divide its heads, but got {found}")
        if self.head_size % 2:
            raise Error(f"expected the model's head size to be even, but got {self.head_size}")

    def is_full(self, layer: int) -> bool:
        """Whether a layer attends to all tokens."""
        return layer % self.full_every == self.full_every - 1

    @property
    def full_layers(self) -> Tuple[int, ...]:
        return tuple(layer for layer in range(self.layers) if self.is_full(layer))

    @property
    def window_layers(self) -> Tuple[int, ...]:
        return tuple(layer for layer in range(self.layers) if not self.is_full(layer))
