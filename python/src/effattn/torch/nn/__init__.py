# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The five systems as modules of PyTorch, whose forward uses the ops of ``effattn.torch``.

They train like any other module, and ``effattn.compile(module, example_inputs)`` compiles them, alone or as
parts of a model. Linear maps are stored ``[inputs, outputs]``, as the ops take them.
"""

from effattn.torch.nn.attention import Attention, KVCache, SeparatorAttention
from effattn.torch.nn.concepts import ConceptPast, Concepts, ConceptStage
from effattn.torch.nn.embeddings import (
    LowRankEmbedding,
    QuantizedEmbedding,
    SplitEmbedding,
    TensorTrainEmbedding,
)
from effattn.torch.nn.feed_forward import GatedFFN, HourglassFFN, MixtureOfExperts, RMSNorm
from effattn.torch.nn.memory import Access, Memory, RamNet

__all__ = [
    "Access",
    "Attention",
    "ConceptPast",
    "ConceptStage",
    "Concepts",
    "GatedFFN",
    "HourglassFFN",
    "KVCache",
    "LowRankEmbedding",
    "Memory",
    "MixtureOfExperts",
    "QuantizedEmbedding",
    "RMSNorm",
    "RamNet",
    "SeparatorAttention",
    "SplitEmbedding",
    "TensorTrainEmbedding",
]
