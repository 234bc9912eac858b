# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention layers."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

import effattn.torch as F
from effattn.error import Error
from effattn.ops import Mask


class Attention(nn.Module):
    """Attention over the keys that a mask keeps, with positions that turn queries and keys.

    Args:
        width: columns of the rows.
        heads, key_heads: key_heads divides heads, which it is when absent.
        joint: whether queries, keys and values are made of the rows and of a concept for each
            (ConceptMoE, arXiv 2601.21420).
        base: of the angles of positions.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_heads: Optional[int] = None,
        *,
        joint: bool = False,
        base: float = 10000.0,
    ):
        super().__init__()
        key_heads = heads if key_heads is None else key_heads
        if heads < 1 or width % heads or key_heads < 1 or heads % key_heads:
            raise Error(
                "expected heads to divide width and key_heads to divide heads, "
                f"but got {width}, {heads} and {key_heads}"
            )
        self.heads, self.key_heads, self.size, self.base = heads, key_heads, width // heads, base
        columns = self.size * (heads + 2 * key_heads)
        self.mix = nn.Linear(width, columns, bias=False)
        self.mix_concepts = nn.Linear(width, columns, bias=False) if joint else None
        self.output = nn.Linear(width, width, bias=False)

    def forward(
        self,
        x: Tensor,
        mask: Optional[Mask],
        *,
        concepts: Optional[Tensor] = None,
        positions: Optional[Tensor] = None,
        lengths: Optional[Tensor] = None,
    ) -> Tensor:
        """The rows ``[B, T, C]``, at ``positions [B, T]``, 0, 1, ... when absent; 0 past ``lengths``."""
        batch, tokens, _ = x.shape
        mixed = self.mix(x)
        if self.mix_concepts is not None and concepts is not None:
            mixed = mixed + self.mix_concepts(concepts)
        heads = mixed.view(batch, tokens, self.heads + 2 * self.key_heads, self.size).transpose(1, 2)
        q, k, v = heads.split([self.heads, self.key_heads, self.key_heads], dim=1)
        if positions is None:
            positions = torch.arange(tokens, device=x.device).expand(batch, tokens)
        q = F.rotary_embedding(q, positions, base=self.base)
        k = F.rotary_embedding(k, positions, base=self.base)
        out = F.attention(q, k, v, mask=mask, lengths=lengths, key_lengths=lengths)
        return self.output(out.transpose(1, 2).reshape(batch, tokens, self.heads * self.size))


class SeparatorAttention(Attention):
    """Attention over the first keys, the separators and a window (SepLLM, arXiv 2412.12094)."""

    def __init__(
        self,
        width: int,
        heads: int,
        key_heads: Optional[int] = None,
        *,
        initial: int,
        window: int,
        joint: bool = False,
        base: float = 10000.0,
    ):
        super().__init__(width, heads, key_heads, joint=joint, base=base)
        self.initial, self.window = initial, window

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        is_separator: Tensor,
        *,
        concepts: Optional[Tensor] = None,
        positions: Optional[Tensor] = None,
        lengths: Optional[Tensor] = None,
    ) -> Tensor:
        """As of attention; ``is_separator [B, T]`` says which rows all later ones attend to."""
        mask = F.separator_mask(is_separator, initial=self.initial, window=self.window)
        return super().forward(x, mask, concepts=concepts, positions=positions, lengths=lengths)
