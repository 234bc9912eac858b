# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the commands train, measure and plot do, with PyTorch."""

from __future__ import annotations

import argparse
import itertools
import json
import pathlib
from dataclasses import fields
from typing import Any, List

import torch

from effattn import _native
from effattn.compress.arrays import at_least
from effattn.error import Error
from effattn.models.mqar.examples import Task
from effattn.models.mqar.measuring import conclusions, measure, table
from effattn.models.mqar.model import KINDS, Config
from effattn.models.mqar.picture import draw
from effattn.models.mqar.training import Plan, Training
from effattn.plot import FORMATS, check_picture


def _chosen(kind: Any, options: argparse.Namespace, **more: Any) -> Any:
    """A ``Task``, ``Config`` or ``Plan`` of the options that were given."""
    return kind(**{field.name: getattr(options, field.name) for field in fields(kind)}, **more)


def _train(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    options.pairs, rates, seeds = tuple(options.pairs), options.rate, options.seed
    task, config = _chosen(Task, options), _chosen(Config, options)
    for kind, options.rate, options.seed in itertools.product(options.kind, rates, seeds):
        plan = _chosen(Plan, options)
        # Linear attention has no decay to choose.
        gamma = f"-gamma{config.gamma:g}" if kind == "ram-net" else ""
        folder = f"{kind}-{config.slots}x{config.value_width}{gamma}-rate{plan.rate:g}-seed{plan.seed}"
        training = Training(options.output / folder, kind, config, task, plan)
        training.run(plan.steps)
        print(f"{folder}: loss {sum(training.losses[-20:]) / len(training.losses[-20:]):.4f}", flush=True)


def _measure(options: argparse.Namespace) -> None:
    at_least("queries", options.queries, 1)
    _native.check_writable(str(options.output))
    results = measure(options.folder, options.queries)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))
    print("\n".join(conclusions(results)))


def _plot(options: argparse.Namespace) -> None:
    check_picture(options.output)
    _native.check_writable(str(options.output))
    try:
        results = json.loads(options.results.read_text())
        draw(results, options.output)
    except (ValueError, KeyError, TypeError):
        raise Error(f"expected {options.results} to be what measure wrote") from None


def _add_fields(parser: argparse.ArgumentParser, kind: Any) -> None:
    """An option for each field; several numbers for those that a call trains with in turn."""
    for field in fields(kind):
        several = field.name in ("pairs", "rate", "seed")
        default = field.default
        if several and not isinstance(default, tuple):
            default = (default,)
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=type(default[0] if several else default),
            nargs="+" if several else None,
            default=default,
            help="default: " + (" ".join(map(str, default)) if several else str(default)),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m effattn.models.mqar")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser(
        "train", help="train a model of every kind, rate and seed; goes on where the folder's checkpoints are"
    )
    train.set_defaults(run=_train)
    train.add_argument("--output", type=pathlib.Path, required=True, help="a folder, with one for each model")
    train.add_argument("--kind", nargs="+", choices=list(KINDS), default=list(KINDS), help="default: both")
    for kind in (Task, Config, Plan):
        _add_fields(train, kind)
    measured = commands.add_parser("measure", help="measure trained models by compiled code")
    measured.set_defaults(run=_measure)
    measured.add_argument("folder", type=pathlib.Path, help="what --output of train was")
    measured.add_argument("-o", "--output", type=pathlib.Path, required=True, help="a file of JSON")
    measured.add_argument(
        "--queries", type=int, default=8192, help="for each number of pairs (default: %(default)s)"
    )
    plot = commands.add_parser("plot", help="draw what was measured")
    plot.set_defaults(run=_plot)
    plot.add_argument("results", type=pathlib.Path, help="what -o of measure was")
    plot.add_argument("-o", "--output", type=pathlib.Path, required=True, help=", ".join(FORMATS))
    return parser


def run(arguments: List[str]) -> None:
    options = _parser().parse_args(arguments)
    options.run(options)
