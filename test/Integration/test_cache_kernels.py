"""Kernels of caches on the emulator against the reference.

Compactions move 64 entries at a time and look at 128 flags at once. Heads of static sizes in bf16 are
multiplied on tensor cores: keys and queries are rounded once they are turned, and so are weights.
"""

import functools
import os
import re

import harness
import numpy as np
import pytest
import test_separator_cache
from cache_programs import SeparatorProgram
from harness import assert_close
from test_separator_cache import AFTER, BEFORE, COUNTERS, DTYPES, assert_same_state

from effattn import reference

LONG = bool(os.environ.get("EFFATTN_LONG"))
TOLERANCE = {"f32": 2e-5, "bf16": 1.5e-2}
BF16 = ("bf16", "bf16", "bf16", "i32")
PROGRAMS = [
    SeparatorProgram("many", (4, 70, 65, 150, AFTER)),
    SeparatorProgram("tensor", (3, 20, 40, 80, BEFORE), BF16),
    SeparatorProgram("interleaved", (0, 130, 10, 160, AFTER), BF16, rope_layout="interleaved", rope_dims=8),
]
WIDTH = 16


def with_static_heads(text):
    text = re.sub(r"tensor<\?x\?x\?x\?x(\w+)>", rf"tensor<?x?x?x{WIDTH}x\1>", text)
    return re.sub(r"tensor\.empty\((%\w+), (%\w+), (%\w+), %\w+\)", r"tensor.empty(\1, \2, \3)", text)


@functools.lru_cache(maxsize=None)
def compiled():
    texts = [
        with_static_heads(text) if program.keys == "bf16" else text
        for program in PROGRAMS
        for text in (program.update(), program.update(prefill="whole"), program.compact())
    ]
    return harness.compile_ir("\n".join(texts), "--target=nvptx-emulated")


def draw(rng, program, tokens):
    """A state of three rows, one of them empty, and a ragged stream."""
    entries = max(program.layout[3] + 1, tokens)
    element = DTYPES[program.keys]
    normal = lambda *shape: rng.standard_normal(shape).astype(element)  # noqa: E731
    length = np.array([0, program.layout[3], rng.integers(1, program.layout[3])])
    counter = COUNTERS[program.counter]
    state = [
        normal(3, 2, entries, WIDTH),
        normal(3, 2, entries, WIDTH),
        rng.random((3, entries)) < 0.5,
        length.astype(counter),
        np.zeros(3, counter),
    ]
    operands = [normal(3, 2, tokens, WIDTH), normal(3, 2, tokens, WIDTH), rng.random((3, tokens)) < 0.7]
    return state, [*operands, normal(3, 4, tokens, WIDTH)], rng.integers(0, tokens + 1, 3).astype(np.int32)


@pytest.mark.parametrize("seed", range(10) if LONG else (0, 1, 2))
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
@pytest.mark.parametrize("update", ["update", "whole"])
def test_update(program, update, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    rng = np.random.default_rng(seed)
    tokens = int(rng.choice([1, 17, 90] if not LONG else [1, 2, 17, 90, 230]))
    state, (k, v, flags, q), lengths = draw(rng, program, tokens)
    *found, out = getattr(compiled(), f"{update}_{program.name}")(*state, k, v, flags, q, lengths)
    expected, want = test_separator_cache.reference_update(program, update, state, k, v, flags, q, lengths)
    assert_same_state(found, expected)
    assert_close(out, want, TOLERANCE[program.keys])


@pytest.mark.parametrize("seed", (0, 1, 2))
@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_compact(program, seed, monkeypatch):
    monkeypatch.setenv("EFFATTN_EMULATOR_SEED", str(seed))
    rng = np.random.default_rng(seed)
    state, _, _ = draw(rng, program, 400)
    state[3][:] = rng.integers(program.layout[3], 401, 3)
    state[4][0] = program.layout[0] + program.layout[1]
    found = getattr(compiled(), f"compact_{program.name}")(*state)
    assert_same_state(found, reference.separator_cache_compact(state, **program.options()))
