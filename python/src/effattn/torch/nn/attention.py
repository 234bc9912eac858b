# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention layers."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

import effattn.torch as F
from effattn.error import Error
from effattn.ops import Mask, SeparatorCache


class KVCache(NamedTuple):
    """Keys and values of earlier rows, ``[B, G, N, D]``, of which row b has ``length[b]``."""

    keys: Tensor
    values: Tensor
    length: Tensor


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
        if positions is None:
            positions = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
        q, k, v = self._heads(x, positions, concepts)
        out = F.attention(q, k, v, mask=mask, lengths=lengths, key_lengths=lengths)
        return self._join(out)

    def start(self, batch: int, entries: int) -> KVCache:
        """A cache with room for so many rows, which holds none."""
        return KVCache(*self._entries(batch, entries), torch.zeros(batch, dtype=torch.int64))

    def step(
        self,
        x: Tensor,
        cache: KVCache,
        *,
        concepts: Optional[Tensor] = None,
        lengths: Optional[Tensor] = None,
    ) -> Tuple[Tensor, KVCache]:
        """Causal attention of rows ``[B, T, C]`` to themselves and those of a cache, which takes them."""
        positions = cache.length[:, None] + torch.arange(x.shape[1], device=x.device)
        q, k, v = self._heads(x, positions, concepts)
        cache = KVCache(*F.kv_cache_append(*cache, k, v, lengths=lengths))
        out = F.attention(
            q, cache.keys, cache.values, mask=F.causal_mask(), lengths=lengths, key_lengths=cache.length
        )
        return self._join(out), cache

    def _entries(self, batch: int, entries: int) -> Tuple[Tensor, Tensor]:
        """Keys and values of a cache that holds none."""
        weight, shape = self.mix.weight, (batch, self.key_heads, entries, self.size)
        return weight.new_zeros(shape), weight.new_zeros(shape)

    def _heads(
        self, x: Tensor, positions: Tensor, concepts: Optional[Tensor]
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """Queries and keys, turned by their positions, and values."""
        batch, tokens, _ = x.shape
        mixed = self.mix(x)
        if self.mix_concepts is not None and concepts is not None:
            mixed = mixed + self.mix_concepts(concepts)
        heads = mixed.view(batch, tokens, self.heads + 2 * self.key_heads, self.size).transpose(1, 2)
        q, k, v = heads.split([self.heads, self.key_heads, self.key_heads], dim=1)
        q = F.rotary_embedding(q, positions, base=self.base)
        return q, F.rotary_embedding(k, positions, base=self.base), v

    def _join(self, out: Tensor) -> Tensor:
        """The rows that heads ``[B, H, T, D]`` make up."""
        batch, _, tokens, _ = out.shape
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

    def start(self, batch: int, entries: int) -> SeparatorCache:  # type: ignore[override]
        """A cache of so many entries, which holds none."""
        flags = torch.zeros(batch, entries, dtype=torch.bool)
        counts = (torch.zeros(batch, dtype=torch.int64) for _ in range(2))
        return SeparatorCache(*self._entries(batch, entries), flags, *counts)

    def step(  # type: ignore[override]
        self,
        x: Tensor,
        is_separator: Tensor,
        cache: SeparatorCache,
        *,
        positions: Tensor,
        separators: int,
        capacity: int,
        concepts: Optional[Tensor] = None,
    ) -> Tuple[Tensor, SeparatorCache]:
        """Attention of rows ``[B, T, C]`` to themselves and those of a cache, which takes them.

        The same as of the whole as long as there are no more than ``separators`` that are neither among
        the first nor in the window: of more the cache keeps the newest. Before the next step it holds at
        most ``capacity`` entries, and it has room for those of a step.
        """
        layout = {
            "initial": self.initial,
            "separators": separators,
            "window": self.window,
            "capacity": capacity,
            "when": "after_attention",
        }
        q, k, v = self._heads(x, positions, concepts)
        cache = F.separator_cache_append(cache, k, v, is_separator, **layout)
        # What is in the window has no gaps, so a distance of entries there is one of rows.
        mask = F.separator_mask(cache.flags, initial=self.initial, window=self.window)
        out = F.attention(q, cache.keys, cache.values, mask=mask, key_lengths=cache.length)
        return self._join(out), F.separator_cache_compact(cache, **layout)
