# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every op means, in NumPy float64, written for reading.

Required operands are positional in the order of the op's definition, optional operands and
attributes are keywords under their names there; results come as one array or a tuple in order.
Operands are never changed: state goes in as an array and the next state comes out as a new one.
"""

from effattn.reference.attention import attention, merge_attention, systematic_attention
from effattn.reference.caches import SeparatorCache, cache_attention, kv_cache_append
from effattn.reference.concepts import (
    boundary_count,
    boundary_mask,
    boundary_probability,
    chunk,
    dechunk,
    ratio_loss,
)
from effattn.reference.embeddings import embedding, lora_embedding, split_embedding, tensor_train_embedding
from effattn.reference.feed_forward import gated_ffn, hourglass_ffn, moe_ffn, moe_route, packed_matmul
from effattn.reference.masks import (
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
from effattn.reference.memory import (
    address_decode,
    address_memory,
    cyclic_shift,
    product_softmax,
    product_softmax_top_k,
    top_k,
    vector_quantize,
)
from effattn.reference.norms import layer_norm, rms_norm
from effattn.reference.positions import rotary_embedding
from effattn.reference.quantized import quantized_embedding, quantized_matmul
from effattn.reference.separator_cache import (
    separator_cache_append,
    separator_cache_compact,
    separator_cache_update,
)

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
