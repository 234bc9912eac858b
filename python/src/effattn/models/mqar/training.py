# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training on examples with several numbers of pairs: seeded, and taken up again with the same result.

The examples of a step depend on the seed and its number alone. A folder holds ``checkpoint.pt``: the
weights, the optimizer, and the loss of every step.
"""

from __future__ import annotations

import pathlib
from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from effattn.error import Error
from effattn.models import checkpoints
from effattn.models.mqar.examples import Batch, Task
from effattn.models.mqar.model import Config, Model
from effattn.models.training_plan import TrainingPlan, expect_at_least

# What the examples of a seed are for.
TRAINING, VALIDATION, TEST = range(3)


@dataclass(frozen=True)
class Plan(TrainingPlan):
    """How to train.

    Attributes:
        pairs: the numbers of pairs, which take turns.
        tokens: of all examples of a step.
        save_every: steps between checkpoints.
    """

    pairs: Tuple[int, ...] = (4, 8, 16, 32, 64)
    steps: int = 600
    rate: float = 1e-2
    warmup: int = 50
    tokens: int = 1024
    save_every: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_at_least(1, self, "tokens", "save_every")

    def check(self, task: Task) -> None:
        """Refuse numbers of pairs that the task has no keys for, or that no step could hold."""
        for pairs in self.pairs:
            if not 1 <= pairs <= task.keys:
                raise Error(f"expected 1 to {task.keys} pairs, as many as there are keys, but got {pairs}")
            if 4 * pairs > self.tokens:
                raise Error(
                    f"expected a step to have the {4 * pairs} tokens of {pairs} pairs, but got {self.tokens}"
                )


def answers(logits: Callable[[Tensor], Tensor], batch: Batch) -> Tensor:
    """The logits of each query, ``[B, N, values]``."""
    found = logits(batch.ids)
    return found.gather(1, batch.queries[..., None].expand(-1, -1, found.shape[2]))


def accuracy(logits: Callable[[Tensor], Tensor], batch: Batch) -> float:
    """The share of queries whose value has the largest logit."""
    return (answers(logits, batch).argmax(-1) == batch.answers).double().mean().item()


class Training:
    """A model on its way, in a folder."""

    def __init__(self, folder: pathlib.Path, kind: str, config: Config, task: Task, plan: Plan):
        plan.check(task)
        self.folder, self.kind, self.config, self.task, self.plan = folder, kind, config, task, plan
        torch.manual_seed(plan.seed)
        self.model = Model(kind, config, task)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), weight_decay=plan.weight_decay)
        self.losses: List[float] = []
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> pathlib.Path:
        return self.folder / "checkpoint.pt"

    @property
    def step(self) -> int:
        return len(self.losses)

    def _begun(self) -> Dict[str, Any]:
        return {
            "config": {"kind": self.kind, **asdict(self.config)},
            "task": asdict(self.task),
            "plan": asdict(self.plan),
        }

    def _resume(self) -> None:
        stored = load(self.checkpoint)
        checkpoints.expect_same(self.checkpoint, stored, self._begun())
        self.model.load_state_dict(stored["weights"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.losses = stored["losses"]

    def run(self, until: int) -> None:
        """Take the steps up to ``until``, with a checkpoint at the end."""
        for step in tqdm(range(self.step, until), desc=self.folder.name, disable=None):
            self.losses.append(self._step(step))
            if self.step % self.plan.save_every == 0 or self.step == until:
                self._save()

    def _step(self, step: int) -> float:
        pairs = self.plan.pairs[step % len(self.plan.pairs)]
        batch = self.task.batch(pairs, self.plan.tokens // (4 * pairs), (self.plan.seed, TRAINING, step))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(step)
        loss = functional.cross_entropy(answers(self.model, batch).flatten(0, 1), batch.answers.flatten())
        if not loss.isfinite():
            raise Error(f"expected a finite loss, but got {loss.item()} in step {step}: lower the rate")
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def _save(self) -> None:
        state = {
            "weights": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
        }
        checkpoints.write(self.checkpoint, {**self._begun(), **state})


def load(path: pathlib.Path) -> Dict[str, Any]:
    stored = checkpoints.read(path, "effattn.models.mqar")
    if "losses" not in stored:
        raise Error(f"{path} is no checkpoint of effattn.models.mqar")
    return stored


class Trained:
    """A model whose training has ended."""

    def __init__(self, path: pathlib.Path):
        stored = load(path)
        try:
            sizes = dict(stored["config"])
            self.kind = sizes.pop("kind")
            self.config, self.task = Config(**sizes), Task(**stored["task"])
            self.plan = Plan(**stored["plan"])
            self.model = Model(self.kind, self.config, self.task)
            self.model.load_state_dict(stored["weights"])
        except (KeyError, TypeError, RuntimeError):
            raise Error(f"expected {path} to hold a model of MQAR, but it has other sizes or names") from None
        if len(stored["losses"]) < self.plan.steps:
            raise Error(
                f"expected {path} to have taken {self.plan.steps} steps, but it has taken "
                f"{len(stored['losses'])}: train it to its end"
            )
        self.model.eval()
