# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training on texts: seeded, and stopped and taken up again at any step with the same result.

What a step draws, batch and boundaries, depends on the seed and its number alone. A folder holds
``checkpoint.pt`` (weights, optimizer, step), ``log.jsonl`` (a line of JSON a step) and, at the end,
``model.pt``.
"""

from __future__ import annotations

import math
import pathlib
import time
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

import effattn.torch as F
from effattn.error import Error
from effattn.models import checkpoints
from effattn.models.tiny import log
from effattn.models.tiny.model import Config, Output, Tiny
from effattn.models.tiny.plan import Plan

# Windows that a measurement on texts of validation takes.
MEASURED_WINDOWS = 128


class Texts:
    """Bytes of the files ``*.txt`` of a folder; those of its folder ``validation`` are not trained on.

    Without that folder the last twentieth of the bytes is for validation.
    """

    def __init__(self, folder: pathlib.Path, window: int):
        self.window = window
        training, validation = _read(folder), _read(folder / "validation")
        if not len(validation):
            cut = len(training) - len(training) // 20
            training, validation = training[:cut], training[cut:]
        for name, part in (("training", training), ("validation", validation)):
            if len(part) < window:
                raise Error(
                    f"expected at least {window} bytes of text for {name} in {folder}, but got {len(part)}"
                )
        self.training, self.validation = training, validation

    def batch(self, size: int, generator: np.random.Generator) -> Tensor:
        """Windows from anywhere, ``[size, window]``."""
        return self._windows(
            self.training, generator.integers(0, len(self.training) - self.window + 1, size)
        )

    def measured(self, size: int) -> Iterator[Tensor]:
        """The same windows each time, spread over the texts of validation."""
        last = len(self.validation) - self.window
        places = np.linspace(0, last, MEASURED_WINDOWS).astype(np.int64)
        for start in range(0, MEASURED_WINDOWS, size):
            yield self._windows(self.validation, places[start : start + size])

    def _windows(self, text: np.ndarray, places: np.ndarray) -> Tensor:
        return torch.from_numpy(text[places[:, None] + np.arange(self.window)].astype(np.int64))


def _read(folder: pathlib.Path) -> np.ndarray:
    contents = [path.read_bytes() for path in sorted(folder.glob("*.txt"))]
    return np.frombuffer(b"\n".join(contents), np.uint8)


def losses(model: Tiny, plan: Plan, windows: Tensor) -> Tuple[Tensor, Dict[str, float]]:
    """The loss to minimise on windows ``[B, T + 1]``, and what it is made of."""
    output: Output = model(windows[:, :-1])
    nats = functional.cross_entropy(output.logits.flatten(0, 1), windows[:, 1:].flatten())
    ratio = F.ratio_loss(output.p, output.boundaries, ratio=model.config.ratio)
    total = nats + plan.ratio_weight * ratio + plan.balance_weight * output.balance
    parts = {
        "loss": total,
        "bits_per_byte": nats / math.log(2.0),
        "ratio_loss": ratio,
        "balance": output.balance,
        "chunk_rate": output.boundaries.float().mean(),
    }
    return total, {name: round(value.item(), 6) for name, value in parts.items()}


class Training:
    """A model on its way, in a folder."""

    def __init__(self, texts: Texts, folder: pathlib.Path, config: Config, plan: Plan):
        self.texts, self.folder, self.plan = texts, folder, plan
        torch.manual_seed(plan.seed)
        self.model = Tiny(config)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=plan.rate, weight_decay=plan.weight_decay
        )
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()
        self._keep_log()

    @property
    def checkpoint(self) -> pathlib.Path:
        return self.folder / "checkpoint.pt"

    @property
    def log(self) -> pathlib.Path:
        return self.folder / "log.jsonl"

    def _resume(self) -> None:
        stored = load(self.checkpoint)
        wanted = {"config": self.model.config.stored(), "plan": asdict(self.plan)}
        checkpoints.expect_same(self.checkpoint, stored, wanted)
        self.model.load_state_dict(stored["weights"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.step = stored["step"]

    def _keep_log(self) -> None:
        """Forget lines of steps behind the checkpoint."""
        entries = log.read(self.log) if self.log.exists() else []
        log.write(self.log, [entry for entry in entries if entry["step"] < self.step])

    def run(self, until: int) -> None:
        """Take the steps up to ``until``, with a checkpoint at the end."""
        with self.log.open("a") as lines:
            bar = tqdm(range(self.step, until), desc="tiny", disable=None)
            for step in bar:
                entry = self._step(step)
                self.step = step + 1
                is_measured = self.step % self.plan.measure_every == 0 or self.step == self.plan.steps
                if is_measured:
                    entry[log.MEASURED] = self.measure()
                # Before the checkpoint: a line too many is forgotten when a training goes on, one too few
                # would be missing forever.
                lines.write(log.line_of(entry))
                lines.flush()
                if is_measured:
                    self._save()
                bar.set_postfix(bits=entry["bits_per_byte"], rate=entry["chunk_rate"])
        self._save()

    def _step(self, step: int) -> Dict[str, Any]:
        start = time.perf_counter()
        seeds = np.random.SeedSequence([self.plan.seed, step])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        windows = self.texts.batch(self.plan.batch, np.random.default_rng(seeds))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(step)
        self.model.train()
        total, parts = losses(self.model, self.plan, windows)
        if not total.isfinite():
            raise Error(f"expected a finite loss, but got {parts['loss']} in step {step}: lower the rate")
        self.optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return {"step": step, **parts, "seconds": round(time.perf_counter() - start, 3)}

    @torch.no_grad()
    def measure(self) -> float:
        """Bits per byte of texts of validation."""
        self.model.eval()
        found: List[float] = []
        for windows in self.texts.measured(self.plan.batch):
            _, parts = losses(self.model, self.plan, windows)
            found += [parts["bits_per_byte"]] * len(windows)
        return round(sum(found) / len(found), 6)

    def _save(self) -> None:
        stored = {
            "config": self.model.config.stored(),
            "plan": asdict(self.plan),
            "step": self.step,
            "weights": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        checkpoints.write(self.checkpoint, stored)
        if self.step == self.plan.steps:
            model = {key: stored[key] for key in ("config", "step", "weights")}
            checkpoints.write(self.folder / "model.pt", model)


def load(path: pathlib.Path) -> Dict[str, Any]:
    """A checkpoint or a model."""
    return checkpoints.read(path, "effattn-tiny")


def load_model(path: pathlib.Path) -> Tiny:
    """A trained model, ready to be used."""
    stored = load(path)
    model = Tiny(Config.of(stored["config"]))
    try:
        model.load_state_dict(stored["weights"])
    except RuntimeError as problem:
        sentence = str(problem).splitlines()[-1].strip()
        raise Error(f"expected {path} to have the weights of its sizes, but {sentence}") from None
    return model.eval()
