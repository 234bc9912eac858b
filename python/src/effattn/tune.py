# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measure which sizes of blocks suit this machine: ``python -m effattn tune -o tiling.json``.

The compiler chooses the sizes of registers' tiles and caches' blocks by a cost model. Here one size
after the other is varied; what was best so far and each candidate are compiled, and take turns at
the same work in this process. The file is what ``effattn-compile --tiling=FILE`` and
``effattn.compile(..., tiling=FILE)`` read.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import statistics
import time
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from effattn import _native
from effattn.compiled import Compiled
from effattn.compiler import compile, read_tiling
from effattn.error import Error
from effattn.files import whole_file

# A candidate must be this much faster to replace what is known to be good.
GAIN = 1.01


class Work(NamedTuple):
    """A function whose speed depends on some of the sizes."""

    name: str
    text: str
    shapes: Sequence[Tuple[int, ...]]


class Step(NamedTuple):
    """Sizes that are varied together, and the works that tell which are best."""

    names: Tuple[str, ...]
    candidates: Sequence[Tuple[int, ...]]
    kind: str


def _product(rows: int, columns: int, depth: int, transposed: bool = False) -> Work:
    shapes = [(rows, depth), (columns, depth) if transposed else (depth, columns)]
    left, right, out = (f"tensor<{m}x{n}xf32>" for m, n in (*shapes, (rows, columns)))
    factor = "affine_map<(m, n, k) -> (n, k)>" if transposed else "affine_map<(m, n, k) -> (k, n)>"
    text = f"""
    func.func @main(%a: {left}, %b: {right}) -> {out} {{
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : {out}
      %filled = linalg.fill ins(%zero : f32) outs(%empty : {out}) -> {out}
      %product = linalg.matmul
          indexing_maps = [affine_map<(m, n, k) -> (m, k)>, {factor}, affine_map<(m, n, k) -> (m, n)>]
          ins(%a, %b : {left}, {right}) outs(%filled : {out}) -> {out}
      return %product : {out}
    }}"""
    return Work(f"product {rows} x {columns} x {depth}{' transposed' * transposed}", text, shapes)


def _attention(heads: int, tokens: int, width: int) -> Work:
    tensor = f"tensor<1x{heads}x{tokens}x{width}xf32>"
    text = f"""
    func.func @main(%q: {tensor}, %k: {tensor}, %v: {tensor}) -> {tensor} {{
      %out = tensor.empty() : {tensor}
      %result = effattn.attention ins(%q, %k, %v : {tensor}, {tensor}, {tensor})
          outs(%out : {tensor}) mask {{
        %keep = effattn.causal_mask
        effattn.yield %keep : !effattn.mask
      }}
      return %result : {tensor}
    }}"""
    return Work(f"causal attention {heads} x {tokens} x {width}", text, [(1, heads, tokens, width)] * 3)


WORKS = {
    "product": [_product(1024, 1024, 1024), _product(512, 2048, 768)],
    "transposed": [_product(1024, 1024, 1024, transposed=True)],
    "attention": [_attention(4, 1024, 64), _attention(2, 1024, 128)],
}
STEPS = [
    Step(("tile-rows", "tile-vectors"), [(4, 3), (6, 2), (6, 4), (8, 2), (8, 3), (9, 3), (12, 2), (14, 2)], "product"),
    Step(("prefetch-rows",), [(1,), (4,), (8,), (16,)], "product"),
    Step(("slab-depth",), [(128,), (192,), (256,), (384,), (512,), (768,)], "transposed"),
    Step(("task-columns",), [(48,), (96,), (192,), (256,), (384,), (512,)], "transposed"),
    Step(("task-rows",), [(32,), (64,), (128,), (256,)], "transposed"),
    Step(("query-vectors",), [(1,), (2,), (3,), (4,)], "attention"),
    Step(("query-tiles",), [(1,), (2,), (4,), (8,), (16,)], "attention"),
    Step(("key-tile",), [(64,), (128,), (256,), (512,)], "attention"),
]  # fmt: skip


class Tuner:
    """Compiles works for tilings and lets two tilings take turns."""

    def __init__(self, cpu: str, threads: str, rounds: int) -> None:
        self.cpu, self.threads, self.rounds = cpu, threads, rounds
        rng = np.random.default_rng(0)
        self._inputs = {
            work.name: [rng.normal(size=shape).astype(np.float32) for shape in work.shapes]
            for works in WORKS.values()
            for work in works
        }
        self._compiled: Dict[Tuple[str, str], Compiled] = {}

    def _call(self, work: Work, tiling: Dict[str, int]) -> Callable[[], object]:
        key = work.name, json.dumps(tiling, sort_keys=True)
        if key not in self._compiled:
            self._compiled[key] = compile(work.text, cpu=self.cpu, threads=self.threads, tiling=tiling)
        function, inputs = self._compiled[key], self._inputs[work.name]
        return lambda: function(*inputs)

    def gain(self, kind: str, before: Dict[str, int], after: Dict[str, int]) -> float:
        """How many times as fast ``after`` is, the geometric mean over the works of a kind."""
        logarithms = []
        for work in WORKS[kind]:
            calls = [self._call(work, tiling) for tiling in (before, after)]
            for call in calls:
                call()
            ratios = []
            for _ in range(self.rounds):
                seconds = []
                for call in calls:
                    start = time.perf_counter()
                    call()
                    seconds.append(time.perf_counter() - start)
                ratios.append(seconds[0] / seconds[1])
            logarithms.append(math.log(statistics.median(ratios)))
        return math.exp(statistics.fmean(logarithms))


def tune(
    cpu: str = "native",
    threads: str = "none",
    rounds: int = 9,
    steps: Sequence[Step] = STEPS,
) -> Tuple[Dict[str, int], List[Dict[str, object]]]:
    """Find sizes of blocks that are fast on this machine.

    Args:
        cpu, threads: as ``effattn.compile`` has them.
        rounds: turns that a candidate and the best so far take.
        steps: what is varied, in order.
    Returns:
        the sizes that beat those of the cost model, and what was measured: for every candidate its
        sizes, and how many times as fast as the best before it.
    """
    tuner = Tuner(cpu, threads, rounds)
    best: Dict[str, int] = {}
    measured: List[Dict[str, object]] = []
    with tqdm(total=sum(len(step.candidates) for step in steps), desc="tune", unit="tiling") as bar:
        for step in steps:
            values = {name: value for name, value, _ in _native.describe_tiling(cpu, read_tiling(best))}
            start, leader = dict(best), (GAIN, best)
            for candidate in step.candidates:
                sizes = dict(zip(step.names, candidate))
                bar.set_postfix_str(", ".join(f"{name} {number}" for name, number in sizes.items()))
                bar.update()
                if all(values[name] == number for name, number in sizes.items()):
                    continue
                gain = tuner.gain(step.kind, start, {**start, **sizes})
                measured.append({**sizes, "gain": round(gain, 4)})
                leader = max(leader, (gain, {**start, **sizes}), key=lambda pair: pair[0])
            best = leader[1]
    return best, measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``run`` takes."""
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="the file of JSON to write")
    parser.add_argument("--cpu", default="native", help="CPU to compile for (default: native)")
    parser.add_argument(
        "--threads", choices=("none", "openmp"), default="none", help="how loops run (default: none)"
    )
    parser.add_argument(
        "--rounds", type=int, default=9, help="turns that two tilings take (default: 9)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Do what parsed arguments say; about a minute of work."""
    if arguments.rounds < 1:
        raise Error(f"expected --rounds to be at least 1, but got {arguments.rounds}")
    _native.check_writable(str(arguments.output))
    best, measured = tune(arguments.cpu, arguments.threads, arguments.rounds)
    content = {
        "effattn": _native.__version__,
        "cpu": arguments.cpu,
        "threads": arguments.threads,
        "tiling": best,
        "measured": measured,
    }
    with whole_file(arguments.output) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())
    for name, value, meaning in _native.describe_tiling(arguments.cpu, read_tiling(best)):
        print(f"{name:14} {value:9}  {meaning}{' (measured)' if name in best else ''}")
    print(f"wrote {arguments.output}; use it by --tiling={arguments.output}")
