# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line: ``python -m effattn compress tt|mixed|vq|lora|show ...``."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence


from effattn.compress.adapters import extract_lora
from effattn.compress.codebooks import METRICS, learn_codebook
from effattn.compress.mixed_widths import CLIPPINGS, COMPENSATIONS, SCALE_TYPES, quantize_rows
from effattn.compress.result import Compressed
from effattn.compress.store import load, read_table, save, writable
from effattn.compress.tensor_trains import tensor_train
from effattn.error import Error

# Errors and their sentences go to standard error under this name.
PROGRAM = "effattn compress"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the ways of compressing, each a subcommand, whose arguments ``run`` takes."""
    parser.description = "Compress an embedding table into the operands of an effattn op."
    ways = parser.add_subparsers(dest="way", metavar="tt|mixed|vq|lora|show", required=True)
    _add_tensor_train(ways)
    _add_mixed(ways)
    _add_codebook(ways)
    _add_lora(ways)
    show = ways.add_parser("show", help="print the report and the operands of a compressed table")
    show.add_argument("file", metavar="FILE", help="what another subcommand wrote")
    show.set_defaults(start=_show)


def run(arguments: argparse.Namespace) -> int:
    """Do what parsed arguments say.

    Returns:
        0, or 1 after printing one sentence of what was wrong to standard error.
    """
    try:
        arguments.start(arguments)
    except Error as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{PROGRAM}: {error.filename}: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 1
    return 0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Parse a command line and run it."""
    parser = argparse.ArgumentParser(prog="python -m effattn compress")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def _way(ways: Any, name: str, help: str, start: Callable[[argparse.Namespace], Compressed]) -> Any:
    """A subcommand that compresses, with the arguments that all of them share."""
    parser = ways.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    parser.add_argument("table", metavar="TABLE", help="a .npy or .safetensors file")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="a .npz or .safetensors file")
    parser.add_argument("--tensor", metavar="NAME", help="the table's name in a .safetensors file")
    parser.add_argument("--plot", metavar="FILE", help="draw a histogram of the error by row (PNG, SVG, PDF)")
    parser.add_argument(
        "--progress", action="store_true", default=None, help="show progress even where there is no terminal"
    )
    parser.set_defaults(start=lambda arguments: _compress(arguments, start))
    return parser


def _add_tensor_train(ways: Any) -> None:
    parser = _way(
        ways,
        "tt",
        "a product of small cores, for tensor_train_embedding",
        lambda options: tensor_train(
            read_table(options.table, options.tensor),
            rank=options.rank[0] if options.rank and len(options.rank) == 1 else options.rank,
            max_error=options.max_error,
            cores=options.cores,
            row_factors=options.row_factors,
            column_factors=options.column_factors,
            progress=options.progress,
        ),
    )
    _add_rank(parser, type=_integers, metavar="R[,R...]", help="rank of every bond, or of each in order")
    parser.add_argument("--cores", type=int, default=3, metavar="N", help="how many cores (default: 3)")
    parser.add_argument(
        "--row-factors",
        type=_integers,
        metavar="N,N,...",
        help="product at least the rows (default: near-equal)",
    )
    parser.add_argument(
        "--column-factors",
        type=_integers,
        metavar="M,M,...",
        help="product the columns (default: near-equal)",
    )


def _add_mixed(ways: Any) -> None:
    parser = _way(
        ways,
        "mixed",
        "8 bits for important rows and 4 for the rest, for quantized_embedding and quantized_matmul",
        lambda options: quantize_rows(
            read_table(options.table, options.tensor),
            width=options.width,
            importance=None if options.importance is None else read_table(options.importance),
            group=options.group,
            clip=options.clip,
            compensation=options.compensation,
            scale_type=options.scale_type,
            progress=options.progress,
        ),
    )
    parser.add_argument(
        "--width", type=float, default=5.2, help="bits a code on average, 4 to 8 (default: 5.2)"
    )
    parser.add_argument(
        "--importance",
        metavar="FILE",
        help="a .npy file with one number a row (default: what 8 bits improve)",
    )
    parser.add_argument("--group", type=int, metavar="G", help="columns that share a scale (default: all)")
    _add_choice(
        parser, "--clip", CLIPPINGS, "scales of 4-bit codes: largest magnitude or least squared error"
    )
    _add_choice(parser, "--compensation", COMPENSATIONS, "what makes up for the error of 4 bits")
    _add_choice(parser, "--scale-type", tuple(SCALE_TYPES), "type of the scales")


def _add_codebook(ways: Any) -> None:
    parser = _way(
        ways,
        "vq",
        "codes that rows share, for vector_quantize",
        lambda options: learn_codebook(
            read_table(options.table, options.tensor),
            codes=options.codes,
            metric=options.metric,
            groups=options.groups,
            seed=options.seed,
            iterations=options.iterations,
            progress=options.progress,
        ),
    )
    parser.add_argument("--codes", type=int, default=256, metavar="Q", help="how many codes (default: 256)")
    _add_choice(parser, "--metric", METRICS, "how rows are compared")
    parser.add_argument(
        "--groups",
        type=int,
        default=1,
        metavar="N",
        help="groups of columns with codes of their own (default: 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random draws (default: 0)")
    parser.add_argument("--iterations", type=int, default=25, metavar="N", help="at most (default: 25)")


def _add_lora(ways: Any) -> None:
    parser = _way(
        ways,
        "lora",
        "one table and a low-rank change for each domain, for lora_embedding",
        lambda options: extract_lora(
            read_table(options.table, options.tensor),
            [read_table(domain, options.tensor) for domain in options.domains],
            rank=options.rank,
            max_error=options.max_error,
            alpha=options.alpha,
            progress=options.progress,
        ),
    )
    parser.add_argument("domains", metavar="DOMAIN", nargs="+", help="the table of each domain")
    _add_rank(parser, type=int, metavar="R", help="rank of the changes")
    parser.add_argument(
        "--alpha", type=float, help="changes are stored for the factor alpha / rank (default: rank)"
    )


def _add_rank(parser: Any, **rank: Any) -> None:
    limit = parser.add_mutually_exclusive_group(required=True)
    limit.add_argument("--rank", **rank)
    limit.add_argument(
        "--max-error", type=float, metavar="E", help="instead: a relative error to stay within"
    )


def _add_choice(parser: Any, flag: str, choices: Sequence[str], help: str) -> None:
    parser.add_argument(
        flag,
        choices=choices,
        default=choices[0],
        help=f"{help}: {', '.join(choices)} (default: {choices[0]})",
    )


def _integers(text: str) -> List[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected integers with commas between, but got {text!r}") from None


def _compress(options: argparse.Namespace, start: Callable[[argparse.Namespace], Compressed]) -> None:
    # What cannot be written is refused before the work.
    path = writable(options.output)
    if options.plot:
        from effattn.plot import check_picture, row_errors

        check_picture(options.plot)
    compressed = start(options)
    save(compressed, path)
    print(compressed.report)
    if options.plot:
        row_errors({options.way: compressed.report.row_errors}, options.plot)


def _show(options: argparse.Namespace) -> None:
    compressed = load(options.file)
    if compressed.report:
        print(compressed.report)
    for name, array in compressed.parts().items():
        print(f"{name}: {array.dtype}[{', '.join(map(str, array.shape))}]")
    settings: Dict[str, Any] = compressed.attributes()
    for name, value in settings.items():
        print(f"{name} = {value}")
