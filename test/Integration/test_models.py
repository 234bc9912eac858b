# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example models: their text is what their builders write, and they compute their equations."""

import importlib
import sys

import model_equations as equations
import numpy as np
import pytest
from harness import SOURCE, assert_close, compile_ir

MODELS = SOURCE / "docs" / "examples" / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.mlir"))
# Sums of tens of products in f32, through a few layers that keep their size.
TOLERANCE = 1e-4

sys.path.insert(0, str(MODELS))
layers = importlib.import_module("layers")


class Model:
    """A model under its name: compiled, with weights, and as equations."""

    def __init__(self, name, seed=0, **weights):
        builder = importlib.import_module(name)
        self.config = builder.Config()
        self.compiled = getattr(compile_ir((MODELS / f"{name}.mlir").read_text()), name)
        self.equations = getattr(equations, name)
        self.rng = np.random.default_rng(seed)
        inputs = self.compiled.signature["inputs"]
        given = {entry["name"] for entry in inputs if all(isinstance(size, int) for size in entry["shape"])}
        self.weights = {e["name"]: weights.get(e["name"], self.draw(e)) for e in inputs if e["name"] in given}

    def draw(self, entry):
        """Weights that keep the size of what goes through; the vectors are those of norms."""
        *_, rows, _ = shape = (1, 1, *entry["shape"])
        values = self.rng.standard_normal(shape[2:])
        return (values * rows**-0.5 if len(shape) > 3 else 1 + 0.1 * values).astype(np.float32)

    def real(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def __call__(self, *data):
        return self.compiled(*data, *self.weights.values())

    def check(self, *data):
        """Compare all outputs with the equations, and give them."""
        found, wanted = self(*data), self.equations(self.config, self.weights, *data)
        for got, want in zip(found, wanted, strict=True):
            assert_close(got, want, TOLERANCE)
        return found


def pieces(rng, lengths):
    """A split of ragged rows: lengths of each row in each piece."""
    left = lengths.copy()
    while left.any():
        taken = np.minimum(left, rng.integers(0, 4, left.size)).astype(np.int32)
        left -= taken
        yield taken


def stream(rng, lengths, tokens, step):
    """Run a model in pieces over rows of their own pace.

    ``tokens`` are arrays ``[B, T, ..]``; ``step(taken, *piece)`` gives the result of a piece. The
    pieces of a row come back together, and are 0 past its length.
    """
    done, whole = np.zeros_like(lengths), None
    for taken in pieces(rng, lengths):
        size = taken.max()
        places = np.minimum(done[:, None] + np.arange(size), tokens[0].shape[1] - 1)
        result = step(taken, *(np.take_along_axis(t, expand(places, t), 1) for t in tokens))
        whole = np.zeros((*tokens[0].shape[:2], *result.shape[2:]), result.dtype) if whole is None else whole
        for row, count in enumerate(taken):
            whole[row, done[row] : done[row] + count] = result[row, :count]
        done += taken
    return whole


def expand(places, array):
    return places.reshape(*places.shape, *[1] * (array.ndim - 2))


def clear(array, lengths):
    """The array, 0 past lengths."""
    valid = np.arange(array.shape[1]) < lengths[:, None]
    return np.where(expand(valid, array), array, 0)


def positions(batch, tokens):
    return np.tile(np.arange(tokens), (batch, 1))


SHAPES = [[5, 9, 0], [1], [24], [3, 3], [0], []]
"""Lengths of the rows of a batch."""


def ragged(case):
    lengths = np.array(case, np.int32)
    return lengths, (len(case), max(case, default=2))


# --- All models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_what_the_builder_writes(name):
    builder = importlib.import_module(name)
    wanted = layers.text(builder.__doc__, builder.build())
    assert (MODELS / f"{name}.mlir").read_text() == wanted, f"run: python {name}.py > {name}.mlir"


# --- RAM-Net -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ram_net():
    return Model("ram_net")


def empty_memory(model, batch):
    c = model.config
    return np.zeros((batch, c.slots, c.value_width), np.float32), np.zeros((batch, c.slots), np.float32)


@pytest.mark.parametrize("case", SHAPES)
def test_ram_net(ram_net, case):
    lengths, (batch, tokens) = ragged(case)
    x = ram_net.real(batch, tokens, ram_net.config.width)
    ram_net.check(x, positions(batch, tokens), lengths, *empty_memory(ram_net, batch))


def test_ram_net_streams(ram_net):
    lengths = np.array([7, 12, 0, 1], np.int32)
    x, places = ram_net.real(4, 12, ram_net.config.width), positions(4, 12)
    state = empty_memory(ram_net, 4)
    whole, *last = ram_net(x, places, lengths, *state)

    def step(taken, x, places):
        nonlocal state
        y, *state = ram_net(x, places, taken, *state)
        return y

    assert_close(stream(ram_net.rng, lengths, (x, places), step), clear(whole, lengths), 1e-6)
    for got, want in zip(state, last):
        assert_close(got, want, 1e-6)
