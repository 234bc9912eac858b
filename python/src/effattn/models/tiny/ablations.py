# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What each system does for the model: it is trained again without each, with as many parameters.

Parameters that a system leaves go to the widths of feed-forward layers, and those that its stand-in needs
more come from there. All are trained with the same seed and plan.
"""

from __future__ import annotations

import math
import pathlib
import statistics
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List

import numpy as np
import torch
from torch import Tensor

from effattn.compiler import compile
from effattn.error import Error
from effattn.models.tiny import log
from effattn.models.tiny.model import Config, Tiny, parameters
from effattn.models.tiny.plan import Plan
from effattn.models.tiny.training import Texts, Training, load_model

ABLATIONS: Dict[str, Dict[str, Any]] = {
    "all systems": {},
    "a table without cores": {"rows": (256,), "columns": (160,), "ranks": (), "narrow": 77},
    "attention to all bytes": {"attention": "causal"},
    "no memory": {"memory": False, "narrow": 85},
    "no concepts": {"concepts": False, "hidden": 149},
    "one wide layer for an hourglass": {"blocks": 1, "narrow": 240},
}

# Bytes of the text that is timed and whose state is counted, and rounds of the timing.
TOKENS, ROUNDS = 2048, 9


@dataclass(frozen=True)
class Row:
    """A model and what was measured of it."""

    name: str
    parameters: int
    bits_per_byte: float
    milliseconds: float
    """Of compiled code, a byte of a text of ``TOKENS``."""
    state_bytes: int
    """What later bytes need of that text."""


def train(name: str, texts: Texts, folder: pathlib.Path, plan: Plan) -> None:
    """Train a model of the table, from where its checkpoint is if there is one."""
    if name not in ABLATIONS:
        raise Error(f'expected one of {", ".join(ABLATIONS)}, but got "{name}"')
    print(name)
    Training(texts, _place(folder, name), replace(Config(), **ABLATIONS[name]), plan).run(plan.steps)


def _place(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / name.replace(" ", "-")


def measure(texts: Texts, folder: pathlib.Path) -> List[Row]:
    """Measure the models of a folder; their compiled forms take turns."""
    text = torch.from_numpy(texts.validation[:TOKENS].astype(np.int64))[None]
    models = {name: load_model(_place(folder, name) / "model.pt") for name in ABLATIONS}
    compiled = {name: compile(model, (text[:, :64],), entry="tiny") for name, model in models.items()}
    times = _milliseconds(compiled, text)
    rows = []
    for name, model in models.items():
        bits = log.read(_place(folder, name) / "log.jsonl")[-1][log.MEASURED]
        rows.append(Row(name, parameters(model), bits, times[name], state_bytes(model, text)))
    return rows


def _milliseconds(compiled: Dict[str, Callable[[Tensor], Any]], text: Tensor) -> Dict[str, float]:
    rounds: Dict[str, List[float]] = {name: [] for name in compiled}
    for model in compiled.values():
        model(text)
    for _ in range(ROUNDS):
        for name, model in compiled.items():
            start = time.perf_counter()
            model(text)
            rounds[name].append((time.perf_counter() - start) * 1e3 / text.shape[1])
    return {name: statistics.median(times) for name, times in rounds.items()}


@torch.no_grad()
def state_bytes(model: Tiny, text: Tensor) -> int:
    """What the bytes behind ``text [1, T]`` need of it: keys and values, slots, and rows of concepts."""
    config, tokens = model.config, text.shape[1]
    separators = int(model.separators[text].sum())
    kept = tokens if config.attention == "causal" else config.initial + separators + config.window
    concepts = int(model(text).boundaries.sum())
    pairs = (config.encoder + config.decoder) * min(kept, tokens) + config.concept_layers * concepts
    numbers = 2 * config.width * pairs
    if config.memory:
        numbers += config.base**config.digits * (config.value_width + 1)
    if config.concepts:
        numbers += 2 * config.width
    return numbers * torch.finfo(model.norm.weight.dtype).bits // 8


def table(rows: List[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| model | parameters | bits per byte | µs a byte | state, kB |",
        "|-------|------------|---------------|-----------|-----------|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.parameters} | {row.bits_per_byte:.3f} | {row.milliseconds * 1e3:.1f} "
            f"| {math.ceil(row.state_bytes / 1000)} |"
        )
    return "\n".join(lines)
