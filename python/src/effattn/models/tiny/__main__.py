# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn.models.tiny generate | bench | train | export``, of which the last two need PyTorch."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
from dataclasses import fields
from typing import Any, List

from effattn.error import Error
from effattn.models.generation import Sampler
from effattn.models.store import Store, default_folder
from effattn.models.tiny import bench
from effattn.models.tiny.files import WEIGHTS, Weights, load_weights, plain, save_weights
from effattn.models.tiny.session import TinyModel, Writing


def _generate(options: argparse.Namespace) -> None:
    sampler = Sampler(options.temperature, options.seed)
    prompt = os.fsencode(options.prompt)
    model = TinyModel.open(options.weights, Store(options.folder))
    session = model.start()
    text = Writing(session, prompt, sampler, options.tokens)
    print(prompt.decode(errors="replace"), end="", flush=True)
    for piece in text:
        print(piece, end="", flush=True)
    print()
    written = len(text.text) - len(prompt)
    rate = f", {written / text.seconds:.0f} a second" if written else ""
    print(
        f"prompt: {len(prompt)} bytes in {text.prompt_seconds:.3f} s; "
        f"text: {written} bytes in {text.seconds:.2f} s{rate}; state: {session.used / 1e6:.2f} MB",
        file=sys.stderr,
    )


def _bench(options: argparse.Namespace) -> None:
    report = bench.measure(
        TinyModel.open(options.weights, Store(options.folder)),
        prompt=options.prompt_bytes,
        tokens=options.tokens,
        rounds=options.rounds,
        eager_tokens=options.eager_tokens,
    )
    print(json.dumps(report, indent=1) if options.json else "\n".join(bench.lines(report)))


def _train(options: argparse.Namespace) -> None:
    import torch

    from effattn.models.tiny.model import Config, parameters
    from effattn.models.tiny.training import Plan, Texts, Training

    torch.set_num_threads(options.threads)
    plan = Plan(**{field.name: getattr(options, field.name) for field in fields(Plan)})
    texts = Texts(options.text, plan.tokens + 1)
    training = Training(texts, options.output, Config(), plan)
    until = plan.steps if options.until is None else min(options.until, plan.steps)
    print(f"{parameters(training.model)} parameters, from step {training.step} to {until}")
    training.run(until)
    print(f"{training.measure():.4f} bits per byte of validation; see {training.log}")


def _export(options: argparse.Namespace) -> None:
    import torch

    from effattn.compiler import compile
    from effattn.models.tiny.streaming import Streaming, load_tiny, write
    from effattn.torch.program import Program, export

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


def _parser(with_training: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m effattn.models.tiny")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_running(commands)
    if with_training:
        _add_training(commands)
    return parser


def _add_running(commands: Any) -> None:
    generate = commands.add_parser("generate", help="go on with a text")
    generate.set_defaults(run=_generate)
    generate.add_argument("prompt", metavar="PROMPT", help="at least one byte; any bytes will do")
    generate.add_argument("--temperature", type=float, default=0.7, help="0 takes the likeliest byte")
    generate.add_argument("--seed", type=int, help="of what is drawn; another each time when absent")
    bench_ = commands.add_parser("bench", help="bytes a second, beside PyTorch where it is installed")
    bench_.set_defaults(run=_bench)
    bench_.add_argument("--prompt-bytes", type=int, default=1024, help="taken at once (default: %(default)s)")
    bench_.add_argument("--rounds", type=int, default=5, help="turns of each side (default: %(default)s)")
    bench_.add_argument(
        "--eager-tokens", type=int, default=16, help="bytes that PyTorch takes one by one (default: %(default)s)"
    )
    bench_.add_argument("--json", action="store_true", help="print all numbers for programs")
    for command in (generate, bench_):
        command.add_argument(
            "--tokens", type=int, default=256, help="bytes to take one by one (default: %(default)s)"
        )
        command.add_argument(
            "--weights",
            type=pathlib.Path,
            default=WEIGHTS,
            help="a .safetensors file, or a .pt of PyTorch (default: those of effattn)",
        )
        command.add_argument(
            "--folder", default=default_folder(), help="where compiled functions are kept (default: %(default)s)"
        )


def _add_training(commands: Any) -> None:
    try:
        from effattn.models.tiny.training import Plan
    except ImportError:
        raise Error("expected PyTorch to be installed to train or export: pip install torch brings it") from None

    train = commands.add_parser("train", help="train the model; goes on where the folder's checkpoint is")
    train.set_defaults(run=_train)
    train.add_argument("--text", type=pathlib.Path, required=True, help="a folder of .txt files")
    train.add_argument("--output", type=pathlib.Path, required=True, help="the folder of checkpoint and log")
    train.add_argument("--threads", type=int, default=2, help="of PyTorch (default: %(default)s)")
    train.add_argument("--until", type=int, help="stop before this step")
    for field in fields(Plan):
        flag = "--" + field.name.replace("_", "-")
        train.add_argument(flag, type=type(field.default), default=field.default, help="default: %(default)s")
    export = commands.add_parser("export", help="write weights, or the model as IR or compiled")
    export.set_defaults(run=_export)
    export.add_argument("model", type=pathlib.Path, help="model.pt, checkpoint.pt or .safetensors")
    export.add_argument(
        "-o", "--output", type=pathlib.Path, required=True, help=".safetensors, .mlir, .o, .so, ..."
    )
    export.add_argument(
        "--whole", action="store_true", help="the function of a whole text in place of prefill and decode"
    )


def main(arguments: List[str]) -> int:
    try:
        with_training = not arguments or arguments[0] not in ("generate", "bench")
        options = _parser(with_training).parse_args(arguments)
        options.run(options)
    except (Error, OSError) as error:
        print(f"effattn: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("effattn: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
