# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example models: their text is what their builders write, and they compute their equations."""

import functools
import importlib
import sys

import model_equations as equations
import numpy as np
import pytest
from harness import SOURCE, assert_close, compile_ir

MODELS = SOURCE / "docs" / "examples" / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.py") if path.stem != "layers")
# Sums of tens of products in f32, through a few layers that keep their size.
TOLERANCE = 1e-4
# The same sums in another order, where a piece is multiplied in other tiles than the whole.
SPLIT_TOLERANCE = 1e-5

sys.path.insert(0, str(MODELS))
layers = importlib.import_module("layers")


class Model:
    """A model under its name: compiled, with weights, and as equations."""

    def __init__(self, name, sizes):
        builder = importlib.import_module(name)
        self.config = builder.Config(**sizes)
        text = str(builder.build(self.config)) if sizes else (MODELS / f"{name}.mlir").read_text()
        self.compiled = getattr(compile_ir(text), name)
        self.equations = getattr(equations, name)
        self.rng = np.random.default_rng(len(name))
        self.inputs, self.outputs = (self.compiled.signature[key] for key in ("inputs", "outputs"))
        # The sizes of weights are numbers, and each of the data has one with a name.
        weights = [entry for entry in self.inputs if all(isinstance(size, int) for size in entry["shape"])]
        self.weights = {entry["name"]: self.draw(entry) for entry in weights}

    def draw(self, entry):
        """Weights that keep the size of what goes through; the vectors are those of norms."""
        shape = entry["shape"]
        values = self.real(*shape)
        return values * np.float32(shape[-2] ** -0.5) if len(shape) > 1 else 1 + values / 8

    def uniform(self, shape):
        return self.rng.uniform(1, 2, shape)

    def real(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def __call__(self, *data):
        return self.compiled(*data, *self.weights.values())

    def check(self, *data):
        """Compare all outputs with the equations, and give them."""
        found, wanted = self(*data), self.equations(self.config, self.weights, *data)
        assert len(found) == len(wanted)
        for got, want in zip(self.settled(found), self.settled(wanted)):
            assert_close(got, want, TOLERANCE)
        return found

    def settled(self, results):
        """Outputs whose caches hold zeros past their lengths, where they may hold anything."""
        named = {entry["name"]: np.asarray(result) for entry, result in zip(self.outputs, results)}
        if "next_length" in named:
            valid = np.arange(named["next_flags"].shape[1]) < named["next_length"][:, None]
            named["next_flags"] = named["next_flags"] & valid
            for name in ("next_keys", "next_values"):
                named[name] = np.where(valid[:, None, :, None], named[name], 0)
        return named.values()


class FiveSystems(Model):
    """The weights of the model of all five systems have a table of codes among them."""

    def draw(self, entry):
        name, shape = entry["name"].replace("embedding_", ""), entry["shape"]
        wide = np.arange(self.config.vocabulary) % 10 < 3
        codes = self.rng.integers(-7, 8, (2, *shape))
        return {
            "codes4": lambda: (codes[0] & 15 | (codes[1] & 15) << 4).astype(np.uint8),
            "codes8": lambda: self.rng.integers(-127, 128, shape).astype(np.int8),
            "row_kind": lambda: wide,
            "row_index": lambda: np.where(wide, np.cumsum(wide), np.cumsum(~wide)).astype(np.int32) - 1,
            "scales": lambda: (np.where(wide, 0.01, 0.2)[:, None] * self.uniform(shape)).astype(np.float32),
            "residual_codes": lambda: (codes[0] & 15 | (codes[1] & 15) << 4).astype(np.uint8),
            "residual_scales": lambda: (0.01 * self.uniform(shape)).astype(np.float32),
        }.get(name, lambda: super(FiveSystems, self).draw(entry))()


OTHER_SIZES = {
    "concept_moe": dict(width=6, heads=1, layers=1, experts=3, chosen=3, hidden=5, ratio=4.0),
    "hourglass": dict(width=12, heads=2, blocks=1, narrow=5),
    "ram_net": dict(width=9, value_width=7, digits=2, base=5, kept=3, shift="radix", gamma=0.5),
    "sepllm_decode": dict(
        width=10, heads=3, key_heads=1, head_size=6, hidden=7, initial=0, separators=2, window=3, capacity=5
    ),
    "sq_transformer": dict(width=15, heads=3, codes=3, reach=1, hidden=4),
}


@functools.lru_cache(maxsize=None)
def model(name, other=False):
    """A model as its text is, or with other sizes."""
    return (FiveSystems if name == "five_systems" else Model)(name, OTHER_SIZES[name] if other else {})


def positions(batch, tokens):
    return np.tile(np.arange(tokens), (batch, 1))


SHAPES = [[5, 9, 0], [1], [24], [3, 3], [0], []]
"""Lengths of the rows of a batch."""


shapes = pytest.mark.parametrize("case", SHAPES)
sizes = pytest.mark.parametrize(
    "other, case", [*((False, case) for case in SHAPES), (True, [4, 7]), (True, [1])]
)


def ragged(case):
    lengths = np.array(case, np.int32)
    return lengths, (len(case), max(case, default=2))


# --- The text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_what_the_builder_writes(name):
    builder = importlib.import_module(name)
    wanted = layers.text(builder.__doc__, builder.build())
    assert (MODELS / f"{name}.mlir").read_text() == wanted, f"run: python {name}.py > {name}.mlir"


# --- Models without a state ------------------------------------------------------------------------------


@sizes
def test_hourglass(other, case):
    hourglass, (lengths, (batch, tokens)) = model("hourglass", other), ragged(case)
    # Rows may begin anywhere: only the distances of positions count.
    places = positions(batch, tokens) + hourglass.rng.integers(0, 100, (batch, 1))
    hourglass.check(hourglass.real(batch, tokens, hourglass.config.width), places, lengths)


@sizes
def test_concept_moe(other, case):
    concept_moe, (lengths, (batch, tokens)) = model("concept_moe", other), ragged(case)
    y, _ = concept_moe.check(concept_moe.real(batch, tokens, concept_moe.config.width), lengths)
    for row, length in enumerate(lengths):
        assert not y[row, length:].any()


def test_a_concept_model_looks_at_nothing_to_come():
    concept_moe = model("concept_moe")
    x = concept_moe.real(1, 12, concept_moe.config.width)
    whole, _ = concept_moe(x, np.array([12], np.int32))
    for length in range(1, 12):
        y, _ = concept_moe(x, np.array([length], np.int32))
        assert_close(y[:, :length], whole[:, :length], SPLIT_TOLERANCE)


@sizes
def test_sq_transformer(other, case):
    sq_transformer, (lengths, (batch, tokens)) = model("sq_transformer", other), ragged(case)
    sq_transformer.check(sq_transformer.real(batch, tokens, sq_transformer.config.width), lengths)


# --- Streams -----------------------------------------------------------------------------------------------


def hidden_and_positions(ram_net, batch, tokens):
    return ram_net.real(batch, tokens, ram_net.config.width), positions(batch, tokens)


def hidden_and_ids(sepllm, batch, tokens):
    ids = np.where(sepllm.rng.random((batch, tokens)) < 0.3, 13, sepllm.rng.integers(0, 40, (batch, tokens)))
    return sepllm.real(batch, tokens, sepllm.config.width), ids.astype(np.int32)


def ids_and_positions(five, batch, tokens):
    ids = five.rng.integers(0, five.config.vocabulary, (batch, tokens))
    return ids.astype(np.int32), positions(batch, tokens)


STREAMS = {
    "ram_net": hidden_and_positions,
    "sepllm_decode": hidden_and_ids,
    "five_systems": ids_and_positions,
}
streams = pytest.mark.parametrize("name", STREAMS)


class Stream:
    """Rows that go through a model piece by piece; the states begin as zeros."""

    def __init__(self, model, batch):
        self.model = model
        self.places = [i for i, entry in enumerate(self.model.outputs) if "state" in entry]
        inputs = [self.model.inputs[self.model.outputs[i]["state"]] for i in self.places]
        sizes = {"B": batch, "N": 20}
        kinds = {"f32": np.float32, "i32": np.int32, "bool": np.bool_}
        self.states = [np.zeros([sizes.get(n, n) for n in e["shape"]], kinds[e["type"]]) for e in inputs]
        self.started = np.zeros(batch, np.bool_)

    def __call__(self, lengths, *tokens):
        """The results of a piece, which are also compared with the equations."""
        takes_started = any(entry["name"] == "started" for entry in self.model.inputs)
        results = self.model.check(*tokens, lengths, *[self.started] * takes_started, *self.states)
        self.states = [results[i] for i in self.places]
        self.started = self.started | (lengths > 0)
        return [result for i, result in enumerate(results) if i not in self.places]

    def results(self, results):
        """Results and states, to compare two streams."""
        everything = list(results)
        for place, state in zip(self.places, self.states):
            everything.insert(place, state)
        return self.model.settled(everything)


def begin(name, batch, tokens, other=False):
    """A stream, and tokens for it."""
    stream = Stream(model(name, other), batch)
    return stream, STREAMS[name](stream.model, batch, tokens)


@streams
@shapes
def test_streams_compute_their_equations(name, case):
    lengths, (batch, tokens) = ragged(case)
    stream, arrays = begin(name, batch, tokens)
    stream(lengths, *arrays)


@pytest.mark.parametrize("name", [name for name in STREAMS if name in OTHER_SIZES])
def test_streams_of_other_sizes(name):
    stream, arrays = begin(name, 2, 20, other=True)
    stream(np.array([20, 3], np.int32), *arrays)
    stream(np.array([0, 20], np.int32), *arrays)


@streams
@pytest.mark.parametrize("most", [1, 4, 11])
def test_streams_in_pieces_are_the_whole(name, most):
    lengths = np.array([40, 23, 0, 1], np.int32)
    batch, tokens = lengths.size, int(lengths.max())
    whole, arrays = begin(name, batch, tokens)
    split = Stream(whole.model, batch)
    wanted = whole(lengths, *arrays)

    found = [np.zeros_like(array) for array in wanted]
    done, rows = np.zeros_like(lengths), np.arange(batch)[:, None]
    while (done < lengths).any():
        taken = np.minimum(lengths - done, whole.model.rng.integers(0, most + 1, batch)).astype(np.int32)
        # Rows are at places of their own; what lies past a row's piece is not looked at.
        places = np.minimum(done[:, None] + np.arange(taken.max()), tokens - 1)
        for array, piece in zip(found, split(taken, *(array[rows, places] for array in arrays))):
            for row, count in enumerate(taken):
                array[row, done[row] : done[row] + count] = piece[row, :count]
        done += taken

    valid = np.arange(tokens) < lengths[:, None]
    wanted = [np.where(valid.reshape(*valid.shape, *[1] * (a.ndim - 2)), a, 0) for a in wanted]
    for got, want in zip(split.results(found), whole.results(wanted)):
        assert_close(got, want, SPLIT_TOLERANCE)


def test_a_separator_cache_with_room_is_causal_attention():
    lengths, tokens = np.array([16, 9], np.int32), 16
    stream, (x, ids) = begin("sepllm_decode", 2, tokens)
    assert tokens <= stream.model.config.capacity
    (y,) = stream(lengths, x, ids)
    wanted = equations.sepllm_without_cache(
        stream.model.config, stream.model.weights, x, positions(2, tokens), lengths
    )
    assert_close(y, wanted, TOLERANCE)
