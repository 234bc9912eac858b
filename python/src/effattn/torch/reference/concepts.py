# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Concepts: finding boundaries, merging tokens into concepts and mapping concepts back."""

from __future__ import annotations

from typing import Optional, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from effattn.reference.operands import refuse
from effattn.torch.reference.operands import row_lengths, valid_tokens, wide
from effattn.torch.reference.scan import recurrence


def boundary_probability(
    q: Tensor,
    k: Tensor,
    prev: Optional[Tensor] = None,
    started: Optional[Tensor] = None,
    sequence_ids: Optional[Tensor] = None,
    lengths: Optional[Tensor] = None,
    pairing: str = "current_query",
) -> Tuple[Tensor, Tensor]:
    batch, tokens, width = q.shape
    lengths = row_lengths("boundary_probability", "lengths", lengths, batch, tokens, q)
    earlier, current = (k, q) if pairing == "current_query" else (q, k)
    before = prev if prev is not None else earlier.new_zeros(batch, width)
    neighbours = torch.cat([before[:, None], earlier], dim=1)[:, :tokens]
    cosine = (F.normalize(wide(neighbours), dim=-1) * F.normalize(wide(current), dim=-1)).sum(-1)
    p = ((1.0 - cosine) / 2.0).clamp(0.0, 1.0)

    is_first = torch.zeros(batch, tokens, dtype=torch.bool, device=q.device)
    if prev is None:
        is_first[:, :1] = True
    elif started is not None:
        is_first[:, :1] = ~started.bool()[:, None]
    if sequence_ids is not None:
        is_first[:, 1:] |= sequence_ids[:, 1:] != sequence_ids[:, :-1]
    p = torch.where(is_first, 1.0, p)
    p = torch.where(valid_tokens(lengths, tokens), p, 0.0)

    rows = torch.cat([before[:, None], earlier], dim=1)
    return p, rows[torch.arange(batch, device=q.device), lengths]


def boundary_mask(
    p: Tensor, uniforms: Optional[Tensor] = None, threshold: float = 0.5, strict: bool = False
) -> Tensor:
    if uniforms is not None:
        return uniforms < torch.where(p > 0.5, p ** (1 / 6), 1.0 - (1.0 - p) ** (1 / 6))
    return p > threshold if strict else p >= threshold


def boundary_count(mask: Tensor, lengths: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    batch, tokens = mask.shape
    lengths = row_lengths("boundary_count", "lengths", lengths, batch, tokens, mask)
    counts = (mask.bool() & valid_tokens(lengths, tokens)).sum(1)
    largest = counts.max() if batch else counts.new_zeros(())
    return counts.int(), largest.int()


def chunk(
    h: Tensor,
    mask: Tensor,
    lengths: Optional[Tensor] = None,
    capacity: Optional[int] = None,
    overflow: str = "error",
) -> Tuple[Tensor, Tensor]:
    batch, tokens, width = h.shape
    counts, largest = boundary_count(mask, lengths)
    size = int(largest) if capacity is None else capacity
    if overflow == "error" and int(largest) > size:
        row = int(counts.argmax())
        raise refuse(
            "chunk",
            f"expected at most {size} boundaries (capacity), but got {int(counts[row])} in row {row}",
        )
    lengths = row_lengths("chunk", "lengths", lengths, batch, tokens, h)
    boundaries = mask.bool() & valid_tokens(lengths, tokens)
    places = boundaries.cumsum(1) - 1
    # Whatever is no kept boundary goes to one row behind the concepts.
    places = torch.where(boundaries & (places < size), places, size)
    concepts = h.new_zeros(batch, size + 1, width).scatter(1, places[..., None].expand_as(h), h)
    return concepts[:, :size], counts.clamp(max=size)


def dechunk(
    y: Tensor,
    p: Tensor,
    mask: Tensor,
    state: Optional[Tensor] = None,
    residual: Optional[Tensor] = None,
    sequence_ids: Optional[Tensor] = None,
    lengths: Optional[Tensor] = None,
    epsilon: float = 0.0,
) -> Tuple[Tensor, Tensor]:
    (batch, count, width), tokens = y.shape, p.shape[1]
    lengths = row_lengths("dechunk", "lengths", lengths, batch, tokens, p)
    if not 0.0 <= epsilon <= 0.5:
        raise refuse("dechunk", f"expected epsilon to lie in [0, 0.5], but got {epsilon}")
    mask, concepts, valid = mask.bool(), wide(y), valid_tokens(lengths, tokens)
    places = mask.cumsum(1) - 1
    kept = mask & (places < count) & valid
    share = torch.where(kept, p.clamp(epsilon, 1.0 - epsilon), 0.0)
    if count:
        chosen = places.clamp(0, count - 1)[..., None].expand(-1, -1, width)
        news = torch.where(kept[..., None], share[..., None] * concepts.gather(1, chosen), 0.0)
    else:
        news = concepts.new_zeros(batch, tokens, width)
    restart = torch.zeros_like(kept)
    if sequence_ids is not None:
        restart[:, 1:] = sequence_ids[:, 1:] != sequence_ids[:, :-1]

    before = concepts.new_zeros(batch, width) if state is None else state
    average, decay, restarted = recurrence(1.0 - share, news, restart)
    held = torch.where(restarted[..., None], 0.0, decay[..., None] * before[:, None])
    average = average + held if state is not None else average
    states = torch.cat([before[:, None], average], dim=1)
    out = average
    if residual is not None:
        if p.requires_grad and torch.is_grad_enabled():
            chosen_p = torch.where(mask, p, 1.0 - p)
            # A factor of 1 whose gradient is that of the probability of the choice.
            out = out * (1.0 + (chosen_p - chosen_p.detach()))[..., None]
        out = wide(residual) + out
    out = torch.where(valid[..., None], out, 0.0)
    return out.to(y.dtype), states[torch.arange(batch, device=y.device), lengths]


def ratio_loss(p: Tensor, mask: Tensor, ratio: float, lengths: Optional[Tensor] = None) -> Tensor:
    if not 1.0 < ratio < float("inf"):
        raise refuse("ratio_loss", f"expected ratio to be above 1 and finite, but got {ratio}")
    lengths = row_lengths("ratio_loss", "lengths", lengths, *p.shape, p)
    valid = valid_tokens(lengths, p.shape[1])
    count = valid.sum()
    mean_p = torch.where(valid, p, 0.0).sum() / count.clamp(min=1)
    share = (mask.bool() & valid).sum() / count.clamp(min=1)
    pulled = (ratio - 1.0) * share * mean_p + (1.0 - share) * (1.0 - mean_p)
    return torch.where(count > 0, ratio / (ratio - 1.0) * pulled, 0.0)
