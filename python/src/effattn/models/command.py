# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line: ``python -m effattn generate | perplexity | stream ...``."""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from typing import Any, Callable, Dict, List, Sequence, Tuple

from tqdm import tqdm

from effattn.compiled import read
from effattn.compress.arrays import at_least
from effattn.error import Error
from effattn.models import bench, sides
from effattn.models.attention import KINDS, Attention
from effattn.models.formats import COMPENSATION, FLOATS, Format, parse_width
from effattn.models.generation import Generation, Sampler
from effattn.models.graph import Design
from effattn.models.scoring import Score, score
from effattn.models.session import CHUNK, CompiledModel, Session
from effattn.models.store import MODELS, Store, default_folder
from effattn.models.tokenizer import Tokenizer
from effattn.models.weights import Weights

PEERS = [name for name in sides.SIDES if name != sides.OURS]
PUNCTUATION = ".,?!;:\n\t"
SCORED = 64
"""Tokens whose logits there are at once: each has one for every id."""


def _width(text: str) -> Any:
    try:
        return parse_width(text)
    except Error as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _counts(text: str) -> List[int]:
    counts = [int(word) for word in text.split(",") if word.isdecimal()]
    if len(counts) != len(text.split(",")) or min(counts) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of tokens such as 512,4096, but got {text!r}")
    return counts


def _peers(text: str) -> List[str]:
    if text in ("all", "none"):
        return PEERS if text == "all" else []
    names = text.split(",")
    if not set(names) <= set(PEERS):
        raise argparse.ArgumentTypeError(f"expected all, none, or of {', '.join(PEERS)}, but got {text!r}")
    return names


def _add_model(parser: argparse.ArgumentParser) -> None:
    default, attention = Format(), Attention()
    model = parser.add_argument_group("model")
    model.add_argument(
        "--model",
        required=True,
        help=f"{', '.join(MODELS)}, or a file of GGUF with the architecture gemma3",
    )
    model.add_argument(
        "--body",
        type=_width,
        default=default.body,
        metavar="WIDTH",
        help="weights of the layers: f32, bf16, or bits of a code on average, 4 to 8 (default: 8)",
    )
    model.add_argument(
        "--table",
        type=_width,
        default=default.table,
        metavar="WIDTH",
        help="the same of the table of the vocabulary, which is the output head too (default: 8)",
    )
    model.add_argument(
        "--group", type=int, default=default.group, help="columns a scale (default: %(default)s)"
    )
    model.add_argument(
        "--compensation",
        choices=tuple(COMPENSATION),
        default=default.compensation,
        help="what makes up for errors of the table's codes (default: %(default)s)",
    )
    model.add_argument(
        "--activation",
        choices=("f32", "i8"),
        default="f32",
        help="i8 rounds rows to bytes before products with codes (default: %(default)s)",
    )
    model.add_argument(
        "--cache",
        choices=FLOATS,
        default="f32",
        help="keys and values; bf16 takes half the memory (default: %(default)s)",
    )
    model.add_argument("--weights", metavar="FILE", help="packed weights; written where the file is missing")
    model.add_argument(
        "--folder",
        default=default_folder(),
        help="where packed weights and compiled functions are kept (default: %(default)s)",
    )
    group = parser.add_argument_group("attention of the layers without a window of their own")
    group.add_argument("--attention", choices=KINDS, default=attention.kind, help="(default: %(default)s)")
    for name, text in (
        ("initial", "first tokens that are kept"),
        ("separators", "separators that separator-cache keeps"),
        ("window", "newest tokens that are kept"),
        ("slack", "tokens more than these before a bounded cache forgets any"),
    ):
        group.add_argument(
            f"--{name}", type=int, default=getattr(attention, name), help=f"{text} (default: %(default)s)"
        )
    group.add_argument(
        "--separator-characters",
        default=PUNCTUATION,
        metavar="TEXT",
        help="tokens made of these are separators (default: . , ? ! ; : and ends of lines)",
    )


def add_arguments(commands: Any) -> None:
    """Add the commands; ``run`` of what is parsed does what it says."""
    generate = commands.add_parser("generate", help="go on with a text, by a pretrained model")
    generate.add_argument("prompt", metavar="PROMPT")
    generate.add_argument("--tokens", type=int, default=128, help="at most (default: %(default)s)")
    generate.add_argument(
        "--temperature", type=float, default=1.0, help="0 takes the likeliest token (default: %(default)s)"
    )
    generate.add_argument(
        "--top-k", type=int, default=64, help="tokens that are drawn among (default: %(default)s)"
    )
    generate.add_argument("--seed", type=int, help="of what is drawn; another each time when absent")
    generate.add_argument(
        "--context", type=int, default=4096, help="tokens of prompt and text at most (default: %(default)s)"
    )
    generate.set_defaults(run=_generate)

    perplexity = commands.add_parser("perplexity", help="how well a pretrained model foresees a text")
    perplexity.add_argument(
        "--context", type=int, default=2048, help="tokens of each part of the text (default: %(default)s)"
    )
    perplexity.set_defaults(run=_perplexity)
    stream = commands.add_parser("stream", help="the same of a whole text of any length, in constant memory")
    stream.add_argument(
        "--context", type=int, default=32768, help="tokens at most where caches are not bounded"
    )
    stream.set_defaults(run=_stream)
    for command in (perplexity, stream):
        command.add_argument("file", metavar="FILE", help="a text in UTF-8")
        command.add_argument("--tokens", type=int, help="of the file at most")
    measuring = commands.add_parser("bench", help="how fast a pretrained model is, beside its peers")
    measuring.add_argument("--threads", type=int, help="of each side (default: all cores)")
    measuring.add_argument(
        "--prefill",
        type=_counts,
        default=[512, 2048, 4096],
        metavar="N,..",
        help="texts to take at once, in tokens (default: 512,2048,4096)",
    )
    measuring.add_argument(
        "--context",
        type=_counts,
        default=[512, 4096],
        metavar="N,..",
        help="tokens behind which one comes after the other (default: 512,4096)",
    )
    measuring.add_argument("--tokens", type=int, default=16, help="one by one in a turn (default: %(default)s)")
    measuring.add_argument("--rounds", type=int, default=7, help="turns of each side (default: %(default)s)")
    measuring.add_argument(
        "--peers",
        type=_peers,
        default=_peers("all"),
        metavar="NAME,..",
        help=f"all, none, or of {', '.join(PEERS)} (default: all)",
    )
    formats = measuring.add_mutually_exclusive_group()
    formats.add_argument("--markdown", action="store_true", help="print the table for a page")
    formats.add_argument("--json", action="store_true", help="print all numbers for programs")
    measuring.set_defaults(run=_bench)
    for command in (generate, perplexity, stream, measuring):
        _add_model(command)


def _model(options: argparse.Namespace, functions: Sequence[str]) -> Tuple[CompiledModel, Weights]:
    """What the options ask for, packed and compiled where it is missing."""
    format = Format(options.body, options.table, options.group, options.compensation)
    attention = Attention(
        options.attention, options.initial, options.separators, options.window, options.slack
    )
    store = Store(options.folder)
    weights = store.weights(options.model, format, options.weights)
    settings: Dict[str, Any] = {"top_k": options.top_k} if "top_k" in options else {}
    settings.update(activation=options.activation, cache=options.cache)
    design = Design(weights.config, format, attention, **settings)
    return store.model(design, weights, functions, options.separator_characters), weights


def _open(options: argparse.Namespace, functions: Sequence[str]) -> Tuple[Callable[..., Session], Tokenizer]:
    """What starts a text, and the tokenizer."""
    model, weights = _model(options, functions)
    return model.start, Tokenizer(weights.tokenizer)


def _rate(count: int, seconds: float) -> str:
    speed = f", {count / seconds:.1f} a second" if seconds > 0 else ""
    return f"{count} tokens in {seconds:.2f} s{speed}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _generate(options: argparse.Namespace) -> None:
    sampler = Sampler(options.temperature, options.seed)
    start, tokenizer = _open(options, ("prefill", "decode"))
    session = start(context=options.context, chunk=CHUNK)
    text = Generation(session, tokenizer, options.prompt, sampler, options.tokens)
    print(options.prompt, end="", flush=True)
    for piece in text:
        print(piece, end="", flush=True)
    print()
    parts = {
        "prompt": _rate(len(text.prompt) - 1, text.prompt_seconds),
        "text": _rate(len(text.tokens), text.seconds),
        "caches": _megabytes(session.nbytes),
    }
    print("; ".join(f"{name}: {part}" for name, part in parts.items()), file=sys.stderr)


def _ids(options: argparse.Namespace, tokenizer: Tokenizer) -> Sequence[int]:
    if options.tokens is not None and options.tokens < 1:
        raise Error(f"expected tokens to be at least 1, but got {options.tokens}")
    try:
        text = read(options.file).decode()
    except UnicodeDecodeError as error:
        raise Error(f"expected {options.file} to be a text in UTF-8, but got: {error.reason}") from None
    ids = tokenizer.encode(text)[1:]
    if not ids:
        raise Error(f"expected {options.file} to hold a text, but it is empty")
    return ids[: options.tokens]


def _report(total: Score, seconds: float, session: Session) -> None:
    rate, size = _rate(total.tokens, seconds), _megabytes(session.nbytes)
    print(f"perplexity {total.perplexity:.4f} over {rate}; caches: {size}")


def _perplexity(options: argparse.Namespace) -> None:
    """Each part of the text begins as a text of its own."""
    if options.context < 2:
        raise Error(f"expected context to be at least 2, but got {options.context}")
    start, tokenizer = _open(options, ("score",))
    ids = _ids(options, tokenizer)
    step = options.context - 1
    parts = [[tokenizer.begin, *ids[place : place + step]] for place in range(0, len(ids), step)]
    _score(parts, lambda: start(context=options.context, chunk=SCORED))


def _stream(options: argparse.Namespace) -> None:
    start, tokenizer = _open(options, ("score",))
    ids = [tokenizer.begin, *_ids(options, tokenizer)]
    session = start(context=options.context, chunk=SCORED)
    session.check_room(len(ids) - 1)
    _score([ids], lambda: session)


def _score(parts: Sequence[Sequence[int]], start: Callable[[], Session]) -> None:
    total, began = Score(), time.perf_counter()
    count = sum(len(part) - 1 for part in parts)
    with tqdm(total=count, unit="token", delay=1.0, leave=False, disable=None) as bar:
        for part in parts:
            session = start()
            for taken in score(session, part, total):
                bar.update(taken)
                bar.set_postfix_str(f"perplexity {total.perplexity:.3f}", refresh=False)
    _report(total, time.perf_counter() - began, session)


def _bench_model(options: argparse.Namespace) -> CompiledModel:
    return _model(options, ("prefill", "decode"))[0]


def _bench(options: argparse.Namespace) -> None:
    for name in ("tokens", "rounds"):
        at_least(name, getattr(options, name), 1)
    cores = len(os.sched_getaffinity(0))
    threads = at_least("threads", cores if options.threads is None else options.threads, 1)
    # Libraries read this when they are loaded.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    config = _bench_model(options).design.config
    gguf = str(Store(options.folder).source(options.model)) if options.peers else ""
    todo = bench.works(options.prefill, options.context, options.tokens)
    context = max(bench.room(work, options.rounds) for work in todo)
    plan = sides.Plan(functools.partial(_bench_model, options), gguf, threads, context)
    report = bench.bench(plan, [sides.OURS, *options.peers], todo, options.rounds, config.vocabulary)
    if options.json:
        print(json.dumps(report.as_dict(), indent=1))
        return
    print((bench.markdown if options.markdown else bench.plain)(bench.table(report)))
    for name, reason in report.missing.items():
        print(f"{name} is missing: {reason}", file=sys.stderr)
