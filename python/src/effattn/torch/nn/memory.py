# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A layer with a memory of constant size."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

import effattn.torch as F


class Memory(NamedTuple):
    """What slots hold, ``[B, M, E]``, and how much was written to each, ``[B, M]``; zeros at the start."""

    contents: Tensor
    mass: Tensor


class Access(NamedTuple):
    """What rows did with a memory."""

    out: Tensor
    """What they read, ``[B, T, C]``."""
    memory: Memory
    """The memory after them."""
    written: Tensor
    """The slots that each wrote to, ``[B, T, K]``."""
    read: Tensor
    """The slots that each read."""


class RamNet(nn.Module):
    """Tokens write values to slots and read slots; addresses are digits (RAM-Net, arXiv 2602.11958).

    Args:
        width: columns of the rows.
        value_width: columns of a slot.
        digits, base: of an address; there are ``base ** digits`` slots.
        kept: slots that a token writes, and that it reads.
        shift: how addresses turn with positions, as in ``cyclic_shift``.
        gamma: strength of the decay.
    """

    def __init__(
        self,
        width: int,
        value_width: int,
        *,
        digits: int,
        base: int,
        kept: int,
        shift: str = "digits",
        gamma: float = 1.0,
    ):
        super().__init__()
        self.digits, self.kept, self.shift, self.gamma = digits, kept, shift, gamma
        self.slots, self.value_width = base**digits, value_width
        self.write = nn.Linear(width, digits * base, bias=False)
        self.read = nn.Linear(width, digits * base, bias=False)
        self.value = nn.Linear(width, value_width, bias=False)
        self.output = nn.Linear(value_width, width, bias=False)

    def start(self, x: Tensor) -> Memory:
        """A memory for each of the rows ``[B, T, C]`` that nothing was written to."""
        batch, device = x.shape[0], x.device
        contents = torch.zeros(batch, self.slots, self.value_width, device=device)
        return Memory(contents, torch.zeros(batch, self.slots, device=device))

    def address(self, logits: Tensor, positions: Tensor) -> Tuple[Tensor, Tensor]:
        """The weights and slots, ``[B, T, kept]``, that logits ask for."""
        return F.address_decode(
            logits,
            digits=self.digits,
            k=self.kept,
            positions=positions,
            normalize=True,
            mode=self.shift,
        )

    def forward(
        self,
        x: Tensor,
        *,
        positions: Optional[Tensor] = None,
        memory: Optional[Memory] = None,
        lengths: Optional[Tensor] = None,
    ) -> Tuple[Tensor, Memory]:
        """What the rows ``[B, T, C]`` read, and the memory after them; an empty one when absent."""
        return self.access(x, positions=positions, memory=memory, lengths=lengths)[:2]

    def access(
        self,
        x: Tensor,
        *,
        positions: Optional[Tensor] = None,
        memory: Optional[Memory] = None,
        lengths: Optional[Tensor] = None,
    ) -> Access:
        """The same with the slots."""
        batch, tokens, _ = x.shape
        if positions is None:
            positions = torch.arange(tokens, device=x.device).expand(batch, tokens)
        write, read = (self.address(map(x), positions) for map in (self.write, self.read))
        memory = self.start(x) if memory is None else memory
        out, *after = F.address_memory(
            *write, self.value(x), *read, *memory, lengths=lengths, gamma=self.gamma
        )
        return Access(self.output(out), Memory(*after), write[1], read[1])
