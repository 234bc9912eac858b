# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How well trained models recall, by compiled code, and what that says."""

from __future__ import annotations

import copy
import pathlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Dict, List, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

import effattn
from effattn.error import Error
from effattn.models.mqar.model import Model, state_bytes
from effattn.models.mqar.training import TEST, VALIDATION, Trained, accuracy

# Apart from all seeds of trainings: every model sees the same examples.
SEED = 2**32
RAM_NET, LINEAR = "ram-net", "linear-attention"


class CompiledModel:
    """The logits of a model by compiled code, for examples of all sizes.

    The weights are inputs of the code: it serves every model of the same kind and sizes.
    """

    def __init__(self, model: Model):
        self.model = copy.deepcopy(model)
        self.compiled = effattn.compile(
            self.model, (torch.zeros(2, 8, dtype=torch.int64),), entry="mqar", threads="none"
        )

    def take(self, model: Model) -> None:
        """Use the weights of another model."""
        self.model.load_state_dict(model.state_dict())

    def __call__(self, ids: Tensor) -> Tensor:
        return self.compiled(ids)


@dataclass(frozen=True)
class Measurement:
    """Of one trained model: its accuracy for each number of pairs."""

    trained: Trained
    validation: List[float]
    test: List[float]

    @staticmethod
    def of(trained: Trained, compiled: CompiledModel, queries: int) -> "Measurement":
        """Over about as many queries for each number of pairs."""
        compiled.take(trained.model)

        def measure(stream: int) -> List[float]:
            return [
                accuracy(compiled, trained.task.batch(pairs, max(queries // pairs, 1), (SEED, stream, pairs)))
                for pairs in trained.plan.pairs
            ]

        return Measurement(trained, measure(VALIDATION), measure(TEST))


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def _row(group: List[Measurement]) -> Dict[str, Any]:
    """What trainings found that differ by their seed alone."""
    first = group[0].trained
    return {
        "kind": first.kind,
        "state_bytes": state_bytes(first.model),
        "parameters": sum(parameter.numel() for parameter in first.model.parameters()),
        "config": asdict(first.config),
        "task": asdict(first.task),
        "plan": {key: value for key, value in asdict(first.plan).items() if key != "seed"},
        "seeds": [each.trained.plan.seed for each in group],
        "validation": _mean([_mean(each.validation) for each in group]),
        "accuracy": [list(by_seed) for by_seed in zip(*(each.test for each in group))],
    }


def measure(folder: pathlib.Path, queries: int) -> Dict[str, Any]:
    """All models of a folder, and which of a kind and size of state did best on examples of validation."""
    paths = sorted(folder.glob("*/checkpoint.pt"))
    if not paths:
        raise Error(f"expected trained models in {folder}, but there are none")
    groups: Dict[Any, List[Measurement]] = {}
    code: Dict[Any, CompiledModel] = {}
    for trained in tqdm([Trained(path) for path in paths], desc="measuring", disable=None):
        sizes = trained.kind, trained.config, trained.task
        if sizes not in code:
            code[sizes] = CompiledModel(trained.model)
        measured = Measurement.of(trained, code[sizes], queries)
        groups.setdefault((*sizes, replace(trained.plan, seed=0)), []).append(measured)
    rows = [_row(group) for group in groups.values()]
    for what in ("task", "pairs"):
        found = [row["plan"]["pairs"] if what == "pairs" else row["task"] for row in rows]
        if any(each != found[0] for each in found):
            raise Error(f"expected the models of {folder} to have one {what}, but they have several")
    for row in rows:
        rivals = [other for other in rows if _place(other) == _place(row)]
        row["chosen"] = row is max(rivals, key=lambda rival: rival["validation"])
    return {"queries": queries, "pairs": list(rows[0]["plan"]["pairs"]), "rows": sorted(rows, key=_place)}


def _place(row: Dict[str, Any]) -> Any:
    return row["state_bytes"], row["kind"]


def chosen(results: Dict[str, Any]) -> Dict[int, Dict[str, Dict[str, Any]]]:
    """The best row of each kind, by bytes of state."""
    found: Dict[int, Dict[str, Dict[str, Any]]] = {}
    for row in results["rows"]:
        if row["chosen"]:
            found.setdefault(row["state_bytes"], {})[row["kind"]] = row
    return found


def conclusions(results: Dict[str, Any]) -> List[str]:
    """A sentence for each size of state: where RAM-Net is ahead, and where it is not."""
    return [
        f"{size} bytes of state: {_compare(results['pairs'], kinds[RAM_NET], kinds[LINEAR])}"
        for size, kinds in chosen(results).items()
        if {RAM_NET, LINEAR} <= set(kinds)
    ]


def _compare(pairs: List[int], ours: Dict[str, Any], theirs: Dict[str, Any]) -> str:
    """A side is ahead where its worst seed is better than the other's best."""
    columns = list(zip(pairs, ours["accuracy"], theirs["accuracy"]))
    ahead = [str(count) for count, left, right in columns if min(left) > max(right)]
    behind = [str(count) for count, left, right in columns if max(left) < min(right)]
    means = (f"{100 * _mean(list(map(_mean, row['accuracy']))):.1f} %" for row in (ours, theirs))
    return (
        "RAM-Net recalls {} and linear attention {} on average; RAM-Net is ahead at {} pairs, "
        "linear attention at {}".format(*means, ", ".join(ahead) or "no", ", ".join(behind) or "no")
    )


def table(results: Dict[str, Any]) -> str:
    """Markdown: the best of each kind and size of state, means over seeds with the least and the most."""
    pairs = [f"{count} pairs" for count in results["pairs"]]
    head = ["model", "state, bytes a layer", "parameters", "rate", "gamma", *pairs]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for kinds in chosen(results).values():
        for row in kinds.values():
            # Linear attention has no decay.
            gamma = f"{row['config']['gamma']:g}" if row["kind"] == RAM_NET else ""
            cells = [row["kind"], row["state_bytes"], row["parameters"], row["plan"]["rate"], gamma]
            cells += [
                f"{100 * _mean(seeds):.1f} ({100 * min(seeds):.1f}-{100 * max(seeds):.1f})"
                for seeds in row["accuracy"]
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
