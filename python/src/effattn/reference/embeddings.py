# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Embedding tables: plain, factored into a tensor train, adapted by low rank, and split in two."""

from __future__ import annotations

import math
from typing import Any, Optional

import numpy as np

from effattn.reference.operands import (
    at_least,
    below,
    integers,
    match_shapes,
    one_of,
    optional,
    reals,
    refuse,
)


def embedding(ids: Any, table: Any) -> np.ndarray:
    """Look rows up in a table.

    Args:
        ids: ``[..]``.
        table: ``[V, C]``.
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: an id is outside [0, V).
    """
    op = "embedding"
    ids, table = integers(op, "ids", ids), reals(op, "table", table)
    sizes = match_shapes(op, ids=(ids, ".."), table=(table, "V C"))
    return table[below(op, "ids", ids, sizes["V"])]


def tensor_train_embedding(ids: Any, *cores: Any, vocabulary: Optional[int] = None) -> np.ndarray:
    """Look rows up in a table that is a product of cores.

    With the digits ``i_c`` of an id in mixed radix n and ``j_c`` of a column in mixed radix m, the
    first the most significant, the entry is ``core_0[:, i_0, j_0, :] core_1[:, i_1, j_1, :] ...``.

    Args:
        ids: ``[..]``.
        cores: each ``[r_{c-1}, n_c, m_c, r_c]``, where the outermost ranks are 1.
        vocabulary: V, at most the product of all n, which it is when absent.
    Returns:
        ``[.., C]``, C the product of all m.
    Raises:
        effattn.Error: ranks do not match, ``vocabulary`` is too large, or an id is outside [0, V).
    Source: TensorGPT, arXiv 2307.00526.
    """
    op = "tensor_train_embedding"
    ids = integers(op, "ids", ids)
    if not cores:
        raise refuse(op, "expected at least one core, but got none")
    cores = tuple(reals(op, f"core_{c}", core) for c, core in enumerate(cores))
    named = {f"core_{c}": (core, f"r{c - 1} n{c} m{c} r{c}") for c, core in enumerate(cores)}
    sizes = match_shapes(op, ids=(ids, ".."), **named)
    for name in ("r-1", f"r{len(cores) - 1}"):
        if sizes[name] != 1:
            raise refuse(op, f"expected the outermost ranks to be 1, but got {sizes[name]}")
    modes = [core.shape[1] for core in cores]
    rows = math.prod(modes)
    if vocabulary is not None and at_least(op, "vocabulary", vocabulary, 0) > rows:
        raise refuse(
            op, f"expected vocabulary to be at most the product of all n, but got {vocabulary} and {rows}"
        )
    below(op, "ids", ids, rows if vocabulary is None else vocabulary)

    digits = []
    for mode in reversed(modes):
        ids, digit = np.divmod(ids, max(mode, 1))
        digits.insert(0, digit)
    # A row of matrices [columns so far, rank] for each id, one digit multiplied on after another.
    out = np.ones((*ids.shape, 1, 1))
    for core, digit in zip(cores, digits):
        picked = np.moveaxis(core[:, digit], 0, -3)
        product = np.einsum("...cr,...rms->...cms", out, picked)
        out = product.reshape((*ids.shape, product.shape[-3] * product.shape[-2], product.shape[-1]))
    return out[..., 0]


def lora_embedding(
    ids: Any, table: Any, a: Any, b: Any, *, weights: Any = None, alpha: float = 1.0
) -> np.ndarray:
    """Look rows up in a table with low-rank changes: ``table[id] + alpha / r sum_n w_n a_n[id] b_n``.

    Args:
        ids: ``[..]``.
        table: ``[V, C]``.
        a: ``[Dn, V, r]``, r numbers for every id of each of Dn domains.
        b: ``[Dn, r, C]``.
        weights: w, ``[Dn]``, or ``[B, Dn]`` for ids whose first dimension is B; 1 when absent.
        alpha: strength of the changes; a rank of 0 makes none.
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: an id is outside [0, V), or shapes disagree.
    Source: LoRA, arXiv 2106.09685.
    """
    op = "lora_embedding"
    ids, table = integers(op, "ids", ids), reals(op, "table", table)
    a, b, weights = reals(op, "a", a), reals(op, "b", b), optional(reals, op, "weights", weights)
    by_row = weights is not None and weights.ndim == 2
    sizes = match_shapes(
        op,
        table=(table, "V C"),
        a=(a, "Dn V r"),
        b=(b, "Dn r C"),
        weights=(weights, "B Dn" if by_row else "Dn"),
    )
    if by_row and ids.shape[:1] != (sizes["B"],):
        raise refuse(
            op,
            f"expected weights B (dim 0) to equal ids B (dim 0), but got {sizes['B']} "
            f"and ids of shape {ids.shape}",
        )
    below(op, "ids", ids, sizes["V"])

    if weights is None:
        weights = np.ones(sizes["Dn"])
    elif by_row:
        weights = weights.reshape(sizes["B"], *[1] * (ids.ndim - 1), sizes["Dn"])
    change = np.zeros((*ids.shape, sizes["C"]))
    for n in range(sizes["Dn"]):
        change += weights[..., n, None] * (a[n, ids] @ b[n])
    return table[ids] + (alpha / max(sizes["r"], 1)) * change


def split_embedding(
    ids: Any,
    invariant: Any,
    variant: Any,
    *,
    invariant_map: Any = None,
    variant_map: Any = None,
    combine: str = "add",
) -> np.ndarray:
    """Make every row of a part that many ids share and a part of its own, by two tables.

    Args:
        ids: ``[..]``.
        invariant: ``[Vi, Ci]``.
        variant: ``[Vv, Cv]``.
        invariant_map: the row of ``invariant`` for every id, ``[V]``; the id itself when absent.
        variant_map: the row of ``variant`` for every id, ``[V]``; the id itself when absent.
        combine: "add" sums the parts, of equal width; "concat" puts the invariant part first.
    Returns:
        ``[.., Ci]`` or ``[.., Ci + Cv]``.
    Raises:
        effattn.Error: an id is outside [0, V), where a table without a map bounds V by its rows; the
            map sends it outside its table; shapes disagree, or ``combine`` is unknown.
    """
    op = "split_embedding"
    ids = integers(op, "ids", ids)
    invariant, variant = reals(op, "invariant", invariant), reals(op, "variant", variant)
    invariant_map = optional(integers, op, "invariant_map", invariant_map)
    variant_map = optional(integers, op, "variant_map", variant_map)
    one_of(op, "combine", combine, ("add", "concat"))
    sizes = match_shapes(
        op,
        invariant=(invariant, "Vi C" if combine == "add" else "Vi Ci"),
        variant=(variant, "Vv C" if combine == "add" else "Vv Cv"),
        invariant_map=(invariant_map, "V"),
        variant_map=(variant_map, "V"),
    )
    rows_i = sizes["Vi"] if invariant_map is None else sizes["V"]
    rows_v = sizes["Vv"] if variant_map is None else sizes["V"]
    below(op, "ids", ids, min(rows_i, rows_v))

    places_i = ids if invariant_map is None else _mapped(op, "invariant_map", invariant_map, ids, sizes["Vi"])
    places_v = ids if variant_map is None else _mapped(op, "variant_map", variant_map, ids, sizes["Vv"])
    parts = invariant[places_i], variant[places_v]
    return parts[0] + parts[1] if combine == "add" else np.concatenate(parts, axis=-1)


def _mapped(op: str, name: str, rows: np.ndarray, ids: np.ndarray, limit: int) -> np.ndarray:
    """Rows of the ids; entries of ids that nobody asks for are not looked at."""
    for token in ids.ravel():
        if not 0 <= rows[token] < limit:
            raise refuse(op, f"expected {name} to lie in [0, {limit}), but got {rows[token]} at [{token}]")
    return rows[ids]
