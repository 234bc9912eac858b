# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers: gated, stacked as an hourglass, and routed to experts."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Tuple

import numpy as np

from effattn.reference.memory import top_k
from effattn.reference.norms import rms_norm
from effattn.reference.operands import at_least, below, integers, match_shapes, one_of, reals, refuse

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _silu(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return x / (1.0 + np.exp(-x))


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


_ACTIVATIONS: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "relu": _relu,
}


def gated_ffn(x: Any, gate: Any, up: Any, down: Any, *, activation: str = "silu") -> np.ndarray:
    """Map rows through a gated hidden layer: ``(act(x gate) * (x up)) down``.

    Args:
        x: rows, ``[.., C]``.
        gate, up: ``[C, F]``.
        down: ``[F, C]``.
        activation: "silu", "gelu" (by the error function), "gelu_tanh" or "relu".
    Returns:
        ``[.., C]``.
    Raises:
        effattn.Error: shapes disagree, or ``activation`` is unknown.
    Source: GLU Variants Improve Transformer, arXiv 2002.05202.
    """
    op = "gated_ffn"
    x, gate, up, down = (
        reals(op, "x", x),
        reals(op, "gate", gate),
        reals(op, "up", up),
        reals(op, "down", down),
    )
    match_shapes(op, x=(x, ".. C"), gate=(gate, "C F"), up=(up, "C F"), down=(down, "F C"))
    one_of(op, "activation", activation, tuple(_ACTIVATIONS))
    return (_ACTIVATIONS[activation](x @ gate) * (x @ up)) @ down


def packed_matmul(x: Any, panels: Any, *, columns: int) -> np.ndarray:
    """Multiply rows by a matrix that was packed ahead of time.

    ``out[.., n] = sum over c of x[.., c] panels[n // W, c, n % W]``. Of a matrix ``[C, N]`` with some
    columns of zeros added, so that W divides them, the panels are
    ``matrix.reshape(C, P, W).swapaxes(0, 1)``.

    Args:
        x: rows, ``[.., C]``.
        panels: W columns of the matrix each, ``[P, C, W]``; 48 suit the tuned code for every CPU.
        columns: N, of the matrix; what the last panel holds behind them takes no part.
    Returns:
        ``[.., N]``.
    Raises:
        effattn.Error: shapes disagree, or P is not ``ceil(N / W)``.
    Source: Van Zee and van de Geijn, BLIS, ACM TOMS 41(3), 2015.
    """
    op = "packed_matmul"
    x, panels = reals(op, "x", x), reals(op, "panels", panels)
    match_shapes(op, x=(x, ".. C"), panels=(panels, "P C W"))
    columns = at_least(op, "columns", columns, 0)
    count, depth, width = panels.shape
    if width < 1:
        raise refuse(op, "expected panels columns (dim 2) to be at least 1, but got 0")
    wanted = -(-columns // width)
    if count != wanted:
        raise refuse(
            op,
            f"expected panels (dim 0) to be {wanted} of {width} columns (dim 2) for {columns} columns, "
            f"but got {count}",
        )
    return x @ panels.swapaxes(0, 1).reshape(depth, count * width)[:, :columns]


def hourglass_ffn(
    x: Any,
    norm: Any,
    gate: Any,
    up: Any,
    down: Any,
    *,
    activation: str = "silu",
    epsilon: float = 1e-6,
) -> np.ndarray:
    """Add Kb narrow gated layers to the rows one after another.

    For i from 0 on: ``x += gated_ffn(rms_norm(x, norm_i), gate_i, up_i, down_i)``.

    Args:
        x: rows, ``[.., C]``.
        norm: weights of the norms, ``[Kb, C]``.
        gate, up: ``[Kb, C, Dh]``; the paper takes Dh from 0.4 C to 0.6 C.
        down: ``[Kb, Dh, C]``.
        activation: as in gated_ffn.
        epsilon: as in rms_norm.
    Returns:
        ``[.., C]``; ``x`` itself when Kb is 0.
    Raises:
        effattn.Error: shapes disagree, or ``activation`` is unknown.
    Source: arXiv 2602.06471.
    """
    op = "hourglass_ffn"
    x, norm = reals(op, "x", x), reals(op, "norm", norm)
    gate, up, down = reals(op, "gate", gate), reals(op, "up", up), reals(op, "down", down)
    sizes = match_shapes(
        op,
        x=(x, ".. C"),
        norm=(norm, "Kb C"),
        gate=(gate, "Kb C Dh"),
        up=(up, "Kb C Dh"),
        down=(down, "Kb Dh C"),
    )
    one_of(op, "activation", activation, tuple(_ACTIVATIONS))
    for i in range(sizes["Kb"]):
        normed = rms_norm(x, norm[i], epsilon=epsilon)
        x = x + gated_ffn(normed, gate[i], up[i], down[i], activation=activation)
    return x


def moe_route(x: Any, w: Any, *, k: int, normalize: bool = True) -> Tuple[np.ndarray, np.ndarray, float]:
    """Choose the k most probable experts of every token.

    Args:
        x: tokens, ``[.., C]``.
        w: router, ``[C, X]``; the probabilities are ``softmax(x w)``.
        k: experts a token, at most X.
        normalize: whether the k gates are divided by their sum.
    Returns:
        gates ``[.., K]``, descending; experts ``[.., K]`` int32, ties to the lowest; the load
        balance ``X sum_e f_e P_e`` with f_e the share of e in all choices and P_e its mean
        probability: 1 when either is uniform, and 0 when there are no choices.
    Raises:
        effattn.Error: ``k`` is above X, or shapes disagree.
    Source: Switch Transformers, arXiv 2101.03961, for the load balance.
    """
    op = "moe_route"
    x, w = reals(op, "x", x), reals(op, "w", w)
    sizes = match_shapes(op, x=(x, ".. C"), w=(w, "C X"))
    count = sizes["X"]
    if at_least(op, "k", k, 0) > count:
        raise refuse(op, f"expected k to be at most the number of experts, but got {k} and {count}")

    logits = x @ w
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
        probabilities = powers / powers.sum(axis=-1, keepdims=True)
    # Logits still differ where probabilities have become 0.
    _, experts = top_k(np.where(np.isnan(probabilities), probabilities, logits), k=k)
    gates = np.take_along_axis(probabilities, experts, axis=-1)
    if normalize:
        gates = gates / gates.sum(axis=-1, keepdims=True)
    if experts.size == 0:
        return gates, experts, 0.0
    shares = np.bincount(experts.ravel(), minlength=count) / experts.size
    means = probabilities.reshape(-1, count).mean(axis=0)
    return gates, experts, float(count * np.sum(shares * means))


def moe_ffn(
    x: Any,
    gates: Any,
    experts: Any,
    gate: Any,
    up: Any,
    down: Any,
    *,
    activation: str = "silu",
) -> np.ndarray:
    """Add up what each token's experts make of it: ``sum_i gates_i gated_ffn_{experts_i}(x)``.

    Args:
        x: tokens, ``[.., C]``.
        gates: weights of the chosen experts, ``[.., K]``.
        experts: the chosen experts, ``[.., K]``; one chosen twice counts twice.
        gate, up: ``[X, C, F]``.
        down: ``[X, F, C]``.
        activation: as in gated_ffn.
    Returns:
        ``[.., C]``. No token is dropped, and the weights of an expert without tokens are not read.
    Raises:
        effattn.Error: an expert is outside [0, X), or shapes disagree.
    Source: Sparsely-Gated Mixture-of-Experts, arXiv 1701.06538.
    """
    op = "moe_ffn"
    x, gates, experts = reals(op, "x", x), reals(op, "gates", gates), integers(op, "experts", experts)
    gate, up, down = reals(op, "gate", gate), reals(op, "up", up), reals(op, "down", down)
    sizes = match_shapes(
        op,
        x=(x, ".. C"),
        gates=(gates, ".. K"),
        experts=(experts, ".. K"),
        gate=(gate, "X C F"),
        up=(up, "X C F"),
        down=(down, "X F C"),
    )
    one_of(op, "activation", activation, tuple(_ACTIVATIONS))
    below(op, "experts", experts, sizes["X"])

    count = math.prod(sizes[".."])
    tokens, out = x.reshape(count, sizes["C"]), np.zeros((count, sizes["C"]))
    weights, chosen = gates.reshape(count, sizes["K"]), experts.reshape(count, sizes["K"])
    for expert in np.unique(chosen):
        rows, places = np.nonzero(chosen == expert)
        made = gated_ffn(tokens[rows], gate[expert], up[expert], down[expert], activation=activation)
        # Not +=, which would count a token that chose an expert twice only once.
        np.add.at(out, rows, weights[rows, places, None] * made)
    return out.reshape(x.shape)
