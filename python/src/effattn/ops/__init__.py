# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ops of the dialect as functions.

On arrays of NumPy, PyTorch or anything with ``__dlpack__`` they run compiled code, one compilation for
each combination of types, ranks and attributes, and give arrays of the same kind. On the tensors of an
``effattn.Module`` they write IR. Required operands are positional, optional operands and attributes are
keywords; ``lowering`` chooses what runs. States are not changed unless they are donated.
"""

from effattn.ops.attention import attention, merge_attention, systematic_attention
from effattn.ops.caches import (
    SeparatorCache,
    cache_attention,
    kv_cache_append,
    separator_cache_append,
    separator_cache_compact,
    separator_cache_update,
)
from effattn.ops.concepts import (
    boundary_count,
    boundary_mask,
    boundary_probability,
    chunk,
    dechunk,
    ratio_loss,
)
from effattn.ops.embeddings import embedding, lora_embedding, split_embedding, tensor_train_embedding
from effattn.ops.feed_forward import gated_ffn, hourglass_ffn, moe_ffn, moe_route, packed_matmul
from effattn.ops.masks import (
    Mask,
    causal_mask,
    dense_mask,
    document_mask,
    initial_mask,
    length_mask,
    mask_and,
    mask_not,
    mask_or,
    materialize_mask,
    separator_mask,
    separator_positions,
    window_mask,
)
from effattn.ops.memory import (
    address_decode,
    address_memory,
    cyclic_shift,
    product_softmax,
    product_softmax_top_k,
    top_k,
    vector_quantize,
)
from effattn.ops.norms import layer_norm, rms_norm
from effattn.ops.positions import rotary_embedding
from effattn.ops.quantized import quantized_embedding, quantized_matmul

__all__ = [
    "Mask",
    "SeparatorCache",
    "address_decode",
    "address_memory",
    "attention",
    "boundary_count",
    "boundary_mask",
    "boundary_probability",
    "cache_attention",
    "causal_mask",
    "chunk",
    "cyclic_shift",
    "dechunk",
    "dense_mask",
    "document_mask",
    "embedding",
    "gated_ffn",
    "hourglass_ffn",
    "initial_mask",
    "kv_cache_append",
    "layer_norm",
    "length_mask",
    "lora_embedding",
    "mask_and",
    "mask_not",
    "mask_or",
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
    "separator_mask",
    "separator_positions",
    "split_embedding",
    "systematic_attention",
    "tensor_train_embedding",
    "top_k",
    "vector_quantize",
    "window_mask",
]
