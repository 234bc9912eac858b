# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random graphs of ops: every lowering gives what the reference gives.

The short form runs a few graphs. With EFFATTN_LONG the long form runs new ones for EFFATTN_FUZZ_SECONDS
(default: 600), from a seed that it prints, or from EFFATTN_FUZZ_SEED.
"""

import os
import random
import time

import numpy as np
import pytest
from compiler import needs_compiler
from random_graphs import Graph, TooClose

import effattn

pytestmark = needs_compiler

LOWERINGS = {
    "linalg": {"lowering": "linalg"},
    "tuned": {"lowering": "tuned"},
    "emulated": {"target": "nvptx-emulated"},
}
SIZES = ((2, 7), (1, 1), (1, 40), (2, 0), (0, 3))
MOST_STEPS = 8
# Relative to the largest number of a result: errors of a step grow through the next ones.
TOLERANCE = 2e-4


def compare(got, want):
    """The largest difference beside the largest number, or a sentence about what differs in kind."""
    if got.shape != want.shape:
        return f"expected shape {list(want.shape)}, but got {list(got.shape)}"
    if not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return "other elements are finite"
    finite = np.isfinite(want)
    error = np.abs(got[finite] - want[finite]).max(initial=0)
    scale = np.abs(want[finite]).max(initial=1)
    return f"differs by {error:.3g} beside numbers up to {scale:.3g}" if error > TOLERANCE * scale else None


def mistakes(graph, lowering):
    """What a lowering gets wrong, in sentences."""
    compiled = effattn.compile(graph.module(), threads="none", optimization=1, **LOWERINGS[lowering])
    found = []
    for batch, tokens in SIZES:
        try:
            arrays, wanted = graph.case(batch, tokens)
        except TooClose:
            continue
        try:
            results = compiled(*arrays)
        except effattn.Error as error:
            found.append(f"B={batch}, T={tokens}: {error}")
            continue
        results = results if isinstance(results, tuple) else (results,)
        for number, (got, want) in enumerate(zip(results, wanted)):
            what = compare(np.asarray(got), want)
            if what:
                found.append(f"B={batch}, T={tokens}, output {number}: {what}")
    return found


def check(graph, lowering):
    """Fails with the shortest graph of the same seed that goes wrong."""
    if not mistakes(graph, lowering):
        return
    for steps in range(1, graph.steps + 1):
        shorter = Graph(graph.seed, steps)
        found = mistakes(shorter, lowering)
        if found:
            pytest.fail(f"{shorter}, {lowering}:\n" + "\n".join(found) + f"\n{shorter.module()}")


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("seed", range(3))
def test_graphs(seed, lowering):
    check(Graph(seed, MOST_STEPS), lowering)


# Results that were built in the memory of another result, which is written first.
FOUND = ((575035036411, 4), (13205712179, 4), (532492415741, 6), (1073980264481, 2), (135289274703, 8))


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("seed, steps", FOUND)
def test_graphs_that_went_wrong(seed, steps, lowering):
    check(Graph(seed, steps), lowering)


@pytest.mark.skipif(not os.environ.get("EFFATTN_LONG"), reason="takes EFFATTN_FUZZ_SECONDS")
def test_new_graphs():
    first = int(os.environ.get("EFFATTN_FUZZ_SEED") or random.SystemRandom().randrange(1 << 40))
    end = time.monotonic() + float(os.environ.get("EFFATTN_FUZZ_SECONDS", 600))
    count = 0
    while time.monotonic() < end:
        graph = Graph(first + count, 1 + (first + count) % MOST_STEPS)
        for lowering in LOWERINGS:
            check(graph, lowering)
        count += 1
    print(f"{count} graphs from seed {first}")
