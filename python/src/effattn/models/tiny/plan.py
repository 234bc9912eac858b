# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a training is to do; nothing here needs PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from effattn.models.training_plan import TrainingPlan, expect_at_least


@dataclass(frozen=True)
class Plan(TrainingPlan):
    """How to train.

    Attributes:
        batch, tokens: windows of a step, and bytes of each that are predicted.
        ratio_weight, balance_weight: of the losses beside that of the next byte.
        measure_every: steps between measurements on texts of validation, and between checkpoints; the last
            step has both.
    """

    steps: int = 4000
    rate: float = 2e-3
    warmup: int = 100
    batch: int = 8
    tokens: int = 256
    ratio_weight: float = 0.1
    balance_weight: float = 0.01
    measure_every: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_at_least(1, self, "batch", "tokens", "measure_every")
