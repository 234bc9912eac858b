# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What every op means, in NumPy float64, written for reading.

Required operands are positional in the order of the op's definition, optional operands and
attributes are keywords under their names there; results come as one array or a tuple in order.
Operands are never changed: state goes in as an array and the next state comes out as a new one.
"""

from effattn.reference.attention import attention, merge_attention
from effattn.reference.concepts import (
    boundary_count,
    boundary_mask,
    boundary_probability,
    chunk,
    dechunk,
    ratio_loss,
)
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
)

__all__ = [
    "Mask",
    "address_decode",
    "address_memory",
    "attention",
    "boundary_count",
    "boundary_mask",
    "boundary_probability",
    "causal_mask",
    "chunk",
    "cyclic_shift",
    "dechunk",
    "dense_mask",
    "document_mask",
    "initial_mask",
    "length_mask",
    "mask_and",
    "mask_not",
    "mask_or",
    "materialize_mask",
    "merge_attention",
    "product_softmax",
    "product_softmax_top_k",
    "ratio_loss",
    "separator_mask",
    "separator_positions",
    "top_k",
    "window_mask",
]
