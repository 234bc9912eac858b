# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model as a step over new bytes, with all that it remembers as inputs and results.

The layers are those of the whole text. A step takes one byte or many, and any split of a text into steps
gives the same, as long as no more separators lie behind the window than ``Bounds`` keeps.
"""

from __future__ import annotations

import pathlib
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch import Tensor
from torch.export import Dim
from torch.utils import _pytree as pytree

from effattn.error import Error
from effattn.ir import Module
from effattn.models.tiny.bounds import Bounds
from effattn.models.tiny.files import Steps, load_weights, plain
from effattn.models.tiny.model import Config, Text, Tiny
from effattn.models.tiny.training import load_model
from effattn.torch.nn import Attention, Concepts, ConceptStage, RamNet, SeparatorAttention
from effattn.torch.nn.concepts import Inner
from effattn.torch.program import Program, export

State = Dict[str, Any]
"""How many bytes each text had, ``seen``, and what each layer remembers, under its name."""


class Step(NamedTuple):
    """What the model makes of new bytes."""

    logits: Tensor
    """Of the next byte behind each, ``[B, T, 256]``."""
    boundaries: Tensor
    """Where a concept begins, ``[B, T]``."""
    written: Tensor
    """The slots of the memory that each byte wrote to, ``[B, T, K]``."""
    read: Tensor
    """The slots that each byte read."""
    state: State
    """What the next step takes."""


class Continued(Text):
    """New bytes of texts, as layers see them that remember what was before.

    Attributes:
        state: what they remember, and will when they have seen the bytes.
        written, read: slots of the memory; none where there is no memory.
    """

    def __init__(self, model: "Streaming", ids: Tensor, state: State):
        super().__init__(model.is_separator(ids))
        self._bounds, self._names = model.bounds, model.layer_names
        seen, tokens = state["seen"], ids.shape[1]
        self._positions = seen[:, None] + torch.arange(tokens, device=ids.device)
        self.state = {**state, "seen": seen + tokens}
        self.written = self.read = torch.zeros(*ids.shape, 0, dtype=torch.int32)

    def attend(
        self,
        layer: Attention,
        x: Tensor,
        *,
        concepts: Optional[Tensor] = None,
        counts: Optional[Tensor] = None,
    ) -> Tensor:
        name = self._names[layer]
        cache = self.state[name]
        if isinstance(layer, SeparatorAttention):
            out, self.state[name] = layer.step(
                x,
                self.is_separator,
                cache,
                positions=self._positions,
                separators=self._bounds.separators,
                capacity=self._bounds.capacity(layer.initial, layer.window),
                concepts=concepts,
            )
        else:
            out, self.state[name] = layer.step(x, cache, concepts=concepts, lengths=counts)
        return out

    def access(self, layer: RamNet, x: Tensor) -> Tensor:
        name = self._names[layer]
        found = layer.access(x, positions=self._positions, memory=self.state[name])
        self.state[name], self.written, self.read = found.memory, found.written, found.read
        return found.out

    def merge(self, stage: ConceptStage, x: Tensor, inner: Inner) -> Concepts:
        name = self._names[stage]
        found = stage(x, inner, past=self.state[name])
        self.state[name] = found.past
        return found


class Streaming(Tiny):
    """The model as a step; it has the weights of ``Tiny``.

    Args:
        config: of the model.
        bounds: of the caches of layers that attend to separators.
    """

    def __init__(self, config: Config = Config(), bounds: Bounds = Bounds()):
        super().__init__(config)
        self.bounds = bounds
        kinds = (SeparatorAttention, Attention, RamNet, ConceptStage)
        self.layer_names = {
            layer: name.replace(".", "_") for name, layer in self.named_modules() if isinstance(layer, kinds)
        }

    @staticmethod
    def of(model: Tiny, bounds: Bounds = Bounds()) -> "Streaming":
        """The same model as a step."""
        streaming = Streaming(model.config, bounds).to(next(model.parameters()).dtype)
        streaming.load_state_dict(model.state_dict())
        return streaming.train(model.training)

    def start(self, batch: int, *, tokens: int, concepts: int) -> State:
        """What texts begin with, for steps of at most ``tokens`` and texts of at most ``concepts``."""
        state: State = {"seen": torch.zeros(batch, dtype=torch.int64)}
        for layer, name in self.layer_names.items():
            if isinstance(layer, SeparatorAttention):
                capacity = self.bounds.capacity(layer.initial, layer.window)
                state[name] = layer.start(batch, capacity + tokens)
            elif isinstance(layer, Attention):
                state[name] = layer.start(batch, concepts)
            elif isinstance(layer, RamNet):
                state[name] = layer.start(self.norm.weight.expand(batch, 1, -1))
            else:
                state[name] = layer.start(batch)
        return state

    def forward(self, ids: Tensor, state: State) -> Step:  # type: ignore[override]
        """New bytes ``[B, T]``."""
        text = Continued(self, ids, state)
        output = self.read(ids, text)
        return Step(output.logits, output.boundaries, text.written, text.read, text.state)


def write(model: Streaming) -> Steps:
    """The steps as IR: ``prefill`` takes bytes ``[B, T]``, ``decode`` one of each text, ``[B, 1]``.

    Texts, bytes and entries of caches may be as many as one likes.
    """
    module = Module()
    for name, tokens in (("prefill", 8), ("decode", 1)):
        ids = torch.zeros(2, tokens, dtype=torch.int64)
        state = model.start(2, tokens=16, concepts=16)
        sizes = [Dim.AUTO, Dim.AUTO if tokens > 1 else Dim.STATIC]
        shapes = (sizes, pytree.tree_map_with_path(_sizes, state))
        Program(export(model.eval(), (ids, state), shapes), name, module)
    return Steps(plain(model.config.stored()), model.bounds, str(module))


def _sizes(path: Any, value: Tensor) -> List[Any]:
    """Which sizes of a part of the state may vary: of texts, and of entries."""
    entries = {"keys": 2, "values": 2, "flags": 1}.get(getattr(path[-1], "name", ""))
    return [Dim.AUTO if dim in (0, entries) else Dim.STATIC for dim in range(value.dim())]


def load_tiny(path: pathlib.Path) -> Tiny:
    """A trained model, of PyTorch's file or of safetensors."""
    if path.suffix != ".safetensors":
        return load_model(path)
    weights = load_weights(path)
    model = Tiny(Config.of(weights.config))
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.arrays.items()})
    except RuntimeError as problem:
        sentence = str(problem).splitlines()[-1].strip()
        raise Error(f"expected {path} to have the weights of its sizes, but {sentence}") from None
    return model.eval()
