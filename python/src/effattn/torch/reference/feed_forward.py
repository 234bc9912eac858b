# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feed-forward layers: gated, stacked as an hourglass, and routed to experts."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from effattn.reference.operands import refuse
from effattn.torch.reference.memory import top_k
from effattn.torch.reference.norms import rms_norm
from effattn.torch.reference.operands import below, wide

_ACTIVATIONS: Dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
}


def gated_ffn(x: Tensor, gate: Tensor, up: Tensor, down: Tensor, activation: str = "silu") -> Tensor:
    rows = wide(x)
    hidden = _ACTIVATIONS[activation](rows @ wide(gate)) * (rows @ wide(up))
    return (hidden @ wide(down)).to(x.dtype)


def packed_matmul(x: Tensor, panels: Tensor, columns: int) -> Tensor:
    op, (count, depth, width) = "packed_matmul", panels.shape
    wanted = -(-columns // max(width, 1))
    if width < 1 or count != wanted:
        raise refuse(
            op,
            f"expected panels (dim 0) to be {wanted} of {width} columns (dim 2) for {columns} columns, "
            f"but got {count}",
        )
    matrix = panels.transpose(0, 1).reshape(depth, count * width)[:, :columns]
    return (wide(x) @ wide(matrix)).to(x.dtype)


def hourglass_ffn(
    x: Tensor,
    norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
    activation: str = "silu",
    epsilon: float = 1e-6,
) -> Tensor:
    rows = wide(x)
    for i in range(len(norm)):
        rows = rows + gated_ffn(rms_norm(rows, norm[i], epsilon), gate[i], up[i], down[i], activation)
    return rows.to(x.dtype)


def moe_route(x: Tensor, w: Tensor, k: int, normalize: bool = True) -> Tuple[Tensor, Tensor, Tensor]:
    count = w.shape[1]
    if k > count:
        raise refuse("moe_route", f"expected k to be at most the number of experts, but got {k} and {count}")
    logits = wide(x) @ wide(w)
    probabilities = logits.softmax(-1)
    # Logits still differ where probabilities have become 0.
    _, experts = top_k(torch.where(probabilities.isnan(), probabilities, logits), k)
    gates = probabilities.gather(-1, experts.long())
    if normalize:
        gates = gates / gates.sum(-1, keepdim=True)
    if not experts.numel():
        return gates, experts, gates.new_zeros(())
    shares = torch.bincount(experts.flatten(), minlength=count).to(gates.dtype) / experts.numel()
    return gates, experts, count * (shares * probabilities.reshape(-1, count).mean(0)).sum()


def moe_ffn(
    x: Tensor,
    gates: Tensor,
    experts: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
    activation: str = "silu",
) -> Tensor:
    below("moe_ffn", "experts", experts, len(gate))
    kept = experts.shape[-1]
    tokens = wide(x).reshape(x.shape[:-1].numel(), x.shape[-1])
    weights, chosen = wide(gates).reshape(len(tokens), kept), experts.reshape(len(tokens), kept)
    out = torch.zeros_like(tokens)
    for expert in range(len(gate)):
        rows, places = (chosen == expert).nonzero(as_tuple=True)
        if len(rows):
            made = gated_ffn(tokens[rows], gate[expert], up[expert], down[expert], activation)
            out = out.index_add(0, rows, weights[rows, places, None] * made)
    return out.reshape(x.shape).to(x.dtype)
