# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Address memory: sparse addresses from digits, the memory they write and read, and codebooks."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import numpy as np

from effattn.reference.operands import (
    at_least,
    integers,
    match_shapes,
    one_of,
    optional,
    positive,
    reals,
    refuse,
    valid_lengths,
)

MAX_SLOTS = 2**31 - 1


def product_softmax(x: Any, *, temperature: float = 1.0) -> np.ndarray:
    """Give every slot the product of its digits' probabilities.

    Args:
        x: logits, ``[.., U, P]``: U digits of P values, each with its own softmax.
        temperature: divides the logits, above 0.
    Returns:
        slot values ``[.., P^U]``, summing to 1; the slot index is read in base P, digit 0 the most
        significant. A NaN, or a digit whose logits are all -inf, makes its row NaN.
    Raises:
        effattn.Error: ``temperature`` is not positive, or there are over 2^31 - 1 slots.
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "product_softmax"
    x = reals(op, "x", x)
    sizes = match_shapes(op, x=(x, ".. U P"))
    positive(op, "temperature", temperature)
    _slot_count(op, sizes["U"], sizes["P"])

    scaled = x / temperature
    with np.errstate(invalid="ignore"):
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True, initial=-np.inf))
        digits = powers / powers.sum(axis=-1, keepdims=True)
    slots = np.ones((*sizes[".."], 1))
    for u in range(sizes["U"]):
        products = slots[..., :, None] * digits[..., u, None, :]
        slots = products.reshape((*sizes[".."], products.shape[-2] * products.shape[-1]))
    return slots


def _slot_count(op: str, digits: int, base: int) -> int:
    slots = base**digits
    if slots > MAX_SLOTS:
        raise refuse(op, f"expected at most {MAX_SLOTS} slots, but got {base}^{digits} = {slots}")
    return slots


def top_k(x: Any, *, k: int) -> Tuple[np.ndarray, np.ndarray]:
    """Find the k largest values of every row.

    Args:
        x: values, ``[.., M]``.
        k: how many to keep, at most M.
    Returns:
        values ``[.., K]``, descending; indices ``[.., K]`` int32. Ties go to the lowest index, and
        NaN comes before everything else so that it shows.
    Raises:
        effattn.Error: ``k`` is negative or above M.
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "top_k"
    x = reals(op, "x", x)
    size = match_shapes(op, x=(x, ".. M"))["M"]
    at_least(op, "k", k, 0)
    if k > size:
        raise refuse(op, f"expected k to be at most the size of x (dim {x.ndim - 1}), but got {k} and {size}")
    # Sorting is stable and lexsort's last key leads: NaN first, then descending, then by index.
    order = np.lexsort((-np.nan_to_num(x, posinf=np.inf, neginf=-np.inf), ~np.isnan(x)), axis=-1)
    indices = order[..., :k]
    return np.take_along_axis(x, indices, axis=-1), indices.astype(np.int32)


def product_softmax_top_k(
    x: Any, *, k: int, temperature: float = 1.0, normalize: bool = False
) -> Tuple[np.ndarray, np.ndarray]:
    """Find the k most probable slots of a product of digits.

    The meaning is ``top_k(product_softmax(x))``, which is also how it is computed here: one row
    of P^U slots at a time.

    Args:
        x: logits, ``[.., U, P]``.
        k: how many slots to keep, at most P^U.
        temperature: divides the logits, above 0.
        normalize: whether the k values are divided by their sum.
    Returns:
        values ``[.., K]``, descending; slot indices ``[.., K]`` int32, ties to the lowest index.
    Raises:
        effattn.Error: ``k`` is above P^U, or P^U is above 2^31 - 1.
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "product_softmax_top_k"
    x = reals(op, "x", x)
    sizes = match_shapes(op, x=(x, ".. U P"))
    slots = _slot_count(op, sizes["U"], sizes["P"])
    positive(op, "temperature", temperature)
    if at_least(op, "k", k, 0) > slots:
        raise refuse(op, f"expected k to be at most the number of slots, but got {k} and {slots}")

    values = np.zeros((*sizes[".."], k))
    indices = np.zeros((*sizes[".."], k), dtype=np.int32)
    for row in np.ndindex(*sizes[".."]):
        values[row], indices[row] = top_k(product_softmax(x[row], temperature=temperature), k=k)
    if normalize:
        values = values / values.sum(axis=-1, keepdims=True)
    return values, indices


def cyclic_shift(
    indices: Any,
    positions: Any,
    *,
    mode: str,
    digits: int,
    base: int,
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
) -> np.ndarray:
    """Turn addresses by the position of their token (CAPE), after top-k.

    Args:
        indices: slots, ``[B, T, K]``, read modulo ``base ** digits``.
        positions: token positions, ``[B, T]``; any integer, modulo and division floor.
        mode: "flat" adds t to the slot; "digits" adds ``(t / periods_u) * steps_u`` to every
            digit u; "radix" adds digit u of t to digit u, without carries.
        digits: U, the number of digits of a slot, digit 0 the most significant.
        base: P, the values of a digit.
        periods: U integers from 1 on, 1 when absent; "digits" only.
        steps: U integers, 1 when absent; "digits" only.
    Returns:
        the turned slots, ``[B, T, K]`` int32.
    Raises:
        effattn.Error: unknown mode, a period below 1, or not U periods or steps.
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "cyclic_shift"
    indices, positions = integers(op, "indices", indices), integers(op, "positions", positions)
    match_shapes(op, indices=(indices, "B T K"), positions=(positions, "B T"))
    one_of(op, "mode", mode, ("flat", "digits", "radix"))
    slots = _slot_count(op, at_least(op, "digits", digits, 1), at_least(op, "base", base, 1))
    periods, steps = _digit_list(op, "periods", periods, digits), _digit_list(op, "steps", steps, digits)
    for u, period in enumerate(periods):
        at_least(op, f"periods[{u}]", period, 1)

    t = positions[:, :, None]
    if mode == "flat":
        return ((indices % slots + t % slots) % slots).astype(np.int32)
    shifted = np.zeros_like(indices)
    for u in range(digits):
        weight = base ** (digits - 1 - u)
        if mode == "radix":
            turn = (t // weight) % base
        else:
            turn = ((t // periods[u]) % base) * (steps[u] % base)
        shifted += ((indices // weight + turn) % base) * weight
    return shifted.astype(np.int32)


def _digit_list(op: str, name: str, values: Optional[Sequence[int]], digits: int) -> Sequence[int]:
    if values is None:
        return [1] * digits
    found = integers(op, name, values)
    if found.shape != (digits,):
        raise refuse(
            op, f"expected {name} to hold {digits} integers, one a digit, but got shape {found.shape}"
        )
    return [int(value) for value in found]


def address_decode(
    x: Any,
    *,
    digits: int,
    k: int,
    positions: Any = None,
    temperature: float = 1.0,
    normalize: bool = False,
    mode: str = "flat",
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
) -> Tuple[np.ndarray, np.ndarray]:
    """Turn logits into sparse addresses: digits, the k best slots, the cyclic shift.

    Args:
        x: logits, ``[B, T, U * P]``, digit 0 first.
        digits: U.
        k: slots an address names.
        positions: token positions, ``[B, T]``; no shift without them.
        temperature, normalize: as in product_softmax_top_k.
        mode, periods, steps: as in cyclic_shift.
    Returns:
        weights ``[B, T, K]``, descending; slot indices ``[B, T, K]`` int32.
    Raises:
        effattn.Error: ``digits`` does not divide the width of ``x``, or as the three ops do.
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "address_decode"
    x = reals(op, "x", x)
    sizes = match_shapes(op, x=(x, "B T W"))
    if sizes["W"] % at_least(op, "digits", digits, 1):
        raise refuse(
            op, f"expected digits to divide the width of x (dim 2), but got {digits} and {sizes['W']}"
        )
    positions = optional(integers, op, "positions", positions)
    match_shapes(op, x=(x, "B T W"), positions=(positions, "B T"))
    one_of(op, "mode", mode, ("flat", "digits", "radix"))

    base = sizes["W"] // digits
    logits = x.reshape(sizes["B"], sizes["T"], digits, base)
    weights, indices = product_softmax_top_k(logits, k=k, temperature=temperature, normalize=normalize)
    if positions is not None:
        indices = cyclic_shift(
            indices, positions, mode=mode, digits=digits, base=base, periods=periods, steps=steps
        )
    return weights, indices


def address_memory(
    write_weights: Any,
    write_indices: Any,
    values: Any,
    read_weights: Any,
    read_indices: Any,
    memory: Any,
    mass: Any,
    *,
    lengths: Any = None,
    gamma: float = 1.0,
    epsilon: float = 1e-6,
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write values into slots by power decay moving average, then read.

    In order of t, for each written slot: ``S = (1 - w)^gamma S + w v_t`` and
    ``z = (1 - w)^gamma z + w``; then ``out_t = sum_i r_i S_i / (z_i + epsilon)``.

    Args:
        write_weights: w, ``[B, T, K]``, in [0, 1].
        write_indices: slots written, ``[B, T, K]``, each once a token.
        values: v, ``[B, T, E]``.
        read_weights: r, ``[B, T, Kr]``.
        read_indices: slots read, ``[B, T, Kr]``, each once a token.
        memory: S, ``[B, M, E]``.
        mass: z, ``[B, M]``.
        lengths: valid tokens of each row, ``[B]``; later tokens give 0, change nothing, and their
            addresses are not looked at.
        gamma: strength of the decay, from 0 on; 0 only accumulates (``0^0 = 1``).
        epsilon: keeps unwritten slots at 0.
    Returns:
        out ``[B, T, E]``; the next memory ``[B, M, E]``; the next mass ``[B, M]``.
    Raises:
        effattn.Error: an address names a slot twice or one outside [0, M).
    Source: RAM-Net, arXiv 2602.11958.
    """
    op = "address_memory"
    write_weights, read_weights = (
        reals(op, "write_weights", write_weights),
        reals(op, "read_weights", read_weights),
    )
    write_indices = integers(op, "write_indices", write_indices)
    read_indices = integers(op, "read_indices", read_indices)
    values, memory, mass = reals(op, "values", values), reals(op, "memory", memory), reals(op, "mass", mass)
    sizes = match_shapes(
        op,
        write_weights=(write_weights, "B T K"),
        write_indices=(write_indices, "B T K"),
        values=(values, "B T E"),
        read_weights=(read_weights, "B T Kr"),
        read_indices=(read_indices, "B T Kr"),
        memory=(memory, "B M E"),
        mass=(mass, "B M"),
    )
    lengths = valid_lengths(op, "lengths", lengths, sizes["B"], sizes["T"])
    if not 0.0 <= gamma < np.inf:
        raise refuse(op, f"expected gamma to be finite and at least 0, but got {gamma}")
    for name, addresses in (("write_indices", write_indices), ("read_indices", read_indices)):
        _check_addresses(op, name, addresses, lengths, sizes["M"])

    out = np.zeros((sizes["B"], sizes["T"], sizes["E"]))
    for row in range(sizes["B"]):
        for t in range(lengths[row]):
            slots, w = write_indices[row, t], write_weights[row, t]
            decay = (1.0 - w) ** gamma
            memory[row, slots] = decay[:, None] * memory[row, slots] + w[:, None] * values[row, t]
            mass[row, slots] = decay * mass[row, slots] + w

            slots, r = read_indices[row, t], read_weights[row, t]
            out[row, t] = np.sum((r / (mass[row, slots] + epsilon))[:, None] * memory[row, slots], axis=0)
    return out, memory, mass


def _check_addresses(op: str, name: str, addresses: np.ndarray, lengths: np.ndarray, slots: int) -> None:
    for row in range(addresses.shape[0]):
        for t in range(lengths[row]):
            seen = set()
            for i, slot in enumerate(addresses[row, t].tolist()):
                if not 0 <= slot < slots:
                    raise refuse(
                        op, f"expected {name} to lie in [0, {slots}), but got {slot} at [{row}, {t}, {i}]"
                    )
                if slot in seen:
                    raise refuse(
                        op,
                        f"expected {name} to name a slot once a token, but got {slot} twice at [{row}, {t}]",
                    )
                seen.add(slot)


def vector_quantize(
    x: Any, codebook: Any, *, metric: str = "l2", groups: int = 1
) -> Tuple[np.ndarray, np.ndarray]:
    """Replace vectors by their nearest codes.

    Args:
        x: vectors, ``[.., C]``.
        codebook: codes, ``[Q, C]``.
        metric: "l2" takes the least distance, "cosine" the largest cosine (0 for zero vectors).
        groups: each group owns ``C / groups`` columns of both and chooses by itself.
    Returns:
        codes ``[..]`` int32, or ``[.., groups]`` with more than one group; the vectors made of the
        chosen codes, ``[.., C]``. Ties go to the lowest index, and a NaN distance counts as the
        least so that a NaN code shows.
    Raises:
        effattn.Error: no codes, ``groups`` does not divide C, or ``metric`` is unknown.
    Source: VQ-VAE, arXiv 1711.00937.
    """
    op = "vector_quantize"
    x, codebook = reals(op, "x", x), reals(op, "codebook", codebook)
    sizes = match_shapes(op, x=(x, ".. C"), codebook=(codebook, "Q C"))
    one_of(op, "metric", metric, ("l2", "cosine"))
    if sizes["C"] % at_least(op, "groups", groups, 1):
        raise refuse(op, f"expected groups to divide the width of x, but got {groups} and {sizes['C']}")
    at_least(op, "codebook Q (dim 0)", sizes["Q"], 1)

    width = sizes["C"] // groups
    codes = np.zeros((*sizes[".."], groups), dtype=np.int32)
    quantized = np.zeros_like(x)
    for g in range(groups):
        columns = slice(g * width, (g + 1) * width)
        for row in np.ndindex(*sizes[".."]):
            distances = _distances(metric, x[row][columns], codebook[:, columns])
            codes[(*row, g)] = np.argmin(distances)
            quantized[row][columns] = codebook[codes[(*row, g)], columns]
    return (codes[..., 0] if groups == 1 else codes), quantized


def _distances(metric: str, vector: np.ndarray, codes: np.ndarray) -> np.ndarray:
    # Sums along rows rather than a product of matrices, so that equal codes tie to the last bit.
    with np.errstate(invalid="ignore"):
        if metric == "l2":
            return np.sum((codes - vector) ** 2, axis=-1)
        # One division at the end: before it small integers are exact, and tie where they should.
        norms = np.maximum(np.linalg.norm(codes, axis=-1), 1e-12) * max(np.linalg.norm(vector), 1e-12)
        return -np.sum(codes * vector, axis=-1) / norms
