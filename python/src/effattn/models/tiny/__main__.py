# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn.models.tiny generate | bench | train | curve | ablate | export``.

All but the first two need PyTorch.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pathlib
import sys
from typing import Any, List

from effattn.error import exit_status
from effattn.models.generation import Sampler
from effattn.models.store import Store, default_folder
from effattn.models.tiny import bench, training_options
from effattn.models.tiny.files import WEIGHTS
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m effattn.models.tiny")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_running(commands)
    training_options.add(commands)
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
        "--eager-tokens",
        type=int,
        default=16,
        help="bytes that PyTorch takes one by one (default: %(default)s)",
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
            "--folder",
            default=default_folder(),
            help="where compiled functions are kept (default: %(default)s)",
        )


def main(arguments: List[str]) -> int:
    options = _parser().parse_args(arguments)
    # What the model writes may be any character, which not every terminal has.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return exit_status(lambda: options.run(options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
