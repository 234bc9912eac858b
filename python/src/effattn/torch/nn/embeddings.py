# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compressed embedding tables, which may be the output head, too."""

from __future__ import annotations

import math
from typing import Dict, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

import effattn.torch as F
from effattn.error import Error


class TensorTrainEmbedding(nn.Module):
    """A table that is a product of small cores (TensorGPT, arXiv 2307.00526).

    Args:
        rows, columns: the sizes whose products are the rows and columns of the table.
        ranks: between the cores, one less than there are.
        vocabulary: ids, at most the product of ``rows``, which it is when absent.
    """

    def __init__(
        self,
        rows: Sequence[int],
        columns: Sequence[int],
        ranks: Sequence[int],
        vocabulary: Optional[int] = None,
    ):
        super().__init__()
        if not len(rows) == len(columns) == len(ranks) + 1:
            raise Error(
                f"expected as many rows as columns and one rank less, but got {len(rows)}, {len(columns)} "
                f"and {len(ranks)}"
            )
        self.vocabulary = math.prod(rows) if vocabulary is None else vocabulary
        self.width = math.prod(columns)
        bonds = (1, *ranks, 1)
        # Entries of the table are sums of as many products as the ranks' product.
        scale = math.prod(ranks) ** (-0.5 / len(rows))
        self.cores = nn.ParameterList(
            nn.Parameter(scale * torch.randn(bonds[i], n, m, bonds[i + 1]))
            for i, (n, m) in enumerate(zip(rows, columns))
        )

    def forward(self, ids: Tensor) -> Tensor:
        return F.tensor_train_embedding(ids, *self.cores, vocabulary=self.vocabulary)

    def logits(self, x: Tensor) -> Tensor:
        """``[.., C]`` to ``[.., V]``: products with every row of the table."""
        return x @ self(torch.arange(self.vocabulary, device=x.device)).transpose(0, 1)


class LowRankEmbedding(nn.Module):
    """A table with changes of low rank for each of some domains (LoRA, arXiv 2106.09685)."""

    def __init__(self, vocabulary: int, width: int, domains: int, rank: int, alpha: float = 1.0):
        super().__init__()
        self.alpha = alpha
        self.table = nn.Parameter(torch.randn(vocabulary, width))
        self.a = nn.Parameter(torch.randn(domains, vocabulary, rank))
        self.b = nn.Parameter(torch.zeros(domains, rank, width))

    def forward(self, ids: Tensor, weights: Optional[Tensor] = None) -> Tensor:
        """``weights``, ``[Dn]`` or ``[B, Dn]``, say how much of each domain's changes there is."""
        return F.lora_embedding(ids, self.table, self.a, self.b, weights=weights, alpha=self.alpha)


class SplitEmbedding(nn.Module):
    """A part that many ids share, and a part of each id's own.

    Args:
        rows: of the shared table and of the other.
        widths: of both.
        maps: for every id its row of a table, ``[V]``; the id itself where one is absent.
        combine: "add" or "concat".
    """

    def __init__(
        self,
        rows: Tuple[int, int],
        widths: Tuple[int, int],
        maps: Tuple[Optional[Tensor], Optional[Tensor]] = (None, None),
        combine: str = "add",
    ):
        super().__init__()
        self.combine = combine
        self.invariant = nn.Parameter(torch.randn(rows[0], widths[0]))
        self.variant = nn.Parameter(torch.randn(rows[1], widths[1]))
        self.register_buffer("invariant_map", maps[0])
        self.register_buffer("variant_map", maps[1])

    def forward(self, ids: Tensor) -> Tensor:
        return F.split_embedding(
            ids,
            self.invariant,
            self.variant,
            invariant_map=self.invariant_map,
            variant_map=self.variant_map,
            combine=self.combine,
        )


class QuantizedEmbedding(nn.Module):
    """A table of rows of 4 and 8 bits, which is not trained.

    Args:
        operands: those of ``quantized_embedding`` by name, as ``effattn.compress`` makes them.
    """

    def __init__(self, operands: Mapping[str, Tensor]):
        super().__init__()
        self.names = tuple(operands)
        for name, value in operands.items():
            value = torch.as_tensor(value)
            self.register_buffer(name, value.view(torch.int8) if value.dtype == torch.uint8 else value)

    def operands(self) -> Dict[str, Tensor]:
        return {name: getattr(self, name) for name in self.names}

    def forward(self, ids: Tensor) -> Tensor:
        return F.quantized_embedding(ids, **self.operands())

    def logits(self, x: Tensor) -> Tensor:
        """``[.., C]`` to ``[.., V]``: products with every row of the table."""
        return F.quantized_matmul(x, **self.operands())
