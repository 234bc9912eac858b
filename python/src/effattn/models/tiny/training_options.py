# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The options of the commands that need PyTorch, which is looked for when one of them runs."""

from __future__ import annotations

import argparse
import pathlib
from dataclasses import fields, replace
from typing import Any, Callable

from effattn.models.packages import require_torch
from effattn.models.tiny.plan import Plan


def _with_torch(command: str) -> Callable[[argparse.Namespace], None]:
    def run(options: argparse.Namespace) -> None:
        require_torch(f"run {command}")
        from effattn.models.tiny import training_commands

        getattr(training_commands, command)(options)

    return run


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, but got {text}")
    return int(text)


def add(commands: Any) -> None:
    """Add the commands to those of a parser."""
    train = commands.add_parser("train", help="train the model; goes on where the folder's checkpoint is")
    train.set_defaults(run=_with_torch("train"))
    _add_plan(train, Plan())
    train.add_argument("--until", type=int, help="stop before this step")
    curve_ = commands.add_parser("curve", help="write the log of a training as a short table and a picture")
    curve_.set_defaults(run=_with_torch("curve"))
    curve_.add_argument("folder", type=pathlib.Path, help="what --output of train was")
    curve_.add_argument("-o", "--output", type=pathlib.Path, required=True, help="a folder")
    ablate = commands.add_parser("ablate", help="train and measure the model without each of its systems")
    ablate.set_defaults(run=_with_torch("ablate"))
    _add_plan(ablate, replace(Plan(), steps=Plan.steps // 6))
    ablate.add_argument("--only", metavar="NAME", help="train one of the models of the table alone")
    export_ = commands.add_parser("export", help="write weights, or the model as IR or compiled")
    export_.set_defaults(run=_with_torch("export"))
    export_.add_argument("model", type=pathlib.Path, help="model.pt, checkpoint.pt or .safetensors")
    export_.add_argument(
        "-o", "--output", type=pathlib.Path, required=True, help=".safetensors, .mlir, .o, .so, ..."
    )
    export_.add_argument(
        "--whole", action="store_true", help="the function of a whole text in place of prefill and decode"
    )


def _add_plan(parser: argparse.ArgumentParser, plan: Plan) -> None:
    parser.add_argument("--text", type=pathlib.Path, required=True, help="a folder of .txt files")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the folder of checkpoint and log")
    parser.add_argument("--threads", type=_positive, default=2, help="of PyTorch (default: %(default)s)")
    for field in fields(Plan):
        flag, default = "--" + field.name.replace("_", "-"), getattr(plan, field.name)
        parser.add_argument(flag, type=type(default), default=default, help="default: %(default)s")
