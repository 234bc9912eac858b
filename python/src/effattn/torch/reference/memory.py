# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Address memory: sparse addresses from digits, the memory they write and read, and codebooks."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

import torch
from torch import Tensor

from effattn.reference.operands import refuse
from effattn.torch.reference.operands import below, row_lengths, valid_tokens, wide
from effattn.torch.reference.scan import recurrence


def product_softmax(x: Tensor, temperature: float = 1.0) -> Tensor:
    digits = (wide(x) / temperature).softmax(-1)
    slots = digits.new_ones(*x.shape[:-2], 1)
    for u in range(x.shape[-2]):
        slots = (slots[..., :, None] * digits[..., u, None, :]).flatten(-2)
    return slots


def top_k(x: Tensor, k: int) -> Tuple[Tensor, Tensor]:
    _check_k("top_k", "the size of x", k, x.shape[-1])
    # PyTorch sorts NaN before everything else, too.
    values, indices = x.sort(dim=-1, descending=True, stable=True)
    return values[..., :k], indices[..., :k].int()


def _check_k(op: str, of: str, k: int, most: int) -> None:
    if k > most:
        raise refuse(op, f"expected k to be at most {of}, but got {k} and {most}")


def product_softmax_top_k(
    x: Tensor, k: int, temperature: float = 1.0, normalize: bool = False
) -> Tuple[Tensor, Tensor]:
    digits, base = x.shape[-2:]
    _check_k("product_softmax_top_k", "the number of slots", k, base**digits)
    shares = (wide(x) / temperature).softmax(-1)
    values = shares.new_ones(*x.shape[:-2], 1)
    slots = torch.zeros(values.shape, dtype=torch.int64, device=x.device)
    for u in range(digits):
        products = (values[..., :, None] * shares[..., u, None, :]).flatten(-2)
        longer = (slots[..., :, None] * base + torch.arange(base, device=x.device)).flatten(-2)
        values, places = top_k(products, min(k, products.shape[-1]))
        # In order of slots, so that ties go to the lowest at the next digit, too.
        slots, order = longer.gather(-1, places.long()).sort(-1)
        values = values.gather(-1, order)
    values, places = top_k(values, k)
    slots = slots.gather(-1, places.long()).int()
    return (values / values.sum(-1, keepdim=True) if normalize else values), slots


def cyclic_shift(
    indices: Tensor,
    positions: Tensor,
    mode: str,
    digits: int,
    base: int,
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
) -> Tensor:
    slots, t, indices = base**digits, positions.long()[..., None], indices.long()
    if mode == "flat":
        return (indices.remainder(slots) + t.remainder(slots)).remainder(slots).int()
    shifted = torch.zeros_like(indices)
    for u in range(digits):
        weight = base ** (digits - 1 - u)
        if mode == "radix":
            turn = _floor(t, weight).remainder(base)
        else:
            period, step = periods[u] if periods else 1, steps[u] if steps else 1
            turn = _floor(t, period).remainder(base) * (step % base)
        shifted += (_floor(indices, weight) + turn).remainder(base) * weight
    return shifted.int()


def _floor(x: Tensor, divisor: int) -> Tensor:
    return x.div(divisor, rounding_mode="floor")


def address_decode(
    x: Tensor,
    digits: int,
    k: int,
    positions: Optional[Tensor] = None,
    temperature: float = 1.0,
    normalize: bool = False,
    mode: str = "flat",
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
) -> Tuple[Tensor, Tensor]:
    if x.shape[-1] % digits:
        raise refuse(
            "address_decode",
            f"expected digits to divide the width of x (dim 2), but got {digits} and {x.shape[-1]}",
        )
    base = x.shape[-1] // digits
    logits = x.reshape(*x.shape[:-1], digits, base)
    weights, indices = product_softmax_top_k(logits, k, temperature, normalize)
    if positions is not None:
        indices = cyclic_shift(indices, positions, mode, digits, base, periods, steps)
    return weights, indices


def address_memory(
    write_weights: Tensor,
    write_indices: Tensor,
    values: Tensor,
    read_weights: Tensor,
    read_indices: Tensor,
    memory: Tensor,
    mass: Tensor,
    lengths: Optional[Tensor] = None,
    gamma: float = 1.0,
    epsilon: float = 1e-6,
) -> Tuple[Tensor, Tensor, Tensor]:
    """A slot is a recurrence over its writes; those of all slots are one, which restarts at each.

    Writes are sorted by slot and time. A read, and what a slot becomes, is found by a binary search for
    the last write before it.
    """
    op = "address_memory"
    (batch, tokens, kept), slots, width = write_indices.shape, memory.shape[1], values.shape[2]
    lengths = row_lengths(op, "lengths", lengths, batch, tokens, values)
    valid = valid_tokens(lengths, tokens)
    writes = _addresses(op, "write_indices", write_indices, valid, slots)
    reads = _addresses(op, "read_indices", read_indices, valid, slots)
    start = torch.cat([memory, mass[..., None]], dim=2)
    # A slot behind all others takes what padding writes.
    start = torch.cat([start, start.new_zeros(batch, 1, width + 1)], dim=1)

    times = torch.arange(tokens, device=values.device)[:, None]
    span = max(tokens, 1)
    keys, order = (writes * span + times).flatten(1).sort(dim=1)
    owners = keys.div(span, rounding_mode="floor")
    weights = write_weights.flatten(1).gather(1, order)
    rows = torch.cat([wide(values), values.new_ones(batch, tokens, 1, dtype=wide(values).dtype)], dim=2)
    written = _rows(rows, order.div(max(kept, 1), rounding_mode="floor"))
    restart = torch.ones_like(owners, dtype=torch.bool)
    restart[:, 1:] = owners[:, 1:] != owners[:, :-1]
    decay = (1.0 - weights) ** gamma
    before = torch.where(restart[..., None], decay[..., None] * _rows(start, owners), 0.0)
    contents, _, _ = recurrence(decay, weights[..., None] * written + before, restart)

    def after(wanted: Tensor, time: Tensor) -> Tensor:
        """What the slots hold after the writes up to a time, ``[B, n, E + 1]``."""
        held = _rows(start, wanted)
        if not keys.shape[1]:
            return held
        last = torch.searchsorted(keys, wanted * span + time, right=True) - 1
        found = (last >= 0) & (owners.gather(1, last.clamp(min=0)) == wanted)
        return torch.where(found[..., None], _rows(contents, last.clamp(min=0)), held)

    seen = after(reads.flatten(1), times.expand(-1, reads.shape[2]).flatten())
    shares = read_weights.flatten(1) / (seen[..., -1] + epsilon)
    out = (shares[..., None] * seen[..., :-1]).unflatten(1, (tokens, reads.shape[2])).sum(2)
    out = torch.where(valid[..., None], out, 0.0).to(values.dtype)
    all_slots = torch.arange(slots, device=values.device).expand(batch, slots)
    end = after(all_slots, torch.tensor(span - 1, device=values.device))
    return out, end[..., :-1], end[..., -1]


def _rows(x: Tensor, places: Tensor) -> Tensor:
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[2]))


def _addresses(op: str, name: str, addresses: Tensor, valid: Tensor, slots: int) -> Tensor:
    """The slots of valid tokens, each refused twice in a token; a slot behind all others for padding."""
    below(op, name, addresses, slots, among=valid[..., None])
    addresses = torch.where(valid[..., None], addresses.long(), slots)
    in_order = addresses.sort(dim=2).values
    twice = (in_order[..., 1:] == in_order[..., :-1]) & valid[..., None]
    if bool(twice.any()):
        row, token, place = twice.nonzero()[0].tolist()
        slot = int(in_order[row, token, place])
        raise refuse(
            op, f"expected {name} to name a slot once a token, but got {slot} twice at [{row}, {token}]"
        )
    return addresses


def vector_quantize(
    x: Tensor, codebook: Tensor, metric: str = "l2", groups: int = 1
) -> Tuple[Tensor, Tensor]:
    op, width = "vector_quantize", x.shape[-1]
    if width % groups:
        raise refuse(op, f"expected groups to divide the width of x, but got {groups} and {width}")
    if not len(codebook):
        raise refuse(op, "expected codebook Q (dim 0) to be at least 1, but got 0")
    codes, parts = [], []
    by_group = (wide(array).unflatten(-1, (groups, width // groups)).unbind(-2) for array in (x, codebook))
    for vectors, entries in zip(*by_group):
        if metric == "l2":
            distances = ((entries - vectors[..., None, :]) ** 2).sum(-1)
        else:
            norms = [rows.norm(dim=-1).clamp(min=1e-12) for rows in (entries, vectors)]
            # One division at the end: before it small integers are exact, and tie where they should.
            distances = -(entries * vectors[..., None, :]).sum(-1) / (norms[0] * norms[1][..., None])
        code = distances.argmin(-1)
        codes.append(code.int())
        parts.append(entries[code])
    quantized = torch.cat(parts, -1).to(x.dtype)
    return (codes[0] if groups == 1 else torch.stack(codes, -1)), quantized
