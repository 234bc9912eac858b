# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a training is to do; nothing here needs PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from effattn.error import Error


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        steps: how many.
        batch, tokens: windows of a step, and bytes of each that are predicted.
        rate: the largest learning rate, reached after ``warmup`` steps; from there a cosine to a tenth.
        ratio_weight, balance_weight: of the losses beside that of the next byte.
        measure_every: steps between measurements on texts of validation, and between checkpoints; the last
            step has both.
    """

    steps: int = 4000
    batch: int = 8
    tokens: int = 256
    rate: float = 2e-3
    warmup: int = 100
    weight_decay: float = 0.01
    ratio_weight: float = 0.1
    balance_weight: float = 0.01
    measure_every: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "tokens", "measure_every"):
            if getattr(self, name) < 1:
                raise Error(f"expected {name} to be at least 1, but got {getattr(self, name)}")
        if self.seed < 0:
            raise Error(f"expected seed not to be negative, but got {self.seed}")

    def rate_at(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * (0.1 + 0.45 * (1.0 + math.cos(math.pi * min(share, 1.0))))
