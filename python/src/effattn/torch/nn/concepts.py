# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tokens merged into concepts, and concepts handed back to tokens."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional

import torch
from torch import Tensor, nn

import effattn.torch as F

Inner = Callable[[Tensor, Tensor], Tensor]
"""Takes concepts ``[B, N, C]`` and how many each row has, ``[B]``; gives concepts."""


class ConceptPast(NamedTuple):
    """What earlier rows leave to later ones; zeros at the start."""

    key: Tensor
    """Of the last row, ``[B, C]``."""
    average: Tensor
    """What the last row was given of concepts, ``[B, C]``."""
    seen: Tensor
    """How many rows there were, ``[B]``."""


class Concepts(NamedTuple):
    """What became of tokens, and what ``ratio_loss`` asks for."""

    tokens: Tensor
    """The rows with their concepts added, ``[B, T, C]``."""
    concepts: Tensor
    """The concept of every token alone, ``[B, T, C]``."""
    p: Tensor
    """How probable a boundary was, ``[B, T]``."""
    boundaries: Tensor
    """Where a concept begins, ``[B, T]``."""
    past: ConceptPast
    """What rows behind these take."""


class ConceptStage(nn.Module):
    """Concepts begin where the hidden state turns (ConceptMoE, arXiv 2601.21420).

    Args:
        width: columns of the rows.
        jitter: whether boundaries are drawn while training, by the probabilities sharpened.
    """

    def __init__(self, width: int, jitter: bool = False):
        super().__init__()
        self.jitter = jitter
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        # At the start a boundary is where the rows themselves turn.
        for linear in (self.query, self.key):
            nn.init.eye_(linear.weight)

    def start(self, batch: int) -> ConceptPast:
        """What the first rows take."""
        weight = self.key.weight
        rows = (weight.new_zeros(batch, len(weight)) for _ in range(2))
        return ConceptPast(*rows, torch.zeros(batch, dtype=torch.int64))

    def forward(
        self,
        h: Tensor,
        inner: Inner,
        *,
        past: Optional[ConceptPast] = None,
        lengths: Optional[Tensor] = None,
    ) -> Concepts:
        """Rows ``[B, T, C]``, of whose concepts ``inner`` makes other ones; ``past`` is of rows before."""
        before, average, seen = (None, None, None) if past is None else past
        started = None if seen is None else seen > 0
        p, key = F.boundary_probability(
            self.query(h), self.key(h), prev=before, started=started, lengths=lengths
        )
        uniforms = torch.rand_like(p) if self.training and self.jitter else None
        boundaries = F.boundary_mask(p, uniforms=uniforms)
        concepts, counts = F.chunk(h, boundaries, lengths=lengths)
        concepts = inner(concepts, counts)
        tokens, _ = F.dechunk(concepts, p, boundaries, state=average, residual=h, lengths=lengths)
        alone, average = F.dechunk(concepts, p, boundaries, state=average, lengths=lengths)
        if seen is None:
            seen = torch.zeros(h.shape[0], dtype=torch.int64, device=h.device)
        seen = seen + (h.shape[1] if lengths is None else lengths)
        return Concepts(tokens, alone, p, boundaries, ConceptPast(key, average, seen))
