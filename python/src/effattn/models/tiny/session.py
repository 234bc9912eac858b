# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Texts on their way through the compiled model; nothing here needs PyTorch.

Bytes are bytes: a prompt may hold any, and what the model writes is shown as UTF-8 where it is that.
"""

from __future__ import annotations

import codecs
import pathlib
import re
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
from tqdm import tqdm

from effattn.arrays import ELEMENTS
from effattn.compiled import Argument, Compiled
from effattn.compress.arrays import at_least
from effattn.error import Error
from effattn.models.generation import Sampler
from effattn.models.store import Store
from effattn.models.tiny.files import WEIGHTS, Steps, Weights, load_weights, steps_for

CHUNK = 64
"""Bytes that a call takes at most."""
COMPILER_OPTIONS = ("--threads=none",)
"""Loops of so small a model are over before threads have met."""
_STATE = "state_"


class Reading(NamedTuple):
    """What the model makes of bytes, ``[B, T, ..]``."""

    logits: np.ndarray
    """Of the next byte behind each."""
    boundaries: np.ndarray
    """Where a concept begins."""
    written: np.ndarray
    """The slots of the memory that each byte wrote to."""
    read: np.ndarray
    """The slots that each read."""


_RESULTS = len(Reading._fields)


class TinyModel:
    """The compiled steps with their weights.

    Attributes:
        weights, steps: what was compiled.
    """

    def __init__(self, library: Compiled, weights: Weights, steps: Steps):
        self.weights, self.steps = weights, steps
        self._functions = {name: library[name] for name in ("prefill", "decode")}
        inputs = self._functions["prefill"].signature.inputs
        self.states = [argument for argument in inputs if argument.name.startswith(_STATE)]
        arrays = {re.sub(r"\W", "_", name): array for name, array in weights.arrays.items()}
        arrays["separators"] = weights.separators
        others = [argument for argument in inputs[1:] if argument not in self.states]
        self._weights = [_checked(argument, arrays) for argument in others]

    @staticmethod
    def open(path: pathlib.Path = WEIGHTS, store: Optional[Store] = None) -> "TinyModel":
        """The model of a file of weights, compiled for this machine where it has not been."""
        weights = load_weights(path)
        steps = steps_for(weights)
        library = (Store() if store is None else store).library(str(steps), "tiny", *COMPILER_OPTIONS)
        return TinyModel(library, weights, steps)

    def call(self, ids: np.ndarray, states: List[np.ndarray]) -> Tuple[Reading, List[np.ndarray]]:
        """Take bytes ``[B, T]``; the states are updated where they are."""
        function = self._functions["decode" if ids.shape[1] == 1 else "prefill"]
        results = function(ids, *states, *self._weights, donate=True)
        return Reading(*results[:_RESULTS]), list(results[_RESULTS:])

    def start(self, batch: int = 1, chunk: int = CHUNK) -> "Session":
        """Texts that nothing was read of."""
        return Session(self, batch, chunk)

    @property
    def cached_byte(self) -> int:
        """Bytes that keys and values of one byte take in all layers with attention."""
        return sum(_entry(state) for state in self.states if state.name.endswith(("_keys", "_values")))


def _checked(argument: Argument, arrays: Dict[str, np.ndarray]) -> np.ndarray:
    """The weights for an input."""
    found, wanted = arrays.get(argument.name), " x ".join(map(str, argument.shape))
    if found is None:
        raise Error(f"expected weights of effattn-tiny to have {argument.name}, but they have none")
    if found.shape != argument.shape:
        shape = " x ".join(map(str, found.shape))
        raise Error(f"expected weights of effattn-tiny to have {argument.name} of {wanted}, but got {shape}")
    return np.ascontiguousarray(found, ELEMENTS[argument.type].dtype)


def _entry(state: Argument) -> int:
    """Bytes of an entry of a cache, ``[B, H, N, D]``."""
    _, heads, _, size = state.shape
    return int(heads) * int(size) * ELEMENTS[state.type].dtype.itemsize


class Session:
    """Texts of a batch, and what the model remembers of them.

    Attributes:
        chunk: bytes that a call takes at most; ``read`` makes as many calls as it needs.
        seen: bytes that each text has had.
        states: by name.
    """

    def __init__(self, model: TinyModel, batch: int, chunk: int):
        at_least("batch", batch, 1)
        self.model, self.chunk = model, at_least("chunk", chunk, 1)
        self.seen = 0
        config = model.weights.config
        bounded = model.steps.bounds.capacity(config["initial"], config["window"]) + chunk
        names = {argument.name for argument in model.states}
        self.states: Dict[str, np.ndarray] = {}
        # A cache without flags keeps whatever it is given, and grows.
        self._growing: List[str] = []
        for argument in model.states:
            layer, _, field = argument.name.rpartition("_")
            entries = bounded
            if field in ("keys", "values") and f"{layer}_flags" not in names:
                self._growing.append(argument.name)
                entries = chunk
            shape = [size if isinstance(size, int) else entries for size in argument.shape]
            self.states[argument.name] = np.zeros([batch, *shape[1:]], ELEMENTS[argument.type].dtype)

    @property
    def used(self) -> int:
        """Bytes of the states, of caches that grow those of entries that are there."""
        total = sum(state.nbytes for name, state in self.states.items() if name not in self._growing)
        for name in self._growing:
            entries = int(self.states[self._length(name)].sum())
            total += entries * self.states[name][0, :, 0].nbytes
        return total

    def _length(self, name: str) -> str:
        return f"{name.rpartition('_')[0]}_length"

    def read(self, text: Any) -> Reading:
        """Read more of the texts: bytes of one, or ``[B, T]``."""
        ids = np.frombuffer(text, np.uint8) if isinstance(text, (bytes, bytearray)) else np.asarray(text)
        ids = np.atleast_2d(ids).astype(np.int64)
        if not ids.shape[1]:
            raise Error("expected at least one byte to read, but got none")
        places = tqdm(range(0, ids.shape[1], self.chunk), desc="reading", delay=1, leave=False, disable=None)
        parts = [self._step(ids[:, place : place + self.chunk]) for place in places]
        return Reading(*(np.concatenate(arrays, 1) for arrays in zip(*parts)))

    def _step(self, ids: np.ndarray) -> Reading:
        for name in self._growing:
            self._make_room(name, ids.shape[1])
        reading, states = self.model.call(ids, list(self.states.values()))
        self.states = dict(zip(self.states, states))
        self.seen += ids.shape[1]
        return reading

    def _make_room(self, name: str, tokens: int) -> None:
        """Let a cache grow to twice its size where a step may need more."""
        state = self.states[name]
        needed, entries = int(self.states[self._length(name)].max()) + tokens, state.shape[2]
        if needed > entries:
            more = max(needed - entries, entries)
            self.states[name] = np.pad(state, ((0, 0), (0, 0), (0, more), (0, 0)))


class Writing:
    """A text in the making: iterate over it for its pieces.

    Attributes:
        text: the bytes of the prompt and those that follow so far.
        reading: what the model made of them, but for the last.
        prompt_seconds, seconds: what they took.
    """

    def __init__(self, session: Session, prompt: bytes, sampler: Sampler, count: int):
        if not prompt:
            raise Error("expected a prompt of at least one byte, but it is empty")
        at_least("bytes", count, 0)
        self._session, self._sampler, self._count, self._prompt = session, sampler, count, prompt
        self.text = bytearray(prompt)
        self._readings: List[Reading] = []
        self.prompt_seconds = self.seconds = 0.0

    @property
    def reading(self) -> Reading:
        return Reading(*(np.concatenate(arrays, 1)[0] for arrays in zip(*self._readings)))

    def __iter__(self) -> Iterator[str]:
        began = time.perf_counter()
        self._readings = [self._session.read(self._prompt)]
        self.prompt_seconds = time.perf_counter() - began
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # A prompt may end within a character.
        decoder.decode(self._prompt)
        for number in range(self._count):
            began = time.perf_counter()
            logits = self._readings[-1].logits[0, -1]
            order = np.argsort(-logits, kind="stable")
            byte = self._sampler(logits[order], order)
            self.text.append(byte)
            if number + 1 < self._count:
                self._readings.append(self._session.read(bytes([byte])))
            self.seconds += time.perf_counter() - began
            piece = decoder.decode(bytes([byte]))
            if piece:
                yield piece
        rest = decoder.decode(b"", final=True)
        if rest:
            yield rest
