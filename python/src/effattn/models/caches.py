# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The caches of layers as states of a function: what they hold and how a layer attends over them.

A cache stands for layers of one kind. Their keys and values are stacked, the layer first; lengths and
flags, which depend on the tokens alone, are there once.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

from effattn import ops
from effattn.ir import Function, Scalar, Tensor
from effattn.models.attention import Attention
from effattn.models.config import Config
from effattn.ops import Mask, SeparatorCache


class Tokens(NamedTuple):
    """The new tokens of a call, as all layers see them."""

    lengths: Tensor
    """How many each row has."""
    seen: Tensor
    """How many each row had before, and the position of the first new one."""
    after: Tensor
    """How many it has with them."""
    positions: Tensor
    flags: Tensor
    """Which of them are separators."""


class Cache:
    """Keys and values of the tokens so far, and what else a kind of cache remembers.

    Attributes:
        types: of the states, by name. ``entries`` is the name of the size that they are allocated with.
        element: of keys and values, and of the queries that meet them.
        next: what has become of the states.
        turns: whether queries and keys come turned by their positions.
    """

    turns = True

    def __init__(self, prefix: str, config: Config, element: str, layers: int, entries: str):
        self.prefix, self.element = prefix, element
        stacked = f"{element}[{layers}, B, {config.key_heads}, {entries}, {config.head_size}]"
        self.types: Dict[str, str] = {"keys": stacked, "values": stacked}
        self.states: Dict[str, Tensor] = {}

    def input(self, function: Function) -> None:
        """Make the states inputs of a function."""
        self.states = {
            name: function.input(f"{self.prefix}_{name}", type) for name, type in self.types.items()
        }
        self.next = dict(self.states)

    def output(self, function: Function) -> None:
        """Make what became of the states outputs."""
        for name, state in self.next.items():
            function.output(state, f"next_{self.prefix}_{name}")

    def attend(self, layer: Scalar, q: Tensor, k: Tensor, v: Tensor, tokens: Tokens) -> Tensor:
        """Take new keys and values, ``[B, G, T, D]``, and give what the queries attend to."""
        raise NotImplementedError

    def _store(self, layer: Scalar, keys: Tensor, values: Tensor, **others: Tensor) -> None:
        self.next["keys"] = self.next["keys"].with_part(layer, keys)
        self.next["values"] = self.next["values"].with_part(layer, values)
        self.next.update(others)


class LinearCache(Cache):
    """All tokens, each attended to by all behind it."""

    def attend(self, layer: Scalar, q: Tensor, k: Tensor, v: Tensor, tokens: Tokens) -> Tensor:
        parts = (self.next[name].part(layer) for name in ("keys", "values"))
        keys, values, _ = ops.kv_cache_append(*parts, tokens.seen, k, v, lengths=tokens.lengths)
        self._store(layer, keys, values)
        return ops.attention(
            q, keys, values, mask=ops.causal_mask(), lengths=tokens.lengths, key_lengths=tokens.after
        )


class FlaggedCache(Cache):
    """A cache with the state of a separator cache."""

    def __init__(self, prefix: str, config: Config, element: str, layers: int, entries: str, layout: Dict[str, Any]):
        super().__init__(prefix, config, element, layers, entries)
        self.types.update(flags=f"bool[B, {entries}]", length="i64[B]", separator_end="i64[B]")
        self.layout = {**layout, "when": "after_attention"}

    def _state(self, layer: Scalar) -> SeparatorCache:
        """The state of a layer at the start."""
        parts = (self.next[name].part(layer) for name in ("keys", "values"))
        return SeparatorCache(*parts, *(self.states[name] for name in ("flags", "length", "separator_end")))

    def _append(self, layer: Scalar, k: Tensor, v: Tensor, tokens: Tokens) -> SeparatorCache:
        return ops.separator_cache_append(
            self._state(layer), k, v, tokens.flags, lengths=tokens.lengths, **self.layout
        )

    def _keep(self, layer: Scalar, state: SeparatorCache) -> None:
        self._store(layer, **state._asdict())


class SeparatorMaskCache(FlaggedCache):
    """All tokens, of which the first, separators and a window are attended to. Nothing is forgotten."""

    def __init__(self, prefix: str, config: Config, element: str, layers: int, entries: str, attention: Attention):
        layout = {"initial": 0, "separators": 0, "window": 0, "capacity": 0}
        super().__init__(prefix, config, element, layers, entries, layout)
        self.initial, self.window = attention.initial, attention.window

    def attend(self, layer: Scalar, q: Tensor, k: Tensor, v: Tensor, tokens: Tokens) -> Tensor:
        state = self._append(layer, k, v, tokens)
        self._keep(layer, state)
        mask = ops.separator_mask(state.flags, initial=self.initial, window=self.window)
        return _attend(q, state, mask, tokens)


class WindowCache(FlaggedCache):
    """The newest tokens, of which each attends to a window.

    Entries stay in order, which a ring would not keep: so a tile of queries looks at its own keys alone.
    Once there are ``slack`` more than the window needs, those fall out all at once.
    """

    def __init__(self, prefix: str, config: Config, element: str, layers: int, entries: str, slack: int):
        self.window = config.window
        layout = {"initial": 0, "separators": 0, "window": self.window, "capacity": self.window + slack}
        super().__init__(prefix, config, element, layers, entries, layout)

    def attend(self, layer: Scalar, q: Tensor, k: Tensor, v: Tensor, tokens: Tokens) -> Tensor:
        state = self._append(layer, k, v, tokens)
        out = _attend(q, state, ops.causal_mask() & ops.window_mask(size=self.window), tokens)
        self._keep(layer, ops.separator_cache_compact(state, **self.layout))
        return out


class BoundedCache(FlaggedCache):
    """The first tokens, the newest separators and a window; the place of an entry is its position."""

    turns = False

    def __init__(self, prefix: str, config: Config, element: str, layers: int, entries: str, attention: Attention):
        layout = {
            "initial": attention.initial,
            "separators": attention.kept_separators,
            "window": attention.window,
            "capacity": attention.capacity,
        }
        super().__init__(prefix, config, element, layers, entries, layout)
        self.rope_base = config.rope_base

    def attend(self, layer: Scalar, q: Tensor, k: Tensor, v: Tensor, tokens: Tokens) -> Tensor:
        state, out = ops.separator_cache_update(
            self._state(layer),
            k,
            v,
            tokens.flags,
            q=q,
            lengths=tokens.lengths,
            rope_base=self.rope_base,
            **self.layout,
        )
        self._keep(layer, state)
        return out


def _attend(q: Tensor, state: SeparatorCache, mask: Mask, tokens: Tokens) -> Tensor:
    return ops.attention(
        q, state.keys, state.values, mask=mask, lengths=tokens.lengths, key_lengths=state.length
    )


def full_cache(config: Config, attention: Attention, element: str) -> Cache:
    """The cache of the full layers."""
    layers = len(config.full_layers)
    if attention.kind == "full":
        return LinearCache("full", config, element, layers, "S")
    kind = BoundedCache if attention.is_bounded else SeparatorMaskCache
    return kind("full", config, element, layers, "S", attention)


def window_cache(config: Config, attention: Attention, element: str) -> Cache:
    """The cache of the window layers."""
    layers = len(config.window_layers)
    return WindowCache("window", config, element, layers, "W", attention.window_slack)
