# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Concepts: finding boundaries, merging tokens into concepts and mapping concepts back."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy as np

from effattn.reference.operands import (
    at_least,
    flags,
    integers,
    match_shapes,
    one_of,
    optional,
    reals,
    refuse,
    valid_lengths,
)


def _normalize(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def _valid(lengths: np.ndarray, tokens: int) -> np.ndarray:
    return np.arange(tokens) < lengths[:, None]


def boundary_probability(
    q: Any,
    k: Any,
    *,
    prev: Any = None,
    started: Any = None,
    sequence_ids: Any = None,
    lengths: Any = None,
    pairing: str = "current_query",
) -> Tuple[np.ndarray, np.ndarray]:
    """Say how unlike its predecessor every token is: ``p = (1 - cos) / 2``.

    Args:
        q: queries, ``[B, T, C]``.
        k: keys, ``[B, T, C]``.
        prev: the neighbour before token 0, ``[B, C]``: the last k of the previous call
            (current_query) or its last q (previous_query).
        started: ``[B]`` bool; a row that has not started ignores ``prev``.
        sequence_ids: ``[B, T]`` integers; p is 1 where they change inside a row.
        lengths: valid tokens of each row, ``[B]``; p is 0 past them.
        pairing: "current_query" compares q_t with k_{t-1}, "previous_query" q_{t-1} with k_t.
    Returns:
        p ``[B, T]`` in [0, 1]; last ``[B, C]``, the ``prev`` of the next call. p_0 is 1 without
        a neighbour, a zero vector gives 0.5, and a row without valid tokens keeps ``prev``
        (0 without it).
    Raises:
        effattn.Error: shapes disagree, a length is outside [0, T], or pairing is unknown.
    Source: ConceptMoE, arXiv 2601.21420; H-Net, arXiv 2507.07955, for "previous_query".
    """
    op = "boundary_probability"
    q, k = reals(op, "q", q), reals(op, "k", k)
    prev = optional(reals, op, "prev", prev)
    started = optional(flags, op, "started", started)
    sequence_ids = optional(integers, op, "sequence_ids", sequence_ids)
    sizes = match_shapes(
        op,
        q=(q, "B T C"),
        k=(k, "B T C"),
        prev=(prev, "B C"),
        started=(started, "B"),
        sequence_ids=(sequence_ids, "B T"),
    )
    batch, tokens, width = sizes["B"], sizes["T"], sizes["C"]
    lengths = valid_lengths(op, "lengths", lengths, batch, tokens)
    one_of(op, "pairing", pairing, ("current_query", "previous_query"))

    earlier, current = (k, q) if pairing == "current_query" else (q, k)
    has_neighbour = np.zeros(batch, dtype=bool) if prev is None else np.ones(batch, dtype=bool)
    if started is not None:
        has_neighbour &= started
    before = np.zeros((batch, width)) if prev is None else prev
    neighbours = np.concatenate([before[:, None], earlier], axis=1)[:, :tokens]

    cosine = np.sum(_normalize(neighbours) * _normalize(current), axis=-1)
    p = np.clip((1.0 - cosine) / 2.0, 0.0, 1.0)
    p[~has_neighbour, :1] = 1.0
    if sequence_ids is not None:
        p[:, 1:][sequence_ids[:, 1:] != sequence_ids[:, :-1]] = 1.0
    p[~_valid(lengths, tokens)] = 0.0

    last = before.copy()
    for row in np.flatnonzero(lengths):
        last[row] = earlier[row, lengths[row] - 1]
    return p, last


def boundary_mask(
    p: Any, *, uniforms: Any = None, threshold: float = 0.5, strict: bool = False
) -> np.ndarray:
    """Turn boundary probabilities into boundaries.

    Args:
        p: boundary probabilities, ``[B, T]``.
        uniforms: training form: samples of [0, 1), ``[B, T]``; a token is a boundary where its
            sample is below p sharpened away from 0.5. ``threshold`` and ``strict`` rest then.
        threshold: the least p of a boundary, at the precision of ``p``: 0.7 ties with float32's 0.7.
        strict: whether p has to exceed the threshold (H-Net) or may equal it (ConceptMoE).
    Returns:
        boundaries ``[B, T]`` bool; a NaN is none.
    Raises:
        effattn.Error: ``uniforms`` is not shaped like ``p``.
    Source: ConceptMoE, arXiv 2601.21420; H-Net, arXiv 2507.07955, for ``strict``.
    """
    op = "boundary_mask"
    if np.asarray(p).dtype.kind == "f":
        threshold = float(np.asarray(p).dtype.type(threshold))
    p, uniforms = reals(op, "p", p), optional(reals, op, "uniforms", uniforms)
    match_shapes(op, p=(p, "B T"), uniforms=(uniforms, "B T"))
    if uniforms is not None:
        sharpened = np.where(p > 0.5, p ** (1 / 6), 1.0 - (1.0 - p) ** (1 / 6))
        return uniforms < sharpened
    return p > threshold if strict else p >= threshold


def boundary_count(mask: Any, *, lengths: Any = None) -> Tuple[np.ndarray, int]:
    """Count the boundaries of each row.

    Args:
        mask: boundaries, ``[B, T]`` bool.
        lengths: valid tokens of each row, ``[B]``; boundaries past them do not count.
    Returns:
        counts ``[B]`` int32; the largest of them (0 without rows).
    Raises:
        effattn.Error: a length is outside [0, T].
    Source: ConceptMoE, arXiv 2601.21420.
    """
    op = "boundary_count"
    mask = flags(op, "mask", mask)
    sizes = match_shapes(op, mask=(mask, "B T"))
    lengths = valid_lengths(op, "lengths", lengths, sizes["B"], sizes["T"])
    counts = np.sum(mask & _valid(lengths, sizes["T"]), axis=1, dtype=np.int32)
    return counts, int(counts.max(initial=0))


def chunk(
    h: Any,
    mask: Any,
    *,
    lengths: Any = None,
    capacity: Optional[int] = None,
    overflow: str = "error",
) -> Tuple[np.ndarray, np.ndarray]:
    """Keep the rows of ``h`` at concept boundaries, in order.

    Args:
        h: hidden states, ``[B, T, C]``.
        mask: boundaries, ``[B, T]`` bool; the boundary token alone represents its concept.
        lengths: valid tokens of each row, ``[B]``; boundaries past them are none.
        capacity: concepts a row at most, the N of the result; the largest count when absent.
        overflow: what more boundaries than ``capacity`` mean: "error", or "drop" the later ones.
    Returns:
        concepts ``[B, N, C]``, zero past counts; counts ``[B]`` int32 of the kept ones.
    Raises:
        effattn.Error: a row has more boundaries than ``capacity`` and ``overflow`` is "error".
    Source: ConceptMoE, arXiv 2601.21420.
    """
    op = "chunk"
    h, mask = reals(op, "h", h), flags(op, "mask", mask)
    sizes = match_shapes(op, h=(h, "B T C"), mask=(mask, "B T"))
    batch, tokens, width = sizes["B"], sizes["T"], sizes["C"]
    lengths = valid_lengths(op, "lengths", lengths, batch, tokens)
    one_of(op, "overflow", overflow, ("error", "drop"))

    counts, largest = boundary_count(mask, lengths=lengths)
    size = largest if capacity is None else at_least(op, "capacity", capacity, 0)
    if overflow == "error" and largest > size:
        row = int(counts.argmax())
        raise refuse(op, f"expected at most {size} boundaries (capacity), but got {counts[row]} in row {row}")

    concepts = np.zeros((batch, size, width))
    for row in range(batch):
        kept = np.flatnonzero(mask[row, : lengths[row]])[:size]
        concepts[row, : kept.size] = h[row, kept]
    return concepts, np.minimum(counts, size).astype(np.int32)


def dechunk(
    y: Any,
    p: Any,
    mask: Any,
    *,
    state: Any = None,
    residual: Any = None,
    sequence_ids: Any = None,
    lengths: Any = None,
    epsilon: float = 0.0,
) -> Tuple[np.ndarray, np.ndarray]:
    """Map concepts back to tokens through an exponential moving average.

    ``e_i = (1 - pi_i) e_{i-1} + pi_i y_i``, where pi_i is p at the i-th boundary; a token
    receives the e of the last boundary up to and including itself.

    Args:
        y: concepts, ``[B, N, C]``; rows past a row's boundary count are not read. Boundaries
            past N were dropped by chunk and change nothing.
        p: boundary probabilities, ``[B, T]``.
        mask: boundaries, ``[B, T]`` bool.
        state: ``e_{-1}``, ``[B, C]``, which tokens before the first boundary receive; 0 when absent.
        residual: ``[B, T, C]``, added to the result.
        sequence_ids: ``[B, T]`` integers; where they change inside a row, e starts at 0 again.
        lengths: valid tokens of each row, ``[B]``; the result is 0 past them.
        epsilon: clamps pi to ``[epsilon, 1 - epsilon]``: 0 in ConceptMoE, 1e-4 in H-Net.
    Returns:
        out ``[B, T, C]``; the e of the last valid token ``[B, C]``, ``state`` for a row without one.
    Raises:
        effattn.Error: shapes disagree, a length is outside [0, T], or epsilon outside [0, 0.5].
    Source: ConceptMoE, arXiv 2601.21420; H-Net, arXiv 2507.07955, for ``epsilon``.
    """
    op = "dechunk"
    y, p, mask = reals(op, "y", y), reals(op, "p", p), flags(op, "mask", mask)
    state, residual = optional(reals, op, "state", state), optional(reals, op, "residual", residual)
    sequence_ids = optional(integers, op, "sequence_ids", sequence_ids)
    sizes = match_shapes(
        op,
        y=(y, "B N C"),
        p=(p, "B T"),
        mask=(mask, "B T"),
        state=(state, "B C"),
        residual=(residual, "B T C"),
        sequence_ids=(sequence_ids, "B T"),
    )
    batch, tokens, width = sizes["B"], sizes["T"], sizes["C"]
    lengths = valid_lengths(op, "lengths", lengths, batch, tokens)
    if not 0.0 <= epsilon <= 0.5:
        raise refuse(op, f"expected epsilon to lie in [0, 0.5], but got {epsilon}")

    pi = np.clip(p, epsilon, 1.0 - epsilon)
    average = np.zeros((batch, width)) if state is None else state.copy()
    out = np.zeros((batch, tokens, width))
    for row in range(batch):
        boundaries = 0
        for t in range(lengths[row]):
            if sequence_ids is not None and t > 0 and sequence_ids[row, t] != sequence_ids[row, t - 1]:
                average[row] = 0.0
            if mask[row, t]:
                if boundaries < sizes["N"]:
                    concept = y[row, boundaries]
                    average[row] = (1.0 - pi[row, t]) * average[row] + pi[row, t] * concept
                boundaries += 1
            out[row, t] = average[row]
            if residual is not None:
                out[row, t] += residual[row, t]
    return out, average


def ratio_loss(p: Any, mask: Any, *, ratio: float, lengths: Any = None) -> float:
    """Pull the share of boundaries towards ``1 / ratio``.

    ``R / (R - 1) * ((R - 1) F G + (1 - F)(1 - G))``, with F the share of boundaries and G the mean
    probability over the valid tokens of the whole batch; 1 when both are ``1 / ratio``.

    Args:
        p: boundary probabilities, ``[B, T]``.
        mask: boundaries, ``[B, T]`` bool.
        ratio: tokens per concept to aim at, above 1.
        lengths: valid tokens of each row, ``[B]``.
    Returns:
        the loss, 0 when no token is valid.
    Raises:
        effattn.Error: ``ratio`` is not above 1, or a length is outside [0, T].
    Source: ConceptMoE, arXiv 2601.21420; H-Net, arXiv 2507.07955.
    """
    op = "ratio_loss"
    p, mask = reals(op, "p", p), flags(op, "mask", mask)
    sizes = match_shapes(op, p=(p, "B T"), mask=(mask, "B T"))
    lengths = valid_lengths(op, "lengths", lengths, sizes["B"], sizes["T"])
    if not 1.0 < ratio < np.inf:
        raise refuse(op, f"expected ratio to be above 1 and finite, but got {ratio}")
    valid = _valid(lengths, sizes["T"])
    if not valid.any():
        return 0.0
    mean_p, share = p[valid].mean(), mask[valid].mean()
    pulled = (ratio - 1.0) * share * mean_p + (1.0 - share) * (1.0 - mean_p)
    return float(ratio / (ratio - 1.0) * pulled)
