# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over the keys that a mask keeps, of one stream of values or two, and its merging."""

from __future__ import annotations

import math
from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from effattn.reference.operands import refuse
from effattn.torch.masks import unpack
from effattn.torch.reference.masks import Grid, keep
from effattn.torch.reference.operands import row_lengths, valid_tokens, wide


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask_operands: Sequence[Tensor],
    mask: Optional[str] = None,
    lengths: Optional[Tensor] = None,
    key_lengths: Optional[Tensor] = None,
    key_positions: Optional[Tensor] = None,
    offset: Optional[Tensor] = None,
    scale: Optional[float] = None,
    softcap: Optional[float] = None,
    slopes: Optional[Tensor] = None,
) -> Tuple[Tensor, Tensor]:
    op, (batch, heads, queries, _), keys = "attention", q.shape, k.shape[2]
    row_counts = row_lengths(op, "lengths", lengths, batch, queries, q)
    key_counts = row_lengths(op, "key_lengths", key_lengths, batch, keys, q)
    if offset is None:
        offset = key_counts - (queries if key_lengths is None or lengths is None else row_counts)
    if key_positions is None:
        key_positions = torch.arange(keys, device=q.device).expand(batch, keys)
    grid = Grid.create(offset, batch, queries, key_positions)
    present = valid_tokens(key_counts, keys) & (key_positions != -1)
    kept = present[:, None, None, :] & valid_tokens(row_counts, queries)[:, None, :, None]
    if mask is not None:
        kept = kept & keep(unpack(mask, mask_operands), grid)

    scores = _products(op, q, k) * _scale(q, scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if slopes is not None:
        distances = (grid.keys - grid.queries).to(scores.dtype)
        scores = scores + slopes[:, None, None] * distances
    weights, lse = _softmax(scores, kept.expand_as(scores))
    return _average(weights, kept, v).to(q.dtype), lse


def _scale(q: Tensor, scale: Optional[float]) -> float:
    return max(q.shape[-1], 1) ** -0.5 if scale is None else scale


def _products(op: str, q: Tensor, k: Tensor) -> Tensor:
    """Products of every query with every key of its head, ``[B, H, T, S]``."""
    heads, groups = q.shape[1], k.shape[1]
    if heads and (groups == 0 or heads % groups):
        raise refuse(
            op, f"expected key heads (dim 1) to divide query heads (dim 1), but got {groups} and {heads}"
        )
    return wide(q) @ _by_query_head(wide(k), heads).transpose(2, 3)


def _by_query_head(x: Tensor, heads: int) -> Tensor:
    """``[B, G, S, D]`` to ``[B, H, S, D]``."""
    groups = x.shape[1]
    return x if groups == heads else x.repeat_interleave(heads // max(groups, 1), dim=1)


def _softmax(scores: Tensor, kept: Tensor) -> Tuple[Tensor, Tensor]:
    """Shares of the kept keys, and the log of the sum of exponentials; 0 and -inf where no key is kept."""
    if not scores.shape[-1]:
        return scores, scores.new_full(scores.shape[:-1], -math.inf)
    scores = scores.masked_fill(~kept, -math.inf)
    shares, largest = scores.softmax(-1), scores.amax(-1)
    # The largest share is 1 over the sum of exponentials.
    lse = largest - shares.amax(-1).log()
    empty = largest == -math.inf
    if bool(empty.any()):
        shares = shares.masked_fill(empty[..., None], 0.0)
        lse = lse.masked_fill(empty, -math.inf)
    return shares, lse


def _average(weights: Tensor, kept: Tensor, v: Tensor) -> Tensor:
    """Values by their shares; what is no number reaches the rows alone that keep it."""
    values = _by_query_head(wide(v), weights.shape[1])
    finite = values.isfinite()
    out = weights @ torch.where(finite, values, 0.0)
    if bool(finite.all()):
        return out
    strange = torch.where(finite, 0.0, values)[:, :, None]
    shares = torch.where(kept[..., None], weights[..., None] * strange, 0.0)
    return out + shares.sum(3)


def merge_attention(out1: Tensor, lse1: Tensor, out2: Tensor, lse2: Tensor) -> Tuple[Tensor, Tensor]:
    largest = torch.maximum(lse1, lse2).detach()
    empty = largest == -math.inf
    base = torch.where(empty, 0.0, largest)
    weights = [torch.where(lse == -math.inf, 0.0, (lse - base).exp()) for lse in (lse1, lse2)]
    total = torch.where(empty, 1.0, weights[0] + weights[1])
    lse = torch.where(empty, -math.inf, base + total.log())
    parts = [
        torch.where((part_lse == -math.inf)[..., None], 0.0, (weight / total)[..., None] * wide(part))
        for part, part_lse, weight in ((out1, lse1, weights[0]), (out2, lse2, weights[1]))
    ]
    return (parts[0] + parts[1]).to(out1.dtype), lse


def systematic_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    v2: Tensor,
    mask_operands: Sequence[Tensor],
    mask: Optional[str] = None,
    relative_keys: Optional[Tensor] = None,
    relative_values: Optional[Tensor] = None,
    scale: Optional[float] = None,
) -> Tuple[Tensor, Tensor]:
    op, (batch, heads, queries, _), keys = "systematic_attention", q.shape, k.shape[2]
    tables = [table for table in (relative_keys, relative_values) if table is not None]
    if tables and len(tables[0]) % 2 == 0:
        raise refuse(
            op, f"expected relative tables to have an odd number of rows (dim 0), but got {len(tables[0])}"
        )
    positions = torch.arange(keys, device=q.device)
    offset = torch.tensor(keys - queries, device=q.device)
    grid = Grid.create(offset, batch, queries, positions.expand(batch, keys))
    kept = torch.ones(batch, heads, queries, keys, dtype=torch.bool, device=q.device)
    if mask is not None:
        kept = kept & keep(unpack(mask, mask_operands), grid)
    scores = _products(op, q, k)
    if tables:
        reach = len(tables[0]) // 2
        rows = torch.arange(queries, device=q.device)[:, None] + (keys - queries)
        near = (positions - rows).clamp(-reach, reach) + reach
    if relative_keys is not None:
        scores = scores + torch.einsum("bhtd,tsd->bhts", wide(q), wide(relative_keys)[near])
    weights, _ = _softmax(scores * _scale(q, scale), kept)
    outs = [_average(weights, kept, values) for values in (v, v2)]
    if relative_values is not None:
        added = torch.einsum("bhts,tse->bhte", weights, wide(relative_values)[near])
        outs = [out + added for out in outs]
    return outs[0].to(q.dtype), outs[1].to(q.dtype)
