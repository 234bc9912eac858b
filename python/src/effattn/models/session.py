# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A text on its way through a compiled model: the caches, and the calls that fill them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from effattn.arrays import ELEMENTS
from effattn.compiled import Compiled
from effattn.compress.arrays import at_least
from effattn.error import Error
from effattn.ir.dims import parse_type
from effattn.models.graph import FUNCTIONS, Design

CHUNK = 512
"""Tokens that a call takes at most."""


class CompiledModel:
    """Functions of a model with their weights.

    Attributes:
        design: what was compiled.
    """

    def __init__(
        self,
        design: Design,
        library: Compiled,
        weights: Mapping[str, np.ndarray],
        separators: Optional[np.ndarray] = None,
    ):
        if design.attention.needs_separators:
            if separators is None:
                raise Error(f"expected separators with attention {design.attention.kind}, but got none")
            weights = {"separators": separators, **weights}
        self.design = design
        self._weights = list(weights.values())
        self._functions = {name: library[name] for name in FUNCTIONS if name in library.functions}

    def call(
        self, name: str, ids: np.ndarray, lengths: np.ndarray, states: List[np.ndarray]
    ) -> Tuple[Tuple[Any, ...], Tuple[np.ndarray, ...]]:
        """The results of a function, and what became of the states; large ones are updated where they are."""
        if name not in self._functions:
            raise Error(f"expected the library to have the function {name}, but it has none")
        results = self._functions[name](ids, lengths, *states, *self._weights, donate=True)
        count = len(results) - len(states)
        return results[:count], results[count:]

    def start(self, batch: int = 1, *, context: Optional[int] = None, chunk: int = CHUNK) -> "Session":
        """Empty caches for texts of at most ``context`` tokens, taken at most ``chunk`` at once."""
        return Session(self, batch, self.design.config.context if context is None else context, chunk)


class Session:
    """Texts of a batch, and what the model remembers of them.

    Attributes:
        context: tokens that a text may have; any number (None) where the caches are bounded.
        chunk: tokens that a call takes at most; ``prefill`` makes as many calls as it needs.
        states: by name, as the functions of the model have them.
    """

    def __init__(self, model: CompiledModel, batch: int, context: int, chunk: int):
        for name, size in (("batch", batch), ("context", context), ("chunk", chunk)):
            at_least(name, size, 1)
        attention, config = model.design.attention, model.design.config
        self.model, self.chunk = model, chunk
        self.context = None if attention.is_bounded else context
        sizes = {
            "B": batch,
            # A cache that compacts at every token has room for one more.
            "S": attention.capacity + 1 if attention.is_bounded else context,
            # One that compacts after a call has room for those of a call.
            "W": config.window + attention.window_slack + chunk,
        }
        self.states: Dict[str, np.ndarray] = {}
        for name, type in model.design.state_types.items():
            element, shape = parse_type(type)
            assert shape is not None
            self.states[name] = np.zeros([sizes.get(dim, dim) for dim in shape], ELEMENTS[element].dtype)

    @property
    def seen(self) -> np.ndarray:
        """How many tokens each text has had, ``[B]``."""
        return self.states["seen"]

    @property
    def nbytes(self) -> int:
        """Of the caches."""
        return sum(state.nbytes for state in self.states.values())

    def forget(self) -> None:
        """Begin new texts."""
        for state in self.states.values():
            state.fill(0)

    def prefill(self, ids: Any, lengths: Any = None) -> None:
        """Take tokens, ``[B, T]`` or ``[T]``, of which each text has its number; all without ``lengths``."""
        ids, lengths = self._tokens(ids, lengths)
        for start in range(0, ids.shape[1], self.chunk):
            part = ids[:, start : start + self.chunk]
            self._call("prefill", part, np.clip(lengths - start, 0, part.shape[1]))

    def decode(self, ids: Any, lengths: Any = None) -> Tuple[np.ndarray, np.ndarray]:
        """Take one token of each text, ``[B]``, and give the largest logits of the next and their ids.

        A text of length 0 takes none, and its results mean nothing.
        """
        ids, lengths = self._tokens(np.reshape(ids, (-1, 1)), lengths)
        values, indices = self._call("decode", ids, lengths)
        return values[:, 0], indices[:, 0]

    def score(self, ids: Any, lengths: Any = None) -> np.ndarray:
        """Take at most ``chunk`` tokens, and give the logits of the next after each, ``[B, T, V]``."""
        ids, lengths = self._tokens(ids, lengths)
        if ids.shape[1] > self.chunk:
            raise Error(f"expected at most {self.chunk} tokens at once, but got {ids.shape[1]}")
        (logits,) = self._call("score", ids, lengths)
        return logits

    def _tokens(self, ids: Any, lengths: Any) -> Tuple[np.ndarray, np.ndarray]:
        batch = len(self.seen)
        ids = np.atleast_2d(np.asarray(ids, np.int32))
        if ids.ndim != 2 or len(ids) != batch:
            raise Error(f"expected ids of {batch} texts (B x T), but got {' x '.join(map(str, ids.shape))}")
        lengths = np.full(batch, ids.shape[1]) if lengths is None else np.asarray(lengths, np.int64)
        if lengths.shape != (batch,) or np.any((lengths < 0) | (lengths > ids.shape[1])):
            raise Error(f"expected {batch} lengths of at most {ids.shape[1]}, but got {lengths.tolist()}")
        self.check_room(int(np.max(self.seen + lengths)))
        return ids, lengths

    def check_room(self, tokens: int) -> None:
        """Refuse texts of more tokens than the caches can hold."""
        if self.context is not None and tokens > self.context:
            kind = self.model.design.attention.kind
            raise Error(
                f"expected at most {self.context} tokens with attention {kind}, but got {tokens}: "
                "give a larger context, or choose separator-cache or streaming"
            )

    def _call(self, name: str, ids: np.ndarray, lengths: np.ndarray) -> Tuple[Any, ...]:
        results, states = self.model.call(name, ids, lengths, list(self.states.values()))
        self.states.update(zip(self.states, states))
        return results
