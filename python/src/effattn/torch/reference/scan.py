# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear recurrences in parallel, which autograd differentiates in as few steps."""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor


def recurrence(decay: Tensor, inputs: Tensor, restart: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """``x_t = decay_t x_{t-1} + inputs_t`` along dim 1, from 0 at the start and where ``restart`` says.

    Args:
        decay: ``[B, T]``.
        inputs: ``[B, T, C]``.
        restart: ``[B, T]`` bool.
    Returns:
        x ``[B, T, C]``; the product of the decays since the start, ``[B, T]``; whether there was a
        restart since, ``[B, T]``. So ``x + product * x_{-1}``, where there was none, begins at x_{-1}.
    Source: Hillis and Steele, Data parallel algorithms, CACM 29(12), 1986.
    """
    tokens, reach = inputs.shape[1], 1
    while reach < tokens:
        joined = ~restart[:, reach:]
        sums = inputs[:, reach:] + decay[:, reach:, None] * inputs[:, :-reach]
        products = decay[:, reach:] * decay[:, :-reach]
        inputs = torch.cat([inputs[:, :reach], torch.where(joined[..., None], sums, inputs[:, reach:])], 1)
        decay = torch.cat([decay[:, :reach], torch.where(joined, products, decay[:, reach:])], 1)
        restart = torch.cat([restart[:, :reach], restart[:, reach:] | restart[:, :-reach]], 1)
        reach *= 2
    return inputs, decay, restart
