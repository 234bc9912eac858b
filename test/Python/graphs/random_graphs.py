# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random graphs of ops on activations [B, T, C].

A ``Graph`` is a seed and a number of steps. ``build`` makes it of what a source gives for its inputs:
tensors of a function under construction, or arrays, for which the reference is computed. The first steps
of a longer graph are those of a shorter one of the same seed.
"""

import math
import random

import numpy as np

import effattn
from effattn import ops

HEADS = 2
WIDTHS = (4, 8, 12)
HIDDEN = 6
EXPERTS, CHOSEN = 4, 2
VOCABULARY = 11
# Choices that are as close as this may differ for a difference in rounding.
MARGIN = 1e-3


class TooClose(Exception):
    """A choice of the graph hangs on rounding."""


class IntoFunction:
    """Inputs of a function under construction."""

    lowering = {}

    def __init__(self, function):
        self.function = function
        self.names = []

    def input(self, kind, make):
        self.names.append(f"input{len(self.names)}")
        return self.function.input(self.names[-1], kind)

    def unary(self, name, x):
        return getattr(x, name)()

    def split_heads(self, x):
        return x.split_heads(HEADS)

    def merge_heads(self, x):
        return x.merge_heads()

    def matmul(self, x, w):
        return x @ w

    def check_margin(self, x):
        pass


class OfArrays:
    """Arrays of given sizes, with which the reference is computed in f64."""

    lowering = {"lowering": "reference"}
    UNARY = {
        "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "silu": lambda x: x / (1 + np.exp(-x)),
        "relu": lambda x: np.maximum(x, 0),
    }

    def __init__(self, batch, tokens, seed):
        self.sizes = {"B": batch, "T": tokens}
        self.rng = np.random.default_rng(seed)
        self.arrays = []

    def input(self, kind, make):
        shape = kind[kind.index("[") + 1 : -1].split(", ")
        self.arrays.append(make(self.rng, [int(self.sizes.get(size, size)) for size in shape]))
        return self.arrays[-1]

    def unary(self, name, x):
        return self.UNARY[name](x.astype(np.float64))

    def split_heads(self, x):
        return x.reshape(*x.shape[:2], HEADS, x.shape[2] // HEADS).transpose(0, 2, 1, 3)

    def merge_heads(self, x):
        batch, heads, tokens, width = x.shape
        return x.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * width)

    def matmul(self, x, w):
        return x.astype(np.float64) @ w

    def check_margin(self, x):
        """``x`` holds differences that decide something where they change sign."""
        if x.size and np.abs(x).min() < MARGIN:
            raise TooClose


# --- Inputs ------------------------------------------------------------------------------------------


def reals(rng, shape):
    return rng.standard_normal(shape).astype(np.float32)


def weights(rng, shape):
    """Products with which keep the size of what they multiply."""
    return (rng.standard_normal(shape) / math.sqrt(shape[-2])).astype(np.float32)


def factors(rng, shape):
    return (1 + rng.standard_normal(shape) / 4).astype(np.float32)


def flags(rng, shape):
    return rng.random(shape) < rng.choice([0, 0.2, 0.5, 1])


def below(limit):
    return lambda rng, shape: rng.integers(0, limit, shape).astype(np.int32)


class Graph:
    def __init__(self, seed, steps):
        self.seed, self.steps = seed, steps

    def __repr__(self):
        return f"Graph(seed={self.seed}, steps={self.steps})"

    def build(self, source):
        """All activations, the last one the result of the last step."""
        builder = Builder(random.Random(self.seed), source)
        for _ in range(self.steps):
            builder.step()
        return builder.made

    def module(self):
        """The IR, whose results are the activations of the last two steps."""
        module = effattn.Module()
        function = module.function("graph")
        for value in self.build(IntoFunction(function))[-2:]:
            function.output(value)
        return module

    def case(self, batch, tokens):
        """Arrays for the inputs, and the results that are wanted."""
        source = OfArrays(batch, tokens, (self.seed, batch, tokens))
        made = self.build(source)
        return source.arrays, made[-2:]


class Builder:
    """Adds steps to the activations that are there."""

    def __init__(self, choices, source):
        self.choices, self.source = choices, source
        width = choices.choice(WIDTHS)
        self.widths = [width]
        if choices.random() < 0.3:
            ids = source.input("i32[B, T]", below(VOCABULARY))
            table = source.input(f"f32[{VOCABULARY}, {width}]", reals)
            self.made = [ops.embedding(ids, table, **source.lowering)]
        else:
            self.made = [source.input(f"f32[B, T, {width}]", reals)]

    STEPS = (
        "rms_norm",
        "layer_norm",
        "product",
        "gated_ffn",
        "hourglass_ffn",
        "activation",
        "sum",
        "attention",
        "concepts",
        "experts",
    )

    def step(self):
        # The newest activation most of the time, else one that has been used already.
        place = -1 if self.choices.random() < 0.8 else self.choices.randrange(len(self.made))
        x, width = self.made[place], self.widths[place]
        y, width = getattr(self, self.choices.choice(self.STEPS))(x, width)
        self.made.append(y)
        self.widths.append(width)

    def call(self, op, *operands, **keywords):
        return op(*operands, **keywords, **self.source.lowering)

    def weight(self, *shape):
        return self.source.input(f"f32[{', '.join(map(str, shape))}]", weights)

    def factor(self, *shape):
        return self.source.input(f"f32[{', '.join(map(str, shape))}]", factors)

    def of_width(self, width):
        """An activation of this width; there is one."""
        places = [place for place, other in enumerate(self.widths) if other == width]
        return self.made[self.choices.choice(places)]

    def rms_norm(self, x, width):
        offset = self.choices.random() < 0.5
        return self.call(ops.rms_norm, x, self.factor(width), unit_offset=offset), width

    def layer_norm(self, x, width):
        bias = self.factor(width) if self.choices.random() < 0.5 else None
        return self.call(ops.layer_norm, x, self.factor(width), bias=bias), width

    def product(self, x, width):
        columns = self.choices.choice(WIDTHS)
        return self.source.matmul(x, self.weight(width, columns)), columns

    def ffn_weights(self, width, *leading):
        return (
            self.weight(*leading, width, HIDDEN),
            self.weight(*leading, width, HIDDEN),
            self.weight(*leading, HIDDEN, width),
        )

    def gated_ffn(self, x, width):
        activation = self.choices.choice(("silu", "gelu_tanh", "relu"))
        return self.call(ops.gated_ffn, x, *self.ffn_weights(width), activation=activation), width

    def hourglass_ffn(self, x, width):
        blocks = self.choices.choice((1, 2))
        norm = self.factor(blocks, width)
        return self.call(ops.hourglass_ffn, x, norm, *self.ffn_weights(width, blocks)), width

    def activation(self, x, width):
        return self.source.unary(self.choices.choice(("tanh", "sigmoid", "silu", "relu")), x), width

    def sum(self, x, width):
        return x + self.of_width(width), width

    def mask(self, depth=2):
        """Any combination of masks."""
        source, choose = self.source, self.choices.choice
        kind = choose(("causal", "window", "initial", "length", "document", "dense", "separator")
                      + ("and", "or", "not") * (depth > 0))  # fmt: skip
        if kind == "causal":
            return ops.causal_mask()
        if kind == "window":
            return ops.window_mask(size=choose((1, 2, 5, 100)))
        if kind == "initial":
            return ops.initial_mask(count=choose((0, 1, 3)))
        if kind == "length":
            return ops.length_mask(source.input("i32[B]", below(9)))
        if kind == "document":
            ids = source.input("i32[B, T]", below(3))
            return ops.document_mask(ids, ids)
        if kind == "dense":
            return ops.dense_mask(source.input(f"bool[B, {choose((1, HEADS))}, T, T]", flags))
        if kind == "separator":
            ends = source.input("bool[B, T]", flags)
            return ops.separator_mask(ends, initial=choose((0, 2)), window=choose((1, 3, 64)))
        if kind == "not":
            return ~self.mask(depth - 1)
        left, right = self.mask(depth - 1), self.mask(depth - 1)
        return left & right if kind == "and" else left | right

    def attention(self, x, width):
        queries = self.source.split_heads(x)
        keys = self.source.split_heads(self.of_width(width))
        if self.choices.random() < 0.5:
            positions = self.source.input("i32[B, T]", below(1000))
            queries = self.call(ops.rotary_embedding, queries, positions)
            keys = self.call(ops.rotary_embedding, keys, positions)
        values = self.source.split_heads(self.of_width(width))
        mask = self.mask() if self.choices.random() < 0.9 else None
        softcap = 3.0 if self.choices.random() < 0.2 else None
        out = self.call(ops.attention, queries, keys, values, mask=mask, softcap=softcap)
        return self.source.merge_heads(out), width

    def concepts(self, x, width):
        """Tokens to concepts, a norm on those, and back."""
        keys = self.source.matmul(x, self.weight(width, width))
        p, _ = self.call(ops.boundary_probability, x, keys)
        self.check_threshold(p)
        mask = self.call(ops.boundary_mask, p)
        concepts, _ = self.call(ops.chunk, x, mask)
        concepts = self.call(ops.rms_norm, concepts, self.factor(width))
        residual = self.of_width(width) if self.choices.random() < 0.5 else None
        out, _ = self.call(ops.dechunk, concepts, p, mask, residual=residual)
        if self.choices.random() < 0.5:
            out = out + self.of_width(width)
        return out, width

    def check_threshold(self, p):
        if isinstance(p, np.ndarray):
            self.source.check_margin(p - 0.5)

    def experts(self, x, width):
        router = self.weight(width, EXPERTS)
        if isinstance(x, np.ndarray):
            scores = np.sort(x.astype(np.float64) @ router, axis=-1)
            self.source.check_margin(np.diff(scores, axis=-1))
        gates, chosen, _ = self.call(ops.moe_route, x, router, k=CHOSEN)
        out = self.call(ops.moe_ffn, x, gates, chosen, *self.ffn_weights(width, EXPERTS))
        return out, width
