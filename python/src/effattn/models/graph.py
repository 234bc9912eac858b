# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Gemma 3 model as IR.

=============  =====================================================================================
``prefill``    takes tokens of a text into the caches
``decode``     takes one token a row, and gives the largest logits of the next
``score``      takes tokens, and gives all logits of the next after each
=============  =====================================================================================

Each takes ``ids [B, T]``, of which row b has ``lengths[b]``, the number of tokens ``seen``, the caches and
the weights, and gives what becomes of ``seen`` and the caches. Any split of a text into calls gives the
same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Union

from effattn import ops
from effattn.compress.arrays import one_of
from effattn.error import Error
from effattn.ir import Function, Module, Scalar, Tensor
from effattn.models import formats
from effattn.models.attention import Attention
from effattn.models.caches import Cache, Tokens, full_cache, window_cache
from effattn.models.config import Config
from effattn.models.formats import Format

FUNCTIONS = ("prefill", "decode", "score")
Layer = Union[int, Scalar]


@dataclass(frozen=True)
class Design:
    """A model to write: its sizes, its weights, its attention.

    Attributes:
        config, format, attention: see there.
        top_k: how many logits ``decode`` gives.
        activation: "f32", or "i8" for products with codes that round their rows first.
        cache: "f32", or "bf16" for caches of half the size, whose queries are rounded, too.
    """

    config: Config
    format: Format = Format()
    attention: Attention = Attention()
    top_k: int = 64
    activation: str = "f32"
    cache: str = "f32"

    def __post_init__(self) -> None:
        one_of("cache", self.cache, formats.FLOATS)

    def caches(self) -> Sequence[Cache]:
        return tuple(make(self.config, self.attention, self.cache) for make in (full_cache, window_cache))

    @property
    def state_types(self) -> Dict[str, str]:
        """The states of a function in order; B rows, S and W entries of the caches."""
        types = {"seen": "i64[B]"}
        for cache in self.caches():
            types.update({f"{cache.prefix}_{name}": type for name, type in cache.types.items()})
        return types


class _Weights:
    """The weights as inputs of a function, and products with them."""

    def __init__(self, function: Function, design: Design):
        self.design, self.format = design, design.format
        declared = formats.declare(design.config, design.format)
        self._inputs = {name: function.input(name, array.type) for name, array in declared.items()}

    def vector(self, name: str, layer: Optional[Scalar] = None) -> Tensor:
        return self._inputs[name] if layer is None else self._inputs[name].part(layer)

    def _codes(self, name: str, layer: Optional[Scalar] = None) -> List[Tensor]:
        """The operands of a quantised matrix that it has whatever its format."""
        return [self.vector(f"{name}_{operand}", layer) for operand in formats.CODES]

    def _compensation(self) -> Dict[str, Tensor]:
        """What makes up for errors of the table."""
        return {name: self.vector(f"table_{name}") for name in formats.COMPENSATION[self.format.compensation]}

    def matrix(self, name: str, layer: Scalar) -> Tensor:
        """One that is not quantised, ``[inputs, outputs]``."""
        return self._inputs[name].part(layer)

    def product(self, x: Tensor, name: str, layer: Scalar) -> Tensor:
        if isinstance(self.format.body, str):
            return x @ self.matrix(name, layer)
        return ops.quantized_matmul(x, *self._codes(name, layer), activation=self.design.activation)

    def embed(self, ids: Tensor) -> Tensor:
        if isinstance(self.format.table, str):
            return ops.embedding(ids, self._inputs["table"]).cast("f32")
        return ops.quantized_embedding(ids, *self._codes("table"), **self._compensation())

    def logits(self, x: Tensor) -> Tensor:
        """Products with every row of the table."""
        if isinstance(self.format.table, str):
            return x.dot_rows(self._inputs["table"])
        return ops.quantized_matmul(
            x, *self._codes("table"), **self._compensation(), activation=self.design.activation
        )


def build(design: Design, functions: Sequence[str] = ("prefill", "decode")) -> Module:
    """Write functions of a model.

    Args:
        design: the model.
        functions: which of prefill, decode and score.
    Raises:
        effattn.Error: there is no such function, or ``top_k`` is beyond the vocabulary.
    """
    module = Module()
    for name in functions:
        if name not in FUNCTIONS:
            raise Error(f"expected functions to be among {', '.join(FUNCTIONS)}, but got {name!r}")
        if name == "decode" and not 1 <= design.top_k <= design.config.vocabulary:
            raise Error(f"expected top_k to lie in [1, {design.config.vocabulary}], but got {design.top_k}")
        _FunctionWriter(module.function(name), design).write()
    return module


class _FunctionWriter:
    """Writes one function."""

    def __init__(self, function: Function, design: Design):
        self.function, self.design, self.config = function, design, design.config

    def write(self) -> None:
        f, config = self.function, self.config
        ids = f.input("ids", "i32[B, 1]" if f.name == "decode" else "i32[B, T]")
        lengths, seen = f.input("lengths", "i64[B]"), f.input("seen", "i64[B]")
        self.full, self.window = self.design.caches()
        for cache in (self.full, self.window):
            cache.input(f)
        separators = None
        if self.design.attention.needs_separators:
            separators = f.input("separators", f"bool[{config.vocabulary}]")
        self.weights = _Weights(f, self.design)

        f.comment("Tokens.")
        self.tokens = self._tokens(ids, lengths, seen, separators)
        x = self.weights.embed(ids) * math.sqrt(config.width)
        x = self._layers(x)
        if f.name != "prefill":
            self._head(x)
        f.output(self.tokens.after, "next_seen")
        for cache in (self.full, self.window):
            cache.output(f)

    def _tokens(self, ids: Tensor, lengths: Tensor, seen: Tensor, separators: Optional[Tensor]) -> Tokens:
        # Without a bitmap no token is a separator.
        how = {"separators": []} if separators is None else {"bitmap": separators}
        return Tokens(
            lengths=lengths,
            seen=seen,
            after=seen + lengths,
            positions=seen.count_from(ids.shape[1]),
            flags=ops.separator_positions(ids, **how),
        )

    def _layers(self, x: Tensor) -> Tensor:
        """Groups of window layers with a full one behind them, and the window layers that are left."""
        groups, every = len(self.config.full_layers), self.config.full_every
        windows, left = every - 1, self.config.layers % every

        def group(number: Scalar, x: Tensor) -> Tensor:
            x = self._window_layers(x, windows, number * every, number * windows)
            self.function.comment("A layer that attends to all tokens.")
            return self._layer(x, self.full, number * every + windows, number)

        x = self._repeat("group", groups, x, (self.full, self.window), group)
        return self._window_layers(x, left, groups * every, groups * windows)

    def _window_layers(self, x: Tensor, count: int, layer: Layer, place: Layer) -> Tensor:
        """So many, of which the first is a layer of the model and has a place in the window cache."""

        def step(number: Scalar, x: Tensor) -> Tensor:
            self.function.comment("A layer that attends to a window.")
            return self._layer(x, self.window, number + layer, number + place)

        return self._repeat("step", count, x, (self.window,), step)

    def _repeat(
        self,
        name: str,
        count: int,
        x: Tensor,
        caches: Sequence[Cache],
        body: Callable[[Scalar, Tensor], Tensor],
    ) -> Tensor:
        """A loop whose steps take x and update the caches."""

        def values(x: Tensor) -> Dict[str, Tensor]:
            states = {f"{cache.prefix}_{key}": state for cache in caches for key, state in cache.next.items()}
            return {"x": x, **states}

        def follow(values: Dict[str, Tensor]) -> Tensor:
            for cache in caches:
                cache.next = {key: values[f"{cache.prefix}_{key}"] for key in cache.next}
            return values["x"]

        def step(number: Scalar, before: Dict[str, Tensor]) -> Dict[str, Tensor]:
            return values(body(number, follow(before)))

        return follow(self.function.repeat(count, values(x), step, name))

    def _layer(self, x: Tensor, cache: Cache, layer: Scalar, place: Scalar) -> Tensor:
        """A layer of the model with its place in a cache."""
        mixed = self._attention(self._norm(x, "attention_norm", layer), cache, layer, place)
        x = x + self._norm(mixed, "post_attention_norm", layer)
        self.function.comment("Its feed-forward part.")
        return x + self._norm(self._ffn(self._norm(x, "ffn_norm", layer), layer), "post_ffn_norm", layer)

    def _norm(self, x: Tensor, name: str, layer: Optional[Scalar] = None) -> Tensor:
        return ops.rms_norm(x, self.weights.vector(name, layer), epsilon=self.config.epsilon)

    def _attention(self, rows: Tensor, cache: Cache, layer: Scalar, place: Scalar) -> Tensor:
        config = self.config
        queries, keys = config.heads * config.head_size, config.key_heads * config.head_size

        mixed = self.weights.product(rows, "qkv", layer)
        q = mixed.columns(0, queries).split_heads(config.heads)
        k = mixed.columns(queries, queries + keys).split_heads(config.key_heads)
        v = mixed.columns(queries + keys, queries + 2 * keys).split_heads(config.key_heads)
        q, k = self._norm(q, "query_norm", layer), self._norm(k, "key_norm", layer)
        if cache.turns:
            q, k = self._turn(q, cache), self._turn(k, cache)
        rounded = (x.cast(cache.element) for x in (q, k, v))
        out = cache.attend(place, *rounded, self.tokens).cast("f32")
        return self.weights.product(out.merge_heads(), "output", layer)

    def _turn(self, x: Tensor, cache: Cache) -> Tensor:
        config, is_full = self.config, cache is self.full
        base, scaling = (config.rope_base, config.rope_scaling) if is_full else (config.window_rope_base, 1.0)
        return ops.rotary_embedding(x, self.tokens.positions, base=base, scaling=scaling)

    def _ffn(self, rows: Tensor, layer: Scalar) -> Tensor:
        weights = self.weights
        if isinstance(weights.format.body, str):
            matrices = (weights.matrix(name, layer) for name in ("gate", "up", "down"))
            return ops.gated_ffn(rows, *matrices, activation="gelu_tanh")
        both, hidden = weights.product(rows, "gate_up", layer), self.config.hidden
        gated = both.columns(0, hidden).gelu_tanh() * both.columns(hidden, 2 * hidden)
        return weights.product(gated, "down", layer)

    def _head(self, x: Tensor) -> None:
        self.function.comment("The next token.")
        logits = self.weights.logits(self._norm(x, "final_norm"))
        if self.function.name == "score":
            self.function.output(logits, "logits")
            return
        values, indices = ops.top_k(logits, k=self.design.top_k)
        self.function.output(values, "values")
        self.function.output(indices, "indices")
