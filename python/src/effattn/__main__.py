# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""``python -m effattn compile | run | plot | compress | tune | generate | perplexity | stream | bench``.

The tools, pictures, smaller tables, block sizes, and pretrained models. ``compile`` and ``run`` are
effattn-compile and effattn-run: their options follow.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
from typing import Any, List, Optional

import numpy as np

from effattn.error import Error, exit_status

TOOLS = {"compile": "effattn-compile", "run": "effattn-run"}


def _run_tool(name: str, arguments: List[str]) -> None:
    """Becomes the tool; does not return."""
    from effattn.tools import tool

    os.execv(tool(name), [name, *arguments])


def _array(path: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise Error(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except (EOFError, ValueError) as error:
        raise Error(f"{path} is no .npy file: {error}") from None
    except MemoryError as error:
        raise Error(f"{path} is too large: {error}") from None


def _text(path: str) -> str:
    from effattn.compiled import read

    return read(path).decode(errors="replace")


def _plot(options: argparse.Namespace) -> None:
    from effattn import plot

    plot.check_picture(options.output)
    tokens = _text(options.text) if getattr(options, "text", None) else None
    if options.picture == "mask":
        plot.mask_picture(_array(options.mask), options.output, tokens=tokens)
    elif options.picture == "trace":
        plot.access_trace(
            _array(options.writes),
            _array(options.reads),
            options.slots,
            options.output,
            tokens=tokens,
        )
    elif options.picture == "boundaries":
        plot.chunk_boundaries(_text(options.text), _array(options.mask), options.output)
    else:
        from effattn.compiler import compile

        plot.stage_times(
            compile(pathlib.Path(options.model)).stage_times, options.output, title=options.model
        )


def _parser() -> argparse.ArgumentParser:
    # They need the compiler, which may be missing.
    from effattn import tune
    from effattn.models import command as models

    parser = argparse.ArgumentParser(prog="python -m effattn", description=__doc__.replace("``", ""))
    commands = parser.add_subparsers(dest="command", required=True)
    for command, tool in TOOLS.items():
        commands.add_parser(command, help=f"{tool}; its --help lists the options", add_help=False)
    commands.add_parser("compress", help="shrink embedding tables; its --help lists the ways", add_help=False)
    tuning = commands.add_parser("tune", help="measure which block sizes of tuned code suit this machine")
    tuning.set_defaults(run=tune.run)
    tune.add_arguments(tuning)
    models.add_arguments(commands)
    plotting = commands.add_parser("plot", help="draw from .npy files")
    plotting.set_defaults(run=_plot)
    pictures = plotting.add_subparsers(dest="picture", required=True)

    def picture(name: str, text: str) -> argparse.ArgumentParser:
        added = pictures.add_parser(name, help=text, description=text)
        added.add_argument("-o", "--output", required=True, help="the picture: .png, .svg or .pdf")
        return added

    mask = picture("mask", "which keys every query keeps")
    mask.add_argument("mask", help="bool [T, S], .npy")
    mask.add_argument("--text", help="a file with one character a key")
    trace = picture("trace", "which slots of a memory every token writes and reads")
    trace.add_argument("writes", help="integers [T, K], .npy")
    trace.add_argument("reads", help="integers [T, Kr], .npy")
    trace.add_argument("--slots", type=int, required=True, help="slots of the memory")
    trace.add_argument("--text", help="a file with one character a token")
    boundaries = picture("boundaries", "a text with its chunks")
    boundaries.add_argument("text", help="a file")
    boundaries.add_argument("mask", help="bool, one a character, .npy")
    times = picture("times", "how long each stage of the compiler takes")
    times.add_argument("model", help="a .mlir file")
    return parser


def _run(arguments: List[str]) -> Optional[int]:
    if arguments and arguments[0] in TOOLS:
        _run_tool(TOOLS[arguments[0]], arguments[1:])
    if arguments[:1] == ["compress"]:
        from effattn.compress import command

        return command.main(arguments[1:])
    options = _parser().parse_args(arguments)
    options.run(options)
    return None


def main(arguments: List[str]) -> int:
    return exit_status(lambda: _run(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
