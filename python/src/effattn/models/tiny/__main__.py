# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn.models.tiny train | export``."""

from __future__ import annotations

import argparse
import pathlib
import sys
from dataclasses import fields
from typing import List

import torch

from effattn.error import Error
from effattn.models.tiny.model import Config, parameters
from effattn.models.tiny.training import Plan, Texts, Training, load_model


def _train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    plan = Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})
    texts = Texts(options.text, plan.tokens + 1)
    training = Training(texts, options.output, Config(), plan)
    until = plan.steps if options.until is None else min(options.until, plan.steps)
    print(f"{parameters(training.model)} parameters, from step {training.step} to {until}")
    training.run(until)
    print(f"{training.measure():.4f} bits per byte of validation; see {training.log}")


def _export(options: argparse.Namespace) -> None:
    from effattn.compiler import compile
    from effattn.torch.program import Program, export

    model, example = load_model(options.model), torch.zeros(2, 8, dtype=torch.int64)
    if options.output.suffix == ".mlir":
        program = Program(export(model, (example,)), "tiny")
        options.output.write_text(str(program.module))
    else:
        compile(model, (example,), entry="tiny").save(options.output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m effattn.models.tiny")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train the model; goes on where the folder's checkpoint is")
    train.set_defaults(run=_train)
    train.add_argument("--text", type=pathlib.Path, required=True, help="a folder of .txt files")
    train.add_argument("--output", type=pathlib.Path, required=True, help="the folder of checkpoint and log")
    train.add_argument("--threads", type=int, default=2, help="of PyTorch (default: %(default)s)")
    train.add_argument("--until", type=int, help="stop before this step")
    for field in fields(Plan):
        flag = "--" + field.name.replace("_", "-")
        train.add_argument(flag, type=type(field.default), default=field.default, help="default: %(default)s")
    export = commands.add_parser("export", help="write a trained model as IR (.mlir), or compile it")
    export.set_defaults(run=_export)
    export.add_argument("model", type=pathlib.Path, help="model.pt or checkpoint.pt")
    export.add_argument("-o", "--output", type=pathlib.Path, required=True, help=".mlir, .o, .so, ...")
    return parser


def main(arguments: List[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (Error, OSError) as error:
        print(f"effattn: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
