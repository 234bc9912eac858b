# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the commands of ``training_options`` do, with PyTorch."""

from __future__ import annotations

import argparse
from dataclasses import fields

import torch

from effattn import _native
from effattn.compiler import compile
from effattn.files import whole_file
from effattn.models.tiny import ablations
from effattn.models.tiny.curve import draw, read_measured, write_means
from effattn.models.tiny.files import Weights, plain, save_weights
from effattn.models.tiny.model import Config, parameters
from effattn.models.tiny.plan import Plan
from effattn.models.tiny.streaming import Streaming, load_tiny, write
from effattn.models.tiny.training import Texts, Training
from effattn.torch.program import Program
from effattn.torch.program import export as export_program


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    plan = _plan(options)
    texts = Texts(options.text, plan.tokens + 1)
    training = Training(texts, options.output, Config(), plan)
    until = plan.steps if options.until is None else min(options.until, plan.steps)
    print(f"{parameters(training.model)} parameters, from step {training.step} to {until}")
    training.run(until)
    print(f"{training.measure():.4f} bits per byte of validation; see {training.log}")


def curve(options: argparse.Namespace) -> None:
    entries = read_measured(options.folder / "log.jsonl")
    options.output.mkdir(parents=True, exist_ok=True)
    means, picture = options.output / "tiny-log.csv", options.output / "tiny-loss.svg"
    write_means(entries, means)
    draw(means, picture, Config().ratio)
    print(f"wrote {means} and {picture}")


def ablate(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    plan = _plan(options)
    texts = Texts(options.text, plan.tokens + 1)
    for name in ablations.ABLATIONS if options.only is None else [options.only]:
        ablations.train(name, texts, options.output, plan)
    if options.only is None:
        print(ablations.table(ablations.measure(texts, options.output)))


def export(options: argparse.Namespace) -> None:
    _native.check_writable(str(options.output))
    model = load_tiny(options.model)
    if options.output.suffix == ".safetensors":
        arrays = {name: value.numpy() for name, value in model.state_dict().items()}
        save_weights(options.output, Weights(plain(model.config.stored()), arrays))
        return
    if options.whole:
        example = torch.zeros(2, 8, dtype=torch.int64)
        text = str(Program(export_program(model, (example,)), "tiny").module)
    else:
        text = str(write(Streaming.of(model)))
    if options.output.suffix == ".mlir":
        with whole_file(options.output) as file:
            file.write(text.encode())
    else:
        compile(text).save(options.output)
