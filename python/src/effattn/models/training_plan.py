# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the trainings of all models have in common; nothing here needs PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from effattn.compress.arrays import at_least
from effattn.error import Error


def expect_at_least(least: int, sizes: Any, *names: str) -> None:
    """Refuse the fields of these names that are less."""
    for name in names:
        at_least(name, getattr(sizes, name), least)


def expect_finite(plan: Any, *names: str) -> None:
    """Refuse the fields of these names that are negative, infinite or no number."""
    for name in names:
        value = getattr(plan, name)
        if not 0.0 <= value < math.inf:
            raise Error(f"expected {name} to be finite and not negative, but got {value:g}")


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes:
        steps: how many.
        rate: the largest learning rate, reached after ``warmup`` steps; from there a cosine to a tenth.
        seed: of the weights that a training begins with, and of all that it draws.
    """

    steps: int
    rate: float
    warmup: int
    weight_decay: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        expect_at_least(1, self, "steps")
        expect_at_least(0, self, "warmup", "seed")
        expect_finite(self, "rate", "weight_decay")

    def rate_at(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * (0.1 + 0.45 * (1.0 + math.cos(math.pi * min(share, 1.0))))
