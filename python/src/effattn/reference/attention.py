# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention over the keys that a mask keeps, of one stream of values or two, and its merging."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple, Union

import numpy as np

from effattn.reference.masks import Grid, Mask, row_offset
from effattn.reference.operands import (
    divide_heads,
    integers,
    match_shapes,
    optional,
    positive,
    reals,
    refuse,
    valid_lengths,
)

Score = Callable[[np.ndarray, int, int, int, np.ndarray], np.ndarray]


def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Optional[Mask] = None,
    lengths: Any = None,
    key_lengths: Any = None,
    key_positions: Any = None,
    offset: Any = None,
    scale: Optional[float] = None,
    softcap: Optional[float] = None,
    return_lse: bool = False,
    score: Union[str, Score, None] = None,
    slopes: Any = None,
) -> Union[np.ndarray, Tuple[np.ndarray, np.ndarray]]:
    """Average values by the softmax of scaled products with the kept keys.

    Args:
        q: queries, ``[B, H, T, D]``.
        k: keys, ``[B, G, S, D]``; G divides H, and query head h reads key head ``h G / H``.
        v: values, ``[B, G, S, E]``.
        mask: which keys a row keeps; every key when absent.
        lengths: query rows of each batch row, ``[B]``; later ones give 0 and an lse of -inf.
        key_lengths: keys of each batch row, ``[B]``; later ones are not kept.
        key_positions: what mask and score see as a key's position, ``[B, S]``; its index when
            absent, and -1 is not kept.
        offset: the absolute position of query row 0, a scalar or ``[B]``. When absent S - T, or
            key_lengths - T, or key_lengths - lengths when both are given.
        scale: multiplies the products; ``D ** -0.5`` when absent.
        softcap: c, which bends scores x to ``c tanh(x / c)`` before score and mask.
        return_lse: whether the log of the sum of exponentials comes too.
        score: "alibi", which adds ``slopes[h] * (key position - query position)``; or a function
            of (scores over kept keys, b, h, query position, positions of these keys) that gives the
            new scores.
        slopes: ``[H]``, with "alibi".
    Returns:
        out ``[B, H, T, E]``, and lse ``[B, H, T]`` on request. A row that keeps no key, or whose
        scores are all -inf, gives 0 and an lse of -inf. A NaN reaches only the rows that keep it.
    Raises:
        effattn.Error: shapes disagree, a length is out of range, or score and slopes do not match.
    Source: SepLLM, arXiv 2412.12094, for the masks; the operation itself is standard.
    """
    op = "attention"
    q, k, v = reals(op, "q", q), reals(op, "k", k), reals(op, "v", v)
    key_positions = optional(integers, op, "key_positions", key_positions)
    slopes = optional(reals, op, "slopes", slopes)
    sizes = match_shapes(
        op,
        q=(q, "B H T D"),
        k=(k, "B G S D"),
        v=(v, "B G S E"),
        key_positions=(key_positions, "B S"),
        slopes=(slopes, "H"),
    )
    batch, heads, queries, groups, keys = (sizes[name] for name in "BHTGS")
    divide_heads(op, heads, groups)
    _check_mask(op, mask)
    row_lengths = valid_lengths(op, "lengths", lengths, batch, queries)
    key_counts = valid_lengths(op, "key_lengths", key_lengths, batch, keys)
    rescore = _score_function(op, score, slopes)
    # A width of 0 makes every product 0, whatever scales it.
    scale = max(sizes["D"], 1) ** -0.5 if scale is None else scale
    if softcap is not None:
        positive(op, "softcap", softcap)

    last_query = queries if key_lengths is None or lengths is None else row_lengths
    first_row = row_offset(op, offset, batch, np.asarray(key_counts - last_query))
    if key_positions is None:
        key_positions = np.broadcast_to(np.arange(keys), (batch, keys))
    grid = Grid.create(first_row, batch, heads, queries, key_positions)
    present = (np.arange(keys) < key_counts[:, None]) & (key_positions != -1)
    keep = np.broadcast_to(present[:, None, None, :], (batch, heads, queries, keys))
    if mask is not None:
        keep = keep & mask.keep(grid)

    out = np.zeros((batch, heads, queries, sizes["E"]))
    lse = np.full((batch, heads, queries), -np.inf)
    for b, h in np.ndindex(batch, heads):
        g = h * groups // heads
        for t in range(row_lengths[b]):
            # Only kept keys are touched: 0 times a NaN elsewhere would still be a NaN.
            kept = np.flatnonzero(keep[b, h, t])
            scores = scale * (k[b, g, kept] @ q[b, h, t])
            if softcap is not None:
                scores = softcap * np.tanh(scores / softcap)
            if rescore is not None:
                position = int(grid.query_positions[b, 0, t, 0])
                scores = np.asarray(rescore(scores, b, h, position, key_positions[b, kept]), dtype=np.float64)
            out[b, h, t], lse[b, h, t] = _softmax_average(scores, v[b, g, kept])
    return (out, lse) if return_lse else out


def _check_mask(op: str, mask: Any) -> None:
    if mask is not None and not isinstance(mask, Mask):
        raise refuse(
            op, f"expected mask to be a Mask, but got {type(mask).__name__}: give arrays to dense_mask"
        )


def _softmax_average(scores: np.ndarray, values: np.ndarray) -> Tuple[np.ndarray, float]:
    largest = scores.max(initial=-np.inf)
    if largest == -np.inf:
        return np.zeros(values.shape[1]), -np.inf
    with np.errstate(invalid="ignore"):
        powers = np.exp(scores - largest)
        total = powers.sum()
        return (powers / total) @ values, largest + np.log(total)


def _score_function(op: str, score: Union[str, Score, None], slopes: Optional[np.ndarray]) -> Optional[Score]:
    if (score == "alibi") != (slopes is not None):
        given = "slopes without it" if slopes is not None else "it without slopes"
        raise refuse(op, f'expected score = "alibi" and slopes together, but got {given}')
    if score is None or callable(score):
        return score
    if score != "alibi":
        raise refuse(op, f'expected score to be "alibi" or a function, but got {score!r}')

    def alibi(scores: np.ndarray, b: int, h: int, q_position: int, k_positions: np.ndarray) -> np.ndarray:
        return scores + slopes[h] * (k_positions - q_position)

    return alibi


def merge_attention(out1: Any, lse1: Any, out2: Any, lse2: Any) -> Tuple[np.ndarray, np.ndarray]:
    """Combine two results of attention over disjoint keys into the result over both.

    Args:
        out1, out2: results, ``[.., E]``.
        lse1, lse2: their logs of the sum of exponentials, ``[..]``; a part with -inf has kept no
            key and adds nothing.
    Returns:
        out ``[.., E]``; lse ``[..]``; 0 and -inf where both parts are empty.
    Raises:
        effattn.Error: shapes disagree.
    Source: FlashAttention, arXiv 2205.14135, for merging blocks of keys by their lse.
    """
    op = "merge_attention"
    out1, out2 = reals(op, "out1", out1), reals(op, "out2", out2)
    lse1, lse2 = reals(op, "lse1", lse1), reals(op, "lse2", lse2)
    match_shapes(op, out1=(out1, ".. E"), out2=(out2, ".. E"), lse1=(lse1, ".."), lse2=(lse2, ".."))

    largest = np.maximum(lse1, lse2)
    empty = largest == -np.inf
    base = np.where(empty, 0.0, largest)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight1, weight2 = np.exp(lse1 - base), np.exp(lse2 - base)
        total = np.where(empty, 1.0, weight1 + weight2)
        lse = np.where(empty, -np.inf, base + np.log(total))
        # np.where, since 0 times a non-finite value of an empty part would be a NaN.
        part1 = np.where((lse1 == -np.inf)[..., None], 0.0, (weight1 / total)[..., None] * out1)
        part2 = np.where((lse2 == -np.inf)[..., None], 0.0, (weight2 / total)[..., None] * out2)
    return part1 + part2, lse


def systematic_attention(
    q: Any,
    k: Any,
    v: Any,
    v2: Any,
    *,
    mask: Optional[Mask] = None,
    relative_keys: Any = None,
    relative_values: Any = None,
    scale: Optional[float] = None,
) -> Tuple[np.ndarray, np.ndarray]:
    """Average two streams of values by one softmax.

    With the tables a and b of relative distances, read at ``clip(k - q, -R, R) + R``, the score is
    ``scale <q, k + a>`` and the results are the averages of ``v + b`` and ``v2 + b``.

    Args:
        q: queries, ``[B, H, T, D]``; they are the last positions, so query i is at ``S - T + i``.
        k: keys, ``[B, G, S, D]``; G divides H, and query head h reads key head ``h G / H``.
        v, v2: the two streams of values, ``[B, G, S, E]``.
        mask: which keys a row keeps; every key when absent.
        relative_keys: a, ``[2R + 1, D]``; none added when absent.
        relative_values: b, ``[2R + 1, E]``; none added when absent.
        scale: multiplies the products; ``D ** -0.5`` when absent.
    Returns:
        out and out2, ``[B, H, T, E]``; a row that keeps no key gives 0 in both.
    Raises:
        effattn.Error: shapes disagree, or a table has an even number of rows.
    Source: SQ-Transformer, arXiv 2402.06492.
    """
    op = "systematic_attention"
    q, k, v, v2 = reals(op, "q", q), reals(op, "k", k), reals(op, "v", v), reals(op, "v2", v2)
    relative_keys = optional(reals, op, "relative_keys", relative_keys)
    relative_values = optional(reals, op, "relative_values", relative_values)
    sizes = match_shapes(
        op,
        q=(q, "B H T D"),
        k=(k, "B G S D"),
        v=(v, "B G S E"),
        v2=(v2, "B G S E"),
        relative_keys=(relative_keys, "2R+1 D"),
        relative_values=(relative_values, "2R+1 E"),
    )
    batch, heads, queries, groups, keys, width = (sizes[name] for name in "BHTGSE")
    divide_heads(op, heads, groups)
    _check_mask(op, mask)
    table = sizes.get("2R+1", 1)
    if table % 2 == 0:
        raise refuse(op, f"expected relative tables to have an odd number of rows (dim 0), but got {table}")
    reach = table // 2
    scale = max(sizes["D"], 1) ** -0.5 if scale is None else scale

    positions = np.broadcast_to(np.arange(keys), (batch, keys))
    grid = Grid.create(np.asarray(keys - queries), batch, heads, queries, positions)
    keep = np.ones((batch, heads, queries, keys), dtype=bool) if mask is None else mask.keep(grid)

    out = np.zeros((batch, heads, queries, 2 * width))
    for b, h, t in np.ndindex(batch, heads, queries):
        g = h * groups // heads
        kept = np.flatnonzero(keep[b, h, t])
        near = np.clip(kept - (keys - queries + t), -reach, reach) + reach
        key_rows = k[b, g, kept] if relative_keys is None else k[b, g, kept] + relative_keys[near]
        values = np.concatenate([v[b, g, kept], v2[b, g, kept]], axis=1)
        if relative_values is not None:
            values = values + np.tile(relative_values[near], 2)
        out[b, h, t], _ = _softmax_average(scale * (key_rows @ q[b, h, t]), values)
    return out[..., :width], out[..., width:]
