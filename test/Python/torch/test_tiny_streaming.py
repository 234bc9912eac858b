# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""effattn-tiny in steps: any split of a text gives what the whole gives."""

import subprocess
from dataclasses import replace

import pytest
import torch
from compiler import needs_compiler
from tiny_models import SMALL, WORDS, near_ties
from torch.utils import _pytree as pytree

import effattn
from effattn.models.tiny.bounds import Bounds
from effattn.models.tiny.model import Tiny
from effattn.models.tiny.streaming import Streaming, write

TEXT = torch.tensor(list((WORDS * 4).encode()))
SPLITS = ([40], [1] * 10 + [30], [1, 39], [7, 20, 1, 1, 11])
CAUSAL, WITHOUT_MEMORY, WITHOUT_CONCEPTS = {"attention": "causal"}, {"memory": False}, {"concepts": False}


def named(switches):
    return "-".join(switches) or "all"


def texts(batch, tokens):
    return torch.stack([TEXT[7 * row : 7 * row + tokens] for row in range(batch)])


def models(config=SMALL, bounds=Bounds()):
    torch.manual_seed(1)
    model = Tiny(config).eval()
    return model, Streaming.of(model, bounds)


@torch.no_grad()
def in_steps(step, ids, split, state):
    """Logits and boundaries of all steps, and the state at the end."""
    found = []
    for part in ids.split(split, 1):
        logits, boundaries, *_, state = step(part, state)
        found.append((logits, boundaries))
    return *(torch.cat(parts, 1) for parts in zip(*found)), state


def close(found, wanted, tolerance):
    return ((found - wanted).abs() <= tolerance * (1 + wanted.abs())).all()


@pytest.mark.parametrize("switches", [{}, CAUSAL, WITHOUT_MEMORY, WITHOUT_CONCEPTS], ids=named)
def test_any_split_gives_the_whole(switches):
    model, streaming = models(replace(SMALL, **switches), Bounds(separators=20, slack=3))
    ids = texts(2, 40)
    with torch.no_grad():
        wanted = model(ids)
    for split in SPLITS:
        state = streaming.start(2, tokens=40, concepts=40)
        logits, boundaries, after = in_steps(streaming, ids, split, state)
        assert close(logits, wanted.logits, 1e-5)
        assert torch.equal(boundaries, wanted.boundaries)
        assert after["seen"].tolist() == [40, 40]
        assert not state["seen"].any()


def test_caches_of_separators_are_bounded():
    """Up to their bound they give the same as the whole, and beyond it they keep the newest."""
    bounds = Bounds(separators=2, slack=3)
    model, streaming = models(bounds=bounds)
    ids = texts(1, 60)
    with torch.no_grad():
        wanted = model(ids).logits
    state = streaming.start(1, tokens=1, concepts=60)
    logits, _, after = in_steps(streaming, ids, [1] * 60, state)
    cache = after["encoder_0_attention"]
    assert cache.length <= bounds.capacity(SMALL.initial, SMALL.window) < 60
    assert cache.separator_end == SMALL.initial + 2
    # What the window of 8 has left behind of these, no cache remembers.
    separators = [place for place, byte in enumerate(ids[0].tolist()) if byte in SMALL.separators.encode()]
    third = separators[2]
    assert close(logits[:, : third + 8], wanted[:, : third + 8], 1e-5)
    assert not close(logits, wanted, 1e-5)


@needs_compiler
@pytest.mark.parametrize("switches", [{}, CAUSAL | WITHOUT_MEMORY | WITHOUT_CONCEPTS], ids=named)
def test_compiled_steps_are_those_of_pytorch(switches, tmp_path):
    """To 1e-4 of 1 + |x| where no decision is within 1e-5 of a tie; states are updated in place."""
    _, streaming = models(replace(SMALL, **switches), Bounds(separators=20, slack=3))
    compiled = effattn.compile(str(write(streaming)), optimization=0)
    compare(streaming, compiled, [(2, split) for split in SPLITS] + [(1, [30]), (3, [1, 13])])
    compiled.save(tmp_path / "tiny.o")
    symbols = subprocess.run(["nm", tmp_path / "tiny.o"], capture_output=True, text=True).stdout
    assert " T prefill" in symbols and " T decode" in symbols


def compare(streaming, compiled, works):
    inputs = [argument.name for argument in compiled["prefill"].signature.inputs]
    weights = {**streaming.state_dict(), "separators": streaming.separators}
    weights = {name.replace(".", "_"): value for name, value in weights.items()}
    weights = [weights[name] for name in inputs if name in weights]
    compared = 0
    for batch, split in works:
        ids = texts(batch, sum(split))
        state = streaming.start(batch, tokens=max(split), concepts=sum(split))
        found_ties = {"choices": 0}
        with near_ties(found_ties):
            logits, boundaries, after = in_steps(streaming, ids, split, state)
        if found_ties["choices"]:
            continue
        compared += 1
        leaves = pytree.tree_leaves(state)

        def step(part, leaves):
            # One byte is read by either function.
            name = "decode" if part.shape[1] == 1 and len(split) > 2 else "prefill"
            results = compiled[name](part, *leaves, *weights, donate=True)
            return *results[:4], list(results[4:])

        found, found_boundaries, after_compiled = in_steps(step, ids, split, leaves)
        assert close(found, logits, 1e-4)
        assert torch.equal(found_boundaries, boundaries)
        for (path, value), result in zip(pytree.tree_leaves_with_path(after), after_compiled):
            if value.dtype == torch.int64:
                assert torch.equal(result, value), path
            elif pytree.keystr(path).endswith((".contents", ".mass", ".key", ".average")):
                assert close(result, value, 1e-4), path
    assert compared > len(works) / 2
