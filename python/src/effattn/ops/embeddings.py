# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Embedding tables, whole and made of smaller ones."""

from __future__ import annotations

from typing import Optional

from effattn import reference
from effattn.ir.attributes import INTEGER, REAL, Choice
from effattn.ir.dims import product
from effattn.ops.dispatch import Array, apply, op, shape_of, total
from effattn.ops.op import Op
from effattn.reference.operands import refuse

_EMBEDDING = Op("embedding", "ids[..] int, table[V C] F -> out[.. C] F")


@op(reference.embedding)
def embedding(ids: Array, table: Array, *, lowering: str = "cpu") -> Array:
    return apply(_EMBEDDING.call({"ids": ids, "table": table}), lowering)


_TENSOR_TRAIN_EMBEDDING = Op(
    "tensor_train_embedding", "ids[..] int, cores[_ _ _ _]* F -> out[.. C] F", vocabulary=INTEGER
)


@op(reference.tensor_train_embedding)
def tensor_train_embedding(
    ids: Array, *cores: Array, vocabulary: Optional[int] = None, lowering: str = "cpu"
) -> Array:
    if not cores:
        raise refuse("tensor_train_embedding", "expected at least one core, but got none")
    # A core of another rank is refused as an operand.
    width = product([shape_of(core)[2] for core in cores if len(shape_of(core)) > 2])
    call = _TENSOR_TRAIN_EMBEDDING.call(
        {"ids": ids, "cores": cores}, sizes={"C": width}, vocabulary=vocabulary
    )
    return apply(call, lowering)


def _lora_embedding(weights: str) -> Op:
    return Op(
        "lora_embedding",
        f"ids[..] int, table[V C] F, a[Dn V R] float, b[Dn R C] float, weights[{weights}]? float -> out[.. C] F",
        alpha=REAL,
    )


_LORA_EMBEDDING, _LORA_EMBEDDING_BY_ROW = _lora_embedding("Dn"), _lora_embedding("_ Dn")


@op(reference.lora_embedding)
def lora_embedding(
    ids: Array,
    table: Array,
    a: Array,
    b: Array,
    *,
    weights: Optional[Array] = None,
    alpha: float = 1.0,
    lowering: str = "cpu",
) -> Array:
    by_row = weights is not None and len(shape_of(weights)) == 2
    call = (_LORA_EMBEDDING_BY_ROW if by_row else _LORA_EMBEDDING).call(
        {"ids": ids, "table": table, "a": a, "b": b, "weights": weights}, alpha=alpha
    )
    return apply(call, lowering)


_SPLIT_EMBEDDING = Op(
    "split_embedding",
    "ids[..] int, invariant[Vi Ci] F, variant[Vv Cv] float, invariant_map[V]? int, variant_map[V]? int"
    " -> out[.. W] F",
    combine=Choice("combine", "add", "concat"),
)


@op(reference.split_embedding)
def split_embedding(
    ids: Array,
    invariant: Array,
    variant: Array,
    *,
    invariant_map: Optional[Array] = None,
    variant_map: Optional[Array] = None,
    combine: str = "add",
    lowering: str = "cpu",
) -> Array:
    width = shape_of(invariant)[-1:] or (0,)
    if combine == "concat":
        width = (*width, *shape_of(variant)[-1:])
    call = _SPLIT_EMBEDDING.call(
        {
            "ids": ids,
            "invariant": invariant,
            "variant": variant,
            "invariant_map": invariant_map,
            "variant_map": variant_map,
        },
        sizes={"W": total(width)},
        combine=combine,
    )
    return apply(call, lowering)
