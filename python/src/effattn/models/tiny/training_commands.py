# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The commands that need PyTorch: train, curve, ablate, export."""

from __future__ import annotations

import argparse
import pathlib
from dataclasses import fields, replace
from typing import Any

import torch

from effattn.compiler import compile
from effattn.models.tiny import ablations, curve
from effattn.models.tiny.files import Weights, plain, save_weights
from effattn.models.tiny.model import Config, parameters
from effattn.models.tiny.streaming import Streaming, load_tiny, write
from effattn.models.tiny.training import Plan, Texts, Training
from effattn.torch.program import Program, export


def add(commands: Any) -> None:
    """Add the commands to those of a parser."""
    train = commands.add_parser("train", help="train the model; goes on where the folder's checkpoint is")
    train.set_defaults(run=_train)
    _add_plan(train, Plan())
    train.add_argument("--until", type=int, help="stop before this step")
    curve_ = commands.add_parser("curve", help="write the log of a training as a short table and a picture")
    curve_.set_defaults(run=_curve)
    curve_.add_argument("folder", type=pathlib.Path, help="what --output of train was")
    curve_.add_argument("-o", "--output", type=pathlib.Path, required=True, help="a folder")
    ablate = commands.add_parser("ablate", help="train and measure the model without each of its systems")
    ablate.set_defaults(run=_ablate)
    _add_plan(ablate, replace(Plan(), steps=Plan.steps // 6))
    ablate.add_argument("--only", metavar="NAME", help="train one of the models of the table alone")
    export_ = commands.add_parser("export", help="write weights, or the model as IR or compiled")
    export_.set_defaults(run=_export)
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
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch (default: %(default)s)")
    for field in fields(Plan):
        flag, default = "--" + field.name.replace("_", "-"), getattr(plan, field.name)
        parser.add_argument(flag, type=type(default), default=default, help="default: %(default)s")


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})


def _train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    plan = _plan(options)
    texts = Texts(options.text, plan.tokens + 1)
    training = Training(texts, options.output, Config(), plan)
    until = plan.steps if options.until is None else min(options.until, plan.steps)
    print(f"{parameters(training.model)} parameters, from step {training.step} to {until}")
    training.run(until)
    print(f"{training.measure():.4f} bits per byte of validation; see {training.log}")


def _curve(options: argparse.Namespace) -> None:
    options.output.mkdir(parents=True, exist_ok=True)
    log, picture = options.output / "tiny-log.csv", options.output / "tiny-loss.svg"
    curve.write_means(curve.read(options.folder / "log.jsonl"), log)
    curve.draw(log, picture, Config().ratio)
    print(f"wrote {log} and {picture}")


def _ablate(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    plan = _plan(options)
    texts = Texts(options.text, plan.tokens + 1)
    for name in [options.only] if options.only else ablations.ABLATIONS:
        ablations.train(name, texts, options.output, plan)
    if not options.only:
        print(ablations.table(ablations.measure(texts, options.output)))


def _export(options: argparse.Namespace) -> None:
    model = load_tiny(options.model)
    if options.output.suffix == ".safetensors":
        arrays = {name: value.numpy() for name, value in model.state_dict().items()}
        save_weights(options.output, Weights(plain(model.config.stored()), arrays))
        return
    if options.whole:
        example = torch.zeros(2, 8, dtype=torch.int64)
        text = str(Program(export(model, (example,)), "tiny").module)
    else:
        text = str(write(Streaming.of(model)))
    if options.output.suffix == ".mlir":
        options.output.write_text(text)
    else:
        compile(text).save(options.output)
