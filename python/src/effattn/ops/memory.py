# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Address memory: sparse addresses from digits, the memory they write and read, and codebooks."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

from effattn import reference
from effattn.ir.attributes import FLAG, INTEGER, INTEGERS, REAL, Choice
from effattn.ir.dims import Dim, product
from effattn.ops.dispatch import Array, apply, op, shape_of
from effattn.ops.op import Op
from effattn.reference.operands import at_least, refuse

_SHIFT = Choice("shift", "flat", "digits", "radix")
_PRODUCT_SOFTMAX = Op("product_softmax", "x[.. U P] float -> out[.. M] f32", temperature=REAL)


def _slots(shape: Sequence[Dim]) -> Any:
    """P to the power of U; a name where P is one."""
    if len(shape) < 2:
        return 0  # refused as an operand
    digits, values = shape[-2:]
    if isinstance(digits, str):
        raise refuse(
            "product_softmax",
            f"expected the digits of x (dim {len(shape) - 2}) to be known, but got {digits}",
        )
    return product([values] * digits)


@op(reference.product_softmax)
def product_softmax(x: Array, *, temperature: float = 1.0, lowering: str = "cpu") -> Array:
    call = _PRODUCT_SOFTMAX.call({"x": x}, sizes={"M": _slots(shape_of(x))}, temperature=temperature)
    return apply(call, lowering)


_TOP_K = Op("top_k", "x[.. M] F -> values[.. K] F, indices[.. K] i32", k=INTEGER)


@op(reference.top_k)
def top_k(x: Array, *, k: int, lowering: str = "cpu") -> Tuple[Array, Array]:
    return apply(_TOP_K.call({"x": x}, fixed={"K": at_least("top_k", "k", k, 0)}, k=k), lowering)


_PRODUCT_SOFTMAX_TOP_K = Op(
    "product_softmax_top_k",
    "x[.. U P] float -> values[.. K] f32, indices[.. K] i32",
    k=INTEGER,
    temperature=REAL,
    normalize=FLAG,
)


@op(reference.product_softmax_top_k)
def product_softmax_top_k(
    x: Array, *, k: int, temperature: float = 1.0, normalize: bool = False, lowering: str = "cpu"
) -> Tuple[Array, Array]:
    call = _PRODUCT_SOFTMAX_TOP_K.call(
        {"x": x},
        fixed={"K": at_least("product_softmax_top_k", "k", k, 0)},
        k=k,
        temperature=temperature,
        normalize=normalize,
    )
    return apply(call, lowering)


_CYCLIC_SHIFT = Op(
    "cyclic_shift",
    "indices[B T K] i32, positions[B T] int -> shifted[B T K] i32",
    mode=_SHIFT,
    digits=INTEGER,
    base=INTEGER,
    periods=INTEGERS,
    steps=INTEGERS,
)


@op(reference.cyclic_shift)
def cyclic_shift(
    indices: Array,
    positions: Array,
    *,
    mode: str,
    digits: int,
    base: int,
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
    lowering: str = "cpu",
) -> Array:
    call = _CYCLIC_SHIFT.call(
        {"indices": indices, "positions": positions},
        mode=mode,
        digits=digits,
        base=base,
        periods=periods,
        steps=steps,
    )
    return apply(call, lowering)


_ADDRESS_DECODE = Op(
    "address_decode",
    "x[B T W] float, positions[B T]? int -> weights[B T K] f32, indices[B T K] i32",
    digits=INTEGER,
    k=INTEGER,
    temperature=REAL,
    normalize=FLAG,
    mode=_SHIFT,
    periods=INTEGERS,
    steps=INTEGERS,
)


@op(reference.address_decode)
def address_decode(
    x: Array,
    *,
    digits: int,
    k: int,
    positions: Optional[Array] = None,
    temperature: float = 1.0,
    normalize: bool = False,
    mode: str = "flat",
    periods: Optional[Sequence[int]] = None,
    steps: Optional[Sequence[int]] = None,
    lowering: str = "cpu",
) -> Tuple[Array, Array]:
    call = _ADDRESS_DECODE.call(
        {"x": x, "positions": positions},
        fixed={"K": at_least("address_decode", "k", k, 0)},
        digits=digits,
        k=k,
        temperature=temperature,
        normalize=normalize,
        mode=mode,
        periods=periods,
        steps=steps,
    )
    return apply(call, lowering)


_ADDRESS_MEMORY = Op(
    "address_memory",
    "write_weights[B T K] f32, write_indices[B T K] i32, values[B T E] F, read_weights[B T Kr] f32,"
    " read_indices[B T Kr] i32, memory[B M E] f32, mass[B M] f32, lengths[B]? int"
    " -> out[B T E] F, memory=memory[B M E] f32, mass=mass[B M] f32",
    gamma=REAL,
    epsilon=REAL,
)


@op(reference.address_memory)
def address_memory(
    write_weights: Array,
    write_indices: Array,
    values: Array,
    read_weights: Array,
    read_indices: Array,
    memory: Array,
    mass: Array,
    *,
    lengths: Optional[Array] = None,
    gamma: float = 1.0,
    epsilon: float = 1e-6,
    donate: bool = False,
    lowering: str = "cpu",
) -> Tuple[Array, Array, Array]:
    operands = {
        "write_weights": write_weights,
        "write_indices": write_indices,
        "values": values,
        "read_weights": read_weights,
        "read_indices": read_indices,
        "memory": memory,
        "mass": mass,
        "lengths": lengths,
    }
    return apply(_ADDRESS_MEMORY.call(operands, gamma=gamma, epsilon=epsilon), lowering, donate)


def _vector_quantize(codes: str) -> Op:
    return Op(
        "vector_quantize",
        f"x[.. C] F, codebook[Q C] float -> codes[{codes}] i32, quantized[.. C] F",
        metric=Choice("metric", "l2", "cosine"),
        groups=INTEGER,
    )


_VECTOR_QUANTIZE, _VECTOR_QUANTIZE_BY_GROUPS = _vector_quantize(".."), _vector_quantize(".. K")


@op(reference.vector_quantize)
def vector_quantize(
    x: Array, codebook: Array, *, metric: str = "l2", groups: int = 1, lowering: str = "cpu"
) -> Tuple[Array, Array]:
    groups = at_least("vector_quantize", "groups", groups, 1)
    call = (_VECTOR_QUANTIZE if groups == 1 else _VECTOR_QUANTIZE_BY_GROUPS).call(
        {"x": x, "codebook": codebook}, fixed={"K": groups}, metric=metric, groups=groups
    )
    return apply(call, lowering)
