# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the ops compute, in PyTorch, which differentiates it.

Each function has the name of its op in ``torch.ops.effattn`` and its arguments: a mask is a text and
tensors (``effattn.torch.masks``), the state of a separator cache a list of five. What the operands must
agree in is checked before, by ``effattn.torch.library``; here, what the data decide.
"""

from effattn.torch.reference.attention import attention, merge_attention, systematic_attention
from effattn.torch.reference.caches import (
    cache_attention,
    kv_cache_append,
    separator_cache_append,
    separator_cache_compact,
    separator_cache_update,
)
from effattn.torch.reference.concepts import (
    boundary_count,
    boundary_mask,
    boundary_probability,
    chunk,
    dechunk,
    ratio_loss,
)
from effattn.torch.reference.embeddings import (
    embedding,
    lora_embedding,
    split_embedding,
    tensor_train_embedding,
)
from effattn.torch.reference.feed_forward import gated_ffn, hourglass_ffn, moe_ffn, moe_route, packed_matmul
from effattn.torch.reference.masks import materialize_mask, separator_positions
from effattn.torch.reference.memory import (
    address_decode,
    address_memory,
    cyclic_shift,
    product_softmax,
    product_softmax_top_k,
    top_k,
    vector_quantize,
)
from effattn.torch.reference.norms import layer_norm, rms_norm, rotary_embedding
from effattn.torch.reference.quantized import quantized_embedding, quantized_matmul

__all__ = [
    "address_decode",
    "address_memory",
    "attention",
    "boundary_count",
    "boundary_mask",
    "boundary_probability",
    "cache_attention",
    "chunk",
    "cyclic_shift",
    "dechunk",
    "embedding",
    "gated_ffn",
    "hourglass_ffn",
    "kv_cache_append",
    "layer_norm",
    "lora_embedding",
    "materialize_mask",
    "merge_attention",
    "moe_ffn",
    "moe_route",
    "packed_matmul",
    "product_softmax",
    "product_softmax_top_k",
    "quantized_embedding",
    "quantized_matmul",
    "ratio_loss",
    "rms_norm",
    "rotary_embedding",
    "separator_cache_append",
    "separator_cache_compact",
    "separator_cache_update",
    "separator_positions",
    "split_embedding",
    "systematic_attention",
    "tensor_train_embedding",
    "top_k",
    "vector_quantize",
]
