#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the tables of perplexity in docs/models.md.

widths     body and table of several widths, over the first tokens of a text
attention  the four kinds of attention, over several lengths of one text: perplexity and caches

Each number is written to --state as soon as there is one, and a later run goes on from there. The
state belongs to a text and a model: begin a new one for others.
"""

import argparse
import json
import pathlib
import sys
import tempfile
from typing import NamedTuple

from effattn.models.attention import KINDS, Attention
from effattn.models.formats import Format
from effattn.models.graph import Design
from effattn.models.scoring import Score, score
from effattn.models.store import Store
from effattn.models.tokenizer import Tokenizer
from tqdm import tqdm

SCORED = 64
"""Tokens whose logits there are at once."""
SEPARATORS = ".,?!;:\n\t"


class Row(NamedTuple):
    """Of the table of widths."""

    format: Format
    activation: str = "f32"

    @property
    def name(self):
        return self.format.name + ("" if self.activation == "f32" else f"-{self.activation}")

    @property
    def order(self):
        return str(self.format.body), str(self.format.table), self.format.compensation == "none", self.activation


EXACT = Row(Format("f32", "f32"))


def rows():
    """The rows of the table of widths; the first say most."""
    tables = (8, 4, 5.2, 6, 4.5)
    yield EXACT
    yield from (Row(Format(8, 8), activation) for activation in ("f32", "i8"))
    for body in (8, 4):
        yield from (Row(Format(body, table)) for table in tables if (body, table) != (8, 8))
    for table in tables[1:]:
        yield from (Row(Format(8, table, compensation="residual"), activation) for activation in ("f32", "i8"))
    # A table of one width has no rows of the other.
    yield from (Row(Format(8, table, compensation="nearest")) for table in tables[2:])


class State:
    """Numbers by name, in a file."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.found = json.loads(self.path.read_text()) if self.path.exists() else {}

    def put(self, name, value):
        self.found[name] = value
        self.path.write_text(json.dumps(self.found, indent=1) + "\n")


def scored(model, ids, context, stops):
    """(tokens, perplexity) of the text up to each of the stops."""
    session, total = model.start(context=context, chunk=SCORED), Score()
    with tqdm(total=stops[-1], unit="token", leave=False) as bar:
        for taken in score(session, ids[: stops[-1] + 1], total):
            bar.update(taken)
            if total.tokens in stops:
                yield total.tokens, total.perplexity


def widths(options, store, state):
    for row in tqdm(list(rows()), unit="row"):
        if row.name in state.found:
            continue
        # Files of all formats would take gigabytes.
        with tempfile.TemporaryDirectory(dir=store.folder) as folder:
            weights = store.weights(options.model, row.format, pathlib.Path(folder) / "model.weights")
            design = Design(weights.config, row.format, activation=row.activation)
            model = store.model(design, weights, ("score",))
            tokens = options.tokens[-1]
            ((_, perplexity),) = scored(model, read_ids(options, weights), tokens, [tokens])
            size = sum(array.nbytes for array in weights.arrays.values())
            state.put(row.name, {"perplexity": perplexity, "bytes": size})


def print_widths(state):
    if EXACT.name not in state.found:
        return
    exact = state.found[EXACT.name]["perplexity"]
    print("| body | table | compensation | activation | weights, MB | perplexity | beside f32 |")
    print("|---|---|---|---|---|---|---|")
    for row in sorted(rows(), key=lambda row: row.order, reverse=True):
        found = state.found.get(row.name)
        if not found:
            continue
        format = row.format
        body, table = (width if isinstance(width, str) else f"{width:g}" for width in (format.body, format.table))
        about = f"{body} | {table} | {format.compensation} | {row.activation} | {found['bytes'] / 1e6:.0f}"
        print(f"| {about} | {found['perplexity']:.3f} | {100 * (found['perplexity'] / exact - 1):+.2f} % |")


def attention(options, store, state):
    weights = store.weights(options.model, Format())
    ids = read_ids(options, weights)
    for kind in tqdm(KINDS, unit="kind"):
        if all(f"{kind} {tokens}" in state.found for tokens in options.tokens):
            continue
        design = Design(weights.config, weights.format, Attention(kind))
        model = store.model(design, weights, ("score",), SEPARATORS)
        for tokens, perplexity in scored(model, ids, options.tokens[-1], options.tokens):
            size = model.start(context=tokens, chunk=SCORED).nbytes
            state.put(f"{kind} {tokens}", {"perplexity": perplexity, "bytes": size})


def print_attention(state):
    print("| attention | tokens | perplexity | caches, MB |\n|---|---|---|---|")
    for name, found in sorted(state.found.items(), key=lambda item: int(item[0].split()[1])):
        kind, tokens = name.split()
        print(f"| {kind} | {tokens} | {found['perplexity']:.3f} | {found['bytes'] / 1e6:.1f} |")


def read_ids(options, weights):
    tokenizer = Tokenizer(weights.tokenizer)
    ids = tokenizer.encode("".join(path.read_text() for path in options.texts))
    if len(ids) <= options.tokens[-1]:
        raise SystemExit(f"expected more than {options.tokens[-1]} tokens of text, but got {len(ids)}")
    return ids


def multiples(text):
    counts = sorted(map(int, text.split(",")))
    if counts[0] < SCORED or any(count % SCORED for count in counts):
        raise argparse.ArgumentTypeError(f"expected multiples of {SCORED}, but got {text}")
    return counts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=tuple(TABLES))
    parser.add_argument("texts", nargs="+", type=pathlib.Path, metavar="TEXT", help="read one after the other")
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--folder", help="of packed weights and compiled functions")
    parser.add_argument("--tokens", type=multiples, default=[2048], metavar="N,..", help="default: 2048")
    parser.add_argument("--state", required=True, metavar="FILE", help="numbers so far")
    options = parser.parse_args()
    store, state = Store(options.folder), State(options.state)
    store.folder.mkdir(parents=True, exist_ok=True)
    measure, show = TABLES[options.table]
    try:
        measure(options, store, state)
    except KeyboardInterrupt:
        print("interrupted: what was measured until then", file=sys.stderr)
    show(state)


TABLES = {"widths": (widths, print_widths), "attention": (attention, print_attention)}


if __name__ == "__main__":
    main()
