# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the ops share: types to compute in, and checks of what data decides."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from effattn.reference.operands import refuse


def wide(x: Tensor) -> Tensor:
    """In the type that is computed in: f32 for bf16 and f16."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def row_lengths(op: str, name: str, lengths: Optional[Tensor], batch: int, most: int, like: Tensor) -> Tensor:
    """The valid prefix of each row as int64; all of it without ``lengths``."""
    if lengths is None:
        return torch.full((batch,), most, device=like.device)
    outside = (lengths < 0) | (lengths > most)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        raise refuse(op, f"expected {name} to lie in [0, {most}], but got {int(lengths[row])} for row {row}")
    return lengths.long()


def valid_tokens(lengths: Tensor, tokens: int) -> Tensor:
    """Which tokens of each row are there, ``[B, T]``."""
    return torch.arange(tokens, device=lengths.device) < lengths[:, None]


def below(op: str, name: str, values: Tensor, limit: int, among: Optional[Tensor] = None) -> Tensor:
    """The values as int64, refused unless all lie in [0, limit), or those ``among`` which it is asked."""
    outside = (values < 0) | (values >= limit)
    if among is not None:
        outside = outside & among
    if bool(outside.any()):
        place = outside.nonzero()[0].tolist()
        where = ", ".join(map(str, place))
        raise refuse(
            op, f"expected {name} to lie in [0, {limit}), but got {int(values[tuple(place)])} at [{where}]"
        )
    return values.long()
