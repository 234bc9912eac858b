# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The model: a compressed table, separator attention, a memory, concepts with experts, hourglasses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

import effattn.torch as F
from effattn.error import Error
from effattn.torch.nn import (
    Attention,
    Concepts,
    ConceptStage,
    HourglassFFN,
    MixtureOfExperts,
    RamNet,
    RMSNorm,
    SeparatorAttention,
    TensorTrainEmbedding,
)
from effattn.torch.nn.concepts import Inner

BYTES = 256


@dataclass(frozen=True)
class Config:
    """Sizes of a model.

    Attributes:
        width: columns of the rows between layers.
        rows, columns, ranks: of the table's cores; columns make up the width.
        heads: of every attention.
        encoder, concept_layers, decoder: how many layers are before, in and behind the concepts.
        separators: bytes that all later ones attend to.
        initial, window: what else they attend to.
        blocks, narrow: of the hourglasses.
        experts, chosen, hidden: of the layers of concepts.
        digits, base, kept, value_width: of the memory.
        ratio: bytes a concept to aim at.
        attention: "separator", or "causal" for attention to all earlier bytes.
        memory, concepts: whether there are any; without concepts their layers take every byte.
    """

    width: int = 160
    rows: Tuple[int, ...] = (8, 8, 4)
    columns: Tuple[int, ...] = (4, 8, 5)
    ranks: Tuple[int, ...] = (24, 16)
    heads: int = 5
    encoder: int = 2
    concept_layers: int = 2
    decoder: int = 2
    separators: str = ".,?!;:\n"
    initial: int = 4
    window: int = 64
    blocks: int = 3
    narrow: int = 80
    experts: int = 4
    chosen: int = 2
    hidden: int = 96
    digits: int = 3
    base: int = 8
    kept: int = 4
    value_width: int = 64
    ratio: float = 4.0
    attention: str = "separator"
    memory: bool = True
    concepts: bool = True

    @staticmethod
    def of(values: Mapping[str, Any]) -> "Config":
        """From what a checkpoint has stored."""
        unknown = set(values) - {field.name for field in fields(Config)}
        if unknown:
            raise Error(f"expected a checkpoint of effattn-tiny, but it has sizes {sorted(unknown)}")
        lists = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return Config(**lists)

    def stored(self) -> Dict[str, Any]:
        return asdict(self)


class Output(NamedTuple):
    """What the model makes of bytes."""

    logits: Tensor
    """Of the next byte behind each, ``[B, T, 256]``."""
    p: Tensor
    """How probable it is that a concept begins, ``[B, T]``."""
    boundaries: Tensor
    """Where one does, ``[B, T]``."""
    balance: Tensor
    """How evenly experts were chosen; 1 when all are alike."""


class Text:
    """A text that is there as a whole, as layers see it.

    Args:
        is_separator: which of its bytes are, ``[B, T]``.
    """

    def __init__(self, is_separator: Tensor):
        self.is_separator = is_separator

    def attend(
        self,
        layer: Attention,
        x: Tensor,
        *,
        concepts: Optional[Tensor] = None,
        counts: Optional[Tensor] = None,
    ) -> Tensor:
        """What the rows ``[B, T, C]``, of which each text may have a count of its own, attend to."""
        if isinstance(layer, SeparatorAttention):
            return layer(x, self.is_separator, concepts=concepts)
        return layer(x, F.causal_mask(), concepts=concepts, lengths=counts)

    def access(self, layer: RamNet, x: Tensor) -> Tensor:
        """What the rows read from a memory."""
        return layer(x)[0]

    def merge(self, stage: ConceptStage, x: Tensor, inner: Inner) -> Concepts:
        """The concepts of the rows."""
        return stage(x, inner)


class Layer(nn.Module):
    """Separator attention and an hourglass; joint ones see the concept of every token, too."""

    def __init__(self, config: Config, joint: bool):
        super().__init__()
        self.norm = RMSNorm(config.width)
        self.attention = attention(config, joint)
        self.ffn = HourglassFFN(config.width, config.blocks, config.narrow)

    def forward(self, x: Tensor, text: Text, concepts: Optional[Tensor] = None) -> Tensor:
        return self.ffn(x + text.attend(self.attention, self.norm(x), concepts=concepts))


def attention(config: Config, joint: bool) -> Attention:
    if config.attention == "causal":
        return Attention(config.width, config.heads, joint=joint)
    if config.attention != "separator":
        raise Error(f'expected attention to be "separator" or "causal", but got "{config.attention}"')
    return SeparatorAttention(
        config.width, config.heads, initial=config.initial, window=config.window, joint=joint
    )


class ConceptLayer(nn.Module):
    """Causal attention among concepts, and experts."""

    def __init__(self, config: Config):
        super().__init__()
        self.norm, self.expert_norm = RMSNorm(config.width), RMSNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.experts = MixtureOfExperts(config.width, config.hidden, config.experts, config.chosen)

    def forward(
        self, x: Tensor, text: Text, counts: Optional[Tensor] = None
    ) -> Tuple[Tensor, Tensor]:
        x = x + text.attend(self.attention, self.norm(x), counts=counts)
        out, balance = self.experts(self.expert_norm(x))
        return x + out, balance


class Tiny(nn.Module):
    """A language model of bytes."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.table = TensorTrainEmbedding(config.rows, config.columns, config.ranks, BYTES)
        if self.table.width != config.width:
            raise Error(
                f"expected the columns of the cores to make up the width, but got {config.columns} "
                f"and {config.width}"
            )
        is_separator = torch.zeros(BYTES, dtype=torch.bool)
        is_separator[list(config.separators.encode())] = True
        self.register_buffer("separators", is_separator, persistent=False)
        self.encoder = nn.ModuleList(Layer(config, joint=False) for _ in range(config.encoder))
        if config.memory:
            self.memory_norm = RMSNorm(config.width)
            self.memory = RamNet(
                config.width,
                config.value_width,
                digits=config.digits,
                base=config.base,
                kept=config.kept,
            )
        if config.concepts:
            self.stage = ConceptStage(config.width, jitter=True)
        self.concept_layers = nn.ModuleList(ConceptLayer(config) for _ in range(config.concept_layers))
        self.decoder = nn.ModuleList(Layer(config, joint=config.concepts) for _ in range(config.decoder))
        self.norm = RMSNorm(config.width)
        # The table's rows have about unit columns; logits begin near 0.
        nn.init.constant_(self.norm.weight, config.width**-0.5)

    def forward(self, ids: Tensor) -> Output:
        """The model on bytes ``[B, T]``."""
        return self.read(ids, Text(self.is_separator(ids)))

    def is_separator(self, ids: Tensor) -> Tensor:
        return F.separator_positions(ids, bitmap=self.separators)

    def read(self, ids: Tensor, text: Text) -> Output:
        """The model on bytes ``[B, T]`` that layers see as ``text`` says."""
        x = self.table(ids)
        for layer in self.encoder:
            x = layer(x, text)
        if self.config.memory:
            x = x + text.access(self.memory, self.memory_norm(x))

        balances: List[Tensor] = []

        def think(concepts: Tensor, counts: Optional[Tensor] = None) -> Tensor:
            for layer in self.concept_layers:
                concepts, balance = layer(concepts, text, counts)
                balances.append(balance)
            return concepts

        if self.config.concepts:
            x, concepts, p, boundaries, _ = text.merge(self.stage, x, think)
        else:
            x, concepts, p, boundaries = think(x), None, torch.ones(ids.shape), ids >= 0
        for layer in self.decoder:
            x = layer(x, text, concepts)
        logits = self.table.logits(self.norm(x))
        return Output(logits, p, boundaries, torch.stack(balances).mean())


def parameters(model: nn.Module) -> int:
    """How many numbers were trained."""
    return sum(parameter.numel() for parameter in model.parameters())
